//! Which row is above which. Built from the parents of a trace; everything that looks upwards does it
//! by one pass over [`Tree::top_down`], in which a row's parent has always been visited before it.

use crate::trace::{NO_ROW, Span, SpanId, SpanRole};

/// The shape of a trace.
pub(super) struct Tree {
    /// Row of the parent, or [`NO_ROW`].
    pub parents: Vec<u32>,
    /// Row of the parent if the work was handed on within one service, else [`NO_ROW`]: the service
    /// is another one, or the row was reached over the network.
    pub local: Vec<u32>,
    /// All rows, parents before children even where a child's clock says it started first.
    pub top_down: Vec<u32>,
}

/// What siblings have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Family {
    /// Children of a row.
    Row(u32),
    /// Children of a span that is not here.
    Missing(SpanId),
    /// Rows that name no parent.
    Roots,
}

impl Tree {
    /// Returns the tree of acyclic `parents`.
    pub fn new(spans: &[Span], parents: Vec<u32>) -> Tree {
        let local = (0..spans.len()).map(|row| local_parent(spans, row, parents[row])).collect();
        let top_down = top_down(&parents);
        Tree { parents, local, top_down }
    }

    /// Returns the family of a row.
    pub fn family(&self, spans: &[Span], row: usize) -> Family {
        match (self.parents[row], spans[row].parent) {
            (NO_ROW, None) => Family::Roots,
            (NO_ROW, Some(id)) => Family::Missing(id),
            (parent, _) => Family::Row(parent),
        }
    }
}

fn local_parent(spans: &[Span], row: usize, parent: u32) -> u32 {
    if parent == NO_ROW {
        return NO_ROW;
    }
    let (child, above) = (&spans[row], &spans[parent as usize]);
    let is_remote = child.role.is_entry() && matches!(above.role, SpanRole::Client | SpanRole::Producer);
    if child.service == above.service && !is_remote { parent } else { NO_ROW }
}

/// Breadth first from the roots, with the children of all rows in one vector.
fn top_down(parents: &[u32]) -> Vec<u32> {
    let mut ends = vec![0u32; parents.len() + 1];
    for parent in parents.iter().filter(|parent| **parent != NO_ROW) {
        ends[*parent as usize + 1] += 1;
    }
    for row in 0..parents.len() {
        ends[row + 1] += ends[row];
    }
    let starts = ends.clone();
    let mut filled = ends;
    let mut children = vec![NO_ROW; parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    for (row, parent) in parents.iter().enumerate() {
        if *parent == NO_ROW {
            order.push(row as u32);
        } else {
            let slot = &mut filled[*parent as usize];
            children[*slot as usize] = row as u32;
            *slot += 1;
        }
    }
    let mut next = 0;
    while next < order.len() {
        let row = order[next] as usize;
        order.extend_from_slice(&children[starts[row] as usize..starts[row + 1] as usize]);
        next += 1;
    }
    order
}
