//! Document, search, wide-column and graph stores: operation, collection and the keys of the request.
//!
//! A MongoDB command reads `find orders {customer_id: ?}`: names and structure stay in the order they
//! came, every value becomes `?`, lists of like elements become one element, and what drivers add for
//! themselves (session, cluster time, read preference) is left out. Relaxed notations are read as well:
//! extended JSON, shell calls (`db.orders.find({_id: ObjectId("...")})`), and texts that were cut off.
//! Elasticsearch requests recorded as a path read `search /orders/_search`. Query languages that are not
//! SQL (Cypher, AQL, N1QL) keep their words and lose their literals.

use super::{Access, Facts, Template, among, cut, http, is_command_name, is_hidden, shape};

/// Longest text that is looked at, in bytes.
const MAX_TEXT: usize = 64 * 1024;
/// Length at which a template ends with `...`, in bytes.
const MAX_TEMPLATE: usize = 2048;
/// Depth to which a document is written; what is deeper is one `?`.
const MAX_DEPTH: usize = 24;

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
        if !is_language(system, text) {
            return self.command(text);
        }
        let graph = ["neo4j", "memgraph", "neptune"].iter().any(|name| name.eq_ignore_ascii_case(system));
        self.facts = scrub(text, graph, self.out);
        if self.facts.access == Access::Unknown
            && let Some(operation) = self.operation
        {
            self.facts.access = access(operation);
        }
    }
}

