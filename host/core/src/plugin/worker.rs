//! One plug-in on one thread. A call covers many traces; when it fails, the instance is dropped and the
//! batch is halved until the trace that causes the fault stands alone and is set aside, so that one bad trace
//! costs one trace. What a plug-in may cost in all is decided where all batches are known, see `detect`.

use super::answer::{self, RawFinding};
use super::instance::{Instance, Prepared};
use super::{Fault, Limits, Plugin, PluginError, SettingValue};
use crate::loss::Losses;
use crate::trace::{Batch, SealedTrace, SharedBatch, Texts};
use std::sync::Arc;
use wasmtime::Engine;

/// Traces that a plug-in may fail on before it is given up: further ones are set aside without a call.
pub const MAX_CULPRITS: usize = 32;

/// What came of offering traces to a plug-in.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Findings, in the order of the answers.
    pub findings: Vec<RawFinding>,
    /// Traces the plug-in could not judge, in order, each with the fault that set it aside.
    pub set_aside: Vec<(usize, Arc<Fault>)>,
    /// What was cut of the answers.
    pub losses: Losses,
    /// Calls it took.
    pub calls: u64,
    /// Memory of the instance, the largest where it took several, bytes.
    pub memory_bytes: u64,
}

/// A plug-in on one thread.
pub struct Worker {
    prepared: Prepared,
    settings: Vec<(String, SettingValue)>,
    rules: usize,
    instance: Option<Instance>,
    /// Why there will be no instance: it refused its settings once and would again.
    refusal: Option<Arc<Fault>>,
}

impl Worker {
    /// Returns a worker for a plug-in. `settings` must be complete and valid for its manifest.
    ///
    /// Fails when the component does not export the world it should; refused settings are a fault of the
    /// first call.
    pub fn new(
        engine: &Engine,
        plugin: &Plugin,
        settings: Vec<(String, SettingValue)>,
        limits: Limits,
    ) -> Result<Worker, PluginError> {
        let prepared = Prepared::new(engine, &plugin.component, &plugin.grants, limits)
            .map_err(|error| PluginError::World(format!("{error:#}")))?;
        Ok(Worker { prepared, settings, rules: plugin.manifest.rules.len(), instance: None, refusal: None })
    }

    /// Makes sure that there is an instance that accepted the settings. [`Worker::detect`] does so by itself.
    pub fn ready(&mut self) -> Result<(), Arc<Fault>> {
        if self.instance.is_none() {
            self.instance = Some(self.start()?);
        }
        Ok(())
    }

    /// One call on a batch, whatever comes of it.
    pub fn replay(&mut self, batch: &SharedBatch, texts: &Arc<Texts>) -> Result<Vec<RawFinding>, Arc<Fault>> {
        self.call(batch, texts, 1, 0, &mut Outcome::default()).map(|(findings, _)| findings)
    }

    /// Offers traces to the plug-in. `batch` holds the columns of exactly these traces. When more than
    /// [`MAX_CULPRITS`] of them make it fail, the rest is set aside with the last of these faults.
    pub fn detect(
        &mut self,
        traces: &[SealedTrace],
        batch: &SharedBatch,
        texts: &Arc<Texts>,
        epoch: u32,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        self.offer(traces, 0, batch, texts, epoch, &mut outcome);
        outcome
    }

    fn offer(
        &mut self,
        traces: &[SealedTrace],
        first: usize,
        batch: &SharedBatch,
        texts: &Arc<Texts>,
        epoch: u32,
        outcome: &mut Outcome,
    ) {
        let exhausted = outcome.set_aside.len() > MAX_CULPRITS;
        let last_fault = outcome.set_aside.last().filter(|_| exhausted).map(|(_, fault)| fault.clone());
        let fault = match last_fault.map_or_else(|| self.call(batch, texts, epoch, first, outcome), Err) {
            Ok((findings, losses)) => {
                outcome.losses.merge(&losses);
                return outcome.findings.extend(findings);
            }
            Err(fault) => fault,
        };
        if traces.len() <= 1 || exhausted || self.refusal.is_some() {
            outcome.set_aside.extend((first..first + traces.len()).map(|trace| (trace, fault.clone())));
            return;
        }
        let (left, right) = traces.split_at(traces.len() / 2);
        for (half, first) in [(left, first), (right, first + left.len())] {
            self.offer(half, first, &Batch::of(half).into(), texts, epoch, outcome);
        }
    }

    /// One call; an instance that fails is dropped. What was cut counts only where the answer does.
    fn call(
        &mut self,
        batch: &SharedBatch,
        texts: &Arc<Texts>,
        epoch: u32,
        first: usize,
        outcome: &mut Outcome,
    ) -> Result<(Vec<RawFinding>, Losses), Arc<Fault>> {
        let mut losses = Losses::default();
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.start()?,
        };
        let answer = instance.detect(batch, texts, epoch, &mut losses);
        outcome.calls += 1;
        outcome.memory_bytes = outcome.memory_bytes.max(instance.memory_bytes());
        let answer = answer?;
        let rules = self.rules;
        let check = |finding| answer::check(finding, batch, rules, first, &mut losses);
        let findings = answer.into_iter().map(check).collect::<Result<Vec<_>, Fault>>()?;
        self.instance = Some(instance);
        Ok((findings, losses))
    }

    fn start(&mut self) -> Result<Instance, Arc<Fault>> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        self.prepared.configured(&self.settings).map_err(|fault| {
            let fault = Arc::new(fault);
            self.refusal = Some(fault.clone());
            fault
        })
    }
}
