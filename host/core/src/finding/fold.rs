//! Findings into problems, unit of traces by unit. What detectors say about rows becomes texts and figures while
//! the rows are at hand; what a stronger finding already covers is dropped; what is the same problem is added up. Of
//! each problem only the worst findings are kept, so that a run of any length ends up in a report of bounded size.

use super::covers::{Covers, strongest_first};
use super::instance::{Instance, MergedRows, instance, worst_first};
use super::problem::{Finished, Sums};
use super::saved::{Saved, SavedRows};
use super::stats::Distribution;
use super::{Identity, fingerprint, signature};
use crate::energy::{Scorer, Tally};
use crate::plugin::{Manifest, RawFinding, Rule};
use crate::report::{Finding, Problem, Severity};
use crate::semconv::CoverageTable;
use crate::trace::{IdTable, IoKind, SealedTrace, TextId, Texts, TraceId};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Shortest problem id, in hexadecimal digits.
const SHORT_ID: usize = 8;

/// A finding with the detector that made it. `raw.trace` is an index into the traces it comes with.
#[derive(Clone, Debug)]
pub struct Detected {
    /// Index of the detector.
    pub detector: usize,
    /// What it said.
    pub raw: RawFinding,
}

/// What the configuration says about one rule of one detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSetting {
    /// Whether findings of this type are reported.
    pub enabled: bool,
    /// Severity in place of the detector's.
    pub severity: Option<Severity>,
}

impl Default for RuleSetting {
    fn default() -> Self {
        RuleSetting { enabled: true, severity: None }
    }
}

/// Findings the operator does not want to see.
pub trait Ignore: Sync {
    /// Returns whether such a finding is to be ignored.
    fn ignores(&self, identity: &Identity<'_>) -> bool;
}

/// Ignores no finding.
#[derive(Clone, Copy, Debug, Default)]
pub struct IgnoreNothing;

impl Ignore for IgnoreNothing {
    fn ignores(&self, _: &Identity<'_>) -> bool {
        false
    }
}

/// A detector, as far as folding goes.
pub struct Judge<'a> {
    /// Id in the configuration.
    pub id: &'a str,
    /// What it says about itself.
    pub manifest: &'a Manifest,
    /// What the configuration says about its rules, by name; a rule that is not named is enabled.
    pub rules: BTreeMap<&'a str, RuleSetting>,
}

/// What is the same for all findings of a run.
pub struct Source<'a> {
    /// Texts of the traces.
    pub texts: &'a Texts,
    /// What the spans carried: it knows the language of each service.
    pub coverage: &'a CoverageTable,
    /// Spellings of ids.
    pub ids: &'a IdTable,
    /// Detectors, by number.
    pub detectors: Vec<Judge<'a>>,
    /// What is not to be reported.
    pub ignore: &'a dyn Ignore,
    /// Findings kept of each problem, at least 1: the worst ones.
    pub findings_per_problem: usize,
}

/// What folding came to.
#[derive(Debug, Default)]
pub struct Folded {
    /// Problems, worst first.
    pub problems: Vec<Problem>,
    /// Their worst findings, in the order of the problems.
    pub findings: Vec<Finding>,
    /// Findings that are counted in the problems, but not in `findings`.
    pub not_listed: u64,
    /// Round trips that need not have happened, by the problems that say so.
    pub saved: Saved,
    /// Findings ignored by the configuration.
    pub ignored: u64,
    /// Problems that stayed below their quorum, ordered.
    pub below_quorum: Vec<BelowQuorum>,
    /// Findings dropped in favour of a stronger one, ordered.
    pub yielded: Vec<Yielded>,
}

/// What folding came to for a part of a stream of traces.
#[derive(Debug, Default)]
pub struct FoldedPart {
    /// Problems, worst first.
    pub problems: Vec<ProblemPart>,
    /// Round trips that need not have happened, by kind, each once.
    pub avoidable: BTreeMap<IoKind, Tally>,
    /// Findings ignored by the configuration.
    pub ignored: u64,
}

/// What a part of a stream of traces adds to a problem.
#[derive(Clone, Debug)]
pub struct ProblemPart {
    /// The problem, as if there were no other traces.
    pub problem: Problem,
    /// Its worst findings, worst first.
    pub findings: Vec<Finding>,
    /// Occurrences from which on it is reported.
    pub quorum: u64,
    /// Durations of the spans.
    pub durations: Distribution,
}

