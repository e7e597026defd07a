//! Overrides: which settings of a plug-in hold for which service and endpoint, and which of its findings count
//! where. A plug-in runs once for each set of settings that is in effect anywhere.

use crate::config::Override;
use crate::session::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracewatt_core::detect::{Detection, Detector, DetectorRun};
use tracewatt_core::finding::Detected;
use tracewatt_core::plugin::{Fault, SettingValue};
use tracewatt_core::trace::{SealedTrace, TextId, Texts};

/// A plug-in with some settings other than configured.
pub(crate) struct Variant {
    /// Which of the active plug-ins.
    pub plugin: usize,
    /// Settings that hold everywhere, overrides or not.
    pub changed: BTreeMap<String, SettingValue>,
}

/// Returns every active plug-in as configured. Variant and plug-in have the same number here.
pub(crate) fn as_configured(session: &Session) -> Vec<Variant> {
    (0..session.active().count()).map(|plugin| Variant { plugin, changed: BTreeMap::new() }).collect()
}

/// A service and an endpoint: what overrides are for.
pub(crate) type Place = (TextId, TextId);

/// Returns the places in some traces, if there is an override that could be for them.
pub(crate) fn places(session: &Session, traces: &[SealedTrace], into: &mut BTreeSet<Place>) {
    if !session.config.detection.overrides.is_empty() {
        into.extend(traces.iter().flat_map(|trace| {
            trace.spans.iter().zip(&trace.endpoints).map(|(span, endpoint)| (span.service, *endpoint))
        }));
    }
}

/// Everything that is run: variants, each once per set of settings.
pub(crate) struct Lineup<'a> {
    /// What is run.
    pub detectors: Vec<Detector>,
    origins: Vec<Origin<'a>>,
    profiles: Profiles<'a>,
    variants: usize,
}

/// What a detector is run for.
struct Origin<'a> {
    variant: usize,
    profile: u64,
    id: &'a str,
}

impl<'a> Lineup<'a> {
    pub fn new(
        session: &'a Session,
        variants: &[Variant],
        places: &BTreeSet<Place>,
        texts: &Texts,
    ) -> Lineup<'a> {
        let active: Vec<_> = session.active().collect();
        let profiles = Profiles::of(&session.config.detection.overrides, places, texts);
        let (mut detectors, mut origins) = (Vec::new(), Vec::new());
        for (index, variant) in variants.iter().enumerate() {
            let (config, plugin) = active[variant.plugin];
            for profile in profiles.touching(&config.id) {
                let mut settings = profiles.settings(profile, &config.id);
                settings.extend(variant.changed.clone());
                origins.push(Origin { variant: index, profile, id: &config.id });
                detectors.push(session.detector(config, plugin, &settings));
            }
        }
        Lineup { detectors, origins, profiles, variants: variants.len() }
    }

    /// Returns the detectors of variants that are not to be called, each with why; `refusals` is by variant.
    pub fn refused(&self, refusals: &[Option<Arc<Fault>>]) -> Vec<(usize, Arc<Fault>)> {
        let of = |origin: &Origin<'_>| refusals.get(origin.variant).cloned().flatten();
        self.origins
            .iter()
            .enumerate()
            .filter_map(|(detector, origin)| Some((detector, of(origin)?)))
            .collect()
    }

    /// Keeps of each run the findings about the places it is for; findings and runs get the number of their variant.
    pub fn sift(&self, traces: &[SealedTrace], detection: Detection) -> Detection {
        let mut sifted =
            Detection { runs: vec![DetectorRun::default(); self.variants], ..Detection::default() };
        let mut aside: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (run, Origin { variant, profile, id }) in detection.runs.into_iter().zip(&self.origins) {
            let into = &mut sifted.runs[*variant];
            into.traces = run.traces;
            into.losses.merge(&run.losses);
            for (trace, fault) in run.set_aside {
                if self.profiles.in_trace(&traces[trace], *profile, id) && aside.insert((*variant, trace)) {
                    into.set_aside.push((trace, fault));
                }
            }
        }
        for run in &mut sifted.runs {
            run.set_aside.sort_by_key(|(trace, _)| *trace);
        }
        for Detected { detector, raw } in detection.findings {
            let Origin { variant, profile, id } = &self.origins[detector];
            if self.profiles.applies(&traces[raw.trace], raw.rows[0] as usize, *profile, id) {
                sifted.runs[*variant].findings += 1;
                sifted.findings.push(Detected { detector: *variant, raw });
            }
        }
        sifted
    }
}

/// Which overrides hold where. A profile is the set of overrides that hold, as bits.
struct Profiles<'a> {
    /// At most 64, which the check of the configuration sees to.
    overrides: &'a [Override],
    of: BTreeMap<Place, u64>,
    all: BTreeSet<u64>,
}

impl<'a> Profiles<'a> {
    fn of(overrides: &'a [Override], places: &BTreeSet<Place>, texts: &Texts) -> Profiles<'a> {
        let profile = |(service, endpoint): &Place| {
            let (service, endpoint) = (texts.get(*service), texts.get(*endpoint));
            let holds = overrides.iter().enumerate().filter(|(_, one)| one.covers(service, endpoint));
            holds.map(|(bit, _)| 1 << bit).sum()
        };
        let of: BTreeMap<Place, u64> = places.iter().map(|place| (*place, profile(place))).collect();
        let all = of.values().copied().chain([0]).collect();
        Profiles { overrides, of, all }
    }

    /// The part of a profile that says anything about a plug-in.
    fn relevant(&self, profile: u64, id: &str) -> u64 {
        let holding = self.holding(profile).filter(|(_, one)| one.settings.contains_key(id));
        holding.map(|(bit, _)| 1 << bit).sum()
    }

    fn holding(&self, profile: u64) -> impl Iterator<Item = (usize, &'a Override)> {
        self.overrides.iter().enumerate().filter(move |(bit, _)| profile >> bit & 1 == 1)
    }

    /// Distinct profiles of a plug-in.
    fn touching(&self, id: &str) -> BTreeSet<u64> {
        self.all.iter().map(|profile| self.relevant(*profile, id)).collect()
    }

    /// Settings that differ from the configured ones; where several overrides hold, the later wins.
    fn settings(&self, profile: u64, id: &str) -> BTreeMap<String, SettingValue> {
        let changed = self.holding(profile).filter_map(|(_, one)| one.settings.get(id)).flatten();
        changed.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn applies(&self, trace: &SealedTrace, row: usize, profile: u64, id: &str) -> bool {
        if self.overrides.is_empty() {
            return true;
        }
        let place = (trace.spans[row].service, trace.endpoints[row]);
        self.relevant(self.of.get(&place).copied().unwrap_or(0), id) == profile
    }

    fn in_trace(&self, trace: &SealedTrace, profile: u64, id: &str) -> bool {
        (0..trace.spans.len()).any(|row| self.applies(trace, row, profile, id))
    }
}
