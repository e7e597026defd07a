//! Messages compared with the files in `fixtures/refused`. `UPDATE_GOLDEN=1` writes them anew.

#![allow(clippy::expect_used, reason = "a test whose surroundings fail, fails")]

use crate::workspace;
use std::path::PathBuf;

fn folder() -> PathBuf {
    workspace().join("tests/fixtures/refused")
}

/// Compares a text with the file of this name.
///
/// # Panics
/// When they differ.
#[track_caller]
pub fn golden(name: &str, text: &str) {
    let path = folder().join(format!("{name}.err"));
    let got = stable(text);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| !value.is_empty()) {
        std::fs::write(&path, &got).expect("a golden file can be written");
    }
    assert_eq!(got, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

/// Returns the names of all files.
pub fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("there are golden files");
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    entries.filter_map(|entry| name(entry.ok()?.path())).collect()
}

/// Leaves out what differs from build to build: digests by the order in which they come, ids of keys, offsets.
fn stable(text: &str) -> String {
    let (mut digests, mut out) = (Vec::new(), String::new());
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let rest = piece.strip_prefix(word).unwrap_or_default();
        match word.len() {
            64 if is_hex(word) => {
                let at = digests.iter().position(|one| *one == word).unwrap_or(digests.len());
                if at == digests.len() {
                    digests.push(word);
                }
                out.push_str(&format!("<digest {}>", at + 1));
            }
            16 if is_hex(word) => out.push_str("<key>"),
            _ if word.strip_prefix("0x").is_some_and(is_hex) => out.push_str("<offset>"),
            _ => out.push_str(word),
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::stable;

    #[test]
    fn what_differs_from_build_to_build_is_left_out() {
        let (one, two) = ("0".repeat(64), "f".repeat(64));
        let text =
            format!("sha256 = \"{one}\", {two} and {one}; key E7620F1842B4E81F (at 0x1f) 0.1.0 wasi-traps");
        assert_eq!(
            stable(&text),
            "sha256 = \"<digest 1>\", <digest 2> and <digest 1>; key <key> (at <offset>) 0.1.0 wasi-traps"
        );
    }
}
