//! Phrases that several formats share: titles of finding types, evidence, losses and the verdict in words.

use super::quantity::{count, counted, micros, number, percent};
use super::{HOME_URL, RenderOptions, clean, model};
use model::{ConfidenceLevel, ProblemStatus, Severity};
use serde_json::Value;
use std::collections::BTreeMap;
use tracewatt_core::finding::framework::IDS;
use tracewatt_core::gate::{self, Verdict};
use tracewatt_core::plugin::{Manifest, Rule};

/// Pieces of evidence named in one line.
const MAIN_EVIDENCE: usize = 4;

/// Returns the rule of a finding type, from the first plug-in that has it.
pub fn rule<'a>(kind: &str, manifests: &'a [Manifest]) -> Option<&'a Rule> {
    manifests.iter().flat_map(|manifest| &manifest.rules).find(|rule| rule.name == kind)
}

/// Returns what people call a finding type: the rule's title, or the type in words.
pub fn title(kind: &str, manifests: &[Manifest]) -> String {
    match rule(kind, manifests) {
        Some(rule) if !rule.title.is_empty() => clean::plain(&rule.title).into_owned(),
        _ => title_of_name(kind),
    }
}

fn title_of_name(kind: &str) -> String {
    let words = clean::plain(kind).replace("n_plus_one", "N+1").replace('_', " ");
    let words = words.split(' ').enumerate().map(|(i, word)| match word {
        "sql" | "http" | "rpc" | "io" => word.to_uppercase(),
        "genai" => "GenAI".to_owned(),
        word if i == 0 => capitalized(word),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Returns the address of a rule's page, if the project has an address.
pub fn rule_url(kind: &str) -> Option<String> {
    let name: String =
        kind.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    (!HOME_URL.is_empty()).then(|| format!("{HOME_URL}/blob/main/docs/reference/rules/{name}.md"))
}

/// Returns the word for a severity.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Returns the word for a confidence level.
pub fn confidence_level(level: ConfidenceLevel) -> &'static str {
    match level {
        ConfidenceLevel::Candidate => "candidate",
        ConfidenceLevel::Probable => "probable",
        ConfidenceLevel::Confirmed => "confirmed",
    }
}

/// Returns the word for a band.
pub fn band(band: model::Band) -> &'static str {
    match band {
        model::Band::Healthy => "healthy",
        model::Band::Moderate => "moderate",
        model::Band::High => "high",
        model::Band::Critical => "critical",
    }
}

/// Returns the word for a status against the baseline.
pub fn status(status: ProblemStatus) -> &'static str {
    match status {
        ProblemStatus::New => "new",
        ProblemStatus::Existing => "existing",
        ProblemStatus::Resolved => "resolved",
    }
}

/// Returns how often the problem was seen: `120 times in 8 traces, 15 in the worst`, `once`.
pub fn seen(problem: &model::Problem) -> String {
    if problem.occurrences == 1 {
        return "once".to_owned();
    }
    let times = counted(problem.occurrences, "time");
    if problem.instances <= 1 {
        return format!("{times} in 1 trace");
    }
    let traces = counted(problem.instances, "trace");
    match problem.worst_occurrences {
        0 | 1 => format!("{times} in {traces}"),
        worst => format!("{times} in {traces}, {} in the worst", count(worst)),
    }
}

/// Returns the durations in one phrase: `p50 1.2 ms, p95 4.8 ms`; one figure when all are the same.
pub fn durations(durations: &model::Durations) -> String {
    match (micros(durations.p50_us), micros(durations.p95_us)) {
        (p50, p95) if p50 == p95 => p50,
        (p50, p95) => format!("p50 {p50}, p95 {p95}"),
    }
}

/// Returns the fix for the framework at hand, or what to do in general.
pub fn fix(problem: &model::Problem) -> String {
    match &problem.suggested_fix {
        Some(fix) if fix.framework == "general" => fix.recommendation.clone(),
        Some(fix) => format!("{}: {}", framework(&fix.framework), fix.recommendation),
        None => problem.suggestion.clone(),
    }
}

/// Returns what a fix is for, in words: `java jpa`. A name that is not one of ours (a scope) stays as it is.
fn framework(id: &str) -> String {
    if IDS.contains(&id) { id.replace('_', " ") } else { id.to_owned() }
}

/// Returns the confidence and the main evidence of the best instance: `confirmed (0.95): distinct params 15`.
pub fn confidence(problem: &model::Problem, best: &BestInstances<'_>) -> String {
    let level = confidence_level(problem.confidence_level);
    let mut text = format!("{level} ({})", number(problem.confidence));
    if let Some(finding) = best.of(problem) {
        let evidence = evidence(finding);
        if !evidence.is_empty() {
            text.push_str(": ");
            text.push_str(&evidence);
        }
    }
    text
}

