//! What every decoder writes to: identifiers become numbers, attributes pass the limits, spans go to
//! the sink. The rules that hold for all formats are here and nowhere else.

use super::resources::Resources;
use super::{ReadLimits, SpanSink};
use std::borrow::Cow;
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{Attr, AttrSet, RawSpan, Value};
use tracewatt_core::trace::{IdTable, SpanId, SpanRole, Status, TraceId};

/// Longest identifier that is taken, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Latest time that is taken: 2262, the end of what 64 bits with a sign can tell. Later ones are minus one, or
/// milliseconds too many.
const MAX_TIME_NS: u64 = i64::MAX as u64;

/// Where decoders put what they find.
pub(super) struct Out<'c> {
    pub limits: &'c ReadLimits,
    pub wanted: &'c [String],
    pub ids: &'c mut IdTable,
    pub losses: &'c mut Losses,
    pub sink: &'c mut dyn SpanSink,
    /// Resources that were read before.
    pub resources: Resources,
    /// Spans handed to the sink.
    pub spans: u64,
}

impl Out<'_> {
    /// Hands over a span. `ids` are those of the input; a span without them is counted and dropped.
    pub fn span<'a>(
        &mut self,
        span: &mut RawSpan<'a>,
        ids: (Option<TraceId>, Option<SpanId>),
        resource: &AttrSet<'_>,
        scope: &str,
    ) {
        let (Some(trace), Some(id)) = ids else {
            self.losses.add("spans_without_id", 1);
            return;
        };
        (span.trace, span.id) = (trace, id);
        let name = std::mem::take(&mut span.name);
        span.name = self.cut(name);
        if let Some(reason) = settle_times(span) {
            self.losses.add(reason, 1);
        }
        self.sink.span(span, resource, scope);
        self.spans += 1;
    }

    /// Keeps an attribute, within the limits.
    pub fn attribute<'a>(&mut self, set: &mut AttrSet<'a>, key: Cow<'a, str>, value: Value<'a>) {
        if set.seen() >= self.limits.max_attributes {
            self.losses.add("attributes_over_limit", 1);
            return;
        }
        let value = match value {
            Value::Text(text) if text.len() > self.limits.max_text_bytes && self.keeps(&key) => {
                Value::Text(self.cut(text))
            }
            other => other,
        };
        set.insert(key, value, self.wanted);
    }

    /// Sets an attribute for which the format has a field of its own, within the limits.
    pub fn field<'a>(&mut self, set: &mut AttrSet<'a>, attr: Attr, value: impl Into<Value<'a>>) {
        let value = match value.into() {
            Value::Text(text) => Value::Text(self.cut(text)),
            other => other,
        };
        set.set(attr, value);
    }

    /// Returns the text, cut at a character boundary if it is too long.
    pub fn cut<'a>(&mut self, text: Cow<'a, str>) -> Cow<'a, str> {
        let limit = self.limits.max_text_bytes;
        if text.len() <= limit {
            return text;
        }
        self.losses.add("texts_cut", 1);
        let end = text.floor_char_boundary(limit);
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
            Cow::Owned(mut text) => {
                text.truncate(end);
                Cow::Owned(text)
            }
        }
    }

    /// Returns the id for hexadecimal, base64 (as some OTLP exporters write) or free text; `None` for
    /// what is no id: blank, all zeros, very long, or with control characters.
    pub fn trace_id(&mut self, text: &str) -> Option<TraceId> {
        if let Some(id) = IdTable::hex_trace(text) {
            return (id.0 != 0).then_some(id);
        }
        if let Some(bytes) = base64_id::<16>(text) {
            return trace_id_of(&bytes);
        }
        valid_id(text).map(|text| self.ids.trace(text))
    }

    /// Returns the id of a span, see [`Out::trace_id`].
    pub fn span_id(&mut self, text: &str) -> Option<SpanId> {
        if let Some(id) = IdTable::hex_span(text) {
            return (id.0 != 0).then_some(id);
        }
        if let Some(bytes) = base64_id::<8>(text) {
            return span_id_of(&bytes);
        }
        valid_id(text).map(|text| self.ids.span(text))
    }

    fn keeps(&self, key: &str) -> bool {
        Attr::of(key).is_some() || Attr::is_query_parameter(key) || self.wanted.iter().any(|name| name == key)
    }
}

