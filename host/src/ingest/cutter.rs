//! Where one long JSON document can be cut: between the elements of the lists that its format makes long. A piece is
//! such elements with the brackets, the resource and the scope around them put back, so that it is a document of its
//! own, for the same decoder.
//!
//! Only what is certain is cut. The lists, and the objects on the way to them, are read as strictly as the decoder reads
//! them; everything else is passed over by its quotes and brackets. At the first thing out of place there are no cuts
//! any more. What a list needs to be understood must stand before it: a resource behind its scopes, a scope behind its
//! spans, `processes` behind the spans of a single trace leave their object uncut.

use super::json::plain;
use super::sniff::Format;
use memchr::memchr_iter;

/// Levels that are followed; deeper lists are not cut.
const MAX_LEVELS: usize = 16;

/// Longest resource or scope that is put into every piece, in bytes; the lists behind a longer one are not cut.
const MAX_CONTEXT: usize = 64 * 1024;

/// What a value is for its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Document,
    /// An element of OTLP's `resourceSpans`.
    Resource,
    /// An element of OTLP's `scopeSpans`.
    Scope,
    /// A span, an event, a trace of Jaeger: never cut.
    Unit,
}

/// A list or an object around the place.
#[derive(Debug)]
enum Level {
    /// A list, and what its elements are.
    Array(Role),
    /// An object: the key whose value is being read, and its resource or scope as it stands in the input.
    Object { role: Role, key: &'static str, context: Option<String> },
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A document.
    Start,
    /// The first element of a list, or its end.
    First,
    /// An element behind a comma, which may be cut off here.
    Next,
    /// An element, which may not.
    Element,
    /// The first key of an object, or its end.
    FirstKey,
    /// A key behind a comma.
    Key,
    /// The rest of a value that is passed over.
    Inside(Passing),
    /// A comma or an end.
    After,
}

/// A value that is passed over.
#[derive(Clone, Copy, Debug)]
struct Passing {
    /// Brackets that are open.
    depth: u64,
    in_text: bool,
    /// Where it began, if it is a resource or a scope.
    context: Option<usize>,
}

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// A cut: what is before it ends at `end`, what is behind it begins at `next`.
    Cut { end: usize, next: usize },
    /// The document ends here.
    End(usize),
    /// Something is out of place.
    Odd,
}

/// What is being cut, and how far it has been read.
#[derive(Debug)]
pub(super) struct Cutter {
    /// The format of the document; `None` for documents in a row, which are not cut but between each other.
    format: Option<Format>,
    path: Vec<Level>,
    state: State,
    /// The next byte.
    at: usize,
    /// The last comma.
    comma: usize,
}

type Result<T> = std::result::Result<T, Step>;

impl Cutter {
    /// Cuts one document, which begins at byte `at`. `None` when documents of this format cannot be cut.
    pub fn document(format: Format, at: usize) -> Option<Cutter> {
        match format {
            Format::OtlpJson | Format::Jaeger | Format::Native => Some(Cutter::new(Some(format), at)),
            // The two halves of a span may be anywhere in a document of Zipkin.
            Format::ZipkinV1 | Format::ZipkinV2 | Format::Nothing => None,
        }
    }

    /// Cuts between documents that follow each other, where one begins a line.
    pub fn between_documents() -> Cutter {
        Cutter::new(None, 0)
    }

    fn new(format: Option<Format>, at: usize) -> Cutter {
        Cutter { format, path: Vec::new(), state: State::Start, at, comma: at }
    }

    /// Goes on in `bytes`, of which those passed already may not have changed, to the first place from `from` on where
    /// there can be a cut.
    pub fn scan(&mut self, bytes: &[u8], from: usize) -> Step {
        loop {
            if let Err(step) = self.step(bytes, from) {
                return step;
            }
        }
    }

    /// What stands before and behind the elements of a piece that begins or ends here.
    pub fn context(&self) -> (String, String) {
        let (mut before, mut behind) = (String::new(), String::new());
        for level in &self.path {
            match level {
                Level::Array(_) => {
                    before.push('[');
                    behind.insert(0, ']');
                }
                Level::Object { role, key, context } => {
                    before.push('{');
                    if let Some(context) = context {
                        let name = if *role == Role::Resource { "resource" } else { "scope" };
                        before.push_str(&format!("\"{name}\":{context},"));
                    }
                    before.push_str(&format!("\"{key}\":"));
                    behind.insert(0, '}');
                }
            }
        }
        (before, behind)
    }

