//! `tracewatt doctor`: what the spans carry, what they lack, and the setting that would add it. How much can be
//! checked comes first, then what to do, the most useful step first, then the figures behind it.

use super::{compiler, sources};
use crate::analysis::{self, Input, Traces};
use crate::cli::invocation::Doctor;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::clean::plain;
use crate::report::quantity::{count, counted, percent};
use crate::report::words;
use crate::session::load_session;
use anyhow::Result;
use std::cmp::Reverse;
use std::io::{self, Write};
use tracewatt_core::report::Coverage;
use tracewatt_core::semconv::sdk::{self, Advice};
use tracewatt_core::trace::IoKind;

/// The gap of spans that have a text but hide their parameters.
const HIDDEN: &str = "params_hidden";

/// Runs the command. Exits with 3 when not a single outbound span could be used.
pub fn run(command: Doctor, terminal: &Terminal) -> Result<Exit> {
    let session = load_session(&command.config, &compiler(terminal))?;
    let sources = sources(&command.inputs)?;
    let inputs = Input::of(&sources);
    let traces = terminal.watch(&sources, |progress| analysis::read(&session.config, inputs, progress))?;
    let rows = traces.intake.coverage.rows(&traces.intake.texts);
    terminal.print(|out| {
        write_inputs(out, &traces)?;
        write_summary(out, &traces, &rows)?;
        write_gaps(out, &gaps(&rows))?;
        write_services(out, &rows)?;
        write_losses(out, &traces)
    })?;
    Ok(if traces.intake.coverage.usable_spans() == 0 { Exit::Undecided } else { Exit::Ok })
}

fn write_inputs(out: &mut dyn Write, traces: &Traces) -> io::Result<()> {
    for input in &traces.intake.inputs {
        let cut = input.truncated.as_ref();
        let cut = cut.map_or_else(String::new, |reason| format!(", cut off: {}", plain(reason)));
        writeln!(out, "{}: {}, {}{cut}", plain(&input.name), input.format, counted(input.spans, "span"))?;
    }
    Ok(())
}

fn write_summary(out: &mut dyn Write, traces: &Traces, rows: &[Coverage]) -> io::Result<()> {
    let outbound: u64 = rows.iter().map(|row| row.outbound).sum();
    let usable = traces.intake.coverage.usable_spans();
    writeln!(out)?;
    if outbound == 0 {
        writeln!(out, "Nothing can be checked: no span is an outbound call.")?;
        writeln!(
            out,
            "Instrument the clients too (database, HTTP, RPC, messaging), not only what is called."
        )?;
        return write_no_verdict(out);
    }
    let share = percent(usable as f64 / outbound as f64);
    writeln!(out, "{} of {} can be checked ({share}).", count(usable), counted(outbound, "outbound span"))?;
    let kinds: Vec<_> = traces.intake.coverage.kinds().collect();
    if let Some((kind, usable, all)) = worst(&kinds) {
        writeln!(out, "Worst are {} calls: {} of {}.", name_of(kind), count(usable), count(all))?;
    }
    let hidden: u64 = rows.iter().map(|row| row.params_hidden).sum();
    if hidden > 0 {
        let hide = if hidden == 1 { "hides its" } else { "hide their" };
        let text =
            "whether repeated ones ask for the same thing is then told by other evidence, or not at all";
        writeln!(out, "{} {hide} parameters: {text}.", count(hidden))?;
    }
    if usable == 0 { write_no_verdict(out) } else { Ok(()) }
}

fn write_no_verdict(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "With --ci there would be no verdict (exit code 3).")
}

/// Returns the kind with the smallest share of usable spans, if it is not all of them.
fn worst(kinds: &[(IoKind, u64, u64)]) -> Option<(IoKind, u64, u64)> {
    let lacking = kinds.iter().copied().filter(|(_, usable, all)| usable < all);
    lacking.min_by_key(|(_, usable, all)| (usable.saturating_mul(1_000_000) / all, Reverse(*all)))
}

fn name_of(kind: IoKind) -> String {
    match kind {
        IoKind::Sql | IoKind::Http | IoKind::Rpc => kind.word().to_uppercase(),
        IoKind::GenAi => "generative model".to_owned(),
        IoKind::Document => "document store".to_owned(),
        IoKind::Datastore => "data store".to_owned(),
        other => other.word().to_owned(),
    }
}

/// What one instrumentation of one service does not record.
struct Gap<'a> {
    row: &'a Coverage,
    name: &'a str,
    spans: u64,
    advice: Option<&'static Advice>,
}

