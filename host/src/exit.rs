//! Exit codes: one table for every command.

use std::fmt::Write;
use std::process::ExitCode;

/// How a command ended.
///
/// | code | meaning |
/// |---|---|
/// | 0 | done, and passed where something was judged |
/// | 1 | negative verdict |
/// | 2 | usage: arguments that make no sense |
/// | 3 | verdict impossible or partial |
/// | 75 | tooling: input, configuration, plug-in or I/O (`EX_TEMPFAIL` of `sysexits.h`) |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, and passed where something was judged.
    Ok = 0,
    /// Negative verdict: the gate failed.
    Negative = 1,
    /// Arguments that make no sense.
    Usage = 2,
    /// Verdict impossible or partial: no usable span under `--ci`, input cut off, a detector that could not judge.
    Undecided = 3,
    /// Input, configuration, plug-in or I/O.
    Tooling = 75,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Exit; 5] = [Exit::Ok, Exit::Negative, Exit::Usage, Exit::Undecided, Exit::Tooling];

    /// Returns the number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns what the code means, one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "done; passed, where something was judged",
            Exit::Negative => "negative verdict: the gate failed (only with `--ci` or `--fail-on`)",
            Exit::Usage => "usage: arguments that make no sense",
            Exit::Undecided => {
                "no verdict, or a partial one: no usable span under `--ci`, incomplete input, a detector that failed"
            }
            Exit::Tooling => "tooling: input, configuration, plug-in or I/O",
        }
    }
}

/// Arguments that make no sense for a reason that only shows once files and plug-ins are looked at.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

impl From<&anyhow::Error> for Exit {
    /// The exit code of a command that failed.
    fn from(error: &anyhow::Error) -> Exit {
        if error.is::<UsageError>() { Exit::Usage } else { Exit::Tooling }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Returns the table of exit codes, Markdown.
pub fn exit_table() -> String {
    let mut table = String::from("| code | meaning |\n|---|---|\n");
    for exit in Exit::ALL {
        let _ = writeln!(table, "| {} | {} |", exit.code(), exit.meaning());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{Exit, exit_table};

    #[test]
    fn the_table_has_every_code_once() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 75]);
        let table = exit_table();
        assert_eq!(table.lines().count(), 2 + Exit::ALL.len());
        assert!(table.contains("| 75 | tooling"));
    }
}
