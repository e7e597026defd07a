//! Fixes by framework, system and language; which of them a finding gets is for the host to say.

use tracewatt_sdk::{Fix, PerKind, fixes};

/// The fixes known for N+1 calls, by kind.
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
        "load the association together with the list: JOIN FETCH in the query, or @EntityGraph on the \
         repository method; @BatchSize where a join would multiply rows",
        "https://docs.spring.io/spring-data/jpa/reference/jpa/query-methods.html";
    "java_spring_data" =>
        "read all rows with findAllById() or a derived ...In(ids) method; with JPA, @EntityGraph or JOIN \
         FETCH on the method that reads the list; for writes, saveAll() with JDBC batching",
        "https://docs.spring.io/spring-data/jpa/reference/jpa/query-methods.html";
    "java_quarkus" =>
        "fetch the association in the Panache query with JOIN FETCH, or collect the ids and run one \
         list(\"id in ?1\", ids)",
        "https://quarkus.io/guides/hibernate-orm-panache";
    "java_quarkus_reactive" =>
        "fetch the association in the query with JOIN FETCH, or all of it at once with Mutiny.fetch(), \
         instead of chaining one Uni per row",
        "https://quarkus.io/guides/hibernate-reactive-panache";
    "java_helidon_se" =>
        "collect the ids and run one DbClient query with an IN list instead of one createGet() per row",
        "https://helidon.io/docs/latest/se/dbclient.html";
    "java_helidon_mp" =>
        "use JOIN FETCH or an entity graph in the query that the EntityManager runs for the list",
        "https://docs.jboss.org/hibernate/orm/6.6/userguide/html_single/Hibernate_User_Guide.html";
    "java_jdbc" =>
        "bind all ids to one statement with IN (?, ...) or = ANY (?); for writes, addBatch() and one \
         executeBatch()",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.sql/java/sql/PreparedStatement.html";
    "java_r2dbc" =>
        "bind all ids to one statement with IN or = ANY; for writes, Statement.add() sends several rows at \
         once",
        "";
    "java_spring" =>
        "give NamedParameterJdbcTemplate the whole list for IN (:ids); for writes, batchUpdate()",
        "https://docs.spring.io/spring-framework/reference/data-access/jdbc/parameter-handling.html";
    "java" =>
        "collect the ids and read them with one IN list or a join; for writes, one batch",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.sql/java/sql/PreparedStatement.html";
    "csharp_ef_core" =>
        "load the navigation with Include() and ThenInclude(), with AsSplitQuery() where a join would \
         multiply rows; turn lazy loading off for this query",
        "https://learn.microsoft.com/en-us/ef/core/querying/related-data/eager";
    "csharp_dapper" =>
        "pass the list itself, WHERE Id IN @ids, or read parents and children with one multi-mapping query",
        "https://github.com/DapperLib/Dapper";
    "csharp_ado" =>
        "pass the ids as a table-valued parameter, or as an array for = ANY with Npgsql; for writes, a bulk \
         copy",
        "https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/sql/table-valued-parameters";
    "csharp" =>
        "collect the ids and read them with one IN list or a join; for writes, one bulk insert",
        "https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/sql/table-valued-parameters";
    "rust_diesel" =>
        "load the children of all parents with belonging_to() and distribute them with grouped_by()",
        "https://diesel.rs/guides/relations.html";
    "rust_sea_orm" =>
        "load both sides with find_with_related() or find_also_related(), or the children of all rows with \
         load_many()",
        "https://www.sea-ql.org/SeaORM/docs/relation/data-loader/";
    "rust_sqlx" =>
        "bind the ids as a slice to = ANY($1) on PostgreSQL, elsewhere build the list with QueryBuilder; \
         for writes, QueryBuilder::push_values()",
        "https://docs.rs/sqlx/latest/sqlx/struct.QueryBuilder.html";
    "rust" =>
        "collect the ids and read them with one IN list or a join; for writes, one insert of many rows",
        "https://docs.rs/sqlx/latest/sqlx/struct.QueryBuilder.html";
    "python_django" =>
        "follow to-one relations with select_related() and to-many ones with prefetch_related() on the \
         queryset that feeds the loop; for writes, bulk_create() and bulk_update()",
        "https://docs.djangoproject.com/en/stable/ref/models/querysets/";
    "python_sqlalchemy" =>
        "add selectinload() for collections or joinedload() for to-one relations to the query that feeds \
         the loop; for writes, execute insert() with a list",
        "https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html";
    "python_asyncpg" =>
        "pass the ids as a list to = ANY($1); for writes, executemany() or copy_records_to_table()",
        "https://magicstack.github.io/asyncpg/current/api/index.html";
    "python_dbapi" =>
        "pass the ids as a list, = ANY(%s) with psycopg or a generated IN list elsewhere; for writes, \
         executemany() or one insert of many rows",
        "https://www.psycopg.org/psycopg3/docs/basic/adapt.html";
    "python" =>
        "collect the ids and read them with one IN list or a join; for writes, executemany()",
        "";
    "go_gorm" =>
        "load the association with Preload() or Joins() on the query that feeds the loop; for writes, \
         CreateInBatches()",
        "https://gorm.io/docs/preload.html";
    "go_pgx" =>
        "pass the ids as a slice to = ANY($1), or queue different statements in a Batch for SendBatch(); \
         for writes, CopyFrom()",
        "https://pkg.go.dev/github.com/jackc/pgx/v5";
    "go_sql" =>
        "build one IN list for all ids, or pass a slice to = ANY($1) where the driver takes arrays; for \
         writes, one INSERT with many rows",
        "https://pkg.go.dev/database/sql";
    "go" =>
        "collect the ids and read them with one IN list or = ANY($1); for writes, one INSERT with many rows",
        "https://pkg.go.dev/database/sql";
    "node_prisma" =>
        "ask for the relation with include or select, or read all rows with findMany({ where: { id: { in: \
         ids } } }); for writes, createMany()",
        "https://www.prisma.io/docs/orm/prisma-client/queries/advanced/query-optimization-performance";
    "node_sequelize" =>
        "add include to the findAll() that feeds the loop, with separate: true for large to-many relations; \
         for writes, bulkCreate()",
        "https://sequelize.org/docs/v6/advanced-association-concepts/eager-loading/";
    "node_typeorm" =>
        "name the relation in relations or use leftJoinAndSelect(), or read all rows with In(ids); for \
         writes, pass an array to insert()",
        "";
    "node_knex" =>
        "read all rows with whereIn('id', ids) or a join; for writes, pass an array to insert()",
        "https://knexjs.org/guide/query-builder.html";
    "node_pg" =>
        "pass the ids as one array to = ANY($1); for writes, insert from unnest($1, $2)",
        "https://node-postgres.com/features/queries";
    "node_mysql" =>
        "pass the array to query() with IN (?), which expands it; for writes, VALUES ? with an array of rows",
        "https://sidorares.github.io/node-mysql2/docs";
    "node" =>
        "collect the ids and read them with one IN list; in GraphQL resolvers let DataLoader collect them",
        "https://github.com/graphql/dataloader";
    "ruby_active_record" =>
        "add includes, preload or eager_load to the relation that feeds the loop, and strict_loading to \
         keep it so; for writes, insert_all",
        "https://guides.rubyonrails.org/active_record_querying.html";
    "ruby" =>
        "collect the ids and read them with one IN list or a join; for writes, one insert of many rows",
        "";
    "php_laravel_eloquent" =>
        "load the relation with with() on the query, or load() on the collection; whereIn() for ids, \
         insert() or upsert() with many rows for writes",
        "https://laravel.com/docs/eloquent-relationships";
    "php_doctrine" =>
        "fetch-join the association in DQL (SELECT o, i FROM ... JOIN o.items i) or set fetch mode EAGER \
         for this query",
        "https://www.doctrine-project.org/projects/doctrine-orm/en/current/reference/dql-doctrine-query-language.html";
    "php_pdo" =>
        "prepare one statement with as many placeholders in IN (...) as there are ids; for writes, one \
         INSERT with many rows",
        "https://www.php.net/manual/en/book.pdo.php";
    "php" =>
        "collect the ids and read them with one IN list or a join; for writes, one INSERT with many rows",
        "https://www.php.net/manual/en/book.pdo.php";
    "general" =>
        "read the rows of all items with one join or one IN list; write them with one statement of many rows",
        "";
};

