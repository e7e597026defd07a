//! The text of the acknowledgments file: reading it strictly, adding an entry, taking entries out.
//!
//! ```toml
//! [[acknowledged]]
//! signature = "n_plus_one_sql:shop:GET__orders:0badcafe..."   # or `fingerprint`, or `problem` (the short id)
//! service = "shop-*"                  # further selectors: `type`, `service`, `endpoint`
//! acknowledged_by = "ada@example.org"
//! acknowledged_at = "2026-05-02"
//! reason = "nightly batch, measured, cheap"
//! expires_at = "2026-12-31"           # valid to 23:59:59 UTC of that day
//! ```
//!
//! Works on texts: whoever calls reads and writes the file. Edits change the lines of the entries
//! concerned and leave every other byte alone, comments and layout included.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use toml_edit::{Document, Item, Table, Value};
use tracewatt_core::acknowledge::{Acknowledgment, Date, NamePattern, Selector};

/// Name of the array of entries.
const ARRAY: &str = "acknowledged";

/// Every key of an entry. `source_endpoint` is the reference system's name of `endpoint`.
const KEYS: [&str; 11] = [
    "signature",
    "fingerprint",
    "problem",
    "type",
    "service",
    "endpoint",
    "source_endpoint",
    "acknowledged_by",
    "acknowledged_at",
    "reason",
    "expires_at",
];

/// Keys that name one problem; their values may be written under any of the three.
const IDENTITY_KEYS: [&str; 3] = ["signature", "fingerprint", "problem"];

/// Everything that is wrong with an acknowledgments file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct BadAcknowledgments {
    /// In the order of the file.
    pub errors: Vec<EntryError>,
}

impl fmt::Display for BadAcknowledgments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.errors.iter().enumerate() {
            let newline = if number > 0 { "\n" } else { "" };
            write!(f, "{newline}{error}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct EntryError {
    /// Line, from 1.
    pub line: usize,
    /// Number of the entry, from 1; absent when it is not about an entry.
    pub entry: Option<usize>,
    /// What, and what would be right.
    pub message: String,
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "line {}, acknowledgment {entry}: {}", self.line, self.message),
            None => write!(f, "line {}: {}", self.line, self.message),
        }
    }
}

/// An entry to add; what is `None` is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// Signature, fingerprint or problem id.
    pub identity: Option<String>,
    /// Pattern over finding types.
    pub kind: Option<String>,
    /// Pattern over services.
    pub service: Option<String>,
    /// Pattern over endpoints.
    pub endpoint: Option<String>,
    /// Who.
    pub acknowledged_by: String,
    /// When.
    pub acknowledged_at: Date,
    /// Why.
    pub reason: String,
    /// Last day of validity.
    pub expires_at: Option<Date>,
}

/// Whether an entry still takes problems out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
}

/// Reads every entry, or says everything that is wrong.
pub fn read(text: &str) -> Result<Vec<Acknowledgment>, BadAcknowledgments> {
    let document = parse(text)?;
    let mut reader = Reader { lines: Lines::of(text), errors: Vec::new() };
    let entries = reader.document(document.as_table());
    if reader.errors.is_empty() {
        return Ok(entries);
    }
    reader.errors.sort_by_key(|error| error.line);
    Err(BadAcknowledgments { errors: reader.errors })
}

/// Returns every entry and whether it is active on the day `today` in UTC.
pub fn list(text: &str, today: Date) -> Result<Vec<(Acknowledgment, State)>, BadAcknowledgments> {
    let state = |entry: &Acknowledgment| match entry.is_expired(today) {
        true => State::Expired,
        false => State::Active,
    };
    let with_state = |entry: Acknowledgment| {
        let state = state(&entry);
        (entry, state)
    };
    Ok(read(text)?.into_iter().map(with_state).collect())
}

/// Returns the text with one entry more, at the end. Fails when the file or the entry is not valid.
pub fn add(text: &str, entry: &NewEntry) -> Result<String, BadAcknowledgments> {
    read(text)?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str(newline);
    }
    if !out.is_empty() {
        out.push_str(newline);
    }
    for line in entry_lines(entry) {
        out.push_str(&line);
        out.push_str(newline);
    }
    read(&out)?;
    Ok(out)
}

