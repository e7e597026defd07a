//! The rules that findings follow, whatever the detector: at least one test for each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::{Place, analyze, findings, ids, list, problems, types};

const NO_TYPES: [&str; 0] = [];

fn lookup(n: u64) -> Span {
    Span::sql(1, 0, 0, &format!("SELECT name FROM item WHERE id = {n}")).at(n * 3 * MS, 2 * MS)
}

/// Scenario: twelve lookups one after the other, and twelve at once.
/// Guarantees: both are an N+1, and the finding says which.
#[test]
fn s_n_plus_one_says_sequential_or_concurrent() {
    let execution = |spans: &[Span]| {
        let report = analyze(spans);
        let found = findings(&report, "n_plus_one_sql");
        assert_eq!(found.len(), 1, "{:?}", types(&report));
        found[0]["evidence"]["execution"].as_str().unwrap().to_owned()
    };
    assert_eq!(execution(&request(1, 0..9, lookup)), "sequential");
    assert_eq!(execution(&request(1, 0..9, |n| lookup(n).at(n, 2 * MS))), "concurrent");
}

/// Scenario: two runs of one template below one parent, a minute apart.
/// Guarantees: a gap ends a run; runs that are too short are none.
#[test]
fn s_n_plus_one_runs_are_bounded_by_gaps() {
    let spans = |gap: u64| request(1, 0..8, |n| lookup(n).at(n * 3 * MS + n / 4 * gap * MS, 2 * MS));
    assert_eq!(types(&analyze(&spans(0))), ["n_plus_one_sql"]);
    assert_eq!(types(&analyze(&spans(60_000))), NO_TYPES);
}

/// Scenario: one read twice with the same parameter; a write in between; a read that failed and was made again.
/// Guarantees: only the first is redundant.
#[test]
fn s_redundant_is_for_reads_that_could_not_change() {
    let read = |n: u64| Span::sql(1, 0, 0, "SELECT name FROM item WHERE id = 7").at(n * 10 * MS, MS);
    let write = |n: u64| Span::sql(1, 0, 0, "UPDATE item SET name = 'x' WHERE id = 7").at(n * 10 * MS, MS);
    assert_eq!(types(&analyze(&request(1, 0..2, read))), ["redundant_sql"]);
    assert_eq!(types(&analyze(&request(1, 0..3, |n| if n == 1 { write(n) } else { read(n) }))), NO_TYPES);
    let retried = request(1, 0..2, |n| {
        let get = Span::http(1, 0, 0, "GET", "http://stock/level").at(n * 10 * MS, MS);
        if n == 0 { get.with("http.response.status_code", 503).failed() } else { get }
    });
    assert_eq!(types(&analyze(&retried)), NO_TYPES);
}

/// Scenario: hidden parameters after a query that does not fit, and after one that returned as many rows.
/// Guarantees: the first is reported as unresolved, with the setting that would resolve it; the second as an N+1.
#[test]
fn s_hidden_parameters_are_unresolved_unless_evidence_decides() {
    let lookups = |source: Span| {
        let mut spans = request(1, 0..6, |n| {
            Span::sql(1, 0, 0, "SELECT name FROM author WHERE id = $1")
                .at((n + 2) * 3 * MS, 2 * MS)
                .scope("opentelemetry.instrumentation.psycopg")
        });
        spans.push(source.at(MS, MS));
        analyze(&spans)
    };
    let report = lookups(Span::sql(1, 50, 1, "SELECT label, value FROM preference"));
    assert_eq!(types(&report), ["repeated_unresolved"]);
    let fix = &findings(&report, "repeated_unresolved")[0]["suggested_fix"];
    assert!(fix["recommendation"].as_str().is_some_and(|text| text.starts_with("set ")), "{fix}");
    let books = Span::sql(1, 50, 1, "SELECT id, author_id FROM book").with("db.response.returned_rows", 6);
    let report = lookups(books);
    assert_eq!(types(&report), ["n_plus_one_sql"]);
    assert!(findings(&report, "n_plus_one_sql")[0]["confidence"].as_f64().unwrap() < 0.95);
}

/// Scenario: an ORM span with the driver's span below it for every statement.
/// Guarantees: each statement counts once, in findings and in the price.
#[test]
fn s_layers_of_instrumentation_count_once() {
    let mut spans = request(1, 0..8, |n| lookup(n).scope("opentelemetry.instrumentation.sqlalchemy"));
    let driver: Vec<Span> = spans[1..]
        .iter()
        .map(|outer| {
            let inner = Span { id: outer.id + 100, parent: outer.id, ..outer.clone() };
            inner.scope("opentelemetry.instrumentation.psycopg").at(outer.start_ns + 1000, MS)
        })
        .collect();
    spans.extend(driver);
    let report = analyze(&spans);
    assert_eq!(types(&report), ["n_plus_one_sql"]);
    assert_eq!(findings(&report, "n_plus_one_sql")[0]["pattern"]["occurrences"], 8);
    assert_eq!(report["green_summary"]["total_io_ops"], 8);
}

/// Scenario: connects, BEGIN and COMMIT between the lookups of a loop.
/// Guarantees: they neither break the run nor make one of their own.
#[test]
fn s_chatter_neither_breaks_nor_joins_a_group() {
    let spans = request(1, 0..8, |n| {
        let at = |step: u64| (n * 10 + step) * MS;
        vec![
            Span::client(1, 0, 0, "pg-pool.connect").with("db.system.name", "postgresql").at(at(0), MS),
            Span::sql(1, 0, 0, "BEGIN").at(at(2), MS),
            lookup(n).at(at(4), MS),
            Span::sql(1, 0, 0, "COMMIT").at(at(6), MS),
        ]
    });
    let report = analyze(&spans);
    assert_eq!(types(&report), ["n_plus_one_sql"]);
    assert_eq!(findings(&report, "n_plus_one_sql")[0]["pattern"]["occurrences"], 8);
}

