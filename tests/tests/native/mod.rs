//! The stock detectors compiled for this machine, without a sandbox, and traces to run them on.

use std::sync::Arc;
use tracewatt::bench::write_synthetic;
use tracewatt::ingest::{self, ReadLimits, Thread};
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::{IdTable, SealedTrace, SharedBatch, TextId, Texts};
use tracewatt_core::window::{Window, WindowOptions};
use tracewatt_sdk::{Columns, Detector, SettingsSpec};

/// A detector as a function from a batch to the number of its findings.
pub type Detect = Box<dyn FnMut(&SharedBatch) -> usize>;

/// A batch of the host, read without a sandbox.
struct Native(SharedBatch, Arc<Texts>);

macro_rules! columns {
    ($($column:ident $function:literal $element:ty,)*) => {
        impl Columns for Native {
            $(fn $column(&self) -> Vec<$element> {
                self.0.$column.to_vec()
            })*

            fn epoch(&self) -> u32 {
                1
            }

            fn text(&self, id: u32) -> String {
                self.1.get(TextId(id)).to_owned()
            }
        }
    };
}
tracewatt_core::with_columns!(columns);

/// Returns the traces of an input made by `tracewatt bench`, and their texts.
pub fn traces(spans: u64) -> (Vec<SealedTrace>, Arc<Texts>) {
    let mut input = Vec::new();
    write_synthetic(spans, &mut input).unwrap();
    let mut texts = Texts::default();
    let mut mapper = Mapper::new(MapOptions::default(), texts.handle());
    let mut window = Window::new(WindowOptions::default());
    let (mut coverage, mut losses) = (CoverageTable::default(), Losses::default());
    let mut sink = |span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str| {
        window.push(mapper.map(span, resource, scope, &mut coverage, &mut losses));
    };
    let mut threads = [Thread { ids: IdTable::default(), losses: Losses::default(), sink: &mut sink }];
    ingest::read("made", &input[..], &ReadLimits::default(), &[], &mut threads).unwrap();
    (window.seal(&mut texts, &mut Losses::default()), Arc::new(texts))
}

fn native<D: Detector>(texts: &Arc<Texts>) -> Detect {
    let defaults =
        D::Settings::settings().into_iter().map(|setting| (setting.name, setting.default)).collect();
    let mut detector = D::new(D::Settings::read(defaults).unwrap());
    let texts = texts.clone();
    Box::new(move |batch| {
        let mut findings = Vec::new();
        let batch = tracewatt_sdk::Batch::new(Box::new(Native(batch.clone(), texts.clone())));
        detector.detect(&batch, &mut findings);
        findings.len()
    })
}

/// Returns the stock detector of that name, with its default settings.
pub fn detector(id: &str, texts: &Arc<Texts>) -> Detect {
    match id {
        "chatty" => native::<chatty::Chatty>(texts),
        "fanout" => native::<fanout::Fanout>(texts),
        "n_plus_one" => native::<n_plus_one::NPlusOne>(texts),
        "pool_saturation" => native::<pool_saturation::PoolSaturation>(texts),
        "redundant" => native::<redundant::Redundant>(texts),
        "serialized" => native::<serialized::Serialized>(texts),
        "slow" => native::<slow::Slow>(texts),
        other => panic!("{other} is a stock detector without its like here"),
    }
}
