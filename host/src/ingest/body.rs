//! The body of one export: what an OTLP exporter sends, the format of which its content type tells. Unlike a file it is
//! taken whole or not at all.

use super::json::{JsonError, Reason};
use super::out::Out;
use super::resources::Resources;
use super::wire::Message;
use super::{IngestError, Place, ReadLimits, Thread, json, otlp_json, otlp_protobuf, wire};
use std::borrow::Cow;

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `ExportTraceServiceRequest` in protobuf.
    Protobuf,
    /// The same in JSON.
    Json,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Encoding::Protobuf => "OTLP protobuf",
            Encoding::Json => "OTLP JSON",
        }
    }
}

/// Decodes an export; `wanted` and `limits` as for [`read`](super::read). Returns how many spans it held, those without
/// an id included, which are counted as losses.
///
/// # Errors
/// [`IngestError::Malformed`], with the place. Spans may have reached the sink before the error was found.
pub fn read_body(
    body: &[u8],
    encoding: Encoding,
    limits: &ReadLimits,
    wanted: &[String],
    thread: &mut Thread<'_>,
) -> Result<u64, IngestError> {
    let Thread { ids, losses, sink } = thread;
    let without_id = losses.get("spans_without_id");
    let mut out = Out { limits, wanted, ids, losses, sink: *sink, resources: Resources::default(), spans: 0 };
    let decoded = match encoding {
        Encoding::Protobuf => protobuf(body, &mut out),
        Encoding::Json => document(body, &mut out),
    };
    let spans = out.spans + out.losses.get("spans_without_id") - without_id;
    decoded.map(|()| spans).map_err(|(at, reason)| IngestError::Malformed {
        name: "export".to_owned(),
        format: encoding.name(),
        at,
        reason,
    })
}

fn protobuf(body: &[u8], out: &mut Out<'_>) -> Result<(), (Place, String)> {
    let message = Message { bytes: body, offset: 0, complete: true };
    otlp_protobuf::message(&message, out).map_err(|wire::WireError { offset, reason }| {
        (Place { offset: offset as u64, line: None }, reason.to_string())
    })
}

fn document(body: &[u8], out: &mut Out<'_>) -> Result<(), (Place, String)> {
    let text = String::from_utf8_lossy(body);
    if matches!(text, Cow::Owned(_)) {
        out.losses.add("invalid_utf8_replaced", 1);
    }
    let mut json = json::Json::new(&text, 0, out.limits.max_depth);
    let result = otlp_json::document(&mut json, out).and_then(|()| match json.rest().trim_ascii() {
        [] => Ok(()),
        _ => Err(JsonError { offset: json.offset(), reason: Reason::Expected("nothing behind the request") }),
    });
    result.map_err(|error| {
        let line = json::line_and_column(text.as_bytes(), error.offset);
        (Place { offset: error.offset as u64, line: Some(line) }, error.reason.to_string())
    })
}
