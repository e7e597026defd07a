//! Decoding, and mapping what was decoded. Items are spans.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that lacks what it needs fails")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use opentelemetry_proto::tonic::common::v1::any_value::Value::{IntValue, StringValue};
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use serde_json::Value;
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::Texts;
use tracewatt_tests::made::{decode, json};

const SPANS: u64 = 5_000;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 30)]
fn decode_json(bencher: Bencher<'_, '_>) {
    bench_decode(bencher, &json(SPANS));
}

#[divan::bench(sample_count = 30)]
fn decode_protobuf(bencher: Bencher<'_, '_>) {
    bench_decode(bencher, &protobuf(&json(SPANS)));
}

fn bench_decode(bencher: Bencher<'_, '_>, input: &[u8]) {
    let mut spans = 0u64;
    decode(input, &mut |_: &RawSpan<'_>, _: &AttrSet<'_>, _: &str| spans += 1);
    assert!(spans >= SPANS, "{spans} spans");
    bencher.counter(ItemsCount::new(spans)).counter(BytesCount::of_slice(input)).bench_local(|| {
        decode(black_box(input), &mut |span: &RawSpan<'_>, _: &AttrSet<'_>, _: &str| {
            black_box(span);
        });
    });
}

/// Attributes to spans with kind, template and parameters, by a mapper that has seen such spans before.
#[divan::bench(sample_count = 30)]
fn map(bencher: Bencher<'_, '_>) {
    let decoded = decoded();
    let mut mapper = Mapper::new(MapOptions::default(), Texts::default());
    bencher.counter(ItemsCount::new(decoded.len())).bench_local(|| map_all(&mut mapper, &decoded));
}

/// The same by a mapper that remembers nothing yet.
#[divan::bench(sample_count = 30)]
fn map_first(bencher: Bencher<'_, '_>) {
    let decoded = decoded();
    bencher
        .counter(ItemsCount::new(decoded.len()))
        .with_inputs(|| Mapper::new(MapOptions::default(), Texts::default()))
        .bench_local_values(|mut mapper| {
            map_all(&mut mapper, &decoded);
            mapper
        });
}

/// A span with its resource and scope.
type Decoded = (RawSpan<'static>, AttrSet<'static>, String);

fn decoded() -> Vec<Decoded> {
    let mut decoded = Vec::new();
    decode(&json(SPANS), &mut |span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str| {
        decoded.push((span.clone().into_owned(), resource.clone().into_owned(), scope.to_owned()));
    });
    decoded
}

fn map_all(mapper: &mut Mapper, decoded: &[Decoded]) {
    let (mut coverage, mut losses) = (CoverageTable::default(), Losses::default());
    for (span, resource, scope) in decoded {
        black_box(mapper.map(black_box(span), resource, scope, &mut coverage, &mut losses));
    }
}

/// The same spans as one protobuf message per line.
fn protobuf(lines: &[u8]) -> Vec<u8> {
    let mut message = TracesData::default();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_slice(line).unwrap();
        message.resource_spans.extend(list(&line["resourceSpans"], |resource| ResourceSpans {
            resource: Some(Resource { attributes: pairs(&resource["resource"]), ..Resource::default() }),
            scope_spans: list(&resource["scopeSpans"], |scope| ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: text(&scope["scope"]["name"]),
                    version: text(&scope["scope"]["version"]),
                    ..InstrumentationScope::default()
                }),
                spans: list(&scope["spans"], span),
                ..ScopeSpans::default()
            }),
            ..ResourceSpans::default()
        }));
    }
    message.encode_to_vec()
}

fn span(span: &Value) -> Span {
    Span {
        trace_id: id(&span["traceId"]),
        span_id: id(&span["spanId"]),
        parent_span_id: id(&span["parentSpanId"]),
        name: text(&span["name"]),
        kind: i32::try_from(span["kind"].as_i64().unwrap()).unwrap(),
        start_time_unix_nano: text(&span["startTimeUnixNano"]).parse().unwrap(),
        end_time_unix_nano: text(&span["endTimeUnixNano"]).parse().unwrap(),
        attributes: pairs(span),
        ..Span::default()
    }
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(item).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn id(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn pairs(holder: &Value) -> Vec<KeyValue> {
    list(&holder["attributes"], |pair| {
        let value = match &pair["value"]["intValue"] {
            Value::Null => StringValue(text(&pair["value"]["stringValue"])),
            int => {
                IntValue(int.as_i64().or_else(|| int.as_str().and_then(|text| text.parse().ok())).unwrap())
            }
        };
        KeyValue {
            key: text(&pair["key"]),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    })
}
