//! Calls that belong to a conversation: statements inside a database transaction, and repetitions of
//! a call that failed.

use super::tree::{Family, Tree};
use crate::trace::{IoKind, NO_ROW, Span, SpanFlags, Status, TextId, Texts};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hash;

/// What a transaction statement does to the transaction around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Opens,
    Closes,
}

/// Sets [`SpanFlags::IN_TRANSACTION`] on SQL between the statement that opens a transaction and the one
/// that closes it, where the three have one parent, or one entry and one peer, in common. A transaction
/// that is never closed in the trace marks nothing: what belongs to it cannot be told.
pub(super) fn mark_transactions(spans: &mut [Span], tree: &Tree, entries: &[u32], texts: &Texts) {
    let brackets: Vec<Option<Bracket>> = spans.iter().map(|span| bracket(span, texts)).collect();
    if brackets.iter().all(Option::is_none) {
        return;
    }
    let families: Vec<Family> = (0..spans.len()).map(|row| tree.family(spans, row)).collect();
    mark_between(spans, &brackets, |row, span| (families[row], span.service));
    mark_between(spans, &brackets, |row, span| (entries[row], span.service, span.peer));
}

fn bracket(span: &Span, texts: &Texts) -> Option<Bracket> {
    if !span.flags.has(SpanFlags::TRANSACTION) || span.flags.has(SpanFlags::MERGED) {
        return None;
    }
    let text = if span.template.is_empty() { span.name } else { span.template };
    // a span may be named `pg.query:BEGIN shop`
    let text = texts.get(text).rsplit(':').next().unwrap_or_default().to_ascii_uppercase();
    let mut words =
        text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    match (words.next()?, words.next().unwrap_or_default()) {
        ("ROLLBACK", "TO") => None,
        ("ROLLBACK", _) if text.contains(" TO ") => None,
        ("BEGIN" | "START", _) => Some(Bracket::Opens),
        ("COMMIT" | "ROLLBACK" | "END" | "ABORT", _) => Some(Bracket::Closes),
        _ => None,
    }
}

fn mark_between<K: Hash + Eq>(
    spans: &mut [Span],
    brackets: &[Option<Bracket>],
    key: impl Fn(usize, &Span) -> K,
) {
    #[derive(Default)]
    struct Open {
        depth: u32,
        inside: Vec<usize>,
    }
    let mut open: FxHashMap<K, Open> = FxHashMap::default();
    for row in 0..spans.len() {
        match brackets[row] {
            Some(Bracket::Opens) => open.entry(key(row, &spans[row])).or_default().depth += 1,
            Some(Bracket::Closes) => {
                let Some(transaction) = open.get_mut(&key(row, &spans[row])) else { continue };
                transaction.depth = transaction.depth.saturating_sub(1);
                for row in transaction.inside.drain(..) {
                    spans[row].flags.set(SpanFlags::IN_TRANSACTION);
                }
            }
            None if spans[row].kind == IoKind::Sql => {
                let transaction = open.get_mut(&key(row, &spans[row])).filter(|open| open.depth > 0);
                transaction.into_iter().for_each(|open| open.inside.push(row));
            }
            None => {}
        }
    }
}

/// Sets [`SpanFlags::RETRY`] on calls that repeat a failed one: the same parent, template and
/// parameters, started after the failed one ended. Each failure explains one retry. Calls with hidden
/// parameters are left alone, as the second may well ask for something else.
pub(super) fn mark_retries(spans: &mut [Span], tree: &Tree, merged_into: &[u32]) {
    if !spans.iter().any(|span| span.kind.is_io() && may_be_retried(span.status)) {
        return;
    }
    type Call = (Family, TextId, IoKind, TextId, u64);
    let mut failures: FxHashMap<Call, BinaryHeap<Reverse<u64>>> = FxHashMap::default();
    for row in 0..spans.len() {
        let span = &spans[row];
        let hidden = span.flags.has(SpanFlags::PARAMS_HIDDEN);
        if !span.kind.is_io() || merged_into[row] != NO_ROW || hidden || span.template.is_empty() {
            continue;
        }
        let call = (tree.family(spans, row), span.service, span.kind, span.template, span.params);
        let (start, end, failed) = (span.start_ns, span.end_ns(), may_be_retried(span.status));
        if let Some(ends) = failures.get_mut(&call)
            && ends.peek().is_some_and(|first| first.0 <= start)
        {
            ends.pop();
            spans[row].flags.set(SpanFlags::RETRY);
        }
        if failed {
            failures.entry(call).or_default().push(Reverse(end));
        }
    }
}

/// A call that the other side refused as wrong is not repeated unchanged; one that it could not serve is.
fn may_be_retried(status: Status) -> bool {
    status.is_error() && status != Status::ClientError
}
