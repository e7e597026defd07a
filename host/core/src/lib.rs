//! The pure core of tracewatt: from mapped spans to findings, figures and a verdict.
//!
//! Reading order follows the data:
//!
//! - [`semconv`]: one table of attribute names and one mapper from a decoded span to a [`trace::Span`]
//! - [`normalize`]: statements, URLs and commands into templates
//! - [`trace`]: identifiers, texts, spans, sealed traces, the columnar batch
//! - [`window`]: assembling spans into sealed traces; merging what two layers recorded
//! - [`plugin`]: components with detectors in them: load, limit, call, survive
//! - [`finding`]: what detectors say, folded into problems with fingerprints and advice
//! - [`energy`]: pricing I/O in energy and carbon
//! - [`gate`]: rules over problems and totals, and the verdict
//! - [`report`]: the document all output formats are made of
//!
//! Absent on purpose: files, sockets, clocks, randomness, async, global state. Time and configuration
//! are arguments, so that every document is a function of input and configuration.

pub mod acknowledge;
pub mod count;
pub mod detect;
pub mod energy;
pub mod finding;
pub mod gate;
mod hex;
pub mod loss;
pub mod normalize;
pub mod plugin;
pub mod report;
pub mod semconv;
pub mod time;
pub mod trace;
pub mod units;
pub mod window;
