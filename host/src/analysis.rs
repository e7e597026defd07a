//! One analysis, from inputs to a report: read, map, seal, detect, fold, price, judge. Every step is the core's;
//! what is added here is files, threads and the configuration.

use crate::cli::invocation::Environment;
use crate::config::{Config, Override};
use crate::ingest::{ReadLimits, Reader, Source, SpanSink};
use crate::session::Session;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;
use tracewatt_core::acknowledge::{self, Acknowledgment, Date};
use tracewatt_core::count::counted;
use tracewatt_core::detect::{self, Detection, Detector, DetectorRun};
use tracewatt_core::energy::{self, GreenScore, RowSet, ScoreInput};
use tracewatt_core::finding::{self, BelowQuorum, Detected, Folded, Identity, Ignore, RuleSetting};
use tracewatt_core::gate::{self, GateInput};
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::{SettingValue, ticking};
use tracewatt_core::report::{self as model, Report, SCHEMA_VERSION, SuggestedFix, Warning};
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan, sdk};
use tracewatt_core::trace::{IdTable, SealedTrace, Texts};
use tracewatt_core::window::{Window, WindowOptions};

/// Traces that have been read and sealed.
pub struct Traces {
    /// Sealed traces, by start.
    pub sealed: Vec<SealedTrace>,
    /// Their texts.
    pub texts: Arc<Texts>,
    /// Spellings of their ids.
    pub ids: IdTable,
    /// What the spans carried.
    pub coverage: CoverageTable,
    /// What was left out.
    pub losses: Losses,
    /// Inputs as read.
    pub inputs: Vec<model::Input>,
    /// What to know about them.
    pub warnings: Vec<Warning>,
}

/// What to judge by besides the configuration.
pub struct Judgement<'a> {
    /// Report to compare with.
    pub baseline: Option<&'a Report>,
    /// Acknowledgments, and the day they are looked at.
    pub acknowledgments: &'a [Acknowledgment],
    /// Today, in UTC: acknowledgments and ignore entries expire.
    pub today: Date,
    /// Where the traces were recorded.
    pub environment: Environment,
}

/// A finished analysis.
pub struct Analyzed {
    /// The report.
    pub report: Report,
    /// Problems below their quorum.
    pub below_quorum: Vec<BelowQuorum>,
}

/// Collects decoded spans.
struct Collector {
    mapper: Mapper,
    window: Window,
    texts: Texts,
    coverage: CoverageTable,
    losses: Losses,
}

impl SpanSink for Collector {
    fn span(&mut self, span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str) {
        let Collector { mapper, window, texts, coverage, losses } = self;
        window.push(mapper.map(span, resource, scope, texts, coverage, losses));
    }
}

/// Reads inputs and seals their traces.
///
/// # Errors
/// The first input that cannot be read.
pub fn read(config: &Config, sources: &[Source]) -> Result<Traces> {
    let opened = sources.iter().map(|source| Ok((source.name(), Box::new(source.open()?) as Box<dyn Read>)));
    read_from(config, opened)
}

/// Reads a text that comes with the program.
///
/// # Errors
/// When it is no input after all.
pub fn read_text(config: &Config, name: &str, text: &'static [u8]) -> Result<Traces> {
    read_from(config, [Ok((name.to_owned(), Box::new(text) as Box<dyn Read>))].into_iter())
}

