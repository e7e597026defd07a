//! Who may come in: what the ports ask of a client before a request reaches its route.
//!
//! Every request has a role, which follows from its method and path alone. A role with tokens is for those who show one
//! of them. When some role has tokens, a role without any is for clients of this machine only; when none has, nothing is
//! asked. Health is open to everybody.

use super::connections::Peer;
use super::{Shared, tls};
use crate::config::{DaemonConfig, Secret};
use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use rustls::ServerConfig;
use serde_json::json;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tonic::{Code, Status};
use tracewatt_core::plugin::digest;

/// Bytes a token must have at least: fewer can be guessed.
const TOKEN_BYTES: usize = 16;

/// What a client is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// To ask whether the daemon is there. Open to everybody.
    Health,
    /// To export.
    Ingest,
    /// To read metrics.
    Metrics,
    /// To read what is known.
    Read,
    /// To change something.
    Admin,
}

/// Returns the role a request needs. What is at no known path needs one as well, so that nothing new is open by mistake.
pub(super) fn role(method: &Method, path: &str) -> Role {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match path {
        "/health" | "/livez" | "/readyz" if reads => Role::Health,
        "/metrics" if reads => Role::Metrics,
        path if path.starts_with("/v1/") || path.starts_with("/opentelemetry.proto.collector.") => {
            Role::Ingest
        }
        _ if reads => Role::Read,
        _ => Role::Admin,
    }
}

/// What is asked of clients. A part of a generation: renewed certificates and other tokens hold from the next reload on.
pub(super) struct Door {
    /// TLS of both ports, where they have it.
    pub tls: Option<Arc<ServerConfig>>,
    ingest: Tokens,
    read: Tokens,
    admin: Tokens,
    metrics_open: bool,
}

/// Digests of the tokens of a role; nothing where it has none.
type Tokens = Option<Vec<String>>;

/// Why somebody may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// No token, or one that nobody has.
    Unauthenticated,
    /// The token is for something else, or the client is on another machine.
    Forbidden,
}

impl Door {
    /// Loads what the configuration asks for.
    ///
    /// # Errors
    /// Files and variables that are missing or do not hold what they should.
    pub fn load(config: &DaemonConfig) -> Result<Door> {
        let tokens = &config.tokens;
        Ok(Door {
            tls: tls::load(config)?,
            ingest: load("ingest", tokens.ingest.as_deref())?,
            read: load("read", tokens.read.as_deref())?,
            admin: load("admin", tokens.admin.as_deref())?,
            metrics_open: config.metrics_open,
        })
    }

    /// Refuses to take the place of `old` where that would change what clients have to speak.
    ///
    /// # Errors
    /// TLS that comes or goes while ports are open.
    pub fn replaces(&self, old: &Door) -> Result<()> {
        match (&old.tls, &self.tls) {
            (Some(_), None) => bail!("TLS cannot be turned off while the daemon runs: restart it"),
            (None, Some(_)) => bail!("TLS cannot be turned on while the daemon runs: restart it"),
            _ => Ok(()),
        }
    }

    fn admit(&self, role: Role, token: Option<&[u8]>, is_local: bool) -> Result<(), Refusal> {
        let all = [&self.ingest, &self.read, &self.admin];
        let wanted = match role {
            Role::Health => return Ok(()),
            Role::Metrics if self.metrics_open => return Ok(()),
            Role::Ingest => &self.ingest,
            Role::Metrics | Role::Read => &self.read,
            Role::Admin => &self.admin,
        };
        if all.iter().all(|tokens| tokens.is_none()) {
            return Ok(());
        }
        let digest = token.map(digest);
        let is_one_of = |tokens: &Tokens| match (tokens, &digest) {
            (Some(tokens), Some(digest)) => is_among(digest, tokens),
            _ => false,
        };
        let is_known = all.map(is_one_of).contains(&true);
        match wanted {
            Some(_) if is_one_of(wanted) => Ok(()),
            None if is_local => Ok(()),
            Some(_) if !is_known => Err(Refusal::Unauthenticated),
            _ => Err(Refusal::Forbidden),
        }
    }
}

/// Whether a digest is one of some, in a time that does not tell which, or how nearly.
fn is_among(digest: &str, digests: &[String]) -> bool {
    let equal = digests.iter().map(|known| known.as_bytes().ct_eq(digest.as_bytes()));
    equal.fold(subtle::Choice::from(0), |one, other| one | other).into()
}

/// Reads the tokens of a role. A file has one a line; empty lines and those that begin with `#` are none.
fn load(role: &str, secrets: Option<&[Secret]>) -> Result<Tokens> {
    let Some(secrets) = secrets else { return Ok(None) };
    let mut digests = Vec::new();
    for secret in secrets {
        let text = secret.read().with_context(|| format!("daemon.tokens.{role}"))?;
        if matches!(secret, Secret::Env(_)) && text.trim().is_empty() {
            bail!("daemon.tokens.{role}: the environment variable {} is empty", secret.place());
        }
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.len() < TOKEN_BYTES || !line.bytes().all(|byte| byte.is_ascii_graphic()) {
                bail!(
                    "daemon.tokens.{role}: a token in {} is not {TOKEN_BYTES} or more visible ASCII characters",
                    secret.place()
                );
            }
            digests.push(digest(line.as_bytes()));
        }
    }
    Ok(Some(digests))
}

/// The token a request shows: `Authorization: Bearer` or `x-api-key`.
fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
    });
    bearer.or_else(|| headers.get("x-api-key").map(HeaderValue::as_bytes))
}

/// What the layer knows.
#[derive(Clone)]
struct Doorkeeper {
    shared: Arc<Shared>,
    ended: watch::Receiver<bool>,
}

