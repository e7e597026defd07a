//! The grammar of cases.

use tracewatt_core::semconv::{Attr, AttrSet, RawSpan};
use tracewatt_core::trace::{IdTable, SpanRole, Status};

/// Start of the first trace, 2026-01-01T00:00:00Z.
const EPOCH_NS: u64 = 1_767_225_600_000_000_000;
/// Between the starts of traces that do not say when they start.
const TRACE_STEP_NS: u64 = 10_000_000_000;

/// A span of a case with what the mapper takes.
pub struct CaseSpan {
    /// The span.
    pub raw: RawSpan<'static>,
    /// Resource attributes.
    pub resource: AttrSet<'static>,
    /// Instrumentation scope.
    pub scope: String,
}

/// What must be found, or must not.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Finding type.
    pub kind: String,
    /// Severity, if it matters.
    pub severity: Option<String>,
    /// `occurrences`, `avoidable`, `distinct`, `service`, `endpoint`, `template`, `confidence`, or a piece of evidence.
    pub facts: Vec<Fact>,
    /// How many findings must fit; at least one, unless `count` says otherwise.
    pub count: Fact,
    /// Line in the file.
    pub line: usize,
}

/// A figure or a text that a finding must have.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Of what.
    pub name: String,
    /// How the two are compared.
    pub relation: Relation,
    /// What is wanted; a number, unless it must be equal.
    pub value: String,
}

/// How what is found is compared with what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
}

impl Fact {
    /// Reads `name=value`, `name>=number` or `name<=number`; nothing when it is none of these.
    fn parse(word: &str) -> Option<Result<Fact, String>> {
        let (name, value) = word.split_once('=')?;
        let (name, relation) = match (name.strip_suffix('>'), name.strip_suffix('<')) {
            (Some(name), _) => (name, Relation::AtLeast),
            (_, Some(name)) => (name, Relation::AtMost),
            (None, None) => (name, Relation::Equal),
        };
        let must_be_number = relation != Relation::Equal || name == "count";
        if must_be_number && value.parse::<f64>().is_err() {
            return Some(Err(format!("`{word}` compares with something that is no number")));
        }
        Some(Ok(Fact { name: name.to_owned(), relation, value: value.to_owned() }))
    }

    /// Returns whether a text is the one wanted, or a number of which this holds.
    pub fn holds(&self, found: &str) -> bool {
        match (found.parse::<f64>(), self.value.parse::<f64>()) {
            (Ok(found), Ok(value)) => self.holds_for(found, value),
            _ => self.relation == Relation::Equal && found == self.value,
        }
    }

    /// Confidences are single precision, hence the tolerance.
    fn holds_for(&self, found: f64, value: f64) -> bool {
        const TOLERANCE: f64 = 1e-6;
        match self.relation {
            Relation::Equal => (found - value).abs() <= TOLERANCE,
            Relation::AtLeast => found >= value - TOLERANCE,
            Relation::AtMost => found <= value + TOLERANCE,
        }
    }
}

/// A parsed case.
#[derive(Default)]
pub struct Case {
    /// Settings that differ from the defaults, as written.
    pub settings: Vec<(String, String)>,
    /// Other detectors that take part.
    pub with: Vec<String>,
    /// Spans of all traces.
    pub spans: Vec<CaseSpan>,
    /// What must be found.
    pub expect: Vec<Expectation>,
    /// What must not.
    pub expect_not: Vec<Expectation>,
    /// Whether nothing must be found.
    pub expect_nothing: bool,
}

/// A line that is not understood.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// An open ancestor while reading: how deep, span id, start, service.
struct Open {
    depth: usize,
    span: u64,
    service: String,
}

enum Section {
    Head,
    Trace,
    Expect,
    ExpectNot,
}

impl Case {
    /// Parses a case.
    pub fn parse(text: &str) -> Result<Case, ParseError> {
        let mut reader = Reader {
            case: Case::default(),
            section: Section::Head,
            open: Vec::new(),
            traces: 0,
            start_ns: 0,
            next_id: 1,
        };
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            reader.line(line, at + 1).map_err(|reason| ParseError { line: at + 1, reason })?;
        }
        let case = reader.case;
        if case.expect.is_empty() && case.expect_not.is_empty() && !case.expect_nothing {
            return Err(ParseError {
                line: text.lines().count(),
                reason: "the case expects nothing".to_owned(),
            });
        }
        Ok(case)
    }
}

