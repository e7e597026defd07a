//! Where a span was made and for whom: service, entry point, other side, tenant, region, source.

use super::call::{self, is_one_of};
use super::clean;
use super::input::{Attributes, Input};
use super::render::{HOSTS, destination, method};
use crate::normalize::{Template, http, messaging, split_scheme};
use crate::semconv::{Attr, Value};
use crate::trace::{CodeLocation, IoKind, SpanRole, TextId, Texts};
use std::borrow::Cow;

/// Longest names, in bytes; the reference formats cap theirs alike.
const MAX_NAME: usize = 256;
const MAX_PATH: usize = 1024;

/// Returns the name of the service, `unknown` when it is blank.
pub(super) fn service<'s>(input: &Input<'s, '_>) -> Cow<'s, str> {
    let attrs = [Attr::ServiceName];
    let name = input.resource().text(&attrs).or_else(|| input.attributes().text(&attrs)).unwrap_or("");
    let name = clean::printable(name, MAX_NAME);
    if name.is_empty() { Cow::Borrowed("unknown") } else { name }
}

/// Writes the entry point of a server or consumer span into `out`.
pub(super) fn route(input: &Input<'_, '_>, role: SpanRole, out: &mut Template) {
    let written = match role {
        SpanRole::Consumer => consumer_route(input, out),
        _ => http_route(input, out) || rpc_route(input, out),
    };
    if written {
        return;
    }
    match input.attributes().text(&[Attr::SourceEndpoint]) {
        Some(text) => endpoint(text, out),
        None => set(out, &clean::steady_name(&input.raw.name, MAX_NAME)),
    }
}

fn set(out: &mut Template, text: &str) {
    out.clear();
    out.text.push_str(text);
}

fn http_route(input: &Input<'_, '_>, out: &mut Template) -> bool {
    let attributes = input.attributes();
    let route = attributes.text(&[Attr::HttpRoute]).map(without_method);
    let says = route.is_some() || input.has_path() || input.has_url();
    if says {
        // The path is not looked at where the route says it all: it differs from call to call.
        let path = match route {
            Some(route) if http::is_route(route) => None,
            _ => input.path().or_else(|| input.url()),
        };
        http::endpoint(method(input), route, path.unwrap_or("/"), out);
    }
    says
}

/// Go's `http.ServeMux` writes the method into its patterns: `GET /orders/{id}`.
fn without_method(route: &str) -> &str {
    match route.trim().split_once(' ') {
        Some((word, rest)) if word.bytes().all(|b| b.is_ascii_uppercase()) => rest.trim_start(),
        _ => route,
    }
}

fn rpc_route(input: &Input<'_, '_>, out: &mut Template) -> bool {
    let attributes = input.attributes();
    let system = attributes.text(&[Attr::RpcSystemName, Attr::RpcSystem]);
    let Some(method) = attributes.text(&[Attr::RpcMethod]).filter(|_| system.is_some()) else { return false };
    out.clear();
    if let Some(service) = attributes.text(&[Attr::RpcService]).filter(|_| !method.contains('/')) {
        out.text.push_str(service.trim_end_matches('/'));
        out.text.push('/');
    }
    out.text.push_str(method);
    true
}

fn consumer_route(input: &Input<'_, '_>, out: &mut Template) -> bool {
    let Some(system) = input.attributes().text(&[Attr::MessagingSystem]) else { return false };
    let destination = destination(input);
    let says = destination != messaging::Destination::default();
    if says {
        let operation = call::messaging_operation(input).unwrap_or("process");
        messaging::normalize(system, operation, destination, out);
    }
    says
}

/// Writes the entry point that the native format records on the call itself into `out`: a path, with or without
/// a method, or a code frame. Nothing for its word for "not known".
pub(super) fn endpoint(text: &str, out: &mut Template) {
    let text = text.trim();
    match text.split_once(' ') {
        _ if text.eq_ignore_ascii_case("unknown") => out.clear(),
        Some((word, path)) if is_one_of(word, &METHODS) => {
            http::endpoint(word, None, path.trim_start(), out);
        }
        _ if text.starts_with('/') || split_scheme(text).is_some() => set(out, &http::normalize_path(text)),
        _ => set(out, &clean::steady_name(text, 2 * MAX_NAME)),
    }
}

const METHODS: [&str; 9] = ["get", "head", "post", "put", "patch", "delete", "options", "connect", "trace"];

/// Writes the other side of an outbound call into `out`.
pub(super) fn peer(input: &Input<'_, '_>, kind: IoKind, out: &mut Template) {
    out.clear();
    let attributes = input.attributes();
    let host = attributes.text(&HOSTS).map(host_of).unwrap_or_default();
    match kind {
        IoKind::Http | IoKind::Search | IoKind::GenAi => match input.url().map(host_of) {
            Some(named) if !named.is_empty() => push_lower(named, out),
            _ => push_lower(host, out),
        },
        IoKind::Rpc => match attributes.text(&[Attr::RpcService]) {
            Some(service) => out.text.push_str(service),
            None => push_lower(host, out),
        },
        IoKind::Messaging => {
            messaging::normalize("", "publish", destination(input), out);
            let verb = if out.text.starts_with("publish ") { "publish ".len() } else { out.text.len() };
            out.text.drain(..verb);
        }
        _ => {
            push_lower(host, out);
            if let Some(database) = attributes.text(&[Attr::DbNamespace, Attr::DbName, Attr::DbInstance]) {
                out.text.push_str(if host.is_empty() { "" } else { "/" });
                out.text.push_str(database);
            }
        }
    }
}

