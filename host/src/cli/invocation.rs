//! What was meant by a command line. Commands get an [`Invocation`]; nothing behind it looks at the command
//! line again.

use super::remote::Query;
use crate::config::Flag;
use crate::report::Output;
use clap::{Args, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::str::FromStr;
use tracewatt_core::acknowledge::Date;
use tracewatt_core::gate::{FAIL_ON_SEVERITY, MAX_NEW};
use tracewatt_core::report::{ConfidenceLevel, Severity};

/// What was meant by a command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// When to use colour.
    pub color: ColorChoice,
    /// When to show how far an analysis is.
    pub progress: ProgressChoice,
    /// Whether only errors go to standard error.
    pub quiet: bool,
    /// What to do.
    pub command: Action,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Analyse traces.
    Analyze(Analyze),
    /// Show one trace, or why something was not found.
    Explain(Explain),
    /// Compare.
    Diff(Diff),
    /// Say what the traces lack.
    Doctor(Doctor),
    /// Run as a daemon.
    Watch(Watch),
    /// Receive traces and write them.
    Capture(Capture),
    /// Run a command and judge its traces.
    Run(Run),
    /// Ask a daemon.
    Query(Query),
    /// Analyse the bundled traces.
    Demo(Demo),
    /// Normalize JSON lines from standard input.
    Normalize,
    /// Compile a component for another process of this program.
    Compile,
    /// Measure an analysis.
    Bench(Bench),
    /// Work on the file of acknowledgments.
    Ack(Ack),
    /// Check and show the configuration.
    Config(ConfigAction, ConfigSource),
    /// Work on plug-ins.
    Plugin(PluginAction),
}

/// `tracewatt plugin`.
#[derive(Clone, Debug, PartialEq)]
pub enum PluginAction {
    /// Write the folder of a new one.
    New {
        /// What it is.
        kind: Kind,
        /// Folder, the last part of which is its name.
        folder: PathBuf,
        /// What it is written in.
        language: Language,
    },
    /// Write the SDK into the folder of one.
    Sdk {
        /// Folder.
        folder: PathBuf,
    },
    /// Make a component.
    Build {
        /// Folder.
        folder: PathBuf,
        /// Where the component goes; without one, into the folder.
        output: Option<PathBuf>,
    },
    /// Run the cases of a folder.
    Test {
        /// The plug-in, a folder.
        subject: Subject,
        /// Part of the names of the cases that are run.
        only: Option<String>,
    },
    /// Say whether it would be loaded.
    Check {
        /// The plug-in.
        subject: Subject,
        /// Whether to offer it everything there is as well.
        conformance: bool,
    },
    /// Show what a component is.
    Inspect(Subject),
    /// Analyse traces with it alone.
    Run(PluginRun),
    /// Measure what it costs.
    Bench {
        /// The plug-in.
        subject: Subject,
        /// Trace file; made-up traces unless given.
        traces: Option<PathBuf>,
        /// Spans of the made-up traces, at least.
        spans: u64,
        /// Runs of each step.
        runs: u32,
    },
    /// Compare what two versions of one find.
    Diff(PluginDiff),
    /// Make a call that failed again.
    Replay(Replay),
    /// List those of the configuration.
    List(ConfigSource),
    /// Write the lock file, or compare with it.
    Lock(PluginLock),
}

/// `tracewatt plugin lock`.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginLock {
    /// Configuration.
    pub config: ConfigSource,
    /// What may take the place of what was locked.
    pub accept: Accept,
    /// Whether to compare only.
    pub check: bool,
}

/// Which components may take the place of those that were locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accept {
    /// None.
    Nothing,
    /// Those of these plug-ins.
    These(Vec<String>),
    /// All.
    Everything,
}

