//! The documents of one input: how they follow each other, which of them are broken, where the input
//! was cut off.
//!
//! JSON documents may stand one per line or one after the other. A broken line is skipped and reported,
//! also one that has no end and runs into the next. A broken document that is not a line is an error,
//! unless others before it were fine. What is cut off at the end is used as far as it goes.

use super::json::{self, Json, JsonError};
use super::otlp_protobuf::{self, Frames, Framing};
use super::out::{Out, reading_again};
use super::parts::{Origin, Part, Piece, Records};
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
            JsonInput::new(bytes, &text, &mut progress).read(None, out)?;
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

/// Reads a part of an input: whole records, or a piece of a document.
pub(super) fn read_part(name: &str, part: &Part, out: &mut Out<'_>) -> Result<PartRead, IngestError> {
    let before = out.spans;
    let mut progress = Progress::new(name, part.origin);
    match part.records {
        Records::Lines => json(part, &mut progress, out)?,
        Records::Documents { behind } => {
            progress.used(behind.name());
            json(part, &mut progress, out)?;
        }
        Records::Piece(piece) => self::piece(part, piece, &mut progress, out)?,
        Records::Frames(framing) => protobuf(&part.bytes, framing, &mut progress, out)?,
    }
    if !part.is_last && progress.truncated.is_some() {
        // More records follow, so it is this one that is broken.
        let is_binary = matches!(part.records, Records::Frames(_));
        out.losses.add(if is_binary { "messages_skipped" } else { "lines_skipped" }, 1);
        let reason = progress.truncated.take().unwrap_or_default();
        let at = Place { offset: part.origin.offset, line: None };
        let error = progress.malformed(progress.formats.first().copied().unwrap_or("JSON"), at, reason);
        progress.skip(error);
    }
    let Progress { formats, truncated, warnings, skipped, error, .. } = progress;
    let number = part.number;
    Ok(PartRead { number, spans: out.spans - before, formats, truncated, warnings, skipped, error })
}

fn json(part: &Part, progress: &mut Progress<'_>, out: &mut Out<'_>) -> Result<(), IngestError> {
    let text = valid_utf8(&part.bytes, out);
    JsonInput::new(&part.bytes, &text, progress).read(None, out)
}

/// Reads a piece of the first document, or what is left of it and all that follows.
fn piece(
    part: &Part,
    piece: Piece,
    progress: &mut Progress<'_>,
    out: &mut Out<'_>,
) -> Result<(), IngestError> {
    let text = valid_utf8(&part.bytes, out);
    let mut input = JsonInput { added: piece.added, ..JsonInput::new(&part.bytes, &text, progress) };
    let context = text.get(..piece.added).unwrap_or_default();
    // What the context lacks has been counted where it stands in the input. Its text has no end, which is no matter.
    let again = |out: &mut Out<'_>| {
        let _ = piece.format.decode(&mut Json::new(context, 0, out.limits.max_depth), out);
    };
    reading_again(out, again, |out| input.read(Some(piece), out))?;
    if !piece.ends {
        progress.formats.clear();
    }
    Ok(())
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

/// What the first document of an input is, as far as the beginning of it tells.
pub(super) enum First {
    /// A document of this format, which begins at this byte.
    Document(Format, usize),
    /// The beginning is too short to tell.
    Undecided,
    /// Nothing that can be used, or not JSON.
    Other,
}

