//! Worked numbers, and properties: totals are the sums of their parts, in any order of the input.

use super::*;
use crate::report::{Band, GreenSummary};
use crate::trace::{IoKind, NO_ROW, SealedTrace, Span, Texts, Verb};
use crate::units::{GramsCo2e, Joules, Spread};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One row of a test trace: service, endpoint, entry row, kind, verb, response bytes, region, host.
#[derive(Clone, Debug)]
struct Row {
    service: &'static str,
    endpoint: &'static str,
    entry: u32,
    kind: IoKind,
    verb: Verb,
    bytes: Option<u64>,
    region: &'static str,
    peer: &'static str,
    merged: bool,
}

const SQL: Row = Row {
    service: "shop",
    endpoint: "GET /orders",
    entry: 0,
    kind: IoKind::Sql,
    verb: Verb::Read,
    bytes: None,
    region: "eu-central-1",
    peer: "db",
    merged: false,
};

const ENTRY: Row = Row { kind: IoKind::Other, ..SQL };

fn seal(rows: &[Row], texts: &mut Texts) -> SealedTrace {
    let span = |row: &Row, texts: &mut Texts| Span {
        kind: row.kind,
        verb: row.verb,
        response_bytes: row.bytes,
        duration_ns: 1_500_000,
        service: texts.intern(row.service),
        region: texts.intern(row.region),
        peer: texts.intern(row.peer),
        ..Span::default()
    };
    SealedTrace {
        spans: rows.iter().map(|row| span(row, texts)).collect(),
        parents: vec![NO_ROW; rows.len()],
        entries: rows.iter().map(|row| row.entry).collect(),
        endpoints: rows.iter().map(|row| texts.intern(row.endpoint)).collect(),
        merged_into: rows.iter().map(|row| if row.merged { 0 } else { NO_ROW }).collect(),
        in_flight: vec![0; rows.len()],
        ..SealedTrace::default()
    }
}

/// Figures, and the price of any rows.
struct Scored<'a> {
    score: GreenScore,
    price: &'a dyn Fn(Vec<(usize, usize)>) -> Price,
}

impl std::ops::Deref for Scored<'_> {
    type Target = GreenScore;

    fn deref(&self) -> &GreenScore {
        &self.score
    }
}

impl Scored<'_> {
    fn price(&self, rows: impl IntoIterator<Item = (usize, usize)>) -> Price {
        (self.price)(rows.into_iter().collect())
    }
}

/// Adds up rows that count, each as often as it is given.
fn tally(
    scorer: &mut Scorer<'_>,
    traces: &[SealedTrace],
    rows: &[(usize, usize)],
) -> BTreeMap<IoKind, Tally> {
    let mut tallies: BTreeMap<IoKind, Tally> = BTreeMap::new();
    for (trace, row) in rows.iter().filter(|(trace, row)| traces[*trace].counts(*row)) {
        let span = &traces[*trace].spans[*row];
        tallies.entry(span.kind).or_default().merge(&scorer.tally(span));
    }
    tallies
}

