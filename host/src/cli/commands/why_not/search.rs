//! For which settings a plug-in would report a finding type. Nothing here knows a detector: settings are varied
//! within the ranges of the manifest and the plug-in is run, so the answer is what would really happen.

use super::Filter;
use crate::analysis::{self, Ignores, Traces, Variant};
use crate::session::Session;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use tracewatt_core::acknowledge::Date;
use tracewatt_core::finding::{Detected, Folded};
use tracewatt_core::plugin::{Setting, SettingKind, SettingValue};

/// Variants of a plug-in that run side by side; each takes memory of its own.
const BATCH: usize = 16;
/// Combinations of extreme settings that are tried in full.
const MAX_COMBINATIONS: usize = 256;

/// Settings by name that differ from the configured ones.
pub(super) type Changes = BTreeMap<String, SettingValue>;

/// A finding that other settings would bring.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub occurrences: u64,
    pub service: String,
    pub endpoint: String,
    pub template: String,
    pub trace: String,
}

/// Values of one setting that bring a finding.
pub(super) struct Interval {
    /// The value nearest to the configured one.
    pub near: SettingValue,
    /// The last such value on the way on, when that is not the end of the range.
    pub far: Option<SettingValue>,
    pub direction: Direction,
    pub hit: Hit,
}

/// Which way a number moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Down,
    Up,
}

/// What the settings of one plug-in are varied against.
pub(super) struct Search<'a> {
    pub session: &'a Session,
    pub traces: &'a Traces,
    pub kind: &'a str,
    pub filter: &'a Filter,
    pub today: Date,
    /// Which of the active plug-ins.
    pub plugin: usize,
    /// Findings of the other plug-ins, as configured.
    pub others: Vec<Detected>,
    /// What is found as configured: fingerprint and trace.
    pub known: BTreeSet<(String, String)>,
}

/// Returns fingerprint and trace of every finding of a type within the filter, with its place in the list.
pub(super) fn found(folded: &Folded, kind: &str, filter: &Filter) -> Vec<(usize, (String, String))> {
    let fingerprints: BTreeMap<&str, &str> = folded
        .problems
        .iter()
        .filter(|problem| problem.kind == kind)
        .filter(|problem| filter.covers(&problem.service, &problem.source_endpoint))
        .map(|problem| (problem.id.as_str(), problem.fingerprint.as_str()))
        .collect();
    let of = |(at, finding): (usize, &tracewatt_core::report::Finding)| {
        let fingerprint = fingerprints.get(finding.problem_id.as_str())?;
        Some((at, ((*fingerprint).to_owned(), finding.trace_id.clone())))
    };
    folded.findings.iter().enumerate().filter_map(of).collect()
}

