//! A component on its way to becoming a plug-in: audit, version check, manifest.

use super::engine::{engine_for_one_call, ticking};
use super::instance::StartError;
use super::{Fault, Grants, Manifest, Setting, SettingKind, backend_instance, instance};
use crate::hex::hex;
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
    /// It imports what a plug-in may have only where that was granted.
    #[error(
        "imports `{import}`, which this host does not offer; a plug-in may import {PACKAGE}{{spans,texts,host}}@{WIT_VERSION} \
         only, unless its section of the configuration says grants = [\"{capability}\"]"
    )]
    Ungranted {
        /// Name of the import.
        import: String,
        /// Capability that covers it.
        capability: &'static str,
    },
    /// It is built for another version of the interface.
    #[error("is built for {PACKAGE}…@{found}, this host offers {WIT_VERSION}; rebuild it against wit/0.1")]
    Version {
        /// Version the component names.
        found: String,
    },
    /// It lacks an export, or has it with another shape.
    #[error("does not export the world `detector` of {PACKAGE}…@{WIT_VERSION}: {0}")]
    World(String),
    /// It is no energy backend, or lacks an export of one.
    #[error("does not export the world `energy-backend` of {PACKAGE}…@{WIT_VERSION}: {0}")]
    Backend(String),
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

/// What a plug-in is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// It judges traces.
    Detector,
    /// It decodes documents into readings of energy.
    EnergyBackend,
}

impl World {
    /// Returns the world of a component, by its exports: whatever decodes energy and does not detect is a backend.
    ///
    /// # Errors
    /// When the bytes are no component.
    pub fn of(bytes: &[u8]) -> Result<World, PluginError> {
        let (_, exports) = interfaces(bytes)?;
        let has = |interface: &str| {
            let own = exports.iter().filter_map(|name| name.strip_prefix(PACKAGE));
            own.filter_map(|name| name.split_once('@')).any(|(name, _)| name == interface)
        };
        Ok(if has("energy") && !has("detect") { World::EnergyBackend } else { World::Detector })
    }

    /// Makes an instance and throws it away, to see whether its exports are what they should be.
    fn try_out(self, engine: &Engine, component: &Component, grants: &Grants) -> Result<(), PluginError> {
        let tried = ticking(engine, || match self {
            World::Detector => instance::try_out(engine, component, grants),
            World::EnergyBackend => backend_instance::try_out(engine, component, grants),
        });
        tried.map_err(|message| self.wrong(message))
    }

    fn describe(
        self,
        engine: &Engine,
        component: &Component,
        grants: &Grants,
    ) -> Result<Manifest, PluginError> {
        let described = ticking(engine, || match self {
            World::Detector => instance::describe(engine, component, grants),
            World::EnergyBackend => backend_instance::describe(engine, component, grants),
        });
        described.map_err(|error| match error {
            StartError::World(message) => self.wrong(message),
            StartError::Fault(Fault { message, .. }) => PluginError::Manifest(message),
        })
    }

    fn wrong(self, message: String) -> PluginError {
        match self {
            World::Detector => PluginError::World(message),
            World::EnergyBackend => PluginError::Backend(message),
        }
    }
}

/// A component that was audited and whose manifest is known. Cheap to clone; shared by all threads.
#[derive(Clone)]
pub struct Plugin {
    /// Component, compiled.
    pub(super) component: Component,
    /// What it is for.
    pub world: World,
    /// What it says about itself.
    pub manifest: Manifest,
    /// SHA-256 of the component's bytes, hexadecimal.
    pub sha256: String,
    /// What it may import beyond the interfaces that every plug-in may have.
    pub grants: Grants,
}

impl Plugin {
    /// Returns the plug-in in `bytes`, a component. `compiled` is its compiled form, see [`Plugin::of_compiled`]; where
    /// there is none that fits this machine, the component is compiled here, which takes time and memory.
    pub fn load(engine: &Engine, bytes: &[u8], compiled: Option<&[u8]>) -> Result<Plugin, PluginError> {
        Plugin::load_granted(engine, bytes, compiled, &Grants::default())
    }