    /// Says that the first `length` bytes, up to the last cut, are gone.
    pub fn forget(&mut self, length: usize) {
        self.at = self.at.saturating_sub(length);
        if matches!(self.state, State::Next) {
            self.state = State::Element;
        }
    }

    fn step(&mut self, bytes: &[u8], from: usize) -> Result<()> {
        match self.state {
            State::Start => self.start(bytes, from),
            State::First => match self.byte(bytes)? {
                b']' => self.close(b']'),
                _ => self.element(bytes),
            },
            State::Element => self.element(bytes),
            State::Next => match self.byte(bytes)? {
                b'{' | b'[' if self.at >= from => Err(Step::Cut { end: self.comma, next: self.comma + 1 }),
                _ => self.element(bytes),
            },
            State::FirstKey => match self.byte(bytes)? {
                b'}' => self.close(b'}'),
                _ => self.field(bytes),
            },
            State::Key => self.field(bytes),
            State::Inside(passing) => self.inside(bytes, passing),
            State::After => self.after(bytes),
        }
    }

    /// Begins a document.
    fn start(&mut self, bytes: &[u8], from: usize) -> Result<()> {
        let byte = self.byte(bytes)?;
        match (self.format, byte) {
            (None, b'{' | b'[') if self.at >= from.max(1) && begins_a_line(bytes, self.at) => {
                return Err(Step::Cut { end: self.at, next: self.at });
            }
            (Some(_), b'[') => self.open(Level::Array(self.of_outermost_list())),
            (Some(Format::OtlpJson | Format::Jaeger), b'{') => self.open_object(Role::Document),
            (_, b'{' | b'[') => self.pass(1, None),
            _ => return Err(Step::Odd),
        }
        self.at += 1;
        Ok(())
    }

    /// What the elements of a list are that stands for a document.
    fn of_outermost_list(&self) -> Role {
        match self.format {
            Some(Format::OtlpJson) => Role::Document,
            _ => Role::Unit,
        }
    }

    /// Begins an element.
    fn element(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(Level::Array(role)) = self.path.last() else { return Err(Step::Odd) };
        let (role, byte) = (*role, self.byte(bytes)?);
        match (byte, role) {
            (b'{', Role::Unit) => self.pass(1, None),
            (b'{', _) if self.path.len() >= MAX_LEVELS => self.pass(1, None),
            (b'{', _) => self.open_object(role),
            (b'[', Role::Document) => self.pass(1, None),
            (b'[', Role::Unit) if self.format == Some(Format::Jaeger) => self.pass(1, None),
            _ => return Err(Step::Odd),
        }
        self.at += 1;
        Ok(())
    }

    fn open_object(&mut self, role: Role) {
        self.open(Level::Object { role, key: "", context: None });
    }

    fn open(&mut self, level: Level) {
        self.state = if matches!(level, Level::Array(_)) { State::First } else { State::FirstKey };
        self.path.push(level);
    }

    /// Passes over a text (no depth), or what has been opened.
    fn pass(&mut self, depth: u64, context: Option<usize>) {
        self.state = State::Inside(Passing { depth, in_text: depth == 0, context });
    }

    /// Reads a key, and begins its value.
    fn field(&mut self, bytes: &[u8]) -> Result<()> {
        if self.byte(bytes)? != b'"' {
            return Err(Step::Odd);
        }
        let start = self.at + 1;
        let end = start + plain(bytes.get(start..).unwrap_or_default()).ok_or(Step::More)?;
        // A key with escapes may be any.
        if bytes[end] != b'"' {
            return Err(Step::Odd);
        }
        let colon = not_blank(bytes, end + 1).ok_or(Step::More)?;
        if bytes[colon] != b':' {
            return Err(Step::Odd);
        }
        let at = not_blank(bytes, colon + 1).ok_or(Step::More)?;
        let room = self.path.len() < MAX_LEVELS;
        match (self.meaning(&bytes[start..end]), bytes[at]) {
            (Field::List(name, role), b'[') if room => self.enter(name, Level::Array(role), at),
            (Field::Document(name), b'{') if room => {
                self.enter(name, Level::Object { role: Role::Document, key: "", context: None }, at);
            }
            (Field::Last, _) => {
                // The bracket of this object counts as open.
                self.path.pop();
                self.at = at;
                self.pass(1, None);
            }
            (Field::Context, byte) => self.value(bytes, at, byte, Some(at))?,
            (_, byte) => self.value(bytes, at, byte, None)?,
        }
        Ok(())
    }

