//! Traces for tests: spans that are written down in a few words, and the OTLP JSON document they make.

use serde_json::{Value, json};

/// 2023-11-14T22:13:20Z, in nanoseconds: when every trace begins.
pub const START_NS: u64 = 1_700_000_000_000_000_000;
/// Nanoseconds of a microsecond.
pub const US: u64 = 1_000;
/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;

/// A span. Ids are small numbers; a parent of 0 is no parent.
#[derive(Clone, Debug)]
pub struct Span {
    /// Trace.
    pub trace: u128,
    /// Span.
    pub id: u64,
    /// Parent, 0 for none.
    pub parent: u64,
    /// Name.
    pub name: String,
    /// Role, as in OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub role: u8,
    /// Start, nanoseconds after [`START_NS`].
    pub start_ns: u64,
    /// Duration.
    pub duration_ns: u64,
    /// `service.name`.
    pub service: String,
    /// Name of the instrumentation scope.
    pub scope: String,
    /// Attributes of the span.
    pub attributes: Vec<(String, Value)>,
    /// Attributes of the resource besides the service.
    pub resource: Vec<(String, Value)>,
    /// Whether the status is an error.
    pub failed: bool,
}

impl Span {
    /// An internal span of the service `shop` that takes no time.
    pub fn new(trace: u128, id: u64, parent: u64, name: &str) -> Span {
        Span {
            trace,
            id,
            parent,
            name: name.to_owned(),
            role: 1,
            start_ns: 0,
            duration_ns: 0,
            service: "shop".to_owned(),
            scope: "test".to_owned(),
            attributes: Vec::new(),
            resource: Vec::new(),
            failed: false,
        }
    }

    /// A request that arrives: `GET` and a route.
    pub fn server(trace: u128, id: u64, parent: u64, route: &str) -> Span {
        let span = Span { role: 2, ..Span::new(trace, id, parent, &format!("GET {route}")) };
        span.with("http.request.method", "GET").with("http.route", route).at(0, 2_000 * MS)
    }

    /// A statement sent to PostgreSQL.
    pub fn sql(trace: u128, id: u64, parent: u64, text: &str) -> Span {
        let name = text.split(' ').next().unwrap_or("query");
        Span::client(trace, id, parent, name).with("db.system.name", "postgresql").with("db.query.text", text)
    }

    /// A request sent.
    pub fn http(trace: u128, id: u64, parent: u64, method: &str, url: &str) -> Span {
        Span::client(trace, id, parent, method).with("http.request.method", method).with("url.full", url)
    }

    /// A client span without attributes, 1 ms long.
    pub fn client(trace: u128, id: u64, parent: u64, name: &str) -> Span {
        Span { role: 3, duration_ns: MS, ..Span::new(trace, id, parent, name) }
    }

    /// Sets start and duration, in nanoseconds.
    pub fn at(self, start_ns: u64, duration_ns: u64) -> Span {
        Span { start_ns, duration_ns, ..self }
    }

    /// Adds an attribute.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Span {
        self.attributes.push((key.to_owned(), value.into()));
        self
    }

    /// Adds an attribute of the resource.
    pub fn with_resource(mut self, key: &str, value: impl Into<Value>) -> Span {
        self.resource.push((key.to_owned(), value.into()));
        self
    }

    /// Removes an attribute.
    pub fn without(mut self, key: &str) -> Span {
        self.attributes.retain(|(other, _)| other != key);
        self
    }

    /// Sets the service.
    pub fn of(self, service: &str) -> Span {
        Span { service: service.to_owned(), ..self }
    }

    /// Sets the instrumentation scope.
    pub fn scope(self, scope: &str) -> Span {
        Span { scope: scope.to_owned(), ..self }
    }

    /// Sets the role.
    pub fn role(self, role: u8) -> Span {
        Span { role, ..self }
    }

    /// Marks it as failed.
    pub fn failed(self) -> Span {
        Span { failed: true, ..self }
    }

    /// The trace id in hexadecimal.
    pub fn trace_hex(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The entry of OTLP JSON.
    pub fn json(&self) -> Value {
        json!({
            "traceId": self.trace_hex(),
            "spanId": format!("{:016x}", self.id),
            "parentSpanId": if self.parent == 0 { String::new() } else { format!("{:016x}", self.parent) },
            "name": self.name,
            "kind": self.role,
            "startTimeUnixNano": (START_NS + self.start_ns).to_string(),
            "endTimeUnixNano": (START_NS + self.start_ns + self.duration_ns).to_string(),
            "attributes": attributes(self.attributes.iter()),
            "status": if self.failed { json!({"code": 2}) } else { json!({}) },
        })
    }
}

/// Makes an OTLP JSON document: one resource and scope for each run of spans that have them in common.
pub fn document(spans: &[Span]) -> Value {
    let group = |a: &Span, b: &Span| a.service == b.service && a.scope == b.scope && a.resource == b.resource;
    let blocks = spans.chunk_by(group).filter_map(|block| {
        let first = block.first()?;
        let service = ("service.name".to_owned(), Value::from(first.service.as_str()));
        Some(json!({
            "resource": {"attributes": attributes([&service].into_iter().chain(&first.resource))},
            "scopeSpans": [{
                "scope": {"name": first.scope},
                "spans": block.iter().map(Span::json).collect::<Vec<_>>(),
            }],
        }))
    });
    json!({"resourceSpans": blocks.collect::<Vec<_>>()})
}

fn attributes<'a>(pairs: impl Iterator<Item = &'a (String, Value)>) -> Vec<Value> {
    pairs.map(|(key, value)| json!({"key": key, "value": any_value(value)})).collect()
}

fn any_value(value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(value) if value.is_f64() => json!({"doubleValue": value}),
        Value::Number(value) => json!({"intValue": value.to_string()}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(any_value).collect::<Vec<_>>()}})
        }
        other => json!({"stringValue": other.as_str().unwrap_or_default()}),
    }
}

/// A server span on `/orders`, id 1, and below it one span for each number, made by `call`; ids follow.
pub fn request<C: Into<Vec<Span>>>(
    trace: u128,
    numbers: std::ops::Range<u64>,
    call: impl Fn(u64) -> C,
) -> Vec<Span> {
    let mut spans = vec![Span::server(trace, 1, 0, "/orders")];
    spans.extend(numbers.flat_map(|number| call(number).into()));
    for (index, span) in spans.iter_mut().enumerate().skip(1) {
        span.trace = trace;
        span.id = index as u64 + 1;
        span.parent = 1;
    }
    spans
}

impl From<Span> for Vec<Span> {
    fn from(span: Span) -> Vec<Span> {
        vec![span]
    }
}
