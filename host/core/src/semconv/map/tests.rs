//! Spans as real instrumentations record them, and what becomes of them. One case per rule and per
//! instrumentation that can be told apart by its attributes.

use super::*;
use crate::report::Coverage;
use crate::trace::{Link, SpanId, SpanRole, Status, TraceId};
use proptest::prelude::*;
use std::borrow::Cow;
use std::fmt::Write as _;

/// A span written as `role|name|key=value|key=value ...`. Roles: `client`, `server`, `producer`,
/// `consumer`, `internal`, and `-` where the format states none. Keys that begin with `res:` belong
/// to the resource; `scope`, `parent`, `link`, `status` and `end` are fields of the span.
struct World {
    mapper: Mapper,
    coverage: CoverageTable,
    losses: Losses,
}

impl World {
    fn new(options: MapOptions) -> Self {
        World {
            mapper: Mapper::new(options, Texts::default()),
            coverage: CoverageTable::default(),
            losses: Losses::default(),
        }
    }

    fn map(&mut self, line: &str) -> Span {
        let mut parts = line.split('|');
        let role = parts.next().unwrap();
        let mut raw = RawSpan {
            trace: TraceId(1),
            id: SpanId(2),
            name: Cow::Borrowed(parts.next().unwrap()),
            role: role_of(role),
            role_stated: role != "-",
            start_ns: 1_000,
            end_ns: 3_000,
            ..RawSpan::default()
        };
        let mut resource = AttrSet::default();
        let mut scope = "";
        let wanted = self.mapper.making.options.wanted();
        for part in parts {
            let (key, value) = part.split_once('=').unwrap();
            match key {
                "scope" => scope = value,
                "parent" => raw.parent = Some(SpanId(value.parse().unwrap())),
                "link" => raw.links.push(Link { trace: TraceId(1), span: SpanId(value.parse().unwrap()) }),
                "status" => raw.status = Status::Error,
                "end" => raw.end_ns = value.parse().unwrap(),
                _ => match key.strip_prefix("res:") {
                    Some(key) => resource.insert(key.into(), value.into(), &wanted),
                    None => raw.attributes.insert(key.into(), value.into(), &wanted),
                },
            }
        }
        let World { mapper, coverage, losses } = self;
        mapper.map(&raw, &resource, scope, coverage, losses)
    }

    /// Writes the fields that a case names, in the order in which it names them.
    fn show(&self, span: &Span, fields: &str) -> String {
        let mut out = String::new();
        for field in fields.split(" ; ").map(|field| field.split('=').next().unwrap()) {
            let text = |id| self.mapper.texts().get(id).to_owned();
            let value = match field {
                "kind" => span.kind.word().to_owned(),
                "role" => format!("{:?}", span.role),
                "verb" => format!("{:?}", span.verb),
                "status" => format!("{:?}", span.status),
                "flags" => flags_of(span.flags),
                "template" => text(span.template),
                "system" => text(span.system),
                "peer" => text(span.peer),
                "route" => text(span.route),
                "name" => text(span.name),
                "service" => text(span.service),
                "scope" => text(span.scope),
                "region" => text(span.region),
                "grouping" => text(span.grouping),
                "function" => text(span.code.function),
                "namespace" => text(span.code.namespace),
                "file" => text(span.code.file),
                "line" => span.code.line.to_string(),
                "batch" => span.batch_size.to_string(),
                "rows" => format!("{:?}", span.rows),
                "bytes" => format!("{:?}", span.response_bytes),
                "links" => span.links.len().to_string(),
                "duration" => span.duration_ns.to_string(),
                "params" => match span.params {
                    0 => "hidden".to_owned(),
                    params::NO_PARAMS => "none".to_owned(),
                    _ => "seen".to_owned(),
                },
                _ => panic!("no field {field}"),
            };
            let separator = if out.is_empty() { "" } else { " ; " };
            write!(out, "{separator}{field}={value}").unwrap();
        }
        out
    }

    fn coverage(&self) -> Coverage {
        self.coverage.rows(self.mapper.texts()).remove(0)
    }
}

fn role_of(word: &str) -> SpanRole {
    match word {
        "client" => SpanRole::Client,
        "server" => SpanRole::Server,
        "producer" => SpanRole::Producer,
        "consumer" => SpanRole::Consumer,
        "internal" | "-" => SpanRole::Internal,
        _ => panic!("no role {word}"),
    }
}

fn flags_of(flags: SpanFlags) -> String {
    let names = [
        (SpanFlags::PARAMS_HIDDEN, "hidden"),
        (SpanFlags::WRITE, "write"),
        (SpanFlags::TRANSACTION, "transaction"),
        (SpanFlags::CHATTER, "chatter"),
        (SpanFlags::RETRY, "retry"),
        (SpanFlags::TRUNCATED, "truncated"),
        (SpanFlags::GENERIC, "generic"),
        (SpanFlags::TIMES_UNKNOWN, "untimed"),
    ];
    let set: Vec<_> = names.iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".to_owned() } else { set.join("+") }
}

