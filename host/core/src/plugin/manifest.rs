//! What a plug-in says about itself: rules, settings, interest. It comes from the component's
//! `describe`, is stamped into the component as JSON, and can so be read without running anything.

use crate::report::Severity;
use serde::{Deserialize, Serialize};

/// A plug-in's description of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name, `snake_case`; the default id of the plug-in in the configuration.
    pub name: String,
    /// Version of the plug-in.
    pub version: String,
    /// One line.
    pub summary: String,
    /// Licence, SPDX.
    pub license: String,
    /// Finding types it can report.
    pub rules: Vec<Rule>,
    /// Settings it takes.
    pub settings: Vec<Setting>,
    /// Which traces are worth a call.
    pub interest: Interest,
}

/// One finding type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Finding type: `n_plus_one_sql`.
    pub name: String,
    /// What people call it: `N+1 SQL`.
    pub title: String,
    /// The rule's page, Markdown.
    pub page: String,
    /// Severity unless the finding says otherwise.
    pub default_severity: Severity,
    /// What to do when no fix for a framework is known.
    pub advice: String,
    /// A finding of this rule is dropped when a finding of one of these names nine tenths of its spans.
    pub yields_to: Vec<String>,
    /// Fixes by framework or language, tried from the most specific on.
    pub fixes: Vec<Fix>,
}

/// What to change in one framework or language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// `python_django`, `python`.
    pub framework: String,
    /// What to change.
    pub text: String,
    /// Where it is documented; empty when nowhere.
    pub url: String,
}

/// A setting of a plug-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Name, `snake_case`, unit included: `slow_query_threshold_ms`.
    pub name: String,
    /// Type and range.
    pub kind: SettingKind,
    /// Value unless configured.
    pub default: SettingValue,
    /// What it does.
    pub doc: String,
}

/// Type and range of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// True or false.
    Boolean,
    /// A whole number, bounds included.
    Integer {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A number, bounds included.
    Float {
        /// Smallest value allowed.
        min: f64,
        /// Largest value allowed.
        max: f64,
    },
    /// Any text.
    Text,
    /// One of these.
    Choice(Vec<String>),
    /// A list of texts.
    TextList,
}

/// A configuration or evidence value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list of texts.
    TextList(Vec<String>),
}

/// Which traces are worth a call. A trace with fewer than `min_spans` spans of `kinds` cannot match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interest {
    /// Kinds of I/O, by number; empty for any I/O.
    pub kinds: Vec<u8>,
    /// Smallest number of such spans.
    pub min_spans: u32,
}

impl Setting {
    /// Checks a value against type and range; the message says what would be right and completes
    /// "`name` must be ...".
    pub fn check(&self, value: &SettingValue) -> Result<(), String> {
        let wanted = match (&self.kind, value) {
            (SettingKind::Boolean, SettingValue::Boolean(_)) | (SettingKind::Text, SettingValue::Text(_)) => {
                return Ok(());
            }
            (SettingKind::TextList, SettingValue::TextList(_)) => return Ok(()),
            (SettingKind::Integer { min, max }, SettingValue::Integer(n)) if (min..=max).contains(&n) => {
                return Ok(());
            }
            (SettingKind::Float { min, max }, SettingValue::Float(n)) if (min..=max).contains(&n) => {
                return Ok(());
            }
            (SettingKind::Choice(choices), SettingValue::Text(text)) if choices.contains(text) => {
                return Ok(());
            }
            (SettingKind::Boolean, _) => "true or false".to_owned(),
            (SettingKind::Text, _) => "a text".to_owned(),
            (SettingKind::TextList, _) => "a list of texts".to_owned(),
            (SettingKind::Integer { min, max }, _) => format!("a whole number in {min}..={max}"),
            (SettingKind::Float { min, max }, _) => format!("a number in {min}..={max}"),
            (SettingKind::Choice(choices), _) => format!("one of {}", choices.join(", ")),
        };
        Err(format!("{wanted}, got {}", value.display()))
    }
}

impl SettingValue {
    /// Returns the value as JSON. A number that JSON does not have becomes `null`.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            SettingValue::Boolean(value) => (*value).into(),
            SettingValue::Integer(value) => (*value).into(),
            SettingValue::Float(value) => (*value).into(),
            SettingValue::Text(value) => value.as_str().into(),
            SettingValue::TextList(values) => values.as_slice().into(),
        }
    }

    /// Returns the value as TOML would write it.
    pub fn display(&self) -> String {
        match self {
            SettingValue::Boolean(value) => value.to_string(),
            SettingValue::Integer(value) => value.to_string(),
            SettingValue::Float(value) => value.to_string(),
            SettingValue::Text(value) => format!("{value:?}"),
            SettingValue::TextList(values) => format!("{values:?}"),
        }
    }
}
