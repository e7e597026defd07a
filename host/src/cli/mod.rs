//! The command line: what can be typed, and what was meant by it.

pub mod args;
pub mod document;
pub mod invocation;