fn check(cases: &[(&str, &str)]) {
    for (line, want) in cases {
        let mut world = World::new(MapOptions::default());
        let span = world.map(line);
        assert_eq!(world.show(&span, want), *want, "{line}");
    }
}

fn params_of(line: &str) -> u64 {
    World::new(MapOptions::default()).map(line).params
}

#[test]
fn roles_decide_before_attributes() {
    check(&[
        // An old server span carries a URL and is no outbound call.
        (
            "server|GET nplus1_param/|http.method=GET|http.url=http://testserver/nplus1_param/|http.route=nplus1_param/",
            "kind=other ; role=Server ; route=GET /nplus1_param/",
        ),
        ("consumer|orders process|db.system=redis|db.statement=GET a", "kind=other"),
        (
            "internal|find|db.system=sqlite|db.statement=SELECT a FROM b",
            "kind=sql ; template=SELECT a FROM b",
        ),
        ("internal|Session.find com.shop.Order|db.system=mysql", "kind=other ; flags=none"),
        ("internal|fetch|http.method=GET|http.url=http://shop/a", "kind=http"),
        ("internal|fetch|http.url=http://shop/a", "kind=other"),
        ("producer|send|http.method=POST|http.url=http://shop/a", "kind=other"),
    ]);
}

#[test]
fn attributes_decide_where_no_role_is_stated() {
    check(&[
        ("-|query|db.type=sql|sql.query=SELECT a FROM b|parent=1", "kind=sql ; role=Client"),
        ("-|GET|http.method=GET|http.url=http://shop/a|parent=1", "kind=http ; role=Client"),
        ("-|GET /a|http.method=GET|http.target=/a/7", "kind=other ; role=Server ; route=GET /a/{id}"),
        (
            "-|GET /a|http.method=GET|http.route=/a/:id|http.url=http://x/a/7",
            "role=Server ; route=GET /a/{id}",
        ),
        (
            "-|GET /a|http.method=GET|http.route=/a/:id|http.url=http://x/a/7|parent=1",
            "role=Client ; kind=http",
        ),
        ("-|orders|messaging.system=kafka|messaging.operation=process", "role=Consumer ; kind=other"),
        (
            "-|orders|messaging.system=kafka|messaging.operation=send|messaging.destination=orders",
            "kind=messaging",
        ),
        ("-|work", "role=Internal ; kind=other"),
    ]);
}

#[test]
fn kinds_by_system() {
    check(&[
        ("client|q|db.system.name=microsoft.sql_server|db.query.text=SELECT 7", "kind=sql ; system=mssql"),
        ("client|q|db.system=postgres|db.statement=SELECT b", "kind=sql ; system=postgresql"),
        ("client|q|db.system.name=valkey|db.query.text=GET user:1", "kind=cache ; system=valkey ; verb=Read"),
        ("client|get|db.system=memcached|db.statement=get user:1", "kind=cache"),
        (
            "client|q|db.system=mongodb|db.operation=find|db.mongodb.collection=orders",
            "kind=document ; verb=Read",
        ),
        (
            "client|q|db.system.name=aws.dynamodb|db.operation.name=GetItem|aws.dynamodb.table_names=[\"orders\"]",
            "kind=document ; template=GetItem orders ; flags=hidden",
        ),
        (
            "client|q|db.system.name=azure.cosmosdb|db.operation.name=read_item|db.collection.name=orders",
            "kind=document ; system=cosmosdb",
        ),
        (
            "client|q|db.system=cassandra|db.statement=SELECT a FROM b",
            "kind=datastore ; template=SELECT a FROM b",
        ),
        ("client|q|db.system=neo4j|db.statement=MATCH (n) RETURN n", "kind=datastore"),
        ("client|q|db.system=brandnewsql|db.statement=SELECT a FROM b", "kind=sql ; system=brandnewsql"),
        ("client|q|db.system=brandnew|db.statement=frobnicate b", "kind=datastore"),
        ("client|q|db.statement=SELECT a FROM b", "kind=sql ; system=sql"),
        (
            "client|GET|db.system=elasticsearch|http.request.method=POST|url.full=http://es:9200/orders/_search?size=5",
            "kind=search ; peer=es",
        ),
        (
            "client|shop.Orders/Get|rpc.system=grpc|rpc.service=shop.Orders|rpc.method=Get",
            "kind=rpc ; template=grpc shop.Orders/Get ; flags=hidden ; peer=shop.Orders",
        ),
        ("internal|shop.Orders/Get|rpc.system=grpc|rpc.service=shop.Orders|rpc.method=Get", "kind=other"),
        (
            "producer|orders publish|messaging.system=kafka|messaging.destination.name=orders",
            "kind=messaging ; template=publish orders ; peer=orders ; system=kafka",
        ),
        (
            "client|receive orders|messaging.system=aws_sqs|rpc.system=aws-api|messaging.operation.type=receive",
            "kind=other ; flags=none",
        ),
        ("client|ack|messaging.system=rabbitmq|messaging.operation.type=settle", "kind=other"),
        (
            "client|chat gpt-4o|gen_ai.provider.name=openai|gen_ai.operation.name=chat|gen_ai.request.model=gpt-4o|server.address=api.openai.com",
            "kind=genai ; template=chat gpt-4o ; flags=hidden ; system=openai ; peer=api.openai.com",
        ),
        ("internal|execute_tool|gen_ai.system=openai|gen_ai.operation.name=execute_tool", "kind=other"),
        (
            "client|GET|http.request.method=GET|url.full=https://shop.example/users/42",
            "kind=http ; template=GET shop.example/users/{id} ; verb=Read ; params=seen",
        ),
        ("client|tcp|server.address=shop", "kind=other"),
    ]);
}

