//! A span as bytes, about 90 of them: how spans wait for the rest of their trace, in memory or in a file. Fixed fields
//! first, then numbers of variable length, then what only some spans have, announced by bits. Written and read by the
//! same program within one run, so there is no version; texts are numbers of the store they were interned in.

use super::{CodeLocation, IoKind, Link, Span, SpanFlags, SpanId, SpanRole, Status, TextId, TraceId, Verb};

/// What only some spans have, one bit each.
mod has {
    pub const PARENT: u8 = 1;
    pub const CODE: u8 = 2;
    pub const PARAMS: u8 = 4;
    pub const ROWS: u8 = 8;
    pub const BYTES: u8 = 16;
    pub const LINKS: u8 = 32;
}

/// Appends a span.
pub fn write(span: &Span, out: &mut Vec<u8>) {
    out.extend(span.trace.0.to_le_bytes());
    out.extend(span.id.0.to_le_bytes());
    out.extend(span.start_ns.to_le_bytes());
    let optional = [
        (span.parent.is_some(), has::PARENT),
        (!span.code.is_empty(), has::CODE),
        (span.params != 0, has::PARAMS),
        (span.rows.is_some(), has::ROWS),
        (span.response_bytes.is_some(), has::BYTES),
        (!span.links.is_empty(), has::LINKS),
    ];
    let bits = optional.iter().filter(|(there, _)| *there).fold(0, |bits, (_, bit)| bits | bit);
    out.extend([bits, span.kind as u8, span.role as u8, span.status as u8, span.verb as u8]);
    number(span.duration_ns, out);
    number(u64::from(span.flags.0), out);
    number(u64::from(span.batch_size), out);
    for text in texts(span) {
        number(u64::from(text.0), out);
    }
    if let Some(parent) = span.parent {
        out.extend(parent.0.to_le_bytes());
    }
    if bits & has::CODE != 0 {
        let CodeLocation { function, namespace, file, line } = span.code;
        [function.0, namespace.0, file.0, line].iter().for_each(|part| number(u64::from(*part), out));
    }
    if bits & has::PARAMS != 0 {
        out.extend(span.params.to_le_bytes());
    }
    if let Some(rows) = span.rows {
        number(u64::from(rows), out);
    }
    if let Some(bytes) = span.response_bytes {
        number(bytes, out);
    }
    if bits & has::LINKS != 0 {
        number(span.links.len() as u64, out);
        for link in &span.links {
            out.extend(link.trace.0.to_le_bytes());
            out.extend(link.span.0.to_le_bytes());
        }
    }
}

fn texts(span: &Span) -> [TextId; 9] {
    let Span { service, name, template, system, peer, route, scope, region, grouping, .. } = span;
    [*service, *name, *template, *system, *peer, *route, *scope, *region, *grouping]
}

/// Reads the next span and moves `bytes` behind it; `None` at the end, or where no span is written.
pub fn read(bytes: &mut &[u8]) -> Option<Span> {
    let trace = TraceId(u128::from_le_bytes(take(bytes)?));
    let id = SpanId(u64::from_le_bytes(take(bytes)?));
    let start_ns = u64::from_le_bytes(take(bytes)?);
    let [bits, kind, role, status, verb] = take(bytes)?;
    let duration_ns = varint(bytes)?;
    let flags = SpanFlags(small(bytes)?);
    let batch_size = small(bytes)?;
    let mut texts = [TextId::EMPTY; 9];
    for text in &mut texts {
        *text = TextId(small(bytes)?);
    }
    let [service, name, template, system, peer, route, scope, region, grouping] = texts;
    let mut span = Span {
        trace,
        id,
        parent: None,
        start_ns,
        duration_ns,
        kind: IoKind::of(kind)?,
        role: SpanRole::of(role)?,
        status: Status::of(status)?,
        verb: Verb::of(verb)?,
        flags,
        service,
        name,
        template,
        system,
        peer,
        route,
        scope,
        region,
        grouping,
        code: CodeLocation::default(),
        params: 0,
        batch_size,
        rows: None,
        response_bytes: None,
        links: Vec::new(),
    };
    if bits & has::PARENT != 0 {
        span.parent = Some(SpanId(u64::from_le_bytes(take(bytes)?)));
    }
    if bits & has::CODE != 0 {
        let mut part = || small(bytes);
        let (function, namespace, file) = (TextId(part()?), TextId(part()?), TextId(part()?));
        span.code = CodeLocation { function, namespace, file, line: part()? };
    }
    if bits & has::PARAMS != 0 {
        span.params = u64::from_le_bytes(take(bytes)?);
    }
    if bits & has::ROWS != 0 {
        span.rows = Some(small(bytes)?);
    }
    if bits & has::BYTES != 0 {
        span.response_bytes = Some(varint(bytes)?);
    }
    if bits & has::LINKS != 0 {
        for _ in 0..varint(bytes)? {
            let trace = TraceId(u128::from_le_bytes(take(bytes)?));
            span.links.push(Link { trace, span: SpanId(u64::from_le_bytes(take(bytes)?)) });
        }
    }
    Some(span)
}

/// Appends a number, seven bits a byte, the lowest first.
pub fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a number.
pub fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn small(bytes: &mut &[u8]) -> Option<u32> {
    varint(bytes)?.try_into().ok()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: u64) {
            let mut out = Vec::new();
            number(value, &mut out);
            let mut bytes = &out[..];
            prop_assert_eq!(varint(&mut bytes), Some(value));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            read(&mut &bytes[..]);
        }

        #[test]
        fn spans_come_back(
            ids in (any::<u128>(), any::<u64>(), any::<Option<u64>>()),
            times in (any::<u64>(), any::<u64>()),
            enums in (0..10u8, 0..5u8, 0..6u8, 0..5u8),
            texts in any::<[u32; 9]>(),
            code in any::<[u32; 4]>(),
            facts in (any::<u32>(), any::<u64>(), any::<u32>(), any::<Option<u32>>(), any::<Option<u64>>()),
            links in proptest::collection::vec((any::<u128>(), any::<u64>()), 0..3),
        ) {
            let text = |n: usize| TextId(texts[n]);
            let span = Span {
                trace: TraceId(ids.0),
                id: SpanId(ids.1),
                parent: ids.2.map(SpanId),
                start_ns: times.0,
                duration_ns: times.1,
                kind: IoKind::of(enums.0).unwrap(),
                role: SpanRole::of(enums.1).unwrap(),
                status: Status::of(enums.2).unwrap(),
                verb: Verb::of(enums.3).unwrap(),
                flags: SpanFlags(facts.0),
                service: text(0),
                name: text(1),
                template: text(2),
                system: text(3),
                peer: text(4),
                route: text(5),
                scope: text(6),
                region: text(7),
                grouping: text(8),
                code: CodeLocation {
                    function: TextId(code[0]),
                    namespace: TextId(code[1]),
                    file: TextId(code[2]),
                    line: code[3],
                },
                params: facts.1,
                batch_size: facts.2,
                rows: facts.3,
                response_bytes: facts.4,
                links: links.iter().map(|(trace, span)| Link { trace: TraceId(*trace), span: SpanId(*span) }).collect(),
            };
            let mut out = Vec::new();
            write(&span, &mut out);
            write(&span, &mut out);
            let mut bytes = &out[..];
            for _ in 0..2 {
                // every field is in its debug form
                prop_assert_eq!(format!("{:?}", read(&mut bytes)), format!("{:?}", Some(&span)));
            }
            prop_assert!(read(&mut bytes).is_none());
        }
    }
}
