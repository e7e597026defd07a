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

    /// Reads a variable-length number.
    pub fn varint(&mut self) -> Result<u64, WireError> {
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

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let rest = self.message.bytes.get(self.at..).unwrap_or_default();
        let bytes = *rest.first_chunk().ok_or_else(|| self.overrun())?;
        self.at += N;
        Ok(bytes)
    }

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

    /// What running out of bytes means: a broken message, or the end of the input.
    fn overrun(&self) -> WireError {
        let reason = if self.message.complete { Reason::Overrun } else { Reason::End };
        WireError { offset: self.message.offset + self.message.bytes.len(), reason }
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
