//! The one document of an analysis. Every output format is made of it; `--baseline` and `diff` read it back.
//!
//! A report is a function of input and configuration: no wall clock, no host name, no order of a hash table.
//! Maps are ordered, lists have a total order, floats are written in their shortest form that reads back.

use crate::count::counted;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Version of the report's shape: the major number changes when a reader must change.
pub const SCHEMA_VERSION: &str = "1.0";

/// The document of one analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Version of this shape, see the schema file of the same number.
    pub schema_version: String,
    /// What made the report.
    pub tool: Tool,
    /// What was read and what became of it.
    pub analysis: Analysis,
    /// The verdict and the rules behind it.
    pub quality_gate: QualityGate,
    /// Findings folded by fingerprint: what the gate counts and a person acknowledges. Worst first.
    pub problems: Vec<Problem>,
    /// One entry per detector statement about one trace, worst problem first, those of acknowledged problems included.
    pub findings: Vec<Finding>,
    /// Problems taken out of the gate by an acknowledgment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledged: Vec<Acknowledged>,
    /// I/O in numbers, energy and carbon.
    pub green_summary: GreenSummary,
    /// I/O per entry point.
    pub per_endpoint_io_ops: Vec<EndpointOps>,
    /// What the spans of each service and instrumentation scope carried.
    pub coverage: Vec<Coverage>,
    /// Plug-ins that took part.
    pub plugins: Vec<PluginRun>,
    /// What the reader should know before trusting the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Effective settings of the detectors, `detector.setting`.
    pub detection_config: BTreeMap<String, Value>,
    /// Problems of the baseline that did not come back; only with `--baseline`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<Problem>,
}

/// What made the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// `tracewatt`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was read and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// Where the traces were recorded: `local_batch`, `ci_batch`, `daemon_staging`, `daemon_production`.
    #[serde(default)]
    pub environment: String,
    /// Inputs in the order given.
    pub inputs: Vec<Input>,
    /// Spans decoded from all inputs.
    pub spans_received: u64,
    /// Spans that are I/O and count, merged duplicates left out.
    pub events_processed: u64,
    /// Traces analysed.
    pub traces_analyzed: u64,
    /// Share of outbound spans with something to normalize, over the kind of I/O where it is lowest;
    /// absent when no kind has enough spans to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_span_ratio: Option<f64>,
    /// Whether something was cut, dropped or missing, so that findings may be missing too.
    pub incomplete: bool,
    /// Everything that was dropped, cut or merged, counted by reason.
    pub losses: BTreeMap<String, u64>,
}

/// One input file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// File name as given, `-` for standard input.
    pub name: String,
    /// `otlp-json`, `otlp-protobuf`, `jaeger`, `zipkin-v2`, `zipkin-v1`, `native`.
    pub format: String,
    /// Spans decoded.
    pub spans: u64,
    /// Why the end of the input was left out, when its last document is cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
}

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QualityGate {
    /// Whether every rule passed.
    pub passed: bool,
    /// What stands in the way of a verdict: no usable span, input missing, a detector that could not judge. Exit
    /// code 3 under `--ci`, unless a rule failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
    /// Every rule that was evaluated.
    pub rules: Vec<GateRule>,
}

/// One rule of the gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateRule {
    /// Name, as in the configuration.
    pub rule: String,
    /// Limit from the configuration.
    pub threshold: f64,
    /// What was measured.
    pub actual: f64,
    /// Whether it holds.
    pub passed: bool,
}

/// Severity, worst last in the derived order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Info,
    /// Should be fixed.
    Warning,
    /// Hurts now.
    Critical,
}

/// How much the evidence carries, from the detector's confidence score.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ConfidenceLevel {
    /// Below 0.6: look before you act.
    #[default]
    Candidate,
    /// 0.6 and more.
    Probable,
    /// 0.9 and more: the spans prove it.
    Confirmed,
}

/// Where a problem stands against the baseline.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ProblemStatus {
    /// Not in the baseline.
    New,
    /// In the baseline too.
    #[default]
    Existing,
    /// In the baseline, and gone.
    Resolved,
}

/// Findings with one fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// Short id, printed everywhere: the first 8 hex digits of the fingerprint, longer on a collision.
    pub id: String,
    /// `tw1:` and 64 hex digits: SHA-256 over type, service, endpoint, template and grouping.
    pub fingerprint: String,
    /// The readable identity that reference tools use: `type:service:endpoint:hash`.
    pub signature: String,
    /// Finding type: `n_plus_one_sql`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Worst severity of the instances.
    pub severity: Severity,
    /// Best confidence of the instances, 0 to 1.
    pub confidence: f64,
    /// What that confidence amounts to.
    pub confidence_level: ConfidenceLevel,
    /// Service.
    pub service: String,
    /// Entry point the work was done for.
    pub source_endpoint: String,
    /// Tenant or namespace, `key=value`; absent when findings are not kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grouping: Option<String>,
    /// Normalized operation the problem is about.
    pub template: String,
    /// Against the baseline; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProblemStatus>,
    /// Findings folded into this problem.
    pub instances: u64,
    /// Occurrences over all instances.
    pub occurrences: u64,
    /// Occurrences in the worst instance.
    pub worst_occurrences: u64,
    /// Trace ids of the instances, at most 20, worst first.
    pub trace_ids: Vec<String>,
    /// First and last start over all instances, RFC 3339 in UTC with nanoseconds.
    pub first_timestamp: String,
    /// See `first_timestamp`.
    pub last_timestamp: String,
    /// Durations of the spans of all instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
    /// One sentence on what to do.
    pub suggestion: String,
    /// The fix for the framework at hand, or the nearest that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_fix: Option<SuggestedFix>,
    /// Where in the source, when spans say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_location: Option<CodeLocation>,
    /// What fixing it saves.
    pub green_impact: GreenImpact,
}

