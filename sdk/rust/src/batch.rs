//! The batch as a detector sees it: iterators over traces and spans on top of columns that are fetched
//! when they are first asked for.

use std::cell::OnceCell;
use std::ops::Range;

/// Row number that means "none".
pub const NO_ROW: u32 = u32::MAX;

macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident: $element:ty,)*) => {
        /// Where columns come from: the host's imports in a component, anything in a test.
        pub trait Columns {
            $($(#[$doc])* fn $column(&self) -> Vec<$element>;)*
            /// Changes when text ids change their meaning.
            fn epoch(&self) -> u32;
            /// Text of an id.
            fn text(&self, id: u32) -> String;
        }

        /// Many finished traces, column by column. Columns are fetched when they are first asked for.
        pub struct Batch {
            source: Box<dyn Columns>,
            $($column: OnceCell<Vec<$element>>,)*
        }

        impl Batch {
            /// Returns a batch over a source of columns.
            pub fn new(source: Box<dyn Columns>) -> Batch {
                Batch { source, $($column: OnceCell::new(),)* }
            }

            $($(#[$doc])* pub fn $column(&self) -> &[$element] {
                self.$column.get_or_init(|| self.source.$column())
            })*
        }

        impl Columns for crate::glue::Imports {
            $(fn $column(&self) -> Vec<$element> {
                crate::glue::bindings::tracewatt::plugin::spans::$column()
            })*

            fn epoch(&self) -> u32 {
                crate::glue::bindings::tracewatt::plugin::texts::epoch()
            }

            fn text(&self, id: u32) -> String {
                crate::glue::bindings::tracewatt::plugin::texts::get(id)
            }
        }
    };
}

columns! {
    /// Rows of trace `t` are `offsets[t] .. offsets[t + 1]`.
    trace_offsets: u32,
    /// Start of each trace's first span, nanoseconds since the epoch.
    trace_starts_ns: u64,
    /// Bit 0 complete, bit 1 cut at the span limit, bit 2 has errors.
    trace_flags: u8,
    /// Kind of I/O.
    kinds: u8,
    /// Which end of a call.
    roles: u8,
    /// Read or write.
    verbs: u8,
    /// How it ended.
    statuses: u8,
    /// Facts, see [`Flags`].
    span_flags: u32,
    /// Normalized operation, text id.
    templates: u32,
    /// Hash of the parameters that can be seen, 0 = none can.
    parameter_hashes: u64,
    /// Service, text id.
    services: u32,
    /// Span name, text id.
    names: u32,
    /// Other side, text id.
    peers: u32,
    /// System spoken to, text id.
    systems: u32,
    /// Instrumentation scope, text id.
    scopes: u32,
    /// Tenant or namespace, text id.
    groupings: u32,
    /// Entry point the work was done for, text id.
    endpoints: u32,
    /// Function in the source, text id.
    code_functions: u32,
    /// Line in the source, 0 = unknown.
    code_lines: u32,
    /// Row of the parent.
    parents: u32,
    /// Row of the span by which the row's service was entered.
    entries: u32,
    /// Nanoseconds after the start of the trace.
    start_offsets_ns: u64,
    /// Nanoseconds.
    durations_ns: u64,
    /// Operations in the round trip.
    batch_sizes: u32,
    /// Rows returned, `u32::MAX` = unknown.
    rows_returned: u32,
    /// Bytes of the response, `u64::MAX` = unknown.
    response_bytes: u64,
    /// Calls of the same service, kind and peer in flight when this one started, itself included.
    in_flight: u32,
}

/// Kind of I/O. Values unknown to this version are possible and are to be ignored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kind(pub u8);

#[allow(missing_docs)]
impl Kind {
    pub const OTHER: Kind = Kind(0);
    pub const SQL: Kind = Kind(1);
    pub const HTTP: Kind = Kind(2);
    pub const CACHE: Kind = Kind(3);
    pub const MESSAGING: Kind = Kind(4);
    pub const RPC: Kind = Kind(5);
    pub const DOCUMENT: Kind = Kind(6);
    pub const SEARCH: Kind = Kind(7);
    pub const DATASTORE: Kind = Kind(8);
    pub const GEN_AI: Kind = Kind(9);

    /// Kinds whose findings carry the kind in their name, with that word: `n_plus_one_sql`.
    pub const NAMED: [(Kind, &'static str); 8] = [
        (Kind::SQL, "sql"),
        (Kind::HTTP, "http"),
        (Kind::CACHE, "cache"),
        (Kind::MESSAGING, "messaging"),
        (Kind::RPC, "rpc"),
        (Kind::DOCUMENT, "document"),
        (Kind::SEARCH, "search"),
        (Kind::DATASTORE, "datastore"),
    ];

    /// Returns the word used in finding types, if the kind has one.
    pub fn word(self) -> Option<&'static str> {
        // The kinds with a word are numbered from 1 on.
        let at = usize::from(self.0).checked_sub(1)?;
        Kind::NAMED.get(at).map(|(_, word)| *word)
    }

    /// Returns what people call it, for titles: `N+1 SQL`.
    pub fn title(self) -> &'static str {
        const TITLES: PerKind<&str> = PerKind {
            sql: "SQL",
            http: "HTTP",
            cache: "cache",
            messaging: "messaging",
            rpc: "RPC",
            document: "document store",
            search: "search",
            datastore: "data store",
        };
        TITLES.of(self)
    }
}

