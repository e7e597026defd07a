//! The pure core of tracewatt.
pub mod normalize;
