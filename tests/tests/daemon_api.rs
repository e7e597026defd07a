//! The API of the daemon from outside: pages, filters, acknowledgments, explanations, the report, events, refusals.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;
use tracewatt_tests::daemon::Daemon;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::Place;

/// A request of each table, of a service of its own for the tables from `b` on.
fn spans(trace: u64, table: &str, look_ups: u64) -> Vec<Span> {
    let service = if table == "a" { "shop".to_owned() } else { format!("{table}-service") };
    let spans = request(u128::from(trace), 0..look_ups, |n| {
        Span::sql(1, 0, 0, &format!("SELECT name FROM {table} WHERE id = {n}")).at(n * 2 * MS, MS)
    });
    spans.into_iter().map(|span| span.of(&service)).collect()
}

fn place(config: &str) -> Place {
    let place = Place::new();
    place.write("tracewatt.toml", format!("[daemon]\ntrace_grace_ms = 100\n{config}"));
    place
}

/// A daemon that has judged three requests, each with another problem.
fn judged(place: &Place) -> Daemon {
    let daemon = Daemon::start(place, &[]);
    for (trace, (table, look_ups)) in [("a", 12), ("b", 9), ("c", 7)].into_iter().enumerate() {
        daemon.export(&spans(trace as u64 + 1, table, look_ups));
        let number = trace as f64 + 1.0;
        daemon.until("the request is judged", |daemon| {
            daemon.metric("tracewatt_traces_judged_total") == number
        });
    }
    daemon
}

/// Reads all pages of a list.
fn pages(daemon: &Daemon, path: &str, name: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = daemon.get(&format!("{path}{cursor}")).json();
        let entries = page[name].as_array().unwrap_or_else(|| panic!("{page}"));
        all.extend(entries.iter().cloned());
        assert!(all.len() < 100, "it does not end");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Scenario: lists are read page by page, and narrowed. Guarantees: pages come to the whole list, in its order, without
/// doubles; filters leave what they should; groups add up.
#[test]
fn lists_come_in_pages_and_are_narrowed() {
    let place = place("");
    let daemon = judged(&place);
    let whole = daemon.problems();
    assert_eq!(whole.len(), 3, "{whole:?}");
    let fingerprints = |problems: &[Value]| -> Vec<String> {
        problems.iter().map(|one| one["problem"]["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let paged = pages(&daemon, "/api/problems?limit=1", "problems");
    assert_eq!(fingerprints(&paged), fingerprints(&whole));
    let findings = pages(&daemon, "/api/findings?limit=2", "findings");
    let numbers: Vec<u64> = findings.iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1], "the newest first");

    let count = |query: &str| pages(&daemon, &format!("/api/problems?{query}"), "problems").len();
    for (query, expected) in [
        ("service=shop", 1),
        ("service=*-service", 2),
        ("type=n_plus_one_*", 3),
        ("type=slow_sql", 0),
        ("status=new", 3),
        ("status=resolved", 0),
        ("since=1h", 3),
        ("since=99999999999999", 0),
        ("severity=info", 3),
        ("acknowledged=true", 0),
        ("endpoint=nothing", 0),
    ] {
        assert_eq!(count(query), expected, "{query}");
    }
    let groups = daemon.get("/api/problems?group_by=service").json();
    let of: BTreeSet<(&str, u64)> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["service"].as_str().unwrap(), group["occurrences"].as_u64().unwrap()))
        .collect();
    assert_eq!(of, BTreeSet::from([("b-service", 9), ("c-service", 7), ("shop", 12)]));

    let id = whole[0]["problem"]["id"].as_str().unwrap();
    let one = daemon.get(&format!("/api/problems/{id}")).json();
    assert_eq!((&one["problem"], one["findings"].as_array().unwrap().len()), (&whole[0]["problem"], 1));
    let trace = format!("{:032x}", 2);
    let about = daemon.get(&format!("/api/findings/{trace}")).json();
    assert_eq!(about["findings"][0]["finding"]["trace_id"], trace);
    assert_eq!(daemon.get("/api/findings/2").json(), about);
}

