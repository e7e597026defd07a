//! A span as the steps of mapping see it. What a step looks at can be noted, so that it need not be taken again for a
//! span in which the same would be seen.

use super::call;
use crate::semconv::{Attr, AttrSet, RawSpan, Value};
use std::cell::Cell;

/// A span and what belongs to many spans.
#[derive(Clone, Copy)]
pub(super) struct Input<'s, 'a> {
    /// The span.
    pub raw: &'s RawSpan<'a>,
    resource: &'s AttrSet<'a>,
    statement: Option<&'s str>,
    url: Option<&'s str>,
    path: Option<&'s str>,
    notes: Option<&'s Notes>,
}

/// What was looked at of a span and of its resource.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub span: Looks,
    pub resource: Looks,
}

impl Notes {
    /// Adds other notes to these.
    pub(super) fn add(&self, other: &Notes) {
        self.span.add(&other.span);
        self.resource.add(&other.resource);
    }
}

/// What was looked at of a set of attributes, be it there or not.
#[derive(Debug, Default)]
pub(super) struct Looks {
    attrs: Cell<u128>,
    named: Cell<bool>,
}

const _: () = assert!(Attr::ALL.len() <= 128);

impl Looks {
    fn note(&self, attr: Attr) {
        self.attrs.set(self.attrs.get() | 1 << attr as u8);
    }

    fn add(&self, other: &Looks) {
        self.attrs.set(self.attrs.get() | other.attrs.get());
        self.named.set(self.named.get() | other.named.get());
    }

    /// Returns whether an attribute was looked at.
    pub(super) fn at(&self, attr: Attr) -> bool {
        self.attrs.get() >> (attr as u8) & 1 != 0
    }

    /// Returns whether a text was looked at that is rarely the same in two spans.
    pub(super) fn at_varying(&self) -> bool {
        [&STATEMENTS[..], &URLS, &PATHS].into_iter().flatten().any(|attr| self.at(*attr))
    }

    /// Returns whether the attributes were looked at whose names only the configuration knows.
    pub(super) fn at_named(&self) -> bool {
        self.named.get()
    }
}

const STATEMENTS: [Attr; 4] = [Attr::DbQueryText, Attr::DbStatement, Attr::SqlQuery, Attr::DdResource];
const URLS: [Attr; 2] = [Attr::UrlFull, Attr::HttpUrl];
const PATHS: [Attr; 3] = [Attr::UrlPath, Attr::HttpTarget, Attr::HttpPath];

impl<'s, 'a> Input<'s, 'a> {
    pub(super) fn new(raw: &'s RawSpan<'a>, resource: &'s AttrSet<'a>) -> Self {
        let attributes = Attributes { set: &raw.attributes, looks: None };
        let url = attributes.text(&URLS);
        let statement = call::statement(attributes, url);
        Input { raw, resource, url, statement, path: attributes.text(&PATHS), notes: None }
    }

    /// Returns the same input; what is looked at in it is noted.
    pub(super) fn noting(self, notes: &'s Notes) -> Self {
        Input { notes: Some(notes), ..self }
    }

    pub(super) fn attributes(&self) -> Attributes<'s, 'a> {
        Attributes { set: &self.raw.attributes, looks: self.notes.map(|notes| &notes.span) }
    }

    pub(super) fn resource(&self) -> Attributes<'s, 'a> {
        Attributes { set: self.resource, looks: self.notes.map(|notes| &notes.resource) }
    }

    /// Returns whether a statement was recorded.
    pub(super) fn has_statement(&self) -> bool {
        self.statement.is_some()
    }

    /// Returns the statement as recorded, see [`call::statement`].
    pub(super) fn statement(&self) -> Option<&'s str> {
        self.note(&STATEMENTS);
        self.statement
    }

    /// Returns whether a URL was recorded.
    pub(super) fn has_url(&self) -> bool {
        self.url.is_some()
    }

    /// Returns the URL as recorded, the new name first.
    pub(super) fn url(&self) -> Option<&'s str> {
        self.note(&URLS);
        self.url
    }

    /// Returns whether the path of a URL was recorded.
    pub(super) fn has_path(&self) -> bool {
        self.path.is_some()
    }

    /// Returns the path of a URL as recorded, the new name first.
    pub(super) fn path(&self) -> Option<&'s str> {
        self.note(&PATHS);
        self.path
    }

    fn note(&self, attrs: &[Attr]) {
        if let Some(notes) = self.notes {
            attrs.iter().for_each(|attr| notes.span.note(*attr));
        }
    }
}

/// A set of attributes to look at.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'s, 'a> {
    set: &'s AttrSet<'a>,
    looks: Option<&'s Looks>,
}

impl<'s, 'a> Attributes<'s, 'a> {
    #[inline]
    fn look(&self, attrs: &[Attr]) {
        if let Some(looks) = self.looks {
            attrs.iter().for_each(|attr| looks.note(*attr));
        }
    }

    /// See [`AttrSet::get`].
    pub(super) fn get(&self, attr: Attr) -> Option<&'s Value<'a>> {
        self.look(&[attr]);
        self.set.get(attr)
    }

    /// See [`AttrSet::first`].
    pub(super) fn first(&self, attrs: &[Attr]) -> Option<&'s Value<'a>> {
        self.look(attrs);
        self.set.first(attrs)
    }

    /// See [`AttrSet::text`].
    pub(super) fn text(&self, attrs: &[Attr]) -> Option<&'s str> {
        self.look(attrs);
        self.set.text(attrs)
    }

    /// See [`AttrSet::int`].
    pub(super) fn int(&self, attrs: &[Attr]) -> Option<i64> {
        self.look(attrs);
        self.set.int(attrs)
    }

    /// See [`AttrSet::named`].
    pub(super) fn named(&self) -> impl Iterator<Item = (&'s str, &'s Value<'a>)> + use<'s, 'a> {
        if let Some(looks) = self.looks {
            looks.named.set(true);
        }
        self.set.named()
    }

    /// Returns the set, of which nothing is noted.
    pub(super) fn unnoted(&self) -> &'s AttrSet<'a> {
        self.set
    }
}
