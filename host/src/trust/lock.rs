//! `tracewatt.lock`: what components an operator accepted. Where it is there, a component is loaded only if it has the
//! digest that is in it, and asks for no more than it did when it was locked.

use super::Provenance;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use tracewatt_core::plugin::{Grants, digest, interfaces};

/// Name of the file where there is no configuration file that it could be named after.
const FILE: &str = "tracewatt.lock";
/// Version of the layout.
const VERSION: u32 = 1;
const HEADER: &str = "# Written by `tracewatt plugin lock`: the components that were accepted. Keep it with the configuration, and change\n\
                      # it with that command only. A component that is not in here, or is another one, is not loaded.\n";

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    version: u32,
    /// What was accepted, by id.
    #[serde(default)]
    pub plugins: BTreeMap<String, Locked>,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its digest, hexadecimal.
    pub sha256: String,
    /// Package and version of the interface it was built for: `tracewatt:plugin@0.1` stands for every 0.1.x.
    pub interface: String,
    /// What it imports, sorted.
    pub imports: Vec<String>,
    /// Capabilities that it was granted, sorted.
    pub grants: Vec<String>,
}

/// Returns the lock file of a configuration file: the same name, ending in `.lock`.
pub fn beside(configuration: Option<&Path>) -> PathBuf {
    let own = |path: &Path| path.strip_prefix(".").unwrap_or(path).with_extension("lock");
    configuration.map_or_else(|| PathBuf::from(FILE), own)
}

/// Reads a lock file; nothing where there is none.
///
/// # Errors
/// When it cannot be read, or makes no sense.
pub fn read(path: &Path) -> Result<Option<LockFile>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    // The version first: another one may have other keys.
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let broken = |error: toml::de::Error| {
        let line =
            error.span().map_or(1, |span| text.get(..span.start).unwrap_or("").matches('\n').count() + 1);
        anyhow::anyhow!(
            "{}:{line}: {}; take the file back from version control, or remove it and run `tracewatt plugin lock`",
            path.display(),
            error.message()
        )
    };
    let version = toml::from_str::<Version>(&text).map_err(broken)?.version;
    if version != VERSION {
        bail!(
            "{} has version {version}, this program knows {VERSION}; use the version of tracewatt that wrote it, \
             or remove it and run `tracewatt plugin lock`",
            path.display()
        );
    }
    toml::from_str(&text).map(Some).map_err(broken)
}

impl LockFile {
    /// Returns the file for components that were loaded.
    pub fn of<'a>(plugins: impl IntoIterator<Item = (&'a String, &'a Provenance)>) -> LockFile {
        let file = |(id, provenance): (&'a String, &'a Provenance)| match provenance {
            Provenance::File { component, .. } => Some((id.clone(), component.clone())),
            Provenance::Builtin => None,
        };
        LockFile { version: VERSION, plugins: plugins.into_iter().filter_map(file).collect() }
    }

    /// Writes the file in one piece: who reads it meanwhile reads the old one or the new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = || format!("cannot write {}", path.display());
        let text = format!("{HEADER}{}", toml::to_string_pretty(self).with_context(failed)?);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o644));
        }
        let mut file = builder
            .prefix(".tracewatt")
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .with_context(failed)?;
        file.write_all(text.as_bytes()).with_context(failed)?;
        file.persist(path).map_err(|error| error.error).with_context(failed)?;
        Ok(())
    }

    /// Says why a component that was found must not be loaded.
    pub(super) fn reject(&self, id: &str, path: &Path, found: &Locked) -> Option<Rejection> {
        let reason = match self.plugins.get(id) {
            Some(locked) if !locked.is_exceeded_by(found) => return None,
            Some(locked) => Reason::Differs(locked.differences(found)),
            None => Reason::Missing,
        };
        Some(Rejection { id: id.to_owned(), path: path.to_owned(), reason })
    }
}

impl Locked {
    /// Returns what there is to say about a component. Of a file that is none, the digest alone; loading says why.
    pub fn of(component: &[u8], grants: &Grants) -> Locked {
        let (mut imports, exports) = interfaces(component).unwrap_or_default();
        imports.sort();
        let mut packages: Vec<String> = exports.iter().filter_map(|name| package(name)).collect();
        packages.sort();
        packages.dedup();
        Locked {
            sha256: digest(component),
            interface: packages.join(" "),
            imports,
            grants: grants.names().map(str::to_owned).collect(),
        }
    }

    /// Whether a component is another one than this, or asks for more.
    fn is_exceeded_by(&self, found: &Locked) -> bool {
        let within = |found: &[String], locked: &[String]| found.iter().all(|one| locked.contains(one));
        self.sha256 != found.sha256
            || self.interface != found.interface
            || !within(&found.imports, &self.imports)
            || !within(&found.grants, &self.grants)
    }

    /// Returns the lines that say what is different in `found`.
    pub fn differences(&self, found: &Locked) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, old, new) in
            [("sha256", &self.sha256, &found.sha256), ("interface", &self.interface, &found.interface)]
        {
            if old != new {
                lines.push(format!("{name:<10}- {old}"));
                lines.push(format!("{name:<10}+ {new}"));
            }
        }
        for (name, old, new) in
            [("imports", &self.imports, &found.imports), ("grants", &self.grants, &found.grants)]
        {
            let only = |these: &[String], those: &[String], sign: char| -> Vec<String> {
                let only = these.iter().filter(|one| !those.contains(one));
                only.map(|one| format!("{name:<10}{sign} {one}")).collect()
            };
            lines.extend(only(old, new, '-'));
            lines.extend(only(new, old, '+'));
        }
        lines
    }
}

