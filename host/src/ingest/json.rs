//! A pull reader for JSON text that borrows wherever it can and skips quickly.
//!
//! Decoders drive it: they ask for the fields of an object one by one and either read a value or skip
//! it. Offsets are exact, a value can be returned to later ([`Json`] is a cheap copy of a position),
//! and nesting is limited. The reader is lenient where leniency cannot mislead: control characters
//! inside strings are taken as they are, `null` stands for an empty object or array, and the inside
//! of a skipped value is only checked for balance.

use memchr::{memchr, memchr2};
use std::borrow::Cow;
use tracewatt_core::semconv::Value;

/// Why reading stopped, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JsonError {
    /// Byte offset into the text.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What can be wrong with JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    /// The text ends inside a value.
    #[error("the text ends inside a value")]
    End,
    /// Something else should stand here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A backslash is followed by something that is no escape.
    #[error("invalid escape sequence in a string")]
    Escape,
    /// More brackets are open than allowed.
    #[error("nested deeper than {0} levels")]
    Depth(u32),
}

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// A position in JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    max_depth: u32,
    too_deep: u64,
}

type Result<T> = std::result::Result<T, JsonError>;

/// What stands for a time that cannot be read. No clock shows it, and saturating arithmetic keeps it.
pub(super) const BAD_TIME: u64 = u64::MAX;

