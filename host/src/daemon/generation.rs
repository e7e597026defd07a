//! Configuration and plug-ins in force. A generation never changes; another one takes its place, between two units of
//! traces, once it has been admitted: everything loaded, every detector instantiated, its settings accepted. Whoever
//! still works with the old one ends that first.

use super::door::Door;
use super::elapsed_ns;
use crate::analysis::as_configured;
use crate::cli::commands::acknowledgments;
use crate::cli::invocation::Acknowledgments;
use crate::config::WebhookConfig;
use crate::session::Session;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracewatt_core::acknowledge::Acknowledgment;
use tracewatt_core::detect::DetectorRun;
use tracewatt_core::plugin::{Fault, Standing, Supervisor, Ticker, Worker};

/// One loaded set of plug-ins with its configuration.
pub(super) struct Generation {
    /// Configuration and plug-ins.
    pub session: Session,
    /// Counts up from 1.
    pub number: u64,
    /// Entries of the file of acknowledgments.
    pub acknowledgments: Vec<Acknowledgment>,
    /// What is asked of clients.
    pub door: Door,
    /// Keeps the time limits of its plug-ins.
    pub ticker: Ticker,
    /// Of the active plug-ins.
    supervisor: Mutex<Supervisor>,
}

impl Generation {
    /// Admits what was loaded.
    ///
    /// # Errors
    /// Certificates and tokens that cannot be loaded; a detector that cannot be instantiated, or refuses its settings; a
    /// file of acknowledgments that cannot be read.
    pub fn admit(session: Session, number: u64) -> Result<Generation> {
        let door = Door::load(&session.config.daemon)?;
        let ticker =
            Ticker::new(&session.engine).context("cannot start the thread that keeps time limits")?;
        for variant in as_configured(&session) {
            let Some((config, plugin)) = session.active().nth(variant.plugin) else { continue };
            let detector = session.detector(config, plugin, &variant.changed);
            let worker = Worker::new(&session.engine, &detector.plugin, detector.settings, detector.limits);
            let mut worker = worker.with_context(|| format!("plug-in `{}`", config.id))?;
            if let Err(fault) = ticker.during(|| worker.ready()) {
                bail!("plug-in `{}`: {fault}", config.id);
            }
        }
        session.config.daemon.webhooks.iter().try_for_each(WebhookConfig::check)?;
        let acknowledgments = acknowledgments(&session.config, Acknowledgments::Apply)?;
        let supervisor = Mutex::new(Supervisor::new(session.active().count()));
        Ok(Generation { session, number, acknowledgments, door, ticker, supervisor })
    }

    fn supervisor(&self) -> MutexGuard<'_, Supervisor> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the faults for which active plug-ins are not called now.
    pub fn refusals(&self) -> Vec<Option<Arc<Fault>>> {
        let (supervisor, now_ns) = (self.supervisor(), elapsed_ns());
        (0..self.session.active().count()).map(|plugin| supervisor.refusal(plugin, now_ns)).collect()
    }

    /// Notes what became of a unit in the active plug-ins that were called.
    pub fn note(&self, runs: &[DetectorRun], refusals: &[Option<Arc<Fault>>]) {
        let (mut supervisor, now_ns) = (self.supervisor(), elapsed_ns());
        for (plugin, (run, refusal)) in runs.iter().zip(refusals).enumerate() {
            if refusal.is_none() {
                supervisor.note(plugin, now_ns, run.set_aside.last().map(|(_, fault)| fault));
            }
        }
    }

    /// Returns how every active plug-in stands, by id.
    pub fn standings(&self) -> Vec<(String, Standing)> {
        let (supervisor, now_ns) = (self.supervisor(), elapsed_ns());
        let active = self.session.active().enumerate();
        active.map(|(at, (config, _))| (config.id.clone(), supervisor.standing(at, now_ns))).collect()
    }
}

/// Loads configuration and plug-ins as they are now.
pub(super) type Load = dyn Fn() -> Result<Session> + Send + Sync;

/// The generation in force, and how the last attempt at another one went.
pub(super) struct Generations {
    current: Mutex<Arc<Generation>>,
    number: AtomicU64,
    load: Box<Load>,
    attempts: Mutex<Attempts>,
}

/// Attempts at other generations.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts {
    /// Those that took over.
    pub succeeded: u64,
    /// Those that were refused.
    pub failed: u64,
    /// Why the last one was refused, if it was.
    pub last_error: Option<String>,
}

/// What came of a reload.
#[derive(Clone, Debug)]
pub(super) struct Reloaded {
    /// Number of the generation in force.
    pub generation: u64,
    /// Keys of `[daemon]` that differ, and hold after a restart only.
    pub needs_restart: Vec<String>,
}

/// Keys of `[daemon]` that a running daemon takes over.
const RELOADED: [&str; 14] = [
    "environment",
    "max_active_traces",
    "max_payload_size",
    "metrics_open",
    "request_timeout_ms",
    "sampling_rate",
    "tls_cert_path",
    "tls_client_ca_path",
    "tls_key_path",
    "tokens",
    "trace_grace_ms",
    "trace_max_age_ms",
    "trace_ttl_ms",
    "webhooks",
];

impl Generations {
    /// Admits the first generation; `load` is for further ones.
    ///
    /// # Errors
    /// As [`Generation::admit`].
    pub fn new(first: Session, load: Box<Load>) -> Result<Generations> {
        let first = Generation::admit(first, 1)?;
        let number = AtomicU64::new(first.number);
        Ok(Generations { number, current: Mutex::new(Arc::new(first)), load, attempts: Mutex::default() })
    }

    /// Returns the generation in force.
    pub fn current(&self) -> Arc<Generation> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of the generation in force, without a lock.
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Returns how attempts went.
    pub fn attempts(&self) -> Attempts {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads and admits another generation, which takes over if all of that succeeds. For one thread.
    ///
    /// # Errors
    /// What is wrong with the configuration or a plug-in. The generation in force stays.
    pub fn reload(&self) -> Result<Reloaded> {
        let old = self.current();
        let admitted = (self.load)().and_then(|session| {
            let new = Generation::admit(session, old.number + 1)?;
            new.door.replaces(&old.door)?;
            Ok(new)
        });
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = match admitted {
            Ok(new) => new,
            Err(error) => {
                attempts.failed += 1;
                attempts.last_error = Some(format!("{error:#}"));
                return Err(error);
            }
        };
        let needs_restart = differing(&old.session, &new.session);
        let generation = new.number;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        self.number.store(generation, Ordering::Release);
        attempts.succeeded += 1;
        attempts.last_error = None;
        Ok(Reloaded { generation, needs_restart })
    }
}

/// Keys of `[daemon]` with other values that a running daemon does not take over.
fn differing(old: &Session, new: &Session) -> Vec<String> {
    let (old, new) = (old.config.section("daemon"), new.config.section("daemon"));
    let keys =
        [&old, &new].into_iter().filter_map(|section| section.as_object()).flat_map(|keys| keys.keys());
    let keys: BTreeSet<&String> = keys.collect();
    let differs = |key: &&&String| old.get(**key) != new.get(**key) && !RELOADED.contains(&key.as_str());
    keys.iter().filter(differs).map(|key| format!("daemon.{key}")).collect()
}
