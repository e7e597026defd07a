//! Round trips recorded by two layers whose spans are siblings: the same parent, the same template,
//! different scopes, one interval inside the other.

use super::merge::{Layers, MAX_LAYERS};
use super::tree::{Family, Tree};
use crate::trace::{IoKind, Span, TextId};

/// What siblings that record the same round trips agree on. Sorting by it only brings them together:
/// the numbers of texts decide nothing else.
type Key = (Family, TextId, IoKind, TextId);

/// Two rows that record one round trip.
pub(super) type Pair = (u32, u32);

/// Returns two rows for every round trip that two siblings record. Spans of one scope are never two
/// records of one round trip; spans of different scopes are matched one to one in time order, so that
/// twelve calls seen by two layers are twelve calls.
pub(super) fn pairs(layers: &Layers<'_>, tree: &Tree) -> Vec<Pair> {
    let spans = layers.spans;
    let mut scopes = spans.iter().filter(|span| span.kind.is_io()).map(|span| span.scope);
    let first = scopes.next();
    if scopes.all(|scope| Some(scope) == first) {
        return Vec::new();
    }
    let mut calls: Vec<(Key, u32)> = Vec::new();
    for (row, span) in spans.iter().enumerate().filter(|(_, span)| span.kind.is_io()) {
        let family = tree.family(spans, row);
        if !span.template.is_empty() && family != Family::Roots {
            calls.push(((family, span.service, span.kind, span.template), row as u32));
        }
    }
    calls.sort_unstable();
    let mut found = Vec::new();
    for group in calls.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let mut rows: Vec<u32> = group.iter().map(|(_, row)| *row).collect();
        rows.sort_unstable_by_key(|row| in_time(spans, *row));
        match_scopes(layers, &rows, &mut found);
    }
    found
}

/// Matches the rows of each scope with those that the scopes before it left standing.
fn match_scopes(layers: &Layers<'_>, rows: &[u32], found: &mut Vec<Pair>) {
    let scopes = first_scopes(layers.spans, rows);
    let of_scope = |scope: &TextId| -> Vec<u32> {
        rows.iter().copied().filter(|row| layers.spans[*row as usize].scope == *scope).collect()
    };
    let [first, others @ ..] = scopes.as_slice() else { return };
    let mut calls = of_scope(first);
    for scope in others {
        let more = of_scope(scope);
        let before = found.len();
        match_parameters(layers, &calls, &more, found);
        let (open, rest) = (unmatched(&calls, &found[before..]), unmatched(&more, &found[before..]));
        match_times(layers, &open, &rest, found);
        calls.extend(unmatched(&rest, &found[before..]));
        calls.sort_unstable_by_key(|row| in_time(layers.spans, *row));
    }
}

/// The scopes of the rows by first appearance, as many as there can be layers.
fn first_scopes(spans: &[Span], rows: &[u32]) -> Vec<TextId> {
    let mut scopes = Vec::new();
    for row in rows {
        let scope = spans[*row as usize].scope;
        if scopes.len() < MAX_LAYERS && !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

/// Matches rows whose visible parameters are equal: concurrent calls would otherwise swap partners.
fn match_parameters(layers: &Layers<'_>, calls: &[u32], more: &[u32], found: &mut Vec<Pair>) {
    let params = |row: &u32| layers.spans[*row as usize].params;
    let visible = |rows: &[u32]| {
        let mut rows: Vec<u32> = rows.iter().copied().filter(|row| params(row) != 0).collect();
        rows.sort_by_key(params);
        rows
    };
    let (calls, more) = (visible(calls), visible(more));
    let mut rest = more.as_slice();
    for same in calls.chunk_by(|a, b| params(a) == params(b)) {
        let value = params(&same[0]);
        rest = &rest[rest.partition_point(|row| params(row) < value)..];
        let (equal, greater) = rest.split_at(rest.partition_point(|row| params(row) == value));
        match_times(layers, same, equal, found);
        rest = greater;
    }
}

/// Matches two lists, both in time order, one to one.
fn match_times(layers: &Layers<'_>, calls: &[u32], more: &[u32], found: &mut Vec<Pair>) {
    let (mut calls, mut more) = (calls.iter().peekable(), more.iter().peekable());
    while let (Some(&&call), Some(&&other)) = (calls.peek(), more.peek()) {
        let is_pair = layers.are_siblings_of_one_call(call, other);
        if is_pair {
            found.push((call, other));
        }
        let call_first = in_time(layers.spans, call) < in_time(layers.spans, other);
        if is_pair || call_first {
            calls.next();
        }
        if is_pair || !call_first {
            more.next();
        }
    }
}

fn unmatched(rows: &[u32], found: &[Pair]) -> Vec<u32> {
    let mut taken: Vec<u32> = found.iter().flat_map(|(a, b)| [*a, *b]).collect();
    taken.sort_unstable();
    rows.iter().copied().filter(|row| taken.binary_search(row).is_err()).collect()
}

fn in_time(spans: &[Span], row: u32) -> (u64, u64, u32) {
    let span = &spans[row as usize];
    (span.start_ns, span.end_ns(), row)
}
