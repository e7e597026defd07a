//! From a call to its template: the texts of the attributes, handed to the normalizer of the kind.

use super::call::{self, is_one_of, starts_with_word};
use super::clean;
use super::input::Input;
use super::params::{is_seen, rows_of};
use super::sql;
use super::statements::Statements;
use crate::normalize::{Access, Facts, Template, cache, document, http, messaging, rpc, split_scheme};
use crate::semconv::Attr;
use crate::trace::{IoKind, TextId, Texts, Verb};
use std::borrow::Cow;

/// Longest operation, collection or model name, in bytes.
const MAX_NAME: usize = 128;

/// A template and what is to be known about it. The text and the parameters are in the [`Template`]
/// that was lent.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// Number of the template's text, where it is known.
    pub id: Option<TextId>,
    /// What the normalizer found.
    pub facts: Facts,
    /// Read or write, and how.
    pub verb: Verb,
    /// BEGIN, COMMIT, SET and the like.
    pub transaction: bool,
    /// The text was cut, here or before it arrived.
    pub truncated: bool,
    /// The text was longer than the limit and was cut here.
    pub cut: bool,
    /// What is missing, when there was nothing to make a template of.
    pub gap: Option<&'static str>,
    /// Spans of the same call are joined by a link that has the text (PHP's prepare and execute).
    pub linked: bool,
    /// The kind has no parameters that any setting could show: payloads of messages and calls.
    pub opaque: bool,
}

/// Where templates are made; reused from span to span.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// The template of the last call.
    pub template: Template,
    statements: Statements,
}

/// Writes the template of an outbound call of `kind` to `system`.
pub(super) fn render(
    input: &Input<'_, '_>,
    kind: IoKind,
    system: &str,
    max_text: usize,
    texts: &mut Texts,
    work: &mut Work,
) -> Rendered {
    let Work { template: out, statements } = work;
    out.clear();
    let mut statement = |out| statement(input, system, max_text, texts, statements, out);
    let mut rendered = match kind {
        IoKind::Sql | IoKind::Other => statement(out),
        IoKind::Datastore if system == "cassandra" => statement(out),
        IoKind::Cache => command(input, system, max_text, out),
        IoKind::Document | IoKind::Datastore => request(input, system, max_text, out),
        IoKind::Search => search(input, system, max_text, out),
        IoKind::Http => outgoing_http(input, max_text, out),
        IoKind::Rpc => remote_call(input, system, out),
        IoKind::Messaging => message(input, system, out),
        IoKind::GenAi => model(input, out),
    };
    if rendered.verb == Verb::Other {
        rendered.verb = verb(rendered.facts.access, call::first_word(&out.text));
    }
    rendered.facts.batch = batch_size(input).unwrap_or(rendered.facts.batch).max(1);
    rendered
}

fn statement(
    input: &Input<'_, '_>,
    system: &str,
    max_text: usize,
    texts: &mut Texts,
    statements: &mut Statements,
    out: &mut Template,
) -> Rendered {
    let Some(full) = input.statement() else {
        return without_statement(input, system, out);
    };
    let text = clean::cut(full, max_text);
    let cut = text.len() < full.len();
    let (read, id) = statements.normalize(system, text, texts, out);
    Rendered {
        id,
        facts: read.facts,
        verb: read.verb,
        transaction: read.session == sql::Session::Transaction,
        truncated: cut || read.truncated || arrived_cut(full),
        cut,
        ..Rendered::default()
    }
}

/// Returns whether an instrumentation cut a text at a limit of its own: knex ends it with two dots
/// after 1,022 characters, others with an ellipsis.
fn arrived_cut(text: &str) -> bool {
    let text = text.trim_end();
    text.ends_with("...") || text.ends_with('…') || text.len() >= 1000 && text.ends_with("..")
}

