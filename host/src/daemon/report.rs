//! The report of everything since the daemon started, in the model of a batch report, so that whatever reads one reads
//! the other.

use super::acks::today;
use super::generation::Generation;
use super::state::Known;
use super::{Shared, wall_ns};
use crate::cli::invocation::Environment;
use crate::config::DaemonEnvironment;
use std::collections::BTreeMap;
use tracewatt_core::acknowledge::{self, Acknowledgment};
use tracewatt_core::finding::StandingStatus;
use tracewatt_core::gate::{self, GateInput};
use tracewatt_core::report::{
    Analysis, Finding, Input, PluginRun, Problem, Report, SCHEMA_VERSION, Tool, Warning,
};

/// Acknowledgments in the order in which they count: those of the file first.
pub(super) fn acknowledgments(shared: &Shared, generation: &Generation) -> Vec<Acknowledgment> {
    generation.acknowledgments.iter().cloned().chain(shared.acks.list()).collect()
}

/// Returns the report. Problems that are resolved are in `resolved`, not in `problems`. Findings are the worst of each
/// problem. Shares of avoidable round trips count each problem by itself: those that several name count in each.
pub(super) fn report(shared: &Shared) -> Report {
    let generation = shared.generations.current();
    let (entries, now_ns) = (acknowledgments(shared, &generation), wall_ns());
    let metrics = &shared.metrics;
    let losses = metrics.losses();
    let received = metrics.spans_received.get();
    let mut report = shared.state.look(|known| {
        let mut report = problems(known, now_ns);
        report.green_summary = known.totals.summary();
        report.per_endpoint_io_ops = known.totals.endpoints();
        report.plugins = plugins(&generation, &known.runs);
        report.analysis = Analysis {
            environment: environment(&generation).word().to_owned(),
            inputs: vec![Input {
                name: "watch".to_owned(),
                format: "otlp".to_owned(),
                spans: received,
                truncated: None,
            }],
            spans_received: received,
            events_processed: known.totals.summary().total_io_ops,
            traces_analyzed: known.totals.traces,
            usable_span_ratio: None,
            incomplete: LOSING.iter().any(|reason| losses.contains_key(*reason)),
            losses,
        };
        report
    });
    order(&mut report.problems);
    order(&mut report.resolved);
    let applied = acknowledge::apply(std::mem::take(&mut report.problems), &entries, today());
    (report.problems, report.acknowledged) = (applied.kept, applied.acknowledged);
    // That an entry matches nothing means little while problems come and go.
    report.warnings =
        applied.warnings.into_iter().filter(|one| one.kind == "expired_acknowledgment").collect();
    acknowledge::mark(&mut report.findings, &report.acknowledged);
    let warn = |kind: &str, message: String| Warning { kind: kind.to_owned(), message };
    let config = &generation.session.config;
    report.warnings.extend(config.warnings.iter().map(|message| warn("configuration", message.clone())));
    for run in &report.plugins {
        report.warnings.extend(run.fault_sentences().into_iter().map(|one| warn("plugin_fault", one)));
    }
    let unpriced = report.green_summary.co2.as_ref().map_or(0, |co2| co2.unpriced_io_ops);
    if unpriced > 0 {
        let message = format!(
            "{unpriced} round trips are in no known region: they have energy but no carbon; see [green]"
        );
        report.warnings.push(warn("unknown_region", message));
    }
    report.schema_version = SCHEMA_VERSION.to_owned();
    report.tool = Tool { name: "tracewatt".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    report.detection_config = detection_config(&generation);
    let accepted =
        report.acknowledged.iter().map(|one| one.problem.green_impact.estimated_extra_io_ops).sum();
    let summary = &report.green_summary;
    report.quality_gate = gate::judge(
        &config.gate,
        &GateInput {
            problems: &report.problems,
            analysis: &report.analysis,
            plugins: &report.plugins,
            usable_spans: metrics.spans_judged.get(),
            total_io_ops: summary.total_io_ops,
            avoidable_io_ops: summary.avoidable_io_ops.saturating_sub(accepted),
            has_baseline: false,
        },
    );
    report
}

/// Losses after which findings may be missing.
const LOSING: [&str; 4] = ["errors_in_answers", "sampled_out", "spans_over_trace_limit", "spans_without_id"];

fn problems(known: &Known, now_ns: u64) -> Report {
    let mut report = Report::default();
    for standing in known.standing.reported() {
        match standing.status(now_ns, known.standing.options()) {
            StandingStatus::Resolved => report.resolved.push(standing.problem.clone()),
            _ => {
                report.problems.push(standing.problem.clone());
                report.findings.extend(standing.findings.iter().cloned());
            }
        }
    }
    let rank: BTreeMap<&str, (tracewatt_core::report::Severity, u64)> =
        report.problems.iter().map(|one| (&one.id[..], (one.severity, one.occurrences))).collect();
    let place = |finding: &Finding| std::cmp::Reverse(rank.get(&finding.problem_id[..]).copied());
    // Within a problem they are in order already.
    report.findings.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.problem_id.cmp(&b.problem_id)));
    report
}

/// Worst first, as in a batch report.
fn order(problems: &mut [Problem]) {
    let key = |problem: &Problem| (problem.severity, problem.occurrences);
    problems.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
}

fn environment(generation: &Generation) -> Environment {
    match generation.session.config.daemon.environment {
        DaemonEnvironment::Staging => Environment::Staging,
        DaemonEnvironment::Production => Environment::Production,
    }
}

fn plugins(generation: &Generation, runs: &BTreeMap<String, PluginRun>) -> Vec<PluginRun> {
    let one = |(config, plugin): (&crate::config::PluginConfig, &tracewatt_core::plugin::Plugin)| PluginRun {
        id: config.id.clone(),
        version: plugin.manifest.version.clone(),
        sha256: plugin.sha256.clone(),
        ..runs.get(&config.id).cloned().unwrap_or_default()
    };
    generation.session.active().map(one).collect()
}

fn detection_config(generation: &Generation) -> BTreeMap<String, serde_json::Value> {
    let settings = generation.session.active().flat_map(|(config, _)| {
        config.settings.iter().map(|(name, value)| (format!("{}.{name}", config.id), value.to_json()))
    });
    settings.collect()
}
