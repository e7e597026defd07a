//! One finding as people read it: what its rows say in texts and figures.

use super::Identity;
use super::fold::{Source, sorted_once};
use super::framework::{self, Evidence};
use super::stats::durations;
use crate::energy::Price;
use crate::plugin::{RawFinding, Rule};
use crate::report::{CodeLocation, ConfidenceLevel, Finding, GreenImpact, Pattern, Severity, SuggestedFix};
use crate::time::rfc3339;
use crate::trace::{NO_ROW, SealedTrace, Span, SpanFlags, TextId, TraceFlags};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use std::collections::BTreeMap;

/// Span ids listed in a finding.
const MAX_SPAN_IDS: usize = 64;
/// How far up callers are asked for scopes.
const MAX_CALLERS: usize = 8;

/// A finding on its way into a problem, with what orders it among the others.
#[derive(Debug)]
pub(super) struct Instance {
    pub finding: Finding,
    /// Start of the trace.
    pub start_ns: u64,
    /// Rows of the trace, the anchor first.
    rows: Vec<u32>,
    /// Each once, ordered.
    avoidable: Vec<u32>,
}

/// Returns the finding with every fact its rows carry. `saved` is how many round trips it would save, and what they
/// cost.
#[allow(clippy::too_many_arguments, reason = "one call, and every argument is of another kind")]
pub(super) fn instance(
    source: &Source<'_>,
    detector: &str,
    rule: &Rule,
    identity: &Identity<'_>,
    severity: Severity,
    trace: &SealedTrace,
    raw: &RawFinding,
    merged: &mut MergedRows,
    saved: (u64, Price),
) -> Instance {
    let rows: Vec<usize> = raw.rows.iter().map(|row| *row as usize).collect();
    let spans = || rows.iter().map(|row| &trace.spans[*row]);
    let first = spans().map(|span| span.start_ns).min().unwrap_or(0);
    let last = spans().map(|span| span.start_ns).max().unwrap_or(0);
    let end = spans().map(|span| span.end_ns()).max().unwrap_or(0);
    let (params, distinct_params) = parameters(trace, &rows);
    let scopes = scopes(source, trace, &rows, &merged.records(trace, raw));
    let code = code_location(source, trace, &rows);
    let suggestion = if raw.advice.is_empty() { rule.advice.clone() } else { raw.advice.clone() };
    let avoidable = sorted_once(raw.avoidable.clone());
    let finding = Finding {
        problem_id: String::new(),
        kind: identity.kind.to_owned(),
        detector: detector.to_owned(),
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
            durations: durations(spans().filter_map(Span::known_duration_ns)),
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
            estimated_extra_io_ops: saved.0,
            energy_joules: saved.1.energy_joules,
            carbon_gco2: saved.1.carbon_gco2,
            ..GreenImpact::default()
        },
        incomplete: trace.flags.has(TraceFlags::CUT),
        acknowledged: false,
    };
    Instance { start_ns: trace.start_ns(), finding, rows: raw.rows.clone(), avoidable }
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

/// Records of a trace that were merged into others, gathered when first asked for.
#[derive(Default)]
pub(super) struct MergedRows(Option<FxHashMap<u32, Vec<u32>>>);

impl MergedRows {
    /// Returns the records merged into the rows of a finding, in the order of the trace.
    fn records(&mut self, trace: &SealedTrace, raw: &RawFinding) -> Vec<u32> {
        let merged = self.0.get_or_insert_with(|| {
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
    let language = source.coverage.language(anchor.service, anchor.scope, source.texts);
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

/// Total order of instances: severity, occurrences, then everything else that tells them apart.
pub(super) fn worst_first(a: &Instance, b: &Instance) -> std::cmp::Ordering {
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

/// What a confidence amounts to.
pub(super) fn level(confidence: f64) -> ConfidenceLevel {
    match confidence {
        _ if confidence >= 0.9 => ConfidenceLevel::Confirmed,
        _ if confidence >= 0.6 => ConfidenceLevel::Probable,
        _ => ConfidenceLevel::Candidate,
    }
}
