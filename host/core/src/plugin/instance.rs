//! One instance of a plug-in in a store of its own, with limits on memory, time and output.

use super::answer;
use super::bindings::tracewatt::plugin::types as wit;
use super::bindings::{self, DetectorIndices};
use super::engine::EPOCH_TICK_MS;
use super::host_calls::{self, Log};
use super::limits::{Limits, Meter};
use super::{Fault, FaultKind, Fix, Grants, Interest, Manifest, Rule, Setting, SettingKind, SettingValue};
use crate::loss::Losses;
use crate::report::Severity;
use crate::trace::{SharedBatch, Texts};
use bindings::exports::tracewatt::plugin::manifest as wit_manifest;
use std::sync::Arc;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Result, Store, Trap, WasmBacktrace};

/// Messages to the log beyond those that are kept of a call.
const LOG_MESSAGES_DROPPED: &str = "plugin_log_messages_dropped";

/// Limits of an instance that is only looked at: the start and the manifest have 2 seconds.
const FOR_ONE_CALL: Limits = Limits { call_ms: 2_000, ..Limits::DEFAULT };

/// State of a store: what host calls answer from, and the account of the limits.
#[derive(Default)]
pub(super) struct State {
    pub(super) batch: Option<SharedBatch>,
    pub(super) texts: Option<Arc<Texts>>,
    pub(super) epoch: u32,
    pub(super) log: Log,
    pub(super) meter: Meter,
}

/// A plug-in ready to be instantiated any number of times.
pub(super) struct Prepared {
    pre: InstancePre<State>,
    exports: DetectorIndices,
    limits: Limits,
}

/// A live instance. After any fault it is unusable and must be dropped.
pub(super) struct Instance {
    store: Store<State>,
    detector: bindings::Detector,
    limits: Limits,
}

/// Why there is no instance, or no answer of it.
pub(super) enum StartError {
    /// An export has another type than it should.
    World(String),
    /// The guest failed.
    Fault(Fault),
}

impl Prepared {
    pub(super) fn new(
        engine: &Engine,
        component: &Component,
        grants: &Grants,
        limits: Limits,
    ) -> Result<Prepared> {
        let mut linker = Linker::new(engine);
        host_calls::link(&mut linker)?;
        if !grants.is_empty() {
            // The audit has let nothing pass that is neither ours nor granted.
            linker.define_unknown_imports_as_traps(component)?;
        }
        let pre = linker.instantiate_pre(component)?;
        Ok(Prepared { exports: DetectorIndices::new(&pre)?, pre, limits })
    }

    fn start(&self) -> std::result::Result<Instance, StartError> {
        let state = State { meter: Meter::new(self.limits.memory_bytes), ..State::default() };
        let mut store = Store::new(self.pre.engine(), state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(self.limits.answer_bytes);
        store.set_epoch_deadline(deadline_ticks(self.limits));
        let instance = match self.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(StartError::Fault(fault(&store, &error, Phase::Instantiate))),
        };
        match self.exports.load(&mut store, &instance) {
            Ok(detector) => Ok(Instance { store, detector, limits: self.limits }),
            Err(error) => Err(StartError::World(format!("{error:#}"))),
        }
    }

    fn instantiate(&self) -> std::result::Result<Instance, Fault> {
        self.start().map_err(|error| match error {
            StartError::Fault(fault) => fault,
            // Loading has looked at the types of the exports; nothing else may happen in their place.
            StartError::World(message) => Fault::new(FaultKind::Answer, message),
        })
    }

    /// Returns an instance that accepted these settings.
    pub(super) fn configured(
        &self,
        settings: &[(String, SettingValue)],
    ) -> std::result::Result<Instance, Fault> {
        let mut instance = self.instantiate()?;
        let entries: Vec<wit::Entry> = settings.iter().map(|(name, value)| entry(name, value)).collect();
        instance.store.set_epoch_deadline(deadline_ticks(self.limits));
        match instance.detector.tracewatt_plugin_lifecycle().call_configure(&mut instance.store, &entries) {
            Ok(Ok(())) => Ok(instance),
            Ok(Err(message)) => Err(Fault::new(FaultKind::Configure, answer::said(message))),
            Err(error) => Err(fault(&instance.store, &error, Phase::Call)),
        }
    }
}

