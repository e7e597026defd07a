//! Records on their way from the threads that read to the threads that judge, in partitions, within a budget of
//! memory: what does not fit goes to an unnamed temporary file, block by block. A partition is read back whole and
//! in no promised order, so whoever reads must not depend on the order, and the size of the budget never shows in
//! a result.
//!
//! | file | holds |
//! |---|---|
//! | `spans` | spans, by trace |
//! | `concurrency` | calls, sorted by place and start, to count what is in flight |

mod concurrency;
mod spans;

pub use concurrency::{Concurrency, InFlight};
pub use spans::{SpanSpool, SpanWriter};

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes from which on a block is closed, and may go to the file.
const BLOCK_BYTES: usize = 8 * 1024;

/// A failure of the temporary file.
#[derive(Debug, thiserror::Error)]
#[error(
    "the temporary file for what does not fit into memory failed: {0}; set TMPDIR to a folder with free space"
)]
pub struct SpoolError(#[from] std::io::Error);

impl SpoolError {
    /// What was written does not come back.
    fn damaged() -> SpoolError {
        SpoolError(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "it holds other bytes than were written",
        ))
    }
}

/// Records in partitions.
#[derive(Debug)]
struct Spool {
    partitions: Vec<Mutex<Partition>>,
    /// Bytes in closed blocks that are kept in memory, and how many may be.
    kept: AtomicUsize,
    budget: usize,
    file: Mutex<Option<TempFile>>,
}

#[derive(Debug, Default)]
struct Partition {
    open: Vec<u8>,
    kept: Vec<Vec<u8>>,
    /// Offset and length of the blocks in the file.
    written: Vec<(u64, usize)>,
}

#[derive(Debug)]
struct TempFile {
    file: File,
    end: u64,
}

impl TempFile {
    fn create() -> std::io::Result<TempFile> {
        Ok(TempFile { file: tempfile::tempfile()?, end: 0 })
    }

    /// Appends a block; returns its offset.
    fn append(&mut self, block: &[u8]) -> std::io::Result<u64> {
        let at = self.end;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(block)?;
        self.end += block.len() as u64;
        Ok(at)
    }

    fn read(&mut self, at: u64, block: &mut [u8]) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(block)
    }
}

impl Spool {
    /// Returns an empty spool that keeps about `budget` bytes in memory, besides one open block per partition.
    fn new(partitions: usize, budget: usize) -> Spool {
        let partitions = (0..partitions).map(|_| Mutex::default()).collect();
        Spool { partitions, kept: AtomicUsize::new(0), budget, file: Mutex::new(None) }
    }

    /// Appends one record to a partition; `write` appends its bytes.
    fn append(&self, partition: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), SpoolError> {
        let mut partition = lock(&self.partitions[partition]);
        write(&mut partition.open);
        if partition.open.len() < BLOCK_BYTES { Ok(()) } else { self.close(&mut partition) }
    }

    /// Appends whole records to a partition, and empties `records`.
    fn append_all(&self, partition: usize, records: &mut Vec<u8>) -> Result<(), SpoolError> {
        let mut partition = lock(&self.partitions[partition]);
        if !partition.open.is_empty() {
            self.close(&mut partition)?;
        }
        std::mem::swap(&mut partition.open, records);
        records.clear();
        Ok(())
    }

    /// Closes the open block.
    fn close(&self, partition: &mut Partition) -> Result<(), SpoolError> {
        let length = partition.open.len();
        if self.kept.fetch_add(length, Ordering::Relaxed) + length <= self.budget {
            let mut block = std::mem::take(&mut partition.open);
            block.shrink_to_fit();
            partition.kept.push(block);
            return Ok(());
        }
        self.kept.fetch_sub(length, Ordering::Relaxed);
        let mut file = lock(&self.file);
        let file = match &mut *file {
            Some(file) => file,
            none => none.insert(TempFile::create()?),
        };
        let at = file.append(&partition.open)?;
        partition.written.push((at, length));
        partition.open.clear();
        Ok(())
    }

    /// Calls `block` with every block of a partition; each holds whole records.
    fn read(&self, partition: usize, mut block: impl FnMut(&[u8])) -> Result<(), SpoolError> {
        let partition = lock(&self.partitions[partition]);
        let mut buffer = Vec::new();
        for (at, length) in &partition.written {
            buffer.resize(*length, 0);
            if let Some(file) = &mut *lock(&self.file) {
                file.read(*at, &mut buffer)?;
            }
            block(&buffer);
        }
        partition.kept.iter().for_each(|kept| block(kept));
        block(&partition.open);
        Ok(())
    }

    /// Frees a partition; it is empty afterwards.
    fn clear(&self, partition: usize) {
        let partition = std::mem::take(&mut *lock(&self.partitions[partition]));
        self.kept.fetch_sub(partition.kept.iter().map(Vec::len).sum(), Ordering::Relaxed);
    }
}

/// A thread that panics holds no lock in a way that leaves half a record: `write` only appends.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes numbers into partitions and returns what comes back of each, sorted.
    fn round_trip(budget: usize) -> Vec<Vec<u32>> {
        let spool = Spool::new(3, budget);
        for number in 0..30_000u32 {
            spool.append(number as usize % 3, |out| out.extend(number.to_le_bytes())).unwrap();
        }
        let spilled = lock(&spool.file).is_some();
        assert_eq!(spilled, budget < 30_000 * 4, "{budget}");
        (0..3)
            .map(|partition| {
                let mut back = Vec::new();
                spool
                    .read(partition, |block| {
                        back.extend(block.chunks(4).map(|four| u32::from_le_bytes(four.try_into().unwrap())));
                    })
                    .unwrap();
                back.sort_unstable();
                back
            })
            .collect()
    }

    #[test]
    fn every_record_comes_back_whatever_the_budget() {
        let expected: Vec<Vec<u32>> = (0..3).map(|first| (first..30_000).step_by(3).collect()).collect();
        for budget in [0, 20_000, 70_000, 1 << 20] {
            assert_eq!(round_trip(budget), expected, "{budget}");
        }
    }

    #[test]
    fn a_cleared_partition_gives_its_memory_back() {
        let spool = Spool::new(1, 1 << 20);
        (0..20_000u32).for_each(|n| spool.append(0, |out| out.extend(n.to_le_bytes())).unwrap());
        assert!(spool.kept.load(Ordering::Relaxed) > 0);
        spool.clear(0);
        assert_eq!(spool.kept.load(Ordering::Relaxed), 0);
        spool.read(0, |block| assert!(block.is_empty())).unwrap();
    }
}
