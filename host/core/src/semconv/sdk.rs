//! What to change in which instrumentation so that it records what is missing: one setting per
//! instrumentation and gap, found by the scope's name, or else by the language.
//!
//! Adding an instrumentation is one entry in `TABLE`. The settings are those of the instrumentations'
//! own documentation as of autumn 2026.

/// Where a setting is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Where the instrumentation is set up in code.
    Code,
    /// In the environment of the process.
    Environment,
    /// In a configuration file.
    File,
}

impl Place {
    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Place::Code => "code",
            Place::Environment => "environment",
            Place::File => "configuration file",
        }
    }
}

/// How to close one gap of one instrumentation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advice {
    /// Name of the setting.
    pub setting: &'static str,
    /// Where it is made.
    pub place: Place,
    /// One line to copy.
    pub example: &'static str,
    /// What to think of before doing it; empty when there is nothing.
    pub warning: &'static str,
    /// Where it is documented.
    pub url: &'static str,
}

/// Gap: parameters of statements or commands are not recorded.
const PARAMS: &str = "params_hidden";
/// Gap: no statement is recorded.
const TEXT: &str = "missing_db_statement";
/// Gap: no URL is recorded.
const URL: &str = "missing_http_url";
/// Gap: values in URLs are redacted. On HTTP clients the same as [`PARAMS`].
const VALUES: &str = "http_values_redacted";

const USER_DATA: &str = "records user data: names, mail addresses and tokens end up in the traces";
const URL_DATA: &str = "records what users type and tokens in query strings";

struct Entry {
    /// Beginnings of scope names; empty for the advice of a language.
    scopes: &'static [&'static str],
    /// `telemetry.sdk.language`, for scopes that are not in the table.
    language: &'static str,
    gaps: &'static [&'static str],
    advice: Advice,
}

macro_rules! table {
    ($($language:literal [$($scope:literal),*] [$($gap:ident),*] $setting:literal $place:ident $example:literal $warning:expr, $url:literal;)*) => {
        &[$(Entry {
            scopes: &[$($scope),*],
            language: $language,
            gaps: &[$($gap),*],
            advice: Advice { setting: $setting, place: Place::$place, example: $example, warning: $warning, url: $url },
        }),*]
    };
}

