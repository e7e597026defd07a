use super::*;
use crate::config::{Config, Raw, check};
use std::ffi::OsStr;
use tracewatt_core::report::{ConfidenceLevel, Severity};

/// Parses a command line without the program's name; an error is its text without colours.
fn invoke(line: &str) -> Result<Invocation, String> {
    parse(std::iter::once("tracewatt").chain(line.split_whitespace())).map_err(|error| {
        assert_eq!(
            error.exit_code(),
            i32::from(error.use_stderr()) * 2,
            "usage errors exit with 2, help with 0"
        );
        error.to_string()
    })
}

fn analyze(line: &str) -> Analyze {
    match invoke(&format!("analyze {line}")).unwrap().command {
        Action::Analyze(analyze) => analyze,
        other => panic!("{other:?}"),
    }
}

/// Returns the configuration in effect with the flags of a command line and no file.
fn configured(source: &ConfigSource) -> Config {
    let mut raw = Raw::empty();
    raw.override_with(&source.flags);
    check(&raw, &[]).unwrap()
}

#[test]
fn the_definition_is_sound() {
    definition().debug_assert();
}

#[test]
fn without_flags_everything_is_a_default() {
    let invocation = invoke("analyze").unwrap();
    assert_eq!((invocation.color, invocation.quiet), (ColorChoice::Auto, false));
    let verdict = Verdict { enforced: false, fail_on: FailOn { gate: true, ..FailOn::default() } };
    assert_eq!(
        analyze(""),
        Analyze {
            inputs: vec!["-".into()],
            config: ConfigSource::default(),
            outputs: Vec::new(),
            verdict,
            baseline: None,
            acknowledgments: Acknowledgments::Apply,
            filters: Filters::default(),
            environment: Environment::Local,
            fault_bundles: None,
            plugin_stats: false,
            timings: false,
        }
    );
}

#[test]
fn each_flag_changes_what_it_says() {
    let plain = || analyze("");
    let check = |line: &str, expect: Analyze| assert_eq!(analyze(line), expect, "{line}");
    let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    check("a.json b/*.json", Analyze { inputs: paths(&["a.json", "b/*.json"]), ..plain() });
    check("-i a.json --input -", Analyze { inputs: paths(&["a.json", "-"]), ..plain() });
    check("-i c a b", Analyze { inputs: paths(&["a", "b", "c"]), ..plain() });
    let outputs = |specs: &[&str]| specs.iter().map(|spec| Output::parse(spec).unwrap()).collect();
    check("-o text -o json=r.json", Analyze { outputs: outputs(&["text", "json=r.json"]), ..plain() });
    check("--format sarif", Analyze { outputs: outputs(&["sarif"]), ..plain() });
    check(
        "--output junit=j.xml --format text",
        Analyze { outputs: outputs(&["junit=j.xml", "text"]), ..plain() },
    );
    check("--baseline old.json", Analyze { baseline: Some("old.json".into()), ..plain() });
    check("--no-acknowledgments", Analyze { acknowledgments: Acknowledgments::Ignore, ..plain() });
    check("--show-acknowledged", Analyze { acknowledgments: Acknowledgments::Show, ..plain() });
    check("--timings", Analyze { timings: true, ..plain() });
    check("--environment staging", Analyze { environment: Environment::Staging, ..plain() });
    let verdict = Verdict { enforced: true, ..plain().verdict };
    check("--ci", Analyze { verdict, environment: Environment::Ci, ..plain() });
    check("--ci --environment local", Analyze { verdict, ..plain() });
    let config = ConfigSource { file: Some("c.toml".into()), flags: Vec::new() };
    check("-c c.toml", Analyze { config, ..plain() });
    let filters = Filters {
        types: vec!["slow_*".into(), "chatty_service".into()],
        services: vec!["cart".into()],
        severity: Some(Severity::Warning),
    };
    check(
        "--type slow_* --type chatty_service --service cart --severity warning",
        Analyze { filters, ..plain() },
    );
}

