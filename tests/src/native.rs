//! The stock detectors without a sandbox: the same code compiled for this machine, on the batches of the host.

#![allow(clippy::expect_used, clippy::panic, reason = "a detector that cannot be had fails the test")]

use std::sync::Arc;
use tracewatt_core::trace::{SharedBatch, TextId, Texts};
use tracewatt_sdk::{Columns, Detector, SettingsSpec};

/// A function from a batch to the number of its findings.
pub type Native = Box<dyn FnMut(&SharedBatch) -> usize>;

/// Returns a stock detector with its default settings.
///
/// # Panics
/// When there is none of that name here.
pub fn native(id: &str, texts: &Arc<Texts>) -> Native {
    match id {
        "chatty" => detector::<chatty::Chatty>(texts),
        "fanout" => detector::<fanout::Fanout>(texts),
        "n_plus_one" => detector::<n_plus_one::NPlusOne>(texts),
        "pool_saturation" => detector::<pool_saturation::PoolSaturation>(texts),
        "redundant" => detector::<redundant::Redundant>(texts),
        "serialized" => detector::<serialized::Serialized>(texts),
        "slow" => detector::<slow::Slow>(texts),
        other => panic!("{other} is a stock detector without its like here"),
    }
}

fn detector<D: Detector + 'static>(texts: &Arc<Texts>) -> Native {
    let defaults =
        D::Settings::settings().into_iter().map(|setting| (setting.name, setting.default)).collect();
    let mut detector = D::new(D::Settings::read(defaults).expect("defaults are settings"));
    let texts = texts.clone();
    Box::new(move |batch| {
        let mut findings = Vec::new();
        let batch = tracewatt_sdk::Batch::new(Box::new(Read(batch.clone(), texts.clone())));
        detector.detect(&batch, &mut findings);
        findings.len()
    })
}

/// A batch of the host, read without a sandbox.
struct Read(SharedBatch, Arc<Texts>);

macro_rules! columns {
    ($($column:ident $function:literal $element:ty,)*) => {
        impl Columns for Read {
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