/// Reads inputs that are open already, each with its name, and seals their traces.
///
/// # Errors
/// The first input that cannot be read.
pub fn read_from(
    config: &Config,
    sources: impl Iterator<Item = Result<(String, Box<dyn Read>)>>,
) -> Result<Traces> {
    let limits = read_limits(config);
    let mapper = Mapper::new(MapOptions {
        grouping_attributes: config.detection.grouping_attributes.clone(),
        max_text_bytes: limits.max_text_bytes,
    });
    let wanted = mapper.wanted();
    let options =
        WindowOptions { max_spans_per_trace: config.input.max_spans_per_trace, ..WindowOptions::default() };
    let (texts, coverage) = (Texts::default(), CoverageTable::default());
    let mut collector =
        Collector { mapper, window: Window::new(options), texts, coverage, losses: Losses::default() };
    let (mut ids, mut losses) = (IdTable::default(), Losses::default());
    let (mut inputs, mut warnings) = (Vec::new(), Vec::new());
    for source in sources {
        let (name, input) = source?;
        let mut reader = Reader { limits: &limits, wanted: &wanted, ids: &mut ids, losses: &mut losses };
        let reading = reader.read(&name, input, &mut collector)?;
        inputs.push(reading.input);
        warnings.extend(reading.warnings);
    }
    let Collector { window, mut texts, coverage, losses: mapping, .. } = collector;
    losses.merge(&mapping);
    let sealed = window.seal(&mut texts, &mut losses);
    Ok(Traces { sealed, texts: Arc::new(texts), ids, coverage, losses, inputs, warnings })
}

/// Detects, folds, prices and judges.
///
/// # Errors
/// When a component does not export what it should.
pub fn analyze(session: &Session, traces: &Traces, judgement: &Judgement<'_>) -> Result<Analyzed> {
    let (detection, detectors) = run_detectors(session, traces)?;
    let folded = fold(session, traces, detection.findings, &Ignores(&session.config, judgement.today));
    let avoidable: RowSet = rows(folded.avoidable.iter().flatten()).collect();
    let score = energy::score(&ScoreInput {
        traces: &traces.sealed,
        texts: &traces.texts,
        avoidable: &avoidable,
        sources: &[],
        options: &session.config.green,
    });
    let mut report = assemble(session, traces, &folded, &score, judgement);
    report.plugins = plugin_runs(traces, &detectors, &detection.runs);
    for (reason, count) in detection.runs.iter().flat_map(|run| run.losses.iter()) {
        *report.analysis.losses.entry(reason.to_owned()).or_default() += count;
    }
    let below_quorum = folded.below_quorum.clone();
    judge(session, traces, &folded, &avoidable, judgement, &mut report);
    Ok(Analyzed { report, below_quorum })
}

fn rows<'a>(rows: impl Iterator<Item = &'a (u32, u32)>) -> impl Iterator<Item = (usize, usize)> {
    rows.map(|(trace, row)| (*trace as usize, *row as usize))
}

/// A plug-in with some settings other than configured.
pub(crate) struct Variant {
    /// Which of the active plug-ins.
    pub plugin: usize,
    /// Settings that hold everywhere, overrides or not.
    pub changed: BTreeMap<String, SettingValue>,
}

/// Runs every active plug-in as configured.
pub(crate) fn run_detectors(session: &Session, traces: &Traces) -> Result<(Detection, Vec<Detector>)> {
    let active: Vec<_> = session.active().collect();
    let as_configured = |plugin| Variant { plugin, changed: BTreeMap::new() };
    let variants: Vec<Variant> = (0..active.len()).map(as_configured).collect();
    let bases =
        active.iter().map(|(config, plugin)| session.detector(config, plugin, &BTreeMap::new())).collect();
    // Variant and plug-in have the same number here.
    Ok((run_variants(session, traces, &variants)?, bases))
}

/// Runs plug-ins, each once per set of settings in effect anywhere, and keeps of each run the findings about the
/// services and endpoints it is for. Findings and runs come with the number of their variant.
pub(crate) fn run_variants(session: &Session, traces: &Traces, variants: &[Variant]) -> Result<Detection> {
    let active: Vec<_> = session.active().collect();
    let profiles = Profiles::of(&session.config.detection.overrides, traces);
    let (mut detectors, mut origin) = (Vec::new(), Vec::new());
    for (index, variant) in variants.iter().enumerate() {
        let (config, plugin) = active[variant.plugin];
        for profile in profiles.touching(&config.id) {
            let mut settings = profiles.settings(profile, &config.id);
            settings.extend(variant.changed.clone());
            origin.push((index, profile, config.id.as_str()));
            detectors.push(session.detector(config, plugin, &settings));
        }
    }
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let run = || detect::detect(&session.engine, &detectors, &traces.sealed, &traces.texts, threads);
    let detection = ticking(&session.engine, run)?;
    let mut merged = Detection { runs: vec![DetectorRun::default(); variants.len()], ..Detection::default() };
    let mut aside: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (run, (index, profile, id)) in detection.runs.into_iter().zip(&origin) {
        let into = &mut merged.runs[*index];
        into.traces = into.traces.max(run.traces);
        into.findings += run.findings;
        into.losses.merge(&run.losses);
        for (trace, fault) in run.set_aside {
            if profiles.in_trace(&traces.sealed[trace], *profile, id) && aside.insert((*index, trace)) {
                into.set_aside.push((trace, fault));
            }
        }
    }
    for finding in detection.findings {
        let (index, profile, id) = origin[finding.detector];
        let trace = &traces.sealed[finding.raw.trace];
        if profiles.applies(trace, finding.raw.rows[0] as usize, profile, id) {
            merged.findings.push(Detected { detector: index, raw: finding.raw });
        }
    }
    Ok(merged)
}

