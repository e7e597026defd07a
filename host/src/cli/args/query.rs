//! What can be typed behind `tracewatt query`.

use crate::cli::remote::{DEFAULT_DAEMON, Query, Question};
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// How to print the answer
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    #[command(subcommand)]
    question: QuestionArgs,
}

/// Where the daemon is.
#[derive(Debug, Args)]
struct DaemonArgs {
    /// Address of the daemon [default: the variable TRACEWATT_DAEMON_URL, else http://localhost:4318]
    ///
    /// The variable TRACEWATT_TOKEN has the token, if the daemon wants one.
    #[arg(long, global = true, value_name = "URL")]
    daemon: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// As the daemon answers.
    Json,
}

#[derive(Debug, Subcommand)]
enum QuestionArgs {
    /// How the daemon is
    Status,
    /// List problems, worst first, or show one
    Problems(ProblemsArgs),
    /// List findings, the newest first
    Findings(FilterArgs),
    /// Show a trace as a tree, with what was found in it
    Explain(ExplainArgs),
    /// List the plug-ins in force
    Plugins,
    /// Print the configuration in effect, as JSON
    Config,
    /// Print the report of everything so far, as JSON
    Report,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    /// Trace id
    #[arg(value_name = "TRACE_ID")]
    trace_id: String,
}

#[derive(Debug, Args)]
struct ProblemsArgs {
    /// Problem id, fingerprint or signature
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Only problems that stand so: new, existing, resolved, regressed
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
}

#[derive(Debug, Args)]
struct FilterArgs {
    /// Only this finding type, a glob
    #[arg(long = "type", alias = "finding-type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only this service, a glob
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Only this entry point, a glob
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Only this severity or worse
    #[arg(long, value_name = "LEVEL")]
    severity: Option<String>,
    /// Only what was seen since: 15m, 24h, 7d, or milliseconds since the epoch
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what is, or is not, acknowledged
    #[arg(long, value_name = "BOOL")]
    acknowledged: Option<bool>,
    /// Entries at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl FilterArgs {
    fn params(self) -> Vec<(&'static str, String)> {
        let given = [
            ("type", self.kind),
            ("service", self.service),
            ("endpoint", self.endpoint),
            ("severity", self.severity),
            ("since", self.since),
            ("acknowledged", self.acknowledged.map(|yes| yes.to_string())),
            ("limit", Some(self.limit.to_string())),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl QueryArgs {
    pub(super) fn resolve(self) -> Query {
        let question = match self.question {
            QuestionArgs::Status => Question::Status,
            QuestionArgs::Problems(ProblemsArgs { id, filter, status }) => {
                let status = status.map(|status| ("status", status));
                Question::Problems(id, filter.params().into_iter().chain(status).collect())
            }
            QuestionArgs::Findings(filter) => Question::Findings(filter.params()),
            QuestionArgs::Explain(ExplainArgs { trace_id }) => Question::Explain(trace_id),
            QuestionArgs::Plugins => Question::Plugins,
            QuestionArgs::Config => Question::Config,
            QuestionArgs::Report => Question::Report,
        };
        let known = || std::env::var("TRACEWATT_DAEMON_URL").ok().filter(|url| !url.is_empty());
        let daemon = self.daemon.daemon.or_else(known).unwrap_or_else(|| DEFAULT_DAEMON.to_owned());
        Query { daemon, question, json: self.format == Format::Json }
    }
}
