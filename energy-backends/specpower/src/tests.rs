use super::*;

const VECTOR: &str = include_str!("../samples/query-vector.json");
const TWO: &str = include_str!("../samples/query-vector-two-series.json");
const FRACTION: &str = include_str!("../samples/query-gcp-fraction.json");
const SCALAR: &str = include_str!("../samples/query-scalar.json");
const START_MS: u64 = 1_764_772_801_000;

const SERVICES: [&str; 3] = [
    "order: instance=m5.large provider=aws query=cpu{id=\"a b\"}",
    "fleet: idle_w=10 max_w=110 series=sum query=cpu",
    "api: instance=n2-standard-2 provider=gcp query=cpu",
];

fn specpower(services: &[&str]) -> Result<SpecPower, String> {
    let services = services.iter().map(|text| (*text).to_owned()).collect();
    SpecPower::new(Settings { services, ..Settings::read(Vec::new()).unwrap() })
}

fn document(request: &str, status: u16, body: &str, at_ms: u64) -> Document {
    Document {
        target: "prometheus".to_owned(),
        request: request.to_owned(),
        status,
        received_at_ms: START_MS + at_ms,
        body: body.as_bytes().to_vec(),
        ..Document::default()
    }
}

fn reading(specpower: &mut SpecPower, request: &str, body: &str, at_ms: u64) -> Reading {
    let mut answer = specpower.decode(&[document(request, 200, body, at_ms)]);
    assert_eq!(answer.problems, [], "{body}");
    answer.readings.remove(0)
}

#[test]
fn utilisation_becomes_power_with_the_spread_of_its_kind() {
    let mut specpower = specpower(&SERVICES).unwrap();
    let requests = specpower.requests(&["prometheus".to_owned(), "another".to_owned()]);
    assert_eq!(requests[0].query, [("query".to_owned(), "cpu{id=\"a b\"}".to_owned())]);
    assert_eq!(requests.len(), 3);
    let order = reading(&mut specpower, "order", VECTOR, 0);
    let expect = 1.06 + (8.24 - 1.06) * 0.374;
    assert!((order.value - expect).abs() < 1e-9 && order.estimated && order.interval_ms == 0, "{order:?}");
    assert!(
        (order.low - expect * 6.4 / 8.24).abs() < 1e-9 && (order.high - expect * 8.97 / 8.24).abs() < 1e-9
    );
    assert_eq!(reading(&mut specpower, "order", SCALAR, 15_000).interval_ms, 15_000);
    let fleet = reading(&mut specpower, "fleet", TWO, 0);
    assert!(
        (fleet.value - (10.0 + 37.4 + 10.0 + 12.9)).abs() < 1e-9
            && (fleet.low / fleet.value - 0.7).abs() < 1e-9
    );
}

/// Scenario: Google says 0.374, which is 37.4 percent. Guarantees: it is neither taken for 0.374 percent, nor 37.4 of
/// another provider for a fraction.
#[test]
fn fractions_are_not_percent() {
    let mut specpower = specpower(&SERVICES).unwrap();
    let api = reading(&mut specpower, "api", FRACTION, 0).value;
    let (_, expect, _) = curve_of("gcp", "n2-standard-2", 30.0).unwrap().at(0.374);
    assert!((api - expect).abs() < 1e-9);
    let answer = specpower.decode(&[document("api", 200, VECTOR, 0)]);
    assert_eq!(answer.problems[0].reason, "invalid_value");
}

#[test]
fn bad_answers_are_problems() {
    let check = |request: &str, status: u16, body: &str, at_ms: u64, expect: &str| {
        let answer = specpower(&SERVICES).unwrap().decode(&[document(request, status, body, at_ms)]);
        assert_eq!((answer.readings.len(), answer.problems[0].reason.as_str()), (0, expect), "{body}");
    };
    check("order", 200, TWO, 0, "ambiguous");
    check("order", 200, include_str!("../samples/query-empty.json"), 0, "no_samples");
    check("order", 200, include_str!("../samples/query-nan.json"), 0, "invalid_value");
    check("order", 400, include_str!("../samples/query-error.json"), 0, "query_failed");
    check("order", 422, VECTOR, 0, "query_failed");
    check("order", 503, "down", 0, "http_error");
    check("order", 200, include_str!("../samples/query-range-matrix.json"), 0, "wrong_result_type");
    check("order", 200, &VECTOR.replace("37.4", "-1"), 0, "invalid_value");
    check("order", 200, &VECTOR.replace("37.4", "120"), 0, "invalid_value");
    check("order", 200, VECTOR, 600_000, "stale");
    check("order", 200, &VECTOR.replace("1764772800.512", "1764773800.512"), 0, "clock_skew");
    check("order", 200, &VECTOR[..60], 0, "invalid_json");
    check("order", 302, VECTOR, 0, "redirect");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for wrong in [
        "a: query=b",
        "a: instance=m5.large provider=aws",
        "a: instance=m5.large provider=mars query=b",
        "a: instance=m5.huge provider=aws query=b",
        "a: idle_w=5 max_w=1 query=b",
        "a: idle_w=NaN max_w=1 query=b",
        "a: idle_w=1 max_w=2 unit=watts query=b",
    ] {
        assert!(specpower(&[wrong]).is_err(), "{wrong}");
    }
}
