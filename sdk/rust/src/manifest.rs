//! What a plug-in says about itself, and settings as a plain struct.

use crate::{Kind, Severity};

/// A plug-in's description of itself.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the fields are documented where the contract is: wit/0.1/types.wit
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub license: String,
    pub rules: Vec<Rule>,
    pub settings: Vec<Setting>,
    pub interest_kinds: Vec<u8>,
    pub interest_min_spans: u32,
}

/// One finding type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Rule {
    pub name: String,
    pub title: String,
    pub page: String,
    pub default_severity: Severity,
    pub advice: String,
    pub yields_to: Vec<String>,
    pub fixes: Vec<Fix>,
}

/// What to change in one framework (`python_django`) or language (`python`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Fix {
    pub framework: &'static str,
    pub text: &'static str,
    pub url: &'static str,
}

/// A setting, its range, default and meaning.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Setting {
    pub name: String,
    pub kind: SettingKind,
    pub default: Value,
    pub doc: String,
}

/// Type and range of a setting.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum SettingKind {
    Boolean,
    Integer(i64, i64),
    Number(f64, f64),
    Text,
    Choice(Vec<String>),
    TextList,
}

/// A setting or a piece of evidence.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    TextList(Vec<String>),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident($convert:expr)),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$variant($convert(value))
            }
        })*
    };
}

value_from! {
    bool => Boolean(|value| value),
    i64 => Integer(|value| value),
    u32 => Integer(i64::from),
    usize => Integer(|value: usize| i64::try_from(value).unwrap_or(i64::MAX)),
    u64 => Integer(|value: u64| i64::try_from(value).unwrap_or(i64::MAX)),
    f64 => Number(|value| value),
    &str => Text(str::to_owned),
    String => Text(|value| value),
    Vec<String> => TextList(|value| value),
}

impl Manifest {
    /// Returns the manifest of a plug-in without rules.
    pub fn new(name: &str, version: &str, summary: &str) -> Manifest {
        Manifest {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            license: String::new(),
            rules: Vec::new(),
            settings: Vec::new(),
            interest_kinds: Vec::new(),
            interest_min_spans: 0,
        }
    }

    /// Sets the licence, SPDX.
    pub fn license(mut self, license: &str) -> Self {
        self.license = license.to_owned();
        self
    }

    /// Adds a finding type.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Says that only traces with at least `min_spans` spans of these kinds can match; no kind means any I/O.
    pub fn interest(mut self, kinds: &[Kind], min_spans: u32) -> Self {
        self.interest_kinds = kinds.iter().map(|kind| kind.0).collect();
        self.interest_min_spans = min_spans;
        self
    }
}

impl Rule {
    /// Returns a rule: its `snake_case` name, and what people call it.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Rule {
        Rule {
            name: name.into(),
            title: title.into(),
            page: String::new(),
            default_severity: Severity::Warning,
            advice: String::new(),
            yields_to: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// Sets the rule's page, Markdown.
    pub fn page(mut self, page: &str) -> Self {
        self.page = page.to_owned();
        self
    }

    /// Sets the severity findings usually have.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.default_severity = severity;
        self
    }

    /// Sets what to do when no fix for a framework is known.
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Drops findings nine tenths of whose spans are named by a finding of one of these rules.
    pub fn yields_to(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.yields_to.extend(rules.into_iter().map(Into::into));
        self
    }

    /// Adds fixes for frameworks and languages.
    pub fn fixes(mut self, fixes: &[Fix]) -> Self {
        self.fixes.extend_from_slice(fixes);
        self
    }
}

/// A struct of settings, made by [`settings!`](crate::settings).
pub trait SettingsSpec: Sized {
    /// Describes every setting.
    fn settings() -> Vec<Setting>;

    /// Reads the values the host gives. An error names the setting.
    fn read(values: Vec<(String, Value)>) -> Result<Self, String>;
}

/// No settings.
impl SettingsSpec for () {
    fn settings() -> Vec<Setting> {
        Vec::new()
    }

    fn read(_values: Vec<(String, Value)>) -> Result<Self, String> {
        Ok(())
    }
}

