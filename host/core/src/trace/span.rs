//! One span after mapping and normalization. It holds no raw literal: parameters survive only as a
//! hash, which is all that telling "the same" from "another" takes.

use super::{SpanId, TextId, TraceId};

/// What a span does, as far as I/O goes. The numbers are part of the contract with plug-ins
/// (`wit/`, column `kinds`) and never change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum IoKind {
    /// Not an outbound call: application code, a server's entry, chatter, a merged duplicate.
    #[default]
    Other = 0,
    /// A statement sent to a relational database.
    Sql = 1,
    /// An outbound HTTP request.
    Http = 2,
    /// A command to a cache (Redis, Valkey, Memcached).
    Cache = 3,
    /// A message published to a broker.
    Messaging = 4,
    /// An outbound remote procedure call.
    Rpc = 5,
    /// A command to a document store (MongoDB, Couchbase, DynamoDB, ...).
    Document = 6,
    /// A request to a search engine (Elasticsearch, OpenSearch).
    Search = 7,
    /// A call to any other data store (Cassandra, Neo4j, InfluxDB, ...).
    Datastore = 8,
    /// A call to a generative AI service.
    GenAi = 9,
}

impl IoKind {
    /// Returns the kind of that number.
    pub fn of(number: u8) -> Option<IoKind> {
        match number {
            0 => Some(IoKind::Other),
            _ => IoKind::ALL.get(usize::from(number) - 1).copied(),
        }
    }

    /// Every kind of I/O, in the order of their numbers.
    pub const ALL: [IoKind; 9] = [
        IoKind::Sql,
        IoKind::Http,
        IoKind::Cache,
        IoKind::Messaging,
        IoKind::Rpc,
        IoKind::Document,
        IoKind::Search,
        IoKind::Datastore,
        IoKind::GenAi,
    ];

    /// Returns the word used in finding types: `sql` in `n_plus_one_sql`.
    pub fn word(self) -> &'static str {
        match self {
            IoKind::Other => "other",
            IoKind::Sql => "sql",
            IoKind::Http => "http",
            IoKind::Cache => "cache",
            IoKind::Messaging => "messaging",
            IoKind::Rpc => "rpc",
            IoKind::Document => "document",
            IoKind::Search => "search",
            IoKind::Datastore => "datastore",
            IoKind::GenAi => "genai",
        }
    }

    /// Returns whether a span of this kind is an outbound call.
    pub fn is_io(self) -> bool {
        self != IoKind::Other
    }
}

/// Which end of a call the span records: OpenTelemetry's span kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum SpanRole {
    /// Work inside a service, or not stated.
    #[default]
    Internal = 0,
    /// The receiving end of a synchronous call: where a service is entered.
    Server = 1,
    /// The calling end of a synchronous call.
    Client = 2,
    /// The sending end of a message.
    Producer = 3,
    /// The receiving end of a message: where a service is entered.
    Consumer = 4,
}

impl SpanRole {
    /// Returns the role of that number.
    pub fn of(number: u8) -> Option<SpanRole> {
        use SpanRole::{Client, Consumer, Internal, Producer, Server};
        [Internal, Server, Client, Producer, Consumer].get(usize::from(number)).copied()
    }

    /// Returns whether a service is entered by such a span.
    pub fn is_entry(self) -> bool {
        matches!(self, SpanRole::Server | SpanRole::Consumer)
    }
}

/// How the call ended. The numbers are part of the contract with plug-ins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Status {
    /// Not stated.
    #[default]
    Unset = 0,
    /// Stated to be fine.
    Ok = 1,
    /// Failed, nothing more is known.
    Error = 2,
    /// HTTP 4xx or its equivalent.
    ClientError = 3,
    /// HTTP 5xx or its equivalent.
    ServerError = 4,
    /// Timed out.
    Timeout = 5,
}

impl Status {
    /// Returns the status of that number.
    pub fn of(number: u8) -> Option<Status> {
        use Status::{ClientError, Error, Ok, ServerError, Timeout, Unset};
        [Unset, Ok, Error, ClientError, ServerError, Timeout].get(usize::from(number)).copied()
    }

    /// Returns whether the call failed, whoever was to blame.
    pub fn is_error(self) -> bool {
        matches!(self, Status::Error | Status::ClientError | Status::ServerError | Status::Timeout)
    }
}

/// What a call asks of the other side: the energy model and several detectors tell reads from writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Verb {
    /// Not known.
    #[default]
    Other = 0,
    /// SELECT, GET, find.
    Read = 1,
    /// INSERT, SET, POST.
    Insert = 2,
    /// UPDATE, PUT, PATCH.
    Update = 3,
    /// DELETE.
    Delete = 4,
}

impl Verb {
    /// Returns the verb of that number.
    pub fn of(number: u8) -> Option<Verb> {
        use Verb::{Delete, Insert, Other, Read, Update};
        [Other, Read, Insert, Update, Delete].get(usize::from(number)).copied()
    }
}

