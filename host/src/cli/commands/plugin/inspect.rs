//! `tracewatt plugin inspect`: what a component is, read without running it where it is stamped.

use super::subject::{self, Found};
use crate::cli::commands::compiler;
use crate::cli::invocation::Subject;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::trust::signature::beside;
use anyhow::{Context, Result, anyhow};
use std::io::{self, Write};
use std::path::Path;
use tracewatt_core::plugin::{self, Grants, Manifest, Setting, SettingKind};

/// Runs the command.
pub fn run(subject: &Subject, terminal: &Terminal) -> Result<Exit> {
    let found = subject::find(&subject.plugin, terminal)?;
    let Found { path, bytes, .. } = &found;
    let context = || path.display().to_string();
    let (imports, exports) = plugin::interfaces(bytes).with_context(context)?;
    let stamp = plugin::stamped(bytes).with_context(context)?;
    let stamped = stamp.is_some();
    let manifest = match stamp {
        Some(manifest) => manifest,
        None => {
            let engine = plugin::engine().map_err(|error| anyhow!("{error:#}"))?;
            let grants = subject::grants(&found, subject)?;
            compiler(terminal).load_granted(&engine, bytes, None, &grants).with_context(context)?.manifest
        }
    };
    terminal.print(|out| {
        writeln!(out, "{} {}", manifest.name, manifest.version)?;
        writeln!(out, "  {}", manifest.summary)?;
        writeln!(out, "  file      {}", path.display())?;
        writeln!(out, "  bytes     {}", bytes.len())?;
        writeln!(out, "  sha256    {}", plugin::digest(bytes))?;
        writeln!(out, "  license   {}", or_none(&manifest.license))?;
        writeln!(
            out,
            "  manifest  {}",
            if stamped { "stamped" } else { "not stamped, asked of the component" }
        )?;
        writeln!(out, "  imports   {}", list(&imports))?;
        writeln!(out, "  exports   {}", list(&exports))?;
        writeln!(out, "  grants    {}", needs(&plugin::needed_by(&imports)))?;
        writeln!(out, "  signature {}", signed(path))?;
        describe(&manifest, out)
    })?;
    Ok(Exit::Ok)
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
}

/// What a configuration must grant.
fn needs(grants: &Grants) -> String {
    if grants.is_empty() { "none needed".to_owned() } else { format!("{grants} needed") }
}

/// Whether there is a signature; nobody says here by whom it should be.
fn signed(component: &Path) -> String {
    let file = beside(component);
    if file.is_file() { format!("{}, not verified here", file.display()) } else { "none".to_owned() }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "not said" } else { text }
}

fn describe(manifest: &Manifest, out: &mut dyn Write) -> io::Result<()> {
    for rule in &manifest.rules {
        writeln!(out, "  finding   {}: {}", rule.name, rule.title)?;
    }
    for setting in &manifest.settings {
        let Setting { name, default, doc, .. } = setting;
        let first = doc.lines().next().unwrap_or_default();
        writeln!(out, "  setting   {name} = {} ({}): {first}", default.display(), bounds(&setting.kind))?;
    }
    Ok(())
}

fn bounds(kind: &SettingKind) -> String {
    match kind {
        SettingKind::Boolean => "true or false".to_owned(),
        SettingKind::Integer { min, max } => format!("{min} to {max}"),
        SettingKind::Float { min, max } => format!("{min} to {max}"),
        SettingKind::Text => "any text".to_owned(),
        SettingKind::TextList => "list of texts".to_owned(),
        SettingKind::Choice(choices) => choices.join(", "),
    }
}