/// Scores traces and hands the result to `check`.
fn scored(
    traces: &[Vec<Row>],
    avoidable: &[(usize, usize)],
    options: &GreenOptions,
    check: impl FnOnce(&Scored<'_>),
) {
    let mut texts = Texts::default();
    let traces: Vec<SealedTrace> = traces.iter().map(|rows| seal(rows, &mut texts)).collect();
    let mut scorer = Scorer::new(&texts, options, &[]);
    traces.iter().for_each(|trace| scorer.add(trace));
    let avoidable = tally(&mut scorer, &traces, avoidable);
    let price = |rows: Vec<(usize, usize)>| {
        let mut scorer = Scorer::new(&texts, options, &[]);
        let mut sum = Tally::default();
        tally(&mut scorer, &traces, &rows).values().for_each(|tally| sum.merge(tally));
        scorer.price(&sum)
    };
    check(&Scored { score: scorer.finish(&avoidable), price: &price });
}

fn close(actual: f64, expect: f64) {
    assert!((actual - expect).abs() <= expect.abs() * 1e-9 + 1e-15, "{actual} instead of {expect}");
}

#[test]
fn a_worked_example() {
    // One trace: a read (0.36 J x 0.5 = 0.18 J) and an insert (0.54 J) in Frankfurt: 342.06 g/kWh, PUE 1.35.
    let rows = vec![ENTRY, SQL, Row { verb: Verb::Insert, ..SQL }];
    scored(&[rows], &[(0, 1)], &GreenOptions::default(), |score| {
        let summary = &score.summary;
        assert_eq!((summary.total_io_ops, summary.avoidable_io_ops), (2, 1));
        assert_eq!((summary.io_waste_ratio, summary.io_waste_ratio_band), (0.5, Band::Critical));
        let energy = summary.energy_kwh.as_ref().unwrap();
        close(energy.mid, 2e-7); // 0.72 J / 3.6e6
        close(energy.low, 1e-7);
        close(energy.high, 4e-7);
        assert_eq!(energy.model, "io_proxy_v1");

        let co2 = summary.co2.as_ref().unwrap();
        let operational = 2e-7 * 1.35 * 342.06; // 9.2356e-5 g
        close(co2.operational_gco2.unwrap(), operational);
        close(co2.embodied_gco2, 0.001);
        let total = co2.total.as_ref().unwrap();
        close(total.mid, operational + 0.001);
        close(total.low, total.mid / 2.0);
        close(total.high, total.mid * 2.0);
        assert_eq!(total.methodology, "sci_v1_numerator");
        let per_trace = co2.sci_per_trace.as_ref().unwrap();
        close(per_trace.mid, total.mid); // one trace
        assert_eq!(per_trace.methodology, "sci_v1_intensity");
        // The read alone: 0.18 J = 5e-8 kWh; a share of one half would have said 4.6178e-5 g.
        let avoidable = co2.avoidable.as_ref().unwrap();
        close(avoidable.mid, 5e-8 * 1.35 * 342.06); // 2.3089e-5 g
        assert_eq!(avoidable.methodology, "sci_v1_operational_ratio");
        assert_eq!((co2.functional_unit.as_str(), co2.unpriced_io_ops), ("trace", 0));

        let [region] = &summary.regions[..] else { panic!("one region") };
        assert_eq!((region.region.as_str(), region.status.as_str()), ("eu-central-1", "known"));
        assert_eq!((region.grid_intensity_gco2_kwh, region.pue), (Some(342.06), Some(1.35)));
        assert_eq!(region.co2_gco2, co2.operational_gco2);
        assert_eq!(region.intensity_source.as_deref(), Some("annual"));
        assert!(score.warnings.is_empty());
    });
}

#[test]
fn intensity_is_round_trips_per_request() {
    // The first request makes 3 round trips, the second none; the merged row and the entry count nothing.
    let first = vec![ENTRY, SQL, SQL, SQL, Row { merged: true, ..SQL }];
    scored(&[first.clone(), vec![ENTRY]], &[], &GreenOptions::default(), |score| {
        assert_eq!(score.io_intensity("shop", "GET /orders"), (1.5, Band::Healthy));
        let endpoint = &score.endpoints[0];
        assert_eq!((endpoint.io_ops, endpoint.requests, endpoint.io_time_ms), (3, 2, 4.5));
    });
    // Two entries in one trace are two requests.
    let second = Row { entry: 1, ..ENTRY };
    let rows = vec![ENTRY, second.clone(), SQL, Row { entry: 1, ..SQL }, SQL, SQL, SQL, SQL];
    scored(&[rows], &[], &GreenOptions::default(), |score| {
        assert_eq!(score.io_intensity("shop", "GET /orders"), (3.0, Band::Moderate));
        assert_eq!(score.summary.top_offenders[0].io_intensity_score, 3.0);
        assert_eq!(score.io_intensity("shop", "GET /nothing"), (0.0, Band::Healthy));
        assert_eq!(score.io_intensity("nobody", ""), (0.0, Band::Healthy));
    });
}

#[test]
fn kinds_are_counted_apart() {
    let rows = vec![ENTRY, SQL, SQL, Row { kind: IoKind::Cache, ..SQL }];
    scored(&[rows], &[(0, 1)], &GreenOptions::default(), |score| {
        let kinds: BTreeMap<&str, (u64, u64)> = score
            .summary
            .io_ops_by_kind
            .iter()
            .map(|(kind, ops)| (kind.as_str(), (ops.total, ops.avoidable)))
            .collect();
        assert_eq!(kinds, BTreeMap::from([("cache", (1, 0)), ("sql", (2, 1))]));
        assert_eq!(score.summary.avoidable_io_ops, 1);
    });
}

#[test]
fn an_unknown_region_is_said_and_never_zero() {
    let nowhere = Row { region: "", ..SQL };
    let mars = Row { region: "mars-1", ..SQL };
    scored(
        &[vec![nowhere.clone(), nowhere.clone(), mars.clone()]],
        &[(0, 0)],
        &GreenOptions::default(),
        |score| {
            let summary = &score.summary;
            close(summary.energy_kwh.as_ref().unwrap().mid, 1.5e-7); // 3 x 0.18 J
            let co2 = summary.co2.as_ref().unwrap();
            assert_eq!(
                (&co2.total, &co2.avoidable, &co2.sci_per_trace, co2.operational_gco2),
                (&None, &None, &None, None)
            );
            assert_eq!(co2.unpriced_io_ops, 3);
            let rows: Vec<_> = summary
                .regions
                .iter()
                .map(|row| (row.region.as_str(), row.status.as_str(), row.co2_gco2))
                .collect();
            assert_eq!(rows, [("unknown", "unresolved", None), ("mars-1", "out_of_table", None)]);
            assert_eq!(summary.top_offenders[0].co2_grams, None);
            let kinds: Vec<&str> = score.warnings.iter().map(|warning| warning.kind.as_str()).collect();
            assert_eq!(kinds, ["unknown_region", "unknown_region"]);
            assert!(score.warnings[0].message.starts_with("2 round trips have no region"));
            assert!(score.warnings[1].message.contains("(`mars-1`)"));
            let price = score.price([(0, 0)]);
            assert!(price.energy_joules.is_some() && price.carbon_gco2.is_none());
        },
    );
    scored(&[vec![nowhere, SQL]], &[(0, 0)], &GreenOptions::default(), |score| {
        let co2 = score.summary.co2.as_ref().unwrap();
        close(co2.operational_gco2.unwrap(), 5e-8 * 1.35 * 342.06);
        assert_eq!((&co2.avoidable, co2.unpriced_io_ops), (&None, 1), "the avoidable row has no price");
        assert_eq!(score.price([(0, 0), (0, 1)]).carbon_gco2, None, "half a price is none");
        assert!(score.price([(0, 1)]).carbon_gco2.is_some());
    });
}

#[test]
fn impossible_regions_are_counted() {
    scored(&[vec![Row { region: "eu west", ..SQL }]], &[], &GreenOptions::default(), |score| {
        let kinds: Vec<&str> = score.warnings.iter().map(|warning| warning.kind.as_str()).collect();
        assert_eq!(kinds, ["unknown_region", "invalid_region"]);
    });
}

#[test]
fn nothing_at_all_scores_nothing() {
    scored(&[], &[], &GreenOptions::default(), |score| {
        let co2 = score.summary.co2.as_ref().unwrap();
        assert_eq!(co2.operational_gco2, Some(0.0));
        assert_eq!(co2.sci_per_trace, None);
        assert_eq!(score.summary.io_waste_ratio, 0.0);
        assert!(score.endpoints.is_empty() && score.summary.regions.is_empty());
    });
}

#[test]
fn switched_off_leaves_counts() {
    let options = GreenOptions { enabled: false, ..GreenOptions::default() };
    scored(&[vec![ENTRY, SQL]], &[(0, 1)], &options, |score| {
        let summary = &score.summary;
        assert_eq!((summary.total_io_ops, summary.avoidable_io_ops), (1, 1));
        assert_eq!((&summary.energy_kwh, &summary.co2), (&None, &None));
        assert!(summary.regions.is_empty() && summary.scoring_config.is_empty() && score.warnings.is_empty());
        assert_eq!(summary.top_offenders[0].co2_grams, None);
        assert_eq!(score.price([(0, 1)]), Price::default());
        assert_eq!(score.io_intensity("shop", "GET /orders").0, 1.0);
    });
}

#[test]
fn moving_responses_between_regions_is_counted_when_asked_for() {
    let call = Row { kind: IoKind::Http, bytes: Some(1_000_000), peer: "Billing:8080", ..SQL };
    let near = Row { peer: "stock", ..call.clone() };
    let unmapped = Row { peer: "elsewhere", ..call.clone() };
    let unknown_size = Row { bytes: None, ..call.clone() };
    let options = GreenOptions {
        include_network_transport: true,
        service_regions: BTreeMap::from([
            ("billing".into(), "eu-west-3".into()),
            ("stock".into(), "eu-central-1".into()),
        ]),
        ..GreenOptions::default()
    };
    let rows = vec![call, near, unmapped, unknown_size];
    scored(std::slice::from_ref(&rows), &[], &options, |score| {
        let co2 = score.summary.co2.as_ref().unwrap();
        // 1 MB x 4e-11 kWh/B = 4e-5 kWh, at the caller: x 1.35 x 342.06 = 0.018471 g
        let transport = 4e-5 * 1.35 * 342.06;
        close(co2.transport_gco2.unwrap(), transport);
        let total = co2.total.as_ref().unwrap();
        close(total.mid, co2.operational_gco2.unwrap() + 0.001 + transport);
        // The bounds of T are those of the literature: 1e-12 and 5.9e-11 kWh per byte.
        close(total.high, (co2.operational_gco2.unwrap() + 0.001) * 2.0 + 5.9e-5 * 1.35 * 342.06);
        close(total.low, (co2.operational_gco2.unwrap() + 0.001) / 2.0 + 1e-6 * 1.35 * 342.06);
        assert_eq!(total.methodology, "sci_v1_numerator+transport");
    });
    scored(&[rows], &[], &GreenOptions { include_network_transport: false, ..options }, |score| {
        let co2 = score.summary.co2.as_ref().unwrap();
        assert_eq!(co2.transport_gco2, None);
        assert_eq!(co2.total.as_ref().unwrap().methodology, "sci_v1_numerator");
    });
}

/// A backend that measured one service.
struct Meter;

impl EnergySource for Meter {
    fn model(&self) -> &str {
        "meter"
    }

    fn energy(&self, op: &Op<'_>) -> Option<Spread<Joules>> {
        (op.service == "metered").then(|| Spread::around(Joules::new(3.6), 1.1))
    }
}

#[test]
fn a_measurement_comes_before_the_proxy() {
    let mut texts = Texts::default();
    let check = |rows: &[Row], texts: &mut Texts, expect_kwh: f64, expect_model: &str| {
        let traces = [seal(rows, texts)];
        let options = GreenOptions::default();
        let sources: [&dyn EnergySource; 1] = [&Meter];
        let mut scorer = Scorer::new(texts, &options, &sources);
        traces.iter().for_each(|trace| scorer.add(trace));
        let energy = scorer.finish(&BTreeMap::new()).summary.energy_kwh.unwrap();
        close(energy.mid, expect_kwh);
        assert_eq!(energy.model, expect_model);
    };
    let metered = Row { service: "metered", ..SQL };
    check(std::slice::from_ref(&metered), &mut texts, 1e-6, "meter"); // 3.6 J
    check(&[metered, SQL], &mut texts, 1.05e-6, "meter+io_proxy_v1"); // and 0.18 J
    check(&[SQL], &mut texts, 5e-8, "io_proxy_v1");
}

#[test]
fn regions_that_no_table_has_cannot_blow_up_the_report() {
    let names: Vec<&'static str> = (0..300).map(|n| &*format!("x-{n:03}-nowhere").leak()).collect();
    let rows: Vec<Row> = names.into_iter().map(|region| Row { region, ..SQL }).chain([SQL]).collect();
    scored(&[rows], &[], &GreenOptions::default(), |score| {
        let regions = &score.summary.regions;
        assert_eq!(regions.len(), 1 + 256 + 1);
        assert_eq!((regions[257].region.as_str(), regions[257].io_ops), ("other", 44));
        assert_eq!(regions.iter().map(|row| row.io_ops).sum::<u64>(), 301);
        assert!(score.warnings[0].message.contains("and 297 more"));
    });
}

#[test]
fn the_settings_are_in_the_report() {
    scored(&[vec![SQL]], &[], &GreenOptions::default(), |score| {
        let config = &score.summary.scoring_config;
        assert_eq!(config["energy_per_operation"], "0.36 J per operation (1e-7 kWh)");
        assert_eq!(config["grid_table"], "Ember yearly electricity data 2022-2024 (CC-BY-4.0)");
        assert_eq!(config["per_operation_coefficients"], true);
        assert_eq!(config["embodied_per_request_gco2"], 0.001);
    });
}

fn any_row() -> impl Strategy<Value = Row> {
    let kind = prop::sample::select(vec![IoKind::Other, IoKind::Sql, IoKind::Http, IoKind::Cache]);
    let verb = prop::sample::select(vec![Verb::Other, Verb::Read, Verb::Insert, Verb::Update, Verb::Delete]);
    let region =
        prop::sample::select(vec!["", "eu-west-3", "us-east-1", "europe-west1", "fr", "mars", "a b"]);
    let service = prop::sample::select(vec!["shop", "billing", "stock"]);
    let endpoint = prop::sample::select(vec!["GET /a", "GET /b", ""]);
    let bytes = prop::option::of(0u64..3_000_000);
    (kind, verb, region, service, endpoint, bytes, 0u32..3, any::<bool>()).prop_map(
        |(kind, verb, region, service, endpoint, bytes, entry, merged)| Row {
            kind,
            verb,
            region,
            service,
            endpoint,
            bytes,
            entry,
            merged,
            peer: "stock",
        },
    )
}

fn any_traces() -> impl Strategy<Value = Vec<Vec<Row>>> {
    prop::collection::vec(prop::collection::vec(any_row(), 0..12), 0..8)
}

/// Options that use everything, and the rows that are called avoidable: every third of a trace.
fn busy_options() -> GreenOptions {
    GreenOptions {
        include_network_transport: true,
        embodied_per_request: GramsCo2e::new(0.0007),
        service_regions: BTreeMap::from([("stock".into(), "eu-north-1".into())]),
        ..GreenOptions::default()
    }
}

fn every_third(traces: &[Vec<Row>]) -> Vec<(usize, usize)> {
    let rows =
        |(trace, rows): (usize, &Vec<Row>)| (0..rows.len()).step_by(3).map(move |row| (trace, row)).collect();
    traces.iter().enumerate().map(rows).collect::<Vec<Vec<_>>>().concat()
}

fn check_sums(score: &Scored<'_>, traces: &[Vec<Row>]) {
    let summary: &GreenSummary = &score.summary;
    let rows = || traces.iter().enumerate().flat_map(|(t, rows)| (0..rows.len()).map(move |r| (t, r)));
    assert_eq!(summary.total_io_ops, score.endpoints.iter().map(|endpoint| endpoint.io_ops).sum::<u64>());
    assert_eq!(summary.total_io_ops, summary.regions.iter().map(|region| region.io_ops).sum::<u64>());
    assert_eq!(summary.total_io_ops, summary.io_ops_by_kind.values().map(|ops| ops.total).sum::<u64>());
    assert_eq!(
        summary.avoidable_io_ops,
        summary.io_ops_by_kind.values().map(|ops| ops.avoidable).sum::<u64>()
    );
    let co2 = summary.co2.as_ref().unwrap();
    let unpriced = summary.regions.iter().filter(|region| region.status != "known");
    assert_eq!(co2.unpriced_io_ops, unpriced.map(|region| region.io_ops).sum::<u64>());
    close(
        co2.operational_gco2.unwrap_or_default(),
        summary.regions.iter().filter_map(|region| region.co2_gco2).sum::<f64>(),
    );
    let joules = |rows| score.price(rows).energy_joules.unwrap_or_default();
    close(summary.energy_kwh.as_ref().unwrap().mid, joules(rows().collect::<Vec<_>>()).mid / 3.6e6);
    let one_by_one = rows().map(|row| joules(vec![row]).high).sum::<f64>();
    close(joules(rows().collect()).high, one_by_one);
    close(
        co2.avoidable.as_ref().map_or(0.0, |avoidable| avoidable.mid),
        every_third(traces).into_iter().filter_map(|row| score.price([row]).carbon_gco2).map(|c| c.mid).sum(),
    );
    if let Some(total) = &co2.total {
        let parts = co2.operational_gco2.unwrap() + co2.embodied_gco2 + co2.transport_gco2.unwrap();
        close(total.mid, parts);
        assert!(total.low <= total.mid && total.mid <= total.high);
    }
}

proptest! {
    #[test]
    fn totals_are_the_sums_of_their_parts(traces in any_traces()) {
        scored(&traces, &every_third(&traces), &busy_options(), |score| check_sums(score, &traces));
    }

    #[test]
    fn the_order_of_traces_does_not_matter(
        (traces, shuffled) in any_traces().prop_flat_map(|t| (Just(t.clone()), Just(t).prop_shuffle())),
    ) {
        let document = |traces: &[Vec<Row>]| {
            let mut document = String::new();
            scored(traces, &every_third(traces), &busy_options(), |score| {
                let parts = (&score.summary, &score.endpoints, &score.warnings);
                document = serde_json::to_string(&parts).unwrap();
            });
            document
        };
        prop_assert_eq!(document(&traces), document(&shuffled));
    }
}
