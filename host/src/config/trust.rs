//! What must be known before a component is loaded: keys of signatures, and grants. The rest of a configuration is
//! checked when the plug-ins are there, because their manifests say what is right; this part cannot wait for them.

use super::error::{ConfigError, ConfigErrors};
use super::kind::Kind;
use super::raw::Raw;
use super::value::{Node, Value, join};
use std::collections::BTreeMap;
use tracewatt_core::plugin::Grants;

/// Whom the configuration trusts, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustConfig {
    /// `signatures.public_keys`: minisign keys, any of which may have signed a component.
    pub public_keys: Vec<String>,
    /// `signatures.required`: whether a component without a signature is refused where there are keys.
    pub required: bool,
    plugins: BTreeMap<String, PluginTrust>,
}

/// The same of one plug-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginTrust {
    /// `plugins.<id>.public_keys`: instead of those of `[signatures]`; a signature is required then.
    pub public_keys: Option<Vec<String>>,
    /// `plugins.<id>.grants`.
    pub grants: Grants,
}

impl TrustConfig {
    /// Returns what holds for a plug-in.
    pub fn of(&self, id: &str) -> PluginTrust {
        self.plugins.get(id).cloned().unwrap_or_default()
    }
}

/// Reads keys and grants.
///
/// # Errors
/// What is wrong with them, or why the configuration is no TOML at all.
pub fn trust(raw: &Raw) -> Result<TrustConfig, ConfigErrors> {
    if !raw.readable {
        ConfigErrors::check(raw.errors.clone())?;
    }
    let mut reader = Reader { errors: Vec::new() };
    let signatures = raw.root.get("signatures");
    let public_keys = reader.texts(signatures, "signatures", "public_keys", &Kind::PublicKeys);
    let required = signatures.and_then(|section| section.boolean("required")).unwrap_or(true);
    let mut plugins = BTreeMap::new();
    for (key, section) in raw.root.get("plugins").map_or(&[][..], Node::entries) {
        let path = join("plugins", &key.name);
        let public_keys = reader.texts(Some(section), &path, "public_keys", &Kind::PublicKeys);
        let grants = reader.texts(Some(section), &path, "grants", &Kind::Grants).unwrap_or_default();
        let grants = Grants::of(grants.iter().map(String::as_str)).unwrap_or_default();
        plugins.insert(key.name.clone(), PluginTrust { public_keys, grants });
    }
    ConfigErrors::check(reader.errors)?;
    Ok(TrustConfig { public_keys: public_keys.unwrap_or_default(), required, plugins })
}

struct Reader {
    errors: Vec<ConfigError>,
}

impl Reader {
    /// Returns a list of texts where one was written.
    fn texts(&mut self, section: Option<&Node>, path: &str, key: &str, kind: &Kind) -> Option<Vec<String>> {
        let section = section?;
        if !matches!(section.value, Value::Table(_)) {
            let reason = format!("must be a table, got {}", section.value.noun());
            let origin = section.origin.clone();
            self.errors.push(ConfigError { origin, key: path.to_owned(), reason, help: None });
            return None;
        }
        let node = section.get(key)?;
        if let Err(wanted) = kind.check(&node.value) {
            let (origin, reason) = (node.origin.clone(), format!("must be {wanted}"));
            self.errors.push(ConfigError { origin, key: join(path, key), reason, help: None });
        }
        Some(node.elements().iter().filter_map(Node::as_text).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    fn read(text: &str) -> Result<TrustConfig, String> {
        trust(&Raw::parse("t.toml", text)).map_err(|errors| errors.to_string())
    }

    #[test]
    fn keys_and_grants_are_read_before_everything_else() {
        let nothing = read("").unwrap();
        assert_eq!((nothing.public_keys.len(), nothing.required), (0, true));
        assert_eq!(nothing.of("mine"), PluginTrust::default());
        let text = format!(
            "[signatures]\npublic_keys = [\"{KEY}\"]\nrequired = false\n\
             [plugins.mine]\npublic_keys = []\ngrants = [\"wasi-traps\"]\n"
        );
        let read = read(&text).unwrap();
        assert_eq!((&read.public_keys[..], read.required), (&[KEY.to_owned()][..], false));
        assert_eq!(read.of("mine").public_keys, Some(Vec::new()));
        assert_eq!(read.of("mine").grants.to_string(), "wasi-traps");
    }

    /// Guarantees: what cannot be read is never taken for nothing.
    #[test]
    fn what_makes_no_sense_is_an_error_and_not_nothing() {
        for (text, key) in [
            ("signatures = 5", "t.toml:1:14: signatures: must be a table"),
            (
                "[signatures]\npublic_keys = \"RW\"",
                "t.toml:2:15: signatures.public_keys: must be a list of minisign",
            ),
            ("[signatures]\npublic_keys = [\"RW\"]", "signatures.public_keys: must be a list of minisign"),
            ("[signatures]\npublic_keys = [5]", "signatures.public_keys: must be a list of minisign"),
            ("[plugins.a]\npublic_keys = [\"x\"]", "plugins.a.public_keys: must be a list of minisign"),
            ("[plugins.a]\ngrants = [\"wasi\"]", "plugins.a.grants: must be a list of capabilities"),
            ("[plugins.a]\ngrants = \"wasi-traps\"", "plugins.a.grants: must be a list of capabilities"),
            ("[signatures\n", "t.toml:1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(key), "{text}\n{error}");
        }
    }
}
