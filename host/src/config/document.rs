//! What editors and readers get from the table of keys: the JSON Schema and the reference page.

use super::keys::{Described, Field, Fields, Shape, root};
use super::kind::Kind;
use super::value::{Node, join};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;

/// Returns the JSON Schema (draft 2020-12) of `tracewatt.toml` with these plug-ins. Tables keyed by plug-in
/// or finding type accept names it does not know: those of plug-ins that are not loaded.
pub fn json_schema(plugins: &[Described]) -> Json {
    let keys = root(plugins);
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("tracewatt configuration"));
    schema.extend(fields_schema(&keys));
    if let Some(Json::Object(properties)) = schema.get_mut("properties") {
        properties.insert("thresholds".to_owned(), json!({ "$ref": "#/properties/gate" }));
    }
    Json::Object(schema)
}

fn fields_schema(fields: &Fields) -> Map<String, Json> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in &fields.fields {
        if let Some(schema) = field_schema(field) {
            properties.insert(field.name.clone(), schema);
        }
        if field.required {
            required.push(json!(field.name));
        }
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Json::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), Json::Array(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(fields.open));
    schema
}

fn field_schema(field: &Field) -> Option<Json> {
    let mut schema = match &field.shape {
        Shape::Value(kind) => kind.schema(),
        Shape::Table(fields) => Json::Object(fields_schema(fields)),
        Shape::Map(kind, most) => {
            json!({ "type": "object", "additionalProperties": kind.schema(), "maxProperties": most })
        }
        Shape::List(fields) => json!({ "type": "array", "items": fields_schema(fields) }),
        Shape::Unused => return None,
    };
    if let Json::Object(object) = &mut schema {
        object.insert("description".to_owned(), json!(field.doc));
        if let Some(default) = &field.default {
            object.insert("default".to_owned(), Node::preset(default.clone()).to_json());
        }
    }
    Some(schema)
}

/// Returns the reference page of the configuration, Markdown.
pub fn reference_page(plugins: &[Described]) -> String {
    let mut page = String::from(INTRODUCTION);
    let keys = root(plugins);
    for field in &keys.fields {
        if let Shape::Value(_) = field.shape {
            let _ = writeln!(page, "\nAt the top, before any section:");
            rows(&mut page, &[field], None);
        }
    }
    for field in &keys.fields {
        block(&mut page, field, &field.name, 2);
    }
    unused_keys(&mut page, &keys);
    page
}

const INTRODUCTION: &str = "\
<!-- Generated from the table of keys and the manifests of the stock plug-ins. Do not edit. -->

# Configuration

Read from the file given with `-c`, else `tracewatt.toml` in the current folder, else `.perf-sentinel.toml`
there, else nothing. `--set key=value` overrides a key of the file and may be repeated: the value is TOML, or a
bare word.

An unknown key, a wrong type and a value out of range are errors, reported all at once (exit code 75).
`tracewatt config check` looks for them, `tracewatt config show` prints every value in effect and where it was
written, `tracewatt config schema` prints a JSON Schema for editors.
";

/// Writes a section and the sections in it.
fn block(page: &mut String, field: &Field, path: &str, level: usize) {
    let (title, fields) = match &field.shape {
        Shape::Table(fields) => (format!("[{path}]"), fields),
        Shape::List(fields) => (format!("[[{path}]]"), fields),
        Shape::Map(kind, most) => {
            let _ = writeln!(page, "\n{} `[{path}]`\n\n{}", "#".repeat(level), field.doc);
            let _ = writeln!(page, "Each value is {}; at most {most} entries.", kind.describe());
            return;
        }
        Shape::Value(_) | Shape::Unused => return,
    };
    if fields.open {
        return open_block(page, field, fields, path, level);
    }
    let _ = writeln!(page, "\n{} `{title}`\n\n{}", "#".repeat(level), field.doc);
    let collapse = matches!(field.shape, Shape::List(_));
    body(page, fields, path, level, collapse);
}

/// Writes a table whose keys are plug-ins or finding types: one of them stands for all.
fn open_block(page: &mut String, field: &Field, fields: &Fields, path: &str, level: usize) {
    let names: Vec<String> = fields.fields.iter().map(|field| format!("`{}`", field.name)).collect();
    let path = format!("{path}.<{}>", fields.noun);
    match fields.fields.first().map(|first| &first.shape) {
        Some(Shape::Table(inner)) => {
            let _ = writeln!(page, "\n{} `[{path}]`\n\n{}", "#".repeat(level), field.doc);
            body(page, inner, &path, level, true);
        }
        Some(Shape::Value(kind)) => {
            let _ = writeln!(page, "\n{} `{path}`\n\n{}", "#".repeat(level), field.doc);
            let _ = writeln!(page, "Each is {}.", kind.describe());
        }
        _ => return,
    }
    let _ = writeln!(page, "\nNames: {}.", names.join(", "));
}

fn body(page: &mut String, fields: &Fields, path: &str, level: usize, collapse: bool) {
    let is_setting = |field: &&Field| matches!(field.shape, Shape::Value(Kind::Declared(_)));
    let values: Vec<&Field> = fields
        .fields
        .iter()
        .filter(|field| matches!(field.shape, Shape::Value(_)) && !(collapse && is_setting(field)))
        .collect();
    let settings = collapse && fields.fields.iter().any(|field| is_setting(&field));
    rows(page, &values, settings.then_some("| any setting | as in `[detection]` | | See there. |"));
    for field in &fields.fields {
        match &field.shape {
            Shape::Table(inner) if collapse && inner.fields.iter().all(|field| is_setting(&field)) => {
                let _ = writeln!(page, "\n`[{}]`: {}", join_angle(path, &field.name), field.doc);
            }
            _ => block(page, field, &join_angle(path, &field.name), level + 1),
        }
    }
}

/// Joins a path that may hold placeholders.
fn join_angle(path: &str, name: &str) -> String {
    format!("{path}.{}", join("", name))
}

fn rows(page: &mut String, fields: &[&Field], last: Option<&str>) {
    if fields.is_empty() && last.is_none() {
        return;
    }
    let _ = writeln!(page, "\n| key | value | default | meaning |\n|---|---|---|---|");
    for field in fields {
        let Shape::Value(kind) = &field.shape else { continue };
        let default = match (&field.default, field.required) {
            (Some(default), _) => format!("`{}`", default.to_toml()),
            (None, true) => "required".to_owned(),
            (None, false) => String::new(),
        };
        let by = match kind {
            Kind::Declared(declared) => {
                let ids: Vec<String> = declared.iter().map(|(id, _)| format!("`{id}`")).collect();
                format!(" ({})", ids.join(", "))
            }
            _ => String::new(),
        };
        let doc = field.doc.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {} | {default} | {doc}{by} |", field.name, kind.describe());
    }
    if let Some(last) = last {
        let _ = writeln!(page, "{last}");
    }
}

/// Writes the keys of `.perf-sentinel.toml` that nothing here reads.
fn unused_keys(page: &mut String, keys: &Fields) {
    let mut names = Vec::new();
    collect_unused(keys, "", &mut names);
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(
        page,
        "\n## Keys of `.perf-sentinel.toml` that are read and not used\n\nIn that file they are listed in a \
         warning; in `tracewatt.toml` they are errors.\n\n{}.",
        names.join(", ")
    );
}

fn collect_unused(fields: &Fields, path: &str, names: &mut Vec<String>) {
    for field in &fields.fields {
        let path = join(path, &field.name);
        match &field.shape {
            Shape::Unused => names.push(path),
            Shape::Table(inner) => collect_unused(inner, &path, names),
            _ => {}
        }
    }
}
