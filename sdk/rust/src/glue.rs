//! Between the bindings generated from the WIT package and the types authors use. Not part of the API.

use crate::{Batch, Detector, Finding, Manifest, Setting, SettingKind, SettingsSpec, Severity, Value};

#[allow(missing_docs, unsafe_code, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1",
        world: "detector",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "tracewatt_sdk::glue::bindings",
    });
}

pub use crate::guest_impls;
pub use bindings::export;

use bindings::exports::tracewatt::plugin::manifest as wit_manifest;
use bindings::tracewatt::plugin::types as wit;

/// The host's imports as a source of columns.
pub struct Imports;

/// A configured detector, and names and severities of its rules.
pub struct Instance<D> {
    detector: D,
    rules: Vec<(String, Severity)>,
}

impl<D: Detector> Instance<D> {
    /// Returns a detector with these settings.
    pub fn new(settings: Vec<wit::Entry>) -> Result<Self, String> {
        announce_panics();
        let values = settings.into_iter().map(|entry| (entry.name, from_wit(entry.value))).collect();
        let settings = D::Settings::read(values)?;
        D::check(&settings)?;
        let detector = D::new(settings);
        let rules = D::manifest().rules.into_iter().map(|rule| (rule.name, rule.default_severity)).collect();
        Ok(Instance { detector, rules })
    }

    /// Runs the detector on the current batch.
    pub fn detect(&mut self) -> Vec<wit::Finding> {
        let batch = Batch::new(Box::new(Imports));
        let mut findings = Vec::new();
        self.detector.detect(&batch, &mut findings);
        findings.into_iter().map(|finding| self.finding(finding)).collect()
    }

    #[allow(clippy::panic)] // a mistake of the detector's author: the host reports it as a fault, with this text
    fn finding(&self, finding: Finding) -> wit::Finding {
        let Some(rule) = self.rules.iter().position(|(name, _)| *name == finding.rule) else {
            panic!("the manifest has no rule `{}`", finding.rule);
        };
        wit::Finding {
            rule: rule as u32,
            severity: severity(finding.severity.unwrap_or(self.rules[rule].1)),
            confidence: finding.confidence,
            spans: finding.spans,
            avoidable: finding.avoidable,
            occurrences: finding.occurrences,
            quorum: finding.quorum,
            subject: finding.subject,
            message: finding.message,
            advice: finding.advice,
            evidence: finding
                .evidence
                .into_iter()
                .map(|(name, value)| wit::Entry { name, value: to_wit(value) })
                .collect(),
        }
    }
}

/// Returns the description of a detector.
pub fn describe<D: Detector>() -> wit_manifest::Description {
    announce_panics();
    let Manifest { name, version, summary, license, rules, interest_kinds, interest_min_spans, .. } =
        D::manifest();
    let rule = |rule: crate::Rule| wit_manifest::Rule {
        name: rule.name,
        title: rule.title,
        page: rule.page,
        default_severity: severity(rule.default_severity),
        advice: rule.advice,
        yields_to: rule.yields_to,
        fixes: rule.fixes.iter().map(fix).collect(),
    };
    wit_manifest::Description {
        name,
        version,
        summary,
        license,
        rules: rules.into_iter().map(rule).collect(),
        settings: D::Settings::settings().into_iter().map(setting).collect(),
        interest: wit_manifest::Interest { kinds: interest_kinds, min_spans: interest_min_spans },
    }
}

/// Implements the exports of the world for a type, by way of a thread-local instance.
#[doc(hidden)]
#[macro_export]
macro_rules! guest_impls {
    ($component:ident, $detector:ty, $instance:ident) => {
        impl $crate::glue::bindings::exports::tracewatt::plugin::manifest::Guest for $component {
            fn describe() -> $crate::glue::bindings::exports::tracewatt::plugin::manifest::Description {
                $crate::glue::describe::<$detector>()
            }
        }

        impl $crate::glue::bindings::exports::tracewatt::plugin::lifecycle::Guest for $component {
            fn configure(
                settings: ::std::vec::Vec<$crate::glue::bindings::tracewatt::plugin::types::Entry>,
            ) -> ::std::result::Result<(), ::std::string::String> {
                let instance = $crate::glue::Instance::new(settings)?;
                $instance.with(|slot| *slot.borrow_mut() = ::std::option::Option::Some(instance));
                ::std::result::Result::Ok(())
            }
        }

        impl $crate::glue::bindings::exports::tracewatt::plugin::detect::Guest for $component {
            fn detect(
                _traces: u32,
                _spans: u32,
            ) -> ::std::vec::Vec<$crate::glue::bindings::tracewatt::plugin::types::Finding> {
                $instance.with(|slot| match slot.borrow_mut().as_mut() {
                    ::std::option::Option::Some(instance) => instance.detect(),
                    ::std::option::Option::None => ::std::vec::Vec::new(),
                })
            }
        }
    };
}

/// Writes to the host's log.
pub fn log(severity: Severity, message: &str) {
    if cfg!(target_arch = "wasm32") {
        use bindings::tracewatt::plugin::host::{Level, log};
        let level = match severity {
            Severity::Info => Level::Info,
            Severity::Warning => Level::Warn,
            Severity::Critical => Level::Error,
        };
        log(level, message);
    }
}

/// Tells the host why the guest is about to trap. Every way into the guest does this first: `describe`, and
/// `configure`, without which there is nothing to call.
fn announce_panics() {
    std::panic::set_hook(Box::new(|info| log(Severity::Critical, &info.to_string())));
}

fn severity(severity: Severity) -> wit::Severity {
    match severity {
        Severity::Info => wit::Severity::Info,
        Severity::Warning => wit::Severity::Warning,
        Severity::Critical => wit::Severity::Critical,
    }
}

fn fix(fix: &crate::Fix) -> wit_manifest::Fix {
    wit_manifest::Fix {
        framework: fix.framework.to_owned(),
        text: fix.text.to_owned(),
        url: fix.url.to_owned(),
    }
}

fn setting(setting: Setting) -> wit_manifest::Setting {
    let kind = match setting.kind {
        SettingKind::Boolean => wit_manifest::SettingKind::Boolean,
        SettingKind::Integer(min, max) => wit_manifest::SettingKind::Integer((min, max)),
        SettingKind::Number(min, max) => wit_manifest::SettingKind::Number((min, max)),
        SettingKind::Text => wit_manifest::SettingKind::Text,
        SettingKind::Choice(choices) => wit_manifest::SettingKind::Choice(choices),
        SettingKind::TextList => wit_manifest::SettingKind::TextList,
    };
    wit_manifest::Setting { name: setting.name, kind, default: to_wit(setting.default), doc: setting.doc }
}

fn to_wit(value: Value) -> wit::Value {
    match value {
        Value::Boolean(value) => wit::Value::Boolean(value),
        Value::Integer(value) => wit::Value::Integer(value),
        Value::Number(value) => wit::Value::Number(value),
        Value::Text(value) => wit::Value::Text(value),
        Value::TextList(values) => wit::Value::TextList(values),
    }
}

fn from_wit(value: wit::Value) -> Value {
    match value {
        wit::Value::Boolean(value) => Value::Boolean(value),
        wit::Value::Integer(value) => Value::Integer(value),
        wit::Value::Number(value) => Value::Number(value),
        wit::Value::Text(value) => Value::Text(value),
        wit::Value::TextList(values) => Value::TextList(values),
    }
}
