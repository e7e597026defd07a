//! Cases as data, and what must hold for every text.

use super::commands::TABLE;
use super::*;
use proptest::prelude::*;

fn call(system: &str, text: &str) -> (String, Vec<String>, Facts) {
    let mut out = Template::default();
    let facts = normalize(system, text, &mut out);
    let params = out.params().map(str::to_owned).collect();
    (out.text, params, facts)
}

fn check(text: &str, template: &str, access: Access) {
    let (found, _, facts) = call("redis", text);
    assert_eq!((found.as_str(), facts.access), (template, access), "{text}");
}

#[test]
fn tables_are_in_order() {
    for row in TABLE {
        for name in row.0 {
            let found = redis(name).map(|command| (command.keys, command.access, command.chatter));
            assert_eq!(found, Some((row.1, row.2, row.3)), "{name}");
        }
    }
}

#[test]
fn commands() {
    use Access::{Read, Unknown, Write};
    check("GET user:42", "GET user:{id}", Read);
    check("get user:42", "GET user:{id}", Read);
    check("HGETALL session:550e8400-e29b-41d4-a716-446655440000", "HGETALL session:{uuid}", Read);
    check("HGET cart:9 item:5", "HGET cart:{id} ?", Read);
    check("MGET user:1 user:2 user:3", "MGET user:{id}", Read);
    check("MGET a:1 b:1 c:1 d:1 e:1 f:1", "MGET a:{id} b:{id} c:{id} d:{id} ...", Read);
    check("DEL a:1 b:2", "DEL a:{id} b:{id}", Write);
    check("SET user:42 ?", "SET user:{id} ?", Write);
    check("set user:42 {\"name\": \"bob\"} ex 60", "SET user:{id} ?", Write);
    check("MSET a:1 secret b:2 secret", "MSET a:{id} ?", Write);
    check("EVAL \"return redis.call('get', KEYS[1])\" 1 user:1", "EVAL ?", Write);
    check("XREAD COUNT 5 STREAMS orders:1 0-0", "XREAD orders:{id} ?", Read);
    check("MEMORY USAGE user:1", "MEMORY USAGE user:{id}", Read);
    check("SCAN 0 MATCH user:*", "SCAN ?", Read);
    check("JSON.GET user:1 $", "JSON.GET user:{id} ?", Read);
    check("JSON.SET user:1 $ {}", "JSON.SET user:{id} ?", Write);
    check("FROB user:1", "FROB user:{id}", Unknown);
    check("hunter2 user:1", "?", Unknown);
    check("alice@example.com", "?", Unknown);
    check("SET k:1 [3 other arguments]", "SET k:{id} ?", Write);
    check("\x00\x01", "?", Unknown);
    check("", "REDIS", Unknown);
}

#[test]
fn hidden_keys() {
    for (text, template, hidden) in [
        ("GET ?", "GET ?", true),
        ("GET", "GET", true),
        ("HGET user:1 ?", "HGET user:{id} ?", true),
        ("HGET user:1 name", "HGET user:{id} ?", false),
        ("SET user:1 ?", "SET user:{id} ?", false),
        ("SET ? ?", "SET ?", true),
        ("MGET ? ? ?", "MGET ?", true),
        ("DBSIZE", "DBSIZE", false),
    ] {
        let (found, _, facts) = call("redis", text);
        assert_eq!((&*found, facts.params_hidden), (template, hidden), "{text}");
    }
}

#[test]
fn parameters_are_the_arguments() {
    assert_eq!(call("redis", "HGET cart:9 \"a b\"").1, ["cart:9", "a b"]);
    assert_eq!(call("redis", "GET ?").1, [""; 0]);
}

#[test]
fn chatter() {
    for text in [
        "HELLO 3",
        "AUTH secret",
        "SELECT 4",
        "PING",
        "CLIENT SETINFO LIB-NAME x",
        "MULTI",
        "EXEC",
        "SUBSCRIBE a",
    ] {
        let (found, _, facts) = call("redis", text);
        assert!(facts.chatter, "{text}");
        assert!(!found.contains("secret"));
    }
    assert_eq!(call("redis", "CLIENT SETINFO LIB-NAME redis-py").0, "CLIENT SETINFO ?");
    assert!(!call("redis", "GET a").2.chatter);
}

#[test]
fn pipelines() {
    for (text, template, batch, access) in [
        ("GET user:1\nGET user:2", "PIPELINE GET", 2, Access::Read),
        ("SET ? ?\nGET ?\nSET ? ?", "PIPELINE SET GET", 3, Access::Write),
        ("GET a;GET b", "PIPELINE GET", 2, Access::Read),
        ("MULTI\nGET a\nINCR b\nEXEC", "PIPELINE GET INCR", 2, Access::Write),
        ("PIPELINE GET SET", "PIPELINE GET SET", 2, Access::Write),
        ("MULTI SET", "PIPELINE SET", 1, Access::Write),
        ("PIPELINE", "PIPELINE", 1, Access::Unknown),
        ("PIPELINED\nGET a\nGET b", "PIPELINE GET", 2, Access::Read),
    ] {
        let (found, _, facts) = call("redis", text);
        assert_eq!((&*found, facts.batch, facts.access), (template, batch, access), "{text}");
    }
    assert_eq!(call("redis", "GET user:1\nGET user:2").1, ["user:1", "user:2"]);
    // The second line belongs to the value.
    assert_eq!(call("redis", "SET a:1 first\nhunter secret").0, "SET a:{id} ?");
}

#[test]
fn memcached_commands() {
    for (text, template, access) in [
        ("get user:42", "get user:{id}", Access::Read),
        ("GET user:42", "get user:{id}", Access::Read),
        ("gets a:1 a:2", "gets a:{id}", Access::Read),
        ("set user:42 0 60 5", "set user:{id} ?", Access::Write),
        ("incr hits:1 1", "incr hits:{id} ?", Access::Write),
        ("gat 60 user:1", "gat user:{id} ?", Access::Read),
        ("get_multi", "get_multi", Access::Read),
    ] {
        let (found, _, facts) = call("memcached", text);
        assert_eq!((&*found, facts.access), (template, access), "{text}");
    }
    assert!(call("memcached", "version").2.chatter);
    assert!(call("memcached", "get").2.params_hidden);
}

proptest! {
    #[test]
    fn total_and_bounded(system in "redis|memcached", text in "\\PC{0,200}") {
        prop_assert!(call(&system, &text).0.len() < 8192);
    }

    #[test]
    fn total_on_what_commands_are_made_of(text in "([a-zA-Z]{0,6}|GET|SET|MGET|[\\[\\]\"';\n ?0-9:]{0,4}| ){0,20}") {
        let (found, _, facts) = call("redis", &text);
        prop_assert!(found.len() < 8192 && facts.batch > 0);
    }

    #[test]
    fn no_value_survives(command in "SET|set|HSET|LPUSH|MSET|SETEX|PUBLISH|ZADD|GETSET", number in 100u64.., value in "[A-Z]{5}[ -~]{0,20}") {
        let found = call("redis", &format!("{command} key:{number} {value}")).0;
        prop_assert_eq!(found, format!("{} key:{{id}} ?", command.to_uppercase()));
    }
}
