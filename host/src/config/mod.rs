//! Configuration: from files and flags to typed values that hold.
//!
//! [`find`] or [`read`] gets the text, [`Raw`] is what was written, [`check`] holds it against one table of
//! keys (`keys.rs`) and the plug-ins' manifests and returns a [`Config`], or everything that is wrong with it.
//! Manifests decide which settings there are, and the configuration decides which plug-ins there are, so the
//! order is: [`Raw::plugins`] and [`trust`], load those, [`check`].
//!
//! The JSON Schema, the reference page and `config show` are made of the same table.

mod checked;
mod daemon;
mod document;
mod error;
mod keys;
mod kind;
mod raw;
mod sections;
mod show;
mod trust;
mod value;
mod walk;
mod webhooks;

pub use checked::{
    AcknowledgmentsConfig, Config, DetectionConfig, Ignore, InputLimits, OutputConfig, Override,
    PluginConfig, PluginLimits, RuleConfig, check,
};
pub use daemon::{DaemonConfig, DaemonEnvironment, Secret, TokensConfig};
pub use document::{json_schema, reference_page};
pub use error::{ConfigError, ConfigErrors};
pub use keys::Described;
pub use raw::{Dialect, Flag, NamedPlugin, PluginSource, Raw};
pub use trust::{PluginTrust, TrustConfig, trust};
pub use value::{Origin, Spot};
pub(crate) use walk::nearest;
pub use webhooks::{HookEvent, WebhookConfig};

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Our own file, looked for in the current folder.
pub const FILE: &str = "tracewatt.toml";
/// The other tool's file, looked for where ours is not there.
pub const OTHER_FILE: &str = ".perf-sentinel.toml";
/// Fragments of the other tool's configuration, which are not read.
const OTHER_FRAGMENTS: &str = ".perf-sentinel.d";
/// Largest configuration file, bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Reads the configuration of `folder`: `tracewatt.toml`, else `.perf-sentinel.toml`, else nothing.
///
/// # Errors
/// When a file is there and cannot be read as text.
pub fn find(folder: &Path) -> Result<Raw, ConfigErrors> {
    for (name, other) in [(FILE, Some(OTHER_FILE)), (OTHER_FILE, None)] {
        let Some(mut raw) = read_if_there(&folder.join(name), name)? else { continue };
        if let Some(other) = other.filter(|other| folder.join(other).exists()) {
            raw.warnings.push(format!("{other} is not read, because {name} is there"));
        }
        if raw.dialect == Dialect::PerfSentinel && folder.join(OTHER_FRAGMENTS).is_dir() {
            raw.warnings.push(format!("the fragments in {OTHER_FRAGMENTS} are not read"));
        }
        return Ok(raw);
    }
    Ok(Raw::empty())
}

/// Reads the configuration file at `path`, which must exist.
///
/// # Errors
/// When it cannot be read as text.
pub fn read(path: &Path) -> Result<Raw, ConfigErrors> {
    let name = path.display().to_string();
    match read_if_there(path, &name)? {
        Some(raw) => Ok(raw),
        None => Err(unreadable(&name, "there is no such file", Some("check the path given with --config"))),
    }
}

fn read_if_there(path: &Path, name: &str) -> Result<Option<Raw>, ConfigErrors> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(name, &error.to_string(), None)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error.to_string(), None))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(name, "it is larger than 4 MiB", Some("is it a configuration file?")));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(Raw { file: Some(path.to_owned()), ..Raw::parse(name, text) })),
        Err(error) => {
            let reason = format!("it is not UTF-8 text from byte {} on", error.valid_up_to());
            Err(unreadable(name, &reason, None))
        }
    }
}

fn unreadable(name: &str, reason: &str, help: Option<&str>) -> ConfigErrors {
    ConfigErrors::of(ConfigError {
        origin: Origin::Default,
        key: String::new(),
        reason: format!("cannot read configuration {name}: {reason}"),
        help: help.map(str::to_owned),
    })
}
