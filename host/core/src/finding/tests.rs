//! Folding as a whole: who gives way to whom, what counts once, and that no order of findings matters.

use super::*;
use crate::energy::{GreenOptions, Scorer};
use crate::plugin::{Manifest, RawFinding, Rule, SettingValue};
use crate::semconv::CoverageTable;
use crate::trace::{IdTable, IoKind, NO_ROW, SealedTrace, Span, SpanId, Texts};
use std::collections::BTreeMap;

/// Finding types and settings to fold by.
struct Case {
    manifest: Manifest,
    rules: BTreeMap<String, RuleSetting>,
    /// Finding type that the configuration ignores.
    ignored: &'static str,
    traces: Vec<SealedTrace>,
    texts: Texts,
}

impl Case {
    /// `types` are written `weak > strong, stronger`; each of two traces has so many calls in one loop.
    fn new(types: &[&str], rows: u32) -> Case {
        let rule = |text: &&str| {
            let (name, stronger) = text.split_once(" > ").unwrap_or((text, ""));
            let yields_to = stronger.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Rule { name: name.to_owned(), yields_to, ..Rule::default() }
        };
        let mut texts = Texts::default();
        let (service, template) = (texts.intern("shop"), texts.intern("SELECT ?"));
        let span = |row: u32| {
            let scope = texts.intern(&format!("scope-{}", row % 3));
            Span { id: SpanId(row.into()), service, template, scope, kind: IoKind::Sql, ..Span::default() }
        };
        let spans: Vec<Span> = (0..rows).map(span).collect();
        let column = |value: u32| vec![value; rows as usize];
        let trace = SealedTrace {
            parents: column(NO_ROW),
            entries: column(0),
            endpoints: vec![service; rows as usize],
            merged_into: column(NO_ROW),
            in_flight: column(1),
            spans,
            ..SealedTrace::default()
        };
        Case {
            manifest: Manifest { rules: types.iter().map(rule).collect(), ..Manifest::default() },
            rules: BTreeMap::new(),
            ignored: "",
            traces: vec![trace.clone(), trace],
            texts,
        }
    }

    /// A finding of a type about some rows of a trace; each row but the first is avoidable.
    fn finding(&self, kind: &str, trace: usize, rows: &[u32]) -> Detected {
        let rule = self.manifest.rules.iter().position(|rule| rule.name == kind).unwrap();
        let occurrences = rows.len() as u64;
        let (rows, avoidable) = (rows.to_vec(), rows[1..].to_vec());
        let raw = RawFinding {
            trace,
            rule,
            rows,
            avoidable,
            occurrences,
            severity: Default::default(),
            confidence: 0.9,
            quorum: 0,
            subject: String::new(),
            message: String::new(),
            advice: String::new(),
            evidence: Vec::new(),
        };
        Detected { detector: 0, raw }
    }

    fn fold(&self, findings: Vec<Detected>) -> Folded {
        let rules = self.rules.iter().map(|(name, setting)| (name.as_str(), *setting)).collect();
        let source = Source {
            texts: &self.texts,
            coverage: &CoverageTable::default(),
            ids: &IdTable::default(),
            detectors: vec![Judge { id: "detector", manifest: &self.manifest, rules }],
            ignore: self,
            findings_per_problem: usize::MAX,
        };
        let options = GreenOptions::default();
        fold(&source, &self.traces, findings, &mut Scorer::new(&self.texts, &options, &[]))
    }

    /// Checks which types are reported, and which give way to which.
    #[track_caller]
    fn check(&self, findings: Vec<Detected>, reported: &[&str], yielded: &[&str]) {
        let mut backwards = findings.clone();
        backwards.reverse();
        for findings in [findings, backwards] {
            let folded = self.fold(findings);
            let mut kinds: Vec<&str> = folded.findings.iter().map(|finding| finding.kind.as_str()).collect();
            kinds.sort_unstable();
            assert_eq!(kinds, reported);
            let pairs: Vec<String> =
                folded.yielded.iter().map(|one| format!("{} > {}", one.kind, one.to)).collect();
            assert_eq!(pairs, yielded);
        }
    }
}

impl Ignore for Case {
    fn ignores(&self, identity: &Identity<'_>) -> bool {
        identity.kind == self.ignored
    }
}

