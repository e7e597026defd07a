//! Fixes by framework, system and language; which of them a finding gets is for the host to say.

use tracewatt_sdk::{Fix, PerKind, fixes};

/// The fixes known for slow calls, by kind.
pub const FIXES: PerKind<&[Fix]> = PerKind {
    sql: SQL,
    http: HTTP,
    cache: CACHE,
    messaging: MESSAGING,
    rpc: RPC,
    document: DOCUMENT,
    search: SEARCH,
    datastore: DATASTORE,
};

const SQL: &[Fix] = fixes! {
    "java_jpa" =>
        "look at the plan with EXPLAIN, index the columns of WHERE and ORDER BY, and select a DTO \
         projection instead of whole entities",
        "https://docs.spring.io/spring-data/jpa/reference/jpa/query-methods.html";
    "java_spring_data" =>
        "look at the plan with EXPLAIN, index the columns of WHERE and ORDER BY, and return an interface or \
         DTO projection, page by page",
        "https://docs.spring.io/spring-data/jpa/reference/jpa/query-methods.html";
    "java_quarkus" =>
        "look at the plan with EXPLAIN, index the columns of WHERE and ORDER BY, and use project() for the \
         columns that are needed",
        "https://quarkus.io/guides/hibernate-orm-panache";
    "csharp_ef_core" =>
        "look at the plan of ToQueryString(), add HasIndex() for the filtered columns, and Select() only \
         the columns that are needed, with AsNoTracking()",
        "https://learn.microsoft.com/en-us/ef/core/performance/efficient-querying";
    "rust_diesel" =>
        "look at the plan of debug_query(), index the filtered columns, and select() only the columns that \
         are needed",
        "https://docs.rs/diesel/latest/diesel/";
    "rust_sea_orm" =>
        "look at the plan with EXPLAIN, index the filtered columns, and use select_only() or \
         into_partial_model()",
        "https://docs.rs/sea-orm/latest/sea_orm/";
    "python_django" =>
        "look at the plan with QuerySet.explain(), add Meta.indexes for the filtered columns, and use \
         only() or values()",
        "https://docs.djangoproject.com/en/stable/topics/db/optimization/";
    "python_sqlalchemy" =>
        "look at the plan with EXPLAIN, add an Index over the filtered columns, and use load_only() or \
         select single columns",
        "https://docs.sqlalchemy.org/en/20/faq/performance.html";
    "go_gorm" =>
        "look at the plan with EXPLAIN, add index tags for the filtered columns, and Select() only the \
         fields that are needed",
        "https://gorm.io/docs/indexes.html";
    "node_prisma" =>
        "look at the plan with EXPLAIN, add @@index for the filtered columns, and use select for the fields \
         that are needed",
        "https://www.prisma.io/docs/orm/prisma-client/queries/advanced/query-optimization-performance";
    "ruby_active_record" =>
        "look at the plan with relation.explain, add_index for the filtered columns, and use select or pluck",
        "https://guides.rubyonrails.org/active_record_querying.html";
    "php_laravel_eloquent" =>
        "look at the plan with the query builder's explain(), add an index in a migration, and select() \
         only the columns that are needed",
        "https://laravel.com/docs/migrations";
    "php_doctrine" =>
        "look at the plan with EXPLAIN, add an Index to the mapping for the filtered columns, and hydrate \
         arrays or DTOs instead of entities",
        "https://www.doctrine-project.org/projects/doctrine-orm/en/current/reference/dql-doctrine-query-language.html";
    "postgresql" =>
        "look at EXPLAIN (ANALYZE, BUFFERS): a sequential scan with a filter wants an index over the \
         filtered and sorted columns, a wrong row estimate wants ANALYZE",
        "https://www.postgresql.org/docs/current/using-explain.html";
    "mysql" =>
        "look at EXPLAIN ANALYZE: a full scan or a filesort wants an index over the filtered, then the \
         sorted columns",
        "https://dev.mysql.com/doc/refman/8.4/en/using-explain.html";
    "mssql" =>
        "look at the actual execution plan: scans and key lookups want an index that covers the filtered \
         columns and includes the selected ones",
        "https://learn.microsoft.com/en-us/sql/relational-databases/performance/display-an-actual-execution-plan";
    "oracle" =>
        "look at DBMS_XPLAN.DISPLAY_CURSOR: a full scan of few rows wants an index, wrong row estimates \
         want fresh statistics",
        "";
    "sqlite" =>
        "look at EXPLAIN QUERY PLAN: SCAN where a SEARCH is possible wants an index over the filtered \
         columns",
        "https://www.sqlite.org/eqp.html";
    "clickhouse" =>
        "look at EXPLAIN indexes = 1: filter by a prefix of the primary key, or add a skipping index or a \
         projection",
        "https://clickhouse.com/docs/sql-reference/statements/explain";
    "java" =>
        "look at the plan with EXPLAIN, add a composite index over the filtered and sorted columns, and set \
         a fetch size and a row limit",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.sql/java/sql/PreparedStatement.html";
    "csharp" =>
        "look at the execution plan, add a composite index over the filtered and sorted columns, and select \
         only the columns that are needed",
        "https://learn.microsoft.com/en-us/sql/relational-databases/performance/display-an-actual-execution-plan";
    "rust" =>
        "look at the plan with EXPLAIN, add a composite index over the filtered and sorted columns, and \
         stream large results with fetch()",
        "";
    "python" =>
        "look at the plan with EXPLAIN, add a composite index over the filtered and sorted columns, and \
         page through large results",
        "";
    "go" =>
        "look at the plan with EXPLAIN, add a composite index over the filtered and sorted columns, and \
         bound the call with QueryContext()",
        "https://pkg.go.dev/database/sql";
    "node" =>
        "look at the plan with EXPLAIN, add a composite index over the filtered and sorted columns, and \
         page through large results",
        "";
    "ruby" =>
        "look at the plan with EXPLAIN, add a composite index over the filtered and sorted columns, and \
         page through large results",
        "";
    "php" =>
        "look at the plan with EXPLAIN, add a composite index over the filtered and sorted columns, and \
         page through large results",
        "";
    "general" =>
        "look at the plan with EXPLAIN, index the filtered and sorted columns, and read fewer rows and \
         columns",
        "";
};