/// Language, scopes, gaps, setting, place, example, warning, documentation.
static TABLE: &[Entry] = table! {
    // Python
    "python" ["opentelemetry.instrumentation.psycopg", "opentelemetry.instrumentation.psycopg2"] [PARAMS]
        "capture_parameters" Code "PsycopgInstrumentor().instrument(capture_parameters=True)" USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/psycopg/psycopg.html";
    "python" ["opentelemetry.instrumentation.asyncpg"] [PARAMS]
        "capture_parameters" Code "AsyncPGInstrumentor(capture_parameters=True).instrument()" USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/asyncpg/asyncpg.html";
    "python" ["opentelemetry.instrumentation.mysql", "opentelemetry.instrumentation.mysqlclient",
              "opentelemetry.instrumentation.pymysql", "opentelemetry.instrumentation.sqlite3",
              "opentelemetry.instrumentation.dbapi", "opentelemetry.instrumentation.aiopg",
              "opentelemetry.instrumentation.pymssql", "opentelemetry.instrumentation.tortoiseorm"] [PARAMS]
        "capture_parameters" Code "trace_integration(module, \"connect\", \"mysql\", capture_parameters=True)" USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/dbapi/dbapi.html";
    "python" ["opentelemetry.instrumentation.sqlalchemy"] [PARAMS]
        "capture_parameters of the driver" Code
        "PsycopgInstrumentor().instrument(capture_parameters=True)  # SQLAlchemy's own spans cannot carry parameters"
        USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/psycopg/psycopg.html";
    "python" ["opentelemetry.instrumentation.django"] [PARAMS, TEXT]
        "instrumentation of the database driver" Code
        "PsycopgInstrumentor().instrument(capture_parameters=True)" USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/django/django.html";
    "python" ["opentelemetry.instrumentation.redis"] [PARAMS]
        "request_hook" Code
        "RedisInstrumentor().instrument(request_hook=lambda span, conn, args, kw: span.set_attribute(\"db.query.parameter.key\", str(args[1:2])))"
        USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/redis/redis.html";
    "python" ["opentelemetry.instrumentation.pymongo"] [PARAMS, TEXT]
        "capture_statement" Code "PymongoInstrumentor().instrument(capture_statement=True)" USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/pymongo/pymongo.html";
    "python" ["opentelemetry.instrumentation.requests", "opentelemetry.instrumentation.httpx",
              "opentelemetry.instrumentation.aiohttp_client", "opentelemetry.instrumentation.aiohttp",
              "opentelemetry.instrumentation.urllib"] [URL]
        "OTEL_SEMCONV_STABILITY_OPT_IN" Environment "OTEL_SEMCONV_STABILITY_OPT_IN=http/dup" URL_DATA,
        "https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/";

    // Node.js
    "nodejs" ["@opentelemetry/instrumentation-pg"] [PARAMS]
        "enhancedDatabaseReporting" Code "new PgInstrumentation({ enhancedDatabaseReporting: true })" USER_DATA,
        "https://www.npmjs.com/package/@opentelemetry/instrumentation-pg";
    "nodejs" ["@opentelemetry/instrumentation-mysql2"] [PARAMS]
        "maskStatement" Code "new MySQL2Instrumentation({ maskStatement: false })" USER_DATA,
        "https://www.npmjs.com/package/@opentelemetry/instrumentation-mysql2";
    "nodejs" ["@opentelemetry/instrumentation-mysql"] [PARAMS]
        "enhancedDatabaseReporting" Code "new MySQLInstrumentation({ enhancedDatabaseReporting: true })" USER_DATA,
        "https://www.npmjs.com/package/@opentelemetry/instrumentation-mysql";
    "nodejs" ["@opentelemetry/instrumentation-knex"] [PARAMS]
        "enhancedDatabaseReporting of the driver" Code
        "new PgInstrumentation({ enhancedDatabaseReporting: true })  // knex's own spans cannot carry parameters"
        USER_DATA, "https://www.npmjs.com/package/@opentelemetry/instrumentation-pg";
    "nodejs" ["@opentelemetry/instrumentation-typeorm"] [PARAMS]
        "enhancedDatabaseReporting" Code "new TypeormInstrumentation({ enhancedDatabaseReporting: true })" USER_DATA,
        "https://www.npmjs.com/package/@opentelemetry/instrumentation-typeorm";
    "nodejs" ["@opentelemetry/instrumentation-mongodb"] [PARAMS, TEXT]
        "enhancedDatabaseReporting" Code "new MongoDBInstrumentation({ enhancedDatabaseReporting: true })" USER_DATA,
        "https://www.npmjs.com/package/@opentelemetry/instrumentation-mongodb";
    "nodejs" ["@opentelemetry/instrumentation-redis", "@opentelemetry/instrumentation-ioredis"] [PARAMS, TEXT]
        "dbStatementSerializer" Code
        "new RedisInstrumentation({ dbStatementSerializer: (cmd, args) => [cmd, ...args].join(' ') })" USER_DATA,
        "https://www.npmjs.com/package/@opentelemetry/instrumentation-redis";
    "nodejs" ["@opentelemetry/instrumentation-http"] [PARAMS, VALUES]
        "redactedQueryParams" Code "new HttpInstrumentation({ redactedQueryParams: [] })" URL_DATA,
        "https://www.npmjs.com/package/@opentelemetry/instrumentation-http";
    "nodejs" ["@prisma/instrumentation", "prisma"] [PARAMS]
        "enhancedDatabaseReporting of the driver" Code
        "new PgInstrumentation({ enhancedDatabaseReporting: true })  // with @prisma/adapter-pg; Prisma's own spans cannot carry parameters"
        USER_DATA, "https://www.npmjs.com/package/@opentelemetry/instrumentation-pg";

    // Java
    "java" ["io.opentelemetry.jdbc", "io.opentelemetry.hibernate", "io.opentelemetry.spring-data"] [PARAMS]
        "otel.instrumentation.jdbc.experimental.capture-query-parameters" Environment
        "OTEL_INSTRUMENTATION_JDBC_EXPERIMENTAL_CAPTURE_QUERY_PARAMETERS=true"
        "records user data, and switches the sanitizing of statements off; not for batches",
        "https://opentelemetry.io/docs/zero-code/java/agent/instrumentation/";
    "java" ["io.opentelemetry.r2dbc", "io.opentelemetry.lettuce", "io.opentelemetry.jedis", "io.opentelemetry.redisson",
            "io.opentelemetry.mongo", "io.opentelemetry.cassandra", "io.opentelemetry.vertx-sql-client",
            "io.opentelemetry.vertx-redis-client", "io.opentelemetry.couchbase"] [PARAMS, TEXT]
        "otel.instrumentation.common.db-statement-sanitizer.enabled" Environment
        "OTEL_INSTRUMENTATION_COMMON_DB_STATEMENT_SANITIZER_ENABLED=false" USER_DATA,
        "https://opentelemetry.io/docs/zero-code/java/agent/instrumentation/";
    "java" ["io.opentelemetry.elasticsearch", "io.opentelemetry.opensearch"] [PARAMS, TEXT]
        "otel.instrumentation.elasticsearch.capture-search-query" Environment
        "OTEL_INSTRUMENTATION_ELASTICSEARCH_CAPTURE_SEARCH_QUERY=true" USER_DATA,
        "https://opentelemetry.io/docs/zero-code/java/agent/instrumentation/";
    "java" ["io.opentelemetry.java-http-client", "io.opentelemetry.apache-httpclient", "io.opentelemetry.okhttp",
            "io.opentelemetry.spring-web", "io.opentelemetry.spring-webflux", "io.opentelemetry.netty",
            "io.opentelemetry.http-url-connection", "io.opentelemetry.jetty-httpclient",
            "io.opentelemetry.reactor-netty"] [PARAMS, VALUES]
        "otel.instrumentation.http.client.experimental.redact-query-parameters" Environment
        "OTEL_INSTRUMENTATION_HTTP_CLIENT_EXPERIMENTAL_REDACT_QUERY_PARAMETERS=false" URL_DATA,
        "https://opentelemetry.io/docs/zero-code/java/agent/instrumentation/http/";

    // .NET
    "dotnet" ["OpenTelemetry.Instrumentation.SqlClient"] [PARAMS]
        "OTEL_DOTNET_EXPERIMENTAL_SQLCLIENT_ENABLE_TRACE_DB_QUERY_PARAMETERS" Environment
        "OTEL_DOTNET_EXPERIMENTAL_SQLCLIENT_ENABLE_TRACE_DB_QUERY_PARAMETERS=true" USER_DATA,
        "https://www.nuget.org/packages/OpenTelemetry.Instrumentation.SqlClient";
    "dotnet" ["OpenTelemetry.Instrumentation.SqlClient"] [TEXT]
        "SetDbStatementForText" Code ".AddSqlClientInstrumentation(o => o.SetDbStatementForText = true)"
        "not needed from version 1.14 on", "https://www.nuget.org/packages/OpenTelemetry.Instrumentation.SqlClient";
    "dotnet" ["OpenTelemetry.Instrumentation.EntityFrameworkCore"] [PARAMS]
        "OTEL_DOTNET_EXPERIMENTAL_EFCORE_ENABLE_TRACE_DB_QUERY_PARAMETERS" Environment
        "OTEL_DOTNET_EXPERIMENTAL_EFCORE_ENABLE_TRACE_DB_QUERY_PARAMETERS=true" USER_DATA,
        "https://www.nuget.org/packages/OpenTelemetry.Instrumentation.EntityFrameworkCore";
    "dotnet" ["OpenTelemetry.Instrumentation.StackExchangeRedis"] [PARAMS, TEXT]
        "SetVerboseDatabaseStatements" Code
        ".AddRedisInstrumentation(o => o.SetVerboseDatabaseStatements = true)" USER_DATA,
        "https://www.nuget.org/packages/OpenTelemetry.Instrumentation.StackExchangeRedis";
    "dotnet" ["Npgsql"] [PARAMS]
        "ConfigureTracing" Code
        "dataSourceBuilder.ConfigureTracing(o => o.ConfigureCommandEnrichmentCallback((activity, command) => { foreach (NpgsqlParameter p in command.Parameters) activity.SetTag(\"db.query.parameter.\" + p.ParameterName, p.Value); }))"
        USER_DATA, "https://www.npgsql.org/doc/diagnostics/tracing.html";
    "dotnet" ["OpenTelemetry.Instrumentation.Http"] [PARAMS, VALUES]
        "OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION" Environment
        "OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION=true" URL_DATA,
        "https://www.nuget.org/packages/OpenTelemetry.Instrumentation.Http";
    "dotnet" ["System.Net.Http"] [PARAMS, VALUES]
        "DOTNET_SYSTEM_NET_HTTP_DISABLEURIREDACTION" Environment
        "DOTNET_SYSTEM_NET_HTTP_DISABLEURIREDACTION=1" URL_DATA,
        "https://learn.microsoft.com/dotnet/core/compatibility/networking/9.0/query-redaction-logs";

    // Go
    "go" ["github.com/XSAM/otelsql"] [PARAMS]
        "WithAttributesGetter" Code
        "otelsql.WithAttributesGetter(func(_ context.Context, _ otelsql.Method, _ string, args []driver.NamedValue) []attribute.KeyValue { return []attribute.KeyValue{attribute.String(\"db.query.parameter.all\", fmt.Sprint(args))} })"
        USER_DATA, "https://pkg.go.dev/github.com/XSAM/otelsql";
    "go" ["github.com/XSAM/otelsql"] [TEXT]
        "SpanOptions.DisableQuery" Code "otelsql.WithSpanOptions(otelsql.SpanOptions{DisableQuery: false})" "",
        "https://pkg.go.dev/github.com/XSAM/otelsql";
    "go" ["go.nhat.io/otelsql"] [PARAMS, TEXT]
        "TraceQueryWithArgs" Code "otelsql.TraceQueryWithArgs()" USER_DATA, "https://pkg.go.dev/go.nhat.io/otelsql";
    "go" ["github.com/exaring/otelpgx"] [PARAMS]
        "WithIncludeQueryParameters" Code "otelpgx.NewTracer(otelpgx.WithIncludeQueryParameters())" USER_DATA,
        "https://pkg.go.dev/github.com/exaring/otelpgx";
    "go" ["gorm.io/plugin/opentelemetry", "github.com/go-gorm/opentelemetry",
          "github.com/uptrace/opentelemetry-go-extra/otelgorm"] [PARAMS]
        "WithoutQueryVariables" Code "db.Use(tracing.NewPlugin())  // without WithoutQueryVariables()" USER_DATA,
        "https://pkg.go.dev/gorm.io/plugin/opentelemetry/tracing";
    "go" ["go.opentelemetry.io/contrib/instrumentation/go.mongodb.org"] [PARAMS, TEXT]
        "WithCommandAttributeDisabled" Code "otelmongo.NewMonitor(otelmongo.WithCommandAttributeDisabled(false))"
        USER_DATA,
        "https://pkg.go.dev/go.opentelemetry.io/contrib/instrumentation/go.mongodb.org/mongo-driver/mongo/otelmongo";
    "go" ["github.com/redis/go-redis", "gitlab.com/redis/go-redis"] [PARAMS, TEXT]
        "WithDBStatement" Code "redisotel.InstrumentTracing(client, redisotel.WithDBStatement(true))" USER_DATA,
        "https://pkg.go.dev/github.com/redis/go-redis/extra/redisotel/v9";

    // Ruby
    "ruby" ["OpenTelemetry::Instrumentation::PG"] [PARAMS, TEXT]
        "db_statement" Environment "OTEL_RUBY_INSTRUMENTATION_PG_CONFIG_OPTS=db_statement=include" USER_DATA,
        "https://rubygems.org/gems/opentelemetry-instrumentation-pg";
    "ruby" ["OpenTelemetry::Instrumentation::Mysql2"] [PARAMS, TEXT]
        "db_statement" Environment "OTEL_RUBY_INSTRUMENTATION_MYSQL2_CONFIG_OPTS=db_statement=include" USER_DATA,
        "https://rubygems.org/gems/opentelemetry-instrumentation-mysql2";
    "ruby" ["OpenTelemetry::Instrumentation::Trilogy"] [PARAMS, TEXT]
        "db_statement" Environment "OTEL_RUBY_INSTRUMENTATION_TRILOGY_CONFIG_OPTS=db_statement=include" USER_DATA,
        "https://rubygems.org/gems/opentelemetry-instrumentation-trilogy";
    "ruby" ["OpenTelemetry::Instrumentation::Redis"] [PARAMS, TEXT]
        "db_statement" Environment "OTEL_RUBY_INSTRUMENTATION_REDIS_CONFIG_OPTS=db_statement=include" USER_DATA,
        "https://rubygems.org/gems/opentelemetry-instrumentation-redis";
    "ruby" ["OpenTelemetry::Instrumentation::Mongo"] [PARAMS, TEXT]
        "db_statement" Environment "OTEL_RUBY_INSTRUMENTATION_MONGO_CONFIG_OPTS=db_statement=include" USER_DATA,
        "https://rubygems.org/gems/opentelemetry-instrumentation-mongo";

    // PHP
    "php" ["io.opentelemetry.contrib.php.pdo"] [TEXT, PARAMS]
        "OTEL_PHP_INSTRUMENTATION_PDO_DISTRIBUTE_STATEMENT_TO_LINKED_SPANS" Environment
        "OTEL_PHP_INSTRUMENTATION_PDO_DISTRIBUTE_STATEMENT_TO_LINKED_SPANS=true"
        "shows the statement, not its parameters: no setting records those",
        "https://packagist.org/packages/open-telemetry/opentelemetry-auto-pdo";

    // Rust
    "rust" ["sqlx-otel", "sqlx_otel", "sqlx-tracing", "sqlx_tracing"] [PARAMS]
        "an attribute of your own" Code
        "span.set_attribute(KeyValue::new(\"db.query.parameter.id\", id.to_string()));"
        "records user data; the instrumentation itself cannot see bound values",
        "https://docs.rs/sqlx-otel";
    "rust" ["reqwest-tracing", "reqwest_tracing", "reqwest-middleware", "reqwest_middleware"] [URL]
        "SpanBackendWithUrl" Code "ClientBuilder::new(client).with(TracingMiddleware::<SpanBackendWithUrl>::new())"
        URL_DATA, "https://docs.rs/reqwest-tracing";

    // eBPF
    "" ["go.opentelemetry.io/obi", "opentelemetry-ebpf-instrumentation", "github.com/grafana/beyla", "grafana/beyla",
        "beyla"] [TEXT, PARAMS]
        "attributes.select.traces.include" File "attributes: { select: { traces: { include: [db.query.text] } } }"
        USER_DATA, "https://opentelemetry.io/docs/zero-code/obi/configure/metrics-traces-attributes/";

    // What holds for a language, for scopes that are not in the table.
    "python" [] [PARAMS, TEXT]
        "capture_parameters" Code "PsycopgInstrumentor().instrument(capture_parameters=True)" USER_DATA,
        "https://opentelemetry-python-contrib.readthedocs.io/en/latest/instrumentation/dbapi/dbapi.html";
    "nodejs" [] [PARAMS, TEXT]
        "enhancedDatabaseReporting" Code "new PgInstrumentation({ enhancedDatabaseReporting: true })" USER_DATA,
        "https://www.npmjs.com/package/@opentelemetry/auto-instrumentations-node";
    "java" [] [PARAMS, TEXT]
        "otel.instrumentation.common.db-statement-sanitizer.enabled" Environment
        "OTEL_INSTRUMENTATION_COMMON_DB_STATEMENT_SANITIZER_ENABLED=false" USER_DATA,
        "https://opentelemetry.io/docs/zero-code/java/agent/instrumentation/";
    "java" [] [VALUES]
        "otel.instrumentation.http.client.experimental.redact-query-parameters" Environment
        "OTEL_INSTRUMENTATION_HTTP_CLIENT_EXPERIMENTAL_REDACT_QUERY_PARAMETERS=false" URL_DATA,
        "https://opentelemetry.io/docs/zero-code/java/agent/instrumentation/http/";
    "dotnet" [] [PARAMS, TEXT]
        "OTEL_DOTNET_EXPERIMENTAL_EFCORE_ENABLE_TRACE_DB_QUERY_PARAMETERS" Environment
        "OTEL_DOTNET_EXPERIMENTAL_EFCORE_ENABLE_TRACE_DB_QUERY_PARAMETERS=true" USER_DATA,
        "https://opentelemetry.io/docs/zero-code/dotnet/instrumentations/";
    "dotnet" [] [VALUES]
        "OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION" Environment
        "OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION=true" URL_DATA,
        "https://opentelemetry.io/docs/zero-code/dotnet/instrumentations/";
    "ruby" [] [PARAMS, TEXT]
        "db_statement" Environment "OTEL_RUBY_INSTRUMENTATION_PG_CONFIG_OPTS=db_statement=include" USER_DATA,
        "https://opentelemetry.io/docs/languages/ruby/libraries/";
    "go" [] [PARAMS, TEXT]
        "an attribute of your own" Code "span.SetAttributes(attribute.String(\"db.query.parameter.id\", id))" USER_DATA,
        "https://opentelemetry.io/docs/languages/go/instrumentation/";
    "rust" [] [PARAMS, TEXT]
        "an attribute of your own" Code
        "span.set_attribute(KeyValue::new(\"db.query.parameter.id\", id.to_string()));" USER_DATA,
        "https://opentelemetry.io/docs/languages/rust/";
};

