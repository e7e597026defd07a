//! Which call a span records, if any: kind of I/O, system spoken to, and whether it is chatter.
//!
//! The order matters: what says most about a call is asked first. A request to Elasticsearch carries
//! `db.*` and `http.*` and is one search; an AWS call carries `rpc.*` and `db.*` or `messaging.*`.

use super::input::{Attributes, Input};
use super::system::{self, canonical};
use crate::semconv::Attr;
use crate::trace::{IoKind, SpanRole};
use std::borrow::Cow;

/// What a span records.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Call {
    /// Work of the application.
    Work,
    /// The receiving end of a call: a service is entered.
    Entry,
    /// Connection, pool, preparation, cursor: no round trip that counts. With the kind and system
    /// whose text, if there is one, is worth a template.
    Chatter(IoKind, Box<str>),
    /// BEGIN, COMMIT or ROLLBACK as a call of the driver, without a text.
    Transaction(&'static str, Box<str>),
    /// An outbound call of a kind to a system.
    Outbound(IoKind, Box<str>),
}

/// Returns the role of a span, from the attributes where the format does not state one.
pub(super) fn role(input: &Input<'_, '_>) -> SpanRole {
    let attributes = input.attributes();
    if input.raw.role_stated || input.raw.role != SpanRole::Internal {
        return input.raw.role;
    }
    if let Some(event) = attributes.text(&[Attr::EventType]) {
        return if event == "messaging" { SpanRole::Producer } else { SpanRole::Client };
    }
    if input.has_statement() || db_system(input).is_some() {
        return SpanRole::Client;
    }
    if attributes.text(&[Attr::MessagingSystem]).is_some() {
        return match messaging_operation(input) {
            Some(operation) if is_publish(operation) => SpanRole::Producer,
            Some(operation) if is_consume(operation) => SpanRole::Consumer,
            _ => SpanRole::Internal,
        };
    }
    http_role(input)
}

fn http_role(input: &Input<'_, '_>) -> SpanRole {
    let attributes = input.attributes();
    let url = input.has_url();
    let route = attributes.text(&[Attr::HttpRoute]).is_some();
    let target = input.has_path();
    if (route || target) && !url || route && input.raw.parent.is_none() {
        SpanRole::Server
    } else if url || attributes.text(&[Attr::GenAiRequestModel]).is_some() {
        SpanRole::Client
    } else {
        SpanRole::Internal
    }
}

/// Returns what a span of this role records.
pub(super) fn classify(input: &Input<'_, '_>, role: SpanRole) -> Call {
    if role.is_entry() {
        return Call::Entry;
    }
    event(input)
        .or_else(|| chatter(input, role))
        .or_else(|| gen_ai(input, role))
        .or_else(|| messaging(input, role))
        .or_else(|| database(input, role))
        .or_else(|| rpc(input, role))
        .or_else(|| http(input, role))
        .unwrap_or(Call::Work)
}

/// The native format names the kind in a field of its own.
fn event(input: &Input<'_, '_>) -> Option<Call> {
    let attributes = input.attributes();
    let kind = match attributes.text(&[Attr::EventType])? {
        "sql" => IoKind::Sql,
        "http_out" if attributes.text(&[Attr::RpcSystem, Attr::RpcSystemName]).is_some() => IoKind::Rpc,
        "http_out" => IoKind::Http,
        "messaging" => IoKind::Messaging,
        _ => return None,
    };
    let system = match kind {
        IoKind::Sql => match db_system(input) {
            // The native field holds the engine's name or the verb of the statement.
            Some(system) if system::kind(&system).is_some() => system,
            _ => Cow::Borrowed("sql"),
        },
        IoKind::Http => Cow::Borrowed(""),
        _ => named_system(input, &[Attr::MessagingSystem, Attr::RpcSystem, Attr::RpcSystemName]),
    };
    let kind = if kind == IoKind::Sql { system::kind(&system).unwrap_or(kind) } else { kind };
    Some(outbound(kind, system))
}

fn outbound(kind: IoKind, system: Cow<'_, str>) -> Call {
    Call::Outbound(kind, system.into())
}

fn gen_ai(input: &Input<'_, '_>, role: SpanRole) -> Option<Call> {
    let says = input.attributes().text(&[
        Attr::GenAiProviderName,
        Attr::GenAiSystem,
        Attr::GenAiRequestModel,
        Attr::GenAiOperationName,
    ]);
    (role == SpanRole::Client && says.is_some())
        .then(|| outbound(IoKind::GenAi, named_system(input, &[Attr::GenAiProviderName, Attr::GenAiSystem])))
}