/// Returns the text without the entries of these numbers (from 1), together with the comments
/// directly above them. Numbers that no entry has are ignored.
pub fn remove(text: &str, numbers: &[usize]) -> Result<String, BadAcknowledgments> {
    read(text)?;
    let document = parse(text)?;
    let numbers: BTreeSet<usize> = numbers.iter().copied().collect();
    let gone = (1..).zip(tables(document.as_table())).filter(|(number, _)| numbers.contains(number));
    let (mut out, mut kept_to) = (String::with_capacity(text.len()), 0);
    for (_, table) in gone {
        let range = entry_range(text, table);
        out.push_str(&text[kept_to..range.start.max(kept_to)]);
        kept_to = range.end.max(kept_to);
    }
    out.push_str(&text[kept_to..]);
    Ok(out)
}

/// Returns the text without expired entries and without those of `unmatched` (numbers from 1), and the
/// entries that were taken out.
pub fn prune(
    text: &str,
    today: Date,
    unmatched: &[usize],
) -> Result<(String, Vec<Acknowledgment>), BadAcknowledgments> {
    let goes = |entry: &Acknowledgment| entry.is_expired(today) || unmatched.contains(&entry.entry);
    let gone: Vec<Acknowledgment> = read(text)?.into_iter().filter(goes).collect();
    let numbers: Vec<usize> = gone.iter().map(|entry| entry.entry).collect();
    Ok((remove(text, &numbers)?, gone))
}

fn parse(text: &str) -> Result<Document<&str>, BadAcknowledgments> {
    Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = format!("not valid TOML: {}", error.message().trim().replace('\n', ", "));
        BadAcknowledgments {
            errors: vec![EntryError { line: Lines::of(text).of_byte(at), entry: None, message }],
        }
    })
}

fn tables(root: &Table) -> impl Iterator<Item = &Table> {
    root.get(ARRAY).and_then(Item::as_array_of_tables).into_iter().flat_map(|tables| tables.iter())
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// Returns the number of the line, from 1, that a byte is in.
    fn of_byte(&self, at: usize) -> usize {
        1 + self.0.partition_point(|end| *end < at)
    }
}

/// Walks a file and collects what is wrong.
struct Reader {
    lines: Lines,
    errors: Vec<EntryError>,
}

impl Reader {
    fn document(&mut self, root: &Table) -> Vec<Acknowledgment> {
        for (key, item) in root.iter() {
            if key != ARRAY {
                let message = format!("unknown key `{key}`; entries are written as `[[{ARRAY}]]`");
                self.fail(None, key_span(root, key), message);
            } else if !item.is_array_of_tables() {
                self.fail(None, key_span(root, key), format!("entries must be written as `[[{ARRAY}]]`"));
            }
        }
        let numbered = tables(root).enumerate();
        numbered.filter_map(|(number, table)| self.entry(number + 1, table)).collect()
    }

    /// Returns the entry if nothing is wrong with it.
    fn entry(&mut self, number: usize, table: &Table) -> Option<Acknowledgment> {
        let before = self.errors.len();
        self.unknown_keys(number, table);
        let selector = self.selector(number, table);
        let line = self.lines.of_byte(table.span().map_or(0, |span| span.start));
        let entry = Acknowledgment {
            entry: number,
            line,
            selector,
            acknowledged_by: self.required(number, table, "acknowledged_by"),
            acknowledged_at: self.acknowledged_at(number, table),
            reason: self.required(number, table, "reason"),
            expires_at: self.expires_at(number, table),
        };
        (self.errors.len() == before).then_some(entry)
    }

    fn unknown_keys(&mut self, number: usize, table: &Table) {
        for (key, _) in table.iter().filter(|(key, _)| !KEYS.contains(key)) {
            let near = KEYS.iter().map(|known| (strsim::jaro_winkler(key, known), known));
            let near = near.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
            let hint = near.map_or_else(
                || format!("known are {}", KEYS.join(", ")),
                |(_, known)| format!("did you mean `{known}`?"),
            );
            self.fail(Some(number), key_span(table, key), format!("unknown key `{key}`; {hint}"));
        }
    }

    fn selector(&mut self, number: usize, table: &Table) -> Selector {
        let before = self.errors.len();
        let selector = Selector {
            identity: self.one_of(number, table, &IDENTITY_KEYS).map(|(_, text)| text),
            kind: self.pattern(number, table, &["type"]),
            service: self.pattern(number, table, &["service"]),
            endpoint: self.pattern(number, table, &["endpoint", "source_endpoint"]),
        };
        if selector.is_empty() && self.errors.len() == before {
            let message = "must say what it is about: `signature`, `fingerprint`, `problem`, or at least one of \
                           `type`, `service`, `endpoint`";
            self.fail(Some(number), table.span(), message.to_owned());
        }
        selector
    }

