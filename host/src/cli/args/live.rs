//! Commands that receive traces: `watch`, `capture`, `run`.

use super::{ConfigArgs, JudgeArgs};
use crate::cli::invocation::{Capture, Run, Watch};
use crate::config::Flag;
use clap::Args;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

pub(super) const WATCH_EXAMPLES: &str = "\
Examples:
  tracewatt watch
  tracewatt watch --listen-port-http 14318 --listen-port-grpc 14317
  tracewatt watch --config tracewatt.toml > findings.ndjson";

pub(super) const CAPTURE_EXAMPLES: &str = "\
Examples:
  tracewatt capture -o traces.ndjson
  timeout --signal=INT 60 tracewatt capture -o - | tracewatt analyze -";

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  tracewatt run -- opentelemetry-instrument pytest
  tracewatt run --ci -o text -o sarif=tracewatt.sarif -- npm test
  tracewatt run --capture traces.ndjson -- ./gradlew integrationTest";

#[derive(Debug, Args)]
struct ListenArgs {
    /// Address to listen on; the same as --set daemon.listen_address=...
    #[arg(long, value_name = "ADDRESS")]
    listen_address: Option<IpAddr>,
    /// Port of HTTP; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    listen_port_http: Option<u16>,
    /// Port of OTLP over gRPC; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    listen_port_grpc: Option<u16>,
}

impl ListenArgs {
    fn flags(self) -> Vec<Flag> {
        let port = |name: &str, key: &str, port: Option<u16>| {
            port.map(|port| Flag::integer(format!("{name} {port}"), &["daemon", key], port.into()))
        };
        let address = self.listen_address.map(|address| {
            let text = format!("--listen-address {address}");
            Flag::text(text, &["daemon", "listen_address"], address.to_string())
        });
        let http = port("--listen-port-http", "listen_port_http", self.listen_port_http);
        let grpc = port("--listen-port-grpc", "listen_port_grpc", self.listen_port_grpc);
        [address, http, grpc].into_iter().flatten().collect()
    }
}

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    listen: ListenArgs,
}

impl WatchArgs {
    pub(super) fn resolve(self) -> Watch {
        Watch { config: self.config.resolve(self.listen.flags()) }
    }
}

#[derive(Debug, Args)]
pub(super) struct CaptureArgs {
    /// File to write, OTLP JSON lines; - for standard output
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    listen: ListenArgs,
}

impl CaptureArgs {
    pub(super) fn resolve(self) -> Capture {
        Capture { output: self.output, config: self.config.resolve(self.listen.flags()) }
    }
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Command to run, with its arguments, behind --
    #[arg(value_name = "COMMAND", last = true, required = true)]
    command: Vec<OsString>,
    /// File that the traces are written to, OTLP JSON lines
    #[arg(long, value_name = "PATH", default_value = "tracewatt-run.ndjson")]
    capture: PathBuf,
    #[command(flatten)]
    judge: JudgeArgs,
}

impl RunArgs {
    pub(super) fn resolve(self) -> Result<Run, clap::Error> {
        let analyze = self.judge.resolve("run", vec![self.capture.clone()])?;
        Ok(Run { command: self.command, capture: self.capture, analyze })
    }
}
