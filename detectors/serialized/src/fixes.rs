//! Fixes by framework, system and language; which of them a finding gets is for the host to say.

use tracewatt_sdk::Fix;

/// Returns the fixes known for reads that wait for each other.
pub fn fixes() -> &'static [Fix] {
    FIXES
}

const FIXES: &[Fix] = tracewatt_sdk::fixes! {
    "java_webflux" =>
        "if the calls are independent, combine them with Mono.zip() instead of chaining flatMap()",
        "https://projectreactor.io/docs/core/release/api/reactor/core/publisher/Mono.html";
    "java_quarkus" =>
        "if the calls are independent, return Uni or CompletionStage from them and combine, or run them on \
         virtual threads",
        "https://quarkus.io/guides/mutiny-primer";
    "java_quarkus_reactive" =>
        "if the calls are independent, start them with Uni.combine().all().unis() instead of chaining them",
        "https://quarkus.io/guides/mutiny-primer";
    "java_spring" =>
        "if the calls are independent, start them with CompletableFuture.supplyAsync() or @Async methods \
         and wait once",
        "https://docs.spring.io/spring-framework/reference/integration/scheduling.html";
    "java" =>
        "if the calls are independent, start them with CompletableFuture.supplyAsync() on an executor of \
         your own and wait with allOf()",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/concurrent/CompletableFuture.html";
    "csharp_ef_core" =>
        "if the calls are independent, start them together and await Task.WhenAll(); queries need a \
         DbContext each, from IDbContextFactory",
        "https://learn.microsoft.com/en-us/ef/core/dbcontext-configuration/";
    "csharp" =>
        "if the calls are independent, start the tasks together and await Task.WhenAll()",
        "https://learn.microsoft.com/en-us/dotnet/api/system.threading.tasks.task.whenall";
    "rust" =>
        "if the calls are independent, await them together with tokio::join! or try_join!",
        "https://docs.rs/tokio/latest/tokio/macro.join.html";
    "python_sqlalchemy" =>
        "if the calls are independent, run them with asyncio.gather(), each query with an AsyncSession of \
         its own; or read both with one statement",
        "https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html";
    "python_fastapi" =>
        "if the calls are independent, make the endpoint async and run them with asyncio.gather()",
        "https://fastapi.tiangolo.com/async/";
    "python_requests" =>
        "if the calls are independent, submit them to a ThreadPoolExecutor and collect the results",
        "https://docs.python.org/3/library/concurrent.futures.html";
    "python" =>
        "if the calls are independent, run them with asyncio.gather() or TaskGroup, or in a thread pool in \
         synchronous code",
        "https://docs.python.org/3/library/asyncio-task.html";
    "go" =>
        "if the calls are independent, run them in an errgroup.Group and Wait() once",
        "https://pkg.go.dev/golang.org/x/sync/errgroup";
    "node_prisma" =>
        "if the calls are independent, await them together with Promise.all(), outside of an interactive \
         transaction",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Promise/all";
    "node" =>
        "if the calls are independent, start them together and await Promise.all() instead of one await \
         after the other",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Promise/all";
    "ruby_active_record" =>
        "if the calls are independent, start queries with load_async and other calls as \
         Concurrent::Promises.future",
        "https://guides.rubyonrails.org/active_record_querying.html";
    "ruby" =>
        "if the calls are independent, start them as Concurrent::Promises.future and zip them",
        "https://github.com/ruby-concurrency/concurrent-ruby";
    "php_laravel_eloquent" =>
        "if the calls are independent, send HTTP calls with Http::pool() and run other work with \
         Concurrency::run()",
        "https://laravel.com/docs/http-client";
    "php" =>
        "if the calls are independent, send them as promises with Guzzle and settle them together",
        "https://docs.guzzlephp.org/en/stable/quickstart.html";
    "general" =>
        "if none of these calls needs the result of another, start them together and wait once",
        "";
};
