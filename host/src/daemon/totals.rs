//! What units of traces add up to since the daemon started: round trips, energy, carbon, per endpoint and region. Each
//! unit comes with the summary that a batch run would give of it; these are added up, and shares are made anew.

use std::collections::BTreeMap;
use tracewatt_core::energy::{iis_band, waste_band, waste_ratio};
use tracewatt_core::report::{Carbon, EndpointOps, Estimate, GreenSummary, Offender, RegionCarbon};

/// Endpoints that are told apart; round trips of further ones are counted in the totals only.
const MAX_ENDPOINTS: usize = 10_000;
/// Regions that are told apart.
const MAX_REGIONS: usize = 1_000;
/// Endpoints that are listed as the worst.
const TOP_OFFENDERS: usize = 10;

/// Sums since the start.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// Traces.
    pub traces: u64,
    green: GreenSummary,
    endpoints: BTreeMap<(String, String), EndpointOps>,
    regions: BTreeMap<(String, String), RegionCarbon>,
    /// Endpoints that were not told apart, each time they came.
    pub not_listed: u64,
}

impl Totals {
    /// Adds a unit of so many traces. Returns how many of its endpoints and regions are not told apart.
    pub fn add(&mut self, traces: u64, unit: GreenSummary, endpoints: Vec<EndpointOps>) -> u64 {
        self.traces += traces;
        let sums = &mut self.green;
        sums.total_io_ops += unit.total_io_ops;
        sums.avoidable_io_ops += unit.avoidable_io_ops;
        for (kind, ops) in unit.io_ops_by_kind {
            let sums = sums.io_ops_by_kind.entry(kind).or_default();
            sums.total += ops.total;
            sums.avoidable += ops.avoidable;
        }
        merge(&mut sums.energy_kwh, unit.energy_kwh);
        match (&mut sums.co2, unit.co2) {
            (Some(sums), Some(unit)) => add_carbon(sums, unit),
            (sums @ None, unit) => *sums = unit,
            (Some(_), None) => {}
        }
        // The latest says how figures are made now.
        sums.scoring_config = unit.scoring_config;
        let mut not_listed = 0;
        for region in unit.regions {
            let key = (region.status.clone(), region.region.clone());
            let room = self.regions.len() < MAX_REGIONS;
            match self.regions.get_mut(&key) {
                Some(sums) => {
                    sums.io_ops += region.io_ops;
                    sums.co2_gco2 = plus(sums.co2_gco2, region.co2_gco2);
                }
                None if room => drop(self.regions.insert(key, region)),
                None => not_listed += 1,
            }
        }
        for endpoint in endpoints {
            let key = (endpoint.service.clone(), endpoint.endpoint.clone());
            let room = self.endpoints.len() < MAX_ENDPOINTS;
            match self.endpoints.get_mut(&key) {
                Some(sums) => {
                    sums.io_ops += endpoint.io_ops;
                    sums.requests += endpoint.requests;
                    sums.io_time_ms += endpoint.io_time_ms;
                }
                None if room => drop(self.endpoints.insert(key, endpoint)),
                None => not_listed += 1,
            }
        }
        self.not_listed += not_listed;
        not_listed
    }

    /// Returns the summary of everything so far, as of a batch run.
    pub fn summary(&self) -> GreenSummary {
        let mut summary = self.green.clone();
        summary.io_waste_ratio = waste_ratio(summary.avoidable_io_ops, summary.total_io_ops);
        summary.io_waste_ratio_band = waste_band(summary.io_waste_ratio);
        if let Some(carbon) = &mut summary.co2 {
            let per_trace = |figure: f64| figure / self.traces.max(1) as f64;
            carbon.sci_per_trace = carbon.total.clone().map(|total| Estimate {
                low: per_trace(total.low),
                mid: per_trace(total.mid),
                high: per_trace(total.high),
                methodology: "sci_v1_intensity".to_owned(),
                ..total
            });
        }
        summary.regions = self.regions.values().cloned().collect();
        summary.regions.sort_by(|a, b| {
            let carbon = |row: &RegionCarbon| row.co2_gco2.unwrap_or(-1.0);
            carbon(b)
                .total_cmp(&carbon(a))
                .then(b.io_ops.cmp(&a.io_ops))
                .then_with(|| a.region.cmp(&b.region))
        });
        let offender = |endpoint: &EndpointOps| {
            let score = endpoint.io_ops as f64 / endpoint.requests.max(1) as f64;
            Offender {
                service: endpoint.service.clone(),
                endpoint: endpoint.endpoint.clone(),
                io_intensity_score: score,
                io_intensity_band: iis_band(score),
                co2_grams: None,
            }
        };
        let mut offenders: Vec<Offender> = self.endpoints.values().map(offender).collect();
        offenders.sort_by(|a, b| {
            b.io_intensity_score
                .total_cmp(&a.io_intensity_score)
                .then_with(|| (&a.service, &a.endpoint).cmp(&(&b.service, &b.endpoint)))
        });
        offenders.truncate(TOP_OFFENDERS);
        summary.top_offenders = offenders;
        summary
    }

