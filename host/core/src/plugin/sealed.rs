//! A compiled form on its way through a file or a pipe: with what it was made of, and a checksum.
//!
//! | bytes | hold |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 8 | [`compatibility`] of the engine, little endian |
//! | 32 | SHA-256 of the component |
//! | 32 | SHA-256 of everything else here |
//! | rest | the compiled form |
//!
//! The checksum tells damage, not malice: whoever can write the bytes can write a checksum that fits. Where they come
//! from must be a place that nobody else can write to.

use super::engine::compatibility;
use sha2::{Digest, Sha256};
use wasmtime::Engine;

/// Changes with this format.
const MAGIC: &[u8; 8] = b"tracewC1";
/// Bytes before the checksum, and before the compiled form.
const NAMED: usize = 8 + 8 + 32;
const HEADER: usize = NAMED + 32;

/// Returns the compiled form of a component with what it was made of.
pub fn seal(engine: &Engine, component: &[u8], compiled: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEADER + compiled.len());
    sealed.extend_from_slice(&named(engine, component));
    let checksum = checksum(&sealed, compiled);
    sealed.extend_from_slice(&checksum);
    sealed.extend_from_slice(compiled);
    sealed
}

/// Returns the compiled form in `sealed`; nothing unless it is whole, of this very component, for such an engine.
pub fn unseal<'a>(engine: &Engine, component: &[u8], sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (header, compiled) = sealed.split_at_checked(HEADER)?;
    let (found, found_checksum) = header.split_at(NAMED);
    let fits = found == named(engine, component) && found_checksum == checksum(found, compiled);
    fits.then_some(compiled)
}

fn named(engine: &Engine, component: &[u8]) -> [u8; NAMED] {
    let mut named = [0; NAMED];
    named[..8].copy_from_slice(MAGIC);
    named[8..16].copy_from_slice(&compatibility(engine).to_le_bytes());
    named[16..].copy_from_slice(&Sha256::digest(component));
    named
}

fn checksum(named: &[u8], compiled: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(named).chain_update(compiled).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::engine;

    /// Guarantees: what was sealed comes back; with any byte changed, cut, added, or for another component, it does
    /// not.
    #[test]
    fn only_what_was_sealed_comes_back() {
        let engine = engine().unwrap();
        let (component, compiled) = (b"component", b"compiled form");
        let sealed = seal(&engine, component, compiled);
        let open = |component: &[u8], sealed: &[u8]| unseal(&engine, component, sealed).map(<[u8]>::to_vec);
        assert_eq!(open(component, &sealed), Some(compiled.to_vec()));
        assert_eq!(open(b"another", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(component, &changed), None, "byte {at}");
            assert_eq!(open(component, &sealed[..at]), None, "cut at {at}");
        }
        let longer = [&sealed[..], b"!"].concat();
        assert_eq!(open(component, &longer), None);
        assert_eq!(open(component, &seal(&engine, component, b"")), Some(Vec::new()));
    }
}