    /// As [`Plugin::load`], of a component that was granted something.
    pub fn load_granted(
        engine: &Engine,
        bytes: &[u8],
        compiled: Option<&[u8]>,
        grants: &Grants,
    ) -> Result<Plugin, PluginError> {
        audit_granted(bytes, grants)?;
        let component = match compiled.and_then(|compiled| deserialize(engine, compiled)) {
            Some(component) => component,
            None => {
                Component::new(engine, bytes).map_err(|error| PluginError::Compile(format!("{error:#}")))?
            }
        };
        Plugin::of_component(engine, bytes, component, grants)
    }

    /// Returns the plug-in in `bytes`, a component, without compiling it; nothing when `compiled`, its compiled form,
    /// does not fit this machine. The compiled form is run as it is: it must come from [`precompile`](super::precompile)
    /// of this project's own build, or of this user's own tracewatt by way of a place that nobody else can write to.
    pub fn of_compiled(
        engine: &Engine,
        bytes: &[u8],
        compiled: &[u8],
        grants: &Grants,
    ) -> Result<Option<Plugin>, PluginError> {
        audit_granted(bytes, grants)?;
        deserialize(engine, compiled)
            .map(|component| Plugin::of_component(engine, bytes, component, grants))
            .transpose()
    }

    /// The manifest is read from the component's stamp, or asked of a throw-away instance when there is none, for a
    /// limited time: epochs of the engine go by meanwhile, also for whatever else runs in it.
    fn of_component(
        engine: &Engine,
        bytes: &[u8],
        component: Component,
        grants: &Grants,
    ) -> Result<Plugin, PluginError> {
        // A stamp says nothing about the exports: what lacks one, or has one of another type, must not get as far as an
        // analysis.
        let world = World::of(bytes)?;
        let manifest = match stamped(bytes)? {
            Some(manifest) => {
                world.try_out(engine, &component, grants)?;
                manifest
            }
            None => world.describe(engine, &component, grants)?,
        };
        check(&manifest, world)?;
        Ok(Plugin { component, world, manifest, sha256: digest(bytes), grants: grants.clone() })
    }

    /// Returns what the component says about itself when it is asked, whatever its stamp says.
    pub fn ask(&self, engine: &Engine) -> Result<Manifest, PluginError> {
        self.world.describe(engine, &self.component, &self.grants)
    }

    /// As [`Plugin::ask`], of a component that is not loaded.
    pub fn describe(bytes: &[u8]) -> Result<Manifest, PluginError> {
        audit(bytes)?;
        let engine = engine_for_one_call().map_err(|error| PluginError::Compile(format!("{error:#}")))?;
        let component =
            Component::new(&engine, bytes).map_err(|error| PluginError::Compile(format!("{error:#}")))?;
        let world = World::of(bytes)?;
        let manifest = world.describe(&engine, &component, &Grants::default())?;
        check(&manifest, world)?;
        Ok(manifest)
    }
}

/// Returns the SHA-256 of a component's bytes, hexadecimal: what a configuration may ask for. Look at it before
/// anything else is done with the bytes.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the names of everything a component imports. Reads the binary; runs nothing.
pub fn imports(bytes: &[u8]) -> Result<Vec<String>, PluginError> {
    Ok(interfaces(bytes)?.0)
}

/// Refuses a component whose imports or version do not fit, before anything of it is compiled.
pub fn audit(bytes: &[u8]) -> Result<(), PluginError> {
    audit_granted(bytes, &Grants::default())
}

