//! From a crate to a plug-in: compile to WebAssembly, make a component of it, audit its imports, stamp its
//! manifest. Used by `host/build.rs` for the stock plug-ins and by the test kit for single ones.

mod folder;

pub use folder::{Language, SDK_COPY, build, language, name};

use std::path::{Path, PathBuf};
use std::process::Command;
use tracewatt_core::plugin::{MANIFEST_SECTION, Plugin, PluginError};

/// Target that plug-ins are compiled for. It has no system interface, so nothing of one can be imported.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Profile of the workspace that plug-ins are compiled with.
pub const PROFILE: &str = "plugin";

/// Why a plug-in could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The standard library for the target is not installed, and could not be.
    #[error("the standard library for {TARGET} is missing; install it with: rustup target add {TARGET}")]
    TargetMissing,
    /// cargo could not be started.
    #[error("cannot run {program}: {source}")]
    Spawn {
        /// Program.
        program: String,
        /// Reason.
        source: std::io::Error,
    },
    /// cargo failed; its own messages are on standard error.
    #[error("cargo failed to compile {packages} for {TARGET}, see above")]
    Compile {
        /// Packages asked for.
        packages: String,
    },
    /// The folder holds nothing that a plug-in is made of.
    #[error("{} holds no plug-in: there is no Cargo.toml, package.json or pyproject.toml; write one with: tracewatt plugin new", folder.display())]
    NoPlugin {
        /// Folder.
        folder: PathBuf,
    },
    /// A program or package that makes components is not installed.
    #[error("{tool} is missing; get it with: {remedy}")]
    ToolMissing {
        /// What is missing.
        tool: String,
        /// What to do.
        remedy: String,
    },
    /// The program that makes components failed; its own messages are on standard error.
    #[error("{program} failed to make a component of {name}, see above")]
    Failed {
        /// Program.
        program: String,
        /// Plug-in.
        name: String,
    },
    /// The copy of the SDK is not in the folder.
    #[error("there is no {}; put the SDK there with: tracewatt plugin sdk {}", path.display(), folder.display())]
    NoSdk {
        /// What was looked for.
        path: PathBuf,
        /// Folder of the plug-in.
        folder: PathBuf,
    },
    /// The file that names the plug-in does not.
    #[error("cannot tell the name of the plug-in from {}: {reason}", path.display())]
    Unnamed {
        /// File.
        path: PathBuf,
        /// Reason.
        reason: String,
    },
    /// A compiled module or source could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Reason.
        source: std::io::Error,
    },
    /// The module is not one that the SDK's `export_detector!` made.
    #[error(
        "cannot make a component of {name}: {reason}; does the crate call tracewatt_sdk::export_detector!?"
    )]
    Componentize {
        /// Package.
        name: String,
        /// Reason.
        reason: String,
    },
    /// The component is not one the host would load.
    #[error("{name} is no plug-in: {source}")]
    Rejected {
        /// Package.
        name: String,
        /// Reason.
        source: PluginError,
    },
}

/// Compiles packages of the workspace at `workspace` and returns the core modules, in order. `target_dir` must
/// not be the one of a cargo that is waiting for this call.
pub fn compile(workspace: &Path, packages: &[String], target_dir: &Path) -> Result<Vec<PathBuf>, BuildError> {
    ensure_target()?;
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(&cargo);
    command.current_dir(workspace).args([
        "build",
        "--lib",
        "--target",
        TARGET,
        "--profile",
        PROFILE,
        "--target-dir",
    ]);
    command.arg(target_dir);
    if !has_profile(workspace) {
        command.args(
            DEFAULT_PROFILE
                .map(|setting| ["--config".to_owned(), format!("profile.{PROFILE}.{setting}")])
                .concat(),
        );
    }
    for package in packages {
        command.args(["--package", package]);
    }
    forget_outer_cargo(&mut command);
    let status = command.status().map_err(|source| BuildError::Spawn { program: cargo, source })?;
    if !status.success() {
        return Err(BuildError::Compile { packages: packages.join(", ") });
    }
    let folder = target_dir.join(TARGET).join(PROFILE);
    Ok(packages.iter().map(|package| folder.join(format!("{}.wasm", package.replace('-', "_")))).collect())
}

/// What the profile is where a workspace does not say: as for the stock plug-ins.
const DEFAULT_PROFILE: [&str; 5] =
    ["inherits='release'", "opt-level=3", "lto='fat'", "codegen-units=1", "panic='abort'"];

/// Whether the manifest of the workspace around `folder`, or of a crate on the way to it, has the profile.
fn has_profile(folder: &Path) -> bool {
    let header = format!("[profile.{PROFILE}]");
    let has = |manifest: PathBuf| {
        std::fs::read_to_string(manifest).is_ok_and(|text| text.lines().any(|line| line.trim() == header))
    };
    folder.ancestors().any(|folder| has(folder.join("Cargo.toml")))
}

