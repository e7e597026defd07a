//! Numbers that look random and are the same everywhere.

/// A linear congruential generator with the constants of Knuth's MMIX; the high bits are good enough here.
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ self.0 >> 33
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 20) % limit
    }
}
