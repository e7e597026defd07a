//! Traces for tests, one span a line:
//!
//! ```text
//! id parent service kind start..end key=value flag
//! b  a      shop    sql  10..20     t=SELECT_? scope=pg hidden
//! ```
//!
//! A parent `-` is none. Kinds are words of [`IoKind`], or a role (`server`, `consumer`, `internal`).
//! Times are milliseconds with up to three digits behind the point. `_` in a value is a space.
//! Ids are letters; an id is the number of its letters in base 256, so `a` sorts before `b`.

use super::{Window, WindowOptions};
use crate::loss::Losses;
use crate::trace::{
    IoKind, Link, SealedTrace, Span, SpanFlags, SpanId, SpanRole, Status, Texts, TraceId, Verb,
};

/// A whole millisecond, so that clocks look coarse when the offset is zero.
const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

/// How the clock of the spans counts.
#[derive(Clone, Copy)]
pub enum Clock {
    /// Nanoseconds.
    Fine,
    /// Whole milliseconds, as far as the times in the text are whole.
    Milliseconds,
}

/// A sealed window with what went into it.
pub struct Sealed {
    pub texts: Texts,
    pub losses: Losses,
    pub traces: Vec<SealedTrace>,
}

pub fn seal(text: &str) -> Sealed {
    seal_with(text, Clock::Fine, WindowOptions::default())
}

pub fn seal_with(text: &str, clock: Clock, options: WindowOptions) -> Sealed {
    let mut texts = Texts::default();
    let spans = spans(text, clock, &mut texts);
    seal_spans(spans, texts, options)
}

pub fn seal_spans(spans: Vec<Span>, mut texts: Texts, options: WindowOptions) -> Sealed {
    let mut losses = Losses::default();
    let mut window = Window::new(options);
    spans.into_iter().for_each(|span| window.push(span));
    let traces = window.seal(&mut texts, &mut losses);
    Sealed { texts, losses, traces }
}

pub fn spans(text: &str, clock: Clock, texts: &mut Texts) -> Vec<Span> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| span(line, clock, texts)).collect()
}

fn span(line: &str, clock: Clock, texts: &mut Texts) -> Span {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, parent, service, kind, times, facts @ ..] = words.as_slice() else {
        panic!("too short: {line}")
    };
    let (start, end) = times.split_once("..").expect("start..end");
    let offset = if matches!(clock, Clock::Fine) { EPOCH_NS + 123 } else { EPOCH_NS };
    let start_ns = offset + nanoseconds(start);
    let (kind, role) = kind_and_role(kind);
    let mut span = Span {
        trace: TraceId(1),
        id: span_id(id),
        parent: (*parent != "-").then(|| span_id(parent)),
        start_ns,
        duration_ns: offset + nanoseconds(end) - start_ns,
        kind,
        role,
        service: texts.intern(service),
        name: texts.intern(&format!("{id}-name")),
        batch_size: 1,
        ..Span::default()
    };
    facts.iter().for_each(|fact| apply(&mut span, fact, texts));
    span
}

fn apply(span: &mut Span, fact: &str, texts: &mut Texts) {
    let (key, value) = fact.split_once('=').unwrap_or((fact, ""));
    let value = value.replace('_', " ");
    let number = || value.parse::<u32>().expect("a number");
    match key {
        "t" => span.template = texts.intern(&value),
        "name" => span.name = texts.intern(&value),
        "route" => span.route = texts.intern(&value),
        "scope" => span.scope = texts.intern(&value),
        "system" => span.system = texts.intern(&value),
        "peer" => span.peer = texts.intern(&value),
        "code" => {
            let (namespace, function) = value.rsplit_once('/').unwrap_or(("", &value));
            span.code.namespace = texts.intern(namespace);
            span.code.function = texts.intern(function);
        }
        "params" => span.params = number().into(),
        "rows" => span.rows = Some(number()),
        "bytes" => span.response_bytes = Some(number().into()),
        "batch" => span.batch_size = number(),
        "trace" => span.trace = TraceId(number().into()),
        "link" => span.links.push(Link { trace: span.trace, span: span_id(&value) }),
        "role" => span.role = kind_and_role(&value).1,
        "hidden" => span.flags.set(SpanFlags::PARAMS_HIDDEN),
        "write" => {
            span.verb = Verb::Insert;
            span.flags.set(SpanFlags::WRITE);
        }
        "cut" => span.flags.set(SpanFlags::TRUNCATED),
        "untimed" => {
            span.flags.set(SpanFlags::TIMES_UNKNOWN);
            (span.start_ns, span.duration_ns) = (0, 0);
        }
        "generic" => span.flags.set(SpanFlags::GENERIC),
        "chatter" => span.flags.set(SpanFlags::CHATTER),
        "tx" => span.flags.set(SpanFlags::TRANSACTION),
        "error" => span.status = Status::ServerError,
        "refused" => span.status = Status::ClientError,
        "timeout" => span.status = Status::Timeout,
        _ => panic!("unknown fact {fact}"),
    }
}