const HTTP: &[Fix] = fixes! {
    "java_webflux" =>
        "bound the call with timeout() on the Mono, add a Resilience4j circuit breaker, and cache answers \
         that seldom change",
        "https://resilience4j.readme.io/docs/circuitbreaker";
    "java_quarkus" =>
        "bound the call with @Timeout and @CircuitBreaker on the REST client, and put @CacheResult on \
         answers that seldom change",
        "https://quarkus.io/guides/smallrye-fault-tolerance";
    "java_spring" =>
        "set connect and read timeouts on the client, add a Resilience4j circuit breaker, and put \
         @Cacheable on answers that seldom change",
        "https://resilience4j.readme.io/docs/circuitbreaker";
    "java" =>
        "set a timeout on the request, add a Resilience4j circuit breaker, and cache answers that seldom \
         change",
        "https://resilience4j.readme.io/docs/circuitbreaker";
    "csharp" =>
        "add a timeout and a circuit breaker with AddStandardResilienceHandler() or Polly, and cache \
         answers that seldom change",
        "https://learn.microsoft.com/en-us/dotnet/core/resilience/http-resilience";
    "rust_reqwest" =>
        "set timeout() and connect_timeout() on one shared Client, and cache answers that seldom change",
        "https://docs.rs/reqwest/latest/reqwest/struct.ClientBuilder.html";
    "rust" =>
        "set a timeout on the client, put tower's timeout and load-shed layers around it, and cache answers \
         that seldom change",
        "https://docs.rs/tower/latest/tower/";
    "python_requests" =>
        "pass timeout= to every call, keep connections open with a Session, and retry sparingly with \
         tenacity",
        "https://requests.readthedocs.io/en/latest/user/advanced/";
    "python_httpx" =>
        "set a Timeout on the client, share one client so that connections stay open, and cache answers \
         that seldom change",
        "https://www.python-httpx.org/advanced/timeouts/";
    "python" =>
        "set a timeout, retry sparingly with tenacity, and cache answers that seldom change",
        "https://tenacity.readthedocs.io/en/latest/";
    "go" =>
        "bound the call with context.WithTimeout(), add a circuit breaker such as gobreaker, and cache \
         answers that seldom change",
        "https://pkg.go.dev/github.com/sony/gobreaker";
    "node_undici" =>
        "pass AbortSignal.timeout(), share one Agent whose connections stay open, and read or cancel every \
         body: an unread one holds its connection",
        "https://undici.nodejs.org/";
    "node_http" =>
        "set a timeout, share one Agent with keepAlive, and cache answers that seldom change",
        "https://nodejs.org/api/http.html";
    "node" =>
        "bound the call with AbortSignal.timeout(), add a circuit breaker such as opossum, and cache \
         answers that seldom change",
        "https://github.com/nodeshift/opossum";
    "ruby" =>
        "set open_timeout and read_timeout, add a circuit breaker, and cache answers that seldom change",
        "https://docs.ruby-lang.org/en/master/Net/HTTP.html";
    "php_laravel_eloquent" =>
        "set Http::timeout() and connectTimeout(), use Cache::remember() for answers that seldom change, or \
         move the call to a queued job",
        "https://laravel.com/docs/http-client";
    "php" =>
        "set timeout and connect_timeout on the client, and cache answers that seldom change",
        "https://docs.guzzlephp.org/en/stable/request-options.html";
    "general" =>
        "bound the call with a timeout and a circuit breaker, cache answers that seldom change, and look at \
         the callee's own trace",
        "";
};

