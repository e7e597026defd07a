//! Which problems the formats for people list: text, Markdown, GitHub's annotations. What programs read stays
//! complete, so that a report saved with a filter is a baseline like any other; counts and verdict are those of
//! the whole report everywhere.

use super::model::{Problem, Severity};
use super::quantity::counted;
use super::words;
use std::fmt;
use tracewatt_core::acknowledge::{BadPattern, NamePattern};

/// What a problem must match to be listed. The default lists every problem.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    types: Vec<NamePattern>,
    services: Vec<NamePattern>,
    severity: Option<Severity>,
}

impl Filter {
    /// Returns the filter of globs over finding types and services (one of each must match, where there are any)
    /// and of the least severity.
    ///
    /// # Errors
    /// When one of the globs is none.
    pub fn new(
        types: &[String],
        services: &[String],
        severity: Option<Severity>,
    ) -> Result<Filter, BadPattern> {
        let patterns = |texts: &[String]| -> Result<Vec<NamePattern>, BadPattern> {
            texts.iter().map(|text| NamePattern::new(text)).collect()
        };
        Ok(Filter { types: patterns(types)?, services: patterns(services)?, severity })
    }

    /// Returns whether the problem is listed.
    pub fn shows(&self, problem: &Problem) -> bool {
        let any = |patterns: &[NamePattern], name: &str| {
            patterns.is_empty() || patterns.iter().any(|one| one.matches(name))
        };
        any(&self.types, &problem.kind)
            && any(&self.services, &problem.service)
            && self.severity.is_none_or(|least| problem.severity >= least)
    }

    /// Returns how many of the problems are not listed, and why: `3 problems hidden by --type slow_*`. Nothing
    /// when all are.
    pub fn hidden(&self, problems: &[Problem]) -> Option<String> {
        let hidden = problems.iter().filter(|problem| !self.shows(problem)).count() as u64;
        (hidden > 0).then(|| format!("{} hidden by {self}", counted(hidden, "problem")))
    }
}

impl fmt::Display for Filter {
    /// As on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = |flag: &'static str, patterns: &[NamePattern]| -> Vec<String> {
            patterns.iter().map(|pattern| format!("{flag} {}", pattern.as_str())).collect()
        };
        let mut flags = patterns("--type", &self.types);
        flags.extend(patterns("--service", &self.services));
        flags.extend(self.severity.map(|least| format!("--severity {}", words::severity(least))));
        f.write_str(&flags.join(" "))
    }
}