/// No statement: a summary, or operation and table, still tell one kind of call from another; the
/// name of the operation alone only counts.
fn without_statement(input: &Input<'_, '_>, system: &str, out: &mut Template) -> Rendered {
    let facts = Facts { params_hidden: true, ..Facts::default() };
    let mut rendered = Rendered { facts, ..Rendered::default() };
    let name = input.raw.name.to_ascii_lowercase();
    if !input.raw.links.is_empty() && (name.contains("execute") || name.contains("query")) {
        rendered.linked = true;
        return rendered;
    }
    let attributes = input.attributes();
    if let Some(summary) = attributes.text(&[Attr::DbQuerySummary]) {
        out.text.push_str(&clean::steady_name(summary, 2 * MAX_NAME));
    } else if let (Some(operation), Some(collection)) = (operation(input), collection(input)) {
        out.text.push_str(&clean::steady_name(operation, MAX_NAME));
        out.text.push(' ');
        out.text.push_str(&clean::steady_name(&collection, MAX_NAME));
    } else {
        rendered.gap = Some("missing_db_statement");
        generic(input, system, out);
    }
    rendered.facts.access = sql::access(call::first_word(&out.text));
    rendered
}

/// Writes operation and system, for calls of which nothing else is known.
fn generic(input: &Input<'_, '_>, system: &str, out: &mut Template) {
    let batch = if batch_size(input).is_some() { Some("BATCH") } else { None };
    let name = operation(input).or(batch).unwrap_or(&input.raw.name);
    out.text.push_str(&clean::steady_name(name, MAX_NAME));
    if !system.is_empty() && !out.text.contains(system) {
        out.text.push(' ');
        out.text.push_str(system);
    }
}

fn command(input: &Input<'_, '_>, system: &str, max_text: usize, out: &mut Template) -> Rendered {
    match input.statement() {
        Some(full) => {
            let text = clean::cut(full, max_text);
            let facts = cache::normalize(system, text, out);
            // `GET ?`: the instrumentation put a mark in the place of the key.
            let masked = text.split_ascii_whitespace().nth(1) == Some("?");
            Rendered {
                facts: Facts { params_hidden: facts.params_hidden || masked, ..facts },
                truncated: text.len() < full.len() || arrived_cut(full),
                cut: text.len() < full.len(),
                ..Rendered::default()
            }
        }
        None => match operation(input) {
            Some(operation) => {
                let facts = cache::normalize(system, clean::cut(operation, MAX_NAME), out);
                let gap = (!facts.chatter).then_some("missing_db_statement");
                Rendered { facts: Facts { params_hidden: true, ..facts }, gap, ..Rendered::default() }
            }
            None => {
                let facts = cache::normalize(system, clean::cut(&input.raw.name, MAX_NAME), out);
                out.clear();
                generic(input, system, out);
                let gap = (!facts.chatter).then_some("missing_db_statement");
                Rendered { facts: Facts { params_hidden: true, ..facts }, gap, ..Rendered::default() }
            }
        },
    }
}

fn request(input: &Input<'_, '_>, system: &str, max_text: usize, out: &mut Template) -> Rendered {
    let full = input.statement();
    let text = full.map(|text| clean::cut(text, max_text));
    let cut = text.map(str::len) < full.map(str::len);
    let mut operation = operation(input);
    let collection = collection(input);
    if text.is_none() && operation.is_none() && collection.is_none() {
        // Names such as `orders.find` or `find orders` are all there is.
        operation = Some(&input.raw.name);
    }
    let facts = document::normalize(system, text, operation, collection.as_deref(), out);
    let known = text.is_some() || operation.is_some() && collection.is_some();
    let gap = (!known && !facts.chatter).then_some("missing_db_statement");
    Rendered { facts, gap, truncated: cut || full.is_some_and(arrived_cut), cut, ..Rendered::default() }
}

/// A search: the request line says most, unless the body and the index are there.
fn search(input: &Input<'_, '_>, system: &str, max_text: usize, out: &mut Template) -> Rendered {
    let body = input.statement();
    let Some(target) = request_target(input) else { return request(input, system, max_text, out) };
    if body.is_some() && collection(input).is_some() {
        return request(input, system, max_text, out);
    }
    let line = format!("{} {}", method(input), clean::cut(&target, max_text));
    let mut facts = document::normalize(system, Some(&line), operation(input), None, out);
    match body {
        Some(body) => out.push_param(clean::cut(body, max_text)),
        // The query is in a body that was not recorded.
        None => facts.params_hidden |= target.contains("_search") || target.contains("_count"),
    }
    Rendered { facts, ..Rendered::default() }
}

