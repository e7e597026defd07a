//! What a row's work was done for: the span by which its service was entered, and the endpoint. Also
//! where in the source the row was made, if only a span above it knows.

use super::tree::Tree;
use crate::trace::{CodeLocation, NO_ROW, Span, SpanFlags, TextId, Texts};
use rustc_hash::FxHashMap;

/// Beginnings of functions that belong to a framework, a driver or a standard library. As an endpoint
/// they would lump a whole application together.
const FRAMEWORKS: &[&str] = &[
    // Java and Kotlin
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "kotlin.",
    "kotlinx.",
    "com.zaxxer.",
    "io.helidon.",
    "io.micronaut.",
    "io.netty.",
    "io.opentelemetry.",
    "io.quarkus.",
    "io.vertx.",
    "org.apache.",
    "org.eclipse.",
    "org.hibernate.",
    "org.jooq.",
    "org.springframework.",
    "reactor.",
    // .NET
    "Dapper.",
    "Microsoft.",
    "Npgsql.",
    "System.",
    // Python
    "aiohttp.",
    "asyncio.",
    "celery.",
    "django.",
    "fastapi.",
    "flask.",
    "psycopg.",
    "psycopg2.",
    "sqlalchemy.",
    "starlette.",
    "werkzeug.",
    // Ruby
    "ActionController::",
    "ActionDispatch::",
    "ActiveRecord::",
    "ActiveSupport::",
    "Rack::",
    // PHP
    "Doctrine\\",
    "Illuminate\\",
    "Laravel\\",
    "PDO::",
    "PDOStatement::",
    "Slim\\",
    "Symfony\\",
    // Go
    "database/sql.",
    "gorm.io/",
    "net/http.",
];

/// Endpoint of work of which nothing is known.
const UNKNOWN: &str = "unknown";

/// Returns for every row the nearest SERVER or CONSUMER row of its service, itself included, else the
/// outermost row of its service; another service in between ends the search.
pub(super) fn entries(spans: &[Span], tree: &Tree) -> Vec<u32> {
    let mut entries = vec![NO_ROW; spans.len()];
    for row in &tree.top_down {
        let index = *row as usize;
        let above = tree.local[index];
        let is_entry = above == NO_ROW || spans[index].role.is_entry();
        entries[index] = if is_entry { *row } else { entries[above as usize] };
    }
    entries
}

/// Returns the endpoint of every row, the first that there is of: the route of the SERVER or CONSUMER
/// span by which the service was entered; the row's own route (formats that name the endpoint on each
/// call); the route of the nearest row above, in the same service; the outermost function of the
/// application; the name of the entry, unless that is a call itself; `unknown`.
pub(super) fn endpoints(spans: &[Span], tree: &Tree, entries: &[u32], texts: &mut Texts) -> Vec<TextId> {
    let routes = nearest_routes(spans, tree);
    let frames = outermost_frames(spans, tree, texts);
    let unknown = texts.intern(UNKNOWN);
    let of_row = |row: usize| {
        let entry = &spans[entries[row] as usize];
        let entry_route = if entry.role.is_entry() { entry.route } else { TextId::EMPTY };
        let is_call = entry.kind.is_io() || entry.flags.has(SpanFlags::CHATTER);
        let entry_name = if is_call { TextId::EMPTY } else { entry.name };
        let candidates = [entry_route, routes[row], frames[row], entry_name];
        candidates.into_iter().find(|text| !text.is_empty()).unwrap_or(unknown)
    };
    (0..spans.len()).map(of_row).collect()
}

fn nearest_routes(spans: &[Span], tree: &Tree) -> Vec<TextId> {
    let mut routes: Vec<TextId> = spans.iter().map(|span| span.route).collect();
    for row in &tree.top_down {
        let (row, above) = (*row as usize, tree.local[*row as usize]);
        if routes[row].is_empty() && above != NO_ROW {
            routes[row] = routes[above as usize];
        }
    }
    routes
}

/// For every row the outermost function of the application from its entry down to itself.
fn outermost_frames(spans: &[Span], tree: &Tree, texts: &mut Texts) -> Vec<TextId> {
    let mut known = FxHashMap::default();
    let mut frames = vec![TextId::EMPTY; spans.len()];
    for row in &tree.top_down {
        let (row, above) = (*row as usize, tree.local[*row as usize]);
        if above != NO_ROW && !spans[row].role.is_entry() {
            frames[row] = frames[above as usize];
        }
        if frames[row].is_empty() {
            let CodeLocation { namespace, function, .. } = spans[row].code;
            frames[row] =
                *known.entry((namespace, function)).or_insert_with(|| frame(namespace, function, texts));
        }
    }
    frames
}

/// The full name of a function of the application; empty for a framework's, and for a function whose
/// namespace is not known: `handler` alone says nothing.
fn frame(namespace: TextId, function: TextId, texts: &mut Texts) -> TextId {
    if namespace.is_empty() || function.is_empty() {
        return TextId::EMPTY;
    }
    let (namespace, function) = (texts.get(namespace), texts.get(function));
    let joint = if namespace.contains('\\') || namespace.contains("::") { "::" } else { "." };
    let name = format!("{namespace}{joint}{function}");
    if FRAMEWORKS.iter().any(|prefix| name.starts_with(prefix)) {
        return TextId::EMPTY;
    }
    texts.intern(&name)
}

/// Gives every I/O row without a code location that of the nearest row above it that has one, up to
/// the span by which the service was entered.
pub(super) fn inherit_code(spans: &mut [Span], tree: &Tree) {
    let mut nearest = vec![CodeLocation::default(); spans.len()];
    for row in &tree.top_down {
        let (row, above) = (*row as usize, tree.local[*row as usize]);
        let span = &mut spans[row];
        nearest[row] = span.code;
        if span.code.is_empty() && above != NO_ROW && !span.role.is_entry() {
            nearest[row] = nearest[above as usize];
        }
        if span.kind.is_io() {
            span.code = nearest[row];
        }
    }
}
