//! Findings into problems. What detectors say about rows becomes texts and figures; what a stronger finding
//! already covers is dropped ([`super::covers`]); what is the same problem is folded; a problem below its quorum
//! stays silent.

use super::covers::{Covers, strongest_first};
use super::framework::{self, Evidence};
use super::stats::durations;
use super::{Identity, fingerprint, signature};
use crate::plugin::{Manifest, RawFinding, Rule};
use crate::report::{
    CodeLocation, ConfidenceLevel, Finding, GreenImpact, Pattern, Problem, Severity, SuggestedFix,
};
use crate::semconv::CoverageTable;
use crate::time::rfc3339;
use crate::trace::{IdTable, NO_ROW, SealedTrace, Span, SpanFlags, TextId, Texts, TraceFlags};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use std::collections::BTreeMap;

/// Span ids listed in a finding.
const MAX_SPAN_IDS: usize = 64;
/// Trace ids listed in a problem.
const MAX_TRACE_IDS: usize = 20;
/// How far up callers are asked for scopes.
const MAX_CALLERS: usize = 8;
/// Shortest problem id, in hexadecimal digits.
const SHORT_ID: usize = 8;

/// A finding with the detector that made it. `raw.trace` is an index into the sealed traces.
#[derive(Clone, Debug)]
pub struct Detected {
    /// Index of the detector.
    pub detector: usize,
    /// What it said.
    pub raw: RawFinding,
}

/// What the configuration says about one finding type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSetting {
    /// Whether findings of this type are reported.
    pub enabled: bool,
    /// Severity in place of the detector's.
    pub severity: Option<Severity>,
}

/// Findings the operator does not want to see.
pub trait Ignore {
    /// Returns whether such a finding is to be ignored.
    fn ignores(&self, identity: &Identity<'_>) -> bool;
}

/// Ignores nothing.
#[derive(Clone, Copy, Debug)]
pub struct IgnoreNothing;

impl Ignore for IgnoreNothing {
    fn ignores(&self, _: &Identity<'_>) -> bool {
        false
    }
}

/// What findings are about, and what to know about the detectors.
pub struct Source<'a> {
    /// Sealed traces.
    pub traces: &'a [SealedTrace],
    /// Texts of the traces.
    pub texts: &'a Texts,
    /// What the spans carried: it knows the language of each service.
    pub coverage: &'a CoverageTable,
    /// Spellings of ids.
    pub ids: &'a IdTable,
    /// Id and manifest of each detector.
    pub detectors: Vec<(&'a str, &'a Manifest)>,
    /// Settings by finding type; a type not named is enabled.
    pub rules: &'a BTreeMap<String, RuleSetting>,
    /// What is not to be reported.
    pub ignore: &'a dyn Ignore,
}

/// What folding came to.
#[derive(Debug, Default)]
pub struct Folded {
    /// Problems, worst first.
    pub problems: Vec<Problem>,
    /// Their instances, in the order of the problems.
    pub findings: Vec<Finding>,
    /// Per problem: avoidable round trips as (trace, row), ordered.
    pub avoidable: Vec<Vec<(u32, u32)>>,
    /// Per finding: avoidable rows of its trace as (trace, row), ordered.
    pub finding_avoidable: Vec<Vec<(u32, u32)>>,
    /// Findings ignored by the configuration.
    pub ignored: u64,
    /// Problems that stayed below their quorum, ordered.
    pub below_quorum: Vec<BelowQuorum>,
    /// Findings dropped in favour of a stronger one, ordered.
    pub yielded: Vec<Yielded>,
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

/// A finding that was dropped because a stronger one covers its spans.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Yielded {
    /// Its type.
    pub kind: String,
    /// Type of the stronger one.
    pub to: String,
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// What it was about: the normalized operation, or the finding's own subject.
    pub template: String,
    /// Calls it counted.
    pub occurrences: u64,
    /// Trace, as the input spells it.
    pub trace_id: String,
}

/// One instance on its way into a problem.
struct Instance {
    finding: Finding,
    fingerprint: String,
    signature: String,
    quorum: u64,
    /// Index of the trace.
    trace: usize,
    /// Rows of the trace, the anchor first.
    rows: Vec<u32>,
    /// As (trace, row), each once, ordered.
    avoidable: Vec<(u32, u32)>,
    durations_ns: Vec<u64>,
    /// For the order: start of the trace.
    start_ns: u64,
}

