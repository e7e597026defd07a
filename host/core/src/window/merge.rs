//! Round trips recorded by more than one layer of instrumentation: an ORM over a driver, a client
//! library over HTTP. Each counts once.
//!
//! Spans are gathered into calls, in this order: siblings that record one round trip (`siblings`);
//! spans nested in a span of the same template; spans that carry another protocol (HTTP below an RPC).
//! Of each call the row that knows most counts and takes over what only the others know. If an outer
//! span has several calls of its own template below it, those are the round trips, and the outer one
//! only sums them up (a client that retries, an ORM that loads in pieces).

use super::siblings;
use super::tree::Tree;
use crate::trace::{IoKind, NO_ROW, Span, SpanFlags, SpanRole, TextId, Texts};

/// How many layers may record one round trip. Bounds the walk from a span to the ones around it.
pub(super) const MAX_LAYERS: usize = 8;

const MILLISECOND_NS: u64 = 1_000_000;

/// What merging decided.
pub(super) struct Merged {
    /// Row that counts in place of the row, or [`NO_ROW`].
    pub into: Vec<u32>,
    /// New parents, if any changed: a row that counts in place of one around it takes its place in
    /// the tree too, so that repeated calls are siblings whichever layer of them counts.
    pub parents: Option<Vec<u32>>,
    /// Rows that do not count any more.
    pub count: u64,
}

/// Finds the rows that record the same round trip, marks all but one of each [`SpanFlags::MERGED`].
pub(super) fn merge(spans: &mut [Span], tree: &Tree, texts: &Texts, clock_tolerance_ns: u64) -> Merged {
    let nearest = nearest_calls(spans, tree);
    let layers = Layers { spans, texts, nearest: &nearest, clock_tolerance_ns };
    let pairs = siblings::pairs(&layers, tree);
    if pairs.is_empty() && nearest.iter().all(|above| *above == NO_ROW) {
        // One layer recorded this trace, as most.
        return Merged { into: vec![NO_ROW; spans.len()], parents: None, count: 0 };
    }
    let mut calls = Groups::new(spans.len());
    for (a, b) in pairs {
        calls.join(a, b);
    }
    let mut outer: Vec<u32> = (0..spans.len()).map(|row| layers.same_call_around(row)).collect();
    let carried = layers.carried(&outer, &mut calls);
    let summaries = join_nested(&outer, &carried, &mut calls);
    for (inner, around) in carried {
        outer[inner as usize] = around;
    }

    let into = rows_that_count(spans, &mut calls, &summaries);
    for row in 0..spans.len() {
        if into[row] != NO_ROW {
            if calls.root(row as u32) == calls.root(into[row]) {
                take_facts(spans, into[row] as usize, row);
            }
            spans[row].flags.set(SpanFlags::MERGED);
        }
    }
    let count = into.iter().filter(|row| **row != NO_ROW).count() as u64;
    Merged { parents: raise(spans, tree, &outer, &into), into, count }
}

/// For every I/O row the nearest I/O row above it in the same service, with no entry in between.
fn nearest_calls(spans: &[Span], tree: &Tree) -> Vec<u32> {
    let mut nearest = vec![NO_ROW; spans.len()];
    for row in &tree.top_down {
        let row = *row as usize;
        let above = tree.local[row];
        if above == NO_ROW || spans[row].role.is_entry() || spans[above as usize].role.is_entry() {
            continue;
        }
        let is_call = spans[above as usize].kind.is_io();
        nearest[row] = if is_call { above } else { nearest[above as usize] };
    }
    nearest
}

/// The questions that decide whether two spans record one round trip.
pub(super) struct Layers<'a> {
    pub spans: &'a [Span],
    texts: &'a Texts,
    nearest: &'a [u32],
    clock_tolerance_ns: u64,
}

