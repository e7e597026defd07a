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
//! | `api` | `/api`, `/health`, `/metrics` |
//! | `metrics` | what is counted |

mod api;
mod connections;
mod deadline;
mod door;
mod generation;
mod intake;
mod judge;
mod meter;
mod metrics;
mod receive;
mod reload;
mod state;
mod tls;
mod units;

use crate::config::DaemonConfig;
use anyhow::{Context, Result, bail};
use connections::Places;
use generation::{Generations, Load};
use intake::{Intake, Message};
use judge::Judge;
use metrics::Metrics;
use reload::{Files, Reloader, Watched, Wish, Wishes};
use state::State;
use std::net::SocketAddr;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
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
    units: Units,
    exports: SyncSender<Message>,
    wishes: Wishes,
    /// Calls of judged traces, with the store of texts their places are in.
    history: Mutex<(u64, InFlightHistory)>,
    started: Instant,
}

impl Shared {
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("tracewatt-io")
        .enable_all()
        .build()
        .context("cannot start the threads for connections")?;
    let (exports, received) = sync_channel(config.ingest_queue_capacity);
    let (wishes, wished) = sync_channel(WISHES);
    let shared = Arc::new(Shared {
        state: State::new(&config),
        metrics: Metrics::new()?,
        units: Units::new(config.memory_mib * (1024 * 1024 / 4)),
        generations: Generations::new(session, load)?,
        exports,
        wishes,
        history: Mutex::default(),
        started: Instant::now(),
    });
    let (ending, ended) = watch::channel(false);
    let serving = runtime.block_on(serve(&shared, &config, ended, &tell))?;
    let intake = Intake::new(&shared);
    let mut threads = vec![spawn("tracewatt-intake", move || intake.run(&received))?];
    for _ in 0..judges(&config) {
        let shared = shared.clone();
        threads.push(spawn("tracewatt-judge", move || Judge::new(&shared).run())?);
    }
    let reloader = Reloader { shared: shared.clone(), tell: tell.clone(), watched };
    let reloading = spawn("tracewatt-reload", move || reloader.run(&wished))?;
    runtime.block_on(until_told_to_end(&shared, &threads))?;
    tell("ending: no new connections; what was taken is judged");
    let _ = ending.send(true);
    runtime.block_on(async {
        let _ = tokio::time::timeout(GRACE, serving).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    // Behind every export that was taken.
    let _ = shared.exports.send(Message::End);
    let _ = shared.wishes.send(Wish::End);
    let mut result = Ok(());
    for thread in threads.into_iter().chain([reloading]) {
        result = result.and(thread.join().unwrap_or_else(|_| bail!("a thread of the daemon failed")));
    }
    tell(&shared.state.farewell(&shared.metrics));
    result
}

/// Threads that judge.
fn judges(config: &DaemonConfig) -> usize {
    match config.analysis_threads {
        0 => std::thread::available_parallelism().map_or(1, |threads| threads.get().saturating_sub(1).max(1)),
        threads => threads,
    }
}

fn spawn(name: &str, work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<JoinHandle<Result<()>>> {
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

/// Binds both ports and serves them until `ended` says so. Returns what ends when the last connection has.
async fn serve(
    shared: &Arc<Shared>,
    config: &DaemonConfig,
    ended: watch::Receiver<bool>,
    tell: &Arc<Tell>,
) -> Result<impl Future<Output = ()> + use<>> {
    let router = door::around(api::router(shared.clone()), shared.clone(), ended.clone());
    let mut serving = Vec::new();
    let places = Places::new(config);
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
        serving.push(tokio::spawn(served));
    }
    Ok(async move {
        for one in serving {
            let _ = one.await;
        }
        places.emptied().await;
    })
}

/// Waits for SIGTERM or SIGINT, or for a thread that failed.
async fn until_told_to_end(shared: &Shared, threads: &[JoinHandle<Result<()>>]) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for signals")?;
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            // When many wait already, one more makes no difference.
            _ = hangup.recv() => drop(shared.wishes.try_send(Wish::Signal)),
            _ = look.tick() => if threads.iter().any(JoinHandle::is_finished) { return Ok(()) },
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