/// A problem that occurred too rarely over all traces to be reported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BelowQuorum {
    /// Its type.
    pub kind: String,
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// What it is about: the normalized operation, or the findings' own subject.
    pub template: String,
    /// Occurrences over all instances.
    pub occurrences: u64,
    /// Occurrences that would be enough.
    pub quorum: u64,
}

/// Findings dropped because a stronger one of the same trace covers their spans: those of one identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Yielded {
    /// Their type.
    pub kind: String,
    /// Type of the stronger ones.
    pub to: String,
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// What they were about: the normalized operation, or the findings' own subject.
    pub template: String,
    /// How many.
    pub findings: u64,
    /// Calls the largest of them counted.
    pub occurrences: u64,
    /// Its trace, as the input spells it.
    pub trace_id: String,
}

/// What makes findings the same problem, as numbers: type, service, endpoint, subject, grouping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    kind: usize,
    service: TextId,
    endpoint: TextId,
    subject: TextId,
    grouping: TextId,
}

impl Key {
    fn identity<'a>(&self, kinds: &[&'a str], texts: &'a Texts) -> Identity<'a> {
        Identity {
            kind: kinds[self.kind],
            service: texts.get(self.service),
            endpoint: texts.get(self.endpoint),
            subject: texts.get(self.subject),
            grouping: texts.get(self.grouping),
        }
    }
}

/// Collects findings, unit by unit. The result depends on the set of findings, not on their order.
pub struct Folder<'a> {
    source: &'a Source<'a>,
    /// A handle of its own: subjects that detectors make up become numbers too.
    texts: Texts,
    /// Finding types, the stronger first.
    kinds: Vec<&'a str>,
    /// Position in `kinds`, by detector and rule.
    kind_of: Vec<Vec<usize>>,
    problems: Vec<Sums>,
    /// Number of the problem; none when the configuration ignores it.
    by_key: FxHashMap<Key, Option<usize>>,
    saved: SavedRows,
    ignored: u64,
    yielded: FxHashMap<(Key, &'a str), YieldedSums>,
}

/// Findings of one identity that gave way.
#[derive(Default)]
struct YieldedSums {
    findings: u64,
    /// Calls and trace.
    largest: Option<(u64, Reverse<TraceId>)>,
}

