//! Fixes by framework, system and language; which of them a finding gets is for the host to say.

use tracewatt_sdk::Fix;

/// Returns the fixes known for requests that make very many calls.
pub fn fixes() -> &'static [Fix] {
    FIXES
}

const FIXES: &[Fix] = tracewatt_sdk::fixes! {
    "java_webflux" =>
        "ask the callees for more at once; combine independent calls with Mono.zip(), and share repeated \
         ones with cache()",
        "https://projectreactor.io/docs/core/release/api/reactor/core/publisher/Mono.html";
    "java_quarkus" =>
        "ask the callees for more at once; answer repeated REST client calls with @CacheResult",
        "https://quarkus.io/guides/cache";
    "java_quarkus_reactive" =>
        "ask the callees for more at once; combine independent calls with Uni.combine().all()",
        "https://quarkus.io/guides/mutiny-primer";
    "java_spring" =>
        "ask the callees for more at once, with one endpoint for what this request needs; answer repeated \
         calls with @Cacheable",
        "https://docs.spring.io/spring-framework/reference/integration/cache/annotations.html";
    "java" =>
        "ask the callees for more at once, with one endpoint for what this request needs; cache answers \
         that seldom change",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp_ef_core" =>
        "ask the callees for more at once; keep data that this service needs with every request in its own \
         tables",
        "https://learn.microsoft.com/en-us/aspnet/core/fundamentals/http-requests";
    "csharp" =>
        "ask the callees for more at once, with one endpoint for what this request needs; cache answers \
         that seldom change",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "rust" =>
        "ask the callees for more at once, with one endpoint for what this request needs; cache answers \
         that seldom change",
        "https://docs.rs/moka/latest/moka/";
    "python" =>
        "ask the callees for more at once, with one endpoint for what this request needs; cache answers \
         that seldom change",
        "";
    "go" =>
        "ask the callees for more at once, with one endpoint for what this request needs; merge equal calls \
         with singleflight.Group",
        "https://pkg.go.dev/golang.org/x/sync/singleflight";
    "node_nestjs" =>
        "ask the callees for more at once; collect ids with DataLoader, and cache answers that seldom change",
        "https://docs.nestjs.com/techniques/caching";
    "node" =>
        "ask the callees for more at once; in GraphQL resolvers collect ids with DataLoader",
        "https://github.com/graphql/dataloader";
    "ruby" =>
        "ask the callees for more at once, with one endpoint for what this request needs; cache answers \
         with Rails.cache.fetch",
        "https://guides.rubyonrails.org/caching_with_rails.html";
    "php_laravel_eloquent" =>
        "ask the callees for more at once; Http::pool() for what remains, Cache::remember() for answers \
         that seldom change",
        "https://laravel.com/docs/http-client";
    "php" =>
        "ask the callees for more at once; send what remains with Guzzle's Pool",
        "https://docs.guzzlephp.org/en/stable/quickstart.html";
    "grpc" =>
        "add a method that returns all that this request needs, or keep one stream open",
        "https://grpc.io/docs/what-is-grpc/core-concepts/";
    "general" =>
        "give the callee an operation that answers all of it at once, or move the work to where the data is",
        "";
};
