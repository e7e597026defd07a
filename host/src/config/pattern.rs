//! Glob patterns over names: services, endpoints, templates, finding types.

use globset::{GlobBuilder, GlobMatcher};
use std::fmt;

/// A glob over a whole name: `*` stands for any characters, `/` included, `?` for one, `{a,b}` for either,
/// `[a-z]` for one of a range.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

impl Pattern {
    /// Returns the pattern; the error says what is wrong with the text.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let glob = GlobBuilder::new(text)
            .backslash_escape(true)
            .build()
            .map_err(|error| error.kind().to_string())?;
        Ok(Pattern { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    /// Whether the whole of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_covers_the_whole_name_slashes_included() {
        let matches = |pattern: &str, name: &str| Pattern::new(pattern).unwrap().matches(name);
        assert!(matches("GET /api/*", "GET /api/orders/{}/lines"));
        assert!(!matches("GET /api/*", "POST /api/orders"));
        assert!(!matches("api", "api-gateway"));
        assert!(matches("{order,cart}-svc", "cart-svc"));
        assert!(matches("SELECT * FROM *", "SELECT a FROM b"));
        assert!(Pattern::new("orders-[").is_err());
    }
}
