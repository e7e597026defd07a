//! The price of one round trip: energy from the first source that knows it, carbon from the grid of
//! its region.
//!
//! ```text
//! carbon = energy [kWh] x PUE x intensity [g/kWh]        (E x I of the SCI specification)
//! ```

use super::options::GreenOptions;
use super::place::{Located, Place, Places};
use super::source::{EnergySource, Op, Proxy};
use super::tally::{Tally, bounds_of_grams, bounds_of_joules};
use crate::report::Bounds;
use crate::trace::{IoKind, Span, Texts};
use crate::units::{GramsCo2e, Joules, KilowattHours, KwhPerByte, Spread};

/// What published figures for moving a byte range over: 1e-12 to 5.9e-11 kWh. The bounds of the
/// transport term; a configured coefficient outside moves its bound.
pub(super) const TRANSPORT_BRACKET: (KwhPerByte, KwhPerByte) =
    (KwhPerByte::new(1e-12), KwhPerByte::new(5.9e-11));

/// Energy and carbon of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Joules; absent when scoring is switched off.
    pub energy_joules: Option<Bounds>,
    /// Grams CO2e; absent when the grid of a row is unknown: part of a figure would pass for all of it.
    pub carbon_gco2: Option<Bounds>,
}

impl Price {
    pub(super) fn of(tally: &Tally) -> Price {
        Price {
            energy_joules: Some(bounds_of_joules(tally.energy())),
            carbon_gco2: tally.whole_carbon().map(bounds_of_grams),
        }
    }
}

/// Energy of one round trip and who said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Priced {
    pub energy: Spread<Joules>,
    /// Number of the source; the proxy has the number after the last.
    pub source: usize,
}

/// Everything a price depends on.
pub(super) struct Pricer<'a> {
    pub texts: &'a Texts,
    pub options: &'a GreenOptions,
    sources: &'a [&'a dyn EnergySource],
    proxy: Proxy,
    pub places: Places,
}

impl<'a> Pricer<'a> {
    pub fn new(
        texts: &'a Texts,
        options: &'a GreenOptions,
        sources: &'a [&'a dyn EnergySource],
    ) -> Pricer<'a> {
        let proxy = Proxy { per_operation_coefficients: options.per_operation_coefficients };
        Pricer { texts, options, sources, proxy, places: Places::new(options) }
    }

    /// Returns the place of a span, remembering it.
    pub fn locate(&mut self, span: &Span) -> Located {
        self.places.locate(span, self.texts, self.options)
    }

    /// Returns the energy of a round trip.
    pub fn energy(&self, span: &Span) -> Priced {
        let op = Op {
            service: self.texts.get(span.service),
            kind: span.kind,
            verb: span.verb,
            response_bytes: span.response_bytes,
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
        };
        let answer = |(number, source): (usize, &&dyn EnergySource)| Some((number, source.energy(&op)?));
        match self.sources.iter().enumerate().find_map(answer) {
            Some((source, energy)) => Priced { energy, source },
            None => Priced { energy: self.proxy.estimate(&op), source: self.sources.len() },
        }
    }

    /// Returns the tag of the model behind the sources that are set in `used`, best first.
    pub fn model(&self, used: &[bool]) -> String {
        let proxy: &dyn EnergySource = &self.proxy;
        let sources = self.sources.iter().copied().chain([proxy]);
        let mut tags: Vec<&str> =
            sources.zip(used).filter(|(_, used)| **used).map(|(source, _)| source.model()).collect();
        tags.dedup();
        if tags.is_empty() { self.proxy.model().to_owned() } else { tags.join("+") }
    }

    /// Number of sources, the proxy included.
    pub fn sources(&self) -> usize {
        self.sources.len() + 1
    }

    /// Returns the carbon of moving a response to the caller from another region, at the caller's grid;
    /// `None` when size, region of the host or grid are unknown, or both are in one region.
    pub fn transport(&self, span: &Span, caller: &Place) -> Option<Spread<GramsCo2e>> {
        if !self.options.include_network_transport || span.kind != IoKind::Http {
            return None;
        }
        let bytes = span.response_bytes?;
        let callee = self.places.region_of(without_port(self.texts.get(span.peer)))?;
        if callee == caller.region {
            return None;
        }
        let per_byte = self.options.network_energy_per_byte_kwh;
        let coefficient = Spread {
            low: KwhPerByte::new(TRANSPORT_BRACKET.0.get().min(per_byte.get())),
            mid: per_byte,
            high: KwhPerByte::new(TRANSPORT_BRACKET.1.get().max(per_byte.get())),
        };
        operational(coefficient.map(|per_byte| per_byte.times_bytes(bytes)), caller)
    }
}

/// Returns what some energy emits at a place; `None` when its grid is unknown.
pub(super) fn operational(energy: Spread<KilowattHours>, place: &Place) -> Option<Spread<GramsCo2e>> {
    let point = place.point()?;
    Some(energy.map(|energy| (energy * point.pue).emitted_at(point.intensity)))
}

/// Returns a host without a port; an IPv6 address in brackets stays whole.
fn without_port(peer: &str) -> &str {
    match peer.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_not_part_of_a_host() {
        let check = |peer: &str, expect: &str| assert_eq!(without_port(peer), expect);
        check("orders:8080", "orders");
        check("orders", "orders");
        check("[::1]:80", "[::1]");
        check("orders:", "orders:");
        check("", "");
    }
}
