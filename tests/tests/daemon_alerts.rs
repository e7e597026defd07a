//! Webhooks of the daemon, against a real server that fails first; and what examples/daemon holds, checked by the
//! programs it is for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tracewatt_tests::daemon::Daemon;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::Place;
use tracewatt_tests::workspace;

/// What a receiver got: headers and body.
type Got = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A receiver of webhooks that answers `failing` times with 503, then with 200.
struct Receiver {
    port: u16,
    got: Got,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    fn start(failing: usize) -> Receiver {
        let got = Got::default();
        let answer = move |State(got): State<Got>, headers: HeaderMap, body: Bytes| async move {
            let mut got = got.lock().unwrap();
            got.push((headers, String::from_utf8(body.to_vec()).unwrap()));
            if got.len() <= failing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
        };
        let router = Router::new().route("/hook", post(answer)).with_state(got.clone());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Receiver { port, got, _runtime: runtime }
    }

    fn got(&self) -> Vec<(HeaderMap, String)> {
        self.got.lock().unwrap().clone()
    }
}

fn spans(trace: u64, table: &str) -> Vec<Span> {
    request(u128::from(trace), 0..12, |n| {
        Span::sql(1, 0, 0, &format!("SELECT a FROM {table} WHERE id = {n}")).at(n * 2 * MS, MS)
    })
}

fn hook(port: u16, more: &str) -> String {
    format!(
        "[daemon]\ntrace_grace_ms = 100\n[[daemon.webhooks]]\nurl = 'http://127.0.0.1:{port}/hook'\n\
         secret = {{ file = 'secret' }}\n{more}"
    )
}

/// Scenario: the receiver answers 503 first. Guarantees: the event comes again, as the same delivery, until it is taken;
/// each attempt is signed anew with the secret over time and body; the same problem is not told a second time.
#[test]
fn an_event_is_signed_and_sent_until_it_is_taken() {
    let receiver = Receiver::start(1);
    let place = Place::new();
    place.write("secret", "between us\n").write("tracewatt.toml", hook(receiver.port, ""));
    let daemon = Daemon::start(&place, &[]);
    daemon.export(&spans(1, "author"));
    let sent = "tracewatt_webhook_deliveries_total{result=\"sent\"}";
    daemon.until("the event is taken", |daemon| daemon.metric(sent) == 1.0);
    assert_eq!(daemon.metric("tracewatt_webhook_deliveries_total{result=\"retried\"}"), 1.0);
    let got = receiver.got();
    assert_eq!(got.len(), 2, "{got:?}");
    for (headers, body) in &got {
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"between us").unwrap();
        mac.update(format!("{}.{body}", header("tracewatt-timestamp")).as_bytes());
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(header("tracewatt-signature"), format!("v1={hex}"));
        assert_eq!((header("tracewatt-event"), header("content-type")), ("problem.new", "application/json"));
        let event: Value = serde_json::from_str(body).unwrap();
        assert_eq!(event["delivery"], header("tracewatt-delivery"));
        assert_eq!(event["problem"]["problem"]["type"], "n_plus_one_sql");
    }
    assert_eq!(got[0].0.get("tracewatt-delivery"), got[1].0.get("tracewatt-delivery"));

    daemon.export(&spans(2, "author"));
    daemon.export(&spans(3, "book"));
    daemon.until("the other problem is told", |daemon| daemon.metric(sent) == 2.0);
    assert!(receiver.got().last().unwrap().1.contains("FROM book"), "{:?}", receiver.got());
    let shown = daemon.get("/api/config").body;
    assert!(!shown.contains("/hook"), "the address is a secret: {shown}");
}

/// Scenario: somebody has accepted the problem; the receiver refuses for good; the secret is not there. Guarantees:
/// nothing is told of what is accepted; what is refused is not sent again, and counted; the start is refused with a
/// reason.
#[test]
fn what_must_not_be_told_is_not() {
    let receiver = Receiver::start(0);
    let place = Place::new();
    place.write("secret", "s").write("tracewatt.toml", hook(receiver.port, "").replace("/hook", "/gone"));
    let daemon = Daemon::start(&place, &[]);
    let accepted = json!({ "service": "shop", "reason": "known", "by": "ada" });
    assert_eq!(daemon.send("POST", "/api/acks", &accepted).status, 201);
    daemon.export(&spans(1, "author"));
    let other: Vec<Span> = spans(2, "book").into_iter().map(|span| span.of("cart")).collect();
    daemon.export(&other);
    let given_up = "tracewatt_webhook_deliveries_total{result=\"given_up\"}";
    daemon.until("the event is refused", |daemon| daemon.metric(given_up) == 1.0);
    assert_eq!(daemon.metric("tracewatt_webhook_deliveries_total{result=\"retried\"}"), 0.0);
    let (code, notes) = daemon.stop();
    assert_eq!(code, 0, "{notes}");

    let broken = hook(receiver.port, "").replace("file = 'secret'", "file = 'nowhere'");
    place.write("tracewatt.toml", broken);
    let outcome = place.run(&["watch", "--listen-port-http", "0", "--listen-port-grpc", "0"]);
    assert!(outcome.code == 75 && outcome.stderr.contains("cannot read nowhere"), "{outcome:?}");
}

/// Scenario: the rules for alerts that we ship. Guarantees: promtool takes them, their tests pass, and every metric they
/// name is one of ours.
#[test]
fn the_rules_for_alerts_hold() {
    let folder = workspace().join("examples/daemon");
    for args in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let output = Command::new("promtool")
            .args(args)
            .current_dir(&folder)
            .output()
            .unwrap_or_else(|_| panic!("there is no promtool; install it: apt-get install prometheus"));
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{args:?}: {said:?}");
    }
    let rules = std::fs::read_to_string(folder.join("alerts.yaml")).unwrap();
    let page = std::fs::read_to_string(workspace().join("docs/reference/metrics.md")).unwrap();
    let names: Vec<&str> = rules
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with("tracewatt_"))
        .collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is no metric of ours");
    }
}

/// Scenario: the configurations of the example topologies. Guarantees: our own check takes each; every folder has one and
/// a pipeline of the Collector that names the ports we listen on.
#[test]
fn the_example_topologies_hold() {
    let folder = workspace().join("examples/daemon");
    let place = Place::new();
    place.write("hook-secret", "s");
    for topology in ["collector", "sidecar", "sharded"] {
        let config = folder.join(topology).join("tracewatt.toml");
        let outcome = place.run(&["config", "check", "--config", config.to_str().unwrap()]);
        assert_eq!(outcome.code, 0, "{topology}: {outcome:?}");
        let collector = std::fs::read_to_string(folder.join(topology).join("collector.yaml")).unwrap();
        assert!(collector.contains("4317") && collector.contains("receivers:"), "{topology}");
    }
}
