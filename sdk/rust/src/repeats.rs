//! Repeated calls: which spans repeat one another, and whether their parameters differ.
//!
//! N+1 and redundant calls look the same when parameters are hidden behind placeholders. The two detectors
//! share this module, so that they never contradict each other: a [`Run`] is [`Class::Distinct`] for one,
//! [`Class::Identical`] for the other, or [`Class::Unresolved`], and says why.

use crate::query::{Queries, Writes};
use crate::{Batch, Flags, Kind, NO_ROW, Span, Trace, Value, grouped};
use rustc_hash::{FxHashMap, FxHashSet};

/// Most templates before a run that are asked whether they supplied its keys, nearest first, and most executions of
/// each, from the first on: what a run costs must not grow with the trace.
const MAX_SOURCES: usize = 32;
const MAX_EXECUTIONS: usize = 8;

/// Calls with one template, made for one request, by one place in the code as far as that is known, without a
/// long pause between two of them. In order of their start.
pub struct Run<'a> {
    /// The calls, as many as the judge asks for, and at least one.
    pub spans: Vec<Span<'a>>,
    /// Whether any runs by half or more while another does: less is what coarse clocks make of a sequence.
    pub concurrent: bool,
}

/// Whether the calls of a run ask for different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// They do: one more call per thing.
    Distinct,
    /// They ask for the same thing again, or for too few different ones to be one call per thing.
    Identical,
    /// The spans do not say.
    Unresolved,
}

/// A verdict on a run, with how much it carries and why.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Which.
    pub class: Class,
    /// 0 to 1.
    pub confidence: f32,
    /// What decided: `parameters`, `foreign_key`, `row_count`, `results_differ`, `write`, `no_source`, `setting`, `none`.
    pub decided_by: &'static str,
    /// Distinct parameters, when all of them are visible.
    pub distinct: Option<u32>,
    /// Template of the query that seems to have supplied the keys.
    pub source: Option<String>,
}

/// How to treat hidden parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// By the evidence there is.
    Auto,
    /// By strong evidence only.
    Strict,
    /// As different.
    Always,
    /// Not at all: unresolved.
    Never,
}

impl Hidden {
    /// Values of the setting `sanitizer_aware_classification`.
    pub const CHOICES: &'static [&'static str] = &["auto", "strict", "always", "never"];

    /// Returns the mode of that name; [`Hidden::Auto`] for any other.
    pub fn of(name: &str) -> Hidden {
        match name {
            "strict" => Hidden::Strict,
            "always" => Hidden::Always,
            "never" => Hidden::Never,
            _ => Hidden::Auto,
        }
    }
}

/// Finds runs and judges them.
pub struct Repeats {
    min: u32,
    max_gap_ns: u64,
    hidden: Hidden,
    queries: Queries,
}

impl Repeats {
    /// Returns a judge of runs of at least `min` calls, 1 or more, with pauses of at most `max_gap_ms`.
    pub fn new(min: u32, max_gap_ms: u64, hidden: Hidden) -> Repeats {
        let max_gap_ns = max_gap_ms.saturating_mul(1_000_000);
        Repeats { min, max_gap_ns, hidden, queries: Queries::default() }
    }

    /// Must be called at the start of every batch.
    pub fn begin(&mut self, batch: &Batch) {
        self.queries.begin(batch);
    }

