//! OTLP over HTTP and gRPC. A request is read and decompressed within limits, goes to the intake, and is answered when
//! its spans lie in the window. Bodies are handed on as bytes: they are decoded once, by our own decoder.
//!
//! Answers follow the OTLP specification: 200 with an encoded response, `partial_success` when some spans were
//! rejected, 400 for what will never be accepted, 503 with `Retry-After` for what should be sent again: not every
//! exporter tries again after 429, or after `RESOURCE_EXHAUSTED` over gRPC.

use super::Shared;
use super::deadline::timed;
use super::intake::{Answer, Export, Message};
use crate::ingest::Encoding;
use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::{Buf, BufMut, Bytes};
use flate2::read::{GzDecoder, ZlibDecoder};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::oneshot;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

/// Seconds after which a client that was refused may try again.
const RETRY_SECONDS: u64 = 1;
/// Compressed bytes from which on decompression gets a thread of its own.
const LARGE_BYTES: usize = 64 * 1024;

/// Why a request is not taken.
struct Refusal {
    status: StatusCode,
    /// For the metric.
    reason: &'static str,
    message: String,
    /// Whether it may be sent again.
    again: bool,
}

impl Refusal {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, reason, message: message.into(), again: false }
    }

    fn again(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { again: true, ..Refusal::new(status, reason, message) }
    }

    fn busy() -> Refusal {
        Refusal::again(StatusCode::SERVICE_UNAVAILABLE, "busy", "the daemon is busy; send this again later")
    }

    fn late(within: Duration) -> Refusal {
        let message = format!("the request did not arrive within {} ms", within.as_millis());
        Refusal::again(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    }

    fn too_large(limit: usize) -> Refusal {
        let message = format!("the request is larger than {limit} bytes (daemon.max_payload_size)");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }
}

/// `POST /v1/traces`.
pub(super) async fn http(shared: Arc<Shared>, headers: HeaderMap, body: Body) -> Response {
    let encoding = match encoding(&headers) {
        Ok(encoding) => encoding,
        // A client that says nothing usable is answered in JSON.
        Err(refusal) => return refuse(&shared, Encoding::Json, &refusal),
    };
    match taken(&shared, &headers, body, encoding).await {
        Ok((rejected, reason)) => {
            shared.metrics.took("http");
            respond(StatusCode::OK, encoding, success(encoding, rejected, &reason))
        }
        Err(refusal) => refuse(&shared, encoding, &refusal),
    }
}

/// `POST /v1/metrics` and `/v1/logs`: accepted, counted, not used.
pub(super) async fn http_ignored(
    shared: Arc<Shared>,
    signal: &str,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (limit, timeout) = limits(&shared);
    let (body, late) = timed(body, timeout);
    // It has to be read, or the client sees a broken connection instead of an answer.
    let read = Limited::new(body, limit).collect().await;
    let encoding = encoding(&headers).unwrap_or(Encoding::Json);
    if late.load(Ordering::Acquire) {
        return refuse(&shared, encoding, &Refusal::late(timeout));
    }
    if read.is_err() {
        return refuse(&shared, encoding, &Refusal::too_large(limit));
    }
    shared.metrics.ignore(signal);
    respond(StatusCode::OK, encoding, success(encoding, 0, ""))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        _ => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            format!("content type `{kind}`: send application/x-protobuf or application/json"),
        )),
    }
}

/// Bytes of a request, and the time in which they have to arrive.
fn limits(shared: &Shared) -> (usize, Duration) {
    let generation = shared.generations.current();
    let daemon = &generation.session.config.daemon;
    (daemon.max_payload_size, Duration::from_millis(daemon.request_timeout_ms))
}

