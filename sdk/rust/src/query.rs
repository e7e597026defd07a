//! What a statement is about, as far as its template says: which tables it names, what it looks up by which
//! columns. Enough to see that one query supplies another's keys, and that a write gets in the way of a read.

use crate::{Batch, Kind, Span, TextTable, Trace};
use rustc_hash::FxHashMap;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

/// A statement. Names are in lower case, without qualifiers and quotes.
#[derive(Debug, Default)]
pub struct Query {
    /// Tables after FROM, JOIN, INTO, UPDATE and TABLE.
    tables: Vec<String>,
    /// Table of the first FROM, singular.
    subject: String,
    /// Names between SELECT and FROM.
    columns: HashSet<String>,
    /// Names compared with a parameter after WHERE.
    keys: HashSet<String>,
}

impl Query {
    /// Returns what a template is about; nothing when it is no SQL.
    pub fn of(template: &str) -> Query {
        let words = words(template);
        let at = |word: &str| words.iter().position(|other| other == word);
        let tables = tables(&words);
        let Some(from) = at("from") else { return Query { tables, ..Query::default() } };
        let filter = at("where").unwrap_or(words.len());
        let mut keys = HashSet::new();
        for triple in words[filter..].windows(3) {
            let compares = triple[1] == "=" || triple[1] == "in";
            if compares && (triple[2] == "?" || triple[2] == "any") {
                keys.insert(last_part(&triple[0]).to_owned());
            }
        }
        Query {
            tables,
            subject: words.get(from + 1).map(|table| singular(last_part(table))).unwrap_or_default(),
            columns: words[..from].iter().map(|word| last_part(word).to_owned()).collect(),
            keys,
        }
    }

    /// Returns the tables it names, ordered: no aliases, though a column may be among them (`, (SELECT a FROM b), c`).
    pub fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Returns whether the rows of this query hold the keys that `lookup` asks for one by one.
    pub fn supplies(&self, lookup: &Query) -> bool {
        let names = |table: &str| {
            [format!("{table}_id"), format!("{table}id"), format!("{table}_uuid"), format!("fk_{table}")]
        };
        let by_key =
            lookup.keys.iter().any(|key| matches!(key.as_str(), "id" | "uuid" | "pk" | "code" | "key"));
        let to_one = !lookup.subject.is_empty()
            && names(&lookup.subject).iter().any(|name| self.columns.contains(name));
        let to_many =
            !self.subject.is_empty() && names(&self.subject).iter().any(|name| lookup.keys.contains(name));
        let same_column =
            lookup.keys.iter().any(|key| key.ends_with("id") && key.len() > 2 && self.columns.contains(key));
        (by_key && to_one) || to_many || same_column
    }
}

/// What the statements of a batch are about, worked out once per template.
#[derive(Default)]
pub struct Queries(TextTable<Rc<Query>>);

impl Queries {
    /// Must be called at the start of every batch.
    pub fn begin(&mut self, batch: &Batch) {
        self.0.begin(batch);
    }

    /// Returns what a call is about. Only SQL, and what resembles it, names tables.
    pub fn get(&mut self, span: Span<'_>) -> Rc<Query> {
        match span.kind() {
            Kind::SQL | Kind::DATASTORE => {
                self.0.get(span.batch(), span.template_id(), |text| Rc::new(Query::of(text)))
            }
            _ => Rc::default(),
        }
    }
}

/// Where a call goes: reads and writes with one service and one peer may concern each other.
type Place = (u32, u32);

/// The calls of a trace that may change what another one reads.
#[derive(Default)]
pub struct Writes {
    /// Rows of all of them, ascending.
    all: FxHashMap<Place, Vec<u32>>,
    /// Rows of those that do not say what they change.
    anything: FxHashMap<Place, Vec<u32>>,
    /// Rows of those that name a table.
    tables: FxHashMap<(Place, String), Vec<u32>>,
}

impl Writes {
    /// Returns the writes of a trace. What is not known to be a read is one. O(n).
    pub fn of(trace: &Trace<'_>, queries: &mut Queries) -> Writes {
        let mut writes = Writes::default();
        for span in trace.io().filter(|span| !span.is_read()) {
            let (place, row) = (place(span), span.row());
            writes.all.entry(place).or_default().push(row);
            let query = queries.get(span);
            if query.tables().is_empty() {
                writes.anything.entry(place).or_default().push(row);
            }
            for table in query.tables() {
                writes.tables.entry((place, table.clone())).or_default().push(row);
            }
        }
        writes
    }

    /// Returns whether a write started between two reads of one query that may have changed what they read: one to a
    /// table they name, or one that names none. A read that names no table may read anything. O(log n).
    pub fn between(&self, first: Span<'_>, last: Span<'_>, query: &Query) -> bool {
        let place = place(first);
        let within = |writes: Option<&Vec<u32>>| {
            writes.is_some_and(|writes| {
                let next = writes.partition_point(|row| *row <= first.row());
                writes.get(next).is_some_and(|row| *row < last.row())
            })
        };
        if query.tables().is_empty() {
            return within(self.all.get(&place));
        }
        within(self.anything.get(&place))
            || !self.tables.is_empty()
                && query.tables().iter().any(|table| within(self.tables.get(&(place, table.clone()))))
    }
}

