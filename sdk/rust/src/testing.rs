//! Batches made of rows, for the tests of this crate.

use crate::batch::{Batch, Columns, NO_ROW};

/// One span, as far as tests here care.
#[derive(Clone, Copy, Default)]
pub struct Row {
    pub kind: u8,
    pub verb: u8,
    pub flags: u32,
    pub template: u32,
    pub parameters: u64,
    pub service: u32,
    pub peer: u32,
    /// Row of the entry; 0 = none.
    pub entry: u32,
    pub start_ns: u64,
    pub duration_ns: u64,
    pub rows: Option<u32>,
}

/// Returns a batch of these traces. Text `n` is `texts[n - 1]`.
pub fn batch(traces: &[&[Row]], texts: &[String]) -> Batch {
    let mut offsets = vec![0];
    offsets.extend(traces.iter().scan(0, |end, rows| {
        *end += rows.len() as u32;
        Some(*end)
    }));
    Batch::new(Box::new(Rows { rows: traces.concat(), offsets, texts: texts.to_vec() }))
}

struct Rows {
    rows: Vec<Row>,
    offsets: Vec<u32>,
    texts: Vec<String>,
}

impl Rows {
    fn all<T>(&self, value: impl Fn(&Row) -> T) -> Vec<T> {
        self.rows.iter().map(value).collect()
    }
}

macro_rules! rows {
    ($($column:ident: $element:ty = $value:expr,)*) => {
        impl Columns for Rows {
            $(fn $column(&self) -> Vec<$element> {
                self.all($value)
            })*

            fn trace_offsets(&self) -> Vec<u32> {
                self.offsets.clone()
            }

            fn trace_starts_ns(&self) -> Vec<u64> {
                vec![0; self.offsets.len() - 1]
            }

            fn trace_flags(&self) -> Vec<u8> {
                vec![1; self.offsets.len() - 1]
            }

            fn epoch(&self) -> u32 {
                1
            }

            fn text(&self, id: u32) -> String {
                self.texts[id as usize - 1].clone()
            }
        }
    };
}

rows! {
    kinds: u8 = |row| row.kind,
    roles: u8 = |_| 2,
    verbs: u8 = |row| row.verb,
    statuses: u8 = |_| 0,
    span_flags: u32 = |row| row.flags,
    templates: u32 = |row| row.template,
    parameter_hashes: u64 = |row| row.parameters,
    services: u32 = |row| row.service,
    names: u32 = |_| 0,
    peers: u32 = |row| row.peer,
    systems: u32 = |_| 0,
    scopes: u32 = |_| 0,
    groupings: u32 = |_| 0,
    endpoints: u32 = |_| 0,
    code_functions: u32 = |_| 0,
    code_lines: u32 = |_| 0,
    parents: u32 = |_| NO_ROW,
    entries: u32 = |row| if row.entry == 0 { NO_ROW } else { row.entry },
    start_offsets_ns: u64 = |row| row.start_ns,
    durations_ns: u64 = |row| row.duration_ns,
    batch_sizes: u32 = |_| 1,
    rows_returned: u32 = |row| row.rows.unwrap_or(u32::MAX),
    response_bytes: u64 = |_| u64::MAX,
    in_flight: u32 = |_| 1,
}