/// Durations in microseconds, by the nearest-rank method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// Half of the spans took no longer.
    pub p50_us: f64,
    /// 95 % of the spans took no longer.
    pub p95_us: f64,
    /// 99 % of the spans took no longer.
    pub p99_us: f64,
    /// The longest.
    pub max_us: f64,
    /// Population standard deviation over mean; 0 for one span.
    pub cv: f64,
}

/// One detector's statement about one trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id of the problem this is an instance of.
    pub problem_id: String,
    /// Finding type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Plug-in that made it.
    pub detector: String,
    /// Severity.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f64,
    /// What that confidence amounts to.
    pub confidence_level: ConfidenceLevel,
    /// Why, as the detector saw it, by name; units are in the names.
    pub evidence: BTreeMap<String, Value>,
    /// Trace.
    pub trace_id: String,
    /// Service.
    pub service: String,
    /// Entry point the work was done for.
    pub source_endpoint: String,
    /// Tenant or namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grouping: Option<String>,
    /// The repeated thing.
    pub pattern: Pattern,
    /// One sentence on what was seen.
    pub message: String,
    /// One sentence on what to do.
    pub suggestion: String,
    /// The fix for the framework at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_fix: Option<SuggestedFix>,
    /// First start, RFC 3339 in UTC with nanoseconds.
    pub first_timestamp: String,
    /// Last start.
    pub last_timestamp: String,
    /// Span ids, at most 64; `pattern.occurrences` has the count.
    pub span_ids: Vec<String>,
    /// Where in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_location: Option<CodeLocation>,
    /// Scopes of the spans and their callers, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instrumentation_scopes: Vec<String>,
    /// What fixing it saves.
    pub green_impact: GreenImpact,
    /// Whether the trace is known to miss spans.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// Whether the problem is acknowledged, so that it stands in `acknowledged` and not in `problems`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acknowledged: bool,
}

/// The repeated thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Normalized operation.
    pub template: String,
    /// Spans of the finding.
    pub occurrences: u64,
    /// From the first start to the last end, milliseconds.
    pub window_ms: f64,
    /// Distinct parameters among those visible; absent when all are hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_params: Option<u64>,
    /// Whether parameters could be seen: `visible`, `hidden`, `mixed`, `none`.
    pub params: String,
    /// Durations of the spans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
}

/// A fix for a framework.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuggestedFix {
    /// Framework or language the text is for: `python_django`, `java`, `general`.
    pub framework: String,
    /// What to change.
    pub recommendation: String,
    /// Where it is documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_url: Option<String>,
}

/// Where in the source, from the `code.*` attributes of the spans or their callers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeLocation {
    /// Function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Namespace, class or module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// File.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filepath: Option<String>,
    /// Line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineno: Option<u32>,
}

/// What fixing a problem saves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GreenImpact {
    /// Round trips that need not have happened; spans named by several findings count once in the totals.
    pub estimated_extra_io_ops: u64,
    /// I/O intensity score of the endpoint: round trips per request.
    pub io_intensity_score: f64,
    /// Its band.
    pub io_intensity_band: Band,
    /// Energy of the avoidable round trips, joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_joules: Option<Bounds>,
    /// Carbon of the avoidable round trips, grams CO2e; absent where the grid is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carbon_gco2: Option<Bounds>,
}

/// How good a figure is. The names are stable, the numbers behind them may move.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Nothing to do.
    #[default]
    Healthy,
    /// Worth a look.
    Moderate,
    /// Too much.
    High,
    /// Far too much.
    Critical,
}

/// A figure with its bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Lower bound.
    pub low: f64,
    /// Best estimate.
    pub mid: f64,
    /// Upper bound.
    pub high: f64,
}

/// A figure with its bounds and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Lower bound.
    pub low: f64,
    /// Best estimate.
    pub mid: f64,
    /// Upper bound.
    pub high: f64,
    /// Energy model behind it: `io_proxy_v1`.
    pub model: String,
    /// Formula: `sci_v1_numerator`.
    pub methodology: String,
}