/// Which overrides hold for which service and endpoint. A profile is the set of overrides that hold, as bits.
struct Profiles<'a> {
    overrides: &'a [Override],
    /// By service and endpoint.
    of: BTreeMap<(u32, u32), u64>,
    all: BTreeSet<u64>,
}

impl<'a> Profiles<'a> {
    fn of(overrides: &'a [Override], traces: &Traces) -> Profiles<'a> {
        let mut profiles = Profiles { overrides, of: BTreeMap::new(), all: BTreeSet::from([0]) };
        if overrides.is_empty() {
            return profiles;
        }
        let places = traces.sealed.iter().flat_map(|trace| {
            trace.spans.iter().zip(&trace.endpoints).map(|(span, endpoint)| (span.service, *endpoint))
        });
        for (service, endpoint) in places {
            profiles.of.entry((service.0, endpoint.0)).or_insert_with(|| {
                let (service, endpoint) = (traces.texts.get(service), traces.texts.get(endpoint));
                let bits = overrides.iter().take(64).enumerate();
                bits.filter(|(_, one)| one.covers(service, endpoint)).map(|(bit, _)| 1 << bit).sum()
            });
        }
        profiles.all.extend(profiles.of.values());
        profiles
    }

    /// The part of a profile that says anything about a plug-in.
    fn relevant(&self, profile: u64, id: &str) -> u64 {
        let says = |bit: usize| self.overrides[bit].settings.contains_key(id);
        (0..self.overrides.len().min(64))
            .filter(|bit| profile >> bit & 1 == 1 && says(*bit))
            .map(|bit| 1 << bit)
            .sum()
    }

    /// Distinct profiles of a plug-in.
    fn touching(&self, id: &str) -> BTreeSet<u64> {
        self.all.iter().map(|profile| self.relevant(*profile, id)).collect()
    }

    /// Settings that differ from the configured ones; where several overrides hold, the later wins.
    fn settings(&self, profile: u64, id: &str) -> BTreeMap<String, SettingValue> {
        let holds = self.overrides.iter().take(64).enumerate().filter(|(bit, _)| profile >> bit & 1 == 1);
        holds
            .filter_map(|(_, one)| one.settings.get(id))
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    fn applies(&self, trace: &SealedTrace, row: usize, profile: u64, id: &str) -> bool {
        let place = (trace.spans[row].service.0, trace.endpoints[row].0);
        self.relevant(self.of.get(&place).copied().unwrap_or(0), id) == profile
    }

    fn in_trace(&self, trace: &SealedTrace, profile: u64, id: &str) -> bool {
        (0..trace.spans.len()).any(|row| self.applies(trace, row, profile, id))
    }
}

/// The entries of `[[detection.ignore]]`, on a day.
pub(crate) struct Ignores<'a>(pub &'a Config, pub Date);

impl Ignore for Ignores<'_> {
    fn ignores(&self, identity: &Identity<'_>) -> bool {
        let Identity { kind, service, endpoint, subject, .. } = *identity;
        self.0.detection.ignores.iter().any(|ignore| ignore.covers(kind, service, endpoint, subject, self.1))
    }
}

