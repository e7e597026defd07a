//! Resources of services: few of them stand in the input again and again, to the byte, and need not be read again.

use std::rc::Rc;
use tracewatt_core::semconv::AttrSet;

/// Resources that are remembered, and the longest one.
const MOST: usize = 32;
const MAX_BYTES: usize = 16 * 1024;

/// Resources as they stand in the input, and what was read there.
#[derive(Default)]
pub(super) struct Resources {
    known: Vec<Known>,
    /// Where the next one is looked for first: services come in the same order more often than not.
    next: usize,
    /// Which one makes room.
    oldest: usize,
}

struct Known {
    bytes: Box<[u8]>,
    /// Levels of nesting around it: limits are counted from the outside.
    depth: u32,
    attributes: Rc<AttrSet<'static>>,
}

impl Resources {
    /// Returns the resource that `is` recognizes by its bytes, and how many they are.
    pub fn find(&mut self, depth: u32, is: impl Fn(&[u8]) -> bool) -> Option<(usize, Rc<AttrSet<'static>>)> {
        let (count, start) = (self.known.len(), self.next);
        let found = (start..count).chain(0..start.min(count)).find(|at| {
            let known = &self.known[*at];
            known.depth == depth && is(&known.bytes)
        })?;
        self.next = found + 1;
        let known = &self.known[found];
        Some((known.bytes.len(), known.attributes.clone()))
    }

    /// Remembers a resource of which nothing was left out.
    pub fn keep(&mut self, depth: u32, bytes: &[u8], attributes: &Rc<AttrSet<'static>>) {
        if bytes.len() > MAX_BYTES {
            return;
        }
        let known = Known { bytes: bytes.into(), depth, attributes: attributes.clone() };
        if self.known.len() < MOST {
            self.known.push(known);
        } else {
            self.known[self.oldest] = known;
            self.oldest = (self.oldest + 1) % MOST;
        }
    }
}
