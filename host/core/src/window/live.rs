//! The window of a running system: spans of many exports and services wait here until their trace seems to be
//! complete, within a budget of memory. Time is an argument; nothing here knows a clock.
//!
//! A trace is closed, which means taken out to be sealed and judged, when the first of these holds:
//!
//! | reason | when |
//! |---|---|
//! | complete | its root has ended, and for the grace time nothing came |
//! | idle | for the idle time nothing came |
//! | age | it has been open for the longest time a trace may be |
//! | memory | the window needs its room: the largest among the oldest goes first |
//! | end | there is no more to come |
//!
//! Spans that come for a trace which was closed a short time ago are late: they are judged too, as a trace that is not
//! complete, and counted.

use crate::trace::TraceId;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Closed traces that are remembered, to tell which spans are late.
const REMEMBERED: usize = 32_768;
/// Of so many of the oldest traces the largest goes first when room is needed.
const OLDEST: usize = 64;
/// What an open trace takes beside its spans: entries of tables, rounded up.
const TRACE_BYTES: usize = 256;

/// How long traces stay open, and how much room they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Nanoseconds without a span after which a trace is closed.
    pub idle_ns: u64,
    /// Nanoseconds without a span after which a trace is closed whose root has ended.
    pub grace_ns: u64,
    /// Nanoseconds after its first span at which a trace is closed in any case.
    pub max_age_ns: u64,
    /// Bytes of all open traces.
    pub memory_bytes: usize,
    /// Open traces.
    pub max_traces: usize,
    /// Spans of one trace; further ones are dropped.
    pub max_spans_per_trace: u32,
}

/// Why a trace was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closing {
    /// Its root has ended.
    Complete,
    /// Nothing came any more.
    Idle,
    /// It was open for too long.
    Age,
    /// The window needed the room.
    Memory,
    /// There is no more to come.
    End,
}

impl Closing {
    /// Every reason.
    pub const ALL: [Closing; 5] =
        [Closing::Complete, Closing::Idle, Closing::Age, Closing::Memory, Closing::End];

    /// Returns the word used in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Closing::Complete => "complete",
            Closing::Idle => "idle",
            Closing::Age => "age",
            Closing::Memory => "memory",
            Closing::End => "end",
        }
    }
}

/// Spans of one trace that came together, packed (see [`crate::trace::packed`]).
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Trace.
    pub trace: TraceId,
    /// Its spans.
    pub packed: &'a [u8],
    /// How many they are.
    pub spans: u32,
    /// Whether one of them has no parent: the root is here, so it has ended.
    pub has_root: bool,
    /// A number by which the owner remembers where they came from; a trace keeps the least.
    pub origin: u64,
}

/// What became of spans that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Spans of a trace that was closed before.
    pub late: u32,
    /// Spans dropped because their trace has too many.
    pub over_limit: u32,
}

/// A trace that is not waited for any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedTrace {
    /// Trace.
    pub id: TraceId,
    /// Its spans, packed.
    pub packed: Vec<u8>,
    /// How many they are.
    pub spans: u32,
    /// Why it was closed.
    pub closing: Closing,
    /// The least origin of its spans.
    pub origin: u64,
    /// Whether it was closed before, so that these are only the spans that came late.
    pub is_late: bool,
}

#[derive(Debug)]
struct Open {
    packed: Vec<u8>,
    spans: u32,
    first_ns: u64,
    last_ns: u64,
    origin: u64,
    has_root: bool,
    is_late: bool,
    /// Tells this trace from an earlier one with the same id.
    number: u64,
}

impl Open {
    fn bytes(&self) -> usize {
        self.packed.capacity() + TRACE_BYTES
    }

    /// Returns when it is closed if nothing more comes, and why.
    fn deadline(&self, options: &LiveOptions) -> (u64, Closing) {
        let quiet = match self.has_root {
            true => (self.last_ns.saturating_add(options.grace_ns), Closing::Complete),
            false => (self.last_ns.saturating_add(options.idle_ns), Closing::Idle),
        };
        let age = (self.first_ns.saturating_add(options.max_age_ns), Closing::Age);
        if age.0 < quiet.0 { age } else { quiet }
    }
}

