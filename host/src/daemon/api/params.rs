//! Parameters of requests: which there are, and what may stand in them. One that is not known is refused, so that a
//! typing error does not widen an answer.

use super::Refusal;
use crate::daemon::wall_ns;
use axum::http::Uri;
use tracewatt_core::acknowledge::NamePattern;
use tracewatt_core::report::{Problem, Severity};

/// What may stand in a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text in which `*` and `?` stand for others.
    Pattern,
    /// A whole number from 1 to this.
    Number(u64),
    /// One of these.
    Choice(&'static [&'static str]),
    /// A time: milliseconds since the epoch, or how long ago.
    Time,
    /// What another answer gave.
    Cursor,
}

/// A parameter of the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub doc: &'static str,
}

/// Entries of a page unless asked for otherwise.
pub(super) const PAGE: usize = 100;
/// Entries of a page, at most.
pub(super) const MAX_PAGE: u64 = 1000;
/// Severities, by name.
pub(super) const SEVERITIES: &[&str] = &["info", "warning", "critical"];
/// Where a problem can stand.
pub(super) const STATUSES: &[&str] = &["new", "existing", "resolved", "regressed"];
/// What problems can be grouped by.
pub(super) const GROUPS: &[&str] = &["type", "severity", "service", "endpoint", "status"];

const YES_NO: &[&str] = &["true", "false"];
const LIMIT: Param =
    Param { name: "limit", kind: Kind::Number(MAX_PAGE), doc: "Entries of a page; 100 unless said." };
const CURSOR: Param = Param {
    name: "cursor",
    kind: Kind::Cursor,
    doc: "`next_cursor` of the page before, for the same parameters.",
};
const SINCE: Param = Param {
    name: "since",
    kind: Kind::Time,
    doc: "Only what was seen since: milliseconds since the epoch, or how long ago, such as `15m`, `24h`, `7d`.",
};
const TYPE: Param = Param { name: "type", kind: Kind::Pattern, doc: "Only this finding type." };
const SEVERITY: Param =
    Param { name: "severity", kind: Kind::Choice(SEVERITIES), doc: "Only this severity or worse." };
const SERVICE: Param = Param { name: "service", kind: Kind::Pattern, doc: "Only this service." };
const ENDPOINT: Param = Param { name: "endpoint", kind: Kind::Pattern, doc: "Only this entry point." };
const ACKNOWLEDGED: Param = Param {
    name: "acknowledged",
    kind: Kind::Choice(YES_NO),
    doc: "Only those that are, or are not, acknowledged; both unless said.",
};
const STATUS: Param =
    Param { name: "status", kind: Kind::Choice(STATUSES), doc: "Only problems that stand so." };
const GROUP_BY: Param = Param {
    name: "group_by",
    kind: Kind::Choice(GROUPS),
    doc: "Sums per value in place of the problems, as `groups`; with no pages.",
};

/// Parameters of a page of findings.
pub(super) const FINDINGS: &[Param] =
    &[LIMIT, CURSOR, SINCE, TYPE, SEVERITY, SERVICE, ENDPOINT, ACKNOWLEDGED];
/// Parameters of a page of problems.
pub(super) const PROBLEMS: &[Param] =
    &[LIMIT, CURSOR, SINCE, TYPE, SEVERITY, SERVICE, ENDPOINT, ACKNOWLEDGED, STATUS, GROUP_BY];
/// Parameters of a page alone.
pub(super) const PAGES: &[Param] = &[LIMIT, CURSOR];

/// The parameters of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    values: Vec<(String, String)>,
}

impl Query {
    /// Reads and checks the query of a request.
    ///
    /// # Errors
    /// A parameter that is not known, comes twice, or holds what it cannot.
    pub fn read(uri: &Uri, known: &[Param]) -> Result<Query, Refusal> {
        let values = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        let values = values.map_err(|error| Refusal::bad(format!("the query cannot be read: {error}")))?.0;
        for (at, (name, value)) in values.iter().enumerate() {
            let Some(param) = known.iter().find(|param| param.name == name) else {
                let names: Vec<&str> = known.iter().map(|param| param.name).collect();
                let names = if names.is_empty() {
                    "it has none".to_owned()
                } else {
                    format!("it has {}", names.join(", "))
                };
                return Err(Refusal::bad(format!("this path has no parameter `{name}`; {names}")));
            };
            if values.iter().take(at).any(|(other, _)| other == name) {
                return Err(Refusal::bad(format!("`{name}` is given twice")));
            }
            param.check(value)?;
        }
        Ok(Query { values })
    }