impl Search<'_> {
    /// Returns for each set of changes the worst finding it brings that there is not as configured.
    fn hits(&self, all: &[Changes]) -> Result<Vec<Option<Hit>>> {
        let mut hits = Vec::new();
        for some in all.chunks(BATCH) {
            let variants: Vec<Variant> = some
                .iter()
                .map(|changed| Variant { plugin: self.plugin, changed: changed.clone() })
                .collect();
            let detection = analysis::run_variants(self.session, self.traces, &variants)?;
            let mut findings: Vec<Vec<Detected>> = vec![self.others.clone(); some.len()];
            for Detected { detector, raw } in detection.findings {
                findings[detector].push(Detected { detector: self.plugin, raw });
            }
            hits.extend(findings.into_iter().map(|findings| self.judge(findings)));
        }
        Ok(hits)
    }

    fn hit(&self, changes: &Changes) -> Result<Option<Hit>> {
        Ok(self.hits(std::slice::from_ref(changes))?.pop().flatten())
    }

    fn judge(&self, findings: Vec<Detected>) -> Option<Hit> {
        let ignores = Ignores(&self.session.config, self.today);
        let folded = analysis::fold(self.session, self.traces, findings, &ignores);
        let (at, (fingerprint, trace)) = found(&folded, self.kind, self.filter)
            .into_iter()
            .find(|(_, identity)| !self.known.contains(identity))?;
        let finding = &folded.findings[at];
        let is_new = self.known.iter().all(|(known, _)| *known != fingerprint);
        let problem = folded.problems.iter().find(|problem| is_new && problem.fingerprint == fingerprint);
        Some(Hit {
            occurrences: problem.map_or(finding.pattern.occurrences, |problem| problem.occurrences),
            service: finding.service.clone(),
            endpoint: finding.source_endpoint.clone(),
            template: finding.pattern.template.clone(),
            trace,
        })
    }

    /// Returns the values of a number that bring a finding while `base` holds: below and above the configured one.
    pub(super) fn intervals(
        &self,
        base: &Changes,
        name: &str,
        scale: &Scale,
        directions: &[Direction],
    ) -> Result<Vec<Interval>> {
        let mut intervals = Vec::new();
        for direction in directions {
            intervals.extend(self.interval(base, name, scale, *direction)?);
        }
        Ok(intervals)
    }

    /// Tries a ladder of distances for the first with a finding and the first after it without, then halves the
    /// gap before each. Between two rungs without a finding there may be one that is not seen.
    fn interval(
        &self,
        base: &Changes,
        name: &str,
        scale: &Scale,
        direction: Direction,
    ) -> Result<Option<Interval>> {
        let changes = |distance: u64| {
            let mut changes = base.clone();
            changes.insert(name.to_owned(), scale.value(direction, distance));
            changes
        };
        let ladder = ladder(scale.reach(direction));
        let hits = self.hits(&ladder.iter().map(|distance| changes(*distance)).collect::<Vec<_>>())?;
        let Some(first) = hits.iter().position(Option::is_some) else { return Ok(None) };
        let before = first.checked_sub(1).map_or(0, |before| ladder[before]);
        let near = self.edge(before, ladder[first], true, &changes)?;
        let far = match hits[first..].iter().position(Option::is_none) {
            Some(gone) => {
                let gone = first + gone;
                let beyond = self.edge(ladder[gone - 1], ladder[gone], false, &changes)?;
                Some(scale.value(direction, beyond - 1))
            }
            None => None,
        };
        let Some(hit) = self.hit(&changes(near))? else { return Ok(None) };
        Ok(Some(Interval { near: scale.value(direction, near), far, direction, hit }))
    }

    /// Returns the first distance in `low..=high` at which there is a finding, or is none, given that so it is
    /// at `high` and not at `low`.
    fn edge(
        &self,
        mut low: u64,
        mut high: u64,
        wanted: bool,
        changes: &dyn Fn(u64) -> Changes,
    ) -> Result<u64> {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.hit(&changes(middle))?.is_some() == wanted {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }

    /// Returns the values of a setting that is no number which bring a finding, one by one.
    pub(super) fn choices(
        &self,
        setting: &Setting,
        configured: &SettingValue,
    ) -> Result<Vec<(SettingValue, Hit)>> {
        let values: Vec<SettingValue> =
            extremes(setting).into_iter().filter(|value| value != configured).collect();
        let changes: Vec<Changes> =
            values.iter().map(|value| Changes::from([(setting.name.clone(), value.clone())])).collect();
        let hits = self.hits(&changes)?;
        Ok(values.into_iter().zip(hits).filter_map(|(value, hit)| Some((value, hit?))).collect())
    }

    /// Returns a smallest set of changes that brings a finding, each number as near to the configured value as the
    /// others allow. Nothing when no combination of extremes brings one.
    pub(super) fn together(
        &self,
        settings: &[Setting],
        configured: &BTreeMap<String, SettingValue>,
    ) -> Result<Option<(Changes, Hit)>> {
        let mut firing = None;
        for some in combinations(settings).chunks(BATCH) {
            let hits = self.hits(some)?;
            if let Some(at) = hits.iter().position(Option::is_some) {
                firing = Some(some[at].clone());
                break;
            }
        }
        let Some(mut changes) = firing else { return Ok(None) };
        for setting in settings {
            let mut fewer = changes.clone();
            if fewer.remove(&setting.name).is_some() && self.hit(&fewer)?.is_some() {
                changes = fewer;
            }
        }
        for setting in settings {
            let (Some(extreme), Some(value)) = (changes.get(&setting.name), configured.get(&setting.name))
            else {
                continue;
            };
            let Some(scale) = Scale::of(&setting.kind, value) else { continue };
            let direction = scale.towards(extreme);
            if let Some(interval) = self.interval(&changes, &setting.name, &scale, direction)? {
                changes.insert(setting.name.clone(), interval.near);
            }
        }
        Ok(self.hit(&changes)?.map(|hit| (changes, hit)))
    }
}