/// Reads a request and gives it to the intake. Returns how many spans were rejected, and why.
async fn taken(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
    encoding: Encoding,
) -> Result<(u64, String), Refusal> {
    let (limit, timeout) = limits(shared);
    let method = Method::of(headers)?;
    let body = match tokio::time::timeout(timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refusal::too_large(limit)),
        Ok(Err(error)) => {
            let message = format!("the request broke off: {error}");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", message));
        }
        Err(_) => return Err(Refusal::late(timeout)),
    };
    let body = match method {
        Method::Identity => body,
        method if body.len() < LARGE_BYTES => method.decompress(&body, limit)?,
        method => {
            let work = tokio::task::spawn_blocking(move || method.decompress(&body, limit));
            work.await.map_err(|_| Refusal::busy())??
        }
    };
    hand_over(shared, body, encoding).await
}

/// Gives an export to the intake and waits for its answer.
async fn hand_over(shared: &Shared, body: Bytes, encoding: Encoding) -> Result<(u64, String), Refusal> {
    let (answer, answered) = oneshot::channel();
    match shared.exports.try_send(Message::Export(Export { body, encoding, answer })) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => return Err(Refusal::busy()),
        Err(TrySendError::Disconnected(_)) => {
            let message = "the daemon is ending; send this again later";
            return Err(Refusal::again(StatusCode::SERVICE_UNAVAILABLE, "busy", message));
        }
    }
    match answered.await {
        Ok(Answer::Taken { rejected, reason }) => Ok((rejected, reason)),
        Ok(Answer::Malformed(reason)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", reason)),
        Ok(Answer::Full) => {
            let message = "more arrives than can be judged; send this again later";
            Err(Refusal::again(StatusCode::SERVICE_UNAVAILABLE, "busy", message))
        }
        Err(_) => Err(Refusal::busy()),
    }
}

/// How a body is compressed.
#[derive(Clone, Copy)]
enum Method {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

impl Method {
    fn of(headers: &HeaderMap) -> Result<Method, Refusal> {
        let named =
            headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
        match named.as_deref() {
            None | Some("" | "identity") => Ok(Method::Identity),
            Some("gzip" | "x-gzip") => Ok(Method::Gzip),
            Some("deflate") => Ok(Method::Deflate),
            Some("zstd") => Ok(Method::Zstd),
            Some(other) => Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "compression",
                format!("content encoding `{other}`: send gzip, deflate, zstd or none"),
            )),
        }
    }

    /// Decompresses to at most `limit` bytes.
    fn decompress(self, body: &[u8], limit: usize) -> Result<Bytes, Refusal> {
        let mut plain = Vec::new();
        let most = limit as u64 + 1;
        let read = match self {
            Method::Identity => return Ok(Bytes::copy_from_slice(body)),
            Method::Gzip => GzDecoder::new(body).take(most).read_to_end(&mut plain),
            Method::Deflate => ZlibDecoder::new(body).take(most).read_to_end(&mut plain),
            Method::Zstd => {
                zstd::Decoder::new(body).and_then(|decoder| decoder.take(most).read_to_end(&mut plain))
            }
        };
        read.map_err(|error| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                format!("cannot decompress the request: {error}"),
            )
        })?;
        if plain.len() > limit { Err(Refusal::too_large(limit)) } else { Ok(plain.into()) }
    }
}

fn refuse(shared: &Shared, encoding: Encoding, refusal: &Refusal) -> Response {
    shared.metrics.refuse(refusal.reason);
    let mut response = respond(refusal.status, encoding, failure(encoding, refusal));
    if refusal.again {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    }
    response
}

fn respond(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let kind = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// `ExportTraceServiceResponse`.
fn success(encoding: Encoding, rejected: u64, reason: &str) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf if rejected == 0 => Vec::new(),
        Encoding::Protobuf => {
            let mut partial = Vec::new();
            field_varint(1, rejected, &mut partial);
            field_bytes(2, reason.as_bytes(), &mut partial);
            let mut response = Vec::new();
            field_bytes(1, &partial, &mut response);
            response
        }
        Encoding::Json if rejected == 0 => b"{}".to_vec(),
        Encoding::Json => {
            let partial =
                serde_json::json!({ "rejectedSpans": rejected.to_string(), "errorMessage": reason });
            serde_json::json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
    }
}

