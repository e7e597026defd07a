//! Fixes by framework, system and language; which of them a finding gets is for the host to say.

use tracewatt_sdk::{Fix, PerKind, fixes};

/// The fixes known for redundant reads, by kind.
pub const FIXES: PerKind<&[Fix]> = PerKind {
    sql: SQL,
    http: HTTP,
    cache: CACHE,
    messaging: &[],
    rpc: RPC,
    document: DOCUMENT,
    search: SEARCH,
    datastore: DATASTORE,
};

const SQL: &[Fix] = fixes! {
    "java_jpa" =>
        "read the entity once and pass it on, or rely on the first-level cache by using find() within one \
         transaction; for data that seldom changes, @Cacheable on the service method",
        "https://docs.spring.io/spring-framework/reference/integration/cache/annotations.html";
    "java_spring_data" =>
        "call the repository once and pass the result on; for data that seldom changes, @Cacheable on the \
         method that reads",
        "https://docs.spring.io/spring-framework/reference/integration/cache/annotations.html";
    "java_quarkus" =>
        "read the entity once within one transaction and pass it on; for data that seldom changes, \
         @CacheResult on the method",
        "https://quarkus.io/guides/cache";
    "java_quarkus_reactive" =>
        "keep the Uni with memoize().indefinitely() for the request, or put @CacheResult on the method",
        "https://quarkus.io/guides/cache";
    "java_spring" =>
        "put @Cacheable on the method that reads, or keep the result in a request-scoped bean",
        "https://docs.spring.io/spring-framework/reference/integration/cache/annotations.html";
    "java" =>
        "keep the result for the request; for data that seldom changes, a Caffeine cache with an expiry",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp_ef_core" =>
        "use Find(), which looks among the tracked entities first, or keep the result; for data that seldom \
         changes, IMemoryCache.GetOrCreateAsync()",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "csharp_aspnet_core" =>
        "keep the result in a scoped service or HttpContext.Items; across requests, IMemoryCache or \
         HybridCache",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "csharp" =>
        "keep the result in a scoped service; for data that seldom changes, IMemoryCache.GetOrCreateAsync()",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "rust_diesel" =>
        "read once and pass the value on; for data that seldom changes, a moka cache with a time to live",
        "https://docs.rs/moka/latest/moka/";
    "rust_sea_orm" =>
        "read once and pass the model on; for data that seldom changes, a moka cache with a time to live",
        "https://docs.rs/moka/latest/moka/";
    "rust" =>
        "read once and pass the value on; a OnceCell for the request, a moka cache beyond it",
        "https://docs.rs/tokio/latest/tokio/sync/struct.OnceCell.html";
    "python_django" =>
        "evaluate the queryset once and reuse it, with cached_property on the object; for data that seldom \
         changes, cache.get_or_set()",
        "https://docs.djangoproject.com/en/stable/topics/db/optimization/";
    "python_sqlalchemy" =>
        "use Session.get(), which looks into the identity map first, within one session; for data that \
         seldom changes, a dogpile.cache region",
        "https://docs.sqlalchemy.org/en/20/orm/session_basics.html";
    "python_fastapi" =>
        "read in a dependency: Depends() calls it once per request and shares the result",
        "https://fastapi.tiangolo.com/tutorial/dependencies/sub-dependencies/";
    "python_flask" =>
        "keep the result on flask.g for the request",
        "https://flask.palletsprojects.com/en/stable/appcontext/";
    "python" =>
        "keep the result for the request, with functools.cached_property on an object that lives as long; \
         for data that seldom changes, a cache with an expiry",
        "https://docs.python.org/3/library/functools.html";
    "go_gorm" =>
        "read once and pass the value on; put it into the request's context.Context rather than querying \
         again in each layer",
        "https://pkg.go.dev/context";
    "go" =>
        "read once and pass the value on; for concurrent callers singleflight.Group, beyond the request a \
         cache with an expiry",
        "https://pkg.go.dev/golang.org/x/sync/singleflight";
    "node_prisma" =>
        "read once and pass the record on, or keep the promise in a Map for the request",
        "https://www.prisma.io/docs/orm/prisma-client/queries/advanced/query-optimization-performance";
    "node_sequelize" =>
        "read once and pass the instance on, or keep the promise in a Map for the request",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "node_typeorm" =>
        "read once and pass the entity on, or set cache on the find options for data that seldom changes",
        "";
    "node_nestjs" =>
        "read in a request-scoped provider, or through CACHE_MANAGER for data that seldom changes",
        "https://docs.nestjs.com/fundamentals/injection-scopes";
    "node_express" =>
        "keep the promise in a Map in AsyncLocalStorage or on res.locals, so that all layers of the request \
         share it",
        "https://nodejs.org/api/async_context.html";
    "node" =>
        "keep the promise, not the result, in a Map for the request, so that concurrent callers share it",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "ruby_active_record" =>
        "memoize the record with @record ||= ... and keep to one relation object; for data that seldom \
         changes, Rails.cache.fetch",
        "https://guides.rubyonrails.org/caching_with_rails.html";
    "ruby" =>
        "memoize the result with @value ||= ... for the request",
        "";
    "php_laravel_eloquent" =>
        "use the loaded relation (->items, not ->items()), or once() for the request; for data that seldom \
         changes, Cache::remember()",
        "https://laravel.com/docs/cache";
    "php_doctrine" =>
        "use find(), which looks into the identity map first; for data that seldom changes, \
         enableResultCache() on the query",
        "https://www.doctrine-project.org/projects/doctrine-orm/en/current/reference/caching.html";
    "php" =>
        "keep the result in a property or static variable for the request; beyond it, a PSR-6 cache",
        "";
    "general" =>
        "read once and pass the result on; share it for the length of the request",
        "";
};

