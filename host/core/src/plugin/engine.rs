//! The one wasmtime engine of a process. Plug-ins are precompiled by the same configuration that later
//! loads them, so it is written once, here.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;
use wasmtime::{Config, Engine, OptLevel, Result};

/// How often the engine's epoch advances, in milliseconds: the grain of time limits.
pub(super) const EPOCH_TICK_MS: u64 = 5;

/// Stack of a guest. Deeper recursion is a fault of the guest.
const MAX_STACK_BYTES: usize = 512 * 1024;

/// Returns an engine for plug-ins.
///
/// Epoch interruption bounds the time of a call. Threads, shared memories and every other proposal that a
/// detector has no use for are off. Fails when the machine cannot run Cranelift's code.
pub fn engine() -> Result<Engine> {
    engine_with(OptLevel::Speed)
}

/// Returns an engine for a component that is called once: it compiles faster, and runs slower.
pub(super) fn engine_for_one_call() -> Result<Engine> {
    engine_with(OptLevel::None)
}

fn engine_with(level: OptLevel) -> Result<Engine> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .cranelift_opt_level(level)
        .max_wasm_stack(MAX_STACK_BYTES)
        .wasm_component_model(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false);
    Engine::new(&config)
}

/// Compiles a component for this machine. The result loads only into an engine with the same
/// [`compatibility`], and must never come from outside.
pub fn precompile(engine: &Engine, component: &[u8]) -> Result<Vec<u8>> {
    engine.precompile_component(component)
}

/// Returns a number that differs when compiled forms cannot be exchanged: other version, other CPU features.
pub fn compatibility(engine: &Engine) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Advances the engine's epoch while `work` runs: without that, time limits of plug-ins never end. Where two do
/// so for one engine at once, limits are reached in half the time.
pub fn ticking<T>(engine: &Engine, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ticker = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                thread::park_timeout(Duration::from_millis(EPOCH_TICK_MS));
                engine.increment_epoch();
            }
        });
        let _end = End { done: &done, ticker: ticker.thread() };
        work()
    })
}

/// Advances an engine's epoch while anybody works, for as long as it lives: the way of a program that runs for long,
/// where nothing should wake up while there is nothing to do.
#[derive(Debug)]
pub struct Ticker {
    shared: Arc<Ticking>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Ticking {
    working: AtomicUsize,
    ended: AtomicBool,
}

impl Ticker {
    /// Starts the thread of an engine. There must be no other for it.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn new(engine: &Engine) -> std::io::Result<Ticker> {
        let shared = Arc::new(Ticking::default());
        let (ticking, engine) = (shared.clone(), engine.clone());
        let thread = thread::Builder::new().name("tracewatt-ticker".to_owned()).spawn(move || {
            while !ticking.ended.load(Ordering::Acquire) {
                if ticking.working.load(Ordering::Acquire) == 0 {
                    thread::park();
                } else {
                    thread::park_timeout(Duration::from_millis(EPOCH_TICK_MS));
                    engine.increment_epoch();
                }
            }
        })?;
        Ok(Ticker { shared, thread: Some(thread) })
    }

    /// Does work that calls plug-ins.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let _working = Working::begin(self);
        work()
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Somebody who works, until it is dropped.
struct Working<'a>(&'a Ticker);

impl<'a> Working<'a> {
    fn begin(ticker: &'a Ticker) -> Working<'a> {
        if ticker.shared.working.fetch_add(1, Ordering::AcqRel) == 0 {
            ticker.wake();
        }
        Working(ticker)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.shared.working.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Ends the ticker when it goes, also when the work panics: the scope waits for it.
struct End<'a> {
    done: &'a AtomicBool,
    ticker: &'a Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        self.ticker.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(module (func (export "f") (loop (br 0))))`
    const ENDLESS: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\
        \x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";

    /// Guarantees: the epoch advances while somebody works, also a second time; the end waits for nobody.
    #[test]
    fn a_ticker_ticks_while_there_is_work() {
        let engine = engine().unwrap();
        let module = wasmtime::Module::new(&engine, ENDLESS).unwrap();
        let ticker = Ticker::new(&engine).unwrap();
        for _ in 0..2 {
            let mut store = wasmtime::Store::new(&engine, ());
            store.set_epoch_deadline(2);
            let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
            let endless = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
            assert!(ticker.during(|| endless.call(&mut store, ())).is_err());
        }
    }

    /// Scenario: the work panics. Guarantees: the panic arrives; nobody waits for the ticker for ever.
    #[test]
    fn a_panic_ends_the_ticking() {
        let engine = engine().unwrap();
        let panicked = thread::scope(|scope| {
            scope.spawn(|| ticking(&engine, || std::panic::resume_unwind(Box::new("gone")))).join()
        });
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"gone"));
        assert_eq!(ticking(&engine, || 7), 7);
    }
}
