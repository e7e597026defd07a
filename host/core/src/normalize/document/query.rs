//! Query languages that are not SQL (Cypher, AQL, N1QL): words stay, literals go.

use super::MAX_TEMPLATE;
use crate::normalize::{Access, Facts, Template, among};

/// Writes a query of a language other than SQL without literals and comments, with single spaces.
pub(super) fn scrub(text: &str, graph: bool, out: &mut Template) -> Facts {
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

/// Returns whether a text is in a query language: because the store has one, or by its first word.
pub(super) fn is_language(system: &str, text: &str) -> bool {
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