/// Open traces.
#[derive(Debug)]
pub struct LiveWindow {
    options: LiveOptions,
    traces: FxHashMap<TraceId, Open>,
    /// When to look at which trace again. One entry per open trace; it may be too early, never too late.
    deadlines: BinaryHeap<Reverse<(u64, TraceId, u64)>>,
    /// Traces in the order in which they were opened, and some that are closed.
    order: VecDeque<(TraceId, u64)>,
    closed: FxHashSet<TraceId>,
    closed_order: VecDeque<TraceId>,
    bytes: usize,
    spans: u64,
    next_number: u64,
}

impl LiveWindow {
    /// Returns an empty window.
    pub fn new(options: LiveOptions) -> LiveWindow {
        LiveWindow {
            options,
            traces: FxHashMap::default(),
            deadlines: BinaryHeap::new(),
            order: VecDeque::new(),
            closed: FxHashSet::default(),
            closed_order: VecDeque::new(),
            bytes: 0,
            spans: 0,
            next_number: 0,
        }
    }

    /// Changes how long traces stay open and how much room they have; it holds for open ones too.
    pub fn set_options(&mut self, options: LiveOptions) {
        self.options = options;
        self.deadlines = self
            .traces
            .iter()
            .map(|(id, open)| Reverse((open.deadline(&self.options).0, *id, open.number)))
            .collect();
    }

    /// Open traces.
    pub fn traces(&self) -> usize {
        self.traces.len()
    }

    /// Spans of open traces.
    pub fn spans(&self) -> u64 {
        self.spans
    }

    /// Bytes that open traces take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the least origin of an open trace.
    pub fn least_origin(&self) -> Option<u64> {
        self.traces.values().map(|open| open.origin).min()
    }

    /// Returns the packed spans of an open trace.
    pub fn packed(&self, trace: TraceId) -> Option<&[u8]> {
        self.traces.get(&trace).map(|open| &open.packed[..])
    }

    /// Adds spans to their trace.
    pub fn add(&mut self, now_ns: u64, arrival: &Arrival<'_>) -> Taken {
        let Arrival { trace, packed, spans, has_root, origin } = *arrival;
        let (options, next_number) = (&self.options, &mut self.next_number);
        let mut is_new = false;
        let open = self.traces.entry(trace).or_insert_with(|| {
            is_new = true;
            *next_number += 1;
            Open {
                packed: Vec::new(),
                spans: 0,
                first_ns: now_ns,
                last_ns: now_ns,
                origin,
                has_root: false,
                is_late: self.closed.contains(&trace),
                number: *next_number,
            }
        });
        if is_new {
            self.order.push_back((trace, open.number));
            self.bytes += TRACE_BYTES;
        }
        let mut taken = Taken::default();
        open.last_ns = open.last_ns.max(now_ns);
        open.has_root |= has_root;
        open.origin = open.origin.min(origin);
        if open.spans.saturating_add(spans) > options.max_spans_per_trace {
            taken.over_limit = spans;
        } else {
            self.bytes -= open.packed.capacity();
            open.packed.extend_from_slice(packed);
            self.bytes += open.packed.capacity();
            open.spans += spans;
            self.spans += u64::from(spans);
            taken.late = if open.is_late { spans } else { 0 };
        }
        // A root that comes brings the deadline forward; any other change moves it back, which is seen when it is due.
        if is_new || has_root {
            self.deadlines.push(Reverse((open.deadline(options).0, trace, open.number)));
        }
        taken
    }

    /// Closes what is due, in the order of time, and then what there is no room for.
    pub fn due(&mut self, now_ns: u64) -> Vec<ClosedTrace> {
        let mut closed = Vec::new();
        while let Some(Reverse((at, id, number))) =
            self.deadlines.peek().copied().filter(|due| due.0.0 <= now_ns)
        {
            self.deadlines.pop();
            let Some(open) = self.traces.get(&id).filter(|open| open.number == number) else { continue };
            let (deadline, closing) = open.deadline(&self.options);
            if deadline > now_ns {
                // More came since; where there is an entry for the same time already, one is enough.
                if deadline > at {
                    self.deadlines.push(Reverse((deadline, id, number)));
                }
                continue;
            }
            closed.extend(self.close(id, closing));
        }
        self.make_room(&mut closed);
        closed
    }

