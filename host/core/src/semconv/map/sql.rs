//! The door to the SQL normalizer, and what a statement means for the session it runs in.

use super::call::{first_word, is_one_of, without_comments};
use crate::normalize::{Access, Facts, Template};

/// What a statement is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Session {
    /// The work itself.
    Work,
    /// Transaction or session control: BEGIN, COMMIT, SET.
    Transaction,
    /// Asking whether the server is there, or which one it is.
    Ping,
}

/// Writes the template of a statement in the dialect of `system`.
pub(super) fn normalize(system: &str, text: &str, out: &mut Template) -> Facts {
    let _ = system;
    stand_in(text, out)
}

/// Returns whether a statement begun by `word` reads or writes.
pub(super) fn access(word: &str) -> Access {
    const READS: [&str; 8] = ["select", "show", "explain", "describe", "desc", "values", "with", "fetch"];
    const WRITES: [&str; 11] = [
        "insert", "update", "delete", "merge", "replace", "truncate", "create", "alter", "drop", "upsert",
        "copy",
    ];
    if is_one_of(word, &READS) {
        Access::Read
    } else if is_one_of(word, &WRITES) {
        Access::Write
    } else {
        Access::Unknown
    }
}

/// Returns what a statement is for. Statements that only talk about the session are recognised by
/// their first words, pings by their whole text.
pub(super) fn session(text: &str) -> Session {
    const CONTROL: [&str; 13] = [
        "begin",
        "start",
        "commit",
        "rollback",
        "savepoint",
        "release",
        "set",
        "abort",
        "end",
        "reset",
        "discard",
        "use",
        "deallocate",
    ];
    const PINGS: [&str; 9] = [
        "select 1",
        "select 1 from dual",
        "select version()",
        "select @@version",
        "select current_schema()",
        "select pg_catalog.version()",
        "show transaction isolation level",
        "show standard_conforming_strings",
        "select @@session.transaction_read_only",
    ];
    let word = first_word(text);
    // `END` alone ends a transaction; a block that begins with BEGIN is a program.
    let short = text.len() < 200 && !text.trim_end().trim_end_matches(';').contains(';');
    if is_one_of(word, &CONTROL) && short {
        return Session::Transaction;
    }
    let line = squeeze(text);
    if line.starts_with("select set_config(") || line.starts_with("select pg_catalog.set_config(") {
        Session::Transaction
    } else if is_one_of(line.trim_end_matches([';', ' ']), &PINGS) {
        Session::Ping
    } else {
        Session::Work
    }
}

/// Returns the beginning of a text in lower case with single spaces, comments left out in front.
fn squeeze(text: &str) -> String {
    let words = without_comments(text).split_ascii_whitespace().take(8);
    let mut line = words.collect::<Vec<_>>().join(" ");
    line.make_ascii_lowercase();
    line
}

/// Stands in for the SQL normalizer until it is there: literals and placeholders become `?`.
fn stand_in(text: &str, out: &mut Template) -> Facts {
    out.clear();
    let mut hidden = false;
    let mut rest = text.trim();
    while let Some(ch) = rest.chars().next() {
        let word = rest.find(|ch: char| !ch.is_alphanumeric() && ch != '_').unwrap_or(rest.len());
        let taken = match ch {
            '\'' => {
                let end = rest[1..].find('\'').map_or(rest.len(), |end| end + 2);
                out.push_param(&rest[..end]);
                out.text.push('?');
                end
            }
            '0'..='9' => {
                out.push_param(&rest[..word]);
                out.text.push('?');
                word
            }
            '$' | '?' | '%' => {
                hidden = true;
                out.text.push('?');
                1 + rest[1..].find(|ch: char| !ch.is_alphanumeric()).unwrap_or(rest.len() - 1)
            }
            _ if ch.is_whitespace() => {
                out.text.push(' ');
                rest.len() - rest.trim_start().len()
            }
            _ if word > 0 => {
                out.text.push_str(&rest[..word]);
                word
            }
            _ => {
                out.text.push(ch);
                ch.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    Facts { access: access(first_word(text)), params_hidden: hidden, ..Facts::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions() {
        let cases = [
            ("BEGIN;", Session::Transaction),
            ("/* app */ COMMIT", Session::Transaction),
            ("SELECT set_config('TimeZone', %s, false)", Session::Transaction),
            ("SET search_path TO shop", Session::Transaction),
            ("select version();", Session::Ping),
            ("SELECT  1", Session::Ping),
            ("SELECT 1 FROM orders", Session::Work),
            ("BEGIN; UPDATE a SET b = 1; COMMIT;", Session::Work),
            ("SELECT name FROM settings", Session::Work),
            ("", Session::Work),
        ];
        for (text, want) in cases {
            assert_eq!(session(text), want, "{text}");
        }
    }
}
