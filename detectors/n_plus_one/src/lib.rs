//! Finds one call per item where one call would do.
//!
//! Repeated calls of one request, found and judged by [`tracewatt_sdk::repeats`]. What that module calls
//! distinct is an N+1; what it cannot resolve is reported as such, with the one thing that would resolve it.

mod fixes;

use tracewatt_sdk::prelude::*;
use tracewatt_sdk::repeats::{Class, Hidden, Repeats, Run, Verdict};

settings! {
    /// When repetition is an N+1.
    pub struct Settings {
        /// Fewest calls of one request, with as many different parameters, that are reported.
        n_plus_one_min_occurrences: u32 = 5, 2..=100_000;
        /// Longest pause in milliseconds between two calls of one run. Not a limit on the run as a whole.
        window_duration_ms: u64 = 500, 1..=3_600_000;
        /// Calls from which on an N+1 is critical.
        n_plus_one_critical_occurrences: u32 = 10, 2..=1_000_000;
        /// What to make of repeated calls whose parameters are hidden: `auto` by the evidence there is, `strict`
        /// by strong evidence only, `always` as N+1, `never` as unresolved.
        sanitizer_aware_classification: String = "auto".to_owned(), Hidden::CHOICES;
    }
}

/// The detector.
pub struct NPlusOne {
    settings: Settings,
    repeats: Repeats,
}

impl Detector for NPlusOne {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let mut manifest = Manifest::new(
            "n_plus_one",
            env!("CARGO_PKG_VERSION"),
            "one call per item where one call would do",
        )
        .license(env!("CARGO_PKG_LICENSE"))
        .interest(&Kind::NAMED.map(|(kind, _)| kind), 2);
        for (kind, word) in Kind::NAMED {
            manifest = manifest.rule(
                Rule::new(format!("n_plus_one_{word}"), format!("N+1 {}", kind.title()))
                    .page(include_str!("../README.md"))
                    .advice(ADVICE.of(kind))
                    .fixes(fixes::FIXES.of(kind)),
            );
        }
        let decided = Kind::NAMED
            .iter()
            .filter(|(kind, _)| *kind != Kind::MESSAGING)
            .flat_map(|(_, word)| [format!("n_plus_one_{word}"), format!("redundant_{word}")]);
        manifest.rule(
            Rule::new("repeated_unresolved", "Repeated call, parameters hidden")
                .page(include_str!("../README.md"))
                .severity(Severity::Info)
                .advice("let the instrumentation record parameters in a test environment: `tracewatt doctor` names the setting")
                .yields_to(decided),
        )
    }

    fn new(settings: Settings) -> Self {
        let hidden = Hidden::of(&settings.sanitizer_aware_classification);
        let repeats = Repeats::new(settings.n_plus_one_min_occurrences, settings.window_duration_ms, hidden);
        NPlusOne { settings, repeats }
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        self.repeats.begin(batch);
        for trace in batch.traces() {
            for (run, verdict) in self.repeats.judge(&trace) {
                findings.extend(self.finding(&run, &verdict));
            }
        }
    }
}

impl NPlusOne {
    fn finding(&self, run: &Run<'_>, verdict: &Verdict) -> Option<Finding> {
        let word = run.spans[0].kind().word()?;
        let count = run.spans.len();
        let how = if run.concurrent { "concurrently" } else { "one after the other" };
        let finding = match verdict.class {
            Class::Identical => return None,
            Class::Distinct => Finding::new(format!("n_plus_one_{word}"), &run.spans)
                .severity(self.severity(count))
                .message(format!("{count} calls with one template, {how}, each for another item"))
                .avoidable_after_first(),
            Class::Unresolved => Finding::new("repeated_unresolved", &run.spans)
                .severity(Severity::Info)
                .message(format!("{count} calls with one template, {how}; their parameters are hidden")),
        };
        let mut finding = finding
            .confidence(verdict.confidence)
            .evidence("threshold", self.settings.n_plus_one_min_occurrences);
        finding.evidence.extend(verdict.evidence(run));
        Some(finding)
    }

    fn severity(&self, count: usize) -> Severity {
        if count >= self.settings.n_plus_one_critical_occurrences as usize {
            Severity::Critical
        } else {
            Severity::Warning
        }
    }
}

const ADVICE: PerKind<&str> = PerKind {
    sql: "load the rows at once: a join, or one statement with an IN list; for writes, one multi-row statement",
    http: "ask for all items in one request, with a bulk endpoint or a list of ids",
    cache: "read the keys at once with MGET or a pipeline",
    messaging: "send the messages as one batch",
    rpc: "use a bulk method or a stream instead of one call per item",
    document: "fetch the documents at once, by a list of ids",
    search: "send one multi-search or one query for all terms",
    datastore: "ask for all items in one statement",
};

export_detector!(NPlusOne);
