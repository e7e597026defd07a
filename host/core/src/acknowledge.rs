//! Problems that a person has looked at and accepted: which acknowledgment takes out which problem,
//! and until when. Reading and writing the file is the host's; this module knows neither files nor
//! today's date.

use crate::count::counted;
use crate::report::{Acknowledged, Finding, Problem, Warning};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A day of the calendar, ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Returns a day that exists, `None` for others (30 February, month 13).
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let exists = (1..=9999).contains(&year) && (1..=days_in(year, month)).contains(&day);
        exists.then_some(Date { year, month, day })
    }

    /// Returns the day in UTC of a number of seconds since the epoch; the last day of the year 9999
    /// for anything later.
    pub fn from_unix_seconds(seconds: u64) -> Date {
        let mut left = seconds / 86_400;
        for year in 1970..=9999u16 {
            for month in 1..=12u8 {
                let days = u64::from(days_in(year, month));
                if left < days {
                    return Date { year, month, day: left as u8 + 1 };
                }
                left -= days;
            }
        }
        Date { year: 9999, month: 12, day: 31 }
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A text that is not `YYYY-MM-DD`, or no day of the calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day as YYYY-MM-DD, got `{0}`")]
pub struct BadDate(pub String);

impl FromStr for Date {
    type Err = BadDate;

    fn from_str(text: &str) -> Result<Date, BadDate> {
        let bad = || BadDate(text.to_owned());
        let digits = |range: std::ops::Range<usize>| -> Option<u16> {
            let part = text.get(range)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        };
        let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let (year, month, day) =
            (digits(0..4).ok_or_else(bad)?, digits(5..7).ok_or_else(bad)?, digits(8..10).ok_or_else(bad)?);
        if !dashes {
            return Err(bad());
        }
        Date::new(year, month as u8, day as u8).ok_or_else(bad)
    }
}

/// A pattern over names: `*` is any run of characters (also across `/`), `?` is any one. Braces and
/// brackets stand for themselves, since endpoints are full of them: `GET /orders/{id}`.
#[derive(Clone, Debug)]
pub struct NamePattern {
    text: String,
    matcher: GlobMatcher,
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot use pattern `{pattern}`: {reason}")]
pub struct BadPattern {
    /// As written.
    pub pattern: String,
    /// Why not.
    pub reason: String,
}

impl NamePattern {
    /// Compiles a pattern.
    pub fn new(text: &str) -> Result<NamePattern, BadPattern> {
        let mut glob = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '{' | '}' | '[' | ']' | '!' | '\\' => {
                    glob.push('\\');
                    glob.push(character);
                }
                // `**` has a meaning of its own between slashes and none here.
                '*' if glob.ends_with('*') => {}
                _ => glob.push(character),
            }
        }
        let compiled = GlobBuilder::new(&glob).literal_separator(false).backslash_escape(true).build();
        match compiled {
            Ok(glob) => Ok(NamePattern { text: text.to_owned(), matcher: glob.compile_matcher() }),
            Err(error) => Err(BadPattern { pattern: text.to_owned(), reason: error.kind().to_string() }),
        }
    }

    /// Returns whether a name matches as a whole.
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &NamePattern) -> bool {
        self.text == other.text
    }
}

/// What an acknowledgment is about. Every part that is given must match; at least one is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// Signature, fingerprint or problem id.
    pub identity: Option<String>,
    /// Finding type.
    pub kind: Option<NamePattern>,
    /// Service.
    pub service: Option<NamePattern>,
    /// Entry point.
    pub endpoint: Option<NamePattern>,
}

impl Selector {
    /// Returns whether nothing is selected, which would otherwise be everything.
    pub fn is_empty(&self) -> bool {
        *self == Selector::default()
    }

