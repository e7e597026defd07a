//! The program at work: a folder of its own, arguments, standard input, and what came of it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test whose surroundings fail, fails")]

use crate::otlp::{Span, document};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder that the program runs in, removed in the end.
pub struct Place {
    folder: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

impl Place {
    /// An empty folder.
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Returns the path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Place {
        std::fs::write(self.path(name), bytes).expect("a file in a temporary folder");
        self
    }

    /// Writes spans as OTLP JSON.
    pub fn spans(&self, name: &str, spans: &[Span]) -> &Place {
        self.write(name, document(spans).to_string())
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file was written")
    }

    /// A command of the program in this folder, untouched by the surroundings of the test.
    pub fn command(&self, args: &[&str]) -> Command {
        prepared(Command::new(crate::binary()), self.folder.path(), args)
    }

    /// The same under another program: `taskset -c 0 tracewatt ...`.
    pub fn command_under(&self, outer: &[&str], args: &[&str]) -> Command {
        let mut command = Command::new(outer.first().copied().unwrap_or_default());
        command.args(outer.iter().skip(1)).arg(crate::binary());
        prepared(command, self.folder.path(), args)
    }

    /// Runs the program.
    pub fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(&self.command(args).output().expect("the program can be started"))
    }

    /// Runs the program with something on standard input.
    pub fn run_with(&self, args: &[&str], stdin: &[u8]) -> Outcome {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let mut input = child.stdin.take().expect("standard input is a pipe");
        std::thread::scope(|scope| {
            // A program that stops reading closes the pipe; what it says about that is looked at, not this.
            scope.spawn(move || drop(input.write_all(stdin)));
            Outcome::of(&child.wait_with_output().expect("the program ends"))
        })
    }

    /// Analyses files and returns the JSON report; the run must pass with code 0.
    pub fn report(&self, args: &[&str]) -> Value {
        let outcome = self.run(&[&["analyze", "-o", "json"], args].concat());
        assert_eq!(outcome.code, 0, "{args:?}: {}", outcome.stderr);
        outcome.json()
    }
}

fn prepared(mut command: Command, folder: &Path, args: &[&str]) -> Command {
    for name in ["CI", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "TRACEWATT_LOG"] {
        command.env_remove(name);
    }
    command.env("TRACEWATT_CACHE_DIR", folder.join("cache")).env("USER", "tester");
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
}

impl Outcome {
    /// Makes an outcome of what the system says.
    pub fn of(output: &Output) -> Outcome {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Outcome { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Analyses spans with some arguments and returns the JSON report.
pub fn analyze_with(spans: &[Span], args: &[&str]) -> Value {
    Place::new().spans("in.json", spans).report(&[&["in.json"], args].concat())
}

/// Analyses spans and returns the JSON report.
pub fn analyze(spans: &[Span]) -> Value {
    analyze_with(spans, &[])
}

/// Returns the types of the problems of a report, in its order.
pub fn types(report: &Value) -> Vec<&str> {
    strings(report, "type")
}

/// Returns the ids of the problems of a report, in its order.
pub fn ids(report: &Value) -> Vec<&str> {
    strings(report, "id")
}

fn strings<'a>(report: &'a Value, field: &str) -> Vec<&'a str> {
    list(report, "problems").iter().map(|problem| problem[field].as_str().unwrap_or_default()).collect()
}

/// Returns the problems of one type.
pub fn problems<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    list(report, "problems").iter().filter(|problem| problem["type"] == kind).collect()
}

/// Returns the findings of one type.
pub fn findings<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    list(report, "findings").iter().filter(|finding| finding["type"] == kind).collect()
}

/// Returns a list of a document; empty when it is not there.
pub fn list<'a>(document: &'a Value, field: &str) -> &'a [Value] {
    document[field].as_array().map_or(&[], Vec::as_slice)
}