    /// Returns the runs of a trace with a verdict on each, in the order of their first calls. Linear in the spans of the
    /// trace, up to sorting.
    pub fn judge<'a>(&mut self, trace: &Trace<'a>) -> Vec<(Run<'a>, Verdict)> {
        let runs = self.runs(trace);
        let mut context = Context::new(trace.clone());
        runs.into_iter()
            .map(|run| {
                let verdict = self.verdict(&mut context, &run);
                (run, verdict)
            })
            .collect()
    }

    /// Returns the writes of a trace.
    pub fn writes(&mut self, trace: &Trace<'_>) -> Writes {
        Writes::of(trace, &mut self.queries)
    }

    /// Returns whether one of the writes came between two reads with one template and may have changed what they read.
    pub fn rewritten(&mut self, writes: &Writes, first: Span<'_>, last: Span<'_>) -> bool {
        writes.between(first, last, &self.queries.get(first))
    }

    fn runs<'a>(&self, trace: &Trace<'a>) -> Vec<Run<'a>> {
        let groups = grouped(self.min as usize, trace.io().filter(|span| repeatable(*span)), |span| {
            let call = (span.kind(), span.service_id(), span.template_id(), span.grouping_id());
            (call, request(span), span.code())
        });
        let mut runs: Vec<Run<'a>> = Vec::new();
        for spans in groups {
            self.split(spans, &mut runs);
        }
        runs.sort_unstable_by_key(|run| run.spans[0].row());
        runs
    }

    /// Cuts a group where the pause is too long. Spans come in order of their start.
    fn split<'a>(&self, spans: Vec<Span<'a>>, runs: &mut Vec<Run<'a>>) {
        let mut run: Vec<Span<'a>> = Vec::new();
        let (mut busy_until, mut concurrent) = (0, false);
        for span in spans {
            if !run.is_empty() && span.start_ns().saturating_sub(busy_until) > self.max_gap_ns {
                self.keep(std::mem::take(&mut run), concurrent, runs);
                concurrent = false;
            }
            concurrent |=
                !run.is_empty() && span.start_ns().saturating_add(span.duration_ns() / 2) < busy_until;
            busy_until = busy_until.max(span.end_ns());
            run.push(span);
        }
        self.keep(run, concurrent, runs);
    }

    fn keep<'a>(&self, spans: Vec<Span<'a>>, concurrent: bool, runs: &mut Vec<Run<'a>>) {
        if spans.len() >= self.min as usize {
            runs.push(Run { spans, concurrent });
        }
    }

    /// Says whether the calls of a run differ.
    fn verdict(&mut self, context: &mut Context<'_>, run: &Run<'_>) -> Verdict {
        let first = run.spans[0];
        let known = Known::of(&run.spans);
        if known.hidden == 0 {
            let class = if known.distinct >= self.min { Class::Distinct } else { Class::Identical };
            return Verdict { distinct: Some(known.distinct), ..verdict(class, 0.95, "parameters") };
        }
        if known.distinct >= self.min {
            return verdict(Class::Distinct, 0.9, "parameters");
        }
        match self.hidden {
            Hidden::Always => return verdict(Class::Distinct, 0.5, "setting"),
            Hidden::Never => return verdict(Class::Unresolved, 0.5, "setting"),
            Hidden::Auto | Hidden::Strict => {}
        }
        let verdict = if first.kind() == Kind::MESSAGING {
            verdict(Class::Distinct, 0.8, "write")
        } else if first.is_read() {
            self.judge_reads(context, run, &known)
        } else {
            verdict(Class::Distinct, 0.7, "write")
        };
        match self.hidden {
            Hidden::Strict if verdict.confidence < 0.7 => Verdict { class: Class::Unresolved, ..verdict },
            _ => verdict,
        }
    }

    /// Reads with hidden parameters: what came before them and in between, and what they brought back.
    fn judge_reads(&mut self, context: &mut Context<'_>, run: &Run<'_>, known: &Known) -> Verdict {
        if results_differ(&run.spans) {
            return verdict(Class::Distinct, 0.75, "results_differ");
        }
        let (first, last) = (run.spans[0], run.spans[run.spans.len() - 1]);
        let lookup = self.queries.get(first);
        for source in context.sources().before(first).take(MAX_SOURCES).filter(|source| source.is_read()) {
            let found = |by, confidence| Verdict {
                source: Some(source.spans[0].template()),
                ..verdict(Class::Distinct, confidence, by)
            };
            if source.returned_before(first).any(|rows| near(rows, run.spans.len())) {
                return found("row_count", 0.9);
            }
            if self.queries.get(source.spans[0]).supplies(&lookup) {
                return found("foreign_key", 0.8);
            }
        }
        let few = run.spans.len() < 3 * self.min as usize;
        if few
            && known.distinct <= 1
            && !first.has(Flags::SUMMARY)
            && context.trace.is_complete()
            && first.entry().is_some_and(|entry| entry.row() != first.row())
            && context.sources().before(first).next().is_none()
            && !context.writes(&mut self.queries).between(first, last, &lookup)
        {
            return verdict(Class::Identical, 0.55, "no_source");
        }
        verdict(Class::Unresolved, 0.5, "none")
    }
}

/// What is to be known about a trace besides its runs, found out when a run asks for it.
struct Context<'a> {
    trace: Trace<'a>,
    sources: Option<Sources<'a>>,
    writes: Option<Writes>,
}

impl<'a> Context<'a> {
    fn new(trace: Trace<'a>) -> Self {
        Context { trace, sources: None, writes: None }
    }

    fn sources(&mut self) -> &Sources<'a> {
        self.sources.get_or_insert_with(|| Sources::of(&self.trace))
    }

    fn writes(&mut self, queries: &mut Queries) -> &Writes {
        self.writes.get_or_insert_with(|| Writes::of(&self.trace, queries))
    }
}

