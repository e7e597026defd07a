//! SARIF 2.1.0 (OASIS standard, errata 01), shaped so that GitHub code scanning takes it: one result per
//! problem, always a physical location, stable partial fingerprints, suppressions for acknowledged problems.
//!
//! A suggested fix goes into the message and the rule's help: `fixes` would need the changed text itself.

use super::clean::{cut, plain};
use super::{HOME_URL, RenderOptions, json, model, place, quantity, words};
use model::{Problem, ProblemStatus, Severity};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use tracewatt_core::gate::Verdict;
use tracewatt_core::plugin::Rule;
use words::BestInstances;

/// Where the schema of the standard lives.
const SCHEMA_URL: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Results GitHub reads of one run (docs.github.com, "SARIF results exceed one or more limits").
const MAX_RESULTS: usize = 25_000;
/// Longest text taken from the input into a message, characters.
const MAX_TEXT: usize = 400;
/// Key under which the fingerprint of a problem stands; the number changes with the fingerprint's definition.
const FINGERPRINT_KEY: &str = "tracewattProblem/v1";

/// Writes the report as SARIF.
pub fn write(report: &model::Report, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    json::write_pretty(&log(report, options), out)
}

/// A problem and what became of it.
struct Entry<'a> {
    problem: &'a Problem,
    acknowledged: Option<&'a model::Acknowledged>,
}

fn log(report: &model::Report, options: &RenderOptions<'_>) -> Value {
    let entries = entries(report);
    let shown = &entries[..entries.len().min(MAX_RESULTS)];
    let rules = Rules::of(shown);
    let best = BestInstances::among(&report.findings);
    let results: Vec<Value> = shown.iter().map(|entry| result(entry, &rules, &best, options)).collect();
    let notifications = notifications(report, entries.len() - shown.len());
    json!({
        "$schema": SCHEMA_URL,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver(report, &rules, &notifications, options) },
            "automationDetails": { "id": options.run_id.map_or("tracewatt/".into(), plain) },
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications":
                    notifications.iter().map(Notification::value).collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {
                "%SRCROOT%": { "description": { "text": "The root of the repository." } },
            },
            "results": results,
        }],
    })
}

/// Every result: problems worst first, then the acknowledged, then those that are gone.
fn entries(report: &model::Report) -> Vec<Entry<'_>> {
    let open = report.problems.iter().map(|problem| Entry { problem, acknowledged: None });
    let acknowledged =
        report.acknowledged.iter().map(|ack| Entry { problem: &ack.problem, acknowledged: Some(ack) });
    let resolved = report.resolved.iter().map(|problem| Entry { problem, acknowledged: None });
    open.chain(acknowledged).chain(resolved).collect()
}

/// Finding types that occur, with their place in the list of rules.
struct Rules<'a>(BTreeMap<&'a str, usize>);

