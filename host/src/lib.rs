//! placeholder

pub mod acknowledge_file;
