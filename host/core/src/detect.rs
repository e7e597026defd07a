//! Running detectors over sealed traces: units that threads take one by one, batches within a unit, one instance of
//! each detector per thread. The result does not depend on how many threads there are.

use crate::finding::Detected;
use crate::loss::Losses;
use crate::plugin::{
    Engine, Fault, FaultKind, Interest, Limits, MAX_CULPRITS, Manifest, Plugin, PluginError, RawFinding,
    SettingValue, Worker,
};
use crate::trace::{Batch, SealedTrace, SharedBatch, Texts};
use std::collections::BTreeMap;
use std::ops::Range;
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
    /// What its calls took.
    pub effort: Effort,
    /// Traces it could not judge, with the reason, ordered.
    pub set_aside: Vec<(usize, Arc<Fault>)>,
    /// What was cut of its answers.
    pub losses: Losses,
}

/// What calls of a detector took. It may differ from run to run, and belongs in no document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Calls, those that failed included.
    pub calls: u64,
    /// Spans it was offered.
    pub spans: u64,
    /// Time of the calls, nanoseconds; 0 where nobody measures.
    pub busy_ns: u64,
    /// Most memory of an instance, bytes.
    pub memory_bytes: u64,
}

impl Effort {
    /// Adds what further calls took.
    pub fn add(&mut self, more: &Effort) {
        self.calls += more.calls;
        self.spans += more.spans;
        self.busy_ns += more.busy_ns;
        self.memory_bytes = self.memory_bytes.max(more.memory_bytes);
    }
}

/// What a run, or a unit of it, came to.
#[derive(Debug, Default)]
pub struct Detection {
    /// Findings of all detectors, in no promised order.
    pub findings: Vec<Detected>,
    /// Per detector, in the order given.
    pub runs: Vec<DetectorRun>,
}

/// Runs every detector over all traces on `threads` threads (at least one); a batch is a unit here.
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
    let units = cut(traces, BATCH_TRACES, BATCH_SPANS);
    let (next, accounts) = (AtomicUsize::new(0), Accounts::new(detectors, Findings::Kept));
    let work = || -> Result<Vec<(usize, Detection)>, PluginError> {
        let mut crew = Crew::new(engine, detectors);
        let mut parts = Vec::new();
        loop {
            let unit = next.fetch_add(1, Ordering::Relaxed);
            let Some(range) = units.get(unit) else { return Ok(parts) };
            parts.push((unit, crew.detect(unit, &traces[range.clone()], texts, &accounts)?));
        }
    };
    let threads = threads.clamp(1, units.len().max(1));
    let done: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = vec![work()];
        done.extend(others.into_iter().map(|other| match other.join() {
            Ok(parts) => parts,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        done
    });
    let mut parts: Vec<(usize, Detection)> = Vec::new();
    for some in done {
        parts.extend(some?);
    }
    parts.sort_by_key(|(unit, _)| *unit);
    let mut all = Detection { runs: vec![DetectorRun::default(); detectors.len()], ..Detection::default() };
    for (unit, mut part) in parts {
        accounts.settle(unit, units[unit].len(), &mut part);
        all.append(part, units[unit].start);
    }
    Ok(all)
}

impl Detection {
    /// Adds what came of further traces, the first of which has the number `first`.
    fn append(&mut self, part: Detection, first: usize) {
        self.findings.extend(part.findings.into_iter().map(|mut finding| {
            finding.raw.trace += first;
            finding
        }));
        for (run, part) in self.runs.iter_mut().zip(part.runs) {
            run.traces += part.traces;
            run.findings += part.findings;
            run.effort.add(&part.effort);
            run.set_aside.extend(part.set_aside.into_iter().map(|(trace, fault)| (first + trace, fault)));
            run.losses.merge(&part.losses);
        }
    }
}

/// What the answers of one detector to a unit of traces cost.
#[derive(Default)]
struct Cost {
    /// Traces the detector failed on.
    culprits: usize,
    /// Memory of its findings.
    bytes: usize,
    /// Why it is given up, should this be too much.
    last_fault: Option<Arc<Fault>>,
}

/// What becomes of the findings of a unit once it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Findings {
    /// They are kept until the end of the run.
    Kept,
    /// They are handed on, so that only those of one unit are in memory at a time.
    HandedOn,
}

impl Findings {
    /// Returns how many bytes of findings are, or once were, in memory with those of one more unit.
    fn in_memory(self, before: usize, unit: usize) -> usize {
        match self {
            Findings::Kept => before + unit,
            Findings::HandedOn => before.max(unit),
        }
    }
}

/// What the answers of one detector cost, by unit.
///
/// A detector is given up after the first unit with which there are more than [`MAX_CULPRITS`] traces it failed on,
/// or findings of more than [`Limits::run_bytes`] in memory: what it says of later units does not count, so that the
/// result is the same whichever thread came to them first.
struct Account {
    limits: Limits,
    findings: Findings,
    units: BTreeMap<usize, Cost>,
    culprits: usize,
    bytes: usize,
}