    /// Closes everything, in the order in which it was opened.
    pub fn end(&mut self) -> Vec<ClosedTrace> {
        let mut closed = Vec::new();
        while let Some((id, number)) = self.order.pop_front() {
            if self.is_open(id, number) {
                closed.extend(self.close(id, Closing::End));
            }
        }
        closed
    }

    /// Replaces the packed spans of every open trace, when the numbers of texts in them change.
    pub fn rewrite(&mut self, mut rewrite: impl FnMut(&[u8]) -> Vec<u8>) {
        for open in self.traces.values_mut() {
            self.bytes -= open.packed.capacity();
            open.packed = rewrite(&open.packed);
            self.bytes += open.packed.capacity();
        }
    }

    /// Whether [`LiveWindow::due`] would close something to make room.
    pub fn is_over_budget(&self) -> bool {
        self.bytes > self.options.memory_bytes || self.traces.len() > self.options.max_traces
    }

    fn make_room(&mut self, closed: &mut Vec<ClosedTrace>) {
        while self.is_over_budget() {
            while self.order.front().is_some_and(|(id, number)| !self.is_open(*id, *number)) {
                self.order.pop_front();
            }
            let oldest = self.order.iter().take(OLDEST).filter(|(id, number)| self.is_open(*id, *number));
            let size = |(_, (id, _)): &(usize, &(TraceId, u64))| self.traces.get(id).map_or(0, Open::bytes);
            // Of equally large ones the oldest.
            let largest = oldest.enumerate().max_by_key(|one| (size(one), Reverse(one.0)));
            let Some(id) = largest.map(|(_, (id, _))| *id) else { break };
            closed.extend(self.close(id, Closing::Memory));
        }
    }

    fn is_open(&self, id: TraceId, number: u64) -> bool {
        self.traces.get(&id).is_some_and(|open| open.number == number)
    }

    fn close(&mut self, id: TraceId, closing: Closing) -> Option<ClosedTrace> {
        let open = self.traces.remove(&id)?;
        self.bytes -= open.bytes();
        self.spans -= u64::from(open.spans);
        if self.closed.insert(id) {
            self.closed_order.push_back(id);
            if self.closed_order.len() > REMEMBERED
                && let Some(forgotten) = self.closed_order.pop_front()
            {
                self.closed.remove(&forgotten);
            }
        }
        // Entries of closed traces are met again from the front only; many in the middle are swept out.
        if self.order.len() > 2 * self.traces.len() + OLDEST {
            let traces = &self.traces;
            self.order.retain(|(id, number)| traces.get(id).is_some_and(|open| open.number == *number));
        }
        if self.deadlines.len() > 4 * self.traces.len() + OLDEST {
            let traces = &self.traces;
            self.deadlines
                .retain(|Reverse((_, id, number))| traces.get(id).is_some_and(|open| open.number == *number));
        }
        let Open { mut packed, spans, origin, is_late, .. } = open;
        packed.shrink_to_fit();
        Some(ClosedTrace { id, packed, spans, closing, origin, is_late })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: LiveOptions = LiveOptions {
        idle_ns: 100,
        grace_ns: 10,
        max_age_ns: 500,
        memory_bytes: 1 << 20,
        max_traces: 1000,
        max_spans_per_trace: 10,
    };

    fn arrival(trace: u128, packed: &[u8], has_root: bool) -> Arrival<'_> {
        Arrival { trace: TraceId(trace), packed, spans: packed.len() as u32, has_root, origin: trace as u64 }
    }

    fn ids(closed: &[ClosedTrace]) -> Vec<(u128, Closing, u32)> {
        closed.iter().map(|trace| (trace.id.0, trace.closing, trace.spans)).collect()
    }

