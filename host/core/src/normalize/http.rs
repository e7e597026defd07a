//! HTTP: method, host and path template; values of path and query become parameters.
//!
//! The template reads `GET user-svc/api/users/{id}?expand&page`. Scheme, user information, port,
//! fragment and `;parameters` never reach it; a host that is an address is left out, because
//! addresses change with every deployment. Query keys are sorted and given once, so that the order
//! in which a client writes them does not split a template.
//!
//! A route recorded by the instrumentation (`http.route`, `url.template`) is used in place of the
//! guess by shape, and aligned with the path to find the values. Routes of all frameworks are
//! written one way (`:id`, `<int:id>`, `[id]` and `{id:int}` become `{id}`), so that a client's and
//! a server's template compare. Without a route every segment is typed by its shape: `{id}` for a
//! number, `{uuid}` (with dashes; without, versions 4 and 7), `{ulid}`, `{oid}`, `{hash}`,
//! `{date}`, `{email}`, `{slug}` for words with an identifier, `{token}` for the rest. A plain word
//! before a number stays (`user-{id}`), as do a file extension (`{id}.json`) and a verb
//! (`{id}:activate`).
//!
//! Known limits: identifiers that are words (`/users/alice`) stay; the shape of a number does not
//! tell a count or a level from an identifier (`/tier/3` gives `/tier/{id}`).

use super::shape::{self, Shape};
use super::{Access, Facts, Template, cut, is_hidden};

/// Longest URL that is looked at, in bytes.
const MAX_URL: usize = 64 * 1024;
/// Path segments that go into a template; the rest becomes `...`.
const MAX_SEGMENTS: usize = 16;
/// Longest route taken from an attribute, in bytes.
const MAX_ROUTE: usize = 512;
/// Query keys that go into a template, and their greatest length in bytes.
const MAX_KEYS: usize = 32;
const MAX_KEY: usize = 64;
/// Query pairs kept one by one; the rest is kept as one parameter.
const MAX_PAIRS: usize = 128;

/// Normalizes an outgoing call, from the URL as recorded: absolute with any scheme, or relative.
///
/// The parameters are the variable parts of the path in order, then the query pairs in order.
/// `params_hidden` is set when a value was redacted by the instrumentation.
pub fn normalize(method: &str, url: &str, route: Option<&str>, out: &mut Template) -> Facts {
    let url = Url::parse(cut(url, MAX_URL));
    write(method, url.authority, url.path, url.query, route, out)
}

/// Normalizes an outgoing call recorded in parts: `server.address`, `url.path` and `url.query`.
///
/// `path` may carry a query of its own (`http.target`).
pub fn normalize_parts(
    method: &str,
    address: &str,
    path: &str,
    query: Option<&str>,
    route: Option<&str>,
    out: &mut Template,
) -> Facts {
    let (path, own_query) = split_path(cut(path, MAX_URL));
    let query = query.map(|q| cut(q.trim_start_matches('?'), MAX_URL)).or(own_query);
    write(method, address, path, query, route, out)
}

/// Normalizes the name of a server's endpoint: `GET /orders/{id}`, without host and query.
///
/// The route is preferred; without one the path (or URL) is typed by shape, because an endpoint must
/// not split on identifiers either.
pub fn endpoint(method: &str, route: Option<&str>, url: &str, out: &mut Template) -> Facts {
    write(method, "", Url::parse(cut(url, MAX_URL)).path, None, route, out)
}

/// Returns the template of the path of a URL or path: `/users/42?x=1` gives `/users/{id}`.
///
/// A path that does not begin with a slash keeps doing so. Normalizing the result gives it again.
#[must_use]
pub fn normalize_path(url: &str) -> String {
    let mut out = Template::default();
    write_path(Url::parse(cut(url, MAX_URL)).path, &mut out);
    out.text
}

