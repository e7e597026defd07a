//! Everything that can be typed, and how it becomes an [`Invocation`]: inputs and outputs in one list each,
//! flags that stand for configuration keys turned into [`Flag`]s, contradictions refused as usage errors.

mod live;
mod plugin;
mod query;

use self::live::{CAPTURE_EXAMPLES, CaptureArgs, RUN_EXAMPLES, RunArgs, WATCH_EXAMPLES, WatchArgs};
use self::plugin::PluginArgs;
use self::query::QueryArgs;
use super::invocation::*;
use crate::acknowledge_file::{BadIdentity, check_identity};
use crate::compiled::COMMAND;
use crate::config::Flag;
use crate::report::{Output, check_places};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

/// Finds the I/O in OpenTelemetry traces that should not have happened, and what it costs.
#[derive(Debug, Parser)]
#[command(name = "tracewatt", version, propagate_version = true, subcommand_required = true)]
#[command(
    after_help = "Exit codes: 0 done and passed; 1 negative verdict; 2 usage; 3 no verdict or a partial one; \
                        75 input, configuration or I/O."
)]
struct Cli {
    #[command(flatten)]
    terminal: TerminalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Analyse traces: report what should not have happened, give a verdict
    #[command(after_help = ANALYZE_EXAMPLES)]
    Analyze(AnalyzeArgs),
    /// Show one trace with its findings, or why something was not found
    Explain(ExplainArgs),
    /// Compare two sets of traces or two saved reports
    Diff(DiffArgs),
    /// Say what the traces lack, and the setting that would add it
    Doctor(DoctorArgs),
    /// Receive live traces over OTLP and judge them, as a daemon
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(WatchArgs),
    /// Receive traces over OTLP and write them to a file
    #[command(after_help = CAPTURE_EXAMPLES)]
    Capture(CaptureArgs),
    /// Run a command, receive its traces, and judge them: a test suite, for example
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Ask a running daemon
    Query(QueryArgs),
    /// Analyse the traces that come with the program
    Demo(DemoArgs),
    /// Normalize statements, URLs and commands given as JSON lines
    Normalize(NormalizeArgs),
    /// Accept problems, with a reason
    Ack(AckArgs),
    /// Measure what each step of an analysis costs; figures as JSON
    Bench(BenchArgs),
    /// Check and show the configuration
    Config(ConfigCommandArgs),
    /// Write, build, test and show plug-ins
    Plugin(PluginArgs),
    /// Compile a component from standard input to standard output, for another process of this program
    #[command(name = COMMAND, hide = true)]
    Compile,
}

