//! Telling values from words by their shape, for path segments, cache keys and destination names.
//!
//! One pass over the bytes takes a census (digits, hexadecimal and other letters, separators,
//! changes of class); a handful of rules on the counts then decide:
//!
//! 1. digits and separators only are a number (`42`, `123-456`, `2024-01-02`), except a version
//!    such as `2.0`;
//! 2. hexadecimal digits with at least one decimal digit, six or more of them, are an identifier
//!    (`a1b2-c3d4`, hashes, object ids); UUIDs and ULIDs are recognised by their layout;
//! 3. letters only are a word, unless one run is 20 or longer, six or more letters have no vowel,
//!    or upper and lower case alternate as they do in base64 and in no camel case;
//! 4. letters and digits mixed are a word when they read like one with a number (`oauth2`, `k8s`,
//!    `sha256`, `v2beta1`), and a value when the classes change often or the number is long;
//! 5. characters that are escaped or reserved in a path make a value.
//!
//! The rules look at shapes, not at lists of words, and are the same for every language written
//! in letters. They are wrong now and then; wrong in the same way for every call.

use super::{Template, among};

/// Longest piece that is looked at; anything longer is a value.
const MAX_PIECE: usize = 128;
/// A run of letters this long is no word.
const LONG_RUN: usize = 20;
/// Pieces of a key that go into its pattern; the rest becomes `...`.
const MAX_KEY_PIECES: usize = 24;

/// What a piece of text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Word,
    Id,
    Uuid,
    Ulid,
    Oid,
    Hash,
    Date,
    Slug,
    Email,
    Token,
}

impl Shape {
    /// Returns the placeholder, empty for a word.
    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Self::Word => "",
            Self::Id => "{id}",
            Self::Uuid => "{uuid}",
            Self::Ulid => "{ulid}",
            Self::Oid => "{oid}",
            Self::Hash => "{hash}",
            Self::Date => "{date}",
            Self::Slug => "{slug}",
            Self::Email => "{email}",
            Self::Token => "{token}",
        }
    }
}

/// Counts of one pass over a piece.
#[derive(Default)]
struct Census {
    len: usize,
    digits: usize,
    hex_letters: usize,
    upper: usize,
    lower: usize,
    vowels: usize,
    wide: usize,
    separators: usize,
    specials: usize,
    braces: usize,
    at: bool,
    colon: bool,
    /// Runs of digits, of letters; a lower-case letter followed by an upper-case one also starts one.
    runs: usize,
    digit_runs: usize,
    letter_runs: usize,
    /// Longest run of letters without a change from lower to upper case.
    longest_letters: usize,
    starts_with_digit: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    None,
    Digit,
    Lower,
    Upper,
}

