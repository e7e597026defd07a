//! `tracewatt analyze`.

use super::{acknowledgments, render, saved_report, sources, today};
use crate::analysis::{self, Judgement};
use crate::cli::invocation::{Acknowledgments, Analyze, Filters, Verdict};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::{Output, RenderOptions, write_outputs};
use crate::session::{Session, load_session};
use anyhow::Result;
use std::time::Instant;
use tracewatt_core::acknowledge::NamePattern;
use tracewatt_core::gate;
use tracewatt_core::report::{Problem, Report};

/// Runs the command.
pub fn run(command: Analyze, terminal: &Terminal) -> Result<Exit> {
    let filters = Shown::of(&command.filters)?;
    let mut timings = Timings::new(command.timings);
    let mut session = load_session(&command.config)?;
    session.config.gate.only = command.verdict.fail_on.only();
    let sources = sources(&command.inputs)?;
    let baseline = command.baseline.as_deref().map(saved_report).transpose()?;
    let acknowledgments = acknowledgments(&session.config, command.acknowledgments)?;
    timings.step("load configuration and plug-ins");
    let traces = analysis::read(&session.config, &sources)?;
    timings.step("read and assemble traces");
    let judgement = Judgement {
        baseline: baseline.as_ref(),
        acknowledgments: &acknowledgments,
        today: today(),
        environment: command.environment,
    };
    let mut report = analysis::analyze(&session, &traces, &judgement)?.report;
    timings.step("detect, price and judge");
    let exit = exit(command.verdict, &report);
    filters.apply(&mut report);
    let manifests = session.manifests();
    let options = RenderOptions {
        list_acknowledged: command.acknowledgments == Acknowledgments::Show,
        ..render(&session, &manifests, terminal)
    };
    write_with(&session, &report, &command.outputs, &options)?;
    timings.step("write reports");
    timings.print(terminal);
    Ok(exit)
}

/// Writes a report to the outputs asked for, else to those of the configuration, else as text.
pub fn write(session: &Session, report: &Report, outputs: &[Output], terminal: &Terminal) -> Result<()> {
    let manifests = session.manifests();
    write_with(session, report, outputs, &render(session, &manifests, terminal))
}

fn write_with(
    session: &Session,
    report: &Report,
    outputs: &[Output],
    options: &RenderOptions<'_>,
) -> Result<()> {
    let text = [Output::on_stdout("text")?];
    let wanted = [outputs, &session.config.output.outputs, &text].into_iter().find(|some| !some.is_empty());
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    write_outputs(report, options, wanted.unwrap_or(&text), &mut stdout)?;
    Ok(())
}

/// Returns how the command ends: the verdict counts only when it is asked for. The gate has judged by no rules
/// but those that `--fail-on` names.
pub fn exit(verdict: Verdict, report: &Report) -> Exit {
    if !verdict.enforced {
        return Exit::Ok;
    }
    match gate::verdict(&report.quality_gate) {
        gate::Verdict::Passed => Exit::Ok,
        gate::Verdict::Failed => Exit::Negative,
        gate::Verdict::Undecided => Exit::Undecided,
    }
}

/// What of a report is shown.
struct Shown {
    types: Vec<NamePattern>,
    services: Vec<NamePattern>,
    severity: Option<tracewatt_core::report::Severity>,
}

impl Shown {
    fn of(filters: &Filters) -> Result<Shown> {
        let patterns =
            |texts: &[String]| texts.iter().map(|text| NamePattern::new(text)).collect::<Result<Vec<_>, _>>();
        Ok(Shown {
            types: patterns(&filters.types)?,
            services: patterns(&filters.services)?,
            severity: filters.severity,
        })
    }

    fn has(&self, problem: &Problem) -> bool {
        let any = |patterns: &[NamePattern], name: &str| {
            patterns.is_empty() || patterns.iter().any(|one| one.matches(name))
        };
        any(&self.types, &problem.kind)
            && any(&self.services, &problem.service)
            && self.severity.is_none_or(|least| problem.severity >= least)
    }

    fn apply(&self, report: &mut Report) {
        let before = report.problems.len();
        report.problems.retain(|problem| self.has(problem));
        report.resolved.retain(|problem| self.has(problem));
        report.acknowledged.retain(|entry| self.has(&entry.problem));
        if report.problems.len() == before {
            return;
        }
        let shown: Vec<&str> = report.problems.iter().map(|problem| problem.id.as_str()).collect();
        report.findings.retain(|finding| shown.contains(&finding.problem_id.as_str()));
        let message = format!(
            "{} problems are not shown: they do not match the filters",
            before - report.problems.len()
        );
        report.warnings.push(tracewatt_core::report::Warning { kind: "filtered".to_owned(), message });
    }
}

/// How long each step took; on standard error, never in a document.
struct Timings {
    wanted: bool,
    last: Instant,
    steps: Vec<(&'static str, f64)>,
}

impl Timings {
    fn new(wanted: bool) -> Timings {
        Timings { wanted, last: Instant::now(), steps: Vec::new() }
    }

    fn step(&mut self, name: &'static str) {
        self.steps.push((name, self.last.elapsed().as_secs_f64() * 1e3));
        self.last = Instant::now();
    }

    fn print(&self, terminal: &Terminal) {
        if self.wanted {
            for (name, ms) in &self.steps {
                terminal.note(&format!("{ms:>10.1} ms  {name}"));
            }
        }
    }
}
