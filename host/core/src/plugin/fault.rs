//! What a plug-in did wrong.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The ways a plug-in can fail. The names are used in reports and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// It trapped: a panic, an unreachable instruction, a division by zero, a stack overflow.
    Trap,
    /// It ran longer than a call may take.
    Deadline,
    /// It asked for more memory than it may have, and died of the refusal; or there are too many memories, tables or
    /// modules in it.
    Memory,
    /// It answered more than it may: findings, texts, in one call or in a run.
    Output,
    /// What it hands over makes no sense: a row that does not exist, a rule it does not have, a text that is no UTF-8.
    Answer,
    /// It refused its settings.
    Configure,
}

impl FaultKind {
    /// Returns the name used in reports and metrics.
    pub fn word(self) -> &'static str {
        match self {
            FaultKind::Trap => "trap",
            FaultKind::Deadline => "deadline",
            FaultKind::Memory => "memory",
            FaultKind::Output => "output",
            FaultKind::Answer => "answer",
            FaultKind::Configure => "configure",
        }
    }
}

/// One failure of a plug-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// What happened, with the guest's own panic message where there is one.
    pub message: String,
    /// Functions of the guest that were running, innermost first, where it trapped.
    pub backtrace: Vec<String>,
    /// What the guest wrote to its log in that call, oldest first.
    pub log: Vec<LogLine>,
    /// Whether one call on one batch failed, so that the same call would fail again; else the plug-in was given up
    /// for what all calls together came to.
    pub of_call: bool,
}

/// A message of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What it wrote.
    pub message: String,
}

impl Fault {
    /// Returns a fault of a call, without backtrace and log.
    pub(super) fn new(kind: FaultKind, message: String) -> Fault {
        Fault { kind, message, backtrace: Vec::new(), log: Vec::new(), of_call: true }
    }

    /// Returns the fault of a plug-in that is given up for what all its calls came to.
    pub(crate) fn of_run(kind: FaultKind, message: String) -> Fault {
        Fault { of_call: false, ..Fault::new(kind, message) }
    }
}

/// Longest message in a report, characters.
const MAX_LINE: usize = 240;

impl Fault {
    /// Returns the message as one line, for a report: without control characters, and not too long. It may be what a
    /// guest said.
    pub fn line(&self) -> String {
        let words = self.message.split(|c: char| c.is_control() || c.is_whitespace());
        let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(MAX_LINE) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind.word(), self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_short() {
        let line = |message: &str| Fault::new(FaultKind::Trap, message.to_owned()).line();
        assert_eq!(
            line("panicked at src/lib.rs:3:9:\n\tno \u{1b}[31mred\u{7}"),
            "panicked at src/lib.rs:3:9: no [31mred"
        );
        let long = line(&"ä".repeat(1000));
        assert_eq!(long, format!("{}…", "ä".repeat(MAX_LINE)));
        assert_eq!(line(""), "");
    }
}
