//! What the traces hold of the I/O a finding type is about: groups of calls with one template, and what keeps some
//! of them from counting.

use super::Filter;
use crate::analysis::Traces;
use crate::report::quantity::{count, counted, nanos};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use tracewatt_core::trace::{IoKind, NO_ROW, SealedTrace, SpanFlags};

/// Groups shown.
const TOP: usize = 10;

/// Facts that may keep a call from counting, or from being told from another.
const FACTS: [(SpanFlags, &str); 5] = [
    (SpanFlags::TRANSACTION, "transaction control"),
    (SpanFlags::IN_TRANSACTION, "in a transaction"),
    (SpanFlags::RETRY, "retry"),
    (SpanFlags::GENERIC, "without text"),
    (SpanFlags::TRUNCATED, "cut"),
];

/// Service, endpoint, kind, template.
type Key<'a> = (&'a str, &'a str, &'static str, &'a str);

/// Calls of one service for one endpoint with one template.
#[derive(Default)]
struct Group {
    /// By request (trace and row of its entry): parameters, `None` where they are hidden.
    requests: BTreeMap<(usize, u32), Vec<Option<u64>>>,
    durations_ns: Vec<u64>,
    facts: BTreeMap<&'static str, u64>,
}

/// All that was seen.
pub(super) struct Seen<'a> {
    kind: Option<IoKind>,
    groups: Vec<(Key<'a>, Group)>,
    chatter: u64,
}

impl<'a> Seen<'a> {
    /// Gathers the I/O that a finding type is about: of the kind its name ends with, else all.
    pub(super) fn of(traces: &'a Traces, finding_type: &str, filter: &Filter) -> Seen<'a> {
        let named = |kind: &IoKind| finding_type.ends_with(&format!("_{}", kind.word()));
        let kind = IoKind::ALL.into_iter().find(named);
        let (mut groups, mut chatter) = (BTreeMap::<Key<'a>, Group>::new(), 0);
        for (index, trace) in traces.sealed.iter().enumerate() {
            for row in 0..trace.spans.len() {
                let text = |id| traces.intake.texts.get(id);
                let counting = counting_row(trace, row);
                let span = &trace.spans[counting];
                let (service, endpoint) = (text(span.service), text(trace.endpoints[counting]));
                if !filter.covers(service, endpoint) {
                    continue;
                }
                if span.flags.has(SpanFlags::CHATTER) {
                    chatter += 1;
                } else if span.kind.is_io() && kind.is_none_or(|kind| kind == span.kind) {
                    let key = (service, endpoint, span.kind.word(), text(span.template));
                    groups.entry(key).or_default().add(trace, index, row);
                }
            }
        }
        Seen { kind, groups: ranked(groups), chatter }
    }

    /// Returns the lines to print.
    pub(super) fn lines(&self) -> Vec<String> {
        let kind = self.kind.map(|kind| format!("{} ", kind.word())).unwrap_or_default();
        let calls: u64 = self.groups.iter().map(|(_, group)| group.durations_ns.len() as u64).sum();
        let groups = counted(self.groups.len() as u64, "group");
        let mut lines = vec![match self.groups.len() {
            0 => format!("what was seen: no {kind}call"),
            _ => format!("what was seen: {} in {groups}", counted(calls, &format!("{kind}call"))),
        }];
        for ((service, endpoint, _, template), group) in self.groups.iter().take(TOP) {
            lines.push(format!("  {service} {endpoint}: {template}"));
            lines.push(format!("      {}", group.summary()));
        }
        if self.groups.len() > TOP {
            lines.push(format!("  ... {} more", counted((self.groups.len() - TOP) as u64, "group")));
        }
        if self.chatter > 0 {
            lines.push(format!(
                "  not counted: {} (connect, pool, prepare, ping, TLS, DNS)",
                counted(self.chatter, "span")
            ));
        }
        lines
    }
}

/// The row that counts in place of this one.
fn counting_row(trace: &SealedTrace, row: usize) -> usize {
    match trace.merged_into[row] {
        NO_ROW => row,
        into => into as usize,
    }
}

/// Groups that stand out first: by calls in one request, or by the longest call.
fn ranked(groups: BTreeMap<Key<'_>, Group>) -> Vec<(Key<'_>, Group)> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    let mut rank = vec![usize::MAX; groups.len()];
    let figures: [fn(&Group) -> u64; 2] = [|group| group.worst().len() as u64, Group::longest_ns];
    for figure in figures {
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(figure(&groups[*at].1)));
        order.into_iter().enumerate().for_each(|(place, at)| rank[at] = rank[at].min(place));
    }
    let mut ranks = rank.into_iter();
    // Sorting is stable and calls its key once per element, in order: equal ranks stay in the order of names.
    groups.sort_by_cached_key(|_| ranks.next());
    groups
}

impl Group {
    fn add(&mut self, trace: &SealedTrace, index: usize, row: usize) {
        if trace.merged_into[row] != NO_ROW {
            *self.facts.entry("merged").or_default() += 1;
            return;
        }
        let span = &trace.spans[row];
        let parameters = (!span.flags.has(SpanFlags::PARAMS_HIDDEN)).then_some(span.params);
        self.requests.entry((index, trace.entries[row])).or_default().push(parameters);
        self.durations_ns.push(span.duration_ns);
        for (flag, word) in FACTS {
            if span.flags.has(flag) {
                *self.facts.entry(word).or_default() += 1;
            }
        }
        if span.batch_size > 1 {
            *self.facts.entry("batch").or_default() += 1;
        }
    }

    /// Parameters of the request with the most calls.
    fn worst(&self) -> &[Option<u64>] {
        let fewest_first = self.requests.values().rev();
        fewest_first.max_by_key(|calls| calls.len()).map_or(&[], Vec::as_slice)
    }

    fn longest_ns(&self) -> u64 {
        self.durations_ns.iter().copied().max().unwrap_or(0)
    }

    /// The median by nearest rank.
    fn p50_ns(&self) -> u64 {
        let mut sorted = self.durations_ns.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().div_ceil(2).saturating_sub(1)).copied().unwrap_or(0)
    }

    fn summary(&self) -> String {
        let worst = self.worst();
        let mut text = format!("{} in one request", count(worst.len() as u64));
        if self.requests.len() > 1 {
            let requests = counted(self.requests.len() as u64, "request");
            let _ = write!(text, ", {} in {requests}", count(self.durations_ns.len() as u64));
        }
        let _ = write!(
            text,
            "; {}; longest {}, p50 {}",
            parameters(worst),
            nanos(self.longest_ns()),
            nanos(self.p50_ns())
        );
        if !self.facts.is_empty() {
            let facts: Vec<String> =
                self.facts.iter().map(|(word, n)| format!("{} {word}", count(*n))).collect();
            let _ = write!(text, "; {}", facts.join(", "));
        }
        text
    }
}

fn parameters(calls: &[Option<u64>]) -> String {
    let distinct: BTreeSet<u64> = calls.iter().flatten().copied().filter(|hash| *hash != 0).collect();
    let hidden = calls.iter().filter(|hash| hash.is_none()).count();
    match (distinct.len(), hidden) {
        (0, 0) => "no parameters".to_owned(),
        (0, _) => "parameters hidden".to_owned(),
        (n, 0) => counted(n as u64, "distinct parameter set"),
        (n, hidden) => format!("{}, {hidden} hidden", counted(n as u64, "distinct parameter set")),
    }
}
