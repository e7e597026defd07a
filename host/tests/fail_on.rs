//! What decides the exit code: the rules that `--fail-on` names, and no others.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::request;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// A folder with traces: `critical` has a critical N+1 on `items`, `more` one on `lines` as well, `warning` a mild
/// one on `items`; and the saved report of each.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, tables) in [
        ("critical", &[("items", 12)][..]),
        ("more", &[("items", 12), ("lines", 12)]),
        ("warning", &[("items", 6)]),
    ] {
        std::fs::write(folder.path().join(format!("{name}.json")), request(tables).to_string()).unwrap();
        let output = format!("json={name}.report.json");
        let done = run(folder.path(), &["analyze", &format!("{name}.json"), "-o", &output]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tracewatt")).current_dir(folder).args(arguments).output().unwrap()
}

/// Scenario: traces with a problem that the default gate refuses, asked with different `--fail-on`. Guarantees: only
/// the rules named decide, for `analyze` and for `diff`, for traces and for saved reports.
#[test]
fn only_what_is_named_fails() {
    let folder = folder();
    for (line, expect) in [
        ("analyze critical.json", 0),
        ("analyze critical.json --ci", 1),
        ("analyze critical.json --fail-on gate", 1),
        ("analyze critical.json --fail-on new --baseline critical.report.json", 0),
        ("analyze critical.json --fail-on gate,new --baseline critical.report.json", 1),
        ("analyze more.json --fail-on new --baseline critical.report.json", 1),
        ("analyze critical.json --fail-on severity>=critical", 1),
        ("analyze warning.json --fail-on severity>=critical", 0),
        ("analyze warning.json --fail-on severity>=warning", 1),
        ("analyze warning.json --fail-on severity>=critical --set gate.io_waste_ratio_max=0.1", 0),
        ("analyze warning.json --ci --set gate.io_waste_ratio_max=0.1", 1),
        // A limit on new problems in the file takes a baseline only when it is asked for.
        ("analyze warning.json --fail-on severity>=critical --set gate.max_new=0", 0),
        ("analyze warning.json --ci --set gate.max_new=0 --set gate.io_waste_ratio_max=1", 3),
        ("diff critical.json critical.json --fail-on new", 0),
        ("diff critical.json critical.json --ci", 1),
        ("diff critical.json more.json --fail-on new", 1),
        ("diff critical.report.json critical.report.json --fail-on new", 0),
        ("diff critical.report.json more.report.json --fail-on new", 1),
        ("diff more.report.json critical.report.json --fail-on gate", 1),
    ] {
        let output = run(folder.path(), &line.split_whitespace().collect::<Vec<_>>());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(expect), "{line}\n{out}\n{err}");
    }
}

/// Scenario: one rule is asked for. Guarantees: the report's gate has that rule and agrees with the exit code.
#[test]
fn the_report_agrees_with_the_exit_code() {
    let folder = folder();
    let line = "analyze critical.json --fail-on new --baseline critical.report.json -o json";
    let output = run(folder.path(), &line.split_whitespace().collect::<Vec<_>>());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let gate = &report["quality_gate"];
    assert_eq!((output.status.code(), &gate["passed"]), (Some(0), &json!(true)), "{gate}");
    let rules: Vec<&Value> = gate["rules"].as_array().unwrap().iter().map(|rule| &rule["rule"]).collect();
    assert_eq!(rules, [&json!("max_new")]);
}

/// Scenario: an acknowledged problem. Guarantees: the text counts it, and lists it with `--show-acknowledged`; JSON
/// carries it whole either way.
#[test]
fn acknowledged_problems_are_listed_on_request() {
    let folder = folder();
    let acknowledged = run(folder.path(), &["ack", "add", "--type", "*", "--reason", "until the rewrite"]);
    assert!(acknowledged.status.success(), "{}", String::from_utf8_lossy(&acknowledged.stderr));
    for (flags, listed) in [(&[][..], false), (&["--show-acknowledged"], true)] {
        let with = |format: &str| {
            let arguments = [&["analyze", "critical.json", "-o", format], flags].concat();
            String::from_utf8(run(folder.path(), &arguments).stdout).unwrap()
        };
        let text = with("text");
        assert!(text.contains(" acknowledged"), "{text}");
        assert_eq!(text.contains("until the rewrite"), listed, "{text}");
        let report: Value = serde_json::from_str(&with("json")).unwrap();
        let problem = &report["acknowledged"][0]["problem"];
        assert_eq!(problem["trace_ids"], json!(["0af7651916cd43dd8448eb211c80319c"]), "{problem}");
        assert!(with("sarif").contains("until the rewrite"));
    }
}
