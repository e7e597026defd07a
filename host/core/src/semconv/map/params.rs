//! Parameters of a call as one number: equal parameters have equal numbers, and nothing else is kept.

use super::input::Attributes;
use crate::semconv::Attr;

/// The number of a call that has no parameters, so that identical calls are seen to be identical.
pub(super) const NO_PARAMS: u64 = 1;
/// JavaScript detectors hold numbers as doubles, hence 53 bits.
const MASK: u64 = (1 << 53) - 1;

/// FNV-1a over length-prefixed values: the same in every run, which a seeded hash would not be.
pub(super) struct Fingerprint {
    hash: u64,
    values: usize,
}

impl Fingerprint {
    pub(super) fn new() -> Self {
        Fingerprint { hash: 0xcbf2_9ce4_8422_2325, values: 0 }
    }

    pub(super) fn add(&mut self, value: &str) {
        self.values += 1;
        self.bytes(&(value.len() as u64).to_le_bytes());
        self.bytes(value.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Returns a number in `2..2^53`, or [`NO_PARAMS`] when nothing was added.
    pub(super) fn finish(&self) -> u64 {
        if self.values == 0 {
            return NO_PARAMS;
        }
        // The finalizer of MurmurHash3: FNV mixes its high bits poorly.
        let mut hash = self.hash;
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        ((hash ^ hash >> 33) & MASK).max(NO_PARAMS + 1)
    }
}

/// Adds the bound parameters that attributes carry and returns whether there were any. Where several
/// conventions are on one span, the newest one is read.
pub(super) fn add_recorded(attributes: Attributes<'_, '_>, into: &mut Fingerprint) -> bool {
    let mut keyed: Vec<_> = attributes.named().filter(|(key, _)| Attr::is_query_parameter(key)).collect();
    if !keyed.is_empty() {
        keyed.sort_by_key(|(key, _)| *key);
        for (key, value) in keyed {
            into.add(key);
            into.add(&value.display());
        }
        return true;
    }
    const LISTS: [Attr; 3] =
        [Attr::DbStatementParameters, Attr::DbPostgresqlValues, Attr::PgxQueryParameters];
    match attributes.first(&LISTS) {
        Some(list) => {
            into.add(&list.display());
            true
        }
        None => false,
    }
}

/// Returns whether a parameter, `7` or `id=7`, says something: it is no mark in the place of a value.
pub(super) fn is_seen(parameter: &str) -> bool {
    let value = parameter.split_once('=').map_or(parameter, |(_, value)| value).to_ascii_lowercase();
    !matches!(value.as_str(), "" | "?" | "<hidden>")
        && !value.contains("redacted")
        && !value.contains("filtered")
        && !value.contains('*')
}

/// Returns the number of parameter rows in the text of a Python list of rows, as `executemany`
/// records it: `[(1, 'a'), (2, 'b')]` has 2; 1 for anything else.
pub(super) fn rows_of(text: &str) -> u32 {
    let text = text.trim_start();
    // asyncpg records its argument tuple, which holds the list.
    let list = text.strip_prefix('(').map_or(text, str::trim_start);
    let Some(rows) = list.strip_prefix('[') else { return 1 };
    if !rows.trim_start().starts_with(['(', '[', '{']) {
        return 1;
    }
    count_rows(rows)
}

fn count_rows(rows: &str) -> u32 {
    let (mut depth, mut count, mut quote) = (0u32, 0u32, None);
    let mut bytes = rows.bytes();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => {
                count += u32::from(depth == 0);
                depth += 1;
            }
            (None, b')' | b']' | b'}') if depth == 0 => break,
            (None, b')' | b']' | b'}') => depth -= 1,
            _ => {}
        }
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_numbers() {
        let of = |values: &[&str]| {
            let mut print = Fingerprint::new();
            values.iter().for_each(|value| print.add(value));
            print.finish()
        };
        assert_eq!(of(&[]), NO_PARAMS);
        assert_eq!(of(&["1", "2"]), of(&["1", "2"]));
        assert_ne!(of(&["1", "2"]), of(&["12"]));
        assert_ne!(of(&["1", "2"]), of(&["2", "1"]));
        assert_ne!(of(&[""]), NO_PARAMS);
        assert!(of(&["x"]) < 1 << 53);
    }

    #[test]
    fn rows_of_executemany() {
        let cases = [
            ("[('z0',), ('z1',), ('z2',)]", 3),
            ("[(1, '(['), (2, 'it\\'s')]", 2),
            ("[[1], [2]]", 2),
            ("[{'a': 1}, {'a': {}}]", 2),
            ("([(1,), (2,)],)", 2),
            ("(1, 2)", 1),
            ("[1, 2]", 1),
            ("([1, 2, 3],)", 1),
            ("", 1),
            ("[(", 1),
        ];
        for (text, want) in cases {
            assert_eq!(rows_of(text), want, "{text}");
        }
    }
}