const ROWS: [u32; 4] = [0, 1, 2, 3];

/// Scenario: two findings about the same calls. Guarantees: the weaker gives way only to one that is reported.
#[test]
fn what_is_not_reported_takes_nothing_out() {
    let mut case = Case::new(&["strong", "weak > strong"], 8);
    let both = |case: &Case| vec![case.finding("weak", 0, &ROWS), case.finding("strong", 0, &ROWS)];
    case.check(both(&case), &["strong"], &["weak > strong"]);
    // In another trace, or about other rows, there is nothing to give way to.
    case.check(
        vec![case.finding("weak", 0, &ROWS), case.finding("strong", 1, &ROWS)],
        &["strong", "weak"],
        &[],
    );
    case.check(
        vec![case.finding("weak", 0, &ROWS), case.finding("strong", 0, &ROWS[1..])],
        &["strong", "weak"],
        &[],
    );
    // Too rare.
    let mut rare = both(&case);
    rare[1].raw.quorum = 5;
    case.check(rare.clone(), &["weak"], &[]);
    assert_eq!(case.fold(rare).below_quorum[0].kind, "strong");
    // Switched off.
    case.rules.insert("strong".into(), RuleSetting { enabled: false, severity: None });
    case.check(both(&case), &["weak"], &[]);
    case.rules.clear();
    // Ignored by the configuration.
    case.ignored = "strong";
    case.check(both(&case), &["weak"], &[]);
    assert_eq!(case.fold(both(&case)).ignored, 1);
}

/// Scenario: a quorum that two traces meet together, and that one meets by itself. Guarantees: both instances are
/// reported; the one that would be without the other takes others out.
#[test]
fn a_quorum_is_met_over_all_traces() {
    let case = Case::new(&["strong", "weak > strong"], 8);
    let findings = |quorum: u64| {
        let mut findings = vec![
            case.finding("weak", 0, &ROWS),
            case.finding("strong", 0, &ROWS),
            case.finding("strong", 1, &ROWS),
        ];
        findings.iter_mut().skip(1).for_each(|finding| finding.raw.quorum = quorum);
        findings
    };
    case.check(findings(6), &["strong", "strong", "weak"], &[]);
    case.check(findings(4), &["strong", "strong"], &["weak > strong"]);
}

/// Scenario: types that yield to themselves, to each other, or in a circle that another type hangs on.
/// Guarantees: something is always reported, the same whatever the order.
#[test]
fn circles_do_not_swallow_everything() {
    let all = |types: &[&str], kinds: &[&str]| {
        let case = Case::new(types, 8);
        let findings = kinds.iter().map(|kind| case.finding(kind, 0, &ROWS)).collect();
        (case, findings)
    };
    let (case, findings) = all(&["own > own"], &["own", "own"]);
    case.check(findings, &["own", "own"], &[]);
    let (case, findings) = all(&["b > c", "c > b"], &["b", "c"]);
    case.check(findings, &["b"], &["c > b"]);
    let (case, findings) = all(&["a > c", "b > c", "c > d", "d > b"], &["a", "b", "c", "d"]);
    case.check(findings, &["b"], &["a > c", "c > d", "d > b"]);
    let (case, findings) = all(&["a > nobody"], &["a"]);
    case.check(findings, &["a"], &[]);
}

/// Scenario: one gives way to another, which gives way itself. Guarantees: it still covers what it names.
#[test]
fn what_gives_way_still_covers() {
    let case = Case::new(&["weak > middle", "middle > strong", "strong"], 8);
    let findings = ["weak", "middle", "strong"].map(|kind| case.finding(kind, 0, &ROWS)).to_vec();
    case.check(findings, &["strong"], &["middle > strong", "weak > middle"]);
}

/// Scenario: as many findings of one trace as a plug-in can make, all naming one call in common. Guarantees: each
/// finds the one that covers it; comparing each with each would take minutes.
#[test]
fn very_many_findings_of_one_trace() {
    const MANY: u32 = 20_000;
    let case = Case::new(&["strong", "weak > strong"], MANY + 1);
    let pairs = (1..=MANY).flat_map(|row| ["weak", "strong"].map(|kind| case.finding(kind, 0, &[0, row])));
    let folded = case.fold(pairs.collect());
    let yielded: u64 = folded.yielded.iter().map(|one| one.findings).sum();
    assert_eq!((folded.findings.len(), yielded), (MANY as usize, MANY.into()));
    assert_eq!(folded.problems[0].green_impact.estimated_extra_io_ops, u64::from(MANY));
}

