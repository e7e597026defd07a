//! Running detectors over sealed traces: batches, threads, one instance of each detector per thread. The result
//! does not depend on how many threads there are, nor on where batches end.

use crate::finding::Detected;
use crate::loss::Losses;
use crate::plugin::{
    Engine, Fault, FaultKind, Interest, Limits, MAX_CULPRITS, Manifest, Plugin, PluginError, RawFinding,
    SettingValue, Worker,
};
use crate::trace::{Batch, SealedTrace, SharedBatch, Texts};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A batch is closed when it holds this many traces, or [`BATCH_SPANS`] spans: the measured optimum, see
/// docs/decisions.
const BATCH_TRACES: usize = 64;
/// See [`BATCH_TRACES`].
const BATCH_SPANS: usize = 2_000;

/// A detector with its settings, ready to run.
#[derive(Clone)]
pub struct Detector {
    /// Id in the configuration.
    pub id: String,
    /// The component.
    pub plugin: Plugin,
    /// Complete and valid settings, in the order of the manifest.
    pub settings: Vec<(String, SettingValue)>,
    /// What an instance may use.
    pub limits: Limits,
}

impl Detector {
    /// Returns what the detector says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.plugin.manifest
    }
}

/// What one detector did in a run.
#[derive(Clone, Debug, Default)]
pub struct DetectorRun {
    /// Traces it was offered.
    pub traces: u64,
    /// Findings it made.
    pub findings: u64,
    /// Traces it could not judge, with the reason, ordered.
    pub set_aside: Vec<(usize, Arc<Fault>)>,
    /// What was cut of its answers.
    pub losses: Losses,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Detection {
    /// Findings of all detectors, in no promised order.
    pub findings: Vec<Detected>,
    /// Per detector, in the order given.
    pub runs: Vec<DetectorRun>,
}

/// Runs every detector over all traces on `threads` threads (at least one).
///
/// Fails only when a component does not export the world it should; whatever a detector does wrong later is a
/// [`Fault`] in its [`DetectorRun`]. Someone must advance the engine's epoch meanwhile, or time limits never end.
pub fn detect(
    engine: &Engine,
    detectors: &[Detector],
    traces: &[SealedTrace],
    texts: &Arc<Texts>,
    threads: usize,
) -> Result<Detection, PluginError> {
    let work = Work {
        engine,
        detectors,
        traces,
        texts,
        batches: &batches(traces),
        next: AtomicUsize::new(0),
        accounts: detectors.iter().map(|_| Mutex::default()).collect(),
    };
    let threads = threads.clamp(1, work.batches.len().max(1));
    let parts: Vec<Result<Detection, PluginError>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| work.run())).collect();
        let mut parts = vec![work.run()];
        parts.extend(others.into_iter().map(|other| match other.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        parts
    });
    let mut all = Detection { runs: vec![DetectorRun::default(); detectors.len()], ..Detection::default() };
    for part in parts {
        let part = part?;
        all.findings.extend(part.findings);
        for (run, part) in all.runs.iter_mut().zip(part.runs) {
            run.set_aside.extend(part.set_aside);
        }
    }
    work.settle(&mut all);
    Ok(all)
}

/// What the answers to one batch cost.
#[derive(Default)]
struct Cost {
    /// Traces the detector failed on.
    culprits: usize,
    /// Memory of its findings.
    bytes: usize,
    /// What was cut of its answers.
    losses: Losses,
}

/// What the answers of one detector cost, by batch.
///
/// A detector is given up after the first batch with which there are more than [`MAX_CULPRITS`] traces it failed on,
/// or findings of more than [`Limits::run_bytes`]: what it says of later batches does not count, so that the result
/// is the same whichever thread came to them first.
#[derive(Default)]
struct Account {
    batches: BTreeMap<usize, Cost>,
    culprits: usize,
    bytes: usize,
}

impl Account {
    fn add(&mut self, batch: usize, cost: Cost) {
        self.culprits += cost.culprits;
        self.bytes += cost.bytes;
        self.batches.insert(batch, cost);
    }

    /// Returns the batch after which the detector is given up, as far as is known by now: it can only move down.
    fn last_batch(&self, limits: &Limits) -> Option<usize> {
        let over = |culprits, bytes| culprits > MAX_CULPRITS || bytes > limits.run_bytes;
        if !over(self.culprits, self.bytes) {
            return None;
        }
        let (mut culprits, mut bytes) = (0, 0);
        self.batches.iter().find_map(|(batch, cost)| {
            culprits += cost.culprits;
            bytes += cost.bytes;
            over(culprits, bytes).then_some(*batch)
        })
    }
}

/// What the threads share.
struct Work<'a> {
    engine: &'a Engine,
    detectors: &'a [Detector],
    traces: &'a [SealedTrace],
    texts: &'a Arc<Texts>,
    batches: &'a [std::ops::Range<usize>],
    next: AtomicUsize,
    /// By detector.
    accounts: Vec<Mutex<Account>>,
}

