//! The routes of the daemon: OTLP, health, metrics, and what is known, as JSON under `/api`.

use super::generation::Reloaded;
use super::receive::{self, Signal};
use super::reload::Wish;
use super::{Shared, wall_ns};
use crate::config::PluginConfig;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::oneshot;
use tracewatt_core::plugin::{Plugin, Standing};

type Daemon = State<Arc<Shared>>;

/// Findings of a page unless asked for otherwise.
const PAGE: usize = 100;

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
        router = router
            .route("/api/status", get(status))
            .route("/api/problems", get(problems))
            .route("/api/findings", get(findings))
            .route("/api/plugins", get(plugins))
            .route("/api/reload", post(reload));
    }
    router.fallback(not_found).with_state(shared)
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

/// The one shape of errors.
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}

async fn not_found() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path; docs/reference/api.md lists what there is",
    )
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn metrics(State(shared): Daemon) -> Response {
    shared.metrics.queue_bytes.set(shared.units.bytes() as i64);
    shared.metrics.queue_spans.set(shared.units.spans() as i64);
    match shared.metrics.text() {
        Ok(text) => ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(failure) => error(StatusCode::INTERNAL_SERVER_ERROR, "internal", &format!("{failure:#}")),
    }
}

async fn status(State(shared): Daemon) -> Json<Value> {
    let metrics = &shared.metrics;
    let daemon = &shared.generations.current().session.config.daemon;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": shared.started.elapsed().as_secs(),
        "generation": shared.generations.number(),
        "active_traces": metrics.window_traces.get(),
        "max_active_traces": daemon.max_active_traces,
        "window_bytes": metrics.window_bytes.get(),
        "queue_bytes": shared.units.bytes(),
        "spans_taken": metrics.spans_taken.get(),
        "spans_judged": metrics.spans_judged.get(),
        "traces_judged": metrics.traces_judged.get(),
        "problems": metrics.problems.get(),
        "max_retained_findings": daemon.max_retained_findings,
    }))
}

async fn problems(State(shared): Daemon) -> Response {
    Json(shared.state.problems(wall_ns())).into_response()
}

async fn findings(State(shared): Daemon) -> Response {
    Json(shared.state.findings(PAGE)).into_response()
}

async fn plugins(State(shared): Daemon) -> Json<Value> {
    let (generation, attempts) = (shared.generations.current(), shared.generations.attempts());
    let plugin = |((id, standing), (_, plugin)): ((String, Standing), (&PluginConfig, &Plugin))| {
        json!({
            "id": id,
            "version": plugin.manifest.version,
            "sha256": plugin.sha256,
            "state": standing.word(),
        })
    };
    let plugins = generation.standings().into_iter().zip(generation.session.active()).map(plugin);
    Json(json!({
        "generation": generation.number,
        "reloads": { "taken_over": attempts.succeeded, "refused": attempts.failed, "last_error": attempts.last_error },
        "plugins": plugins.collect::<Vec<_>>(),
    }))
}

async fn reload(State(shared): Daemon) -> Response {
    let (answer, answered) = oneshot::channel();
    if shared.wishes.try_send(Wish::Reload(answer)).is_err() {
        return error(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "other reloads are under way; try again later",
        );
    }
    match answered.await {
        Ok(Ok(Reloaded { generation, needs_restart })) => {
            Json(json!({ "generation": generation, "needs_restart": needs_restart })).into_response()
        }
        Ok(Err(message)) => error(StatusCode::UNPROCESSABLE_ENTITY, "refused", &message),
        Err(_) => error(StatusCode::SERVICE_UNAVAILABLE, "ending", "the daemon is ending"),
    }
}
