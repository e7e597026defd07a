//! An energy backend at work: requests out, documents in, readings out. A document that makes the plug-in fail is set
//! aside, and its counters go on from what they were before; so one bad document costs one document.

use super::answer;
use super::backend_answer as checked;
use super::backend_instance::{Live, Prepared};
use super::bindings::energy as wit;
use super::{Fault, FaultKind, Limits, Plugin, PluginError, SettingValue};
use crate::energy::Reading;
use crate::loss::Losses;
use std::sync::Arc;
use wasmtime::Engine;

/// Longest body that a backend is given, bytes; also what the bodies of one call come to.
pub const MAX_BODY_BYTES: usize = 8 << 20;

/// A document that a backend wants, from one of the targets that the operator configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Name of the target.
    pub target: String,
    /// The backend's own name for the document.
    pub id: String,
    /// Absolute path below the base address of the target.
    pub path: String,
    /// Names and values, not yet encoded.
    pub query: Vec<(String, String)>,
    /// Names and values; none that carries a secret, steers the connection or says whom it is for.
    pub headers: Vec<(String, String)>,
}

/// What came of a request, whatever the status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Name of the target.
    pub target: String,
    /// Id of the request.
    pub request: String,
    /// Status of HTTP.
    pub status: u16,
    /// Header `Content-Type`; empty where there was none.
    pub content_type: String,
    /// Header `Retry-After`, seconds; 0 where there was none.
    pub retry_after_s: u32,
    /// When the answer came, milliseconds since the epoch.
    pub received_at_ms: u64,
    /// Body.
    pub body: Vec<u8>,
}

/// Why a document gave no reading.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Name of the target.
    pub target: String,
    /// Id of the request.
    pub request: String,
    /// One of few words, `snake_case`, for metrics: `unauthorized`, `invalid_value`, `wrong_zone`; of the host
    /// `too_large` and `plugin_fault`.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

/// What came of documents.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// Readings, checked, in the order of the answers.
    pub readings: Vec<Reading>,
    /// Why others are missing.
    pub problems: Vec<Problem>,
    /// How long asking again is pointless or forbidden, seconds; 0 for the configured interval.
    pub again_after_s: u32,
    /// Faults, each of one document, which is among the problems too.
    pub faults: Vec<Arc<Fault>>,
    /// What was cut or dropped of the answers.
    pub losses: Losses,
}

/// An energy backend with its settings and its state.
pub struct Backend {
    prepared: Prepared,
    source: String,
    settings: Vec<(String, SettingValue)>,
    live: Option<Live>,
    /// What the counters were after the last call that went well.
    state: Vec<u8>,
    /// Why there will be no instance: it refused its settings once and would again.
    refusal: Option<Arc<Fault>>,
}

impl Backend {
    /// Returns a backend for a plug-in. `source` is its id in the configuration, which readings carry; `settings` must be
    /// complete and valid for its manifest.
    ///
    /// # Errors
    /// When the component is no energy backend. Refused settings are a fault of the first call.
    pub fn new(
        engine: &Engine,
        plugin: &Plugin,
        source: &str,
        settings: Vec<(String, SettingValue)>,
        limits: Limits,
    ) -> Result<Backend, PluginError> {
        let prepared = Prepared::new(engine, &plugin.component, &plugin.grants, limits)
            .map_err(|error| PluginError::Backend(format!("{error:#}")))?;
        let source = source.to_owned();
        Ok(Backend { prepared, source, settings, live: None, state: Vec::new(), refusal: None })
    }

    /// Makes sure that there is an instance that accepted the settings.
    ///
    /// # Errors
    /// The fault, when it did not.
    pub fn ready(&mut self) -> Result<(), Arc<Fault>> {
        let live = self.take()?;
        self.live = Some(live);
        Ok(())
    }

    /// Returns what to fetch from these targets.
    ///
    /// # Errors
    /// The fault, when the plug-in fails, or wants what it may not have.
    pub fn requests(&mut self, targets: &[String]) -> Result<Vec<Request>, Arc<Fault>> {
        let mut live = self.take()?;
        let wanted = live.requests(targets)?;
        let requests = checked::requests(wanted, targets)?;
        self.live = Some(live);
        Ok(requests)
    }

