//! Acknowledgments of a running daemon: those made through the API, in a store, and those of the file that the
//! configuration names, which come and go with the generation.

use super::wall_ns;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracewatt_core::acknowledge::{Acknowledgment, Date, NamePattern, Selector};

/// Acknowledgments that a store holds, at most.
pub(super) const MAX_ACKS: usize = 10_000;
/// Longest text of one, bytes.
pub(super) const MAX_TEXT: usize = 1024;

/// Why an acknowledgment was not stored or taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AckError {
    /// One with the same selector is in force, with this id.
    #[error("acknowledgment {0} has the same selector and is in force; revoke it first")]
    Exists(u64),
    /// The store is full.
    #[error("there are {MAX_ACKS} acknowledgments already; revoke some, or use patterns")]
    Full,
    /// The store failed.
    #[allow(dead_code, reason = "the store in memory cannot fail; others can")]
    #[error("the acknowledgment cannot be stored: {0}")]
    Failed(String),
}

/// Keeps acknowledgments made through the API. The `entry` of each is its id, which is never given again.
pub(super) trait AckStore: Send + Sync {
    /// Stores one; returns it with its id. One with the same selector whose time is over is replaced.
    ///
    /// # Errors
    /// When one with the same selector is in force on the day `today`, the store is full, or it fails.
    fn create(&self, new: Acknowledgment, today: Date) -> Result<Acknowledgment, AckError>;

    /// Takes one back; whether it was there.
    ///
    /// # Errors
    /// When the store fails.
    fn revoke(&self, id: u64) -> Result<bool, AckError>;

    /// Returns all of them, by id, those whose time is over included.
    fn list(&self) -> Vec<Acknowledgment>;
}

/// Keeps acknowledgments for as long as the daemon runs.
#[derive(Debug, Default)]
pub(super) struct MemoryAcks {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    acks: Vec<Acknowledgment>,
    last_id: u64,
}

impl MemoryAcks {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AckStore for MemoryAcks {
    fn create(&self, new: Acknowledgment, today: Date) -> Result<Acknowledgment, AckError> {
        let mut kept = self.lock();
        let same = kept.acks.iter().position(|known| known.selector == new.selector);
        if let Some(known) = same.and_then(|at| kept.acks.get(at)).filter(|known| !known.is_expired(today)) {
            return Err(AckError::Exists(known.entry as u64));
        }
        if let Some(at) = same {
            kept.acks.remove(at);
        }
        if kept.acks.len() >= MAX_ACKS {
            return Err(AckError::Full);
        }
        kept.last_id += 1;
        let ack = Acknowledgment { entry: kept.last_id as usize, line: 0, ..new };
        kept.acks.push(ack.clone());
        Ok(ack)
    }

    fn revoke(&self, id: u64) -> Result<bool, AckError> {
        let mut kept = self.lock();
        let before = kept.acks.len();
        kept.acks.retain(|ack| ack.entry as u64 != id);
        Ok(kept.acks.len() < before)
    }

    fn list(&self) -> Vec<Acknowledgment> {
        self.lock().acks.clone()
    }
}

/// Where an acknowledgment comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The API.
    Daemon,
    /// The file of the configuration.
    File,
}

impl Origin {
    /// Returns the word used in documents.
    pub fn word(self) -> &'static str {
        match self {
            Origin::Daemon => "daemon",
            Origin::File => "file",
        }
    }
}

/// Today in UTC.
pub(super) fn today() -> Date {
    Date::from_unix_seconds(wall_ns() / 1_000_000_000)
}

/// What somebody wants to acknowledge, as texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub problem: Option<String>,
    pub kind: Option<String>,
    pub service: Option<String>,
    pub endpoint: Option<String>,
    pub reason: String,
    pub by: String,
    pub expires_at: Option<String>,
}

