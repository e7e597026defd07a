//! A body that has to arrive in time.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::Frame;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// A body that breaks off when its time is up.
struct Timed {
    body: Body,
    end: Pin<Box<Sleep>>,
    late: Arc<AtomicBool>,
}

/// Gives a body so much time from now on. Also returns whether that was not enough, as it will be known later.
pub(super) fn timed(body: Body, within: Duration) -> (Body, Arc<AtomicBool>) {
    let late = Arc::new(AtomicBool::new(false));
    let timed = Timed { body, end: Box::pin(tokio::time::sleep(within)), late: late.clone() };
    (Body::new(timed), late)
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.end.as_mut().poll(context).is_ready() {
            self.late.store(true, Ordering::Release);
            return Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(
                std::io::ErrorKind::TimedOut,
            )))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
