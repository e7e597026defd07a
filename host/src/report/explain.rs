//! One trace as a tree, with what detectors said about it beside the spans it is about.
//!
//! Traces may be very deep and very wide: nothing here recurses, indentation stops growing at a depth, and
//! long runs of equal siblings are folded in the text. The JSON form is a flat list in the order of the tree,
//! because nested objects would be beyond what JSON readers accept.

use super::clean::{cut, plain};
use super::quantity::{counted, nanos};
use super::text::{Ink, Page};
use super::{RenderOptions, json, model, words};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use tracewatt_core::trace::{
    IdTable, IoKind, NO_ROW, SealedTrace, Span, SpanFlags, SpanRole, Status, Texts, TraceFlags,
};

/// Depth up to which lines are indented.
const MAX_INDENT: usize = 24;
/// Equal siblings shown of a run before the rest is folded.
const SHOWN_OF_RUN: usize = 3;
/// Rows of a run that are worth folding.
const MIN_FOLDED: usize = 3;

/// A trace and what is needed to speak of it.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// The trace.
    pub trace: &'a SealedTrace,
    /// Its texts.
    pub texts: &'a Texts,
    /// Spellings of its identifiers.
    pub ids: &'a IdTable,
    /// Findings about it, and no others.
    pub findings: &'a [model::Finding],
}

/// Writes the tree for people.
pub fn write_text(
    explained: &Explained<'_>,
    options: &RenderOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let tree = Tree::of(explained);
    let mut page = Page::new(options);
    head(&mut page, explained);
    for line in tree.lines() {
        tree_line(&mut page, &line, &tree, explained, options);
    }
    foot(&mut page, explained, options);
    out.write_all(page.text.as_bytes())
}

/// Writes the tree as JSON: the trace, its findings, its spans in the order of the tree with their depth.
pub fn write_json(explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
    let tree = Tree::of(explained);
    let trace = explained.trace;
    let document = Document {
        schema_version: model::SCHEMA_VERSION,
        trace_id: explained.ids.trace_text(trace.id),
        complete: trace.flags.has(TraceFlags::COMPLETE),
        cut: trace.flags.has(TraceFlags::CUT),
        start_unix_ns: trace.start_ns(),
        duration_ns: duration_ns(trace),
        findings: explained.findings,
        spans: tree.order.iter().map(|(row, depth)| tree.node(*row, *depth, explained)).collect(),
    };
    json::write_pretty(&document, out)
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'a str,
    trace_id: String,
    complete: bool,
    cut: bool,
    start_unix_ns: u64,
    duration_ns: u64,
    findings: &'a [model::Finding],
    spans: Vec<Node<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    depth: u32,
    service: &'a str,
    kind: &'static str,
    role: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    template: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    endpoint: &'a str,
    offset_ns: u64,
    duration_ns: u64,
    status: &'static str,
    counts: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<&'a str>,
}

/// The rows of a trace in the order of the tree.
struct Tree<'a> {
    /// Row and depth, parents before children.
    order: Vec<(u32, u32)>,
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
    /// Findings of each row, by their place in the list.
    marks: Vec<Vec<usize>>,
    /// First row of each finding, [`NO_ROW`] when none of its spans is here.
    first: Vec<u32>,
    /// Number of the shape of each row's subtree: equal numbers look equal.
    shapes: Vec<u32>,
    explained: Explained<'a>,
}

/// One line of the text.
struct Line {
    row: u32,
    depth: usize,
    prefix: String,
    /// Equal siblings after this one that are left out, and the time they took.
    folded: Option<(usize, u64)>,
}

/// What makes two rows look equal: what they say, what was found about them, and the shapes below.
type Shape = (u8, u32, u32, u32, u8, Vec<usize>, Vec<u32>);

impl<'a> Tree<'a> {
    fn of(explained: &Explained<'a>) -> Tree<'a> {
        let trace = explained.trace;
        let mut children = vec![Vec::new(); trace.spans.len()];
        let mut roots = Vec::new();
        for row in 0..trace.spans.len() as u32 {
            match trace.parents.get(row as usize).and_then(|parent| children.get_mut(*parent as usize)) {
                Some(siblings) => siblings.push(row),
                None => roots.push(row),
            }
        }
        let order = preorder(&roots, &children);
        let marks = marks(explained);
        let shapes = shapes(&order, &children, &marks, trace);
        let first = first_rows(&marks, explained.findings.len());
        Tree { order, children, roots, marks, first, shapes, explained: *explained }
    }

    /// Lines of the text in order, runs of equal siblings folded.
    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut stack = self.siblings(&self.roots, 0, "");
        while let Some((line, below)) = stack.pop() {
            if line.folded.is_none() {
                let children = &self.children[line.row as usize];
                stack.extend(self.siblings(children, line.depth + 1, &below));
            }
            lines.push(line);
        }
        lines
    }

