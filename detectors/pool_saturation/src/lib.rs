//! Finds more statements in flight than a connection pool holds.
//!
//! A pool does not care which request waits, so what counts is column `in-flight`: statements of one service
//! to one database under way at one instant, over every trace the host holds, in nanoseconds. Each trace that
//! takes part in a peak says so with its own statements; the host folds those of one endpoint into one problem.

mod fixes;

use std::collections::HashMap;
use tracewatt_sdk::overlap;
use tracewatt_sdk::prelude::*;

const NS_PER_MS: f64 = 1_000_000.0;

settings! {
    /// When a pool is taken to be exhausted.
    pub struct Settings {
        /// Statements in flight from which on it is reported: the size of the connection pool.
        pool_saturation_concurrent_threshold: u32 = 10, 2..=100_000;
    }
}

/// The detector.
pub struct PoolSaturation {
    settings: Settings,
    waits: TextTable<bool>,
}

impl Detector for PoolSaturation {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let summary = "more statements in flight than a connection pool holds";
        Manifest::new("pool_saturation", env!("CARGO_PKG_VERSION"), summary)
            .license(env!("CARGO_PKG_LICENSE"))
            .interest(&[Kind::SQL], 1)
            .rule(
                Rule::new("pool_saturation", "Connection pool saturation")
                    .page(include_str!("../README.md"))
                    .advice(
                        "make the statements shorter or fewer, and limit how many run at once; only then make the \
                         pool larger",
                    )
                    .fixes(fixes::fixes()),
            )
    }

    fn new(settings: Settings) -> Self {
        PoolSaturation { settings, waits: TextTable::default() }
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        self.waits.begin(batch);
        let threshold = self.settings.pool_saturation_concurrent_threshold;
        for trace in batch.traces() {
            if !statements(&trace).any(|span| span.in_flight() >= threshold) {
                continue;
            }
            let waits = self.waits(&trace);
            for statements in pools(&trace) {
                let waits = waits.get(&statements[0].service_id()).copied().unwrap_or_default();
                findings.extend(self.finding(&statements, waits));
            }
        }
    }
}

impl PoolSaturation {
    fn finding(&self, statements: &[Span<'_>], waits: Waits) -> Option<Finding> {
        let threshold = self.settings.pool_saturation_concurrent_threshold;
        let anchor = *statements.iter().rev().max_by_key(|span| span.in_flight())?;
        let peak = anchor.in_flight();
        if peak < threshold {
            return None;
        }
        let in_trace = overlap::peak(statements.iter().map(|span| overlap::interval(*span))).calls;
        let alone = in_trace >= threshold;
        let critical = peak >= threshold.saturating_mul(3);
        let spans = at(anchor, statements);
        let finding = Finding::new("pool_saturation", &spans)
            .severity(if critical { Severity::Critical } else { Severity::Warning })
            .confidence(if waits.count > 0 { 0.95 } else { 0.8 })
            .subject(subject(anchor))
            .message(format!("{peak} statements in flight at once, {} of them in this trace", spans.len()))
            .evidence("threshold", threshold)
            .evidence("peak_concurrent", peak)
            .evidence("in_trace_peak", in_trace)
            .evidence("scope", if alone { "in_trace" } else { "across_traces" });
        Some(match waits.count {
            0 => finding,
            count => finding
                .evidence("connection_waits", count)
                .evidence("connection_wait_ms", waits.total_ns as f64 / NS_PER_MS),
        })
    }

    /// Returns what the spans of a trace tell of waiting, by service.
    fn waits(&mut self, trace: &Trace<'_>) -> HashMap<u32, Waits> {
        let mut services: HashMap<u32, Waits> = HashMap::new();
        for span in trace.spans().filter(|span| span.has(Flags::CHATTER)) {
            if self.waits.get(span.batch(), span.name_id(), names_a_pool) {
                let waits = services.entry(span.service_id()).or_default();
                waits.count += 1;
                waits.total_ns = waits.total_ns.saturating_add(span.duration_ns());
            }
        }
        services
    }
}

/// How often a service asked its pool for a connection, and how long that took in all.
#[derive(Clone, Copy, Default)]
struct Waits {
    count: usize,
    total_ns: u64,
}

/// Returns the statements of a trace. Those that control a transaction occupy a connection like any other; those whose
/// times are unknown cannot be said to overlap.
fn statements<'a>(trace: &Trace<'a>) -> impl Iterator<Item = Span<'a>> {
    trace.spans().filter(|span| span.kind() == Kind::SQL && !span.has(Flags::TIMES_UNKNOWN))
}

/// Returns the statements of a trace by the pool they seem to use.
fn pools<'a>(trace: &Trace<'a>) -> Vec<Vec<Span<'a>>> {
    grouped(1, statements(trace), |span| (span.service_id(), span.peer_id(), span.grouping_id()))
}

/// Returns the statements under way when the anchor started, the anchor first.
fn at<'a>(anchor: Span<'a>, statements: &[Span<'a>]) -> Vec<Span<'a>> {
    let instant = anchor.start_ns();
    let others = statements.iter().copied().filter(|span| {
        let (start, end) = overlap::interval(*span);
        span.row() != anchor.row() && start <= instant && instant < end
    });
    [anchor].into_iter().chain(others).collect()
}

fn subject(anchor: Span<'_>) -> String {
    let peer = anchor.batch().text(anchor.peer_id());
    let to = if peer.is_empty() { anchor.batch().text(anchor.system_id()) } else { peer };
    format!("connections to {}", if to.is_empty() { "the database" } else { &to })
}

fn names_a_pool(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pool", "acquire", "getconnection"].iter().any(|word| name.contains(word))
}

export_detector!(PoolSaturation);
