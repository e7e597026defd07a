use super::*;

const CONTAINERS: &str = include_str!("../samples/v0.11-container.prom");
const OLD: &str = include_str!("../samples/v0.9-container.prom");
const PROCESSES: &str = include_str!("../samples/v0.11-process.prom");
const START_MS: u64 = 1_764_772_800_000;

fn settings(services: &[&str]) -> Settings {
    let settings = Settings::read(Vec::new()).unwrap();
    Settings { services: services.iter().map(|text| (*text).to_owned()).collect(), ..settings }
}

fn document(body: &str, at_ms: u64) -> Document {
    Document {
        target: "node-3".to_owned(),
        request: "metrics".to_owned(),
        status: 200,
        received_at_ms: START_MS + at_ms,
        body: body.as_bytes().to_vec(),
        ..Document::default()
    }
}

/// Decodes a document, then the same 10 s later with some texts replaced.
fn twice(kepler: &mut Kepler, body: &str, changes: &[(&str, &str)]) -> Answer {
    let first = kepler.decode(&[document(body, 0)]);
    assert_eq!((first.readings, first.problems), (Vec::new(), Vec::new()));
    let later = changes.iter().fold(body.to_owned(), |body, (from, to)| {
        assert!(body.contains(from), "{from}");
        body.replace(from, to)
    });
    kepler.decode(&[document(&later, 10_000)])
}

fn of(answer: &Answer, subject: Subject, name: &str, part: Part) -> Option<(f64, u64, Domain)> {
    let fits =
        |reading: &&Reading| reading.subject == subject && reading.name == name && reading.part == part;
    let mut found = answer.readings.iter().filter(fits);
    let reading = found.next()?;
    assert!(found.next().is_none(), "{answer:?}");
    Some(((reading.value * 1000.0).round() / 1000.0, reading.interval_ms, reading.domain))
}

/// Scenario: package, core and dram of a container grow. Guarantees: core, which is part of package, is not added.
#[test]
fn zones_that_contain_each_other_are_not_added() {
    let mut kepler = Kepler::new(settings(&["shop-order: container=order"])).unwrap();
    let changes = [("4182.531", "4200.531"), ("2310.02", "2320.02"), ("301.77", "303.77")];
    let answer = twice(&mut kepler, CONTAINERS, &changes);
    assert_eq!(
        of(&answer, Subject::Service, "shop-order", Part::Active),
        Some((20.0, 10_000, Domain::CpuDram))
    );
    assert_eq!(answer.problems, []);
    let mut package = Kepler::new(Settings { zone_policy: "package".to_owned(), ..settings(&[]) }).unwrap();
    let answer = twice(&mut package, CONTAINERS, &changes);
    assert_eq!(of(&answer, Subject::Container, "order", Part::Active), Some((18.0, 10_000, Domain::Cpu)));
}

#[test]
fn active_and_idle_of_a_node_are_kept_apart() {
    let mut kepler = Kepler::new(settings(&[])).unwrap();
    let answer = twice(&mut kepler, CONTAINERS, &[("302934.5", "302944.5"), ("615339.145", "615419.145")]);
    assert_eq!(of(&answer, Subject::Host, "node-3", Part::Active), Some((10.0, 10_000, Domain::Cpu)));
    assert_eq!(of(&answer, Subject::Host, "node-3", Part::Idle), Some((80.0, 10_000, Domain::Cpu)));
}

#[test]
fn metrics_of_the_old_kepler_are_read() {
    let mut kepler = Kepler::new(settings(&["order: container=order namespace=shop"])).unwrap();
    let answer =
        twice(&mut kepler, OLD, &[("4182.531", "4190.531"), ("301.77", "302.77"), ("8231.001", "9000.0")]);
    assert_eq!(of(&answer, Subject::Service, "order", Part::Active), Some((9.0, 10_000, Domain::CpuDram)));
}

#[test]
fn processes_belong_to_services_by_command() {
    let processes =
        Settings { level: "process".to_owned(), ..settings(&["web: exe=python3*", "order: comm=java"]) };
    let mut kepler = Kepler::new(processes).unwrap();
    let answer = twice(&mut kepler, PROCESSES, &[("882.1", "890.1"), ("10291.52", "10292.52")]);
    assert_eq!(of(&answer, Subject::Service, "web", Part::Active), Some((8.0, 10_000, Domain::Cpu)));
    assert_eq!(of(&answer, Subject::Service, "order", Part::Active), Some((1.0, 10_000, Domain::Cpu)));
}

/// Scenario: Kepler is started anew; a counter goes back a little; a value is no number or impossible.
#[test]
fn counters_that_go_back_give_no_wrong_energy() {
    let mut kepler = Kepler::new(settings(&["order: container=order"])).unwrap();
    let answer = twice(&mut kepler, CONTAINERS, &[("4182.531", "5.5"), ("301.77", "0.5")]);
    assert_eq!(of(&answer, Subject::Service, "order", Part::Active), Some((6.0, 10_000, Domain::CpuDram)));
    for (to, reason) in [
        ("4182.4", "counter_backwards"),
        ("NaN", "invalid_value"),
        ("-3", "invalid_value"),
        ("9e12", "invalid_value"),
    ] {
        let mut kepler = Kepler::new(settings(&["order: container=order"])).unwrap();
        let answer = twice(&mut kepler, CONTAINERS, &[("4182.531", to)]);
        let reasons: Vec<&str> = answer.problems.iter().map(|problem| problem.reason.as_str()).collect();
        assert_eq!(reasons, [reason], "{to}");
        assert!(answer.readings.iter().all(|reading| reading.value < 1e3), "{to}: {answer:?}");
    }
}

#[test]
fn state_survives_a_new_instance() {
    let mut kepler = Kepler::new(settings(&["order: container=order"])).unwrap();
    kepler.decode(&[document(CONTAINERS, 0)]);
    let mut next = Kepler::new(settings(&["order: container=order"])).unwrap();
    next.restore(&kepler.snapshot()).unwrap();
    let answer = next.decode(&[document(&CONTAINERS.replace("4182.531", "4192.531"), 5000)]);
    assert_eq!(of(&answer, Subject::Service, "order", Part::Active).unwrap().0, 10.0);
    let again = next.decode(&[document(CONTAINERS, 5000)]);
    assert_eq!((again.readings.len(), again.problems[0].reason.as_str()), (0, "clock_skew"));
    assert!(next.restore(b"nonsense").is_err());
}
