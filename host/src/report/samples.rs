//! Hand-built reports that the tests of all formats share: empty, blind, typical, hostile.

use super::model::*;
use serde_json::json;
use std::collections::BTreeMap;
use tracewatt_core::plugin::{Manifest, Rule};

/// A report on traces in which nothing is wrong.
pub fn empty() -> Report {
    Report {
        schema_version: SCHEMA_VERSION.into(),
        tool: Tool { name: "tracewatt".into(), version: "0.1.0".into() },
        analysis: Analysis {
            inputs: vec![Input {
                name: "traces.json".into(),
                format: "otlp-json".into(),
                spans: 120,
                truncated: None,
            }],
            spans_received: 120,
            events_processed: 48,
            traces_analyzed: 12,
            usable_span_ratio: Some(1.0),
            ..Default::default()
        },
        quality_gate: QualityGate {
            passed: true,
            undecided: None,
            rules: vec![gate_rule("n_plus_one_sql_critical_max", 0.0, 0.0, true)],
        },
        plugins: ["n_plus_one", "redundant", "slow"].into_iter().map(plugin).collect(),
        green_summary: GreenSummary {
            total_io_ops: 48,
            io_ops_by_kind: BTreeMap::from([("sql".into(), KindOps { total: 48, avoidable: 0 })]),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// A report on an input without a usable span.
pub fn blind() -> Report {
    let mut report = empty();
    report.analysis.events_processed = 0;
    report.analysis.usable_span_ratio = None;
    report.green_summary = GreenSummary::default();
    report.quality_gate =
        QualityGate { passed: false, undecided: Some("no usable span in the input".into()), rules: vec![] };
    report
}

/// A report with everything in it: a baseline, an acknowledged problem, losses, an unknown region.
pub fn typical() -> Report {
    let mut report = empty();
    report.analysis = Analysis {
        environment: "ci_batch".to_owned(),
        inputs: vec![
            Input { name: "a.json".into(), format: "otlp-json".into(), spans: 40_000, truncated: None },
            Input {
                name: "b.json.gz".into(),
                format: "jaeger".into(),
                spans: 8_213,
                truncated: Some("the last document ends at byte 1048576".into()),
            },
        ],
        spans_received: 48_213,
        events_processed: 12_345,
        traces_analyzed: 1_204,
        usable_span_ratio: Some(0.92),
        incomplete: true,
        losses: BTreeMap::from([("merged_duplicates".into(), 310), ("spans_over_trace_limit".into(), 1_500)]),
    };
    report.quality_gate = QualityGate {
        passed: false,
        undecided: None,
        rules: vec![
            gate_rule("n_plus_one_sql_critical_max", 0.0, 1.0, false),
            gate_rule("n_plus_one_http_warning_max", 3.0, 0.0, true),
            gate_rule("io_waste_ratio_max", 0.3, 0.1, true),
        ],
    };
    report.problems = vec![n_plus_one(), slow(), fanout()];
    report.findings = vec![instance(&n_plus_one())];
    report.acknowledged = vec![Acknowledged {
        problem: redundant(),
        acknowledged_by: "ana@example.org".into(),
        acknowledged_at: "2026-03-01".into(),
        reason: "cache warms up in the next release".into(),
        expires_at: Some("2026-12-31".into()),
    }];
    report.resolved = vec![Problem {
        id: "0badcafe".into(),
        fingerprint: fingerprint('9'),
        status: Some(ProblemStatus::Resolved),
        template: "SELECT * FROM carts WHERE user_id = ?".into(),
        ..n_plus_one()
    }];
    report.green_summary = green();
    report.per_endpoint_io_ops = vec![EndpointOps {
        service: "order-service".into(),
        endpoint: "GET /orders/{id}".into(),
        io_ops: 1_000,
        requests: 80,
        io_time_ms: 1_234.5,
    }];
    report.warnings = vec![
        Warning { kind: "truncated_input".into(), message: "b.json.gz ends within a document".into() },
        Warning { kind: "unknown_region".into(), message: "2,345 round trips name no region".into() },
    ];
    report
}

/// A report whose strings try to steer terminals, tables, markup and workflow commands.
pub fn hostile() -> Report {
    let mut report = empty();
    let evil =
        "\u{1b}[2J\u{202e}|`</code><script>alert(1)</script>\n::error::x,y%0A]]>&\u{0}@team #1 **b** {0}";
    let mut problem = n_plus_one();
    problem.service = evil.into();
    problem.source_endpoint = evil.into();
    problem.template = evil.repeat(3);
    problem.suggestion = evil.into();
    problem.grouping = Some(evil.into());
    problem.suggested_fix = Some(SuggestedFix {
        framework: evil.into(),
        recommendation: evil.into(),
        reference_url: Some("javascript:alert(1)".into()),
    });
    problem.code_location = Some(CodeLocation {
        function: Some(evil.into()),
        namespace: None,
        filepath: Some("../../etc/passwd".into()),
        lineno: Some(1),
    });
    let mut finding = instance(&problem);
    finding.evidence = BTreeMap::from([(evil.into(), json!(evil))]);
    report.findings = vec![finding];
    report.acknowledged = vec![Acknowledged {
        problem: Problem { id: "deadbeef".into(), fingerprint: fingerprint('d'), ..problem.clone() },
        acknowledged_by: evil.into(),
        acknowledged_at: evil.into(),
        reason: evil.into(),
        expires_at: None,
    }];
    report.problems = vec![problem];
    report.warnings = vec![Warning { kind: evil.into(), message: evil.into() }];
    report.quality_gate.undecided = Some(evil.into());
    report.quality_gate.passed = false;
    report.quality_gate.rules[0].rule = evil.into();
    report.analysis.losses = BTreeMap::from([(evil.into(), 1)]);
    report
}

/// A report with `n` problems, worst first.
pub fn many(n: usize) -> Report {
    let mut report = typical();
    report.problems = (0..n)
        .map(|i| Problem {
            id: format!("{i:08x}"),
            fingerprint: format!("tw1:{i:064x}"),
            severity: [Severity::Critical, Severity::Warning, Severity::Info][i * 3 / n.max(1)],
            ..n_plus_one()
        })
        .collect();
    report.findings.clear();
    report
}

/// The manifest behind the problems of the samples.
pub fn manifests() -> Vec<Manifest> {
    vec![Manifest {
        name: "n_plus_one".into(),
        version: "1.0.0".into(),
        rules: vec![Rule {
            name: "n_plus_one_sql".into(),
            title: "N+1 SQL".into(),
            page: "# N+1 SQL\n\nOne statement runs once per row of another.\n\n## Why\n\nEvery repetition waits for a round trip.".into(),
            default_severity: Severity::Warning,
            advice: "Fetch all rows with one statement.".into(),
            ..Default::default()
        }],
        ..Default::default()
    }]
}

/// The problem most people come for.
pub fn n_plus_one() -> Problem {
    Problem {
        id: "a1b2c3d4".into(),
        fingerprint: fingerprint('a'),
        signature: "n_plus_one_sql:order-service:GET__orders_{id}:0123456789abcdef0123456789abcdef".into(),
        kind: "n_plus_one_sql".into(),
        severity: Severity::Critical,
        confidence: 0.95,
        confidence_level: ConfidenceLevel::Confirmed,
        service: "order-service".into(),
        source_endpoint: "GET /orders/{id}".into(),
        grouping: None,
        template: "SELECT * FROM order_items WHERE order_id = ?".into(),
        status: Some(ProblemStatus::New),
        instances: 8,
        occurrences: 120,
        worst_occurrences: 15,
        trace_ids: vec!["4bf92f3577b34da6a3ce929d0e0e4736".into()],
        first_timestamp: "2026-03-01T10:00:00.000000000Z".into(),
        last_timestamp: "2026-03-01T10:05:00.000000000Z".into(),
        durations: Some(Durations { p50_us: 1_200.0, p95_us: 4_800.0, p99_us: 5_100.0, max_us: 5_300.0, cv: 0.4 }),
        suggestion: "Load all items of an order with one statement.".into(),
        suggested_fix: Some(SuggestedFix {
            framework: "java_jpa".into(),
            recommendation: "Fetch the association with JOIN FETCH or an entity graph (@EntityGraph), or set a batch size.".into(),
            reference_url: Some("https://docs.jboss.org/hibernate/orm/6.4/userguide/html_single/Hibernate_User_Guide.html".into()),
        }),
        code_location: Some(CodeLocation {
            function: Some("loadItems".into()),
            namespace: Some("shop.OrderRepository".into()),
            filepath: Some("src/main/java/shop/OrderRepository.java".into()),
            lineno: Some(42),
        }),
        green_impact: GreenImpact {
            estimated_extra_io_ops: 112,
            io_intensity_score: 12.5,
            io_intensity_band: Band::Critical,
            energy_joules: Some(Bounds { low: 1.6e-4, mid: 3.1e-4, high: 6.2e-4 }),
            carbon_gco2: Some(Bounds { low: 4.0e-9, mid: 8.0e-9, high: 1.6e-8 }),
        },
    }
}

fn slow() -> Problem {
    Problem {
        id: "5e6f7a8b".into(),
        fingerprint: fingerprint('5'),
        signature: "slow_http:checkout:POST__checkout:00".into(),
        kind: "slow_http".into(),
        severity: Severity::Warning,
        confidence: 0.7,
        confidence_level: ConfidenceLevel::Probable,
        service: "checkout".into(),
        source_endpoint: "POST /checkout".into(),
        template: "POST payments.example.com/v1/charges/{id}/capture?expand&idempotency_key&metadata&receipt_email&statement_descriptor".into(),
        status: Some(ProblemStatus::Existing),
        instances: 1,
        occurrences: 1,
        worst_occurrences: 1,
        durations: Some(Durations { p50_us: 2.4e6, p95_us: 2.4e6, p99_us: 2.4e6, max_us: 2.4e6, cv: 0.0 }),
        suggestion: "Set a time-out and look at the other side.".into(),
        suggested_fix: None,
        code_location: None,
        green_impact: GreenImpact::default(),
        ..n_plus_one()
    }
}

fn fanout() -> Problem {
    Problem {
        id: "0c1d2e3f".into(),
        fingerprint: fingerprint('0'),
        kind: "excessive_fanout".into(),
        severity: Severity::Info,
        confidence: 0.5,
        confidence_level: ConfidenceLevel::Candidate,
        template: "GET catalog/items/{id}".into(),
        status: Some(ProblemStatus::Existing),
        suggested_fix: None,
        code_location: Some(CodeLocation { function: Some("render".into()), ..Default::default() }),
        durations: None,
        ..slow()
    }
}

fn redundant() -> Problem {
    Problem {
        id: "beefbeef".into(),
        fingerprint: fingerprint('b'),
        kind: "redundant_sql".into(),
        severity: Severity::Warning,
        template: "SELECT * FROM settings".into(),
        ..n_plus_one()
    }
}

fn instance(problem: &Problem) -> Finding {
    Finding {
        problem_id: problem.id.clone(),
        kind: problem.kind.clone(),
        detector: "n_plus_one".into(),
        severity: problem.severity,
        confidence: problem.confidence,
        confidence_level: problem.confidence_level,
        evidence: BTreeMap::from([
            ("distinct_params".into(), json!(15)),
            ("max_gap_ms".into(), json!(3.2)),
            ("mode".into(), json!("sequential")),
            ("same_parent".into(), json!(true)),
            ("window_ms".into(), json!(48.0)),
        ]),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        service: problem.service.clone(),
        source_endpoint: problem.source_endpoint.clone(),
        pattern: Pattern {
            template: problem.template.clone(),
            occurrences: 15,
            window_ms: 48.0,
            distinct_params: Some(15),
            params: "visible".into(),
            durations: problem.durations.clone(),
        },
        message: "15 statements that differ in one parameter only".into(),
        suggestion: problem.suggestion.clone(),
        span_ids: vec!["00f067aa0ba902b7".into()],
        green_impact: problem.green_impact.clone(),
        ..Default::default()
    }
}

fn green() -> GreenSummary {
    let estimate = |mid: f64| Estimate {
        low: mid / 2.0,
        mid,
        high: mid * 2.0,
        model: "io_proxy_v1".into(),
        methodology: "sci_v1_numerator".into(),
    };
    GreenSummary {
        total_io_ops: 12_345,
        avoidable_io_ops: 1_234,
        io_ops_by_kind: BTreeMap::from([
            ("http".into(), KindOps { total: 4_345, avoidable: 34 }),
            ("sql".into(), KindOps { total: 8_000, avoidable: 1_200 }),
        ]),
        io_waste_ratio: 0.1,
        io_waste_ratio_band: Band::Moderate,
        top_offenders: vec![
            Offender {
                service: "order-service".into(),
                endpoint: "GET /orders/{id}".into(),
                io_intensity_score: 12.5,
                io_intensity_band: Band::Critical,
                co2_grams: Some(0.0012),
            },
            Offender {
                service: "checkout".into(),
                endpoint: "POST /checkout".into(),
                io_intensity_score: 3.0,
                io_intensity_band: Band::Moderate,
                co2_grams: None,
            },
        ],
        energy_kwh: Some(estimate(1.2e-6)),
        co2: Some(Carbon {
            total: Some(estimate(0.0123)),
            avoidable: Some(estimate(0.0012)),
            sci_per_trace: Some(estimate(0.0000102)),
            operational_gco2: Some(0.0003),
            embodied_gco2: 0.012,
            transport_gco2: Some(0.0004),
            functional_unit: "trace".into(),
            unpriced_io_ops: 2_345,
        }),
        regions: vec![
            RegionCarbon {
                status: "known".into(),
                region: "eu-west-3".into(),
                grid_intensity_gco2_kwh: Some(56.0),
                pue: Some(1.15),
                io_ops: 10_000,
                co2_gco2: Some(0.0123),
                intensity_source: Some("annual".into()),
                provenance: Some("Ember 2024, generation".into()),
            },
            RegionCarbon {
                status: "unresolved".into(),
                region: "unknown".into(),
                io_ops: 2_345,
                ..Default::default()
            },
        ],
        scoring_config: BTreeMap::new(),
    }
}

fn plugin(id: &str) -> PluginRun {
    PluginRun {
        id: id.into(),
        version: "1.0.0".into(),
        sha256: "00".repeat(32),
        traces: 12,
        ..Default::default()
    }
}

fn gate_rule(rule: &str, threshold: f64, actual: f64, passed: bool) -> GateRule {
    GateRule { rule: rule.into(), threshold, actual, passed }
}

fn fingerprint(digit: char) -> String {
    format!("tw1:{}", digit.to_string().repeat(64))
}