const HTTP: &[Fix] = fixes! {
    "java_webflux" =>
        "ask for all ids with one request if the callee can; else combine the calls with Flux.merge() or \
         flatMap() with a concurrency, or Mono.zip(), instead of one after the other",
        "https://projectreactor.io/docs/core/release/api/reactor/core/publisher/Flux.html";
    "java_quarkus_reactive" =>
        "ask for all ids with one request if the callee can; else start the calls together with \
         Uni.combine().all() or Uni.join()",
        "https://quarkus.io/guides/mutiny-primer";
    "java_quarkus" =>
        "ask for all ids with one REST client method; else return Uni or CompletionStage from the client \
         and combine the calls",
        "https://quarkus.io/guides/rest-client";
    "java_helidon_se" =>
        "ask for all ids with one WebClient request if the callee can; else submit the calls to virtual \
         threads and collect them",
        "";
    "java_helidon_mp" =>
        "ask for all ids with one REST client method; else let it return CompletionStage and wait with \
         CompletableFuture.allOf()",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/concurrent/CompletableFuture.html";
    "java_spring" =>
        "ask for all ids with one request if the callee can; else run the calls with \
         CompletableFuture.supplyAsync() on a bounded executor, or use WebClient",
        "https://docs.spring.io/spring-framework/reference/web/webflux-webclient/client-synchronous.html";
    "java" =>
        "ask for all ids with one request if the callee can; else start the calls with sendAsync() and wait \
         with CompletableFuture.allOf()",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.net.http/java/net/http/HttpClient.html";
    "csharp" =>
        "ask for all ids with one request if the callee can; else start the calls together and await \
         Task.WhenAll(), bounded by Parallel.ForEachAsync()",
        "https://learn.microsoft.com/en-us/dotnet/api/system.threading.tasks.task.whenall";
    "rust_reqwest" =>
        "ask for all ids with one request if the callee can; else run the calls with buffer_unordered(n) on \
         one shared Client",
        "https://docs.rs/futures/latest/futures/stream/trait.StreamExt.html";
    "rust" =>
        "ask for all ids with one request if the callee can; else run the calls together with \
         futures::future::join_all or tokio::join!",
        "https://docs.rs/futures/latest/futures/future/fn.join_all.html";
    "python_requests" =>
        "ask for all ids with one request if the callee can; else run the calls in a ThreadPoolExecutor \
         with a Session that keeps connections open",
        "https://docs.python.org/3/library/concurrent.futures.html";
    "python_httpx" =>
        "ask for all ids with one request if the callee can; else share one AsyncClient and run the calls \
         with asyncio.gather()",
        "https://www.python-httpx.org/async/";
    "python_aiohttp" =>
        "ask for all ids with one request if the callee can; else share one ClientSession and run the calls \
         with asyncio.gather()",
        "https://docs.aiohttp.org/en/stable/client_advanced.html";
    "python_fastapi" =>
        "ask for all ids with one request if the callee can; else make the endpoint async and run the calls \
         with asyncio.gather()",
        "https://fastapi.tiangolo.com/async/";
    "python" =>
        "ask for all ids with one request if the callee can; else run the calls with asyncio.gather(), or \
         in a thread pool in synchronous code",
        "https://docs.python.org/3/library/asyncio-task.html";
    "go" =>
        "ask for all ids with one request if the callee can; else run the calls in an errgroup.Group with \
         SetLimit()",
        "https://pkg.go.dev/golang.org/x/sync/errgroup";
    "node_nestjs" =>
        "ask for all ids with one request if the callee can; else collect them with DataLoader, or wait for \
         all calls with Promise.all()",
        "https://github.com/graphql/dataloader";
    "node" =>
        "ask for all ids with one request if the callee can; else start the calls together and await \
         Promise.all(), bounded by p-limit",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Promise/all";
    "ruby" =>
        "ask for all ids with one request if the callee can; else run the calls as \
         Concurrent::Promises.future and zip them",
        "https://github.com/ruby-concurrency/concurrent-ruby";
    "php_laravel_eloquent" =>
        "ask for all ids with one request if the callee can; else send the calls together with Http::pool()",
        "https://laravel.com/docs/http-client";
    "php_guzzle" =>
        "ask for all ids with one request if the callee can; else send the calls with Pool, or settle their \
         promises with Utils::settle()",
        "https://docs.guzzlephp.org/en/stable/quickstart.html";
    "php" =>
        "ask for all ids with one request if the callee can; else send the calls together with Guzzle's \
         Pool or curl_multi",
        "https://docs.guzzlephp.org/en/stable/quickstart.html";
    "general" =>
        "give the callee an endpoint that takes a list of ids; until then run the calls concurrently, with \
         a bound",
        "";
};

