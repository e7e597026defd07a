//! Jaeger's JSON: what its query service answers, what its UI exports, and bare traces.
//!
//! `processes` usually stands after `spans`: the spans are passed over and returned to.

use super::json::{Json, JsonError, Kind};
use super::out::{Out, TagFields, reset};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use tracewatt_core::semconv::{Attr, AttrSet, RawSpan, Value};
use tracewatt_core::trace::{Link, SpanId, TraceId};

/// How many characters of an error message are quoted.
const MAX_MESSAGE: usize = 200;

type Result<T> = std::result::Result<T, JsonError>;

/// Resource attributes by process id.
type Processes<'a> = FxHashMap<Cow<'a, str>, AttrSet<'a>>;

/// Decodes `{"data": [trace, ...]}`, a list of traces, or one trace.
pub(super) fn document(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<()> {
    if json.peek()? == Kind::Array {
        return json.array(|json| document(json, out));
    }
    let mut parts = Parts::default();
    let end = json.object(|json, key| match &*key {
        "data" => json.array(|json| document(json, out)),
        "spans" => parts.spans(json, out),
        "processes" => parts.processes(json, out),
        "errors" => json.array(|json| {
            out.losses.add("errors_in_answers", 1);
            json.skip()
        }),
        _ => json.skip(),
    });
    parts.finish(out)?;
    end
}

/// Returns what the query service says is wrong, if it does: `trace not found (404)`.
pub(super) fn first_error(mut json: Json<'_>) -> Result<Option<String>> {
    let mut first = None;
    if json.peek()? != Kind::Array {
        return Ok(first);
    }
    json.array(|json| {
        if json.peek()? != Kind::Object {
            return json.skip();
        }
        let (mut message, mut code) = (None, None);
        json.object(|json, key| {
            match &*key {
                "msg" => message = json.text()?,
                "code" => code = json.unsigned()?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        let message: String = message.unwrap_or("no reason given".into()).chars().take(MAX_MESSAGE).collect();
        first.get_or_insert(match code {
            Some(code) => format!("{message} ({code})"),
            None => message,
        });
        Ok(())
    })?;
    Ok(first)
}

/// A trace object, read so far.
#[derive(Default)]
struct Parts<'a> {
    processes: Option<Processes<'a>>,
    later: Vec<Json<'a>>,
}

impl<'a> Parts<'a> {
    fn spans(&mut self, json: &mut Json<'a>, out: &mut Out<'_>) -> Result<()> {
        if let Some(processes) = &self.processes {
            return spans(json, processes, out);
        }
        self.later.push(*json);
        json.skip()
    }

    fn processes(&mut self, json: &mut Json<'a>, out: &mut Out<'_>) -> Result<()> {
        let mut processes = Processes::default();
        json.object(|json, id| {
            let resource = process(json, out)?;
            processes.insert(id, resource);
            Ok(())
        })?;
        self.processes = Some(processes);
        Ok(())
    }

    fn finish(self, out: &mut Out<'_>) -> Result<()> {
        let processes = self.processes.unwrap_or_default();
        for mut json in self.later {
            spans(&mut json, &processes, out)?;
        }
        Ok(())
    }
}

fn process<'a>(json: &mut Json<'a>, out: &mut Out<'_>) -> Result<AttrSet<'a>> {
    let mut resource = AttrSet::default();
    let mut service = None;
    json.object(|json, key| {
        match &*key {
            "serviceName" => service = json.text()?,
            "tags" => tags(json, |key, value| out.attribute(&mut resource, key, value))?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if let Some(service) = service {
        out.field(&mut resource, Attr::ServiceName, Value::Text(service));
    }
    Ok(resource)
}

fn spans<'a>(json: &mut Json<'a>, processes: &Processes<'a>, out: &mut Out<'_>) -> Result<()> {
    let mut buffer = RawSpan::default();
    json.array(|json| span(json, &mut buffer, processes, out))
}

/// What a span object says in other ways than [`RawSpan`].
#[derive(Default)]
struct Fields<'a> {
    trace: Option<TraceId>,
    id: Option<SpanId>,
    parent: Option<SpanId>,
    start_us: u64,
    duration_us: u64,
    references: Vec<Reference>,
    process_id: Cow<'a, str>,
    process: Option<AttrSet<'a>>,
    tags: TagFields,
}

struct Reference {
    child_of: bool,
    trace: Option<TraceId>,
    span: Option<SpanId>,
}

fn span<'a>(
    json: &mut Json<'a>,
    buffer: &mut RawSpan<'a>,
    processes: &Processes<'a>,
    out: &mut Out<'_>,
) -> Result<()> {
    reset(buffer);
    let mut fields = Fields::default();
    json.object(|json, key| {
        match &*key {
            "traceID" | "traceId" => fields.trace = json.text()?.and_then(|id| out.trace_id(&id)),
            "spanID" | "spanId" => fields.id = json.text()?.and_then(|id| out.span_id(&id)),
            "parentSpanID" | "parentSpanId" => fields.parent = json.text()?.and_then(|id| out.span_id(&id)),
            "operationName" => buffer.name = json.text()?.unwrap_or_default(),
            "startTime" => fields.start_us = json.time()?,
            "duration" => fields.duration_us = json.time()?,
            "processID" | "processId" => fields.process_id = json.text()?.unwrap_or_default(),
            "process" => fields.process = Some(process(json, out)?),
            "references" => json.array(|json| {
                fields.references.push(reference(json, out)?);
                Ok(())
            })?,
            "tags" => tags(json, |key, value| {
                fields.tags.note(&key, &value);
                out.attribute(&mut buffer.attributes, key, value);
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    finish(buffer, fields, processes, out);
    Ok(())
}

fn finish(span: &mut RawSpan<'_>, fields: Fields<'_>, processes: &Processes<'_>, out: &mut Out<'_>) {
    span.start_ns = fields.start_us.saturating_mul(1000);
    span.end_ns = span.start_ns.saturating_add(fields.duration_us.saturating_mul(1000));
    (span.role, span.role_stated) = (fields.tags.role.unwrap_or_default(), fields.tags.role.is_some());
    span.status = fields.tags.status();
    span.parent = fields.parent;
    relate(span, &fields, out);
    let nobody = AttrSet::default();
    let resource = fields.process.as_ref().or_else(|| processes.get(&fields.process_id));
    if resource.is_none() {
        out.losses.add("spans_without_process", 1);
    }
    out.span(span, (fields.trace, fields.id), resource.unwrap_or(&nobody), &fields.tags.scope);
}

/// The first CHILD_OF within the trace is the parent, every other reference is a link.
fn relate(span: &mut RawSpan<'_>, fields: &Fields<'_>, out: &mut Out<'_>) {
    for reference in &fields.references {
        let trace = reference.trace.or(fields.trace);
        let (Some(trace), Some(id)) = (trace, reference.span) else {
            out.losses.add("links_without_id", 1);
            continue;
        };
        let same_trace = Some(trace) == fields.trace;
        if reference.child_of && same_trace && span.parent.is_none_or(|parent| parent == id) {
            span.parent = Some(id);
        } else {
            span.links.push(Link { trace, span: id });
        }
    }
}

fn reference(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<Reference> {
    let mut reference = Reference { child_of: false, trace: None, span: None };
    json.object(|json, key| {
        match &*key {
            "refType" => reference.child_of = json.text()?.is_some_and(|kind| kind == "CHILD_OF"),
            "traceID" | "traceId" => reference.trace = json.text()?.and_then(|id| out.trace_id(&id)),
            "spanID" | "spanId" => reference.span = json.text()?.and_then(|id| out.span_id(&id)),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(reference)
}

/// Reads a list of `{key, type, value}`.
fn tags<'a>(json: &mut Json<'a>, mut tag: impl FnMut(Cow<'a, str>, Value<'a>)) -> Result<()> {
    json.array(|json| {
        let (mut name, mut kind, mut value) = (Cow::Borrowed(""), Cow::Borrowed(""), None);
        json.object(|json, key| {
            match &*key {
                "key" => name = json.text()?.unwrap_or_default(),
                "type" => kind = json.text()?.unwrap_or_default(),
                "value" => value = json.value()?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        if let Some(value) = value {
            tag(name, typed(&kind, value));
        }
        Ok(())
    })
}

/// Returns the value as the type that the tag states, where it was written as text.
fn typed<'a>(kind: &str, value: Value<'a>) -> Value<'a> {
    let Some(text) = value.as_text() else { return value };
    let typed = match kind {
        "int64" => text.parse().map(Value::Int).ok(),
        "float64" => text.parse().map(Value::Double).ok(),
        "bool" => text.parse().map(Value::Bool).ok(),
        _ => None,
    };
    typed.unwrap_or(value)
}