/// Scenario: requests that make no sense. Guarantees: each has its status code and says what would be right, in the one
/// shape of errors.
#[test]
fn what_makes_no_sense_is_refused() {
    let place = place("");
    let daemon = Daemon::start(&place, &[]);
    let check = |method: &str,
                 path: &str,
                 headers: &[(&str, &str)],
                 body: &str,
                 wanted: (u16, &str, &str)| {
        let answer = daemon.request(method, path, headers, body.as_bytes());
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["code"].as_str()), (wanted.0, Some(wanted.1)), "{path}: {answer:?}");
        assert!(error["message"].as_str().unwrap().contains(wanted.2), "{path}: {answer:?}");
    };
    let json = ("content-type", "application/json; charset=utf-8");
    check("GET", "/api/problems?sevrity=info", &[], "", (400, "bad_request", "it has limit, cursor, since"));
    check("GET", "/api/findings?severity=high", &[], "", (400, "bad_request", "info, warning, critical"));
    check("GET", "/api/findings?cursor=x", &[], "", (400, "bad_request", "cursor"));
    check("GET", "/api/status?x=1", &[], "", (400, "bad_request", "it has none"));
    check("GET", "/api/problems?group_by=type&limit=3", &[], "", (400, "bad_request", "leave `limit`"));
    check("GET", "/api/problems/00000000", &[], "", (404, "not_found", "00000000"));
    check("GET", "/api/findings/77", &[], "", (404, "not_found", "77"));
    check("GET", "/api/explain/abc", &[], "", (404, "not_found", "max_retained_traces"));
    check("GET", "/api/nothing", &[], "", (404, "not_found", "openapi"));
    check("PUT", "/api/status", &[], "", (405, "method_not_allowed", "openapi"));
    check("POST", "/api/reload", &[], "", (415, "media_type", "application/json"));
    check(
        "POST",
        "/api/reload",
        &[("content-type", "text/plain")],
        "{}",
        (415, "media_type", "application/json"),
    );
    check("DELETE", "/api/acks/1", &[], "", (415, "media_type", "application/json"));
    check("DELETE", "/api/acks/1", &[json], "", (404, "not_found", "in the file"));
    check("DELETE", "/api/acks/x", &[json], "", (400, "bad_request", "number"));
    check("POST", "/api/acks", &[json], "{", (400, "bad_request", "no JSON"));
    check("POST", "/api/acks", &[json], "[]", (400, "bad_request", "must be an object"));
    check("POST", "/api/acks", &[json], r#"{"who":"x"}"#, (400, "bad_request", "no field `who`"));
    check(
        "POST",
        "/api/acks",
        &[json],
        r#"{"reason":"x","by":"y"}"#,
        (400, "bad_request", "nothing is selected"),
    );
    check(
        "POST",
        "/api/acks",
        &[json],
        r#"{"service":"x","by":"y"}"#,
        (400, "bad_request", "`reason` is missing"),
    );
    let large = format!("{{\"reason\":\"{}\"}}", "x".repeat(70_000));
    check("POST", "/api/acks", &[json], &large, (413, "too_large", "65536"));
}

/// Scenario: a problem is accepted through the API, then in the file of the configuration. Guarantees: lists, report and
/// gate follow at once; what is made here can be taken back here; a change of the file is seen without a restart.
#[test]
fn problems_are_accepted_while_it_runs() {
    let place = place("[acknowledgments]\npath = 'acks.toml'\n");
    place.write("acks.toml", "");
    let daemon = judged(&place);
    let accepted = |daemon: &Daemon| pages(daemon, "/api/problems?acknowledged=true", "problems").len();
    let body = json!({ "service": "*-service", "reason": "known", "by": "ada" });
    let made = daemon.send("POST", "/api/acks", &body);
    assert_eq!((made.status, &made.json()["id"]), (201, &json!(1)), "{made:?}");
    assert_eq!(daemon.send("POST", "/api/acks", &body).json()["error"]["code"], "exists");
    assert_eq!(accepted(&daemon), 2);
    let findings = pages(&daemon, "/api/findings?acknowledged=true", "findings");
    assert!(findings.len() == 2 && findings.iter().all(|one| one["finding"]["acknowledged"] == true));
    let report = daemon.get("/api/report").json();
    assert_eq!(report["acknowledged"].as_array().unwrap().len(), 2, "{report}");
    let revoked = daemon.send("DELETE", "/api/acks/1", &Value::Null);
    assert_eq!((revoked.status, accepted(&daemon)), (200, 0), "{revoked:?}");

    let entry = "[[acknowledged]]\nservice = 'shop'\nacknowledged_by = 'eve'\nacknowledged_at = '2026-01-02'\nreason = 'old'\n";
    place.write("acks.toml", entry);
    daemon.until("the file is seen", |daemon| accepted(daemon) == 1);
    let acks = pages(&daemon, "/api/acks?limit=1", "acks");
    assert_eq!((acks.len(), &acks[0]["source"], &acks[0]["service"]), (1, &json!("file"), &json!("shop")));
    place.write("acks.toml", "[[acknowledged]]\nservice = 7\n");
    let refused = daemon.send("POST", "/api/reload", &Value::Null);
    assert_eq!((refused.status, accepted(&daemon)), (422, 1), "{refused:?}");
}

