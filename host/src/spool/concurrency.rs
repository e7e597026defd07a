//! How many calls to one place were under way when a call started, over every trace of a run: what
//! `window::count_in_flight` says, without holding the traces.
//!
//! While a unit is sealed for the first time its calls are noted, with their position in the unit. [`Concurrency::count`]
//! sorts them by place and start, in runs that go to a file when they are many, and walks through them with the ends
//! of the open calls in a heap. The answers are kept by unit until the unit is sealed again.

use super::{Spool, SpoolError, TempFile, lock};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Mutex;
use tracewatt_core::trace::packed::{number, varint};
use tracewatt_core::trace::{IoKind, SealedTrace, TextId};

/// Calls sorted at one go; one takes 40 bytes.
const RUN_CALLS: usize = 64 * 1024;
/// Calls read at one go from a run in the file.
const READ_CALLS: usize = 512;

/// Service, kind, peer.
type Place = (TextId, IoKind, TextId);

/// A call, in the order of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    place: Place,
    start_ns: u64,
    end_ns: u64,
    unit: u32,
    /// Among the calls of the unit.
    position: u32,
}

const CALL_BYTES: usize = 33;

impl Call {
    fn write(&self, out: &mut Vec<u8>) {
        let (service, kind, peer) = self.place;
        out.extend(service.0.to_le_bytes());
        out.push(kind as u8);
        out.extend(peer.0.to_le_bytes());
        out.extend(self.start_ns.to_le_bytes());
        out.extend(self.end_ns.to_le_bytes());
        out.extend(self.unit.to_le_bytes());
        out.extend(self.position.to_le_bytes());
    }

    fn read(bytes: &[u8; CALL_BYTES]) -> Call {
        let four = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let eight = |at: usize| u64::from(four(at)) | u64::from(four(at + 4)) << 32;
        let kind = IoKind::of(bytes[4]).unwrap_or_default();
        Call {
            place: (TextId(four(0)), kind, TextId(four(5))),
            start_ns: eight(9),
            end_ns: eight(17),
            unit: four(25),
            position: four(29),
        }
    }
}

/// Calls of a run, noted unit by unit by several threads.
#[derive(Debug, Default)]
pub struct Concurrency {
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    calls: Vec<Call>,
    /// Sorted runs in the file, as offset and number of calls.
    runs: Vec<(u64, usize)>,
    file: Option<TempFile>,
}

/// Calls in flight, by unit.
#[derive(Debug)]
pub struct InFlight {
    /// Position of the call and calls in flight, as numbers.
    counts: Spool,
}

impl Concurrency {
    /// Notes the calls of a unit.
    ///
    /// # Errors
    /// When the temporary file fails.
    pub fn note(&self, unit: usize, traces: &[SealedTrace]) -> Result<(), SpoolError> {
        let mut noted = lock(&self.noted);
        let mut position = 0;
        for trace in traces {
            for (_, span) in trace.spans.iter().enumerate().filter(|(row, _)| trace.occupies(*row)) {
                let place = (span.service, span.kind, span.peer);
                let end_ns = span.end_ns().max(span.start_ns.saturating_add(1));
                noted.calls.push(Call {
                    place,
                    start_ns: span.start_ns,
                    end_ns,
                    unit: unit as u32,
                    position,
                });
                position += 1;
            }
        }
        if noted.calls.len() >= RUN_CALLS { noted.spill() } else { Ok(()) }
    }

    /// Counts.
    ///
    /// # Errors
    /// When the temporary file fails.
    pub fn count(self, units: usize, budget: usize) -> Result<InFlight, SpoolError> {
        let Noted { mut calls, runs, mut file } =
            self.noted.into_inner().unwrap_or_else(|held| held.into_inner());
        calls.sort_unstable();
        let counts = Spool::new(units, budget);
        let mut walk = Walk { counts: &counts, open: BinaryHeap::new(), same: Vec::new() };
        let mut runs: Vec<Run> =
            runs.into_iter().map(|(at, left)| Run { at, left, calls: Vec::new() }).collect();
        runs.push(Run {
            at: 0,
            left: 0,
            calls: {
                calls.reverse();
                calls
            },
        });
        let mut next: BinaryHeap<Reverse<(Call, usize)>> = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(run.next(&mut file)?.map(|call| Reverse((call, number))));
        }
        while let Some(Reverse((call, number))) = next.pop() {
            walk.step(call)?;
            next.extend(runs[number].next(&mut file)?.map(|call| Reverse((call, number))));
        }
        walk.flush()?;
        Ok(InFlight { counts })
    }
}

impl Noted {
    fn spill(&mut self) -> Result<(), SpoolError> {
        self.calls.sort_unstable();
        let mut bytes = Vec::with_capacity(self.calls.len() * CALL_BYTES);
        self.calls.iter().for_each(|call| call.write(&mut bytes));
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(TempFile::create()?),
        };
        self.runs.push((file.append(&bytes)?, self.calls.len()));
        self.calls.clear();
        Ok(())
    }
}

/// What is left of a sorted run.
struct Run {
    at: u64,
    /// Calls still in the file.
    left: usize,
    /// Calls in memory, the next one last.
    calls: Vec<Call>,
}

