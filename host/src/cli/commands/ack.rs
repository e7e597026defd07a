//! `tracewatt ack`: the writer for the file of acknowledgments, and for those of a daemon.

use super::{default_acknowledgments, in_days, text, today};
use crate::acknowledge_file::{self, NewEntry, State};
use crate::cli::invocation::{Ack, AckRequest, AckSubject, Expiry};
use crate::cli::remote::Daemon;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::clean::plain;
use crate::report::output::write_file;
use crate::report::quantity::counted;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::Path;
use tracewatt_core::acknowledge::Acknowledgment;

/// Runs the command.
pub fn run(command: Ack, terminal: &Terminal) -> Result<Exit> {
    if let Some(url) = &command.daemon {
        return of_daemon(&Daemon::new(url)?, command.action, terminal);
    }
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
        AckRequest::Revoke(_) => bail!("an entry of a file is taken out in the file: {}", path.display()),
    }
    Ok(Exit::Ok)
}

/// The same with the acknowledgments of a daemon.
fn of_daemon(daemon: &Daemon, action: AckRequest, terminal: &Terminal) -> Result<Exit> {
    match action {
        AckRequest::Add { subject, reason, expires, by } => {
            let NewEntry { identity, kind, service, endpoint, acknowledged_by, reason, expires_at, .. } =
                entry(subject, reason, expires, by)?;
            let given = [
                ("problem", identity),
                ("type", kind),
                ("service", service),
                ("endpoint", endpoint),
                ("reason", Some(reason)),
                ("by", Some(acknowledged_by)),
                ("expires_at", expires_at.map(|last| last.to_string())),
            ];
            let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
            let made = daemon.post("/api/acks", &given.collect::<Value>())?;
            terminal.note(&format!("acknowledgment {} is in force", made["id"]));
        }
        AckRequest::List => {
            let (mut lines, mut cursor) = (Vec::new(), Vec::new());
            loop {
                let page = daemon.get("/api/acks", &cursor)?;
                lines.extend(page["acks"].as_array().into_iter().flatten().map(line_of));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = vec![("cursor", next.to_owned())],
                    None => break,
                }
            }
            if lines.is_empty() {
                lines.push("nothing is acknowledged".to_owned());
            }
            terminal.print(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
        }
        AckRequest::Revoke(number) => {
            daemon.delete(&format!("/api/acks/{number}"))?;
            terminal.note(&format!("acknowledgment {number} is taken back"));
        }
        AckRequest::Prune => bail!("prune works on a file"),
    }
    Ok(Exit::Ok)
}

/// Returns an acknowledgment of a daemon in one line.
fn line_of(ack: &Value) -> String {
    let text = |name: &str| ack[name].as_str().unwrap_or_default();
    let place = match ack["id"].as_u64() {
        Some(number) => number.to_string(),
        None => "file".to_owned(),
    };
    let named = |name: &str| (!text(name).is_empty()).then(|| format!("{name}={}", text(name)));
    let about: Vec<String> = ["type", "service", "endpoint"].into_iter().filter_map(named).collect();
    let about = [&[text("problem").to_owned()][..], &about].concat().join(" ");
    let until = match (text("expires_at"), &ack["expired"]) {
        ("", _) => String::new(),
        (day, Value::Bool(true)) => format!(", expired {day}"),
        (day, _) => format!(", until {day}"),
    };
    let line = format!("{place}  {}  {} ({}{until})", about.trim(), text("reason"), text("acknowledged_by"));
    plain(&line).into_owned()
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
