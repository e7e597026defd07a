//! One analysis, from inputs to a report: read, map, seal, detect, fold, price, judge. Every step is the core's;
//! what is added here is files, threads and the configuration.
//!
//! | file | does |
//! |---|---|
//! | `intake` | reads inputs on several threads, maps their spans and hands them on |
//! | `stream` | [`analyze`]: seals and judges unit by unit, in bounded memory |
//! | `memory` | [`read`]: all traces at once, for commands that look at them from several sides |
//! | `measure` | the same steps with a clock, for `tracewatt bench` |
//! | `progress` | how far it is, for whoever shows it |
//! | `profiles` | overrides for services and endpoints |
//! | `sums` | adds up what came of units |
//! | `watch` | who looks on: fault bundles, the account of plug-ins |
//! | `assemble` | the report, and the verdict |

mod assemble;
mod intake;
mod measure;
mod memory;
mod profiles;
mod progress;
mod stream;
mod sums;
mod watch;

pub use intake::Intake;
pub(crate) use intake::read_limits;
pub use measure::{Measured, measure};
pub use memory::{Traces, analyze_traces, read};
pub(crate) use memory::{fold, run_detectors, run_variants};
pub(crate) use profiles::{Lineup, Place, Variant, as_configured, places};
pub use progress::{Progress, Stage};
pub use stream::{analyze, analyze_with};
pub(crate) use sums::source;
pub use watch::{PluginStats, Watch};

use crate::cli::invocation::Environment;
use crate::config::Config;
use crate::ingest::Source;
use std::io::Read;
use tracewatt_core::acknowledge::{Acknowledgment, Date};
use tracewatt_core::finding::{Identity, Ignore};
use tracewatt_core::report::Report;
use tracewatt_core::window::WindowOptions;

/// What to judge by besides the configuration.
pub struct Judgement<'a> {
    /// Report to compare with.
    pub baseline: Option<&'a Report>,
    /// Acknowledgments, and the day they are looked at.
    pub acknowledgments: &'a [Acknowledgment],
    /// Today, in UTC: acknowledgments and ignore entries expire.
    pub today: Date,
    /// Where the traces were recorded.
    pub environment: Environment,
}

/// An input to read.
pub enum Input<'a> {
    /// A file or standard input, opened when its turn comes.
    Source(Source),
    /// Open already, with its name for messages.
    Open(String, Box<dyn Read + Send + 'a>),
}

impl Input<'_> {
    /// Returns the inputs that some sources name.
    pub fn of(sources: &[Source]) -> Vec<Self> {
        sources.iter().cloned().map(Input::Source).collect()
    }
}

/// The entries of `[[detection.ignore]]`, on a day.
pub(crate) struct Ignores<'a>(pub &'a Config, pub Date);

impl Ignore for Ignores<'_> {
    fn ignores(&self, identity: &Identity<'_>) -> bool {
        let Identity { kind, service, endpoint, subject, .. } = *identity;
        self.0.detection.ignores.iter().any(|ignore| ignore.covers(kind, service, endpoint, subject, self.1))
    }
}

pub(crate) fn window_options(config: &Config) -> WindowOptions {
    WindowOptions { max_spans_per_trace: config.input.max_spans_per_trace, ..WindowOptions::default() }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get())
}
