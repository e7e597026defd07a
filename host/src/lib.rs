//! The tracewatt host: files, terminals, and the stock plug-ins.

pub mod acknowledge_file;
pub mod cli;
pub mod config;
pub mod exit;
pub mod ingest;
pub mod report;
pub mod stock;