    /// Returns a parameter as written.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..])
    }

    /// Entries of the page.
    pub fn limit(&self) -> usize {
        self.text("limit").and_then(|text| text.parse().ok()).unwrap_or(PAGE)
    }

    /// Returns the filters.
    ///
    /// # Errors
    /// A pattern that cannot be used.
    pub fn filter(&self) -> Result<Filter, Refusal> {
        let pattern = |name| match self.text(name) {
            None => Ok(None),
            Some(text) => {
                NamePattern::new(text).map(Some).map_err(|error| Refusal::bad(format!("`{name}`: {error}")))
            }
        };
        Ok(Filter {
            since_ms: self.text("since").and_then(since_ms).unwrap_or(0),
            kind: pattern("type")?,
            service: pattern("service")?,
            endpoint: pattern("endpoint")?,
            severity: self.text("severity").map_or(Severity::Info, severity),
            acknowledged: self.text("acknowledged").map(|text| text == "true"),
        })
    }
}

impl Param {
    fn check(&self, value: &str) -> Result<(), Refusal> {
        let (name, wrong) = (self.name, |wanted: String| {
            Err(Refusal::bad(format!("`{}` must be {wanted}, got `{value}`", self.name)))
        });
        match self.kind {
            Kind::Pattern if value.is_empty() => wrong("a text that is not empty".to_owned()),
            Kind::Number(most) if !value.parse().is_ok_and(|number: u64| (1..=most).contains(&number)) => {
                wrong(format!("a whole number from 1 to {most}"))
            }
            Kind::Choice(choices) if !choices.contains(&value) => {
                wrong(format!("one of {}", choices.join(", ")))
            }
            Kind::Time if since_ms(value).is_none() => {
                wrong("milliseconds since the epoch, or how long ago: a number and s, m, h or d".to_owned())
            }
            Kind::Cursor if value.is_empty() || value.len() > 200 => {
                Err(Refusal::bad(format!("`{name}` is none that an answer gave")))
            }
            _ => Ok(()),
        }
    }
}

/// What a list is narrowed to.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub since_ms: u64,
    pub kind: Option<NamePattern>,
    pub service: Option<NamePattern>,
    pub endpoint: Option<NamePattern>,
    pub severity: Severity,
    pub acknowledged: Option<bool>,
}

impl Filter {
    /// Whether something of these names passes.
    pub fn passes(&self, kind: &str, service: &str, endpoint: &str, severity: Severity) -> bool {
        let fits = |pattern: &Option<NamePattern>, name| pattern.as_ref().is_none_or(|one| one.matches(name));
        severity >= self.severity
            && fits(&self.kind, kind)
            && fits(&self.service, service)
            && fits(&self.endpoint, endpoint)
    }

    /// Whether a problem passes.
    pub fn passes_problem(&self, problem: &Problem) -> bool {
        self.passes(&problem.kind, &problem.service, &problem.source_endpoint, problem.severity)
    }
}

fn severity(text: &str) -> Severity {
    match text {
        "critical" => Severity::Critical,
        "warning" => Severity::Warning,
        _ => Severity::Info,
    }
}

/// Reads a time, as milliseconds since the epoch.
fn since_ms(text: &str) -> Option<u64> {
    if let Ok(ms) = text.parse() {
        return Some(ms);
    }
    let unit = text.chars().last()?;
    let ms: u64 = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let ago: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    Some((wall_ns() / 1_000_000).saturating_sub(ago.checked_mul(ms)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_parameter_is_refused_with_what_can() {
        let check = |query: &str, says: &str| {
            let uri: Uri = format!("/api/problems?{query}").parse().unwrap();
            let refusal = Query::read(&uri, PROBLEMS).unwrap_err();
            assert!(refusal.status == 400 && refusal.message.contains(says), "{refusal:?}");
        };
        check("severty=info", "no parameter `severty`; it has limit, cursor");
        check("severity=high", "one of info, warning, critical");
        check("limit=0", "from 1 to 1000");
        check("limit=1001", "from 1 to 1000");
        check("limit=ten", "from 1 to 1000");
        check("limit=1&limit=2", "twice");
        check("since=yesterday", "how long ago");
        check("since=5x", "how long ago");
        check("acknowledged=yes", "one of true, false");
        check("service=", "not empty");
        check("group_by=trace", "one of type, severity");
        check("cursor=", "none that an answer gave");
    }

    #[test]
    fn filters_take_patterns_and_times() {
        let uri: Uri = "/x?service=sh*&severity=warning&since=1h&limit=7&endpoint=GET%20/a".parse().unwrap();
        let query = Query::read(&uri, FINDINGS).unwrap();
        let filter = query.filter().unwrap();
        assert_eq!(query.limit(), 7);
        assert!(filter.passes("any", "shop", "GET /a", Severity::Critical));
        assert!(!filter.passes("any", "shop", "GET /a", Severity::Info));
        assert!(!filter.passes("any", "cart", "GET /a", Severity::Critical));
        assert!(!filter.passes("any", "shop", "GET /b", Severity::Critical));
        let hour_ago = wall_ns() / 1_000_000 - 3_600_000;
        assert!(hour_ago.abs_diff(filter.since_ms) < 60_000);
        assert_eq!(since_ms("1700000000000"), Some(1_700_000_000_000));
    }
}
