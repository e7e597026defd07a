//! The thread that takes exports: decodes and maps them, keeps the window of open traces, and cuts what is closed into
//! units. It alone touches the window, the mapper and the texts that are being added to.
//!
//! Texts are never taken out of their store. When it has grown beyond what is allowed, a new one begins: the open
//! traces are carried over, and the old store ends with the last unit that uses it.

use super::units::Unit;
use super::{Shared, elapsed_ns};
use crate::analysis::{self, read_limits};
use crate::config::Config;
use crate::ingest::{Encoding, ReadLimits, SpanSink, Thread, read_body};
use anyhow::Result;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::oneshot;
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::{IdTable, Span, TextId, Texts, TraceId, packed};
use tracewatt_core::window::{Arrival, ClosedTrace, LiveOptions, LiveWindow};

/// How often traces are looked at that may be due.
const TICK: Duration = Duration::from_millis(20);
/// Texts of a store, from which on a new one begins.
const MAX_TEXTS: usize = 500_000;

/// What the intake is sent.
pub(super) enum Message {
    /// An export.
    Export(Export),
    /// There is no more.
    End,
}

/// An export as received, decompressed.
pub(super) struct Export {
    pub body: Bytes,
    pub encoding: Encoding,
    pub answer: oneshot::Sender<Answer>,
}

/// What became of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken, but for so many spans.
    Taken { rejected: u64, reason: String },
    /// It is not what it should be; nothing of it was taken.
    Malformed(String),
    /// There is no room now.
    Full,
}

/// The thread's own.
pub(super) struct Intake {
    shared: Arc<Shared>,
    window: LiveWindow,
    limits: ReadLimits,
    options: MapOptions,
    sampling_rate: f64,
    wanted: Vec<String>,
    mapper: Mapper,
    texts: Arc<Texts>,
    ids: IdTable,
    coverage: CoverageTable,
    epoch: u64,
    /// Texts with which a new store begins.
    full_at: usize,
    arrived: Arrived,
    /// Number of the generation whose configuration is followed.
    generation: u64,
}

/// Spans of one export, packed, in the order in which they came.
#[derive(Default)]
struct Arrived {
    packed: Vec<u8>,
    parts: Vec<Part>,
    sampled_out: u64,
}

/// Spans of one trace that follow each other.
struct Part {
    trace: TraceId,
    end: usize,
    spans: u32,
    has_root: bool,
}

/// Maps decoded spans and packs them.
struct Packer<'a> {
    mapper: &'a mut Mapper,
    coverage: &'a mut CoverageTable,
    losses: Losses,
    arrived: &'a mut Arrived,
    sampling_rate: f64,
}

impl SpanSink for Packer<'_> {
    fn span(&mut self, span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str) {
        if !is_sampled(span.trace, self.sampling_rate) {
            self.arrived.sampled_out += 1;
            return;
        }
        let span = self.mapper.map(span, resource, scope, self.coverage, &mut self.losses);
        self.arrived.push(&span);
    }
}

impl Arrived {
    fn clear(&mut self) {
        self.packed.clear();
        self.parts.clear();
        self.sampled_out = 0;
    }

    fn push(&mut self, span: &Span) {
        packed::write(span, &mut self.packed);
        let (end, is_root) = (self.packed.len(), span.parent.is_none());
        match self.parts.last_mut().filter(|part| part.trace == span.trace) {
            Some(part) => {
                (part.end, part.has_root) = (end, part.has_root || is_root);
                part.spans += 1;
            }
            None => self.parts.push(Part { trace: span.trace, end, spans: 1, has_root: is_root }),
        }
    }

    fn spans(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.spans)).sum()
    }
}

