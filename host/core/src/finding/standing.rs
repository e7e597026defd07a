//! The problems of a running system: what parts of the stream add up to, when each problem was first and last seen,
//! and whether it is new, goes on, is gone, or has come back. Time is an argument.

use super::fold::ProblemPart;
use super::instance::level;
use super::stats::Distribution;
use crate::report::{Bounds, Finding, Problem};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Trace ids listed in a problem.
const MAX_TRACE_IDS: usize = 20;

/// How problems are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingOptions {
    /// Problems kept; those that were not seen for the longest time go first.
    pub max_problems: usize,
    /// Findings kept of each, the worst ones.
    pub findings_per_problem: usize,
    /// Nanoseconds after which a problem that was not seen is resolved.
    pub resolved_after_ns: u64,
    /// Nanoseconds for which a problem is new, or regressed.
    pub new_for_ns: u64,
}

/// Where a problem stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StandingStatus {
    /// Seen for the first time a short time ago.
    New,
    /// Seen for a while.
    Existing,
    /// Not seen for some time.
    Resolved,
    /// Seen again a short time ago, after it had been resolved.
    Regressed,
}

impl StandingStatus {
    /// Returns the word used in documents.
    pub fn word(self) -> &'static str {
        match self {
            StandingStatus::New => "new",
            StandingStatus::Existing => "existing",
            StandingStatus::Resolved => "resolved",
            StandingStatus::Regressed => "regressed",
        }
    }
}

/// A problem and its history. Times are nanoseconds since the epoch by the clock of whoever adds.
#[derive(Clone, Debug)]
pub struct StandingProblem {
    /// What all parts come to.
    pub problem: Problem,
    /// Its worst findings, worst first.
    pub findings: Vec<Finding>,
    /// Occurrences from which on it is reported.
    pub quorum: u64,
    /// When it was first seen.
    pub first_seen_ns: u64,
    /// When it was last seen.
    pub last_seen_ns: u64,
    /// When it came back after it had been resolved.
    pub regressed_ns: Option<u64>,
    durations: Distribution,
}

impl StandingProblem {
    /// Returns a problem as it was kept elsewhere. What its percentiles were made of is not kept: they start anew.
    pub fn restored(
        problem: Problem,
        findings: Vec<Finding>,
        quorum: u64,
        (first_seen_ns, last_seen_ns, regressed_ns): (u64, u64, Option<u64>),
    ) -> StandingProblem {
        let durations = Distribution::default();
        StandingProblem { problem, findings, quorum, first_seen_ns, last_seen_ns, regressed_ns, durations }
    }

    /// Whether it occurred often enough to be reported.
    pub fn is_reported(&self) -> bool {
        self.problem.occurrences >= self.quorum
    }

    /// Returns where it stands at a time.
    pub fn status(&self, now_ns: u64, options: &StandingOptions) -> StandingStatus {
        let since = |then: u64| now_ns.saturating_sub(then);
        match self.regressed_ns {
            _ if since(self.last_seen_ns) > options.resolved_after_ns => StandingStatus::Resolved,
            Some(regressed) if since(regressed) <= options.new_for_ns => StandingStatus::Regressed,
            None if since(self.first_seen_ns) <= options.new_for_ns => StandingStatus::New,
            _ => StandingStatus::Existing,
        }
    }

    fn add(&mut self, part: ProblemPart, now_ns: u64, options: &StandingOptions) {
        if now_ns.saturating_sub(self.last_seen_ns) > options.resolved_after_ns {
            self.regressed_ns = Some(now_ns);
        }
        self.last_seen_ns = self.last_seen_ns.max(now_ns);
        self.quorum = self.quorum.min(part.quorum);
        self.durations.merge(&part.durations);
        let ProblemPart { problem: more, findings, .. } = part;
        let known = &mut self.problem;
        known.severity = known.severity.max(more.severity);
        known.confidence = known.confidence.max(more.confidence);
        known.confidence_level = level(known.confidence);
        known.instances = known.instances.saturating_add(more.instances);
        known.occurrences = known.occurrences.saturating_add(more.occurrences);
        known.worst_occurrences = known.worst_occurrences.max(more.worst_occurrences);
        known.first_timestamp = std::mem::take(&mut known.first_timestamp).min(more.first_timestamp);
        known.last_timestamp = std::mem::take(&mut known.last_timestamp).max(more.last_timestamp);
        known.durations = self.durations.figures();
        known.suggested_fix = known.suggested_fix.take().or(more.suggested_fix);
        known.code_location = known.code_location.take().or(more.code_location);
        let (impact, added) = (&mut known.green_impact, more.green_impact);
        impact.estimated_extra_io_ops += added.estimated_extra_io_ops;
        (impact.io_intensity_score, impact.io_intensity_band) =
            (added.io_intensity_score, added.io_intensity_band);
        impact.energy_joules = sum(impact.energy_joules.take(), added.energy_joules);
        impact.carbon_gco2 = sum(impact.carbon_gco2.take(), added.carbon_gco2);
        let id = &known.id;
        self.findings.extend(findings.into_iter().map(|one| Finding { problem_id: id.clone(), ..one }));
        self.findings.sort_by(|a, b| order(a).cmp(&order(b)));
        self.findings.truncate(options.findings_per_problem.max(1));
        let ids = self.findings.iter().take(MAX_TRACE_IDS).map(|finding| finding.trace_id.clone());
        self.problem.trace_ids = ids.collect();
    }
}

