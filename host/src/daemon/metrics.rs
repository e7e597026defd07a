//! What is counted. Every loss has a reason, and every series that can be known beforehand is there from the start, at
//! zero, so that an alert on an increase sees the first one.

use anyhow::{Context, Result};
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use tracewatt_core::detect::DetectorRun;
use tracewatt_core::window::Closing;

/// Why an export was refused, as the label `reason`.
pub(super) const REFUSALS: [&str; 8] =
    ["busy", "compression", "malformed", "media_type", "method", "timeout", "too_large", "unauthorized"];
/// Why a connection was refused, as the label `reason`.
const CONNECTION_REFUSALS: [&str; 7] =
    ["client_limit", "descriptors", "gone", "handshake", "handshake_limit", "handshake_timeout", "limit"];
/// Why a connection was cut, as the label `reason`.
const CUTS: [&str; 5] = ["broken", "header", "idle", "malformed", "stalled"];
/// Losses that can be known beforehand; others appear when they first occur.
const LOSSES: [&str; 4] = ["sampled_out", "spans_over_trace_limit", "spans_without_id", "texts_cut"];
/// Upper bounds of stage latencies, seconds.
const STAGE_BUCKETS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 2.0];

/// All of them.
pub(super) struct Metrics {
    registry: Registry,
    /// Spans of exports that were decoded.
    pub spans_received: IntCounter,
    /// Spans that went into the window.
    pub spans_taken: IntCounter,
    /// Spans of traces that had been closed.
    pub spans_late: IntCounter,
    /// Spans that were judged.
    pub spans_judged: IntCounter,
    /// Traces that were judged.
    pub traces_judged: IntCounter,
    /// Round trips.
    pub io_ops: IntCounter,
    /// Round trips that need not have happened.
    pub avoidable_io_ops: IntCounter,
    /// Energy and carbon by the best estimate.
    pub energy_joules: prometheus::Counter,
    /// See `energy_joules`.
    pub carbon_grams: prometheus::Counter,
    /// Open traces.
    pub window_traces: IntGauge,
    /// Their spans.
    pub window_spans: IntGauge,
    /// Their bytes.
    pub window_bytes: IntGauge,
    /// Bytes that wait to be judged.
    pub queue_bytes: IntGauge,
    /// Spans that wait to be judged.
    pub queue_spans: IntGauge,
    /// Texts of the store at hand.
    pub texts: IntGauge,
    /// Stores of texts that were begun after the first.
    pub text_stores: IntCounter,
    /// Open connections.
    pub connections: IntGauge,
    /// Problems that are reported.
    pub problems: IntGauge,
    /// Number of the generation in force.
    pub generation: IntGauge,
    reloads: IntCounterVec,
    exports: IntCounterVec,
    refused: IntCounterVec,
    ignored_exports: IntCounterVec,
    lost: IntCounterVec,
    closed: IntCounterVec,
    connections_refused: IntCounterVec,
    connections_cut: IntCounterVec,
    requests_refused: IntCounterVec,
    findings: IntCounterVec,
    stages: HistogramVec,
    plugin_calls: IntCounterVec,
    plugin_seconds: CounterVec,
    plugin_spans: IntCounterVec,
    plugin_findings: IntCounterVec,
    plugin_faults: IntCounterVec,
    plugin_memory: IntGaugeVec,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two have one name, which is a mistake of ours.
    pub fn new() -> Result<Metrics> {
        let make = Make(Registry::new_custom(Some("tracewatt".to_owned()), None)?);
        let build = make.gauges("build_info", "Version of the program; always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let started =
            make.gauge("start_time_seconds", "When the daemon started, seconds since the epoch.")?;
        started.set(super::wall_ns() as f64 / 1e9);
        let metrics = Metrics {
            spans_received: make.counter("spans_received_total", "Spans of exports that were decoded.")?,
            spans_taken: make.counter("spans_taken_total", "Spans that went into the window.")?,
            spans_late: make
                .counter("spans_late_total", "Spans of traces that had been judged; judged apart.")?,
            spans_judged: make.counter("spans_judged_total", "Spans that were judged.")?,
            traces_judged: make.counter("traces_judged_total", "Traces that were judged.")?,
            io_ops: make.counter("io_ops_total", "Round trips.")?,
            avoidable_io_ops: make
                .counter("avoidable_io_ops_total", "Round trips that need not have happened, each once.")?,
            energy_joules: make
                .float_counter("energy_joules_total", "Energy of round trips, best estimate.")?,
            carbon_grams: make.float_counter("carbon_gco2_total", "Carbon of round trips, best estimate.")?,
            window_traces: make.int_gauge("window_traces", "Open traces.")?,
            window_spans: make.int_gauge("window_spans", "Spans of open traces.")?,
            window_bytes: make.int_gauge("window_bytes", "Bytes of open traces.")?,
            queue_bytes: make.int_gauge("queue_bytes", "Bytes of closed traces that wait to be judged.")?,
            queue_spans: make.int_gauge("queue_spans", "Spans of closed traces that wait to be judged.")?,
            texts: make.int_gauge("texts", "Distinct texts in the store at hand.")?,
            text_stores: make.counter("text_stores_total", "Stores of texts begun because one was full.")?,
            connections: make.int_gauge("connections", "Open connections.")?,
            problems: make.int_gauge("problems", "Problems that are reported.")?,
            generation: make.int_gauge("generation", "Number of the configuration and plug-ins in force.")?,
            reloads: make.counters("reloads_total", "Attempts at another generation.", &["result"])?,
            exports: make.counters("exports_total", "Exports that were taken.", &["transport"])?,
            refused: make.counters("exports_refused_total", "Exports that were not taken.", &["reason"])?,
            ignored_exports: make.counters(
                "exports_ignored_total",
                "Exports of metrics and logs, which are not used.",
                &["signal"],
            )?,
            lost: make.counters("lost_total", "What was dropped or cut of what was taken.", &["reason"])?,
            closed: make.counters("traces_closed_total", "Traces taken out of the window.", &["reason"])?,
            connections_refused: make.counters(
                "connections_refused_total",
                "Connections that were closed before they could ask for anything.",
                &["reason"],
            )?,
            requests_refused: make.counters(
                "requests_refused_total",
                "Requests that reached no route, or were not let in.",
                &["reason"],
            )?,
            connections_cut: make.counters(
                "connections_cut_total",
                "Connections that were ended because of what the client did or did not do.",
                &["reason"],
            )?,
            findings: make.counters("findings_total", "Findings.", &["type", "severity"])?,
            stages: make.histograms(
                "stage_seconds",
                "Time of a stage for one unit of traces.",
                &["stage"],
            )?,
            plugin_calls: make.counters("plugin_calls_total", "Calls.", &["plugin"])?,
            plugin_seconds: make.float_counters("plugin_seconds_total", "Time of calls.", &["plugin"])?,
            plugin_spans: make.counters("plugin_spans_total", "Spans it was offered.", &["plugin"])?,
            plugin_findings: make.counters(
                "plugin_findings_total",
                "Findings before folding.",
                &["plugin"],
            )?,
            plugin_faults: make.counters(
                "plugin_faults_total",
                "Traces it could not judge.",
                &["plugin", "kind"],
            )?,
            plugin_memory: make.int_gauges(
                "plugin_memory_bytes",
                "Most memory of an instance.",
                &["plugin"],
            )?,
            registry: make.0,
        };
        metrics.start_at_zero();
        Ok(metrics)
    }

    fn start_at_zero(&self) {
        let zero = |counters: &IntCounterVec, labels: &[&str]| {
            labels.iter().for_each(|label| drop(counters.with_label_values(&[label])));
        };
        self.generation.set(1);
        zero(&self.reloads, &["taken_over", "refused"]);
        zero(&self.exports, &["http", "grpc", "socket"]);
        zero(&self.refused, &REFUSALS);
        zero(&self.ignored_exports, &["metrics", "logs"]);
        zero(&self.lost, &LOSSES);
        zero(&self.connections_refused, &CONNECTION_REFUSALS);
        zero(&self.requests_refused, &["forbidden", "method", "not_found", "unauthenticated"]);
        zero(&self.connections_cut, &CUTS);
        Closing::ALL.iter().for_each(|closing| drop(self.traces_closed(*closing)));
        ["seal", "detect", "fold"].iter().for_each(|stage| drop(self.stages.with_label_values(&[stage])));
    }

    /// Counts an attempt at another generation.
    pub fn reloaded(&self, taken_over: bool, generation: u64) {
        self.reloads.with_label_values(&[if taken_over { "taken_over" } else { "refused" }]).inc();
        self.generation.set(generation as i64);
    }

    /// Counts an export that was taken.
    pub fn took(&self, transport: &str) {
        self.exports.with_label_values(&[transport]).inc();
    }

    /// Counts an export that was not.
    pub fn refuse(&self, reason: &'static str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// Counts an export of something else than traces.
    pub fn ignore(&self, signal: &str) {
        self.ignored_exports.with_label_values(&[signal]).inc();
    }

    /// Counts a connection that was closed before it could ask for anything.
    pub fn refuse_connection(&self, reason: &'static str) {
        self.connections_refused.with_label_values(&[reason]).inc();
    }

    /// Counts a request that reached no route, or was not let in.
    pub fn refuse_request(&self, reason: &'static str) {
        self.requests_refused.with_label_values(&[reason]).inc();
    }

    /// Counts a connection that was ended for what its client did or did not do.
    pub fn cut_connection(&self, reason: &'static str) {
        self.connections_cut.with_label_values(&[reason]).inc();
    }

    /// Counts what was dropped or cut.
    pub fn lose(&self, reason: &str, count: u64) {
        if count > 0 {
            self.lost.with_label_values(&[reason]).inc_by(count);
        }
    }

    /// Returns the counter of traces closed for a reason.
    pub fn traces_closed(&self, closing: Closing) -> IntCounter {
        self.closed.with_label_values(&[closing.word()])
    }

    /// Counts a finding.
    pub fn finding(&self, kind: &str, severity: &str) {
        self.findings.with_label_values(&[kind, severity]).inc();
    }

    /// Notes how long a stage took.
    pub fn stage(&self, stage: &str, ns: u64) {
        self.stages.with_label_values(&[stage]).observe(ns as f64 / 1e9);
    }

    /// Adds what a plug-in did.
    pub fn plugin(&self, id: &str, run: &DetectorRun) {
        let label = &[id];
        self.plugin_calls.with_label_values(label).inc_by(run.effort.calls);
        self.plugin_seconds.with_label_values(label).inc_by(run.effort.busy_ns as f64 / 1e9);
        self.plugin_spans.with_label_values(label).inc_by(run.effort.spans);
        self.plugin_findings.with_label_values(label).inc_by(run.findings);
        let memory = self.plugin_memory.with_label_values(label);
        memory.set(memory.get().max(run.effort.memory_bytes as i64));
        for (_, fault) in &run.set_aside {
            self.plugin_faults.with_label_values(&[id, fault.kind.word()]).inc();
        }
        run.losses.iter().for_each(|(reason, count)| self.lose(reason, count));
    }

    /// Returns everything in the text format of Prometheus.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn text(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).context("cannot write metrics")
    }
}

/// Makes and registers.
struct Make(Registry);

impl Make {
    fn add<T: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<T>,
    ) -> Result<T> {
        let made = made?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.add(IntCounter::new(name, help))
    }

    fn float_counter(&self, name: &str, help: &str) -> Result<prometheus::Counter> {
        self.add(prometheus::Counter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn float_counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec> {
        self.add(CounterVec::new(Opts::new(name, help), labels))
    }

    fn int_gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        self.add(IntGauge::new(name, help))
    }

    fn int_gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> Result<Gauge> {
        self.add(Gauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec> {
        self.add(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec> {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(STAGE_BUCKETS.to_vec()), labels))
    }
}
