//! The way of somebody who writes a plug-in, from an empty folder on, as the guide and the README of each example say.
//!
//! A page is followed from top to bottom in a folder of its own: the lines of a block marked `sh` are run, `cd` included,
//! and must end with 0 or as `# exit N` behind them says; what follows a line of nothing but a path in backquotes and
//! a colon is written to that file; the lines of a `text` block must be in what the block of commands before it printed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::Place;
use tracewatt_tests::{binary, profile_folder, workspace};

/// Somebody at work on a page.
struct Reader {
    place: Place,
    folder: PathBuf,
    printed: String,
}

impl Reader {
    /// Starts in an empty folder, but for `traces.json`: a GET that reads and writes.
    fn new() -> Reader {
        let place = Place::new();
        let spans = request(1, 0..3, |n| {
            let statement =
                ["SELECT * FROM cart", "UPDATE cart SET seen = 1 WHERE id = 3", "DELETE FROM card"];
            Span::sql(1, 0, 0, statement[n as usize]).at(n * 2 * MS, MS)
        });
        place.spans("traces.json", &spans);
        let folder = place.path("");
        Reader { place, folder, printed: String::new() }
    }

    fn follow(&mut self, page: &str) {
        let (mut steps, mut lines, mut file) = (0, page.lines(), None);
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```") else {
                file = line
                    .strip_prefix('`')
                    .and_then(|rest| rest.strip_suffix("`:"))
                    .or(file.filter(|_| line.is_empty()));
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            steps += 1;
            match (language, file.take()) {
                (_, Some(path)) => fs::write(self.folder.join(path), block.join("\n") + "\n").unwrap(),
                ("sh", None) => {
                    self.printed.clear();
                    block.iter().for_each(|line| self.run(line));
                }
                ("text", None) => {
                    let missing = block.iter().find(|line| !self.printed.contains(*line));
                    assert_eq!(missing, None, "not in what was printed:\n{}", self.printed);
                }
                _ => steps -= 1,
            }
        }
        assert!(steps > 0, "nothing to follow");
    }

    fn run(&mut self, line: &str) {
        let (command, expected) = line.split_once("# exit ").unwrap_or((line, "0"));
        if let Some(folder) = command.trim().strip_prefix("cd ") {
            self.folder = self.folder.join(folder).canonicalize().unwrap();
            return;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(binary().parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.folder)
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("CARGO_TARGET_DIR", profile_folder().join("authoring"))
            .env("TRACEWATT_CACHE_DIR", self.place.path("cache"))
            .output()
            .unwrap();
        self.printed += &String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().unwrap();
        assert_eq!(code.to_string(), expected.trim(), "{line}\n{}\n{said}", self.printed);
    }

    /// Works in a new plug-in's folder that holds what an example does: outside the repository, as anybody would.
    fn begin_with(&mut self, example: &str) {
        self.run(&format!("tracewatt plugin new detector {example}"));
        let (from, to) = (workspace().join("examples").join(example), self.folder.join(example));
        fs::remove_dir_all(to.join("cases")).unwrap();
        for part in ["src", "cases"] {
            copy(&from.join(part), &to.join(part));
        }
        fs::copy(from.join("README.md"), to.join("README.md")).unwrap();
        fs::copy(self.place.path("traces.json"), to.join("traces.json")).unwrap();
        self.folder = to;
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

fn page(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

/// Scenario: the guide, step by step. Guarantees: every step ends as it says, and prints what it says.
#[test]
fn the_guide_can_be_followed() {
    Reader::new().follow(&page("docs/guides/write-a-detector.md"));
}

/// Scenario: the examples in Rust, each from its README. Guarantees: every command ends as it says.
#[test]
fn the_examples_do_what_their_pages_say() {
    for example in ["forbidden_table_access", "no_select_star"] {
        let mut reader = Reader::new();
        reader.begin_with(example);
        reader.follow(&page(&format!("examples/{example}/README.md")));
    }
}

/// Scenario: a new plug-in, built a second time, as somebody does who changes it. Guarantees: building, the cases and
/// the check take less than a minute; they take a few seconds, so that this says nothing of the machine.
#[test]
fn a_second_build_is_quick() {
    let mut reader = Reader::new();
    let steps = [
        "plugin test mine",
        "plugin check mine",
        "analyze traces.json --set plugins.mine.path=mine/mine.wasm",
    ];
    reader.run("tracewatt plugin new detector mine");
    reader.run("tracewatt plugin test mine");
    let started = Instant::now();
    reader.run("touch mine/src/lib.rs");
    steps.iter().for_each(|step| reader.run(&format!("tracewatt {step}")));
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(60), "{taken:?}");
}
