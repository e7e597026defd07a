//! Finds requests that make very many calls. It is there to be changed into what you are looking for.

use tracewatt_sdk::prelude::*;

settings! {
    /// What counts as too many.
    pub struct Settings {
        /// Most calls that one request may make; more are reported.
        max_calls: u32 = 50, 1..=100_000;
    }
}

/// The detector.
pub struct PluginName(Settings);

impl Detector for PluginName {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let summary = "requests that make very many calls";
        Manifest::new("plugin_name", env!("CARGO_PKG_VERSION"), summary).interest(&[], 2).rule(
            Rule::new("plugin_name", "Too many calls")
                .page(include_str!("../README.md"))
                .advice("ask for less, or for more at once"),
        )
    }

    fn new(settings: Settings) -> Self {
        PluginName(settings)
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        let max = self.0.max_calls as usize;
        for trace in batch.traces() {
            let calls: Vec<Span> = trace.io().collect();
            if calls.len() > max {
                findings.push(
                    Finding::new("plugin_name", &calls)
                        .subject("calls of the request")
                        .message(format!("{} calls in one request", calls.len()))
                        .evidence("calls", calls.len())
                        .evidence("threshold", max),
                );
            }
        }
    }
}

export_detector!(PluginName);
