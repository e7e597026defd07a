//! Every output format, made of one [`Report`](model::Report).
//!
//! A format is a function from report and options to bytes and one line of [`FORMATS`]; nothing here reads
//! an environment variable, asks a terminal or knows a command line. [`output`] parses `-o FORMAT[=PATH]`
//! and puts the bytes where they belong; [`diff`] and [`explain`] render the two other documents.
//!
//! Strings of the input (services, endpoints, templates) are hostile until shown otherwise: [`clean`] takes
//! control and bidirectional characters out of everything that may reach a terminal, and each format
//! escapes what its reader would take for markup.

pub mod clean;
pub mod codequality;
pub mod diff;
pub mod explain;
pub mod filter;
pub mod github;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod ndjson;
pub mod output;
pub mod place;
pub mod quantity;
pub mod sarif;
pub mod text;
pub mod words;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use filter::Filter;
pub use output::{Output, OutputError, WriteError, check_places, write_outputs};

use std::io::{self, Write};
use tracewatt_core::plugin::Manifest;
use tracewatt_core::report as model;

/// Where the project lives: `repository` of the package, empty as long as it names none. Documents then link to
/// no page of ours.
pub const HOME_URL: &str = env!("CARGO_PKG_REPOSITORY");

/// An output format.
#[derive(Clone, Copy)]
pub struct Format {
    /// Name on the command line.
    pub name: &'static str,
    /// How its files end, without the leading dot.
    pub suffix: &'static str,
    /// One line for the help.
    pub about: &'static str,
    /// Writes the report in this format. Errors are those of the writer.
    pub write: fn(&model::Report, &RenderOptions<'_>, &mut dyn Write) -> io::Result<()>,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Format) -> bool {
        self.name == other.name
    }
}

/// Every format, in the order of the help.
pub const FORMATS: &[Format] = &[
    Format { name: "text", suffix: "txt", about: "for people, on a terminal", write: text::write },
    Format { name: "json", suffix: "json", about: "the whole report, with a schema", write: json::write },
    Format { name: "ndjson", suffix: "ndjson", about: "one problem per line", write: ndjson::write },
    Format { name: "sarif", suffix: "sarif", about: "SARIF 2.1.0 for code scanning", write: sarif::write },
    Format { name: "junit", suffix: "xml", about: "JUnit XML for test reports", write: junit::write },
    Format {
        name: "codequality",
        suffix: "codequality.json",
        about: "GitLab Code Quality",
        write: codequality::write,
    },
    Format { name: "markdown", suffix: "md", about: "a pull request comment", write: markdown::write },
    Format { name: "github", suffix: "log", about: "GitHub Actions annotations", write: github::write },
];

/// Whether a text may contain escape sequences for colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// ANSI colours.
    Always,
}

/// What a format may take into account besides the report.
#[derive(Clone, Debug)]
pub struct RenderOptions<'a> {
    /// Colour in texts.
    pub color: Color,
    /// Columns of texts; taken into 72..=200.
    pub width: usize,
    /// Problems shown in full by the text; [`text::DEFAULT_TOP`] unless given.
    pub top: Option<usize>,
    /// Folder that absolute source paths are made relative to.
    pub source_root: Option<&'a str>,
    /// A file of the repository, relative to its root, that stands for problems without a source location:
    /// the configuration file in use.
    pub config_file: Option<&'a str>,
    /// What tells runs of one repository apart, `tracewatt/` unless given (SARIF `automationDetails.id`).
    pub run_id: Option<&'a str>,
    /// Descriptions of the plug-ins: titles and pages of rules.
    pub manifests: &'a [Manifest],
    /// Severity that the gate's rule `fail_on_severity` starts at; the report does not carry it.
    pub fail_on_severity: Option<model::Severity>,
    /// Confidence below which the gate counts no problem; the report does not carry it.
    pub fail_on_confidence: model::ConfidenceLevel,
    /// Whether the text lists acknowledged problems one by one; it always says how many there are.
    pub list_acknowledged: bool,
    /// Problems that the formats for people list.
    pub filter: Filter,
}

impl Default for RenderOptions<'_> {
    fn default() -> Self {
        RenderOptions {
            color: Color::Never,
            width: 96,
            top: None,
            source_root: None,
            config_file: None,
            run_id: None,
            manifests: &[],
            fail_on_severity: None,
            fail_on_confidence: model::ConfidenceLevel::Candidate,
            list_acknowledged: false,
            filter: Filter::default(),
        }
    }
}

impl RenderOptions<'_> {
    /// Returns the problems that a format for people lists, in their order.
    pub fn shown<'p>(&self, problems: &'p [model::Problem]) -> Vec<&'p model::Problem> {
        problems.iter().filter(|problem| self.filter.shows(problem)).collect()
    }

    /// Columns to write texts in.
    pub fn columns(&self) -> usize {
        self.width.clamp(72, 200)
    }
}