impl<'a> Rules<'a> {
    fn of(entries: &[Entry<'a>]) -> Rules<'a> {
        let kinds: BTreeSet<&str> = entries.iter().map(|entry| entry.problem.kind.as_str()).collect();
        Rules(kinds.into_iter().enumerate().map(|(i, kind)| (kind, i)).collect())
    }
}

fn driver(
    report: &model::Report,
    rules: &Rules<'_>,
    notifications: &[Notification],
    options: &RenderOptions<'_>,
) -> Value {
    let kinds: BTreeSet<&str> = notifications.iter().map(|notification| notification.id.as_str()).collect();
    let descriptors = kinds.into_iter().map(|id| {
        let text = sentence(&words::reason(id));
        // GitHub's rules ask the same of notifications as of rules.
        json!({
            "id": id,
            "name": pascal_case(id),
            "shortDescription": { "text": text },
            "fullDescription": { "text": text },
            "help": { "text": "Says what to know before trusting the results." },
        })
    });
    let mut driver = json!({
        "name": plain(&report.tool.name),
        "version": plain(&report.tool.version),
        "semanticVersion": plain(&report.tool.version),
        "rules": rules.0.keys().map(|kind| descriptor(kind, options)).collect::<Vec<_>>(),
        "notifications": descriptors.collect::<Vec<_>>(),
    });
    if !HOME_URL.is_empty() {
        driver["informationUri"] = HOME_URL.into();
    }
    driver
}

fn descriptor(kind: &str, options: &RenderOptions<'_>) -> Value {
    let title = words::title(kind, options.manifests);
    let rule = words::rule(kind, options.manifests);
    let full = rule.map(|rule| first_paragraph(&rule.page)).filter(|text| !text.is_empty());
    let mut descriptor = json!({
        "id": plain(kind),
        "name": pascal_case(kind),
        "shortDescription": { "text": sentence(&title) },
        "fullDescription": { "text": sentence(&full.unwrap_or_else(|| title.clone())) },
        "help": help(&title, rule),
        "defaultConfiguration": { "level": level(rule.map_or(Severity::Warning, |rule| rule.default_severity)) },
        "properties": {
            "tags": ["performance", "io", "opentelemetry"],
            "problem.severity": match rule.map_or(Severity::Warning, |rule| rule.default_severity) {
                Severity::Critical => "error",
                Severity::Warning => "warning",
                Severity::Info => "recommendation",
            },
        },
    });
    if let Some(url) = words::rule_url(kind) {
        descriptor["helpUri"] = url.into();
    }
    descriptor
}

/// The rule's page, with the advice for each framework the plug-in knows.
fn help(title: &str, rule: Option<&Rule>) -> Value {
    let Some(rule) = rule else {
        return json!({ "text": sentence(title), "markdown": sentence(title) });
    };
    let advice = sentence(&rule.advice);
    let mut markdown = format!("{}\n\n{advice}", lines(&rule.page));
    for fix in &rule.fixes {
        markdown.push_str(&format!("\n\n- `{}`: {}", plain(&fix.framework), plain(&fix.text)));
        if is_web_address(&fix.url) {
            markdown.push_str(&format!(" <{}>", plain(&fix.url)));
        }
    }
    json!({ "text": format!("{title}. {advice}"), "markdown": markdown })
}

fn result(
    entry: &Entry<'_>,
    rules: &Rules<'_>,
    best: &BestInstances<'_>,
    options: &RenderOptions<'_>,
) -> Value {
    let problem = entry.problem;
    let place = place::of(problem, options);
    let mut result = json!({
        "ruleId": plain(&problem.kind),
        "ruleIndex": rules.0.get(problem.kind.as_str()),
        "level": level(problem.severity),
        "rank": rank(problem.confidence),
        "message": { "text": message(problem, &place, options) },
        "locations": [location(problem, &place)],
        "occurrenceCount": problem.instances.max(1),
        "partialFingerprints": { FINGERPRINT_KEY: digest(problem) },
        "fingerprints": { "tracewatt/v1": plain(&problem.fingerprint) },
        "properties": properties(problem, best),
    });
    if let Some(state) = problem.status.map(baseline_state) {
        result["baselineState"] = state.into();
    }
    if let Some(acknowledged) = entry.acknowledged {
        result["suppressions"] = json!([suppression(acknowledged)]);
    }
    result
}

fn message(problem: &Problem, place: &place::Place, options: &RenderOptions<'_>) -> String {
    let mut parts = vec![format!(
        "{} in '{}', '{}': '{}', {}.",
        words::title(&problem.kind, options.manifests),
        cut(&problem.service, MAX_TEXT),
        cut(&problem.source_endpoint, MAX_TEXT),
        cut(&problem.template, MAX_TEXT),
        words::seen(problem),
    )];
    parts.push(sentence(&problem.suggestion));
    if let Some(fix) = &problem.suggested_fix {
        parts.push(sentence(&format!("For {}: {}", fix.framework, fix.recommendation)));
        if let Some(url) = fix.reference_url.as_deref().filter(|url| is_web_address(url)) {
            parts.push(format!("See {} .", plain(url)));
        }
    }
    parts.extend(place.note().map(str::to_owned));
    parts.push(format!("Problem {}.", plain(&problem.id)));
    // "[text](target)" is a link in a message; nothing of ours is one.
    parts.join(" ").replace("](", "] (")
}

fn location(problem: &Problem, place: &place::Place) -> Value {
    let service = cut(&problem.service, MAX_TEXT);
    let endpoint = cut(&problem.source_endpoint, MAX_TEXT);
    let full_name = format!("{service} {endpoint}");
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": place::uri(&place.path), "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": place.line.unwrap_or(1) },
        },
        "logicalLocations": [
            { "name": endpoint, "kind": "function", "fullyQualifiedName": full_name },
            { "name": service, "kind": "module", "fullyQualifiedName": service },
        ],
    })
}

fn properties(problem: &Problem, best: &BestInstances<'_>) -> Value {
    let mut properties = json!({
        "problemId": plain(&problem.id),
        "signature": plain(&problem.signature),
        "confidence": problem.confidence,
        "confidenceLevel": words::confidence_level(problem.confidence_level),
        "occurrences": problem.occurrences,
        "avoidableRoundTrips": problem.green_impact.estimated_extra_io_ops,
    });
    if let Some(finding) = best.of(problem) {
        properties["evidence"] = words::evidence(finding).into();
    }
    if let Some(grouping) = &problem.grouping {
        properties["grouping"] = plain(grouping).into();
    }
    properties
}

fn suppression(acknowledged: &model::Acknowledged) -> Value {
    json!({
        "kind": "external",
        "status": "accepted",
        "justification": plain(&acknowledged.reason),
        "properties": {
            "acknowledgedBy": plain(&acknowledged.acknowledged_by),
            "acknowledgedAt": plain(&acknowledged.acknowledged_at),
            "expiresAt": acknowledged.expires_at.as_deref().map(plain),
        },
    })
}

