//! Finds spans that start very many calls.
//!
//! The calls are the direct children of one span. That there are too many is a fact; whether they ran one
//! after the other or at once is said with it, since the remedies differ. A fan-out is known by the name
//! of the span it starts from, never by that span's id.

mod fixes;

use std::collections::HashMap;
use tracewatt_sdk::overlap::{self, Execution};
use tracewatt_sdk::prelude::*;

/// Templates named in the evidence.
const TOP: usize = 5;

settings! {
    /// When many is too many.
    pub struct Settings {
        /// Most calls that one span may start; more are reported.
        max_fanout: u32 = 20, 1..=100_000;
    }
}

/// The detector.
pub struct Fanout(Settings);

impl Detector for Fanout {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let repeated = Kind::NAMED.iter().flat_map(|(kind, word)| {
            let redundant = (*kind != Kind::MESSAGING).then(|| format!("redundant_{word}"));
            [Some(format!("n_plus_one_{word}")), redundant].into_iter().flatten()
        });
        Manifest::new("fanout", env!("CARGO_PKG_VERSION"), "spans that start very many calls")
            .license(env!("CARGO_PKG_LICENSE"))
            .interest(&[], 2)
            .rule(
                Rule::new("excessive_fanout", "Excessive fan-out")
                    .page(include_str!("../README.md"))
                    .advice("ask for more with each call, or limit how many run at once")
                    .yields_to(repeated)
                    .fixes(fixes::fixes()),
            )
    }

    fn new(settings: Settings) -> Self {
        Fanout(settings)
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        for trace in batch.traces() {
            for calls in families(&trace, self.0.max_fanout as usize + 1) {
                findings.extend(calls[0].parent().map(|parent| self.finding(parent, &calls)));
            }
        }
    }
}

impl Fanout {
    fn finding(&self, parent: Span<'_>, calls: &[Span<'_>]) -> Finding {
        let max = self.0.max_fanout as usize;
        let intervals = || calls.iter().map(|span| overlap::interval(*span));
        let (peak, execution) = (overlap::peak(intervals()), overlap::execution(intervals()));
        let (top, distinct) = templates(calls);
        let name = name(parent);
        let critical = calls.len() > max.saturating_mul(3);
        Finding::new("excessive_fanout", calls)
            .severity(if critical { Severity::Critical } else { Severity::Warning })
            .subject(format!("fan-out of {name}"))
            .message(format!(
                "{} calls started by one span, {}, at most {} of them together",
                calls.len(),
                how(execution),
                peak.calls
            ))
            .evidence("threshold", max)
            .evidence("children", calls.len())
            .evidence("distinct_templates", distinct)
            .evidence("peak_parallel", peak.calls)
            .evidence("execution", execution.word())
            .evidence("parent", name)
            .evidence("top_templates", top)
    }
}

fn how(execution: Execution) -> &'static str {
    match execution {
        Execution::Sequential => "one after the other",
        Execution::Concurrent => "at the same time",
        Execution::Mixed => "partly at the same time",
    }
}

/// Returns the calls of each span that makes so many, in order of their start, by the first call.
fn families<'a>(trace: &Trace<'a>, min: usize) -> Vec<Vec<Span<'a>>> {
    grouped(min, trace.io().filter(|span| span.parent().is_some()), |span| {
        span.parent().map(|parent| parent.row())
    })
}

/// Returns a name that is the same in every trace: template of a call, endpoint of an entry, name of the rest.
fn name(parent: Span<'_>) -> String {
    let is_entry = matches!(parent.role(), Role::SERVER | Role::CONSUMER);
    let id = match parent.template_id() {
        0 if is_entry => parent.endpoint_id(),
        0 => parent.name_id(),
        template => template,
    };
    parent.batch().text(id)
}

/// Returns the most frequent templates with their counts, and the number of all.
fn templates(calls: &[Span<'_>]) -> (Vec<String>, usize) {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for span in calls {
        *counts.entry(span.template_id()).or_default() += 1;
    }
    let text = |id: u32| calls[0].batch().text(id);
    let mut counts: Vec<(usize, String)> = counts.into_iter().map(|(id, count)| (count, text(id))).collect();
    counts.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let top = counts.iter().take(TOP).map(|(count, text)| format!("{count} x {text}")).collect();
    (top, counts.len())
}

export_detector!(Fanout);
