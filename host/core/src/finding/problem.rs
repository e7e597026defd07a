//! What the findings of one problem add up to.

use super::instance::{Instance, level, worst_first};
use super::stats::Distribution;
use crate::energy::{Scorer, Tally};
use crate::plugin::RawFinding;
use crate::report::{Finding, GreenImpact, Problem, Severity};
use crate::time::rfc3339;
use crate::trace::SealedTrace;
use std::cmp::Reverse;

/// Trace ids listed in a problem.
const MAX_TRACE_IDS: usize = 20;

/// A problem while findings come in.
#[derive(Debug)]
pub(super) struct Sums {
    fingerprint: String,
    signature: String,
    severity: Severity,
    confidence: f64,
    instances: u64,
    occurrences: u64,
    worst_occurrences: u64,
    /// The least one.
    quorum: u64,
    first_ns: u64,
    last_ns: u64,
    durations: Distribution,
    /// Round trips that need not have happened, each once.
    pub saved: Tally,
    /// The worst findings so far, and some more.
    kept: Vec<Instance>,
    /// Whether the worst of `kept` have been sorted out once: then only a worse one than the last of them is kept.
    full: bool,
}

/// What the findings of one problem came to.
pub(super) struct Finished {
    /// The problem, without an id.
    pub problem: Problem,
    /// Its worst findings.
    pub instances: Vec<Instance>,
    /// Occurrences from which on it is reported.
    pub quorum: u64,
    pub durations: Distribution,
}

impl Sums {
    pub fn new(fingerprint: String, signature: String) -> Sums {
        Sums {
            fingerprint,
            signature,
            severity: Severity::default(),
            confidence: 0.0,
            instances: 0,
            occurrences: 0,
            worst_occurrences: 0,
            quorum: u64::MAX,
            first_ns: u64::MAX,
            last_ns: 0,
            durations: Distribution::default(),
            saved: Tally::default(),
            kept: Vec::new(),
            full: false,
        }
    }

    /// Counts a finding.
    pub fn add(&mut self, trace: &SealedTrace, raw: &RawFinding, severity: Severity) {
        self.severity = self.severity.max(severity);
        self.confidence = self.confidence.max(raw.confidence);
        self.instances += 1;
        self.occurrences = self.occurrences.saturating_add(raw.occurrences);
        self.worst_occurrences = self.worst_occurrences.max(raw.occurrences);
        self.quorum = self.quorum.min(raw.quorum);
        for row in &raw.rows {
            let span = &trace.spans[*row as usize];
            self.first_ns = self.first_ns.min(span.start_ns);
            self.last_ns = self.last_ns.max(span.start_ns);
            if let Some(ns) = span.known_duration_ns() {
                self.durations.add(ns);
            }
        }
    }

    /// Whether such a finding may be among the `most` worst ones.
    pub fn wants(&self, severity: Severity, occurrences: u64, start_ns: u64, most: usize) -> bool {
        let last = self.kept.get(most - 1).filter(|_| self.full);
        last.is_none_or(|last| {
            let pattern = &last.finding.pattern;
            (Reverse((severity, occurrences)), start_ns)
                <= (Reverse((last.finding.severity, pattern.occurrences)), last.start_ns)
        })
    }

    /// Keeps a finding for the time being.
    pub fn keep(&mut self, instance: Instance, most: usize) {
        self.kept.push(instance);
        if self.kept.len() >= most.saturating_mul(2) {
            self.shrink(most);
        }
    }

    fn shrink(&mut self, most: usize) {
        self.kept.sort_by(worst_first);
        self.kept.truncate(most);
        self.full = self.kept.len() == most;
    }

    /// Returns the problem with its worst findings, worst first.
    pub fn finish(mut self, scorer: &Scorer<'_>, most: usize) -> Finished {
        self.shrink(most);
        let findings = || self.kept.iter().map(|instance| &instance.finding);
        let worst = findings().next().cloned().unwrap_or_default();
        let price = scorer.price(&self.saved);
        let Finding { kind, service, source_endpoint, grouping, pattern, suggestion, suggested_fix, .. } =
            worst;
        let problem = Problem {
            id: String::new(),
            fingerprint: self.fingerprint,
            signature: self.signature,
            kind,
            severity: self.severity,
            confidence: self.confidence,
            confidence_level: level(self.confidence),
            service,
            source_endpoint,
            grouping,
            template: pattern.template,
            status: None,
            instances: self.instances,
            occurrences: self.occurrences,
            worst_occurrences: self.worst_occurrences,
            trace_ids: findings().take(MAX_TRACE_IDS).map(|finding| finding.trace_id.clone()).collect(),
            first_timestamp: rfc3339(self.first_ns),
            last_timestamp: rfc3339(self.last_ns),
            durations: self.durations.figures(),
            suggestion,
            suggested_fix,
            code_location: findings().find_map(|finding| finding.code_location.clone()),
            green_impact: GreenImpact {
                estimated_extra_io_ops: self.saved.ops,
                energy_joules: price.energy_joules,
                carbon_gco2: price.carbon_gco2,
                ..GreenImpact::default()
            },
        };
        Finished { problem, instances: self.kept, quorum: self.quorum, durations: self.durations }
    }
}