/// Folds findings by the rules of the configuration.
pub(crate) fn fold(
    session: &Session,
    traces: &Traces,
    findings: Vec<Detected>,
    ignore: &dyn Ignore,
) -> Folded {
    let mut rules: BTreeMap<String, RuleSetting> = BTreeMap::new();
    for (config, _) in session.active() {
        for (name, rule) in &config.rules {
            rules.insert(name.clone(), RuleSetting { enabled: rule.enabled, severity: rule.severity });
        }
    }
    let source = finding::Source {
        traces: &traces.sealed,
        texts: &traces.texts,
        coverage: &traces.coverage,
        ids: &traces.ids,
        detectors: session.active().map(|(config, plugin)| (config.id.as_str(), &plugin.manifest)).collect(),
        rules: &rules,
        ignore,
    };
    finding::fold(&source, findings)
}

/// Everything of the report but the verdict.
fn assemble(
    session: &Session,
    traces: &Traces,
    folded: &Folded,
    score: &GreenScore<'_>,
    judgement: &Judgement<'_>,
) -> Report {
    let impact = |impact: &mut model::GreenImpact, service: &str, endpoint: &str, rows_of: &[(u32, u32)]| {
        (impact.io_intensity_score, impact.io_intensity_band) = score.io_intensity(service, endpoint);
        if !rows_of.is_empty() && session.config.green.enabled {
            let price = score.price(rows(rows_of.iter()));
            impact.energy_joules = price.energy_joules;
            impact.carbon_gco2 = price.carbon_gco2;
        }
    };
    let mut problems = folded.problems.clone();
    for (problem, avoidable) in problems.iter_mut().zip(&folded.avoidable) {
        impact(&mut problem.green_impact, &problem.service, &problem.source_endpoint, avoidable);
    }
    let mut findings = folded.findings.clone();
    for (finding, avoidable) in findings.iter_mut().zip(&folded.finding_avoidable) {
        impact(&mut finding.green_impact, &finding.service, &finding.source_endpoint, avoidable);
        name_the_setting(finding);
    }
    for problem in &mut problems {
        let worst = findings.iter().find(|finding| finding.problem_id == problem.id);
        problem.suggested_fix = worst.and_then(|finding| finding.suggested_fix.clone());
    }
    let mut losses = traces.losses.clone();
    losses.add("findings_ignored_by_configuration", folded.ignored);
    let truncated = traces.inputs.iter().any(|input| input.truncated.is_some());
    let mut warnings = traces.warnings.clone();
    warnings.extend(score.warnings.iter().cloned());
    warnings.extend(
        session
            .config
            .warnings
            .iter()
            .map(|message| Warning { kind: "configuration".into(), message: message.clone() }),
    );
    for input in &traces.inputs {
        if let Some(reason) = &input.truncated {
            warnings.push(Warning {
                kind: "truncated_input".into(),
                message: format!("{}: {reason}", input.name),
            });
        }
    }
    Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: model::Tool { name: "tracewatt".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        analysis: model::Analysis {
            environment: judgement.environment.word().to_owned(),
            inputs: traces.inputs.clone(),
            spans_received: traces.inputs.iter().map(|input| input.spans).sum(),
            events_processed: score.summary.total_io_ops,
            traces_analyzed: traces.sealed.len() as u64,
            usable_span_ratio: traces.coverage.usable_span_ratio(),
            incomplete: truncated || LOSING.iter().any(|reason| losses.get(reason) > 0),
            losses: losses.iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        },
        problems,
        findings,
        green_summary: score.summary.clone(),
        per_endpoint_io_ops: score.endpoints.clone(),
        coverage: traces.coverage.rows(&traces.texts),
        warnings,
        detection_config: detection_config(session),
        ..Report::default()
    }
}

/// Losses after which findings may be missing.
const LOSING: [&str; 7] = [
    "spans_over_trace_limit",
    "spans_with_bad_times",
    "spans_without_id",
    "spans_without_start_time",
    "spans_without_process",
    "lines_skipped",
    "messages_skipped",
];

