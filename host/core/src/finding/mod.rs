//! From what detectors say about rows to what people read: findings with all the facts the rows carry,
//! folded by fingerprint into problems.

mod fingerprint;
mod fold;
pub mod framework;
mod stats;

pub use fingerprint::{Identity, fingerprint, signature};
pub use fold::{Detected, Folded, Ignore, RuleSetting, Source, Yielded, fold};
