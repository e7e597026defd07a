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

mod route;
#[cfg(test)]
mod tests;

use super::shape::{self, Shape};
use super::{Access, Facts, Template, cut, is_hidden, split_scheme};
use route::{tells_something, write_route};

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

/// Returns whether a route says what an endpoint is, so that its path adds nothing.
pub(crate) fn is_route(route: &str) -> bool {
    tells_something(cut(route, MAX_ROUTE))
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
        let rest = if split_scheme(route).is_some() { split_authority(route).1 } else { route };
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
    let after = match split_scheme(url) {
        Some((scheme, after)) if is_scheme(scheme) => after,
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
    let end = after.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'));
    after.split_at(end.unwrap_or(after.len()))
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