    /// Lines of some siblings, last first, each with the prefix of what is below it.
    fn siblings(&self, rows: &[u32], depth: usize, prefix: &str) -> Vec<(Line, String)> {
        let mut entries: Vec<(u32, Option<(usize, u64)>)> = Vec::new();
        for run in rows.chunk_by(|a, b| self.shapes[*a as usize] == self.shapes[*b as usize]) {
            let fold = run.len() >= SHOWN_OF_RUN + MIN_FOLDED;
            let shown = if fold { SHOWN_OF_RUN } else { run.len() };
            entries.extend(run[..shown].iter().map(|row| (*row, None)));
            if fold {
                let time = run[shown..].iter().map(|row| self.span(*row).duration_ns);
                let time = time.fold(0, u64::saturating_add);
                entries.push((run[shown], Some((run.len() - shown, time))));
            }
        }
        let last = entries.len().saturating_sub(1);
        let lines = entries.into_iter().enumerate().map(|(i, (row, folded))| {
            let (mark, below) = glyphs(depth, i == last);
            let line = Line { row, depth, prefix: format!("{prefix}{mark}"), folded };
            (line, format!("{prefix}{below}"))
        });
        let mut lines: Vec<_> = lines.collect();
        lines.reverse();
        lines
    }

    fn span(&self, row: u32) -> &'a Span {
        &self.explained.trace.spans[row as usize]
    }

    fn node(&self, row: u32, depth: u32, explained: &Explained<'a>) -> Node<'a> {
        let (trace, texts) = (explained.trace, explained.texts);
        let span = self.span(row);
        Node {
            span_id: explained.ids.span_text(span.id),
            parent_span_id: span.parent.map(|parent| explained.ids.span_text(parent)),
            depth,
            service: texts.get(span.service),
            kind: span.kind.word(),
            role: role(span.role),
            name: texts.get(span.name),
            template: texts.get(span.template),
            endpoint: trace.endpoints.get(row as usize).map_or("", |endpoint| texts.get(*endpoint)),
            offset_ns: span.start_ns.saturating_sub(trace.start_ns()),
            duration_ns: span.duration_ns,
            status: status(span.status),
            counts: counts(trace, row),
            facts: facts(trace, row),
            problems: self.problems(row).collect(),
        }
    }

    /// Ids of the problems a row is part of.
    fn problems(&self, row: u32) -> impl Iterator<Item = &'a str> {
        let findings = self.explained.findings;
        self.marks[row as usize].iter().map(move |at| findings[*at].problem_id.as_str())
    }
}

/// Rows with their depth, parents before children, siblings in order.
fn preorder(roots: &[u32], children: &[Vec<u32>]) -> Vec<(u32, u32)> {
    let mut order = Vec::with_capacity(children.len());
    let mut stack: Vec<(u32, u32)> = roots.iter().rev().map(|row| (*row, 0)).collect();
    while let Some((row, depth)) = stack.pop() {
        order.push((row, depth));
        stack.extend(children[row as usize].iter().rev().map(|child| (*child, depth + 1)));
    }
    order
}

/// Findings of each row.
fn marks(explained: &Explained<'_>) -> Vec<Vec<usize>> {
    let mut by_span: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, finding) in explained.findings.iter().enumerate() {
        for id in &finding.span_ids {
            by_span.entry(id).or_default().push(at);
        }
    }
    let spans = explained.trace.spans.iter();
    spans
        .map(|span| by_span.get(explained.ids.span_text(span.id).as_str()).cloned().unwrap_or_default())
        .collect()
}

fn first_rows(marks: &[Vec<usize>], findings: usize) -> Vec<u32> {
    let mut first = vec![NO_ROW; findings];
    for (row, marks) in marks.iter().enumerate().rev() {
        for at in marks {
            first[*at] = row as u32;
        }
    }
    first
}

/// Numbers the shapes of all subtrees, children before parents.
fn shapes(
    order: &[(u32, u32)],
    children: &[Vec<u32>],
    marks: &[Vec<usize>],
    trace: &SealedTrace,
) -> Vec<u32> {
    let mut shapes = vec![0; trace.spans.len()];
    let mut known: HashMap<Shape, u32> = HashMap::new();
    for (row, _) in order.iter().rev() {
        let row = *row as usize;
        let span = &trace.spans[row];
        let below = children[row].iter().map(|child| shapes[*child as usize]).collect();
        let text = if span.template.is_empty() { span.name } else { span.template };
        let shape = (
            span.kind as u8,
            span.service.0,
            text.0,
            span.flags.0,
            span.status as u8,
            marks[row].clone(),
            below,
        );
        let next = known.len() as u32;
        shapes[row] = *known.entry(shape).or_insert(next);
    }
    shapes
}

