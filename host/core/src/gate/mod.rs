//! Rules over problems and totals, and the verdict a build can trust.
//!
//! Every rule that is switched on ends up in the report with its limit and what was measured. A
//! verdict takes something to judge: without usable spans, with input missing or with traces that a
//! plug-in could not judge, the gate says that it is undecided, and why, rather than that all is well.
//!
//! Acknowledged problems count for nothing here, on purpose also not for the waste ratio: whoever has
//! accepted a problem does not expect it to fail the build by another door. (The reference system
//! leaves the ratio untouched.) The report's own waste ratio keeps them.

mod baseline;
mod diff;
mod saved;

pub use baseline::compare;
pub use diff::{Diff, EndpointDelta, FigureDelta, ProblemChange, SeverityChange, diff};
pub use saved::{Anew, judge_saved};

use crate::count::{count, counted};
use crate::energy::waste_ratio;
use crate::report::{
    Analysis, ConfidenceLevel, GateRule, PluginRun, Problem, ProblemStatus, QualityGate, Severity,
};
use std::collections::BTreeMap;

/// Limits of the gate; a rule fails beyond its limit, not at it. The defaults are those of the
/// reference system, which counts instances where this gate counts problems.
#[derive(Clone, Debug, PartialEq)]
pub struct GateOptions {
    /// Critical problems of type `n_plus_one_sql`.
    pub n_plus_one_sql_critical_max: u64,
    /// Problems of type `n_plus_one_http` of severity warning and worse.
    pub n_plus_one_http_warning_max: u64,
    /// Problems of type `n_plus_one_messaging` of severity warning and worse.
    pub n_plus_one_messaging_warning_max: u64,
    /// Avoidable over all round trips, 0 to 1.
    pub io_waste_ratio_max: f64,
    /// Least share of outbound spans with something to normalize, 0 to 1. Left out where no kind of
    /// I/O has enough spans to tell.
    pub min_usable_span_ratio: Option<f64>,
    /// Problems by finding type, of any severity.
    pub max_findings: BTreeMap<String, u64>,
    /// Problems that the baseline does not have; takes a baseline.
    pub max_new: Option<u64>,
    /// What the counting rules count.
    pub count: Count,
    /// Fewer usable spans than this give no verdict.
    pub min_spans: u64,
    /// No problem may be this severe or worse.
    pub fail_on_severity: Option<Severity>,
    /// Problems with less confidence do not count in any rule.
    pub fail_on_confidence: ConfidenceLevel,
    /// Whether a verdict is given although plug-ins could not judge some traces.
    pub allow_plugin_faults: bool,
    /// Names of the only rules evaluated; without them, every rule that is switched on.
    pub only: Option<Vec<String>>,
}

/// Name of the rule of [`GateOptions::max_new`].
pub const MAX_NEW: &str = "max_new";
/// Name of the rule of [`GateOptions::fail_on_severity`].
pub const FAIL_ON_SEVERITY: &str = "fail_on_severity";

impl GateOptions {
    /// Returns whether the rule of this name is evaluated when it is switched on.
    fn asks_for(&self, rule: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|name| name == rule))
    }
}

impl Default for GateOptions {
    fn default() -> Self {
        GateOptions {
            n_plus_one_sql_critical_max: 0,
            n_plus_one_http_warning_max: 3,
            n_plus_one_messaging_warning_max: 3,
            io_waste_ratio_max: 0.30,
            min_usable_span_ratio: None,
            max_findings: BTreeMap::new(),
            max_new: None,
            count: Count::Problem,
            min_spans: 1,
            fail_on_severity: None,
            fail_on_confidence: ConfidenceLevel::Candidate,
            allow_plugin_faults: false,
            only: None,
        }
    }
}

/// What counting rules count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Problems, so that more traffic does not fail a build.
    #[default]
    Problem,
    /// Findings: ten traces with one problem count ten.
    Instance,
}