#[test]
fn both_conventions_on_one_span_count_once() {
    check(&[
        (
            "client|SELECT|db.system=postgresql|db.system.name=postgresql|db.statement=SELECT old|db.query.text=SELECT new",
            "kind=sql ; template=SELECT new",
        ),
        (
            "client|GET|http.method=GET|http.request.method=POST|http.url=http://old/a|url.full=http://new/b",
            "template=POST new/b",
        ),
        ("client|q|db.query.text= |db.statement=SELECT old|db.system=mysql", "template=SELECT old"),
    ]);
    let mut world = World::new(MapOptions::default());
    world.map("client|GET|http.method=GET|http.url=http://a/b|http.request.method=GET|url.full=http://a/b");
    assert_eq!((world.coverage().outbound, world.coverage().with_text), (1, 1));
}

#[test]
fn parameters_seen_hidden_and_absent() {
    let pg = "client|SELECT|db.system=postgresql|db.statement=";
    let at = |rest: &str| params_of(&format!("{pg}{rest}"));
    assert_eq!(at("SELECT a FROM b"), params::NO_PARAMS);
    assert_eq!(at("SELECT a FROM b WHERE c = $1"), 0);
    assert_eq!(at("SELECT a FROM b WHERE c = 7"), at("SELECT a FROM b WHERE c = 7"));
    assert_ne!(at("SELECT a FROM b WHERE c = 7"), at("SELECT a FROM b WHERE c = 8"));
    // One hidden value does not make the others invisible.
    assert_eq!(at("SELECT a FROM b WHERE t = $1 AND c = 7"), at("SELECT a FROM b WHERE t = $1 AND c = 7"));
    assert_ne!(at("SELECT a FROM b WHERE t = $1 AND c = 7"), at("SELECT a FROM b WHERE t = $1 AND c = 8"));
    let bound = "SELECT a FROM b WHERE c = %s";
    for key in
        ["db.statement.parameters", "db.postgresql.values", "pgx.query.parameters", "db.query.parameter.0"]
    {
        let (one, two) = (at(&format!("{bound}|{key}=(1,)")), at(&format!("{bound}|{key}=(2,)")));
        assert!(one > params::NO_PARAMS && two > params::NO_PARAMS && one != two, "{key}");
    }
    let keyed =
        |first, second| at(&format!("{bound}|db.query.parameter.{first}=1|db.query.parameter.{second}=1"));
    assert_eq!(keyed("a", "b"), keyed("b", "a"));
    check(&[
        ("client|q|db.system=mysql|db.statement=SELECT a FROM b WHERE c = ?", "flags=hidden ; params=hidden"),
        (
            "client|q|db.system=mysql|db.statement=SELECT a FROM b WHERE c = ?|db.query.parameter.0=7",
            "flags=none ; params=seen",
        ),
        (
            "client|q|db.system=mysql|db.statement=SELECT a FROM b WHERE t = ? AND c = 7",
            "flags=hidden ; params=seen",
        ),
        ("client|GET|db.system=redis|db.statement=GET ?", "flags=hidden ; params=hidden"),
        ("client|GET|http.method=GET|http.url=http://shop/a?id=Redacted", "flags=hidden ; params=hidden"),
        ("client|GET|http.method=GET|http.url=http://shop/a?id=7&sig=REDACTED", "flags=none ; params=seen"),
        (
            "client|GET|http.method=GET|http.url=http://shop/a/7?id=Redacted&b=Redacted",
            "flags=hidden ; params=seen",
        ),
    ]);
}

#[test]
fn spans_without_a_text() {
    check(&[
        (
            "client|q|db.system.name=postgresql|db.query.summary=SELECT orders",
            "kind=sql ; template=SELECT orders ; flags=hidden ; verb=Read",
        ),
        (
            "client|q|db.system.name=mysql|db.operation.name=INSERT|db.collection.name=orders",
            "template=INSERT orders ; flags=hidden+write",
        ),
        (
            "client|SELECT|db.system.name=mysql|db.operation.name=SELECT",
            "template=SELECT mysql ; flags=hidden+generic",
        ),
        ("client|shop|db.system=mysql", "kind=sql ; template=shop mysql ; flags=hidden+generic"),
        (
            "client|GET|http.method=GET|net.peer.name=shop",
            "kind=http ; template=GET shop ; flags=hidden+generic",
        ),
        ("client|GET|db.system=redis|db.operation=GET", "kind=cache ; flags=hidden+generic"),
        ("client|batch start|db.system=postgresql|pgx.batch.size=9", "template=BATCH postgresql ; batch=9"),
        (
            "client|PDOStatement::execute|db.system.name=mysql|link=7",
            "kind=sql ; template= ; flags=hidden+generic ; links=1",
        ),
        ("client|x|db.system=mysql|dd.span.Resource=SELECT a FROM b", "template=SELECT a FROM b"),
        ("client|x|db.system=mongodb|dd.span.Resource=SELECT a FROM b", "kind=document ; template=x"),
        ("producer|publish|messaging.system=kafka", "kind=messaging ; flags=write+generic"),
    ]);
}

