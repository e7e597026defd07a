//! The hostile set: batches that are legal, each odd in one way.

use super::made::{LONG_TEXT, MS, Made, Maker, ODD_TEXTS, START_NS, US};
use tracewatt_core::trace::{Batch, IoKind, SpanFlags, SpanId, SpanRole, Texts};

/// Spans of the long trace: as many as a trace may have unless configured.
const MANY: u64 = 100_000;
/// Spans inside each other. The host does not recurse, whatever the shape of a trace; a component may not either.
const DEEP: u64 = 10_000;

/// Returns the batches with their names.
pub(super) fn all() -> Vec<(&'static str, Made)> {
    vec![
        ("no trace", maker().finish()),
        ("one span", one_span()),
        ("no call", no_call()),
        ("100,000 spans in one trace", many_spans()),
        ("1,000 traces of one span", many_traces()),
        ("10,000 spans inside each other", deep()),
        ("parents in a circle", circles()),
        ("parents that are not there", orphans()),
        ("span ids given twice", twice()),
        ("times out of order", times()),
        ("odd texts", odd_texts()),
        ("texts of 64 KiB", long_texts()),
        ("numbers nobody knows", unknown()),
        ("numbers at their ends", extremes()),
    ]
}

fn maker() -> Maker {
    Maker::new(Texts::default())
}

/// Some kind, in turn.
fn kind(n: u64) -> IoKind {
    IoKind::ALL[n as usize % IoKind::ALL.len()]
}

fn one_span() -> Made {
    let mut maker = maker();
    maker.call(1, 1, 0, (START_NS, MS), (IoKind::Sql, "item"));
    maker.finish()
}

fn no_call() -> Made {
    let mut maker = maker();
    maker.entry(1, START_NS, 100 * MS);
    for n in 2..50 {
        maker.work(1, n, 1, START_NS + n * MS, MS);
    }
    maker.finish()
}

/// A request with 99,999 calls of every kind, by two hundred templates; half of them by one span.
pub(super) fn many_spans() -> Made {
    let mut maker = maker();
    let what: Vec<String> = (0..200).map(|n| format!("table_{n}")).collect();
    maker.entry(1, START_NS, 2_000 * MS);
    for n in 2..=MANY {
        let parent = if n % 2 == 0 { 1 } else { (n / 1_000 * 1_000).max(1) };
        let duration = if n % 700 == 0 { 600 * MS } else { 50 * US };
        let at = (START_NS + n * 10 * US, duration);
        maker.call(1, n, parent, at, (kind(n), &what[n as usize % what.len()]));
    }
    maker.finish()
}

fn many_traces() -> Made {
    let mut maker = maker();
    for n in 0..1_000 {
        let at = (START_NS + n * MS, 2 * MS);
        maker.call(u128::from(n) + 1, 1, 0, at, (kind(n), "item"));
    }
    maker.finish()
}

/// Services that call each other and themselves, each call inside the one before.
fn deep() -> Made {
    let mut maker = maker();
    let services = ["shop", "stock", "prices"].map(|name| maker.texts.intern(name));
    for n in 1..=DEEP {
        let at = (START_NS + n * US, (2 * DEEP - n) * US);
        let service = services[n as usize / 2 % services.len()];
        match n % 2 {
            0 => maker.call(1, n, n - 1, at, (IoKind::Http, "next")).service = service,
            _ => {
                let span = maker.work(1, n, n - 1, at.0, at.1);
                (span.service, span.role) = (service, SpanRole::Server);
            }
        }
    }
    maker.finish()
}

fn circles() -> Made {
    let mut maker = maker();
    for (id, parent) in [(1, 3), (2, 1), (3, 2), (4, 4), (5, 6), (6, 5)] {
        maker.work(1, id, parent, START_NS + id * MS, 100 * MS);
    }
    for n in 10..40 {
        maker.call(1, n, n % 6 + 1, (START_NS + n * MS, MS), (kind(n / 10), "item"));
    }
    maker.finish()
}

fn orphans() -> Made {
    let mut maker = maker();
    for n in 1..60 {
        maker.call(1, n, 1_000 + n % 7, (START_NS + n * MS, MS), (kind(n / 20), "item"));
    }
    maker.finish()
}

fn twice() -> Made {
    let mut maker = maker();
    maker.entry(1, START_NS, 100 * MS);
    for n in 0..60 {
        let (id, what) = (2 + n % 20, if n < 40 { "item" } else { "author" });
        maker.call(1, id, 1, (START_NS + n / 2 * MS, MS), (IoKind::Sql, what)).id = SpanId(id);
    }
    maker.finish()
}

/// Children before their parents, everything at once, no duration, times nobody knows, the first and the last
/// nanosecond there is.
fn times() -> Made {
    let mut maker = maker();
    maker.entry(1, START_NS, MS);
    for n in 0..20 {
        let odd = [
            (START_NS - n * MS, 2 * MS),
            (START_NS, 0),
            (START_NS, MS),
            (0, u64::MAX),
            (u64::MAX, u64::MAX),
            (u64::MAX - n, n),
        ];
        for (at, id) in odd.into_iter().zip(10 + n * 10..) {
            maker.call(1, id, 1, at, (kind(n / 7), "item"));
        }
        maker
            .call(1, 16 + n * 10, 1, (START_NS, 0), (IoKind::Sql, "item"))
            .flags
            .set(SpanFlags::TIMES_UNKNOWN);
    }
    maker.finish()
}

