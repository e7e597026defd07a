//! What an instance may use, and the account that holds it to that. The limits are per store: a component made
//! of several modules, with a memory and tables each, has one budget for all of them.

use serde::{Deserialize, Serialize};
use wasmtime::{ResourceLimiter, Result};

/// Modules, memories and tables of one instance, each. A component made of Rust has three modules; one that brings
/// the interpreter of its language along has a dozen or two.
const MAX_PARTS: usize = 64;
/// What an element of a table takes in the host, in bytes.
const ELEMENT_BYTES: usize = size_of::<usize>();

/// What one instance of a plug-in may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// All its linear memories and tables together, in bytes.
    pub memory_bytes: usize,
    /// Time of one call, in milliseconds, to the next tick of the epoch.
    pub call_ms: u64,
    /// Findings in one answer.
    pub findings: usize,
    /// Bytes of all texts and lists of one answer.
    pub answer_bytes: usize,
    /// Bytes of findings in memory at a time, over all instances: of a whole run, or of a unit where they are handed on.
    pub run_bytes: usize,
}

impl Limits {
    /// What holds unless configured.
    pub const DEFAULT: Limits = Limits {
        memory_bytes: 64 << 20,
        call_ms: 5_000,
        findings: 10_000,
        answer_bytes: 32 << 20,
        run_bytes: 1 << 30,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

/// The running account of a store: bytes granted over all memories and tables. Nothing is ever given back,
/// because memories and tables live as long as their store.
#[derive(Debug, Default)]
pub(super) struct Meter {
    limit: usize,
    granted: usize,
    /// Whether anything was refused since [`Meter::forget_refusal`].
    refused: bool,
}

impl Meter {
    pub(super) fn new(limit: usize) -> Meter {
        Meter { limit, ..Meter::default() }
    }

    /// Bytes granted so far.
    pub(super) fn granted(&self) -> usize {
        self.granted
    }

    /// Whether a request was refused that the guest has not been seen to survive.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    /// The guest went on: what happens next is not because of the refusal.
    pub(super) fn forget_refusal(&mut self) {
        self.refused = false;
    }

    fn grant(&mut self, more: usize) -> bool {
        let total = self.granted.saturating_add(more);
        if total > self.limit {
            self.refused = true;
            return false;
        }
        self.granted = total;
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        // Beyond its own maximum the growth fails whatever is said here, so nothing is granted for it.
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(possible && self.grant(desired.saturating_sub(current)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(possible && self.grant(desired.saturating_sub(current).saturating_mul(ELEMENT_BYTES)))
    }

    fn instances(&self) -> usize {
        MAX_PARTS
    }

    fn memories(&self) -> usize {
        MAX_PARTS
    }

    fn tables(&self) -> usize {
        MAX_PARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Store;
    use wasmtime::component::{Component, Linker};

    /// Instantiates a component under a limit of 1 MiB, and returns its last error or `ok`.
    fn instantiate(wat: &str) -> String {
        let engine = super::super::engine().unwrap();
        let component = Component::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let mut store = Store::new(&engine, Meter::new(1 << 20));
        store.limiter(|meter| meter);
        store.set_epoch_deadline(u64::MAX / 2);
        match Linker::new(&engine).instantiate(&mut store, &component) {
            Ok(_) => "ok".to_owned(),
            Err(error) => format!("{:#} (refused: {})", error.root_cause(), store.data().refused()),
        }
    }

    fn component(module: &str, instances: usize) -> String {
        let instances = "(core instance (instantiate $m))".repeat(instances);
        format!("(component (core module $m {module}) {instances})")
    }

    /// Scenario: modules with a memory or a table each, alone below the limit.
    /// Guarantees: what counts is their sum, at the start and when they grow; and how many there are.
    #[test]
    fn the_limit_is_for_all_memories_and_tables_together() {
        let check = |module: &str, instances: usize, expect: &str| {
            assert_eq!(instantiate(&component(module, instances)), expect, "{instances} x {module}");
        };
        check("(memory 8)", 2, "ok");
        check("(memory 8)", 3, "memory minimum size of 8 pages exceeds memory limits (refused: true)");
        check("(table 60000 funcref)", 2, "ok");
        check(
            "(table 60000 funcref)",
            3,
            "table minimum size of 60000 elements exceeds table limits (refused: true)",
        );
        check(
            "(memory 8) (table 70000 funcref)",
            1,
            "table minimum size of 70000 elements exceeds table limits (refused: true)",
        );
        check("", MAX_PARTS, "ok");
        check("", MAX_PARTS + 1, "resource limit exceeded: instance count too high at 65 (refused: false)");
        let grow = "(memory 1) (func $start (if (i32.eq (memory.grow (i32.const 6)) (i32.const -1)) (then unreachable)))
            (start $start)";
        check(grow, 2, "ok");
        check(grow, 3, "wasm trap: wasm `unreachable` instruction executed (refused: true)");
    }

    /// Scenario: a module asks again and again for more than its own maximum.
    /// Guarantees: what it cannot get is not counted as granted, nor as our refusal.
    #[test]
    fn what_a_module_forbids_itself_costs_nothing() {
        let mut meter = Meter::new(100);
        for _ in 0..10 {
            assert!(!meter.memory_growing(0, 60, Some(50)).unwrap());
            assert!(!meter.table_growing(0, 6, Some(5)).unwrap());
        }
        assert!(!meter.refused());
        assert!(meter.memory_growing(0, 100, None).unwrap());
        assert!(!meter.memory_growing(100, 101, None).unwrap());
        assert!(meter.refused());
    }
}
