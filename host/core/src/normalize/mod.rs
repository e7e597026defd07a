//! Turning what an instrumentation recorded into templates.
pub mod sql;
