//! JUnit XML: the gate is a suite with a case per rule, every service a suite with a case per problem. A case
//! fails only when the gate does because of it; the others pass and say in `system-out` what was seen.

use super::{RenderOptions, clean, model, quantity, words};
use std::collections::BTreeMap;
use std::io::{self, Write};
use tracewatt_core::gate::{self, Verdict};
use words::BestInstances;

/// Writes the report as JUnit XML.
pub fn write(report: &model::Report, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut suites = vec![gate_suite(&report.quality_gate)];
    let mut services: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    let best = BestInstances::among(&report.findings);
    for problem in &report.problems {
        let case = problem_case(problem, &report.quality_gate, &best, options);
        services.entry(&problem.service).or_default().push(case);
    }
    for acknowledged in &report.acknowledged {
        let case = acknowledged_case(acknowledged, &best, options);
        services.entry(&acknowledged.problem.service).or_default().push(case);
    }
    suites.extend(services.into_iter().map(|(name, cases)| Suite { name: name.to_owned(), cases }));
    write_suites(&suites, out)
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    class: String,
    outcome: Outcome,
    details: String,
}

enum Outcome {
    Passed,
    Failed { kind: String, message: String },
    Error { message: String },
    Skipped { message: String },
}

fn gate_suite(gate: &model::QualityGate) -> Suite {
    let mut cases: Vec<Case> = gate.rules.iter().map(rule_case).collect();
    if let Some(why) = &gate.undecided {
        // Where a rule is broken, that is the verdict, and what is missing cannot take it back.
        let (outcome, details) = match gate::verdict(gate) {
            Verdict::Failed => (Outcome::Passed, format!("failed by a rule; also, {why}")),
            Verdict::Passed | Verdict::Undecided => {
                (Outcome::Error { message: format!("no verdict: {why}") }, String::new())
            }
        };
        cases.push(Case { name: "verdict".to_owned(), class: "gate".to_owned(), outcome, details });
    }
    Suite { name: "quality gate".to_owned(), cases }
}

fn rule_case(rule: &model::GateRule) -> Case {
    let details =
        format!("{} measured, limit {}", quantity::number(rule.actual), quantity::number(rule.threshold));
    let outcome = match rule.passed {
        true => Outcome::Passed,
        false => Outcome::Failed { kind: "gate".to_owned(), message: details.clone() },
    };
    Case { name: rule.rule.clone(), class: "gate".to_owned(), outcome, details }
}

fn problem_case(
    problem: &model::Problem,
    gate: &model::QualityGate,
    best: &BestInstances<'_>,
    options: &RenderOptions<'_>,
) -> Case {
    let title = words::title(&problem.kind, options.manifests);
    let outcome = match words::fails_gate(problem, gate, options) {
        true => Outcome::Failed {
            kind: problem.kind.clone(),
            message: format!("{title}: {}", words::seen(problem)),
        },
        false => Outcome::Passed,
    };
    Case { name: case_name(problem, &title), class: class(problem), outcome, details: details(problem, best) }
}

fn acknowledged_case(
    acknowledged: &model::Acknowledged,
    best: &BestInstances<'_>,
    options: &RenderOptions<'_>,
) -> Case {
    let problem = &acknowledged.problem;
    let message = format!("acknowledged by {}: {}", acknowledged.acknowledged_by, acknowledged.reason);
    Case {
        name: case_name(problem, &words::title(&problem.kind, options.manifests)),
        class: class(problem),
        outcome: Outcome::Skipped { message },
        details: details(problem, best),
    }
}

fn case_name(problem: &model::Problem, title: &str) -> String {
    format!("{title} [{}] {}", problem.id, clean::cut(&problem.template, 120))
}

fn class(problem: &model::Problem) -> String {
    format!("{} {}", problem.service, problem.source_endpoint)
}

fn details(problem: &model::Problem, best: &BestInstances<'_>) -> String {
    let mut lines = vec![
        format!("severity: {}", words::severity(problem.severity)),
        format!("operation: {}", problem.template),
        format!("seen: {}", words::seen(problem)),
        format!("confidence: {}", words::confidence(problem, best)),
    ];
    lines.extend(problem.durations.as_ref().map(|d| format!("time: {}", words::durations(d))));
    lines.extend(
        problem.code_location.as_ref().and_then(words::code_location).map(|code| format!("code: {code}")),
    );
    lines.push(format!("fix: {}", words::fix(problem)));
    lines.extend(problem.suggested_fix.as_ref().and_then(|fix| fix.reference_url.clone()));
    lines.push(format!("acknowledge with: tracewatt ack add {} --reason \"...\"", problem.id));
    lines.iter().map(|line| clean::plain(line)).collect::<Vec<_>>().join("\n")
}

fn write_suites(suites: &[Suite], out: &mut dyn Write) -> io::Result<()> {
    let cases = || suites.iter().flat_map(|suite| &suite.cases);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"tracewatt\" {}>", totals(cases()))?;
    for suite in suites {
        writeln!(out, "  <testsuite name=\"{}\" {}>", escape(&suite.name), totals(suite.cases.iter()))?;
        for case in &suite.cases {
            write_case(case, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn totals<'a>(cases: impl Iterator<Item = &'a Case>) -> String {
    let mut totals = [0; 4];
    for case in cases {
        totals[0] += 1;
        match case.outcome {
            Outcome::Passed => {}
            Outcome::Failed { .. } => totals[1] += 1,
            Outcome::Error { .. } => totals[2] += 1,
            Outcome::Skipped { .. } => totals[3] += 1,
        }
    }
    let [tests, failures, errors, skipped] = totals;
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
}

fn write_case(case: &Case, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "    <testcase name=\"{}\" classname=\"{}\">", escape(&case.name), escape(&case.class))?;
    match &case.outcome {
        Outcome::Passed => {}
        Outcome::Failed { kind, message } => {
            let (kind, message, body) = (escape(kind), escape(message), escape_lines(&case.details));
            writeln!(out, "      <failure type=\"{kind}\" message=\"{message}\">{body}</failure>")?;
        }
        Outcome::Error { message } => writeln!(out, "      <error message=\"{}\"/>", escape(message))?,
        Outcome::Skipped { message } => writeln!(out, "      <skipped message=\"{}\"/>", escape(message))?,
    }
    if !matches!(case.outcome, Outcome::Failed { .. }) && !case.details.is_empty() {
        writeln!(out, "      <system-out>{}</system-out>", escape_lines(&case.details))?;
    }
    writeln!(out, "    </testcase>")
}

fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Escapes a text for XML 1.0, attribute or content; characters XML cannot hold become U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean::plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_holds_what_it_can() {
        assert_eq!(
            escape("a<b>&\"c\"\u{0}\u{b}\u{ffff}\n]]>"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}\u{fffd}\u{fffd} ]]&gt;"
        );
    }
}
