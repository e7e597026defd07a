//! `tracewatt explain --why-not`: the program run on small traces, and the lines that must be in its answer.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// Start of the trace, nanoseconds since the epoch.
const START: u64 = 1_767_225_600_000_000_000;
const MS: u64 = 1_000_000;

/// A statement: text, start and duration in milliseconds after the start of its request.
struct Call {
    text: String,
    at_ms: u64,
    for_ms: u64,
}

fn call(text: impl Into<String>, at_ms: u64, for_ms: u64) -> Call {
    Call { text: text.into(), at_ms, for_ms }
}

/// `count` lookups of different rows, one every `every_ms`.
fn lookups(count: u64, every_ms: u64) -> Vec<Call> {
    (0..count)
        .map(|n| call(format!("SELECT * FROM items WHERE order_id = {}", n + 1), 10 + n * every_ms, 2))
        .collect()
}

/// The same with placeholders, so that parameters are hidden.
fn hidden_lookups(count: u64) -> Vec<Call> {
    (0..count).map(|n| call("SELECT * FROM items WHERE order_id = $1", 10 + n * 5, 2)).collect()
}

/// OTLP JSON of one request of the service `shop`.
fn request(calls: &[Call]) -> Value {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let span = |id: u64, kind: u64, name: &str, at_ms: u64, for_ms: u64| {
        let start = START + at_ms * MS;
        json!({
            "traceId": trace, "spanId": format!("{id:016x}"), "kind": kind, "name": name,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + for_ms * MS).to_string(),
        })
    };
    let mut root = span(1, 2, "GET /orders/{id}", 0, 60_000);
    root["attributes"] = json!([text("http.request.method", "GET"), text("http.route", "/orders/{id}")]);
    let mut spans = vec![root];
    for (n, call) in (2u64..).zip(calls) {
        let mut span = span(n, 3, "SELECT shop", call.at_ms, call.for_ms);
        span["parentSpanId"] = json!("0000000000000001");
        span["attributes"] = json!([text("db.system.name", "postgresql"), text("db.query.text", &call.text)]);
        spans.push(span);
    }
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "shop")] },
        "scopeSpans": [{ "scope": { "name": "io.opentelemetry.jdbc" }, "spans": spans }],
    }] })
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracewatt"));
    command.current_dir(folder).env_remove("TRACEWATT_LOG").arg("explain").arg("traces.json").args(arguments);
    command.output().unwrap()
}

/// Asks why there is no finding of a type and checks that every text expected is in the answer, which is the same
/// every time.
#[track_caller]
fn check(calls: &[Call], config: &str, arguments: &[&str], expect: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("traces.json"), request(calls).to_string()).unwrap();
    std::fs::write(folder.path().join("tracewatt.toml"), config).unwrap();
    let output = run(folder.path(), arguments);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in expect {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert_eq!(run(folder.path(), arguments).stdout, output.stdout);
    text
}

const N_PLUS_ONE: [&str; 2] = ["--why-not", "n_plus_one_sql"];
const PLACE: &str = "SELECT * FROM items WHERE order_id = ? in shop GET /orders/{id} (trace 0af7651916cd43dd8448eb211c80319c)";

/// Scenario: four lookups where five are needed. Guarantees: the threshold that would have found them is named,
/// others are said to change nothing.
#[test]
fn one_lookup_too_few() {
    let hit = format!("configured 5, would fire from 4 down: 4 occurrences of {PLACE}");
    let text = check(
        &lookups(4, 5),
        "",
        &N_PLUS_ONE,
        &[
            "nothing is found with the configured settings",
            "kept back by the configuration or by other findings: nothing",
            &hit,
            "what was seen: 4 sql calls in 1 group",
            "4 in one request; 4 distinct parameter sets; longest 2 ms, p50 2 ms",
        ],
    );
    let window = text.lines().find(|line| line.contains("window_duration_ms")).unwrap();
    assert!(window.ends_with("configured 500, no value of this setting alone changes anything"), "{window}");
}