/// Scenario: a finding misses some rows of the one it may cover. Guarantees: nine tenths are enough, and no less.
#[test]
fn nine_tenths_cover() {
    let rows: Vec<u32> = (0..20).collect();
    let case = Case::new(&["strong", "weak > strong"], 20);
    for (missing, covered) in [(0, true), (2, true), (3, false), (20, false)] {
        for strong in [&rows[missing..], &rows[..20 - missing]].into_iter().filter(|rows| !rows.is_empty()) {
            let folded = case.fold(vec![case.finding("weak", 0, &rows), case.finding("strong", 0, strong)]);
            assert_eq!(folded.yielded.len() == 1, covered, "{missing} missing");
        }
    }
}

/// Scenario: two findings of one problem name the same calls. Guarantees: each call is saved once.
#[test]
fn a_call_is_saved_once() {
    let case = Case::new(&["strong"], 8);
    let findings = vec![case.finding("strong", 0, &ROWS), case.finding("strong", 0, &[0, 2, 3, 4])];
    let folded = case.fold(findings);
    assert_eq!(folded.problems[0].green_impact.estimated_extra_io_ops, 4);
    let saved = |counts: bool| folded.saved.by(|_| counts).values().map(|tally| tally.ops).sum::<u64>();
    assert_eq!((saved(true), saved(false)), (4, 0));
    // What another layer recorded again is no call of its own.
    let mut merged = Case::new(&["strong"], 8);
    merged.traces[0].merged_into[2] = 1;
    let folded = merged.fold(vec![merged.finding("strong", 0, &ROWS)]);
    assert_eq!(folded.problems[0].green_impact.estimated_extra_io_ops, 2);
    let twice = Detected {
        raw: RawFinding { avoidable: vec![1, 1], ..case.finding("strong", 0, &ROWS).raw },
        detector: 0,
    };
    let folded = case.fold(vec![twice]);
    assert_eq!(folded.findings[0].green_impact.estimated_extra_io_ops, 1);
}

/// Scenario: findings that differ in one thing only. Guarantees: their order does not depend on that of the input.
#[test]
fn every_difference_decides_the_order() {
    let case = Case::new(&["strong"], 80);
    let base = case.finding("strong", 0, &(0..70).collect::<Vec<_>>());
    let with = |change: fn(&mut RawFinding)| {
        let mut finding = base.clone();
        change(&mut finding.raw);
        finding
    };
    let evidence = |value: f64| vec![("gap".to_owned(), SettingValue::Float(value))];
    let mut findings = vec![
        base.clone(),
        // Beyond the span ids that a finding lists.
        with(|raw| raw.rows[69] = 75),
        with(|raw| raw.confidence = 0.7),
        with(|raw| raw.advice = "another".into()),
        with(|raw| raw.avoidable = vec![3]),
        with(|raw| raw.message = "another".into()),
    ];
    for value in [1.0, 2.0] {
        findings.push(Detected { raw: RawFinding { evidence: evidence(value), ..base.raw.clone() }, ..base });
    }
    let expect = format!("{:?}", case.fold(findings.clone()));
    for at in 1..findings.len() {
        findings.rotate_left(1);
        findings.swap(0, at);
        assert_eq!(format!("{:?}", case.fold(findings.clone())), expect);
    }
}

/// Scenario: other layers recorded some of the calls again. Guarantees: their scopes are named once, after those of
/// the calls, in the order of the trace.
#[test]
fn scopes_of_merged_records_are_named() {
    let mut case = Case::new(&["strong"], 9);
    case.traces[0].merged_into[5] = 0;
    case.traces[0].merged_into[4] = 3;
    let folded = case.fold(vec![case.finding("strong", 0, &[3, 0]), case.finding("strong", 0, &[6, 0, 3])]);
    for finding in folded.findings {
        assert_eq!(finding.instrumentation_scopes, ["scope-0", "scope-1", "scope-2"]);
    }
}