impl Instance {
    /// Memories and tables, bytes.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.store.data().meter.granted() as u64
    }

    /// Calls `detect` on a batch. The texts must be the same, or grown, under the same `epoch`. What is not in
    /// the answer although the guest wrote it is added to `losses`.
    pub(super) fn detect(
        &mut self,
        batch: &SharedBatch,
        texts: &Arc<Texts>,
        epoch: u32,
        losses: &mut Losses,
    ) -> std::result::Result<Vec<wit::Finding>, Fault> {
        let state = self.store.data_mut();
        state.batch = Some(batch.clone());
        state.texts = Some(texts.clone());
        state.epoch = epoch;
        state.log.clear();
        state.meter.forget_refusal();
        self.store.set_epoch_deadline(deadline_ticks(self.limits));
        let answer = self.detector.tracewatt_plugin_detect().call_detect(
            &mut self.store,
            batch.traces(),
            batch.spans(),
        );
        let state = self.store.data_mut();
        state.batch = None;
        state.texts = None;
        match answer {
            Ok(findings) if findings.len() > self.limits.findings => {
                let (found, allowed) = (findings.len(), self.limits.findings);
                let message = format!("{found} findings in one answer, {allowed} are allowed");
                Err(Fault::new(FaultKind::Output, message))
            }
            Ok(findings) => {
                losses.add(LOG_MESSAGES_DROPPED, self.store.data_mut().log.clear());
                Ok(findings)
            }
            Err(error) => Err(fault(&self.store, &error, Phase::Call)),
        }
    }
}

/// Makes an instance and throws it away: only then the types of the exports are known. Returns what is wrong with
/// them. A start that fails is no matter of types: it may succeed within the limits of the configuration, and if not,
/// it is a fault like any other.
pub(super) fn try_out(
    engine: &Engine,
    component: &Component,
    grants: &Grants,
) -> std::result::Result<(), String> {
    let prepared =
        Prepared::new(engine, component, grants, FOR_ONE_CALL).map_err(|error| format!("{error:#}"))?;
    match prepared.start() {
        Err(StartError::World(message)) => Err(message),
        Ok(_) | Err(StartError::Fault(_)) => Ok(()),
    }
}

/// Asks a throw-away instance for the manifest.
pub(super) fn describe(
    engine: &Engine,
    component: &Component,
    grants: &Grants,
) -> std::result::Result<Manifest, StartError> {
    let prepared = Prepared::new(engine, component, grants, FOR_ONE_CALL)
        .map_err(|error| StartError::World(format!("{error:#}")))?;
    let mut instance = prepared.start()?;
    match instance.detector.tracewatt_plugin_manifest().call_describe(&mut instance.store) {
        Ok(description) => Ok(manifest(description)),
        Err(error) => Err(StartError::Fault(fault(&instance.store, &error, Phase::Call))),
    }
}

/// One tick more than asked for: the first may come at once.
fn deadline_ticks(limits: Limits) -> u64 {
    limits.call_ms.div_ceil(EPOCH_TICK_MS) + 1
}

/// When something failed.
#[derive(Clone, Copy)]
enum Phase {
    Instantiate,
    Call,
}

/// What wasmtime says when values of a call are larger than the store's fuel for host calls. The type is private.
const OUT_OF_HOSTCALL_FUEL: &str = "too much data is being copied between the host and the guest";

