//! Configuration and plug-ins, loaded together: manifests say which settings there are, the configuration says
//! which plug-ins there are.

use crate::cli::invocation::ConfigSource;
use crate::compiled::Compiler;
use crate::config::{self, Config, Described, Flag, NamedPlugin, PluginConfig, PluginSource, Raw};
use crate::stock::STOCK;
use crate::trust::{Component, Components, Provenance, lock, require_digest};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tracewatt_core::detect::{self, Detector};
use tracewatt_core::plugin::{Engine, Limits, Manifest, Plugin, SettingValue, engine};

/// Everything a command needs before it looks at a trace.
pub struct Session {
    /// Configuration that holds.
    pub config: Config,
    /// Engine that all plug-ins run in.
    pub engine: Engine,
    /// Loaded plug-ins, in the order of `config.detection.plugins`.
    pub plugins: Vec<Plugin>,
    /// Where they come from, in the same order.
    pub provenances: Vec<Provenance>,
}

/// Configuration as written, and what the plug-ins it names say about themselves.
pub struct Opened {
    /// As written.
    pub raw: Raw,
    /// Manifests by id, in the order in which they are checked.
    pub described: Vec<Described>,
    /// Engine that all plug-ins run in.
    pub engine: Engine,
    /// Loaded plug-ins, in the order of `described`.
    pub plugins: Vec<Plugin>,
    /// Where they come from, in the same order.
    pub provenances: Vec<Provenance>,
}

/// Which lock file counts.
enum Lock {
    /// None.
    Ignored,
    /// The one of a configuration, if it is there.
    At(PathBuf),
}

/// Reads the configuration and loads every plug-in it names, and the stock ones, by way of `compiler`.
///
/// # Errors
/// When a file cannot be read, a component has another digest than the configuration asks for, a signature that does
/// not hold, or is not what the lock file says, or it is no plug-in. Nothing else is checked yet.
pub fn open(source: &ConfigSource, compiler: &Compiler<'_>) -> Result<Opened> {
    let raw = raw(source)?;
    let lock = lock::beside(raw.file.as_deref());
    open_raw(raw, Lock::At(lock), compiler)
}

/// As [`open`], whatever the lock file says.
///
/// # Errors
/// As [`open`].
pub fn open_unlocked(source: &ConfigSource, compiler: &Compiler<'_>) -> Result<Opened> {
    open_raw(raw(source)?, Lock::Ignored, compiler)
}

/// Reads the configuration as written.
///
/// # Errors
/// When a file cannot be read.
pub fn raw(source: &ConfigSource) -> Result<Raw> {
    let mut raw = match &source.file {
        Some(path) => config::read(path)?,
        None => config::find(Path::new("."))?,
    };
    raw.override_with(&source.flags);
    Ok(raw)
}

fn open_raw(raw: Raw, lock: Lock, compiler: &Compiler<'_>) -> Result<Opened> {
    let trust = config::trust(&raw)?;
    let engine = engine().map_err(|error| anyhow::anyhow!("this machine cannot run plug-ins: {error:#}"))?;
    let stock = |id: &str| NamedPlugin {
        id: id.to_owned(),
        source: PluginSource::Builtin(id.to_owned()),
        sha256: None,
    };
    let named = STOCK.iter().map(|one| stock(one.id)).chain(raw.plugins());
    let named: BTreeMap<String, NamedPlugin> = named.map(|plugin| (plugin.id.clone(), plugin)).collect();
    let lock = match lock {
        Lock::At(path) => lock::read(&path)?.map(|file| (path, file)),
        Lock::Ignored => None,
    };
    let lock = lock.as_ref().map(|(path, file)| (path.as_path(), file));
    let mut files = Components { trust: &trust, lock }.read(named.values())?;
    let mut opened =
        Opened { raw, described: Vec::new(), engine, plugins: Vec::new(), provenances: Vec::new() };
    for (id, plugin) in named {
        let loaded = match files.remove(&id) {
            Some(component) => Some(load(&opened.engine, compiler, &id, component)?),
            None => load_stock(&opened.engine, compiler, &plugin)?,
        };
        // A stock plug-in that does not exist is the configuration's error, which its check reports with the line.
        let Some((plugin, provenance)) = loaded else { continue };
        opened.described.push((id, plugin.manifest.clone()));
        opened.plugins.push(plugin);
        opened.provenances.push(provenance);
    }
    Ok(opened)
}

/// Reads, loads and checks.
///
/// # Errors
/// As [`open`]; also everything that is wrong with the configuration, at once.
pub fn load_session(source: &ConfigSource, compiler: &Compiler<'_>) -> Result<Session> {
    checked(open(source, compiler)?)
}

/// As [`load_session`], with no other configuration than `flags`.
///
/// # Errors
/// As [`load_session`].
pub fn session_of(flags: &[Flag], compiler: &Compiler<'_>) -> Result<Session> {
    let mut raw = Raw::empty();
    raw.override_with(flags);
    checked(open_raw(raw, Lock::Ignored, compiler)?)
}

fn checked(opened: Opened) -> Result<Session> {
    let config = config::check(&opened.raw, &opened.described)?;
    let Opened { engine, plugins, provenances, .. } = opened;
    Ok(Session { config, engine, plugins, provenances })
}

fn load_stock(
    engine: &Engine,
    compiler: &Compiler<'_>,
    named: &NamedPlugin,
) -> Result<Option<(Plugin, Provenance)>> {
    let PluginSource::Builtin(name) = &named.source else { return Ok(None) };
    let Some(stock) = STOCK.iter().find(|stock| stock.id == name) else { return Ok(None) };
    let subject = || format!("stock plug-in `{name}`");
    require_digest(named, stock.component).with_context(subject)?;
    let plugin = compiler.load(engine, stock.component, Some(stock.compiled)).with_context(subject)?;
    Ok(Some((plugin, Provenance::Builtin)))
}

fn load(
    engine: &Engine,
    compiler: &Compiler<'_>,
    id: &str,
    component: Component,
) -> Result<(Plugin, Provenance)> {
    let Component { bytes, grants, provenance } = component;
    let plugin = compiler.load_granted(engine, &bytes, None, &grants).with_context(|| match &provenance {
        Provenance::File { path, .. } => format!("cannot load plug-in `{id}` from {}", path.display()),
        Provenance::Builtin => format!("stock plug-in `{id}`"),
    })?;
    Ok((plugin, provenance))
}

impl Session {
    /// Manifests of the plug-ins that take part.
    pub fn manifests(&self) -> Vec<Manifest> {
        self.active().map(|(_, plugin)| plugin.manifest.clone()).collect()
    }

    /// Plug-ins that take part, with their configuration.
    pub fn active(&self) -> impl Iterator<Item = (&PluginConfig, &Plugin)> {
        self.config.detection.plugins.iter().zip(&self.plugins).filter(|(config, _)| config.enabled)
    }

    /// Returns a detector of a plug-in with some settings changed.
    pub fn detector(
        &self,
        config: &PluginConfig,
        plugin: &Plugin,
        changed: &BTreeMap<String, SettingValue>,
    ) -> Detector {
        let mut settings = config.settings.clone();
        settings.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
        let limits = Limits {
            memory_bytes: config.limits.memory_mib as usize * 1024 * 1024,
            call_ms: u64::from(config.limits.call_ms),
            findings: config.limits.findings as usize,
            ..Limits::default()
        };
        let settings = detect::complete(&plugin.manifest, &settings);
        Detector { id: config.id.clone(), plugin: plugin.clone(), settings, limits }
    }
}
