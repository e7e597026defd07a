//! `tracewatt watch`: live OTLP in, findings out.
//!
//! ```text
//! connections -> receive -> [queue of exports] -> intake -> [queue of units] -> judge -> state -> api, metrics
//!   (tokio)                                     one thread                     threads
//! ```
//!
//! tokio is at the rim only: connections, limits, decompression. Whatever is acknowledged to a client has been decoded
//! and lies in the window. Both queues are bounded; when they are full, clients are told to come again, so that
//! nothing acknowledged is lost.
//!
//! | file | does |
//! |---|---|
//! | `receive` | OTLP over HTTP and gRPC, as requests to the intake |
//! | `connections` | accepts and serves connections, within limits |
//! | `deadline` | a body that has to arrive in time |
//! | `meter` | watches over one connection: what is overdue |
//! | `door` | who may come in |
//! | `tls` | certificates |
//! | `intake` | decodes and maps exports, keeps the window, cuts closed traces into units |
//! | `units` | units on their way to the threads that judge |
//! | `judge` | one such thread: seals, detects, folds, prices |
//! | `generation` | configuration and plug-ins in force |
//! | `reload` | asks for another generation |
//! | `state` | what is known: problems, findings, counts |
//! | `totals` | figures since the start |
//! | `retained` | traces with findings, to be explained |
//! | `acks` | acknowledgments made while it runs |
//! | `changes` | problems that are new, gone or back |
//! | `webhooks` | tells others of that |
//! | `events` | what happens, for whoever listens |
//! | `report` | the report of everything so far |
//! | `api` | `/api`, `/health`, `/metrics` |
//! | `metrics` | what is counted |
//! | `exposition` | the same as OpenMetrics, with exemplars |
//! | `capture` | takes exports to write them to a file instead |

mod acks;
mod api;
mod capture;
mod changes;
mod connections;
mod deadline;
mod door;
mod events;
mod exposition;
mod generation;
mod intake;
mod judge;
mod meter;
mod metrics;
mod receive;
mod reload;
mod report;
mod retained;
mod state;
mod tls;
mod totals;
mod units;
mod webhooks;

pub use api::api_page;
pub use capture::{Capture, Captured};
pub use metrics::metrics_page;

use crate::config::DaemonConfig;
use crate::session::Session;
use acks::{AckStore, MemoryAcks};
use anyhow::{Context, Result, bail};
use changes::Changes;
use connections::Places;
use events::Events;
use generation::{Generations, Load};
use intake::{Intake, Message};
use judge::Judge;
use metrics::Metrics;
use reload::{Files, Reloader, Watched, Wish, Wishes};
use state::State;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracewatt_core::window::InFlightHistory;
use units::Units;

/// Wishes to reload that may wait.
const WISHES: usize = 16;
/// How long open requests may take once the daemon is to end.
const GRACE: Duration = Duration::from_secs(10);

/// What the parts of the daemon share.
struct Shared {
    generations: Generations,
    metrics: Metrics,
    state: State,
    acks: Box<dyn AckStore>,
    events: Events,
    units: Units,
    exports: SyncSender<Message>,
    wishes: Wishes,
    /// Calls of judged traces, with the store of texts their places are in.
    history: Mutex<(u64, InFlightHistory)>,
    started: Instant,
}

/// The other ends of what is sent within the daemon.
struct Received {
    exports: Receiver<Message>,
    wishes: Receiver<Wish>,
}

impl Shared {
    fn new(session: Session, load: Box<Load>) -> Result<(Arc<Shared>, Received)> {
        let config = session.config.daemon.clone();
        let (exports, received) = sync_channel(config.ingest_queue_capacity);
        let (wishes, wished) = sync_channel(WISHES);
        let shared = Shared {
            state: State::new(&config),
            acks: Box::<MemoryAcks>::default(),
            events: Events::default(),
            metrics: Metrics::new()?,
            units: Units::new(config.memory_mib * (1024 * 1024 / 4)),
            generations: Generations::new(session, load)?,
            exports,
            wishes,
            history: Mutex::default(),
            started: Instant::now(),
        };
        Ok((Arc::new(shared), Received { exports: received, wishes: wished }))
    }

    /// Works on the calls of judged traces; those of another store of texts are forgotten.
    fn in_flight(&self, epoch: u64, work: impl FnOnce(&mut InFlightHistory)) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.0 != epoch {
            *history = (epoch, InFlightHistory::default());
        }
        work(&mut history.1);
    }
}

/// Where configuration and plug-ins come from.
pub struct Origin {
    /// Loads them as they are now.
    pub load: Box<Load>,
    /// Names the files they come from.
    pub files: Box<Files>,
}

/// Tells a person something while the daemon runs.
type Tell = dyn Fn(&str) + Send + Sync;

