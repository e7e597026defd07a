//! Fixes by framework and language.

use tracewatt_sdk::Fix;

/// Returns the fixes known for reads that wait for each other.
pub fn fixes() -> &'static [Fix] {
    &[]
}
