//! What the daemon knows: problems and their history, the newest findings, counts. In memory, within limits.

use super::Shared;
use super::events::Event;
use super::judge::Judged;
use super::metrics::Metrics;
use super::retained::Retained;
use super::totals::Totals;
use super::units::Unit;
use crate::config::DaemonConfig;
use crate::report::words::severity;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracewatt_core::count::counted;
use tracewatt_core::finding::{Standing, StandingOptions};
use tracewatt_core::report::{Finding, PluginRun};

/// Findings that may wait to be printed.
const PRINTED_AHEAD: usize = 4096;

/// Joules of a kilowatt hour.
const JOULES_PER_KWH: f64 = 3.6e6;

/// What is known.
pub(super) struct State {
    known: Mutex<Known>,
    printed: SyncSender<String>,
}

/// What is behind the lock.
pub(super) struct Known {
    /// Problems.
    pub standing: Standing,
    /// The newest last.
    pub findings: VecDeque<StoredFinding>,
    /// Traces with findings.
    pub retained: Retained,
    /// Figures since the start.
    pub totals: Totals,
    /// What plug-ins did since the start, by id; versions and digests are those of the generation in force.
    pub runs: BTreeMap<String, PluginRun>,
    max_findings: usize,
    next_number: u64,
    traces: u64,
}

/// A finding with when it was stored.
#[derive(Clone, Debug, Serialize)]
pub(super) struct StoredFinding {
    /// Counts up; a page of findings continues behind the number of its last one.
    pub number: u64,
    /// When it was stored, milliseconds since the epoch.
    pub stored_at_ms: u64,
    /// Fingerprint of its problem.
    pub fingerprint: String,
    /// The finding.
    pub finding: Finding,
}

/// How problems are kept.
pub(super) fn standing_options(config: &DaemonConfig, findings_per_problem: usize) -> StandingOptions {
    let ns = |hours: u64| hours.saturating_mul(3_600_000_000_000);
    StandingOptions {
        max_problems: config.max_retained_problems,
        findings_per_problem,
        resolved_after_ns: ns(config.resolved_after_hours),
        new_for_ns: ns(config.new_for_hours),
    }
}

impl State {
    /// Returns what is known at the start: nothing.
    pub fn new(config: &DaemonConfig) -> State {
        let known = Known {
            standing: Standing::new(standing_options(config, 20)),
            findings: VecDeque::new(),
            retained: Retained::new(config.max_retained_traces),
            totals: Totals::default(),
            runs: BTreeMap::new(),
            max_findings: config.max_retained_findings,
            next_number: 1,
            traces: 0,
        };
        State { known: Mutex::new(known), printed: print_lines() }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is known. Whoever judges waits meanwhile.
    pub fn look<T>(&self, at: impl FnOnce(&Known) -> T) -> T {
        at(&self.lock())
    }

    /// Adds what came of a unit, and tells of it.
    pub fn add(&self, judged: Judged, unit: &Unit, wall_ns: u64, shared: &Shared) {
        let Judged { part, green, endpoints, runs, traces } = judged;
        let metrics = &shared.metrics;
        metrics.traces_judged.inc_by(traces.len() as u64);
        metrics.spans_judged.inc_by(unit.traces.iter().map(|trace| u64::from(trace.spans)).sum());
        metrics.io_ops.inc_by(green.total_io_ops);
        metrics.avoidable_io_ops.inc_by(green.avoidable_io_ops);
        metrics
            .energy_joules
            .inc_by(green.energy_kwh.as_ref().map_or(0.0, |energy| energy.mid * JOULES_PER_KWH));
        let carbon = green.co2.as_ref().and_then(|co2| co2.total.as_ref());
        metrics.carbon_grams.inc_by(carbon.map_or(0.0, |total| total.mid));
        metrics.lose("findings_ignored_by_configuration", part.ignored);
        let told = shared.events.has_listeners();
        let mut events = Vec::new();
        let mut known = self.lock();
        known.traces += traces.len() as u64;
        let not_listed = known.totals.add(traces.len() as u64, green, endpoints);
        metrics.lose("endpoints_not_listed", not_listed);
        for (id, run) in runs {
            add_run(known.runs.entry(id).or_default(), run);
        }
        for problem in &part.problems {
            metrics.lose("findings_not_listed", problem.problem.instances - problem.findings.len() as u64);
            for finding in &problem.findings {
                metrics.finding(&finding.kind, severity(finding.severity), &finding.trace_id);
                let number = known.next_number;
                known.next_number += 1;
                let stored = StoredFinding {
                    number,
                    stored_at_ms: wall_ns / 1_000_000,
                    fingerprint: problem.problem.fingerprint.clone(),
                    finding: finding.clone(),
                };
                self.print(&stored.finding, metrics);
                if told {
                    events.push(Event { name: "finding", data: Arc::new(json!(stored)) });
                }
                known.findings.push_back(stored);
            }
        }
        while known.findings.len() > known.max_findings {
            known.findings.pop_front();
        }
        let findings = part.problems.iter().flat_map(|problem| &problem.findings);
        known.retained.add(traces, findings, &unit.names, unit.epoch);
        let _seen = known.standing.add(part.problems, wall_ns);
        metrics.problems.set(known.standing.reported().count() as i64);
        drop(known);
        events.iter().for_each(|event| shared.events.tell(event, metrics));
    }

    /// Prints a finding to standard output, unless nobody reads fast enough.
    fn print(&self, finding: &Finding, metrics: &Metrics) {
        let Ok(line) = serde_json::to_string(finding) else { return };
        if let Err(TrySendError::Full(_)) = self.printed.try_send(line) {
            metrics.lose("findings_not_printed", 1);
        }
    }

    /// Returns what a person is told at the end.
    pub fn farewell(&self, metrics: &Metrics) -> String {
        let known = self.lock();
        let (taken, judged) = (metrics.spans_taken.get(), metrics.spans_judged.get());
        format!(
            "judged {} ({judged} of {taken} spans taken), {}",
            counted(known.traces, "trace"),
            counted(known.standing.reported().count() as u64, "problem")
        )
    }
}

fn add_run(sums: &mut PluginRun, run: PluginRun) {
    sums.traces += run.traces;
    sums.findings += run.findings;
    for (kind, count) in run.faults {
        *sums.faults.entry(kind).or_default() += count;
    }
    for (kind, message) in run.fault_messages {
        sums.fault_messages.entry(kind).or_insert(message);
    }
}

/// Starts the thread that prints lines: a reader that is slow must not hold up the rest.
fn print_lines() -> SyncSender<String> {
    let (sender, lines) = sync_channel::<String>(PRINTED_AHEAD);
    std::thread::spawn(move || {
        for line in lines {
            let mut out = std::io::stdout().lock();
            if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                return;
            }
        }
    });
    sender
}
