//! Which findings say nothing that a stronger one has not said already.
//!
//! A rule names the rules it yields to. A finding of it gives way to a finding of one of those in the same trace
//! that names nearly all of its rows. Everything here is near-linear in the rows that findings name: a trace may
//! have tens of thousands of findings.

use super::fold::{Source, sorted_once};
use crate::plugin::Rule;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Share of a finding's rows that a stronger one must name to cover it, in percent: the list query before a loop
/// does not make a finding of its own out of the loop.
const COVER_PERCENT: usize = 90;

/// Returns the finding types of all detectors, each after those it yields to. Where types yield to each other in a
/// circle, the first one of the circle by name is the strongest; a type that yields to itself yields to nobody.
pub(super) fn strongest_first<'a>(source: &Source<'a>) -> Vec<&'a str> {
    let mut left: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut weaker: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in source.detectors.iter().flat_map(|judge| &judge.manifest.rules) {
        let stronger = rule.yields_to.iter().map(String::as_str).filter(|stronger| *stronger != rule.name);
        left.entry(&rule.name).or_default().extend(stronger);
    }
    let known: BTreeSet<&str> = left.keys().copied().collect();
    for (name, stronger) in &mut left {
        stronger.retain(|stronger| known.contains(stronger));
        stronger.iter().for_each(|stronger| weaker.entry(stronger).or_default().push(name));
    }
    let free = left.iter().filter(|(_, stronger)| stronger.is_empty());
    let mut free: BTreeSet<&str> = free.map(|(name, _)| *name).collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(next) = free.pop_first().or_else(|| of_a_circle(&left)) {
        left.remove(next);
        for name in weaker.get(next).into_iter().flatten() {
            if let Some(stronger) = left.get_mut(name) {
                stronger.remove(next);
                if stronger.is_empty() {
                    free.insert(name);
                }
            }
        }
        order.push(next);
    }
    order
}

/// Returns the first type by name of some circle: where no type is free, every way up ends in one.
fn of_a_circle<'a>(left: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<&'a str> {
    let mut way = vec![*left.keys().next()?];
    loop {
        let next = *left.get(way.last()?)?.first()?;
        if let Some(at) = way.iter().position(|name| *name == next) {
            return way[at..].iter().min().copied();
        }
        way.push(next);
    }
}

/// What is reported of one trace, by finding type. Types are added one after the other, the stronger first; a type
/// that is not [finished](Covers::finish) covers nothing yet.
#[derive(Default)]
pub(super) struct Covers<'a> {
    by_type: FxHashMap<&'a str, Named>,
    adding: BTreeSet<Vec<u32>>,
}

/// The findings of one type in one trace.
#[derive(Default)]
struct Named {
    /// Rows of each finding, ordered; findings of the same rows are one.
    findings: Vec<Vec<u32>>,
    /// Findings that name a row.
    by_row: FxHashMap<u32, Vec<usize>>,
}

impl<'a> Covers<'a> {
    /// Adds a finding of the type that is being decided.
    pub(super) fn add(&mut self, rows: &[u32]) {
        self.adding.insert(sorted_once(rows.to_vec()));
    }

    /// Makes the findings added since the last call those of a type.
    pub(super) fn finish(&mut self, kind: &'a str) {
        self.by_type.insert(kind, Named::of(std::mem::take(&mut self.adding)));
    }

    /// Returns the type of a finding that covers one of these rows by that rule: the first one in the order of the
    /// manifest.
    pub(super) fn stronger<'r>(&self, rule: &'r Rule, rows: &[u32]) -> Option<&'r str> {
        if rule.yields_to.iter().all(|stronger| !self.by_type.contains_key(stronger.as_str())) {
            return None;
        }
        let rows = sorted_once(rows.to_vec());
        let covers = |stronger: &&'r String| {
            self.by_type.get(stronger.as_str()).is_some_and(|named| named.cover(&rows))
        };
        rule.yields_to.iter().find(covers).map(String::as_str)
    }
}

impl Named {
    fn of(findings: BTreeSet<Vec<u32>>) -> Named {
        let mut named = Named { findings: findings.into_iter().collect(), ..Named::default() };
        for (number, rows) in named.findings.iter().enumerate() {
            rows.iter().for_each(|row| named.by_row.entry(*row).or_default().push(number));
        }
        named
    }

    /// Whether one finding names enough of the rows. It can miss only a few, so of any few and one more rows it
    /// names one: the rows that the fewest findings name say which ones to look at.
    fn cover(&self, rows: &[u32]) -> bool {
        let enough = (rows.len() * COVER_PERCENT).div_ceil(100);
        let naming = |row: &u32| self.by_row.get(row).map_or(&[][..], Vec::as_slice);
        let mut telling: Vec<&u32> = rows.iter().collect();
        telling.sort_by_key(|row| naming(row).len());
        telling.truncate(rows.len() + 1 - enough);
        let candidates = sorted_once(telling.into_iter().flat_map(naming).copied().collect());
        let named = |finding: &[u32]| rows.iter().filter(|row| finding.binary_search(row).is_ok()).count();
        candidates.into_iter().any(|number| named(&self.findings[number]) >= enough)
    }
}
