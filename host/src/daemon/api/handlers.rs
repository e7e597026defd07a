//! What the routes of `/api` answer, lists apart.

use super::routes::{Call, Reply};
use super::{Refusal, Shared, document, lists};
use crate::config::PluginConfig;
use crate::daemon::acks::{AckError, Asked, Origin, checked, today};
use crate::daemon::events::Event;
use crate::daemon::generation::Reloaded;
use crate::daemon::reload::Wish;
use crate::report::explain::{Explained, write_json};
use axum::Json;
use axum::http::StatusCode;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tracewatt_core::plugin::{Plugin, Standing};

fn ok(value: Value) -> Reply {
    Ok(Json(value).into_response())
}

/// `GET /api/status`.
pub(super) fn status(shared: &Shared, _: &Call) -> Reply {
    let (metrics, generation) = (&shared.metrics, shared.generations.current());
    let daemon = &generation.session.config.daemon;
    let (findings, traces) = shared.state.look(|known| (known.findings.len(), known.retained.len()));
    ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": shared.started.elapsed().as_secs(),
        "generation": generation.number,
        "active_traces": metrics.window_traces.get(),
        "max_active_traces": daemon.max_active_traces,
        "window_bytes": metrics.window_bytes.get(),
        "queue_bytes": shared.units.bytes(),
        "spans_received": metrics.spans_received.get(),
        "spans_taken": metrics.spans_taken.get(),
        "spans_judged": metrics.spans_judged.get(),
        "traces_judged": metrics.traces_judged.get(),
        "lost": metrics.losses(),
        "problems": metrics.problems.get(),
        "stored_findings": findings,
        "max_retained_findings": daemon.max_retained_findings,
        "retained_traces": traces,
        "max_retained_traces": daemon.max_retained_traces,
    }))
}

/// Keys whose values say what only their owner may know.
const SECRET_WORDS: [&str; 5] = ["secret", "token", "password", "api_key", "auth_header"];

/// `GET /api/config`.
pub(super) fn config(shared: &Shared, _: &Call) -> Reply {
    let generation = shared.generations.current();
    let config = &generation.session.config;
    let sections = ["gate", "detection", "plugins", "green", "input", "output", "acknowledgments", "daemon"];
    let sections = sections.map(|name| (name.to_owned(), config.section(name)));
    let mut all: Value =
        Value::Object(sections.into_iter().filter(|(_, section)| !section.is_null()).collect());
    redact(&mut all);
    ok(all)
}

/// Takes out what is secret: whole values under names that say so, and what an address says of a user or asks for.
fn redact(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                match SECRET_WORDS.iter().any(|word| name.contains(word)) && !value.is_null() {
                    true => *value = json!("(left out)"),
                    false => redact(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::String(text) => {
            if let Some((scheme, rest)) = text.split_once("://") {
                // The path of a webhook is its password.
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let bare = host.rsplit('@').next().unwrap_or_default();
                if bare.len() < rest.trim_end_matches('/').len() {
                    *text = format!("{scheme}://{bare}/(left out)");
                }
            }
        }
        _ => {}
    }
}

/// `GET /api/plugins`.
pub(super) fn plugins(shared: &Shared, _: &Call) -> Reply {
    let (generation, attempts) = (shared.generations.current(), shared.generations.attempts());
    let runs = shared.state.look(|known| known.runs.clone());
    let one = |((id, standing), (_, plugin)): ((String, Standing), (&PluginConfig, &Plugin))| {
        let run = runs.get(&id).cloned().unwrap_or_default();
        json!({
            "id": id,
            "version": plugin.manifest.version,
            "sha256": plugin.sha256,
            "state": standing.word(),
            "traces": run.traces,
            "findings": run.findings,
            "faults": run.faults,
        })
    };
    let plugins = generation.standings().into_iter().zip(generation.session.active()).map(one);
    ok(json!({
        "generation": generation.number,
        "reloads": { "taken_over": attempts.succeeded, "refused": attempts.failed, "last_error": attempts.last_error },
        "plugins": plugins.collect::<Vec<_>>(),
    }))
}

/// `GET /api/explain/{trace_id}`.
pub(super) fn explain(shared: &Shared, call: &Call) -> Reply {
    let id = call.path.as_str();
    let written = shared.state.look(|known| {
        let retained = known.retained.get(id)?;
        let explained = Explained {
            trace: &retained.trace,
            texts: &retained.names.texts,
            ids: &retained.names.ids,
            findings: &retained.findings,
        };
        let mut out = Vec::new();
        Some(write_json(&explained, &mut out).map(|()| out))
    });
    match written {
        None => Err(Refusal::not_found(format!(
            "the trace `{id}` is not kept: only the newest traces with findings are (daemon.max_retained_traces)"
        ))),
        Some(Ok(json)) => Ok(([("content-type", "application/json")], json).into_response()),
        Some(Err(failure)) => Err(internal(&failure.to_string())),
    }
}

fn internal(message: &str) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
}