    #[test]
    fn a_trace_is_closed_when_it_is_quiet_complete_or_old() {
        let mut window = LiveWindow::new(OPTIONS);
        window.add(0, &arrival(1, b"a", false));
        window.add(0, &arrival(2, b"b", true));
        window.add(5, &arrival(2, b"c", false));
        assert_eq!(ids(&window.due(14)), []);
        assert_eq!(ids(&window.due(15)), [(2, Closing::Complete, 2)]);
        window.add(90, &arrival(1, b"d", false));
        assert_eq!(ids(&window.due(100)), [], "a span came");
        assert_eq!(ids(&window.due(190)), [(1, Closing::Idle, 2)]);
        for now in (200..=700).step_by(50) {
            window.add(now, &arrival(3, b"", false));
            let closed = ids(&window.due(now));
            assert_eq!(closed, if now == 700 { vec![(3, Closing::Age, 0)] } else { vec![] }, "{now}");
        }
        assert_eq!((window.traces(), window.bytes(), window.spans()), (0, 0, 0));
    }

    #[test]
    fn a_root_brings_the_deadline_forward() {
        let mut window = LiveWindow::new(OPTIONS);
        window.add(0, &arrival(1, b"a", false));
        window.add(20, &arrival(1, b"b", true));
        assert_eq!(ids(&window.due(30)), [(1, Closing::Complete, 2)]);
    }

    #[test]
    fn late_spans_are_told_and_kept() {
        let mut window = LiveWindow::new(OPTIONS);
        window.add(0, &arrival(1, b"a", true));
        assert_eq!(window.due(10).len(), 1);
        assert_eq!(window.add(11, &arrival(1, b"bc", false)).late, 2);
        let closed = window.due(111);
        assert_eq!(ids(&closed), [(1, Closing::Idle, 2)]);
        assert!(closed[0].is_late);
    }

    #[test]
    fn spans_over_the_limit_of_a_trace_are_told() {
        let mut window = LiveWindow::new(OPTIONS);
        assert_eq!(window.add(0, &arrival(1, b"1234567890", false)).over_limit, 0);
        assert_eq!(window.add(0, &arrival(1, b"ab", false)).over_limit, 2);
        assert_eq!(ids(&window.end()), [(1, Closing::End, 10)]);
    }

    #[test]
    fn the_largest_of_the_oldest_makes_room() {
        let options = LiveOptions { max_traces: 2, ..OPTIONS };
        let mut window = LiveWindow::new(options);
        window.add(0, &arrival(1, b"a", false));
        window.add(0, &arrival(2, &[0; 9], false));
        window.add(0, &arrival(3, b"c", false));
        assert_eq!(ids(&window.due(1)), [(2, Closing::Memory, 9)]);
        window.add(1, &arrival(4, b"d", false));
        assert_eq!(ids(&window.due(1)), [(1, Closing::Memory, 1)], "of equally large ones the oldest");
    }

    proptest! {
        /// Whatever arrives when: every span leaves the window once, or is told to be over the limit, and nothing
        /// stays behind.
        #[test]
        fn nothing_is_lost(
            arrivals in proptest::collection::vec((0..12u128, 0..4usize, any::<bool>(), 0..60u64), 0..200),
            memory_bytes in 0..6000usize,
            max_traces in 0..8usize,
        ) {
            let mut window = LiveWindow::new(LiveOptions { memory_bytes, max_traces, ..OPTIONS });
            let (mut now, mut sent, mut over, mut left) = (0, 0, 0, 0);
            for (trace, spans, has_root, later) in arrivals {
                now += later;
                sent += spans as u64;
                over += u64::from(window.add(now, &arrival(trace, &vec![7; spans], has_root)).over_limit);
                left += window.due(now).iter().map(|trace| u64::from(trace.spans)).sum::<u64>();
                prop_assert!(window.bytes() <= memory_bytes || window.traces() == 0);
                prop_assert!(window.traces() <= max_traces);
            }
            left += window.due(now + 1000).iter().map(|trace| trace.packed.len() as u64).sum::<u64>();
            prop_assert_eq!(window.traces(), 0, "everything was due");
            prop_assert_eq!((sent, window.bytes(), window.spans()), (left + over, 0, 0));
            prop_assert!(window.order.len() <= OLDEST && window.deadlines.is_empty());
        }
    }
}
