//! What an energy backend measured: one figure about one thing, with bounds, a time and its origin. Recorded readings
//! are NDJSON, one [`Reading`] a line.
//!
//! Energy is always the amount used in an interval, never a counter: backends keep the counters, and deal with those
//! that start over. Readings of one source can therefore be added; readings of one thing by several sources, or of
//! several domains, cannot.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a reading is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A service, by the name it has in traces.
    Service,
    /// A container, by its name.
    Container,
    /// A pod, by its name.
    Pod,
    /// A process, by its executable.
    Process,
    /// A machine, or the chassis it is in.
    Host,
    /// A zone of the electricity grid: `FR`, `US-CAL-CISO`.
    Zone,
}

/// What a reading is about: kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Kind of thing.
    pub kind: SubjectKind,
    /// Its name, never empty.
    pub name: String,
    /// What tells things of one name apart: the namespace of a pod or container, the machine of a process. Empty where
    /// the source does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub within: String,
}

/// What was measured, and so the unit of the three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Quantity {
    /// Energy used in the interval that ends at `measured_at_ms`, joules.
    #[serde(rename = "energy_j")]
    Energy,
    /// Power, watts: the mean over the interval; at that moment where the interval is 0.
    #[serde(rename = "power_w")]
    Power,
    /// Carbon intensity of electricity, grams of CO2 equivalent per kilowatt-hour, as the grid's average.
    #[serde(rename = "intensity_g_per_kwh")]
    Intensity,
    /// The same, as the marginal plant's.
    #[serde(rename = "marginal_intensity_g_per_kwh")]
    MarginalIntensity,
}

/// Which part of a machine the figure covers. Figures of different domains are different things: `wall` includes `cpu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Not said, or the quantity has none.
    #[default]
    Unknown,
    /// Processor packages.
    Cpu,
    /// Processor packages and memory.
    CpuDram,
    /// Memory alone.
    Dram,
    /// Graphics processors and other accelerators.
    Gpu,
    /// The board, as firmware or the processor counts it (psys, ACPI).
    Platform,
    /// What the power supplies draw.
    Wall,
}

/// Whether idle power is in the figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Idle and active together.
    #[default]
    Total,
    /// What the work itself took.
    Active,
    /// What would have been used without any work.
    Idle,
}

/// One figure of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Id of the source in the configuration: `kepler`, `racks`.
    pub source: String,
    /// How the figure came about, as reports name it: `kepler_ebpf`, `cloud_specpower`.
    pub model: String,
    /// What it is about.
    pub subject: Subject,
    /// What was measured.
    pub quantity: Quantity,
    /// Lower bound of the value: the 10th percentile where the source knows a distribution.
    pub low: f64,
    /// The value, in the unit of the quantity; finite, not negative.
    pub value: f64,
    /// Upper bound of the value: the 90th percentile where the source knows a distribution.
    pub high: f64,
    /// When it was measured, milliseconds since the epoch; of an interval the end.
    pub measured_at_ms: u64,
    /// Length of the interval the figure covers, milliseconds; 0 for a moment. Energy always has an interval.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub interval_ms: u64,
    /// Part of the machine.
    #[serde(default, skip_serializing_if = "is_default")]
    pub domain: Domain,
    /// Whether idle power is in it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub part: Part,
    /// Whether the source estimated it, rather than measured.
    #[serde(default, skip_serializing_if = "is_default")]
    pub estimated: bool,
    /// Whether it is about the future.
    #[serde(default, skip_serializing_if = "is_default")]
    pub forecast: bool,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Quantity::Energy => "energy",
            Quantity::Power => "power",
            Quantity::Intensity => "intensity",
            Quantity::MarginalIntensity => "marginal intensity",
        })
    }
}

impl Quantity {
    /// The largest value that is believed, in the unit of the quantity: a megawatt for one machine, that for an hour,
    /// and three times the dirtiest grid. What is beyond is a unit mistaken, not a measurement.
    pub fn ceiling(self) -> f64 {
        match self {
            Quantity::Power => 1e6,
            Quantity::Energy => 3.6e9,
            Quantity::Intensity | Quantity::MarginalIntensity => 3_000.0,
        }
    }
}