/// Puts the door around all routes.
pub(super) fn around(router: Router, shared: Arc<Shared>, ended: watch::Receiver<bool>) -> Router {
    router.layer(from_fn_with_state(Doorkeeper { shared, ended }, pass))
}

async fn pass(State(keeper): State<Doorkeeper>, request: Request, next: Next) -> Response {
    let shared = &keeper.shared;
    let role = role(request.method(), request.uri().path());
    // A request without an address comes from nowhere we know.
    let is_local =
        request.extensions().get::<Peer>().is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    let admitted = {
        let generation = shared.generations.current();
        generation.door.admit(role, token(request.headers()), is_local)
    };
    if let Err(refusal) = admitted {
        shared.metrics.refuse_request(match refusal {
            Refusal::Unauthenticated => "unauthenticated",
            Refusal::Forbidden => "forbidden",
        });
        if role == Role::Ingest {
            shared.metrics.refuse("unauthorized");
        }
        return refuse(refusal, request.headers());
    }
    if role == Role::Health && request.uri().path() == "/readyz" {
        return ready(shared, *keeper.ended.borrow());
    }
    let response = next.run(request).await;
    match response.status() {
        StatusCode::NOT_FOUND => shared.metrics.refuse_request("not_found"),
        StatusCode::METHOD_NOT_ALLOWED => shared.metrics.refuse_request("method"),
        _ => {}
    }
    response
}

fn refuse(refusal: Refusal, headers: &HeaderMap) -> Response {
    let (status, code, word, message) = match refusal {
        Refusal::Unauthenticated => (
            StatusCode::UNAUTHORIZED,
            Code::Unauthenticated,
            "unauthenticated",
            "this needs a token that is in force: send `Authorization: Bearer TOKEN` or `x-api-key: TOKEN`",
        ),
        Refusal::Forbidden => (
            StatusCode::FORBIDDEN,
            Code::PermissionDenied,
            "forbidden",
            "this token is not for this request, or the request is for clients of the same machine only",
        ),
    };
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if kind.starts_with(b"application/grpc") {
        return Status::new(code, message).into_http::<Body>();
    }
    let body = axum::Json(json!({ "error": { "code": word, "message": message } }));
    let mut response = (status, body).into_response();
    if refusal == Refusal::Unauthenticated {
        let challenge = HeaderValue::from_static("Bearer realm=\"tracewatt\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Whether exports are taken now. Plug-ins are: ports are opened when they have been loaded.
fn ready(shared: &Shared, is_ending: bool) -> Response {
    let reason = match is_ending {
        true => Some("ending"),
        false if shared.units.is_full() => Some("full"),
        false => None,
    };
    let (status, word) = match reason {
        None => (StatusCode::OK, "ok"),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    };
    let body = json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    (status, axum::Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(ingest: &[&str], read: &[&str]) -> Door {
        let digests = |tokens: &[&str]| {
            (!tokens.is_empty()).then(|| tokens.iter().map(|token| digest(token.as_bytes())).collect())
        };
        Door { tls: None, ingest: digests(ingest), read: digests(read), admin: None, metrics_open: false }
    }

    #[test]
    fn every_request_has_a_role_and_what_is_unknown_is_not_open() {
        let of = |method: Method, path: &str| role(&method, path);
        assert_eq!(of(Method::GET, "/readyz"), Role::Health);
        assert_eq!(of(Method::POST, "/readyz"), Role::Admin);
        assert_eq!(of(Method::POST, "/v1/traces"), Role::Ingest);
        assert_eq!(
            of(Method::POST, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
            Role::Ingest
        );
        assert_eq!(of(Method::GET, "/metrics"), Role::Metrics);
        assert_eq!(of(Method::GET, "/api/problems"), Role::Read);
        assert_eq!(of(Method::POST, "/api/reload"), Role::Admin);
        assert_eq!(of(Method::DELETE, "/api/acks/1"), Role::Admin);
        assert_eq!(of(Method::POST, "//api/reload"), Role::Admin);
        assert_eq!(of(Method::GET, "/"), Role::Read);
    }

    #[test]
    fn tokens_open_their_own_role_and_roles_without_are_for_this_machine() {
        let door = door(&["ingest-0123456789"], &["read-0123456789ab"]);
        let (ingest, read) = (Some(b"ingest-0123456789".as_slice()), Some(b"read-0123456789ab".as_slice()));
        assert_eq!(door.admit(Role::Ingest, ingest, false), Ok(()));
        assert_eq!(door.admit(Role::Ingest, read, true), Err(Refusal::Forbidden));
        assert_eq!(door.admit(Role::Ingest, None, true), Err(Refusal::Unauthenticated));
        assert_eq!(door.admit(Role::Ingest, Some(b"ingest-012345678"), true), Err(Refusal::Unauthenticated));
        assert_eq!(door.admit(Role::Metrics, read, false), Ok(()));
        assert_eq!(door.admit(Role::Admin, None, true), Ok(()));
        assert_eq!(door.admit(Role::Admin, read, false), Err(Refusal::Forbidden));
        assert_eq!(door.admit(Role::Health, None, false), Ok(()));
    }

    #[test]
    fn without_any_token_nothing_is_asked_and_an_empty_list_lets_nobody_in() {
        assert_eq!(door(&[], &[]).admit(Role::Admin, None, false), Ok(()));
        let closed = Door { read: Some(Vec::new()), ..door(&[], &[]) };
        assert_eq!(closed.admit(Role::Read, None, true), Err(Refusal::Unauthenticated));
    }

    #[test]
    fn a_token_is_found_in_both_headers() {
        let of = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            token(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(of("authorization", "bearer abc"), Some(b"abc".to_vec()));
        assert_eq!(of("authorization", "Basic abc"), None);
        assert_eq!(of("x-api-key", "abc"), Some(b"abc".to_vec()));
    }
}