/// As [`audit`], of a component that was granted something.
pub fn audit_granted(bytes: &[u8], grants: &Grants) -> Result<(), PluginError> {
    let (imports, exports) = interfaces(bytes)?;
    for name in imports.iter().chain(&exports) {
        let Some((interface, version)) = name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@'))
        else {
            if imports.contains(name) {
                grants.admit(name)?;
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

/// Returns the names of everything a component imports, and of everything it exports. Reads the binary; runs nothing.
pub fn interfaces(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), PluginError> {
    use wasmparser::Payload;
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    outermost(bytes, |payload| {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    imports.push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    exports.push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((imports, exports))
}

/// Returns the manifest in the component's stamp, if there is one. A section of that name in a module or component
/// inside is not ours: anybody's code may be in there. Reads the binary; runs nothing.
pub fn stamped(bytes: &[u8]) -> Result<Option<Manifest>, PluginError> {
    use wasmparser::Payload;
    let mut stamp = None;
    outermost(bytes, |payload| {
        if let Payload::CustomSection(section) = payload
            && section.name() == MANIFEST_SECTION
            && stamp.replace(section.data()).is_some()
        {
            return Err(PluginError::Manifest("it is stamped twice".to_owned()));
        }
        Ok(())
    })?;
    stamp
        .map(serde_json::from_slice)
        .transpose()
        .map_err(|error| PluginError::Manifest(format!("stamp: {error}")))
}

/// Shows every section of the component itself, and none of the modules and components in it.
fn outermost<'a>(
    bytes: &'a [u8],
    mut see: impl FnMut(wasmparser::Payload<'a>) -> Result<(), PluginError>,
) -> Result<(), PluginError> {
    use wasmparser::{Encoding, Parser, Payload};
    if !bytes.starts_with(b"\0asm") {
        return Err(PluginError::NotAComponent("it does not begin with the bytes 00 61 73 6d".to_owned()));
    }
    let mut depth = 0u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(PluginError::NotAComponent("it is a core module".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            payload if depth == 0 => see(payload)?,
            _ => {}
        }
    }
    Ok(())
}

fn broken(error: wasmparser::BinaryReaderError) -> PluginError {
    PluginError::NotAComponent(error.to_string())
}

/// Checks what the types of the manifest cannot say.
fn check(manifest: &Manifest, world: World) -> Result<(), PluginError> {
    let bad = |message: String| Err(PluginError::BadManifest(message));
    match (world, manifest.rules.is_empty()) {
        (World::Detector, true) => return bad("it has no rule".to_owned()),
        (World::EnergyBackend, false) => return bad("an energy backend has no rules".to_owned()),
        _ => {}
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
        if rule.yields_to.contains(&rule.name) {
            return bad(format!("rule `{}` yields to itself", rule.name));
        }
    }
    for (at, setting) in manifest.settings.iter().enumerate() {
        if manifest.settings[..at].iter().any(|other| other.name == setting.name) {
            return bad(format!("setting `{}` is there twice", setting.name));
        }
        if let Err(reason) = bounds(setting) {
            return bad(format!("the bounds of setting `{}` {reason}", setting.name));
        }
        if let Err(reason) = setting.check(&setting.default) {
            return bad(format!("the default of setting `{}` must be {reason}", setting.name));
        }
    }
    Ok(())
}

/// Checks that there is a value within the bounds of a setting, and that the bounds can be written down.
fn bounds(setting: &Setting) -> Result<(), String> {
    match setting.kind {
        SettingKind::Integer { min, max } if min > max => Err(format!("hold no number: {min}..={max}")),
        SettingKind::Float { min, max } if !min.is_finite() || !max.is_finite() => {
            Err(format!("must be finite: {min}..={max}"))
        }
        SettingKind::Float { min, max } if min > max => Err(format!("hold no number: {min}..={max}")),
        _ => Ok(()),
    }
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> Option<Component> {
    // SAFETY: callers promise that the compiled form was made by `precompile`: by this project's own build script, or
    // by a process of this program that handed it over directly or through a folder that only its user can write to
    // (host/src/compiled). wasmtime checks version and CPU features and refuses what does not fit.
    unsafe { Component::deserialize(engine, compiled) }.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::{Rule, SettingValue};

    /// Scenario: sections with the name of the stamp, in the component and in what is inside it.
    /// Guarantees: only the component's own is the stamp, and there is one at most.
    #[test]
    fn only_the_component_itself_is_stamped() {
        let check = |inside: &str, expect: &str| {
            let bytes = wat::parse_str(format!("(component {inside})")).unwrap();
            let found = match stamped(&bytes) {
                Ok(manifest) => manifest.map_or("nothing".to_owned(), |manifest| manifest.name),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, expect, "{inside}");
        };
        let stamp = |name: &str| {
            let manifest = Manifest { name: name.to_owned(), ..Manifest::default() };
            format!("(@custom {MANIFEST_SECTION:?} {:?})", serde_json::to_string(&manifest).unwrap())
        };
        check("", "nothing");
        check(&stamp("a"), "a");
        check(&format!("(core module {})", stamp("a")), "nothing");
        check(&format!("(component {})", stamp("a")), "nothing");
        check(&format!("(component (core module {}))", stamp("a")), "nothing");
        check(&format!("(core module {}) {}", stamp("a"), stamp("b")), "b");
        check(&format!("(component (component)) {}", stamp("b")), "b");
        check(&format!("{} {}", stamp("a"), stamp("b")), "its manifest cannot be read: it is stamped twice");
        check(
            &format!("(@custom {MANIFEST_SECTION:?} \"{{\")"),
            "its manifest cannot be read: stamp: EOF while parsing an object at line 1 column 1",
        );
    }

    fn rule(name: &str) -> Rule {
        Rule { name: name.to_owned(), ..Rule::default() }
    }

    fn setting(kind: SettingKind, default: SettingValue) -> Setting {
        Setting { name: "limit".to_owned(), kind, default, doc: String::new() }
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused() {
        let manifest = |rules: &[Rule], settings: &[Setting]| Manifest {
            name: "mine".to_owned(),
            rules: rules.to_vec(),
            settings: settings.to_vec(),
            ..Manifest::default()
        };
        let verdict = |manifest: &Manifest| match check(manifest, World::Detector) {
            Ok(()) => "fine".to_owned(),
            Err(PluginError::BadManifest(reason)) => reason,
            Err(error) => panic!("{error}"),
        };
        let rules = |rules: &[Rule], expect: &str| assert_eq!(verdict(&manifest(rules, &[])), expect);
        let yields = |name: &str, to: &str| Rule { yields_to: vec![to.to_owned()], ..rule(name) };
        rules(&[], "it has no rule");
        rules(&[rule("a"), rule("b")], "fine");
        rules(&[rule("a"), rule("a")], "rule `a` is there twice");
        rules(&[rule("A-1")], "`A-1` is not a snake_case name");
        rules(&[yields("a", "b"), rule("b")], "fine");
        rules(&[yields("a", "somewhere_else")], "fine");
        rules(&[rule("b"), yields("a", "a")], "rule `a` yields to itself");

        let settings = |kind: SettingKind, default: SettingValue, expect: &str| {
            assert_eq!(verdict(&manifest(&[rule("a")], &[setting(kind, default)])), expect);
        };
        let whole = |min, max| SettingKind::Integer { min, max };
        let float = |min, max| SettingKind::Float { min, max };
        let (one, half) = (SettingValue::Integer(1), SettingValue::Float(0.5));
        settings(whole(1, 1), one.clone(), "fine");
        settings(whole(2, 1), one.clone(), "the bounds of setting `limit` hold no number: 2..=1");
        settings(whole(2, 3), one, "the default of setting `limit` must be a whole number in 2..=3, got 1");
        settings(float(0.5, 0.5), half.clone(), "fine");
        settings(float(1.0, 0.0), half.clone(), "the bounds of setting `limit` hold no number: 1..=0");
        let (nan, endless) = (f64::NAN, f64::INFINITY);
        settings(float(0.0, endless), half.clone(), "the bounds of setting `limit` must be finite: 0..=inf");
        settings(
            float(-endless, 1.0),
            half.clone(),
            "the bounds of setting `limit` must be finite: -inf..=1",
        );
        settings(float(nan, nan), half, "the bounds of setting `limit` must be finite: NaN..=NaN");
        let default = "the default of setting `limit` must be a number in 0..=1, got NaN";
        settings(float(0.0, 1.0), SettingValue::Float(nan), default);
        settings(
            SettingKind::Choice(Vec::new()),
            SettingValue::Text("a".to_owned()),
            "the default of setting `limit` must be one of , got \"a\"",
        );
    }
}
