//! A document and what is wrong with it.

use super::Problem;

/// What came of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Document {
    pub target: String,
    pub request: String,
    pub status: u16,
    pub content_type: String,
    pub retry_after_s: u32,
    pub received_at_ms: u64,
    pub body: Vec<u8>,
}

impl Document {
    /// Returns a problem with this document.
    pub fn problem(&self, reason: &str, message: impl Into<String>) -> Problem {
        Problem {
            target: self.target.clone(),
            request: self.request.clone(),
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    /// Returns the body of an answer that went well: status 200, not empty, UTF-8, no web page.
    pub fn text(&self) -> Result<&str, Problem> {
        let status = self.status;
        let (reason, said) = match status {
            200 => ("", ""),
            300..=399 => {
                ("redirect", "redirects are not followed; write the final address into the configuration")
            }
            401 => ("unauthorized", "the secret is missing or wrong"),
            403 => ("forbidden", "the secret does not allow this"),
            404 => ("not_found", "there is no such document; is the path right?"),
            429 => ("rate_limited", "it is asked too often"),
            500..=599 => ("server_error", "the source itself failed"),
            _ => ("http_error", "it is not 200"),
        };
        if !reason.is_empty() {
            return Err(self.problem(reason, format!("status {status}: {said}")));
        }
        let body = match std::str::from_utf8(&self.body) {
            Ok(body) => body.strip_prefix('\u{feff}').unwrap_or(body),
            Err(_) => return Err(self.problem("invalid_utf8", "the body is not UTF-8")),
        };
        let start = body.trim_start();
        if start.is_empty() {
            return Err(self.problem("empty_body", "the body is empty"));
        }
        if start.starts_with('<') || self.content_type.trim_start().starts_with("text/html") {
            return Err(
                self.problem("wrong_content_type", "a web page came instead of data; is the path right?")
            );
        }
        Ok(body)
    }

    /// Reads a number that must be finite, not negative, and at most `most`.
    pub fn number(&self, text: &str, most: f64) -> Result<f64, Problem> {
        match text.parse::<f64>() {
            Ok(value) => self.in_range(value, most),
            Err(_) => Err(self.problem("invalid_value", "what should be a number is none")),
        }
    }

    /// Checks that a number is finite, not negative, and at most `most`.
    pub fn in_range(&self, value: f64, most: f64) -> Result<f64, Problem> {
        match value {
            _ if !value.is_finite() || value < 0.0 => {
                Err(self.problem("invalid_value", format!("{value} is below 0 or no number")))
            }
            _ if value > most => {
                Err(self.problem("invalid_value", format!("{value} is more than {most}; is the unit right?")))
            }
            _ => Ok(value),
        }
    }

    /// Checks that something was measured at most `most_ms` before the document came, and not after it by more than
    /// `ahead_ms`.
    pub fn fresh(&self, measured_at_ms: u64, most_ms: u64, ahead_ms: u64) -> Result<(), Problem> {
        let received = self.received_at_ms;
        if measured_at_ms > received.saturating_add(ahead_ms) {
            let seconds = (measured_at_ms - received) / 1000;
            return Err(self.problem(
                "clock_skew",
                format!("it was measured {seconds} s in the future; compare the clocks"),
            ));
        }
        match received.saturating_sub(measured_at_ms) {
            age if age > most_ms => Err(self.problem(
                "stale",
                format!("it was measured {} s ago, {} s are allowed", age / 1000, most_ms / 1000),
            )),
            _ => Ok(()),
        }
    }
}
