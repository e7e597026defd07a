//! The report for people: one compact block per problem, then figures, losses, the gate, the verdict last.
//!
//! What is not known is said in words; a zero is only printed where zero was measured.

use super::clean::{cut, pad, plain, wrap};
use super::quantity::{
    JOULES_PER_KWH, bounds, carbon, carbon_within, count, counted, joules_within, number, percent, watt_hours,
};
use super::words::{self, BestInstances};
use super::{Color, RenderOptions, model};
use model::{Band, Severity};
use std::io::{self, Write};
use tracewatt_core::gate::Verdict;

/// Problems shown in full unless `--top` says otherwise.
pub const DEFAULT_TOP: usize = 20;
/// Endpoints shown with their round trips per request.
const TOP_ENDPOINTS: usize = 5;
/// One-line entries (acknowledged, resolved, warnings) shown before the rest is only counted.
const MAX_LINES: usize = 20;
/// Columns of the names in front of values.
const LABEL: usize = 12;

/// Writes the report as text.
pub fn write(report: &model::Report, options: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options);
    page.header(report, options);
    if words::nothing_usable(report) {
        page.blind(report);
    } else if report.problems.is_empty() {
        page.line(&format!("No problems: {}.", words::checked(report)));
        let names = report.plugins.iter().map(|plugin| format!("{} {}", plugin.id, plugin.version));
        page.field("detectors", &names.collect::<Vec<_>>().join(", "));
    } else if options.shown(&report.problems).is_empty() {
        let hidden = options.filter.hidden(&report.problems).unwrap_or_default();
        page.line(&format!("Nothing to show: {}.", plain(&hidden)));
    }
    page.problems(report, options);
    page.acknowledged(report, options);
    page.resolved(report, options);
    if report.green_summary.total_io_ops > 0 {
        page.green(&report.green_summary);
        page.endpoints(&report.green_summary.top_offenders);
    }
    page.losses(report);
    page.warnings(report);
    page.gate(&report.quality_gate);
    out.write_all(page.text.as_bytes())
}

/// Colour of a piece of text.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Red,
    Yellow,
    Blue,
    Green,
    Bold,
    Dim,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Red => "1;31",
            Ink::Yellow => "33",
            Ink::Blue => "34",
            Ink::Green => "32",
            Ink::Bold => "1",
            Ink::Dim => "2",
        }
    }

    /// Returns the ink of a severity.
    pub(super) fn of(severity: Severity) -> Ink {
        match severity {
            Severity::Info => Ink::Blue,
            Severity::Warning => Ink::Yellow,
            Severity::Critical => Ink::Red,
        }
    }
}

/// Returns the text in colour, or as it is.
pub(super) fn paint(color: Color, ink: Ink, text: &str) -> String {
    match color {
        Color::Never => text.to_owned(),
        Color::Always => format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code()),
    }
}

/// Text in the making.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) color: Color,
    pub(super) width: usize,
}

impl Page {
    pub(super) fn new(options: &RenderOptions<'_>) -> Page {
        Page { text: String::new(), color: options.color, width: options.columns() }
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// Starts a section with an empty line and a heading.
    pub(super) fn heading(&mut self, text: &str) {
        self.text.push('\n');
        let text = self.paint(Ink::Bold, text);
        self.line(&text);
    }

    /// Writes a name and its value, wrapped beside the name.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        let lines = wrap(value, self.width.saturating_sub(LABEL + 3));
        for (i, line) in lines.iter().enumerate() {
            let name = pad(if i == 0 { name } else { "" }, LABEL);
            let name = self.paint(Ink::Dim, &name);
            self.line(&format!("  {name} {line}"));
        }
    }

    pub(super) fn paint(&self, ink: Ink, text: &str) -> String {
        paint(self.color, ink, text)
    }

    /// Writes entries, wrapped, and how many are left out.
    pub(super) fn list<T>(&mut self, entries: &[T], line: impl Fn(&T) -> String) {
        for entry in entries.iter().take(MAX_LINES) {
            for (i, text) in wrap(&line(entry), self.width - 4).iter().enumerate() {
                self.line(&format!("  {}{text}", if i == 0 { "" } else { "  " }));
            }
        }
        if entries.len() > MAX_LINES {
            let rest = count((entries.len() - MAX_LINES) as u64);
            self.line(&format!("  ... {rest} more: -o json"));
        }
    }

