//! Plug-ins from files: what is accepted, what is refused and how that is said. What a component can do once it runs
//! is in `sandbox.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use std::path::PathBuf;
use std::sync::OnceLock;
use tracewatt_core::plugin::imports;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::{Outcome, Place, types};
use tracewatt_tests::{profile_folder, workspace};

/// Names of the stock plug-ins: the folders of `detectors/`.
fn stock() -> Vec<String> {
    let entries = std::fs::read_dir(workspace().join("detectors")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Core modules of the stock plug-ins, where the build of the program leaves them.
fn modules() -> &'static [PathBuf] {
    static MODULES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    MODULES.get_or_init(|| {
        let target = profile_folder().parent().unwrap().join("plugins");
        tracewatt_build::compile(&workspace(), &stock(), &target).unwrap()
    })
}

fn component(name: &str) -> Vec<u8> {
    let index = stock().iter().position(|other| other == name).unwrap();
    tracewatt_build::componentize_file(name, &modules()[index]).unwrap()
}

/// A place with an N+1 in `in.json`, a component in `other.wasm`, and a configuration for plug-in `n_plus_one`.
fn place(component: &[u8], more: &str) -> Place {
    let place = Place::new();
    let spans =
        request(1, 0..12, |n| Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS));
    place
        .spans("in.json", &spans)
        .write("other.wasm", component)
        .write("tracewatt.toml", format!("[plugins.n_plus_one]\npath = \"other.wasm\"\n{more}"));
    place
}

fn refused(component: &[u8], more: &str) -> String {
    let Outcome { code, stdout, stderr } = place(component, more).run(&["analyze", "in.json"]);
    assert_eq!((code, stdout.as_str()), (75, ""), "{stderr}");
    stderr
}

/// Scenario: the import lists of the components as shipped.
/// Guarantees: they name nothing but interfaces of ours; no file, socket, clock or random number.
#[test]
fn stock_components_import_nothing_but_our_interfaces() {
    assert!(stock().len() >= 7);
    for name in stock() {
        let found = imports(&component(&name)).unwrap();
        let foreign: Vec<_> =
            found.iter().filter(|import| !import.starts_with("tracewatt:plugin/")).collect();
        assert!(foreign.is_empty(), "{name} imports {foreign:?}");
    }
}

/// Scenario: a component in a file, in the place of the stock one, with its right digest.
/// Guarantees: it is used, and the report says which component it was.
#[test]
fn a_component_from_a_file_takes_part() {
    let bytes = component("n_plus_one");
    let report = place(&bytes, "").report(&["in.json"]);
    assert_eq!(types(&report), ["n_plus_one_http"]);
    let runs = report["plugins"].as_array().unwrap();
    let run = runs.iter().find(|run| run["id"] == "n_plus_one").unwrap();
    let digest = run["sha256"].as_str().unwrap();
    let report = place(&bytes, &format!("sha256 = \"{digest}\"\n")).report(&["in.json"]);
    assert_eq!(types(&report), ["n_plus_one_http"]);
}

/// Scenario: a component under a name of its own, beside the stock ones, which are switched off.
/// Guarantees: it finds what it finds, and its settings are those of its own section.
#[test]
fn a_component_may_have_a_name_of_its_own() {
    let place = place(&component("n_plus_one"), "");
    place.write(
        "tracewatt.toml",
        "[plugins.n_plus_one]\nenabled = false\n[plugins.mine]\npath = \"other.wasm\"\n\
         settings = { n_plus_one_min_occurrences = 12 }\n",
    );
    let report = place.report(&["in.json"]);
    assert_eq!(types(&report), ["n_plus_one_http"]);
    assert_eq!(report["findings"][0]["detector"], "mine");
    assert_eq!(report["detection_config"]["mine.n_plus_one_min_occurrences"], 12);
}

/// Scenario: the right component with another digest in the configuration.
/// Guarantees: it is refused; the message has both digests and the key.
#[test]
fn another_digest_is_refused() {
    let wrong = "0".repeat(64);
    let message = refused(&component("n_plus_one"), &format!("sha256 = \"{wrong}\"\n"));
    assert!(message.contains(&wrong) && message.contains("plugins.n_plus_one.sha256"), "{message}");
}

