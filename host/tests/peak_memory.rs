//! How much memory reading takes at most, counted in bytes: a long document is cut while it is read, so that its length
//! does not matter.

#![allow(unsafe_code, reason = "an allocator that counts is unsafe by its trait")]
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use tracewatt::ingest::{self, ReadLimits, Thread};
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{AttrSet, RawSpan};
use tracewatt_core::trace::IdTable;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A document that nobody holds: its beginning, one element again and again with a comma in between, its end.
struct Document {
    begin: &'static str,
    element: String,
    between: &'static str,
    end: &'static str,
    left: usize,
    /// What is being read, and how much of it has been.
    text: String,
    at: usize,
}

impl Document {
    fn new(begin: &'static str, element: String, between: &'static str, end: &'static str) -> Document {
        let left = LENGTH / element.len();
        Document { begin, element, between, end, left, text: begin.to_owned(), at: 0 }
    }
}

impl Read for Document {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            if self.text == self.end {
                return Ok(0);
            }
            let comma = if self.text == self.begin { "" } else { self.between };
            self.text = if self.left == 0 { self.end.to_owned() } else { format!("{comma}{}", self.element) };
            self.left = self.left.saturating_sub(1);
            self.at = 0;
        }
        let count = (&self.text.as_bytes()[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

/// Bytes of a document.
const LENGTH: usize = 80 << 20;

/// Bytes that may be held: twice the eight megabytes in which a first line may end, and some parts.
const MOST: usize = 24 << 20;

/// Reads a document on two threads and returns the bytes held at most, and the spans.
fn peak(document: Document) -> (usize, u64) {
    let mut sinks = [0, 0].map(|_| |_: &RawSpan<'_>, _: &AttrSet<'_>, _: &str| {});
    let mut threads: Vec<_> = sinks
        .iter_mut()
        .map(|sink| Thread { ids: IdTable::default(), losses: Losses::default(), sink })
        .collect();
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let reading = ingest::read("made", document, &ReadLimits::default(), &[], &mut threads).unwrap();
    (PEAK.load(Ordering::Relaxed) - before, reading.input.spans)
}

/// Scenario: documents of eighty megabytes, in one line and in many, of every format that is cut. Guarantees: a third of
/// that is held at most, and every span is read.
#[test]
fn the_length_of_a_document_does_not_matter() {
    let span =
        r#"{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"SELECT"}"#;
    let spans = vec![span; 100].join(",");
    let lines = spans.replace(',', ",\n    ");
    let scope = |spans: &str| format!(r#"{{"scope":{{"name":"jdbc"}},"spans":[{spans}]}}"#);
    let resource = |scopes: &str| {
        format!(r#"{{"resource":{{"attributes":[{{"key":"service.name"}}]}},"scopeSpans":[{scopes}]}}"#)
    };
    let trace = span.replace("traceId", "traceID").replace("spanId", "spanID");
    let trace = format!(r#"{{"traceID":"1","spans":[{trace}],"processes":{{}}}}"#);
    let event = span.replace("traceId", "trace_id").replace("spanId", "span_id");
    let one_scope = r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":["#;
    let cases = [
        ("resources", 100, Document::new(r#"{"resourceSpans":["#, resource(&scope(&spans)), ",", "]}")),
        (
            "lines",
            100,
            Document::new("{\n \"resourceSpans\": [", resource(&scope(&lines)), ",\n  ", "\n]}\n"),
        ),
        ("spans of one scope", 1, Document::new(one_scope, span.to_owned(), ",", "]}]}]}")),
        ("jaeger", 1, Document::new(r#"{"data":["#, trace, ",", "]}")),
        ("events", 1, Document::new("[\n", event, ",\n", "]")),
        (
            "documents",
            100,
            Document::new("", format!(r#"{{"resourceSpans":[{}]}}"#, resource(&scope(&lines))), "\n", "\n"),
        ),
    ];
    for (name, per_element, document) in cases {
        let expect = document.left as u64 * per_element;
        let (most, spans) = peak(document);
        assert_eq!(spans, expect, "{name}");
        assert!(most < MOST, "{name}: {most} bytes");
    }
}
