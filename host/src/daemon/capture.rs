//! Receives OTLP as the daemon does and writes it to a file, one export a line, as OTLP JSON: what `analyze` and the
//! file exporter of the OpenTelemetry Collector read and write. Nothing is judged.

use super::intake::{Answer, Export, Message};
use super::{GRACE, Received, Serving, Shared, Signals, Tell, runtime, serve, spawn};
use crate::analysis::read_limits;
use crate::ingest::{Encoding, ReadLimits, SpanSink, Thread, read_body};
use crate::session::Session;
use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use std::io::Write;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{AttrSet, RawSpan};
use tracewatt_core::trace::IdTable;

/// Receives and writes until it is finished.
pub struct Capture {
    runtime: Runtime,
    signals: Signals,
    shared: Arc<Shared>,
    ending: watch::Sender<bool>,
    serving: Serving,
    writing: JoinHandle<Result<Captured>>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Exports with at least one span.
    pub exports: u64,
    /// Spans.
    pub spans: u64,
}

impl Capture {
    /// Listens where the configuration says, and begins to write.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub fn start(
        mut session: Session,
        out: impl Write + Send + 'static,
        tell: &Arc<Tell>,
    ) -> Result<Capture> {
        // No plug-in is called, and there is nothing to ask for.
        session.config.detection.plugins.iter_mut().for_each(|plugin| plugin.enabled = false);
        session.config.daemon.api_enabled = false;
        let (config, limits) = (session.config.daemon.clone(), read_limits(&session.config));
        let runtime = runtime()?;
        let load = Box::new(|| bail!("a capture has one configuration to its end"));
        let (shared, Received { exports, .. }) = Shared::new(session, load)?;
        let signals = Signals::new(&runtime)?;
        let (ending, ended) = watch::channel(false);
        let serving = runtime.block_on(serve(&shared, &config, ended, tell))?;
        let writing = spawn("tracewatt-write", move || write(&exports, out, &limits))?;
        Ok(Capture { runtime, signals, shared, ending, serving, writing })
    }

    /// Returns the port of HTTP, where gRPC is understood as well.
    pub fn port(&self) -> u16 {
        self.serving.addresses.first().map_or(0, std::net::SocketAddr::port)
    }

    /// Waits until the program is told to end, or cannot write any more.
    pub fn wait(&mut self) {
        let failed = || self.writing.is_finished();
        self.runtime.block_on(self.signals.until_told_to_end(&self.shared, failed));
    }

    /// Waits for a child of this process while traces come in. What tells this process to end tells the child;
    /// an interrupt from the terminal has reached it already.
    ///
    /// # Errors
    /// A child that cannot be waited for.
    pub fn wait_for(&mut self, mut child: Child) -> Result<ExitStatus> {
        let pid = Pid::from_raw(child.id().cast_signed());
        self.runtime.block_on(async {
            let mut ended = tokio::task::spawn_blocking(move || child.wait());
            loop {
                // A child that has just ended is no longer there to be told.
                let _ = tokio::select! {
                    status = &mut ended => break status?.context("cannot wait for the command"),
                    _ = self.signals.terminate.recv() => kill(pid, Signal::SIGTERM),
                    _ = self.signals.hangup.recv() => kill(pid, Signal::SIGHUP),
                };
            }
        })
    }

    /// Ends what is under way, and says what was written.
    ///
    /// # Errors
    /// A file that could not be written.
    pub fn finish(self) -> Result<Captured> {
        let _ = self.ending.send(true);
        self.runtime.block_on(async {
            let _ = tokio::time::timeout(GRACE, self.serving.ended()).await;
        });
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        let _ = self.shared.exports.send(Message::End);
        self.writing.join().unwrap_or_else(|_| bail!("the thread that writes failed"))
    }
}