/// Returns package and series of an interface: of `tracewatt:plugin/detect@0.1.0`, `tracewatt:plugin@0.1`. Before 1.0
/// the minor version is the major one.
fn package(interface: &str) -> Option<String> {
    let (path, version) = interface.split_once('@')?;
    let (package, _) = path.split_once('/')?;
    let mut parts = version.split('.');
    let series = match (parts.next()?, parts.next()) {
        ("0", Some(minor)) => format!("0.{minor}"),
        (major, _) => major.to_owned(),
    };
    Some(format!("{package}@{series}"))
}

/// One plug-in that a lock file does not allow.
#[derive(Debug)]
pub struct Rejection {
    id: String,
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Missing,
    Differs(Vec<String>),
}

/// Everything that a lock file does not allow.
#[derive(Debug)]
pub struct Rejected {
    pub(super) lock: PathBuf,
    pub(super) rejected: Vec<Rejection>,
}

impl std::error::Error for Rejected {}

impl fmt::Display for Rejected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut missing, mut differing) = (false, String::new());
        writeln!(
            out,
            "{} does not allow what the configuration names; nothing was loaded",
            self.lock.display()
        )?;
        for Rejection { id, path, reason } in &self.rejected {
            let path = path.display();
            match reason {
                Reason::Missing => {
                    missing = true;
                    writeln!(out, "  plug-in `{id}`, {path}, is not in it")?;
                }
                Reason::Differs(lines) => {
                    write!(differing, " {id}")?;
                    writeln!(out, "  plug-in `{id}`, {path}, is not what was locked (-), but this (+)")?;
                    lines.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
                }
            }
        }
        // Adding is what every form of the command does, so that one command is enough.
        out.write_str("  if that is meant, accept it: `tracewatt plugin lock")?;
        if !differing.is_empty() {
            write!(out, " --update{differing}")?;
        }
        out.write_str("`")?;
        if missing && !differing.is_empty() {
            out.write_str(", which adds what is missing too")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(sha256: &str, imports: &[&str], grants: &[&str]) -> Locked {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Locked {
            sha256: sha256.to_owned(),
            interface: "tracewatt:plugin@0.1".to_owned(),
            imports: texts(imports),
            grants: texts(grants),
        }
    }

    #[test]
    fn another_component_or_more_than_was_locked_is_rejected_and_less_is_not() {
        let one = locked("a", &["x", "y"], &["g"]);
        let check = |found: Locked, expect: bool, lines: &[&str]| {
            assert_eq!(one.is_exceeded_by(&found), expect, "{found:?}");
            assert_eq!(one.differences(&found), lines);
        };
        check(one.clone(), false, &[]);
        check(locked("a", &["x", "y"], &[]), false, &["grants    - g"]);
        check(locked("b", &["x", "y"], &["g"]), true, &["sha256    - a", "sha256    + b"]);
        check(locked("a", &["x", "y", "z"], &["g"]), true, &["imports   + z"]);
        check(locked("a", &["x", "y"], &["g", "h"]), true, &["grants    + h"]);
        let newer = Locked { interface: "tracewatt:plugin@0.2".to_owned(), ..one.clone() };
        check(newer, true, &["interface - tracewatt:plugin@0.1", "interface + tracewatt:plugin@0.2"]);
    }

    #[test]
    fn an_interface_is_named_by_package_and_series() {
        let check = |name, expect: Option<&str>| assert_eq!(package(name).as_deref(), expect, "{name}");
        check("tracewatt:plugin/detect@0.1.0", Some("tracewatt:plugin@0.1"));
        check("tracewatt:plugin/detect@0.12.3", Some("tracewatt:plugin@0.12"));
        check("tracewatt:energy/read@1.2.3", Some("tracewatt:energy@1"));
        check("detect", None);
        check("tracewatt:plugin/detect", None);
    }

    #[test]
    fn what_is_written_is_read_and_what_makes_no_sense_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(read(&path).unwrap(), None);
        let plugins = [("b", locked("1", &["x"], &[])), ("a", locked("2", &[], &["g"]))];
        let plugins = plugins.map(|(id, locked)| (id.to_owned(), locked)).into();
        let file = LockFile { version: VERSION, plugins };
        file.write(&path).unwrap();
        assert_eq!(read(&path).unwrap(), Some(file));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# Written by `tracewatt plugin lock`"), "{text}");
        assert!(text.find("[plugins.a]").unwrap() < text.find("[plugins.b]").unwrap(), "{text}");
        for (text, expect) in [
            ("version = 2\nnews = 1\n", "has version 2, this program knows 1"),
            ("version = 1\nplugin = 1\n", "tracewatt.lock:2: unknown field `plugin`"),
            ("version = 1\n<<<<<<< HEAD\n", "tracewatt.lock:2: "),
            ("", "missing field `version`"),
            ("version = 1\n[plugins.a]\nsha256 = \"1\"\n", "missing field"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(expect) && error.contains("plugin lock"), "{text}\n{error}");
        }
    }

    #[test]
    fn the_lock_file_has_the_name_of_the_configuration() {
        assert_eq!(beside(None), Path::new("tracewatt.lock"));
        assert_eq!(beside(Some(Path::new("./tracewatt.toml"))).to_str(), Some("tracewatt.lock"));
        assert_eq!(beside(Some(Path::new("a/ci.toml"))), Path::new("a/ci.lock"));
    }
}