/// Returns the gaps: those that make spans useless first, those a setting closes before others, then by
/// the number of spans.
fn gaps(rows: &[Coverage]) -> Vec<Gap<'_>> {
    fn of_row(row: &Coverage) -> impl Iterator<Item = Gap<'_>> {
        let hidden = (row.params_hidden > 0).then_some((HIDDEN, row.params_hidden));
        let lacking = row.gaps.iter().map(|(gap, n)| (gap.as_str(), *n)).chain(hidden);
        lacking.map(move |(name, spans)| Gap { row, name, spans, advice: advice(row, name) })
    }
    let mut gaps: Vec<Gap<'_>> = rows.iter().flat_map(of_row).collect();
    gaps.sort_by_key(|gap| (gap.name == HIDDEN, gap.advice.is_none(), Reverse(gap.spans)));
    gaps
}

fn advice(row: &Coverage, gap: &str) -> Option<&'static Advice> {
    let language = row.language.as_deref().or_else(|| sdk::language_of(&row.scope));
    sdk::advice(&row.scope, language, gap)
}

fn write_gaps(out: &mut dyn Write, gaps: &[Gap<'_>]) -> io::Result<()> {
    if gaps.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWhat helps most")?;
    for (number, gap) in gaps.iter().enumerate() {
        let Gap { row, name, spans, advice } = gap;
        let (spans, lack) = (counted(*spans, "span"), lack(name, *spans));
        writeln!(out, "{:>3}. {} · {}: {spans} {lack}", number + 1, plain(&row.service), scope_of(row))?;
        match advice {
            Some(advice) => write_advice(out, advice)?,
            None => writeln!(out, "     no setting of this instrumentation is known to add it")?,
        }
    }
    Ok(())
}

fn write_advice(out: &mut dyn Write, advice: &Advice) -> io::Result<()> {
    writeln!(out, "     set      {} ({})", advice.setting, advice.place.word())?;
    writeln!(out, "     example  {}", advice.example)?;
    if !advice.warning.is_empty() {
        writeln!(out, "     beware   {}", advice.warning)?;
    }
    writeln!(out, "     see      {}", advice.url)
}

fn lack(gap: &str, spans: u64) -> String {
    let verb = if spans == 1 { "has" } else { "have" };
    match gap.strip_prefix("missing_") {
        Some("db_statement") => format!("{verb} no statement"),
        Some("http_url") => format!("{verb} no URL"),
        Some(what) => format!("{verb} no {}", words::reason(what)),
        None if gap == HIDDEN => "with hidden parameters".to_owned(),
        None => words::reason(gap),
    }
}

fn write_services(out: &mut dyn Write, rows: &[Coverage]) -> io::Result<()> {
    for service in rows.chunk_by(|a, b| a.service == b.service) {
        let name = &service[0].service;
        writeln!(out, "\n{}", if name.is_empty() { "(no service name)".into() } else { plain(name) })?;
        for row in service {
            writeln!(out, "  {}: {}", scope_of(row), carried(row))?;
        }
    }
    Ok(())
}

fn scope_of(row: &Coverage) -> String {
    if row.scope.is_empty() { "no instrumentation scope".to_owned() } else { plain(&row.scope).into_owned() }
}

/// Returns what the spans carried: `812 client spans: 640 with text, 12 with parameters, 160 with nothing usable`.
fn carried(row: &Coverage) -> String {
    let chatter = match row.chatter {
        0 => String::new(),
        n => format!("; {} of connections and pools", counted(n, "span")),
    };
    if row.outbound == 0 {
        let others = row.spans.saturating_sub(row.chatter);
        return format!("{}, no outbound call{chatter}", counted(others, "span"));
    }
    let mut parts = vec![format!("{} with text", count(row.with_text))];
    let nothing = row.outbound.saturating_sub(row.with_text);
    let rest = [
        (row.with_params, "with parameters"),
        (row.params_hidden, "with hidden parameters"),
        (nothing, "with nothing usable"),
    ];
    parts.extend(rest.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))));
    format!("{}: {}{chatter}", counted(row.outbound, "client span"), parts.join(", "))
}

fn write_losses(out: &mut dyn Write, traces: &Traces) -> io::Result<()> {
    let losses: Vec<_> = traces.intake.losses.iter().filter(|(_, n)| *n > 0).collect();
    if losses.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nLeft out, cut or merged")?;
    for (reason, n) in losses {
        writeln!(out, "  {}: {}", words::reason(reason), count(n))?;
    }
    Ok(())
}
