//! One walk over sealed traces: counts, energy and carbon per endpoint, kind and region.
//!
//! ```text
//! IIS(service, endpoint) = round trips / requests         requests: distinct (trace, entry row)
//! waste ratio            = avoidable / all round trips    each avoidable row once
//! O = sum of energy x PUE x intensity                     over round trips in known regions
//! M = traces x embodied carbon per request
//! T = sum of bytes x energy per byte x PUE x intensity    only when transport is switched on
//! total = O + M + T                                       numerator of the SCI
//! SCI per trace = total / traces
//! avoidable = O of the avoidable rows themselves
//! ```
//!
//! The last line differs from the reference system, which takes O times the share of avoidable round
//! trips: that charges a cheap read in Paris like a large response in Virginia. Here the rows are known,
//! so each is charged with its own verb, size and region. M and T are in no avoidable figure.

use super::iis::iis_band;
use super::options::GreenOptions;
use super::place::Located;
use super::price::{Price, Pricer, operational};
use super::source::EnergySource;
use super::summary;
use super::tally::{CarbonSum, Tally};
use crate::report::{Band, EndpointOps, GreenSummary, KindOps, Warning};
use crate::trace::{IoKind, SealedTrace, Span, TextId, Texts};
use crate::units::Joules;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// The figures.
pub struct GreenScore {
    /// The report's summary.
    pub summary: GreenSummary,
    /// Endpoints with I/O, most round trips first, then by service and endpoint.
    pub endpoints: Vec<EndpointOps>,
    /// What is unknown and how to make it known.
    pub warnings: Vec<Warning>,
    intensities: BTreeMap<String, BTreeMap<String, f64>>,
}

impl GreenScore {
    /// Returns round trips per request of an endpoint and their band; 0 for an endpoint without I/O.
    pub fn io_intensity(&self, service: &str, endpoint: &str) -> (f64, Band) {
        let endpoints = self.intensities.get(service);
        let score = endpoints.and_then(|endpoints| endpoints.get(endpoint)).copied().unwrap_or(0.0);
        (score, iis_band(score))
    }
}

/// Adds up the traces of a run, one after the other, in any order.
pub struct Scorer<'a> {
    sums: Sums<'a>,
    traces: u64,
    /// Work space: endpoints and entries of a trace.
    entered: Vec<(usize, u32)>,
}

impl<'a> Scorer<'a> {
    /// Returns a scorer that has seen nothing. `sources` are backends that measured energy, best first; the proxy
    /// comes after them by itself.
    pub fn new(
        texts: &'a Texts,
        options: &'a GreenOptions,
        sources: &'a [&'a dyn EnergySource],
    ) -> Scorer<'a> {
        Scorer { sums: Sums::new(Pricer::new(texts, options, sources)), traces: 0, entered: Vec::new() }
    }

    /// Adds a trace. Linear in the number of its spans.
    pub fn add(&mut self, trace: &SealedTrace) {
        self.traces += 1;
        self.sums.add_requests(trace, &mut self.entered);
        for row in (0..trace.spans.len()).filter(|row| trace.counts(*row)) {
            self.sums.add_row(trace, row);
        }
    }

    /// Returns what one round trip costs.
    pub fn tally(&mut self, span: &Span) -> Tally {
        self.sums.tally(span).0
    }

    /// Returns the price of some round trips; there is none for no round trips, or when scoring is switched off.
    pub fn price(&self, tally: &Tally) -> Price {
        let priced = self.sums.pricer.options.enabled && tally.ops > 0;
        if priced { Price::of(tally) } else { Price::default() }
    }

    /// Returns the figures, given what need not have happened, by kind.
    pub fn finish(mut self, avoidable: &BTreeMap<IoKind, Tally>) -> GreenScore {
        for (kind, tally) in avoidable {
            self.sums.kinds.entry(kind.word()).or_default().avoidable += tally.ops;
            self.sums.avoidable.merge(tally);
        }
        let (summary, warnings) = summary::summarize(&self.sums, self.traces);
        GreenScore {
            summary,
            endpoints: self.sums.endpoint_ops(),
            warnings,
            intensities: self.sums.intensities(),
        }
    }
}

/// Sums of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct EndpointSums {
    pub service: TextId,
    pub endpoint: TextId,
    pub requests: u64,
    pub io_time_ns: u128,
    pub tally: Tally,
}

impl EndpointSums {
    /// Round trips per request. Every row belongs to a request, so there is at least one.
    pub fn intensity(&self) -> f64 {
        self.tally.ops as f64 / self.requests.max(1) as f64
    }
}