    fn pattern(&mut self, number: usize, table: &Table, keys: &[&str]) -> Option<NamePattern> {
        let (key, text) = self.one_of(number, table, keys)?;
        NamePattern::new(&text)
            .map_err(|error| self.fail(Some(number), key_span(table, key), format!("`{key}`: {error}")))
            .ok()
    }

    /// Returns the one key of several that is given, and its text.
    fn one_of<'k>(&mut self, number: usize, table: &Table, keys: &[&'k str]) -> Option<(&'k str, String)> {
        let given: Vec<&str> = keys.iter().copied().filter(|key| table.contains_key(key)).collect();
        if let [first, second, ..] = given[..] {
            let message = format!("`{first}` and `{second}` say the same; keep one");
            self.fail(Some(number), key_span(table, second), message);
        }
        let key = *given.first()?;
        Some((key, self.text(number, table, key)?))
    }

    fn required(&mut self, number: usize, table: &Table, key: &str) -> String {
        if !table.contains_key(key) {
            self.fail(Some(number), table.span(), format!("`{key}` is missing"));
        }
        self.text(number, table, key).unwrap_or_default()
    }

    /// Returns a text that is not blank, or a TOML date as a text.
    fn text(&mut self, number: usize, table: &Table, key: &str) -> Option<String> {
        let wrong = match table.get(key)? {
            Item::Value(Value::String(text)) if !text.value().trim().is_empty() => {
                return Some(text.value().clone());
            }
            Item::Value(Value::Datetime(date)) if key.ends_with("_at") => {
                return Some(date.value().to_string());
            }
            Item::Value(Value::String(_)) => "must not be blank".to_owned(),
            other => format!("must be a text, got {}", other.type_name()),
        };
        self.fail(Some(number), key_span(table, key), format!("`{key}` {wrong}"));
        None
    }

    /// Returns the day as written; a time after it is accepted and says nothing.
    fn acknowledged_at(&mut self, number: usize, table: &Table) -> String {
        let text = self.required(number, table, "acknowledged_at");
        let (day, rest) = text.split_at_checked(10).unwrap_or((&text, ""));
        let time_follows = rest.is_empty() || rest.starts_with(['T', 't', ' ']);
        if !text.is_empty() && (day.parse::<Date>().is_err() || !time_follows) {
            let message = format!("`acknowledged_at` must be a day as YYYY-MM-DD, got `{text}`");
            self.fail(Some(number), key_span(table, "acknowledged_at"), message);
        }
        text
    }

    fn expires_at(&mut self, number: usize, table: &Table) -> Option<Date> {
        let parsed = self.text(number, table, "expires_at")?.parse();
        parsed
            .map_err(|error| {
                self.fail(Some(number), key_span(table, "expires_at"), format!("`expires_at` {error}"));
            })
            .ok()
    }

    fn fail(&mut self, entry: Option<usize>, at: Option<Range<usize>>, message: String) {
        let line = self.lines.of_byte(at.map_or(0, |span| span.start));
        self.errors.push(EntryError { line, entry, message });
    }
}

fn key_span(table: &Table, key: &str) -> Option<Range<usize>> {
    let (key, item) = table.get_key_value(key)?;
    key.span().or_else(|| item.span())
}

fn entry_lines(entry: &NewEntry) -> Vec<String> {
    let identity = entry.identity.as_ref().map(|text| (identity_key(text), text.clone()));
    let optional = |key: &'static str, text: &Option<String>| text.as_ref().map(|text| (key, text.clone()));
    let fields = [
        identity,
        optional("type", &entry.kind),
        optional("service", &entry.service),
        optional("endpoint", &entry.endpoint),
        Some(("acknowledged_by", entry.acknowledged_by.clone())),
        Some(("acknowledged_at", entry.acknowledged_at.to_string())),
        Some(("reason", entry.reason.clone())),
        entry.expires_at.map(|date| ("expires_at", date.to_string())),
    ];
    let line = |(key, text): (&str, String)| format!("{key} = {}", quoted(&text));
    std::iter::once(format!("[[{ARRAY}]]")).chain(fields.into_iter().flatten().map(line)).collect()
}

