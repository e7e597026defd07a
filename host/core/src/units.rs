//! Quantities with their unit in the type, so that joules are never added to kilowatt hours.
//!
//! Every energy or carbon figure crosses a module boundary as one of these; `f64` stays for counts
//! that are ratios (a round trip per request has no unit). Nothing here rounds: rounding is for
//! printing. Values are meant to be finite and not negative, which [`Joules::is_valid`] and its like
//! check; nothing panics when they are not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

/// Joules in a kilowatt hour: 1000 W x 3600 s.
const JOULES_PER_KWH: f64 = 3.6e6;

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// Nothing.
            pub const ZERO: $name = $name(0.0);

            /// Takes a plain number to be in this unit.
            pub const fn new(value: f64) -> $name {
                $name(value)
            }

            /// Returns the plain number, for a document that names the unit.
            pub const fn get(self) -> f64 {
                self.0
            }

            /// Returns whether the value is one that nature allows: finite and not negative.
            pub fn is_valid(self) -> bool {
                self.0.is_finite() && self.0 >= 0.0
            }
        }

        impl Add for $name {
            type Output = $name;
            fn add(self, other: $name) -> $name {
                $name(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                self.0 += other.0;
            }
        }

        impl Mul<f64> for $name {
            type Output = $name;
            fn mul(self, factor: f64) -> $name {
                $name(self.0 * factor)
            }
        }

        /// Adds in the order given: floats do not add up to the same bits in every order, so what
        /// ends in a document is summed over a sorted sequence or in fixed point.
        impl Sum for $name {
            fn sum<I: Iterator<Item = $name>>(values: I) -> $name {
                values.fold($name::ZERO, Add::add)
            }
        }

        /// For people: three significant digits and a metric prefix, `1.23 mJ`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_scaled(f, self.0, $unit)
            }
        }
    };
}

quantity!(
    /// Energy in joules.
    Joules,
    "J"
);
quantity!(
    /// Energy in kilowatt hours.
    KilowattHours,
    "kWh"
);
quantity!(
    /// Mass of greenhouse gas in grams of CO2 equivalent.
    GramsCo2e,
    "gCO2e"
);
quantity!(
    /// Carbon intensity of electricity, grams of CO2 equivalent per kilowatt hour.
    GramsPerKwh,
    "gCO2e/kWh"
);
quantity!(
    /// Energy that moving one byte over a network takes, kilowatt hours.
    KwhPerByte,
    "kWh/B"
);

impl Joules {
    /// Returns the same energy in kilowatt hours: 3.6 MJ are one.
    pub fn to_kilowatt_hours(self) -> KilowattHours {
        KilowattHours(self.0 / JOULES_PER_KWH)
    }
}

impl KilowattHours {
    /// Returns the same energy in joules.
    pub fn to_joules(self) -> Joules {
        Joules(self.0 * JOULES_PER_KWH)
    }

    /// Returns what generating this energy emits at a given intensity.
    pub fn emitted_at(self, intensity: GramsPerKwh) -> GramsCo2e {
        GramsCo2e(self.0 * intensity.0)
    }
}

impl KwhPerByte {
    /// Returns the energy that moving `bytes` takes.
    pub fn times_bytes(self, bytes: u64) -> KilowattHours {
        KilowattHours(self.0 * bytes as f64)
    }
}

/// Power usage effectiveness: energy of the data centre over energy of its computers, 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pue(f64);

impl Pue {
    /// A data centre that uses no energy beside its computers'.
    pub const IDEAL: Pue = Pue(1.0);

    /// Takes a plain number to be a PUE.
    pub const fn new(value: f64) -> Pue {
        Pue(value)
    }

    /// Returns the plain number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Returns whether the value is possible: finite and at least 1.
    pub fn is_valid(self) -> bool {
        self.0.is_finite() && self.0 >= 1.0
    }
}

impl Mul<Pue> for KilowattHours {
    type Output = KilowattHours;

    fn mul(self, pue: Pue) -> KilowattHours {
        KilowattHours(self.0 * pue.0)
    }
}

/// A best estimate between two bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread<T> {
    /// Lower bound.
    pub low: T,
    /// Best estimate.
    pub mid: T,
    /// Upper bound.
    pub high: T,
}

impl<T: Copy + Mul<f64, Output = T>> Spread<T> {
    /// Returns bounds `factor` times below and above the estimate, symmetric on a logarithmic scale.
    pub fn around(mid: T, factor: f64) -> Spread<T> {
        Spread { low: mid * (1.0 / factor), mid, high: mid * factor }
    }
}