impl Census {
    fn of(bytes: &[u8]) -> Self {
        let mut c = Self { len: bytes.len(), ..Self::default() };
        let mut last = Class::None;
        let mut letters = 0;
        for &b in bytes {
            let class = match b {
                b'0'..=b'9' => {
                    c.digits += 1;
                    Class::Digit
                }
                b'a'..=b'z' => {
                    c.lower += 1;
                    Class::Lower
                }
                b'A'..=b'Z' => {
                    c.upper += 1;
                    Class::Upper
                }
                0x80.. => {
                    c.wide += 1;
                    Class::Lower
                }
                b'-' | b'_' | b'.' | b'~' => {
                    c.separators += 1;
                    Class::None
                }
                b'{' | b'}' => {
                    c.braces += 1;
                    Class::None
                }
                b'!' | b'$' => Class::None,
                _ => {
                    c.at |= b == b'@';
                    c.colon |= b == b':';
                    c.specials += 1;
                    Class::None
                }
            };
            if b.is_ascii_alphabetic() {
                c.hex_letters += usize::from(b.is_ascii_hexdigit());
                c.vowels += usize::from(matches!(b | 0x20, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'));
            }
            let is_letter = matches!(class, Class::Lower | Class::Upper);
            let was_letter = matches!(last, Class::Lower | Class::Upper);
            let hump = last == Class::Lower && class == Class::Upper;
            if class != Class::None
                && (hump || (class == Class::Digit) != (last == Class::Digit) || last == Class::None)
            {
                c.runs += 1;
            }
            c.digit_runs += usize::from(class == Class::Digit && last != Class::Digit);
            c.letter_runs += usize::from(is_letter && !was_letter);
            letters = match (is_letter, hump) {
                (false, _) => 0,
                (true, true) => 1,
                // A character of several bytes counts once.
                (true, false) => letters + usize::from(!(0x80..0xC0).contains(&b)),
            };
            c.longest_letters = c.longest_letters.max(letters);
            last = class;
        }
        c.starts_with_digit = bytes.first().is_some_and(u8::is_ascii_digit);
        c
    }

    fn letters(&self) -> usize {
        self.upper + self.lower
    }

    /// Hexadecimal digits only, at least one of them decimal.
    fn is_hex(&self) -> bool {
        self.digits > 0 && self.letters() == self.hex_letters && self.wide == 0
    }

    /// Short runs of changing class, as in `dQw4w9WgXcQ` and in no name.
    fn is_restless(&self) -> bool {
        self.len >= 8 && self.runs * 5 >= self.len * 2
    }
}

/// Returns what a whole piece (a decoded path segment, a part of a key) looks like.
pub(super) fn classify(text: &str) -> Shape {
    if text.len() > MAX_PIECE {
        return Shape::Token;
    }
    let bytes = text.as_bytes();
    let c = Census::of(bytes);
    if c.braces > 0 {
        return if is_template(bytes) { Shape::Word } else { Shape::Token };
    }
    if c.specials > 0 {
        return special(text, &c);
    }
    if c.letters() + c.wide == 0 {
        return numeric(bytes, &c);
    }
    if let Some(rest) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
        && rest.len() >= 6
        && rest.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Shape::Hash;
    }
    if c.is_hex() && c.len >= 6 && !is_name_with_number(text) {
        return hexadecimal(bytes, &c);
    }
    if c.digits == 0 {
        return if text.split(is_separator).any(is_noise) || is_jwt(text) {
            Shape::Token
        } else {
            Shape::Word
        };
    }
    if is_version(bytes) {
        return Shape::Word;
    }
    if c.separators == 0 { mixed(text, &c) } else { parts(text) }
}

fn is_separator(ch: char) -> bool {
    matches!(ch, '-' | '_' | '.' | '~')
}

/// A segment with reserved characters.
fn special(text: &str, c: &Census) -> Shape {
    if c.at
        && let Some((local, domain)) = text.rsplit_once('@')
        && !local.is_empty()
        && domain.contains('.')
    {
        return Shape::Email;
    }
    // 2024-01-02T10:00:00+01:00
    if c.colon && text.len() >= 10 && text.as_bytes()[..10].iter().enumerate().all(date_digit) {
        return Shape::Date;
    }
    Shape::Token
}

fn date_digit((i, b): (usize, &u8)) -> bool {
    if i == 4 || i == 7 { matches!(b, b'-' | b'_' | b'.' | b'/') } else { b.is_ascii_digit() }
}

/// Digits and separators.
fn numeric(bytes: &[u8], c: &Census) -> Shape {
    if c.digits == 0 {
        return Shape::Word;
    }
    match bytes {
        [a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit() => Shape::Word,
        _ if bytes.len() == 10 && bytes.iter().enumerate().all(date_digit) => Shape::Date,
        [y @ .., b'-', m0, m1]
            if y.len() == 4
                && matches!(y, [b'1', b'9', ..] | [b'2', b'0', ..])
                && matches!((m0, m1), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2')) =>
        {
            Shape::Date
        }
        _ => Shape::Id,
    }
}

/// Six or more hexadecimal digits, perhaps with separators, at least one of them decimal.
fn hexadecimal(bytes: &[u8], c: &Census) -> Shape {
    if c.separators == 0 {
        return match c.len {
            24 => Shape::Oid,
            // The layout of versions 4 and 7; other versions are not written without dashes in practice,
            // and each one admitted would take one in 64 of all MD5 sums with it.
            32 if matches!(bytes[12], b'4' | b'7') && is_variant(bytes[16]) => Shape::Uuid,
            _ => Shape::Hash,
        };
    }
    if is_uuid(bytes) { Shape::Uuid } else { Shape::Token }
}

fn is_variant(b: u8) -> bool {
    matches!(b, b'8' | b'9' | b'a' | b'b' | b'A' | b'B')
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26
        && text.as_bytes()[0] <= b'7'
        && text.bytes().all(|b| b.is_ascii_alphanumeric() && !matches!(b | 0x20, b'i' | b'l' | b'o' | b'u'))
}

fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.len() >= 16
}

/// Letters only that are not a word.
fn is_noise(letters: &str) -> bool {
    let c = Census::of(letters.as_bytes());
    c.longest_letters >= LONG_RUN
        || (c.vowels + c.wide == 0 && c.letters() >= 6 && !among(&["xmlhttp", "xmlrpc"], letters))
        || (c.is_restless() && c.wide == 0)
}

/// Letters and digits without separators.
fn mixed(text: &str, c: &Census) -> Shape {
    if is_ulid(text) {
        return Shape::Ulid;
    }
    if is_name_with_number(text) {
        return Shape::Word;
    }
    if c.is_restless() || (c.len >= 16 && c.digit_runs >= 2) || c.longest_letters >= LONG_RUN || is_jwt(text)
    {
        return Shape::Token;
    }
    if text.split(|ch: char| ch.is_ascii_digit()).any(is_noise) {
        return Shape::Token;
    }
    match (c.starts_with_digit, c.letter_runs, c.digit_runs) {
        // user123, but page2 and route53
        (false, 1, 1) if c.digits >= 3 => Shape::Slug,
        (false, 1, 1) => Shape::Word,
        // 12345abc, but 2fa, 30days and 1080p
        (true, 1, 1) if c.digits >= 5 => Shape::Slug,
        (true, 1, 1) => Shape::Word,
        // 1qwe233, but 2x2
        (true, 1, 2) if c.len >= 6 => Shape::Token,
        // log4j, s3bucket
        (false, 2, 1) if c.digits >= 3 => Shape::Token,
        (false, 2, 1) => Shape::Word,
        _ if c.len >= 6 => Shape::Token,
        _ => Shape::Word,
    }
}

/// Parts joined by separators, some with digits.
fn parts(text: &str) -> Shape {
    if is_jwt(text) {
        return Shape::Token;
    }
    let mut previous = "";
    for part in text.split(is_separator) {
        let c = Census::of(part.as_bytes());
        let named = is_family(previous);
        previous = part;
        let value = if c.digits == 0 {
            is_noise(part)
        } else if c.digits == c.len {
            c.len >= 3 && !named
        } else if c.is_hex() && c.len >= 6 && !is_name_with_number(part) {
            true
        } else {
            !is_version(part.as_bytes()) && mixed(part, &c) != Shape::Word
        };
        if value {
            return Shape::Slug;
        }
    }
    Shape::Word
}

/// `v1`, `v2beta1`, `v1.2.3`, `V3-preview`.
fn is_version(bytes: &[u8]) -> bool {
    let [b'v' | b'V', rest @ ..] = bytes else { return false };
    let numbers = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let mut longest = 0;
    for part in rest[..numbers].split(|b| *b == b'.') {
        longest = longest.max(part.len());
    }
    if numbers == 0 || longest > 4 || numbers > 11 || !rest[0].is_ascii_digit() {
        return false;
    }
    let rest = &rest[numbers..];
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let stage = rest.iter().take_while(|b| b.is_ascii_lowercase()).count();
    let known = matches!(
        &rest[..stage],
        b"" | b"alpha" | b"beta" | b"rc" | b"preview" | b"pre" | b"dev" | b"ga" | b"p"
    );
    known
        && rest.len() - stage <= 2
        && rest[stage..].iter().all(u8::is_ascii_digit)
        && (stage > 0 || rest.is_empty())
}

/// Families of names that carry a long number: `sha256`, `base64url`, `iso8601`.
fn is_family(letters: &str) -> bool {
    const FAMILIES: [&str; 29] = [
        "aes", "amd", "arm", "base", "blake", "cp", "crc", "ed", "en", "error", "es", "float", "h", "hs",
        "http", "int", "iso", "p", "ps", "rfc", "rs", "rsa", "secp", "sha", "uint", "utf", "win", "windows",
        "x",
    ];
    among(&FAMILIES, letters)
}

fn is_name_with_number(text: &str) -> bool {
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits = text[letters..].bytes().take_while(u8::is_ascii_digit).count();
    let tail = text[letters + digits..].len();
    (1..=5).contains(&digits) && tail <= 3 && is_family(&text[..letters]) && (tail == 0 || letters > 1)
}

/// Returns whether braces in `bytes` are those of placeholders (`{id}`, `user-{id}`, `{id}.json`)
/// around which nothing is left that could be a value.
fn is_template(bytes: &[u8]) -> bool {
    let mut inside = None;
    let mut digits = 0;
    for (i, &b) in bytes.iter().enumerate() {
        match (b, inside) {
            (b'{', None) => (inside, digits) = (Some(i), 0),
            (b'{', Some(_)) | (b'}', None) => return false,
            (b'}', Some(start)) => {
                if i - start == 1 || i - start > 33 {
                    return false;
                }
                (inside, digits) = (None, 0);
            }
            _ => {
                digits += usize::from(b.is_ascii_digit());
                let plain = b.is_ascii_alphanumeric()
                    || matches!(b, b'_' | b'-' | b'.' | b'~' | b'*' | b':' | 0x80..);
                if !plain || digits > 2 {
                    return false;
                }
            }
        }
    }
    inside.is_none()
}

/// Extensions that say what a file is and not which one.
fn is_extension(text: &str) -> bool {
    const EXTENSIONS: [&str; 62] = [
        "7z", "action", "asp", "aspx", "atom", "avif", "avro", "bin", "bmp", "bz2", "cgi", "css", "csv",
        "do", "doc", "docx", "eml", "exe", "gif", "gz", "htm", "html", "ico", "ics", "jar", "jpeg", "jpg",
        "js", "json", "jsonl", "jsp", "log", "m3u8", "map", "md", "mjs", "mov", "mp3", "mp4", "ndjson",
        "parquet", "pdf", "php", "png", "rss", "svg", "tar", "tgz", "tiff", "ts", "tsv", "ttf", "txt", "vcf",
        "wasm", "wav", "webm", "webp", "woff", "woff2", "xls", "xlsx",
    ];
    among(&EXTENSIONS, text) || among(&["xml", "yaml", "yml", "zip", "zst"], text)
}

/// Returns where a trailing number after a plain prefix starts: `user-7`, `step_12`.
///
/// Upper-case prefixes (`ORD-1001`) are left to [`Shape::Slug`]: there the prefix is part of the id.
fn trailing_number(text: &str) -> Option<usize> {
    let number = text.len() - text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (prefix, number_text) = text.split_at(number);
    let word = prefix.strip_suffix(['-', '_', '.'])?;
    let single = word.bytes().all(|b| b.is_ascii_alphabetic() || b >= 0x80);
    let plain = word.bytes().all(|b| b.is_ascii_alphabetic() || b >= 0x80 || matches!(b, b'-' | b'_' | b'.'));
    let named = is_family(word);
    let shouted = !word.bytes().any(|b| b.is_ascii_lowercase() || b >= 0x80);
    (!number_text.is_empty()
        && !word.is_empty()
        && !named
        && !shouted
        && classify(word) == Shape::Word
        && (single || (plain && number_text.len() <= 2)))
        .then_some(number)
}

/// Returns where a UUID at the end of `text` starts, after a prefix of words and a separator.
fn trailing_uuid(text: &str) -> Option<usize> {
    let start = text.len().checked_sub(36)?;
    let (prefix, tail) = text.split_at_checked(start)?;
    let word = prefix.strip_suffix(['-', '_', '.'])?;
    (is_uuid(tail.as_bytes())
        && word.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_' | b'.'))
        && classify(word) == Shape::Word)
        .then_some(start)
}

/// Writes one decoded path segment to the template text and what is variable in it to the parameters.
///
/// `verbatim` is what is written when the segment is a word (its encoded form).
pub(super) fn write_segment(segment: &str, verbatim: &str, out: &mut Template) {
    if segment.len() > MAX_PIECE {
        out.text.push_str(Shape::Token.placeholder());
        out.push_param(segment);
        return;
    }
    // A verb after a resource, as in `/users/123:activate`.
    if let Some((subject, verb)) = segment.rsplit_once(':')
        && (3..=24).contains(&verb.len())
        && verb.starts_with(|ch: char| ch.is_ascii_lowercase())
        && verb.bytes().all(|b| b.is_ascii_alphabetic())
        && classify(verb) == Shape::Word
        && subject.len() >= 2
        && !subject.contains(':')
        && classify(subject) != Shape::Token
    {
        write_piece(subject, subject, out);
        out.text.push(':');
        out.text.push_str(verb);
        return;
    }
    if let Some((stem, extension)) = segment.rsplit_once('.')
        && !stem.is_empty()
        && is_extension(extension)
    {
        let before = out.param_count();
        let length = out.text.len();
        write_piece(stem, stem, out);
        if out.param_count() > before {
            out.text.push('.');
            out.text.push_str(extension);
        } else {
            out.text.truncate(length);
            out.text.push_str(verbatim);
        }
        return;
    }
    write_piece(segment, verbatim, out);
}

fn write_piece(piece: &str, verbatim: &str, out: &mut Template) {
    if let Some(start) = trailing_number(piece).or_else(|| trailing_uuid(piece)) {
        let (prefix, value) = piece.split_at(start);
        out.text.push_str(prefix);
        out.text.push_str(if value.len() == 36 { "{uuid}" } else { "{id}" });
        out.push_param(value);
        return;
    }
    match classify(piece) {
        Shape::Word => out.text.push_str(verbatim),
        shape => {
            out.text.push_str(shape.placeholder());
            out.push_param(piece);
        }
    }
}

/// Writes the pattern of a key or name (`user:42:cart` becomes `user:{id}:cart`).
///
/// Pieces between delimiters are classified whole, then between separators, so that the words of
/// `cache_user_42` survive. Returns whether anything was replaced. Writing a pattern again gives the
/// same pattern: `{word}` is taken for a placeholder and kept.
pub(super) fn write_key(key: &str, text: &mut String) -> bool {
    let mut replaced = false;
    let mut pieces = 0;
    let mut rest = key;
    while !rest.is_empty() {
        if pieces == MAX_KEY_PIECES {
            text.push_str("...");
            return true;
        }
        let (piece, after) = rest.split_at(piece_end(rest));
        if !piece.is_empty() {
            pieces += 1;
            replaced |= write_key_piece(piece, text);
        }
        // A control character would only disturb what is printed.
        let mut chars = after.chars();
        if let Some(delimiter) = chars.next() {
            text.push(if delimiter.is_ascii_control() { ' ' } else { delimiter });
        }
        rest = chars.as_str();
    }
    replaced
}

/// Returns the length of the text up to the first delimiter that is no bracket of a placeholder.
fn piece_end(text: &str) -> usize {
    let mut at = 0;
    while let Some(next) = text[at..].find(is_delimiter) {
        at += next;
        match placeholder_len(&text[at..]) {
            Some(length) => at += length,
            None => return at,
        }
    }
    text.len()
}

/// Returns the length of the `{word}` at the start of `text`.
fn placeholder_len(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('{')?;
    let length = inner.bytes().take(33).take_while(|b| b.is_ascii_alphabetic() || *b == b'_').count();
    ((1..=32).contains(&length) && inner.as_bytes().get(length) == Some(&b'}')).then_some(length + 2)
}

fn is_delimiter(ch: char) -> bool {
    ch <= ' ' || matches!(ch, '!'..='$' | '&'..='*' | ',' | '/' | ':'..='?' | '['..=']' | '{'..='}' | '\x7f')
}

fn write_key_piece(piece: &str, text: &mut String) -> bool {
    if piece.contains('{') {
        return write_key_parts(piece, text);
    }
    let whole = classify(piece);
    match whole {
        Shape::Word | Shape::Slug => {}
        Shape::Token if piece.len() <= MAX_PIECE && piece.bytes().all(is_plain) && !is_jwt(piece) => {}
        _ => {
            text.push_str(whole.placeholder());
            return true;
        }
    }
    if is_version(piece.as_bytes()) || is_name_with_number(piece) {
        text.push_str(piece);
        return false;
    }
    if let Some(start) = trailing_uuid(piece) {
        text.push_str(&piece[..start]);
        text.push_str("{uuid}");
        return true;
    }
    let before = text.len();
    if write_key_parts(piece, text) {
        return true;
    }
    // A value only as a whole: `a1b2-c3d4`.
    if whole != Shape::Word {
        text.truncate(before);
        text.push_str(whole.placeholder());
    }
    whole != Shape::Word
}

/// Writes what stands between separators and placeholders, each part by itself.
fn write_key_parts(piece: &str, text: &mut String) -> bool {
    let mut replaced = false;
    let mut previous = "";
    let mut separators = 0;
    let mut rest = piece;
    loop {
        let end = rest.find(|ch: char| is_separator(ch) || ch == '{').unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let named = is_family(previous) && part.len() <= 5;
        match if named { Shape::Word } else { classify(part) } {
            Shape::Word => text.push_str(part),
            shape => {
                text.push_str(shape.placeholder());
                replaced = true;
            }
        }
        previous = part;
        let length = match after.chars().next() {
            None => return replaced,
            Some('{') => placeholder_len(after).unwrap_or(1),
            Some(_) => {
                separators += 1;
                1
            }
        };
        text.push_str(&after[..length]);
        rest = &after[length..];
        if separators == MAX_KEY_PIECES && !rest.is_empty() {
            text.push_str("...");
            return true;
        }
    }
}

fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'-' | b'_' | b'.' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> String {
        let mut out = String::new();
        write_key(text, &mut out);
        out
    }

    #[test]
    fn keys() {
        for (text, expected) in [
            ("user:42", "user:{id}"),
            ("user:42:cart", "user:{id}:cart"),
            ("cache_user_42", "cache_user_{id}"),
            ("user-1", "user-{id}"),
            ("session:550e8400-e29b-41d4-a716-446655440000", "session:{uuid}"),
            ("reply-550e8400-e29b-41d4-a716-446655440000", "reply-{uuid}"),
            ("{user:42}:cart", "{user:{id}}:cart"),
            ("rate:10.0.0.1", "rate:{id}"),
            ("mail:a.b@example.com", "mail:{email}"),
            ("v1:users:all", "v1:users:all"),
            ("sha256:d41d8cd98f00b204e9800998ecf8427e", "sha256:{hash}"),
            ("cache:a1b2-c3d4", "cache:{token}"),
            ("logs-2024.01.02", "logs-{id}.{id}.{id}"),
            ("address.0.street", "address.{id}.street"),
            ("customer_id", "customer_id"),
            ("$set", "$set"),
            ("tok:dQw4w9WgXcQ", "tok:{token}"),
            ("user:*", "user:*"),
        ] {
            assert_eq!(key(text), expected);
        }
    }

    #[test]
    fn families_are_in_order() {
        for name in ["aes256", "base64", "sha512", "x509", "windows11", "rfc7231"] {
            assert!(is_name_with_number(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn patterns_stay_what_they_are(text in "\\PC{0,60}") {
            let once = key(&text);
            prop_assert_eq!(key(&once), once);
        }

        #[test]
        fn patterns_of_keys_stay_what_they_are(text in "[a-z0-9A-F:._{}@/-]{0,40}") {
            let once = key(&text);
            prop_assert_eq!(key(&once), once);
        }

        #[test]
        fn numbers_never_survive(prefix in "[a-z]{1,8}", number in 100u64.., join in "[:._/|-]") {
            let once = key(&format!("{prefix}{join}{number}"));
            prop_assert!(!once.contains(&number.to_string()), "{}", once);
        }
    }
}