fn place(span: Span<'_>) -> Place {
    (span.service_id(), span.peer_id())
}

/// The names after words that announce a table. Those of a list, `FROM a x, b AS y`, follow commas.
fn tables(words: &[String]) -> Vec<String> {
    const ANNOUNCING: [&str; 6] = ["from", "join", "into", "update", "table", "truncate"];
    const SKIPPED: [&str; 7] = ["only", "lateral", "if", "not", "exists", "ignore", "low_priority"];
    let is_one_of = |known: &[&str], word: &String| known.contains(&word.as_str());
    let mut tables = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        if !is_one_of(&ANNOUNCING, word) {
            continue;
        }
        let mut rest = &words[at + 1..];
        loop {
            while rest.first().is_some_and(|word| is_one_of(&SKIPPED, word)) {
                rest = &rest[1..];
            }
            let Some(name) = rest.first().filter(|name| !is_one_of(&ANNOUNCING, name)) else { break };
            if name.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                tables.insert(last_part(name).to_owned());
            }
            let comma = rest.iter().take(4).position(|word| word == ",");
            match comma {
                Some(comma) if word == "from" && comma > 0 => rest = &rest[comma + 1..],
                _ => break,
            }
        }
    }
    tables.into_iter().collect()
}

/// Lower-case words, names with their qualifiers, `?`, `=` and `,`.
fn words(template: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in template.chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' | '.' | '$' => word.push(c),
            'A'..='Z' => word.push(c.to_ascii_lowercase()),
            '"' | '`' | '[' | ']' => {}
            _ if c.is_alphanumeric() => word.extend(c.to_lowercase()),
            _ => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if matches!(c, '?' | '=' | ',') {
                    words.push(c.to_string());
                }
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn singular(table: &str) -> String {
    match table {
        _ if table.ends_with("ies") => format!("{}y", &table[..table.len() - 3]),
        _ if table.ends_with("sses") || table.ends_with("xes") => table[..table.len() - 2].to_owned(),
        _ if table.ends_with('s') && !table.ends_with("ss") => table[..table.len() - 1].to_owned(),
        _ => table.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_supplies_the_keys_of_another() {
        let supplies = |source: &str, lookup: &str| Query::of(source).supplies(&Query::of(lookup));
        for (source, lookup) in [
            ("SELECT id, author_id FROM book", "SELECT name FROM author WHERE id = ?"),
            (
                "SELECT \"book\".\"id\", \"book\".\"author_id\" FROM \"book\"",
                "SELECT * FROM \"author\" WHERE \"author\".\"id\" = ? LIMIT ?",
            ),
            ("SELECT id, title FROM authors", "SELECT * FROM books WHERE author_id = ?"),
            ("SELECT o.id, o.categoryId FROM orders o", "SELECT * FROM categories WHERE id = ?"),
            ("SELECT sku_id FROM line", "SELECT price FROM offer WHERE sku_id = ?"),
        ] {
            assert!(supplies(source, lookup), "{source} / {lookup}");
        }
        for (source, lookup) in [
            ("SELECT id, title FROM book", "SELECT name FROM author WHERE id = ?"),
            ("SELECT count(*) FROM author", "SELECT name FROM setting WHERE name = ?"),
            ("GET user-svc/users", "SELECT name FROM author WHERE id = ?"),
        ] {
            assert!(!supplies(source, lookup), "{source} / {lookup}");
        }
    }

    #[test]
    fn tables_are_whole_names() {
        for (template, tables) in [
            ("SELECT a FROM orders WHERE b = ?", &["orders"][..]),
            ("SELECT a FROM shop.\"Orders\" o, [dbo].[line] AS l, item WHERE ?", &["item", "line", "orders"]),
            ("SELECT a FROM x LEFT JOIN y ON y.id = x.y_id, z", &["x", "y"]),
            ("SELECT a FROM x, y, z", &["x", "y", "z"]),
            ("SELECT a, (SELECT max(b) FROM c), d FROM e ORDER BY f, g", &["c", "d", "e"]),
            ("SELECT a FROM b LIMIT ?, ?", &["b"]),
            ("INSERT INTO order_line (a, b) VALUES (?)", &["order_line"]),
            ("UPDATE ONLY a SET b = ?, c = ?", &["a"]),
            ("DELETE FROM a WHERE b IN (?)", &["a"]),
            ("TRUNCATE TABLE a", &["a"]),
            ("DROP TABLE IF EXISTS a", &["a"]),
            ("CALL refresh(?)", &[]),
            ("", &[]),
            ("FROM", &[]),
            ("FROM , , FROM ,", &[]),
        ] {
            assert_eq!(Query::of(template).tables(), tables, "{template}");
        }
    }
}
