//! Documents are functions of input and configuration: not of hash seeds, threads, or the order of spans.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that lacks what it needs fails")]

use serde_json::Value;
use std::io::Write;
use tracewatt_tests::otlp::{MS, Span, document, request};
use tracewatt_tests::program::{Outcome, Place};
use tracewatt_tests::workspace;

/// Numbers that look random and are the same everywhere (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

/// Shuffles resources, scopes and spans of an OTLP document.
fn shuffle(document: &mut Value, numbers: &mut Numbers) {
    let resources = document["resourceSpans"].as_array_mut().unwrap();
    numbers.shuffle(resources);
    for resource in resources {
        let scopes = resource["scopeSpans"].as_array_mut().unwrap();
        numbers.shuffle(scopes);
        for scope in scopes {
            numbers.shuffle(scope["spans"].as_array_mut().unwrap());
        }
    }
}

/// Every kind of finding there is, with many ties.
fn busy() -> Vec<Span> {
    let mut spans = Vec::new();
    for trace in 1..9 {
        let service = ["shop", "stock", "mail"][trace as usize % 3];
        let mut one = request(trace, 0..60, |n| {
            let at = |step: u64| (n * 4 + step) * MS;
            let call = match n % 6 {
                0 => Span::sql(1, 0, 0, &format!("SELECT a FROM t WHERE id = {n}")),
                1 => Span::sql(1, 0, 0, &format!("SELECT b FROM u WHERE id = {}", n % 3)),
                2 => Span::http(1, 0, 0, "GET", &format!("http://user/u/{n}")),
                3 => {
                    Span::http(1, 0, 0, "GET", &format!("http://user/config/{}", ["a", "b"][n as usize % 2]))
                }
                4 => Span::sql(1, 0, 0, "SELECT name FROM v WHERE id = $1"),
                _ => Span::sql(1, 0, 0, "SELECT slow FROM w").at(at(0), 700 * MS),
            };
            let duration = call.duration_ns;
            call.at(at(0), duration).of(service)
        });
        one.extend(
            (0..25).map(|n| Span::http(trace, 200 + n, 1, "GET", "http://fan/out").at(0, 9 * MS).of(service)),
        );
        spans.extend(one);
    }
    spans
}

fn outputs(place: &Place, input: &str) -> [String; 2] {
    let args = ["analyze", input, "-o", "json=out.json", "-o", "sarif=out.sarif"];
    let outcome = place.run(&args);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    [place.read("out.json"), place.read("out.sarif")]
}

fn inputs() -> Vec<(String, String)> {
    let folder = workspace().join("tests/fixtures/captures");
    let read = |name: &str| (name.to_owned(), std::fs::read_to_string(folder.join(name)).unwrap());
    let busy = ("busy.json".to_owned(), document(&busy()).to_string());
    vec![busy, read("node_http.json"), read("node_knex.json"), read("py_sqlalchemy_default.json")]
}

/// Scenario: the same input five times, each in a process of its own and so with its own hash seeds.
/// Guarantees: JSON and SARIF are the same to the byte.
#[test]
fn five_runs_give_the_same_bytes() {
    for (name, text) in inputs() {
        let place = Place::new();
        place.write(&name, &text);
        let first = outputs(&place, &name);
        assert!(first[0].contains("\"problem_id\""), "{name} has no finding: this would prove nothing");
        for _ in 1..5 {
            assert_eq!(outputs(&place, &name), first, "{name}");
        }
    }
}

/// Scenario: the same spans in another order: resources, scopes and spans shuffled, with several seeds.
/// Guarantees: JSON and SARIF are the same to the byte.
#[test]
fn shuffled_spans_give_the_same_bytes() {
    for (name, text) in inputs() {
        let place = Place::new();
        place.write(&name, &text);
        let first = outputs(&place, &name);
        for seed in 1..4 {
            let mut shuffled: Value = serde_json::from_str(&text).unwrap();
            shuffle(&mut shuffled, &mut Numbers(seed));
            place.write(&name, shuffled.to_string());
            let [json, sarif] = outputs(&place, &name);
            assert_same(&json, &first[0], &format!("{name}, seed {seed}"));
            assert_same(&sarif, &first[1], &format!("{name}, seed {seed}"));
        }
    }
}

/// Scenario: one set of spans, split over several files of equal size in different ways.
/// Guarantees: apart from the list of inputs, the report is the same to the byte.
#[test]
fn spans_split_over_files_give_the_same_report() {
    let place = Place::new();
    let mut spans = busy();
    let mut reports = Vec::new();
    for seed in 0..3 {
        Numbers(seed).shuffle(&mut spans);
        let size = spans.len().div_ceil(4);
        for (index, part) in spans.chunks(size).enumerate() {
            place.spans(&format!("part{index}.json"), part);
        }
        let mut report = place.report(&["part*.json"]);
        report["analysis"]["inputs"] = Value::Null;
        reports.push(serde_json::to_string_pretty(&report).unwrap());
    }
    assert_same(&reports[1], &reports[0], "second split");
    assert_same(&reports[2], &reports[0], "third split");
}

