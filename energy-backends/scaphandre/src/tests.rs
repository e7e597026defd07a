use super::*;

const METRICS: &str = include_str!("../samples/v1.0-metrics.prom");
const OLD: &str = include_str!("../samples/v0.5-comm-exe.prom");
const CONTAINERS: &str = include_str!("../samples/v1.0.3-containers-metrics.prom");
const CAPTURE: &str = include_str!("../samples/real-capture-1.0.0-vm-fake-powercap.prom");
const START_MS: u64 = 1_764_772_800_000;

fn scaphandre(services: &[&str]) -> Scaphandre {
    let services = services.iter().map(|text| (*text).to_owned()).collect();
    Scaphandre::new(Settings { services, ..Settings::read(Vec::new()).unwrap() }).unwrap()
}

fn document(body: &str, at_ms: u64) -> Document {
    Document {
        target: "bm-1".to_owned(),
        request: "metrics".to_owned(),
        status: 200,
        received_at_ms: START_MS + at_ms,
        body: body.as_bytes().to_vec(),
        ..Document::default()
    }
}

fn watts(answer: &Answer, subject: Subject, name: &str) -> Option<f64> {
    let mut found =
        answer.readings.iter().filter(|reading| reading.subject == subject && reading.name == name);
    let watts = found.next().map(|reading| (reading.value * 1e3).round() / 1e3);
    assert!(found.next().is_none(), "{answer:?}");
    watts
}

/// Scenario: two workers of nginx, a process of Java, one whose file was deleted.
#[test]
fn all_processes_of_a_service_are_added() {
    let mut scaphandre =
        scaphandre(&["web: exe=nginx", "order: exe=java cmdline=*order-service*", "app: exe=/opt/app/app"]);
    let answer = scaphandre.decode(&[document(METRICS, 0)]);
    assert_eq!(answer.problems, []);
    assert_eq!(watts(&answer, Subject::Service, "web"), Some(0.811));
    assert_eq!(watts(&answer, Subject::Service, "order"), Some(2.872));
    assert_eq!(watts(&answer, Subject::Service, "app"), Some(0.021));
    assert_eq!(watts(&answer, Subject::Host, "bm-1"), Some(38.413));
    assert_eq!(answer.readings.len(), 4);
    let answer = scaphandre.decode(&[document(OLD, 7000)]);
    assert_eq!(watts(&answer, Subject::Service, "web"), Some(0.413));
    assert_eq!(watts(&answer, Subject::Service, "order"), Some(2.872));
    assert!(answer.readings.iter().all(|reading| reading.interval_ms == 7000));
}

#[test]
fn containers_and_pods_are_known_by_their_labels() {
    let answer = scaphandre(&["order: compose_service=order"]).decode(&[document(CONTAINERS, 0)]);
    assert_eq!(watts(&answer, Subject::Service, "order"), Some(2.872));
    assert_eq!(watts(&answer, Subject::Pod, "catalog-7f9c6d5b8d-x2x4k"), Some(0.918));
    assert_eq!(watts(&answer, Subject::Host, "bm-1"), Some(61.2));
}

/// Scenario: a part of what a Scaphandre wrote that ran with 22 W in.
#[test]
fn a_true_capture_is_read() {
    let answer = scaphandre(&["all: exe=*"]).decode(&[document(CAPTURE, 0)]);
    assert_eq!(answer.problems, []);
    let (all, host) =
        (watts(&answer, Subject::Service, "all").unwrap(), watts(&answer, Subject::Host, "bm-1").unwrap());
    assert_eq!((all, host), (10.649, 21.705));
}

#[test]
fn absurd_values_and_pauses_are_not_used() {
    let mut scaphandre = scaphandre(&["web: exe=nginx"]);
    for (at, value) in ["NaN", "-1", "+Inf", "9e15"].into_iter().enumerate() {
        let body = METRICS.replace(" 412907", &format!(" {value}"));
        let answer = scaphandre.decode(&[document(&body, at as u64 * 1000)]);
        assert_eq!(
            (answer.readings.len(), answer.problems[0].reason.as_str()),
            (0, "invalid_value"),
            "{value}"
        );
    }
    let cut = METRICS.len() / 2;
    let answer = scaphandre.decode(&[document(&METRICS[..cut], 5000)]);
    assert_eq!((answer.readings.len(), answer.problems[0].reason.as_str()), (0, "truncated"));
    let answer = scaphandre.decode(&[document(METRICS, 1_000_000)]);
    assert!(answer.readings.iter().all(|reading| reading.interval_ms == 0));
    let answer = scaphandre.decode(&[document(METRICS, 999_000)]);
    assert_eq!((answer.readings.len(), answer.problems[0].reason.as_str()), (0, "clock_skew"));
}
