//! The columnar form of many sealed traces: what plug-ins see. Filling it costs one pass; a plug-in
//! copies the columns it asks for and no others.

use super::{IoKind, NO_ROW, SealedTrace};
use std::sync::Arc;

/// Calls `$then!` with the table of columns: field, WIT function, element type. The one place that lists them.
#[macro_export]
macro_rules! with_columns {
    ($then:path) => {
        $then! {
            trace_offsets "trace-offsets" u32,
            trace_starts_ns "trace-starts-ns" u64,
            trace_flags "trace-flags" u8,
            kinds "kinds" u8,
            roles "roles" u8,
            verbs "verbs" u8,
            statuses "statuses" u8,
            span_flags "span-flags" u32,
            templates "templates" u32,
            parameter_hashes "parameter-hashes" u64,
            services "services" u32,
            names "names" u32,
            peers "peers" u32,
            systems "systems" u32,
            scopes "scopes" u32,
            groupings "groupings" u32,
            endpoints "endpoints" u32,
            code_functions "code-functions" u32,
            code_lines "code-lines" u32,
            parents "parents" u32,
            entries "entries" u32,
            start_offsets_ns "start-offsets-ns" u64,
            durations_ns "durations-ns" u64,
            batch_sizes "batch-sizes" u32,
            rows_returned "rows-returned" u32,
            response_bytes "response-bytes" u64,
            in_flight "in-flight" u32,
        }
    };
}

macro_rules! define {
    ($($field:ident $function:literal $element:ty,)*) => {
        /// Columns over the spans of several traces. Rows of one trace are consecutive; see `wit/` for the
        /// meaning and unit of every column.
        #[derive(Default, Debug, Clone)]
        #[allow(missing_docs)] // the columns are documented where the contract is: wit/0.1/spans.wit
        pub struct Batch { $(pub $field: Vec<$element>,)* }

        /// A batch that several plug-ins read at once. The host hands a column to a plug-in with one copy.
        #[derive(Default, Debug, Clone)]
        #[allow(missing_docs)]
        pub struct SharedBatch { $(pub $field: Arc<Vec<$element>>,)* }

        impl Batch {
            fn clear(&mut self) {
                $(self.$field.clear();)*
            }
        }

        impl From<Batch> for SharedBatch {
            fn from(batch: Batch) -> Self {
                SharedBatch { $($field: Arc::new(batch.$field),)* }
            }
        }

        impl SharedBatch {
            /// Takes the memory back for the next batch, as far as nobody reads it any more.
            pub fn reclaim(self) -> Batch {
                Batch { $($field: Arc::try_unwrap(self.$field).unwrap_or_default(),)* }
            }
        }
    };
}
with_columns!(define);

impl SharedBatch {
    /// Number of traces.
    pub fn traces(&self) -> u32 {
        self.trace_starts_ns.len() as u32
    }

    /// Number of spans.
    pub fn spans(&self) -> u32 {
        self.kinds.len() as u32
    }
}

impl Batch {
    /// Returns the batch of some traces.
    pub fn of<'a>(traces: impl IntoIterator<Item = &'a SealedTrace>) -> Batch {
        let mut batch = Batch::default();
        batch.fill(traces);
        batch
    }

    /// Replaces the content by the columns of `traces`, keeping the memory.
    pub fn fill<'a>(&mut self, traces: impl IntoIterator<Item = &'a SealedTrace>) {
        self.clear();
        self.trace_offsets.push(0);
        for trace in traces {
            self.push(trace);
        }
    }

    /// Number of traces.
    pub fn traces(&self) -> u32 {
        self.trace_starts_ns.len() as u32
    }

    /// Number of spans.
    pub fn spans(&self) -> u32 {
        self.kinds.len() as u32
    }

    fn push(&mut self, trace: &SealedTrace) {
        let base = self.kinds.len() as u32;
        let start = trace.start_ns();
        let shift = |row: u32| if row == NO_ROW { NO_ROW } else { base + row };
        for (row, span) in trace.spans.iter().enumerate() {
            let kind = if trace.counts(row) { span.kind } else { IoKind::Other };
            self.kinds.push(kind as u8);
            self.roles.push(span.role as u8);
            self.verbs.push(span.verb as u8);
            self.statuses.push(span.status as u8);
            self.span_flags.push(span.flags.0);
            self.templates.push(span.template.0);
            self.parameter_hashes.push(span.params);
            self.services.push(span.service.0);
            self.names.push(span.name.0);
            self.peers.push(span.peer.0);
            self.systems.push(span.system.0);
            self.scopes.push(span.scope.0);
            self.groupings.push(span.grouping.0);
            self.endpoints.push(trace.endpoints[row].0);
            self.code_functions.push(span.code.function.0);
            self.code_lines.push(span.code.line);
            self.parents.push(shift(trace.parents[row]));
            self.entries.push(shift(trace.entries[row]));
            self.start_offsets_ns.push(span.start_ns - start);
            self.durations_ns.push(span.duration_ns);
            self.batch_sizes.push(span.batch_size);
            self.rows_returned.push(span.rows.unwrap_or(NO_ROW));
            self.response_bytes.push(span.response_bytes.unwrap_or(u64::MAX));
            self.in_flight.push(trace.in_flight[row]);
        }
        self.trace_starts_ns.push(start);
        self.trace_flags.push(trace.flags.0);
        self.trace_offsets.push(self.kinds.len() as u32);
    }
}
