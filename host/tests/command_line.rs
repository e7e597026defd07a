//! What the program refuses, what it hides and says that it hides, and that nothing it reads is overwritten.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::request;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A folder with `critical.json`, a critical N+1 on `items`, and its saved report `saved.json`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("critical.json"), request(&[("items", 12)]).to_string()).unwrap();
    let done = run(folder.path(), "analyze critical.json -o json=saved.json");
    assert!(done.status.success(), "{}", err(&done));
    folder
}

fn tracewatt(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracewatt"));
    command.current_dir(folder);
    command
}

fn run(folder: &Path, line: &str) -> Output {
    tracewatt(folder).args(line.split_whitespace()).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks exit code 2, and what is said.
#[track_caller]
fn refused(folder: &Path, line: &str, expect: &str) {
    let output = run(folder, line);
    assert_eq!(output.status.code(), Some(2), "{line}\n{}\n{}", out(&output), err(&output));
    assert!(err(&output).contains(expect), "{line}\n{}", err(&output));
}

/// Scenario: an output over something that the command reads. Guarantees: exit 2, and every file is as it was.
#[test]
fn nothing_that_is_read_is_overwritten() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("tracewatt.toml"), "[gate]\nmin_spans = 1\n").unwrap();
    std::fs::write(at("other.toml"), "").unwrap();
    std::fs::write(at("tracewatt-acknowledgments.toml"), "# none\n").unwrap();
    std::fs::write(at("accepted.toml"), "# none\n").unwrap();
    let all = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    };
    let before = all();
    for (line, expect) in [
        ("analyze critical.json -o json=critical.json", "would overwrite the input `critical.json`"),
        ("analyze *l.json -o json=./critical.json", "would overwrite the input `./critical.json`"),
        ("analyze critical.json -o json=tracewatt.toml", "would overwrite the configuration"),
        (
            "analyze -c other.toml critical.json -o text -o sarif=other.toml",
            "would overwrite the configuration",
        ),
        (
            "analyze critical.json -o json=tracewatt-acknowledgments.toml",
            "would overwrite the acknowledgments",
        ),
        (
            "analyze --acknowledgments accepted.toml critical.json -o json=accepted.toml",
            "would overwrite the acknowledgments",
        ),
        ("analyze --baseline saved.json critical.json -o json=saved.json", "would overwrite the baseline"),
        ("analyze critical.json -o json=a -o sarif=./a", "both go to `./a`"),
        ("analyze critical.json --set output.outputs=['json=critical.json']", "would overwrite the input"),
        ("diff critical.json saved.json -o json=saved.json", "would overwrite the input"),
        ("diff critical.json saved.json -o markdown=critical.json", "would overwrite the input"),
        ("demo -o json=tracewatt.toml", "would overwrite the configuration"),
    ] {
        refused(folder.path(), line, expect);
        assert_eq!(all(), before, "{line}");
    }
}

/// Scenario: names that do not exist. Guarantees: exit 2, and the nearest name.
#[test]
fn unknown_names_are_refused() {
    let folder = folder();
    let nearest = "no plug-in reports findings of type `n_plus_one_sqll` (did you mean `n_plus_one_sql`?)";
    refused(folder.path(), "analyze critical.json --type n_plus_one_sqll", nearest);
    refused(
        folder.path(),
        "analyze critical.json --type slow_* --type what*",
        "of type `what*`; types are chatty",
    );
    refused(folder.path(), "explain --why-not n_plus_one_sqll critical.json", nearest);
    refused(folder.path(), "explain --why-not slow_* critical.json", "of type `slow_*`");
    refused(folder.path(), "ack add zzz --reason r", "`zzz` names no problem");
    refused(folder.path(), "diff - -", "standard input can be one side only");
    assert!(!folder.path().join("tracewatt-acknowledgments.toml").exists());
}

