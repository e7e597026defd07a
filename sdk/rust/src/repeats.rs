//! Repeated calls: which spans repeat one another, and whether their parameters differ.
//!
//! N+1 and redundant calls look the same when parameters are hidden behind placeholders. The two detectors
//! share this module, so that they never contradict each other: a [`Run`] is [`Class::Distinct`] for one,
//! [`Class::Identical`] for the other, or [`Class::Unresolved`], and says why.

use crate::{Batch, Flags, Kind, NO_ROW, Span, TextTable, Trace, Value};
use std::collections::HashMap;
use std::collections::HashSet;

/// Calls with one template, made for one request, by one place in the code as far as that is known, without a
/// long pause between two of them. In order of their start.
pub struct Run<'a> {
    /// The calls, at least two.
    pub spans: Vec<Span<'a>>,
    /// Whether any runs by half or more while another does: less is what coarse clocks make of a sequence.
    pub concurrent: bool,
}

/// Whether the calls of a run ask for different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// They do: one more call per thing.
    Distinct,
    /// They ask for the same thing again.
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
    /// Distinct parameters, when they are visible.
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
    queries: TextTable<Query>,
}

impl Repeats {
    /// Returns a judge of runs of at least `min` calls with pauses of at most `max_gap_ms`.
    pub fn new(min: u32, max_gap_ms: u64, hidden: Hidden) -> Repeats {
        let max_gap_ns = max_gap_ms.saturating_mul(1_000_000);
        Repeats { min, max_gap_ns, hidden, queries: TextTable::default() }
    }

    /// Must be called at the start of every batch.
    pub fn begin(&mut self, batch: &Batch) {
        self.queries.begin(batch);
    }

