//! The embedded energy backends in their sandbox: what they make of their samples, of hostile documents and of mutated
//! ones, and what survives.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

use std::path::{Path, PathBuf};
use tracewatt::stock::BACKENDS;
use tracewatt_core::detect;
use tracewatt_core::energy::{Quantity, Reading, SubjectKind};
use tracewatt_core::plugin::{self, Backend, Decoded, Document, Engine, Limits, SettingValue, ticking};

/// A backend with settings under which it reads samples.
struct Subject {
    id: &'static str,
    settings: &'static [(&'static str, &'static [&'static str])],
    /// Request, sample, and when it came, milliseconds since the epoch.
    samples: &'static [(&'static str, &'static str, u64)],
}

const DAY_MS: u64 = 1_764_772_801_000;
const WINTER_MS: u64 = 1_768_227_000_000;

const SUBJECTS: [Subject; 5] = [
    Subject {
        id: "kepler",
        settings: &[("services", &["order: container=order"])],
        samples: &[
            ("metrics", "v0.11-container.prom", DAY_MS),
            ("metrics", "v0.9-container.prom", DAY_MS + 5000),
            ("metrics", "v0.11-process.prom", DAY_MS + 10_000),
        ],
    },
    Subject {
        id: "scaphandre",
        settings: &[("services", &["web: exe=nginx", "order: exe=java"])],
        samples: &[
            ("metrics", "v1.0-metrics.prom", DAY_MS),
            ("metrics", "v0.5-comm-exe.prom", DAY_MS + 5000),
            ("metrics", "v1.0.3-containers-metrics.prom", DAY_MS + 10_000),
            ("metrics", "real-capture-1.0.0-vm-fake-powercap.prom", DAY_MS + 15_000),
        ],
    },
    Subject {
        id: "redfish",
        settings: &[(
            "chassis",
            &[
                "one: path=/redfish/v1/Chassis/1/Power",
                "enclosure: path=/redfish/v1/Chassis/Enclosure/Power",
                "rack: path=/redfish/v1/Chassis/1U/EnvironmentMetrics",
            ],
        )],
        samples: &[
            ("one", "legacy-power.json", DAY_MS),
            ("enclosure", "legacy-power-multi-control.json", DAY_MS),
            ("rack", "environment-metrics.json", DAY_MS),
            ("rack", "environment-metrics-with-energy.json", DAY_MS + 60_000),
        ],
    },
    Subject {
        id: "specpower",
        settings: &[(
            "services",
            &[
                "order: instance=m5.large provider=aws query=cpu",
                "fleet: idle_w=5 max_w=50 series=sum query=cpu",
            ],
        )],
        samples: &[
            ("order", "query-vector.json", DAY_MS),
            ("order", "query-scalar.json", DAY_MS + 15_000),
            ("fleet", "query-vector-two-series.json", DAY_MS),
        ],
    },
    Subject {
        id: "electricity_maps",
        settings: &[("zones", &["FR", "DE"])],
        samples: &[
            ("latest FR", "v4-latest.json", WINTER_MS),
            ("forecast FR", "v4-forecast.json", WINTER_MS),
            ("history FR", "v4-history.json", WINTER_MS),
        ],
    },
];

fn folder(id: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("energy-backends").join(id)
}

impl Subject {
    fn backend(&self, engine: &Engine) -> Backend {
        let stock = BACKENDS.iter().find(|stock| stock.id == self.id).unwrap();
        let plugin = stock.load(engine).unwrap();
        let list =
            |texts: &[&str]| SettingValue::TextList(texts.iter().map(|&text| text.to_owned()).collect());
        let settings = self.settings.iter().map(|(name, texts)| ((*name).to_owned(), list(texts))).collect();
        let settings = detect::complete(&plugin.manifest, &settings);
        Backend::new(engine, &plugin, self.id, settings, Limits::DEFAULT).unwrap()
    }

    fn documents(&self) -> Vec<Document> {
        let read = |(request, sample, at_ms): &(&str, &str, u64)| Document {
            target: "there".to_owned(),
            request: (*request).to_owned(),
            status: 200,
            received_at_ms: *at_ms,
            body: std::fs::read(folder(self.id).join("samples").join(sample)).unwrap(),
            ..Document::default()
        };
        self.samples.iter().map(read).collect()
    }
}

fn decode(engine: &Engine, backend: &mut Backend, documents: Vec<Document>) -> Decoded {
    let decoded = ticking(engine, || backend.decode(documents)).unwrap_or_else(|fault| panic!("{fault}"));
    let faults: Vec<String> = decoded.faults.iter().map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    decoded
}

