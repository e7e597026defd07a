//! Asks for another generation: when a file of the configuration or a component changes, on SIGHUP, on
//! `POST /api/reload`. One thread does it, so that attempts follow each other.
//!
//! A file counts as changed when its content differs from that before the last attempt, and has stood still for one
//! look: whoever writes a file in two steps is not met in between, as a rule; and if so, the attempt is refused and the
//! next look finds the rest.

use super::generation::Reloaded;
use super::{Shared, Tell};
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tracewatt_core::plugin::digest;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Names the files that configuration and plug-ins come from, as the configuration says now, good or bad.
pub(super) type Files = dyn Fn() -> Vec<PathBuf> + Send + Sync;

/// What the thread is sent.
pub(super) enum Wish {
    /// Reload, and answer.
    Reload(oneshot::Sender<Result<Reloaded, String>>),
    /// Reload.
    Signal,
    /// End.
    End,
}

/// Where wishes go.
pub(super) type Wishes = SyncSender<Wish>;

/// The thread.
pub(super) struct Reloader {
    pub shared: Arc<Shared>,
    pub tell: Arc<Tell>,
    pub watched: Watched,
}

/// Files, and what they held before the last attempt.
pub(super) struct Watched {
    files: Box<Files>,
    contents: Contents,
    look: Look,
    is_settled: bool,
}

/// Digests of files by name; nothing where there is none.
type Contents = BTreeMap<PathBuf, Option<String>>;
/// What files looked like: when they were changed, and how long they were.
type Look = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

impl Watched {
    /// Looks at files that are about to be loaded.
    pub fn new(files: Box<Files>) -> Watched {
        let paths = files();
        Watched { contents: contents(&paths), look: look(&paths), files, is_settled: true }
    }

    /// Looks again; whether there is something else to load.
    fn has_changed(&mut self) -> bool {
        let paths: Vec<PathBuf> = self.look.keys().cloned().collect();
        let look = look(&paths);
        if look != self.look {
            (self.look, self.is_settled) = (look, false);
            return false;
        }
        !std::mem::replace(&mut self.is_settled, true) && contents(&paths) != self.contents
    }

    /// Makes an attempt: what changes while it is made has changed afterwards.
    fn attempt<T>(&mut self, attempt: impl FnOnce() -> T) -> T {
        let paths = (self.files)();
        let (before, seen) = (contents(&paths), look(&paths));
        let result = attempt();
        (self.contents, self.look, self.is_settled) = (before, seen, true);
        result
    }
}

fn look(paths: &[PathBuf]) -> Look {
    let look = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok();
        let found = found.map(|found| (found.modified().unwrap_or(SystemTime::UNIX_EPOCH), found.len()));
        (path.clone(), found)
    };
    paths.iter().map(look).collect()
}

fn contents(paths: &[PathBuf]) -> Contents {
    let content = |path: &PathBuf| (path.clone(), std::fs::read(path).ok().map(|bytes| digest(&bytes)));
    paths.iter().map(content).collect()
}

impl Reloader {
    /// Works until told to end.
    pub fn run(mut self, wishes: &Receiver<Wish>) -> Result<()> {
        loop {
            let answer = match wishes.recv_timeout(LOOK) {
                Ok(Wish::Reload(answer)) => Some(answer),
                Ok(Wish::Signal) => None,
                Ok(Wish::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if self.watched.has_changed() => None,
                Err(RecvTimeoutError::Timeout) => continue,
            };
            let Reloader { shared, tell, watched } = &mut self;
            let result = watched.attempt(|| reload(shared, tell.as_ref()));
            if let Some(answer) = answer {
                let _ = answer.send(result);
            }
        }
    }
}

fn reload(shared: &Shared, tell: &Tell) -> Result<Reloaded, String> {
    let result = shared.generations.reload().map_err(|error| format!("{error:#}"));
    match &result {
        Ok(Reloaded { generation, needs_restart }) if needs_restart.is_empty() => {
            tell(&format!("generation {generation} has taken over"));
        }
        Ok(Reloaded { generation, needs_restart }) => tell(&format!(
            "generation {generation} has taken over; these keys hold after a restart only: {}",
            needs_restart.join(", ")
        )),
        Err(error) => {
            tell(&format!("not reloaded, generation {} goes on: {error}", shared.generations.number()));
        }
    }
    shared.metrics.reloaded(result.is_ok(), shared.generations.number());
    result
}
