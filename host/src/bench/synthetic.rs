//! Traces made up for measuring: a shop of five services as the Java agent and the Collector's file exporter would
//! record it, the same for one number of spans on every machine. Most requests are fine; a few have the problems
//! that the stock detectors look for.

use super::random::Random;
use std::fmt::Write as _;

/// First start, nanoseconds since the epoch: 2026-01-05T09:00:00Z.
const START_NS: u64 = 1_767_603_600_000_000_000;
/// Requests per line, as an exporter batches.
const REQUESTS_PER_LINE: usize = 3;

/// A span to be written, in one service.
pub(super) struct Made {
    pub service: usize,
    pub scope: &'static str,
    pub trace: u128,
    pub id: u64,
    pub parent: u64,
    pub name: String,
    /// OpenTelemetry's number.
    pub kind: u8,
    pub start_ns: u64,
    pub end_ns: u64,
    pub attributes: Vec<(&'static str, Value)>,
}

/// An attribute value.
pub(super) enum Value {
    Text(String),
    Int(i64),
}

pub(super) const SERVICES: [&str; 5] = ["gateway", "orders", "catalog", "customers", "payments"];

const TOMCAT: &str = "io.opentelemetry.tomcat-10.0";
const JDBC: &str = "io.opentelemetry.jdbc";
const HTTP: &str = "io.opentelemetry.apache-httpclient-5.2";
const LETTUCE: &str = "io.opentelemetry.lettuce-5.1";
const KAFKA: &str = "io.opentelemetry.kafka-clients-2.6";
const HIBERNATE: &str = "io.opentelemetry.hibernate-6.0";

/// Makes requests, one after the other.
pub(super) struct Shop {
    random: Random,
    requests: u64,
    spans: Vec<Made>,
    trace: u128,
    now_ns: u64,
}

impl Shop {
    pub fn new() -> Shop {
        Shop { random: Random(7), requests: 0, spans: Vec::new(), trace: 0, now_ns: START_NS }
    }

    /// Makes the spans of one line.
    pub fn line(&mut self) -> Vec<Made> {
        (0..REQUESTS_PER_LINE).for_each(|_| self.request());
        std::mem::take(&mut self.spans)
    }

    fn request(&mut self) {
        self.requests += 1;
        self.trace = u128::from(self.random.next()) << 64 | u128::from(self.random.next());
        self.now_ns = START_NS + self.requests * 3_000_000 + self.random.below(1_000_000);
        match self.requests % 40 {
            3 => self.order(30),
            11 => self.report(),
            17 => self.basket(12),
            n if n % 3 == 0 => self.product(),
            n if n % 3 == 1 => self.order(2),
            _ => self.customer(),
        }
        self.enclose();
    }

    /// Lets every span of the request end after what it called.
    fn enclose(&mut self) {
        let first = self.spans.iter().position(|span| span.trace == self.trace).unwrap_or(0);
        let spans = &mut self.spans[first..];
        for child in (0..spans.len()).rev() {
            let (parent, end_ns) = (spans[child].parent, spans[child].end_ns);
            if let Some(parent) = spans.iter_mut().find(|span| span.id == parent) {
                parent.end_ns = parent.end_ns.max(end_ns + 20_000);
            }
        }
    }

    /// An order with some lines, each of which is read by a statement of its own.
    fn order(&mut self, lines: u64) {
        let order = self.random.below(100_000);
        let gateway = self.server(0, 0, "GET", "/api/orders/{id}", &format!("/api/orders/{order}"));
        let call = self.http(0, gateway, "GET", "orders", &format!("/orders/{order}"), 40);
        let entry = self.server(1, call, "GET", "/orders/{id}", &format!("/orders/{order}"));
        let session = self.work(1, entry, "Session.find com.shop.orders.Order");
        self.sql(1, session, "orders", &format!("select o1_0.id,o1_0.customer_id,o1_0.status,o1_0.created_at from orders o1_0 where o1_0.id={order}"));
        for line in 0..lines {
            let product = self.random.below(5_000) * 31 + line;
            self.sql(1, entry, "orders", &format!("select l1_0.order_id,l1_0.line_no,l1_0.product_id,l1_0.quantity,l1_0.price from order_lines l1_0 where l1_0.order_id={order} and l1_0.product_id={product} /* line */"));
        }
        self.redis(1, entry, &format!("GET customer:{}", order % 977));
        let payment = self.http(1, entry, "POST", "payments", "/payments/quotes", 25);
        let paid = self.server(4, payment, "POST", "/payments/quotes", "/payments/quotes");
        self.sql(4, paid, "payments", "INSERT INTO quotes (order_id, amount, currency) VALUES (?, ?, ?)");
        self.publish(1, entry, "order-events");
    }

