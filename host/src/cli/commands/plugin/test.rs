//! `tracewatt plugin test`: the cases of a plug-in's folder, in the sandbox.

use super::backend;
use super::subject::{self, Found, With};
use crate::cli::invocation::Subject;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::stock::STOCK;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tracewatt_testkit::{Kit, cases};

/// Runs the command.
pub fn run(subject: &Subject, only: Option<&str>, terminal: &Terminal) -> Result<Exit> {
    let folder = &subject.plugin;
    if !folder.is_dir() {
        bail!("{} is no folder; cases are in the folder of a plug-in", folder.display());
    }
    let files = chosen(folder, only)?;
    let found = subject::find(folder, terminal)?;
    let check = runner(&found, subject, terminal)?;
    let mut failed = 0;
    for file in &files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let result = check(&text);
        failed += usize::from(result.is_err());
        terminal.print(|out| match &result {
            Ok(()) => writeln!(out, "ok    {}", file.display()),
            Err(failure) => writeln!(out, "FAIL  {}\n{}", file.display(), indented(failure)),
        })?;
    }
    let total = files.len();
    terminal.print(|out| match failed {
        0 => writeln!(out, "{total} cases pass"),
        _ => writeln!(out, "{failed} of {total} cases fail"),
    })?;
    Ok(if failed == 0 { Exit::Ok } else { Exit::Negative })
}

/// What a case is run by.
type Runner = Box<dyn Fn(&str) -> Result<(), String>>;

fn runner(found: &Found, subject: &Subject, terminal: &Terminal) -> Result<Runner> {
    if backend::is_one(found) {
        let (engine, plugin) = backend::load(found, terminal)?;
        let folder = subject.plugin.clone();
        return Ok(Box::new(move |text| backend::test(&engine, &plugin, &folder, text)));
    }
    let session = subject::session(found, subject, With::Stock, terminal)?;
    let (config, plugin) = subject::of(&session, &found.id)?;
    let detector = session.detector(config, plugin, &BTreeMap::new());
    let engine = session.engine.clone();
    let others = move |id: &str| {
        let stock = STOCK.iter().find(|stock| stock.id == id);
        let stock = stock.ok_or_else(|| format!("`with {id}`: there is no stock detector of that name"))?;
        stock.load(&engine).map_err(|error| error.to_string())
    };
    let kit = Kit::of(session.engine.clone(), detector, others);
    Ok(Box::new(move |text| kit.check(text)))
}

fn chosen(folder: &Path, only: Option<&str>) -> Result<Vec<PathBuf>> {
    let cases_folder = folder.join("cases");
    let mut files = cases(folder).with_context(|| format!("cannot read {}", cases_folder.display()))?;
    if let Some(only) = only {
        files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().contains(only)));
    }
    if files.is_empty() {
        match only {
            Some(only) => bail!("no *.case file in {} has `{only}` in its name", cases_folder.display()),
            None => bail!("there is no *.case file in {}", cases_folder.display()),
        }
    }
    Ok(files)
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}
