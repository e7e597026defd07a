//! One plug-in on one thread. A call covers many traces; when it fails, the instance is dropped and the
//! batch is halved until the trace that causes the fault stands alone and is set aside, so that one bad trace
//! costs one trace and a bad plug-in costs itself.

use super::bindings::tracewatt::plugin::types as wit;
use super::instance::{self, Instance, Limits, Prepared};
use super::{Fault, FaultKind, Plugin, PluginError, SettingValue};
use crate::report::Severity;
use crate::trace::{Batch, SealedTrace, SharedBatch, Texts};
use std::sync::Arc;
use wasmtime::Engine;

/// Faults after which a plug-in is given up: the rest of the traces is set aside without a call.
const MAX_FAULTS: u32 = 32;
/// Longest text in an answer, in bytes; longer ones are cut.
const MAX_TEXT_BYTES: usize = 4096;
/// Pieces of evidence kept of one finding.
const MAX_EVIDENCE: usize = 32;

/// A finding as a plug-in made it, checked, with rows of its own trace.
#[derive(Clone, Debug, PartialEq)]
pub struct RawFinding {
    /// Position of the trace among those the worker was given.
    pub trace: usize,
    /// Position of the rule in the manifest.
    pub rule: usize,
    /// Severity.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f64,
    /// Rows of the trace, at least one, the anchor first.
    pub rows: Vec<u32>,
    /// Those of them that need not have happened.
    pub avoidable: Vec<u32>,
    /// How often it happened.
    pub occurrences: u64,
    /// Occurrences over all traces from which on the problem is reported.
    pub quorum: u64,
    /// What it is about; empty for the template of the anchor.
    pub subject: String,
    /// What was seen.
    pub message: String,
    /// What to do; empty for the advice of the rule.
    pub advice: String,
    /// Why.
    pub evidence: Vec<(String, SettingValue)>,
}

/// What came of offering traces to a plug-in.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Findings, in the order of the answers.
    pub findings: Vec<RawFinding>,
    /// Traces the plug-in could not judge, each with the fault that set it aside.
    pub set_aside: Vec<(usize, Fault)>,
}

/// A plug-in on one thread.
pub struct Worker {
    prepared: Prepared,
    settings: Vec<(String, SettingValue)>,
    rules: usize,
    instance: Option<Instance>,
    faults: u32,
}

impl Worker {
    /// Returns a worker for a plug-in. `settings` must be complete and valid for its manifest.
    ///
    /// Fails when the component does not export the world it should; refused settings are a fault of the
    /// first call.
    pub fn new(
        engine: &Engine,
        plugin: &Plugin,
        settings: Vec<(String, SettingValue)>,
        limits: Limits,
    ) -> Result<Worker, PluginError> {
        let prepared = Prepared::new(engine, &plugin.component, limits)
            .map_err(|error| PluginError::World(format!("{error:#}")))?;
        Ok(Worker { prepared, settings, rules: plugin.manifest.rules.len(), instance: None, faults: 0 })
    }

    /// Instantiates and configures, so that refused settings show before the first batch.
    pub fn start(&mut self) -> Result<(), Fault> {
        if self.instance.is_none() {
            self.instance = Some(self.prepared.configured(&self.settings)?);
        }
        Ok(())
    }

    /// Offers traces to the plug-in. `batch` holds the columns of exactly these traces.
    pub fn detect(
        &mut self,
        traces: &[SealedTrace],
        batch: &SharedBatch,
        texts: &Arc<Texts>,
        epoch: u32,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        self.offer(traces, 0, batch, texts, epoch, &mut outcome);
        outcome
    }

    fn offer(
        &mut self,
        traces: &[SealedTrace],
        first: usize,
        batch: &SharedBatch,
        texts: &Arc<Texts>,
        epoch: u32,
        outcome: &mut Outcome,
    ) {
        let fault = match self.call(batch, texts, epoch, first) {
            Ok(findings) => return outcome.findings.extend(findings),
            Err(fault) => fault,
        };
        self.instance = None;
        self.faults += 1;
        if traces.len() <= 1 || self.faults > MAX_FAULTS {
            outcome.set_aside.extend((first..first + traces.len()).map(|trace| (trace, fault.clone())));
            return;
        }
        let (left, right) = traces.split_at(traces.len() / 2);
        for (half, first) in [(left, first), (right, first + left.len())] {
            self.offer(half, first, &Batch::of(half).into(), texts, epoch, outcome);
        }
    }

    fn call(
        &mut self,
        batch: &SharedBatch,
        texts: &Arc<Texts>,
        epoch: u32,
        first: usize,
    ) -> Result<Vec<RawFinding>, Fault> {
        if self.faults > MAX_FAULTS {
            let message = format!("given up after {MAX_FAULTS} faults");
            return Err(Fault { kind: FaultKind::Trap, message });
        }
        self.start()?;
        let Some(instance) = &mut self.instance else { return Ok(Vec::new()) };
        let answer = instance.detect(batch, texts, epoch)?;
        answer.into_iter().map(|finding| check(finding, batch, self.rules, first)).collect()
    }
}

/// Turns rows of the batch into rows of the trace, and refuses what makes no sense.
fn check(
    finding: wit::Finding,
    batch: &SharedBatch,
    rules: usize,
    first: usize,
) -> Result<RawFinding, Fault> {
    let nonsense = |message: String| Fault { kind: FaultKind::Answer, message };
    let rule = finding.rule as usize;
    if rule >= rules {
        return Err(nonsense(format!("finding of rule {rule}, but the manifest has {rules}")));
    }
    let confidence = f64::from(finding.confidence);
    if !(0.0..=1.0).contains(&confidence) {
        return Err(nonsense(format!("confidence {confidence} is not between 0 and 1")));
    }
    let Some(&anchor) = finding.spans.first() else {
        return Err(nonsense("finding without a span".to_owned()));
    };
    let trace = batch.trace_offsets.partition_point(|offset| *offset <= anchor).wrapping_sub(1);
    let (Some(&from), Some(&to)) = (batch.trace_offsets.get(trace), batch.trace_offsets.get(trace + 1))
    else {
        return Err(nonsense(format!("span row {anchor} does not exist")));
    };
    let local = |rows: Vec<u32>| -> Result<Vec<u32>, Fault> {
        if rows.len() > (to - from) as usize {
            return Err(nonsense(format!("{} rows, but the trace has {}", rows.len(), to - from)));
        }
        if let Some(row) = rows.iter().find(|row| !(from..to).contains(*row)) {
            return Err(nonsense(format!("span row {row} is not of the trace with row {anchor}")));
        }
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(nonsense(format!("span row {} is named twice", pair[0])));
        }
        Ok(rows.into_iter().map(|row| row - from).collect())
    };
    let rows = local(finding.spans)?;
    let avoidable = local(finding.avoidable)?;
    let occurrences =
        if finding.occurrences == 0 { rows.len() as u64 } else { u64::from(finding.occurrences) };
    let evidence = finding.evidence.into_iter().take(MAX_EVIDENCE);
    Ok(RawFinding {
        trace: first + trace,
        rule,
        severity: instance::severity(finding.severity),
        confidence: (confidence * 1000.0).round() / 1000.0,
        rows,
        avoidable,
        occurrences,
        quorum: u64::from(finding.quorum),
        subject: cut(finding.subject),
        message: cut(finding.message),
        advice: cut(finding.advice),
        evidence: evidence.map(|entry| (cut(entry.name), instance::from_wit(entry.value))).collect(),
    })
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}
