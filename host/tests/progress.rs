//! What is shown on standard error while an analysis takes long. No test waits for a time: each gives the program more to
//! read only after it has seen what it waits for.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tracewatt");

fn traces() -> String {
    common::request(&[("items", 12)]).to_string() + "\n"
}

/// Runs the program on a pipe within a terminal, and returns what it has written there once `seen` was. The pipe is open
/// until then.
fn on_a_terminal(folder: &Path, flags: &str, seen: &str) -> String {
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let line = format!("'{PROGRAM}' analyze pipe -o json=report.json {flags}");
    let mut child = Command::new("script")
        .args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"])
        .current_dir(folder)
        .env_remove("CI")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = File::options().write(true).open(&pipe).unwrap();
    input.write_all(traces().as_bytes()).unwrap();
    let (mut output, mut text) = (child.stdout.take().unwrap(), Vec::new());
    while !String::from_utf8_lossy(&text).contains(seen) {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
    drop(input);
    output.read_to_end(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&text));
    String::from_utf8(text).unwrap()
}

/// Scenario: an input that takes more than a second to come. Guarantees: a terminal shows a line, draws it again in its
/// place, and keeps nothing of it.
#[test]
fn a_terminal_shows_one_line_and_keeps_none() {
    let folder = tempfile::tempdir().unwrap();
    let text = on_a_terminal(folder.path(), "", "spans/s\u{1b}[K\rreading");
    assert!(text.starts_with("\rreading ") && text.contains(" kB, "), "{text:?}");
    assert!(text.ends_with("\r\u{1b}[K"), "{text:?}");
    assert!(!text.contains('\n'), "{text:?}");
    assert!(folder.path().join("report.json").is_file());
}

/// Scenario: the same without a terminal. Guarantees: `always` writes lines, and nothing but text.
#[test]
fn without_a_terminal_there_are_lines_if_they_are_asked_for() {
    let mut child = Command::new(PROGRAM)
        .args(["analyze", "-", "--progress", "always"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(traces().as_bytes()).unwrap();
    let (mut output, mut line) = (BufReader::new(child.stderr.take().unwrap()), String::new());
    output.read_line(&mut line).unwrap();
    assert!(line.starts_with("reading ") && line.ends_with(" spans/s\n"), "{line:?}");
    drop(input);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    let is_fine = |line: &str| {
        (line.starts_with("reading ") || line.starts_with("judging ")) && !line.contains(char::is_control)
    };
    assert!(format!("{line}{rest}").lines().all(is_fine), "{rest:?}");
    assert!(child.wait().unwrap().success());
}
