//! A fault with everything it takes to see it again: which component, with which settings and limits, on which
//! trace. It holds what the plug-in could see, which is templates and names, and no more.

use super::{Fault, FaultKind, Limits, LogLine, SettingValue};
use crate::detect::Detector;
use crate::trace::{Batch, IdTable, SealedTrace, TextId, Texts};
use crate::with_columns;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the format of bundles.
pub const BUNDLE_FORMAT: u32 = 1;

/// A fault and what led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// [`BUNDLE_FORMAT`].
    pub format: u32,
    /// Version of the host that wrote it.
    pub tracewatt: String,
    /// Which component.
    pub plugin: BundledPlugin,
    /// Kind of the fault.
    pub kind: FaultKind,
    /// What happened.
    pub message: String,
    /// Functions of the guest that were running, innermost first.
    pub backtrace: Vec<String>,
    /// What the guest wrote to its log in that call, oldest first.
    pub log: Vec<LogLine>,
    /// Settings in effect, in the order of the manifest.
    pub settings: Vec<(String, SettingValue)>,
    /// Limits in effect.
    pub limits: Limits,
    /// Id of the trace, as in reports.
    pub trace_id: String,
    /// The trace, as the plug-in saw it.
    pub batch: SavedBatch,
}

/// Which component a bundle is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BundledPlugin {
    /// Id in the configuration.
    pub id: String,
    /// Version in the manifest.
    pub version: String,
    /// SHA-256 of the component, hexadecimal.
    pub sha256: String,
}

/// Why a bundle is none.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read as JSON of this shape.
    #[error("not a fault bundle: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It is of another version.
    #[error("a fault bundle of format {found}; this program reads {BUNDLE_FORMAT}")]
    Format {
        /// Format it says it has.
        found: u64,
    },
    /// Its columns do not fit each other.
    #[error("the batch in the bundle makes no sense: {0}")]
    Batch(String),
}

impl Bundle {
    /// Returns the bundle of a fault on a trace.
    pub fn new(
        detector: &Detector,
        fault: &Fault,
        trace: &SealedTrace,
        ids: &IdTable,
        texts: &Texts,
    ) -> Bundle {
        Bundle {
            format: BUNDLE_FORMAT,
            tracewatt: env!("CARGO_PKG_VERSION").to_owned(),
            plugin: BundledPlugin {
                id: detector.id.clone(),
                version: detector.manifest().version.clone(),
                sha256: detector.plugin.sha256.clone(),
            },
            kind: fault.kind,
            message: fault.message.clone(),
            backtrace: fault.backtrace.clone(),
            log: fault.log.clone(),
            settings: detector.settings.clone(),
            limits: detector.limits,
            trace_id: ids.trace_text(trace.id),
            batch: SavedBatch::of(Batch::of([trace]), texts),
        }
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// When it is none, or of another format.
    pub fn read(text: &[u8]) -> Result<Bundle, BundleError> {
        let value: serde_json::Value = serde_json::from_slice(text)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(BUNDLE_FORMAT) => Err(BundleError::Format { found }),
            _ => Ok(serde_json::from_value(value)?),
        }
    }
}

/// Columns that hold ids of texts.
const TEXT_COLUMNS: [&str; 8] =
    ["templates", "services", "names", "peers", "systems", "scopes", "groupings", "endpoints"];
/// One more of them.
const CODE_FUNCTIONS: &str = "code-functions";
/// Columns with an entry per trace.
const TRACE_COLUMNS: [&str; 2] = ["trace-starts-ns", "trace-flags"];
/// The column with one entry more than there are traces.
const OFFSETS: &str = "trace-offsets";

/// A batch by the names of its columns, with the texts that it refers to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedBatch {
    /// Columns, by their names in the interface.
    pub columns: BTreeMap<String, Vec<u64>>,
    /// Texts, by their ids in the columns.
    pub texts: BTreeMap<u64, String>,
}

macro_rules! saved {
    ($($field:ident $function:literal $element:ty,)*) => {
        fn to_columns(batch: Batch) -> BTreeMap<String, Vec<u64>> {
            let mut columns = BTreeMap::new();
            $(columns.insert($function.to_owned(), batch.$field.into_iter().map(u64::from).collect());)*
            columns
        }

        fn from_columns(columns: &BTreeMap<String, Vec<u64>>) -> Result<Batch, BundleError> {
            Ok(Batch { $($field: column(columns, $function)?,)* })
        }
    };
}
with_columns!(saved);

