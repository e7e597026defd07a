//! What is counted. Every loss has a reason, and every series that can be known beforehand is there from the start, at
//! zero, so that an alert on an increase sees the first one.

use super::exposition::{Exemplars, open_metrics};
use anyhow::{Context, Result};
use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::collections::BTreeMap;
use std::fmt::Write;
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
    exemplars: Exemplars,
    /// What there is, for the reference page.
    described: Vec<Described>,
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
    /// Readers of `/api/events`.
    pub listeners: IntGauge,
    /// Readers of `/api/events` that did not keep up.
    pub listeners_dropped: IntCounter,
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
    webhooks: IntCounterVec,
}

/// What came of an attempt at a webhook, as the label `result`: taken by the other side; failed, and tried again; given
/// up; not even tried, since too many waited.
const WEBHOOK_RESULTS: [&str; 4] = ["sent", "retried", "given_up", "dropped"];

/// A metric, for the reference page.
struct Described {
    name: String,
    kind: &'static str,
    labels: Vec<String>,
    help: String,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two have one name, which is a mistake of ours.
    pub fn new() -> Result<Metrics> {
        let registry = Registry::new_custom(Some("tracewatt".to_owned()), None)?;
        let mut make = Make { registry, described: Vec::new() };
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
            listeners: make.int_gauge("event_streams", "Open streams of events.")?,
            listeners_dropped: make.counter(
                "event_streams_dropped_total",
                "Streams of events that were ended because their reader was too slow.",
            )?,
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
            webhooks: make.counters(
                "webhook_deliveries_total",
                "Attempts at webhooks, and events given up.",
                &["result"],
            )?,
            exemplars: Exemplars::default(),
            described: make.described,
            registry: make.registry,
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
        zero(&self.webhooks, &WEBHOOK_RESULTS);
        zero(&self.connections_refused, &CONNECTION_REFUSALS);
        zero(&self.requests_refused, &["forbidden", "method", "not_found", "unauthenticated"]);
        zero(&self.connections_cut, &CUTS);
        Closing::ALL.iter().for_each(|closing| drop(self.traces_closed(*closing)));
        ["decode", "seal", "detect", "fold"]
            .iter()
            .for_each(|stage| drop(self.stages.with_label_values(&[stage])));
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

    /// Counts a finding about a trace.
    pub fn finding(&self, kind: &str, severity: &str, trace_id: &str) {
        self.findings.with_label_values(&[kind, severity]).inc();
        self.exemplars.note("tracewatt_findings_total", &[severity, kind], trace_id, 1.0, super::wall_ns());
    }

    /// Notes how long a stage took for a unit, with the id of a trace of it, empty for none.
    pub fn stage(&self, stage: &str, ns: u64, trace_id: &str) {
        let seconds = ns as f64 / 1e9;
        self.stages.with_label_values(&[stage]).observe(seconds);
        self.exemplars.note("tracewatt_stage_seconds", &[stage], trace_id, seconds, super::wall_ns());
    }

    /// Counts what came of an attempt at a webhook.
    pub fn webhook(&self, result: &str) {
        self.webhooks.with_label_values(&[result]).inc();
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

    /// Returns losses by reason.
    pub fn losses(&self) -> BTreeMap<String, u64> {
        let families = self.lost.collect();
        let series = families.iter().flat_map(|family| family.get_metric());
        let one = |series: &prometheus::proto::Metric| {
            let reason = series.get_label().first()?.value().to_owned();
            let count = series.get_counter().get_value() as u64;
            (count > 0).then_some((reason, count))
        };
        series.filter_map(one).collect()
    }

    /// Returns everything in the text format of Prometheus.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn text(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).context("cannot write metrics")
    }

    /// Returns everything as OpenMetrics.
    pub fn open_metrics(&self) -> String {
        open_metrics(&self.registry.gather(), &self.exemplars)
    }
}

/// Returns the reference page of the metrics, Markdown.
///
/// # Errors
/// When two have one name, which is a mistake of ours.
pub fn metrics_page() -> Result<String> {
    let mut page = String::from(
        "<!-- Generated from host/src/daemon/metrics.rs. Do not edit. -->\n\n# Metrics of the daemon\n\n\
         `GET /metrics` answers in the text format of Prometheus, or as OpenMetrics where the `Accept` header asks for it. \
         OpenMetrics has exemplars (`trace_id`) on `tracewatt_findings_total` and `tracewatt_stage_seconds`. Series whose \
         labels are known beforehand are there from the start, at zero.\n\n\
         | metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    let mut described = Metrics::new()?.described;
    described.sort_by(|a, b| a.name.cmp(&b.name));
    for Described { name, kind, labels, help } in described {
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    Ok(page)
}

/// Makes, registers, and keeps what there is.
struct Make {
    registry: Registry,
    described: Vec<Described>,
}

impl Make {
    fn add<T: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        made: prometheus::Result<T>,
    ) -> Result<T> {
        let made = made?;
        self.registry.register(Box::new(made.clone()))?;
        self.described.extend(made.desc().into_iter().map(|desc| Described {
            name: format!("tracewatt_{}", desc.fq_name),
            kind,
            labels: desc.variable_labels.clone(),
            help: desc.help.clone(),
        }));
        Ok(made)
    }

    fn counter(&mut self, name: &str, help: &str) -> Result<IntCounter> {
        self.add("counter", IntCounter::new(name, help))
    }

    fn float_counter(&mut self, name: &str, help: &str) -> Result<prometheus::Counter> {
        self.add("counter", prometheus::Counter::new(name, help))
    }

    fn counters(&mut self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        self.add("counter", IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn float_counters(&mut self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec> {
        self.add("counter", CounterVec::new(Opts::new(name, help), labels))
    }

    fn int_gauge(&mut self, name: &str, help: &str) -> Result<IntGauge> {
        self.add("gauge", IntGauge::new(name, help))
    }

    fn int_gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
        self.add("gauge", IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&mut self, name: &str, help: &str) -> Result<Gauge> {
        self.add("gauge", Gauge::new(name, help))
    }

    fn gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec> {
        self.add("gauge", GaugeVec::new(Opts::new(name, help), labels))
    }

    fn histograms(&mut self, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec> {
        self.add(
            "histogram",
            HistogramVec::new(HistogramOpts::new(name, help).buckets(STAGE_BUCKETS.to_vec()), labels),
        )
    }
}
