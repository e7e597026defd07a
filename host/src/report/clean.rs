//! Strings of the input made fit for terminals, annotations and tables.

use std::borrow::Cow;

/// What stands for a character that was taken out, so that a reader sees there was one.
const REPLACEMENT: char = '\u{fffd}';

/// Returns whether a character could steer a terminal or make a text read otherwise than it is written:
/// C0 and C1 controls, bidirectional controls (Unicode UAX #9), line separators, zero-width and tag characters.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text on one line: line ends and tabs become a space, other hostile characters U+FFFD.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let clean = text.chars().map(|c| match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_hostile(c) => REPLACEMENT,
        c => c,
    });
    Cow::Owned(clean.collect())
}

/// Returns [`plain`] text of at most `width` characters; what was cut ends with `…`.
pub fn cut(text: &str, width: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= width {
        return text.into_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Returns the words of a [`plain`] text on lines of at most `width` characters. A longer word keeps a line
/// of its own: addresses stay whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in plain(text).split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if used + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
                used += 1 + length;
            }
            _ => {
                lines.push(word.to_owned());
                used = length;
            }
        }
    }
    lines
}

/// Returns the text with at least `width` characters, filled up with spaces.
pub fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let mut text = text.to_owned();
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_do_not_get_through() {
        for (input, expect) in [
            ("plain ünïcode", "plain ünïcode"),
            ("two\nlines\tand\r\nmore", "two lines and  more"),
            ("\u{1b}[31mred\u{7}", "\u{fffd}[31mred\u{fffd}"),
            ("c1 \u{9b}31m", "c1 \u{fffd}31m"),
            ("bidi \u{202e}gnp.exe", "bidi \u{fffd}gnp.exe"),
            ("isolate \u{2066}x\u{2069}", "isolate \u{fffd}x\u{fffd}"),
            ("tag \u{e0041}", "tag \u{fffd}"),
            ("mark \u{feff}", "mark \u{fffd}"),
        ] {
            assert_eq!(plain(input), expect);
        }
    }

    #[test]
    fn cutting_counts_characters() {
        for (input, width, expect) in
            [("short", 5, "short"), ("longer", 5, "long…"), ("übermäßig", 5, "über…"), ("a b c d", 4, "a b…")]
        {
            assert_eq!(cut(input, width), expect);
        }
    }

    #[test]
    fn wrapping_keeps_long_words_whole() {
        assert_eq!(wrap("use a join here", 9), ["use a", "join here"]);
        assert_eq!(wrap("see https://example.org/long now", 10), ["see", "https://example.org/long", "now"]);
        assert!(wrap(" \n ", 10).is_empty());
    }
}
