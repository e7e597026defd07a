//! The columnar form of many sealed traces: what plug-ins see. Filling it costs one pass; a plug-in
//! copies the columns it asks for and no others.

use super::{IoKind, NO_ROW, SealedTrace};

/// Columns over the spans of several traces. Rows of one trace are consecutive; see `wit/` for the
/// meaning and unit of every column.
#[derive(Default, Debug, Clone)]
#[allow(missing_docs)] // the columns are documented where the contract is: wit/spans.wit
pub struct Batch {
    pub trace_offsets: Vec<u32>,
    pub trace_starts_ns: Vec<u64>,
    pub trace_flags: Vec<u8>,
    pub kinds: Vec<u8>,
    pub roles: Vec<u8>,
    pub verbs: Vec<u8>,
    pub statuses: Vec<u8>,
    pub span_flags: Vec<u32>,
    pub templates: Vec<u32>,
    pub parameter_hashes: Vec<u64>,
    pub services: Vec<u32>,
    pub names: Vec<u32>,
    pub peers: Vec<u32>,
    pub systems: Vec<u32>,
    pub scopes: Vec<u32>,
    pub groupings: Vec<u32>,
    pub endpoints: Vec<u32>,
    pub code_functions: Vec<u32>,
    pub code_lines: Vec<u32>,
    pub parents: Vec<u32>,
    pub entries: Vec<u32>,
    pub start_offsets_ns: Vec<u64>,
    pub durations_ns: Vec<u64>,
    pub batch_sizes: Vec<u32>,
    pub rows_returned: Vec<u32>,
    pub response_bytes: Vec<u64>,
    pub in_flight: Vec<u32>,
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

    fn clear(&mut self) {
        let Batch {
            trace_offsets,
            trace_starts_ns,
            trace_flags,
            kinds,
            roles,
            verbs,
            statuses,
            span_flags,
            templates,
            parameter_hashes,
            services,
            names,
            peers,
            systems,
            scopes,
            groupings,
            endpoints,
            code_functions,
            code_lines,
            parents,
            entries,
            start_offsets_ns,
            durations_ns,
            batch_sizes,
            rows_returned,
            response_bytes,
            in_flight,
        } = self;
        for column in [kinds, roles, verbs, statuses, trace_flags] {
            column.clear();
        }
        for column in [
            trace_offsets,
            span_flags,
            templates,
            services,
            names,
            peers,
            systems,
            scopes,
            groupings,
            endpoints,
            code_functions,
            code_lines,
            parents,
            entries,
            batch_sizes,
            rows_returned,
            in_flight,
        ] {
            column.clear();
        }
        for column in [trace_starts_ns, parameter_hashes, start_offsets_ns, durations_ns, response_bytes] {
            column.clear();
        }
    }
}