struct Reader {
    case: Case,
    section: Section,
    open: Vec<Open>,
    traces: u64,
    start_ns: u64,
    next_id: u64,
}

impl Reader {
    fn line(&mut self, line: &str, number: usize) -> Result<(), String> {
        let words = split(line)?;
        let indent = line.len() - line.trim_start().len();
        match (indent, words[0].text.as_str()) {
            (0, "set") => {
                for word in &words[1..] {
                    let (name, value) = word.text.split_once('=').ok_or("set takes name=value")?;
                    self.case.settings.push((name.to_owned(), value.to_owned()));
                }
            }
            (0, "with") => self.case.with.extend(words[1..].iter().map(|word| word.text.clone())),
            (0, "trace") => self.trace(&words[1..])?,
            (0, "expect-not") => self.section = Section::ExpectNot,
            (0, "expect") if words.get(1).is_some_and(|word| word.text == "nothing") => {
                self.case.expect_nothing = true;
                self.section = Section::Expect;
            }
            (0, "expect") => self.section = Section::Expect,
            _ => match self.section {
                Section::Head => return Err("a span before the first `trace`".to_owned()),
                Section::Trace => self.span(indent, &words)?,
                Section::Expect => self.case.expect.push(expectation(&words, number)?),
                Section::ExpectNot => self.case.expect_not.push(expectation(&words, number)?),
            },
        }
        Ok(())
    }

    fn trace(&mut self, words: &[Word]) -> Result<(), String> {
        self.start_ns = EPOCH_NS + self.traces * TRACE_STEP_NS;
        for word in words {
            match word.text.split_once('=') {
                Some(("at", time)) => self.start_ns = EPOCH_NS + duration(time)?,
                _ => return Err(format!("`{}` is not understood after `trace`", word.text)),
            }
        }
        self.traces += 1;
        self.open.clear();
        self.section = Section::Trace;
        Ok(())
    }

    fn span(&mut self, indent: usize, words: &[Word]) -> Result<(), String> {
        if !indent.is_multiple_of(2) {
            return Err("indentation is two blanks per level".to_owned());
        }
        let depth = indent / 2;
        let start = duration(&words[0].text)?;
        let length = duration(&words.get(1).ok_or("a span has a start and a duration")?.text)?;
        let mut rest = &words[2..];
        let (mut times, mut step) = (1, 0);
        if let Some(count) = rest.first().and_then(|word| word.text.strip_prefix('x')?.parse::<u64>().ok()) {
            let every =
                rest.get(1).and_then(|word| word.text.strip_prefix('+')).ok_or("xN is followed by +STEP")?;
            (times, step) = (count, duration(every)?);
            rest = &rest[2..];
        }
        for index in 0..times {
            self.one(depth, start + index * step, length, &fill(rest, index + 1))?;
        }
        Ok(())
    }

    fn one(&mut self, depth: usize, start: u64, length: u64, words: &[Word]) -> Result<(), String> {
        self.open.retain(|open| open.depth < depth);
        let parent = self.open.last().filter(|open| open.depth + 1 == depth);
        if depth > 0 && parent.is_none() {
            return Err("there is no span one level up".to_owned());
        }
        let mut ids = IdTable::default();
        let id = self.next_id;
        self.next_id += 1;
        let mut raw = RawSpan {
            trace: ids.trace(&format!("{:032x}", self.traces)),
            id: ids.span(&format!("{id:016x}")),
            parent: parent.map(|open| ids.span(&format!("{:016x}", open.span))),
            role_stated: true,
            start_ns: self.start_ns + start,
            end_ns: self.start_ns + start + length,
            ..RawSpan::default()
        };
        let mut service = parent.map_or_else(|| "shop".to_owned(), |open| open.service.clone());
        let (mut resource, mut scope) = (AttrSet::default(), String::new());
        let rest = kind(&mut raw, words)?;
        for word in rest {
            let (key, value) =
                word.text.split_once('=').ok_or(format!("`{}` is not key=value", word.text))?;
            match key {
                "service" => value.clone_into(&mut service),
                "scope" => value.clone_into(&mut scope),
                "group" => resource.insert(
                    "k8s.namespace.name".into(),
                    value.to_owned().into(),
                    &[GROUPING.to_owned()],
                ),
                _ => option(&mut raw, key, value)?,
            }
        }
        resource.set(Attr::ServiceName, service.clone().into());
        self.open.push(Open { depth, span: id, service });
        self.case.spans.push(CaseSpan { raw, resource, scope });
        Ok(())
    }
}

