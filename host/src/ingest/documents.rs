//! The documents of one input: how they follow each other, which of them are broken, where the input
//! was cut off.
//!
//! JSON documents may stand one per line or one after the other. A broken line is skipped and reported,
//! also one that has no end and runs into the next. A broken document that is not a line is an error,
//! unless others before it were fine. What is cut off at the end is used as far as it goes.

use super::json::{self, Json, JsonError};
use super::otlp_protobuf::{self, Frames, Framing};
use super::out::Out;
use super::parts::{Origin, Part, Records};
use super::sniff::{self, Format, Other, Recognized};
use super::wire::{self, Message, WireError};
use super::{IngestError, Place, Reading};
use memchr::{memchr_iter, memrchr};
use std::borrow::Cow;
use tracewatt_core::report::{Input, Warning};

const PROTOBUF: &str = "otlp-protobuf";

/// How many skipped parts of one input get a warning of their own; all of them are counted.
const MAX_WARNINGS: usize = 10;

/// Reads all documents of an input.
pub(super) fn read(name: &str, bytes: &[u8], out: &mut Out<'_>) -> Result<Reading, IngestError> {
    let mut progress = Progress::new(name, Origin::default());
    match shape_of(bytes) {
        Shape::Empty => return Err(IngestError::Empty { name: name.to_owned() }),
        Shape::Utf16 => return Err(IngestError::Utf16 { name: name.to_owned() }),
        Shape::Json => {
            let text = valid_utf8(bytes, out);
            JsonInput { bytes, text: &text, progress: &mut progress, line_end: 0 }.read(out)?;
        }
        Shape::Protobuf(framing) => protobuf(bytes, framing, &mut progress, out)?,
        Shape::Unknown => {
            let start: Vec<_> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let found = format!("bytes {}", start.join(" "));
            return Err(progress.unrecognized(Place { offset: 0, line: None }, found));
        }
    }
    progress.finish(out)
}

/// Reads a part of an input: whole records.
pub(super) fn read_part(name: &str, part: &Part, out: &mut Out<'_>) -> Result<PartRead, IngestError> {
    let before = out.spans;
    let mut progress = Progress::new(name, part.origin);
    match part.records {
        Records::Lines => {
            let text = valid_utf8(&part.bytes, out);
            JsonInput { bytes: &part.bytes, text: &text, progress: &mut progress, line_end: 0 }.read(out)?;
        }
        Records::Frames(framing) => protobuf(&part.bytes, framing, &mut progress, out)?,
    }
    if !part.is_last && progress.truncated.is_some() {
        // More records follow, so it is this one that is broken.
        out.losses.add(if part.records == Records::Lines { "lines_skipped" } else { "messages_skipped" }, 1);
        let reason = progress.truncated.take().unwrap_or_default();
        let at = Place { offset: part.origin.offset, line: None };
        let error = progress.malformed(progress.formats.first().copied().unwrap_or("JSON"), at, reason);
        progress.skip(error);
    }
    let Progress { formats, truncated, warnings, skipped, error, .. } = progress;
    let number = part.number;
    Ok(PartRead { number, spans: out.spans - before, formats, truncated, warnings, skipped, error })
}

/// What became of a part.
pub(super) struct PartRead {
    number: u64,
    spans: u64,
    formats: Vec<&'static str>,
    truncated: Option<String>,
    warnings: Vec<Warning>,
    skipped: u64,
    error: Option<IngestError>,
}

/// Puts together what became of all parts of an input.
pub(super) fn join(name: &str, mut parts: Vec<PartRead>) -> Result<Reading, IngestError> {
    parts.sort_by_key(|part| part.number);
    let mut all = Progress::new(name, Origin::default());
    let mut spans = 0;
    for part in parts {
        part.formats.into_iter().for_each(|format| all.used(format));
        let room = MAX_WARNINGS - all.warnings.len();
        all.warnings.extend(part.warnings.into_iter().take(room));
        all.truncated = part.truncated.or(all.truncated);
        all.skipped += part.skipped;
        all.error = all.error.or(part.error);
        spans += part.spans;
    }
    all.finish_with(spans)
}

/// Tells how an input of which this is the beginning can be read in parts; `None` when it has to be read whole.
pub(super) fn records_of(start: &[u8]) -> Option<Records> {
    match shape_of(start) {
        Shape::Json => are_lines(start).then_some(Records::Lines),
        Shape::Protobuf(framing) => Some(Records::Frames(framing)),
        _ => None,
    }
}