const CACHE: &[Fix] = fixes! {
    "redis" =>
        "see SLOWLOG for what took the time: replace KEYS with SCAN, split large values and collections, \
         and shorten Lua scripts",
        "https://redis.io/docs/latest/commands/slowlog-get/";
    "memcached" =>
        "store smaller values, compress large ones, and keep connections open",
        "";
    "java" =>
        "keep connections in a pool, store smaller values, and set a command timeout that falls back to the \
         source",
        "";
    "csharp" =>
        "share one ConnectionMultiplexer, store smaller values, and await rather than block on thread pool \
         threads",
        "https://stackexchange.github.io/StackExchange.Redis/PipelinesMultiplexers";
    "python" =>
        "share one connection pool, store smaller values, and set a socket timeout",
        "";
    "node" =>
        "share one client, store smaller values, and keep long computations off the event loop: they show \
         as slow replies",
        "";
    "go" =>
        "share one client with a pool of fitting size, store smaller values, and set read timeouts",
        "";
    "ruby" =>
        "keep connections in a connection_pool, store smaller values, and set a read timeout",
        "";
    "php" =>
        "use persistent connections, store smaller values, and set a read timeout",
        "";
    "rust" =>
        "share one multiplexed connection, store smaller values, and set a response timeout",
        "";
    "general" =>
        "store smaller values, avoid commands that walk over all keys, and keep connections open",
        "";
};

const MESSAGING: &[Fix] = fixes! {
    "node_kafkajs" =>
        "send several messages with one send(), compress them, and choose acks to match what may be lost",
        "https://kafka.js.org/docs/producing";
    "kafka" =>
        "send without waiting, compress batches, and choose acks and max.block.ms to match what may be \
         lost; a slow send is often fetching metadata",
        "https://kafka.apache.org/documentation/#producerconfigs";
    "rabbitmq" =>
        "publish with asynchronous confirms instead of waiting for each, and keep the channel open",
        "https://www.rabbitmq.com/docs/confirms";
    "sqs" =>
        "keep payloads small (large ones belong into S3), keep connections open, and send in batches",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html";
    "sns" =>
        "keep payloads small, keep connections open, and publish in batches",
        "https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html";
    "pulsar" =>
        "use sendAsync() with batching and compression",
        "https://pulsar.apache.org/docs/next/concepts-messaging/";
    "nats" =>
        "publish asynchronously to JetStream, and keep payloads small",
        "https://docs.nats.io/nats-concepts/jetstream";
    "jms" =>
        "send asynchronously, without persistence where a message may be lost, and keep session and \
         producer open",
        "";
    "pubsub" =>
        "let the publisher client batch, and keep the client open between messages",
        "https://cloud.google.com/pubsub/docs/batch-messaging";
    "eventhubs" =>
        "send in batches, and keep the producer client open between them",
        "";
    "servicebus" =>
        "send in batches, and keep client and sender open between them",
        "https://learn.microsoft.com/en-us/azure/service-bus-messaging/service-bus-performance-improvements";
    "redis" =>
        "trim the stream with MAXLEN, and store smaller entries",
        "https://redis.io/docs/latest/commands/slowlog-get/";
    "java" =>
        "send without waiting, in batches, with smaller payloads",
        "";
    "csharp" =>
        "send without blocking, in batches, with smaller payloads",
        "";
    "python" =>
        "send without waiting, in batches, with smaller payloads",
        "";
    "node" =>
        "send without awaiting each message, in batches, with smaller payloads",
        "";
    "go" =>
        "send without waiting, in batches, with smaller payloads",
        "";
    "ruby" =>
        "send from a background job, in batches, with smaller payloads",
        "";
    "php_laravel_eloquent" =>
        "dispatch after the response with dispatchAfterResponse(), and keep job payloads small",
        "https://laravel.com/docs/queues";
    "php" =>
        "send after the response, in batches, with smaller payloads",
        "";
    "rust" =>
        "send without awaiting each message, in batches, with smaller payloads",
        "";
    "general" =>
        "send in batches, with smaller payloads, without waiting for each confirmation",
        "";
};

