//! The traces that `tracewatt demo` shows: made by their generator, and with something of everything.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

fn here(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Scenario: the generator, where Python is there to run it.
/// Guarantees: `data/demo.json` is what it writes, and is small enough to embed.
#[test]
fn the_traces_are_what_the_generator_writes() {
    let traces = std::fs::read(here("data/demo.json")).unwrap();
    assert!(traces.len() <= 250_000, "{} bytes", traces.len());
    let generator = here("../tests/fixtures/demo/make.py");
    let Ok(output) = Command::new("python3").arg(generator).output() else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == traces, "run tests/fixtures/demo/make.py > host/data/demo.json");
}

/// Scenario: the demo, as JSON.
/// Guarantees: every finding type it is there to show is shown, with a fix for the framework or language at hand,
/// and the requests that are fine are silent.
#[test]
fn every_type_is_shown_and_good_requests_are_not() {
    let output = Command::new(env!("CARGO_BIN_EXE_tracewatt"))
        .current_dir(here("data"))
        .args(["demo", "-o", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = report["problems"].as_array().unwrap();
    let kinds: BTreeSet<&str> = problems.iter().map(|problem| problem["type"].as_str().unwrap()).collect();
    let expect = [
        "chatty_service",
        "excessive_fanout",
        "n_plus_one_cache",
        "n_plus_one_http",
        "n_plus_one_sql",
        "pool_saturation",
        "redundant_http",
        "redundant_sql",
        "repeated_unresolved",
        "serialized_calls",
        "slow_http",
        "slow_sql",
    ];
    assert_eq!(kinds, BTreeSet::from(expect));
    for problem in problems {
        let endpoint = problem["source_endpoint"].as_str().unwrap();
        assert!(!["GET /checkout", "GET /wish-list", "POST /orders"].contains(&endpoint), "{problem}");
        let framework = problem["suggested_fix"]["framework"].as_str().unwrap();
        assert_ne!(framework, "general", "{problem}");
    }
}

/// Scenario: a loop of statements recorded by a tracer of the application's own, whose name says nothing.
/// Guarantees: the language that the SDK states decides the fix; without it the fix is a general one.
#[test]
fn the_language_of_the_sdk_decides_the_fix() {
    for (language, expect) in [("ruby", "ruby"), ("dotnet", "csharp"), ("", "general")] {
        assert_eq!(fix_for(language), expect, "{language:?}");
    }
}

fn fix_for(language: &str) -> String {
    let text = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let span = |i: usize| {
        let statement = text("db.query.text", &format!("SELECT name FROM author WHERE id = {i}"));
        format!(
            r#"{{"traceId":"0000000000000000000000000000000a","spanId":"{:016x}","name":"q","kind":3,
               "startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":[{},{statement}]}}"#,
            i + 1,
            1_000_000 * (i + 1),
            1_000_000 * (i + 1) + 500_000,
            text("db.system.name", "other_sql")
        )
    };
    let spans: Vec<String> = (0..6).map(span).collect();
    let traces = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{},{}]}},
           "scopeSpans":[{{"scope":{{"name":"shop.db"}},"spans":[{}]}}]}}]}}"#,
        text("service.name", "shop"),
        text("telemetry.sdk.language", language),
        spans.join(",")
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("traces.json"), traces).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tracewatt"))
        .current_dir(folder.path())
        .args(["analyze", "traces.json", "-o", "json"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["problems"][0]["suggested_fix"]["framework"].as_str().unwrap().to_owned()
}