/// Scenario: filters that hide every problem. Guarantees: the formats for people say how many there are and what
/// hides them; those for programs are byte for byte what they are without filters.
#[test]
fn what_is_hidden_is_said() {
    let folder = folder();
    for filter in ["--type slow_sql", "--service other", "--type slow_* --severity critical"] {
        let with = |format: &str, filter: &str| {
            out(&run(folder.path(), &format!("analyze critical.json -o {format} {filter}")))
        };
        for format in ["text", "markdown", "github"] {
            let text = with(format, filter).replace('\\', "");
            assert!(text.contains(&format!("1 problem hidden by {filter}")), "{text}");
            assert!(!text.contains("No problems") && !text.contains("0 problems"), "{text}");
            assert!(!text.contains("FROM items"), "{text}");
            assert!(with(format, "--type n_plus_*").contains("FROM items"));
            assert!(!with(format, "--type n_plus_*").contains("hidden"));
        }
        for format in ["json", "ndjson", "sarif", "junit", "codequality"] {
            assert_eq!(with(format, filter), with(format, ""), "{format}");
        }
        let saved = run(folder.path(), &format!("analyze critical.json {filter} -o json=filtered.json"));
        assert!(saved.status.success());
        let line = "analyze critical.json --baseline filtered.json --fail-on new";
        assert_eq!(run(folder.path(), line).status.code(), Some(0));
    }
}

/// Scenario: an acknowledged problem, in traces and in a saved report. Guarantees: its findings stay in JSON and are
/// marked; `diff` counts it no more on either kind of side, until acknowledgments are left aside.
#[test]
fn acknowledgments_count_on_saved_sides_too() {
    let folder = folder();
    let line = "ack add --type n_plus_one_sql --reason accepted";
    assert!(run(folder.path(), line).status.success());
    let report: Value =
        serde_json::from_str(&out(&run(folder.path(), "analyze critical.json -o json"))).unwrap();
    assert_eq!(report["problems"], json!([]));
    assert_eq!(report["findings"][0]["acknowledged"], json!(true), "{}", report["findings"]);
    for sides in ["critical.json critical.json", "saved.json saved.json", "saved.json critical.json"] {
        for (flags, expect) in [("--ci", 0), ("--ci --no-acknowledgments", 1)] {
            let output = run(folder.path(), &format!("diff {sides} {flags}"));
            assert_eq!(output.status.code(), Some(expect), "{sides} {flags}\n{}", err(&output));
        }
    }
}

/// Scenario: sides that can be read once only. Guarantees: a saved report and traces are both taken from a pipe.
#[cfg(unix)]
#[test]
fn a_side_may_be_a_pipe() {
    let folder = folder();
    for name in ["critical.json", "saved.json"] {
        for side in ["-", "/dev/stdin"] {
            let output = tracewatt(folder.path())
                .args(["diff", "saved.json", side])
                .stdin(Stdio::from(
                    std::process::Command::new("cat")
                        .arg(folder.path().join(name))
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap()
                        .stdout
                        .unwrap(),
                ))
                .output()
                .unwrap();
            assert!(output.status.success(), "{name} {side}\n{}", err(&output));
            assert!(out(&output).contains("0 new problems, 0 resolved"), "{}", out(&output));
        }
    }
}

/// Scenario: a full disk. Guarantees: help that cannot be written ends with 75 and no panic.
#[cfg(target_os = "linux")]
#[test]
fn help_to_a_full_disk_fails() {
    let folder = tempfile::tempdir().unwrap();
    for line in ["--help", "--version", "analyze --help", "demo"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = tracewatt(folder.path()).args(line.split(' ')).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(75), "{line}\n{}", err(&output));
        assert!(!err(&output).contains("panicked"), "{}", err(&output));
    }
}

/// Scenario: a gate rule fails on input that is cut off. Guarantees: what is printed says the same as the exit code.
#[test]
fn a_failed_rule_is_printed_as_one() {
    let folder = folder();
    let text = std::fs::read_to_string(folder.path().join("critical.json")).unwrap();
    std::fs::write(folder.path().join("cut.ndjson"), format!("{text}\n{}", &text[..text.len() / 2])).unwrap();
    let output = run(folder.path(), "analyze cut.ndjson --ci");
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let said = out(&output);
    assert!(
        said.contains("FAILED: ") && said.contains("; also, the input") && !said.contains("NO VERDICT"),
        "{said}"
    );
}
