//! How documents follow each other, what happens to broken and cut ones, limits and messages.

use super::*;
use std::io::Write;

/// An OTLP document with the spans of the given ids.
fn otlp(ids: &[u64]) -> String {
    let spans: Vec<_> = ids
        .iter()
        .map(|id| format!(r#"{{"traceId":"a1","spanId":"{id}","startTimeUnixNano":"{id}"}}"#))
        .collect();
    let spans = spans.join(",");
    format!(r#"{{"resourceSpans":[{{"resource":{{}},"scopeSpans":[{{"scope":{{}},"spans":[{spans}]}}]}}]}}"#)
}

fn pretty(ids: &[u64]) -> String {
    otlp(ids).replace("[{", "[\n  {").replace("},", "},\n  ").replace('}', "\n}")
}

const ZIPKIN: &str = r#"{"traceId":"a1","id":"9","kind":"CLIENT","timestamp":1}"#;

/// Ids of the spans that come out of an input, its losses and the kinds of its warnings.
#[track_caller]
fn check_ids(input: impl AsRef<[u8]>, format: &str, expect: &[&str], skipped: u64) -> Got {
    let got = read(input);
    let ids: Vec<_> = got.spans.iter().map(|span| span.id.as_str()).collect();
    assert_eq!(ids, expect, "{}", got.error());
    assert_eq!(got.reading().input.format, format);
    assert_eq!(got.losses.get("lines_skipped"), skipped);
    assert_eq!(got.reading().warnings.len() as u64, skipped);
    got
}

#[test]
fn documents_in_a_row() {
    let (one, two) = (otlp(&[1]), otlp(&[2]));
    let all = ["1", "2"];
    check_ids(format!("{one}{two}"), "otlp-json", &all, 0);
    check_ids(format!("{one}\n{two}"), "otlp-json", &all, 0);
    check_ids(format!("\u{feff}{one}\r\n\n  \r\n{two}\r\n"), "otlp-json", &all, 0);
    check_ids(format!("{one}\n\u{feff}{two}\n"), "otlp-json", &all, 0);
    check_ids(format!("\u{1e}{one}\n\u{1e}{two}\n"), "otlp-json", &all, 0);
    check_ids(format!("{}\n{}", pretty(&[1]), pretty(&[2])), "otlp-json", &all, 0);
    check_ids(format!("[{one},\n{two}]"), "otlp-json", &all, 0);
    check_ids(format!("[\n{one},\n{two}\n]\n"), "otlp-json", &all, 0);
    check_ids(format!("{one}\n{ZIPKIN}\n{two}"), "otlp-json+zipkin-v2", &["1", "9", "2"], 0);
    check_ids("[]", "json", &[], 0);
    check_ids("{\"resourceSpans\":[]}", "otlp-json", &[], 0);
}

#[test]
fn broken_lines_are_skipped_and_reported() {
    let (one, two) = (otlp(&[1]), otlp(&[2]));
    let all = ["1", "2"];
    for bad in [r#"{"resourceSpans":[5]}"#, r#"{"a":1}"#, r#"{"a" 1}"#, r#"{"resourceSpans":[{"resource":{}"#]
    {
        check_ids(format!("{bad}\n{one}\n{two}\n"), "otlp-json", &all, 1);
        check_ids(format!("{one}\n{bad}\n{two}\n"), "otlp-json", &all, 1);
        check_ids(format!("{one}\n{two}\n{bad}\n"), "otlp-json", &all, 1);
    }
    // a line that was cut where a document of several lines might go on
    let open = r#"{"resourceSpans":[{"#;
    check_ids(format!("{open}\n{one}\n{two}\n"), "otlp-json", &all, 1);
    check_ids(format!("{one}\n{open}\n{two}\n"), "otlp-json", &all, 1);
    let got = check_ids(format!("{one}\n{two}\n{open}\n"), "otlp-json", &all, 0);
    assert!(got.reading().input.truncated.is_some());
    // what stands before the break in a line is used
    let cut = &one[..one.len() - 6];
    check_ids(format!("{cut}\n{two}\n"), "otlp-json", &all, 1);
    // a document of another kind in between
    check_ids(format!("{}\n{{\n\"a\": [\n{ZIPKIN}\n]}}\n{two}", pretty(&[1])), "otlp-json", &all, 1);
    // nothing but broken lines is an error, the first one
    let error = read("{\"a\":1}\n{\"b\":2}\n").error();
    assert!(error.contains("line 1") && error.contains("the keys a;"), "{error}");
}

#[test]
fn many_broken_lines_make_few_warnings() {
    let got = read(format!("{}\n{}", otlp(&[1]), "{\"a\":1}\n".repeat(40)));
    assert_eq!(got.losses.get("lines_skipped"), 40);
    assert_eq!(got.reading().warnings.len(), 11);
    assert!(got.reading().warnings[10].message.contains("30 more"), "{:?}", got.reading().warnings[10]);
}

#[test]
fn cut_documents_are_used_up_to_the_cut() {
    let whole = otlp(&[1, 2, 3]);
    let second = whole.find(r#"{"traceId":"a1","spanId":"3""#).unwrap();
    let got = check_ids(&whole[..second + 20], "otlp-json", &["1", "2"], 0);
    let reason = got.reading().input.truncated.clone().unwrap();
    assert!(reason.contains(&format!("byte {} (line 1, column", second + 20)), "{reason}");
    let got = check_ids(format!("{}\n{}", otlp(&[7]), &whole[..second]), "otlp-json", &["7", "1", "2"], 0);
    assert!(got.reading().input.truncated.is_some());
    let got = check_ids(format!("{}\n{{\"res", otlp(&[7])), "otlp-json", &["7"], 0);
    assert!(got.reading().input.truncated.is_some());
    assert!(read("{\"res").error().contains("before the format can be told"));
    // the resource stands behind the spans, and is lost
    let late = whole.replace("\"resource\":{},", "");
    let second = late.find(r#"{"traceId":"a1","spanId":"3""#).unwrap();
    assert_eq!(read(&late[..second]).spans.len(), 2);
}

#[test]
fn compressed_and_cut() {
    let text = otlp(&(1..2000).collect::<Vec<_>>());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    assert_eq!(read(&gzip).spans.len(), 1999);
    let got = read(&gzip[..gzip.len() / 2]);
    assert!((1..1999).contains(&got.spans.len()), "{}", got.spans.len());
    assert!(got.reading().input.truncated.as_ref().unwrap().contains("gzip data"));
    let zstd = zstd::stream::encode_all(text.as_bytes(), 1).unwrap();
    assert_eq!(read(&zstd).spans.len(), 1999);
}

#[test]
fn errors_say_what_and_where() {
    let wide: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&[u8], &str); 13] = [
        (b"", "it is empty"),
        (b" \n\t\xef\xbb\xbf ", "it is empty"),
        (&wide, "UTF-16"),
        (b"\xff\xfe{", "UTF-16"),
        (b"hello", "not a trace format that is known here: bytes 68 65 6c 6c 6f"),
        (b"PK\x03\x04", "bytes 50 4b 03 04"),
        (b"{\"a\":1,\"b\":2}", "a JSON object with the keys a, b"),
        (
            b"{\"data\":null,\"errors\":[{\"code\":404,\"msg\":\"trace not found\"}]}",
            "Jaeger answered without traces: trace not found (404)",
        ),
        (
            b"{\"schema_version\":\"1.0\",\"tool\":{\"name\":\"tracewatt\"}}",
            "`test`: this is a report of tracewatt",
        ),
        (b"[1]", "neither an object nor a list"),
        (b"{\n\"resourceSpans\": [}", "as otlp-json: byte 20 (line 2, column 19): expected an object"),
        (b"{\"resourceSpans\":5}", "byte 17 (line 1, column 18): expected an array"),
        (b"\x0a\x04\x12\x7f\x12\x01", "as otlp-protobuf: byte 6"),
    ];
    for (input, part) in cases {
        let error = read(input).error();
        assert!(error.contains(part) && error.contains("`test`"), "{error}");
    }
}

#[test]
fn limits_cut_and_count() {
    let limits = ReadLimits { max_text_bytes: 5, max_attributes: 2, max_depth: 12, ..ReadLimits::default() };
    let span = |attributes: &str| {
        otlp(&[1])
            .replace("\"spanId\"", &format!("\"name\":\"abcdéf\",\"attributes\":[{attributes}],\"spanId\""))
    };
    let attribute = |key: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"12345678"}}}}"#);
    let list = [attribute("tenant"), attribute("unknown"), attribute("raw")].join(",");
    let got = read_with(span(&list).as_bytes(), &limits);
    assert_eq!(got.lines(), ["a1/1 abcd 1+0 tenant=12345"]);
    assert_eq!((got.losses.get("texts_cut"), got.losses.get("attributes_over_limit")), (2, 1));
    let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(64), "]}}".repeat(64));
    let got = read_with(span(&format!(r#"{{"key":"tenant","value":{open}{close}}}"#)).as_bytes(), &limits);
    assert_eq!((got.spans.len(), got.losses.get("values_too_deep")), (1, 1));
    let flat = ReadLimits { max_depth: 3, ..ReadLimits::default() };
    assert!(read_with(otlp(&[1]).as_bytes(), &flat).error().contains("nested deeper than 3"));
    let small = ReadLimits { max_document_bytes: 10, ..ReadLimits::default() };
    assert!(read_with(b"{\"resourceSpans\":[]}", &small).error().contains("more than 10 bytes"));
}

#[test]
fn spans_without_ids_are_counted_and_dropped() {
    let text = otlp(&[1, 2, 3, 4])
        .replace(r#""a1","spanId":"1""#, r#""","spanId":"1""#)
        .replace(r#""spanId":"2""#, r#""spanId":"0000000000000000""#)
        .replace(r#""spanId":"3""#, r#""x":"3""#);
    let got = check_ids(text, "otlp-json", &["4"], 0);
    assert_eq!(got.losses.get("spans_without_id"), 3);
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_and_counted() {
    let text = otlp(&[1]).replace("\"spanId\"", "\"name\":\"caf\u{1}\",\"spanId\"");
    let bytes: Vec<u8> = text.bytes().map(|byte| if byte == 1 { 0xe9 } else { byte }).collect();
    let got = read(bytes);
    assert_eq!((got.spans[0].name.as_str(), got.losses.get("invalid_utf8_replaced")), ("caf\u{fffd}", 1));
    // a character that is cut off is neither replaced nor counted
    let got = read(b"{\"resourceSpans\":[{\"x\":\"\xff\xc3");
    assert_eq!(got.losses.get("invalid_utf8_replaced"), 1, "{}", got.error());
    // a place is one in the file, whatever stands for its bytes
    let error = read(b"{\"x\":\"\xff\xe9\xff\",\"resourceSpans\":[7]}").error();
    assert!(error.contains("byte 28 (line 1, column 29)"), "{error}");
}
