//! The tracewatt host: files, terminals, and the stock plug-ins.

pub mod acknowledge_file;
pub mod report;
pub mod stock;
