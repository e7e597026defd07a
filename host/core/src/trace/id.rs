//! Trace and span identifiers as numbers, whatever the input spelled them like.

use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// A trace id. 32 hexadecimal digits are taken as they are; anything else (64-bit Jaeger ids, free
/// text of the native format) becomes a number through [`IdTable`], which remembers the spelling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TraceId(pub u128);

/// A span id, unique within its trace. 16 hexadecimal digits, or a number standing for other text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SpanId(pub u64);

/// Spellings of identifiers that are not plain lower-case hexadecimal of the OTLP length.
#[derive(Default, Debug, Clone)]
pub struct IdTable {
    traces: FxHashMap<TraceId, Box<str>>,
    spans: FxHashMap<SpanId, Box<str>>,
}

impl IdTable {
    /// Returns the id for a spelling; upper and lower case hexadecimal are the same id.
    pub fn trace(&mut self, text: &str) -> TraceId {
        if let Some(value) = parse_hex(text, 32) {
            return TraceId(value);
        }
        let id = TraceId(short_hex(text).unwrap_or_else(|| hash128(text)));
        keep_first(&mut self.traces, id, text);
        id
    }

    /// Returns the id for a spelling, see [`IdTable::trace`].
    pub fn span(&mut self, text: &str) -> SpanId {
        if let Some(value) = parse_hex(text, 16) {
            return SpanId(value as u64);
        }
        let id =
            SpanId(short_hex(text).filter(|v| *v <= u128::from(u64::MAX)).unwrap_or_else(|| hash128(text))
                as u64);
        keep_first(&mut self.spans, id, text);
        id
    }

    /// Returns the id a person means by `text`, without remembering anything.
    pub fn find_trace(text: &str) -> TraceId {
        TraceId(parse_hex(text, 32).or_else(|| short_hex(text)).unwrap_or_else(|| hash128(text)))
    }

    /// Returns the id that 32 hexadecimal digits spell.
    pub fn hex_trace(text: &str) -> Option<TraceId> {
        parse_hex(text, 32).map(TraceId)
    }

    /// Returns the id that 16 hexadecimal digits spell.
    pub fn hex_span(text: &str) -> Option<SpanId> {
        parse_hex(text, 16).map(|value| SpanId(value as u64))
    }

    /// Returns the spelling of the input: the remembered text, or 32 hexadecimal digits.
    pub fn trace_text(&self, id: TraceId) -> String {
        self.traces.get(&id).map_or_else(|| format!("{:032x}", id.0), |text| text.to_string())
    }

    /// Returns the spelling of the input: the remembered text, or 16 hexadecimal digits.
    pub fn span_text(&self, id: SpanId) -> String {
        self.spans.get(&id).map_or_else(|| format!("{:016x}", id.0), |text| text.to_string())
    }

    /// Adds the spellings that `other` remembers.
    pub fn merge(&mut self, other: &IdTable) {
        for (id, text) in &other.traces {
            keep_first(&mut self.traces, *id, text);
        }
        for (id, text) in &other.spans {
            keep_first(&mut self.spans, *id, text);
        }
    }
}

/// Of several spellings of one id, the first in byte order is remembered, whichever comes first.
fn keep_first<I: std::hash::Hash + Eq>(spellings: &mut FxHashMap<I, Box<str>>, id: I, text: &str) {
    match spellings.entry(id) {
        Entry::Occupied(mut known) if text < &**known.get() => *known.get_mut() = text.into(),
        Entry::Occupied(_) => {}
        Entry::Vacant(free) => {
            free.insert(text.into());
        }
    }
}

fn parse_hex(text: &str, digits: usize) -> Option<u128> {
    if text.len() != digits { None } else { short_hex(text) }
}

fn short_hex(text: &str) -> Option<u128> {
    if text.is_empty() || text.len() > 32 {
        return None;
    }
    let (mut value, mut all) = (0u128, 0);
    for half in text.as_bytes().chunks(16) {
        let mut part = 0u64;
        for byte in half {
            let digit = HEX_DIGITS[usize::from(*byte)];
            all |= digit;
            part = part << 4 | u64::from(digit);
        }
        value = value << (4 * half.len()) | u128::from(part);
    }
    (all < 16).then_some(value)
}

/// The value of a hexadecimal digit; 16 for a byte that is none.
const HEX_DIGITS: [u8; 256] = {
    let mut digits = [16; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// FNV-1a over 128 bits: stable across runs, which a seeded hash would not be.
fn hash128(text: &str) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    text.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_come_back() {
        let mut table = IdTable::default();
        for text in ["4bf92f3577b34da6a3ce929d0e0e4736", "a1b2c3d4e5f60718", "order-7/ü", "0"] {
            let id = table.trace(text);
            assert_eq!(table.trace_text(id), text);
            assert_eq!(IdTable::find_trace(text), id);
        }
        let id = table.span("00f067aa0ba902b7");
        assert_eq!(table.span_text(id), "00f067aa0ba902b7");
        assert_eq!(table.span("00F067AA0BA902B7"), id);
        for text in ["00f067aa0ba902b", "00f067aa0ba902bg", "00f067aa0ba902b70", "ä0f067aa0ba902b"] {
            assert_eq!(IdTable::hex_span(text), None, "{text}");
        }
        let (high, low) = ("4bf92f3577b34da6", "a3ce929d0e0e4736");
        let whole = IdTable::hex_trace(&format!("{high}{low}")).map(|id| id.0);
        let half = |text| IdTable::hex_span(text).map(|id| u128::from(id.0));
        assert_eq!(whole, half(high).zip(half(low)).map(|(high, low)| high << 64 | low));
    }
}