    /// Returns whether a problem is selected.
    pub fn matches(&self, problem: &Problem) -> bool {
        let part = |pattern: &Option<NamePattern>, name: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(name))
        };
        !self.is_empty()
            && self.identity.as_ref().is_none_or(|identity| identifies(identity, problem))
            && part(&self.kind, &problem.kind)
            && part(&self.service, &problem.service)
            && part(&self.endpoint, &problem.source_endpoint)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = |pattern: &Option<NamePattern>| pattern.as_ref().map(|pattern| pattern.text.clone());
        let parts = [
            (None, self.identity.clone()),
            (Some("type"), pattern(&self.kind)),
            (Some("service"), pattern(&self.service)),
            (Some("endpoint"), pattern(&self.endpoint)),
        ];
        let given = parts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        for (number, (name, text)) in given.enumerate() {
            let space = if number > 0 { " " } else { "" };
            match name {
                None => write!(f, "{space}{text}")?,
                Some(name) => write!(f, "{space}{name}={text}")?,
            }
        }
        Ok(())
    }
}

/// Returns whether a text names the problem: its signature, fingerprint, id, or a longer beginning of
/// the fingerprint's digits. A shorter one than the id is not enough, as it names other problems too.
fn identifies(identity: &str, problem: &Problem) -> bool {
    let digits = problem.fingerprint.rsplit(':').next().unwrap_or_default();
    identity == problem.signature
        || identity == problem.fingerprint
        || identity == problem.id
        || (identity.len() >= problem.id.len().max(8) && digits.starts_with(identity))
}

/// One entry of the acknowledgments file.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledgment {
    /// Number of the entry in the file, from 1.
    pub entry: usize,
    /// Line of the entry, from 1.
    pub line: usize,
    /// What it is about.
    pub selector: Selector,
    /// Who.
    pub acknowledged_by: String,
    /// When, as written.
    pub acknowledged_at: String,
    /// Why.
    pub reason: String,
    /// Last day of validity, to 23:59:59 UTC.
    pub expires_at: Option<Date>,
}

impl Acknowledgment {
    /// Returns whether its time is over: on the day after `expires_at`.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires_at.is_some_and(|last| today > last)
    }
}

/// Problems after acknowledgments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Problems that count, in their order.
    pub kept: Vec<Problem>,
    /// Problems taken out, in their order, each with the first entry that is about it.
    pub acknowledged: Vec<Acknowledged>,
    /// Entries that are about nothing here, and entries whose time is over.
    pub warnings: Vec<Warning>,
}

/// Takes acknowledged problems out. `today` is the day in UTC.
pub fn apply(problems: Vec<Problem>, entries: &[Acknowledgment], today: Date) -> Applied {
    let mut applied = Applied::default();
    let mut matched = vec![0u64; entries.len()];
    for problem in problems {
        let mut taken_by = None;
        for (number, entry) in
            entries.iter().enumerate().filter(|(_, entry)| entry.selector.matches(&problem))
        {
            matched[number] += 1;
            if taken_by.is_none() && !entry.is_expired(today) {
                taken_by = Some(entry);
            }
        }
        match taken_by {
            Some(entry) => applied.acknowledged.push(acknowledged(problem, entry)),
            None => applied.kept.push(problem),
        }
    }
    applied.warnings =
        entries.iter().zip(matched).filter_map(|(entry, count)| warning(entry, count, today)).collect();
    applied
}

/// Kinds of the warnings of [`apply`].
pub const WARNINGS: [&str; 2] = ["expired_acknowledgment", "unmatched_acknowledgment"];

/// Marks the findings of acknowledged problems, and no others.
pub fn mark(findings: &mut [Finding], acknowledged: &[Acknowledged]) {
    let ids: BTreeSet<&str> = acknowledged.iter().map(|entry| entry.problem.id.as_str()).collect();
    for finding in findings {
        finding.acknowledged = ids.contains(finding.problem_id.as_str());
    }
}

fn acknowledged(problem: Problem, entry: &Acknowledgment) -> Acknowledged {
    Acknowledged {
        problem,
        acknowledged_by: entry.acknowledged_by.clone(),
        acknowledged_at: entry.acknowledged_at.clone(),
        reason: entry.reason.clone(),
        expires_at: entry.expires_at.map(|date| date.to_string()),
    }
}

