//! `tracewatt capture`.

use super::compiler;
use crate::cli::invocation::Capture;
use crate::cli::terminal::Terminal;
use crate::daemon;
use crate::exit::Exit;
use crate::session::load_session;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{Write, stdout};
use std::path::Path;
use std::sync::Arc;
use tracewatt_core::count::counted;

/// Runs the command, until it is told to end.
pub fn run(command: Capture, terminal: &Terminal) -> Result<Exit> {
    let Capture { output, config } = command;
    let session = load_session(&config, &compiler(terminal))?;
    let out: Box<dyn Write + Send> =
        if output == Path::new("-") { Box::new(stdout()) } else { Box::new(create(&output)?) };
    let mut capture = daemon::Capture::start(session, out, &(Arc::new(terminal.notes()) as _))?;
    capture.wait();
    terminal.note(&written(&capture.finish()?, &output));
    Ok(Exit::Ok)
}

/// Makes the file of a capture.
pub fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// Says what was written.
pub fn written(captured: &daemon::Captured, path: &Path) -> String {
    let spans = counted(captured.spans, "span");
    let place = if path == Path::new("-") { String::new() } else { format!(" to {}", path.display()) };
    format!("wrote {spans} of {}{place}", counted(captured.exports, "export"))
}
