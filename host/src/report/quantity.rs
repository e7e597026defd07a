//! Numbers as people read them: three significant digits and a unit that fits.

use tracewatt_core::report as model;

pub use tracewatt_core::count::{count, counted};

/// Joules in a kilowatt hour.
pub const JOULES_PER_KWH: f64 = 3.6e6;

/// Units of one quantity, smallest first: size in the base unit, and name.
type Units = &'static [(f64, &'static str)];

const TIME_US: Units = &[(1e-3, "ns"), (1.0, "µs"), (1e3, "ms"), (1e6, "s")];
const ENERGY_J: Units = &[(1e-9, "nJ"), (1e-6, "µJ"), (1e-3, "mJ"), (1.0, "J"), (1e3, "kJ"), (1e6, "MJ")];
const ENERGY_WH: Units = &[(3.6e-6, "nWh"), (3.6e-3, "µWh"), (3.6, "mWh"), (3.6e3, "Wh"), (3.6e6, "kWh")];
const CARBON_G: Units = &[
    (1e-9, "ng CO2e"),
    (1e-6, "µg CO2e"),
    (1e-3, "mg CO2e"),
    (1.0, "g CO2e"),
    (1e3, "kg CO2e"),
    (1e6, "t CO2e"),
];

/// Returns a number with three significant digits and no trailing zeros; large ones whole and grouped.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let size = value.abs();
    if size >= 999.5 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(size.round() as u64));
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-6 {
        return format!("{value:.2e}");
    }
    let magnitude = size.log10().floor() as i32;
    let decimals = (2 - magnitude).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns a share as a percentage: `12.5 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// Returns a duration given in microseconds: `850 µs`, `1.2 ms`, `2 min 5 s`.
pub fn micros(us: f64) -> String {
    let seconds = us / 1e6;
    if seconds.is_finite() && seconds >= 59.95 {
        let whole = seconds.round() as u64;
        return match whole % 60 {
            0 => format!("{} min", count(whole / 60)),
            rest => format!("{} min {rest} s", count(whole / 60)),
        };
    }
    scaled(us, TIME_US)
}

/// Returns a duration given in nanoseconds, see [`micros`].
pub fn nanos(ns: u64) -> String {
    micros(ns as f64 / 1e3)
}

/// Returns an energy given in joules: `0.31 mJ`.
pub fn joules(joules: f64) -> String {
    scaled(joules, ENERGY_J)
}

/// Returns an energy given in joules, in watt hours: `0.12 mWh`.
pub fn watt_hours(joules: f64) -> String {
    scaled(joules, ENERGY_WH)
}

/// Returns a mass of carbon given in grams: `12.3 mg CO2e`.
pub fn carbon(grams: f64) -> String {
    scaled(grams, CARBON_G)
}

/// Returns an energy given in joules with its bounds, all in one unit: `0.31 mJ (0.16 to 0.62)`.
pub fn joules_within(bounds: model::Bounds) -> String {
    within(bounds, ENERGY_J)
}

/// Returns carbon given in grams with its bounds, all in one unit.
pub fn carbon_within(bounds: model::Bounds) -> String {
    within(bounds, CARBON_G)
}

/// Returns the three figures of an estimate, each multiplied by `factor`.
pub fn bounds(estimate: &model::Estimate, factor: f64) -> model::Bounds {
    model::Bounds { low: estimate.low * factor, mid: estimate.mid * factor, high: estimate.high * factor }
}

fn within(bounds: model::Bounds, units: Units) -> String {
    let (size, unit) = unit_for(bounds.mid.abs().max(bounds.high.abs() / 1e3), units);
    let [low, mid, high] = [bounds.low, bounds.mid, bounds.high].map(|value| number(value / size));
    format!("{mid} {unit} ({low} to {high})")
}

fn scaled(value: f64, units: Units) -> String {
    let (size, unit) = unit_for(value.abs(), units);
    format!("{} {unit}", number(value / size))
}

/// Returns the largest unit in which the rounded value is at least 1; the smallest for less, the base unit for 0.
fn unit_for(size: f64, units: Units) -> (f64, &'static str) {
    if size == 0.0 || !size.is_finite() {
        let base = units.iter().find(|(factor, _)| *factor >= 1.0);
        return base.or(units.last()).copied().unwrap_or((1.0, ""));
    }
    let fits = units.iter().rev().find(|(factor, _)| size / factor >= 0.9995);
    fits.or(units.first()).copied().unwrap_or((1.0, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (n, expect) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (48213, "48,213"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(n), expect);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "query"), "1 query");
        assert_eq!(counted(0, "query"), "0 queries");
        assert_eq!(counted(2000, "span"), "2,000 spans");
    }

    #[test]
    fn numbers_have_three_significant_digits() {
        for (value, expect) in [
            (0.0, "0"),
            (1.0, "1"),
            (12.5, "12.5"),
            (0.3, "0.3"),
            (0.123456, "0.123"),
            (99.96, "100"),
            (999.4, "999"),
            (999.6, "1,000"),
            (-2.5, "-2.5"),
            (-12345.6, "-12,346"),
            (0.00012, "0.00012"),
            (1.5e-9, "1.50e-9"),
            (f64::NAN, "unknown"),
            (f64::INFINITY, "unknown"),
        ] {
            assert_eq!(number(value), expect, "{value}");
        }
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        for (us, expect) in [
            (0.0, "0 µs"),
            (0.25, "250 ns"),
            (1.0, "1 µs"),
            (850.0, "850 µs"),
            (999.7, "1 ms"),
            (1234.0, "1.23 ms"),
            (45_600.0, "45.6 ms"),
            (1_500_000.0, "1.5 s"),
            (59_940_000.0, "59.9 s"),
            (60_000_000.0, "1 min"),
            (125_000_000.0, "2 min 5 s"),
        ] {
            assert_eq!(micros(us), expect, "{us}");
        }
        assert_eq!(nanos(1_250_000), "1.25 ms");
    }

    #[test]
    fn energy_and_carbon_take_the_unit_that_fits() {
        for (value, expect) in [
            (0.0, "0 J"),
            (1e-10, "0.1 nJ"),
            (3.1e-4, "310 µJ"),
            (0.42, "420 mJ"),
            (42.0, "42 J"),
            (7.2e6, "7.2 MJ"),
        ] {
            assert_eq!(joules(value), expect, "{value}");
        }
        assert_eq!(watt_hours(0.42), "117 µWh");
        assert_eq!(watt_hours(3.6e6), "1 kWh");
        assert_eq!(carbon(0.0123), "12.3 mg CO2e");
        assert_eq!(carbon(2500.0), "2.5 kg CO2e");
        let bounds = model::Bounds { low: 0.155, mid: 0.31, high: 0.62 };
        assert_eq!(joules_within(bounds), "310 mJ (155 to 620)");
        assert_eq!(percent(0.125), "12.5 %");
    }
}
