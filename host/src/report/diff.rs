//! What changed between two reports: for people, as JSON, and as a pull request comment.

use super::clean::{cut, pad};
use super::markdown::{self, Comment, code};
use super::quantity::{JOULES_PER_KWH, carbon, count, counted, joules, micros, number, percent};
use super::text::{self, Ink, Page};
use super::{RenderOptions, json, model, words};
use std::io::{self, Write};
use tracewatt_core::gate::{Diff, EndpointDelta, FigureDelta, ProblemChange, SeverityChange};

/// Endpoints and changed problems listed by the text and the comment.
const MAX_ENTRIES: usize = 20;

/// Writes the changes for people; the last line counts them.
pub fn write_text(diff: &Diff, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options);
    let line = page.paint(Ink::Bold, "tracewatt diff");
    page.line(&line);
    section(&mut page, "New problems", '+', Ink::Red, &diff.new_problems, |p| problem(p, options));
    section(&mut page, "Resolved problems", '-', Ink::Green, &diff.resolved_problems, |p| {
        text::one_line(p, options)
    });
    section(&mut page, "Other severity", '!', Ink::Yellow, &diff.severity_changes, |c| severity(c, options));
    section(&mut page, "Other figures", '~', Ink::Dim, &diff.problem_changes, |c| change(c, options));
    section(&mut page, "Endpoints", '~', Ink::Dim, &diff.endpoint_metric_deltas, endpoint);
    totals(&mut page, diff);
    page.line(&format!("\n{}", summary(diff)));
    out.write_all(page.text.as_bytes())
}

/// Writes the changes as JSON.
pub fn write_json(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    json::write_pretty(diff, out)
}

/// Writes the changes as a comment for a pull request, see [`markdown::LIMIT`].
pub fn write_markdown(diff: &Diff, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut comment = Comment { text: String::new() };
    comment.push(&format!("### tracewatt diff\n\n{}\n\n", summary(diff)));
    let new = diff.new_problems.iter().map(|problem| {
        let seen = words::seen(problem);
        let line = markdown::one_line(problem, options);
        format!("- {} {line}: {}, {seen}\n", words::severity(problem.severity), code(&problem.template, 300))
    });
    comment.folded("New problems", "", new.collect());
    let gone = diff.resolved_problems.iter().map(|p| format!("- {}\n", markdown::one_line(p, options)));
    comment.folded("Resolved problems", "", gone.collect());
    let severities = diff.severity_changes.iter().map(|change| {
        let (before, after) =
            (words::severity(change.before_severity), words::severity(change.after_severity));
        format!("- {}: {before} → {after}\n", markdown::one_line(&change.problem, options))
    });
    comment.folded("Other severity", "", severities.collect());
    let changes = diff.problem_changes.iter().map(|change| {
        let what = figures(change);
        format!("- {} {}: {what}\n", code(&change.id, 70), code(&change.source_endpoint, 100))
    });
    comment.folded("Other figures", "", changes.collect());
    let head = "| Endpoint | Round trips before | after |\n|---|---|---|\n";
    let rows = diff.endpoint_metric_deltas.iter().map(|delta| {
        let name = format!("{} {}", delta.service, delta.endpoint);
        format!("| {} | {} | {} |\n", code(&name, 160), count(delta.before_io_ops), count(delta.after_io_ops))
    });
    comment.folded("Endpoints", head, rows.collect());
    let head = "| Total | before | after |\n|---|---|---|\n";
    let rows = diff.totals.iter().map(|(name, figure)| {
        let show = unit(name);
        format!("| {} | {} | {} |\n", markdown::prose(&label(name)), show(figure.before), show(figure.after))
    });
    comment.folded("Totals", head, rows.collect());
    out.write_all(comment.text.as_bytes())
}

/// Returns the counts in one line: `2 new problems, 1 resolved, 1 got worse, 0 got better`.
fn summary(diff: &Diff) -> String {
    let worse =
        diff.severity_changes.iter().filter(|change| change.after_severity > change.before_severity).count();
    let better = diff.severity_changes.len() - worse;
    format!(
        "{}, {} resolved, {worse} got worse, {better} got better",
        counted(diff.new_problems.len() as u64, "new problem"),
        count(diff.resolved_problems.len() as u64),
    )
}

fn section<T>(
    page: &mut Page,
    title: &str,
    mark: char,
    ink: Ink,
    entries: &[T],
    line: impl Fn(&T) -> String,
) {
    if entries.is_empty() {
        return;
    }
    page.heading(title);
    for entry in entries.iter().take(MAX_ENTRIES) {
        let text = cut(&line(entry), page.width - 4);
        let mark = page.paint(ink, &mark.to_string());
        page.line(&format!("  {mark} {text}"));
    }
    if entries.len() > MAX_ENTRIES {
        let rest = count((entries.len() - MAX_ENTRIES) as u64);
        page.line(&format!("  ... {rest} more: -o json"));
    }
}

