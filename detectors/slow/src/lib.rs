//! Finds calls that take long.
//!
//! Calls of one trace with one template that exceed the threshold of their kind are one finding. How often
//! is often enough is decided over all traces, by the host: a finding carries the quorum. A call that
//! reaches the hard limit needs no company.

mod fixes;

use std::collections::HashMap;
use tracewatt_sdk::prelude::*;

const NS_PER_MS: u64 = 1_000_000;

settings! {
    /// What counts as slow.
    pub struct Settings {
        /// Milliseconds above which a call is slow.
        slow_query_threshold_ms: u64 = 500, 1..=86_400_000;
        /// Fewest slow calls with one template, over all traces, that are reported.
        slow_query_min_occurrences: u32 = 3, 1..=1_000_000;
        /// Milliseconds from which on a single call is reported at once; 0 = never.
        slow_hard_limit_ms: u64 = 5000, 0..=86_400_000;
        /// How many times the threshold the slowest call must exceed to be critical.
        slow_critical_factor: u64 = 5, 1..=10_000;
        /// Threshold in milliseconds for SQL; 0 = `slow_query_threshold_ms`.
        slow_sql_threshold_ms: u64 = 0, 0..=86_400_000;
        /// Threshold in milliseconds for HTTP requests; 0 = `slow_query_threshold_ms`.
        slow_http_threshold_ms: u64 = 0, 0..=86_400_000;
        /// Threshold in milliseconds for cache commands; 0 = `slow_query_threshold_ms`.
        slow_cache_threshold_ms: u64 = 0, 0..=86_400_000;
        /// Threshold in milliseconds for publishing messages; 0 = `slow_query_threshold_ms`.
        slow_messaging_threshold_ms: u64 = 0, 0..=86_400_000;
        /// Threshold in milliseconds for remote procedure calls; 0 = `slow_query_threshold_ms`.
        slow_rpc_threshold_ms: u64 = 0, 0..=86_400_000;
        /// Threshold in milliseconds for document stores; 0 = `slow_query_threshold_ms`.
        slow_document_threshold_ms: u64 = 0, 0..=86_400_000;
        /// Threshold in milliseconds for search engines; 0 = `slow_query_threshold_ms`.
        slow_search_threshold_ms: u64 = 0, 0..=86_400_000;
        /// Threshold in milliseconds for other data stores; 0 = `slow_query_threshold_ms`.
        slow_datastore_threshold_ms: u64 = 0, 0..=86_400_000;
    }
}

impl Settings {
    fn threshold_ms(&self, kind: Kind) -> u64 {
        let own = match kind {
            Kind::SQL => self.slow_sql_threshold_ms,
            Kind::HTTP => self.slow_http_threshold_ms,
            Kind::CACHE => self.slow_cache_threshold_ms,
            Kind::MESSAGING => self.slow_messaging_threshold_ms,
            Kind::RPC => self.slow_rpc_threshold_ms,
            Kind::DOCUMENT => self.slow_document_threshold_ms,
            Kind::SEARCH => self.slow_search_threshold_ms,
            Kind::DATASTORE => self.slow_datastore_threshold_ms,
            _ => 0,
        };
        if own == 0 { self.slow_query_threshold_ms } else { own }
    }

    fn is_slow(&self, span: Span<'_>) -> bool {
        let threshold_ns = self.threshold_ms(span.kind()).saturating_mul(NS_PER_MS);
        span.duration_ns() > threshold_ns || self.reaches_hard_limit(span.duration_ns())
    }

    fn reaches_hard_limit(&self, duration_ns: u64) -> bool {
        self.slow_hard_limit_ms > 0 && duration_ns >= self.slow_hard_limit_ms.saturating_mul(NS_PER_MS)
    }
}

/// The detector.
pub struct Slow(Settings);

