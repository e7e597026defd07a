//! Event arrays and event lines: one flat object per outbound call, as the older tool of the field
//! records them. What an event says in fields of its own becomes an attribute, so that one mapper
//! decides for every format.

use super::json::{BAD_TIME, Json, JsonError, Kind};
use super::out::{Out, reset};
use super::time::parse_iso8601;
use std::borrow::Cow;
use tracewatt_core::semconv::{Attr, AttrSet, RawSpan, Value};
use tracewatt_core::trace::{Link, SpanId, SpanRole, TraceId};

type Result<T> = std::result::Result<T, JsonError>;
type Text<'a> = Cow<'a, str>;

/// First words of statements. Any other `operation` of a `sql` event names the database system.
const SQL_VERBS: [&str; 22] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "REPLACE",
    "UPSERT",
    "WITH",
    "CALL",
    "EXEC",
    "EXECUTE",
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "COPY",
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
];

/// Methods of RFC 9110 and RFC 5789. Any other `operation` of an `http_out` event is an RPC system.
const HTTP_METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Decodes an array of events, or one event.
pub(super) fn document(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut buffer = RawSpan::default();
    match json.peek()? {
        Kind::Array => json.array(|json| event(json, &mut buffer, out)),
        _ => event(json, &mut buffer, out),
    }
}

/// The fields whose meaning depends on other fields.
#[derive(Default)]
struct Fields<'a> {
    trace: Option<TraceId>,
    id: Option<SpanId>,
    duration_us: u64,
    kind: Text<'a>,
    operation: Option<Text<'a>>,
    target: Option<Text<'a>>,
    method: Option<Text<'a>>,
    status_code: Option<u64>,
    response_bytes: Option<u64>,
    scope: Option<Text<'a>>,
}

fn event<'a>(json: &mut Json<'a>, span: &mut RawSpan<'a>, out: &mut Out<'_>) -> Result<()> {
    reset(span);
    let mut resource = AttrSet::default();
    let mut fields = Fields::default();
    json.object(|json, key| {
        if let Some((attr, of_resource)) = plain(&key) {
            let set = if of_resource { &mut resource } else { &mut span.attributes };
            if let Some(value) = json.value()? {
                out.field(set, attr, value);
            }
            return Ok(());
        }
        match &*key {
            "trace_id" => fields.trace = json.text()?.and_then(|id| out.trace_id(&id)),
            "span_id" => fields.id = json.text()?.and_then(|id| out.span_id(&id)),
            "parent_span_id" => span.parent = json.text()?.and_then(|id| out.span_id(&id)),
            "link_trace_id" => link(json, span, out)?,
            "timestamp" => {
                span.start_ns = json.text()?.map_or(0, |text| parse_iso8601(&text).unwrap_or(BAD_TIME));
            }
            "duration_us" => fields.duration_us = json.time()?,
            "type" => fields.kind = json.text()?.unwrap_or_default(),
            "operation" => fields.operation = json.text()?,
            "target" => fields.target = json.text()?,
            "source" => source(json, span, &mut fields, out)?,
            "status_code" => fields.status_code = json.unsigned()?,
            "response_size_bytes" => fields.response_bytes = json.unsigned()?,
            "instrumentation_scopes" => fields.scope = first_text(json)?,
            "grouping" => grouping(json, span, out)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    finish(span, fields, &resource, out);
    Ok(())
}

/// Fields that are attributes whatever the rest says, and whether they belong to the resource.
fn plain(key: &str) -> Option<(Attr, bool)> {
    Some(match key {
        "service" => (Attr::ServiceName, true),
        "cloud_region" => (Attr::CloudRegion, true),
        "code_function" => (Attr::CodeFunction, false),
        "code_namespace" => (Attr::CodeNamespace, false),
        "code_filepath" => (Attr::CodeFilePath, false),
        "code_lineno" => (Attr::CodeLineNumber, false),
        _ => return None,
    })
}

fn finish<'a>(span: &mut RawSpan<'a>, fields: Fields<'a>, resource: &AttrSet<'_>, out: &mut Out<'_>) {
    let ids = (fields.trace, fields.id);
    span.end_ns = span.start_ns.saturating_add(fields.duration_us.saturating_mul(1000));
    span.name = fields.operation.clone().unwrap_or_default();
    let set = &mut span.attributes;
    if let (Some(method), None) = (&fields.method, set.get(Attr::CodeFunction)) {
        out.field(set, Attr::CodeFunction, Value::Text(method.clone()));
    }
    (span.role, span.role_stated) = match &*fields.kind {
        "sql" | "http_out" => (SpanRole::Client, true),
        "messaging" => (SpanRole::Producer, true),
        _ => (SpanRole::Internal, false),
    };
    let scope = fields.scope.clone().unwrap_or_default();
    call(&mut span.attributes, fields, out);
    out.span(span, ids, resource, &scope);
}

/// Writes type, operation, target and outcome under the names of the semantic conventions.
fn call<'a>(set: &mut AttrSet<'a>, fields: Fields<'a>, out: &mut Out<'_>) {
    let operation = fields.operation.unwrap_or_default();
    let mut put = |attr, value: Option<Text<'a>>| {
        if let Some(value) = value {
            out.field(set, attr, Value::Text(value));
        }
    };
    let mut status = Attr::HttpResponseStatusCode;
    let mut size = Attr::HttpResponseBodySize;
    match &*fields.kind {
        "sql" if is_one_of(&SQL_VERBS, &operation) => {
            put(Attr::DbOperationName, Some(operation));
            put(Attr::DbQueryText, fields.target);
        }
        "sql" => {
            put(Attr::DbSystemName, Some(operation));
            put(Attr::DbQueryText, fields.target);
        }
        "http_out" if operation.is_empty() || is_one_of(&HTTP_METHODS, &operation) => {
            put(Attr::HttpRequestMethod, Some(operation));
            put(Attr::UrlFull, fields.target);
        }
        "http_out" => {
            let (service, method) = split_rpc(fields.target.unwrap_or_default());
            status = Attr::RpcResponseStatusCode;
            put(Attr::RpcSystem, Some(operation));
            put(Attr::RpcService, service);
            put(Attr::RpcMethod, Some(method));
        }
        "messaging" => {
            size = Attr::MessagingBodySize;
            put(Attr::MessagingSystem, Some(operation));
            put(Attr::MessagingDestinationName, fields.target);
        }
        _ => {}
    }
    put(Attr::EventType, Some(fields.kind));
    for (attr, value) in [(status, fields.status_code), (size, fields.response_bytes)] {
        if let Some(value) = value {
            out.field(set, attr, Value::Int(i64::try_from(value).unwrap_or(i64::MAX)));
        }
    }
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| word.trim().eq_ignore_ascii_case(known))
}

