//! Who used the energy that was measured. [`Ledger::of`] takes readings of several sources about services and the
//! operations of traces, and says for each service and slot of time: measured = attributed to operations + idle +
//! unattributed.
//!
//! At any moment one source counts for a service, the first in precedence that has a reading then; the others are only
//! compared with it. Of one source, replicas (`within`) add, domains that contain each other do not.
//! Sums are whole nanojoules: the parts add up to the whole exactly, and the order of the input does not matter.

use super::reading::{Domain, Part, Quantity, Reading, SubjectKind};
use std::collections::{BTreeMap, BTreeSet};

/// Models of measured energy, the most trusted first.
pub const PRECEDENCE: [&str; 5] =
    ["alumet_rapl", "scaphandre_rapl", "kepler_ebpf", "redfish_bmc", "cloud_specpower"];

/// How readings become accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerOptions {
    /// Begin of the time that is looked at, milliseconds since the epoch.
    pub from_ms: u64,
    /// Its end, not included.
    pub to_ms: u64,
    /// Length of a slot, milliseconds; 0 is one slot for all.
    pub slot_ms: u64,
    /// Models, the most trusted first. Others come after them, by name.
    pub precedence: Vec<String>,
    /// How often power at a moment is expected, milliseconds. Such a reading holds until the next one, and at most three
    /// times this long: after that it is stale.
    pub poll_ms: u64,
    /// What a row weighs, as nanoseconds of duration.
    pub row_ns: u64,
    /// What a byte weighs, as nanoseconds of duration.
    pub byte_ns: u64,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        LedgerOptions {
            from_ms: 0,
            to_ms: u64::MAX,
            slot_ms: 0,
            precedence: PRECEDENCE.map(str::to_owned).to_vec(),
            poll_ms: 5_000,
            row_ns: 0,
            byte_ns: 0,
        }
    }
}

/// Something a service did that energy is attributed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Service that did it.
    pub service: String,
    /// What shares are added up by: an endpoint, a finding, a span.
    pub name: String,
    /// Begin, nanoseconds since the epoch.
    pub start_ns: u64,
    /// Duration, nanoseconds.
    pub duration_ns: u64,
    /// Rows returned or changed; 0 where unknown.
    pub rows: u64,
    /// Bytes moved; 0 where unknown.
    pub bytes: u64,
}

/// Energy, nanojoules: low, middle, high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Lower bound.
    pub low: u128,
    /// The value.
    pub mid: u128,
    /// Upper bound.
    pub high: u128,
}

impl Share {
    fn add(&mut self, other: Share) {
        self.low = self.low.saturating_add(other.low);
        self.mid = self.mid.saturating_add(other.mid);
        self.high = self.high.saturating_add(other.high);
    }

    fn plus(mut self, other: Share) -> Share {
        self.add(other);
        self
    }

    /// What is left without a part, of which there is never more than of the whole. Bounds are the widest possible.
    fn minus(self, part: Share) -> Share {
        Share {
            low: self.low.saturating_sub(part.high),
            mid: self.mid.saturating_sub(part.mid),
            high: self.high.saturating_sub(part.low),
        }
    }

    fn at_most(self, whole: Share) -> Share {
        Share { low: self.low.min(whole.low), mid: self.mid.min(whole.mid), high: self.high.min(whole.high) }
    }

    fn each(self, change: impl Fn(u128) -> u128) -> Share {
        Share { low: change(self.low), mid: change(self.mid), high: change(self.high) }
    }

    /// Returns low, middle and high in joules.
    pub fn joules(self) -> [f64; 3] {
        [self.low, self.mid, self.high].map(|nanojoules| nanojoules as f64 / 1e9)
    }
}

/// What one source gave to an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceShare {
    /// Energy.
    pub energy: Share,
    /// Time in which the source counted, milliseconds.
    pub covered_ms: u64,
    /// Whether any of it is the source's estimate.
    pub estimated: bool,
}

/// Energy of one service in one slot. `measured.mid` is exactly `attributed.mid + idle.mid + unattributed.mid`; the
/// bounds of each part hold for that part alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// All of it.
    pub measured: Share,
    /// Of operations.
    pub attributed: Share,
    /// What would have been used without work, as far as the source tells it.
    pub idle: Share,
    /// Used while no operation of the service is known.
    pub unattributed: Share,
    /// By operation name; adds up to `attributed` in each bound.
    pub operations: BTreeMap<String, Share>,
    /// By source and model; adds up to `measured`.
    pub sources: BTreeMap<(String, String), SourceShare>,
    /// Time of the slot without any reading, milliseconds.
    pub uncovered_ms: u64,
}