impl Detector for Slow {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let mut manifest = Manifest::new("slow", env!("CARGO_PKG_VERSION"), "calls that take long")
            .license(env!("CARGO_PKG_LICENSE"))
            .interest(&Kind::NAMED.map(|(kind, _)| kind), 1);
        for (kind, word) in Kind::NAMED {
            manifest = manifest.rule(
                Rule::new(format!("slow_{word}"), format!("Slow {}", kind.title()))
                    .page(include_str!("../README.md"))
                    .advice(ADVICE.of(kind))
                    .fixes(fixes::FIXES.of(kind)),
            );
        }
        manifest
    }

    fn new(settings: Settings) -> Self {
        Slow(settings)
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        for trace in batch.traces() {
            for calls in self.slow_calls(&trace) {
                findings.extend(self.finding(&calls));
            }
        }
    }
}

/// Calls of one trace with one template.
struct Calls<'a> {
    slow: Vec<Span<'a>>,
    all: usize,
}

impl Slow {
    /// Returns the templates of a trace with a slow call, by the first of these. COMMIT may be slow as well, so
    /// transaction control is not left out.
    fn slow_calls<'a>(&self, trace: &Trace<'a>) -> Vec<Calls<'a>> {
        let calls = || trace.spans().filter(|span| span.kind().word().is_some());
        let key = |span: Span<'a>| (span.kind(), span.service_id(), span.template_id(), span.grouping_id());
        let slow = grouped(1, calls().filter(|span| self.0.is_slow(*span)), key);
        if slow.is_empty() {
            return Vec::new();
        }
        let mut all: HashMap<_, usize> = HashMap::new();
        calls().for_each(|span| *all.entry(key(span)).or_default() += 1);
        slow.into_iter().map(|slow| Calls { all: all[&key(slow[0])], slow }).collect()
    }

    fn finding(&self, calls: &Calls<'_>) -> Option<Finding> {
        let kind = calls.slow.first()?.kind();
        let slowest_ns = calls.slow.iter().map(|span| span.duration_ns()).max()?;
        let threshold_ms = self.0.threshold_ms(kind);
        let at_once = self.0.reaches_hard_limit(slowest_ns);
        let critical_ns = threshold_ms.saturating_mul(self.0.slow_critical_factor).saturating_mul(NS_PER_MS);
        let critical = slowest_ns > critical_ns;
        let count = calls.slow.len();
        Some(
            Finding::new(format!("slow_{}", kind.word()?), &calls.slow)
                .severity(if critical { Severity::Critical } else { Severity::Warning })
                .quorum(if at_once { 0 } else { self.0.slow_query_min_occurrences })
                .message(format!(
                    "{count} {} longer than {threshold_ms} ms, the slowest {:.1} ms",
                    if count == 1 { "call took" } else { "calls took" },
                    millis(slowest_ns)
                ))
                .evidence("threshold_ms", threshold_ms)
                .evidence("hard_limit_ms", self.0.slow_hard_limit_ms)
                .evidence("slowest_ms", millis(slowest_ns))
                .evidence("slow_calls", count)
                .evidence("calls_with_template", calls.all),
        )
    }
}

fn millis(ns: u64) -> f64 {
    ns as f64 / NS_PER_MS as f64
}

const ADVICE: PerKind<&str> = PerKind {
    sql: "look at the plan with EXPLAIN, add the index it lacks, and ask for fewer rows and columns",
    http: "find out what the callee spends its time on; set a timeout, and cache answers that may be old",
    cache: "avoid commands that walk all keys and very large values; look at the slow log",
    messaging: "send in batches, make payloads smaller, and do not wait for confirmation one by one",
    rpc: "find out what the callee spends its time on; set a timeout, and cache answers that may be old",
    document: "look at the plan with explain, add the index it lacks, and fetch fewer fields",
    search: "look at the profile of the query; avoid leading wildcards and deep pages",
    datastore: "look at the plan of the statement, and ask for less",
};

export_detector!(Slow);
