//! What the analysis of an input costs, stage by stage and plug-in by plug-in, on one thread: to find out where time
//! goes, and what a plug-in of one's own costs next to the others. Figures are wall-clock time, the best of some runs;
//! compare them within one run of the command, not between machines.

mod random;
mod synthetic;

use crate::analysis::{Input, Judgement, Measured, Progress, measure};
use crate::session::Session;
use anyhow::Result;
use serde::Serialize;
use std::io::Write;
use std::time::Instant;

/// What a run of the command found.
#[derive(Debug, Serialize)]
pub struct Bench {
    /// Bytes of the input.
    pub bytes: u64,
    /// Spans in it.
    pub spans: u64,
    /// Round trips that count among them.
    pub events: u64,
    /// Traces.
    pub traces: u64,
    /// Nanoseconds per span of each stage.
    pub stages: Vec<Stage>,
    /// Nanoseconds per span of each plug-in alone, sandbox included.
    pub plugins: Vec<Stage>,
    /// Round trips per second on one thread from decoded spans to folded findings: everything but decoding.
    pub pipeline_events_per_s: f64,
    /// Bytes per second that one thread decodes.
    pub decode_bytes_per_s: f64,
    /// The whole analysis on every processor.
    pub analyze: Whole,
    /// Largest resident memory of the process in that time, bytes, the input included; absent where the system does
    /// not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
}

/// One stage.
#[derive(Debug, Serialize)]
pub struct Stage {
    /// What is done.
    pub name: String,
    /// Nanoseconds per span.
    pub ns_per_span: f64,
}

/// The whole analysis.
#[derive(Debug, Serialize)]
pub struct Whole {
    /// Processors.
    pub threads: usize,
    /// Seconds.
    pub wall_s: f64,
    /// Bytes of input per second.
    pub bytes_per_s: f64,
    /// Spans per second.
    pub spans_per_s: f64,
}

/// Writes made-up traces, OTLP JSON lines, with at least `spans` spans.
///
/// # Errors
/// What `out` fails with.
pub fn write_synthetic(spans: u64, out: &mut dyn Write) -> std::io::Result<()> {
    let (mut shop, mut line, mut written) = (synthetic::Shop::new(), String::new(), 0);
    while written < spans {
        let made = shop.line();
        written += made.len() as u64;
        line.clear();
        synthetic::write_json(&made, &mut line);
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Measures the analysis of an input, the best of `runs` runs of each stage.
///
/// # Errors
/// As the analysis.
pub fn run(session: &Session, input: &[u8], runs: u32, judgement: &Judgement<'_>) -> Result<Bench> {
    let mut whole = f64::MAX;
    for _ in 0..runs.max(1) {
        let started = Instant::now();
        let input = Input::Open("bench".to_owned(), Box::new(input));
        crate::analysis::analyze(session, vec![input], judgement, &Progress::default())?;
        whole = whole.min(started.elapsed().as_secs_f64());
    }
    let peak_memory_bytes = peak_memory();
    let Measured { spans, events, traces, stages, plugins } = measure(session, input, runs, judgement)?;
    let per_span = |(name, seconds): (String, f64)| Stage {
        name,
        ns_per_span: (seconds * 1e10 / spans.max(1) as f64).round() / 10.0,
    };
    let decode: f64 = stages.iter().filter(|(name, _)| name == "decode").map(|(_, seconds)| seconds).sum();
    let all: f64 = stages.iter().map(|(_, seconds)| seconds).sum();
    Ok(Bench {
        bytes: input.len() as u64,
        spans,
        events,
        traces,
        pipeline_events_per_s: events as f64 / (all - decode),
        decode_bytes_per_s: input.len() as f64 / decode,
        stages: stages.into_iter().map(per_span).collect(),
        plugins: plugins.into_iter().map(per_span).collect(),
        analyze: Whole {
            threads: std::thread::available_parallelism().map_or(1, |threads| threads.get()),
            wall_s: whole,
            bytes_per_s: input.len() as f64 / whole,
            spans_per_s: spans as f64 / whole,
        },
        peak_memory_bytes,
    })
}

/// Returns what Linux says was the most memory this process had.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
