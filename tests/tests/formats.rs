//! One trace in every format, and inputs that are none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::Stdio;
use tracewatt_tests::otlp::{MS, START_NS, Span, document, request};
use tracewatt_tests::program::{Outcome, Place, ids, list, types};

/// An N+1 over HTTP, redundant statements, and a slow one: what every format can carry.
fn spans() -> Vec<Span> {
    request(1, 0..19, |n| match n {
        0..9 => Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS),
        9..18 => Span::sql(1, 0, 0, "SELECT name FROM item WHERE id = 7").at(n * 2 * MS, MS),
        _ => Span::sql(1, 0, 0, "SELECT a FROM big").at(100 * MS, 60_000 * MS),
    })
}

const EXPECTED: [&str; 3] = ["n_plus_one_http", "redundant_sql", "slow_sql"];

fn start_us(span: &Span) -> u64 {
    (START_NS + span.start_ns) / 1000
}

fn role(span: &Span) -> &'static str {
    ["", "INTERNAL", "SERVER", "CLIENT"][usize::from(span.role)]
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The protobuf message, attribute by attribute.
fn protobuf() -> TracesData {
    use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Message};
    let pair = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(StringValue(value.to_owned())) }),
        ..KeyValue::default()
    };
    let message = |span: &Span| Message {
        trace_id: span.trace.to_be_bytes().to_vec(),
        span_id: span.id.to_be_bytes().to_vec(),
        parent_span_id: if span.parent == 0 { Vec::new() } else { span.parent.to_be_bytes().to_vec() },
        name: span.name.clone(),
        kind: span.role.into(),
        start_time_unix_nano: START_NS + span.start_ns,
        end_time_unix_nano: START_NS + span.start_ns + span.duration_ns,
        attributes: span.attributes.iter().map(|(key, value)| pair(key, &text(value))).collect(),
        ..Message::default()
    };
    let scope = InstrumentationScope { name: "test".to_owned(), ..InstrumentationScope::default() };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: spans().iter().map(message).collect(),
        ..ScopeSpans::default()
    };
    let resource = Resource { attributes: vec![pair("service.name", "shop")], ..Resource::default() };
    TracesData {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }],
    }
}

fn ndjson() -> Vec<u8> {
    let lines = spans().chunks(5).map(|part| format!("{}\n", document(part))).collect::<String>();
    lines.into_bytes()
}

fn jaeger() -> Vec<u8> {
    let spans = spans();
    let entries = spans.iter().map(|span| {
        let tags = span.attributes.iter().map(|(key, value)| json!({"key": key, "value": value}));
        let role = json!({"key": "span.kind", "value": role(span).to_lowercase()});
        let scope = json!({"key": "otel.scope.name", "value": span.scope});
        let parent = json!({"refType": "CHILD_OF", "traceID": span.trace_hex(), "spanID": format!("{:016x}", span.parent)});
        json!({
            "traceID": span.trace_hex(), "spanID": format!("{:016x}", span.id), "operationName": span.name,
            "references": if span.parent == 0 { json!([]) } else { json!([parent]) },
            "startTime": start_us(span), "duration": span.duration_ns / 1000, "processID": "p1",
            "tags": tags.chain([role, scope]).collect::<Vec<_>>(),
        })
    });
    let trace = json!({
        "traceID": spans[0].trace_hex(), "spans": entries.collect::<Vec<_>>(),
        "processes": {"p1": {"serviceName": "shop"}},
    });
    json!({"data": [trace]}).to_string().into_bytes()
}

fn zipkin_v2() -> Vec<u8> {
    let spans = spans();
    let entries = spans.iter().map(|span| {
        let mut tags: serde_json::Map<String, Value> =
            span.attributes.iter().map(|(key, value)| (key.clone(), text(value).into())).collect();
        tags.insert("otel.scope.name".to_owned(), span.scope.as_str().into());
        let mut entry = json!({
            "traceId": span.trace_hex(), "id": format!("{:016x}", span.id), "name": span.name, "kind": role(span),
            "timestamp": start_us(span), "duration": span.duration_ns / 1000,
            "localEndpoint": {"serviceName": "shop"}, "tags": tags,
        });
        if span.parent != 0 {
            entry["parentId"] = format!("{:016x}", span.parent).into();
        }
        entry
    });
    Value::Array(entries.collect()).to_string().into_bytes()
}

fn zipkin_v1() -> Vec<u8> {
    let endpoint = json!({"serviceName": "shop", "ipv4": "10.0.0.1", "port": 80});
    let spans = spans();
    let entries = spans.iter().map(|span| {
        let binary = span.attributes.iter().map(|(key, value)| json!({"key": key, "value": text(value), "endpoint": endpoint}));
        let scope = json!({"key": "otel.scope.name", "value": span.scope, "endpoint": endpoint});
        let marks = if span.role == 2 { ["sr", "ss"] } else { ["cs", "cr"] };
        let ends = [start_us(span), start_us(span) + span.duration_ns / 1000];
        let annotations = marks.iter().zip(ends).map(|(mark, at)| json!({"timestamp": at, "value": mark, "endpoint": endpoint}));
        let mut entry = json!({
            "traceId": span.trace_hex(), "id": format!("{:016x}", span.id), "name": span.name,
            "timestamp": ends[0], "duration": span.duration_ns / 1000,
            "annotations": annotations.collect::<Vec<_>>(), "binaryAnnotations": binary.chain([scope]).collect::<Vec<_>>(),
        });
        if span.parent != 0 {
            entry["parentId"] = format!("{:016x}", span.parent).into();
        }
        entry
    });
    Value::Array(entries.collect()).to_string().into_bytes()
}