#[test]
fn terminal_flags_go_with_every_command() {
    for line in ["--color never -q doctor", "doctor --color never -q", "config show --quiet --color=never"] {
        let invocation = invoke(line).unwrap();
        assert_eq!((invocation.color, invocation.quiet), (ColorChoice::Never, true), "{line}");
    }
    assert_eq!(invoke("analyze --progress always").unwrap().progress, ProgressChoice::Always);
    for (choice, terminal, ci, expect) in [
        (ProgressChoice::Auto, true, None, true),
        (ProgressChoice::Auto, true, Some("false"), true),
        (ProgressChoice::Auto, true, Some("true"), false),
        (ProgressChoice::Auto, false, None, false),
        (ProgressChoice::Always, false, Some("true"), true),
        (ProgressChoice::Never, true, None, false),
    ] {
        assert_eq!(choice.enabled(terminal, ci.map(OsStr::new)), expect, "{choice:?} {terminal} {ci:?}");
    }
}

#[test]
fn flags_that_stand_for_keys_reach_the_configuration() {
    let config = |line: &str| configured(&analyze(line).config);
    assert_eq!(config("").output.top, 20);
    assert_eq!(config("--top 3").output.top, 3);
    assert_eq!(config("--set output.top=4 --top 3").output.top, 3);
    assert_eq!(config("--top 3").origins["output.top"].to_string(), "--top 3");
    assert_eq!(config("--min-spans 7").gate.min_spans, 7);
    assert_eq!(config("--acknowledgments a.toml").acknowledgments.path, Some("a.toml".into()));
    assert_eq!(config("--set gate.max_new=2 --set gate.max_new=5").gate.max_new, Some(5));
    let gate = config("--baseline b --fail-on new,severity>=warning,confidence>=probable").gate;
    assert_eq!(
        (gate.max_new, gate.fail_on_severity, gate.fail_on_confidence),
        (Some(0), Some(Severity::Warning), ConfidenceLevel::Probable)
    );
}

#[test]
fn fail_on_names_what_fails() {
    let check = |text: &str, expect: Result<FailOn, &str>| {
        assert_eq!(text.parse::<FailOn>(), expect.map_err(str::to_owned), "{text}");
    };
    let none = FailOn::default();
    check("gate", Ok(FailOn { gate: true, ..none }));
    check("gate,new", Ok(FailOn { gate: true, new: true, ..none }));
    check("severity >= critical", Ok(FailOn { severity: Some(Severity::Critical), ..none }));
    check("severity>=bad", Err("no severity `bad`: one of info, warning, critical"));
    check("severity", Err("`severity` is none of gate, new, severity>=LEVEL, confidence>=LEVEL"));
    check("", Err("`` is none of gate, new, severity>=LEVEL, confidence>=LEVEL"));
    check("confidence>=probable", Err("a confidence alone fails nothing: add gate, new or severity>=LEVEL"));
    let verdict = analyze("--fail-on severity>=critical").verdict;
    assert!(verdict.enforced && !verdict.fail_on.gate);
}

#[test]
fn contradictions_are_usage_errors() {
    let check = |line: &str, expect: &str| {
        let error = invoke(line).unwrap_err();
        assert!(error.contains(expect), "{line}: {error}");
        assert!(error.contains("Usage:") || error.contains("--help"), "{line}: {error}");
    };
    check("analyze --fail-on new", "--fail-on new needs --baseline");
    check("analyze -o text -o json", "outputs `text` and `json` both go to standard output");
    check("analyze -o json=a -o sarif=a", "outputs `json` and `sarif` both go to `a`:");
    check("analyze -o xml", "unknown output format `xml`");
    check("analyze --acknowledgments a --no-acknowledgments", "cannot be used with");
    check("analyze --set gate", "no `=` in `gate`");
    check("analyze --top many", "invalid value");
    check("explain a.json", "required");
    check("explain --trace-id 1 --why-not slow_sql", "cannot be used with");
    check("explain --trace-id 1 --service s", "cannot be used with");
    check("diff a", "AFTER");
    check("diff a b --before c", "cannot be used with");
    check("ack add --reason r", "required");
    check("ack add zzz --reason r", "names no problem");
    check("ack add 1a2b3c4d --type slow --reason r", "cannot be used with");
    check("ack add 1a2b3c4d", "--reason");
    check("ack add 1a2b3c4d --reason r --expires 2026-02-30", "is no day");
    check("normalize", "--jsonl");
    check("config", "subcommand");
    check("analyse", "similar subcommand");
    check("", "Usage:");
}

