//! Conformance: what every component must stand, stock or foreign. A fixed set of settings, batches and limits that are
//! legal and that few authors think of, and the proof that an answer depends on nothing but batch and settings. Each of
//! them is a [`Row`] of a table, which is the same whenever and wherever it is made.
//!
//! Only what a component does is judged; that the host survives what a component does wrong is what the tests of the
//! sandbox are for.
//!
//! | file | holds |
//! |---|---|
//! | `settings` | values in and out of bounds |
//! | `batches` | the hostile set |
//! | `made` | how its traces are made |
//! | `purity` | the same batch, asked in many ways |
//! | `limits` | little memory, little time |

mod batches;
mod limits;
mod made;
mod purity;
mod settings;

use crate::report::clean;
use made::Made;
use std::io::{self, Write};
use std::sync::Arc;
use tracewatt_core::plugin::{
    Engine, Fault, Limits, Plugin, PluginError, RawFinding, SettingValue, Worker, ticking,
};
use tracewatt_core::trace::SealedTrace;

/// Longest reason in a table, in characters.
const MAX_REASON: usize = 160;

/// The row without which there are no others.
const USUAL: &str = "a usual batch";

/// A component to examine.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Engine that both of the following were loaded into.
    pub engine: &'a Engine,
    /// The component.
    pub plugin: &'a Plugin,
    /// The same component, loaded a second time.
    pub again: &'a Plugin,
    /// Settings to examine it with, complete and valid.
    pub settings: &'a [(String, SettingValue)],
    /// What an instance may use, except where that is what is tried.
    pub limits: Limits,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What was tried.
    pub name: &'static str,
    /// What came of it, one line: fine, or wrong.
    pub result: Result<String, String>,
}

/// Returns the table of a component. One that does not accept the settings it is given, or cannot judge traces that
/// nothing is odd about, is not tried further.
///
/// Epochs of the engine go by meanwhile. With the stock plug-ins it takes about a second.
///
/// # Errors
/// When the component does not export the world it should.
pub fn examine(subject: &Subject<'_>) -> Result<Vec<Row>, PluginError> {
    ticking(subject.engine, || {
        let mut rows = vec![settings::accepted(subject)?];
        if rows.iter().all(|row| row.result.is_ok()) {
            rows.push(settings::refused(subject));
            rows.push(settings::at_their_bounds(subject)?);
            let mut used = subject.worker()?;
            // Each has texts of its own, so each has an epoch of its own.
            let batches = batches::all().into_iter().zip(made::EPOCH + 1..);
            rows.extend(batches.map(|((name, made), epoch)| tried(&mut used, name, &made, epoch)));
            rows.extend(limits::all(subject)?);
            rows.extend(purity::all(subject, used)?);
        }
        Ok(rows)
    })
}

/// Returns whether everything that was tried is fine.
pub fn conforms(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.result.is_ok())
}

/// Writes a table, a row a line.
pub fn write_table(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for Row { name, result } in rows {
        let (verdict, reason) = match result {
            Ok(reason) => ("ok  ", reason),
            Err(reason) => ("FAIL", reason),
        };
        writeln!(out, "{verdict}  {name:<width$}  {}", clean::cut(reason, MAX_REASON))?;
    }
    Ok(())
}

impl Subject<'_> {
    fn worker(&self) -> Result<Worker, PluginError> {
        self.worker_with(self.settings.to_vec(), self.limits)
    }

    fn worker_with(
        &self,
        settings: Vec<(String, SettingValue)>,
        limits: Limits,
    ) -> Result<Worker, PluginError> {
        Worker::new(self.engine, self.plugin, settings, limits)
    }
}

/// Asks a worker, once. One trace stands for all of them, so that what fails is not tried again in halves.
fn ask(worker: &mut Worker, made: &Made, epoch: u32) -> Result<Vec<RawFinding>, Arc<Fault>> {
    let outcome = worker.detect(&[SealedTrace::default()], &made.batch, &made.texts, epoch);
    match outcome.set_aside.into_iter().next() {
        Some((_, fault)) => Err(fault),
        None => Ok(outcome.findings),
    }
}

/// The row of a batch that must not be the end of anything.
fn tried(worker: &mut Worker, name: &'static str, made: &Made, epoch: u32) -> Row {
    let result = ask(worker, made, epoch).map(|findings| found(findings.len()));
    Row { name, result: result.map_err(|fault| fault.to_string()) }
}

fn found(findings: usize) -> String {
    match findings {
        0 => "nothing found".to_owned(),
        1 => "1 finding".to_owned(),
        more => format!("{more} findings"),
    }
}

/// Findings, so that they can be compared whatever order they came in.
fn comparable(findings: &[RawFinding]) -> Vec<String> {
    let mut texts: Vec<String> = findings.iter().map(|finding| format!("{finding:?}")).collect();
    texts.sort_unstable();
    texts
}

/// Says whether findings are the expected ones, else one that is not.
fn compared(expected: &[String], findings: &[RawFinding]) -> Result<String, String> {
    let found_now = comparable(findings);
    let count = found(found_now.len());
    if found_now == expected {
        return Ok(format!("{count}, the same"));
    }
    let only_in = |one: &[String], other: &[String]| one.iter().find(|text| !other.contains(text)).cloned();
    let difference = match (only_in(expected, &found_now), only_in(&found_now, expected)) {
        (Some(lost), _) => format!("; not any more: {lost}"),
        (None, Some(new)) => format!("; new: {new}"),
        (None, None) => String::new(),
    };
    Err(format!("{count}, before it was {}{difference}", expected.len()))
}