const HTTP: &[Fix] = fixes! {
    "csharp_aspnet_core" =>
        "keep the response in a scoped service or HttpContext.Items; across requests, IMemoryCache or \
         HybridCache",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "java_spring" =>
        "put @Cacheable on the method that calls, or keep the response in a request-scoped bean",
        "https://docs.spring.io/spring-framework/reference/integration/cache/annotations.html";
    "java_webflux" =>
        "share the Mono with cache() for the request instead of subscribing to a new call",
        "https://projectreactor.io/docs/core/release/api/reactor/core/publisher/Mono.html";
    "java_quarkus" =>
        "put @CacheResult on the REST client method, or keep the response in a @RequestScoped bean",
        "https://quarkus.io/guides/cache";
    "java" =>
        "keep the response for the request; across requests, a Caffeine cache that honours Cache-Control",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp_ef_core" =>
        "keep the response in a scoped service beside the DbContext, or answer repeats from a \
         DelegatingHandler with IMemoryCache",
        "https://learn.microsoft.com/en-us/aspnet/core/fundamentals/http-requests";
    "csharp" =>
        "keep the response in a scoped service, or answer repeats from a DelegatingHandler with IMemoryCache",
        "https://learn.microsoft.com/en-us/aspnet/core/fundamentals/http-requests";
    "rust" =>
        "call once and pass the response on; a OnceCell for the request, a moka cache beyond it",
        "https://docs.rs/tokio/latest/tokio/sync/struct.OnceCell.html";
    "python_fastapi" =>
        "call in a dependency: Depends() runs it once per request and shares the response",
        "https://fastapi.tiangolo.com/tutorial/dependencies/sub-dependencies/";
    "python_flask" =>
        "keep the response on flask.g for the request",
        "https://flask.palletsprojects.com/en/stable/appcontext/";
    "python" =>
        "keep the response on the request or in an object that lives as long; across requests, a cache that \
         honours Cache-Control",
        "";
    "go" =>
        "call once and pass the response on; singleflight.Group merges calls that are under way at the same \
         time",
        "https://pkg.go.dev/golang.org/x/sync/singleflight";
    "node_nestjs" =>
        "call in a request-scoped provider, or through CACHE_MANAGER for answers that seldom change",
        "https://docs.nestjs.com/techniques/caching";
    "node_express" =>
        "keep the promise in a Map in AsyncLocalStorage or on res.locals, so that all layers of the request \
         share it",
        "https://nodejs.org/api/async_context.html";
    "node" =>
        "keep the promise in a Map for the request, so that concurrent callers share one call",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "ruby" =>
        "memoize the response with @response ||= ... for the request",
        "";
    "php_laravel_eloquent" =>
        "keep the response with once() for the request, or Cache::remember() across requests",
        "https://laravel.com/docs/cache";
    "php" =>
        "keep the response in a property for the request, or add a caching middleware to the client",
        "https://docs.guzzlephp.org/en/stable/quickstart.html";
    "general" =>
        "call once and share the answer for the length of the request",
        "";
};

const CACHE: &[Fix] = fixes! {
    "python_django" =>
        "keep the value in a variable or on the request object; get_many() if several keys are read again",
        "https://docs.djangoproject.com/en/stable/topics/cache/";
    "ruby_active_record" =>
        "keep the value in an instance variable; outside of web requests, wrap the work in \
         Rails.cache.with_local_cache",
        "https://guides.rubyonrails.org/caching_with_rails.html";
    "php_laravel_eloquent" =>
        "keep the value in a variable, or use Cache::memo() to read each key once per request",
        "https://laravel.com/docs/cache";
    "redis" =>
        "keep the value for the request; for hot keys, client-side caching with tracking",
        "https://redis.io/docs/latest/develop/reference/client-side-caching/";
    "memcached" =>
        "keep the value for the request; for hot keys, a small cache in the process",
        "";
    "java" =>
        "keep the value in a field of a request-scoped object, or put a small Caffeine cache in front",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp" =>
        "keep the value in a scoped service, or put IMemoryCache in front",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "python" =>
        "keep the value in a variable or on the request object",
        "";
    "node" =>
        "keep the promise in a Map for the request",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "go" =>
        "keep the value in a variable, or in the request's context.Context",
        "https://pkg.go.dev/context";
    "ruby" =>
        "memoize the value with @value ||= ... for the request",
        "";
    "php" =>
        "keep the value in a property for the request",
        "";
    "rust" =>
        "keep the value and pass it on, or put a small moka cache in front",
        "https://docs.rs/moka/latest/moka/";
    "general" =>
        "keep the value for the length of the request",
        "";
};

