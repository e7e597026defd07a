//! The part of a span that does not depend on the values its calls carry.

use super::call::{self, Call};
use super::input::{Input, Notes};
use super::{MAX_NAME, Making, clean, place, status};
use crate::semconv::Attr;
use crate::trace::{CodeLocation, IoKind, Span, SpanFlags, SpanRole, Status, TextId};

/// What many spans have in common.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    pub role: SpanRole,
    pub status: Status,
    pub service: TextId,
    pub region: TextId,
    pub grouping: TextId,
    pub language: TextId,
    pub code: CodeLocation,
    pub name: TextId,
    /// The call was sent again by its client.
    pub retry: bool,
    /// Regions that cannot be one.
    pub regions_rejected: u64,
    pub call: Call,
    /// The entry point; `None` where it is not the same for all.
    route: Option<TextId>,
    /// The other side; `None` where it is not the same for all.
    peer: Option<TextId>,
}

impl Making {
    /// Makes the outline of a span, and notes what was looked at.
    pub(super) fn outline(&mut self, input: &Input<'_, '_>, notes: &Notes) -> Outline {
        let noting = input.noting(notes);
        let role = call::role(&noting);
        let call = call::classify(&noting, role);
        let (region, regions_rejected) = place::region(&noting);
        let texts = &mut self.texts;
        let mut outline = Outline {
            role,
            status: status::status(&noting),
            service: texts.intern(&place::service(&noting)),
            region: texts.intern(region),
            grouping: place::grouping(&noting, &self.options.grouping_attributes, texts),
            language: texts
                .intern(&clean::printable(noting.resource().text(&[Attr::SdkLanguage]).unwrap_or(""), 32)),
            code: place::code(&noting, texts),
            name: texts.intern(&clean::steady_name(&input.raw.name, MAX_NAME)),
            retry: noting.attributes().int(&[Attr::HttpResendCount]).is_some_and(|count| count > 0),
            regions_rejected,
            call,
            route: None,
            peer: None,
        };
        let (of_route, of_peer) = (Notes::default(), Notes::default());
        let route = self.route(&input.noting(&of_route), &outline);
        if !of_route.span.at_varying() {
            outline.route = Some(route);
            notes.add(&of_route);
        }
        let peer = self.peer(&input.noting(&of_peer), &outline);
        if !of_peer.span.at_varying() {
            outline.peer = Some(peer);
            notes.add(&of_peer);
        }
        outline
    }

    /// Returns the span with all that is in its outline, and its route and peer.
    pub(super) fn span(&mut self, input: &Input<'_, '_>, outline: &Outline) -> Span {
        let raw = input.raw;
        let mut span = Span {
            trace: raw.trace,
            id: raw.id,
            parent: raw.parent,
            start_ns: raw.start_ns,
            duration_ns: raw.end_ns.saturating_sub(raw.start_ns),
            role: outline.role,
            status: outline.status,
            service: outline.service,
            region: outline.region,
            grouping: outline.grouping,
            code: outline.code,
            name: outline.name,
            batch_size: 1,
            links: raw.links.clone(),
            route: outline.route.unwrap_or_else(|| self.route(input, outline)),
            peer: outline.peer.unwrap_or_else(|| self.peer(input, outline)),
            ..Span::default()
        };
        if raw.times_unknown || raw.end_ns < raw.start_ns {
            span.duration_ns = 0;
            span.flags.set(SpanFlags::TIMES_UNKNOWN);
        }
        if outline.retry {
            span.flags.set(SpanFlags::RETRY);
        }
        span
    }

    /// Returns the entry point; nothing for a span that is none and was not told any.
    fn route(&mut self, input: &Input<'_, '_>, outline: &Outline) -> TextId {
        if outline.call == Call::Entry {
            place::route(input, outline.role, &mut self.scratch);
            let route = self.scratch_text(2 * MAX_NAME);
            if !route.is_empty() {
                return route;
            }
        }
        match input.attributes().text(&[Attr::SourceEndpoint]) {
            Some(endpoint) => {
                place::endpoint(endpoint, &mut self.scratch);
                self.scratch_text(2 * MAX_NAME)
            }
            None => TextId::EMPTY,
        }
    }

    /// Returns the other side of a call; nothing for a span that is none.
    fn peer(&mut self, input: &Input<'_, '_>, outline: &Outline) -> TextId {
        let kind = match &outline.call {
            Call::Work | Call::Entry => return TextId::EMPTY,
            Call::Transaction(..) => IoKind::Sql,
            Call::Chatter(kind, _) | Call::Outbound(kind, _) => *kind,
        };
        place::peer(input, kind, &mut self.scratch);
        self.scratch_text(MAX_NAME)
    }

    /// Interns what is in the scratch buffer.
    fn scratch_text(&mut self, max: usize) -> TextId {
        self.texts.intern(&clean::printable(&self.scratch.text, max))
    }
}
