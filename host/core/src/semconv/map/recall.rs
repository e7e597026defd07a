//! What is the same in many spans is made once. For each span that comes again, the outline is kept together with
//! everything that was looked at while it was made; a span in which the same is to be seen has the same outline.

use super::input::{Input, Looks, Notes};
use super::outline::Outline;
use crate::semconv::{Attr, AttrSet, Value};
use crate::trace::{SpanRole, Status};
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// Spans with one hash that can be remembered.
const WAYS: usize = 4;
const SETS: usize = 512;
/// Longest texts of a span that are remembered, in bytes, all that was looked at together.
const MAX_TEXTS: usize = 2048;
/// Of spans that are forgotten before they come again, one in so many is still remembered: they may stop coming.
const PATIENCE: u32 = 32;

/// Outlines of spans that came before.
#[derive(Debug, Default)]
pub(super) struct Recall {
    sets: Vec<Set>,
}

#[derive(Debug, Default)]
struct Set {
    ways: Vec<Known>,
    next: usize,
    /// Spans that were not known since one was.
    strangers: u32,
}

#[derive(Debug)]
struct Known {
    seen: Seen,
    outline: Outline,
}

/// What was seen of a span.
#[derive(Debug)]
struct Seen {
    name: String,
    span: Held,
    resource: Held,
    shape: Shape,
}

/// What is looked at in every span.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Shape {
    role: SpanRole,
    role_stated: bool,
    status: Status,
    root: bool,
    statement: bool,
    url: bool,
    path: bool,
}

/// The attributes of a set in their order, with the values that were looked at.
#[derive(Debug)]
struct Held {
    known: Vec<(Attr, Option<Value<'static>>)>,
    named: Option<Vec<(String, Value<'static>)>>,
}

/// Where the outline of a span is, or would be.
#[derive(Clone, Copy)]
pub(super) struct Place {
    set: usize,
}

impl Recall {
    /// Returns the outline of a span in which all is to be seen that was seen in a span before; otherwise where to
    /// keep it.
    pub(super) fn find(&mut self, input: &Input<'_, '_>) -> Result<&Outline, Place> {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Set::default);
        }
        let place = Place { set: hash(input) as usize % SETS };
        let set = &mut self.sets[place.set];
        match set.ways.iter().position(|known| known.seen.is(input)) {
            Some(way) => {
                set.strangers = 0;
                Ok(&set.ways[way].outline)
            }
            None => Err(place),
        }
    }

    /// Keeps the outline of a span that was not known, of which `notes` were taken.
    pub(super) fn keep(&mut self, place: Place, input: &Input<'_, '_>, notes: &Notes, outline: &Outline) {
        let span = bytes(input.attributes().unnoted(), &notes.span);
        let resource = bytes(input.resource().unnoted(), &notes.resource);
        if input.raw.name.len() + span + resource > MAX_TEXTS {
            return;
        }
        let set = &mut self.sets[place.set];
        set.strangers = set.strangers.wrapping_add(1);
        if set.strangers > PATIENCE && !set.strangers.is_multiple_of(PATIENCE) {
            return;
        }
        let known = Known { seen: Seen::new(input, notes), outline: outline.clone() };
        if set.ways.len() < WAYS {
            set.ways.push(known);
        } else {
            set.ways[set.next] = known;
            set.next = (set.next + 1) % WAYS;
        }
    }
}

/// What tells spans apart at little cost.
fn hash(input: &Input<'_, '_>) -> u64 {
    let mut hasher = FxHasher::default();
    input.raw.name.hash(&mut hasher);
    let service = input.resource().text(&[Attr::ServiceName]);
    service.hash(&mut hasher);
    input.attributes().unnoted().known().for_each(|(attr, _)| hasher.write_u8(*attr as u8));
    hasher.finish()
}

/// Returns the length of the texts in a set that were looked at.
fn bytes(set: &AttrSet<'_>, looks: &Looks) -> usize {
    let of = |value: &Value<'_>| value.as_text().map_or(0, str::len);
    let known: usize = set.known().filter(|(attr, _)| looks.at(*attr)).map(|(_, value)| of(value)).sum();
    let named: usize = set.named().map(|(name, value)| name.len() + of(value)).sum();
    known + if looks.at_named() { named } else { 0 }
}

impl Shape {
    fn of(input: &Input<'_, '_>) -> Self {
        let raw = input.raw;
        Shape {
            role: raw.role,
            role_stated: raw.role_stated,
            status: raw.status,
            root: raw.parent.is_none(),
            statement: input.has_statement(),
            url: input.has_url(),
            path: input.has_path(),
        }
    }
}

impl Seen {
    fn new(input: &Input<'_, '_>, notes: &Notes) -> Self {
        Seen {
            name: input.raw.name.clone().into_owned(),
            span: Held::new(input.attributes().unnoted(), &notes.span),
            resource: Held::new(input.resource().unnoted(), &notes.resource),
            shape: Shape::of(input),
        }
    }

    fn is(&self, input: &Input<'_, '_>) -> bool {
        self.shape == Shape::of(input)
            && self.name == input.raw.name
            && self.span.is(input.attributes().unnoted())
            && self.resource.is(input.resource().unnoted())
    }
}

impl Held {
    fn new(set: &AttrSet<'_>, looks: &Looks) -> Self {
        let named = || set.named().map(|(name, value)| (name.to_owned(), value.clone().into_owned()));
        Held {
            known: set
                .known()
                .map(|(attr, value)| (*attr, looks.at(*attr).then(|| value.clone().into_owned())))
                .collect(),
            named: looks.at_named().then(|| named().collect()),
        }
    }

    fn is(&self, set: &AttrSet<'_>) -> bool {
        let known = set.known();
        known.len() == self.known.len()
            && known.zip(&self.known).all(|((attr, value), (held, seen))| {
                attr == held && seen.as_ref().is_none_or(|seen| seen == value)
            })
            && self
                .named
                .as_ref()
                .is_none_or(|named| set.named().eq(named.iter().map(|(name, value)| (name.as_str(), value))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MapOptions, Mapper};
    use super::*;
    use crate::loss::Losses;
    use crate::semconv::{CoverageTable, RawSpan};
    use crate::trace::Texts;

    /// Maps a span of each service, and returns how many outlines are kept.
    fn kept(services: impl Iterator<Item = String>) -> usize {
        let mut mapper = Mapper::new(MapOptions::default(), Texts::default());
        for service in services {
            let mut resource = AttrSet::default();
            resource.set(Attr::ServiceName, service.into());
            let (mut coverage, mut losses) = (CoverageTable::default(), Losses::default());
            mapper.map(&RawSpan::default(), &resource, "", &mut coverage, &mut losses);
        }
        mapper.recall.sets.iter().map(|set| set.ways.len()).sum()
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert_eq!(kept((0..3).map(|n| format!("service {n}"))), 3);
        assert_eq!(kept((0..3).map(|_| "same".to_owned())), 1);
        assert_eq!(kept((0..3).map(|n| format!("{n:0width$}", width = MAX_TEXTS + 1))), 0);
        let many = kept((0..20_000).map(|n| format!("service {n}")));
        assert!(many > SETS && many <= SETS * WAYS, "{many}");
    }
}