fn kind_and_role(word: &str) -> (IoKind, SpanRole) {
    match word {
        "internal" => (IoKind::Other, SpanRole::Internal),
        "client" => (IoKind::Other, SpanRole::Client),
        "server" => (IoKind::Other, SpanRole::Server),
        "consumer" => (IoKind::Other, SpanRole::Consumer),
        "messaging" => (IoKind::Messaging, SpanRole::Producer),
        word => {
            let kind = IoKind::ALL.into_iter().find(|kind| kind.word() == word).expect("a kind");
            (kind, SpanRole::Client)
        }
    }
}

fn span_id(letters: &str) -> SpanId {
    SpanId(letters.bytes().fold(0, |id, letter| id << 8 | u64::from(letter)))
}

fn letters(id: SpanId) -> String {
    id.0.to_be_bytes().into_iter().filter(|letter| *letter != 0).map(char::from).collect()
}

fn nanoseconds(milliseconds: &str) -> u64 {
    let (whole, fraction) = milliseconds.split_once('.').unwrap_or((milliseconds, ""));
    let micros: u64 = format!("{fraction:0<3}").parse().expect("digits");
    whole.parse::<u64>().expect("digits") * 1_000_000 + micros * 1_000
}

impl Sealed {
    /// Every row of every trace as `id` + `show(trace, row)`, where that is not empty.
    fn rows(&self, show: impl Fn(&SealedTrace, usize) -> String) -> String {
        let mut shown = Vec::new();
        for trace in &self.traces {
            for (row, span) in trace.spans.iter().enumerate() {
                let text = show(trace, row);
                if !text.is_empty() {
                    shown.push(format!("{}{text}", letters(span.id)));
                }
            }
        }
        shown.join(" ")
    }

    /// Rows in order.
    pub fn order(&self) -> String {
        self.rows(|_, _| "\0".into()).replace('\0', "")
    }

    /// `child<parent`.
    pub fn parents(&self) -> String {
        self.rows(|trace, row| reference(trace, trace.parents[row], "<"))
    }

    /// `row<entry`.
    pub fn entries(&self) -> String {
        self.rows(|trace, row| reference(trace, trace.entries[row], "<"))
    }

    /// `merged>counts`.
    pub fn merged(&self) -> String {
        self.rows(|trace, row| reference(trace, trace.merged_into[row], ">"))
    }

    /// `row=endpoint`.
    pub fn endpoints(&self) -> String {
        self.rows(|trace, row| format!("={}", self.texts.get(trace.endpoints[row]).replace(' ', "_")))
    }

    /// `row=in flight` of rows that count.
    pub fn in_flight(&self) -> String {
        self.rows(|trace, row| match trace.in_flight[row] {
            0 => String::new(),
            count => format!("={count}"),
        })
    }

    /// Rows that have a flag.
    pub fn flagged(&self, flag: SpanFlags) -> String {
        self.rows(|trace, row| if trace.spans[row].flags.has(flag) { "\0".into() } else { String::new() })
            .replace('\0', "")
    }

    /// The span of an id in the first trace that has it.
    pub fn span(&self, id: &str) -> &Span {
        let mut spans = self.traces.iter().flat_map(|trace| &trace.spans);
        spans.find(|span| span.id == span_id(id)).expect("a span of that id")
    }

    /// Everything, with texts spelled out, to compare two windows.
    pub fn dump(&self) -> String {
        let text = |id| self.texts.get(id);
        let mut dump = String::new();
        for trace in &self.traces {
            dump += &format!("{:?} {:?}\n", trace.id, trace.flags);
            for (row, span) in trace.spans.iter().enumerate() {
                let ids = (span.id, span.parent, span.start_ns, span.duration_ns, span.kind, span.role);
                let facts =
                    (span.verb, span.flags, span.params, span.batch_size, span.rows, span.response_bytes);
                let texts =
                    [span.service, span.name, span.template, span.system, span.peer, span.scope].map(text);
                let code = [span.code.namespace, span.code.function].map(text);
                let columns = (
                    trace.parents[row],
                    trace.entries[row],
                    text(trace.endpoints[row]),
                    trace.merged_into[row],
                    trace.in_flight[row],
                );
                dump += &format!("{ids:?} {facts:?} {texts:?} {code:?} {columns:?}\n");
            }
        }
        dump + &format!("{:?}", self.losses)
    }
}

fn reference(trace: &SealedTrace, row: u32, mark: &str) -> String {
    trace.spans.get(row as usize).map_or_else(String::new, |span| format!("{mark}{}", letters(span.id)))
}
