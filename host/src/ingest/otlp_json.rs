//! OTLP in JSON: export requests, `TracesData`, the Collector's file exporter, and what Tempo answers.
//!
//! Keys are read in camelCase and snake_case, numbers also as strings. A resource or a scope may stand
//! after the spans it describes: such spans are passed over and returned to.

use super::any::{Any, Composite};
use super::json::{Json, JsonError, Kind, number};
use super::out::{Out, reset, role_of_text, status_of_text};
use std::borrow::Cow;
use std::rc::Rc;
use tracewatt_core::semconv::{AttrSet, RawSpan, Value};
use tracewatt_core::trace::{Link, SpanId, TraceId};

type Result<T> = std::result::Result<T, JsonError>;

/// Decodes one document, or an array of them.
pub(super) fn document(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<()> {
    if json.peek()? == Kind::Array {
        return json.array(|json| document(json, out));
    }
    json.object(|json, key| match &*key {
        "resourceSpans" | "resource_spans" | "batches" => json.array(|json| resource_spans(json, out)),
        "trace" if json.peek()? == Kind::Object => document(json, out),
        _ => json.skip(),
    })
}

fn resource_spans<'a>(json: &mut Json<'a>, out: &mut Out<'_>) -> Result<()> {
    let mut resource = None;
    let mut later = Vec::new();
    let end = json.object(|json, key| match (&*key, &resource) {
        ("resource", _) => {
            resource = Some(resource_attributes(json, out)?);
            Ok(())
        }
        (key, Some(resource)) if is_scope_spans(key) => json.array(|json| scope_spans(json, resource, out)),
        (key, None) if is_scope_spans(key) => {
            later.push(*json);
            json.skip()
        }
        _ => json.skip(),
    });
    let resource = resource.unwrap_or_default();
    for mut json in later {
        json.array(|json| scope_spans(json, &resource, out))?;
    }
    end
}

fn is_scope_spans(key: &str) -> bool {
    matches!(
        key,
        "scopeSpans" | "scope_spans" | "instrumentationLibrarySpans" | "instrumentation_library_spans"
    )
}

fn resource_attributes(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<Rc<AttrSet<'static>>> {
    let (start, depth) = (*json, json.depth());
    // An object is the same as another one that it begins with: neither ends before its last bracket.
    if let Some((length, known)) = out.resources.find(depth, |known| start.rest().starts_with(known)) {
        json.advance(length);
        return Ok(known);
    }
    let left_out = out.losses.total();
    let mut set = AttrSet::default();
    json.object(|json, key| match &*key {
        "attributes" => attributes(json, &mut set, out),
        _ => json.skip(),
    })?;
    let set = Rc::new(set.into_owned());
    let text = &start.rest()[..json.offset() - start.offset()];
    if text.starts_with(b"{") && out.losses.total() == left_out {
        out.resources.keep(depth, text, &set);
    }
    Ok(set)
}

fn scope_spans<'a>(json: &mut Json<'a>, resource: &AttrSet<'a>, out: &mut Out<'_>) -> Result<()> {
    let mut scope = None;
    let mut later = Vec::new();
    let end = json.object(|json, key| match (&*key, &scope) {
        ("scope" | "instrumentationLibrary" | "instrumentation_library", _) => {
            scope = Some(scope_name(json)?);
            Ok(())
        }
        ("spans", Some(scope)) => spans(json, resource, scope, out),
        ("spans", None) => {
            later.push(*json);
            json.skip()
        }
        _ => json.skip(),
    });
    let scope = scope.unwrap_or_default();
    for mut json in later {
        spans(&mut json, resource, &scope, out)?;
    }
    end
}

