//! What the program writes, and how it ends: schemas, the gate, acknowledgments, baselines, and secrets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use serde_json::Value;
use std::path::Path;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::{Place, ids, list, types};
use tracewatt_tests::workspace;

const FORMATS: [&str; 8] = ["text", "json", "ndjson", "sarif", "junit", "codequality", "markdown", "github"];

/// An N+1 over HTTP, critical; and redundant statements, information.
fn spans() -> Vec<Span> {
    request(1, 0..14, |n| match n {
        0..12 => Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")).at(n * 2 * MS, MS),
        _ => Span::sql(1, 0, 0, "SELECT name FROM item WHERE id = 7").at(n * 2 * MS, MS),
    })
}

fn healthy() -> Vec<Span> {
    request(1, 0..3, |n| Span::sql(1, 0, 0, &format!("SELECT a FROM t{n}")).at(n * 2 * MS, MS))
}

fn schema(path: &Path) -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // A pattern of the official schema has a stray bracket, which JavaScript takes literally and others do not.
    for owner in ["run", "toolComponent"] {
        if let Some(pattern) =
            schema.pointer_mut(&format!("/definitions/{owner}/properties/language/pattern"))
        {
            *pattern = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
        }
    }
    jsonschema::validator_for(&schema).unwrap()
}

fn assert_valid(schema: &jsonschema::Validator, document: &Value, what: &str) {
    let errors: Vec<String> =
        schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

/// Scenario: reports of the demo, of every capture, of healthy and of empty input, with and without a baseline.
/// Guarantees: SARIF is valid by the official schema and every result has a place; JSON by our own.
#[test]
fn documents_are_valid_by_their_schemas() {
    let sarif = schema(&workspace().join("host/src/report/testdata/sarif-schema-2.1.0.json"));
    let json = schema(&workspace().join("docs/reference/report.schema.json"));
    let place = Place::new();
    place.spans("healthy.json", &healthy()).spans("in.json", &spans()).write("nothing.json", "[]");
    let mut runs = vec![vec!["demo"], vec!["analyze", "healthy.json"], vec!["analyze", "nothing.json"]];
    assert_eq!(place.run(&["analyze", "in.json", "-o", "json=base.json"]).code, 0);
    runs.push(vec!["analyze", "healthy.json", "--baseline", "base.json"]);
    runs.push(vec!["analyze", "in.json", "--baseline", "base.json"]);
    let captures: Vec<String> = std::fs::read_dir(workspace().join("tests/fixtures/captures"))
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| path.ends_with(".json") && !path.ends_with("labels.json"))
        .collect();
    runs.extend(captures.iter().map(|path| vec!["analyze", path]));
    for run in runs {
        let outcome = place.run(&[&run[..], &["-o", "json=out.json", "-o", "sarif=out.sarif"]].concat());
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let read = |name| serde_json::from_str::<Value>(&place.read(name)).unwrap();
        assert_valid(&json, &read("out.json"), &format!("{run:?} json"));
        let log = read("out.sarif");
        assert_valid(&sarif, &log, &format!("{run:?} sarif"));
        for result in list(&log["runs"][0], "results") {
            assert!(!list(result, "locations").is_empty(), "{result}");
            assert!(
                result["partialFingerprints"].as_object().is_some_and(|prints| !prints.is_empty()),
                "{result}"
            );
        }
    }
}

/// Scenario: one input, judged by different rules.
/// Guarantees: the code is the one of the table: a verdict counts only when it is asked for.
#[test]
fn exit_codes_of_the_gate() {
    let place = Place::new();
    place.spans("bad.json", &spans()).spans("good.json", &healthy());
    let lenient = "gate.io_waste_ratio_max=1";
    let table: [(&[&str], i32); 19] = [
        (&["bad.json"], 0),
        (&["good.json"], 0),
        (&["good.json", "--ci"], 0),
        (&["bad.json", "--ci"], 1),
        (&["bad.json", "--ci", "--set", lenient], 0),
        (&["bad.json", "--ci", "--set", lenient, "--set", "gate.n_plus_one_http_warning_max=0"], 1),
        (&["bad.json", "--ci", "--set", lenient, "--set", "gate.max_findings.redundant_sql=0"], 1),
        (&["bad.json", "--ci", "--set", lenient, "--set", "gate.max_findings.redundant_sql=1"], 0),
        (&["bad.json", "--ci", "--set", lenient, "--set", "gate.max_findings.slow_sql=0"], 0),
        (&["bad.json", "--fail-on", "severity>=critical"], 1),
        (&["good.json", "--fail-on", "severity>=info"], 0),
        (&["bad.json", "--ci", "--set", lenient, "--set", "gate.fail_on_severity=critical"], 1),
        (&["good.json", "--ci", "--min-spans", "3"], 0),
        (&["good.json", "--ci", "--min-spans", "4"], 3),
        (&["good.json", "--min-spans", "4"], 0),
        (&["bad.json", "--fail-on", "new"], 2),
        (&["bad.json", "--fail-on", "nonsense"], 2),
        (&["bad.json", "--no-such-flag"], 2),
        (&["none.json", "--ci"], 75),
    ];
    for (args, code) in table {
        let outcome = place.run(&[&["analyze"], args].concat());
        assert_eq!(outcome.code, code, "{args:?}: {}{}", outcome.stdout, outcome.stderr);
    }
}

