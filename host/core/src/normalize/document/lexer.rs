//! Cuts JSON, and what resembles it, into tokens.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
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
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Returns what stands up to the bracket that closes the one just read, and moves behind it.
    pub(super) fn skip_enclosed(&mut self) -> &'a str {
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