/// Scenario: the same spans go to the daemon and through `analyze`. Guarantees: the report of the daemon says the same
/// of problems, findings, round trips, energy and carbon, in the same model; a trace is explained as `explain` would.
#[test]
fn the_report_is_that_of_a_batch_run() {
    let place = place("");
    let daemon = judged(&place);
    let live = daemon.get("/api/report").json();
    let all = [("a", 12), ("b", 9), ("c", 7)].into_iter().enumerate();
    let all: Vec<Span> = all.flat_map(|(at, (table, count))| spans(at as u64 + 1, table, count)).collect();
    let batch = place.spans("in.json", &all).report(&["in.json"]);
    let keys = |report: &Value| report.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert!(keys(&batch).is_subset(&keys(&live)), "{:?}\n{:?}", keys(&batch), keys(&live));
    assert_eq!(live["problems"], batch["problems"]);
    assert_eq!(live["findings"], batch["findings"]);
    for key in
        ["total_io_ops", "avoidable_io_ops", "io_ops_by_kind", "io_waste_ratio", "top_offenders", "regions"]
    {
        assert_eq!(live["green_summary"][key], batch["green_summary"][key], "{key}");
    }
    let energy = |report: &Value| report["green_summary"]["energy_kwh"]["mid"].as_f64().unwrap();
    assert!((energy(&live) - energy(&batch)).abs() <= energy(&batch) * 1e-9);
    assert_eq!(live["quality_gate"]["passed"], batch["quality_gate"]["passed"]);
    let saved = place.write("live.json", live.to_string()).run(&["diff", "live.json", "live.json"]);
    assert_eq!(saved.code, 0, "it reads back as a saved report: {}", saved.stderr);

    let trace = format!("{:032x}", 1);
    let explained = daemon.get(&format!("/api/explain/{trace}")).json();
    assert_eq!(explained["trace_id"], trace);
    assert_eq!(explained["spans"].as_array().unwrap().len(), spans(1, "a", 12).len());
    assert_eq!(explained["findings"].as_array().unwrap().len(), 1, "{explained}");
}

/// Scenario: a reader of events is there when a request is judged. Guarantees: it is told of the finding and of the new
/// problem; it ends when the daemon does, which is not held up by it.
#[test]
fn readers_are_told_what_happens() {
    let place = place("");
    let daemon = Daemon::start(&place, &[]);
    let mut stream = TcpStream::connect(("127.0.0.1", daemon.http)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(b"GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut until = |wanted: &str| loop {
        let line = lines.next().unwrap_or_else(|| panic!("the stream ended before {wanted}")).unwrap();
        if line.starts_with(wanted) {
            return line;
        }
    };
    until("HTTP/1.1 200");
    until("content-type: text/event-stream");
    daemon.export(&spans(1, "a", 12));
    until("event: finding");
    let data: Value = serde_json::from_str(until("data: ").trim_start_matches("data: ")).unwrap();
    assert_eq!(data["finding"]["trace_id"], format!("{:032x}", 1));
    until("event: problem.new");
    let data: Value = serde_json::from_str(until("data: ").trim_start_matches("data: ")).unwrap();
    assert_eq!((&data["status"], &data["problem"]["service"]), (&json!("new"), &json!("shop")));
    let (code, notes) = daemon.stop();
    assert_eq!(code, 0, "{notes}");
    assert!(lines.map_while(Result::ok).count() < 100, "the stream has ended");
}

/// Scenario: the description of the API is fetched. Guarantees: every path of it that takes no name answers as it says.
#[test]
fn the_description_is_what_is_served() {
    let place = place("");
    let daemon = Daemon::start(&place, &[]);
    let document = daemon.get("/api/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        if operations.get("get").is_some() && !path.contains('{') && path != "/api/events" {
            assert_eq!(daemon.get(path).status, 200, "{path}");
            asked += 1;
        }
    }
    assert!(asked >= 7, "{asked}");
    let config = daemon.get("/api/config").json();
    assert_eq!(config["daemon"]["trace_grace_ms"], 100);
    let plugins = daemon.get("/api/plugins").json();
    assert!(plugins["plugins"].as_array().unwrap().iter().any(|one| one["id"] == "n_plus_one"));
}