/// Returns the glyphs in front of a line, and in front of what is below it.
fn glyphs(depth: usize, last: bool) -> (&'static str, &'static str) {
    match (depth, last) {
        (0, _) => ("", ""),
        (depth, _) if depth > MAX_INDENT => ("", ""),
        (_, true) => ("└─ ", "   "),
        (_, false) => ("├─ ", "│  "),
    }
}

fn head(page: &mut Page, explained: &Explained<'_>) {
    let trace = explained.trace;
    let id = page.paint(Ink::Bold, &plain(&explained.ids.trace_text(trace.id)));
    let spans = counted(trace.spans.len() as u64, "span");
    let io = (0..trace.spans.len() as u32).filter(|row| counts(trace, *row)).count();
    let io = counted(io as u64, "round trip");
    page.line(&format!("trace {id}: {spans}, {io}, {}", nanos(duration_ns(trace))));
    let incomplete = match (trace.flags.has(TraceFlags::CUT), trace.flags.has(TraceFlags::COMPLETE)) {
        (true, _) => Some("Spans were dropped at the limit of spans per trace: problems may be missing."),
        (false, false) => Some("A parent that spans name is missing: problems may be missing too."),
        (false, true) => None,
    };
    if let Some(text) = incomplete.filter(|_| !trace.spans.is_empty()) {
        let text = page.paint(Ink::Yellow, text);
        page.line(&text);
    }
    page.text.push('\n');
}

fn tree_line(
    page: &mut Page,
    line: &Line,
    tree: &Tree<'_>,
    explained: &Explained<'_>,
    options: &RenderOptions<'_>,
) {
    let prefix = deep_prefix(line);
    if let Some((more, time)) = line.folded {
        page.line(&format!("{}{prefix}... {more} more of the same, {} together", margin(""), nanos(time)));
        return;
    }
    let span = tree.span(line.row);
    let offset = nanos(span.start_ns.saturating_sub(explained.trace.start_ns()));
    let times = format!("{} at {offset}", nanos(span.duration_ns));
    let facts = facts(explained.trace, line.row);
    let facts = if facts.is_empty() { String::new() } else { format!(" [{}]", facts.join(", ")) };
    let tail = format!("  {times}{facts}");
    let mut problems: Vec<&str> = tree.problems(line.row).collect();
    problems.dedup();
    let used = prefix.chars().count() + tail.chars().count() + MARGIN;
    let text = label(span, line, tree, explained);
    let text = cut(&text, page.width.saturating_sub(used).max(20));
    let (mark, text) = match tree.marks[line.row as usize].first() {
        Some(at) => {
            let ink = Ink::of(explained.findings[*at].severity);
            (page.paint(ink, &margin("▶")), page.paint(ink, &text))
        }
        None => (margin(""), text),
    };
    page.line(&format!("{mark}{prefix}{text}{tail}"));
    // A finding is told once, at its first span in the order of time.
    for at in tree.marks[line.row as usize].iter().filter(|at| tree.first[**at] == line.row) {
        said(page, &explained.findings[*at], &prefix, options);
    }
}

/// Columns in front of the tree, for marks.
const MARGIN: usize = 2;

fn margin(mark: &str) -> String {
    super::clean::pad(mark, MARGIN)
}

/// Returns the prefix of a line; beyond the deepest indentation it says the depth instead.
fn deep_prefix(line: &Line) -> String {
    match line.depth {
        depth if depth > MAX_INDENT => format!("{}(depth {depth}) ", line.prefix),
        _ => line.prefix.clone(),
    }
}

fn label(span: &Span, line: &Line, tree: &Tree<'_>, explained: &Explained<'_>) -> String {
    let (trace, texts) = (explained.trace, explained.texts);
    let text = match (span.template.is_empty(), span.route.is_empty()) {
        (false, _) => span.template,
        (true, false) => span.route,
        (true, true) => span.name,
    };
    let parent = trace.parents.get(line.row as usize).filter(|parent| **parent != NO_ROW);
    let same = parent.is_some_and(|parent| tree.span(*parent).service == span.service);
    let service = if same { String::new() } else { format!("{}: ", texts.get(span.service)) };
    let kind = match span.kind {
        IoKind::Other if span.role.is_entry() => format!("{} ", role(span.role)),
        IoKind::Other => String::new(),
        kind => format!("{} ", kind.word()),
    };
    format!("{service}{kind}{}", texts.get(text))
}