impl<'a> Folder<'a> {
    /// Returns a folder without findings.
    pub fn new(source: &'a Source<'a>) -> Folder<'a> {
        let kinds = strongest_first(source);
        let position = |rule: &Rule| kinds.iter().position(|kind| *kind == rule.name).unwrap_or_default();
        let of = |judge: &Judge<'_>| judge.manifest.rules.iter().map(position).collect();
        Folder {
            kind_of: source.detectors.iter().map(of).collect(),
            source,
            texts: source.texts.handle(),
            kinds,
            problems: Vec::new(),
            by_key: FxHashMap::default(),
            saved: SavedRows::default(),
            ignored: 0,
            yielded: FxHashMap::default(),
        }
    }

    /// Adds the findings about some traces, which come whole: all findings of a trace at once. `scorer` prices what
    /// could be saved.
    pub fn add(&mut self, traces: &[SealedTrace], mut detected: Vec<Detected>, scorer: &mut Scorer<'_>) {
        detected.sort_by_key(|detected| detected.raw.trace);
        for about_one in detected.chunk_by(|a, b| a.raw.trace == b.raw.trace) {
            self.add_trace(&traces[about_one[0].raw.trace], about_one, scorer);
        }
    }

    /// Finding types are decided one after the other, the stronger first: only what is reported for sure, or itself
    /// gives way to something that is, takes a weaker finding out. What is switched off, ignored, or by itself below
    /// its quorum does not.
    fn add_trace(&mut self, trace: &SealedTrace, detected: &[Detected], scorer: &mut Scorer<'_>) {
        let mut by_kind: BTreeMap<usize, Vec<(&Detected, Key)>> = BTreeMap::new();
        for detected in detected {
            let (_, setting) = self.rule(detected);
            if !setting.enabled {
                continue;
            }
            let key = self.key(trace, detected);
            match self.by_key.get(&key) {
                Some(None) => self.ignored += 1,
                None if self.source.ignore.ignores(&self.identity(&key)) => {
                    self.by_key.insert(key, None);
                    self.ignored += 1;
                }
                _ => by_kind.entry(key.kind).or_default().push((detected, key)),
            }
        }
        let (mut covers, mut merged) = (Covers::default(), MergedRows::default());
        for (kind, findings) in by_kind {
            for (detected, key) in findings {
                let RawFinding { rows, occurrences, quorum, .. } = &detected.raw;
                let stronger = covers.stronger(self.rule(detected).0, rows);
                match stronger {
                    Some(stronger) => {
                        let sums = self.yielded.entry((key, stronger)).or_default();
                        sums.findings += 1;
                        sums.largest = sums.largest.max(Some((*occurrences, Reverse(trace.id))));
                    }
                    None => self.take(trace, detected, key, &mut merged, scorer),
                }
                if stronger.is_some() || occurrences >= quorum {
                    covers.add(rows);
                }
            }
            covers.finish(self.kinds[kind]);
        }
        self.saved.end_of_trace(trace, &mut self.problems, scorer);
    }

    /// Adds a finding to its problem.
    fn take(
        &mut self,
        trace: &SealedTrace,
        detected: &Detected,
        key: Key,
        merged: &mut MergedRows,
        scorer: &mut Scorer<'_>,
    ) {
        let (rule, setting) = self.rule(detected);
        let raw = &detected.raw;
        let problem = match self.by_key.get(&key).copied().flatten() {
            Some(problem) => problem,
            None => {
                self.problems
                    .push(Sums::new(fingerprint(&self.identity(&key)), signature(&self.identity(&key))));
                self.by_key.insert(key, Some(self.problems.len() - 1));
                self.problems.len() - 1
            }
        };
        let tally = self.saved.claim(trace, problem, &raw.avoidable, scorer);
        let severity = setting.severity.unwrap_or(raw.severity);
        let identity = key.identity(&self.kinds, &self.texts);
        let sums = &mut self.problems[problem];
        sums.add(trace, raw, severity);
        let most = self.source.findings_per_problem.max(1);
        if sums.wants(severity, raw.occurrences, trace.start_ns(), most) {
            let id = self.source.detectors[detected.detector].id;
            let saved = (tally.ops, scorer.price(&tally));
            sums.keep(instance(self.source, id, rule, &identity, severity, trace, raw, merged, saved), most);
        }
    }

    fn rule(&self, detected: &Detected) -> (&'a Rule, RuleSetting) {
        let judge = &self.source.detectors[detected.detector];
        let rule = &judge.manifest.rules[detected.raw.rule];
        (rule, judge.rules.get(rule.name.as_str()).copied().unwrap_or_default())
    }

    fn key(&mut self, trace: &SealedTrace, detected: &Detected) -> Key {
        let raw = &detected.raw;
        let row = raw.rows[0] as usize;
        let anchor = &trace.spans[row];
        Key {
            kind: self.kind_of[detected.detector][raw.rule],
            service: anchor.service,
            endpoint: trace.endpoints[row],
            subject: if raw.subject.is_empty() { anchor.template } else { self.texts.intern(&raw.subject) },
            grouping: anchor.grouping,
        }
    }

    fn identity(&self, key: &Key) -> Identity<'_> {
        key.identity(&self.kinds, &self.texts)
    }

    /// Returns what all findings came to.
    pub fn finish(mut self, scorer: &Scorer<'_>) -> Folded {
        let mut folded = Folded { ignored: self.ignored, yielded: self.yielded(), ..Folded::default() };
        let mut reported: Vec<(usize, Problem, Vec<Instance>)> = Vec::new();
        for (number, sums) in std::mem::take(&mut self.problems).into_iter().enumerate() {
            let Finished { problem, mut instances, quorum, .. } =
                sums.finish(scorer, self.source.findings_per_problem.max(1));
            if problem.occurrences < quorum {
                folded.below_quorum.push(below_quorum(problem, quorum));
                continue;
            }
            instances.sort_by(worst_first);
            reported.push((number, problem, instances));
        }
        folded.below_quorum.sort_unstable();
        reported.sort_by(|(_, a, _), (_, b, _)| order(a).cmp(&order(b)));
        name(&mut reported);
        folded.saved = self.saved.finish(reported.iter().map(|(number, ..)| *number));
        for (_, problem, instances) in reported {
            folded.not_listed += problem.instances - instances.len() as u64;
            for instance in instances {
                folded.findings.push(Finding { problem_id: problem.id.clone(), ..instance.finding });
            }
            folded.problems.push(problem);
        }
        folded
    }

    /// Returns what all findings came to, for [`Standing`](super::Standing): problems below their quorum too, as there
    /// may be more of them later.
    pub fn finish_part(mut self, scorer: &Scorer<'_>) -> FoldedPart {
        let mut part = FoldedPart { ignored: self.ignored, ..FoldedPart::default() };
        for sums in std::mem::take(&mut self.problems) {
            let Finished { mut problem, mut instances, quorum, durations } =
                sums.finish(scorer, self.source.findings_per_problem.max(1));
            instances.sort_by(worst_first);
            problem.id = digits(&problem)[..SHORT_ID].to_owned();
            let findings = instances.into_iter();
            let findings =
                findings.map(|one| Finding { problem_id: problem.id.clone(), ..one.finding }).collect();
            part.problems.push(ProblemPart { problem, findings, quorum, durations });
        }
        part.problems.sort_by(|a, b| order(&a.problem).cmp(&order(&b.problem)));
        part.avoidable = self.saved.finish(0..part.problems.len()).by(|_| true);
        part
    }

    fn yielded(&self) -> Vec<Yielded> {
        let one = |(&(key, to), sums): (&(Key, &str), &YieldedSums)| {
            let (occurrences, Reverse(trace)) = sums.largest.unwrap_or_default();
            let Identity { kind, service, endpoint, subject, .. } = self.identity(&key);
            Yielded {
                kind: kind.to_owned(),
                to: to.to_owned(),
                service: service.to_owned(),
                endpoint: endpoint.to_owned(),
                template: subject.to_owned(),
                findings: sums.findings,
                occurrences,
                trace_id: self.source.ids.trace_text(trace),
            }
        };
        let mut yielded: Vec<Yielded> = self.yielded.iter().map(one).collect();
        yielded.sort_unstable();
        yielded
    }
}