    fn product(&mut self) {
        let product = self.random.below(50_000);
        let gateway = self.server(0, 0, "GET", "/api/products/{id}", &format!("/api/products/{product}"));
        let call = self.http(0, gateway, "GET", "catalog", &format!("/products/{product}?expand=stock"), 20);
        let entry = self.server(2, call, "GET", "/products/{id}", &format!("/products/{product}"));
        self.redis(2, entry, &format!("GET product:{product}"));
        self.sql(2, entry, "catalog", &format!("SELECT p.id, p.sku, p.title, p.price FROM products p LEFT JOIN stock s ON s.product_id = p.id WHERE p.id = {product} AND p.active = TRUE"));
        self.sql(2, entry, "catalog", &format!("SELECT c.id, c.name FROM categories c JOIN product_categories pc ON pc.category_id = c.id WHERE pc.product_id IN ({product}, {}, {}) ORDER BY c.name LIMIT 10", product + 1, product + 2));
        self.redis(2, entry, &format!("SET product:{product} ?"));
    }

    fn customer(&mut self) {
        let customer = self.random.below(9_000);
        let gateway = self.server(0, 0, "GET", "/api/customers/{id}", &format!("/api/customers/{customer}"));
        let call = self.http(0, gateway, "GET", "customers", &format!("/customers/{customer}"), 15);
        let entry = self.server(3, call, "GET", "/customers/{id}", &format!("/customers/{customer}"));
        self.sql(3, entry, "customers", &format!("SELECT * FROM customers WHERE id = {customer}"));
        self.sql(3, entry, "customers", &format!("SELECT a.street, a.zip, a.city FROM addresses a WHERE a.customer_id = {customer} AND a.kind = 'billing'"));
        self.work(3, entry, "CustomerMapper.toResponse");
    }

    /// One service asked again and again, one after the other.
    fn basket(&mut self, items: u64) {
        let gateway = self.server(0, 0, "POST", "/api/baskets", "/api/baskets");
        for _ in 0..items {
            let product = self.random.below(50_000);
            let call = self.http(0, gateway, "GET", "catalog", &format!("/products/{product}"), 8);
            let entry = self.server(2, call, "GET", "/products/{id}", &format!("/products/{product}"));
            self.redis(2, entry, &format!("GET product:{product}"));
        }
    }

    /// A statement that takes long, and one that is sent three times.
    fn report(&mut self) {
        let gateway = self.server(0, 0, "GET", "/api/reports/sales", "/api/reports/sales?month=2026-01");
        for _ in 0..3 {
            self.sql(0, gateway, "reports", "SELECT value FROM settings WHERE name = 'currency'");
        }
        let id = self.sql(0, gateway, "reports", "SELECT date_trunc('day', created_at) AS day, sum(amount) FROM payments WHERE created_at >= '2026-01-01' GROUP BY 1 ORDER BY 1");
        if let Some(span) = self.spans.iter_mut().find(|span| span.id == id) {
            span.end_ns = span.start_ns + 1_400_000_000;
        }
    }

    fn span(
        &mut self,
        service: usize,
        scope: &'static str,
        parent: u64,
        name: String,
        kind: u8,
        ms: u64,
    ) -> &mut Made {
        let id = self.random.next() | 1;
        let start_ns = self.now_ns;
        let took = ms * 500_000 + self.random.below(ms * 1_000_000);
        self.now_ns += if kind == 2 { 150_000 } else { took };
        let attributes = vec![("thread.id", Value::Int(20 + (id % 60) as i64))];
        self.spans.push(Made {
            service,
            scope,
            trace: self.trace,
            id,
            parent,
            name,
            kind,
            start_ns,
            end_ns: start_ns + took,
            attributes,
        });
        let last = self.spans.len() - 1;
        &mut self.spans[last]
    }

    fn server(&mut self, service: usize, parent: u64, method: &str, route: &str, path: &str) -> u64 {
        let peer = 10 + self.random.below(200);
        let span = self.span(service, TOMCAT, parent, format!("{method} {route}"), 2, 60);
        span.attributes.extend([
            ("http.request.method", text(method)),
            ("http.route", text(route)),
            ("url.path", text(path)),
            ("url.scheme", text("https")),
            ("server.address", text(SERVICES[service])),
            ("network.peer.address", Value::Text(format!("10.1.4.{peer}"))),
            ("user_agent.original", text("okhttp/4.12.0")),
            ("http.response.status_code", Value::Int(200)),
        ]);
        span.id
    }

    fn http(&mut self, service: usize, parent: u64, method: &str, host: &str, path: &str, ms: u64) -> u64 {
        let span = self.span(service, HTTP, parent, method.to_owned(), 3, ms);
        span.attributes.extend([
            ("http.request.method", text(method)),
            ("url.full", Value::Text(format!("http://{host}:8080{path}"))),
            ("server.address", text(host)),
            ("server.port", Value::Int(8080)),
            ("http.response.status_code", Value::Int(200)),
        ]);
        span.id
    }

