//! The boundary with plug-ins: loading a component, limiting it, calling it, surviving it.
//!
//! - [`Manifest`]: what a plug-in says about itself
//! - [`engine`]: one engine for the process, configured in one place
//! - [`Plugin`]: a component that was audited and whose manifest was read
//! - [`CAPABILITIES`]: what a component may import once it was granted
//! - [`Worker`]: one instance of one plug-in, on one thread, with its limits; turns every way a guest can
//!   misbehave into a [`Fault`] and finds the trace that caused it
//!
//! A guest sees columns of a batch, interned texts and a log, and nothing else. The host checks every number
//! in its answers. Nothing in here knows what any detector does.

mod answer;
mod bindings;
mod bundle;
mod component;
mod engine;
mod fault;
mod grants;
mod host_calls;
mod instance;
mod limits;
mod manifest;
mod sealed;
mod supervisor;
mod worker;

pub use answer::RawFinding;
pub use bundle::{BUNDLE_FORMAT, Bundle, BundleError, BundledPlugin, SavedBatch};
pub use component::{
    MANIFEST_SECTION, Plugin, PluginError, WIT_VERSION, audit, audit_granted, digest, imports, interfaces,
    stamped,
};
pub use engine::{Ticker, compatibility, engine, precompile, ticking};
pub use fault::{Fault, FaultKind, LogLine};
pub use grants::{CAPABILITIES, Capability, Grants, needed_by};
pub use limits::Limits;
pub use manifest::{Fix, Interest, Manifest, Rule, Setting, SettingKind, SettingValue};
pub use sealed::{seal, unseal};
pub use supervisor::{Standing, Supervisor};
pub use wasmtime::Engine;
pub use worker::{MAX_CULPRITS, Outcome, Worker};

#[cfg(test)]
mod tests;