fn write(
    method: &str,
    authority: &str,
    path: &str,
    query: Option<&str>,
    route: Option<&str>,
    out: &mut Template,
) -> Facts {
    out.clear();
    let access = write_method(method, out);
    out.text.push(' ');
    write_host(authority, out);
    let hidden_path = match route.map(|r| cut(r, MAX_ROUTE)).filter(|r| tells_something(r)) {
        Some(route) => {
            write_route(Url::parse_route(route), path, out);
            false
        }
        None => {
            if !path.starts_with('/') {
                out.text.push('/');
            }
            write_path(path, out)
        }
    };
    let hidden_query = query.is_some_and(|query| write_query(query, out));
    Facts { params_hidden: hidden_path || hidden_query, ..Facts::of(access) }
}

/// Writes the method in upper case, `HTTP` for what is none, and returns what it does.
fn write_method(method: &str, out: &mut Template) -> Access {
    let known = (1..=20).contains(&method.len())
        && method.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'))
        && !method.eq_ignore_ascii_case("_OTHER");
    let start = out.text.len();
    out.text.push_str(if known { method } else { "HTTP" });
    out.text[start..].make_ascii_uppercase();
    match &out.text[start..] {
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY" | "PROPFIND" | "SEARCH" | "REPORT" => Access::Read,
        "HTTP" | "CONNECT" => Access::Unknown,
        _ => Access::Write,
    }
}

/// The parts of a URL that matter here, as slices of it.
struct Url<'a> {
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Self {
        let url = url.trim_ascii();
        let (authority, rest) = split_authority(url);
        let (path, query) = split_path(rest);
        Self { authority, path, query }
    }

    /// Returns the path of a route, which may be a whole URL (`url.template`).
    fn parse_route(route: &'a str) -> &'a str {
        let route = route.trim();
        let rest = if route.contains("://") { split_authority(route).1 } else { route };
        let rest = rest.strip_prefix('^').unwrap_or(rest);
        let rest = rest.strip_suffix('$').unwrap_or(rest);
        // `{?page,size}` of RFC 6570 and a literal query are not part of the path; `:id?` and `(?P<..>` are.
        let rest = rest.split("{?").next().unwrap_or(rest);
        match rest.find('?') {
            Some(at) if rest[at..].contains('=') && !rest[..at].ends_with('(') => &rest[..at],
            _ => rest,
        }
    }
}

fn split_authority(url: &str) -> (&str, &str) {
    let after = match url.find("://") {
        Some(at) if is_scheme(&url[..at]) => &url[at + 3..],
        // `example.com:443` of CONNECT and of relative forms
        _ => {
            let end = url.find(['/', '?', '#']).unwrap_or(url.len());
            return match url[..end].split_once(':') {
                Some((host, port))
                    if !host.is_empty()
                        && (1..=5).contains(&port.len())
                        && port.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    url.split_at(end)
                }
                _ => ("", url),
            };
        }
    };
    after.split_at(after.find(['/', '?', '#', '\\']).unwrap_or(after.len()))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Splits what follows the authority into path and query, without the fragment.
fn split_path(rest: &str) -> (&str, Option<&str>) {
    let rest = rest.split('#').next().unwrap_or(rest);
    match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    }
}

/// Writes the host in lower case without port; nothing for an address.
fn write_host(authority: &str, out: &mut Template) {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let several_colons = host.bytes().filter(|b| *b == b':').count() > 1;
    if host.starts_with('[') || several_colons {
        return;
    }
    let host = host.split(':').next().unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') || host.len() > 255 {
        return;
    }
    for (i, label) in host.split('.').enumerate() {
        if i > 0 {
            out.text.push('.');
        }
        // A label per tenant or per object would give a template each; a word-like one stays.
        match shape::classify(label) {
            kind @ (Shape::Uuid | Shape::Ulid | Shape::Oid) => {
                out.text.push_str(kind.placeholder());
                out.push_param(label);
            }
            kind @ Shape::Hash if label.len() >= 32 => {
                out.text.push_str(kind.placeholder());
                out.push_param(label);
            }
            _ => {
                for ch in label.chars().filter(|ch| !ch.is_control() && *ch != ' ') {
                    out.text.push(ch.to_ascii_lowercase());
                }
            }
        }
    }
}

