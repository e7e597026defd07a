//! What a detector says.

use crate::{Span, Value};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Should be fixed.
    #[default]
    Warning,
    /// Hurts now.
    Critical,
}

/// A piece of evidence: a name that ends in its unit, and a value.
pub type Evidence = (String, Value);

/// A statement about one trace. From its spans the host derives service, endpoint, template, durations,
/// distinct parameters and code location: repeat none of that.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the fields are documented where the contract is: wit/0.1/types.wit
pub struct Finding {
    pub rule: String,
    /// That of the rule, where there is none.
    pub severity: Option<Severity>,
    pub confidence: f32,
    pub spans: Vec<u32>,
    pub avoidable: Vec<u32>,
    pub occurrences: u32,
    pub quorum: u32,
    pub subject: String,
    pub message: String,
    pub advice: String,
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// Returns a finding of a rule about some spans of one trace, the first of which gives service, endpoint
    /// and template. It has the severity of its rule, is certain, and claims no avoidable round trip until told otherwise.
    pub fn new(rule: impl Into<String>, spans: &[Span<'_>]) -> Finding {
        Finding {
            rule: rule.into(),
            severity: None,
            confidence: 1.0,
            spans: spans.iter().map(|span| span.row()).collect(),
            avoidable: Vec::new(),
            occurrences: 0,
            quorum: 0,
            subject: String::new(),
            message: String::new(),
            advice: String::new(),
            evidence: Vec::new(),
        }
    }

    /// Sets the severity, where it is not that of the rule.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Sets how much the evidence carries, 0 to 1.
    pub fn confidence(mut self, confidence: f32) -> Self {
        self.confidence = confidence.clamp(0.0, 1.0);
        self
    }

    /// Says that every span but the first need not have happened.
    pub fn avoidable_after_first(mut self) -> Self {
        self.avoidable = self.spans.iter().skip(1).copied().collect();
        self
    }

    /// Sets how often it happened, when that is not the number of spans.
    pub fn occurrences(mut self, occurrences: u32) -> Self {
        self.occurrences = occurrences;
        self
    }

    /// Reports the problem only when it occurred that often over all traces.
    pub fn quorum(mut self, quorum: u32) -> Self {
        self.quorum = quorum;
        self
    }

    /// Sets what it is about, when that is not the template of the first span. Part of the identity.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Sets the sentence on what was seen.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Sets the sentence on what to do, in place of the rule's advice.
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Adds a piece of evidence.
    pub fn evidence(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.evidence.push((name.to_owned(), value.into()));
        self
    }
}
