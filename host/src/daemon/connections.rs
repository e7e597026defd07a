//! Accepts connections and serves them, HTTP/1.1 and HTTP/2 on the same port, within limits: so many at a time and of
//! one address, so long for a handshake, a header, a pause. Whoever is over a limit loses its own connection, which is
//! counted, and keeps nobody else waiting.

use super::Shared;
use super::meter::{Meter, Overdue, Progress, UnderWay};
use crate::config::DaemonConfig;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

/// Requests of one HTTP/2 connection at a time.
const MAX_STREAMS: u32 = 128;
/// TLS handshakes at a time: they are what costs a stranger little and us much.
const MAX_HANDSHAKES: usize = 128;
/// How often an idle HTTP/2 connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Bytes of all headers of a request.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Time a connection has to close that was told to.
const CLOSING: Duration = Duration::from_secs(10);

/// Address of the client of a request.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

/// Connections that may be open, on all ports together.
pub(super) struct Places {
    all: Arc<Semaphore>,
    most: u32,
    handshakes: Arc<Semaphore>,
    per_client: usize,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

impl Places {
    /// Returns places as configured, all free.
    pub fn new(config: &DaemonConfig) -> Arc<Places> {
        let most = u32::try_from(config.max_connections).unwrap_or(u32::MAX);
        Arc::new(Places {
            all: Arc::new(Semaphore::new(most as usize)),
            most,
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            per_client: config.max_connections_per_client,
            clients: Mutex::default(),
        })
    }

    /// Takes a place for a client, or says which limit is reached.
    fn take(self: &Arc<Places>, address: IpAddr) -> Result<Place, &'static str> {
        let permit = self.all.clone().try_acquire_owned().map_err(|_| "limit")?;
        let client = client(address);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let open = clients.entry(client).or_default();
        if *open >= self.per_client {
            return Err("client_limit");
        }
        *open += 1;
        Ok(Place { places: self.clone(), client, _permit: permit })
    }

    /// Waits until every place is free.
    pub async fn emptied(&self) {
        let _ = self.all.acquire_many(self.most).await;
    }
}

/// Who counts as one client: an address, or what one line of IPv6 is given.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

/// A place taken; free again when this goes.
struct Place {
    places: Arc<Places>,
    client: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.places.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = clients.get_mut(&self.client) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

/// A port with what its connections share.
#[derive(Clone)]
struct Port {
    builder: Arc<Builder<TokioExecutor>>,
    router: Router,
    shared: Arc<Shared>,
    header: Duration,
    idle: Duration,
    ended: watch::Receiver<bool>,
}

/// Accepts connections of a port until `ended` says so. Those open then are told to end; `places` knows when they have.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    shared: Arc<Shared>,
    config: DaemonConfig,
    places: Arc<Places>,
    mut ended: watch::Receiver<bool>,
) {
    let header = Duration::from_millis(config.header_timeout_ms);
    let idle = Duration::from_millis(config.idle_timeout_ms);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header).max_buf_size(MAX_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(KEEP_ALIVE)
        .max_header_list_size(MAX_HEADER_BYTES as u32);
    let port = Port { builder: Arc::new(builder), router, shared, header, idle, ended: ended.clone() };
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // The client went away before it was its turn.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {
                    port.shared.metrics.refuse_connection("gone");
                    continue;
                }
                Err(_) => {
                    // No descriptor is free, as a rule: the ones in use have to end first. Clients wait meanwhile.
                    port.shared.metrics.refuse_connection("descriptors");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = ended.changed() => return,
        };
        match places.take(address.ip()) {
            Ok(place) => drop(tokio::spawn(port.clone().connection(stream, address, place))),
            Err(reason) => port.shared.metrics.refuse_connection(reason),
        }
    }
}

impl Port {
    /// Serves a connection to its end. What a client does wrong ends its own connection.
    async fn connection(self, stream: TcpStream, address: SocketAddr, place: Place) {
        let _ = stream.set_nodelay(true);
        // Those in force now: a certificate that was renewed is the one of the next connection.
        let tls = self.shared.generations.current().door.tls.clone();
        let metrics = &self.shared.metrics;
        metrics.connections.inc();
        let ended = match tls {
            None => self.requests(stream, address).await,
            Some(tls) => match self.handshake(TlsAcceptor::from(tls), stream, &place).await {
                Ok(stream) => self.requests(stream, address).await,
                Err(reason) => {
                    metrics.refuse_connection(reason);
                    Ok(())
                }
            },
        };
        metrics.connections.dec();
        if let Err(reason) = ended {
            metrics.cut_connection(reason);
        }
        drop(place);
    }

    async fn handshake(
        &self,
        tls: TlsAcceptor,
        stream: TcpStream,
        place: &Place,
    ) -> Result<tokio_rustls::server::TlsStream<TcpStream>, &'static str> {
        let Ok(_permit) = place.places.handshakes.try_acquire() else { return Err("handshake_limit") };
        match tokio::time::timeout(self.header, tls.accept(stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) => Err("handshake"),
            Err(_) => Err("handshake_timeout"),
        }
    }

    /// Serves requests; returns why the connection was cut, if it was.
    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: SocketAddr,
    ) -> Result<(), &'static str> {
        let progress = Arc::new(Progress::new());
        let serve = Serve { router: self.router.clone(), peer: Peer(address), progress: progress.clone() };
        let service = hyper_util::service::TowerToHyperService::new(serve);
        let io = TokioIo::new(Meter::new(stream, progress.clone()));
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut ended = self.ended.clone();
        let mut look = tokio::time::interval((self.header.min(self.idle) / 4).max(Duration::from_millis(10)));
        let mut closing = None;
        loop {
            tokio::select! {
                result = connection.as_mut() => return match (result, closing) {
                    (_, Some(reason)) => Err(reason),
                    (Ok(()), None) => Ok(()),
                    (Err(error), None) => Err(fault(error.as_ref())),
                },
                // Once told to end, it is: the select must not come here again and again.
                Ok(()) = ended.changed() => connection.as_mut().graceful_shutdown(),
                _ = look.tick() => match progress.overdue(self.header, self.idle) {
                    Some(Overdue::Idle) if closing.is_none() => {
                        closing = Some("idle");
                        connection.as_mut().graceful_shutdown();
                        progress.close_by(CLOSING);
                    }
                    None | Some(Overdue::Idle) => {}
                    Some(Overdue::Closing) => return Err(closing.unwrap_or("idle")),
                    Some(Overdue::Header) => return Err("header"),
                    Some(Overdue::Stalled) => return Err("stalled"),
                },
            }
        }
    }
}

/// Why a connection ended in an error, as the label `reason`.
fn fault(error: &(dyn std::error::Error + 'static)) -> &'static str {
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_timeout() => "header",
        Some(error) if error.is_parse() => "malformed",
        _ => "broken",
    }
}

/// Gives the router bodies of the type it wants, and says whose they are.
#[derive(Clone)]
struct Serve {
    router: Router,
    peer: Peer,
    progress: Arc<Progress>,
}

impl<B> Service<Request<B>> for Serve
where
    B: axum::body::HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        <Router as Service<Request<Body>>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer);
        let under_way = self.progress.request();
        let answer = self.router.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| Body::new(Answer { body, _under_way: under_way })))
        })
    }
}

/// The body of an answer: its request is under way until the client has all of it.
struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl hyper::body::Body for Answer {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ipv6_is_one_client_and_ipv4_is_itself() {
        let of = |text: &str| client(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
