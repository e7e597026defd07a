//! Document, search, wide-column and graph stores: operation, collection and the keys of the request.
//!
//! A MongoDB command reads `find orders {customer_id: ?}`: names and structure stay in the order they
//! came, every value becomes `?`, lists of like elements become one element, and what drivers add for
//! themselves (session, cluster time, read preference) is left out. Relaxed notations are read as well:
//! extended JSON, shell calls (`db.orders.find({_id: ObjectId("...")})`), and texts that were cut off.
//! Elasticsearch requests recorded as a path read `search /orders/_search`. Query languages that are not
//! SQL (Cypher, AQL, N1QL) keep their words and lose their literals. Of stores that are not known only the name of the
//! command stays.

mod lexer;
mod operations;
mod query;
#[cfg(test)]
mod tests;
mod walk;

use super::{Access, Facts, Template, among, cut, http, is_command_name, is_hidden, shape};
use lexer::{Lexer, Token};
use operations::{access, is_chatter};
use walk::Walk;

/// Longest text that is looked at, in bytes.
const MAX_TEXT: usize = 64 * 1024;
/// Length at which a template ends with `...`, in bytes.
const MAX_TEMPLATE: usize = 2048;

/// Normalizes an operation of `system` (`mongodb`, `dynamodb`, `elasticsearch`, `neo4j`, ...).
///
/// `operation` and `collection` are attributes and are preferred to what the text says. Without a text,
/// or with values masked by the instrumentation, `params_hidden` is set. The batch is the number of
/// documents, updates or bulk actions in the request.
pub fn normalize(
    system: &str,
    text: Option<&str>,
    operation: Option<&str>,
    collection: Option<&str>,
    out: &mut Template,
) -> Facts {
    out.clear();
    let text = text.map_or("", |text| cut(text, MAX_TEXT).trim());
    let operation = operation.map(operation_name).filter(|name| !name.is_empty());
    let collection = collection.map(str::trim).filter(|name| !name.is_empty());
    let mut request = Request { operation, collection, facts: Facts::default(), out };
    match Notation::of(system, text) {
        Notation::None => {
            request.write_head(system);
            request.facts.params_hidden = true;
        }
        Notation::Json => request.json(system, text),
        Notation::Shell => request.shell(system, text),
        Notation::Path => request.path(system, text),
        Notation::Query => request.query(system, text),
    }
    request.facts.batch = request.facts.batch.max(1);
    request.facts
}

enum Notation {
    None,
    Json,
    Shell,
    Path,
    Query,
}

impl Notation {
    fn of(system: &str, text: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(system));
        match text.as_bytes() {
            [] => Self::None,
            [b'{' | b'[', ..] => Self::Json,
            _ if is(&["elasticsearch", "opensearch", "solr", "couchdb"]) && path_of(text).is_some() => {
                Self::Path
            }
            _ if is_mongodb(system) || is(&["elasticsearch", "opensearch"]) => Self::Shell,
            _ => Self::Query,
        }
    }
}

fn is_mongodb(system: &str) -> bool {
    ["mongodb", "documentdb", "mongo", "ferretdb"].iter().any(|name| name.eq_ignore_ascii_case(system))
}

/// Returns the method (empty when there is none) and the path of `GET /orders/_search`.
fn path_of(text: &str) -> Option<(&str, &str)> {
    let (method, path) = match text.split_once(' ') {
        Some((method, path)) if !text.starts_with('/') => (method, path.trim_start()),
        _ => ("", text),
    };
    let is_method = method.len() <= 8 && method.bytes().all(|b| b.is_ascii_uppercase());
    (is_method && path.starts_with('/')).then_some((method, path))
}

fn operation_name(name: &str) -> &str {
    let name = name.trim();
    name.strip_prefix("DynamoDB.").unwrap_or(name)
}

struct Request<'a, 'o> {
    operation: Option<&'a str>,
    collection: Option<&'a str>,
    facts: Facts,
    out: &'o mut Template,
}

