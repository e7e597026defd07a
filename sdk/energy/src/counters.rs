//! Counters over calls: what was added since the last one.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Counters kept; further ones are not followed.
const MAX_COUNTERS: usize = 50_000;
/// A counter that was not seen for so long is forgotten, milliseconds.
const FORGET_AFTER_MS: u64 = 24 * 3600 * 1000;
/// Version of the snapshot.
const VERSION: u64 = 1;

/// What a counter did since it was last seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// It was not seen before, or not lately: nothing can be said.
    First,
    /// It grew by `amount` in `interval_ms` milliseconds; where it started over, that is what it counted since.
    Grew {
        /// In the unit of the counter.
        amount: f64,
        /// At least 1.
        interval_ms: u64,
    },
    /// It went back a little, which neither growth nor a new start explains.
    Backwards,
    /// No time went by, or time went backwards.
    NoTime,
}

/// Counters by a hash of their names: names hold every label of a series, and the state must stay small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters(BTreeMap<u64, (f64, u64)>);

/// FNV-1a, which is the same in every version and on every machine.
fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Counters {
    /// Notes the value of a counter at a time, milliseconds since the epoch, and returns what it did. The value must be
    /// finite.
    pub fn step(&mut self, name: &str, value: f64, at_ms: u64) -> Step {
        let full = self.0.len() >= MAX_COUNTERS;
        let name = hash(name);
        let Some(last) = self.0.get_mut(&name) else {
            if !full {
                self.0.insert(name, (value, at_ms));
            }
            return Step::First;
        };
        let (before, then_ms) = *last;
        *last = (value, at_ms);
        match at_ms.checked_sub(then_ms) {
            None | Some(0) => {
                if at_ms == then_ms {
                    *last = (before, then_ms);
                }
                Step::NoTime
            }
            Some(interval_ms) if interval_ms > FORGET_AFTER_MS => Step::First,
            Some(interval_ms) if value >= before => Step::Grew { amount: value - before, interval_ms },
            // Whoever counts started over: what it says now was counted since.
            Some(interval_ms) if value < before / 2.0 => Step::Grew { amount: value, interval_ms },
            Some(_) => Step::Backwards,
        }
    }

    /// Forgets counters that were last seen long before `now_ms`.
    pub fn forget(&mut self, now_ms: u64) {
        self.0.retain(|_, (_, at_ms)| at_ms.saturating_add(FORGET_AFTER_MS) >= now_ms);
    }

    /// Returns the counters as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let counters: Vec<Value> =
            self.0.iter().map(|(name, (value, at_ms))| json!([name, value, at_ms])).collect();
        json!({ "version": VERSION, "counters": counters }).to_string().into_bytes()
    }

    /// Reads what [`Counters::snapshot`] wrote.
    ///
    /// # Errors
    /// When it is something else, or of another version.
    pub fn restored(state: &[u8]) -> Result<Counters, String> {
        let value: Value =
            serde_json::from_slice(state).map_err(|error| format!("the state is no JSON: {error}"))?;
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            found => return Err(format!("the state has version {found:?}, this backend reads {VERSION}")),
        }
        let counters = value.get("counters").and_then(Value::as_array).ok_or("the state has no counters")?;
        let one = |counter: &Value| {
            let value = counter.get(1)?.as_f64().filter(|value| value.is_finite())?;
            Some((counter.get(0)?.as_u64()?, (value, counter.get(2)?.as_u64()?)))
        };
        let read: Option<BTreeMap<_, _>> = counters.iter().take(MAX_COUNTERS).map(one).collect();
        Ok(Counters(read.ok_or("the state holds something that is no counter")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_grows_starts_over_or_makes_no_sense() {
        let mut counters = Counters::default();
        let mut check =
            |value, at_ms, expect| assert_eq!(counters.step("a", value, at_ms), expect, "{value} at {at_ms}");
        let grew = |amount, interval_ms| Step::Grew { amount, interval_ms };
        check(100.0, 1000, Step::First);
        check(110.0, 3000, grew(10.0, 2000));
        check(111.0, 3000, Step::NoTime);
        check(112.0, 4000, grew(2.0, 1000));
        check(3.0, 5000, grew(3.0, 1000));
        check(2.9, 6000, Step::Backwards);
        check(4.0, 5000, Step::NoTime);
        check(5.0, 7000, grew(1.0, 2000));
        check(6.0, 7001 + FORGET_AFTER_MS, Step::First);
        check(7.0, 7002 + FORGET_AFTER_MS, grew(1.0, 1));
    }

    #[test]
    fn counters_survive() {
        let mut counters = Counters::default();
        counters.step("a\"\n", 0.1, 5);
        assert_eq!(Counters::restored(&counters.snapshot()), Ok(counters.clone()));
        counters.forget(6 + FORGET_AFTER_MS);
        assert_eq!(counters, Counters::default());
        for wrong in [
            "",
            "{}",
            r#"{"version":2,"counters":[]}"#,
            r#"{"version":1}"#,
            r#"{"version":1,"counters":[["a"]]}"#,
        ] {
            assert!(Counters::restored(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
