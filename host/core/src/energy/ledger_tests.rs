use super::ledger::{Ledger, LedgerOptions, Operation, Share};
use super::reading::{Domain, Part, Quantity, Reading, Subject, SubjectKind};
use proptest::prelude::*;

const JOULE: u128 = 1_000_000_000;

fn reading(model: &str, end_ms: u64, joules: f64) -> Reading {
    Reading {
        source: model.to_owned(),
        model: model.to_owned(),
        subject: Subject { kind: SubjectKind::Service, name: "order".to_owned(), within: String::new() },
        quantity: Quantity::Energy,
        low: joules * 0.9,
        value: joules,
        high: joules * 1.1,
        measured_at_ms: end_ms,
        interval_ms: 1_000,
        domain: Domain::CpuDram,
        part: Part::Total,
        estimated: false,
        forecast: false,
    }
}

fn operation(name: &str, start_ms: u64, duration_ms: u64) -> Operation {
    Operation {
        service: "order".to_owned(),
        name: name.to_owned(),
        start_ns: start_ms * 1_000_000,
        duration_ns: duration_ms * 1_000_000,
        rows: 0,
        bytes: 0,
    }
}

fn slots(slot_ms: u64) -> LedgerOptions {
    LedgerOptions { from_ms: 10_000, to_ms: 20_000, slot_ms, ..LedgerOptions::default() }
}

fn only(ledger: &Ledger) -> &super::Account {
    assert_eq!(ledger.accounts.len(), 1, "{ledger:#?}");
    ledger.accounts.values().next().unwrap()
}

#[test]
fn energy_goes_to_operations_by_duration() {
    let operations = [operation("a", 10_100, 300), operation("b", 10_500, 100)];
    let ledger = Ledger::of(&[reading("kepler_ebpf", 11_000, 8.0)], &operations, &slots(1_000));
    let account = only(&ledger);
    assert_eq!(account.measured.mid, 8 * JOULE);
    assert_eq!(account.operations["a"].mid, 6 * JOULE);
    assert_eq!(account.operations["b"].mid, 2 * JOULE);
    assert_eq!(account.operations["a"].joules(), [5.4, 6.0, 6.6]);
    assert_eq!((account.idle, account.unattributed), (Share::default(), Share::default()));
    assert_eq!(account.uncovered_ms, 0);
}

#[test]
fn without_operations_it_is_unattributed() {
    let ledger = Ledger::of(&[reading("kepler_ebpf", 11_000, 8.0)], &[], &slots(0));
    let account = only(&ledger);
    assert_eq!((account.unattributed.mid, account.attributed.mid), (8 * JOULE, 0));
    assert_eq!(account.uncovered_ms, 9_000);
}

#[test]
fn rows_weigh_where_they_are_told_to() {
    let options = LedgerOptions { row_ns: 1_000_000, ..slots(0) };
    let operations = [Operation { rows: 200, ..operation("a", 10_100, 100) }, operation("b", 10_500, 100)];
    let ledger = Ledger::of(&[reading("kepler_ebpf", 11_000, 8.0)], &operations, &options);
    assert_eq!(only(&ledger).operations["a"].mid, 6 * JOULE);
}

#[test]
fn one_source_counts_and_the_other_contradicts_it() {
    let readings = [reading("cloud_specpower", 11_000, 20.0), reading("scaphandre_rapl", 11_000, 8.0)];
    let ledger = Ledger::of(&readings, &[], &slots(0));
    assert_eq!(only(&ledger).measured.mid, 8 * JOULE);
    let [disagreement] = ledger.disagreements.as_slice() else { panic!("{:?}", ledger.disagreements) };
    assert_eq!(
        (disagreement.source.as_str(), disagreement.other.as_str()),
        ("scaphandre_rapl", "cloud_specpower")
    );
    assert_eq!(disagreement.over_ms, 1_000);
    let options = LedgerOptions { precedence: vec!["cloud_specpower".to_owned()], ..slots(0) };
    assert_eq!(only(&Ledger::of(&readings, &[], &options)).measured.mid, 20 * JOULE);
    let near = [reading("cloud_specpower", 11_000, 8.5), reading("scaphandre_rapl", 11_000, 8.0)];
    assert_eq!(Ledger::of(&near, &[], &slots(0)).disagreements, []);
}

#[test]
fn the_next_source_fills_a_gap() {
    let readings = [reading("cloud_specpower", 12_000, 20.0), reading("scaphandre_rapl", 11_000, 8.0)];
    let ledger = Ledger::of(&readings, &[], &slots(0));
    assert_eq!(only(&ledger).measured.mid, 28 * JOULE);
    assert_eq!(only(&ledger).sources.len(), 2);
}

#[test]
fn domains_that_contain_each_other_count_once() {
    let domains = |domains: &[Domain]| {
        let readings: Vec<_> = domains
            .iter()
            .map(|domain| Reading { domain: *domain, ..reading("kepler_ebpf", 11_000, 8.0) })
            .collect();
        only(&Ledger::of(&readings, &[], &slots(0))).measured.mid / JOULE
    };
    assert_eq!(domains(&[Domain::Cpu, Domain::Dram, Domain::Gpu]), 24);
    assert_eq!(domains(&[Domain::Cpu, Domain::CpuDram, Domain::Dram]), 8);
    assert_eq!(domains(&[Domain::Cpu, Domain::Gpu, Domain::Wall, Domain::Platform, Domain::Unknown]), 8);
}

