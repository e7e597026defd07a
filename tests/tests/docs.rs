//! The documentation does what it says: command lines run, configuration is accepted, links lead somewhere.
//!
//! A fenced block marked `sh` holds command lines, each of which is run in a folder with the files that the
//! documentation talks about (see [`Desk`]); `# exit 1` at the end of a line says how it ends when not with 0. Lines
//! `tracewatt watch` and `capture` run until they listen. Lines
//! of `yaml` blocks that begin with `tracewatt` or `cargo` are run as well. A block marked `toml` is configuration,
//! or a file of acknowledgments, and must be accepted. The detector in docs/guides/detectors.md is compiled and loaded.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a step that fails fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;
use tracewatt_testkit::Kit;
use tracewatt_tests::{binary, profile_folder, workspace};

/// The page with a detector on it.
const GUIDE: &str = "docs/guides/detectors.md";
/// Pages that are followed step by step by `tests/tests/authoring.rs`.
const FOLLOWED: [&str; 1] = ["docs/guides/write-a-detector.md"];
/// Programs that may stand before a `|` or after it.
const FILTERS: [&str; 1] = ["cat"];

/// Scenario: every page, its blocks in order, in a folder of its own. Guarantees: each command line ends as the page
/// says, and each piece of configuration is accepted.
#[test]
fn every_command_line_and_every_piece_of_configuration_works() {
    let (mut failures, mut runs) = (Vec::new(), 0);
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let blocks: Vec<Block> = blocks(&text).into_iter().filter(|block| block.is_checked()).collect();
        if blocks.is_empty() || FOLLOWED.contains(&shown(&page).as_str()) {
            continue;
        }
        let desk = Desk::new();
        for block in blocks {
            for (line, result) in desk.check(&block) {
                runs += 1;
                if let Err(reason) = result {
                    failures.push(format!("{}:{line}: {reason}", shown(&page)));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(runs > 30, "only {runs} checks: the blocks are not found any more");
}

/// Scenario: links between pages. Guarantees: each leads to a file, and to a heading where it names one.
#[test]
fn every_relative_link_leads_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for (line, link) in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let has_anchor = || fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
            if !target.exists() || !anchor.is_empty() && !has_anchor() {
                dead.push(format!("{}:{line}: {link}", shown(&page)));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// Scenario: a reader who starts at the README. Guarantees: links lead to every page under docs, and to the page of
/// every detector.
#[test]
fn every_page_can_be_reached_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut open = vec![workspace().join("README.md")];
    while let Some(page) = open.pop() {
        if page.extension().is_none_or(|extension| extension != "md") || !reached.insert(page.clone()) {
            continue;
        }
        let text = fs::read_to_string(&page).unwrap_or_default();
        let targets = links(&text).into_iter().map(|(_, link)| link);
        let targets = targets.map(|link| link.split('#').next().unwrap_or_default().to_owned());
        open.extend(
            targets.filter(|path| !path.is_empty()).map(|path| plain(&page.parent().unwrap().join(path))),
        );
    }
    let unreached: Vec<String> =
        pages().iter().filter(|page| !reached.contains(*page)).map(|page| shown(page)).collect();
    assert!(unreached.is_empty(), "not linked: {unreached:?}");
}

/// Scenario: the finding that the README shows. Guarantees: it is the first one of the demo, to the letter;
/// `UPDATE_REFERENCE=1 cargo test -p tracewatt-tests` writes it anew.
#[test]
fn the_finding_in_the_readme_is_the_first_of_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(binary())
        .args(["demo", "--color", "never"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let demo = String::from_utf8(demo.stdout).unwrap();
    let found = demo.split("\n\n").find(|part| part.contains("\n  where ")).unwrap();
    let path = workspace().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once("```text\n").unwrap();
    let (shown, after) = rest.split_once("\n```").unwrap();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, format!("{before}```text\n{found}\n```{after}")).unwrap();
    } else {
        assert_eq!(shown, found, "run UPDATE_REFERENCE=1 cargo test -p tracewatt-tests --test docs");
    }
}

/// Scenario: the decision on the toolchain. Guarantees: it names the versions that the workspace uses.
#[test]
fn the_versions_of_the_toolchain_are_those_in_use() {
    let decision = fs::read_to_string(workspace().join("docs/decisions/0002-wasm-toolchain.md")).unwrap();
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    for name in ["wasmtime", "wit-bindgen", "wit-component", "wasmparser", "wasm-encoder"] {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
        let version = line.split('"').nth(1).unwrap();
        assert!(decision.contains(name) && decision.contains(version), "{name} {version}");
    }
}

/// Scenario: blocks that this test must refuse. Guarantees: it can fail.
#[test]
fn wrong_pages_are_noticed() {
    let desk = Desk::new();
    let check = |text: &str| -> Vec<bool> {
        blocks(text).iter().flat_map(|block| desk.check(block)).map(|(_, result)| result.is_ok()).collect()
    };
    assert_eq!(check("```sh\ntracewatt analyze traces.json\n```"), [true]);
    assert_eq!(check("```sh\ntracewatt analyze --ci traces.json\n```"), [false]);
    assert_eq!(check("```sh\ntracewatt analyze --ci traces.json  # exit 1\n```"), [true]);
    assert_eq!(check("```sh\ntracewatt frobnicate\nrm -rf traces.json\n```"), [false, false]);
    assert_eq!(check("```sh\ncargo run -p no_such_package\n```"), [false]);
    assert_eq!(check("```yaml\n  script:\n    - tracewatt frobnicate\n    - echo\n```"), [false]);
    assert_eq!(check("```toml\n[gate]\nmax_knew = 0\n```"), [false]);
}

/// A fenced block.
struct Block {
    language: String,
    /// Lines with their numbers; what a backslash continues is one line.
    lines: Vec<(usize, String)>,
}

impl Block {
    fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    fn is_checked(&self) -> bool {
        ["sh", "console", "bash", "shell", "yaml", "toml"].contains(&self.language.as_str())
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if let Some(mark) = line.trim_start().strip_prefix("```") {
            inside = !inside;
            if inside {
                let language = mark.split(',').next().unwrap_or_default().trim().to_owned();
                blocks.push(Block { language, lines: Vec::new() });
            }
        } else if let Some(block) = blocks.last_mut().filter(|_| inside) {
            match block.lines.last_mut() {
                Some((_, last)) if last.ends_with('\\') => {
                    last.truncate(last.len() - 1);
                    last.push_str(line.trim_start());
                }
                _ => block.lines.push((at + 1, line.to_owned())),
            }
        }
    }
    blocks
}

/// The folder in which the commands of one page run. It has:
///
/// - `traces.json`: a capture with an N+1 and repeated reads; `traces/checkout.json`: one with nothing to find
/// - `before.json`, `after.json`: the two under other names
/// - `main.json`: the saved report of `traces.json`
/// - `lines.jsonl`: input for `normalize`
/// - `tracewatt.toml`: a configuration
/// - `too_many_statements.wasm`: the detector of docs/guides/detectors.md
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let fixtures = workspace().join("tests/fixtures");
        let copy = |from: &str, to: &str| {
            let to = folder.path().join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(fixtures.join(from), to).unwrap();
        };
        let (found, healthy) = ("captures/py_psycopg-params_default.json", "docs/healthy.json");
        for (from, to) in [(found, "traces.json"), (found, "before.json"), (healthy, "after.json")] {
            copy(from, to);
        }
        copy(healthy, "traces/checkout.json");
        fs::copy(detector_of_the_guide(), folder.path().join("too_many_statements.wasm")).unwrap();
        let lines = "{\"id\": 1, \"kind\": \"sql\", \"dialect\": \"postgresql\", \"input\": \"SELECT 1\"}\n";
        fs::write(folder.path().join("lines.jsonl"), lines).unwrap();
        fs::write(folder.path().join("tracewatt.toml"), "[gate]\nio_waste_ratio_max = 0.2\n").unwrap();
        let desk = Desk { folder };
        desk.run("tracewatt analyze traces.json -o json=main.json", 0).unwrap();
        desk
    }

    /// Returns what became of each line of a block.
    fn check(&self, block: &Block) -> Vec<(usize, Result<(), String>)> {
        let first = block.lines.first().map_or(0, |(number, _)| *number);
        match block.language.as_str() {
            "toml" => vec![(first, self.accepts(&block.text()))],
            "yaml" => {
                let commands =
                    block.lines.iter().filter_map(|(number, line)| Some((*number, command_of_step(line)?)));
                commands.map(|(number, line)| (number, self.line(line))).collect()
            }
            _ => {
                let typed = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
                let lines = block.lines.iter().filter(|(_, line)| typed(line));
                lines.map(|(number, line)| (*number, self.line(line.trim_start_matches("$ ")))).collect()
            }
        }
    }

    /// Runs one line, if it is one that a page may have.
    fn line(&self, line: &str) -> Result<(), String> {
        let (command, expected) = match line.rsplit_once("# exit ") {
            Some((command, code)) => {
                (command.trim(), code.trim().parse().map_err(|_| format!("`{line}`: exit what?"))?)
            }
            None => (line.trim(), 0),
        };
        if command.starts_with("cargo ") {
            return check_cargo(command);
        }
        let programs: Vec<&str> =
            command.split('|').map(|part| part.split_whitespace().next().unwrap_or_default()).collect();
        match programs.iter().find(|program| **program != "tracewatt" && !FILTERS.contains(program)) {
            Some(program) => Err(format!(
                "`{command}`: {program} is no program that this test runs; mark the block as text"
            )),
            None if ["tracewatt watch", "tracewatt capture"].iter().any(|one| command.starts_with(one)) => {
                self.serve(command)
            }
            None => self.run(command, expected),
        }
    }

    /// Runs what ends when it is told to, on free ports, until it listens.
    fn serve(&self, command: &str) -> Result<(), String> {
        let mut words: Vec<&str> = command.split('>').next().unwrap_or(command).split_whitespace().collect();
        for port in ["--listen-port-http", "--listen-port-grpc"] {
            if let Some(at) = words.iter().position(|word| *word == port) {
                words.drain(at..at + 2);
            }
            words.extend([port, "0"]);
        }
        let mut child = Command::new(binary())
            .args(&words[1..])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("(gRPC)")).collect();
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        let said = said.into_iter().chain(lines).collect::<Vec<_>>().join("\n");
        match child.wait().unwrap().code() {
            Some(0) => Ok(()),
            code => Err(format!("`{command}` ended with {code:?}\n{said}")),
        }
    }

    fn run(&self, command: &str, expected: i32) -> Result<(), String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(binary().parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(self.folder.path())
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("USER", "ada")
            .env("TRACEWATT_CACHE_DIR", self.folder.path().join("cache"))
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        match output.status.code() {
            Some(code) if code == expected => Ok(()),
            code => Err(format!(
                "`{command}` ended with {code:?}, not {expected}\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    /// Whether the program accepts a piece of configuration, or of a file of acknowledgments. A manifest of cargo is
    /// for others to judge.
    fn accepts(&self, text: &str) -> Result<(), String> {
        if text.contains("[package]") {
            return Ok(());
        }
        fs::write(self.folder.path().join("block.toml"), text).unwrap();
        if text.contains("[[acknowledged]]") {
            self.run("tracewatt ack list --acknowledgments block.toml", 0)
        } else {
            self.run("tracewatt config check -c block.toml", 0)
        }
    }
}

/// Returns the command of a line of YAML, if it is one of ours.
fn command_of_step(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("- ").trim_start_matches("run: ");
    (line.starts_with("tracewatt ") || line.starts_with("cargo ")).then_some(line)
}

/// Checks that the package, the binary or the folder that a `cargo` line names is there. What stands after `--` is for
/// the program, which other lines run.
fn check_cargo(command: &str) -> Result<(), String> {
    let command = command.split(" -- ").next().unwrap_or(command);
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let (verb, rest) = words.split_first().ok_or("cargo does nothing")?;
    if !["run", "test", "build", "install", "clippy", "fmt"].contains(verb) {
        return Err(format!("`{command}`: {verb} is not checked here"));
    }
    let metadata = metadata();
    let named = |names: &[String], name: &str| {
        if names.iter().any(|known| known == name) {
            Ok(())
        } else {
            Err(format!("`{command}`: there is no {name}"))
        }
    };
    for pair in rest.windows(2) {
        match pair[0] {
            "-p" | "--package" => named(&metadata.packages, pair[1])?,
            "--bin" => named(&metadata.binaries, pair[1])?,
            "--path" if !package_at(pair[1]) => {
                return Err(format!("`{command}`: {} is no package", pair[1]));
            }
            _ => {}
        }
    }
    if *verb == "run" && !rest.contains(&"-p") && metadata.binaries.len() != 1 {
        return Err(format!("`{command}`: there is not exactly one program, but {:?}", metadata.binaries));
    }
    match rest.last() {
        Some(last) if *verb == "install" && rest.contains(&"--git") => named(&metadata.packages, last),
        _ => Ok(()),
    }
}

/// Whether a package is at a path of this repository, or of a checkout of it in `tracewatt/`.
fn package_at(path: &str) -> bool {
    workspace().join(path.trim_start_matches("tracewatt/")).join("Cargo.toml").is_file()
}

struct Metadata {
    packages: Vec<String>,
    binaries: Vec<String>,
}

fn metadata() -> Metadata {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = json["packages"].as_array().unwrap();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    let targets = packages.iter().flat_map(|package| package["targets"].as_array().unwrap());
    let is_binary =
        |target: &&serde_json::Value| target["kind"].as_array().unwrap().iter().any(|kind| kind == "bin");
    Metadata {
        packages: packages.iter().map(name).collect(),
        binaries: targets.filter(is_binary).map(name).collect(),
    }
}

/// Scenario: the cases in docs/guides/detectors.md, and the detector there. Guarantees: each case holds, in the sandbox.
#[test]
fn the_cases_of_the_guide_hold() {
    let kit = Kit::new(&crate_of_the_guide());
    let page = fs::read_to_string(workspace().join(GUIDE)).unwrap();
    let cases: Vec<String> =
        blocks(&page).iter().filter(|block| block.language == "case").map(Block::text).collect();
    assert!(cases.len() > 1);
    for case in cases {
        assert_eq!(kit.check(&case), Ok(()), "{case}");
    }
}

/// Writes the crate of the guide, as it says, once per process.
fn crate_of_the_guide() -> PathBuf {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let page = fs::read_to_string(workspace().join(GUIDE)).unwrap();
        let detector =
            blocks(&page).iter().map(Block::text).find(|text| text.contains("export_detector!")).unwrap();
        let folder = profile_folder().join("docs/too_many_statements");
        let _ = fs::remove_dir_all(&folder);
        let new = Command::new(binary())
            .args(["plugin", "new", "detector"])
            .arg(&folder)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(new.success());
        fs::write(folder.join("src/lib.rs"), detector).unwrap();
        folder
    };
    WRITTEN.get_or_init(write).clone()
}

/// Makes a component of the detector of the guide, as the guide does, once per process.
fn detector_of_the_guide() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let (folder, name) = (crate_of_the_guide(), "too_many_statements".to_owned());
        let target = profile_folder().parent().unwrap().join("plugins");
        let modules = tracewatt_build::compile(&folder, std::slice::from_ref(&name), &target).unwrap();
        let component = tracewatt_build::componentize_file(&name, &modules[0]).unwrap();
        fs::write(folder.join("too_many_statements.wasm"), component).unwrap();
        folder.join("too_many_statements.wasm")
    };
    BUILT.get_or_init(build).clone()
}

/// Every page: the README, all of docs, the contract's, and those of the detectors. Those of the examples are followed
/// by `tests/tests/authoring.rs`.
fn pages() -> Vec<PathBuf> {
    let root = workspace();
    let mut pages = vec![root.join("README.md"), root.join("wit/README.md")];
    for folder in ["docs", "detectors"] {
        collect(&root.join(folder), &mut pages);
    }
    pages.sort();
    pages
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// Relative links of a page, outside fenced blocks, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        inside ^= line.trim_start().starts_with("```");
        if inside {
            continue;
        }
        for part in line.split("](").skip(1) {
            let link = part.split(')').next().unwrap_or_default();
            if !link.is_empty() && !link.contains("://") && !link.contains(' ') {
                found.push((at + 1, link.to_owned()));
            }
        }
    }
    found
}

/// Anchors of the headings of a page, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = line.trim_start_matches('#').trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Returns the path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

fn shown(page: &Path) -> String {
    page.strip_prefix(workspace()).unwrap_or(page).display().to_string()
}