#[test]
fn urls_are_rebuilt() {
    check(&[
        (
            "client|GET|http.request.method=GET|url.scheme=https|server.address=shop|server.port=443|url.path=/users/42|url.query=a=1",
            "template=GET shop/users/{id}?a ; peer=shop ; params=seen",
        ),
        (
            "client|GET|http.method=GET|http.host=shop:8080|http.target=/users/42?a=1",
            "template=GET shop/users/{id}?a ; peer=shop",
        ),
        (
            "client|GET|http.method=GET|net.peer.name=shop|http.target=/users/42",
            "template=GET shop/users/{id}",
        ),
        ("client|get|http.method=GET|http.path=/users/42|parent=1", "template=GET /users/{id}"),
        (
            "client|GET|http.request.method=GET|url.full=http://shop/users/ann|url.template=/users/{name}",
            "template=GET shop/users/{name} ; params=seen",
        ),
        (
            "client|HTTP POST|url.full=http://user:pw@127.0.0.1/x",
            "template=POST /x ; verb=Insert ; flags=write ; peer=127.0.0.1",
        ),
    ]);
}

#[test]
fn batches_rows_and_sizes() {
    check(&[
        (
            "client|q|db.system=mysql|db.query.text=INSERT INTO a VALUES (?)|db.operation.batch.size=25",
            "batch=25 ; verb=Insert",
        ),
        (
            "client|q|db.system=postgresql|db.statement=INSERT INTO a(b) VALUES (%s)|db.statement.parameters=[('z0',), ('z1',), ('z2',)]",
            "batch=3 ; params=seen",
        ),
        ("client|PIPELINE|db.system=redis|db.statement=GET a\nGET b|db.redis.pipeline_length=7", "batch=7"),
        ("client|PIPELINED|db.system=redis|db.statement=GET a\nGET b", "batch=2"),
        (
            "producer|send|messaging.system=kafka|messaging.destination.name=o|messaging.batch.message_count=5|messaging.message.body.size=90",
            "batch=5 ; bytes=Some(90)",
        ),
        (
            "client|q|db.system=mssql|db.query.text=SELECT a FROM b|db.response.returned_rows=12",
            "rows=Some(12)",
        ),
        ("client|q|db.system=mssql|db.query.text=DELETE FROM b|db.response.returned_rows=12", "rows=None"),
        ("client|gorm.Query|db.system=mysql|db.statement=SELECT a FROM b|db.rows_affected=4", "rows=Some(4)"),
        (
            "client|GET|http.method=GET|http.url=http://a/b|http.response.body.size=5|http.response_content_length=6",
            "bytes=Some(5)",
        ),
        ("client|GET|http.method=GET|http.url=http://a/b|http.response_content_length=-1", "bytes=None"),
    ]);
}

#[test]
fn statuses() {
    let http = "client|GET|http.method=GET|http.url=http://a/b|";
    for (rest, want) in [
        ("http.response.status_code=200", "Unset"),
        ("http.status_code=404", "ClientError"),
        ("http.response.status_code=503|status=error", "ServerError"),
        ("http.response.status_code=504", "Timeout"),
        ("http.response.status_code=408", "Timeout"),
        ("error.type=500", "ServerError"),
        ("error.type=java.net.SocketTimeoutException", "Timeout"),
        ("error.type=ConnectionRefused", "Error"),
        ("status=error", "Error"),
        ("rpc.grpc.status_code=4", "Timeout"),
        ("rpc.grpc.status_code=14", "ServerError"),
        ("rpc.grpc.status_code=5", "ClientError"),
        ("rpc.grpc.status_code=0", "Unset"),
        ("rpc.response.status_code=DEADLINE_EXCEEDED", "Timeout"),
        ("rpc.response.status_code=NOT_FOUND", "ClientError"),
    ] {
        let span = World::new(MapOptions::default()).map(&format!("{http}{rest}"));
        assert_eq!(format!("{:?}", span.status), want, "{rest}");
    }
}