/// Makes a plug-in of a core module: a component, audited, with its manifest stamped into it.
pub fn componentize(name: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let failed = |reason: String| BuildError::Componentize { name: name.to_owned(), reason };
    let component = wit_component::ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| failed(format!("{error:#}")))?;
    stamp_component(name, component)
}

/// Makes a plug-in of a component: audited, with its manifest stamped into it.
fn stamp_component(name: &str, component: Vec<u8>) -> Result<Vec<u8>, BuildError> {
    let manifest = Plugin::describe(&component)
        .map_err(|source| BuildError::Rejected { name: name.to_owned(), source })?;
    let manifest = serde_json::to_vec(&manifest)
        .map_err(|error| BuildError::Componentize { name: name.to_owned(), reason: error.to_string() })?;
    Ok(stamp(component, &manifest))
}

/// Reads a module and makes a plug-in of it.
pub fn componentize_file(name: &str, module: &Path) -> Result<Vec<u8>, BuildError> {
    let bytes =
        std::fs::read(module).map_err(|source| BuildError::Read { path: module.to_owned(), source })?;
    componentize(name, &bytes)
}

/// Appends the manifest as a custom section, where it can be read without running anything.
fn stamp(mut component: Vec<u8>, manifest: &[u8]) -> Vec<u8> {
    use wasm_encoder::{ComponentSection, CustomSection};
    let section = CustomSection { name: MANIFEST_SECTION.into(), data: manifest.into() };
    section.append_to_component(&mut component);
    component
}

/// Installs the target's standard library when rustup is there to do it.
fn ensure_target() -> Result<(), BuildError> {
    if target_installed() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    match added {
        Ok(status) if status.success() && target_installed() => Ok(()),
        _ => Err(BuildError::TargetMissing),
    }
}

fn target_installed() -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// A cargo inside a build script inherits flags meant for the outer build.
fn forget_outer_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_the_outer_build) {
            command.env_remove(name);
        }
    }
}

/// What a cargo is told about the outside: its home, where and how it gets packages, how it talks.
const OUTSIDE: [&str; 9] = [
    "CARGO_HOME",
    "CARGO_MAKEFLAGS",
    "CARGO_CACHE_",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// What is for one target, one profile, one compiler wrapper (clippy, coverage), and not `CARGO_*`.
const OUTER: [&str; 12] = [
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_LINKER",
    "CLIPPY_ARGS",
    "TARGET",
    "HOST",
    "PROFILE",
    "OPT_LEVEL",
    "DEBUG",
    "OUT_DIR",
    "NUM_JOBS",
];

fn is_of_the_outer_build(variable: &str) -> bool {
    let kept = |known: &str| variable == known || known.ends_with('_') && variable.starts_with(known);
    OUTER.contains(&variable) || variable.starts_with("CARGO_") && !OUTSIDE.iter().any(|known| kept(known))
}

#[cfg(test)]
mod tests {
    use super::is_of_the_outer_build;

    #[test]
    fn the_inner_cargo_knows_the_network_and_not_the_outer_build() {
        let kept = "CARGO CARGO_HOME CARGO_MAKEFLAGS CARGO_TERM_COLOR CARGO_NET_OFFLINE CARGO_NET_GIT_FETCH_WITH_CLI \
            CARGO_HTTP_PROXY CARGO_HTTP_CAINFO CARGO_REGISTRIES_MINE_INDEX CARGO_REGISTRIES_MINE_TOKEN \
            CARGO_REGISTRIES_CRATES_IO_PROTOCOL CARGO_REGISTRY_DEFAULT CARGO_REGISTRY_TOKEN CARGO_SOURCE_X_REPLACE_WITH \
            HTTP_PROXY HTTPS_PROXY https_proxy ALL_PROXY NO_PROXY SSL_CERT_FILE PATH HOME RUSTUP_HOME RUSTUP_TOOLCHAIN \
            RUSTC TARGETS";
        for name in kept.split_whitespace() {
            assert!(!is_of_the_outer_build(name), "{name}");
        }
        let forgotten = "CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS CARGO_BUILD_RUSTC_WRAPPER \
            CARGO_TARGET_DIR CARGO_PROFILE_DEV_LTO CARGO_CFG_TARGET_OS CARGO_MANIFEST_DIR CARGO_PKG_NAME CARGO_HOMELESS \
            CARGO_FEATURE_STD CARGO_INCREMENTAL CARGO_PRIMARY_PACKAGE RUSTFLAGS RUSTC_WORKSPACE_WRAPPER OUT_DIR TARGET";
        for name in forgotten.split_whitespace() {
            assert!(is_of_the_outer_build(name), "{name}");
        }
    }
}