/// Distances to try, in order: doubling from either end, since what fires may be near the configured value, or near
/// the end of the range and not at it (where 0 means "never").
fn ladder(reach: u64) -> Vec<u64> {
    let doubling = || std::iter::successors(Some(1u64), |distance| distance.checked_mul(2));
    let mut ladder: Vec<u64> = doubling().take_while(|distance| *distance < reach).collect();
    ladder.extend(doubling().take_while(|left| *left < reach).map(|left| reach - left));
    ladder.extend((reach > 0).then_some(reach));
    ladder.sort_unstable();
    ladder.dedup();
    ladder
}

/// Values at which a setting can be laxest: the ends of a range, or every choice.
fn extremes(setting: &Setting) -> Vec<SettingValue> {
    match &setting.kind {
        SettingKind::Boolean => vec![SettingValue::Boolean(false), SettingValue::Boolean(true)],
        SettingKind::Integer { min, max } => vec![SettingValue::Integer(*min), SettingValue::Integer(*max)],
        SettingKind::Float { min, max } => vec![SettingValue::Float(*min), SettingValue::Float(*max)],
        SettingKind::Choice(choices) => choices.iter().cloned().map(SettingValue::Text).collect(),
        SettingKind::Text | SettingKind::TextList => Vec::new(),
    }
}

/// Combinations of extremes: all of them where they are few, else all first and all last ones, and those with one
/// setting the other way.
fn combinations(settings: &[Setting]) -> Vec<Changes> {
    let axes: Vec<(&str, Vec<SettingValue>)> = settings
        .iter()
        .map(|setting| (setting.name.as_str(), extremes(setting)))
        .filter(|(_, values)| !values.is_empty())
        .collect();
    let count = axes.iter().fold(1usize, |count, (_, values)| count.saturating_mul(values.len()));
    if count <= MAX_COMBINATIONS {
        return axes.iter().fold(vec![Changes::new()], |all, (name, values)| {
            let with = |changes: &Changes, value: &SettingValue| {
                let mut changes = changes.clone();
                changes.insert((*name).to_owned(), value.clone());
                changes
            };
            all.iter().flat_map(|changes| values.iter().map(move |value| with(changes, value))).collect()
        });
    }
    let all = |pick: fn(&[SettingValue]) -> Option<&SettingValue>| -> Changes {
        let picked =
            axes.iter().filter_map(|(name, values)| Some(((*name).to_owned(), pick(values)?.clone())));
        picked.collect()
    };
    let (first, last) = (all(<[_]>::first), all(<[_]>::last));
    let flipped = |base: &Changes, other: &Changes| -> Vec<Changes> {
        let flip = |(name, value): (&String, &SettingValue)| {
            let mut changes = base.clone();
            changes.insert(name.clone(), value.clone());
            changes
        };
        other.iter().map(flip).collect()
    };
    let mut some = vec![first.clone(), last.clone()];
    some.extend(flipped(&first, &last));
    some.extend(flipped(&last, &first));
    some
}

/// The values of a number, by their distance from the configured one.
pub(super) enum Scale {
    Whole { at: i64, min: i64, max: i64 },
    Decimal { at: f64, min: f64, max: f64, unit: f64 },
}

