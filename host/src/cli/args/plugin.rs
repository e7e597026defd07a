//! What can be typed behind `tracewatt plugin`.

use super::{ConfigArgs, OutputArgs};
use crate::cli::invocation::{
    Accept, Kind, Language, PluginAction, PluginDiff, PluginLock, PluginRun, Replay, Subject,
};
use crate::config::Flag;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct PluginArgs {
    #[command(subcommand)]
    action: PluginActionArgs,
}

#[derive(Debug, Subcommand)]
enum PluginActionArgs {
    /// Write the folder of a new plug-in, which builds and passes its cases
    New(NewArgs),
    /// Compile a plug-in, make a component of it, audit and stamp it
    Build(BuildArgs),
    /// Build a plug-in and run its cases in the sandbox
    Test(TestArgs),
    /// Say whether this program would load a plug-in, and what is missing
    Check(CheckArgs),
    /// Analyse traces with one plug-in alone
    Run(RunArgs),
    /// Measure what a plug-in costs next to the stock ones
    Bench(BenchArgs),
    /// Show what a component is: digest, interfaces, finding types, settings
    Inspect(SubjectArgs),
    /// Show what another version of a plug-in would change, on the same traces
    Diff(DiffArgs),
    /// Make the call again that failed, from a file that `analyze --fault-bundles` wrote
    Replay(ReplayArgs),
    /// List the plug-ins of the configuration, their finding types and settings
    List(ConfigArgs),
    /// Lock the components of the configuration: others are not loaded any more
    Lock(LockArgs),
    /// Write this program's SDK into the folder of a plug-in, in place of an older one
    Sdk(FolderArgs),
}

#[derive(Debug, Args)]
struct NewArgs {
    /// Kind of plug-in
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// Folder to write; its last part is the name, snake_case
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What it is written in
    #[arg(short, long, value_enum, value_name = "LANGUAGE", default_value_t = Language::Rust)]
    language: Language,
}

#[derive(Debug, Args)]
struct FolderArgs {
    /// Folder of the plug-in
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
struct BuildArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Where the component goes [default: NAME.wasm in the folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A plug-in by itself, with settings of its own: the configuration of the current folder is not read.
#[derive(Debug, Args)]
struct SubjectArgs {
    /// Component, or folder of a plug-in, which is built first
    #[arg(value_name = "PLUGIN", default_value = ".")]
    plugin: PathBuf,
    #[command(flatten)]
    sets: SetArgs,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Also offer it batches that are legal and that nobody thinks of, and compare what it says of the same ones
    #[arg(long)]
    conformance: bool,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// Set one of the plug-in's settings; repeatable
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Override a configuration key, as in plugins.mine.limits.memory_mib=64; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Flag::parse_set)]
    sets: Vec<Flag>,
}

#[derive(Debug, Args)]
struct TestArgs {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    sets: SetArgs,
    /// Run only cases whose file name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Component, or folder of a plug-in, which is built first
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// Trace files, globs, or - for standard input
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    sets: SetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct BenchArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Trace file to measure with; made-up traces unless given
    #[arg(long, value_name = "INPUT", conflicts_with = "spans")]
    traces: Option<PathBuf>,
    /// Spans of the made-up traces, at least
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    spans: u64,
    /// Runs; the best one counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// Component as it is, or its folder, which is built first
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Component as it would be, or its folder
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Trace file or glob; repeatable
    #[arg(long, value_name = "INPUT", required = true)]
    traces: Vec<PathBuf>,
    #[command(flatten)]
    sets: SetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// Fault bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Component [default: the one of the configuration with the digest in the bundle]
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
struct LockArgs {
    /// Accept what these plug-ins are now
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with_all = ["accept", "check"])]
    update: Vec<String>,
    /// Accept what all plug-ins are now
    #[arg(long, conflicts_with = "check")]
    accept: bool,
    /// Write nothing; exit with 1 unless the lock file is up to date
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

impl LockArgs {
    fn resolve(self) -> PluginLock {
        let accept = match (self.accept, self.update) {
            (true, _) => Accept::Everything,
            (false, ids) if ids.is_empty() => Accept::Nothing,
            (false, ids) => Accept::These(ids),
        };
        PluginLock { config: self.config.resolve(Vec::new()), accept, check: self.check }
    }
}

impl PluginArgs {
    pub(super) fn resolve(self) -> Result<PluginAction, clap::Error> {
        Ok(match self.action {
            PluginActionArgs::New(NewArgs { kind, folder, language }) => {
                PluginAction::New { kind, folder, language }
            }
            PluginActionArgs::Sdk(args) => PluginAction::Sdk { folder: args.folder },
            PluginActionArgs::Build(args) => {
                PluginAction::Build { folder: args.folder.folder, output: args.output }
            }
            PluginActionArgs::Test(args) => {
                PluginAction::Test { subject: args.sets.subject(args.folder.folder), only: args.only }
            }
            PluginActionArgs::Check(args) => {
                PluginAction::Check { subject: args.subject.resolve(), conformance: args.conformance }
            }
            PluginActionArgs::Inspect(args) => PluginAction::Inspect(args.resolve()),
            PluginActionArgs::Run(args) => PluginAction::Run(PluginRun {
                subject: args.sets.subject(args.plugin),
                inputs: args.inputs,
                outputs: args.output.resolve("plugin run")?,
            }),
            PluginActionArgs::Bench(args) => PluginAction::Bench {
                subject: args.subject.resolve(),
                traces: args.traces,
                spans: args.spans,
                runs: args.runs,
            },
            PluginActionArgs::Diff(args) => PluginAction::Diff(PluginDiff {
                old: args.sets.subject(args.old),
                new: args.new,
                inputs: args.traces,
                outputs: args.output.resolve("plugin diff")?,
            }),
            PluginActionArgs::Replay(args) => PluginAction::Replay(Replay {
                bundle: args.bundle,
                plugin: args.plugin,
                config: args.config.resolve(Vec::new()),
            }),
            PluginActionArgs::Lock(args) => PluginAction::Lock(args.resolve()),
            PluginActionArgs::List(config) => PluginAction::List(config.resolve(Vec::new())),
        })
    }
}

impl SubjectArgs {
    fn resolve(self) -> Subject {
        self.sets.subject(self.plugin)
    }
}

impl SetArgs {
    fn subject(self, plugin: PathBuf) -> Subject {
        Subject { plugin, settings: self.settings, flags: self.sets }
    }
}
