//! Everything that is dropped, cut or merged is counted here by reason, and ends up in the report.

use std::collections::BTreeMap;

/// Counts by reason. A reason is a `snake_case` noun phrase that says what happened to what:
/// `spans_over_trace_limit`, `texts_cut`, `duplicate_span_ids`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(BTreeMap<&'static str, u64>);

impl Losses {
    /// Counts `count` more of `reason`.
    pub fn add(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry(reason).or_default() += count;
        }
    }

    /// Returns the count of a reason.
    pub fn get(&self, reason: &str) -> u64 {
        self.0.get(reason).copied().unwrap_or(0)
    }

    /// Returns the sum of all counts.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Reasons and counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(reason, count)| (*reason, *count))
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Losses) {
        for (reason, count) in other.iter() {
            self.add(reason, count);
        }
    }
}