/// Runs until it is told to end; `tell` is for people, `finding` gets every new finding.
///
/// # Errors
/// An address that cannot be listened on; a thread of the daemon that failed.
pub fn run(origin: Origin, tell: Arc<Tell>) -> Result<()> {
    let Origin { load, files } = origin;
    // Before they are loaded: what changes from now on has changed.
    let watched = Watched::new(files);
    let session = load()?;
    session.config.warnings.iter().for_each(|warning| tell(warning));
    let config = session.config.daemon.clone();
    refuse_open_doors(&config)?;
    let runtime = runtime()?;
    let (shared, Received { exports: received, wishes: wished }) = Shared::new(session, load)?;
    // Before anybody can know that it listens.
    let mut signals = Signals::new(&runtime)?;
    let (ending, ended) = watch::channel(false);
    let serving = runtime.block_on(serve(&shared, &config, ended, &tell))?;
    let changes = Changes::of(&shared)?;
    let intake = Intake::new(&shared);
    let mut threads = vec![spawn("tracewatt-intake", move || intake.run(&received))?];
    for _ in 0..judges(&config) {
        let shared = shared.clone();
        threads.push(spawn("tracewatt-judge", move || Judge::new(&shared).run())?);
    }
    let (watching, watched_until) = sync_channel(0);
    let looking = {
        let shared = shared.clone();
        spawn("tracewatt-changes", move || changes.run(&shared, &watched_until))?
    };
    let reloader = Reloader { shared: shared.clone(), tell: tell.clone(), watched };
    let reloading = spawn("tracewatt-reload", move || reloader.run(&wished))?;
    let failed = || threads.iter().any(JoinHandle::is_finished);
    runtime.block_on(signals.until_told_to_end(&shared, failed));
    tell("ending: no new connections; what was taken is judged");
    let _ = ending.send(true);
    shared.events.close();
    runtime.block_on(async {
        let _ = tokio::time::timeout(GRACE, serving.ended()).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    // Behind every export that was taken.
    let _ = shared.exports.send(Message::End);
    let _ = shared.wishes.send(Wish::End);
    let mut result = Ok(());
    for thread in threads.into_iter().chain([reloading]) {
        result = join(result, thread);
    }
    // Once everything is judged, a last look.
    drop::<SyncSender<()>>(watching);
    result = join(result, looking);
    tell(&shared.state.farewell(&shared.metrics));
    result
}

/// The threads for connections.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("tracewatt-io")
        .enable_all()
        .build()
        .context("cannot start the threads for connections")
}

/// Waits for a thread; returns the first failure.
fn join(result: Result<()>, thread: JoinHandle<Result<()>>) -> Result<()> {
    result.and(thread.join().unwrap_or_else(|_| bail!("a thread of the daemon failed")))
}

/// Threads that judge.
fn judges(config: &DaemonConfig) -> usize {
    match config.analysis_threads {
        0 => std::thread::available_parallelism().map_or(1, |threads| threads.get().saturating_sub(1).max(1)),
        threads => threads,
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<JoinHandle<Result<T>>> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).with_context(|| format!("cannot start the thread {name}"))
}

/// Refuses to listen where others can reach it without TLS, unless that is meant.
fn refuse_open_doors(config: &DaemonConfig) -> Result<()> {
    let address = config.listen_address;
    if !address.is_loopback() && config.tls_cert_path.is_none() && !config.insecure {
        bail!(
            "others can reach {address}, and there is no TLS: set daemon.tls_cert_path and daemon.tls_key_path, listen \
             on 127.0.0.1, or say daemon.insecure = true"
        );
    }
    Ok(())
}

/// What serves both ports.
struct Serving {
    addresses: Vec<SocketAddr>,
    ports: Vec<tokio::task::JoinHandle<()>>,
    places: Arc<Places>,
}

impl Serving {
    /// Ends when the last connection has.
    async fn ended(self) {
        for port in self.ports {
            let _ = port.await;
        }
        self.places.emptied().await;
    }
}

/// Binds both ports and serves them until `ended` says so.
async fn serve(
    shared: &Arc<Shared>,
    config: &DaemonConfig,
    ended: watch::Receiver<bool>,
    tell: &Arc<Tell>,
) -> Result<Serving> {
    let router = door::around(api::router(shared.clone()), shared.clone(), ended.clone());
    let places = Places::new(config);
    let mut serving = Serving { addresses: Vec::new(), ports: Vec::new(), places: places.clone() };
    for (what, port) in [("HTTP", config.listen_port_http), ("gRPC", config.listen_port_grpc)] {
        let address = SocketAddr::new(config.listen_address, port);
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address} for {what}; is another program listening there?")
        })?;
        let address = listener.local_addr().unwrap_or(address);
        tell(&format!("listening on {address} ({what})"));
        let served = connections::serve(
            listener,
            router.clone(),
            shared.clone(),
            config.clone(),
            places.clone(),
            ended.clone(),
        );
        serving.addresses.push(address);
        serving.ports.push(tokio::spawn(served));
    }
    Ok(serving)
}

/// What the process is told from outside. Once this is there, no signal ends the process by itself.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new(runtime: &Runtime) -> Result<Signals> {
        let _entered = runtime.enter();
        let of = |kind| signal(kind).context("cannot wait for signals");
        Ok(Signals {
            terminate: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
            hangup: of(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT, or until a thread has failed.
    async fn until_told_to_end(&mut self, shared: &Shared, failed: impl Fn() -> bool) {
        let mut look = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                // When many wait already, one more makes no difference.
                _ = self.hangup.recv() => drop(shared.wishes.try_send(Wish::Signal)),
                _ = look.tick() => if failed() { return },
            }
        }
    }
}

/// Nanoseconds since the daemon started: for waiting, not for documents.
fn elapsed_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds since the epoch.
fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