/// A text that names no problem, whatever the reports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no problem: give the id that reports print (8 or more hexadecimal digits, as in 3f9a1c07), the \
     fingerprint (tw1: and 64 digits), or the signature (type:service:endpoint:digits)"
)]
pub struct BadIdentity(pub String);

/// Checks that a text has the shape of a problem id, a fingerprint or a signature.
pub fn check_identity(text: &str) -> Result<(), BadIdentity> {
    let digits = |text: &str, least: usize| {
        (least..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let fits = match identity_key(text) {
        "problem" => digits(text, 8),
        "fingerprint" => text.strip_prefix("tw1:").is_some_and(|rest| digits(rest, 64)),
        _ => {
            // A service and an endpoint may have colons of their own.
            let parts: Vec<&str> = text.split(':').collect();
            let last = parts.last().is_some_and(|last| digits(last, 8));
            parts.len() >= 4 && !parts[0].is_empty() && last
        }
    };
    fits.then_some(()).ok_or_else(|| BadIdentity(text.to_owned()))
}

/// Returns the key that says what kind of identity a text is.
fn identity_key(identity: &str) -> &'static str {
    let is_id = identity.bytes().all(|byte| byte.is_ascii_hexdigit());
    match identity.split_once(':') {
        None if is_id => "problem",
        Some((version, digits)) if version.starts_with("tw") && !digits.contains(':') => "fingerprint",
        _ => "signature",
    }
}

/// Returns a text as TOML writes it on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Returns the bytes of an entry: the comment lines directly above it, its header and keys, and the
/// blank lines after it.
fn entry_range(text: &str, table: &Table) -> Range<usize> {
    let header = table.span().map_or(0, |span| span.start);
    let mut start = text[..header].rfind('\n').map_or(0, |newline| newline + 1);
    while start > 0 {
        let above = text[..start - 1].rfind('\n').map_or(0, |newline| newline + 1);
        if !text[above..start].trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    let values = table.iter().filter_map(|(_, item)| item.span()).map(|span| span.end);
    let last = values.chain(table.span().map(|span| span.end)).max().unwrap_or(header);
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
    let at_line_end = last > start && text[..last].ends_with('\n');
    let mut end = if at_line_end { last } else { line_end(last) };
    while end < text.len() && text[end..line_end(end)].trim().is_empty() {
        end = line_end(end);
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# Accepted problems of the shop.
# Ask ada before adding one.

[[acknowledged]]
signature = "n_plus_one_sql:shop:GET__orders:abc"
acknowledged_by = "ada"
acknowledged_at = "2026-01-05"
reason = "nightly # not a comment"
expires_at = "2026-03-31"   # review

# the second one
# has two lines
[[acknowledged]]
type = "slow_*"
endpoint = "GET /reports/{id}"
acknowledged_by = "bob"
acknowledged_at = 2026-02-01T10:00:00Z
reason = """
two
lines"""

[[acknowledged]]
problem = "0badcafe"
acknowledged_by = "eve"
acknowledged_at = "2026-02-01"
reason = "known"
# end of file
"#;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// Checks the messages for a text, one per line.
    #[track_caller]
    fn errors(text: &str, expect: &[&str]) {
        let error = read(text).unwrap_err().to_string();
        assert_eq!(error.lines().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn entries_are_read() {
        let entries = read(FILE).unwrap();
        let lines: Vec<(usize, usize)> = entries.iter().map(|entry| (entry.entry, entry.line)).collect();
        assert_eq!(lines, [(1, 4), (2, 13), (3, 22)]);
        let selectors: Vec<String> = entries.iter().map(|entry| entry.selector.to_string()).collect();
        assert_eq!(
            selectors,
            ["n_plus_one_sql:shop:GET__orders:abc", "type=slow_* endpoint=GET /reports/{id}", "0badcafe"]
        );
        assert_eq!(entries[0].expires_at, Some(date("2026-03-31")));
        assert_eq!((entries[1].acknowledged_by.as_str(), entries[1].reason.as_str()), ("bob", "two\nlines"));
        assert_eq!(entries[1].acknowledged_at, "2026-02-01T10:00:00Z");
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("# nothing yet\n").unwrap(), []);
    }

    #[test]
    fn the_reference_format_is_read() {
        let text = "[[acknowledged]]\nsignature = \"a:b:c:d\"\nservice = \"b\"\nsource_endpoint = \"GET /c\"\n\
                    acknowledged_by = \"ada\"\nacknowledged_at = \"2026-01-01\"\nreason = \"r\"\n";
        assert_eq!(read(text).unwrap()[0].selector.to_string(), "a:b:c:d service=b endpoint=GET /c");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        errors(
            "[[acknowledged]]\nsignatur = \"x\"\nreason = \"  \"\nexpires_at = \"2026-02-30\"\n\n\
             [[acknowledged]]\nsignature = 7\nproblem = \"a\"\nacknowledged_by = \"\"\nacknowledged_at = \"soon\"\n\
             reason = \"r\"\ncolour = \"red\"\n",
            &[
                "line 1, acknowledgment 1: must say what it is about: `signature`, `fingerprint`, `problem`, or at \
                 least one of `type`, `service`, `endpoint`",
                "line 1, acknowledgment 1: `acknowledged_by` is missing",
                "line 1, acknowledgment 1: `acknowledged_at` is missing",
                "line 2, acknowledgment 1: unknown key `signatur`; did you mean `signature`?",
                "line 3, acknowledgment 1: `reason` must not be blank",
                "line 4, acknowledgment 1: `expires_at` must be a day as YYYY-MM-DD, got `2026-02-30`",
                "line 7, acknowledgment 2: `signature` must be a text, got integer",
                "line 8, acknowledgment 2: `signature` and `problem` say the same; keep one",
                "line 9, acknowledgment 2: `acknowledged_by` must not be blank",
                "line 10, acknowledgment 2: `acknowledged_at` must be a day as YYYY-MM-DD, got `soon`",
                "line 12, acknowledgment 2: unknown key `colour`; known are signature, fingerprint, problem, type, \
                 service, endpoint, source_endpoint, acknowledged_by, acknowledged_at, reason, expires_at",
            ],
        );
    }

    #[test]
    fn other_shapes_are_refused() {
        errors(
            "[ignored]\na = 1\n",
            &["line 1: unknown key `ignored`; entries are written as `[[acknowledged]]`"],
        );
        errors("\nacknowledged = []\n", &["line 2: entries must be written as `[[acknowledged]]`"]);
        let error = read("[[acknowledged]]\nreason = \n").unwrap_err();
        assert_eq!((error.errors.len(), error.errors[0].line), (1, 2));
        assert!(error.to_string().starts_with("line 2: not valid TOML: "), "{error}");
    }

    fn new_entry() -> NewEntry {
        NewEntry {
            identity: Some("0badcafe".into()),
            kind: None,
            service: Some("shop".into()),
            endpoint: None,
            acknowledged_by: "ada".into(),
            acknowledged_at: date("2026-05-02"),
            reason: "said \"fine\" \\ twice\nand\u{7} again".into(),
            expires_at: Some(date("2026-12-31")),
        }
    }

    #[test]
    fn an_entry_is_added_at_the_end() {
        let text = add(FILE, &new_entry()).unwrap();
        assert!(text.starts_with(FILE));
        let added = read(&text).unwrap().pop().unwrap();
        assert_eq!(added.selector.to_string(), "0badcafe service=shop");
        assert_eq!(added.reason, new_entry().reason);
        assert_eq!(added.expires_at, new_entry().expires_at);
        assert_eq!(
            add("", &new_entry()).unwrap(),
            "[[acknowledged]]\nproblem = \"0badcafe\"\nservice = \"shop\"\nacknowledged_by = \"ada\"\n\
             acknowledged_at = \"2026-05-02\"\nreason = \"said \\\"fine\\\" \\\\ twice\\nand\\u0007 again\"\n\
             expires_at = \"2026-12-31\"\n"
        );
        assert!(add("# no newline", &new_entry()).unwrap().starts_with("# no newline\n\n[["));
        assert!(
            add("# dos\r\n", &new_entry()).unwrap().starts_with("# dos\r\n\r\n[[acknowledged]]\r\nproblem")
        );
    }

    #[test]
    fn what_would_not_be_read_is_not_added() {
        let blank = NewEntry { reason: " ".into(), ..new_entry() };
        assert!(
            add(FILE, &blank)
                .unwrap_err()
                .to_string()
                .contains("acknowledgment 4: `reason` must not be blank")
        );
        let about_everything = NewEntry { identity: None, service: None, ..new_entry() };
        assert!(add(FILE, &about_everything).is_err());
        assert!(add("nonsense", &new_entry()).is_err());
    }

    #[test]
    fn identities_are_written_under_their_key() {
        let check = |identity: &str, expect: &str| assert_eq!(identity_key(identity), expect, "{identity}");
        check("0badcafe", "problem");
        check("tw1:0badcafe", "fingerprint");
        check("slow_sql:shop:GET_:0badcafe", "signature");
        check("two:words:and:more", "signature");
    }

    #[test]
    fn what_names_no_problem_is_told_from_what_does() {
        let digits = "0123456789abcdef".repeat(4);
        for (text, fits) in [
            ("0badcafe", true),
            ("0badcafe7", true),
            (digits.as_str(), true),
            (&format!("tw1:{digits}"), true),
            ("slow_sql:shop:GET_:0badcafe", true),
            ("slow_sql:shop:GET_http://x:80:0badcafe00000000", true),
            ("", false),
            ("zzz", false),
            ("0badcaf", false),
            ("0BADCAFE", false),
            (&format!("{digits}0"), false),
            ("tw1:0badcafe", false),
            (&format!("tw9:{digits}"), false),
            ("slow_sql:shop:0badcafe", false),
            ("slow_sql:shop:GET_:later", false),
            (":shop:GET_:0badcafe", false),
        ] {
            assert_eq!(check_identity(text).is_ok(), fits, "{text}");
        }
        let text = check_identity("zzz").unwrap_err().to_string();
        assert!(
            text.starts_with("`zzz` names no problem: give the id that reports print (8 or more"),
            "{text}"
        );
    }

    /// Scenario: as many entries as a large company may have. Guarantees: lines are right to the end, and so is
    /// taking half of the entries out; counting lines anew for each would take minutes.
    #[test]
    fn very_many_entries() {
        let entry = |n: usize| {
            format!(
                "[[acknowledged]]\nproblem = \"{n:08}\"\nacknowledged_by = \"a\"\nacknowledged_at = \"2026-01-01\"\nreason = \"r\"\n\n"
            )
        };
        let text: String = (0..5_000).map(entry).collect();
        let entries = read(&text).unwrap();
        assert_eq!(entries.last().map(|entry| entry.line), Some(4_999 * 6 + 1));
        let odd: Vec<usize> = (1..=5_000).filter(|number| number % 2 == 1).collect();
        let even: String = (0..5_000).filter(|n| n % 2 == 1).map(entry).collect();
        assert_eq!(remove(&text, &odd).unwrap(), even);
    }

    #[test]
    fn entries_are_taken_out_with_their_comments() {
        let (first, rest) = FILE.split_at(FILE.find("[[").unwrap());
        let (one, rest) = rest.split_at(rest.find("# the second").unwrap());
        let (two, three) = rest.split_at(rest.find("[[acknowledged]]\nproblem").unwrap());
        let check = |numbers: &[usize], expect: &str| assert_eq!(remove(FILE, numbers).unwrap(), expect);
        check(&[], FILE);
        check(&[9], FILE);
        check(&[1], &format!("{first}{two}{three}"));
        check(&[2], &format!("{first}{one}{three}"));
        check(&[3], &format!("{first}{one}{two}# end of file\n"));
        check(&[1, 2, 3], &format!("{first}# end of file\n"));
        assert_eq!(remove("[[acknowledged]]\nproblem = \"a\"\nacknowledged_by = \"a\"\nacknowledged_at = \"2026-01-01\"\nreason = \"r\"", &[1]).unwrap(), "");
    }

    #[test]
    fn pruning_takes_out_what_ended_or_matches_nothing() {
        let check = |today: &str, unmatched: &[usize], expect: &[usize]| {
            let (text, gone) = prune(FILE, date(today), unmatched).unwrap();
            assert_eq!(gone.iter().map(|entry| entry.entry).collect::<Vec<_>>(), expect);
            assert_eq!(read(&text).unwrap().len(), 3 - expect.len());
        };
        check("2026-03-31", &[], &[]);
        check("2026-04-01", &[], &[1]);
        check("2026-04-01", &[3], &[1, 3]);
    }

    #[test]
    fn listing_says_what_is_active() {
        let states: Vec<State> =
            list(FILE, date("2026-04-01")).unwrap().into_iter().map(|(_, s)| s).collect();
        assert_eq!(states, [State::Expired, State::Active, State::Active]);
    }
}