fn odd_texts() -> Made {
    let texts: Vec<String> = ODD_TEXTS.iter().map(|&text| text.to_owned()).collect();
    with_texts(&texts)
}

fn long_texts() -> Made {
    let long = |text: &str| {
        let mut long = text.repeat(LONG_TEXT / text.len() + 1);
        long.truncate(long.floor_char_boundary(LONG_TEXT));
        long
    };
    with_texts(&["(", "SELECT name FROM author, ", "a.", "\u{fffd}", "/{id}", "ß", " ", "'"].map(long))
}

/// For each text a request whose every text it is, with calls enough to be spoken of: SQL, HTTP, a cache and messages,
/// many of each at once, some of them slow.
fn with_texts(texts: &[String]) -> Made {
    let mut maker = maker();
    for (text, trace) in texts.iter().zip(1..) {
        let text = maker.texts.intern(text);
        let start = START_NS + u64::try_from(trace).unwrap_or_default() * 1_000 * MS;
        maker.entry(trace, start, 900 * MS);
        for n in 2..102 {
            let duration = if n % 10 == 0 { 600 * MS } else { 40 * MS };
            let call = maker.call(trace, n, 1, (start + n * MS, duration), (kind(n / 25), ""));
            (call.template, call.service, call.name, call.peer) = (text, text, text, text);
            (call.system, call.scope, call.grouping, call.code.function) = (text, text, text, text);
            call.params = if call.kind == IoKind::Sql { 7 } else { n };
        }
    }
    maker.finish()
}

/// Kinds, roles, verbs, statuses and flags of a later version of the interface.
fn unknown() -> Made {
    let change = |batch: &mut Batch| {
        let columns = [&mut batch.kinds, &mut batch.roles, &mut batch.verbs, &mut batch.statuses];
        for (column, first) in columns.into_iter().zip([10, 5, 5, 6]) {
            for (row, value) in column.iter_mut().enumerate().filter(|(row, _)| row % 3 != 0) {
                *value = if row % 3 == 1 { first } else { u8::MAX };
            }
        }
        batch.span_flags.iter_mut().for_each(|flags| *flags |= u32::MAX << 11);
        batch.trace_flags.iter_mut().for_each(|flags| *flags |= u8::MAX << 3);
    };
    Maker::usual(Texts::default()).with_columns(change)
}

/// The largest numbers that columns can hold and still mean something. Starts stay in order.
fn extremes() -> Made {
    let change = |batch: &mut Batch| {
        let half = batch.kinds.len() / 2;
        batch.trace_starts_ns.fill(u64::MAX);
        batch.start_offsets_ns[half..].fill(u64::MAX);
        batch.durations_ns.fill(u64::MAX);
        batch.batch_sizes[half..].fill(u32::MAX);
        batch.rows_returned.fill(u32::MAX - 1);
        batch.response_bytes.fill(u64::MAX - 1);
        batch.parameter_hashes.fill((1 << 53) - 1);
        batch.in_flight.fill(u32::MAX);
        batch.code_lines.fill(u32::MAX);
    };
    Maker::usual(Texts::default()).with_columns(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantees: a batch is what its name says, and the same whenever it is made.
    #[test]
    fn batches_are_what_their_names_say() {
        let shape = |name: &str| {
            let (_, made) = all().into_iter().find(|(other, _)| *other == name).unwrap();
            (made.batch.traces(), made.batch.spans())
        };
        assert_eq!(shape("no trace"), (0, 0));
        assert_eq!(shape("one span"), (1, 1));
        assert_eq!(shape("100,000 spans in one trace"), (1, 100_000));
        assert_eq!(shape("1,000 traces of one span"), (1_000, 1_000));
        assert_eq!(shape("10,000 spans inside each other"), (1, 10_000));
        assert_eq!(shape("odd texts").0 as usize, ODD_TEXTS.len());
        let depth = |made: &Made| {
            let mut row = made.batch.spans() - 1;
            (0..).find(|_| {
                row = made.batch.parents[row as usize];
                row == u32::MAX
            })
        };
        assert_eq!(depth(&deep()), Some(9_999));
        let text = |made: &Made| {
            let longest = (0..made.texts.len() as u32)
                .map(|id| made.texts.get(tracewatt_core::trace::TextId(id)).len());
            longest.max()
        };
        assert_eq!(text(&long_texts()), Some(LONG_TEXT));
        for ((name, one), (_, other)) in all().into_iter().zip(all()) {
            assert_eq!(format!("{:?}", one.batch), format!("{:?}", other.batch), "{name}");
        }
    }

    /// Guarantees: rows and offsets are within the batch, and spans in order, as the contract says.
    #[test]
    fn batches_are_legal() {
        for (name, Made { batch, texts, .. }) in all() {
            let spans = batch.spans();
            assert_eq!(batch.trace_offsets.len() as u32, batch.traces() + 1, "{name}");
            assert_eq!(batch.trace_offsets.last(), Some(&spans), "{name}");
            for row in batch.parents.iter().chain(batch.entries.iter()) {
                assert!(*row < spans || *row == u32::MAX, "{name}");
            }
            for trace in batch.trace_offsets.windows(2) {
                let starts = &batch.start_offsets_ns[trace[0] as usize..trace[1] as usize];
                assert!(starts.is_sorted(), "{name}");
            }
            assert!(batch.templates.iter().all(|id| (*id as usize) < texts.len()), "{name}");
        }
    }
}
