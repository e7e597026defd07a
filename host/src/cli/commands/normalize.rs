//! `tracewatt normalize --jsonl`: the normalizers as a filter, so that anyone can hold them against their own texts.

use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, BufRead};
use tracewatt_core::normalize::sql::{self, Dialect};
use tracewatt_core::normalize::{Template, cache, document, http};

/// One line of input.
#[derive(Deserialize)]
struct Request {
    /// Comes back with the answer.
    id: Value,
    /// `sql` unless given; `url`, `http`, `summary`, or a store: `redis`, `memcached`, `mongodb`, `elasticsearch`, ...
    #[serde(default)]
    kind: Option<String>,
    /// Dialect of SQL, as `db.system` names it.
    #[serde(default)]
    dialect: Option<String>,
    /// Text.
    input: String,
}

/// Runs the command: one answer per line, in order. A line that cannot be read gets an answer with `error`, and
/// makes the command end with 75.
pub fn run(terminal: &Terminal) -> Result<Exit> {
    let mut exit = Exit::Ok;
    let mut failure = None;
    terminal.print(|out| {
        for (number, line) in io::stdin().lock().lines().enumerate() {
            let line = match line.with_context(|| format!("standard input, line {}", number + 1)) {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => line,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            };
            let answer = match serde_json::from_str::<Request>(&line) {
                Ok(request) => answer(&request),
                Err(error) => Err(error.to_string()),
            };
            let answer = answer.unwrap_or_else(|reason| {
                exit = Exit::Tooling;
                json!({"error": format!("line {}: {reason}", number + 1)})
            });
            serde_json::to_writer(&mut *out, &answer)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    failure.map_or(Ok(exit), Err)
}

fn answer(request: &Request) -> Result<Value, String> {
    let mut template = Template::default();
    let (id, input) = (&request.id, request.input.as_str());
    match request.kind.as_deref().unwrap_or("sql") {
        kind @ ("sql" | "summary") => {
            let statement =
                sql::normalize(Dialect::from_system(request.dialect.as_deref().unwrap_or("")), input);
            let output = if kind == "sql" { statement.template.clone() } else { sql::summary(&statement) };
            return Ok(json!({"id": id, "output": output, "params": statement.params().collect::<Vec<_>>()}));
        }
        "url" => return Ok(json!({"id": id, "output": http::normalize_path(input), "params": []})),
        "http" => {
            let (method, url) = input.split_once(' ').unwrap_or(("GET", input));
            http::normalize(method, url, None, &mut template);
        }
        system @ ("redis" | "valkey" | "memcached") => {
            cache::normalize(system, input, &mut template);
        }
        system @ ("mongodb" | "elasticsearch" | "opensearch" | "dynamodb" | "couchbase" | "neo4j") => {
            document::normalize(system, Some(input), None, None, &mut template);
        }
        kind => {
            return Err(format!(
                "kind `{kind}` is none of sql, summary, url, http, redis, valkey, memcached, mongodb, elasticsearch, \
                 opensearch, dynamodb, couchbase, neo4j"
            ));
        }
    }
    Ok(json!({"id": id, "output": template.text, "params": template.params().collect::<Vec<_>>()}))
}
