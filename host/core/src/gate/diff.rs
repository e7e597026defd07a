//! What changed between two reports: problems by fingerprint, endpoints by name, totals.

use super::baseline::fingerprints;
use crate::report::{EndpointOps, Problem, ProblemStatus, Report, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Changes from one report to another. Lists hold changes only and are in a total order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// Version of the reports' shape.
    pub schema_version: String,
    /// Problems that only the later report has, worst first.
    pub new_problems: Vec<Problem>,
    /// Problems that only the earlier report has, worst first.
    pub resolved_problems: Vec<Problem>,
    /// Problems of both with another severity; those that got worse first.
    pub severity_changes: Vec<SeverityChange>,
    /// Problems of both with other counts or durations; most additional occurrences first.
    pub problem_changes: Vec<ProblemChange>,
    /// Endpoints with other counts; most additional round trips first.
    pub endpoint_metric_deltas: Vec<EndpointDelta>,
    /// Totals by name: `total_io_ops`, `avoidable_io_ops`, `io_waste_ratio`, `energy_kwh`, `co2_gco2`;
    /// figures that a report does not have are absent.
    pub totals: BTreeMap<String, FigureDelta>,
}

/// A problem whose severity changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeverityChange {
    /// The problem as it is in the later report.
    pub problem: Problem,
    /// Severity in the earlier report.
    pub before_severity: Severity,
    /// Severity in the later report.
    pub after_severity: Severity,
}

/// A problem of both reports in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProblemChange {
    /// Short id in the later report.
    pub id: String,
    /// Fingerprint.
    pub fingerprint: String,
    /// Finding type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Service.
    pub service: String,
    /// Entry point.
    pub source_endpoint: String,
    /// Findings folded into the problem.
    pub instances: FigureDelta,
    /// Occurrences over all instances.
    pub occurrences: FigureDelta,
    /// Occurrences in the worst instance.
    pub worst_occurrences: FigureDelta,
    /// 95th percentile of durations in microseconds; absent when a report has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_us: Option<FigureDelta>,
    /// I/O intensity score of the endpoint.
    pub io_intensity_score: FigureDelta,
}

/// Round trips of one endpoint in both reports; 0 where a report does not have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointDelta {
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// Round trips before.
    pub before_io_ops: u64,
    /// Round trips after.
    pub after_io_ops: u64,
    /// Additional round trips, negative when there are fewer.
    pub delta: i64,
    /// Round trips per request, which more traffic alone does not change.
    pub io_intensity_score: FigureDelta,
}

/// A figure before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FigureDelta {
    /// In the earlier report.
    pub before: f64,
    /// In the later report.
    pub after: f64,
}

impl FigureDelta {
    fn new(before: f64, after: f64) -> FigureDelta {
        FigureDelta { before, after }
    }

    fn of_counts(before: u64, after: u64) -> FigureDelta {
        FigureDelta::new(before as f64, after as f64)
    }

    fn changed(&self) -> bool {
        self.before != self.after
    }

    fn increase(&self) -> f64 {
        self.after - self.before
    }
}

/// Compares two reports. A problem that is acknowledged on one side is neither new nor resolved.
pub fn diff(before: &Report, after: &Report) -> Diff {
    let persisting = persisting(before, after);
    Diff {
        schema_version: after.schema_version.clone(),
        new_problems: only_in(after, before, ProblemStatus::New),
        resolved_problems: only_in(before, after, ProblemStatus::Resolved),
        severity_changes: severity_changes(&persisting),
        problem_changes: problem_changes(&persisting),
        endpoint_metric_deltas: endpoint_deltas(&before.per_endpoint_io_ops, &after.per_endpoint_io_ops),
        totals: totals(before, after),
    }
}

fn only_in(here: &Report, there: &Report, status: ProblemStatus) -> Vec<Problem> {
    let known = fingerprints(there);
    let missing = here.problems.iter().filter(|problem| !known.contains(problem.fingerprint.as_str()));
    let mut problems: Vec<Problem> =
        missing.map(|problem| Problem { status: Some(status), ..problem.clone() }).collect();
    problems.sort_by(|a, b| worst_first(a).cmp(&worst_first(b)));
    problems
}

fn worst_first(problem: &Problem) -> impl Ord + '_ {
    (
        Reverse(problem.severity),
        &problem.kind,
        &problem.service,
        &problem.source_endpoint,
        &problem.template,
        &problem.fingerprint,
    )
}

/// Returns problems of both reports as (before, after), by fingerprint.
fn persisting<'a>(before: &'a Report, after: &'a Report) -> Vec<(&'a Problem, &'a Problem)> {
    let by_fingerprint = |report: &'a Report| -> BTreeMap<&'a str, &'a Problem> {
        report.problems.iter().map(|problem| (problem.fingerprint.as_str(), problem)).collect()
    };
    let after = by_fingerprint(after);
    let pair = |(key, before): (&'a str, &'a Problem)| Some((before, *after.get(key)?));
    by_fingerprint(before).into_iter().filter_map(pair).collect()
}

