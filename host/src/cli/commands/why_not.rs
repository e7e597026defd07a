//! `tracewatt explain --why-not TYPE`: what is found, what the configuration keeps back, how far every setting is
//! from a finding, and what the traces hold.

mod search;
mod seen;

use super::{check_type, today};
use crate::analysis::{self, Ignores, Traces};
use crate::cli::terminal::Terminal;
use crate::exit::Exit;
use crate::report::clean::plain;
use crate::report::quantity::{count, counted};
use crate::session::Session;
use anyhow::Result;
use search::{Changes, Direction, Hit, Interval, Scale, Search, found};
use seen::Seen;
use tracewatt_core::acknowledge::{Date, NamePattern};
use tracewatt_core::detect::DetectorRun;
use tracewatt_core::finding::{BelowQuorum, Detected, Folded, IgnoreNothing};
use tracewatt_core::plugin::{Setting, SettingValue};
use tracewatt_core::report::Problem;

/// What the question is limited to.
pub(super) struct Filter {
    service: Option<NamePattern>,
    endpoint: Option<NamePattern>,
}

impl Filter {
    /// Returns the filter of two globs.
    ///
    /// # Errors
    /// When one of them is no glob.
    pub(super) fn new(service: Option<&str>, endpoint: Option<&str>) -> Result<Filter> {
        Ok(Filter {
            service: service.map(NamePattern::new).transpose()?,
            endpoint: endpoint.map(NamePattern::new).transpose()?,
        })
    }

    fn covers(&self, service: &str, endpoint: &str) -> bool {
        let parts = [(&self.service, service), (&self.endpoint, endpoint)];
        parts.into_iter().all(|(pattern, name)| pattern.as_ref().is_none_or(|one| one.matches(name)))
    }
}

/// One question and what is known when it is answered.
struct Answer<'a> {
    session: &'a Session,
    traces: &'a Traces,
    kind: &'a str,
    filter: &'a Filter,
    today: Date,
    /// What is switched off in the configuration, and was switched on to answer.
    off: Vec<String>,
    detected: Vec<Detected>,
    folded: Folded,
    lines: Vec<String>,
}

/// Answers the question. The session is changed: what is switched off is switched on, to see what it would find.
///
/// # Errors
/// When no plug-in knows the finding type, or one cannot be run.
pub(super) fn answer(
    session: &mut Session,
    traces: &Traces,
    kind: &str,
    filter: &Filter,
    terminal: &Terminal,
) -> Result<Exit> {
    check_type(session, kind, |name| name == kind)?;
    let off = switch_on(session, kind);
    let session = &*session;
    let today = today();
    let detection = analysis::run_detectors(session, traces)?;
    let detected = detection.findings;
    let folded = analysis::fold(session, traces, detected.clone(), &Ignores(&session.config, today));
    let mut answer =
        Answer { session, traces, kind, filter, today, off, detected, folded, lines: Vec::new() };
    answer.found();
    answer.suppressed();
    for plugin in answer.plugins() {
        answer.faults(&detection.runs[plugin]);
        answer.settings(plugin)?;
    }
    answer.lines.push(String::new());
    answer.lines.extend(Seen::of(traces, kind, filter).lines());
    terminal.print(|out| answer.lines.iter().try_for_each(|line| writeln!(out, "{}", plain(line))))?;
    Ok(Exit::Ok)
}

/// Switches on the rule, and the plug-ins that have it; returns what was off.
fn switch_on(session: &mut Session, kind: &str) -> Vec<String> {
    let mut off = Vec::new();
    let Session { config, plugins, .. } = session;
    for (config, plugin) in config.detection.plugins.iter_mut().zip(plugins) {
        if plugin.manifest.rules.iter().all(|rule| rule.name != kind) {
            continue;
        }
        if !std::mem::replace(&mut config.enabled, true) {
            off.push(format!("plug-in `{}`", config.id));
        }
        if let Some(rule) = config.rules.get_mut(kind)
            && !std::mem::replace(&mut rule.enabled, true)
        {
            off.push(format!("rule `{kind}`"));
        }
    }
    off
}

