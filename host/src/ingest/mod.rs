//! From bytes to decoded spans: every trace format, compressed or not, from files or standard input.
//!
//! The way of an input: [`expand`] names it, it is read and decompressed (`compress`), its format is
//! recognised (`sniff` for JSON, `otlp_protobuf` for the rest), and one decoder per format (`otlp_json`,
//! `otlp_protobuf`, `jaeger`, `zipkin`, `native`) reads it in place and pushes one [`RawSpan`] after the
//! other to a [`SpanSink`]. Decoders collect nothing: they hold one span at a time and lend it. All
//! attributes pass one gate (`out`), where limits are applied and names are looked up; what attributes
//! mean is decided later, by the one mapper in `tracewatt_core::semconv`.
//!
//! What cannot be used is never lost silently: it is counted in [`Losses`], reported as a warning or a
//! mark on the input, or it is an [`IngestError`]. The reasons counted here: `attributes_over_limit`,
//! `errors_in_answers`, `invalid_utf8_replaced`, `lines_skipped`, `links_without_id`, `messages_skipped`,
//! `spans_with_bad_times`, `spans_without_id`, `spans_without_process`, `spans_without_start_time`,
//! `texts_cut`, `values_too_deep`.

mod any;
mod compress;
mod documents;
mod error;
mod jaeger;
mod json;
mod native;
mod otlp_json;
mod otlp_protobuf;
mod out;
mod sniff;
mod source;
#[cfg(test)]
mod tests;
mod time;
mod wire;
mod zipkin;

pub use error::{IngestError, Place};
pub use source::{Source, expand};

use out::Out;
use std::io::Read;
use tracewatt_core::loss::Losses;
use tracewatt_core::report::{Input, Warning};
use tracewatt_core::semconv::{AttrSet, RawSpan};
use tracewatt_core::trace::IdTable;

/// How much is read at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of one input after decompression; a larger one is an error. 1 GiB.
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

/// Reads inputs; identifiers and losses of all of them come together.
pub struct Reader<'c> {
    /// How much is read at most.
    pub limits: &'c ReadLimits,
    /// Names of attributes to keep besides those that the mapper knows.
    pub wanted: &'c [String],
    /// Receives the spellings of identifiers.
    pub ids: &'c mut IdTable,
    /// Receives the counts of what was left out.
    pub losses: &'c mut Losses,
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

impl Reader<'_> {
    /// Opens an input and reads it, see [`Reader::read`].
    ///
    /// # Errors
    /// See [`IngestError`].
    pub fn read_source(&mut self, source: &Source, sink: &mut dyn SpanSink) -> Result<Reading, IngestError> {
        let name = source.name();
        self.read(&name, source.open()?, sink)
    }

    /// Reads an input to its end and hands its spans to `sink` in the order they stand in it; `name`
    /// is for reports and messages.
    ///
    /// # Errors
    /// See [`IngestError`]. Spans may have reached the sink before an error was found.
    pub fn read(
        &mut self,
        name: &str,
        input: impl Read,
        sink: &mut dyn SpanSink,
    ) -> Result<Reading, IngestError> {
        let plain = compress::read_plain(name, input, self.limits.max_document_bytes)?;
        let mut reading = self.read_bytes(name, &plain.bytes, sink)?;
        if let Some(reason) = plain.truncated {
            reading.input.truncated = Some(reason);
        }
        Ok(reading)
    }

    /// Reads bytes that are not compressed, see [`Reader::read`].
    ///
    /// # Errors
    /// See [`IngestError`].
    pub fn read_bytes(
        &mut self,
        name: &str,
        bytes: &[u8],
        sink: &mut dyn SpanSink,
    ) -> Result<Reading, IngestError> {
        let mut out = Out {
            limits: self.limits,
            wanted: self.wanted,
            ids: self.ids,
            losses: self.losses,
            sink,
            spans: 0,
        };
        documents::read(name, bytes, &mut out)
    }
}
