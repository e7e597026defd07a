//! A plug-in by itself: a component in a file, or made of a folder first.

use crate::cli::commands::compiler;
use crate::cli::invocation::Subject;
use crate::cli::terminal::Terminal;
use crate::config::{self, Flag, PluginConfig, Raw};
use crate::session::{Session, session_of};
use crate::stock::STOCK;
use anyhow::{Context, Result, anyhow, bail};
use std::path::{Path, PathBuf};
use tracewatt_core::plugin::{self, Grants, Plugin};

/// A component and where it is.
pub struct Found {
    /// File of the component.
    pub path: PathBuf,
    /// The component.
    pub bytes: Vec<u8>,
    /// Id it takes part under: the name it was stamped with, else that of the file.
    pub id: String,
}

/// Which plug-ins take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// The plug-in alone.
    Nothing,
    /// The stock ones too.
    Stock,
}

/// Reads a component, or builds the one of a folder.
pub fn find(path: &Path, terminal: &Terminal) -> Result<Found> {
    let path = if path.is_dir() { build(path, None, terminal)? } else { path.to_owned() };
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let stamp = plugin::stamped(&bytes).ok().flatten();
    let id = match stamp {
        Some(manifest) => manifest.name,
        None => path.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_"),
    };
    Ok(Found { path, bytes, id })
}

/// Builds the plug-in in a folder and writes the component to `output`, else into the folder. Returns where it is.
pub fn build(folder: &Path, output: Option<PathBuf>, terminal: &Terminal) -> Result<PathBuf> {
    let name = tracewatt_build::name(folder)?;
    terminal.note(&format!("building {name}"));
    let component = tracewatt_build::build(folder)?;
    let path = output.unwrap_or_else(|| folder.join(format!("{name}.wasm")));
    std::fs::write(&path, component).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Loads a plug-in with its settings, and the stock ones, which take part only where `with` says so.
pub fn session(found: &Found, subject: &Subject, with: With, terminal: &Terminal) -> Result<Session> {
    let Found { path, id, .. } = found;
    let Some(path) = path.to_str() else { bail!("the path {} is not UTF-8", path.display()) };
    let mut flags = vec![Flag::text(path, &["plugins", id, "path"], path)];
    for stock in STOCK.iter().filter(|stock| with == With::Nothing && stock.id != id) {
        flags.push(set(&format!("plugins.{}.enabled=false", stock.id))?);
    }
    for setting in &subject.settings {
        let flag = set(&format!("plugins.{id}.settings.{setting}"))?;
        flags.push(flag.typed(format!("--setting {setting}")));
    }
    flags.extend(subject.flags.iter().cloned());
    session_of(&flags, &compiler(terminal))
}

/// Returns what `--set` grants a plug-in.
pub fn grants(found: &Found, subject: &Subject) -> Result<Grants> {
    let mut raw = Raw::empty();
    raw.override_with(&subject.flags);
    Ok(config::trust(&raw)?.of(&found.id).grants)
}

fn set(argument: &str) -> Result<Flag> {
    Flag::parse_set(argument).map_err(|reason| anyhow!(reason))
}

/// Returns the configuration and the plug-in of an id.
pub fn of<'a>(session: &'a Session, id: &str) -> Result<(&'a PluginConfig, &'a Plugin)> {
    let mut all = session.config.detection.plugins.iter().zip(&session.plugins);
    all.find(|(config, _)| config.id == id).ok_or_else(|| anyhow!("there is no plug-in `{id}`"))
}
