//! Why an input could not be used: which one, where in it, for what reason, and what to do.

use std::fmt;
use std::io;

/// Why an input could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The file is not there.
    #[error("cannot read `{name}`: no such file")]
    Missing {
        /// Name as given.
        name: String,
    },
    /// A pattern names no file.
    #[error(
        "cannot read `{name}`: no file matches this pattern (quote it if the shell should not expand it)"
    )]
    NoMatch {
        /// Pattern as given.
        name: String,
    },
    /// A pattern is not one.
    #[error("cannot read `{name}`: not a valid file pattern: {reason}")]
    Pattern {
        /// Pattern as given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory was named.
    #[error("cannot read `{name}`: it is a directory; name its files, or use a pattern such as `{advice}`")]
    Directory {
        /// Name as given.
        name: String,
        /// A pattern that would match the directory's JSON files.
        advice: String,
    },
    /// The operating system says no.
    #[error("cannot read `{name}`: {reason}")]
    Io {
        /// Name as given.
        name: String,
        /// What the system said; part of the message, so not a source beside it.
        reason: io::Error,
    },
    /// More bytes than allowed, counted after decompression.
    #[error(
        "cannot read `{name}`: more than {limit} bytes of it, once decompressed, would have to be held at once; split \
         it, or raise `max_document_bytes`"
    )]
    TooLarge {
        /// Name as given.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Nothing but white space.
    #[error("cannot read `{name}`: it is empty; has the exporter been flushed?")]
    Empty {
        /// Name as given.
        name: String,
    },
    /// Text in UTF-16.
    #[error("cannot read `{name}`: it is UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8`")]
    Utf16 {
        /// Name as given.
        name: String,
    },
    /// Compressed, but damaged from the start.
    #[error("cannot read `{name}`: damaged {method} data: {reason}")]
    Compressed {
        /// Name as given.
        name: String,
        /// `gzip` or `zstd`.
        method: &'static str,
        /// What the decompressor said.
        reason: String,
    },
    /// None of the formats.
    #[error(
        "cannot read `{name}`: {at}: not a trace format that is known here: {found}; known are OTLP \
         (JSON and protobuf), Jaeger JSON, Zipkin JSON (v1 and v2) and event arrays"
    )]
    Unrecognized {
        /// Name as given.
        name: String,
        /// Where the unknown document begins.
        at: Place,
        /// What stands there instead.
        found: String,
    },
    /// An answer of Jaeger that holds a reason instead of traces.
    #[error("cannot read `{name}`: {at}: Jaeger answered without traces: {message}")]
    Refusal {
        /// Name as given.
        name: String,
        /// Where the answer begins.
        at: Place,
        /// What Jaeger said.
        message: String,
    },
    /// What `analyze` writes, given as what it reads.
    #[error(
        "cannot read `{name}`: this is a report of tracewatt, not a trace; compare two of them with `tracewatt diff`, \
         or give it to `analyze` as `--baseline`"
    )]
    Report {
        /// Name as given.
        name: String,
    },
    /// One of the formats, but broken.
    #[error("cannot read `{name}` as {format}: {at}: {reason}; export it again, or remove the broken part")]
    Malformed {
        /// Name as given.
        name: String,
        /// Format as in [`tracewatt_core::report::Input::format`].
        format: &'static str,
        /// Where.
        at: Place,
        /// What is wrong there.
        reason: String,
    },
}

/// A place in an input, after decompression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Line and column, both from 1, where the input is text.
    pub line: Option<(u64, u64)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some((line, column)) => write!(f, "byte {} (line {line}, column {column})", self.offset),
            None => write!(f, "byte {}", self.offset),
        }
    }
}