impl Answer<'_> {
    /// Numbers of the active plug-ins that have the finding type.
    fn plugins(&self) -> Vec<usize> {
        let active = self.session.active().enumerate();
        let has =
            active.filter(|(_, (_, plugin))| plugin.manifest.rules.iter().any(|rule| rule.name == self.kind));
        has.map(|(index, _)| index).collect()
    }

    fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    /// Problems of the type, within the filter.
    fn problems<'f>(&self, folded: &'f Folded) -> Vec<&'f Problem> {
        let wanted = |problem: &&Problem| {
            problem.kind == self.kind && self.filter.covers(&problem.service, &problem.source_endpoint)
        };
        folded.problems.iter().filter(wanted).collect()
    }

    fn found(&mut self) {
        let problems: Vec<String> = self.problems(&self.folded).into_iter().map(described).collect();
        if problems.is_empty() || !self.off.is_empty() {
            self.line(format!("{}: nothing is found with the configured settings", self.kind));
            return;
        }
        let many = counted(problems.len() as u64, "problem");
        self.line(format!("{}: {many} found with the configured settings", self.kind));
        self.lines.extend(problems.into_iter().map(|problem| format!("  {problem}")));
    }

    /// What is found and not reported.
    fn suppressed(&mut self) {
        let mut lines = self.switched_off();
        lines.extend(self.ignored());
        lines.extend(self.yielded());
        lines.extend(self.below_quorum());
        self.line("");
        if lines.is_empty() {
            self.line("kept back by the configuration or by other findings: nothing");
        } else {
            self.line("kept back by the configuration or by other findings:");
            self.lines.extend(lines.into_iter().map(|line| format!("  {line}")));
        }
    }

    fn switched_off(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for off in &self.off {
            let problems = self.problems(&self.folded);
            lines.push(match problems.len() {
                0 => format!("{off} is switched off; switched on, it would find nothing"),
                n => format!(
                    "{off} is switched off; switched on, it would find {}:",
                    counted(n as u64, "problem")
                ),
            });
            lines.extend(problems.into_iter().map(|problem| format!("  {}", described(problem))));
        }
        lines
    }

    fn ignored(&self) -> Vec<String> {
        // What the entries of the configuration hide is seen by leaving them out.
        let all = analysis::fold(self.session, self.traces, self.detected.clone(), &IgnoreNothing);
        let entries = &self.session.config.detection.ignores;
        let mut lines = Vec::new();
        for problem in self.problems(&all) {
            let Problem { kind, service, source_endpoint, template, .. } = problem;
            let entry = entries
                .iter()
                .position(|entry| entry.covers(kind, service, source_endpoint, template, self.today));
            if let Some(at) = entry {
                lines.push(format!(
                    "ignored by detection.ignore[{at}] ({}): {}",
                    entries[at].reason,
                    described(problem)
                ));
            }
        }
        lines
    }

    fn yielded(&self) -> Vec<String> {
        let yielded = self.folded.yielded.iter();
        let wanted =
            yielded.filter(|one| one.kind == self.kind && self.filter.covers(&one.service, &one.endpoint));
        wanted
            .map(|one| {
                format!(
                    "said already by {}: {}, the largest with {} of {} in {} {} (trace {})",
                    one.to,
                    counted(one.findings, "finding"),
                    counted(one.occurrences, "occurrence"),
                    one.template,
                    one.service,
                    one.endpoint,
                    one.trace_id
                )
            })
            .collect()
    }

    fn below_quorum(&self) -> Vec<String> {
        let below = self.folded.below_quorum.iter();
        let wanted =
            below.filter(|one| one.kind == self.kind && self.filter.covers(&one.service, &one.endpoint));
        wanted
            .map(|BelowQuorum { service, endpoint, template, occurrences, quorum, .. }| {
                format!(
                    "too few over all traces: {} of {template} in {service} {endpoint}, {} are needed",
                    counted(*occurrences, "occurrence"),
                    count(*quorum)
                )
            })
            .collect()
    }

    /// Traces a plug-in could not judge: what they hold is not known.
    fn faults(&mut self, run: &DetectorRun) {
        let faults = &run.set_aside;
        let Some((trace, fault)) = faults.first() else { return };
        let traces = counted(faults.len() as u64, "trace");
        let first = self.traces.intake.ids.trace_text(self.traces.sealed[*trace].id);
        let why = fault.kind.word();
        self.line("");
        self.line(format!("{traces} could not be judged, the first {first}: {why}"));
    }

    /// How far every setting of a plug-in is from a finding.
    fn settings(&mut self, plugin: usize) -> Result<()> {
        let Some((config, loaded)) = self.session.active().nth(plugin) else { return Ok(()) };
        let settings = &loaded.manifest.settings;
        let search = self.search(plugin);
        let mut lines = vec![String::new(), format!("settings of {}, one changed at a time:", config.id)];
        let longest = settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        let mut any = false;
        for setting in settings {
            let configured = config.settings.get(&setting.name).unwrap_or(&setting.default);
            let effect = effect(&search, setting, configured)?;
            any |= effect.is_some();
            let elsewhere = self.overridden(&config.id, &setting.name);
            lines.push(format!(
                "  {:longest$}  configured {}{elsewhere}, {}",
                setting.name,
                configured.display(),
                effect.as_deref().unwrap_or("no value of this setting alone changes anything"),
            ));
        }
        if !any && search.known.is_empty() {
            lines.push(match search.together(settings, &config.settings)? {
                Some((changes, hit)) => needs(&changes, &hit),
                None => "  and no combination of their extremes that was tried brings a finding".to_owned(),
            });
        }
        self.lines.extend(lines);
        Ok(())
    }

    fn search(&self, plugin: usize) -> Search<'_> {
        let others = self.detected.iter().filter(|finding| finding.detector != plugin);
        Search {
            session: self.session,
            traces: self.traces,
            kind: self.kind,
            filter: self.filter,
            today: self.today,
            plugin,
            others: others.cloned().collect(),
            known: found(&self.folded, self.kind, self.filter)
                .into_iter()
                .map(|(_, identity)| identity)
                .collect(),
        }
    }

    /// Says that an override gives a setting another value somewhere.
    fn overridden(&self, plugin: &str, setting: &str) -> &'static str {
        let overrides = &self.session.config.detection.overrides;
        let named =
            |settings: &std::collections::BTreeMap<String, SettingValue>| settings.contains_key(setting);
        match overrides.iter().any(|one| one.settings.get(plugin).is_some_and(named)) {
            true => " (other values by detection.override)",
            false => "",
        }
    }
}