impl Layers<'_> {
    /// Returns whether two siblings of equal template are one call. Visible parameters must not
    /// contradict each other: siblings have nothing else in common than what is compared here.
    pub fn are_siblings_of_one_call(&self, a: u32, b: u32) -> bool {
        let (a, b) = (&self.spans[a as usize], &self.spans[b as usize]);
        a.scope != b.scope
            && agree(a.system, b.system)
            && !a.parameters_differ(b)
            && (self.contains(a, b) || self.contains(b, a))
    }

    /// The nearest row around `row` that records the same call, or [`NO_ROW`].
    fn same_call_around(&self, row: usize) -> u32 {
        if !self.spans[row].kind.is_io() {
            return NO_ROW;
        }
        let around = |row: u32| Some(self.nearest[row as usize]).filter(|above| *above != NO_ROW);
        std::iter::successors(around(row as u32), |above| around(*above))
            .take(MAX_LAYERS)
            .find(|above| self.is_nested_record(*above as usize, row))
            .unwrap_or(NO_ROW)
    }

    fn is_nested_record(&self, outer: usize, inner: usize) -> bool {
        let (outer, inner) = (&self.spans[outer], &self.spans[inner]);
        if outer.kind != inner.kind || !agree(outer.system, inner.system) || !self.same_template(outer, inner)
        {
            return false;
        }
        if outer.scope != inner.scope {
            // layers may write one parameter in different ways, so parameters prove nothing here
            return self.contains(outer, inner);
        }
        !outer.parameters_differ(inner) && covers(outer, inner, 0)
    }

    fn same_template(&self, a: &Span, b: &Span) -> bool {
        if a.template.is_empty() || b.template.is_empty() {
            return false;
        }
        a.template == b.template
            || a.flags.has(SpanFlags::TRUNCATED) && self.is_beginning(a.template, b.template)
            || b.flags.has(SpanFlags::TRUNCATED) && self.is_beginning(b.template, a.template)
    }

    /// Returns whether `whole` begins like `cut`, apart from marks of omission and half a last word.
    fn is_beginning(&self, cut: TextId, whole: TextId) -> bool {
        let (cut, whole) = (self.texts.get(cut), self.texts.get(whole));
        let cut = cut.trim_end_matches(['.', '…', ' ']);
        let words = cut.rsplit_once(' ').map_or("", |(words, _)| words);
        whole.starts_with(cut) || !words.is_empty() && whole.starts_with(words)
    }

    /// Returns whether `outer` contains `inner` as far as their clocks can tell: within the
    /// tolerance, and overlapping by half of the shorter one unless a clock counts in milliseconds.
    /// Without the overlap, short calls one after the other would be one.
    fn contains(&self, outer: &Span, inner: &Span) -> bool {
        let coarse = [outer, inner].iter().any(|span| span.start_ns.is_multiple_of(MILLISECOND_NS));
        covers(outer, inner, self.clock_tolerance_ns) && (coarse || overlap_enough(outer, inner))
    }

    /// Rows that are the only call below a call of a protocol on top of theirs, with that call. `outer`
    /// tells rows that already are a record of another one.
    fn carried(&self, outer: &[u32], calls: &mut Groups) -> Vec<(u32, u32)> {
        let mut below: Vec<(u32, u32, u32)> = Vec::new();
        for (row, above) in self.nearest.iter().enumerate() {
            if *above != NO_ROW && self.spans[row].kind.is_io() {
                below.push((*above, calls.root(row as u32), row as u32));
            }
        }
        below.sort_unstable();
        let mut carried = Vec::new();
        for group in below.chunk_by(|a, b| a.0 == b.0) {
            let is_single = group.iter().all(|(_, call, _)| *call == group[0].1);
            for (above, _, row) in
                group.iter().filter(|(_, _, row)| is_single && outer[*row as usize] == NO_ROW)
            {
                if self.carries(*row as usize, *above as usize) {
                    carried.push((*row, *above));
                }
            }
        }
        carried
    }

    /// Returns whether `inner` may be what `outer` was sent with: a protocol below its own, or the
    /// statement of a span that only says that there was one.
    fn carries(&self, inner: usize, outer: usize) -> bool {
        let (inner, outer) = (&self.spans[inner], &self.spans[outer]);
        let calls_out = matches!(outer.role, SpanRole::Client | SpanRole::Producer);
        let is_below = calls_out && outer.kind != IoKind::Cache && level(inner.kind) < level(outer.kind);
        let generic = outer.flags.has(SpanFlags::GENERIC) != inner.flags.has(SpanFlags::GENERIC);
        let names_it = generic && inner.kind == outer.kind && agree(inner.system, outer.system);
        (is_below || names_it) && self.contains(outer, inner)
    }
}

/// HTTP carries everything, RPC carries everything but HTTP.
fn level(kind: IoKind) -> u8 {
    match kind {
        IoKind::Other | IoKind::Http => 0,
        IoKind::Rpc => 1,
        _ => 2,
    }
}

fn agree(a: TextId, b: TextId) -> bool {
    a == b || a.is_empty() || b.is_empty()
}

fn covers(outer: &Span, inner: &Span, tolerance_ns: u64) -> bool {
    inner.start_ns.saturating_add(tolerance_ns) >= outer.start_ns
        && inner.end_ns() <= outer.end_ns().saturating_add(tolerance_ns)
}

fn overlap_enough(a: &Span, b: &Span) -> bool {
    let from = a.start_ns.max(b.start_ns);
    let to = a.end_ns().min(b.end_ns());
    let shorter = a.duration_ns.min(b.duration_ns);
    to.checked_sub(from).is_some_and(|overlap| overlap >= shorter / 2)
}