impl Run {
    fn next(&mut self, file: &mut Option<TempFile>) -> Result<Option<Call>, SpoolError> {
        if let (true, Some(file)) = (self.calls.is_empty() && self.left > 0, file) {
            let count = self.left.min(READ_CALLS);
            let mut bytes = vec![0; count * CALL_BYTES];
            file.read(self.at, &mut bytes)?;
            self.calls.extend(bytes.as_chunks().0.iter().rev().map(Call::read));
            self.at += bytes.len() as u64;
            self.left -= count;
        }
        Ok(self.calls.pop())
    }
}

/// Walks through calls in order.
struct Walk<'a> {
    counts: &'a Spool,
    /// Ends of the calls under way.
    open: BinaryHeap<Reverse<u64>>,
    /// Calls that start at the same instant at the same place: each is in flight when the others start.
    same: Vec<Call>,
}

impl Walk<'_> {
    fn step(&mut self, call: Call) -> Result<(), SpoolError> {
        if let Some(last) = self.same.last()
            && (last.place, last.start_ns) != (call.place, call.start_ns)
        {
            let moved = last.place != call.place;
            self.flush()?;
            if moved {
                self.open.clear();
            }
        }
        self.same.push(call);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        let Some(Call { start_ns, .. }) = self.same.first().copied() else { return Ok(()) };
        while self.open.peek().is_some_and(|Reverse(end)| *end <= start_ns) {
            self.open.pop();
        }
        self.open.extend(self.same.iter().map(|call| Reverse(call.end_ns)));
        // at the very last nanosecond of u64 a call cannot end after it started
        let open = self.open.len().max(1) as u64;
        for call in self.same.drain(..) {
            self.counts.append(call.unit as usize, |out| {
                number(u64::from(call.position), out);
                number(open, out);
            })?;
        }
        Ok(())
    }
}

impl InFlight {
    /// Sets [`SealedTrace::in_flight`] of the traces of a unit, which must be those that were noted.
    ///
    /// # Errors
    /// When the temporary file fails.
    pub fn set(&self, unit: usize, traces: &mut [SealedTrace]) -> Result<(), SpoolError> {
        let calls = traces
            .iter()
            .map(|trace| (0..trace.spans.len()).filter(|row| trace.occupies(*row)).count())
            .sum();
        let mut counts = vec![0; calls];
        self.counts.read(unit, |mut block| {
            while let (Some(position), Some(open)) = (varint(&mut block), varint(&mut block)) {
                if let Some(count) = counts.get_mut(position as usize) {
                    *count = open as u32;
                }
            }
        })?;
        let mut counts = counts.into_iter();
        for trace in traces {
            for row in 0..trace.spans.len() {
                trace.in_flight[row] = if trace.occupies(row) { counts.next().unwrap_or(0) } else { 0 };
            }
        }
        self.counts.clear(unit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracewatt_core::trace::{NO_ROW, Span, TraceId};
    use tracewatt_core::window::count_in_flight;

    /// Traces of random calls, the same for one seed.
    fn traces(seed: u64, number: u64) -> Vec<SealedTrace> {
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        (0..number)
            .map(|id| {
                let mut spans: Vec<Span> = (0..random(40))
                    .map(|_| Span {
                        trace: TraceId(u128::from(id)),
                        kind: IoKind::of(random(3) as u8).unwrap_or_default(),
                        service: TextId(random(2) as u32),
                        peer: TextId(random(2) as u32),
                        start_ns: random(20_000),
                        duration_ns: random(50),
                        ..Span::default()
                    })
                    .collect();
                spans.sort_by_key(|span| span.start_ns);
                let rows = spans.len();
                SealedTrace {
                    spans,
                    merged_into: vec![NO_ROW; rows],
                    in_flight: vec![0; rows],
                    ..SealedTrace::default()
                }
            })
            .collect()
    }

    #[test]
    fn it_counts_as_the_window_does_however_many_calls_there_are() {
        for (seed, number) in [(1, 3), (2, 100), (3, 12_000)] {
            let mut expected = traces(seed, number);
            count_in_flight(&mut expected);
            let mut units: Vec<Vec<SealedTrace>> =
                traces(seed, number).chunks(700).map(<[_]>::to_vec).collect();
            let concurrency = Concurrency::default();
            for (unit, traces) in units.iter().enumerate().rev() {
                concurrency.note(unit, traces).unwrap();
            }
            assert_eq!(lock(&concurrency.noted).runs.len() > 1, number > 10_000, "runs in the file");
            let in_flight = concurrency.count(units.len(), 0).unwrap();
            for (unit, traces) in units.iter_mut().enumerate() {
                in_flight.set(unit, traces).unwrap();
            }
            let found = units.iter().flatten().map(|trace| &trace.in_flight);
            assert!(found.eq(expected.iter().map(|trace| &trace.in_flight)), "seed {seed}");
            let most = expected.iter().flat_map(|trace| &trace.in_flight).max();
            assert!(number < 1_000 || most > Some(&3), "something overlaps");
        }
    }
}
