//! `tracewatt plugin`: one file per thing to do. What is done with a plug-in by itself goes by [`subject`], and never
//! by the configuration of the current folder.

mod bench;
mod build;
mod check;
mod diff;
mod inspect;
mod list;
mod lock;
mod new;
mod replay;
mod run;
mod subject;
mod test;

use crate::cli::invocation::PluginAction;
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use anyhow::Result;

/// Runs the command.
pub fn run(action: PluginAction, terminal: &Terminal) -> Result<Exit> {
    match action {
        PluginAction::New { kind, folder, language } => new::run(kind, &folder, language, terminal),
        PluginAction::Sdk { folder } => new::sdk(&folder, terminal),
        PluginAction::Build { folder, output } => build::run(&folder, output, terminal),
        PluginAction::Test { subject, only } => test::run(&subject, only.as_deref(), terminal),
        PluginAction::Check { subject, conformance } => check::run(&subject, conformance, terminal),
        PluginAction::Inspect(subject) => inspect::run(&subject, terminal),
        PluginAction::Run(run) => run::run(&run, terminal),
        PluginAction::Bench { subject, traces, spans, runs } => {
            bench::run(&subject, traces.as_deref(), spans, runs, terminal)
        }
        PluginAction::Diff(diff) => diff::run(&diff, terminal),
        PluginAction::Replay(replay) => replay::run(&replay, terminal),
        PluginAction::Lock(command) => lock::run(&command, terminal),
        PluginAction::List(source) => list::run(&source, terminal),
    }
}