/// Everything the walk adds up.
pub(super) struct Sums<'a> {
    pub pricer: Pricer<'a>,
    pub endpoints: Vec<EndpointSums>,
    endpoint_numbers: FxHashMap<(TextId, TextId), usize>,
    pub kinds: BTreeMap<&'static str, KindOps>,
    /// By number of the place.
    pub regions: Vec<Tally>,
    pub total: Tally,
    pub avoidable: Tally,
    pub transport: CarbonSum,
    /// Which sources answered.
    pub sources: Vec<bool>,
    /// Round trips whose span names an impossible region.
    pub bad_regions: u64,
}

impl<'a> Sums<'a> {
    fn new(pricer: Pricer<'a>) -> Sums<'a> {
        Sums {
            sources: vec![false; pricer.sources()],
            pricer,
            endpoints: Vec::new(),
            endpoint_numbers: FxHashMap::default(),
            kinds: BTreeMap::new(),
            regions: Vec::new(),
            total: Tally::default(),
            avoidable: Tally::default(),
            transport: CarbonSum::default(),
            bad_regions: 0,
        }
    }

    /// Counts every endpoint once per distinct entry row of the trace, with or without I/O behind it.
    fn add_requests(&mut self, trace: &SealedTrace, entered: &mut Vec<(usize, u32)>) {
        entered.clear();
        entered.extend((0..trace.spans.len()).map(|row| (self.endpoint(trace, row), trace.entries[row])));
        entered.sort_unstable();
        entered.dedup();
        for (endpoint, _) in entered {
            self.endpoints[*endpoint].requests += 1;
        }
    }

    fn add_row(&mut self, trace: &SealedTrace, row: usize) {
        let span = &trace.spans[row];
        let (price, priced) = self.tally(span);
        if let Some((located, source)) = priced {
            self.bad_regions += u64::from(located.bad_region);
            self.sources[source] = true;
            if let Some(transport) = self.pricer.transport(span, &self.pricer.places.all()[located.place]) {
                self.transport.add(transport);
            }
            if self.regions.len() <= located.place {
                self.regions.resize(located.place + 1, Tally::default());
            }
            self.regions[located.place].merge(&price);
        }
        let endpoint = self.endpoint(trace, row);
        let endpoint = &mut self.endpoints[endpoint];
        endpoint.tally.merge(&price);
        endpoint.io_time_ns += u128::from(span.duration_ns);
        self.total.merge(&price);
        self.kinds.entry(span.kind.word()).or_default().total += 1;
    }

    /// Returns the price of one round trip; and, unless scoring is switched off, its place and who told its energy.
    fn tally(&mut self, span: &Span) -> (Tally, Option<(Located, usize)>) {
        let mut tally = Tally::default();
        if !self.pricer.options.enabled {
            tally.add(Default::default(), None);
            return (tally, None);
        }
        let located = self.pricer.locate(span);
        let priced = self.pricer.energy(span);
        let place = &self.pricer.places.all()[located.place];
        tally.add(priced.energy, operational(priced.energy.map(Joules::to_kilowatt_hours), place));
        (tally, Some((located, priced.source)))
    }

    fn endpoint(&mut self, trace: &SealedTrace, row: usize) -> usize {
        let (service, endpoint) = (trace.spans[row].service, trace.endpoints[row]);
        *self.endpoint_numbers.entry((service, endpoint)).or_insert_with(|| {
            let sums =
                EndpointSums { service, endpoint, requests: 0, io_time_ns: 0, tally: Tally::default() };
            self.endpoints.push(sums);
            self.endpoints.len() - 1
        })
    }

    fn endpoint_ops(&self) -> Vec<EndpointOps> {
        let with_io = self.endpoints.iter().filter(|sums| sums.tally.ops > 0);
        let mut endpoints: Vec<EndpointOps> = with_io
            .map(|sums| EndpointOps {
                service: self.text(sums.service),
                endpoint: self.text(sums.endpoint),
                io_ops: sums.tally.ops,
                requests: sums.requests,
                io_time_ms: sums.io_time_ns as f64 / 1e6,
            })
            .collect();
        endpoints.sort_by(|a, b| {
            b.io_ops.cmp(&a.io_ops).then_with(|| (&a.service, &a.endpoint).cmp(&(&b.service, &b.endpoint)))
        });
        endpoints
    }

    fn intensities(&self) -> BTreeMap<String, BTreeMap<String, f64>> {
        let mut intensities: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for sums in &self.endpoints {
            let endpoints = intensities.entry(self.text(sums.service)).or_default();
            endpoints.insert(self.text(sums.endpoint), sums.intensity());
        }
        intensities
    }

    /// Returns an interned text as the report has it.
    pub fn text(&self, id: TextId) -> String {
        self.pricer.texts.get(id).to_owned()
    }
}
