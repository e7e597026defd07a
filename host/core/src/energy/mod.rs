//! Pricing I/O in energy and carbon.
//!
//! [`EnergySource`] says what one round trip took (the stock [`Proxy`] estimates it, backends measure
//! it, see [`Reading`]), [`Grid`] says how dirty the electricity of a region is, and [`Scorer`] adds both up over
//! sealed traces into what the report shows. Sums are kept in fixed point (see `tally`): totals
//! equal the sum of their parts and do not depend on the order of the input.

mod grid;
mod iis;
mod ledger;
#[cfg(test)]
mod ledger_tests;
mod options;
mod place;
mod price;
mod reading;
mod score;
mod source;
mod summary;
mod tally;
#[cfg(test)]
mod tests;

pub use grid::{Grid, GridPoint};
pub use iis::{iis_band, waste_band, waste_ratio};
pub use ledger::{
    Account, Disagreement, Ledger, LedgerOptions, Left, Operation, PRECEDENCE, Share, Slot, SourceShare,
};
pub use options::GreenOptions;
pub use place::is_region_id;
pub use price::Price;
pub use reading::{Domain, Part, Quantity, Reading, Subject, SubjectKind};
pub use score::{GreenScore, Scorer};
pub use source::{EnergySource, Op, PROXY_MODEL, Proxy};
pub use tally::Tally;