/// `shop.Cart/Get` is method `Get` of service `shop.Cart`.
fn split_rpc(target: Text<'_>) -> (Option<Text<'_>>, Text<'_>) {
    match target.trim_start_matches('/').rsplit_once('/') {
        Some((service, method)) => (Some(Cow::Owned(service.to_owned())), Cow::Owned(method.to_owned())),
        None => (None, target),
    }
}

fn source<'a>(
    json: &mut Json<'a>,
    span: &mut RawSpan<'a>,
    fields: &mut Fields<'a>,
    out: &mut Out<'_>,
) -> Result<()> {
    json.object(|json, key| {
        match &*key {
            "endpoint" => {
                if let Some(endpoint) = json.text()? {
                    out.field(&mut span.attributes, Attr::SourceEndpoint, Value::Text(endpoint));
                }
            }
            "method" => fields.method = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })
}

/// A link to a trace, of which no span is named.
fn link(json: &mut Json<'_>, span: &mut RawSpan<'_>, out: &mut Out<'_>) -> Result<()> {
    if let Some(trace) = json.text()?.and_then(|id| out.trace_id(&id)) {
        span.links.push(Link { trace, span: SpanId::default() });
    }
    Ok(())
}

fn first_text<'a>(json: &mut Json<'a>) -> Result<Option<Text<'a>>> {
    let mut first = None;
    json.array(|json| {
        let text = json.text()?;
        first = first.take().or(text);
        Ok(())
    })?;
    Ok(first)
}

fn grouping<'a>(json: &mut Json<'a>, span: &mut RawSpan<'a>, out: &mut Out<'_>) -> Result<()> {
    json.array(|json| {
        let (mut name, mut value) = (None, None);
        json.object(|json, key| {
            match &*key {
                "key" => name = json.text()?,
                "value" => value = json.text()?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        if let (Some(name), Some(value)) = (name, value) {
            out.attribute(&mut span.attributes, name, Value::Text(value));
        }
        Ok(())
    })
}
