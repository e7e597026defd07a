//! Who looks on while traces are judged. What they see goes into files of their own or to standard error, and never
//! into a report.

use crate::fault_bundles::FaultBundles;
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;
use tracewatt_core::detect::{Detection, Detector, Effort};
use tracewatt_core::trace::{IdTable, SealedTrace, Texts};

/// Those who look on.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Writes down what led to faults.
    pub bundles: Option<&'a FaultBundles>,
    /// Adds up what plug-ins took.
    pub stats: Option<&'a PluginStats>,
}

impl Watch<'_> {
    /// Tells of what came of some traces, in the order of the analysis.
    pub(super) fn note(
        &self,
        detectors: &[Detector],
        detection: &Detection,
        traces: &[SealedTrace],
        ids: &IdTable,
        texts: &Texts,
    ) {
        if let Some(bundles) = self.bundles {
            bundles.note(detectors, detection, traces, ids, texts);
        }
        if let Some(stats) = self.stats {
            stats.note(detectors, detection);
        }
    }

    /// Returns the clock by which calls are measured: one that stands still, unless somebody adds up.
    pub(super) fn clock(&self) -> fn() -> u64 {
        if self.stats.is_some() { elapsed_ns } else { || 0 }
    }
}

fn elapsed_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What a plug-in did and took in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginStat {
    /// Calls, spans, time, memory.
    pub effort: Effort,
    /// Findings it made, before folding.
    pub findings: u64,
    /// Traces it could not judge.
    pub faults: u64,
}

/// What every plug-in did and took in a run.
#[derive(Default)]
pub struct PluginStats(Mutex<BTreeMap<String, PluginStat>>);

impl PluginStats {
    fn note(&self, detectors: &[Detector], detection: &Detection) {
        let mut stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (detector, run) in detectors.iter().zip(&detection.runs) {
            let stat = stats.entry(detector.id.clone()).or_default();
            stat.effort.add(&run.effort);
            stat.findings += run.findings;
            stat.faults += run.set_aside.len() as u64;
        }
    }

    /// Returns what was added up, by the ids of the plug-ins.
    pub fn finish(self) -> BTreeMap<String, PluginStat> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
