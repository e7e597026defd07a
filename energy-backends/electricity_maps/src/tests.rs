use super::*;

const LATEST: &str = include_str!("../samples/v4-latest.json");
const MEASURED: &str = include_str!("../samples/v4-latest-measured.json");
const V3: &str = include_str!("../samples/v3-latest.json");
const FORECAST: &str = include_str!("../samples/v4-forecast.json");
const HISTORY: &str = include_str!("../samples/v4-history.json");
/// 2026-01-12T14:10:00Z
const NOW_MS: u64 = 1_768_227_000_000;

fn maps(change: impl Fn(&mut Settings)) -> Result<ElectricityMaps, String> {
    let mut settings = Settings::read(Vec::new()).unwrap();
    settings.zones = ["FR", "DE", "FR"].map(str::to_owned).to_vec();
    change(&mut settings);
    ElectricityMaps::new(settings)
}

fn document(request: &str, body: &str) -> Document {
    Document {
        target: "maps".to_owned(),
        request: request.to_owned(),
        status: 200,
        received_at_ms: NOW_MS,
        body: body.as_bytes().to_vec(),
        ..Document::default()
    }
}

#[test]
fn zones_are_asked_for_once_and_by_name() {
    let requests = maps(|settings| settings.forecast = true).unwrap().requests(&["maps".to_owned()]);
    let ids: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
    assert_eq!(ids, ["latest DE", "forecast DE", "latest FR", "forecast FR"]);
    assert_eq!(requests[2].path, "/v4/carbon-intensity/latest");
    let query = [("zone", "FR"), ("disableCallerLookup", "true")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(requests[2].query, query);
    assert!(maps(|settings| settings.zones = vec!["fr".to_owned()]).is_err());
}

#[test]
fn figures_come_with_their_time_and_their_doubt() {
    let answer = maps(|_| ()).unwrap().decode(&[document("latest FR", LATEST)]);
    assert_eq!(answer.problems, []);
    let reading = &answer.readings[0];
    assert_eq!(
        (reading.subject, reading.name.as_str(), reading.quantity),
        (Subject::Zone, "FR", Quantity::Intensity)
    );
    assert_eq!((reading.low, reading.value, reading.high), (35.25, 47.0, 58.75));
    // From 14:00 to 15:00.
    assert_eq!((reading.measured_at_ms, reading.interval_ms), (1_768_230_000_000, 3_600_000));
    assert!(reading.estimated && !reading.forecast);
    let direct = |settings: &mut Settings| {
        settings.zones = vec!["GB".to_owned()];
        settings.emission_factor_type = "direct".to_owned();
    };
    let answer = maps(direct).unwrap().decode(&[document("latest GB", MEASURED)]);
    assert!((answer.readings[0].high - 199.1).abs() < 1e-9 && !answer.readings[0].estimated, "{answer:?}");
    let mut maps = maps(|_| ()).unwrap();
    let answer = maps.decode(&[document("forecast FR", FORECAST), document("history FR", HISTORY)]);
    assert_eq!(answer.problems, []);
    let forecasts: Vec<bool> = answer.readings.iter().map(|reading| reading.forecast).collect();
    assert_eq!(forecasts, [true, true, false]);
}

#[test]
fn nothing_of_another_zone_or_time_is_used() {
    let check = |request: &str, body: &str, expect: &str| {
        let answer = maps(|_| ()).unwrap().decode(&[document(request, body)]);
        assert_eq!((answer.readings.len(), answer.problems[0].reason.as_str()), (0, expect), "{body}");
    };
    check("latest DE", LATEST, "wrong_zone");
    check("latest FR", &LATEST.replace("\"zone\":\"FR\",", ""), "wrong_zone");
    check("latest FR", &LATEST.replace("lifecycle", "direct"), "wrong_factor");
    check("latest DE", V3, "stale");
    check("latest FR", &LATEST.replace("12T14", "12T10"), "stale");
    check("latest FR", &LATEST.replace("12T14", "12T16"), "clock_skew");
    check("latest FR", &LATEST.replace("Z\"", "+01:00\""), "invalid_value");
    for value in ["null", "-5", "99999", "\"NaN\"", "{}"] {
        check(
            "latest FR",
            &LATEST.replace("Intensity\":47", &format!("Intensity\":{value}")),
            "invalid_value",
        );
    }
    check("latest FR", "[]", "wrong_zone");
    check("latest FR", &LATEST[..80], "invalid_json");
    check("forecast FR", LATEST, "path_missing");
    check("latest US", LATEST, "unknown_request");
}

#[test]
fn whoever_asks_too_often_waits() {
    let check = |status: u16, retry_after_s: u32, expect: (&str, u32)| {
        let document = Document { status, retry_after_s, ..document("latest FR", "{}") };
        let answer = maps(|_| ()).unwrap().decode(&[document]);
        assert_eq!((answer.problems[0].reason.as_str(), answer.again_after_s), expect);
    };
    check(429, 120, ("rate_limited", 120));
    check(429, 0, ("rate_limited", 3600));
    check(401, 0, ("unauthorized", 0));
    check(404, 0, ("not_found", 0));
}
