//! Holds what was written against the table of keys: reports every unknown key, wrong type and value out of
//! range, and returns the tree completed with defaults, so that what follows finds only values that hold.

use super::error::ConfigError;
use super::keys::{Field, Fields, Shape};
use super::kind::Kind;
use super::raw::{Dialect, canonical};
use super::value::{Key, Node, Origin, Table, Value, join};

/// What became of a configuration.
pub(super) struct Walked {
    /// Every key of the table in its order: as written where that holds, else the default, else absent.
    pub root: Node,
    pub errors: Vec<ConfigError>,
    /// Keys that were read and have no effect.
    pub unused: Vec<String>,
}

/// Checks and completes a configuration.
pub(super) fn walk(root: &Node, dialect: Dialect, keys: &Fields) -> Walked {
    let mut walk = Walk { dialect, keys, errors: Vec::new(), unused: Vec::new() };
    let root = walk.table(root, keys, "");
    Walked { root, errors: walk.errors, unused: walk.unused }
}

struct Walk<'a> {
    dialect: Dialect,
    keys: &'a Fields,
    errors: Vec<ConfigError>,
    unused: Vec<String>,
}

impl Walk<'_> {
    fn table(&mut self, node: &Node, fields: &Fields, path: &str) -> Node {
        let Value::Table(entries) = &node.value else {
            self.wrong(&node.origin, path, format!("must be a table, got {}", node.value.noun()), None);
            return Node::preset(Value::Table(self.defaults(fields)));
        };
        self.check_names(entries, fields, path);
        let mut complete = Table::new();
        for field in &fields.fields {
            let written = entries.iter().find(|(key, _)| name_of(key, path) == field.name);
            complete.extend(self.field(field, written, &join(path, &field.name), &node.origin));
        }
        Node { value: Value::Table(complete), origin: node.origin.clone() }
    }

    /// Returns the entry of one key of the table: as written, or its default.
    fn field(
        &mut self,
        field: &Field,
        written: Option<&(Key, Node)>,
        path: &str,
        at: &Origin,
    ) -> Option<(Key, Node)> {
        let Some((key, node)) = written else {
            if field.required {
                self.wrong(at, path, "must be given".to_owned(), Some(field.doc.clone()));
            }
            return self.default(field);
        };
        let checked = match &field.shape {
            Shape::Value(kind) => self.value(kind, node, path),

            Shape::Table(fields) => Some(self.table(node, fields, path)),
            Shape::Map(kind, most) => self.map(kind, *most, node, path),
            Shape::List(fields) => self.list(fields, node, path),
            Shape::Unused => {
                self.unused(key, path);
                None
            }
        };
        let key = Key { name: field.name.clone(), origin: key.origin.clone() };
        checked.map(|node| (key, node)).or_else(|| self.default(field))
    }

    fn value(&mut self, kind: &Kind, node: &Node, path: &str) -> Option<Node> {
        match kind.check(&node.value) {
            Ok(value) => Some(Node { value, origin: node.origin.clone() }),
            Err(wanted) => {
                self.wrong(&node.origin, path, format!("must be {wanted}"), None);
                None
            }
        }
    }

    fn map(&mut self, kind: &Kind, most: usize, node: &Node, path: &str) -> Option<Node> {
        let Value::Table(entries) = &node.value else {
            self.wrong(&node.origin, path, format!("must be a table, got {}", node.value.noun()), None);
            return None;
        };
        if entries.len() > most {
            let reason = format!("must have at most {most} entries, has {}", entries.len());
            self.wrong(&node.origin, path, reason, None);
        }
        let checked = entries
            .iter()
            .filter_map(|(key, node)| Some((key.clone(), self.value(kind, node, &join(path, &key.name))?)))
            .collect();
        Some(Node { value: Value::Table(checked), origin: node.origin.clone() })
    }

    fn list(&mut self, fields: &Fields, node: &Node, path: &str) -> Option<Node> {
        let Value::List(nodes) = &node.value else {
            let reason = format!("must be a list of tables, written [[{path}]], got {}", node.value.noun());
            self.wrong(&node.origin, path, reason, None);
            return None;
        };
        let nodes = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| self.table(node, fields, &format!("{path}[{index}]")))
            .collect();
        Some(Node { value: Value::List(nodes), origin: node.origin.clone() })
    }

    /// Reports keys the table does not have, and keys that are there under both of their names.
    fn check_names(&mut self, entries: &Table, fields: &Fields, path: &str) {
        for (index, (key, node)) in entries.iter().enumerate() {
            let name = name_of(key, path);
            if fields.get(name).is_none() {
                if let (true, Some(file)) = (path == "plugins", node.text("path")) {
                    let reason =
                        format!("its component `{file}` was not loaded, so its settings are unknown");
                    self.wrong(&key.origin, &join(path, &key.name), reason, None);
                    continue;
                }
                let help = self.help(name, fields);
                self.wrong(&key.origin, &join(path, &key.name), format!("unknown {}", fields.noun), help);
            } else if let Some((other, _)) =
                entries.iter().take(index).find(|(other, _)| name_of(other, path) == name)
            {
                let reason =
                    format!("is another name of `{}`, which is given too, {}", other.name, other.origin);
                self.wrong(&key.origin, &join(path, &key.name), reason, Some("keep one of them".to_owned()));
            }
        }
    }

    /// Returns what the person may have meant by a key that does not exist.
    fn help(&self, name: &str, fields: &Fields) -> Option<String> {
        let mut homes = Vec::new();
        if used(self.keys).any(|field| field.name == name) {
            homes.push(String::new());
        }
        homes_of(name, self.keys, "", &mut homes);
        let places: Vec<&str> = homes.iter().take(2).map(String::as_str).collect();
        match places.as_slice() {
            [] => {}
            ["", ..] => return Some(format!("`{name}` stands at the top, before the first section")),
            places => return Some(format!("`{name}` belongs in {}", places.join(" or "))),
        }
        let names = used(fields).map(|field| field.name.as_str());
        if let Some(nearest) = nearest(name, names) {
            return Some(format!("did you mean `{nearest}`?"));
        }
        let names: Vec<&str> = used(fields).map(|field| field.name.as_str()).collect();
        match names.len() {
            0 => Some(format!("no {} is known here", fields.noun)),
            1..=12 => Some(format!("known: {}", names.join(", "))),
            _ => None,
        }
    }

    /// Notes a key of the other tool: an error unless it stands in that tool's file.
    fn unused(&mut self, key: &Key, path: &str) {
        let in_file = matches!(key.origin, Origin::File(_));
        if in_file && self.dialect == Dialect::PerfSentinel {
            self.unused.push(path.to_owned());
        } else {
            let reason = "not used by this version".to_owned();
            self.wrong(&key.origin, path, reason, Some("remove it".to_owned()));
        }
    }

    fn defaults(&self, fields: &Fields) -> Table {
        fields.fields.iter().filter_map(|field| self.default(field)).collect()
    }

    /// Returns the entry of a key nobody wrote: a table of defaults for a section, nothing for an open choice.
    fn default(&self, field: &Field) -> Option<(Key, Node)> {
        let value = match &field.shape {
            Shape::Table(fields) => Value::Table(self.defaults(fields)),
            Shape::Map(..) => Value::Table(Table::new()),
            Shape::List(_) => Value::List(Vec::new()),
            Shape::Value(_) | Shape::Unused => field.default.clone()?,
        };
        Some((Key { name: field.name.clone(), origin: Origin::Default }, Node::preset(value)))
    }

    fn wrong(&mut self, origin: &Origin, key: &str, reason: String, help: Option<String>) {
        self.errors.push(ConfigError { origin: origin.clone(), key: key.to_owned(), reason, help });
    }
}

/// Returns the name a key goes by; only sections at the top have two.
fn name_of<'a>(key: &'a Key, path: &str) -> &'a str {
    if path.is_empty() { canonical(&key.name) } else { &key.name }
}

fn used(fields: &Fields) -> impl Iterator<Item = &Field> {
    fields.fields.iter().filter(|field| !matches!(field.shape, Shape::Unused))
}

/// Collects the sections that have a key of this name. Tables keyed by plug-in count for its settings alone:
/// the other keys are the same in all of them.
fn homes_of(name: &str, fields: &Fields, path: &str, homes: &mut Vec<String>) {
    for field in used(fields) {
        let Shape::Table(inner) = &field.shape else { continue };
        let path = join(path, &field.name);
        let is_home = |known: &Field| !fields.open || matches!(known.shape, Shape::Value(Kind::Declared(_)));
        if inner.get(name).is_some_and(is_home) {
            homes.push(format!("[{path}]"));
        }
        homes_of(name, inner, &path, homes);
    }
}

/// Returns the candidate that `name` is most likely a slip of: at most a third of its letters off.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}