/// Writes a path typed by shape, `/` for an empty one, and returns whether a value was hidden. Slashes that
/// follow each other are one.
pub(super) fn write_path(path: &str, out: &mut Template) -> bool {
    let start = out.text.len();
    let mut hidden = false;
    let (mut at, mut written) = (0, 0);
    for segment in path.split('/') {
        let is_inner = at > 0 && at + segment.len() < path.len();
        if is_inner && segment.split(';').next().is_some_and(str::is_empty) {
            if let Some((_, matrix)) = segment.split_once(';') {
                out.push_param(matrix);
            }
            at += segment.len() + 1;
            continue;
        }
        if at > 0 {
            out.text.push('/');
        }
        if written > MAX_SEGMENTS {
            out.text.push_str("...");
            // What is not in the template still tells calls apart.
            out.push_param(&path[at..]);
            break;
        }
        at += segment.len() + 1;
        written += 1;
        hidden |= write_segment(segment, out);
    }
    if out.text[start..].bytes().all(|b| b == b'/') {
        out.text.truncate(start);
        if !out.text.ends_with('/') {
            out.text.push('/');
        }
    }
    hidden
}

fn write_segment(segment: &str, out: &mut Template) -> bool {
    let (segment, matrix) = match segment.split_once(';') {
        Some((segment, matrix)) => (segment, Some(matrix)),
        None => (segment, None),
    };
    let hidden = is_hidden(segment);
    if hidden {
        out.text.push_str(Shape::Token.placeholder());
    } else if segment.contains('%') {
        write_encoded(segment, out);
    } else {
        shape::write_segment(segment, segment, out);
    }
    if let Some(matrix) = matrix {
        out.push_param(matrix);
    }
    hidden
}

/// Decodes a segment and types what it says; undecodable ones are values.
fn write_encoded(segment: &str, out: &mut Template) {
    let mut buffer = [0u8; 160];
    match percent_decode(segment, &mut buffer) {
        // A slash or a space that had to be escaped is part of a value.
        Some(decoded) if !decoded.contains(['/', ' ', '{', '}', '%']) => {
            shape::write_segment(decoded, segment, out);
        }
        _ => {
            out.text.push_str(Shape::Token.placeholder());
            out.push_param(segment);
        }
    }
}

/// Returns the decoded text, or nothing when it is malformed, no UTF-8, or longer than the buffer.
fn percent_decode<'b>(text: &str, buffer: &'b mut [u8]) -> Option<&'b str> {
    let mut length = 0;
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        let b = if b == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { b };
        *buffer.get_mut(length)? = b;
        length += 1;
    }
    std::str::from_utf8(&buffer[..length]).ok()
}

fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

/// Returns whether a route names an endpoint. A bare wildcard (`/**`) names none.
fn tells_something(route: &str) -> bool {
    let route = route.trim();
    route == "/" || !route.bytes().all(|b| matches!(b, b'/' | b'*' | b'{' | b'}' | b'^' | b'$' | b'.'))
}

/// Writes a route in one notation, and as parameters what the path has in the variable places.
///
/// A path that does not fit the route (a prefix was added or stripped on the way) is one parameter.
fn write_route(route: &str, path: &str, out: &mut Template) {
    let mark = (out.params.len(), out.ends.len());
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut actual = path.split('/');
    let mut fits = true;
    let mut rest = false;
    let mut consumed = 0;
    out.text.push('/');
    let mut first = true;
    for segment in Segments(Some(route.strip_prefix('/').unwrap_or(route))) {
        if !first {
            out.text.push('/');
        }
        first = false;
        let start = out.text.len();
        let kind = match write_route_segment(segment, &mut out.text) {
            // Some instrumentations record the path itself as the route.
            Place::Fixed if is_value(segment) => {
                out.text.truncate(start);
                out.text.push_str(shape::classify(segment).placeholder());
                Place::Variable
            }
            kind => kind,
        };
        if rest {
            fits = false;
            continue;
        }
        if kind == Place::Rest {
            rest = true;
            if let Some(tail) = path.get(consumed..) {
                out.push_param(tail);
            }
            continue;
        }
        match (kind, actual.next()) {
            (Place::Fixed, Some(found)) => {
                fits &= found.eq_ignore_ascii_case(segment);
                consumed += found.len() + 1;
            }
            (_, Some(found)) => {
                out.push_param(found);
                consumed += found.len() + 1;
            }
            (Place::Optional, None) => {}
            // A route that ends in a slash fits a path that does not.
            (Place::Fixed, None) if segment.is_empty() => {}
            (_, None) => fits = false,
        }
    }
    fits &= rest || actual.all(str::is_empty);
    if !fits {
        out.params.truncate(mark.0);
        out.ends.truncate(mark.1);
        out.push_param(path);
    }
}