fn push_lower(host: &str, out: &mut Template) {
    out.text.extend(host.chars().map(|ch| ch.to_ascii_lowercase()));
}

/// Returns the host of a URL or address, without user and port.
fn host_of(address: &str) -> &str {
    let rest = split_scheme(address).map_or(address, |(_, rest)| rest);
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let rest = &rest[..end];
    let host = rest.bytes().rposition(|byte| byte == b'@').map_or(rest, |at| &rest[at + 1..]);
    let port = host.bytes().rposition(|byte| byte == b':');
    let host = match port.map(|at| (&host[..at], &host[at + 1..])) {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && !name.contains(':')
                || host.ends_with(port) && name.ends_with(']') =>
        {
            name
        }
        _ => host,
    };
    host.trim_end_matches('.')
}

/// Returns the region of resource or span, and how many cannot be a region and are left out.
pub(super) fn region<'s>(input: &Input<'s, '_>) -> (&'s str, u64) {
    let mut rejected = 0;
    for attributes in [input.resource(), input.attributes()] {
        let Some(region) = attributes.text(&[Attr::CloudRegion]).map(str::trim) else { continue };
        let valid = region.len() <= 64
            && region.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if valid {
            return (region, rejected);
        }
        rejected += 1;
    }
    ("", rejected)
}

/// Interns the first of the `keys` that resource or span has, as `key=value`.
pub(super) fn grouping(input: &Input<'_, '_>, keys: &[String], texts: &mut Texts) -> TextId {
    for key in keys {
        let value = named(input.resource(), key).or_else(|| named(input.attributes(), key));
        let value = value.unwrap_or_default();
        let value = clean::printable(&value, MAX_NAME);
        if !value.is_empty() {
            return texts.intern(&format!("{key}={value}"));
        }
    }
    TextId::EMPTY
}

/// Returns an attribute that the configuration names, be it in the table or not.
fn named<'s>(attributes: Attributes<'s, '_>, key: &str) -> Option<Cow<'s, str>> {
    let value = match Attr::of(key) {
        Some(attr) => attributes.get(attr),
        None => attributes.named().find(|(name, _)| *name == key).map(|(_, value)| value),
    };
    value.map(Value::display)
}

/// Returns where in the source the span was made, the new names first.
pub(super) fn code(input: &Input<'_, '_>, texts: &mut Texts) -> CodeLocation {
    let attributes = input.attributes();
    let full = attributes.text(&[Attr::CodeFunctionName, Attr::CodeFunction]).unwrap_or("");
    let (namespace, function) = match attributes.text(&[Attr::CodeNamespace]) {
        Some(namespace) => (namespace, split_function(full).1),
        None => split_function(full),
    };
    let file = attributes.text(&[Attr::CodeFilePath, Attr::CodeFilepath]).unwrap_or("");
    let line = attributes.int(&[Attr::CodeLineNumber, Attr::CodeLineno]).unwrap_or(0);
    CodeLocation {
        function: texts.intern(&clean::printable(function, 2 * MAX_NAME)),
        namespace: texts.intern(&clean::printable(namespace, 2 * MAX_NAME)),
        file: texts.intern(&clean::printable(file, MAX_PATH)),
        line: u32::try_from(line).unwrap_or(0),
    }
}

/// Splits a qualified function at its last separator: a dot, `::` (C++, Ruby, PHP, Rust), `#` (Ruby,
/// Java), or PHP's backslash. `com.shop.Orders.list` is `com.shop.Orders` and `list`.
fn split_function(name: &str) -> (&str, &str) {
    let name = name.trim();
    let dot = name.rfind(['.', '#']).map(|at| (at, 1));
    let colons = name.rfind("::").map(|at| (at, 2));
    let last = dot.max(colons).or_else(|| name.rfind('\\').map(|at| (at, 1)));
    match last {
        Some((at, len)) if at + len < name.len() => (&name[..at], &name[at + len..]),
        _ => ("", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let cases = [
            ("http://user:pw@Shop.Example:8080/x?y", "Shop.Example"),
            ("db.example:5432", "db.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("http://[::1]:80/x", "[::1]"),
            ("::1", "::1"),
            ("https://h?token=1", "h"),
            ("", ""),
        ];
        for (address, want) in cases {
            assert_eq!(host_of(address), want, "{address}");
        }
    }

    #[test]
    fn functions() {
        let cases = [
            ("com.shop.Orders.list", ("com.shop.Orders", "list")),
            ("shop::orders::list", ("shop::orders", "list")),
            ("App\\Orders::list", ("App\\Orders", "list")),
            ("App\\list", ("App", "list")),
            ("github.com/shop/db.(*Repo).Find", ("github.com/shop/db.(*Repo)", "Find")),
            ("OrdersController#show", ("OrdersController", "show")),
            ("main", ("", "main")),
            ("odd.", ("", "odd.")),
        ];
        for (name, want) in cases {
            assert_eq!(split_function(name), want, "{name}");
        }
    }

    #[test]
    fn endpoints_of_the_native_format() {
        let cases = [
            ("POST /api/orders/42/submit?x=1", "POST /api/orders/{id}/submit"),
            ("/api/orders/42?token=secret", "/api/orders/{id}"),
            ("https://u:p@shop/api/7#x", "/api/{id}"),
            ("com.shop.Orders.list", "com.shop.Orders.list"),
            ("unknown", ""),
        ];
        for (text, want) in cases {
            let mut out = Template::default();
            endpoint(text, &mut out);
            assert_eq!(out.text, want, "{text}");
        }
    }
}
