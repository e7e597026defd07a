//! Finds reads that wait for each other although nothing in the trace says they must.
//!
//! Under one parent: the longest chain of reads that do not overlap, each with a template of its own. Whether
//! one needs the result of another is not in a trace, so the finding is a question with a number: what running
//! them at once would save.

mod fixes;

use std::collections::HashSet;
use tracewatt_sdk::prelude::*;

const NS_PER_MS: u64 = 1_000_000;

/// Calls listed in the message, and templates in the subject.
const LISTED: usize = 5;

/// Longest template in message and subject, in characters.
const MAX_TEMPLATE: usize = 120;

settings! {
    /// When waiting for each other costs too much.
    pub struct Settings {
        /// Fewest calls, one after the other, that are reported.
        serialized_min_sequential: u32 = 3, 2..=100_000;
        /// Fewest milliseconds that running them at once would save.
        serialized_min_saving_ms: u64 = 20, 0..=3_600_000;
        /// Fewest percent of the parent's duration that this would be.
        serialized_min_saving_percent: u64 = 20, 0..=100;
    }
}

/// The detector.
pub struct Serialized(Settings);

impl Detector for Serialized {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let summary = "independent reads that wait for each other";
        Manifest::new("serialized", env!("CARGO_PKG_VERSION"), summary)
            .license(env!("CARGO_PKG_LICENSE"))
            .interest(&[], 2)
            .rule(
                Rule::new("serialized_calls", "Serialized calls")
                    .page(include_str!("../README.md"))
                    .severity(Severity::Info)
                    .advice("if none of these calls needs the result of another, start them together and wait once")
                    .fixes(fixes::fixes()),
            )
    }

    fn new(settings: Settings) -> Self {
        Serialized(settings)
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        for trace in batch.traces() {
            for reads in families(&trace, self.0.serialized_min_sequential as usize) {
                // No part of them saves more than all of them would.
                if saving_ns(&reads) >= self.min_saving_ns() {
                    let chain = longest_chain(&first_of_each_template(reads));
                    findings.extend(self.finding(&chain));
                }
            }
        }
    }
}

impl Serialized {
    fn min_saving_ns(&self) -> u64 {
        self.0.serialized_min_saving_ms.saturating_mul(NS_PER_MS)
    }

    fn finding(&self, chain: &[Span<'_>]) -> Option<Finding> {
        let first = *chain.first()?;
        let longest_ns = chain.iter().map(|span| span.duration_ns()).max()?;
        let total_ns = chain.iter().fold(0u64, |sum, span| sum.saturating_add(span.duration_ns()));
        let saving_ns = saving_ns(chain);
        let whole_ns = first.parent().map_or(0, |parent| parent.duration_ns()).max(total_ns);
        let percent = 100.0 * saving_ns as f64 / whole_ns.max(1) as f64;
        if chain.len() < self.0.serialized_min_sequential as usize
            || saving_ns < self.min_saving_ns()
            || percent < self.0.serialized_min_saving_percent as f64
        {
            return None;
        }
        Some(
            Finding::new("serialized_calls", chain)
                .severity(Severity::Info)
                .confidence(0.5)
                .subject(subject(chain))
                .message(message(chain, total_ns, longest_ns))
                .evidence("calls", chain.len())
                .evidence("distinct_templates", chain.len())
                .evidence("total_ms", millis(total_ns))
                .evidence("longest_ms", millis(longest_ns))
                .evidence("saving_ms", millis(saving_ns))
                .evidence("saving_percent", percent)
                .evidence("threshold_calls", self.0.serialized_min_sequential)
                .evidence("threshold_saving_ms", self.0.serialized_min_saving_ms)
                .evidence("threshold_saving_percent", self.0.serialized_min_saving_percent),
        )
    }
}

/// Returns the reads of each parent with so many of them, in order of their start. Reads whose parent is not in the
/// trace are kept apart by service and endpoint.
fn families<'a>(trace: &Trace<'a>, min: usize) -> Vec<Vec<Span<'a>>> {
    let reads = trace.io().filter(|span| may_run_at_any_time(*span));
    grouped(min, reads, |span| match span.parent() {
        Some(parent) => (Some(parent.row()), 0, 0, 0),
        None => (None, span.service_id(), span.endpoint_id(), span.grouping_id()),
    })
}

