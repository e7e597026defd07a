//! How far an analysis is, for whoever shows it: threads count up, another one looks. Nothing of a report depends on it.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far an analysis is. All counts only grow.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of all inputs, as they are stored, where that is known beforehand.
    pub total_bytes: Option<u64>,
    bytes: AtomicU64,
    spans: AtomicU64,
    has_read: AtomicBool,
    steps: AtomicU64,
    total_steps: AtomicU64,
}

/// How far an analysis was at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Inputs are being read.
    Reading {
        /// Bytes read so far, before decompression.
        bytes: u64,
        /// Bytes of all inputs, where that is known.
        total_bytes: Option<u64>,
        /// Spans read so far.
        spans: u64,
    },
    /// Everything has been read; traces are judged.
    Judging {
        /// Spans read.
        spans: u64,
        /// Share that is done, 0 to 100; `None` when it is not known.
        percent: Option<u64>,
    },
}

impl Progress {
    /// Returns a progress at its beginning.
    pub fn new(total_bytes: Option<u64>) -> Progress {
        Progress { total_bytes, ..Progress::default() }
    }

    /// Returns how far it is now.
    pub fn stage(&self) -> Stage {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let spans = get(&self.spans);
        if !self.has_read.load(Ordering::Relaxed) {
            return Stage::Reading { bytes: get(&self.bytes), total_bytes: self.total_bytes, spans };
        }
        let percent = (100 * get(&self.steps)).checked_div(get(&self.total_steps));
        Stage::Judging { spans, percent: percent.map(|percent| percent.min(100)) }
    }

    /// Counts the bytes that are read from an input.
    pub(super) fn counted<'a>(&'a self, input: impl Read + Send + 'a) -> Box<dyn Read + Send + 'a> {
        Box::new(Counted { input, progress: self })
    }

    pub(super) fn add_spans(&self, count: u64) {
        self.spans.fetch_add(count, Ordering::Relaxed);
    }

    /// Says that everything has been read, and how many steps are left.
    pub(super) fn has_read(&self, steps: usize) {
        self.total_steps.store(steps as u64, Ordering::Relaxed);
        self.has_read.store(true, Ordering::Relaxed);
    }

    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }
}

struct Counted<'a, R> {
    input: R,
    progress: &'a Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.progress.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