/// Scenario: ten spans that each carry a batch.
/// Guarantees: each is one round trip, and none of them is an N+1.
#[test]
fn s_batches_are_round_trips() {
    let spans = request(1, 0..10, |n| {
        Span::sql(1, 0, 0, "INSERT INTO t (a) VALUES ($1)")
            .at(n * 3 * MS, 2 * MS)
            .with("db.operation.batch.size", 500)
    });
    let report = analyze(&spans);
    assert_eq!(types(&report), NO_TYPES);
    assert_eq!(report["green_summary"]["total_io_ops"], 10);
}

/// Scenario: a template that is slow again and again.
/// Guarantees: one finding, with the percentiles.
#[test]
fn s_recurring_slowness_has_percentiles() {
    let spans =
        request(1, 0..6, |n| Span::sql(1, 0, 0, "SELECT a FROM big").at(n * 1000 * MS, (600 + n * 50) * MS));
    let report = analyze(&spans);
    let found = problems(&report, "slow_sql");
    assert_eq!(found.len(), 1, "{:?}", types(&report));
    for (name, least) in [("p50_us", 600_000.0), ("p95_us", 800_000.0), ("p99_us", 800_000.0)] {
        assert!(found[0]["durations"][name].as_f64().unwrap() >= least, "{name}: {}", found[0]["durations"]);
    }
}

/// Scenario: chatter and serialized calls in two traces with other span ids.
/// Guarantees: their identity holds nothing of a trace.
#[test]
fn s_identity_is_free_of_span_ids() {
    let chatty = |trace| {
        request(trace, 0..16, |n| {
            let url = format!("http://s{}/v1/thing", char::from(b'a' + n as u8));
            Span::http(1, 0, 0, "GET", &url).at(n * 60 * MS, 55 * MS)
        })
    };
    let mut other = chatty(2);
    for span in &mut other {
        span.id += 1000;
        span.parent += if span.parent == 0 { 0 } else { 1000 };
    }
    let [first, second] = [chatty(1), other].map(|spans| analyze(&spans));
    assert_eq!(problems(&first, "chatty_service").len(), 1);
    assert_eq!(problems(&first, "serialized_calls").len(), 1);
    assert_eq!(ids(&first), ids(&second));
}

/// Scenario: twelve queries at once in two services, six each.
/// Guarantees: a pool belongs to a service.
#[test]
fn s_pools_are_per_service() {
    let spans = |split: bool| {
        request(1, 0..12, |n| {
            let span = Span::sql(1, 0, 0, &format!("SELECT a FROM t{n}")).at(n * 1000, 50 * MS);
            if split && n % 2 == 1 { span.of("stock") } else { span }
        })
    };
    assert_eq!(problems(&analyze(&spans(false)), "pool_saturation").len(), 1);
    assert_eq!(problems(&analyze(&spans(true)), "pool_saturation").len(), 0);
}

/// Scenario: a loop in a function below two servers of which the nearer has the route.
/// Guarantees: the endpoint is the nearest server's.
#[test]
fn s_endpoint_is_the_nearest_server_route() {
    let mut spans = vec![Span::server(1, 1, 0, "/outer"), Span::server(1, 2, 1, "/inner").of("stock")];
    spans.push(Span::new(1, 3, 2, "load").of("stock").at(0, 900 * MS));
    spans.extend((0..8).map(|n| Span { id: 10 + n, parent: 3, ..lookup(n) }.of("stock")));
    let report = analyze(&spans);
    let found = problems(&report, "n_plus_one_sql");
    assert_eq!((found.len(), found[0]["source_endpoint"].as_str()), (1, Some("GET /inner")));
}

/// Scenario: one problem at another time, in another trace, with other values, another duration and more often; and
/// one that differs in service, route or template.
/// Guarantees: the first keeps its id, each of the others has another; every output prints the short id.
#[test]
fn s_identity_depends_on_what_it_is_and_not_on_when() {
    let id = |spans: &[Span]| {
        let report = analyze(spans);
        assert_eq!(ids(&report).len(), 1, "{:?}", types(&report));
        list(&report, "problems")[0]["id"].as_str().unwrap().to_owned()
    };
    let base = id(&request(1, 0..8, lookup));
    assert_eq!(base, id(&request(77, 30..45, |n| lookup(n + 900).at(n * 7 * MS, 3 * MS))));
    assert_ne!(base, id(&request(1, 0..8, |n| lookup(n).of("stock"))));
    let other =
        |n| Span::sql(1, 0, 0, &format!("SELECT age FROM item WHERE id = {n}")).at(n * 3 * MS, 2 * MS);
    assert_ne!(base, id(&request(1, 0..8, other)));
    let mut moved = request(1, 0..8, lookup);
    moved[0] = Span::server(1, 1, 0, "/carts");
    assert_ne!(base, id(&moved));

    let place = Place::new();
    place.spans("in.json", &request(1, 0..8, lookup));
    for format in ["text", "json", "sarif", "junit", "codequality", "markdown", "github", "ndjson"] {
        let outcome = place.run(&["analyze", "-o", format, "in.json"]);
        assert!(outcome.stdout.contains(&base), "{format}: {}", outcome.stdout);
    }
}
