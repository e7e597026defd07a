//! Faults, one after the other, in a process that does nothing else. Linux says how much memory it has.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::{Limits, Plugin, SettingValue, Worker, engine, ticking};
use tracewatt_core::trace::{Batch, IoKind, Span, SpanId, Texts, TraceId};
use tracewatt_core::window::{Window, WindowOptions};
use tracewatt_tests::{profile_folder, workspace};

/// Resident memory of this process, KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
}

/// Scenario: a thousand faults in a row, each of which drops an instance with a memory of its own. Guarantees: the last
/// nine hundred take no memory that stays; one instance alone has a MiB.
#[test]
fn a_thousand_faults_leave_nothing_behind() {
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
    let settings = vec![("mode".to_owned(), SettingValue::Text("panic".to_owned()))];
    let mut worker = Worker::new(&engine, &plugin, settings, Limits::DEFAULT).unwrap();
    let mut fail = |times: usize| {
        for _ in 0..times {
            let outcome = ticking(&engine, || worker.detect(&traces, &batch, &texts, 1));
            assert_eq!(outcome.set_aside.len(), 1);
        }
        resident_kib()
    };
    let (before, after) = (fail(100), fail(900));
    assert!(after < before + 8 * 1024, "{before} KiB, then {after} KiB");
}
