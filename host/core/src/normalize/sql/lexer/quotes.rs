//! Strings and quoted names, in all their forms.

use super::*;

impl Lexer<'_> {
    /// Reads the string whose prefix is the word just passed, as in `N'x'` or `_utf8mb4'x'`.
    pub(super) fn prefixed_string(&mut self, start: usize, end: usize) -> Option<Kind> {
        let mut prefix = [0u8; 2];
        let word = &self.bytes[start..end];
        let quote = self.bytes[end];
        if word.len() <= 2 {
            prefix[..word.len()].copy_from_slice(word);
            prefix.make_ascii_lowercase();
        }
        if quote == b'&' {
            let inner = self.at(end + 1);
            if prefix != [b'u', 0] || !matches!(inner, b'\'' | b'"') {
                return None;
            }
            self.pos = end + 1;
            return Some(if inner == b'"' {
                self.quoted_name(b'"')
            } else {
                self.string(b'\'', Some(Escape::Doubled(b'\'')))
            });
        }
        if quote == b'"' {
            let strings = self.syntax.double_quote == DoubleQuote::Text;
            if !strings || !matches!(&prefix, b"r\0" | b"b\0" | b"rb" | b"br" | b"x\0" | b"n\0") {
                return None;
            }
            return Some(self.string(b'"', None));
        }
        match &prefix {
            b"q\0" | b"nq" if self.syntax.q_quote => Some(self.q_string(end + 1)),
            b"e\0" => Some(self.string(b'\'', Some(Escape::Backslash(b'\'')))),
            b"n\0" | b"x\0" | b"b\0" | b"r\0" | b"rb" | b"br" | b"g\0" | b"ux" | b"gx" | b"bx" => {
                Some(self.string(b'\'', None))
            }
            _ if word[0] == b'_' => Some(self.string(b'\'', None)),
            _ => None,
        }
    }

    /// Reads `q'[it's]'`, of which `open` is the place of the bracket.
    fn q_string(&mut self, open: usize) -> Kind {
        let Some(opener) = self.char_at(open) else {
            return self.swallow(Kind::Text(Escape::None));
        };
        let closer = match opener {
            '[' => ']',
            '{' => '}',
            '(' => ')',
            '<' => '>',
            other => other,
        };
        let mut mark = [0u8; 5];
        let len = closer.encode_utf8(&mut mark).len();
        mark[len] = b'\'';
        let body = open + opener.len_utf8();
        match memmem::find(&self.bytes[body..], &mark[..=len]) {
            Some(found) => {
                self.pos = body + found + len + 1;
                Kind::Text(Escape::None)
            }
            None => self.swallow(Kind::Text(Escape::None)),
        }
    }

    pub(super) fn swallow(&mut self, kind: Kind) -> Kind {
        self.open_end = true;
        self.pos = self.bytes.len();
        kind
    }

    /// Reads the string whose opening quote is at `self.pos`; `escape` is given where its prefix decides that.
    pub(super) fn string(&mut self, quote: u8, escape: Option<Escape>) -> Kind {
        let open = self.pos;
        if self.syntax.triple_quote && self.at(open + 1) == quote && self.at(open + 2) == quote {
            return self.triple_quoted(open + 3, quote);
        }
        let escape = match escape {
            Some(escape) => escape,
            None if self.backslash_escapes(open) => Escape::Backslash(quote),
            None => Escape::Doubled(quote),
        };
        let mut at = open + 1;
        let backslash = matches!(escape, Escape::Backslash(_));
        loop {
            let found = match backslash {
                true => memchr2(quote, b'\\', &self.bytes[at..]),
                false => memchr(quote, &self.bytes[at..]),
            };
            let Some(found) = found else { return self.swallow(Kind::Text(escape)) };
            at += found;
            if self.bytes[at] == b'\\' && backslash {
                at += 2;
                if at > self.bytes.len() {
                    return self.swallow(Kind::Text(escape));
                }
            } else if self.at(at + 1) == quote {
                at += 2;
            } else {
                self.pos = at + 1;
                return Kind::Text(escape);
            }
        }
    }

    fn triple_quoted(&mut self, mut at: usize, quote: u8) -> Kind {
        while let Some(found) = memchr2(quote, b'\\', &self.bytes[at..]) {
            at += found;
            if self.bytes[at] == b'\\' {
                at = (at + 2).min(self.bytes.len());
            } else if self.at(at + 1) == quote && self.at(at + 2) == quote {
                self.pos = at + 3;
                return Kind::Text(Escape::Triple);
            } else {
                at += 1;
            }
        }
        self.swallow(Kind::Text(Escape::Triple))
    }

    /// Says whether a backslash escapes in plain strings. In an unknown dialect that is decided once for a statement: by
    /// which reading leaves an even number of quotes, and where both do, by escaping.
    fn backslash_escapes(&mut self, from: usize) -> bool {
        if let Some(known) = self.backslash {
            return known;
        }
        let mut all = 0usize;
        let mut plain = 0usize;
        let mut at = from;
        while let Some(found) = memchr2(b'\'', b'\\', &self.bytes[at..]) {
            at += found;
            if self.bytes[at] == b'\'' {
                all += 1;
                plain += 1;
                at += 1;
            } else {
                all += usize::from(self.at(at + 1) == b'\'');
                at = (at + 2).min(self.bytes.len());
            }
        }
        let escapes = plain.is_multiple_of(2) || !all.is_multiple_of(2);
        self.backslash = Some(escapes);
        escapes
    }

    pub(super) fn double_quote(&mut self, place: &Place) -> Kind {
        match self.syntax.double_quote {
            DoubleQuote::Name => self.quoted_name(b'"'),
            DoubleQuote::Text => self.string(b'"', None),
            DoubleQuote::Position => {
                let open = self.pos;
                let kind = self.quoted_name(b'"');
                if kind != Kind::Quoted || self.is_name(open, place) {
                    kind
                } else {
                    Kind::Text(Escape::Doubled(b'"'))
                }
            }
        }
    }

    /// Whether what stands in double quotes from `open` to the current place is a name.
    fn is_name(&self, open: usize, place: &Place) -> bool {
        let inside = &self.bytes[open + 1..self.pos - 1];
        if place.name || place.member {
            return true;
        }
        let Some(&first) = inside.first() else { return false };
        let dot = self.skip_blanks(self.pos);
        let qualifies = self.at(dot) == b'.' && self.is_member(self.skip_blanks(dot + 1));
        (qualifies || !place.value)
            && class(first) & LETTER != 0
            && inside.iter().all(|&b| class(b) & WORD != 0 || matches!(b, b' ' | b'.' | b'#' | b'-'))
    }

    pub(super) fn quoted_name(&mut self, quote: u8) -> Kind {
        let mut at = self.pos + 1;
        while let Some(found) = memchr(quote, &self.bytes[at..]) {
            at += found + 1;
            if self.at(at) != quote {
                self.pos = at;
                return Kind::Quoted;
            }
            at += 1;
        }
        self.swallow(Kind::Text(Escape::None))
    }

    pub(super) fn dollar(&mut self, place: &Place) -> Kind {
        let start = self.pos;
        let next = self.at(start + 1);
        if let Some((from, to)) = self.body
            && self.bytes[start..].starts_with(&self.bytes[from..to])
        {
            self.body = None;
            return self.take(to - from, Kind::BodyClose);
        }
        if class(next) & DIGIT != 0 {
            self.pos += 1;
            while class(self.at(self.pos)) & DIGIT != 0 {
                self.pos += 1;
            }
            if self.at(self.pos) == b'.' && class(self.at(self.pos + 1)) & DIGIT != 0 {
                return self.number();
            }
            return Kind::Bind;
        }
        if next == b'?' {
            return self.take(2, Kind::Bind);
        }
        if next == b'{' {
            return self.take(2, Kind::BindBrace);
        }
        if let Some((tag, loose)) = self.tag_end(start) {
            if place.body && self.body.is_none() && !loose {
                self.body = Some((start, tag));
                self.pos = tag;
                return Kind::BodyOpen;
            }
            let mark = &self.bytes[start..tag];
            match memmem::find(&self.bytes[tag..], mark) {
                Some(found) => {
                    self.pos = tag + found + mark.len();
                    return Kind::Text(Escape::None);
                }
                None if loose => self.no_loose_tag = true,
                None => return self.swallow(Kind::Text(Escape::None)),
            }
        }
        if self.is_letter(start + 1) {
            self.pos = self.word_end(start + 1);
            return Kind::Bind;
        }
        self.take(1, Kind::Op)
    }

    /// Finds the end of the opening `$tag$`, and whether the tag holds spaces, which only some tools allow.
    fn tag_end(&self, start: usize) -> Option<(usize, bool)> {
        let mut loose = false;
        for at in start + 1..start + LONGEST_TAG {
            match self.at(at) {
                b'$' => return Some((at + 1, loose)),
                b' ' if at > start + 1 && self.syntax.loose_tags && !self.no_loose_tag => loose = true,
                b'#' => {}
                byte if class(byte) & (LETTER | DIGIT) != 0 => {}
                _ => return None,
            }
        }
        None
    }
}