/// Service and begin of the slot, milliseconds since the epoch.
pub type Slot = (String, u64);

/// Readings that do not count, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Refused by [`Reading::check`].
    pub wrong: u64,
    /// Not about a service, or not about energy.
    pub other_subject: u64,
    /// About the future.
    pub forecast: u64,
    /// Wholly outside the time looked at.
    pub outside: u64,
    /// Wholly in time that an earlier reading of the same thing covers.
    pub repeated: u64,
    /// Power at a moment with nothing after it in three times the expected time; it counts until then.
    pub stale: u64,
}

/// Two sources that measured the same and whose bounds do not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Service.
    pub service: String,
    /// Source that counts.
    pub source: String,
    /// Source that does not.
    pub other: String,
    /// Energy of both, in the time both have readings for.
    pub energy: [Share; 2],
    /// That time, milliseconds.
    pub over_ms: u64,
}

/// Accounts of all services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By service and slot; a service without readings has none.
    pub accounts: BTreeMap<Slot, Account>,
    /// Where sources contradict each other, by service and sources.
    pub disagreements: Vec<Disagreement>,
    /// What did not count.
    pub left: Left,
}

/// What one source says about one replica, domain and part: the key in the order of trust.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stream {
    rank: usize,
    model: String,
    source: String,
    within: String,
    domain: Domain,
    part: Part,
}

/// Power over a time.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: u64,
    to: u64,
    watts: [f64; 3],
    estimated: bool,
}

type Streams = BTreeMap<Stream, Vec<Segment>>;

/// Place in the order of trust: rank, model, source.
type Trust<'a> = (usize, &'a str, &'a str);

/// A stream and what it says at the moment.
type Live<'a> = (&'a Stream, Segment);

impl Ledger {
    /// Keeps the books. Their size is that of the readings and operations, and of the slots with readings.
    pub fn of(readings: &[Reading], operations: &[Operation], options: &LedgerOptions) -> Ledger {
        let mut ledger = Ledger::default();
        for (service, streams) in ledger.streams(readings, options) {
            ledger.account(&service, &streams, options);
        }
        let mut weights: BTreeMap<Slot, BTreeMap<&str, u128>> = BTreeMap::new();
        for operation in operations {
            for (slot, weight) in weigh(operation, options, &ledger.accounts) {
                let sum = weights.entry(slot).or_default().entry(&operation.name).or_default();
                *sum = sum.saturating_add(weight);
            }
        }
        for (slot, account) in &mut ledger.accounts {
            let work = account.measured.minus(account.idle);
            match weights.get(slot) {
                Some(weights) => {
                    account.attributed = work;
                    account.operations = split(work, weights);
                }
                None => account.unattributed = work,
            }
        }
        ledger
    }

    /// Sorts readings into streams of segments that do not overlap.
    fn streams(&mut self, readings: &[Reading], options: &LedgerOptions) -> BTreeMap<String, Streams> {
        let mut services: BTreeMap<String, Streams> = BTreeMap::new();
        for reading in readings {
            let Some(segment) = self.segment(reading, options) else { continue };
            let rank = options.precedence.iter().position(|model| *model == reading.model);
            let stream = Stream {
                rank: rank.unwrap_or(options.precedence.len()),
                model: reading.model.clone(),
                source: reading.source.clone(),
                within: reading.subject.within.clone(),
                domain: reading.domain,
                part: reading.part,
            };
            services
                .entry(reading.subject.name.clone())
                .or_default()
                .entry(stream)
                .or_default()
                .push(segment);
        }
        for segments in services.values_mut().flat_map(BTreeMap::values_mut) {
            self.untangle(segments, options);
        }
        services
    }

    fn segment(&mut self, reading: &Reading, options: &LedgerOptions) -> Option<Segment> {
        let figures = [reading.low, reading.value, reading.high];
        let to = reading.measured_at_ms;
        let watts = match reading.quantity {
            Quantity::Power => figures,
            _ => figures.map(|joules| joules * 1000.0 / reading.interval_ms.max(1) as f64),
        };
        // A moment has no end yet: the next reading sets it.
        let from = to.saturating_sub(reading.interval_ms);
        let reach = if from == to { to.saturating_add(options.poll_ms.saturating_mul(3)) } else { to };
        let count = if reading.check().is_err() {
            &mut self.left.wrong
        } else if reading.subject.kind != SubjectKind::Service
            || !matches!(reading.quantity, Quantity::Energy | Quantity::Power)
        {
            &mut self.left.other_subject
        } else if reading.forecast {
            &mut self.left.forecast
        } else if reach <= options.from_ms || from >= options.to_ms {
            &mut self.left.outside
        } else {
            return Some(Segment { from, to, watts, estimated: reading.estimated });
        };
        *count += 1;
        None
    }

