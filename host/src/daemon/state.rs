//! What the daemon knows: problems and their history, the newest findings, counts. In memory, within limits.

use super::judge::Judged;
use super::metrics::Metrics;
use super::units::Unit;
use crate::config::DaemonConfig;
use crate::report::words::severity;
use serde::Serialize;
use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracewatt_core::count::counted;
use tracewatt_core::finding::{Standing, StandingOptions, StandingProblem};
use tracewatt_core::report::{Finding, Problem};

/// Findings that may wait to be printed.
const PRINTED_AHEAD: usize = 4096;

/// Joules of a kilowatt hour.
const JOULES_PER_KWH: f64 = 3.6e6;

/// What is known.
pub(super) struct State {
    known: Mutex<Known>,
    printed: SyncSender<String>,
}

struct Known {
    standing: Standing,
    /// The newest last.
    findings: VecDeque<StoredFinding>,
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
    /// The finding.
    pub finding: Finding,
}

/// A problem with its history.
#[derive(Clone, Debug, Serialize)]
pub(super) struct KnownProblem {
    /// `new`, `existing`, `resolved`, `regressed`.
    pub status: &'static str,
    /// When it was first seen, milliseconds since the epoch.
    pub first_seen_ms: u64,
    /// When it was last seen.
    pub last_seen_ms: u64,
    /// The problem.
    pub problem: Problem,
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
            max_findings: config.max_retained_findings,
            next_number: 1,
            traces: 0,
        };
        State { known: Mutex::new(known), printed: print_lines() }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what came of a unit.
    pub fn add(&self, judged: Judged, unit: &Unit, wall_ns: u64, metrics: &Metrics) {
        let Judged { part, green, traces } = judged;
        metrics.traces_judged.inc_by(traces.len() as u64);
        metrics.spans_judged.inc_by(unit.traces.iter().map(|trace| u64::from(trace.spans)).sum());
        metrics.io_ops.inc_by(green.total_io_ops);
        metrics.avoidable_io_ops.inc_by(green.avoidable_io_ops);
        metrics.energy_joules.inc_by(green.energy_kwh.map_or(0.0, |energy| energy.mid * JOULES_PER_KWH));
        metrics.carbon_grams.inc_by(green.co2.and_then(|co2| co2.total).map_or(0.0, |total| total.mid));
        metrics.lose("findings_ignored_by_configuration", part.ignored);
        let mut known = self.lock();
        known.traces += traces.len() as u64;
        for problem in &part.problems {
            metrics.lose("findings_not_listed", problem.problem.instances - problem.findings.len() as u64);
            for finding in &problem.findings {
                metrics.finding(&finding.kind, severity(finding.severity));
                let number = known.next_number;
                known.next_number += 1;
                let stored =
                    StoredFinding { number, stored_at_ms: wall_ns / 1_000_000, finding: finding.clone() };
                self.print(&stored.finding, metrics);
                known.findings.push_back(stored);
            }
        }
        while known.findings.len() > known.max_findings {
            known.findings.pop_front();
        }
        let _seen = known.standing.add(part.problems, wall_ns);
        metrics.problems.set(known.standing.reported().count() as i64);
    }

    /// Prints a finding to standard output, unless nobody reads fast enough.
    fn print(&self, finding: &Finding, metrics: &Metrics) {
        let Ok(line) = serde_json::to_string(finding) else { return };
        if let Err(TrySendError::Full(_)) = self.printed.try_send(line) {
            metrics.lose("findings_not_printed", 1);
        }
    }

    /// Returns the problems that are reported, worst first.
    pub fn problems(&self, now_ns: u64) -> Vec<KnownProblem> {
        let known = self.lock();
        let one = |standing: &StandingProblem| KnownProblem {
            status: standing.status(now_ns, known.standing.options()).word(),
            first_seen_ms: standing.first_seen_ns / 1_000_000,
            last_seen_ms: standing.last_seen_ns / 1_000_000,
            problem: standing.problem.clone(),
        };
        let mut problems: Vec<KnownProblem> = known.standing.reported().map(one).collect();
        problems.sort_by(|a, b| {
            let key = |known: &KnownProblem| (known.problem.severity, known.problem.occurrences);
            key(b).cmp(&key(a)).then_with(|| a.problem.fingerprint.cmp(&b.problem.fingerprint))
        });
        problems
    }

    /// Returns the newest findings, the newest first.
    pub fn findings(&self, most: usize) -> Vec<StoredFinding> {
        self.lock().findings.iter().rev().take(most).cloned().collect()
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