/// Scenario: all samples of every backend. Guarantees: there is a table entry for each, its requests are what the samples
/// answer, each sample alone gives no problem, and readings carry their source.
#[test]
fn every_backend_reads_its_samples() {
    let engine = plugin::engine().unwrap();
    let mut ids: Vec<&str> = SUBJECTS.iter().map(|subject| subject.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, BACKENDS.iter().map(|stock| stock.id).collect::<Vec<_>>());
    for subject in &SUBJECTS {
        let mut backend = subject.backend(&engine);
        let requests = ticking(&engine, || backend.requests(&["there".to_owned()])).unwrap();
        assert!(
            !requests.is_empty() && requests.iter().all(|request| request.path.starts_with('/')),
            "{}",
            subject.id
        );
        let mut readings = Vec::new();
        for document in subject.documents() {
            let processes = subject.id == "kepler" && document.received_at_ms == DAY_MS + 10_000;
            let decoded = decode(&engine, &mut backend, vec![document]);
            let reasons: Vec<&str> = decoded.problems.iter().map(|problem| problem.reason.as_str()).collect();
            // The level is containers, and this sample has only processes.
            assert_eq!(reasons, if processes { vec!["no_samples"] } else { Vec::new() }, "{}", subject.id);
            readings.extend(decoded.readings);
        }
        assert!(readings.iter().all(|reading| reading.source == subject.id && reading.check().is_ok()));
        let expect = if subject.id == "kepler" { 0 } else { 3 };
        assert!(readings.len() >= expect, "{}: {readings:?}", subject.id);
        assert!(
            readings
                .iter()
                .all(|reading| Reading::from_line(&reading.to_line().unwrap()).as_ref() == Ok(reading))
        );
    }
}

/// Scenario: the cases in the folder of every backend. Guarantees: each has some, and they hold.
#[test]
fn the_cases_of_every_backend_hold() {
    let engine = plugin::engine().unwrap();
    for stock in BACKENDS {
        let (plugin, folder) = (stock.load(&engine).unwrap(), folder(stock.id));
        let files = tracewatt_testkit::cases(&folder).unwrap();
        assert!(files.len() > 1, "{}: {files:?}", stock.id);
        for file in files {
            let case = std::fs::read_to_string(&file).unwrap();
            let result = tracewatt_testkit::check_documents(&engine, &plugin, &folder, &case);
            assert_eq!(result, Ok(()), "{}", file.display());
        }
    }
}

/// Scenario: an instance is thrown away between two documents. Guarantees: the counters go on in the next one.
#[test]
fn counters_survive_an_instance() {
    let engine = plugin::engine().unwrap();
    let subject = &SUBJECTS[0];
    let mut first = subject.backend(&engine);
    let document = subject.documents().remove(0);
    decode(&engine, &mut first, vec![document.clone()]);
    let mut second = subject.backend(&engine);
    ticking(&engine, || second.restore(first.snapshot())).unwrap();
    let body = String::from_utf8(document.body.clone()).unwrap().replace("4182.531", "4192.531");
    let later = Document { body: body.into_bytes(), received_at_ms: DAY_MS + 5000, ..document };
    let decoded = decode(&engine, &mut second, vec![later]);
    let order: Vec<&Reading> =
        decoded.readings.iter().filter(|one| one.subject.kind == SubjectKind::Service).collect();
    assert_eq!(order.len(), 1);
    assert_eq!((order[0].quantity, order[0].value, order[0].interval_ms), (Quantity::Energy, 10.0, 5000));
    let fault = ticking(&engine, || second.restore(b"nonsense")).unwrap_err();
    assert!(fault.message.starts_with("the state is no JSON"), "{fault}");
    assert!(decode(&engine, &mut second, Vec::new()).readings.is_empty());
}