    fn untangle(&mut self, segments: &mut Vec<Segment>, options: &LedgerOptions) {
        segments.sort_by_key(|segment| {
            (segment.from, segment.to, segment.watts.map(f64::to_bits), segment.estimated)
        });
        let starts: Vec<u64> = segments.iter().map(|segment| segment.from).collect();
        let mut covered = 0;
        let mut index = 0;
        segments.retain_mut(|segment| {
            index += 1;
            if segment.from == segment.to {
                let limit = segment.from.saturating_add(options.poll_ms.saturating_mul(3));
                let next = starts.iter().skip(index).find(|start| **start > segment.from);
                self.left.stale += u64::from(next.is_none_or(|next| *next > limit) && limit < options.to_ms);
                segment.to = next.map_or(limit, |next| limit.min(*next));
            }
            segment.from = segment.from.max(covered);
            let kept = segment.from < segment.to;
            self.left.repeated += u64::from(!kept);
            covered = covered.max(segment.to);
            segment.from = segment.from.max(options.from_ms);
            segment.to = segment.to.min(options.to_ms);
            kept && segment.from < segment.to
        });
    }

    /// Goes through the time of one service, from each change of a stream to the next.
    fn account(&mut self, service: &str, streams: &Streams, options: &LedgerOptions) {
        let mut times: BTreeSet<u64> = BTreeSet::new();
        for segment in streams.values().flatten() {
            times.extend([segment.from, segment.to]);
            let mut slot = slot_of(segment.from, options);
            while let Some(next) =
                slot.checked_add(options.slot_ms).filter(|next| *next < segment.to && options.slot_ms > 0)
            {
                times.insert(next);
                slot = next;
            }
        }
        let mut cursors: Vec<_> =
            streams.iter().map(|(stream, segments)| (stream, segments.iter().peekable())).collect();
        let mut compared: BTreeMap<(&str, &str), ([Share; 2], u64)> = BTreeMap::new();
        for (from, to) in times.iter().zip(times.iter().skip(1)) {
            let mut live: BTreeMap<Trust<'_>, Vec<Live<'_>>> = BTreeMap::new();
            for (stream, segments) in &mut cursors {
                while segments.next_if(|segment| segment.to <= *from).is_some() {}
                if let Some(segment) = segments.peek().filter(|segment| segment.from <= *from) {
                    let source = (stream.rank, stream.model.as_str(), stream.source.as_str());
                    live.entry(source).or_default().push((stream, **segment));
                }
            }
            let mut live = live.into_iter();
            let Some(((_, model, source), parts)) = live.next() else { continue };
            let first = scope(&parts, to - from);
            let account = self.accounts.entry((service.to_owned(), slot_of(*from, options))).or_default();
            account.measured.add(first.measured);
            account.idle.add(first.idle);
            let share = account.sources.entry((source.to_owned(), model.to_owned())).or_default();
            share.energy.add(first.measured);
            share.covered_ms += to - from;
            share.estimated |= parts.iter().any(|(_, segment)| segment.estimated);
            for ((_, _, other), parts) in live {
                let second = scope(&parts, to - from);
                if second.covers == first.covers {
                    let (both, over_ms) = compared.entry((source, other)).or_default();
                    let [one, two] = both;
                    one.add(first.measured);
                    two.add(second.measured);
                    *over_ms += to - from;
                }
            }
        }
        for ((source, other), (energy, over_ms)) in compared {
            let [one, two] = energy;
            if one.low > two.high || two.low > one.high {
                let (service, source, other) = (service.to_owned(), source.to_owned(), other.to_owned());
                self.disagreements.push(Disagreement { service, source, other, energy, over_ms });
            }
        }
        let all = (service.to_owned(), 0)..=(service.to_owned(), u64::MAX);
        for ((_, start), account) in self.accounts.range_mut(all) {
            let end =
                if options.slot_ms == 0 { options.to_ms } else { start.saturating_add(options.slot_ms) };
            let length = end.min(options.to_ms).saturating_sub((*start).max(options.from_ms));
            let covered = account.sources.values().map(|share| share.covered_ms).sum();
            account.uncovered_ms = length.saturating_sub(covered);
        }
    }
}

