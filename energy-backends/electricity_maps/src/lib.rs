//! Carbon intensity of zones of the electricity grid, from Electricity Maps, versions 3 and 4 of its interface.
//!
//! The service answers for wherever the caller is when it does not know a zone, and with old figures when it has no new
//! ones: zone and time of every figure are compared with what was asked.

use tracewatt_energy::prelude::*;

settings! {
    /// What is asked for.
    pub struct Settings {
        /// Zones, by the names the service has for them: `FR`, `US-CAL-CISO`.
        zones: Vec<String> = Vec::new(), ..;
        /// Version of the interface.
        api_version: String = "v4".to_owned(), &["v3", "v4"];
        /// Emissions over the life of a plant, or those of its operation.
        emission_factor_type: String = "lifecycle".to_owned(), &["lifecycle", "direct"];
        /// How finely figures are dated.
        temporal_granularity: String = "hourly".to_owned(), &["hourly", "15_minutes", "5_minutes"];
        /// Whether the forecast is asked for, which takes a contract.
        forecast: bool = false, ..;
        /// Whether the last 24 hours are asked for.
        history: bool = false, ..;
        /// Oldest figure that is used, minutes.
        max_age_minutes: u32 = 180, 1..=10080;
        /// How far below and above the true value a measured figure may be, percent.
        uncertainty_percent: f64 = 10.0, 0.0..=100.0;
        /// The same of a figure that the service estimated or forecast, percent.
        estimated_uncertainty_percent: f64 = 25.0, 0.0..=100.0;
        /// How long not to ask after the service said that it is asked too often, without saying for how long, seconds.
        back_off_s: u32 = 3600, 60..=86400;
    }
}

/// The backend.
pub struct ElectricityMaps(Settings);

/// Intensity that no grid exceeds, g/kWh.
const MOST_G_PER_KWH: f64 = 3000.0;
/// How far ahead of the clock the latest figure may be dated, milliseconds: it is dated with the hour it is for.
const AHEAD_MS: u64 = 90 * 60 * 1000;
/// A forecast reaches no further, milliseconds.
const FORECAST_MS: u64 = 14 * 24 * 3600 * 1000;
/// A history reaches back no further, milliseconds.
const HISTORY_MS: u64 = 48 * 3600 * 1000;
/// Figures read of one document.
const MOST_FIGURES: usize = 4096;

impl EnergyBackend for ElectricityMaps {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let summary = "carbon intensity of electricity from Electricity Maps";
        Manifest::new("electricity_maps", env!("CARGO_PKG_VERSION"), summary)
            .license(env!("CARGO_PKG_LICENSE"))
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let is_zone = |zone: &String| {
            (2..=24).contains(&zone.len())
                && zone.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
        };
        match settings.zones.iter().find(|zone| !is_zone(zone)) {
            Some(zone) => Err(format!("`zones`: `{zone}` is no zone; write FR or US-CAL-CISO")),
            None => Ok(ElectricityMaps(settings)),
        }
    }

    fn requests(&self, targets: &[String]) -> Vec<Request> {
        // One account: asking twice would take twice the quota.
        let Some(target) = targets.first() else { return Vec::new() };
        let mut kinds = vec!["latest"];
        kinds.extend(self.0.forecast.then_some("forecast"));
        kinds.extend(self.0.history.then_some("history"));
        let mut zones = self.0.zones.clone();
        zones.sort();
        zones.dedup();
        let request = |zone: &String, kind: &str| {
            let path = format!("/{}/carbon-intensity/{kind}", self.0.api_version);
            let mut request = Request::get(target, &format!("{kind} {zone}"), &path)
                .with("zone", zone)
                .with("disableCallerLookup", "true");
            if self.0.emission_factor_type != "lifecycle" {
                request = request.with("emissionFactorType", &self.0.emission_factor_type);
            }
            if self.0.temporal_granularity != "hourly" {
                request = request.with("temporalGranularity", &self.0.temporal_granularity);
            }
            request
        };
        zones
            .iter()
            .flat_map(|zone| kinds.iter().map(|kind| request(zone, kind)).collect::<Vec<_>>())
            .collect()
    }

    fn decode(&mut self, documents: &[Document]) -> Answer {
        let mut answer = Answer::new("electricity_maps_api");
        for document in documents {
            answer.wait(document.retry_after_s);
            if document.status == 429 && document.retry_after_s == 0 {
                answer.wait(self.0.back_off_s);
            }
            if let Err(problem) = self.read(document, &mut answer) {
                answer.problems.push(problem);
            }
        }
        answer
    }
}

