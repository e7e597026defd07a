//! Detached signatures in the format of minisign: `mine.wasm.minisig` beside `mine.wasm`.

use minisign_verify::{Error, PublicKey, Signature};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// What is added to the name of a component.
const EXTENSION: &str = ".minisig";
/// Largest signature file, bytes; real ones have some 300.
const MAX_BYTES: u64 = 16 << 10;

/// Who signed a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Id of the key, as minisign shows it: 16 hexadecimal digits.
    pub key: String,
    /// The trusted comment, which is signed too.
    pub comment: String,
}

/// What is known of a component's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The configuration has no key, so nobody looked.
    Unasked,
    /// There is none, and there need not be.
    No,
    /// It holds.
    By(Signer),
}

/// What a configuration asks of a signature.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Keys, any of which will do. Without one, nothing is asked.
    pub keys: &'a [String],
    /// Key of the configuration that they come from.
    pub key: &'a str,
    /// Whether there must be a signature.
    pub is_required: bool,
}

/// Why a component is refused.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error(
        "it is not signed: there is no {file}, and `{asked}` asks for one; get it from whoever made the component, \
         or sign what you trust yourself: `minisign -S -m {component}`"
    )]
    Missing {
        /// File that was looked for.
        file: String,
        /// Key of the configuration.
        asked: String,
        /// File of the component.
        component: String,
    },
    /// The file is there and no signature.
    #[error("its signature {file} cannot be read: {reason}; get it again from whoever signed the component")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else signed it.
    #[error(
        "its signature {file} is by the key {found}, and `{asked}` has only {known}; \
         add that key if you trust whose it is, or get the component from whom you trust"
    )]
    OtherKey {
        /// The file.
        file: String,
        /// Key of the configuration.
        asked: String,
        /// Id of the key that signed.
        found: String,
        /// Ids of the keys that are trusted.
        known: String,
    },
    /// The signature is not of these bytes, or its comment was changed.
    #[error(
        "its signature {file} does not hold: the component or the trusted comment was changed after it was signed \
         with the key {key}; do not use it, get both files again"
    )]
    Altered {
        /// The file.
        file: String,
        /// Id of the key.
        key: String,
    },
    /// A key of the configuration is none.
    #[error("`{asked}` has a key that is no public key of minisign: {text}")]
    Key {
        /// Key of the configuration.
        asked: String,
        /// What was written.
        text: String,
    },
}

/// Returns the file of a component's signature.
pub fn beside(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(EXTENSION);
    name.into()
}

/// Whether a text is a public key: the second line of a `.pub` file.
pub fn is_public_key(text: &str) -> bool {
    PublicKey::from_base64(text).is_ok()
}

/// Verifies the signature beside a component, of which `bytes` were read.
///
/// # Errors
/// A [`SignatureError`].
pub fn verify(path: &Path, bytes: &[u8], asked: &Asked<'_>) -> Result<Signed, SignatureError> {
    if asked.keys.is_empty() {
        return Ok(Signed::Unasked);
    }
    let (path_of_signature, key) = (beside(path), || asked.key.to_owned());
    let file = path_of_signature.display().to_string();
    let text = match read(&path_of_signature) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !asked.is_required => return Ok(Signed::No),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let component = path.display().to_string();
            return Err(SignatureError::Missing { file, asked: key(), component });
        }
        Err(error) => return Err(SignatureError::Unreadable { file, reason: error.to_string() }),
    };
    let signature = Signature::decode(&text).map_err(|error| SignatureError::Unreadable {
        file: file.clone(),
        reason: match error {
            Error::UnsupportedAlgorithm => "it is of an algorithm other than Ed25519".to_owned(),
            _ => "it is not in the format of minisign".to_owned(),
        },
    })?;
    let signed_by = text.lines().nth(1).and_then(key_id).unwrap_or_default();
    let mut has_key = false;
    for text in asked.keys {
        let public = PublicKey::from_base64(text)
            .map_err(|_| SignatureError::Key { asked: key(), text: text.clone() })?;
        match public.verify(bytes, &signature, true) {
            Ok(()) => {
                return Ok(Signed::By(Signer {
                    key: signed_by,
                    comment: signature.trusted_comment().to_owned(),
                }));
            }
            Err(Error::UnexpectedKeyId) => {}
            Err(_) => has_key = true,
        }
    }
    if has_key {
        return Err(SignatureError::Altered { file, key: signed_by });
    }
    let known = asked.keys.iter().filter_map(|text| key_id(text)).collect::<Vec<_>>().join(", ");
    Err(SignatureError::OtherKey { file, asked: key(), found: signed_by, known })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Returns the id in the second line of a key or a signature, as minisign shows it: behind two bytes that name the
/// algorithm, eight bytes, the lowest first.
fn key_id(text: &str) -> Option<String> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    // 14 digits of 6 bits hold 10 bytes and 4 bits.
    let mut bits = 0u128;
    for byte in text.as_bytes().get(..14)? {
        bits = bits << 6 | u128::from(digit(*byte)?);
    }
    Some(format!("{:016X}", ((bits >> 4) as u64).swap_bytes()))
}

impl fmt::Display for Signed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signed::Unasked => out.write_str("not looked at, the configuration has no key"),
            Signed::No => out.write_str("no"),
            Signed::By(signer) => signer.fmt(out),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The comment may be anything: it must not steer a terminal.
        write!(out, "by key {}: {}", self.key, self.comment.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of minisign-verify.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn a_key_is_named_as_minisign_names_it() {
        assert_eq!(key_id(KEY).as_deref(), Some("E7620F1842B4E81F"));
        for bad in ["", "RWQf6LRCGA9i", "RWQf6LRCGA9i5!"] {
            assert_eq!(key_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_public_key_is_a_line_of_base64() {
        assert!(is_public_key(KEY));
        for bad in
            ["", "RW", "untrusted comment: minisign public key E7620F1842B4E81F", &KEY[1..], &KEY[..55]]
        {
            assert!(!is_public_key(bad), "{bad}");
        }
    }

    #[test]
    fn a_signature_is_beside_its_component() {
        assert_eq!(beside(Path::new("a/b.wasm")), Path::new("a/b.wasm.minisig"));
    }

    #[test]
    fn a_comment_does_not_steer_a_terminal() {
        let signer = Signer { key: "0".to_owned(), comment: "a\u{1b}[2J".to_owned() };
        assert_eq!(signer.to_string(), "by key 0: a\\u{1b}[2J");
    }
}
