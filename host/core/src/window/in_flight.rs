//! Concurrency: how many calls to one place were under way when a call started. The only part of the
//! window that looks across traces, because a connection pool does not care which request waits.

use crate::trace::{IoKind, SealedTrace, TextId};

struct Call {
    to: (TextId, IoKind, TextId),
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
