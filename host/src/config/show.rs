//! The configuration in effect as TOML, each value with the place it comes from. It reads back as the same
//! configuration.

use super::checked::Config;
use super::value::{Key, Node, Origin, Value, join, printable};
use std::fmt::Write;

impl Config {
    /// Returns every value in effect with its origin, as a configuration file.
    pub fn show(&self) -> String {
        let mut text = String::new();
        table(&self.effective, "", "", &mut text);
        text.trim_start().to_owned()
    }
}

/// Writes a table: its values, then the tables in it.
fn table(node: &Node, path: &str, header: &str, text: &mut String) {
    let (tables, values): (Vec<_>, Vec<_>) = node.entries().iter().partition(|(_, node)| is_tables(node));
    if !values.is_empty() {
        let _ = writeln!(text);
        if !header.is_empty() {
            let _ = writeln!(text, "{header}");
        }
    }
    for (key, node) in values {
        value(key, node, text);
    }
    for (key, node) in tables {
        let path = join(path, &key.name);
        match &node.value {
            Value::List(nodes) => {
                nodes.iter().for_each(|node| table(node, &path, &format!("[[{path}]]"), text));
            }
            _ => table(node, &path, &format!("[{path}]"), text),
        }
    }
}

fn value(key: &Key, node: &Node, text: &mut String) {
    let origin = match &node.origin {
        Origin::File(spot) => format!("{}:{}", printable(&spot.file), spot.line),
        other => other.to_string(),
    };
    let _ = writeln!(text, "{}  # {origin}", join("", &key.name) + " = " + &node.value.to_toml());
}

/// Whether a value is written as tables of its own.
fn is_tables(node: &Node) -> bool {
    match &node.value {
        Value::Table(_) => true,
        Value::List(nodes) => nodes.iter().any(|node| matches!(node.value, Value::Table(_))),
        _ => false,
    }
}
