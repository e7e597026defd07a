//! Plug-ins without a compiled form: compiled in a process of their own, kept in a cache, and the same report in every
//! case. What is trusted in a cache is tested beside the code (host/src/compiled).

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use tracewatt::stock::{STOCK, Stock};
use tracewatt_core::plugin::{Plugin, PluginError, engine, precompile, seal};
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::{Outcome, Place};

/// Peak memory of a run that must compile, at most, over that of one that finds everything compiled.
const MEMORY_BOUND: f64 = 1.2;

fn stock(id: &str) -> &'static Stock {
    STOCK.iter().find(|stock| stock.id == id).unwrap()
}

/// A place with an N+1 in `in.json`, and a configuration that takes its detector from a file.
fn place() -> Place {
    let place = Place::new();
    let spans = request(1, 0..12, |n| {
        Span::sql(1, 0, 0, &format!("SELECT * FROM item WHERE id = {n}")).at(n * 2 * MS, MS)
    });
    place
        .spans("in.json", &spans)
        .write("other.wasm", stock("n_plus_one").component)
        .write("other.toml", "[plugins.n_plus_one]\npath = \"other.wasm\"\n");
    place
}

/// Analyses with the cache in a folder; returns the report to the byte, and what was said.
fn analyze(place: &Place, cache: &str) -> (String, String) {
    let mut command = place.command(&["analyze", "-c", "other.toml", "-o", "json", "in.json"]);
    command.env("TRACEWATT_CACHE_DIR", place.path(cache));
    let Outcome { code, stdout, stderr } = Outcome::of(&command.output().unwrap());
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("n_plus_one_sql"), "{stdout}");
    (stdout, stderr)
}

/// The entries of a cache.
fn entries(place: &Place, cache: &str) -> Vec<PathBuf> {
    fs::read_dir(place.path(cache)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Scenario: a first run, a second one, one with a damaged entry, and caches that cannot be had or trusted.
/// Guarantees: the first run fills the cache, the second leaves it as it is, a damaged entry is repaired, the others
/// say what is wrong; the report is the same to the byte, also without a cache.
#[test]
fn the_report_is_the_same_however_a_plugin_was_compiled() {
    let place = place();
    let first = analyze(&place, "cache");
    assert_eq!(first.1, "");
    let [entry] = &entries(&place, "cache")[..] else { panic!("{:?}", entries(&place, "cache")) };
    let (whole, written) = (fs::read(entry).unwrap(), fs::metadata(entry).unwrap());
    assert_eq!(
        (written.mode() & 0o777, fs::metadata(place.path("cache")).unwrap().mode() & 0o777),
        (0o600, 0o700)
    );

    assert_eq!(analyze(&place, "cache"), first);
    let still = fs::metadata(entry).unwrap();
    assert_eq!((still.ino(), still.modified().unwrap()), (written.ino(), written.modified().unwrap()));

    for damaged in [&whole[..whole.len() / 2], &[0; 4096]] {
        fs::write(entry, damaged).unwrap();
        assert_eq!(analyze(&place, "cache"), first);
        assert!(fs::read(entry).unwrap() == whole);
    }
    place.write("a_file", "");
    fs::create_dir(place.path("open")).unwrap();
    fs::set_permissions(place.path("open"), Permissions::from_mode(0o777)).unwrap();
    for (cache, reason) in [("a_file/cache", "cannot be made"), ("open", "can be written to by others")] {
        let (report, said) = analyze(&place, cache);
        assert_eq!(report, first.0);
        assert!(said.contains("not kept") && said.contains(reason), "{said}");
    }
    assert_eq!(entries(&place, "open"), [""; 0].map(PathBuf::from));

    let mut command = place.command(&["analyze", "-c", "other.toml", "-o", "json", "in.json"]);
    for name in ["TRACEWATT_CACHE_DIR", "XDG_CACHE_HOME", "HOME"] {
        command.env_remove(name);
    }
    let outcome = Outcome::of(&command.output().unwrap());
    assert_eq!((outcome.stdout, outcome.stderr), first);
}

/// Scenario: the entry of a component, made by hand of another one. Guarantees: it is what runs, so the cache is used.
#[test]
fn what_is_in_the_cache_is_what_runs() {
    let place = place();
    analyze(&place, "cache");
    let [entry] = &entries(&place, "cache")[..] else { panic!("{:?}", entries(&place, "cache")) };
    let (engine, wanted) = (engine().unwrap(), stock("n_plus_one").component);
    let silent = precompile(&engine, stock("slow").component).unwrap();
    fs::write(entry, seal(&engine, wanted, &silent)).unwrap();
    let report = place.report(&["-c", "other.toml", "in.json"]);
    assert!(!report["problems"].to_string().contains("n_plus_one_sql"), "{report}");
}

/// Scenario: a component that passes for one until it is compiled.
/// Guarantees: it is refused with the words that compiling in one process has, and nothing is kept.
#[test]
fn a_component_that_cannot_be_compiled_is_refused_as_ever() {
    let (place, engine) = (place(), engine().unwrap());
    let damage = |at: usize| {
        let mut bytes = stock("n_plus_one").component.to_vec();
        bytes[at] ^= 0x55;
        match Plugin::load(&engine, &bytes, None) {
            Err(error @ PluginError::Compile(_)) => Some((bytes, error.to_string())),
            _ => None,
        }
    };
    let (bytes, expect) = (5_000..).find_map(damage).unwrap();
    place.write("other.wasm", bytes);
    let outcome = place.run(&["analyze", "-c", "other.toml", "in.json"]);
    assert_eq!(outcome.code, 75);
    let first = expect.lines().next().unwrap();
    assert!(
        first.starts_with("cannot be compiled: ") && outcome.stderr.contains(first),
        "{}",
        outcome.stderr
    );
    assert_eq!(entries(&place, "cache"), [""; 0].map(PathBuf::from));
}

/// Scenario: every stock plug-in from a file, compiled and from the cache; and `bench` asked for the peak memory.
/// Guarantees: compiling costs this process hardly any memory. In one process it takes 1.4 times and more.
#[test]
fn compiling_does_not_cost_the_host_memory() {
    let place = place();
    let mut config = String::new();
    for stock in STOCK {
        place.write(&format!("{}.wasm", stock.id), stock.component);
        config += &format!("[plugins.{0}]\npath = \"{0}.wasm\"\n", stock.id);
    }
    place.write("all.toml", config);
    let peak = || {
        let outcome = place.run(&["bench", "-c", "all.toml", "--spans", "100", "--runs", "1"]);
        assert_eq!(outcome.stderr, "");
        outcome.json()["peak_memory_bytes"].as_f64()
    };
    // Where the system does not tell, there is nothing to compare.
    let (Some(compiled), Some(cached)) = (peak(), peak()) else { return };
    assert_eq!(entries(&place, "cache").len(), STOCK.len());
    assert!(compiled < cached * MEMORY_BOUND, "{compiled} bytes with compiling, {cached} without");
}

/// Scenario: the demo, all of whose plug-ins are embedded with a compiled form that fits.
/// Guarantees: nothing is compiled: whatever is compiled ends up in the cache, and there is none.
#[test]
fn the_stock_plugins_are_not_compiled() {
    let place = Place::new();
    assert_eq!(place.run(&["demo"]).code, 0);
    assert!(!place.path("cache").exists());
}
