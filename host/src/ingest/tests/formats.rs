//! Small documents of every format, and what each says in its own way.

use super::*;

const SPAN: &str = r#"{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"q","startTimeUnixNano":"1000","endTimeUnixNano":"1500"}"#;
/// Scenario: times that are missing, negative, out of range, in the wrong order, or no numbers at all, in every format.
/// Guarantees: the span stays, with a start if it has a usable one, without a duration, marked and counted.
#[test]
fn times_that_cannot_be_meant() {
    let otlp_json = |start: &str, end: &str| {
        otlp(&format!(
            r#"{{"traceId":"a1","spanId":"2","startTimeUnixNano":{start},"endTimeUnixNano":{end}}}"#
        ))
    };
    let jaeger = |start: &str, duration: &str| {
        format!(
            r#"{{"data":[{{"traceID":"a1","processes":{{"p":{{}}}},"spans":[{{"traceID":"a1","spanID":"2","processID":"p","startTime":{start},"duration":{duration}}}]}}]}}"#
        )
    };
    let zipkin = |start: &str, duration: &str| {
        format!(r#"[{{"traceId":"a1","id":"2","kind":"CLIENT","timestamp":{start},"duration":{duration}}}]"#)
    };
    let native = |start: &str, duration: &str| {
        format!(
            r#"[{{"trace_id":"a1","span_id":"2","type":"sql","timestamp":{start},"duration_us":{duration}}}]"#
        )
    };
    let (missing, bad) = ("spans_without_start_time", "spans_with_bad_times");
    let cases = [
        (otlp_json("null", "1500"), missing, 0),
        (otlp_json("\"0\"", "1700000000000000000"), missing, 0),
        (otlp_json("-5", "1500"), bad, 0),
        (otlp_json("\"soon\"", "1500"), bad, 0),
        (otlp_json("1000", "null"), bad, 1000),
        (otlp_json("1000", "999"), bad, 1000),
        (otlp_json("1000", "-1"), bad, 1000),
        (otlp_json("1000", "18446744073709551615"), bad, 1000),
        (otlp_json("18446744073709551615", "18446744073709551615"), bad, 0),
        (otlp_json("1e300", "1500"), bad, 0),
        (jaeger("null", "5"), missing, 0),
        (jaeger("-1", "5"), bad, 0),
        (jaeger("1700000000000000000", "5"), bad, 0),
        (jaeger("10", "-5"), bad, 10_000),
        (jaeger("10", "18446744073709551615"), bad, 10_000),
        (zipkin("null", "5"), missing, 0),
        (zipkin("-1", "5"), bad, 0),
        (zipkin("1700000000000000000", "5"), bad, 0),
        (zipkin("10", "-5"), bad, 10_000),
        (native("null", "5"), missing, 0),
        (native("\"yesterday\"", "5"), bad, 0),
        (native("\"1970-01-01T00:00:00.00001Z\"", "-5"), bad, 10_000),
    ];
    for (input, reason, start_ns) in cases {
        let got = read(&input);
        let times: Vec<_> =
            got.spans.iter().map(|span| (span.start_ns, span.end_ns, span.times_unknown)).collect();
        assert_eq!(times, [(start_ns, start_ns, true)], "{input}: {}", got.error());
        assert_eq!(got.losses.iter().collect::<Vec<_>>(), [(reason, 1)], "{input}");
    }
}

const LINE: &str = "4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7 q 1000+500";

fn otlp(span: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#)
}

#[test]
fn otlp_json_places_of_resource_and_scope() {
    let resource = r#""resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}"#;
    let line = format!("{LINE} | pg @service.name=shop");
    let cases = [
        format!(
            r#"{{"resourceSpans":[{{{resource},"scopeSpans":[{{"scope":{{"name":"pg"}},"spans":[{SPAN}]}}]}}]}}"#
        ),
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{SPAN}],"scope":{{"name":"pg"}}}}],{resource}}}]}}"#
        ),
        format!(
            r#"{{"resource_spans":[{{{resource},"scope_spans":[{{"scope":{{"name":"pg"}},"spans":[{SPAN}]}}]}}]}}"#
        ),
        format!(
            r#"{{"resourceSpans":[{{{resource},"instrumentationLibrarySpans":[{{"instrumentationLibrary":{{"name":"pg"}},"spans":[{SPAN}]}}]}}]}}"#
        ),
        format!(
            r#"{{"batches":[{{{resource},"scopeSpans":[{{"scope":{{"name":"pg"}},"spans":[{SPAN}]}}]}}]}}"#
        ),
        format!(
            r#"[{{"x":[1],"resourceSpans":[{{{resource},"scopeSpans":[{{"spans":[{SPAN}],"scope":{{"name":"pg"}}}}]}}]}}]"#
        ),
    ];
    for case in cases {
        check(case, "otlp-json", &[&line]);
    }
    check(otlp(SPAN), "otlp-json", &[LINE]);
}

