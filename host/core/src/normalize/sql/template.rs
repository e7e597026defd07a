//! Writes the template of a statement from its tokens.
//!
//! One token of the past is remembered (`Prev`), and a frame for each open parenthesis. Some tokens are held back until
//! the next one shows what they are: signs (part of a literal?), `.` and `;` (the last one?), a name after `AS` (an
//! alias?). That the template of a template is itself rests on one rule: every decision is taken on what will be
//! visible in the template, never on what only the original text had.

use super::dialect::Syntax;
use super::keywords::{self as kw, Kw};
use super::lexer::{Escape, Kind, Lexer, Place, Token};
use super::{Hint, Name, Part, Statement, Verb};

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
            array: self.prev == Prev::Keyword(Kw::ARRAY),
            body: self.definition && matches!(self.prev, Prev::Keyword(Kw::AS | Kw::DO)),
            member: self.dots > 0,
            declares: self.definition || self.declares,
            arguments: self.out.verb == Verb::Call,
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
                self.alias = Alias::None;
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
            Kind::Word(word) => word.is(kw::LITERAL) || self.mask == Mask::Secret,
            _ => false,
        }
    }

    fn release_dots(&mut self) {
        if self.dots == 0 {
            return;
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

    /// Drops the item or row in which the text ends, where one before it shows how it goes on.
    fn close_open_lists(&mut self) {
        self.deeper = 0;
        while let Some(frame) = self.out.frames.pop() {
            if let (true, Some((_, end))) = (frame.collapses(), frame.kept) {
                self.truncate(end as usize);
            }
            let row = match frame.holds {
                Holds::Row => self.out.frames.last().and_then(|parent| parent.row),
                _ if frame.between_rows => frame.row,
                _ => None,
            };
            if let Some((_, end)) = row {
                self.truncate(end as usize);
            }
            if frame.rows > 0 {
                self.out.batch = self.out.batch.max(frame.rows);
            }
        }
        self.out.frames.push(Frame::new(Holds::Statement, 0, 0));
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
            Kind::Open
            | Kind::Op
            | Kind::Dot
            | Kind::Cast
            | Kind::Colon
            | Kind::SquareOpen
            | Kind::CallBrace => {
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

    fn comma(&mut self) {
        self.close_item();
        self.out.template.push(',');
        let len = self.out.template.len() as u32;
        let (mut from, mut cte) = (false, false);
        let base = self.out.frames.len() == 1;
        if let Some(frame) = self.frame_mut() {
            frame.item = len;
            frame.between_rows = frame.row.is_some();
            from = frame.from;
            cte = base && frame.holds == Holds::Statement;
        }
        self.after(Prev::Comma, false);
        self.expect = match (from, cte && self.cte && self.fresh) {
            (true, _) => Expect::Table,
            (_, true) => Expect::Cte,
            _ => Expect::Nothing,
        };
    }

    /// Drops the item just written where it repeats the one before.
    fn close_item(&mut self) {
        let end = self.out.template.len();
        let Some(frame) = self.frame_mut() else { return };
        if !frame.collapses() {
            return;
        }
        let item = (frame.item, end as u32);
        let Some((from, to)) = frame.kept else {
            frame.kept = Some(item);
            return;
        };
        let bytes = self.out.template.as_bytes();
        let written = trimmed(&bytes[item.0 as usize..end]);
        if written.is_empty() || written == trimmed(&bytes[from as usize..to as usize]) {
            self.truncate(to as usize);
        } else if let Some(frame) = self.frame_mut() {
            frame.kept = Some(item);
        }
    }

    fn open(&mut self) {
        let parent = self.frame();
        let item = matches!(self.prev, Prev::Open | Prev::Comma);
        let holds = match self.prev {
            Prev::Keyword(Kw::VALUES) => Holds::Row,
            Prev::Keyword(Kw::EXTRACT) => Holds::Extract,
            Prev::Keyword(word) if word.is(kw::LIST) => Holds::List,
            Prev::Keyword(word) if word.is(kw::CASTS) => Holds::Cast,
            Prev::Comma if parent.between_rows => Holds::Row,
            _ if item && matches!(parent.holds, Holds::List | Holds::Row | Holds::Tuple) => Holds::Tuple,
            _ => Holds::Anything,
        };
        let tight = match self.prev {
            Prev::Word | Prev::SquareClose => true,
            Prev::Keyword(word) => word.is(kw::CALLED),
            _ => false,
        };
        if !tight {
            self.space(false);
        }
        if holds != Holds::Row {
            self.forget_rows();
        }
        let open = self.out.template.len();
        self.out.template.push('(');
        self.push_frame(holds, open);
        self.after(Prev::Open, false);
        let named = self.expect;
        self.expect = if named == Expect::Table { named } else { Expect::Nothing };
    }

    fn square_open(&mut self) {
        let subscript = self.operand || self.prev == Prev::Dot;
        if !subscript && self.prev != Prev::Keyword(Kw::ARRAY) {
            self.space(false);
        }
        let open = self.out.template.len();
        self.out.template.push('[');
        self.push_frame(if subscript { Holds::Subscript } else { Holds::Array }, open);
        self.after(Prev::SquareOpen, false);
        self.expect = Expect::Nothing;
    }

    fn push_frame(&mut self, holds: Holds, open: usize) {
        if self.out.frames.len() >= DEEPEST || self.deeper > 0 {
            self.deeper += 1;
        } else {
            self.out.frames.push(Frame::new(holds, open, open + 1));
        }
    }

    fn close(&mut self, byte: u8, prev: Prev) {
        self.close_item();
        if byte == b']' && matches!(self.prev, Prev::Word | Prev::Target) && self.out.template.ends_with(']')
        {
            // `]]` would be one bracket within a name.
            self.out.template.push(' ');
        }
        self.out.template.push(byte as char);
        self.after(prev, true);
        self.expect = Expect::Nothing;
        self.naming = false;
        self.mask = Mask::None;
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if self.out.frames.len() == 1 {
            return;
        }
        let Some(frame) = self.out.frames.pop() else { return };
        self.out.batch = self.out.batch.max(frame.rows);
        if frame.holds == Holds::Row {
            self.close_row(frame.open);
        }
    }

    /// Drops the row just written where it repeats the one before.
    fn close_row(&mut self, open: u32) {
        let end = self.out.template.len();
        let row = (open, end as u32);
        let Some(parent) = self.out.frames.last_mut() else { return };
        parent.between_rows = false;
        parent.rows += 1;
        let bytes = self.out.template.as_bytes();
        match parent.row {
            Some((from, to)) if bytes[from as usize..to as usize] == bytes[open as usize..end] => {
                self.truncate(to as usize);
            }
            _ => parent.row = Some(row),
        }
    }

    /// Ends the list of rows, if one was open.
    fn forget_rows(&mut self) {
        let Some(frame) = self.frame_mut() else { return };
        frame.row = None;
        frame.between_rows = false;
    }

    fn count_rows(&mut self) {
        let rows = self.frame().rows;
        self.out.batch = self.out.batch.max(rows);
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
        self.write_name(text);
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

    fn write_name(&mut self, text: &str) {
        self.space(false);
        let start = self.out.template.len();
        self.out.template.push_str(text);
        let member = self.prev == Prev::Dot;
        if member && self.naming {
            if let Some(name) = self.out.names.last_mut() {
                name.end = self.out.template.len() as u32;
            }
        } else {
            self.naming = self.expect != Expect::Nothing;
            match self.expect {
                Expect::Table | Expect::Target => self.record(start, Part::Table),
                Expect::Object => self.record(start, Part::Object),
                Expect::Cte => self.record(start, Part::Cte),
                Expect::Nothing => {}
            }
        }
        self.target = if member { self.target && self.naming } else { self.expect == Expect::Target };
        self.after(if self.target { Prev::Target } else { Prev::Word }, true);
        self.expect = Expect::Nothing;
        self.soft = Kw::NONE;
        self.forget_rows();
    }

    fn word(&mut self, token: Token, word: Kw) {
        let text = &self.text[token.start..token.end];
        match self.mask {
            Mask::Secret if word != Kw::VALUES => {
                let end = self.lexer.skip_run();
                self.literal(false);
                return self.keep(&self.text[token.start..end]);
            }
            Mask::Person if !word.is(kw::PASS | kw::STOP) => return self.person(text),
            _ => {}
        }
        if self.prev == Prev::Open && self.frame().holds == Holds::Extract {
            return self.literal(false);
        }
        if word.is(kw::LITERAL) {
            let constraint = word == Kw::NULL && self.definition && self.prev == Prev::Keyword(Kw::NOT);
            if !constraint {
                self.literal(false);
                return self.keep(text);
            }
            self.out.signs.clear();
        }
        let known = word != Kw::NONE && (!word.is(kw::SOFT) || self.is_hard(word));
        if known && !self.is_table_name(word) {
            self.keyword(word);
        } else if known {
            self.write_name(word.text());
        } else {
            let selected = self.prev == Prev::Keyword(Kw::SELECT);
            self.write_name(text);
            self.soft = word;
            match word {
                Kw::IDENTIFIED if self.security => self.mask = Mask::Identified,
                Kw::SET_CONFIG if selected && self.out.verb == Verb::Select => self.out.verb = Verb::Session,
                _ => {}
            }
        }
    }

    /// Whether a word that often names a column is a keyword here.
    fn is_hard(&self, word: Kw) -> bool {
        let after_verb =
            matches!(self.prev, Prev::Keyword(Kw::CREATE | Kw::ALTER | Kw::DROP | Kw::LOCK | Kw::TRUNCATE));
        match word {
            Kw::PASSWORD => match self.prev {
                Prev::Keyword(Kw::USER | Kw::LOGIN | Kw::ROLE) => false,
                Prev::Keyword(Kw::WITH | Kw::BY) => true,
                Prev::Keyword(Kw::SET) => self.leading == Kw::SET,
                Prev::Word => self.security || matches!(self.soft, Kw::ENCRYPTION | Kw::ENCRYPTED),
                Prev::Literal | Prev::SquareClose => self.security,
                _ => false,
            },
            _ if word.is(kw::OBJECT) => after_verb && self.fresh_object(),
            _ if word.is(kw::VERB) => self.fresh && matches!(self.prev, Prev::Start | Prev::Semicolon),
            _ => false,
        }
    }

    fn fresh_object(&self) -> bool {
        !self.object && matches!(self.leading, Kw::CREATE | Kw::ALTER | Kw::DROP | Kw::TRUNCATE | Kw::LOCK)
    }

    /// Whether a keyword stands where only the name of a table can: `FROM table`.
    fn is_table_name(&self, word: Kw) -> bool {
        matches!(self.expect, Expect::Table | Expect::Target)
            && matches!(self.prev, Prev::Keyword(Kw::FROM | Kw::JOIN | Kw::INTO | Kw::UPDATE))
            && word.is(kw::VERB | kw::OBJECT)
            && !matches!(word, Kw::SELECT | Kw::VALUES | Kw::SET | Kw::WITH)
    }

    fn keyword(&mut self, word: Kw) {
        let before = self.prev;
        if word == Kw::AS && self.alias == Alias::None {
            self.open_alias();
        }
        self.space(false);
        let start = self.out.template.len();
        self.out.template.push_str(word.text());
        self.after(Prev::Keyword(word), word.is(kw::VALUE));
        self.naming = false;
        self.between = match (word, self.between) {
            (Kw::BETWEEN, _) => 1,
            (Kw::AND, 1) => 2,
            _ => 0,
        };
        self.mask = match (self.mask, word) {
            (Mask::Identified, Kw::BY) | (Mask::Secret, _) => Mask::Secret,
            (Mask::Person, _) if !word.is(kw::PASS) => Mask::None,
            (mask, _) => mask,
        };
        let passed = word.is(kw::PASS) && self.expect != Expect::Nothing;
        if !passed {
            self.expect = Expect::Nothing;
        }
        if let Some(frame) = self.frame_mut() {
            frame.row = None;
            frame.between_rows = false;
            frame.from &= !word.is(kw::TAIL);
            let query = matches!(word, Kw::SELECT | Kw::WITH | Kw::VALUES);
            if query && before == Prev::Open && frame.holds == Holds::List {
                frame.holds = Holds::Anything;
            }
        }
        if word.is(kw::VERB | kw::NAME | kw::OBJECT) {
            self.structure(word, before, start);
        } else {
            match word {
                Kw::RECURSIVE if before == Prev::Keyword(Kw::WITH) => self.expect = Expect::Cte,
                Kw::END if self.fresh && self.out.verb == Verb::Other => {
                    self.verb(word, Verb::Transaction, start)
                }
                Kw::TRANSACTION if self.out.verb == Verb::Transaction => self.record(start, Part::Kind),
                Kw::PASSWORD => self.mask = Mask::Secret,
                _ => {}
            }
        }
    }

    /// Follows the statement's structure: its verbs and the names they act on.
    fn structure(&mut self, word: Kw, before: Prev, start: usize) {
        let granting = matches!(self.leading, Kw::GRANT | Kw::REVOKE);
        match word {
            Kw::FROM => self.from(before),
            Kw::JOIN | Kw::APPLY => self.expect = Expect::Table,
            Kw::INTO => self.into(),
            _ if word.is(kw::OBJECT) => self.defines(word, start),
            Kw::SELECT | Kw::INSERT | Kw::UPDATE | Kw::DELETE | Kw::MERGE | Kw::UPSERT if !granting => {
                self.data_verb(word, before, start);
            }
            Kw::WITH if self.fresh && !matches!(before, Prev::Word | Prev::Close) => {
                self.cte = true;
                self.expect = Expect::Cte;
            }
            _ if self.fresh && !self.in_cte() => self.other_verb(word, start),
            _ => {}
        }
    }

    fn in_cte(&self) -> bool {
        self.cte && self.out.frames.len() > 1
    }

    fn from(&mut self, before: Prev) {
        let base = self.out.frames.len() == 1;
        let frame = self.frame();
        if self.fresh && before == Prev::Start {
            self.out.verb = Verb::Select;
        }
        if before == Prev::Keyword(Kw::DISTINCT) || frame.holds == Holds::Extract || !(base || frame.select) {
            return;
        }
        self.out.writes |= self.leading == Kw::COPY;
        self.expect = Expect::Table;
        if let Some(frame) = self.frame_mut() {
            frame.from = true;
        }
    }

    fn into(&mut self) {
        match self.action {
            Kw::SELECT if self.leading == Kw::SELECT && self.out.frames.len() == 1 => self.out.writes = true,
            Kw::SELECT | Kw::NONE if self.leading != Kw::COPY && self.leading != Kw::LOAD => {}
            _ => self.expect = Expect::Target,
        }
    }

    fn data_verb(&mut self, word: Kw, before: Prev, start: usize) {
        let (verb, expect) = match word {
            Kw::SELECT => (Verb::Select, Expect::Nothing),
            Kw::INSERT | Kw::UPSERT => (Verb::Insert, Expect::Target),
            Kw::UPDATE => (Verb::Update, Expect::Table),
            Kw::DELETE => (Verb::Delete, Expect::Nothing),
            _ => (Verb::Merge, Expect::Table),
        };
        self.out.writes |= verb != Verb::Select;
        let clause = matches!(
            before,
            Prev::Keyword(Kw::FOR | Kw::ON | Kw::KEY | Kw::DO | Kw::THEN | Kw::OR | Kw::INSERT)
        );
        if clause || self.definition && matches!(before, Prev::Word | Prev::Target) && verb != Verb::Select {
            return;
        }
        if let Some(frame) = self.frame_mut() {
            frame.select = true;
        }
        self.expect = expect;
        self.action = word;
        self.record(start, Part::Verb);
        self.naming = false;
        if self.in_cte() {
            return;
        }
        if self.fresh {
            self.leading = word;
            self.fresh = false;
        }
        self.set_verb(verb);
    }

    fn set_verb(&mut self, verb: Verb) {
        let replaces = match self.out.verb {
            Verb::Other => true,
            Verb::Transaction | Verb::Session => !matches!(verb, Verb::Transaction | Verb::Session),
            _ => false,
        };
        if replaces {
            self.out.verb = verb;
        }
    }

    fn verb(&mut self, word: Kw, verb: Verb, start: usize) {
        self.leading = word;
        self.fresh = false;
        self.record(start, Part::Verb);
        self.naming = false;
        self.set_verb(verb);
        self.out.writes |= matches!(verb, Verb::Insert | Verb::Ddl | Verb::Call);
    }

    fn other_verb(&mut self, word: Kw, start: usize) {
        match word {
            Kw::CREATE
            | Kw::ALTER
            | Kw::DROP
            | Kw::TRUNCATE
            | Kw::RENAME
            | Kw::COMMENT
            | Kw::VACUUM
            | Kw::REINDEX => {
                self.verb(word, Verb::Ddl, start);
                self.definition = true;
                if word == Kw::TRUNCATE {
                    self.expect = Expect::Table;
                }
            }
            Kw::GRANT | Kw::REVOKE => {
                self.verb(word, Verb::Ddl, start);
                self.security = true;
            }
            Kw::IMPORT | Kw::EXPORT | Kw::BACKUP | Kw::RESTORE => {
                self.verb(word, Verb::Other, start);
                self.security = true;
            }
            Kw::REPLACE | Kw::LOAD => {
                self.verb(word, Verb::Insert, start);
                self.action = Kw::INSERT;
                self.expect = if word == Kw::REPLACE { Expect::Target } else { Expect::Nothing };
            }
            Kw::CALL | Kw::EXEC | Kw::EXECUTE => {
                self.verb(word, Verb::Call, start);
                self.expect = Expect::Object;
            }
            Kw::BEGIN | Kw::COMMIT | Kw::ROLLBACK | Kw::SAVEPOINT | Kw::RELEASE | Kw::START => {
                self.verb(word, Verb::Transaction, start);
            }
            Kw::SET | Kw::USE | Kw::SHOW | Kw::PRAGMA | Kw::RESET | Kw::DISCARD | Kw::KILL => {
                self.verb(word, Verb::Session, start);
                self.declares = word == Kw::SET;
            }
            Kw::VALUES => self.verb(word, Verb::Select, start),
            Kw::DECLARE => {
                self.verb(word, Verb::Other, start);
                self.declares = true;
            }
            Kw::DO => {
                self.verb(word, Verb::Call, start);
                self.definition = true;
            }
            Kw::EXPLAIN | Kw::DESCRIBE => {
                self.record(start, Part::Verb);
                self.naming = false;
            }
            Kw::WITH => {}
            _ => self.verb(word, Verb::Other, start),
        }
        self.out.writes |= word == Kw::LOCK;
    }

    /// Takes the kind of object that a definition is about.
    fn defines(&mut self, word: Kw, start: usize) {
        if !self.fresh_object() {
            return;
        }
        self.object = true;
        self.record(start, Part::Kind);
        self.naming = false;
        self.expect = match word {
            Kw::TABLE | Kw::TABLES | Kw::VIEW => Expect::Target,
            _ => Expect::Object,
        };
        if matches!(word, Kw::USER | Kw::LOGIN | Kw::ROLE) {
            self.security = true;
        }
        if word == Kw::LOGIN || word == Kw::USER && self.syntax.masks_users {
            self.mask = Mask::Person;
        }
    }

    fn record(&mut self, start: usize, part: Part) {
        let end = self.out.template.len() as u32;
        if self.out.names.len() < MOST_NAMES {
            self.out.names.push(Name { start: start as u32, end, part });
        } else {
            self.naming = false;
        }
    }
}

/// `text` without the space that separates it from what stands before.
fn trimmed(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}
