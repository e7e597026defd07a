//! Fixes by framework, system and language; which of them a finding gets is for the host to say.

use tracewatt_sdk::Fix;

/// Returns the fixes known for spans that start very many calls.
pub fn fixes() -> &'static [Fix] {
    FIXES
}

const FIXES: &[Fix] = tracewatt_sdk::fixes! {
    "java_webflux" =>
        "bound the calls with the concurrency argument of flatMap(), or group the items with buffer() into \
         bulk calls",
        "https://projectreactor.io/docs/core/release/api/reactor/core/publisher/Flux.html";
    "java_quarkus" =>
        "group the items into bulk calls; bound what remains with @Bulkhead, or with merge(n) in Mutiny",
        "https://quarkus.io/guides/smallrye-fault-tolerance";
    "java_quarkus_reactive" =>
        "group the items with group().intoLists().of(n) into bulk calls, and bound what remains with \
         merge(n)",
        "https://quarkus.io/guides/mutiny-primer";
    "java_spring" =>
        "group the items into bulk calls; run what remains on a ThreadPoolTaskExecutor of fixed size",
        "https://docs.spring.io/spring-framework/reference/integration/scheduling.html";
    "java" =>
        "group the items into bulk calls; bound what remains with a Semaphore or an executor of fixed size",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/concurrent/Semaphore.html";
    "csharp_ef_core" =>
        "read related data with Include() and items with one Contains() query; bound other calls with \
         Parallel.ForEachAsync(), one DbContext for each",
        "https://learn.microsoft.com/en-us/ef/core/querying/related-data/eager";
    "csharp" =>
        "group the items into bulk calls; bound what remains with MaxDegreeOfParallelism of \
         Parallel.ForEachAsync()",
        "https://learn.microsoft.com/en-us/dotnet/api/system.threading.tasks.parallel.foreachasync";
    "rust" =>
        "group the items into bulk calls; bound what remains with buffer_unordered(n) or a Semaphore",
        "https://docs.rs/futures/latest/futures/stream/trait.StreamExt.html";
    "python" =>
        "group the items into bulk calls; bound what remains with asyncio.Semaphore or the size of a thread \
         pool",
        "https://docs.python.org/3/library/asyncio-sync.html";
    "go" =>
        "group the items into bulk calls; bound what remains with SetLimit() of an errgroup.Group",
        "https://pkg.go.dev/golang.org/x/sync/errgroup";
    "node" =>
        "group the items into bulk calls, in GraphQL with DataLoader; bound what remains with p-limit",
        "https://github.com/sindresorhus/p-limit";
    "ruby" =>
        "group the items into bulk calls; bound what remains with a Concurrent::FixedThreadPool",
        "https://github.com/ruby-concurrency/concurrent-ruby";
    "php_laravel_eloquent" =>
        "read related data with with() and items with whereIn(), chunk Http::pool(), or move the work to \
         queued jobs",
        "https://laravel.com/docs/queues";
    "php" =>
        "group the items into bulk calls; bound what remains with the concurrency option of Guzzle's Pool",
        "https://docs.guzzlephp.org/en/stable/quickstart.html";
    "general" =>
        "ask for many items with each call; limit how many calls run at once; move the rest to background \
         work",
        "";
};
