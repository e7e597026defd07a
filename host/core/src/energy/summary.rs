//! From sums to the report's summary, and to warnings about what is unknown.

use super::iis::{iis_band, waste_band, waste_ratio};
use super::options::GreenOptions;
use super::place::{Place, PlaceGrid};
use super::price::TRANSPORT_BRACKET;
use super::score::Sums;
use super::source::ENERGY_PER_OPERATION;
use super::tally::{Tally, grams_estimate, kwh_estimate};
use crate::report::{Carbon, GreenSummary, KindOps, Offender, RegionCarbon, Warning};
use crate::units::{GramsCo2e, Spread};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Entries of `top_offenders`; all endpoints are in `per_endpoint_io_ops`.
const TOP_OFFENDERS: usize = 10;

/// Rows of regions that no table has; further ones are added up as `other`.
const MAX_UNKNOWN_REGIONS: usize = 256;

/// Embodied carbon is a rule of thumb: its bounds are half and double, as for the proxy.
const EMBODIED_SPREAD: f64 = 2.0;

/// Returns the summary of an analysis, and what its reader should know.
pub(super) fn summarize(sums: &Sums<'_>, traces: u64) -> (GreenSummary, Vec<Warning>) {
    let (total, avoidable) = (sums.total.ops, sums.avoidable.ops);
    let ratio = waste_ratio(avoidable, total);
    let mut summary = GreenSummary {
        total_io_ops: total,
        avoidable_io_ops: avoidable,
        io_ops_by_kind: kinds(&sums.kinds),
        io_waste_ratio: ratio,
        io_waste_ratio_band: waste_band(ratio),
        top_offenders: offenders(sums),
        ..GreenSummary::default()
    };
    if !sums.pricer.options.enabled {
        return (summary, Vec::new());
    }
    let model = sums.pricer.model(&sums.sources);
    summary.energy_kwh = Some(kwh_estimate(sums.total.energy(), &model, "sum_over_io_ops"));
    summary.co2 = Some(carbon(sums, traces, &model));
    summary.regions = regions(sums);
    summary.scoring_config = scoring_config(sums);
    (summary, warnings(sums))
}

fn kinds(kinds: &BTreeMap<&'static str, KindOps>) -> BTreeMap<String, KindOps> {
    kinds.iter().map(|(kind, ops)| ((*kind).to_owned(), ops.clone())).collect()
}

fn offenders(sums: &Sums<'_>) -> Vec<Offender> {
    let with_io = sums.endpoints.iter().filter(|endpoint| endpoint.tally.ops > 0);
    let mut offenders: Vec<Offender> = with_io
        .map(|endpoint| Offender {
            service: sums.text(endpoint.service),
            endpoint: sums.text(endpoint.endpoint),
            io_intensity_score: endpoint.intensity(),
            io_intensity_band: iis_band(endpoint.intensity()),
            co2_grams: endpoint.tally.whole_carbon().map(|carbon| carbon.mid.get()),
        })
        .collect();
    offenders.sort_by(|a, b| {
        b.io_intensity_score
            .total_cmp(&a.io_intensity_score)
            .then_with(|| (&a.service, &a.endpoint).cmp(&(&b.service, &b.endpoint)))
    });
    offenders.truncate(TOP_OFFENDERS);
    offenders
}

fn carbon(sums: &Sums<'_>, traces: u64, model: &str) -> Carbon {
    let options = sums.pricer.options;
    let operational = sums.total.carbon();
    let embodied = options.embodied_per_request * traces as f64;
    let transport = options.include_network_transport.then(|| sums.transport.get());
    let methodology = if transport.is_some() { "sci_v1_numerator+transport" } else { "sci_v1_numerator" };
    let total = operational.map(|operational| {
        operational + Spread::around(embodied, EMBODIED_SPREAD) + transport.unwrap_or_default()
    });
    let per_trace =
        total.filter(|_| traces > 0).map(|total| total.map(|grams| grams * (1.0 / traces as f64)));
    let avoidable = sums.avoidable.carbon().filter(|_| operational.is_some());
    Carbon {
        total: total.map(|grams| grams_estimate(grams, model, methodology)),
        avoidable: avoidable.map(|grams| grams_estimate(grams, model, "sci_v1_operational_ratio")),
        sci_per_trace: per_trace.map(|grams| grams_estimate(grams, model, "sci_v1_intensity")),
        operational_gco2: operational.map(|grams| grams.mid.get()),
        embodied_gco2: embodied.get(),
        transport_gco2: transport.filter(|_| operational.is_some()).map(|grams| grams.mid.get()),
        functional_unit: "trace".to_owned(),
        unpriced_io_ops: sums.total.unpriced,
    }
}

/// Returns one row per place: most carbon first, then the places without a figure by round trips.
fn regions(sums: &Sums<'_>) -> Vec<RegionCarbon> {
    let mut rows: Vec<RegionCarbon> = sums
        .pricer
        .places
        .all()
        .iter()
        .zip(&sums.regions)
        .map(|(place, tally)| region(place, tally))
        .collect();
    rows.sort_by(compare_regions);
    fold_unknown(rows)
}

