//! OTLP in protobuf: `TracesData` and `ExportTraceServiceRequest`, which look the same on the wire,
//! one of them or a stream with length prefixes.
//!
//! Reads the wire format in place. Fields that are not needed are passed over. Where the input ends
//! inside a message, everything before the span that is cut is used.
//!
//! Field numbers: opentelemetry-proto 1.9, `trace/v1/trace.proto`, `common/v1/common.proto`.

use super::any::{Any, Composite};
use super::out::{Out, reset, role_of_number, span_id_of, status_of_text, trace_id_of, write_base64};
use super::wire::{Field, Message, Reason, Wire, WireError, only_int, short_pair, short_text};
use std::borrow::Cow;
use std::rc::Rc;
use tracewatt_core::semconv::{AttrSet, RawSpan, Value};
use tracewatt_core::trace::Link;

type Result<T> = std::result::Result<T, WireError>;

/// How messages follow each other in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// One message, or several simply concatenated, which protobuf reads as one.
    None,
    /// Each message after its length as a varint.
    Varint,
    /// Each message after its length in four bytes, big-endian, as the Collector's file exporter writes.
    Fixed,
}

const FRAMINGS: [Framing; 3] = [Framing::None, Framing::Varint, Framing::Fixed];

impl Framing {
    /// Returns where the last whole message ends that begins in `bytes`, or the last field of the one message; 0 when
    /// there is none. Bytes that make no sense are left to the decoder: everything belongs to the message.
    pub fn end(self, bytes: &[u8]) -> usize {
        let mut end = 0;
        let whole = Message { bytes, offset: 0, complete: false };
        let mut wire = Wire::of(&whole);
        loop {
            let next = match self {
                Framing::None => match wire.next() {
                    Ok(Some((_, Field::Bytes(inner)))) if !inner.complete => return end,
                    Ok(Some(_)) => wire.offset(),
                    Err(error) if error.reason != Reason::End => return bytes.len(),
                    Ok(None) | Err(_) => return end,
                },
                Framing::Varint | Framing::Fixed => {
                    let mut frames = Frames { bytes, at: end, framing: self };
                    match frames.next() {
                        Some(Ok(frame)) if frame.complete => frames.at,
                        _ => return end,
                    }
                }
            };
            end = next;
        }
    }
}

/// Returns how the messages are framed; `None` if the bytes do not look like trace messages. A framing
/// that explains the input to its last byte goes before one that explains its beginning.
pub(super) fn recognize(bytes: &[u8]) -> Option<Framing> {
    let whole = |framing: &Framing| explains(bytes, *framing) == Explains::All;
    let beginning = |framing: &Framing| explains(bytes, *framing) != Explains::Nothing;
    FRAMINGS.into_iter().find(whole).or_else(|| FRAMINGS.into_iter().find(beginning))
}

#[derive(PartialEq)]
enum Explains {
    Nothing,
    Beginning,
    All,
}

fn explains(bytes: &[u8], framing: Framing) -> Explains {
    let mut messages = 0;
    for frame in Frames::new(bytes, framing) {
        let part = frame.as_ref().map_or(Explains::Nothing, looks_like_traces);
        match part {
            Explains::All => messages += usize::from(frame.is_ok_and(|frame| !frame.bytes.is_empty())),
            Explains::Nothing if messages == 0 => return Explains::Nothing,
            _ => return Explains::Beginning,
        }
    }
    if messages > 0 { Explains::All } else { Explains::Nothing }
}

/// Tests the two outer layers: a list of field 1, each beginning with one of the fields of `ResourceSpans`.
fn looks_like_traces(frame: &Message<'_>) -> Explains {
    let mut wire = Wire::of(frame);
    let mut fields = 0;
    loop {
        match wire.next() {
            Ok(Some((1, Field::Bytes(inner)))) => match inner.bytes.first() {
                None | Some(0x0a | 0x12 | 0x1a) if inner.complete => fields += 1,
                None | Some(0x0a | 0x12 | 0x1a) => return Explains::Beginning,
                Some(_) => return Explains::Nothing,
            },
            Ok(None) => return Explains::All,
            Err(error) if error.reason == Reason::End && fields > 0 => return Explains::Beginning,
            _ => return Explains::Nothing,
        }
    }
}

/// The messages of an input, one after the other.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    framing: Framing,
}