fn severity_changes(persisting: &[(&Problem, &Problem)]) -> Vec<SeverityChange> {
    let changed = persisting.iter().filter(|(before, after)| before.severity != after.severity);
    let mut changes: Vec<SeverityChange> = changed
        .map(|(before, after)| SeverityChange {
            problem: (*after).clone(),
            before_severity: before.severity,
            after_severity: after.severity,
        })
        .collect();
    changes.sort_by_cached_key(|change| {
        let got_better = change.after_severity < change.before_severity;
        (got_better, Reverse(change.after_severity), change.problem.fingerprint.clone())
    });
    changes
}

fn problem_changes(persisting: &[(&Problem, &Problem)]) -> Vec<ProblemChange> {
    let mut changes: Vec<ProblemChange> =
        persisting.iter().map(|(before, after)| problem_change(before, after)).filter(has_change).collect();
    changes.sort_by(|a, b| {
        b.occurrences
            .increase()
            .total_cmp(&a.occurrences.increase())
            .then_with(|| a.fingerprint.cmp(&b.fingerprint))
    });
    changes
}

fn problem_change(before: &Problem, after: &Problem) -> ProblemChange {
    let p95 = |problem: &Problem| problem.durations.as_ref().map(|durations| durations.p95_us);
    let score = |problem: &Problem| problem.green_impact.io_intensity_score;
    ProblemChange {
        id: after.id.clone(),
        fingerprint: after.fingerprint.clone(),
        kind: after.kind.clone(),
        service: after.service.clone(),
        source_endpoint: after.source_endpoint.clone(),
        instances: FigureDelta::of_counts(before.instances, after.instances),
        occurrences: FigureDelta::of_counts(before.occurrences, after.occurrences),
        worst_occurrences: FigureDelta::of_counts(before.worst_occurrences, after.worst_occurrences),
        p95_us: p95(before).zip(p95(after)).map(|(before, after)| FigureDelta::new(before, after)),
        io_intensity_score: FigureDelta::new(score(before), score(after)),
    }
}

fn has_change(change: &ProblemChange) -> bool {
    let figures = [change.instances, change.occurrences, change.worst_occurrences, change.io_intensity_score];
    figures.iter().chain(&change.p95_us).any(FigureDelta::changed)
}

/// One endpoint as either report has it.
#[derive(Clone, Copy, Default)]
struct BothSides<'a> {
    before: Option<&'a EndpointOps>,
    after: Option<&'a EndpointOps>,
}

