//! `[gate]` and `[green]` as the table of keys has them, and the options of the core they become. A key without
//! its field here, or a field without its key, fails the first load of any configuration.

use serde::Deserialize;
use std::collections::BTreeMap;
use tracewatt_core::energy::GreenOptions;
use tracewatt_core::gate::{Count, GateOptions};
use tracewatt_core::report::{ConfidenceLevel, Severity};
use tracewatt_core::units::{GramsCo2e, KwhPerByte, Pue};

/// `[gate]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GateSection {
    n_plus_one_sql_critical_max: u64,
    n_plus_one_http_warning_max: u64,
    n_plus_one_messaging_warning_max: u64,
    io_waste_ratio_max: f64,
    min_usable_span_ratio: Option<f64>,
    max_new: Option<u64>,
    max_findings: BTreeMap<String, u64>,
    count: CountBy,
    min_spans: u64,
    fail_on_severity: Option<Severity>,
    fail_on_confidence: ConfidenceLevel,
    allow_plugin_faults: bool,
}

/// What limits count.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum CountBy {
    Problem,
    Instance,
}

impl From<GateSection> for GateOptions {
    fn from(section: GateSection) -> GateOptions {
        GateOptions {
            n_plus_one_sql_critical_max: section.n_plus_one_sql_critical_max,
            n_plus_one_http_warning_max: section.n_plus_one_http_warning_max,
            n_plus_one_messaging_warning_max: section.n_plus_one_messaging_warning_max,
            io_waste_ratio_max: section.io_waste_ratio_max,
            min_usable_span_ratio: section.min_usable_span_ratio,
            max_findings: section.max_findings,
            max_new: section.max_new,
            count: match section.count {
                CountBy::Problem => Count::Problem,
                CountBy::Instance => Count::Instance,
            },
            min_spans: section.min_spans,
            fail_on_severity: section.fail_on_severity,
            fail_on_confidence: section.fail_on_confidence,
            allow_plugin_faults: section.allow_plugin_faults,
            only: None,
        }
    }
}

/// `[green]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GreenSection {
    enabled: bool,
    default_region: Option<String>,
    service_regions: BTreeMap<String, String>,
    embodied_carbon_per_request_gco2: f64,
    per_operation_coefficients: bool,
    include_network_transport: bool,
    network_energy_per_byte_kwh: f64,
    pue: Option<f64>,
}

impl From<GreenSection> for GreenOptions {
    fn from(section: GreenSection) -> GreenOptions {
        GreenOptions {
            enabled: section.enabled,
            default_region: section.default_region,
            service_regions: section.service_regions,
            embodied_per_request: GramsCo2e::new(section.embodied_carbon_per_request_gco2),
            per_operation_coefficients: section.per_operation_coefficients,
            include_network_transport: section.include_network_transport,
            network_energy_per_byte_kwh: KwhPerByte::new(section.network_energy_per_byte_kwh),
            pue: section.pue.map(Pue::new),
        }
    }
}
