//! Configuration as written: TOML text and `--set` arguments into one tree of values with places. Nothing is
//! checked here but TOML itself; what keys mean is for [`keys`](super::keys) and [`walk`](super::walk).

use super::error::ConfigError;
use super::value::{Key, Node, Origin, Spot, Table, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Whose keys a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Ours: every key must mean something.
    Tracewatt,
    /// `.perf-sentinel.toml`: keys of that tool which this one does not use are listed in a warning.
    PerfSentinel,
}

impl Dialect {
    /// Returns the dialect of a file, by its name.
    pub fn of(file: &str) -> Dialect {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        if name.contains("perf-sentinel") { Dialect::PerfSentinel } else { Dialect::Tracewatt }
    }
}

/// Configuration as written, not yet checked.
#[derive(Clone, Debug)]
pub struct Raw {
    /// File it was read from.
    pub file: Option<PathBuf>,
    pub(super) root: Node,
    pub(super) dialect: Dialect,
    pub(super) errors: Vec<ConfigError>,
    /// Whether the text is TOML, so that its keys can be judged.
    pub(super) readable: bool,
    /// What the person should know about how the configuration was found.
    pub(super) warnings: Vec<String>,
}

/// A plug-in the configuration names, to be loaded before the configuration can be checked: its manifest
/// says which settings it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPlugin {
    /// Id in the configuration.
    pub id: String,
    /// Where its component is.
    pub source: PluginSource,
    /// Digest its component must have, lower-case; anything, when what was written is no digest.
    pub sha256: Option<String>,
}

/// Where a component is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PluginSource {
    /// In the binary, under this name.
    Builtin(String),
    /// In a file.
    Path(PathBuf),
}

impl Raw {
    /// Returns a configuration in which nothing was written.
    pub fn empty() -> Raw {
        Raw {
            file: None,
            root: Node::preset(Value::Table(Table::new())),
            dialect: Dialect::Tracewatt,
            errors: Vec::new(),
            readable: true,
            warnings: Vec::new(),
        }
    }

    /// Reads the text of `file`. What is not TOML is kept as errors, which
    /// [`check`](super::check) returns with all others.
    pub fn parse(file: &str, text: &str) -> Raw {
        let source = Source::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(source.text);
        let mut raw = Raw { dialect: Dialect::of(file), ..Raw::empty() };
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let duplicate = error.message() == "duplicate key";
            raw.readable &= duplicate;
            raw.errors.push(ConfigError {
                origin: source.place(&span),
                key: if duplicate { source.slice(&span) } else { String::new() },
                reason: if duplicate { "given twice".to_owned() } else { error.message().to_owned() },
                help: None,
            });
        }
        raw.root = Node { value: Value::Table(source.table(table.get_ref(), &mut raw.errors)), ..raw.root };
        raw
    }

    /// Lays what was said on the command line over the file, in the order said.
    pub fn override_with(&mut self, flags: &[Flag]) {
        for flag in flags {
            let origin = Origin::Flag(flag.text.as_str().into());
            place(&mut self.root, &flag.path, flag.value.with_origin(&origin), &origin);
        }
    }

    /// Returns the file of acknowledgments, where one is named.
    pub fn acknowledgments(&self) -> Option<PathBuf> {
        self.root.get("acknowledgments")?.text("path").map(PathBuf::from)
    }

    /// Returns the plug-ins that have a section of their own, by id; the default is the stock plug-in of
    /// that name. Sections that make no sense are left out: [`check`](super::check) reports them.
    pub fn plugins(&self) -> Vec<NamedPlugin> {
        let sections = self.root.get("plugins").map_or(&[][..], Node::entries);
        let mut plugins = BTreeMap::new();
        for (key, section) in sections {
            let source = match (section.text("path"), section.text("builtin")) {
                (Some(path), None) => PluginSource::Path(path.into()),
                (None, Some(name)) => PluginSource::Builtin(name.to_owned()),
                (None, None) => PluginSource::Builtin(key.name.clone()),
                (Some(_), Some(_)) => continue,
            };
            let sha256 = section.get("sha256").map(|digest| match &digest.value {
                Value::Text(digest) => digest.to_ascii_lowercase(),
                other => other.to_toml(),
            });
            plugins.insert(key.name.clone(), NamedPlugin { id: key.name.clone(), source, sha256 });
        }
        plugins.into_values().collect()
    }
}

/// One value given on the command line: `--set gate.max_new=0`, or a flag that stands for a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    text: String,
    path: Vec<String>,
    value: FlagValue,
}

/// A value without places.
#[derive(Clone, Debug, PartialEq)]
struct FlagValue(Value);

impl FlagValue {
    /// Returns the value with every part of it placed at `origin`.
    fn with_origin(&self, origin: &Origin) -> Node {
        Node { value: relocate(&self.0, origin), origin: origin.clone() }
    }
}

