//! What is released stays: the interface as text, and components that were built against it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use tracewatt_core::plugin::digest;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::{Place, types};
use tracewatt_tests::workspace;

/// Scenario: the folders of the interface, and the digests recorded in wit/released.sha256. Guarantees: no file has
/// changed, none is missing, none was added without a digest.
#[test]
fn the_interface_is_what_was_released() {
    let wit = workspace().join("wit");
    let recorded = fs::read_to_string(wit.join("released.sha256")).unwrap();
    let recorded: BTreeSet<(&str, &str)> =
        recorded.lines().map(|line| line.split_once("  ").unwrap()).collect();
    let mut found = BTreeSet::new();
    for folder in fs::read_dir(&wit).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(&wit).unwrap().display().to_string();
            found.insert((digest(&fs::read(&file).unwrap()), name));
        }
    }
    let found: BTreeSet<(&str, &str)> =
        found.iter().map(|(digest, name)| (digest.as_str(), name.as_str())).collect();
    assert_eq!(found, recorded, "wit/README.md says when an interface may change");
}

/// Scenario: components kept as bytes, one per version of the interface. Guarantees: each loads, takes its settings and
/// finds what it found.
#[test]
fn components_of_every_version_run() {
    let place = Place::new();
    let spans = request(1, 0..6, |n| Span::http(1, 0, 0, "GET", &format!("http://u/{n}")).at(n * 2 * MS, MS));
    place.spans("in.json", &spans);
    let folder = workspace().join("tests/fixtures/components");
    let components = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let components: Vec<_> =
        components.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect();
    assert!(!components.is_empty());
    for component in components {
        place.write("kept.wasm", fs::read(&component).unwrap());
        let set = |max: u32| format!("plugins.kept.settings.max_calls={max}");
        let run = |max| {
            let path = "plugins.kept.path=kept.wasm";
            let report = place.report(&["in.json", "--set", path, "--set", &set(max)]);
            let runs = report["plugins"].as_array().unwrap();
            let kept = runs.iter().find(|run| run["id"] == "kept").unwrap();
            assert!(kept.get("faults").is_none(), "{}: {kept}", component.display());
            types(&report).contains(&"kept_component")
        };
        assert!(run(5) && !run(6), "{}", component.display());
    }
}
