//! The analysis in bounded memory. Spans are read into a spool, by trace; once all are read, threads take the traces
//! unit by unit, twice: first to note the calls, so that what was in flight over all traces can be counted, then to
//! judge. What comes of units is added up in their order, whichever thread was faster.

use super::assemble::assemble;
use super::intake::take_in;
use super::profiles::{Lineup, Place, as_configured, places};
use super::sums::{Sums, source};
use super::watch::Watch;
use super::{Ignores, Input, Intake, Judgement, Progress, threads, window_options};
use crate::session::Session;
use crate::spool::{Concurrency, InFlight, SpanSpool};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tracewatt_core::detect::{Accounts, Crew, Detection, Findings};
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::ticking;
use tracewatt_core::report::Report;
use tracewatt_core::trace::SealedTrace;
use tracewatt_core::window::WindowOptions;

/// Units that may wait for one before them, per thread.
const AHEAD: usize = 2;
/// Share of the budget of memory for the calls in flight; the rest is for spans.
const IN_FLIGHT_SHARE: usize = 8;

/// Reads inputs, detects, folds, prices and judges. Of each problem the report lists the worst findings.
///
/// # Errors
/// The first input that cannot be read; a temporary file that fails; a component that does not export what it should.
pub fn analyze(
    session: &Session,
    inputs: Vec<Input<'_>>,
    judgement: &Judgement<'_>,
    progress: &Progress,
) -> Result<Report> {
    analyze_with(session, inputs, judgement, progress, &Watch::default())
}

/// As [`analyze`], watched.
///
/// # Errors
/// As [`analyze`].
pub fn analyze_with(
    session: &Session,
    inputs: Vec<Input<'_>>,
    judgement: &Judgement<'_>,
    progress: &Progress,
    watch: &Watch<'_>,
) -> Result<Report> {
    let budget = (session.config.input.memory_mib as usize).saturating_mul(1024 * 1024);
    let spool = SpanSpool::new(budget - budget / IN_FLIGHT_SHARE);
    let mut intake = take_in(&session.config, inputs, &spool, progress)?;
    let units = Units {
        ranges: spool.units(),
        spool,
        options: window_options(&session.config),
        kept: Mutex::default(),
        kept_spans: AtomicUsize::new(0),
        progress,
    };
    // Each is noted, then judged.
    progress.has_read(2 * units.ranges.len());
    let (concurrency, places, losses) = units.note(session, &intake)?;
    intake.losses.merge(&losses);
    let in_flight = concurrency.count(units.ranges.len(), budget / IN_FLIGHT_SHARE)?;

    let lineup = Lineup::new(session, &as_configured(session), &places, &intake.texts);
    let ignores = Ignores(&session.config, judgement.today);
    let source = source(session, &intake, &ignores, session.config.output.findings_per_problem as usize);
    let order = InOrder {
        state: Mutex::new(Waiting {
            sums: Sums::new(session, &intake, &source),
            next: 0,
            taken: 0,
            done: BTreeMap::new(),
        }),
        moved: Condvar::new(),
        failed: AtomicBool::new(false),
    };
    let accounts = Accounts::new(&lineup.detectors, Findings::HandedOn);
    let judged = Judged {
        session,
        intake: &intake,
        units: &units,
        in_flight: &in_flight,
        lineup: &lineup,
        accounts: &accounts,
        order: &order,
        watch,
    };
    ticking(&session.engine, || each(units.ranges.len(), || judged.thread()))?;
    let state = order.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(assemble(session, &intake, state.sums.finish(), judgement))
}

/// Runs the same work on every thread; returns the first failure.
fn each(units: usize, work: impl Fn() -> Result<()> + Sync) -> Result<()> {
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads().clamp(1, units.max(1))).map(|_| scope.spawn(&work)).collect();
        let mut result = work();
        for other in others {
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(other);
        }
        result
    })
}

/// Traces kept between the two times a unit is sealed, in spans: small inputs are sealed once.
const KEPT_SPANS: usize = 16_384;

/// The units of a run.
struct Units<'a> {
    spool: SpanSpool,
    ranges: Vec<Range<usize>>,
    options: WindowOptions,
    kept: Mutex<BTreeMap<usize, Vec<SealedTrace>>>,
    kept_spans: AtomicUsize,
    progress: &'a Progress,
}