fn slot_of(at_ms: u64, options: &LedgerOptions) -> u64 {
    let past = at_ms.saturating_sub(options.from_ms).checked_rem(options.slot_ms);
    past.map_or(options.from_ms, |past| at_ms - past)
}

/// What one source measured in a moment of time.
struct Scope {
    measured: Share,
    idle: Share,
    covers: Vec<(Domain, bool)>,
}

/// Adds up replicas, and of each the domains that do not contain each other.
fn scope(parts: &[Live<'_>], length_ms: u64) -> Scope {
    let mut replicas: BTreeMap<&str, BTreeMap<Domain, BTreeMap<Part, Share>>> = BTreeMap::new();
    for (stream, segment) in parts {
        let [low, mid, high] = segment.watts.map(|watts| (watts * length_ms as f64 * 1e6).round() as u128);
        let domains = replicas.entry(&stream.within).or_default();
        domains.entry(stream.domain).or_default().insert(stream.part, Share { low, mid, high });
    }
    let mut whole = Scope { measured: Share::default(), idle: Share::default(), covers: Vec::new() };
    for domains in replicas.values() {
        let has = |domain| domains.contains_key(&domain);
        for (domain, parts) in domains {
            let counts = match domain {
                Domain::Wall => true,
                Domain::Platform => !has(Domain::Wall),
                Domain::CpuDram | Domain::Gpu => !has(Domain::Wall) && !has(Domain::Platform),
                Domain::Cpu | Domain::Dram => {
                    !has(Domain::Wall) && !has(Domain::Platform) && !has(Domain::CpuDram)
                }
                Domain::Unknown => domains.len() == 1,
            };
            if !counts {
                continue;
            }
            let part = |part| parts.get(&part).copied();
            let (total, active, idle) = (part(Part::Total), part(Part::Active), part(Part::Idle));
            let measured = total.unwrap_or_else(|| active.unwrap_or_default().plus(idle.unwrap_or_default()));
            let idle = idle.or_else(|| Some(total?.minus(active?))).unwrap_or_default().at_most(measured);
            whole.measured.add(measured);
            whole.idle.add(idle);
            whole.covers.push((*domain, total.is_some() || parts.len() > 1));
        }
    }
    whole
}

/// Returns what an operation weighs in each slot it runs in.
fn weigh(
    operation: &Operation,
    options: &LedgerOptions,
    accounts: &BTreeMap<Slot, Account>,
) -> Vec<(Slot, u128)> {
    let [rows, bytes] = [(operation.rows, options.row_ns), (operation.bytes, options.byte_ns)]
        .map(|(count, each)| u128::from(count) * u128::from(each));
    let weight = (u128::from(operation.duration_ns) + rows + bytes).clamp(1, u128::from(u64::MAX));
    let start = operation.start_ns;
    let end = start.saturating_add(operation.duration_ns.max(1));
    let first = (operation.service.clone(), slot_of(start / 1_000_000, options));
    let last = (operation.service.clone(), end / 1_000_000);
    if first > last {
        return Vec::new();
    }
    let within = accounts.range(first..=last).map(|((service, from), _)| {
        let until = if options.slot_ms == 0 { options.to_ms } else { from.saturating_add(options.slot_ms) };
        let begin = from.saturating_mul(1_000_000).max(start);
        let until = until.min(options.to_ms).saturating_mul(1_000_000).min(end);
        let part = weight * u128::from(until.saturating_sub(begin)) / u128::from(end - start);
        ((service.clone(), *from), part)
    });
    within.filter(|(_, weight)| *weight > 0).collect()
}

/// Splits energy by weight; each bound adds up exactly.
fn split(work: Share, weights: &BTreeMap<&str, u128>) -> BTreeMap<String, Share> {
    let sum = weights.values().fold(0_u128, |sum, weight| sum.saturating_add(*weight));
    // Energy and weight are multiplied: 56 bits of weight leave 72 for energy, a terajoule in a slot.
    let shift = (128 - sum.leading_zeros()).saturating_sub(56);
    let mut before = 0_u128;
    let cut = |work: u128, at: u128| match at {
        at if at >= sum => work,
        at => work.saturating_mul(at >> shift) / (sum >> shift).max(1),
    };
    let shares = weights.iter().map(|(name, weight)| {
        let after = before.saturating_add(*weight);
        let share = work.each(|work| cut(work, after).saturating_sub(cut(work, before)));
        before = after;
        ((*name).to_owned(), share)
    });
    shares.collect()
}
