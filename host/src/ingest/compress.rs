//! gzip and zstd, recognised by their first bytes, also one inside the other, and never more bytes
//! than the limit allows. Data that ends early is used as far as it goes.

use super::IngestError;
use flate2::read::MultiGzDecoder;
use std::io::{self, Cursor, Read};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How many layers of compression are taken off: a file compressed twice by mistake is still read.
const LAYERS: usize = 2;

/// An input, decompressed while it is read.
pub(super) struct Plain<'a> {
    name: String,
    reader: Box<dyn Read + Send + 'a>,
    /// The outermost compression.
    method: Option<&'static str>,
    /// Bytes read so far.
    read: u64,
    /// Why the end is missing, if compressed data stopped short.
    pub truncated: Option<String>,
}

impl<'a> Plain<'a> {
    /// Looks at the first bytes of an input.
    pub fn open(name: &str, input: impl Read + Send + 'a) -> Result<Plain<'a>, IngestError> {
        let mut reader: Box<dyn Read + Send + 'a> = Box::new(input);
        let mut plain = Plain {
            name: name.to_owned(),
            reader: Box::new(io::empty()),
            method: None,
            read: 0,
            truncated: None,
        };
        let mut layers = 0;
        loop {
            let mut start = Vec::new();
            reader
                .by_ref()
                .take(ZSTD.len() as u64)
                .read_to_end(&mut start)
                .map_err(|error| plain.failed(error))?;
            let method = method_of(&start).filter(|_| layers < LAYERS);
            let whole = Cursor::new(start).chain(reader);
            let failed = |error| plain.failed(error);
            reader = match method {
                Some("gzip") => Box::new(MultiGzDecoder::new(whole)),
                Some(_) => Box::new(zstd::stream::read::Decoder::new(whole).map_err(failed)?),
                None => {
                    plain.reader = Box::new(whole);
                    return Ok(plain);
                }
            };
            plain.method = plain.method.or(method);
            layers += 1;
        }
    }

    /// Appends bytes until there are `length` of them; false at the end of the input.
    pub fn fill(&mut self, bytes: &mut Vec<u8>, length: usize) -> Result<bool, IngestError> {
        if self.truncated.is_some() {
            return Ok(false);
        }
        let wanted = length.saturating_sub(bytes.len()) as u64;
        let before = bytes.len();
        let result = self.reader.by_ref().take(wanted).read_to_end(bytes);
        let read = (bytes.len() - before) as u64;
        self.read += read;
        match (result, self.method) {
            (Ok(_), _) => Ok(read == wanted),
            (Err(error), Some(method)) if self.read > 0 => {
                let end = self.read;
                self.truncated =
                    Some(format!("{method} data is damaged after byte {end} of its content: {error}"));
                Ok(false)
            }
            (Err(error), _) => Err(self.failed(error)),
        }
    }

    /// Appends what is left, at most up to `limit` bytes.
    pub fn fill_all(&mut self, bytes: &mut Vec<u8>, limit: u64) -> Result<(), IngestError> {
        match self.fill(bytes, usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX))? {
            true => Err(self.too_large(limit)),
            false => Ok(()),
        }
    }

    /// Returns the error for an input, or a record of it, that holds more than `limit` bytes.
    pub fn too_large(&self, limit: u64) -> IngestError {
        IngestError::TooLarge { name: self.name.clone(), limit }
    }

    fn failed(&self, reason: io::Error) -> IngestError {
        let name = self.name.clone();
        match self.method {
            Some(method) => IngestError::Compressed { name, method, reason: reason.to_string() },
            None => IngestError::Io { name, reason },
        }
    }
}

fn method_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        _ if bytes.starts_with(GZIP) => Some("gzip"),
        _ if bytes.starts_with(ZSTD) => Some("zstd"),
        _ => None,
    }
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
        let read = || {
            let (mut plain, mut bytes) = (Plain::open("x", input)?, Vec::new());
            plain.fill_all(&mut bytes, limit)?;
            Ok::<_, IngestError>((bytes, plain.truncated))
        };
        match (read(), expect) {
            (Ok((bytes, reason)), Ok((text, truncated))) => {
                assert_eq!(String::from_utf8_lossy(&bytes), text);
                assert_eq!(reason.is_some(), truncated);
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, _) => panic!("{:?}, expected {expect:?}", got.map(|(bytes, _)| bytes)),
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