/// `google.rpc.Status`, as the specification asks for errors.
fn failure(encoding: Encoding, refusal: &Refusal) -> Vec<u8> {
    let code = code(refusal.status) as i32;
    match encoding {
        Encoding::Protobuf => {
            let mut status = Vec::new();
            field_varint(1, code as u64, &mut status);
            field_bytes(2, refusal.message.as_bytes(), &mut status);
            status
        }
        Encoding::Json => {
            serde_json::json!({ "code": code, "message": refusal.message }).to_string().into_bytes()
        }
    }
}

fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => Code::Unavailable,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::Unimplemented,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        _ => Code::InvalidArgument,
    }
}

fn field_varint(number: u8, value: u64, out: &mut Vec<u8>) {
    out.push(number << 3);
    tracewatt_core::trace::packed::number(value, out);
}

fn field_bytes(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    tracewatt_core::trace::packed::number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// What a gRPC method does with its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Traces.
    Traces,
    /// Metrics, which are counted only.
    Metrics,
    /// Logs, which are counted only.
    Logs,
}

/// A call of an OTLP service over gRPC.
pub(super) async fn grpc(
    shared: Arc<Shared>,
    signal: Signal,
    request: axum::http::Request<Body>,
) -> Response {
    let (limit, timeout) = limits(&shared);
    let mut late = None;
    let request = request.map(|body| {
        let (body, is_late) = timed(body, timeout);
        late = Some(is_late);
        body
    });
    let mut grpc = tonic::server::Grpc::new(Raw).max_decoding_message_size(limit);
    for method in [CompressionEncoding::Gzip, CompressionEncoding::Deflate, CompressionEncoding::Zstd] {
        grpc = grpc.accept_compressed(method);
    }
    let metrics = shared.clone();
    let response = grpc.unary(Exporting { shared, signal }, request).await;
    if late.is_some_and(|late| late.load(Ordering::Acquire)) {
        return status(&metrics, &Refusal::late(timeout)).into_http();
    }
    // What tonic refuses by itself never reached the method.
    match response.headers().get("grpc-status").and_then(|status| status.to_str().ok()) {
        Some("11" | "8") if signal == Signal::Traces => metrics.metrics.refuse("too_large"),
        Some("12") => metrics.metrics.refuse("compression"),
        _ => {}
    }
    response.map(Body::new)
}

struct Exporting {
    shared: Arc<Shared>,
    signal: Signal,
}

impl tonic::server::UnaryService<Bytes> for Exporting {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (shared, signal) = (self.shared.clone(), self.signal);
        Box::pin(async move {
            let word = match signal {
                Signal::Traces => {
                    return match hand_over(&shared, request.into_inner(), Encoding::Protobuf).await {
                        Ok((rejected, reason)) => {
                            shared.metrics.took("grpc");
                            Ok(tonic::Response::new(success(Encoding::Protobuf, rejected, &reason)))
                        }
                        Err(refusal) => Err(status(&shared, &refusal)),
                    };
                }
                Signal::Metrics => "metrics",
                Signal::Logs => "logs",
            };
            shared.metrics.ignore(word);
            Ok(tonic::Response::new(Vec::new()))
        })
    }
}

/// The refusal as a status; with `RetryInfo` where the request may be sent again.
fn status(shared: &Shared, refusal: &Refusal) -> Status {
    shared.metrics.refuse(refusal.reason);
    let code = code(refusal.status);
    if !refusal.again {
        return Status::new(code, refusal.message.clone());
    }
    // google.rpc.Status { code, message, details: [Any { RetryInfo { retry_delay: Duration { seconds } } }] }
    let (mut delay, mut info, mut any, mut details) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    field_varint(1, RETRY_SECONDS, &mut delay);
    field_bytes(1, &delay, &mut info);
    field_bytes(1, b"type.googleapis.com/google.rpc.RetryInfo", &mut any);
    field_bytes(2, &info, &mut any);
    field_varint(1, code as u64, &mut details);
    field_bytes(2, refusal.message.as_bytes(), &mut details);
    field_bytes(3, &any, &mut details);
    Status::with_details(code, refusal.message.clone(), details.into())
}

/// Messages as bytes.
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