/// `tracewatt plugin diff`.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginDiff {
    /// The plug-in as it is, with the settings of both.
    pub old: Subject,
    /// The plug-in as it would be: component, or folder of a plug-in.
    pub new: PathBuf,
    /// Files, globs, `-`; never empty.
    pub inputs: Vec<PathBuf>,
    /// What to write; none stands for text.
    pub outputs: Vec<Output>,
}

/// `tracewatt plugin replay`.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Fault bundle.
    pub bundle: PathBuf,
    /// The component; without one, that of the configuration with the digest in the bundle.
    pub plugin: Option<PathBuf>,
    /// Configuration.
    pub config: ConfigSource,
}

/// `tracewatt plugin run`.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginRun {
    /// The plug-in.
    pub subject: Subject,
    /// Files, globs, `-`; never empty.
    pub inputs: Vec<PathBuf>,
    /// Reports to write; none stands for text.
    pub outputs: Vec<Output>,
}

/// A plug-in by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Component, or folder of a plug-in.
    pub plugin: PathBuf,
    /// Settings of it, `name=value`.
    pub settings: Vec<String>,
    /// Other keys of the configuration.
    pub flags: Vec<Flag>,
}

/// What a plug-in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Judges traces one by one.
    Detector,
}

/// What a plug-in is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, with cargo.
    Rust,
    /// JavaScript, with componentize-js of npm.
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    /// Python, with componentize-py of PyPI.
    Python,
}

/// `tracewatt watch`.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Where the configuration comes from.
    pub config: ConfigSource,
}

/// `tracewatt capture`.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// File to write, `-` for standard output.
    pub output: PathBuf,
    /// Where the configuration comes from.
    pub config: ConfigSource,
}

/// `tracewatt run`.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Command with its arguments; never empty.
    pub command: Vec<OsString>,
    /// File that the traces are written to.
    pub capture: PathBuf,
    /// What is done with them.
    pub analyze: Analyze,
}

/// `tracewatt bench`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bench {
    /// Where the configuration comes from.
    pub config: ConfigSource,
    /// Trace file; made-up traces unless given.
    pub input: Option<PathBuf>,
    /// Spans of the made-up traces, at least.
    pub spans: u64,
    /// Runs of each step.
    pub runs: u32,
    /// Write the made-up traces here, and measure nothing.
    pub write: Option<PathBuf>,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigSource {
    /// File that must exist; without one, the usual places.
    pub file: Option<PathBuf>,
    /// What overrides the file, in order: `--set`, then flags that stand for keys.
    pub flags: Vec<Flag>,
}

/// What makes a command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the verdict decides the exit code.
    pub enforced: bool,
    /// What can fail: the gate unless said.
    pub fail_on: FailOn,
}

/// Whether acknowledgments count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgments {
    /// They count; the problems are left out.
    Apply,
    /// They count; the problems are shown as acknowledged.
    Show,
    /// They are not read.
    Ignore,
}

/// `analyze`.
#[derive(Clone, Debug, PartialEq)]
pub struct Analyze {
    /// Files, globs, `-`; never empty.
    pub inputs: Vec<PathBuf>,
    /// Configuration.
    pub config: ConfigSource,
    /// Reports to write; empty for those of the configuration.
    pub outputs: Vec<Output>,
    /// What makes it fail.
    pub verdict: Verdict,
    /// Saved report to compare with.
    pub baseline: Option<PathBuf>,
    /// Whether acknowledgments count.
    pub acknowledgments: Acknowledgments,
    /// What is shown.
    pub filters: Filters,
    /// Where the traces were recorded.
    pub environment: Environment,
    /// Whether to write timings to standard error.
    pub timings: bool,
    /// Whether to write what every plug-in did and took to standard error.
    pub plugin_stats: bool,
    /// Folder for fault bundles.
    pub fault_bundles: Option<PathBuf>,
}

/// `explain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explain {
    /// Files, globs, `-`; never empty.
    pub inputs: Vec<PathBuf>,
    /// Configuration.
    pub config: ConfigSource,
    /// What to explain.
    pub question: Question,
}

