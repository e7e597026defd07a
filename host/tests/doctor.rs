//! `tracewatt doctor` on spans of real instrumentations, and on spans that are of no use.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, input: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_tracewatt");
    Command::new(program).current_dir(folder).args(["doctor", input]).output().unwrap()
}

/// Scenario: each capture of a Python or Node instrumentation.
/// Guarantees: summary, steps and figures are as reviewed; every capture can be checked.
#[test]
fn captures_are_explained() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/captures");
    let mut names: Vec<String> = std::fs::read_dir(&captures)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json") && name != "labels.json")
        .collect();
    names.sort();
    let mut text = String::new();
    for name in names {
        let output = run(&captures, &name);
        assert_eq!(output.status.code(), Some(0));
        writeln!(text, "{}\n----", String::from_utf8(output.stdout).unwrap()).unwrap();
    }
    insta::assert_snapshot!("doctor_captures", text);
}

/// Scenario: a database client that records no statement, one that records no URL, and one statement with hidden
/// parameters, in a language that only the SDK states.
/// Guarantees: what makes spans useless comes first, the largest gap first; the setting fits the language.
#[test]
fn the_most_useful_step_comes_first() {
    let mut spans = Vec::new();
    for i in 0..3 {
        spans.push(span(i, r#"{"key":"db.system.name","value":{"stringValue":"postgresql"}}"#));
    }
    spans.push(span(
        3,
        r#"{"key":"db.system.name","value":{"stringValue":"postgresql"}},
           {"key":"db.query.text","value":{"stringValue":"SELECT a FROM b WHERE c = ?"}}"#,
    ));
    let output = on_spans("python", "shop.db", &spans);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("doctor_steps", String::from_utf8(output.stdout).unwrap());
}

/// Scenario: spans that are no outbound calls.
/// Guarantees: exit code 3, and what to do about it.
#[test]
fn nothing_usable_is_said_and_has_its_exit_code() {
    let output = on_spans("go", "app", &[span(1, r#"{"key":"a","value":{"stringValue":"b"}}"#)]);
    assert_eq!(output.status.code(), Some(3));
    insta::assert_snapshot!("doctor_nothing", String::from_utf8(output.stdout).unwrap());
}

fn span(number: u32, attributes: &str) -> String {
    format!(
        r#"{{"traceId":"0000000000000000000000000000000a","spanId":"{:016x}","name":"call","kind":3,
           "startTimeUnixNano":"1000","endTimeUnixNano":"2000","attributes":[{attributes}]}}"#,
        number + 1
    )
}

/// Runs the command on spans of one service.
fn on_spans(language: &str, scope: &str, spans: &[String]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[
            {{"key":"service.name","value":{{"stringValue":"shop"}}}},
            {{"key":"telemetry.sdk.language","value":{{"stringValue":"{language}"}}}}]}},
            "scopeSpans":[{{"scope":{{"name":"{scope}"}},"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    );
    std::fs::write(folder.path().join("traces.json"), text).unwrap();
    run(folder.path(), "traces.json")
}
