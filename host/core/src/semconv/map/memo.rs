//! Names that come again with span after span, and the number of what was made of each: cleaning a name and looking
//! its text up costs more than seeing that it is the one from before.

use crate::trace::{TextId, Texts};
use rustc_hash::FxBuildHasher;
use std::borrow::Cow;
use std::hash::BuildHasher;

/// Names that are remembered of one sort; of two with one place, the later one.
const PLACES: usize = 256;
/// Longest name that is remembered, in bytes.
const MAX_NAME: usize = 256;

/// Names of one sort.
#[derive(Debug, Default)]
pub(super) struct Memo {
    places: Vec<(String, TextId)>,
}

impl Memo {
    /// Returns the number of what `make` makes of a name, which must be the same for every call.
    pub(super) fn intern<'n>(
        &mut self,
        name: &'n str,
        texts: &mut Texts,
        make: impl FnOnce(&'n str) -> Cow<'n, str>,
    ) -> TextId {
        if name.is_empty() || name.len() > MAX_NAME {
            return texts.intern(&make(name));
        }
        if self.places.is_empty() {
            self.places.resize_with(PLACES, Default::default);
        }
        let place = FxBuildHasher.hash_one(name) as usize % PLACES;
        let (known, id) = &mut self.places[place];
        if known != name {
            *id = texts.intern(&make(name));
            known.clear();
            known.push_str(name);
        }
        *id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_would_be_made() {
        let (mut memo, mut texts) = (Memo::default(), Texts::default());
        // More names than there are places, some of which come twice in a row.
        for name in (0..3 * PLACES).flat_map(|n| [n, n, n / 2]).map(|n| format!("name {n}")) {
            let id = memo.intern(&name, &mut texts, |name| Cow::Owned(name.to_uppercase()));
            assert_eq!(texts.get(id), name.to_uppercase());
        }
        for name in ["", &"n".repeat(MAX_NAME + 1)] {
            let id = memo.intern(name, &mut texts, Cow::Borrowed);
            assert_eq!(texts.get(id), name);
        }
    }
}
