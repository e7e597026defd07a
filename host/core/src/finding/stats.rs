//! Figures over the durations of some spans.

use crate::report::Durations;

/// Returns percentiles by the nearest-rank method (the smallest value with at least p percent at or below it)
/// and the coefficient of variation over the population. Nothing for no durations.
pub(super) fn durations(mut ns: Vec<u64>) -> Option<Durations> {
    ns.sort_unstable();
    let max = *ns.last()?;
    let rank = |percent: usize| us(ns[(percent * ns.len()).div_ceil(100).max(1) - 1]);
    Some(Durations {
        p50_us: rank(50),
        p95_us: rank(95),
        p99_us: rank(99),
        max_us: us(max),
        cv: variation(&ns),
    })
}

/// Population standard deviation over mean, rounded to a thousandth.
fn variation(sorted_ns: &[u64]) -> f64 {
    let count = sorted_ns.len() as f64;
    let mean = sorted_ns.iter().map(|ns| *ns as f64).sum::<f64>() / count;
    if mean == 0.0 {
        return 0.0;
    }
    let variance = sorted_ns.iter().map(|ns| (*ns as f64 - mean).powi(2)).sum::<f64>() / count;
    (variance.sqrt() / mean * 1000.0).round() / 1000.0
}

fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank() {
        let all = durations((1..=200).map(|ms| ms * 1_000_000).collect()).unwrap();
        assert_eq!(
            (all.p50_us, all.p95_us, all.p99_us, all.max_us),
            (100_000.0, 190_000.0, 198_000.0, 200_000.0)
        );
        let one = durations(vec![1_500]).unwrap();
        assert_eq!((one.p50_us, one.p99_us, one.cv), (1.5, 1.5, 0.0));
        assert_eq!(durations(vec![1_000, 3_000]).unwrap().cv, 0.5);
        assert_eq!(durations(Vec::new()), None);
    }
}
