//! What each step costs by itself: `cargo bench`. For the steps in a row, and memory, there is `tracewatt bench`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a benchmark says what went wrong by failing"
)]

#[path = "../tests/native/mod.rs"]
mod native;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use std::borrow::Cow;
use tracewatt::bench::write_synthetic;
use tracewatt::ingest::{self, ReadLimits, Thread};
use tracewatt::stock::STOCK;
use tracewatt_core::detect::complete;
use tracewatt_core::loss::Losses;
use tracewatt_core::normalize::sql::{DEFAULT_LIMIT, Dialect, Statement};
use tracewatt_core::normalize::{Template, http};
use tracewatt_core::plugin::{Limits, Worker, engine, ticking};
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::{Batch, IdTable, SealedTrace, SharedBatch, Texts};

const SPANS: u64 = 20_000;
const TRACES_PER_BATCH: usize = 64;

fn main() {
    divan::main();
}

const STATEMENTS: [(Dialect, &str); 5] = [
    (
        Dialect::PostgreSql,
        "SELECT id, state FROM orders WHERE customer_id = 71818 AND state IN ('open', 'held')",
    ),
    (
        Dialect::MySql,
        "insert into `lines` (`order_id`, `sku`, `n`) values (7, 'A-1', 2), (7, 'B-2', 1) -- add",
    ),
    (
        Dialect::SqlServer,
        "UPDATE [dbo].[stock] SET [left] = [left] - @p1 WHERE [sku] = @p2 AND [left] >= @p1",
    ),
    (
        Dialect::PostgreSql,
        "select o1_0.id, o1_0.total, c1_0.name from orders o1_0 left join customers c1_0 on c1_0.id = o1_0.customer_id \
         where o1_0.created_at >= '2026-01-01' order by o1_0.created_at desc limit 50 offset 100",
    ),
    (
        Dialect::Oracle,
        "SELECT /*+ INDEX(o) */ NVL(SUM(o.total), 0) FROM orders o WHERE o.day BETWEEN :1 AND :2",
    ),
];

/// Lexer and template, nothing remembered.
#[divan::bench]
fn sql(bencher: Bencher<'_, '_>) {
    let bytes: usize = STATEMENTS.iter().map(|(_, text)| text.len()).sum();
    let mut statement = Statement::default();
    bencher.counter(ItemsCount::new(STATEMENTS.len())).counter(BytesCount::new(bytes)).bench_local(|| {
        for (dialect, text) in STATEMENTS {
            statement.normalize_into(dialect, black_box(text), DEFAULT_LIMIT);
            black_box(&statement.template);
        }
    });
}

#[divan::bench]
fn url(bencher: Bencher<'_, '_>) {
    const URLS: [&str; 3] = [
        "http://orders:8080/orders/71818",
        "https://api.example.com/v2/customers/8f14e45f-ceea-467f-a8d2-1c1f5b3f7d9a/orders?page=2&size=50",
        "/assets/app.3f2a9c.js",
    ];
    let mut out = Template::default();
    bencher.counter(ItemsCount::new(URLS.len())).bench_local(|| {
        for url in URLS {
            http::normalize("GET", black_box(url), None, &mut out);
            black_box(&out.text);
        }
    });
}

fn input() -> Vec<u8> {
    let mut input = Vec::new();
    write_synthetic(SPANS, &mut input).unwrap();
    input
}

/// Spans with what belongs to many of them, as a decoder lends them.
type Decoded = (RawSpan<'static>, AttrSet<'static>, String);

fn decoded() -> Vec<Decoded> {
    let mut spans = Vec::new();
    let mut sink = |span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str| {
        let RawSpan { trace, id, parent, role, role_stated, start_ns, end_ns, times_unknown, status, .. } =
            *span;
        let owned = RawSpan {
            name: Cow::Owned(span.name.clone().into_owned()),
            links: span.links.clone(),
            attributes: span.attributes.clone().into_owned(),
            ..RawSpan {
                trace,
                id,
                parent,
                role,
                role_stated,
                start_ns,
                end_ns,
                times_unknown,
                status,
                ..RawSpan::default()
            }
        };
        spans.push((owned, resource.clone().into_owned(), scope.to_owned()));
    };
    read(&input(), &mut sink);
    spans
}

fn read(input: &[u8], sink: &mut (dyn ingest::SpanSink + Send)) {
    let mut threads = [Thread { ids: IdTable::default(), losses: Losses::default(), sink }];
    ingest::read("made", input, &ReadLimits::default(), &[], &mut threads).unwrap();
}

#[divan::bench(sample_count = 20)]
fn decode_json(bencher: Bencher<'_, '_>) {
    let input = input();
    bencher.counter(ItemsCount::new(SPANS)).counter(BytesCount::new(input.len())).bench_local(|| {
        read(&input, &mut |span: &RawSpan<'_>, _: &AttrSet<'_>, _: &str| _ = black_box(span.id))
    });
}

/// A mapper that has seen spans of the same services before.
#[divan::bench(sample_count = 20)]
fn map(bencher: Bencher<'_, '_>) {
    let spans = decoded();
    let mut mapper = Mapper::new(MapOptions::default(), Texts::default());
    let (mut coverage, mut losses) = (CoverageTable::default(), Losses::default());
    bencher.counter(ItemsCount::new(spans.len())).bench_local(|| {
        for (span, resource, scope) in &spans {
            black_box(mapper.map(span, resource, scope, &mut coverage, &mut losses));
        }
    });
}

fn batches(traces: &[SealedTrace]) -> Vec<(&[SealedTrace], SharedBatch)> {
    traces.chunks(TRACES_PER_BATCH).map(|traces| (traces, Batch::of(traces).into())).collect()
}

/// Columns of sealed traces, as they are handed to plug-ins.
#[divan::bench(sample_count = 20)]
fn hand_over(bencher: Bencher<'_, '_>) {
    let (traces, _) = native::traces(SPANS);
    bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
        traces.chunks(TRACES_PER_BATCH).for_each(|traces| {
            black_box(SharedBatch::from(Batch::of(traces)));
        });
    });
}

fn ids() -> impl Iterator<Item = &'static str> {
    STOCK.iter().map(|stock| stock.id)
}

#[divan::bench(args = ids(), sample_count = 20)]
fn detector_native(bencher: Bencher<'_, '_>, id: &str) {
    let (traces, texts) = native::traces(SPANS);
    let batches = batches(&traces);
    let mut detect = native::detector(id, &texts);
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench_local(|| batches.iter().map(|(_, batch)| detect(batch)).sum::<usize>());
}

#[divan::bench(args = ids(), sample_count = 20)]
fn detector_sandboxed(bencher: Bencher<'_, '_>, id: &str) {
    let (traces, texts) = native::traces(SPANS);
    let batches = batches(&traces);
    let engine = engine().unwrap();
    let plugin = STOCK.iter().find(|stock| stock.id == id).unwrap().load(&engine).unwrap();
    let settings = complete(&plugin.manifest, &Default::default());
    let mut worker = Worker::new(&engine, &plugin, settings, Limits::default()).unwrap();
    ticking(&engine, || {
        bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
            let found = |(traces, batch): &(&[SealedTrace], SharedBatch)| {
                worker.detect(traces, batch, &texts, 1).findings.len()
            };
            batches.iter().map(found).sum::<usize>()
        });
    });
}
