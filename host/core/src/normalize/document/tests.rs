//! Cases as data, and what must hold for every text.

use super::*;
use proptest::prelude::*;

fn call(
    system: &str,
    text: Option<&str>,
    operation: Option<&str>,
    collection: Option<&str>,
) -> (String, Vec<String>, Facts) {
    let mut out = Template::default();
    let facts = normalize(system, text, operation, collection, &mut out);
    let params = out.params().map(str::to_owned).collect();
    (out.text, params, facts)
}

fn check(system: &str, text: &str, template: &str, params: &[&str]) {
    let (found, values, _) = call(system, Some(text), None, None);
    assert_eq!(found, template, "{text}");
    assert_eq!(values, params, "{text}");
}

#[test]
fn mongodb_commands() {
    check(
        "mongodb",
        r#"{"find": "orders", "filter": {"customer_id": 42}, "limit": 1, "lsid": {"id": "x"}, "$db": "shop"}"#,
        "find orders {customer_id: ?}",
        &["42", "1"],
    );
    check(
        "mongodb",
        r#"{"find": "orders", "filter": {"_id": {"$oid": "507f1f77bcf86cd799439011"}}, "sort": {"at": -1}}"#,
        "find orders {_id: ?} sort {at: ?}",
        &["507f1f77bcf86cd799439011", "-1"],
    );
    check(
        "mongodb",
        r#"{"find": "orders", "filter": {"id": {"$in": [1, 2, 3]}}}"#,
        "find orders {id: {$in: [?]}}",
        &["1", "2", "3"],
    );
    check("mongodb", r#"{"find": "orders", "filter": {}}"#, "find orders", &[]);
    check("mongodb", r#"{"getMore": 77, "collection": "orders"}"#, "getMore orders", &["77"]);
    check(
        "mongodb",
        r#"{"aggregate": "orders", "pipeline": [{"$match": {"a": "x"}}, {"$group": {"_id": "$b"}}], "cursor": {}}"#,
        "aggregate orders pipeline [{$match: {a: ?}}, {$group: {_id: ?}}]",
        &["x", "$b"],
    );
    check(
        "mongodb",
        r#"{"update": "orders", "updates": [{"q": {"_id": 1}, "u": {"$set": {"items.0.n": 5}}}]}"#,
        "update orders updates [{q: {_id: ?}, u: {$set: {items.{id}.n: ?}}}]",
        &["1", "5"],
    );
    check(
        "mongodb",
        "db.orders.find({_id: ObjectId('507f1f77bcf86cd799439011')})",
        "find orders {_id: ?}",
        &["ObjectId", "'507f1f77bcf86cd799439011'"],
    );
    check(
        "mongodb",
        "db.orders.find({a: 1}, {b: 1}).sort({c: -1}).limit(5)",
        "find orders {a: ?} {b: ?} sort {c: ?} limit ?",
        &["1", "1", "-1", "5"],
    );
    check("mongodb", "find orders", "find orders", &["find orders"]);
    check("mongodb", r#"find {"a": 1}"#, "find {a: ?}", &["1"]);
    // A filter alone, with a key that resembles a command.
    check("mongodb", r#"{"address": "secret"}"#, "mongodb {address: ?}", &["secret"]);
    check("elasticsearch", r#"{"scroll_id": "secret"}"#, "elasticsearch {scroll_id: ?}", &["secret"]);
    // Cut off in the middle.
    check("mongodb", r#"{"find": "orders", "filter": {"a": "secr"#, "find orders {a: ?}", &["secr"]);
}

#[test]
fn attributes_are_preferred() {
    let text = Some(r#"{"customer_id": "?"}"#);
    let (found, _, facts) = call("mongodb", text, Some("find"), Some("orders"));
    assert_eq!(found, "find orders {customer_id: ?}");
    assert!(facts.params_hidden && facts.access == Access::Read);
    let (found, _, facts) = call("mongodb", None, Some("find"), Some("orders"));
    assert_eq!(found, "find orders");
    assert!(facts.params_hidden);
    let (found, _, facts) = call("dynamodb", None, Some("DynamoDB.GetItem"), Some("Orders"));
    assert_eq!((&*found, facts.access), ("GetItem Orders", Access::Read));
    assert_eq!(call("mongodb", None, None, None).0, "mongodb");
}

#[test]
fn batches() {
    let text = r#"{"insert": "orders", "documents": [{"a": 1}, {"a": 2}, {"a": 3}]}"#;
    let (found, params, facts) = call("mongodb", Some(text), None, None);
    assert_eq!(found, "insert orders documents [{a: ?}]");
    assert_eq!((params.len(), facts.batch, facts.access), (3, 3, Access::Write));
    let text = "{\"index\": {\"_id\": 1}}\n{\"a\": 5}\n{\"index\": {\"_id\": 2}}\n{\"a\": 6}\n";
    let (found, params, facts) = call("elasticsearch", Some(text), Some("bulk"), Some("orders"));
    assert_eq!(found, "bulk orders {index: {_id: ?}}");
    assert_eq!((params.len(), facts.batch, facts.access), (4, 2, Access::Write));
}

#[test]
fn what_operations_do() {
    for (operation, expected) in [
        ("find", Access::Read),
        ("findAndModify", Access::Write),
        ("findOneAndUpdate", Access::Write),
        ("BatchGetItem", Access::Read),
        ("BatchWriteItem", Access::Write),
        ("Query", Access::Read),
        ("_search", Access::Read),
        ("indices.get", Access::Read),
        ("index", Access::Write),
        ("hello", Access::Unknown),
    ] {
        assert_eq!(access(operation), expected, "{operation}");
    }
    let out = r#"{"aggregate": "a", "pipeline": [{"$merge": "b"}]}"#;
    assert_eq!(call("mongodb", Some(out), None, None).2.access, Access::Write);
    for name in ["hello", "isMaster", "ping", "saslStart", "endSessions"] {
        assert!(call("mongodb", Some(&format!("{{\"{name}\": 1}}")), None, None).2.chatter, "{name}");
    }
}

#[test]
fn elasticsearch_paths() {
    check("elasticsearch", "/orders/_search", "search /orders/_search", &[]);
    check("elasticsearch", "GET /orders/_doc/42", "get /orders/_doc/{id}", &["42"]);
    check("opensearch", "/orders/_search?q=secret", "search /orders/_search?q", &["q=secret"]);
    let text = r#"{"query": {"match": {"title": "secret"}}, "size": 10}"#;
    let (found, _, facts) = call("elasticsearch", Some(text), Some("search"), Some("logs-2024"));
    assert_eq!(found, "search logs-{id} {query: {match: {title: ?}}, size: ?}");
    assert_eq!(facts.access, Access::Read);
}

#[test]
fn stores_of_which_nothing_is_known() {
    check("etcd", "range alice", "range ?", &["alice"]);
    check("etcd", "range", "range", &[]);
    check("etcd", "s3cr3t value", "?", &["s3cr3t value"]);
    check("etcd", "alice@example.com", "?", &["alice@example.com"]);
    check("tablestore", "select a from b where c = 'x'", "select a from b where c = ?", &["'x'"]);
    let (found, _, facts) = call("etcd", Some("put k v"), Some("put"), None);
    assert_eq!((&*found, facts.access), ("put ?", Access::Write));
}

#[test]
fn query_languages() {
    check(
        "neo4j",
        "MATCH (n:User {id: 42, name: 'bob'})-[:KNOWS*1..3]->(m)\n  WHERE m.x IN [1, 2, 3] RETURN m // why",
        "MATCH (n:User {id: ?, name: ?})-[:KNOWS*?]->(m) WHERE m.x IN [?] RETURN m",
        &["42", "'bob'", "1..3", "1", "2", "3"],
    );
    let (found, _, facts) = call("neo4j", Some("MATCH (a)--(b) WHERE a.id = $id DELETE b"), None, None);
    assert_eq!(found, "MATCH (a)--(b) WHERE a.id = ? DELETE b");
    assert!(facts.params_hidden && facts.access == Access::Write);
    check(
        "couchbase",
        "SELECT `a b` FROM t WHERE x = \"s\" -- why",
        "SELECT `a b` FROM t WHERE x = ?",
        &["\"s\""],
    );
}

proptest! {
    #[test]
    fn total_and_bounded(system in "mongodb|elasticsearch|neo4j|couchbase|x", text in "\\PC{0,300}", op in proptest::option::of("\\PC{0,20}")) {
        prop_assert!(call(&system, Some(&text), op.as_deref(), op.as_deref()).0.len() < 8192);
    }

    #[test]
    fn total_on_what_documents_are_made_of(system in "mongodb|elasticsearch|neo4j", text in "([{}\\[\\](),:\"'?$0-9 a-d]|find|é|\\\\|\n){0,80}") {
        prop_assert!(call(&system, Some(&text), None, None).0.len() < 8192);
        let braced = format!("{{{text}");
        prop_assert!(call(&system, Some(&braced), None, None).0.len() < 8192);
    }

    #[test]
    fn no_value_survives(value in "[A-Z]{4}[a-z0-9 ]{4,20}", number in 100_000u64..) {
        let quoted = format!("\"{value}\"");
        for text in [
            format!("{{\"find\": \"c\", \"filter\": {{\"a\": {quoted}, \"b\": [{number}, {quoted}]}}}}"),
            format!("{{\"insert\": \"c\", \"documents\": [{{\"a\": {{\"b\": {quoted}}}}}, {{\"a\": {number}}}]}}"),
            format!("db.c.find({{a: {quoted}, b: {number}}})"),
            format!("find c {{a: {quoted}, b: {number}}}"),
            format!("MATCH (n {{a: {quoted}}}) WHERE n.b = {number} RETURN n"),
        ] {
            for system in ["mongodb", "elasticsearch", "neo4j"] {
                let found = call(system, Some(&text), None, None).0;
                prop_assert!(!found.contains(&value) && !found.contains(&number.to_string()), "{}", found);
            }
        }
    }

    #[test]
    fn deep_nesting_is_cut(depth in 1usize..5000, open in "[\\[{(]|\\{a:") {
        let text = format!("{{\"find\": \"c\", \"filter\": {}", open.repeat(depth));
        prop_assert!(call("mongodb", Some(&text), None, None).0.len() < 8192);
        let bare = open.repeat(MAX_TEXT);
        prop_assert!(call("mongodb", Some(&bare), None, None).0.len() < 8192);
        let object = format!("{{{bare}");
        prop_assert!(call("mongodb", Some(&object), None, None).0.len() < 8192);
    }
}
