//! Running detectors over sealed traces: batches, threads, one instance of each detector per thread. The result
//! does not depend on how many threads there are, nor on where batches end.

use crate::finding::Detected;
use crate::plugin::{Engine, Fault, Interest, Limits, Manifest, Plugin, PluginError, SettingValue, Worker};
use crate::trace::{Batch, SealedTrace, SharedBatch, Texts};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    pub set_aside: Vec<(usize, Fault)>,
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
    let batches = batches(traces);
    let next = AtomicUsize::new(0);
    let threads = threads.clamp(1, batches.len().max(1));
    let parts: Vec<Result<Detection, PluginError>> = std::thread::scope(|scope| {
        let work = || run(engine, detectors, traces, texts, &batches, &next);
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
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
            run.traces += part.traces;
            run.findings += part.findings;
            run.set_aside.extend(part.set_aside);
        }
    }
    for run in &mut all.runs {
        run.set_aside.sort_by_key(|(trace, _)| *trace);
    }
    Ok(all)
}

/// One thread: takes the next batch until none is left.
fn run(
    engine: &Engine,
    detectors: &[Detector],
    traces: &[SealedTrace],
    texts: &Arc<Texts>,
    batches: &[std::ops::Range<usize>],
    next: &AtomicUsize,
) -> Result<Detection, PluginError> {
    let mut workers = detectors
        .iter()
        .map(|detector| Worker::new(engine, &detector.plugin, detector.settings.clone(), detector.limits))
        .collect::<Result<Vec<Worker>, PluginError>>()?;
    let mut part = Detection { runs: vec![DetectorRun::default(); detectors.len()], ..Detection::default() };
    let mut batch = Batch::default();
    while let Some(range) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
        let some = &traces[range.clone()];
        batch.fill(some);
        let shared = SharedBatch::from(std::mem::take(&mut batch));
        for (index, worker) in workers.iter_mut().enumerate() {
            let run = &mut part.runs[index];
            run.traces += some.len() as u64;
            if !may_match(&detectors[index].manifest().interest, &shared) {
                continue;
            }
            let outcome = worker.detect(some, &shared, texts, 1);
            run.findings += outcome.findings.len() as u64;
            run.set_aside
                .extend(outcome.set_aside.into_iter().map(|(trace, fault)| (range.start + trace, fault)));
            part.findings.extend(outcome.findings.into_iter().map(|mut raw| {
                raw.trace += range.start;
                Detected { detector: index, raw }
            }));
        }
        batch = shared.reclaim();
    }
    Ok(part)
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
