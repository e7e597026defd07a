//! Remembering what a text means.

use crate::Batch;
use rustc_hash::FxHashMap;

/// A verdict per text id, worked out once. Forgets everything when the host gives ids a new meaning. Takes memory
/// for the texts it was asked about, however many others the host has.
pub struct TextTable<T> {
    epoch: u32,
    verdicts: FxHashMap<u32, T>,
}

impl<T> Default for TextTable<T> {
    fn default() -> Self {
        TextTable { epoch: 0, verdicts: FxHashMap::default() }
    }
}

impl<T: Clone> TextTable<T> {
    /// Must be called at the start of every batch.
    pub fn begin(&mut self, batch: &Batch) {
        let epoch = batch.epoch();
        if epoch != self.epoch {
            self.epoch = epoch;
            self.verdicts.clear();
        }
    }

    /// Returns the verdict on a text, working it out when it is asked for the first time. What costs something to
    /// clone belongs in an [`Rc`](std::rc::Rc).
    pub fn get(&mut self, batch: &Batch, id: u32, judge: impl FnOnce(&str) -> T) -> T {
        self.verdicts.entry(id).or_insert_with(|| judge(&batch.text(id))).clone()
    }
}