    /// Decodes documents.
    ///
    /// # Errors
    /// The fault, when there can be no instance. What goes wrong with documents is in the answer.
    pub fn decode(&mut self, documents: Vec<Document>) -> Result<Decoded, Arc<Fault>> {
        self.ready()?;
        let mut decoded = Decoded::default();
        let (mut call, mut bytes) = (Vec::new(), 0);
        for document in documents {
            if document.body.len() > MAX_BODY_BYTES {
                let message = format!("{} bytes came, {MAX_BODY_BYTES} are allowed", document.body.len());
                decoded.problems.push(problem(&document.target, &document.request, "too_large", message));
                continue;
            }
            if bytes + document.body.len() > MAX_BODY_BYTES {
                self.offer(&std::mem::take(&mut call), &mut decoded)?;
                bytes = 0;
            }
            bytes += document.body.len();
            call.push(to_wit(document));
        }
        self.offer(&call, &mut decoded)?;
        Ok(decoded)
    }

    /// Returns the state after the last call that went well, for a later instance; empty where the plug-in keeps none.
    pub fn snapshot(&self) -> &[u8] {
        &self.state
    }

    /// Takes up a state. One that the plug-in refuses is dropped: it starts anew.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), Arc<Fault>> {
        let mut live = self.take()?;
        live.restore(state)?;
        self.state = state.to_vec();
        self.live = Some(live);
        Ok(())
    }

    fn offer(&mut self, documents: &[wit::Document], decoded: &mut Decoded) -> Result<(), Arc<Fault>> {
        if documents.is_empty() {
            return Ok(());
        }
        let fault = match self.call(documents, decoded) {
            Ok(()) => return Ok(()),
            Err(fault) if self.refusal.is_some() => return Err(fault),
            Err(fault) => fault,
        };
        if let [document] = documents {
            let message = fault.to_string();
            decoded.problems.push(problem(&document.target, &document.request, "plugin_fault", message));
            decoded.faults.push(fault);
            return Ok(());
        }
        let (left, right) = documents.split_at(documents.len() / 2);
        self.offer(left, decoded)?;
        self.offer(right, decoded)
    }

    /// One call; an instance that fails is dropped, and what it said with it.
    fn call(&mut self, documents: &[wit::Document], decoded: &mut Decoded) -> Result<(), Arc<Fault>> {
        let mut live = self.take()?;
        let mut losses = Losses::default();
        let answer = live.decode(documents, &mut losses)?;
        let answer = checked::answer(answer, &self.source, &mut losses)?;
        self.state = live.snapshot()?;
        self.live = Some(live);
        decoded.readings.extend(answer.readings);
        decoded.problems.extend(answer.problems);
        decoded.again_after_s = decoded.again_after_s.max(answer.again_after_s);
        decoded.losses.merge(&losses);
        Ok(())
    }

    /// Takes the instance out, or makes one with the state of the last; it is put back where it did well.
    fn take(&mut self) -> Result<Live, Arc<Fault>> {
        if let Some(live) = self.live.take() {
            return Ok(live);
        }
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let started = self.prepared.configured(&self.settings).and_then(|mut live| {
            if !self.state.is_empty() {
                live.restore(&self.state)?;
            }
            Ok(live)
        });
        started.map_err(|fault| {
            let fault = Arc::new(fault);
            self.refusal = Some(fault.clone());
            fault
        })
    }
}

fn problem(target: &str, request: &str, reason: &str, message: String) -> Problem {
    let (target, request, reason) = (target.to_owned(), request.to_owned(), reason.to_owned());
    Problem { target, request, reason, message }
}

fn to_wit(document: Document) -> wit::Document {
    let Document { target, request, status, content_type, retry_after_s, received_at_ms, body } = document;
    wit::Document { target, request, status, content_type, retry_after_s, received_at_ms, body }
}

/// Returns a fault of what a backend hands over.
pub(super) fn nonsense(message: String) -> Fault {
    Fault::new(FaultKind::Answer, answer::said(message))
}
