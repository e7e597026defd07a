//! The memory of an instance as the system sees it, in a process that does nothing else.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::{FaultKind, Limits, Plugin, SettingValue, Worker, engine, ticking};
use tracewatt_core::trace::{Batch, IoKind, Span, SpanId, Texts, TraceId};
use tracewatt_core::window::{Window, WindowOptions};
use tracewatt_tests::{profile_folder, workspace};

const MIB: usize = 1 << 20;

/// A figure of this process in bytes: `VmRSS`, resident now; `VmHWM`, the most that was.
fn memory(figure: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() * 1024
}

/// Makes what is resident now the most that was.
fn forget_the_most() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Scenario: a plug-in that takes and writes to all the memory it can get, under two limits. Guarantees: it fails, and
/// the process takes no more than the limit and a MiB while it does.
#[test]
fn an_instance_takes_no_more_than_its_limit() {
    let target = profile_folder().parent().unwrap().join("plugins");
    let name = "misbehaving".to_owned();
    let modules = tracewatt_build::compile(&workspace(), std::slice::from_ref(&name), &target).unwrap();
    let component = tracewatt_build::componentize_file(&name, &modules[0]).unwrap();
    let engine = engine().unwrap();
    let plugin = Plugin::load(&engine, &component, None).unwrap();
    let (mut texts, mut window) = (Texts::default(), Window::new(WindowOptions::default()));
    window.push(Span {
        trace: TraceId(1),
        id: SpanId(1),
        kind: IoKind::Sql,
        template: texts.intern("SELECT poison"),
        batch_size: 1,
        ..Span::default()
    });
    let traces = window.seal(&mut texts, &mut Losses::default());
    let (texts, batch) = (Arc::new(texts), Batch::of(&traces).into());
    let fail = |limit: usize| {
        let settings = vec![("mode".to_owned(), SettingValue::Text("allocate".to_owned()))];
        let limits = Limits { memory_bytes: limit, call_ms: 60_000, ..Limits::DEFAULT };
        let mut worker = Worker::new(&engine, &plugin, settings, limits).unwrap();
        let outcome = ticking(&engine, || worker.detect(&traces, &batch, &texts, 1));
        assert_eq!(outcome.set_aside[0].1.kind, FaultKind::Memory);
    };
    // What is made once is not the instance's.
    fail(4 * MIB);
    for limit in [32 * MIB, 256 * MIB] {
        forget_the_most();
        let before = memory("VmRSS");
        fail(limit);
        let took = memory("VmHWM").saturating_sub(before);
        assert!((limit - 4 * MIB..=limit + MIB).contains(&took), "{took} bytes of {limit}");
    }
}
