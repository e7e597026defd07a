//! From loose spans to sealed traces. Spans arrive in any order, from any number of exports; once a
//! trace is sealed everything that takes the whole trace has been decided: parents, the entry and the
//! endpoint of every row, which rows record the same round trip, which run in a transaction or repeat
//! a failed call.
//!
//! [`seal_trace`] is a function of one trace and nothing else, so the batch [`Window`] here and a
//! streaming one can share it. Only [`count_in_flight`] looks across traces, after they are sealed.
//! The result does not depend on the order in which spans were pushed. All of it takes
//! O(n log n) time and no recursion, whatever the shape of the trace.
//!
//! | file | decides |
//! |---|---|
//! | `assemble` | order, duplicate ids, parents, cycles, the limit |
//! | `tree` | which rows are above which, within one service |
//! | `stitch` | statements that were prepared by one span and executed by another |
//! | `merge` | rows that record the same round trip |
//! | `endpoint` | entries, endpoints, code locations |
//! | `conversation` | transactions and retries |
//! | `in_flight` | concurrency over all traces |
//! | `live` | in a running system: when a trace is complete, what makes room |

mod assemble;
mod conversation;
mod endpoint;
mod in_flight;
mod live;
mod merge;
mod siblings;
mod stitch;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;

pub use in_flight::{InFlightHistory, count_in_flight};
pub use live::{Arrival, ClosedTrace, Closing, LiveOptions, LiveWindow, Taken};

use crate::loss::Losses;
use crate::trace::{SealedTrace, Span, Texts, TraceFlags, TraceId};
use rustc_hash::FxHashMap;
use tree::Tree;

/// Limits and tolerances of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowOptions {
    /// Spans kept per trace, at least 1. The latest are dropped, counted as `spans_over_trace_limit`,
    /// and the trace is marked [`TraceFlags::CUT`].
    pub max_spans_per_trace: u32,
    /// By how many nanoseconds one record of a round trip may stick out of the other record of it.
    /// JavaScript SDKs cut start times to whole milliseconds, so that a nested span can seem to start
    /// one before, and end one after, the span around it.
    pub clock_tolerance_ns: u64,
}

impl Default for WindowOptions {
    fn default() -> Self {
        WindowOptions { max_spans_per_trace: 100_000, clock_tolerance_ns: 2_000_000 }
    }
}

/// Spans waiting to be sealed, by trace.
#[derive(Debug, Default)]
pub struct Window {
    options: WindowOptions,
    traces: FxHashMap<TraceId, Vec<Span>>,
    spans: usize,
}

impl Window {
    /// Returns an empty window.
    pub fn new(options: WindowOptions) -> Window {
        Window { options, ..Window::default() }
    }

    /// Adds a span to its trace.
    pub fn push(&mut self, span: Span) {
        self.spans += 1;
        self.traces.entry(span.trace).or_default().push(span);
    }

    /// Number of spans.
    pub fn len(&self) -> usize {
        self.spans
    }

    /// Returns whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// Number of traces.
    pub fn traces(&self) -> usize {
        self.traces.len()
    }

    /// Seals every trace; returns them by start, then trace id. Every span pushed is in the result or
    /// counted as `duplicate_spans` or `spans_over_trace_limit`.
    pub fn seal(self, texts: &mut Texts, losses: &mut Losses) -> Vec<SealedTrace> {
        let mut waiting: Vec<_> = self.traces.into_iter().collect();
        waiting.sort_unstable_by_key(|(id, _)| *id);
        let mut sealed: Vec<SealedTrace> = waiting
            .into_iter()
            .map(|(id, spans)| seal_trace(id, spans, &self.options, texts, losses))
            .collect();
        sealed.sort_by_key(|trace| (trace.start_ns(), trace.id));
        count_in_flight(&mut sealed);
        sealed
    }
}

/// Seals one trace. [`SealedTrace::in_flight`] is all zero until [`count_in_flight`] has seen every
/// trace of the window.
///
/// Counts in `losses`, besides what is dropped: `conflicting_span_ids` (different spans with one id),
/// `parent_cycles`, and `merged_duplicate_spans`, which is no loss but must be told.
pub fn seal_trace(
    id: TraceId,
    spans: Vec<Span>,
    options: &WindowOptions,
    texts: &mut Texts,
    losses: &mut Losses,
) -> SealedTrace {
    let assembled = assemble::assemble(spans, options.max_spans_per_trace.max(1), texts, losses);
    let mut spans = assembled.spans;
    let mut tree = Tree::new(&spans, assembled.parents);

    stitch::stitch(&mut spans, &tree, texts);
    let merged = merge::merge(&mut spans, &tree, texts, options.clock_tolerance_ns);
    losses.add("merged_duplicate_spans", merged.count);
    endpoint::inherit_code(&mut spans, &tree);
    if let Some(parents) = merged.parents {
        tree = Tree::new(&spans, parents);
    }

    let entries = endpoint::entries(&spans, &tree);
    let endpoints = endpoint::endpoints(&spans, &tree, &entries, texts);
    conversation::mark_transactions(&mut spans, &tree, &entries, texts);
    conversation::mark_retries(&mut spans, &tree, &merged.into);

    let mut flags = assembled.flags;
    if spans.iter().any(|span| span.status.is_error()) {
        flags.set(TraceFlags::ERRORS);
    }
    SealedTrace {
        id,
        flags,
        in_flight: vec![0; spans.len()],
        parents: tree.parents,
        entries,
        endpoints,
        merged_into: merged.into,
        spans,
    }
}
