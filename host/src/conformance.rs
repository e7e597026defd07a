//! What every plug-in must bear, stock or foreign: batches that are legal and that nobody thinks of. Each is offered to
//! an instance of its own; none may be a fault. What a plug-in says must depend on the batch alone: the same again in
//! one instance, in a new one, and of traces one by one.

use std::sync::Arc;
use tracewatt_core::detect::Detector;
use tracewatt_core::plugin::{
    Engine, Fault, PluginError, RawFinding, Setting, SettingKind, SettingValue, Worker, ticking,
};
use tracewatt_core::trace::{Batch, SharedBatch, Texts};

/// Spans of the longest trace.
const MANY: usize = 100_000;
/// Bytes of the longest text.
const LONG: usize = 1 << 20;
/// "None" in a column of rows.
const NO_ROW: u32 = u32::MAX;
/// Nanoseconds.
const MS: u64 = 1_000_000;

/// What came of one test.
pub struct Row {
    /// What was tried.
    pub name: String,
    /// What it found, or why it does not conform.
    pub result: Result<String, String>,
}

/// Offers a plug-in everything there is, with the settings and limits of `detector`.
///
/// # Errors
/// When the component does not export the world it should.
pub fn run(engine: &Engine, detector: &Detector) -> Result<Vec<Row>, PluginError> {
    let mut tested = Tested { engine, detector, samples: Samples::new(), rows: Vec::new() };
    ticking(engine, || {
        tested.batches()?;
        tested.purity()?;
        tested.settings()
    })?;
    Ok(tested.rows)
}

struct Tested<'a> {
    engine: &'a Engine,
    detector: &'a Detector,
    samples: Samples,
    rows: Vec<Row>,
}

impl Tested<'_> {
    fn worker(&self, settings: Vec<(String, SettingValue)>) -> Result<Worker, PluginError> {
        Worker::new(self.engine, &self.detector.plugin, settings, self.detector.limits)
    }

    fn call(&self, worker: &mut Worker, batch: Batch) -> Result<Vec<RawFinding>, Arc<Fault>> {
        worker.replay(&SharedBatch::from(batch), &self.samples.texts)
    }

    fn add(&mut self, name: impl Into<String>, result: Result<String, String>) {
        self.rows.push(Row { name: name.into(), result });
    }

    fn batches(&mut self) -> Result<(), PluginError> {
        for (name, batch) in self.samples.hostile() {
            let mut worker = self.worker(self.detector.settings.clone())?;
            let result = self.call(&mut worker, batch);
            let said = result.map(|findings| format!("{} findings", findings.len()));
            self.add(name, said.map_err(|fault| fault.to_string()));
        }
        Ok(())
    }

    fn purity(&mut self) -> Result<(), PluginError> {
        let settings = || self.detector.settings.clone();
        let batch = |traces: &[usize]| self.samples.plain(traces);
        let (mut one, mut other) = (self.worker(settings())?, self.worker(settings())?);
        let first = self.call(&mut one, batch(&[60, 40]));
        // Something else in between leaves its traces, if anything does.
        let _ = self.call(&mut one, batch(&[200]));
        let again = self.call(&mut one, batch(&[60, 40]));
        let fresh = self.call(&mut other, batch(&[60, 40]));
        let alone = self.call(&mut other, batch(&[60])).and_then(|mut findings| {
            let rest = self.call(&mut other, batch(&[40]))?;
            findings
                .extend(rest.into_iter().map(|finding| RawFinding { trace: finding.trace + 1, ..finding }));
            Ok(findings)
        });
        let sorted = |findings: Result<Vec<RawFinding>, Arc<Fault>>| {
            let mut texts: Vec<String> = findings?.iter().map(|finding| format!("{finding:?}")).collect();
            texts.sort();
            Ok::<_, Arc<Fault>>(texts)
        };
        let first = sorted(first);
        for (name, second) in [
            ("the same batch again", again),
            ("the same batch, new instance", fresh),
            ("traces one by one", alone),
        ] {
            let result = match (&first, sorted(second)) {
                (Err(fault), _) => Err(fault.to_string()),
                (_, Err(fault)) => Err(fault.to_string()),
                (Ok(first), Ok(second)) if *first == second => Ok("the same findings".to_owned()),
                (Ok(first), Ok(second)) => {
                    let difference = first.iter().find(|finding| !second.contains(finding));
                    let difference =
                        difference.or_else(|| second.iter().find(|finding| !first.contains(finding)));
                    let difference = difference.map(String::as_str).unwrap_or("their number");
                    Err(format!("other findings: {difference}"))
                }
            };
            self.add(name, result);
        }
        Ok(())
    }

    /// Both ends of every range: refusing them in words is fine, failing is not.
    fn settings(&mut self) -> Result<(), PluginError> {
        for (at, setting) in self.detector.manifest().settings.iter().enumerate() {
            for value in ends(setting) {
                let mut settings = self.detector.settings.clone();
                settings[at].1 = value.clone();
                let mut worker = self.worker(settings)?;
                let result = match worker.ready() {
                    Ok(()) => {
                        self.call(&mut worker, self.samples.plain(&[60])).map(|_| "accepted".to_owned())
                    }
                    Err(fault) => Err(fault),
                };
                let result = match result {
                    Err(fault) if fault.kind == tracewatt_core::plugin::FaultKind::Configure => {
                        Ok(format!("refused: {}", fault.message))
                    }
                    other => other.map_err(|fault| fault.to_string()),
                };
                self.add(format!("{} = {}", setting.name, value.display()), result);
            }
        }
        Ok(())
    }
}

