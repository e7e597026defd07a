//! GitHub Actions annotations: one workflow command per line. GitHub keeps ten errors, ten warnings and ten
//! notices of a step and drops the rest without a word, so the rest is counted in a notice here.

use super::{RenderOptions, clean, model, place, quantity, words};
use model::Severity;
use std::io::{self, Write};
use tracewatt_core::gate::Verdict;

/// Annotations of one level that GitHub keeps per step.
const LIMIT: usize = 10;

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Error,
    Warning,
    Notice,
}

/// Writes the verdict and the worst problems as annotations.
pub fn write(report: &model::Report, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (verdict, why) = words::verdict(&report.quality_gate);
    let mut used = [0, 0, 1];
    if verdict != Verdict::Passed {
        used[Level::Error as usize] = 1;
        let text = format!("{}: {why}", words::verdict_word(verdict));
        command(out, Level::Error, &[("title", "tracewatt gate")], &text)?;
    }
    let mut left_out = 0;
    for problem in options.shown(&report.problems) {
        let level = level(problem, &report.quality_gate, options);
        if used[level as usize] == LIMIT {
            left_out += 1;
            continue;
        }
        used[level as usize] += 1;
        annotate(out, problem, level, options)?;
    }
    let text = closing(report, verdict, left_out, options);
    command(out, Level::Notice, &[("title", "tracewatt")], &text)
}

fn level(problem: &model::Problem, gate: &model::QualityGate, options: &RenderOptions<'_>) -> Level {
    match problem.severity {
        _ if words::fails_gate(problem, gate, options) => Level::Error,
        Severity::Critical => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Info => Level::Notice,
    }
}

fn annotate(
    out: &mut dyn Write,
    problem: &model::Problem,
    level: Level,
    options: &RenderOptions<'_>,
) -> io::Result<()> {
    let place = place::of(problem, options);
    let title = format!("{} ({})", words::title(&problem.kind, options.manifests), problem.id);
    let line = place.line.map(|line| line.to_string());
    let mut properties = Vec::new();
    if place.origin != place::Origin::Service {
        properties.push(("file", place.path.as_str()));
        properties.extend(line.as_deref().map(|line| ("line", line)));
    }
    properties.push(("title", title.as_str()));
    let text = format!(
        "{} {}: {}, {}. {}",
        clean::cut(&problem.service, 100),
        clean::cut(&problem.source_endpoint, 200),
        clean::cut(&problem.template, 300),
        words::seen(problem),
        words::fix(problem),
    );
    command(out, level, &properties, &text)
}

fn closing(report: &model::Report, verdict: Verdict, left_out: u64, options: &RenderOptions<'_>) -> String {
    let problems = quantity::counted(report.problems.len() as u64, "problem");
    let mut text = format!("{}: {problems}", words::verdict_word(verdict));
    if let Some(hidden) = options.filter.hidden(&report.problems) {
        text.push_str(&format!(", {hidden}"));
    }
    if !report.acknowledged.is_empty() {
        let n = quantity::count(report.acknowledged.len() as u64);
        text.push_str(&format!(", {n} acknowledged"));
    }
    text.push('.');
    if words::nothing_usable(report) {
        text.push_str(" Nothing could be checked: run tracewatt doctor on the input.");
    }
    if left_out > 0 {
        let rest = quantity::counted(left_out, "problem");
        text.push_str(&format!(
            " {rest} not annotated, as GitHub shows {LIMIT} of a level: see -o markdown or json."
        ));
    }
    text
}

fn command(out: &mut dyn Write, level: Level, properties: &[(&str, &str)], text: &str) -> io::Result<()> {
    let name = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    let properties: Vec<String> =
        properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    writeln!(out, "::{name} {}::{}", properties.join(","), data(text))
}

/// Escapes a message as the runner unescapes it.
fn data(text: &str) -> String {
    // Line ends are spaces after cleaning; the escapes stand in case that ever changes.
    clean::plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property as the runner unescapes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn properties_and_messages_are_escaped() {
        assert_eq!(property("a:b,c%d\ne\u{1b}"), "a%3Ab%2Cc%25d e\u{fffd}");
        assert_eq!(data("a:b,c%0A::error::x"), "a:b,c%250A::error::x");
    }

    #[test]
    fn limits_are_kept_and_the_rest_is_counted() {
        let mut bytes = Vec::new();
        write(&samples::many(90), &RenderOptions::default(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        for level in ["error", "warning", "notice"] {
            let lines = text.lines().filter(|line| line.starts_with(&format!("::{level} ")));
            assert_eq!(lines.count(), LIMIT, "{level}");
        }
        assert!(text.contains("62 problems not annotated"), "{text}");
    }
}
