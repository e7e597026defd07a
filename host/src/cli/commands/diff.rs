//! `tracewatt diff`: what two analyses have in common, and what not.

use super::{acknowledgments, render, saved_report, sources, text, today};
use crate::analysis::{self, Judgement};
use crate::cli::invocation::{Diff, Environment};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::output::write_file;
use crate::report::{self, Output};
use crate::session::{Session, load_session};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use tracewatt_core::gate;
use tracewatt_core::report::Report;

/// Runs the command.
pub fn run(command: Diff, terminal: &Terminal) -> Result<Exit> {
    let mut session = load_session(&command.config)?;
    session.config.gate.only = command.verdict.fail_on.only();
    let before = side(&session, &command, &command.before, None)?;
    let after = side(&session, &command, &command.after, Some(&before))?;
    let diff = gate::diff(&before, &after);
    let manifests = session.manifests();
    let options = render(&session, &manifests, terminal);
    let text = [Output::on_stdout("text")?];
    let outputs = if command.outputs.is_empty() { &text[..] } else { &command.outputs };
    for output in outputs {
        let write = |out: &mut dyn std::io::Write| match output.format.name {
            "text" => report::diff::write_text(&diff, &options, out),
            "json" => report::diff::write_json(&diff, out),
            "markdown" => report::diff::write_markdown(&diff, &options, out),
            // The formats of code scanning know new, unchanged and absent results themselves.
            _ => (output.format.write)(&after, &options, out),
        };
        match &output.path {
            Some(path) => write_file(path, write)?,
            None => terminal.print(write)?,
        }
    }
    Ok(super::analyze::exit(command.verdict, &after))
}

/// Returns a saved report, or the analysis of traces. The side after is judged against the side before.
fn side(session: &Session, command: &Diff, path: &PathBuf, baseline: Option<&Report>) -> Result<Report> {
    if is_report(path) {
        let mut report = saved_report(path)?;
        if let Some(baseline) = baseline {
            report.resolved = gate::compare(&mut report.problems, baseline);
            report.quality_gate = gate::judge(
                &session.config.gate,
                &gate::GateInput {
                    problems: &report.problems,
                    analysis: &report.analysis,
                    plugins: &report.plugins,
                    usable_spans: report.coverage.iter().map(|row| row.with_text).sum(),
                    total_io_ops: report.green_summary.total_io_ops,
                    avoidable_io_ops: report.green_summary.avoidable_io_ops,
                    has_baseline: true,
                },
            );
        }
        return Ok(report);
    }
    let sources = sources(std::slice::from_ref(path))?;
    if path == Path::new("-") && baseline.is_some() && command.before == command.after {
        bail!("standard input can be one side only");
    }
    let traces = analysis::read(&session.config, &sources)?;
    let acknowledgments = acknowledgments(&session.config, command.acknowledgments)?;
    let environment = if command.verdict.enforced { Environment::Ci } else { Environment::Local };
    let judgement = Judgement { baseline, acknowledgments: &acknowledgments, today: today(), environment };
    Ok(analysis::analyze(session, &traces, &judgement)?.report)
}

/// Whether the file is a saved report: a JSON object that begins with its schema version.
fn is_report(path: &Path) -> bool {
    let head =
        || Some(text(path).ok()?.trim_start().trim_start_matches('{').trim_start().get(..16)?.to_owned());
    path != Path::new("-") && head().is_some_and(|head| head.starts_with("\"schema_version"))
}