fn warning(entry: &Acknowledgment, problems: u64, today: Date) -> Option<Warning> {
    let Acknowledgment { entry: number, line, selector, .. } = entry;
    let subject = format!("acknowledgment {number} (line {line}, {selector})");
    let (kind, message) = match (entry.expires_at.filter(|last| today > *last), problems) {
        (Some(last), 0) => (
            "expired_acknowledgment",
            format!("{subject} ended on {last} and matches nothing; it can be pruned"),
        ),
        (Some(last), count) => (
            "expired_acknowledgment",
            format!("{subject} ended on {last}: {} counting again", counted(count, "problem")),
        ),
        (None, 0) => ("unmatched_acknowledgment", format!("{subject} matches no problem; it can be pruned")),
        (None, _) => return None,
    };
    Some(Warning { kind: kind.to_owned(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn problem() -> Problem {
        Problem {
            id: "0badcafe".into(),
            fingerprint: format!("tw1:0badcafe{}", "7".repeat(56)),
            signature: "n_plus_one_sql:shop:GET__orders_{id}:abc".into(),
            kind: "n_plus_one_sql".into(),
            service: "shop".into(),
            source_endpoint: "GET /orders/{id}".into(),
            ..Problem::default()
        }
    }

    fn entry(selector: Selector, expires_at: Option<&str>) -> Acknowledgment {
        Acknowledgment {
            entry: 1,
            line: 3,
            selector,
            acknowledged_by: "ada".into(),
            acknowledged_at: "2026-01-01".into(),
            reason: "batch job".into(),
            expires_at: expires_at.map(date),
        }
    }

    fn by_id(identity: &str) -> Selector {
        Selector { identity: Some(identity.into()), ..Selector::default() }
    }

    fn by_names(kind: &str, service: &str, endpoint: &str) -> Selector {
        let pattern = |text: &str| (!text.is_empty()).then(|| NamePattern::new(text).unwrap());
        Selector {
            identity: None,
            kind: pattern(kind),
            service: pattern(service),
            endpoint: pattern(endpoint),
        }
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        for good in ["2024-02-29", "2026-12-31", "0001-01-01", "2000-02-29"] {
            assert_eq!(date(good).to_string(), good);
        }
        for bad in [
            "",
            "2026-1-1",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026/01/01",
            "2026-01-01T00:00:00Z",
            "1900-02-29",
            "+026-01-01",
            "20é6-01-1",
        ] {
            assert_eq!(bad.parse::<Date>(), Err(BadDate(bad.into())));
        }
        assert!(date("2025-12-31") < date("2026-01-01") && date("2026-01-31") < date("2026-02-01"));
    }

    #[test]
    fn seconds_become_days() {
        assert_eq!(Date::from_unix_seconds(0), date("1970-01-01"));
        assert_eq!(Date::from_unix_seconds(951_782_400), date("2000-02-29"));
        assert_eq!(Date::from_unix_seconds(1_767_225_599), date("2025-12-31")); // 23:59:59
        assert_eq!(Date::from_unix_seconds(1_767_225_600), date("2026-01-01"));
        assert_eq!(Date::from_unix_seconds(u64::MAX), date("9999-12-31"));
    }

    #[test]
    fn selectors_select() {
        let check = |selector: Selector, expect: bool| {
            assert_eq!(selector.matches(&problem()), expect, "{selector}");
        };
        check(by_id("n_plus_one_sql:shop:GET__orders_{id}:abc"), true);
        check(by_id(&problem().fingerprint), true);
        check(by_id("0badcafe"), true);
        check(by_id("0badcafe77"), true);
        check(by_id("0badcafe78"), false);
        check(by_id("0badcaf"), false);
        check(by_id("n_plus_one_sql:shop"), false);
        check(by_names("n_plus_one_*", "", ""), true);
        check(by_names("*_http", "", ""), false);
        check(by_names("", "sho?", ""), true);
        check(by_names("", "sho", ""), false);
        check(by_names("", "", "GET /orders/{id}"), true);
        check(by_names("", "", "GET /orders/*"), true);
        check(by_names("", "", "GET **"), true);
        check(by_names("", "", "/orders/{id}"), false);
        check(by_names("", "", "GET /orders/id"), false);
        check(by_names("n_plus_one_sql", "shop", "* /orders/*"), true);
        check(by_names("n_plus_one_sql", "billing", "* /orders/*"), false);
        check(Selector { identity: Some("0badcafe".into()), ..by_names("", "billing", "") }, false);
        check(Selector::default(), false);
    }

    #[test]
    fn patterns_take_every_character_as_it_is() {
        for name in ["a[b]", "{x,y}", "a\\b", "!x", "[!a]", "é*", "]", "{", "a-b", "[", "", "**/x"] {
            let pattern = NamePattern::new(name).unwrap();
            assert!(pattern.matches(name), "{name}");
            assert_eq!(pattern.as_str(), name);
        }
        assert!(!NamePattern::new("[ab]").unwrap().matches("a"));
        assert!(!NamePattern::new("{a,b}").unwrap().matches("a"));
    }

    #[test]
    fn a_longer_id_is_not_matched_by_a_shorter_one() {
        // Two problems share eight digits, so their ids have nine.
        let problem = Problem { id: "0badcafe7".into(), ..problem() };
        assert!(!by_id("0badcafe").matches(&problem));
        assert!(by_id("0badcafe7").matches(&problem));
    }

    #[test]
    fn entries_end_after_their_last_day() {
        let check = |today: &str, kept: usize| {
            let entries = [entry(by_id("0badcafe"), Some("2026-03-31"))];
            let applied = apply(vec![problem()], &entries, date(today));
            assert_eq!((applied.kept.len(), applied.acknowledged.len()), (kept, 1 - kept), "{today}");
            let kinds: Vec<&str> = applied.warnings.iter().map(|warning| warning.kind.as_str()).collect();
            assert_eq!(kinds, ["expired_acknowledgment"][..kept], "{today}");
        };
        check("2026-03-30", 0);
        check("2026-03-31", 0);
        check("2026-04-01", 1);
    }

    #[test]
    fn the_first_valid_entry_is_named_and_the_rest_is_not_called_unmatched() {
        let second =
            Acknowledgment { entry: 2, reason: "second".into(), ..entry(by_names("*", "", ""), None) };
        let third = Acknowledgment { entry: 3, reason: "third".into(), ..entry(by_id("0badcafe"), None) };
        let entries = [entry(by_id("0badcafe"), Some("2020-01-01")), second, third];
        let applied = apply(vec![problem()], &entries, date("2026-01-01"));
        assert_eq!(applied.acknowledged[0].reason, "second");
        let messages: Vec<&str> = applied.warnings.iter().map(|warning| warning.message.as_str()).collect();
        assert_eq!(
            messages,
            ["acknowledgment 1 (line 3, 0badcafe) ended on 2020-01-01: 1 problem counting again"]
        );
    }

    #[test]
    fn entries_about_nothing_are_reported() {
        let entries = [entry(by_names("slow_*", "shop", ""), None), entry(by_id("x"), Some("2020-01-01"))];
        let applied = apply(vec![problem()], &entries, date("2026-01-01"));
        assert_eq!(applied.kept, [problem()]);
        let warnings: Vec<(&str, &str)> = applied
            .warnings
            .iter()
            .map(|warning| (warning.kind.as_str(), warning.message.as_str()))
            .collect();
        assert_eq!(
            warnings,
            [
                (
                    "unmatched_acknowledgment",
                    "acknowledgment 1 (line 3, type=slow_* service=shop) matches no problem; it can be pruned"
                ),
                (
                    "expired_acknowledgment",
                    "acknowledgment 1 (line 3, x) ended on 2020-01-01 and matches nothing; it can be pruned"
                ),
            ]
        );
    }
}
