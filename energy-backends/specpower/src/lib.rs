//! Power of cloud instances, estimated: their CPU utilisation, asked of Prometheus, between idle and full power of their
//! type, which come from SPECpower results of the same processors.

mod table;

use table::{Curve, curve_of};
use tracewatt_energy::prelude::*;

settings! {
    /// What is estimated.
    pub struct Settings {
        /// Services, and the instances they run on: `order: instance=m5.large provider=aws query=aws_ec2_cpuutilization_average{instance_id="i-0abc"}`. Words are `provider` (aws, gcp, azure), `instance` (type), or `idle_w` and `max_w` instead of both; `unit` (percent or fraction); `series` (`one`, or `sum` where each series of the query is an instance of its own); and `query` (PromQL), which must come last.
        services: Vec<String> = Vec::new(), ..;
        /// Path of the query interface of Prometheus.
        path: String = "/api/v1/query".to_owned(), &[];
        /// Oldest sample that is used, seconds.
        max_age_s: u32 = 300, 1..=86400;
        /// How far below and above the true value a figure may be where the type has no SPECpower spread, percent.
        uncertainty_percent: f64 = 30.0, 0.0..=100.0;
        /// Longest time between two documents that one figure may count for, seconds.
        max_gap_s: u32 = 300, 1..=86400;
    }
}

/// The backend.
pub struct SpecPower {
    settings: Settings,
    services: Vec<Service>,
    last: Counters,
}

struct Service {
    name: String,
    query: String,
    curve: Curve,
    fraction: bool,
    sum: bool,
}

/// How far a utilisation may be over 100 percent, as means of counters are at times.
const SLACK: f64 = 1.02;

impl Service {
    fn of(rule: &Rule, settings: &Settings) -> Result<Service, String> {
        let name = rule.service.clone();
        let wrong = |reason: String| format!("`services`: `{name}` {reason}");
        let word = |word: &str, choices: &[&str], default: &str| {
            let value = rule.get(word).unwrap_or(default);
            match choices.contains(&value) {
                true => Ok(value.to_owned()),
                false => Err(wrong(format!("has {word}={value}; it must be one of {}", choices.join(", ")))),
            }
        };
        let query = rule.get("query").ok_or_else(|| wrong("has no `query=`".to_owned()))?.to_owned();
        let provider = word("provider", &["aws", "gcp", "azure", "generic"], "generic")?;
        let watts = |word: &str| {
            let value = rule
                .get(word)
                .map(|value| value.parse::<f64>().ok().filter(|watts| (0.0..=1e5).contains(watts)));
            value
                .map(|value| value.ok_or_else(|| wrong(format!("has a {word} that is no number of watts"))))
                .transpose()
        };
        let curve = match (watts("idle_w")?, watts("max_w")?, rule.get("instance")) {
            (Some(idle_w), Some(max_w), None) if idle_w <= max_w => {
                Curve::around(idle_w, max_w, settings.uncertainty_percent)
            }
            (None, None, Some(instance)) => curve_of(&provider, instance, settings.uncertainty_percent)
                .ok_or_else(|| wrong(format!("has instance={instance}, which provider={provider} has not; write idle_w= and max_w= instead")))?,
            _ => return Err(wrong("needs either instance= and provider=, or idle_w= and max_w=, the lower first".to_owned())),
        };
        // Google counts processors in use, of one; the others percent.
        let fraction =
            word("unit", &["percent", "fraction"], if provider == "gcp" { "fraction" } else { "percent" })?;
        let sum = word("series", &["one", "sum"], "one")?;
        Ok(Service { name, query, curve, fraction: fraction == "fraction", sum: sum == "sum" })
    }
}

