//! The table behind [`super::chain`]: what is evidence of what.
//!
//! A row is one pattern. The order of rows carries no meaning: of all that fit, the longest pattern counts,
//! so that a row for a whole family (`io.opentelemetry`) only speaks for what has no row of its own.
//! Scope names are those that the instrumentations of each language register their tracers under.

/// What a pattern is compared with, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// Name of an instrumentation scope; starts with the pattern, up to the end of a word.
    Scope,
    /// Namespace or qualified function name; starts with the pattern, up to the end of a word.
    Code,
    /// Name of the class; ends in the pattern.
    Class,
    /// Extension of the source file.
    File,
    /// Language the SDK states.
    Sdk,
    /// System spoken to.
    System,
    /// Name of the service; contains the pattern.
    Service,
}

/// How specific an identifier is; the order in which fixes are looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Tier {
    /// Decides how data is asked for: an ORM, a query builder, a framework that has one.
    Framework,
    /// Makes the call: a driver, an HTTP client.
    Client,
    /// Says where the code runs, or hints at it: the server a request came in by, the name of the class.
    Context,
    /// The other side of the call.
    System,
    /// A language.
    Language,
}

/// One pattern and what it is evidence of.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) source: Source,
    pub(super) pattern: &'static str,
    pub(super) id: &'static str,
    /// Language of the code; empty for every language.
    pub(super) language: &'static str,
    pub(super) tier: Tier,
}

macro_rules! rows {
    ($($tier:ident $source:ident $pattern:literal => $id:literal, $language:literal;)*) => {
        &[$(Row {
            source: Source::$source,
            pattern: $pattern,
            id: $id,
            language: $language,
            tier: Tier::$tier,
        }),*]
    };
}