#[test]
fn idle_is_what_is_not_active() {
    let active = Reading { part: Part::Active, ..reading("kepler_ebpf", 11_000, 3.0) };
    let ledger =
        Ledger::of(&[reading("kepler_ebpf", 11_000, 8.0), active], &[operation("a", 10_100, 1)], &slots(0));
    let account = only(&ledger);
    assert_eq!(
        (account.measured.mid, account.idle.mid, account.attributed.mid),
        (8 * JOULE, 5 * JOULE, 3 * JOULE)
    );
}

#[test]
fn power_at_a_moment_holds_three_times_as_long_as_expected() {
    let power = |at| Reading { quantity: Quantity::Power, interval_ms: 0, ..reading("kepler_ebpf", at, 2.0) };
    let options = LedgerOptions { poll_ms: 1_000, ..slots(0) };
    let ledger = Ledger::of(&[power(10_000), power(11_000)], &[], &options);
    assert_eq!(only(&ledger).measured.mid, 8 * JOULE, "one second, then three");
    assert_eq!((ledger.left.stale, only(&ledger).uncovered_ms), (1, 6_000));
}

#[test]
fn what_does_not_count_is_counted() {
    let good = reading("kepler_ebpf", 11_000, 8.0);
    let readings = [
        good.clone(),
        good.clone(),
        Reading { forecast: true, ..good.clone() },
        Reading { measured_at_ms: 9_000, ..good.clone() },
        Reading { value: f64::NAN, ..good.clone() },
        Reading { quantity: Quantity::Intensity, ..good },
    ];
    let ledger = Ledger::of(&readings, &[], &slots(0));
    let left = ledger.left;
    assert_eq!((left.repeated, left.forecast, left.outside, left.wrong, left.other_subject), (1, 1, 1, 1, 1));
    assert_eq!(only(&ledger).measured.mid, 8 * JOULE);
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let model = prop::sample::select(vec!["scaphandre_rapl", "kepler_ebpf", "home_made"]);
    let domain =
        prop::sample::select(vec![Domain::Cpu, Domain::CpuDram, Domain::Gpu, Domain::Wall, Domain::Unknown]);
    let part = prop::sample::select(vec![Part::Total, Part::Active, Part::Idle]);
    (model, domain, part, 9_000_u64..22_000, 1_u64..3_000, 0.0..500.0_f64, any::<bool>()).prop_map(
        |(model, domain, part, end, interval_ms, joules, moment)| {
            let quantity = if moment { Quantity::Power } else { Quantity::Energy };
            let interval_ms = if moment { 0 } else { interval_ms };
            Reading { domain, part, quantity, interval_ms, ..reading(model, end, joules) }
        },
    )
}

fn any_operation() -> impl Strategy<Value = Operation> {
    ("[a-d]", 9_000_u64..21_000, 0_u64..4_000)
        .prop_map(|(name, start, duration)| operation(&name, start, duration))
}

proptest! {
    #[test]
    fn nothing_is_made_and_nothing_is_lost(
        readings in prop::collection::vec(any_reading(), 0..30),
        operations in prop::collection::vec(any_operation(), 0..20),
        slot_ms in prop::sample::select(vec![0_u64, 700, 1_000, 5_000]),
    ) {
        let ledger = Ledger::of(&readings, &operations, &slots(slot_ms));
        for account in ledger.accounts.values() {
            prop_assert_eq!(account.measured.mid, account.attributed.mid + account.idle.mid + account.unattributed.mid);
            for (whole, share) in [
                (account.attributed.low, account.operations.values().map(|share| share.low).sum::<u128>()),
                (account.attributed.mid, account.operations.values().map(|share| share.mid).sum()),
                (account.attributed.high, account.operations.values().map(|share| share.high).sum()),
                (account.measured.mid, account.sources.values().map(|share| share.energy.mid).sum()),
            ] {
                prop_assert_eq!(whole, share);
            }
            for share in [account.measured, account.attributed, account.idle, account.unattributed] {
                prop_assert!(share.low <= share.mid && share.mid <= share.high, "{:?}", share);
            }
        }
    }

    #[test]
    fn the_order_does_not_matter(
        readings in prop::collection::vec(any_reading(), 0..30),
        operations in prop::collection::vec(any_operation(), 0..20),
        turn in 0_usize..30,
    ) {
        let ledger = Ledger::of(&readings, &operations, &slots(1_000));
        let (mut readings, mut operations) = (readings, operations);
        readings.reverse();
        let turn = turn.min(readings.len());
        readings.rotate_left(turn);
        operations.reverse();
        prop_assert_eq!(ledger, Ledger::of(&readings, &operations, &slots(1_000)));
    }

    #[test]
    fn more_power_is_never_less_energy(readings in prop::collection::vec(any_reading(), 1..20), more in 1.0..3.0_f64) {
        let sum = |readings: &[Reading]| {
            Ledger::of(readings, &[], &slots(0)).accounts.values().map(|account| account.measured.mid).sum::<u128>()
        };
        let higher: Vec<_> = readings
            .iter()
            .map(|one| Reading { low: one.low * more, value: one.value * more, high: one.high * more, ..one.clone() })
            .collect();
        prop_assert!(sum(&higher) >= sum(&readings));
    }
}