#[test]
fn otlp_json_spellings() {
    let cases = [
        (SPAN.replace("traceId", "trace_id").replace("spanId", "span_id"), LINE.to_owned()),
        (
            SPAN.replace("startTimeUnixNano", "start_time_unix_nano").replace("\"1000\"", "1000"),
            LINE.to_owned(),
        ),
        (SPAN.replace("4bf92f3577b34da6a3ce929d0e0e4736", "S/kvNXezTaajzpKdDg5HNg=="), LINE.to_owned()),
        (SPAN.replace("00f067aa0ba902b7", "APBnqgupArc="), LINE.to_owned()),
        (SPAN.replace("4bf92f", "4BF92F"), LINE.to_owned()),
        (with(r#""kind":3"#), format!("{} Client{}", &LINE[..51], &LINE[51..])),
        (with(r#""kind":"SPAN_KIND_CLIENT""#), format!("{} Client{}", &LINE[..51], &LINE[51..])),
        (with(r#""kind":0"#), LINE.to_owned()),
        (with(r#""status":{"code":2}"#), format!("{LINE} Error")),
        (with(r#""status":{"message":"x","code":"STATUS_CODE_OK"}"#), format!("{LINE} Ok")),
        (with(r#""parentSpanId":"0000000000000000""#), LINE.to_owned()),
        (with(r#""parentSpanId":"""#), LINE.to_owned()),
        (
            with(r#""links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b8"}]"#),
            format!("{LINE} ->4bf92f3577b34da6a3ce929d0e0e4736/f067aa0ba902b8"),
        ),
        (with(r#""droppedAttributesCount":0,"events":[{"attributes":[]}],"flags":257"#), LINE.to_owned()),
        (with(r#""attributes":null,"links":null,"status":null"#), LINE.to_owned()),
    ];
    for (span, line) in cases {
        check(otlp(&span), "otlp-json", &[&line]);
    }
}

/// The spelling that is read in one go says the same as others of it.
#[test]
fn otlp_json_attributes_with_and_without_spaces() {
    let values = [
        r#"{"stringValue":"a"}"#,
        r#"{"stringValue":""}"#,
        r#"{"stringValue":"a\"b"}"#,
        r#"{"intValue":"7"}"#,
        r#"{"intValue":"-7"}"#,
        r#"{"intValue":"x"}"#,
        r#"{"intValue":7}"#,
        r#"{"boolValue":true}"#,
        r#"{"boolValue":false}"#,
        r#"{"doubleValue":1.5}"#,
        r#"{"stringValue":"a","intValue":"7"}"#,
        "{}",
    ];
    for value in values {
        let compact = format!(r#"{{"key":"tenant","value":{value}}}"#);
        let spaced = compact.replace("\":", "\" : ").replace('{', "{ ").replace('}', " }");
        let turned = format!(r#"{{"value":{value},"key":"tenant"}}"#);
        let read = |attribute: &str| read(otlp(&with(&format!(r#""attributes":[{attribute}]"#)))).lines();
        assert_eq!(read(&compact), read(&spaced), "{value}");
        assert_eq!(read(&compact), read(&turned), "{value}");
    }
}

/// A resource that is known by its bytes gives the attributes, and the losses, of the first time.
#[test]
fn resources_that_come_again() {
    let value = |text: &str| {
        format!(r#"{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{text}"}}}}]}}"#)
    };
    let line = |resource: &str| {
        format!(r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"spans":[{SPAN}]}}]}}]}}"#)
    };
    // More than are remembered, each twice in a row and all of them twice.
    let names: Vec<String> = (0..40).chain(0..40).flat_map(|n| [n, n]).map(|n| format!("s{n}")).collect();
    let lines: Vec<String> = names.iter().map(|name| line(&value(name))).collect();
    let got = read(lines.join("\n"));
    let services: Vec<&String> = got.spans.iter().map(|span| &span.resource["service.name"]).collect();
    assert_eq!(services, names.iter().collect::<Vec<_>>());

    let limits = ReadLimits { max_attributes: 1, ..ReadLimits::default() };
    let two = value("a").replace("]}", r#",{"key":"cloud.region","value":{"stringValue":"x"}}]}"#);
    let got = read_with([line(&two), line(&two), line(&two)].join("\n").as_bytes(), &limits);
    assert_eq!((got.spans.len(), got.losses.get("attributes_over_limit")), (3, 3));
}

fn with(more: &str) -> String {
    format!("{},{more}}}", SPAN.strip_suffix('}').unwrap())
}

#[test]
fn otlp_json_values() {
    let cases = [
        (r#"{"key":"tenant","value":{"stringValue":"a\nb"}}"#, "tenant=a\nb"),
        (r#"{"value":{"intValue":"12"},"key":"tenant"}"#, "tenant=12"),
        (r#"{"key":"tenant","value":{"int_value":-12}}"#, "tenant=-12"),
        (r#"{"key":"tenant","value":{"doubleValue":1.5}}"#, "tenant=1.5"),
        (r#"{"key":"tenant","value":{"boolValue":true}}"#, "tenant=true"),
        (r#"{"key":"raw","value":{"bytesValue":"AQI="}}"#, "raw=AQI="),
        (
            r#"{"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a\"b"},{"intValue":"1"},{},{"arrayValue":{}}]}}}"#,
            r#"list=["a\"b",1,null,[]]"#,
        ),
        (
            r#"{"key":"map","value":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":false}},{"key":"l","value":{"kvlistValue":{}}}]}}}"#,
            r#"map={"k":false,"l":{}}"#,
        ),
        (r#"{"key":"db.query.parameter.0","value":{"stringValue":"7"}}"#, "db.query.parameter.0=7"),
        (r#"{"key":"db.query.text","value":{"stringValue":"SELECT 1"}}"#, "db.query.text=SELECT 1"),
    ];
    for (attribute, text) in cases {
        check(
            otlp(&with(&format!(r#""attributes":[{attribute}]"#))),
            "otlp-json",
            &[&format!("{LINE} {text}")],
        );
    }
    for nothing in
        [r#"{"key":"tenant","value":{}}"#, r#"{"key":"tenant"}"#, r#"{"key":"other","value":{"intValue":1}}"#]
    {
        check(otlp(&with(&format!(r#""attributes":[{nothing}]"#))), "otlp-json", &[LINE]);
    }
    check(otlp(&with(r#""attributes":{"tenant":"x"}"#)), "otlp-json", &[&format!("{LINE} tenant=x")]);
}

#[test]
fn jaeger() {
    let span = r#"{"traceID":"a1b2","spanID":"2","operationName":"q","startTime":10,"duration":5,"processID":"p1",
        "references":[{"refType":"FOLLOWS_FROM","traceID":"a1b2","spanID":"7"},{"refType":"CHILD_OF","traceID":"ff","spanID":"8"},
                      {"refType":"CHILD_OF","traceID":"a1b2","spanID":"1"},{"refType":"CHILD_OF","spanID":"9"}],
        "tags":[{"key":"span.kind","type":"string","value":"client"},{"key":"error","type":"bool","value":true},
                {"key":"http.status_code","type":"int64","value":"404"},{"key":"tenant","value":1.5},
                {"key":"otel.library.name","value":"pg"}],"logs":[],"warnings":null}"#;
    let processes = r#"{"p1":{"serviceName":"shop","tags":[{"key":"cloud.region","type":"string","value":"eu-west-3"}]}}"#;
    let line = "a1b2/2 <1 q Client 10000+5000 Error ->a1b2/7 ->ff/8 ->a1b2/9 http.status_code=404 tenant=1.5 \
                | pg @cloud.region=eu-west-3 @service.name=shop";
    let trace = format!(r#"{{"traceID":"a1b2","spans":[{span}],"processes":{processes}}}"#);
    check(format!(r#"{{"data":[{trace}],"total":0}}"#), "jaeger", &[line]);
    check(
        format!(r#"{{"total":0,"data":[{{"processes":{processes},"spans":[{span}]}}]}}"#),
        "jaeger",
        &[line],
    );
    check(format!("[{trace}]"), "jaeger", &[line]);
    check(&trace, "jaeger", &[line]);
    check(format!("{}\n{trace}\n", trace.replace(['\n'], "")), "jaeger", &[line, line]);
    let got = read(trace.replace("\"p1\":", "\"p2\":"));
    assert_eq!((got.spans.len(), got.losses.get("spans_without_process")), (1, 1));
    let ok =
        span.replace("\"error\",\"type\":\"bool\",\"value\":true", "\"otel.status_code\",\"value\":\"OK\"");
    check(
        format!(r#"{{"traceID":"a1b2","spans":[{ok}],"processes":{processes}}}"#),
        "jaeger",
        &[&line.replace("Error", "Ok")],
    );
}

#[test]
fn zipkin_v2() {
    check(
        r#"[{"traceId":"a1","id":"2","parentId":"1","name":"get","kind":"CLIENT","timestamp":10,"duration":5,
            "localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1"},
            "remoteEndpoint":{"serviceName":"stock","ipv4":"10.0.0.2","port":8080},
            "annotations":[{"timestamp":11,"value":"retry"}],
            "tags":{"http.method":"GET","error":"","http.status_code":"500"}}]"#,
        "zipkin-v2",
        &["a1/2 <1 get Client 10000+5000 Error http.method=GET http.status_code=500 peer.service=stock \
           server.address=10.0.0.2 server.port=8080 @service.name=shop"],
    );
    check(r#"[[{"traceId":"a1","id":"2","timestamp":"1"}],[]]"#, "zipkin-v2", &["a1/2 1000+0"]);
    let got = read(r#"{"traceId":"a1","id":"2","tags":{}}"#);
    assert_eq!((got.lines(), got.losses.get("spans_without_start_time")), (vec!["a1/2 0+0".to_owned()], 1));
}

#[test]
fn zipkin_halves_that_share_an_id_come_apart() {
    check(
        r#"[{"traceId":"a","id":"4","parentId":"2","timestamp":3,"localEndpoint":{"serviceName":"stock"}},
            {"traceId":"a","id":"2","parentId":"1","kind":"SERVER","shared":true,"timestamp":2,"localEndpoint":{"serviceName":"stock"}},
            {"traceId":"a","id":"2","parentId":"1","kind":"CLIENT","timestamp":1,"localEndpoint":{"serviceName":"shop"}},
            {"traceId":"a","id":"1","kind":"SERVER","timestamp":1},
            {"traceId":"b","id":"2","parentId":"1","kind":"SERVER","shared":true,"timestamp":1}]"#,
        "zipkin-v2",
        &[
            "a/4 <2/server 3000+0 @service.name=stock",
            "a/2/server <2 Server 2000+0 @service.name=stock",
            "a/2 <1 Client 1000+0 @service.name=shop",
            "a/1 Server 1000+0",
            "b/2 <1 Server 1000+0",
        ],
    );
}

#[test]
fn zipkin_v1() {
    check(
        r#"[{"traceId":"a","id":"2","parentId":"1","name":"get","timestamp":10,"duration":90,
            "annotations":[{"timestamp":10,"value":"cs","endpoint":{"serviceName":"shop"}},
                           {"timestamp":20,"value":"sr","endpoint":{"serviceName":"stock"}},
                           {"timestamp":80,"value":"ss","endpoint":{"serviceName":"stock"}},
                           {"timestamp":100,"value":"cr","endpoint":{"serviceName":"shop"}}],
            "binaryAnnotations":[{"key":"http.method","value":"GET","endpoint":{"serviceName":"shop"}},
                                 {"key":"sa","value":true,"endpoint":{"serviceName":"stock-vip","ipv4":"10.0.0.9"}}]},
           {"traceId":"a","id":"3","parentId":"2","name":"local",
            "binaryAnnotations":[{"key":"lc","value":"x","endpoint":{"serviceName":"stock"}}],"timestamp":30,"duration":1},
           {"traceId":"a","id":"5","name":"old","annotations":[{"timestamp":7,"value":"sr","endpoint":{"serviceName":"shop"}},{"timestamp":9,"value":"ss","endpoint":{"serviceName":"shop"}}]}]"#,
        "zipkin-v1",
        &[
            "a/2/server <2 get Server 20000+60000 http.method=GET @service.name=stock",
            "a/2 <1 get Client 10000+90000 http.method=GET peer.service=stock-vip server.address=10.0.0.9 @service.name=shop",
            "a/3 <2/server local 30000+1000 @service.name=stock",
            "a/5 old Server 7000+2000 @service.name=shop",
        ],
    );
}

#[test]
fn native() {
    let event = r#"{"timestamp":"2025-07-10T14:32:01.123456789Z","trace_id":"t-1","span_id":"s-1","parent_span_id":"s-0","service":"shop","cloud_region":"eu-west-3","type":"sql","operation":"SELECT","target":"SELECT * FROM a WHERE id = 1","duration_us":3,"source":{"endpoint":"GET /a","method":"A::b"},"instrumentation_scopes":["pg","spring"],"code_filepath":"a.rs","code_lineno":7,"grouping":[{"key":"tenant","value":"x"}],"link_trace_id":"ff","future":[{}]}"#;
    let line = "t-1/s-1 <s-0 SELECT Client 1752157921123456789+3000 ->ff/0 code.file.path=a.rs code.function=A::b \
                code.line.number=7 db.operation.name=SELECT db.query.text=SELECT * FROM a WHERE id = 1 tenant=x \
                tracewatt.event.type=sql tracewatt.source.endpoint=GET /a | pg @cloud.region=eu-west-3 @service.name=shop";
    check(format!("[{event}]"), "native", &[line]);
    check(format!("{event}\n{event}\n"), "native", &[line, line]);
    let of_type = |kind: &str, operation: &str, target: &str| {
        format!(
            r#"[{{"trace_id":"1","span_id":"2","timestamp":"1970-01-01T01:00:00+01:00","type":"{kind}","operation":"{operation}","target":"{target}","status_code":500,"response_size_bytes":9}}]"#
        )
        .replace("01:00:00+", "01:00:01+")
    };
    let cases = [
        (
            "sql",
            "postgresql",
            "SELECT 1",
            "postgresql Client",
            "db.query.text=SELECT 1 db.system.name=postgresql http.response.body.size=9 http.response.status_code=500",
        ),
        (
            "http_out",
            "GET",
            "http://a/b",
            "GET Client",
            "http.request.method=GET http.response.body.size=9 http.response.status_code=500 url.full=http://a/b",
        ),
        (
            "http_out",
            "grpc",
            "a.B/C",
            "grpc Client",
            "http.response.body.size=9 rpc.method=C rpc.response.status_code=500 rpc.service=a.B rpc.system=grpc",
        ),
        (
            "messaging",
            "kafka",
            "orders",
            "kafka Producer",
            "http.response.status_code=500 messaging.destination.name=orders messaging.message.body.size=9 messaging.system=kafka",
        ),
    ];
    for (kind, operation, target, head, attributes) in cases {
        let (head_name, role) = head.split_once(' ').unwrap();
        let line = format!("1/2 {head_name} {role} 1000000000+0 {attributes} tracewatt.event.type={kind}");
        let line = if kind == "http_out" && operation == "GET" {
            line.replace(
                " url.full=http://a/b tracewatt.event.type=http_out",
                " tracewatt.event.type=http_out url.full=http://a/b",
            )
        } else {
            line
        };
        check(of_type(kind, operation, target), "native", &[&line]);
    }
}

#[test]
fn captures_have_all_their_spans() {
    // counted in the captures by their `"spanId"` keys
    let spans = [
        ("node_http", 100),
        ("node_knex", 54),
        ("node_pg", 108),
        ("py_django_default", 32),
        ("py_psycopg-params_default", 44),
        ("py_psycopg_default", 44),
        ("py_requests_default", 41),
        ("py_sqlalchemy_default", 39),
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/captures");
    for (name, count) in spans {
        let Ok(bytes) = std::fs::read(folder.join(format!("{name}.json"))) else {
            panic!("no capture {name}")
        };
        let got = read(&bytes);
        assert_eq!(got.spans.len(), count, "{name}: {}", got.error());
        assert!(got.spans.iter().all(|span| span.resource.contains_key("service.name") && span.start_ns > 0));
        assert_eq!(got.losses.iter().count(), 0, "{name}");
    }
}
