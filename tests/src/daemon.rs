//! `tracewatt watch` at work: started on free ports, spoken to over plain HTTP, and stopped by its process id.

#![allow(clippy::expect_used, clippy::panic, reason = "a test whose surroundings fail, fails")]

use crate::otlp::{Span, document};
use crate::program::Place;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take. Nothing is expected to take near so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running daemon; it is killed when this goes.
pub struct Daemon {
    child: Child,
    /// Port of HTTP.
    pub http: u16,
    /// Port of gRPC.
    pub grpc: u16,
    notes: Arc<Mutex<String>>,
    findings: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines as they came.
    pub headers: Vec<String>,
    /// Body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Daemon {
    /// Starts one in a folder, where its configuration lies, and waits until it listens.
    pub fn start(place: &Place, args: &[&str]) -> Daemon {
        let ports = ["--listen-port-http", "0", "--listen-port-grpc", "0"];
        let mut command = place.command(&[&["watch"], &ports[..], args].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let (notes, findings) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(String::new())));
        let (sender, ports) = channel();
        let mut readers = vec![collect(child.stderr.take().expect("a pipe"), notes.clone(), move |line| {
            if let Some(address) = line.strip_prefix("listening on ") {
                let port = address.split(' ').next().and_then(|address| address.rsplit(':').next());
                let _ = sender.send(port.and_then(|port| port.parse().ok()).unwrap_or(0));
            }
        })];
        readers.push(collect(child.stdout.take().expect("a pipe"), findings.clone(), |_| {}));
        let mut daemon = Daemon { child, http: 0, grpc: 0, notes, findings, readers };
        (daemon.http, daemon.grpc) = (daemon.port(&ports), daemon.port(&ports));
        daemon
    }

    fn port(&self, ports: &Receiver<u16>) -> u16 {
        ports.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it does not listen: {}", self.notes()))
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far.
    pub fn notes(&self) -> String {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it has written to standard output so far.
    pub fn findings(&self) -> String {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a request.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        request(self.http, method, path, headers, body)
    }

    /// Gets a document.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"")
    }

    /// Sends a request that changes something, with a body of JSON.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.request(method, path, &[("content-type", "application/json")], body.as_bytes())
    }

    /// Gets the problems, worst first.
    pub fn problems(&self) -> Vec<Value> {
        let answer = self.get("/api/problems?limit=1000").json();
        answer["problems"].as_array().cloned().unwrap_or_else(|| panic!("no list of problems: {answer}"))
    }

    /// Exports spans as OTLP JSON; they must be taken.
    pub fn export(&self, spans: &[Span]) {
        let body = document(spans).to_string();
        let answer =
            self.request("POST", "/v1/traces", &[("content-type", "application/json")], body.as_bytes());
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }

    /// Returns the value of a metric, by its name with labels; 0 when it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        let metrics = self.get("/metrics").body;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.and_then(|value| value.split(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Waits until something holds.
    pub fn until(&self, what: &str, holds: impl Fn(&Daemon) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < PATIENCE, "{what} never came: {}", self.notes());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal: `TERM`, `HUP`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.expect("kill can be started").success());
    }

    /// Tells it to end, and waits; returns its exit code and everything it wrote to standard error.
    pub fn stop(mut self) -> (i32, String) {
        self.signal("TERM");
        let started = Instant::now();
        let code = loop {
            match self.child.try_wait().expect("the program is a child") {
                Some(status) => break status.code().unwrap_or(-1),
                None if started.elapsed() > PATIENCE => panic!("it does not end: {}", self.notes()),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        self.readers.drain(..).for_each(|reader| drop(reader.join()));
        (code, self.notes())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a stream to its end into a text, and shows every line to `each`.
fn collect(
    stream: impl Read + Send + 'static,
    into: Arc<Mutex<String>>,
    mut each: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut text = into.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
            drop(text);
            each(&line);
        }
    })
}

/// Sends a request to a port of this machine on a connection of its own.
pub fn request(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the daemon listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    // A daemon that refuses early may close before it has read everything.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    answer(&String::from_utf8_lossy(&bytes))
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers: Vec<String> = lines.map(str::to_owned).collect();
    let answer = Answer { status: status.unwrap_or(0), headers, body: body.to_owned() };
    match answer.header("transfer-encoding") {
        Some("chunked") => Answer { body: unchunked(body), ..answer },
        _ => answer,
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(..length).filter(|_| length > 0) else { break };
        whole.push_str(chunk);
        body = rest.get(length + 2..).unwrap_or_default();
    }
    whole
}