#[test]
fn the_other_commands_mean_what_they_say() {
    let check = |line: &str, expect: Action| assert_eq!(invoke(line).unwrap().command, expect, "{line}");
    let config = ConfigSource::default;
    let inputs = || vec![PathBuf::from("a")];
    let explain = |question| Action::Explain(Explain { inputs: inputs(), config: config(), question });
    check("explain a --trace-id 42", explain(Question::Trace("42".into())));
    let why =
        Question::WhyNot { kind: "slow_sql".into(), service: Some("s".into()), endpoint: Some("e".into()) };
    check("explain a --why-not slow_sql --service s --endpoint e", explain(why));
    let diff = || Diff {
        before: "a".into(),
        after: "b".into(),
        config: config(),
        outputs: Vec::new(),
        verdict: Verdict { enforced: false, fail_on: FailOn { gate: true, ..FailOn::default() } },
        acknowledgments: Acknowledgments::Apply,
    };
    check("diff a b", Action::Diff(diff()));
    check("diff --before a --after b", Action::Diff(diff()));
    let verdict = Verdict { enforced: true, ..diff().verdict };
    check("diff a b --ci", Action::Diff(Diff { verdict, ..diff() }));
    check("doctor a", Action::Doctor(Doctor { inputs: inputs(), config: config() }));
    let outputs = vec![Output::parse("json").unwrap()];
    check("demo -o json", Action::Demo(Demo { config: config(), outputs }));
    check("normalize --jsonl", Action::Normalize);
    check("plugin list", Action::Plugin(PluginAction::List(config())));
    for (word, action) in
        [("check", ConfigAction::Check), ("show", ConfigAction::Show), ("schema", ConfigAction::Schema)]
    {
        let source = ConfigSource { file: Some("x.toml".into()), flags: Vec::new() };
        check(&format!("config {word} -c x.toml"), Action::Config(action, source));
    }
}

#[test]
fn acknowledgments_are_added_by_id_or_by_selector() {
    let check = |line: &str, expect: AckRequest| {
        let Action::Ack(ack) = invoke(line).unwrap().command else { panic!("{line}") };
        assert_eq!(ack.action, expect, "{line}");
    };
    let add = |subject, expires, by: Option<&str>| AckRequest::Add {
        subject,
        reason: "known".into(),
        expires,
        by: by.map(str::to_owned),
    };
    let problem = || AckSubject::Problem("1a2b3c4d".into());
    check("ack add 1a2b3c4d --reason known", add(problem(), None, None));
    check(
        "ack add 1a2b3c4d -r known --expires 30d --by me",
        add(problem(), Some(Expiry::InDays(30)), Some("me")),
    );
    let day = "2026-12-31".parse().ok().map(Expiry::On);
    check("ack add 1a2b3c4d -r known --expires 2026-12-31", add(problem(), day, None));
    let subject =
        AckSubject::Matching { kind: Some("slow_*".into()), service: Some("cart".into()), endpoint: None };
    check("ack add --type slow_* --service cart -r known", add(subject, None, None));
    check("ack list", AckRequest::List);
    check("ack prune --acknowledgments a.toml", AckRequest::Prune);
}

#[test]
fn colour_is_decided_by_flag_then_environment_then_terminal() {
    let check = |choice: ColorChoice, no_color: Option<&str>, force: Option<&str>, terminal, expect| {
        let got = choice.enabled(no_color.map(OsStr::new), force.map(OsStr::new), terminal);
        assert_eq!(got, expect, "{choice:?} {no_color:?} {force:?} {terminal}");
    };
    check(ColorChoice::Auto, None, None, true, true);
    check(ColorChoice::Auto, None, None, false, false);
    check(ColorChoice::Auto, Some("1"), Some("1"), true, false);
    check(ColorChoice::Auto, Some(""), None, true, true);
    check(ColorChoice::Auto, None, Some("1"), false, true);
    check(ColorChoice::Auto, None, Some("0"), false, false);
    check(ColorChoice::Always, Some("1"), None, false, true);
    check(ColorChoice::Never, None, Some("1"), true, false);
}

#[test]
fn help_and_version_are_no_errors() {
    assert!(invoke("--version").unwrap_err().starts_with("tracewatt "));
    assert!(invoke("analyze --help").unwrap_err().contains("Examples:"));
}
