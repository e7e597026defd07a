//! `FORMAT[=PATH]`, on the command line and in `[output] outputs`: what it means, what is wrong with it, and
//! writing every output to its place.
//!
//! A file appears whole or not at all: it is written beside its place and renamed. A reader that closes a
//! pipe ends the writing quietly; it has what it wanted.

use super::{FORMATS, Format, RenderOptions, model};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// What to write.
    pub format: &'static Format,
    /// Where to; standard output when absent.
    pub path: Option<PathBuf>,
}

/// Why a set of outputs makes no sense.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OutputError {
    /// No such format.
    #[error("unknown output format `{name}`{hint}; formats are {known}", known = format_names())]
    UnknownFormat {
        /// As written.
        name: String,
        /// What was probably meant, as ` (did you mean ...?)`.
        hint: String,
    },
    /// `-o json=`.
    #[error("output `{format}=` names no file: write `{format}=PATH`, or `{format}` for standard output")]
    EmptyPath {
        /// The format.
        format: &'static str,
    },
    /// Two outputs would be mixed.
    #[error(
        "outputs `{first}` and `{second}` both go to {place}: give one of them another file, `{second}=PATH`"
    )]
    SamePlace {
        /// The first format.
        first: &'static str,
        /// The second format.
        second: &'static str,
        /// Where both go.
        place: String,
    },
}

/// An output that would replace what the command reads.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("output `{format}` would overwrite {what} `{path}`: give it another file, `{format}=PATH`")]
pub struct Overwrites {
    /// The format.
    format: &'static str,
    /// What the file is to the command, with its article.
    what: &'static str,
    /// The file, as the output names it.
    path: String,
}

/// Why an output could not be written.
#[derive(Debug, Error)]
#[error("cannot write {format} output to {place}: {reason}{remedy}")]
pub struct WriteError {
    format: &'static str,
    place: String,
    /// Part of the message, so not a source beside it.
    reason: io::Error,
    remedy: &'static str,
}

impl Output {
    /// Parses `FORMAT`, `FORMAT=PATH` or `FORMAT=-`.
    pub fn parse(text: &str) -> Result<Output, OutputError> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (name, Some(path)),
            None => (text, None),
        };
        let format = find(name).ok_or_else(|| unknown(text, name))?;
        match path {
            Some("") => Err(OutputError::EmptyPath { format: format.name }),
            None | Some("-") => Ok(Output { format, path: None }),
            Some(path) => Ok(Output { format, path: Some(path.into()) }),
        }
    }

    /// Parses every output and checks that no two of them go to one place.
    pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Output>, OutputError> {
        let outputs = texts.into_iter().map(Output::parse).collect::<Result<Vec<_>, _>>()?;
        check_places(&outputs)?;
        Ok(outputs)
    }

    /// Returns the output of a format on standard output.
    ///
    /// # Errors
    /// When there is no format of that name.
    pub fn on_stdout(name: &str) -> Result<Output, OutputError> {
        let format = find(name).ok_or_else(|| unknown(name, name))?;
        Ok(Output { format, path: None })
    }
}

/// Checks that no two outputs go to one place.
pub fn check_places(outputs: &[Output]) -> Result<(), OutputError> {
    for (i, second) in outputs.iter().enumerate() {
        let place = second.path.as_deref().map(identity);
        let same = |first: &&Output| first.path.as_deref().map(identity) == place;
        if let Some(first) = outputs[..i].iter().find(same) {
            return Err(OutputError::SamePlace {
                first: first.format.name,
                second: second.format.name,
                place: self::place(&second.path),
            });
        }
    }
    Ok(())
}

