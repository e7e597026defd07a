//! The table of routes as an OpenAPI document, and as the reference page.

use super::params::{Kind, Param};
use super::routes::{Field, ROUTES, Route};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Returns the OpenAPI document.
pub(super) fn openapi() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tracewatt",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a running daemon knows. Every refusal has the shape of `Error`.",
        },
        "paths": paths,
        "components": { "schemas": { "Error": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "string", "description": "For programs." },
                    "message": { "type": "string", "description": "For people." },
                },
            } },
        } } },
    })
}

fn operation(route: &Route) -> Value {
    let media = if route.path == "/api/events" { "text/event-stream" } else { "application/json" };
    let shape =
        if route.path == "/api/events" { json!({ "type": "string" }) } else { json!({ "type": "object" }) };
    let mut parameters: Vec<Value> = route.params.iter().map(parameter).collect();
    if let Some(name) = in_braces(route.path) {
        parameters.insert(
            0,
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        );
    }
    let error = json!({
        "description": "Refused.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    });
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            route.status.to_string(): { "description": route.answer, "content": { media: { "schema": shape } } },
            "default": error,
        },
    });
    if route.method != "GET" {
        let properties: Map<String, Value> = route.body.iter().map(property).collect();
        let required: Vec<&str> =
            route.body.iter().filter(|field| field.required).map(|field| field.name).collect();
        let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        operation["requestBody"] = json!({ "required": !route.body.is_empty(), "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn property(field: &Field) -> (String, Value) {
    (field.name.to_owned(), json!({ "type": "string", "description": field.doc }))
}

fn parameter(param: &Param) -> Value {
    let schema = match param.kind {
        Kind::Number(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
        Kind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Kind::Pattern | Kind::Time | Kind::Cursor => json!({ "type": "string" }),
    };
    json!({ "name": param.name, "in": "query", "description": param.doc, "schema": schema })
}

fn in_braces(path: &str) -> Option<&str> {
    path.split_once('{')?.1.split_once('}').map(|(name, _)| name)
}

/// Returns `getApiProblemsFingerprint`.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.to_ascii_lowercase();
    for word in
        route.path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
    {
        let (first, rest) = word.split_at(1);
        id += &first.to_ascii_uppercase();
        id += rest;
    }
    id
}

/// Returns the reference page of the API, Markdown.
pub fn api_page() -> String {
    let mut page = String::from(
        "<!-- Generated from the table of routes (host/src/daemon/api/routes.rs). Do not edit. -->\n\n# API of the daemon\n\n\
         Everything is JSON. A refusal has a status code that says so, and the body \
         `{\"error\": {\"code\", \"message\"}}`. Lists come in pages: `next_cursor` of one is `cursor` of the next, and null \
         on the last. A parameter that is not known is refused. POST and DELETE need the header \
         `content-type: application/json`. `daemon.api_enabled = false` takes all of it away; OTLP, `/metrics` and \
         `/health`, `/livez`, `/readyz` stay.\n\n\
         A problem may move to the front while pages are read, since more of it is seen: read again with `since` for what \
         was missed.\n",
    );
    for route in ROUTES {
        let _ = writeln!(
            page,
            "\n## `{} {}`\n\n{}\n\nAnswers {}: {}",
            route.method, route.path, route.summary, route.status, route.answer
        );
        if !route.params.is_empty() {
            let _ = writeln!(page, "\n| parameter | values | meaning |\n|---|---|---|");
            for param in route.params {
                let _ = writeln!(page, "| `{}` | {} | {} |", param.name, values(param.kind), param.doc);
            }
        }
        if !route.body.is_empty() {
            let _ = writeln!(page, "\n| field of the body | must be there | meaning |\n|---|---|---|");
            for field in route.body {
                let required = if field.required { "yes" } else { "no" };
                let _ = writeln!(page, "| `{}` | {required} | {} |", field.name, field.doc);
            }
        }
    }
    page
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Pattern => "a text with `*` and `?`".to_owned(),
        Kind::Number(most) => format!("1 to {most}"),
        Kind::Choice(choices) => choices.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "),
        Kind::Time => "a time".to_owned(),
        Kind::Cursor => "from the page before".to_owned(),
    }
}
