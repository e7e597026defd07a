//! One long document in pieces: nothing about it may show. Every input is read whole and in pieces of several sizes, and
//! what comes of it has to be the same: spans, losses, warnings, errors and their places.

use super::*;
use crate::ingest::compress::Plain;
use crate::ingest::parts::{Opened, open};
use proptest::prelude::*;

const WHOLE: Sizes = Sizes { part: usize::MAX, line: usize::MAX };

/// Whether an input is read by lines, which has tests of its own.
fn is_lines(input: &[u8], sizes: Sizes) -> bool {
    let plain = Plain::open("test", input).unwrap();
    matches!(open(plain, &ReadLimits::default(), sizes), Ok(Opened::Parts(parts)) if !parts.are_pieces())
}

/// What came of an input, for comparison.
fn told(got: &Got) -> String {
    let reading = match &got.reading {
        Ok(reading) => format!("{:?} {:#?}", reading.input, reading.warnings),
        Err(error) => return error.to_string(),
    };
    format!("{reading} {:?} {:#?}", got.losses, got.lines())
}

#[track_caller]
fn same_with(input: &[u8], limits: &ReadLimits, sizes: &[Sizes]) {
    let whole = read_in_parts(input, limits, WHOLE);
    for sizes in sizes.iter().copied().filter(|sizes| !is_lines(input, *sizes)) {
        let pieces = read_in_parts(input, limits, sizes);
        // A first line that is too long to be known for one is an error when it is broken.
        let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        if line >= sizes.line && pieces.reading.is_err() && whole.losses.get("lines_skipped") > 0 {
            continue;
        }
        assert_eq!(told(&pieces), told(&whole), "{sizes:?}\n{}", String::from_utf8_lossy(input));
    }
}

#[track_caller]
fn same(input: impl AsRef<[u8]>) {
    let sizes: Vec<_> = [1, 7, 40, 150, 600]
        .into_iter()
        .flat_map(|part| [1, 5000].map(|line| Sizes { part, line }))
        .collect();
    same_with(input.as_ref(), &ReadLimits::default(), &sizes);
}

/// The captures, in one line and in many.
#[test]
fn captures_are_the_same_in_pieces() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/captures");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(&text) else { continue };
        let (line, pretty) = (serde_json::to_vec(&json).unwrap(), serde_json::to_vec_pretty(&json).unwrap());
        for input in [text, line, pretty] {
            let sizes = [700, 20_000].map(|part| Sizes { part, line: part });
            same_with(&input, &ReadLimits::default(), &sizes);
            count += 1;
        }
    }
    assert!(count > 20);
}

/// A source of decisions.
struct Dice(u64);

impl Dice {
    /// Returns a number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len() as u64) as usize]
    }
}

/// Documents as exporters write them, and as nobody does.
struct Writer {
    dice: Dice,
    /// What stands between the elements of lists.
    comma: &'static str,
    /// What stands before keys.
    indent: &'static str,
}

impl Writer {
    fn new(seed: u64) -> Writer {
        let mut dice = Dice(seed);
        let comma = dice.one(&[",", ",\n", ",\n  ", " ,\r\n\t", "\n,"]);
        let indent = dice.one(&["", "", " ", "\n  ", "\n"]);
        Writer { dice, comma, indent }
    }

    fn list(&mut self, most: u64, mut element: impl FnMut(&mut Self) -> String) -> String {
        let count = self.dice.roll(most + 1);
        let elements: Vec<_> = (0..count).map(|_| element(self)).collect();
        format!("[{}]", elements.join(self.comma))
    }

