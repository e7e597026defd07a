//! `tracewatt plugin diff`: what another version of a plug-in would change, on the same traces.

use super::run::report;
use super::subject::{self, With};
use crate::cli::commands::diff;
use crate::cli::invocation::{PluginDiff, Subject};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use anyhow::Result;

/// Runs the command.
pub fn run(command: &PluginDiff, terminal: &Terminal) -> Result<Exit> {
    let side = |subject: &Subject, before: Option<&_>| {
        let found = subject::find(&subject.plugin, terminal)?;
        let session = subject::session(&found, subject, With::Nothing, terminal)?;
        let report = report(&session, &found, (&command.inputs, &command.outputs), before, terminal)?;
        anyhow::Ok((session, report))
    };
    let new = Subject { plugin: command.new.clone(), ..command.old.clone() };
    let (_, before) = side(&command.old, None)?;
    let (session, after) = side(&new, Some(&before))?;
    diff::write(&session, &before, &after, &command.outputs, terminal)?;
    Ok(Exit::Ok)
}