fn messaging(input: &Input<'_, '_>, role: SpanRole) -> Option<Call> {
    input.attributes().text(&[Attr::MessagingSystem])?;
    let publishes = match messaging_operation(input) {
        Some(operation) if is_publish(operation) => true,
        Some(operation) if is_consume(operation) => false,
        _ => role == SpanRole::Producer,
    };
    if !publishes {
        return Some(Call::Work);
    }
    Some(outbound(IoKind::Messaging, named_system(input, &[Attr::MessagingSystem])))
}

/// Returns the messaging operation, the type (a closed list) before the name (the client's word).
pub(super) fn messaging_operation<'s>(input: &Input<'s, '_>) -> Option<&'s str> {
    const NAMES: [Attr; 3] =
        [Attr::MessagingOperationType, Attr::MessagingOperation, Attr::MessagingOperationName];
    input.attributes().text(&NAMES)
}

fn is_publish(operation: &str) -> bool {
    is_one_of(operation, &["publish", "send", "create", "produce", "enqueue"])
}

fn is_consume(operation: &str) -> bool {
    is_one_of(
        operation,
        &["receive", "process", "settle", "deliver", "consume", "ack", "nack", "poll", "commit"],
    )
}

fn database(input: &Input<'_, '_>, role: SpanRole) -> Option<Call> {
    if role == SpanRole::Producer {
        return None;
    }
    let is_sql = || input.statement().is_some_and(looks_like_sql);
    let system = match db_system(input) {
        Some(system) => system,
        None if !input.has_statement() => return None,
        None => Cow::Borrowed(if is_sql() { "sql" } else { "" }),
    };
    // Without a text an internal span is a layer above the call, as Hibernate's sessions are.
    if role == SpanRole::Internal && !input.has_statement() {
        return None;
    }
    let kind = match system::kind(&system) {
        Some(kind) => kind,
        None if is_sql() => IoKind::Sql,
        None => IoKind::Datastore,
    };
    let over_http = kind == IoKind::Sql && !input.has_statement() && input.has_url();
    (!over_http).then(|| outbound(kind, system))
}

fn rpc(input: &Input<'_, '_>, role: SpanRole) -> Option<Call> {
    const SYSTEM: [Attr; 2] = [Attr::RpcSystemName, Attr::RpcSystem];
    input.attributes().text(&SYSTEM)?;
    (role == SpanRole::Client).then(|| outbound(IoKind::Rpc, named_system(input, &SYSTEM)))
}

fn http(input: &Input<'_, '_>, role: SpanRole) -> Option<Call> {
    let attributes = input.attributes();
    let method = attributes.text(&[Attr::HttpRequestMethod, Attr::HttpMethod]).is_some();
    let url = input.has_url();
    let path = input.has_path();
    let calls = match role {
        SpanRole::Client => method || url || path,
        SpanRole::Internal => method && url,
        _ => false,
    };
    calls.then(|| outbound(IoKind::Http, Cow::Borrowed("")))
}

/// Returns the statement as recorded, the new name first. Datadog's resource is a statement only on
/// spans of a relational database: elsewhere it is a route or a class name.
pub(super) fn statement<'s>(attributes: Attributes<'s, '_>, url: Option<&str>) -> Option<&'s str> {
    attributes.text(&[Attr::DbQueryText, Attr::DbStatement, Attr::SqlQuery]).or_else(|| {
        let resource = attributes.text(&[Attr::DdResource])?;
        let sql = system::kind(&system_of(attributes)?) == Some(IoKind::Sql);
        let http = attributes.text(&[Attr::HttpMethod, Attr::HttpRequestMethod]).is_some() || url.is_some();
        (sql && !http).then_some(resource.trim())
    })
}

/// Returns the database spoken to under its canonical name.
pub(super) fn db_system<'s>(input: &Input<'s, '_>) -> Option<Cow<'s, str>> {
    system_of(input.attributes())
}

fn system_of<'s>(attributes: Attributes<'s, '_>) -> Option<Cow<'s, str>> {
    attributes.text(&[Attr::DbSystemName, Attr::DbSystem, Attr::DbType]).map(canonical)
}

fn named_system<'s>(input: &Input<'s, '_>, names: &[Attr]) -> Cow<'s, str> {
    input.attributes().text(names).map_or(Cow::Borrowed(""), canonical)
}

/// Names that are chatter whatever else the span says: spans of sockets, resolvers and pools carry no
/// `db.*` attributes.
const CHATTER: [&str; 10] = [
    "dns.lookup",
    "pg-pool.connect",
    "pg.connect",
    "pool.acquire",
    "tcp.connect",
    "tls.connect",
    "tls.handshake",
    "dns.resolve",
    "socket.connect",
    "sql.rows",
];

