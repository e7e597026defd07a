//! Long inputs in parts: whole lines, whole messages, or pieces of a document of about a megabyte each, for several
//! threads to decode at the same time. However long the input is, only the parts that are being decoded are in memory.
//!
//! A long JSON document is cut where [`Cutter`] says, and the documents behind it between each other. Where that cannot
//! go on, because something is broken or cut off or in an order that does not allow it, the last part is all that is
//! left, and is read like an input of its own.

use super::compress::Plain;
use super::cutter::{Cutter, Step};
use super::documents::{self, First};
use super::otlp_protobuf::Framing;
use super::sniff::Format;
use super::{IngestError, ReadLimits};
use memchr::{memchr, memchr_iter, memrchr};

/// How much is read at a time, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Of a part, unless a record is longer. A shorter input is read in one piece.
    pub part: usize,
    /// Within which the first line must end if the input is to be read by lines. Without line feeds, a shorter input is
    /// read in one piece.
    pub line: usize,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { part: 1 << 20, line: 8 << 20 }
    }
}

/// How records follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    /// JSON documents, one a line.
    Lines,
    /// Messages of protobuf. Those without framing are cut between the fields of the outermost message, each of which
    /// is a message of its own.
    Frames(Framing),
    /// A piece of the first document.
    Piece(Piece),
    /// JSON documents that follow one of the format `behind`.
    Documents { behind: Format },
}

/// A piece of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub format: Format,
    /// Bytes put before those of the input.
    pub added: usize,
    /// Whether it begins behind the line that the document begins in.
    pub is_beyond_line: bool,
    /// Whether it reaches to the end of the document, or of the input.
    pub ends: bool,
}

/// What stands before a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Bytes.
    pub offset: u64,
    /// Lines.
    pub lines: u64,
    /// Characters in the line that the part begins in.
    pub columns: u64,
}

impl Origin {
    /// Goes on to behind some text.
    fn pass(&mut self, text: &[u8]) {
        self.offset += text.len() as u64;
        let line = memrchr(b'\n', text).map_or(0, |newline| newline + 1);
        if line > 0 {
            self.lines += memchr_iter(b'\n', text).count() as u64;
            self.columns = 0;
        }
        let rest = &text[line..];
        // Nearly everything is, and it is told in no time.
        let characters =
            if rest.is_ascii() { rest.len() } else { String::from_utf8_lossy(rest).chars().count() };
        self.columns += characters as u64;
    }
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
    cuts: Cuts,
    /// Read, but not yet part of a part.
    rest: Vec<u8>,
    ended: bool,
    origin: Origin,
    number: u64,
    limit: u64,
    size: usize,
}

/// Where an input is cut.
enum Cuts {
    /// Between records.
    Records(Records),
    /// Within its first document.
    Document(Document),
    /// Between the documents behind it.
    Documents { cutter: Cutter, behind: Format },
}

/// The first document, as far as it has been cut.
struct Document {
    cutter: Cutter,
    format: Format,
    /// Where it begins in the next part.
    begin: usize,
    /// What has to stand before the next piece.
    context: String,
    /// Whether the line that it begins in has ended.
    is_beyond_line: bool,
}

/// An input that has been opened.
pub(super) enum Opened<'a> {
    /// To be read in one piece: it is short, or in a form that cannot be cut. With the reason why its end is missing, if
    /// it is.
    Whole(Vec<u8>, Option<String>),
    /// To be read in parts.
    Parts(Box<Parts<'a>>),
}

/// Reads the beginning of an input, and all of it if there is no other way. No record, and nothing that is read in one
/// piece, may be longer than the limit for documents.
pub(super) fn open<'a>(
    mut plain: Plain<'a>,
    limits: &ReadLimits,
    sizes: Sizes,
) -> Result<Opened<'a>, IngestError> {
    let limit = limits.max_document_bytes;
    let limit_here = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut start, mut length) = (Vec::new(), sizes.part.min(limit_here));
    while plain.fill(&mut start, length)? {
        if let Some(cuts) = cuts(&start, limits, sizes) {
            let (rest, origin, size) = (start, Origin::default(), sizes.part);
            let parts = Parts { plain, cuts, rest, ended: false, origin, number: 0, limit, size };
            return Ok(Opened::Parts(Box::new(parts)));
        }
        if length == limit_here {
            break;
        }
        length = length.saturating_mul(2).min(limit_here);
    }
    plain.fill_all(&mut start, limit)?;
    Ok(Opened::Whole(start, plain.truncated.take()))
}

