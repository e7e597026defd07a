//! Every decoder is total: changed and cut inputs give fewer spans or an error, never a panic.

use super::*;
use proptest::prelude::*;

/// One small input per format, with quirks.
const SEEDS: [&str; 6] = [
    r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"é\u00e9","kind":3,"startTimeUnixNano":"1000","attributes":[{"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"}]}}}],"links":[{"traceId":"1","spanId":"2"}]},{"traceId":"1","spanId":"3"}],"scope":{"name":"x"}}],"resource":{"attributes":[]}}]}"#,
    "{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"scope\":{},\"spans\":[{\"traceId\":\"1\",\"spanId\":\"2\"}]}]}]}\n{\"resource_spans\":[]}\n",
    r#"{"data":[{"traceID":"a1","spans":[{"traceID":"a1","spanID":"2","startTime":10,"references":[{"refType":"CHILD_OF","traceID":"a1","spanID":"1"}],"tags":[{"key":"error","value":true}],"processID":"p"}],"processes":{"p":{"serviceName":"s"}}}]}"#,
    r#"[{"traceId":"a","id":"2","kind":"SERVER","shared":true,"tags":{"a":"b"}},{"traceId":"a","id":"2","kind":"CLIENT","remoteEndpoint":{"port":1}}]"#,
    r#"[{"traceId":"a","id":"2","annotations":[{"timestamp":1,"value":"cs","endpoint":{"serviceName":"s"}},{"timestamp":2,"value":"sr"}],"binaryAnnotations":[{"key":"sa","value":true}]}]"#,
    r#"[{"timestamp":"2025-07-10T14:32:01.5Z","trace_id":"t","span_id":"s","type":"sql","operation":"SELECT","target":"SELECT 1","duration_us":1,"source":{"endpoint":"e","method":"m"},"grouping":[{"key":"tenant","value":"x"}]}]"#,
];

/// A protobuf message with a resource, a scope and two spans with attributes.
fn protobuf() -> Vec<u8> {
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len() as u8;
        let length = if length < 0x80 { vec![length] } else { vec![length, 1] };
        [vec![number << 3 | 2], length, content.to_vec()].concat()
    }
    let pair = field(9, &[field(1, b"tenant"), field(2, &field(1, b"x"))].concat());
    let span =
        field(2, &[field(1, &[7; 16]), field(2, &[9; 8]), field(5, b"name"), vec![0x30, 3], pair].concat());
    let scope = field(1, &field(1, b"lib"));
    let resource = field(1, &field(1, &[field(1, b"service.name"), field(2, &field(1, b"s"))].concat()));
    field(1, &[resource, field(2, &[scope, span.clone(), span].concat())].concat())
}

fn seed(index: usize) -> Vec<u8> {
    SEEDS.get(index).map_or_else(protobuf, |text| text.as_bytes().to_vec())
}

#[test]
fn seeds_are_fine() {
    for index in 0..=SEEDS.len() {
        let got = read(seed(index));
        assert!(got.reading.is_ok() && !got.spans.is_empty(), "{index}: {}", got.error());
    }
}

#[test]
fn a_cut_anywhere_never_gives_more_spans() {
    for index in 0..=SEEDS.len() {
        let whole = seed(index);
        let spans = read(&whole).spans.len();
        let mut before = 0;
        for end in 0..whole.len() {
            let got = read(&whole[..end]);
            assert!(got.spans.len() <= spans, "seed {index} cut at {end}");
            assert!(index > 1 || got.spans.len() >= before, "seed {index} cut at {end}");
            before = got.spans.len();
        }
    }
}

#[test]
fn a_cut_capture_has_the_spans_before_the_cut() {
    let whole = include_bytes!("../../../../tests/fixtures/captures/node_knex.json");
    let spans = read(whole).spans;
    for end in (0..whole.len()).step_by(397) {
        let got = read(&whole[..end]);
        assert!(spans.starts_with(&got.spans), "cut at {end}");
    }
}

/// Scenario: a million tiny documents in one line, and as many broken lines. Guarantees: no step costs
/// the length of the input for each of them, which would take hours.
#[test]
fn many_documents_take_linear_time() {
    assert_eq!(read("{}".repeat(1_000_000)).reading().input.format, "otlp-json");
    let got = read(format!("{{}}\n{}", "{\"a\":1}\n".repeat(1_000_000)));
    assert_eq!(got.losses.get("lines_skipped"), 1_000_000);
}

proptest! {
    #[test]
    fn changed_bytes(index in 0..=SEEDS.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut bytes = seed(index);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        read(&bytes);
    }

    #[test]
    fn spliced_inputs(first in 0..=SEEDS.len(), second in 0..=SEEDS.len(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let (mut bytes, other) = (seed(first), seed(second));
        bytes.truncate(a.index(bytes.len()));
        bytes.extend_from_slice(&other[b.index(other.len())..]);
        read(&bytes);
    }

    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }
}
