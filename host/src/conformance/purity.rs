//! Purity: an answer depends on the batch and the settings, and on nothing else. The host runs any number of instances,
//! cuts batches where it likes and calls again with parts of them; that must never show in a report.

use super::made::{self, Made, Maker};
use super::{Row, Subject, USUAL, ask, comparable, compared};
use std::ops::Range;
use std::sync::Arc;
use tracewatt_core::plugin::{Fault, PluginError, RawFinding, Worker};
use tracewatt_core::trace::{TextId, Texts};

type Answer = Result<Vec<RawFinding>, Arc<Fault>>;

/// Returns the rows about purity. `used` is a worker that was asked about other batches before.
pub(super) fn all(subject: &Subject<'_>, mut used: Worker) -> Result<Vec<Row>, PluginError> {
    let batch = Maker::usual(Texts::default());
    let (reversed, moved) = (Maker::usual(reversed(&batch.texts)), Maker::usual(moved(&batch.texts)));
    let (mut first, mut parts) = (subject.worker()?, subject.worker()?);
    let expected = match ask(&mut first, &batch, made::EPOCH) {
        Ok(findings) => comparable(&findings),
        Err(fault) => return Ok(vec![Row { name: USUAL, result: Err(fault.to_string()) }]),
    };
    let mut again = Worker::new(subject.engine, subject.again, subject.settings.to_vec(), subject.limits)?;
    let traces = batch.traces.len();
    let alone: Vec<Range<usize>> = (0..traces).map(|at| at..at + 1).collect();
    let halves = [0..traces / 2, traces / 2..traces];
    let answers: [(&'static str, Answer); 9] = [
        ("the same batch again", ask(&mut first, &batch, made::EPOCH)),
        ("in another instance", ask(&mut subject.worker()?, &batch, made::EPOCH)),
        (LOADED_TWICE, ask(&mut again, &batch, made::EPOCH)),
        ("after other batches", ask(&mut used, &batch, made::EPOCH)),
        ("in halves", in_parts(&mut parts, &batch, &halves)),
        ("each trace alone", in_parts(&mut parts, &batch, &alone)),
        ("traces in another order", backwards(&mut parts, &batch)),
        ("texts by other numbers", ask(&mut subject.worker()?, &reversed, made::EPOCH)),
        ("texts numbered anew", ask(&mut first, &moved, made::EPOCH + 1)),
    ];
    let same_manifest = subject.plugin.manifest == subject.again.manifest;
    let row = |(name, answer): (&'static str, Answer)| {
        let result = match answer {
            Ok(_) if name == LOADED_TWICE && !same_manifest => {
                Err("it says something else about itself".to_owned())
            }
            Ok(findings) => compared(&expected, &findings),
            Err(fault) => Err(fault.to_string()),
        };
        Row { name, result }
    };
    Ok(answers.into_iter().map(row).collect())
}

const LOADED_TWICE: &str = "loaded twice";

fn in_parts(worker: &mut Worker, batch: &Made, parts: &[Range<usize>]) -> Answer {
    let mut all = Vec::new();
    for part in parts {
        let findings = ask(worker, &batch.part(&batch.traces[part.clone()]), made::EPOCH)?;
        all.extend(findings.into_iter().map(|raw| RawFinding { trace: raw.trace + part.start, ..raw }));
    }
    Ok(all)
}

fn backwards(worker: &mut Worker, batch: &Made) -> Answer {
    let mut traces = batch.traces.clone();
    traces.reverse();
    let last = traces.len().saturating_sub(1);
    let findings = ask(worker, &batch.part(&traces), made::EPOCH)?;
    Ok(findings.into_iter().map(|raw| RawFinding { trace: last - raw.trace, ..raw }).collect())
}

/// The same texts under other numbers: the last comes first.
fn reversed(texts: &Texts) -> Texts {
    renumbered(texts, ids(texts).rev())
}

/// The same texts, those of a request by the numbers of the request before: a verdict on a number that is kept for too
/// long is about a text of the same sort.
fn moved(texts: &Texts) -> Texts {
    let first = ids(texts).skip(made::TEXTS_OF_A_REQUEST);
    renumbered(texts, first.chain(ids(texts)))
}

/// Texts that have been there are not added again.
fn renumbered(texts: &Texts, ids: impl Iterator<Item = u32>) -> Texts {
    let mut others = Texts::default();
    for id in ids {
        others.intern(texts.get(TextId(id)));
    }
    others
}

fn ids(texts: &Texts) -> Range<u32> {
    1..u32::try_from(texts.len()).unwrap_or(u32::MAX)
}
