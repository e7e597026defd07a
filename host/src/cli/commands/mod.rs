//! One file per command.

pub mod ack;
pub mod analyze;
pub mod bench;
pub mod capture;
pub mod compile;
pub mod config;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod normalize;
pub mod plugin;
pub mod query;
pub mod run;
pub mod watch;
mod why_not;

use crate::acknowledge_file;
use crate::cli::invocation::{Acknowledgments, ConfigSource};
use crate::cli::terminal::Terminal;
use crate::compiled::Compiler;
use crate::config::{Config, FILE, OTHER_FILE, PluginSource, nearest};
use crate::exit::UsageError;
use crate::ingest::{Source, expand};
use crate::report::{Filter, RenderOptions};
use crate::session::Session;
use crate::trust::{lock, signature::beside};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tracewatt_core::acknowledge::{Acknowledgment, Date};
use tracewatt_core::plugin::Manifest;
use tracewatt_core::report::Report;

/// Acknowledgments of the current folder.
const ACKNOWLEDGMENTS: &str = "tracewatt-acknowledgments.toml";
/// The other tool's file, read where ours is not there.
const OTHER_ACKNOWLEDGMENTS: &str = ".perf-sentinel-acknowledgments.toml";

/// Today in UTC: acknowledgments expire. Nothing else of a document depends on a clock.
pub fn today() -> Date {
    in_days(0)
}

/// The day in UTC so many days after today.
pub fn in_days(days: u32) -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Date::from_unix_seconds(seconds.saturating_add(u64::from(days) * 86_400))
}

/// How commands compile plug-ins that have no compiled form.
pub fn compiler(terminal: &Terminal) -> Compiler<'_> {
    Compiler::apart(|note| terminal.note(note))
}

/// Names the inputs of a command.
pub fn sources(inputs: &[PathBuf]) -> Result<Vec<Source>> {
    let inputs: Vec<String> = inputs.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    Ok(expand(&inputs)?)
}

/// Returns the files that every analysis reads, inputs apart, each with what it is.
pub fn files_read(source: &ConfigSource, config: &Config) -> Vec<(&'static str, PathBuf)> {
    let configuration = match &source.file {
        Some(path) => vec![path.clone()],
        None => [FILE, OTHER_FILE].map(PathBuf::from).to_vec(),
    };
    let acknowledgments = config.acknowledgments.path.clone().unwrap_or_else(default_acknowledgments);
    let components = config.detection.plugins.iter().filter_map(|plugin| match &plugin.source {
        PluginSource::Path(path) => Some([("the plug-in", path.clone()), ("its signature", beside(path))]),
        PluginSource::Builtin(_) => None,
    });
    let locks: Vec<_> =
        configuration.iter().map(|path| ("the lock file", lock::beside(Some(path)))).collect();
    let configuration = configuration.into_iter().map(|path| ("the configuration", path));
    let files = configuration.chain(locks).chain([("the acknowledgments", acknowledgments)]);
    files.chain(components.flatten()).collect()
}

/// Checks that a finding type, or a glob over them, is one that some plug-in reports.
///
/// # Errors
/// A [`UsageError`] with the nearest type.
pub fn check_type(session: &Session, wanted: &str, is: impl Fn(&str) -> bool) -> Result<()> {
    let rules = session.plugins.iter().flat_map(|plugin| &plugin.manifest.rules);
    let names: BTreeSet<&str> = rules.map(|rule| rule.name.as_str()).collect();
    if names.iter().any(|name| is(name)) {
        return Ok(());
    }
    let hint = nearest(wanted, names.iter().copied());
    let hint = hint.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
    let known = names.into_iter().collect::<Vec<_>>().join(", ");
    let message = format!("no plug-in reports findings of type `{wanted}`{hint}; types are {known}");
    Err(UsageError(message).into())
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
    parse_report(&path.display().to_string(), text(path)?.as_bytes())
}

/// Reads the text of a saved report, which is named so.
pub fn parse_report(name: &str, text: &[u8]) -> Result<Report> {
    let report: Report = serde_json::from_slice(text).with_context(|| {
        format!("{name} is no saved report; save one with `tracewatt analyze -o json=report.json`")
    })?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&report.schema_version) != major(tracewatt_core::report::SCHEMA_VERSION) {
        bail!(
            "{name} has schema version {}, this program reads {}; save it anew",
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
        filter: Filter::default(),
    }
}
