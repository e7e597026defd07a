//! A plug-in's own folder: what it is called and written in, and the component made of it. What is not Rust is made by
//! the toolchains of its language, with the copy of the SDK that `tracewatt plugin new` put into the folder.

use crate::{BuildError, PROFILE, componentize_file};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folder of a plug-in that holds the copy of the SDK.
pub const SDK_COPY: &str = "tracewatt";
/// Package of npm that makes components of JavaScript.
const COMPONENTIZE_JS: &str = "node_modules/@bytecodealliance/componentize-js";
/// Program of PyPI that makes components of Python.
const COMPONENTIZE_PY: &str = "componentize-py";

/// What a plug-in is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate: there is a `Cargo.toml`.
    Rust,
    /// A package of npm, with its code in `plugin.js`.
    JavaScript,
    /// A project of Python, with its code in `plugin.py`.
    Python,
}

impl Language {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Language; 3] = [Language::Rust, Language::JavaScript, Language::Python];

    /// Returns the file that names the plug-in.
    pub fn manifest(self) -> &'static str {
        match self {
            Language::Rust => "Cargo.toml",
            Language::JavaScript => "package.json",
            Language::Python => "pyproject.toml",
        }
    }

    /// Returns the folder of the SDK, from the root of the repository or of its copy.
    pub fn sdk(self) -> &'static str {
        match self {
            Language::Rust => "sdk/rust",
            Language::JavaScript => "sdk/js",
            Language::Python => "sdk/python",
        }
    }
}

/// Returns what the plug-in in `folder` is written in.
///
/// # Errors
/// When nothing says so.
pub fn language(folder: &Path) -> Result<Language, BuildError> {
    let found = Language::ALL.into_iter().find(|language| folder.join(language.manifest()).is_file());
    found.ok_or_else(|| BuildError::NoPlugin { folder: folder.to_owned() })
}

/// Returns the name of the plug-in in `folder`: that of its crate, package or project.
///
/// # Errors
/// When the folder holds no plug-in, or the name cannot be read.
pub fn name(folder: &Path) -> Result<String, BuildError> {
    let language = language(folder)?;
    let path = folder.join(language.manifest());
    let text =
        std::fs::read_to_string(&path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
    let unnamed = |reason: String| BuildError::Unnamed { path: path.clone(), reason };
    let (name, key) = match language {
        Language::JavaScript => {
            let package: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| unnamed(error.to_string()))?;
            (package.get("name").and_then(|name| name.as_str()).map(str::to_owned), "name")
        }
        Language::Rust => (of_toml(&text, "package").map_err(unnamed)?, "package.name"),
        Language::Python => (of_toml(&text, "project").map_err(unnamed)?, "project.name"),
    };
    let name = name.ok_or_else(|| unnamed(format!("it has no {key}")))?;
    match name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        true => Err(unnamed(format!("`{name}` cannot be the name of a file"))),
        false => Ok(name),
    }
}

fn of_toml(text: &str, table: &str) -> Result<Option<String>, String> {
    let manifest: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let name = manifest.get(table).and_then(|table| table.get("name")).and_then(|name| name.as_str());
    Ok(name.map(str::to_owned))
}

/// Compiles the plug-in in `folder` and returns the component, audited and stamped.
///
/// # Errors
/// When a tool is missing or fails, or what it made is no plug-in.
pub fn build(folder: &Path) -> Result<Vec<u8>, BuildError> {
    let name = name(folder)?;
    let target = target_dir(folder)?;
    match language(folder)? {
        Language::Rust => {
            let mut modules = crate::compile(folder, std::slice::from_ref(&name), &target)?;
            componentize_file(&name, &modules.swap_remove(0))
        }
        Language::JavaScript => {
            find_up(folder, COMPONENTIZE_JS).ok_or_else(|| BuildError::ToolMissing {
                tool: "@bytecodealliance/componentize-js".to_owned(),
                remedy: format!("npm install --prefix {}", folder.display()),
            })?;
            let mut node = Command::new("node");
            // The script looks for the package from where it lies.
            node.arg(sdk_file(folder, "sdk/js/build.mjs")?);
            node.args([folder.join("plugin.js"), sdk_file(folder, "wit/0.1")?]);
            foreign(&name, node, &target)
        }
        Language::Python => {
            let mut python = Command::new(componentize_py(folder));
            python.args(["--quiet", "--world", "detector", "--wit-path"]).arg(sdk_file(folder, "wit/0.1")?);
            python.args(["componentize", "--stub-wasi", "--python-path"]);
            python.arg(sdk_file(folder, "sdk/python")?);
            python.arg("--python-path").arg(folder).args(["tracewatt.component", "--output"]);
            foreign(&name, python, &target)
        }
    }
}

/// Runs the toolchain of another language, which writes a component to its last argument.
fn foreign(name: &str, mut command: Command, target: &Path) -> Result<Vec<u8>, BuildError> {
    let output = target.join(format!("{name}.component.wasm"));
    std::fs::create_dir_all(target).map_err(|source| BuildError::Read { path: target.to_owned(), source })?;
    command.arg(&output);
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => BuildError::ToolMissing {
            remedy: remedy(command.get_program()).to_owned(),
            tool: program.clone(),
        },
        _ => BuildError::Spawn { program: program.clone(), source },
    })?;
    if !status.success() {
        return Err(BuildError::Failed { program, name: name.to_owned() });
    }
    let component =
        std::fs::read(&output).map_err(|source| BuildError::Read { path: output.clone(), source })?;
    crate::stamp_component(name, component)
}

fn remedy(program: &OsStr) -> &'static str {
    match program.to_str() {
        Some("node") => "install Node.js 20 or newer",
        _ => "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
    }
}

/// In the virtual environment that is active, in that of the folder, or wherever programs are.
fn componentize_py(folder: &Path) -> PathBuf {
    let active = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let environments = active.into_iter().chain([folder.join(".venv")]);
    let mut programs = environments.map(|environment| environment.join("bin").join(COMPONENTIZE_PY));
    programs.find(|program| program.is_file()).unwrap_or_else(|| COMPONENTIZE_PY.into())
}

/// A file of the copy of the SDK, its whole path.
fn sdk_file(folder: &Path, path: &str) -> Result<PathBuf, BuildError> {
    let file = folder.join(SDK_COPY).join(path);
    match std::path::absolute(&file) {
        Ok(file) if file.exists() => Ok(file),
        _ => Err(BuildError::NoSdk { path: file, folder: folder.to_owned() }),
    }
}

/// Something in a folder or one above it.
fn find_up(folder: &Path, path: &str) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().map(|folder| folder.join(path)).find(|path| path.exists())
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
