//! The one mapper: a decoded span of any format into a [`Span`].
//!
//! What a span is follows from its role and its attributes, never from the format it came in. Names
//! of old and new conventions are read side by side, the new one first, so that a span that carries
//! both counts once. Raw texts end here: a [`Span`] holds templates, a hash of the parameters, and
//! names that have been made fit to be shown.

mod call;
mod clean;
mod input;
mod memo;
mod outline;
mod params;
mod place;
mod recall;
mod render;
mod sql;
mod statements;
mod status;
mod system;
#[cfg(test)]
mod tests;

use super::coverage::{CoverageTable, Observation, Sight};
use super::{Attr, AttrSet, RawSpan};
use crate::loss::Losses;
use crate::normalize::{Access, Template};
use crate::trace::{IoKind, Span, SpanFlags, Texts, Verb};
use call::Call;
use input::{Input, Notes};
use memo::Memo;
use params::Fingerprint;
use recall::Recall;
use render::Rendered;

/// Longest span name, in bytes.
const MAX_NAME: usize = 256;

/// What the mapper can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapOptions {
    /// Attributes that keep tenants or namespaces apart; the first one present is used, and of one
    /// that resource and span both have, the resource's.
    pub grouping_attributes: Vec<String>,
    /// Longest statement or URL that is looked at, in bytes. Longer ones are cut and counted.
    pub max_text_bytes: usize,
}

impl Default for MapOptions {
    fn default() -> Self {
        MapOptions {
            grouping_attributes: vec!["k8s.namespace.name".into(), "service.namespace".into()],
            max_text_bytes: 64 * 1024,
        }
    }
}

impl MapOptions {
    /// Returns the names of attributes that decoders must keep by name, because they are not in the
    /// table: what [`AttrSet::insert`] takes as `wanted`.
    pub fn wanted(&self) -> Vec<String> {
        self.grouping_attributes.iter().filter(|name| Attr::of(name).is_none()).cloned().collect()
    }
}

/// Maps the spans of one thread, reusing its buffers from one to the next and remembering what comes again.
#[derive(Debug, Default)]
pub struct Mapper {
    recall: Recall,
    making: Making,
}

/// What it takes to make a span.
#[derive(Debug, Default)]
struct Making {
    options: MapOptions,
    texts: Texts,
    work: render::Work,
    scratch: Template,
    scopes: Memo,
}

impl Mapper {
    /// Returns a mapper that interns names and templates in `texts`.
    pub fn new(options: MapOptions, texts: Texts) -> Self {
        Mapper { making: Making { options, texts, ..Making::default() }, ..Mapper::default() }
    }

    /// Returns the texts of the spans.
    pub fn texts(&self) -> &Texts {
        &self.making.texts
    }

    /// Maps one span. Notes in `coverage` what it carried, and counts in `losses` what was cut or dropped:
    /// `texts_cut`, `regions_rejected`.
    ///
    /// Total: every span gives a [`Span`], if only one of kind [`IoKind::Other`].
    pub fn map(
        &mut self,
        raw: &RawSpan<'_>,
        resource: &AttrSet<'_>,
        scope: &str,
        coverage: &mut CoverageTable,
        losses: &mut Losses,
    ) -> Span {
        let Mapper { recall, making } = self;
        let input = Input::new(raw, resource);
        let made;
        let outline = match recall.find(&input) {
            Ok(outline) => outline,
            Err(place) => {
                let notes = Notes::default();
                made = making.outline(&input, &notes);
                recall.keep(place, &input, &notes, &made);
                &made
            }
        };
        losses.add("regions_rejected", outline.regions_rejected);
        let mut span = making.span(&input, outline);
        let scopes = &mut making.scopes;
        span.scope = scopes.intern(scope, &mut making.texts, |name| clean::printable(name, MAX_NAME));
        let mut seen = Observation {
            service: span.service,
            scope: span.scope,
            language: outline.language,
            ..Observation::default()
        };
        match &outline.call {
            Call::Work | Call::Entry => {}
            Call::Chatter(kind, system) => {
                making.chatter(&input, *kind, system, &mut span);
                seen.chatter = true;
            }
            Call::Transaction(statement, system) => {
                making.transaction(statement, system, &mut span);
                seen.call = Some((IoKind::Sql, Sight::NoParameters));
            }
            Call::Outbound(kind, system) => {
                making.outbound(&input, *kind, system, &mut span, &mut seen, losses);
            }
        }
        coverage.note(seen);
        span
    }
}

impl Making {
    /// Chatter counts for nothing; a statement that is prepared here keeps its template, for the span
    /// that executes it.
    fn chatter(&mut self, input: &Input<'_, '_>, kind: IoKind, system: &str, span: &mut Span) {
        span.flags.set(SpanFlags::CHATTER);
        span.system = self.texts.intern(system);
        if input.has_statement() {
            let max_text = self.options.max_text_bytes;
            let rendered = render::render(input, kind, system, max_text, &mut self.texts, &mut self.work);
            self.describe(input, &rendered, span);
        }
    }

