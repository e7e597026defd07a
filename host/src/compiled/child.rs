//! The process that compiles: how it is started and what it answers.
//!
//! The child ends with 0 and the compiled form, sealed; or with 1 and the reason why the component cannot be compiled.
//! Anything else is a failure of the child, which says nothing about the component, unless it was ended by a signal
//! (out of memory, a compiler that overflows its stack) or by the time limit: what did that to the child would do it
//! to the host.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tracewatt_core::plugin::{engine, precompile, seal};

/// How long a child may take. The stock plug-ins take less than a second each.
const LIMIT: Duration = Duration::from_secs(300);

/// What became of a child.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// A compiled form, as the child sealed it.
    Sealed(Vec<u8>),
    /// The component cannot be compiled.
    Refused(String),
    /// There was no child, or it failed.
    Failed(String),
}

/// Compiles a component in a child process.
pub(super) fn compile(child: Option<Command>, component: &[u8]) -> Answer {
    compile_within(LIMIT, child, component)
}

pub(super) fn compile_within(limit: Duration, child: Option<Command>, component: &[u8]) -> Answer {
    let Some(mut command) = child else {
        return Answer::Failed("the program's own path is unknown".to_owned());
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    match command.spawn().and_then(|child| converse(limit, child, component)) {
        Ok(Some((status, out))) => interpret(status, out),
        Ok(None) => Answer::Refused(format!("it takes longer than {} s", limit.as_secs())),
        Err(error) => Answer::Failed(error.to_string()),
    }
}

/// Hands over the component and takes the answer; nothing when the time is up.
fn converse(
    limit: Duration,
    mut child: Child,
    component: &[u8],
) -> io::Result<Option<(ExitStatus, Vec<u8>)>> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (done, answered) = mpsc::channel();
    thread::scope(|scope| {
        // A child that stops reading closes the pipe; how it ends says more about that.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(component)));
        scope.spawn(move || {
            let mut out = Vec::new();
            let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut out));
            let _ = done.send(read.map(|_| out));
        });
        let answer = answered.recv_timeout(limit);
        if answer.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        answer.ok().map(|out| Ok((status, out?))).transpose()
    })
}

fn interpret(status: ExitStatus, out: Vec<u8>) -> Answer {
    match status.code() {
        Some(0) => Answer::Sealed(out),
        Some(1) if !out.is_empty() => Answer::Refused(String::from_utf8_lossy(&out).into_owned()),
        Some(_) => Answer::Failed(status.to_string()),
        None => Answer::Refused(format!("compiling it was ended by a {status}")),
    }
}

/// The component that a child was given cannot be compiled.
pub struct Refused;

/// What the child does: compiles the component in `input`, and writes the answer.
///
/// # Errors
/// When one of the streams fails, or this machine cannot run plug-ins.
pub fn answer(mut input: impl Read, mut output: impl Write) -> anyhow::Result<Result<(), Refused>> {
    let mut component = Vec::new();
    input.read_to_end(&mut component)?;
    let engine = engine().map_err(|error| anyhow::anyhow!("this machine cannot run plug-ins: {error:#}"))?;
    let result = match precompile(&engine, &component) {
        Ok(compiled) => {
            output.write_all(&seal(&engine, &component, &compiled))?;
            Ok(())
        }
        Err(error) => {
            write!(output, "{error:#}")?;
            Err(Refused)
        }
    };
    output.flush()?;
    Ok(result)
}
