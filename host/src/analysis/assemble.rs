//! From sums to the report, and the verdict on it.

use super::sums::{Outcome, RunSums};
use super::{Intake, Judgement};
use crate::config::PluginConfig;
use crate::session::Session;
use std::collections::{BTreeMap, BTreeSet};
use tracewatt_core::acknowledge;
use tracewatt_core::finding::Saved;
use tracewatt_core::gate::{self, GateInput};
use tracewatt_core::plugin::Plugin;
use tracewatt_core::report::{self as model, Report, SCHEMA_VERSION, SuggestedFix, Warning};
use tracewatt_core::semconv::sdk;

/// Returns the report, judged.
pub(super) fn assemble(
    session: &Session,
    intake: &Intake,
    outcome: Outcome,
    judgement: &Judgement<'_>,
) -> Report {
    let Outcome { mut folded, score, runs, traces } = outcome;
    let impact = |impact: &mut model::GreenImpact, service: &str, endpoint: &str| {
        (impact.io_intensity_score, impact.io_intensity_band) = score.io_intensity(service, endpoint);
    };
    let mut findings = std::mem::take(&mut folded.findings);
    for finding in &mut findings {
        impact(&mut finding.green_impact, &finding.service, &finding.source_endpoint);
        name_the_setting(finding);
    }
    let mut worst: BTreeMap<&str, &model::Finding> = BTreeMap::new();
    for finding in &findings {
        worst.entry(&finding.problem_id).or_insert(finding);
    }
    let fingerprints: Vec<String> =
        folded.problems.iter().map(|problem| problem.fingerprint.clone()).collect();
    let mut problems = std::mem::take(&mut folded.problems);
    for problem in &mut problems {
        impact(&mut problem.green_impact, &problem.service, &problem.source_endpoint);
        let worst = worst.get(problem.id.as_str());
        problem.suggested_fix = worst.and_then(|finding| finding.suggested_fix.clone());
    }
    let mut losses = intake.losses.clone();
    losses.add("findings_ignored_by_configuration", folded.ignored);
    losses.add("findings_not_listed", folded.not_listed);
    runs.iter().for_each(|run| losses.merge(&run.losses));
    let truncated = intake.inputs.iter().any(|input| input.truncated.is_some());
    let mut warnings = intake.warnings.clone();
    warnings.extend(score.warnings);
    let warn = |kind: &str, message: String| Warning { kind: kind.to_owned(), message };
    warnings.extend(session.config.warnings.iter().map(|message| warn("configuration", message.clone())));
    for input in &intake.inputs {
        if let Some(reason) = &input.truncated {
            warnings.push(warn("truncated_input", format!("{}: {reason}", input.name)));
        }
    }
    let mut report = Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: model::Tool { name: "tracewatt".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        analysis: model::Analysis {
            environment: judgement.environment.word().to_owned(),
            inputs: intake.inputs.clone(),
            spans_received: intake.inputs.iter().map(|input| input.spans).sum(),
            events_processed: score.summary.total_io_ops,
            traces_analyzed: traces,
            usable_span_ratio: intake.coverage.usable_span_ratio(),
            incomplete: truncated || LOSING.iter().any(|reason| losses.get(reason) > 0),
            losses: losses.iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        },
        problems,
        findings,
        green_summary: score.summary,
        per_endpoint_io_ops: score.endpoints,
        coverage: intake.coverage.rows(&intake.texts),
        warnings,
        detection_config: detection_config(session),
        plugins: plugin_runs(session, intake, runs),
        ..Report::default()
    };
    judge(session, intake, &folded.saved, &fingerprints, judgement, &mut report);
    report
}

/// Losses after which findings may be missing.
const LOSING: [&str; 8] = [
    "errors_in_answers",
    "spans_over_trace_limit",
    "spans_with_bad_times",
    "spans_without_id",
    "spans_without_start_time",
    "spans_without_process",
    "lines_skipped",
    "messages_skipped",
];

/// Where parameters are hidden, the fix is the setting that would show them.
fn name_the_setting(finding: &mut model::Finding) {
    if finding.kind != "repeated_unresolved" {
        return;
    }
    let named = finding
        .instrumentation_scopes
        .iter()
        .find_map(|scope| Some((scope, sdk::advice(scope, sdk::language_of(scope), "params_hidden")?)));
    if let Some((scope, advice)) = named {
        finding.suggested_fix = Some(SuggestedFix {
            framework: scope.clone(),
            recommendation: format!("set {} ({}): {}", advice.setting, advice.place.word(), advice.example),
            reference_url: (!advice.url.is_empty()).then(|| advice.url.to_owned()),
        });
    }
}

fn detection_config(session: &Session) -> BTreeMap<String, serde_json::Value> {
    let all = session.active().flat_map(|(config, _)| {
        config.settings.iter().map(|(name, value)| (format!("{}.{name}", config.id), value.to_json()))
    });
    all.collect()
}

fn plugin_runs(session: &Session, intake: &Intake, runs: Vec<RunSums>) -> Vec<model::PluginRun> {
    let run = |((config, plugin), run): ((&PluginConfig, &Plugin), RunSums)| {
        let mut skipped: Vec<String> = run.skipped.iter().map(|id| intake.ids.trace_text(*id)).collect();
        skipped.sort_unstable();
        model::PluginRun {
            id: config.id.clone(),
            version: plugin.manifest.version.clone(),
            sha256: plugin.sha256.clone(),
            traces: run.traces,
            findings: run.findings,
            fault_messages: run
                .first_faults
                .into_iter()
                .map(|(kind, (_, fault))| (kind.to_owned(), fault.line()))
                .collect(),
            faults: run.faults.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect(),
            skipped_traces: skipped,
        }
    };
    session.active().zip(runs).map(run).collect()
}

/// Compares with the baseline, takes acknowledged problems out, and gives the verdict. `fingerprints` are those of all
/// problems, by the positions that `saved` speaks of.
fn judge(
    session: &Session,
    intake: &Intake,
    saved: &Saved,
    fingerprints: &[String],
    judgement: &Judgement<'_>,
    report: &mut Report,
) {
    if let Some(baseline) = judgement.baseline {
        report.resolved = gate::compare(&mut report.problems, baseline);
    }
    let applied =
        acknowledge::apply(std::mem::take(&mut report.problems), judgement.acknowledgments, judgement.today);
    report.problems = applied.kept;
    report.acknowledged = applied.acknowledged;
    acknowledge::mark(&mut report.findings, &report.acknowledged);
    report.warnings.extend(applied.warnings);
    for run in &report.plugins {
        let warn = |message| Warning { kind: "plugin_fault".to_owned(), message };
        report.warnings.extend(run.fault_sentences().into_iter().map(warn));
    }
    report.warnings.sort();
    report.warnings.dedup();
    let kept: BTreeSet<&str> = report.problems.iter().map(|problem| problem.fingerprint.as_str()).collect();
    let counts = |position: usize| kept.contains(fingerprints[position].as_str());
    let avoidable_io_ops = saved.by(counts).values().map(|tally| tally.ops).sum();
    report.quality_gate = gate::judge(
        &session.config.gate,
        &GateInput {
            problems: &report.problems,
            analysis: &report.analysis,
            plugins: &report.plugins,
            usable_spans: intake.coverage.usable_spans(),
            total_io_ops: report.green_summary.total_io_ops,
            avoidable_io_ops,
            has_baseline: judgement.baseline.is_some(),
        },
    );
}