/// A type a setting can have.
pub trait SettingType: Sized {
    /// What bounds it: a range for numbers, a list of choices for texts, `..` where nothing does.
    type Bounds;

    /// Returns the setting's kind.
    fn kind(bounds: Self::Bounds) -> SettingKind;

    /// Returns the value if it has this type.
    fn read(value: Value) -> Option<Self>;

    /// Returns the value for the manifest.
    fn value(self) -> Value;
}

macro_rules! integer_setting {
    ($($integer:ty),*) => {
        $(impl SettingType for $integer {
            type Bounds = std::ops::RangeInclusive<i64>;

            fn kind(bounds: Self::Bounds) -> SettingKind {
                SettingKind::Integer(*bounds.start(), *bounds.end())
            }

            fn read(value: Value) -> Option<Self> {
                match value {
                    Value::Integer(value) => <$integer>::try_from(value).ok(),
                    _ => None,
                }
            }

            fn value(self) -> Value {
                Value::Integer(i64::try_from(self).unwrap_or(i64::MAX))
            }
        })*
    };
}
integer_setting!(u32, u64, i64);

impl SettingType for f64 {
    type Bounds = std::ops::RangeInclusive<f64>;

    fn kind(bounds: Self::Bounds) -> SettingKind {
        SettingKind::Number(*bounds.start(), *bounds.end())
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Number(value) => Some(value),
            Value::Integer(value) => Some(value as f64),
            _ => None,
        }
    }

    fn value(self) -> Value {
        Value::Number(self)
    }
}

impl SettingType for bool {
    type Bounds = std::ops::RangeFull;

    fn kind(_: Self::Bounds) -> SettingKind {
        SettingKind::Boolean
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    fn value(self) -> Value {
        Value::Boolean(self)
    }
}

impl SettingType for String {
    /// Choices; none means any text.
    type Bounds = &'static [&'static str];

    fn kind(choices: Self::Bounds) -> SettingKind {
        match choices {
            [] => SettingKind::Text,
            _ => SettingKind::Choice(choices.iter().map(|choice| (*choice).to_owned()).collect()),
        }
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    fn value(self) -> Value {
        Value::Text(self)
    }
}

impl SettingType for Vec<String> {
    type Bounds = std::ops::RangeFull;

    fn kind(_: Self::Bounds) -> SettingKind {
        SettingKind::TextList
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::TextList(value) => Some(value),
            _ => None,
        }
    }

    fn value(self) -> Value {
        Value::TextList(self)
    }
}

/// Declares a struct of settings: `name: type = default, bounds;` with a doc comment that the host shows.
/// The bounds are a range for numbers, `&["a", "b"]` for a choice of texts, `..` for the rest.
#[macro_export]
macro_rules! settings {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr, $bounds:expr;)*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl $crate::SettingsSpec for $name {
            fn settings() -> ::std::vec::Vec<$crate::Setting> {
                ::std::vec![$($crate::Setting {
                    name: stringify!($field).to_owned(),
                    kind: <$type as $crate::SettingType>::kind($bounds),
                    default: <$type as $crate::SettingType>::value($default),
                    doc: [$($doc.trim()),+].join(" "),
                }),*]
            }

            fn read(values: ::std::vec::Vec<(::std::string::String, $crate::Value)>) -> ::std::result::Result<Self, ::std::string::String> {
                let mut settings = $name { $($field: $default),* };
                for (name, value) in values {
                    match name.as_str() {
                        $(stringify!($field) => {
                            settings.$field = <$type as $crate::SettingType>::read(value)
                                .ok_or_else(|| ::std::format!("`{name}` must be of type {}", stringify!($type)))?;
                        })*
                        _ => return ::std::result::Result::Err(::std::format!("`{name}` is no setting of this plug-in")),
                    }
                }
                ::std::result::Result::Ok(settings)
            }
        }
    };
}

/// Declares a list of fixes: `"python_django" => "text", "https://...";`, with an empty address where none is
/// documented.
#[macro_export]
macro_rules! fixes {
    ($($framework:literal => $text:literal, $url:literal;)*) => {
        &[$($crate::Fix { framework: $framework, text: $text, url: $url }),*]
    };
}
