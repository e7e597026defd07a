use super::child::{Answer, compile_within};
use super::*;
use crate::stock::STOCK;
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

fn command(program: &str, arguments: &[&str]) -> Option<Command> {
    let mut command = Command::new(program);
    command.args(arguments);
    Some(command)
}

/// Loads the first stock plug-in, without its embedded form unless said; returns what became of it, and the notes.
fn load(
    child: impl Fn() -> Option<Command>,
    folder: Option<&Path>,
    embedded: Option<&[u8]>,
) -> (Result<String, String>, Vec<String>) {
    let notes = RefCell::new(Vec::new());
    let compiler =
        Compiler::with(child, folder.map(Path::to_owned), |note| notes.borrow_mut().push(note.to_owned()));
    let plugin = compiler.load(&plugin::engine().unwrap(), STOCK[0].component, embedded);
    let name = plugin.map(|plugin| plugin.manifest.name).map_err(|error| error.to_string());
    drop(compiler);
    (name, notes.into_inner())
}

/// The answer of a child, in a file of the folder.
fn answered(folder: &Path) -> String {
    let mut bytes = Vec::new();
    assert!(answer(STOCK[0].component, &mut bytes).unwrap().is_ok());
    let path = folder.join("answer");
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Guarantees: however a child fails, the plug-in is loaded, and it is said why that took more memory.
#[test]
fn a_child_that_fails_costs_memory_only() {
    let failed = |program: &str, expect: &str| {
        let (loaded, notes) = load(|| command(program, &["x"]), None, None);
        assert_eq!(loaded.as_deref(), Ok(STOCK[0].id));
        assert!(notes.len() == 1 && notes[0].contains(expect), "{program}: {notes:?}");
    };
    failed("/nowhere/tracewatt", "No such file");
    failed("true", "makes no sense");
    failed("echo", "makes no sense");
    failed("false", "exit status: 1");
    let (loaded, notes) = load(|| None, None, None);
    assert_eq!((loaded.as_deref(), notes.len()), (Ok(STOCK[0].id), 1));
}

/// Guarantees: what the child says against a component, and what ended the child, is why the component is refused.
#[test]
fn a_component_that_the_child_refuses_is_refused() {
    let refused = |script: &str, expect: &str| {
        let (loaded, notes) = load(|| command("sh", &["-c", script]), None, None);
        let error = loaded.unwrap_err();
        assert!(error.starts_with("cannot be compiled: ") && error.contains(expect), "{error}");
        assert_eq!(notes, [""; 0]);
    };
    refused("printf 'too odd: by far'; exit 1", "too odd: by far");
    refused("kill -9 $$", "signal: 9");
    let slow = compile_within(Duration::from_millis(20), command("sleep", &["60"]), b"");
    assert!(matches!(slow, Answer::Refused(reason) if reason.contains("longer than")));
}

/// Scenario: a child that answers, then none that could; then a damaged entry, and one of another component.
/// Guarantees: what was compiled once is kept; what is damaged is compiled again and replaced.
#[test]
fn what_was_compiled_is_kept_and_repaired() {
    let place = tempfile::tempdir().unwrap();
    let answer = answered(place.path());
    let folder = place.path().join("cache");
    let compiled = || load(|| command("cat", &[&answer]), Some(&folder), None);
    let kept = || load(|| None, Some(&folder), None);
    let fine = (Ok(STOCK[0].id.to_owned()), Vec::new());
    assert_eq!(kept().1.len(), 1);
    assert_eq!(compiled(), fine);
    assert_eq!(kept(), fine);
    let entries: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    let whole = std::fs::read(entry).unwrap();
    assert_eq!(whole, std::fs::read(&answer).unwrap());
    let mut other = Vec::new();
    assert!(child::answer(STOCK[1].component, &mut other).unwrap().is_ok());
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&whole[..whole.len() / 2], &flipped, b"", &other] {
        std::fs::write(entry, damaged).unwrap();
        assert_eq!(kept().1.len(), 1);
        assert_eq!(compiled(), fine);
        assert_eq!(std::fs::read(entry).unwrap(), whole);
    }
}

/// Guarantees: with an embedded form that fits, there is neither child nor cache; with one that does not, both.
#[test]
fn an_embedded_form_is_enough() {
    let place = tempfile::tempdir().unwrap();
    let answer = answered(place.path());
    let folder = place.path().join("cache");
    let fine = (Ok(STOCK[0].id.to_owned()), Vec::new());
    assert_eq!(load(|| None, Some(&folder), Some(STOCK[0].compiled)), fine);
    assert!(!folder.exists());
    assert_eq!(load(|| command("cat", &[&answer]), Some(&folder), Some(b"of another machine")), fine);
    assert!(folder.is_dir());
}