const GROUPING: &str = "k8s.namespace.name";

/// Reads the kind word and what belongs to it; returns the words left.
fn kind<'a>(raw: &mut RawSpan<'static>, words: &'a [Word]) -> Result<&'a [Word], String> {
    let kind = words.first().ok_or("a span has a kind")?.text.as_str();
    let text =
        |at: usize| words.get(at).map(|word| word.text.clone()).ok_or(format!("`{kind}` takes a text"));
    let set = |raw: &mut RawSpan<'static>, attr: Attr, value: String| raw.attributes.set(attr, value.into());
    raw.role = SpanRole::Client;
    match kind {
        "server" => {
            let name = text(1)?;
            if let Some((method, route)) = name.split_once(' ') {
                set(raw, Attr::HttpRequestMethod, method.to_owned());
                set(raw, Attr::HttpRoute, route.to_owned());
            }
            raw.role = SpanRole::Server;
            raw.name = name.into();
        }
        "consumer" => {
            set(raw, Attr::MessagingSystem, "kafka".to_owned());
            set(raw, Attr::MessagingDestinationName, text(1)?);
            set(raw, Attr::MessagingOperationType, "process".to_owned());
            raw.role = SpanRole::Consumer;
            raw.name = format!("process {}", text(1)?).into();
        }
        "internal" => {
            raw.role = SpanRole::Internal;
            raw.name = text(1)?.into();
        }
        "sql" => {
            set(raw, Attr::DbSystemName, "postgresql".to_owned());
            set(raw, Attr::DbQueryText, text(1)?);
            raw.name = text(1)?.split(' ').next().unwrap_or_default().to_owned().into();
        }
        "http" => {
            set(raw, Attr::HttpRequestMethod, text(1)?);
            set(raw, Attr::UrlFull, text(2)?);
            raw.name = text(1)?.into();
            return Ok(&words[3..]);
        }
        "redis" => {
            set(raw, Attr::DbSystemName, "redis".to_owned());
            set(raw, Attr::DbQueryText, text(1)?);
            raw.name = text(1)?.split(' ').next().unwrap_or_default().to_owned().into();
        }
        "mongo" => {
            let command = text(1)?;
            let missing = "mongo takes \"operation collection\", and a {body} if it was recorded";
            let (operation, rest) = command.split_once(' ').ok_or(missing)?;
            let (collection, body) = rest.split_once(' ').unwrap_or((rest, ""));
            set(raw, Attr::DbSystemName, "mongodb".to_owned());
            if !body.is_empty() {
                set(raw, Attr::DbQueryText, command.clone());
            }
            set(raw, Attr::DbOperationName, operation.to_owned());
            set(raw, Attr::DbCollectionName, collection.to_owned());
            raw.name = format!("{operation} {collection}").into();
        }
        "rpc" => {
            let name = text(1)?;
            let (service, method) = name.split_once('/').ok_or("rpc takes \"package.Service/Method\"")?;
            set(raw, Attr::RpcSystem, "grpc".to_owned());
            set(raw, Attr::RpcService, service.to_owned());
            set(raw, Attr::RpcMethod, method.to_owned());
            raw.name = name.into();
        }
        "publish" => {
            set(raw, Attr::MessagingSystem, "kafka".to_owned());
            set(raw, Attr::MessagingDestinationName, text(1)?);
            set(raw, Attr::MessagingOperationType, "send".to_owned());
            raw.role = SpanRole::Producer;
            raw.name = format!("send {}", text(1)?).into();
        }
        "connect" => {
            set(raw, Attr::DbSystemName, "postgresql".to_owned());
            raw.name = "pg-pool.connect".into();
            return Ok(&words[1..]);
        }
        _ => return Err(format!("`{kind}` is no kind of span")),
    }
    Ok(&words[2..])
}

