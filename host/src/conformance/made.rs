//! Traces made for the purpose, by way of the same window that traces of an input go through: what reaches a component
//! is what the host really makes of such spans.

use std::sync::Arc;
use tracewatt_core::loss::Losses;
use tracewatt_core::trace::{
    Batch, IoKind, SealedTrace, SharedBatch, Span, SpanFlags, SpanId, SpanRole, Status, Texts, TraceId, Verb,
};
use tracewatt_core::window::{Window, WindowOptions};

/// Epoch of texts, where there is one only.
pub(super) const EPOCH: u32 = 1;
/// Length of a long text in bytes: what a text of an input may have unless configured.
pub(super) const LONG_TEXT: usize = 64 << 10;

/// Texts that are legal: bytes that were no UTF-8 and have been replaced, control characters, writing from right to
/// left, letters made of many characters, brackets and quotes that never end.
pub(super) const ODD_TEXTS: [&str; 12] = [
    "\u{fffd}\u{fffd}SELECT \u{fffd} FROM \u{fffd}",
    "\0",
    "SELECT\0name\0FROM\0author",
    "\u{1b}[31mred\u{7}",
    "\u{202e}evitcepsorter\u{2066}",
    "ß",
    "👩‍👩‍👧‍👦",
    "e\u{301}\u{301}\u{301}\u{301}",
    "((((((((((((((((((((((((",
    "SELECT 'never ends",
    "SELECT",
    "\u{10ffff}",
];

/// Texts that each request of [`Maker::usual`] brings along: nine templates, a peer, a system.
pub(super) const TEXTS_OF_A_REQUEST: usize = 11;

pub(super) const US: u64 = 1_000;
pub(super) const MS: u64 = 1_000 * US;
const S: u64 = 1_000 * MS;
/// Some moment of 2023.
pub(super) const START_NS: u64 = 1_700_000_000 * S;

/// Traces with their columns and texts, as a worker takes them.
pub(super) struct Made {
    pub traces: Vec<SealedTrace>,
    pub batch: SharedBatch,
    pub texts: Arc<Texts>,
}

impl Made {
    /// The batch of some of the traces.
    pub fn part(&self, traces: &[SealedTrace]) -> Made {
        Made { traces: traces.to_vec(), batch: Batch::of(traces).into(), texts: self.texts.clone() }
    }

    /// The batch of the first trace alone, with columns changed: what no trace of today's host holds, but one of
    /// tomorrow's may.
    pub fn with_columns(self, change: impl FnOnce(&mut Batch)) -> Made {
        let traces: Vec<SealedTrace> = self.traces.into_iter().take(1).collect();
        let mut batch = Batch::of(&traces);
        change(&mut batch);
        Made { traces, batch: batch.into(), texts: self.texts }
    }
}

/// Spans on their way into a window.
pub(super) struct Maker {
    pub texts: Texts,
    spans: Vec<Span>,
}

impl Maker {
    /// No spans yet; texts keep the numbers they have.
    pub fn new(texts: Texts) -> Maker {
        Maker { texts, spans: Vec::new() }
    }

    /// Seals everything.
    pub fn finish(mut self) -> Made {
        let mut window = Window::new(WindowOptions::default());
        self.spans.into_iter().for_each(|span| window.push(span));
        let traces = window.seal(&mut self.texts, &mut Losses::default());
        let batch = Batch::of(&traces).into();
        Made { traces, batch, texts: Arc::new(self.texts) }
    }

    /// Adds work inside the service `shop`; parent 0 is none.
    pub fn work(&mut self, trace: u128, id: u64, parent: u64, start_ns: u64, duration_ns: u64) -> &mut Span {
        let (service, name) = (self.texts.intern("shop"), self.texts.intern("work"));
        self.spans.push(Span {
            trace: TraceId(trace),
            id: SpanId(id),
            parent: (parent != 0).then_some(SpanId(parent)),
            start_ns,
            duration_ns,
            service,
            name,
            batch_size: 1,
            ..Span::default()
        });
        let last = self.spans.len() - 1;
        &mut self.spans[last]
    }

    /// Adds a call that reads `what`.
    pub fn call(
        &mut self,
        trace: u128,
        id: u64,
        parent: u64,
        (start_ns, duration_ns): (u64, u64),
        (kind, what): (IoKind, &str),
    ) -> &mut Span {
        let template = self.texts.intern(&template(kind, what));
        let peer = self.texts.intern(&format!("{} of the shop", kind.word()));
        let system = self.texts.intern(kind.word());
        let span = self.work(trace, id, parent, start_ns, duration_ns);
        *span = Span {
            kind,
            template,
            peer,
            system: if kind == IoKind::Http { span.system } else { system },
            role: if kind == IoKind::Messaging { SpanRole::Producer } else { SpanRole::Client },
            verb: Verb::Read,
            status: Status::Ok,
            params: id,
            rows: Some(1),
            ..span.clone()
        };
        span
    }

    /// Adds the entry of a request, with id 1.
    pub fn entry(&mut self, trace: u128, start_ns: u64, duration_ns: u64) {
        let route = self.texts.intern("GET /orders/{id}");
        let span = self.work(trace, 1, 0, start_ns, duration_ns);
        (span.role, span.route) = (SpanRole::Server, route);
    }

    /// Nine requests, one for each kind of call, each with everything in it that the stock detectors look for: calls
    /// item by item, the same call again, parameters that are hidden, calls one after the other that could run
    /// together, many at once, slow ones.
    pub fn usual(texts: Texts) -> Made {
        let mut maker = Maker::new(texts);
        for (kind, trace) in IoKind::ALL.into_iter().zip(1..) {
            maker.request(kind, trace);
        }
        maker.finish()
    }

    fn request(&mut self, kind: IoKind, trace: u128) {
        let start = START_NS + u64::try_from(trace).unwrap_or_default() * 60 * S;
        self.entry(trace, start, 50 * S);
        for n in 0..30 {
            self.call(trace, 100 + n, 1, (start + MS + n * 3 * MS, 2 * MS), (kind, "item"));
        }
        for n in 0..6 {
            let at = (start + 200 * MS + n * 3 * MS, 2 * MS);
            self.call(trace, 200 + n, 1, at, (kind, "author")).params = 7;
            let at = (start + 250 * MS + n * 3 * MS, 2 * MS);
            let hidden = self.call(trace, 300 + n, 1, at, (kind, "secret"));
            (hidden.params, hidden.rows) = (0, None);
            hidden.flags.set(SpanFlags::PARAMS_HIDDEN);
        }
        self.work(trace, 2, 1, start + 300 * MS, 400 * MS);
        for (n, what) in (0..).zip(["price", "stock", "review", "offer"]) {
            self.call(trace, 400 + n, 2, (start + (310 + n * 80) * MS, 70 * MS), (kind, what));
        }
        self.work(trace, 3, 1, start + S, 200 * MS);
        for n in 0..30 {
            self.call(trace, 500 + n, 3, (start + S + n * US, 100 * MS), (kind, "picture"));
        }
        for n in 0..3 {
            self.call(trace, 600 + n, 1, (start + (2 + 7 * n) * S, 6 * S), (kind, "report"));
        }
    }
}

fn template(kind: IoKind, what: &str) -> String {
    match kind {
        IoKind::Http => format!("GET stock/{what}/{{id}}"),
        IoKind::Cache => format!("GET {what}:{{id}}"),
        IoKind::Sql | IoKind::Datastore => format!("SELECT name FROM {what} WHERE id = ?"),
        _ => format!("{what}/find"),
    }
}
