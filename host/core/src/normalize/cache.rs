//! Redis, Valkey and Memcached: command and key pattern, `GET user:{id}`.
//!
//! Values never reach the template: of each command only the keys (by the command's own layout)
//! are written, as patterns, and whatever follows is one `?`. The parameters are the arguments as
//! recorded. Instrumentations that replace the key as well (`GET ?`) leave calls that cannot be
//! told apart: `params_hidden`.
//!
//! Several commands in one text, joined by newlines or semicolons, are a pipeline: one round trip,
//! `PIPELINE GET SET`, with the number of commands as batch. A line that does not begin with a
//! known command is part of a value of the line before.

mod commands;
#[cfg(test)]
mod tests;

use super::{Access, Facts, Template, among, cut, is_command_name, shape};
use commands::{Keys, redis, unknown};

/// Longest text that is looked at, in bytes.
const MAX_TEXT: usize = 64 * 1024;
/// Length of a key that goes into its pattern, in bytes.
const MAX_KEY: usize = 512;
/// Distinct commands named in the template of a pipeline.
const MAX_NAMED: usize = 12;
/// Different key patterns named for a command with many keys.
const MAX_PATTERNS: usize = 4;

/// Normalizes a command text of `system` (`redis`, `valkey`, `memcached`, ...).
///
/// Where no text was recorded the operation name may be given as the text.
pub fn normalize(system: &str, text: &str, out: &mut Template) -> Facts {
    out.clear();
    let text = cut(text, MAX_TEXT).trim();
    if system.eq_ignore_ascii_case("memcached") || system.eq_ignore_ascii_case("memcache") {
        return memcached(text, out);
    }
    let (first, rest) = first_word(text);
    let pipeline = ["PIPELINE", "PIPELINED"].iter().any(|p| p.eq_ignore_ascii_case(first));
    let transaction = first.eq_ignore_ascii_case("MULTI") && !rest.is_empty();
    if pipeline || transaction {
        return write_pipeline(rest, out);
    }
    if Commands::of(text).nth(1).is_some() {
        return write_pipeline(text, out);
    }
    write_command(text, out)
}

/// The commands of a pipeline, each with the lines that belong to it.
struct Commands<'a>(&'a str);

impl<'a> Commands<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.trim())
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        for (i, _) in text.match_indices(['\n', ';']) {
            // Blanks only: a text of newlines must not be searched once for each of them.
            let after = text[i + 1..].trim_start_matches([' ', '\t', '\r']);
            let end = after.find(|ch: char| ch.is_whitespace() || ch == ';').unwrap_or(after.len());
            if redis(&after[..end]).is_some() {
                self.0 = after;
                return Some(text[..i].trim_end());
            }
        }
        self.0 = "";
        Some(text)
    }
}

fn write_pipeline(text: &str, out: &mut Template) -> Facts {
    out.text.push_str("PIPELINE");
    let mut facts = Facts { access: Access::Read, batch: 0, ..Facts::default() };
    let mut named = 0;
    // `PIPELINE GET SET` names operations only.
    if !text.contains(['\n', ';']) && text.split_whitespace().all(|word| redis(word).is_some()) {
        for word in text.split_whitespace() {
            count_command(word, &mut facts, &mut named, out);
        }
        facts.params_hidden = true;
    } else {
        for command in Commands::of(text) {
            let (word, arguments) = first_word(command);
            count_command(word, &mut facts, &mut named, out);
            for argument in Arguments::of(arguments) {
                hide_or_push(argument, &mut facts, out);
            }
        }
    }
    if facts.batch == 0 {
        facts = Facts { access: Access::Unknown, batch: 1, params_hidden: true, ..facts };
    }
    facts
}

/// Counts a command of a pipeline and names it once.
fn count_command(word: &str, facts: &mut Facts, named: &mut usize, out: &mut Template) {
    let Some(known) = redis(word).filter(|command| !command.chatter) else { return };
    facts.batch = facts.batch.saturating_add(1);
    if known.access != Access::Read {
        facts.access = Access::Write;
    }
    if *named < MAX_NAMED && !out.text.split(' ').any(|name| name.eq_ignore_ascii_case(word)) {
        *named += 1;
        out.text.push(' ');
        let start = out.text.len();
        out.text.push_str(word);
        out.text[start..].make_ascii_uppercase();
    }
}

fn hide_or_push(argument: &str, facts: &mut Facts, out: &mut Template) {
    if is_mask(argument) {
        facts.params_hidden |= facts.access == Access::Read;
    } else {
        out.push_param(argument);
    }
}

fn write_command(text: &str, out: &mut Template) -> Facts {
    let (word, rest) = first_word(text);
    if !is_command_name(word) {
        out.text.push_str(if word.is_empty() { "REDIS" } else { "?" });
        out.push_param(text);
        return Facts { params_hidden: word.is_empty(), ..Facts::default() };
    }
    let command = redis(word).unwrap_or_else(|| unknown(word));
    out.text.push_str(word);
    out.text.make_ascii_uppercase();
    let mut facts = Facts { access: command.access, chatter: command.chatter, ..Facts::default() };
    write_arguments(command.keys, rest, &mut facts, out);
    facts
}