/// Returns the one setting that closes `gap` (`params_hidden`, `missing_db_statement`,
/// `missing_http_url`, `http_values_redacted`) of the instrumentation called `scope`, or of the
/// language (`telemetry.sdk.language`, or what the scope's name tells) when it is not known.
pub fn advice(scope: &str, language: Option<&str>, gap: &str) -> Option<&'static Advice> {
    by_scope(scope, gap).or_else(|| {
        // A client of HTTP, RPC or a broker hides nothing that a setting for databases would show.
        let elsewhere = gap == PARAMS && is_no_database(scope);
        (!elsewhere).then(|| by_language(language.or_else(|| language_of(scope))?, gap))?
    })
}

fn by_scope(scope: &str, gap: &str) -> Option<&'static Advice> {
    let length = |entry: &Entry| {
        entry.scopes.iter().filter(|prefix| begins_with(scope, prefix)).map(|prefix| prefix.len()).max()
    };
    let entries = TABLE.iter().filter(|entry| entry.gaps.contains(&gap));
    entries
        .filter_map(|entry| Some((length(entry)?, entry)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, e)| &e.advice)
}

/// Returns whether a scope begins with `prefix` and the prefix ends where a word ends: a version
/// (`io.opentelemetry.hibernate-6.0`), a module, or a digit (`psycopg2`, `urllib3`).
fn begins_with(scope: &str, prefix: &str) -> bool {
    scope.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(|ch: char| ch.is_ascii_alphabetic()))
}