/// Whether there are two lines at least, and each is a document to all appearances.
fn are_lines(start: &[u8]) -> bool {
    let Some(end) = memrchr(b'\n', start) else { return false };
    let ends = |line: &[u8]| match (line.first(), line.trim_ascii_end().last()) {
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => true,
        (first, _) => first.is_none(),
    };
    let begins_another = matches!(start.get(end + 1), Some(b'{' | b'[') | None);
    let first = skip_blank(start, 0).min(end);
    begins_another && start[first..end].split(|byte| *byte == b'\n').all(|line| ends(line.trim_ascii_start()))
}

/// What the first bytes say.
#[derive(Debug, PartialEq)]
enum Shape {
    Empty,
    Utf16,
    Json,
    Protobuf(Framing),
    Unknown,
}

fn shape_of(bytes: &[u8]) -> Shape {
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{' | b'[', 0, ..] | [0, b'{' | b'[', ..]) {
        return Shape::Utf16;
    }
    match bytes.get(skip_blank(bytes, 0)) {
        None => Shape::Empty,
        Some(b'{' | b'[') if !is_binary(bytes) => Shape::Json,
        _ => otlp_protobuf::recognize(bytes).map_or(Shape::Unknown, Shape::Protobuf),
    }
}

/// A line feed followed by `{` may also be the beginning of a protobuf message of 123 bytes; that one has
/// control characters (tags, lengths, ids) soon, which JSON never has.
fn is_binary(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(256)];
    start[0] == b'\n' && start.iter().any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// Returns the offset of the next byte that can begin a document: white space, byte order marks and
/// record separators (RFC 7464) are passed over.
fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(rest) = bytes.get(at..) {
        match rest {
            [b' ' | b'\t' | b'\n' | b'\r' | 0x1e, ..] => at += 1,
            [0xef, 0xbb, 0xbf, ..] => at += 3,
            _ => break,
        }
    }
    at
}

/// Returns the bytes as text. Bytes that are not UTF-8 become U+FFFD, which is part of a word everywhere, as `?`
/// would not be; a character that is cut off at the end is left out.
fn valid_utf8<'a>(bytes: &'a [u8], out: &mut Out<'_>) -> Cow<'a, str> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Cow::Borrowed(text),
        Err(error) => error,
    };
    if error.error_len().is_none() {
        return String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    }
    let invalid = bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    out.losses.add("invalid_utf8_replaced", invalid as u64);
    String::from_utf8_lossy(bytes)
}

/// Returns the offset into the bytes for one into the text that [`valid_utf8`] made of them.
fn offset_in_bytes(bytes: &[u8], offset: usize) -> usize {
    let (mut in_text, mut in_bytes) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        if offset <= in_text + chunk.valid().len() {
            break;
        }
        in_text += chunk.valid().len();
        in_bytes += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            in_text += char::REPLACEMENT_CHARACTER.len_utf8();
            in_bytes += chunk.invalid().len();
        }
    }
    bytes.len().min(in_bytes + offset.saturating_sub(in_text))
}

/// What has become of an input so far.
struct Progress<'a> {
    name: &'a str,
    /// Where what is being read begins in the input.
    origin: Origin,
    formats: Vec<&'static str>,
    truncated: Option<String>,
    warnings: Vec<Warning>,
    skipped: u64,
    /// The first error, which is the input's if nothing could be read.
    error: Option<IngestError>,
}

