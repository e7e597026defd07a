//! Spans that have something in common.

use crate::Span;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::{BuildHasher, Hash};

/// Returns groups of at least `min` spans that have a key in common: groups in the order of their first span, spans
/// in the order given. O(n), up to sorting; a trace in which no key is that frequent, which is nearly every one, costs
/// two short lists.
pub fn grouped<'a, K: Eq + Hash>(
    min: usize,
    spans: impl Iterator<Item = Span<'a>>,
    key: impl Fn(Span<'a>) -> K,
) -> Vec<Vec<Span<'a>>> {
    let members: Vec<(u64, Span<'a>)> = spans.map(|span| (FxBuildHasher.hash_one(key(span)), span)).collect();
    let frequent = frequent(min, &members);
    let mut known: FxHashMap<K, usize> = FxHashMap::default();
    let mut groups: Vec<Vec<Span<'a>>> = Vec::new();
    for (hash, span) in members {
        if frequent.binary_search(&hash).is_ok() {
            let group = *known.entry(key(span)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(span);
        }
    }
    // Keys of one hash are rare, and told apart above.
    groups.retain(|group| group.len() >= min);
    groups
}

/// Returns the hashes that at least `min` members have, ordered.
fn frequent(min: usize, members: &[(u64, Span<'_>)]) -> Vec<u64> {
    if members.len() < min {
        return Vec::new();
    }
    let mut hashes: Vec<u64> = members.iter().map(|(hash, _)| *hash).collect();
    hashes.sort_unstable();
    hashes.chunk_by(|a, b| a == b).filter(|same| same.len() >= min).map(|same| same[0]).collect()
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
