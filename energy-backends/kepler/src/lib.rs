//! Energy of containers, pods, processes and machines from Kepler, 0.9 and 0.10 and later.
//!
//! Zones of RAPL contain each other (psys the package, the package its cores), so only those the policy names are read;
//! counters become energy per series, so that one that starts over or goes away does not disturb the others.

use std::collections::BTreeMap;
use tracewatt_energy::prelude::*;

settings! {
    /// What is read.
    pub struct Settings {
        /// What belongs to which service: `order: container=order namespace=shop`. Words are `container`, `namespace`, `pod`, `comm` and `exe`; a `*` at the start or end of a value stands for anything. Of several rules that fit, the first counts.
        services: Vec<String> = Vec::new(), ..;
        /// Whose counters are read: containers, pods or processes. One of them, since each holds the others' energy.
        level: String = "container".to_owned(), &["container", "pod", "process"];
        /// Which zones are read: package and dram, package alone, or psys. Where a machine lacks package, psys is read.
        zone_policy: String = "package_dram".to_owned(), &["package_dram", "package", "psys"];
        /// Path of the metrics.
        path: String = "/metrics".to_owned(), &[];
        /// How far below and above the true value a figure may be, percent.
        uncertainty_percent: f64 = 15.0, 0.0..=100.0;
    }
}

/// The backend.
pub struct Kepler {
    settings: Settings,
    rules: Vec<Rule>,
    counters: Counters,
}

/// Watts that nothing exceeds.
const MOST_WATTS: f64 = 1e6;

/// A series that counts.
struct Series {
    subject: Subject,
    name: String,
    within: String,
    /// `package`, `dram`, `psys`, `gpu`
    zone: String,
    part: Part,
    key: String,
    joules: f64,
}

/// What one reading sums up.
type Key = (Subject, String, String, bool, Part);

/// A sum of series.
#[derive(Default)]
struct Sum {
    joules: f64,
    interval_ms: u64,
    zones: Vec<String>,
}

impl EnergyBackend for Kepler {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest::new("kepler", env!("CARGO_PKG_VERSION"), "energy of containers and processes from Kepler")
            .license(env!("CARGO_PKG_LICENSE"))
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let names = ["container", "namespace", "pod", "comm", "exe"];
        let rules = rules("services", &settings.services, &names, "")?;
        Ok(Kepler { settings, rules, counters: Counters::default() })
    }

    fn requests(&self, targets: &[String]) -> Vec<Request> {
        targets.iter().map(|target| Request::get(target, "metrics", &self.settings.path)).collect()
    }

    fn decode(&mut self, documents: &[Document]) -> Answer {
        let mut answer = Answer::new("kepler_ebpf");
        for document in documents {
            answer.wait(document.retry_after_s);
            match self.series(document, &mut answer.problems) {
                Ok(series) => self.add(document, &series, &mut answer),
                Err(problem) => answer.problems.push(problem),
            }
            self.counters.forget(document.received_at_ms);
        }
        answer
    }

    fn snapshot(&self) -> Vec<u8> {
        self.counters.snapshot()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.counters = Counters::restored(state)?;
        Ok(())
    }
}

/// What the name of a metric says: whose counter it is, the zone where the name says it, and the part. `None` for metrics
/// that are not read.
fn meaning(name: &str) -> Option<(&str, &str, Part)> {
    let rest = name.strip_prefix("kepler_")?.strip_suffix("_joules_total")?;
    let (level, rest) = rest.split_once('_')?;
    if !matches!(level, "container" | "pod" | "process" | "node") {
        return None;
    }
    match rest {
        "cpu" => Some((level, "", Part::Active)),
        "cpu_active" => Some((level, "", Part::Active)),
        "cpu_idle" => Some((level, "", Part::Idle)),
        "package" | "dram" | "platform" | "gpu" => Some((level, rest, Part::Total)),
        _ => None,
    }
}

impl Kepler {
    /// Returns the series to read, of zones that do not contain each other.
    fn series(&self, document: &Document, problems: &mut Vec<Problem>) -> Result<Vec<Series>, Problem> {
        let samples = prometheus::samples(document, |name| meaning(name).is_some())?;
        let mut series: Vec<Series> = Vec::new();
        for sample in &samples {
            let Some((level, zone, part)) = meaning(sample.name) else { continue };
            // The whole node is the sum of its active and idle energy, which say more.
            if level != "node" && level != self.settings.level
                || sample.name == "kepler_node_cpu_joules_total"
            {
                continue;
            }
            if !sample.value.is_finite() || sample.value < 0.0 {
                problems
                    .push(document.problem("invalid_value", format!("{} is {}", sample.name, sample.value)));
                continue;
            }
            let zone = if zone.is_empty() { zone_name(sample.label("zone")) } else { zone };
            let part = match (part, sample.label("mode")) {
                (Part::Total, "dynamic") => Part::Active,
                (Part::Total, "idle") => Part::Idle,
                (part, _) => part,
            };
            let mut labels = sample.labels.clone();
            labels.sort();
            let (subject, name, within) = self.subject(level, sample, document);
            series.push(Series {
                subject,
                name,
                within,
                zone: zone.to_owned(),
                part,
                key: format!("{} {} {labels:?}", document.target, sample.name),
                joules: sample.value,
            });
        }
        if series.is_empty() {
            let level = &self.settings.level;
            return Err(document
                .problem("no_samples", format!("there are no counters of Kepler for a {level} or node")));
        }
        let has = |zone: &str| series.iter().any(|series| series.zone == zone);
        let wanted: &[&str] = match self.settings.zone_policy.as_str() {
            "psys" if has("psys") => &["psys"],
            "package" if has("package") => &["package"],
            "package_dram" if has("package") => &["package", "dram"],
            _ if has("package") => &["package", "dram"],
            _ if has("psys") => &["psys"],
            _ => &["platform"],
        };
        series.retain(|series| wanted.contains(&series.zone.as_str()) || series.zone == "gpu");
        if series.is_empty() {
            return Err(document.problem("no_samples", "no zone is package, psys or platform"));
        }
        Ok(series)
    }

