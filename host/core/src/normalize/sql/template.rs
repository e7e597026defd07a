//! Writes the template of a statement from its tokens.
//!
//! One token of the past is remembered (`Prev`), and a frame for each open parenthesis. Some tokens are held back until
//! the next one shows what they are: signs (part of a literal?), `.` and `;` (the last one?), a name after `AS` (an
//! alias?). That the template of a template is itself rests on one rule: every decision is taken on what will be
//! visible in the template, never on what only the original text had.

mod lists;
mod structure;
mod values;

use super::dialect::{Bracket, Syntax};
use super::keywords::{self as kw, Kw};
use super::lexer::{Escape, Kind, Lexer, Place, Token};
use super::{Hint, Name, Part, Statement, Verb};
use values::{Bare, Role};

/// Parentheses opened deeper than this are written, but lists in them do not collapse.
const DEEPEST: usize = 256;
/// Names kept for the summary.
const MOST_NAMES: usize = 128;

/// What the last written token was, as far as the next one cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prev {
    Start,
    Word,
    /// A name before whose parenthesis stands a space: `t (a, b)` in `INSERT INTO t (a, b)`.
    Target,
    Keyword(Kw),
    Literal,
    Open,
    Close,
    SquareOpen,
    SquareClose,
    Dot,
    Cast,
    Colon,
    Comma,
    Semicolon,
    Op,
    Sign,
    Star,
    Brace,
    BodyOpen,
    BodyClose,
}

/// What an open parenthesis holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holds {
    /// The statement itself.
    Statement,
    Anything,
    /// A list whose equal neighbours collapse.
    List,
    /// A row of `VALUES`, whose equal neighbours collapse too.
    Row,
    /// A tuple within one of those.
    Tuple,
    /// Items of `ARRAY[...]`.
    Array,
    Subscript,
    /// `x AS type`.
    Cast,
    Extract,
}

/// An open parenthesis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    holds: Holds,
    /// Where the current item begins.
    item: u32,
    /// The last item that was kept.
    kept: Option<(u32, u32)>,
    /// Where the first item ends, once it has.
    first: Option<u32>,
    /// The last row that was kept, and how many there were.
    row: Option<(u32, u32)>,
    rows: u32,
    /// After the comma that follows a row.
    between_rows: bool,
    /// Where the row in this frame began.
    open: u32,
    select: bool,
    /// In the list of tables of `FROM`.
    from: bool,
}

impl Frame {
    fn new(holds: Holds, open: usize, item: usize) -> Frame {
        Frame {
            holds,
            item: item as u32,
            kept: None,
            first: None,
            row: None,
            rows: 0,
            between_rows: false,
            open: open as u32,
            select: false,
            from: false,
        }
    }

    fn collapses(&self) -> bool {
        matches!(self.holds, Holds::List | Holds::Row | Holds::Array)
    }

    fn is_square(&self) -> bool {
        matches!(self.holds, Holds::Array | Holds::Subscript)
    }
}

/// What the next name is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    Nothing,
    /// A table, after a word that only a table's name can follow, so that it may even be a keyword.
    Table,
    /// A table, whose columns follow in parentheses.
    Target,
    /// What `CREATE`, `CALL` and the like act on.
    Object,
    Cte,
}

/// A name after `AS` that may turn out to be an alias.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Alias {
    None,
    /// `AS` was written.
    Open,
    /// And a name.
    Named,
}

/// Which word is a secret or a person's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mask {
    None,
    /// A login or user follows.
    Person,
    /// `IDENTIFIED` was written; `BY` follows.
    Identified,
    /// A password follows.
    Secret,
}

/// What was true before `AS`, to go back to.
#[derive(Clone, Copy)]
struct Mark {
    len: usize,
    literals: usize,
    literal_ends: usize,
    prev: Prev,
    operand: bool,
    clean: bool,
}

