//! Which plug-ins of a running system are called. One that fails again and again is suspended, for longer each time,
//! and at last quarantined: until another generation of plug-ins takes over. Time is an argument.
//!
//! A *strike* is a unit of traces with at least one that the plug-in failed on. Units that go well forgive strikes: a
//! plug-in that fails on a trace now and then loses these traces, and is never suspended.

use super::Fault;
use std::sync::Arc;

/// Strikes after which it is suspended.
const SUSPEND_AFTER: u32 = 3;
/// Strikes after which it is quarantined.
const QUARANTINE_AFTER: u32 = 9;
/// How long it is suspended first, nanoseconds; each further time twice as long: 63 seconds in all before the quarantine.
const FIRST_SUSPENSION_NS: u64 = 1_000_000_000;
/// Units in a row that go well, after which strikes are forgiven.
const FORGIVEN_AFTER: u32 = 32;

/// How a plug-in stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is called.
    Running,
    /// It is not called until then.
    Suspended {
        /// Nanoseconds, by the clock of the caller.
        until_ns: u64,
    },
    /// It is not called any more.
    Quarantined,
}

impl Standing {
    /// Returns the word used in metrics and documents.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Running => "running",
            Standing::Suspended { .. } => "suspended",
            Standing::Quarantined => "quarantined",
        }
    }
}

/// How every plug-in of a generation stands.
#[derive(Debug, Default)]
pub struct Supervisor {
    plugins: Vec<Record>,
}

#[derive(Clone, Debug, Default)]
struct Record {
    strikes: u32,
    well: u32,
    suspended_until_ns: u64,
    last_fault: Option<Arc<Fault>>,
}

impl Record {
    fn standing(&self, now_ns: u64) -> Standing {
        match self.suspended_until_ns {
            _ if self.strikes >= QUARANTINE_AFTER => Standing::Quarantined,
            until_ns if until_ns > now_ns => Standing::Suspended { until_ns },
            _ => Standing::Running,
        }
    }
}

impl Supervisor {
    /// Returns a supervisor of so many plug-ins, all of which run.
    pub fn new(plugins: usize) -> Supervisor {
        Supervisor { plugins: vec![Record::default(); plugins] }
    }

    /// Returns how a plug-in stands.
    pub fn standing(&self, plugin: usize, now_ns: u64) -> Standing {
        self.plugins.get(plugin).map_or(Standing::Running, |record| record.standing(now_ns))
    }

    /// Returns the fault for which a plug-in is not called now.
    pub fn refusal(&self, plugin: usize, now_ns: u64) -> Option<Arc<Fault>> {
        let record = self.plugins.get(plugin)?;
        (record.standing(now_ns) != Standing::Running).then(|| record.last_fault.clone()).flatten()
    }

    /// Notes what became of a unit that a plug-in was called for: the last fault, if it failed on a trace.
    pub fn note(&mut self, plugin: usize, now_ns: u64, fault: Option<&Arc<Fault>>) {
        let Some(record) = self.plugins.get_mut(plugin) else { return };
        let Some(fault) = fault else {
            record.well += 1;
            if record.well >= FORGIVEN_AFTER {
                record.strikes = 0;
            }
            return;
        };
        (record.well, record.strikes) = (0, record.strikes.saturating_add(1));
        record.last_fault = Some(fault.clone());
        if let Some(doublings) = record.strikes.checked_sub(SUSPEND_AFTER) {
            let pause = FIRST_SUSPENSION_NS << doublings.min(QUARANTINE_AFTER);
            record.suspended_until_ns = record.suspended_until_ns.max(now_ns.saturating_add(pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::FaultKind;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn fault() -> Arc<Fault> {
        Arc::new(Fault::new(FaultKind::Trap, "gone".to_owned()))
    }

    /// Scenario: every call fails. Guarantees: the pauses grow, then there are no more calls.
    #[test]
    fn what_always_fails_is_called_ever_less() {
        let (mut supervisor, mut now, mut pauses) = (Supervisor::new(2), 0, Vec::new());
        let fault = fault();
        while supervisor.standing(0, now) == Standing::Running {
            supervisor.note(0, now, Some(&fault));
            supervisor.note(1, now, None);
            if let Standing::Suspended { until_ns } = supervisor.standing(0, now) {
                assert_eq!(supervisor.refusal(0, now), Some(fault.clone()));
                pauses.push((until_ns - now) / SECOND);
                now = until_ns;
            }
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32]);
        assert_eq!(supervisor.standing(0, u64::MAX), Standing::Quarantined);
        assert_eq!((supervisor.standing(1, now), supervisor.refusal(1, now)), (Standing::Running, None));
    }

    /// Scenario: one unit in 33 has a trace it fails on. Guarantees: it is always called.
    #[test]
    fn rare_failures_are_forgiven() {
        let mut supervisor = Supervisor::new(1);
        for unit in 0..1000 {
            supervisor.note(0, unit, (unit % 33 == 0).then(fault).as_ref());
            assert_eq!(supervisor.standing(0, unit), Standing::Running);
        }
    }

    /// Scenario: two failures, then it works, then two more at once.
    #[test]
    fn a_short_while_of_health_forgives_nothing() {
        let mut supervisor = Supervisor::new(1);
        for unit in 0..10 {
            supervisor.note(0, unit, (unit != 5 && unit > 7 || unit == 0).then(fault).as_ref());
        }
        assert_eq!(supervisor.standing(0, 10), Standing::Suspended { until_ns: 9 + SECOND });
    }
}