/// Returns path and query of a request.
fn request_target<'s>(input: &Input<'s, '_>) -> Option<Cow<'s, str>> {
    if let Some(url) = input.url() {
        let rest = split_scheme(url).map_or(url, |(_, rest)| rest);
        return rest.find('/').map(|slash| Cow::Borrowed(&rest[slash..]));
    }
    let attributes = input.attributes();
    let path = input.path()?;
    Some(match attributes.text(&[Attr::UrlQuery]) {
        Some(query) => Cow::Owned(format!("{path}?{query}")),
        None => Cow::Borrowed(path),
    })
}

fn outgoing_http(input: &Input<'_, '_>, max_text: usize, out: &mut Template) -> Rendered {
    let attributes = input.attributes();
    let method = method(input);
    let route = attributes.text(&[Attr::UrlTemplate, Attr::HttpRoute]);
    if let Some(full) = input.url() {
        let url = clean::cut(full, max_text);
        let facts = with_partly_seen_query(http::normalize(method, url, route, out), out);
        let cut = url.len() < full.len();
        return Rendered { facts, truncated: cut, cut, ..Rendered::default() };
    }
    let host = attributes.text(&HOSTS).unwrap_or("");
    let path = input.path();
    if path.is_some() || route.is_some() {
        let path = clean::cut(path.or(route).unwrap_or("/"), max_text);
        let query = attributes.text(&[Attr::UrlQuery]);
        let facts = http::normalize_parts(method, host, path, query, route, out);
        return Rendered { facts: with_partly_seen_query(facts, out), ..Rendered::default() };
    }
    let facts = http::normalize_parts(method, host, "", None, None, out);
    out.text.truncate(out.text.trim_end_matches('/').len());
    let facts = Facts { params_hidden: true, ..facts };
    Rendered { facts, gap: Some("missing_http_url"), ..Rendered::default() }
}

/// Clients that redact only what they take for secrets (`?id=7&sig=REDACTED`) leave enough to tell
/// calls apart; those that redact every value do not.
fn with_partly_seen_query(facts: Facts, out: &Template) -> Facts {
    let seen = |pair: &str| pair.contains('=') && is_seen(pair);
    Facts { params_hidden: facts.params_hidden && !out.params().any(seen), ..facts }
}

/// Where the host of a call is said, the new name first.
pub(super) const HOSTS: [Attr; 4] =
    [Attr::ServerAddress, Attr::HttpHost, Attr::NetPeerName, Attr::PeerService];

/// Returns the method: recorded, or the first word of a name such as `GET` or `HTTP GET`, or GET.
pub(super) fn method<'s>(input: &Input<'s, '_>) -> &'s str {
    const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];
    let named = || {
        let name = input.raw.name.trim();
        let name = name.strip_prefix("HTTP ").unwrap_or(name);
        name.split_ascii_whitespace().next().filter(|word| is_one_of(word, &METHODS))
    };
    let recorded = input.attributes().text(&[Attr::HttpRequestMethod, Attr::HttpMethod]);
    recorded.or_else(named).unwrap_or("GET")
}

fn remote_call(input: &Input<'_, '_>, system: &str, out: &mut Template) -> Rendered {
    let attributes = input.attributes();
    let service = attributes.text(&[Attr::RpcService]);
    let method = attributes.text(&[Attr::RpcMethod]);
    let name = clean::steady_name(&input.raw.name, 2 * MAX_NAME);
    let facts = rpc::normalize(system, service, method, &name, out);
    let known = method.is_some() || name.contains('/');
    Rendered { facts, gap: (!known).then_some("missing_rpc_method"), opaque: true, ..Rendered::default() }
}

fn message(input: &Input<'_, '_>, system: &str, out: &mut Template) -> Rendered {
    let destination = destination(input);
    let facts =
        messaging::normalize(system, call::messaging_operation(input).unwrap_or("publish"), destination, out);
    let known = destination.name.or(destination.template).or(destination.routing_key).is_some()
        || destination.temporary
        || destination.anonymous;
    let gap = (!known && !facts.chatter).then_some("missing_messaging_destination");
    Rendered { facts, gap, opaque: true, ..Rendered::default() }
}

