//! Answers of plug-ins, checked: rows exist and belong to one trace, numbers are in range, texts have an end. What
//! makes no sense is a fault; what is too long is cut, and counted.

use super::bindings::tracewatt::plugin::types as wit;
use super::instance;
use super::{Fault, FaultKind, SettingValue};
use crate::loss::Losses;
use crate::report::Severity;
use crate::trace::SharedBatch;

/// Longest text in an answer, and longest list of texts, in bytes; longer ones are cut.
const MAX_TEXT_BYTES: usize = 4096;
/// Pieces of evidence kept of one finding.
const MAX_EVIDENCE: usize = 32;

/// Texts of plug-ins that were cut, lists of texts included.
const TEXTS_CUT: &str = "plugin_texts_cut";
/// Pieces of evidence beyond [`MAX_EVIDENCE`].
const EVIDENCE_DROPPED: &str = "plugin_evidence_dropped";

/// A finding as a plug-in made it, checked, with rows of its own trace.
#[derive(Clone, Debug, PartialEq)]
pub struct RawFinding {
    /// Position of the trace among those the worker was given.
    pub trace: usize,
    /// Position of the rule in the manifest.
    pub rule: usize,
    /// Severity.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f64,
    /// Rows of the trace, at least one, the anchor first.
    pub rows: Vec<u32>,
    /// Those of them that need not have happened.
    pub avoidable: Vec<u32>,
    /// How often it happened.
    pub occurrences: u64,
    /// Occurrences over all traces from which on the problem is reported.
    pub quorum: u64,
    /// What it is about; empty for the template of the anchor.
    pub subject: String,
    /// What was seen.
    pub message: String,
    /// What to do; empty for the advice of the rule.
    pub advice: String,
    /// Why.
    pub evidence: Vec<(String, SettingValue)>,
}

impl RawFinding {
    /// Returns about how much memory the finding takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let value = |value: &SettingValue| match value {
            SettingValue::Text(text) => text.len(),
            SettingValue::TextList(texts) => texts.iter().map(|text| size_of::<String>() + text.len()).sum(),
            _ => 0,
        };
        let evidence = self.evidence.iter();
        size_of::<RawFinding>()
            + (self.rows.len() + self.avoidable.len()) * size_of::<u32>()
            + self.subject.len()
            + self.message.len()
            + self.advice.len()
            + evidence
                .map(|(name, of)| size_of_val(name) + size_of_val(of) + name.len() + value(of))
                .sum::<usize>()
    }
}

/// Turns rows of the batch into rows of the trace, and refuses what makes no sense. `first` is the position of
/// the batch's first trace; what was cut is added to `losses`.
pub(super) fn check(
    finding: wit::Finding,
    batch: &SharedBatch,
    rules: usize,
    first: usize,
    losses: &mut Losses,
) -> Result<RawFinding, Fault> {
    let rule = finding.rule as usize;
    if rule >= rules {
        return Err(nonsense(format!("finding of rule {rule}, but the manifest has {rules}")));
    }
    let confidence = f64::from(finding.confidence);
    if !(0.0..=1.0).contains(&confidence) {
        return Err(nonsense(format!("confidence {confidence} is not between 0 and 1")));
    }
    let Some(&anchor) = finding.spans.first() else {
        return Err(nonsense("finding without a span".to_owned()));
    };
    let trace = batch.trace_offsets.partition_point(|offset| *offset <= anchor).wrapping_sub(1);
    let (Some(&from), Some(&to)) = (batch.trace_offsets.get(trace), batch.trace_offsets.get(trace + 1))
    else {
        return Err(nonsense(format!("span row {anchor} does not exist")));
    };
    let rows = local(finding.spans, from..to)?;
    let avoidable = local(finding.avoidable, from..to)?;
    let occurrences =
        if finding.occurrences == 0 { rows.len() as u64 } else { u64::from(finding.occurrences) };
    Ok(RawFinding {
        trace: first + trace,
        rule,
        severity: instance::severity(finding.severity),
        confidence: (confidence * 1000.0).round() / 1000.0,
        rows,
        avoidable,
        occurrences,
        quorum: u64::from(finding.quorum),
        subject: text(finding.subject, losses),
        message: text(finding.message, losses),
        advice: text(finding.advice, losses),
        evidence: evidence(finding.evidence, losses),
    })
}

fn nonsense(message: String) -> Fault {
    Fault::new(FaultKind::Answer, message)
}

/// Returns rows of the batch as rows of the trace that has the rows `of`.
fn local(rows: Vec<u32>, of: std::ops::Range<u32>) -> Result<Vec<u32>, Fault> {
    if rows.len() > of.len() {
        return Err(nonsense(format!("{} rows, but the trace has {}", rows.len(), of.len())));
    }
    if let Some(row) = rows.iter().find(|row| !of.contains(row)) {
        return Err(nonsense(format!("span row {row} is not of the trace with rows {of:?}")));
    }
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(nonsense(format!("span row {} is named twice", pair[0])));
    }
    Ok(rows.into_iter().map(|row| row - of.start).collect())
}

fn evidence(entries: Vec<wit::Entry>, losses: &mut Losses) -> Vec<(String, SettingValue)> {
    losses.add(EVIDENCE_DROPPED, entries.len().saturating_sub(MAX_EVIDENCE) as u64);
    let kept = entries.into_iter().take(MAX_EVIDENCE);
    kept.map(|entry| {
        let value = match instance::from_wit(entry.value) {
            SettingValue::Text(value) => SettingValue::Text(text(value, losses)),
            SettingValue::TextList(values) => SettingValue::TextList(texts(values, losses)),
            number => number,
        };
        (text(entry.name, losses), value)
    })
    .collect()
}

