//! How far a long analysis is, on standard error: on a terminal in one line that is drawn again and again and erased at
//! the end, elsewhere, if it is asked for, in a line every few seconds.

use crate::analysis::{Progress, Stage};
use crate::report::quantity::{count, micros};
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// What takes less time shows nothing.
const DELAY: Duration = Duration::from_secs(1);
/// Between two drawings on a terminal.
const REDRAW: Duration = Duration::from_millis(250);
/// Between two lines elsewhere.
const NEXT_LINE: Duration = Duration::from_secs(3);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// In one line, which is erased at the end.
    Line,
    /// In a line every few seconds, without control characters.
    Log,
}

/// Does `work` while another thread shows on `out` how far it is.
pub(super) fn show<T>(
    progress: &Progress,
    style: Style,
    out: &mut (dyn Write + Send),
    work: impl FnOnce() -> T,
) -> T {
    // Dropping one end tells the other, also when the work panics.
    let (running, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || draw(progress, style, &ended, out));
        let _running = running;
        work()
    })
}

/// Draws until the work has ended. That nobody can see it is no failure.
fn draw(progress: &Progress, style: Style, ended: &Receiver<()>, out: &mut dyn Write) {
    let started = Instant::now();
    let (mut wait, mut drawn) = (DELAY, false);
    while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        let line = line(progress.stage(), started.elapsed());
        let result = match style {
            Style::Line => write!(out, "\r{line}\u{1b}[K"),
            Style::Log => writeln!(out, "{line}"),
        };
        wait = if style == Style::Line { REDRAW } else { NEXT_LINE };
        drawn = result.and_then(|()| out.flush()).is_ok();
    }
    if drawn && style == Style::Line {
        let _: io::Result<()> = write!(out, "\r\u{1b}[K").and_then(|()| out.flush());
    }
}

/// Says how far the work is after so much time, in less than the 80 columns of a narrow terminal.
fn line(stage: Stage, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    match stage {
        Stage::Reading { bytes, total_bytes, spans } => {
            let rate = count((spans as f64 / seconds.max(0.001)) as u64);
            let known = total_bytes.filter(|total| *total > 0 && bytes > 0);
            let Some(total) = known else { return format!("reading {}, {rate} spans/s", size(bytes)) };
            let bytes = bytes.min(total);
            let percent = (u128::from(bytes) * 100 / u128::from(total)) as u64;
            let left = micros((seconds * (total - bytes) as f64 / bytes as f64).ceil().max(1.0) * 1e6);
            format!("reading {} of {} ({percent} %), {rate} spans/s, {left} left", size(bytes), size(total))
        }
        Stage::Judging { spans, percent: Some(percent) } => {
            format!("judging {} spans ({percent} %)", count(spans))
        }
        Stage::Judging { spans, percent: None } => format!("judging {} spans", count(spans)),
    }
}

/// Bytes in units of a thousand.
fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    if unit == "GB" || unit == "TB" { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(bytes: u64, total_bytes: Option<u64>, spans: u64, seconds: u64) -> String {
        line(Stage::Reading { bytes, total_bytes, spans }, Duration::from_secs(seconds))
    }

    #[test]
    fn lines() {
        let cases = [
            (reading(0, Some(100), 0, 1), "reading 0 B, 0 spans/s"),
            (reading(1_500, None, 9_999, 3), "reading 2 kB, 3,333 spans/s"),
            (
                reading(100_000_000, Some(300_000_000), 120_000, 2),
                "reading 100 MB of 300 MB (33 %), 60,000 spans/s, 4 s left",
            ),
            (
                reading(999_600_000, Some(99_960_000_000), 1 << 30, 60),
                "reading 1.0 GB of 100.0 GB (1 %), 17,895,697 spans/s, 99 min left",
            ),
            (reading(1_000, Some(2_000), 1, 90), "reading 1 kB of 2 kB (50 %), 0 spans/s, 1 min 30 s left"),
            // A file that grows.
            (reading(300, Some(100), 8, 1), "reading 100 B of 100 B (100 %), 8 spans/s, 1 s left"),
            (line(Stage::Judging { spans: 412_000, percent: Some(7) }, DELAY), "judging 412,000 spans (7 %)"),
            (line(Stage::Judging { spans: 5, percent: None }, DELAY), "judging 5 spans"),
        ];
        for (got, expect) in cases {
            assert_eq!(got, expect);
            assert!(got.len() < 80);
        }
    }

    #[test]
    fn what_is_short_shows_nothing() {
        for style in [Style::Line, Style::Log] {
            let mut out = Vec::new();
            assert_eq!(show(&Progress::default(), style, &mut out, || 7), 7);
            assert_eq!(out, b"");
        }
    }
}