fn column<T: TryFrom<u64>>(columns: &BTreeMap<String, Vec<u64>>, name: &str) -> Result<Vec<T>, BundleError> {
    let wrong = |reason: &str| BundleError::Batch(format!("column {name} {reason}"));
    let values = columns.get(name).ok_or_else(|| wrong("is missing"))?;
    let narrow = |value: &u64| T::try_from(*value).map_err(|_| wrong("holds a number that is too large"));
    values.iter().map(narrow).collect()
}

fn holds_texts(column: &str) -> bool {
    column == CODE_FUNCTIONS || TEXT_COLUMNS.contains(&column)
}

impl SavedBatch {
    /// Saves a batch and the texts that it refers to.
    pub fn of(batch: Batch, texts: &Texts) -> SavedBatch {
        let columns = to_columns(batch);
        let ids =
            columns.iter().filter(|(name, _)| holds_texts(name)).flat_map(|(_, ids)| ids.iter().copied());
        let text = |id: u64| u32::try_from(id).map_or("", |id| texts.get(TextId(id))).to_owned();
        let texts = ids.map(|id| (id, text(id))).collect();
        SavedBatch { columns, texts }
    }

    /// Returns the batch, and texts with other ids that mean the same.
    ///
    /// # Errors
    /// When columns are missing, or of different lengths.
    pub fn restore(&self) -> Result<(Batch, Texts), BundleError> {
        let mut texts = Texts::default();
        let ids: BTreeMap<u64, u64> =
            self.texts.iter().map(|(id, text)| (*id, u64::from(texts.intern(text).0))).collect();
        let mut columns = self.columns.clone();
        for (_, column) in columns.iter_mut().filter(|(name, _)| holds_texts(name)) {
            for id in column {
                *id = *ids.get(id).ok_or_else(|| BundleError::Batch(format!("text {id} is missing")))?;
            }
        }
        let batch = from_columns(&columns)?;
        self.check(&batch)?;
        Ok((batch, texts))
    }

    fn check(&self, batch: &Batch) -> Result<(), BundleError> {
        let (traces, spans) = (batch.traces() as usize, batch.spans() as usize);
        for (name, column) in &self.columns {
            let wanted = match name.as_str() {
                OFFSETS => traces + 1,
                name if TRACE_COLUMNS.contains(&name) => traces,
                _ => spans,
            };
            if column.len() != wanted {
                let length = column.len();
                return Err(BundleError::Batch(format!("column {name} has {length} entries, not {wanted}")));
            }
        }
        let offsets = &batch.trace_offsets;
        let in_order = offsets.first() == Some(&0) && offsets.is_sorted();
        if !in_order || offsets.last().copied() != Some(batch.spans()) {
            return Err(BundleError::Batch(format!("{OFFSETS} do not run from 0 to the number of spans")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> SavedBatch {
        let mut texts = Texts::default();
        texts.intern("somewhere else");
        let template = texts.intern("SELECT ?").0;
        let one = |function: &str| match function {
            OFFSETS => vec![0, 1],
            name if name == TEXT_COLUMNS[0] => vec![u64::from(template)],
            _ => vec![0],
        };
        let columns =
            to_columns(Batch::default()).into_keys().map(|name| (name.clone(), one(&name))).collect();
        SavedBatch::of(from_columns(&columns).unwrap(), &texts)
    }

    #[test]
    fn a_batch_comes_back_with_texts_that_mean_the_same() {
        let (batch, texts) = saved().restore().unwrap();
        assert_eq!((batch.traces(), batch.spans()), (1, 1));
        assert_eq!(texts.get(TextId(batch.templates[0])), "SELECT ?");
        assert_eq!(texts.find("somewhere else"), None);
        let again = SavedBatch::of(batch, &texts);
        assert_eq!(again.restore().unwrap().0.templates, [texts.find("SELECT ?").unwrap().0]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let check = |change: &dyn Fn(&mut SavedBatch), expect: &str| {
            let mut batch = saved();
            change(&mut batch);
            assert!(batch.restore().unwrap_err().to_string().ends_with(expect), "{expect}");
        };
        let set = |name: &'static str, column: Vec<u64>| {
            move |batch: &mut SavedBatch| drop(batch.columns.insert(name.to_owned(), column.clone()))
        };
        check(&|batch| batch.texts.clear(), "text 0 is missing");
        check(&|batch| drop(batch.columns.remove("kinds")), "column kinds is missing");
        check(&set("roles", vec![0, 0]), "column roles has 2 entries, not 1");
        check(&set("roles", vec![256]), "column roles holds a number that is too large");
        check(&set("trace-flags", vec![]), "column trace-flags has 0 entries, not 1");
        check(&set(OFFSETS, vec![0, 9]), "trace-offsets do not run from 0 to the number of spans");
        check(&set(OFFSETS, vec![1, 1]), "trace-offsets do not run from 0 to the number of spans");
    }
}