fn fault(store: &Store<State>, error: &wasmtime::Error, phase: Phase) -> Fault {
    let state = store.data();
    let cause = error.root_cause().to_string();
    let kind = match (error.downcast_ref::<Trap>(), phase) {
        (Some(Trap::Interrupt), _) => FaultKind::Deadline,
        (Some(Trap::UnreachableCodeReached), _) if state.meter.refused() => FaultKind::Memory,
        (Some(_), _) => FaultKind::Trap,
        (None, _) if cause.starts_with(OUT_OF_HOSTCALL_FUEL) => FaultKind::Output,
        // What is left: a memory or table that is refused at the start, too many of them, no memory in the host.
        (None, Phase::Instantiate) => FaultKind::Memory,
        // What is left: texts that are not UTF-8, lists beyond the end of the memory, variants without such a case.
        (None, Phase::Call) => FaultKind::Answer,
    };
    let message = match state.log.last_error() {
        Some(said) => format!("{said} ({cause})"),
        None => cause,
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    Fault { backtrace, log: state.log.lines(), ..Fault::new(kind, answer::said(message)) }
}

/// Frames kept of a backtrace, the innermost.
const MAX_FRAMES: usize = 64;

/// Functions of a backtrace by their names as written in the source; the address where a function has none.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    // The text is the one place where wasmtime demangles: a line of words, then `  12: 0x3fa - module!function`.
    let text = backtrace.to_string();
    let lines = text.lines().filter_map(|line| line.trim_start().split_once(": "));
    let frames = lines.filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let named = frames.map(|(_, frame)| frame.split_once(" - ").map_or(frame, |(_, name)| name));
    // Which module of the component it is says nothing: there is one of the author's.
    let functions = named.map(|name| name.split_once('!').map_or(name, |(_, function)| function));
    functions.take(MAX_FRAMES).map(|name| name.trim().to_owned()).collect()
}

fn entry(name: &str, value: &SettingValue) -> wit::Entry {
    wit::Entry { name: name.to_owned(), value: to_wit(value) }
}

fn to_wit(value: &SettingValue) -> wit::Value {
    match value {
        SettingValue::Boolean(value) => wit::Value::Boolean(*value),
        SettingValue::Integer(value) => wit::Value::Integer(*value),
        SettingValue::Float(value) => wit::Value::Number(*value),
        SettingValue::Text(value) => wit::Value::Text(value.clone()),
        SettingValue::TextList(values) => wit::Value::TextList(values.clone()),
    }
}

pub(super) fn from_wit(value: wit::Value) -> SettingValue {
    match value {
        wit::Value::Boolean(value) => SettingValue::Boolean(value),
        wit::Value::Integer(value) => SettingValue::Integer(value),
        wit::Value::Number(value) => SettingValue::Float(value),
        wit::Value::Text(value) => SettingValue::Text(value),
        wit::Value::TextList(values) => SettingValue::TextList(values),
    }
}

pub(super) fn severity(severity: wit::Severity) -> Severity {
    match severity {
        wit::Severity::Info => Severity::Info,
        wit::Severity::Warning => Severity::Warning,
        wit::Severity::Critical => Severity::Critical,
    }
}

fn manifest(description: wit_manifest::Description) -> Manifest {
    Manifest {
        name: description.name,
        version: description.version,
        summary: description.summary,
        license: description.license,
        rules: description.rules.into_iter().map(rule).collect(),
        settings: description.settings.into_iter().map(setting).collect(),
        interest: Interest { kinds: description.interest.kinds, min_spans: description.interest.min_spans },
    }
}

fn rule(rule: wit_manifest::Rule) -> Rule {
    let fix = |fix: wit_manifest::Fix| Fix { framework: fix.framework, text: fix.text, url: fix.url };
    Rule {
        name: rule.name,
        title: rule.title,
        page: rule.page,
        default_severity: severity(rule.default_severity),
        advice: rule.advice,
        yields_to: rule.yields_to,
        fixes: rule.fixes.into_iter().map(fix).collect(),
    }
}

fn setting(setting: wit_manifest::Setting) -> Setting {
    let kind = match setting.kind {
        wit_manifest::SettingKind::Boolean => SettingKind::Boolean,
        wit_manifest::SettingKind::Integer((min, max)) => SettingKind::Integer { min, max },
        wit_manifest::SettingKind::Number((min, max)) => SettingKind::Float { min, max },
        wit_manifest::SettingKind::Text => SettingKind::Text,
        wit_manifest::SettingKind::Choice(choices) => SettingKind::Choice(choices),
        wit_manifest::SettingKind::TextList => SettingKind::TextList,
    };
    Setting { name: setting.name, kind, default: from_wit(setting.default), doc: setting.doc }
}
