//! `tracewatt plugin run`: traces judged by one plug-in alone.

use super::subject::{self, With};
use crate::analysis::{self, Input, Judgement};
use crate::cli::commands::{analyze, sources, today};
use crate::cli::invocation::{Environment, PluginRun};
use crate::cli::terminal::Terminal;
use crate::exit::{Exit, UsageError};
use crate::ingest::Source;
use crate::report::output::check_reads;
use anyhow::Result;

/// Runs the command.
pub fn run(command: &PluginRun, terminal: &Terminal) -> Result<Exit> {
    let found = subject::find(&command.subject.plugin, terminal)?;
    let session = subject::session(&found, &command.subject, With::Nothing, terminal)?;
    let sources = sources(&command.inputs)?;
    let inputs = sources.iter().filter_map(Source::path).map(|path| ("the input", path.to_owned()));
    let read: Vec<_> = inputs.chain([("the plug-in", found.path)]).collect();
    check_reads(&command.outputs, &read).map_err(|error| UsageError(error.to_string()))?;
    let judgement =
        Judgement { baseline: None, acknowledgments: &[], today: today(), environment: Environment::Local };
    let report = analysis::analyze(&session, Input::of(&sources), &judgement)?;
    analyze::write(&session, &report, &command.outputs, terminal)?;
    Ok(Exit::Ok)
}
