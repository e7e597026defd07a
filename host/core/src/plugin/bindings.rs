//! Types and exports generated from the WIT package. The imports are linked by hand, in `host_calls`, so
//! that a column crosses the boundary with one copy.

#![allow(missing_docs, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit/0.1",
    world: "detector",
});

/// The interface of energy backends; what it shares with detectors is above.
mod backend {
    #![allow(dead_code)]

    wasmtime::component::bindgen!({
        path: "../../wit/0.1",
        world: "energy-backend",
    });
}

pub(super) use backend::exports::tracewatt::plugin::energy;
