//! Concurrency: how many calls to one place were under way when a call started. The only part of the
//! window that looks across traces, because a connection pool does not care which request waits.

use crate::trace::{IoKind, SealedTrace, TextId};
use rustc_hash::{FxHashMap, FxHashSet};

/// How far back calls are remembered, nanoseconds of span time before the latest call to the same place.
const REMEMBERED_NS: u64 = 60_000_000_000;
/// Calls remembered of one place; 16 bytes each.
const REMEMBERED_CALLS: usize = 65_536;
/// Places remembered; those that were not called for the longest time are forgotten first.
const REMEMBERED_PLACES: usize = 1_024;

/// Service, kind, peer.
type Place = (TextId, IoKind, TextId);

struct Call {
    to: Place,
    start_ns: u64,
    trace: u32,
    row: u32,
}

/// Sets [`SealedTrace::in_flight`]: for every row that counts, the number of counting calls of the
/// same service, kind and peer whose interval `[start, end)` contains the row's start, itself
/// included. A call that ends when another starts does not overlap it. A call of no duration occupies
/// its instant; one whose times are unknown counts nowhere. O(n log n).
pub fn count_in_flight(traces: &mut [SealedTrace]) {
    let mut calls = Vec::new();
    for (number, trace) in traces.iter_mut().enumerate() {
        trace.in_flight.clear();
        trace.in_flight.resize(trace.spans.len(), 0);
        for (row, span) in trace.spans.iter().enumerate().filter(|(row, _)| trace.occupies(*row)) {
            let to = (span.service, span.kind, span.peer);
            calls.push(Call { to, start_ns: span.start_ns, trace: number as u32, row: row as u32 });
        }
    }
    calls.sort_unstable_by_key(|call| (call.to, call.start_ns));
    let mut ends = Vec::new();
    for group in calls.chunk_by(|a, b| a.to == b.to) {
        ends.clear();
        ends.extend(group.iter().map(|call| {
            let span = &traces[call.trace as usize].spans[call.row as usize];
            span.end_ns().max(span.start_ns.saturating_add(1))
        }));
        ends.sort_unstable();
        count_group(traces, group, &ends);
    }
}

fn count_group(traces: &mut [SealedTrace], group: &[Call], ends: &[u64]) {
    let (mut started, mut ended) = (0, 0);
    for instant in group.chunk_by(|a, b| a.start_ns == b.start_ns) {
        started += instant.len();
        ended += ends[ended..].iter().take_while(|end| **end <= instant[0].start_ns).count();
        // at the very last nanosecond of u64 a call cannot end after it started
        let open = started.saturating_sub(ended).max(1) as u32;
        for call in instant {
            traces[call.trace as usize].in_flight[call.row as usize] = open;
        }
    }
}

/// The same for a running system, which sees the traces in parts: a call is counted together with those of the parts
/// before, as far as they are remembered. Calls of traces that are still open are not known, so counts are lower
/// bounds; of two calls that overlap, the one that is judged later knows of the other.
#[derive(Debug, Default)]
pub struct InFlightHistory {
    places: FxHashMap<Place, Known>,
}

/// Starts and ends of the calls to a place, each in order.
#[derive(Debug, Default)]
struct Known {
    starts: Vec<u64>,
    ends: Vec<u64>,
}

impl Known {
    /// Forgets the calls that ended long ago. Those that are forgotten began before all that is asked about later, so
    /// that as many of the first starts can go as of the first ends: differences stay the same.
    fn forget(&mut self) {
        let last = self.starts.last().copied().unwrap_or(0);
        let horizon = last.saturating_sub(REMEMBERED_NS);
        let old = self.ends.partition_point(|end| *end < horizon);
        let old = old.max(self.ends.len().saturating_sub(REMEMBERED_CALLS));
        self.starts.drain(..old);
        self.ends.drain(..old);
    }