/// Folds findings into problems. The result depends on the set of findings, not on their order.
///
/// Finding types are decided one after the other, the stronger first: only what is reported, or itself gives way
/// to something that is, takes a weaker finding out. What is switched off, ignored or below its quorum does not.
pub fn fold(source: &Source<'_>, detected: Vec<Detected>) -> Folded {
    let mut folded = Folded::default();
    let mut by_type: BTreeMap<&str, Vec<Detected>> = BTreeMap::new();
    for detected in detected {
        let rule = rule(source, &detected);
        if source.rules.get(&rule.name).is_some_and(|rule| !rule.enabled) {
            continue;
        }
        if source.ignore.ignores(&identity(source, &detected)) {
            folded.ignored += 1;
            continue;
        }
        by_type.entry(&rule.name).or_default().push(detected);
    }
    let mut merged = MergedRows::default();
    let mut covers = Covers::default();
    let mut reported: Vec<(Problem, Vec<Instance>)> = Vec::new();
    for kind in strongest_first(source) {
        let mut problems: BTreeMap<String, Vec<Instance>> = BTreeMap::new();
        for detected in by_type.remove(kind).unwrap_or_default() {
            match covers.stronger(source, &detected) {
                Some(stronger) => {
                    folded.yielded.push(yielded_to(source, &detected, stronger));
                    covers.add(detected.raw.trace, &detected.raw.rows);
                }
                None => {
                    let instance = instance(source, detected, &mut merged);
                    problems.entry(instance.fingerprint.clone()).or_default().push(instance);
                }
            }
        }
        for (_, mut instances) in problems {
            instances.sort_by(worst_first);
            if let Some(below) = below_quorum(&instances) {
                folded.below_quorum.push(below);
                continue;
            }
            for instance in &instances {
                covers.add(instance.trace, &instance.rows);
            }
            reported.push((problem(&instances), instances));
        }
        covers.finish(kind);
    }
    folded.yielded.sort_unstable();
    folded.below_quorum.sort_unstable();
    reported.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
    name(&mut reported);
    for (problem, instances) in reported {
        folded.avoidable.push(avoidable(&instances));
        for instance in instances {
            folded.findings.push(Finding { problem_id: problem.id.clone(), ..instance.finding });
            folded.finding_avoidable.push(instance.avoidable);
        }
        folded.problems.push(problem);
    }
    folded
}

/// Returns what is too rare to be reported, with its quorum: the least one of its instances.
fn below_quorum(instances: &[Instance]) -> Option<BelowQuorum> {
    let occurrences: u64 = instances.iter().map(|instance| instance.finding.pattern.occurrences).sum();
    let quorum = instances.iter().map(|instance| instance.quorum).min().unwrap_or(0);
    let Finding { kind, service, source_endpoint, pattern, .. } = &instances[0].finding;
    (occurrences < quorum).then(|| BelowQuorum {
        kind: kind.clone(),
        service: service.clone(),
        endpoint: source_endpoint.clone(),
        template: pattern.template.clone(),
        occurrences,
        quorum,
    })
}

/// Returns the rows that some instances name as avoidable, each once, as (trace, row), ordered.
fn avoidable(instances: &[Instance]) -> Vec<(u32, u32)> {
    sorted_once(instances.iter().flat_map(|instance| &instance.avoidable).copied().collect())
}

fn yielded_to(source: &Source<'_>, finding: &Detected, stronger: &str) -> Yielded {
    let identity = identity(source, finding);
    Yielded {
        kind: identity.kind.to_owned(),
        to: stronger.to_owned(),
        service: identity.service.to_owned(),
        endpoint: identity.endpoint.to_owned(),
        template: identity.subject.to_owned(),
        occurrences: finding.raw.occurrences,
        trace_id: source.ids.trace_text(source.traces[finding.raw.trace].id),
    }
}

/// Returns the rule that a finding was made by.
pub(super) fn rule<'a>(source: &Source<'a>, detected: &Detected) -> &'a Rule {
    &source.detectors[detected.detector].1.rules[detected.raw.rule]
}