/// What the gate judges.
#[derive(Clone, Copy, Debug)]
pub struct GateInput<'a> {
    /// Problems that are not acknowledged, with their status if there is a baseline.
    pub problems: &'a [Problem],
    /// What was read.
    pub analysis: &'a Analysis,
    /// Plug-ins that took part.
    pub plugins: &'a [PluginRun],
    /// Outbound spans with something to normalize.
    pub usable_spans: u64,
    /// Round trips.
    pub total_io_ops: u64,
    /// Avoidable round trips, without the rows that only acknowledged problems name.
    pub avoidable_io_ops: u64,
    /// Whether `problems` were compared with a baseline.
    pub has_baseline: bool,
}

/// What a gate comes to: a failed rule is a negative verdict whatever else is missing, since more
/// input cannot take back what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every rule holds, and there was enough to judge.
    Passed,
    /// A rule failed.
    Failed,
    /// No rule failed, but something is missing; see [`QualityGate::undecided`].
    Undecided,
}

/// Returns the verdict of an evaluated gate.
pub fn verdict(gate: &QualityGate) -> Verdict {
    match (gate.rules.iter().all(|rule| rule.passed), &gate.undecided) {
        (false, _) => Verdict::Failed,
        (true, Some(_)) => Verdict::Undecided,
        (true, None) => Verdict::Passed,
    }
}

/// Evaluates every rule asked for. `passed` is true only when all of them hold and the gate is decided.
pub fn judge(options: &GateOptions, input: &GateInput<'_>) -> QualityGate {
    let mut rules = rules(options, input);
    rules.retain(|rule| options.asks_for(&rule.rule));
    let undecided = undecided(options, input);
    QualityGate { passed: undecided.is_none() && rules.iter().all(|rule| rule.passed), undecided, rules }
}

fn rules(options: &GateOptions, input: &GateInput<'_>) -> Vec<GateRule> {
    let count = |wanted: &dyn Fn(&Problem) -> bool| measured(options, input.problems, wanted);
    let of = |kind: &'static str, severity: Severity| {
        move |problem: &Problem| problem.kind == kind && problem.severity >= severity
    };
    let mut rules = vec![
        at_most(
            "n_plus_one_sql_critical_max",
            options.n_plus_one_sql_critical_max as f64,
            count(&of("n_plus_one_sql", Severity::Critical)),
        ),
        at_most(
            "n_plus_one_http_warning_max",
            options.n_plus_one_http_warning_max as f64,
            count(&of("n_plus_one_http", Severity::Warning)),
        ),
        at_most(
            "n_plus_one_messaging_warning_max",
            options.n_plus_one_messaging_warning_max as f64,
            count(&of("n_plus_one_messaging", Severity::Warning)),
        ),
        at_most(
            "io_waste_ratio_max",
            options.io_waste_ratio_max,
            waste_ratio(input.avoidable_io_ops, input.total_io_ops),
        ),
    ];
    if let (Some(least), Some(ratio)) = (options.min_usable_span_ratio, input.analysis.usable_span_ratio) {
        rules.push(rule("min_usable_span_ratio", least, ratio, ratio >= least));
    }
    for (kind, max) in &options.max_findings {
        let actual = count(&|problem: &Problem| problem.kind == *kind);
        rules.push(at_most(&format!("max_findings.{kind}"), *max as f64, actual));
    }
    if let (Some(max), true) = (options.max_new, input.has_baseline) {
        let is_new = |problem: &Problem| problem.status == Some(ProblemStatus::New);
        rules.push(at_most(MAX_NEW, max as f64, count(&is_new)));
    }
    if let Some(severity) = options.fail_on_severity {
        rules.push(at_most(FAIL_ON_SEVERITY, 0.0, count(&|problem: &Problem| problem.severity >= severity)));
    }
    rules
}

/// Returns what the counting rules see of the problems wanted.
fn measured(options: &GateOptions, problems: &[Problem], wanted: &dyn Fn(&Problem) -> bool) -> f64 {
    let confident = |problem: &&Problem| problem.confidence_level >= options.fail_on_confidence;
    let counted = problems.iter().filter(confident).filter(|problem| wanted(problem));
    let count: u64 = match options.count {
        Count::Problem => counted.count() as u64,
        Count::Instance => counted.map(|problem| problem.instances).sum(),
    };
    count as f64
}

fn at_most(name: &str, threshold: f64, actual: f64) -> GateRule {
    rule(name, threshold, actual, actual <= threshold)
}