fn scope_name<'a>(json: &mut Json<'a>) -> Result<Cow<'a, str>> {
    let mut name = None;
    json.object(|json, key| {
        match &*key {
            "name" => name = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(name.unwrap_or_default())
}

fn spans<'a>(json: &mut Json<'a>, resource: &AttrSet<'a>, scope: &str, out: &mut Out<'_>) -> Result<()> {
    let mut buffer = RawSpan::default();
    json.array(|json| span(json, &mut buffer, resource, scope, out))
}

fn span<'a>(
    json: &mut Json<'a>,
    buffer: &mut RawSpan<'a>,
    resource: &AttrSet<'a>,
    scope: &str,
    out: &mut Out<'_>,
) -> Result<()> {
    reset(buffer);
    let mut ids = (None, None);
    json.object(|json, key| {
        match &*key {
            "traceId" | "trace_id" => ids.0 = trace_id(json, out)?,
            "spanId" | "span_id" => ids.1 = span_id(json, out)?,
            "parentSpanId" | "parent_span_id" => buffer.parent = span_id(json, out)?,
            "name" => buffer.name = json.text()?.unwrap_or_default(),
            "kind" => {
                let role = json.text()?.and_then(|kind| role_of_text(&kind));
                (buffer.role, buffer.role_stated) = (role.unwrap_or_default(), role.is_some());
            }
            "startTimeUnixNano" | "start_time_unix_nano" => buffer.start_ns = json.time()?,
            "endTimeUnixNano" | "end_time_unix_nano" => buffer.end_ns = json.time()?,
            "attributes" => attributes(json, &mut buffer.attributes, out)?,
            "status" => status(json, buffer)?,
            "links" => json.array(|json| link(json, buffer, out))?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    out.span(buffer, ids, resource, scope);
    Ok(())
}

fn trace_id(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<Option<TraceId>> {
    Ok(json.text()?.and_then(|text| out.trace_id(&text)))
}

fn span_id(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<Option<SpanId>> {
    Ok(json.text()?.and_then(|text| out.span_id(&text)))
}

fn status(json: &mut Json<'_>, span: &mut RawSpan<'_>) -> Result<()> {
    json.object(|json, key| {
        match &*key {
            "code" => span.status = json.text()?.map(|code| status_of_text(&code)).unwrap_or_default(),
            _ => json.skip()?,
        }
        Ok(())
    })
}

fn link(json: &mut Json<'_>, span: &mut RawSpan<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut ids = (None, None);
    json.object(|json, key| {
        match &*key {
            "traceId" | "trace_id" => ids.0 = trace_id(json, out)?,
            "spanId" | "span_id" => ids.1 = span_id(json, out)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    match ids {
        (Some(trace), Some(id)) => span.links.push(Link { trace, span: id }),
        _ => out.losses.add("links_without_id", 1),
    }
    Ok(())
}

/// Reads a list of `{key, value}`, or an object as some hand-made exporters write.
fn attributes<'a>(json: &mut Json<'a>, set: &mut AttrSet<'a>, out: &mut Out<'_>) -> Result<()> {
    if json.peek()? == Kind::Object {
        return json.object(|json, key| {
            if let Some(value) = json.value()? {
                out.attribute(set, key, value);
            }
            Ok(())
        });
    }
    json.array(|json| {
        if let Some((key, value)) = compact(json) {
            out.attribute(set, Cow::Borrowed(key), value);
            return Ok(());
        }
        if let (key, Some(value)) = key_value(json)? {
            out.attribute(set, key, value.into_value());
        }
        out.losses.add("values_too_deep", json.take_too_deep());
        Ok(())
    })
}

/// Reads an attribute as nearly every exporter spells it: a scalar, the key first, without spaces and escapes.
/// `None`, and nothing read, if it is spelled otherwise.
fn compact<'a>(json: &mut Json<'a>) -> Option<(&'a str, Value<'a>)> {
    let mut ahead = *json;
    if !json.has_room(2) || !ahead.pass(r#"{"key":""#) {
        return None;
    }
    let key = ahead.plain_string()?;
    if !ahead.pass(r#","value":{""#) {
        return None;
    }
    let value = if ahead.pass(r#"stringValue":""#) {
        Value::from(ahead.plain_string()?)
    } else if ahead.pass(r#"intValue":""#) {
        Value::Int(ahead.plain_string()?.parse().ok()?)
    } else if ahead.pass(r#"boolValue":true"#) {
        Value::Bool(true)
    } else if ahead.pass(r#"boolValue":false"#) {
        Value::Bool(false)
    } else {
        return None;
    };
    if !ahead.pass("}}") {
        return None;
    }
    *json = ahead;
    Some((key, value))
}

fn key_value<'a>(json: &mut Json<'a>) -> Result<(Cow<'a, str>, Option<Any<'a>>)> {
    let mut pair = (Cow::Borrowed(""), None);
    json.object(|json, field| {
        match &*field {
            "key" => pair.0 = json.text()?.unwrap_or_default(),
            "value" => pair.1 = any_value(json)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(pair)
}

/// Reads an `AnyValue`, `None` for an empty one. A bare scalar stands for itself.
fn any_value<'a>(json: &mut Json<'a>) -> Result<Option<Any<'a>>> {
    if json.peek()? != Kind::Object {
        return Ok(json.value()?.map(Any::Scalar));
    }
    let mut any = None;
    json.object(|json, kind| {
        match &*kind {
            "stringValue" | "string_value" | "bytesValue" | "bytes_value" => {
                any = json.text()?.map(Value::Text).map(Any::Scalar);
            }
            "intValue" | "int_value" => any = json.text()?.map(|text| Any::Scalar(number(&text))),
            "doubleValue" | "double_value" => any = json.text()?.map(|text| Any::Scalar(double(&text))),
            "boolValue" | "bool_value" => {
                any = json.text()?.map(|text| Any::Scalar(Value::Bool(text == "true")));
            }
            "arrayValue" | "array_value" | "kvlistValue" | "kvlist_value" if json.skip_if_deep(LEVELS)? => {}
            "arrayValue" | "array_value" => any = Some(composite(json, Composite::array())?),
            "kvlistValue" | "kvlist_value" => any = Some(composite(json, Composite::map())?),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(any)
}

fn double<'a>(text: &str) -> Value<'a> {
    match text.parse() {
        Ok(value) => Value::Double(value),
        Err(_) => Value::Text(Cow::Owned(text.to_owned())),
    }
}

/// Levels that an array or a map opens before it holds a value: `{"values":[{"value":{`.
const LEVELS: u32 = 4;

/// Renders the `{"values":[...]}` of an array or a map. The reader's limit of nesting bounds the recursion.
fn composite<'a>(json: &mut Json<'a>, mut composite: Composite) -> Result<Any<'a>> {
    json.object(|json, key| {
        if key != "values" {
            return json.skip();
        }
        json.array(|json| {
            let (key, value) = match composite.is_map() {
                true => key_value(json)?,
                false => (Cow::Borrowed(""), any_value(json)?),
            };
            composite.push(&key, value.as_ref());
            Ok(())
        })
    })?;
    Ok(composite.finish())
}