/// The values at the ends of what a setting may be.
fn ends(setting: &Setting) -> Vec<SettingValue> {
    match &setting.kind {
        SettingKind::Boolean => vec![SettingValue::Boolean(false), SettingValue::Boolean(true)],
        SettingKind::Integer { min, max } => vec![SettingValue::Integer(*min), SettingValue::Integer(*max)],
        SettingKind::Float { min, max } => vec![SettingValue::Float(*min), SettingValue::Float(*max)],
        SettingKind::Choice(choices) => choices.iter().cloned().map(SettingValue::Text).collect(),
        SettingKind::Text => vec![SettingValue::Text(String::new())],
        SettingKind::TextList => {
            vec![SettingValue::TextList(Vec::new()), SettingValue::TextList(vec![String::new()])]
        }
    }
}

/// Batches, and the texts they refer to.
struct Samples {
    texts: Arc<Texts>,
    service: u32,
    endpoint: u32,
    statements: [u32; 3],
    strange: Vec<(&'static str, u32)>,
}

impl Samples {
    fn new() -> Samples {
        let mut texts = Texts::default();
        let mut id = |text: &str| texts.intern(text).0;
        let (service, endpoint) = (id("shop"), id("GET /orders/{id}"));
        let statements = [
            "SELECT name FROM author WHERE id = ?",
            "UPDATE stock SET amount = ? WHERE id = ?",
            "GET http://stock/items/{id}",
        ]
        .map(&mut id);
        let strange = vec![
            ("a text of one MiB", id(&format!("SELECT {}", "a, ".repeat(LONG / 3)))),
            ("texts that were no UTF-8", id("SELECT \u{fffd}\u{fffd} FROM \u{fffd}")),
            ("texts of signs and control characters", id("\u{0}\u{1b}[31m `\"'(((,;.= \u{202e}*")),
            ("empty texts", 0),
        ];
        Samples { texts: Arc::new(texts), service, endpoint, statements, strange }
    }

