//! Conformance: the stock plug-ins pass all of it, and every mistake that it is there to find is found.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::BTreeMap;
use std::sync::OnceLock;
use tracewatt::conformance::{Row, Subject, conforms, examine, write_table};
use tracewatt::stock::STOCK;
use tracewatt_core::detect::complete;
use tracewatt_core::plugin::{Engine, Limits, Plugin, SettingValue, engine};
use tracewatt_tests::program::Place;
use tracewatt_tests::{profile_folder, workspace};

fn misbehaving() -> &'static [u8] {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let build = || {
        let target = profile_folder().parent().unwrap().join("plugins");
        let name = "misbehaving".to_owned();
        let modules = tracewatt_build::compile(&workspace(), std::slice::from_ref(&name), &target).unwrap();
        tracewatt_build::componentize_file(&name, &modules[0]).unwrap()
    };
    BUILT.get_or_init(build)
}

fn table(engine: &Engine, plugins: [&Plugin; 2], changed: &[(&str, &str)], call_ms: u64) -> Vec<Row> {
    let [plugin, again] = plugins;
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), SettingValue::Text((*value).to_owned()));
    let changed: BTreeMap<String, SettingValue> = changed.iter().map(text).collect();
    let settings = complete(&plugin.manifest, &changed);
    let limits = Limits { call_ms, ..Limits::DEFAULT };
    examine(&Subject { engine, plugin, again, settings: &settings, limits }).unwrap()
}

/// Names of the rows that say that something is wrong.
fn failed(rows: &[Row]) -> Vec<&str> {
    rows.iter().filter(|row| row.result.is_err()).map(|row| row.name).collect()
}

const BOUNDS: &str = "settings at their bounds";

fn written(rows: &[Row]) -> String {
    let mut text = Vec::new();
    write_table(rows, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Scenario: every stock plug-in, twice. Guarantees: it passes everything, the table is the same, and the batch that
/// purity is shown on has something in it for each of them.
#[test]
fn stock_plugins_conform() {
    let engine = engine().unwrap();
    for stock in STOCK {
        let load = || stock.load(&engine).unwrap();
        let (plugin, again) = (load(), load());
        let examined = || table(&engine, [&plugin, &again], &[], 60_000);
        let rows = examined();
        assert!(conforms(&rows), "{}\n{}", stock.id, written(&rows));
        assert_eq!(rows, examined(), "{}", stock.id);
        let alone = rows.iter().find(|row| row.name == "each trace alone").unwrap();
        assert!(!alone.result.as_ref().unwrap().contains("nothing"), "{}: {alone:?}", stock.id);
    }
}

/// Scenario: a component with one mistake at a time. Guarantees: the rows that are there to find it do, and no others.
#[test]
fn every_mistake_is_found() {
    let engine = engine().unwrap();
    let plugin = Plugin::load(&engine, misbehaving(), None).unwrap();
    let check = |mode: &str, expect: &[&str]| {
        let rows = table(&engine, [&plugin, &plugin], &[("mode", mode)], 1_500);
        assert_eq!(failed(&rows), expect, "{mode}\n{}", written(&rows));
        assert!(!conforms(&rows), "{mode}");
    };
    check("die_at_start", &["a usual batch"]);
    // Among the choices of its setting is one to die by, which is found in every mode.
    let check = |mode: &str, expect: &[&str]| check(mode, &[&[BOUNDS], expect].concat());
    check("behave", &[]);
    check("need_a_trace", &["no trace"]);
    check("need_a_call", &["no call"]);
    check("need_a_parent", &["one span", "1,000 traces of one span", "parents that are not there"]);
    check("compare_all_pairs", &["100,000 spans in one trace"]);
    check("climb_by_recursion", &["10,000 spans inside each other"]);
    check("know_all_kinds", &["numbers nobody knows"]);
    check("add_up_times", &["times out of order", "numbers at their ends"]);
    check("cut_at_a_byte", &["odd texts", "texts of 64 KiB"]);
    check("make_do_with_less", &["little memory"]);
    let state = [
        "the same batch again",
        "after other batches",
        "in halves",
        "each trace alone",
        "traces in another order",
        "texts numbered anew",
    ];
    check("count_calls", &state);
    check("forget", &state);
    check("look_around", &["each trace alone"]);
    check("look_at_the_first_trace", &["in halves", "each trace alone", "traces in another order"]);
    check("go_by_text_ids", &["texts by other numbers", "texts numbered anew"]);
    check("cling_to_text_ids", &["after other batches", "texts numbered anew"]);
}

/// Scenario: a plug-in that is loaded again says something else about itself. Guarantees: that is found.
#[test]
fn a_manifest_that_changes_is_found() {
    let engine = engine().unwrap();
    let plugin = Plugin::load(&engine, misbehaving(), None).unwrap();
    let mut again = plugin.clone();
    again.manifest.version.push('!');
    let rows = table(&engine, [&plugin, &again], &[], 60_000);
    assert_eq!(failed(&rows), [BOUNDS, "loaded twice"]);
}

/// Scenario: the command, on a component that passes, one that does not, and what is none.
/// Guarantees: the table on standard output, and 0 or 1.
#[test]
fn the_command_prints_the_table() {
    let place = Place::new();
    let good = STOCK.iter().find(|stock| stock.id == "chatty").unwrap();
    place.write("good.wasm", good.component).write("bad.wasm", misbehaving()).write("none.wasm", "none");
    let run = |args: &[&str]| place.run(&[&["plugin", "check", "--conformance"], args].concat());
    let outcome = run(&["good.wasm"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.lines().count() > 30 && !outcome.stdout.contains("FAIL"), "{}", outcome.stdout);
    let outcome = run(&["bad.wasm", "--setting", "mode=forget"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let line = outcome.stdout.lines().find(|line| line.contains("each trace alone")).unwrap();
    let said = "nothing found, before it was 9; not any more: RawFinding";
    assert!(line.starts_with("FAIL") && line.contains(said), "{line}");
    // What would not be loaded is not tried.
    let outcome = run(&["none.wasm"]);
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (1, 2), "{outcome:?}");
    assert_eq!(run(&["gone.wasm"]).code, 75);
}