/// What was asked in each request, by template.
struct Sources<'a>(FxHashMap<(u32, (u32, u32)), Vec<Source<'a>>>);

/// The executions of one template in one request, in the order of their start.
struct Source<'a> {
    spans: Vec<Span<'a>>,
    /// When the first of them ended.
    ended_ns: u64,
}

impl<'a> Sources<'a> {
    fn of(trace: &Trace<'a>) -> Self {
        let mut requests: FxHashMap<_, Vec<Source<'a>>> = FxHashMap::default();
        for spans in grouped(1, trace.io(), |span| (asker(span), span.template_id())) {
            let ended_ns = spans.iter().map(|span| span.end_ns()).min().unwrap_or(0);
            requests.entry(asker(spans[0])).or_default().push(Source { spans, ended_ns });
        }
        requests.values_mut().for_each(|sources| sources.sort_by_key(|source| source.ended_ns));
        Sources(requests)
    }

    /// Other templates of the same request that had been executed when a call started, the latest first.
    fn before(&self, call: Span<'_>) -> impl Iterator<Item = &Source<'a>> {
        let all = self.0.get(&asker(call)).map_or(&[][..], Vec::as_slice);
        let before = &all[..all.partition_point(|source| source.ended_ns <= call.start_ns())];
        before.iter().rev().filter(move |source| source.spans[0].template_id() != call.template_id())
    }
}

impl Source<'_> {
    fn is_read(&self) -> bool {
        self.spans[0].is_read()
    }

    /// Rows that its executions before a call returned, as far as they say.
    fn returned_before(&self, call: Span<'_>) -> impl Iterator<Item = u32> {
        let executions = self.spans.iter().take(MAX_EXECUTIONS);
        executions
            .filter(move |span| span.end_ns() <= call.start_ns())
            .filter_map(|span| span.rows_returned())
    }
}

/// The work that calls belong to: of one service, for one request.
fn asker(span: Span<'_>) -> (u32, (u32, u32)) {
    (span.service_id(), request(span))
}

/// What the parameters of a run say.
struct Known {
    /// Calls of which not all parameters can be seen.
    hidden: usize,
    /// Different calls there are at least.
    distinct: u32,
}

