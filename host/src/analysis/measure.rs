//! The steps of [`analyze`](super::analyze) one after the other on one thread, with a clock.

use super::intake::{Intake, read_limits, take_in_on};
use super::profiles::{Lineup, as_configured};
use super::sums::{Sums, source};
use super::{Ignores, Input, Judgement, Progress, window_options};
use crate::ingest::{self, Thread};
use crate::session::Session;
use crate::spool::{Concurrency, SpanSpool};
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Instant;
use tracewatt_core::detect::{Accounts, Crew, Detection, Detector, Findings};
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::ticking;
use tracewatt_core::semconv::{AttrSet, MapOptions, RawSpan};
use tracewatt_core::trace::{IdTable, SealedTrace};

/// Seconds by stage and by plug-in.
pub struct Measured {
    /// Spans of the input.
    pub spans: u64,
    /// Round trips that count.
    pub events: u64,
    /// Traces.
    pub traces: u64,
    /// Seconds of every stage, in their order; together they are the analysis.
    pub stages: Vec<(String, f64)>,
    /// Seconds of every plug-in alone.
    pub plugins: Vec<(String, f64)>,
}

/// Returns the best time of some runs, and what the last one gave.
fn best<T>(runs: u32, mut work: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
    let mut run = || {
        let started = Instant::now();
        let result = work()?;
        anyhow::Ok((started.elapsed().as_secs_f64(), result))
    };
    let mut best = run()?;
    for _ in 1..runs {
        let (seconds, result) = run()?;
        best = (best.0.min(seconds), result);
    }
    Ok(best)
}

/// Measures every step over an input that lies in memory.
///
/// # Errors
/// As the analysis.
pub fn measure(session: &Session, input: &[u8], runs: u32, judgement: &Judgement<'_>) -> Result<Measured> {
    let open = || Input::Open("bench".to_owned(), Box::new(input));
    let wanted = MapOptions::default().wanted();
    let (decode, ()) = best(runs, || {
        let mut sink = |_: &RawSpan<'_>, _: &AttrSet<'_>, _: &str| {};
        let mut threads = [Thread { ids: IdTable::default(), losses: Losses::default(), sink: &mut sink }];
        ingest::read("bench", input, &read_limits(&session.config), &wanted, &mut threads)?;
        Ok(())
    })?;
    let (read, (spool, intake)) = best(runs, || {
        let spool = SpanSpool::new(usize::MAX);
        let intake = take_in_on(1, &session.config, vec![open()], &spool, &Progress::default())?;
        Ok((spool, intake))
    })?;
    let units = spool.units();
    let options = window_options(&session.config);
    let (seal, mut sealed) = best(runs, || {
        let mut texts = intake.texts.handle();
        let all = units.iter().map(|unit| spool.seal(unit, &options, &mut texts, &mut Losses::default()));
        Ok(all.collect::<Result<Vec<Vec<SealedTrace>>, _>>()?)
    })?;
    let (count, in_flight) = best(runs, || {
        let concurrency = Concurrency::default();
        for (unit, traces) in sealed.iter().enumerate() {
            concurrency.note(unit, traces)?;
        }
        Ok(concurrency.count(units.len(), usize::MAX)?)
    })?;
    for (unit, traces) in sealed.iter_mut().enumerate() {
        in_flight.set(unit, traces)?;
    }
    let lineup = Lineup::new(session, &as_configured(session), &BTreeSet::new(), &intake.texts);
    let run = |detectors: &[Detector]| best(runs, || detect(session, detectors, &sealed, &intake));
    let mut plugins = Vec::new();
    for detector in &lineup.detectors {
        plugins.push((detector.id.clone(), run(std::slice::from_ref(detector))?.0));
    }
    let (detect, _) = run(&lineup.detectors)?;
    let ignores = Ignores(&session.config, judgement.today);
    let source = source(session, &intake, &ignores, session.config.output.findings_per_problem as usize);
    let mut folding = f64::MAX;
    let mut events = 0;
    for _ in 0..runs.max(1) {
        let detections = self::detect(session, &lineup.detectors, &sealed, &intake)?;
        let started = Instant::now();
        let mut sums = Sums::new(session, &intake, &source);
        for (traces, detection) in sealed.iter().zip(detections) {
            sums.add(traces, detection);
        }
        let outcome = sums.finish();
        folding = folding.min(started.elapsed().as_secs_f64());
        events = outcome.score.summary.total_io_ops;
    }
    let stages = [
        ("decode", decode),
        ("map and normalize", (read - decode).max(0.0)),
        // Every trace is sealed twice unless there are few.
        ("seal", 2.0 * seal),
        ("count in flight", count),
        ("detect", detect),
        ("fold and price", folding),
    ];
    Ok(Measured {
        spans: spool.len(),
        events,
        traces: sealed.iter().map(|traces| traces.len() as u64).sum(),
        stages: stages.into_iter().map(|(name, seconds)| (name.to_owned(), seconds)).collect(),
        plugins,
    })
}

fn detect(
    session: &Session,
    detectors: &[Detector],
    sealed: &[Vec<SealedTrace>],
    intake: &Intake,
) -> Result<Vec<Detection>> {
    let accounts = Accounts::new(detectors, Findings::HandedOn);
    let mut crew = Crew::new(&session.engine, detectors);
    let mut unit =
        |(unit, traces): (usize, &Vec<SealedTrace>)| crew.detect(unit, traces, &intake.texts, &accounts);
    ticking(&session.engine, || {
        Ok(sealed.iter().enumerate().map(&mut unit).collect::<Result<Vec<_>, _>>()?)
    })
}
