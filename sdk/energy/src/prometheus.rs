//! A reader of the Prometheus text format. Families need not be grouped, comments may be missing, and the order of labels
//! is free, as exporters that exist require. A body that breaks off is refused whole: sums of half of it would be wrong.

use crate::{Document, Problem};

/// Samples read of one document.
const MAX_SAMPLES: usize = 200_000;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// Name of the metric.
    pub name: &'a str,
    /// Names and values of its labels, as written between the quotes and then unescaped.
    pub labels: Vec<(&'a str, String)>,
    /// Value; may be infinite or no number.
    pub value: f64,
}

impl Sample<'_> {
    /// Returns the value of a label; empty where there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
    }
}

/// Returns the samples of metrics that `wanted` names; the others are checked and skipped.
pub fn samples<'a>(
    document: &'a Document,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Sample<'a>>, Problem> {
    let text = document.text()?;
    if text.trim_start().starts_with(['{', '[']) {
        return Err(
            document.problem("wrong_content_type", "JSON came instead of metrics; is the path right?")
        );
    }
    if !text.ends_with('\n') {
        return Err(document.problem("truncated", "the body breaks off in the middle of a line"));
    }
    let mut samples = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // Without the line itself: it may hold a command line, and that a password.
        let Some(sample) = sample(line) else {
            return Err(document.problem("invalid_text", format!("line {} is no sample", number + 1)));
        };
        if wanted(sample.name) {
            if samples.len() == MAX_SAMPLES {
                return Err(document
                    .problem("too_many_samples", format!("there are more than {MAX_SAMPLES} samples")));
            }
            samples.push(sample);
        }
    }
    Ok(samples)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    let end = line.find(|c| !is_name(c))?;
    let (name, rest) = line.split_at_checked(end)?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next()?)?;
    let stamp = words.next().is_none_or(|stamp| stamp.parse::<f64>().is_ok());
    (stamp && words.next().is_none()).then_some(Sample { name, labels, value })
}

/// The format writes `NaN`, `+Inf`, `-Inf`; what Rust reads besides these (`infinity`, `nan`) does no harm.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

type Labels<'a> = Vec<(&'a str, String)>;

/// Reads labels up to and including the closing brace, and returns the rest.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start().strip_prefix('"')?;
        let (value, after) = quoted(after)?;
        let name = name.trim();
        if name.is_empty() || labels.iter().any(|(label, _)| *label == name) {
            return None;
        }
        labels.push((name, value));
        rest = after;
        if !rest.trim_start().starts_with([',', '}']) {
            return None;
        }
    }
}

/// Reads a text up to and including its closing quote, and returns the rest.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &str) -> Document {
        Document { status: 200, body: body.as_bytes().to_vec(), ..Document::default() }
    }

    #[test]
    fn samples_are_read_however_they_are_written() {
        let body = "# HELP a x\na{b=\"c\",d=\"e \\\"f\\\\ \\n}\"} 1.5 1700000000\nother 2\n\na{ d = \"\" , } +Inf\r\na 3e2\n";
        let document = document(body);
        let samples = samples(&document, |name| name == "a").unwrap();
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [1.5, f64::INFINITY, 300.0]);
        assert_eq!(samples[0].labels, [("b", "c".to_owned()), ("d", "e \"f\\ \n}".to_owned())]);
        assert_eq!((samples[0].label("b"), samples[2].label("b")), ("c", ""));
    }

    #[test]
    fn what_is_no_text_of_metrics_is_refused() {
        let check = |body: &str, expect: &str| {
            assert_eq!(samples(&document(body), |_| true).unwrap_err().reason, expect, "{body}");
        };
        check("", "empty_body");
        check("<html>", "wrong_content_type");
        check("{\"a\":1}\n", "wrong_content_type");
        check("a 1\na 12", "truncated");
        for line in [
            "a\n",
            "a{\n",
            "a{b=\"c} 1\n",
            "a{b=\"c\" d=\"e\"} 1\n",
            "a{b=c} 1\n",
            "1a 2\n",
            "a one\n",
            "a 1 2 3\n",
            "a{b=\"c\",b=\"d\"} 1\n",
            "a{b=\"c\"}\n",
            "é 1\n",
        ] {
            check(line, "invalid_text");
        }
    }
}
