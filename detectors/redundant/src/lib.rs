//! Finds reads that ask for the same thing again.
//!
//! Same template and same parameters within one request; reads only. A write to the same table in
//! between, or results that are known to differ, make a read a new question. Retries and transaction control
//! are no reads of their own.

mod fixes;

use std::collections::HashMap;
use std::rc::Rc;
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
    texts: TextTable<Text>,
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
                    .advice(advice(kind))
                    .yields_to([format!("n_plus_one_{word}")])
                    .fixes(fixes::for_kind(kind)),
            );
        }
        manifest
    }

    fn new(settings: Settings) -> Self {
        let hidden = Hidden::of(&settings.sanitizer_aware_classification);
        let repeats = Repeats::new(settings.n_plus_one_min_occurrences, settings.window_duration_ms, hidden);
        Redundant { settings, repeats, texts: TextTable::default() }
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        self.repeats.begin(batch);
        self.texts.begin(batch);
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
        let mut open: HashMap<Key, usize> = HashMap::new();
        let mut groups: Vec<Vec<Span<'a>>> = Vec::new();
        for span in trace.io() {
            let place = (span.service_id(), span.peer_id());
            let text = self.texts.get(span.batch(), span.template_id(), Text::of);
            if !span.is_read() {
                open.retain(|key, _| key.place != place || !text.touches(&key.table));
                continue;
            }
            let Some(parameters) = visible(span) else { continue };
            let key = Key {
                request: repeats::request(span),
                place,
                template: span.template_id(),
                parameters,
                grouping: span.grouping_id(),
                table: text.table,
            };
            let group = *open.entry(key).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(span);
        }
        groups
    }

    /// Runs with hidden parameters that the evidence says are identical.
    fn hidden(&mut self, trace: &Trace<'_>, findings: &mut Vec<Finding>) {
        for run in self.repeats.runs(trace) {
            if run.spans.iter().all(|span| repeats::parameters(*span).is_some()) {
                continue;
            }
            let verdict = self.repeats.judge(trace, &run);
            if verdict.class != Class::Identical {
                continue;
            }
            if let Some(mut finding) = self.finding(&run.spans) {
                finding.message = format!(
                    "{} reads with one template; their parameters are hidden, but nothing before them in this request could have \
                     supplied different ones",
                    run.spans.len()
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

/// What makes two reads the same.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    request: (u32, u32),
    place: (u32, u32),
    template: u32,
    parameters: u64,
    grouping: u32,
    table: Rc<str>,
}

/// A template as far as reads and writes can get in each other's way.
#[derive(Clone)]
struct Text {
    lower: Rc<str>,
    /// The word after the first FROM, without quotes and qualifier; empty when there is none.
    table: Rc<str>,
}

impl Text {
    fn of(template: &str) -> Text {
        let lower = template.to_lowercase();
        let from = lower.split_once(" from ").map_or("", |(_, rest)| rest);
        let name = from.split([' ', '(', ')', ',', ';']).next().unwrap_or_default();
        let table = name.rsplit('.').next().unwrap_or_default().trim_matches(['"', '`', '[', ']']);
        Text { table: table.into(), lower: lower.into() }
    }

    /// Whether this write may have changed what is read from `table`; without a table, every write may.
    fn touches(&self, table: &str) -> bool {
        table.is_empty() || self.lower.contains(table)
    }
}

/// Parameters of a read that stands for itself.
fn visible(span: Span<'_>) -> Option<u64> {
    repeats::parameters(span).filter(|_| !span.has(Flags::RETRY) && !span.has(Flags::GENERIC))
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::SQL => "SQL",
        Kind::HTTP => "HTTP",
        Kind::CACHE => "cache read",
        Kind::RPC => "RPC",
        Kind::DOCUMENT => "document read",
        Kind::SEARCH => "search",
        _ => "data store read",
    }
}

fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::SQL => "keep the result for the length of the request, or pass it along",
        Kind::HTTP | Kind::RPC => "call once and keep the answer for the length of the request",
        Kind::CACHE => "keep the value in a variable for the length of the request",
        _ => "read once and keep the result for the length of the request",
    }
}

export_detector!(Redundant);
