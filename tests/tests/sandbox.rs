//! What a detector can do to the host: nothing. One component that misbehaves in many ways, called directly.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracewatt_core::detect::{self, Detection, Detector};
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::{
    Engine, Fault, FaultKind, Limits, Outcome, Plugin, PluginError, SettingValue, Worker, engine, imports,
    ticking,
};
use tracewatt_core::trace::{Batch, IoKind, SealedTrace, Span, SpanId, Texts, TraceId};
use tracewatt_core::window::{Window, WindowOptions};

const TRACES: u32 = 16;
const POISONED: usize = 5;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn module() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let target: PathBuf = exe.ancestors().nth(3).unwrap().join("plugins");
    tracewatt_build::compile(workspace(), &["misbehaving".to_owned()], &target).unwrap().remove(0)
}

fn component() -> Vec<u8> {
    tracewatt_build::componentize_file("misbehaving", &module()).unwrap()
}

/// Traces of one statement each; the one at [`POISONED`] holds the word that makes the detector misbehave.
fn traces(texts: &mut Texts) -> Vec<SealedTrace> {
    traces_with(texts, |trace| trace as usize == POISONED)
}

fn traces_with(texts: &mut Texts, is_poisoned: impl Fn(u32) -> bool) -> Vec<SealedTrace> {
    let mut window = Window::new(WindowOptions::default());
    for trace in 0..TRACES {
        let template = if is_poisoned(trace) { "SELECT poison" } else { "SELECT ?" };
        window.push(Span {
            trace: TraceId(u128::from(trace) + 1),
            id: SpanId(1),
            start_ns: u64::from(trace) * 1_000,
            duration_ns: 10,
            kind: IoKind::Sql,
            template: texts.intern(template),
            service: texts.intern("shop"),
            batch_size: 1,
            ..Span::default()
        });
    }
    window.seal(texts, &mut Losses::default())
}

struct Sandbox {
    engine: Engine,
    plugin: Plugin,
    traces: Vec<SealedTrace>,
    texts: Arc<Texts>,
}

impl Sandbox {
    fn new() -> Sandbox {
        let engine = engine().unwrap();
        let plugin = Plugin::load(&engine, &component(), None).unwrap();
        let mut texts = Texts::default();
        let traces = traces(&mut texts);
        Sandbox { engine, plugin, traces, texts: Arc::new(texts) }
    }

    fn run(&self, mode: &str) -> Outcome {
        let limits = Limits { call_ms: 200, findings: 1_000, answer_bytes: 8 << 20, ..Limits::DEFAULT };
        self.run_within(limits, mode)
    }

    fn run_within(&self, limits: Limits, mode: &str) -> Outcome {
        let settings = vec![("mode".to_owned(), SettingValue::Text(mode.to_owned()))];
        let mut worker = Worker::new(&self.engine, &self.plugin, settings, limits).unwrap();
        ticking(&self.engine, || worker.detect(&self.traces, &Batch::of(&self.traces).into(), &self.texts, 1))
    }

    /// The poisoned trace, and no other, is set aside with this kind of fault; every other has its finding.
    fn check(&self, mode: &str, kind: FaultKind, message: &str) {
        let outcome = self.run(mode);
        let set_aside: Vec<usize> = outcome.set_aside.iter().map(|(trace, _)| *trace).collect();
        assert_eq!(set_aside, [POISONED], "{mode}");
        let fault = &outcome.set_aside[0].1;
        assert_eq!(fault.kind, kind, "{mode}: {fault}");
        assert!(fault.message.contains(message), "{mode}: {fault}");
        let mut found: Vec<usize> = outcome.findings.iter().map(|finding| finding.trace).collect();
        found.sort_unstable();
        let others: Vec<usize> = (0..TRACES as usize).filter(|trace| *trace != POISONED).collect();
        assert_eq!(found, others, "{mode}");
    }
}

/// Scenario: a detector does everything it must not, on one of sixteen traces. Guarantees: that trace is set aside
/// with the reason, the others are judged, the host goes on.
#[test]
fn one_bad_trace_costs_one_trace() {
    let sandbox = Sandbox::new();
    sandbox.check("panic", FaultKind::Trap, "the detector saw poison");
    sandbox.check("spin", FaultKind::Deadline, "interrupt");
    sandbox.check("allocate", FaultKind::Memory, "");
    sandbox.check("recurse", FaultKind::Trap, "stack");
    sandbox.check("flood_findings", FaultKind::Memory, "");
    sandbox.check("flood_text", FaultKind::Output, "too much data");
    sandbox.check("survive_refusal", FaultKind::Trap, "the detector saw poison, refused: true");
    sandbox.check("lie_about_text", FaultKind::Answer, "utf-8");
    sandbox.check("lie_about_row", FaultKind::Answer, "does not exist");
    sandbox.check("lie_twice", FaultKind::Answer, "the trace has 1");
    sandbox.check("lie_about_rule", FaultKind::Trap, "unheard_of");
    sandbox.check("lie_about_confidence", FaultKind::Answer, "confidence");
    sandbox.check("say_nothing", FaultKind::Answer, "without a span");
}