impl<T> Spread<T> {
    /// Applies `f` to the estimate and both bounds.
    pub fn map<U>(self, f: impl Fn(T) -> U) -> Spread<U> {
        Spread { low: f(self.low), mid: f(self.mid), high: f(self.high) }
    }
}

impl<T: Add<Output = T>> Add for Spread<T> {
    type Output = Spread<T>;

    fn add(self, other: Spread<T>) -> Spread<T> {
        Spread { low: self.low + other.low, mid: self.mid + other.mid, high: self.high + other.high }
    }
}

/// Metric prefixes from 10^-12 to 10^9 in steps of a thousand.
const PREFIXES: [(&str, f64); 8] =
    [("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("µ", 1e-6), ("n", 1e-9), ("p", 1e-12)];

fn write_scaled(f: &mut fmt::Formatter<'_>, value: f64, unit: &str) -> fmt::Result {
    // `kWh` brings its own prefix and a ratio takes none that anyone could read.
    let takes_prefix = matches!(unit, "J" | "gCO2e");
    if value == 0.0 || !value.is_finite() {
        return write!(f, "{value} {unit}");
    }
    if !takes_prefix {
        return match value.abs() < 1e-3 {
            true => write!(f, "{value:.2e} {unit}"),
            false => write!(f, "{} {unit}", significant(value)),
        };
    }
    // 0.9995 and more of a step prints as the next step, so that nothing reads `1000 mJ`.
    let step = |(_, scale): &&(&str, f64)| value.abs() / scale >= 0.9995;
    let (prefix, scale) = PREFIXES.iter().find(step).unwrap_or(&("p", 1e-12));
    write!(f, "{} {prefix}{unit}", significant(value / scale))
}

/// Returns the number with three significant digits, never in exponents.
fn significant(value: f64) -> String {
    // Divided so that what rounds up to the next power of ten is given that one's digits.
    let digits_before = (value.abs() / 0.9995).log10().floor() as i32 + 1;
    let decimals = (3 - digits_before).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kilowatt_hour_is_3_6_megajoules() {
        assert_eq!(KilowattHours::new(1.0).to_joules(), Joules::new(3.6e6));
        assert_eq!(Joules::new(1.8e6).to_kilowatt_hours(), KilowattHours::new(0.5));
    }

    #[test]
    fn carbon_is_energy_times_overhead_times_intensity() {
        // 2 kWh x 1.5 = 3 kWh at the meter; at 100 g/kWh that is 300 g.
        let metered = KilowattHours::new(2.0) * Pue::new(1.5);
        assert_eq!(metered.emitted_at(GramsPerKwh::new(100.0)), GramsCo2e::new(300.0));
    }

    #[test]
    fn a_gigabyte_at_the_usual_coefficient_is_forty_watt_hours() {
        assert_eq!(KwhPerByte::new(4e-11).times_bytes(1_000_000_000), KilowattHours::new(0.04));
    }

    #[test]
    fn spreads_are_symmetric_in_ratio() {
        let spread = Spread::around(Joules::new(0.36), 2.0);
        assert_eq!(spread.low, Joules::new(0.18));
        assert_eq!(spread.high, Joules::new(0.72));
        assert_eq!((spread + spread).mid, Joules::new(0.72));
    }

    #[test]
    fn quantities_add_up() {
        let sum: GramsCo2e = [1.0, 2.0, 3.5].map(GramsCo2e::new).into_iter().sum();
        assert_eq!(sum, GramsCo2e::new(6.5));
    }

    #[test]
    fn nonsense_is_recognised() {
        for value in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(!Joules::new(value).is_valid(), "{value}");
        }
        assert!(Joules::ZERO.is_valid());
        assert!(!Pue::new(0.99).is_valid());
        assert!(Pue::IDEAL.is_valid());
    }

    #[test]
    fn printed_with_three_digits_and_a_prefix() {
        let check = |value: f64, expect: &str| assert_eq!(Joules::new(value).to_string(), expect);
        check(0.0, "0 J");
        check(0.36, "360 mJ");
        check(1.0, "1.00 J");
        check(0.99999, "1.00 J");
        check(12_345.0, "12.3 kJ");
        check(999_999.0, "1.00 MJ");
        check(4.2e-5, "42.0 µJ");
        check(1e-15, "0.00100 pJ");
        check(f64::NAN, "NaN J");
        assert_eq!(GramsCo2e::new(0.0123).to_string(), "12.3 mgCO2e");
        assert_eq!(KilowattHours::new(1e-7).to_string(), "1.00e-7 kWh");
        assert_eq!(KilowattHours::new(1.5).to_string(), "1.50 kWh");
        assert_eq!(GramsPerKwh::new(383.55).to_string(), "384 gCO2e/kWh");
    }
}