const RPC: &[Fix] = fixes! {
    "grpc" =>
        "set a deadline, keep one channel open, stream large replies, and look at the callee's own trace",
        "https://grpc.io/docs/guides/deadlines/";
    "java" =>
        "set a deadline on the stub, keep the channel open, and add a Resilience4j circuit breaker",
        "https://resilience4j.readme.io/docs/circuitbreaker";
    "csharp" =>
        "set a deadline on the call, reuse the channel, and cache replies that seldom change",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "python" =>
        "set a timeout on the call, reuse the channel, and cache replies that seldom change",
        "";
    "node" =>
        "set a deadline on the call, reuse the client, and add a circuit breaker such as opossum",
        "https://github.com/nodeshift/opossum";
    "go" =>
        "bound the call with context.WithTimeout(), reuse the connection, and add a circuit breaker",
        "https://pkg.go.dev/github.com/sony/gobreaker";
    "ruby" =>
        "set a deadline on the call, reuse the stub, and cache replies that seldom change",
        "";
    "php" =>
        "set a timeout on the call, reuse the channel, and cache replies that seldom change",
        "";
    "rust" =>
        "set a timeout on the endpoint, reuse the channel, and shed load with tower",
        "https://docs.rs/tower/latest/tower/";
    "general" =>
        "set a deadline, ask for less with each call, and look at the callee's own trace",
        "";
};

const DOCUMENT: &[Fix] = fixes! {
    "node_mongoose" =>
        "look at the plan with explain(), add an index to the schema, and use select() and lean()",
        "https://mongoosejs.com/docs/tutorials/lean.html";
    "python_pymongo" =>
        "look at the plan with cursor.explain(), add it with create_index(), and pass a projection",
        "https://pymongo.readthedocs.io/en/stable/";
    "mongodb" =>
        "look at explain(\"executionStats\"): COLLSCAN wants a compound index over the filtered and sorted \
         fields; project only what is needed",
        "https://www.mongodb.com/docs/manual/reference/method/cursor.explain/";
    "dynamodb" =>
        "use Query on a key or an index instead of Scan with a filter, and ask for fewer attributes",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-query-scan.html";
    "java" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "csharp" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "python" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "node" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "go" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "ruby" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "php" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "rust" =>
        "look at the query plan, index the filtered fields, and read only the fields that are needed",
        "";
    "general" =>
        "look at the query plan, index the filtered fields, and read fewer documents and fields",
        "";
};

const SEARCH: &[Fix] = fixes! {
    "elasticsearch" =>
        "look at the search with profile: true; move exact conditions into filter context, avoid leading \
         wildcards and deep paging, ask for fewer fields",
        "https://www.elastic.co/guide/en/elasticsearch/reference/8.17/search-profile.html";
    "opensearch" =>
        "look at the search with profile: true; move exact conditions into filter context, avoid leading \
         wildcards and deep paging, ask for fewer fields",
        "";
    "java" =>
        "ask for fewer hits and fields, page with search_after, and set a request timeout",
        "";
    "csharp" =>
        "ask for fewer hits and fields, page with search_after, and set a request timeout",
        "";
    "python" =>
        "ask for fewer hits and fields, page with search_after, and set a request timeout",
        "";
    "node" =>
        "ask for fewer hits and fields, page with search_after, and set a request timeout",
        "";
    "go" =>
        "ask for fewer hits and fields, page with search_after, and bound the call with a context",
        "";
    "ruby" =>
        "ask for fewer hits and fields, page with search_after, and set a request timeout",
        "";
    "php" =>
        "ask for fewer hits and fields, page with search_after, and set a request timeout",
        "";
    "rust" =>
        "ask for fewer hits and fields, page with search_after, and set a request timeout",
        "";
    "general" =>
        "filter before scoring, ask for fewer hits and fields, and avoid deep paging",
        "";
};

const DATASTORE: &[Fix] = fixes! {
    "cassandra" =>
        "read by partition key: ALLOW FILTERING, wide partitions and many tombstones are what usually takes \
         the time; TRACING ON shows which",
        "";
    "java" =>
        "read by key, ask for less, and page through large results",
        "";
    "csharp" =>
        "read by key, ask for less, and page through large results",
        "";
    "python" =>
        "read by key, ask for less, and page through large results",
        "";
    "node" =>
        "read by key, ask for less, and page through large results",
        "";
    "go" =>
        "read by key, ask for less, and bound the call with a context",
        "";
    "ruby" =>
        "read by key, ask for less, and page through large results",
        "";
    "php" =>
        "read by key, ask for less, and page through large results",
        "";
    "rust" =>
        "read by key, ask for less, and page through large results",
        "";
    "general" =>
        "read by key, ask for less, and page through large results",
        "";
};
