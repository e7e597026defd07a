//! OpenTelemetry's semantic conventions, old and new, in one table, and the one mapper that turns a
//! decoded span of any file format into a [`crate::trace::Span`].
//!
//! A decoder (in `host/src/ingest`) fills a [`RawSpan`]: it asks [`Attr::of`] which attributes are
//! worth keeping and leaves every interpretation to the mapper.

mod attr;
mod coverage;
mod map;
mod raw;
pub mod sdk;

pub use attr::Attr;
pub use coverage::{CoverageTable, Observation, Sight};
pub use map::{MapOptions, Mapper};
pub use raw::{AttrSet, RawSpan, Value};
