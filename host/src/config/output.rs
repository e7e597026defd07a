//! Where a report goes: a format, and a file or standard output. One grammar for `-o` and `[output] outputs`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// For people, in a terminal.
    Text,
    /// The whole report.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML.
    Junit,
    /// GitLab Code Quality.
    Codequality,
    /// Markdown, for a comment on a change.
    Markdown,
    /// GitHub workflow annotations.
    Github,
    /// One finding per line.
    Ndjson,
}

impl Format {
    /// Every format, in the order documented.
    pub const ALL: [Format; 8] = [
        Format::Text,
        Format::Json,
        Format::Sarif,
        Format::Junit,
        Format::Codequality,
        Format::Markdown,
        Format::Github,
        Format::Ndjson,
    ];

    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::Junit => "junit",
            Format::Codequality => "codequality",
            Format::Markdown => "markdown",
            Format::Github => "github",
            Format::Ndjson => "ndjson",
        }
    }
}

/// Returns the names of all formats: `text, json, ...`.
fn format_names() -> String {
    Format::ALL.map(Format::name).join(", ")
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        Format::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("no output format `{text}`: one of {}", format_names()))
    }
}

/// A format and where it goes, written `FORMAT` or `FORMAT=PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSpec {
    /// Format.
    pub format: Format,
    /// File to write; standard output without one, and for `-`.
    pub path: Option<PathBuf>,
}

impl FromStr for OutputSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<OutputSpec, String> {
        let (format, path) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("no path after `=` in `{text}`")),
            Some((format, path)) => (format, (path != "-").then(|| PathBuf::from(path))),
            None => (text, None),
        };
        Ok(OutputSpec { format: format.parse()?, path })
    }
}

impl fmt::Display for OutputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.format.name())?;
        match &self.path {
            Some(path) => write!(f, "={}", path.display()),
            None => Ok(()),
        }
    }
}

/// Says what is wrong with a set of outputs: two on standard output, or two in one file.
pub fn check_outputs(outputs: &[OutputSpec]) -> Result<(), String> {
    for (index, output) in outputs.iter().enumerate() {
        let Some(earlier) = outputs.iter().take(index).find(|earlier| earlier.path == output.path) else {
            continue;
        };
        let place = match &output.path {
            Some(path) => path.display().to_string(),
            None => "standard output".to_owned(),
        };
        return Err(format!(
            "`{}` and `{}` would both be written to {place}: give one of them a path of its own, FORMAT=PATH",
            earlier.format.name(),
            output.format.name()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{OutputSpec, check_outputs};

    #[test]
    fn a_format_may_have_a_path() {
        let check = |text: &str, expect: &str| {
            let got = match text.parse::<OutputSpec>() {
                Ok(spec) => format!("{spec}"),
                Err(error) => error,
            };
            assert_eq!(got, expect);
        };
        check("json", "json");
        check("json=-", "json");
        check("sarif=out/a=b.sarif", "sarif=out/a=b.sarif");
        check("json=", "no path after `=` in `json=`");
        check(
            "xml",
            "no output format `xml`: one of text, json, sarif, junit, codequality, markdown, github, ndjson",
        );
    }

    #[test]
    fn two_outputs_do_not_share_a_place() {
        let check = |specs: &[&str]| {
            check_outputs(&specs.iter().map(|spec| spec.parse().unwrap()).collect::<Vec<_>>())
        };
        assert!(check(&["text", "json=a", "sarif=b"]).is_ok());
        assert!(check(&["text", "json"]).unwrap_err().contains("standard output"));
        assert!(check(&["json=a", "text", "sarif=a"]).unwrap_err().contains("written to a:"));
    }
}