    fn header(&mut self, report: &model::Report, options: &RenderOptions<'_>) {
        let (tool, analysis) = (&report.tool, &report.analysis);
        let name = self.paint(Ink::Bold, &plain(&format!("{} {}", tool.name, tool.version)));
        self.line(&format!(
            "{name}: {} in {} of {}",
            counted(report.problems.len() as u64, "problem"),
            counted(analysis.spans_received, "span"),
            counted(analysis.traces_analyzed, "trace"),
        ));
        let mut parts = Vec::new();
        if !report.problems.is_empty() {
            parts.push(words::by_severity(&report.problems));
        }
        parts.extend(options.filter.hidden(&report.problems));
        if let Some(text) = against_baseline(report) {
            parts.push(text);
        }
        if !report.acknowledged.is_empty() {
            parts.push(format!("{} acknowledged", count(report.acknowledged.len() as u64)));
        }
        for line in wrap(&parts.join("; "), self.width) {
            self.line(&line);
        }
        if analysis.incomplete {
            let text = "The input is incomplete: problems may be missing too.";
            let text = self.paint(Ink::Yellow, text);
            self.line(&text);
        }
        self.text.push('\n');
    }

    fn blind(&mut self, report: &model::Report) {
        let spans = report.analysis.spans_received;
        let why = match spans {
            0 => "the input holds no spans".to_owned(),
            n => format!("{} read, and none of them is a usable outbound call", counted(n, "span")),
        };
        for line in wrap(&format!("NOTHING COULD BE CHECKED: {why}."), self.width) {
            let line = self.paint(Ink::Red, &line);
            self.line(&line);
        }
        let remedy = "That no problem is listed means nothing here. `tracewatt doctor` with the same input \
                      says what is missing, and which setting of the SDK adds it.";
        for line in wrap(remedy, self.width) {
            self.line(&line);
        }
    }

    fn problems(&mut self, report: &model::Report, options: &RenderOptions<'_>) {
        let top = options.top.unwrap_or(DEFAULT_TOP);
        let problems = options.shown(&report.problems);
        let best = BestInstances::among(&report.findings);
        for (i, problem) in problems.iter().take(top).enumerate() {
            if i > 0 {
                self.text.push('\n');
            }
            self.problem(problem, &best, options);
        }
        let rest = problems.len().saturating_sub(top);
        if rest > 0 {
            let rest = count(rest as u64);
            self.line(&format!("\n{rest} more: -o json lists all, --top shows more here."));
        }
        if let Some(first) = problems.first() {
            let ack = format!("To accept one: tracewatt ack add {} --reason \"...\"", plain(&first.id));
            let ack = self.paint(Ink::Dim, &ack);
            self.line(&format!("\n{ack}"));
        }
    }

    fn problem(&mut self, problem: &model::Problem, best: &BestInstances<'_>, options: &RenderOptions<'_>) {
        let severity =
            self.paint(Ink::of(problem.severity), &words::severity(problem.severity).to_uppercase());
        let id = self.paint(Ink::Bold, &plain(&problem.id));
        let title = words::title(&problem.kind, options.manifests);
        let status =
            problem.status.map(|status| format!("  [{}]", words::status(status))).unwrap_or_default();
        self.line(&format!("{severity}  {id}  {}{status}", cut(&title, self.width - 30)));
        self.field("where", &whereabouts(problem));
        let template = cut(&problem.template, self.width - LABEL - 3);
        self.field_raw("operation", &template);
        let times =
            problem.durations.as_ref().map(|d| format!("; {}", words::durations(d))).unwrap_or_default();
        self.field("seen", &format!("{}{times}", words::seen(problem)));
        if let Some(saves) = savings(&problem.green_impact) {
            self.field("saves", &saves);
        }
        if let Some(code) = problem.code_location.as_ref().and_then(words::code_location) {
            self.field("code", &code);
        }
        self.field("confidence", &words::confidence(problem, best));
        self.fix(problem);
    }

    /// Writes a name and a value that must keep its spaces.
    fn field_raw(&mut self, name: &str, value: &str) {
        let name = self.paint(Ink::Dim, &pad(name, LABEL));
        self.line(&format!("  {name} {value}"));
    }

    fn fix(&mut self, problem: &model::Problem) {
        self.field("fix", &words::fix(problem));
        if let Some(url) = problem.suggested_fix.as_ref().and_then(|fix| fix.reference_url.as_ref()) {
            self.field("", url);
        }
    }

