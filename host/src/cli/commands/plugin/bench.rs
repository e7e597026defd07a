//! `tracewatt plugin bench`: what a plug-in costs next to the stock ones, in one run.

use super::subject::{self, With};
use crate::analysis::Judgement;
use crate::bench;
use crate::cli::commands::today;
use crate::cli::invocation::{Environment, Subject};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use anyhow::{Context, Result};
use std::path::Path;

/// Runs the command.
pub fn run(
    subject: &Subject,
    traces: Option<&Path>,
    spans: u64,
    runs: u32,
    terminal: &Terminal,
) -> Result<Exit> {
    let found = subject::find(&subject.plugin, terminal)?;
    let session = subject::session(&found, subject, With::Stock, terminal)?;
    let mut input = Vec::new();
    match traces {
        Some(path) => {
            input = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => bench::write_synthetic(spans, &mut input)?,
    }
    let judgement =
        Judgement { baseline: None, acknowledgments: &[], today: today(), environment: Environment::Local };
    let measured = bench::run(&session, &input, runs, &judgement)?;
    terminal.print(|out| {
        writeln!(
            out,
            "ns per span, sandbox included; {} spans in {} traces",
            measured.spans, measured.traces
        )?;
        for stage in &measured.plugins {
            let mark = if stage.name == found.id { "  <-" } else { "" };
            writeln!(out, "{:>9.1}  {}{mark}", stage.ns_per_span, stage.name)?;
        }
        Ok(())
    })?;
    Ok(Exit::Ok)
}