/// Folds the findings of one unit, which is all there is.
pub fn fold(
    source: &Source<'_>,
    traces: &[SealedTrace],
    detected: Vec<Detected>,
    scorer: &mut Scorer<'_>,
) -> Folded {
    let mut folder = Folder::new(source);
    folder.add(traces, detected, scorer);
    folder.finish(scorer)
}

fn below_quorum(problem: Problem, quorum: u64) -> BelowQuorum {
    let Problem { kind, service, source_endpoint, template, occurrences, .. } = problem;
    BelowQuorum { kind, service, endpoint: source_endpoint, template, occurrences, quorum }
}

/// Total order of problems: the fingerprint is the last tiebreak, and unique.
fn order(problem: &Problem) -> impl Ord + use<'_> {
    let saved = problem.green_impact.estimated_extra_io_ops;
    (
        Reverse((problem.severity, saved, problem.occurrences)),
        (&problem.kind, &problem.service, &problem.source_endpoint, &problem.template, &problem.fingerprint),
    )
}

/// Gives every problem the shortest id of at least [`SHORT_ID`] digits that no other problem shares.
fn name(problems: &mut [(usize, Problem, Vec<Instance>)]) {
    let mut all: Vec<String> = problems.iter().map(|(_, problem, _)| digits(problem).to_owned()).collect();
    all.sort_unstable();
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    for (_, problem, _) in problems {
        let digits = digits(problem).to_owned();
        let at = all.partition_point(|other| *other < digits);
        let before = at.checked_sub(1).map_or(0, |before| shared(&all[before], &digits));
        let after = all.get(at + 1).map_or(0, |after| shared(after, &digits));
        let length = (before.max(after) + 1).max(SHORT_ID).min(digits.len());
        problem.id = digits[..length].to_owned();
    }
}

fn digits(problem: &Problem) -> &str {
    problem.fingerprint.split_once(':').map_or(problem.fingerprint.as_str(), |(_, digits)| digits)
}

/// Returns the list in order, each element once.
pub(super) fn sorted_once<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}
