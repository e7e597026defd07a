//! Routes that instrumentations record, in one notation, and the values that the path has in their places.

use crate::normalize::Template;
use crate::normalize::shape::{self, Shape};

/// Returns whether a route names an endpoint. A bare wildcard (`/**`) names none.
pub(super) fn tells_something(route: &str) -> bool {
    let route = route.trim();
    route == "/" || !route.bytes().all(|b| matches!(b, b'/' | b'*' | b'{' | b'}' | b'^' | b'$' | b'.'))
}

/// Writes a route in one notation, and as parameters what the path has in the variable places.
///
/// A path that does not fit the route (a prefix was added or stripped on the way) is one parameter.
pub(super) fn write_route(route: &str, path: &str, out: &mut Template) {
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
