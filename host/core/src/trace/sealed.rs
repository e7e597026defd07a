//! A trace that will not change any more, with what only the whole trace can tell.

use super::span::flags;
use super::{Span, SpanFlags, TextId, TraceId};

/// Row number that means "none", in every column of rows.
pub const NO_ROW: u32 = u32::MAX;

flags! {
    /// Facts about one trace; the bits are part of the contract with plug-ins (column `trace-flags`).
    TraceFlags: u8 {
        /// Every parent that a span names is here, so nothing seems to be missing.
        COMPLETE = 0,
        /// Spans were dropped at the limit of spans per trace.
        CUT = 1,
        /// At least one span failed.
        ERRORS = 2,
    }
}

/// A sealed trace: spans ordered by start time (ties: parents first, then id), and per row the
/// answers that take the whole trace. All vectors have one entry per span.
#[derive(Clone, Debug, Default)]
pub struct SealedTrace {
    /// Id.
    pub id: TraceId,
    /// Facts.
    pub flags: TraceFlags,
    /// Spans in order.
    pub spans: Vec<Span>,
    /// Row of the parent, [`NO_ROW`] for roots, missing parents and where a cycle was cut.
    pub parents: Vec<u32>,
    /// Row of the span by which the row's service was entered: the nearest SERVER or CONSUMER span
    /// of the same service, else the outermost span of that service. A row may be its own entry.
    pub entries: Vec<u32>,
    /// Endpoint the row's work was done for: the entry's route, or its best substitute.
    pub endpoints: Vec<TextId>,
    /// Row that counts in place of this one when another layer recorded the same round trip, else [`NO_ROW`].
    pub merged_into: Vec<u32>,
    /// Calls of the same service, kind and peer in flight when this one started, itself included, over all
    /// traces in the window; 0 for rows that are not I/O and where times are unknown.
    pub in_flight: Vec<u32>,
}

impl SealedTrace {
    /// Start of the first span, nanoseconds since the epoch; 0 for an empty trace.
    pub fn start_ns(&self) -> u64 {
        self.spans.first().map_or(0, |span| span.start_ns)
    }

    /// Returns whether the row occupies the other side for a time that is known: it is what [`SealedTrace::in_flight`]
    /// counts.
    pub fn occupies(&self, row: usize) -> bool {
        self.counts(row) && !self.spans[row].flags.has(SpanFlags::TIMES_UNKNOWN)
    }

    /// Returns whether the row is a round trip that counts: I/O, not chatter, not merged into another.
    pub fn counts(&self, row: usize) -> bool {
        self.spans[row].kind.is_io() && self.merged_into[row] == NO_ROW
    }
}