/// Scenario: one processor, then all of them.
/// Guarantees: the number of threads does not show.
#[test]
fn the_number_of_threads_does_not_show() {
    let place = Place::new();
    place.spans("in.json", &busy());
    let args = ["analyze", "in.json", "-o", "json"];
    let Ok(one) = place.command_under(&["taskset", "-c", "0"], &args).output() else {
        return; // no taskset on this system
    };
    let (one, all) = (Outcome::of(&one), place.run(&args));
    assert_eq!((one.code, all.code), (0, 0), "{one:?}");
    assert_same(&one.stdout, &all.stdout, "one processor");
}

/// Scenario: an input that is read in parts, on one processor and on all; with so little memory that nearly every span
/// goes to a file; with its lines in another order; as one document, in one line and over several; compressed.
/// Guarantees: none of it shows.
#[test]
fn a_long_input_gives_one_report_however_it_is_read() {
    let place = Place::new();
    assert_eq!(place.run(&["bench", "--write", "long.json", "--spans", "30000"]).code, 0);
    let text = place.read("long.json");
    assert!(text.len() > 20 << 20, "several parts");
    let args = ["analyze", "-", "-o", "json"];
    let report = |input: &[u8], more: &[&str]| {
        let outcome = place.run_with(&[&args[..], more].concat(), input);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stdout
    };
    let wanted = report(text.as_bytes(), &[]);
    let json: Value = serde_json::from_str(&wanted).unwrap();
    assert!(json["analysis"]["spans_received"].as_u64().unwrap() >= 30_000);
    assert!(json["problems"].as_array().unwrap().len() >= 4, "{}", json["problems"]);
    assert!(json["analysis"]["losses"]["findings_not_listed"].as_u64().unwrap() > 0);
    assert_same(&report(text.as_bytes(), &["--set", "input.memory_mib=1"]), &wanted, "little memory");
    let mut lines: Vec<&str> = text.lines().collect();
    Numbers(5).shuffle(&mut lines);
    assert_same(&report((lines.join("\n") + "\n").as_bytes(), &[]), &wanted, "another order");
    let one = |comma: &str| {
        let resources = text.lines().map(|line| {
            line.strip_prefix("{\"resourceSpans\":[").and_then(|line| line.strip_suffix("]}")).unwrap()
        });
        format!("{{\"resourceSpans\":[{}]}}", resources.collect::<Vec<_>>().join(comma))
    };
    assert_same(&report(one(",").as_bytes(), &[]), &wanted, "one document");
    assert_same(&report(one(",\n  ").as_bytes(), &[]), &wanted, "one document over several lines");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    assert_same(&report(&gzip.finish().unwrap(), &[]), &wanted, "gzip");
    let args = ["analyze", "long.json", "-o", "json"];
    let Ok(one) = place.command_under(&["taskset", "-c", "0"], &args).output() else {
        return; // no taskset on this system
    };
    assert_same(&Outcome::of(&one).stdout, &place.run(&args).stdout, "one processor");
}

/// Scenario: lines that are broken in the middle of a long input. Guarantees: they are counted, named by their line in
/// the whole input, and nothing else is lost.
#[test]
fn broken_lines_of_a_long_input_are_named() {
    let place = Place::new();
    assert_eq!(place.run(&["bench", "--write", "long.json", "--spans", "6000"]).code, 0);
    let text = place.read("long.json");
    let whole = place.report(&["long.json"]);
    let mut lines: Vec<&str> = text.lines().collect();
    let (middle, near_the_end) = (lines.len() / 2, lines.len() - 2);
    lines.insert(near_the_end, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\"");
    lines.insert(middle, "{\"resourceSpans\":]}");
    place.write("broken.json", lines.join("\n"));
    let report = place.report(&["broken.json"]);
    assert_eq!(report["analysis"]["losses"]["lines_skipped"], 2, "{}", report["analysis"]);
    assert_eq!(report["analysis"]["spans_received"], whole["analysis"]["spans_received"]);
    let warnings = report["warnings"].to_string();
    for line in [middle + 1, near_the_end + 2] {
        assert!(warnings.contains(&format!("line {line}")), "line {line}: {warnings}");
    }
}

/// Compares texts; shows the first line that differs rather than all of both.
fn assert_same(got: &str, wanted: &str, what: &str) {
    if let Some((line, (got, wanted))) =
        got.lines().zip(wanted.lines()).enumerate().find(|(_, (a, b))| a != b)
    {
        panic!("{what}: line {}: {got} instead of {wanted}", line + 1);
    }
    assert!(got == wanted, "{what}: one is longer than the other");
}
