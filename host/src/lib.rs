//! The tracewatt host: everything that touches files and terminals, and the stock plug-ins.
//!
//! - [`cli`]: what can be typed, and one file per command
//! - [`compiled`]: compiled forms of components, made in a process of its own and kept
//! - [`config`]: raw (as written) to checked (as meant)
//! - [`conformance`]: what every component must stand, as a table
//! - `daemon`: live traces
//! - [`ingest`]: from bytes to decoded spans
//! - [`session`]: configuration and plug-ins, loaded together
//! - [`trust`]: whether a component may be loaded: lock file, signatures
//! - [`spool`]: spans and calls between reading and judging, within a budget of memory
//! - [`analysis`]: from inputs to a report
//! - [`bench`]: what each step of an analysis costs
//! - [`report`]: the report in every output format

pub mod acknowledge_file;
pub mod analysis;
pub mod bench;
pub mod cli;
pub mod compiled;
pub mod config;
pub mod conformance;
pub mod daemon;
pub mod exit;
pub mod fault_bundles;
pub mod ingest;
pub mod report;
pub mod session;
pub mod spool;
pub mod stock;
pub mod trust;
