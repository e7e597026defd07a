//! `tracewatt plugin build`.

use super::subject;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use tracewatt_core::plugin::digest;

/// Runs the command.
pub fn run(folder: &Path, output: Option<PathBuf>, terminal: &Terminal) -> Result<Exit> {
    let path = subject::build(folder, output, terminal)?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    terminal.print(|out| {
        writeln!(out, "{}", path.display())?;
        writeln!(out, "  bytes   {}", bytes.len())?;
        writeln!(out, "  sha256  {}", digest(&bytes))
    })?;
    Ok(Exit::Ok)
}
