//! Who may come in to the daemon: TLS, tokens, and clients that do not behave. Whatever they do ends in a count, and the
//! others are served meanwhile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use tracewatt_tests::daemon::{Answer, Daemon, request};
use tracewatt_tests::program::Place;

/// Certificates signed by one authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for `localhost`, and its key.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// A client that trusts this authority, and shows a certificate where it has one.
    fn client(&self, identity: Option<&(String, String)>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        })
    }
}

/// Sends a request over TLS; returns what came back, or why nothing did.
fn over_tls(port: u16, client: &Arc<ClientConfig>, method: &str, path: &str) -> Result<String, String> {
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(client.clone(), name).unwrap(), socket);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// The value of a metric, read over TLS.
fn metric_over_tls(port: u16, client: &Arc<ClientConfig>, series: &str) -> f64 {
    let text = over_tls(port, client, "GET", "/metrics").unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
}

const TLS: &str = "[daemon]\ntls_cert_path = 'cert.pem'\ntls_key_path = 'key.pem'\n";

/// A folder with a certificate of an authority.
fn with_certificate(authority: &Authority, config: &str) -> Place {
    let place = Place::new();
    let (certificate, key) = authority.issue();
    place.write("cert.pem", certificate).write("key.pem", key);
    place.write("ca.pem", &authority.pem).write("tracewatt.toml", format!("{TLS}{config}"));
    place
}

/// Scenario: both ports have TLS. Guarantees: clients that trust the authority are served; those that do not, and those
/// that speak plain text, are not, and are counted.
#[test]
fn a_port_with_tls_speaks_nothing_else() {
    let authority = Authority::new();
    let place = with_certificate(&authority, "");
    let daemon = Daemon::start(&place, &[]);
    let client = authority.client(None);
    for port in [daemon.http, daemon.grpc] {
        assert!(over_tls(port, &client, "GET", "/health").unwrap().starts_with("HTTP/1.1 200"));
    }
    let stranger = Authority::new().client(None);
    let refused = over_tls(daemon.http, &stranger, "GET", "/health").unwrap_err();
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    assert_eq!(request(daemon.http, "GET", "/health", &[], b"").status, 0);
    let series = "tracewatt_connections_refused_total{reason=\"handshake\"}";
    let counted = || metric_over_tls(daemon.http, &client, series);
    daemon.until("both are counted", |_| counted() == 2.0);
    assert_eq!(daemon.stop().0, 0);
}

/// Scenario: clients must show a certificate. Guarantees: one of the authority is let in, none and another are not.
#[test]
fn clients_without_a_certificate_of_the_authority_stay_outside() {
    let authority = Authority::new();
    let place = with_certificate(&authority, "tls_client_ca_path = 'ca.pem'\n");
    let daemon = Daemon::start(&place, &[]);
    let known = authority.client(Some(&authority.issue()));
    assert!(over_tls(daemon.http, &known, "GET", "/api/status").unwrap().starts_with("HTTP/1.1 200"));
    let unknown = authority.client(Some(&Authority::new().issue()));
    for client in [authority.client(None), unknown] {
        let refused = over_tls(daemon.http, &client, "GET", "/health");
        assert!(refused.is_err(), "{refused:?}");
    }
    let series = "tracewatt_connections_refused_total{reason=\"handshake\"}";
    daemon.until("both are counted", |daemon| metric_over_tls(daemon.http, &known, series) == 2.0);
}

/// Scenario: the certificate is renewed by another authority, then a file is broken. Guarantees: after a reload the new
/// one is shown; what cannot be loaded is refused with a reason, and the one in force stays.
#[test]
fn a_renewed_certificate_is_shown_after_a_reload() {
    let (old, new) = (Authority::new(), Authority::new());
    let place = with_certificate(&old, "");
    let daemon = Daemon::start(&place, &[]);
    let (certificate, key) = new.issue();
    place.write("cert.pem", certificate).write("key.pem", key);
    let reloaded = over_tls(daemon.http, &old.client(None), "POST", "/api/reload").unwrap();
    assert!(reloaded.starts_with("HTTP/1.1 200"), "{reloaded}");
    assert!(over_tls(daemon.http, &old.client(None), "GET", "/health").is_err());
    place.write("cert.pem", "nothing");
    let refused = over_tls(daemon.http, &new.client(None), "POST", "/api/reload").unwrap();
    assert!(refused.starts_with("HTTP/1.1 422") && refused.contains("cert.pem"), "{refused}");
    assert!(over_tls(daemon.http, &new.client(None), "GET", "/health").is_ok());
}