const CACHE: &[Fix] = fixes! {
    "python_django" =>
        "read the keys with cache.get_many() and write them with cache.set_many(); on a raw Redis \
         connection use mget() or a pipeline()",
        "https://docs.djangoproject.com/en/stable/topics/cache/";
    "ruby_active_record" =>
        "read the keys with Rails.cache.read_multi or fetch_multi, render collections with cached: true; on \
         a raw Redis connection use mget",
        "https://guides.rubyonrails.org/caching_with_rails.html";
    "php_laravel_eloquent" =>
        "read the keys with Cache::many() and write them with Cache::putMany(); on a raw Redis connection \
         use Redis::mget() or Redis::pipeline()",
        "https://laravel.com/docs/cache";
    "java_redis" =>
        "read the keys with mget(), or send the commands through a Jedis Pipeline, Lettuce's async API or a \
         Redisson RBatch",
        "https://redis.io/docs/latest/develop/use/pipelining/";
    "csharp_redis" =>
        "pass an array of keys to StringGetAsync(), or start the commands together, with CreateBatch() if \
         they must go out as one",
        "https://stackexchange.github.io/StackExchange.Redis/PipelinesMultiplexers";
    "python_redis" =>
        "read the keys with mget(), or queue the commands in a pipeline() and run them with one execute()",
        "https://redis.io/docs/latest/develop/use/pipelining/";
    "go_redis" =>
        "read the keys with MGet(), or queue the commands in Pipelined()",
        "https://redis.io/docs/latest/develop/use/pipelining/";
    "node_redis" =>
        "read the keys with mGet() (mget() in ioredis), or queue the commands in multi() or pipeline()",
        "https://redis.io/docs/latest/develop/use/pipelining/";
    "ruby_redis" =>
        "read the keys with mget, or queue the commands in a pipelined block",
        "https://github.com/redis/redis-rb";
    "php_redis" =>
        "read the keys with mget(), or queue the commands in pipeline() (multi(Redis::PIPELINE) in phpredis)",
        "https://redis.io/docs/latest/develop/use/pipelining/";
    "redis" =>
        "read the keys with MGET or HMGET, write them with MSET, and send other commands as one pipeline",
        "https://redis.io/docs/latest/commands/mget/";
    "memcached" =>
        "ask for all keys with one multi-key get instead of one get per key",
        "https://github.com/memcached/memcached/blob/master/doc/protocol.txt";
    "java" =>
        "read the keys with the bulk method of the cache, Cache.getAll() in JCache",
        "";
    "csharp" =>
        "read the keys with the bulk method of the client, or start the reads together and await \
         Task.WhenAll()",
        "https://learn.microsoft.com/en-us/dotnet/api/system.threading.tasks.task.whenall";
    "python" =>
        "read the keys with the bulk method of the client: mget(), get_many() or get_multi()",
        "";
    "node" =>
        "read the keys with the bulk method of the client: mget() or getMulti()",
        "";
    "go" =>
        "read the keys with the bulk method of the client: MGet() or GetMulti()",
        "";
    "ruby" =>
        "read the keys with the bulk method of the client: mget, get_multi or read_multi",
        "";
    "php" =>
        "read the keys with getMultiple() of PSR-16 or the bulk method of the client",
        "";
    "rust" =>
        "read the keys with the bulk command of the client, or send the commands as one redis::pipe()",
        "";
    "general" =>
        "read all keys with one bulk command or one pipeline",
        "";
};