impl<'a> Request<'a, '_> {
    /// Writes operation and collection, or the system where neither is known, and judges the operation.
    fn write_head(&mut self, system: &str) {
        if let Some(operation) = self.operation {
            write_name(operation, &mut self.out.text);
            self.facts.access = access(operation);
            self.facts.chatter = is_chatter(operation);
        }
        if let Some(collection) = self.collection {
            if !self.out.text.is_empty() {
                self.out.text.push(' ');
            }
            if write_name(collection, &mut self.out.text) {
                self.out.push_param(collection);
            }
        }
        if self.out.text.is_empty() {
            write_name(if system.is_empty() { "document" } else { system }, &mut self.out.text);
        }
    }

    fn json(&mut self, system: &str, text: &'a str) {
        let command = is_mongodb(system).then(|| command_of(text, self.operation)).flatten();
        if let Some((name, target)) = command {
            self.operation = self.operation.or(Some(name));
            self.collection = self.collection.or(target).or_else(|| named_collection(name, text));
        }
        self.write_head(system);
        let mut walk = Walk::new(text, self.out);
        walk.command = command.is_some();
        walk.bulk = self.operation.is_some_and(|op| op.eq_ignore_ascii_case("bulk") || op == "_bulk");
        walk.documents();
        self.facts.batch = walk.batch;
        self.facts.params_hidden = walk.masked;
        if walk.writes {
            self.facts.access = Access::Write;
        }
    }

    /// `db.orders.find({..})`, `orders.find`, `find orders {..}` or only names.
    fn shell(&mut self, system: &str, text: &'a str) {
        let arguments = text.find(['(', '{', '[']).unwrap_or(text.len());
        let (names, arguments) = text.split_at(arguments);
        let names = names.trim();
        let mut found = (None, None);
        if arguments.starts_with('(') || (names.contains('.') && !names.contains(char::is_whitespace)) {
            let path = names.strip_prefix("db.").unwrap_or(names);
            found = match path.rsplit_once('.') {
                Some((collection, operation)) => (Some(operation), Some(collection)),
                None => (Some(path), None),
            };
        } else {
            let mut words = names.split_whitespace();
            found.0 = words.next().or(found.0);
            found.1 = words.next();
        }
        self.operation = self.operation.or(found.0.filter(|name| is_name(name)));
        self.collection = self.collection.or(found.1.filter(|name| is_name(name)));
        self.write_head(system);
        if arguments.is_empty() {
            self.out.push_param(names);
            self.facts.params_hidden = true;
            return;
        }
        let mut walk = Walk::new(arguments, self.out);
        walk.documents();
        self.facts.params_hidden = walk.masked;
        if walk.writes {
            self.facts.access = Access::Write;
        }
    }

    fn path(&mut self, system: &str, text: &'a str) {
        let Some((method, path)) = path_of(text) else { return };
        let path = path.split(char::is_whitespace).next().unwrap_or(path);
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let endpoint =
            path.rsplit('/').find_map(|segment| segment.strip_prefix('_')).filter(|name| is_name(name));
        self.collection = None;
        if self.operation.is_none() {
            self.operation = match (endpoint, method) {
                (Some("doc" | "source"), "GET" | "HEAD") => Some("get"),
                (Some("doc"), "DELETE") => Some("delete"),
                (Some("doc"), _) => Some("index"),
                (Some(name), _) => Some(name),
                (None, "") => None,
                (None, method) => Some(method),
            };
        }
        self.write_head(system);
        self.out.text.push(' ');
        let hidden = http::write_path(path, self.out);
        self.facts.params_hidden = hidden | query.is_some_and(|query| http::write_query(query, self.out));
        if self.facts.access == Access::Unknown && matches!(method, "GET" | "HEAD") {
            self.facts.access = Access::Read;
        }
    }

    /// A command of a store of which nothing is known: all but its name may be values.
    fn command(&mut self, text: &'a str) {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if !is_command_name(name) {
            self.out.text.push('?');
            return self.out.push_param(text);
        }
        self.out.text.push_str(name);
        self.facts.access = access(name);
        if !rest.is_empty() {
            self.out.text.push_str(" ?");
            self.out.push_param(rest);
        }
    }

    fn query(&mut self, system: &str, text: &'a str) {
        if !query::is_language(system, text) {
            return self.command(text);
        }
        let graph = ["neo4j", "memgraph", "neptune"].iter().any(|name| name.eq_ignore_ascii_case(system));
        self.facts = query::scrub(text, graph, self.out);
        if self.facts.access == Access::Unknown
            && let Some(operation) = self.operation
        {
            self.facts.access = access(operation);
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.chars().all(|ch| ch.is_alphanumeric() || matches!(ch, '_' | '-' | '.' | '$' | ':'))
}

fn write_name(name: &str, text: &mut String) -> bool {
    shape::write_key(cut(name, 200), text)
}

/// Commands of MongoDB, exactly: a filter may begin with any key that looks like one.
const COMMANDS: [&str; 23] = [
    "aggregate",
    "bulkWrite",
    "collStats",
    "count",
    "create",
    "createIndexes",
    "dbStats",
    "delete",
    "distinct",
    "drop",
    "dropDatabase",
    "dropIndexes",
    "explain",
    "find",
    "findAndModify",
    "getMore",
    "insert",
    "listCollections",
    "listDatabases",
    "listIndexes",
    "mapReduce",
    "renameCollection",
    "update",
];

/// Returns command and collection of `{"find": "orders", ...}`.
///
/// With a known operation the first key must be its name; a filter recorded alone is not a command.
fn command_of<'a>(text: &'a str, operation: Option<&str>) -> Option<(&'a str, Option<&'a str>)> {
    let mut lexer = Lexer::new(text);
    if lexer.next() != Some(Token::Open(b'{')) {
        return None;
    }
    let (Some(Token::Text(name) | Token::Word(name)), Some(Token::Colon)) = (lexer.next(), lexer.next())
    else {
        return None;
    };
    let expected = match operation {
        Some(operation) => operation.eq_ignore_ascii_case(name),
        None => among(&COMMANDS, name) || is_chatter(name),
    };
    match lexer.next() {
        _ if !expected => None,
        Some(Token::Text(target)) => Some((name, Some(target).filter(|t| !is_hidden(t) && is_name(t)))),
        Some(Token::Word(_)) => Some((name, None)),
        _ if is_chatter(name) || name == "getMore" => Some((name, None)),
        _ => None,
    }
}

/// `{"getMore": 5, "collection": "orders"}`
fn named_collection<'a>(command: &str, text: &'a str) -> Option<&'a str> {
    if command != "getMore" {
        return None;
    }
    let at = text.find("\"collection\"")?;
    let mut lexer = Lexer::new(&text[at..]);
    lexer.next();
    match (lexer.next(), lexer.next()) {
        (Some(Token::Colon), Some(Token::Text(name))) if is_name(name) => Some(name),
        _ => None,
    }
}
