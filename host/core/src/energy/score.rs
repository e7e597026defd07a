//! One walk over the sealed traces: counts, energy and carbon per endpoint, kind and region.
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
use super::price::{Price, Pricer, operational};
use super::rows::RowSet;
use super::source::EnergySource;
use super::summary;
use super::tally::{CarbonSum, Tally};
use crate::report::{Band, EndpointOps, GreenSummary, KindOps, Warning};
use crate::trace::{SealedTrace, Span, TextId, Texts};
use crate::units::Joules;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// What scoring works on.
#[derive(Clone, Copy)]
pub struct ScoreInput<'a> {
    /// Every trace of the analysis.
    pub traces: &'a [SealedTrace],
    /// Their texts.
    pub texts: &'a Texts,
    /// Rows that some finding calls avoidable, by position in `traces`. Rows that do not count are ignored.
    pub avoidable: &'a RowSet,
    /// Backends that measured energy, best first; the proxy comes after them by itself.
    pub sources: &'a [&'a dyn EnergySource],
    /// Settings.
    pub options: &'a GreenOptions,
}

/// The figures, and answers about parts of them.
pub struct GreenScore<'a> {
    /// The report's summary.
    pub summary: GreenSummary,
    /// Endpoints with I/O, most round trips first, then by service and endpoint.
    pub endpoints: Vec<EndpointOps>,
    /// What is unknown and how to make it known.
    pub warnings: Vec<Warning>,
    traces: &'a [SealedTrace],
    pricer: Pricer<'a>,
    intensities: BTreeMap<String, BTreeMap<String, f64>>,
}

impl GreenScore<'_> {
    /// Returns round trips per request of an endpoint and their band; 0 for an endpoint without I/O.
    pub fn io_intensity(&self, service: &str, endpoint: &str) -> (f64, Band) {
        let endpoints = self.intensities.get(service);
        let score = endpoints.and_then(|endpoints| endpoints.get(endpoint)).copied().unwrap_or(0.0);
        (score, iis_band(score))
    }

    /// Returns energy and carbon of some rows, given as (trace, row) like in [`RowSet`]. Rows that do
    /// not count or do not exist cost nothing; a row given twice costs twice.
    pub fn price(&self, rows: impl IntoIterator<Item = (usize, usize)>) -> Price {
        if !self.pricer.options.enabled {
            return Price::default();
        }
        let mut tally = Tally::default();
        for (trace, row) in rows {
            if let Some(span) = counting_span(self.traces, trace, row) {
                self.charge(span, &mut tally);
            }
        }
        Price::of(&tally)
    }

    fn charge(&self, span: &Span, tally: &mut Tally) {
        let energy = self.pricer.energy(span).energy;
        let place = self.pricer.places.found(span);
        tally.add(energy, place.and_then(|place| operational(energy.map(Joules::to_kilowatt_hours), place)));
    }
}

/// Scores the traces of an analysis. Linear in the number of spans.
pub fn score<'a>(input: &ScoreInput<'a>) -> GreenScore<'a> {
    let mut sums = Sums::new(input);
    for (number, trace) in input.traces.iter().enumerate() {
        sums.add_requests(trace);
        for row in (0..trace.spans.len()).filter(|row| trace.counts(*row)) {
            sums.add_row(trace, row, input.avoidable.contains(number, row));
        }
    }
    let (summary, warnings) = summary::summarize(&sums, input.traces.len() as u64);
    GreenScore {
        summary,
        endpoints: sums.endpoint_ops(),
        warnings,
        intensities: sums.intensities(),
        traces: input.traces,
        pricer: sums.pricer,
    }
}

fn counting_span(traces: &[SealedTrace], trace: usize, row: usize) -> Option<&Span> {
    let trace = traces.get(trace)?;
    (row < trace.spans.len() && trace.counts(row)).then(|| &trace.spans[row])
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
    fn new(input: &ScoreInput<'a>) -> Sums<'a> {
        let pricer = Pricer::new(input.texts, input.options, input.sources);
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
    fn add_requests(&mut self, trace: &SealedTrace) {
        let mut entered: Vec<(usize, u32)> =
            (0..trace.spans.len()).map(|row| (self.endpoint(trace, row), trace.entries[row])).collect();
        entered.sort_unstable();
        entered.dedup();
        for (endpoint, _) in entered {
            self.endpoints[endpoint].requests += 1;
        }
    }

    fn add_row(&mut self, trace: &SealedTrace, row: usize, is_avoidable: bool) {
        let span = &trace.spans[row];
        let price = self.price_of(span);
        let endpoint = self.endpoint(trace, row);
        let endpoint = &mut self.endpoints[endpoint];
        endpoint.tally.merge(&price);
        endpoint.io_time_ns += u128::from(span.duration_ns);
        self.total.merge(&price);
        let kind = self.kinds.entry(span.kind.word()).or_default();
        kind.total += 1;
        if is_avoidable {
            kind.avoidable += 1;
            self.avoidable.merge(&price);
        }
    }

    /// Returns the price of one round trip, having added it to its region.
    fn price_of(&mut self, span: &Span) -> Tally {
        let mut tally = Tally::default();
        if !self.pricer.options.enabled {
            tally.add(Default::default(), None);
            return tally;
        }
        let located = self.pricer.locate(span);
        self.bad_regions += u64::from(located.bad_region);
        let priced = self.pricer.energy(span);
        self.sources[priced.source] = true;
        let place = &self.pricer.places.all()[located.place];
        tally.add(priced.energy, operational(priced.energy.map(Joules::to_kilowatt_hours), place));
        if let Some(transport) = self.pricer.transport(span, place) {
            self.transport.add(transport);
        }
        if self.regions.len() <= located.place {
            self.regions.resize(located.place + 1, Tally::default());
        }
        self.regions[located.place].merge(&tally);
        tally
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
