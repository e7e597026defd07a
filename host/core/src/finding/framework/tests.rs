use super::*;
use std::collections::BTreeSet;

#[track_caller]
fn check(evidence: Evidence<'_>, expect: &[&str]) {
    assert_eq!(chain(&evidence), expect, "{evidence:?}");
}

/// Scopes as the instrumentations of `shared/reference` and the captures register them, each on its own.
#[test]
fn scopes() {
    let cases: &[(&str, &[&str])] = &[
        // Python
        ("opentelemetry.instrumentation.psycopg", &["python_dbapi", "python"]),
        ("opentelemetry.instrumentation.psycopg2", &["python_dbapi", "python"]),
        ("opentelemetry.instrumentation.mysqlclient", &["python_dbapi", "python"]),
        ("opentelemetry.instrumentation.sqlite3", &["python_dbapi", "python"]),
        ("opentelemetry.instrumentation.asyncpg", &["python_asyncpg", "python"]),
        ("opentelemetry.instrumentation.sqlalchemy", &["python_sqlalchemy", "python"]),
        ("opentelemetry.instrumentation.django", &["python_django", "python"]),
        ("opentelemetry.instrumentation.fastapi", &["python_fastapi", "python"]),
        ("opentelemetry.instrumentation.flask", &["python_flask", "python"]),
        ("opentelemetry.instrumentation.requests", &["python_requests", "python"]),
        ("opentelemetry.instrumentation.urllib3", &["python_requests", "python"]),
        ("opentelemetry.instrumentation.httpx", &["python_httpx", "python"]),
        ("opentelemetry.instrumentation.aiohttp_client", &["python_aiohttp", "python"]),
        ("opentelemetry.instrumentation.redis", &["python_redis", "python"]),
        ("opentelemetry.instrumentation.pymongo", &["python_pymongo", "python"]),
        ("opentelemetry.instrumentation.confluent_kafka", &["kafka", "python"]),
        ("opentelemetry.instrumentation.grpc", &["grpc", "python"]),
        ("opentelemetry.instrumentation.wsgi", &["python"]),
        // Node
        ("@opentelemetry/instrumentation-pg", &["node_pg", "node"]),
        ("@opentelemetry/instrumentation-mysql2", &["node_mysql", "node"]),
        ("@opentelemetry/instrumentation-knex", &["node_knex", "node"]),
        ("@opentelemetry/instrumentation-sequelize", &["node_sequelize", "node"]),
        ("opentelemetry-instrumentation-sequelize", &["node_sequelize", "node"]),
        ("@opentelemetry/instrumentation-typeorm", &["node_typeorm", "node"]),
        ("@prisma/instrumentation", &["node_prisma", "node"]),
        ("prisma", &["node_prisma", "node"]),
        ("@opentelemetry/instrumentation-http", &["node_http", "node"]),
        ("@opentelemetry/instrumentation-undici", &["node_undici", "node"]),
        ("@opentelemetry/instrumentation-redis-4", &["node_redis", "node"]),
        ("@opentelemetry/instrumentation-ioredis", &["node_redis", "node"]),
        ("@opentelemetry/instrumentation-express", &["node_express", "node"]),
        ("@opentelemetry/instrumentation-nestjs-core", &["node_nestjs", "node"]),
        ("@opentelemetry/instrumentation-mongoose", &["node_mongoose", "node"]),
        ("@opentelemetry/instrumentation-mongodb", &["mongodb", "node"]),
        ("@opentelemetry/instrumentation-kafkajs", &["node_kafkajs", "node"]),
        ("@opentelemetry/instrumentation-koa", &["node"]),
        // Java
        ("io.opentelemetry.jdbc", &["java_jdbc", "java"]),
        ("io.opentelemetry.hibernate-6.0", &["java_jpa", "java"]),
        ("io.opentelemetry.hibernate-procedure-call-4.3", &["java_jpa", "java"]),
        ("io.opentelemetry.spring-data-1.8", &["java_spring_data", "java"]),
        ("io.opentelemetry.hibernate-reactive-1.0", &["java_quarkus_reactive", "java"]),
        ("io.quarkus.hibernate.reactive", &["java_quarkus_reactive", "java"]),
        ("io.quarkus.panache.reactive", &["java_quarkus_reactive", "java"]),
        ("io.quarkus.reactive", &["java_quarkus_reactive", "java"]),
        ("io.quarkus.opentelemetry", &["java_quarkus", "java"]),
        ("io.opentelemetry.quarkus-resteasy-reactive", &["java_quarkus", "java"]),
        ("io.opentelemetry.helidon-4.3", &["java_helidon_se", "java"]),
        ("io.helidon.microprofile.telemetry", &["java_helidon_mp", "java"]),
        ("io.opentelemetry.r2dbc-1.0", &["java_r2dbc", "java"]),
        ("io.opentelemetry.spring-webmvc-6.0", &["java_spring", "java"]),
        ("io.opentelemetry.spring-web-3.1", &["java_spring", "java"]),
        ("org.springframework.boot", &["java_spring", "java"]),
        ("io.opentelemetry.spring-webflux-5.3", &["java_webflux", "java"]),
        ("io.opentelemetry.apache-httpclient-5.0", &["java"]),
        ("io.opentelemetry.jedis-4.0", &["java_redis", "java"]),
        ("io.opentelemetry.lettuce-5.1", &["java_redis", "java"]),
        ("io.opentelemetry.kafka-clients-0.11", &["kafka", "java"]),
        ("io.opentelemetry.spring-rabbit-1.0", &["rabbitmq", "java"]),
        ("io.opentelemetry.jms-3.0", &["jms", "java"]),
        ("io.opentelemetry.mongo-4.0", &["mongodb", "java"]),
        ("io.opentelemetry.grpc-1.6", &["grpc", "java"]),
        // C#
        ("OpenTelemetry.Instrumentation.EntityFrameworkCore", &["csharp_ef_core", "csharp"]),
        ("Microsoft.EntityFrameworkCore", &["csharp_ef_core", "csharp"]),
        ("OpenTelemetry.Instrumentation.SqlClient", &["csharp_ado", "csharp"]),
        ("Npgsql", &["csharp_ado", "csharp"]),
        ("OpenTelemetry.Instrumentation.StackExchangeRedis", &["csharp_redis", "csharp"]),
        ("Microsoft.AspNetCore", &["csharp_aspnet_core", "csharp"]),
        ("System.Net.Http", &["csharp"]),
        ("OpenTelemetry.Instrumentation.Http", &["csharp"]),
        // Go
        ("github.com/XSAM/otelsql", &["go_sql", "go"]),
        ("gorm.io/plugin/opentelemetry", &["go_gorm", "go"]),
        ("github.com/uptrace/opentelemetry-go-extra/otelgorm", &["go_gorm", "go"]),
        ("github.com/exaring/otelpgx", &["go_pgx", "go"]),
        ("github.com/redis/go-redis/extra/redisotel", &["go_redis", "go"]),
        ("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", &["go"]),
        (
            "go.opentelemetry.io/contrib/instrumentation/go.mongodb.org/mongo-driver/mongo/otelmongo",
            &["mongodb", "go"],
        ),
        ("go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", &["grpc", "go"]),
        ("github.com/acme/shop", &["go"]),
        // Rust
        ("sqlx-otel", &["rust_sqlx", "rust"]),
        ("sqlx-tracing", &["rust_sqlx", "rust"]),
        ("reqwest-tracing", &["rust_reqwest", "rust"]),
        // PHP
        ("io.opentelemetry.contrib.php.pdo", &["php_pdo", "php"]),
        ("io.opentelemetry.contrib.php.doctrine", &["php_doctrine", "php"]),
        ("io.opentelemetry.contrib.php.laravel", &["php_laravel_eloquent", "php"]),
        ("io.opentelemetry.contrib.php.guzzle", &["php_guzzle", "php"]),
        ("io.opentelemetry.contrib.php.symfony", &["php"]),
        // Ruby
        ("OpenTelemetry::Instrumentation::ActiveRecord", &["ruby_active_record", "ruby"]),
        ("OpenTelemetry::Instrumentation::ActionPack", &["ruby_active_record", "ruby"]),
        ("OpenTelemetry::Instrumentation::PG", &["ruby"]),
        ("OpenTelemetry::Instrumentation::Redis", &["ruby_redis", "ruby"]),
        ("OpenTelemetry::Instrumentation::Net::HTTP", &["ruby"]),
        // Nobody's
        ("app", &[]),
        ("djangorest", &[]),
        ("opentelemetry", &[]),
        ("", &[]),
    ];
    for (scope, expect) in cases {
        let expect: Vec<&str> = expect.iter().copied().chain(["general"]).collect();
        check(Evidence { scopes: &[scope], ..Evidence::default() }, &expect);
    }
}

