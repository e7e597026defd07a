//! Remote procedure calls: `grpc pkg.Service/Method`.
//!
//! The payload is not recorded, so there are no parameters and they always count as hidden.

use super::{Access, Facts, Template, cut};

/// Longest service or method name that goes into a template, in bytes.
const MAX_NAME: usize = 200;

/// Normalizes a call from `rpc.system`, `rpc.service` and `rpc.method`; the span name (by convention
/// `pkg.Service/Method`) stands in for what is missing. The method may also be the full name.
///
/// Health checks and server reflection are chatter.
pub fn normalize(
    system: &str,
    service: Option<&str>,
    method: Option<&str>,
    span_name: &str,
    out: &mut Template,
) -> Facts {
    out.clear();
    let full = method.filter(|m| !m.trim().is_empty()).unwrap_or(span_name);
    let full = full.trim().trim_start_matches('/');
    let (own_service, method) = match full.rsplit_once('/') {
        Some((service, method)) => (service, method),
        None => ("", full),
    };
    let service = match service.map(str::trim) {
        Some(service) if !service.is_empty() => service,
        _ => own_service,
    };
    write_name(if system.is_empty() { "rpc" } else { system }, out);
    out.text.make_ascii_lowercase();
    out.text.push(' ');
    if !service.is_empty() {
        write_name(service, out);
        out.text.push('/');
    }
    write_name(if method.is_empty() { "?" } else { method }, out);
    Facts {
        access: access(method),
        chatter: service.ends_with("grpc.health.v1.Health") || service.ends_with(".ServerReflection"),
        params_hidden: true,
        batch: 1,
    }
}

/// Writes a name with everything that is not part of one replaced.
fn write_name(name: &str, out: &mut Template) {
    for ch in cut(name, MAX_NAME).chars() {
        let kept = ch.is_alphanumeric() || matches!(ch, '.' | '_' | '-' | '/' | '$' | '?' | ':' | '`');
        out.text.push(if kept { ch } else { '_' });
    }
}

/// Reads by the first word of the method's name, as API guidelines have it; the rest is unknown.
fn access(method: &str) -> Access {
    const READS: [&str; 21] = [
        "BatchGet", "Check", "Count", "Describe", "Exists", "Export", "Fetch", "Find", "Get", "Has", "Head",
        "Is", "List", "Load", "Lookup", "Peek", "Query", "Read", "Scan", "Search", "Stat",
    ];
    const WRITES: [&str; 18] = [
        "Add",
        "BatchCreate",
        "BatchDelete",
        "BatchUpdate",
        "Cancel",
        "Create",
        "Delete",
        "Insert",
        "Patch",
        "Post",
        "Put",
        "Remove",
        "Save",
        "Send",
        "Set",
        "Store",
        "Update",
        "Upsert",
    ];
    let begins = |word: &&str| begins_with_word(method, word);
    if READS.iter().any(begins) {
        Access::Read
    } else if WRITES.iter().any(begins) {
        Access::Write
    } else {
        Access::Unknown
    }
}

/// `GetOrder`, `getOrder`, `get_order` and `Get` begin with `Get`; `Getter` and `Issue` do not begin
/// with `Get` and `Is`.
fn begins_with_word(name: &str, word: &str) -> bool {
    match (name.get(..word.len()), name.as_bytes().get(word.len())) {
        (Some(head), next) if head.eq_ignore_ascii_case(word) => next.is_none_or(|b| !b.is_ascii_lowercase()),
        // `batch_get_orders`
        _ => {
            name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("batch_")) && {
                let tail = &name[6..];
                word.strip_prefix("Batch").is_some_and(|w| {
                    tail.get(..w.len()).is_some_and(|head| head.eq_ignore_ascii_case(w))
                        && tail.as_bytes().get(w.len()).is_none_or(|b| !b.is_ascii_lowercase())
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(system: &str, service: Option<&str>, method: Option<&str>, name: &str) -> (String, Facts) {
        let mut out = Template::default();
        let facts = normalize(system, service, method, name, &mut out);
        (out.text, facts)
    }

    #[test]
    fn names() {
        for (system, service, method, name, expected) in [
            ("grpc", Some("pkg.Service"), Some("Method"), "x", "grpc pkg.Service/Method"),
            ("grpc", None, None, "pkg.Service/Method", "grpc pkg.Service/Method"),
            ("grpc", None, Some("/pkg.Service/Method"), "x", "grpc pkg.Service/Method"),
            ("grpc", Some("pkg.Service"), None, "/pkg.Service/Method", "grpc pkg.Service/Method"),
            ("jsonrpc", None, Some("getUser"), "x", "jsonrpc getUser"),
            ("AWS-API", Some("S3"), Some("GetObject"), "", "aws-api S3/GetObject"),
            ("", None, None, "", "rpc ?"),
        ] {
            assert_eq!(call(system, service, method, name).0, expected);
        }
    }

    #[test]
    fn reads_are_told_by_the_first_word() {
        for (method, expected) in [
            ("GetOrder", Access::Read),
            ("getOrder", Access::Read),
            ("get_order", Access::Read),
            ("ListOrders", Access::Read),
            ("BatchGetOrders", Access::Read),
            ("batch_get_orders", Access::Read),
            ("Search", Access::Read),
            ("CreateOrder", Access::Write),
            ("Getaway", Access::Unknown),
            ("IssueRefund", Access::Unknown),
            ("Charge", Access::Unknown),
        ] {
            assert_eq!(call("grpc", Some("s"), Some(method), "").1.access, expected, "{method}");
        }
    }

    #[test]
    fn health_checks_are_chatter() {
        assert!(call("grpc", Some("grpc.health.v1.Health"), Some("Check"), "").1.chatter);
        assert!(!call("grpc", Some("pkg.Health"), Some("Check"), "").1.chatter);
    }

    proptest! {
        #[test]
        fn total_and_bounded(system in "\\PC{0,300}", service in "\\PC{0,300}", method in "\\PC{0,300}") {
            let (text, _) = call(&system, Some(&service), Some(&method), &method);
            prop_assert!(text.chars().count() <= 3 * 200 + 2);
            prop_assert!(text.starts_with(|ch: char| ch != ' ') && !text.contains('\n'));
        }
    }
}
