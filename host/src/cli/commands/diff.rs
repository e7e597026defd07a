//! `tracewatt diff`: what two analyses have in common, and what not.

use super::{acknowledgments, compiler, files_read, parse_report, render, sources, today};
use crate::analysis::{self, Input, Judgement};
use crate::cli::invocation::{Acknowledgments, Diff, Environment};
use crate::cli::terminal::Terminal;
use crate::exit::{Exit, UsageError};
use crate::ingest::Source;
use crate::report::output::{check_reads, write_output};
use crate::report::{self, Output};
use crate::session::{Session, load_session};
use anyhow::{Context, Result};
use std::io::{BufWriter, Cursor, Read, Write};
use tracewatt_core::acknowledge::Acknowledgment;
use tracewatt_core::gate;
use tracewatt_core::report::Report;

/// Bytes of an input that tell a saved report from traces.
const HEAD_BYTES: u64 = 256;

/// Runs the command.
pub fn run(command: Diff, terminal: &Terminal) -> Result<Exit> {
    let mut session = load_session(&command.config, &compiler(terminal))?;
    session.config.gate.only = command.verdict.fail_on.only();
    let [before, after] = [&command.before, &command.after].map(|path| sources(std::slice::from_ref(path)));
    let (before, after) = (before?, after?);
    if before.contains(&Source::Stdin) && after.contains(&Source::Stdin) {
        return Err(UsageError("standard input can be one side only".to_owned()).into());
    }
    let mut read = files_read(&command.config, &session.config);
    let inputs = before.iter().chain(&after).filter_map(Source::path);
    read.extend(inputs.map(|path| ("the input", path.to_owned())));
    check_reads(&command.outputs, &read).map_err(|error| UsageError(error.to_string()))?;
    let acknowledgments = acknowledgments(&session.config, command.acknowledgments)?;
    let before = side(&session, &command, &acknowledgments, (&before, None), terminal)?;
    let after = side(&session, &command, &acknowledgments, (&after, Some(&before)), terminal)?;
    write(&session, &before, &after, &command.outputs, terminal)?;
    Ok(super::analyze::exit(command.verdict, &after))
}

/// Writes what two reports have in common, and what not, to the outputs asked for, else as text.
pub fn write(
    session: &Session,
    before: &Report,
    after: &Report,
    outputs: &[Output],
    terminal: &Terminal,
) -> Result<()> {
    let diff = gate::diff(before, after);
    let manifests = session.manifests();
    let options = render(session, &manifests, terminal);
    let text = [Output::on_stdout("text")?];
    let outputs = if outputs.is_empty() { &text[..] } else { outputs };
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    for output in outputs {
        let write = |out: &mut dyn Write| match output.format.name {
            "text" => report::diff::write_text(&diff, &options, out),
            "json" => report::diff::write_json(&diff, out),
            "markdown" => report::diff::write_markdown(&diff, &options, out),
            // The formats of code scanning know new, unchanged and absent results themselves.
            _ => (output.format.write)(after, &options, out),
        };
        write_output(output, &mut stdout, write)?;
    }
    Ok(())
}

/// Returns a saved report judged anew, or the analysis of traces. The side after is compared with the side before.
fn side(
    session: &Session,
    command: &Diff,
    acknowledgments: &[Acknowledgment],
    (sources, baseline): (&[Source], Option<&Report>),
    terminal: &Terminal,
) -> Result<Report> {
    let inputs = match sources {
        [source] => match opened(source)? {
            Opened::Report(mut report) => {
                let acknowledgments =
                    (command.acknowledgments != Acknowledgments::Ignore).then_some(acknowledgments);
                let options = &session.config.gate;
                let anew = gate::Anew { options, acknowledgments, today: today(), baseline };
                gate::judge_saved(&mut report, &anew);
                return Ok(*report);
            }
            Opened::Traces(input) => vec![Input::Open(source.name(), input)],
        },
        sources => Input::of(sources),
    };
    let environment = if command.verdict.enforced { Environment::Ci } else { Environment::Local };
    let judgement = Judgement { baseline, acknowledgments, today: today(), environment };
    terminal.watch(sources, |progress| analysis::analyze(session, inputs, &judgement, progress))
}

/// What one input turns out to be.
enum Opened {
    Report(Box<Report>),
    /// All of it, from the start.
    Traces(Box<dyn Read + Send>),
}

/// Opens an input and looks at its first bytes, once: it may be a pipe.
fn opened(source: &Source) -> Result<Opened> {
    let mut input = source.open()?;
    let failed = || format!("cannot read {}", source.name());
    let mut bytes = Vec::new();
    input.by_ref().take(HEAD_BYTES).read_to_end(&mut bytes).with_context(failed)?;
    if !is_report(&bytes) {
        return Ok(Opened::Traces(Box::new(Cursor::new(bytes).chain(input))));
    }
    input.read_to_end(&mut bytes).with_context(failed)?;
    Ok(Opened::Report(Box::new(parse_report(&source.name(), &bytes)?)))
}

/// Whether a text is a saved report: a JSON object that begins with its schema version.
fn is_report(head: &[u8]) -> bool {
    let object = head.trim_ascii_start().strip_prefix(b"{");
    object.is_some_and(|fields| fields.trim_ascii_start().starts_with(b"\"schema_version\""))
}

#[cfg(test)]
mod tests {
    use super::is_report;

    #[test]
    fn reports_are_told_from_traces() {
        for (head, expect) in [
            (&b"{\n  \"schema_version\": \"1.0\""[..], true),
            (b" {\"schema_version\":\"1.0\"}", true),
            (b"{\"resourceSpans\":[]}", false),
            (b"[{\"schema_version\":\"1.0\"}]", false),
            (b"{\"schema_versio", false),
            (b"\x1f\x8b", false),
            (b"", false),
        ] {
            assert_eq!(is_report(head), expect, "{}", String::from_utf8_lossy(head));
        }
    }
}
