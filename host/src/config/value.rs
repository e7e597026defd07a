//! A configuration as a tree of values that know where they were written: what [`raw`](super::raw) reads,
//! [`walk`](super::walk) checks and completes, and [`show`](super::show) prints.

use std::fmt;
use std::sync::Arc;
use tracewatt_core::plugin::{SettingKind, SettingValue};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// In a file.
    File(Spot),
    /// On the command line, as typed: `--set gate.max_new=0`.
    Flag(Arc<str>),
}

/// A place in a file, counted from 1; columns are characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// File as it was named.
    pub file: Arc<str>,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(spot) => write!(f, "{}:{}:{}", spot.file, spot.line, spot.column),
            Origin::Flag(text) => f.write_str(&printable(text)),
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    pub origin: Origin,
}

/// A key and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub name: String,
    pub origin: Origin,
}

/// A value as TOML has them; a date or time is kept as its text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

/// The entries of a table in the order written.
pub(super) type Table = Vec<(Key, Node)>;

impl Node {
    /// Returns a node nobody wrote.
    pub fn preset(value: Value) -> Node {
        Node { value, origin: Origin::Default }
    }

    /// Returns the entries, none when this is no table.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the elements, none when this is no list.
    pub fn elements(&self) -> &[Node] {
        match &self.value {
            Value::List(nodes) => nodes,
            _ => &[],
        }
    }

    /// Returns the entry of this name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Returns the text, when this is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of the entry of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// Returns the truth value of the entry of this name.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the tree as JSON, places left out.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Boolean(value) => Json::from(*value),
            Value::Integer(value) => Json::from(*value),
            Value::Float(value) => Json::from(*value),
            Value::Text(value) | Value::Date(value) => Json::from(value.as_str()),
            Value::List(nodes) => nodes.iter().map(Node::to_json).collect(),
            Value::Table(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect()
            }
        }
    }
}

impl Value {
    /// Returns what kind of value this is, for messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Value::Boolean(_) => "true or false",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// Returns the value as TOML writes it on one line.
    pub fn to_toml(&self) -> String {
        match self {
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) if value.is_nan() => "nan".to_owned(),
            // As in `4e-11` and `2.0`: the shortest form that reads back, a float in TOML too.
            Value::Float(value) => format!("{value:?}"),
            Value::Text(value) => quoted(value),
            Value::Date(value) => value.clone(),
            Value::List(nodes) => {
                let items: Vec<String> = nodes.iter().map(|node| node.value.to_toml()).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(entries) => {
                let items: Vec<String> = entries
                    .iter()
                    .map(|(key, node)| format!("{} = {}", bare_or_quoted(&key.name), node.value.to_toml()))
                    .collect();
                if items.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", items.join(", ")) }
            }
        }
    }

    /// Returns the value as a setting of `kind` takes it; `None` when a setting cannot hold it at all.
    pub fn to_setting(&self, kind: &SettingKind) -> Option<SettingValue> {
        Some(match self {
            Value::Boolean(value) => SettingValue::Boolean(*value),
            Value::Integer(value) if matches!(kind, SettingKind::Float { .. }) => {
                SettingValue::Float(*value as f64)
            }
            Value::Integer(value) => SettingValue::Integer(*value),
            Value::Float(value) => SettingValue::Float(*value),
            Value::Text(value) => SettingValue::Text(value.clone()),
            Value::List(nodes) => SettingValue::TextList(
                nodes.iter().map(|node| node.as_text().map(str::to_owned)).collect::<Option<_>>()?,
            ),
            Value::Date(_) | Value::Table(_) => return None,
        })
    }
}

impl From<&SettingValue> for Value {
    fn from(value: &SettingValue) -> Value {
        match value {
            SettingValue::Boolean(value) => Value::Boolean(*value),
            SettingValue::Integer(value) => Value::Integer(*value),
            SettingValue::Float(value) => Value::Float(*value),
            SettingValue::Text(value) => Value::Text(value.clone()),
            SettingValue::TextList(values) => {
                Value::List(values.iter().map(|text| Node::preset(Value::Text(text.clone()))).collect())
            }
        }
    }
}

/// Returns `path.name`, the name quoted where TOML needs it.
pub(super) fn join(path: &str, name: &str) -> String {
    let name = bare_or_quoted(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// Returns a key as TOML writes it.
pub(super) fn bare_or_quoted(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// Returns a text as a basic string of TOML, on one line whatever is in it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns the text with control characters escaped, so that a message cannot steer a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Value, printable};
    use crate::config::value::bare_or_quoted;

    #[test]
    fn texts_and_keys_read_back_from_one_line() {
        for text in ["", "plain", "a.b", "\"q\" \\ 'x'", "1\nb = 2\r\t", "\u{1b}[31m\u{9b}\u{7f}", "gäte"] {
            let line = format!("{} = {}", bare_or_quoted(text), Value::Text(text.to_owned()).to_toml());
            assert!(!line.contains(char::is_control), "{line}");
            let table: toml::Table = line.parse().unwrap();
            assert_eq!(table.get(text).and_then(toml::Value::as_str), Some(text), "{line}");
        }
    }

    #[test]
    fn messages_do_not_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[31m\nü"), "a\\u{1b}[31m\\nü");
    }
}
