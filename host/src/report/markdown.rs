//! A comment for a pull request: verdict, table of the worst problems, details folded. It stays below what
//! GitHub takes, and says what it left out.
//!
//! Every string of the input stands in `<code>` with its markup as character references, so it can neither
//! break the table nor ping a person.

use super::clean::{cut, plain};
use super::quantity::{
    JOULES_PER_KWH, bounds, carbon_within, count, counted, joules_within, number, percent,
};
use super::{RenderOptions, model, words};
use model::{ProblemStatus, Severity};
use std::io::{self, Write};
use tracewatt_core::gate::Verdict;
use words::BestInstances;

/// Longest comment, bytes. GitHub takes 65,536 characters; a workflow may add a heading of its own.
pub const LIMIT: usize = 60_000;
/// Kept free for the sentences that say what was cut.
const RESERVE: usize = 400;
/// Rows of the table.
const MAX_ROWS: usize = 50;

/// Writes the report as a comment.
pub fn write(report: &model::Report, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut comment = Comment { text: String::new() };
    comment.head(report, options);
    let order = new_first(&options.shown(&report.problems));
    comment.table(&order, options);
    comment.gate(&report.quality_gate);
    comment.green(&report.green_summary);
    comment.notes(report);
    comment.acknowledged(report, options);
    comment.resolved(report, options);
    comment.details(&order, report, options);
    out.write_all(comment.text.as_bytes())
}

/// New problems first, each group worst first as in the report.
fn new_first<'p>(problems: &[&'p model::Problem]) -> Vec<&'p model::Problem> {
    let is_new = |problem: &&&model::Problem| problem.status == Some(ProblemStatus::New);
    let old = problems.iter().filter(|problem| !is_new(problem));
    problems.iter().filter(is_new).chain(old).copied().collect()
}

/// The comment in the making.
pub(super) struct Comment {
    pub(super) text: String,
}