impl EnergyBackend for SpecPower {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let summary = "power of cloud instances, estimated from CPU utilisation and SPECpower results";
        Manifest::new("specpower", env!("CARGO_PKG_VERSION"), summary).license(env!("CARGO_PKG_LICENSE"))
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let names = ["provider", "instance", "idle_w", "max_w", "unit", "series", "query"];
        let rules = rules("services", &settings.services, &names, "query")?;
        let services =
            rules.iter().map(|rule| Service::of(rule, &settings)).collect::<Result<Vec<_>, _>>()?;
        for (at, service) in services.iter().enumerate() {
            if services.iter().take(at).any(|other| other.name == service.name) {
                return Err(format!("`services`: `{}` is there twice", service.name));
            }
        }
        Ok(SpecPower { settings, services, last: Counters::default() })
    }

    fn requests(&self, targets: &[String]) -> Vec<Request> {
        // One Prometheus: of two, each would be asked for the same.
        let Some(target) = targets.first() else { return Vec::new() };
        let request = |service: &Service| {
            Request::get(target, &service.name, &self.settings.path).with("query", &service.query)
        };
        self.services.iter().map(request).collect()
    }

    fn decode(&mut self, documents: &[Document]) -> Answer {
        let mut answer = Answer::new("cloud_specpower");
        for document in documents {
            answer.wait(document.retry_after_s);
            answer.add(self.read(document).map(|reading| vec![reading]));
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

impl SpecPower {
    fn read(&mut self, document: &Document) -> Result<Reading, Problem> {
        let Some(service) = self.services.iter().find(|service| service.name == document.request) else {
            return Err(document.problem("unknown_request", "no service of the settings has this name"));
        };
        let (low, watts, high) = self.watts(service, document)?;
        let interval_ms = match self.last.step(&document.request, 0.0, document.received_at_ms) {
            Step::Grew { interval_ms, .. } if interval_ms <= u64::from(self.settings.max_gap_s) * 1000 => {
                interval_ms
            }
            Step::NoTime => {
                return Err(document.problem(
                    "clock_skew",
                    "no time went by since the last document, or the clock went back",
                ));
            }
            _ => 0,
        };
        let reading = Reading::power(Subject::Service, &service.name, watts, document);
        let reading = reading.over(interval_ms).of(Domain::Wall, Part::Total);
        Ok(Reading { low, high, estimated: true, ..reading })
    }

    fn watts(&self, service: &Service, document: &Document) -> Result<(f64, f64, f64), Problem> {
        // Prometheus explains itself with status 400 and 422, in JSON.
        let explained = matches!(document.status, 400 | 422 | 503);
        let value = match explained {
            true => json::parse(&Document { status: 200, ..document.clone() })
                .map_err(|_| document.problem("http_error", format!("status {}", document.status)))?,
            false => json::parse(document)?,
        };
        let text = |pointer: &str| value.pointer(pointer).and_then(json::Value::as_str).unwrap_or("");
        if text("/status") != "success" || explained {
            let said: String = text("/error").chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(document.problem("query_failed", format!("Prometheus refuses the query: {said}")));
        }
        let result = value.pointer("/data/result").and_then(json::Value::as_array);
        let Some(result) = result else {
            return Err(document.problem("path_missing", "there is no /data/result"));
        };
        let samples: Vec<&json::Value> = match text("/data/resultType") {
            "vector" => result.iter().filter_map(|series| series.get("value")).collect(),
            "scalar" => value.pointer("/data/result").into_iter().collect(),
            other => {
                let other: String = other.chars().filter(|c| c.is_ascii_alphanumeric()).take(20).collect();
                return Err(document.problem(
                    "wrong_result_type",
                    format!("the query gives a {other}; it must give a vector or a scalar"),
                ));
            }
        };
        match samples.len() {
            0 => {
                return Err(
                    document.problem("no_samples", "the query finds no series; is the selector right?")
                );
            }
            1 => {}
            count if !service.sum => {
                let message = format!(
                    "the query finds {count} series; select one, or write series=sum where each is an instance"
                );
                return Err(document.problem("ambiguous", message));
            }
            _ => {}
        }
        let mut sum = (0.0, 0.0, 0.0);
        for sample in samples {
            let at_s = json::number(document, sample, "/0", 1e11)?;
            document.fresh((at_s * 1000.0) as u64, u64::from(self.settings.max_age_s) * 1000, 60_000)?;
            let most = if service.fraction { 1.0 } else { 100.0 };
            let load = (json::number(document, sample, "/1", most * SLACK)? / most).min(1.0);
            let (low, watts, high) = service.curve.at(load);
            sum = (sum.0 + low, sum.1 + watts, sum.2 + high);
        }
        document.in_range(sum.1, Quantity::Power.ceiling())?;
        Ok(sum)
    }
}

export_energy_backend!(SpecPower);

#[cfg(test)]
mod tests;
