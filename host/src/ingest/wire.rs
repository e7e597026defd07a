//! The wire format of protobuf, read in place: varints, fixed numbers and length-delimited fields.

/// Why reading stopped, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WireError {
    /// Byte offset into the input.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What can be wrong with protobuf data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    /// The input ends inside a message.
    #[error("the data ends inside a message")]
    End,
    /// A field claims more bytes than its message has.
    #[error("a field is longer than the message around it")]
    Overrun,
    /// More than ten bytes, or more than 64 bits.
    #[error("a variable-length number is too long")]
    Varint,
    /// Groups and undefined wire types.
    #[error("unknown wire type {0}")]
    Type(u8),
    /// Field numbers start at 1 and have 29 bits.
    #[error("invalid field number")]
    Number,
}

/// A message, or any other length-delimited field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// Content.
    pub bytes: &'a [u8],
    /// Byte offset of the content in the input.
    pub offset: usize,
    /// False when the input may end, or does end, before the content does.
    pub complete: bool,
}

impl Message<'_> {
    /// Fails if the input ended inside.
    pub fn require_complete(&self) -> Result<(), WireError> {
        match self.complete {
            true => Ok(()),
            false => Err(WireError { offset: self.offset + self.bytes.len(), reason: Reason::End }),
        }
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    /// Numbers, truth values, enumerations.
    Varint(u64),
    /// 64 bits.
    Fixed64(u64),
    /// 32 bits, which no field read here has.
    Fixed32,
    /// Texts, bytes, messages.
    Bytes(Message<'a>),
}

impl Field<'_> {
    /// Fails if the input ended inside.
    pub fn complete(&self) -> Result<(), WireError> {
        match self {
            Field::Bytes(message) => message.require_complete(),
            _ => Ok(()),
        }
    }
}

/// A position in a message.
pub(super) struct Wire<'a> {
    message: Message<'a>,
    at: usize,
}

impl<'a> Wire<'a> {
    /// Returns a reader of the fields of a message.
    pub fn of(message: &Message<'a>) -> Wire<'a> {
        Wire { message: *message, at: 0 }
    }

    /// Returns the byte offset in the input of what comes next.
    pub fn offset(&self) -> usize {
        self.message.offset + self.at
    }

    /// Returns number and value of the next field. In an incomplete message the last field may be
    /// incomplete too; then it holds what is there.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, WireError> {
        if self.at >= self.message.bytes.len() {
            return Ok(None);
        }
        let start = self.offset();
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or(WireError { offset: start, reason: Reason::Number })?;
        let field = match (tag & 7) as u8 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => Field::Bytes(self.delimited()?),
            5 => self.fixed::<4>().map(|_| Field::Fixed32)?,
            other => return Err(WireError { offset: start, reason: Reason::Type(other) }),
        };
        Ok(Some((number, field)))
    }

    /// Reads a variable-length number. Most have one byte.
    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, WireError> {
        match self.message.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    #[cold]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let start = self.offset();
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let Some(&byte) = self.message.bytes.get(self.at) else { return Err(self.overrun()) };
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError { offset: start, reason: Reason::Varint })
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let rest = self.message.bytes.get(self.at..).unwrap_or_default();
        let bytes = *rest.first_chunk().ok_or_else(|| self.overrun())?;
        self.at += N;
        Ok(bytes)
    }

    #[inline(always)]
    fn delimited(&mut self) -> Result<Message<'a>, WireError> {
        let length = self.varint()?;
        let rest = self.message.bytes.get(self.at..).unwrap_or_default();
        let complete = length <= rest.len() as u64;
        if !complete && self.message.complete {
            return Err(self.overrun());
        }
        let taken = if complete { length as usize } else { rest.len() };
        let offset = self.offset();
        self.at += taken;
        Ok(Message { bytes: &rest[..taken], offset, complete })
    }

    #[cold]
    /// What running out of bytes means: a broken message, or the end of the input.
    fn overrun(&self) -> WireError {
        let reason = if self.message.complete { Reason::Overrun } else { Reason::End };
        WireError { offset: self.message.offset + self.message.bytes.len(), reason }
    }
}

/// Returns a key and the content of its value from a message that is nothing but `key = 1` and then `value = 2`, both
/// shorter than 16 KiB: how nearly every attribute is written. Any other one is for [`Wire`].
#[inline]
pub(super) fn short_pair(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, rest) = short(bytes, KEY)?;
    let (value, rest) = short(rest, VALUE)?;
    rest.is_empty().then_some((key, value))
}