/// Scenario: a detector fails on most of 400 traces, on one thread and on two. Guarantees: it is given up after the
/// same trace, every trace is accounted for, and what it said of earlier ones stands.
#[test]
fn giving_up_does_not_depend_on_threads() {
    let sandbox = Sandbox::new();
    let mut texts = Texts::default();
    let mut traces = Vec::new();
    for _ in 0..25 {
        let mut more = traces_with(&mut texts, |trace| trace % 4 != 0);
        traces.append(&mut more);
    }
    let texts = Arc::new(texts);
    let settings = vec![("mode".to_owned(), SettingValue::Text("panic".to_owned()))];
    let plugin = sandbox.plugin.clone();
    let detectors = [Detector { id: "bad".to_owned(), plugin, settings, limits: Limits::default() }];
    let run = |threads| {
        let detection = ticking(&sandbox.engine, || {
            detect::detect(&sandbox.engine, &detectors, &traces, &texts, threads)
        });
        let Detection { mut findings, runs } = detection.unwrap();
        findings.sort_by_key(|finding| finding.raw.trace);
        let found: Vec<usize> = findings.iter().map(|finding| finding.raw.trace).collect();
        let set_aside: Vec<usize> = runs[0].set_aside.iter().map(|(trace, _)| *trace).collect();
        assert_eq!(runs[0].findings, found.len() as u64);
        (found, set_aside)
    };
    let (found, set_aside) = run(1);
    let mut all: Vec<usize> = found.iter().chain(&set_aside).copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..traces.len()).collect::<Vec<_>>(), "every trace once");
    assert!(!found.is_empty() && found.len() < 25, "{found:?}");
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), (found.clone(), set_aside.clone()), "{threads} threads");
    }
}

/// Scenario: a detector behaves, or only talks much. Guarantees: all its findings arrive.
#[test]
fn talking_is_no_fault() {
    let sandbox = Sandbox::new();
    for mode in ["behave", "flood_log"] {
        let outcome = sandbox.run(mode);
        assert!(outcome.set_aside.is_empty(), "{mode}: {:?}", outcome.set_aside);
        assert_eq!(outcome.findings.len(), TRACES as usize, "{mode}");
    }
}

/// Scenario: a detector may have less memory than it needs to start.
/// Guarantees: every trace is set aside, and memory is named as the reason.
#[test]
fn too_little_memory_to_start_is_named() {
    let outcome = Sandbox::new().run_within(Limits { memory_bytes: 1 << 16, ..Limits::DEFAULT }, "behave");
    assert_eq!(outcome.set_aside.len(), TRACES as usize);
    let (_, fault) = &outcome.set_aside[0];
    assert_eq!(fault.kind, FaultKind::Memory, "{fault}");
    assert!(fault.message.contains("memory limits"), "{fault}");
}

/// Scenario: a detector talks much, in its log or in its evidence.
/// Guarantees: what is left out of that is counted.
#[test]
fn what_is_cut_is_counted() {
    let sandbox = Sandbox::new();
    let losses = |mode| sandbox.run(mode).losses.iter().collect::<Vec<_>>();
    assert_eq!(losses("behave"), []);
    assert_eq!(losses("flood_log"), [("plugin_log_messages_dropped", 100_000 - 64)]);
    assert_eq!(losses("flood_evidence"), [("plugin_evidence_dropped", 8), ("plugin_texts_cut", 32)]);
}

/// Scenario: the findings of a run take more memory than they may, on one thread and on several.
/// Guarantees: the detector is given up after the batch with which they do; the traces after it are set aside with
/// the reason, whoever came to them first.
#[test]
fn the_findings_of_a_run_have_a_limit() {
    let Sandbox { engine, plugin, .. } = Sandbox::new();
    let mut texts = Texts::default();
    let traces: Vec<SealedTrace> = (0..20).flat_map(|_| traces(&mut texts)).collect();
    let texts = Arc::new(texts);
    let limits = Limits { run_bytes: 10_000, ..Limits::DEFAULT };
    let settings = vec![("mode".to_owned(), SettingValue::Text("behave".to_owned()))];
    let detectors = [Detector { id: "misbehaving".to_owned(), plugin, settings, limits }];
    for threads in [1, 4] {
        let run = || detect::detect(&engine, &detectors, &traces, &texts, threads).unwrap();
        let Detection { findings, runs } = ticking(&engine, run);
        let [run] = &runs[..] else { panic!("{runs:?}") };
        assert_eq!(findings.len() + run.set_aside.len(), traces.len(), "{threads}");
        assert_eq!(findings.len(), 64, "{threads}");
        let aside = |(trace, fault): &(usize, Arc<Fault>)| *trace >= 64 && fault.kind == FaultKind::Output;
        assert!(run.set_aside.iter().all(aside), "{run:?}");
    }
}