impl Scale {
    /// Returns the scale of a number; nothing for other settings. A fraction moves in steps of a power of ten that
    /// divide its range into about a hundred thousand.
    pub(super) fn of(kind: &SettingKind, configured: &SettingValue) -> Option<Scale> {
        match (kind, configured) {
            (SettingKind::Integer { min, max }, SettingValue::Integer(at)) => {
                Some(Scale::Whole { at: *at, min: *min, max: *max })
            }
            (SettingKind::Float { min, max }, SettingValue::Float(at)) if max > min => {
                let unit = 10f64.powi(((max - min).log10().floor() as i32 - 5).clamp(-9, 300));
                Some(Scale::Decimal { at: *at, min: *min, max: *max, unit })
            }
            _ => None,
        }
    }

    /// How far the end of the range is.
    fn reach(&self, direction: Direction) -> u64 {
        match (self, direction) {
            (Scale::Whole { at, min, .. }, Direction::Down) => at.abs_diff(*min),
            (Scale::Whole { at, max, .. }, Direction::Up) => max.abs_diff(*at),
            (Scale::Decimal { at, min, unit, .. }, Direction::Down) => ((at - min) / unit).ceil() as u64,
            (Scale::Decimal { at, max, unit, .. }, Direction::Up) => ((max - at) / unit).ceil() as u64,
        }
    }

    fn value(&self, direction: Direction, distance: u64) -> SettingValue {
        match self {
            Scale::Whole { at, .. } => SettingValue::Integer(match direction {
                Direction::Down => at.saturating_sub_unsigned(distance),
                Direction::Up => at.saturating_add_unsigned(distance),
            }),
            Scale::Decimal { at, min, max, unit } => {
                let moved = match direction {
                    Direction::Down => at / unit - distance as f64,
                    Direction::Up => at / unit + distance as f64,
                };
                // Dividing by a whole number keeps decimals short, multiplying by 0.1 does not.
                let rounded =
                    if *unit < 1.0 { moved.round() / (1.0 / unit).round() } else { moved.round() * unit };
                SettingValue::Float(rounded.clamp(*min, *max))
            }
        }
    }

    fn towards(&self, value: &SettingValue) -> Direction {
        let below = match (self, value) {
            (Scale::Whole { at, .. }, SettingValue::Integer(value)) => value < at,
            (Scale::Decimal { at, .. }, SettingValue::Float(value)) => value < at,
            _ => false,
        };
        if below { Direction::Down } else { Direction::Up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_double_from_both_ends() {
        assert!(ladder(0).is_empty());
        assert_eq!(ladder(1), [1]);
        assert_eq!(ladder(20), [1, 2, 4, 8, 12, 16, 18, 19, 20]);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let whole = Scale::Whole { at: 5, min: 2, max: 9 };
        assert_eq!((whole.reach(Direction::Down), whole.reach(Direction::Up)), (3, 4));
        assert_eq!(whole.value(Direction::Down, 3), SettingValue::Integer(2));
        let kind = SettingKind::Float { min: 0.0, max: 1.0 };
        let Some(share) = Scale::of(&kind, &SettingValue::Float(0.3)) else { panic!("a number") };
        assert_eq!(share.value(Direction::Up, 1), SettingValue::Float(0.30001));
        assert_eq!(share.value(Direction::Up, share.reach(Direction::Up)), SettingValue::Float(1.0));
        assert_eq!(share.value(Direction::Down, share.reach(Direction::Down)), SettingValue::Float(0.0));
    }

    #[test]
    fn many_settings_are_not_tried_in_every_combination() {
        let setting = |n: usize| Setting {
            name: format!("s{n:02}"),
            kind: SettingKind::Integer { min: 0, max: 9 },
            default: SettingValue::Integer(5),
            doc: String::new(),
        };
        let count = |n: usize| combinations(&(0..n).map(setting).collect::<Vec<_>>()).len();
        assert_eq!((count(0), count(2), count(8), count(9)), (1, 4, 256, 20));
    }
}