/// What makes findings the same problem: the type, and what the first row says.
fn identity<'a>(source: &Source<'a>, detected: &'a Detected) -> Identity<'a> {
    let raw = &detected.raw;
    let trace = &source.traces[raw.trace];
    let row = raw.rows[0] as usize;
    let anchor = &trace.spans[row];
    let text = |id: TextId| source.texts.get(id);
    Identity {
        kind: &rule(source, detected).name,
        service: text(anchor.service),
        endpoint: text(trace.endpoints[row]),
        subject: if raw.subject.is_empty() { text(anchor.template) } else { &raw.subject },
        grouping: text(anchor.grouping),
    }
}

/// Returns the finding with every fact its rows carry.
fn instance(source: &Source<'_>, detected: Detected, merged: &mut MergedRows) -> Instance {
    let rule = rule(source, &detected);
    let raw = &detected.raw;
    let trace = &source.traces[raw.trace];
    let rows: Vec<usize> = raw.rows.iter().map(|row| *row as usize).collect();
    let identity = identity(source, &detected);
    let severity = source.rules.get(&rule.name).and_then(|rule| rule.severity).unwrap_or(raw.severity);
    let spans = || rows.iter().map(|row| &trace.spans[*row]);
    let first = spans().map(|span| span.start_ns).min().unwrap_or(0);
    let last = spans().map(|span| span.start_ns).max().unwrap_or(0);
    let end = spans().map(|span| span.end_ns()).max().unwrap_or(0);
    let durations_ns: Vec<u64> = spans().filter_map(Span::known_duration_ns).collect();
    let (params, distinct_params) = parameters(trace, &rows);
    let scopes = scopes(source, trace, &rows, &merged.records(trace, raw));
    let code = code_location(source, trace, &rows);
    let suggestion = if raw.advice.is_empty() { rule.advice.clone() } else { raw.advice.clone() };
    let avoidable = sorted_once(raw.avoidable.iter().map(|row| (raw.trace as u32, *row)).collect());
    let finding = Finding {
        problem_id: String::new(),
        kind: rule.name.clone(),
        detector: source.detectors[detected.detector].0.to_owned(),
        severity,
        confidence: raw.confidence,
        confidence_level: level(raw.confidence),
        evidence: raw.evidence.iter().map(|(name, value)| (name.clone(), value.to_json())).collect(),
        trace_id: source.ids.trace_text(trace.id),
        service: identity.service.to_owned(),
        source_endpoint: identity.endpoint.to_owned(),
        grouping: (!identity.grouping.is_empty()).then(|| identity.grouping.to_owned()),
        pattern: Pattern {
            template: identity.subject.to_owned(),
            occurrences: raw.occurrences,
            window_ms: (end - first) as f64 / 1e6,
            distinct_params,
            params: params.to_owned(),
            durations: durations(durations_ns.clone()),
        },
        message: raw.message.clone(),
        suggestion,
        suggested_fix: suggested_fix(rule, source, trace, &rows, &scopes, code.as_ref()),
        first_timestamp: rfc3339(first),
        last_timestamp: rfc3339(last),
        span_ids: spans().take(MAX_SPAN_IDS).map(|span| source.ids.span_text(span.id)).collect(),
        code_location: code,
        instrumentation_scopes: scopes,
        green_impact: GreenImpact {
            estimated_extra_io_ops: avoidable.len() as u64,
            ..GreenImpact::default()
        },
        incomplete: trace.flags.has(TraceFlags::CUT),
        acknowledged: false,
    };
    Instance {
        fingerprint: fingerprint(&identity),
        signature: signature(&identity),
        quorum: raw.quorum,
        trace: raw.trace,
        avoidable,
        durations_ns,
        start_ns: trace.start_ns(),
        finding,
        rows: detected.raw.rows,
    }
}