#[test]
fn code() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("org.hibernate.internal", "list", &["java_jpa", "java"]),
        ("jakarta.persistence.EntityManager", "find", &["java_jpa", "java"]),
        ("io.smallrye.mutiny", "", &["java_quarkus_reactive", "java"]),
        ("org.hibernate.reactive.mutiny", "", &["java_quarkus_reactive", "java"]),
        ("org.springframework.web.reactive.function", "", &["java_webflux", "java"]),
        ("org.springframework.data.jpa.repository", "", &["java_jpa", "java"]),
        ("org.springframework.data.mongodb", "", &["java_spring_data", "java"]),
        ("org.springframework.web.client", "", &["java_spring", "java"]),
        ("org.springframework.jdbc.core.JdbcTemplate", "", &["java_jdbc", "java"]),
        ("Pomelo.EntityFrameworkCore.MySql", "", &["csharp_ef_core", "csharp"]),
        ("Dapper", "QueryAsync", &["csharp_dapper", "csharp"]),
        ("", "django.db.models.query.QuerySet.get", &["python_django", "python"]),
        ("", "sea_orm::query::Select::one", &["rust_sea_orm", "rust"]),
        ("diesel::query_dsl", "", &["rust_diesel", "rust"]),
        ("", "gorm.io/gorm.(*DB).Find", &["go_gorm", "go"]),
        ("", "github.com/acme/shop/store.(*Store).Load", &["go"]),
        ("App\\Models\\Order", "items", &["php_laravel_eloquent", "php"]),
        ("Doctrine\\ORM\\EntityManager", "", &["php_doctrine", "php"]),
        ("Acme\\Shop", "index", &["php"]),
        // A function of that name is none of that library.
        ("", "requests", &[]),
        ("", "diesel", &[]),
        ("com.example.hibernate", "", &[]),
        // A repository in a language nobody named may be anything.
        ("com.example.OrderRepository", "findAll", &[]),
    ];
    for (namespace, function, expect) in cases {
        let expect: Vec<&str> = expect.iter().copied().chain(["general"]).collect();
        check(Evidence { namespace, function, ..Evidence::default() }, &expect);
    }
}