/// Writes exports until there are no more. A client is answered when its export is written.
fn write(exports: &Receiver<Message>, mut out: impl Write, limits: &ReadLimits) -> Result<Captured> {
    let mut captured = Captured::default();
    while let Ok(Message::Export(export)) = exports.recv() {
        let answer = match line(&export, limits) {
            // Exporters try whether anybody is there with an empty export.
            Ok((_, 0)) => Answer::Taken { rejected: 0, reason: String::new() },
            Ok((line, spans)) => {
                out.write_all(&line).and_then(|()| out.flush()).context("cannot write the capture")?;
                captured.exports += 1;
                captured.spans += spans;
                Answer::Taken { rejected: 0, reason: String::new() }
            }
            Err(reason) => Answer::Malformed(reason),
        };
        let _ = export.answer.send(answer);
    }
    if captured.exports == 0 {
        // Nothing came, which is not the same as a file that was never finished.
        out.write_all(b"{\"resourceSpans\":[]}\n")
            .and_then(|()| out.flush())
            .context("cannot write the capture")?;
    }
    Ok(captured)
}

/// Returns an export as a line, and how many spans it has.
fn line(export: &Export, limits: &ReadLimits) -> Result<(Vec<u8>, u64), String> {
    let mut sink = Nowhere;
    let mut thread = Thread { ids: IdTable::default(), losses: Losses::default(), sink: &mut sink };
    let spans = read_body(&export.body, export.encoding, limits, &[], &mut thread)
        .map_err(|error| error.to_string())?;
    let mut line = match export.encoding {
        // Line breaks of valid JSON stand between its parts only.
        Encoding::Json => {
            let plain = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
            export.body.iter().map(plain).collect()
        }
        Encoding::Protobuf => {
            let request =
                ExportTraceServiceRequest::decode(&export.body[..]).map_err(|error| error.to_string())?;
            serde_json::to_vec(&request).map_err(|error| error.to_string())?
        }
    };
    line.push(b'\n');
    Ok((line, spans))
}

/// Forgets spans.
struct Nowhere;

impl SpanSink for Nowhere {
    fn span(&mut self, _: &RawSpan<'_>, _: &AttrSet<'_>, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::{Captured, Export, Message, write};
    use crate::ingest::{Encoding, ReadLimits};
    use bytes::Bytes;
    use std::io::{Error, ErrorKind, Write};
    use std::sync::mpsc::channel;
    use tokio::sync::oneshot;

    const JSON: &str = "{\"resourceSpans\":[\n{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\
        \"spanId\":\"b7ad6b7169203331\",\"name\":\"a\",\r\n\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\"}]}]}]}";

    fn written(bodies: &[&str], out: impl Write) -> (anyhow::Result<Captured>, Vec<bool>) {
        let (sender, exports) = channel();
        let answers: Vec<_> = bodies
            .iter()
            .map(|body| {
                let (answer, answered) = oneshot::channel();
                let body = Bytes::copy_from_slice(body.as_bytes());
                let _ = sender.send(Message::Export(Export { body, encoding: Encoding::Json, answer }));
                answered
            })
            .collect();
        let _ = sender.send(Message::End);
        let captured = write(&exports, out, &ReadLimits::default());
        drop(exports);
        let taken = |mut answered: oneshot::Receiver<super::Answer>| {
            matches!(answered.try_recv(), Ok(super::Answer::Taken { .. }))
        };
        (captured, answers.into_iter().map(taken).collect())
    }

    #[test]
    fn an_export_is_a_line() -> anyhow::Result<()> {
        let mut out = Vec::new();
        let (captured, taken) = written(&[JSON, "{}", "{\"resourceSpans\":3}", JSON], &mut out);
        assert_eq!(captured?, Captured { exports: 2, spans: 2 });
        assert_eq!(taken, [true, true, false, true]);
        let text = String::from_utf8(out)?;
        assert_eq!(text.lines().count(), 2);
        for line in text.lines() {
            let (line, whole): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(line)?, serde_json::from_str(JSON)?);
            assert_eq!(line, whole);
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_written_is_not_acknowledged() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(Error::from(ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (captured, taken) = written(&[JSON, JSON], Full);
        assert!(captured.is_err());
        assert_eq!(taken, [false, false]);
    }
}
