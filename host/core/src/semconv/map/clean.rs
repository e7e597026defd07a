//! Making recorded texts fit to be shown: no control characters, bounded, without values in names.
//!
//! Service names, span names and endpoints come from the outside and reach terminals and documents;
//! a bidirectional override or an escape sequence in one would let it pass for another.

use std::borrow::Cow;

/// Longest piece of a name that can be a word; taken from the longest class names seen in Java.
const MAX_WORD: usize = 96;

/// Returns `text` trimmed, without control and invisible characters, and at most `max` bytes long.
pub(super) fn printable(text: &str, max: usize) -> Cow<'_, str> {
    let text = text.trim();
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(is_unprintable) {
        return Cow::Borrowed(cut(text, max));
    }
    let kept: String = text.chars().filter(|ch| !is_unprintable(*ch)).collect();
    Cow::Owned(cut(kept.trim(), max).to_owned())
}

/// Returns the longest prefix of at most `max` bytes that ends between characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Control characters (C0, DEL, C1), and the code points that are invisible or change the direction
/// of what follows: Unicode 16, properties `Bidi_Control` and `Default_Ignorable_Code_Point`, as far
/// as they can deceive.
fn is_unprintable(ch: char) -> bool {
    ch.is_control()
        || matches!(ch,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns a span name with the values in it replaced: `GET /users/42` is `GET /users/{id}`.
///
/// Instrumentations should not put values into names, and some do. Words with a number (`v2`,
/// `oauth2`, `s3`) stay.
pub(super) fn steady_name(name: &str, max: usize) -> Cow<'_, str> {
    let name = printable(name, max);
    let suspicious = name.len() > MAX_WORD
        || name.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'\'' | b'"' | b'@' | b'?' | b'%'));
    if suspicious { Cow::Owned(replace_values(&name)) } else { name }
}

fn replace_values(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = without_query(name);
    while let Some(ch) = rest.chars().next() {
        let taken = match ch {
            '\'' | '"' => quoted(rest, ch, &mut out),
            _ if is_separator(ch) => {
                out.push(ch);
                ch.len_utf8()
            }
            _ => piece(rest, &mut out),
        };
        rest = &rest[taken..];
    }
    out
}

/// Cuts the query of a name that ends in a path: `GET /search?q=x`.
fn without_query(name: &str) -> &str {
    match (name.find('/'), name.find('?')) {
        (Some(slash), Some(query)) if slash < query => &name[..query],
        _ => name,
    }
}

fn quoted(rest: &str, quote: char, out: &mut String) -> usize {
    out.push('?');
    rest[1..].find(quote).map_or(rest.len(), |end| end + 2)
}

fn piece(rest: &str, out: &mut String) -> usize {
    let end = rest.find(|ch| is_separator(ch) || matches!(ch, '\'' | '"')).unwrap_or(rest.len());
    let word = &rest[..end];
    out.push_str(if is_value(word) { "{id}" } else { word });
    end
}

fn is_separator(ch: char) -> bool {
    ch.is_whitespace() || matches!(ch, '/' | ':' | ',' | ';' | '(' | ')' | '[' | ']' | '=' | '#' | '|' | '&')
}

/// Returns whether a piece of a name is a value: a number, a long identifier, an address.
fn is_value(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-' || b == b'_');
    let all_digits = digits > 0 && word.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'_');
    all_digits
        || (hex && digits > 0 && word.len() >= 8)
        || digits >= 5
        || word.len() > MAX_WORD
        || word.contains('@') && word.contains('.')
        || word.contains('%') && digits > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidi_characters_go() {
        let cases = [
            ("shop", "shop"),
            ("  shop\n", "shop"),
            ("sh\u{202e}op\u{1b}[31m", "shop[31m"),
            ("\u{feff}\u{200b}", ""),
            ("größe", "größe"),
        ];
        for (text, want) in cases {
            assert_eq!(printable(text, 256), want, "{text:?}");
        }
        assert_eq!(printable("aäb", 2), "a");
    }

    #[test]
    fn names_lose_their_values() {
        let cases = [
            ("SELECT postgres", "SELECT postgres"),
            ("GET /users/42", "GET /users/{id}"),
            ("GET /search?q=secret", "GET /search"),
            ("OrdersController#show", "OrdersController#show"),
            ("oauth2 v1 s3", "oauth2 v1 s3"),
            ("job 3f2a9b1c-aa", "job {id}"),
            ("say 'hello' and \"x", "say ? and ?"),
            ("mail a@b.example", "mail {id}"),
            ("call order-20240102-17", "call {id}"),
            ("pg.query:SELECT postgres", "pg.query:SELECT postgres"),
        ];
        for (name, want) in cases {
            assert_eq!(steady_name(name, 256), want, "{name:?}");
        }
        assert_eq!(steady_name(&"x".repeat(200), 256), "{id}");
    }
}
