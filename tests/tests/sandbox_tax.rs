//! What the sandbox costs: the stock detectors as components against the same code compiled for this machine, on the
//! same batches, in one process. Only the ratio is looked at, of the best of many runs of each, and the bound is far
//! above what is measured (docs/performance.md): it is there to notice a boundary that has become slow.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};
use tracewatt::bench::write_synthetic;
use tracewatt::ingest::{self, ReadLimits, Thread};
use tracewatt::stock::STOCK;
use tracewatt_core::detect::complete;
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::{Limits, Worker, engine, ticking};
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::{Batch, IdTable, SealedTrace, SharedBatch, TextId, Texts};
use tracewatt_core::window::{Window, WindowOptions};
use tracewatt_sdk::{Columns, Detector, SettingsSpec};

const SPANS: u64 = 20_000;
const TRACES_PER_BATCH: usize = 64;
const RUNS: usize = 30;
/// Highest ratio of the times of all detectors together.
const BOUND: f64 = 4.0;

/// A batch of the host, read without a sandbox.
struct Native(SharedBatch, Arc<Texts>);

macro_rules! columns {
    ($($column:ident $function:literal $element:ty,)*) => {
        impl Columns for Native {
            $(fn $column(&self) -> Vec<$element> {
                self.0.$column.to_vec()
            })*

            fn epoch(&self) -> u32 {
                1
            }

            fn text(&self, id: u32) -> String {
                self.1.get(TextId(id)).to_owned()
            }
        }
    };
}
tracewatt_core::with_columns!(columns);

fn traces() -> (Vec<SealedTrace>, Arc<Texts>) {
    let mut input = Vec::new();
    write_synthetic(SPANS, &mut input).unwrap();
    let mut texts = Texts::default();
    let mut mapper = Mapper::new(MapOptions::default(), texts.handle());
    let mut window = Window::new(WindowOptions::default());
    let (mut coverage, mut losses) = (CoverageTable::default(), Losses::default());
    let mut sink = |span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str| {
        window.push(mapper.map(span, resource, scope, &mut coverage, &mut losses));
    };
    let mut threads = [Thread { ids: IdTable::default(), losses: Losses::default(), sink: &mut sink }];
    ingest::read("made", &input[..], &ReadLimits::default(), &[], &mut threads).unwrap();
    (window.seal(&mut texts, &mut Losses::default()), Arc::new(texts))
}

/// A detector, compiled for this machine, as a function from a batch to the number of its findings.
fn native<D: Detector>(texts: &Arc<Texts>) -> Box<dyn FnMut(&SharedBatch) -> usize> {
    let defaults =
        D::Settings::settings().into_iter().map(|setting| (setting.name, setting.default)).collect();
    let mut detector = D::new(D::Settings::read(defaults).unwrap());
    let texts = texts.clone();
    Box::new(move |batch| {
        let mut findings = Vec::new();
        let batch = tracewatt_sdk::Batch::new(Box::new(Native(batch.clone(), texts.clone())));
        detector.detect(&batch, &mut findings);
        findings.len()
    })
}

#[test]
fn detectors_in_the_sandbox_are_nearly_as_fast_as_outside() {
    let (traces, texts) = traces();
    let batches: Vec<(&[SealedTrace], SharedBatch)> =
        traces.chunks(TRACES_PER_BATCH).map(|traces| (traces, Batch::of(traces).into())).collect();
    let engine = engine().unwrap();
    let (mut inside, mut outside) = (Duration::ZERO, Duration::ZERO);
    for stock in STOCK {
        let plugin = stock.load(&engine).unwrap();
        let settings = complete(&plugin.manifest, &Default::default());
        let mut worker = Worker::new(&engine, &plugin, settings, Limits::default()).unwrap();
        let mut native = match stock.id {
            "chatty" => native::<chatty::Chatty>(&texts),
            "fanout" => native::<fanout::Fanout>(&texts),
            "n_plus_one" => native::<n_plus_one::NPlusOne>(&texts),
            "pool_saturation" => native::<pool_saturation::PoolSaturation>(&texts),
            "redundant" => native::<redundant::Redundant>(&texts),
            "serialized" => native::<serialized::Serialized>(&texts),
            "slow" => native::<slow::Slow>(&texts),
            other => panic!("{other} is a stock detector without its like here"),
        };
        let (mut best, mut found) = ([Duration::MAX; 2], [0; 2]);
        ticking(&engine, || {
            for _ in 0..RUNS {
                let started = Instant::now();
                let detect = |(traces, batch): &(&[SealedTrace], SharedBatch)| {
                    worker.detect(traces, batch, &texts, 1).findings.len()
                };
                found[0] = batches.iter().map(detect).sum::<usize>();
                best[0] = best[0].min(started.elapsed());
                let started = Instant::now();
                found[1] = batches.iter().map(|(_, batch)| native(batch)).sum::<usize>();
                best[1] = best[1].min(started.elapsed());
            }
        });
        assert_eq!(found[0], found[1], "{}: findings inside and outside", stock.id);
        let per_span = |time: Duration| time.as_nanos() as f64 / SPANS as f64;
        println!(
            "{}: {:.0} ns per span inside, {:.0} outside",
            stock.id,
            per_span(best[0]),
            per_span(best[1])
        );
        inside += best[0];
        outside += best[1];
    }
    let ratio = inside.as_secs_f64() / outside.as_secs_f64();
    println!("all: {ratio:.2} times the time outside");
    assert!(ratio < BOUND, "the sandbox takes {ratio:.2} times as long");
}