/// What to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// One trace.
    Trace(String),
    /// Why there is no finding of a type.
    WhyNot {
        /// Finding type.
        kind: String,
        /// Service, a glob.
        service: Option<String>,
        /// Endpoint, a glob.
        endpoint: Option<String>,
    },
}

/// `diff`.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// Traces or saved report from before.
    pub before: PathBuf,
    /// Traces or saved report from after.
    pub after: PathBuf,
    /// Configuration.
    pub config: ConfigSource,
    /// Reports to write; empty for text.
    pub outputs: Vec<Output>,
    /// What makes it fail.
    pub verdict: Verdict,
    /// Whether acknowledgments count.
    pub acknowledgments: Acknowledgments,
}

/// `doctor`.
#[derive(Clone, Debug, PartialEq)]
pub struct Doctor {
    /// Files, globs, `-`; never empty.
    pub inputs: Vec<PathBuf>,
    /// Configuration.
    pub config: ConfigSource,
}

/// `demo`.
#[derive(Clone, Debug, PartialEq)]
pub struct Demo {
    /// Configuration.
    pub config: ConfigSource,
    /// Reports to write; empty for text.
    pub outputs: Vec<Output>,
}

/// `ack`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ack {
    /// File of acknowledgments; without one, the default.
    pub file: Option<PathBuf>,
    /// Address of a daemon, in place of a file.
    pub daemon: Option<String>,
    /// What to do with it.
    pub action: AckRequest,
}

/// What to do with the file of acknowledgments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckRequest {
    /// Add an entry.
    Add {
        /// What is accepted.
        subject: AckSubject,
        /// Why.
        reason: String,
        /// Until when.
        expires: Option<Expiry>,
        /// Who accepts it.
        by: Option<String>,
    },
    /// List the entries.
    List,
    /// Remove those that have expired.
    Prune,
    /// Take the one of this number back, from a daemon.
    Revoke(u64),
}

/// What is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckSubject {
    /// One problem: id, fingerprint or signature.
    Problem(String),
    /// All problems that every glob given matches; at least one is given.
    Matching {
        /// Finding type.
        kind: Option<String>,
        /// Service.
        service: Option<String>,
        /// Endpoint.
        endpoint: Option<String>,
    },
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigAction {
    /// Report what is wrong.
    Check,
    /// Print what is in effect.
    Show,
    /// Print the JSON Schema.
    Schema,
}

/// What the formats for people show. What is saved for programs does not depend on it, nor does the verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Filters {
    /// Show only this finding type, a glob; repeatable
    ///
    /// For text, markdown and github: the other formats, the counts and the verdict stay complete.
    #[arg(long = "type", alias = "finding-type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// Show only this service, a glob; repeatable; see --type
    #[arg(long = "service", value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Show only problems of this severity or worse; see --type
    #[arg(long, value_name = "LEVEL", value_parser = severity)]
    pub severity: Option<Severity>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Decides for one stream: the flag, then `NO_COLOR` (<https://no-color.org>: set and not empty), then
    /// `CLICOLOR_FORCE` (<https://bixense.com/clicolors>: set, and neither empty nor `0`), then whether the
    /// stream is a terminal.
    pub fn enabled(self, no_color: Option<&OsStr>, clicolor_force: Option<&OsStr>, terminal: bool) -> bool {
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if no_color.is_some_and(|value| !value.is_empty()) => false,
            ColorChoice::Auto if clicolor_force.is_some_and(|v| !v.is_empty() && v != "0") => true,
            ColorChoice::Auto => terminal,
        }
    }
}

/// When to show how far a long analysis is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressChoice {
    /// On a terminal, unless this is a build.
    #[default]
    Auto,
    /// Always; without a terminal, in a line every few seconds.
    Always,
    /// Never.
    Never,
}