fn said(page: &mut Page, finding: &model::Finding, prefix: &str, options: &RenderOptions<'_>) {
    let indent = " ".repeat(MARGIN + prefix.chars().count().min(3 * MAX_INDENT));
    let title = words::title(&finding.kind, options.manifests);
    let severity = words::severity(finding.severity).to_uppercase();
    let head = format!("{severity} {} {title}: {}", finding.problem_id, finding.message);
    let room = page.width.saturating_sub(indent.chars().count() + 2).max(30);
    for text in super::clean::wrap(&head, room) {
        let text = page.paint(Ink::of(finding.severity), &text);
        page.line(&format!("{indent}! {text}"));
    }
}

/// Every finding once, in full, below the tree.
fn foot(page: &mut Page, explained: &Explained<'_>, options: &RenderOptions<'_>) {
    if explained.findings.is_empty() {
        page.line("\nNo problems in this trace; `tracewatt explain --why-not TYPE` compares it with every threshold.");
        return;
    }
    for finding in explained.findings {
        let title = words::title(&finding.kind, options.manifests);
        page.heading(&format!("{}  {}", plain(&finding.problem_id), plain(&title)));
        page.field("seen", &finding.message);
        let level = words::confidence_level(finding.confidence_level);
        page.field("confidence", &format!("{level}: {}", words::evidence(finding)));
        let fix = finding.suggested_fix.as_ref();
        match fix {
            Some(fix) => page.field("fix", &format!("{}: {}", fix.framework, fix.recommendation)),
            None => page.field("fix", &finding.suggestion),
        }
        if let Some(url) = fix.and_then(|fix| fix.reference_url.as_deref()) {
            page.field("", url);
        }
        if let Some(code) = finding.code_location.as_ref().and_then(words::code_location) {
            page.field("code", &code);
        }
    }
}

fn counts(trace: &SealedTrace, row: u32) -> bool {
    let merged = trace.merged_into.get(row as usize).is_some_and(|into| *into != NO_ROW);
    trace.spans[row as usize].kind.is_io() && !merged
}

/// Returns what is to know about a row, in words.
fn facts(trace: &SealedTrace, row: u32) -> Vec<&'static str> {
    const WORDS: &[(SpanFlags, &str)] = &[
        (SpanFlags::CHATTER, "chatter"),
        (SpanFlags::TRANSACTION, "transaction control"),
        (SpanFlags::PARAMS_HIDDEN, "parameters hidden"),
        (SpanFlags::RETRY, "retry"),
        (SpanFlags::TRUNCATED, "text cut"),
        (SpanFlags::GENERIC, "no text recorded"),
        (SpanFlags::TIMES_UNKNOWN, "times unknown"),
    ];
    let span = &trace.spans[row as usize];
    let merged = trace.merged_into.get(row as usize).is_some_and(|into| *into != NO_ROW);
    let mut facts = Vec::new();
    if merged || span.flags.has(SpanFlags::MERGED) {
        facts.push("merged, counts once");
    }
    facts.extend(WORDS.iter().filter(|(flag, _)| span.flags.has(*flag)).map(|(_, word)| *word));
    if span.status.is_error() {
        facts.push(status(span.status));
    }
    facts
}

fn role(role: SpanRole) -> &'static str {
    match role {
        SpanRole::Internal => "internal",
        SpanRole::Server => "server",
        SpanRole::Client => "client",
        SpanRole::Producer => "producer",
        SpanRole::Consumer => "consumer",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Unset => "unset",
        Status::Ok => "ok",
        Status::Error => "error",
        Status::ClientError => "client error",
        Status::ServerError => "server error",
        Status::Timeout => "timeout",
    }
}

