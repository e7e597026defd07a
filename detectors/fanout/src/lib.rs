//! Finds spans that start very many calls.
use tracewatt_sdk::prelude::*;

settings! {
    /// When many is too many.
    pub struct Settings {
        /// Calls started by one span from which on it is reported; more than this many.
        max_fanout: u32 = 20, 1..=100_000;
    }
}

/// The detector.
pub struct Fanout(Settings);

impl Detector for Fanout {
    type Settings = Settings;
    fn manifest() -> Manifest {
        Manifest::new("fanout", "0.1.0", "spans that start very many calls")
            .rule(Rule::new("excessive_fanout", "Excessive fan-out"))
    }
    fn new(settings: Settings) -> Self {
        Fanout(settings)
    }
    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        for trace in batch.traces() {
            let io: Vec<Span> = trace.io().collect();
            if io.len() > self.0.max_fanout as usize {
                findings.push(Finding::new("excessive_fanout", &io).evidence("children", io.len()));
            }
        }
    }
}

export_detector!(Fanout);