    /// Traces of so many spans each: an entry, and calls of three kinds below it.
    fn plain(&self, traces: &[usize]) -> Batch {
        let mut batch = Batch { trace_offsets: vec![0], ..Batch::default() };
        for (trace, spans) in traces.iter().enumerate() {
            let first = batch.kinds.len() as u32;
            for row in 0..*spans {
                let (entry, which) = (row == 0, row % 3);
                batch.kinds.push(if entry { 0 } else { [1, 1, 2][which] });
                batch.roles.push(if entry { 1 } else { 2 });
                batch.verbs.push(if entry { 0 } else { [1, 3, 1][which] });
                batch.statuses.push(1);
                batch.span_flags.push(u32::from(!entry && which == 1) << 1);
                batch.templates.push(if entry { 0 } else { self.statements[which] });
                batch.parameter_hashes.push(if entry { 0 } else { row as u64 % 7 + 1 });
                batch.services.push(self.service);
                batch.names.push(self.endpoint);
                batch.peers.push(self.service);
                batch.systems.push(0);
                batch.scopes.push(0);
                batch.groupings.push(0);
                batch.endpoints.push(self.endpoint);
                batch.code_functions.push(0);
                batch.code_lines.push(0);
                batch.parents.push(if entry { NO_ROW } else { first });
                batch.entries.push(first);
                batch.start_offsets_ns.push(row as u64 * 2 * MS);
                batch.durations_ns.push(if entry { *spans as u64 * 2 * MS } else { MS });
                batch.batch_sizes.push(1);
                batch.rows_returned.push(NO_ROW);
                batch.response_bytes.push(u64::MAX);
                batch.in_flight.push(u32::from(!entry));
            }
            batch.trace_starts_ns.push(trace as u64 * 1_000 * MS);
            batch.trace_flags.push(1);
            batch.trace_offsets.push(batch.kinds.len() as u32);
        }
        batch
    }

    fn changed(&self, traces: &[usize], change: impl Fn(&mut Batch)) -> Batch {
        let mut batch = self.plain(traces);
        change(&mut batch);
        batch
    }

    fn hostile(&self) -> Vec<(&'static str, Batch)> {
        let changed = |change: &dyn Fn(&mut Batch)| self.changed(&[30, 2], change);
        let mut batches = vec![
            ("no trace", self.plain(&[])),
            ("one span", self.plain(&[1])),
            ("100,000 spans in one trace", self.plain(&[MANY])),
            ("10,000 traces of one span", self.plain(&[1; 10_000])),
            ("spans that are their own parents", changed(&|batch| batch.parents = (0..32).collect())),
            (
                "parents in a circle",
                changed(&|batch| {
                    batch.parents =
                        (0..32).map(|row| if row < 30 { (row + 1) % 30 } else { 61 - row }).collect()
                }),
            ),
            (
                "no parents, no entries",
                changed(&|batch| {
                    batch.parents.fill(NO_ROW);
                    batch.entries.fill(NO_ROW);
                }),
            ),
            (
                "spans that are there twice",
                changed(&|batch| {
                    batch.start_offsets_ns.fill(0);
                    batch.parameter_hashes.fill(1);
                    batch.templates.fill(self.statements[0]);
                }),
            ),
            ("starts in no order", changed(&|batch| batch.start_offsets_ns.reverse())),
            (
                "times without an end",
                changed(&|batch| {
                    batch.durations_ns.fill(u64::MAX);
                    batch.start_offsets_ns.fill(u64::MAX);
                    batch.trace_starts_ns.fill(u64::MAX);
                }),
            ),
            ("nothing takes any time", changed(&|batch| batch.durations_ns.fill(0))),
            (
                "unknown kinds, roles, verbs, statuses",
                changed(&|batch| {
                    for column in [&mut batch.kinds, &mut batch.roles, &mut batch.verbs, &mut batch.statuses]
                    {
                        column.fill(255);
                    }
                }),
            ),
            (
                "every flag at once",
                changed(&|batch| {
                    batch.span_flags.fill(u32::MAX);
                    batch.trace_flags.fill(255);
                }),
            ),
            ("nothing is I/O", changed(&|batch| batch.kinds.fill(0))),
            (
                "largest counts",
                changed(&|batch| {
                    batch.batch_sizes.fill(u32::MAX);
                    batch.rows_returned.fill(NO_ROW - 1);
                    batch.response_bytes.fill(u64::MAX - 1);
                    batch.in_flight.fill(u32::MAX);
                    batch.code_lines.fill(u32::MAX);
                    batch.parameter_hashes.fill((1 << 53) - 1);
                }),
            ),
        ];
        batches.extend(self.strange.iter().map(|(name, id)| {
            let strange = changed(&|batch| {
                for column in [&mut batch.templates, &mut batch.names, &mut batch.peers, &mut batch.endpoints]
                {
                    column.fill(*id);
                }
            });
            (*name, strange)
        }));
        batches
    }
}