#[test]
fn files() {
    let cases = [
        ("/srv/app/Order.java", "java"),
        ("C:\\src\\Order.cs", "csharp"),
        ("views.py", "python"),
        ("src/main.rs", "rust"),
        ("store.go", "go"),
        ("app/models/order.rb", "ruby"),
        ("index.PHP", "php"),
        ("a.b/order.service.ts", "node"),
        ("x.mjs", "node"),
        ("x.cts", "node"),
    ];
    for (file, language) in cases {
        check(Evidence { file, ..Evidence::default() }, &[language, "general"]);
    }
    check(Evidence { file: "a.py/README", ..Evidence::default() }, &["general"]);
    check(Evidence { file: "py", ..Evidence::default() }, &["general"]);
}

#[test]
fn stated_languages() {
    let cases = [
        ("java", "java"),
        ("dotnet", "csharp"),
        ("python", "python"),
        ("nodejs", "node"),
        ("webjs", "node"),
        ("go", "go"),
        ("ruby", "ruby"),
        ("php", "php"),
        ("rust", "rust"),
    ];
    for (stated, language) in cases {
        check(Evidence { language: Some(stated), ..Evidence::default() }, &[language, "general"]);
    }
    check(Evidence { language: Some("erlang"), file: "x.py", ..Evidence::default() }, &["general"]);
    check(Evidence { language: Some(""), file: "x.py", ..Evidence::default() }, &["python", "general"]);
}

