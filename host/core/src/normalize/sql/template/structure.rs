//! Words: which are keywords here, which are secrets, and what they say about verbs, tables and other names.

use super::*;

impl Writer<'_, '_> {
    pub(super) fn word(&mut self, token: Token, word: Kw) {
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
        if self.bare_value(token, word) {
            return;
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
        let known = self.is_known(word);
        if known && self.alias == Alias::Named {
            self.write_name(word.text());
        } else if known && !self.is_table_name(word) {
            self.keyword(word);
        } else if known {
            self.write_name(word.text());
        } else {
            let selected = self.prev == Prev::Keyword(Kw::SELECT);
            let copied = self.leading == Kw::COPY && self.prev == Prev::Keyword(Kw::FROM);
            let returned = self.bare == Bare::Argument && text.starts_with('@');
            let expect = self.expect;
            self.write_name(text);
            if returned {
                // `EXEC @result = name`
                self.expect = expect;
            }
            if copied && text.eq_ignore_ascii_case("STDIN") {
                self.bare = Bare::Rows;
            }
            self.soft = word;
            match word {
                Kw::IDENTIFIED if self.security => self.mask = Mask::Identified,
                Kw::SET_CONFIG if selected && self.out.verb == Verb::Select => self.out.verb = Verb::Session,
                _ => {}
            }
        }
    }

    /// Whether a word is a keyword here.
    pub(super) fn is_known(&self, word: Kw) -> bool {
        word != Kw::NONE && (!word.is(kw::SOFT) || self.is_hard(word))
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
        self.space_before_word();
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
        self.follow_bare(word, before);
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

    pub(super) fn write_name(&mut self, text: &str) {
        self.space_before_word();
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

    fn record(&mut self, start: usize, part: Part) {
        let end = self.out.template.len() as u32;
        if self.out.names.len() < MOST_NAMES {
            self.out.names.push(Name { start: start as u32, end, part });
        } else {
            self.naming = false;
        }
    }
}
