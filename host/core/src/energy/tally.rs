//! Sums in fixed point. Adding floats gives other bits in another order, and totals that differ from
//! the sum of their parts in the last digit; whole numbers do neither. One round trip is rounded once,
//! to a nanojoule and a femtogram (about 1e-9 and 1e-11 of its price), and added exactly from there on.

use crate::report::{Bounds, Estimate};
use crate::units::{GramsCo2e, Joules, KilowattHours, Spread};

const NANOJOULES_PER_JOULE: f64 = 1e9;
const FEMTOGRAMS_PER_GRAM: f64 = 1e15;

/// Energy and carbon of some round trips. `u128` holds 10^22 operations of a megajoule before it
/// saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Round trips.
    pub ops: u64,
    /// Round trips of them whose carbon is unknown.
    pub unpriced: u64,
    energy: Spread<u128>,
    carbon: Spread<u128>,
}

impl Tally {
    /// Adds one round trip; `carbon` is `None` where the grid is unknown.
    pub(super) fn add(&mut self, energy: Spread<Joules>, carbon: Option<Spread<GramsCo2e>>) {
        let one = Tally {
            ops: 1,
            unpriced: u64::from(carbon.is_none()),
            energy: energy.map(|joules| fixed(joules.get() * NANOJOULES_PER_JOULE)),
            carbon: carbon.map_or_else(Spread::default, fixed_grams),
        };
        self.merge(&one);
    }

    /// Adds the round trips of another tally.
    pub fn merge(&mut self, other: &Tally) {
        self.ops += other.ops;
        self.unpriced += other.unpriced;
        self.energy = saturating_add(self.energy, other.energy);
        self.carbon = saturating_add(self.carbon, other.carbon);
    }

    /// Returns the energy.
    pub(super) fn energy(&self) -> Spread<Joules> {
        self.energy.map(|nanojoules| Joules::new(nanojoules as f64 / NANOJOULES_PER_JOULE))
    }

    /// Returns the carbon of the round trips whose grid is known; `None` when there are round trips
    /// and none of them is.
    pub(super) fn carbon(&self) -> Option<Spread<GramsCo2e>> {
        (self.ops == 0 || self.unpriced < self.ops).then(|| grams(self.carbon))
    }

    /// Returns the carbon if all of it is known, for figures that must not be quietly too small.
    pub(super) fn whole_carbon(&self) -> Option<Spread<GramsCo2e>> {
        (self.unpriced == 0).then(|| grams(self.carbon))
    }
}

/// A sum of carbon that belongs to no single round trip.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CarbonSum(Spread<u128>);

impl CarbonSum {
    pub fn add(&mut self, carbon: Spread<GramsCo2e>) {
        self.0 = saturating_add(self.0, fixed_grams(carbon));
    }

    pub fn get(&self) -> Spread<GramsCo2e> {
        grams(self.0)
    }
}

/// Returns the figures as the report has them, in grams.
pub(super) fn bounds_of_grams(carbon: Spread<GramsCo2e>) -> Bounds {
    Bounds { low: carbon.low.get(), mid: carbon.mid.get(), high: carbon.high.get() }
}

/// Returns the figures as the report has them, in joules.
pub(super) fn bounds_of_joules(energy: Spread<Joules>) -> Bounds {
    Bounds { low: energy.low.get(), mid: energy.mid.get(), high: energy.high.get() }
}

/// Returns an estimate in grams.
pub(super) fn grams_estimate(carbon: Spread<GramsCo2e>, model: &str, methodology: &str) -> Estimate {
    estimate(bounds_of_grams(carbon), model, methodology)
}

/// Returns an estimate in kilowatt hours.
pub(super) fn kwh_estimate(energy: Spread<Joules>, model: &str, methodology: &str) -> Estimate {
    let kwh = energy.map(Joules::to_kilowatt_hours).map(KilowattHours::get);
    estimate(Bounds { low: kwh.low, mid: kwh.mid, high: kwh.high }, model, methodology)
}

fn estimate(Bounds { low, mid, high }: Bounds, model: &str, methodology: &str) -> Estimate {
    Estimate { low, mid, high, model: model.to_owned(), methodology: methodology.to_owned() }
}

fn fixed_grams(carbon: Spread<GramsCo2e>) -> Spread<u128> {
    carbon.map(|grams| fixed(grams.get() * FEMTOGRAMS_PER_GRAM))
}

fn grams(carbon: Spread<u128>) -> Spread<GramsCo2e> {
    carbon.map(|femtograms| GramsCo2e::new(femtograms as f64 / FEMTOGRAMS_PER_GRAM))
}

/// Rounds to a whole number. Negative values and NaN become 0, infinity the largest number.
fn fixed(value: f64) -> u128 {
    value.round() as u128
}

fn saturating_add(a: Spread<u128>, b: Spread<u128>) -> Spread<u128> {
    Spread {
        low: a.low.saturating_add(b.low),
        mid: a.mid.saturating_add(b.mid),
        high: a.high.saturating_add(b.high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joules(mid: f64) -> Spread<Joules> {
        Spread::around(Joules::new(mid), 2.0)
    }

    fn carbon(mid: f64) -> Option<Spread<GramsCo2e>> {
        Some(Spread::around(GramsCo2e::new(mid), 2.0))
    }

    #[test]
    fn ten_tenths_are_one() {
        // In floats they are 0.9999999999999999.
        let mut tally = Tally::default();
        (0..10).for_each(|_| tally.add(joules(0.1), carbon(0.1)));
        assert_eq!(tally.energy().mid, Joules::new(1.0));
        assert_eq!(tally.carbon().map(|carbon| carbon.mid), Some(GramsCo2e::new(1.0)));
    }

    #[test]
    fn unknown_carbon_is_absent_not_zero() {
        let mut tally = Tally::default();
        assert_eq!(tally.carbon().map(|carbon| carbon.mid), Some(GramsCo2e::ZERO), "no I/O emits nothing");
        tally.add(joules(1.0), None);
        assert_eq!(tally.carbon(), None);
        tally.add(joules(1.0), carbon(2.0));
        assert_eq!(tally.carbon(), carbon(2.0));
        assert_eq!(tally.whole_carbon(), None);
        assert_eq!((tally.ops, tally.unpriced), (2, 1));
    }

    #[test]
    fn nonsense_saturates() {
        let mut tally = Tally::default();
        for value in [f64::NAN, -1.0, f64::INFINITY, f64::INFINITY] {
            tally.add(joules(value), carbon(value));
        }
        assert!(tally.energy().high.is_valid());
    }
}
