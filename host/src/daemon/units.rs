//! Units of closed traces on their way to the threads that judge.

use crate::analysis;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tracewatt_core::window::ClosedTrace;

/// Traces of a unit, at most.
const UNIT_TRACES: usize = 64;
/// Spans from which on a unit is full.
const UNIT_SPANS: u64 = 2_000;

/// Closed traces that are judged together, and what their numbers mean.
pub(super) struct Unit {
    pub traces: Vec<ClosedTrace>,
    pub names: Arc<analysis::Intake>,
    /// Which store of texts the names are in.
    pub epoch: u64,
}

impl Unit {
    /// Cuts closed traces into units.
    pub fn cut(traces: Vec<ClosedTrace>, names: &Arc<analysis::Intake>, epoch: u64) -> Vec<Unit> {
        let mut units = Vec::new();
        let (mut open, mut spans) = (Vec::new(), 0);
        for trace in traces {
            spans += u64::from(trace.spans);
            open.push(trace);
            if open.len() >= UNIT_TRACES || spans >= UNIT_SPANS {
                units.push(Unit { traces: std::mem::take(&mut open), names: names.clone(), epoch });
                spans = 0;
            }
        }
        if !open.is_empty() {
            units.push(Unit { traces: open, names: names.clone(), epoch });
        }
        units
    }

    fn spans(&self) -> u64 {
        self.traces.iter().map(|trace| u64::from(trace.spans)).sum()
    }

    fn bytes(&self) -> usize {
        self.traces.iter().map(|trace| trace.packed.capacity() + size_of::<ClosedTrace>()).sum()
    }
}

/// Units that wait.
pub(super) struct Units {
    waiting: Mutex<Waiting>,
    moved: Condvar,
    budget: usize,
}

#[derive(Default)]
struct Waiting {
    units: VecDeque<Unit>,
    bytes: usize,
    spans: u64,
    ended: bool,
}

impl Units {
    /// Returns an empty queue for about so many bytes.
    pub fn new(budget: usize) -> Units {
        Units { waiting: Mutex::default(), moved: Condvar::new(), budget }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Spans that wait.
    pub fn spans(&self) -> u64 {
        self.lock().spans
    }

    /// Whether no more should be taken for now.
    pub fn is_full(&self) -> bool {
        self.bytes() > self.budget
    }

    /// Adds a unit, full or not.
    pub fn push(&self, unit: Unit) {
        let mut waiting = self.lock();
        waiting.bytes += unit.bytes();
        waiting.spans += unit.spans();
        waiting.units.push_back(unit);
        self.moved.notify_one();
    }

    /// Says that there will be no more.
    pub fn end(&self) {
        self.lock().ended = true;
        self.moved.notify_all();
    }

    /// Waits for the next unit; none once all are gone and there will be no more.
    pub fn next(&self) -> Option<Unit> {
        let mut waiting = self.lock();
        loop {
            if let Some(unit) = waiting.units.pop_front() {
                waiting.bytes -= unit.bytes();
                waiting.spans -= unit.spans();
                return Some(unit);
            }
            if waiting.ended {
                return None;
            }
            waiting = self.moved.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