/// Joins every row to the call around it if it is the only one in there. Returns the calls that have
/// several inside, each with the first of them.
fn join_nested(outer: &[u32], carried: &[(u32, u32)], calls: &mut Groups) -> Vec<(u32, u32)> {
    let mut edges: Vec<(u32, u32)> = Vec::new();
    for (row, around) in outer.iter().enumerate().filter(|(_, around)| **around != NO_ROW) {
        edges.push((calls.root(*around), calls.root(row as u32)));
    }
    edges.retain(|(around, inner)| around != inner);
    edges.sort_unstable();
    edges.dedup();
    let mut summaries = Vec::new();
    let mut joins = carried.to_vec();
    for group in edges.chunk_by(|a, b| a.0 == b.0) {
        match group {
            [edge] => joins.push(*edge),
            _ => summaries.push(group[0]),
        }
    }
    for (a, b) in joins {
        calls.join(a, b);
    }
    summaries
}

/// For every row the row that counts in its place, or [`NO_ROW`].
fn rows_that_count(spans: &[Span], calls: &mut Groups, summaries: &[(u32, u32)]) -> Vec<u32> {
    let mut best: Vec<u32> = (0..spans.len() as u32).collect();
    for row in 0..spans.len() {
        let call = calls.root(row as u32) as usize;
        if knows_more(&spans[row], &spans[best[call] as usize]) {
            best[call] = row as u32;
        }
    }
    let mut stand_in = Groups::new(spans.len());
    for (summary, first) in summaries {
        let (summary, first) = (calls.root(*summary), calls.root(*first));
        stand_in.lead(summary, first);
    }
    (0..spans.len() as u32)
        .map(|row| {
            let call = stand_in.root(calls.root(row));
            Some(best[call as usize]).filter(|counts| *counts != row).unwrap_or(NO_ROW)
        })
        .collect()
}

/// Returns whether `a` should count rather than `b`, which comes first if nothing tells them apart.
fn knows_more(a: &Span, b: &Span) -> bool {
    let knowledge = |span: &Span| {
        let parameters = match (span.params, span.flags.has(SpanFlags::PARAMS_HIDDEN)) {
            (0, true) => 0,
            (0, false) | (_, true) => 1,
            _ => 2,
        };
        (
            level(span.kind),
            !span.flags.has(SpanFlags::GENERIC),
            !span.flags.has(SpanFlags::TRUNCATED),
            parameters,
            span.rows.is_some(),
            !span.code.is_empty(),
            span.response_bytes.is_some(),
            span.batch_size > 1,
            span.duration_ns,
        )
    };
    knowledge(a) > knowledge(b)
}

/// Gives the row that counts what it lacks and the merged one knows.
fn take_facts(spans: &mut [Span], counts: usize, merged: usize) {
    let other = spans[merged].clone();
    let span = &mut spans[counts];
    if span.kind == other.kind && span.flags.has(SpanFlags::PARAMS_HIDDEN) && other.params != 0 {
        if !other.flags.has(SpanFlags::PARAMS_HIDDEN) {
            span.params = other.params;
            span.flags.0 &= !SpanFlags::PARAMS_HIDDEN.0;
        } else if span.params == 0 {
            span.params = other.params;
        }
    }
    span.rows = span.rows.or(other.rows);
    span.response_bytes = span.response_bytes.or(other.response_bytes);
    span.batch_size = span.batch_size.max(other.batch_size);
    if span.code.is_empty() {
        span.code = other.code;
    }
    if span.kind == other.kind {
        span.system = if span.system.is_empty() { other.system } else { span.system };
        span.peer = if span.peer.is_empty() { other.peer } else { span.peer };
    }
}

/// Moves rows that count up to where the outermost record of their call stands. Returns the new
/// parents if any changed.
fn raise(spans: &mut [Span], tree: &Tree, outer: &[u32], into: &[u32]) -> Option<Vec<u32>> {
    let mut outermost: Vec<u32> = (0..spans.len() as u32).collect();
    for row in &tree.top_down {
        let around = outer[*row as usize];
        if around != NO_ROW {
            outermost[*row as usize] = outermost[around as usize];
        }
    }
    let mut parents = None;
    for (row, outermost) in outermost.into_iter().enumerate() {
        if into[row] == NO_ROW && outermost != row as u32 {
            let parents = parents.get_or_insert_with(|| tree.parents.clone());
            parents[row] = tree.parents[outermost as usize];
            spans[row].parent = spans[outermost as usize].parent;
        }
    }
    parents
}

/// Disjoint sets of rows.
pub(super) struct Groups(Vec<u32>);

impl Groups {
    fn new(rows: usize) -> Groups {
        Groups((0..rows as u32).collect())
    }

    /// The row that stands for the set of `row`.
    fn root(&mut self, mut row: u32) -> u32 {
        while self.0[row as usize] != row {
            let next = self.0[self.0[row as usize] as usize];
            self.0[row as usize] = next;
            row = next;
        }
        row
    }

    /// Unites two sets; the earlier row stands for both.
    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }

    /// Unites two sets; `to` stands for both.
    fn lead(&mut self, from: u32, to: u32) {
        let (from, to) = (self.root(from), self.root(to));
        self.0[from as usize] = to;
    }
}
