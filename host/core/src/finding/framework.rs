//! Which framework a finding's code uses.

/// What is known about the code.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Evidence<'a> {
    pub scopes: &'a [&'a str],
    pub namespace: &'a str,
    pub function: &'a str,
    pub file: &'a str,
    pub language: Option<&'a str>,
    pub service: &'a str,
    pub system: &'a str,
}

/// Frameworks from the most specific on.
pub fn chain(_evidence: &Evidence<'_>) -> Vec<&'static str> {
    vec!["general"]
}