/// Where parameters are hidden, the fix is the setting that would show them.
fn name_the_setting(finding: &mut model::Finding) {
    if finding.kind != "repeated_unresolved" {
        return;
    }
    let named = finding
        .instrumentation_scopes
        .iter()
        .find_map(|scope| Some((scope, sdk::advice(scope, sdk::language_of(scope), "params_hidden")?)));
    if let Some((scope, advice)) = named {
        finding.suggested_fix = Some(SuggestedFix {
            framework: scope.clone(),
            recommendation: format!("set {} ({}): {}", advice.setting, advice.place.word(), advice.example),
            reference_url: (!advice.url.is_empty()).then(|| advice.url.to_owned()),
        });
    }
}

fn detection_config(session: &Session) -> BTreeMap<String, serde_json::Value> {
    let all = session.active().flat_map(|(config, _)| {
        config.settings.iter().map(|(name, value)| (format!("{}.{name}", config.id), value.to_json()))
    });
    all.collect()
}

fn plugin_runs(traces: &Traces, detectors: &[Detector], runs: &[DetectorRun]) -> Vec<model::PluginRun> {
    let run = |(detector, run): (&Detector, &DetectorRun)| {
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        let mut skipped: Vec<String> = Vec::new();
        for (trace, fault) in &run.set_aside {
            *faults.entry(fault.kind.word().to_owned()).or_default() += 1;
            skipped.push(traces.ids.trace_text(traces.sealed[*trace].id));
        }
        skipped.sort_unstable();
        model::PluginRun {
            id: detector.id.clone(),
            version: detector.manifest().version.clone(),
            sha256: detector.plugin.sha256.clone(),
            traces: run.traces,
            findings: run.findings,
            faults,
            skipped_traces: skipped,
        }
    };
    detectors.iter().zip(runs).map(run).collect()
}

/// Compares with the baseline, takes acknowledged problems out, and gives the verdict.
fn judge(
    session: &Session,
    traces: &Traces,
    folded: &Folded,
    avoidable: &RowSet,
    judgement: &Judgement<'_>,
    report: &mut Report,
) {
    if let Some(baseline) = judgement.baseline {
        report.resolved = gate::compare(&mut report.problems, baseline);
    }
    let applied =
        acknowledge::apply(std::mem::take(&mut report.problems), judgement.acknowledgments, judgement.today);
    report.problems = applied.kept;
    report.acknowledged = applied.acknowledged;
    acknowledge::mark(&mut report.findings, &report.acknowledged);
    report.warnings.extend(applied.warnings);
    for run in &report.plugins {
        for (kind, count) in &run.faults {
            let traces = counted(run.traces, "trace");
            let message = format!("plug-in `{}` could not judge {count} of {traces}: {kind}", run.id);
            report.warnings.push(Warning { kind: "plugin_fault".to_owned(), message });
        }
    }
    report.warnings.sort();
    report.warnings.dedup();
    let kept: BTreeSet<&str> = report.problems.iter().map(|problem| problem.fingerprint.as_str()).collect();
    let counting = folded
        .problems
        .iter()
        .zip(&folded.avoidable)
        .filter(|(problem, _)| kept.contains(problem.fingerprint.as_str()));
    let counting: RowSet = rows(counting.flat_map(|(_, avoidable)| avoidable)).collect();
    debug_assert!(counting.len() <= avoidable.len());
    report.quality_gate = gate::judge(
        &session.config.gate,
        &GateInput {
            problems: &report.problems,
            analysis: &report.analysis,
            plugins: &report.plugins,
            usable_spans: traces.coverage.usable_spans(),
            total_io_ops: report.green_summary.total_io_ops,
            avoidable_io_ops: counting.len(),
            has_baseline: judgement.baseline.is_some(),
        },
    );
}

fn read_limits(config: &Config) -> ReadLimits {
    let input = &config.input;
    ReadLimits {
        max_document_bytes: input.max_document_bytes,
        max_depth: input.max_depth,
        max_text_bytes: usize::try_from(input.max_text_bytes).unwrap_or(usize::MAX),
        max_attributes: input.max_attributes,
    }
}
