//! Configuration files and what becomes of them: `config/invalid/*.toml` beside the exact message, `config/valid`
//! beside what `config show` prints. `UPDATE_GOLDEN=1 cargo test -p tracewatt --test config` writes both anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use tracewatt::config::{
    Config, Described, Flag, NamedPlugin, PluginSource, Raw, check, find, json_schema, read, reference_page,
};
use tracewatt_core::plugin::{Manifest, Rule, Setting, SettingKind, SettingValue};
use tracewatt_core::report::Severity;

/// Returns plug-ins like the stock ones: one with several finding types, one with a single one of another
/// name, one whose single type has its own name, two that share a setting.
fn plugins() -> Vec<Described> {
    let whole = |name: &str, min, max, default| Setting {
        name: name.to_owned(),
        kind: SettingKind::Integer { min, max },
        default: SettingValue::Integer(default),
        doc: format!("What {name} does."),
    };
    let window = || whole("window_duration_ms", 1, 3_600_000, 500);
    let classification = || Setting {
        name: "sanitizer_aware_classification".to_owned(),
        kind: SettingKind::Choice(["auto", "strict", "always", "never"].map(str::to_owned).to_vec()),
        default: SettingValue::Text("auto".to_owned()),
        doc: "How hidden parameters are judged.".to_owned(),
    };
    let factor = Setting {
        name: "slow_factor".to_owned(),
        kind: SettingKind::Float { min: 1.0, max: 100.0 },
        default: SettingValue::Float(2.0),
        doc: "How much slower than usual.".to_owned(),
    };
    let plugin = |id: &str, types: &[&str], settings: Vec<Setting>| {
        let rules = types.iter().map(|name| Rule { name: (*name).to_owned(), ..Rule::default() }).collect();
        (id.to_owned(), Manifest { name: id.to_owned(), rules, settings, ..Manifest::default() })
    };
    vec![
        plugin(
            "n_plus_one",
            &["n_plus_one_sql", "n_plus_one_http", "n_plus_one_messaging"],
            vec![whole("n_plus_one_min_occurrences", 2, 100_000, 5), window(), classification()],
        ),
        plugin("redundant", &["redundant_sql", "redundant_http"], vec![window()]),
        plugin(
            "slow",
            &["slow_sql", "slow_http"],
            vec![
                whole("slow_query_threshold_ms", 1, 3_600_000, 500),
                whole("slow_query_min_occurrences", 1, 100_000, 3),
                factor,
            ],
        ),
        plugin("fanout", &["excessive_fanout"], vec![whole("max_fanout", 1, 100_000, 20)]),
        plugin("chatty", &["chatty_service"], vec![whole("chatty_service_min_calls", 1, 100_000, 15)]),
        plugin(
            "pool_saturation",
            &["pool_saturation"],
            vec![whole("pool_saturation_concurrent_threshold", 2, 100_000, 10)],
        ),
        plugin("serialized", &["serialized_calls"], vec![whole("serialized_min_sequential", 2, 100_000, 3)]),
    ]
}

fn load(file: &str, text: &str) -> Result<Config, String> {
    check(&Raw::parse(file, text), &plugins()).map_err(|errors| errors.to_string())
}

fn with_flags(text: &str, flags: &[&str]) -> Result<Config, String> {
    let mut raw = Raw::parse("tracewatt.toml", text);
    raw.override_with(&flags.iter().map(|flag| Flag::parse_set(flag).unwrap()).collect::<Vec<_>>());
    check(&raw, &plugins()).map_err(|errors| errors.to_string())
}

fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

/// Compares with the file beside `path`, or writes it; returns what differs.
fn golden(path: &Path, extension: &str, got: &str) -> Option<String> {
    let beside = path.with_extension(extension);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| !value.is_empty()) {
        fs::write(&beside, got).unwrap();
    }
    let expect = fs::read_to_string(&beside).unwrap_or_default();
    (expect != got).then(|| format!("{}\n--- expected\n{expect}\n--- got\n{got}", beside.display()))
}