/// Worst first, then the newest.
fn order(finding: &Finding) -> impl Ord + use<'_> {
    let key = (finding.severity, finding.pattern.occurrences, &finding.first_timestamp);
    (Reverse(key), &finding.trace_id, &finding.span_ids)
}

fn sum(a: Option<Bounds>, b: Option<Bounds>) -> Option<Bounds> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Bounds { low: a.low + b.low, mid: a.mid + b.mid, high: a.high + b.high }),
        (a, b) => a.or(b),
    }
}

/// What adding to a problem did to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Fingerprint of the problem.
    pub fingerprint: String,
    /// Whether it is reported now and was not before, or had been resolved.
    pub status: StandingStatus,
    /// Whether this is the first time it is reported.
    pub is_first: bool,
}

/// Problems by fingerprint.
#[derive(Clone, Debug)]
pub struct Standing {
    options: StandingOptions,
    problems: BTreeMap<String, StandingProblem>,
    forgotten: u64,
}

impl Standing {
    /// Returns no problems.
    pub fn new(options: StandingOptions) -> Standing {
        Standing { options, problems: BTreeMap::new(), forgotten: 0 }
    }

    /// How problems are kept.
    pub fn options(&self) -> &StandingOptions {
        &self.options
    }

    /// Changes how problems are kept.
    pub fn set_options(&mut self, options: StandingOptions) {
        self.options = options;
        self.forget();
    }

    /// Puts a problem back that was kept elsewhere.
    pub fn restore(&mut self, problem: StandingProblem) {
        self.problems.insert(problem.problem.fingerprint.clone(), problem);
        self.forget();
    }

    /// Adds what a part of the stream came to; tells of the problems that are reported.
    pub fn add(&mut self, parts: Vec<ProblemPart>, now_ns: u64) -> Vec<Seen> {
        let mut seen = Vec::new();
        for part in parts {
            let fingerprint = part.problem.fingerprint.clone();
            let was_reported = self.problems.get(&fingerprint).is_some_and(StandingProblem::is_reported);
            match self.problems.get_mut(&fingerprint) {
                Some(known) => known.add(part, now_ns, &self.options),
                None => self.insert(part, now_ns),
            }
            let Some(known) = self.problems.get(&fingerprint).filter(|known| known.is_reported()) else {
                continue;
            };
            let status = known.status(now_ns, &self.options);
            seen.push(Seen { fingerprint, status, is_first: !was_reported });
        }
        self.forget();
        seen
    }

    fn insert(&mut self, part: ProblemPart, now_ns: u64) {
        let ProblemPart { mut problem, mut findings, quorum, durations } = part;
        problem.id = self.free_id(&problem);
        findings.truncate(self.options.findings_per_problem.max(1));
        findings.iter_mut().for_each(|finding| finding.problem_id.clone_from(&problem.id));
        let known = StandingProblem {
            findings,
            quorum,
            first_seen_ns: now_ns,
            last_seen_ns: now_ns,
            regressed_ns: None,
            durations,
            problem,
        };
        self.problems.insert(known.problem.fingerprint.clone(), known);
    }

    /// Ids are never taken back, so the newcomer gets the longer one.
    fn free_id(&self, problem: &Problem) -> String {
        let digits =
            problem.fingerprint.split_once(':').map_or(&problem.fingerprint[..], |(_, digits)| digits);
        let taken = |id: &str| self.problems.values().any(|known| known.problem.id == id);
        let length = (problem.id.len()..digits.len()).find(|length| !taken(&digits[..*length]));
        digits[..length.unwrap_or(digits.len())].to_owned()
    }

    fn forget(&mut self) {
        while self.problems.len() > self.options.max_problems {
            let oldest = self.problems.iter().min_by_key(|(_, known)| known.last_seen_ns);
            let Some(fingerprint) = oldest.map(|(fingerprint, _)| fingerprint.clone()) else { break };
            self.problems.remove(&fingerprint);
            self.forgotten += 1;
        }
    }

