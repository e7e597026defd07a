//! One file per command.

pub mod ack;
pub mod analyze;
pub mod config;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod normalize;
pub mod plugin;
mod why_not;

use crate::acknowledge_file;
use crate::cli::invocation::Acknowledgments;
use crate::cli::terminal::Terminal;
use crate::config::Config;
use crate::ingest::{Source, expand};
use crate::report::RenderOptions;
use crate::session::Session;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tracewatt_core::acknowledge::{Acknowledgment, Date};
use tracewatt_core::plugin::Manifest;
use tracewatt_core::report::Report;

/// Acknowledgments of the current folder.
const ACKNOWLEDGMENTS: &str = "tracewatt-acknowledgments.toml";
/// The other tool's file, read where ours is not there.
const OTHER_ACKNOWLEDGMENTS: &str = ".perf-sentinel-acknowledgments.toml";

/// Today in UTC. The one place where the host asks a clock for a document: acknowledgments expire.
pub fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Date::from_unix_seconds(seconds)
}

/// Names the inputs of a command.
pub fn sources(inputs: &[PathBuf]) -> Result<Vec<Source>> {
    let inputs: Vec<String> = inputs.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    Ok(expand(&inputs)?)
}

/// Reads the acknowledgments that count: of the file the configuration names, which must exist, or of the default
/// file, if it is there.
pub fn acknowledgments(config: &Config, which: Acknowledgments) -> Result<Vec<Acknowledgment>> {
    if which == Acknowledgments::Ignore {
        return Ok(Vec::new());
    }
    let path = match &config.acknowledgments.path {
        Some(path) if path.is_file() => path.clone(),
        Some(path) => bail!(
            "there is no file of acknowledgments {}; create it with `tracewatt ack add`, or correct the path",
            path.display()
        ),
        None => default_acknowledgments(),
    };
    if !path.is_file() {
        return Ok(Vec::new());
    }
    acknowledge_file::read(&text(&path)?)
        .with_context(|| format!("file of acknowledgments {}", path.display()))
}

/// The file of acknowledgments of the current folder.
pub fn default_acknowledgments() -> PathBuf {
    let (own, other) = (PathBuf::from(ACKNOWLEDGMENTS), PathBuf::from(OTHER_ACKNOWLEDGMENTS));
    if !own.is_file() && other.is_file() { other } else { own }
}

/// Reads a file of text.
pub fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a saved report.
pub fn saved_report(path: &Path) -> Result<Report> {
    let report: Report = serde_json::from_str(&text(path)?).with_context(|| {
        format!(
            "{} is no saved report; save one with `tracewatt analyze -o json={}`",
            path.display(),
            path.display()
        )
    })?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&report.schema_version) != major(tracewatt_core::report::SCHEMA_VERSION) {
        bail!(
            "{} has schema version {}, this program reads {}; save it anew",
            path.display(),
            report.schema_version,
            tracewatt_core::report::SCHEMA_VERSION
        );
    }
    Ok(report)
}

/// How reports are written.
pub fn render<'a>(session: &'a Session, manifests: &'a [Manifest], terminal: &Terminal) -> RenderOptions<'a> {
    let output = &session.config.output;
    RenderOptions {
        color: terminal.color(),
        width: terminal.columns(),
        top: Some(if output.top == 0 { usize::MAX } else { output.top as usize }),
        source_root: output.source_root.as_deref().and_then(Path::to_str),
        config_file: Some(crate::config::FILE),
        run_id: None,
        manifests,
        fail_on_severity: session.config.gate.fail_on_severity,
        fail_on_confidence: session.config.gate.fail_on_confidence,
        list_acknowledged: false,
    }
}
