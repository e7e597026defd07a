//! `tracewatt watch`.

use super::default_acknowledgments;
use crate::cli::invocation::{ConfigSource, Watch};
use crate::cli::terminal::Terminal;
use crate::compiled::Compiler;
use crate::config::{FILE, OTHER_FILE, PluginSource, Raw};
use crate::daemon::{self, Origin};
use crate::exit::Exit;
use crate::session::{self, load_session};
use crate::trust::{lock, signature};
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs the command, until it is told to end.
pub fn run(command: Watch, terminal: &Terminal) -> Result<Exit> {
    let tell = Arc::new(terminal.notes());
    let (source, note) = (command.config.clone(), tell.clone());
    let origin = Origin {
        load: Box::new(move || load_session(&source, &Compiler::apart(|text| note(text)))),
        files: Box::new(move || files(&command.config)),
    };
    daemon::run(origin, tell)?;
    Ok(Exit::Ok)
}

/// Names the files that configuration, acknowledgments and plug-ins come from. A configuration that cannot be read
/// names no others.
fn files(source: &ConfigSource) -> Vec<PathBuf> {
    let mut files = match &source.file {
        Some(path) => vec![path.clone()],
        None => [FILE, OTHER_FILE].map(PathBuf::from).to_vec(),
    };
    let raw = session::raw(source).ok();
    let configuration = raw.as_ref().map_or(source.file.as_deref(), |raw| raw.file.as_deref());
    files.push(lock::beside(configuration));
    for plugin in raw.iter().flat_map(Raw::plugins) {
        if let PluginSource::Path(path) = plugin.source {
            files.push(signature::beside(&path));
            files.push(path);
        }
    }
    let acknowledgments = raw.as_ref().and_then(Raw::acknowledgments);
    files.push(acknowledgments.unwrap_or_else(default_acknowledgments));
    files
}
