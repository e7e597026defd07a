//! What the sandbox costs: the stock detectors as components against the same code compiled for this machine, on the
//! same batches, in one process. Only the ratio is looked at, of the best of many runs of each, and the bound is far
//! above what is measured (docs/performance.md): it is there to notice a boundary that has become slow.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what went wrong by failing")]

use std::time::{Duration, Instant};
use tracewatt::stock::STOCK;
use tracewatt_core::detect::complete;
use tracewatt_core::plugin::{Limits, Worker, engine, ticking};
use tracewatt_core::trace::{SealedTrace, SharedBatch};
use tracewatt_tests::made::{batches, traces};
use tracewatt_tests::native::native;

const SPANS: u64 = 20_000;
const RUNS: usize = 30;
/// Highest ratio of the times of all detectors together.
const BOUND: f64 = 4.0;

#[test]
fn detectors_in_the_sandbox_are_nearly_as_fast_as_outside() {
    let (traces, texts) = traces(SPANS);
    let batches = batches(&traces);
    let engine = engine().unwrap();
    let (mut inside, mut outside) = (Duration::ZERO, Duration::ZERO);
    for stock in STOCK {
        let plugin = stock.load(&engine).unwrap();
        let settings = complete(&plugin.manifest, &Default::default());
        let mut worker = Worker::new(&engine, &plugin, settings, Limits::default()).unwrap();
        let mut native = native(stock.id, &texts);
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