    fn outbound(
        &mut self,
        input: &Input<'_, '_>,
        kind: IoKind,
        system: &str,
        span: &mut Span,
        seen: &mut Observation,
        losses: &mut Losses,
    ) {
        let max_text = self.options.max_text_bytes;
        let rendered = render::render(input, kind, system, max_text, &mut self.texts, &mut self.work);
        losses.add("texts_cut", u64::from(rendered.cut));
        span.system = self.texts.intern(system);
        let visible = self.describe(input, &rendered, span);
        if rendered.facts.chatter {
            span.flags.set(SpanFlags::CHATTER);
            seen.chatter = true;
            return;
        }
        span.kind = kind;
        let stores = matches!(kind, IoKind::Sql | IoKind::Document | IoKind::Datastore);
        if stores && rendered.gap.is_none() && !rendered.linked && !input.has_statement() {
            span.flags.set(SpanFlags::SUMMARY);
        }
        measure(input, kind, span);
        seen.call = Some((kind, sight(&rendered, span.flags, visible)));
    }

    fn transaction(&mut self, statement: &str, system: &str, span: &mut Span) {
        span.kind = IoKind::Sql;
        span.system = self.texts.intern(system);
        span.template = self.texts.intern(statement);
        span.params = params::NO_PARAMS;
        span.flags.set(SpanFlags::TRANSACTION);
    }

    /// Writes template, parameters, verb and flags of a rendered call into the span and returns
    /// whether it has parameters that can be seen.
    fn describe(&mut self, input: &Input<'_, '_>, rendered: &Rendered, span: &mut Span) -> bool {
        span.template = rendered.id.unwrap_or_else(|| self.texts.intern(&self.work.template.text));
        span.verb = rendered.verb;
        span.batch_size = rendered.facts.batch;
        if is_statement(&input.raw.name) {
            // Some instrumentations name a span by its statement.
            span.name = self.texts.intern(clean::cut(&self.work.template.text, MAX_NAME));
        }
        let generic = rendered.gap.is_some() || rendered.linked;
        // What is not known to be a read is not to be called redundant.
        let writes = match rendered.facts.access {
            Access::Write => true,
            Access::Unknown => !generic && !rendered.transaction,
            Access::Read => false,
        };
        let flags = [
            (writes, SpanFlags::WRITE),
            (rendered.transaction, SpanFlags::TRANSACTION),
            (rendered.truncated, SpanFlags::TRUNCATED),
            (generic, SpanFlags::GENERIC),
        ];
        for (holds, flag) in flags {
            if holds {
                span.flags.set(flag);
            }
        }
        self.parameters(input, rendered, span)
    }

    /// Hashes the parameters. Where some are hidden, what remains still tells calls apart, so the hash is
    /// over those that can be seen, and 0 if none can.
    fn parameters(&self, input: &Input<'_, '_>, rendered: &Rendered, span: &mut Span) -> bool {
        let mut print = Fingerprint::new();
        let recorded = params::add_recorded(input.attributes(), &mut print);
        let template = &self.work.template;
        if rendered.facts.params_hidden && !recorded {
            span.flags.set(SpanFlags::PARAMS_HIDDEN);
            let mut seen = template.params().filter(|value| params::is_seen(value)).peekable();
            if seen.peek().is_some() {
                seen.for_each(|value| print.add(value));
                span.params = print.finish();
            }
            return false;
        }
        template.params().for_each(|value| print.add(value));
        span.params = print.finish();
        recorded || template.param_count() > 0
    }
}

/// Returns whether a span name is a statement rather than the name of one.
fn is_statement(name: &str) -> bool {
    call::looks_like_sql(name) && name.split_ascii_whitespace().nth(3).is_some()
}

/// Rows and bytes that came back.
fn measure(input: &Input<'_, '_>, kind: IoKind, span: &mut Span) {
    const BODY: [Attr; 2] = [Attr::HttpResponseBodySize, Attr::HttpResponseContentLength];
    let attributes = input.attributes();
    if matches!(span.verb, Verb::Read | Verb::Other) {
        let rows = attributes.int(&[Attr::DbReturnedRows]);
        let rows =
            rows.or_else(|| (span.verb == Verb::Read).then(|| attributes.int(&[Attr::DbRowsAffected]))?);
        span.rows = rows.and_then(|rows| u32::try_from(rows).ok());
    }
    let bytes = match kind {
        IoKind::Messaging => attributes.int(&[Attr::MessagingBodySize]),
        _ => attributes.int(&BODY),
    };
    span.response_bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
}

fn sight(rendered: &Rendered, flags: SpanFlags, visible: bool) -> Sight {
    match rendered.gap {
        Some(gap) => Sight::Nothing(gap),
        None if visible => Sight::Parameters,
        // No setting shows the payload of a message or a call: nothing to advise.
        None if flags.has(SpanFlags::PARAMS_HIDDEN) && !rendered.opaque => Sight::ParametersHidden,
        None => Sight::NoParameters,
    }
}
