//! What the end-to-end tests share: the program as a user would build it.
//!
//! The detector of `docs/guides/detectors.md` is compiled from here, as a documentation test.

pub mod daemon;
pub mod golden;
pub mod made;
pub mod native;
pub mod otlp;
pub mod program;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

#[cfg(doctest)]
#[doc = include_str!("../../docs/guides/detectors.md")]
struct DetectorsGuide;

/// Returns the path of the `tracewatt` binary. The first call builds it, in the profile and the target folder that
/// the running test was built in.
///
/// It asks for the whole workspace and for a test, because then cargo resolves features as `cargo test` does and has
/// nothing to build after it. For the package alone it would compile wasmtime a second time.
///
/// # Panics
/// When it does not compile.
#[allow(clippy::panic, clippy::expect_used, reason = "a test without the program fails")]
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let folder = profile_folder();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--workspace", "--bin", "tracewatt", "--test", "reference"]);
        cargo.arg("--target-dir");
        cargo.arg(folder.parent().expect("a profile has its folder in the target folder"));
        match folder.file_name().and_then(|name| name.to_str()).unwrap_or("debug") {
            "debug" => {}
            profile => drop(cargo.args(["--profile", profile])),
        }
        let status = cargo.current_dir(workspace()).status().expect("cargo can be started");
        assert!(status.success(), "the program does not compile");
        folder.join(format!("tracewatt{}", std::env::consts::EXE_SUFFIX))
    };
    BINARY.get_or_init(build).clone()
}

/// Returns the detector that fails in the way its setting `mode` says: `tests/fixtures/misbehaving`.
///
/// # Panics
/// When it does not compile.
#[allow(clippy::expect_used, reason = "a test without its fixture fails")]
pub fn misbehaving() -> &'static [u8] {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target =
            profile_folder().parent().expect("a profile has its folder in the target folder").join("plugins");
        let name = "misbehaving".to_owned();
        let modules = tracewatt_build::compile(&workspace(), std::slice::from_ref(&name), &target);
        let module = modules.expect("the fixture compiles").remove(0);
        tracewatt_build::componentize_file(&name, &module).expect("the fixture becomes a component")
    })
}

/// Returns the root of the repository.
pub fn workspace() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Returns the folder of the profile that the running test was built in: `target/debug`.
///
/// # Panics
/// When the test does not lie where cargo puts tests.
#[allow(clippy::expect_used, reason = "a test that was not built by cargo fails")]
pub fn profile_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows its own path");
    exe.ancestors().nth(2).expect("a test lies in <target>/<profile>/deps").to_owned()
}
