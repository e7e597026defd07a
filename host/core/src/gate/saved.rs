//! A saved report judged anew: by the rules, the acknowledgments and the baseline of today.

use super::{GateInput, GateOptions, compare, judge};
use crate::acknowledge::{self, Acknowledgment, Date};
use crate::report::{Acknowledged, Problem, Report};
use std::collections::{BTreeMap, HashMap};

/// What a saved report is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Anew<'a> {
    /// Rules.
    pub options: &'a GateOptions,
    /// Acknowledgments that count besides those saved with the report; none count at all where this is absent.
    pub acknowledgments: Option<&'a [Acknowledgment]>,
    /// Today, in UTC.
    pub today: Date,
    /// Report to compare with.
    pub baseline: Option<&'a Report>,
}

/// Compares a saved report with the baseline, acknowledges its problems and judges it, as if its traces had been
/// analysed today. What was acknowledged when it was saved stays so until that ends.
///
/// A report does not carry the rows behind its problems, so the round trips that count as avoidable are those of
/// the problems that are not acknowledged, and no more than all: exact unless problems share round trips.
pub fn judge_saved(report: &mut Report, anew: &Anew<'_>) {
    let saved = std::mem::take(&mut report.acknowledged);
    let mut problems = std::mem::take(&mut report.problems);
    problems.extend(saved.iter().map(|entry| entry.problem.clone()));
    worst_first(report, &mut problems, |problem| problem);
    if let Some(baseline) = anew.baseline {
        report.resolved = compare(&mut problems, baseline);
    }
    acknowledge(report, problems, saved, anew);
    acknowledge::mark(&mut report.findings, &report.acknowledged);
    let of_problems = report.problems.iter().map(|problem| problem.green_impact.estimated_extra_io_ops).sum();
    report.quality_gate = judge(
        anew.options,
        &GateInput {
            problems: &report.problems,
            analysis: &report.analysis,
            plugins: &report.plugins,
            usable_spans: report.coverage.iter().map(|row| row.with_text).sum(),
            total_io_ops: report.green_summary.total_io_ops,
            avoidable_io_ops: report.green_summary.avoidable_io_ops.min(of_problems),
            has_baseline: anew.baseline.is_some(),
        },
    );
}

/// Takes acknowledged problems out: by an acknowledgment of today, else by the one saved with the report.
fn acknowledge(report: &mut Report, problems: Vec<Problem>, saved: Vec<Acknowledged>, anew: &Anew<'_>) {
    let Some(entries) = anew.acknowledgments else {
        report.problems = problems;
        return;
    };
    let holds = |entry: &Acknowledged| {
        let last: Option<Date> = entry.expires_at.as_ref().and_then(|last| last.parse().ok());
        last.is_none_or(|last| anew.today <= last)
    };
    let saved = saved.into_iter().filter(holds);
    let mut saved: HashMap<String, Acknowledged> =
        saved.map(|entry| (entry.problem.fingerprint.clone(), entry)).collect();
    let applied = acknowledge::apply(problems, entries, anew.today);
    report.acknowledged = applied.acknowledged;
    for problem in applied.kept {
        match saved.remove(&problem.fingerprint) {
            Some(entry) => report.acknowledged.push(Acknowledged { problem, ..entry }),
            None => report.problems.push(problem),
        }
    }
    let mut acknowledged = std::mem::take(&mut report.acknowledged);
    worst_first(report, &mut acknowledged, |entry| &entry.problem);
    report.acknowledged = acknowledged;
    report.warnings.retain(|warning| !acknowledge::WARNINGS.contains(&warning.kind.as_str()));
    report.warnings.extend(applied.warnings);
    report.warnings.sort();
    report.warnings.dedup();
}

