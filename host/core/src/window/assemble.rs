//! Order, identity and parents: the spans of one trace become rows. Touches nothing but ids and times.

use crate::loss::Losses;
use crate::trace::{NO_ROW, Span, SpanFlags, SpanId, SpanRole, TextId, Texts, TraceFlags};
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::collections::hash_map::Entry;

/// Rows in their final order. The flags are [`TraceFlags::COMPLETE`] and [`TraceFlags::CUT`].
pub(super) struct Assembled {
    pub spans: Vec<Span>,
    pub parents: Vec<u32>,
    pub flags: TraceFlags,
}

/// Orders the spans by start (ties: parents first, then id), drops exact duplicates, finds every
/// row's parent, cuts cycles, and keeps the first `limit` rows.
///
/// A trace is complete when every parent that is named is here, no cycle had to be cut and no row
/// was dropped at the limit.
pub(super) fn assemble(mut spans: Vec<Span>, limit: u32, texts: &Texts, losses: &mut Losses) -> Assembled {
    place_untimed(&mut spans);
    drop_duplicates(&mut spans, texts, losses);
    let (mut parents, missing) = find_parents(&spans, losses);
    let cycles = cut_cycles(&mut parents);
    losses.add("parent_cycles", cycles);
    let (mut spans, mut parents) = reorder(spans, parents);

    let cut = drop_latest(&mut spans, &mut parents, limit as usize);
    losses.add("spans_over_trace_limit", cut);

    let mut flags = TraceFlags::default();
    if cut > 0 {
        flags.set(TraceFlags::CUT);
    }
    if !missing && cycles == 0 && cut == 0 {
        flags.set(TraceFlags::COMPLETE);
    }
    Assembled { spans, parents, flags }
}

/// Puts spans without a start at the start of the trace, as far as another span tells when that was.
fn place_untimed(spans: &mut [Span]) {
    let is_lost = |span: &Span| span.start_ns == 0 && span.flags.has(SpanFlags::TIMES_UNKNOWN);
    let start = spans.iter().filter(|span| !is_lost(span)).map(|span| span.start_ns).min();
    for span in spans.iter_mut().filter(|span| is_lost(span)) {
        span.start_ns = start.unwrap_or(0);
    }
}

/// Sorts, then drops spans that were exported twice.
fn drop_duplicates(spans: &mut Vec<Span>, texts: &Texts, losses: &mut Losses) {
    spans.sort_unstable_by(|a, b| compare(a, b, texts));
    let before = spans.len();
    spans.dedup_by(|b, a| is_same_span(a, b));
    losses.add("duplicate_spans", (before - spans.len()) as u64);
}

/// The two halves of a call may share an id (Zipkin), even at the same instant: the role tells them apart.
fn is_same_span(a: &Span, b: &Span) -> bool {
    let key =
        |span: &Span| (span.id, span.start_ns, span.duration_ns, span.role, span.template, span.service);
    key(a) == key(b)
}

/// A total order by start and id in which only spans of equal content are equal. Texts are compared
/// as texts: their numbers depend on the order of the input.
fn compare(a: &Span, b: &Span, texts: &Texts) -> Ordering {
    let first = |span: &Span| (span.start_ns, span.id, span.duration_ns, span.role);
    let text = |id: TextId| texts.get(id);
    let numbers = |span: &Span| {
        let facts = (span.params, span.batch_size, span.rows, span.response_bytes, span.code.line);
        (span.parent, span.kind, span.status, span.verb, span.flags.0, facts)
    };
    let rest = |span: &Span| {
        let code = span.code;
        [
            span.name,
            span.system,
            span.peer,
            span.route,
            span.scope,
            span.region,
            span.grouping,
            code.function,
            code.namespace,
            code.file,
        ]
    };
    first(a)
        .cmp(&first(b))
        .then_with(|| text(a.template).cmp(text(b.template)))
        .then_with(|| text(a.service).cmp(text(b.service)))
        .then_with(|| numbers(a).cmp(&numbers(b)))
        .then_with(|| rest(a).map(text).cmp(&rest(b).map(text)))
        .then_with(|| {
            let links =
                |span: &Span| span.links.iter().map(|link| (link.trace, link.span)).collect::<Vec<_>>();
            links(a).cmp(&links(b))
        })
}

/// The rows that answer to one span id: the first, and the other half of a call that shares the id.
#[derive(Clone, Copy)]
struct Owners {
    first: u32,
    other_half: u32,
}

impl Owners {
    /// The row that a child of `service` means: the half in its own service, else the receiving one.
    fn parent_for(self, service: TextId, spans: &[Span]) -> u32 {
        if self.other_half == NO_ROW {
            return self.first;
        }
        let (entry, call) = match spans[self.first as usize].role.is_entry() {
            true => (self.first, self.other_half),
            false => (self.other_half, self.first),
        };
        let service_of = |row: u32| spans[row as usize].service;
        if service_of(call) == service && service_of(entry) != service { call } else { entry }
    }

    /// The calling half, if `row` is the receiving half.
    fn caller_of(self, row: u32, spans: &[Span]) -> Option<u32> {
        if self.other_half == NO_ROW || !spans[row as usize].role.is_entry() {
            return None;
        }
        match row {
            row if row == self.first => Some(self.other_half),
            row if row == self.other_half => Some(self.first),
            _ => None,
        }
    }
}