impl ElectricityMaps {
    fn read(&self, document: &Document, answer: &mut Answer) -> Result<(), Problem> {
        let asked =
            document.request.split_once(' ').filter(|(_, zone)| self.0.zones.iter().any(|one| one == zone));
        let Some((kind, zone)) = asked else {
            return Err(document.problem("unknown_request", "no zone of the settings has this name"));
        };
        let value = json::parse(document)?;
        self.same("wrong_zone", "zone", zone, document, &value, true)?;
        let figures = match kind {
            "latest" => std::slice::from_ref(&value),
            list => match value.get(list).and_then(json::Value::as_array) {
                Some(figures) => figures.get(..MOST_FIGURES).unwrap_or(figures),
                None => return Err(document.problem("path_missing", format!("there is no /{list}"))),
            },
        };
        for figure in figures {
            match self.figure(kind, zone, document, figure) {
                Ok(reading) => answer.readings.push(reading),
                Err(problem) => {
                    // One problem says it for a whole list.
                    let known = answer
                        .problems
                        .iter()
                        .any(|other| other.request == problem.request && other.reason == problem.reason);
                    if !known {
                        answer.problems.push(problem);
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks that a field is what was asked for.
    fn same(
        &self,
        reason: &str,
        field: &str,
        wanted: &str,
        document: &Document,
        value: &json::Value,
        required: bool,
    ) -> Result<(), Problem> {
        match value.get(field) {
            None if !required => Ok(()),
            Some(json::Value::String(found)) if found == wanted => Ok(()),
            Some(json::Value::String(found)) => {
                let found: String = found.chars().filter(|c| c.is_ascii_graphic()).take(32).collect();
                Err(document.problem(reason, format!("{field} is {found}, asked for was {wanted}")))
            }
            _ => Err(document.problem(reason, format!("the answer does not say its {field}"))),
        }
    }

    fn figure(
        &self,
        kind: &str,
        zone: &str,
        document: &Document,
        figure: &json::Value,
    ) -> Result<Reading, Problem> {
        self.same("wrong_zone", "zone", zone, document, figure, kind == "latest")?;
        self.same(
            "wrong_factor",
            "emissionFactorType",
            &self.0.emission_factor_type,
            document,
            figure,
            false,
        )?;
        let grams = json::number(document, figure, "/carbonIntensity", MOST_G_PER_KWH)?;
        let from_ms = figure.get("datetime").and_then(json::Value::as_str).and_then(json::utc_ms);
        let Some(from_ms) = from_ms else {
            return Err(document.problem("invalid_value", "datetime is missing, or no time in UTC"));
        };
        let (most_ms, ahead_ms) = match kind {
            "forecast" => (3600 * 1000, FORECAST_MS),
            "history" => (HISTORY_MS, AHEAD_MS),
            _ => (u64::from(self.0.max_age_minutes) * 60 * 1000, AHEAD_MS),
        };
        document.fresh(from_ms, most_ms, ahead_ms)?;
        let interval_ms = match self.0.temporal_granularity.as_str() {
            "5_minutes" => 5 * 60 * 1000,
            "15_minutes" => 15 * 60 * 1000,
            _ => 3600 * 1000,
        };
        let forecast = kind == "forecast";
        let estimated = figure.get("isEstimated").and_then(json::Value::as_bool).unwrap_or(forecast);
        let percent = match estimated || forecast {
            true => self.0.estimated_uncertainty_percent,
            false => self.0.uncertainty_percent,
        };
        let reading = Reading::power(Subject::Zone, zone, grams, document).over(interval_ms);
        let measured_at_ms = from_ms + interval_ms;
        let reading =
            Reading { quantity: Quantity::Intensity, measured_at_ms, estimated, forecast, ..reading };
        Ok(reading.within_percent(percent))
    }
}

export_energy_backend!(ElectricityMaps);

#[cfg(test)]
mod tests;
