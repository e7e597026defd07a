//! `tracewatt plugin list`.

use crate::cli::commands::compiler;
use crate::cli::invocation::ConfigSource;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::session::load_session;
use crate::trust::Provenance;
use anyhow::Result;
use std::io::{self, Write};

/// Lists the plug-ins: version, digest, where they come from, finding types, settings in effect.
pub fn run(source: &ConfigSource, terminal: &Terminal) -> Result<Exit> {
    let session = load_session(source, &compiler(terminal))?;
    terminal.print(|out| {
        let plugins = session.config.detection.plugins.iter().zip(&session.plugins);
        for ((config, plugin), provenance) in plugins.zip(&session.provenances) {
            let manifest = &plugin.manifest;
            let off = if config.enabled { "" } else { "  (off)" };
            writeln!(out, "{} {}{off}", config.id, manifest.version)?;
            writeln!(out, "  {}", manifest.summary)?;
            writeln!(out, "  sha256    {}", plugin.sha256)?;
            show(provenance, out)?;
            writeln!(out, "  granted   {}", plugin.grants)?;
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

fn show(provenance: &Provenance, out: &mut dyn Write) -> io::Result<()> {
    let Provenance::File { path, is_locked, signed, .. } = provenance else {
        return writeln!(out, "  file      none, it is part of this program");
    };
    writeln!(out, "  file      {}", path.display())?;
    writeln!(out, "  locked    {}", if *is_locked { "yes" } else { "no, there is no lock file" })?;
    writeln!(out, "  signed    {signed}")
}