impl Comment {
    /// Appends the piece if it fits, and says whether it did.
    pub(super) fn push(&mut self, piece: &str) -> bool {
        let fits = self.text.len() + piece.len() <= LIMIT - RESERVE;
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    /// Appends pieces until one does not fit, and returns how many are in.
    pub(super) fn push_all(&mut self, pieces: impl Iterator<Item = String>) -> usize {
        pieces.take_while(|piece| self.push(piece)).count()
    }

    /// Appends a folded section whose entries may be cut.
    pub(super) fn folded(&mut self, title: &str, head: &str, entries: Vec<String>) {
        let total = entries.len();
        let open = format!("<details><summary>{title}</summary>\n\n{head}");
        if total == 0 || !self.push(&open) {
            return;
        }
        let shown = self.push_all(entries.into_iter());
        if shown < total {
            self.text.push_str(&format!("\n{} more left out.\n", count((total - shown) as u64)));
        }
        self.text.push_str("\n</details>\n\n");
    }

    fn head(&mut self, report: &model::Report, options: &RenderOptions<'_>) {
        let (verdict, why) = words::verdict(&report.quality_gate);
        let mark = match verdict {
            Verdict::Passed => "✅",
            Verdict::Failed => "❌",
            Verdict::Undecided => "⚠️",
        };
        let why = prose(&cut(&why, 500));
        self.push(&format!(
            "### {mark} tracewatt: {}\n\n{why}. ",
            words::verdict_word(verdict).to_lowercase()
        ));
        let analysis = &report.analysis;
        let mut line = format!(
            "{} in {} of {}",
            counted(report.problems.len() as u64, "problem"),
            counted(analysis.spans_received, "span"),
            counted(analysis.traces_analyzed, "trace"),
        );
        let new = report.problems.iter().filter(|problem| problem.status == Some(ProblemStatus::New)).count();
        if report.problems.iter().any(|problem| problem.status.is_some()) || !report.resolved.is_empty() {
            line.push_str(&format!(": **{new} new**, {} resolved", report.resolved.len()));
        }
        if let Some(hidden) = options.filter.hidden(&report.problems) {
            line.push_str(&format!(" ({})", prose(&cut(&hidden, 300))));
        }
        self.push(&format!("{line}.\n\n"));
        if words::nothing_usable(report) {
            self.push("> **Nothing could be checked:** the input holds no usable outbound call. Run `tracewatt doctor` on it.\n\n");
        } else if report.problems.is_empty() {
            self.push(&format!("Checked: {}.\n\n", words::checked(report)));
        }
        if analysis.incomplete {
            self.push("> The input is incomplete: problems may be missing.\n\n");
        }
    }

    fn table(&mut self, problems: &[&model::Problem], options: &RenderOptions<'_>) {
        if problems.is_empty() {
            return;
        }
        self.push("| | Problem | Where | Operation | Seen | Saves |\n|---|---|---|---|---|---|\n");
        let rows = problems.iter().take(MAX_ROWS).map(|problem| row(problem, options));
        let shown = self.push_all(rows);
        self.text.push('\n');
        if shown < problems.len() {
            let rest = count((problems.len() - shown) as u64);
            self.text.push_str(&format!("{rest} more are in the JSON report.\n\n"));
        }
    }

    fn gate(&mut self, gate: &model::QualityGate) {
        let entries = gate.rules.iter().map(|rule| {
            let mark = if rule.passed { "✅" } else { "❌" };
            format!(
                "| {mark} | {} | {} | {} |\n",
                code(&rule.rule, 100),
                number(rule.actual),
                number(rule.threshold)
            )
        });
        self.folded("Gate", "| | Rule | Measured | Limit |\n|---|---|---|---|\n", entries.collect());
    }

    fn green(&mut self, green: &model::GreenSummary) {
        if green.total_io_ops == 0 {
            return;
        }
        let mut entries = vec![format!(
            "- round trips: {}, avoidable {} ({})\n",
            count(green.total_io_ops),
            count(green.avoidable_io_ops),
            percent(green.io_waste_ratio)
        )];
        if let Some(energy) = &green.energy_kwh {
            entries.push(format!("- energy: {}\n", joules_within(bounds(energy, JOULES_PER_KWH))));
        }
        if let Some(co2) = &green.co2 {
            entries.push(match &co2.total {
                Some(total) => format!("- carbon: {}\n", carbon_within(bounds(total, 1.0))),
                None => "- carbon: not known, as no region is\n".to_owned(),
            });
            if co2.unpriced_io_ops > 0 {
                let unpriced = counted(co2.unpriced_io_ops, "round trip");
                entries.push(format!("- region not known, no operational carbon: {unpriced}\n"));
            }
        }
        self.folded("I/O, energy and carbon", "", entries);
    }

    fn notes(&mut self, report: &model::Report) {
        let warnings = report.warnings.iter();
        let warnings = warnings.map(|warning| {
            format!("- {}: {}\n", code(&warning.kind, 60), prose(&cut(&warning.message, 400)))
        });
        let losses = report.analysis.losses.iter().filter(|(_, n)| **n > 0);
        let losses =
            losses.map(|(reason, n)| format!("- {}: {}\n", code(&words::reason(reason), 60), count(*n)));
        self.folded("Warnings and losses", "", warnings.chain(losses).collect());
    }

    fn acknowledged(&mut self, report: &model::Report, options: &RenderOptions<'_>) {
        let shown = report.acknowledged.iter().filter(|ack| options.filter.shows(&ack.problem));
        let entries = shown.map(|ack| {
            let until =
                ack.expires_at.as_ref().map(|at| format!(", until {}", code(at, 40))).unwrap_or_default();
            let reason = prose(&cut(&ack.reason, 300));
            format!(
                "- {}: {reason} ({}{until})\n",
                one_line(&ack.problem, options),
                code(&ack.acknowledged_by, 60)
            )
        });
        self.folded("Acknowledged", "", entries.collect());
    }

    fn resolved(&mut self, report: &model::Report, options: &RenderOptions<'_>) {
        let shown = options.shown(&report.resolved).into_iter();
        let entries = shown.map(|problem| format!("- {}\n", one_line(problem, options)));
        self.folded("Resolved since the baseline", "", entries.collect());
    }

    fn details(&mut self, problems: &[&model::Problem], report: &model::Report, options: &RenderOptions<'_>) {
        let best = BestInstances::among(&report.findings);
        let entries = problems.iter().take(MAX_ROWS).map(|problem| detail(problem, &best, options));
        self.folded("Details and fixes", "", entries.collect());
    }
}

fn row(problem: &model::Problem, options: &RenderOptions<'_>) -> String {
    let new = if problem.status == Some(ProblemStatus::New) { " **new**" } else { "" };
    let saves = match problem.green_impact.estimated_extra_io_ops {
        0 => String::new(),
        n => counted(n, "round trip"),
    };
    format!(
        "| {} {} | {}{new}<br>{} | {}<br>{} | {} | {} | {saves} |\n",
        dot(problem.severity),
        words::severity(problem.severity),
        prose(&cut(&words::title(&problem.kind, options.manifests), 60)),
        code(&problem.id, 70),
        code(&problem.service, 60),
        code(&problem.source_endpoint, 100),
        code(&problem.template, 120),
        words::seen(problem),
    )
}

fn detail(problem: &model::Problem, best: &BestInstances<'_>, options: &RenderOptions<'_>) -> String {
    let mut lines = vec![
        format!("**{}**\n", one_line(problem, options)),
        format!("- operation: {}", code(&problem.template, 1000)),
    ];
    if let Some(durations) = &problem.durations {
        lines.push(format!("- time: {}", words::durations(durations)));
    }
    if let Some(location) = problem.code_location.as_ref().and_then(words::code_location) {
        lines.push(format!("- source: {}", code(&location, 300)));
    }
    lines.push(format!("- confidence: {}", prose(&words::confidence(problem, best))));
    let fix = problem.suggested_fix.as_ref();
    let text = fix.map_or(&problem.suggestion, |fix| &fix.recommendation);
    let framework = fix.map(|fix| format!(" ({})", code(&fix.framework, 60))).unwrap_or_default();
    lines.push(format!("- fix: {}{framework}", prose(&cut(text, 1000))));
    if let Some(url) = fix.and_then(|fix| fix.reference_url.as_deref()).filter(|url| is_web_address(url)) {
        lines.push(format!("- see <{url}>"));
    }
    lines.push(format!(
        "- acknowledge with: `tracewatt ack add {} --reason \"...\"`\n\n",
        plain_id(&problem.id)
    ));
    lines.join("\n")
}

pub(super) fn one_line(problem: &model::Problem, options: &RenderOptions<'_>) -> String {
    let title = prose(&cut(&words::title(&problem.kind, options.manifests), 60));
    format!(
        "{} {title}, {} {}",
        code(&problem.id, 70),
        code(&problem.service, 60),
        code(&problem.source_endpoint, 100)
    )
}

fn dot(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "🔵",
        Severity::Warning => "🟡",
        Severity::Critical => "🔴",
    }
}

