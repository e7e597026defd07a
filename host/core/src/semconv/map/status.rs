//! How a call ended, from the span's status and what the protocol said.

use super::call::is_one_of;
use super::input::Input;
use crate::semconv::Attr;
use crate::trace::Status;

/// Returns the most telling of what the span says: a timeout, whose fault an error was, the status.
pub(super) fn status(input: &Input<'_, '_>) -> Status {
    let attributes = input.attributes();
    let error = attributes.text(&[Attr::ErrorType]).unwrap_or("");
    if !error.is_empty() && is_timeout(error) {
        return Status::Timeout;
    }
    let http = attributes.int(&[Attr::HttpResponseStatusCode, Attr::HttpStatusCode]);
    let http = http.or_else(|| error.parse().ok()).and_then(of_http);
    let rpc = attributes.first(&[Attr::RpcResponseStatusCode, Attr::RpcGrpcStatusCode]);
    if let Some(status) = http.or_else(|| of_grpc(&rpc?.display())) {
        return status;
    }
    match input.raw.status {
        Status::Unset | Status::Ok if !error.is_empty() => Status::Error,
        status => status,
    }
}

fn is_timeout(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    ["timeout", "timed_out", "timedout", "timed out", "deadline_exceeded", "deadlineexceeded"]
        .iter()
        .any(|word| error.contains(word))
}

fn of_http(code: i64) -> Option<Status> {
    match code {
        408 | 504 => Some(Status::Timeout),
        400..=499 => Some(Status::ClientError),
        500..=599 => Some(Status::ServerError),
        _ => None,
    }
}

/// gRPC's codes by number or name, divided between the two sides as the semantic conventions for RPC
/// divide them: errors of the server are UNKNOWN, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
fn of_grpc(code: &str) -> Option<Status> {
    const NAMES: [&str; 17] = [
        "ok",
        "cancelled",
        "unknown",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "unavailable",
        "data_loss",
        "unauthenticated",
    ];
    let code = code.trim();
    let number = code.parse().ok().or_else(|| NAMES.iter().position(|name| is_one_of(code, &[name])))?;
    match number {
        4 => Some(Status::Timeout),
        2 | 12..=15 => Some(Status::ServerError),
        1..=16 => Some(Status::ClientError),
        400.. => of_http(i64::try_from(number).ok()?),
        _ => None,
    }
}
