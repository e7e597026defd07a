//! What happened at the same time, in nanoseconds.
//!
//! An interval is a start and an end, `[start, end)`: a call that ends when another starts does not
//! overlap it. A call of no duration occupies its instant. The host counts column `in-flight` the same way.

use crate::Span;

/// Most calls that were under way at one instant, and the first such instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Peak {
    /// Number of calls.
    pub calls: u32,
    /// Nanoseconds after the start of the trace.
    pub at_ns: u64,
}

/// How the calls of a group lie in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Execution {
    /// No two of them overlap.
    Sequential,
    /// Each overlaps another one.
    Concurrent,
    /// Some overlap, some stand alone.
    Mixed,
}

impl Execution {
    /// Returns the word used in evidence.
    pub fn word(self) -> &'static str {
        match self {
            Execution::Sequential => "sequential",
            Execution::Concurrent => "concurrent",
            Execution::Mixed => "mixed",
        }
    }
}

/// Returns the interval a span occupies, nanoseconds after the start of the trace.
pub fn interval(span: Span<'_>) -> (u64, u64) {
    let start = span.start_ns();
    (start, span.end_ns().max(start.saturating_add(1)))
}

/// Returns the most intervals that have an instant in common; no call and instant 0 for none. O(n log n).
pub fn peak(intervals: impl IntoIterator<Item = (u64, u64)>) -> Peak {
    let (mut starts, mut ends): (Vec<u64>, Vec<u64>) = intervals.into_iter().unzip();
    starts.sort_unstable();
    ends.sort_unstable();
    let mut peak = Peak::default();
    let mut ended = 0;
    for (started, at_ns) in starts.into_iter().enumerate() {
        ended += ends[ended..].iter().take_while(|end| **end <= at_ns).count();
        let calls = (started + 1).saturating_sub(ended) as u32;
        if calls > peak.calls {
            peak = Peak { calls, at_ns };
        }
    }
    peak
}

/// Returns how intervals lie in time; a single one, or none, is sequential. O(n log n).
pub fn execution(intervals: impl IntoIterator<Item = (u64, u64)>) -> Execution {
    let mut intervals: Vec<(u64, u64)> = intervals.into_iter().collect();
    intervals.sort_unstable();
    let (mut alone, mut together) = (false, false);
    let mut clusters = intervals.into_iter().peekable();
    while let Some((_, mut busy_until)) = clusters.next() {
        let mut joined = false;
        while let Some((_, end)) = clusters.next_if(|(start, _)| *start < busy_until) {
            busy_until = busy_until.max(end);
            joined = true;
        }
        alone |= !joined;
        together |= joined;
    }
    match (alone, together) {
        (true, true) => Execution::Mixed,
        (false, true) => Execution::Concurrent,
        (_, false) => Execution::Sequential,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps() {
        use Execution::{Concurrent, Mixed, Sequential};
        type Case<'a> = (&'a [(u64, u64)], (u32, u64), Execution);
        let cases: [Case<'_>; 8] = [
            (&[], (0, 0), Sequential),
            (&[(5, 9)], (1, 5), Sequential),
            (&[(0, 10), (10, 20), (20, 21)], (1, 0), Sequential),
            (&[(0, 10), (9, 20)], (2, 9), Concurrent),
            (&[(9, 20), (0, 10), (30, 40)], (2, 9), Mixed),
            (&[(0, 100), (10, 20), (30, 40)], (2, 10), Concurrent),
            (&[(7, 8), (7, 8), (7, 8)], (3, 7), Concurrent),
            (&[(0, 2), (1, 3), (5, 7), (6, 8), (6, 9)], (3, 6), Concurrent),
        ];
        for (intervals, (calls, at_ns), how) in cases {
            assert_eq!(peak(intervals.iter().copied()), Peak { calls, at_ns }, "{intervals:?}");
            assert_eq!(execution(intervals.iter().copied()), how, "{intervals:?}");
        }
    }
}