/// Whether a trace is taken: the same for all of its spans, and in every process with the same rate.
fn is_sampled(TraceId(id): TraceId, rate: f64) -> bool {
    let mixed = (id as u64 ^ (id >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 11) as f64 / (1u64 << 53) as f64 <= rate && rate > 0.0
}

impl Intake {
    pub fn new(shared: &Arc<Shared>) -> Intake {
        let generation = shared.generations.current();
        let config = &generation.session.config;
        let (limits, options) = (read_limits(config), map_options(config));
        let texts = Arc::new(Texts::default());
        Intake {
            window: LiveWindow::new(live_options(config)),
            sampling_rate: config.daemon.sampling_rate,
            wanted: options.wanted(),
            mapper: Mapper::new(options.clone(), texts.handle()),
            shared: shared.clone(),
            limits,
            options,
            texts,
            ids: IdTable::default(),
            coverage: CoverageTable::default(),
            epoch: 1,
            full_at: MAX_TEXTS,
            arrived: Arrived::default(),
            generation: generation.number,
        }
    }

    /// Takes exports until there are no more; then closes all traces.
    pub fn run(mut self, received: &Receiver<Message>) -> Result<()> {
        let mut looked_ns = 0;
        loop {
            self.follow();
            match received.recv_timeout(TICK) {
                Ok(Message::Export(export)) => {
                    let started = elapsed_ns();
                    let answer = self.take(&export.body, export.encoding);
                    self.shared.metrics.stage("decode", elapsed_ns() - started, "");
                    // A client that has gone does not change what was taken.
                    let _ = export.answer.send(answer);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            let now_ns = elapsed_ns();
            if now_ns.saturating_sub(looked_ns) >= TICK.as_nanos() as u64 || self.window.is_over_budget() {
                looked_ns = now_ns;
                let closed = self.window.due(now_ns);
                self.hand_over(closed);
                self.renew_texts();
                self.gauge();
            }
        }
        let closed = self.window.end();
        self.hand_over(closed);
        self.shared.units.end();
        Ok(())
    }

    /// Takes over what another generation says of intake and window.
    fn follow(&mut self) {
        if self.shared.generations.number() == self.generation {
            return;
        }
        let generation = self.shared.generations.current();
        let config = &generation.session.config;
        (self.limits, self.generation) = (read_limits(config), generation.number);
        self.sampling_rate = config.daemon.sampling_rate;
        self.window.set_options(live_options(config));
        let options = map_options(config);
        if options != self.options {
            self.wanted = options.wanted();
            self.mapper = Mapper::new(options.clone(), self.texts.handle());
            self.options = options;
        }
    }

    fn gauge(&self) {
        let gauges = &self.shared.metrics;
        gauges.window_traces.set(self.window.traces() as i64);
        gauges.window_spans.set(self.window.spans() as i64);
        gauges.window_bytes.set(self.window.bytes() as i64);
        gauges.texts.set(self.texts.len() as i64);
    }

    fn take(&mut self, body: &[u8], encoding: Encoding) -> Answer {
        if self.shared.units.is_full() {
            return Answer::Full;
        }
        self.arrived.clear();
        let mut packer = Packer {
            mapper: &mut self.mapper,
            coverage: &mut self.coverage,
            losses: Losses::default(),
            arrived: &mut self.arrived,
            sampling_rate: self.sampling_rate,
        };
        let mut thread = Thread { ids: IdTable::default(), losses: Losses::default(), sink: &mut packer };
        let read = read_body(body, encoding, &self.limits, &self.wanted, &mut thread);
        let Thread { ids, mut losses, .. } = thread;
        losses.merge(&packer.losses);
        let received = match read {
            Ok(received) => received,
            Err(error) => return Answer::Malformed(error.to_string()),
        };
        self.ids.merge(&ids);
        let metrics = &self.shared.metrics;
        metrics.spans_received.inc_by(received);
        metrics.lose("sampled_out", self.arrived.sampled_out);
        let (over_limit, late) = self.add();
        let metrics = &self.shared.metrics;
        metrics.lose("spans_over_trace_limit", over_limit);
        metrics.spans_late.inc_by(late);
        metrics.spans_taken.inc_by(self.arrived.spans() - over_limit);
        losses.iter().for_each(|(reason, count)| metrics.lose(reason, count));
        let without_id = losses.get("spans_without_id");
        answer(without_id, over_limit)
    }

    /// Puts what arrived into the window. Returns the spans that traces have too many of, and those that came late.
    fn add(&mut self) -> (u64, u64) {
        let Intake { window, arrived, .. } = self;
        let (now_ns, mut start, mut over_limit, mut late) = (elapsed_ns(), 0, 0, 0);
        for Part { trace, end, spans, has_root } in &arrived.parts {
            let (trace, spans, has_root) = (*trace, *spans, *has_root);
            let packed = &arrived.packed[start..*end];
            let taken = window.add(now_ns, &Arrival { trace, packed, spans, has_root, origin: 0 });
            over_limit += u64::from(taken.over_limit);
            late += u64::from(taken.late);
            start = *end;
        }
        (over_limit, late)
    }

    fn hand_over(&mut self, closed: Vec<ClosedTrace>) {
        if closed.is_empty() {
            return;
        }
        for trace in &closed {
            self.shared.metrics.traces_closed(trace.closing).inc();
        }
        let names = Arc::new(analysis::Intake {
            texts: self.texts.clone(),
            ids: self.ids.clone(),
            coverage: self.coverage.clone(),
            ..analysis::Intake::default()
        });
        for unit in Unit::cut(closed, &names, self.epoch) {
            self.shared.units.push(unit);
        }
    }

    /// Begins a new store of texts when the old one has grown too large.
    fn renew_texts(&mut self) {
        if self.texts.len() < self.full_at {
            return;
        }
        let old = std::mem::take(&mut self.texts);
        let mut new = self.texts.handle();
        self.window.rewrite(|packed| carry_over(packed, &old, &mut new));
        self.epoch += 1;
        self.coverage = CoverageTable::default();
        self.ids = IdTable::default();
        self.mapper = Mapper::new(self.options.clone(), self.texts.handle());
        self.full_at = MAX_TEXTS.max(2 * self.texts.len());
        self.shared.metrics.text_stores.inc();
    }
}

fn answer(without_id: u64, over_limit: u64) -> Answer {
    let mut reasons = Vec::new();
    if without_id > 0 {
        reasons.push(format!("{without_id} spans have no trace id or span id"));
    }
    if over_limit > 0 {
        reasons.push(format!(
            "{over_limit} spans belong to traces that have too many (input.max_spans_per_trace)"
        ));
    }
    Answer::Taken { rejected: without_id + over_limit, reason: reasons.join("; ") }
}

/// Returns packed spans with the numbers that their texts have in another store.
fn carry_over(mut packed: &[u8], old: &Texts, new: &mut Texts) -> Vec<u8> {
    let mut out = Vec::with_capacity(packed.len());
    while let Some(mut span) = packed::read(&mut packed) {
        let mut carry = |id: &mut TextId| *id = new.intern(old.get(*id));
        for id in [
            &mut span.service,
            &mut span.name,
            &mut span.template,
            &mut span.system,
            &mut span.peer,
            &mut span.route,
            &mut span.scope,
            &mut span.region,
            &mut span.grouping,
            &mut span.code.function,
            &mut span.code.namespace,
            &mut span.code.file,
        ] {
            carry(id);
        }
        packed::write(&span, &mut out);
    }
    out
}

fn map_options(config: &Config) -> MapOptions {
    MapOptions {
        grouping_attributes: config.detection.grouping_attributes.clone(),
        max_text_bytes: read_limits(config).max_text_bytes,
    }
}

fn live_options(config: &Config) -> LiveOptions {
    let daemon = &config.daemon;
    let ns = |ms: u64| ms.saturating_mul(1_000_000);
    LiveOptions {
        idle_ns: ns(daemon.trace_ttl_ms),
        grace_ns: ns(daemon.trace_grace_ms),
        max_age_ns: ns(daemon.trace_max_age_ms),
        // The rest is for what waits to be judged.
        memory_bytes: daemon.memory_mib * (1024 * 1024 / 4 * 3),
        max_traces: daemon.max_active_traces,
        max_spans_per_trace: config.input.max_spans_per_trace,
    }
}