impl<'a> Progress<'a> {
    fn new(name: &'a str, origin: Origin) -> Progress<'a> {
        let (formats, warnings) = (Vec::new(), Vec::new());
        Progress { name, origin, formats, truncated: None, warnings, skipped: 0, error: None }
    }

    /// Notes a document that could be used.
    fn used(&mut self, format: &'static str) {
        if !self.formats.contains(&format) {
            self.formats.push(format);
        }
    }

    fn nothing_used(&self) -> bool {
        self.formats.is_empty()
    }

    /// Notes a part that is left out. After the first few it is enough to count, for finding the line of
    /// an error takes time.
    fn skip(&mut self, error: IngestError) {
        if self.warns() {
            let message = format!("skipped a part of the input: {error}");
            self.warnings.push(Warning { kind: "skipped_input".to_owned(), message });
        }
        self.skipped += 1;
        self.error.get_or_insert(error);
    }

    fn warns(&self) -> bool {
        self.warnings.len() < MAX_WARNINGS
    }

    fn unrecognized(&self, at: Place, found: String) -> IngestError {
        IngestError::Unrecognized { name: self.name.to_owned(), at, found }
    }

    fn other(&self, at: Place, other: Other) -> IngestError {
        let name = self.name.to_owned();
        match other {
            Other::Unknown(found) => self.unrecognized(at, found),
            Other::Refusal(message) => IngestError::Refusal { name, at, message },
            Other::Report => IngestError::Report { name },
        }
    }

    fn malformed(&self, format: &'static str, at: Place, reason: String) -> IngestError {
        IngestError::Malformed { name: self.name.to_owned(), format, at, reason }
    }

    fn finish(self, out: &Out<'_>) -> Result<Reading, IngestError> {
        self.finish_with(out.spans)
    }

    fn finish_with(self, spans: u64) -> Result<Reading, IngestError> {
        if let (true, Some(error)) = (self.nothing_used(), self.error) {
            return Err(error);
        }
        let mut warnings = self.warnings;
        if self.skipped > warnings.len() as u64 {
            let more = self.skipped - warnings.len() as u64;
            let message = format!("skipped {more} more parts of `{}`", self.name);
            warnings.push(Warning { kind: "skipped_input".to_owned(), message });
        }
        let input = Input {
            name: self.name.to_owned(),
            format: self.formats.join("+"),
            spans,
            truncated: self.truncated,
        };
        Ok(Reading { input, warnings })
    }
}

/// Why a document could not be used.
enum Failure {
    /// It is JSON that ends at this offset, but no trace.
    Other(Other, usize),
    /// It is broken, in the format as which it was being read.
    Broken(Option<Format>, JsonError),
}

struct JsonInput<'p, 't> {
    bytes: &'p [u8],
    text: &'p str,
    progress: &'p mut Progress<'t>,
    /// End of the line that the current document begins in.
    line_end: usize,
}

impl JsonInput<'_, '_> {
    fn read(&mut self, out: &mut Out<'_>) -> Result<(), IngestError> {
        let mut at = skip_blank(self.text.as_bytes(), 0);
        while at < self.text.len() {
            let end = self.document_limit(at);
            let text = self.text.get(..end.unwrap_or(self.text.len())).unwrap_or_default();
            let next = match document(Json::new(text, at, out.limits.max_depth), out) {
                Ok((format, next)) => {
                    self.progress.used(format.name());
                    next
                }
                Err(failure) => match self.recover(failure, at, end, out)? {
                    Some(next) => next,
                    None => return Ok(()),
                },
            };
            at = skip_blank(self.text.as_bytes(), next);
        }
        Ok(())
    }

    /// Returns the end of the line if the document at `at` is one line of many: the next line begins a
    /// document too, and this one does not look like the opening of a document over several lines.
    fn document_limit(&mut self, at: usize) -> Option<usize> {
        if at >= self.line_end {
            self.line_end = json::line_end(self.text, at);
        }
        let end = self.line_end;
        if end == self.text.len() {
            return None;
        }
        let bytes = self.text.as_bytes();
        let last = bytes[at..end].iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let opens = matches!(last, None | Some(b'{' | b'[' | b',' | b':'));
        let next = skip_blank(bytes, end);
        let begins = next == bytes.len() && !self.progress.nothing_used()
            || matches!(bytes.get(next), Some(b'{' | b'['))
                && bytes[next - 1] != b' '
                && bytes[next - 1] != b'\t';
        (!opens && begins).then_some(end)
    }

    /// Decides how to go on after a document that failed: at the returned offset, or not at all.
    fn recover(
        &mut self,
        failure: Failure,
        start: usize,
        line_end: Option<usize>,
        out: &mut Out<'_>,
    ) -> Result<Option<usize>, IngestError> {
        if let (Failure::Broken(format, JsonError { reason: json::Reason::End, .. }), None) =
            (&failure, line_end)
        {
            return self.cut(*format, start).map(|()| None);
        }
        let resume = line_end.or_else(|| self.next_document(&failure, start));
        let stopped_there = matches!(&failure, Failure::Broken(_, error) if Some(error.offset) == resume);
        let alone = line_end.is_none()
            && self.progress.nothing_used()
            && self.progress.skipped == 0
            && self.progress.origin == Origin::default();
        if alone && !stopped_there {
            return Err(self.error(failure, start));
        }
        out.losses.add("lines_skipped", 1);
        match self.progress.warns() {
            true => self.progress.skip(self.error(failure, start)),
            false => self.progress.skipped += 1,
        }
        Ok(resume)
    }

