//! The routes of the daemon: OTLP, health, metrics, and what is known, as JSON under `/api`.
//!
//! | file | does |
//! |---|---|
//! | `routes` | the one table of `/api`, and what calls the handlers |
//! | `params` | parameters of requests, checked |
//! | `lists` | findings, problems, acknowledgments, in pages |
//! | `handlers` | everything else |
//! | `document` | the table as OpenAPI and as a page |

mod document;
mod handlers;
mod lists;
mod params;
mod routes;

pub use document::api_page;
pub(super) use lists::problem_json;

use super::Shared;
use super::exposition::{OPEN_METRICS, PROMETHEUS, wants_open_metrics};
use super::receive::{self, Signal};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;

type Daemon = State<Arc<Shared>>;

/// Returns all routes.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let api_enabled = shared.generations.current().session.config.daemon.api_enabled;
    let mut router = Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/metrics", post(ignored_metrics))
        .route("/v1/logs", post(ignored_logs))
        .route(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            post(|State(shared): Daemon, request: Request| receive::grpc(shared, Signal::Traces, request)),
        )
        .route(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            post(|State(shared): Daemon, request: Request| receive::grpc(shared, Signal::Metrics, request)),
        )
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            post(|State(shared): Daemon, request: Request| receive::grpc(shared, Signal::Logs, request)),
        )
        .route("/health", get(health))
        .route("/livez", get(health))
        .route("/readyz", get(health))
        .route("/metrics", get(metrics));
    if api_enabled {
        router = routes::add(router);
    }
    router.fallback(not_found).method_not_allowed_fallback(wrong_method).with_state(shared)
}

async fn traces(State(shared): Daemon, headers: HeaderMap, body: Body) -> Response {
    receive::http(shared, headers, body).await
}

async fn ignored_metrics(State(shared): Daemon, headers: HeaderMap, body: Body) -> Response {
    receive::http_ignored(shared, "metrics", headers, body).await
}

async fn ignored_logs(State(shared): Daemon, headers: HeaderMap, body: Body) -> Response {
    receive::http_ignored(shared, "logs", headers, body).await
}

/// What a request is refused with: the one shape of errors.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    /// A word for programs.
    code: &'static str,
    /// A sentence for people.
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        (self.status, Json(body)).into_response()
    }
}

async fn not_found() -> Refusal {
    Refusal::not_found("there is nothing at this path; GET /api/openapi.json says what there is")
}

async fn wrong_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path has no such method; GET /api/openapi.json says what there is",
    )
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn metrics(State(shared): Daemon, headers: HeaderMap) -> Response {
    shared.metrics.queue_bytes.set(shared.units.bytes() as i64);
    shared.metrics.queue_spans.set(shared.units.spans() as i64);
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let written = match wants_open_metrics(&accept.collect::<Vec<_>>().join(",")) {
        true => Ok((OPEN_METRICS, shared.metrics.open_metrics())),
        false => shared.metrics.text().map(|text| (PROMETHEUS, text)),
    };
    match written {
        Ok((media, text)) => {
            ([(header::CONTENT_TYPE, media), (header::VARY, "accept")], text).into_response()
        }
        Err(failure) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("{failure:#}"))
            .into_response(),
    }
}
