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
    fn begin_with(&mut self, example: &str, language: &str) {
        self.run(&format!("tracewatt plugin new detector {example} --language {language}"));
        let (from, to) = (workspace().join("examples").join(example), self.folder.join(example));
        let manifest = fs::read(to.join("Cargo.toml"));
        fs::remove_dir_all(to.join("cases")).unwrap();
        copy(&from, &to);
        // In the repository a crate is a member of the workspace; outside it has what `new` wrote.
        manifest.into_iter().for_each(|manifest| fs::write(to.join("Cargo.toml"), manifest).unwrap());
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
        reader.begin_with(example, "rust");
        reader.follow(&page(&format!("examples/{example}/README.md")));
    }
}

/// Scenario: the examples in JavaScript and Python, each from its README, toolchains installed as it says. Guarantees:
/// every command ends as it says; the component imports nothing but our interfaces; what is thrown in it becomes a
/// fault with its message and place.
#[test]
fn the_examples_in_other_languages_do_what_their_pages_say() {
    for (example, language, file, thrown) in [
        (
            "query_budget",
            "javascript",
            "plugin.js",
            ("*detect(batch, {", "*detect(batch, { oops = nothing.at,"),
        ),
        ("retry_storm", "python", "plugin.py", ("yield self.finding(storm)", "yield self.found(storm)")),
    ] {
        let mut reader = Reader::new();
        reader.begin_with(example, language);
        reader.follow(&page(&format!("examples/{example}/README.md")));
        let component = fs::read(reader.folder.join(format!("{example}.wasm"))).unwrap();
        let foreign: Vec<String> = tracewatt_core::plugin::imports(&component).unwrap();
        let foreign: Vec<&String> =
            foreign.iter().filter(|name| !name.starts_with("tracewatt:plugin/")).collect();
        assert!(foreign.is_empty(), "{example}: {foreign:?}");

        let source = fs::read_to_string(reader.folder.join(file)).unwrap();
        let broken = source.replace(thrown.0, thrown.1);
        assert_ne!(broken, source);
        fs::write(reader.folder.join(file), broken).unwrap();
        reader.printed.clear();
        reader.run("tracewatt plugin test # exit 1");
        let said = &reader.printed;
        assert!(said.contains("the detector failed: trap") && said.contains(file), "{said}");
    }
}

/// Scenario: a new plug-in in each language, from an empty folder. Guarantees: it builds, passes its cases and its
/// check, and takes part in an analysis.
#[test]
fn a_new_plugin_in_any_language_works() {
    for (language, install) in [
        ("javascript", "npm install --no-audit --no-fund"),
        ("python", "python3 -m venv .venv && .venv/bin/pip install --quiet -r requirements.txt"),
    ] {
        let mut reader = Reader::new();
        reader.run(&format!("tracewatt plugin new detector mine --language {language}"));
        for step in [
            "cd mine",
            install,
            "tracewatt plugin test",
            "tracewatt plugin check mine.wasm",
            "tracewatt analyze ../traces.json --set plugins.mine.path=mine.wasm --set plugins.mine.settings.max_calls=2",
        ] {
            reader.run(step);
        }
        assert!(reader.printed.contains("Too many calls"), "{language}: {}", reader.printed);
    }
}

/// Scenario: names that cannot be, folders that are there, and a folder `tracewatt` that is somebody's own. Guarantees:
/// refused, and nothing of it is touched.
#[test]
fn nothing_that_is_there_is_overwritten() {
    let mut reader = Reader::new();
    for step in [
        "tracewatt plugin new detector No-Name # exit 2",
        "tracewatt plugin new detector mine",
        "tracewatt plugin new detector mine # exit 75",
        "tracewatt plugin sdk mine",
        "tracewatt plugin sdk . # exit 75",
        "echo mine > mine/tracewatt/README.md",
        "tracewatt plugin sdk mine # exit 75",
        "test -f mine/tracewatt/sdk/rust/src/lib.rs",
        "tracewatt plugin test . # exit 75",
    ] {
        reader.run(step);
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
