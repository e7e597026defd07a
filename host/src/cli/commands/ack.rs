//! `tracewatt ack`: the writer for the file of acknowledgments.

use super::{default_acknowledgments, in_days, text, today};
use crate::acknowledge_file::{self, NewEntry, State};
use crate::cli::invocation::{Ack, AckRequest, AckSubject, Expiry};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::clean::plain;
use crate::report::output::write_file;
use crate::report::quantity::counted;
use anyhow::{Context, Result};
use std::path::Path;
use tracewatt_core::acknowledge::Acknowledgment;

/// Runs the command.
pub fn run(command: Ack, terminal: &Terminal) -> Result<Exit> {
    let path = command.file.unwrap_or_else(default_acknowledgments);
    let subject = || format!("file of acknowledgments {}", path.display());
    let old = if path.exists() { text(&path)? } else { String::new() };
    match command.action {
        AckRequest::Add { subject: about, reason, expires, by } => {
            let entry = entry(about, reason, expires, by)?;
            let new = acknowledge_file::add(&old, &entry).with_context(subject)?;
            save(&path, &new)?;
            terminal.note(&format!("added to {}", path.display()));
        }
        AckRequest::List => {
            let entries = acknowledge_file::list(&old, today()).with_context(subject)?;
            terminal.print(|out| {
                for (entry, state) in &entries {
                    writeln!(out, "{}", line(entry, *state))?;
                }
                if entries.is_empty() {
                    writeln!(out, "nothing is acknowledged in {}", path.display())?;
                }
                Ok(())
            })?;
        }
        AckRequest::Prune => {
            let (new, gone) = acknowledge_file::prune(&old, today(), &[]).with_context(subject)?;
            if !gone.is_empty() {
                save(&path, &new)?;
            }
            terminal.print(|out| {
                gone.iter().try_for_each(|entry| writeln!(out, "removed {}", line(entry, State::Expired)))?;
                writeln!(out, "{} removed", counted(gone.len() as u64, "expired entry"))
            })?;
        }
    }
    Ok(Exit::Ok)
}

fn save(path: &Path, text: &str) -> Result<()> {
    write_file(path, |out| out.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn entry(about: AckSubject, reason: String, expires: Option<Expiry>, by: Option<String>) -> Result<NewEntry> {
    let (identity, kind, service, endpoint) = match about {
        AckSubject::Problem(id) => (Some(id), None, None, None),
        AckSubject::Matching { kind, service, endpoint } => (None, kind, service, endpoint),
    };
    let expires_at = match expires {
        None => None,
        Some(Expiry::On(date)) => Some(date),
        Some(Expiry::InDays(days)) => Some(in_days(days)),
    };
    let acknowledged_by = by.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned());
    Ok(NewEntry {
        identity,
        kind,
        service,
        endpoint,
        acknowledged_by,
        acknowledged_at: today(),
        reason,
        expires_at,
    })
}

fn line(entry: &Acknowledgment, state: State) -> String {
    let selector = &entry.selector;
    let pattern = |name: &str, pattern: &Option<tracewatt_core::acknowledge::NamePattern>| {
        pattern.as_ref().map(|pattern| format!("{name}={}", pattern.as_str()))
    };
    let about: Vec<String> = [
        selector.identity.clone(),
        pattern("type", &selector.kind),
        pattern("service", &selector.service),
        pattern("endpoint", &selector.endpoint),
    ]
    .into_iter()
    .flatten()
    .collect();
    let until = match (entry.expires_at, state) {
        (Some(date), State::Active) => format!(", until {date}"),
        (Some(date), State::Expired) => format!(", expired {date}"),
        (None, _) => String::new(),
    };
    plain(&format!("{}  {} ({}{until})", about.join(" "), entry.reason, entry.acknowledged_by)).into_owned()
}