fn rule(name: &str, threshold: f64, actual: f64, passed: bool) -> GateRule {
    GateRule { rule: name.to_owned(), threshold, actual, passed }
}

/// Returns everything that stands in the way of a verdict, with what to do about it.
fn undecided(options: &GateOptions, input: &GateInput<'_>) -> Option<String> {
    let mut reasons = Vec::new();
    if input.usable_spans < options.min_spans {
        reasons.push(format!(
            "{}, at least {} needed (`tracewatt doctor` says what is missing)",
            counted(input.usable_spans, "usable span"),
            count(options.min_spans)
        ));
    }
    if input.analysis.incomplete {
        reasons.push(incomplete(input.analysis));
    }
    let unjudged: usize = input.plugins.iter().map(|plugin| plugin.skipped_traces.len()).sum();
    if unjudged > 0 && !options.allow_plugin_faults {
        let with_faults = input.plugins.iter().filter(|plugin| !plugin.skipped_traces.is_empty());
        let names: Vec<&str> = with_faults.map(|plugin| plugin.id.as_str()).collect();
        reasons.push(format!(
            "{} could not judge every trace ({unjudged} left out; `allow_plugin_faults` accepts that)",
            names.join(", ")
        ));
    }
    if options.max_new.is_some() && options.asks_for(MAX_NEW) && !input.has_baseline {
        reasons.push("`max_new` takes a baseline (`--baseline report.json`)".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn incomplete(analysis: &Analysis) -> String {
    let cut =
        |input: &crate::report::Input| input.truncated.as_ref().map(|why| format!("{}: {why}", input.name));
    let cut: Vec<String> = analysis.inputs.iter().filter_map(cut).collect();
    match cut.is_empty() {
        true => "the input is incomplete (see `losses`)".to_owned(),
        false => format!("the input is incomplete ({})", cut.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Input;

    fn problem(kind: &str, severity: Severity) -> Problem {
        Problem {
            kind: kind.into(),
            severity,
            instances: 10,
            confidence_level: ConfidenceLevel::Probable,
            status: Some(ProblemStatus::Existing),
            ..Problem::default()
        }
    }

    fn input<'a>(problems: &'a [Problem], analysis: &'a Analysis) -> GateInput<'a> {
        GateInput {
            problems,
            analysis,
            plugins: &[],
            usable_spans: 10,
            total_io_ops: 100,
            avoidable_io_ops: 0,
            has_baseline: true,
        }
    }

    /// Judges `count` equal problems and returns (threshold, actual, passed) of a rule.
    #[track_caller]
    fn check(options: &GateOptions, name: &str, sample: &Problem, count: usize, expect: (f64, f64, bool)) {
        let problems = vec![sample.clone(); count];
        let gate = judge(options, &input(&problems, &Analysis::default()));
        let rule = gate.rules.iter().find(|rule| rule.rule == name).expect(name);
        assert_eq!((rule.threshold, rule.actual, rule.passed), expect, "{name} with {count}");
        assert_eq!(gate.passed, gate.rules.iter().all(|rule| rule.passed));
    }

    #[test]
    fn n_plus_one_rules_hold_up_to_their_limit() {
        let options = GateOptions::default();
        let sql = problem("n_plus_one_sql", Severity::Critical);
        check(&options, "n_plus_one_sql_critical_max", &sql, 0, (0.0, 0.0, true));
        check(&options, "n_plus_one_sql_critical_max", &sql, 1, (0.0, 1.0, false));
        let mild = problem("n_plus_one_sql", Severity::Warning);
        check(&options, "n_plus_one_sql_critical_max", &mild, 9, (0.0, 0.0, true));
        for (kind, name) in [
            ("n_plus_one_http", "n_plus_one_http_warning_max"),
            ("n_plus_one_messaging", "n_plus_one_messaging_warning_max"),
        ] {
            for severity in [Severity::Warning, Severity::Critical] {
                check(&options, name, &problem(kind, severity), 2, (3.0, 2.0, true));
                check(&options, name, &problem(kind, severity), 3, (3.0, 3.0, true));
                check(&options, name, &problem(kind, severity), 4, (3.0, 4.0, false));
            }
            check(&options, name, &problem(kind, Severity::Info), 9, (3.0, 0.0, true));
            check(&options, name, &problem("slow_http", Severity::Critical), 9, (3.0, 0.0, true));
        }
    }

    #[test]
    fn limits_by_type_count_every_severity() {
        let max_findings = BTreeMap::from([("slow_sql".to_owned(), 2)]);
        let options = GateOptions { max_findings, ..GateOptions::default() };
        let slow = problem("slow_sql", Severity::Info);
        check(&options, "max_findings.slow_sql", &slow, 1, (2.0, 1.0, true));
        check(&options, "max_findings.slow_sql", &slow, 2, (2.0, 2.0, true));
        check(&options, "max_findings.slow_sql", &slow, 3, (2.0, 3.0, false));
        check(&options, "max_findings.slow_sql", &problem("slow_http", Severity::Info), 3, (2.0, 0.0, true));
    }

    #[test]
    fn new_problems_are_counted_against_the_baseline() {
        let options = GateOptions { max_new: Some(1), ..GateOptions::default() };
        let existing = problem("slow_sql", Severity::Critical);
        let new = Problem { status: Some(ProblemStatus::New), ..existing.clone() };
        check(&options, "max_new", &existing, 5, (1.0, 0.0, true));
        check(&options, "max_new", &new, 0, (1.0, 0.0, true));
        check(&options, "max_new", &new, 1, (1.0, 1.0, true));
        check(&options, "max_new", &new, 2, (1.0, 2.0, false));
    }

    #[test]
    fn severities_can_be_forbidden() {
        let options = GateOptions { fail_on_severity: Some(Severity::Warning), ..GateOptions::default() };
        check(&options, "fail_on_severity", &problem("slow_sql", Severity::Info), 3, (0.0, 0.0, true));
        check(&options, "fail_on_severity", &problem("slow_sql", Severity::Warning), 1, (0.0, 1.0, false));
        check(&options, "fail_on_severity", &problem("slow_sql", Severity::Critical), 1, (0.0, 1.0, false));
    }

    #[test]
    fn rules_that_are_not_asked_for_decide_nothing() {
        let analysis = Analysis::default();
        let problems = [problem("n_plus_one_sql", Severity::Critical)];
        let all = GateOptions { max_new: Some(0), ..GateOptions::default() };
        let only_new = GateOptions { only: Some(vec![MAX_NEW.to_owned()]), ..all.clone() };
        let none_new = GateOptions { only: Some(Vec::new()), ..all.clone() };
        let with_baseline = input(&problems, &analysis);
        assert_eq!(verdict(&judge(&all, &with_baseline)), Verdict::Failed);
        let gate = judge(&only_new, &with_baseline);
        assert_eq!(gate.rules.iter().map(|rule| rule.rule.as_str()).collect::<Vec<_>>(), [MAX_NEW]);
        assert_eq!(verdict(&gate), Verdict::Passed);
        let without = GateInput { has_baseline: false, ..with_baseline };
        assert_eq!(verdict(&judge(&only_new, &without)), Verdict::Undecided);
        assert_eq!(verdict(&judge(&none_new, &without)), Verdict::Passed);
    }

    #[test]
    fn instances_count_when_asked_for() {
        let options = GateOptions { count: Count::Instance, ..GateOptions::default() };
        let http = problem("n_plus_one_http", Severity::Warning);
        check(&options, "n_plus_one_http_warning_max", &http, 1, (3.0, 10.0, false));
    }

    #[test]
    fn problems_below_the_confidence_asked_for_do_not_count() {
        let sample = problem("n_plus_one_sql", Severity::Critical); // probable
        let with = |fail_on_confidence| GateOptions { fail_on_confidence, ..GateOptions::default() };
        let name = "n_plus_one_sql_critical_max";
        check(&with(ConfidenceLevel::Candidate), name, &sample, 1, (0.0, 1.0, false));
        check(&with(ConfidenceLevel::Probable), name, &sample, 1, (0.0, 1.0, false));
        check(&with(ConfidenceLevel::Confirmed), name, &sample, 1, (0.0, 0.0, true));
    }

    #[test]
    fn waste_may_reach_its_limit() {
        let analysis = Analysis::default();
        for (avoidable, passes) in [(0, true), (29, true), (30, true), (31, false)] {
            let input = GateInput { avoidable_io_ops: avoidable, ..input(&[], &analysis) };
            let gate = judge(&GateOptions::default(), &input);
            assert_eq!(gate.passed, passes, "{avoidable} of 100");
            assert_eq!(gate.rules[3].actual, avoidable as f64 / 100.0);
        }
    }

    #[test]
    fn usable_spans_must_reach_their_limit() {
        let options = GateOptions { min_usable_span_ratio: Some(0.5), ..GateOptions::default() };
        for (ratio, passes) in [(0.49, false), (0.5, true), (0.51, true)] {
            let analysis = Analysis { usable_span_ratio: Some(ratio), ..Analysis::default() };
            assert_eq!(judge(&options, &input(&[], &analysis)).passed, passes, "{ratio}");
        }
        let gate = judge(&options, &input(&[], &Analysis::default()));
        assert!(gate.passed && gate.rules.iter().all(|rule| rule.rule != "min_usable_span_ratio"));
    }

    #[track_caller]
    fn undecided(options: &GateOptions, input: &GateInput<'_>, expect: Option<&str>) {
        let gate = judge(options, input);
        assert_eq!(gate.undecided.as_deref(), expect);
        assert_eq!(gate.passed, expect.is_none());
        let verdicts = if expect.is_none() { Verdict::Passed } else { Verdict::Undecided };
        assert_eq!(verdict(&gate), verdicts);
    }

    #[test]
    fn no_verdict_without_usable_spans() {
        let (options, analysis) = (GateOptions::default(), Analysis::default());
        let with = |usable_spans| GateInput { usable_spans, ..input(&[], &analysis) };
        let why = "0 usable spans, at least 1 needed (`tracewatt doctor` says what is missing)";
        undecided(&options, &with(0), Some(why));
        undecided(&options, &with(1), None);
        undecided(&GateOptions { min_spans: 0, ..options }, &with(0), None);
    }

    #[test]
    fn no_verdict_on_incomplete_input() {
        let cut =
            Input { name: "a.json".into(), truncated: Some("cut at byte 7".into()), ..Input::default() };
        let analysis = Analysis { incomplete: true, inputs: vec![cut], ..Analysis::default() };
        let why = "the input is incomplete (a.json: cut at byte 7)";
        undecided(&GateOptions::default(), &input(&[], &analysis), Some(why));
        let analysis = Analysis { incomplete: true, ..Analysis::default() };
        let why = "the input is incomplete (see `losses`)";
        undecided(&GateOptions::default(), &input(&[], &analysis), Some(why));
    }

    #[test]
    fn no_verdict_when_plugins_left_traces_out() {
        let (options, analysis) = (GateOptions::default(), Analysis::default());
        let run = |skipped: &[&str]| PluginRun {
            id: "slow".into(),
            skipped_traces: skipped.iter().map(|id| (*id).to_owned()).collect(),
            ..PluginRun::default()
        };
        let (well, ill) = ([run(&[])], [run(&["a", "b"])]);
        undecided(&options, &GateInput { plugins: &well, ..input(&[], &analysis) }, None);
        let faulty = GateInput { plugins: &ill, ..input(&[], &analysis) };
        let why = "slow could not judge every trace (2 left out; `allow_plugin_faults` accepts that)";
        undecided(&options, &faulty, Some(why));
        undecided(&GateOptions { allow_plugin_faults: true, ..options }, &faulty, None);
    }

    #[test]
    fn no_verdict_on_new_problems_without_a_baseline() {
        let analysis = Analysis::default();
        let options = GateOptions { max_new: Some(0), ..GateOptions::default() };
        let input = GateInput { has_baseline: false, ..input(&[], &analysis) };
        undecided(&options, &input, Some("`max_new` takes a baseline (`--baseline report.json`)"));
    }

    #[test]
    fn a_failed_rule_is_a_verdict_even_on_incomplete_input() {
        let analysis = Analysis { incomplete: true, ..Analysis::default() };
        let problems = [problem("n_plus_one_sql", Severity::Critical)];
        let gate = judge(&GateOptions::default(), &input(&problems, &analysis));
        assert!(!gate.passed && gate.undecided.is_some());
        assert_eq!(verdict(&gate), Verdict::Failed);
    }
}
