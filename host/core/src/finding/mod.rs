//! From what detectors say about rows to what people read: findings with all the facts the rows carry,
//! folded by fingerprint into problems.

mod covers;
mod fingerprint;
mod fold;
pub mod framework;
mod instance;
mod problem;
mod saved;
mod standing;
mod stats;
#[cfg(test)]
mod tests;

pub use fingerprint::{Identity, fingerprint, signature};
pub use fold::{
    BelowQuorum, Detected, Folded, FoldedPart, Folder, Ignore, IgnoreNothing, Judge, ProblemPart,
    RuleSetting, Source, Yielded, fold,
};
pub use saved::Saved;
pub use standing::{Seen, Standing, StandingOptions, StandingProblem, StandingStatus};
pub use stats::Distribution;
