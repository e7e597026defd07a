//! Interned texts: every template, service, scope and name is stored once and spoken of by number.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

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

/// An append-only table of texts. Ids are handed out in order of first appearance: they must never
/// reach a document, which would make it depend on the order of the input.
#[derive(Debug)]
pub struct Texts {
    bytes: String,
    /// End of text `n` in `bytes`; text 0 is empty and ends at 0.
    ends: Vec<usize>,
    ids: HashTable<u32>,
}

impl Default for Texts {
    fn default() -> Self {
        Texts { bytes: String::new(), ends: vec![0], ids: HashTable::new() }
    }
}

impl Texts {
    /// Returns the id of `text`, adding it when it is new.
    pub fn intern(&mut self, text: &str) -> TextId {
        if text.is_empty() {
            return TextId::EMPTY;
        }
        let hash = FxBuildHasher.hash_one(text);
        if let Some(id) = self.ids.find(hash, |id| slice(&self.bytes, &self.ends, *id) == text) {
            return TextId(*id);
        }
        let id = self.ends.len() as u32;
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        let (bytes, ends) = (&self.bytes, &self.ends);
        self.ids.insert_unique(hash, id, |id| FxBuildHasher.hash_one(slice(bytes, ends, *id)));
        TextId(id)
    }

    /// Returns the id of `text` if it has been seen.
    pub fn find(&self, text: &str) -> Option<TextId> {
        if text.is_empty() {
            return Some(TextId::EMPTY);
        }
        let hash = FxBuildHasher.hash_one(text);
        self.ids.find(hash, |id| slice(&self.bytes, &self.ends, *id) == text).map(|id| TextId(*id))
    }

    /// Returns the text of an id; the empty text for an id that was never handed out.
    pub fn get(&self, id: TextId) -> &str {
        slice(&self.bytes, &self.ends, id.0)
    }

    /// Number of texts, the empty one included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether nothing but the empty text is stored.
    pub fn is_empty(&self) -> bool {
        self.ends.len() == 1
    }
}

fn slice<'a>(bytes: &'a str, ends: &[usize], id: u32) -> &'a str {
    let id = id as usize;
    if id == 0 || id >= ends.len() {
        return "";
    }
    &bytes[ends[id - 1]..ends[id]]
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
        assert_eq!(texts.find("nothing"), None);
    }
}