impl<'a> Json<'a> {
    /// Returns a reader of `text` that starts at byte `at`.
    pub fn new(text: &'a str, at: usize, max_depth: u32) -> Json<'a> {
        Json { text, at, depth: 0, max_depth, too_deep: 0 }
    }

    /// Returns the byte offset of what comes next.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Returns the kind of the next value.
    pub fn peek(&mut self) -> Result<Kind> {
        match self.next_byte()? {
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b'"' => Ok(Kind::String),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            b't' | b'f' => Ok(Kind::Bool),
            b'n' => Ok(Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Calls `field` with the key of every field; it must read or skip the value. `null` has none.
    pub fn object(&mut self, mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Result<()>) -> Result<()> {
        if !self.enter_object()? {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            field(self, key)?;
            if !self.next_field()? {
                return Ok(());
            }
        }
    }

    /// Calls `item` before every element; it must read or skip the value. `null` has none.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if !self.enter_array()? {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.next_item()? {
                return Ok(());
            }
        }
    }

    /// Enters an object; false when it has no fields. Then [`Json::key`], the value, [`Json::next_field`].
    pub fn enter_object(&mut self) -> Result<bool> {
        self.open(b'{', b'}', "an object")
    }

    /// Reads a key and the colon behind it.
    pub fn key(&mut self) -> Result<Cow<'a, str>> {
        let key = self.string()?;
        if self.next_byte()? != b':' {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(key)
    }

    /// Goes on to the next field; false when the object ends.
    pub fn next_field(&mut self) -> Result<bool> {
        self.more(b'}', "`,` or `}`")
    }

    /// Enters an array; false when it has no elements. Then the value, then [`Json::next_item`].
    pub fn enter_array(&mut self) -> Result<bool> {
        self.open(b'[', b']', "an array")
    }

    /// Goes on to the next element; false when the array ends.
    pub fn next_item(&mut self) -> Result<bool> {
        self.more(b']', "`,` or `]`")
    }

    /// Reads a string; borrowed unless it has escapes. Lone surrogates become U+FFFD.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        if self.next_byte()? != b'"' {
            return Err(self.expected("a string"));
        }
        let start = self.at + 1;
        let rest = self.bytes().get(start..).unwrap_or_default();
        let length = plain(rest).ok_or_else(|| self.end())?;
        if rest[length] == b'"' {
            self.at = start + length + 1;
            return Ok(Cow::Borrowed(self.slice(start, start + length)));
        }
        self.at = start;
        self.unescape().map(Cow::Owned)
    }

    /// Passes over `spelling` if it stands here to the byte, and says whether it did.
    #[inline]
    pub fn pass(&mut self, spelling: &str) -> bool {
        let passes = self.rest().starts_with(spelling.as_bytes());
        self.at += if passes { spelling.len() } else { 0 };
        passes
    }

    /// Reads what is left of a string behind its opening quote; `None`, and nothing read, if it has escapes.
    #[inline]
    pub fn plain_string(&mut self) -> Option<&'a str> {
        let (start, rest) = (self.at, self.rest());
        let length = plain(rest).filter(|length| rest[*length] == b'"')?;
        self.at = start + length + 1;
        Some(self.slice(start, start + length))
    }

    /// Passes over `length` bytes, which are known to be a value.
    pub fn advance(&mut self, length: usize) {
        self.at += length;
    }

    /// Levels of nesting that are open.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Returns whether `levels` more levels of nesting are allowed here.
    pub fn has_room(&self, levels: u32) -> bool {
        self.depth + levels <= self.max_depth
    }

    /// Returns what has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }

    /// Reads a string, a number or a truth value as text; anything else is skipped and gives `None`.
    pub fn text(&mut self) -> Result<Option<Cow<'a, str>>> {
        match self.peek()? {
            Kind::String => self.string().map(Some),
            Kind::Number | Kind::Bool => self.raw().map(|text| Some(Cow::Borrowed(text))),
            _ => self.skip().map(|()| None),
        }
    }

    /// Reads a whole number written as a number or as a string; `None` for anything else.
    pub fn unsigned(&mut self) -> Result<Option<u64>> {
        Ok(self.text()?.and_then(|text| parse_unsigned(&text)))
    }

    /// Reads a time or a duration: 0 where there is none, [`BAD_TIME`] for what is no number, is negative or does
    /// not fit.
    pub fn time(&mut self) -> Result<u64> {
        let text = self.text()?.unwrap_or_default();
        Ok(if text.trim().is_empty() { 0 } else { parse_unsigned(&text).unwrap_or(BAD_TIME) })
    }

    /// Reads a scalar as an attribute value; arrays and objects come as their text, `null` as `None`.
    pub fn value(&mut self) -> Result<Option<Value<'a>>> {
        Ok(match self.peek()? {
            Kind::String => Some(Value::Text(self.string()?)),
            Kind::Number => Some(number(self.raw()?)),
            Kind::Bool => Some(Value::Bool(self.raw()? == "true")),
            Kind::Null => self.skip().map(|()| None)?,
            Kind::Object | Kind::Array => Some(Value::Text(Cow::Borrowed(self.raw()?))),
        })
    }

    /// Returns the text of the next value as it stands, quotes and all.
    pub fn raw(&mut self) -> Result<&'a str> {
        self.next_byte()?;
        let start = self.at;
        self.skip()?;
        Ok(self.slice(start, self.at))
    }

    /// Passes over the next value and counts it when fewer than `levels` levels of nesting are left for it;
    /// returns whether it did.
    pub fn skip_if_deep(&mut self, levels: u32) -> Result<bool> {
        let deep = !self.has_room(levels);
        if deep {
            self.skip()?;
            self.too_deep += 1;
        }
        Ok(deep)
    }

    /// Takes the count of values passed over by [`Json::skip_if_deep`].
    pub fn take_too_deep(&mut self) -> u64 {
        std::mem::take(&mut self.too_deep)
    }

    /// Passes over the next value.
    pub fn skip(&mut self) -> Result<()> {
        match self.peek()? {
            Kind::Object | Kind::Array => self.skip_nested(),
            Kind::String => self.skip_string(),
            Kind::Number => self.skip_number(),
            Kind::Bool if self.next_byte()? == b't' => self.word("true"),
            Kind::Bool => self.word("false"),
            Kind::Null => self.word("null"),
        }
    }

    /// Passing over takes no recursion, so that no depth is too much.
    fn skip_nested(&mut self) -> Result<()> {
        let bytes = self.bytes();
        let mut depth = self.depth;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == self.depth {
                        self.at += 1;
                        return Ok(());
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Err(self.end())
    }

    fn skip_string(&mut self) -> Result<()> {
        let bytes = self.bytes();
        let mut at = self.at + 1;
        while let Some(found) = plain(bytes.get(at..).unwrap_or_default()) {
            at += found;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(());
            }
            at += 2;
        }
        Err(self.end())
    }

    fn skip_number(&mut self) -> Result<()> {
        let rest = self.rest();
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .ok_or_else(|| self.end())?;
        self.at += length;
        Ok(())
    }

    fn word(&mut self, word: &'static str) -> Result<()> {
        let rest = self.rest();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        Err(if word.as_bytes().starts_with(rest) { self.end() } else { self.expected("a value") })
    }

    /// Opens a bracket; false when it closes at once or the value is `null`.
    fn open(&mut self, open: u8, close: u8, what: &'static str) -> Result<bool> {
        match self.next_byte()? {
            b'n' => return self.word("null").map(|()| false),
            byte if byte != open => return Err(self.expected(what)),
            _ => {}
        }
        if self.depth >= self.max_depth {
            return Err(self.error(Reason::Depth(self.max_depth)));
        }
        self.at += 1;
        if self.next_byte()? == close {
            self.at += 1;
            return Ok(false);
        }
        self.depth += 1;
        Ok(true)
    }

    fn more(&mut self, close: u8, what: &'static str) -> Result<bool> {
        match self.next_byte()? {
            b',' => self.at += 1,
            byte if byte == close => {
                self.at += 1;
                self.depth -= 1;
                return Ok(false);
            }
            _ => return Err(self.expected(what)),
        }
        Ok(true)
    }

    fn unescape(&mut self) -> Result<String> {
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = memchr2(b'"', b'\\', rest).ok_or_else(|| self.end())?;
            out.push_str(self.slice(self.at, self.at + plain));
            self.at += plain + 1;
            if rest[plain] == b'"' {
                return Ok(out);
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char> {
        let byte = *self.bytes().get(self.at).ok_or_else(|| self.end())?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => byte as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.error(Reason::Escape));
            }
        })
    }

    fn unicode(&mut self) -> Result<char> {
        let high = self.hex4()?;
        let pair = (0xD800..0xDC00).contains(&high)
            && self.bytes().get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u"));
        if !pair {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        self.at += 2;
        let low = self.hex4()?;
        if (0xDC00..0xE000).contains(&low) {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at = before;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = *self.bytes().get(self.at).ok_or_else(|| self.end())?;
            let digit = (byte as char).to_digit(16).ok_or_else(|| self.error(Reason::Escape))?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// Returns the next byte that is not white space, without passing it.
    #[inline]
    fn next_byte(&mut self) -> Result<u8> {
        let bytes = self.bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(byte);
            }
            self.at += 1;
        }
        Err(self.end())
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn expected(&self, what: &'static str) -> JsonError {
        self.error(Reason::Expected(what))
    }

    fn error(&self, reason: Reason) -> JsonError {
        JsonError { offset: self.at, reason }
    }

    fn end(&self) -> JsonError {
        JsonError { offset: self.text.len(), reason: Reason::End }
    }
}

/// Returns where the first quote or backslash stands.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> Option<usize> {
    // Most strings end within few bytes, before a search that takes many at a time has got going.
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = 0;
    while at < 32 {
        let Some(word) = bytes.get(at..)?.first_chunk() else { break };
        let word = u64::from_le_bytes(*word);
        // The lowest mark is right; those above a right one need not be.
        let marks = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr2(b'"', b'\\', bytes.get(at..)?).map(|found| at + found)
}

/// Reads a whole number; fractions are dropped, exponents understood (`1.7e18`).
pub(super) fn parse_unsigned(text: &str) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        (value >= 0.0 && value < u64::MAX as f64).then_some(value as u64)
    })
}