#[test]
fn systems() {
    let cases: &[(&str, &[&str])] = &[
        ("postgresql", &["postgresql"]),
        ("microsoft.sql_server", &["mssql"]),
        ("oracle.db", &["oracle"]),
        ("mariadb", &["mysql"]),
        ("aws.dynamodb", &["dynamodb"]),
        ("aws_sqs", &["sqs"]),
        ("AmazonSQS", &["sqs"]),
        ("activemq", &["jms"]),
        ("gcp_pubsub", &["pubsub"]),
        ("valkey", &["redis"]),
        ("grpc", &["grpc"]),
        ("other_sql", &[]),
        ("", &[]),
    ];
    for (system, expect) in cases {
        let expect: Vec<&str> = expect.iter().copied().chain(["general"]).collect();
        check(Evidence { system, ..Evidence::default() }, &expect);
    }
}

#[test]
fn services() {
    let helidon = |service| Evidence { service, ..Evidence::default() };
    check(helidon("shop-helidon-mp"), &["java_helidon_mp", "java", "general"]);
    check(helidon("helidon.mp.shop"), &["java_helidon_mp", "java", "general"]);
    check(helidon("helidon-shop"), &["java_helidon_se", "java", "general"]);
    check(Evidence { language: Some("go"), ..helidon("helidon-shop") }, &["go", "general"]);
}

#[test]
fn specific_before_general() {
    // What decides on the queries comes before what sends them, though the sender is nearer.
    check(
        Evidence {
            scopes: &["opentelemetry.instrumentation.psycopg", "opentelemetry.instrumentation.django"],
            language: Some("python"),
            system: "postgresql",
            ..Evidence::default()
        },
        &["python_django", "python_dbapi", "postgresql", "python", "general"],
    );
    // Of two of the same rank, the nearer one.
    check(
        Evidence {
            scopes: &["opentelemetry.instrumentation.sqlalchemy", "opentelemetry.instrumentation.django"],
            ..Evidence::default()
        },
        &["python_sqlalchemy", "python_django", "python", "general"],
    );
    check(
        Evidence {
            scopes: &[
                "@opentelemetry/instrumentation-undici",
                "@opentelemetry/instrumentation-nestjs-core",
                "@opentelemetry/instrumentation-express",
                "@opentelemetry/instrumentation-http",
            ],
            ..Evidence::default()
        },
        &["node_undici", "node_http", "node_nestjs", "node_express", "node", "general"],
    );
    // Said twice, listed once.
    check(
        Evidence {
            scopes: &["io.opentelemetry.kafka-clients-2.6", "io.opentelemetry.spring-kafka-2.7"],
            system: "kafka",
            file: "Orders.java",
            ..Evidence::default()
        },
        &["kafka", "java", "general"],
    );
}

#[test]
fn class_names_need_their_language() {
    let java = |namespace, function| Evidence {
        namespace,
        function,
        language: Some("java"),
        scopes: &["io.opentelemetry.jdbc"],
        ..Evidence::default()
    };
    let jpa = ["java_jdbc", "java_jpa", "java", "general"];
    check(java("com.example.OrderRepository", "findAll"), &jpa);
    check(java("", "com.example.OrderDao.findAll"), &jpa);
    check(java("com.example.OrderService", "findAll"), &["java_jdbc", "java", "general"]);
    check(java("", "OrderRepository"), &["java_jdbc", "java", "general"]);
}

/// A scope of a caller in another service says nothing about this code.
#[test]
fn other_languages_are_left_out() {
    check(
        Evidence {
            scopes: &["opentelemetry.instrumentation.redis", "@opentelemetry/instrumentation-express"],
            system: "redis",
            ..Evidence::default()
        },
        &["python_redis", "redis", "python", "general"],
    );
    check(
        Evidence {
            scopes: &["@opentelemetry/instrumentation-express"],
            language: Some("go"),
            ..Evidence::default()
        },
        &["go", "general"],
    );
}

#[test]
fn table_and_identifiers_agree() {
    let ids: BTreeSet<&str> = IDS.iter().copied().collect();
    assert_eq!(ids.len(), IDS.len(), "an identifier is listed twice");
    let used: BTreeSet<&str> = TABLE.iter().map(|row| row.id).chain([GENERAL]).collect();
    assert_eq!(used, ids);

    let mut patterns = BTreeSet::new();
    for row in TABLE {
        assert!(patterns.insert((format!("{:?}", row.source), row.pattern)), "twice in the table: {row:?}");
        assert!(row.language.is_empty() || ids.contains(row.language), "{row:?}");
        assert!(!row.pattern.is_empty(), "{row:?}");
    }
}
