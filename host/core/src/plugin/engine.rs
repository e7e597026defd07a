//! The one wasmtime engine of a process. Plug-ins are precompiled by the same configuration that later
//! loads them, so it is written once, here.

use std::hash::{Hash, Hasher};
use wasmtime::{Config, Engine, OptLevel, Result};

/// How often the host advances the engine's epoch, in milliseconds: the grain of time limits.
pub const EPOCH_TICK_MS: u64 = 5;

/// Stack of a guest. Deeper recursion is a fault of the guest.
const MAX_STACK_BYTES: usize = 512 * 1024;

/// Returns an engine for plug-ins.
///
/// Epoch interruption bounds the time of a call. Threads, shared memories and every other proposal that a
/// detector has no use for are off. Fails when the machine cannot run Cranelift's code.
pub fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
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