fn by_language(language: &str, gap: &str) -> Option<&'static Advice> {
    let language = match language {
        "webjs" | "javascript" | "node" => "nodejs",
        other => other,
    };
    let mut entries = TABLE.iter().filter(|entry| entry.scopes.is_empty());
    entries.find(|entry| entry.language == language && entry.gaps.contains(&gap)).map(|entry| &entry.advice)
}

/// Returns the language that a scope's name tells.
pub fn language_of(scope: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, &str); 13] = [
        ("opentelemetry.instrumentation.", "python"),
        ("@", "nodejs"),
        ("io.opentelemetry.contrib.php.", "php"),
        ("io.opentelemetry.", "java"),
        ("OpenTelemetry::Instrumentation::", "ruby"),
        ("OpenTelemetry.Instrumentation.", "dotnet"),
        ("System.", "dotnet"),
        ("Microsoft.", "dotnet"),
        ("Npgsql", "dotnet"),
        ("github.com/", "go"),
        ("go.opentelemetry.io/", "go"),
        ("go.nhat.io/", "go"),
        ("gorm.io/", "go"),
    ];
    PREFIXES.iter().find(|(prefix, _)| scope.starts_with(prefix)).map(|(_, language)| *language)
}

fn is_no_database(scope: &str) -> bool {
    const WORDS: [&str; 9] =
        ["http", "grpc", "rpc", "undici", "fetch", "requests", "kafka", "amqp", "openai"];
    let scope = scope.to_ascii_lowercase();
    WORDS.iter().any(|word| scope.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scope: &str, language: Option<&str>, gap: &str, want: Option<&str>) {
        let found = advice(scope, language, gap).map(|advice| advice.setting);
        assert_eq!(found, want, "{scope} {language:?} {gap}");
    }

    #[test]
    fn scopes_find_their_setting() {
        check("opentelemetry.instrumentation.psycopg2", None, PARAMS, Some("capture_parameters"));
        check("opentelemetry.instrumentation.redis", None, PARAMS, Some("request_hook"));
        check("@opentelemetry/instrumentation-pg", None, PARAMS, Some("enhancedDatabaseReporting"));
        check("@opentelemetry/instrumentation-mysql2", None, PARAMS, Some("maskStatement"));
        check("@opentelemetry/instrumentation-mysql", None, PARAMS, Some("enhancedDatabaseReporting"));
        check("@opentelemetry/instrumentation-http", None, VALUES, Some("redactedQueryParams"));
        check(
            "io.opentelemetry.hibernate-6.0",
            Some("java"),
            PARAMS,
            Some("otel.instrumentation.jdbc.experimental.capture-query-parameters"),
        );
        check(
            "OpenTelemetry.Instrumentation.Http.HttpClient",
            None,
            PARAMS,
            Some("OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION"),
        );
        check("github.com/exaring/otelpgx", None, PARAMS, Some("WithIncludeQueryParameters"));
        check("OpenTelemetry::Instrumentation::PG", None, PARAMS, Some("db_statement"));
        check(
            "io.opentelemetry.contrib.php.pdo",
            None,
            TEXT,
            Some("OTEL_PHP_INSTRUMENTATION_PDO_DISTRIBUTE_STATEMENT_TO_LINKED_SPANS"),
        );
        check("sqlx-otel", Some("rust"), PARAMS, Some("an attribute of your own"));
        check("go.opentelemetry.io/obi", None, TEXT, Some("attributes.select.traces.include"));
    }

    #[test]
    fn unknown_scopes_fall_back_to_the_language() {
        check("my.own.tracer", Some("python"), PARAMS, Some("capture_parameters"));
        check("my.own.tracer", Some("webjs"), PARAMS, Some("enhancedDatabaseReporting"));
        check("@shop/db", None, PARAMS, Some("enhancedDatabaseReporting"));
        check("my.own.tracer", None, PARAMS, None);
        check("my.own.tracer", Some("cobol"), PARAMS, None);
        check("@opentelemetry/instrumentation-grpc", Some("nodejs"), PARAMS, None);
        check("opentelemetry.instrumentation.psycopg", None, "nonsense", None);
    }

    #[test]
    fn entries_are_complete() {
        for entry in TABLE {
            let advice = &entry.advice;
            assert!(advice.url.starts_with("https://"), "{advice:?}");
            assert!(!advice.setting.is_empty() && !entry.gaps.is_empty(), "{advice:?}");
            assert!(!advice.example.contains('\n') && !advice.example.is_empty(), "{advice:?}");
        }
    }
}
