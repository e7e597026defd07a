//! One trace, written in several formats, comes out the same, apart from what a format cannot carry.

use super::*;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status as ProtoStatus, TracesData,
};
use prost::Message;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

fn attribute(key: &str, value: ProtoValue) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, ProtoValue::StringValue(value.into()))
}

fn span(id: u64, parent: u64, kind: i32, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: TRACE.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: format!("span {id}"),
        kind,
        start_time_unix_nano: 1_700_000_000_000_000_000 + id * 1_000_000,
        end_time_unix_nano: 1_700_000_000_000_500_000 + id * 1_000_000,
        attributes,
        ..Span::default()
    }
}

/// A server span, a statement that failed, and a request with a number among its attributes.
fn trace() -> TracesData {
    let failed = Some(ProtoStatus { code: 2, message: "no".into() });
    let statement = vec![text("db.system.name", "postgresql"), text("db.query.text", "SELECT 'é' -- \"x\"")];
    let request = vec![
        text("http.request.method", "GET"),
        text("url.full", "http://stock/1"),
        attribute("http.response.status_code", ProtoValue::IntValue(503)),
    ];
    let spans = vec![
        span(0x11, 0, 2, vec![text("http.route", "/orders/{id}")]),
        Span { status: failed, ..span(0x12, 0x11, 3, statement) },
        span(0x13, 0x11, 3, request),
    ];
    let scope = Some(InstrumentationScope { name: "shop.lib".into(), ..InstrumentationScope::default() });
    let resource = Resource { attributes: vec![text("service.name", "shop")], ..Resource::default() };
    TracesData {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { scope, spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn value_of(pair: &KeyValue) -> String {
    match pair.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(ProtoValue::StringValue(text)) => quote(text),
        Some(ProtoValue::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn spans(trace: &TracesData) -> &[Span] {
    &trace.resource_spans[0].scope_spans[0].spans
}

fn join(spans: &[Span], write: impl Fn(&Span) -> String) -> String {
    spans.iter().map(write).collect::<Vec<_>>().join(",")
}

fn otlp_json(trace: &TracesData) -> String {
    let spans = join(spans(trace), |span| {
        let attributes = span.attributes.iter().map(|pair| {
            let value = value_of(pair);
            let kind = if value.starts_with('"') { "stringValue" } else { "intValue" };
            format!(r#"{{"key":"{}","value":{{"{kind}":{value}}}}}"#, pair.key)
        });
        format!(
            r#"{{"traceId":"{}","spanId":"{}","parentSpanId":"{}","name":"{}","kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":[{}],"status":{{"code":{}}}}}"#,
            hex(&span.trace_id),
            hex(&span.span_id),
            hex(&span.parent_span_id),
            span.name,
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            attributes.collect::<Vec<_>>().join(","),
            span.status.as_ref().map_or(0, |status| status.code),
        )
    });
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"scope":{{"name":"shop.lib"}},"spans":[{spans}]}}]}}]}}"#
    )
}

fn kind(span: &Span) -> &'static str {
    ["", "INTERNAL", "SERVER", "CLIENT"][span.kind as usize]
}