/// Writes the keys as patterns and the rest as one `?`.
fn write_arguments(keys: Keys, rest: &str, facts: &mut Facts, out: &mut Template) {
    let mut values = false;
    let mut hidden_key = false;
    let mut patterns = 0;
    let mut streams = keys != Keys::Streams;
    let mut position = 0;
    for argument in Arguments::of(rest) {
        position += 1;
        let role = match keys {
            Keys::All => Role::Key,
            Keys::First if position == 1 => Role::Key,
            Keys::AfterWord | Keys::Word if position == 1 && is_plain_word(argument) => Role::Word,
            Keys::AfterWord if position == 2 => Role::Key,
            Keys::Streams if streams && patterns == 0 => Role::Key,
            _ => Role::Value,
        };
        if keys == Keys::Streams && argument.eq_ignore_ascii_case("streams") {
            streams = true;
        }
        match role {
            Role::Word => {
                out.text.push(' ');
                let start = out.text.len();
                out.text.push_str(argument);
                out.text[start..].make_ascii_uppercase();
            }
            Role::Key if is_mask(argument) => {
                hidden_key = true;
                values = true;
            }
            Role::Key => {
                write_pattern(argument, &mut patterns, out);
                out.push_param(argument);
            }
            Role::Value => {
                values = true;
                if is_mask(argument) {
                    facts.params_hidden |= facts.access == Access::Read;
                } else {
                    out.push_param(argument);
                }
            }
        }
    }
    facts.params_hidden |= hidden_key || (position == 0 && takes_key(keys));
    if values {
        out.text.push_str(" ?");
    }
}

enum Role {
    Word,
    Key,
    Value,
}

fn takes_key(keys: Keys) -> bool {
    matches!(keys, Keys::First | Keys::All | Keys::AfterWord | Keys::Streams)
}

/// Writes the pattern of a key unless it is the same as the one before it.
fn write_pattern(key: &str, patterns: &mut usize, out: &mut Template) {
    if *patterns > MAX_PATTERNS {
        return;
    }
    let before = out.text.len();
    out.text.push(' ');
    if *patterns == MAX_PATTERNS {
        out.text.push_str("...");
        *patterns += 1;
        return;
    }
    shape::write_key(cut(key, MAX_KEY), &mut out.text);
    if *patterns > 0 && out.text[..before].ends_with(&out.text[before..]) {
        out.text.truncate(before);
    } else {
        *patterns += 1;
    }
}

fn memcached(text: &str, out: &mut Template) -> Facts {
    let (word, rest) = first_word(text);
    if !is_command_name(word) {
        out.text.push_str(if word.is_empty() { "memcached" } else { "?" });
        out.push_param(text);
        return Facts { params_hidden: word.is_empty(), ..Facts::default() };
    }
    out.text.push_str(word);
    out.text.make_ascii_lowercase();
    const READS: [&str; 13] = [
        "fetch",
        "gat",
        "gats",
        "get",
        "get_many",
        "get_multi",
        "getk",
        "getkq",
        "getq",
        "gets",
        "gets_many",
        "me",
        "mg",
    ];
    const WRITES: [&str; 23] = [
        "add",
        "addq",
        "append",
        "cas",
        "decr",
        "decrement",
        "delete",
        "delete_many",
        "delete_multi",
        "flush_all",
        "incr",
        "increment",
        "ma",
        "md",
        "ms",
        "prepend",
        "replace",
        "set",
        "set_many",
        "set_multi",
        "setq",
        "store",
        "touch",
    ];
    const CHATTER: [&str; 7] = ["auth", "mn", "noop", "quit", "stats", "verbosity", "version"];
    let access = if among(&READS, word) {
        Access::Read
    } else if among(&WRITES, word) {
        Access::Write
    } else {
        Access::Unknown
    };
    let mut facts = Facts { chatter: among(&CHATTER, word), ..Facts::of(access) };
    let keys = match (access, &out.text[..]) {
        _ if facts.chatter => Keys::None,
        (Access::Read, "mg" | "me") => Keys::First,
        (Access::Read, "gat" | "gats") => Keys::AfterWord,
        (Access::Read, _) | (_, "delete_many" | "delete_multi") => Keys::All,
        (_, "flush_all") => Keys::None,
        _ => Keys::First,
    };
    write_arguments(keys, rest, &mut facts, out);
    facts
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(|ch: char| ch.is_whitespace() || ch == ';').unwrap_or(text.len()))
}

fn is_plain_word(word: &str) -> bool {
    (1..=24).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'))
}

/// Returns whether an instrumentation wrote this in the place of an argument: `?`, `[3 other arguments]`.
fn is_mask(argument: &str) -> bool {
    super::is_hidden(argument) && argument != "*" || matches!(argument, "?," | "(?)" | "...")
}

/// Arguments of a command: separated by white space, in quotes or not.
struct Arguments<'a> {
    rest: &'a str,
    /// Closing characters of which no further one follows; they are not searched again.
    absent: [bool; 3],
}

impl<'a> Arguments<'a> {
    fn of(rest: &'a str) -> Self {
        Self { rest, absent: [false; 3] }
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        // `[3 other arguments]`, `[12 bytes]`
        let close = match text.as_bytes() {
            [] => return None,
            [b'"', ..] => Some((0, b'"')),
            [b'\'', ..] => Some((1, b'\'')),
            [b'[', b'0'..=b'9', ..] => Some((2, b']')),
            _ => None,
        };
        if let Some((kind, close)) = close.filter(|(kind, _)| !self.absent[*kind]) {
            if let Some(end) = find_unescaped(&text[1..], close) {
                self.rest = &text[end + 2..];
                return Some(if close == b']' { "?" } else { &text[1..=end] });
            }
            self.absent[kind] = true;
        }
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        self.rest = &text[end..];
        Some(&text[..end])
    }
}

/// Finds an unescaped `close` that is followed by white space or the end.
fn find_unescaped(text: &str, close: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut escaped = false;
    for (i, &b) in bytes.iter().enumerate() {
        if !escaped && b == close && bytes.get(i + 1).is_none_or(u8::is_ascii_whitespace) {
            return Some(i);
        }
        escaped = b == b'\\' && !escaped;
    }
    None
}
