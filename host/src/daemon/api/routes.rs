//! The one table of `/api`. The router, the OpenAPI document and the reference page are made of it.

use super::params::{FINDINGS, PAGES, PROBLEMS, Param, Query};
use super::{Refusal, Shared, handlers, lists};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;

/// Bytes of a body that anything under `/api` takes.
const MAX_BODY: usize = 64 * 1024;

/// What a handler answers.
pub(super) type Reply = Result<Response, Refusal>;

/// A request, as far as handlers look at it.
pub(super) struct Call {
    /// Parameters.
    pub query: Query,
    /// What stands for the name in braces in the path; empty where there is none.
    pub path: String,
    /// Body; null where there is none.
    pub body: Value,
}

/// An answer that takes a while.
type Pending = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// What answers a request.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// At once.
    Now(fn(&Shared, &Call) -> Reply),
    /// After something else.
    Later(fn(Arc<Shared>) -> Pending),
}

/// A field of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub required: bool,
    pub doc: &'static str,
}

/// A route.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub method: &'static str,
    /// Path, at most one name in braces.
    pub path: &'static str,
    /// What it is for, one sentence.
    pub summary: &'static str,
    /// Status of success.
    pub status: u16,
    /// What it answers with.
    pub answer: &'static str,
    pub params: &'static [Param],
    /// Fields of the body, all texts.
    pub body: &'static [Field],
    pub handler: Handler,
}

const fn get(path: &'static str, summary: &'static str, answer: &'static str, handler: Handler) -> Route {
    Route { method: "GET", path, summary, status: 200, answer, params: &[], body: &[], handler }
}

const fn field(name: &'static str, required: bool, doc: &'static str) -> Field {
    Field { name, required, doc }
}

/// All of them.
pub(super) const ROUTES: &[Route] = &[
    get(
        "/api/status",
        "How the daemon is: uptime, generation, window, queues, what is kept.",
        "An object of figures.",
        Handler::Now(handlers::status),
    ),
    get(
        "/api/config",
        "The configuration in effect, secrets left out.",
        "An object: sections, keys, values.",
        Handler::Now(handlers::config),
    ),
    get(
        "/api/plugins",
        "The plug-ins in force and how they stand, and how reloads went.",
        "`generation`, `reloads`, `plugins` with `id`, `version`, `sha256`, `state`, `traces`, `findings`, `faults`.",
        Handler::Now(handlers::plugins),
    ),
    Route {
        params: PROBLEMS,
        ..get(
            "/api/problems",
            "Problems, worst first.",
            "`problems`, each with `status`, `first_seen_ms`, `last_seen_ms`, `acknowledged`, `problem`; `next_cursor`.",
            Handler::Now(lists::problems),
        )
    },
    get(
        "/api/problems/{fingerprint}",
        "One problem, by fingerprint, id or signature, with its worst findings.",
        "As in the list, with `findings`.",
        Handler::Now(lists::one_problem),
    ),
    Route {
        params: FINDINGS,
        ..get(
            "/api/findings",
            "Findings, the newest first.",
            "`findings`, each with `number`, `stored_at_ms`, `fingerprint`, `finding`; `next_cursor`.",
            Handler::Now(lists::findings),
        )
    },
    get(
        "/api/findings/{id}",
        "One finding by its number, or those about a trace.",
        "`findings`, as in the list.",
        Handler::Now(lists::findings_about),
    ),
    get(
        "/api/explain/{trace_id}",
        "A trace that findings are about, as a tree. The newest `daemon.max_retained_traces` are kept.",
        "The trace, its `findings`, its `spans` in the order of the tree with their `depth`.",
        Handler::Now(handlers::explain),
    ),
    get(
        "/api/report",
        "Everything since the start, as a report.",
        "A report, see [report.schema.json](report.schema.json).",
        Handler::Now(handlers::report),
    ),
    get(
        "/api/events",
        "What happens, as server-sent events: `finding`, `problem.new`, `problem.regressed`, `problem.resolved`. \
         A reader that falls behind by 1024 events is cut off.",
        "A stream, `text/event-stream`; the data of each event is an entry of the lists.",
        Handler::Now(handlers::events),
    ),
    Route {
        params: PAGES,
        ..get(
            "/api/acks",
            "Acknowledgments: those of the file, then those made here.",
            "`acks`, each with `source` (`file` or `daemon`), `id` if made here, what it selects, `reason`, \
             `acknowledged_by`, `acknowledged_at`, `expires_at`, `expired`; `next_cursor`.",
            Handler::Now(lists::acks),
        )
    },
    Route {
        method: "POST",
        status: 201,
        body: &[
            field("problem", false, "One problem: id, fingerprint or signature."),
            field("type", false, "Problems of this type, a pattern."),
            field("service", false, "Problems of this service, a pattern."),
            field("endpoint", false, "Problems of this entry point, a pattern."),
            field("reason", true, "Why."),
            field("by", true, "Who."),
            field("expires_at", false, "Last day it holds, `YYYY-MM-DD`, in UTC."),
        ],
        ..get(
            "/api/acks",
            "Accepts a problem, or all that a selector matches. It holds until it is revoked, expires, or the daemon ends.",
            "The acknowledgment with its `id`. 409 when one with the same selector is in force.",
            Handler::Now(handlers::create_ack),
        )
    },
    Route {
        method: "DELETE",
        ..get(
            "/api/acks/{id}",
            "Takes an acknowledgment back that was made here.",
            "`revoked`: its id.",
            Handler::Now(handlers::revoke_ack),
        )
    },
    Route {
        method: "POST",
        ..get(
            "/api/reload",
            "Loads configuration and plug-ins anew.",
            "`generation`, and `needs_restart`: keys that hold after a restart only. 422 when it is refused.",
            Handler::Later(handlers::reload),
        )
    },
    get(
        "/api/openapi.json",
        "This table, as an OpenAPI 3.1 document.",
        "An OpenAPI document.",
        Handler::Now(handlers::openapi),
    ),
];

