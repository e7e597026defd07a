//! A thread that judges: unpacks and seals the traces of a unit, runs the detectors over them, folds and prices what
//! they say, and adds it to the state. It keeps one instance of each detector for as long as the generation, the
//! store of texts and the places that overrides are for stay the same.

use super::generation::Generation;
use super::units::Unit;
use super::{Shared, elapsed_ns, wall_ns};
use crate::analysis::{Ignores, Lineup, Place, as_configured, places, source, window_options};
use anyhow::Result;
use std::collections::BTreeSet;
use std::sync::Arc;
use tracewatt_core::acknowledge::Date;
use tracewatt_core::detect::{Accounts, Crew, DetectorRun, Findings};
use tracewatt_core::energy::Scorer;
use tracewatt_core::finding::{FoldedPart, Folder};
use tracewatt_core::loss::Losses;
use tracewatt_core::report::{EndpointOps, GreenSummary, PluginRun};
use tracewatt_core::trace::{SealedTrace, packed};
use tracewatt_core::window::seal_trace;

/// The number of a unit, as far as accounts go: each has its own. Those that are given up beforehand are so in number 0.
const UNIT: usize = 1;

/// One thread.
pub(super) struct Judge<'a> {
    shared: &'a Arc<Shared>,
    /// Places seen so far with the generation and the texts at hand.
    places: BTreeSet<Place>,
}

/// What a unit came to.
pub(super) struct Judged {
    /// Problems, with those below their quorum.
    pub part: FoldedPart,
    /// Figures of the unit.
    pub green: GreenSummary,
    /// Its endpoints.
    pub endpoints: Vec<EndpointOps>,
    /// What each active plug-in did, by id.
    pub runs: Vec<(String, PluginRun)>,
    /// Traces.
    pub traces: Vec<SealedTrace>,
}

