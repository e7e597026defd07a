//! Messages: operation and destination, `publish orders`.
//!
//! Operation names of the old and the new conventions become one word each. Destinations are
//! written as patterns, so that reply queues and other generated names do not give a template
//! each. Payloads are not recorded.

use super::{Access, Facts, Template, cut, shape};

/// Longest destination that goes into a template, in bytes.
const MAX_DESTINATION: usize = 512;

/// What a span says about its destination.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// `messaging.destination.name`: topic, queue or exchange.
    pub name: Option<&'a str>,
    /// `messaging.destination.template`; preferred to the name.
    pub template: Option<&'a str>,
    /// `messaging.rabbitmq.destination.routing_key`.
    pub routing_key: Option<&'a str>,
    /// `messaging.destination.temporary`.
    pub temporary: bool,
    /// `messaging.destination.anonymous`.
    pub anonymous: bool,
}

/// Normalizes a message operation.
///
/// `publish` stands for `send` as well, `receive` for `poll`, `process` for `deliver` and `consume`.
/// Settling (`ack`, `nack`, `commit`) and creating a message without sending it are chatter. The
/// default exchange of RabbitMQ is named by its routing key. The parameters are the variable name and
/// the routing key, where they differ from the template. The batch is 1: its size is an attribute, not
/// part of a text.
pub fn normalize(system: &str, operation: &str, destination: Destination<'_>, out: &mut Template) -> Facts {
    out.clear();
    let (word, access, chatter) = canonical(operation);
    if word.is_empty() {
        shape::write_key(cut(operation, 32), &mut out.text);
    } else {
        out.text.push_str(word);
    }
    out.text.push(' ');
    write_destination(system, destination, out);
    Facts { access, chatter, ..Facts::default() }
}

fn write_destination(system: &str, destination: Destination<'_>, out: &mut Template) {
    let text = |value: Option<&'_ str>| value.is_some_and(|v| !v.trim().is_empty());
    let name = destination.name.unwrap_or("").trim();
    if text(destination.template) {
        let template = destination.template.unwrap_or("").trim();
        write_name(template, out);
        if !name.is_empty() && name != template {
            out.push_param(name);
        }
        return;
    }
    if destination.temporary || is_temporary(name) {
        return write_marked("(temporary)", name, out);
    }
    if destination.anonymous || name == "(anonymous)" {
        return write_marked("(anonymous)", name, out);
    }
    let default_exchange = matches!(name, "" | "amq.default" | "(default)" | "default")
        && (system.eq_ignore_ascii_case("rabbitmq") || system.eq_ignore_ascii_case("amqp"));
    let key = destination.routing_key.unwrap_or("").trim();
    if (default_exchange || name.is_empty()) && !key.is_empty() {
        if is_temporary(key) {
            return write_marked("(temporary)", key, out);
        }
        if write_name(key, out) {
            out.push_param(key);
        }
        return;
    }
    if name.is_empty() {
        out.text.push_str("(unknown)");
        return;
    }
    if write_name(short(name), out) {
        out.push_param(name);
    }
    if !key.is_empty() {
        out.push_param(key);
    }
}

fn write_marked(mark: &str, name: &str, out: &mut Template) {
    out.text.push_str(mark);
    if !name.is_empty() {
        out.push_param(name);
    }
}

fn write_name(name: &str, out: &mut Template) -> bool {
    shape::write_key(cut(name, MAX_DESTINATION), &mut out.text)
}

