//! Figures over the durations of some spans.

use crate::report::Durations;
use std::collections::BTreeMap;

/// Durations up to which percentiles are exact.
const EXACT: usize = 4096;
/// Halvings of a power of two, as a power of two: beyond [`EXACT`] durations, a percentile is too large by at most
/// one part in 2^7, that is 0.8 percent.
const STEPS: u32 = 7;

/// Durations in bounded memory, from which figures can be told at any time. It depends on the durations, not on their
/// order.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// While there are few.
    each: Vec<u64>,
    /// When there are many: how many there are up to a bound, by bound.
    up_to: BTreeMap<u64, u64>,
    count: u64,
    max: u64,
    sum: u128,
    squares: u128,
}

impl Distribution {
    /// Adds a duration in nanoseconds.
    pub fn add(&mut self, ns: u64) {
        self.count += 1;
        self.max = self.max.max(ns);
        self.sum = self.sum.saturating_add(u128::from(ns));
        self.squares = self.squares.saturating_add(u128::from(ns) * u128::from(ns));
        if self.up_to.is_empty() && self.each.len() < EXACT {
            self.each.push(ns);
            return;
        }
        for ns in self.each.drain(..).chain([ns]) {
            *self.up_to.entry(bound(ns)).or_default() += 1;
        }
    }

    /// Adds the durations of another distribution.
    pub fn merge(&mut self, other: &Distribution) {
        if self.each.len() + other.each.len() > EXACT || !self.up_to.is_empty() || !other.up_to.is_empty() {
            for ns in self.each.drain(..).chain(other.each.iter().copied()) {
                *self.up_to.entry(bound(ns)).or_default() += 1;
            }
        } else {
            self.each.extend_from_slice(&other.each);
        }
        for (bound, count) in &other.up_to {
            *self.up_to.entry(*bound).or_default() += count;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
        self.sum = self.sum.saturating_add(other.sum);
        self.squares = self.squares.saturating_add(other.squares);
    }

    /// Returns percentiles by the nearest-rank method (the smallest value with at least p percent at or below it)
    /// and the coefficient of variation over the population. Nothing for no durations.
    pub fn figures(&self) -> Option<Durations> {
        if self.count == 0 {
            return None;
        }
        let mut sorted = self.each.clone();
        sorted.sort_unstable();
        let rank = |percent: u64| {
            let rank = (u128::from(percent) * u128::from(self.count)).div_ceil(100).max(1) as u64;
            us(match sorted.get(rank as usize - 1) {
                Some(ns) => *ns,
                None => self.at(rank),
            })
        };
        Some(Durations {
            p50_us: rank(50),
            p95_us: rank(95),
            p99_us: rank(99),
            max_us: us(self.max),
            cv: self.variation(),
        })
    }

    /// Returns the bound below which there are as many durations.
    fn at(&self, rank: u64) -> u64 {
        let mut seen = 0;
        let mut reached = self.up_to.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        reached.take().map_or(self.max, |(bound, _)| (*bound).min(self.max))
    }

    /// Population standard deviation over mean, rounded to a thousandth.
    fn variation(&self) -> f64 {
        let count = self.count as f64;
        let mean = self.sum as f64 / count;
        if mean == 0.0 {
            return 0.0;
        }
        let variance = (self.squares as f64 / count - mean * mean).max(0.0);
        (variance.sqrt() / mean * 1000.0).round() / 1000.0
    }
}

/// Returns the largest value with the same highest bits.
fn bound(ns: u64) -> u64 {
    let kept = STEPS + 1;
    let below = (u64::BITS - ns.leading_zeros()).saturating_sub(kept);
    ns | ((1 << below) - 1)
}

/// Returns the figures of some durations.
pub(super) fn durations(ns: impl IntoIterator<Item = u64>) -> Option<Durations> {
    let mut all = Distribution::default();
    ns.into_iter().for_each(|ns| all.add(ns));
    all.figures()
}

fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank() {
        let all = durations((1..=200).map(|ms| ms * 1_000_000)).unwrap();
        assert_eq!(
            (all.p50_us, all.p95_us, all.p99_us, all.max_us),
            (100_000.0, 190_000.0, 198_000.0, 200_000.0)
        );
        let one = durations([1_500]).unwrap();
        assert_eq!((one.p50_us, one.p99_us, one.cv), (1.5, 1.5, 0.0));
        assert_eq!(durations([1_000, 3_000]).unwrap().cv, 0.5);
        assert_eq!(durations([]), None);
        assert!(durations([u64::MAX, u64::MAX, 0]).is_some());
    }

    #[test]
    fn merged_is_as_added() {
        for (first, second) in [(10, 20), (EXACT, 1), (3 * EXACT, 5), (5, 3 * EXACT)] {
            let of = |range: std::ops::Range<usize>| {
                let mut all = Distribution::default();
                range.for_each(|n| all.add(n as u64 * 977));
                all
            };
            let mut merged = of(0..first);
            merged.merge(&of(first..first + second));
            assert_eq!(merged.figures(), of(0..first + second).figures(), "{first} and {second}");
        }
    }

    #[test]
    fn many_durations_are_told_nearly() {
        let exact = |percent: f64| percent * 1000.0;
        let forwards = durations((1..=100_000).map(|n| n * 1_000)).unwrap();
        assert_eq!(durations((1..=100_000).rev().map(|n| n * 1_000)).unwrap(), forwards);
        for (percent, found) in [(50.0, forwards.p50_us), (95.0, forwards.p95_us), (99.0, forwards.p99_us)] {
            let ratio = found / exact(percent);
            assert!((1.0..1.01).contains(&ratio), "p{percent}: {found}");
        }
        assert_eq!((forwards.max_us, forwards.cv), (100_000.0, 0.577));
    }
}
