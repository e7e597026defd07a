//! Values that stand without quotes: settings (`SET search_path TO acme`), arguments of `EXEC`, the rows that follow
//! `COPY ... FROM STDIN`. A word in such a place is somebody's data, whatever it looks like.

use super::*;

/// Where a value may stand without quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bare {
    Nowhere,
    /// After `=` or `TO`, which is still to come.
    Setting,
    /// Until the next setting or the end of the statement.
    Value,
    /// In the arguments of `EXEC`.
    Argument,
    /// After the end of the statement come rows.
    Rows,
}

/// What becomes of a word or a quoted name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Name,
    Value,
    /// More of the value before it.
    Rest,
}

impl Writer<'_, '_> {
    /// Follows the keywords that decide where values may stand.
    pub(super) fn follow_bare(&mut self, word: Kw, before: Prev) {
        let changes =
            |verb| matches!(verb, Kw::INSERT | Kw::LOAD | Kw::MERGE | Kw::REPLACE | Kw::UPDATE | Kw::UPSERT);
        // the columns of `UPDATE` come after `SET` too
        let columns = changes(self.leading) || changes(self.action) || before == Prev::Keyword(Kw::UPDATE);
        self.bare = match word {
            Kw::SET if !columns => Bare::Setting,
            Kw::PRAGMA => Bare::Setting,
            Kw::TO if self.bare == Bare::Setting => Bare::Value,
            Kw::EXEC | Kw::EXECUTE | Kw::CALL => Bare::Argument,
            Kw::IF | Kw::WHILE | Kw::PRINT | Kw::RETURN | Kw::GO => Bare::Nowhere,
            _ if word.is(kw::VERB) && self.bare != Bare::Rows => Bare::Nowhere,
            _ => self.bare,
        };
    }

    /// Follows the operators that stand between a setting and its value.
    pub(super) fn assign(&mut self, operator: &str) {
        if self.bare == Bare::Setting && matches!(operator, "=" | ":=") && self.is_base() {
            self.bare = Bare::Value;
        }
    }

    /// Returns what a word (`Kw::NONE` for a quoted name) is where values may stand without quotes.
    pub(super) fn bare_role(&self, text: &str, word: Kw) -> Role {
        if !matches!(self.bare, Bare::Value | Bare::Argument) {
            return Role::Name;
        }
        // what follows `{` says whether the brace is that of a call
        if self.prev == Prev::Brace
            || text.starts_with('@')
            || self.dots > 0
            || self.prev == Prev::Dot
            || self.lexer.at_call()
        {
            return Role::Name;
        }
        let begins = matches!(self.prev, Prev::Op | Prev::Comma | Prev::Keyword(Kw::TO));
        match self.bare {
            Bare::Value if !self.is_base() || self.is_setting(text) => Role::Name,
            Bare::Value
                if begins && !matches!(word, Kw::ARRAY | Kw::CASE | Kw::INTERVAL | Kw::NOT | Kw::SELECT) =>
            {
                Role::Value
            }
            Bare::Value if self.is_known(word) => Role::Name,
            Bare::Value if self.prev == Prev::Literal => Role::Rest,
            Bare::Value => Role::Value,
            Bare::Argument if self.expect == Expect::Object => Role::Name,
            Bare::Argument => match self.prev {
                Prev::Op if word != Kw::ARRAY => Role::Value,
                Prev::Comma | Prev::Word if self.is_base() && !self.is_known(word) => Role::Value,
                _ => Role::Name,
            },
            _ => Role::Name,
        }
    }

    /// Whether the next of several settings begins here: `SET a = 1, SESSION b = 2`.
    pub(super) fn is_setting(&self, text: &str) -> bool {
        const SCOPES: [&str; 5] = ["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"];
        let is_scope = || SCOPES.iter().any(|scope| scope.eq_ignore_ascii_case(text));
        self.bare == Bare::Value && self.prev == Prev::Comma && (self.lexer.at_assignment() || is_scope())
    }

    /// Writes a word or a quoted name as the value it is; `false` if it is none.
    pub(super) fn bare_value(&mut self, token: Token, word: Kw) -> bool {
        let text = &self.text[token.start..token.end];
        if self.is_base() && self.is_setting(text) {
            self.bare = Bare::Setting;
        }
        let role = self.bare_role(text, word);
        if role == Role::Name {
            return false;
        }
        let end = self.lexer.skip_run();
        if role == Role::Value {
            self.literal(false);
            if self.out.signs == "-" {
                self.out.literals.push('-');
            }
        }
        self.keep(&self.text[token.start..end]);
        true
    }

    /// Keeps as one value what follows `COPY ... FROM STDIN;`: rows, to the end of the text.
    pub(super) fn rows(&mut self) {
        let rest = self.lexer.take_rest().trim();
        if !rest.is_empty() {
            self.keep(rest);
        }
    }

    fn is_base(&self) -> bool {
        self.out.frames.len() == 1 && self.deeper == 0
    }
}