const RPC: &[Fix] = fixes! {
    "grpc" =>
        "call once and pass the message on; in an interceptor, answer repeated idempotent calls of one \
         request from memory",
        "https://grpc.io/docs/guides/performance/";
    "java" =>
        "keep the reply for the request; across requests, a Caffeine cache with an expiry",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp" =>
        "keep the reply in a scoped service; across requests, IMemoryCache",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "python" =>
        "keep the reply in a variable or on the request object",
        "";
    "node" =>
        "keep the promise in a Map for the request",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "go" =>
        "call once and pass the reply on; singleflight.Group merges calls that are under way at the same \
         time",
        "https://pkg.go.dev/golang.org/x/sync/singleflight";
    "ruby" =>
        "memoize the reply with @reply ||= ... for the request",
        "";
    "php" =>
        "keep the reply in a property for the request",
        "";
    "rust" =>
        "call once and pass the reply on; a OnceCell for the request",
        "https://docs.rs/tokio/latest/tokio/sync/struct.OnceCell.html";
    "general" =>
        "call once and share the reply for the length of the request",
        "";
};

const DOCUMENT: &[Fix] = fixes! {
    "node_mongoose" =>
        "read once and pass the document on, or keep the promise in a Map for the request",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "python_pymongo" =>
        "read once and pass the document on; PyMongo keeps no identity map",
        "https://pymongo.readthedocs.io/en/stable/";
    "mongodb" =>
        "read the document once and pass it on; there is no cache between the driver and the server",
        "";
    "dynamodb" =>
        "read the item once and pass it on; for hot keys, DAX or a cache in the process",
        "";
    "java" =>
        "keep the document for the request; beyond it, @Cacheable or a Caffeine cache",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp" =>
        "keep the document in a scoped service; beyond it, IMemoryCache",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "python" =>
        "keep the document in a variable or on the request object",
        "";
    "node" =>
        "keep the promise in a Map for the request",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "go" =>
        "read once and pass the document on; singleflight.Group for concurrent callers",
        "https://pkg.go.dev/golang.org/x/sync/singleflight";
    "ruby" =>
        "memoize the document, or turn on the query cache of the document mapper for the request",
        "";
    "php" =>
        "keep the document in a property, or use find() of the document mapper, which looks into its \
         identity map first",
        "";
    "rust" =>
        "read once and pass the document on; a moka cache beyond the request",
        "https://docs.rs/moka/latest/moka/";
    "general" =>
        "read the document once and share it for the length of the request",
        "";
};

const SEARCH: &[Fix] = fixes! {
    "elasticsearch" =>
        "search once and pass the hits on; for repeated aggregations make sure that the shard request cache \
         applies",
        "https://www.elastic.co/guide/en/elasticsearch/reference/8.17/shard-request-cache.html";
    "opensearch" =>
        "search once and pass the hits on; for repeated aggregations make sure that the request cache \
         applies",
        "";
    "java" =>
        "keep the hits for the request; beyond it, a Caffeine cache",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp" =>
        "keep the hits in a scoped service; beyond it, IMemoryCache",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "python" =>
        "keep the hits in a variable or on the request object",
        "";
    "node" =>
        "keep the promise in a Map for the request",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "go" =>
        "search once and pass the hits on; singleflight.Group for concurrent callers",
        "https://pkg.go.dev/golang.org/x/sync/singleflight";
    "ruby" =>
        "memoize the hits with @hits ||= ... for the request",
        "";
    "php" =>
        "keep the hits in a property for the request",
        "";
    "rust" =>
        "search once and pass the hits on",
        "https://docs.rs/tokio/latest/tokio/sync/struct.OnceCell.html";
    "general" =>
        "search once and share the hits for the length of the request",
        "";
};

const DATASTORE: &[Fix] = fixes! {
    "cassandra" =>
        "read the row once and pass it on; for hot partitions, a cache in the process",
        "";
    "java" =>
        "keep the result for the request; beyond it, a Caffeine cache",
        "https://github.com/ben-manes/caffeine/wiki";
    "csharp" =>
        "keep the result in a scoped service; beyond it, IMemoryCache",
        "https://learn.microsoft.com/en-us/aspnet/core/performance/caching/memory";
    "python" =>
        "keep the result in a variable or on the request object",
        "";
    "node" =>
        "keep the promise in a Map for the request",
        "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Map";
    "go" =>
        "read once and pass the result on; singleflight.Group for concurrent callers",
        "https://pkg.go.dev/golang.org/x/sync/singleflight";
    "ruby" =>
        "memoize the result with @value ||= ... for the request",
        "";
    "php" =>
        "keep the result in a property for the request",
        "";
    "rust" =>
        "read once and pass the result on; a OnceCell for the request",
        "https://docs.rs/tokio/latest/tokio/sync/struct.OnceCell.html";
    "general" =>
        "read once and share the result for the length of the request",
        "";
};