fn problem(problem: &model::Problem, options: &RenderOptions<'_>) -> String {
    let severity = words::severity(problem.severity);
    format!("{severity} {}: {}", text::one_line(problem, options), words::seen(problem))
}

fn severity(change: &SeverityChange, options: &RenderOptions<'_>) -> String {
    let (before, after) = (words::severity(change.before_severity), words::severity(change.after_severity));
    format!("{before} -> {after}: {}", text::one_line(&change.problem, options))
}

fn change(change: &ProblemChange, options: &RenderOptions<'_>) -> String {
    let title = words::title(&change.kind, options.manifests);
    format!("{} {title}, {}: {}", change.id, change.source_endpoint, figures(change))
}

/// Returns the figures that changed: `occurrences 120 -> 240, p95 1.2 ms -> 3 ms`.
fn figures(change: &ProblemChange) -> String {
    let counts = [
        ("traces", change.instances),
        ("occurrences", change.occurrences),
        ("in the worst trace", change.worst_occurrences),
        ("per request", change.io_intensity_score),
    ];
    let counts = counts.into_iter().filter(|(_, figure)| figure.before != figure.after);
    let mut parts: Vec<String> = counts.map(|(name, figure)| arrow(name, figure, number)).collect();
    parts.extend(change.p95_us.filter(|p95| p95.before != p95.after).map(|p95| arrow("p95", p95, micros)));
    parts.join(", ")
}

fn arrow(name: &str, figure: FigureDelta, show: fn(f64) -> String) -> String {
    format!("{name} {} -> {}", show(figure.before), show(figure.after))
}

fn endpoint(delta: &EndpointDelta) -> String {
    let sign = if delta.delta < 0 { "-" } else { "+" };
    let size = count(delta.delta.unsigned_abs());
    let (before, after) = (count(delta.before_io_ops), count(delta.after_io_ops));
    let score = arrow("per request", delta.io_intensity_score, number);
    format!("{sign}{size} round trips ({before} -> {after}; {score})  {} {}", delta.service, delta.endpoint)
}

fn totals(page: &mut Page, diff: &Diff) {
    if diff.totals.is_empty() {
        return;
    }
    page.heading("Totals");
    let longest = diff.totals.keys().map(|name| label(name).chars().count()).max().unwrap_or(0);
    for (name, figure) in &diff.totals {
        let show = unit(name);
        let label = pad(&label(name), longest);
        page.line(&format!("  {label}  {} -> {}", show(figure.before), show(figure.after)));
    }
}

fn label(name: &str) -> String {
    match name {
        "total_io_ops" => "round trips".to_owned(),
        "avoidable_io_ops" => "avoidable round trips".to_owned(),
        "io_waste_ratio" => "avoidable share".to_owned(),
        "energy_kwh" => "energy".to_owned(),
        "co2_gco2" => "carbon".to_owned(),
        name => words::reason(name),
    }
}

fn unit(name: &str) -> fn(f64) -> String {
    match name {
        "io_waste_ratio" => percent,
        "energy_kwh" => |kwh| joules(kwh * JOULES_PER_KWH),
        "co2_gco2" => carbon,
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn sample() -> Diff {
        let (before, mut after) = (samples::empty(), samples::typical());
        after.problems.extend(samples::hostile().problems);
        let mut diff = tracewatt_core::gate::diff(&before, &after);
        diff.resolved_problems = after.resolved.clone();
        diff.severity_changes = vec![SeverityChange {
            problem: samples::n_plus_one(),
            before_severity: model::Severity::Info,
            after_severity: model::Severity::Critical,
        }];
        diff.problem_changes = vec![ProblemChange {
            id: "a1b2c3d4".into(),
            kind: "n_plus_one_sql".into(),
            source_endpoint: "GET /orders/{id}".into(),
            occurrences: FigureDelta { before: 120.0, after: 240.0 },
            p95_us: Some(FigureDelta { before: 1_200.0, after: 3_000.0 }),
            ..Default::default()
        }];
        diff
    }

    fn render(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn changes_in_every_form() {
        let (diff, options) = (sample(), RenderOptions::default());
        insta::assert_snapshot!("diff.text", render(|out| write_text(&diff, &options, out)));
        insta::assert_snapshot!("diff.markdown", render(|out| write_markdown(&diff, &options, out)));
        let written = render(|out| write_json(&diff, out));
        assert_eq!(serde_json::from_str::<Diff>(&written).unwrap(), diff);
    }

    #[test]
    fn no_change_is_said() {
        let diff = Diff::default();
        let text = render(|out| write_text(&diff, &RenderOptions::default(), out));
        assert_eq!(text, "tracewatt diff\n\n0 new problems, 0 resolved, 0 got worse, 0 got better\n");
    }
}
