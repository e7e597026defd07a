//! One trace as a tree.