/// Repeating a template is N+1's business.
fn first_of_each_template(mut reads: Vec<Span<'_>>) -> Vec<Span<'_>> {
    let mut seen = HashSet::new();
    reads.retain(|span| seen.insert((span.kind(), span.template_id())));
    reads
}

/// Reads outside a transaction, at a known time, that no failure made necessary. A cache answers before another call
/// is worth starting, and is usually asked in order to know whether to make that call.
fn may_run_at_any_time(span: Span<'_>) -> bool {
    let kind = span.kind();
    kind.word().is_some()
        && kind != Kind::CACHE
        && span.is_read()
        && !span.has(Flags::IN_TRANSACTION)
        && !span.has(Flags::RETRY)
        && !span.has(Flags::GENERIC)
        && !span.has(Flags::TIMES_UNKNOWN)
}

/// Returns the most calls of which none overlaps the next; among equally many those that take longest in
/// all. In order of time. O(n log n).
fn longest_chain<'a>(reads: &[Span<'a>]) -> Vec<Span<'a>> {
    let mut reads = reads.to_vec();
    reads.sort_unstable_by_key(|span| (span.end_ns(), span.start_ns(), span.row()));
    // best[n]: length and duration of the best chain among the first n, and whether it has the last of them
    let mut best: Vec<(usize, u64, bool)> = vec![(0, 0, false)];
    for (at, span) in reads.iter().enumerate() {
        let (calls, ns, _) = best[before(&reads[..at], *span)];
        let with = (calls + 1, ns.saturating_add(span.duration_ns()), true);
        let without = (best[at].0, best[at].1, false);
        best.push(with.max(without));
    }
    let mut chain = Vec::new();
    let mut at = reads.len();
    while at > 0 {
        let span = reads[at - 1];
        if best[at].2 {
            chain.push(span);
            at = before(&reads[..at - 1], span);
        } else {
            at -= 1;
        }
    }
    chain.reverse();
    chain
}

/// Returns how many of `reads`, sorted by their end, had ended when `span` started.
fn before(reads: &[Span<'_>], span: Span<'_>) -> usize {
    reads.partition_point(|other| other.end_ns() <= span.start_ns())
}

/// Returns what running the calls at once would save: all durations but the longest.
fn saving_ns(calls: &[Span<'_>]) -> u64 {
    let total_ns = calls.iter().fold(0u64, |sum, span| sum.saturating_add(span.duration_ns()));
    total_ns - calls.iter().map(|span| span.duration_ns()).max().unwrap_or(0)
}

fn subject(chain: &[Span<'_>]) -> String {
    let mut templates: Vec<String> = chain.iter().map(|span| shortened(&span.template())).collect();
    templates.sort_unstable();
    let more = templates.len().saturating_sub(LISTED);
    templates.truncate(LISTED);
    let subject = templates.join("; ");
    if more > 0 { format!("{subject}; and {more} more") } else { subject }
}

fn message(chain: &[Span<'_>], total_ns: u64, longest_ns: u64) -> String {
    let mut calls: Vec<String> = chain
        .iter()
        .take(LISTED)
        .map(|span| format!("{} ({:.1} ms)", shortened(&span.template()), millis(span.duration_ns())))
        .collect();
    if chain.len() > LISTED {
        calls.push(format!("{} more", chain.len() - LISTED));
    }
    format!(
        "{} reads one after the other took {:.1} ms, at once they would take {:.1} ms, unless one needs the result of \
         another, which a trace does not show: {}",
        chain.len(),
        millis(total_ns),
        millis(longest_ns),
        calls.join(", ")
    )
}

fn shortened(template: &str) -> String {
    match template.char_indices().nth(MAX_TEMPLATE) {
        Some((end, _)) => format!("{}...", &template[..end]),
        None => template.to_owned(),
    }
}

fn millis(ns: u64) -> f64 {
    ns as f64 / NS_PER_MS as f64
}

export_detector!(Serialized);
