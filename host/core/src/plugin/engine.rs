//! The one wasmtime engine of a process. Plug-ins are precompiled by the same configuration that later
//! loads them, so it is written once, here.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
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
