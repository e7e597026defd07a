//! I/O intensity and waste: two ratios of counts, and the words for how good they are.

use crate::report::Band;

/// I/O intensity scores from which an endpoint is moderate, high, critical.
const IIS_BANDS: [f64; 3] = [2.0, 5.0, 10.0];

/// Waste ratios from which a run is moderate, high, critical.
const WASTE_BANDS: [f64; 3] = [0.10, 0.30, 0.50];

/// Returns the band of an I/O intensity score (round trips per request): from 2 moderate, from 5
/// high, from 10 critical.
pub fn iis_band(score: f64) -> Band {
    band(score, IIS_BANDS)
}

/// Returns the band of a waste ratio: from 0.10 moderate, from 0.30 high, from 0.50 critical.
pub fn waste_band(ratio: f64) -> Band {
    band(ratio, WASTE_BANDS)
}

/// Returns the share of round trips that need not have happened, 0 without any.
pub fn waste_ratio(avoidable: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { avoidable as f64 / total as f64 }
}

/// NaN compares with nothing and is healthy.
fn band(value: f64, [moderate, high, critical]: [f64; 3]) -> Band {
    match value {
        v if v >= critical => Band::Critical,
        v if v >= high => Band::High,
        v if v >= moderate => Band::Moderate,
        _ => Band::Healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_begin_at_their_limit() {
        let check = |value: f64, expect: Band| assert_eq!(iis_band(value), expect, "{value}");
        check(0.0, Band::Healthy);
        check(1.999, Band::Healthy);
        check(2.0, Band::Moderate);
        check(4.999, Band::Moderate);
        check(5.0, Band::High);
        check(9.999, Band::High);
        check(10.0, Band::Critical);
        check(f64::NAN, Band::Healthy);

        let check = |value: f64, expect: Band| assert_eq!(waste_band(value), expect, "{value}");
        check(0.0999, Band::Healthy);
        check(0.10, Band::Moderate);
        check(0.2999, Band::Moderate);
        check(0.30, Band::High);
        check(0.4999, Band::High);
        check(0.50, Band::Critical);
    }

    #[test]
    fn waste_is_avoidable_over_total() {
        assert_eq!(waste_ratio(3, 12), 0.25);
        assert_eq!(waste_ratio(0, 0), 0.0);
    }
}