impl Account {
    fn new(limits: Limits, findings: Findings) -> Account {
        Account { limits, findings, units: BTreeMap::new(), culprits: 0, bytes: 0 }
    }

    fn add(&mut self, unit: usize, cost: Cost) {
        self.culprits += cost.culprits;
        self.bytes = self.findings.in_memory(self.bytes, cost.bytes);
        if cost.culprits > 0 || cost.bytes > 0 {
            self.units.insert(unit, cost);
        }
    }

    /// Returns the unit after which the detector is given up, as far as is known by now, and why: it can only move
    /// down.
    fn last_unit(&self) -> Option<(usize, Arc<Fault>)> {
        let over = |culprits, bytes| culprits > MAX_CULPRITS || bytes > self.limits.run_bytes;
        if !over(self.culprits, self.bytes) {
            return None;
        }
        let (mut culprits, mut bytes, mut fault) = (0, 0, None);
        self.units.iter().find_map(|(unit, cost)| {
            culprits += cost.culprits;
            bytes = self.findings.in_memory(bytes, cost.bytes);
            fault = cost.last_fault.clone().or(fault.take());
            let because = || match &fault {
                Some(fault) if culprits > MAX_CULPRITS => fault.clone(),
                _ => Arc::new(too_many_findings(self.limits.run_bytes)),
            };
            over(culprits, bytes).then(|| (*unit, because()))
        })
    }
}

/// What the answers of all detectors cost. Threads share it.
pub struct Accounts(Vec<Mutex<Account>>);

impl Accounts {
    /// Returns accounts without an answer.
    pub fn new(detectors: &[Detector], findings: Findings) -> Accounts {
        let account = |detector: &Detector| Mutex::new(Account::new(detector.limits, findings));
        Accounts(detectors.iter().map(account).collect())
    }

    fn of(&self, detector: usize) -> MutexGuard<'_, Account> {
        self.0[detector].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a detector up before the first unit but number 0: for whoever knows that it should not be called.
    pub fn give_up(&self, detector: usize, fault: Arc<Fault>) {
        let cost = Cost { culprits: MAX_CULPRITS + 1, last_fault: Some(fault), ..Cost::default() };
        self.of(detector).add(0, cost);
    }

    /// Makes what came of a unit final: takes back what detectors said that had been given up before, and counts. All
    /// units before it must have been detected.
    pub fn settle(&self, unit: usize, traces: usize, detection: &mut Detection) {
        for (index, run) in detection.runs.iter_mut().enumerate() {
            run.traces = traces as u64;
            let Some((_, fault)) = self.of(index).last_unit().filter(|(last, _)| *last < unit) else {
                continue;
            };
            run.set_aside = (0..traces).map(|trace| (trace, fault.clone())).collect();
            run.losses = Losses::default();
            detection.findings.retain(|finding| finding.detector != index);
        }
        for finding in &detection.findings {
            detection.runs[finding.detector].findings += 1;
        }
    }
}

/// One thread's instances of all detectors.
pub struct Crew<'a> {
    engine: &'a Engine,
    detectors: &'a [Detector],
    /// Made when they are first needed.
    workers: Vec<Option<Worker>>,
    columns: Batch,
    /// Nanoseconds since any point in time.
    clock: fn() -> u64,
}

