//! Watches over one connection: when bytes moved, which requests are under way, and so what is overdue.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes with which HTTP/2 begins. Whoever has sent fewer has said nothing yet.
const PREFACE_BYTES: u64 = 24;

/// What has happened on a connection. Times are milliseconds since it began.
pub(super) struct Progress {
    began: Instant,
    /// Bytes that came.
    read: AtomicU64,
    /// When bytes last came or went.
    moved: AtomicU64,
    /// Requests that began.
    requests: AtomicU64,
    /// Requests under way.
    open: AtomicU64,
    /// When a request last began or ended.
    acted: AtomicU64,
    /// When it must be closed; 0 for not yet.
    close_by: AtomicU64,
}

/// What a client has not done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The first bytes of its first request.
    Header,
    /// Another request.
    Idle,
    /// Its side of a request that is under way: no byte has moved.
    Stalled,
    /// To close.
    Closing,
}

impl Progress {
    /// Of a connection that begins now.
    pub fn new() -> Progress {
        let zero = AtomicU64::default;
        Progress {
            began: Instant::now(),
            read: zero(),
            moved: zero(),
            requests: zero(),
            open: zero(),
            acted: zero(),
            close_by: zero(),
        }
    }

    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }

    /// Notes a request, which is under way until what is returned goes.
    pub fn request(self: &Arc<Progress>) -> UnderWay {
        self.requests.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        self.acted.store(self.now(), Relaxed);
        UnderWay(self.clone())
    }

    /// Says that it must be closed within a time.
    pub fn close_by(&self, within: Duration) {
        self.close_by.store(self.now() + millis(within), Relaxed);
    }

    /// Returns what is overdue now.
    pub fn overdue(&self, header: Duration, idle: Duration) -> Option<Overdue> {
        self.overdue_at(self.now(), millis(header), millis(idle))
    }

    fn overdue_at(&self, now: u64, header: u64, idle: u64) -> Option<Overdue> {
        let past = |since: &AtomicU64, time: u64| now.saturating_sub(since.load(Relaxed)) > time;
        let close_by = self.close_by.load(Relaxed);
        if close_by > 0 {
            return (now > close_by).then_some(Overdue::Closing);
        }
        let silent = self.requests.load(Relaxed) == 0 && self.read.load(Relaxed) < PREFACE_BYTES;
        if silent && now > header {
            return Some(Overdue::Header);
        }
        let open = self.open.load(Relaxed) > 0;
        match open {
            true if past(&self.moved, idle) && past(&self.acted, idle) => Some(Overdue::Stalled),
            false if past(&self.acted, idle) => Some(Overdue::Idle),
            _ => None,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A request under way.
pub(super) struct UnderWay(Arc<Progress>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.acted.store(self.0.now(), Relaxed);
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// A stream that notes what moves.
pub(super) struct Meter<I> {
    stream: I,
    progress: Arc<Progress>,
}

impl<I> Meter<I> {
    /// Notes what moves through `stream`.
    pub fn new(stream: I, progress: Arc<Progress>) -> Meter<I> {
        Meter { stream, progress }
    }

    fn wrote(&self, result: Poll<std::io::Result<usize>>) -> Poll<std::io::Result<usize>> {
        if matches!(result, Poll::Ready(Ok(_))) {
            self.progress.moved.store(self.progress.now(), Relaxed);
        }
        result
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Meter<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len().saturating_sub(before);
        if bytes > 0 {
            self.progress.read.fetch_add(bytes as u64, Relaxed);
            self.progress.moved.store(self.progress.now(), Relaxed);
        }
        result
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Meter<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_says_nothing_is_late_with_its_header() {
        let progress = Progress::new();
        assert_eq!(progress.overdue_at(100, 100, 1_000), None);
        assert_eq!(progress.overdue_at(101, 100, 1_000), Some(Overdue::Header));
        progress.read.store(PREFACE_BYTES, Relaxed);
        assert_eq!(progress.overdue_at(101, 100, 1_000), None);
        assert_eq!(progress.overdue_at(1_001, 100, 1_000), Some(Overdue::Idle));
    }

    #[test]
    fn a_request_under_way_is_stalled_only_when_no_byte_moves() {
        let progress = Arc::new(Progress::new());
        let under_way = progress.request();
        progress.moved.store(900, Relaxed);
        assert_eq!(progress.overdue_at(1_500, 100, 1_000), None);
        assert_eq!(progress.overdue_at(2_000, 100, 1_000), Some(Overdue::Stalled));
        drop(under_way);
        assert_eq!(progress.overdue_at(2_000, 100, 1_000), Some(Overdue::Idle));
        progress.close_by.store(2_500, Relaxed);
        assert_eq!(progress.overdue_at(2_000, 100, 1_000), None);
        assert_eq!(progress.overdue_at(2_501, 100, 1_000), Some(Overdue::Closing));
    }
}
