//! From bytes to decoded spans: every trace format, compressed or not, from files or standard input.
//!
//! The way of an input: [`expand`] names it, it is read and decompressed (`compress`), if it is long in parts
//! (`parts`, `cutter`), its format is recognised (`sniff` for JSON, `otlp_protobuf` for the rest), and one
//! decoder per format (`otlp_json`, `otlp_protobuf`, `jaeger`, `zipkin`, `native`) reads it in place and
//! pushes one [`RawSpan`] after the other to a [`SpanSink`]. Decoders collect nothing: they hold one span at a time and lend it. All
//! attributes pass one gate (`out`), where limits are applied and names are looked up; what attributes
//! mean is decided later, by the one mapper in `tracewatt_core::semconv`.
//!
//! What cannot be used is never lost silently: it is counted in [`Losses`], reported as a warning or a
//! mark on the input, or it is an [`IngestError`]. The reasons counted here: `attributes_over_limit`,
//! `errors_in_answers`, `invalid_utf8_replaced`, `lines_skipped`, `links_without_id`, `messages_skipped`,
//! `spans_with_bad_times`, `spans_without_id`, `spans_without_process`, `spans_without_start_time`,
//! `texts_cut`, `values_too_deep`.

mod any;
mod body;
mod compress;
mod cutter;
mod documents;
mod error;
mod jaeger;
mod json;
mod native;
mod otlp_json;
mod otlp_protobuf;
mod out;
mod parts;
mod resources;
mod sniff;
mod source;
#[cfg(test)]
mod tests;
mod time;
mod wire;
mod zipkin;

pub use body::{Encoding, read_body};
pub use error::{IngestError, Place};
pub use source::{Source, expand};

use out::Out;
use parts::{Opened, Sizes};
use resources::Resources;
use std::io::Read;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use tracewatt_core::loss::Losses;
use tracewatt_core::report::{Input, Warning};
use tracewatt_core::semconv::{AttrSet, RawSpan};
use tracewatt_core::trace::IdTable;

/// How much is read at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes that are held at once at most, after decompression: of a line, a message, or a document or element of one
    /// that cannot be cut. A larger one is an error. 1 GiB.
    pub max_document_bytes: u64,
    /// Nesting of JSON values, and of protobuf attribute values. A deeper attribute value is left out and counted;
    /// a deeper document is an error. 128.
    pub max_depth: u32,
    /// Bytes of one text (attribute values, span names); longer ones are cut at a character boundary
    /// and counted. 65 536.
    pub max_text_bytes: usize,
    /// Attributes of one span or resource; further ones are counted and left out. 128, as in the limits
    /// of OpenTelemetry's SDKs.
    pub max_attributes: u32,
}

impl Default for ReadLimits {
    fn default() -> Self {
        ReadLimits {
            max_document_bytes: 1 << 30,
            max_depth: 128,
            max_text_bytes: 65_536,
            max_attributes: 128,
        }
    }
}

/// Where decoded spans go.
pub trait SpanSink {
    /// Takes a span. Resource attributes and the name of the instrumentation scope (empty when not
    /// stated) belong to many spans and are lent with each.
    fn span(&mut self, span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str);
}

impl<F: FnMut(&RawSpan<'_>, &AttrSet<'_>, &str)> SpanSink for F {
    fn span(&mut self, span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str) {
        self(span, resource, scope);
    }
}

/// What became of one input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The input's entry in the report. Several formats in one input are joined by `+`; a list without
    /// elements, which has no format, is `json`.
    pub input: Input,
    /// Parts that were skipped, as `skipped_input`.
    pub warnings: Vec<Warning>,
}

/// What one of several threads that read an input has for itself.
pub struct Thread<'s> {
    /// Receives the spellings of identifiers.
    pub ids: IdTable,
    /// Receives the counts of what was left out.
    pub losses: Losses,
    /// Receives the spans.
    pub sink: &'s mut (dyn SpanSink + Send),
}

/// Reads an input to its end on as many threads as there are (at least one), if it is long and can be read in parts;
/// `name` is for reports and messages. Which thread gets which spans is not determined; every span goes to one of them.
///
/// # Errors
/// See [`IngestError`]. Spans may have reached sinks before an error was found.
pub fn read<'a>(
    name: &str,
    input: impl Read + Send + 'a,
    limits: &ReadLimits,
    wanted: &[String],
    threads: &mut [Thread<'_>],
) -> Result<Reading, IngestError> {
    read_in_parts(name, input, limits, wanted, threads, Sizes::default())
}

fn read_in_parts<'a>(
    name: &str,
    input: impl Read + Send + 'a,
    limits: &ReadLimits,
    wanted: &[String],
    threads: &mut [Thread<'_>],
    sizes: Sizes,
) -> Result<Reading, IngestError> {
    let parts = match parts::open(compress::Plain::open(name, input)?, limits, sizes)? {
        Opened::Parts(parts) => Mutex::new(parts),
        Opened::Whole(bytes, truncated) => {
            let Some(Thread { ids, losses, sink }) = threads.first_mut() else {
                return Ok(Reading::default());
            };
            let mut out =
                Out { limits, wanted, ids, losses, sink: *sink, resources: Resources::default(), spans: 0 };
            let mut reading = documents::read(name, &bytes, &mut out)?;
            reading.input.truncated = truncated.or(reading.input.truncated);
            return Ok(reading);
        }
    };
    let work = |thread: &mut Thread<'_>| {
        let Thread { ids, losses, sink } = thread;
        let mut out =
            Out { limits, wanted, ids, losses, sink: *sink, resources: Resources::default(), spans: 0 };
        let (mut read, mut bytes) = (Vec::new(), Vec::new());
        loop {
            let part = match parts.lock().unwrap_or_else(PoisonError::into_inner).next(bytes) {
                Ok(Some(part)) => part,
                Ok(None) => return Ok(read),
                // What cannot be read stands behind every part there is.
                Err(error) => return Err((u64::MAX, error)),
            };
            read.push(documents::read_part(name, &part, &mut out).map_err(|error| (part.number, error))?);
            bytes = part.bytes;
        }
    };
    let results: Vec<Result<_, (u64, IngestError)>> = std::thread::scope(|scope| {
        let running: Vec<_> = threads.iter_mut().map(|thread| scope.spawn(|| work(thread))).collect();
        let join =
            |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        running.into_iter().map(join).collect()
    });
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for read in results {
        match read {
            Ok(read) => all.extend(read),
            Err(error) => errors.push(error),
        }
    }
    // The first one in the input, whichever thread came across one first.
    if let Some((_, error)) = errors.into_iter().min_by_key(|(part, _)| *part) {
        return Err(error);
    }
    let mut reading = documents::join(name, all)?;
    let truncated = parts.lock().unwrap_or_else(PoisonError::into_inner).truncated();
    reading.input.truncated = truncated.or(reading.input.truncated);
    Ok(reading)
}
