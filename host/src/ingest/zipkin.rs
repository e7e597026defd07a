//! Zipkin's JSON, version 2 and version 1.
//!
//! In Zipkin the two ends of a call may share one span id. Every span here needs an id of its own, so
//! where a document has both halves the server half gets a derived one, spelled `<id>/server`, with
//! the shared id as its parent, and the children of the shared id become children of the server half:
//! they were started there. To know the halves beforehand, ids and kinds of a document are read first.
//! A version 1 span that recorded both ends becomes two spans by the same rule.

use super::json::{Json, JsonError, Kind};
use super::out::{Out, TagFields, reset, role_of_text};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use tracewatt_core::semconv::{Attr, AttrSet, RawSpan, Value};
use tracewatt_core::trace::{SpanId, SpanRole, TraceId};

type Result<T> = std::result::Result<T, JsonError>;
type Text<'a> = Cow<'a, str>;

/// Ids that a client half and a server half share.
type Shared = FxHashSet<(TraceId, SpanId)>;

/// Decodes a list of spans, a list of such lists, or one span.
pub(super) fn document(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<()> {
    let shared = shared_ids(*json, out);
    let mut buffer = RawSpan::default();
    spans(json, &mut |json| span(json, &mut buffer, &shared, out))
}

fn spans<'a>(json: &mut Json<'a>, span: &mut dyn FnMut(&mut Json<'a>) -> Result<()>) -> Result<()> {
    match json.peek()? {
        Kind::Array => json.array(|json| spans(json, span)),
        _ => span(json),
    }
}

/// Reads ahead for ids with two halves. A broken document is read as far as it goes; reading it again
/// meets the same error.
fn shared_ids(mut json: Json<'_>, out: &mut Out<'_>) -> Shared {
    let mut halves: FxHashMap<(TraceId, SpanId), Ends> = FxHashMap::default();
    let _ = spans(&mut json, &mut |json| {
        let (trace, id, ends) = identity(json, out)?;
        if let (Some(trace), Some(id)) = (trace, id) {
            let known = halves.entry((trace, id)).or_default();
            known.client |= ends.client;
            known.server |= ends.server;
        }
        Ok(())
    });
    halves.into_iter().filter(|(_, ends)| ends.client && ends.server).map(|(key, _)| key).collect()
}

/// Which ends of a call a span records.
#[derive(Clone, Copy, Default)]
struct Ends {
    client: bool,
    server: bool,
}

impl Ends {
    fn note(&mut self, role: Option<SpanRole>) {
        self.client |= role == Some(SpanRole::Client);
        self.server |= role == Some(SpanRole::Server);
    }
}

fn identity(json: &mut Json<'_>, out: &mut Out<'_>) -> Result<(Option<TraceId>, Option<SpanId>, Ends)> {
    let (mut trace, mut id, mut ends) = (None, None, Ends::default());
    json.object(|json, key| {
        match &*key {
            "traceId" => trace = json.text()?.and_then(|id| out.trace_id(&id)),
            "id" => id = json.text()?.and_then(|id| out.span_id(&id)),
            "kind" => ends.note(json.text()?.and_then(|kind| role_of_text(&kind))),
            "annotations" => json.array(|json| {
                let annotation = annotation(json)?;
                ends.note(role_of_annotation(&annotation.value));
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok((trace, id, ends))
}

/// A span object as it stands.
#[derive(Default)]
struct Fields<'a> {
    trace: Option<TraceId>,
    id: Option<SpanId>,
    parent: Option<SpanId>,
    kind: Option<SpanRole>,
    start_us: u64,
    duration_us: u64,
    local: Endpoint<'a>,
    remote: Endpoint<'a>,
    annotations: Vec<Annotation<'a>>,
    tags: TagFields,
}

#[derive(Default, Clone)]
struct Endpoint<'a> {
    service: Option<Text<'a>>,
    address: Option<Text<'a>>,
    port: Option<u64>,
}

#[derive(Default)]
struct Annotation<'a> {
    time_us: u64,
    value: Text<'a>,
    endpoint: Endpoint<'a>,
}

fn span<'a>(json: &mut Json<'a>, buffer: &mut RawSpan<'a>, shared: &Shared, out: &mut Out<'_>) -> Result<()> {
    reset(buffer);
    let mut fields = Fields::default();
    json.object(|json, key| {
        match &*key {
            "traceId" => fields.trace = json.text()?.and_then(|id| out.trace_id(&id)),
            "id" => fields.id = json.text()?.and_then(|id| out.span_id(&id)),
            "parentId" => fields.parent = json.text()?.and_then(|id| out.span_id(&id)),
            "name" => buffer.name = json.text()?.unwrap_or_default(),
            "kind" => fields.kind = json.text()?.and_then(|kind| role_of_text(&kind)),
            "timestamp" => fields.start_us = json.time()?,
            "duration" => fields.duration_us = json.time()?,
            "localEndpoint" => fields.local = endpoint(json)?,
            "remoteEndpoint" => fields.remote = endpoint(json)?,
            "tags" => tags(json, buffer, &mut fields, out)?,
            "annotations" => json.array(|json| {
                let annotation = annotation(json)?;
                fields.annotations.push(annotation);
                Ok(())
            })?,
            "binaryAnnotations" => json.array(|json| binary_annotation(json, buffer, &mut fields, out))?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    finish(buffer, &fields, shared, out);
    Ok(())
}

/// Hands over the span: once, or once per end that it records.
fn finish<'a>(span: &mut RawSpan<'a>, fields: &Fields<'a>, shared: &Shared, out: &mut Out<'_>) {
    let mut ends = Ends::default();
    for annotation in &fields.annotations {
        ends.note(role_of_annotation(&annotation.value));
    }
    let kind = fields.kind.or(fields.tags.role);
    if kind.is_none() && ends.client && ends.server {
        // the client half comes last, because it adds the peer to the attributes
        half(span, fields, Some(SpanRole::Server), shared, out);
        half(span, fields, Some(SpanRole::Client), shared, out);
        return;
    }
    let noted = fields.annotations.iter().find_map(|annotation| role_of_annotation(&annotation.value));
    half(span, fields, kind.or(noted), shared, out);
}

fn half<'a>(
    span: &mut RawSpan<'a>,
    fields: &Fields<'a>,
    role: Option<SpanRole>,
    shared: &Shared,
    out: &mut Out<'_>,
) {
    let times = Times::of(fields, role);
    span.start_ns = times.start_us.saturating_mul(1000);
    span.end_ns = times.end_us.saturating_mul(1000);
    (span.role, span.role_stated) = (role.unwrap_or_default(), role.is_some());
    span.status = fields.tags.status();
    let (id, parent) = place(fields, role, shared, out);
    span.parent = parent;
    if matches!(role, Some(SpanRole::Client | SpanRole::Producer)) {
        peer(&mut span.attributes, &fields.remote, out);
    }
    let mut resource = AttrSet::default();
    if let Some(service) = local_service(fields, role) {
        out.field(&mut resource, Attr::ServiceName, Value::Text(service.clone()));
    }
    out.span(span, (fields.trace, id), &resource, &fields.tags.scope);
}

/// Returns id and parent of a half, see the module's text.
fn place(
    fields: &Fields<'_>,
    role: Option<SpanRole>,
    shared: &Shared,
    out: &mut Out<'_>,
) -> (Option<SpanId>, Option<SpanId>) {
    let has_two_halves = |id: SpanId| fields.trace.is_some_and(|trace| shared.contains(&(trace, id)));
    let parent = match fields.parent {
        Some(parent) if has_two_halves(parent) => Some(server_half(parent, out)),
        parent => parent,
    };
    match fields.id {
        Some(id) if role == Some(SpanRole::Server) && has_two_halves(id) => {
            (Some(server_half(id, out)), Some(id))
        }
        id => (id, parent),
    }
}

fn server_half(id: SpanId, out: &mut Out<'_>) -> SpanId {
    let text = format!("{}/server", out.ids.span_text(id));
    out.ids.span(&text)
}

/// Start and end of a half in microseconds.
struct Times {
    start_us: u64,
    end_us: u64,
}

impl Times {
    /// The annotations of the role's own clock, where there are any, else the span's fields.
    fn of(fields: &Fields<'_>, role: Option<SpanRole>) -> Times {
        let (begin, end) = match role {
            Some(SpanRole::Server) => ("sr", "ss"),
            Some(SpanRole::Producer) => ("ms", "ws"),
            Some(SpanRole::Consumer) => ("wr", "mr"),
            _ => ("cs", "cr"),
        };
        let time = |value| {
            fields.annotations.iter().find(|annotation| annotation.value == value).map(|found| found.time_us)
        };
        let (begin, end) = (time(begin), time(end));
        let has_client =
            || fields.annotations.iter().any(|a| role_of_annotation(&a.value) == Some(SpanRole::Client));
        let of_span =
            fields.start_us > 0 && !(role == Some(SpanRole::Server) && begin.is_some() && has_client());
        let start_us = if of_span { fields.start_us } else { begin.or(end).unwrap_or(fields.start_us) };
        let end_us = match end {
            Some(end) if !of_span || fields.duration_us == 0 => end,
            _ => start_us.saturating_add(if of_span { fields.duration_us } else { 0 }),
        };
        Times { start_us, end_us }
    }
}

/// The service that recorded the half: of its endpoint, else of the annotations made at its end.
fn local_service<'f, 'a>(fields: &'f Fields<'a>, role: Option<SpanRole>) -> Option<&'f Text<'a>> {
    let of_role = |annotation: &&Annotation<'a>| role_of_annotation(&annotation.value) == role;
    let any = || fields.annotations.iter().find_map(|annotation| annotation.endpoint.service.as_ref());
    let annotated = fields.annotations.iter().filter(of_role).find_map(|a| a.endpoint.service.as_ref());
    annotated.or(fields.local.service.as_ref()).or_else(any)
}

/// Says who was called, unless the tags do.
fn peer<'a>(set: &mut AttrSet<'a>, remote: &Endpoint<'a>, out: &mut Out<'_>) {
    let texts = [(Attr::PeerService, &remote.service), (Attr::ServerAddress, &remote.address)];
    for (attr, text) in texts {
        if let (Some(text), None) = (text, set.get(attr)) {
            out.field(set, attr, Value::Text(text.clone()));
        }
    }
    if let (Some(port), None) = (remote.port.filter(|port| *port > 0), set.get(Attr::ServerPort)) {
        out.field(set, Attr::ServerPort, Value::Int(port as i64));
    }
}

/// Version 1 writes the role as annotations: client send, server receive, message send and so on.
fn role_of_annotation(value: &str) -> Option<SpanRole> {
    match value {
        "cs" | "cr" => Some(SpanRole::Client),
        "sr" | "ss" => Some(SpanRole::Server),
        "ms" => Some(SpanRole::Producer),
        "mr" => Some(SpanRole::Consumer),
        _ => None,
    }
}

fn endpoint<'a>(json: &mut Json<'a>) -> Result<Endpoint<'a>> {
    let mut endpoint = Endpoint::default();
    json.object(|json, key| {
        match &*key {
            "serviceName" => endpoint.service = json.text()?.filter(|name| !name.is_empty()),
            "ipv4" | "ipv6" => endpoint.address = json.text()?.or(endpoint.address.take()),
            "port" => endpoint.port = json.unsigned()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(endpoint)
}

fn annotation<'a>(json: &mut Json<'a>) -> Result<Annotation<'a>> {
    let mut annotation = Annotation::default();
    json.object(|json, key| {
        match &*key {
            "timestamp" => annotation.time_us = json.time()?,
            "value" => annotation.value = json.text()?.unwrap_or_default(),
            "endpoint" => annotation.endpoint = endpoint(json)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(annotation)
}

fn tags<'a>(
    json: &mut Json<'a>,
    span: &mut RawSpan<'a>,
    fields: &mut Fields<'a>,
    out: &mut Out<'_>,
) -> Result<()> {
    json.object(|json, key| {
        if let Some(value) = json.value()? {
            fields.tags.note(&key, &value);
            out.attribute(&mut span.attributes, key, value);
        }
        Ok(())
    })
}

/// Version 1's tags. Those named `sa` and `ca` are no tags but addresses, `lc` names the local component.
fn binary_annotation<'a>(
    json: &mut Json<'a>,
    span: &mut RawSpan<'a>,
    fields: &mut Fields<'a>,
    out: &mut Out<'_>,
) -> Result<()> {
    let (mut name, mut value, mut place) = (Cow::Borrowed(""), None, Endpoint::default());
    json.object(|json, key| {
        match &*key {
            "key" => name = json.text()?.unwrap_or_default(),
            "value" => value = json.value()?,
            "endpoint" => place = endpoint(json)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    match (&*name, value) {
        ("sa" | "ma", _) => fields.remote = place,
        ("ca", _) => {}
        (_, Some(value)) => {
            if fields.local.service.is_none() {
                fields.local = place;
            }
            fields.tags.note(&name, &value);
            out.attribute(&mut span.attributes, name, value);
        }
        (_, None) => {}
    }
    Ok(())
}
