//! Writes a document as its structure: names in the order they came, every value `?`.

use super::lexer::{Lexer, Token};
use super::{MAX_TEMPLATE, cut, is_hidden, is_name, shape};
use crate::normalize::Template;

/// Depth to which a document is written; what is deeper is one `?`.
const MAX_DEPTH: usize = 24;

/// Writes a document as its structure.
pub(super) struct Walk<'a, 'o> {
    lexer: Lexer<'a>,
    out: &'o mut Template,
    /// The first key is a command, whose target was written already.
    pub(super) command: bool,
    pub(super) bulk: bool,
    /// Nothing is written while positive.
    mute: usize,
    full: bool,
    pub(super) masked: bool,
    pub(super) writes: bool,
    pub(super) batch: u32,
}

impl<'a, 'o> Walk<'a, 'o> {
    pub(super) fn new(text: &'a str, out: &'o mut Template) -> Self {
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
    pub(super) fn documents(&mut self) {
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