/// `GET /api/report`.
pub(super) fn report(shared: &Shared, _: &Call) -> Reply {
    Ok(Json(crate::daemon::report::report(shared)).into_response())
}

/// `GET /api/events`.
pub(super) fn events(shared: &Shared, _: &Call) -> Reply {
    let Some(events) = shared.events.listen() else {
        let message = "there are too many readers of events, or the daemon is ending; try again later";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message));
    };
    let one = |Event { name, data }: Event| {
        Ok::<_, Infallible>(sse::Event::default().event(name).data(data.to_string()))
    };
    Ok(Sse::new(ReceiverStream::new(events).map(one)).keep_alive(KeepAlive::default()).into_response())
}

/// `POST /api/acks`.
pub(super) fn create_ack(shared: &Shared, call: &Call) -> Reply {
    let text = |name: &str| call.body.get(name).and_then(Value::as_str).map(str::to_owned);
    let asked = Asked {
        problem: text("problem"),
        kind: text("type"),
        service: text("service"),
        endpoint: text("endpoint"),
        reason: text("reason").unwrap_or_default(),
        by: text("by").unwrap_or_default(),
        expires_at: text("expires_at"),
    };
    let today = today();
    let new = checked(asked, today).map_err(Refusal::bad)?;
    let made = shared.acks.create(new, today).map_err(|error| refused(&error))?;
    Ok((StatusCode::CREATED, Json(lists::ack(&made, Origin::Daemon, today))).into_response())
}

/// `DELETE /api/acks/{id}`.
pub(super) fn revoke_ack(shared: &Shared, call: &Call) -> Reply {
    let id = call.path.as_str();
    let number: u64 = id.parse().map_err(|_| Refusal::bad(format!("an id is a number, got `{id}`")))?;
    match shared.acks.revoke(number).map_err(|error| refused(&error))? {
        true => ok(json!({ "revoked": number })),
        false => Err(Refusal::not_found(format!(
            "no acknowledgment {number} was made here; those of the file are taken back in the file"
        ))),
    }
}

fn refused(error: &AckError) -> Refusal {
    let (status, code) = match error {
        AckError::Exists(_) => (StatusCode::CONFLICT, "exists"),
        AckError::Full => (StatusCode::INSUFFICIENT_STORAGE, "full"),
        AckError::Failed(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_stored"),
    };
    Refusal::new(status, code, error.to_string())
}

/// `POST /api/reload`.
pub(super) fn reload(shared: Arc<Shared>) -> Pin<Box<dyn Future<Output = Reply> + Send>> {
    Box::pin(async move {
        let (answer, answered) = oneshot::channel();
        if shared.wishes.try_send(Wish::Reload(answer)).is_err() {
            let message = "other reloads are under way; try again later";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message));
        }
        match answered.await {
            Ok(Ok(Reloaded { generation, needs_restart })) => {
                ok(json!({ "generation": generation, "needs_restart": needs_restart }))
            }
            Ok(Err(message)) => Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", message)),
            Err(_) => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ending", "the daemon is ending")),
        }
    })
}

/// `GET /api/openapi.json`.
pub(super) fn openapi(_: &Shared, _: &Call) -> Reply {
    let response: Response = Json(document::openapi()).into_response();
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        let mut config = json!({
            "secret": { "env": "HOOK" },
            "tokens": ["a"],
            "url": "https://user:word@hooks.example.org/T1/B2?key=3",
            "plain": "http://hooks.example.org/",
            "kept": 7,
        });
        redact(&mut config);
        let wanted = json!({
            "secret": "(left out)",
            "tokens": "(left out)",
            "url": "https://hooks.example.org/(left out)",
            "plain": "http://hooks.example.org/",
            "kept": 7,
        });
        assert_eq!(config, wanted);
    }
}