/// I/O in numbers, energy and carbon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GreenSummary {
    /// Round trips.
    pub total_io_ops: u64,
    /// Round trips that need not have happened, each counted once.
    pub avoidable_io_ops: u64,
    /// Round trips by kind of I/O.
    pub io_ops_by_kind: BTreeMap<String, KindOps>,
    /// Avoidable over total, 0 without I/O.
    pub io_waste_ratio: f64,
    /// Its band.
    pub io_waste_ratio_band: Band,
    /// Endpoints with the most round trips per request, worst first.
    pub top_offenders: Vec<Offender>,
    /// Energy of the I/O in kilowatt hours; absent when switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_kwh: Option<Estimate>,
    /// Carbon; absent when switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co2: Option<Carbon>,
    /// Per region, most carbon first.
    pub regions: Vec<RegionCarbon>,
    /// How the figures were made.
    pub scoring_config: BTreeMap<String, Value>,
}

/// Round trips of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KindOps {
    /// All.
    pub total: u64,
    /// Avoidable.
    pub avoidable: u64,
}

/// Round trips per request of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offender {
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// Round trips per request.
    pub io_intensity_score: f64,
    /// Its band.
    pub io_intensity_band: Band,
    /// Carbon of the endpoint's I/O in grams; absent where the grid is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co2_grams: Option<f64>,
}

/// Carbon after the Software Carbon Intensity specification (ISO/IEC 21031:2024).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Carbon {
    /// (E x I) + M over all traces, grams CO2e. Absent when no region is known at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Estimate>,
    /// Operational carbon of the avoidable round trips, grams CO2e.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avoidable: Option<Estimate>,
    /// Total per functional unit, grams CO2e.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sci_per_trace: Option<Estimate>,
    /// E x I, grams CO2e; absent when no region is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operational_gco2: Option<f64>,
    /// M, grams CO2e.
    pub embodied_gco2: f64,
    /// Carbon of moving responses between regions, grams CO2e; absent when it is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_gco2: Option<f64>,
    /// R: `trace`.
    pub functional_unit: String,
    /// Round trips whose region is unknown: they are in no carbon figure.
    pub unpriced_io_ops: u64,
}

/// Carbon of one region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionCarbon {
    /// `known`, `out_of_table` or `unresolved`.
    pub status: String,
    /// Region, `unknown` when no span and no setting names one.
    pub region: String,
    /// Grid intensity; absent unless the region is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_intensity_gco2_kwh: Option<f64>,
    /// Power usage effectiveness; absent unless the region is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pue: Option<f64>,
    /// Round trips.
    pub io_ops: u64,
    /// Carbon; absent unless the region is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co2_gco2: Option<f64>,
    /// `annual`, and later finer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intensity_source: Option<String>,
    /// Where the intensity comes from: source, year, basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
}

/// I/O of one entry point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointOps {
    /// Service.
    pub service: String,
    /// Endpoint.
    pub endpoint: String,
    /// Round trips.
    pub io_ops: u64,
    /// Requests that entered here.
    pub requests: u64,
    /// Time spent in I/O, milliseconds, overlaps counted twice.
    pub io_time_ms: f64,
}

/// What the spans of one service and scope carried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Service.
    pub service: String,
    /// Instrumentation scope, empty when the input names none.
    pub scope: String,
    /// Language of the SDK, when the resource says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// All spans.
    pub spans: u64,
    /// Spans that look like outbound calls.
    pub outbound: u64,
    /// Outbound spans with a statement, URL or other text to normalize.
    pub with_text: u64,
    /// Outbound spans whose parameters can be seen (in the text or in attributes).
    pub with_params: u64,
    /// Outbound spans that have parameters which cannot be seen.
    pub params_hidden: u64,
    /// Outbound spans with nothing usable, by what is missing.
    pub gaps: BTreeMap<String, u64>,
    /// Connection, pool and other chatter.
    pub chatter: u64,
}

/// A plug-in that took part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginRun {
    /// Id in the configuration.
    pub id: String,
    /// Version from its manifest.
    pub version: String,
    /// SHA-256 of the component.
    pub sha256: String,
    /// Traces it was asked about.
    pub traces: u64,
    /// Findings it made, before folding.
    pub findings: u64,
    /// Faults by kind: trap, deadline, memory, output, answer, configure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, u64>,
    /// What happened, by kind of fault: one line about the first trace of that kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fault_messages: BTreeMap<String, String>,
    /// Traces it could not judge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_traces: Vec<String>,
}

impl PluginRun {
    /// Returns a sentence for every kind of fault.
    pub fn fault_sentences(&self) -> Vec<String> {
        let sentence = |(kind, count): (&String, &u64)| {
            let what = self.fault_messages.get(kind).filter(|message| !message.is_empty());
            let what = what.map_or_else(|| kind.clone(), |message| format!("{kind}: {message}"));
            let traces = counted(self.traces, "trace");
            format!("plug-in `{}` could not judge {count} of {traces}: {what}", self.id)
        };
        self.faults.iter().map(sentence).collect()
    }
}

/// What the reader should know before trusting the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// `truncated_input`, `low_coverage`, `unknown_region`, `unmatched_acknowledgment`, `plugin_fault`, ...
    pub kind: String,
    /// For people.
    pub message: String,
}

/// A problem and the acknowledgment that took it out of the gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// The problem.
    pub problem: Problem,
    /// Who.
    pub acknowledged_by: String,
    /// When, as written.
    pub acknowledged_at: String,
    /// Why.
    pub reason: String,
    /// Until when, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}
