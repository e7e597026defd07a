//! Capabilities: what an operator may let a component import beyond the interfaces that every plug-in may have. The one
//! table of them is [`CAPABILITIES`]; a component gets those it was granted by name, and no others.

use super::PluginError;
use std::collections::BTreeSet;
use std::fmt;

/// Something a component may import once it is granted.
#[derive(Debug, PartialEq, Eq)]
pub struct Capability {
    /// Name in the configuration.
    pub name: &'static str,
    /// What every import that it covers begins with.
    pub imports: &'static str,
    /// What it lets a component do, one line.
    pub doc: &'static str,
}

/// All capabilities, by name.
pub const CAPABILITIES: &[Capability] = &[Capability {
    name: "wasi-traps",
    imports: "wasi:",
    doc: "WASI may be imported, for components of toolchains that link it without need. Nothing is behind it: whatever \
          is called of it ends the call with a fault.",
}];

/// Capabilities that a component was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grants(BTreeSet<&'static str>);

impl Grants {
    /// Returns the capabilities of these names.
    ///
    /// # Errors
    /// The first name that is none.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Grants, &'a str> {
        let known = |name: &'a str| CAPABILITIES.iter().find(|known| known.name == name).ok_or(name);
        names.into_iter().map(|name| Ok(known(name)?.name)).collect::<Result<_, _>>().map(Grants)
    }

    /// Returns the names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    /// Whether nothing was granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets an import pass that is none of our interfaces.
    pub(super) fn admit(&self, import: &str) -> Result<(), PluginError> {
        match needed(import) {
            None => Err(PluginError::Import(import.to_owned())),
            Some(needed) if self.0.contains(needed.name) => Ok(()),
            Some(needed) => {
                Err(PluginError::Ungranted { import: import.to_owned(), capability: needed.name })
            }
        }
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return out.write_str("nothing");
        }
        out.write_str(&self.names().collect::<Vec<_>>().join(", "))
    }
}

/// Returns the capability that covers an import.
fn needed(import: &str) -> Option<&'static Capability> {
    CAPABILITIES.iter().find(|known| import.starts_with(known.imports))
}

/// Returns the capabilities without which these imports are refused, as far as there are any.
pub fn needed_by<'a>(imports: impl IntoIterator<Item = &'a String>) -> Grants {
    Grants(imports.into_iter().filter_map(|import| Some(needed(import)?.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_covered_imports_differ() {
        assert!(CAPABILITIES.is_sorted_by(|a, b| a.name < b.name));
        for one in CAPABILITIES {
            let covers = |other: &&Capability| one.imports.starts_with(other.imports);
            assert_eq!(CAPABILITIES.iter().filter(covers).count(), 1, "{}", one.name);
        }
    }

    #[test]
    fn an_import_passes_where_its_capability_was_granted() {
        let (none, traps) = (Grants::default(), Grants::of(["wasi-traps"]).unwrap());
        let said = |grants: &Grants, import: &str| match grants.admit(import) {
            Ok(()) => "passes".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said(&traps, "wasi:cli/environment@0.2.3"), "passes");
        let refused = said(&none, "wasi:cli/environment@0.2.3");
        assert!(refused.contains("`wasi:cli/environment@0.2.3`"), "{refused}");
        assert!(refused.contains("grants = [\"wasi-traps\"]"), "{refused}");
        for grants in [&none, &traps] {
            let refused = said(grants, "other:thing/x@1.0.0");
            assert!(refused.contains("`other:thing/x@1.0.0`") && !refused.contains("grants"), "{refused}");
        }
        assert_eq!(Grants::of(["wasi-traps", "wasi-trap", "x"]), Err("wasi-trap"));
        assert_eq!((none.to_string(), traps.to_string()), ("nothing".to_owned(), "wasi-traps".to_owned()));
    }

    #[test]
    fn what_imports_need_is_told() {
        let imports = ["tracewatt:plugin/spans@0.1.0", "wasi:io/poll@0.2.3", "wasi:io/error@0.2.3", "a:b/c"];
        assert_eq!(needed_by(&imports.map(str::to_owned)), Grants::of(["wasi-traps"]).unwrap());
        assert!(needed_by(&[]).is_empty());
    }
}