const ANALYZE_EXAMPLES: &str = "\
Examples:
  tracewatt analyze traces.json
  tracewatt analyze --ci traces/*.json.gz -o text -o sarif=tracewatt.sarif
  otel-export | tracewatt analyze - -o json
  tracewatt analyze --baseline main.json --fail-on new traces.json
  tracewatt analyze --ci --set gate.max_findings.slow_sql=2 traces.json";

/// How to write to the terminal; the same for every command.
#[derive(Clone, Debug, Args)]
struct TerminalArgs {
    /// When to use colour; NO_COLOR and CLICOLOR_FORCE are respected under `auto`
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    /// When to show on standard error how far a long analysis is; `auto` is on a terminal, not where CI is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ProgressChoice::Auto)]
    progress: ProgressChoice,
    /// Write nothing but errors to standard error
    #[arg(short, long, global = true)]
    quiet: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Args)]
struct ConfigArgs {
    /// Configuration file [default: tracewatt.toml or .perf-sentinel.toml in the current folder]
    #[arg(short, long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Override a configuration key, as in gate.max_new=0; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Flag::parse_set)]
    sets: Vec<Flag>,
}

/// What to read.
#[derive(Clone, Debug, Args)]
struct InputArgs {
    /// Trace files, globs, or - for standard input, which is also the default
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Another way to name an input; repeatable
    #[arg(short = 'i', long = "input", value_name = "INPUT")]
    more_inputs: Vec<PathBuf>,
}

/// What to write.
#[derive(Clone, Debug, Args)]
struct OutputArgs {
    /// Write a report, to a file or standard output; repeatable
    ///
    /// Formats: text, json, sarif, junit, codequality, markdown, github, ndjson.
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]", value_parser = Output::parse)]
    outputs: Vec<Output>,
    /// Write a report to standard output; the same as -o FORMAT
    #[arg(long, value_name = "FORMAT", value_parser = Output::on_stdout)]
    format: Option<Output>,
}

/// What makes the command fail.
#[derive(Clone, Debug, Args)]
struct VerdictArgs {
    /// Exit 1 when the gate fails, 3 when there can be no verdict
    #[arg(long)]
    ci: bool,
    /// What fails, comma-separated: gate, new, severity>=LEVEL, confidence>=LEVEL; implies --ci
    #[arg(long, value_name = "WHAT", value_parser = FailOn::from_str)]
    fail_on: Option<FailOn>,
}

/// Where acknowledgments are, and whether they count.
#[derive(Clone, Debug, Args)]
struct AcknowledgmentArgs {
    /// File of acknowledgments, which must exist
    #[arg(long, value_name = "PATH", conflicts_with = "no_acknowledgments")]
    acknowledgments: Option<PathBuf>,
    /// Ignore acknowledgments
    #[arg(long)]
    no_acknowledgments: bool,
    /// Show acknowledged problems too
    #[arg(long, conflicts_with = "no_acknowledgments")]
    show_acknowledged: bool,
}

#[derive(Debug, Args)]
struct AnalyzeArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// How traces are judged, and what is shown.
#[derive(Debug, Args)]
struct JudgeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    verdict: VerdictArgs,
    /// Saved report (JSON) to compare with: problems are new, existing or resolved
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    acknowledgments: AcknowledgmentArgs,
    /// Problems shown in full, 0 for all
    #[arg(long, alias = "top-n", value_name = "N")]
    top: Option<u32>,
    #[command(flatten)]
    filters: Filters,
    /// Usable spans below which there is no verdict
    #[arg(long, value_name = "N")]
    min_spans: Option<u32>,
    /// Where the traces were recorded [default: ci with --ci, else local]
    #[arg(long, value_enum, value_name = "NAME")]
    environment: Option<Environment>,
    /// Write how long each step took to standard error
    #[arg(long)]
    timings: bool,
    /// Write what every plug-in did and took to standard error
    #[arg(long)]
    plugin_stats: bool,
    /// Write what led to faults of plug-ins into this folder, for `plugin replay`
    #[arg(long, value_name = "FOLDER")]
    fault_bundles: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    what: ExplainWhat,
    /// Only this service, a glob
    #[arg(long, value_name = "SERVICE", conflicts_with = "trace_id")]
    service: Option<String>,
    /// Only this endpoint, a glob
    #[arg(long, value_name = "ENDPOINT", conflicts_with = "trace_id")]
    endpoint: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ExplainWhat {
    /// Show the tree of this trace, findings inline
    #[arg(long, value_name = "ID")]
    trace_id: Option<String>,
    /// Compare every threshold of this finding type with what was seen
    #[arg(long, value_name = "TYPE")]
    why_not: Option<String>,
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// Traces or saved report from before the change
    #[arg(value_name = "BEFORE", required_unless_present = "before_flag")]
    before: Option<PathBuf>,
    /// Traces or saved report from after the change
    #[arg(value_name = "AFTER", required_unless_present = "after_flag")]
    after: Option<PathBuf>,
    /// Another way to name BEFORE
    #[arg(long = "before", value_name = "BEFORE", requires = "after_flag", conflicts_with = "before")]
    before_flag: Option<PathBuf>,
    /// Another way to name AFTER
    #[arg(long = "after", value_name = "AFTER", requires = "before_flag", conflicts_with = "after")]
    after_flag: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    verdict: VerdictArgs,
    #[command(flatten)]
    acknowledgments: AcknowledgmentArgs,
}

#[derive(Debug, Args)]
struct DoctorArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
struct DemoArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct NormalizeArgs {
    /// Read {id, kind, dialect, input} lines, write {id, output, params} lines
    #[arg(long, required = true)]
    jsonl: bool,
}

#[derive(Debug, Args)]
struct BenchArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Trace file to measure with; made-up traces unless given
    #[arg(value_name = "INPUT", conflicts_with = "spans")]
    input: Option<PathBuf>,
    /// Spans of the made-up traces, at least
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    spans: u64,
    /// Runs of each step; the best one counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Write the made-up traces to a file (OTLP, JSON lines) and measure nothing
    #[arg(long, value_name = "PATH", conflicts_with = "input")]
    write: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct AckArgs {
    /// File of acknowledgments
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "daemon")]
    acknowledgments: Option<PathBuf>,
    /// Work on the acknowledgments of the running daemon at this address, in place of a file
    #[arg(long, global = true, value_name = "URL")]
    daemon: Option<String>,
    #[command(subcommand)]
    action: AckAction,
}

#[derive(Debug, Subcommand)]
enum AckAction {
    /// Accept a problem, or all problems a selector matches
    Add(AckAddArgs),
    /// List what is accepted
    List,
    /// Remove what has expired; from a file only
    Prune,
    /// Take back what was accepted through a daemon; needs --daemon
    Revoke(AckRevokeArgs),
}

#[derive(Debug, Args)]
struct AckRevokeArgs {
    /// Number of the acknowledgment, as `list` shows it
    #[arg(value_name = "NUMBER")]
    number: u64,
}

#[derive(Debug, Args)]
struct AckAddArgs {
    /// Problem id as printed, fingerprint or signature
    #[arg(value_name = "ID", value_parser = problem, required_unless_present_any = ["kind", "service", "endpoint"])]
    id: Option<String>,
    /// Problems of this type, a glob
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "id")]
    kind: Option<String>,
    /// Problems of this service, a glob
    #[arg(long, value_name = "SERVICE", conflicts_with = "id")]
    service: Option<String>,
    /// Problems of this endpoint, a glob
    #[arg(long, value_name = "ENDPOINT", conflicts_with = "id")]
    endpoint: Option<String>,
    /// Why
    #[arg(short, long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Last day it holds, YYYY-MM-DD, or a number of days from today: 30d
    #[arg(long, value_name = "DAY", value_parser = Expiry::from_str)]
    expires: Option<Expiry>,
    /// Who accepts it [default: $USER]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
struct ConfigCommandArgs {
    #[command(subcommand)]
    action: ConfigActionArgs,
}

#[derive(Debug, Subcommand)]
enum ConfigActionArgs {
    /// Report everything that is wrong; exit 75 when anything is
    Check(ConfigArgs),
    /// Print every value in effect and where it comes from
    Show(ConfigArgs),
    /// Print the JSON Schema, for editors
    Schema(ConfigArgs),
}

/// Parses a command line, the program's name first.
///
/// # Errors
/// A usage error (exit code 2), or the text of `--help` and `--version` (exit code 0): `clap::Error::exit_code`
/// tells them apart, `clap::Error::print` writes them to the right stream.
pub fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Invocation, clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    let command = cli.command.resolve()?;
    let TerminalArgs { color, progress, quiet } = cli.terminal;
    Ok(Invocation { color, progress, quiet, command })
}

/// Returns the definition of the command line, for documentation.
pub fn definition() -> clap::Command {
    Cli::command()
}

impl Command {
    fn resolve(self) -> Result<Action, clap::Error> {
        Ok(match self {
            Command::Analyze(args) => Action::Analyze(args.judge.resolve("analyze", args.input.resolve())?),
            Command::Explain(args) => Action::Explain(args.resolve()),
            Command::Diff(args) => Action::Diff(args.resolve()?),
            Command::Doctor(args) => Action::Doctor(Doctor {
                inputs: args.input.resolve(),
                config: args.config.resolve(Vec::new()),
            }),
            Command::Watch(args) => Action::Watch(args.resolve()),
            Command::Capture(args) => Action::Capture(args.resolve()),
            Command::Run(args) => Action::Run(args.resolve()?),
            Command::Query(args) => Action::Query(args.resolve()),
            Command::Demo(args) => Action::Demo(Demo {
                outputs: args.output.resolve("demo")?,
                config: args.config.resolve(Vec::new()),
            }),
            Command::Normalize(_) => Action::Normalize,
            Command::Compile => Action::Compile,
            Command::Bench(args) => Action::Bench(Bench {
                config: args.config.resolve(Vec::new()),
                input: args.input,
                spans: args.spans,
                runs: args.runs,
                write: args.write,
            }),
            Command::Ack(args) => {
                let Ack { file, daemon, action } =
                    Ack { file: args.acknowledgments, daemon: args.daemon, action: args.action.resolve() };
                match (&daemon, &action) {
                    (None, AckRequest::Revoke(_)) => {
                        let message =
                            "revoke needs --daemon URL; an entry of a file is taken out in the file";
                        return Err(usage("ack", ErrorKind::MissingRequiredArgument, message));
                    }
                    (Some(_), AckRequest::Prune) => {
                        let message =
                            "prune works on a file; a daemon forgets what has expired when it is made anew";
                        return Err(usage("ack", ErrorKind::ArgumentConflict, message));
                    }
                    _ => Action::Ack(Ack { file, daemon, action }),
                }
            }
            Command::Config(args) => match args.action {
                ConfigActionArgs::Check(config) => {
                    Action::Config(ConfigAction::Check, config.resolve(Vec::new()))
                }
                ConfigActionArgs::Show(config) => {
                    Action::Config(ConfigAction::Show, config.resolve(Vec::new()))
                }
                ConfigActionArgs::Schema(config) => {
                    Action::Config(ConfigAction::Schema, config.resolve(Vec::new()))
                }
            },
            Command::Plugin(args) => Action::Plugin(args.resolve()?),
        })
    }
}

impl JudgeArgs {
    fn resolve(self, command: &str, inputs: Vec<PathBuf>) -> Result<Analyze, clap::Error> {
        let verdict = self.verdict.resolve();
        if verdict.fail_on.new && self.baseline.is_none() {
            let message = "--fail-on new needs --baseline FILE: a saved report says what is not new";
            return Err(usage(command, ErrorKind::MissingRequiredArgument, message));
        }
        let mut flags = self.verdict.flags();
        flags.extend(self.acknowledgments.flag());
        flags.extend(self.top.map(|n| Flag::integer(format!("--top {n}"), &["output", "top"], n.into())));
        flags.extend(
            self.min_spans
                .map(|n| Flag::integer(format!("--min-spans {n}"), &["gate", "min_spans"], n.into())),
        );
        let default = if verdict.enforced { Environment::Ci } else { Environment::Local };
        Ok(Analyze {
            inputs,
            config: self.config.resolve(flags),
            outputs: self.output.resolve(command)?,
            verdict,
            baseline: self.baseline,
            acknowledgments: self.acknowledgments.resolve(),
            filters: self.filters,
            environment: self.environment.unwrap_or(default),
            timings: self.timings,
            plugin_stats: self.plugin_stats,
            fault_bundles: self.fault_bundles,
        })
    }
}

impl ExplainArgs {
    fn resolve(self) -> Explain {
        let question = match (self.what.trace_id, self.what.why_not) {
            (_, Some(kind)) => Question::WhyNot { kind, service: self.service, endpoint: self.endpoint },
            (trace_id, None) => Question::Trace(trace_id.unwrap_or_default()),
        };
        Explain { inputs: self.input.resolve(), config: self.config.resolve(Vec::new()), question }
    }
}

impl DiffArgs {
    fn resolve(self) -> Result<Diff, clap::Error> {
        let mut flags = self.verdict.flags();
        flags.extend(self.acknowledgments.flag());
        Ok(Diff {
            before: self.before.or(self.before_flag).unwrap_or_default(),
            after: self.after.or(self.after_flag).unwrap_or_default(),
            config: self.config.resolve(flags),
            outputs: self.output.resolve("diff")?,
            verdict: self.verdict.resolve(),
            acknowledgments: self.acknowledgments.resolve(),
        })
    }
}

impl AckAction {
    fn resolve(self) -> AckRequest {
        match self {
            AckAction::List => AckRequest::List,
            AckAction::Prune => AckRequest::Prune,
            AckAction::Revoke(AckRevokeArgs { number }) => AckRequest::Revoke(number),
            AckAction::Add(AckAddArgs { id, kind, service, endpoint, reason, expires, by }) => {
                let subject = match id {
                    Some(id) => AckSubject::Problem(id),
                    None => AckSubject::Matching { kind, service, endpoint },
                };
                AckRequest::Add { subject, reason, expires, by }
            }
        }
    }
}

impl InputArgs {
    /// Returns all inputs, those of `-i` last; standard input when there are none.
    fn resolve(self) -> Vec<PathBuf> {
        let inputs: Vec<PathBuf> = self.inputs.into_iter().chain(self.more_inputs).collect();
        if inputs.is_empty() { vec![PathBuf::from("-")] } else { inputs }
    }
}

impl ConfigArgs {
    fn resolve(self, flags: Vec<Flag>) -> ConfigSource {
        ConfigSource { file: self.config, flags: self.sets.into_iter().chain(flags).collect() }
    }
}

impl OutputArgs {
    fn resolve(self, command: &str) -> Result<Vec<Output>, clap::Error> {
        let mut outputs = self.outputs;
        outputs.extend(self.format);
        match check_places(&outputs) {
            Ok(()) => Ok(outputs),
            Err(error) => Err(usage(command, ErrorKind::ArgumentConflict, &error.to_string())),
        }
    }
}

impl VerdictArgs {
    fn resolve(&self) -> Verdict {
        Verdict {
            enforced: self.ci || self.fail_on.is_some(),
            fail_on: self.fail_on.unwrap_or(FailOn { gate: true, ..FailOn::default() }),
        }
    }

    /// Returns the configuration keys that `--fail-on` stands for.
    fn flags(&self) -> Vec<Flag> {
        let Some(fail_on) = self.fail_on else { return Vec::new() };
        let mut flags = Vec::new();
        if fail_on.new {
            flags.push(Flag::integer("--fail-on new", &["gate", "max_new"], 0));
        }
        if let Some(level) = fail_on.severity.map(severity_name) {
            flags.push(Flag::text(
                format!("--fail-on severity>={level}"),
                &["gate", "fail_on_severity"],
                level,
            ));
        }
        if let Some(level) = fail_on.confidence.map(confidence_name) {
            flags.push(Flag::text(
                format!("--fail-on confidence>={level}"),
                &["gate", "fail_on_confidence"],
                level,
            ));
        }
        flags
    }
}

impl AcknowledgmentArgs {
    fn resolve(&self) -> Acknowledgments {
        match (self.no_acknowledgments, self.show_acknowledged) {
            (true, _) => Acknowledgments::Ignore,
            (false, true) => Acknowledgments::Show,
            (false, false) => Acknowledgments::Apply,
        }
    }

    fn flag(&self) -> Option<Flag> {
        let path = self.acknowledgments.as_ref()?.to_string_lossy();
        Some(Flag::text(format!("--acknowledgments {path}"), &["acknowledgments", "path"], path))
    }
}

/// Takes a text that can name a problem.
fn problem(text: &str) -> Result<String, BadIdentity> {
    check_identity(text).map(|()| text.to_owned())
}

/// Returns a usage error with the usage line of the command.
fn usage(command: &str, kind: ErrorKind, message: &str) -> clap::Error {
    let mut root = Cli::command();
    root.build();
    match root.find_subcommand_mut(command) {
        Some(command) => command.error(kind, message),
        None => root.error(kind, message),
    }
}

#[cfg(test)]
mod tests;
