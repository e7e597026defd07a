//! Configuration and plug-ins, loaded together: manifests say which settings there are, the configuration says
//! which plug-ins there are.

use crate::cli::invocation::ConfigSource;
use crate::compiled::Compiler;
use crate::config::{self, Config, Described, Flag, NamedPlugin, PluginConfig, PluginSource, Raw};
use crate::stock::STOCK;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;
use tracewatt_core::detect::{self, Detector};
use tracewatt_core::plugin::{Engine, Limits, Manifest, Plugin, SettingValue, World, digest, engine};

/// Everything a command needs before it looks at a trace.
pub struct Session {
    /// Configuration that holds.
    pub config: Config,
    /// Engine that all plug-ins run in.
    pub engine: Engine,
    /// Loaded plug-ins, in the order of `config.detection.plugins`.
    pub plugins: Vec<Plugin>,
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
}

/// Reads the configuration and loads every plug-in it names, and the stock ones, by way of `compiler`.
///
/// # Errors
/// When a file cannot be read, a component has another digest than the configuration asks for, or it is no
/// plug-in. Nothing else is checked yet.
pub fn open(source: &ConfigSource, compiler: &Compiler<'_>) -> Result<Opened> {
    open_raw(raw(source)?, compiler)
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

fn open_raw(raw: Raw, compiler: &Compiler<'_>) -> Result<Opened> {
    let engine = engine().map_err(|error| anyhow::anyhow!("this machine cannot run plug-ins: {error:#}"))?;
    let stock = |id: &str| NamedPlugin {
        id: id.to_owned(),
        source: PluginSource::Builtin(id.to_owned()),
        sha256: None,
    };
    let named = STOCK.iter().map(|one| stock(one.id)).chain(raw.plugins());
    let named: BTreeMap<String, NamedPlugin> = named.map(|plugin| (plugin.id.clone(), plugin)).collect();
    let mut opened = Opened { raw, described: Vec::new(), engine, plugins: Vec::new() };
    for (id, plugin) in named {
        // A stock plug-in that does not exist is the configuration's error, which its check reports with the line.
        let Some(plugin) = load(&opened.engine, compiler, &plugin)? else { continue };
        if plugin.world == World::EnergyBackend {
            bail!(
                "plug-in `{id}` is an energy backend, which takes no part in an analysis; remove [plugins.{id}]"
            );
        }
        opened.described.push((id, plugin.manifest.clone()));
        opened.plugins.push(plugin);
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
    checked(open_raw(raw, compiler)?)
}

fn checked(opened: Opened) -> Result<Session> {
    let config = config::check(&opened.raw, &opened.described)?;
    Ok(Session { config, engine: opened.engine, plugins: opened.plugins })
}

fn load(engine: &Engine, compiler: &Compiler<'_>, named: &NamedPlugin) -> Result<Option<Plugin>> {
    let NamedPlugin { id, source, .. } = named;
    match source {
        PluginSource::Builtin(name) => {
            let Some(stock) = STOCK.iter().find(|stock| stock.id == name) else { return Ok(None) };
            let subject = || format!("stock plug-in `{name}`");
            require_digest(named, stock.component).with_context(subject)?;
            Ok(Some(compiler.load(engine, stock.component, Some(stock.compiled)).with_context(subject)?))
        }
        PluginSource::Path(path) => {
            let subject = || format!("cannot load plug-in `{id}` from {}", path.display());
            let bytes = std::fs::read(path).with_context(subject)?;
            require_digest(named, &bytes).with_context(subject)?;
            Ok(Some(compiler.load(engine, &bytes, None).with_context(subject)?))
        }
    }
}

/// Compares a component with the digest in the configuration, before anything looks into the component.
fn require_digest(named: &NamedPlugin, component: &[u8]) -> Result<()> {
    let Some(wanted) = named.sha256.as_deref() else { return Ok(()) };
    match digest(component) {
        found if wanted != found => bail!(
            "the component has the digest {found}, the configuration asks for {wanted}; \
             get the right component, or correct plugins.{}.sha256",
            named.id
        ),
        _ => Ok(()),
    }
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
