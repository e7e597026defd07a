//! `tracewatt doctor`: what the spans carry, what they lack, and the setting that would add it.

use super::sources;
use crate::analysis;
use crate::cli::invocation::Doctor;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::clean::plain;
use crate::session::load_session;
use anyhow::Result;
use std::io::{self, Write};
use tracewatt_core::report::Coverage;
use tracewatt_core::semconv::sdk;

/// Runs the command. Exits with 3 when not a single outbound span could be used.
pub fn run(command: Doctor, terminal: &Terminal) -> Result<Exit> {
    let session = load_session(&command.config)?;
    let traces = analysis::read(&session.config, &sources(&command.inputs)?)?;
    let rows = traces.coverage.rows(&traces.texts);
    let usable = traces.coverage.usable_spans();
    terminal.print(|out| {
        for input in &traces.inputs {
            let cut =
                input.truncated.as_ref().map_or_else(String::new, |reason| format!(", cut off: {reason}"));
            writeln!(out, "{}: {}, {} spans{cut}", plain(&input.name), input.format, input.spans)?;
        }
        writeln!(out, "{} traces, {usable} usable outbound spans", traces.sealed.len())?;
        for row in &rows {
            write_row(out, row)?;
        }
        if !traces.losses.iter().all(|(_, count)| count == 0) {
            writeln!(out, "\nleft out, cut or merged:")?;
            for (reason, count) in traces.losses.iter() {
                writeln!(out, "  {count:>8} {}", reason.replace('_', " "))?;
            }
        }
        if usable == 0 {
            writeln!(out, "\nNo outbound span can be used: under --ci there would be no verdict.")?;
        }
        Ok(())
    })?;
    Ok(if usable == 0 { Exit::Undecided } else { Exit::Ok })
}

fn write_row(out: &mut dyn Write, row: &Coverage) -> io::Result<()> {
    let scope = if row.scope.is_empty() { "no instrumentation scope" } else { &row.scope };
    writeln!(out, "\n{} · {}", plain(&row.service), plain(scope))?;
    if row.outbound == 0 {
        let chatter = if row.chatter > 0 {
            format!(", {} of them connection or pool chatter", row.chatter)
        } else {
            String::new()
        };
        return writeln!(out, "  {} spans, none an outbound call{chatter}", row.spans);
    }
    let nothing = row.outbound.saturating_sub(row.with_text);
    writeln!(
        out,
        "  {} outbound spans: {} with text, {} with visible parameters, {} with hidden ones, {nothing} with nothing usable",
        row.outbound, row.with_text, row.with_params, row.params_hidden,
    )?;
    let hidden = (row.params_hidden > 0).then_some(("params_hidden", row.params_hidden));
    for (gap, count) in hidden.into_iter().chain(row.gaps.iter().map(|(gap, count)| (gap.as_str(), *count))) {
        let language = row.language.as_deref().or_else(|| sdk::language_of(&row.scope));
        let what = gap.replace('_', " ");
        match sdk::advice(&row.scope, language, gap) {
            Some(advice) => {
                writeln!(out, "  - {what} ({count}): set {} ({})", advice.setting, advice.place.word())?;
                writeln!(out, "      {}", advice.example)?;
                for line in [advice.warning, advice.url].into_iter().filter(|line| !line.is_empty()) {
                    writeln!(out, "      {line}")?;
                }
            }
            None => {
                writeln!(out, "  - {what} ({count}): no setting of this instrumentation is known to add it")?
            }
        }
    }
    Ok(())
}
