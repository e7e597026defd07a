//! `tracewatt demo`: the report on traces that come with the program.

use super::analyze::outputs;
use super::compiler;
use super::{files_read, today};
use crate::analysis::{self, Input, Judgement, Progress};
use crate::cli::invocation::{Demo, Environment};
use crate::cli::terminal::Terminal;
use crate::exit::{Exit, UsageError};
use crate::report::output::check_reads;
use crate::session::load_session;
use anyhow::Result;

/// Traces of a small shop, OTLP JSON; what made them is `host/data/demo.md`.
const TRACES: &[u8] = include_bytes!("../../../data/demo.json");

/// Runs the command.
pub fn run(command: Demo, terminal: &Terminal) -> Result<Exit> {
    let session = load_session(&command.config, &compiler(terminal))?;
    check_reads(outputs(&session, &command.outputs), &files_read(&command.config, &session.config))
        .map_err(|error| UsageError(error.to_string()))?;
    let input = Input::Open("demo.json".to_owned(), Box::new(TRACES));
    let judgement =
        Judgement { baseline: None, acknowledgments: &[], today: today(), environment: Environment::Local };
    let report = analysis::analyze(&session, vec![input], &judgement, &Progress::default())?;
    super::analyze::write(&session, &report, &command.outputs, terminal)?;
    terminal.note("These are the traces that come with tracewatt. Yours: tracewatt analyze traces.json");
    Ok(Exit::Ok)
}