/// Checks what is asked for.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn checked(asked: Asked, today: Date) -> Result<Acknowledgment, String> {
    let Asked { problem, kind, service, endpoint, reason, by, expires_at } = asked;
    for (name, text) in [("reason", &reason), ("by", &by)] {
        if text.trim().is_empty() {
            return Err(format!("`{name}` is missing or empty"));
        }
    }
    let given =
        [problem.as_ref(), kind.as_ref(), service.as_ref(), endpoint.as_ref(), Some(&reason), Some(&by)];
    if given.into_iter().flatten().any(|text| text.len() > MAX_TEXT) {
        return Err(format!("a text is longer than {MAX_TEXT} bytes"));
    }
    if let Some(problem) = &problem {
        crate::acknowledge_file::check_identity(problem).map_err(|error| said("problem", &error))?;
    }
    let pattern = |name: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) if text.is_empty() => Err(format!("`{name}` is empty; leave it out")),
        Some(text) => NamePattern::new(&text).map(Some).map_err(|error| said(name, &error)),
    };
    let selector = Selector {
        identity: problem,
        kind: pattern("type", kind)?,
        service: pattern("service", service)?,
        endpoint: pattern("endpoint", endpoint)?,
    };
    if selector.is_empty() {
        return Err("nothing is selected: give `problem`, or one of `type`, `service`, `endpoint`".to_owned());
    }
    let expires_at = match expires_at {
        None => None,
        Some(text) => Some(text.parse::<Date>().map_err(|error| said("expires_at", &error))?),
    };
    if expires_at.is_some_and(|last| last < today) {
        return Err(format!("`expires_at` lies in the past; today is {today} in UTC"));
    }
    Ok(Acknowledgment {
        entry: 0,
        line: 0,
        selector,
        acknowledged_by: by,
        acknowledged_at: today.to_string(),
        reason,
        expires_at,
    })
}

fn said(name: &str, error: &impl fmt::Display) -> String {
    format!("`{name}`: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(service: &str) -> Asked {
        let text = |text: &str| text.to_owned();
        Asked { service: Some(text(service)), reason: text("known"), by: text("ada"), ..Asked::default() }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn one_is_stored_once_until_its_time_is_over() {
        let (store, today) = (MemoryAcks::default(), day("2026-05-01"));
        let until = Asked { expires_at: Some("2026-05-02".to_owned()), ..asked("shop") };
        let first = store.create(checked(until, today).unwrap(), today).unwrap();
        let again = || checked(asked("shop"), today).unwrap();
        assert_eq!(store.create(again(), today), Err(AckError::Exists(first.entry as u64)));
        let second = store.create(again(), day("2026-05-03")).unwrap();
        assert_eq!((first.entry, second.entry, store.list().len()), (1, 2, 1));
        assert_eq!((store.revoke(2), store.revoke(2)), (Ok(true), Ok(false)));
    }

    #[test]
    fn what_is_asked_for_must_make_sense() {
        let today = day("2026-05-01");
        let check = |asked: Asked, says: &str| {
            let error = checked(asked, today).unwrap_err();
            assert!(error.contains(says), "{error}");
        };
        check(Asked { service: None, ..asked("") }, "nothing is selected");
        check(asked(""), "`service` is empty");
        check(Asked { reason: " ".to_owned(), ..asked("shop") }, "`reason` is missing");
        check(Asked { by: String::new(), ..asked("shop") }, "`by` is missing");
        check(Asked { expires_at: Some("2026-04-30".to_owned()), ..asked("shop") }, "in the past");
        check(Asked { expires_at: Some("soon".to_owned()), ..asked("shop") }, "YYYY-MM-DD");
        check(Asked { problem: Some("x".to_owned()), ..asked("shop") }, "`problem`");
        check(Asked { reason: "x".repeat(MAX_TEXT + 1), ..asked("shop") }, "longer than");
        let last_day = Asked { expires_at: Some("2026-05-01".to_owned()), ..asked("shop-*") };
        assert!(checked(last_day, today).is_ok());
    }
}
