//! `tracewatt plugin new`: a folder that builds and passes its cases. What it needs of the SDK and of the interface is
//! copied into it, so that it builds wherever there is a toolchain, with the versions that this program fits.

use crate::cli::invocation::{self, Kind};
use crate::cli::terminal::Terminal;
use crate::exit::{Exit, UsageError};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use toml_edit::{Array, DocumentMut, Item};
use tracewatt_build::{Language, SDK_COPY};

/// The SDK, its templates and the interface: paths in the repository and texts.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
/// File that says what the copy of the SDK is, and how it begins: nothing else is ever removed.
const README: &str = "README.md";
const MARK: &str = "The SDK of tracewatt";
/// What a template calls the plug-in.
const NAME: &str = "plugin_name";
/// What a template calls the type of the plug-in.
const TYPE: &str = "PluginName";

/// Runs the command.
pub fn run(kind: Kind, folder: &Path, language: invocation::Language, terminal: &Terminal) -> Result<Exit> {
    let Kind::Detector = kind;
    let language = of(language);
    let name = name(folder)?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is there and not empty; give the name of a new folder", folder.display());
    }
    let template = format!("{}/template/", language.sdk());
    for (path, text) in below(&template) {
        write(folder, &named(path, &name), &named(text, &name))?;
    }
    copy_sdk(folder, language)?;
    terminal.print(|out| {
        writeln!(out, "wrote {}; next:", folder.display())?;
        writeln!(out, "  cd {}", folder.display())?;
        match language {
            Language::Rust => {}
            Language::JavaScript => writeln!(out, "  npm install")?,
            Language::Python => {
                writeln!(out, "  python3 -m venv .venv && .venv/bin/pip install -r requirements.txt")?
            }
        }
        writeln!(out, "  tracewatt plugin test")
    })?;
    Ok(Exit::Ok)
}

/// Runs `tracewatt plugin sdk`.
pub fn sdk(folder: &Path, terminal: &Terminal) -> Result<Exit> {
    let language = tracewatt_build::language(folder)?;
    let copy = folder.join(SDK_COPY);
    if copy.exists() {
        let is_ours = fs::read_to_string(copy.join(README)).is_ok_and(|text| text.starts_with(MARK));
        if !is_ours {
            bail!("{} was not written by tracewatt; move it away, and run this again", copy.display());
        }
        fs::remove_dir_all(&copy).with_context(|| format!("cannot replace {}", copy.display()))?;
    }
    copy_sdk(folder, language)?;
    terminal.print(|out| writeln!(out, "wrote {}", copy.display()))?;
    Ok(Exit::Ok)
}

fn of(language: invocation::Language) -> Language {
    use invocation::Language as Typed;
    match language {
        Typed::Rust => Language::Rust,
        Typed::JavaScript => Language::JavaScript,
        Typed::Python => Language::Python,
    }
}

/// The last part of a folder's path, which must do as the name of a crate, a plug-in and a finding type.
fn name(folder: &Path) -> Result<String> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        let message = format!(
            "`{name}` cannot be the name of a plug-in: lower-case letters, digits and _, such as no_select_star"
        );
        return Err(UsageError(message).into());
    }
    Ok(name)
}

fn named(text: &str, name: &str) -> String {
    let camel: String = name.split('_').map(capitalized).collect();
    text.replace(NAME, name).replace(TYPE, &camel)
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// Files below a folder of the repository, by their paths from there.
fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().filter_map(move |(path, text)| Some((path.strip_prefix(folder)?, *text)))
}

/// Copies the SDK and the interface, at the same places to each other as in the repository.
fn copy_sdk(folder: &Path, language: Language) -> Result<()> {
    let copy = folder.join(SDK_COPY);
    let sdk = language.sdk();
    for folder in [sdk, "wit"] {
        for (path, text) in below(&format!("{folder}/")).filter(|(path, _)| !path.starts_with("template/")) {
            write(&copy, &format!("{folder}/{path}"), text)?;
        }
    }
    if language == Language::Rust {
        write(&copy, "Cargo.toml", &workspace(sdk)?)?;
    }
    let readme = format!(
        "{MARK} {}, written by `tracewatt plugin new`. `tracewatt plugin sdk` puts that of another\n\
         version in its place; nothing of your own belongs here.\n",
        env!("CARGO_PKG_VERSION")
    );
    write(&copy, README, &readme)
}

/// The manifest of the workspace, with nothing but what the crate in `sdk` takes from it.
fn workspace(sdk: &str) -> Result<String> {
    let text = |path: &str| {
        let file = FILES.iter().find(|(name, _)| *name == path);
        file.map(|(_, text)| *text).with_context(|| format!("this program lacks its own {path}"))
    };
    let mut root: DocumentMut = text("Cargo.toml")?.parse()?;
    let member: DocumentMut = text(&format!("{sdk}/Cargo.toml"))?.parse()?;
    root.retain(|key, _| key == "workspace");
    root["workspace"]["members"] = Item::Value([sdk].into_iter().collect::<Array>().into());
    let used = |name: &str| member["dependencies"].get(name).is_some();
    if let Some(dependencies) = root["workspace"]["dependencies"].as_table_mut() {
        dependencies.retain(|name, _| used(name));
    }
    Ok(root.to_string())
}

fn write(folder: &Path, path: &str, text: &str) -> Result<()> {
    let path = folder.join(path);
    let failed = || format!("cannot write {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(failed)?;
    }
    fs::write(&path, text).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_must_do_for_a_crate_and_a_finding_type() {
        let check = |folder: &str, expect: Option<&str>| {
            assert_eq!(name(Path::new(folder)).ok().as_deref(), expect, "{folder}");
        };
        check("no_select_star", Some("no_select_star"));
        check("some/where/n2", Some("n2"));
        for bad in ["No", "no-select", "2n", "_n", "n n", "", "..", "/"] {
            check(bad, None);
        }
    }

    #[test]
    fn the_name_is_written_in_every_form() {
        assert_eq!(
            named("plugin_name PluginName plugin", "no_select_star"),
            "no_select_star NoSelectStar plugin"
        );
    }

    #[test]
    fn the_copied_workspace_holds_what_the_sdk_needs_and_no_more() {
        let manifest = workspace("sdk/rust").unwrap();
        assert!(
            manifest.contains("wit-bindgen = ") && manifest.contains("members = [\"sdk/rust\"]"),
            "{manifest}"
        );
        assert!(!manifest.contains("wasmtime =") && !manifest.contains("[profile"), "{manifest}");
    }
}