/// Everything that is evidence.
pub(super) const TABLE: &[Row] = rows! {
    // Java.
    Framework Scope "io.opentelemetry.hibernate" => "java_jpa", "java";
    Framework Scope "io.opentelemetry.hibernate-procedure-call" => "java_jpa", "java";
    Framework Scope "io.opentelemetry.spring-data" => "java_spring_data", "java";
    Framework Scope "io.opentelemetry.hibernate-reactive" => "java_quarkus_reactive", "java";
    Framework Scope "io.quarkus.hibernate.reactive" => "java_quarkus_reactive", "java";
    Framework Scope "io.quarkus.panache.reactive" => "java_quarkus_reactive", "java";
    Framework Scope "io.quarkus.reactive" => "java_quarkus_reactive", "java";
    Framework Scope "io.opentelemetry.quarkus" => "java_quarkus", "java";
    Framework Scope "io.opentelemetry.quarkus-resteasy-reactive" => "java_quarkus", "java";
    Framework Scope "io.quarkus" => "java_quarkus", "java";
    Framework Scope "io.helidon.microprofile" => "java_helidon_mp", "java";
    Framework Scope "io.opentelemetry.helidon" => "java_helidon_se", "java";
    Framework Scope "io.helidon" => "java_helidon_se", "java";
    Client Scope "io.opentelemetry.jdbc" => "java_jdbc", "java";
    Client Scope "io.opentelemetry.jdbc-datasource" => "java_jdbc", "java";
    Client Scope "io.opentelemetry.r2dbc" => "java_r2dbc", "java";
    Client Scope "io.opentelemetry.jedis" => "java_redis", "java";
    Client Scope "io.opentelemetry.lettuce" => "java_redis", "java";
    Client Scope "io.opentelemetry.redisson" => "java_redis", "java";
    Context Scope "io.opentelemetry.spring-webmvc" => "java_spring", "java";
    Context Scope "io.opentelemetry.spring-web" => "java_spring", "java";
    Context Scope "io.opentelemetry.spring-boot-autoconfigure" => "java_spring", "java";
    Context Scope "org.springframework.boot" => "java_spring", "java";
    Context Scope "io.opentelemetry.spring-webflux" => "java_webflux", "java";
    Context Scope "io.opentelemetry.reactor-netty" => "java_webflux", "java";
    System Scope "io.opentelemetry.kafka-clients" => "kafka", "java";
    System Scope "io.opentelemetry.spring-kafka" => "kafka", "java";
    System Scope "io.opentelemetry.reactor-kafka" => "kafka", "java";
    System Scope "io.opentelemetry.vertx-kafka-client" => "kafka", "java";
    System Scope "io.opentelemetry.rabbitmq" => "rabbitmq", "java";
    System Scope "io.opentelemetry.spring-rabbit" => "rabbitmq", "java";
    System Scope "io.opentelemetry.jms" => "jms", "java";
    System Scope "io.opentelemetry.spring-jms" => "jms", "java";
    System Scope "io.opentelemetry.pulsar" => "pulsar", "java";
    System Scope "io.opentelemetry.spring-pulsar" => "pulsar", "java";
    System Scope "io.opentelemetry.nats" => "nats", "java";
    System Scope "io.opentelemetry.grpc" => "grpc", "java";
    System Scope "io.opentelemetry.spymemcached" => "memcached", "java";
    System Scope "io.opentelemetry.mongo" => "mongodb", "java";
    System Scope "io.opentelemetry.mongo-async" => "mongodb", "java";
    System Scope "io.opentelemetry.cassandra" => "cassandra", "java";
    System Scope "io.opentelemetry.elasticsearch-rest" => "elasticsearch", "java";
    System Scope "io.opentelemetry.elasticsearch-transport" => "elasticsearch", "java";
    System Scope "io.opentelemetry.elasticsearch-api-client" => "elasticsearch", "java";
    System Scope "io.opentelemetry.opensearch-rest" => "opensearch", "java";
    System Scope "io.opentelemetry.opensearch-java" => "opensearch", "java";
    Framework Code "jakarta.persistence" => "java_jpa", "java";
    Framework Code "javax.persistence" => "java_jpa", "java";
    Framework Code "org.hibernate" => "java_jpa", "java";
    Framework Code "org.springframework.data.jpa" => "java_jpa", "java";
    Framework Code "org.springframework.data" => "java_spring_data", "java";
    Framework Code "io.quarkus.hibernate.reactive" => "java_quarkus_reactive", "java";
    Framework Code "io.quarkus.panache.reactive" => "java_quarkus_reactive", "java";
    Framework Code "io.quarkus.reactive" => "java_quarkus_reactive", "java";
    Framework Code "org.hibernate.reactive" => "java_quarkus_reactive", "java";
    Framework Code "io.smallrye.mutiny" => "java_quarkus_reactive", "java";
    Framework Code "io.quarkus" => "java_quarkus", "java";
    Framework Code "io.helidon.microprofile" => "java_helidon_mp", "java";
    Framework Code "io.helidon" => "java_helidon_se", "java";
    Client Code "java.sql" => "java_jdbc", "java";
    Client Code "javax.sql" => "java_jdbc", "java";
    Client Code "org.springframework.jdbc" => "java_jdbc", "java";
    Client Code "io.r2dbc" => "java_r2dbc", "java";
    Client Code "org.springframework.data.r2dbc" => "java_r2dbc", "java";
    Client Code "org.springframework.r2dbc" => "java_r2dbc", "java";
    Context Code "org.springframework.web.reactive" => "java_webflux", "java";
    Context Code "reactor.core" => "java_webflux", "java";
    Context Code "org.springframework" => "java_spring", "java";
    Context Class "Repository" => "java_jpa", "java";
    Context Class "Repo" => "java_jpa", "java";
    Context Class "Dao" => "java_jpa", "java";
    Framework Service "helidon-mp" => "java_helidon_mp", "java";
    Framework Service "helidon.mp" => "java_helidon_mp", "java";
    Framework Service "helidon" => "java_helidon_se", "java";
    Language Scope "io.opentelemetry" => "java", "java";
    Language Scope "io.micronaut" => "java", "java";
    Language Scope "io.vertx" => "java", "java";
    Language Code "java" => "java", "java";
    Language Code "javax" => "java", "java";
    Language Code "jakarta" => "java", "java";

    // C#.
    Framework Scope "OpenTelemetry.Instrumentation.EntityFrameworkCore" => "csharp_ef_core", "csharp";
    Framework Scope "Microsoft.EntityFrameworkCore" => "csharp_ef_core", "csharp";
    Client Scope "OpenTelemetry.Instrumentation.SqlClient" => "csharp_ado", "csharp";
    Client Scope "Npgsql" => "csharp_ado", "csharp";
    Client Scope "MySqlConnector" => "csharp_ado", "csharp";
    Client Scope "Microsoft.Data.SqlClient" => "csharp_ado", "csharp";
    Client Scope "OpenTelemetry.Instrumentation.StackExchangeRedis" => "csharp_redis", "csharp";
    Context Scope "OpenTelemetry.Instrumentation.AspNetCore" => "csharp_aspnet_core", "csharp";
    Context Scope "Microsoft.AspNetCore" => "csharp_aspnet_core", "csharp";
    System Scope "OpenTelemetry.Instrumentation.ConfluentKafka" => "kafka", "csharp";
    System Scope "RabbitMQ.Client" => "rabbitmq", "csharp";
    System Scope "OpenTelemetry.Instrumentation.GrpcNetClient" => "grpc", "csharp";
    System Scope "MongoDB.Driver" => "mongodb", "csharp";
    System Scope "OpenTelemetry.Instrumentation.ElasticsearchClient" => "elasticsearch", "csharp";
    System Scope "Elastic.Transport" => "elasticsearch", "csharp";
    System Scope "Azure.Messaging.ServiceBus" => "servicebus", "csharp";
    System Scope "Azure.Messaging.EventHubs" => "eventhubs", "csharp";
    Framework Code "Microsoft.EntityFrameworkCore" => "csharp_ef_core", "csharp";
    Framework Code "Pomelo.EntityFrameworkCore" => "csharp_ef_core", "csharp";
    Framework Code "Npgsql.EntityFrameworkCore" => "csharp_ef_core", "csharp";
    Client Code "Dapper" => "csharp_dapper", "csharp";
    Client Code "Microsoft.Data.SqlClient" => "csharp_ado", "csharp";
    Client Code "System.Data" => "csharp_ado", "csharp";
    Client Code "Npgsql" => "csharp_ado", "csharp";
    Client Code "MySqlConnector" => "csharp_ado", "csharp";
    Client Code "StackExchange.Redis" => "csharp_redis", "csharp";
    Context Code "Microsoft.AspNetCore" => "csharp_aspnet_core", "csharp";
    Language Scope "OpenTelemetry.Instrumentation" => "csharp", "csharp";
    Language Scope "System.Net.Http" => "csharp", "csharp";

    // Python.
    Framework Scope "opentelemetry.instrumentation.django" => "python_django", "python";
    Framework Scope "opentelemetry.instrumentation.sqlalchemy" => "python_sqlalchemy", "python";
    Client Scope "opentelemetry.instrumentation.dbapi" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.psycopg" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.psycopg2" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.aiopg" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.mysql" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.mysqlclient" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.pymysql" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.pymssql" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.sqlite3" => "python_dbapi", "python";
    Client Scope "opentelemetry.instrumentation.asyncpg" => "python_asyncpg", "python";
    Client Scope "opentelemetry.instrumentation.requests" => "python_requests", "python";
    Client Scope "opentelemetry.instrumentation.urllib3" => "python_requests", "python";
    Client Scope "opentelemetry.instrumentation.urllib" => "python_requests", "python";
    Client Scope "opentelemetry.instrumentation.httpx" => "python_httpx", "python";
    Client Scope "opentelemetry.instrumentation.aiohttp_client" => "python_aiohttp", "python";
    Client Scope "opentelemetry.instrumentation.redis" => "python_redis", "python";
    Client Scope "opentelemetry.instrumentation.pymongo" => "python_pymongo", "python";
    Context Scope "opentelemetry.instrumentation.fastapi" => "python_fastapi", "python";
    Context Scope "opentelemetry.instrumentation.flask" => "python_flask", "python";
    System Scope "opentelemetry.instrumentation.kafka" => "kafka", "python";
    System Scope "opentelemetry.instrumentation.confluent_kafka" => "kafka", "python";
    System Scope "opentelemetry.instrumentation.aiokafka" => "kafka", "python";
    System Scope "opentelemetry.instrumentation.pika" => "rabbitmq", "python";
    System Scope "opentelemetry.instrumentation.aio_pika" => "rabbitmq", "python";
    System Scope "opentelemetry.instrumentation.boto3sqs" => "sqs", "python";
    System Scope "opentelemetry.instrumentation.pymemcache" => "memcached", "python";
    System Scope "opentelemetry.instrumentation.grpc" => "grpc", "python";
    System Scope "opentelemetry.instrumentation.elasticsearch" => "elasticsearch", "python";
    System Scope "opentelemetry.instrumentation.cassandra" => "cassandra", "python";
    Framework Code "django" => "python_django", "python";
    Framework Code "sqlalchemy" => "python_sqlalchemy", "python";
    Client Code "requests" => "python_requests", "python";
    Client Code "httpx" => "python_httpx", "python";
    Client Code "pymongo" => "python_pymongo", "python";
    Client Code "motor" => "python_pymongo", "python";
    Context Code "fastapi" => "python_fastapi", "python";
    Context Code "flask" => "python_flask", "python";
    Language Scope "opentelemetry.instrumentation" => "python", "python";

    // Node.
    Framework Scope "@prisma" => "node_prisma", "node";
    Framework Scope "prisma" => "node_prisma", "node";
    Framework Scope "@opentelemetry/instrumentation-sequelize" => "node_sequelize", "node";
    Framework Scope "opentelemetry-instrumentation-sequelize" => "node_sequelize", "node";
    Framework Scope "@opentelemetry/instrumentation-typeorm" => "node_typeorm", "node";
    Framework Scope "opentelemetry-instrumentation-typeorm" => "node_typeorm", "node";
    Framework Scope "@opentelemetry/instrumentation-knex" => "node_knex", "node";
    Framework Scope "@opentelemetry/instrumentation-mongoose" => "node_mongoose", "node";
    Client Scope "@opentelemetry/instrumentation-pg" => "node_pg", "node";
    Client Scope "@opentelemetry/instrumentation-mysql" => "node_mysql", "node";
    Client Scope "@opentelemetry/instrumentation-mysql2" => "node_mysql", "node";
    Client Scope "@opentelemetry/instrumentation-http" => "node_http", "node";
    Client Scope "@opentelemetry/instrumentation-undici" => "node_undici", "node";
    Client Scope "@opentelemetry/instrumentation-fetch" => "node_undici", "node";
    Client Scope "@opentelemetry/instrumentation-redis" => "node_redis", "node";
    Client Scope "@opentelemetry/instrumentation-ioredis" => "node_redis", "node";
    Client Scope "@opentelemetry/instrumentation-kafkajs" => "node_kafkajs", "node";
    Context Scope "@opentelemetry/instrumentation-nestjs-core" => "node_nestjs", "node";
    Context Scope "@nestjs" => "node_nestjs", "node";
    Context Scope "@opentelemetry/instrumentation-express" => "node_express", "node";
    System Scope "@opentelemetry/instrumentation-amqplib" => "rabbitmq", "node";
    System Scope "@opentelemetry/instrumentation-mongodb" => "mongodb", "node";
    System Scope "@opentelemetry/instrumentation-memcached" => "memcached", "node";
    System Scope "@opentelemetry/instrumentation-cassandra-driver" => "cassandra", "node";
    System Scope "@opentelemetry/instrumentation-grpc" => "grpc", "node";
    Framework Code "@prisma" => "node_prisma", "node";
    Framework Code "prisma" => "node_prisma", "node";
    Framework Code "PrismaClient" => "node_prisma", "node";
    Framework Code "sequelize" => "node_sequelize", "node";
    Framework Code "typeorm" => "node_typeorm", "node";
    Framework Code "knex" => "node_knex", "node";
    Framework Code "mongoose" => "node_mongoose", "node";
    Context Code "@nestjs" => "node_nestjs", "node";
    Language Scope "@opentelemetry" => "node", "node";
    Language Scope "@fastify" => "node", "node";

    // Go.
    Framework Scope "gorm.io" => "go_gorm", "go";
    Framework Scope "github.com/uptrace/opentelemetry-go-extra/otelgorm" => "go_gorm", "go";
    Framework Scope "github.com/go-gorm/opentelemetry" => "go_gorm", "go";
    Client Scope "github.com/XSAM/otelsql" => "go_sql", "go";
    Client Scope "github.com/uptrace/opentelemetry-go-extra/otelsql" => "go_sql", "go";
    Client Scope "github.com/uptrace/opentelemetry-go-extra/otelsqlx" => "go_sql", "go";
    Client Scope "go.nhat.io/otelsql" => "go_sql", "go";
    Client Scope "go.opentelemetry.io/contrib/instrumentation/database/sql" => "go_sql", "go";
    Client Scope "github.com/exaring/otelpgx" => "go_pgx", "go";
    Client Scope "github.com/jackc/pgx" => "go_pgx", "go";
    Client Scope "github.com/redis/go-redis" => "go_redis", "go";
    Client Scope "github.com/go-redis/redis" => "go_redis", "go";
    System Scope "go.opentelemetry.io/contrib/instrumentation/go.mongodb.org/mongo-driver" => "mongodb", "go";
    System Scope "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc" => "grpc", "go";
    System Scope "go.opentelemetry.io/contrib/instrumentation/github.com/bradfitz/gomemcache" => "memcached", "go";
    System Scope "go.opentelemetry.io/contrib/instrumentation/github.com/IBM/sarama" => "kafka", "go";
    System Scope "go.opentelemetry.io/contrib/instrumentation/github.com/Shopify/sarama" => "kafka", "go";
    System Scope "github.com/twmb/franz-go" => "kafka", "go";
    System Scope "github.com/dnwe/otelsarama" => "kafka", "go";
    System Scope "go.opentelemetry.io/contrib/instrumentation/github.com/gocql/gocql" => "cassandra", "go";
    Framework Code "gorm.io" => "go_gorm", "go";
    Framework Code "github.com/jinzhu/gorm" => "go_gorm", "go";
    Client Code "database/sql" => "go_sql", "go";
    Client Code "github.com/jmoiron/sqlx" => "go_sql", "go";
    Client Code "github.com/jackc/pgx" => "go_pgx", "go";
    Client Code "github.com/redis/go-redis" => "go_redis", "go";
    Client Code "github.com/go-redis/redis" => "go_redis", "go";
    Language Scope "github.com" => "go", "go";
    Language Scope "go.opentelemetry.io" => "go", "go";
    Language Code "github.com" => "go", "go";
    Language Code "net/http" => "go", "go";

    // Ruby.
    // Rails comes with its ORM; its scopes mean it as Django's do.
    Framework Scope "OpenTelemetry::Instrumentation::ActiveRecord" => "ruby_active_record", "ruby";
    Framework Scope "OpenTelemetry::Instrumentation::Rails" => "ruby_active_record", "ruby";
    Framework Scope "OpenTelemetry::Instrumentation::ActionPack" => "ruby_active_record", "ruby";
    Framework Scope "OpenTelemetry::Instrumentation::ActiveSupport" => "ruby_active_record", "ruby";
    Client Scope "OpenTelemetry::Instrumentation::Redis" => "ruby_redis", "ruby";
    System Scope "OpenTelemetry::Instrumentation::Dalli" => "memcached", "ruby";
    System Scope "OpenTelemetry::Instrumentation::Mongo" => "mongodb", "ruby";
    System Scope "OpenTelemetry::Instrumentation::RubyKafka" => "kafka", "ruby";
    System Scope "OpenTelemetry::Instrumentation::Rdkafka" => "kafka", "ruby";
    System Scope "OpenTelemetry::Instrumentation::Racecar" => "kafka", "ruby";
    System Scope "OpenTelemetry::Instrumentation::Bunny" => "rabbitmq", "ruby";
    System Scope "OpenTelemetry::Instrumentation::Grpc" => "grpc", "ruby";
    Framework Code "ActiveRecord" => "ruby_active_record", "ruby";
    Framework Code "ApplicationRecord" => "ruby_active_record", "ruby";
    Client Code "Redis" => "ruby_redis", "ruby";
    Language Scope "OpenTelemetry::Instrumentation" => "ruby", "ruby";

    // PHP.
    Framework Scope "io.opentelemetry.contrib.php.doctrine" => "php_doctrine", "php";
    Framework Scope "io.opentelemetry.contrib.php.laravel" => "php_laravel_eloquent", "php";
    Client Scope "io.opentelemetry.contrib.php.pdo" => "php_pdo", "php";
    Client Scope "io.opentelemetry.contrib.php.mysqli" => "php_pdo", "php";
    Client Scope "io.opentelemetry.contrib.php.postgresql" => "php_pdo", "php";
    Client Scope "io.opentelemetry.contrib.php.guzzle" => "php_guzzle", "php";
    Client Scope "io.opentelemetry.contrib.php.ext_redis" => "php_redis", "php";
    Client Scope "io.opentelemetry.contrib.php.predis" => "php_redis", "php";
    System Scope "io.opentelemetry.contrib.php.mongodb" => "mongodb", "php";
    System Scope "io.opentelemetry.contrib.php.ext_amqp" => "rabbitmq", "php";
    System Scope "io.opentelemetry.contrib.php.ext_rdkafka" => "kafka", "php";
    Framework Code "Illuminate\\Database" => "php_laravel_eloquent", "php";
    Framework Code "App\\Models" => "php_laravel_eloquent", "php";
    Framework Code "Doctrine\\ORM" => "php_doctrine", "php";
    Framework Code "Doctrine\\DBAL" => "php_doctrine", "php";
    Client Code "GuzzleHttp" => "php_guzzle", "php";
    Client Code "PDO" => "php_pdo", "php";
    Client Code "PDOStatement" => "php_pdo", "php";
    Client Code "Predis" => "php_redis", "php";
    Language Scope "io.opentelemetry.contrib.php" => "php", "php";

    // Rust.
    Framework Code "diesel" => "rust_diesel", "rust";
    Framework Code "diesel_async" => "rust_diesel", "rust";
    Framework Code "sea_orm" => "rust_sea_orm", "rust";
    Framework Code "sea_query" => "rust_sea_orm", "rust";
    Client Code "sqlx" => "rust_sqlx", "rust";
    Client Code "sqlx_core" => "rust_sqlx", "rust";
    Client Code "sqlx_postgres" => "rust_sqlx", "rust";
    Client Code "sqlx_mysql" => "rust_sqlx", "rust";
    Client Code "sqlx_sqlite" => "rust_sqlx", "rust";
    Client Code "sqlx_tracing" => "rust_sqlx", "rust";
    Client Code "sqlx_otel" => "rust_sqlx", "rust";
    Client Code "reqwest" => "rust_reqwest", "rust";
    Client Code "reqwest_tracing" => "rust_reqwest", "rust";
    System Code "tonic" => "grpc", "rust";
    Framework Scope "diesel" => "rust_diesel", "rust";
    Framework Scope "diesel_async" => "rust_diesel", "rust";
    Framework Scope "diesel-async" => "rust_diesel", "rust";
    Framework Scope "sea_orm" => "rust_sea_orm", "rust";
    Framework Scope "sea-orm" => "rust_sea_orm", "rust";
    Client Scope "sqlx" => "rust_sqlx", "rust";
    Client Scope "sqlx-otel" => "rust_sqlx", "rust";
    Client Scope "sqlx_otel" => "rust_sqlx", "rust";
    Client Scope "sqlx-tracing" => "rust_sqlx", "rust";
    Client Scope "sqlx_tracing" => "rust_sqlx", "rust";
    Client Scope "reqwest" => "rust_reqwest", "rust";
    Client Scope "reqwest-tracing" => "rust_reqwest", "rust";
    Client Scope "reqwest_tracing" => "rust_reqwest", "rust";

    // Source files, by extension.
    Language File "java" => "java", "java";
    Language File "kt" => "java", "java";
    Language File "scala" => "java", "java";
    Language File "cs" => "csharp", "csharp";
    Language File "py" => "python", "python";
    Language File "js" => "node", "node";
    Language File "ts" => "node", "node";
    Language File "jsx" => "node", "node";
    Language File "tsx" => "node", "node";
    Language File "mjs" => "node", "node";
    Language File "mts" => "node", "node";
    Language File "cjs" => "node", "node";
    Language File "cts" => "node", "node";
    Language File "go" => "go", "go";
    Language File "rb" => "ruby", "ruby";
    Language File "php" => "php", "php";
    Language File "rs" => "rust", "rust";

    // Languages as SDKs state them, OpenTelemetry's names first.
    Language Sdk "java" => "java", "java";
    Language Sdk "jvm" => "java", "java";
    Language Sdk "kotlin" => "java", "java";
    Language Sdk "scala" => "java", "java";
    Language Sdk "dotnet" => "csharp", "csharp";
    Language Sdk "csharp" => "csharp", "csharp";
    Language Sdk "python" => "python", "python";
    Language Sdk "nodejs" => "node", "node";
    Language Sdk "webjs" => "node", "node";
    Language Sdk "node" => "node", "node";
    Language Sdk "javascript" => "node", "node";
    Language Sdk "js" => "node", "node";
    Language Sdk "go" => "go", "go";
    Language Sdk "ruby" => "ruby", "ruby";
    Language Sdk "php" => "php", "php";
    Language Sdk "rust" => "rust", "rust";

    // Systems, as `db.system.name`, `messaging.system` and `rpc.system` name them, old and new.
    System System "cassandra" => "cassandra", "";
    System System "scylladb" => "cassandra", "";
    System System "clickhouse" => "clickhouse", "";
    System System "aws_dynamodb" => "dynamodb", "";
    System System "dynamodb" => "dynamodb", "";
    System System "elasticsearch" => "elasticsearch", "";
    System System "eventhubs" => "eventhubs", "";
    System System "grpc" => "grpc", "";
    System System "jms" => "jms", "";
    System System "activemq" => "jms", "";
    System System "artemis" => "jms", "";
    System System "kafka" => "kafka", "";
    System System "memcached" => "memcached", "";
    System System "mongodb" => "mongodb", "";
    System System "documentdb" => "mongodb", "";
    System System "microsoft_sql_server" => "mssql", "";
    System System "mssql" => "mssql", "";
    System System "mysql" => "mysql", "";
    System System "mariadb" => "mysql", "";
    System System "nats" => "nats", "";
    System System "opensearch" => "opensearch", "";
    System System "oracle_db" => "oracle", "";
    System System "oracle" => "oracle", "";
    System System "postgresql" => "postgresql", "";
    System System "postgres" => "postgresql", "";
    System System "gcp_pubsub" => "pubsub", "";
    System System "pulsar" => "pulsar", "";
    System System "rabbitmq" => "rabbitmq", "";
    System System "redis" => "redis", "";
    System System "valkey" => "redis", "";
    System System "keydb" => "redis", "";
    System System "dragonfly" => "redis", "";
    System System "servicebus" => "servicebus", "";
    System System "aws_sns" => "sns", "";
    System System "sns" => "sns", "";
    System System "sqlite" => "sqlite", "";
    System System "aws_sqs" => "sqs", "";
    System System "sqs" => "sqs", "";
    System System "amazonsqs" => "sqs", "";
};
