//! What goes in and out: requests, readings, problems. The meaning of every field is in wit/0.1/energy.wit.

use super::Document;

/// What a reading is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Subject {
    Service,
    Container,
    Pod,
    Process,
    Host,
    Zone,
}

/// What was measured, in joules, watts, or grams per kilowatt-hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Quantity {
    Energy,
    Power,
    Intensity,
    MarginalIntensity,
}

impl Quantity {
    /// The largest value that the host believes: a megawatt, that for an hour, three times the dirtiest grid. Sums must
    /// stay below it too.
    pub fn ceiling(self) -> f64 {
        match self {
            Quantity::Power => 1e6,
            Quantity::Energy => 3.6e9,
            Quantity::Intensity | Quantity::MarginalIntensity => 3_000.0,
        }
    }
}

/// Part of the machine that a figure covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Domain {
    Unknown,
    Cpu,
    CpuDram,
    Dram,
    Gpu,
    Platform,
    Wall,
}

/// Whether idle power is in a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Part {
    Total,
    Active,
    Idle,
}

/// A figure.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Reading {
    pub subject: Subject,
    pub name: String,
    pub within: String,
    pub quantity: Quantity,
    pub low: f64,
    pub value: f64,
    pub high: f64,
    pub measured_at_ms: u64,
    pub interval_ms: u64,
    pub domain: Domain,
    pub part: Part,
    pub estimated: bool,
    pub forecast: bool,
}

/// A document to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Request {
    pub target: String,
    pub id: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
}

/// Why there is no reading.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Problem {
    pub target: String,
    pub request: String,
    pub reason: String,
    pub message: String,
}

/// What came of the documents.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Answer {
    pub model: String,
    pub readings: Vec<Reading>,
    pub problems: Vec<Problem>,
    pub again_after_s: u32,
}

impl Answer {
    /// Returns an answer without readings; `model` is how figures come about, as reports name it.
    pub fn new(model: &str) -> Answer {
        Answer { model: model.to_owned(), ..Answer::default() }
    }

    /// Adds what a document gave.
    pub fn add(&mut self, given: Result<Vec<Reading>, Problem>) {
        match given {
            Ok(readings) => self.readings.extend(readings),
            Err(problem) => self.problems.push(problem),
        }
    }

    /// Asks the host to wait at least that long, where a document says so.
    pub fn wait(&mut self, seconds: u32) {
        self.again_after_s = self.again_after_s.max(seconds);
    }
}

impl Request {
    /// Returns a request without query and headers.
    pub fn get(target: &str, id: &str, path: &str) -> Request {
        let (target, id, path) = (target.to_owned(), id.to_owned(), path.to_owned());
        Request { target, id, path, query: Vec::new(), headers: Vec::new() }
    }

    /// Adds a parameter to the query.
    pub fn with(mut self, name: &str, value: &str) -> Request {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Reading {
    /// Returns power at the time of a document, without bounds.
    pub fn power(subject: Subject, name: &str, watts: f64, document: &Document) -> Reading {
        Reading {
            subject,
            name: name.to_owned(),
            within: String::new(),
            quantity: Quantity::Power,
            low: watts,
            value: watts,
            high: watts,
            measured_at_ms: document.received_at_ms,
            interval_ms: 0,
            domain: Domain::Unknown,
            part: Part::Total,
            estimated: false,
            forecast: false,
        }
    }

    /// Returns energy used in the interval that ends with a document, joules, without bounds.
    pub fn energy(
        subject: Subject,
        name: &str,
        joules: f64,
        interval_ms: u64,
        document: &Document,
    ) -> Reading {
        Reading { quantity: Quantity::Energy, interval_ms, ..Reading::power(subject, name, joules, document) }
    }

    /// Sets the bounds to so many percent below and above the value.
    pub fn within_percent(mut self, percent: f64) -> Reading {
        let spread = self.value * percent / 100.0;
        (self.low, self.high) = ((self.value - spread).max(0.0), self.value + spread);
        self
    }

    /// Sets the part of the machine, and whether idle power is in the figure.
    pub fn of(mut self, domain: Domain, part: Part) -> Reading {
        (self.domain, self.part) = (domain, part);
        self
    }

    /// Sets what tells things of one name apart.
    pub fn inside(mut self, within: &str) -> Reading {
        self.within = within.to_owned();
        self
    }

    /// Sets the interval that the figure covers.
    pub fn over(mut self, interval_ms: u64) -> Reading {
        self.interval_ms = interval_ms;
        self
    }
}