/// Scenario: an endless loop, with a second to run. Guarantees: it ends after that second and less than half of another
/// one. A machine that does something else meanwhile gets three chances.
#[test]
fn an_endless_loop_ends_in_time() {
    let sandbox = Sandbox::new();
    let one = &sandbox.traces[POISONED..=POISONED];
    let settings = vec![("mode".to_owned(), SettingValue::Text("spin".to_owned()))];
    let limits = Limits { call_ms: 1_000, ..Limits::DEFAULT };
    let mut worker = Worker::new(&sandbox.engine, &sandbox.plugin, settings, limits).unwrap();
    let mut took = || {
        let started = Instant::now();
        let batch = Batch::of(one).into();
        let outcome = ticking(&sandbox.engine, || worker.detect(one, &batch, &sandbox.texts, 1));
        assert_eq!(outcome.set_aside[0].1.kind, FaultKind::Deadline);
        started.elapsed()
    };
    let times = [took(), took(), took()];
    assert!(times.iter().all(|time| *time >= Duration::from_millis(1_000)), "{times:?}");
    assert!(times.iter().any(|time| *time <= Duration::from_millis(1_500)), "{times:?}");
}

/// Scenario: a detector that takes all the memory it gets. Guarantees: what it got is what the limit says, to a page.
#[test]
fn memory_ends_at_the_limit() {
    let sandbox = Sandbox::new();
    for mib in [4, 32] {
        let limits = Limits { memory_bytes: mib << 20, ..Limits::DEFAULT };
        let outcome = sandbox.run_within(limits, "allocate");
        assert_eq!(outcome.set_aside[0].1.kind, FaultKind::Memory, "{mib}");
        let got = outcome.memory_bytes as usize;
        assert!((limits.memory_bytes / 2..=limits.memory_bytes).contains(&got), "{mib}: {got}");
    }
}

/// Scenario: a finding names rows of two traces. Guarantees: it is refused while the traces share a batch.
#[test]
fn a_finding_is_about_one_trace() {
    let outcome = Sandbox::new().run("lie_about_trace");
    assert!(outcome.set_aside.iter().all(|(_, fault)| fault.kind == FaultKind::Answer));
    assert!(outcome.findings.iter().all(|finding| finding.rows == [0]));
}

/// Scenario: a detector that panics, or never ends, when it is asked what it is.
/// Guarantees: the build of it fails, in a limited time, and says why.
#[test]
fn a_manifest_that_cannot_be_had_is_an_error() {
    let module = std::fs::read(module()).unwrap();
    for (behaviour, reason) in
        [(b"describing: pell", "the detector cannot describe itself"), (b"describing: sell", "interrupt")]
    {
        let module = replace(&module, b"describing: well", behaviour);
        let error = tracewatt_build::componentize("misbehaving", &module).unwrap_err();
        let message = std::error::Error::source(&error).unwrap().to_string();
        assert!(message.starts_with("its manifest cannot be read") && message.contains(reason), "{message}");
    }
}

/// Scenario: components that are none, or want more than they may. Guarantees: refused before anything runs, by name.
#[test]
fn what_is_no_plugin_is_refused() {
    let engine = engine().unwrap();
    let refused = |bytes: &[u8]| match Plugin::load(&engine, bytes, None) {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error,
    };
    assert!(matches!(refused(b"hello"), PluginError::NotAComponent(_)));
    assert!(matches!(refused(b"\0asm\x01\0\0\0"), PluginError::NotAComponent(_)));
    assert!(matches!(refused(b"\0asm\x0d\0\x01\0"), PluginError::World(_)));
    let component = component();
    for cut in [9, 100, component.len() / 2] {
        refused(&component[..cut]);
    }
    assert!(imports(&component).unwrap().iter().all(|name| name.starts_with("tracewatt:plugin/")));
    let other = replace(&component, b"tracewatt:plugin/spans@0.1.0", b"tracewatt:plugin/spans@0.2.0");
    let error = refused(&other);
    assert!(matches!(&error, PluginError::Version { found } if found == "0.2.0"), "{error}");
    let greedy = replace(&component, b"tracewatt:plugin/spans@0.1.0", b"wasixxxxxx:random/rand@0.1.0");
    let error = refused(&greedy);
    assert!(matches!(&error, PluginError::Import(name) if name.contains("random")), "{error}");
}

/// Replaces a text by one of the same length.
fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = out[at..].windows(from.len()).position(|window| window == from) {
        out[at + found..at + found + from.len()].copy_from_slice(to);
        at += found + from.len();
    }
    out
}
