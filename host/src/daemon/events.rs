//! What happens, for whoever listens: new findings and changes of problems. A listener that does not keep up is dropped
//! and counted; it never holds up the rest.

use super::metrics::Metrics;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

/// Events that may wait for one listener.
const AHEAD: usize = 1024;
/// Listeners at the same time.
const MAX_LISTENERS: usize = 64;

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// `finding`, or `problem.new`, `problem.regressed`, `problem.resolved`.
    pub name: &'static str,
    /// The finding or problem, as the lists of the API have it.
    pub data: Arc<Value>,
}

/// Those who listen.
#[derive(Debug, Default)]
pub(super) struct Events {
    listeners: Mutex<Listeners>,
}

#[derive(Debug, Default)]
struct Listeners {
    senders: Vec<Sender<Event>>,
    is_closed: bool,
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a listener, unless there are too many, or the daemon is ending.
    pub fn listen(&self) -> Option<Receiver<Event>> {
        let mut listeners = self.lock();
        listeners.senders.retain(|sender| !sender.is_closed());
        if listeners.is_closed || listeners.senders.len() >= MAX_LISTENERS {
            return None;
        }
        let (sender, receiver) = channel(AHEAD);
        listeners.senders.push(sender);
        Some(receiver)
    }

    /// Whether anybody listens: events need not be made when nobody does.
    pub fn has_listeners(&self) -> bool {
        !self.lock().senders.is_empty()
    }

    /// Tells everybody.
    pub fn tell(&self, event: &Event, metrics: &Metrics) {
        let mut listeners = self.lock();
        listeners.senders.retain(|sender| match sender.try_send(event.clone()) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(_)) => {
                metrics.listeners_dropped.inc();
                false
            }
        });
        metrics.listeners.set(listeners.senders.len() as i64);
    }

    /// Ends all streams, since the daemon does.
    pub fn close(&self) {
        let mut listeners = self.lock();
        listeners.is_closed = true;
        listeners.senders.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_does_not_read_is_dropped_and_the_others_stay() {
        let (events, metrics) = (Events::default(), Metrics::new().unwrap());
        let (slow, mut fast) = (events.listen().unwrap(), events.listen().unwrap());
        let event = Event { name: "finding", data: Arc::new(Value::Null) };
        for _ in 0..=AHEAD {
            events.tell(&event, &metrics);
            assert!(fast.try_recv().is_ok());
        }
        assert_eq!((metrics.listeners_dropped.get(), metrics.listeners.get()), (1, 1));
        assert!(slow.len() == AHEAD, "what was sent before can still be read");
        drop(fast);
        events.tell(&event, &metrics);
        assert!(!events.has_listeners());
        events.close();
        assert!(events.listen().is_none());
    }
}
