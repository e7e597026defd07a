//! Problems that are new, gone, or back: seen by looking at all of them now and then, so that what nobody reports any
//! more is noticed too.

use super::api::problem_json;
use super::events::Event;
use super::webhooks::Webhooks;
use super::{Shared, wall_ns};
use anyhow::Result;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tracewatt_core::finding::{Standing, StandingStatus};

/// How often problems are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What happened to a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was seen for the first time.
    New,
    /// It was not seen for some time.
    Resolved,
    /// It was seen again after that.
    Regressed,
}

impl Change {
    /// Returns the name of the event.
    fn event(self) -> &'static str {
        match self {
            Change::New => "problem.new",
            Change::Resolved => "problem.resolved",
            Change::Regressed => "problem.regressed",
        }
    }
}

/// Where problems stood when they were looked at.
pub(super) struct Changes {
    stood: BTreeMap<String, StandingStatus>,
    webhooks: Webhooks,
}

impl Changes {
    /// Returns where they stand at the start, before anything is judged: nothing of that is a change.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn of(shared: &Arc<Shared>) -> Result<Changes> {
        let mut changes = Changes { stood: BTreeMap::new(), webhooks: Webhooks::default() };
        shared.state.look(|known| changes.look(&known.standing, wall_ns()));
        changes.webhooks.look(shared)?;
        Ok(changes)
    }

    /// Looks until the other end of `until` goes, and once more then.
    pub fn run(mut self, shared: &Arc<Shared>, until: &Receiver<()>) -> Result<()> {
        loop {
            let is_last = until.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected);
            let now_ns = wall_ns();
            let events = shared.state.look(|known| {
                let event = |(fingerprint, change): (String, Change)| {
                    let standing = known.standing.get(&fingerprint)?;
                    let data = Arc::new(problem_json(known, standing, now_ns));
                    Some(Event { name: change.event(), data })
                };
                let changes = self.look(&known.standing, now_ns);
                changes.into_iter().filter_map(event).collect::<Vec<_>>()
            });
            events.iter().for_each(|event| shared.events.tell(event, &shared.metrics));
            self.webhooks.look(shared)?;
            if is_last {
                self.webhooks.end();
                return Ok(());
            }
        }
    }

    /// Returns what has changed since the last look, by fingerprint.
    fn look(&mut self, standing: &Standing, now_ns: u64) -> Vec<(String, Change)> {
        let mut changes = Vec::new();
        for problem in standing.reported() {
            let (fingerprint, status) =
                (&problem.problem.fingerprint, problem.status(now_ns, standing.options()));
            let before = match self.stood.get_mut(fingerprint) {
                Some(stood) => Some(std::mem::replace(stood, status)),
                None => self.stood.insert(fingerprint.clone(), status),
            };
            changes.extend(change(before, status).map(|change| (fingerprint.clone(), change)));
        }
        if self.stood.len() > standing.all().count() {
            self.stood.retain(|fingerprint, _| standing.get(fingerprint).is_some());
        }
        changes
    }
}

fn change(before: Option<StandingStatus>, now: StandingStatus) -> Option<Change> {
    use StandingStatus::{New, Regressed, Resolved};
    match (before, now) {
        (None, New) => Some(Change::New),
        (None | Some(Resolved), Regressed) => Some(Change::Regressed),
        (Some(before), Resolved) if before != Resolved => Some(Change::Resolved),
        (Some(Resolved), now) if now != Resolved => Some(Change::Regressed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracewatt_core::finding::{ProblemPart, StandingOptions};
    use tracewatt_core::report::Problem;

    #[test]
    fn each_change_is_told_once() {
        let options = StandingOptions {
            max_problems: 2,
            findings_per_problem: 1,
            resolved_after_ns: 100,
            new_for_ns: 50,
        };
        let mut standing = Standing::new(options);
        let part = |fingerprint: &str| ProblemPart {
            problem: Problem {
                id: fingerprint[4..12].to_owned(),
                fingerprint: fingerprint.to_owned(),
                occurrences: 1,
                ..Problem::default()
            },
            findings: Vec::new(),
            quorum: 1,
            durations: tracewatt_core::finding::Distribution::default(),
        };
        let mut changes = Changes { stood: BTreeMap::new(), webhooks: Webhooks::default() };
        let mut look = |standing: &Standing, now_ns, expected: &[Change]| {
            let seen: Vec<Change> =
                changes.look(standing, now_ns).into_iter().map(|(_, change)| change).collect();
            assert_eq!(seen, expected, "{now_ns}");
            changes.stood.len()
        };
        standing.add(vec![part("tw1:aaaaaaaa1000")], 1000);
        look(&standing, 1001, &[Change::New]);
        look(&standing, 1060, &[]);
        look(&standing, 1101, &[Change::Resolved]);
        look(&standing, 1102, &[]);
        standing.add(vec![part("tw1:aaaaaaaa1000")], 1200);
        look(&standing, 1201, &[Change::Regressed]);
        look(&standing, 1260, &[]);
        standing.add(vec![part("tw1:bbbbbbbb1000"), part("tw1:cccccccc1000")], 1270);
        assert_eq!(
            look(&standing, 1271, &[Change::New, Change::New]),
            2,
            "the forgotten one is forgotten here too"
        );
    }
}
