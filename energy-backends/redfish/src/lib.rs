//! Power and energy of machines from Redfish services: resource Power (deprecated, everywhere) and EnvironmentMetrics.
//!
//! An energy counter is used where there is one; else power, for the time since the last document.

use tracewatt_energy::prelude::*;

settings! {
    /// What is read.
    pub struct Settings {
        /// Machines, and where their power is found: `rack1-u3: path=/redfish/v1/Chassis/1/Power`. Words are `path` (of a Power or EnvironmentMetrics resource), `target` (name of the target that serves it; all of them where it is left out) and `domain` (`wall`, or `gpu` for the EnvironmentMetrics of a processor).
        chassis: Vec<String> = Vec::new(), ..;
        /// How far below and above the true value a figure may be, percent.
        uncertainty_percent: f64 = 5.0, 0.0..=100.0;
        /// Longest time between two documents that one figure may count for, seconds.
        max_gap_s: u32 = 1800, 1..=86400;
    }
}

/// The backend.
pub struct Redfish {
    settings: Settings,
    chassis: Vec<Rule>,
    counters: Counters,
}

/// Watts that nothing exceeds.
const MOST_WATTS: f64 = 1e6;
/// Joules that a counter of a lifetime does not exceed.
const MOST_JOULES: f64 = 1e15;
/// Joules in a kilowatt-hour.
const JOULES_PER_KWH: f64 = 3.6e6;