fn duration_ns(trace: &SealedTrace) -> u64 {
    let end = trace.spans.iter().map(Span::end_ns).max().unwrap_or(0);
    end.saturating_sub(trace.start_ns())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracewatt_core::trace::{SpanId, TextId, TraceId};

    struct Sample {
        trace: SealedTrace,
        texts: Texts,
        findings: Vec<model::Finding>,
    }

    impl Sample {
        fn new() -> Sample {
            let trace = SealedTrace { id: TraceId(0xabc), flags: TraceFlags::COMPLETE, ..Default::default() };
            Sample { trace, texts: Texts::default(), findings: Vec::new() }
        }

        fn span(&mut self, parent: u32, service: &str, kind: IoKind, text: &str) -> u32 {
            let row = self.trace.spans.len() as u32;
            let text = self.texts.intern(text);
            let span = Span {
                id: SpanId(u64::from(row) + 1),
                parent: (parent != NO_ROW).then(|| SpanId(u64::from(parent) + 1)),
                start_ns: 1_000_000_000 + u64::from(row) * 1_500_000,
                duration_ns: 1_200_000,
                kind,
                role: if kind.is_io() { SpanRole::Client } else { SpanRole::Internal },
                service: self.texts.intern(service),
                name: text,
                template: if kind.is_io() { text } else { TextId::EMPTY },
                ..Default::default()
            };
            self.trace.spans.push(span);
            self.trace.parents.push(parent);
            self.trace.entries.push(0);
            self.trace.endpoints.push(TextId::EMPTY);
            self.trace.merged_into.push(NO_ROW);
            self.trace.in_flight.push(0);
            row
        }

        fn text(&self, options: &RenderOptions<'_>) -> String {
            let mut bytes = Vec::new();
            write_text(&self.explained(), options, &mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        }

        fn explained(&self) -> Explained<'_> {
            static IDS: std::sync::LazyLock<IdTable> = std::sync::LazyLock::new(IdTable::default);
            Explained { trace: &self.trace, texts: &self.texts, ids: &IDS, findings: &self.findings }
        }
    }

    fn n_plus_one() -> Sample {
        let mut sample = Sample::new();
        let root = sample.span(NO_ROW, "order-service", IoKind::Other, "GET /orders/{id}");
        sample.trace.spans[0].role = SpanRole::Server;
        sample.trace.spans[0].duration_ns = 48_000_000;
        let chatter = sample.span(root, "order-service", IoKind::Other, "pg-pool.connect");
        sample.trace.spans[chatter as usize].flags.set(SpanFlags::CHATTER);
        sample.span(root, "order-service", IoKind::Sql, "SELECT * FROM orders WHERE id = ?");
        let rows: Vec<u32> = (0..15)
            .map(|_| {
                sample.span(root, "order-service", IoKind::Sql, "SELECT * FROM items WHERE order_id = ?")
            })
            .collect();
        let call = sample.span(root, "order-service", IoKind::Http, "GET stock/items/{id}");
        sample.trace.spans[call as usize].status = Status::Timeout;
        sample.trace.spans[call as usize].flags.set(SpanFlags::RETRY);
        let twin = sample.span(call, "order-service", IoKind::Http, "GET stock/items/{id}");
        sample.trace.merged_into[twin as usize] = call;
        sample.span(call, "stock\u{1b}[2J", IoKind::Other, "GET /items/{id}");
        let ids = rows.iter().map(|row| format!("{:016x}", row + 1)).collect();
        sample.findings = vec![model::Finding {
            problem_id: "a1b2c3d4".into(),
            kind: "n_plus_one_sql".into(),
            severity: model::Severity::Critical,
            confidence: 0.95,
            confidence_level: model::ConfidenceLevel::Confirmed,
            message: "15 statements that differ in one parameter only".into(),
            suggestion: "Load all items with one statement.".into(),
            evidence: BTreeMap::from([("distinct_params".into(), 15.into())]),
            span_ids: ids,
            ..Default::default()
        }];
        sample
    }

    #[test]
    fn a_trace_with_a_finding() {
        let sample = n_plus_one();
        insta::assert_snapshot!("explain.text", sample.text(&RenderOptions::default()));
        let mut bytes = Vec::new();
        write_json(&sample.explained(), &mut bytes).unwrap();
        insta::assert_snapshot!("explain.json", String::from_utf8(bytes).unwrap());
    }

    #[test]
    fn an_empty_trace_is_said() {
        let text = Sample::new().text(&RenderOptions::default());
        assert!(
            text.starts_with("trace 00000000000000000000000000000abc: 0 spans, 0 round trips, 0 µs\n"),
            "{text}"
        );
    }

    #[test]
    fn depth_and_width_are_no_limit() {
        let mut deep = Sample::new();
        let mut parent = NO_ROW;
        for _ in 0..50_000 {
            parent = deep.span(parent, "a", IoKind::Other, "work");
        }
        let text = deep.text(&RenderOptions::default());
        assert!(text.contains("(depth 49999) work"));
        assert!(text.len() < 50_000 * 250, "{}", text.len());
        let mut bytes = Vec::new();
        write_json(&deep.explained(), &mut bytes).unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();

        let mut wide = Sample::new();
        let root = wide.span(NO_ROW, "a", IoKind::Other, "root");
        for _ in 0..50_000 {
            wide.span(root, "a", IoKind::Sql, "SELECT ?");
        }
        assert!(wide.text(&RenderOptions::default()).contains("... 49997 more of the same"));
    }
}
