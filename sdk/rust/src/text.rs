//! Remembering what a text means.

use crate::Batch;

/// A verdict per text id, worked out once. Forgets everything when the host gives ids a new meaning.
pub struct TextTable<T> {
    epoch: u32,
    verdicts: Vec<Option<T>>,
}

impl<T> Default for TextTable<T> {
    fn default() -> Self {
        TextTable { epoch: 0, verdicts: Vec::new() }
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

    /// Returns the verdict on a text, working it out when it is asked for the first time.
    pub fn get(&mut self, batch: &Batch, id: u32, judge: impl FnOnce(&str) -> T) -> T {
        let at = id as usize;
        if self.verdicts.len() <= at {
            self.verdicts.resize(at + 1, None);
        }
        self.verdicts[at].get_or_insert_with(|| judge(&batch.text(id))).clone()
    }
}