fn endpoint_deltas(before: &[EndpointOps], after: &[EndpointOps]) -> Vec<EndpointDelta> {
    let mut both: BTreeMap<(&str, &str), BothSides<'_>> = BTreeMap::new();
    for ops in before {
        both.entry((&ops.service, &ops.endpoint)).or_default().before = Some(ops);
    }
    for ops in after {
        both.entry((&ops.service, &ops.endpoint)).or_default().after = Some(ops);
    }
    let delta = |((service, endpoint), sides): (_, BothSides<'_>)| endpoint_delta(service, endpoint, sides);
    let mut deltas: Vec<EndpointDelta> = both.into_iter().filter_map(delta).collect();
    deltas.sort_by(|a, b| {
        b.delta.cmp(&a.delta).then_with(|| (&a.service, &a.endpoint).cmp(&(&b.service, &b.endpoint)))
    });
    deltas
}

/// Returns the change of one endpoint, `None` when there is none.
fn endpoint_delta(service: &str, endpoint: &str, sides: BothSides<'_>) -> Option<EndpointDelta> {
    let ops = |side: Option<&EndpointOps>| side.map_or(0, |ops| ops.io_ops);
    let score =
        |side: Option<&EndpointOps>| side.map_or(0.0, |ops| ops.io_ops as f64 / ops.requests.max(1) as f64);
    let (before, after) = (ops(sides.before), ops(sides.after));
    let delta = EndpointDelta {
        service: service.to_owned(),
        endpoint: endpoint.to_owned(),
        before_io_ops: before,
        after_io_ops: after,
        delta: (after as i64).saturating_sub(before as i64),
        io_intensity_score: FigureDelta::new(score(sides.before), score(sides.after)),
    };
    (delta.delta != 0 || delta.io_intensity_score.changed()).then_some(delta)
}

fn totals(before: &Report, after: &Report) -> BTreeMap<String, FigureDelta> {
    let (a, b) = (&before.green_summary, &after.green_summary);
    let energy = |summary: &crate::report::GreenSummary| summary.energy_kwh.as_ref().map(|energy| energy.mid);
    let carbon = |summary: &crate::report::GreenSummary| {
        summary.co2.as_ref().and_then(|co2| co2.total.as_ref()).map(|total| total.mid)
    };
    let figures = [
        ("total_io_ops", Some(a.total_io_ops as f64), Some(b.total_io_ops as f64)),
        ("avoidable_io_ops", Some(a.avoidable_io_ops as f64), Some(b.avoidable_io_ops as f64)),
        ("io_waste_ratio", Some(a.io_waste_ratio), Some(b.io_waste_ratio)),
        ("energy_kwh", energy(a), energy(b)),
        ("co2_gco2", carbon(a), carbon(b)),
    ];
    let figure = |(name, before, after): (&str, Option<f64>, Option<f64>)| {
        Some((name.to_owned(), FigureDelta::new(before?, after?)))
    };
    figures.into_iter().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Acknowledged, Durations};

    fn problem(fingerprint: &str, severity: Severity, occurrences: u64, p95_us: f64) -> Problem {
        Problem {
            fingerprint: fingerprint.into(),
            severity,
            occurrences,
            durations: Some(Durations { p95_us, ..Durations::default() }),
            ..Problem::default()
        }
    }

    fn ops(endpoint: &str, io_ops: u64, requests: u64) -> EndpointOps {
        EndpointOps { endpoint: endpoint.into(), io_ops, requests, ..EndpointOps::default() }
    }

    fn names(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|problem| problem.fingerprint.as_str()).collect()
    }

    fn reports() -> (Report, Report) {
        use Severity::{Critical, Info, Warning};
        let before = Report {
            problems: vec![
                problem("gone", Warning, 5, 1.0),
                problem("worse", Warning, 5, 1.0),
                problem("better", Critical, 5, 1.0),
                problem("same", Info, 5, 1.0),
                problem("accepted", Info, 5, 1.0),
            ],
            per_endpoint_io_ops: vec![
                ops("/a", 10, 5),
                ops("/gone", 4, 1),
                ops("/same", 3, 3),
                ops("/busier", 2, 1),
            ],
            ..Report::default()
        };
        let accepted = Acknowledged { problem: problem("accepted", Info, 5, 1.0), ..Acknowledged::default() };
        let after = Report {
            problems: vec![
                problem("new mild", Info, 2, 1.0),
                problem("new bad", Critical, 2, 1.0),
                problem("worse", Critical, 9, 1.0),
                problem("better", Info, 5, 0.5),
                problem("same", Info, 5, 1.0),
            ],
            acknowledged: vec![accepted],
            per_endpoint_io_ops: vec![
                ops("/a", 30, 5),
                ops("/new", 1, 1),
                ops("/same", 3, 3),
                ops("/busier", 4, 2),
            ],
            ..Report::default()
        };
        (before, after)
    }

    #[test]
    fn problems_come_and_go() {
        let (before, after) = reports();
        let diff = diff(&before, &after);
        assert_eq!(names(&diff.new_problems), ["new bad", "new mild"]);
        assert_eq!(names(&diff.resolved_problems), ["gone"]);
        assert_eq!(diff.resolved_problems[0].status, Some(ProblemStatus::Resolved));
    }

    #[test]
    fn problems_that_stay_get_worse_or_better() {
        let (before, after) = reports();
        let diff = diff(&before, &after);
        let severities: Vec<_> = diff
            .severity_changes
            .iter()
            .map(|change| {
                (change.problem.fingerprint.as_str(), change.before_severity, change.after_severity)
            })
            .collect();
        assert_eq!(
            severities,
            [
                ("worse", Severity::Warning, Severity::Critical),
                ("better", Severity::Critical, Severity::Info)
            ]
        );
        let counts: Vec<_> = diff
            .problem_changes
            .iter()
            .map(|change| (change.fingerprint.as_str(), change.occurrences.increase(), change.p95_us))
            .collect();
        let p95 = |before, after| Some(FigureDelta { before, after });
        assert_eq!(counts, [("worse", 4.0, p95(1.0, 1.0)), ("better", 0.0, p95(1.0, 0.5))]);
    }

    #[test]
    fn endpoints_are_compared_by_count_and_per_request() {
        let (before, after) = reports();
        let deltas: Vec<_> = diff(&before, &after)
            .endpoint_metric_deltas
            .into_iter()
            .map(|delta| (delta.endpoint, delta.delta, delta.io_intensity_score.increase()))
            .collect();
        // /a: 30/5 - 10/5 = 4 more per request. /busier: twice the traffic, the same per request.
        let expect = [("/a", 20, 4.0), ("/busier", 2, 0.0), ("/new", 1, 1.0), ("/gone", -4, -4.0)];
        assert_eq!(deltas, expect.map(|(name, delta, score)| (name.to_owned(), delta, score)));
    }

    #[test]
    fn a_report_does_not_differ_from_itself_and_order_is_no_difference() {
        let (before, mut after) = reports();
        let same = diff(&before, &before);
        assert!(same.new_problems.is_empty() && same.resolved_problems.is_empty());
        assert!(same.severity_changes.is_empty() && same.problem_changes.is_empty());
        assert!(same.endpoint_metric_deltas.is_empty());
        let expect = diff(&before, &after);
        after.problems.reverse();
        after.per_endpoint_io_ops.reverse();
        assert_eq!(diff(&before, &after), expect);
    }
}