fn plain_id(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn is_web_address(url: &str) -> bool {
    let safe = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '`' | '|' | '\\');
    (url.starts_with("https://") || url.starts_with("http://")) && url.chars().all(safe)
}

/// Returns a string of the input, cut, as inline code that nothing can break out of.
pub(super) fn code(text: &str, width: usize) -> String {
    let mut html = String::from("<code>");
    for c in cut(text, width).chars() {
        match c {
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '@' | ':' | '!'
            | '$' => {
                html.push_str(&format!("&#{};", u32::from(c)));
            }
            c => html.push(c),
        }
    }
    html.push_str("</code>");
    html
}

/// Returns a sentence as Markdown text: markup escaped, no mention of a person, no reference to an issue.
pub(super) fn prose(text: &str) -> String {
    let mut markdown = String::new();
    for c in plain(text).chars() {
        match c {
            '&' => markdown.push_str("&amp;"),
            '<' => markdown.push_str("&lt;"),
            '>' => markdown.push_str("&gt;"),
            '@' | '#' => {
                markdown.push(c);
                markdown.push_str("<!-- -->");
            }
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '$' => {
                markdown.push('\\');
                markdown.push(c);
            }
            c => markdown.push(c),
        }
    }
    markdown
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(
            code("a|b`</code>@x\u{1b}", 40),
            "<code>a&#124;b&#96;&#60;/code&#62;&#64;x\u{fffd}</code>"
        );
        assert_eq!(prose("@EntityGraph a_b #1 <b>"), "@<!-- -->EntityGraph a\\_b #<!-- -->1 &lt;b&gt;");
    }

    #[test]
    fn a_long_report_stays_below_the_limit_and_says_so() {
        let mut report = samples::many(5_000);
        for problem in &mut report.problems {
            problem.template = "|".repeat(900);
        }
        let mut bytes = Vec::new();
        write(&report, &RenderOptions::default(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.len() <= LIMIT, "{}", text.len());
        assert!(text.contains("4,950 more are in the JSON report."), "{}", &text[..2000]);
        assert!(text.contains("more left out."));
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }
}