macro_rules! flags {
    ($(#[$meta:meta])* $name:ident : $repr:ty { $($(#[$doc:meta])* $flag:ident = $bit:expr),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub struct $name(pub $repr);

        impl $name {
            $($(#[$doc])* pub const $flag: $name = $name(1 << $bit);)*

            /// Returns whether every bit of `other` is set.
            pub fn has(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// Sets the bits of `other`.
            pub fn set(&mut self, other: $name) {
                self.0 |= other.0;
            }
        }
    };
}
pub(crate) use flags;

flags! {
    /// Facts about one span; the bits are part of the contract with plug-ins (column `span-flags`).
    SpanFlags: u32 {
        /// The call has parameters that cannot be seen (bind placeholders, redacted values).
        PARAMS_HIDDEN = 0,
        /// The call changes something on the other side.
        WRITE = 1,
        /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, SET: part of a conversation, not of the work.
        TRANSACTION = 2,
        /// Connect, pool, prepare, ping, TLS, DNS. Chatter has kind 0.
        CHATTER = 3,
        /// A repetition of a call that failed.
        RETRY = 4,
        /// The template was cut at a limit or arrived cut.
        TRUNCATED = 5,
        /// Another layer of instrumentation recorded the same round trip, which counts once. Kind 0.
        MERGED = 6,
        /// The template names a generic thing (no text was recorded): good for counting only.
        GENERIC = 7,
        /// Start or end is missing or senseless, such as an end before the start: the duration is 0 and means
        /// nothing. Without a start the span stands at the start of its trace.
        TIMES_UNKNOWN = 8,
        /// The span runs inside a database transaction of its trace.
        IN_TRANSACTION = 9,
        /// The template is a summary (`SELECT orders`): no statement was recorded, so that two calls with one
        /// template need not be the same statement.
        SUMMARY = 10,
    }
}

/// A link to a span of the same or another trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Trace of the linked span.
    pub trace: TraceId,
    /// The linked span.
    pub span: SpanId,
}

/// Where in the source a span was made, from the `code.*` attributes. Empty texts are unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct CodeLocation {
    /// Function, without its namespace.
    pub function: TextId,
    /// Namespace, class or module.
    pub namespace: TextId,
    /// File as the instrumentation named it.
    pub file: TextId,
    /// Line, 0 when unknown.
    pub line: u32,
}

impl CodeLocation {
    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == CodeLocation::default()
    }
}

/// A span as the window keeps it: small, without raw text, every string interned.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Trace the span belongs to.
    pub trace: TraceId,
    /// Id, unique in the trace.
    pub id: SpanId,
    /// Parent, if the span says it has one.
    pub parent: Option<SpanId>,
    /// Start, nanoseconds since the epoch.
    pub start_ns: u64,
    /// Duration in nanoseconds; never rounded.
    pub duration_ns: u64,
    /// Kind of I/O.
    pub kind: IoKind,
    /// Which end of the call.
    pub role: SpanRole,
    /// How it ended.
    pub status: Status,
    /// Read or write.
    pub verb: Verb,
    /// Facts.
    pub flags: SpanFlags,
    /// `service.name`, or `unknown`.
    pub service: TextId,
    /// Name of the span.
    pub name: TextId,
    /// Normalized operation: SQL with `?`, `GET host/users/{id}`, `GET user:{id}`. Empty for [`IoKind::Other`].
    pub template: TextId,
    /// System spoken to: `postgresql`, `redis`, `kafka`; empty for HTTP.
    pub system: TextId,
    /// Other side: database, host, topic.
    pub peer: TextId,
    /// Normalized entry point of a server or consumer span: `GET /orders/{id}`.
    pub route: TextId,
    /// Instrumentation scope.
    pub scope: TextId,
    /// `cloud.region`.
    pub region: TextId,
    /// Identity of the tenant or namespace that findings are kept apart by: `k8s.namespace.name=shop`.
    pub grouping: TextId,
    /// Where in the source.
    pub code: CodeLocation,
    /// Hash below 2^53 of the parameters that can be seen, 0 when none can. With [`SpanFlags::PARAMS_HIDDEN`] there
    /// are others: unequal hashes still prove unequal calls, equal ones prove nothing.
    pub params: u64,
    /// Operations in this round trip (batch, pipeline, rows), at least 1.
    pub batch_size: u32,
    /// Rows returned.
    pub rows: Option<u32>,
    /// Size of the response body in bytes.
    pub response_bytes: Option<u64>,
    /// Links, rarely any.
    pub links: Vec<Link>,
}

impl Span {
    /// End, nanoseconds since the epoch.
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.duration_ns)
    }

    /// Duration in nanoseconds, none when the input had no usable times.
    pub fn known_duration_ns(&self) -> Option<u64> {
        (!self.flags.has(SpanFlags::TIMES_UNKNOWN)).then_some(self.duration_ns)
    }

    /// Returns whether the parameters that can be seen prove that two calls with one template asked for different
    /// things. Where only one of the two hides some, the hashes are of different sets and prove nothing.
    pub fn parameters_differ(&self, other: &Span) -> bool {
        let hidden = |span: &Span| span.flags.has(SpanFlags::PARAMS_HIDDEN);
        let (a, b) = (self.params, other.params);
        a != 0 && b != 0 && a != b && hidden(self) == hidden(other)
    }
}