/// A value for each kind in [`Kind::NAMED`]: advice, fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PerKind<T> {
    pub sql: T,
    pub http: T,
    pub cache: T,
    pub messaging: T,
    pub rpc: T,
    pub document: T,
    pub search: T,
    pub datastore: T,
}

impl<T: Copy> PerKind<T> {
    /// Returns the value of a kind; any other kind counts as a data store.
    pub fn of(&self, kind: Kind) -> T {
        match kind {
            Kind::SQL => self.sql,
            Kind::HTTP => self.http,
            Kind::CACHE => self.cache,
            Kind::MESSAGING => self.messaging,
            Kind::RPC => self.rpc,
            Kind::DOCUMENT => self.document,
            Kind::SEARCH => self.search,
            _ => self.datastore,
        }
    }
}

/// Which end of a call a span records.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Role(pub u8);

#[allow(missing_docs)]
impl Role {
    pub const INTERNAL: Role = Role(0);
    pub const SERVER: Role = Role(1);
    pub const CLIENT: Role = Role(2);
    pub const PRODUCER: Role = Role(3);
    pub const CONSUMER: Role = Role(4);
}

/// Whether a call reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Verb(pub u8);

#[allow(missing_docs)]
impl Verb {
    pub const OTHER: Verb = Verb(0);
    pub const READ: Verb = Verb(1);
    pub const INSERT: Verb = Verb(2);
    pub const UPDATE: Verb = Verb(3);
    pub const DELETE: Verb = Verb(4);
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Status(pub u8);

#[allow(missing_docs)]
impl Status {
    pub const UNSET: Status = Status(0);
    pub const OK: Status = Status(1);
    pub const ERROR: Status = Status(2);
    pub const CLIENT_ERROR: Status = Status(3);
    pub const SERVER_ERROR: Status = Status(4);
    pub const TIMEOUT: Status = Status(5);

    /// Returns whether the call failed.
    pub fn is_error(self) -> bool {
        (2..=5).contains(&self.0)
    }
}

/// Facts about a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flags(pub u32);

#[allow(missing_docs)]
impl Flags {
    pub const PARAMS_HIDDEN: Flags = Flags(1 << 0);
    pub const WRITE: Flags = Flags(1 << 1);
    pub const TRANSACTION: Flags = Flags(1 << 2);
    pub const CHATTER: Flags = Flags(1 << 3);
    pub const RETRY: Flags = Flags(1 << 4);
    pub const TRUNCATED: Flags = Flags(1 << 5);
    pub const MERGED: Flags = Flags(1 << 6);
    pub const GENERIC: Flags = Flags(1 << 7);
    pub const TIMES_UNKNOWN: Flags = Flags(1 << 8);
    pub const IN_TRANSACTION: Flags = Flags(1 << 9);
    pub const SUMMARY: Flags = Flags(1 << 10);

    /// Returns whether every bit of `other` is set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Batch {
    /// Traces in order.
    pub fn traces(&self) -> impl Iterator<Item = Trace<'_>> {
        self.trace_offsets().windows(2).enumerate().map(|(index, rows)| Trace {
            batch: self,
            index,
            rows: rows[0]..rows[1],
        })
    }

    /// Returns the span of a row, if there is one.
    pub fn span(&self, row: u32) -> Option<Span<'_>> {
        ((row as usize) < self.kinds().len()).then_some(Span { batch: self, row })
    }

    /// Returns a text. Remember verdicts by id in a [`TextTable`] instead of asking again and again.
    pub fn text(&self, id: u32) -> String {
        if id == 0 { String::new() } else { self.source.text(id) }
    }

    /// Changes when text ids change their meaning.
    pub fn epoch(&self) -> u32 {
        self.source.epoch()
    }
}

/// One trace of a batch.
#[derive(Clone)]
pub struct Trace<'a> {
    batch: &'a Batch,
    index: usize,
    rows: Range<u32>,
}

impl<'a> Trace<'a> {
    /// Spans in order of their start.
    pub fn spans(&self) -> impl Iterator<Item = Span<'a>> + use<'a> {
        let batch = self.batch;
        self.rows.clone().map(move |row| Span { batch, row })
    }

    /// The round trips a detector usually cares about: I/O, without transaction control.
    pub fn io(&self) -> impl Iterator<Item = Span<'a>> + use<'a> {
        self.spans().filter(|span| span.kind() != Kind::OTHER && !span.has(Flags::TRANSACTION))
    }

    /// Rows in the span columns.
    pub fn rows(&self) -> Range<u32> {
        self.rows.clone()
    }