impl Work<'_> {
    /// One thread: takes the next batch until none is left.
    fn run(&self) -> Result<Detection, PluginError> {
        let mut workers = self
            .detectors
            .iter()
            .map(|detector| {
                Worker::new(self.engine, &detector.plugin, detector.settings.clone(), detector.limits)
            })
            .collect::<Result<Vec<Worker>, PluginError>>()?;
        let runs = vec![DetectorRun::default(); self.detectors.len()];
        let mut part = Detection { runs, ..Detection::default() };
        let mut columns = Batch::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(range) = self.batches.get(number) else { return Ok(part) };
            let traces = &self.traces[range.clone()];
            columns.fill(traces);
            let shared = SharedBatch::from(std::mem::take(&mut columns));
            for (index, worker) in workers.iter_mut().enumerate() {
                let last = self.account(index).last_batch(&self.detectors[index].limits);
                let given_up = last.is_some_and(|last| last < number);
                if given_up || !may_match(&self.detectors[index].manifest().interest, &shared) {
                    continue;
                }
                let outcome = worker.detect(traces, &shared, self.texts, 1);
                let cost = Cost {
                    culprits: outcome.set_aside.len(),
                    bytes: outcome.findings.iter().map(RawFinding::bytes).sum(),
                    losses: outcome.losses,
                };
                self.account(index).add(number, cost);
                let set_aside = outcome.set_aside.into_iter();
                part.runs[index]
                    .set_aside
                    .extend(set_aside.map(|(trace, fault)| (range.start + trace, fault)));
                part.findings.extend(outcome.findings.into_iter().map(|mut raw| {
                    raw.trace += range.start;
                    Detected { detector: index, raw }
                }));
            }
            columns = shared.reclaim();
        }
    }

    fn account(&self, detector: usize) -> MutexGuard<'_, Account> {
        self.accounts[detector].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets aside every trace after the batch with which a detector was given up, and counts.
    fn settle(&self, all: &mut Detection) {
        for (index, run) in all.runs.iter_mut().enumerate() {
            run.traces = self.traces.len() as u64;
            run.set_aside.sort_by_key(|(trace, _)| *trace);
            let account = self.account(index);
            let last = account.last_batch(&self.detectors[index].limits);
            for (_, cost) in account.batches.range(..=last.unwrap_or(usize::MAX)) {
                run.losses.merge(&cost.losses);
            }
            let Some(last) = last else { continue };
            let end = self.batches[last].end;
            run.set_aside.retain(|(trace, _)| *trace < end);
            let fault = match run.set_aside.last() {
                Some((_, fault)) if run.set_aside.len() > MAX_CULPRITS => fault.clone(),
                _ => Arc::new(too_many_findings(self.detectors[index].limits.run_bytes)),
            };
            run.set_aside.extend((end..self.traces.len()).map(|trace| (trace, fault.clone())));
            all.findings.retain(|finding| finding.detector != index || finding.raw.trace < end);
        }
        for finding in &all.findings {
            all.runs[finding.detector].findings += 1;
        }
    }
}

fn too_many_findings(allowed: usize) -> Fault {
    let message = format!("given up: its findings in one run take more than {allowed} bytes");
    Fault { kind: FaultKind::Output, message }
}

/// Cuts the traces into batches.
fn batches(traces: &[SealedTrace]) -> Vec<std::ops::Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut spans) = (0, 0);
    for (at, trace) in traces.iter().enumerate() {
        spans += trace.spans.len();
        if spans >= BATCH_SPANS || at + 1 - start >= BATCH_TRACES {
            batches.push(start..at + 1);
            (start, spans) = (at + 1, 0);
        }
    }
    if start < traces.len() {
        batches.push(start..traces.len());
    }
    batches
}

/// Whether any trace of the batch has enough spans of the kinds a detector looks for.
fn may_match(interest: &Interest, batch: &SharedBatch) -> bool {
    let wanted = |kind: &u8| *kind != 0 && (interest.kinds.is_empty() || interest.kinds.contains(kind));
    batch.trace_offsets.windows(2).any(|rows| {
        let kinds = &batch.kinds[rows[0] as usize..rows[1] as usize];
        kinds.iter().filter(|kind| wanted(kind)).take(interest.min_spans.max(1) as usize).count()
            >= interest.min_spans.max(1) as usize
    })
}

/// Returns a detector's settings: what is configured, and the defaults of its manifest for the rest.
pub fn complete(
    manifest: &Manifest,
    configured: &BTreeMap<String, SettingValue>,
) -> Vec<(String, SettingValue)> {
    let value =
        |setting: &crate::plugin::Setting| configured.get(&setting.name).unwrap_or(&setting.default).clone();
    manifest.settings.iter().map(|setting| (setting.name.clone(), value(setting))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: answers to batches become known in any order.
    /// Guarantees: the batch after which a detector is given up only moves down, to where it is in the end.
    #[test]
    fn a_detector_is_given_up_after_the_same_batch_in_any_order() {
        let check = |costs: &[(usize, usize)], expect: Option<usize>| {
            let limits = Limits { run_bytes: 100, ..Limits::DEFAULT };
            let mut orders = [(0..costs.len()).collect::<Vec<_>>(), (0..costs.len()).rev().collect()];
            orders[1].rotate_left(costs.len() / 2);
            for order in orders {
                let (mut account, mut known) = (Account::default(), usize::MAX);
                for batch in order {
                    let (culprits, bytes) = costs[batch];
                    account.add(batch, Cost { culprits, bytes, ..Cost::default() });
                    let last = account.last_batch(&limits).unwrap_or(usize::MAX);
                    assert!(last <= known, "{costs:?}");
                    known = last;
                }
                assert_eq!(account.last_batch(&limits), expect, "{costs:?}");
            }
        };
        check(&[(0, 0), (MAX_CULPRITS, 100)], None);
        check(&[(0, 40), (0, 40), (0, 40), (0, 40)], Some(2));
        check(&[(0, 101), (0, 0)], Some(0));
        check(&[(1, 0), (MAX_CULPRITS, 0), (MAX_CULPRITS, 0)], Some(1));
        check(&[(MAX_CULPRITS, 100), (0, 1), (1, 0)], Some(1));
    }
}