/// Scenario: a person asks the daemon from a terminal, accepts a problem and takes that back; then asks where there is no
/// daemon. Guarantees: each answer has what was asked for; refusals and a daemon that is not there are said with what to do.
#[test]
fn it_is_asked_from_a_terminal() {
    let place = place("");
    let daemon = judged(&place);
    let url = format!("http://127.0.0.1:{}", daemon.http);
    let asked = |args: &[&str], says: &[&str]| -> String {
        let outcome = place.run(&[args, &["--daemon", &url]].concat());
        assert_eq!(outcome.code, 0, "{args:?}: {outcome:?}");
        says.iter().for_each(|text| assert!(outcome.stdout.contains(text), "{args:?}, {text}: {outcome:?}"));
        outcome.stdout
    };
    asked(&["query", "status"], &["traces_judged", "generation"]);
    asked(&["query", "problems", "--service", "shop"], &["n_plus_one_sql", "SELECT name FROM a", "new"]);
    let more = asked(&["query", "problems", "--limit", "1"], &["There are more"]);
    assert_eq!(more.matches("n_plus_one_sql").count(), 1, "{more}");
    asked(&["query", "problems", "--severity", "critical", "--service", "nobody"], &["nothing"]);
    asked(&["query", "findings"], &[&format!("{:032x}", 3), "b-service"]);
    let trace = format!("{:032x}", 1);
    asked(&["query", "explain", &trace], &["SELECT name FROM a", "<- ", "n_plus_one_sql"]);
    asked(&["query", "plugins"], &["n_plus_one", "running", "generation 1"]);
    let status: Value = serde_json::from_str(&asked(&["query", "status", "--format", "json"], &[])).unwrap();
    assert_eq!(status["problems"], 3);
    let config: Value = serde_json::from_str(&asked(&["query", "config"], &[])).unwrap();
    assert_eq!(config["daemon"]["trace_grace_ms"], 100);

    let known: Value = serde_json::from_str(&asked(&["query", "problems", "--format", "json"], &[])).unwrap();
    let id = known["problems"][0]["problem"]["id"].as_str().unwrap().to_owned();
    asked(&["ack", "add", &id, "--reason", "measured, cheap", "--expires", "30d"], &[]);
    asked(&["ack", "list"], &[&id, "measured, cheap (tester, until "]);
    asked(&["query", "problems"], &["(acknowledged)"]);
    let again = place.run(&["ack", "add", &id, "--reason", "x", "--daemon", &url]);
    assert!(again.code == 75 && again.stderr.contains("revoke it first"), "{again:?}");
    asked(&["ack", "revoke", "1"], &[]);
    asked(&["ack", "list"], &["nothing is acknowledged"]);
    let revoke = place.run(&["ack", "revoke", "1"]);
    assert!(revoke.code == 2 && revoke.stderr.contains("--daemon"), "{revoke:?}");

    assert_eq!(daemon.stop().0, 0);
    let gone = place.run(&["query", "status", "--daemon", &url]);
    assert!(gone.code == 75 && gone.stderr.contains("is `tracewatt watch` running there?"), "{gone:?}");
    let nonsense = place.run(&["query", "status", "--daemon", "localhost:4318"]);
    assert!(nonsense.code == 75 && nonsense.stderr.contains("http://HOST:PORT"), "{nonsense:?}");
}
