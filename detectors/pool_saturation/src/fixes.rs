//! Fixes by framework, system and language; which of them a finding gets is for the host to say.

use tracewatt_sdk::Fix;

/// Returns the fixes known for saturated pools.
pub fn fixes() -> &'static [Fix] {
    FIXES
}

const FIXES: &[Fix] = tracewatt_sdk::fixes! {
    "java_webflux" =>
        "shorten the slow statements first, bound flatMap() to less than the pool, then set maxSize of \
         r2dbc-pool",
        "https://github.com/r2dbc/r2dbc-pool";
    "java_r2dbc" =>
        "shorten the slow statements first, bound flatMap() to less than the pool, then set maxSize of \
         r2dbc-pool",
        "https://github.com/r2dbc/r2dbc-pool";
    "java_quarkus" =>
        "shorten the slow statements and transactions first; then set quarkus.datasource.jdbc.max-size",
        "https://quarkus.io/guides/datasource";
    "java_quarkus_reactive" =>
        "shorten the slow statements first, bound merge(n) to less than the pool, then set \
         quarkus.datasource.reactive.max-size",
        "https://quarkus.io/guides/datasource";
    "java_jpa" =>
        "keep remote calls out of transactions, turn spring.jpa.open-in-view off, and shorten slow queries; \
         then size HikariCP's maximumPoolSize",
        "https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing";
    "java_spring" =>
        "keep remote calls out of @Transactional methods and shorten slow queries; then size \
         spring.datasource.hikari.maximum-pool-size",
        "https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing";
    "java" =>
        "shorten the slow statements and transactions first; then size the pool, HikariCP's \
         maximumPoolSize, to what the database can run at once",
        "https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing";
    "csharp_ef_core" =>
        "dispose each DbContext early, await instead of blocking, and shorten slow queries; then set Max \
         Pool Size in the connection string",
        "https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/sql-server-connection-pooling";
    "csharp" =>
        "open connections late and dispose them early, await instead of blocking, shorten slow statements; \
         then set Max Pool Size",
        "https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/sql-server-connection-pooling";
    "rust_sqlx" =>
        "drop connections and transactions before other awaits, shorten slow statements, then set \
         PoolOptions::max_connections()",
        "https://docs.rs/sqlx/latest/sqlx/pool/struct.PoolOptions.html";
    "rust_sea_orm" =>
        "commit before other awaits, shorten slow statements, then set ConnectOptions::max_connections()",
        "https://docs.rs/sea-orm/latest/sea_orm/";
    "rust_diesel" =>
        "return connections to r2d2 or deadpool early, shorten slow statements, then raise max_size",
        "";
    "rust" =>
        "return connections early, bound concurrent statements with a Semaphore, shorten slow ones; then \
         raise the size of the pool",
        "https://docs.rs/tokio/latest/tokio/sync/struct.Semaphore.html";
    "python_django" =>
        "shorten slow queries and atomic() blocks; then set CONN_MAX_AGE or the psycopg pool, or put \
         PgBouncer in front",
        "https://docs.djangoproject.com/en/stable/ref/databases/";
    "python_sqlalchemy" =>
        "close sessions early and keep remote calls out of them, shorten slow queries; then set pool_size \
         and max_overflow",
        "https://docs.sqlalchemy.org/en/20/core/pooling.html";
    "python_asyncpg" =>
        "release connections before other awaits, bound gather() with a Semaphore, then set max_size of \
         create_pool()",
        "https://magicstack.github.io/asyncpg/current/api/index.html";
    "python_dbapi" =>
        "return connections early and shorten slow statements; then set max_size of the pool, \
         ConnectionPool in psycopg_pool",
        "https://www.psycopg.org/psycopg3/docs/advanced/pool.html";
    "python" =>
        "return connections early, bound concurrent statements with a Semaphore, shorten slow ones; then \
         raise the size of the pool",
        "https://docs.python.org/3/library/asyncio-sync.html";
    "go_pgx" =>
        "close rows and finish transactions early, bound goroutines with SetLimit(), then set MaxConns of \
         pgxpool",
        "https://pkg.go.dev/github.com/jackc/pgx/v5/pgxpool";
    "go_gorm" =>
        "keep transactions short and bound goroutines; then set SetMaxOpenConns() and SetMaxIdleConns() on \
         DB()",
        "https://gorm.io/docs/generic_interface.html";
    "go" =>
        "close rows and finish transactions early, bound goroutines with SetLimit(); then set \
         SetMaxOpenConns() and SetMaxIdleConns()",
        "https://go.dev/doc/database/manage-connections";
    "node_prisma" =>
        "await fewer queries at once and keep $transaction() short; then raise the pool's limit, and use \
         one PrismaClient for the process",
        "https://www.prisma.io/docs/orm/prisma-client/queries/advanced/query-optimization-performance";
    "node_sequelize" =>
        "await fewer queries at once and keep transactions short; then set pool.max and pool.acquire",
        "https://sequelize.org/docs/v6/other-topics/connection-pool/";
    "node_knex" =>
        "await fewer queries at once and keep transactions short; then set pool.max",
        "https://knexjs.org/guide/";
    "node_pg" =>
        "await fewer queries at once, release clients in finally, and shorten slow statements; then set max \
         of the Pool",
        "https://node-postgres.com/apis/pool";
    "node" =>
        "bound Promise.all() with p-limit to less than the pool, release clients in finally; then raise the \
         size of the pool",
        "https://github.com/sindresorhus/p-limit";
    "ruby_active_record" =>
        "shorten slow queries and transactions; then match pool in database.yml to the threads of Puma and \
         Sidekiq",
        "https://guides.rubyonrails.org/configuring.html";
    "ruby" =>
        "shorten slow statements; then match the size of the connection pool to the number of threads",
        "";
    "php_laravel_eloquent" =>
        "shorten slow queries and transactions; then limit workers, or put PgBouncer or ProxySQL in front, \
         since each PHP worker holds its own connection",
        "https://laravel.com/docs/database";
    "php" =>
        "shorten slow statements; then limit workers, or put PgBouncer or ProxySQL in front, since each PHP \
         worker holds its own connection",
        "https://www.php.net/manual/en/pdo.connections.php";
    "general" =>
        "make statements and transactions shorter or fewer, limit how many run at once; only then make the \
         pool larger",
        "";
};
