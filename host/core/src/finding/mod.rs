//! From what detectors say about rows to what people read: findings with all the facts the rows carry,
//! folded by fingerprint into problems.

mod covers;
mod fingerprint;
mod fold;
pub mod framework;
mod instance;
mod problem;
mod saved;
mod stats;
#[cfg(test)]
mod tests;

pub use fingerprint::{Identity, fingerprint, signature};
pub use fold::{
    BelowQuorum, Detected, Folded, Folder, Ignore, IgnoreNothing, Judge, RuleSetting, Source, Yielded, fold,
};
pub use saved::Saved;