fn jaeger(trace: &TracesData) -> String {
    let spans = join(spans(trace), |span| {
        let mut tags: Vec<_> = span
            .attributes
            .iter()
            .map(|pair| format!(r#"{{"key":"{}","value":{}}}"#, pair.key, value_of(pair)))
            .collect();
        tags.push(format!(r#"{{"key":"span.kind","value":"{}"}}"#, kind(span).to_lowercase()));
        tags.push(r#"{"key":"otel.scope.name","value":"shop.lib"}"#.to_owned());
        if span.status.is_some() {
            tags.push(r#"{"key":"error","type":"bool","value":true}"#.to_owned());
        }
        let reference = match hex(&span.parent_span_id) {
            none if none.is_empty() => String::new(),
            parent => {
                format!(r#"{{"refType":"CHILD_OF","traceID":"{}","spanID":"{parent}"}}"#, hex(&span.trace_id))
            }
        };
        format!(
            r#"{{"traceID":"{}","spanID":"{}","operationName":"{}","references":[{reference}],"startTime":{},"duration":500,"tags":[{}],"processID":"p1"}}"#,
            hex(&span.trace_id),
            hex(&span.span_id),
            span.name,
            span.start_time_unix_nano / 1000,
            tags.join(","),
        )
    });
    format!(
        r#"{{"data":[{{"traceID":"{TRACE:x}","spans":[{spans}],"processes":{{"p1":{{"serviceName":"shop"}}}}}}]}}"#
    )
}

fn zipkin(trace: &TracesData) -> String {
    let text = |value: String| if value.starts_with('"') { value } else { quote(&value) };
    let spans = join(spans(trace), |span| {
        let mut tags: Vec<_> = span
            .attributes
            .iter()
            .map(|pair| format!(r#""{}":{}"#, pair.key, text(value_of(pair))))
            .collect();
        tags.push(r#""otel.scope.name":"shop.lib""#.to_owned());
        if span.status.is_some() {
            tags.push(r#""error":"no""#.to_owned());
        }
        let parent = match hex(&span.parent_span_id) {
            none if none.is_empty() => String::new(),
            parent => format!(r#""parentId":"{parent}","#),
        };
        format!(
            r#"{{"traceId":"{}","id":"{}",{parent}"name":"{}","kind":"{}","timestamp":{},"duration":500,"localEndpoint":{{"serviceName":"shop"}},"tags":{{{}}}}}"#,
            hex(&span.trace_id),
            hex(&span.span_id),
            span.name,
            kind(span),
            span.start_time_unix_nano / 1000,
            tags.join(","),
        )
    });
    format!("[{spans}]")
}

#[test]
fn formats_agree() {
    let trace = trace();
    let expect = read(trace.encode_to_vec());
    assert_eq!(expect.spans.len(), 3, "{}", expect.error());
    assert_eq!(
        expect.lines()[2],
        "4bf92f3577b34da6a3ce929d0e0e4736/0000000000000013 <0000000000000011 span 19 Client \
         1700000000019000000+500000 http.request.method=GET http.response.status_code=503 url.full=http://stock/1 \
         | shop.lib @service.name=shop"
    );
    let inputs =
        [("otlp-json", otlp_json(&trace)), ("jaeger", jaeger(&trace)), ("zipkin-v2", zipkin(&trace))];
    for (format, input) in inputs {
        let got = read(&input);
        assert_eq!(got.spans, expect.spans, "{format}: {}", got.error());
        assert_eq!(got.reading().input.format, format);
    }
}

#[test]
fn protobuf_framings() {
    let message = trace().encode_to_vec();
    let long = {
        let mut long = trace();
        long.resource_spans.extend(trace().resource_spans);
        long.encode_to_vec()
    };
    let fixed = |message: &[u8]| [&(message.len() as u32).to_be_bytes()[..], message].concat();
    let varint = trace().encode_length_delimited_to_vec();
    let cases = [
        (message.clone(), 3),
        ([message.clone(), message.clone()].concat(), 6),
        (long.clone(), 6),
        (varint.clone(), 3),
        ([varint.clone(), varint.clone(), varint].concat(), 9),
        (fixed(&message), 3),
        ([fixed(&message), fixed(&long), fixed(&[])].concat(), 9),
    ];
    for (index, (input, spans)) in cases.into_iter().enumerate() {
        let got = read(&input);
        assert_eq!(got.spans.len(), spans, "case {index}: {}", got.error());
        assert_eq!(got.reading().input.truncated, None, "case {index}");
        // every cut gives the spans before it
        let mut most = 0;
        for end in (1..input.len()).step_by(7) {
            let got = read(&input[..end]);
            assert!(got.spans.len() <= spans);
            assert!(got.spans.len() >= most || got.reading.is_err(), "case {index} cut at {end}");
            most = most.max(got.spans.len());
        }
        assert!(most + 3 >= spans, "case {index}: {most} of {spans}");
    }
}

/// Protobuf writes a message in pieces if it likes: those of one field are one message.
#[test]
fn protobuf_joins_the_pieces_of_a_resource() {
    let region = vec![text("cloud.region", "eu-west-3")];
    let piece = ResourceSpans {
        resource: Some(Resource { attributes: region, ..Resource::default() }),
        ..ResourceSpans::default()
    };
    let joined = [piece.encode_to_vec(), trace().resource_spans[0].encode_to_vec()].concat();
    let mut message = vec![0x0a];
    prost::encode_length_delimiter(joined.len(), &mut message).unwrap();
    message.extend(joined);
    for input in [message.clone(), [trace().encode_to_vec(), message].concat()] {
        let got = read(input);
        let last = &got.spans.last().unwrap().resource;
        assert_eq!((&*last["service.name"], &*last["cloud.region"]), ("shop", "eu-west-3"));
    }
}

#[test]
fn protobuf_values_links_and_broken_messages() {
    let any = |value| AnyValue { value: Some(value) };
    let list = ArrayValue {
        values: vec![
            any(ProtoValue::IntValue(-1)),
            AnyValue::default(),
            any(ProtoValue::StringValue("a".into())),
        ],
    };
    let map = KeyValueList { values: vec![attribute("k", ProtoValue::DoubleValue(0.5))] };
    let mut data = trace();
    let span = &mut data.resource_spans[0].scope_spans[0].spans[0];
    span.attributes = vec![
        attribute("list", ProtoValue::ArrayValue(list)),
        attribute("map", ProtoValue::KvlistValue(map)),
        attribute("raw", ProtoValue::BytesValue(vec![1, 2])),
        attribute("tenant", ProtoValue::BoolValue(true)),
    ];
    span.links =
        vec![Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..Link::default() }, Link::default()];
    let got = read(data.encode_to_vec());
    let seen: Vec<_> = got.spans[0].attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(seen, ["list=[-1,null,\"a\"]", "map={\"k\":0.5}", "raw=AQI=", "tenant=true"]);
    assert_eq!(got.spans[0].links.len(), 1);
    assert_eq!(got.losses.get("links_without_id"), 1);

    let good = trace().encode_length_delimited_to_vec();
    let broken = [&[6][..], b"\x0a\x04\x12\x02\x12\x09"].concat();
    let got = read([good.clone(), broken, good].concat());
    assert_eq!((got.spans.len(), got.losses.get("messages_skipped")), (6, 1), "{}", got.error());
    assert_eq!(got.reading().warnings.len(), 1);
}