/// Adds all routes.
pub(super) fn add(mut router: Router<Arc<Shared>>) -> Router<Arc<Shared>> {
    for route in ROUTES {
        let method = match route.method {
            "POST" => MethodFilter::POST,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let answer = move |State(shared): State<Arc<Shared>>, request: Request| async move {
            answer(shared, route, request).await.unwrap_or_else(IntoResponse::into_response)
        };
        router = router.route(route.path, on(method, answer));
    }
    router
}

async fn answer(shared: Arc<Shared>, route: &Route, request: Request) -> Reply {
    let (mut parts, body) = request.into_parts();
    if route.method != "GET" {
        require_json(&parts.headers)?;
    }
    let query = Query::read(&parts.uri, route.params)?;
    let path = match route.path.contains('{') {
        true => {
            Path::<String>::from_request_parts(&mut parts, &shared)
                .await
                .map_err(|error| Refusal::bad(format!("the path cannot be read: {error}")))?
                .0
        }
        false => String::new(),
    };
    let body = if route.body.is_empty() { Value::Null } else { read(body, route.body).await? };
    let call = Call { query, path, body };
    match route.handler {
        Handler::Now(handler) => handler(&shared, &call),
        Handler::Later(handler) => handler(shared).await,
    }
}

/// Browsers ask before they send this type to another site: a page somewhere cannot change anything here.
fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "this request must have the header `content-type: application/json`";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message))
}

/// Reads a body of texts.
async fn read(body: Body, fields: &[Field]) -> Result<Value, Refusal> {
    let bytes = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        let message = format!("the body is larger than {MAX_BODY} bytes, or did not arrive");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    })?;
    let body: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::bad(format!("the body is no JSON: {error}")))?;
    let names = || fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
    let Some(entries) = body.as_object() else {
        return Err(Refusal::bad(format!("the body must be an object with some of {}", names())));
    };
    for (name, value) in entries {
        if !fields.iter().any(|field| field.name == name) {
            return Err(Refusal::bad(format!("the body has no field `{name}`; it has {}", names())));
        }
        if !value.is_string() {
            return Err(Refusal::bad(format!("`{name}` must be a text")));
        }
    }
    match fields.iter().find(|field| field.required && !entries.contains_key(field.name)) {
        Some(missing) => Err(Refusal::bad(format!("`{}` is missing", missing.name))),
        None => Ok(body),
    }
}