/// The most confident instance of each problem, the first of several.
pub struct BestInstances<'a>(BTreeMap<&'a str, &'a model::Finding>);

impl<'a> BestInstances<'a> {
    /// Looks through the findings of a report, once.
    pub fn among(findings: &'a [model::Finding]) -> BestInstances<'a> {
        let mut best: BTreeMap<&str, &model::Finding> = BTreeMap::new();
        for finding in findings {
            let known = best.entry(&finding.problem_id).or_insert(finding);
            if finding.confidence > known.confidence {
                *known = finding;
            }
        }
        BestInstances(best)
    }

    /// Returns the instance of a problem; nothing when the report has none.
    pub fn of(&self, problem: &model::Problem) -> Option<&'a model::Finding> {
        self.0.get(problem.id.as_str()).copied()
    }
}

/// Returns the first pieces of a finding's evidence in words: what was seen, not the limits it was compared with.
pub fn evidence(finding: &model::Finding) -> String {
    let seen = finding.evidence.iter().filter(|(name, value)| !is_limit(name) && *value != "none");
    let pieces = seen.filter_map(|(name, value)| piece(name, value));
    pieces.take(MAIN_EVIDENCE).collect::<Vec<_>>().join(", ")
}

fn is_limit(name: &str) -> bool {
    name.starts_with("threshold") || name.starts_with("hard_limit")
}

/// How a number is written.
type Notation = fn(f64) -> String;

/// Units that names of evidence may end with, and how such a number is written.
const UNITS: &[(&str, Notation)] = &[
    ("_ns", |value| micros(value / 1e3)),
    ("_us", micros),
    ("_ms", |value| micros(value * 1e3)),
    ("_bytes", |value| format!("{} bytes", number(value))),
    ("_ratio", percent),
    ("_percent", |value| format!("{} %", number(value))),
];

