//! Power of types of instances. Where the rows come from is said at the top of the table.

const TABLE: &str = include_str!("instances.csv");

/// Power between idle and full load, as a straight line, and how far others of its kind are from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    idle_w: f64,
    max_w: f64,
    /// What machines at the 10th percentile take at full load, of what the mean one takes.
    low: f64,
    /// The same at the 90th.
    high: f64,
}

impl Curve {
    /// Returns a curve with bounds so many percent below and above.
    pub fn around(idle_w: f64, max_w: f64, percent: f64) -> Curve {
        Curve { idle_w, max_w, low: 1.0 - percent / 100.0, high: 1.0 + percent / 100.0 }
    }

    /// Returns power at a load between 0 and 1, with its bounds; the spread at full load is taken to hold at any load.
    pub fn at(&self, load: f64) -> (f64, f64, f64) {
        let watts = self.idle_w + (self.max_w - self.idle_w) * load;
        (watts * self.low, watts, watts * self.high)
    }
}

/// Returns the curve of a type of instance; `percent` is the spread of those without SPECpower results.
pub fn curve_of(provider: &str, instance: &str, percent: f64) -> Option<Curve> {
    let row = TABLE.lines().find_map(|line| {
        let mut fields = line.split(',');
        (fields.next() == Some(provider)
            && fields.next().is_some_and(|name| name.eq_ignore_ascii_case(instance)))
        .then_some(fields)
    })?;
    let numbers: Vec<Option<f64>> = row.map(|field| field.parse().ok()).collect();
    match numbers.as_slice() {
        [Some(idle_w), Some(max_w), Some(p10), Some(p90)] => Some(Curve {
            idle_w: *idle_w,
            max_w: *max_w,
            low: (p10 / max_w).min(1.0),
            high: (p90 / max_w).max(1.0),
        }),
        [Some(idle_w), Some(max_w), ..] => Some(Curve::around(*idle_w, *max_w, percent)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_curve() {
        let rows: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(rows.len(), 1726);
        for row in rows {
            let mut fields = row.split(',');
            let (provider, instance) = (fields.next().unwrap(), fields.next().unwrap());
            let (low, watts, high) =
                curve_of(provider, instance, 30.0).unwrap_or_else(|| panic!("{row}")).at(0.5);
            assert!(0.0 < low && low <= watts && watts <= high && high < 20_000.0, "{row}");
        }
        assert_eq!(curve_of("aws", "m5.huge", 30.0), None);
    }
}