fn events() -> Vec<Value> {
    let calls = spans();
    let event = |span: &Span| {
        let of =
            |key: &str| span.attributes.iter().find(|(other, _)| other == key).map(|(_, value)| text(value));
        let (kind, operation, target) = match of("url.full") {
            Some(url) => ("http_out", "GET".to_owned(), url),
            None => ("sql", "postgresql".to_owned(), of("db.query.text").unwrap()),
        };
        let at = span.start_ns / 1000;
        json!({
            "timestamp": format!("2023-11-14T22:13:{:02}.{:06}Z", 20 + at / 1_000_000, at % 1_000_000),
            "trace_id": span.trace_hex(), "span_id": format!("{:016x}", span.id), "parent_span_id": format!("{:016x}", span.parent),
            "service": "shop", "type": kind, "operation": operation, "target": target,
            "duration_us": span.duration_ns / 1000,
            "source": {"endpoint": "GET /orders", "method": "Orders.list"},
        })
    };
    calls[1..].iter().map(event).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn problems(place: &Place, what: &str) -> Vec<String> {
    let report = place.report(&["in"]);
    let mut found = types(&report);
    found.sort();
    assert_eq!(found, EXPECTED, "{what}: {}", report["warnings"]);
    ids(&report).into_iter().map(str::to_owned).collect()
}

/// Scenario: one trace as OTLP JSON, NDJSON, protobuf, length-delimited protobuf, Jaeger, Zipkin v2 and v1 and events;
/// each also with gzip and zstd, the texts with a byte order mark.
/// Guarantees: the same problems come out, with the same ids.
#[test]
fn every_format_gives_the_same_problems() {
    let place = Place::new();
    let json = document(&spans()).to_string().into_bytes();
    let expected = problems(place.write("in", &json), "otlp");
    let lines: String = events().iter().map(|event| format!("{event}\n")).collect();
    let formats = [
        ("otlp json", json),
        ("ndjson", ndjson()),
        ("protobuf", protobuf().encode_to_vec()),
        ("delimited protobuf", protobuf().encode_length_delimited_to_vec()),
        ("jaeger", jaeger()),
        ("zipkin v2", zipkin_v2()),
        ("zipkin v1", zipkin_v1()),
        ("events", Value::Array(events()).to_string().into_bytes()),
        ("event lines", lines.into_bytes()),
    ];
    for (name, bytes) in formats {
        assert_eq!(problems(place.write("in", &bytes), name), expected, "{name}");
        assert_eq!(problems(place.write("in", gzip(&bytes)), name), expected, "{name} gzip");
        let zstd = zstd::encode_all(&bytes[..], 1).unwrap();
        assert_eq!(problems(place.write("in", zstd), name), expected, "{name} zstd");
        if !name.contains("protobuf") {
            let marked = [&b"\xef\xbb\xbf"[..], &bytes].concat();
            assert_eq!(problems(place.write("in", marked), name), expected, "{name} with a mark");
        }
    }
}

/// Scenario: the trace on standard input, named `-` or not at all; in two files; by a glob that the program expands.
/// Guarantees: the same problems; a file named twice is read once.
#[test]
fn inputs_may_be_named_in_several_ways() {
    let place = Place::new();
    let (spans, text) = (spans(), document(&spans()).to_string());
    place.spans("part-1.json", &spans[..9]).spans("part-2.json", &spans[9..]).write("other.txt", "no trace");
    let expected = ids(&place.write("in", &text).report(&["in"])).join(" ");
    for args in [&["part-1.json", "part-2.json"][..], &["part-*.json"], &["-i", "part-2.json", "part-1.json"]]
    {
        assert_eq!(ids(&place.report(args)).join(" "), expected, "{args:?}");
    }
    assert_eq!(place.report(&["in", "./in", "in"])["analysis"]["inputs"].as_array().map(Vec::len), Some(2));
    for args in [&["analyze", "-o", "json", "-"][..], &["analyze", "-o", "json"]] {
        assert_eq!(ids(&place.run_with(args, text.as_bytes()).json()).join(" "), expected);
        assert_eq!(ids(&place.run_with(args, &gzip(text.as_bytes())).json()).join(" "), expected);
    }
}

fn failed(outcome: Outcome, code: i32, parts: &[&str]) {
    assert_eq!(outcome.code, code, "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
}

/// Scenario: inputs that cannot be read.
/// Guarantees: code 75, nothing on standard output, and a message with file, place and reason.
#[test]
fn bad_inputs_are_named_with_place_and_reason() {
    let place = Place::new();
    place.write("empty", "").write("blank", " \n\t").write("prose", "hello").write("number", "42");
    place.write("other.json", r#"{"widgets": []}"#);
    place.write("broken.json", "{\"resourceSpans\": [\n  {\"scopeSpans\": nonsense}\n]}");
    place.write("binary", [0u8, 159, 146, 150, 255, 1, 2, 3]);
    place.write("damaged.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xff, 0xff]);
    place.write("utf16", [0xff, 0xfe, b'{', 0, b'}', 0]);
    let run = |name: &str| place.run(&["analyze", name]);
    failed(run("empty"), 75, &["`empty`", "it is empty"]);
    failed(run("blank"), 75, &["`blank`", "it is empty"]);
    failed(run("prose"), 75, &["`prose`", "byte 0", "not a trace format"]);
    failed(run("number"), 75, &["`number`", "byte 0"]);
    failed(run("other.json"), 75, &["`other.json`", "line 1", "not a trace format"]);
    failed(run("broken.json"), 75, &["`broken.json`", "line 2", "byte"]);
    failed(run("binary"), 75, &["`binary`"]);
    failed(run("damaged.gz"), 75, &["`damaged.gz`", "gzip"]);
    failed(run("utf16"), 75, &["`utf16`", "UTF-16"]);
    failed(run("missing.json"), 75, &["`missing.json`", "no such file"]);
    failed(run("none-*.json"), 75, &["no file matches"]);
    failed(run("."), 75, &["directory"]);
}

/// Scenario: a configuration that cannot be read, keys and outputs that do not exist, two outputs for one place.
/// Guarantees: usage errors are 2, wrong configuration is 75, and the message has the name.
#[test]
fn bad_arguments_are_named() {
    let place = Place::new();
    place.spans("in.json", &spans()).write("bad.toml", [0xff, 0xfe, 0xfd]);
    let run = |args: &[&str]| place.run(&[&["analyze", "in.json"], args].concat());
    failed(run(&["--config", "bad.toml"]), 75, &["bad.toml", "UTF-8"]);
    failed(run(&["--config", "none.toml"]), 75, &["none.toml", "no such file"]);
    failed(run(&["--config", "."]), 75, &["."]);
    failed(run(&["--set", "nonsense"]), 2, &["nonsense"]);
    failed(run(&["--set", "gate.no_such_key=1"]), 75, &["gate.no_such_key"]);
    failed(run(&["-o", "yaml"]), 2, &["unknown output format `yaml`"]);
    failed(run(&["-o", "json", "-o", "sarif"]), 2, &["`json` and `sarif` both go to standard output"]);
    failed(run(&["-o", "json=x", "-o", "sarif=x"]), 2, &["both go to `x`"]);
    failed(run(&["-o", "json=no/such/folder.json"]), 75, &["no/such/folder.json"]);
}

/// Scenario: a document that ends in the middle.
/// Guarantees: what is there is used, with a warning and a mark; under `--ci` there is no verdict.
#[test]
fn a_truncated_document_is_used_up_to_there() {
    let place = Place::new();
    let whole = document(&spans()).to_string();
    let cut = whole.rfind("\"traceId\"").unwrap();
    for bytes in [
        whole.as_bytes()[..cut].to_vec(),
        gzip(whole.as_bytes())[..gzip(whole.as_bytes()).len() - 9].to_vec(),
    ] {
        let report = place.write("in", bytes).report(&["in"]);
        assert_eq!(report["analysis"]["incomplete"], true);
        assert!(report["analysis"]["inputs"][0]["truncated"].is_string(), "{}", report["analysis"]);
        assert!(list(&report, "warnings").iter().any(|one| one["kind"] == "truncated_input"));
        assert!(types(&report).contains(&"n_plus_one_http"), "{:?}", types(&report));
        let set = ["--set", "gate.n_plus_one_http_warning_max=9", "--set", "gate.io_waste_ratio_max=1"];
        let outcome = place.run(&[&["analyze", "--ci", "in"], &set[..]].concat());
        assert_eq!(outcome.code, 3, "{outcome:?}");
    }
}

/// Scenario: an empty list of spans.
/// Guarantees: it is a document, and no failure; but nothing that a build could pass with.
#[test]
fn a_list_of_nothing_is_no_verdict() {
    let place = Place::new();
    for text in ["[]", "{\"resourceSpans\":[]}"] {
        place.write("in", text);
        assert_eq!(place.run(&["analyze", "in"]).code, 0, "{text}");
        assert_eq!(place.run(&["analyze", "--ci", "in"]).code, 3, "{text}");
    }
}

/// Scenario: the reader of standard output goes away after the first line, as `head -1` does.
/// Guarantees: the program ends quietly: no message, no signal, code 0.
#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::new();
    let many: Vec<Span> = (1..300)
        .flat_map(|trace| {
            request(trace, 0..12, |n| {
                Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS)
            })
        })
        .collect();
    place.spans("in", &many);
    for format in ["text", "json", "sarif", "ndjson", "junit", "markdown"] {
        let mut command = place.command(&["analyze", "in", "-o", format]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 1];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let outcome = Outcome::of(&child.wait_with_output().unwrap());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{format}");
    }
}