/// Whether parameters can be seen, and how many different ones.
fn parameters(trace: &SealedTrace, rows: &[usize]) -> (&'static str, Option<u64>) {
    let hidden = |row: &&usize| trace.spans[**row].flags.has(SpanFlags::PARAMS_HIDDEN);
    let hidden_count = rows.iter().filter(hidden).count();
    let visible: FxHashSet<u64> = rows
        .iter()
        .filter(|row| !hidden(row))
        .map(|row| trace.spans[*row].params)
        .filter(|hash| *hash != 0)
        .collect();
    let distinct = (!visible.is_empty()).then_some(visible.len() as u64);
    match hidden_count {
        0 if visible.is_empty() => ("none", None),
        0 => ("visible", distinct),
        _ if hidden_count == rows.len() => ("hidden", None),
        _ => ("mixed", distinct),
    }
}

/// Records that were merged into others, gathered once per trace.
#[derive(Default)]
struct MergedRows(FxHashMap<usize, FxHashMap<u32, Vec<u32>>>);

impl MergedRows {
    /// Returns the records merged into the rows of a finding, in the order of the trace.
    fn records(&mut self, trace: &SealedTrace, raw: &RawFinding) -> Vec<u32> {
        let merged = self.0.entry(raw.trace).or_insert_with(|| {
            let mut merged: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
            for (row, target) in (0u32..).zip(&trace.merged_into) {
                if *target != NO_ROW {
                    merged.entry(*target).or_default().push(row);
                }
            }
            merged
        });
        sorted_once(raw.rows.iter().filter_map(|row| merged.get(row)).flatten().copied().collect())
    }
}

/// Scopes of the rows and of the records merged into them, then of their callers, each once, nearest first.
fn scopes(source: &Source<'_>, trace: &SealedTrace, rows: &[usize], merged: &[u32]) -> Vec<String> {
    let (mut scopes, mut seen): (Vec<TextId>, FxHashSet<TextId>) = Default::default();
    let mut add = |scope: TextId| {
        if !scope.is_empty() && seen.insert(scope) {
            scopes.push(scope);
        }
    };
    rows.iter().for_each(|row| add(trace.spans[*row].scope));
    merged.iter().for_each(|row| add(trace.spans[*row as usize].scope));
    let mut row = trace.parents[rows[0]];
    for _ in 0..MAX_CALLERS {
        let Some(span) = trace.spans.get(row as usize) else { break };
        add(span.scope);
        row = trace.parents[row as usize];
    }
    scopes.into_iter().map(|scope| source.texts.get(scope).to_owned()).collect()
}

fn code_location(source: &Source<'_>, trace: &SealedTrace, rows: &[usize]) -> Option<CodeLocation> {
    let code = rows.iter().map(|row| trace.spans[*row].code).find(|code| !code.is_empty())?;
    let text = |id: TextId| (!id.is_empty()).then(|| source.texts.get(id).to_owned());
    Some(CodeLocation {
        function: text(code.function),
        namespace: text(code.namespace),
        filepath: text(code.file),
        lineno: (code.line > 0).then_some(code.line),
    })
}

/// The first fix along the chain from the framework at hand to the general one.
fn suggested_fix(
    rule: &Rule,
    source: &Source<'_>,
    trace: &SealedTrace,
    rows: &[usize],
    scopes: &[String],
    code: Option<&CodeLocation>,
) -> Option<SuggestedFix> {
    let part = |part: fn(&CodeLocation) -> &Option<String>| {
        code.and_then(|code| part(code).as_deref()).unwrap_or("")
    };
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let anchor = &trace.spans[rows[0]];
    let language = source.texts.get(source.coverage.language(anchor.service, anchor.scope));
    let chain = framework::chain(&Evidence {
        scopes: &scopes,
        namespace: part(|code| &code.namespace),
        function: part(|code| &code.function),
        file: part(|code| &code.filepath),
        language: Some(language),
        service: source.texts.get(anchor.service),
        system: source.texts.get(anchor.system),
    });
    let fix = chain.iter().find_map(|id| rule.fixes.iter().find(|fix| fix.framework == *id))?;
    Some(SuggestedFix {
        framework: fix.framework.clone(),
        recommendation: fix.text.clone(),
        reference_url: (!fix.url.is_empty()).then(|| fix.url.clone()),
    })
}