#[test]
fn chatter_and_transactions() {
    let chat = "kind=other ; flags=chatter";
    check(&[
        ("client|connect|db.system=postgresql|db.name=postgres", chat),
        ("client|pg.connect|db.system.name=postgresql", chat),
        ("client|pg-pool.connect|db.system.name=postgresql", chat),
        ("client|pool.acquire|scope=github.com/exaring/otelpgx", chat),
        ("internal|tcp.connect", chat),
        ("internal|tls.connect", chat),
        ("internal|dns.lookup", chat),
        ("client|sql.rows", chat),
        ("client|sql.conn.reset_session", chat),
        ("client|sql.connector.connect", chat),
        ("internal|HikariDataSource.getConnection|db.system=postgresql", chat),
        ("client|PDO::__construct|db.system.name=mysql", chat),
        ("client|HELLO|db.system=redis|db.statement=HELLO 3", "kind=other ; flags=write+chatter"),
        ("client|hello|db.system=mongodb|db.operation=hello|db.name=admin", "kind=other"),
        (
            "client|pg.query:SELECT postgres|db.system.name=postgresql|db.query.text=select version();",
            "kind=other",
        ),
        ("client|SELECT|db.system=mysql|db.statement=SELECT 1", "kind=other"),
        (
            "client|PDO::prepare|db.system.name=mysql|db.query.text=SELECT a FROM b WHERE c = ?",
            "kind=other ; flags=hidden+chatter ; template=SELECT a FROM b WHERE c = ?",
        ),
        (
            "client|prepare SELECT a|db.system.name=postgresql|db.query.text=SELECT a FROM b",
            "kind=other ; template=SELECT a FROM b",
        ),
        ("internal|connect", "kind=other ; flags=none"),
        ("client|sql.conn.query|db.system=mysql|db.statement=SELECT a FROM b", "kind=sql ; flags=none"),
        (
            "client|sql.stmt.exec|db.system=mysql|db.query.text=DELETE FROM b",
            "kind=sql ; flags=write ; verb=Delete",
        ),
        ("client|sql.conn.begin_tx|db.system=mysql", "kind=sql ; flags=transaction ; template=BEGIN"),
        ("client|sql.tx.commit|db.system=mysql", "kind=sql ; flags=transaction ; template=COMMIT"),
        ("client|BEGIN;|db.system=postgresql|db.statement=BEGIN;", "kind=sql ; flags=transaction"),
        ("client|ROLLBACK;|db.system=postgresql|db.statement=ROLLBACK;", "kind=sql ; flags=transaction"),
        (
            "client|SET|db.system=postgresql|db.statement=SET search_path TO shop",
            "kind=sql ; flags=transaction",
        ),
        (
            "client|SELECT|db.system=postgresql|db.statement=SELECT set_config('TimeZone', %s, false)",
            "kind=sql ; flags=hidden+transaction",
        ),
    ]);
}

#[test]
fn further_flags() {
    let long = format!("client|q|db.system=mysql|db.statement=select {}..|end=10", "a,".repeat(600));
    check(&[
        ("client|POST|http.method=POST|http.url=http://a/b|http.request.resend_count=1", "flags=write+retry"),
        ("client|POST|http.method=POST|http.url=http://a/b|http.request.resend_count=0", "flags=write"),
        ("internal|work|end=500", "flags=untimed ; duration=0"),
        (&long, "flags=truncated+untimed"),
    ]);
    let mut world = World::new(MapOptions { max_text_bytes: 12, ..MapOptions::default() });
    let span = world.map("client|q|db.system=mysql|db.statement=SELECT a FROM orders");
    assert!(span.flags.has(SpanFlags::TRUNCATED));
    assert_eq!(world.losses.get("texts_cut"), 1);
}

#[test]
fn routes_of_entries() {
    check(&[
        (
            "server|GET /orders/{id}|http.request.method=GET|http.route=/orders/{id}|url.path=/orders/7",
            "route=GET /orders/{id}",
        ),
        ("server|GET|http.method=GET|http.route=^author/(?P<pk>[0-9]+)$", "route=GET /author/{pk}"),
        (
            "server|GET author/<int:pk>/|http.method=GET|http.route=author/<int:pk>/",
            "route=GET /author/{pk}/",
        ),
        ("server|GET|http.request.method=GET|http.route=GET /orders/{id}", "route=GET /orders/{id}"),
        ("server|GET|http.request.method=GET|url.path=/users/42", "route=GET /users/{id}"),
        ("server|GET|http.method=GET|http.target=/users/42?token=x", "route=GET /users/{id}"),
        ("server|GET|http.method=GET|http.url=http://a/users/42?token=x", "route=GET /users/{id}"),
        ("server|GET /users/42", "route=GET /users/{id}"),
        ("server|nplus1_param", "route=nplus1_param"),
        (
            "server|shop.Orders/Get|rpc.system=grpc|rpc.service=shop.Orders|rpc.method=Get",
            "route=shop.Orders/Get",
        ),
        (
            "consumer|orders process|messaging.system=kafka|messaging.operation=process|messaging.destination.name=orders",
            "route=process orders",
        ),
        ("consumer|poll it|messaging.system=kafka", "route=poll it"),
    ]);
}

