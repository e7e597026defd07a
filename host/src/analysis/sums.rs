//! What units of traces add up to: problems, figures, and how each plug-in fared.

use super::Intake;
use crate::session::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracewatt_core::detect::Detection;
use tracewatt_core::energy::{GreenScore, Scorer};
use tracewatt_core::finding::{Folded, Folder, Ignore, Judge, RuleSetting, Source};
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::Fault;
use tracewatt_core::trace::{SealedTrace, TraceId};

/// Ids of traces a plug-in could not judge that are named; all of them are counted.
const MAX_SKIPPED_IDS: usize = 100;

/// How a plug-in fared.
#[derive(Default)]
pub(super) struct RunSums {
    /// Traces it was offered.
    pub traces: u64,
    /// Findings it made, before folding.
    pub findings: u64,
    /// Traces it could not judge, by kind of fault.
    pub faults: BTreeMap<&'static str, u64>,
    /// By kind, the first of them: those of a call before those of a plug-in that was given up, then by trace.
    pub first_faults: BTreeMap<&'static str, ((bool, TraceId), Arc<Fault>)>,
    /// The first of them by id.
    pub skipped: BTreeSet<TraceId>,
    /// What was cut of its answers.
    pub losses: Losses,
}

/// Everything that a report is made of.
pub(super) struct Outcome {
    pub folded: Folded,
    pub score: GreenScore,
    /// By active plug-in.
    pub runs: Vec<RunSums>,
    pub traces: u64,
}

/// Adds up units.
pub(super) struct Sums<'a> {
    folder: Folder<'a>,
    scorer: Scorer<'a>,
    runs: Vec<RunSums>,
    traces: u64,
}

/// Returns what findings are folded by.
pub(crate) fn source<'a>(
    session: &'a Session,
    intake: &'a Intake,
    ignore: &'a dyn Ignore,
    findings_per_problem: usize,
) -> Source<'a> {
    let detectors = session.active().map(|(config, plugin)| {
        let setting =
            |rule: &crate::config::RuleConfig| RuleSetting { enabled: rule.enabled, severity: rule.severity };
        let rules = config.rules.iter().map(|(name, rule)| (name.as_str(), setting(rule))).collect();
        Judge { id: &config.id, manifest: &plugin.manifest, rules }
    });
    Source {
        texts: &intake.texts,
        coverage: &intake.coverage,
        ids: &intake.ids,
        detectors: detectors.collect(),
        ignore,
        findings_per_problem,
    }
}

impl<'a> Sums<'a> {
    pub fn new(session: &'a Session, intake: &'a Intake, source: &'a Source<'a>) -> Sums<'a> {
        Sums {
            folder: Folder::new(source),
            scorer: Scorer::new(&intake.texts, &session.config.green, &[]),
            runs: session.active().map(|_| RunSums::default()).collect(),
            traces: 0,
        }
    }

    /// Adds a unit: its traces, and what the plug-ins said of them.
    pub fn add(&mut self, traces: &[SealedTrace], detection: Detection) {
        self.traces += traces.len() as u64;
        traces.iter().for_each(|trace| self.scorer.add(trace));
        self.folder.add(traces, detection.findings, &mut self.scorer);
        for (sums, run) in self.runs.iter_mut().zip(detection.runs) {
            sums.traces += run.traces;
            sums.findings += run.findings;
            sums.losses.merge(&run.losses);
            for (trace, fault) in run.set_aside {
                let (kind, id) = (fault.kind.word(), traces[trace].id);
                *sums.faults.entry(kind).or_default() += 1;
                let rank = (!fault.of_call, id);
                if sums.first_faults.get(kind).is_none_or(|(known, _)| rank < *known) {
                    sums.first_faults.insert(kind, (rank, fault));
                }
                sums.skipped.insert(id);
                if sums.skipped.len() > MAX_SKIPPED_IDS {
                    sums.skipped.pop_last();
                }
            }
        }
    }

    pub fn finish(self) -> Outcome {
        let folded = self.folder.finish(&self.scorer);
        let score = self.scorer.finish(&folded.saved.by(|_| true));
        Outcome { folded, score, runs: self.runs, traces: self.traces }
    }
}