    fn enter(&mut self, name: &'static str, level: Level, at: usize) {
        if let Some(Level::Object { key, .. }) = self.path.last_mut() {
            *key = name;
        }
        self.at = at + 1;
        self.open(level);
    }

    /// Begins the value of a field that is passed over.
    fn value(&mut self, bytes: &[u8], at: usize, byte: u8, context: Option<usize>) -> Result<()> {
        match byte {
            b'{' | b'[' if begins_a_line(bytes, at) => return Err(Step::Odd),
            b'{' | b'[' => self.pass(1, context),
            b'"' => self.pass(0, context),
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                self.at = at + bytes[at..].iter().position(ends).ok_or(Step::More)?;
                self.passed(bytes, context);
                return Ok(());
            }
        }
        self.at = at + 1;
        Ok(())
    }

    /// Passes over the rest of a value. A bracket that begins a line is out of place: the document may have been cut
    /// off, and the next one begins here. Between documents that is so in texts too, for behind the first document a
    /// broken one is skipped, and this would be where the next one is looked for.
    fn inside(&mut self, bytes: &[u8], passing: Passing) -> Result<()> {
        let Passing { mut depth, mut in_text, context } = passing;
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let found =
                if in_text { plain(rest) } else { rest.iter().position(|byte| SPECIAL[*byte as usize]) };
            let at = self.at + found.unwrap_or(rest.len());
            if in_text && self.format.is_none() && has_line_in_brackets(&bytes[self.at - 1..at]) {
                return Err(Step::Odd);
            }
            if found.is_none() {
                self.at = at;
                break;
            }
            self.at = at + 1;
            match bytes[at] {
                b'\\' if at + 1 == bytes.len() => {
                    self.at = at;
                    break;
                }
                b'\\' => self.at = at + 2,
                b'"' => in_text = !in_text,
                b'{' | b'[' if begins_a_line(bytes, at) => return Err(Step::Odd),
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            if depth == 0 && !in_text {
                self.passed(bytes, context);
                return Ok(());
            }
        }
        self.state = State::Inside(Passing { depth, in_text, context });
        Err(Step::More)
    }

    /// A value has been passed over.
    fn passed(&mut self, bytes: &[u8], began: Option<usize>) {
        if let (Some(start), Some(Level::Object { context, .. })) = (began, self.path.last_mut()) {
            *context = Some(String::from_utf8_lossy(&bytes[start..self.at]).into_owned());
        }
        self.state = State::After;
    }

    fn after(&mut self, bytes: &[u8]) -> Result<()> {
        let is_array = match (self.path.last(), self.format) {
            (Some(level), _) => matches!(level, Level::Array(_)),
            (None, Some(_)) => return Err(Step::End(self.at)),
            (None, None) => {
                self.state = State::Start;
                return Ok(());
            }
        };
        let byte = self.byte(bytes)?;
        if byte != b',' {
            return self.close(byte);
        }
        (self.comma, self.at) = (self.at, self.at + 1);
        self.state = if is_array { State::Next } else { State::Key };
        Ok(())
    }

    fn close(&mut self, byte: u8) -> Result<()> {
        let fits = match self.path.last() {
            Some(Level::Array(_)) => byte == b']',
            Some(Level::Object { .. }) => byte == b'}',
            None => false,
        };
        if !fits {
            return Err(Step::Odd);
        }
        self.path.pop();
        self.at += 1;
        self.state = State::After;
        Ok(())
    }

    /// Returns the next byte that is not white space, without passing it.
    fn byte(&mut self, bytes: &[u8]) -> Result<u8> {
        self.at = not_blank(bytes, self.at).unwrap_or(bytes.len());
        bytes.get(self.at).copied().ok_or(Step::More)
    }

    /// What a field of the object around the place is.
    fn meaning(&self, key: &[u8]) -> Field {
        let Some(Level::Object { role, context, .. }) = self.path.last() else { return Field::Other };
        let known = context.as_ref().is_some_and(|context| context.len() <= MAX_CONTEXT);
        let list = |name, role| if known { Field::List(name, role) } else { Field::Last };
        match (self.format, role, key) {
            (Some(Format::OtlpJson), Role::Document, b"resourceSpans" | b"resource_spans" | b"batches") => {
                Field::List("resourceSpans", Role::Resource)
            }
            (Some(Format::OtlpJson), Role::Document, b"trace") => Field::Document("trace"),
            (Some(Format::OtlpJson), Role::Resource, b"resource") => Field::Context,
            (
                Some(Format::OtlpJson),
                Role::Resource,
                b"scopeSpans"
                | b"scope_spans"
                | b"instrumentationLibrarySpans"
                | b"instrumentation_library_spans",
            ) => list("scopeSpans", Role::Scope),
            (
                Some(Format::OtlpJson),
                Role::Scope,
                b"scope" | b"instrumentationLibrary" | b"instrumentation_library",
            ) => Field::Context,
            (Some(Format::OtlpJson), Role::Scope, b"spans") => list("spans", Role::Unit),
            (Some(Format::Jaeger), Role::Document, b"data") => Field::List("data", Role::Unit),
            (Some(Format::Jaeger), Role::Document, b"spans" | b"processes") => Field::Last,
            _ => Field::Other,
        }
    }
}

