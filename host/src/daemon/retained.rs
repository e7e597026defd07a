//! The newest traces with findings, whole, so that they can be explained. Bounded by number and by spans.

use crate::analysis::Intake;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tracewatt_core::report::Finding;
use tracewatt_core::trace::SealedTrace;

/// Spans of all retained traces together.
const MAX_SPANS: usize = 500_000;

/// A trace and what was found in it.
pub(super) struct RetainedTrace {
    /// Id, as it was received.
    pub id: String,
    /// The trace.
    pub trace: SealedTrace,
    /// Its texts and the spellings of its ids.
    pub names: Arc<Intake>,
    /// Findings about it.
    pub findings: Vec<Finding>,
    epoch: u64,
}

/// The traces.
pub(super) struct Retained {
    /// The newest last.
    traces: VecDeque<RetainedTrace>,
    max_traces: usize,
    spans: usize,
}

impl Retained {
    /// Returns none, with room for so many.
    pub fn new(max_traces: usize) -> Retained {
        Retained { traces: VecDeque::new(), max_traces, spans: 0 }
    }

    /// Adds those traces of a unit that findings are about. `epoch` is the number of the store that their texts are in;
    /// traces of earlier stores than the one before go, so that no store is held for long.
    pub fn add<'a>(
        &mut self,
        traces: Vec<SealedTrace>,
        findings: impl Iterator<Item = &'a Finding>,
        names: &Arc<Intake>,
        epoch: u64,
    ) {
        if self.max_traces == 0 {
            return;
        }
        let mut by_trace: BTreeMap<&str, Vec<Finding>> = BTreeMap::new();
        for finding in findings {
            by_trace.entry(&finding.trace_id).or_default().push(finding.clone());
        }
        for trace in traces {
            let id = names.ids.trace_text(trace.id);
            if let Some(findings) = by_trace.remove(&id[..]) {
                self.spans += trace.spans.len();
                self.traces.push_back(RetainedTrace { id, trace, names: names.clone(), findings, epoch });
            }
        }
        let is_too_much = |retained: &Retained| {
            retained.traces.len() > self.max_traces
                || retained.spans > MAX_SPANS
                || retained.traces.front().is_some_and(|oldest| oldest.epoch + 1 < epoch)
        };
        while is_too_much(self) {
            let Some(oldest) = self.traces.pop_front() else { break };
            self.spans -= oldest.trace.spans.len();
        }
    }

    /// Traces retained.
    pub fn len(&self) -> usize {
        self.traces.len()
    }

    /// Returns the newest part of a trace that findings are about.
    pub fn get(&self, id: &str) -> Option<&RetainedTrace> {
        self.traces.iter().rev().find(|retained| retained.id.eq_ignore_ascii_case(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracewatt_core::trace::{Span, TraceId};

    #[test]
    fn the_newest_with_findings_are_kept_within_limits() {
        let mut retained = Retained::new(2);
        let names = Arc::new(Intake::default());
        let trace = |id: u128, spans: usize| SealedTrace {
            id: TraceId(id),
            spans: vec![Span::default(); spans],
            ..SealedTrace::default()
        };
        let finding =
            |id: u128| Finding { trace_id: names.ids.trace_text(TraceId(id)), ..Finding::default() };
        let about = [finding(1), finding(1), finding(2), finding(3)];
        retained.add(vec![trace(1, 1), trace(2, 1), trace(3, 1), trace(4, 1)], about.iter(), &names, 1);
        let has = |retained: &Retained, id: u128| retained.get(&finding(id).trace_id).is_some();
        assert_eq!([1, 2, 3, 4].map(|id| has(&retained, id)), [false, true, true, false]);
        retained.add(vec![trace(5, MAX_SPANS)], [finding(5)].iter(), &names, 2);
        assert_eq!((retained.len(), has(&retained, 5)), (1, true));
        retained.add(vec![trace(6, 1)], [finding(6)].iter(), &names, 4);
        assert_eq!((retained.len(), retained.spans), (1, 1), "the texts of trace 5 can go");
        assert!(Retained::new(0).get("1").is_none());
    }
}