impl Flag {
    /// Reads `key=value`: the key in TOML's dotted form, the value in TOML's, a bare word as text.
    pub fn parse_set(argument: &str) -> Result<Flag, String> {
        let split = equals_sign(argument)
            .ok_or_else(|| format!("no `=` in `{argument}`: give KEY=VALUE, such as gate.max_new=0"))?;
        let (key, value) = (argument[..split].trim(), argument[split + 1..].trim());
        let path =
            key_path(key).ok_or_else(|| format!("`{key}` is not a key: give one such as gate.max_new"))?;
        let text = format!("--set {argument}");
        Ok(Flag { text, path, value: FlagValue(flag_value(value)?) })
    }

    /// Returns this flag as something else that was typed, for messages.
    pub fn typed(self, text: impl Into<String>) -> Flag {
        Flag { text: text.into(), ..self }
    }

    /// Returns the flag `text` that stands for a text under `path`.
    pub fn text(text: impl Into<String>, path: &[&str], value: impl Into<String>) -> Flag {
        Flag::new(text, path, Value::Text(value.into()))
    }

    /// Returns the flag `text` that stands for a number under `path`.
    pub fn integer(text: impl Into<String>, path: &[&str], value: u64) -> Flag {
        Flag::new(text, path, Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn new(text: impl Into<String>, path: &[&str], value: Value) -> Flag {
        let path = path.iter().map(|&name| name.to_owned()).collect();
        Flag { text: text.into(), path, value: FlagValue(value) }
    }
}

/// Returns the position of the `=` that ends the key, quotes respected.
fn equals_sign(argument: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in argument.char_indices() {
        match (quote, c) {
            (None, '=') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// Returns the parts of a dotted key.
fn key_path(key: &str) -> Option<Vec<String>> {
    if key.contains(['\n', '\r', '#']) || key.starts_with('[') {
        return None;
    }
    let document = format!("{key} = 0");
    let table = DeTable::parse(&document).ok()?;
    let mut path = Vec::new();
    let mut table = table.get_ref();
    loop {
        let (name, value) = table.iter().next()?;
        path.push(name.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => return Some(path),
        }
    }
}

/// Returns a value as TOML reads it, or as text when it does not begin like anything else.
fn flag_value(text: &str) -> Result<Value, String> {
    match DeValue::parse(text) {
        Ok(value) => {
            let source = Source::new("", text);
            let mut errors = Vec::new();
            let node = source.node(value.get_ref(), &value.span(), &mut errors);
            match errors.pop() {
                Some(error) => Err(error.reason),
                None => Ok(node.value),
            }
        }
        Err(error) if text.starts_with(['[', '{', '"', '\'']) => {
            Err(format!("`{text}` is not a TOML value: {}", error.message()))
        }
        Err(_) => Ok(Value::Text(text.to_owned())),
    }
}

/// Puts `node` under `path`. A table on the way that is none is left as it is: it is an error of its own.
fn place(root: &mut Node, path: &[String], node: Node, origin: &Origin) {
    let (Some((name, rest)), Value::Table(entries)) = (path.split_first(), &mut root.value) else {
        return;
    };
    let same = |key: &Key| canonical(&key.name) == canonical(name);
    let at = match entries.iter().position(|(key, _)| same(key)) {
        Some(at) => at,
        None => {
            let key = Key { name: name.clone(), origin: origin.clone() };
            let empty = Node { value: Value::Table(Table::new()), origin: origin.clone() };
            entries.push((key, empty));
            entries.len() - 1
        }
    };
    let Some((key, entry)) = entries.get_mut(at) else { return };
    if rest.is_empty() {
        key.origin = origin.clone();
        *entry = node;
    } else {
        place(entry, rest, node, origin);
    }
}

/// Returns the name of a section that goes by two.
pub(super) fn canonical(name: &str) -> &str {
    if name == "thresholds" { "gate" } else { name }
}

/// Returns the value with every part of it placed at `origin`.
fn relocate(value: &Value, origin: &Origin) -> Value {
    let node = |node: &Node| Node { value: relocate(&node.value, origin), origin: origin.clone() };
    match value {
        Value::List(nodes) => Value::List(nodes.iter().map(node).collect()),
        Value::Table(entries) => Value::Table(
            entries
                .iter()
                .map(|(key, value)| (Key { name: key.name.clone(), origin: origin.clone() }, node(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// A file's text, for turning byte positions into lines and columns.
struct Source<'a> {
    file: Arc<str>,
    text: &'a str,
    /// Byte position of the first character of every line.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(file: &str, text: &'a str) -> Source<'a> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Source { file: file.into(), text, lines: std::iter::once(0).chain(breaks).collect() }
    }

    fn place(&self, span: &Range<usize>) -> Origin {
        let line = self.lines.partition_point(|start| *start <= span.start);
        let start = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or(0);
        let column = self.text.get(start..span.start).map_or(0, |text| text.chars().count()) + 1;
        Origin::File(Spot { file: self.file.clone(), line, column })
    }

    fn slice(&self, span: &Range<usize>) -> String {
        self.text.get(span.clone()).unwrap_or("").to_owned()
    }

    fn table(&self, table: &DeTable<'_>, errors: &mut Vec<ConfigError>) -> Table {
        table
            .iter()
            .map(|(key, value)| {
                let name = key.get_ref().to_string();
                let node = self.node(value.get_ref(), &value.span(), errors);
                (Key { name, origin: self.place(&key.span()) }, node)
            })
            .collect()
    }

    fn node(&self, value: &DeValue<'_>, span: &Range<usize>, errors: &mut Vec<ConfigError>) -> Node {
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(value) => Value::Date(value.to_string()),
            DeValue::Integer(value) => match i64::from_str_radix(value.as_str(), value.radix()) {
                Ok(value) => Value::Integer(value),
                Err(_) => self.too_large(span, errors, Value::Integer(0)),
            },
            DeValue::Float(value) => match value.as_str().parse::<f64>() {
                Ok(value) => Value::Float(value),
                Err(_) => self.too_large(span, errors, Value::Float(0.0)),
            },
            DeValue::Array(values) => Value::List(
                values.iter().map(|value| self.node(value.get_ref(), &value.span(), errors)).collect(),
            ),
            DeValue::Table(table) => Value::Table(self.table(table, errors)),
        };
        Node { value, origin: self.place(span) }
    }

    /// Notes a number no machine type holds, and goes on with `instead`.
    fn too_large(&self, span: &Range<usize>, errors: &mut Vec<ConfigError>, instead: Value) -> Value {
        let reason = format!("the number {} is out of reach", self.slice(span));
        errors.push(ConfigError { origin: self.place(span), key: String::new(), reason, help: None });
        instead
    }
}

#[cfg(test)]
mod tests {
    use super::{Flag, Raw};

    fn set(argument: &str) -> String {
        match Flag::parse_set(argument) {
            Ok(flag) => format!("{:?} = {}", flag.path, flag.value.0.to_toml()),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn a_set_argument_is_a_toml_key_and_a_toml_value_or_a_bare_word() {
        let check = |argument, expect: &str| assert_eq!(set(argument), expect);
        check("gate.max_new=0", r#"["gate", "max_new"] = 0"#);
        check(" gate.io_waste_ratio_max = 0.5 ", r#"["gate", "io_waste_ratio_max"] = 0.5"#);
        check("green.enabled=false", r#"["green", "enabled"] = false"#);
        check("green.default_region=eu-west-3", r#"["green", "default_region"] = "eu-west-3""#);
        check("green.default_region=", r#"["green", "default_region"] = """#);
        check(r#"green.service_regions."a=b.c"=x"#, r#"["green", "service_regions", "a=b.c"] = "x""#);
        check("output.outputs=[\"json=a\"]", r#"["output", "outputs"] = ["json=a"]"#);
        check("gate.max_findings={slow_sql=2}", r#"["gate", "max_findings"] = { slow_sql = 2 }"#);
        check("output.outputs=[json", "error: `[json` is not a TOML value: unclosed array, expected `]`");
        check("gate.max_new", "error: no `=` in `gate.max_new`: give KEY=VALUE, such as gate.max_new=0");
        check("a b=1", "error: `a b` is not a key: give one such as gate.max_new");
        check("a=1\nb=2", r#"["a"] = "1\nb=2""#);
        check("=1", "error: `` is not a key: give one such as gate.max_new");
    }

    #[test]
    fn the_later_flag_wins_and_sections_keep_what_was_not_overridden() {
        let mut raw = Raw::parse("t.toml", "[thresholds]\nmax_new = 1\nmin_spans = 2\n");
        let flags = ["gate.max_new=5", "thresholds.max_new=6", "output.top=7"];
        raw.override_with(&flags.map(|flag| Flag::parse_set(flag).unwrap()));
        assert_eq!(
            raw.root.value.to_toml(),
            "{ thresholds = { max_new = 6, min_spans = 2 }, output = { top = 7 } }"
        );
    }

    #[test]
    fn any_text_is_read_without_a_panic() {
        for text in
            ["[", "a = ", "\u{feff}a = 1", "a = 99999999999999999999", "a = 1e999", "é = [[[", "\"\\u"]
        {
            let raw = Raw::parse("t.toml", text);
            assert_eq!(raw.errors.is_empty(), text.contains("\u{feff}") || text.contains("1e999"), "{text}");
        }
    }
}