fn text(mut text: String, losses: &mut Losses) -> String {
    losses.add(TEXTS_CUT, u64::from(cut(&mut text, MAX_TEXT_BYTES)));
    text
}

/// Keeps as much of a list as one text may have; an empty text counts like a short one.
fn texts(mut texts: Vec<String>, losses: &mut Losses) -> Vec<String> {
    let (mut room, mut shortened) = (MAX_TEXT_BYTES, false);
    let mut kept = 0;
    for text in &mut texts {
        if room == 0 {
            break;
        }
        shortened |= cut(text, room);
        room -= text.len().clamp(1, room);
        kept += 1;
    }
    losses.add(TEXTS_CUT, u64::from(shortened || kept < texts.len()));
    texts.truncate(kept);
    texts
}

/// Shortens a text to `most` bytes, at a character; tells whether it was longer.
pub(super) fn cut(text: &mut String, most: usize) -> bool {
    let end = text.floor_char_boundary(most);
    let longer = end < text.len();
    text.truncate(end);
    longer
}

/// Shortens the text of a fault.
pub(super) fn said(mut message: String) -> String {
    cut(&mut message, MAX_TEXT_BYTES);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Batch;

    fn finding() -> wit::Finding {
        wit::Finding {
            rule: 0,
            severity: wit::Severity::Info,
            confidence: 1.0,
            spans: vec![2],
            avoidable: Vec::new(),
            occurrences: 0,
            quorum: 0,
            subject: String::new(),
            message: String::new(),
            advice: String::new(),
            evidence: Vec::new(),
        }
    }

    /// Checks a finding about two traces of two spans each.
    fn checked(finding: wit::Finding) -> (Result<RawFinding, Fault>, Losses) {
        let batch = Batch { trace_offsets: vec![0, 2, 4], ..Batch::default() };
        let mut losses = Losses::default();
        let checked = check(finding, &batch.into(), 1, 10, &mut losses);
        (checked, losses)
    }

    #[test]
    fn rows_become_rows_of_the_trace() {
        let (finding, losses) = checked(wit::Finding { spans: vec![3, 2], avoidable: vec![3], ..finding() });
        let finding = finding.unwrap();
        assert_eq!((finding.trace, finding.rows, finding.avoidable), (11, vec![1, 0], vec![1]));
        assert_eq!(losses, Losses::default());
    }

    #[test]
    fn what_makes_no_sense_is_a_fault() {
        let check = |finding, expect: &str| {
            let fault = checked(finding).0.unwrap_err();
            assert_eq!(fault.to_string(), format!("answer: {expect}"));
        };
        let with = |spans: &[u32]| wit::Finding { spans: spans.to_vec(), ..finding() };
        check(wit::Finding { rule: 1, ..finding() }, "finding of rule 1, but the manifest has 1");
        check(wit::Finding { confidence: f32::NAN, ..finding() }, "confidence NaN is not between 0 and 1");
        check(with(&[]), "finding without a span");
        check(with(&[4]), "span row 4 does not exist");
        check(with(&[u32::MAX]), "span row 4294967295 does not exist");
        check(with(&[1, 2]), "span row 2 is not of the trace with rows 0..2");
        check(with(&[1, 1]), "span row 1 is named twice");
        check(with(&[1, 1, 1]), "3 rows, but the trace has 2");
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let long = || "é".repeat(MAX_TEXT_BYTES);
        let entry = |value| wit::Entry { name: "what".to_owned(), value };
        let list = |texts: &[&str]| wit::Value::TextList(texts.iter().map(|&text| text.to_owned()).collect());
        let evidence = |value| {
            let (finding, losses) = checked(wit::Finding { evidence: vec![entry(value)], ..finding() });
            (finding.unwrap().evidence.remove(0).1, losses.get(TEXTS_CUT))
        };
        let (message, losses) = checked(wit::Finding { message: long(), subject: long(), ..finding() });
        assert_eq!(message.unwrap().message.len(), MAX_TEXT_BYTES);
        assert_eq!(losses.get(TEXTS_CUT), 2);
        assert_eq!(
            evidence(wit::Value::Text(long())),
            (SettingValue::Text("é".repeat(MAX_TEXT_BYTES / 2)), 1)
        );
        let texts =
            |texts: &[&str]| SettingValue::TextList(texts.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(evidence(list(&["a", "b"])), (texts(&["a", "b"]), 0));
        let (most, one_less) = ("x".repeat(MAX_TEXT_BYTES), "x".repeat(MAX_TEXT_BYTES - 1));
        assert_eq!(evidence(list(&[&one_less, "bc", "d"])), (texts(&[&one_less, "b"]), 1));
        assert_eq!(evidence(list(&[&most, ""])), (texts(&[&most]), 1));
        let (list, cut) = evidence(list(&vec![""; 1_000_000]));
        assert_eq!((list, cut), (texts(&vec![""; MAX_TEXT_BYTES]), 1));
        let many = (0..MAX_EVIDENCE + 3).map(|_| entry(wit::Value::Boolean(true))).collect();
        let (finding, losses) = checked(wit::Finding { evidence: many, ..finding() });
        assert_eq!(finding.unwrap().evidence.len(), MAX_EVIDENCE);
        assert_eq!(losses.iter().collect::<Vec<_>>(), [(EVIDENCE_DROPPED, 3)]);
    }
}
