//! `tracewatt explain`: one trace as a tree, or why something was not found.

use super::why_not::{self, Filter};
use super::{compiler, render, sources, today};
use crate::analysis::{self, Input, Judgement, Traces};
use crate::cli::invocation::{Environment, Explain, Question};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::explain::{Explained, write_text};
use crate::report::quantity::counted;
use crate::session::{Session, load_session};
use anyhow::{Result, bail};
use tracewatt_core::report::Finding;
use tracewatt_core::trace::IdTable;

/// Trace ids offered when the one asked for is not there.
const MAX_OFFERED: usize = 20;

/// Runs the command.
pub fn run(command: Explain, terminal: &Terminal) -> Result<Exit> {
    let mut session = load_session(&command.config, &compiler(terminal))?;
    let sources = sources(&command.inputs)?;
    let inputs = Input::of(&sources);
    let traces = terminal.watch(&sources, |progress| analysis::read(&session.config, inputs, progress))?;
    match &command.question {
        Question::Trace(id) => tree(&session, &traces, id, terminal),
        Question::WhyNot { kind, service, endpoint } => {
            let filter = Filter::new(service.as_deref(), endpoint.as_deref())?;
            why_not::answer(&mut session, &traces, kind, &filter, terminal)
        }
    }
}

fn tree(session: &Session, traces: &Traces, id: &str, terminal: &Terminal) -> Result<Exit> {
    let wanted = IdTable::find_trace(id);
    let Some(trace) = traces.sealed.iter().find(|trace| trace.id == wanted) else {
        let known: Vec<String> = traces
            .sealed
            .iter()
            .take(MAX_OFFERED)
            .map(|trace| traces.intake.ids.trace_text(trace.id))
            .collect();
        bail!(
            "there is no trace {id} in the input; it has {}, among them:\n  {}",
            counted(traces.sealed.len() as u64, "trace"),
            known.join("\n  ")
        );
    };
    let judgement =
        Judgement { baseline: None, acknowledgments: &[], today: today(), environment: Environment::Local };
    let report = analysis::analyze_traces(session, traces, &judgement)?;
    let name = traces.intake.ids.trace_text(trace.id);
    let findings: Vec<Finding> =
        report.findings.into_iter().filter(|finding| finding.trace_id == name).collect();
    let explained =
        Explained { trace, texts: &traces.intake.texts, ids: &traces.intake.ids, findings: &findings };
    let manifests = session.manifests();
    let options = render(session, &manifests, terminal);
    terminal.print(|out| write_text(&explained, &options, out))?;
    Ok(Exit::Ok)
}
