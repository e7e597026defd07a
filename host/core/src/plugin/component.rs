//! A component on its way to becoming a plug-in: audit, version check, manifest.

use super::{Fault, Manifest, engine, instance};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Version of the WIT package that this host offers.
pub const WIT_VERSION: &str = "0.1.0";
/// Custom section of a component that holds its manifest as JSON.
pub const MANIFEST_SECTION: &str = "tracewatt:manifest";

const PACKAGE: &str = "tracewatt:plugin/";
const OFFERED: [&str; 4] = ["types", "spans", "texts", "host"];

/// Why a component cannot be a plug-in.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The bytes are no component.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It imports what a plug-in must not have.
    #[error(
        "imports `{0}`, which this host does not offer; a plug-in may import {PACKAGE}{{spans,texts,host}}@{WIT_VERSION} only"
    )]
    Import(String),
    /// It is built for another version of the interface.
    #[error("is built for {PACKAGE}…@{found}, this host offers {WIT_VERSION}; rebuild it against wit/0.1")]
    Version {
        /// Version the component names.
        found: String,
    },
    /// It lacks an export, or has it with another shape.
    #[error("does not export the world `detector` of {PACKAGE}…@{WIT_VERSION}: {0}")]
    World(String),
    /// Its manifest could not be read.
    #[error("its manifest cannot be read: {0}")]
    Manifest(String),
    /// Its manifest contradicts itself.
    #[error("its manifest is wrong: {0}")]
    BadManifest(String),
    /// The engine failed.
    #[error("cannot be compiled: {0}")]
    Compile(String),
}

/// A component that was audited and whose manifest is known. Cheap to clone; shared by all threads.
#[derive(Clone)]
pub struct Plugin {
    /// Component, compiled.
    pub(super) component: Component,
    /// What it says about itself.
    pub manifest: Manifest,
    /// SHA-256 of the component's bytes, hexadecimal.
    pub sha256: String,
}

impl Plugin {
    /// Returns the plug-in in `bytes`, a component. `compiled` is its compiled form, made by this project's
    /// own build; it is used when it fits this machine, and compiled anew otherwise. The manifest is read from
    /// the component's stamp, or asked of a throw-away instance when there is none.
    pub fn load(engine: &Engine, bytes: &[u8], compiled: Option<&[u8]>) -> Result<Plugin, PluginError> {
        audit(bytes)?;
        let component = match compiled.and_then(|compiled| deserialize(engine, compiled)) {
            Some(component) => component,
            None => {
                Component::new(engine, bytes).map_err(|error| PluginError::Compile(format!("{error:#}")))?
            }
        };
        let manifest = match stamped(bytes)? {
            Some(manifest) => manifest,
            None => describe(engine, &component)?,
        };
        check(&manifest)?;
        Ok(Plugin { component, manifest, sha256: hex(&Sha256::digest(bytes)) })
    }

    /// Returns the manifest that the component's own `describe` gives, without looking at a stamp.
    pub fn describe(bytes: &[u8]) -> Result<Manifest, PluginError> {
        audit(bytes)?;
        let engine = engine().map_err(|error| PluginError::Compile(format!("{error:#}")))?;
        let component =
            Component::new(&engine, bytes).map_err(|error| PluginError::Compile(format!("{error:#}")))?;
        let manifest = describe(&engine, &component)?;
        check(&manifest)?;
        Ok(manifest)
    }
}

/// Returns the names of everything a component imports. Reads the binary; runs nothing.
pub fn imports(bytes: &[u8]) -> Result<Vec<String>, PluginError> {
    Ok(names(bytes)?.0)
}

/// Refuses a component whose imports or version do not fit, before anything of it is compiled.
fn audit(bytes: &[u8]) -> Result<(), PluginError> {
    let (imports, exports) = names(bytes)?;
    for name in imports.iter().chain(&exports) {
        let Some((interface, version)) = name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@'))
        else {
            if imports.contains(name) {
                return Err(PluginError::Import(name.clone()));
            }
            continue;
        };
        if !compatible(version) {
            return Err(PluginError::Version { found: version.to_owned() });
        }
        if imports.contains(name) && !OFFERED.contains(&interface) {
            return Err(PluginError::Import(name.clone()));
        }
    }
    Ok(())
}

/// Before 1.0 the minor version is the major one, as in semantic versioning.
fn compatible(version: &str) -> bool {
    let series = |version: &str| version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    series(version) == series(WIT_VERSION)
}

fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), PluginError> {
    use wasmparser::{Encoding, Parser, Payload};
    let broken = |error: wasmparser::BinaryReaderError| PluginError::NotAComponent(error.to_string());
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0u32);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(PluginError::NotAComponent("it is a core module".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn stamped(bytes: &[u8]) -> Result<Option<Manifest>, PluginError> {
    use wasmparser::{Parser, Payload};
    for payload in Parser::new(0).parse_all(bytes) {
        if let Ok(Payload::CustomSection(section)) = payload
            && section.name() == MANIFEST_SECTION
        {
            return serde_json::from_slice(section.data())
                .map(Some)
                .map_err(|error| PluginError::Manifest(format!("stamp: {error}")));
        }
    }
    Ok(None)
}

fn describe(engine: &Engine, component: &Component) -> Result<Manifest, PluginError> {
    instance::describe(engine, component).map_err(|error| match error {
        instance::DescribeError::World(message) => PluginError::World(message),
        instance::DescribeError::Fault(Fault { message, .. }) => PluginError::Manifest(message),
    })
}

/// Checks what the types of the manifest cannot say.
fn check(manifest: &Manifest) -> Result<(), PluginError> {
    let bad = |message: String| Err(PluginError::BadManifest(message));
    if manifest.rules.is_empty() {
        return bad("it has no rule".to_owned());
    }
    let names = manifest
        .rules
        .iter()
        .map(|rule| &rule.name)
        .chain(manifest.settings.iter().map(|setting| &setting.name));
    for name in names.chain([&manifest.name]) {
        let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(snake) {
            return bad(format!("`{name}` is not a snake_case name"));
        }
    }
    for (at, rule) in manifest.rules.iter().enumerate() {
        if manifest.rules[..at].iter().any(|other| other.name == rule.name) {
            return bad(format!("rule `{}` is there twice", rule.name));
        }
    }
    for (at, setting) in manifest.settings.iter().enumerate() {
        if manifest.settings[..at].iter().any(|other| other.name == setting.name) {
            return bad(format!("setting `{}` is there twice", setting.name));
        }
        if let Err(reason) = setting.check(&setting.default) {
            return bad(format!("the default of setting `{}` must be {reason}", setting.name));
        }
    }
    Ok(())
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> Option<Component> {
    // SAFETY: the compiled form was made by this project's own build script from the component embedded next
    // to it, never received from outside. wasmtime checks version and CPU features and refuses what does not fit.
    unsafe { Component::deserialize(engine, compiled) }.ok()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
