//! Batches: made of traces, handed over to a plug-in that does next to nothing, and judged by each stock detector in
//! the sandbox and, the same code, outside. Items are spans; all on the same batches.

#![allow(clippy::unwrap_used, reason = "a benchmark that lacks what it needs fails")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use std::collections::BTreeMap;
use std::sync::Arc;
use tracewatt::stock::STOCK;
use tracewatt_core::detect::complete;
use tracewatt_core::plugin::{Engine, Limits, Plugin, SettingValue, Worker, engine};
use tracewatt_core::trace::{Batch, SealedTrace, SharedBatch, Texts};
use tracewatt_tests::made::{TRACES_PER_BATCH, batches, traces};
use tracewatt_tests::native::native;
use tracewatt_tests::{profile_folder, workspace};

const SPANS: u64 = 20_000;

fn main() {
    divan::main();
}

fn stock() -> impl Iterator<Item = &'static str> {
    STOCK.iter().map(|stock| stock.id)
}

/// Traces into columns.
#[divan::bench(sample_count = 30)]
fn columns(bencher: Bencher<'_, '_>) {
    let (traces, _) = traces(SPANS);
    bencher.counter(spans(&batches(&traces))).bench_local(|| {
        for traces in traces.chunks(TRACES_PER_BATCH) {
            black_box(Batch::of(black_box(traces)));
        }
    });
}

/// Batches handed over to a plug-in that fetches one column and finds nothing.
#[divan::bench(sample_count = 30)]
fn handed_over(bencher: Bencher<'_, '_>) {
    bench_fixture(bencher, "look_away");
}

/// The same with one finding per trace: what answers cost.
#[divan::bench(sample_count = 30)]
fn answered(bencher: Bencher<'_, '_>) {
    bench_fixture(bencher, "behave");
}

fn bench_fixture(bencher: Bencher<'_, '_>, mode: &str) {
    let target = profile_folder().parent().unwrap().join("plugins");
    let module =
        tracewatt_build::compile(&workspace(), &["misbehaving".to_owned()], &target).unwrap().remove(0);
    let component = tracewatt_build::componentize_file("misbehaving", &module).unwrap();
    let settings = BTreeMap::from([("mode".to_owned(), SettingValue::Text(mode.to_owned()))]);
    bench_sandboxed(bencher, &settings, |engine| Plugin::load(engine, &component, None).unwrap());
}

#[divan::bench(args = stock(), sample_count = 30)]
fn sandboxed(bencher: Bencher<'_, '_>, id: &str) {
    let stock = STOCK.iter().find(|stock| stock.id == id).unwrap();
    bench_sandboxed(bencher, &BTreeMap::new(), |engine| stock.load(engine).unwrap());
}

fn bench_sandboxed(
    bencher: Bencher<'_, '_>,
    settings: &BTreeMap<String, SettingValue>,
    plugin: impl FnOnce(&Engine) -> Plugin,
) {
    let (traces, texts) = traces(SPANS);
    let batches = batches(&traces);
    let engine = engine().unwrap();
    let plugin = plugin(&engine);
    let settings = complete(&plugin.manifest, settings);
    let mut worker = Worker::new(&engine, &plugin, settings, Limits::default()).unwrap();
    let mut detect = |traces: &[SealedTrace], batch: &SharedBatch, texts: &Arc<Texts>| {
        let outcome = worker.detect(traces, batch, texts, 1);
        assert!(outcome.set_aside.is_empty(), "a fault is no measurement");
        outcome.findings.len()
    };
    bencher
        .counter(spans(&batches))
        .bench_local(|| batches.iter().map(|(traces, batch)| detect(traces, batch, &texts)).sum::<usize>());
}

#[divan::bench(args = stock(), sample_count = 30)]
fn outside(bencher: Bencher<'_, '_>, id: &str) {
    let (traces, texts) = traces(SPANS);
    let batches = batches(&traces);
    let mut native = native(id, &texts);
    bencher
        .counter(spans(&batches))
        .bench_local(|| batches.iter().map(|(_, batch)| native(batch)).sum::<usize>());
}

fn spans(batches: &[(&[SealedTrace], SharedBatch)]) -> ItemsCount {
    ItemsCount::new(batches.iter().map(|(_, batch)| u64::from(batch.spans())).sum::<u64>())
}