impl Units<'_> {
    /// Seals every unit for the first time: notes calls, places of overrides, and what is lost.
    fn note(&self, session: &Session, intake: &Intake) -> Result<(Concurrency, BTreeSet<Place>, Losses)> {
        let (next, concurrency) = (AtomicUsize::new(0), Concurrency::default());
        let noted = Mutex::new((BTreeSet::new(), Losses::default()));
        each(self.ranges.len(), || {
            let (mut texts, mut losses) = (intake.texts.handle(), Losses::default());
            let mut found = BTreeSet::new();
            loop {
                let unit = next.fetch_add(1, Ordering::Relaxed);
                let Some(range) = self.ranges.get(unit) else { break };
                let traces = self.spool.seal(range, &self.options, &mut texts, &mut losses)?;
                concurrency.note(unit, &traces)?;
                places(session, &traces, &mut found);
                let spans = traces.iter().map(|trace| trace.spans.len()).sum();
                if self.kept_spans.fetch_add(spans, Ordering::Relaxed) + spans <= KEPT_SPANS {
                    lock(&self.kept).insert(unit, traces);
                }
                self.progress.step();
            }
            let mut noted = lock(&noted);
            noted.0.append(&mut found);
            noted.1.merge(&losses);
            Ok(())
        })?;
        let (places, losses) = noted.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((concurrency, places, losses))
    }
}

/// What the threads share while they judge.
struct Judged<'a, 's> {
    session: &'a Session,
    intake: &'a Intake,
    units: &'a Units<'a>,
    in_flight: &'a InFlight,
    lineup: &'a Lineup<'a>,
    accounts: &'a Accounts,
    order: &'a InOrder<'s>,
    watch: &'a Watch<'a>,
}

impl Judged<'_, '_> {
    /// One thread: takes the next unit until none is left, or another thread has failed.
    fn thread(&self) -> Result<()> {
        let mut end = EndOfThread { order: self.order, failed: true };
        let result = self.judge();
        end.failed = result.is_err();
        result
    }

    fn judge(&self) -> Result<()> {
        let mut crew = Crew::new(&self.session.engine, &self.lineup.detectors).timed_by(self.watch.clock());
        let mut texts = self.intake.texts.handle();
        while let Some(unit) = self.order.take(self.units.ranges.len()) {
            let kept = lock(&self.units.kept).remove(&unit);
            let mut traces = match kept {
                Some(traces) => traces,
                // What is lost has been counted the first time.
                None => {
                    let Units { spool, ranges, options, .. } = self.units;
                    spool.seal(&ranges[unit], options, &mut texts, &mut Losses::default())?
                }
            };
            self.units.spool.clear(&self.units.ranges[unit]);
            self.in_flight.set(unit, &mut traces)?;
            let detection = crew.detect(unit, &traces, &self.intake.texts, self.accounts)?;
            self.order.add(unit, traces, detection, |unit, traces, mut detection| {
                self.accounts.settle(unit, traces.len(), &mut detection);
                let Intake { ids, texts, .. } = self.intake;
                self.watch.note(&self.lineup.detectors, &detection, traces, ids, texts);
                self.lineup.sift(traces, detection)
            });
            self.units.progress.step();
        }
        Ok(())
    }
}

/// Tells the other threads when one of them fails, also by a panic: nobody must wait for its unit.
struct EndOfThread<'a, 's> {
    order: &'a InOrder<'s>,
    failed: bool,
}

impl Drop for EndOfThread<'_, '_> {
    fn drop(&mut self) {
        if self.failed {
            self.order.failed.store(true, Ordering::Relaxed);
            // With the lock, so that no thread is just about to wait.
            let _state = lock(&self.order.state);
            self.order.moved.notify_all();
        }
    }
}

/// Adds units up in their order.
struct InOrder<'a> {
    state: Mutex<Waiting<'a>>,
    moved: Condvar,
    failed: AtomicBool,
}

struct Waiting<'a> {
    sums: Sums<'a>,
    /// The unit to be added next.
    next: usize,
    /// The unit to be judged next.
    taken: usize,
    done: BTreeMap<usize, (Vec<SealedTrace>, Detection)>,
}

impl InOrder<'_> {
    /// Returns the next unit to judge, once it is not too far ahead; none when there is no more.
    fn take(&self, units: usize) -> Option<usize> {
        let mut state = lock(&self.state);
        let ahead = AHEAD * threads();
        while state.taken > state.next + ahead && !self.failed.load(Ordering::Relaxed) {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let unit = state.taken;
        if unit >= units || self.failed.load(Ordering::Relaxed) {
            return None;
        }
        state.taken += 1;
        Some(unit)
    }

    /// Adds a unit, and those that were waiting for it.
    fn add(
        &self,
        unit: usize,
        traces: Vec<SealedTrace>,
        detection: Detection,
        settle: impl Fn(usize, &[SealedTrace], Detection) -> Detection,
    ) {
        let mut state = lock(&self.state);
        state.done.insert(unit, (traces, detection));
        loop {
            let next = state.next;
            let Some((traces, detection)) = state.done.remove(&next) else { break };
            state.sums.add(&traces, settle(next, &traces, detection));
            state.next += 1;
        }
        self.moved.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
