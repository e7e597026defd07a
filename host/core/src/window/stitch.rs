//! Statements prepared by one span and executed by others. PHP's PDO records the text only on
//! `prepare`; the executions name a database system, carry no text, and link to the span that has it.

use super::tree::{Family, Tree};
use crate::trace::{IoKind, Span, SpanFlags, SpanId, TextId, Texts};
use rustc_hash::FxHashMap;

/// Facts that an execution takes over from its statement.
const STATEMENT_FLAGS: u32 =
    SpanFlags::WRITE.0 | SpanFlags::TRUNCATED.0 | SpanFlags::TRANSACTION.0 | SpanFlags::PARAMS_HIDDEN.0;

/// Gives executions the statement of the prepare span they link to, else of the nearest earlier
/// sibling that prepared one. Any number of executions may use one prepare span, which then is
/// chatter. I/O that stays without a template is named after its span and marked
/// [`SpanFlags::GENERIC`].
pub(super) fn stitch(spans: &mut [Span], tree: &Tree, texts: &Texts) {
    let linked: FxHashMap<SpanId, usize> = (spans.iter().enumerate())
        .filter(|(_, span)| is_prepare(span, texts))
        .map(|(row, span)| (span.id, row))
        .collect();
    if !linked.is_empty() {
        join_executions(spans, tree, texts, &linked);
    }
    for span in spans.iter_mut() {
        if span.flags.has(SpanFlags::CHATTER) {
            span.kind = IoKind::Other;
        } else if span.kind.is_io() && span.template.is_empty() {
            span.template = span.name;
            span.flags.set(SpanFlags::GENERIC);
        }
    }
}

fn join_executions(spans: &mut [Span], tree: &Tree, texts: &Texts, linked: &FxHashMap<SpanId, usize>) {
    let mut latest: FxHashMap<(Family, TextId), usize> = FxHashMap::default();
    let mut used = Vec::new();
    for row in 0..spans.len() {
        let sibling = (tree.family(spans, row), spans[row].service);
        if linked.get(&spans[row].id) == Some(&row) {
            latest.insert(sibling, row);
        } else if is_textless(&spans[row]) {
            let name = texts.get(spans[row].name);
            let by_link = link_target(&spans[row], linked);
            if by_link.is_some() && contains_word(name, "fetch") {
                // reading the rows of an execution that has a span of its own
                spans[row].flags.set(SpanFlags::CHATTER);
            } else if let Some(prepare) =
                by_link.or_else(|| latest.get(&sibling).copied().filter(|_| contains_word(name, "execute")))
            {
                let statement = spans[prepare].clone();
                take_statement(&mut spans[row], &statement);
                used.push(prepare);
            }
        }
    }
    for prepare in used {
        spans[prepare].flags.set(SpanFlags::CHATTER);
    }
}

fn is_prepare(span: &Span, texts: &Texts) -> bool {
    !span.template.is_empty()
        && !span.flags.has(SpanFlags::GENERIC)
        && matches!(span.kind, IoKind::Sql | IoKind::Other)
        && contains_word(texts.get(span.name), "prepare")
}

fn is_textless(span: &Span) -> bool {
    let without_text = span.template.is_empty() || span.flags.has(SpanFlags::GENERIC);
    let database = span.kind == IoKind::Sql || span.kind == IoKind::Other && !span.system.is_empty();
    without_text && database && !span.role.is_entry() && !span.flags.has(SpanFlags::CHATTER)
}

fn link_target(span: &Span, linked: &FxHashMap<SpanId, usize>) -> Option<usize> {
    let here = span.links.iter().filter(|link| link.trace == span.trace);
    here.filter_map(|link| linked.get(&link.span)).copied().next()
}

fn take_statement(span: &mut Span, statement: &Span) {
    span.kind = if statement.kind.is_io() { statement.kind } else { IoKind::Sql };
    let recorded = span.params != 0 && !span.flags.has(SpanFlags::PARAMS_HIDDEN);
    span.template = statement.template;
    span.verb = statement.verb;
    span.flags.0 = span.flags.0 & !SpanFlags::GENERIC.0 | statement.flags.0 & STATEMENT_FLAGS;
    if recorded {
        span.flags.0 &= !SpanFlags::PARAMS_HIDDEN.0;
    } else {
        span.params = statement.params;
    }
    for (own, other) in [(&mut span.system, statement.system), (&mut span.peer, statement.peer)] {
        if own.is_empty() {
            *own = other;
        }
    }
}

/// Returns whether `text` contains `word`, which is in lower case, in any case.
fn contains_word(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