    /// Problems that were forgotten because there were too many.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Returns a problem.
    pub fn get(&self, fingerprint: &str) -> Option<&StandingProblem> {
        self.problems.get(fingerprint)
    }

    /// All problems, by fingerprint, those below their quorum included.
    pub fn all(&self) -> impl Iterator<Item = &StandingProblem> {
        self.problems.values()
    }

    /// Problems that are reported, by fingerprint.
    pub fn reported(&self) -> impl Iterator<Item = &StandingProblem> {
        self.problems.values().filter(|known| known.is_reported())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;

    const OPTIONS: StandingOptions =
        StandingOptions { max_problems: 3, findings_per_problem: 2, resolved_after_ns: 100, new_for_ns: 50 };

    fn part(fingerprint: &str, occurrences: u64, quorum: u64) -> ProblemPart {
        let problem = Problem {
            id: fingerprint[4..12].to_owned(),
            fingerprint: fingerprint.to_owned(),
            occurrences,
            instances: 1,
            first_timestamp: format!("2026-01-01T00:00:{:02}Z", occurrences % 60),
            last_timestamp: format!("2026-01-01T00:00:{:02}Z", occurrences % 60),
            ..Problem::default()
        };
        let finding = Finding { severity: Severity::Warning, ..Finding::default() };
        let mut durations = Distribution::default();
        durations.add(occurrences * 1000);
        ProblemPart { problem, findings: vec![finding], quorum, durations }
    }

    const A: &str = "tw1:aaaaaaaa1000";

    #[test]
    fn parts_add_up_beyond_the_quorum() {
        let mut standing = Standing::new(OPTIONS);
        assert_eq!(standing.add(vec![part(A, 2, 5)], 0), []);
        assert_eq!(standing.reported().count(), 0);
        let seen = standing.add(vec![part(A, 3, 5)], 1);
        assert_eq!(seen, [Seen { fingerprint: A.to_owned(), status: StandingStatus::New, is_first: true }]);
        let known = standing.get(A).unwrap();
        let Problem { occurrences, instances, first_timestamp, last_timestamp, durations, .. } =
            &known.problem;
        assert_eq!((*occurrences, *instances), (5, 2));
        assert_eq!((&first_timestamp[17..19], &last_timestamp[17..19]), ("02", "03"));
        assert_eq!(durations.as_ref().map(|figures| (figures.p50_us, figures.max_us)), Some((2.0, 3.0)));
        assert!(!standing.add(vec![part(A, 1, 5)], 2)[0].is_first);
        assert_eq!(standing.get(A).unwrap().findings.len(), 2, "the worst are kept");
    }

    #[test]
    fn a_problem_is_new_then_existing_then_resolved_and_may_come_back() {
        let mut standing = Standing::new(OPTIONS);
        standing.add(vec![part(A, 1, 1)], 1000);
        let status = |standing: &Standing, now| standing.get(A).unwrap().status(now, &OPTIONS);
        assert_eq!(status(&standing, 1050), StandingStatus::New);
        assert_eq!(status(&standing, 1051), StandingStatus::Existing);
        assert_eq!(status(&standing, 1101), StandingStatus::Resolved);
        assert_eq!(standing.add(vec![part(A, 1, 1)], 1200)[0].status, StandingStatus::Regressed);
        assert_eq!(status(&standing, 1251), StandingStatus::Existing);
        standing.add(vec![part(A, 1, 1)], 900);
        assert_eq!(standing.get(A).unwrap().last_seen_ns, 1200, "the clock went back");
    }

    #[test]
    fn ids_stay_and_the_oldest_are_forgotten() {
        let mut standing = Standing::new(OPTIONS);
        for (at, fingerprint) in
            [A, "tw1:aaaaaaaa2000", "tw1:bbbbbbbb0000", "tw1:cccccccc0000"].iter().enumerate()
        {
            standing.add(vec![part(fingerprint, 1, 1)], at as u64);
            standing.add(vec![part(A, 1, 1)], at as u64);
        }
        let ids: Vec<&str> = standing.all().map(|known| &known.problem.id[..]).collect();
        assert_eq!(ids, ["aaaaaaaa", "bbbbbbbb", "cccccccc"]);
        assert_eq!(standing.forgotten(), 1);
        standing.add(vec![part("tw1:aaaaaaaa2000", 1, 1)], 9);
        assert_eq!(standing.get("tw1:aaaaaaaa2000").unwrap().problem.id, "aaaaaaaa2");
        assert!(standing.get("tw1:aaaaaaaa2000").unwrap().findings[0].problem_id == "aaaaaaaa2");
    }
}
