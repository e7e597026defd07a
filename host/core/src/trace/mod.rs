//! What a trace is once it has been read: identifiers, interned texts, spans, sealed traces and the
//! columnar batch that plug-ins look into. Everything later (window, plug-ins, findings) speaks in
//! these types; nothing here knows a file format or an attribute name.

mod batch;
mod id;
pub mod packed;
mod sealed;
mod span;
mod text;

pub use batch::{Batch, SharedBatch};
pub use id::{IdTable, SpanId, TraceId};
pub use sealed::{NO_ROW, SealedTrace, TraceFlags};
pub use span::{CodeLocation, IoKind, Link, Span, SpanFlags, SpanRole, Status, Verb};
pub use text::{TextId, Texts};
