//! Spans by trace. The traces of a run are cut into units, each of which is sealed and judged at one go: which
//! traces make a unit depends on their ids and on how many spans there are, and on nothing else.

use super::{BLOCK_BYTES, Spool, SpoolError};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use tracewatt_core::loss::Losses;
use tracewatt_core::trace::{SealedTrace, Span, Texts, TraceId, packed};
use tracewatt_core::window::{WindowOptions, seal_trace};

/// Enough that a partition of ten million spans is still sealed within few MiB.
const PARTITIONS: usize = 256;
/// Room for the record that fills a block; few are longer.
const RECORD_BYTES: usize = 256;
/// Spans from which on a unit is closed.
const UNIT_SPANS: u64 = 4_096;

/// Spans waiting to be sealed; threads write at the same time, each with a [`SpanWriter`].
#[derive(Debug)]
pub struct SpanSpool {
    spool: Spool,
    spans: Vec<AtomicU64>,
}

impl SpanSpool {
    /// Returns an empty spool that keeps about `budget` bytes in memory.
    pub fn new(budget: usize) -> SpanSpool {
        let spans = (0..PARTITIONS).map(|_| AtomicU64::new(0)).collect();
        SpanSpool { spool: Spool::new(PARTITIONS, budget), spans }
    }

    /// Returns a writer for one thread.
    pub fn writer(&self) -> SpanWriter<'_> {
        SpanWriter { spool: self, open: vec![(Vec::new(), 0); PARTITIONS] }
    }

    /// Number of spans.
    pub fn len(&self) -> u64 {
        self.spans.iter().map(|spans| spans.load(Ordering::Relaxed)).sum()
    }

    /// Returns whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts what has been pushed into units: each a range of partitions.
    pub fn units(&self) -> Vec<Range<usize>> {
        let mut units = Vec::new();
        let (mut start, mut spans) = (0, 0);
        for (partition, count) in self.spans.iter().enumerate() {
            spans += count.load(Ordering::Relaxed);
            if spans >= UNIT_SPANS || partition + 1 == PARTITIONS && spans > 0 {
                units.push(start..partition + 1);
                (start, spans) = (partition + 1, 0);
            }
        }
        units
    }

    /// Seals the traces of a unit, in the order of their ids. Every span pushed is in the result or counted in
    /// `losses`, see [`seal_trace`].
    ///
    /// # Errors
    /// When the temporary file fails.
    pub fn seal(
        &self,
        unit: &Range<usize>,
        options: &WindowOptions,
        texts: &mut Texts,
        losses: &mut Losses,
    ) -> Result<Vec<SealedTrace>, SpoolError> {
        let wanted: u64 = unit.clone().map(|partition| self.spans[partition].load(Ordering::Relaxed)).sum();
        let mut spans = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        for partition in unit.clone() {
            self.spool
                .read(partition, |mut block| spans.extend(std::iter::from_fn(|| packed::read(&mut block))))?;
        }
        if spans.len() as u64 != wanted {
            return Err(SpoolError::damaged());
        }
        let mut order: Vec<u32> = (0..spans.len() as u32).collect();
        order.sort_unstable_by_key(|at| (spans[*at as usize].trace, *at));
        let mut traces = Vec::new();
        let mut at = 0;
        while let Some(&first) = order.get(at) {
            let id = spans[first as usize].trace;
            let length = order[at..].iter().take_while(|other| spans[**other as usize].trace == id).count();
            let members = &order[at..at + length];
            let members = members.iter().map(|other| std::mem::take(&mut spans[*other as usize])).collect();
            traces.push(seal_trace(id, members, options, texts, losses));
            at += length;
        }
        Ok(traces)
    }

    /// Frees the spans of a unit.
    pub fn clear(&self, unit: &Range<usize>) {
        unit.clone().for_each(|partition| self.spool.clear(partition));
    }
}

/// One thread's way into a spool. Blocks are filled apart, so that threads seldom meet.
pub struct SpanWriter<'a> {
    spool: &'a SpanSpool,
    /// By partition: records, and how many.
    open: Vec<(Vec<u8>, u64)>,
}

impl SpanWriter<'_> {
    /// Adds a span to its trace.
    ///
    /// # Errors
    /// When the temporary file fails.
    pub fn push(&mut self, span: &Span) -> Result<(), SpoolError> {
        let partition = partition(span.trace);
        let (block, spans) = &mut self.open[partition];
        if block.capacity() == 0 {
            block.reserve(BLOCK_BYTES + RECORD_BYTES);
        }
        packed::write(span, block);
        *spans += 1;
        if block.len() < BLOCK_BYTES { Ok(()) } else { self.close(partition) }
    }

    /// Hands over what is left. Without it the last spans are missing.
    ///
    /// # Errors
    /// When the temporary file fails.
    pub fn finish(mut self) -> Result<(), SpoolError> {
        (0..PARTITIONS).try_for_each(|partition| self.close(partition))
    }

    fn close(&mut self, partition: usize) -> Result<(), SpoolError> {
        let (block, spans) = &mut self.open[partition];
        if block.is_empty() {
            return Ok(());
        }
        self.spool.spans[partition].fetch_add(std::mem::take(spans), Ordering::Relaxed);
        self.spool.spool.append_all(partition, block)
    }
}

/// Trace ids are random more often than not, but not always in the same bits.
fn partition(TraceId(id): TraceId) -> usize {
    let mixed = (id as u64 ^ (id >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % PARTITIONS
}