/// Reads a number as an integer where it is one.
pub(super) fn number<'a>(text: &str) -> Value<'a> {
    if let Ok(value) = text.parse() {
        return Value::Int(value);
    }
    text.parse().map_or_else(|_| Value::Text(Cow::Owned(text.to_owned())), Value::Double)
}

/// Appends `text` as a JSON string.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Appends an attribute value as JSON; numbers that JSON has no spelling for become strings.
pub(super) fn write_value(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Text(text) => write_string(out, text),
        Value::Double(double) if !double.is_finite() => write_string(out, &double.to_string()),
        other => out.push_str(&other.display()),
    }
}

/// Returns line and column, both from 1, of a byte offset; the column counts characters.
pub(super) fn line_and_column(text: &[u8], offset: usize) -> (u64, u64) {
    let before = text.get(..offset).unwrap_or(text);
    let line = memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count();
    (line as u64 + 1, column as u64 + 1)
}

/// Returns the end of the line that byte `at` stands in: the offset of its line feed, or of the end.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    memchr(b'\n', rest).map_or(text.len(), |length| at + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check_string(text: &str, expect: std::result::Result<&str, Reason>) {
        let got = Json::new(text, 0, 8).string().map(Cow::into_owned).map_err(|error| error.reason);
        assert_eq!(got, expect.map(str::to_owned), "{text}");
        if expect.is_ok() {
            let mut json = Json::new(text, 0, 8);
            json.skip().unwrap();
            assert_eq!(json.offset(), text.len(), "skip {text}");
        }
    }

    #[test]
    fn strings() {
        check_string(r#""""#, Ok(""));
        check_string(r#""plain ü""#, Ok("plain ü"));
        check_string(r#""a\"b\\c\/d\n\t\r\b\f""#, Ok("a\"b\\c/d\n\t\r\u{8}\u{c}"));
        check_string(r#""\u00fc\ud83d\ude00""#, Ok("ü😀"));
        check_string(r#""\ud83dx""#, Ok("\u{fffd}x"));
        check_string(r#""\ud83d\u0041""#, Ok("\u{fffd}A"));
        check_string(r#""\ude00""#, Ok("\u{fffd}"));
        check_string("\"raw\nline\"", Ok("raw\nline"));
        check_string(r#""\x""#, Err(Reason::Escape));
        check_string(r#""\u12g4""#, Err(Reason::Escape));
        check_string(r#""open"#, Err(Reason::End));
        check_string(r#""open\"#, Err(Reason::End));
        check_string("7", Err(Reason::Expected("a string")));
    }

    #[test]
    fn ends_are_found_wherever_they_stand() {
        for length in 0..80 {
            for end in ["\"", "\\", "\"\\", "\\\"", "\"\""] {
                let text =
                    format!("{}{end}é", "!#[]é~".repeat(length).chars().take(length).collect::<String>());
                assert_eq!(plain(text.as_bytes()), text.find(['"', '\\']), "{text}");
            }
            assert_eq!(plain("x".repeat(length).as_bytes()), None);
        }
    }

    #[test]
    fn unescaped_strings_are_borrowed() {
        assert!(matches!(Json::new("\"abc\"", 0, 8).string(), Ok(Cow::Borrowed("abc"))));
    }

    fn check_skip(text: &str, expect: std::result::Result<usize, (usize, Reason)>) {
        let mut json = Json::new(text, 0, 3);
        let got = json.skip().map(|()| json.offset()).map_err(|error| (error.offset, error.reason));
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn skipping() {
        check_skip(" {\"a\":[1,2,{}],\"]\":\"}\"} x", Ok(23));
        check_skip("[\"\\\"]\"] ", Ok(7));
        check_skip("true,", Ok(4));
        check_skip("nul", Err((3, Reason::End)));
        check_skip("nope", Err((0, Reason::Expected("a value"))));
        check_skip("-1.5e3]", Ok(6));
        check_skip("[[[]]]", Ok(6));
        check_skip("[[[[]]]] ", Ok(8));
        check_skip("[1,", Err((3, Reason::End)));
        check_skip("", Err((0, Reason::End)));
    }

    #[test]
    fn fields_and_items() {
        let mut json = Json::new(r#" { "a" : [1, "x", null] , "b":null,"c":{} }"#, 0, 8);
        let mut seen = Vec::new();
        json.object(|json, key| {
            seen.push(key.into_owned());
            if seen.len() == 1 {
                return json.array(|json| {
                    seen.push(format!("{:?}", json.value()?));
                    Ok(())
                });
            }
            json.object(|json, _| json.skip())
        })
        .unwrap();
        assert_eq!(seen, ["a", "Some(Int(1))", "Some(Text(\"x\"))", "None", "b", "c"]);
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, offset) in
            [("{\"a\" 1}", 5), ("{\"a\":1 2}", 7), ("{,}", 1), ("[1 2]", 3), ("{\"a\":1,}", 7)]
        {
            let mut json = Json::new(text, 0, 8);
            let error = match json.peek().unwrap() {
                Kind::Object => json.object(|json, _| json.skip()),
                _ => json.array(|json| json.skip()),
            };
            assert_eq!(error.unwrap_err().offset, offset, "{text}");
        }
        assert_eq!(line_and_column("a\nüx".as_bytes(), 4), (2, 2));
    }

    #[test]
    fn numbers() {
        assert_eq!(parse_unsigned("1795351070897000000"), Some(1_795_351_070_897_000_000));
        assert_eq!(parse_unsigned("1.5e3"), Some(1500));
        assert_eq!(parse_unsigned("-1"), None);
        assert_eq!(parse_unsigned("1e40"), None);
        assert_eq!(number("12"), Value::Int(12));
        assert_eq!(number("1.5"), Value::Double(1.5));
    }

    proptest! {
        #[test]
        fn written_strings_read_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let mut out = String::new();
            write_string(&mut out, &text);
            prop_assert_eq!(Json::new(&out, 0, 1).string().unwrap(), text);
        }

        #[test]
        fn skip_is_total(text in "[\\[\\]{}\",:\\\\a0 ü]*", at in 0usize..8) {
            let mut json = Json::new(&text, at, 16);
            let _ = json.skip();
            prop_assert!(json.offset() <= text.len().max(at));
        }
    }
}