/// Reads one `key=value` of a span.
fn option(raw: &mut RawSpan<'static>, key: &str, value: &str) -> Result<(), String> {
    let attr = match key {
        "rows" => Attr::DbReturnedRows,
        "bytes" => Attr::HttpResponseBodySize,
        "params" => Attr::DbStatementParameters,
        "batch" if raw.role == SpanRole::Producer => Attr::MessagingBatchCount,
        "batch" => Attr::DbBatchSize,
        "system" => Attr::DbSystemName,
        "status" if value == "error" => {
            raw.status = Status::Error;
            return Ok(());
        }
        "status" => Attr::HttpResponseStatusCode,
        "name" => {
            raw.name = value.to_owned().into();
            return Ok(());
        }
        "code" => {
            let (function, place) = value.split_once('@').unwrap_or((value, ""));
            raw.attributes.set(Attr::CodeFunctionName, function.to_owned().into());
            if let Some((file, line)) = place.rsplit_once(':') {
                raw.attributes.set(Attr::CodeFilePath, file.to_owned().into());
                raw.attributes.set(Attr::CodeLineNumber, line.to_owned().into());
            }
            return Ok(());
        }
        _ if key.contains('.') => {
            raw.attributes.insert(key.to_owned().into(), value.to_owned().into(), &[key.to_owned()]);
            return Ok(());
        }
        _ => return Err(format!("`{key}` is no option of a span")),
    };
    raw.attributes.set(attr, value.to_owned().into());
    Ok(())
}

fn expectation(words: &[Word], line: usize) -> Result<Expectation, String> {
    let count = Fact { name: "count".to_owned(), relation: Relation::AtLeast, value: "1".to_owned() };
    let kind = words[0].text.clone();
    let mut expectation = Expectation { kind, severity: None, facts: Vec::new(), count, line };
    for word in &words[1..] {
        match Fact::parse(&word.text).transpose()? {
            Some(fact) if fact.name == "count" => expectation.count = fact,
            Some(fact) => expectation.facts.push(fact),
            None if ["info", "warning", "critical"].contains(&word.text.as_str()) => {
                expectation.severity = Some(word.text.clone());
            }
            None => return Err(format!("`{}` is neither a severity nor name=value", word.text)),
        }
    }
    Ok(expectation)
}

/// A word of a line; quotes are gone.
#[derive(Clone)]
struct Word {
    text: String,
}

fn split(line: &str) -> Result<Vec<Word>, String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for c in line.trim().chars() {
        match c {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            ' ' if !quoted => {
                if any {
                    words.push(Word { text: std::mem::take(&mut word) });
                }
                any = false;
            }
            _ => {
                word.push(c);
                any = true;
            }
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    if any {
        words.push(Word { text: word });
    }
    Ok(words)
}

fn fill(words: &[Word], index: u64) -> Vec<Word> {
    words.iter().map(|word| Word { text: word.text.replace("{i}", &index.to_string()) }).collect()
}

/// Reads a duration: `250ns`, `70us`, `2ms`, `1.5s`.
fn duration(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no duration such as 250ns, 70us, 2ms or 1.5s");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return Err(wrong()),
    };
    Ok((digits.parse::<f64>().map_err(|_| wrong())? * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_hold_or_do_not() {
        for (fact, found, holds) in [
            ("occurrences=6", "6", true),
            ("occurrences=6", "7", false),
            ("occurrences>=6", "7", true),
            ("occurrences>=6", "5", false),
            ("occurrences<=6", "5", true),
            ("occurrences<=6", "7", false),
            ("count=0", "0", true),
            ("count=0", "1", false),
            ("confidence=0.95", "0.949999988079071", true),
            ("template=a >= ?", "a >= ?", true),
            ("scope=in_trace", "across_traces", false),
            ("distinct>=2", "", false),
        ] {
            assert_eq!(Fact::parse(fact).unwrap().unwrap().holds(found), holds, "{fact} / {found}");
        }
        assert!(Fact::parse("critical").is_none());
        assert!(Fact::parse("occurrences>=many").unwrap().is_err());
        assert!(Fact::parse("count=all").unwrap().is_err());
    }
}
