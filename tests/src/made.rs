//! Made-up traces as tests and benchmarks use them, from bytes to batches.

#![allow(clippy::expect_used, reason = "what is made here can be read")]

use std::sync::Arc;
use tracewatt::bench::write_synthetic;
use tracewatt::ingest::{self, ReadLimits, SpanSink, Thread};
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::{Batch, IdTable, SealedTrace, SharedBatch, Texts};
use tracewatt_core::window::{Window, WindowOptions};

/// Traces in a batch, as many as the host takes.
pub const TRACES_PER_BATCH: usize = 64;

/// Returns OTLP JSON lines with at least so many spans.
pub fn json(spans: u64) -> Vec<u8> {
    let mut input = Vec::new();
    write_synthetic(spans, &mut input).expect("memory can be written to");
    input
}

/// Decodes an input in one thread.
pub fn decode(input: &[u8], sink: &mut (dyn SpanSink + Send)) {
    let mut threads = [Thread { ids: IdTable::default(), losses: Losses::default(), sink }];
    ingest::read("made", input, &ReadLimits::default(), &[], &mut threads).expect("the input is one");
}

/// Returns traces with at least so many spans, and their texts.
pub fn traces(spans: u64) -> (Vec<SealedTrace>, Arc<Texts>) {
    let mut texts = Texts::default();
    let mut mapper = Mapper::new(MapOptions::default(), texts.handle());
    let mut window = Window::new(WindowOptions::default());
    let (mut coverage, mut losses) = (CoverageTable::default(), Losses::default());
    let mut sink = |span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str| {
        window.push(mapper.map(span, resource, scope, &mut coverage, &mut losses));
    };
    decode(&json(spans), &mut sink);
    (window.seal(&mut texts, &mut Losses::default()), Arc::new(texts))
}

/// Returns the batches of traces, each with its traces.
pub fn batches(traces: &[SealedTrace]) -> Vec<(&[SealedTrace], SharedBatch)> {
    traces.chunks(TRACES_PER_BATCH).map(|traces| (traces, Batch::of(traces).into())).collect()
}