    fn acknowledged(&mut self, report: &model::Report, options: &RenderOptions<'_>) {
        let shown = report.acknowledged.iter().filter(|ack| options.filter.shows(&ack.problem));
        let shown: Vec<&model::Acknowledged> = shown.collect();
        if shown.is_empty() || !options.list_acknowledged {
            return;
        }
        self.heading("Acknowledged, not counted by the gate");
        self.list(&shown, |ack| {
            let until = ack.expires_at.as_ref().map(|at| format!(" until {at}")).unwrap_or_default();
            let who = format!("{} ({}{until})", ack.reason, ack.acknowledged_by);
            format!("{}: {who}", one_line(&ack.problem, options))
        });
    }

    fn resolved(&mut self, report: &model::Report, options: &RenderOptions<'_>) {
        let shown = options.shown(&report.resolved);
        if shown.is_empty() {
            return;
        }
        self.heading("Resolved since the baseline");
        self.list(&shown, |problem| one_line(problem, options));
    }

    fn green(&mut self, green: &model::GreenSummary) {
        self.heading("I/O, energy and carbon");
        let band = words::band(green.io_waste_ratio_band);
        let waste = match green.avoidable_io_ops {
            0 => "none of them avoidable".to_owned(),
            n => format!("{} avoidable ({}, {band})", count(n), percent(green.io_waste_ratio)),
        };
        self.field("round trips", &format!("{}, {waste}", count(green.total_io_ops)));
        let kinds = green.io_ops_by_kind.iter().filter(|(_, ops)| ops.total > 0);
        let kinds = kinds.map(|(kind, ops)| match ops.avoidable {
            0 => format!("{kind} {}", count(ops.total)),
            n => format!("{kind} {} ({} avoidable)", count(ops.total), count(n)),
        });
        self.field("by kind", &kinds.collect::<Vec<_>>().join(", "));
        if let Some(energy) = &green.energy_kwh {
            let joules = bounds(energy, JOULES_PER_KWH);
            let text =
                format!("{} = {}, model {}", joules_within(joules), watt_hours(joules.mid), energy.model);
            self.field("energy", &text);
        }
        if let Some(co2) = &green.co2 {
            self.carbon(co2, green);
        }
    }

    fn carbon(&mut self, co2: &model::Carbon, green: &model::GreenSummary) {
        match &co2.total {
            Some(total) => {
                let mut parts = vec![carbon_within(bounds(total, 1.0))];
                if let Some(avoidable) = co2.avoidable.as_ref().filter(|_| green.avoidable_io_ops > 0) {
                    parts.push(format!("avoidable {}", carbon_within(bounds(avoidable, 1.0))));
                }
                if let Some(each) = &co2.sci_per_trace {
                    parts.push(format!("{} per {}", carbon(each.mid), co2.functional_unit));
                }
                self.field("carbon", &parts.join("; "));
            }
            None => self.field("carbon", "not known: no span and no setting names a region the table has"),
        }
        let operational = match co2.operational_gco2 {
            Some(grams) => format!("operational {}", carbon(grams)),
            None => "operational not known".to_owned(),
        };
        let transport = co2.transport_gco2.map(|grams| format!(", transport {}", carbon(grams)));
        let embodied = carbon(co2.embodied_gco2);
        self.field("", &format!("{operational}, embodied {embodied}{}", transport.unwrap_or_default()));
        if co2.unpriced_io_ops > 0 {
            let share =
                format!("{} of {}", count(co2.unpriced_io_ops), counted(green.total_io_ops, "round trip"));
            let text = format!(
                "{share} ran in a region that is not known and are in no operational figure; the resource attribute cloud.region names it"
            );
            self.field("not priced", &text);
        }
        // a region that nobody names is what is not priced
        for region in green.regions.iter().filter(|region| region.status != "unresolved") {
            self.field("region", &region_line(region));
        }
    }

    fn endpoints(&mut self, offenders: &[model::Offender]) {
        if offenders.is_empty() {
            return;
        }
        self.heading("Round trips per request");
        for offender in offenders.iter().take(TOP_ENDPOINTS) {
            let score = format!(
                "{:>8}  {:<8}",
                number(offender.io_intensity_score),
                words::band(offender.io_intensity_band)
            );
            let carbon = offender.co2_grams.map(|grams| format!("  {}", carbon(grams))).unwrap_or_default();
            let room = self.width.saturating_sub(20 + carbon.chars().count());
            let name = cut(&format!("{} {}", offender.service, offender.endpoint), room);
            let score = self.paint(ink_of_band(offender.io_intensity_band), &score);
            self.line(&format!("{score}  {name}{carbon}"));
        }
    }

