//! What somebody may take for a plug-in, and is none: one clear error each, before anything of it runs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tracewatt_core::plugin::{MANIFEST_SECTION, Manifest, Rule};
use tracewatt_tests::golden::golden;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::Place;
use tracewatt_tests::{profile_folder, workspace};

fn good() -> Vec<u8> {
    let target = profile_folder().parent().unwrap().join("plugins");
    let name = "chatty".to_owned();
    let modules = tracewatt_build::compile(&workspace(), std::slice::from_ref(&name), &target).unwrap();
    tracewatt_build::componentize_file(&name, &modules[0]).unwrap()
}

/// Replaces a text by one of the same length.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    for at in 0..out.len() - from.len() {
        if out[at..].starts_with(from.as_bytes()) {
            out[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    out
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A component whose exports have the right names and another type, behind a valid stamp.
fn of_another_type() -> Vec<u8> {
    let rules = vec![Rule { name: "r".to_owned(), ..Rule::default() }];
    let manifest = Manifest { name: "mine".to_owned(), rules, ..Manifest::default() };
    let stamp = serde_json::to_string(&manifest).unwrap();
    let export = |(interface, function): (&str, &str)| {
        format!(
            "(instance ${interface} (export {function:?} (func $f)))
             (export \"tracewatt:plugin/{interface}@0.1.0\" (instance ${interface}))"
        )
    };
    let exports = [("manifest", "describe"), ("lifecycle", "configure"), ("detect", "detect")].map(export);
    wat(&format!(
        "(component
           (core module $m (func (export \"f\") (result i32) i32.const 0))
           (core instance $i (instantiate $m))
           (func $f (result u32) (canon lift (core func $i \"f\")))
           {}
           (@custom {MANIFEST_SECTION:?} {stamp:?}))",
        exports.join("\n")
    ))
}

/// Scenario: files in the place of a plug-in. Guarantees: exit 75, nothing on standard output, and a message that names
/// plug-in, file, what is wrong and what would be right, as in the golden files; `plugin check` ends with 1.
#[test]
fn what_is_no_plugin_is_said() {
    let spans =
        request(1, 0..12, |n| Span::http(1, 0, 0, "GET", &format!("http://u/{n}")).at(n * 2 * MS, MS));
    let place = Place::new();
    place.spans("in.json", &spans);
    place.write("tracewatt.toml", "[plugins.mine]\npath = \"mine.wasm\"\n");
    let good = good();
    let check = |name: &str, bytes: &[u8], expect: &str| {
        place.write("mine.wasm", bytes);
        let outcome = place.run(&["analyze", "in.json"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (75, ""), "{expect}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expect), "{expect}\n{}", outcome.stderr);
        assert!(outcome.stderr.contains("cannot load plug-in `mine` from mine.wasm"), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{}", outcome.stderr);
        golden(name, &outcome.stderr);
        let checked = place.run(&["plugin", "check", "mine.wasm"]);
        assert_eq!(checked.code, 1, "{expect}: {}{}", checked.stdout, checked.stderr);
        assert!(checked.stdout.contains("FAIL"), "{}", checked.stdout);
    };
    check(
        "component-empty",
        b"",
        "not a WebAssembly component: it does not begin with the bytes 00 61 73 6d",
    );
    check(
        "component-script",
        b"#!/bin/sh\n",
        "not a WebAssembly component: it does not begin with the bytes 00 61 73 6d",
    );
    check("component-half", &good[..good.len() / 2], "not a WebAssembly component: unexpected end");
    check("component-core-module", &wat("(module)"), "not a WebAssembly component: it is a core module");
    check(
        "component-without-exports",
        &wat("(component)"),
        "does not export the world `detector` of tracewatt:plugin/",
    );
    check(
        "component-of-another-product",
        &wat("(component (import \"acme:tracing/sink@1.0.0\" (instance)))"),
        "imports `acme:tracing/sink@1.0.0`, which this host does not offer; a plug-in may import",
    );
    check(
        "component-of-the-future",
        &replaced(&good, "tracewatt:plugin/spans@0.1.0", "tracewatt:plugin/spans@0.7.0"),
        "is built for tracewatt:plugin/…@0.7.0, this host offers 0.1.0; rebuild it against wit/0.1",
    );
    check(
        "component-unknown-interface",
        &replaced(&good, "tracewatt:plugin/spans@0.1.0", "tracewatt:plugin/sockt@0.1.0"),
        "imports `tracewatt:plugin/sockt@0.1.0`, which this host does not offer",
    );
    check(
        "component-import-of-another-type",
        &wat(
            "(component (import \"tracewatt:plugin/spans@0.1.0\" (instance (export \"kinds\" (func (result string))))))",
        ),
        "does not export the world `detector`",
    );
    check(
        "component-missing-export",
        &replaced(&good, "tracewatt:plugin/detect@0.1.0", "tracewatt:plugin/detekt@0.1.0"),
        "does not export the world `detector`",
    );
    check("component-export-of-another-type", &of_another_type(), "does not export the world `detector`");
    check(
        "component-broken-stamp",
        &replaced(&good, "\"rules\":[{", "\"rules\":{{"),
        "its manifest cannot be read: stamp:",
    );
    let outcome = place.run(&["analyze", "in.json", "--set", "plugins.mine.path=."]);
    assert_eq!(outcome.code, 75);
    assert!(
        outcome.stderr.contains("cannot load plug-in `mine` from .: Is a directory"),
        "{}",
        outcome.stderr
    );
}

/// Scenario: components that ask for files, sockets, the environment, a clock, random numbers, standard output.
/// Guarantees: none is compiled or instantiated, and the message says what it asked for.
#[test]
fn nothing_of_the_system_is_offered() {
    let place = Place::new();
    place.write("in.json", "{}");
    for interface in [
        "wasi:filesystem/types@0.2.3",
        "wasi:filesystem/preopens@0.2.3",
        "wasi:sockets/tcp@0.2.3",
        "wasi:cli/environment@0.2.3",
        "wasi:cli/stdout@0.2.3",
        "wasi:clocks/wall-clock@0.2.3",
        "wasi:clocks/monotonic-clock@0.2.3",
        "wasi:random/random@0.2.3",
        "wasi:http/outgoing-handler@0.2.3",
    ] {
        place.write("greedy.wasm", wat(&format!("(component (import \"{interface}\" (instance)))")));
        let outcome = place.run(&["analyze", "in.json", "--set", "plugins.greedy.path=greedy.wasm"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (75, ""), "{}", outcome.stderr);
        let said = format!("imports `{interface}`, which this host does not offer");
        assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    }
}
