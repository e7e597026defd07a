//! Files that let somebody see a fault of a plug-in again: `analyze --fault-bundles` writes them, `plugin replay` reads
//! them. One per plug-in and kind of fault, the first in the order of the analysis, so that a run writes the same
//! files whatever its threads do.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tracewatt_core::detect::{Detection, Detector};
use tracewatt_core::plugin::{Bundle, FaultKind};
use tracewatt_core::trace::{IdTable, SealedTrace, Texts};

/// Largest bundle that is written, bytes.
const MAX_BYTES: usize = 64 << 20;

/// Writes bundles into a folder.
pub struct FaultBundles {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: BTreeSet<(String, FaultKind)>,
    written: Vec<Result<PathBuf>>,
}

impl FaultBundles {
    /// Nothing is written, and no folder made, before there is a fault.
    pub fn new(folder: &Path) -> FaultBundles {
        FaultBundles { folder: folder.to_owned(), state: Mutex::default() }
    }

    /// Takes note of the faults in what came of some traces. Call it in the order of the analysis.
    pub(crate) fn note(
        &self,
        detectors: &[Detector],
        detection: &Detection,
        traces: &[SealedTrace],
        ids: &IdTable,
        texts: &Texts,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (detector, run) in detectors.iter().zip(&detection.runs) {
            for (trace, fault) in run.set_aside.iter().filter(|(_, fault)| fault.of_call) {
                if state.seen.insert((detector.id.clone(), fault.kind)) {
                    let bundle = Bundle::new(detector, fault, &traces[*trace], ids, texts);
                    state.written.push(self.write(&bundle));
                }
            }
        }
    }

    /// Returns the files written, in order.
    ///
    /// # Errors
    /// The first that could not be written.
    pub fn finish(self) -> Result<Vec<PathBuf>> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).written.into_iter().collect()
    }

    fn write(&self, bundle: &Bundle) -> Result<PathBuf> {
        let name = format!("{}-{}.json", bundle.plugin.id, bundle.kind.word());
        let path = self.folder.join(name);
        let failed = || format!("cannot write the fault bundle {}", path.display());
        let text = text(bundle).with_context(failed)?;
        if text.len() > MAX_BYTES {
            let mib = MAX_BYTES >> 20;
            return Err(anyhow::anyhow!("the trace is larger than {mib} MiB")).with_context(failed);
        }
        std::fs::create_dir_all(&self.folder).with_context(failed)?;
        std::fs::write(&path, text).with_context(failed)?;
        Ok(path)
    }
}

/// A line for each part, and for each column of the batch: to be read by people, too.
fn text(bundle: &Bundle) -> serde_json::Result<String> {
    let value = serde_json::to_value(bundle)?;
    let mut lines = Vec::new();
    for (name, part) in value.as_object().into_iter().flatten() {
        let parts = match part.as_object() {
            Some(parts) if name == "batch" => batch(parts),
            _ => part.to_string(),
        };
        lines.push(format!("  \"{name}\": {parts}"));
    }
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}

fn batch(parts: &serde_json::Map<String, serde_json::Value>) -> String {
    let part = |(name, part): (&String, &serde_json::Value)| {
        let entries = part.as_object().into_iter().flatten();
        let entries: Vec<String> = entries
            .map(|(key, value)| format!("      {}: {value}", serde_json::Value::from(key.as_str())))
            .collect();
        format!("    \"{name}\": {{\n{}\n    }}", entries.join(",\n"))
    };
    format!("{{\n{}\n  }}", parts.iter().map(part).collect::<Vec<_>>().join(",\n"))
}
