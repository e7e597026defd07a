//! Round trips that need not have happened, each once, however many findings say so.
//!
//! Which of them count is known only at the end: a problem may stay below its quorum, or be acknowledged. So they are
//! added up by the set of problems that name them, of which there are few; then a round trip counts if any problem of
//! its set does.

use super::fold::sorted_once;
use super::problem::Sums;
use crate::energy::{Scorer, Tally};
use crate::trace::{IoKind, SealedTrace};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Sums by set of problems, while findings come in.
#[derive(Debug, Default)]
pub(super) struct SavedRows {
    sets: FxHashMap<Vec<usize>, BTreeMap<IoKind, Tally>>,
    /// Of the trace at hand: row and problem.
    claims: Vec<(u32, usize)>,
}

impl SavedRows {
    /// Notes rows that a finding says need not have happened; returns what those that count cost together.
    pub fn claim(
        &mut self,
        trace: &SealedTrace,
        problem: usize,
        rows: &[u32],
        scorer: &mut Scorer<'_>,
    ) -> Tally {
        let mut tally = Tally::default();
        for row in sorted_once(rows.to_vec()) {
            if trace.counts(row as usize) {
                tally.merge(&scorer.tally(&trace.spans[row as usize]));
                self.claims.push((row, problem));
            }
        }
        tally
    }

    /// Adds up what has been claimed of a trace.
    pub fn end_of_trace(&mut self, trace: &SealedTrace, problems: &mut [Sums], scorer: &mut Scorer<'_>) {
        self.claims.sort_unstable();
        self.claims.dedup();
        for claims in self.claims.chunk_by(|a, b| a.0 == b.0) {
            let span = &trace.spans[claims[0].0 as usize];
            let tally = scorer.tally(span);
            let set: Vec<usize> = claims.iter().map(|(_, problem)| *problem).collect();
            set.iter().for_each(|problem| problems[*problem].saved.merge(&tally));
            self.sets.entry(set).or_default().entry(span.kind).or_default().merge(&tally);
        }
        self.claims.clear();
    }

    /// Returns the sums, with problems by position among those reported.
    pub fn finish(self, reported: impl Iterator<Item = usize>) -> Saved {
        let positions: FxHashMap<usize, usize> =
            reported.enumerate().map(|(at, number)| (number, at)).collect();
        let known = |set: Vec<usize>| -> Vec<usize> {
            sorted_once(set.iter().filter_map(|number| positions.get(number).copied()).collect())
        };
        let mut sets: Vec<_> = self.sets.into_iter().map(|(set, kinds)| (known(set), kinds)).collect();
        sets.sort_by(|(a, _), (b, _)| a.cmp(b));
        Saved { sets }
    }
}

/// Round trips that need not have happened.
#[derive(Debug, Default)]
pub struct Saved {
    /// By the problems that name them, by position; the sums of sets without a reported problem never count.
    sets: Vec<(Vec<usize>, BTreeMap<IoKind, Tally>)>,
}

impl Saved {
    /// Returns the sums of round trips that any problem names for which `counts` is true, by kind.
    pub fn by(&self, counts: impl Fn(usize) -> bool) -> BTreeMap<IoKind, Tally> {
        let mut sums: BTreeMap<IoKind, Tally> = BTreeMap::new();
        for (_, kinds) in self.sets.iter().filter(|(set, _)| set.iter().any(|problem| counts(*problem))) {
            for (kind, tally) in kinds {
                sums.entry(*kind).or_default().merge(tally);
            }
        }
        sums
    }
}