/// What a field of an object on the way is.
enum Field {
    /// A long list: the name that it gets in pieces, and what its elements are.
    List(&'static str, Role),
    /// A document in the document.
    Document(&'static str),
    /// What must be known to read a list further on.
    Context,
    /// The first field of those that are not looked at any more.
    Last,
    /// Anything else.
    Other,
}

/// Bytes that matter outside of texts.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut at = 0;
    while at < 5 {
        special[b"\"{[}]"[at] as usize] = true;
        at += 1;
    }
    special
};

/// Whether a byte is the first of a line.
fn begins_a_line(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| bytes[before] == b'\n')
}

/// Whether a line of a text begins with a bracket. In a text that ends where it should there are no lines.
fn has_line_in_brackets(text: &[u8]) -> bool {
    memchr_iter(b'\n', text).any(|newline| matches!(text.get(newline + 1), Some(b'{' | b'[')))
}

fn not_blank(bytes: &[u8], at: usize) -> Option<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    Some(at + bytes.get(at..)?.iter().position(|byte| !blank(byte))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a document wherever it can be, and returns the pieces as they are read, and the rest if it is odd. `step`
    /// bytes are seen at a time.
    fn pieces(format: Format, text: &str, step: usize) -> Vec<String> {
        let mut cutter = Cutter::document(format, 0).unwrap();
        let (mut out, mut begin, mut seen, mut before) = (Vec::new(), 0, 0, String::new());
        loop {
            let found = cutter.scan(&text.as_bytes()[begin..seen], 0);
            let (end, next) = match found {
                Step::More => {
                    assert!(seen < text.len(), "{text} has an end");
                    seen = text.len().min(seen + step);
                    continue;
                }
                Step::Cut { end, next } => (begin + end, begin + next),
                Step::End(end) => (begin + end, text.len()),
                Step::Odd => (text.len(), text.len()),
            };
            let (context, behind) = cutter.context();
            let behind = if found == Step::Odd { "odd".to_owned() } else { behind };
            out.push(format!("{before}{}{behind}", &text[begin..end]));
            if !matches!(found, Step::Cut { .. }) {
                return out;
            }
            cutter.forget(next - begin);
            (begin, before) = (next, context);
        }
    }

    #[track_caller]
    fn check(format: Format, text: &str, expect: &[&str]) {
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(pieces(format, text, step), expect, "{step} bytes at a time");
        }
    }

    #[test]
    fn lists_are_cut_and_get_back_what_is_around_them() {
        check(
            Format::Native,
            "[{\"a\":\"}\\\"]\"} , {},\n{}]",
            &["[{\"a\":\"}\\\"]\"} ]", "[ {}]", "[\n{}]"],
        );
        check(
            Format::Jaeger,
            r#"{"total":0,"data":[{"spans":[{},{}]},[{}]],"errors":null}"#,
            &[r#"{"total":0,"data":[{"spans":[{},{}]}]}"#, r#"{"data":[[{}]],"errors":null}"#],
        );
        check(
            Format::OtlpJson,
            r#"{"resourceSpans":[{"resource":{"r":[1]},"x":-1,"scopeSpans":[{"scope":null,"spans":[{"n":1},{}]},{"scope":{},"spans":[]}]},{"resource":{}}]}"#,
            &[
                r#"{"resourceSpans":[{"resource":{"r":[1]},"x":-1,"scopeSpans":[{"scope":null,"spans":[{"n":1}]}]}]}"#,
                r#"{"resourceSpans":[{"resource":{"r":[1]},"scopeSpans":[{"scope":null,"spans":[{}]}]}]}"#,
                r#"{"resourceSpans":[{"resource":{"r":[1]},"scopeSpans":[{"scope":{},"spans":[]}]}]}"#,
                r#"{"resourceSpans":[{"resource":{}}]}"#,
            ],
        );
        check(
            Format::OtlpJson,
            r#"[{"trace":{"batches":[{},{}]}},{}]"#,
            &[r#"[{"trace":{"batches":[{}]}}]"#, r#"[{"trace":{"resourceSpans":[{}]}}]"#, "[{}]"],
        );
    }

    #[test]
    fn the_last_context_before_a_list_counts() {
        check(
            Format::OtlpJson,
            r#"{"batches":[{"resource":{"a":1},"resource":{"b":1},"scopeSpans":[{},{}],"resource":{},"scopeSpans":[{},{}]}]}"#,
            &[
                r#"{"batches":[{"resource":{"a":1},"resource":{"b":1},"scopeSpans":[{}]}]}"#,
                r#"{"resourceSpans":[{"resource":{"b":1},"scopeSpans":[{}],"resource":{},"scopeSpans":[{}]}]}"#,
                r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{}]}]}"#,
            ],
        );
    }

    #[test]
    fn what_stands_behind_its_spans_is_not_cut() {
        let late = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]},{}],"resource":{}},{}]}"#;
        let expect = [
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]},{}],"resource":{}}]}"#,
            r#"{"resourceSpans":[{}]}"#,
        ];
        check(Format::OtlpJson, late, &expect);
        let long =
            format!(r#"{{"resource":{{"a":"{}"}},"scopeSpans":[{{}},{{}}]}}"#, "x".repeat(MAX_CONTEXT));
        let long = format!(r#"{{"batches":[{long}]}}"#);
        assert_eq!(pieces(Format::OtlpJson, &long, 1000), [long]);
        let trace = r#"{"spans":[{},{}],"data":[{},{}]}"#;
        check(Format::Jaeger, trace, &[trace]);
    }

    #[test]
    fn nothing_is_cut_once_something_is_out_of_place() {
        let cases = [
            ("[{},{}}", "[{}}"),
            ("[{},{},]", "[{},]"),
            ("[{},{} {},{}]", "[{} {},{}]"),
            ("[{},{},5,{},{}]", "[{},5,{},{}]"),
            ("[{},{},[],{}]", "[{},[],{}]"),
            ("[{},{\"a\":1\n{},{}]", "[{\"a\":1\n{},{}]"),
        ];
        for (text, rest) in cases {
            for step in [1, 1000] {
                let got = pieces(Format::Native, text, step);
                let odd = got.last().and_then(|last| last.strip_suffix("odd"));
                assert!(
                    odd.is_some_and(|odd| rest.ends_with(odd.trim_start_matches('['))),
                    "{text}: {got:?}"
                );
            }
        }
        let escaped = r#"{"resource\u0053pans":[{},{}]}"#;
        assert_eq!(pieces(Format::OtlpJson, escaped, 1000), [format!("{escaped}odd")]);
    }
}