impl<'a> Frames<'a> {
    /// Returns the messages of an input.
    pub fn new(bytes: &'a [u8], framing: Framing) -> Frames<'a> {
        Frames { bytes, at: 0, framing }
    }

    fn length(&mut self) -> Result<u64> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match self.framing {
            Framing::None => Ok(rest.len() as u64),
            Framing::Varint => {
                let mut wire = Wire::of(&Message { bytes: rest, offset: self.at, complete: false });
                let length = wire.varint()?;
                self.at = wire.offset();
                Ok(length)
            }
            Framing::Fixed => {
                let end = WireError { offset: self.bytes.len(), reason: Reason::End };
                let prefix = *rest.first_chunk::<4>().ok_or(end)?;
                self.at += 4;
                Ok(u64::from(u32::from_be_bytes(prefix)))
            }
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let length = match self.length() {
            Ok(length) => length,
            Err(error) => {
                self.at = self.bytes.len();
                return Some(Err(error));
            }
        };
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = usize::try_from(length).map_or(rest.len(), |length| length.min(rest.len()));
        // without framing nothing says whether the end of the input is the end of the message
        let complete = self.framing != Framing::None && taken as u64 == length;
        let frame = Message { bytes: &rest[..taken], offset: self.at, complete };
        self.at += taken;
        Some(Ok(frame))
    }
}

/// Decodes one message.
pub(super) fn message(message: &Message<'_>, out: &mut Out<'_>) -> Result<()> {
    each(message, |field| match field {
        (1, Field::Bytes(inner)) => resource_spans(&inner, out),
        _ => Ok(()),
    })
}

/// Calls `visit` with every field, also with a last one that is cut off.
#[inline(always)]
fn each<'a>(message: &Message<'a>, mut visit: impl FnMut((u32, Field<'a>)) -> Result<()>) -> Result<()> {
    let mut wire = Wire::of(message);
    while let Some(field) = wire.next()? {
        visit(field)?;
    }
    Ok(())
}

/// Lets the end of the input pass for now: it is met again behind the spans that are whole.
fn unless_cut(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.reason != Reason::End => Err(error),
        _ => Ok(()),
    }
}

fn resource_spans(message: &Message<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut resource, mut more) = (None, Vec::new());
    // the resource may stand anywhere, so it is looked for first
    let found = each(message, |field| {
        match field {
            (1, Field::Bytes(inner)) if inner.complete && resource.is_none() => resource = Some(inner),
            (1, Field::Bytes(inner)) if inner.complete => more.push(inner),
            _ => {}
        }
        Ok(())
    });
    unless_cut(found)?;
    let resource =
        resource.map(|first| resource_attributes(&first, &more, out)).transpose()?.unwrap_or_default();
    each(message, |field| match field {
        // 2: scope_spans; 1000: instrumentation_library_spans, until 2022
        (2 | 1000, Field::Bytes(inner)) => scope_spans(&inner, &resource, out),
        (_, field) => field.complete(),
    })?;
    message.require_complete()
}

/// Reads a resource. Protobuf joins messages that stand for one field: `more` are those behind the first.
fn resource_attributes(
    first: &Message<'_>,
    more: &[Message<'_>],
    out: &mut Out<'_>,
) -> Result<Rc<AttrSet<'static>>> {
    let alone = more.is_empty();
    if let Some((_, known)) = out.resources.find(0, |known| alone && known == first.bytes) {
        return Ok(known);
    }
    let left_out = out.losses.total();
    let mut set = AttrSet::default();
    for message in std::iter::once(first).chain(more) {
        each(message, |field| match field {
            (1, Field::Bytes(pair)) => attribute(&pair, &mut set, out),
            _ => Ok(()),
        })?;
    }
    let set = Rc::new(set.into_owned());
    if alone && out.losses.total() == left_out {
        out.resources.keep(0, first.bytes, &set);
    }
    Ok(set)
}

fn scope_spans(message: &Message<'_>, resource: &AttrSet<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut scope = Cow::Borrowed("");
    let found = each(message, |field| match field {
        (1, Field::Bytes(inner)) if inner.complete => each(&inner, |field| {
            if let (1, Field::Bytes(name)) = field {
                scope = text(&name, out)?;
            }
            Ok(())
        }),
        _ => Ok(()),
    });
    unless_cut(found)?;
    let mut buffer = RawSpan::default();
    each(message, |field| match field {
        (2, Field::Bytes(inner)) => span(&inner, &mut buffer, resource, &scope, out),
        (_, field) => field.complete(),
    })?;
    message.require_complete()
}

fn span<'a>(
    message: &Message<'a>,
    buffer: &mut RawSpan<'a>,
    resource: &AttrSet<'_>,
    scope: &str,
    out: &mut Out<'_>,
) -> Result<()> {
    message.require_complete()?;
    reset(buffer);
    let mut ids = (None, None);
    each(message, |field| {
        match field {
            (1, Field::Bytes(id)) => ids.0 = trace_id_of(id.bytes),
            (2, Field::Bytes(id)) => ids.1 = span_id_of(id.bytes),
            (4, Field::Bytes(id)) => buffer.parent = span_id_of(id.bytes),
            (5, Field::Bytes(name)) => buffer.name = text(&name, out)?,
            (6, Field::Varint(kind)) => {
                let role = role_of_number(kind);
                (buffer.role, buffer.role_stated) = (role.unwrap_or_default(), role.is_some());
            }
            (7, Field::Fixed64(time)) => buffer.start_ns = time,
            (8, Field::Fixed64(time)) => buffer.end_ns = time,
            (9, Field::Bytes(pair)) => attribute(&pair, &mut buffer.attributes, out)?,
            (13, Field::Bytes(inner)) => link(&inner, buffer, out)?,
            (15, Field::Bytes(inner)) => status(&inner, buffer)?,
            _ => {}
        }
        Ok(())
    })?;
    out.span(buffer, ids, resource, scope);
    Ok(())
}

