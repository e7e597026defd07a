//! Types of configuration values: what each accepts, how it is described to people and in JSON Schema.

use super::value::{Key, Node, Value, printable};
use crate::report::{FORMATS, Output};
use crate::trust::signature::is_public_key;
use serde_json::{Value as Json, json};
use std::net::IpAddr;
use tracewatt_core::acknowledge::{Date, NamePattern};
use tracewatt_core::plugin::{CAPABILITIES, Setting, SettingKind};

/// The type of a value.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A plain value with its range.
    Setting(SettingKind),
    /// A setting of plug-ins: each that declares it judges the value.
    Declared(Vec<(String, Setting)>),
    /// A text that is not empty.
    NonEmpty,
    /// A list of at most so many texts.
    ShortTextList(usize),
    /// A glob pattern.
    Glob,
    /// A calendar day.
    Date,
    /// A cloud region or country code.
    Region,
    /// A SHA-256 digest in hex.
    Sha256,
    /// An IP address.
    Address,
    /// A list of some of these.
    Choices(&'static [&'static str]),
    /// A list of `FORMAT[=PATH]`.
    Outputs,
    /// A list of minisign public keys.
    PublicKeys,
    /// A list of capabilities.
    Grants,
    /// The place of a secret: `{ env = "NAME" }` or `{ file = "PATH" }`. Never the secret itself.
    Secret,
    /// A list of these.
    Secrets,
}

impl Kind {
    /// Returns the value in canonical form, or what it must be instead: `a whole number in 1..=8, got 9`.
    pub fn check(&self, value: &Value) -> Result<Value, String> {
        match self {
            Kind::Setting(kind) => check_setting(kind, value),
            Kind::Declared(declared) => check_declared(declared, value),
            Kind::ShortTextList(most) => match texts(value) {
                Some(texts) if texts.len() <= *most => Ok(value.clone()),
                _ => Err(self.wanted(value)),
            },
            Kind::Choices(choices) => match texts(value) {
                Some(texts) if texts.iter().all(|text| choices.contains(text)) => Ok(value.clone()),
                _ => Err(self.wanted(value)),
            },
            Kind::Outputs => check_output_list(value).map(|()| value.clone()).map_err(|error| match error {
                Some(error) => format!("a list of FORMAT or FORMAT=PATH: {error}"),
                None => self.wanted(value),
            }),
            Kind::PublicKeys | Kind::Grants => match texts(value) {
                Some(texts) if texts.iter().all(|text| self.has(text)) => Ok(value.clone()),
                _ => Err(self.wanted(value)),
            },
            // What was written there by mistake may be the secret: it is not repeated.
            Kind::Secret if !is_secret(value) => Err(self.describe()),
            Kind::Secrets if !is_secret_list(value) => Err(self.describe()),
            Kind::Secret | Kind::Secrets => Ok(value.clone()),
            Kind::NonEmpty | Kind::Glob | Kind::Date | Kind::Region | Kind::Sha256 | Kind::Address => {
                self.check_text(value)
            }
        }
    }

    fn check_text(&self, value: &Value) -> Result<Value, String> {
        let text = match (self, value) {
            (_, Value::Text(text)) | (Kind::Date, Value::Date(text)) => text,
            _ => return Err(self.wanted(value)),
        };
        let good = match self {
            Kind::Glob => !text.is_empty() && NamePattern::new(text).is_ok(),
            Kind::Date => text.parse::<Date>().is_ok(),
            Kind::Region => is_region(text),
            Kind::Address => text.parse::<IpAddr>().is_ok(),
            Kind::Sha256 => text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            _ => !text.is_empty(),
        };
        let canonical = if matches!(self, Kind::Sha256) { text.to_ascii_lowercase() } else { text.clone() };
        if good { Ok(Value::Text(canonical)) } else { Err(self.wanted(value)) }
    }

    /// Whether a list may have this text.
    fn has(&self, text: &str) -> bool {
        match self {
            Kind::PublicKeys => is_public_key(text),
            _ => CAPABILITIES.iter().any(|known| known.name == text),
        }
    }

