//! Reading: inputs become mapped spans in a spool.

use super::{Input, Progress, threads};
use crate::config::Config;
use crate::ingest::{self, ReadLimits, SpanSink, Thread};
use crate::spool::{SpanSpool, SpanWriter, SpoolError};
use anyhow::Result;
use std::io::Read;
use std::sync::Arc;
use tracewatt_core::loss::Losses;
use tracewatt_core::report::{self as model, Warning};
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::{IdTable, Texts};

/// What was read, but for the spans.
#[derive(Default)]
pub struct Intake {
    /// Texts of the spans.
    pub texts: Arc<Texts>,
    /// Spellings of their ids.
    pub ids: IdTable,
    /// What they carried.
    pub coverage: CoverageTable,
    /// What was left out.
    pub losses: Losses,
    /// Inputs as read.
    pub inputs: Vec<model::Input>,
    /// What to know about them.
    pub warnings: Vec<Warning>,
}

/// One thread's part: maps decoded spans and hands them on, until that fails.
struct Collector<'a> {
    mapper: Mapper,
    coverage: CoverageTable,
    losses: Losses,
    spool: SpanWriter<'a>,
    failure: Option<SpoolError>,
    progress: &'a Progress,
    /// Spans that the progress does not know of yet.
    spans: u64,
}

/// Spans after which a thread tells the progress of them.
const TOLD_SPANS: u64 = 256;

impl SpanSink for Collector<'_> {
    fn span(&mut self, span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str) {
        let Collector { mapper, coverage, losses, spool, failure, progress, spans } = self;
        *spans += 1;
        if *spans == TOLD_SPANS {
            progress.add_spans(std::mem::take(spans));
        }
        if failure.is_none() {
            *failure = spool.push(&mapper.map(span, resource, scope, coverage, losses)).err();
        }
    }
}

/// Reads inputs, one after the other, and puts every span into the spool.
///
/// # Errors
/// The first input that cannot be read, and a spool that fails.
pub(super) fn take_in(
    config: &Config,
    inputs: Vec<Input<'_>>,
    spool: &SpanSpool,
    progress: &Progress,
) -> Result<Intake> {
    take_in_on(threads(), config, inputs, spool, progress)
}

/// The same with so many threads, at least one.
pub(super) fn take_in_on(
    threads: usize,
    config: &Config,
    inputs: Vec<Input<'_>>,
    spool: &SpanSpool,
    progress: &Progress,
) -> Result<Intake> {
    let limits = read_limits(config);
    let options = MapOptions {
        grouping_attributes: config.detection.grouping_attributes.clone(),
        max_text_bytes: limits.max_text_bytes,
    };
    let mut intake = Intake::default();
    let mut collectors: Vec<Collector<'_>> = (0..threads)
        .map(|_| Collector {
            mapper: Mapper::new(options.clone(), intake.texts.handle()),
            coverage: CoverageTable::default(),
            losses: Losses::default(),
            spool: spool.writer(),
            failure: None,
            progress,
            spans: 0,
        })
        .collect();
    let wanted = options.wanted();
    for input in inputs {
        let (name, input): (String, Box<dyn Read + Send + '_>) = match input {
            Input::Source(source) => (source.name(), source.open()?),
            Input::Open(name, input) => (name, input),
        };
        let thread = |sink| Thread { ids: IdTable::default(), losses: Losses::default(), sink };
        let mut threads: Vec<Thread<'_>> =
            collectors.iter_mut().map(|collector| thread(collector as &mut (dyn SpanSink + Send))).collect();
        let reading = ingest::read(&name, progress.counted(input), &limits, &wanted, &mut threads)?;
        intake.inputs.push(reading.input);
        intake.warnings.extend(reading.warnings);
        for Thread { ids, losses, .. } in threads {
            intake.ids.merge(&ids);
            intake.losses.merge(&losses);
        }
        if let Some(failure) = collectors.iter_mut().find_map(|collector| collector.failure.take()) {
            return Err(failure.into());
        }
    }
    for collector in collectors {
        progress.add_spans(collector.spans);
        collector.spool.finish()?;
        intake.losses.merge(&collector.losses);
        intake.coverage.merge(&collector.coverage);
    }
    Ok(intake)
}

pub(crate) fn read_limits(config: &Config) -> ReadLimits {
    let input = &config.input;
    ReadLimits {
        max_document_bytes: input.max_document_bytes,
        max_depth: input.max_depth,
        max_text_bytes: usize::try_from(input.max_text_bytes).unwrap_or(usize::MAX),
        max_attributes: input.max_attributes,
    }
}