    fn losses(&mut self, report: &model::Report) {
        let losses: Vec<(&String, &u64)> = report.analysis.losses.iter().filter(|(_, n)| **n > 0).collect();
        let cut_off: Vec<&model::Input> =
            report.analysis.inputs.iter().filter(|input| input.truncated.is_some()).collect();
        if losses.is_empty() && cut_off.is_empty() {
            return;
        }
        self.heading("Left out, cut or merged");
        self.list(&losses, |(reason, n)| format!("{}: {}", words::reason(reason), count(**n)));
        self.list(&cut_off, |input| {
            format!("{} is cut off: {}", input.name, input.truncated.as_deref().unwrap_or_default())
        });
    }

    fn warnings(&mut self, report: &model::Report) {
        if report.warnings.is_empty() {
            return;
        }
        self.heading("Warnings");
        self.list(&report.warnings, |warning| {
            format!("{}: {}", words::reason(&warning.kind), warning.message)
        });
    }

    fn gate(&mut self, gate: &model::QualityGate) {
        if !gate.rules.is_empty() {
            self.heading("Gate");
        } else {
            self.text.push('\n');
        }
        let names: Vec<String> = gate.rules.iter().map(|rule| cut(&rule.rule, self.width - 40)).collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (rule, name) in gate.rules.iter().zip(&names) {
            let (ink, word) = if rule.passed { (Ink::Green, "ok  ") } else { (Ink::Red, "FAIL") };
            let word = self.paint(ink, word);
            let (actual, limit) = (number(rule.actual), number(rule.threshold));
            self.line(&format!("  {word}  {}  {actual:>8}  limit {limit}", pad(name, longest)));
        }
        let (verdict, why) = words::verdict(gate);
        let ink = if verdict == Verdict::Passed { Ink::Green } else { Ink::Red };
        let text = format!("{}: {why}", words::verdict_word(verdict));
        for line in wrap(&text, self.width) {
            let line = self.paint(ink, &line);
            self.line(&line);
        }
    }
}

fn against_baseline(report: &model::Report) -> Option<String> {
    let of = |status| report.problems.iter().filter(|problem| problem.status == Some(status)).count();
    let (new, old) = (of(model::ProblemStatus::New), of(model::ProblemStatus::Existing));
    let gone = report.resolved.len();
    (new + old + gone > 0).then(|| format!("{new} new, {old} existing, {gone} resolved against the baseline"))
}

fn whereabouts(problem: &model::Problem) -> String {
    let grouping = problem.grouping.as_ref().map(|grouping| format!(" ({grouping})")).unwrap_or_default();
    format!("{} {}{grouping}", problem.service, problem.source_endpoint)
}

pub(super) fn one_line(problem: &model::Problem, options: &RenderOptions<'_>) -> String {
    let title = words::title(&problem.kind, options.manifests);
    format!("{} {title}, {} {}", problem.id, problem.service, problem.source_endpoint)
}

fn savings(impact: &model::GreenImpact) -> Option<String> {
    let mut parts = Vec::new();
    if impact.estimated_extra_io_ops > 0 {
        parts.push(counted(impact.estimated_extra_io_ops, "round trip"));
        parts.extend(impact.energy_joules.map(joules_within));
        parts.extend(impact.carbon_gco2.map(carbon_within));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn region_line(region: &model::RegionCarbon) -> String {
    let ops = counted(region.io_ops, "round trip");
    let grams = match region.co2_gco2 {
        Some(grams) => carbon(grams),
        None if region.status == "out_of_table" => {
            "no figure: the table does not have this region".to_owned()
        }
        None => "no figure: region not known".to_owned(),
    };
    let mut text = format!("{}: {ops}, {grams}", region.region);
    if let Some(intensity) = region.grid_intensity_gco2_kwh {
        text.push_str(&format!(", {} g/kWh", number(intensity)));
    }
    if let Some(pue) = region.pue {
        text.push_str(&format!(" at PUE {}", number(pue)));
    }
    let source: Vec<&str> =
        [&region.intensity_source, &region.provenance].into_iter().flatten().map(String::as_str).collect();
    if !source.is_empty() {
        text.push_str(&format!(" ({})", source.join(": ")));
    }
    text
}

fn ink_of_band(band: Band) -> Ink {
    match band {
        Band::Healthy => Ink::Green,
        Band::Moderate => Ink::Blue,
        Band::High => Ink::Yellow,
        Band::Critical => Ink::Red,
    }
}
