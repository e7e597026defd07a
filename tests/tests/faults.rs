//! A plug-in that fails, seen from outside: the others' findings stay, the report names the fault, and what led to it
//! can be called again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use serde_json::Value;
use tracewatt_tests::misbehaving;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::Place;

/// Ways to fail, each with the kind of fault.
const MODES: [(&str, &str); 12] = [
    ("panic", "trap"),
    ("spin", "deadline"),
    ("allocate", "memory"),
    ("recurse", "trap"),
    ("flood_findings", "memory"),
    ("flood_text", "output"),
    ("survive_refusal", "trap"),
    ("lie_about_text", "answer"),
    ("lie_about_row", "answer"),
    ("lie_about_rule", "trap"),
    ("lie_about_confidence", "answer"),
    ("say_nothing", "answer"),
];

/// Three requests with an N+1 each; the second one makes the plug-in fail.
fn place(mode: &str) -> Place {
    let mut spans = Vec::new();
    for trace in 1..=3u64 {
        let poison = if trace == 2 {
            "SELECT poison FROM author WHERE id = "
        } else {
            "SELECT name FROM author WHERE id = "
        };
        spans.extend(request(u128::from(trace), 0..12, |n| {
            Span::sql(1, 0, 0, &format!("{poison}{n}")).at(trace * 1_000 * MS + n * 2 * MS, MS)
        }));
    }
    let place = Place::new();
    let config = format!(
        "[plugins.misbehaving]\npath = \"misbehaving.wasm\"\n\
         [plugins.misbehaving.settings]\nmode = \"{mode}\"\n\
         [plugins.misbehaving.limits]\ncall_ms = 200\n"
    );
    place.spans("in.json", &spans).write("misbehaving.wasm", misbehaving()).write("tracewatt.toml", config);
    place
}

/// What the other plug-ins found, to the byte.
fn others(report: &Value) -> String {
    let kept = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().filter(|item| item["type"] != "seen").cloned().collect()
    };
    let all = serde_json::json!([kept(&report["findings"]), kept(&report["problems"])]);
    serde_json::to_string_pretty(&all).unwrap()
}

/// Scenario: a plug-in fails on one of three traces, in every way it can. Guarantees: what the others found is the same
/// to the byte as without it; the report names the fault and the trace, under `--ci` there is no verdict; the bundle
/// gives the same fault again, and with another component it does not.
#[test]
fn the_others_go_on_and_the_fault_can_be_seen_again() {
    let place = place("behave");
    let without = place.report(&["in.json", "--set", "plugins.misbehaving.enabled=false"]);
    assert!(others(&without).contains("n_plus_one_sql"), "{without}");
    let stock = without["plugins"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap());
    let off: Vec<String> = stock.map(|id| format!("plugins.{id}.enabled=false")).collect();
    for (mode, kind) in MODES {
        let place = self::place(mode);
        let with = place.report(&["in.json"]);
        assert_eq!(others(&with), others(&without), "{mode}");
        let runs = with["plugins"].as_array().unwrap();
        let run = runs.iter().find(|run| run["id"] == "misbehaving").unwrap();
        assert_eq!(run["faults"], serde_json::json!({kind: 1}), "{mode}");
        let message = run["fault_messages"][kind].as_str().unwrap();
        assert!(!message.is_empty(), "{mode}");
        assert!(with["warnings"].to_string().contains("could not judge 1 of 3 traces"), "{mode}");
        assert_eq!(run["skipped_traces"], serde_json::json!([format!("{:032x}", 2)]), "{mode}");

        // Alone, so that nothing else fails the gate.
        let mut args = vec!["analyze", "--ci", "in.json", "--fault-bundles", "faults"];
        args.extend(off.iter().flat_map(|key| ["--set", key.as_str()]));
        let outcome = place.run(&args);
        let bundle = format!("faults/misbehaving-{kind}.json");
        assert_eq!(outcome.code, 3, "{mode}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("tracewatt plugin replay {bundle}")), "{}", outcome.stderr);
        let replay = place.run(&["plugin", "replay", &bundle]);
        assert_eq!(replay.code, 0, "{mode}: {}{}", replay.stdout, replay.stderr);
        assert!(replay.stdout.contains("now     the same"), "{}", replay.stdout);
        let healed =
            place.run(&["plugin", "replay", &bundle, "--set", "plugins.misbehaving.path=nothing.wasm"]);
        assert_eq!(healed.code, 75, "{}", healed.stdout);
    }
}

/// Scenario: a panic. Guarantees: the bundle holds message, place, settings, functions by name and the statement as a
/// template, never as it was sent.
#[test]
fn a_bundle_says_what_happened_and_holds_no_literal() {
    let place = place("panic");
    place.run(&["analyze", "in.json", "--fault-bundles", "faults"]);
    let text = place.read("faults/misbehaving-trap.json");
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let message = bundle["message"].as_str().unwrap();
    assert!(message.contains("the detector saw poison") && message.contains("lib.rs:"), "{message}");
    assert_eq!(bundle["settings"], serde_json::json!([["mode", {"text": "panic"}]]));
    let frames: Vec<&str> =
        bundle["backtrace"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    assert!(frames.iter().any(|frame| frame.contains("Detector>::detect")), "{frames:?}");
    assert!(text.contains("SELECT poison FROM author WHERE id = ?") && !text.contains("id = 1"), "{text}");
    assert_eq!(bundle["log"][0]["level"], "error");
    // The same run writes the same bundle.
    place.run(&["analyze", "in.json", "--fault-bundles", "again"]);
    assert_eq!(place.read("again/misbehaving-trap.json"), text);
}

/// Scenario: files that are no bundles, or of components that are not there. Guarantees: exit 75, and what to do.
#[test]
fn what_is_no_bundle_is_refused() {
    let place = place("panic");
    place.run(&["analyze", "in.json", "--fault-bundles", "faults"]);
    let whole = place.read("faults/misbehaving-trap.json");
    let check = |text: &str, expect: &str| {
        place.write("bundle.json", text);
        let outcome = place.run(&["plugin", "replay", "bundle.json"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (75, ""), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expect), "{}", outcome.stderr);
    };
    check("", "bundle.json: not a fault bundle: EOF");
    check("{}", "not a fault bundle: missing field `format`");
    check("{\"format\": 2}", "a fault bundle of format 2; this program reads 1");
    check(&whole.replace("\"kinds\"", "\"kindness\""), "makes no sense: column");
    let digest =
        serde_json::from_str::<Value>(&whole).unwrap()["plugin"]["sha256"].as_str().unwrap().to_owned();
    check(&whole.replace(&digest, &"0".repeat(64)), "give the component with --plugin FILE");
    let gone = place.run(&["plugin", "replay", "gone.json"]);
    assert_eq!(gone.code, 75, "{}", gone.stderr);
}