/// Scenario: a detector that writes 100 000 messages, and one with too much evidence.
/// Guarantees: the report says how much of that it leaves out.
#[test]
fn what_is_cut_of_an_answer_is_in_the_report() {
    let target = profile_folder().parent().unwrap().join("plugins");
    let module =
        tracewatt_build::compile(&workspace(), &["misbehaving".to_owned()], &target).unwrap().remove(0);
    let place = place(&tracewatt_build::componentize_file("misbehaving", &module).unwrap(), "");
    place
        .spans("in.json", &request(1, 0..1, |_| Span::http(1, 0, 0, "GET", "http://user/poison").at(MS, MS)));
    let losses = |mode: &str| {
        let settings = format!("[plugins.bad]\npath = \"other.wasm\"\nsettings = {{ mode = \"{mode}\" }}\n");
        place.write("tracewatt.toml", settings);
        place.report(&["in.json"])["analysis"]["losses"].to_string()
    };
    assert_eq!(losses("behave"), "{}");
    assert_eq!(losses("flood_log"), r#"{"plugin_log_messages_dropped":99936}"#);
    assert_eq!(losses("flood_evidence"), r#"{"plugin_evidence_dropped":8,"plugin_texts_cut":32}"#);
}

/// Scenario: a file that is no component, and has another digest than the configuration asks for.
/// Guarantees: the digest is what is wrong with it, because nobody looks inside before; `config check` says so too.
#[test]
fn a_digest_comes_before_everything_else() {
    for digest in ["\"0000\"", "5"] {
        let place = place(b"who knows what", &format!("sha256 = {digest}\n"));
        for command in [&["analyze", "in.json"][..], &["config", "check"]] {
            let Outcome { code, stderr, .. } = place.run(command);
            assert_eq!(code, 75, "{stderr}");
            assert!(stderr.contains("has the digest") && !stderr.contains("component:"), "{stderr}");
        }
    }
}

/// Scenario: the right component, and a digest in capitals. Guarantees: it is the right one still.
#[test]
fn a_digest_may_be_in_capitals() {
    let bytes = component("n_plus_one");
    let digest = tracewatt_core::plugin::digest(&bytes).to_uppercase();
    let outcome = place(&bytes, &format!("sha256 = \"{digest}\"\n")).run(&["config", "check"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

/// Scenario: a core module, garbage, an empty file, half a component, no file.
/// Guarantees: each is refused with the plug-in, the file and the reason.
#[test]
fn what_is_no_component_is_refused() {
    let whole = component("n_plus_one");
    let module = std::fs::read(&modules()[0]).unwrap();
    for (bytes, reason) in [
        (&module[..], "core module"),
        (b"not wasm at all", "not a WebAssembly component"),
        (b"", "not a WebAssembly component"),
        (&whole[..whole.len() / 2], "not a WebAssembly component"),
    ] {
        let message = refused(bytes, "");
        for part in ["n_plus_one", "other.wasm", reason] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
    let place = place(&whole, "");
    std::fs::remove_file(place.path("other.wasm")).unwrap();
    let outcome = place.run(&["analyze", "in.json"]);
    assert_eq!(outcome.code, 75);
    assert!(outcome.stderr.contains("other.wasm"), "{}", outcome.stderr);
}

/// Scenario: what plug-ins took, asked for. Guarantees: a line for each on standard error, with its findings; the report
/// is the same as without.
#[test]
fn what_plugins_took_is_told_and_in_no_document() {
    let place = place(&component("n_plus_one"), "");
    let without = place.run(&["analyze", "in.json", "-o", "json"]);
    let with = place.run(&["analyze", "in.json", "-o", "json", "--plugin-stats"]);
    assert_eq!(with.stdout, without.stdout);
    let columns = |name: &str| -> Vec<String> {
        let line = with.stderr.lines().find(|line| line.ends_with(&format!("  {name}"))).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    };
    let found = columns("n_plus_one");
    assert_eq!([&found[0], &found[1], &found[4], &found[5]], ["1", "13", "1", "0"], "{found:?}");
    assert!(found[6].parse::<u64>().unwrap() > 0, "{found:?}");
    for name in stock() {
        assert_eq!(columns(&name)[5], "0", "{name}");
    }
}

/// Scenario: a plug-in, compared with itself and with another one. Guarantees: nothing, and what each alone finds.
#[test]
fn what_another_version_would_change_is_shown() {
    let place = place(&component("n_plus_one"), "");
    place.write("chatty.wasm", component("chatty"));
    let diff = |old: &str, new: &str| {
        let outcome = place.run(&["plugin", "diff", old, new, "--traces", "in.json", "-o", "json"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let diff: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        ["new_problems", "resolved_problems"].map(|list| diff[list].as_array().unwrap().len())
    };
    assert_eq!(diff("other.wasm", "other.wasm"), [0, 0]);
    assert_eq!(diff("other.wasm", "chatty.wasm"), [0, 1]);
    assert_eq!(diff("chatty.wasm", "other.wasm"), [1, 0]);
}
