//! `tracewatt plugin replay`: the call that failed, again.

use crate::cli::commands::compiler;
use crate::cli::invocation::Replay;
use crate::cli::terminal::Terminal;
use crate::config;
use crate::exit::Exit;
use crate::session::{self, open};
use anyhow::{Context, Result, anyhow, bail};
use std::path::Path;
use std::sync::Arc;
use tracewatt_core::plugin::{self, Bundle, Engine, Plugin, Worker};

/// Runs the command.
pub fn run(command: &Replay, terminal: &Terminal) -> Result<Exit> {
    let path = &command.bundle;
    let context = || path.display().to_string();
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bundle = Bundle::read(&text).with_context(context)?;
    let (batch, texts) = bundle.batch.restore().with_context(context)?;
    let (engine, plugin) = match &command.plugin {
        Some(path) => load(path, &bundle, command, terminal)?,
        None => configured(&bundle, command, terminal)?,
    };
    if plugin.sha256 != bundle.plugin.sha256 {
        terminal.note("this is another component than the one that failed");
    }
    let mut worker = Worker::new(&engine, &plugin, bundle.settings.clone(), bundle.limits)?;
    let result = plugin::ticking(&engine, || worker.replay(&batch.into(), &Arc::new(texts)));
    let same =
        result.as_ref().is_err_and(|fault| fault.kind == bundle.kind && fault.message == bundle.message);
    terminal.print(|out| {
        writeln!(out, "bundle  {} {}, trace {}", bundle.plugin.id, bundle.plugin.version, bundle.trace_id)?;
        writeln!(out, "        {}: {}", bundle.kind.word(), bundle.message)?;
        match &result {
            _ if same => writeln!(out, "now     the same")?,
            Ok(findings) => writeln!(out, "now     no fault, {} findings", findings.len())?,
            Err(fault) => writeln!(out, "now     {fault}")?,
        }
        let Err(fault) = &result else { return Ok(()) };
        for line in &fault.log {
            writeln!(out, "log     {} {}", line.level, line.message)?;
        }
        for frame in &fault.backtrace {
            writeln!(out, "in      {frame}")?;
        }
        Ok(())
    })?;
    Ok(if same { Exit::Ok } else { Exit::Negative })
}

/// A component that was named; it has the grants that its plug-in has in the configuration.
fn load(path: &Path, bundle: &Bundle, command: &Replay, terminal: &Terminal) -> Result<(Engine, Plugin)> {
    let grants = config::trust(&session::raw(&command.config)?)?.of(&bundle.plugin.id).grants;
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let engine = plugin::engine().map_err(|error| anyhow!("this machine cannot run plug-ins: {error:#}"))?;
    let plugin = compiler(terminal).load_granted(&engine, &bytes, None, &grants);
    let plugin = plugin.with_context(|| path.display().to_string())?;
    Ok((engine, plugin))
}

/// The plug-in of the configuration that is the component of the bundle.
fn configured(bundle: &Bundle, command: &Replay, terminal: &Terminal) -> Result<(Engine, Plugin)> {
    let opened = open(&command.config, &compiler(terminal))?;
    let wanted = &bundle.plugin.sha256;
    match opened.plugins.iter().find(|plugin| plugin.sha256 == *wanted) {
        Some(plugin) => Ok((opened.engine.clone(), plugin.clone())),
        None => bail!(
            "no plug-in of the configuration has the digest {wanted}, which is that of `{}` in the bundle; \
             give the component with --plugin FILE",
            bundle.plugin.id
        ),
    }
}