/// Checks that no output would replace a file that the command reads; `read` says of each what it is. What is no
/// regular file (a device, a pipe) is not replaced.
///
/// # Errors
/// The first output that would.
pub fn check_reads(outputs: &[Output], read: &[(&'static str, PathBuf)]) -> Result<(), Overwrites> {
    let is_file = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.is_file());
    for (format, path) in
        outputs.iter().filter_map(|output| Some((output.format.name, output.path.as_ref()?)))
    {
        let place = identity(path);
        if let Some((what, _)) = read.iter().find(|(_, read)| identity(read) == place && is_file(read)) {
            return Err(Overwrites { format, what, path: path.display().to_string() });
        }
    }
    Ok(())
}

/// Returns the one name of a file: links followed, `.` and `..` resolved, also where the file is yet to be made.
fn identity(path: &Path) -> PathBuf {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    };
    let to_be = || Some(fs::canonicalize(folder(path)).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(to_be).unwrap_or_else(|| path.to_owned())
}

fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Writes every output; `stdout` takes the one without a path. Stops at the first error.
pub fn write_outputs(
    report: &model::Report,
    options: &RenderOptions<'_>,
    outputs: &[Output],
    stdout: &mut dyn Write,
) -> Result<(), WriteError> {
    let write = |output: &Output, sink: &mut dyn Write| (output.format.write)(report, options, sink);
    outputs.iter().try_for_each(|output| write_output(output, stdout, |sink| write(output, sink)))
}

/// Writes one output to its place, `stdout` unless it has a path.
///
/// # Errors
/// Those of the place, with what to do about them.
pub fn write_output(
    output: &Output,
    stdout: &mut dyn Write,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let done = match &output.path {
        Some(path) => write_file(path, render),
        None => quiet(render(stdout).and_then(|()| stdout.flush())),
    };
    done.map_err(|reason| WriteError {
        format: output.format.name,
        place: place(&output.path),
        remedy: remedy(&reason),
        reason,
    })
}

/// Makes a closed pipe a success: the reader has what it wanted.
pub fn quiet(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a file through a temporary one beside it, so that nobody ever reads half of it. What exists and is
/// no regular file (a device, a pipe) is written to directly.
pub fn write_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A link is followed, so that it is its target that is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|meta| !meta.is_file()) {
        let file = OpenOptions::new().write(true).open(&path)?;
        return quiet(fill(file, render).map(drop));
    }
    let temporary = temporary_beside(&path)?;
    let written = File::create(&temporary)
        .and_then(|file| fill(file, render))
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // The error that matters is the one above; a leftover is the lesser evil.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn fill(file: File, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    let mut sink = BufWriter::new(file);
    render(&mut sink)?;
    sink.into_inner().map_err(io::IntoInnerError::into_error)
}

fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the path names no file"));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn unknown(text: &str, name: &str) -> OutputError {
    let hint = file_hint(text).or_else(|| near_hint(name)).unwrap_or_default();
    OutputError::UnknownFormat { name: name.to_owned(), hint }
}

/// Somebody wrote `-o report.json`.
fn file_hint(text: &str) -> Option<String> {
    let longest_first = FORMATS.iter().filter(|format| text.ends_with(&format!(".{}", format.suffix)));
    let format = longest_first.max_by_key(|format| format.suffix.len())?;
    Some(format!(" (did you mean `{}={text}`?)", format.name))
}

fn near_hint(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let distance = |format: &&Format| strsim::damerau_levenshtein(format.name, &lower);
    let nearest = FORMATS.iter().min_by_key(distance)?;
    (distance(&nearest) <= 2).then(|| format!(" (did you mean `{}`?)", nearest.name))
}

fn format_names() -> String {
    FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ")
}

