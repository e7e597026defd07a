//! The streams a command writes to. Standard output is data, standard error is for people.

use super::invocation::{ColorChoice, ProgressChoice};
use super::progress::{Style, show};
use crate::analysis::Progress;
use crate::ingest::Source;
use crate::report::Color;
use crate::report::clean::plain;
use crate::report::output::quiet;
use std::io::{self, BufWriter, IsTerminal, Write};

/// Columns of texts when the terminal does not say.
const DEFAULT_COLUMNS: usize = 96;

/// What is known about the streams.
pub struct Terminal {
    choice: ColorChoice,
    progress: ProgressChoice,
    quiet: bool,
}

impl Terminal {
    pub(super) fn new(choice: ColorChoice, progress: ProgressChoice, quiet: bool) -> Terminal {
        Terminal { choice, progress, quiet }
    }

    /// Whether texts on standard output have colour.
    pub fn color(&self) -> Color {
        if self.colored(io::stdout().is_terminal()) { Color::Always } else { Color::Never }
    }

    fn colored(&self, terminal: bool) -> bool {
        let (no_color, force) = (std::env::var_os("NO_COLOR"), std::env::var_os("CLICOLOR_FORCE"));
        self.choice.enabled(no_color.as_deref(), force.as_deref(), terminal)
    }

    /// Columns of texts: what `COLUMNS` says.
    pub fn columns(&self) -> usize {
        std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(DEFAULT_COLUMNS)
    }

    /// Sends the program's own log to standard error; `TRACEWATT_LOG` chooses what of it.
    pub(super) fn start_log(&self) {
        let default = if self.quiet { "error" } else { "warn" };
        let filter = tracing_subscriber::EnvFilter::try_from_env("TRACEWATT_LOG")
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
    }

    /// Writes to standard output through a buffer. A closed pipe is no failure.
    pub fn print(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        quiet(write(&mut out).and_then(|()| out.flush()))
    }

    /// Tells the person something that is no result, unless they asked for quiet.
    pub fn note(&self, text: &str) {
        self.notes()(text);
    }

    /// As [`Terminal::note`], for other threads.
    pub fn notes(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let quiet = self.quiet;
        move |text| {
            if !quiet {
                let _ = writeln!(io::stderr(), "{}", plain(text));
            }
        }
    }

    /// Does an analysis of some inputs, and shows the person how far it is, if it takes long.
    pub fn watch<T>(&self, sources: &[Source], work: impl FnOnce(&Progress) -> T) -> T {
        let progress = Progress::new(sources.iter().map(Source::bytes).sum());
        let redraws =
            io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        if self.quiet || !self.progress.enabled(redraws, std::env::var_os("CI").as_deref()) {
            return work(&progress);
        }
        let style = if redraws { Style::Line } else { Style::Log };
        show(&progress, style, &mut io::stderr(), || work(&progress))
    }

    /// Tells the person why the command failed.
    pub(super) fn error(&self, error: &anyhow::Error) {
        let label =
            if self.colored(io::stderr().is_terminal()) { "\u{1b}[31merror\u{1b}[0m" } else { "error" };
        let text = format!("{error:#}");
        let mut lines = text.lines();
        let _ = writeln!(io::stderr(), "{label}: {}", plain(lines.next().unwrap_or_default()));
        for line in lines {
            let _ = writeln!(io::stderr(), "{}", plain(line));
        }
    }
}