/// Something the reader should know about the run.
struct Notification {
    id: String,
    level: &'static str,
    text: String,
}

impl Notification {
    fn new(id: &str, level: &'static str, text: &str) -> Notification {
        Notification { id: plain(id).into_owned(), level, text: sentence(text) }
    }

    fn value(&self) -> Value {
        json!({ "descriptor": { "id": self.id }, "level": self.level, "message": { "text": self.text } })
    }
}

fn notifications(report: &model::Report, left_out: usize) -> Vec<Notification> {
    let mut all = Vec::new();
    if left_out > 0 {
        let rest = quantity::counted(left_out as u64, "result");
        let text = format!("{rest} left out at the limit of {MAX_RESULTS}, the least severe ones");
        all.push(Notification::new("results_cut", "warning", &text));
    }
    match (words::verdict(&report.quality_gate), &report.quality_gate.undecided) {
        ((Verdict::Undecided, why), _) => {
            all.push(Notification::new("no_verdict", "error", &format!("No verdict: {why}")));
        }
        ((Verdict::Failed, why), Some(_)) => {
            all.push(Notification::new("incomplete_verdict", "warning", &format!("Failed: {why}")));
        }
        _ => {}
    }
    if words::nothing_usable(report) {
        all.push(Notification::new("nothing_usable", "error", "The input holds no usable outbound call"));
    }
    if report.analysis.incomplete {
        all.push(Notification::new(
            "incomplete_input",
            "warning",
            "The input is incomplete, problems may be missing",
        ));
    }
    for warning in &report.warnings {
        all.push(Notification::new(&warning.kind, "warning", &warning.message));
    }
    for (reason, n) in report.analysis.losses.iter().filter(|(_, n)| **n > 0) {
        all.push(Notification::new(
            reason,
            "note",
            &format!("{}: {}", words::reason(reason), quantity::count(*n)),
        ));
    }
    all
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Critical => "error",
    }
}

fn baseline_state(status: ProblemStatus) -> &'static str {
    match status {
        ProblemStatus::New => "new",
        ProblemStatus::Existing => "unchanged",
        ProblemStatus::Resolved => "absent",
    }
}

/// Returns the confidence on SARIF's scale of 0 to 100, with one decimal.
fn rank(confidence: f64) -> f64 {
    if confidence.is_finite() { (confidence.clamp(0.0, 1.0) * 1000.0).round() / 10.0 } else { 0.0 }
}

/// Returns the hexadecimal digits of the fingerprint, without its version.
fn digest(problem: &Problem) -> &str {
    problem.fingerprint.rsplit_once(':').map_or(problem.fingerprint.as_str(), |(_, digits)| digits)
}

/// Returns the text on one line with a full stop at its end.
fn sentence(text: &str) -> String {
    let text = plain(text.trim()).into_owned();
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

/// Returns the first paragraph of a page that is no heading.
fn first_paragraph(page: &str) -> String {
    let mut paragraphs = page.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
    paragraphs.find(|text| !text.starts_with('#')).map(|text| plain(text).into_owned()).unwrap_or_default()
}

/// Returns a text of several lines, each of them plain.
fn lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

fn pascal_case(kind: &str) -> String {
    let words = kind.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    words.map(capital).collect()
}

fn is_web_address(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) && !url.contains([' ', '<', '>'])
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    const SCHEMA: &str = include_str!("testdata/sarif-schema-2.1.0.json");

    fn render(report: &model::Report) -> Value {
        let manifests = samples::manifests();
        log(report, &RenderOptions { manifests: &manifests, ..Default::default() })
    }

    #[test]
    fn documents_are_what_the_standard_says() {
        // One pattern of the published schema has a stray bracket, which a strict reader refuses.
        let schema: Value = serde_json::from_str(&SCHEMA.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$")).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for report in [samples::empty(), samples::blind(), samples::typical(), samples::hostile()] {
            let value = render(&report);
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new());
        }
        let mut wrong = render(&samples::typical());
        wrong["runs"][0]["results"][0]["logicalLocations"] = json!([]);
        assert!(!validator.is_valid(&wrong), "the schema refuses what the standard does not know");
    }

    #[test]
    fn every_result_has_a_location_and_a_rule() {
        for report in [samples::typical(), samples::hostile()] {
            let value = render(&report);
            let run = &value["runs"][0];
            for result in run["results"].as_array().unwrap() {
                let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
                assert!(uri.as_str().is_some_and(|uri| !uri.is_empty() && !uri.contains("..")), "{uri}");
                let index = result["ruleIndex"].as_u64().unwrap() as usize;
                assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
            }
        }
    }

    #[test]
    fn results_over_the_limit_are_cut_and_it_is_said() {
        let value = render(&samples::many(MAX_RESULTS + 5));
        let run = &value["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), MAX_RESULTS);
        assert_eq!(run["results"][0]["level"], "error");
        let text = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert_eq!(text, "7 results left out at the limit of 25000, the least severe ones.");
    }
}
