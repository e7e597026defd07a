//! A span as decoded, before anything has been made of it. Borrows from the input where it can.

use super::Attr;
use crate::trace::{Link, SpanId, SpanRole, Status, TraceId};
use std::borrow::Cow;

/// An attribute value. Arrays and maps arrive as JSON text: nothing downstream looks inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text, and arrays or maps rendered as JSON.
    Text(Cow<'a, str>),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// True or false.
    Bool(bool),
}

impl<'a> Value<'a> {
    /// Returns the text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number, also when an instrumentation wrote it as text or as a float.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Returns the value with a text of its own.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Int(value) => Value::Int(value),
            Value::Double(value) => Value::Double(value),
            Value::Bool(value) => Value::Bool(value),
        }
    }

    /// Returns the value as people would write it.
    pub fn display(&self) -> Cow<'_, str> {
        match self {
            Value::Text(text) => Cow::Borrowed(text),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::Double(value) => Cow::Owned(value.to_string()),
            Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Text(Cow::Owned(text))
    }
}

/// The attributes of a span or a resource that the mapper knows, in the order they came, plus the
/// ones whose name is only known at run time.
#[derive(Clone, Debug)]
pub struct AttrSet<'a> {
    known: Vec<(Attr, Value<'a>)>,
    /// By number of the attribute: its position in `known`, from 1; 0 when it is not there.
    positions: [u8; Attr::ALL.len()],
    /// `db.query.parameter.<key>` and attributes that the configuration asked for, by full name.
    named: Vec<(Cow<'a, str>, Value<'a>)>,
    /// Attributes seen, kept or not.
    seen: u32,
}

const _: () = assert!(Attr::ALL.len() < 256);

impl Default for AttrSet<'_> {
    fn default() -> Self {
        AttrSet { known: Vec::new(), positions: [0; Attr::ALL.len()], named: Vec::new(), seen: 0 }
    }
}

impl<'a> AttrSet<'a> {
    /// Keeps the attribute if the mapper knows it, it is a query parameter, or `wanted` asks for it.
    /// The last value of a repeated key wins.
    pub fn insert(&mut self, key: Cow<'a, str>, value: Value<'a>, wanted: &[String]) {
        self.seen += 1;
        if let Some(attr) = Attr::of(&key) {
            self.set(attr, value);
        } else if Attr::is_query_parameter(&key) || wanted.iter().any(|name| *name == key) {
            self.named.push((key, value));
        }
    }

    /// Sets a known attribute.
    pub fn set(&mut self, attr: Attr, value: Value<'a>) {
        let position = &mut self.positions[attr as usize];
        match usize::from(*position).checked_sub(1).and_then(|at| self.known.get_mut(at)) {
            Some((_, old)) => *old = value,
            None => {
                self.known.push((attr, value));
                // Each attribute is there once, and there are fewer than 256.
                *position = self.known.len() as u8;
            }
        }
    }

    /// Returns a known attribute.
    pub fn get(&self, attr: Attr) -> Option<&Value<'a>> {
        let at = usize::from(self.positions[attr as usize]).checked_sub(1)?;
        self.known.get(at).map(|(_, value)| value)
    }

    /// Returns the first of several attributes that is present and not blank text.
    pub fn first(&self, attrs: &[Attr]) -> Option<&Value<'a>> {
        attrs
            .iter()
            .filter_map(|attr| self.get(*attr))
            .find(|value| !matches!(value, Value::Text(text) if is_blank(text)))
    }

    /// Returns the first of several attributes that is non-blank text.
    pub fn text(&self, attrs: &[Attr]) -> Option<&str> {
        attrs.iter().filter_map(|attr| self.get(*attr)?.as_text()).find(|text| !is_blank(text))
    }

    /// Returns the first of several attributes that is a whole number.
    pub fn int(&self, attrs: &[Attr]) -> Option<i64> {
        attrs.iter().find_map(|attr| self.get(*attr)?.as_int())
    }

    /// Attributes the mapper knows, in the order they came.
    pub(super) fn known(&self) -> impl ExactSizeIterator<Item = &(Attr, Value<'a>)> {
        self.known.iter()
    }

    /// Attributes whose name is only known at run time, in the order they came.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.named.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// Attributes seen, kept or not.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Returns the set with texts of its own.
    pub fn into_owned(self) -> AttrSet<'static> {
        AttrSet {
            known: self.known.into_iter().map(|(attr, value)| (attr, value.into_owned())).collect(),
            positions: self.positions,
            named: self
                .named
                .into_iter()
                .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                .collect(),
            seen: self.seen,
        }
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        for (attr, _) in self.known.drain(..) {
            self.positions[attr as usize] = 0;
        }
        self.named.clear();
        self.seen = 0;
    }
}

fn is_blank(text: &str) -> bool {
    // Nearly every text shows at once that it is not.
    !matches!(text.as_bytes().first(), Some(b'!'..=b'~')) && text.trim().is_empty()
}

/// A span as decoded. `resource` and `scope` belong to many spans and are lent to each.
#[derive(Clone, Debug, Default)]
pub struct RawSpan<'a> {
    /// Trace id.
    pub trace: TraceId,
    /// Span id.
    pub id: SpanId,
    /// Parent, none for a root.
    pub parent: Option<SpanId>,
    /// Name.
    pub name: Cow<'a, str>,
    /// OpenTelemetry's span kind; [`SpanRole::Internal`] when not stated.
    pub role: SpanRole,
    /// Whether the format stated a role at all: an absent one leaves more to the attributes.
    pub role_stated: bool,
    /// Start, nanoseconds since the epoch.
    pub start_ns: u64,
    /// End, nanoseconds since the epoch.
    pub end_ns: u64,
    /// Start or end was missing or senseless: the duration means nothing, and a start of 0 is none.
    pub times_unknown: bool,
    /// OpenTelemetry's status: unset, ok or error.
    pub status: Status,
    /// Links to other spans.
    pub links: Vec<Link>,
    /// Span attributes.
    pub attributes: AttrSet<'a>,
}

impl RawSpan<'_> {
    /// Returns the span with texts of its own.
    pub fn into_owned(self) -> RawSpan<'static> {
        RawSpan {
            trace: self.trace,
            id: self.id,
            parent: self.parent,
            name: Cow::Owned(self.name.into_owned()),
            role: self.role,
            role_stated: self.role_stated,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            times_unknown: self.times_unknown,
            status: self.status,
            links: self.links,
            attributes: self.attributes.into_owned(),
        }
    }
}