/// Returns the text that a value holds and nothing else: `string_value = 1`, shorter than 16 KiB.
#[inline]
pub(super) fn short_text(value: &[u8]) -> Option<&[u8]> {
    short(value, KEY).and_then(|(text, rest)| rest.is_empty().then_some(text))
}

/// Returns the number that a value holds and nothing else: `int_value = 3`.
#[inline]
pub(super) fn only_int(value: &[u8]) -> Option<i64> {
    let [INT, rest @ ..] = value else { return None };
    let mut wire = Wire::of(&Message { bytes: rest, offset: 0, complete: true });
    let number = wire.varint().ok()?;
    (wire.at == rest.len()).then_some(number.cast_signed())
}

/// Field 3, a variable-length number.
const INT: u8 = 3 << 3;
/// Field 1, and field 2, length-delimited.
const KEY: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;

#[inline]
fn short(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    match bytes {
        [first, length, rest @ ..] if *first == tag && *length < 0x80 => {
            rest.split_at_checked((*length).into())
        }
        [first, low, high, rest @ ..] if *first == tag && *high < 0x80 => {
            rest.split_at_checked(usize::from(*low & 0x7f) | usize::from(*high) << 7)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], complete: bool, expect: &str) {
        let mut wire = Wire::of(&Message { bytes, offset: 100, complete });
        let got = match wire.next() {
            Ok(Some((number, Field::Bytes(inner)))) => {
                format!("{number}: {:?} {}", inner.bytes, inner.complete)
            }
            Ok(Some((number, field))) => format!("{number}: {field:?}"),
            Ok(None) => "nothing".to_owned(),
            Err(error) => format!("{} at {}", error.reason, error.offset),
        };
        assert_eq!(got, expect, "{bytes:?}");
    }

    #[test]
    fn short_pairs_are_those_that_are_nothing_else() {
        let check =
            |bytes: &[u8], expect: Option<(&[u8], &[u8])>| assert_eq!(short_pair(bytes), expect, "{bytes:?}");
        check(&[0x0a, 1, b'k', 0x12, 2, 8, 9], Some((b"k", &[8, 9])));
        check(&[0x0a, 0, 0x12, 0], Some((b"", b"")));
        // In the other order, with more, with less, cut off, longer, twice.
        check(&[0x12, 2, 8, 9, 0x0a, 1, b'k'], None);
        check(&[0x0a, 1, b'k', 0x12, 2, 8, 9, 0x18, 1], None);
        check(&[0x0a, 1, b'k'], None);
        check(&[0x0a, 1, b'k', 0x12, 2, 8], None);
        check(&[0x0a, 0x81, 0, b'k', 0x12, 0x80, 0], Some((b"k", b"")));
        check(&[0x0a, 0x81, 0x80, 0, b'k', 0x12, 0], None);
        check(&[0x0a, 1, b'k', 0x0a, 1, b'k'], None);
        check(&[], None);
        assert_eq!(short_text(&[0x0a, 2, b'o', b'k']), Some(&b"ok"[..]));
        assert_eq!(short_text(&[0x0a, 2, b'o', b'k', 0x18, 1]), None);
        assert_eq!(short_text(&[0x18, 1]), None);
        assert_eq!(only_int(&[0x18, 0x96, 1]), Some(150));
        for other in [&[0x18][..], &[0x18, 0x96], &[0x18, 1, 1], &[0x10, 1], &[]] {
            assert_eq!(only_int(other), None, "{other:?}");
        }
    }

    #[test]
    fn fields() {
        check(&[], true, "nothing");
        check(&[0x08, 0x96, 0x01], true, "1: Varint(150)");
        check(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0], true, "1: Fixed64(1)");
        check(&[0x0d, 1, 0, 0, 0], true, "1: Fixed32");
        check(&[0x12, 2, 7, 8, 9], true, "2: [7, 8] true");
        check(&[0x12, 3, 7, 8], false, "2: [7, 8] false");
        check(&[0x12, 3, 7, 8], true, "a field is longer than the message around it at 104");
        check(&[0x08, 0x96], false, "the data ends inside a message at 102");
        check(&[0x0b], true, "unknown wire type 3 at 100");
        check(&[0x00], true, "invalid field number at 100");
        check(
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            true,
            "1: Varint(18446744073709551615)",
        );
        check(
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
            true,
            "a variable-length number is too long at 101",
        );
    }
}