    /// The input ends inside a document.
    fn cut(&mut self, format: Option<Format>, start: usize) -> Result<(), IngestError> {
        let end = self.place(self.text.len());
        let Some(format) = format else {
            if self.progress.nothing_used() {
                let found = format!("the text ends at {end}, before the format can be told");
                return Err(self.progress.unrecognized(self.place(start), found));
            }
            self.progress.truncated = Some(format!("the last document is cut off at {end}"));
            return Ok(());
        };
        self.progress.used(format.name());
        self.progress.truncated = Some(format!("the last document is cut off at {end}"));
        Ok(())
    }

    /// Returns the offset of the next line that begins a document: it may be the one that the broken
    /// document ran into, because it had no end of its own.
    fn next_document(&self, failure: &Failure, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let from = match failure {
            Failure::Other(_, end) => return Some(*end),
            Failure::Broken(_, error) => {
                let before = bytes.get(start..error.offset)?;
                memrchr(b'\n', before).map_or(error.offset, |newline| start + newline)
            }
        };
        memchr_iter(b'\n', bytes.get(from..)?)
            .map(|newline| from + newline + 1)
            .find(|at| matches!(bytes.get(*at), Some(b'{' | b'[')))
    }

    fn error(&self, failure: Failure, start: usize) -> IngestError {
        match failure {
            Failure::Other(other, _) => self.progress.other(self.place(start), other),
            Failure::Broken(format, error) => {
                let format = format.map_or("JSON", Format::name);
                self.progress.malformed(format, self.place(error.offset), error.reason.to_string())
            }
        }
    }

    fn place(&self, offset: usize) -> Place {
        let (line, column) = json::line_and_column(self.text.as_bytes(), offset);
        let Origin { offset: before, lines } = self.progress.origin;
        let offset = before + offset_in_bytes(self.bytes, offset) as u64;
        Place { offset, line: Some((lines + line, column)) }
    }
}

/// Decodes one document and returns its format and where it ends.
fn document(mut json: Json<'_>, out: &mut Out<'_>) -> Result<(Format, usize), Failure> {
    let format = match sniff::recognize(json) {
        Ok(Recognized::Format(format)) => format,
        Ok(Recognized::Other(other)) => {
            json.skip().map_err(|error| Failure::Broken(None, error))?;
            return Err(Failure::Other(other, json.offset()));
        }
        Err(error) => return Err(Failure::Broken(None, error)),
    };
    match format.decode(&mut json, out) {
        Ok(()) => Ok((format, json.offset())),
        Err(error) => Err(Failure::Broken(Some(format), error)),
    }
}

fn protobuf(
    bytes: &[u8],
    framing: Framing,
    progress: &mut Progress<'_>,
    out: &mut Out<'_>,
) -> Result<(), IngestError> {
    for frame in Frames::new(bytes, framing) {
        let Err(error) = frame.and_then(|frame| whole_message(&frame, framing, out)) else {
            progress.used(PROTOBUF);
            continue;
        };
        let at = Place { offset: progress.origin.offset + error.offset as u64, line: None };
        if error.reason == wire::Reason::End {
            progress.used(PROTOBUF);
            progress.truncated = Some(format!("the last message is cut off at {at}"));
            return Ok(());
        }
        let error = progress.malformed(PROTOBUF, at, error.reason.to_string());
        if framing == Framing::None {
            return Err(error);
        }
        out.losses.add("messages_skipped", 1);
        progress.skip(error);
    }
    Ok(())
}

fn whole_message(frame: &Message<'_>, framing: Framing, out: &mut Out<'_>) -> Result<(), WireError> {
    otlp_protobuf::message(frame, out)?;
    match framing {
        Framing::None => Ok(()),
        Framing::Varint | Framing::Fixed => frame.require_complete(),
    }
}
