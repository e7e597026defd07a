//! `tracewatt run`: a command with OpenTelemetry in it, and a verdict about its traces.

use super::capture::{create, written};
use super::{analyze, compiler};
use crate::cli::invocation::Run;
use crate::cli::terminal::Terminal;
use crate::config::TokensConfig;
use crate::daemon::Capture;
use crate::session::load_session;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;

/// Runs the command. Ends as the command that it runs, if that fails; as `analyze` does otherwise.
pub fn run(command: Run, terminal: &Terminal) -> Result<ExitCode> {
    let Run { command, capture: path, analyze } = command;
    let mut session = load_session(&analyze.config, &compiler(terminal))?;
    // A door for one command: on this machine alone, without the locks of the one that the configuration describes.
    let daemon = &mut session.config.daemon;
    daemon.listen_address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    (daemon.listen_port_http, daemon.listen_port_grpc) = (0, 0);
    (daemon.tls_cert_path, daemon.tls_key_path, daemon.tls_client_ca_path) = (None, None, None);
    daemon.tokens = TokensConfig::default();
    let mut capture = Capture::start(session, create(&path)?, &(Arc::new(|_: &str| {}) as _))?;
    let child = start(&command, capture.port())?;
    let status = capture.wait_for(child)?;
    let captured = capture.finish()?;
    terminal.note(&written(&captured, &path));
    if captured.spans == 0 {
        terminal.note(
            "the command exported no spans: is OpenTelemetry switched on in it? OTEL_EXPORTER_OTLP_ENDPOINT tells it \
             where to; what it sets itself, in code, comes first",
        );
    }
    let verdict = analyze::run(analyze, terminal)?;
    if status.success() {
        return Ok(verdict.into());
    }
    terminal.note(&format!("the command failed: {status}"));
    Ok(ExitCode::from(code(status)))
}

/// Starts the command with all that OpenTelemetry SDKs look at set so that they export here. HTTP and gRPC arrive at
/// the same port.
fn start(command: &[OsString], port: u16) -> Result<Child> {
    let Some((program, arguments)) = command.split_first() else { bail!("there is no command to run") };
    let endpoint = format!("http://127.0.0.1:{port}");
    let mut child = Command::new(program);
    child.args(arguments);
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "false"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        // Some SDKs take TLS for granted with gRPC.
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
    ] {
        child.env(name, value);
    }
    // They come before the general ones.
    for name in ["ENDPOINT", "PROTOCOL", "INSECURE", "HEADERS", "CERTIFICATE", "COMPRESSION"] {
        child.env_remove(format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
    }
    // Headers are tokens, as a rule; they are for another receiver.
    child.env_remove("OTEL_EXPORTER_OTLP_HEADERS");
    if std::env::var_os("OTEL_EXPORTER_OTLP_PROTOCOL").is_none() {
        child.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    }
    child.spawn().with_context(|| format!("cannot run `{}`", program.display()))
}

/// The exit code of a command that failed, as a shell gives it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1).max(1)
}
