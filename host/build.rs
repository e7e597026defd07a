//! Builds the stock plug-ins and embeds them: compiled to WebAssembly, made components, audited, stamped, and
//! precompiled for this machine. What has not changed is not built again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};
use tracewatt_core::plugin;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let workspace = host.parent().ok_or("host/ has no parent")?.to_owned();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for path in ["detectors", "energy-backends", "sdk", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    let detectors = stock(&workspace.join("detectors"))?;
    let backends = stock(&workspace.join("energy-backends"))?;
    let names = [detectors.as_slice(), backends.as_slice()].concat();
    let modules = tracewatt_build::compile(&workspace, &names, &target_dir(&out)?)?;
    let engine = plugin::engine()?;
    let maker = format!("{:016x} {:016x}", fingerprint(&this_program()?), plugin::compatibility(&engine));
    for (name, module) in names.iter().zip(&modules) {
        embed(name, module, &out, &engine, &maker)?;
    }
    fs::write(out.join("stock.rs"), table(&detectors)?)?;
    fs::write(out.join("backends.rs"), table(&backends)?)?;
    fs::write(out.join("sdk.rs"), sdk(&workspace)?)?;
    Ok(())
}

/// The source of a table of embedded plug-ins.
fn table(names: &[String]) -> Result<String, Failure> {
    let mut table = String::from("&[\n");
    for name in names {
        writeln!(
            table,
            "    Stock {{ id: {name:?}, component: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.wasm\")), \
             compiled: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.cwasm\")) }},"
        )?;
    }
    table.push(']');
    Ok(table)
}

/// What `tracewatt plugin new` writes from: the SDK, its templates and the interface, as a table of paths and texts.
fn sdk(workspace: &Path) -> Result<String, Failure> {
    let mut files = vec![PathBuf::from("Cargo.toml")];
    for folder in ["sdk/rust", "sdk/js", "sdk/python", "wit"] {
        list(workspace, Path::new(folder), &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for path in files {
        let from = workspace.join(&path);
        writeln!(table, "    ({:?}, include_str!({from:?})),", path.display().to_string())?;
    }
    table.push(']');
    Ok(table)
}

/// Adds every file under `folder` of the workspace.
fn list(workspace: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(workspace.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        match entry.file_type()? {
            // What Python leaves behind.
            _ if entry.file_name() == "__pycache__" => {}
            kind if kind.is_dir() => list(workspace, &path, files)?,
            _ => files.push(path),
        }
    }
    Ok(())
}

/// Folders under `folder`, by name: each is one plug-in.
fn stock(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// `target/plugins`, next to the profiles of the outer build, so that all of them share it.
fn target_dir(out: &Path) -> Result<PathBuf, Failure> {
    Ok(out.ancestors().nth(4).ok_or("OUT_DIR is not below a target folder")?.join("plugins"))
}

/// This build script as compiled: how components are made of modules is all in here.
fn this_program() -> Result<Vec<u8>, Failure> {
    Ok(fs::read(env::current_exe()?)?)
}

/// Writes component and compiled form unless both are there, made of this very module by this very `maker`.
fn embed(name: &str, module: &Path, out: &Path, engine: &plugin::Engine, maker: &str) -> Result<(), Failure> {
    let bytes = fs::read(module)?;
    let key = format!("{:016x} {maker}", fingerprint(&bytes));
    let (component, compiled, stamp) = (
        out.join(format!("{name}.wasm")),
        out.join(format!("{name}.cwasm")),
        out.join(format!("{name}.key")),
    );
    if component.is_file() && compiled.is_file() && fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(());
    }
    let bytes = tracewatt_build::componentize(name, &bytes)?;
    fs::write(&compiled, plugin::precompile(engine, &bytes)?)?;
    fs::write(&component, bytes)?;
    fs::write(&stamp, key)?;
    Ok(())
}

/// Tells modules apart; nobody relies on it for more.
fn fingerprint(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
