//! What the author of a tracewatt plug-in depends on.
//!
//! A detector is a struct that implements [`Detector`] and is handed to [`export_detector!`]:
//!
//! ```
//! use tracewatt_sdk::prelude::*;
//!
//! settings! {
//!     /// What counts as too many.
//!     pub struct Settings {
//!         /// Fewest statements of one request that are reported.
//!         max_statements: u32 = 100, 1..=100_000;
//!     }
//! }
//!
//! struct TooManyStatements(Settings);
//!
//! impl Detector for TooManyStatements {
//!     type Settings = Settings;
//!
//!     fn manifest() -> Manifest {
//!         Manifest::new("too_many_statements", "0.1.0", "requests that send very many statements")
//!             .rule(Rule::new("too_many_statements", "Too many statements").advice("ask for less, or for more at once"))
//!             .interest(&[Kind::SQL], 2)
//!     }
//!
//!     fn new(settings: Settings) -> Self {
//!         TooManyStatements(settings)
//!     }
//!
//!     fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
//!         for trace in batch.traces() {
//!             let statements: Vec<Span> = trace.io().filter(|span| span.kind() == Kind::SQL).collect();
//!             if statements.len() > self.0.max_statements as usize {
//!                 findings.push(
//!                     Finding::new("too_many_statements", &statements)
//!                         .subject("statements per request")
//!                         .message(format!("{} statements in one request", statements.len())),
//!                 );
//!             }
//!         }
//!     }
//! }
//!
//! export_detector!(TooManyStatements);
//! # fn main() {}
//! ```
//!
//! The crate is compiled to `wasm32-unknown-unknown` and becomes a component that can read the columns of
//! a batch, the texts they refer to, and write to a log. It has no clock, no files, no network.

mod batch;
mod finding;
mod group;
mod manifest;
pub mod overlap;
pub mod query;
pub mod repeats;
#[cfg(test)]
mod testing;
mod text;

pub use batch::{Batch, Columns, Flags, Kind, NO_ROW, PerKind, Role, Span, Status, Trace, Verb};
pub use finding::{Evidence, Finding, Severity};
pub use group::grouped;
pub use manifest::{Fix, Manifest, Rule, Setting, SettingKind, SettingType, SettingsSpec, Value};
pub use text::TextTable;

/// Everything a detector needs.
pub mod prelude {
    pub use crate::{
        Batch, Detector, Evidence, Finding, Fix, Flags, Kind, Manifest, PerKind, Role, Rule, SettingsSpec,
        Severity, Span, Status, TextTable, Trace, Verb, export_detector, grouped, settings,
    };
}

/// A detector that judges each trace by itself.
///
/// The result must depend on nothing but the batch and the settings: the host runs several instances, throws
/// them away at will and may call again with part of a batch. Tables that only remember what a text means
/// ([`TextTable`]) are fine.
pub trait Detector: Sized + 'static {
    /// Settings, declared by [`settings!`].
    type Settings: SettingsSpec;

    /// What the plug-in is. Its settings are added from [`Detector::Settings`].
    fn manifest() -> Manifest;

    /// Checks what ranges cannot say, before [`Detector::new`]. The error names the setting and says what would be
    /// right; the host refuses the configuration with it.
    fn check(_settings: &Self::Settings) -> Result<(), String> {
        Ok(())
    }

    /// Returns a detector for these settings. They are complete, in range and checked.
    fn new(settings: Self::Settings) -> Self;

    /// Adds what it finds in the batch.
    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>);
}

/// Writes to the host's log. Rate-limited; outside WebAssembly it does nothing.
pub fn log(severity: Severity, message: &str) {
    glue::log(severity, message);
}

/// Makes a component of a [`Detector`].
#[macro_export]
macro_rules! export_detector {
    ($detector:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static INSTANCE: ::std::cell::RefCell<::std::option::Option<$crate::glue::Instance<$detector>>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            $crate::glue::guest_impls!(Component, $detector, INSTANCE);
            $crate::glue::export!(Component with_types_in $crate::glue::bindings);
        };
    };
}

#[doc(hidden)]
pub mod glue;
