//! Attribute values of OTLP that are not scalars: arrays and maps become JSON text, as the mapper
//! wants them.

use super::json::{write_string, write_value};
use std::borrow::Cow;
use tracewatt_core::semconv::Value;

/// An attribute value, a scalar or rendered.
pub(super) enum Any<'a> {
    /// A scalar.
    Scalar(Value<'a>),
    /// An array or a map as JSON text.
    Json(String),
}

impl<'a> Any<'a> {
    /// Returns the value as an attribute.
    pub fn into_value(self) -> Value<'a> {
        match self {
            Any::Scalar(value) => value,
            Any::Json(text) => Value::Text(Cow::Owned(text)),
        }
    }
}

/// An array or a map under construction.
pub(super) struct Composite {
    text: String,
    close: char,
}

impl Composite {
    /// Begins an array.
    pub fn array() -> Composite {
        Composite { text: "[".to_owned(), close: ']' }
    }

    /// Begins a map.
    pub fn map() -> Composite {
        Composite { text: "{".to_owned(), close: '}' }
    }

    /// Returns whether this is a map, whose values have keys.
    pub fn is_map(&self) -> bool {
        self.close == '}'
    }

    /// Adds an element; an empty value is `null`. The key counts in maps only.
    pub fn push(&mut self, key: &str, value: Option<&Any<'_>>) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        if self.is_map() {
            write_string(&mut self.text, key);
            self.text.push(':');
        }
        match value {
            None => self.text.push_str("null"),
            Some(Any::Json(text)) => self.text.push_str(text),
            Some(Any::Scalar(value)) => write_value(&mut self.text, value),
        }
    }

    /// Ends it.
    pub fn finish<'a>(mut self) -> Any<'a> {
        self.text.push(self.close);
        Any::Json(self.text)
    }
}
