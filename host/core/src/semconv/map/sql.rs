//! The door to the SQL normalizer, and what a statement means for the session it runs in.

use super::call::{is_one_of, without_comments};
use crate::normalize::sql::{self, Dialect, Statement};
use crate::normalize::{Access, Facts, Template};
use crate::trace::Verb;

/// Longest statement that is compared with the pings, in bytes, comments included.
const MAX_PING: usize = 256;

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

/// What the normalizer made of a statement, beyond the template.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Read {
    /// What a detector must know.
    pub facts: Facts,
    /// Read or write, and how.
    pub verb: Verb,
    /// What the statement is for.
    pub session: Session,
    /// The text was cut before it arrived.
    pub truncated: bool,
}

/// Writes the template of a statement.
pub(super) fn normalize(dialect: Dialect, text: &str, statement: &mut Statement, out: &mut Template) -> Read {
    out.clear();
    statement.normalize_into(dialect, text, text.len());
    out.text.push_str(&statement.template);
    statement.params().for_each(|value| out.push_param(value));
    let session = match statement.verb {
        _ if is_ping(text) => Session::Ping,
        sql::Verb::Transaction | sql::Verb::Session => Session::Transaction,
        _ => Session::Work,
    };
    let access = match statement.verb {
        _ if statement.writes => Access::Write,
        sql::Verb::Select => Access::Read,
        _ => Access::Unknown,
    };
    let hidden = statement.placeholders > 0;
    Read {
        facts: Facts {
            access,
            batch: statement.batch,
            chatter: session == Session::Ping,
            params_hidden: hidden,
        },
        verb: verb(statement.verb),
        session,
        truncated: statement.truncated,
    }
}

fn verb(verb: sql::Verb) -> Verb {
    match verb {
        sql::Verb::Select => Verb::Read,
        sql::Verb::Insert => Verb::Insert,
        sql::Verb::Update | sql::Verb::Merge => Verb::Update,
        sql::Verb::Delete => Verb::Delete,
        _ => Verb::Other,
    }
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

/// Returns whether a statement only asks if the server is there, or which one it is.
fn is_ping(text: &str) -> bool {
    const PINGS: [&[&str]; 9] = [
        &["select", "1"],
        &["select", "1", "from", "dual"],
        &["select", "version()"],
        &["select", "@@version"],
        &["select", "current_schema()"],
        &["select", "pg_catalog.version()"],
        &["show", "transaction", "isolation", "level"],
        &["show", "standard_conforming_strings"],
        &["select", "@@session.transaction_read_only"],
    ];
    if text.len() > MAX_PING {
        return false;
    }
    let text = without_comments(text).trim_end_matches(|ch: char| ch == ';' || ch.is_ascii_whitespace());
    PINGS.iter().any(|ping| {
        let mut words = text.split_ascii_whitespace();
        ping.iter().all(|word| words.next().is_some_and(|other| other.eq_ignore_ascii_case(word)))
            && words.next().is_none()
    })
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
            let read =
                normalize(Dialect::PostgreSql, text, &mut Statement::default(), &mut Template::default());
            assert_eq!(read.session, want, "{text}");
        }
    }
}
