//! The places in a statement where a plain literal stands: what differs between two executions of one statement, found
//! without knowing any SQL.
//!
//! [`Slots::find`] cuts a text into slots (digits, or what stands between two quotes) and what is around them. Whether a
//! slot is a literal, only the normalizer can say; what is certain is that two texts equal but for their slots are read
//! alike if the slots of one of them are literals: nothing in a slot can end it, and nothing around it depends on what is
//! in it.

use rustc_hash::FxHasher;
use std::hash::Hasher;

/// Slots of one statement, at most; a longer list is no everyday statement.
const MOST: usize = 64;

/// A place whose text may differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    /// Where it begins, in bytes.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// Between quotes; digits otherwise.
    pub quoted: bool,
}

impl Slot {
    /// Returns its text.
    pub(crate) fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

/// The slots of a text. Reusable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
}

const OTHER: u8 = 0;
const DIGIT: u8 = 1;
const QUOTE: u8 = 2;
/// After a backslash a quote may not be the end.
const BACKSLASH: u8 = 3;

static CLASS: [u8; 256] = {
    let mut class = [OTHER; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        class[digit as usize] = DIGIT;
        digit += 1;
    }
    class[b'\'' as usize] = QUOTE;
    class[b'\\' as usize] = BACKSLASH;
    class
};

impl Slots {
    /// Finds the slots of `text` and returns a hash of what is around them; `None` where the text has a form in which
    /// slots could not be told.
    pub(crate) fn find(&mut self, text: &str) -> Option<u64> {
        let bytes = text.as_bytes();
        if u32::try_from(bytes.len()).is_err() {
            return None;
        }
        self.slots.clear();
        let mut hasher = FxHasher::default();
        let (mut at, mut around) = (0usize, 0usize);
        while let Some(skip) = bytes[at..].iter().position(|byte| CLASS[*byte as usize] != OTHER) {
            at += skip;
            let slot = match CLASS[bytes[at] as usize] {
                DIGIT => {
                    let start = at;
                    at += bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let free = start.checked_sub(1).is_none_or(|before| is_before_number(bytes[before]))
                        && bytes.get(at).is_none_or(|after| is_after_number(*after));
                    if !free {
                        continue;
                    }
                    Slot { start: start as u32, end: at as u32, quoted: false }
                }
                QUOTE => {
                    let start = at + 1;
                    let end = start + memchr::memchr2(b'\'', b'\\', &bytes[start..])?;
                    if bytes[end] != b'\'' || bytes.get(end + 1) == Some(&b'\'') {
                        return None;
                    }
                    at = end + 1;
                    Slot { start: start as u32, end: end as u32, quoted: true }
                }
                _ => return None,
            };
            if self.slots.len() == MOST {
                return None;
            }
            hasher.write(&bytes[around..slot.start as usize]);
            around = slot.end as usize;
            self.slots.push(slot);
        }
        hasher.write(&bytes[around..]);
        hasher.write_usize(self.slots.len());
        Some(hasher.finish())
    }

    /// Returns the slots, in order.
    pub(crate) fn as_slice(&self) -> &[Slot] {
        &self.slots
    }
}

/// A sign is not among them: it belongs to the number in some places.
fn is_before_number(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | b'(' | b',' | b'=' | b'<' | b'>')
}

fn is_after_number(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | b')' | b',' | b';')
}

/// Returns whether two texts are equal but for what their slots hold.
pub(crate) fn same_around(text: &str, slots: &[Slot], other: &str, others: &[Slot]) -> bool {
    if slots.len() != others.len() {
        return false;
    }
    let (mut at, mut other_at) = (0, 0);
    for (slot, other_slot) in slots.iter().zip(others) {
        if slot.quoted != other_slot.quoted
            || text.as_bytes()[at..slot.start as usize]
                != other.as_bytes()[other_at..other_slot.start as usize]
        {
            return false;
        }
        (at, other_at) = (slot.end as usize, other_slot.end as usize);
    }
    text.as_bytes()[at..] == other.as_bytes()[other_at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(text: &str) -> Option<Vec<&str>> {
        let mut slots = Slots::default();
        slots.find(text)?;
        Some(slots.as_slice().iter().map(|slot| slot.of(text)).collect())
    }

    #[test]
    fn plain_literals_are_slots() {
        assert_eq!(
            slots("SELECT o1_0.id FROM t2 WHERE a = 12 AND b IN ('x y', '', 7) LIMIT 5"),
            Some(vec!["12", "x y", "", "7", "5"])
        );
        // Part of a name, of another number, of a placeholder, or with a sign.
        assert_eq!(slots("a1 1.5 0x1F $1 :2 -3 4e5 p.6 7.x"), Some(vec![]));
        for text in ["'it''s'", r"'it\'s'", r"\", "'open", "''''"] {
            assert_eq!(slots(text), None, "{text}");
        }
    }

    #[test]
    fn texts_that_differ_in_slots_only_are_the_same_around_them() {
        let same = |a: &str, b: &str| {
            let (mut of_a, mut of_b) = (Slots::default(), Slots::default());
            let hashes = (of_a.find(a), of_b.find(b));
            let same = same_around(a, of_a.as_slice(), b, of_b.as_slice());
            assert!(!same || hashes.0 == hashes.1, "{a} {b}");
            same
        };
        assert!(same("a = 1 AND b = 'x'", "a = 234 AND b = ''"));
        assert!(!same("a = 1 AND b = 'x'", "a = 1 AND c = 'x'"));
        assert!(!same("a = 1", "a = '1'"));
        assert!(!same("a IN (1, 2)", "a IN (1)"));
        assert!(!same("a = 1 ", "a = 1"));
    }
}
