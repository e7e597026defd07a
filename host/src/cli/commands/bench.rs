//! `tracewatt bench`.

use super::{compiler, today};
use crate::analysis::Judgement;
use crate::bench;
use crate::cli::invocation::{Bench, Environment};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::session::load_session;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};

/// Runs the command.
pub fn run(command: Bench, terminal: &Terminal) -> Result<Exit> {
    if let Some(path) = &command.write {
        let failed = || format!("cannot write {}", path.display());
        let mut out = BufWriter::new(File::create(path).with_context(failed)?);
        bench::write_synthetic(command.spans, &mut out).and_then(|()| out.flush()).with_context(failed)?;
        return Ok(Exit::Ok);
    }
    let session = load_session(&command.config, &compiler(terminal))?;
    let mut input = Vec::new();
    match &command.input {
        Some(path) => {
            input = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => bench::write_synthetic(command.spans, &mut input)?,
    }
    let judgement =
        Judgement { baseline: None, acknowledgments: &[], today: today(), environment: Environment::Local };
    let found = bench::run(&session, &input, command.runs, &judgement)?;
    terminal.print(|out| {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        out.write_all(b"\n")
    })?;
    Ok(Exit::Ok)
}