fn region(place: &Place, tally: &Tally) -> RegionCarbon {
    let point = place.point();
    RegionCarbon {
        status: place.status().to_owned(),
        region: place.region.clone(),
        grid_intensity_gco2_kwh: point.map(|point| point.intensity.get()),
        pue: point.map(|point| point.pue.get()),
        io_ops: tally.ops,
        co2_gco2: tally
            .whole_carbon()
            .filter(|_| point.is_some())
            .map(|grams: Spread<GramsCo2e>| grams.mid.get()),
        intensity_source: point.map(|_| "annual".to_owned()),
        provenance: point.map(|point| point.provenance.clone()),
    }
}

fn compare_regions(a: &RegionCarbon, b: &RegionCarbon) -> Ordering {
    let carbon = |row: &RegionCarbon| row.co2_gco2.unwrap_or(-1.0);
    carbon(b)
        .total_cmp(&carbon(a))
        .then_with(|| b.io_ops.cmp(&a.io_ops))
        .then_with(|| a.region.cmp(&b.region))
}

/// Adds up what is beyond the limit of regions out of table, so that hostile spans cannot blow up the report.
fn fold_unknown(rows: Vec<RegionCarbon>) -> Vec<RegionCarbon> {
    let (mut kept, mut unknown) = (Vec::new(), 0);
    let mut other =
        RegionCarbon { status: "out_of_table".into(), region: "other".into(), ..Default::default() };
    for row in rows {
        let is_unknown = row.status == other.status;
        unknown += usize::from(is_unknown);
        if is_unknown && unknown > MAX_UNKNOWN_REGIONS {
            other.io_ops += row.io_ops;
        } else {
            kept.push(row);
        }
    }
    if other.io_ops > 0 {
        kept.push(other);
    }
    kept
}

fn scoring_config(sums: &Sums<'_>) -> BTreeMap<String, Value> {
    let options: &GreenOptions = sums.pricer.options;
    let joules = ENERGY_PER_OPERATION.to_joules().get();
    let mut config = BTreeMap::new();
    let mut set = |name: &str, value: Value| config.insert(name.to_owned(), value);
    set("energy_per_operation", json!(format!("{joules} J per operation (1e-7 kWh)")));
    set("per_operation_coefficients", json!(options.per_operation_coefficients));
    set("embodied_per_request_gco2", json!(options.embodied_per_request.get()));
    set("include_network_transport", json!(options.include_network_transport));
    set("network_energy_per_byte_kwh", json!(options.network_energy_per_byte_kwh.get()));
    set("network_energy_bracket_per_byte_kwh", json!([TRANSPORT_BRACKET.0.get(), TRANSPORT_BRACKET.1.get()]));
    set("bounds", json!("energy: the model's (proxy: half and double); embodied: half and double"));
    set("avoidable_formula", json!("sum of energy x PUE x intensity over the avoidable round trips"));
    let years = sums.pricer.places.grid().years();
    set("grid_table", json!(format!("Ember yearly electricity data {years} (CC-BY-4.0)")));
    set("temporal_granularity", json!("annual"));
    set("emission_factor_type", json!("lifecycle"));
    if let Some(pue) = options.pue {
        set("pue", json!(pue.get()));
    }
    if let Some(region) = &options.default_region {
        set("default_region", json!(region));
    }
    config
}

fn warnings(sums: &Sums<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |kind: &str, message: String| {
        warnings.push(Warning { kind: kind.to_owned(), message });
    };
    let mut out_of_table: Vec<&str> = Vec::new();
    let mut out_of_table_ops = 0;
    for (place, tally) in sums.pricer.places.all().iter().zip(&sums.regions) {
        match place.grid {
            PlaceGrid::Known(_) => {}
            PlaceGrid::Unresolved => warn(
                "unknown_region",
                format!(
                    "{} have no region: they have energy but no carbon; set `default_region` or \
                     `service_regions` in [green], or the resource attribute `cloud.region`",
                    round_trips(tally.ops)
                ),
            ),
            PlaceGrid::OutOfTable => {
                out_of_table.push(&place.region);
                out_of_table_ops += tally.ops;
            }
        }
    }
    if !out_of_table.is_empty() {
        let message = format!(
            "{} are in a region without grid data ({}): they have energy but no carbon; map the service to a \
             cloud region or a country code in [green.service_regions]",
            round_trips(out_of_table_ops),
            sample(out_of_table)
        );
        warn("unknown_region", message);
    }
    if sums.bad_regions > 0 {
        let message = format!(
            "{} have a `cloud.region` that cannot be one (1 to 64 letters, digits, `-`, `_`); it was passed over",
            round_trips(sums.bad_regions)
        );
        warn("invalid_region", message);
    }
    warnings
}

fn round_trips(count: u64) -> String {
    if count == 1 { "1 round trip".to_owned() } else { format!("{count} round trips") }
}

/// Returns the first names in order, and how many more there are.
fn sample(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    let shown: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