    /// Writes an object with some of the fields, now and then with one twice or in another order.
    fn object(&mut self, mut fields: Vec<(&str, String)>) -> String {
        if self.dice.roll(8) == 0 && fields.len() > 1 {
            let (a, b) = (self.dice.roll(fields.len() as u64), self.dice.roll(fields.len() as u64));
            fields.swap(a as usize, b as usize);
        }
        if self.dice.roll(12) == 0 && !fields.is_empty() {
            fields.remove(self.dice.roll(fields.len() as u64) as usize);
        }
        if self.dice.roll(12) == 0 && !fields.is_empty() {
            fields.push(fields[self.dice.roll(fields.len() as u64) as usize].clone());
        }
        if self.dice.roll(6) == 0 {
            let value = self.dice.one(&["null", "7", "[[{}],{}]", r#"{"spans":[{}]}"#, r#""]}\\\"{""#]);
            fields.insert(0, ("other", value.to_owned()));
        }
        let fields: Vec<_> =
            fields.iter().map(|(key, value)| format!("{}\"{key}\":{value}", self.indent)).collect();
        format!("{{{}}}", fields.join(","))
    }

    fn text(&mut self) -> String {
        let text = self.dice.one(&["a", "é\u{1f600}", r"\u00e9\n", "}],[{", r#"\"]"#, r"\\", "x\ny", ""]);
        format!("\"{text}\"")
    }

    fn id(&mut self) -> String {
        format!("\"{:x}\"", 1 + self.dice.roll(60))
    }

    fn attributes(&mut self) -> String {
        self.list(3, |writer| {
            let key = writer.dice.one(&["service.name", "tenant", "db.query.text", "none", "list"]);
            let text = writer.text();
            let value = match writer.dice.roll(5) {
                0 => format!(r#"{{"arrayValue":{{"values":[{{"stringValue":{text}}}]}}}}"#),
                1 => r#"{"intValue":"5"}"#.to_owned(),
                _ => format!(r#"{{"stringValue":{text}}}"#),
            };
            writer.object(vec![("key", format!("\"{key}\"")), ("value", value)])
        })
    }

    fn otlp(&mut self) -> String {
        let list = self.list(3, |writer| {
            let resource = writer.attributes();
            let resource = writer.object(vec![("attributes", resource)]);
            let scopes = writer.list(3, |writer| {
                let (name, spans) = (writer.text(), writer.list(4, Self::otlp_span));
                let scope = writer.object(vec![("name", name)]);
                writer.object(vec![("scope", scope), ("spans", spans)])
            });
            writer.object(vec![("resource", resource), ("scopeSpans", scopes)])
        });
        let key = self.dice.one(&["resourceSpans", "resourceSpans", "batches", "resource_spans"]);
        let document = self.object(vec![(key, list)]);
        match self.dice.roll(8) {
            0 => format!("[{document}{}{document}]", self.comma),
            1 => self.object(vec![("trace", document)]),
            _ => document,
        }
    }

    fn otlp_span(&mut self) -> String {
        let fields = vec![
            ("traceId", self.id()),
            ("spanId", self.id()),
            ("name", self.text()),
            ("startTimeUnixNano", "\"1000\"".to_owned()),
            ("endTimeUnixNano", "1500".to_owned()),
            ("attributes", self.attributes()),
        ];
        self.object(fields)
    }

    fn jaeger(&mut self) -> String {
        let traces = self.list(5, |writer| {
            let trace = writer.id();
            let spans = writer.list(3, |writer| {
                let fields = vec![
                    ("traceID", trace.clone()),
                    ("spanID", writer.id()),
                    ("operationName", writer.text()),
                    ("startTime", "5".to_owned()),
                    ("processID", "\"p\"".to_owned()),
                ];
                writer.object(fields)
            });
            let service = writer.text();
            let process = writer.object(vec![("serviceName", service)]);
            writer.object(vec![
                ("traceID", trace),
                ("spans", spans),
                ("processes", format!("{{\"p\":{process}}}")),
            ])
        });
        match self.dice.roll(4) {
            0 => traces,
            _ => self.object(vec![("data", traces), ("errors", "[{},{}]".to_owned())]),
        }
    }

    fn native(&mut self) -> String {
        self.list(8, |writer| {
            let fields = vec![
                ("trace_id", writer.id()),
                ("span_id", writer.id()),
                ("type", "\"sql\"".to_owned()),
                ("target", writer.text()),
                ("service", writer.text()),
            ];
            writer.object(fields)
        })
    }

    fn zipkin(&mut self) -> String {
        self.list(6, |writer| {
            let kind = writer.dice.one(&["\"CLIENT\"", "\"SERVER\""]).to_owned();
            let fields =
                vec![("traceId", writer.id()), ("id", writer.id()), ("kind", kind), ("name", writer.text())];
            writer.object(fields)
        })
    }

    fn document(&mut self) -> String {
        match self.dice.roll(7) {
            0..=3 => self.otlp(),
            4 => self.jaeger(),
            5 => self.native(),
            _ => self.zipkin(),
        }
    }

    /// One document more often than not, with blank space around it.
    fn input(&mut self) -> String {
        let mut input = self.dice.one(&["", "", "\u{feff}", " \n\n"]).to_owned();
        for _ in 0..1 + self.dice.roll(4).saturating_sub(1) {
            input += &self.document();
            input += self.dice.one(&["", "\n", "\n", "\r\n\n", " "]);
        }
        input
    }
}

/// Changes of a document that leave most of it as it is.
impl Writer {
    fn damage(&mut self, input: &mut Vec<u8>) {
        let at = self.dice.roll(input.len() as u64) as usize;
        match self.dice.roll(6) {
            0 => input.truncate(at.max(1)),
            1 => {
                input.remove(at);
                input.push(b' ');
            }
            2 => input[at] = self.dice.roll(256) as u8,
            3 => {
                input.truncate(at);
                input.extend(format!("\n{}", self.document()).bytes());
            }
            4 => input.insert(at, b'\n'),
            _ => {
                let byte = self.dice.one(&["{", "}", "[", "]", ",", ":", "\"", "\\", "\n", "5"]);
                input[at] = byte.as_bytes()[0];
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn documents_are_the_same_in_pieces(seed in any::<u64>()) {
        same(Writer::new(seed).input());
    }

    #[test]
    fn broken_documents_are_the_same_in_pieces(seed in any::<u64>(), count in 1..4_u64) {
        let mut writer = Writer::new(seed);
        let mut input = writer.input().into_bytes();
        (0..count).for_each(|_| writer.damage(&mut input));
        // Behind a line feed, what looks like protobuf is told by more bytes than the smallest part has.
        prop_assume!(!input.starts_with(b"\n"));
        same(&input);
    }
}
