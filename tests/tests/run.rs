//! `tracewatt run` and `tracewatt capture`: what a command exports is written and judged, and its exit code is kept.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use prost::Message;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use tracewatt_tests::daemon::request;
use tracewatt_tests::otlp::{MS, Span, document};
use tracewatt_tests::program::{Outcome, Place};

/// Sends a file to where the environment says, and exits as it is told.
const CLIENT: &str = "
import os, sys, urllib.request
endpoint = os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']
assert os.environ['OTEL_EXPORTER_OTLP_PROTOCOL'] == 'http/protobuf'
assert os.environ['OTEL_TRACES_EXPORTER'] == 'otlp' and os.environ['OTEL_METRICS_EXPORTER'] == 'none'
assert 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' not in os.environ and 'OTEL_EXPORTER_OTLP_HEADERS' not in os.environ
if sys.argv[1] != 'nothing':
    body = open(sys.argv[1], 'rb').read()
    headers = {'content-type': 'application/json'}
    urllib.request.urlopen(urllib.request.Request(endpoint + '/v1/traces', body, headers), timeout=30).read()
print('the tests ran')
sys.exit(int(sys.argv[2]))
";

fn calls() -> Vec<Span> {
    let mut spans = vec![Span::server(1, 1, 0, "/orders")];
    for id in 2..14 {
        let start = id * MS;
        spans.push(Span::sql(1, id, 1, &format!("SELECT * FROM item WHERE order_id = {id}")).at(start, MS));
    }
    spans
}

fn ran(place: &Place, options: &[&str], arguments: &[&str]) -> Outcome {
    place.write("client.py", CLIENT).spans("traces.json", &calls());
    let mut command =
        place.command(&[&["run"], options, &["--", "python3", "client.py"], arguments].concat());
    // Whatever the surroundings say about another receiver does not reach the command.
    command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://192.0.2.1:4318/v1/traces");
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret");
    Outcome::of(&command.output().unwrap())
}

#[test]
fn what_a_command_exports_is_judged() {
    let place = Place::new();
    let outcome = ran(&place, &[], &["traces.json", "0"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.starts_with("the tests ran\n"), "{outcome:?}");
    assert!(outcome.stdout.contains("N+1 SQL"), "{outcome:?}");
    assert!(outcome.stderr.contains("wrote 13 spans of 1 export to tracewatt-run.ndjson"), "{outcome:?}");
    // The capture is what was sent, in a line.
    let capture = place.read("tracewatt-run.ndjson");
    assert_eq!(capture.lines().count(), 1);
    let (sent, written): (Value, Value) =
        (serde_json::from_str(&place.read("traces.json")).unwrap(), serde_json::from_str(&capture).unwrap());
    assert_eq!(sent, written);
    let again = place.run(&["analyze", "tracewatt-run.ndjson"]);
    assert!(outcome.stdout.ends_with(&again.stdout), "{outcome:?} {again:?}");
}

#[test]
fn the_exit_code_is_that_of_the_command_then_that_of_the_verdict() {
    let place = Place::new();
    assert_eq!(ran(&place, &["--fail-on", "severity>=warning"], &["traces.json", "0"]).code, 1);
    let failed = ran(&place, &["--fail-on", "severity>=warning"], &["traces.json", "7"]);
    assert_eq!(failed.code, 7, "{failed:?}");
    assert!(failed.stderr.contains("the command failed: exit status: 7"), "{failed:?}");
    // Its traces are worth a look all the same.
    assert!(failed.stdout.contains("N+1 SQL"), "{failed:?}");
    let silent = ran(&place, &["--ci"], &["nothing", "0"]);
    assert_eq!(silent.code, 3, "{silent:?}");
    assert!(silent.stderr.contains("the command exported no spans"), "{silent:?}");
    let killed = place.run(&["run", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.code, 128 + 15, "{killed:?}");
    let missing = place.run(&["run", "--", "no-such-program"]);
    assert_eq!(missing.code, 75);
    assert!(missing.stderr.contains("cannot run `no-such-program`"), "{missing:?}");
}

#[test]
fn the_command_is_told_when_it_is_to_end() {
    let place = Place::new();
    let mut command = place.command(&[
        "run",
        "--",
        "sh",
        "-c",
        "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done",
    ]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn a_capture_reads_as_it_was_sent_in_every_encoding() {
    let place = Place::new();
    let arguments = ["capture", "-o", "-", "--listen-port-http", "0", "--listen-port-grpc", "0"];
    let mut child = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    notes.read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening on 127.0.0.1:").unwrap_or_else(|| panic!("{line}"));
    let port = address.split(' ').next().unwrap().parse().unwrap();

    let json = document(&calls()).to_string();
    let request_of =
        |json: &str| -> opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest {
            serde_json::from_str(json).unwrap()
        };
    let protobuf = request_of(&json).encode_to_vec();
    let send =
        |kind: &str, body: &[u8]| request(port, "POST", "/v1/traces", &[("content-type", kind)], body).status;
    assert_eq!(send("application/json", json.as_bytes()), 200);
    assert_eq!(send("application/x-protobuf", &protobuf), 200);
    assert_eq!(send("application/x-protobuf", b"no protobuf"), 400);
    assert_eq!(send("application/json", b"{\"resourceSpans\": 1}"), 400);
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let mut written = String::new();
    child.stdout.take().unwrap().read_to_string(&mut written).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let requests: Vec<_> = written.lines().map(request_of).collect();
    assert_eq!(requests, [request_of(&json), request_of(&json)]);
    let mut rest = String::new();
    notes.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("wrote 26 spans of 2 exports\n"), "{rest}");
}