    /// Returns the runs of a trace, by the start of their first call.
    pub fn runs<'a>(&self, trace: &Trace<'a>) -> Vec<Run<'a>> {
        let mut groups: HashMap<_, usize> = HashMap::new();
        let mut members: Vec<Vec<Span<'a>>> = Vec::new();
        for span in trace.io().filter(|span| repeatable(*span)) {
            let key = (
                span.kind(),
                span.service_id(),
                request(span),
                span.template_id(),
                span.grouping_id(),
                span.code(),
            );
            let group = *groups.entry(key).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[group].push(span);
        }
        let mut runs: Vec<Run<'a>> = Vec::new();
        for spans in members.into_iter().filter(|spans| spans.len() >= self.min as usize) {
            self.split(spans, &mut runs);
        }
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
            concurrent |= !run.is_empty() && span.start_ns() + span.duration_ns() / 2 < busy_until;
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
    pub fn judge(&mut self, trace: &Trace<'_>, run: &Run<'_>) -> Verdict {
        let first = run.spans[0];
        let visible: Vec<u64> = run.spans.iter().filter_map(|span| parameters(*span)).collect();
        if visible.len() == run.spans.len() {
            let distinct = visible.iter().collect::<HashSet<_>>().len() as u32;
            let class = if distinct >= self.min { Class::Distinct } else { Class::Identical };
            return Verdict { distinct: Some(distinct), ..verdict(class, 0.95, "parameters") };
        }
        if visible.iter().collect::<HashSet<_>>().len() >= self.min as usize {
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
            self.judge_reads(trace, run)
        } else {
            verdict(Class::Distinct, 0.7, "write")
        };
        match self.hidden {
            Hidden::Strict if verdict.confidence < 0.7 => Verdict { class: Class::Unresolved, ..verdict },
            _ => verdict,
        }
    }

    /// Reads with hidden parameters: what came before them, and what they brought back.
    fn judge_reads(&mut self, trace: &Trace<'_>, run: &Run<'_>) -> Verdict {
        if results_differ(&run.spans) {
            return verdict(Class::Distinct, 0.75, "results_differ");
        }
        let first = run.spans[0];
        let lookup = self.query(first);
        let before: Vec<Span<'_>> = trace
            .io()
            .filter(|span| span.end_ns() <= first.start_ns() && span.template_id() != first.template_id())
            .filter(|span| span.service_id() == first.service_id() && request(*span) == request(first))
            .collect();
        for source in before.iter().rev().filter(|span| span.is_read()) {
            let found = |by, confidence| Verdict {
                source: Some(source.template()),
                ..verdict(Class::Distinct, confidence, by)
            };
            if source.rows_returned().is_some_and(|rows| near(rows, run.spans.len())) {
                return found("row_count", 0.9);
            }
            if source.kind() == Kind::SQL && self.query(*source).supplies(&lookup) {
                return found("foreign_key", 0.8);
            }
        }
        let few = run.spans.len() < 3 * self.min as usize;
        if before.is_empty()
            && few
            && !first.has(Flags::SUMMARY)
            && trace.is_complete()
            && first.entry().is_some_and(|entry| entry.row() != first.row())
        {
            return verdict(Class::Identical, 0.55, "no_source");
        }
        verdict(Class::Unresolved, 0.5, "none")
    }

    fn query(&mut self, span: Span<'_>) -> Query {
        self.queries.get(span.batch(), span.template_id(), Query::of)
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

/// Parameters, where seeing the span's text means seeing them: a message or a call has a payload nobody recorded,
/// and so has an HTTP request that writes.
pub fn parameters(span: Span<'_>) -> Option<u64> {
    match span.kind() {
        Kind::RPC | Kind::MESSAGING => None,
        Kind::HTTP if !span.is_read() => None,
        _ if span.has(Flags::PARAMS_HIDDEN) => None,
        _ => span.parameters(),
    }
}

/// Whether the calls are known to have brought back different things.
pub fn results_differ(spans: &[Span<'_>]) -> bool {
    let differ = |sizes: Vec<Option<u64>>| match sizes.iter().copied().collect::<Option<HashSet<u64>>>() {
        Some(sizes) => sizes.len() > 1,
        None => false,
    };
    differ(spans.iter().map(|span| span.rows_returned().map(u64::from)).collect())
        || differ(spans.iter().map(|span| span.response_bytes()).collect())
}

/// One more or less than the number of calls, or a tenth: rows are filtered, the first is kept.
fn near(rows: u32, calls: usize) -> bool {
    rows > 1 && u64::from(rows).abs_diff(calls as u64) <= (calls as u64 / 10).max(1)
}

/// What a SELECT is about, as far as its template says: enough to see that one query supplies another's keys.
#[derive(Clone, Debug, Default)]
struct Query {
    /// Table of the first FROM, lower case, singular.
    table: String,
    /// Names between SELECT and FROM, lower case, without qualifier or quotes.
    columns: HashSet<String>,
    /// Names compared with a parameter after WHERE.
    keys: HashSet<String>,
}

impl Query {
    fn of(template: &str) -> Query {
        let words = words(template);
        let at = |word: &str| words.iter().position(|other| other == word);
        let Some(from) = at("from") else { return Query::default() };
        let filter = at("where").unwrap_or(words.len());
        let mut keys = HashSet::new();
        for triple in words[filter..].windows(3) {
            let compares = triple[1] == "=" || triple[1] == "in";
            if compares && (triple[2] == "?" || triple[2] == "any") {
                keys.insert(last_part(&triple[0]).to_owned());
            }
        }
        Query {
            table: words.get(from + 1).map(|table| singular(last_part(table))).unwrap_or_default(),
            columns: words[..from].iter().map(|word| last_part(word).to_owned()).collect(),
            keys,
        }
    }

    /// Whether the rows of this query hold the keys that `lookup` asks for one by one.
    fn supplies(&self, lookup: &Query) -> bool {
        let names = |table: &str| {
            [format!("{table}_id"), format!("{table}id"), format!("{table}_uuid"), format!("fk_{table}")]
        };
        let by_key =
            lookup.keys.iter().any(|key| matches!(key.as_str(), "id" | "uuid" | "pk" | "code" | "key"));
        let to_one =
            !lookup.table.is_empty() && names(&lookup.table).iter().any(|name| self.columns.contains(name));
        let to_many =
            !self.table.is_empty() && names(&self.table).iter().any(|name| lookup.keys.contains(name));
        let same_column =
            lookup.keys.iter().any(|key| key.ends_with("id") && key.len() > 2 && self.columns.contains(key));
        (by_key && to_one) || to_many || same_column
    }
}

/// Lower-case words, names with their qualifiers, `?` and `=`.
fn words(template: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in template.chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' | '.' | '$' => word.push(c),
            'A'..='Z' => word.push(c.to_ascii_lowercase()),
            '"' | '`' | '[' | ']' => {}
            _ if c.is_alphanumeric() => word.push(c),
            _ => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if matches!(c, '?' | '=') {
                    words.push(c.to_string());
                }
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn singular(table: &str) -> String {
    match table {
        _ if table.ends_with("ies") => format!("{}y", &table[..table.len() - 3]),
        _ if table.ends_with("sses") || table.ends_with("xes") => table[..table.len() - 2].to_owned(),
        _ if table.ends_with('s') && !table.ends_with("ss") => table[..table.len() - 1].to_owned(),
        _ => table.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_supplies_the_keys_of_another() {
        let supplies = |source: &str, lookup: &str| Query::of(source).supplies(&Query::of(lookup));
        for (source, lookup) in [
            ("SELECT id, author_id FROM book", "SELECT name FROM author WHERE id = ?"),
            (
                "SELECT \"book\".\"id\", \"book\".\"author_id\" FROM \"book\"",
                "SELECT * FROM \"author\" WHERE \"author\".\"id\" = ? LIMIT ?",
            ),
            ("SELECT id, title FROM authors", "SELECT * FROM books WHERE author_id = ?"),
            ("SELECT o.id, o.categoryId FROM orders o", "SELECT * FROM categories WHERE id = ?"),
            ("SELECT sku_id FROM line", "SELECT price FROM offer WHERE sku_id = ?"),
        ] {
            assert!(supplies(source, lookup), "{source} / {lookup}");
        }
        for (source, lookup) in [
            ("SELECT id, title FROM book", "SELECT name FROM author WHERE id = ?"),
            ("SELECT count(*) FROM author", "SELECT name FROM setting WHERE name = ?"),
            ("GET user-svc/users", "SELECT name FROM author WHERE id = ?"),
        ] {
            assert!(!supplies(source, lookup), "{source} / {lookup}");
        }
    }
}