struct Writer<'a, 's> {
    lexer: Lexer<'a>,
    text: &'a str,
    out: &'s mut Statement,
    syntax: Syntax,
    prev: Prev,
    /// Whether the last token stands for a value.
    operand: bool,
    /// Whether the last token is a literal that stood where a value was expected. After an operand `?` may be an
    /// operator, which shows only in what follows.
    clean: bool,
    /// Whether the last token is a string, which the next string continues.
    string: bool,
    /// Whether the last literal was a placeholder.
    bound: bool,
    /// How far a `BETWEEN x AND y` is: 1 after the first word, 2 after the second.
    between: u8,
    dots: usize,
    semicolon: bool,
    alias: Alias,
    mark: Mark,
    mask: Mask,
    bare: Bare,
    expect: Expect,
    /// The name being written goes on after a dot.
    naming: bool,
    /// A parenthesis after that name holds its columns.
    target: bool,
    /// The last name, if it is a word that is sometimes a keyword.
    soft: Kw,
    /// Braces that are open, and where the first began.
    braces: u32,
    brace: (usize, bool),
    /// Parentheses beyond `DEEPEST`.
    deeper: usize,
    /// Where the statement began, and the one before.
    begin: usize,
    before: Option<(usize, usize)>,
    statements: u32,
    /// Its verb is still to come.
    fresh: bool,
    /// Its verb.
    leading: Kw,
    /// The last verb that touches data.
    action: Kw,
    /// What it defines was named.
    object: bool,
    definition: bool,
    security: bool,
    declares: bool,
    cte: bool,
}

/// Writes the template of `text` into `out`, which was cleared.
pub(super) fn write(syntax: Syntax, text: &str, out: &mut Statement) {
    out.frames.push(Frame::new(Holds::Statement, 0, 0));
    let mut lexer = Lexer::new(syntax, text);
    if syntax.at == super::dialect::At::Declared {
        lexer.skip_declarations();
    }
    let mut writer = Writer {
        lexer,
        text,
        out,
        syntax,
        prev: Prev::Start,
        operand: false,
        clean: false,
        string: false,
        bound: false,
        between: 0,
        dots: 0,
        semicolon: false,
        alias: Alias::None,
        mark: Mark { len: 0, literals: 0, literal_ends: 0, prev: Prev::Start, operand: false, clean: false },
        mask: Mask::None,
        bare: Bare::Nowhere,
        expect: Expect::Nothing,
        naming: false,
        target: false,
        soft: Kw::NONE,
        braces: 0,
        brace: (0, false),
        deeper: 0,
        begin: 0,
        before: None,
        statements: 0,
        fresh: true,
        leading: Kw::NONE,
        action: Kw::NONE,
        object: false,
        definition: false,
        security: false,
        declares: false,
        cte: false,
    };
    writer.run();
}

