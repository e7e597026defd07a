//! Scores normalization on the test suites of other projects, kept as data in `vectors/`.
//!
//! Scenario: every development vector goes through the normalizer, and the share of those that come out as their
//! project expects is compared with a bar. Guarantees: a change that loses agreement with the field is seen.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the functions that the tests share are test code too"
)]

/// The form in which two templates that differ only in taste are equal; see `vectors/README.md`.
mod canon {
    /// Returns the canonical form of `template`.
    pub fn canon(template: &str) -> String {
        let mut text = without_comments(template);
        text = placeholders(&text);
        text = text.replace("?+", " ? ").replace(['"', '`'], "");
        text = unbracket(&text).to_lowercase();
        text = tight(&text);
        text = unprefixed(&text);
        text = lists(&text);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        text.trim_end_matches(';').trim().to_owned()
    }

    fn is_word(c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }

    fn without_comments(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("/*") {
            let Some(end) = rest[at + 2..].find("*/") else { break };
            out.push_str(&rest[..at]);
            out.push(' ');
            rest = &rest[at + 2 + end + 2..];
        }
        out.push_str(rest);
        let lines: Vec<&str> = out.split('\n').map(|line| line.split("--").next().unwrap_or("")).collect();
        lines.join("\n")
    }

    /// Length in characters of the placeholder at `at`, if there is one.
    fn placeholder(chars: &[char], at: usize) -> Option<usize> {
        let run =
            |from: usize, test: fn(char) -> bool| chars[from..].iter().take_while(|c| test(**c)).count();
        let before = at.checked_sub(1).map(|i| chars[i]);
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        match chars[at] {
            '%' if next == '(' => {
                let name = run(at + 2, is_word);
                let ends = name > 0 && chars[at + 2 + name..].starts_with(&[')', 's']);
                ends.then_some(name + 4)
            }
            '%' if next == 's' => Some(2),
            '$' if next == '?' => Some(2),
            '$' if next.is_numeric() => Some(1 + run(at + 1, char::is_numeric)),
            ':' if next.is_ascii_alphabetic() || next == '_' => {
                (!before.is_some_and(|c| is_word(c) || c == ':')).then(|| 1 + run(at + 1, is_word))
            }
            ':' if next.is_numeric() => {
                (!before.is_some_and(|c| is_word(c) || c == '?')).then(|| 1 + run(at + 1, char::is_numeric))
            }
            _ => None,
        }
    }

    fn placeholders(text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        let mut at = 0;
        while at < chars.len() {
            match placeholder(&chars, at) {
                Some(len) => {
                    out.push_str(" ? ");
                    at += len;
                }
                None => {
                    out.push(chars[at]);
                    at += 1;
                }
            }
        }
        out
    }

    /// Takes the brackets off `[name]`.
    fn unbracket(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('[') {
            let (head, tail) = (&rest[..at], &rest[at + 1..]);
            out.push_str(head);
            let inside = tail.find(|c: char| !is_word(c) && !matches!(c, ' ' | '.')).unwrap_or(tail.len());
            let named = tail.starts_with(is_word) && tail[inside..].starts_with(']');
            if named {
                out.push_str(&tail[..inside]);
                rest = &tail[inside + 1..];
            } else {
                out.push('[');
                rest = tail;
            }
        }
        out + rest
    }

    fn tight(text: &str) -> String {
        let mut out = String::new();
        for word in text.split_whitespace() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
        for mark in "(),;=<>+*/|!:.[]-".chars() {
            out = out
                .replace(&format!(" {mark}"), &mark.to_string())
                .replace(&format!("{mark} "), &mark.to_string());
        }
        out
    }

    fn unprefixed(text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        for (at, c) in chars.iter().enumerate() {
            let alone = at == 0 || !is_word(chars[at - 1]);
            if *c == 'n' && alone && chars.get(at + 1) == Some(&'?') {
                continue;
            }
            out.push(*c);
        }
        out
    }

    fn lists(text: &str) -> String {
        let mut out = text.to_owned();
        for (long, short) in [("?,?", "?"), ("(?),(?)", "(?)")] {
            while out.contains(long) {
                out = out.replace(long, short);
            }
        }
        out
    }

    #[test]
    fn differences_of_taste_vanish() {
        let check = |a: &str, b: &str| assert_eq!(canon(a), canon(b), "{a} / {b}");
        check("SELECT a FROM t WHERE b IN ( ?, ?,? );", "select a from \"t\" where b in (?+) -- c");
        check("VALUES (?, ?), (?)", "values(?)");
        check("[a b].[c] = %(x)s AND d = :e", "a b . c=$1 /* f */ and d = ?");
        check("a::b = N?", "a :: b = ?");
        assert_ne!(canon("SELECT a"), canon("SELECT b"));
    }
}

use canon::canon;
use serde_json::Value;
use tracewatt_core::normalize::sql::{Dialect, normalize, summary};

fn rows(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or("")
}

fn texts<'a>(row: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    row[key].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn sql(row: &Value, key: &str) -> String {
    normalize(Dialect::from_system(text(row, "dialect")), text(row, key)).template
}

/// Counts the rows that `agrees` with, prints the others, and fails below `bar` percent.
fn score(name: &str, rows: &[Value], bar: f64, agrees: impl Fn(&Value) -> Result<(), String>) {
    let misses: Vec<String> = rows
        .iter()
        .filter_map(|row| agrees(row).err().map(|why| format!("{}: {why}", text(row, "source"))))
        .collect();
    let hits = rows.len() - misses.len();
    let percent = 100.0 * hits as f64 / rows.len() as f64;
    for miss in &misses {
        println!("miss: {miss}");
    }
    println!("{name}: {hits} of {} = {percent:.1} %", rows.len());
    assert!(percent >= bar, "{name}: {percent:.1} % is below the bar of {bar} %");
}

#[test]
fn sql_text() {
    let rows: Vec<Value> =
        rows("sql_text.jsonl").into_iter().filter(|row| text(row, "tag") == "core").collect();
    score("sql text", &rows, 93.0, |row| {
        let out = sql(row, "input");
        let hit = texts(row, "expected").any(|expected| canon(expected) == canon(&out));
        if hit { Ok(()) } else { Err(format!("{:?} became {out:?}", text(row, "input"))) }
    });
}

#[test]
fn sql_leak() {
    score("sql leak", &rows("sql_leak.jsonl"), 100.0, |row| {
        let out = sql(row, "input");
        match texts(row, "secrets").find(|secret| out.contains(secret)) {
            None => Ok(()),
            Some(secret) => Err(format!("{secret:?} is in {out:?}")),
        }
    });
}

#[test]
fn sql_equivalence() {
    let rows: Vec<Value> =
        rows("sql_equivalence.jsonl").into_iter().filter(|row| text(row, "level") == "template").collect();
    score("sql equivalence", &rows, 95.0, |row| {
        let (a, b) = (sql(row, "a"), sql(row, "b"));
        let same = canon(&a) == canon(&b);
        if Some(same) == row["same"].as_bool() { Ok(()) } else { Err(format!("{a:?} and {b:?}")) }
    });
}

/// Letter case is not compared: the normalizer writes keywords in capitals.
#[test]
fn sql_summary() {
    score("sql summary", &rows("sql_summary.jsonl"), 60.0, |row| {
        let out = summary(&normalize(Dialect::from_system(text(row, "dialect")), text(row, "input")));
        let expected = text(row, "summary");
        if out.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(format!("{out:?} is not {expected:?}")) }
    });
}