    fn sql(&mut self, service: usize, parent: u64, database: &str, statement: &str) -> u64 {
        let span = self.span(service, JDBC, parent, format!("SELECT {database}"), 3, 2);
        span.attributes.extend([
            ("db.system", text("postgresql")),
            ("db.name", text(database)),
            ("db.statement", text(statement)),
            ("server.address", Value::Text(format!("db-{database}"))),
            ("server.port", Value::Int(5432)),
        ]);
        span.id
    }

    fn redis(&mut self, service: usize, parent: u64, command: &str) -> u64 {
        let verb = command.split(' ').next().unwrap_or_default();
        let span = self.span(service, LETTUCE, parent, verb.to_owned(), 3, 1);
        span.attributes.extend([
            ("db.system", text("redis")),
            ("db.statement", text(command)),
            ("server.address", text("redis-main")),
            ("server.port", Value::Int(6379)),
        ]);
        span.id
    }

    fn publish(&mut self, service: usize, parent: u64, topic: &str) {
        let span = self.span(service, KAFKA, parent, format!("{topic} publish"), 4, 2);
        span.attributes.extend([
            ("messaging.system", text("kafka")),
            ("messaging.destination.name", text(topic)),
            ("messaging.operation", text("publish")),
            ("messaging.client_id", text("producer-1")),
        ]);
    }

    fn work(&mut self, service: usize, parent: u64, name: &str) -> u64 {
        self.span(service, HIBERNATE, parent, name.to_owned(), 1, 1).id
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Attributes of the resource of a service.
pub(super) fn resource(service: usize) -> [(&'static str, String); 8] {
    let name = SERVICES[service];
    [
        ("service.name", name.to_owned()),
        ("service.version", "3.14.1".to_owned()),
        ("telemetry.sdk.language", "java".to_owned()),
        ("telemetry.sdk.version", "1.42.1".to_owned()),
        ("cloud.region", "eu-west-3".to_owned()),
        ("k8s.pod.name", format!("{name}-6d4cf56db6-x2x7k")),
        ("k8s.namespace.name", "shop".to_owned()),
        ("process.runtime.version", "21.0.4+7-LTS".to_owned()),
    ]
}

/// Appends the spans of a line as one export request in JSON.
pub(super) fn write_json(spans: &[Made], out: &mut String) {
    let mut first_resource = true;
    out.push_str("{\"resourceSpans\":[");
    for service in 0..SERVICES.len() {
        if !spans.iter().any(|span| span.service == service) {
            continue;
        }
        out.push_str(if std::mem::take(&mut first_resource) { "{" } else { ",{" });
        out.push_str("\"resource\":{\"attributes\":[");
        let attributes = resource(service).map(|(key, value)| (key, Value::Text(value)));
        write_attributes(&attributes, out);
        out.push_str("]},\"scopeSpans\":[");
        let mut first_scope = true;
        for scope in [TOMCAT, HTTP, HIBERNATE, JDBC, LETTUCE, KAFKA] {
            let mut members =
                spans.iter().filter(|span| span.service == service && span.scope == scope).peekable();
            if members.peek().is_none() {
                continue;
            }
            let comma = if std::mem::take(&mut first_scope) { "" } else { "," };
            let _ = write!(
                out,
                "{comma}{{\"scope\":{{\"name\":\"{scope}\",\"version\":\"2.9.0-alpha\"}},\"spans\":["
            );
            for (index, span) in members.enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_span(span, out);
            }
            out.push_str("]}");
        }
        out.push_str("],\"schemaUrl\":\"https://opentelemetry.io/schemas/1.24.0\"}");
    }
    out.push_str("]}\n");
}

fn write_span(span: &Made, out: &mut String) {
    let Made { trace, id, parent, name, kind, start_ns, end_ns, attributes, .. } = span;
    let _ = write!(out, "{{\"traceId\":\"{trace:032x}\",\"spanId\":\"{id:016x}\",");
    let _ = match parent {
        0 => write!(out, "\"parentSpanId\":\"\","),
        _ => write!(out, "\"parentSpanId\":\"{parent:016x}\","),
    };
    let _ = write!(
        out,
        "\"flags\":257,\"name\":\"{name}\",\"kind\":{kind},\"startTimeUnixNano\":\"{start_ns}\",\"endTimeUnixNano\":\"{end_ns}\",\"attributes\":["
    );
    write_attributes(attributes, out);
    out.push_str("],\"status\":{}}");
}

/// No value here needs an escape.
fn write_attributes(attributes: &[(&'static str, Value)], out: &mut String) {
    for (index, (key, value)) in attributes.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = match value {
            Value::Text(text) => {
                write!(out, "{comma}{{\"key\":\"{key}\",\"value\":{{\"stringValue\":\"{text}\"}}}}")
            }
            Value::Int(int) => {
                write!(out, "{comma}{{\"key\":\"{key}\",\"value\":{{\"intValue\":\"{int}\"}}}}")
            }
        };
    }
}