    /// Returns whether no parent is missing and nothing was cut.
    pub fn is_complete(&self) -> bool {
        self.batch.trace_flags()[self.index] & 0b11 == 0b01
    }
}

/// One span of a batch. Copying it copies a reference.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    batch: &'a Batch,
    row: u32,
}

impl<'a> Span<'a> {
    /// Row in the span columns.
    pub fn row(self) -> u32 {
        self.row
    }

    /// Batch it belongs to.
    pub fn batch(self) -> &'a Batch {
        self.batch
    }

    fn at(self) -> usize {
        self.row as usize
    }

    /// Kind of I/O; [`Kind::OTHER`] for everything that is not a round trip of its own.
    pub fn kind(self) -> Kind {
        Kind(self.batch.kinds()[self.at()])
    }

    /// Which end of a call.
    pub fn role(self) -> Role {
        Role(self.batch.roles()[self.at()])
    }

    /// Read or write.
    pub fn verb(self) -> Verb {
        Verb(self.batch.verbs()[self.at()])
    }

    /// How it ended.
    pub fn status(self) -> Status {
        Status(self.batch.statuses()[self.at()])
    }

    /// Returns whether all these facts hold.
    pub fn has(self, flags: Flags) -> bool {
        Flags(self.batch.span_flags()[self.at()]).has(flags)
    }

    /// Returns whether the call only reads.
    pub fn is_read(self) -> bool {
        self.verb() == Verb::READ && !self.has(Flags::WRITE)
    }

    /// Id of the template.
    pub fn template_id(self) -> u32 {
        self.batch.templates()[self.at()]
    }

    /// Template.
    pub fn template(self) -> String {
        self.batch.text(self.template_id())
    }

    /// Hash of the parameters, if all of them can be seen.
    pub fn parameters(self) -> Option<u64> {
        self.seen_parameters().filter(|_| !self.has(Flags::PARAMS_HIDDEN))
    }

    /// Hash of the parameters that can be seen, if any can. With [`Flags::PARAMS_HIDDEN`] there are others: unequal
    /// hashes of two calls still prove that they differ, equal ones prove nothing.
    pub fn seen_parameters(self) -> Option<u64> {
        Some(self.batch.parameter_hashes()[self.at()]).filter(|hash| *hash != 0)
    }

    /// Id of the service.
    pub fn service_id(self) -> u32 {
        self.batch.services()[self.at()]
    }

    /// Id of the other side.
    pub fn peer_id(self) -> u32 {
        self.batch.peers()[self.at()]
    }

    /// Id of the system.
    pub fn system_id(self) -> u32 {
        self.batch.systems()[self.at()]
    }

    /// Id of the span's name.
    pub fn name_id(self) -> u32 {
        self.batch.names()[self.at()]
    }

    /// Id of the tenant or namespace.
    pub fn grouping_id(self) -> u32 {
        self.batch.groupings()[self.at()]
    }

    /// Id of the entry point.
    pub fn endpoint_id(self) -> u32 {
        self.batch.endpoints()[self.at()]
    }

    /// Function id and line of the calling code; zeros when unknown.
    pub fn code(self) -> (u32, u32) {
        (self.batch.code_functions()[self.at()], self.batch.code_lines()[self.at()])
    }

    /// Parent.
    pub fn parent(self) -> Option<Span<'a>> {
        self.batch.span(self.batch.parents()[self.at()])
    }

    /// Span by which the service was entered.
    pub fn entry(self) -> Option<Span<'a>> {
        self.batch.span(self.batch.entries()[self.at()])
    }

    /// Start, nanoseconds after the start of the trace.
    pub fn start_ns(self) -> u64 {
        self.batch.start_offsets_ns()[self.at()]
    }

    /// Duration in nanoseconds.
    pub fn duration_ns(self) -> u64 {
        self.batch.durations_ns()[self.at()]
    }

    /// End, nanoseconds after the start of the trace.
    pub fn end_ns(self) -> u64 {
        self.start_ns().saturating_add(self.duration_ns())
    }

    /// Operations in the round trip.
    pub fn batch_size(self) -> u32 {
        self.batch.batch_sizes()[self.at()]
    }

    /// Rows returned.
    pub fn rows_returned(self) -> Option<u32> {
        Some(self.batch.rows_returned()[self.at()]).filter(|rows| *rows != u32::MAX)
    }

    /// Bytes of the response.
    pub fn response_bytes(self) -> Option<u64> {
        Some(self.batch.response_bytes()[self.at()]).filter(|bytes| *bytes != u64::MAX)
    }

    /// Calls of the same service, kind and peer in flight when this one started, itself included.
    pub fn in_flight(self) -> u32 {
        self.batch.in_flight()[self.at()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_own_words() {
        for (kind, word) in Kind::NAMED {
            assert_eq!(kind.word(), Some(word));
        }
        for kind in [Kind::OTHER, Kind::GEN_AI, Kind(200)] {
            assert_eq!(kind.word(), None);
        }
    }
}
