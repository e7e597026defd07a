//! Real applications: the OpenTelemetry SDKs and instrumentations of PyPI and npm, against a real PostgreSQL, export to
//! the daemon over gRPC, HTTP with protobuf and HTTP with JSON. The findings are those the applications were written for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tracewatt_tests::daemon::Daemon;
use tracewatt_tests::program::Place;
use tracewatt_tests::workspace;

/// PostgreSQL in a folder of its own, on a free port; it ends with this.
struct Postgres {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    fn start() -> Postgres {
        let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap_or_else(|_| {
            panic!("there is no PostgreSQL in /usr/lib/postgresql; install it: apt-get install postgresql")
        });
        let programs = versions.map(|version| version.unwrap().path().join("bin")).max().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postgres = Postgres { programs, folder: tempfile::tempdir().unwrap(), port };
        if is_root() {
            let owner = Command::new("chown").arg("postgres").arg(postgres.folder.path()).output().unwrap();
            assert!(owner.status.success(), "{owner:?}");
        }
        let data = postgres.folder.path().join("data");
        let data = data.to_str().unwrap();
        postgres.run("initdb", &["-D", data, "-U", "tester", "-A", "trust", "--no-sync"]);
        let options = format!("-p {port} -h 127.0.0.1 -F -k {}", postgres.folder.path().display());
        let log = postgres.folder.path().join("log");
        postgres.run("pg_ctl", &["-D", data, "-o", &options, "-l", log.to_str().unwrap(), "-w", "start"]);
        let rows =
            "CREATE TABLE book AS SELECT id, 'title ' || id AS title FROM generate_series(1, 100) AS id";
        postgres.run("psql", &["-q", "-c", rows, &postgres.url()]);
        postgres
    }

    fn url(&self) -> String {
        format!("postgresql://tester@127.0.0.1:{}/postgres", self.port)
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = self.command(program, args).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The server refuses to run as root.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = Command::new(if is_root() { Path::new("runuser") } else { &program });
        if is_root() {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        command.args(args).current_dir("/");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let _ = self.command("pg_ctl", &["-D", &data.to_string_lossy(), "-m", "immediate", "stop"]).output();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// Runs a program to its end.
fn ends_well(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(status.success(), "{command:?}: {said:?}");
}

fn application(name: &str) -> PathBuf {
    workspace().join("tests/clients").join(name)
}

/// Waits for the requests of an application and says which problems the daemon found in its service.
fn problems(daemon: &Daemon, service: &str, traces: f64) -> BTreeSet<(String, String, u64)> {
    daemon
        .until("every request is judged", |daemon| daemon.metric("tracewatt_traces_judged_total") >= traces);
    let known = daemon.problems();
    let of_service = known.iter().map(|known| &known["problem"]).filter(|one| one["service"] == service);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    of_service
        .map(|one| (text(&one["type"]), text(&one["source_endpoint"]), one["occurrences"].as_u64().unwrap()))
        .collect()
}

fn expected() -> BTreeSet<(String, String, u64)> {
    [("n_plus_one_sql", "GET /each", 12), ("redundant_sql", "GET /again", 6)]
        .map(|(kind, endpoint, count)| (kind.to_owned(), endpoint.to_owned(), count))
        .into()
}

#[test]
fn applications_in_python_and_javascript_are_judged_as_they_were_written() {
    let postgres = Postgres::start();
    let place = Place::new();
    place.write("tracewatt.toml", "[daemon]\ntrace_grace_ms = 200\n");
    let daemon = Daemon::start(&place, &[]);
    let (http, grpc) =
        (format!("http://127.0.0.1:{}/v1/traces", daemon.http), format!("http://127.0.0.1:{}", daemon.grpc));
    let mut traces = 0.0;
    let mut check = |service: &str, application: &mut Command, exporter: &str, endpoint: &str| {
        ends_well(application.args([&postgres.url(), exporter, endpoint, service]));
        traces += 3.0;
        assert_eq!(problems(&daemon, service, traces), expected(), "{service}");
    };

    let scratch = place.path("python");
    ends_well(Command::new("python3").args(["-m", "venv"]).arg(&scratch));
    ends_well(Command::new(scratch.join("bin/pip")).args(["install", "--quiet"]).args([
        "psycopg[binary]",
        "opentelemetry-sdk",
        "opentelemetry-instrumentation-psycopg",
        "opentelemetry-exporter-otlp-proto-grpc",
        "opentelemetry-exporter-otlp-proto-http",
    ]));
    let python = || {
        let mut command = Command::new(scratch.join("bin/python"));
        command.arg(application("app.py"));
        command
    };
    check("python-grpc", &mut python(), "grpc", &grpc);
    check("python-http", &mut python(), "http", &http);

    let scratch = place.path("node");
    ends_well(
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
            .arg(&scratch)
            .args([
                "pg",
                "@opentelemetry/api",
                "@opentelemetry/sdk-trace-node",
                "@opentelemetry/sdk-trace-base",
                "@opentelemetry/resources",
                "@opentelemetry/instrumentation",
                "@opentelemetry/instrumentation-pg",
                "@opentelemetry/exporter-trace-otlp-grpc",
                "@opentelemetry/exporter-trace-otlp-http",
                "@opentelemetry/exporter-trace-otlp-proto",
            ]),
    );
    std::fs::copy(application("app.js"), scratch.join("app.js")).unwrap();
    let node = || {
        let mut command = Command::new("node");
        command.arg(scratch.join("app.js"));
        command
    };
    check("node-grpc", &mut node(), "grpc", &grpc);
    check("node-json", &mut node(), "http", &http);
    check("node-proto", &mut node(), "proto", &http);
    let refused = daemon.get("/metrics").body;
    assert!(
        refused
            .lines()
            .filter(|line| line.starts_with("tracewatt_exports_refused_total"))
            .all(|line| line.ends_with(" 0")),
        "{refused}"
    );
}