/// Returns whether a text is in a query language: because the store has one, or by its first word.
fn is_language(system: &str, text: &str) -> bool {
    const STORES: [&str; 16] = [
        "arangodb",
        "azure.cosmosdb",
        "cosmosdb",
        "couchbase",
        "dgraph",
        "dynamodb",
        "elasticsearch",
        "geode",
        "influxdb",
        "janusgraph",
        "memgraph",
        "neo4j",
        "neptune",
        "opensearch",
        "ravendb",
        "surrealdb",
    ];
    let first = text.split(|ch: char| !ch.is_ascii_alphabetic()).next().unwrap_or("");
    among(&STORES, system) || is_reading_word(first) || is_writing_word(first)
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

/// Writes a document as its structure.
struct Walk<'a, 'o> {
    lexer: Lexer<'a>,
    out: &'o mut Template,
    /// The first key is a command, whose target was written already.
    command: bool,
    bulk: bool,
    /// Nothing is written while positive.
    mute: usize,
    full: bool,
    masked: bool,
    writes: bool,
    batch: u32,
}

impl<'a, 'o> Walk<'a, 'o> {
    fn new(text: &'a str, out: &'o mut Template) -> Self {
        Self {
            lexer: Lexer::new(text),
            out,
            command: false,
            bulk: false,
            mute: 0,
            full: false,
            masked: false,
            writes: false,
            batch: 0,
        }
    }

    /// Writes all documents of the text; of several lines (bulk requests) the first one's structure.
    fn documents(&mut self) {
        let mut first = true;
        while let Some(token) = self.lexer.next() {
            match token {
                Token::Open(b'{') if first && self.command => self.command_body(),
                // The arguments of a shell call.
                Token::Open(b'(') => continue,
                // `.sort({at: -1})` behind it
                Token::Word(word) if word.strip_prefix('.').is_some_and(is_name) => {
                    self.write(" ");
                    self.key(&word[1..]);
                }
                Token::Open(_) | Token::Text(_) | Token::Word(_) => {
                    let muted = usize::from(self.bulk && !first);
                    self.mute += muted;
                    let before = self.out.text.len();
                    self.write(" ");
                    self.value(token, 0);
                    if &self.out.text[before..] == " {}" {
                        self.out.text.truncate(before);
                    }
                    self.mute -= muted;
                }
                Token::Close(_) | Token::Comma | Token::Colon => continue,
            }
            first = false;
        }
    }

    /// The keys of a command: the filter bare, plumbing not at all, the rest by name.
    fn command_body(&mut self) {
        let mut first = true;
        while let Some((key, token)) = self.pair(1) {
            let is_target = std::mem::take(&mut first);
            if is_target {
                // getMore carries its cursor where others carry the collection.
                if !matches!(token, Token::Text(_)) {
                    self.silent(token, 0);
                }
            } else if is_plumbing(key) {
                let kept = (self.out.params.len(), self.out.ends.len(), self.masked);
                self.silent(token, 0);
                self.out.params.truncate(kept.0);
                self.out.ends.truncate(kept.1);
                self.masked = kept.2;
            } else if is_quantity(key) {
                self.silent(token, 0);
            } else {
                let before = self.out.text.len();
                self.write(" ");
                if !matches!(key, "filter" | "query") {
                    self.key(key);
                    self.write(" ");
                }
                let named = self.out.text.len();
                let elements = self.value(token, 0);
                if &self.out.text[named..] == "{}" {
                    self.out.text.truncate(before);
                }
                if matches!(key, "documents" | "updates" | "deletes" | "ops") {
                    self.batch = elements;
                }
            }
        }
    }

    /// Takes a value of which only the parameters count.
    fn silent(&mut self, token: Token<'a>, depth: usize) {
        self.mute += 1;
        self.value(token, depth);
        self.mute -= 1;
    }

    /// Returns the next key of an object at `depth` and the token its value begins with.
    fn pair(&mut self, depth: usize) -> Option<(&'a str, Token<'a>)> {
        loop {
            match self.lexer.next()? {
                Token::Text(key) | Token::Word(key) => match self.lexer.peek()? {
                    Token::Colon => {
                        self.lexer.next();
                        return match self.lexer.peek()? {
                            // A value is missing.
                            Token::Comma | Token::Close(_) => continue,
                            _ => Some((key, self.lexer.next()?)),
                        };
                    }
                    // Not a pair; what it is is not known, so it is a value.
                    _ => self.out.push_param(key),
                },
                Token::Close(_) => return None,
                Token::Comma | Token::Colon => {}
                open @ Token::Open(_) => self.silent(open, depth),
            }
        }
    }

    /// Writes one value; returns the number of elements of a list.
    fn value(&mut self, token: Token<'a>, depth: usize) -> u32 {
        match token {
            Token::Open(_) if depth >= MAX_DEPTH => {
                let raw = self.lexer.skip_enclosed();
                self.out.push_param(raw);
                self.write("?");
            }
            Token::Open(b'{') => self.object(depth + 1),
            Token::Open(b'[') => return self.list(depth + 1),
            Token::Open(_) => {
                // A list in parentheses is no document.
                let raw = self.lexer.skip_enclosed();
                self.out.push_param(raw);
                self.write("?");
            }
            Token::Text(text) => self.literal(text),
            Token::Word(word) => {
                self.literal(word);
                // ObjectId("..."), ISODate(...), NumberLong(1)
                if self.lexer.peek() == Some(Token::Open(b'(')) {
                    self.lexer.next();
                    let raw = self.lexer.skip_enclosed();
                    self.out.push_param(raw);
                }
            }
            Token::Close(_) | Token::Comma | Token::Colon => {}
        }
        0
    }

    fn literal(&mut self, text: &str) {
        if is_hidden(text) {
            self.masked = true;
        } else {
            self.out.push_param(text);
        }
        self.write("?");
    }

    fn object(&mut self, depth: usize) {
        let start = self.out.text.len();
        let mut typed = false;
        let mut first = true;
        self.write("{");
        while let Some((key, token)) = self.pair(depth) {
            if first {
                typed = is_typed_value(key);
                if depth == 1 && self.bulk && matches!(key, "index" | "create" | "update" | "delete") {
                    self.batch = self.batch.saturating_add(1);
                }
            } else {
                self.write(", ");
            }
            self.writes |= matches!(key, "$out" | "$merge");
            first = false;
            self.key(key);
            self.write(": ");
            self.value(token, depth);
        }
        self.write("}");
        if typed && self.mute == 0 && !self.full {
            self.out.text.truncate(start);
            self.write("?");
        }
    }

    fn list(&mut self, depth: usize) -> u32 {
        let mut elements = 0u32;
        let mut previous = (0, 0);
        self.write("[");
        while let Some(token) = self.lexer.next() {
            match token {
                Token::Close(_) => break,
                Token::Comma | Token::Colon => continue,
                _ => {}
            }
            let before = self.out.text.len();
            if elements > 0 {
                self.write(", ");
            }
            let start = self.out.text.len();
            self.value(token, depth);
            let text = &self.out.text;
            if elements > 0 && !self.full && self.mute == 0 && text[start..] == text[previous.0..previous.1] {
                self.out.text.truncate(before);
            } else {
                previous = (start, self.out.text.len());
            }
            elements = elements.saturating_add(1);
        }
        if elements == 0 {
            self.write("?");
        }
        self.write("]");
        elements
    }

    fn key(&mut self, key: &str) {
        if self.mute == 0 && !self.full {
            // A path into a document may carry a list index or an identifier.
            shape::write_key(cut(key, 128), &mut self.out.text);
            self.write("");
        }
    }

    fn write(&mut self, text: &str) {
        if self.mute > 0 || self.full {
            return;
        }
        self.out.text.push_str(text);
        if self.out.text.len() > MAX_TEMPLATE {
            self.out.text.push_str("...");
            self.full = true;
        }
    }
}

/// Keys drivers add to every command.
fn is_plumbing(key: &str) -> bool {
    const PLUMBING: [&str; 17] = [
        "$clusterTime",
        "$configServerState",
        "$db",
        "$readPreference",
        "apiDeprecationErrors",
        "apiStrict",
        "apiVersion",
        "autocommit",
        "collation",
        "comment",
        "cursor",
        "let",
        "lsid",
        "maxTimeMS",
        "readConcern",
        "signature",
        "startTransaction",
    ];
    matches!(key, "txnNumber" | "writeConcern" | "collection") || PLUMBING.contains(&key)
}

/// Keys whose value tells calls apart but does not belong to the template.
fn is_quantity(key: &str) -> bool {
    const QUANTITIES: [&str; 9] = [
        "allowDiskUse",
        "batchSize",
        "bypassDocumentValidation",
        "from",
        "limit",
        "ordered",
        "singleBatch",
        "size",
        "skip",
    ];
    QUANTITIES.contains(&key)
}

/// `{"$oid": "..."}` and other values of extended JSON.
fn is_typed_value(key: &str) -> bool {
    const TYPES: [&str; 13] = [
        "$binary",
        "$code",
        "$date",
        "$maxKey",
        "$minKey",
        "$numberDecimal",
        "$numberDouble",
        "$numberInt",
        "$numberLong",
        "$oid",
        "$regularExpression",
        "$timestamp",
        "$uuid",
    ];
    TYPES.contains(&key)
}

/// Judges an operation by the words its name begins with.
fn access(operation: &str) -> Access {
    const WRITES: [&str; 33] = [
        "add",
        "append",
        "batchwrite",
        "bulk",
        "clone",
        "create",
        "decrement",
        "delete",
        "drop",
        "findandmodify",
        "findoneand",
        "increment",
        "index",
        "insert",
        "merge",
        "mutate",
        "patch",
        "post",
        "prepend",
        "put",
        "reindex",
        "remove",
        "rename",
        "replace",
        "save",
        "send",
        "set",
        "store",
        "touch",
        "transactwrite",
        "truncate",
        "update",
        "upsert",
    ];
    const READS: [&str; 32] = [
        "aggregate",
        "analyze",
        "batchget",
        "cat",
        "collstats",
        "count",
        "dbstats",
        "describe",
        "distinct",
        "estimate",
        "exists",
        "explain",
        "fetch",
        "field_caps",
        "find",
        "get",
        "head",
        "info",
        "knn",
        "list",
        "lookup",
        "match",
        "mget",
        "msearch",
        "query",
        "read",
        "scan",
        "scroll",
        "search",
        "select",
        "transactget",
        "view",
    ];
    let name = operation.rsplit(['.', '/']).next().unwrap_or(operation).trim_start_matches('_');
    let begins = |word: &&str| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if WRITES.iter().any(begins) {
        Access::Write
    } else if READS.iter().any(begins) {
        Access::Read
    } else {
        Access::Unknown
    }
}

/// Connection, session and transaction upkeep of MongoDB.
fn is_chatter(operation: &str) -> bool {
    const CHATTER: [&str; 15] = [
        "abortTransaction",
        "authenticate",
        "buildInfo",
        "commitTransaction",
        "connect",
        "connectionStatus",
        "endSessions",
        "getnonce",
        "hello",
        "isMaster",
        "killCursors",
        "killSessions",
        "ping",
        "saslContinue",
        "saslStart",
    ];
    among(&CHATTER, operation)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Open(u8),
    Close(u8),
    Comma,
    Colon,
    /// A quoted string, without the quotes.
    Text(&'a str),
    /// A number, a bare key, a name.
    Word(&'a str),
}

/// Reads JSON and what resembles it; never fails.
#[derive(Clone, Copy)]
struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Returns what stands up to the bracket that closes the one just read, and moves behind it.
    fn skip_enclosed(&mut self) -> &'a str {
        let start = self.at;
        let mut depth = 1usize;
        let mut end = start;
        while let Some(token) = self.next() {
            match token {
                Token::Open(_) => depth += 1,
                Token::Close(_) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return &self.text[start..end];
            }
            end = self.at;
        }
        &self.text[start..]
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let start = self.at;
        let first = *bytes.get(start)?;
        self.at += 1;
        Some(match first {
            b'{' | b'[' | b'(' => Token::Open(first),
            b'}' | b']' | b')' => Token::Close(first),
            b',' | b';' => Token::Comma,
            b':' => Token::Colon,
            b'"' | b'\'' => {
                while let Some(&b) = bytes.get(self.at) {
                    if b == first {
                        break;
                    }
                    self.at += if b == b'\\' { 2 } else { 1 };
                }
                let end = self.at.min(bytes.len());
                self.at = (end + 1).min(bytes.len());
                while !self.text.is_char_boundary(self.at) {
                    self.at += 1;
                }
                Token::Text(self.text.get(start + 1..end).unwrap_or(""))
            }
            _ => {
                while bytes.get(self.at).is_some_and(|b| {
                    !b.is_ascii_whitespace()
                        && !matches!(
                            b,
                            b'{' | b'}' | b'[' | b']' | b'(' | b')' | b',' | b';' | b':' | b'"' | b'\''
                        )
                }) {
                    self.at += 1;
                }
                Token::Word(&self.text[start..self.at])
            }
        })
    }
}

/// Writes a query of a language other than SQL without literals and comments, with single spaces.
fn scrub(text: &str, graph: bool, out: &mut Template) -> Facts {
    let mut facts = Facts::default();
    let mut reads = false;
    let mut writes = false;
    let mut space = false;
    // One bit per open bracket, set for `[`: only there a list of values is one value.
    let mut lists = 0u64;
    let mut rest = text;
    while let Some(ch) = rest.chars().next() {
        if out.text.len() > MAX_TEMPLATE {
            out.text.push_str("...");
            out.push_param(rest);
            break;
        }
        let piece = Piece::of(rest, ch, graph);
        let (token, after) = rest.split_at(piece.len(rest));
        rest = after;
        if matches!(piece, Piece::Blank(_)) {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) && !out.text.is_empty() {
            out.text.push(' ');
        }
        match piece {
            Piece::Blank(_) => {}
            Piece::Value(_) => {
                if token.starts_with(['$', '?']) {
                    facts.params_hidden = true;
                } else {
                    out.push_param(token);
                }
                push_value(lists & 1 == 1, &mut out.text);
            }
            Piece::Word(_) => {
                reads |= is_reading_word(token);
                writes |= is_writing_word(token);
                // A long word is more likely data than language.
                out.text.push_str(if token.len() > 128 { "?" } else { token });
            }
            Piece::Sign(_) => {
                match ch {
                    '[' => lists = lists << 1 | 1,
                    '(' | '{' => lists <<= 1,
                    ']' | ')' | '}' => lists >>= 1,
                    _ => {}
                }
                out.text.push_str(token);
            }
        }
    }
    facts.access = match (writes, reads) {
        (true, _) => Access::Write,
        (false, true) => Access::Read,
        (false, false) => Access::Unknown,
    };
    facts
}

fn push_value(in_list: bool, text: &mut String) {
    let before = text.trim_end().len();
    if in_list && text[..before].ends_with("?,") {
        text.truncate(before - 1);
    } else {
        text.push('?');
    }
}

fn is_reading_word(word: &str) -> bool {
    const READS: [&str; 8] = ["call", "for", "match", "return", "select", "show", "unwind", "with"];
    among(&READS, word)
}

fn is_writing_word(word: &str) -> bool {
    const WRITES: [&str; 13] = [
        "create", "delete", "detach", "drop", "foreach", "insert", "load", "merge", "remove", "replace",
        "set", "update", "upsert",
    ];
    among(&WRITES, word)
}

/// A piece of a query with its length in bytes.
#[derive(Clone, Copy)]
enum Piece {
    Blank(usize),
    Value(usize),
    Word(usize),
    Sign(usize),
}

impl Piece {
    fn len(self, rest: &str) -> usize {
        let (Self::Blank(n) | Self::Value(n) | Self::Word(n) | Self::Sign(n)) = self;
        let mut n = n.clamp(1, rest.len());
        while !rest.is_char_boundary(n) {
            n += 1;
        }
        n
    }

    fn of(rest: &str, ch: char, graph: bool) -> Self {
        let bytes = rest.as_bytes();
        let line = || rest.find('\n').unwrap_or(rest.len());
        let run = |more: fn(char) -> bool| rest.find(|c| !more(c)).unwrap_or(rest.len());
        match ch {
            _ if ch.is_whitespace() => Self::Blank(run(char::is_whitespace)),
            '/' if rest.starts_with("//") => Self::Blank(line()),
            '-' if rest.starts_with("--") && !graph => Self::Blank(line()),
            '/' if rest.starts_with("/*") => Self::Blank(rest.find("*/").map_or(rest.len(), |end| end + 2)),
            '\'' | '"' => Self::Value(quoted(bytes, bytes[0])),
            '`' => Self::Word(quoted(bytes, b'`')),
            '0'..='9' => Self::Value(run(|c| c.is_alphanumeric() || matches!(c, '.' | '_'))),
            '$' | '@' => Self::Value(1 + rest[1..].find(|c: char| !is_word(c)).unwrap_or(rest.len() - 1)),
            '?' => Self::Value(1),
            _ if is_word(ch) => Self::Word(run(is_word)),
            _ => Self::Sign(ch.len_utf8()),
        }
    }
}

fn is_word(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_'
}

/// Returns the length of a quoted text with its quotes; to the end when it is not closed.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&b) = bytes.get(at) {
        if b == quote {
            return at + 1;
        }
        at += if b == b'\\' && quote != b'`' { 2 } else { 1 };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(
        system: &str,
        text: Option<&str>,
        operation: Option<&str>,
        collection: Option<&str>,
    ) -> (String, Vec<String>, Facts) {
        let mut out = Template::default();
        let facts = normalize(system, text, operation, collection, &mut out);
        let params = out.params().map(str::to_owned).collect();
        (out.text, params, facts)
    }

    fn check(system: &str, text: &str, template: &str, params: &[&str]) {
        let (found, values, _) = call(system, Some(text), None, None);
        assert_eq!(found, template, "{text}");
        assert_eq!(values, params, "{text}");
    }

    #[test]
    fn mongodb_commands() {
        check(
            "mongodb",
            r#"{"find": "orders", "filter": {"customer_id": 42}, "limit": 1, "lsid": {"id": "x"}, "$db": "shop"}"#,
            "find orders {customer_id: ?}",
            &["42", "1"],
        );
        check(
            "mongodb",
            r#"{"find": "orders", "filter": {"_id": {"$oid": "507f1f77bcf86cd799439011"}}, "sort": {"at": -1}}"#,
            "find orders {_id: ?} sort {at: ?}",
            &["507f1f77bcf86cd799439011", "-1"],
        );
        check(
            "mongodb",
            r#"{"find": "orders", "filter": {"id": {"$in": [1, 2, 3]}}}"#,
            "find orders {id: {$in: [?]}}",
            &["1", "2", "3"],
        );
        check("mongodb", r#"{"find": "orders", "filter": {}}"#, "find orders", &[]);
        check("mongodb", r#"{"getMore": 77, "collection": "orders"}"#, "getMore orders", &["77"]);
        check(
            "mongodb",
            r#"{"aggregate": "orders", "pipeline": [{"$match": {"a": "x"}}, {"$group": {"_id": "$b"}}], "cursor": {}}"#,
            "aggregate orders pipeline [{$match: {a: ?}}, {$group: {_id: ?}}]",
            &["x", "$b"],
        );
        check(
            "mongodb",
            r#"{"update": "orders", "updates": [{"q": {"_id": 1}, "u": {"$set": {"items.0.n": 5}}}]}"#,
            "update orders updates [{q: {_id: ?}, u: {$set: {items.{id}.n: ?}}}]",
            &["1", "5"],
        );
        check(
            "mongodb",
            "db.orders.find({_id: ObjectId('507f1f77bcf86cd799439011')})",
            "find orders {_id: ?}",
            &["ObjectId", "'507f1f77bcf86cd799439011'"],
        );
        check(
            "mongodb",
            "db.orders.find({a: 1}, {b: 1}).sort({c: -1}).limit(5)",
            "find orders {a: ?} {b: ?} sort {c: ?} limit ?",
            &["1", "1", "-1", "5"],
        );
        check("mongodb", "find orders", "find orders", &["find orders"]);
        check("mongodb", r#"find {"a": 1}"#, "find {a: ?}", &["1"]);
        // A filter alone, with a key that resembles a command.
        check("mongodb", r#"{"address": "secret"}"#, "mongodb {address: ?}", &["secret"]);
        check("elasticsearch", r#"{"scroll_id": "secret"}"#, "elasticsearch {scroll_id: ?}", &["secret"]);
        // Cut off in the middle.
        check("mongodb", r#"{"find": "orders", "filter": {"a": "secr"#, "find orders {a: ?}", &["secr"]);
    }

    #[test]
    fn attributes_are_preferred() {
        let text = Some(r#"{"customer_id": "?"}"#);
        let (found, _, facts) = call("mongodb", text, Some("find"), Some("orders"));
        assert_eq!(found, "find orders {customer_id: ?}");
        assert!(facts.params_hidden && facts.access == Access::Read);
        let (found, _, facts) = call("mongodb", None, Some("find"), Some("orders"));
        assert_eq!(found, "find orders");
        assert!(facts.params_hidden);
        let (found, _, facts) = call("dynamodb", None, Some("DynamoDB.GetItem"), Some("Orders"));
        assert_eq!((&*found, facts.access), ("GetItem Orders", Access::Read));
        assert_eq!(call("mongodb", None, None, None).0, "mongodb");
    }

    #[test]
    fn batches() {
        let text = r#"{"insert": "orders", "documents": [{"a": 1}, {"a": 2}, {"a": 3}]}"#;
        let (found, params, facts) = call("mongodb", Some(text), None, None);
        assert_eq!(found, "insert orders documents [{a: ?}]");
        assert_eq!((params.len(), facts.batch, facts.access), (3, 3, Access::Write));
        let text = "{\"index\": {\"_id\": 1}}\n{\"a\": 5}\n{\"index\": {\"_id\": 2}}\n{\"a\": 6}\n";
        let (found, params, facts) = call("elasticsearch", Some(text), Some("bulk"), Some("orders"));
        assert_eq!(found, "bulk orders {index: {_id: ?}}");
        assert_eq!((params.len(), facts.batch, facts.access), (4, 2, Access::Write));
    }

    #[test]
    fn what_operations_do() {
        for (operation, expected) in [
            ("find", Access::Read),
            ("findAndModify", Access::Write),
            ("findOneAndUpdate", Access::Write),
            ("BatchGetItem", Access::Read),
            ("BatchWriteItem", Access::Write),
            ("Query", Access::Read),
            ("_search", Access::Read),
            ("indices.get", Access::Read),
            ("index", Access::Write),
            ("hello", Access::Unknown),
        ] {
            assert_eq!(access(operation), expected, "{operation}");
        }
        let out = r#"{"aggregate": "a", "pipeline": [{"$merge": "b"}]}"#;
        assert_eq!(call("mongodb", Some(out), None, None).2.access, Access::Write);
        for name in ["hello", "isMaster", "ping", "saslStart", "endSessions"] {
            assert!(call("mongodb", Some(&format!("{{\"{name}\": 1}}")), None, None).2.chatter, "{name}");
        }
    }

    #[test]
    fn elasticsearch_paths() {
        check("elasticsearch", "/orders/_search", "search /orders/_search", &[]);
        check("elasticsearch", "GET /orders/_doc/42", "get /orders/_doc/{id}", &["42"]);
        check("opensearch", "/orders/_search?q=secret", "search /orders/_search?q", &["q=secret"]);
        let text = r#"{"query": {"match": {"title": "secret"}}, "size": 10}"#;
        let (found, _, facts) = call("elasticsearch", Some(text), Some("search"), Some("logs-2024"));
        assert_eq!(found, "search logs-{id} {query: {match: {title: ?}}, size: ?}");
        assert_eq!(facts.access, Access::Read);
    }

    #[test]
    fn stores_of_which_nothing_is_known() {
        check("etcd", "range alice", "range ?", &["alice"]);
        check("etcd", "range", "range", &[]);
        check("etcd", "s3cr3t value", "?", &["s3cr3t value"]);
        check("etcd", "alice@example.com", "?", &["alice@example.com"]);
        check("tablestore", "select a from b where c = 'x'", "select a from b where c = ?", &["'x'"]);
        let (found, _, facts) = call("etcd", Some("put k v"), Some("put"), None);
        assert_eq!((&*found, facts.access), ("put ?", Access::Write));
    }

    #[test]
    fn query_languages() {
        check(
            "neo4j",
            "MATCH (n:User {id: 42, name: 'bob'})-[:KNOWS*1..3]->(m)\n  WHERE m.x IN [1, 2, 3] RETURN m // why",
            "MATCH (n:User {id: ?, name: ?})-[:KNOWS*?]->(m) WHERE m.x IN [?] RETURN m",
            &["42", "'bob'", "1..3", "1", "2", "3"],
        );
        let (found, _, facts) = call("neo4j", Some("MATCH (a)--(b) WHERE a.id = $id DELETE b"), None, None);
        assert_eq!(found, "MATCH (a)--(b) WHERE a.id = ? DELETE b");
        assert!(facts.params_hidden && facts.access == Access::Write);
        check(
            "couchbase",
            "SELECT `a b` FROM t WHERE x = \"s\" -- why",
            "SELECT `a b` FROM t WHERE x = ?",
            &["\"s\""],
        );
    }

    proptest! {
        #[test]
        fn total_and_bounded(system in "mongodb|elasticsearch|neo4j|couchbase|x", text in "\\PC{0,300}", op in proptest::option::of("\\PC{0,20}")) {
            prop_assert!(call(&system, Some(&text), op.as_deref(), op.as_deref()).0.len() < 8192);
        }

        #[test]
        fn total_on_what_documents_are_made_of(system in "mongodb|elasticsearch|neo4j", text in "([{}\\[\\](),:\"'?$0-9 a-d]|find|é|\\\\|\n){0,80}") {
            prop_assert!(call(&system, Some(&text), None, None).0.len() < 8192);
            let braced = format!("{{{text}");
            prop_assert!(call(&system, Some(&braced), None, None).0.len() < 8192);
        }

        #[test]
        fn no_value_survives(value in "[A-Z]{4}[a-z0-9 ]{4,20}", number in 100_000u64..) {
            let quoted = format!("\"{value}\"");
            for text in [
                format!("{{\"find\": \"c\", \"filter\": {{\"a\": {quoted}, \"b\": [{number}, {quoted}]}}}}"),
                format!("{{\"insert\": \"c\", \"documents\": [{{\"a\": {{\"b\": {quoted}}}}}, {{\"a\": {number}}}]}}"),
                format!("db.c.find({{a: {quoted}, b: {number}}})"),
                format!("find c {{a: {quoted}, b: {number}}}"),
                format!("MATCH (n {{a: {quoted}}}) WHERE n.b = {number} RETURN n"),
            ] {
                for system in ["mongodb", "elasticsearch", "neo4j"] {
                    let found = call(system, Some(&text), None, None).0;
                    prop_assert!(!found.contains(&value) && !found.contains(&number.to_string()), "{}", found);
                }
            }
        }

        #[test]
        fn deep_nesting_is_cut(depth in 1usize..5000, open in "[\\[{(]|\\{a:") {
            let text = format!("{{\"find\": \"c\", \"filter\": {}", open.repeat(depth));
            prop_assert!(call("mongodb", Some(&text), None, None).0.len() < 8192);
            let bare = open.repeat(MAX_TEXT);
            prop_assert!(call("mongodb", Some(&bare), None, None).0.len() < 8192);
            let object = format!("{{{bare}");
            prop_assert!(call("mongodb", Some(&object), None, None).0.len() < 8192);
        }
    }
}