const HTTP_RULE: [&str; 4] =
    ["--set", "gate.n_plus_one_http_warning_max=0", "--set", "gate.io_waste_ratio_max=1"];

fn id_of(report: &Value, kind: &str) -> String {
    let at = types(report).iter().position(|one| *one == kind).unwrap();
    ids(report)[at].to_owned()
}

/// Scenario: a printed id is acknowledged; later the acknowledgment expires; another one matches nothing.
/// Guarantees: the problem is out of the gate and comes back, and what matches nothing is said.
#[test]
fn an_acknowledged_problem_does_not_fail_the_gate() {
    let place = Place::new();
    place.spans("in.json", &spans());
    let gate = || place.run(&[&["analyze", "--ci", "in.json", "-o", "json"], &HTTP_RULE[..]].concat());
    let before = gate();
    assert_eq!(before.code, 1, "{before:?}");
    let id = id_of(&before.json(), "n_plus_one_http");
    let add = place.run(&["ack", "add", &id, "--reason", "measured, cheap"]);
    assert_eq!(add.code, 0, "{add:?}");
    let after = gate();
    assert_eq!(after.code, 0, "{after:?}");
    assert!(!ids(&after.json()).contains(&id.as_str()));
    assert_eq!(after.json()["acknowledged"][0]["problem"]["id"], id.as_str());
    assert_eq!(place.run(&["ack", "list"]).stdout.matches(&id).count(), 1);
    let without =
        place.run(&[&["analyze", "--ci", "--no-acknowledgments", "in.json"], &HTTP_RULE[..]].concat());
    assert_eq!(without.code, 1);

    let file = "tracewatt-acknowledgments.toml";
    let text = place.read(file);
    place.write(file, text.trim_end().to_owned() + "\nexpires_at = \"2020-01-31\"\n");
    let expired = gate();
    assert_eq!(expired.code, 1, "{expired:?}");
    let kinds = |report: &Value| -> Vec<String> {
        list(report, "warnings").iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert!(
        kinds(&expired.json()).iter().any(|kind| kind.contains("expired")),
        "{:?}",
        kinds(&expired.json())
    );
    assert_eq!(place.run(&["ack", "prune"]).code, 0);
    assert!(!place.read(file).contains(&id));

    assert_eq!(place.run(&["ack", "add", "--type", "slow_*", "--reason", "legacy"]).code, 0);
    assert!(kinds(&gate().json()).contains(&"unmatched_acknowledgment".to_owned()));
}

/// Scenario: acknowledgments by type, service and endpoint; in a file that does not exist; without a reason.
/// Guarantees: patterns match; a path that was given must exist (75); a reason is required (2).
#[test]
fn acknowledgments_select_and_insist() {
    let place = Place::new();
    place.spans("in.json", &spans());
    let add =
        ["ack", "add", "--type", "*_http", "--service", "sh*", "--endpoint", "GET /orders", "-r", "known"];
    let outcome = place.run(&[&add[..], &["--acknowledgments", "mine.toml"]].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let report = place.report(&["in.json", "--acknowledgments", "mine.toml"]);
    assert_eq!(types(&report), ["redundant_sql"]);
    let outcome = place.run(&["analyze", "in.json", "--acknowledgments", "none.toml"]);
    assert_eq!(outcome.code, 75);
    assert!(outcome.stderr.contains("none.toml"), "{}", outcome.stderr);
    assert_eq!(place.run(&["ack", "add", "0badcafe"]).code, 2);
    assert_eq!(place.run(&["ack", "add", "0badcafe", "--reason", ""]).code, 2);
    place.write("broken.toml", "[[acknowledged]]\nproblem = \"0badcafe\"\n");
    let outcome = place.run(&["analyze", "in.json", "--acknowledgments", "broken.toml"]);
    assert_eq!(outcome.code, 75);
    assert!(
        outcome.stderr.contains("broken.toml") && outcome.stderr.contains("reason"),
        "{}",
        outcome.stderr
    );
}

/// Scenario: a saved report, and the same traces, other traces, and none of them against it.
/// Guarantees: problems are existing, new or resolved; `--fail-on new` fails for new ones only.
#[test]
fn a_baseline_tells_new_from_existing() {
    let place = Place::new();
    let statements =
        request(1, 0..2, |n| Span::sql(1, 0, 0, "SELECT name FROM item WHERE id = 7").at(n * 2 * MS, MS));
    place.spans("in.json", &spans()).spans("old.json", &statements).spans("good.json", &healthy());
    assert_eq!(place.run(&["analyze", "old.json", "-o", "json=base.json"]).code, 0);
    let against = |input: &str| place.report(&[input, "--baseline", "base.json"]);
    let states = |report: &Value| -> Vec<String> {
        let state =
            |one: &Value| format!("{} {}", one["type"].as_str().unwrap(), one["status"].as_str().unwrap());
        list(report, "problems").iter().map(state).collect()
    };
    assert_eq!(states(&against("in.json")), ["n_plus_one_http new", "redundant_sql existing"]);
    assert_eq!(states(&against("old.json")), ["redundant_sql existing"]);
    let resolved = against("good.json");
    assert_eq!(list(&resolved, "resolved").len(), 1, "{}", resolved["resolved"]);
    let lenient = ["--set", "gate.io_waste_ratio_max=1", "--baseline", "base.json", "--fail-on", "new"];
    for (input, code) in [("old.json", 0), ("good.json", 0), ("in.json", 1)] {
        assert_eq!(place.run(&[&["analyze", input], &lenient[..]].concat()).code, code, "{input}");
    }
    assert_eq!(place.run(&["analyze", "in.json", "--baseline", "none.json"]).code, 75);
    assert_eq!(place.run(&["analyze", "in.json", "--baseline", "in.json"]).code, 75);
    let diff = place.run(&["diff", "old.json", "in.json"]);
    assert!(diff.code == 0 && diff.stdout.contains("N+1 HTTP"), "{diff:?}");
}

/// Every place of a trace where a value could stand, with a word in it that occurs nowhere else.
fn secrets() -> Vec<Span> {
    let mut spans = request(1, 0..12, |n| {
        let sql = format!("SELECT a FROM t WHERE mail = 'zqsql{n}@x.org' AND pin = 7345{n:02} -- zqnote{n}");
        let double = format!(r#"SELECT a FROM u WHERE b = "zqdouble{n}" AND c = 'it\'s zqslash{n}'"#);
        let url =
            format!("https://zquser:zqpass@user.test/u/zqmail{n}@x.org?token=zqtoken{n}&q=zqquery#zqanchor");
        let redis = format!("SET session:{n} zqredis{n}");
        let mongo = format!(r#"{{"find":"u","filter":{{"name":"zqmongo{n}"}}}}"#);
        let old = |span: Span, system: &str| span.without("db.system.name").with("db.system.name", system);
        let batch = vec![
            Span::sql(1, 0, 0, &sql).with("db.query.parameter.0", format!("zqparam{n}")),
            Span::sql(1, 0, 0, "SELECT a FROM v WHERE b = $1")
                .with("db.statement.parameters", format!("zqold{n}")),
            old(Span::sql(1, 0, 0, &double), "mysql"),
            Span::http(1, 0, 0, "GET", &url),
            old(Span::sql(1, 0, 0, &redis), "redis"),
            old(Span::sql(1, 0, 0, &mongo), "mongodb"),
            Span::sql(1, 0, 0, "SELECT a FROM w WHERE b = 'zqcut"),
        ];
        batch
            .into_iter()
            .zip(0..)
            .map(|(span, step)| span.at((n * 20 + step * 2) * MS, MS))
            .collect::<Vec<_>>()
    });
    spans[0] =
        Span::server(1, 1, 0, "/x").without("http.route").with("url.full", "http://shop/p?key=zqserver");
    spans
}

/// Scenario: marker words as literals of statements, values of queries and parameters, user info, comments, cache values.
/// Guarantees: no output shows one, the log and the explanation neither.
#[test]
fn no_literal_of_the_input_is_shown() {
    let place = Place::new();
    place.spans("in.json", &secrets());
    let trace = format!("{:032x}", 1);
    let mut runs: Vec<Vec<&str>> =
        FORMATS.iter().map(|format| vec!["analyze", "in.json", "-o", format]).collect();
    runs.push(vec!["explain", "in.json", "--trace-id", &trace]);
    runs.push(vec!["explain", "in.json", "--why-not", "slow_sql"]);
    runs.push(vec!["doctor", "in.json"]);
    for run in runs {
        let outcome = place.run(&run);
        assert_eq!(outcome.code, 0, "{run:?}: {}", outcome.stderr);
        let all = outcome.stdout + &outcome.stderr;
        assert!(all.len() > 50, "{run:?}: {all}");
        let shown: Vec<&str> =
            all.lines().filter(|line| line.contains("zq") || line.contains("7345")).collect();
        assert!(shown.is_empty(), "{run:?}: {shown:#?}");
    }
    assert!(place.report(&["in.json"])["problems"].as_array().unwrap().len() >= 5);
}
