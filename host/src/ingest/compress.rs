//! gzip and zstd, recognised by their first bytes, also one inside the other, and never more bytes
//! than the limit allows. Data that ends early is used as far as it goes.

use super::IngestError;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How many layers of compression are taken off: a file compressed twice by mistake is still read.
const LAYERS: usize = 2;

/// The bytes of a document.
pub(super) struct Plain {
    /// The bytes, decompressed.
    pub bytes: Vec<u8>,
    /// Why the end is missing, if compressed data stopped short.
    pub truncated: Option<String>,
}

/// Reads an input to its end and decompresses it.
pub(super) fn read_plain(name: &str, input: impl Read, limit: u64) -> Result<Plain, IngestError> {
    let too_large = || IngestError::TooLarge { name: name.to_owned(), limit };
    let mut bytes = Vec::new();
    match read_limited(input, limit, &mut bytes) {
        Ok(true) => {}
        Ok(false) => return Err(too_large()),
        Err(reason) => return Err(IngestError::Io { name: name.to_owned(), reason }),
    }
    let mut plain = Plain { bytes, truncated: None };
    for _ in 0..LAYERS {
        let Some(method) = method_of(&plain.bytes) else { break };
        let mut bytes = Vec::new();
        match decompress(method, &plain.bytes, limit, &mut bytes) {
            Ok(true) => {}
            Ok(false) => return Err(too_large()),
            Err(error) if bytes.is_empty() => {
                let reason = error.to_string();
                return Err(IngestError::Compressed { name: name.to_owned(), method, reason });
            }
            Err(error) => {
                let end = bytes.len();
                plain.truncated =
                    Some(format!("{method} data is damaged after byte {end} of its content: {error}"));
            }
        }
        plain.bytes = bytes;
    }
    Ok(plain)
}

fn method_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        _ if bytes.starts_with(GZIP) => Some("gzip"),
        _ if bytes.starts_with(ZSTD) => Some("zstd"),
        _ => None,
    }
}

fn decompress(method: &str, bytes: &[u8], limit: u64, out: &mut Vec<u8>) -> io::Result<bool> {
    match method {
        "gzip" => read_limited(MultiGzDecoder::new(bytes), limit, out),
        _ => read_limited(zstd::stream::read::Decoder::with_buffer(bytes)?, limit, out),
    }
}

/// Reads to the end; false when there is more than `limit`. What was read before an error is kept.
fn read_limited(input: impl Read, limit: u64, out: &mut Vec<u8>) -> io::Result<bool> {
    input.take(limit.saturating_add(1)).read_to_end(out)?;
    Ok(out.len() as u64 <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 1).unwrap()
    }

    fn check(input: &[u8], limit: u64, expect: Result<(&str, bool), &str>) {
        match (read_plain("x", input, limit), expect) {
            (Ok(plain), Ok((text, truncated))) => {
                assert_eq!(String::from_utf8_lossy(&plain.bytes), text);
                assert_eq!(plain.truncated.is_some(), truncated);
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, _) => panic!("{:?}, expected {expect:?}", got.map(|plain| plain.bytes)),
        }
    }

    #[test]
    fn layers_members_limits_and_cuts() {
        let text = "hello, hello, hello";
        check(text.as_bytes(), 19, Ok((text, false)));
        check(text.as_bytes(), 18, Err("more than 18 bytes"));
        check(&gzip(text.as_bytes()), 100, Ok((text, false)));
        check(&zstd(text.as_bytes()), 100, Ok((text, false)));
        check(&gzip(&zstd(text.as_bytes())), 100, Ok((text, false)));
        check(&[gzip(b"one "), gzip(b"two")].concat(), 100, Ok(("one two", false)));
        check(&[zstd(b"one "), zstd(b"two")].concat(), 100, Ok(("one two", false)));
        check(&gzip(&vec![b' '; 100_000]), 50_000, Err("more than 50000 bytes"));
        let whole = gzip(text.as_bytes());
        check(&whole[..whole.len() - 8], 100, Ok((text, true)));
        check(&whole[..10], 100, Err("damaged gzip data"));
        check(&zstd(text.as_bytes())[..6], 100, Err("damaged zstd data"));
    }
}