fn is_value(segment: &str) -> bool {
    use Shape::{Email, Hash, Id, Oid, Ulid, Uuid};
    matches!(shape::classify(segment), Id | Uuid | Ulid | Oid | Hash | Email)
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Fixed,
    Variable,
    Optional,
    Rest,
}

/// Segments of a route: split at slashes outside brackets, since a pattern may contain one.
struct Segments<'a>(Option<&'a str>);

impl<'a> Iterator for Segments<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.take()?;
        let mut depth = 0usize;
        for (i, b) in rest.bytes().enumerate() {
            match b {
                b'{' | b'(' | b'[' | b'<' => depth += 1,
                b'}' | b')' | b']' | b'>' => depth = depth.saturating_sub(1),
                b'/' if depth == 0 => {
                    self.0 = Some(&rest[i + 1..]);
                    return Some(&rest[..i]);
                }
                _ => {}
            }
        }
        Some(rest)
    }
}

/// Writes one segment of a route with its variables as `{name}`.
fn write_route_segment(segment: &str, text: &mut String) -> Place {
    let mut place = Place::Fixed;
    let mut rest = segment;
    while let Some(at) = rest.find(['{', '<', '[', '(', ':', '*', '$']) {
        let (fixed, tail) = rest.split_at(at);
        let bytes = tail.as_bytes();
        // `projects:search` and `/odata/$metadata` are fixed.
        let literal = match bytes[0] {
            b':' => !fixed.is_empty() && !fixed.ends_with(['-', '.', '~', '}']) && place == Place::Fixed,
            b'$' => !fixed.is_empty() || is_odata(tail),
            _ => false,
        };
        if literal {
            text.push_str(fixed);
            text.push(char::from(bytes[0]));
            rest = &tail[1..];
            continue;
        }
        text.push_str(fixed);
        let (inner, after) = match bytes[0] {
            b'{' => enclosed(tail, b'{', b'}'),
            b'<' => enclosed(tail, b'<', b'>'),
            b'[' => enclosed(tail, b'[', b']'),
            b'(' => enclosed(tail, b'(', b')'),
            _ => {
                let end = tail[1..]
                    .find(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_')
                    .map_or(tail.len(), |end| end + 1);
                (&tail[1..end], &tail[end..])
            }
        };
        // The pattern after `:id(\d+)`.
        let after =
            if bytes[0] == b':' && after.starts_with('(') { enclosed(after, b'(', b')').1 } else { after };
        let (name, catches_all) = variable(inner, bytes[0]);
        text.push('{');
        text.push_str(name);
        text.push('}');
        place = match place {
            Place::Rest => Place::Rest,
            _ if catches_all => Place::Rest,
            _ => Place::Variable,
        };
        rest = after.trim_start_matches(['*', '+']);
        if place == Place::Variable && inner.ends_with('?') {
            place = Place::Optional;
        }
        if let Some(stripped) = rest.strip_prefix('?') {
            rest = stripped;
            if place == Place::Variable {
                place = Place::Optional;
            }
        }
    }
    text.push_str(rest);
    place
}

fn is_odata(segment: &str) -> bool {
    matches!(segment, "$metadata" | "$count" | "$batch" | "$value" | "$ref" | "$links")
}

/// Returns what stands between a bracket and its partner, and what follows.
fn enclosed(text: &str, open: u8, close: u8) -> (&str, &str) {
    let mut depth = 0usize;
    for (i, b) in text.bytes().enumerate() {
        if b == open {
            depth += 1;
        } else if b == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return (&text[1..i], &text[i + 1..]);
            }
        }
    }
    (text.get(1..).unwrap_or(""), "")
}