impl EnergyBackend for Redfish {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest::new(
            "redfish",
            env!("CARGO_PKG_VERSION"),
            "power and energy of machines from Redfish services",
        )
        .license(env!("CARGO_PKG_LICENSE"))
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let chassis = rules("chassis", &settings.chassis, &["path", "target", "domain"], "")?;
        for (at, rule) in chassis.iter().enumerate() {
            let name = &rule.service;
            let path = rule.get("path").ok_or_else(|| format!("`chassis`: `{name}` has no `path=`"))?;
            let odd = |part: &str| {
                part == ".." || part.contains(['?', '#', '\\', '%']) || part.chars().any(char::is_control)
            };
            if !path.starts_with("/redfish/") || path.contains("//") || path.split('/').any(odd) {
                return Err(format!(
                    "`chassis`: the path of `{name}` must begin with /redfish/ and name one resource"
                ));
            }
            if !matches!(rule.get("domain"), None | Some("wall" | "gpu")) {
                return Err(format!("`chassis`: the domain of `{name}` must be wall or gpu"));
            }
            if chassis.iter().take(at).any(|other| other.service == *name) {
                return Err(format!("`chassis`: `{name}` is there twice"));
            }
        }
        Ok(Redfish { settings, chassis, counters: Counters::default() })
    }

    fn requests(&self, targets: &[String]) -> Vec<Request> {
        let of = |target: &String| {
            let target = target.clone();
            let here = move |rule: &&Rule| rule.get("target").is_none_or(|wanted| wanted == target);
            self.chassis.iter().filter(here)
        };
        let request = |target: &String, rule: &Rule| {
            let mut request = Request::get(target, &rule.service, rule.get("path").unwrap_or_default());
            request.headers.push(("Accept".to_owned(), "application/json".to_owned()));
            request
        };
        targets
            .iter()
            .flat_map(|target| of(target).map(|rule| request(target, rule)).collect::<Vec<_>>())
            .collect()
    }

    fn decode(&mut self, documents: &[Document]) -> Answer {
        let mut answer = Answer::new("redfish_bmc");
        for document in documents {
            answer.wait(document.retry_after_s);
            answer.add(self.read(document).map(|reading| vec![reading]));
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

impl Redfish {
    fn read(&mut self, document: &Document) -> Result<Reading, Problem> {
        let Some(rule) = self.chassis.iter().find(|rule| rule.service == document.request) else {
            return Err(document.problem("unknown_request", "no chassis of the settings has this name"));
        };
        let value = json::parse(document)?;
        let path = rule.get("path").unwrap_or_default();
        if let Some(id) = value.get("@odata.id").and_then(json::Value::as_str)
            && id.trim_end_matches('/') != path.trim_end_matches('/')
        {
            return Err(
                document.problem("wrong_subject", "the resource that came is not the one that was asked for")
            );
        }
        let name = match rule.get("target") {
            None => format!("{}/{}", document.target, rule.service),
            Some(_) => rule.service.clone(),
        };
        let watts = match value.get("PowerControl") {
            Some(_) => watts_of_power(document, &value)?,
            None if value.get("PowerWatts").is_some() => {
                json::number(document, &value, "/PowerWatts/Reading", MOST_WATTS)?
            }
            None => {
                return Err(document.problem(
                    "path_missing",
                    "there is neither PowerControl nor PowerWatts; is the path right?",
                ));
            }
        };
        // A sum of power supplies may be more than each of them may.
        let watts = document.in_range(watts, MOST_WATTS)?;
        if watts == 0.0 {
            return Err(document.problem("invalid_value", "0 W is what services say that cannot measure"));
        }
        let now_ms = document.received_at_ms;
        let key = format!("{} {}", document.target, document.request);
        let since = self.counters.step(&format!("time {key}"), 0.0, now_ms);
        let most_ms = u64::from(self.settings.max_gap_s) * 1000;
        let interval_ms = match since {
            Step::Grew { interval_ms, .. } if interval_ms <= most_ms => interval_ms,
            Step::NoTime => {
                return Err(document.problem(
                    "clock_skew",
                    "no time went by since the last document, or the clock went back",
                ));
            }
            _ => 0,
        };
        let energy = match counted_joules(document, &value)? {
            Some(joules) => self.counters.step(&format!("joules {key}"), joules, now_ms),
            None => Step::First,
        };
        let reading = match energy {
            // Counters that count in steps of 0.1 kWh stand still for minutes, and those that start over say nothing of
            // what was before: the power seen now tells which steps to believe.
            Step::Grew { amount, interval_ms } if believable(amount, interval_ms, watts) => {
                Reading::energy(Subject::Host, &name, amount, interval_ms, document)
            }
            _ => Reading::power(Subject::Host, &name, watts, document).over(interval_ms),
        };
        let domain = if rule.get("domain") == Some("gpu") { Domain::Gpu } else { Domain::Wall };
        Ok(reading.of(domain, Part::Total).within_percent(self.settings.uncertainty_percent))
    }
}

/// Whether energy from a counter fits power: between a fifth of it and five times it.
fn believable(joules: f64, interval_ms: u64, watts: f64) -> bool {
    let mean = joules * 1000.0 / interval_ms as f64;
    mean > watts / 5.0 && mean < watts * 5.0 && joules < Quantity::Energy.ceiling()
}

/// Returns what the energy counter of an EnvironmentMetrics says, if there is one.
fn counted_joules(document: &Document, value: &json::Value) -> Result<Option<f64>, Problem> {
    let given = |pointer: &str| value.pointer(pointer).is_some_and(|value| !value.is_null());
    if given("/EnergyJoules/Reading") {
        return json::number(document, value, "/EnergyJoules/Reading", MOST_JOULES).map(Some);
    }
    for pointer in ["/EnergykWh/LifetimeReading", "/EnergykWh/Reading"] {
        if given(pointer) {
            let kwh = json::number(document, value, pointer, MOST_JOULES / JOULES_PER_KWH)?;
            return Ok(Some(kwh * JOULES_PER_KWH));
        }
    }
    Ok(None)
}

/// Returns the power of the whole chassis from a resource Power: that of the control that is not one of a sub-system;
/// where it says nothing, what the power supplies draw.
fn watts_of_power(document: &Document, value: &json::Value) -> Result<f64, Problem> {
    let part = |control: &json::Value| {
        let items = control.get("RelatedItem").and_then(json::Value::as_array).map_or(&[][..], Vec::as_slice);
        let ids = items.iter().filter_map(|item| item.get("@odata.id").and_then(json::Value::as_str));
        ids.into_iter()
            .any(|id| ["/Processors", "/Memory", "/Drives", "/PCIe"].iter().any(|part| id.contains(part)))
    };
    let controls = value.get("PowerControl").and_then(json::Value::as_array).map_or(&[][..], Vec::as_slice);
    let whole = controls.iter().find(|control| !part(control));
    if let Some(control) = whole
        && control.get("PowerConsumedWatts").is_some_and(|watts| !watts.is_null())
    {
        return json::number(document, control, "/PowerConsumedWatts", MOST_WATTS);
    }
    let supplies = value.get("PowerSupplies").and_then(json::Value::as_array).map_or(&[][..], Vec::as_slice);
    let enabled = |supply: &&json::Value| {
        supply.pointer("/Status/State").and_then(json::Value::as_str).is_none_or(|state| state == "Enabled")
    };
    let mut inputs = supplies.iter().filter(enabled).peekable();
    if inputs.peek().is_none() {
        return Err(match whole {
            Some(_) => document.problem(
                "invalid_value",
                "PowerConsumedWatts is missing or null, and no power supply says more",
            ),
            None => document.problem("path_missing", "PowerControl holds no control of the whole chassis"),
        });
    }
    inputs.map(|supply| json::number(document, supply, "/PowerInputWatts", MOST_WATTS)).sum()
}

export_energy_backend!(Redfish);

#[cfg(test)]
mod tests;