    /// Returns every endpoint, most round trips first.
    pub fn endpoints(&self) -> Vec<EndpointOps> {
        let mut endpoints: Vec<EndpointOps> = self.endpoints.values().cloned().collect();
        endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.io_ops));
        endpoints
    }
}

fn plus(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

fn merge(sums: &mut Option<Estimate>, unit: Option<Estimate>) {
    match (sums, unit) {
        (Some(sums), Some(unit)) => {
            sums.low += unit.low;
            sums.mid += unit.mid;
            sums.high += unit.high;
        }
        (sums @ None, unit) => *sums = unit,
        (Some(_), None) => {}
    }
}

fn add_carbon(sums: &mut Carbon, unit: Carbon) {
    merge(&mut sums.total, unit.total);
    merge(&mut sums.avoidable, unit.avoidable);
    sums.operational_gco2 = plus(sums.operational_gco2, unit.operational_gco2);
    sums.embodied_gco2 += unit.embodied_gco2;
    sums.transport_gco2 = plus(sums.transport_gco2, unit.transport_gco2);
    sums.unpriced_io_ops += unit.unpriced_io_ops;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up_and_shares_are_made_anew() {
        let unit = |total, avoidable, energy: f64, region: &str| GreenSummary {
            total_io_ops: total,
            avoidable_io_ops: avoidable,
            energy_kwh: Some(Estimate {
                low: energy / 2.0,
                mid: energy,
                high: energy * 2.0,
                ..Estimate::default()
            }),
            co2: Some(Carbon {
                total: Some(Estimate { low: 1.0, mid: 2.0, high: 4.0, ..Estimate::default() }),
                unpriced_io_ops: 1,
                ..Carbon::default()
            }),
            regions: vec![RegionCarbon {
                region: region.to_owned(),
                io_ops: total,
                ..RegionCarbon::default()
            }],
            ..GreenSummary::default()
        };
        let endpoint = |name: &str, io_ops, requests| EndpointOps {
            endpoint: name.to_owned(),
            io_ops,
            requests,
            ..EndpointOps::default()
        };
        let mut totals = Totals::default();
        assert_eq!(totals.add(2, unit(10, 5, 1.0, "fr"), vec![endpoint("GET /a", 10, 5)]), 0);
        totals.add(2, unit(30, 5, 2.0, "fr"), vec![endpoint("GET /b", 20, 1), endpoint("GET /a", 10, 5)]);
        let summary = totals.summary();
        assert_eq!((summary.total_io_ops, summary.avoidable_io_ops, summary.io_waste_ratio), (40, 10, 0.25));
        assert_eq!(
            summary.energy_kwh.map(|energy| (energy.low, energy.mid, energy.high)),
            Some((1.5, 3.0, 6.0))
        );
        let carbon = summary.co2.unwrap();
        assert_eq!((carbon.sci_per_trace.unwrap().mid, carbon.unpriced_io_ops), (1.0, 2));
        assert_eq!((summary.regions.len(), summary.regions[0].io_ops), (1, 40));
        let worst: Vec<_> =
            summary.top_offenders.iter().map(|one| (&one.endpoint[..], one.io_intensity_score)).collect();
        assert_eq!(worst, [("GET /b", 20.0), ("GET /a", 2.0)]);
        let endpoints = totals.endpoints();
        assert_eq!((endpoints[0].io_ops, endpoints[1].io_ops, endpoints[0].requests), (20, 20, 10));
    }

    #[test]
    fn endpoints_beyond_the_limit_are_counted() {
        let mut totals = Totals::default();
        let endpoints = (0..MAX_ENDPOINTS + 3)
            .map(|at| EndpointOps { endpoint: at.to_string(), ..EndpointOps::default() })
            .collect();
        assert_eq!(totals.add(1, GreenSummary::default(), endpoints), 3);
        assert_eq!((totals.endpoints().len(), totals.not_listed), (MAX_ENDPOINTS, 3));
    }
}
