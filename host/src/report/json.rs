//! The whole report as JSON, and the JSON Schema of it.

use super::{RenderOptions, clean, model};
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::io::{self, Write};

/// Writes the report, indented, with a line end.
pub fn write(report: &model::Report, _: &RenderOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_pretty(report, out)
}

/// Returns the JSON Schema (draft 2020-12) of the report.
pub fn schema() -> Value {
    schemars::schema_for!(model::Report).to_value()
}

/// Writes a value, indented, with a line end. Characters that could steer a terminal are escaped.
pub fn write_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write_with(value, PrettyFormatter::new(), out)
}

/// Writes a value on one line, see [`write_pretty`].
pub fn write_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write_with(value, CompactFormatter, out)
}

fn write_with(value: &impl Serialize, formatter: impl Formatter, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Escaping(formatter));
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Writes JSON as another formatter does, with hostile characters as `\uXXXX`: the same JSON, safe to print.
struct Escaping<F>(F);

macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, $($argument: $type),*) -> io::Result<()> {
            self.0.$name(writer, $($argument),*)
        })*
    };
}

impl<F: Formatter> Formatter for Escaping<F> {
    forward! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| clean::is_hostile(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use std::path::Path;

    fn check(report: &model::Report, schema: &Value) -> Vec<String> {
        let mut bytes = Vec::new();
        write_pretty(report, &mut bytes).unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let validator = jsonschema::validator_for(schema).unwrap();
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// Guarantees: the committed schema is the one of the types. `UPDATE_REFERENCE=1 cargo test` rewrites it.
    #[test]
    fn the_committed_schema_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/report.schema.json");
        let mut current = Vec::new();
        write_pretty(&schema(), &mut current).unwrap();
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &current).unwrap();
        }
        let committed = std::fs::read(&path).unwrap_or_default();
        assert!(committed == current, "{} is stale: run the tests with UPDATE_REFERENCE=1", path.display());
    }

    #[test]
    fn reports_are_what_the_schema_says() {
        let schema = schema();
        for report in [samples::empty(), samples::blind(), samples::typical(), samples::hostile()] {
            assert_eq!(check(&report, &schema), Vec::<String>::new());
        }
        let mut wrong = serde_json::to_value(samples::empty()).unwrap();
        wrong["analysis"]["spans_received"] = "many".into();
        assert!(!jsonschema::is_valid(&schema, &wrong));
    }

    #[test]
    fn a_report_reads_back_as_it_was() {
        for report in [samples::typical(), samples::hostile()] {
            let mut bytes = Vec::new();
            write_pretty(&report, &mut bytes).unwrap();
            assert_eq!(serde_json::from_slice::<model::Report>(&bytes).unwrap(), report);
            assert!(bytes.ends_with(b"}\n"));
        }
    }

    #[test]
    fn hostile_characters_are_escaped_and_lossless() {
        let text = "a\u{9b}b\u{202e}c\u{e0041}d\u{7f}\"\u{1b}";
        let mut bytes = Vec::new();
        write_line(&text, &mut bytes).unwrap();
        let written = String::from_utf8(bytes).unwrap();
        assert_eq!(written, "\"a\\u009bb\\u202ec\\udb40\\udc41d\\u007f\\\"\\u001b\"\n");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
