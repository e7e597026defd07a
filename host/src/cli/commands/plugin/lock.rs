//! `tracewatt plugin lock`: writes the lock file, or says whether it is what it would be.
//!
//! What is new is added and what is gone is removed without a question; a component that is another one than was locked,
//! or has other grants, is taken over only where somebody says so.

use crate::cli::commands::compiler;
use crate::cli::invocation::{Accept, PluginLock};
use crate::cli::terminal::Terminal;
use crate::exit::{Exit, UsageError};
use crate::session::open_unlocked;
use crate::trust::lock::{self, LockFile, Locked};
use anyhow::Result;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// What became of one plug-in since it was locked.
enum Change<'a> {
    Added(&'a Locked),
    Removed,
    Differs { lines: Vec<String>, accepted: Option<&'a Locked> },
}

/// Runs the command.
pub fn run(command: &PluginLock, terminal: &Terminal) -> Result<Exit> {
    let opened = open_unlocked(&command.config, &compiler(terminal))?;
    let ids = opened.described.iter().map(|(id, _)| id);
    let found = LockFile::of(ids.zip(&opened.provenances));
    let path = lock::beside(opened.raw.file.as_deref());
    let name = path.display();
    let old = lock::read(&path)?;
    if let Accept::These(ids) = &command.accept {
        known(ids, &found, old.as_ref())?;
    }
    let Some(old) = old else {
        if command.check {
            terminal.print(|out| writeln!(out, "there is no {name}; `tracewatt plugin lock` writes it"))?;
            return Ok(Exit::Negative);
        }
        found.write(&path)?;
        terminal.print(|out| {
            writeln!(out, "{name} written: {} locked", counted(found.plugins.len()))?;
            found.plugins.iter().try_for_each(|(id, locked)| added(out, id, locked))
        })?;
        return Ok(Exit::Ok);
    };
    let changes = changes(&old, &found, &command.accept);
    if changes.is_empty() {
        let count = counted(found.plugins.len());
        terminal.print(|out| writeln!(out, "{name} is up to date: {count} locked"))?;
        return Ok(Exit::Ok);
    }
    let left: Vec<&str> =
        changes.iter().filter(|(_, change)| !change.is_accepted()).map(|(id, _)| *id).collect();
    // With nothing said, it is all or nothing; who names plug-ins gets those.
    let writes = !command.check && (left.is_empty() || command.accept != Accept::Nothing);
    terminal.print(|out| {
        writeln!(out, "{name} {}", if writes { "written" } else { "is not up to date" })?;
        changes.iter().try_for_each(|(id, change)| change.show(out, id, writes))?;
        if !left.is_empty() {
            let ids = left.join(" ");
            writeln!(out, "accept what differs with `tracewatt plugin lock --update {ids}`")?;
        }
        Ok(())
    })?;
    if !writes {
        return Ok(Exit::Negative);
    }
    let mut new = old.clone();
    for (id, change) in &changes {
        match change {
            Change::Added(locked) | Change::Differs { accepted: Some(locked), .. } => {
                new.plugins.insert((*id).to_owned(), (*locked).clone());
            }
            Change::Removed => drop(new.plugins.remove(*id)),
            Change::Differs { accepted: None, .. } => {}
        }
    }
    new.write(&path)?;
    Ok(Exit::Ok)
}

/// Refuses ids that are nowhere.
fn known(ids: &[String], found: &LockFile, old: Option<&LockFile>) -> Result<()> {
    let known: BTreeSet<&String> =
        found.plugins.keys().chain(old.iter().flat_map(|old| old.plugins.keys())).collect();
    let Some(unknown) = ids.iter().find(|id| !known.contains(id)) else { return Ok(()) };
    let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(UsageError(format!("no plug-in that is a file has the id `{unknown}`; those that are: {known}"))
        .into())
}

/// Returns what is different, by id.
fn changes<'a>(old: &'a LockFile, new: &'a LockFile, accept: &Accept) -> Vec<(&'a str, Change<'a>)> {
    let ids: BTreeSet<&String> = old.plugins.keys().chain(new.plugins.keys()).collect();
    let change = |id: &'a String| match (old.plugins.get(id), new.plugins.get(id)) {
        (None, Some(locked)) => Some(Change::Added(locked)),
        (Some(_), None) => Some(Change::Removed),
        (Some(old), Some(new)) if old != new => {
            let is_accepted = match accept {
                Accept::Nothing => false,
                Accept::These(ids) => ids.contains(id),
                Accept::Everything => true,
            };
            Some(Change::Differs { lines: old.differences(new), accepted: is_accepted.then_some(new) })
        }
        _ => None,
    };
    ids.into_iter().filter_map(|id| Some((id.as_str(), change(id)?))).collect()
}

impl Change<'_> {
    fn is_accepted(&self) -> bool {
        !matches!(self, Change::Differs { accepted: None, .. })
    }

    /// Shows what is different, and whether that `is_written` now.
    fn show(&self, out: &mut dyn Write, id: &str, is_written: bool) -> io::Result<()> {
        match self {
            Change::Added(locked) if is_written => added(out, id, locked),
            Change::Added(_) => writeln!(out, "  {id}: not locked"),
            Change::Removed if is_written => writeln!(out, "  {id}: removed"),
            Change::Removed => writeln!(out, "  {id}: locked, and no plug-in of the configuration"),
            Change::Differs { lines, accepted } => {
                let what = if is_written && accepted.is_some() { "accepted" } else { "differs" };
                writeln!(out, "  {id}: {what}")?;
                lines.iter().try_for_each(|line| writeln!(out, "    {line}"))
            }
        }
    }
}

fn added(out: &mut dyn Write, id: &str, locked: &Locked) -> io::Result<()> {
    writeln!(out, "  {id}: added")?;
    writeln!(out, "    sha256    {}", locked.sha256)?;
    writeln!(out, "    interface {}", locked.interface)?;
    let grants = if locked.grants.is_empty() { "nothing".to_owned() } else { locked.grants.join(", ") };
    writeln!(out, "    granted   {grants}")
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 plug-in".to_owned(),
        _ => format!("{count} plug-ins"),
    }
}