    /// Returns what a series is about: a service where a rule fits.
    fn subject(
        &self,
        level: &str,
        sample: &prometheus::Sample<'_>,
        document: &Document,
    ) -> (Subject, String, String) {
        let first = |names: &[&str]| {
            names
                .iter()
                .map(|name| sample.label(name))
                .find(|value| !value.is_empty())
                .unwrap_or("")
                .to_owned()
        };
        if level == "node" {
            let node = first(&["node_name", "instance"]);
            return (
                Subject::Host,
                if node.is_empty() { document.target.clone() } else { node },
                String::new(),
            );
        }
        let texts = |name: &str| match name {
            "container" => vec![sample.label("container_name")],
            "namespace" => vec![sample.label("container_namespace"), sample.label("pod_namespace")],
            "pod" => vec![sample.label("pod_name")],
            "comm" => vec![sample.label("comm"), sample.label("command")],
            _ => vec![sample.label("exe"), sample.label("exe").rsplit('/').next().unwrap_or("")],
        };
        if let Some(rule) = self.rules.iter().find(|rule| rule.fits(texts)) {
            return (Subject::Service, rule.service.clone(), String::new());
        }
        let (subject, name) = match level {
            "container" => (Subject::Container, first(&["container_name", "container_id"])),
            "pod" => (Subject::Pod, first(&["pod_name", "pod_id"])),
            _ => (Subject::Process, first(&["comm", "command", "exe", "pid"])),
        };
        let within = first(&["container_namespace", "pod_namespace", "node_name", "pod_id"]);
        (subject, if name.is_empty() { "unnamed".to_owned() } else { name }, within)
    }

    /// Turns counters into energy, and sums up what belongs together.
    fn add(&mut self, document: &Document, series: &[Series], answer: &mut Answer) {
        let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
        let (mut backwards, mut no_time) = (0, 0);
        for one in series {
            match self.counters.step(&one.key, one.joules, document.received_at_ms) {
                Step::First => {}
                Step::Backwards => backwards += 1,
                Step::NoTime => no_time += 1,
                Step::Grew { amount, interval_ms } => {
                    if amount > MOST_WATTS * interval_ms as f64 / 1000.0 {
                        let message = format!("{amount} J in {interval_ms} ms is more than {MOST_WATTS} W");
                        answer.problems.push(document.problem("invalid_value", message));
                        continue;
                    }
                    let key =
                        (one.subject, one.name.clone(), one.within.clone(), one.zone == "gpu", one.part);
                    let sum = sums.entry(key).or_default();
                    sum.joules += amount;
                    sum.interval_ms = sum.interval_ms.max(interval_ms);
                    if !sum.zones.contains(&one.zone) {
                        sum.zones.push(one.zone.clone());
                    }
                }
            }
        }
        if backwards > 0 {
            let message =
                format!("{backwards} counters went back a little; what they counted meanwhile is lost");
            answer.problems.push(document.problem("counter_backwards", message));
        }
        if no_time > 0 {
            let message = "no time went by since the last document, or the clock went back".to_owned();
            answer.problems.push(document.problem("clock_skew", message));
        }
        for ((subject, name, within, _, part), sum) in sums {
            if let Err(problem) = document.in_range(sum.joules, Quantity::Energy.ceiling()) {
                answer.problems.push(problem);
                continue;
            }
            let has = |zone: &str| sum.zones.iter().any(|found| found == zone);
            let domain = match (has("package"), has("dram")) {
                (true, true) => Domain::CpuDram,
                (true, false) => Domain::Cpu,
                (false, true) => Domain::Dram,
                _ if has("gpu") => Domain::Gpu,
                _ => Domain::Platform,
            };
            answer.readings.push(
                Reading::energy(subject, &name, sum.joules, sum.interval_ms, document)
                    .inside(&within)
                    .of(domain, part)
                    .within_percent(self.settings.uncertainty_percent),
            );
        }
    }
}

/// Zones of several sockets are numbered by some versions: `package-0`.
fn zone_name(label: &str) -> &str {
    label.split_once('-').map_or(label, |(name, _)| name)
}

export_energy_backend!(Kepler);

#[cfg(test)]
mod tests;
