//! One instance of an energy backend in a store of its own, under the same limits as a detector.

use super::bindings::energy as wit;
use super::bindings::exports::tracewatt::plugin::{lifecycle, manifest as wit_manifest};
use super::instance::{
    FOR_ONE_CALL, LOG_MESSAGES_DROPPED, Phase, StartError, State, deadline_ticks, entry, fault, linker,
    manifest,
};
use super::limits::{Limits, Meter};
use super::{Fault, FaultKind, Grants, Manifest, SettingValue, answer};
use crate::loss::Losses;
use wasmtime::component::{Component, InstancePre};
use wasmtime::{Engine, Store};

/// Largest state of a backend, bytes.
const MAX_STATE_BYTES: usize = 4 << 20;

/// A backend ready to be instantiated any number of times.
pub(super) struct Prepared {
    pre: InstancePre<State>,
    manifest: wit_manifest::GuestIndices,
    lifecycle: lifecycle::GuestIndices,
    energy: wit::GuestIndices,
    limits: Limits,
}

/// A live instance. After any fault it is unusable and must be dropped.
pub(super) struct Live {
    store: Store<State>,
    energy: wit::Guest,
    limits: Limits,
}

impl Prepared {
    pub(super) fn new(
        engine: &Engine,
        component: &Component,
        grants: &Grants,
        limits: Limits,
    ) -> wasmtime::Result<Prepared> {
        let linker = linker(engine, component, grants)?;
        let pre = linker.instantiate_pre(component)?;
        Ok(Prepared {
            manifest: wit_manifest::GuestIndices::new(&pre)?,
            lifecycle: lifecycle::GuestIndices::new(&pre)?,
            energy: wit::GuestIndices::new(&pre)?,
            pre,
            limits,
        })
    }

    fn store(&self) -> Store<State> {
        let state = State { meter: Meter::new(self.limits.memory_bytes), ..State::default() };
        let mut store = Store::new(self.pre.component().engine(), state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(self.limits.answer_bytes);
        store.set_epoch_deadline(deadline_ticks(self.limits));
        store
    }

    /// Returns what is wrong with the types of the exports.
    fn types(&self) -> Result<(), String> {
        let mut store = self.store();
        let Ok(instance) = self.pre.instantiate(&mut store) else { return Ok(()) };
        let loaded = self
            .manifest
            .load(&mut store, &instance)
            .map(drop)
            .and_then(|()| self.lifecycle.load(&mut store, &instance).map(drop))
            .and_then(|()| self.energy.load(&mut store, &instance).map(drop));
        loaded.map_err(|error| format!("{error:#}"))
    }

    /// Returns an instance that accepted these settings.
    pub(super) fn configured(&self, settings: &[(String, SettingValue)]) -> Result<Live, Fault> {
        let mut store = self.store();
        let instance =
            self.pre.instantiate(&mut store).map_err(|error| fault(&store, &error, Phase::Instantiate))?;
        let energy =
            self.energy.load(&mut store, &instance).map_err(|error| fault(&store, &error, Phase::Call))?;
        let lifecycle =
            self.lifecycle.load(&mut store, &instance).map_err(|error| fault(&store, &error, Phase::Call))?;
        let entries: Vec<_> = settings.iter().map(|(name, value)| entry(name, value)).collect();
        store.set_epoch_deadline(deadline_ticks(self.limits));
        match lifecycle.call_configure(&mut store, &entries) {
            Ok(Ok(())) => Ok(Live { store, energy, limits: self.limits }),
            Ok(Err(message)) => Err(Fault::new(FaultKind::Configure, answer::said(message))),
            Err(error) => Err(fault(&store, &error, Phase::Call)),
        }
    }
}

impl Live {
    pub(super) fn requests(&mut self, targets: &[String]) -> Result<Vec<wit::Request>, Fault> {
        self.begin();
        let answer = self.energy.call_requests(&mut self.store, targets);
        answer.map_err(|error| fault(&self.store, &error, Phase::Call))
    }

    pub(super) fn decode(
        &mut self,
        documents: &[wit::Document],
        losses: &mut Losses,
    ) -> Result<wit::Answer, Fault> {
        self.begin();
        let answer = self.energy.call_decode(&mut self.store, documents);
        let answer = answer.map_err(|error| fault(&self.store, &error, Phase::Call))?;
        losses.add(LOG_MESSAGES_DROPPED, self.store.data_mut().log.clear());
        Ok(answer)
    }

    pub(super) fn snapshot(&mut self) -> Result<Vec<u8>, Fault> {
        self.begin();
        match self.energy.call_snapshot(&mut self.store) {
            Ok(state) if state.len() > MAX_STATE_BYTES => {
                let message = format!("a state of {} bytes, {MAX_STATE_BYTES} are allowed", state.len());
                Err(Fault::new(FaultKind::Output, message))
            }
            Ok(state) => Ok(state),
            Err(error) => Err(fault(&self.store, &error, Phase::Call)),
        }
    }

    pub(super) fn restore(&mut self, state: &[u8]) -> Result<(), Fault> {
        self.begin();
        match self.energy.call_restore(&mut self.store, state) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(message)) => Err(Fault::new(FaultKind::Answer, answer::said(message))),
            Err(error) => Err(fault(&self.store, &error, Phase::Call)),
        }
    }

    fn begin(&mut self) {
        let state = self.store.data_mut();
        state.log.clear();
        state.meter.forget_refusal();
        self.store.set_epoch_deadline(deadline_ticks(self.limits));
    }
}

/// Makes an instance and throws it away; returns what is wrong with its exports. As for detectors, a start that fails is
/// no matter of types.
pub(super) fn try_out(engine: &Engine, component: &Component, grants: &Grants) -> Result<(), String> {
    match Prepared::new(engine, component, grants, FOR_ONE_CALL) {
        Err(error) => Err(format!("{error:#}")),
        Ok(prepared) => prepared.types(),
    }
}

/// Asks a throw-away instance for the manifest.
pub(super) fn describe(
    engine: &Engine,
    component: &Component,
    grants: &Grants,
) -> Result<Manifest, StartError> {
    let prepared = Prepared::new(engine, component, grants, FOR_ONE_CALL)
        .map_err(|error| StartError::World(format!("{error:#}")))?;
    let mut store = prepared.store();
    let failed = |store: &Store<State>, error, phase| StartError::Fault(fault(store, &error, phase));
    let instance =
        prepared.pre.instantiate(&mut store).map_err(|error| failed(&store, error, Phase::Instantiate))?;
    let guest = prepared
        .manifest
        .load(&mut store, &instance)
        .map_err(|error| StartError::World(format!("{error:#}")))?;
    match guest.call_describe(&mut store) {
        Ok(description) => Ok(manifest(description)),
        Err(error) => Err(failed(&store, error, Phase::Call)),
    }
}
