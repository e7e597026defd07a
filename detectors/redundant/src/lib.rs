//! Finds reads that ask for the same thing again.
//!
//! Same template and same parameters within one request; reads only. A write to the same table in
//! between, or results that are known to differ, make a read a new question. Retries and transaction control
//! are no reads of their own.

mod fixes;

use tracewatt_sdk::prelude::*;
use tracewatt_sdk::repeats::{self, Class, Hidden, Repeats};

settings! {
    /// When a repeated read is redundant.
    pub struct Settings {
        /// Fewest identical reads of one request that are reported.
        redundant_min_occurrences: u32 = 2, 2..=100_000;
        /// Identical reads from which on it is a warning instead of an information.
        redundant_warning_occurrences: u32 = 5, 2..=1_000_000;
        /// Fewest reads with hidden parameters that are judged by other evidence.
        n_plus_one_min_occurrences: u32 = 5, 2..=100_000;
        /// Longest pause in milliseconds between two such reads of one run.
        window_duration_ms: u64 = 500, 1..=3_600_000;
        /// What to make of repeated calls whose parameters are hidden, see `n_plus_one`.
        sanitizer_aware_classification: String = "auto".to_owned(), Hidden::CHOICES;
    }
}

/// The detector.
pub struct Redundant {
    settings: Settings,
    repeats: Repeats,
}

impl Detector for Redundant {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let kinds = Kind::NAMED.into_iter().filter(|(kind, _)| *kind != Kind::MESSAGING);
        let mut manifest =
            Manifest::new("redundant", env!("CARGO_PKG_VERSION"), "reads that ask for the same thing again")
                .license(env!("CARGO_PKG_LICENSE"))
                .interest(&[], 2);
        for (kind, word) in kinds {
            manifest = manifest.rule(
                Rule::new(format!("redundant_{word}"), format!("Redundant {}", title(kind)))
                    .page(include_str!("../README.md"))
                    .severity(Severity::Info)
                    .advice(ADVICE.of(kind))
                    .yields_to([format!("n_plus_one_{word}")])
                    .fixes(fixes::FIXES.of(kind)),
            );
        }
        manifest
    }

    fn new(settings: Settings) -> Self {
        let hidden = Hidden::of(&settings.sanitizer_aware_classification);
        let repeats = Repeats::new(settings.n_plus_one_min_occurrences, settings.window_duration_ms, hidden);
        Redundant { settings, repeats }
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        self.repeats.begin(batch);
        for trace in batch.traces() {
            for group in self.identical(&trace) {
                findings.extend(self.finding(&group).map(|finding| {
                    finding
                        .message(format!("{} reads with the same parameters", group.len()))
                        .evidence("decided_by", "parameters")
                }));
            }
            self.hidden(&trace, findings);
        }
    }
}

impl Redundant {
    /// Groups of reads with visible and equal parameters, cut where the thing read was written.
    fn identical<'a>(&mut self, trace: &Trace<'a>) -> Vec<Vec<Span<'a>>> {
        let reads = trace.io().filter(|span| span.is_read() && visible(*span).is_some());
        let groups = grouped(2, reads, |span| {
            let place = (span.service_id(), span.peer_id(), span.grouping_id());
            (repeats::request(span), place, span.template_id(), visible(span))
        });
        if groups.is_empty() {
            return groups;
        }
        let writes = self.repeats.writes(trace);
        let mut cut: Vec<Vec<Span<'a>>> = Vec::new();
        for reads in &groups {
            let same_answer = |a: &Span<'_>, b: &Span<'_>| !self.repeats.rewritten(&writes, *a, *b);
            cut.extend(reads.chunk_by(same_answer).map(<[_]>::to_vec));
        }
        cut.sort_unstable_by_key(|reads| reads[0].row());
        cut
    }

    /// Runs with hidden parameters that the evidence says are identical. The calls in them whose parameters can be
    /// seen are among the others.
    fn hidden(&mut self, trace: &Trace<'_>, findings: &mut Vec<Finding>) {
        for (run, verdict) in self.repeats.judge(trace) {
            if verdict.class != Class::Identical {
                continue;
            }
            let hidden: Vec<Span<'_>> =
                run.spans.iter().copied().filter(|span| repeats::parameters(*span).is_none()).collect();
            if let Some(mut finding) = self.finding(&hidden) {
                finding.message = format!(
                    "{} reads with one template; their parameters are hidden, but nothing before them in this request could have \
                     supplied different ones",
                    hidden.len()
                );
                finding.evidence.extend(verdict.evidence(&run));
                findings.push(finding.confidence(verdict.confidence));
            }
        }
    }

    fn finding(&self, spans: &[Span<'_>]) -> Option<Finding> {
        if spans.len() < self.settings.redundant_min_occurrences as usize || repeats::results_differ(spans) {
            return None;
        }
        let warning = spans.len() >= self.settings.redundant_warning_occurrences as usize;
        Some(
            Finding::new(format!("redundant_{}", spans[0].kind().word()?), spans)
                .severity(if warning { Severity::Warning } else { Severity::Info })
                .confidence(0.95)
                .avoidable_after_first()
                .evidence("threshold", self.settings.redundant_min_occurrences),
        )
    }
}

/// Parameters of a read that stands for itself.
fn visible(span: Span<'_>) -> Option<u64> {
    repeats::parameters(span).filter(|_| !span.has(Flags::RETRY) && !span.has(Flags::GENERIC))
}

/// A store is not redundant, reading it again is.
fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::CACHE => "cache read",
        Kind::DOCUMENT => "document read",
        Kind::DATASTORE => "data store read",
        _ => kind.title(),
    }
}

const ADVICE: PerKind<&str> = PerKind {
    sql: "keep the result for the length of the request, or pass it along",
    http: "call once and keep the answer for the length of the request",
    cache: "keep the value in a variable for the length of the request",
    messaging: "",
    rpc: "call once and keep the answer for the length of the request",
    document: "read once and keep the result for the length of the request",
    search: "read once and keep the result for the length of the request",
    datastore: "read once and keep the result for the length of the request",
};

export_detector!(Redundant);