#[test]
fn the_native_format() {
    check(&[
        (
            "-|q|tracewatt.event.type=sql|db.system=SELECT|db.statement=SELECT a FROM b WHERE c = 7|tracewatt.source.endpoint=GET /orders/42?x=1",
            "kind=sql ; system=sql ; role=Client ; route=GET /orders/{id} ; params=seen",
        ),
        (
            "-|q|tracewatt.event.type=sql|db.system=postgresql|db.statement=SELECT a FROM b",
            "system=postgresql",
        ),
        (
            "-|q|tracewatt.event.type=http_out|http.method=GET|http.url=http://shop/a/7|tracewatt.source.endpoint=unknown",
            "kind=http ; template=GET shop/a/{id} ; route=",
        ),
        (
            "-|q|tracewatt.event.type=messaging|messaging.system=kafka|messaging.destination=orders",
            "kind=messaging ; role=Producer ; template=publish orders",
        ),
    ]);
}

#[test]
fn names_and_places() {
    check(&[
        ("internal|work|res:service.name=shop\u{202e}\u{7}", "service=shop"),
        ("internal|work|res:service.name= ", "service=unknown"),
        ("internal|GET /users/42", "name=GET /users/{id}"),
        (
            "client|SELECT a FROM b WHERE c = 'secret'|db.system=mysql|db.statement=SELECT a FROM b WHERE c = 'secret'",
            "name=SELECT a FROM b WHERE c = ?",
        ),
        (
            "client|q|db.system=mysql|db.statement=SELECT a|db.namespace=shop|server.address=DB.example",
            "peer=db.example/shop",
        ),
        ("client|q|db.system=mysql|db.statement=SELECT a|db.name=shop", "peer=shop"),
        ("internal|work|res:cloud.region=eu-west-3|cloud.region=other", "region=eu-west-3"),
        ("internal|work|res:cloud.region=no such|cloud.region=eu-west-3", "region=eu-west-3"),
        ("internal|work|res:k8s.namespace.name=shop|service.namespace=x", "grouping=k8s.namespace.name=shop"),
        ("internal|work|service.namespace=x", "grouping=service.namespace=x"),
        (
            "internal|work|code.function.name=com.shop.Orders.list|code.file.path=a.py|code.filepath=b.py|code.lineno=7",
            "function=list ; namespace=com.shop.Orders ; file=a.py ; line=7",
        ),
        (
            "internal|work|code.function=list|code.namespace=Orders|code.line.number=7|code.lineno=8",
            "function=list ; namespace=Orders ; line=7",
        ),
        ("internal|work|scope=my.tracer", "scope=my.tracer"),
    ]);
    let mut world = World::new(MapOptions::default());
    world.map("internal|work|cloud.region=eu west");
    assert_eq!(world.losses.get("regions_rejected"), 1);
    let options = MapOptions {
        grouping_attributes: vec!["tenant".into(), "service.namespace".into()],
        ..MapOptions::default()
    };
    let mut world = World::new(options);
    assert_eq!(world.mapper.making.options.wanted(), ["tenant"]);
    let span = world.map("internal|work|tenant=acme|service.namespace=x");
    assert_eq!(world.mapper.texts().get(span.grouping), "tenant=acme");
}

/// The rows of the table of instrumentations that differ in their attributes.
#[test]
fn instrumentations() {
    check(&[
        (
            "client|SELECT|scope=opentelemetry.instrumentation.psycopg|db.system=postgresql|db.name=postgres|db.statement=SELECT name FROM author WHERE id = %s|net.peer.name=127.0.0.1",
            "kind=sql ; peer=127.0.0.1/postgres ; flags=hidden",
        ),
        (
            "client|SELECT postgres|scope=opentelemetry.instrumentation.sqlalchemy|db.system=postgresql|db.operation=SELECT postgres|db.statement=SELECT book.id \nFROM book",
            "kind=sql ; template=SELECT book.id FROM book ; params=none",
        ),
        (
            "client|GET|scope=opentelemetry.instrumentation.requests|http.method=GET|http.url=http://h/a?token=secret11",
            "kind=http ; template=GET h/a?token ; params=seen",
        ),
        (
            "client|select postgres.author|scope=@opentelemetry/instrumentation-knex|db.system.name=postgresql|db.collection.name=author|db.query.text=select * from \"author\" where \"id\" = ?",
            "kind=sql ; flags=hidden",
        ),
        (
            "client|SELECT shop|scope=@opentelemetry/instrumentation-mysql2|db.system.name=mysql|db.query.text=SELECT a FROM b WHERE c = 7",
            "params=seen ; flags=none",
        ),
        (
            "client|db_query|scope=prisma|db.system.name=postgresql|db.query.text=SELECT a FROM b WHERE c = $1",
            "kind=sql ; flags=hidden",
        ),
        (
            "client|GET|scope=@opentelemetry/instrumentation-undici|http.request.method=GET|url.full=http://127.0.0.1:4/api/users/100|url.path=/api/users/100|url.query=|server.address=127.0.0.1",
            "template=GET /api/users/{id} ; peer=127.0.0.1",
        ),
        (
            "client|GET|scope=System.Net.Http|http.request.method=GET|url.full=http://h/a?id=Redacted&b=Redacted",
            "flags=hidden",
        ),
        (
            "client|BATCH INSERT orders|scope=io.opentelemetry.jdbc|db.system.name=postgresql|db.query.text=INSERT INTO orders VALUES (?)|db.query.summary=BATCH INSERT orders|db.operation.batch.size=50",
            "batch=50 ; flags=hidden+write",
        ),
        (
            "client|gorm.Query|db.sql.table=orders|db.system=mysql|db.statement=SELECT a FROM orders WHERE id = 7",
            "kind=sql ; params=seen",
        ),
        (
            "client|find|db.system.name=mongodb|db.operation.name=find|db.collection.name=orders",
            "kind=document ; template=find orders ; flags=hidden",
        ),
        (
            "client|SELECT orders|scope=sqlx-otel|db.system.name=postgresql|db.query.text=SELECT a FROM orders WHERE id = $1|db.response.returned_rows=1",
            "rows=Some(1) ; flags=hidden",
        ),
        (
            "client|select|scope=OpenTelemetry::Instrumentation::PG|db.system=postgresql|db.statement=SELECT a FROM b WHERE c = ?|db.operation=SELECT",
            "kind=sql ; flags=hidden",
        ),
        (
            "client|GET|http.method=GET|scope=OpenTelemetry::Instrumentation::Net::HTTP|http.target=/a/7|net.peer.name=h",
            "template=GET h/a/{id}",
        ),
        (
            "client|SELECT orders|scope=go.opentelemetry.io/obi|db.system.name=postgresql|db.operation.name=SELECT|db.collection.name=orders",
            "template=SELECT orders ; flags=hidden",
        ),
    ]);
}

