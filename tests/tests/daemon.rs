//! The daemon from outside: what goes in over OTLP comes out as `analyze` would say it, nothing is lost on the way, and
//! configuration and plug-ins change while it runs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tracewatt_tests::daemon::Daemon;
use tracewatt_tests::misbehaving;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::Place;

/// Requests with so many look-ups each.
fn requests(traces: std::ops::Range<u64>, look_ups: u64) -> Vec<Span> {
    let one = |trace: u64| {
        request(u128::from(trace) + 1, 0..look_ups, |n| {
            Span::sql(1, 0, 0, &format!("SELECT name FROM author WHERE id = {n}"))
                .at(trace * 1_000 * MS + n * 2 * MS, MS)
        })
    };
    traces.flat_map(one).collect()
}

/// A folder with a configuration.
fn place(config: &str) -> Place {
    let place = Place::new();
    place.write("tracewatt.toml", format!("[daemon]\ntrace_grace_ms = 100\ntrace_ttl_ms = 2000\n{config}"));
    place
}

fn judged(daemon: &Daemon) -> f64 {
    daemon.metric("tracewatt_spans_judged_total")
}

/// Fingerprints with what counts of a problem.
fn gist<'a>(problems: impl Iterator<Item = &'a Value>) -> BTreeMap<String, Value> {
    let one = |problem: &Value| {
        let text = |name: &str| problem[name].clone();
        let fields =
            ["type", "severity", "occurrences", "instances", "template", "durations", "first_timestamp"];
        (problem["fingerprint"].as_str().unwrap().to_owned(), fields.map(text).into_iter().collect())
    };
    problems.map(one).collect()
}

/// Scenario: the spans of some requests come one by one, the last first. Guarantees: the problems are those of the batch
/// run over the same spans; what was taken has been judged.
#[test]
fn spans_that_come_one_by_one_are_judged_as_a_file_would_be() {
    let place = place("");
    let spans = requests(0..3, 12);
    let report = place.spans("in.json", &spans).report(&["in.json"]);
    let daemon = Daemon::start(&place, &[]);
    spans.iter().rev().for_each(|span| daemon.export(std::slice::from_ref(span)));
    daemon.until("every span is judged", |daemon| judged(daemon) == spans.len() as f64);
    let problems = daemon.problems();
    let live = gist(problems.iter().map(|known| &known["problem"]));
    assert!(!live.is_empty());
    assert_eq!(live, gist(report["problems"].as_array().unwrap().iter()));
    assert_eq!(daemon.findings().lines().count(), 3, "{}", daemon.findings());
    let (code, notes) = daemon.stop();
    assert_eq!(code, 0, "{notes}");
}

/// Scenario: it is told to end right after an export was acknowledged. Guarantees: what was acknowledged is judged.
#[test]
fn what_was_acknowledged_is_judged_before_the_end() {
    let place = Place::new();
    let daemon = Daemon::start(&place, &[]);
    let spans = requests(0..200, 9);
    spans.chunks(150).for_each(|some| daemon.export(some));
    let (code, notes) = daemon.stop();
    let farewell = format!("judged 200 traces ({0} of {0} spans taken), 1 problem", spans.len());
    assert!(code == 0 && notes.contains(&farewell), "{code}: {notes}");
}

/// Scenario: requests that no exporter should send. Guarantees: each has its status code, in the form of OTLP, and is
/// counted; the daemon goes on.
#[test]
fn what_cannot_be_taken_is_refused_with_a_reason() {
    let place = place("max_payload_size = 2048\n");
    let daemon = Daemon::start(&place, &[]);
    let json = ("content-type", "application/json");
    let protobuf = ("content-type", "application/x-protobuf");
    let check = |headers: &[(&str, &str)], body: &[u8], status: u16, reason: &str, says: &str| {
        let series = format!("tracewatt_exports_refused_total{{reason=\"{reason}\"}}");
        let before = daemon.metric(&series);
        let answer = daemon.request("POST", "/v1/traces", headers, body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(says), "{answer:?}");
        assert_eq!(daemon.metric(&series), before + 1.0, "{series}");
    };
    check(&[json], b"{\"resourceSpans\":[", 400, "malformed", "line 1, column 19");
    check(&[json], b"<html>", 400, "malformed", "expected");
    check(&[protobuf], b"\x0a\xff", 400, "malformed", "message");
    check(&[("content-type", "text/plain")], b"{}", 415, "media_type", "application/x-protobuf");
    check(&[], b"{}", 415, "media_type", "application/x-protobuf");
    check(&[json, ("content-encoding", "br")], b"{}", 415, "compression", "gzip");
    check(&[json, ("content-encoding", "gzip")], b"{}", 400, "malformed", "decompress");
    check(&[json], &[b' '; 4096], 413, "too_large", "max_payload_size");
    let bomb = zstd::encode_all(&[b' '; 1 << 20][..], 3).unwrap();
    check(&[json, ("content-encoding", "zstd")], &bomb, 413, "too_large", "max_payload_size");
    assert_eq!(daemon.request("GET", "/v1/traces", &[], b"").status, 405);
    assert_eq!(daemon.get("/nothing").status, 404);
    let none = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{ "name": "x" }] }] }] }).to_string();
    let partly = daemon.request("POST", "/v1/traces", &[json], none.as_bytes()).json();
    assert_eq!(partly["partialSuccess"]["rejectedSpans"], "1");
    daemon.export(&requests(0..1, 2));
}