    fn wanted(&self, value: &Value) -> String {
        format!("{}, got {}", self.describe(), got(value))
    }

    /// Returns what the value must be: `a whole number in 1..=8`.
    pub fn describe(&self) -> String {
        match self {
            Kind::Setting(kind) => describe_setting(kind),
            Kind::Declared(declared) => {
                let mut kinds: Vec<String> =
                    declared.iter().map(|(_, setting)| describe_setting(&setting.kind)).collect();
                kinds.dedup();
                kinds.join(", and ")
            }
            Kind::NonEmpty => "a text that is not empty".to_owned(),
            Kind::ShortTextList(most) => format!("a list of at most {most} texts"),
            Kind::Glob => "a pattern that is not empty, with `*` and `?`".to_owned(),
            Kind::Date => "a day that exists, YYYY-MM-DD".to_owned(),
            Kind::Region => "a region of 1 to 64 letters, digits, `-` or `_`".to_owned(),
            Kind::Sha256 => "a SHA-256 digest, 64 hex digits".to_owned(),
            Kind::Address => "an IP address, such as 127.0.0.1 or ::".to_owned(),
            Kind::Choices(choices) => format!("a list of some of {}", choices.join(", ")),
            Kind::Outputs => "a list of FORMAT or FORMAT=PATH".to_owned(),
            Kind::PublicKeys => {
                "a list of minisign public keys, such as the second line of minisign.pub".to_owned()
            }
            Kind::Grants => {
                format!("a list of capabilities, of which there is {}", capabilities().join(", "))
            }
            Kind::Secret => "{ env = \"NAME\" } or { file = \"PATH\" }, never the secret itself".to_owned(),
            Kind::Secrets => {
                "a list of { env = \"NAME\" } or { file = \"PATH\" }, never the secret itself".to_owned()
            }
        }
    }

    /// Returns the JSON Schema of the values accepted.
    pub fn schema(&self) -> Json {
        match self {
            Kind::Setting(kind) => setting_schema(kind),
            Kind::Declared(declared) => {
                let mut schemas: Vec<Json> =
                    declared.iter().map(|(_, setting)| setting_schema(&setting.kind)).collect();
                schemas.dedup();
                match schemas.len() {
                    1 => schemas.remove(0),
                    _ => json!({ "allOf": schemas }),
                }
            }
            Kind::NonEmpty => json!({ "type": "string", "minLength": 1 }),
            Kind::ShortTextList(most) => {
                json!({ "type": "array", "items": { "type": "string" }, "maxItems": most })
            }
            Kind::Glob => json!({ "type": "string", "minLength": 1 }),
            Kind::Date => {
                json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
            }
            Kind::Region => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
            Kind::Sha256 => json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" }),
            Kind::Choices(choices) => {
                json!({ "type": "array", "items": { "type": "string", "enum": choices } })
            }
            Kind::Address => {
                json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
            }
            Kind::PublicKeys => {
                json!({ "type": "array", "items": { "type": "string", "pattern": "^RW[A-Za-z0-9+/]{54}$" } })
            }
            Kind::Grants => json!({ "type": "array", "items": { "type": "string", "enum": capabilities() } }),
            Kind::Secret => secret_schema(),
            Kind::Secrets => json!({ "type": "array", "items": secret_schema() }),
            Kind::Outputs => {
                let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
                let names = names.join("|");
                json!({ "type": "array", "items": { "type": "string", "pattern": format!("^({names})(=.+)?$") } })
            }
        }
    }
}

/// Returns the names of all capabilities.
fn capabilities() -> Vec<&'static str> {
    CAPABILITIES.iter().map(|known| known.name).collect()
}

/// Returns the texts of a list of nothing else.
fn texts(value: &Value) -> Option<Vec<&str>> {
    let Value::List(nodes) = value else { return None };
    nodes.iter().map(Node::as_text).collect()
}