/// Returns what the attributes say about the destination of a message.
pub(super) fn destination<'s>(input: &Input<'s, '_>) -> messaging::Destination<'s> {
    let attributes = input.attributes();
    let yes = |attr| attributes.get(attr).is_some_and(|value| value.display().eq_ignore_ascii_case("true"));
    messaging::Destination {
        name: attributes.text(&[Attr::MessagingDestinationName, Attr::MessagingDestination]),
        template: attributes.text(&[Attr::MessagingDestinationTemplate]),
        routing_key: attributes.text(&[Attr::MessagingRabbitmqRoutingKey]),
        temporary: yes(Attr::MessagingDestinationTemporary),
        anonymous: yes(Attr::MessagingDestinationAnonymous),
    }
}

/// `chat gpt-4o`. Prompts are not looked at, so calls cannot be told apart.
fn model(input: &Input<'_, '_>, out: &mut Template) -> Rendered {
    let attributes = input.attributes();
    let model = attributes.text(&[Attr::GenAiRequestModel]);
    let operation = attributes.text(&[Attr::GenAiOperationName]).unwrap_or("call");
    out.text.push_str(&clean::printable(operation, MAX_NAME));
    if let Some(model) = model {
        out.text.push(' ');
        out.text.push_str(&clean::printable(model, MAX_NAME));
    }
    let facts = Facts { params_hidden: true, access: Access::Read, ..Facts::default() };
    let gap = model.is_none().then_some("missing_gen_ai_model");
    Rendered { facts, gap, opaque: true, ..Rendered::default() }
}

fn operation<'s>(input: &Input<'s, '_>) -> Option<&'s str> {
    input.attributes().text(&[Attr::DbOperationName, Attr::DbOperation])
}

fn collection<'s>(input: &Input<'s, '_>) -> Option<Cow<'s, str>> {
    const NAMES: [Attr; 5] = [
        Attr::DbCollectionName,
        Attr::DbSqlTable,
        Attr::DbMongodbCollection,
        Attr::DbCassandraTable,
        Attr::DbCosmosdbContainer,
    ];
    let attributes = input.attributes();
    attributes.text(&NAMES).map(Cow::Borrowed).or_else(|| {
        // A list of names as JSON: one table in nearly all calls.
        let tables = attributes.text(&[Attr::DynamodbTableNames])?;
        let tables = tables.trim_matches(['[', ']']).replace('"', "");
        (!tables.is_empty()).then_some(Cow::Owned(tables))
    })
}

/// Returns how many operations attributes say this round trip carried.
fn batch_size(input: &Input<'_, '_>) -> Option<u32> {
    const SIZES: [Attr; 4] =
        [Attr::DbBatchSize, Attr::PgxBatchSize, Attr::DbPipelineLength, Attr::MessagingBatchCount];
    let attributes = input.attributes();
    if let Some(size) = attributes.int(&SIZES).filter(|size| *size > 0) {
        return Some(u32::try_from(size).unwrap_or(u32::MAX));
    }
    let rows = rows_of(attributes.text(&[Attr::DbStatementParameters])?);
    (rows > 1).then_some(rows)
}

/// Returns the verb of a call from what it does and the word it begins with.
fn verb(access: Access, word: &str) -> Verb {
    const DELETES: [&str; 7] = ["delete", "del", "unlink", "remove", "truncate", "drop", "expire"];
    const UPDATES: [&str; 12] = [
        "update",
        "alter",
        "put",
        "patch",
        "merge",
        "replace",
        "incr",
        "decr",
        "findandmodify",
        "findoneandupdate",
        "updateone",
        "updatemany",
    ];
    let begins = |with| starts_with_word(word, with);
    match access {
        Access::Read => Verb::Read,
        Access::Unknown => Verb::Other,
        Access::Write if is_one_of(word, &DELETES) || begins("delete") => Verb::Delete,
        Access::Write if is_one_of(word, &UPDATES) || begins("update") => Verb::Update,
        Access::Write => Verb::Insert,
    }
}