const MESSAGING: &[Fix] = fixes! {
    "node_kafkajs" =>
        "pass all messages to one send(), or those of several topics to sendBatch()",
        "https://kafka.js.org/docs/producing";
    "kafka" =>
        "do not wait for each record: let linger.ms and batch.size fill batches, and flush once at the end",
        "https://kafka.apache.org/documentation/#producerconfigs";
    "rabbitmq" =>
        "publish without waiting, and wait for the confirms of the whole batch; or put the items into one \
         message",
        "https://www.rabbitmq.com/docs/confirms";
    "sqs" =>
        "send up to ten messages with one SendMessageBatch",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html";
    "sns" =>
        "publish up to ten messages with one PublishBatch",
        "https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html";
    "pulsar" =>
        "use sendAsync() with batching enabled on the producer, and flush once at the end",
        "https://pulsar.apache.org/docs/next/concepts-messaging/";
    "nats" =>
        "publish asynchronously to JetStream and wait for the acknowledgements of the whole batch",
        "https://docs.nats.io/nats-concepts/jetstream";
    "jms" =>
        "send within one transacted session and commit once, or use asynchronous send with a completion \
         listener",
        "";
    "pubsub" =>
        "let the publisher client batch: set its batch settings and do not wait for each publish",
        "https://cloud.google.com/pubsub/docs/batch-messaging";
    "eventhubs" =>
        "add the events to one EventDataBatch and send that",
        "";
    "servicebus" =>
        "add the messages to one ServiceBusMessageBatch and send that",
        "https://learn.microsoft.com/en-us/azure/service-bus-messaging/service-bus-performance-improvements";
    "redis" =>
        "add the entries within one pipeline, or put the items into one entry",
        "https://redis.io/docs/latest/develop/use/pipelining/";
    "java" =>
        "use the asynchronous send of the client and wait once for all futures",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/concurrent/CompletableFuture.html";
    "csharp" =>
        "use the batch method of the client, or start the sends together and await Task.WhenAll()",
        "https://learn.microsoft.com/en-us/dotnet/api/system.threading.tasks.task.whenall";
    "python" =>
        "use the batch method of the client, or send without waiting and flush once at the end",
        "";
    "node" =>
        "use the batch method of the client, or start the sends together and await Promise.all()",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Promise/all";
    "go" =>
        "use the batch method of the client, or send without waiting and flush once at the end",
        "";
    "ruby" =>
        "use the batch method of the client; with Sidekiq, perform_bulk",
        "";
    "php_laravel_eloquent" =>
        "dispatch the jobs with Bus::batch() or Queue::bulk(), or one job for all items",
        "https://laravel.com/docs/queues";
    "php" =>
        "use the batch method of the client, or put the items into one message",
        "";
    "rust" =>
        "use the batch method of the client, or send without waiting and await all deliveries with join_all",
        "https://docs.rs/futures/latest/futures/future/fn.join_all.html";
    "general" =>
        "send the messages as one batch, or put the items into one message",
        "";
};