fn piece(name: &str, value: &Value) -> Option<String> {
    let words = |name: &str| clean::cut(&name.replace('_', " "), 40);
    match value {
        Value::Bool(true) => Some(words(name)),
        Value::Bool(false) => Some(format!("not {}", words(name))),
        Value::String(text) => Some(format!("{} {}", words(name), clean::cut(text, 40))),
        Value::Number(value) => {
            let value = value.as_f64()?;
            let unit = UNITS.iter().find_map(|(suffix, write)| Some((name.strip_suffix(suffix)?, write)));
            Some(match unit {
                Some((stem, write)) => format!("{} {}", words(stem), write(value)),
                None => format!("{} {}", words(name), number(value)),
            })
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns where in the source the problem is, as people write it: `Repo.load (src/repo.rs:42)`.
pub fn code_location(code: &model::CodeLocation) -> Option<String> {
    let function = match (&code.namespace, &code.function) {
        (Some(namespace), Some(function)) => Some(format!("{namespace}.{function}")),
        (namespace, function) => function.clone().or(namespace.clone()),
    };
    let file = code.filepath.as_ref().map(|file| match code.lineno {
        Some(line) => format!("{file}:{line}"),
        None => file.clone(),
    });
    match (function, file) {
        (Some(function), Some(file)) => Some(format!("{function} ({file})")),
        (function, file) => function.or(file),
    }
}

/// Returns a `snake_case` reason in words.
pub fn reason(name: &str) -> String {
    clean::plain(name).replace('_', " ")
}

/// Returns the verdict that the exit code is made of, and what it rests on, in one line without its word.
pub fn verdict(gate: &model::QualityGate) -> (Verdict, String) {
    let verdict = gate::verdict(gate);
    let missing = || clean::plain(gate.undecided.as_deref().unwrap_or_default()).into_owned();
    let rules = counted(gate.rules.len() as u64, "rule");
    let text = match verdict {
        Verdict::Undecided => missing(),
        Verdict::Failed => {
            let broken = gate.rules.iter().filter(|rule| !rule.passed).map(|rule| rule.rule.as_str());
            let broken: Vec<&str> = broken.collect();
            let names = clean::plain(&broken.join(", ")).into_owned();
            let besides =
                if gate.undecided.is_some() { format!("; also, {}", missing()) } else { String::new() };
            format!("{} of {rules} broken: {names}{besides}", broken.len())
        }
        Verdict::Passed if gate.rules.is_empty() => "no rules are configured".to_owned(),
        Verdict::Passed => format!("{rules} checked"),
    };
    (verdict, text)
}

/// Returns the word of a verdict, in capitals.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "PASSED",
        Verdict::Failed => "FAILED",
        Verdict::Undecided => "NO VERDICT",
    }
}

/// Returns whether a broken rule of the gate counts this problem, so that fixing it is what the gate asks for.
/// Rules over totals (waste ratio, coverage) blame no single problem.
pub fn fails_gate(problem: &model::Problem, gate: &model::QualityGate, options: &RenderOptions<'_>) -> bool {
    problem.confidence_level >= options.fail_on_confidence
        && gate.rules.iter().any(|rule| !rule.passed && counts(&rule.rule, problem, options))
}

fn counts(rule: &str, problem: &model::Problem, options: &RenderOptions<'_>) -> bool {
    match rule {
        "max_new" => return problem.status == Some(ProblemStatus::New),
        "fail_on_severity" => return options.fail_on_severity.is_some_and(|least| problem.severity >= least),
        _ => {}
    }
    if let Some(kind) = rule.strip_prefix("max_findings.") {
        return kind == problem.kind;
    }
    let Some(rest) = rule.strip_prefix(problem.kind.as_str()) else { return false };
    match rest {
        "_critical_max" => problem.severity >= Severity::Critical,
        "_warning_max" => problem.severity >= Severity::Warning,
        "_max" | "_info_max" => true,
        _ => false,
    }
}

/// Returns whether nothing of the input could be judged, so that silence means nothing.
pub fn nothing_usable(report: &model::Report) -> bool {
    report.analysis.events_processed == 0
}

/// Returns what was checked, for a report without problems.
pub fn checked(report: &model::Report) -> String {
    let analysis = &report.analysis;
    format!(
        "{} in {} of {} checked by {}",
        counted(analysis.events_processed, "round trip"),
        counted(analysis.spans_received, "span"),
        counted(analysis.traces_analyzed, "trace"),
        counted(report.plugins.len() as u64, "detector"),
    )
}

/// Returns the counts by severity: `1 critical, 2 warning`.
pub fn by_severity(problems: &[model::Problem]) -> String {
    let levels = [Severity::Critical, Severity::Warning, Severity::Info];
    let counts = levels.into_iter().filter_map(|level| {
        let n = problems.iter().filter(|problem| problem.severity == level).count();
        (n > 0).then(|| format!("{} {}", count(n as u64), severity(level)))
    });
    counts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_have_titles_without_a_manifest() {
        for (kind, expect) in [
            ("n_plus_one_sql", "N+1 SQL"),
            ("n_plus_one_genai", "N+1 GenAI"),
            ("excessive_fanout", "Excessive fanout"),
            ("slow_http", "Slow HTTP"),
            ("", ""),
        ] {
            assert_eq!(title(kind, &[]), expect);
        }
    }

    #[test]
    fn evidence_is_said_with_its_unit() {
        for (name, value, expect) in [
            ("distinct_params", json!(15), "distinct params 15"),
            ("max_gap_ms", json!(3.25), "max gap 3.25 ms"),
            ("overlap_ratio", json!(0.5), "overlap 50 %"),
            ("response_bytes", json!(1200), "response 1,200 bytes"),
            ("same_parent", json!(true), "same parent"),
            ("same_parent", json!(false), "not same parent"),
            ("mode", json!("sequential\u{1b}"), "mode sequential\u{fffd}"),
        ] {
            assert_eq!(piece(name, &value).as_deref(), Some(expect));
        }
        assert_eq!(piece("list", &json!([1])), None);
    }

    #[test]
    fn rules_blame_the_problems_they_count() {
        let critical = model::Problem {
            kind: "n_plus_one_sql".into(),
            severity: Severity::Critical,
            status: Some(ProblemStatus::New),
            ..Default::default()
        };
        let warning = model::Problem { severity: Severity::Warning, status: None, ..critical.clone() };
        for (rule, blames_critical, blames_warning) in [
            ("n_plus_one_sql_critical_max", true, false),
            ("n_plus_one_sql_warning_max", true, true),
            ("n_plus_one_http_warning_max", false, false),
            ("max_findings.n_plus_one_sql", true, true),
            ("max_new", true, false),
            ("fail_on_severity", true, false),
            ("io_waste_ratio_max", false, false),
        ] {
            let options = RenderOptions { fail_on_severity: Some(Severity::Critical), ..Default::default() };
            assert_eq!(counts(rule, &critical, &options), blames_critical, "{rule}");
            assert_eq!(counts(rule, &warning, &options), blames_warning, "{rule}");
        }
    }

    #[test]
    fn code_locations_say_what_is_known() {
        let code = |namespace: Option<&str>, function: Option<&str>, file: Option<&str>, lineno| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            code_location(&model::CodeLocation {
                function: own(function),
                namespace: own(namespace),
                filepath: own(file),
                lineno,
            })
        };
        for (location, expect) in [
            (code(Some("Repo"), Some("load"), Some("a.rs"), Some(4)), Some("Repo.load (a.rs:4)")),
            (code(None, Some("load"), None, Some(4)), Some("load")),
            (code(None, None, Some("a.rs"), None), Some("a.rs")),
            (code(None, None, None, None), None),
        ] {
            assert_eq!(location.as_deref(), expect);
        }
    }
}
