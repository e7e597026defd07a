//! Power of processes, containers and machines from Scaphandre.
//!
//! The exporter gives a process its share of the machine's power; all processes that a rule names are added. A figure
//! counts for the time since the last document: the true one, not the configured one.

use std::collections::BTreeMap;
use tracewatt_energy::prelude::*;

settings! {
    /// What is read.
    pub struct Settings {
        /// What belongs to which service: `order: exe=java cmdline=*order-service*`. Words are `exe` (whole path or last part of it), `cmdline`, `container`, `compose_service`, `pod` and `namespace`; a `*` at the start or end of a value stands for anything. Of several rules that fit, the first counts.
        services: Vec<String> = Vec::new(), ..;
        /// Path of the metrics.
        path: String = "/metrics".to_owned(), &[];
        /// Whether containers and pods that belong to no service are read, by their own names.
        containers: bool = true, ..;
        /// How far below and above the true value a figure may be, percent.
        uncertainty_percent: f64 = 15.0, 0.0..=100.0;
        /// Longest time between two documents that one figure may count for, seconds.
        max_gap_s: u32 = 300, 1..=86400;
    }
}

/// The backend.
pub struct Scaphandre {
    settings: Settings,
    rules: Vec<Rule>,
    /// When the last document of a target came.
    last: Counters,
}

/// Power of a process, as the exporter names it.
const PROCESS: &str = "scaph_process_power_consumption_microwatts";
/// Power of the machine.
const HOST: &str = "scaph_host_power_microwatts";
/// Watts that nothing exceeds.
const MOST_WATTS: f64 = 1e6;
/// Microwatts in a watt.
const MICRO: f64 = 1e6;

impl EnergyBackend for Scaphandre {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest::new(
            "scaphandre",
            env!("CARGO_PKG_VERSION"),
            "power of processes and containers from Scaphandre",
        )
        .license(env!("CARGO_PKG_LICENSE"))
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let names = ["exe", "cmdline", "container", "compose_service", "pod", "namespace"];
        let rules = rules("services", &settings.services, &names, "")?;
        Ok(Scaphandre { settings, rules, last: Counters::default() })
    }

    fn requests(&self, targets: &[String]) -> Vec<Request> {
        targets.iter().map(|target| Request::get(target, "metrics", &self.settings.path)).collect()
    }

    fn decode(&mut self, documents: &[Document]) -> Answer {
        let mut answer = Answer::new("scaphandre_rapl");
        for document in documents {
            answer.wait(document.retry_after_s);
            if let Err(problem) = self.read(document, &mut answer) {
                answer.problems.push(problem);
            }
            self.last.forget(document.received_at_ms);
        }
        answer
    }

    fn snapshot(&self) -> Vec<u8> {
        self.last.snapshot()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.last = Counters::restored(state)?;
        Ok(())
    }
}

impl Scaphandre {
    fn read(&mut self, document: &Document, answer: &mut Answer) -> Result<(), Problem> {
        let samples = prometheus::samples(document, |name| name == PROCESS || name == HOST)?;
        if samples.is_empty() {
            return Err(document.problem("no_samples", format!("there is neither {PROCESS} nor {HOST}")));
        }
        let interval_ms = match self.last.step(&document.target, 0.0, document.received_at_ms) {
            Step::Grew { interval_ms, .. } if interval_ms <= u64::from(self.settings.max_gap_s) * 1000 => {
                interval_ms
            }
            Step::NoTime => {
                return Err(document.problem(
                    "clock_skew",
                    "no time went by since the last document, or the clock went back",
                ));
            }
            // What was used before the first document, or in a long pause, nobody knows.
            _ => 0,
        };
        // Nothing of a machine one of whose values is absurd is used: its share of the others is as doubtful.
        let mut sums: BTreeMap<(Subject, String, String), f64> = BTreeMap::new();
        for sample in &samples {
            let watts = document.in_range(sample.value / MICRO, MOST_WATTS)?;
            if let Some(key) = self.subject(sample, document) {
                *sums.entry(key).or_default() += watts;
            }
        }
        for ((subject, name, within), watts) in sums {
            let watts = document.in_range(watts, MOST_WATTS)?;
            let part = if subject == Subject::Host { Part::Total } else { Part::Active };
            answer.readings.push(
                Reading::power(subject, &name, watts, document)
                    .inside(&within)
                    .over(interval_ms)
                    .of(Domain::CpuDram, part)
                    .within_percent(self.settings.uncertainty_percent),
            );
        }
        Ok(())
    }

    /// Returns what a sample is about; nothing for processes that belong to nothing.
    fn subject(
        &self,
        sample: &prometheus::Sample<'_>,
        document: &Document,
    ) -> Option<(Subject, String, String)> {
        if sample.name == HOST {
            return Some((Subject::Host, document.target.clone(), String::new()));
        }
        let exe = sample.label("exe").trim_end_matches(" (deleted)");
        let texts = |name: &str| match name {
            "exe" => vec![exe, exe.rsplit('/').next().unwrap_or("")],
            "cmdline" => vec![sample.label("cmdline")],
            "container" => vec![sample.label("container_names").trim_start_matches('/')],
            "compose_service" => vec![sample.label("container_label_com_docker_compose_service")],
            "pod" => vec![sample.label("kubernetes_pod_name")],
            _ => vec![sample.label("kubernetes_pod_namespace")],
        };
        if let Some(rule) = self.rules.iter().find(|rule| rule.fits(texts)) {
            return Some((Subject::Service, rule.service.clone(), String::new()));
        }
        let (pod, namespace) =
            (sample.label("kubernetes_pod_name"), sample.label("kubernetes_pod_namespace"));
        let container = sample.label("container_names").trim_start_matches('/');
        match (self.settings.containers, pod, container) {
            (true, "", "") | (false, _, _) => None,
            (true, "", container) => {
                Some((Subject::Container, container.to_owned(), document.target.clone()))
            }
            (true, pod, _) => Some((Subject::Pod, pod.to_owned(), namespace.to_owned())),
        }
    }
}

export_energy_backend!(Scaphandre);

#[cfg(test)]
mod tests;
