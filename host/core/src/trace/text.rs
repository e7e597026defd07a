//! Interned texts: every template, service, scope and name is stored once and spoken of by number.
//!
//! Threads that read, map and seal intern at the same time, and plug-ins look texts up meanwhile. So there is
//! one store, in which a text never moves once it is there, and any number of handles to it. A handle is one
//! thread's own: it remembers the numbers it has been given, so that only a text which is new to it takes a lock.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Number of an interned text. Zero is the empty text, which also stands for "absent".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TextId(pub u32);

impl TextId {
    /// The empty text.
    pub const EMPTY: TextId = TextId(0);

    /// Returns whether this is the empty text, that is, whether the thing it names is absent.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A handle to an append-only store of texts. Ids are handed out in order of first appearance: they must
/// never reach a document, which would make it depend on the order of the input.
#[derive(Debug, Default)]
pub struct Texts {
    store: Arc<Store>,
    /// Ids this handle has been given, by hash of their text.
    known: HashTable<u32>,
}

impl Texts {
    /// Returns another handle to the same store, for another thread.
    pub fn handle(&self) -> Texts {
        Texts { store: self.store.clone(), known: HashTable::new() }
    }

    /// Returns the id of `text`, adding it when it is new.
    pub fn intern(&mut self, text: &str) -> TextId {
        if text.is_empty() {
            return TextId::EMPTY;
        }
        let hash = FxBuildHasher.hash_one(text);
        if let Some(id) = self.known.find(hash, |id| self.store.get(*id) == text) {
            return TextId(*id);
        }
        let id = self.store.intern(hash, text);
        let store = &self.store;
        self.known.insert_unique(hash, id, |id| FxBuildHasher.hash_one(store.get(*id)));
        TextId(id)
    }

    /// Returns the id of `text` if it has been seen, by this handle or another.
    pub fn find(&self, text: &str) -> Option<TextId> {
        if text.is_empty() {
            return Some(TextId::EMPTY);
        }
        self.store.find(FxBuildHasher.hash_one(text), text).map(TextId)
    }

    /// Returns the text of an id; the empty text for an id that was never handed out.
    pub fn get(&self, id: TextId) -> &str {
        self.store.get(id.0)
    }

    /// Number of texts, the empty one included.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Returns whether nothing but the empty text is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }
}

/// Texts of the first segment; each further segment is as large as all before it together.
const FIRST_SEGMENT: usize = 1 << 10;
/// Segments up to 2^32 texts.
const SEGMENTS: usize = 23;

/// The texts, in segments that never move, and who has which number.
#[derive(Debug)]
struct Store {
    segments: [OnceLock<Segment>; SEGMENTS],
    ids: Mutex<Ids>,
}

type Segment = Box<[OnceLock<Box<str>>]>;

#[derive(Debug)]
struct Ids {
    by_hash: HashTable<u32>,
    next: u32,
}

impl Default for Store {
    fn default() -> Self {
        let ids = Ids { by_hash: HashTable::new(), next: 1 };
        Store { segments: [const { OnceLock::new() }; SEGMENTS], ids: Mutex::new(ids) }
    }
}

impl Store {
    fn get(&self, id: u32) -> &str {
        let (segment, slot) = place(id);
        let text = self.segments[segment].get().and_then(|texts| texts.get(slot)?.get());
        text.map_or("", |text| text)
    }

    fn find(&self, hash: u64, text: &str) -> Option<u32> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.by_hash.find(hash, |id| self.get(*id) == text).copied()
    }

    fn intern(&self, hash: u64, text: &str) -> u32 {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = ids.by_hash.find(hash, |id| self.get(*id) == text) {
            return *id;
        }
        let id = ids.next;
        ids.next += 1;
        let (segment, slot) = place(id);
        let size = if segment == 0 { FIRST_SEGMENT } else { FIRST_SEGMENT << (segment - 1) };
        let texts = self.segments[segment].get_or_init(|| (0..size).map(|_| OnceLock::new()).collect());
        texts[slot].get_or_init(|| text.into());
        ids.by_hash.insert_unique(hash, id, |id| FxBuildHasher.hash_one(self.get(*id)));
        id
    }

    fn len(&self) -> usize {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).next as usize
    }
}

/// Returns the segment of a text and its place there.
fn place(id: u32) -> (usize, usize) {
    let id = id as usize;
    match id / FIRST_SEGMENT {
        0 => (0, id),
        blocks => {
            let segment = blocks.ilog2() as usize;
            (segment + 1, id - (FIRST_SEGMENT << segment))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_one_id() {
        let mut texts = Texts::default();
        let a = texts.intern("SELECT ?");
        assert_eq!(texts.intern("SELECT ?"), a);
        assert_ne!(texts.intern("select ?"), a);
        assert_eq!(texts.get(a), "SELECT ?");
        assert_eq!(texts.intern(""), TextId::EMPTY);
        assert_eq!(texts.get(TextId(99)), "");
        assert_eq!(texts.get(TextId(u32::MAX)), "");
        assert_eq!(texts.find("nothing"), None);
    }

    #[test]
    fn handles_agree_while_they_intern() {
        let texts = Texts::default();
        let ids: Vec<Vec<TextId>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let mut texts = texts.handle();
                    scope.spawn(move || (0..5_000).map(|n| texts.intern(&format!("text {n}"))).collect())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        assert_eq!(ids[0].len(), 5_000);
        assert!(ids.iter().all(|other| *other == ids[0]));
        assert_eq!(texts.len(), 5_001);
        for (n, id) in ids[0].iter().enumerate() {
            assert_eq!(texts.get(*id), format!("text {n}"));
        }
    }

    #[test]
    fn segments_follow_each_other() {
        let mut expected = (0, 0);
        for id in 0..20 * FIRST_SEGMENT as u32 {
            let (segment, slot) = place(id);
            if segment > expected.0 {
                expected = (segment, 0);
            }
            assert_eq!((segment, slot), expected, "{id}");
            expected.1 += 1;
        }
        assert!(place(u32::MAX).0 < SEGMENTS);
    }
}
