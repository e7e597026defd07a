//! Where problems stand against a saved report: new, known, gone.

use crate::report::{Problem, ProblemStatus, Report};
use std::collections::BTreeSet;

/// Sets the status of every problem by its fingerprint and returns the problems of the baseline that
/// did not come back, in the baseline's order.
///
/// Call it before acknowledgments take problems out: an acknowledged problem is still there, so it is
/// not resolved, and one that was acknowledged in the baseline is not new when its time is over.
pub fn compare(now: &mut [Problem], baseline: &Report) -> Vec<Problem> {
    let known = fingerprints(baseline);
    for problem in now.iter_mut() {
        let is_known = known.contains(problem.fingerprint.as_str());
        problem.status = Some(if is_known { ProblemStatus::Existing } else { ProblemStatus::New });
    }
    let present: BTreeSet<&str> = now.iter().map(|problem| problem.fingerprint.as_str()).collect();
    let gone = baseline.problems.iter().filter(|problem| !present.contains(problem.fingerprint.as_str()));
    gone.map(|problem| Problem { status: Some(ProblemStatus::Resolved), ..problem.clone() }).collect()
}

/// Fingerprints of a report, those of acknowledged problems included.
pub(super) fn fingerprints(report: &Report) -> BTreeSet<&str> {
    let acknowledged = report.acknowledged.iter().map(|acknowledged| &acknowledged.problem);
    report.problems.iter().chain(acknowledged).map(|problem| problem.fingerprint.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Acknowledged;

    fn problems(fingerprints: &[&str]) -> Vec<Problem> {
        let problem = |text: &&str| Problem { fingerprint: (*text).into(), ..Problem::default() };
        fingerprints.iter().map(problem).collect()
    }

    #[test]
    fn problems_are_new_existing_or_resolved() {
        let acknowledged = problems(&["accepted", "accepted and gone"]);
        let baseline = Report {
            problems: problems(&["gone", "stays"]),
            acknowledged: acknowledged
                .into_iter()
                .map(|problem| Acknowledged { problem, ..Acknowledged::default() })
                .collect(),
            ..Report::default()
        };
        let mut now = problems(&["stays", "fresh", "accepted"]);
        let resolved = compare(&mut now, &baseline);
        let status: Vec<_> = now.iter().map(|problem| problem.status).collect();
        use ProblemStatus::{Existing, New, Resolved};
        assert_eq!(status, [Some(Existing), Some(New), Some(Existing)]);
        assert_eq!(resolved.len(), 1);
        assert_eq!((resolved[0].fingerprint.as_str(), resolved[0].status), ("gone", Some(Resolved)));
    }
}