/// Scenario: the configuration changes while the daemon runs, to something else, to nonsense, and a plug-in of it is
/// half written. Guarantees: what holds is taken over without a restart, what does not is refused with a reason and
/// changes nothing.
#[test]
fn another_configuration_takes_over_and_a_bad_one_does_not() {
    let strict = "[plugins.n_plus_one.settings]\nn_plus_one_min_occurrences = 50\n";
    let place = place(strict);
    let daemon = Daemon::start(&place, &[]);
    daemon.export(&requests(0..1, 12));
    daemon.until("the first request is judged", |daemon| judged(daemon) > 0.0);
    assert!(daemon.problems().is_empty(), "twelve are fewer than fifty");

    let header = "[daemon]\ntrace_grace_ms = 100\n";
    place.write("tracewatt.toml", format!("{header}{}", strict.replace("50", "5")));
    daemon.until("the file is seen", |daemon| daemon.metric("tracewatt_generation") == 2.0);
    daemon.export(&requests(1..2, 12));
    daemon.until("the problem is found", |daemon| !daemon.problems().is_empty());

    place.write("tracewatt.toml", format!("{header}{}", strict.replace("50", "'many'")));
    let refused = daemon.send("POST", "/api/reload", &Value::Null);
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (422, Some("refused")));
    assert!(refused.body.contains("n_plus_one_min_occurrences"), "{refused:?}");

    place.write("half.wasm", &misbehaving()[..1000]);
    place.write("tracewatt.toml", format!("{header}[plugins.half]\npath = 'half.wasm'\n"));
    daemon.signal("HUP");
    daemon.until("it is refused", |daemon| {
        daemon.get("/api/plugins").json()["reloads"]["last_error"].to_string().contains("half")
    });
    let plugins = daemon.get("/api/plugins").json();
    assert_eq!(plugins["generation"], 2, "{plugins}");

    place.write("half.wasm", misbehaving());
    daemon.until("the whole file is seen", |daemon| daemon.metric("tracewatt_generation") == 3.0);
    let plugins = daemon.get("/api/plugins").json();
    assert!(plugins["plugins"].to_string().contains("\"half\""), "{plugins}");
    assert_eq!(plugins["reloads"]["last_error"], Value::Null);
}

/// Scenario: the port changes in the file. Guarantees: it is said that this takes a restart.
#[test]
fn what_takes_a_restart_is_named() {
    let place = place("");
    let daemon = Daemon::start(&place, &[]);
    place.write("tracewatt.toml", "[daemon]\nmax_connections = 7\ntrace_grace_ms = 50\n");
    daemon.until("the file is seen", |daemon| daemon.metric("tracewatt_generation") == 2.0);
    assert!(daemon.notes().contains("after a restart only: daemon.max_connections\n"), "{}", daemon.notes());
}

/// Scenario: a plug-in panics on every trace. Guarantees: the others' findings are there, the faults are counted, and
/// after some of them it is not called for a while.
#[test]
fn a_plug_in_that_always_fails_is_suspended() {
    let place = place("[plugins.bad]\npath = 'bad.wasm'\n[plugins.bad.settings]\nmode = 'panic'\n");
    place.write("bad.wasm", misbehaving());
    let daemon = Daemon::start(&place, &[]);
    let mut sent = 0;
    for trace in 0..6 {
        let poison = |span: Span| Span { name: "poison".to_owned(), ..span };
        let mut spans: Vec<Span> = requests(trace..trace + 1, 12).into_iter().map(poison).collect();
        spans[1] = Span::sql(u128::from(trace) + 1, spans[1].id, spans[1].parent, "SELECT poison FROM t");
        sent += spans.len();
        daemon.export(&spans);
        daemon.until("the request is judged", |daemon| judged(daemon) == sent as f64);
    }
    assert_eq!(daemon.metric("tracewatt_plugin_faults_total{kind=\"trap\",plugin=\"bad\"}"), 6.0);
    assert!(daemon.metric("tracewatt_plugin_calls_total{plugin=\"bad\"}") < 6.0);
    let plugins = daemon.get("/api/plugins").json();
    let bad = plugins["plugins"].as_array().unwrap().iter().find(|plugin| plugin["id"] == "bad").unwrap();
    assert_eq!(bad["state"], "suspended");
    let problems = daemon.problems();
    assert_eq!(problems[0]["problem"]["instances"], 6, "{problems:?}");
}

/// Scenario: generation follows generation while exports come. Guarantees: no span is lost, no finding is lost or
/// doubled.
#[test]
fn nothing_is_lost_while_generations_change() {
    let place = place("");
    let daemon = Daemon::start(&place, &[]);
    std::thread::scope(|scope| {
        let daemon = &daemon;
        scope.spawn(move || (0..60).for_each(|at| daemon.export(&requests(at * 10..at * 10 + 10, 12))));
        for _ in 0..10 {
            assert_eq!(daemon.send("POST", "/api/reload", &Value::Null).status, 200);
        }
    });
    let (_, notes) = {
        daemon.until("every request is judged", |daemon| {
            daemon.metric("tracewatt_traces_judged_total") == 600.0
        });
        let problems = daemon.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0]["problem"]["instances"], 600, "{problems:?}");
        assert_eq!(daemon.metric("tracewatt_generation"), 11.0);
        daemon.stop()
    };
    let all = requests(0..600, 12).len();
    assert!(notes.contains(&format!("({all} of {all} spans taken)")), "{notes}");
}
