//! What a plug-in did wrong.

use std::fmt;

/// The ways a plug-in can fail. The names are used in reports and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// What happened, with the guest's own panic message and backtrace where there is one.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind.word(), self.message)
    }
}
