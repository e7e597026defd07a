//! Spans that have something in common.

use crate::Span;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// Returns groups of at least `min` spans that have a key in common: groups in the order of their first span, spans
/// in the order given. Expected O(n), and no memory of its own for a group that is too small.
pub fn grouped<'a, K: Eq + Hash>(
    min: usize,
    spans: impl Iterator<Item = Span<'a>>,
    key: impl Fn(Span<'a>) -> K,
) -> Vec<Vec<Span<'a>>> {
    let mut known: FxHashMap<K, u32> = FxHashMap::default();
    let mut sizes: Vec<usize> = Vec::new();
    let mut members: Vec<(u32, Span<'a>)> = Vec::new();
    for span in spans {
        let group = match known.entry(key(span)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                sizes.push(0);
                *new.insert(sizes.len() as u32 - 1)
            }
        };
        sizes[group as usize] += 1;
        members.push((group, span));
    }
    if sizes.iter().all(|size| *size < min) {
        return Vec::new();
    }
    let mut groups: Vec<Vec<Span<'a>>> =
        sizes.iter().map(|size| Vec::with_capacity(if *size < min { 0 } else { *size })).collect();
    for (group, span) in members {
        if sizes[group as usize] >= min {
            groups[group as usize].push(span);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Row, batch};

    #[test]
    fn groups_by_their_first_span() {
        let rows = [3, 1, 2, 1, 3, 1].map(|service| Row { service, ..Row::default() });
        let batch = batch(&[&rows], &[]);
        let trace = batch.traces().next().unwrap();
        let of = |min| -> Vec<Vec<u32>> {
            grouped(min, trace.spans(), |span| span.service_id())
                .iter()
                .map(|group| group.iter().map(|span| span.row()).collect())
                .collect()
        };
        assert_eq!(of(0), [vec![0, 4], vec![1, 3, 5], vec![2]]);
        assert_eq!(of(2), [vec![0, 4], vec![1, 3, 5]]);
        assert_eq!(of(3), [vec![1, 3, 5]]);
        assert_eq!(of(4), Vec::<Vec<u32>>::new());
    }
}
