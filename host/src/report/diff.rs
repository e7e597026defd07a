//! Rendering of a comparison of two reports.
