//! Which components are loaded: the lock file, signatures, grants. Messages are compared with the files in
//! `fixtures/refused`, digests and ids of keys left out; `UPDATE_GOLDEN=1` writes them anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::OnceLock;
use tracewatt_core::plugin::{Grants, Plugin, engine};
use tracewatt_tests::daemon::Daemon;
use tracewatt_tests::golden::{golden, names};
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::{Outcome, Place};
use tracewatt_tests::{profile_folder, workspace};

/// A detector that can be loaded.
fn good() -> &'static [u8] {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let target = profile_folder().parent().unwrap().join("plugins");
        let modules = tracewatt_build::compile(&workspace(), &["chatty".to_owned()], &target).unwrap();
        tracewatt_build::componentize_file("chatty", &modules[0]).unwrap()
    })
}

/// The same with a section that nobody reads.
fn another() -> Vec<u8> {
    [good(), &[0, 5, 1, b'x', 1, 2, 3]].concat()
}

/// The same with one more import, of the type of one that it has.
fn greedy() -> &'static [u8] {
    static GREEDY: OnceLock<Vec<u8>> = OnceLock::new();
    GREEDY.get_or_init(|| {
        let (name, engine) = ("wasi:cli/environment@0.2.3", engine().unwrap());
        let grants = Grants::of(["wasi-traps"]).unwrap();
        let with_type = |index: u8| {
            let import = [&[1, 0, name.len() as u8], name.as_bytes(), &[5, index]].concat();
            [good(), &[10, import.len() as u8], &import].concat()
        };
        let loads = |bytes: &Vec<u8>| Plugin::load_granted(&engine, bytes, None, &grants).is_ok();
        (0..128).map(with_type).find(loads).unwrap()
    })
}

/// A place with traces, a component and a configuration.
fn place(component: &[u8], more: &str) -> Place {
    let place = Place::new();
    let spans =
        request(1, 0..12, |n| Span::http(1, 0, 0, "GET", &format!("http://u/{n}")).at(n * 2 * MS, MS));
    place.spans("in.json", &spans).write("mine.wasm", component);
    configure(&place, more);
    place
}

fn configure(place: &Place, more: &str) {
    place.write("tracewatt.toml", format!("[plugins.mine]\npath = \"mine.wasm\"\n{more}"));
}

/// Runs an analysis that must be refused with the message of this name.
#[track_caller]
fn refused(place: &Place, name: &str) {
    let Outcome { code, stdout, stderr } = place.run(&["analyze", "in.json"]);
    assert_eq!((code, stdout.as_str()), (75, ""), "{stderr}");
    golden(name, &stderr);
    let checked = place.run(&["config", "check"]);
    assert_eq!((checked.code, checked.stderr), (75, stderr), "other commands say the same");
}