/// Scenario: files for TLS that are not there, hold something else, do not go together, or of which one is missing.
/// Guarantees: the start is refused, and it is said which file and why.
#[test]
fn files_that_do_not_make_tls_refuse_the_start() {
    let authority = Authority::new();
    let refused = |config: &str, says: &str| {
        let place = with_certificate(&authority, "");
        place.write("other.pem", authority.issue().1).write("text.pem", "text");
        place.write(
            "tracewatt.toml",
            format!("[daemon]\nlisten_port_http = 0\nlisten_port_grpc = 0\n{config}"),
        );
        let outcome = place.run(&["watch"]);
        assert!(outcome.code != 0 && outcome.stderr.contains(says), "{outcome:?}");
    };
    refused("tls_cert_path = 'cert.pem'\n", "daemon.tls_key_path is not");
    refused("tls_client_ca_path = 'ca.pem'\n", "without TLS");
    refused("tls_cert_path = 'none.pem'\ntls_key_path = 'key.pem'\n", "cannot read none.pem");
    refused("tls_cert_path = 'text.pem'\ntls_key_path = 'key.pem'\n", "no certificate in PEM");
    refused("tls_cert_path = 'cert.pem'\ntls_key_path = 'text.pem'\n", "no private key in PEM");
    refused("tls_cert_path = 'cert.pem'\ntls_key_path = 'other.pem'\n", "do not go together");
}

/// Scenario: each role has a token; one is taken out of its file. Guarantees: each token opens what is its own and
/// nothing else, over HTTP and gRPC; what is taken out opens nothing after a reload.
#[test]
fn tokens_open_what_they_are_for_until_they_are_taken_out() {
    let place = Place::new();
    let (ingest, read, admin) = ("ingest-0123456789", "read-0123456789ab", "admin-0123456789a");
    place.write("ingest", format!("# exporters\n{ingest}\n")).write("read", read).write("admin", admin);
    let config = "[daemon.tokens]\ningest = [{ file = 'ingest' }]\nread = [{ file = 'read' }]\nadmin = [{ file = 'admin' }]\n";
    place.write("tracewatt.toml", config);
    let daemon = Daemon::start(&place, &[]);
    let ask = |method: &str, path: &str, token: &str| -> Answer {
        let bearer = format!("Bearer {token}");
        let json = ("content-type", "application/json");
        daemon.request(method, path, &[json, ("authorization", &bearer)], b"{}")
    };
    let routes =
        [("POST", "/v1/traces", ingest), ("GET", "/api/status", read), ("POST", "/api/reload", admin)];
    for (method, path, right) in routes {
        for token in [ingest, read, admin] {
            assert_eq!(
                ask(method, path, token).status,
                if token == right { 200 } else { 403 },
                "{path} {token}"
            );
        }
        let none = daemon.request(method, path, &[], b"");
        assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Bearer realm=\"tracewatt\"")));
        assert_eq!(ask(method, path, "guess-0123456789").status, 401);
    }
    assert_eq!(daemon.get("/health").status, 200);
    assert_eq!(daemon.get("/metrics").status, 401);
    assert_eq!(daemon.request("GET", "/metrics", &[("x-api-key", read)], b"").status, 200);
    let grpc = |token: &str| {
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let answer = request(
            daemon.grpc,
            "POST",
            path,
            &[("content-type", "application/grpc"), ("authorization", &format!("Bearer {token}"))],
            &[0; 5],
        );
        answer.header("grpc-status").map(str::to_owned)
    };
    assert_eq!(grpc("guess-0123456789").as_deref(), Some("16"));
    assert_eq!(grpc(read).as_deref(), Some("7"));

    place.write("ingest", "# exporters\n");
    assert_eq!(ask("POST", "/api/reload", admin).status, 200);
    assert_eq!(ask("POST", "/v1/traces", ingest).status, 401);
    let metrics = ask("GET", "/metrics", read).body;
    assert!(metrics.contains("tracewatt_requests_refused_total{reason=\"forbidden\"}"), "{metrics}");
}

/// Scenario: tokens that are missing, short, or written where their place should be. Guarantees: the start is refused, and
/// no message repeats a secret.
#[test]
fn tokens_that_cannot_be_used_refuse_the_start_and_are_not_shown() {
    let refused = |config: &str, says: &str| {
        let place = Place::new();
        place.write("short", "s3cret").write("tracewatt.toml", format!("[daemon.tokens]\n{config}\n"));
        let outcome = place.run(&["watch"]);
        assert!(outcome.code != 0 && outcome.stderr.contains(says), "{outcome:?}");
        assert!(!outcome.stderr.contains("s3cret"), "{outcome:?}");
    };
    refused("read = ['s3cret']", "never the secret itself");
    refused("read = 's3cret'", "never the secret itself");
    refused("read = [{ file = 'none' }]", "cannot read none");
    refused("read = [{ env = 'NO_SUCH_TOKEN' }]", "NO_SUCH_TOKEN is not set");
    refused("read = [{ file = 'short' }]", "16 or more");
}

