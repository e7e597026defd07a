//! The `tracewatt` host: files, terminals and commands around the pure core.

pub mod acknowledge_file;
pub mod cli;
pub mod config;
pub mod exit;