/// Returns whether brokers and clients give such a name to a queue that lives as long as a connection.
fn is_temporary(name: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "amq.gen-",
        "amq.gen.",
        "amq.rabbitmq.reply-to",
        "temp-queue://",
        "temp-topic://",
        "ActiveMQ.Temp",
        "_INBOX.",
        "spring.gen-",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns the queue or topic of an address (`https://sqs.../123/orders`, `arn:aws:sns:...:orders`).
fn short(name: &str) -> &str {
    if name.starts_with("arn:") {
        return name.rsplit(':').next().unwrap_or(name);
    }
    match name.split_once("://") {
        Some((_, address)) => {
            let path = address.split(['?', '#']).next().unwrap_or(address).trim_end_matches('/');
            path.rsplit('/').next().unwrap_or(path)
        }
        None => name.strip_prefix(':').unwrap_or(name),
    }
}

/// Returns the word for an operation (empty: keep as it is), what it does, and whether it is chatter.
fn canonical(operation: &str) -> (&'static str, Access, bool) {
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(operation.trim()));
    if is(&["publish", "send", "produce", "sendmessage", "sendmessagebatch", "enqueue", ""]) {
        ("publish", Access::Write, false)
    } else if is(&["receive", "poll", "pull", "fetch", "receivemessage", "dequeue", "get"]) {
        ("receive", Access::Unknown, false)
    } else if is(&["process", "deliver", "consume", "handle"]) {
        ("process", Access::Unknown, false)
    } else if is(&["create"]) {
        ("create", Access::Unknown, true)
    } else if is(&[
        "settle",
        "ack",
        "nack",
        "reject",
        "commit",
        "complete",
        "abandon",
        "acknowledge",
        "delete",
        "deletemessage",
        "modack",
        "release",
    ]) {
        ("settle", Access::Write, true)
    } else {
        ("", Access::Unknown, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(system: &str, operation: &str, destination: Destination<'_>) -> (String, Vec<String>, Facts) {
        let mut out = Template::default();
        let facts = normalize(system, operation, destination, &mut out);
        let params = out.params().map(str::to_owned).collect();
        (out.text, params, facts)
    }

    fn named(name: &str) -> Destination<'_> {
        Destination { name: Some(name), ..Destination::default() }
    }

    #[test]
    fn operations() {
        for (operation, template, access, chatter) in [
            ("publish", "publish orders", Access::Write, false),
            ("send", "publish orders", Access::Write, false),
            ("receive", "receive orders", Access::Unknown, false),
            ("poll", "receive orders", Access::Unknown, false),
            ("deliver", "process orders", Access::Unknown, false),
            ("ack", "settle orders", Access::Write, true),
            ("create", "create orders", Access::Unknown, true),
            ("frobnicate", "frobnicate orders", Access::Unknown, false),
            ("", "publish orders", Access::Write, false),
        ] {
            let (text, _, facts) = call("kafka", operation, named("orders"));
            assert_eq!((&*text, facts.access, facts.chatter), (template, access, chatter), "{operation}");
        }
    }

    #[test]
    fn destinations() {
        for (name, expected, params) in [
            ("orders.created", "orders.created", 0),
            ("orders-retry-5", "orders-retry-{id}", 1),
            ("reply.550e8400-e29b-41d4-a716-446655440000", "reply.{uuid}", 1),
            ("amq.gen-JzTY20BRgKO-HjmUJj0wLg", "(temporary)", 1),
            ("(anonymous)", "(anonymous)", 1),
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/my-queue", "my-queue", 0),
            ("arn:aws:sns:eu-west-1:123456789012:my-topic", "my-topic", 0),
            ("", "(unknown)", 0),
        ] {
            let (text, found, _) = call("kafka", "send", named(name));
            assert_eq!((text, found.len()), (format!("publish {expected}"), params), "{name}");
        }
        let (text, params, _) = call(
            "mqtt",
            "send",
            Destination { template: Some("/customers/{customerId}"), ..named("/customers/7") },
        );
        assert_eq!((&*text, params), ("publish /customers/{customerId}", vec!["/customers/7".to_owned()]));
        let temporary = Destination { temporary: true, ..named("x") };
        assert_eq!(call("jms", "send", temporary).0, "publish (temporary)");
        let anonymous = Destination { anonymous: true, ..named("x") };
        assert_eq!(call("jms", "send", anonymous).0, "publish (anonymous)");
    }

    #[test]
    fn the_default_exchange_is_named_by_the_routing_key() {
        for name in [None, Some(""), Some("amq.default")] {
            let destination = Destination { name, routing_key: Some("orders"), ..Destination::default() };
            assert_eq!(call("rabbitmq", "publish", destination).0, "publish orders");
        }
        let exchange = Destination { routing_key: Some("order.7"), ..named("events") };
        let (text, params, _) = call("rabbitmq", "publish", exchange);
        assert_eq!((&*text, params), ("publish events", vec!["order.7".to_owned()]));
    }

    proptest! {
        #[test]
        fn total_and_bounded(operation in "\\PC{0,300}", name in "\\PC{0,900}", key in "\\PC{0,900}") {
            let destination = Destination { routing_key: Some(&key), ..named(&name) };
            prop_assert!(call("rabbitmq", &operation, destination).0.len() < 8192);
        }
    }
}