/// The problem of some instances, worst first; at least one.
fn problem(instances: &[Instance]) -> Problem {
    let Instance { finding: worst, fingerprint, signature, .. } = &instances[0];
    let findings = || instances.iter().map(|instance| &instance.finding);
    let confidence = findings().map(|finding| finding.confidence).fold(0.0, f64::max);
    let all_durations = instances.iter().flat_map(|instance| &instance.durations_ns).copied().collect();
    Problem {
        id: String::new(),
        fingerprint: fingerprint.clone(),
        signature: signature.clone(),
        kind: worst.kind.clone(),
        severity: findings().map(|finding| finding.severity).max().unwrap_or_default(),
        confidence,
        confidence_level: level(confidence),
        service: worst.service.clone(),
        source_endpoint: worst.source_endpoint.clone(),
        grouping: worst.grouping.clone(),
        template: worst.pattern.template.clone(),
        status: None,
        instances: instances.len() as u64,
        occurrences: findings().map(|finding| finding.pattern.occurrences).sum(),
        worst_occurrences: findings().map(|finding| finding.pattern.occurrences).max().unwrap_or(0),
        trace_ids: findings().take(MAX_TRACE_IDS).map(|finding| finding.trace_id.clone()).collect(),
        first_timestamp: findings().map(|finding| finding.first_timestamp.clone()).min().unwrap_or_default(),
        last_timestamp: findings().map(|finding| finding.last_timestamp.clone()).max().unwrap_or_default(),
        durations: durations(all_durations),
        suggestion: worst.suggestion.clone(),
        suggested_fix: worst.suggested_fix.clone(),
        code_location: findings().find_map(|finding| finding.code_location.clone()),
        green_impact: GreenImpact {
            estimated_extra_io_ops: avoidable(instances).len() as u64,
            ..GreenImpact::default()
        },
    }
}

/// Total order of instances: severity, occurrences, then everything else that tells them apart.
fn worst_first(a: &Instance, b: &Instance) -> std::cmp::Ordering {
    let key = |instance: &Instance| {
        let finding = &instance.finding;
        (std::cmp::Reverse((finding.severity, finding.pattern.occurrences)), instance.start_ns)
    };
    key(a)
        .cmp(&key(b))
        .then_with(|| a.finding.trace_id.cmp(&b.finding.trace_id))
        .then_with(|| a.finding.span_ids.cmp(&b.finding.span_ids))
        .then_with(|| a.finding.message.cmp(&b.finding.message))
        .then_with(|| a.finding.detector.cmp(&b.finding.detector))
        .then_with(|| a.rows.cmp(&b.rows))
        .then_with(|| b.finding.confidence.total_cmp(&a.finding.confidence))
        .then_with(|| a.avoidable.cmp(&b.avoidable))
        .then_with(|| a.finding.suggestion.cmp(&b.finding.suggestion))
        .then_with(|| text(&a.finding.evidence).cmp(&text(&b.finding.evidence)))
}

/// Returns evidence as a text, for the order.
fn text(evidence: &BTreeMap<String, Value>) -> String {
    evidence.iter().map(|(name, value)| format!("{name}={value};")).collect()
}

/// Total order of problems: the fingerprint is the last tiebreak, and unique.
fn order(problem: &Problem) -> impl Ord + use<'_> {
    let saved = problem.green_impact.estimated_extra_io_ops;
    (
        std::cmp::Reverse((problem.severity, saved, problem.occurrences)),
        (&problem.kind, &problem.service, &problem.source_endpoint, &problem.template, &problem.fingerprint),
    )
}

/// Gives every problem the shortest id of at least [`SHORT_ID`] digits that no other problem shares.
fn name(problems: &mut [(Problem, Vec<Instance>)]) {
    let mut all: Vec<String> = problems.iter().map(|(problem, _)| digits(problem).to_owned()).collect();
    all.sort_unstable();
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    for (problem, _) in problems {
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

fn level(confidence: f64) -> ConfidenceLevel {
    match confidence {
        _ if confidence >= 0.9 => ConfidenceLevel::Confirmed,
        _ if confidence >= 0.6 => ConfidenceLevel::Probable,
        _ => ConfidenceLevel::Candidate,
    }
}

/// Returns the list in order, each element once.
pub(super) fn sorted_once<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}
