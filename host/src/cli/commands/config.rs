//! `tracewatt config`.

use super::compiler;
use crate::cli::invocation::{ConfigAction, ConfigSource};
use crate::cli::terminal::Terminal;
use crate::config;
use crate::exit::Exit;
use crate::session;
use anyhow::Result;

/// Runs the command.
pub fn run(action: ConfigAction, source: &ConfigSource, terminal: &Terminal) -> Result<Exit> {
    let opened = session::open(source, &compiler(terminal))?;
    match action {
        ConfigAction::Schema => {
            let schema = config::json_schema(&opened.described);
            terminal.print(|out| writeln!(out, "{schema:#}"))?;
        }
        ConfigAction::Check => {
            let config = config::check(&opened.raw, &opened.described)?;
            terminal.print(|out| {
                config.warnings.iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))?;
                writeln!(out, "the configuration is valid")
            })?;
        }
        ConfigAction::Show => {
            let config = config::check(&opened.raw, &opened.described)?;
            terminal.print(|out| out.write_all(config.show().as_bytes()))?;
        }
    }
    Ok(Exit::Ok)
}