/// Scenario: files with mistakes. Guarantees: each is refused with exactly the message beside it.
#[test]
fn every_mistake_has_its_message() {
    let files = files("invalid");
    assert!(files.len() >= 20, "{} files", files.len());
    let differences: Vec<String> = files
        .iter()
        .filter_map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let got = match load(name, &fs::read_to_string(path).unwrap()) {
                Ok(_) => "accepted".to_owned(),
                Err(errors) => errors,
            };
            golden(path, "err", &format!("{got}\n"))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Scenario: files without mistakes. Guarantees: what is in effect is exactly what is beside them, reads back
/// as the same configuration, and the JSON Schema accepts both.
#[test]
fn what_is_in_effect_can_be_shown_and_read_back() {
    let schema = jsonschema::validator_for(&json_schema(&plugins())).unwrap();
    let mut differences = Vec::new();
    for path in files("valid") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let config = load(name, &text).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        let show = config.show();
        let warnings: String =
            config.warnings.iter().map(|warning| format!("# warning: {warning}\n")).collect();
        differences.extend(golden(&path, "show", &(warnings + &show)));
        let again = load("shown.toml", &show).unwrap_or_else(|errors| panic!("{name}: {errors}\n{show}"));
        let meaning = |config: &Config| {
            let Config { gate, detection, green, input, output, acknowledgments, .. } = config.clone();
            (gate, detection, green, input, output, acknowledgments)
        };
        assert_eq!(meaning(&config), meaning(&again), "{name}");
        let documents = if name.contains("perf-sentinel") { vec![show] } else { vec![text, show] };
        for document in documents {
            let value: serde_json::Value = toml::from_str::<toml::Table>(&document)
                .map(|table| serde_json::to_value(without_dates(table.into())).unwrap())
                .unwrap();
            let errors: Vec<String> = schema
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Dates become texts, as editors show them to a JSON Schema.
fn without_dates(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Datetime(date) => toml::Value::String(date.to_string()),
        toml::Value::Array(values) => values.into_iter().map(without_dates).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => {
            toml::Value::Table(table.into_iter().map(|(key, value)| (key, without_dates(value))).collect())
        }
        other => other,
    }
}

/// Scenario: mistakes an editor can see. Guarantees: the JSON Schema refuses them too.
#[test]
fn the_schema_refuses_what_the_check_refuses() {
    let schema = jsonschema::validator_for(&json_schema(&plugins())).unwrap();
    for bad in [
        "gate.max_nwe = 1",
        "gate.io_waste_ratio_max = 1.5",
        "detection.max_fanout = 0",
        "detection.sanitizer_aware_classification = 'maybe'",
        "detection.ignore = [{ type = 'slow_sql' }]",
        "green.default_region = 'not a region'",
        "output.outputs = ['xml']",
        "plugins.slow.sha256 = 'abc'",
        "thresholds.max_nwe = 1",
    ] {
        let value = serde_json::to_value(toml::from_str::<toml::Table>(bad).unwrap()).unwrap();
        assert!(!schema.is_valid(&value), "{bad}");
        assert!(load("tracewatt.toml", bad).is_err(), "{bad}");
    }
}

/// Scenario: every key at the ends of its range. Guarantees: the typed configuration holds what the table
/// of keys lets through.
#[test]
fn the_ends_of_every_range_fit() {
    let schema = json_schema(&plugins());
    let mut count = 0;
    for section in ["gate", "green", "input", "output", "detection"] {
        for (key, property) in schema["properties"][section]["properties"].as_object().unwrap() {
            for end in ["minimum", "maximum"] {
                let Some(value) = property.get(end) else { continue };
                let result = with_flags("", &[&format!("{section}.{key}={value}")]);
                assert!(result.is_ok(), "{section}.{key}={value}: {result:?}");
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count}");
}

/// Scenario: a value in the file and on the command line. Guarantees: the command line wins, is checked the
/// same way, and each value knows where it comes from.
#[test]
fn the_command_line_wins_over_the_file() {
    let config =
        with_flags("[thresholds]\nmax_new = 1\nmin_spans = 9\n", &["gate.max_new=5", "green.enabled=false"]);
    let config = config.unwrap();
    assert_eq!((config.gate.max_new, config.gate.min_spans, config.green.enabled), (Some(5), 9, false));
    let origin = |key: &str| config.origins[key].to_string();
    assert_eq!(origin("gate.max_new"), "--set gate.max_new=5");
    assert_eq!(origin("gate.min_spans"), "tracewatt.toml:3:13");
    assert_eq!(origin("gate.count"), "default");

    let check = |flag: &str, expect: &str| assert_eq!(with_flags("", &[flag]).unwrap_err(), expect);
    check(
        "gate.max_new=-1",
        "--set gate.max_new=-1: gate.max_new: must be a whole number in 0..=4294967295, got -1\n\
         1 error in the configuration",
    );
    check(
        "gate.max_nwe=1",
        "--set gate.max_nwe=1: gate.max_nwe: unknown key\n  help: did you mean `max_new`?\n\
         1 error in the configuration",
    );
    check(
        "reporting.intent=internal",
        "--set reporting.intent=internal: reporting: not used by this version\n  help: remove it\n\
         1 error in the configuration",
    );
}

/// Scenario: one setting said in several places. Guarantees: the place that is about less wins, and a key of
/// `[detection]` reaches every plug-in that declares it.
#[test]
fn the_more_particular_place_wins() {
    let window = |text: &str| {
        let config = load("tracewatt.toml", text).unwrap();
        let of = |id: &str| {
            let plugin = config.detection.plugins.iter().find(|plugin| plugin.id == id).unwrap();
            plugin.settings["window_duration_ms"].clone()
        };
        (of("n_plus_one"), of("redundant"))
    };
    let ms = |a, b| (SettingValue::Integer(a), SettingValue::Integer(b));
    let mut text = String::new();
    assert_eq!(window(&text), ms(500, 500));
    text += "detection.window_duration_ms = 700\n";
    assert_eq!(window(&text), ms(700, 700));
    text += "plugins.redundant.settings.window_duration_ms = 800\n";
    assert_eq!(window(&text), ms(700, 800));
    text += "detection.rules.redundant.window_duration_ms = 900\n";
    assert_eq!(window(&text), ms(700, 900));
}

/// Scenario: rules switched off and reworded one by one and all together. Guarantees: the finding type wins
/// over its detector.
#[test]
fn a_finding_type_wins_over_its_detector() {
    let text = "[detection.rules]\nslow = { enabled = true, severity = 'info' }\n\
                slow_sql = { severity = 'critical' }\nslow_http.enabled = false\nfanout.enabled = false\n\
                [plugins.chatty]\nenabled = false\n";
    let config = load("tracewatt.toml", text).unwrap();
    let plugin = |id: &str| config.detection.plugins.iter().find(|plugin| plugin.id == id).unwrap();
    let rule = |id: &str, name: &str| (plugin(id).rules[name].enabled, plugin(id).rules[name].severity);
    assert_eq!(rule("slow", "slow_sql"), (true, Some(Severity::Critical)));
    assert_eq!(rule("slow", "slow_http"), (false, Some(Severity::Info)));
    assert_eq!(rule("redundant", "redundant_sql"), (true, None));
    assert_eq!(
        (plugin("slow").enabled, plugin("fanout").enabled, plugin("chatty").enabled),
        (true, false, false)
    );
}

/// Scenario: overrides and ignores. Guarantees: they cover what their globs match, and ignores end.
#[test]
fn overrides_and_ignores_cover_what_they_say() {
    let text = "[[detection.override]]\nservice = 'batch-*'\nwindow_duration_ms = 60000\nmax_fanout = 100\n\
                [[detection.ignore]]\ntype = 'slow_*'\nendpoint = 'GET /report/*'\nreason = 'known'\nexpires_at = 2026-03-31\n";
    let detection = load("tracewatt.toml", text).unwrap().detection;
    let [over] = detection.overrides.as_slice() else { panic!("{detection:?}") };
    assert_eq!(over.settings.keys().collect::<Vec<_>>(), ["fanout", "n_plus_one", "redundant"]);
    assert_eq!(over.settings["fanout"]["max_fanout"], SettingValue::Integer(100));
    assert!(over.covers("batch-orders", "GET /") && !over.covers("orders", "GET /"));
    let [ignore] = detection.ignores.as_slice() else { panic!("{detection:?}") };
    let covers = |kind, day: &str| ignore.covers(kind, "s", "GET /report/a/b", "t", day.parse().unwrap());
    assert!(covers("slow_sql", "2026-03-31"));
    assert!(!covers("slow_sql", "2026-04-01"));
    assert!(!covers("chatty_service", "2026-03-31"));
}

/// Scenario: plug-ins named in the file. Guarantees: they can be loaded before anything is checked.
#[test]
fn plugins_are_named_before_they_are_known() {
    let raw = Raw::parse(
        "tracewatt.toml",
        "[plugins.mine]\npath = 'mine.wasm'\n[plugins.slow]\nenabled = false\n[plugins.other]\nbuiltin = 'slow'\n\
         [plugins.both]\nbuiltin = 'slow'\npath = 'x'\n",
    );
    let named = |id: &str, source| NamedPlugin { id: id.to_owned(), source, sha256: None };
    assert_eq!(
        raw.plugins(),
        [
            named("mine", PluginSource::Path("mine.wasm".into())),
            named("other", PluginSource::Builtin("slow".to_owned())),
            named("slow", PluginSource::Builtin("slow".to_owned())),
        ]
    );
}

/// Scenario: a folder with either file, both, none. Guarantees: ours wins and the person is told.
#[test]
fn the_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let load = || check(&find(folder.path()).unwrap(), &plugins()).unwrap();
    assert_eq!(load().gate.max_new, None);
    fs::write(
        folder.path().join(".perf-sentinel.toml"),
        "[thresholds]\nmax_new = 1\n[reporting]\nintent = 'x'\n",
    )
    .unwrap();
    fs::create_dir(folder.path().join(".perf-sentinel.d")).unwrap();
    let config = load();
    assert_eq!(config.gate.max_new, Some(1));
    assert_eq!(
        config.warnings,
        ["the fragments in .perf-sentinel.d are not read", "read but not used by this version: reporting"]
    );
    fs::write(folder.path().join("tracewatt.toml"), "[gate]\nmax_new = 2\n").unwrap();
    let config = load();
    assert_eq!(config.gate.max_new, Some(2));
    assert_eq!(config.warnings, [".perf-sentinel.toml is not read, because tracewatt.toml is there"]);
}

/// Scenario: files that cannot be read. Guarantees: each is an error with the reason.
#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| read(path).unwrap_err().to_string();
    assert!(message(&folder.path().join("no.toml")).contains("no.toml: there is no such file"));
    let binary = folder.path().join("b.toml");
    fs::write(&binary, b"a = 1\n\xff").unwrap();
    assert!(message(&binary).contains("it is not UTF-8 text from byte 6 on"));
    assert!(message(folder.path()).contains("cannot read configuration"));
}

/// Scenario: the reference page. Guarantees: it names every key of the table, whatever the nesting.
#[test]
fn the_reference_page_names_every_key() {
    let page = reference_page(&plugins());
    insta::assert_snapshot!(page);
    for key in
        ["`max_new`", "`max_fanout`", "`[[detection.ignore]]`", "`expires_at`", "`memory_mib`", "`pue`"]
    {
        assert!(page.contains(key), "{key}");
    }
}

/// Scenario: nothing is configured. Guarantees: the defaults are those of the core.
#[test]
fn the_defaults_are_those_of_the_core() {
    let config = load("tracewatt.toml", "").unwrap();
    assert_eq!(config.gate, tracewatt_core::gate::GateOptions::default());
    assert_eq!(config.green, tracewatt_core::energy::GreenOptions::default());
}