/// Tells how an input with this beginning is cut; `None` when it is not, or the beginning is too short to tell.
fn cuts(start: &[u8], limits: &ReadLimits, sizes: Sizes) -> Option<Cuts> {
    if let Some(records) = documents::records_of(start) {
        return Some(Cuts::Records(records));
    }
    let First::Document(format, begin) = documents::first_document(start, limits.max_depth) else {
        return None;
    };
    match memchr(b'\n', &start[begin..]) {
        None if start.len() < sizes.line => return None,
        // One line of many is read as such, or else skipped as such.
        Some(length) if documents::ends_with_line(start, begin, begin + length, false) => return None,
        _ => {}
    }
    let cutter = Cutter::document(format, begin)?;
    let (context, is_beyond_line) = (String::new(), false);
    Some(Cuts::Document(Document { cutter, format, begin, context, is_beyond_line }))
}

impl Parts<'_> {
    /// Returns the next part; `bytes` is memory that may be used for it.
    pub fn next(&mut self, mut bytes: Vec<u8>) -> Result<Option<Part>, IngestError> {
        if self.ended && self.rest.is_empty() {
            return Ok(None);
        }
        bytes.clear();
        match self.cuts {
            Cuts::Records(records) => self.records(records, bytes),
            Cuts::Document(_) => self.piece(bytes),
            Cuts::Documents { .. } => self.documents(bytes),
        }
    }

    fn records(&mut self, records: Records, mut bytes: Vec<u8>) -> Result<Option<Part>, IngestError> {
        let mut wanted = self.size;
        let end = loop {
            self.fill(wanted)?;
            if self.ended {
                break self.rest.len();
            }
            match records.end(&self.rest) {
                0 => wanted = self.larger()?,
                end => break end,
            }
        };
        std::mem::swap(&mut bytes, &mut self.rest);
        self.rest.extend_from_slice(&bytes[end..]);
        bytes.truncate(end);
        let origin = self.origin;
        match records {
            Records::Frames(_) => self.origin.offset += end as u64,
            _ => self.origin.pass(&bytes),
        }
        Ok(if bytes.is_empty() { None } else { Some(self.part(bytes, origin, records)) })
    }

    /// Returns a piece of the first document, or all that is left.
    fn piece(&mut self, mut bytes: Vec<u8>) -> Result<Option<Part>, IngestError> {
        let step = self.search()?;
        let Cuts::Document(document) = &mut self.cuts else { return Ok(None) };
        let (end, next, ends) = match step {
            Step::Cut { end, next } => (end, next, false),
            Step::End(end) => (end, end, true),
            Step::More | Step::Odd => return self.all_that_is_left(),
        };
        let Document { format, begin, is_beyond_line, .. } = *document;
        if !is_beyond_line && let Some(length) = memchr(b'\n', &self.rest[begin..end]) {
            if documents::ends_with_line(&self.rest, begin, begin + length, true) {
                return self.all_that_is_left();
            }
            document.is_beyond_line = true;
        }
        let (before, behind) = document.cutter.context();
        let added = document.context.len();
        bytes.extend_from_slice(document.context.as_bytes());
        bytes.extend_from_slice(&self.rest[..end]);
        bytes.extend_from_slice(behind.as_bytes());
        document.cutter.forget(next);
        (document.begin, document.context) = (0, before);
        let origin = self.origin;
        self.origin.pass(&self.rest[..next]);
        self.rest.drain(..next);
        if ends {
            self.cuts = Cuts::Documents { cutter: Cutter::between_documents(), behind: format };
        }
        let piece = Piece { format, added, is_beyond_line, ends };
        Ok(Some(self.part(bytes, origin, Records::Piece(piece))))
    }

    /// Returns some documents, or all that is left.
    fn documents(&mut self, mut bytes: Vec<u8>) -> Result<Option<Part>, IngestError> {
        let step = self.search()?;
        let Cuts::Documents { cutter, behind } = &mut self.cuts else { return Ok(None) };
        let Step::Cut { end, .. } = step else { return self.all_that_is_left() };
        let records = Records::Documents { behind: *behind };
        cutter.forget(end);
        bytes.extend_from_slice(&self.rest[..end]);
        self.rest.drain(..end);
        let origin = self.origin;
        self.origin.pass(&bytes);
        Ok(Some(self.part(bytes, origin, records)))
    }

    /// Reads on until the cutter says something, or the input ends.
    fn search(&mut self) -> Result<Step, IngestError> {
        let mut wanted = self.size;
        // With some room behind it, more often than not the next place is there already.
        let from = self.size - self.size / 4;
        loop {
            self.fill(wanted)?;
            let cutter = match &mut self.cuts {
                Cuts::Records(_) => return Ok(Step::Odd),
                Cuts::Document(document) => &mut document.cutter,
                Cuts::Documents { cutter, .. } => cutter,
            };
            match cutter.scan(&self.rest, from) {
                Step::More if !self.ended => wanted = self.larger()?,
                step => return Ok(step),
            }
        }
    }

    /// Returns the rest of the input as its last part.
    fn all_that_is_left(&mut self) -> Result<Option<Part>, IngestError> {
        if !self.ended {
            self.plain.fill_all(&mut self.rest, self.limit)?;
            self.ended = true;
        }
        let mut bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return Ok(None);
        }
        let records = match &self.cuts {
            Cuts::Records(records) => *records,
            Cuts::Documents { behind, .. } => Records::Documents { behind: *behind },
            Cuts::Document(Document { format, context, is_beyond_line, .. }) => {
                bytes.splice(..0, context.bytes());
                let (added, is_beyond_line) = (context.len(), *is_beyond_line);
                Records::Piece(Piece { format: *format, added, is_beyond_line, ends: true })
            }
        };
        Ok(Some(self.part(bytes, self.origin, records)))
    }

    /// Reads until there are `wanted` bytes, or the input ends.
    fn fill(&mut self, wanted: usize) -> Result<(), IngestError> {
        if !self.ended {
            self.ended = !self.plain.fill(&mut self.rest, wanted)?;
        }
        Ok(())
    }

    /// Returns how many bytes to read when those that are there are not enough.
    fn larger(&self) -> Result<usize, IngestError> {
        match self.rest.len() {
            length if length as u64 >= self.limit => Err(self.plain.too_large(self.limit)),
            length => Ok(length.saturating_mul(2)),
        }
    }

    fn part(&mut self, bytes: Vec<u8>, origin: Origin, records: Records) -> Part {
        let number = self.number;
        self.number += 1;
        Part { number, bytes, origin, records, is_last: self.ended && self.rest.is_empty() }
    }

    /// Returns whether documents are cut.
    #[cfg(test)]
    pub fn are_pieces(&self) -> bool {
        !matches!(self.cuts, Cuts::Records(_))
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
            Records::Frames(framing) => framing.end(bytes),
            _ => memrchr(b'\n', bytes).map_or(0, |newline| newline + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART_BYTES: usize = 1 << 20;

    fn opened(bytes: &[u8], limit: u64) -> Result<Opened<'_>, IngestError> {
        let limits = ReadLimits { max_document_bytes: limit, ..ReadLimits::default() };
        open(Plain::open("test", bytes)?, &limits, Sizes::default())
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
            let origin = Origin { offset: all.len() as u64, lines, columns: 0 };
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
    fn what_is_short_or_cannot_be_cut_comes_whole() {
        let many = 1 << 30;
        assert_eq!(parts(&line(2 * PART_BYTES), many), None, "one line, not longer than a first line may be");
        let zipkin = format!("[\n  {}\n]", r#"{"traceId":"1","id":"2"}"#.repeat(PART_BYTES / 10));
        assert_eq!(parts(zipkin.as_bytes(), many), None, "its spans have two halves");
        let unknown = format!("{{\n  \"a\": [{}\n  ]\n}}\n", "\n    ".repeat(PART_BYTES / 2));
        assert_eq!(parts(unknown.as_bytes(), many), None, "no format");
    }

    /// Scenario: events in a list, over lines and in one line, and documents behind it. Guarantees: no part is much
    /// longer than asked for, the parts are the input but for what is put around them, and each begins where it says.
    #[test]
    fn one_document_comes_in_pieces() {
        let event = format!("{{\"trace_id\":\"ä\",\"span_id\":\"{}\"}}", "2".repeat(300));
        let list = |between: &str| format!("[{}]", vec![event.as_str(); 40_000].join(between));
        let behind = format!("\n{event}\n").repeat(10_000);
        for input in [list(",\n  "), list(",") + &behind] {
            let Ok(Opened::Parts(mut parts)) = opened(input.as_bytes(), 1 << 30) else { panic!("parts") };
            let (mut all, mut number) = (Vec::new(), 0);
            while let Some(part) = parts.next(Vec::new()).unwrap() {
                assert!(part.bytes.len() <= 2 * PART_BYTES);
                if let Records::Piece(Piece { added: 1, .. }) = part.records {
                    assert_eq!(all.pop(), Some(b']'), "put behind the piece before");
                    all.push(b',');
                    all.extend(&part.bytes[1..]);
                } else {
                    all.extend(&part.bytes);
                }
                let offset = all.len() - part.bytes.len() + added(&part);
                let (line, column) = crate::ingest::json::line_and_column(input.as_bytes(), offset);
                let place = Origin { offset: offset as u64, lines: line - 1, columns: column - 1 };
                assert_eq!(part.origin, place);
                number += 1;
            }
            assert!(all == input.as_bytes(), "every byte in its order");
            assert!(number > 10);
        }
    }

    fn added(part: &Part) -> usize {
        if let Records::Piece(piece) = part.records { piece.added } else { 0 }
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
