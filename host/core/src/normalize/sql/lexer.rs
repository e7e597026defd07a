//! Cuts a statement into tokens: one pass, no memory, every byte looked at a bounded number of times.
//!
//! A few characters mean different things after an operand than before one (`-`, `%`, `[`, `"`), so the caller says in
//! a `Place` where the token stands. What never ends (a string, a quoted name, a comment) swallows the rest: a text cut
//! by an agent must not show the half of a literal.
//!
//! Linear time holds by construction: a scan for a closing mark either finds it, and then all that it passed is
//! consumed, or fails, and then either the rest is consumed or the same scan is never tried again
//! (`no_nesting`, `no_loose_tag`). All other look-ahead is bounded by a constant.

mod quotes;

use super::dialect::{At, Backslash, Bracket, DoubleQuote, Hash, Syntax};
use super::keywords::{self, Kw};
use memchr::{memchr, memchr2, memmem};

/// Where a token stands, as far as that decides what it is.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// After an operand.
    pub operand: bool,
    /// Where a value is expected, not a name.
    pub value: bool,
    /// Where the name of a table is expected.
    pub name: bool,
    /// Inside `[ ]`.
    pub square: bool,
    /// Where `[` opens an array in every dialect.
    pub array: bool,
    /// Where `$tag$` opens a body of statements rather than a string.
    pub body: bool,
    /// After `.`.
    pub member: bool,
    /// Where `@x` is a variable being declared.
    pub declares: bool,
    /// Where `@x =` names an argument.
    pub arguments: bool,
    /// Where a password is expected: a brace opens nothing but something to hide.
    pub secret: bool,
}

/// How the text of a string is turned into its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Escape {
    None,
    /// The quote is doubled.
    Doubled(u8),
    /// The quote is doubled or escaped by a backslash.
    Backslash(u8),
    /// Three quotes, within which only a backslash escapes.
    Triple,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Word(Kw),
    /// A name in quotes of any kind, written as it stands.
    Quoted,
    Number,
    Text(Escape),
    Bind,
    /// A `?` that touches a `?` before it.
    TouchingBind,
    Op,
    Comma,
    Semicolon,
    Dot,
    Colon,
    Cast,
    Open,
    Close,
    SquareOpen,
    SquareClose,
    /// `{`, with what it holds put away until its `}`.
    Brace,
    /// `{` that opens a placeholder such as `{id:UInt32}` or `{{ id }}`.
    BindBrace,
    BraceClose,
    /// `{` or `}` of a JDBC escape, written as it stands.
    CallBrace,
    BodyOpen,
    BodyClose,
    End,
}

/// One token: what it is and where its text lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

const SPACE: u8 = 1;
const WORD: u8 = 2;
const DIGIT: u8 = 4;
const LETTER: u8 = 8;
const HIGH: u8 = 16;

static CLASS: [u8; 256] = {
    let mut class = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        class[i] = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C | 0 => SPACE,
            b'0'..=b'9' => WORD | DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => WORD | LETTER,
            b'$' => WORD,
            0x80.. => WORD | LETTER | HIGH,
            _ => 0,
        };
        i += 1;
    }
    class
};

#[inline]
fn class(byte: u8) -> u8 {
    CLASS[byte as usize]
}

/// Longest tag of a dollar quote that is looked for.
const LONGEST_TAG: usize = 64;
/// Longest name that is looked over, such as the one in `%(name)s`.
const LONGEST_NAME: usize = 128;

pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
    syntax: Syntax,
    /// The text ends inside something.
    pub open_end: bool,
    /// The first and the last comment, without their marks.
    pub comments: [Option<(usize, usize)>; 2],
    executable: bool,
    body: Option<(usize, usize)>,
    braces: u32,
    call_braces: u32,
    no_nesting: bool,
    no_loose_tag: bool,
    backslash: Option<bool>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(syntax: Syntax, text: &'a str) -> Lexer<'a> {
        let backslash = match syntax.backslash {
            Backslash::Plain => Some(false),
            Backslash::Escape => Some(true),
            Backslash::Guess => None,
        };
        Lexer {
            text,
            bytes: text.as_bytes(),
            pos: 0,
            syntax,
            open_end: false,
            comments: [None; 2],
            executable: false,
            body: None,
            braces: 0,
            call_braces: 0,
            no_nesting: false,
            no_loose_tag: false,
            backslash,
        }
    }

    #[inline]
    fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Moves to the next white space or punctuation that cannot be part of a password.
    pub(super) fn skip_run(&mut self) -> usize {
        while let Some(&byte) = self.bytes.get(self.pos) {
            if class(byte) & SPACE != 0 || matches!(byte, b';' | b',' | b')') {
                break;
            }
            self.pos += 1;
        }
        self.pos
    }

    /// Moves to the end and returns what was still to come.
    pub(super) fn take_rest(&mut self) -> &'a str {
        let rest = self.text.get(self.pos..).unwrap_or_default();
        self.pos = self.bytes.len();
        rest
    }

    /// Whether the name at which the last token began is that of a function.
    pub(super) fn at_call(&self) -> bool {
        self.at(self.skip_blanks(self.name_end())) == b'('
    }

    /// Whether the name at which the last token began is being assigned to.
    pub(super) fn at_assignment(&self) -> bool {
        let at = self.skip_blanks(self.name_end());
        self.at(at) == b'=' || self.at(at) == b':' && self.at(at + 1) == b'='
    }

    /// Finds the end of the dotted name that goes on after the last token, as far as names go.
    fn name_end(&self) -> usize {
        let end = self.bytes.len().min(self.pos + LONGEST_NAME);
        let mut at = self.pos;
        while at < end && self.bytes[at] == b'.' {
            let rest = &self.bytes[at + 1..end];
            let quoted = rest.first().filter(|byte| matches!(byte, b'`' | b'"'));
            let length = match quoted {
                Some(quote) => rest[1..].iter().position(|byte| byte == quote).map_or(0, |inside| inside + 2),
                None => rest.iter().take_while(|byte| class(**byte) & WORD != 0).count(),
            };
            if length == 0 {
                break;
            }
            at += 1 + length;
        }
        at
    }

    /// Skips the declarations that SQL Server's drivers put before a statement: `(@p1 int, @p2 varchar(50))`.
    pub(super) fn skip_declarations(&mut self) {
        loop {
            self.skip_ignored(&Place::default());
            let mut at = self.pos;
            if self.at(at) != b'(' || self.at(self.skip_blanks(at + 1)) != b'@' {
                return;
            }
            let mut depth = 0usize;
            let end = loop {
                match self.bytes.get(at) {
                    None => return,
                    Some(b'(') => depth += 1,
                    Some(b')') => depth -= 1,
                    Some(b'\'' | b'"' | b'?' | b'=' | b';') => return,
                    Some(_) => {}
                }
                at += 1;
                if depth == 0 {
                    break at;
                }
            };
            self.pos = end;
        }
    }

    fn skip_blanks(&self, mut at: usize) -> usize {
        while at < self.bytes.len() && class(self.bytes[at]) & SPACE != 0 {
            at += 1;
        }
        at
    }

    /// Skips white space and comments.
    fn skip_ignored(&mut self, place: &Place) {
        loop {
            let Some(&byte) = self.bytes.get(self.pos) else { return };
            let cls = class(byte);
            if cls & SPACE != 0 {
                self.pos += 1;
            } else if cls & HIGH != 0 {
                match self.char_at(self.pos) {
                    Some(c) if is_blank(c) => self.pos += c.len_utf8(),
                    _ => return,
                }
            } else {
                let next = self.at(self.pos + 1);
                match byte {
                    b'-' if next == b'-' && self.is_dash_comment() => self.line_comment(2),
                    b'/' if next == b'*' => self.block_comment(),
                    b'*' if next == b'/' && self.executable => {
                        self.executable = false;
                        self.pos += 2;
                    }
                    b'#' if next != b'{' && self.is_hash_comment(place) => self.line_comment(1),
                    _ => return,
                }
            }
        }
    }

    fn is_dash_comment(&self) -> bool {
        !self.syntax.dash_needs_space || self.bytes.get(self.pos + 2).is_none_or(|&b| b <= b' ' || b == b'-')
    }

    fn is_hash_comment(&self, place: &Place) -> bool {
        match self.syntax.hash {
            Hash::Comment => true,
            Hash::Operator | Hash::Word => false,
            Hash::Guess => !((place.name || place.member) && self.is_hash_word()),
        }
    }

    fn line_comment(&mut self, mark: usize) {
        let start = self.pos + mark;
        let end = memchr2(b'\n', b'\r', &self.bytes[start..]).map_or(self.bytes.len(), |n| start + n);
        self.pos = end;
    }

    fn block_comment(&mut self) {
        let start = self.pos + 2;
        if self.syntax.executable_comments && self.at(start) == b'!' {
            self.pos = start + 1;
            while class(self.at(self.pos)) & DIGIT != 0 {
                self.pos += 1;
            }
            self.executable = true;
            return;
        }
        let Some(end) = self.comment_end(start) else {
            self.open_end = true;
            self.pos = self.bytes.len();
            return;
        };
        self.pos = end + 2;
        let place = usize::from(self.comments[0].is_some());
        self.comments[place] = Some((start, end));
    }

    /// Finds the `*/` of the comment whose text begins at `start`.
    fn comment_end(&mut self, start: usize) -> Option<usize> {
        let mut depth = 1usize;
        let mut first = None;
        let mut at = start;
        while let Some(found) = memchr2(b'*', b'/', &self.bytes[at..]) {
            at += found;
            if self.bytes[at] == b'*' && self.at(at + 1) == b'/' {
                first = first.or(Some(at));
                depth -= 1;
                if depth == 0 || !self.syntax.nested_comments || self.no_nesting {
                    return Some(at);
                }
                at += 2;
            } else if self.bytes[at] == b'/' && self.at(at + 1) == b'*' {
                depth += 1;
                at += 2;
            } else {
                at += 1;
            }
        }
        // Not nested after all, it seems; do not look that far again.
        self.no_nesting = true;
        first
    }

    /// Returns the next token.
    pub(super) fn next(&mut self, place: &Place) -> Token {
        self.skip_ignored(place);
        let start = self.pos;
        let Some(&byte) = self.bytes.get(start) else {
            return Token { kind: Kind::End, start, end: start };
        };
        let kind = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(place),
            b'0'..=b'9' => self.number(),
            b'\'' => self.string(b'\'', None),
            b',' => self.take(1, Kind::Comma),
            b'(' => self.take(1, Kind::Open),
            b')' => self.take(1, Kind::Close),
            b'.' if class(self.at(start + 1)) & DIGIT != 0 && !place.operand && !place.member => {
                self.number()
            }
            b'.' => self.take(1, Kind::Dot),
            b';' => self.take(1, Kind::Semicolon),
            b'?' => self.question(place),
            b'"' => self.double_quote(place),
            b'`' => self.quoted_name(b'`'),
            b'$' => self.dollar(place),
            b':' => self.colon(place),
            b'@' => self.at_sign(place),
            b'%' => self.percent(place),
            b'[' => self.square(place),
            b']' => self.take(1, Kind::SquareClose),
            b'{' => self.brace(place),
            b'}' => self.brace_close(),
            b'#' if self.at(start + 1) == b'{' => {
                self.pos += 1;
                self.take(1, Kind::BindBrace)
            }
            b'#' if self.is_hash_word() => self.word(place),
            0x80.. => self.word(place),
            _ => self.operator(place),
        };
        Token { kind, start, end: self.pos }
    }

    #[inline]
    fn take(&mut self, len: usize, kind: Kind) -> Kind {
        self.pos += len;
        kind
    }

    /// Whether `#` opens a name, such as that of a temporary table: `#t`, `##t`.
    fn is_hash_word(&self) -> bool {
        let marks = 1 + usize::from(self.at(self.pos + 1) == b'#');
        matches!(self.syntax.hash, Hash::Word | Hash::Guess) && self.is_alnum(self.pos + marks)
    }

    fn word(&mut self, place: &Place) -> Kind {
        let start = self.pos;
        if class(self.bytes[start]) & HIGH != 0 && self.currency_at(start) {
            return self.number();
        }
        let end = self.word_end(start);
        self.pos = end;
        let next = self.at(end);
        if matches!(next, b'\'' | b'"' | b'&')
            && let Some(kind) = self.prefixed_string(start, end)
        {
            return kind;
        }
        if next == b'-' && end - start == 8 && self.is_uuid(start) {
            self.pos = start + 36;
            return Kind::Number;
        }
        if place.member || (next == b'.' && self.is_member(end + 1)) {
            return Kind::Word(Kw::NONE);
        }
        Kind::Word(keywords::lookup(&self.bytes[start..end]))
    }

    /// Whether a letter, a digit or `_` stands at `at`.
    fn is_alnum(&self, at: usize) -> bool {
        class(self.at(at)) & DIGIT != 0 || self.is_letter(at)
    }

    /// Whether a letter or `_` stands at `at`.
    fn is_letter(&self, at: usize) -> bool {
        let cls = class(self.at(at));
        cls & LETTER != 0 && (cls & HIGH == 0 || self.char_at(at).is_some_and(|c| !is_blank(c)))
    }

    fn char_at(&self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }

    fn is_member(&self, at: usize) -> bool {
        let byte = self.at(at);
        self.is_alnum(at) || matches!(byte, b'"' | b'`' | b'\'' | b'*' | b'?' | b'[')
    }

    /// Finds the end of the word at `start`. `#` and `@` belong to it where the dialect has them in names, and so does a
    /// `?` that some agents put in the place of digits (`shard?.orders`).
    fn word_end(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            while at < self.bytes.len() && class(self.bytes[at]) & (WORD | HIGH) == WORD {
                at += 1;
            }
            let Some(&byte) = self.bytes.get(at) else { return at };
            let next = self.at(at + 1);
            let joins = match byte {
                0x80.. => match self.char_at(at) {
                    Some(c) if !is_blank(c) => {
                        at += c.len_utf8();
                        continue;
                    }
                    _ => false,
                },
                b'#' => match self.syntax.hash {
                    Hash::Word => true,
                    Hash::Guess => {
                        let marks = 1 + usize::from(next == b'#');
                        self.is_alnum(at + marks)
                    }
                    Hash::Comment | Hash::Operator => false,
                },
                b'@' => at > start && self.is_letter(at + 1),
                b'?' => {
                    at > start
                        && (next == b'_'
                            || next.is_ascii_alphabetic()
                            || next == b'.' && self.is_member(at + 2))
                }
                _ => false,
            };
            if !joins {
                return at;
            }
            at += 1;
        }
    }

    fn currency_at(&self, at: usize) -> bool {
        let mut chars = self.text.get(at..).unwrap_or("").chars();
        let symbol = chars.next();
        let currency = matches!(
            symbol,
            Some('\u{A2}'..='\u{A5}' | '\u{9F2}' | '\u{9F3}' | '\u{E3F}' | '\u{20A0}'..='\u{20CF}')
        );
        currency && chars.next().is_some_and(|c| c.is_ascii_digit())
    }

    fn number(&mut self) -> Kind {
        let start = self.pos;
        let mut at = start;
        if self.is_uuid(start) {
            self.pos = start + 36;
            return Kind::Number;
        }
        if class(self.bytes[at]) & HIGH != 0 {
            // The currency sign.
            at += self.char_at(at).map_or(1, char::len_utf8);
        }
        let mut suffix = at;
        loop {
            let byte = self.at(at);
            let exponent =
                at > start && self.at(at - 1) | 0x20 == b'e' && class(self.at(at + 1)) & DIGIT != 0;
            if class(byte) & DIGIT != 0 {
                at += 1;
                suffix = at;
            } else if class(byte) & WORD != 0 && byte < 0x80 {
                at += 1;
            } else if byte == b'.'
                && self.at(at + 1) != b'.'
                && (class(self.at(at + 1)) & DIGIT != 0 || suffix == at)
            {
                at += 1;
                suffix = at;
                if class(self.at(at)) & LETTER != 0 && self.at(at) | 0x20 != b'e' {
                    break;
                }
            } else if matches!(byte, b'+' | b'-') && exponent && self.at(start + 1) | 0x20 != b'x' {
                at += 1;
            } else if byte >= 0x80 {
                match self.char_at(at) {
                    Some(c) if !is_blank(c) => at += c.len_utf8(),
                    _ => break,
                }
            } else {
                break;
            }
        }
        // `1AND x` is two words.
        let plain = self.bytes[start..suffix].iter().all(|b| b.is_ascii_digit() || *b == b'.');
        let kind =
            self.syntax.loose_suffix && plain && matches!(&self.bytes[suffix..at], b"f" | b"F" | b"d" | b"D");
        if at > suffix && (kind || keywords::lookup(&self.bytes[suffix..at]) != Kw::NONE) {
            at = suffix;
        }
        self.pos = at;
        Kind::Number
    }

    fn is_uuid(&self, at: usize) -> bool {
        let Some(bytes) = self.bytes.get(at..at + 36) else { return false };
        bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
    }

    fn question(&mut self, place: &Place) -> Kind {
        let next = self.at(self.pos + 1);
        if place.operand && (next == b'&' || next == b'|' && self.at(self.pos + 2) != b'|') {
            return self.take(2, Kind::Op);
        }
        let touching = self.pos > 0 && self.bytes[self.pos - 1] == b'?';
        self.pos += 1;
        while class(self.at(self.pos)) & DIGIT != 0 {
            self.pos += 1;
        }
        if touching { Kind::TouchingBind } else { Kind::Bind }
    }

    fn colon(&mut self, place: &Place) -> Kind {
        let next = self.at(self.pos + 1);
        if next == b':' {
            return self.take(2, Kind::Cast);
        }
        if next == b'=' {
            return self.take(2, Kind::Op);
        }
        let before = if self.pos == 0 { b' ' } else { self.bytes[self.pos - 1] };
        let touches = class(before) & WORD != 0
            || matches!(before, b')' | b']' | b'"' | b'`' | b'\'' | b'?' | b'*' | b'#');
        let slice = place.square && class(next) & DIGIT != 0;
        if (place.operand && touches) || slice || !self.is_alnum(self.pos + 1) {
            return self.take(1, if place.operand { Kind::Colon } else { Kind::Op });
        }
        self.pos = self.word_end(self.pos + 1);
        Kind::Bind
    }

    fn at_sign(&mut self, place: &Place) -> Kind {
        let start = self.pos;
        let next = self.at(start + 1);
        if next == b'@' && self.is_letter(start + 2) {
            self.pos = self.word_end(start + 2);
            return Kind::Word(Kw::NONE);
        }
        if !self.is_alnum(start + 1) {
            if matches!(next, b'`' | b'"' | b'\'') && self.syntax.double_quote == DoubleQuote::Text {
                return self.take(1, Kind::Op);
            }
            let len = if matches!(next, b'>' | b'?' | b'@') { 2 } else { 1 };
            return self.take(len, Kind::Op);
        }
        self.pos = self.word_end(start + 1);
        let made_up = match &self.bytes[start + 1..self.pos] {
            [b'_', b'_', ..] => true,
            [b'p' | b'P', rest @ ..] => !rest.is_empty() && rest.iter().all(|b| class(*b) & DIGIT != 0),
            name => name.iter().all(|b| class(*b) & DIGIT != 0),
        };
        let named = place.arguments && self.at(self.skip_blanks(self.pos)) == b'=';
        let variable = match self.syntax.at {
            At::Bind => false,
            At::Declared => place.declares,
            At::Numbered => !made_up,
        };
        if variable || named { Kind::Word(Kw::NONE) } else { Kind::Bind }
    }

    fn percent(&mut self, place: &Place) -> Kind {
        let next = self.at(self.pos + 1);
        if next == b'(' {
            let window = &self.bytes[self.pos + 2..self.bytes.len().min(self.pos + 2 + LONGEST_NAME)];
            if let Some(len) = memchr2(b')', b'(', window) {
                let close = self.pos + 2 + len;
                let letter = self.at(close + 1);
                if self.bytes[close] == b')'
                    && letter.is_ascii_alphabetic()
                    && class(self.at(close + 2)) & WORD == 0
                {
                    self.pos = close + 2;
                    return Kind::Bind;
                }
            }
        }
        let alone = class(self.at(self.pos + 2)) & WORD == 0 || next >= 0x80;
        if self.is_letter(self.pos + 1) && alone && (!place.operand || next == b's') {
            self.pos = if next >= 0x80 { self.word_end(self.pos + 1) } else { self.pos + 2 };
            return Kind::Bind;
        }
        self.take(if next == b'%' { 2 } else { 1 }, Kind::Op)
    }

    fn square(&mut self, place: &Place) -> Kind {
        if self.syntax.bracket == Bracket::Subscript || place.array {
            return self.take(1, Kind::SquareOpen);
        }
        let guess = self.syntax.bracket == Bracket::Guess;
        if guess && (place.operand || !self.is_letter(self.pos + 1)) {
            return self.take(1, Kind::SquareOpen);
        }
        let open = self.pos;
        let mut at = open + 1;
        if guess {
            while class(self.at(at)) & WORD != 0 || matches!(self.at(at), b' ' | b'.' | b'#' | b'-' | b'/') {
                at += 1;
            }
            if self.at(at) != b']' {
                return self.take(1, Kind::SquareOpen);
            }
            return self.take(at + 1 - open, Kind::Quoted);
        }
        while let Some(found) = memchr(b']', &self.bytes[at..]) {
            at += found + 1;
            if self.at(at) == b']' {
                at += 1;
                continue;
            }
            self.pos = at;
            let digits = at - open > 2 && self.bytes[open + 1..at - 1].iter().all(|&b| class(b) & DIGIT != 0);
            return if digits { Kind::Number } else { Kind::Quoted };
        }
        self.swallow(Kind::Text(Escape::None))
    }

    fn brace(&mut self, place: &Place) -> Kind {
        let next = self.at(self.pos + 1);
        if self.braces == 0 && !place.secret {
            let at = self.skip_blanks(self.pos + 1);
            let call = self.bytes.get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(b"call"))
                || self.at(at) == b'?' && self.at(self.skip_blanks(at + 1)) == b'=';
            if call {
                self.call_braces += 1;
                return self.take(1, Kind::CallBrace);
            }
        }
        if next == b'{' {
            return self.take(1, Kind::BindBrace);
        }
        let name_end = self.word_end(self.pos + 1);
        let named = self.is_letter(self.pos + 1) && self.at(self.skip_blanks(name_end)) == b':';
        self.take(1, if named { Kind::BindBrace } else { Kind::Brace })
    }

    /// Tells the lexer how many braces are open, which it cannot know.
    pub(super) fn set_braces(&mut self, open: u32) {
        self.braces = open;
    }

    fn brace_close(&mut self) -> Kind {
        if self.braces == 0 && self.call_braces > 0 {
            self.call_braces -= 1;
            return self.take(1, Kind::CallBrace);
        }
        self.take(1, Kind::BraceClose)
    }

    fn operator(&mut self, place: &Place) -> Kind {
        let rest = &self.bytes[self.pos..];
        if place.member && rest.starts_with(b"*") {
            return self.take(1, Kind::Op);
        }
        let two = rest.get(..2).unwrap_or(b"");
        let three = rest.get(..3).unwrap_or(b"");
        let len = match three {
            b"->>" | b"#>>" | b"<=>" | b"!~*" | b"~~*" | b"<->" | b"<#>" | b"-|-" | b"<<=" | b">>="
            | b"!~~" => 3,
            _ => match two {
                b"<>" | b"<=" | b">=" | b"!=" | b"^=" | b"==" | b"||" | b"&&" | b"->" | b"#>" | b"#-"
                | b"~*" | b"~~" | b"!~" | b"=>" | b"**" | b"<<" | b">>" | b"+=" | b"*=" | b"/=" | b"^@"
                | b"&<" | b"&>" | b"~=" => 2,
                b"-=" if place.operand => 2,
                b"<@" if self.syntax.contained_by || class(self.at(self.pos + 2)) & WORD == 0 => 2,
                _ => 1,
            },
        };
        self.take(len, Kind::Op)
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{FEFF}' | '\u{200B}' | '\u{2026}')
}