/// Sorts as the report was: its findings are in the order of all problems, acknowledged or not.
fn worst_first<T>(report: &Report, entries: &mut [T], problem: fn(&T) -> &Problem) {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, finding) in report.findings.iter().enumerate() {
        order.entry(&finding.problem_id).or_insert(at);
    }
    entries.sort_by_key(|entry| order.get(problem(entry).id.as_str()).copied().unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledge::Selector;
    use crate::gate::{Verdict, verdict};
    use crate::report::{Coverage, Finding, GreenImpact, GreenSummary, ProblemStatus, Severity};

    /// A report with problems of so many avoidable round trips each, of 100; the first is critical for the gate.
    fn report(problems: &[(&str, u64)]) -> Report {
        let problem = |(id, avoidable): &(&str, u64)| Problem {
            id: (*id).into(),
            fingerprint: (*id).into(),
            kind: "n_plus_one_sql".into(),
            severity: if *id == "first" { Severity::Critical } else { Severity::Warning },
            green_impact: GreenImpact { estimated_extra_io_ops: *avoidable, ..GreenImpact::default() },
            ..Problem::default()
        };
        let finding = |(id, _): &(&str, u64)| Finding { problem_id: (*id).into(), ..Finding::default() };
        Report {
            problems: problems.iter().map(problem).collect(),
            findings: problems.iter().map(finding).collect(),
            green_summary: GreenSummary {
                total_io_ops: 100,
                avoidable_io_ops: problems.iter().map(|(_, avoidable)| avoidable).sum(),
                ..GreenSummary::default()
            },
            coverage: vec![Coverage { with_text: 100, ..Coverage::default() }],
            ..Report::default()
        }
    }

    fn entry(identity: &str, expires_at: Option<&str>) -> Acknowledgment {
        Acknowledgment {
            entry: 1,
            line: 1,
            selector: Selector { identity: Some(identity.into()), ..Selector::default() },
            acknowledged_by: "ada".into(),
            acknowledged_at: "2026-01-01".into(),
            reason: "measured".into(),
            expires_at: expires_at.map(|day| day.parse().unwrap()),
        }
    }

    /// Judges, and returns the verdict with the ids of problems and of acknowledged ones.
    fn judged(
        report: &mut Report,
        acknowledgments: Option<&[Acknowledgment]>,
        today: &str,
    ) -> (Verdict, String, String) {
        let options = GateOptions::default();
        judge_saved(
            report,
            &Anew { options: &options, acknowledgments, today: today.parse().unwrap(), baseline: None },
        );
        let ids = |problems: &mut dyn Iterator<Item = &Problem>| {
            problems.map(|problem| problem.id.clone()).collect::<Vec<_>>().join(" ")
        };
        (
            verdict(&report.quality_gate),
            ids(&mut report.problems.iter()),
            ids(&mut report.acknowledged.iter().map(|entry| &entry.problem)),
        )
    }

    /// Scenario: an acknowledgment made after the report was saved. Guarantees: it counts, also for the waste ratio.
    #[test]
    fn acknowledgments_of_today_count() {
        let mut report = report(&[("first", 25), ("second", 10)]);
        let expect = |verdict, open: &str, accepted: &str| (verdict, open.to_owned(), accepted.to_owned());
        assert_eq!(
            judged(&mut report.clone(), Some(&[]), "2026-06-01"),
            expect(Verdict::Failed, "first second", "")
        );
        let entries = [entry("first", None)];
        let passed = expect(Verdict::Passed, "second", "first");
        assert_eq!(judged(&mut report, Some(&entries), "2026-06-01"), passed);
        assert_eq!(report.quality_gate.rules[3].actual, 0.1);
        let marked: Vec<bool> = report.findings.iter().map(|finding| finding.acknowledged).collect();
        assert_eq!(marked, [true, false]);
    }

    /// Scenario: a report saved with an acknowledgment. Guarantees: it holds until it ends, or until nobody wants any;
    /// then the problem is back in its place.
    #[test]
    fn saved_acknowledgments_hold_until_they_end() {
        let mut saved = report(&[("first", 25), ("second", 10), ("third", 0)]);
        judged(&mut saved, Some(&[entry("second", Some("2026-06-30"))]), "2026-06-01");
        assert_eq!(saved.acknowledged.len(), 1);
        for (acknowledgments, today, open, accepted) in [
            (Some(&[][..]), "2026-06-30", "first third", "second"),
            (Some(&[]), "2026-07-01", "first second third", ""),
            (None, "2026-06-30", "first second third", ""),
            (Some(&[entry("first", None)]), "2026-06-30", "third", "first second"),
        ] {
            let mut report = saved.clone();
            let (_, is_open, is_accepted) = judged(&mut report, acknowledgments, today);
            assert_eq!((is_open.as_str(), is_accepted.as_str()), (open, accepted), "{today}");
            let marked = report.findings.iter().filter(|finding| finding.acknowledged).count();
            assert_eq!(marked, report.acknowledged.len());
        }
    }

    /// Scenario: a problem of the baseline is acknowledged now. Guarantees: it is still there, so it is not resolved.
    #[test]
    fn what_is_acknowledged_is_not_resolved() {
        let baseline = report(&[("first", 1), ("gone", 1)]);
        let mut now = report(&[("first", 1), ("new", 1)]);
        judged(&mut now, Some(&[entry("first", None)]), "2026-06-01");
        let options = GateOptions { max_new: Some(0), ..GateOptions::default() };
        let today = "2026-06-01".parse().unwrap();
        judge_saved(
            &mut now,
            &Anew { options: &options, acknowledgments: Some(&[]), today, baseline: Some(&baseline) },
        );
        assert_eq!(now.resolved.iter().map(|problem| problem.id.as_str()).collect::<Vec<_>>(), ["gone"]);
        assert_eq!(now.problems[0].status, Some(ProblemStatus::New));
        assert_eq!(verdict(&now.quality_gate), Verdict::Failed);
    }
}