const RPC: &[Fix] = fixes! {
    "grpc" =>
        "add a method that takes a repeated field of ids, or send the items over one stream instead of one \
         unary call each",
        "https://grpc.io/docs/what-is-grpc/core-concepts/";
    "java" =>
        "call a bulk method; else use the asynchronous stub and wait for all futures together",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/concurrent/CompletableFuture.html";
    "csharp" =>
        "call a bulk method; else start the calls together and await Task.WhenAll()",
        "https://learn.microsoft.com/en-us/dotnet/api/system.threading.tasks.task.whenall";
    "python" =>
        "call a bulk method; else run the calls with asyncio.gather() on the asynchronous client",
        "https://docs.python.org/3/library/asyncio-task.html";
    "node" =>
        "call a bulk method; else start the calls together and await Promise.all()",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Promise/all";
    "go" =>
        "call a bulk method; else run the calls in an errgroup.Group with SetLimit()",
        "https://pkg.go.dev/golang.org/x/sync/errgroup";
    "ruby" =>
        "call a bulk method; else run the calls as Concurrent::Promises.future",
        "https://github.com/ruby-concurrency/concurrent-ruby";
    "php" =>
        "call a bulk method instead of one call per item",
        "";
    "rust" =>
        "call a bulk method; else run the calls with buffer_unordered(n)",
        "https://docs.rs/futures/latest/futures/stream/trait.StreamExt.html";
    "general" =>
        "give the service a method that takes a list of items, or a stream",
        "";
};