/// Returns what values of one setting bring a finding.
fn effect(search: &Search<'_>, setting: &Setting, configured: &SettingValue) -> Result<Option<String>> {
    let texts: Vec<String> = match Scale::of(&setting.kind, configured) {
        Some(scale) => {
            let directions = [Direction::Down, Direction::Up];
            let intervals = search.intervals(&Changes::new(), &setting.name, &scale, &directions)?;
            intervals.iter().map(|interval| format!("would fire {}", range(interval))).collect()
        }
        None => {
            let choices = search.choices(setting, configured)?;
            choices
                .iter()
                .map(|(value, hit)| format!("would fire at {}: {}", value.display(), told(hit)))
                .collect()
        }
    };
    Ok((!texts.is_empty()).then(|| texts.join("; ")))
}

fn range(interval: &Interval) -> String {
    let near = interval.near.display();
    let values = match (&interval.far, interval.direction) {
        (None, Direction::Down) => format!("from {near} down"),
        (None, Direction::Up) => format!("from {near} up"),
        (Some(far), _) if *far == interval.near => format!("at {near}"),
        (Some(far), _) => format!("from {near} to {}", far.display()),
    };
    format!("{values}: {}", told(&interval.hit))
}

fn needs(changes: &Changes, hit: &Hit) -> String {
    let all: Vec<String> =
        changes.iter().map(|(name, value)| format!("{name} = {}", value.display())).collect();
    let word = match all.len() {
        1 => "needs",
        2 => "needs both:",
        _ => "needs all:",
    };
    format!("  {word} {}: {}", all.join(", "), told(hit))
}

fn told(hit: &Hit) -> String {
    let Hit { occurrences, service, endpoint, template, trace } = hit;
    format!("{} of {template} in {service} {endpoint} (trace {trace})", counted(*occurrences, "occurrence"))
}

fn described(problem: &Problem) -> String {
    let times = counted(problem.occurrences, "occurrence");
    format!(
        "{}  {times} of {} in {} {}",
        problem.id, problem.template, problem.service, problem.source_endpoint
    )
}
