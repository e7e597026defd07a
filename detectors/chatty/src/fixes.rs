//! Fixes by framework and language.

use tracewatt_sdk::Fix;

/// Returns the fixes known for requests that make very many calls.
pub fn fixes() -> &'static [Fix] {
    &[]
}
