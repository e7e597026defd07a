//! What other tools of this kind get wrong, one test or more for each; `semantics.rs` has the rules themselves.
//!
//! | row | weakness | where |
//! |---|---|---|
//! | 1-6, 8-18, 21-25 | in a file | here, by number |
//! | 4 | order | here and `determinism.rs` |
//! | 18, 21 | formats | here and `formats.rs` |
//! | 7 | correlation by the time of the analysis | no correlator yet: it comes with the daemon |
//! | 19 | silent losses | the file's part here; queues and shutdown come with the daemon |
//! | 20 | OTLP over HTTP, readiness, authentication | come with the daemon |
//! | 22 | saturation across traces | the file's part here; sliding windows come with the daemon |

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use tracewatt_tests::otlp::{MS, Span, US, document, request};
use tracewatt_tests::program::{Place, analyze, analyze_with, findings, ids, list, problems, types};

const NO_TYPES: [&str; 0] = [];

/// Scenario: 100 lookups, one every 10 ms.
/// Guarantees: they are one N+1 of 100, however long it takes in total.
#[test]
fn w01_n_plus_one_over_990_ms_is_one_finding() {
    let spans = request(1, 0..100, |n| {
        Span::sql(1, 0, 0, &format!("SELECT name FROM item WHERE id = {n}")).at(n * 10 * MS, MS)
    });
    let report = analyze(&spans);
    assert_eq!(types(&report), ["n_plus_one_sql"]);
    assert_eq!(findings(&report, "n_plus_one_sql")[0]["pattern"]["occurrences"], 100);
}