/// Scenario: the filter names another endpoint. Guarantees: nothing would fire there, and nothing was seen.
#[test]
fn other_places_do_not_count() {
    let arguments = ["--why-not", "n_plus_one_sql", "--endpoint", "POST *"];
    let text = check(&lookups(4, 5), "", &arguments, &["what was seen: no sql call"]);
    assert!(!text.contains("would fire"), "{text}");
}

/// Scenario: six lookups, 602 ms apart. Guarantees: the window is the setting, to the millisecond.
#[test]
fn pauses_longer_than_the_window() {
    let hit = format!("configured 500, would fire from 600 up: 6 occurrences of {PLACE}");
    check(&lookups(6, 602), "", &N_PLUS_ONE, &[&hit]);
}

/// Scenario: four lookups, 602 ms apart: too few and too far. Guarantees: both settings are named, each as near as
/// possible to what is configured.
#[test]
fn two_settings_at_once() {
    let hit = format!(
        "needs both: n_plus_one_min_occurrences = 4, window_duration_ms = 600: 4 occurrences of {PLACE}"
    );
    let text = check(&lookups(4, 602), "", &N_PLUS_ONE, &[&hit]);
    assert!(!text.contains("would fire"), "{text}");
}

/// Scenario: two slow calls where three are needed. Guarantees: the quorum is said, and the setting that moves it.
#[test]
fn slow_calls_below_their_quorum() {
    let calls = [call("SELECT * FROM report", 10, 700), call("SELECT * FROM report", 800, 900)];
    check(
        &calls,
        "",
        &["--why-not", "slow_sql"],
        &[
            "too few over all traces: 2 occurrences of SELECT * FROM report in shop GET /orders/{id}, 3 are needed",
            "configured 3, would fire from 2 down: 2 occurrences of SELECT * FROM report",
            "configured 5000, would fire from 900 to 1: ",
            "longest 900 ms, p50 700 ms",
        ],
    );
}

/// Scenario: the finding is there and the rule, or the plug-in, is switched off. Guarantees: that is the answer,
/// with what would be found.
#[test]
fn what_is_switched_off_is_said() {
    for (config, what) in [
        ("[detection.rules.n_plus_one_sql]\nenabled = false\n", "rule `n_plus_one_sql`"),
        ("[plugins.n_plus_one]\nenabled = false\n", "plug-in `n_plus_one`"),
    ] {
        let off = format!("{what} is switched off; switched on, it would find 1 problem:");
        check(
            &lookups(6, 5),
            config,
            &N_PLUS_ONE,
            &["nothing is found with the configured settings", &off, "6 occurrences of SELECT"],
        );
    }
}

/// Scenario: an entry of `[[detection.ignore]]` hides the finding. Guarantees: the entry and its reason are named.
#[test]
fn what_is_ignored_is_said() {
    let config = "[[detection.ignore]]\ntype = \"n_plus_one_*\"\nreason = \"known\"\n";
    check(&lookups(6, 5), config, &N_PLUS_ONE, &["ignored by detection.ignore[0] (known): "]);
}

/// Scenario: the finding is there. Guarantees: it is listed.
#[test]
fn what_is_found_is_listed() {
    check(
        &lookups(6, 5),
        "",
        &N_PLUS_ONE,
        &["n_plus_one_sql: 1 problem found with the configured settings", "  6 occurrences of SELECT"],
    );
}

/// Scenario: lookups whose parameters are hidden. Guarantees: they are said to be, and the choice that would take
/// them for an N+1 is named.
#[test]
fn hidden_parameters() {
    let hit = "configured \"auto\", would fire at \"always\": 6 occurrences of SELECT";
    check(&hidden_lookups(6), "", &N_PLUS_ONE, &[hit, "6 in one request; parameters hidden"]);
}

/// Scenario: a type that no plug-in has. Guarantees: an error with the nearest one and all there are.
#[test]
fn unknown_types_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("traces.json"), request(&[]).to_string()).unwrap();
    let output = run(folder.path(), &["--why-not", "n_plus_one_sq"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("`n_plus_one_sq` (did you mean `n_plus_one_sql`?)"), "{error}");
    assert!(error.contains("chatty_service, excessive_fanout, "), "{error}");
}