/// Looks at the first document of an input of which this is the beginning.
pub(super) fn first_document(start: &[u8], max_depth: u32) -> First {
    if shape_of(start) != Shape::Json {
        return First::Other;
    }
    let at = skip_blank(start, 0);
    match sniff::recognize(Json::new(&String::from_utf8_lossy(start), at, max_depth)) {
        Ok(Recognized::Format(format)) => First::Document(format, at),
        Err(JsonError { reason: json::Reason::End, .. }) => First::Undecided,
        Ok(Recognized::Other(_)) | Err(_) => First::Other,
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

/// Whether the document that begins at `at` ends with its line, whose line feed stands at `end`, to all appearances: it
/// does not look like the opening of a document over several lines, and the next line begins a document, or does not
/// exist, which counts where there are documents before it.
pub(super) fn ends_with_line(bytes: &[u8], at: usize, end: usize, is_first: bool) -> bool {
    let last = bytes[at..end].iter().rev().find(|byte| !byte.is_ascii_whitespace());
    let opens = matches!(last, None | Some(b'{' | b'[' | b',' | b':'));
    let next = skip_blank(bytes, end);
    let begins = next == bytes.len() && !is_first
        || matches!(bytes.get(next), Some(b'{' | b'['))
            && bytes[next - 1] != b' '
            && bytes[next - 1] != b'\t';
    !opens && begins
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
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let is_cut_off = |end: &[u8]| std::str::from_utf8(end).is_err_and(|error| error.error_len().is_none());
    let last = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let bytes = if is_cut_off(last) { &bytes[..bytes.len() - last.len()] } else { bytes };
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
    /// Bytes at the beginning that do not stand in the input.
    added: usize,
    progress: &'p mut Progress<'t>,
    /// End of the line that the current document begins in.
    line_end: usize,
}

impl<'p, 't> JsonInput<'p, 't> {
    fn new(bytes: &'p [u8], text: &'p str, progress: &'p mut Progress<'t>) -> JsonInput<'p, 't> {
        JsonInput { bytes, text, added: 0, progress, line_end: 0 }
    }

    /// Reads documents; the first one may be a piece of one.
    fn read(&mut self, mut piece: Option<Piece>, out: &mut Out<'_>) -> Result<(), IngestError> {
        let mut at = skip_blank(self.text.as_bytes(), 0);
        while at < self.text.len() {
            let piece = piece.take();
            let end = match piece {
                Some(piece) if piece.is_beyond_line => None,
                _ => self.document_limit(at),
            };
            let text = self.text.get(..end.unwrap_or(self.text.len())).unwrap_or_default();
            let known = piece.filter(|piece| piece.added > 0).map(|piece| piece.format);
            let next = match document(Json::new(text, at, out.limits.max_depth), known, out) {
                Ok((format, next)) => {
                    self.progress.used(format.name());
                    next
                }
                Err(failure) => match self.recover(failure, at, end, piece.is_some(), out)? {
                    Some(next) => next,
                    None => return Ok(()),
                },
            };
            at = skip_blank(self.text.as_bytes(), next);
        }
        Ok(())
    }

    /// Returns the end of the line if the document at `at` is one line of many.
    fn document_limit(&mut self, at: usize) -> Option<usize> {
        if at >= self.line_end {
            self.line_end = json::line_end(self.text, at);
        }
        let end = self.line_end;
        let is_first = self.progress.nothing_used();
        (end < self.text.len() && ends_with_line(self.text.as_bytes(), at, end, is_first)).then_some(end)
    }

    /// Decides how to go on after a document that failed: at the returned offset, or not at all.
    fn recover(
        &mut self,
        failure: Failure,
        start: usize,
        line_end: Option<usize>,
        is_piece: bool,
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
            && (is_piece || self.progress.origin == Origin::default());
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
        let Origin { offset: before, lines, columns } = self.progress.origin;
        let (text, bytes) = (&self.text.as_bytes()[self.added..], &self.bytes[self.added..]);
        let offset = offset.saturating_sub(self.added);
        let (line, column) = json::line_and_column(text, offset);
        let column = if line == 1 { columns + column } else { column };
        Place { offset: before + offset_in_bytes(bytes, offset) as u64, line: Some((lines + line, column)) }
    }
}

/// Decodes one document, of which the format may be known, and returns its format and where it ends.
fn document(
    mut json: Json<'_>,
    known: Option<Format>,
    out: &mut Out<'_>,
) -> Result<(Format, usize), Failure> {
    let recognized = known.map_or_else(|| sniff::recognize(json), |format| Ok(Recognized::Format(format)));
    let format = match recognized {
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
