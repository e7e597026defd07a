//! Path templates against those of other projects, read from `vectors/url.jsonl`.
//!
//! Projects disagree with each other (a one-digit segment is an identifier for one and a word for
//! another), so the test asks for most rows and prints the rest.

use tracewatt_core::normalize::http::normalize_path;

/// Rows that must agree.
const LEAST: f64 = 0.75;

/// Scenario: paths from the test suites of other instrumentations, with the templates they expect.
/// Guarantees: at least three in four agree once every placeholder is written `{}`.
#[test]
fn path_templates_agree_with_other_projects() {
    let rows: Vec<serde_json::Value> = include_str!("vectors/url.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row is JSON"))
        .collect();
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().expect("a text").to_owned();
    let mut total = 0;
    let mut misses = Vec::new();
    for row in rows.iter().filter(|row| row["tag"] == "core") {
        total += 1;
        let input = text(row, "input");
        let expected = unify(&text(row, "canon"));
        let found = normalize_path(&input);
        if unify(&found) != expected {
            misses.push(format!("  {input}: expected {expected}, found {found}"));
        }
    }
    let score = 1.0 - misses.len() as f64 / f64::from(total);
    println!("{}/{total} = {:.1} %", total as usize - misses.len(), score * 100.0);
    println!("{}", misses.join("\n"));
    assert!(total > 30, "the vectors are there");
    assert!(score >= LEAST, "{score:.3} of the paths agree");
}

/// Replaces runs of `{..}`, `<..>`, `:name` before a slash or the end, `*`, and a final `?` by `{}`.
fn unify(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    let mut in_run = false;
    while let Some(first) = rest.chars().next() {
        let placeholder = match first {
            '{' => closed(rest, '}'),
            '<' => closed(rest, '>').filter(|len| *len > 2),
            ':' => {
                let name = rest[1..]
                    .find(|ch: char| !ch.is_alphanumeric() && ch != '_')
                    .map_or(rest.len(), |n| n + 1);
                (name > 1 && (name == rest.len() || rest[name..].starts_with('/'))).then_some(name)
            }
            '*' => Some(1),
            '?' => (rest.len() == 1 || rest[1..].starts_with('/')).then_some(1),
            _ => None,
        };
        let length = placeholder.unwrap_or(first.len_utf8());
        if placeholder.is_none() {
            out.push(first);
        } else if !in_run {
            out.push_str("{}");
        }
        in_run = placeholder.is_some();
        rest = &rest[length..];
    }
    out
}

/// Returns the length up to and with the closing bracket, when it comes before a slash.
fn closed(text: &str, close: char) -> Option<usize> {
    let end = text.find([close, '/'])?;
    text[end..].starts_with(close).then_some(end + 1)
}

#[test]
fn placeholders_are_unified() {
    for (template, expected) in [
        ("/users/{id}/x", "/users/{}/x"),
        ("/{a}{b}/:id/<int:pk>/*", "/{}/{}/{}/{}"),
        ("/a:b/c?", "/a{}/c{}"),
        ("/{open/x", "/{open/x"),
    ] {
        assert_eq!(unify(template), expected);
    }
}
