//! What a guest can call: the columns of the current batch, texts, the log. Every function is a plain look-up
//! in the store's state; nonsense from the guest traps the guest.

use super::bindings::tracewatt::plugin::host::Level;
use super::instance::State;
use crate::trace::{SharedBatch, TextId};
use crate::with_columns;
use std::sync::Arc;
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

/// Longest log message kept, in bytes.
const MAX_LOG_BYTES: usize = 1024;
/// Log messages kept per call; the rest is counted.
const MAX_LOG_MESSAGES: usize = 64;

/// A message from a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    pub(super) level: u8,
    pub(super) message: String,
}

macro_rules! link_columns {
    ($($field:ident $function:literal $element:ty,)*) => {
        fn columns(linker: &mut Linker<State>, interface: &str) -> Result<()> {
            let mut spans = linker.instance(interface)?;
            $(spans.func_wrap($function, |store: StoreContextMut<'_, State>, (): ()| {
                Ok((column(&store.data().batch, |batch| &batch.$field),))
            })?;)*
            Ok(())
        }
    };
}
with_columns!(link_columns);

fn column<T: Clone>(batch: &Option<SharedBatch>, field: fn(&SharedBatch) -> &Arc<Vec<T>>) -> Arc<Vec<T>> {
    batch.as_ref().map(|batch| field(batch).clone()).unwrap_or_default()
}

/// Offers every interface of this version to guests.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    columns(linker, "tracewatt:plugin/spans@0.1.0")?;
    let mut texts = linker.instance("tracewatt:plugin/texts@0.1.0")?;
    texts.func_wrap("epoch", |store: StoreContextMut<'_, State>, (): ()| Ok((store.data().epoch,)))?;
    texts.func_wrap("get", |store: StoreContextMut<'_, State>, (id,): (u32,)| {
        let state = store.data();
        let text = state.texts.as_ref().map_or("", |texts| texts.get(TextId(id)));
        Ok((text.to_owned(),))
    })?;
    let mut host = linker.instance("tracewatt:plugin/host@0.1.0")?;
    host.func_wrap("log", |mut store: StoreContextMut<'_, State>, (level, message): (Level, String)| {
        store.data_mut().log(level as u8, message);
        Ok(())
    })?;
    Ok(())
}

impl State {
    fn log(&mut self, level: u8, mut message: String) {
        if self.logs.len() >= MAX_LOG_MESSAGES {
            self.logs_dropped += 1;
            return;
        }
        message.truncate(message.floor_char_boundary(MAX_LOG_BYTES));
        self.logs.push(LogLine { level, message });
    }
}
