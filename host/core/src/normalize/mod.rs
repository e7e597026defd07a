//! Turning what an instrumentation recorded into templates.
//!
//! A span arrives with a text (a URL, a command, a query) that mixes what is the same in every
//! call with what differs. Each module here takes one kind of I/O and separates the two into a
//! [`Template`], and says in [`Facts`] what a detector must know beyond the text: whether the call
//! may be repeated without harm, how many operations one round trip carried, whether it is only
//! connection chatter, and whether the instrumentation hid the values.
//!
//! All functions are total, run in time linear in the input and bound their output. Values go to
//! the parameters, which stay in memory; only the template text is ever printed.

pub mod cache;
pub mod document;
pub mod http;
pub mod messaging;
pub mod rpc;
mod shape;
pub mod sql;

/// A normalized text: what stays the same between calls, and what does not.
///
/// Made to be reused: [`Template::clear`] keeps the buffers.
#[derive(Default, Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// What stays the same, with placeholders (`GET user-svc/api/users/{id}`).
    pub text: String,
    params: String,
    ends: Vec<u32>,
    /// Work space of the normalizers, empty between calls.
    scratch: String,
}

impl Template {
    /// Empties text and parameters and keeps their memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.params.clear();
        self.ends.clear();
        self.scratch.clear();
    }

    /// Appends one parameter. Parameters are kept in the order of the text they came from.
    ///
    /// Beyond 4 GiB of joined parameters (no span is that large) further ones are left out.
    pub fn push_param(&mut self, value: &str) {
        self.push_param_of("", value);
    }

    /// Appends one parameter that is made of two pieces.
    pub(crate) fn push_param_of(&mut self, first: &str, second: &str) {
        if let Ok(end) = u32::try_from(self.params.len() + first.len() + second.len()) {
            self.params.push_str(first);
            self.params.push_str(second);
            self.ends.push(end);
        }
    }

    /// Returns the parameters in order. Raw values: never print or export them.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.ends.iter().scan(0usize, |start, &end| {
            let value = self.params.get(*start..end as usize);
            *start = end as usize;
            value
        })
    }

    /// Returns the number of parameters.
    #[must_use]
    pub fn param_count(&self) -> usize {
        self.ends.len()
    }
}

/// What a call does to the other side, as far as its text tells.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads only: a repetition with the same parameters is redundant.
    Read,
    /// Changes something: a repetition is never redundant.
    Write,
    /// The text does not tell; to be treated as a write.
    #[default]
    Unknown,
}

/// What a detector must know about a call beyond its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether the call reads or writes.
    pub access: Access,
    /// Operations carried by this one round trip, at least 1.
    pub batch: u32,
    /// Connection, session or transaction upkeep: never breaks or joins a group.
    pub chatter: bool,
    /// The instrumentation removed values (or never had them) that would be needed to tell two
    /// calls apart: equal parameters prove nothing.
    pub params_hidden: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self { access: Access::Unknown, batch: 1, chatter: false, params_hidden: false }
    }
}

impl Facts {
    fn of(access: Access) -> Self {
        Self { access, ..Self::default() }
    }
}

/// Returns what stands before and after the first `://`.
pub(crate) fn split_scheme(url: &str) -> Option<(&str, &str)> {
    let at = url.as_bytes().windows(3).position(|three| three == b"://")?;
    Some((&url[..at], &url[at + 3..]))
}

/// Returns the longest prefix of `text` of at most `max` bytes that ends between characters.
fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns whether a word that is in no table of commands may be one (`FT.SEARCH`, `get_item`). Anything else may
/// as well be a value.
fn is_command_name(word: &str) -> bool {
    const LONGEST: usize = 32;
    word.len() <= LONGEST
        && word.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && word.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'.' | b'_'))
}

/// Returns whether `word` is one of the `sorted` words, without regard to ASCII case.
///
/// `sorted` is in byte order and in one letter case.
fn among(sorted: &[&str], word: &str) -> bool {
    sorted
        .binary_search_by(|probe| {
            let probe = probe.bytes().map(|b| b.to_ascii_lowercase());
            probe.cmp(word.bytes().map(|b| b.to_ascii_lowercase()))
        })
        .is_ok()
}

/// Returns whether an instrumentation put this in the place of a value it did not want to record.
fn is_hidden(value: &str) -> bool {
    const MARKS: [&str; 9] =
        ["?", "redacted", "[redacted]", "<redacted>", "{redacted}", "***", "*", "[filtered]", "<hidden>"];
    MARKS.iter().any(|mark| mark.eq_ignore_ascii_case(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_back_in_order() {
        let mut template = Template::default();
        for value in ["a", "", "längs", "c"] {
            template.push_param(value);
        }
        assert_eq!(template.params().collect::<Vec<_>>(), ["a", "", "längs", "c"]);
        assert_eq!(template.param_count(), 4);
        template.clear();
        assert_eq!(template, Template::default());
    }

    #[test]
    fn cut_respects_characters() {
        assert_eq!(cut("aä", 2), "a");
        assert_eq!(cut("aä", 3), "aä");
    }
}
