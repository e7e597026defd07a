//! Feeds readable cases to a detector, in its sandbox, and compares what it finds.
//!
//! A case is a file: a trace as an indented list of spans, and the findings it must, or must not, give. A
//! detector's own test is one line:
//!
//! ```no_run
//! tracewatt_testkit::check_cases(env!("CARGO_MANIFEST_DIR"));
//! ```
//!
//! which compiles the detector to WebAssembly, makes a plug-in of it and runs every file of `cases/`. The spans
//! go the way of any others: attributes, the mapper, the window, the batch. See `docs/guides/detectors.md` for the grammar.
//! Cases of energy backends are documents and the readings they must give: [`check_documents`].
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)] // a test kit reports by panicking

mod case;
mod documents;
mod run;

pub use case::{Case, Expectation, Fact, ParseError, Relation};
pub use documents::check_documents;
pub use run::{Kit, cases, check_cases};
