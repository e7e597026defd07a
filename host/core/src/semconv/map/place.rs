//! Where a span was made and for whom: service, entry point, other side, tenant, region, source.

use super::call::{self, is_one_of};
use super::render::{HOSTS, destination, method};
use super::{Input, clean};
use crate::loss::Losses;
use crate::normalize::{Template, http, messaging};
use crate::semconv::{Attr, AttrSet};
use crate::trace::{CodeLocation, IoKind, SpanRole, Texts};
use std::borrow::Cow;

/// Longest names, in bytes; the reference formats cap theirs alike.
const MAX_NAME: usize = 256;
const MAX_PATH: usize = 1024;

/// Returns `service.name`, `unknown` when it is missing or blank.
pub(super) fn service<'s>(input: &Input<'s, '_>) -> Cow<'s, str> {
    let name =
        input.resource.text(&[Attr::ServiceName]).or_else(|| input.attributes().text(&[Attr::ServiceName]));
    let name = clean::printable(name.unwrap_or(""), MAX_NAME);
    if name.is_empty() { Cow::Borrowed("unknown") } else { name }
}

/// Returns the entry point of a server or consumer span.
pub(super) fn route(input: &Input<'_, '_>, role: SpanRole, scratch: &mut Template) -> String {
    let attributes = input.attributes();
    let route = match role {
        SpanRole::Consumer => consumer_route(input, scratch),
        _ => http_route(input, scratch).or_else(|| rpc_route(input)),
    };
    let route =
        route.or_else(|| attributes.text(&[Attr::SourceEndpoint]).map(|text| endpoint(text, scratch)));
    clean::printable(
        &route.unwrap_or_else(|| clean::steady_name(&input.raw.name, MAX_NAME).into_owned()),
        2 * MAX_NAME,
    )
    .into_owned()
}

fn http_route(input: &Input<'_, '_>, scratch: &mut Template) -> Option<String> {
    let attributes = input.attributes();
    let route = attributes.text(&[Attr::HttpRoute]).map(without_method);
    let path =
        attributes.text(&[Attr::UrlPath, Attr::HttpTarget, Attr::HttpPath]).or_else(|| call::url(input));
    if route.is_none() && path.is_none() {
        return None;
    }
    http::endpoint(method(input), route, path.unwrap_or("/"), scratch);
    Some(scratch.text.clone())
}

/// Go's `http.ServeMux` writes the method into its patterns: `GET /orders/{id}`.
fn without_method(route: &str) -> &str {
    match route.trim().split_once(' ') {
        Some((word, rest)) if word.bytes().all(|b| b.is_ascii_uppercase()) => rest.trim_start(),
        _ => route,
    }
}

fn rpc_route(input: &Input<'_, '_>) -> Option<String> {
    let attributes = input.attributes();
    attributes.text(&[Attr::RpcSystemName, Attr::RpcSystem])?;
    let method = attributes.text(&[Attr::RpcMethod])?;
    match attributes.text(&[Attr::RpcService]) {
        Some(service) if !method.contains('/') => Some(format!("{}/{method}", service.trim_end_matches('/'))),
        _ => Some(method.to_owned()),
    }
}

fn consumer_route(input: &Input<'_, '_>, scratch: &mut Template) -> Option<String> {
    let attributes = input.attributes();
    let system = attributes.text(&[Attr::MessagingSystem])?;
    let destination = destination(input);
    if destination == messaging::Destination::default() {
        return None;
    }
    let operation = call::messaging_operation(input).unwrap_or("process");
    messaging::normalize(system, operation, destination, scratch);
    Some(scratch.text.clone())
}

/// Returns the entry point that the native format records on the call itself: a path, with or without
/// a method, or a code frame. Nothing for its word for "not known".
pub(super) fn endpoint(text: &str, scratch: &mut Template) -> String {
    let text = text.trim();
    if text.eq_ignore_ascii_case("unknown") {
        return String::new();
    }
    match text.split_once(' ') {
        Some((word, path)) if is_one_of(word, &METHODS) => {
            http::endpoint(word, None, path.trim_start(), scratch);
            scratch.text.clone()
        }
        _ if text.starts_with('/') || text.contains("://") => http::normalize_path(text),
        _ => clean::steady_name(text, 2 * MAX_NAME).into_owned(),
    }
}

const METHODS: [&str; 9] = ["get", "head", "post", "put", "patch", "delete", "options", "connect", "trace"];

/// Returns the other side of an outbound call.
pub(super) fn peer(input: &Input<'_, '_>, kind: IoKind, scratch: &mut Template) -> String {
    let attributes = input.attributes();
    let host = attributes.text(&HOSTS).map(host_of).unwrap_or_default();
    let peer = match kind {
        IoKind::Http | IoKind::Search | IoKind::GenAi => match call::url(input).map(host_of) {
            Some(named) if !named.is_empty() => named,
            _ => host,
        },
        IoKind::Rpc => attributes.text(&[Attr::RpcService]).map_or(host, str::to_owned),
        IoKind::Messaging => {
            messaging::normalize("", "publish", destination(input), scratch);
            scratch.text.strip_prefix("publish ").unwrap_or("").to_owned()
        }
        _ => {
            let database =
                attributes.text(&[Attr::DbNamespace, Attr::DbName, Attr::DbInstance]).unwrap_or("");
            match (host.is_empty(), database.is_empty()) {
                (false, false) => format!("{host}/{database}"),
                (true, _) => database.to_owned(),
                _ => host,
            }
        }
    };
    clean::printable(&peer, MAX_NAME).into_owned()
}

/// Returns the host of a URL or address, in lower case, without user and port.
fn host_of(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && !name.contains(':')
                || host.ends_with(port) && name.ends_with(']') =>
        {
            name
        }
        _ => host,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns the region of resource or span; one that cannot be a region is counted and left out.
pub(super) fn region<'s>(input: &Input<'s, '_>, losses: &mut Losses) -> &'s str {
    for attributes in [input.resource, input.attributes()] {
        let Some(region) = attributes.text(&[Attr::CloudRegion]).map(str::trim) else { continue };
        let valid = region.len() <= 64
            && region.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if valid {
            return region;
        }
        losses.add("regions_rejected", 1);
    }
    ""
}

/// Returns the first of the `keys` that resource or span has, as `key=value`.
pub(super) fn grouping(input: &Input<'_, '_>, keys: &[String]) -> String {
    for key in keys {
        let value = named(input.resource, key).or_else(|| named(input.attributes(), key));
        let value = value.map(|value| clean::printable(&value, MAX_NAME).into_owned()).unwrap_or_default();
        if !value.is_empty() {
            return format!("{key}={value}");
        }
    }
    String::new()
}

/// Returns an attribute that the configuration names, be it in the table or not.
fn named<'s>(attributes: &'s AttrSet<'_>, key: &str) -> Option<Cow<'s, str>> {
    let known = Attr::of(key).and_then(|attr| attributes.get(attr));
    known
        .or_else(|| attributes.named().find(|(name, _)| *name == key).map(|(_, value)| value))
        .map(|v| v.display())
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
            ("http://user:pw@Shop.Example:8080/x?y", "shop.example"),
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
            assert_eq!(endpoint(text, &mut Template::default()), want, "{text}");
        }
    }
}
