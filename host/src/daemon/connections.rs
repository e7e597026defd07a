//! Accepts connections and serves them, HTTP/1.1 and HTTP/2 on the same port, within limits: so many at a time, and
//! none may keep the others waiting.

use super::Shared;
use crate::config::DaemonConfig;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower_service::Service;

/// Requests of one HTTP/2 connection at a time.
const MAX_STREAMS: u32 = 128;
/// Time for the header of a request to arrive.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How often an idle HTTP/2 connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Bytes of all headers of a request.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Serves a port until `ended` says so, and the requests under way then.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    shared: Arc<Shared>,
    config: DaemonConfig,
    mut ended: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(MAX_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(KEEP_ALIVE)
        .max_header_list_size(MAX_HEADER_BYTES as u32);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(config.max_connections));
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // No descriptor is free, as a rule: the ones in use have to end first.
                    shared.metrics.refuse_connection("limit");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = ended.changed() => break,
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            shared.metrics.refuse_connection("limit");
            continue;
        };
        let _ = stream.set_nodelay(true);
        let connection = connection(&builder, stream, router.clone());
        let connection = graceful.watch(connection);
        let shared = shared.clone();
        shared.metrics.connections.inc();
        tokio::spawn(async move {
            // What a client does wrong ends its own connection.
            let _ = connection.await;
            shared.metrics.connections.dec();
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

fn connection(
    builder: &Builder<TokioExecutor>,
    stream: TcpStream,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + use<>
{
    let service = hyper_util::service::TowerToHyperService::new(Serve(router));
    builder.serve_connection(TokioIo::new(stream), service).into_owned()
}

/// Gives the router bodies of the type it wants.
#[derive(Clone)]
struct Serve(Router);

impl<B> Service<Request<B>> for Serve
where
    B: axum::body::HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = <Router as Service<Request<Body>>>::Future;

    fn poll_ready(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        <Router as Service<Request<Body>>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.call(request.map(Body::new))
    }
}
