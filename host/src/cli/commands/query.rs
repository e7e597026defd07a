//! `tracewatt query`: asks a running daemon.

use crate::cli::remote::{Daemon, Query, Question, part};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::clean::{cut, pad, plain};
use crate::report::quantity::nanos;
use anyhow::Result;
use serde_json::Value;
use std::io::{self, Write};

/// Columns that a cell of a table takes at most.
const MAX_CELL: usize = 48;

/// Runs the command.
pub fn run(query: Query, terminal: &Terminal) -> Result<Exit> {
    let daemon = Daemon::new(&query.daemon)?;
    let answer = match &query.question {
        Question::Status => daemon.get("/api/status", &[]),
        Question::Problems(Some(id), _) => daemon.get(&format!("/api/problems/{}", part(id)), &[]),
        Question::Problems(None, params) => daemon.get("/api/problems", params),
        Question::Findings(params) => daemon.get("/api/findings", params),
        Question::Explain(id) => daemon.get(&format!("/api/explain/{}", part(id)), &[]),
        Question::Plugins => daemon.get("/api/plugins", &[]),
        Question::Config => daemon.get("/api/config", &[]),
        Question::Report => daemon.get("/api/report", &[]),
    }?;
    let is_json = query.json || matches!(query.question, Question::Config | Question::Report);
    terminal.print(|out| match &query.question {
        _ if is_json => writeln!(out, "{answer:#}"),
        Question::Problems(None, _) => problems(&answer, out),
        Question::Findings(_) => findings(&answer, out),
        Question::Explain(_) => explain(&answer, out),
        Question::Plugins => plugins(&answer, out),
        _ => fields(&answer, 0, out),
    })?;
    Ok(Exit::Ok)
}

/// Returns a value in one line, of whoever sent it.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text).replace('\n', " "),
        Value::Null => "-".to_owned(),
        other => plain(&other.to_string()).into_owned(),
    }
}

fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

/// Writes rows below a head, each column as wide as it must be.
fn table(head: &[&str], rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count().min(MAX_CELL)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in [&head].into_iter().chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| pad(&cut(cell, MAX_CELL), *width));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn more(answer: &Value, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    match (shown, answer["next_cursor"].is_null()) {
        (0, _) => writeln!(out, "nothing"),
        (shown, false) => writeln!(out, "\nThere are more than these {shown}; --limit shows more."),
        _ => Ok(()),
    }
}

fn problems(answer: &Value, out: &mut dyn Write) -> io::Result<()> {
    let problems = list(answer, "problems");
    let row = |known: &Value| {
        let problem = &known["problem"];
        let accepted = if known["acknowledged"] == true { " (acknowledged)" } else { "" };
        let status = word(&known["status"]) + accepted;
        let names = ["id", "severity", "type", "service", "source_endpoint", "occurrences", "template"];
        let mut row: Vec<String> = names.iter().map(|name| word(&problem[*name])).collect();
        row.insert(1, status);
        row
    };
    let rows: Vec<Vec<String>> = problems.iter().map(row).collect();
    if !rows.is_empty() {
        table(
            &["id", "status", "severity", "type", "service", "endpoint", "calls", "operation"],
            &rows,
            out,
        )?;
    }
    more(answer, rows.len(), out)
}

fn findings(answer: &Value, out: &mut dyn Write) -> io::Result<()> {
    let row = |stored: &Value| {
        let finding = &stored["finding"];
        let names = ["severity", "type", "service", "source_endpoint", "trace_id"];
        let mut row: Vec<String> = names.iter().map(|name| word(&finding[*name])).collect();
        row.insert(0, word(&stored["number"]));
        row.push(word(&finding["pattern"]["occurrences"]));
        row
    };
    let rows: Vec<Vec<String>> = list(answer, "findings").iter().map(row).collect();
    if !rows.is_empty() {
        table(&["number", "severity", "type", "service", "endpoint", "trace", "calls"], &rows, out)?;
    }
    more(answer, rows.len(), out)
}

fn plugins(answer: &Value, out: &mut dyn Write) -> io::Result<()> {
    let row = |plugin: &Value| {
        let faults =
            plugin["faults"].as_object().map_or(0, |faults| faults.values().filter_map(Value::as_u64).sum());
        let names = ["id", "version", "state", "traces", "findings"];
        let mut row: Vec<String> = names.iter().map(|name| word(&plugin[*name])).collect();
        row.push(u64::to_string(&faults));
        row
    };
    let rows: Vec<Vec<String>> = list(answer, "plugins").iter().map(row).collect();
    table(&["id", "version", "state", "traces", "findings", "faults"], &rows, out)?;
    writeln!(out, "\ngeneration {}", word(&answer["generation"]))?;
    match &answer["reloads"]["last_error"] {
        Value::Null => Ok(()),
        error => writeln!(out, "the last reload was refused: {}", word(error)),
    }
}

/// Levels of a tree that are indented.
const MAX_INDENT: u64 = 24;

fn explain(answer: &Value, out: &mut dyn Write) -> io::Result<()> {
    let time = |value: &Value| nanos(value.as_u64().unwrap_or(0));
    writeln!(out, "trace {}  {}", word(&answer["trace_id"]), time(&answer["duration_ns"]))?;
    for span in list(answer, "spans") {
        let depth = span["depth"].as_u64().unwrap_or(0).min(MAX_INDENT);
        let indent = "  ".repeat(depth as usize + 1);
        let name = span.get("template").unwrap_or(&span["name"]);
        let marks: Vec<String> = list(span, "problems").iter().map(word).collect();
        let marks = if marks.is_empty() { String::new() } else { format!("  <- {}", marks.join(", ")) };
        writeln!(
            out,
            "{indent}{} {}  {}{marks}",
            word(&span["service"]),
            word(name),
            time(&span["duration_ns"])
        )?;
    }
    for finding in list(answer, "findings") {
        let [id, kind, message, advice] =
            ["problem_id", "type", "message", "suggestion"].map(|name| word(&finding[name]));
        writeln!(out, "\n{id}  {kind}\n  {message}\n  {advice}")?;
    }
    Ok(())
}

/// Writes an object, one field a line, the fields of objects in it below their name.
fn fields(value: &Value, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let Some(entries) = value.as_object() else { return writeln!(out, "{}", word(value)) };
    let indent = "  ".repeat(depth);
    let width = entries.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in entries {
        match value {
            Value::Object(inner) if !inner.is_empty() && depth < 4 => {
                writeln!(out, "{indent}{}", plain(name))?;
                fields(value, depth + 1, out)?;
            }
            value => writeln!(out, "{indent}{}  {}", pad(&plain(name), width), word(value))?,
        }
    }
    Ok(())
}
