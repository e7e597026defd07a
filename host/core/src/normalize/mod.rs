//! Turning what an instrumentation recorded into templates.