impl ProgressChoice {
    /// Decides by whether standard error is a terminal that can redraw a line, and by the environment variable `CI`,
    /// which builds set.
    pub fn enabled(self, terminal: bool, ci: Option<&OsStr>) -> bool {
        match self {
            ProgressChoice::Always => true,
            ProgressChoice::Never => false,
            ProgressChoice::Auto => terminal && ci.is_none_or(|value| value.is_empty() || value == "false"),
        }
    }
}

/// Where traces were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// A developer's machine.
    Local,
    /// A build.
    Ci,
    /// A staging system.
    Staging,
    /// A production system.
    Production,
}

impl Environment {
    /// Returns the word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Environment::Local => "local_batch",
            Environment::Ci => "ci_batch",
            Environment::Staging => "daemon_staging",
            Environment::Production => "daemon_production",
        }
    }
}

/// What `--fail-on` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailOn {
    /// The rules of `[gate]`.
    pub gate: bool,
    /// Problems not in the baseline.
    pub new: bool,
    /// Problems of this severity or worse.
    pub severity: Option<Severity>,
    /// Only problems of this confidence or better.
    pub confidence: Option<ConfidenceLevel>,
}

impl FailOn {
    /// Returns the names of the only rules that count; nothing when all of `[gate]` do.
    pub fn only(&self) -> Option<Vec<String>> {
        let named = [(self.new, MAX_NEW), (self.severity.is_some(), FAIL_ON_SEVERITY)];
        let named = named.into_iter().filter(|(named, _)| *named).map(|(_, rule)| rule.to_owned());
        (!self.gate).then(|| named.collect())
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<FailOn, String> {
        let mut fail_on = FailOn::default();
        for part in text.split(',').map(str::trim) {
            match part.split_once(">=").map(|(name, level)| (name.trim(), level.trim())) {
                None if part == "gate" => fail_on.gate = true,
                None if part == "new" => fail_on.new = true,
                Some(("severity", level)) => fail_on.severity = Some(severity(level)?),
                Some(("confidence", level)) => fail_on.confidence = Some(confidence(level)?),
                _ => {
                    return Err(format!("`{part}` is none of gate, new, severity>=LEVEL, confidence>=LEVEL"));
                }
            }
        }
        if fail_on == (FailOn { confidence: fail_on.confidence, ..FailOn::default() }) {
            return Err("a confidence alone fails nothing: add gate, new or severity>=LEVEL".to_owned());
        }
        Ok(fail_on)
    }
}

/// When an acknowledgment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// After this day, in UTC.
    On(Date),
    /// So many days after today.
    InDays(u32),
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Expiry, String> {
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        match (text.parse().ok(), days) {
            (Some(date), _) => Ok(Expiry::On(date)),
            (None, Some(days)) => Ok(Expiry::InDays(days)),
            (None, None) => {
                Err(format!("`{text}` is no day: give YYYY-MM-DD, or a number of days such as 30d"))
            }
        }
    }
}

pub(super) fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "info" => Ok(Severity::Info),
        "warning" => Ok(Severity::Warning),
        "critical" => Ok(Severity::Critical),
        _ => Err(format!("no severity `{text}`: one of info, warning, critical")),
    }
}

pub(super) fn confidence(text: &str) -> Result<ConfidenceLevel, String> {
    match text {
        "candidate" => Ok(ConfidenceLevel::Candidate),
        "probable" => Ok(ConfidenceLevel::Probable),
        "confirmed" => Ok(ConfidenceLevel::Confirmed),
        _ => Err(format!("no confidence `{text}`: one of candidate, probable, confirmed")),
    }
}

pub(super) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

pub(super) fn confidence_name(confidence: ConfidenceLevel) -> &'static str {
    match confidence {
        ConfidenceLevel::Candidate => "candidate",
        ConfidenceLevel::Probable => "probable",
        ConfidenceLevel::Confirmed => "confirmed",
    }
}