impl<'a> Writer<'a, '_> {
    fn run(&mut self) {
        loop {
            if self.semicolon && self.bare == Bare::Rows {
                self.rows();
            }
            let place = self.place();
            let token = self.lexer.next(&place);
            if self.braces > 0 {
                if self.in_braces(token) {
                    continue;
                }
            } else if self.step(token) {
                continue;
            }
            break;
        }
        self.finish();
    }

    fn place(&self) -> Place {
        if self.semicolon {
            return Place::default();
        }
        let frame = self.frame();
        let item = matches!(self.prev, Prev::Open | Prev::Comma)
            && matches!(frame.holds, Holds::List | Holds::Row | Holds::Tuple | Holds::Array);
        let before = match self.prev {
            Prev::Op | Prev::SquareOpen => true,
            Prev::Keyword(Kw::AND) => self.between == 2,
            Prev::Keyword(word) => word.is(kw::BEFORE_VALUE),
            _ => item || !self.out.signs.is_empty(),
        };
        Place {
            operand: self.operand && self.dots == 0,
            value: before,
            name: self.expect != Expect::Nothing,
            square: frame.is_square(),
            array: self.prev == Prev::Keyword(Kw::ARRAY) && self.dots == 0,
            body: self.definition && matches!(self.prev, Prev::Keyword(Kw::AS | Kw::DO)),
            member: self.dots > 0,
            declares: self.definition || self.declares,
            arguments: self.out.verb == Verb::Call,
            secret: self.mask == Mask::Secret,
        }
    }

    fn frame(&self) -> Frame {
        self.out.frames.last().copied().unwrap_or(Frame::new(Holds::Anything, 0, 0))
    }

    fn frame_mut(&mut self) -> Option<&mut Frame> {
        if self.deeper > 0 { None } else { self.out.frames.last_mut() }
    }

    /// Takes one token; `false` at the end.
    fn step(&mut self, token: Token) -> bool {
        if self.semicolon {
            match token.kind {
                Kind::Semicolon | Kind::Dot => return true,
                Kind::End => return false,
                Kind::BodyClose | Kind::Comma | Kind::Close | Kind::SquareClose => self.semicolon = false,
                _ => self.release_semicolon(),
            }
        }
        if self.alias == Alias::Named {
            self.settle_alias(token);
        }
        if let (Kind::Text(escape), true, 0) = (token.kind, self.string, self.dots) {
            self.keep_text(token, escape);
            return true;
        }
        if self.hold_back(token) {
            return true;
        }
        self.release_signs(token);
        match token.kind {
            Kind::End => return false,
            Kind::Semicolon => {
                self.dots = 0;
                self.semicolon = !self.out.template.is_empty();
                return true;
            }
            Kind::Dot => {
                self.dots += 1;
                self.string = false;
                if self.alias == Alias::Open {
                    self.alias = Alias::None;
                }
                return true;
            }
            // A dot before which a name ends was cut off from its name.
            Kind::Comma | Kind::Close | Kind::SquareClose => self.dots = 0,
            _ => {}
        }
        self.release_dots();
        if self.alias == Alias::Open {
            self.alias = match token.kind {
                Kind::Word(word) if !word.is(kw::STOP) => Alias::Named,
                Kind::Quoted => Alias::Named,
                _ if self.is_literal(token) => Alias::Named,
                _ => Alias::None,
            };
        }
        self.emit(token);
        true
    }

    /// Keeps a sign that may belong to a literal.
    fn hold_back(&mut self, token: Token) -> bool {
        if token.kind != Kind::Op || token.end - token.start != 1 || self.operand || self.dots > 0 {
            return false;
        }
        let sign = self.text.as_bytes()[token.start];
        if !matches!(sign, b'+' | b'-') {
            return false;
        }
        self.out.signs.push(sign as char);
        true
    }

    fn release_signs(&mut self, token: Token) {
        let kept = self.syntax.loose_suffix && self.out.signs == "+" && self.prev == Prev::Op;
        if self.out.signs.is_empty() || self.is_literal(token) && !kept {
            return;
        }
        self.alias = Alias::None;
        self.mask = Mask::None;
        for at in 0..self.out.signs.len() {
            self.space(true);
            let sign = self.out.signs.as_bytes()[at] as char;
            self.out.template.push(sign);
            self.after(Prev::Sign, false);
        }
        self.out.signs.clear();
    }

    fn is_literal(&self, token: Token) -> bool {
        match token.kind {
            Kind::Number
            | Kind::Text(_)
            | Kind::Bind
            | Kind::TouchingBind
            | Kind::Brace
            | Kind::BindBrace => true,
            Kind::Word(word) => {
                word.is(kw::LITERAL) || self.mask == Mask::Secret || self.is_bare(token, word)
            }
            Kind::Quoted => self.is_bare(token, Kw::NONE),
            _ => false,
        }
    }

    fn is_bare(&self, token: Token, word: Kw) -> bool {
        self.bare_role(&self.text[token.start..token.end], word) != Role::Name
    }

    fn release_dots(&mut self) {
        if self.dots == 0 {
            return;
        }
        if matches!(self.prev, Prev::Keyword(_)) {
            // A word that touches a dot would be a name.
            self.out.template.push(' ');
        }
        for _ in 0..self.dots {
            self.out.template.push('.');
        }
        self.dots = 0;
        self.naming &= matches!(self.prev, Prev::Word | Prev::Target);
        self.after(Prev::Dot, false);
    }

    fn release_semicolon(&mut self) {
        self.semicolon = false;
        self.end_statement();
        self.out.template.push(';');
        self.after(Prev::Semicolon, false);
        if self.out.frames.len() == 1 && self.deeper == 0 {
            self.begin = self.out.template.len();
            self.out.frames[0] = Frame::new(Holds::Statement, 0, self.begin);
            self.fresh = true;
            self.leading = Kw::NONE;
            self.action = Kw::NONE;
            self.object = false;
            self.definition = false;
            self.security = false;
            self.declares = false;
            self.cte = false;
        }
        self.mask = Mask::None;
        self.bare = Bare::Nowhere;
        self.expect = Expect::Nothing;
        self.alias = Alias::None;
        self.between = 0;
    }

    /// Drops the statement just written where it repeats the one before.
    fn end_statement(&mut self) {
        if self.out.frames.len() != 1 || self.deeper > 0 {
            return;
        }
        self.statements += 1;
        self.count_rows();
        let end = self.out.template.len();
        if let Some((from, to)) = self.before {
            let bytes = self.out.template.as_bytes();
            if trimmed(&bytes[from..to]) == trimmed(&bytes[self.begin..end]) {
                self.truncate(to);
                return;
            }
        }
        self.before = Some((self.begin, end));
    }

    fn finish(&mut self) {
        if self.alias == Alias::Named {
            self.drop_alias();
        }
        self.close_open_lists();
        self.end_statement();
        self.out.batch = self.out.batch.max(self.statements).max(1);
        self.out.truncated |= self.lexer.open_end;
        let [first, last] = self.lexer.comments;
        for (start, end) in [last, first].into_iter().flatten() {
            if self.out.hint.is_none() {
                self.out.hint = Hint::read(&self.text[start..end]);
            }
        }
    }

    fn truncate(&mut self, len: usize) {
        self.out.template.truncate(len);
        while self.out.names.last().is_some_and(|name| name.end as usize > len) {
            self.out.names.pop();
        }
    }

    // Aliases.

    fn open_alias(&mut self) {
        let possible = self.operand && self.frame().holds != Holds::Cast && self.deeper == 0;
        if !possible {
            return;
        }
        self.mark = Mark {
            len: self.out.template.len(),
            literals: self.out.literals.len(),
            literal_ends: self.out.literal_ends.len(),
            prev: self.prev,
            operand: self.operand,
            clean: self.clean,
        };
        self.alias = Alias::Open;
    }

    fn settle_alias(&mut self, token: Token) {
        match token.kind {
            Kind::Dot => {}
            Kind::End | Kind::Semicolon | Kind::Comma | Kind::Close | Kind::SquareClose => self.drop_alias(),
            _ if self.dots > 0 => self.alias = Alias::None,
            Kind::TouchingBind if self.clean && self.syntax.bare_sum => self.alias = Alias::None,
            Kind::Open | Kind::Op | Kind::Cast | Kind::Colon | Kind::SquareOpen | Kind::CallBrace => {
                self.alias = Alias::None;
            }
            _ => self.drop_alias(),
        }
    }

    fn drop_alias(&mut self) {
        let mark = self.mark;
        self.alias = Alias::None;
        self.truncate(mark.len);
        self.out.literals.truncate(mark.literals);
        self.out.literal_ends.truncate(mark.literal_ends);
        self.prev = mark.prev;
        self.operand = mark.operand;
        self.clean = mark.clean;
        self.string = false;
        self.dots = 0;
    }

    // Writing.

    #[inline]
    fn after(&mut self, prev: Prev, operand: bool) {
        self.prev = prev;
        self.operand = operand;
        self.clean = false;
        self.string = false;
    }

    /// Writes the space before a token; `apart` asks for one where tokens would run together.
    #[inline]
    fn space(&mut self, apart: bool) {
        let tight = match self.prev {
            Prev::Start | Prev::Open | Prev::SquareOpen | Prev::BodyOpen => true,
            Prev::Dot | Prev::Cast | Prev::Colon | Prev::Sign => !apart,
            _ => false,
        };
        if !tight {
            self.out.template.push(' ');
        }
    }

    /// Writes the space before a word. Where `[` may open a name, a word in an array keeps off it.
    fn space_before_word(&mut self) {
        let array = self.prev == Prev::SquareOpen
            && self.syntax.bracket == Bracket::Guess
            && self.frame().holds != Holds::Subscript
            && !self.out.template.ends_with("ARRAY[");
        if array {
            self.out.template.push(' ');
        } else {
            self.space(false);
        }
    }

    fn emit(&mut self, token: Token) {
        match token.kind {
            Kind::Word(word) => self.word(token, word),
            Kind::Quoted => self.quoted(token),
            Kind::Number => self.number(token),
            Kind::Text(escape) => {
                self.literal(false);
                self.keep_text(token, escape);
                self.string = true;
            }
            Kind::Bind => self.bind(false),
            Kind::TouchingBind => {
                let touching = self.prev == Prev::Literal && self.clean && self.syntax.bare_sum;
                self.bind(touching);
            }
            Kind::Comma => self.comma(),
            Kind::Open => self.open(),
            Kind::Close => self.close(b')', Prev::Close),
            Kind::SquareOpen => self.square_open(),
            Kind::SquareClose => self.close(b']', Prev::SquareClose),
            Kind::Colon => self.punctuation(":", Prev::Colon),
            Kind::Cast => self.punctuation("::", Prev::Cast),
            Kind::Op | Kind::BraceClose => self.op(token),
            Kind::Brace | Kind::BindBrace => {
                self.braces = 1;
                self.brace = (token.start, token.kind == Kind::BindBrace);
                self.lexer.set_braces(1);
            }
            Kind::CallBrace => {
                self.space(true);
                self.out.template.push_str(&self.text[token.start..token.end]);
                self.after(Prev::Brace, false);
            }
            Kind::BodyOpen => {
                self.space(true);
                self.out.template.push_str(&self.text[token.start..token.end]);
                self.after(Prev::BodyOpen, false);
            }
            Kind::BodyClose => {
                self.out.template.push_str(&self.text[token.start..token.end]);
                self.after(Prev::BodyClose, true);
            }
            Kind::Dot | Kind::Semicolon | Kind::End => {}
        }
    }

    /// Takes a token between braces, which are hidden as a whole; `false` at the end.
    fn in_braces(&mut self, token: Token) -> bool {
        match token.kind {
            Kind::Brace | Kind::BindBrace | Kind::CallBrace => self.braces += 1,
            Kind::BraceClose => self.braces -= 1,
            Kind::End => {
                self.lexer.open_end = true;
                self.braces = 0;
            }
            _ => return true,
        }
        self.lexer.set_braces(self.braces);
        if self.braces > 0 {
            return true;
        }
        let (start, bind) = self.brace;
        if bind {
            self.bind(false);
        } else {
            self.literal(false);
            self.keep(&self.text[start..token.end]);
        }
        token.kind != Kind::End
    }

    /// Writes the `?` of a literal.
    fn literal(&mut self, touching: bool) {
        let sum = self.prev == Prev::Op && self.is_sum();
        self.expect = Expect::Nothing;
        if self.bound && self.prev == Prev::Literal && !self.clean && !touching {
            // That `?` was an operator of JSON: it stood between an operand and this.
            self.out.placeholders -= 1;
        }
        self.forget_rows();
        let clean = !self.operand || self.prev == Prev::Literal && !self.clean || touching;
        if sum {
            // `? + ` becomes `?+`, or nothing.
            let len = self.out.template.len();
            let sign = self.out.template.as_bytes()[len - 1] as char;
            self.out.template.truncate(len - 2);
            if !self.syntax.bare_sum {
                self.out.template.push(sign);
            }
        } else if !touching {
            self.space(false);
        }
        self.out.template.push('?');
        self.after(Prev::Literal, true);
        self.clean = clean;
        self.bound = false;
        self.mask = Mask::None;
    }

    /// Whether the last two tokens are a literal and a sign.
    fn is_sum(&self) -> bool {
        self.clean && matches!(self.out.template.as_bytes(), [.., b'?', b' ', b'+' | b'-'])
    }

    fn bind(&mut self, touching: bool) {
        self.out.signs.clear();
        self.literal(touching);
        self.out.placeholders += 1;
        self.bound = true;
    }

    fn number(&mut self, token: Token) {
        self.literal(false);
        if self.out.signs == "-" {
            self.out.literals.push('-');
        }
        self.keep(&self.text[token.start..token.end]);
    }

    /// Records the value of a literal.
    fn keep(&mut self, value: &str) {
        self.out.signs.clear();
        self.out.literals.push_str(value);
        self.out.literal_ends.push(self.out.literals.len() as u32);
    }

    /// Records the value of a string, without its quotes and escapes.
    fn keep_text(&mut self, token: Token, escape: Escape) {
        let text = &self.text[token.start..token.end];
        let (quote, marks) = match escape {
            Escape::None => return self.keep(text),
            Escape::Doubled(quote) | Escape::Backslash(quote) => (quote, 1),
            Escape::Triple => (b'\\', 3),
        };
        let prefix = text.bytes().position(|b| matches!(b, b'\'' | b'"')).unwrap_or(0);
        let inside = text.get(prefix + marks..).unwrap_or("");
        let closed = inside.len().saturating_sub(marks);
        let ends = inside.bytes().skip(closed).all(|b| matches!(b, b'\'' | b'"'));
        let mut rest = if ends { inside.get(..closed).unwrap_or(inside) } else { inside };
        let backslash = !matches!(escape, Escape::Doubled(_));
        loop {
            let special = match backslash {
                true => memchr::memchr2(quote, b'\\', rest.as_bytes()),
                false => memchr::memchr(quote, rest.as_bytes()),
            };
            let Some(at) = special else { break };
            self.out.literals.push_str(&rest[..at]);
            let mut tail = rest[at + 1..].chars();
            match tail.next() {
                Some('n') if rest.as_bytes()[at] == b'\\' => self.out.literals.push('\n'),
                Some('t') if rest.as_bytes()[at] == b'\\' => self.out.literals.push('\t'),
                Some(next) => self.out.literals.push(next),
                None => {}
            }
            rest = tail.as_str();
        }
        self.keep(rest);
    }

    fn punctuation(&mut self, text: &str, prev: Prev) {
        if matches!(self.prev, Prev::Colon | Prev::Cast | Prev::Sign | Prev::Op) {
            self.out.template.push(' ');
        }
        self.out.template.push_str(text);
        self.after(prev, false);
    }

    fn op(&mut self, token: Token) {
        let text = &self.text[token.start..token.end];
        if text == "*" && !self.operand {
            self.space(false);
            self.out.template.push('*');
            self.after(Prev::Star, true);
            return;
        }
        let clean = self.clean;
        self.space(true);
        self.out.template.push_str(text);
        self.after(Prev::Op, false);
        self.clean = clean;
        self.assign(text);
        if text != "=" && self.mask != Mask::Secret {
            self.mask = Mask::None;
        }
        self.forget_rows();
    }

    fn quoted(&mut self, token: Token) {
        let text = &self.text[token.start..token.end];
        if self.mask == Mask::Person {
            self.person(text);
            return;
        }
        if !self.bare_value(token, Kw::NONE) {
            self.write_name(text);
        }
    }

    /// Hides the name of a person, keeping brackets around it.
    fn person(&mut self, name: &str) {
        let bracket = name.starts_with('[');
        self.space(false);
        self.out.template.push_str(if bracket { "[?]" } else { "?" });
        self.keep(name);
        self.after(if bracket { Prev::Word } else { Prev::Literal }, true);
        self.clean = !bracket;
        self.mask = Mask::None;
        self.expect = Expect::Nothing;
    }
}

/// `text` without the space that separates it from what stands before.
fn trimmed(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}
