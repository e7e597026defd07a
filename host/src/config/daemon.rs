//! `[daemon]` as the table of keys has it: what `tracewatt watch` listens on, how much it may hold, and for how long.

use super::webhooks::WebhookConfig;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// `[daemon]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonConfig {
    /// Address of both ports.
    pub listen_address: IpAddr,
    /// Port of HTTP: OTLP, API, metrics, health.
    pub listen_port_http: u16,
    /// Port of OTLP over gRPC.
    pub listen_port_grpc: u16,
    /// Whether an address that others can reach may do without TLS.
    pub insecure: bool,
    /// Certificate chain, PEM.
    pub tls_cert_path: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key_path: Option<PathBuf>,
    /// Certificates by which clients are known, PEM.
    pub tls_client_ca_path: Option<PathBuf>,
    /// Where the tokens of clients are.
    pub tokens: TokensConfig,
    /// Whether metrics need no token.
    pub metrics_open: bool,
    /// Bytes of one request, decompressed.
    pub max_payload_size: usize,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Connections of one client address at the same time.
    pub max_connections_per_client: usize,
    /// Milliseconds the header of a request, or a TLS handshake, may take.
    pub header_timeout_ms: u64,
    /// Milliseconds after which a connection on which nothing happens is closed.
    pub idle_timeout_ms: u64,
    /// Milliseconds a request may take to arrive.
    pub request_timeout_ms: u64,
    /// Requests that wait to be decoded.
    pub ingest_queue_capacity: usize,
    /// MiB of spans that wait for the rest of their trace, or to be judged.
    pub memory_mib: usize,
    /// Traces that are open at the same time.
    pub max_active_traces: usize,
    /// Milliseconds without a span after which a trace is judged.
    pub trace_ttl_ms: u64,
    /// The same once its root has ended.
    pub trace_grace_ms: u64,
    /// Milliseconds after its first span at which a trace is judged in any case.
    pub trace_max_age_ms: u64,
    /// Share of traces that are taken.
    pub sampling_rate: f64,
    /// Threads that judge; 0 for one less than there are processors.
    pub analysis_threads: usize,
    /// Where the daemon runs.
    pub environment: DaemonEnvironment,
    /// Whether `/api` is served.
    pub api_enabled: bool,
    /// Problems that are kept.
    pub max_retained_problems: usize,
    /// Findings that are kept.
    pub max_retained_findings: usize,
    /// Traces that are kept to be explained.
    pub max_retained_traces: usize,
    /// Hours after which a problem that was not seen is resolved.
    pub resolved_after_hours: u64,
    /// Hours for which a problem is new, or regressed.
    pub new_for_hours: u64,
    /// Who is told of problems.
    pub webhooks: Vec<WebhookConfig>,
}

/// `[daemon.tokens]`: nothing for a role that has none; an empty list lets nobody in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensConfig {
    /// For exports.
    pub ingest: Option<Vec<Secret>>,
    /// For what is read.
    pub read: Option<Vec<Secret>>,
    /// For what changes something.
    pub admin: Option<Vec<Secret>>,
}

/// Where secrets are. They are never in the configuration themselves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Secret {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(PathBuf),
}

impl Secret {
    /// Reads the text, as it is now.
    ///
    /// # Errors
    /// A variable that is not set, or not text; a file that cannot be read.
    pub fn read(&self) -> Result<String> {
        match self {
            Secret::Env(name) => std::env::var(name)
                .with_context(|| format!("the environment variable {name} is not set, or not text")),
            Secret::File(path) => {
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
            }
        }
    }

    /// Returns the name of the variable, or the path of the file.
    pub fn place(&self) -> String {
        match self {
            Secret::Env(name) => name.clone(),
            Secret::File(path) => path.display().to_string(),
        }
    }
}

/// Where the daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DaemonEnvironment {
    /// A staging system.
    Staging,
    /// A production system.
    Production,
}
