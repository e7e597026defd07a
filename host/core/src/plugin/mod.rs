//! The boundary with plug-ins.

mod manifest;

pub use manifest::{Fix, Interest, Manifest, Rule, Setting, SettingKind, SettingValue};
