//! Fixes by framework and language.

use tracewatt_sdk::Fix;

/// Returns the fixes known for saturated pools.
pub fn fixes() -> &'static [Fix] {
    &[]
}
