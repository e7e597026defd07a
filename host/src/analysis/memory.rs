//! All traces at once, for commands that look at them from several sides.

use super::assemble::assemble;
use super::intake::{Intake, take_in};
use super::profiles::{Lineup, Variant, as_configured, places};
use super::sums::{Sums, source};
use super::{Ignores, Input, Judgement, Progress, threads, window_options};
use crate::config::Config;
use crate::session::Session;
use crate::spool::SpanSpool;
use anyhow::Result;
use std::collections::BTreeSet;
use tracewatt_core::detect::{self, Detection};
use tracewatt_core::energy::Scorer;
use tracewatt_core::finding::{self, Detected, Folded, Ignore};
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::ticking;
use tracewatt_core::report::Report;
use tracewatt_core::trace::SealedTrace;
use tracewatt_core::window::count_in_flight;

/// Traces that have been read and sealed.
pub struct Traces {
    /// Sealed traces, by start.
    pub sealed: Vec<SealedTrace>,
    /// What else was read.
    pub intake: Intake,
}

/// Reads inputs and seals their traces.
///
/// # Errors
/// The first input that cannot be read.
pub fn read(config: &Config, inputs: Vec<Input<'_>>, progress: &Progress) -> Result<Traces> {
    let spool = SpanSpool::new(usize::MAX);
    let mut intake = take_in(config, inputs, &spool, progress)?;
    let (mut texts, mut losses) = (intake.texts.handle(), Losses::default());
    let mut sealed = Vec::new();
    let units = spool.units();
    progress.has_read(units.len());
    for unit in units {
        sealed.extend(spool.seal(&unit, &window_options(config), &mut texts, &mut losses)?);
        spool.clear(&unit);
        progress.step();
    }
    intake.losses.merge(&losses);
    sealed.sort_by_key(|trace| (trace.start_ns(), trace.id));
    count_in_flight(&mut sealed);
    Ok(Traces { sealed, intake })
}

/// Detects, folds, prices and judges; every finding is in the report.
///
/// # Errors
/// When a component does not export what it should.
pub fn analyze_traces(session: &Session, traces: &Traces, judgement: &Judgement<'_>) -> Result<Report> {
    let detection = run_detectors(session, traces)?;
    let ignores = Ignores(&session.config, judgement.today);
    let source = source(session, &traces.intake, &ignores, usize::MAX);
    let mut sums = Sums::new(session, &traces.intake, &source);
    sums.add(&traces.sealed, detection);
    Ok(assemble(session, &traces.intake, sums.finish(), judgement))
}

/// Runs every active plug-in as configured.
pub(crate) fn run_detectors(session: &Session, traces: &Traces) -> Result<Detection> {
    run_variants(session, traces, &as_configured(session))
}

/// Runs plug-ins, each once per set of settings in effect anywhere, and keeps of each run the findings about the
/// services and endpoints it is for. Findings and runs come with the number of their variant.
pub(crate) fn run_variants(session: &Session, traces: &Traces, variants: &[Variant]) -> Result<Detection> {
    let mut places_of = BTreeSet::new();
    places(session, &traces.sealed, &mut places_of);
    let texts = &traces.intake.texts;
    let lineup = Lineup::new(session, variants, &places_of, texts);
    let run = || detect::detect(&session.engine, &lineup.detectors, &traces.sealed, texts, threads());
    Ok(lineup.sift(&traces.sealed, ticking(&session.engine, run)?))
}

/// Folds findings by the rules of the configuration.
pub(crate) fn fold(
    session: &Session,
    traces: &Traces,
    findings: Vec<Detected>,
    ignore: &dyn Ignore,
) -> Folded {
    let source = source(session, &traces.intake, ignore, usize::MAX);
    let mut scorer = Scorer::new(&traces.intake.texts, &session.config.green, &[]);
    finding::fold(&source, &traces.sealed, findings, &mut scorer)
}