impl<'a> Judge<'a> {
    pub fn new(shared: &'a Arc<Shared>) -> Judge<'a> {
        Judge { shared, places: BTreeSet::new() }
    }

    /// Judges units until there are no more.
    pub fn run(mut self) -> Result<()> {
        let mut next = self.shared.units.next();
        while let Some(unit) = next {
            let generation = self.shared.generations.current();
            next = self.with(&generation, unit)?;
        }
        Ok(())
    }

    /// Judges units with one set of instances; returns the first unit they are not for.
    fn with(&mut self, generation: &Generation, first: Unit) -> Result<Option<Unit>> {
        let session = &generation.session;
        let epoch = first.epoch;
        let (mut unit, mut sealed) = (first, None);
        self.places.clear();
        loop {
            let traces = match sealed.take() {
                Some(traces) => traces,
                None => self.seal(&unit, generation),
            };
            places(session, &traces, &mut self.places);
            let known = self.places.len();
            let lineup = Lineup::new(session, &as_configured(session), &self.places, &unit.names.texts);
            let mut crew = Crew::new(&session.engine, &lineup.detectors).timed_by(elapsed_ns);
            let mut traces = traces;
            loop {
                self.judge(generation, &lineup, &mut crew, &unit, traces)?;
                let Some(next) = self.shared.units.next() else { return Ok(None) };
                if next.epoch != epoch || self.shared.generations.number() != generation.number {
                    return Ok(Some(next));
                }
                traces = self.seal(&next, generation);
                unit = next;
                places(session, &traces, &mut self.places);
                if self.places.len() > known {
                    sealed = Some(traces);
                    break;
                }
            }
        }
    }

    fn seal(&self, unit: &Unit, generation: &Generation) -> Vec<SealedTrace> {
        let started = elapsed_ns();
        let options = window_options(&generation.session.config);
        let (mut texts, mut losses) = (unit.names.texts.handle(), Losses::default());
        let mut traces: Vec<SealedTrace> = unit
            .traces
            .iter()
            .map(|trace| {
                let mut packed = &trace.packed[..];
                let spans = std::iter::from_fn(|| packed::read(&mut packed)).collect();
                seal_trace(trace.id, spans, &options, &mut texts, &mut losses)
            })
            .collect();
        traces.sort_by_key(|trace| (trace.start_ns(), trace.id));
        self.shared.in_flight(unit.epoch, |history| history.count(&mut traces));
        let metrics = &self.shared.metrics;
        losses.iter().for_each(|(reason, count)| metrics.lose(reason, count));
        metrics.stage("seal", elapsed_ns() - started, &trace_id(unit, &traces));
        traces
    }

    fn judge(
        &self,
        generation: &Generation,
        lineup: &Lineup<'_>,
        crew: &mut Crew<'_>,
        unit: &Unit,
        traces: Vec<SealedTrace>,
    ) -> Result<()> {
        let (session, names) = (&generation.session, &unit.names);
        let started = elapsed_ns();
        let accounts = Accounts::new(&lineup.detectors, Findings::HandedOn);
        let refusals = generation.refusals();
        for (detector, fault) in lineup.refused(&refusals) {
            accounts.give_up(detector, fault);
        }
        let mut detection =
            generation.ticker.during(|| crew.detect(UNIT, &traces, &names.texts, &accounts))?;
        accounts.settle(UNIT, traces.len(), &mut detection);
        for (detector, run) in lineup.detectors.iter().zip(&detection.runs) {
            self.shared.metrics.plugin(&detector.id, run);
        }
        let mut detection = lineup.sift(&traces, detection);
        generation.note(&detection.runs, &refusals);
        let detected = elapsed_ns();
        let wall_ns = wall_ns();
        let ignores = Ignores(&session.config, Date::from_unix_seconds(wall_ns / 1_000_000_000));
        let source = source(session, names, &ignores, session.config.output.findings_per_problem as usize);
        let mut scorer = Scorer::new(&names.texts, &session.config.green, &[]);
        traces.iter().for_each(|trace| scorer.add(trace));
        let mut folder = Folder::new(&source);
        folder.add(&traces, std::mem::take(&mut detection.findings), &mut scorer);
        let mut part = folder.finish_part(&scorer);
        let score = scorer.finish(&part.avoidable);
        for one in &mut part.problems {
            let service = (&one.problem.service, &one.problem.source_endpoint);
            let (intensity, band) = score.io_intensity(service.0, service.1);
            let impacts = one.findings.iter_mut().map(|finding| &mut finding.green_impact);
            for impact in impacts.chain([&mut one.problem.green_impact]) {
                (impact.io_intensity_score, impact.io_intensity_band) = (intensity, band);
            }
        }
        let metrics = &self.shared.metrics;
        let trace_id = trace_id(unit, &traces);
        metrics.stage("detect", detected - started, &trace_id);
        metrics.stage("fold", elapsed_ns() - detected, &trace_id);
        let runs =
            session.active().zip(&detection.runs).map(|((config, _), run)| (config.id.clone(), run_of(run)));
        let runs = runs.collect();
        let judged = Judged { runs, part, green: score.summary, endpoints: score.endpoints, traces };
        self.shared.state.add(judged, unit, wall_ns, self.shared);
        Ok(())
    }
}

/// What a plug-in did, without what stays the same.
fn run_of(run: &DetectorRun) -> PluginRun {
    let mut sums = PluginRun { traces: run.traces, findings: run.findings, ..PluginRun::default() };
    for (_, fault) in &run.set_aside {
        let kind = fault.kind.word();
        *sums.faults.entry(kind.to_owned()).or_default() += 1;
        sums.fault_messages.entry(kind.to_owned()).or_insert_with(|| fault.line());
    }
    sums
}

/// The trace that stands for a unit.
fn trace_id(unit: &Unit, traces: &[SealedTrace]) -> String {
    traces.first().map(|trace| unit.names.ids.trace_text(trace.id)).unwrap_or_default()
}