/// Returns the name of a route variable, and whether it takes all the rest of the path.
fn variable(inner: &str, open: u8) -> (&str, bool) {
    let catches_all = match open {
        b'*' => true,
        b'{' => {
            inner.starts_with('*')
                || inner.ends_with("...")
                || inner.ends_with(":.*")
                || inner.ends_with(":path")
        }
        b'<' => inner.starts_with("path:"),
        b'[' => inner.contains("..."),
        _ => false,
    };
    // `(?P<name>pattern)`, then converter before the name (`<int:id>`) or behind it (`{id:int}`).
    let inner = inner.split_once("?P<").or_else(|| inner.split_once("?<")).map_or(inner, |(_, named)| named);
    let part = if open == b'<' { inner.rsplit(':').next() } else { inner.split(':').next() };
    let part = part.unwrap_or("").trim_start_matches(|ch: char| !ch.is_ascii_alphabetic() && ch != '_');
    let end = part.find(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_').unwrap_or(part.len());
    match &part[..end.min(32)] {
        "" if catches_all => ("path", true),
        "" => ("id", false),
        name => (name, catches_all),
    }
}

/// Writes the sorted keys of a query and its pairs as parameters; returns whether a value was hidden.
pub(super) fn write_query(query: &str, out: &mut Template) -> bool {
    let mut hidden = false;
    let mut keys = [(0u32, 0u32); MAX_KEYS];
    let mut count = 0;
    let mut scratch = std::mem::take(&mut out.scratch);
    let mut rest = query;
    for _ in 0..MAX_PAIRS {
        let (pair, after) = rest.split_once('&').unwrap_or((rest, ""));
        if !pair.is_empty() {
            let (key, value) = match pair.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (pair, None),
            };
            out.push_param(pair);
            hidden |= value.is_some_and(is_hidden_value);
            let start = scratch.len();
            write_query_key(key, value.is_none(), &mut scratch);
            let known =
                keys[..count].iter().any(|&(a, b)| scratch[a as usize..b as usize] == scratch[start..]);
            if known || count == MAX_KEYS || scratch.len() == start {
                scratch.truncate(start);
            } else {
                // Both fit: the scratch holds at most MAX_KEYS short keys.
                keys[count] = (start as u32, scratch.len() as u32);
                count += 1;
            }
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    if !rest.is_empty() {
        out.push_param(rest);
    }
    let keys = &mut keys[..count];
    keys.sort_unstable_by(|a, b| {
        scratch[a.0 as usize..a.1 as usize].cmp(&scratch[b.0 as usize..b.1 as usize])
    });
    for (i, &(start, end)) in keys.iter().enumerate() {
        out.text.push(if i == 0 { '?' } else { '&' });
        out.text.push_str(&scratch[start as usize..end as usize]);
    }
    scratch.clear();
    out.scratch = scratch;
    hidden
}

/// `REDACTED`, `Redacted`, `***`, encoded or not.
fn is_hidden_value(value: &str) -> bool {
    is_hidden(value)
        || (value.len() <= 32 && value.contains('%') && {
            let mut buffer = [0u8; 32];
            percent_decode(value, &mut buffer).is_some_and(is_hidden)
        })
}

/// Writes a query key. A bare one may be a value in itself and must look like a plain word to stay.
fn write_query_key(key: &str, bare: bool, text: &mut String) {
    let mut buffer = [0u8; MAX_KEY];
    let plain = |b: u8| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.' | b'{' | b'}' | b'[' | b']');
    match percent_decode(key, &mut buffer) {
        Some(key) if !bare || key.bytes().all(plain) => {
            shape::write_key(key, text);
        }
        _ => text.push_str(Shape::Token.placeholder()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(method: &str, url: &str, route: Option<&str>) -> (String, Vec<String>, Facts) {
        let mut out = Template::default();
        let facts = normalize(method, url, route, &mut out);
        let params = out.params().map(str::to_owned).collect();
        (out.text, params, facts)
    }

    fn check(url: &str, template: &str, params: &[&str]) {
        let (text, found, _) = call("GET", url, None);
        assert_eq!(
            (text.as_str(), found.as_slice()),
            (&*format!("GET {template}"), &*params.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>()),
            "{url}"
        );
    }

    fn check_route(route: &str, path: &str, template: &str, params: &[&str]) {
        let (text, found, _) = call("GET", path, Some(route));
        assert_eq!(text, format!("GET {template}"), "{route} {path}");
        assert_eq!(found, params, "{route} {path}");
    }

    #[test]
    fn urls() {
        check("/api/orders/42/submit", "/api/orders/{id}/submit", &["42"]);
        check("http://user-svc:5000/api/users/7", "user-svc/api/users/{id}", &["7"]);
        check("HTTP://user-svc:5000/api/users/7", "user-svc/api/users/{id}", &["7"]);
        check("wss://bob:pw@Gate.Ex.COM.:1/x", "gate.ex.com/x", &[]);
        check("grpc://svc/x", "svc/x", &[]);
        check("https://svc.internal/i/99?expand=true", "svc.internal/i/{id}?expand", &["99", "expand=true"]);
        check("/s?b=1&a=2&b=3", "/s?a&b", &["b=1", "a=2", "b=3"]);
        check("/s?a=1&&b=2", "/s?a&b", &["a=1", "b=2"]);
        check("/s?items[0]=1&items%5B1%5D=2", "/s?items[{id}]", &["items[0]=1", "items%5B1%5D=2"]);
        check("/s?wsdl", "/s?wsdl", &["wsdl"]);
        check("/s?dGhpc2lzc2VjcmV0", "/s?{token}", &["dGhpc2lzc2VjcmV0"]);
        check("http://10.0.0.1:8080/x/1", "/x/{id}", &["1"]);
        check("http://[::1]:80/x", "/x", &[]);
        check("http://h?token=1", "h/?token", &["token=1"]);
        check("http://h#f", "h/", &[]);
        check("", "/", &[]);
        check("http://svc", "svc/", &[]);
        check("users/3", "/users/{id}", &["3"]);
        check("http://svc//api///7//x", "svc/api/{id}/x", &["7"]);
        check("/a//;v=1//b//", "/a/b/", &["v=1"]);
        check("/a////", "/a/", &[]);
        check("example.com:443", "example.com/", &[]);
        check("/login?next=http://evil/1", "/login?next", &["next=http://evil/1"]);
        check("/a;jsessionid=12/b#x", "/a/b", &["jsessionid=12"]);
    }

    #[test]
    fn segments() {
        for (segment, expected) in [
            ("42", "{id}"),
            ("-3", "{id}"),
            ("%34%32", "{id}"),
            ("550e8400-e29b-41d4-a716-446655440000", "{uuid}"),
            ("550E8400-E29B-41D4-A716-446655440000", "{uuid}"),
            ("550e8400e29b41d4a716446655440000", "{uuid}"),
            ("d41d8cd98f00b204e9800998ecf8427e", "{hash}"),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "{hash}"),
            ("507f1f77bcf86cd799439011", "{oid}"),
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "{ulid}"),
            ("2024-01-02", "{date}"),
            ("2024-01-02T10:00:00Z", "{date}"),
            ("2024-01", "{date}"),
            ("alice@example.com", "{email}"),
            ("alice%40example.com", "{email}"),
            ("my-post-12345", "{slug}"),
            ("ORD-1001", "{slug}"),
            ("user123", "{slug}"),
            ("user-7", "user-{id}"),
            ("user_1001", "user_{id}"),
            ("42.json", "{id}.json"),
            ("report-12.pdf", "report-{id}.pdf"),
            ("index.html", "index.html"),
            ("main.3f2a9b1c.js", "{slug}.js"),
            ("123:activate", "{id}:activate"),
            ("projects:search", "projects:search"),
            ("order-550e8400-e29b-41d4-a716-446655440000", "order-{uuid}"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "{token}"),
            ("dQw4w9WgXcQ", "{token}"),
            ("xK9pL2mQ7rT4", "{token}"),
            ("0xdeadbeef", "{hash}"),
            ("REDACTED", "{token}"),
            ("hello%20world", "{token}"),
            ("key=value", "{token}"),
            ("{id}", "{id}"),
            ("{userId}", "{userId}"),
            ("{hunter2024x}", "{token}"),
        ] {
            assert_eq!(normalize_path(&format!("/a/{segment}/b")), format!("/a/{expected}/b"));
        }
    }

    #[test]
    fn reserved_characters_make_a_value() {
        for ch in "%&'()*+,:=@".chars() {
            assert_eq!(normalize_path(&format!("/a{ch}z")), "/{token}", "{ch}");
        }
    }

    #[test]
    fn words_stay() {
        for word in [
            "v1",
            "v2beta1",
            "v1.2",
            "V3",
            "2.0",
            "en",
            "en-US",
            "de_AT",
            "zh-Hant-TW",
            "users",
            "user-profile",
            "user_profile",
            "hello.world.again",
            "getCustomerOrderHistory",
            "GetHTTPResponse",
            "iOS",
            "OData",
            "oauth2",
            "k8s",
            "s3",
            "i18n",
            "base64",
            "utf8",
            "utf-8",
            "sha256",
            "sha-256",
            "sha512",
            "x509",
            "ed25519",
            "log4j",
            "route53",
            "ec2",
            "http2",
            "ipv6",
            "mp3",
            "h264",
            "page2",
            "step1",
            "top10",
            "30days",
            "2fa",
            "3d",
            "1080p",
            "web3auth",
            "oauth2callback",
            "s3bucket",
            "k6-test-runs",
            "j4elk",
            "html",
            "https",
            "xmlrpc.php",
            "wp-json",
            "wp-login.php",
            "graphql",
            "healthz",
            ".well-known",
            "openid-configuration",
            "robots.txt",
            "favicon.ico",
            "$metadata",
            "forgot-password-confirmation",
            "caf%C3%A9",
            "straße",
            "настройки",
            "設定",
            "abcdef",
            "facade",
            "deadbeef",
            "Microsoft.Compute",
            "virtualMachines",
            "resourceGroups",
            "pkg.Service",
            "api-docs",
            "swagger-ui",
            "beef-wellington",
            "_search",
            "~alice",
            "rhythms",
            "a",
            "x",
            "by",
            "cgi-bin",
            "jwks.json",
            "sitemap.xml",
            "jquery.min.js",
        ] {
            assert_eq!(normalize_path(&format!("/{word}")), format!("/{word}"));
        }
    }

    #[test]
    fn paths() {
        assert_eq!(normalize_path("123/"), "{id}/");
        assert_eq!(normalize_path("////"), "/");
        assert_eq!(normalize_path("/products//org/3"), "/products/org/{id}");
        assert_eq!(normalize_path("https://h/users/1?x#y"), "/users/{id}");
        let long = "/a".repeat(40);
        assert_eq!(normalize_path(&long), format!("{}/...", "/a".repeat(16)));
    }

    #[test]
    fn routes() {
        check_route(
            "/users/{userId}/posts/{id}",
            "/users/7/posts/ab",
            "/users/{userId}/posts/{id}",
            &["7", "ab"],
        );
        check_route("/users/:id", "http://h/users/bob?x=1", "h/users/{id}?x", &["bob", "x=1"]);
        check_route("author/<int:pk>/", "/author/3/", "/author/{pk}/", &["3"]);
        check_route("^author/(?P<pk>[^/]+)/$", "/author/3/", "/author/{pk}/", &["3"]);
        check_route("/a/{id:[0-9]{1,3}}", "/a/3", "/a/{id}", &["3"]);
        check_route("/a/:id(\\d+)?", "/a", "/a/{id}", &[]);
        check_route("/a/{id?}", "/a", "/a/{id}", &[]);
        check_route("/files/*", "/files/x/y.txt", "/files/{path}", &["x/y.txt"]);
        check_route("/files/{*rest}", "/files/x/y", "/files/{rest}", &["x/y"]);
        check_route("/docs/[...slug]", "/docs/x/y", "/docs/{slug}", &["x/y"]);
        check_route("/r/{id}.json", "/r/4.json", "/r/{id}.json", &["4.json"]);
        // A gateway added a prefix: the path as a whole tells the calls apart.
        check_route("/users/{id}", "/api/users/7", "/users/{id}", &["api/users/7"]);
        // Not routes.
        check_route("/**", "/x/7", "/x/{id}", &["7"]);
        check_route("/users/42", "/users/42", "/users/{id}", &["42"]);
        check_route("https://h/users/{id}{?page}", "https://h/users/1", "h/users/{id}", &["1"]);
        check_route("/v1/projects:search", "/v1/projects:search", "/v1/projects:search", &[]);
        check_route("/", "/", "/", &[]);
    }

    #[test]
    fn endpoints_have_no_host_and_no_query() {
        let mut out = Template::default();
        endpoint("get", None, "http://h:1/orders/4?a=1", &mut out);
        assert_eq!(out.text, "GET /orders/{id}");
        endpoint("GET", Some("/orders/{id}"), "/orders/4", &mut out);
        assert_eq!(out.text, "GET /orders/{id}");
        normalize_parts("PUT", "Svc.", "/o/4?x=1", None, None, &mut out);
        assert_eq!(out.text, "PUT svc/o/{id}?x");
        normalize_parts("PUT", "svc", "/o/4", Some("?y=1"), None, &mut out);
        assert_eq!(out.text, "PUT svc/o/{id}?y");
    }

    #[test]
    fn methods() {
        for (method, text, access) in [
            ("get", "GET /", Access::Read),
            ("HEAD", "HEAD /", Access::Read),
            ("Post", "POST /", Access::Write),
            ("purge", "PURGE /", Access::Write),
            ("_OTHER", "HTTP /", Access::Unknown),
            ("", "HTTP /", Access::Unknown),
            ("GET secret", "HTTP /", Access::Unknown),
        ] {
            let (found, _, facts) = call(method, "/", None);
            assert_eq!((&*found, facts.access), (text, access));
        }
    }

    #[test]
    fn redacted_values_are_hidden_parameters() {
        for url in ["/x?a=REDACTED", "/x?a=Redacted&b=1", "/x?a=%5BREDACTED%5D", "/x/REDACTED", "/x?a=***"] {
            assert!(call("GET", url, None).2.params_hidden, "{url}");
        }
        assert!(!call("GET", "/x?a=1", None).2.params_hidden);
    }

    proptest! {
        #[test]
        fn total_and_idempotent(url in "\\PC{0,80}", method in "\\PC{0,8}", route in proptest::option::of("\\PC{0,40}")) {
            let mut out = Template::default();
            normalize(&method, &url, route.as_deref(), &mut out);
            let once = normalize_path(&url);
            prop_assert_eq!(normalize_path(&once), once);
        }

        #[test]
        fn idempotent_on_what_paths_are_made_of(url in "(/?[a-zA-Z0-9%{}:;?#&=@._~é-]{0,12}){0,8}") {
            let once = normalize_path(&url);
            prop_assert_eq!(normalize_path(&once), once);
        }

        #[test]
        fn bytes_of_any_kind(url in proptest::collection::vec(any::<char>(), 0..60)) {
            let url: String = url.into_iter().collect();
            let once = normalize_path(&url);
            prop_assert_eq!(normalize_path(&once), once);
        }

        #[test]
        fn no_value_survives(user in "[a-z]{3}[0-9]{9}", number in 1000u64.., value in "[A-Za-z0-9]{10}") {
            let url = format!("https://{user}:{value}@svc/a/{number}/b?k={value}&l={value}#{value}");
            let (text, _, _) = call("GET", &url, None);
            prop_assert_eq!(text, "GET svc/a/{id}/b?k&l");
        }

        #[test]
        fn the_order_of_keys_does_not_matter(mut keys in proptest::collection::vec("[a-z]{1,5}", 1..10)) {
            let join = |keys: &[String]| format!("/x?{}", keys.iter().map(|k| format!("{k}=1")).collect::<Vec<_>>().join("&"));
            let one = call("GET", &join(&keys), None).0;
            keys.reverse();
            prop_assert_eq!(one, call("GET", &join(&keys), None).0);
        }

        #[test]
        fn templates_are_bounded(part in "\\PC{1,20}", times in 1usize..3000) {
            let url = part.repeat(times);
            prop_assert!(call("GET", &url, None).0.len() < 8192);
            prop_assert!(call("GET", "/x", Some(&url)).0.len() < 8192);
        }
    }
}
