//! Finds requests that make very many calls to other services.
//!
//! Outbound HTTP requests and remote procedure calls are counted per request: per entry into a service, not
//! per trace, so that two modest services in one trace do not add up to a chatty one.

mod fixes;

use std::collections::{BTreeSet, HashMap};
use tracewatt_sdk::prelude::*;
use tracewatt_sdk::repeats;

/// Callees and templates named in the evidence.
const TOP: usize = 5;

settings! {
    /// When many is too many.
    pub struct Settings {
        /// Most calls to other services that one request may make; more are reported.
        chatty_service_min_calls: u32 = 15, 1..=100_000;
    }
}

/// The detector.
pub struct Chatty(Settings);

impl Detector for Chatty {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let summary = "requests that make very many calls to other services";
        Manifest::new("chatty", env!("CARGO_PKG_VERSION"), summary)
            .license(env!("CARGO_PKG_LICENSE"))
            .interest(&[Kind::HTTP, Kind::RPC], 2)
            .rule(
                Rule::new("chatty_service", "Chatty service")
                    .page(include_str!("../README.md"))
                    .advice(
                        "give the callee an operation that answers all of it at once, or move the work to where \
                         the data is",
                    )
                    .yields_to(["n_plus_one_http", "n_plus_one_rpc", "redundant_http", "redundant_rpc"])
                    .fixes(fixes::fixes()),
            )
    }

    fn new(settings: Settings) -> Self {
        Chatty(settings)
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        for trace in batch.traces() {
            for calls in requests(&trace, self.0.chatty_service_min_calls as usize + 1) {
                findings.push(self.finding(&calls));
            }
        }
    }
}

impl Chatty {
    fn finding(&self, calls: &[Span<'_>]) -> Finding {
        let max = self.0.chatty_service_min_calls as usize;
        let callees = tally(calls, |span| span.peer_id());
        let templates = tally(calls, |span| span.template_id());
        let critical = calls.len() > max.saturating_mul(3);
        Finding::new("chatty_service", calls)
            .severity(if critical { Severity::Critical } else { Severity::Warning })
            .subject("calls of one request")
            .message(format!(
                "{} calls to {} {} in one request, most of them to {}",
                calls.len(),
                callees.len(),
                if callees.len() == 1 { "service" } else { "services" },
                callees.first().map_or("", |callee| callee.name())
            ))
            .evidence("threshold", max)
            .evidence("calls", calls.len())
            .evidence("callees", callees.len())
            .evidence("distinct_templates", templates.len())
            .evidence("top_callees", lines(&callees, Tally::callee))
            .evidence("top_templates", lines(&templates, Tally::template))
    }
}

/// Returns the calls to other services of each request that makes so many, by the first of them.
fn requests<'a>(trace: &Trace<'a>, min: usize) -> Vec<Vec<Span<'a>>> {
    grouped(min, trace.io().filter(|span| matches!(span.kind(), Kind::HTTP | Kind::RPC)), |span| {
        (repeats::request(span), span.service_id(), span.grouping_id())
    })
}

/// Calls that have a text in common.
struct Tally {
    text: String,
    calls: usize,
    templates: BTreeSet<u32>,
}

impl Tally {
    /// Returns the name of the callee; some instrumentations record none.
    fn name(&self) -> &str {
        if self.text.is_empty() { "an unnamed service" } else { &self.text }
    }

    fn callee(&self) -> String {
        let templates = self.templates.len();
        let noun = if templates == 1 { "template" } else { "templates" };
        format!("{}: {} calls, {templates} {noun}", self.name(), self.calls)
    }

    fn template(&self) -> String {
        format!("{} x {}", self.calls, self.text)
    }
}

/// Counts calls by a text, most calls first, equal counts by the text.
fn tally<'a>(calls: &[Span<'a>], id: impl Fn(Span<'a>) -> u32) -> Vec<Tally> {
    let mut groups: HashMap<u32, Tally> = HashMap::new();
    for span in calls {
        let id = id(*span);
        let group = groups.entry(id).or_insert_with(|| Tally {
            text: span.batch().text(id),
            calls: 0,
            templates: BTreeSet::new(),
        });
        group.calls += 1;
        group.templates.insert(span.template_id());
    }
    let mut groups: Vec<Tally> = groups.into_values().collect();
    groups.sort_unstable_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.text.cmp(&b.text)));
    groups
}

fn lines(groups: &[Tally], line: impl Fn(&Tally) -> String) -> Vec<String> {
    groups.iter().take(TOP).map(line).collect()
}

export_detector!(Chatty);
