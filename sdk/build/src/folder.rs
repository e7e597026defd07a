//! A plug-in's own folder: what it is called and written in, and the component made of it.

use crate::{BuildError, PROFILE, componentize_file};
use std::path::{Path, PathBuf};

/// What a plug-in is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate: there is a `Cargo.toml`.
    Rust,
}

/// Returns what the plug-in in `folder` is written in.
///
/// # Errors
/// When nothing says so.
pub fn language(folder: &Path) -> Result<Language, BuildError> {
    if folder.join("Cargo.toml").is_file() {
        return Ok(Language::Rust);
    }
    Err(BuildError::NoPlugin { folder: folder.to_owned() })
}

/// Returns the name of the plug-in in `folder`: that of its crate.
///
/// # Errors
/// When the folder holds no plug-in, or the name cannot be read.
pub fn name(folder: &Path) -> Result<String, BuildError> {
    match language(folder)? {
        Language::Rust => crate_name(&folder.join("Cargo.toml")),
    }
}

/// Compiles the plug-in in `folder` and returns the component, audited and stamped.
///
/// # Errors
/// When a tool is missing or fails, or what it made is no plug-in.
pub fn build(folder: &Path) -> Result<Vec<u8>, BuildError> {
    match language(folder)? {
        Language::Rust => rust(folder),
    }
}

fn rust(folder: &Path) -> Result<Vec<u8>, BuildError> {
    let name = crate_name(&folder.join("Cargo.toml"))?;
    let target_dir = target_dir(folder)?;
    let mut modules = crate::compile(folder, std::slice::from_ref(&name), &target_dir)?;
    componentize_file(&name, &modules.swap_remove(0))
}

/// Where cargo would build, one folder deeper: a plug-in in a workspace must not wait for the cargo that runs its tests.
fn target_dir(folder: &Path) -> Result<PathBuf, BuildError> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => folder.join("target"),
    };
    let absolute = std::path::absolute(&target);
    Ok(absolute.map_err(|source| BuildError::Read { path: target, source })?.join(PROFILE))
}

fn crate_name(manifest: &Path) -> Result<String, BuildError> {
    let text = std::fs::read_to_string(manifest)
        .map_err(|source| BuildError::Read { path: manifest.to_owned(), source })?;
    let unnamed = |reason: String| BuildError::Unnamed { path: manifest.to_owned(), reason };
    let manifest: toml::Table = text.parse().map_err(|error: toml::de::Error| unnamed(error.to_string()))?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str());
    name.map(str::to_owned).ok_or_else(|| unnamed("it has no package.name".to_owned()))
}