#[track_caller]
fn accepted(place: &Place) {
    let outcome = place.run(&["analyze", "in.json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[track_caller]
fn lock(place: &Place, arguments: &[&str], code: i32) -> String {
    let outcome = place.run(&[&["plugin", "lock"], arguments].concat());
    assert_eq!(outcome.code, code, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

/// Scenario: no lock file; then one; then another component in the place of the one that was locked, which is accepted.
/// Guarantees: nothing is checked without the file; another component is refused until somebody accepts it; what each
/// form of the command says and writes.
#[test]
fn another_component_is_refused_until_it_is_accepted() {
    let place = place(good(), "");
    assert!(lock(&place, &["--check"], 1).contains("there is no tracewatt.lock"));
    accepted(&place);
    golden("lock-written", &lock(&place, &[], 0));
    golden("lock-file", &place.read("tracewatt.lock"));
    assert!(lock(&place, &["--check"], 0).contains("is up to date: 1 plug-in locked"));
    accepted(&place);

    let before = place.read("tracewatt.lock");
    place.write("mine.wasm", another());
    refused(&place, "lock-digest");
    golden("lock-check", &lock(&place, &["--check"], 1));
    lock(&place, &[], 1);
    assert_eq!(place.read("tracewatt.lock"), before, "nothing is accepted without a word");
    golden("lock-update", &lock(&place, &["--update", "mine"], 0));
    accepted(&place);

    place.write("mine.wasm", good());
    refused(&place, "lock-digest");
    lock(&place, &["--accept"], 0);
    assert_eq!(place.read("tracewatt.lock"), before);
    accepted(&place);
}

/// Scenario: a plug-in more and a plug-in less than was locked, and one that was changed at the same time.
/// Guarantees: what is missing is refused; the command adds and removes by itself, but accepts no change by the way.
#[test]
fn plugins_come_and_go() {
    let place = place(good(), "");
    lock(&place, &[], 0);
    let both = "enabled = false\n[plugins.other]\npath = \"other.wasm\"\n";
    place.write("other.wasm", good());
    configure(&place, both);
    refused(&place, "lock-missing");
    place.write("mine.wasm", another());
    refused(&place, "lock-missing-and-digest");
    assert!(lock(&place, &[], 1).contains("tracewatt plugin lock --update mine"));
    lock(&place, &["--update", "mine"], 0);
    accepted(&place);
    configure(&place, "");
    accepted(&place);
    assert!(lock(&place, &["--check"], 1).contains("other: locked, and no plug-in of the configuration"));
    assert!(lock(&place, &[], 0).contains("other: removed"));
    lock(&place, &["--check"], 0);
    let unknown = place.run(&["plugin", "lock", "--update", "nobody"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("has the id `nobody`; those that are: mine"), "{}", unknown.stderr);
}

/// Scenario: components that ask for more: ungranted, granted, locked before it was granted.
/// Guarantees: each is refused with what it asks for and how to allow it; allowed, it works; less than was locked is fine.
#[test]
fn what_asks_for_more_is_refused_until_it_is_granted_and_locked() {
    let place = place(good(), "");
    lock(&place, &[], 0);
    place.write("mine.wasm", greedy());
    refused(&place, "lock-imports");
    std::fs::remove_file(place.path("tracewatt.lock")).unwrap();
    refused(&place, "grant-missing");
    configure(&place, "grants = [\"wasi\"]\n");
    refused(&place, "grant-unknown");
    configure(&place, "grants = [\"wasi-traps\"]\n");
    accepted(&place);
    lock(&place, &[], 0);
    accepted(&place);
    let listed = place.run(&["plugin", "list"]).stdout;
    let mine = listed.split("\n").skip_while(|line| !line.starts_with("mine ")).take(8).collect::<Vec<_>>();
    golden("list", &mine.join("\n"));
    let inspected = place.run(&["plugin", "inspect", "mine.wasm"]).stdout;
    assert!(inspected.contains("  grants    wasi-traps needed\n"), "{inspected}");

    place.write("mine.wasm", good());
    configure(&place, "");
    lock(&place, &["--accept"], 0);
    configure(&place, "grants = [\"wasi-traps\"]\n");
    refused(&place, "lock-grants");
    lock(&place, &["--update", "mine"], 0);
    configure(&place, "");
    accepted(&place);
    assert!(lock(&place, &["--check"], 1).contains("grants    - wasi-traps"));
}

/// Scenario: lock files that make no sense. Guarantees: nothing is loaded, and the message says what to do.
#[test]
fn a_lock_file_that_makes_no_sense_is_an_error() {
    let place = place(good(), "");
    place.write("tracewatt.lock", "version = 1\n<<<<<<< HEAD\n");
    refused(&place, "lock-conflict");
    place.write("tracewatt.lock", "version = 9\n");
    refused(&place, "lock-version");
}

/// A key pair of minisign, `NAME.pub` and `NAME.key`. Returns the public key.
fn key(place: &Place, name: &str) -> String {
    minisign(place, &["-G", "-W", "-p", &format!("{name}.pub"), "-s", &format!("{name}.key")]);
    place.read(&format!("{name}.pub")).lines().nth(1).unwrap().to_owned()
}

fn sign(place: &Place, name: &str, more: &[&str]) {
    let key = format!("{name}.key");
    minisign(place, &[&["-S", "-s", &key, "-m", "mine.wasm", "-t", "version 1"], more].concat());
}

fn minisign(place: &Place, arguments: &[&str]) {
    let output = Command::new("minisign").args(arguments).current_dir(place.path("")).output();
    let output = output.unwrap_or_else(|error| panic!("minisign (apt-get install minisign): {error}"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn keys(keys: &[&str]) -> String {
    format!("[signatures]\npublic_keys = {keys:?}\n")
}

/// Scenario: components signed by minisign itself: by the right key, by one of several, in the older format, for one
/// plug-in alone, not at all where that is allowed. Guarantees: they are loaded, and the list says who signed.
#[test]
fn a_signature_by_a_key_of_the_configuration_is_accepted() {
    let place = place(good(), "");
    let (ours, theirs) = (key(&place, "ours"), key(&place, "theirs"));
    configure(&place, &format!("{}required = false\n", keys(&[&ours])));
    accepted(&place);
    sign(&place, "ours", &[]);
    configure(&place, &keys(&[&ours]));
    accepted(&place);
    golden("list-signed", &signed(&place));
    configure(&place, &keys(&[&theirs, &ours]));
    accepted(&place);
    configure(&place, &format!("public_keys = {:?}\n{}", [&ours], keys(&[&theirs])));
    accepted(&place);
    sign(&place, "ours", &["-l"]);
    accepted(&place);
}

fn signed(place: &Place) -> String {
    let listed = place.run(&["plugin", "list"]).stdout;
    listed.lines().find(|line| line.starts_with("  signed ")).unwrap().to_owned()
}

/// Scenario: no signature, a signature by another key, of other bytes, with another comment, that is none; a key that
/// is none. Guarantees: one message each, and nothing is loaded; a signature that is there must hold even where none
/// is required.
#[test]
fn a_signature_that_does_not_hold_is_refused() {
    let place = place(good(), "");
    let (ours, theirs) = (key(&place, "ours"), key(&place, "theirs"));
    configure(&place, &keys(&[&ours]));
    refused(&place, "signature-missing");
    sign(&place, "theirs", &[]);
    refused(&place, "signature-other-key");
    configure(&place, &format!("public_keys = {:?}\n{}required = false\n", [&ours], keys(&[&theirs])));
    refused(&place, "signature-other-key-of-plugin");
    std::fs::remove_file(place.path("mine.wasm.minisig")).unwrap();
    refused(&place, "signature-missing-of-plugin");

    for required in ["", "required = false\n"] {
        configure(&place, &format!("{}{required}", keys(&[&ours])));
        place.write("mine.wasm", good());
        sign(&place, "ours", &[]);
        let signature = place.read("mine.wasm.minisig");
        place.write("mine.wasm", another());
        refused(&place, "signature-altered");
        place.write("mine.wasm", good());
        place.write("mine.wasm.minisig", signature.replace("version 1", "version 2"));
        refused(&place, "signature-altered-comment");
        place.write("mine.wasm.minisig", "who knows what\n");
        refused(&place, "signature-unreadable");
    }
    configure(&place, &keys(&["RW"]));
    refused(&place, "signature-bad-key");
}

/// Scenario: a component, its lock file and its signature change under a daemon.
/// Guarantees: it loads nothing that `analyze` would refuse, and sees each of these files by itself.
#[test]
fn a_daemon_compares_whenever_it_loads() {
    let place = place(good(), "");
    let ours = key(&place, "ours");
    configure(&place, &keys(&[&ours]));
    sign(&place, "ours", &[]);
    lock(&place, &[], 0);
    let daemon = Daemon::start(&place, &[]);
    let error = |daemon: &Daemon| daemon.get("/api/plugins").json()["reloads"]["last_error"].to_string();

    place.write("mine.wasm", another());
    daemon.until("another component is refused", |daemon| error(daemon).contains("does not hold"));
    sign(&place, "ours", &[]);
    daemon.until("its signature is seen", |daemon| error(daemon).contains("is not what was locked"));
    assert_eq!(daemon.metric("tracewatt_generation"), 1.0);
    lock(&place, &["--update", "mine"], 0);
    daemon.until("the lock file is seen", |daemon| daemon.metric("tracewatt_generation") == 2.0);
    assert_eq!(error(&daemon), "null");
}

/// Scenario: settings of a foreign plug-in that are out of range, of another type, unknown.
/// Guarantees: all of it at once, with file, line and what would be right.
#[test]
fn settings_out_of_range_are_refused() {
    let section = "[plugins.mine.settings]\nchatty_service_min_calls = 0\nchatty_service_mincalls = 3\n";
    let place = place(good(), &format!("limits = {{ memory_mib = 0 }}\n{section}"));
    refused(&place, "settings");
    configure(&place, "settings = { chatty_service_min_calls = \"many\" }\n");
    refused(&place, "settings-type");
}

/// Scenario: every golden file. Guarantees: none is left from a case that is no more.
#[test]
fn every_golden_file_is_of_a_case() {
    let tests = ["plugin_trust", "bad_components"]
        .map(|name| std::fs::read_to_string(workspace().join(format!("tests/tests/{name}.rs"))).unwrap());
    for name in names() {
        assert!(tests.iter().any(|test| test.contains(&format!("{name:?}"))), "{name}");
    }
}
