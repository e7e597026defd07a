//! Configuration and plug-ins, loaded together: manifests say which settings there are, the configuration says
//! which plug-ins there are.

use crate::cli::invocation::ConfigSource;
use crate::config::{self, Config, Described, NamedPlugin, PluginConfig, PluginSource, Raw};
use crate::stock::STOCK;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracewatt_core::detect::{self, Detector};
use tracewatt_core::plugin::{EPOCH_TICK_MS, Engine, Limits, Manifest, Plugin, SettingValue, engine};

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
    engine: Engine,
    plugins: Vec<Plugin>,
}

/// Reads the configuration and loads every plug-in it names, and the stock ones.
///
/// # Errors
/// When a file cannot be read, or a component is no plug-in. Nothing is checked yet.
pub fn open(source: &ConfigSource) -> Result<Opened> {
    let mut raw = match &source.file {
        Some(path) => config::read(path)?,
        None => config::find(Path::new("."))?,
    };
    raw.override_with(&source.flags);
    let engine = engine().map_err(|error| anyhow::anyhow!("this machine cannot run plug-ins: {error:#}"))?;
    let mut named: BTreeMap<String, PluginSource> =
        STOCK.iter().map(|stock| (stock.id.to_owned(), PluginSource::Builtin(stock.id.to_owned()))).collect();
    named.extend(raw.plugins().into_iter().map(|NamedPlugin { id, source }| (id, source)));
    let mut opened = Opened { raw, described: Vec::new(), engine, plugins: Vec::new() };
    for (id, source) in named {
        // A stock plug-in that does not exist is the configuration's error, which its check reports with the line.
        let Some(plugin) = load(&opened.engine, &id, &source)? else { continue };
        opened.described.push((id, plugin.manifest.clone()));
        opened.plugins.push(plugin);
    }
    Ok(opened)
}

/// Reads, loads and checks.
///
/// # Errors
/// As [`open`]; also everything that is wrong with the configuration, at once, and a component whose digest is
/// not the one the configuration asks for.
pub fn load_session(source: &ConfigSource) -> Result<Session> {
    let opened = open(source)?;
    let config = config::check(&opened.raw, &opened.described)?;
    for (plugin, wanted) in opened.plugins.iter().zip(&config.detection.plugins) {
        if let Some(sha256) = wanted.sha256.as_deref().filter(|sha256| *sha256 != plugin.sha256) {
            bail!(
                "plug-in `{}`: the component has the digest {}, the configuration asks for {sha256}; \
                 get the right component, or correct plugins.{}.sha256",
                wanted.id,
                plugin.sha256,
                wanted.id
            );
        }
    }
    Ok(Session { config, engine: opened.engine, plugins: opened.plugins })
}

fn load(engine: &Engine, id: &str, source: &PluginSource) -> Result<Option<Plugin>> {
    match source {
        PluginSource::Builtin(name) => match STOCK.iter().find(|stock| stock.id == name) {
            Some(stock) => Ok(Some(stock.load(engine).with_context(|| format!("stock plug-in `{name}`"))?)),
            None => Ok(None),
        },
        PluginSource::Path(path) => {
            let subject = || format!("cannot load plug-in `{id}` from {}", path.display());
            let bytes = std::fs::read(path).with_context(subject)?;
            let load = || Plugin::load(engine, &bytes, None);
            Ok(Some(ticking(engine, load).with_context(subject)?))
        }
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

/// Advances the engine's epoch while `work` runs: without that, time limits of plug-ins never end.
pub(crate) fn ticking<T>(engine: &Engine, work: impl FnOnce() -> T) -> T {
    let done = Arc::new(AtomicBool::new(false));
    let (ended, ticked) = (done.clone(), engine.clone());
    let ticker = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(EPOCH_TICK_MS));
            ticked.increment_epoch();
        }
    });
    let result = work();
    done.store(true, Ordering::Relaxed);
    ticker.thread().unpark();
    let _ = ticker.join();
    result
}