/// Scenario: three small transactions in one request, each an INSERT of the same values.
/// Guarantees: BEGIN, COMMIT, SET and writes are no redundant I/O, and the gate passes.
#[test]
fn w02_transaction_control_and_writes_are_not_redundant() {
    let spans = request(1, 0..3, |n| {
        ["BEGIN", "SET LOCAL statement_timeout = 5", "INSERT INTO log (kind) VALUES ('seen')", "COMMIT"]
            .iter()
            .zip(0..)
            .map(|(text, step)| Span::sql(1, 0, 0, text).at((n * 10 + step * 2) * MS, MS))
            .collect::<Vec<_>>()
    });
    let report = analyze(&spans);
    assert_eq!(types(&report), NO_TYPES);
    let outcome = Place::new().spans("in.json", &spans).run(&["analyze", "--ci", "in.json"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

/// Scenario: a POST that fails twice and is sent again.
/// Guarantees: a retry is no redundant I/O.
#[test]
fn w02_retried_post_is_not_redundant() {
    let spans = request(1, 0..3, |n| {
        let span = Span::http(1, 0, 0, "POST", "http://pay/charges").at(n * 20 * MS, 5 * MS);
        let span =
            span.with("http.request.resend_count", n).with("http.response.status_code", 503 - n / 2 * 302);
        if n < 2 { span.failed() } else { span }
    });
    assert_eq!(types(&analyze(&spans)), NO_TYPES);
}

/// Scenario: 12 queries of 70 µs, strictly one after the other, all within one millisecond.
/// Guarantees: their times are not rounded, so no two are in flight at once.
#[test]
fn w03_sequential_queries_within_one_ms_do_not_saturate_a_pool() {
    let spans = request(1, 0..12, |n| {
        Span::sql(1, 0, 0, &format!("SELECT a FROM t{n} WHERE x = 1")).at(n * 80 * US, 70 * US)
    });
    assert_eq!(problems(&analyze(&spans), "pool_saturation").len(), 0);
}

/// Scenario: two groups of redundant reads of one template, with everything but the parameter equal.
/// Guarantees: ties have an order that does not depend on the order in the file.
#[test]
fn w04_ties_have_one_order() {
    let spans = request(1, 0..8, |n| {
        Span::sql(1, 0, 0, &format!("SELECT name FROM item WHERE id = {}", n % 4)).at(n % 2 * 5 * MS, MS)
    });
    let mut turned = spans.clone();
    turned.reverse();
    let [first, second] = [spans, turned].map(|spans| analyze(&spans));
    assert_eq!(first.to_string(), second.to_string());
    assert!(!types(&first).is_empty());
}

/// Scenario: the same fan-out in two traces with other span ids.
/// Guarantees: it is one problem with one id, which can be acknowledged.
#[test]
fn w05_fanout_identity_has_no_span_id() {
    let fanout = |trace: u128, shift: u64| {
        let mut spans = request(trace, 0..30, |n| {
            Span::http(
                1,
                0,
                0,
                "GET",
                &format!("http://stock/part{}/state", ["a", "b", "c", "d"][n as usize % 4]),
            )
            .at(0, 40 * MS)
        });
        for span in &mut spans {
            span.id += shift;
            span.parent += if span.parent == 0 { 0 } else { shift };
        }
        spans
    };
    let [one, other, both] = [fanout(1, 0), fanout(2, 500), [fanout(1, 0), fanout(2, 500)].concat()];
    let reports = [one, other, both].map(|spans| analyze(&spans));
    let id = |at: usize| {
        let found = problems(&reports[at], "excessive_fanout");
        assert_eq!(found.len(), 1, "{:?}", types(&reports[at]));
        found[0]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!((id(0), id(1)), (id(1), id(2)));
    assert_eq!(problems(&reports[2], "excessive_fanout")[0]["instances"], 2);
}

fn framework(spans: Vec<Span>, kind: &str) -> String {
    let report = analyze(&spans);
    let found = problems(&report, kind);
    assert_eq!(found.len(), 1, "{kind}: {:?}", types(&report));
    let fix = &found[0]["suggested_fix"];
    assert!(fix["recommendation"].as_str().is_some_and(|text| text.len() > 20), "{kind}: {fix}");
    fix["framework"].as_str().unwrap().to_owned()
}

/// Scenario: fan-out, chatter, pool saturation, serialized calls and slowness across traces, recorded by libraries
/// with names.
/// Guarantees: each has a fix for its framework or language, not only the repeated ones.
#[test]
fn w06_every_type_has_a_fix() {
    let spring = "io.opentelemetry.apache-httpclient-5.0";
    let calls = |at: fn(u64) -> (u64, u64), count| {
        request(1, 0..count, move |n| {
            let (start, duration) = at(n);
            let url = format!("http://s{}/v1/thing", char::from(b'a' + n as u8));
            Span::http(1, 0, 0, "GET", &url).at(start, duration).scope(spring)
        })
    };
    assert!(framework(calls(|_| (0, 40 * MS), 22), "excessive_fanout").starts_with("java"));
    assert!(framework(calls(|n| (n * MS, MS), 16), "chatty_service").starts_with("java"));
    let mut serialized = calls(|n| (n * 60 * MS, 60 * MS), 4);
    serialized[0].duration_ns = 300 * MS;
    assert!(framework(serialized, "serialized_calls").starts_with("java"));
    let pool = request(1, 0..14, |n| {
        Span::sql(1, 0, 0, &format!("SELECT a FROM t{n} WHERE x = 1"))
            .at(0, 30 * MS)
            .scope("opentelemetry.instrumentation.psycopg2")
    });
    assert!(framework(pool, "pool_saturation").starts_with("python"));
    let slow = (1..5).flat_map(|trace| {
        request(trace, 0..1, |_| {
            Span::sql(1, 0, 0, "SELECT a FROM big").at(0, 900 * MS).scope("@opentelemetry/instrumentation-pg")
        })
    });
    assert_eq!(framework(slow.collect(), "slow_sql"), "postgresql");
}

/// Scenario: an N+1 over a library nobody wrote a fix for, in languages that are known, and nothing known at all.
/// Guarantees: the fix falls back to the language, then to a general one.
#[test]
fn w06_fixes_fall_back() {
    let lookups = |scope: &str| {
        request(1, 0..12, |n| {
            Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS).scope(scope)
        })
    };
    assert!(
        framework(lookups("opentelemetry.instrumentation.requests"), "n_plus_one_http").starts_with("python")
    );
    assert!(
        framework(lookups("opentelemetry.instrumentation.fastapi"), "n_plus_one_http").starts_with("python")
    );
    assert!(
        framework(lookups("opentelemetry.instrumentation.flask"), "n_plus_one_http").starts_with("python")
    );
    assert!(framework(lookups("io.opentelemetry.spring-webmvc-6.0"), "n_plus_one_http").starts_with("java"));
    framework(lookups("nobody-knows-this"), "n_plus_one_http");
}

/// Scenario: twelve lookups in each of six stores that speak no SQL.
/// Guarantees: they are I/O with templates of their own, and N+1 is found in each.
#[test]
fn w08_stores_without_sql_are_kinds() {
    let lookups = |system: &str, text: fn(u64) -> String, extra: &[(&str, &str)]| {
        request(1, 0..12, |n| {
            let span = Span::client(1, 0, 0, "call").at(n * 2 * MS, MS).with("db.system.name", system);
            let span = extra.iter().fold(span, |span, (key, value)| span.with(key, *value));
            span.with("db.query.text", text(n))
        })
    };
    let get = |n| format!("GET user:{n}");
    let cases = [
        (lookups("redis", get, &[("db.operation.name", "GET")]), "n_plus_one_cache"),
        (
            lookups("memcached", |n| format!("get user:{n}"), &[("db.operation.name", "get")]),
            "n_plus_one_cache",
        ),
        (
            lookups(
                "mongodb",
                |n| format!(r#"{{"find":"users","filter":{{"_id":{n}}}}}"#),
                &[("db.operation.name", "find"), ("db.collection.name", "users")],
            ),
            "n_plus_one_document",
        ),
        (
            lookups(
                "elasticsearch",
                |n| format!(r#"{{"query":{{"term":{{"user":{n}}}}}}}"#),
                &[("db.operation.name", "search"), ("db.collection.name", "users")],
            ),
            "n_plus_one_search",
        ),
        (lookups("cassandra", |n| format!("SELECT name FROM users WHERE id = {n}"), &[]), "n_plus_one_"),
    ];
    for (spans, kind) in cases {
        let report = analyze(&spans);
        let found = types(&report);
        assert!(matches!(found[..], [one] if one.starts_with(kind)), "{kind}: {found:?}");
        assert_eq!(report["green_summary"]["total_io_ops"], 12, "{kind}");
    }
    let dynamo = request(1, 0..12, |n| {
        Span::client(1, 0, 0, "GetItem")
            .at(n * 2 * MS, MS)
            .with("db.system.name", "aws.dynamodb")
            .with("db.operation.name", "GetItem")
            .with("aws.dynamodb.table_names", vec!["users"])
    });
    assert_eq!(analyze(&dynamo)["green_summary"]["total_io_ops"], 12);
}

/// Templates of statements, as a batch of them in one trace shows them.
fn templates(system: &str, texts: &[&str]) -> Vec<String> {
    let spans = request(1, 0..12, |n| {
        Span::sql(1, 0, 0, texts[n as usize % texts.len()])
            .at(n * 2 * MS, MS)
            .without("db.system.name")
            .with("db.system.name", system)
    });
    let report = analyze(&spans);
    list(&report, "problems").iter().map(|one| one["template"].as_str().unwrap().to_owned()).collect()
}

/// Scenario: twelve statements that differ in what a plain scanner trips over.
/// Guarantees: they have one template, which holds nothing of the values.
#[test]
fn w09_statements_that_differ_in_values_have_one_template() {
    let cases: [(&str, &[&str]); 8] = [
        ("mysql", &[r"SELECT a FROM t WHERE b = 'it\'s s1'", r#"SELECT a FROM t WHERE b = "a@b.s2""#]),
        ("postgresql", &["SELECT a FROM t WHERE b = E'a\\'s1'", "SELECT a FROM t WHERE b = 's2'"]),
        ("postgresql", &["SELECT a FROM t WHERE b = 0xFF", "select a\n  from t where b = -1.5e-3"]),
        ("postgresql", &["SELECT a FROM t WHERE b IN ($1, $2)", "SELECT a FROM t WHERE b IN ($1,$2,$3)"]),
        ("mysql", &["SELECT a FROM t WHERE b IN (%s, %s)", "SELECT a FROM t WHERE b IN (%s)"]),
        ("microsoft.sql_server", &["SELECT a FROM t WHERE b = @p0", "SELECT a FROM t WHERE b = @p1"]),
        ("postgresql", &["SELECT a FROM t /* s1 don't */ WHERE b = 1", "SELECT a FROM t WHERE b = 2 -- s2"]),
        ("postgresql", &["SELECT a FROM t WHERE b = $$s1$$", "SELECT a FROM t WHERE b = $q$s2$q$"]),
    ];
    for (system, texts) in cases {
        let found = templates(system, texts);
        assert_eq!(found.len(), 1, "{texts:?}: {found:?}");
        assert!(
            !found[0].contains("s1") && !found[0].contains("s2") && !found[0].contains("don't"),
            "{found:?}"
        );
    }
}

/// Scenario: twelve requests whose paths end in an id of each of the usual shapes.
/// Guarantees: each shape is one typed segment, so the twelve have one template.
#[test]
fn w10_ids_of_every_shape_are_typed_segments() {
    let ids: [fn(u64) -> String; 7] = [
        |n| n.to_string(),
        |n| format!("507f1f77bcf86cd7994390{n:02x}"),
        |n| format!("01ARZ3NDEKTSV4RRFFQ69G5F{:02}", n + 10),
        |n| format!("9b2c1d4e-0000-4000-8000-0000000000{n:02}"),
        |n| format!("d41d8cd98f00b204e9800998ecf842{n:02x}"),
        |n| format!("2024-01-{:02}", n + 1),
        |n| format!("user{n}%40example.com"),
    ];
    for id in ids {
        let spans = request(1, 0..12, |n| {
            Span::http(1, 0, 0, "GET", &format!("http://user/v1/users/{}/cart", id(n))).at(n * 2 * MS, MS)
        });
        let report = analyze(&spans);
        assert_eq!(types(&report), ["n_plus_one_http"], "{}", id(0));
        let template = list(&report, "problems")[0]["template"].as_str().unwrap();
        assert!(template.contains("/v1/users/{") && template.ends_with("}/cart"), "{template}");
    }
}

/// Scenario: a client that says what its URL is a template of.
/// Guarantees: its word is taken.
#[test]
fn w10_a_template_of_the_client_is_preferred() {
    let spans = request(1, 0..12, |n| {
        let names =
            ["anna", "bert", "carl", "dora", "emil", "fred", "gina", "hugo", "ines", "jost", "karl", "lena"];
        Span::http(1, 0, 0, "GET", &format!("http://user/{}", names[n as usize]))
            .at(n * 2 * MS, MS)
            .with("url.template", "/{name}")
    });
    let report = analyze(&spans);
    assert_eq!(types(&report), ["n_plus_one_http"]);
    assert_eq!(list(&report, "problems")[0]["template"], "GET user/{name}");
}

/// Scenario: three rows, each read four times.
/// Guarantees: nine of the twelve reads can be avoided, not three.
#[test]
fn w11_avoidable_reads_are_summed_over_groups() {
    let spans = request(1, 0..12, |n| {
        Span::sql(1, 0, 0, &format!("SELECT name FROM item WHERE id = {}", n % 3)).at(n * 2 * MS, MS)
    });
    let report = analyze(&spans);
    assert_eq!(report["green_summary"]["avoidable_io_ops"], 9, "{:?}", types(&report));
}

/// Scenario: one query of a minute.
/// Guarantees: it is reported although it does not recur.
#[test]
fn w12_one_very_slow_call_is_reported() {
    let spans = request(1, 0..1, |_| Span::sql(1, 0, 0, "SELECT a FROM big").at(0, 60_000 * MS));
    assert_eq!(types(&analyze(&spans)), ["slow_sql"]);
}

/// Scenario: a template slow three times in one trace and once in another.
/// Guarantees: it is one problem; a threshold of the kind, and one of the service, change the verdict.
#[test]
fn w12_recurring_slowness_is_one_problem_with_thresholds_of_its_own() {
    let slow = |trace, count| {
        request(trace, 0..count, |n| Span::sql(1, 0, 0, "SELECT a FROM big").at(n * 700 * MS, 600 * MS))
    };
    let spans = [slow(1, 3), slow(2, 1)].concat();
    let slow_ones = |args: &[&str]| problems(&analyze_with(&spans, args), "slow_sql").len();
    assert_eq!(slow_ones(&[]), 1);
    assert_eq!(slow_ones(&["--set", "detection.slow_sql_threshold_ms=700"]), 0);
    assert_eq!(slow_ones(&["--set", "detection.slow_http_threshold_ms=700"]), 1);
    let place = Place::new();
    place.spans("in.json", &spans).write(
        "tracewatt.toml",
        "[[detection.override]]\nservice = \"shop\"\nslow_query_threshold_ms = 700\n",
    );
    assert_eq!(problems(&place.report(&["in.json"]), "slow_sql").len(), 0);
}

/// Scenario: three different reads of 1 ms in turn; three writes of a transaction; three reads of 60 ms.
/// Guarantees: only the last would gain anything by being made at once.
#[test]
fn w13_serialized_calls_need_something_to_gain() {
    let chain = |texts: [&str; 3], duration: u64| {
        let mut spans =
            request(1, 0..3, |n| Span::sql(1, 0, 0, texts[n as usize]).at(n * duration * MS, duration * MS));
        spans[0].duration_ns = 4 * duration * MS;
        problems(&analyze(&spans), "serialized_calls").len()
    };
    let reads = ["SELECT a FROM t", "SELECT b FROM u", "SELECT c FROM v"];
    assert_eq!(chain(reads, 1), 0);
    assert_eq!(chain(["SELECT a FROM t", "INSERT INTO u VALUES (1)", "UPDATE v SET c = 1"], 60), 0);
    assert_eq!(chain(reads, 60), 1);
}

/// Scenario: the server span of a trace is in one file, the calls below it in another.
/// Guarantees: the endpoint is known, and the problem is the one of the undivided trace.
#[test]
fn w14_the_endpoint_survives_a_trace_split_over_exports() {
    let spans =
        request(1, 0..12, |n| Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS));
    let whole = analyze(&spans);
    let place = Place::new();
    place.spans("calls.json", &spans[1..]).spans("root.json", &spans[..1]);
    let split = place.report(&["calls.json", "root.json"]);
    assert_eq!(list(&split, "problems")[0]["source_endpoint"], "GET /orders");
    assert_eq!(ids(&split), ids(&whole));
}

/// Scenario: two traces use the same span ids below different routes.
/// Guarantees: each call belongs to the route of its own trace.
#[test]
fn w15_span_ids_are_those_of_their_trace() {
    let of = |trace, route: &str| {
        let mut spans = request(trace, 0..12, |n| {
            Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS)
        });
        spans[0] = Span::server(trace, 1, 0, route);
        spans
    };
    let report = analyze(&[of(1, "/a"), of(2, "/b")].concat());
    let mut endpoints: Vec<_> =
        list(&report, "problems").iter().map(|one| one["source_endpoint"].as_str()).collect();
    endpoints.sort();
    assert_eq!(endpoints, [Some("GET /a"), Some("GET /b")]);
}

/// Scenario: client spans that have their URL in parts.
/// Guarantees: it is put together; the calls are not lost.
#[test]
fn w16_a_url_in_parts_is_put_together() {
    let spans = request(1, 0..12, |n| {
        Span::client(1, 0, 0, "GET")
            .at(n * 2 * MS, MS)
            .with("http.request.method", "GET")
            .with("server.address", "user")
            .with("url.path", format!("/u/{n}"))
    });
    let report = analyze(&spans);
    assert_eq!(types(&report), ["n_plus_one_http"]);
    assert_eq!(list(&report, "problems")[0]["template"], "GET user/u/{id}");
}

/// Scenario: bind parameters whose values are attributes, all different or all the same.
/// Guarantees: they tell an N+1 from redundant reads.
#[test]
fn w16_parameter_attributes_are_read() {
    let kinds = |name: &str, value: fn(u64) -> u64| {
        let spans = request(1, 0..12, |n| {
            Span::sql(1, 0, 0, "SELECT name FROM item WHERE id = $1")
                .at(n * 2 * MS, MS)
                .with(name, value(n).to_string())
        });
        types(&analyze(&spans)).join(" ")
    };
    for name in ["db.query.parameter.0", "db.statement.parameters", "db.postgresql.values"] {
        assert_eq!(kinds(name, |n| n + 40), "n_plus_one_sql", "{name}");
        assert_eq!(kinds(name, |_| 40), "redundant_sql", "{name}");
    }
}

/// Scenario: database spans with a summary and no statement.
/// Guarantees: they are counted as I/O; what is said about their repetition is a guess, and marked as one.
#[test]
fn w16_spans_with_only_a_summary_are_io() {
    let spans = request(1, 0..12, |n| {
        Span::client(1, 0, 0, "SELECT item")
            .at(n * 2 * MS, MS)
            .with("db.system.name", "postgresql")
            .with("db.query.summary", "SELECT item")
    });
    let report = analyze(&spans);
    assert_eq!(report["green_summary"]["total_io_ops"], 12);
    assert_eq!(types(&report), ["repeated_unresolved"]);
}

/// Scenario: twelve messages sent, each a batch, and one statement that carries a batch.
/// Guarantees: a span is one round trip, whatever it carries.
#[test]
fn w16_a_batch_is_one_round_trip() {
    let spans = request(1, 0..1, |n| {
        let batch = Span::sql(1, 0, 0, "INSERT INTO t (a) VALUES ($1)").at(n * 2 * MS, MS);
        batch.with("db.operation.batch.size", 50)
    });
    let report = analyze(&spans);
    assert_eq!(report["green_summary"]["total_io_ops"], 1);
    assert_eq!(types(&report), NO_TYPES);
}

/// Scenario: twelve server spans with the old `http.url`, below one caller.
/// Guarantees: a request that arrives is no call that leaves.
#[test]
fn w17_a_server_span_is_no_outbound_call() {
    let spans = request(1, 0..12, |n| {
        Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}"))
            .without("url.full")
            .with("http.url", format!("http://user/u/{n}"))
            .role(2)
            .of("user")
            .at(n * 2 * MS, MS)
    });
    let report = analyze(&spans);
    assert_eq!(report["green_summary"]["total_io_ops"], 0);
    assert_eq!(types(&report), NO_TYPES);
}

/// Scenario: a call recorded by the caller and by the callee.
/// Guarantees: the hop counts once.
#[test]
fn w17_both_ends_of_a_hop_count_once() {
    let mut spans = request(1, 0..12, |n| {
        Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 3 * MS, 2 * MS)
    });
    let ends: Vec<Span> = spans[1..]
        .iter()
        .map(|call| Span::server(1, call.id + 100, call.id, "/u/{id}").of("user").at(call.start_ns + US, MS))
        .collect();
    spans.extend(ends);
    let report = analyze(&spans);
    assert_eq!(report["green_summary"]["total_io_ops"], 12);
    assert_eq!(types(&report), ["n_plus_one_http"]);
}

/// Scenario: a document with a byte order mark; with a character of several bytes at byte 1024; whose deciding key
/// comes late; with a deep attribute; with nothing but white space before it.
/// Guarantees: each is recognised and read.
#[test]
fn w18_documents_are_recognised_wherever_the_key_is() {
    let spans =
        request(1, 0..12, |n| Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS));
    let plain = document(&spans).to_string();
    let rest = plain.strip_prefix('{').unwrap();
    let deep = (0..30).fold("1".to_owned(), |inner, _| format!("[{inner}]"));
    let place = Place::new();
    let with_prefix = |pad: &str| format!("{{\"note\":\"{pad}\",{rest}");
    let documents = [
        format!("\u{feff}{plain}"),
        with_prefix(&format!("{}é", "x".repeat(1014))),
        with_prefix(&"y".repeat(100_000)),
        format!("{{\"note\":{deep},{rest}"),
        format!("\n\n   \t{plain}"),
    ];
    for text in documents {
        let report = place.write("in.json", &text).report(&["in.json"]);
        assert_eq!(types(&report), ["n_plus_one_http"], "{}", &text[..40]);
    }
}

/// Scenario: a trace with more spans than the configuration allows.
/// Guarantees: what is cut is counted, the report is marked, and there is no verdict.
#[test]
fn w19_what_is_cut_is_counted() {
    let spans = request(1, 0..40, |n| Span::sql(1, 0, 0, &format!("SELECT a FROM t{n}")).at(n * 2 * MS, MS));
    let report = analyze_with(&spans, &["--set", "input.max_spans_per_trace=10"]);
    assert_eq!(report["analysis"]["losses"]["spans_over_trace_limit"], 31);
    assert_eq!(report["analysis"]["incomplete"], true);
    let place = Place::new();
    place.spans("in.json", &spans);
    let outcome = place.run(&["analyze", "--ci", "--set", "input.max_spans_per_trace=10", "in.json"]);
    assert_eq!(outcome.code, 3, "{outcome:?}");
}

/// Scenario: four traces, each with three queries, all running at the same time in one service.
/// Guarantees: the pool is one for all requests, so its saturation is seen across traces.
#[test]
fn w22_pool_saturation_is_seen_across_traces() {
    let spans = (1..5).flat_map(|trace| {
        request(trace, 0..3, |n| Span::sql(1, 0, 0, &format!("SELECT a FROM t{n}")).at(n * MS, 50 * MS))
    });
    assert_eq!(problems(&analyze(&spans.collect::<Vec<_>>()), "pool_saturation").len(), 1);
}

fn published(batch: Option<u64>, key: fn(u64) -> String) -> Vec<Span> {
    request(1, 0..12, |n| {
        let span = Span::client(1, 0, 0, "publish").role(4).at(n * 2 * MS, MS);
        let span = span.with("messaging.system", "rabbitmq").with("messaging.operation.type", "send");
        let span = span.with("messaging.destination.name", "amq.default");
        let span = span.with("messaging.rabbitmq.destination.routing_key", key(n));
        batch.into_iter().fold(span, |span, size| span.with("messaging.batch.message_count", size))
    })
}

/// Scenario: messages one by one, and in batches; to one queue, and to many by routing key.
/// Guarantees: batches are no N+1, and queues are told apart by their routing keys.
#[test]
fn w23_batches_and_routing_keys_of_messages() {
    let orders = |_| "orders".to_owned();
    assert_eq!(types(&analyze(&published(None, orders))), ["n_plus_one_messaging"]);
    assert_eq!(types(&analyze(&published(Some(50), orders))), NO_TYPES);
    let many = |n| ["orders", "stock", "mail", "audit"][n as usize % 4].to_owned();
    assert_eq!(problems(&analyze(&published(None, many)), "n_plus_one_messaging").len(), 0);
}

/// Scenario: one query repeated, with a comment that differs each time; and hidden parameters without evidence.
/// Guarantees: the comment does not make it an N+1, and what cannot be told is a guess, and marked as one.
#[test]
fn w24_comments_and_hidden_parameters() {
    let commented = request(1, 0..12, |n| {
        let text = format!("SELECT name FROM item WHERE id = 7 /*traceparent='00-{n:032x}-01'*/");
        Span::sql(1, 0, 0, &text).at(n * 2 * MS, MS)
    });
    assert_eq!(types(&analyze(&commented)), ["redundant_sql"]);
    let hidden =
        request(1, 0..12, |n| Span::sql(1, 0, 0, "SELECT name FROM item WHERE id = $1").at(n * 2 * MS, MS));
    let report = analyze(&hidden);
    let found = list(&report, "problems");
    assert_eq!(found.len(), 1, "{:?}", types(&report));
    assert!(found[0]["confidence"].as_f64().unwrap() < 0.6, "{}", found[0]);
}

/// Scenario: one N+1 in twenty traces.
/// Guarantees: it is one problem with twenty instances, in the order of the traces.
#[test]
fn w25_recurring_findings_are_one_problem() {
    let spans: Vec<Span> = (1..21)
        .flat_map(|trace| {
            request(trace, 0..12, |n| {
                Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS)
            })
        })
        .collect();
    let report = analyze(&spans);
    let found = problems(&report, "n_plus_one_http");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["instances"], &found[0]["occurrences"]), (&20.into(), &240.into()));
    assert_eq!(findings(&report, "n_plus_one_http").len(), 20);
}
