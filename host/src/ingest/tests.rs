//! Tests over the whole way of an input, from bytes to spans.

mod formats;
mod framing;
mod pieces;
mod robust;
mod same;

use super::parts::Sizes;
use super::{IngestError, ReadLimits, Reading, Thread};
use std::collections::BTreeMap;
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{Attr, AttrSet, RawSpan};
use tracewatt_core::trace::{IdTable, SpanRole, Status};

/// A span as the sink saw it, owned.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    trace: String,
    id: String,
    parent: Option<String>,
    name: String,
    role: Option<SpanRole>,
    start_ns: u64,
    end_ns: u64,
    times_unknown: bool,
    status: Status,
    links: Vec<(u128, u64)>,
    attributes: BTreeMap<String, String>,
    resource: BTreeMap<String, String>,
    scope: String,
}

impl Seen {
    /// One line with everything that is stated.
    fn line(&self) -> String {
        let mut line = format!("{}/{}", self.trace, self.id);
        let mut add = |label: &str, text: String| {
            if !text.is_empty() {
                line.push_str(&format!(" {label}{text}"));
            }
        };
        add("<", self.parent.clone().unwrap_or_default());
        add("", self.name.clone());
        add("", self.role.map(|role| format!("{role:?}")).unwrap_or_default());
        add("", format!("{}+{}", self.start_ns, self.end_ns as i128 - self.start_ns as i128));
        add("", if self.status == Status::Unset { String::new() } else { format!("{:?}", self.status) });
        for (trace, span) in &self.links {
            add("->", format!("{trace:x}/{span:x}"));
        }
        for (key, value) in &self.attributes {
            add("", format!("{key}={value}"));
        }
        add("| ", self.scope.clone());
        for (key, value) in &self.resource {
            add("@", format!("{key}={value}"));
        }
        line
    }
}

/// What came of an input.
struct Got {
    reading: Result<Reading, IngestError>,
    spans: Vec<Seen>,
    losses: Losses,
}

impl Got {
    fn lines(&self) -> Vec<String> {
        self.spans.iter().map(Seen::line).collect()
    }

    fn error(&self) -> String {
        self.reading.as_ref().map_or_else(ToString::to_string, |reading| format!("no error: {reading:?}"))
    }

    fn reading(&self) -> &Reading {
        self.reading.as_ref().unwrap()
    }
}

fn set(attributes: &AttrSet<'_>) -> BTreeMap<String, String> {
    let known = Attr::ALL.iter().filter_map(|attr| Some((attr.name().to_owned(), attributes.get(*attr)?)));
    let named = attributes.named().map(|(name, value)| (name.to_owned(), value));
    known.chain(named).map(|(name, value)| (name, value.display().into_owned())).collect()
}

fn read_with(bytes: &[u8], limits: &ReadLimits) -> Got {
    read_in_parts(bytes, limits, Sizes::default())
}

fn read_in_parts(bytes: &[u8], limits: &ReadLimits, sizes: Sizes) -> Got {
    let mut taken = Vec::new();
    let mut sink = |span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str| {
        let seen = Seen {
            trace: String::new(),
            id: String::new(),
            parent: None,
            name: span.name.to_string(),
            role: span.role_stated.then_some(span.role),
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            times_unknown: span.times_unknown,
            status: span.status,
            links: span.links.iter().map(|link| (link.trace.0, link.span.0)).collect(),
            attributes: set(&span.attributes),
            resource: set(resource),
            scope: scope.to_owned(),
        };
        taken.push((span.trace, span.id, span.parent, seen));
    };
    let wanted = ["tenant".to_owned(), "list".to_owned(), "map".to_owned(), "raw".to_owned()];
    let mut threads = [Thread { ids: IdTable::default(), losses: Losses::default(), sink: &mut sink }];
    let reading = super::read_in_parts("test", bytes, limits, &wanted, &mut threads, sizes);
    let [Thread { ids, losses, .. }] = threads;
    let spans = taken
        .into_iter()
        .map(|(trace, id, parent, seen)| Seen {
            trace: ids.trace_text(trace),
            id: ids.span_text(id),
            parent: parent.map(|parent| ids.span_text(parent)),
            ..seen
        })
        .collect();
    Got { reading, spans, losses }
}

fn read(bytes: impl AsRef<[u8]>) -> Got {
    read_with(bytes.as_ref(), &ReadLimits::default())
}

/// Checks format and spans of an input that is fine.
#[track_caller]
fn check(input: impl AsRef<[u8]>, format: &str, expect: &[&str]) {
    let got = read(&input);
    assert!(got.reading.is_ok(), "{}", got.error());
    assert_eq!(got.lines(), expect);
    let reading = got.reading();
    assert_eq!((reading.input.format.as_str(), reading.input.spans), (format, expect.len() as u64));
    assert_eq!((&reading.input.truncated, reading.warnings.len()), (&None, 0));
}