const DOCUMENT: &[Fix] = fixes! {
    "node_mongoose" =>
        "use populate() on the query that feeds the loop, or one find({ _id: { $in: ids } }); for writes, \
         insertMany() or bulkWrite()",
        "https://mongoosejs.com/docs/populate.html";
    "python_pymongo" =>
        "read the documents with one find({\"_id\": {\"$in\": ids}}) or a $lookup stage; for writes, \
         insert_many() or bulk_write()",
        "https://pymongo.readthedocs.io/en/stable/";
    "java_spring_data" =>
        "read the documents with findAllById() or a derived ...In(ids) method; for writes, insert() or \
         saveAll() with the whole list",
        "";
    "mongodb" =>
        "read the documents with one $in query or a $lookup stage; for writes, insertMany or bulkWrite",
        "https://www.mongodb.com/docs/manual/reference/operator/query/in/";
    "dynamodb" =>
        "read up to a hundred items with BatchGetItem, or one partition with Query; write up to 25 with \
         BatchWriteItem",
        "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html";
    "java" =>
        "read the documents with the bulk method of the driver: an in filter or findAllById()",
        "";
    "csharp" =>
        "read the documents with one Filter.In or the bulk method of the driver",
        "";
    "python" =>
        "read the documents with one query for all ids",
        "";
    "node" =>
        "read the documents with one query for all ids; in GraphQL resolvers let DataLoader collect them",
        "https://github.com/graphql/dataloader";
    "go" =>
        "read the documents with one $in filter or the bulk method of the driver",
        "";
    "ruby" =>
        "read the documents with one query for all ids; in Mongoid, includes on the criteria",
        "";
    "php" =>
        "read the documents with one query for all ids, or eager-load the relation in the document mapper",
        "";
    "rust" =>
        "read the documents with one query for all ids",
        "";
    "general" =>
        "read the documents with one query for all ids; write them with one bulk operation",
        "";
};

const SEARCH: &[Fix] = fixes! {
    "elasticsearch" =>
        "send the searches with one _msearch, read documents with _mget, write them with _bulk",
        "https://www.elastic.co/guide/en/elasticsearch/reference/8.17/search-multi-search.html";
    "opensearch" =>
        "send the searches with one _msearch, read documents with _mget, write them with _bulk",
        "https://docs.opensearch.org/docs/api-reference/search-apis/multi-search";
    "java" =>
        "send one msearch() with all searches, or one terms query for all values",
        "";
    "csharp" =>
        "send one MultiSearch with all searches, or one terms query for all values",
        "";
    "python" =>
        "send one msearch() with all searches, mget() for ids, and helpers.bulk() for writes",
        "";
    "node" =>
        "send one msearch() with all searches, mget() for ids, and helpers.bulk() for writes",
        "";
    "go" =>
        "send one multi-search with all searches, and use the BulkIndexer for writes",
        "";
    "ruby" =>
        "send one msearch with all searches, mget for ids, and bulk for writes",
        "";
    "php" =>
        "send one msearch() with all searches, mget() for ids, and bulk() for writes",
        "";
    "rust" =>
        "send one msearch() with all searches, mget() for ids, and bulk() for writes",
        "";
    "general" =>
        "send one multi-search, or one query for all terms",
        "";
};

const DATASTORE: &[Fix] = fixes! {
    "cassandra" =>
        "model the rows to be read together into one partition; else execute the reads asynchronously, each \
         routed to its own partition, rather than as one large IN",
        "";
    "java" =>
        "ask for all items with one statement, or executeAsync() them together",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/concurrent/CompletableFuture.html";
    "csharp" =>
        "ask for all items with one statement, or start the calls together and await Task.WhenAll()",
        "https://learn.microsoft.com/en-us/dotnet/api/system.threading.tasks.task.whenall";
    "python" =>
        "ask for all items with one statement, or run the calls with the concurrent execution of the driver",
        "";
    "node" =>
        "ask for all items with one statement, or start the calls together and await Promise.all()",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Promise/all";
    "go" =>
        "ask for all items with one statement, or run the calls in an errgroup.Group with SetLimit()",
        "https://pkg.go.dev/golang.org/x/sync/errgroup";
    "ruby" =>
        "ask for all items with one statement, or with the batch method of the driver",
        "";
    "php" =>
        "ask for all items with one statement, or with the batch method of the driver",
        "";
    "rust" =>
        "ask for all items with one statement, or run the calls with buffer_unordered(n)",
        "https://docs.rs/futures/latest/futures/stream/trait.StreamExt.html";
    "general" =>
        "ask for all items with one statement or one batch",
        "";
};
