//! Between the bindings generated from the WIT package and the types authors use. Not part of the API.

use crate::{Answer, Document, Domain, EnergyBackend, Part, Quantity, Reading, Request, Subject};
use tracewatt_sdk::{Manifest, Setting, SettingKind, SettingsSpec, Value};

#[allow(missing_docs, unsafe_code, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1",
        world: "energy-backend",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "tracewatt_energy::glue::bindings",
    });
}

pub use crate::energy_guest_impls as guest_impls;
pub use bindings::export;

use bindings::exports::tracewatt::plugin::energy as wit;
use bindings::exports::tracewatt::plugin::manifest as wit_manifest;
use bindings::tracewatt::plugin::types as wit_types;

/// Returns a backend with these settings.
pub fn backend<B: EnergyBackend>(settings: Vec<wit_types::Entry>) -> Result<B, String> {
    announce_panics();
    let values = settings.into_iter().map(|entry| (entry.name, from_wit(entry.value))).collect();
    B::new(B::Settings::read(values)?)
}

/// Returns the description of a backend.
pub fn describe<B: EnergyBackend>() -> wit_manifest::Description {
    announce_panics();
    let Manifest { name, version, summary, license, .. } = B::manifest();
    wit_manifest::Description {
        name,
        version,
        summary,
        license,
        rules: Vec::new(),
        settings: B::Settings::settings().into_iter().map(setting).collect(),
        interest: wit_manifest::Interest { kinds: Vec::new(), min_spans: 0 },
    }
}

/// Returns a request as the host takes it.
pub fn request(request: Request) -> wit::Request {
    let Request { target, id, path, query, headers } = request;
    wit::Request { target, id, path, query, headers }
}

/// Returns a document as backends take it.
pub fn document(document: wit::Document) -> Document {
    let wit::Document { target, request, status, content_type, retry_after_s, received_at_ms, body } =
        document;
    Document { target, request, status, content_type, retry_after_s, received_at_ms, body }
}

/// Returns an answer as the host takes it.
pub fn answer(answer: Answer) -> wit::Answer {
    let problem = |problem: crate::Problem| wit::Problem {
        target: problem.target,
        request: problem.request,
        reason: problem.reason,
        message: problem.message,
    };
    wit::Answer {
        model: answer.model,
        readings: answer.readings.into_iter().map(reading).collect(),
        problems: answer.problems.into_iter().map(problem).collect(),
        again_after_s: answer.again_after_s,
    }
}

fn reading(reading: Reading) -> wit::Reading {
    wit::Reading {
        subject: match reading.subject {
            Subject::Service => 0,
            Subject::Container => 1,
            Subject::Pod => 2,
            Subject::Process => 3,
            Subject::Host => 4,
            Subject::Zone => 5,
        },
        name: reading.name,
        within: reading.within,
        quantity: match reading.quantity {
            Quantity::Energy => 0,
            Quantity::Power => 1,
            Quantity::Intensity => 2,
            Quantity::MarginalIntensity => 3,
        },
        low: reading.low,
        value: reading.value,
        high: reading.high,
        measured_at_ms: reading.measured_at_ms,
        interval_ms: reading.interval_ms,
        domain: match reading.domain {
            Domain::Unknown => 0,
            Domain::Cpu => 1,
            Domain::CpuDram => 2,
            Domain::Dram => 3,
            Domain::Gpu => 4,
            Domain::Platform => 5,
            Domain::Wall => 6,
        },
        part: match reading.part {
            Part::Total => 0,
            Part::Active => 1,
            Part::Idle => 2,
        },
        flags: u32::from(reading.estimated) | u32::from(reading.forecast) << 1,
    }
}

/// Implements the exports of the world for a type, by way of a thread-local instance.
#[doc(hidden)]
#[macro_export]
macro_rules! energy_guest_impls {
    ($component:ident, $backend:ty, $instance:ident) => {
        impl $crate::glue::bindings::exports::tracewatt::plugin::manifest::Guest for $component {
            fn describe() -> $crate::glue::bindings::exports::tracewatt::plugin::manifest::Description {
                $crate::glue::describe::<$backend>()
            }
        }

        impl $crate::glue::bindings::exports::tracewatt::plugin::lifecycle::Guest for $component {
            fn configure(
                settings: ::std::vec::Vec<$crate::glue::bindings::tracewatt::plugin::types::Entry>,
            ) -> ::std::result::Result<(), ::std::string::String> {
                let backend = $crate::glue::backend::<$backend>(settings)?;
                $instance.with(|slot| *slot.borrow_mut() = ::std::option::Option::Some(backend));
                ::std::result::Result::Ok(())
            }
        }

        impl $crate::glue::bindings::exports::tracewatt::plugin::energy::Guest for $component {
            fn requests(
                targets: ::std::vec::Vec<::std::string::String>,
            ) -> ::std::vec::Vec<$crate::glue::bindings::exports::tracewatt::plugin::energy::Request> {
                let requests = $instance.with(|slot| {
                    slot.borrow().as_ref().map(|backend| $crate::EnergyBackend::requests(backend, &targets))
                });
                requests.unwrap_or_default().into_iter().map($crate::glue::request).collect()
            }

            fn decode(
                documents: ::std::vec::Vec<
                    $crate::glue::bindings::exports::tracewatt::plugin::energy::Document,
                >,
            ) -> $crate::glue::bindings::exports::tracewatt::plugin::energy::Answer {
                let documents: ::std::vec::Vec<_> =
                    documents.into_iter().map($crate::glue::document).collect();
                let answer = $instance.with(|slot| {
                    slot.borrow_mut()
                        .as_mut()
                        .map(|backend| $crate::EnergyBackend::decode(backend, &documents))
                });
                $crate::glue::answer(answer.unwrap_or_default())
            }

            fn snapshot() -> ::std::vec::Vec<u8> {
                let state = $instance
                    .with(|slot| slot.borrow().as_ref().map(|it| $crate::EnergyBackend::snapshot(it)));
                state.unwrap_or_default()
            }

            fn restore(state: ::std::vec::Vec<u8>) -> ::std::result::Result<(), ::std::string::String> {
                $instance.with(|slot| match slot.borrow_mut().as_mut() {
                    ::std::option::Option::Some(backend) => $crate::EnergyBackend::restore(backend, &state),
                    ::std::option::Option::None => ::std::result::Result::Ok(()),
                })
            }
        }
    };
}

/// Tells the host why the guest is about to trap. Every way into the guest does this first.
fn announce_panics() {
    std::panic::set_hook(Box::new(|info| {
        if cfg!(target_arch = "wasm32") {
            use bindings::tracewatt::plugin::host::{Level, log};
            log(Level::Error, &info.to_string());
        }
    }));
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
    let default = match setting.default {
        Value::Boolean(value) => wit_types::Value::Boolean(value),
        Value::Integer(value) => wit_types::Value::Integer(value),
        Value::Number(value) => wit_types::Value::Number(value),
        Value::Text(value) => wit_types::Value::Text(value),
        Value::TextList(values) => wit_types::Value::TextList(values),
    };
    wit_manifest::Setting { name: setting.name, kind, default, doc: setting.doc }
}

fn from_wit(value: wit_types::Value) -> Value {
    match value {
        wit_types::Value::Boolean(value) => Value::Boolean(value),
        wit_types::Value::Integer(value) => Value::Integer(value),
        wit_types::Value::Number(value) => Value::Number(value),
        wit_types::Value::Text(value) => Value::Text(value),
        wit_types::Value::TextList(values) => Value::TextList(values),
    }
}