fn link(message: &Message<'_>, span: &mut RawSpan<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut ids = (None, None);
    each(message, |field| {
        match field {
            (1, Field::Bytes(id)) => ids.0 = trace_id_of(id.bytes),
            (2, Field::Bytes(id)) => ids.1 = span_id_of(id.bytes),
            _ => {}
        }
        Ok(())
    })?;
    match ids {
        (Some(trace), Some(id)) => span.links.push(Link { trace, span: id }),
        _ => out.losses.add("links_without_id", 1),
    }
    Ok(())
}

fn status(message: &Message<'_>, span: &mut RawSpan<'_>) -> Result<()> {
    each(message, |field| {
        if let (3, Field::Varint(code)) = field {
            span.status = status_of_text(&code.to_string());
        }
        Ok(())
    })
}

fn attribute<'a>(message: &Message<'a>, set: &mut AttrSet<'a>, out: &mut Out<'_>) -> Result<()> {
    if message.complete
        && let Some((key, value)) = short_pair(message.bytes)
        && let (Ok(key), Some(value)) = (str::from_utf8(key), simple(value))
    {
        out.attribute(set, Cow::Borrowed(key), value);
        return Ok(());
    }
    if let (key, Some(value)) = key_value(message, out, 0)? {
        out.attribute(set, key, value.into_value());
    }
    Ok(())
}

/// A value that is one text or one whole number, as nearly every one is.
fn simple(value: &[u8]) -> Option<Value<'_>> {
    match short_text(value) {
        Some(text) => str::from_utf8(text).ok().map(|text| Value::Text(Cow::Borrowed(text))),
        None => only_int(value).map(Value::Int),
    }
}

fn key_value<'a>(
    message: &Message<'a>,
    out: &mut Out<'_>,
    depth: u32,
) -> Result<(Cow<'a, str>, Option<Any<'a>>)> {
    let mut pair = (Cow::Borrowed(""), None);
    each(message, |field| {
        match field {
            (1, Field::Bytes(key)) => pair.0 = text(&key, out)?,
            (2, Field::Bytes(value)) => pair.1 = any_value(&value, out, depth)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(pair)
}

fn any_value<'a>(message: &Message<'a>, out: &mut Out<'_>, depth: u32) -> Result<Option<Any<'a>>> {
    if depth > out.limits.max_depth {
        out.losses.add("values_too_deep", 1);
        return Ok(None);
    }
    let mut any = None;
    each(message, |field| {
        let scalar = match field {
            (1, Field::Bytes(value)) => Value::Text(text(&value, out)?),
            (2, Field::Varint(value)) => Value::Bool(value != 0),
            (3, Field::Varint(value)) => Value::Int(value.cast_signed()),
            (4, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Field::Bytes(list)) => {
                any = Some(composite(&list, Composite::array(), out, depth + 1)?);
                return Ok(());
            }
            (6, Field::Bytes(list)) => {
                any = Some(composite(&list, Composite::map(), out, depth + 1)?);
                return Ok(());
            }
            (7, Field::Bytes(value)) => {
                let mut text = String::new();
                write_base64(&mut text, value.bytes);
                Value::from(text)
            }
            _ => return Ok(()),
        };
        any = Some(Any::Scalar(scalar));
        Ok(())
    })?;
    Ok(any)
}

fn composite<'a>(
    message: &Message<'a>,
    mut composite: Composite,
    out: &mut Out<'_>,
    depth: u32,
) -> Result<Any<'a>> {
    each(message, |field| {
        if let (1, Field::Bytes(item)) = field {
            let (key, value) = match composite.is_map() {
                true => key_value(&item, out, depth)?,
                false => (Cow::Borrowed(""), any_value(&item, out, depth)?),
            };
            composite.push(&key, value.as_ref());
        }
        Ok(())
    })?;
    Ok(composite.finish())
}

fn text<'a>(message: &Message<'a>, out: &mut Out<'_>) -> Result<Cow<'a, str>> {
    match str::from_utf8(message.bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => {
            out.losses.add("invalid_utf8_replaced", 1);
            Ok(String::from_utf8_lossy(message.bytes))
        }
    }
}