/// Last words of names that are chatter on spans of a database, when there is no text.
const DB_CHATTER: [&str; 14] = [
    "connect",
    "connection",
    "getconnection",
    "createconnection",
    "acquire",
    "checkout",
    "checkin",
    "ping",
    "isvalid",
    "close",
    "reset_session",
    "__construct",
    "rows",
    "fetch",
];

/// Last words of names that are chatter on spans of a database even with a text, which is kept: the
/// statement is prepared or read here, and executed in another span.
const DB_CHATTER_WITH_TEXT: [&str; 5] =
    ["prepare", "prepare_stmt", "fetchall", "closestatement", "fetchmany"];

fn chatter(input: &Input<'_, '_>, role: SpanRole) -> Option<Call> {
    let name = input.raw.name.trim();
    let system = db_system(input);
    let go_sql =
        name.starts_with("sql.conn.") || name.starts_with("sql.connector.") || name.starts_with("sql.tx.");
    let is_db = system.is_some() || input.has_statement() || go_sql;
    let chat = |system: Option<Cow<'_, str>>| {
        let system = system.unwrap_or(Cow::Borrowed(""));
        Some(Call::Chatter(system::kind(&system).unwrap_or(IoKind::Sql), system.into()))
    };
    if is_one_of(name, &CHATTER) {
        return chat(system);
    }
    if !is_db {
        return None;
    }
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    if is_one_of(last, &DB_CHATTER_WITH_TEXT)
        || starts_with_word(name, "prepare ")
        || starts_with_word(name, "batch query ")
    {
        return chat(system);
    }
    if input.has_statement() {
        return None;
    }
    if let Some(statement) = transaction(last) {
        let system = system.unwrap_or(Cow::Borrowed("sql"));
        let is_call =
            role != SpanRole::Internal && system::kind(&system).unwrap_or(IoKind::Sql) == IoKind::Sql;
        return if is_call { Some(Call::Transaction(statement, system.into())) } else { chat(Some(system)) };
    }
    let operation = input.attributes().text(&[Attr::DbOperationName, Attr::DbOperation]).unwrap_or("");
    let go_chatter = go_sql && !is_one_of(last, &["query", "exec"]);
    let is_chatter = go_chatter || is_one_of(last, &DB_CHATTER) || is_one_of(operation, &DB_CHATTER);
    if is_chatter { chat(system) } else { None }
}

fn transaction(word: &str) -> Option<&'static str> {
    if is_one_of(word, &["begin", "begin_tx", "begintransaction", "begintx"]) {
        Some("BEGIN")
    } else if is_one_of(word, &["commit"]) {
        Some("COMMIT")
    } else if is_one_of(word, &["rollback"]) {
        Some("ROLLBACK")
    } else {
        None
    }
}

/// Returns whether a text begins as SQL does.
pub(super) fn looks_like_sql(text: &str) -> bool {
    const VERBS: [&str; 22] = [
        "select",
        "insert",
        "update",
        "delete",
        "merge",
        "with",
        "call",
        "exec",
        "execute",
        "begin",
        "commit",
        "rollback",
        "savepoint",
        "set",
        "show",
        "create",
        "alter",
        "drop",
        "truncate",
        "explain",
        "replace",
        "values",
    ];
    is_one_of(first_word(text), &VERBS)
}

/// Returns the first word of a statement, after comments and opening parentheses.
pub(super) fn first_word(text: &str) -> &str {
    let rest = without_comments(text);
    let end = rest.find(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_').unwrap_or(rest.len());
    &rest[..end]
}

/// Returns a statement from its first word on; nothing when there are only comments.
pub(super) fn without_comments(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|ch: char| ch.is_whitespace() || matches!(ch, '(' | ';'));
        let after = if let Some(comment) = rest.strip_prefix("/*") {
            comment.find("*/").map(|end| &comment[end + 2..])
        } else if let Some(comment) = rest.strip_prefix("--") {
            comment.find('\n').map(|end| &comment[end..])
        } else {
            return rest;
        };
        match after {
            Some(after) => rest = after,
            None => return "",
        }
    }
}

/// Returns whether `word` is among `words`, which are in lower case, without regard to ASCII case.
pub(super) fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|candidate| candidate.eq_ignore_ascii_case(word))
}

/// Returns whether `name` begins with `word`, which is in lower case, without regard to ASCII case.
pub(super) fn starts_with_word(name: &str, word: &str) -> bool {
    name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}
