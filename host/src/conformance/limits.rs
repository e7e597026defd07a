//! Less memory and less time than a component is used to. It may fail then, which costs it the trace; it must not make
//! do with less and say something else.

use super::made::{self, Maker};
use super::{Row, Subject, ask, batches, comparable};
use tracewatt_core::plugin::{FaultKind, Limits, PluginError, RawFinding};
use tracewatt_core::trace::Texts;

/// Memory that is tried, MiB.
const MEMORY_MIB: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// Returns the rows about limits.
pub(super) fn all(subject: &Subject<'_>) -> Result<[Row; 2], PluginError> {
    Ok([little_memory(subject)?, little_time(subject)?])
}

fn little_memory(subject: &Subject<'_>) -> Result<Row, PluginError> {
    let usual = Maker::usual(Texts::default());
    let expected = ask(&mut subject.worker()?, &usual, made::EPOCH);
    let (mut enough, mut most) = (None, 0);
    for mib in MEMORY_MIB.into_iter().filter(|mib| mib << 20 <= subject.limits.memory_bytes) {
        let limits = Limits { memory_bytes: mib << 20, ..subject.limits };
        let mut worker = subject.worker_with(subject.settings.to_vec(), limits)?;
        most = mib;
        match ask(&mut worker, &usual, made::EPOCH) {
            Ok(findings) if !same(&expected, &findings) => {
                let result = Err(format!("with {mib} MiB it goes on, and finds something else"));
                return Ok(Row { name: MEMORY, result });
            }
            Ok(_) => enough = enough.or(Some(mib)),
            Err(_) => enough = None,
        }
    }
    let said = match enough {
        Some(mib) if mib == MEMORY_MIB[0] => format!("{mib} MiB is enough"),
        Some(mib) => format!("{mib} MiB are enough; with {} it fails", mib / 2),
        None => format!("with {most} MiB it fails"),
    };
    Ok(Row { name: MEMORY, result: Ok(said) })
}

const MEMORY: &str = "little memory";

fn little_time(subject: &Subject<'_>) -> Result<Row, PluginError> {
    let long = batches::many_spans();
    let expected = ask(&mut subject.worker()?, &long, made::EPOCH);
    let limits = Limits { call_ms: 1, ..subject.limits };
    let mut worker = subject.worker_with(subject.settings.to_vec(), limits)?;
    // Which of the two it is depends on the machine, so the reason does not say.
    let result = match ask(&mut worker, &long, made::EPOCH) {
        Ok(findings) if same(&expected, &findings) => Ok(STOPPED.to_owned()),
        Ok(_) => Err("it goes on, and finds something else".to_owned()),
        Err(fault) if fault.kind == FaultKind::Deadline => Ok(STOPPED.to_owned()),
        Err(fault) => Err(fault.to_string()),
    };
    Ok(Row { name: "little time", result })
}

const STOPPED: &str = "stopped, or as fast as that with the same findings";

fn same<E>(expected: &Result<Vec<RawFinding>, E>, findings: &[RawFinding]) -> bool {
    expected.as_ref().is_ok_and(|expected| comparable(expected) == comparable(findings))
}