/// Scenario: clients that say nothing, that send a header byte by byte, and garbage, on both ports. Guarantees: each is cut
/// and counted by its reason; others are served meanwhile.
#[test]
fn clients_that_do_not_behave_are_cut_and_counted() {
    let place = Place::new();
    place.write("tracewatt.toml", "[daemon]\nheader_timeout_ms = 300\n");
    let daemon = Daemon::start(&place, &[]);
    let cut =
        |reason: &str| daemon.metric(&format!("tracewatt_connections_cut_total{{reason=\"{reason}\"}}"));
    let silent: Vec<TcpStream> = [daemon.http, daemon.grpc]
        .iter()
        .map(|port| TcpStream::connect(("127.0.0.1", *port)).unwrap())
        .collect();
    let mut slow = TcpStream::connect(("127.0.0.1", daemon.http)).unwrap();
    for byte in b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: ".iter().chain([b'x'; 400].iter()) {
        if slow.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    daemon.until("three are cut", |_| cut("header") >= 3.0);
    drop(silent);
    for port in [daemon.http, daemon.grpc] {
        let mut garbage = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _ = garbage.write_all(&[0x16, 3, 1, 0, 0xff, 0, 1, 2].repeat(64));
        let _ = garbage.read_to_end(&mut Vec::new());
    }
    daemon.until("both are cut", |_| cut("malformed") >= 2.0);
    assert_eq!(daemon.get("/nothing").status, 404);
    assert!(daemon.metric("tracewatt_requests_refused_total{reason=\"not_found\"}") >= 1.0);
    assert_eq!(daemon.get("/readyz").status, 200);
}

/// Scenario: bodies that never end, of traces and logs over HTTP and of traces over gRPC. Guarantees: each is answered and
/// counted when its time is up; others are served meanwhile.
#[test]
fn a_body_that_never_ends_is_given_up() {
    let place = Place::new();
    place.write("tracewatt.toml", "[daemon]\nrequest_timeout_ms = 300\n");
    let daemon = Daemon::start(&place, &[]);
    let open = |path: &str, kind: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", daemon.http)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 1000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let grpc = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let stalled = [
        (open("/v1/traces", "application/json"), "408"),
        (open("/v1/logs", "application/json"), "408"),
        (open(grpc, "application/grpc"), "grpc-status: 14"),
    ];
    assert_eq!(daemon.get("/health").status, 200);
    for (mut stream, says) in stalled {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(bytes.get(..count).unwrap());
        assert!(text.contains(says), "{text}");
    }
    assert_eq!(daemon.metric("tracewatt_exports_refused_total{reason=\"timeout\"}"), 3.0);
}

/// Scenario: bodies that decompress to far more than they are. Guarantees: each is refused and counted, over each method.
#[test]
fn bodies_that_grow_out_of_all_proportion_are_refused() {
    let place = Place::new();
    place.write("tracewatt.toml", "[daemon]\nmax_payload_size = 65536\n");
    let daemon = Daemon::start(&place, &[]);
    let blank = vec![b' '; 16 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&blank).unwrap();
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    deflate.write_all(&blank).unwrap();
    let zstd = zstd::encode_all(blank.as_slice(), 3).unwrap();
    let bombs = [("gzip", gzip.finish().unwrap()), ("deflate", deflate.finish().unwrap()), ("zstd", zstd)];
    for (method, bomb) in &bombs {
        assert!(bomb.len() < 65_536, "{method}: the limit is met before it is decompressed");
        let headers = [("content-type", "application/json"), ("content-encoding", *method)];
        let answer = daemon.request("POST", "/v1/traces", &headers, bomb);
        assert_eq!(answer.status, 413, "{method}: {} bytes: {answer:?}", bomb.len());
    }
    assert_eq!(daemon.metric("tracewatt_exports_refused_total{reason=\"too_large\"}"), 3.0);
}

/// Scenario: many more connections than there are places, and than one client may have. Guarantees: the ones over the limit
/// are closed and counted; when the others go, it serves as before.
#[test]
fn connections_over_the_limit_are_closed_and_counted() {
    let place = Place::new();
    let limits = "max_connections = 40\nmax_connections_per_client = 20\nheader_timeout_ms = 600000\n";
    place.write("tracewatt.toml", format!("[daemon]\n{limits}"));
    let daemon = Daemon::start(&place, &[]);
    let held: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", daemon.http)).unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
            assert!(stream.read(&mut [0; 512]).unwrap() > 0, "it has its place");
            stream
        })
        .collect();
    for _ in 0..2_000 {
        let mut over = TcpStream::connect(("127.0.0.1", daemon.grpc)).unwrap();
        assert_eq!(over.read_to_end(&mut Vec::new()).unwrap_or(0), 0, "nothing is said to it");
    }
    drop(held);
    let series = "tracewatt_connections_refused_total{reason=\"client_limit\"}";
    // The first that is let in again says so.
    daemon.until("it serves again", |daemon| daemon.get("/health").status == 200);
    assert!(daemon.metric(series) >= 2_000.0);
    daemon.until("only this one is open", |daemon| daemon.metric("tracewatt_connections") == 1.0);
}