impl Known {
    /// Hashes of all parameters and hashes of the visible ones among others are not compared with each other.
    fn of(spans: &[Span<'_>]) -> Known {
        let mut whole = FxHashSet::default();
        let mut partial = FxHashSet::default();
        let mut hidden = 0;
        for span in spans {
            match parameters(*span) {
                Some(parameters) => whole.extend([parameters]),
                None => {
                    hidden += 1;
                    partial.extend(seen_parameters(*span));
                }
            }
        }
        Known { hidden, distinct: whole.len().max(partial.len()) as u32 }
    }
}

impl Verdict {
    /// Returns the verdict as evidence of a finding.
    pub fn evidence(&self, run: &Run<'_>) -> Vec<(String, Value)> {
        let mut evidence = vec![
            ("decided_by".to_owned(), Value::from(self.decided_by)),
            ("execution".to_owned(), Value::from(if run.concurrent { "concurrent" } else { "sequential" })),
        ];
        if let Some(distinct) = self.distinct {
            evidence.push(("distinct_params".to_owned(), Value::from(distinct)));
        }
        if let Some(source) = &self.source {
            evidence.push(("source_query".to_owned(), Value::from(source.as_str())));
        }
        evidence
    }
}

fn verdict(class: Class, confidence: f32, decided_by: &'static str) -> Verdict {
    Verdict { class, confidence, decided_by, distinct: None, source: None }
}

/// A batch is what an N+1 should become, a retry repeats for its own reason, and a template that only names
/// a system cannot repeat.
fn repeatable(span: Span<'_>) -> bool {
    span.kind().word().is_some()
        && span.template_id() != 0
        && span.batch_size() <= 1
        && !span.has(Flags::RETRY)
        && !span.has(Flags::GENERIC)
}

/// What tells requests apart: the entry span, and for spans without one in the trace, the endpoint they name.
pub fn request(span: Span<'_>) -> (u32, u32) {
    match span.entry() {
        Some(entry) if entry.row() != span.row() => (entry.row(), 0),
        _ => (NO_ROW, span.endpoint_id()),
    }
}

/// Parameters, where seeing the span's text means seeing them.
pub fn parameters(span: Span<'_>) -> Option<u64> {
    span.parameters().filter(|_| shows_parameters(span))
}

fn seen_parameters(span: Span<'_>) -> Option<u64> {
    span.seen_parameters().filter(|_| shows_parameters(span))
}

/// A message or a call has a payload nobody recorded, and so has an HTTP request that writes.
fn shows_parameters(span: Span<'_>) -> bool {
    match span.kind() {
        Kind::RPC | Kind::MESSAGING => false,
        Kind::HTTP => span.is_read(),
        _ => true,
    }
}

/// Whether the calls are known to have brought back different things.
pub fn results_differ(spans: &[Span<'_>]) -> bool {
    /// Whether all sizes are known and not all are equal.
    fn differ(mut sizes: impl Iterator<Item = Option<u64>>) -> bool {
        let Some(Some(first)) = sizes.next() else { return false };
        let mut differ = false;
        sizes.all(|size| {
            differ |= size != Some(first);
            size.is_some()
        }) && differ
    }
    differ(spans.iter().map(|span| span.rows_returned().map(u64::from)))
        || differ(spans.iter().map(|span| span.response_bytes()))
}

/// One more or less than the number of calls, or a tenth: rows are filtered, the first is kept.
fn near(rows: u32, calls: usize) -> bool {
    rows > 1 && u64::from(rows).abs_diff(calls as u64) <= (calls as u64 / 10).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Row, batch};

    const READ: Row = Row {
        kind: Kind::SQL.0,
        verb: 1,
        flags: Flags::PARAMS_HIDDEN.0,
        template: 1,
        parameters: 0,
        service: 1,
        peer: 1,
        entry: 0,
        start_ns: 0,
        duration_ns: 1,
        rows: None,
    };

    fn text(template: u32) -> String {
        format!("SELECT name FROM t{template} WHERE id = ?")
    }

    /// Judges the calls of one request, one after the other.
    fn judge(calls: &[Row]) -> Vec<(Class, &'static str)> {
        let calls = calls.iter().zip(1..).map(|(row, at)| Row { start_ns: 10 * at, entry: 1, ..*row });
        let rows: Vec<Row> = [Row::default(), Row::default()].into_iter().chain(calls).collect();
        let batch = batch(&[&rows], &(1..=rows.len() as u32).map(text).collect::<Vec<_>>());
        let mut repeats = Repeats::new(5, 500, Hidden::Auto);
        repeats.begin(&batch);
        let judged = batch.traces().flat_map(|trace| repeats.judge(&trace)).collect::<Vec<_>>();
        judged.into_iter().map(|(_, verdict)| (verdict.class, verdict.decided_by)).collect()
    }

    #[test]
    fn what_can_be_seen_beside_hidden_parameters() {
        let with = |parameters: [u64; 6]| parameters.map(|parameters| Row { parameters, ..READ });
        assert_eq!(judge(&with([0; 6])), [(Class::Identical, "no_source")]);
        assert_eq!(judge(&with([7; 6])), [(Class::Identical, "no_source")]);
        assert_eq!(judge(&with([7, 7, 7, 7, 7, 0])), [(Class::Identical, "no_source")]);
        assert_eq!(judge(&with([7, 7, 8, 7, 7, 7])), [(Class::Unresolved, "none")]);
        assert_eq!(judge(&with([1, 2, 3, 4, 5, 5])), [(Class::Distinct, "parameters")]);
        let mut mixed = with([7, 7, 0, 0, 0, 0]);
        mixed[0].flags = 0;
        assert_eq!(judge(&mixed), [(Class::Identical, "no_source")]);
        mixed[1] = Row { parameters: 8, ..mixed[0] };
        assert_eq!(judge(&mixed), [(Class::Unresolved, "none")]);
    }

    /// A run asks no more than so many templates before it, however many there are.
    #[test]
    fn work_per_run_is_bounded() {
        let entry = [Row::default(), Row::default()];
        let calls =
            (0..4000).map(|at| Row { template: at / 5 + 1, start_ns: 10 * u64::from(at), entry: 1, ..READ });
        let rows: Vec<Row> = entry.into_iter().chain(calls).collect();
        let batch = batch(&[&rows], &(1..=800).map(text).collect::<Vec<_>>());
        let trace = batch.traces().next().unwrap();
        let sources = Sources::of(&trace);
        let last = batch.span(3997).unwrap();
        assert_eq!(sources.before(last).count(), 799);
        let asked: Vec<u32> =
            sources.before(last).take(MAX_SOURCES).map(|source| source.spans[0].template_id()).collect();
        assert_eq!(asked, (800 - MAX_SOURCES as u32..800).rev().collect::<Vec<_>>());
        let mut repeats = Repeats::new(5, 500, Hidden::Auto);
        repeats.begin(&batch);
        assert_eq!(repeats.judge(&trace).len(), 800);
    }
}