    fn open_at(&self, instant: u64) -> usize {
        let started = self.starts.partition_point(|start| *start <= instant);
        started.saturating_sub(self.ends.partition_point(|end| *end <= instant)).max(1)
    }
}

impl InFlightHistory {
    /// Adds the calls of some traces, and sets [`SealedTrace::in_flight`] of them.
    pub fn count(&mut self, traces: &mut [SealedTrace]) {
        let mut touched = FxHashSet::default();
        for trace in traces.iter() {
            for (_, span) in trace.spans.iter().enumerate().filter(|(row, _)| trace.occupies(*row)) {
                let place = (span.service, span.kind, span.peer);
                let known = self.places.entry(place).or_default();
                known.starts.push(span.start_ns);
                known.ends.push(span.end_ns().max(span.start_ns.saturating_add(1)));
                touched.insert(place);
            }
        }
        for place in touched {
            if let Some(known) = self.places.get_mut(&place) {
                // Nearly in order already.
                known.starts.sort();
                known.ends.sort();
                known.forget();
            }
        }
        for trace in traces {
            trace.in_flight.clear();
            trace.in_flight.resize(trace.spans.len(), 0);
            for row in (0..trace.spans.len()).filter(|row| trace.occupies(*row)).collect::<Vec<_>>() {
                let span = &trace.spans[row];
                let known = self.places.get(&(span.service, span.kind, span.peer));
                trace.in_flight[row] = known.map_or(1, |known| known.open_at(span.start_ns)) as u32;
            }
        }
        self.forget_places();
    }

    fn forget_places(&mut self) {
        while self.places.len() > REMEMBERED_PLACES {
            let last = |known: &Known| known.starts.last().copied();
            let oldest = self.places.iter().min_by_key(|(place, known)| (last(known), **place));
            let Some(place) = oldest.map(|(place, _)| *place) else { return };
            self.places.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{NO_ROW, Span};

    fn trace(calls: &[(u64, u64)]) -> SealedTrace {
        let call = |(start_ns, duration_ns): &(u64, u64)| Span {
            kind: IoKind::Sql,
            start_ns: *start_ns,
            duration_ns: *duration_ns,
            ..Span::default()
        };
        SealedTrace {
            spans: calls.iter().map(call).collect(),
            merged_into: vec![NO_ROW; calls.len()],
            ..SealedTrace::default()
        }
    }

    /// Scenario: traces come one after the other. Guarantees: each is counted as if it had come with all before it.
    #[test]
    fn parts_are_counted_with_what_came_before() {
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut history, mut so_far) = (InFlightHistory::default(), Vec::new());
        for _ in 0..50 {
            let calls: Vec<(u64, u64)> = (0..random(30)).map(|_| (random(1000), random(60))).collect();
            let mut one = [trace(&calls)];
            history.count(&mut one);
            so_far.push(trace(&calls));
            count_in_flight(&mut so_far);
            assert_eq!(Some(&one[0].in_flight), so_far.last().map(|trace| &trace.in_flight));
        }
    }

    /// Guarantees: what is remembered is bounded; what is forgotten does not change what comes later.
    #[test]
    fn old_calls_are_forgotten() {
        let mut history = InFlightHistory::default();
        let long = 3 * REMEMBERED_NS;
        history.count(&mut [trace(&[(0, long), (1, 5), (2, 5), (3, REMEMBERED_NS)])]);
        let mut later = [trace(&[(2 * REMEMBERED_NS, 1)])];
        history.count(&mut later);
        assert_eq!(later[0].in_flight, [2], "the long call is still open");
        let known = history.places.values().next().unwrap();
        assert_eq!((known.starts.len(), known.ends.len()), (3, 3), "the two short ones are forgotten");
        let mut history = InFlightHistory::default();
        let many: Vec<(u64, u64)> = (0..2 * REMEMBERED_CALLS as u64).map(|at| (at, 1)).collect();
        history.count(&mut [trace(&many)]);
        assert_eq!(history.places.values().next().unwrap().ends.len(), REMEMBERED_CALLS);
    }
}