#[test]
fn coverage_says_what_is_missing() {
    let mut world = World::new(MapOptions::default());
    let pg = "client|q|scope=pg|res:service.name=shop|res:telemetry.sdk.language=nodejs|db.system=postgresql";
    world.map(pg);
    world.map(&format!("{pg}|db.statement=SELECT a FROM b WHERE c = $1"));
    world.map(&format!("{pg}|db.statement=SELECT a FROM b WHERE c = 7"));
    world.map(&format!("{pg}|db.statement=SELECT a FROM b"));
    world.map("client|pg.connect|scope=pg|res:service.name=shop|db.system=postgresql");
    world.map("server|GET|scope=pg|res:service.name=shop|http.route=/a");
    let row = world.coverage();
    let numbers = (row.spans, row.outbound, row.with_text, row.with_params, row.params_hidden, row.chatter);
    assert_eq!(numbers, (6, 4, 3, 1, 1, 1));
    assert_eq!(row.gaps.into_iter().collect::<Vec<_>>(), [("missing_db_statement".to_owned(), 1)]);
    assert_eq!(
        (row.service.as_str(), row.scope.as_str(), row.language.as_deref()),
        ("shop", "pg", Some("nodejs"))
    );
}

/// Values that mean something for one attribute or another, few enough to come again.
const VALUES: [&str; 16] = [
    "-",
    "-",
    "",
    " ",
    "SELECT id, state FROM orders WHERE id = 7 AND state = 'open'",
    "SELECT id, state FROM orders WHERE id = 8 AND state = 'shut'",
    "GET key:7",
    "postgresql",
    "redis",
    "http://shop/orders/7",
    "http://stock:80/items/8?q=1",
    "/orders/{id}",
    "publish",
    "408",
    "bad region!",
    "sql",
];