/// Does `work`, of which `repeated` is a part that has been done before: what that leaves out is not counted again.
pub(super) fn reading_again<T>(
    out: &mut Out<'_>,
    repeated: impl FnOnce(&mut Out<'_>),
    work: impl FnOnce(&mut Out<'_>) -> T,
) -> T {
    let Out { limits, wanted, .. } = *out;
    let (mut ids, mut counted) = (IdTable::default(), Losses::default());
    repeated(&mut Out {
        limits,
        wanted,
        ids: &mut ids,
        losses: &mut counted,
        sink: &mut |_: &RawSpan<'_>, _: &AttrSet<'_>, _: &str| {},
        resources: Resources::default(),
        spans: 0,
    });
    let before = std::mem::take(out.losses);
    let result = work(out);
    let all = std::mem::replace(out.losses, before);
    for (reason, count) in all.iter() {
        out.losses.add(reason, count.saturating_sub(counted.get(reason)));
    }
    result
}

/// Takes out times that cannot be meant. Returns the reason for which the span has no duration, if it has none.
fn settle_times(span: &mut RawSpan<'_>) -> Option<&'static str> {
    let stated = 1..=MAX_TIME_NS;
    let reason = match (span.start_ns, span.end_ns) {
        (start, end) if stated.contains(&start) && (start..=MAX_TIME_NS).contains(&end) => return None,
        (0, _) => "spans_without_start_time",
        _ => "spans_with_bad_times",
    };
    span.start_ns = if stated.contains(&span.start_ns) { span.start_ns } else { 0 };
    span.end_ns = span.start_ns;
    span.times_unknown = true;
    Some(reason)
}

/// Makes a span empty, keeping the memory of its lists.
pub(super) fn reset(span: &mut RawSpan<'_>) {
    // By field: moving the lists out and back takes longer than all the rest.
    let RawSpan {
        trace,
        id,
        parent,
        name,
        role,
        role_stated,
        start_ns,
        end_ns,
        times_unknown,
        status,
        links,
        attributes,
    } = span;
    (*trace, *id, *parent) = <_>::default();
    *name = Cow::Borrowed("");
    (*role, *role_stated, *status) = <_>::default();
    (*start_ns, *end_ns, *times_unknown) = <_>::default();
    links.clear();
    attributes.clear();
}

/// Returns the id of 16 bytes; `None` for all zeros or another length.
pub(super) fn trace_id_of(bytes: &[u8]) -> Option<TraceId> {
    let value = u128::from_be_bytes(bytes.try_into().ok()?);
    (value != 0).then_some(TraceId(value))
}

/// Returns the id of 8 bytes; `None` for all zeros or another length.
pub(super) fn span_id_of(bytes: &[u8]) -> Option<SpanId> {
    let value = u64::from_be_bytes(bytes.try_into().ok()?);
    (value != 0).then_some(SpanId(value))
}

/// Returns the role for OpenTelemetry's number of a span kind; `None` for 0, "unspecified".
pub(super) fn role_of_number(kind: u64) -> Option<SpanRole> {
    match kind {
        1 => Some(SpanRole::Internal),
        2 => Some(SpanRole::Server),
        3 => Some(SpanRole::Client),
        4 => Some(SpanRole::Producer),
        5 => Some(SpanRole::Consumer),
        _ => None,
    }
}

/// Returns the role for a span kind as text: `SPAN_KIND_CLIENT`, `CLIENT`, `client`, `3`.
pub(super) fn role_of_text(kind: &str) -> Option<SpanRole> {
    let kind = kind.strip_prefix("SPAN_KIND_").unwrap_or(kind);
    let names = ["internal", "server", "client", "producer", "consumer"];
    match names.iter().position(|name| kind.eq_ignore_ascii_case(name)) {
        Some(index) => role_of_number(index as u64 + 1),
        None => role_of_number(kind.parse().ok()?),
    }
}

/// Returns the status for OpenTelemetry's number or name of a status code.
pub(super) fn status_of_text(code: &str) -> Status {
    match code.strip_prefix("STATUS_CODE_").unwrap_or(code) {
        "1" | "OK" | "Ok" | "ok" => Status::Ok,
        "2" | "ERROR" | "Error" | "error" => Status::Error,
        _ => Status::Unset,
    }
}

/// What Jaeger and Zipkin hold in tags although OpenTelemetry has fields for it.
#[derive(Default)]
pub(super) struct TagFields {
    /// Role from `span.kind`.
    pub role: Option<SpanRole>,
    /// Status from `otel.status_code`.
    status: Option<Status>,
    /// Whether the `error` tag says so.
    error: bool,
    /// Scope from `otel.scope.name` or `otel.library.name`.
    pub scope: String,
}

impl TagFields {
    /// Takes note of a tag; whether it also is an attribute is not decided here.
    pub fn note(&mut self, key: &str, value: &Value<'_>) {
        match key {
            "span.kind" => self.role = role_of_text(&value.display()),
            "otel.status_code" => self.status = Some(status_of_text(&value.display())),
            // Zipkin's convention is that the tag's presence counts, whatever its text
            "error" => self.error = !value.display().eq_ignore_ascii_case("false"),
            "otel.scope.name" | "otel.library.name" => self.scope = value.display().into_owned(),
            _ => {}
        }
    }

    /// Returns the status that the tags amount to.
    pub fn status(&self) -> Status {
        match self.status {
            Some(status) if status != Status::Unset => status,
            _ if self.error => Status::Error,
            _ => Status::Unset,
        }
    }
}

fn valid_id(text: &str) -> Option<&str> {
    let text = text.trim();
    let nothing = text.bytes().all(|byte| byte == b'0');
    let fits = text.len() <= MAX_ID_BYTES && !text.contains(char::is_control);
    (!nothing && fits).then_some(text)
}

/// Decodes the padded base64 form of an id of `N` bytes, in either alphabet.
fn base64_id<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.div_ceil(3) * 4 || !text.ends_with('=') {
        return None;
    }
    let mut out = [0; N];
    let (mut bits, mut have, mut filled) = (0u32, 0, 0);
    for byte in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | sextet(byte)?;
        have += 6;
        if have >= 8 {
            have -= 8;
            *out.get_mut(filled)? = (bits >> have) as u8;
            filled += 1;
        }
    }
    (filled == N).then_some(out)
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Appends bytes in base64 with padding: how OTLP writes byte values in JSON.
pub(super) fn write_base64(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (group >> (18 - 6 * place)) as usize & 63;
            out.push(if place <= chunk.len() { ALPHABET[sextet] as char } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id =
            [0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36];
        assert_eq!(base64_id::<16>("S/kvNXezTaajzpKdDg5HNg=="), Some(id));
        assert_eq!(base64_id::<16>("S_kvNXezTaajzpKdDg5HNg=="), Some(id));
        assert_eq!(base64_id::<8>("APBnqgupArc="), Some([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]));
        assert_eq!(base64_id::<8>("APBnqgup!rc="), None);
        assert_eq!(base64_id::<8>("APBnqgup===="), None);
        assert_eq!(base64_id::<8>("00f067aa0ba902b7"), None);
        for text in ["", " ", "0000", "a\nb", &"x".repeat(129)] {
            assert_eq!(valid_id(text), None, "{text:?}");
        }
        let mut out = String::new();
        write_base64(&mut out, &id);
        assert_eq!(out, "S/kvNXezTaajzpKdDg5HNg==");
        out.clear();
        write_base64(&mut out, b"abcd");
        assert_eq!(out, "YWJjZA==");
    }

    #[test]
    fn kinds_and_codes() {
        assert_eq!(role_of_text("SPAN_KIND_CLIENT"), Some(SpanRole::Client));
        assert_eq!(role_of_text("producer"), Some(SpanRole::Producer));
        assert_eq!(role_of_text("2"), Some(SpanRole::Server));
        assert_eq!(role_of_text("SPAN_KIND_UNSPECIFIED"), None);
        assert_eq!(status_of_text("STATUS_CODE_ERROR"), Status::Error);
        assert_eq!(status_of_text("OK"), Status::Ok);
        assert_eq!(status_of_text(""), Status::Unset);
    }
}