impl Reading {
    /// Checks what the types cannot say: names, numbers in range, bounds in order.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let Reading { low, value, high, quantity, .. } = *self;
        if self.subject.name.is_empty() {
            return Err("what it is about has no name".to_owned());
        }
        if ![low, value, high].iter().all(|number| number.is_finite() && *number >= 0.0) {
            return Err(format!(
                "{quantity} {low} to {value} to {high} holds a number below 0 or none at all"
            ));
        }
        if low > value || value > high {
            return Err(format!("{quantity} {value} is not between its bounds {low} and {high}"));
        }
        if value > quantity.ceiling() {
            return Err(format!(
                "{quantity} {value} is more than {}: is the unit right?",
                quantity.ceiling()
            ));
        }
        if quantity == Quantity::Energy && self.interval_ms == 0 {
            return Err("energy without the interval it was used in".to_owned());
        }
        Ok(())
    }

    /// Returns power and length of the interval as energy in joules, low to high; nothing for another quantity, or for
    /// power at a moment.
    pub fn joules(&self) -> Option<[f64; 3]> {
        let figures = [self.low, self.value, self.high];
        match self.quantity {
            Quantity::Energy => Some(figures),
            Quantity::Power if self.interval_ms > 0 => {
                Some(figures.map(|watts| watts * self.interval_ms as f64 / 1000.0))
            }
            _ => None,
        }
    }

    /// Reads one line of recorded readings.
    ///
    /// # Errors
    /// When it is not a reading, or one that [`Reading::check`] refuses.
    pub fn from_line(line: &str) -> Result<Reading, String> {
        let reading: Reading = serde_json::from_str(line).map_err(|error| format!("no reading: {error}"))?;
        reading.check()?;
        Ok(reading)
    }

    /// Returns the line by which it is recorded, without line end.
    ///
    /// # Errors
    /// Never, with readings that pass [`Reading::check`].
    pub fn to_line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            source: "kepler".to_owned(),
            model: "kepler_ebpf".to_owned(),
            subject: Subject {
                kind: SubjectKind::Container,
                name: "order".to_owned(),
                within: "shop".to_owned(),
            },
            quantity: Quantity::Energy,
            low: 9.0,
            value: 10.25,
            high: 11.5,
            measured_at_ms: 1_764_772_800_000,
            interval_ms: 5_000,
            domain: Domain::CpuDram,
            part: Part::Active,
            estimated: false,
            forecast: false,
        }
    }

    #[test]
    fn a_line_comes_back_as_it_was() {
        let line = reading().to_line().unwrap();
        assert_eq!(
            line,
            r#"{"source":"kepler","model":"kepler_ebpf","subject":{"kind":"container","name":"order","within":"shop"},"quantity":"energy_j","low":9.0,"value":10.25,"high":11.5,"measured_at_ms":1764772800000,"interval_ms":5000,"domain":"cpu_dram","part":"active"}"#
        );
        assert_eq!(Reading::from_line(&line), Ok(reading()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |change: &dyn Fn(&mut Reading), expect: &str| {
            let mut reading = reading();
            change(&mut reading);
            assert_eq!(reading.check().unwrap_err(), expect);
        };
        check(&|reading| reading.subject.name.clear(), "what it is about has no name");
        check(&|reading| reading.low = 10.5, "energy 10.25 is not between its bounds 10.5 and 11.5");
        check(
            &|reading| reading.value = f64::NAN,
            "energy 9 to NaN to 11.5 holds a number below 0 or none at all",
        );
        check(
            &|reading| reading.low = -1.0,
            "energy -1 to 10.25 to 11.5 holds a number below 0 or none at all",
        );
        check(&|reading| reading.interval_ms = 0, "energy without the interval it was used in");
        let absurd = |reading: &mut Reading| (reading.value, reading.high) = (1e10, 1e10);
        check(&absurd, "energy 10000000000 is more than 3600000000: is the unit right?");
        assert!(Reading::from_line("{}").unwrap_err().starts_with("no reading: missing field"));
    }

    #[test]
    fn power_over_an_interval_is_energy() {
        let power = Reading { quantity: Quantity::Power, ..reading() };
        assert_eq!(power.joules(), Some([45.0, 51.25, 57.5]));
        assert_eq!(Reading { interval_ms: 0, ..power }.joules(), None);
        assert_eq!(reading().joules(), Some([9.0, 10.25, 11.5]));
    }
}