fn place(path: &Option<PathBuf>) -> String {
    match path {
        Some(path) => format!("`{}`", path.display()),
        None => "standard output".to_owned(),
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "; create its folder first",
        ErrorKind::PermissionDenied => "; choose a folder you may write to",
        ErrorKind::IsADirectory => "; name a file in it",
        ErrorKind::StorageFull => "; free some space",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn parsed(texts: &[&str]) -> String {
        match Output::parse_all(texts.iter().copied()) {
            Ok(outputs) => {
                let show = |output: &Output| format!("{} -> {}", output.format.name, place(&output.path));
                outputs.iter().map(show).collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn outputs_are_parsed_or_explained() {
        let known = "formats are text, json, ndjson, sarif, junit, codequality, markdown, github";
        let unknown = |rest: &str| format!("unknown output format {rest}; {known}");
        for (texts, expect) in [
            (&["text"][..], "text -> standard output".to_owned()),
            (&["text", "json=a=b.json"], "text -> standard output, json -> `a=b.json`".to_owned()),
            (&["json=-"], "json -> standard output".to_owned()),
            (&["jsn"], unknown("`jsn` (did you mean `json`?)")),
            (&["SARIF=x"], unknown("`SARIF` (did you mean `sarif`?)")),
            (&["report.json"], unknown("`report.json` (did you mean `json=report.json`?)")),
            (&["gl.codequality.json"], unknown("`gl.codequality.json` (did you mean `codequality=gl.codequality.json`?)")),
            (&["pdf-with-pictures"], unknown("`pdf-with-pictures`")),
            (&["json="], "output `json=` names no file: write `json=PATH`, or `json` for standard output".to_owned()),
            (&["text", "json"], "outputs `text` and `json` both go to standard output: give one of them another file, `json=PATH`".to_owned()),
            (&["text=x", "json=x"], "outputs `text` and `json` both go to `x`: give one of them another file, `json=PATH`".to_owned()),
        ] {
            assert_eq!(parsed(texts), expect);
        }
    }

    /// Guarantees: however a file is spelled, two outputs to it are refused, and so is one over what is read.
    #[cfg(unix)]
    #[test]
    fn one_file_has_many_spellings() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("traces.json"), "[]").unwrap();
        fs::create_dir(at("sub")).unwrap();
        std::os::unix::fs::symlink(at("traces.json"), at("link.json")).unwrap();
        let output = |name: &str| Output::parse(&format!("json={}", at(name).display())).unwrap();
        let read =
            [("the input", at("traces.json")), ("the input", at("gone.json")), ("the input", "-".into())];
        for (name, overwrites) in [
            ("traces.json", true),
            ("./traces.json", true),
            ("sub/../traces.json", true),
            ("link.json", true),
            ("other.json", false),
            ("sub/traces.json", false),
            // It is not there, so nothing of it can be lost.
            ("gone.json", false),
        ] {
            let refused = check_reads(&[output(name)], &read).is_err();
            assert_eq!(refused, overwrites, "{name}");
            assert_eq!(check_places(&[output("traces.json"), output(name)]).is_err(), overwrites, "{name}");
        }
        assert!(check_places(&[output("new.json"), output("sub/../new.json")]).is_err());
        let error = check_reads(&[output("link.json")], &read).unwrap_err().to_string();
        assert!(error.starts_with("output `json` would overwrite the input `"), "{error}");
        let null = Output::parse("json=/dev/null").unwrap();
        assert_eq!(check_reads(&[null], &[("the input", "/dev/null".into())]), Ok(()));
    }

    #[test]
    fn a_file_is_replaced_whole_or_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        fs::write(&path, "old").unwrap();
        let failed = write_file(&path, |sink| {
            sink.write_all(b"half")?;
            Err(io::Error::other("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        write_file(&path, |sink| sink.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_links_stay_what_they_are() {
        write_file(Path::new("/dev/null"), |sink| sink.write_all(b"x")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_file(&link, |sink| sink.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }

    struct ClosedPipe;

    impl Write for ClosedPipe {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_ends_quietly_in_every_format() {
        let report = samples::typical();
        for format in FORMATS {
            let outputs = [Output { format, path: None }];
            write_outputs(&report, &RenderOptions::default(), &outputs, &mut ClosedPipe).unwrap();
        }
    }

    #[test]
    fn a_missing_folder_is_named_with_the_remedy() {
        let outputs = Output::parse_all(["json=/nonexistent/report.json"]).unwrap();
        let error = write_outputs(&samples::empty(), &RenderOptions::default(), &outputs, &mut Vec::new())
            .unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot write json output to `/nonexistent/report.json`: "), "{text}");
        assert!(text.ends_with("; create its folder first"), "{text}");
    }
}