impl<'a> Crew<'a> {
    /// Returns a crew that has not been called yet.
    pub fn new(engine: &'a Engine, detectors: &'a [Detector]) -> Crew<'a> {
        let workers = detectors.iter().map(|_| None).collect();
        Crew { engine, detectors, workers, columns: Batch::default(), clock: || 0 }
    }

    /// Measures calls by a clock of nanoseconds.
    pub fn timed_by(self, clock: fn() -> u64) -> Crew<'a> {
        Crew { clock, ..self }
    }

    /// Runs every detector over a unit of traces. What comes of it is final after [`Accounts::settle`].
    ///
    /// # Errors
    /// See [`detect`].
    pub fn detect(
        &mut self,
        unit: usize,
        traces: &[SealedTrace],
        texts: &Arc<Texts>,
        accounts: &Accounts,
    ) -> Result<Detection, PluginError> {
        let count = self.detectors.len();
        let given_up = |index: usize| accounts.of(index).last_unit().is_some_and(|(last, _)| last < unit);
        let given_up: Vec<bool> = (0..count).map(given_up).collect();
        let mut costs: Vec<Cost> = (0..count).map(|_| Cost::default()).collect();
        let mut all = Detection { runs: vec![DetectorRun::default(); count], ..Detection::default() };
        for range in cut(traces, BATCH_TRACES, BATCH_SPANS) {
            let some = &traces[range.clone()];
            self.columns.fill(some);
            let batch = SharedBatch::from(std::mem::take(&mut self.columns));
            for index in (0..count).filter(|index| !given_up[*index]) {
                if !may_match(&self.detectors[index].manifest().interest, &batch) {
                    continue;
                }
                let (cost, run) = (&mut costs[index], &mut all.runs[index]);
                if let (true, Some(fault)) = (cost.culprits > MAX_CULPRITS, &cost.last_fault) {
                    run.set_aside.extend(range.clone().map(|trace| (trace, fault.clone())));
                    continue;
                }
                let started = (self.clock)();
                let outcome = self.worker(index)?.detect(some, &batch, texts, 1);
                run.effort.add(&Effort {
                    calls: outcome.calls,
                    spans: u64::from(batch.spans()),
                    busy_ns: (self.clock)().saturating_sub(started),
                    memory_bytes: outcome.memory_bytes,
                });
                cost.culprits += outcome.set_aside.len();
                cost.bytes += outcome.findings.iter().map(RawFinding::bytes).sum::<usize>();
                cost.last_fault =
                    outcome.set_aside.last().map(|(_, fault)| fault.clone()).or(cost.last_fault.take());
                run.losses.merge(&outcome.losses);
                let set_aside = outcome.set_aside.into_iter();
                run.set_aside.extend(set_aside.map(|(trace, fault)| (range.start + trace, fault)));
                all.findings.extend(outcome.findings.into_iter().map(|mut raw| {
                    raw.trace += range.start;
                    Detected { detector: index, raw }
                }));
            }
            self.columns = batch.reclaim();
        }
        for (index, cost) in costs.into_iter().enumerate() {
            accounts.of(index).add(unit, cost);
        }
        Ok(all)
    }

    fn worker(&mut self, index: usize) -> Result<&mut Worker, PluginError> {
        let detector = &self.detectors[index];
        let worker = match self.workers[index].take() {
            Some(worker) => worker,
            None => Worker::new(self.engine, &detector.plugin, detector.settings.clone(), detector.limits)?,
        };
        Ok(self.workers[index].insert(worker))
    }
}

fn too_many_findings(allowed: usize) -> Fault {
    let message = format!("given up: its findings in one run take more than {allowed} bytes");
    Fault::of_run(FaultKind::Output, message)
}

/// Cuts traces into ranges, each closed when it has so many traces or spans.
fn cut(traces: &[SealedTrace], most_traces: usize, most_spans: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut spans) = (0, 0);
    for (at, trace) in traces.iter().enumerate() {
        spans += trace.spans.len();
        if spans >= most_spans || at + 1 - start >= most_traces {
            ranges.push(start..at + 1);
            (start, spans) = (at + 1, 0);
        }
    }
    if start < traces.len() {
        ranges.push(start..traces.len());
    }
    ranges
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

    /// Scenario: answers to units become known in any order.
    /// Guarantees: the unit after which a detector is given up only moves down, to where it is in the end.
    #[test]
    fn a_detector_is_given_up_after_the_same_unit_in_any_order() {
        let check = |findings: Findings, costs: &[(usize, usize)], expect: Option<usize>| {
            let limits = Limits { run_bytes: 100, ..Limits::DEFAULT };
            let mut orders = [(0..costs.len()).collect::<Vec<_>>(), (0..costs.len()).rev().collect()];
            orders[1].rotate_left(costs.len() / 2);
            for order in orders {
                let mut account = Account::new(limits, findings);
                let mut known = usize::MAX;
                for unit in order {
                    let (culprits, bytes) = costs[unit];
                    account.add(unit, Cost { culprits, bytes, ..Cost::default() });
                    let last = account.last_unit().map_or(usize::MAX, |(last, _)| last);
                    assert!(last <= known, "{costs:?}");
                    known = last;
                }
                assert_eq!(account.last_unit().map(|(last, _)| last), expect, "{costs:?}");
            }
        };
        for findings in [Findings::Kept, Findings::HandedOn] {
            check(findings, &[(0, 0), (MAX_CULPRITS, 100)], None);
            check(findings, &[(0, 101), (0, 0)], Some(0));
            check(findings, &[(1, 0), (MAX_CULPRITS, 0), (MAX_CULPRITS, 0)], Some(1));
        }
        check(Findings::Kept, &[(0, 40), (0, 40), (0, 40), (0, 40)], Some(2));
        check(Findings::Kept, &[(MAX_CULPRITS, 100), (0, 1), (1, 0)], Some(1));
        // However long a run is, it does not end a detector whose findings do not add up in memory.
        check(Findings::HandedOn, &[(0, 40), (0, 100), (0, 40), (0, 100)], None);
        check(Findings::HandedOn, &[(0, 40), (0, 100), (0, 101), (0, 100)], Some(2));
        check(Findings::HandedOn, &[(MAX_CULPRITS, 100), (0, 1), (1, 0)], Some(2));
    }
}
