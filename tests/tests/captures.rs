//! What real instrumentations recorded comes out as a person labelled it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tracewatt_tests::program::{Place, list};
use tracewatt_tests::workspace;

/// One scenario has no label: `userinfo` is a single request with a password in its URL.
const UNLABELLED: &str = "negative";

fn folder() -> std::path::PathBuf {
    workspace().join("tests/fixtures/captures")
}

fn labels() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("labels.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let labels = document["labels"].as_object().unwrap();
    labels.iter().map(|(name, label)| (name.clone(), label.as_str().unwrap().to_owned())).collect()
}

fn captures() -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json") && !path.ends_with("labels.json"));
    files.sort();
    files
}

/// Finding type that a label stands for; none for a negative one. `redundant` is about HTTP here: no capture holds redis.
fn expected(label: &str) -> BTreeSet<String> {
    let first = label.split([' ', ',']).next().unwrap();
    if first == "negative" { BTreeSet::new() } else { BTreeSet::from([first.to_owned()]) }
}

/// Scenario of every trace of a capture, by trace id: the name of the server span at its root.
fn scenarios(capture: &Value) -> BTreeMap<String, String> {
    let blocks = list(capture, "resourceSpans").iter().flat_map(|block| list(block, "scopeSpans"));
    let root = |span: &&Value| span["parentSpanId"].as_str().unwrap_or_default().is_empty();
    let roots = blocks.flat_map(|block| list(block, "spans")).filter(root);
    roots
        .map(|span| (span["traceId"].as_str().unwrap().to_owned(), span["name"].as_str().unwrap().to_owned()))
        .collect()
}

fn about_repeats(kind: &str) -> bool {
    ["n_plus_one", "redundant", "repeated_unresolved"].iter().any(|start| kind.starts_with(start))
}

/// Scenario: every capture of real instrumentations, each with its scenarios.
/// Guarantees: exactly the labelled type of repetition is reported for each scenario, and none for a negative one.
#[test]
fn captures_come_out_as_labelled() {
    let (labels, place) = (labels(), Place::new());
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in captures() {
        let capture: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let report = place.report(&[path.to_str().unwrap()]);
        let file = path.file_name().unwrap().to_str().unwrap();
        for (trace, scenario) in scenarios(&capture) {
            let kinds =
                list(&report, "findings").iter().filter(|finding| finding["trace_id"] == trace.as_str());
            let kinds = kinds.map(|finding| finding["type"].as_str().unwrap().to_owned());
            let found: BTreeSet<String> = kinds.filter(|kind| about_repeats(kind)).collect();
            let wanted = expected(labels.get(&scenario).map_or(UNLABELLED, String::as_str));
            if found != wanted {
                wrong.push(format!("{file} {scenario}: wanted {wanted:?}, found {found:?}"));
            }
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen, 33, "every trace of every capture has a scenario");
}

/// Scenario: all captures in one run.
/// Guarantees: together they give the problems that each gives on its own.
#[test]
fn captures_together_are_captures_apart() {
    let place = Place::new();
    let ids = |report: &Value| -> BTreeSet<String> {
        list(report, "problems").iter().map(|problem| problem["id"].as_str().unwrap().to_owned()).collect()
    };
    let files: Vec<String> = captures().iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    let apart: BTreeSet<String> = files.iter().flat_map(|file| ids(&place.report(&[file]))).collect();
    let together = place.report(&files.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ids(&together), apart);
    assert!(apart.len() > 20, "{apart:?}");
}
