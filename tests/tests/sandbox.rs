//! What a detector can do to the host: nothing. One component that misbehaves in many ways, called directly.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::{
    EPOCH_TICK_MS, Engine, FaultKind, Limits, Outcome, Plugin, PluginError, SettingValue, Worker, engine,
    imports,
};
use tracewatt_core::trace::{Batch, IoKind, SealedTrace, Span, SpanId, Texts, TraceId};
use tracewatt_core::window::{Window, WindowOptions};

const TRACES: u32 = 16;
const POISONED: usize = 5;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn component() -> Vec<u8> {
    let exe = std::env::current_exe().unwrap();
    let target: PathBuf = exe.ancestors().nth(3).unwrap().join("plugins");
    let modules = tracewatt_build::compile(workspace(), &["misbehaving".to_owned()], &target).unwrap();
    tracewatt_build::componentize_file("misbehaving", &modules[0]).unwrap()
}

/// Traces of one statement each; the one at [`POISONED`] holds the word that makes the detector misbehave.
fn traces(texts: &mut Texts) -> Vec<SealedTrace> {
    let mut window = Window::new(WindowOptions::default());
    for trace in 0..TRACES {
        let template = if trace as usize == POISONED { "SELECT poison" } else { "SELECT ?" };
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
        let limits = Limits { memory_bytes: 64 << 20, call_ms: 200, findings: 1_000, answer_bytes: 8 << 20 };
        let settings = vec![("mode".to_owned(), SettingValue::Text(mode.to_owned()))];
        let mut worker = Worker::new(&self.engine, &self.plugin, settings, limits).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(EPOCH_TICK_MS));
                    self.engine.increment_epoch();
                }
            });
            let outcome = worker.detect(&self.traces, &Batch::of(&self.traces).into(), &self.texts, 1);
            done.store(true, Ordering::Relaxed);
            outcome
        })
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
    sandbox.check("lie_about_row", FaultKind::Answer, "does not exist");
    sandbox.check("lie_twice", FaultKind::Answer, "the trace has 1");
    sandbox.check("lie_about_rule", FaultKind::Trap, "unheard_of");
    sandbox.check("lie_about_confidence", FaultKind::Answer, "confidence");
    sandbox.check("say_nothing", FaultKind::Answer, "without a span");
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

/// Scenario: a finding names rows of two traces. Guarantees: it is refused while the traces share a batch.
#[test]
fn a_finding_is_about_one_trace() {
    let outcome = Sandbox::new().run("lie_about_trace");
    assert!(outcome.set_aside.iter().all(|(_, fault)| fault.kind == FaultKind::Answer));
    assert!(outcome.findings.iter().all(|finding| finding.rows == [0]));
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
