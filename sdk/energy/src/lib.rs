//! What energy backends are made of: decoders of documents that the host fetched.
//!
//! - [`EnergyBackend`], the trait, and [`export_energy_backend!`]
//! - [`Document`]: what came, with checks that every backend needs
//! - [`prometheus`]: a reader of the text format; [`json`]: look-ups in JSON
//! - [`Counters`]: counters that survive, and differences of those that start over
//! - [`Rule`]: `service: label=value`, how operators say which series belong to a service

mod counters;
mod document;
#[doc(hidden)]
pub mod glue;
pub mod json;
pub mod prometheus;
mod reading;
mod rule;

pub use counters::{Counters, Step};
pub use document::Document;
pub use reading::{Answer, Domain, Part, Problem, Quantity, Reading, Request, Subject};
pub use rule::{Rule, rules};

pub use tracewatt_sdk::{Manifest, SettingsSpec, settings};

/// Everything a backend needs.
pub mod prelude {
    pub use crate::{
        Answer, Counters, Document, Domain, EnergyBackend, Manifest, Part, Problem, Quantity, Reading,
        Request, Rule, SettingsSpec, Step, Subject, export_energy_backend, json, prometheus, rules, settings,
    };
}

/// A decoder of documents into readings. It has no clock, no network and no secret: what it knows of time are the
/// times in documents.
///
/// ```
/// use tracewatt_energy::prelude::*;
///
/// struct Meter;
///
/// impl EnergyBackend for Meter {
///     type Settings = ();
///
///     fn manifest() -> Manifest {
///         Manifest::new("meter", "0.1.0", "a meter that says its watts")
///     }
///
///     fn new(_settings: ()) -> Result<Self, String> {
///         Ok(Meter)
///     }
///
///     fn requests(&self, targets: &[String]) -> Vec<Request> {
///         targets.iter().map(|target| Request::get(target, "power", "/power")).collect()
///     }
///
///     fn decode(&mut self, documents: &[Document]) -> Answer {
///         let mut answer = Answer::new("meter");
///         for document in documents {
///             match document.text().and_then(|text| document.number(text.trim(), 1e6)) {
///                 Ok(watts) => answer.readings.push(Reading::power(Subject::Host, &document.target, watts, document)),
///                 Err(problem) => answer.problems.push(problem),
///             }
///         }
///         answer
///     }
/// }
///
/// export_energy_backend!(Meter);
/// # fn main() {}
/// ```
pub trait EnergyBackend: Sized + 'static {
    /// Settings, declared by [`settings!`].
    type Settings: SettingsSpec;

    /// What the plug-in is; without rules.
    fn manifest() -> Manifest;

    /// Returns a backend with these settings, or says which of them is wrong and what would be right.
    fn new(settings: Self::Settings) -> Result<Self, String>;

    /// Returns what to fetch from these targets.
    fn requests(&self, targets: &[String]) -> Vec<Request>;

    /// Decodes what came.
    fn decode(&mut self, documents: &[Document]) -> Answer;

    /// Returns what a later instance needs to go on.
    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes up what [`EnergyBackend::snapshot`] returned; an error changes nothing.
    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        match state.is_empty() {
            true => Ok(()),
            false => Err("this backend keeps no state".to_owned()),
        }
    }
}

/// Makes a component of an [`EnergyBackend`].
#[macro_export]
macro_rules! export_energy_backend {
    ($backend:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static INSTANCE: ::std::cell::RefCell<::std::option::Option<$backend>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            $crate::glue::guest_impls!(Component, $backend, INSTANCE);
    $crate::glue::export!(Component with_types_in $crate::glue::bindings);
        };
    };
}
