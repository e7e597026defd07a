//! GitLab Code Quality: an array of issues, each with a unique fingerprint, a path and a line.
//! Acknowledged problems are left out, as the format has no way to say that something is accepted.

use super::{RenderOptions, clean, json, model, place, words};
use model::Severity;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write};

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// Writes the problems as GitLab's issues.
pub fn write(report: &model::Report, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut seen = BTreeSet::new();
    let unique = report.problems.iter().filter(|problem| seen.insert(problem.fingerprint.as_str()));
    json::write_pretty(&unique.map(|problem| issue(problem, options)).collect::<Vec<_>>(), out)
}

fn issue(problem: &model::Problem, options: &RenderOptions<'_>) -> Issue {
    let place = place::of(problem, options);
    let mut description = format!(
        "{} in {}, {}: {} ({}). {}",
        words::title(&problem.kind, options.manifests),
        clean::cut(&problem.service, 100),
        clean::cut(&problem.source_endpoint, 200),
        clean::cut(&problem.template, 300),
        words::seen(problem),
        clean::plain(&problem.suggestion),
    );
    if let Some(note) = place.note() {
        description.push(' ');
        description.push_str(note);
    }
    Issue {
        description,
        check_name: problem.kind.clone(),
        fingerprint: problem.fingerprint.clone(),
        severity: match problem.severity {
            Severity::Info => "info",
            Severity::Warning => "major",
            Severity::Critical => "critical",
        },
        location: Location { path: place.path, lines: Lines { begin: place.line.unwrap_or(1) } },
    }
}
