//! `tracewatt analyze`.

use super::{acknowledgments, check_type, compiler, files_read, render, saved_report, sources, today};
use crate::analysis::{self, Input, Judgement, PluginStats, Watch};
use crate::cli::invocation::{Acknowledgments, Analyze, Verdict};
use crate::cli::terminal::Terminal;
use crate::exit::{Exit, UsageError};
use crate::fault_bundles::FaultBundles;
use crate::ingest::Source;
use crate::report::output::check_reads;
use crate::report::{Filter, Output, RenderOptions, write_outputs};
use crate::session::{Session, load_session};
use anyhow::Result;
use std::fmt::Write as _;
use std::time::Instant;
use tracewatt_core::acknowledge::NamePattern;
use tracewatt_core::gate;
use tracewatt_core::report::Report;

/// Runs the command.
pub fn run(command: Analyze, terminal: &Terminal) -> Result<Exit> {
    let shown = &command.filters;
    let filter = Filter::new(&shown.types, &shown.services, shown.severity)?;
    let mut timings = Timings::new(command.timings);
    let mut session = load_session(&command.config, &compiler(terminal))?;
    session.config.gate.only = command.verdict.fail_on.only();
    for glob in &shown.types {
        let pattern = NamePattern::new(glob)?;
        check_type(&session, glob, |name| pattern.matches(name))?;
    }
    let sources = sources(&command.inputs)?;
    let mut read = files_read(&command.config, &session.config);
    read.extend(sources.iter().filter_map(Source::path).map(|path| ("the input", path.to_owned())));
    read.extend(command.baseline.iter().map(|path| ("the baseline", path.clone())));
    check_reads(outputs(&session, &command.outputs), &read).map_err(|error| UsageError(error.to_string()))?;
    let baseline = command.baseline.as_deref().map(saved_report).transpose()?;
    let acknowledgments = acknowledgments(&session.config, command.acknowledgments)?;
    timings.step("load configuration and plug-ins");
    let judgement = Judgement {
        baseline: baseline.as_ref(),
        acknowledgments: &acknowledgments,
        today: today(),
        environment: command.environment,
    };
    let bundles = command.fault_bundles.as_deref().map(FaultBundles::new);
    let stats = command.plugin_stats.then(PluginStats::default);
    let watch = Watch { bundles: bundles.as_ref(), stats: stats.as_ref() };
    let inputs = Input::of(&sources);
    let report = terminal
        .watch(&sources, |progress| analysis::analyze_with(&session, inputs, &judgement, progress, &watch))?;
    timings.step("analyse");
    let exit = exit(command.verdict, &report);
    let manifests = session.manifests();
    let options = RenderOptions {
        list_acknowledged: command.acknowledgments == Acknowledgments::Show,
        filter,
        ..render(&session, &manifests, terminal)
    };
    write_with(&session, &report, &command.outputs, &options)?;
    for path in bundles.map(FaultBundles::finish).transpose()?.unwrap_or_default() {
        terminal.note(&format!(
            "a plug-in failed; see it again with: tracewatt plugin replay {}",
            path.display()
        ));
    }
    if let Some(stats) = stats {
        account(stats).lines().for_each(|line| terminal.note(line));
    }
    timings.step("write reports");
    timings.print(terminal);
    Ok(exit)
}

/// Returns the outputs asked for, else those of the configuration; none stands for text.
pub fn outputs<'a>(session: &'a Session, asked_for: &'a [Output]) -> &'a [Output] {
    if asked_for.is_empty() { &session.config.output.outputs } else { asked_for }
}

/// Writes a report to the outputs asked for, else to those of the configuration, else as text.
pub fn write(session: &Session, report: &Report, outputs: &[Output], terminal: &Terminal) -> Result<()> {
    let manifests = session.manifests();
    write_with(session, report, outputs, &render(session, &manifests, terminal))
}

fn write_with(
    session: &Session,
    report: &Report,
    asked_for: &[Output],
    options: &RenderOptions<'_>,
) -> Result<()> {
    let text = [Output::on_stdout("text")?];
    let wanted = outputs(session, asked_for);
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    write_outputs(report, options, if wanted.is_empty() { &text } else { wanted }, &mut stdout)?;
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

/// Electric power of a hardware thread at full load, in watts, low and high: EPYC 2 and Emerald Rapids per vCPU in Cloud
/// Carbon Footprint's coefficients for AWS of 2026-04-24. The machine's own processor is not asked for.
const THREAD_W: [f64; 2] = [1.693, 4.482];

/// The table of what every plug-in did and took.
fn account(stats: PluginStats) -> String {
    let mut table = format!(
        "{:>8} {:>9} {:>9} {:>8} {:>9} {:>7} {:>10} {:>17}  plug-in\n",
        "calls", "spans", "ms", "ns/span", "findings", "faults", "memory KiB", "energy J"
    );
    for (id, stat) in stats.finish() {
        let (effort, seconds) = (stat.effort, stat.effort.busy_ns as f64 / 1e9);
        let [low, high] = THREAD_W.map(|watts| watts * seconds);
        let _ = writeln!(
            table,
            "{:>8} {:>9} {:>9.1} {:>8.1} {:>9} {:>7} {:>10} {:>17}  {id}",
            effort.calls,
            effort.spans,
            seconds * 1e3,
            effort.busy_ns as f64 / effort.spans.max(1) as f64,
            stat.findings,
            stat.faults,
            effort.memory_bytes / 1024,
            format!("{low:.4} to {high:.4}"),
        );
    }
    table
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
