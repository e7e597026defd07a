use super::*;

const POWER: &str = include_str!("../samples/legacy-power.json");
const PARTS: &str = include_str!("../samples/legacy-power-multi-control.json");
const NULL: &str = include_str!("../samples/power-reading-null.json");
const ENVIRONMENT: &str = include_str!("../samples/environment-metrics.json");
const ENERGY: &str = include_str!("../samples/environment-metrics-with-energy.json");
const GPU: &str = include_str!("../samples/processor-gpu-environment-metrics.json");
const START_MS: u64 = 1_764_772_800_000;

const CHASSIS: [&str; 4] = [
    "one: path=/redfish/v1/Chassis/1/Power target=bmc",
    "enclosure: path=/redfish/v1/Chassis/Enclosure/Power target=bmc",
    "rack: path=/redfish/v1/Chassis/1U/EnvironmentMetrics",
    "gpu: path=/redfish/v1/Systems/HGX_Baseboard_0/Processors/GPU_SXM_1/EnvironmentMetrics target=bmc domain=gpu",
];

fn redfish(chassis: &[&str]) -> Result<Redfish, String> {
    let chassis = chassis.iter().map(|text| (*text).to_owned()).collect();
    Redfish::new(Settings { chassis, ..Settings::read(Vec::new()).unwrap() })
}

fn document(request: &str, body: &str, at_ms: u64) -> Document {
    Document {
        target: "bmc".to_owned(),
        request: request.to_owned(),
        status: 200,
        received_at_ms: START_MS + at_ms,
        body: body.as_bytes().to_vec(),
        ..Document::default()
    }
}

fn check(redfish: &mut Redfish, request: &str, body: &str, at_ms: u64, expect: (Quantity, f64, u64, Domain)) {
    let answer = redfish.decode(&[document(request, body, at_ms)]);
    assert_eq!(answer.problems, [], "{body}");
    let reading = &answer.readings[0];
    assert_eq!((reading.quantity, reading.value, reading.interval_ms, reading.domain), expect, "{body}");
}

#[test]
fn every_sample_is_read() {
    let mut redfish = redfish(&CHASSIS).unwrap();
    let paths: Vec<String> =
        redfish.requests(&["bmc".to_owned(), "other".to_owned()]).into_iter().map(|r| r.id).collect();
    assert_eq!(paths, ["one", "enclosure", "rack", "gpu", "rack"]);
    check(&mut redfish, "one", POWER, 0, (Quantity::Power, 287.0, 0, Domain::Wall));
    check(&mut redfish, "one", POWER, 60_000, (Quantity::Power, 287.0, 60_000, Domain::Wall));
    check(&mut redfish, "enclosure", PARTS, 0, (Quantity::Power, 812.4, 0, Domain::Wall));
    check(&mut redfish, "rack", ENVIRONMENT, 0, (Quantity::Power, 361.5, 0, Domain::Wall));
    check(&mut redfish, "gpu", GPU, 0, (Quantity::Power, 417.2, 0, Domain::Gpu));
    let supplies = POWER.replace("\"PowerConsumedWatts\":287", "\"PowerConsumedWatts\":null");
    check(&mut redfish, "one", &supplies, 120_000, (Quantity::Power, 300.5, 60_000, Domain::Wall));
}

/// Scenario: a counter of joules grows by what the power says, stands still, starts over, grows absurdly.
/// Guarantees: it is used only where it fits the power.
#[test]
fn energy_counters_are_used_where_they_are_believable() {
    let mut redfish = redfish(&CHASSIS).unwrap();
    check(&mut redfish, "rack", ENERGY, 0, (Quantity::Power, 361.5, 0, Domain::Wall));
    let later = |joules: &str| ENERGY.replace("1172430900000", joules);
    check(
        &mut redfish,
        "rack",
        &later("1172430921000"),
        60_000,
        (Quantity::Energy, 21_000.0, 60_000, Domain::Wall),
    );
    check(
        &mut redfish,
        "rack",
        &later("1172430921000"),
        120_000,
        (Quantity::Power, 361.5, 60_000, Domain::Wall),
    );
    check(&mut redfish, "rack", &later("100"), 180_000, (Quantity::Power, 361.5, 60_000, Domain::Wall));
    check(&mut redfish, "rack", &later("99999999"), 240_000, (Quantity::Power, 361.5, 60_000, Domain::Wall));
}

#[test]
fn bad_documents_are_problems() {
    let check = |request: &str, body: &str, expect: &str| {
        let answer = redfish(&CHASSIS).unwrap().decode(&[document(request, body, 0)]);
        assert_eq!((answer.readings.len(), answer.problems[0].reason.as_str()), (0, expect), "{body}");
    };
    check("one", NULL, "invalid_value");
    check("one", "", "empty_body");
    check("one", &POWER[..POWER.len() / 2], "invalid_json");
    check("one", "<html></html>", "wrong_content_type");
    check("one", "{}", "path_missing");
    check("one", PARTS, "wrong_subject");
    check("nobody", POWER, "unknown_request");
    for watts in ["-1", "0", "1e99", "\"NaN\"", "true"] {
        check("one", &POWER.replace("Watts\":287", &format!("Watts\":{watts}")), "invalid_value");
    }
}

#[test]
fn paths_stay_where_they_belong() {
    for wrong in [
        "a: path=/etc/passwd",
        "a: path=/redfish/../x",
        "a: path=/redfish//evil/x",
        "a: path=/redfish/%2e%2e/x",
        "a: path=/redfish/x?y",
        "a: target=b",
        "a: path=/redfish/x domain=moon",
    ] {
        assert!(redfish(&[wrong]).is_err(), "{wrong}");
    }
    assert!(redfish(&["a: path=/redfish/x", "a: path=/redfish/y"]).is_err());
}
