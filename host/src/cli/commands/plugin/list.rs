//! `tracewatt plugin list`.

use crate::cli::commands::compiler;
use crate::cli::invocation::ConfigSource;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::session::load_session;
use anyhow::Result;

/// Lists the plug-ins: version, digest, finding types, settings in effect.
pub fn run(source: &ConfigSource, terminal: &Terminal) -> Result<Exit> {
    let session = load_session(source, &compiler(terminal))?;
    terminal.print(|out| {
        for (config, plugin) in session.config.detection.plugins.iter().zip(&session.plugins) {
            let manifest = &plugin.manifest;
            let off = if config.enabled { "" } else { "  (off)" };
            writeln!(out, "{} {}{off}", config.id, manifest.version)?;
            writeln!(out, "  {}", manifest.summary)?;
            writeln!(out, "  sha256    {}", plugin.sha256)?;
            let rules: Vec<&str> = manifest.rules.iter().map(|rule| rule.name.as_str()).collect();
            writeln!(out, "  findings  {}", rules.join(", "))?;
            for (name, value) in &config.settings {
                writeln!(out, "  {name} = {}", value.display())?;
            }
        }
        Ok(())
    })?;
    Ok(Exit::Ok)
}
