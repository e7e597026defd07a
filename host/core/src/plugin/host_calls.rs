//! What a guest can call: the columns of the current batch, texts, the log. Every function is a plain look-up
//! in the store's state; nonsense from the guest traps the guest.

use super::LogLine;
use super::answer;
use super::bindings::tracewatt::plugin::host::Level;
use super::instance::State;
use crate::trace::{SharedBatch, TextId};
use crate::with_columns;
use std::collections::VecDeque;
use std::sync::Arc;
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

/// Longest log message kept, in bytes.
const MAX_LOG_BYTES: usize = 1024;
/// Log messages kept per call, the newest; the rest is counted.
const MAX_LOG_MESSAGES: usize = 64;

/// What a guest wrote during a call.
#[derive(Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<(Level, String)>,
    dropped: u64,
}

impl Log {
    fn push(&mut self, level: Level, mut message: String) {
        if self.lines.len() >= MAX_LOG_MESSAGES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        answer::cut(&mut message, MAX_LOG_BYTES);
        self.lines.push_back((level, message));
    }

    /// Returns the last message of level `error`: a panic's, when the guest panicked.
    pub(super) fn last_error(&self) -> Option<&str> {
        let error = |(level, _): &&(Level, String)| matches!(level, Level::Error);
        self.lines.iter().rev().find(error).map(|(_, message)| message.as_str())
    }

    /// Returns the messages, oldest first.
    pub(super) fn lines(&self) -> Vec<LogLine> {
        let line = |(level, message): &(Level, String)| LogLine {
            level: word(*level).to_owned(),
            message: message.clone(),
        };
        self.lines.iter().map(line).collect()
    }

    /// Empties the log for the next call, and returns how many messages it did not hold.
    pub(super) fn clear(&mut self) -> u64 {
        self.lines.clear();
        std::mem::take(&mut self.dropped)
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
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
        store.data_mut().log(level, message);
        Ok(())
    })?;
    Ok(())
}

impl State {
    fn log(&mut self, level: Level, message: String) {
        if matches!(level, Level::Error) {
            // It lives and complains of something else: an allocation that fails leaves nothing to complain with.
            self.meter.forget_refusal();
        }
        self.log.push(level, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_messages_are_kept_and_the_others_counted() {
        let mut log = Log::default();
        log.push(Level::Error, "early".to_owned());
        assert_eq!(log.last_error(), Some("early"));
        for _ in 0..MAX_LOG_MESSAGES {
            log.push(Level::Info, "x".repeat(2 * MAX_LOG_BYTES));
        }
        assert_eq!(log.last_error(), None);
        log.push(Level::Error, "late".to_owned());
        log.push(Level::Warn, "later".to_owned());
        assert_eq!(log.last_error(), Some("late"));
        assert!(log.lines.iter().all(|(_, message)| message.len() <= MAX_LOG_BYTES));
        assert_eq!(log.clear(), 3);
        assert_eq!((log.clear(), log.lines.len()), (0, 0));
    }
}