/// Returns the parent of every row, and whether a parent is named that is not here.
///
/// Two spans with one id are the two halves of a call when one calls and the other receives, as
/// Zipkin records them: the receiving half becomes the child of the other. Any other span that
/// repeats an id is kept, counted as `conflicting_span_ids`, and never found as a parent: whoever
/// names the id means the span that started first.
fn find_parents(spans: &[Span], losses: &mut Losses) -> (Vec<u32>, bool) {
    let owners = owners_by_id(spans, losses);
    let mut missing = false;
    let parents = spans
        .iter()
        .enumerate()
        .map(|(row, span)| {
            let half = owners.get(&span.id).and_then(|owners| owners.caller_of(row as u32, spans));
            let (None, Some(parent)) = (half, span.parent) else { return half.unwrap_or(NO_ROW) };
            owners.get(&parent).map(|owners| owners.parent_for(span.service, spans)).unwrap_or_else(|| {
                missing = true;
                NO_ROW
            })
        })
        .collect();
    (parents, missing)
}

fn owners_by_id(spans: &[Span], losses: &mut Losses) -> FxHashMap<SpanId, Owners> {
    let mut owners: FxHashMap<SpanId, Owners> = FxHashMap::default();
    owners.reserve(spans.len());
    let mut conflicts = 0;
    for (row, span) in spans.iter().enumerate() {
        match owners.entry(span.id) {
            Entry::Vacant(entry) => {
                entry.insert(Owners { first: row as u32, other_half: NO_ROW });
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                if known.other_half == NO_ROW && are_halves(spans[known.first as usize].role, span.role) {
                    known.other_half = row as u32;
                } else {
                    conflicts += 1;
                }
            }
        }
    }
    losses.add("conflicting_span_ids", conflicts);
    owners
}

fn are_halves(a: SpanRole, b: SpanRole) -> bool {
    use SpanRole::{Client, Consumer, Producer, Server};
    matches!((a, b), (Client, Server) | (Server, Client) | (Producer, Consumer) | (Consumer, Producer))
}

/// Makes the earliest row of every cycle a root; returns the number of cycles. Rows are in order of
/// start, so the earliest is the one with the smallest number.
fn cut_cycles(parents: &mut [u32]) -> u64 {
    const NEW: u32 = 0;
    // the walk that first came to a row, counted from 1
    let mut seen_by = vec![NEW; parents.len()];
    let mut cycles = 0;
    for start in 0..parents.len() {
        let walk = start as u32 + 1;
        let mut row = start as u32;
        while row != NO_ROW && seen_by[row as usize] == NEW {
            seen_by[row as usize] = walk;
            row = parents[row as usize];
        }
        if row != NO_ROW && seen_by[row as usize] == walk {
            let earliest = earliest_of_cycle(parents, row);
            parents[earliest as usize] = NO_ROW;
            cycles += 1;
        }
    }
    cycles
}

fn earliest_of_cycle(parents: &[u32], start: u32) -> u32 {
    let mut earliest = start;
    let mut row = parents[start as usize];
    while row != start {
        earliest = earliest.min(row);
        row = parents[row as usize];
    }
    earliest
}

/// Puts parents before children among rows that start at one instant; the rest is in order already.
fn reorder(mut spans: Vec<Span>, parents: Vec<u32>) -> (Vec<Span>, Vec<u32>) {
    let depths = depths_among_ties(&spans, &parents);
    if depths.iter().all(|depth| *depth == 0) {
        return (spans, parents);
    }
    let mut order: Vec<u32> = (0..spans.len() as u32).collect();
    order.sort_unstable_by_key(|row| (spans[*row as usize].start_ns, depths[*row as usize], *row));
    let mut place = vec![NO_ROW; spans.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old as usize] = new as u32;
    }
    let moved = |row: u32| if row == NO_ROW { NO_ROW } else { place[row as usize] };
    let parents = order.iter().map(|old| moved(parents[*old as usize])).collect();
    let spans = order.iter().map(|old| std::mem::take(&mut spans[*old as usize])).collect();
    (spans, parents)
}

/// For every row the number of ancestors, without a gap, that start at the very same instant.
fn depths_among_ties(spans: &[Span], parents: &[u32]) -> Vec<u32> {
    const UNKNOWN: u32 = u32::MAX;
    let tied_parent = |row: u32| {
        let parent = parents[row as usize];
        let tied = parent != NO_ROW && spans[parent as usize].start_ns == spans[row as usize].start_ns;
        tied.then_some(parent)
    };
    let mut depths = vec![UNKNOWN; spans.len()];
    let mut path = Vec::new();
    for start in 0..spans.len() as u32 {
        let mut row = Some(start);
        while let Some(unknown) = row.filter(|row| depths[*row as usize] == UNKNOWN) {
            path.push(unknown);
            row = tied_parent(unknown);
        }
        let mut depth = row.map_or(0, |known| depths[known as usize] + 1);
        while let Some(row) = path.pop() {
            depths[row as usize] = depth;
            depth += 1;
        }
    }
    depths
}

/// Drops the rows from `limit` on; returns how many there were.
fn drop_latest(spans: &mut Vec<Span>, parents: &mut Vec<u32>, limit: usize) -> u64 {
    let over = spans.len().saturating_sub(limit);
    if over > 0 {
        spans.truncate(limit);
        parents.truncate(limit);
        for parent in parents.iter_mut().filter(|parent| **parent as usize >= limit) {
            *parent = NO_ROW;
        }
    }
    over as u64
}
