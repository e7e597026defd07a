//! Metrics of the daemon: their names are stable, and the readers that others use take both formats.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use std::io::Write;
use std::process::{Command, Stdio};
use tracewatt_tests::daemon::Daemon;
use tracewatt_tests::otlp::{MS, Span, request};
use tracewatt_tests::program::Place;
use tracewatt_tests::workspace;

const PARSE: &str = r#"
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text
mode, path = sys.argv[1:3]
with open(path) as file:
    families = list((open_metrics if mode == "open" else text)(file.read()))
for family in families:
    for sample in family.samples:
        exemplar = sample.exemplar.labels["trace_id"] if sample.exemplar else "-"
        print(family.name, family.type, sample.name, sample.value, exemplar)
"#;

fn ends_well(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A daemon that has found something.
fn judged(place: &Place) -> Daemon {
    place.write("tracewatt.toml", "[daemon]\ntrace_grace_ms = 100\n");
    let daemon = Daemon::start(place, &[]);
    let look_up = |n| Span::sql(1, 0, 0, &format!("SELECT a FROM b WHERE id = {n}")).at(n * 2 * MS, MS);
    daemon.export(&request(7, 0..12, look_up));
    daemon.until("it is judged", |daemon| daemon.metric("tracewatt_traces_judged_total") == 1.0);
    daemon
}

const OPEN: (&str, &str) = ("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");

/// Scenario: both formats are read by the parsers of the Prometheus client for Python. Guarantees: they take them; both
/// say the same; findings and latencies carry the trace they stand for; gauges carry none.
#[test]
fn both_formats_are_read_by_the_client_of_prometheus() {
    let place = Place::new();
    let daemon = judged(&place);
    let scratch = place.path("python");
    ends_well(Command::new("python3").args(["-m", "venv"]).arg(&scratch));
    ends_well(Command::new(scratch.join("bin/pip")).args(["install", "--quiet", "prometheus_client"]));
    place.write("parse.py", PARSE);
    let read = |mode: &str, body: &str| {
        place.write("metrics.txt", body);
        let files = [place.path("parse.py"), place.path("metrics.txt")];
        let [program, file] = &files;
        ends_well(Command::new(scratch.join("bin/python")).arg(program).arg(mode).arg(file))
    };
    let (text, open) = (daemon.get("/metrics"), daemon.request("GET", "/metrics", &[OPEN], b""));
    assert!(text.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    let (text, open) = (read("text", &text.body), read("open", &open.body));
    let names = |read: &str| -> Vec<String> {
        let mut names: Vec<_> = read.lines().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names(&text), names(&open));
    let trace = format!("{:032x}", 7);
    for line in open.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let exemplar = fields.last().copied().unwrap();
        assert!(
            exemplar == "-" || (exemplar == trace && ["counter", "histogram"].contains(&fields[1])),
            "{line}"
        );
    }
    let with = |name: &str| open.lines().any(|line| line.contains(name) && line.ends_with(&trace));
    assert!(with("tracewatt_findings_total") && with("tracewatt_stage_seconds_bucket"), "{open}");
}

/// Scenario: promtool, the checker of Prometheus, reads the metrics. Guarantees: it has nothing to say.
#[test]
fn promtool_has_nothing_to_say() {
    let place = Place::new();
    let daemon = judged(&place);
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|_| panic!("there is no promtool; install it: apt-get install prometheus"));
    child.stdin.take().unwrap().write_all(daemon.get("/metrics").body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said:?}");
}

/// Scenario: every series of a daemon that has found something. Guarantees: the reference page has each, and what it
/// lists is all there is: names are part of what others build on.
#[test]
fn the_reference_page_has_every_name() {
    let place = Place::new();
    let daemon = judged(&place);
    let page = std::fs::read_to_string(workspace().join("docs/reference/metrics.md")).unwrap();
    let body = daemon.get("/metrics").body;
    let served: Vec<&str> =
        body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(served.len() > 30, "{body}");
    for name in served {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in docs/reference/metrics.md");
    }
}
