//! The command line: what can be typed, what was meant by it, and one file per command.

pub mod args;
pub(crate) mod commands;
pub mod document;
pub mod invocation;
mod progress;
pub mod remote;
mod terminal;

use crate::exit::Exit;
use crate::report::output::quiet;
use invocation::{Action, Invocation};
use std::io::{self, Write};
use std::process::ExitCode;
use terminal::Terminal;

/// Runs the program.
pub fn main() -> ExitCode {
    let Invocation { color, progress, quiet, command } = match args::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(error) => {
            // Help goes to standard output, errors to standard error.
            if quiet(error.print().and_then(|()| io::stdout().flush())).is_err() {
                return Exit::Tooling.into();
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    let terminal = Terminal::new(color, progress, quiet);
    terminal.start_log();
    match run(command, &terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error);
            Exit::from(&error).into()
        }
    }
}

fn run(command: Action, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let exit = match command {
        // Ends as the command does that it runs.
        Action::Run(run) => return commands::run::run(run, terminal),
        Action::Analyze(analyze) => commands::analyze::run(analyze, terminal),
        Action::Explain(explain) => commands::explain::run(explain, terminal),
        Action::Diff(diff) => commands::diff::run(diff, terminal),
        Action::Doctor(doctor) => commands::doctor::run(doctor, terminal),
        Action::Watch(watch) => commands::watch::run(watch, terminal),
        Action::Capture(capture) => commands::capture::run(capture, terminal),
        Action::Query(query) => commands::query::run(query, terminal),
        Action::Demo(demo) => commands::demo::run(demo, terminal),
        Action::Compile => commands::compile::run(),
        Action::Normalize => commands::normalize::run(terminal),
        Action::Bench(command) => commands::bench::run(command, terminal),
        Action::Ack(ack) => commands::ack::run(ack, terminal),
        Action::Config(action, source) => commands::config::run(action, &source, terminal),
        Action::Plugin(action) => commands::plugin::run(action, terminal),
    };
    exit.map(ExitCode::from)
}
