//! Where the energy of a round trip comes from: the seam for backends that measure, and the proxy
//! that estimates when nothing was measured.

use crate::trace::{IoKind, Verb};
use crate::units::{Joules, KilowattHours, Spread};

/// Model tag of the proxy.
pub const PROXY_MODEL: &str = "io_proxy_v1";

/// Energy of one operation before multipliers: 1e-7 kWh, that is 0.36 J or 100 µWh. The constant of
/// the reference system, kept so that figures compare; its true value varies by an order of magnitude.
pub(super) const ENERGY_PER_OPERATION: KilowattHours = KilowattHours::new(1e-7);

/// The proxy's bounds lie this factor below and above its estimate.
const PROXY_SPREAD: f64 = 2.0;

/// Response bodies up to 10 KiB (exclusive) are small, up to 1 MiB (inclusive) medium, then large.
const SMALL_BODY_BYTES: u64 = 10 * 1024;
const LARGE_BODY_BYTES: u64 = 1024 * 1024;

/// One counting round trip, as far as its price depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Op<'a> {
    /// Calling service.
    pub service: &'a str,
    /// Kind of I/O.
    pub kind: IoKind,
    /// Read or write.
    pub verb: Verb,
    /// Size of the response body.
    pub response_bytes: Option<u64>,
    /// Start, nanoseconds since the epoch.
    pub start_ns: u64,
    /// Duration in nanoseconds.
    pub duration_ns: u64,
}

/// Something that knows the energy of round trips. Sources are asked in order; the first answer counts.
pub trait EnergySource: Sync {
    /// Returns the tag of the model, as reports name it: `io_proxy_v1`.
    fn model(&self) -> &str;

    /// Returns the energy of the computers for one round trip, without the data centre's overhead, or
    /// `None` to leave it to the next source. Must be a function of the operation alone: it is asked
    /// several times, in any order.
    fn energy(&self, op: &Op<'_>) -> Option<Spread<Joules>>;
}

/// The estimate of last resort: a constant per operation, times a factor for what the operation does.
#[derive(Clone, Copy, Debug)]
pub struct Proxy {
    /// Whether verb and size matter; without it every operation takes 0.36 J.
    pub per_operation_coefficients: bool,
}

impl EnergySource for Proxy {
    fn model(&self) -> &str {
        PROXY_MODEL
    }

    fn energy(&self, op: &Op<'_>) -> Option<Spread<Joules>> {
        Some(self.estimate(op))
    }
}

impl Proxy {
    /// Returns the estimate, which there always is: half and double are its bounds.
    pub fn estimate(&self, op: &Op<'_>) -> Spread<Joules> {
        let factor = if self.per_operation_coefficients { coefficient(op) } else { 1.0 };
        Spread::around(ENERGY_PER_OPERATION.to_joules() * factor, PROXY_SPREAD)
    }
}

/// Returns what an operation takes relative to the average one: statements by verb, HTTP by the size
/// of the response, everything else 1.
fn coefficient(op: &Op<'_>) -> f64 {
    match op.kind {
        IoKind::Sql => match op.verb {
            Verb::Read => 0.5,
            Verb::Insert | Verb::Update => 1.5,
            Verb::Delete => 1.2,
            Verb::Other => 1.0,
        },
        IoKind::Http => match op.response_bytes {
            None => 1.0,
            Some(bytes) if bytes < SMALL_BODY_BYTES => 0.8,
            Some(bytes) if bytes <= LARGE_BODY_BYTES => 1.2,
            Some(_) => 2.0,
        },
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(kind: IoKind, verb: Verb, response_bytes: Option<u64>) -> Op<'static> {
        Op { service: "shop", kind, verb, response_bytes, start_ns: 0, duration_ns: 0 }
    }

    fn check(op: Op<'_>, expect_joules: f64) {
        let joules = |on| Proxy { per_operation_coefficients: on }.estimate(&op).mid.get();
        assert!((joules(true) - expect_joules).abs() < 1e-12, "{op:?}: {}", joules(true));
        assert!((joules(false) - 0.36).abs() < 1e-12, "{op:?} without coefficients");
    }

    #[test]
    fn statements_are_priced_by_verb() {
        check(op(IoKind::Sql, Verb::Read, None), 0.18); // 0.36 J x 0.5
        check(op(IoKind::Sql, Verb::Insert, None), 0.54); // x 1.5
        check(op(IoKind::Sql, Verb::Update, None), 0.54);
        check(op(IoKind::Sql, Verb::Delete, None), 0.432); // x 1.2
        check(op(IoKind::Sql, Verb::Other, None), 0.36);
    }

    #[test]
    fn requests_are_priced_by_size() {
        check(op(IoKind::Http, Verb::Read, None), 0.36);
        check(op(IoKind::Http, Verb::Read, Some(0)), 0.288); // x 0.8
        check(op(IoKind::Http, Verb::Read, Some(10_239)), 0.288);
        check(op(IoKind::Http, Verb::Read, Some(10_240)), 0.432); // x 1.2
        check(op(IoKind::Http, Verb::Read, Some(1_048_576)), 0.432);
        check(op(IoKind::Http, Verb::Read, Some(1_048_577)), 0.72); // x 2
    }

    #[test]
    fn other_kinds_take_the_constant() {
        for kind in IoKind::ALL.into_iter().filter(|kind| !matches!(kind, IoKind::Sql | IoKind::Http)) {
            check(op(kind, Verb::Read, Some(1)), 0.36);
        }
    }

    #[test]
    fn the_bounds_are_half_and_double() {
        let proxy = Proxy { per_operation_coefficients: true };
        let energy = proxy.estimate(&op(IoKind::Cache, Verb::Read, None));
        assert_eq!(energy.low * 2.0, energy.mid);
        assert_eq!(energy.mid * 2.0, energy.high);
        assert_eq!(proxy.model(), "io_proxy_v1");
    }
}
