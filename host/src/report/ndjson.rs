//! One problem per line, then the acknowledged and resolved ones, then a summary: for pipes and log stores.
//!
//! Every line is an object with one key that says what it holds: `problem`, `acknowledged`, `resolved`, `summary`.

use super::{RenderOptions, json, model};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Problem(&'a model::Problem),
    Acknowledged(&'a model::Acknowledged),
    Resolved(&'a model::Problem),
    Summary(Summary<'a>),
}

#[derive(Serialize)]
struct Summary<'a> {
    schema_version: &'a str,
    tool: &'a model::Tool,
    problems: usize,
    acknowledged: usize,
    resolved: usize,
    analysis: &'a model::Analysis,
    quality_gate: &'a model::QualityGate,
    green_summary: &'a model::GreenSummary,
    warnings: &'a [model::Warning],
}

/// Writes the report line by line.
pub fn write(report: &model::Report, _: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let problems = report.problems.iter().map(Line::Problem);
    let acknowledged = report.acknowledged.iter().map(Line::Acknowledged);
    let resolved = report.resolved.iter().map(Line::Resolved);
    for line in problems.chain(acknowledged).chain(resolved) {
        json::write_line(&line, out)?;
    }
    json::write_line(&Line::Summary(summary(report)), out)
}

fn summary(report: &model::Report) -> Summary<'_> {
    Summary {
        schema_version: &report.schema_version,
        tool: &report.tool,
        problems: report.problems.len(),
        acknowledged: report.acknowledged.len(),
        resolved: report.resolved.len(),
        analysis: &report.analysis,
        quality_gate: &report.quality_gate,
        green_summary: &report.green_summary,
        warnings: &report.warnings,
    }
}
