//! Long inputs in parts: whole lines, or whole messages, of about a megabyte each, for several threads to decode at the
//! same time. However long the input is, only the parts that are being decoded are in memory.

use super::IngestError;
use super::compress::Plain;
use super::otlp_protobuf::Framing;
use memchr::{memchr, memchr_iter, memrchr};

/// Bytes of a part, unless a record is longer.
const PART_BYTES: usize = 1 << 20;

/// How records follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    /// JSON documents, one a line.
    Lines,
    /// Messages of protobuf. Those without framing are cut between the fields of the outermost message, each of which
    /// is a message of its own.
    Frames(Framing),
}

/// What stands before a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Bytes.
    pub offset: u64,
    /// Lines.
    pub lines: u64,
}

/// Some records of an input.
pub(super) struct Part {
    pub number: u64,
    pub bytes: Vec<u8>,
    pub origin: Origin,
    pub records: Records,
    pub is_last: bool,
}

/// The parts of an input that have not been read yet.
pub(super) struct Parts<'a> {
    plain: Plain<'a>,
    records: Records,
    /// Read, but not yet part of a part.
    rest: Vec<u8>,
    ended: bool,
    origin: Origin,
    number: u64,
    limit: u64,
}

/// An input that has been opened.
pub(super) enum Opened<'a> {
    /// To be read in one piece: it is short, or one document. With the reason why its end is missing, if it is.
    Whole(Vec<u8>, Option<String>),
    /// To be read in parts.
    Parts(Parts<'a>),
}

/// Reads the beginning of an input, and all of it if there is no other way. No record, and no input that is read in
/// one piece, may be longer than `limit` bytes.
pub(super) fn open(mut plain: Plain<'_>, limit: u64) -> Result<Opened<'_>, IngestError> {
    let limit_here = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut start, mut length) = (Vec::new(), PART_BYTES.min(limit_here));
    while plain.fill(&mut start, length)? {
        if let Some(records) = super::documents::records_of(&start) {
            let (rest, origin) = (start, Origin::default());
            return Ok(Opened::Parts(Parts { plain, records, rest, ended: false, origin, number: 0, limit }));
        }
        // The first line may be longer than a part.
        if memchr(b'\n', &start).is_some() || length == limit_here {
            break;
        }
        length = length.saturating_mul(2).min(limit_here);
    }
    plain.fill_all(&mut start, limit)?;
    Ok(Opened::Whole(start, plain.truncated.take()))
}

impl Parts<'_> {
    /// Returns the next part; `bytes` is memory that may be used for it.
    pub fn next(&mut self, mut bytes: Vec<u8>) -> Result<Option<Part>, IngestError> {
        bytes.clear();
        std::mem::swap(&mut bytes, &mut self.rest);
        let mut wanted = PART_BYTES;
        let end = loop {
            if !self.ended {
                self.ended = !self.plain.fill(&mut bytes, wanted)?;
            }
            if self.ended {
                break bytes.len();
            }
            match self.records.end(&bytes) {
                0 if bytes.len() as u64 >= self.limit => return Err(self.plain.too_large(self.limit)),
                0 => wanted = bytes.len() * 2,
                end => break end,
            }
        };
        self.rest.extend_from_slice(&bytes[end..]);
        bytes.truncate(end);
        if bytes.is_empty() {
            return Ok(None);
        }
        let (number, origin) = (self.number, self.origin);
        self.number += 1;
        self.origin.offset += end as u64;
        if self.records == Records::Lines {
            self.origin.lines += memchr_iter(b'\n', &bytes).count() as u64;
        }
        let is_last = self.ended && self.rest.is_empty();
        Ok(Some(Part { number, bytes, origin, records: self.records, is_last }))
    }

    /// Returns why the end of the input is missing, if it is.
    pub fn truncated(&self) -> Option<String> {
        self.plain.truncated.clone()
    }
}

impl Records {
    /// Returns where the last whole record ends; 0 when there is none.
    fn end(self, bytes: &[u8]) -> usize {
        match self {
            Records::Lines => memrchr(b'\n', bytes).map_or(0, |newline| newline + 1),
            Records::Frames(framing) => framing.end(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(bytes: &[u8], limit: u64) -> Result<Opened<'_>, IngestError> {
        open(Plain::open("test", bytes)?, limit)
    }

    /// Reads an input in parts and returns how many there are; nothing when it is read whole.
    fn parts(bytes: &[u8], limit: u64) -> Option<usize> {
        let mut parts = match opened(bytes, limit).unwrap() {
            Opened::Whole(whole, _) => {
                assert_eq!(whole, bytes);
                return None;
            }
            Opened::Parts(parts) => parts,
        };
        let (mut all, mut lines, mut number) = (Vec::new(), 0, 0);
        while let Some(part) = parts.next(Vec::new()).unwrap() {
            let origin = Origin { offset: all.len() as u64, lines };
            assert_eq!((part.number, part.origin), (number, origin));
            assert_eq!(part.is_last, all.len() + part.bytes.len() == bytes.len());
            assert!(part.is_last || part.bytes.ends_with(b"\n"));
            lines += memchr_iter(b'\n', &part.bytes).count() as u64;
            number += 1;
            all.extend(part.bytes);
        }
        assert!(all == bytes, "every byte in its order");
        Some(number as usize)
    }

    fn line(length: usize) -> Vec<u8> {
        format!("{{\"resourceSpans\":[{}]}}\n", " ".repeat(length)).into_bytes()
    }

    #[test]
    fn lines_come_in_parts_whatever_their_length() {
        let many = 1 << 30;
        assert_eq!(parts(&line(10).repeat(100), many), None, "too short to be worth it");
        assert!(parts(&line(1_000).repeat(4_000), many) > Some(3));
        assert_eq!(parts(&line(3 * PART_BYTES / 2).repeat(3), many), Some(3), "lines longer than a part");
        let no_feed_at_the_end = line(1_000).repeat(4_000);
        assert!(parts(no_feed_at_the_end.trim_ascii_end(), many) > Some(3));
    }

    #[test]
    fn one_document_comes_whole() {
        let many = 1 << 30;
        assert_eq!(parts(&line(2 * PART_BYTES), many), None, "one line");
        let pretty = format!("{{\n  \"resourceSpans\": [{}\n  ]\n}}\n", "\n    ".repeat(PART_BYTES / 2));
        assert_eq!(parts(pretty.as_bytes(), many), None, "several lines");
    }

    #[test]
    fn the_limit_is_for_a_record() {
        let lines = line(1_000).repeat(4_000);
        assert!(parts(&lines, 2 * PART_BYTES as u64) > Some(3), "the input is longer than the limit");
        let one = [line(1_000).repeat(2_000), line(3 * PART_BYTES)].concat();
        let Ok(Opened::Parts(mut parts)) = opened(&one, 2 * PART_BYTES as u64) else { panic!("parts") };
        let error = loop {
            match parts.next(Vec::new()) {
                Ok(part) => assert!(part.is_some(), "the long line is read"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, IngestError::TooLarge { .. }), "{error}");
    }
}
