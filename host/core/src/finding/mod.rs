//! What detectors say, folded into problems with fingerprints and advice.

pub mod framework;