/// What servers send that are not what the operator thinks, or not well.
fn hostile() -> Vec<Document> {
    let with = |status: u16, content_type: &str, body: &[u8]| Document {
        status,
        content_type: content_type.to_owned(),
        body: body.to_vec(),
        ..Document::default()
    };
    let deep = "[".repeat(100_000);
    let huge = "a{b=\"".to_owned() + &"x".repeat(4 << 20);
    let mut documents: Vec<Document> = [301, 302, 400, 401, 403, 404, 418, 429, 500, 503, 0, 999]
        .iter()
        .map(|status| with(*status, "", b"{}"))
        .collect();
    for body in [
        "",
        " \n",
        "{",
        "[]",
        "{}",
        "null",
        "0",
        "\"\"",
        "NaN",
        "<html><body>Login</body></html>",
        "\u{feff}{}",
        "a 1",
        "a NaN\n",
        "{\"data\":{\"resultType\":\"vector\",\"result\":[{\"value\":[]}]},\"status\":\"success\"}",
        "{\"PowerControl\":{}}",
        "{\"PowerControl\":[null]}",
        "{\"PowerWatts\":[]}",
        "{\"zone\":\"FR\",\"carbonIntensity\":1e400}",
        "scaph_host_power_microwatts -5\n",
        "scaph_host_power_microwatts 1e30\n",
        &deep,
        &huge,
    ] {
        documents.push(with(200, "", body.as_bytes()));
        documents.push(with(200, "text/html; charset=utf-8", body.as_bytes()));
    }
    documents.push(with(200, "", &[0xff, 0xfe, 0, 1]));
    documents.push(with(200, "", &vec![0; 1 << 20]));
    documents
}

/// Scenario: hostile documents, for requests of the backend and for others. Guarantees: each is a problem, none gives a
/// reading, and none is a fault.
#[test]
fn hostile_documents_give_problems_and_no_readings() {
    let engine = plugin::engine().unwrap();
    for subject in &SUBJECTS {
        let mut backend = subject.backend(&engine);
        for (at, hostile) in hostile().into_iter().enumerate() {
            for request in [subject.samples[0].0, "", "nobody"] {
                let received_at_ms = DAY_MS + at as u64;
                let document = Document {
                    target: "there".to_owned(),
                    request: request.to_owned(),
                    received_at_ms,
                    ..hostile.clone()
                };
                let said = format!(
                    "{} {at} {}",
                    subject.id,
                    String::from_utf8_lossy(&document.body[..document.body.len().min(80)])
                );
                let decoded = decode(&engine, &mut backend, vec![document]);
                assert!(decoded.readings.is_empty() && !decoded.problems.is_empty(), "{said}: {decoded:?}");
            }
        }
        let large =
            Document { status: 200, body: vec![b'1'; plugin::MAX_BODY_BYTES + 1], ..Document::default() };
        let decoded = decode(&engine, &mut backend, vec![large]);
        assert_eq!(decoded.problems[0].reason, "too_large");
    }
}

/// A generator of numbers that is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }
}

const PIECES: [&str; 16] = [
    "NaN",
    "-",
    "1e308",
    "0",
    "\"",
    "{",
    "}",
    "[",
    "]",
    "\n",
    "null",
    "-0",
    "9999999999999999",
    "\\",
    "\u{0}",
    "é",
];

fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(body.len());
        match random.below(6) {
            0 => body.truncate(at),
            1 if at < body.len() => body[at] = random.below(256) as u8,
            2 => {
                let end = (at + random.below(60)).min(body.len());
                body.drain(at..end);
            }
            3 => {
                let end = (at + random.below(400)).min(body.len());
                let copy = body[at..end].to_vec();
                let to = random.below(body.len());
                body.splice(to..to, copy);
            }
            4 if at < body.len() && body[at].is_ascii_digit() => body[at] = b'0' + random.below(10) as u8,
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                body.splice(at..at, piece.bytes());
            }
        }
    }
}

/// Scenario: samples changed at random, always the same ones, at times that go on, stand still or go back.
/// Guarantees: never a fault, and never a reading that cannot be, which the host would make a fault.
#[test]
fn mutated_samples_never_make_a_backend_fail() {
    let engine = plugin::engine().unwrap();
    let mut random = Random(20_260_112);
    for subject in &SUBJECTS {
        let mut backend = subject.backend(&engine);
        let samples = subject.documents();
        let (mut readings, mut problems, mut clock_ms) = (0, 0, 0);
        for _ in 0..150 {
            let mut documents = Vec::new();
            for sample in &samples {
                let mut document = sample.clone();
                mutate(&mut document.body, &mut random);
                clock_ms = (clock_ms + random.below(3000) as u64).saturating_sub(random.below(1000) as u64);
                document.received_at_ms += clock_ms;
                documents.push(document);
            }
            let decoded = decode(&engine, &mut backend, documents);
            readings += decoded.readings.len();
            problems += decoded.problems.len();
        }
        assert!(readings > 5 && problems > 50, "{}: {readings} readings, {problems} problems", subject.id);
    }
}
