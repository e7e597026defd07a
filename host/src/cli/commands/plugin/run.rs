//! `tracewatt plugin run`: traces judged by one plug-in alone.

use super::subject::{self, Found, With};
use crate::analysis::{self, Input, Judgement};
use crate::cli::commands::{analyze, sources, today};
use crate::cli::invocation::{Environment, PluginRun};
use crate::cli::terminal::Terminal;
use crate::exit::{Exit, UsageError};
use crate::ingest::Source;
use crate::report::Output;
use crate::report::output::check_reads;
use crate::session::Session;
use anyhow::Result;
use std::path::PathBuf;
use tracewatt_core::report::Report;

/// Runs the command.
pub fn run(command: &PluginRun, terminal: &Terminal) -> Result<Exit> {
    let found = subject::find(&command.subject.plugin, terminal)?;
    let session = subject::session(&found, &command.subject, With::Nothing, terminal)?;
    let report = report(&session, &found, (&command.inputs, &command.outputs), None, terminal)?;
    analyze::write(&session, &report, &command.outputs, terminal)?;
    Ok(Exit::Ok)
}

/// Analyses traces with what takes part in a session.
pub fn report(
    session: &Session,
    found: &Found,
    (inputs, outputs): (&[PathBuf], &[Output]),
    baseline: Option<&Report>,
    terminal: &Terminal,
) -> Result<Report> {
    let sources = sources(inputs)?;
    let inputs = sources.iter().filter_map(Source::path).map(|path| ("the input", path.to_owned()));
    let read: Vec<_> = inputs.chain([("the plug-in", found.path.clone())]).collect();
    check_reads(outputs, &read).map_err(|error| UsageError(error.to_string()))?;
    let judgement =
        Judgement { baseline, acknowledgments: &[], today: today(), environment: Environment::Local };
    let inputs = Input::of(&sources);
    terminal.watch(&sources, |progress| analysis::analyze(session, inputs, &judgement, progress))
}