proptest! {
    /// Values carry a marker, and no text that is kept does.
    #[test]
    fn no_value_is_kept(number in 10_000_000u64..99_999_999, which in 0usize..12) {
        let value = format!("zq{number}zq");
        let line = match which {
            0 => format!("client|q|db.system=postgresql|db.statement=SELECT a FROM b WHERE c = '{value}'"),
            1 => format!("client|q|db.system=mysql|db.statement=SELECT a FROM b WHERE c = {number}"),
            2 => format!("client|q|db.system=mysql|db.statement=SELECT ?|db.query.parameter.a={value}"),
            3 => format!("client|q|db.system=mysql|db.statement=SELECT ?|db.statement.parameters=[('{value}',)]"),
            4 => format!("client|GET|http.method=GET|http.url=http://u:{value}@h/a?t={value}#{value}"),
            5 => format!("client|GET|http.method=GET|url.path=/a/{number}|url.query=t={value}|server.address=h"),
            6 => format!("server|GET /a/{number}|http.method=GET|http.target=/a/{number}?t={value}"),
            7 => format!("client|q|db.system=redis|db.statement=SET user:{number} '{value}'"),
            8 => format!("client|q|db.system=mongodb|db.statement={{\"find\":\"a\",\"filter\":{{\"b\":\"{value}\"}}}}|db.operation=find"),
            9 => format!("client|SELECT a FROM b WHERE c = '{value}'|db.system=mysql|db.statement=SELECT a FROM b WHERE c = '{value}'"),
            10 => format!("internal|job {number} of '{value}'"),
            _ => format!("-|q|tracewatt.event.type=sql|db.statement=SELECT '{value}'|tracewatt.source.endpoint=/a/{number}?t={value}"),
        };
        let mut world = World::new(MapOptions::default());
        world.map(&line);
        for id in 0..world.mapper.texts().len() as u32 {
            let text = world.mapper.texts().get(crate::trace::TextId(id)).to_owned();
            prop_assert!(!text.contains(&number.to_string()), "{line}: kept {text}");
        }
    }

    /// What is remembered of spans never shows: a mapper that has seen others maps a span as a new one does. Few spans,
    /// each of which comes again and again with one value changed.
    #[test]
    fn what_is_remembered_is_what_would_be_made(
        attrs in proptest::collection::vec((any::<bool>(), 0usize..Attr::ALL.len()), 6),
        bases in proptest::collection::vec(
            (0usize..6, 0usize..4, any::<bool>(), proptest::collection::vec(0usize..VALUES.len(), 9)),
            1..4,
        ),
        edits in proptest::collection::vec((0usize..4, 0usize..9, 0usize..VALUES.len(), 0u8..8), 1..60),
    ) {
        const OFTEN: [Attr; 6] =
            [Attr::DbStatement, Attr::DbSystem, Attr::HttpUrl, Attr::UrlPath, Attr::HttpRoute, Attr::ServerAddress];
        let attrs = attrs.into_iter().map(|(often, at)| if often { OFTEN[at % OFTEN.len()] } else { Attr::ALL[at] });
        let attrs: Vec<Attr> = attrs.collect();
        let grouping_attributes = vec!["tenant".into(), "service.namespace".into()];
        let options = MapOptions { grouping_attributes, ..MapOptions::default() };
        let (wanted, texts) = (options.wanted(), Texts::default());
        let mut warm = World { mapper: Mapper::new(options.clone(), texts.handle()), ..World::new(options.clone()) };
        let mut cold = World::new(options.clone());
        for (base, edited, value, odd) in edits {
            let (role, name, root, values) = &bases[base % bases.len()];
            let mut values = values.clone();
            values[edited] = value;
            let mut raw = RawSpan { name: ["GET", "sql.conn.query", "prepare x", ""][*name].into(), ..RawSpan::default() };
            raw.role = role_of(["client", "server", "producer", "consumer", "internal", "-"][*role]);
            raw.role_stated = *role < 5;
            raw.parent = (*root != (odd == 1)).then_some(SpanId(7));
            raw.status = if odd == 2 { Status::Error } else { Status::Unset };
            let mut resource = AttrSet::default();
            for (at, value) in values.iter().enumerate() {
                let value = VALUES[*value];
                match at {
                    _ if value == "-" => {}
                    0 => resource.set(Attr::ServiceName, value.into()),
                    1 => resource.insert("tenant".into(), value.into(), &wanted),
                    2 => resource.set(Attr::CloudRegion, value.into()),
                    _ => raw.attributes.set(attrs[at - 3], value.into()),
                }
            }
            cold.mapper = Mapper::new(options.clone(), texts.handle());
            let World { mapper, coverage, losses } = &mut warm;
            let from_warm = mapper.map(&raw, &resource, "scope", coverage, losses);
            let World { mapper, coverage, losses } = &mut cold;
            let from_cold = mapper.map(&raw, &resource, "scope", coverage, losses);
            prop_assert_eq!(format!("{from_warm:?}"), format!("{from_cold:?}"));
        }
        prop_assert_eq!(&warm.losses, &cold.losses);
        prop_assert_eq!(format!("{:?}", warm.coverage.rows(&texts)), format!("{:?}", cold.coverage.rows(&texts)));
    }

    /// Whatever attributes say, mapping neither fails nor takes a span for two things.
    #[test]
    fn mapping_is_total(
        role in 0usize..6,
        name in "\\PC{0,20}",
        attributes in proptest::collection::vec((0usize..Attr::ALL.len(), "\\PC{0,24}"), 0..12),
    ) {
        let mut raw = RawSpan { name: name.into(), ..RawSpan::default() };
        raw.role = role_of(["client", "server", "producer", "consumer", "internal", "-"][role]);
        raw.role_stated = role < 5;
        for (attr, value) in &attributes {
            raw.attributes.set(Attr::ALL[*attr], value.as_str().into());
        }
        let mut world = World::new(MapOptions { max_text_bytes: 16, ..MapOptions::default() });
        let World { mapper, coverage, losses } = &mut world;
        let span = mapper.map(&raw, &AttrSet::default(), "", coverage, losses);
        prop_assert!(span.batch_size >= 1 && span.params < 1 << 53);
        prop_assert!(!(span.role.is_entry() && span.kind.is_io()));
        prop_assert!(!(span.flags.has(SpanFlags::CHATTER) && span.kind.is_io()));
        prop_assert!(!span.flags.has(SpanFlags::PARAMS_HIDDEN) || span.params != params::NO_PARAMS);
    }
}
