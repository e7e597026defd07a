//! A set of rows of sealed traces.

/// Rows, by number of the trace in the slice it came in and row within the trace. One bit per row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet(Vec<Vec<u64>>);

impl RowSet {
    /// Adds a row; adding it again changes nothing.
    pub fn insert(&mut self, trace: usize, row: usize) {
        if self.0.len() <= trace {
            self.0.resize_with(trace + 1, Vec::new);
        }
        let words = &mut self.0[trace];
        if words.len() <= row / 64 {
            words.resize(row / 64 + 1, 0);
        }
        words[row / 64] |= 1 << (row % 64);
    }

    /// Returns whether the row is in the set.
    pub fn contains(&self, trace: usize, row: usize) -> bool {
        let word = self.0.get(trace).and_then(|words| words.get(row / 64)).copied().unwrap_or(0);
        word >> (row % 64) & 1 == 1
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        self.0.iter().flatten().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Returns whether no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<(usize, usize)> for RowSet {
    fn from_iter<I: IntoIterator<Item = (usize, usize)>>(rows: I) -> RowSet {
        let mut set = RowSet::default();
        rows.into_iter().for_each(|(trace, row)| set.insert(trace, row));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_once() {
        let set: RowSet = [(0, 0), (2, 63), (2, 64), (2, 64)].into_iter().collect();
        assert_eq!(set.len(), 3);
        assert!(set.contains(2, 63) && set.contains(2, 64));
        assert!(!set.contains(1, 0) && !set.contains(2, 65) && !set.contains(9, 9999));
        assert!(RowSet::default().is_empty());
    }
}
