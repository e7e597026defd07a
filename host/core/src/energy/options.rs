//! The settings of scoring, as the configuration's section `[green]` means them.

use crate::units::{GramsCo2e, KwhPerByte, Pue};
use std::collections::BTreeMap;

/// Settings of scoring. The defaults are those of the reference system.
#[derive(Clone, Debug, PartialEq)]
pub struct GreenOptions {
    /// Whether energy and carbon are given at all; I/O intensity and waste always are.
    pub enabled: bool,
    /// Region of spans that name none and whose service has none.
    pub default_region: Option<String>,
    /// Regions by service; for the transport term also by host. Case does not matter in keys.
    pub service_regions: BTreeMap<String, String>,
    /// M per trace: hardware's share, 0.001 g.
    pub embodied_per_request: GramsCo2e,
    /// Whether verb and size of an operation matter for its energy.
    pub per_operation_coefficients: bool,
    /// Whether moving responses between regions is counted.
    pub include_network_transport: bool,
    /// Energy of moving a byte, 4e-11 kWh (0.04 kWh per gigabyte).
    pub network_energy_per_byte_kwh: KwhPerByte,
    /// PUE of every region, in place of the tables'.
    pub pue: Option<Pue>,
}

impl Default for GreenOptions {
    fn default() -> Self {
        GreenOptions {
            enabled: true,
            default_region: None,
            service_regions: BTreeMap::new(),
            embodied_per_request: GramsCo2e::new(0.001),
            per_operation_coefficients: true,
            include_network_transport: false,
            network_energy_per_byte_kwh: KwhPerByte::new(4e-11),
            pue: None,
        }
    }
}
