//! Traces that several tests read.

use serde_json::{Value, json};

/// OTLP JSON of one request with so many lookups of different rows in each table: ten and more are a critical N+1.
pub fn request(tables: &[(&str, u64)]) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let span = |id: u64, kind: u64, at_ms: u64| {
        let start = 1_767_225_600_000_000_000 + at_ms * 1_000_000;
        json!({
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{id:016x}"), "kind": kind, "name": "x",
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 2_000_000).to_string(),
        })
    };
    let mut root = span(1, 2, 0);
    root["attributes"] = json!([text("http.request.method", "GET"), text("http.route", "/orders/{id}")]);
    let mut spans = vec![root];
    for (table, count) in tables {
        for n in 0..*count {
            let id = spans.len() as u64 + 1;
            let mut span = span(id, 3, id * 3);
            let statement = format!("SELECT * FROM {table} WHERE order_id = {n}");
            span["parentSpanId"] = json!("0000000000000001");
            span["attributes"] =
                json!([text("db.system.name", "postgresql"), text("db.query.text", &statement)]);
            spans.push(span);
        }
    }
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "shop")] },
        "scopeSpans": [{ "spans": spans }],
    }] })
}
