//! Whether a component may be loaded, and what is known about where it comes from. Everything here judges bytes that
//! were read once and are then loaded: nothing can be put in their place between the look and the load.
//!
//! - [`signature`]: minisign signatures beside components
//! - [`lock`]: `tracewatt.lock`, which says what components were accepted
//! - [`Components`]: those two put together, before anything is compiled
//!
//! Why so: docs/decisions/0022-lock-file.md.

pub mod lock;
pub mod signature;

use crate::config::{NamedPlugin, PluginSource, TrustConfig};
use anyhow::{Context, Result, bail};
use lock::{LockFile, Locked, Rejected};
use signature::{Asked, Signed};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tracewatt_core::plugin::{Grants, digest};

/// What is known of where a plug-in comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// It is part of this program.
    Builtin,
    /// It is a file.
    File {
        /// The file.
        path: PathBuf,
        /// What the lock file says of it, or would say.
        component: Locked,
        /// Whether a lock file says so.
        is_locked: bool,
        /// Who signed it.
        signed: Signed,
    },
}

/// A component in a file that may be loaded.
pub struct Component {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it was granted.
    pub grants: Grants,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// What the components of a configuration must be.
pub struct Components<'a> {
    /// Keys and grants.
    pub trust: &'a TrustConfig,
    /// The lock file, where there is one.
    pub lock: Option<(&'a Path, &'a LockFile)>,
}

impl Components<'_> {
    /// Reads and judges the plug-ins that are files; by id.
    ///
    /// # Errors
    /// The first one that cannot be read, or has another digest than the configuration asks for, or a signature that
    /// does not hold; then everything that the lock file has against them.
    pub fn read<'p>(
        &self,
        named: impl IntoIterator<Item = &'p NamedPlugin>,
    ) -> Result<BTreeMap<String, Component>> {
        let (mut read, mut rejected) = (BTreeMap::new(), Vec::new());
        for plugin in named {
            let PluginSource::Path(path) = &plugin.source else { continue };
            let id = &plugin.id;
            let component = self.component(plugin, path);
            let component =
                component.with_context(|| format!("cannot load plug-in `{id}` from {}", path.display()))?;
            if let (Some((_, lock)), Provenance::File { component, .. }) = (self.lock, &component.provenance)
            {
                rejected.extend(lock.reject(id, path, component));
            }
            read.insert(id.clone(), component);
        }
        match self.lock {
            Some((path, _)) if !rejected.is_empty() => {
                Err(Rejected { lock: path.to_owned(), rejected }.into())
            }
            _ => Ok(read),
        }
    }

    fn component(&self, plugin: &NamedPlugin, path: &Path) -> Result<Component> {
        let trust = self.trust.of(&plugin.id);
        let bytes = std::fs::read(path)?;
        require_digest(plugin, &bytes)?;
        let (key, required) = (format!("plugins.{}.public_keys", plugin.id), self.trust.required);
        let asked = match &trust.public_keys {
            Some(keys) => Asked { keys, key: &key, is_required: true },
            None => {
                Asked { keys: &self.trust.public_keys, key: "signatures.public_keys", is_required: required }
            }
        };
        let signed = signature::verify(path, &bytes, &asked)?;
        let component = Locked::of(&bytes, &trust.grants);
        let is_locked = self.lock.is_some();
        let provenance = Provenance::File { path: path.to_owned(), component, is_locked, signed };
        Ok(Component { bytes, grants: trust.grants, provenance })
    }
}

/// Compares a component with the digest in the configuration, before anything looks into the component.
///
/// # Errors
/// Both digests, when they differ.
pub fn require_digest(named: &NamedPlugin, component: &[u8]) -> Result<()> {
    let Some(wanted) = named.sha256.as_deref() else { return Ok(()) };
    match digest(component) {
        found if wanted != found => bail!(
            "the component has the digest {found}, the configuration asks for {wanted}; \
             get the right component, or correct plugins.{}.sha256",
            named.id
        ),
        _ => Ok(()),
    }
}