/// Whether this is a list of places of secrets.
/// Whether these are the entries of the place of a secret.
fn is_place(entries: &[(Key, Node)]) -> bool {
    match entries {
        [(key, place)] => {
            matches!(key.name.as_str(), "env" | "file")
                && place.as_text().is_some_and(|text| !text.is_empty())
        }
        _ => false,
    }
}

fn is_secret(value: &Value) -> bool {
    matches!(value, Value::Table(entries) if is_place(entries))
}

fn is_secret_list(value: &Value) -> bool {
    matches!(value, Value::List(nodes) if nodes.iter().all(|node| is_place(node.entries())))
}

fn secret_schema() -> Json {
    let place = |key: &str| {
        json!({
            "type": "object",
            "properties": { key: { "type": "string", "minLength": 1 } },
            "required": [key],
            "additionalProperties": false,
        })
    };
    json!({ "anyOf": [place("env"), place("file")] })
}

/// Checks a list of outputs; `Err(None)` when it is no list of texts.
fn check_output_list(value: &Value) -> Result<(), Option<String>> {
    let texts = texts(value).ok_or(None)?;
    Output::parse_all(texts).map(drop).map_err(|error| Some(error.to_string()))
}

fn check_setting(kind: &SettingKind, value: &Value) -> Result<Value, String> {
    let probe = Setting {
        name: String::new(),
        kind: kind.clone(),
        default: tracewatt_core::plugin::SettingValue::Boolean(false),
        doc: String::new(),
    };
    check_one(&probe, value)?;
    Ok(match (kind, value) {
        (SettingKind::Float { .. }, Value::Integer(whole)) => Value::Float(*whole as f64),
        _ => value.clone(),
    })
}

fn check_one(setting: &Setting, value: &Value) -> Result<(), String> {
    match value.to_setting(&setting.kind) {
        Some(value) => setting.check(&value),
        None => Err(format!("{}, got {}", describe_setting(&setting.kind), got(value))),
    }
}

/// Lets every plug-in that declares the setting judge; the message names those that refuse.
fn check_declared(declared: &[(String, Setting)], value: &Value) -> Result<Value, String> {
    let mut refusals: Vec<(String, Vec<String>)> = Vec::new();
    for (id, setting) in declared {
        let Err(reason) = check_one(setting, value) else { continue };
        match refusals.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, ids)) => ids.push(format!("`{id}`")),
            None => refusals.push((reason, vec![format!("`{id}`")])),
        }
    }
    if refusals.is_empty() {
        return Ok(value.clone());
    }
    let reasons: Vec<String> = refusals
        .into_iter()
        .map(|(reason, ids)| format!("{reason} (a setting of {})", ids.join(", ")))
        .collect();
    Err(reasons.join("; "))
}

fn describe_setting(kind: &SettingKind) -> String {
    match kind {
        SettingKind::Boolean => "true or false".to_owned(),
        SettingKind::Integer { min, max } => format!("a whole number in {min}..={max}"),
        SettingKind::Float { min, max } => format!("a number in {min}..={max}"),
        SettingKind::Text => "a text".to_owned(),
        SettingKind::Choice(choices) => format!("one of {}", choices.join(", ")),
        SettingKind::TextList => "a list of texts".to_owned(),
    }
}

fn setting_schema(kind: &SettingKind) -> Json {
    match kind {
        SettingKind::Boolean => json!({ "type": "boolean" }),
        SettingKind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        SettingKind::Float { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        SettingKind::Text => json!({ "type": "string" }),
        SettingKind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        SettingKind::TextList => json!({ "type": "array", "items": { "type": "string" } }),
    }
}

/// Returns a value for a message: short ones as written, long ones by their kind.
fn got(value: &Value) -> String {
    let text = printable(&value.to_toml());
    let short = text.chars().count() <= 60 && !matches!(value, Value::Table(_));
    if short { text } else { value.noun().to_owned() }
}

/// Whether a text can name a region.
fn is_region(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
