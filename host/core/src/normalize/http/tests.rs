//! Cases as data, and what must hold for every text.

use super::*;
use proptest::prelude::*;

fn call(method: &str, url: &str, route: Option<&str>) -> (String, Vec<String>, Facts) {
    let mut out = Template::default();
    let facts = normalize(method, url, route, &mut out);
    let params = out.params().map(str::to_owned).collect();
    (out.text, params, facts)
}

fn check(url: &str, template: &str, params: &[&str]) {
    let (text, found, _) = call("GET", url, None);
    assert_eq!(
        (text.as_str(), found.as_slice()),
        (&*format!("GET {template}"), &*params.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>()),
        "{url}"
    );
}

fn check_route(route: &str, path: &str, template: &str, params: &[&str]) {
    let (text, found, _) = call("GET", path, Some(route));
    assert_eq!(text, format!("GET {template}"), "{route} {path}");
    assert_eq!(found, params, "{route} {path}");
}

#[test]
fn urls() {
    check("/api/orders/42/submit", "/api/orders/{id}/submit", &["42"]);
    check("http://user-svc:5000/api/users/7", "user-svc/api/users/{id}", &["7"]);
    check("HTTP://user-svc:5000/api/users/7", "user-svc/api/users/{id}", &["7"]);
    check("wss://bob:pw@Gate.Ex.COM.:1/x", "gate.ex.com/x", &[]);
    check("grpc://svc/x", "svc/x", &[]);
    check("https://svc.internal/i/99?expand=true", "svc.internal/i/{id}?expand", &["99", "expand=true"]);
    check("/s?b=1&a=2&b=3", "/s?a&b", &["b=1", "a=2", "b=3"]);
    check("/s?a=1&&b=2", "/s?a&b", &["a=1", "b=2"]);
    check("/s?items[0]=1&items%5B1%5D=2", "/s?items[{id}]", &["items[0]=1", "items%5B1%5D=2"]);
    check("/s?wsdl", "/s?wsdl", &["wsdl"]);
    check("/s?dGhpc2lzc2VjcmV0", "/s?{token}", &["dGhpc2lzc2VjcmV0"]);
    check("http://10.0.0.1:8080/x/1", "/x/{id}", &["1"]);
    check("http://[::1]:80/x", "/x", &[]);
    check("http://h?token=1", "h/?token", &["token=1"]);
    check("http://h#f", "h/", &[]);
    check("", "/", &[]);
    check("http://svc", "svc/", &[]);
    check("users/3", "/users/{id}", &["3"]);
    check("http://svc//api///7//x", "svc/api/{id}/x", &["7"]);
    check("/a//;v=1//b//", "/a/b/", &["v=1"]);
    check("/a////", "/a/", &[]);
    check("example.com:443", "example.com/", &[]);
    check("/login?next=http://evil/1", "/login?next", &["next=http://evil/1"]);
    check("/a;jsessionid=12/b#x", "/a/b", &["jsessionid=12"]);
}

#[test]
fn segments() {
    for (segment, expected) in [
        ("42", "{id}"),
        ("-3", "{id}"),
        ("%34%32", "{id}"),
        ("550e8400-e29b-41d4-a716-446655440000", "{uuid}"),
        ("550E8400-E29B-41D4-A716-446655440000", "{uuid}"),
        ("550e8400e29b41d4a716446655440000", "{uuid}"),
        ("d41d8cd98f00b204e9800998ecf8427e", "{hash}"),
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "{hash}"),
        ("507f1f77bcf86cd799439011", "{oid}"),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "{ulid}"),
        ("2024-01-02", "{date}"),
        ("2024-01-02T10:00:00Z", "{date}"),
        ("2024-01", "{date}"),
        ("alice@example.com", "{email}"),
        ("alice%40example.com", "{email}"),
        ("my-post-12345", "{slug}"),
        ("ORD-1001", "{slug}"),
        ("user123", "{slug}"),
        ("user-7", "user-{id}"),
        ("user_1001", "user_{id}"),
        ("42.json", "{id}.json"),
        ("report-12.pdf", "report-{id}.pdf"),
        ("index.html", "index.html"),
        ("main.3f2a9b1c.js", "{slug}.js"),
        ("123:activate", "{id}:activate"),
        ("projects:search", "projects:search"),
        ("order-550e8400-e29b-41d4-a716-446655440000", "order-{uuid}"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "{token}"),
        ("dQw4w9WgXcQ", "{token}"),
        ("xK9pL2mQ7rT4", "{token}"),
        ("0xdeadbeef", "{hash}"),
        ("REDACTED", "{token}"),
        ("hello%20world", "{token}"),
        ("key=value", "{token}"),
        ("{id}", "{id}"),
        ("{userId}", "{userId}"),
        ("{hunter2024x}", "{token}"),
    ] {
        assert_eq!(normalize_path(&format!("/a/{segment}/b")), format!("/a/{expected}/b"));
    }
}

#[test]
fn reserved_characters_make_a_value() {
    for ch in "%&'()*+,:=@".chars() {
        assert_eq!(normalize_path(&format!("/a{ch}z")), "/{token}", "{ch}");
    }
}

#[test]
fn words_stay() {
    for word in [
        "v1",
        "v2beta1",
        "v1.2",
        "V3",
        "2.0",
        "en",
        "en-US",
        "de_AT",
        "zh-Hant-TW",
        "users",
        "user-profile",
        "user_profile",
        "hello.world.again",
        "getCustomerOrderHistory",
        "GetHTTPResponse",
        "iOS",
        "OData",
        "oauth2",
        "k8s",
        "s3",
        "i18n",
        "base64",
        "utf8",
        "utf-8",
        "sha256",
        "sha-256",
        "sha512",
        "x509",
        "ed25519",
        "log4j",
        "route53",
        "ec2",
        "http2",
        "ipv6",
        "mp3",
        "h264",
        "page2",
        "step1",
        "top10",
        "30days",
        "2fa",
        "3d",
        "1080p",
        "web3auth",
        "oauth2callback",
        "s3bucket",
        "k6-test-runs",
        "j4elk",
        "html",
        "https",
        "xmlrpc.php",
        "wp-json",
        "wp-login.php",
        "graphql",
        "healthz",
        ".well-known",
        "openid-configuration",
        "robots.txt",
        "favicon.ico",
        "$metadata",
        "forgot-password-confirmation",
        "caf%C3%A9",
        "straße",
        "настройки",
        "設定",
        "abcdef",
        "facade",
        "deadbeef",
        "Microsoft.Compute",
        "virtualMachines",
        "resourceGroups",
        "pkg.Service",
        "api-docs",
        "swagger-ui",
        "beef-wellington",
        "_search",
        "~alice",
        "rhythms",
        "a",
        "x",
        "by",
        "cgi-bin",
        "jwks.json",
        "sitemap.xml",
        "jquery.min.js",
    ] {
        assert_eq!(normalize_path(&format!("/{word}")), format!("/{word}"));
    }
}

#[test]
fn paths() {
    assert_eq!(normalize_path("123/"), "{id}/");
    assert_eq!(normalize_path("////"), "/");
    assert_eq!(normalize_path("/products//org/3"), "/products/org/{id}");
    assert_eq!(normalize_path("https://h/users/1?x#y"), "/users/{id}");
    let long = "/a".repeat(40);
    assert_eq!(normalize_path(&long), format!("{}/...", "/a".repeat(16)));
}

#[test]
fn routes() {
    check_route(
        "/users/{userId}/posts/{id}",
        "/users/7/posts/ab",
        "/users/{userId}/posts/{id}",
        &["7", "ab"],
    );
    check_route("/users/:id", "http://h/users/bob?x=1", "h/users/{id}?x", &["bob", "x=1"]);
    check_route("author/<int:pk>/", "/author/3/", "/author/{pk}/", &["3"]);
    check_route("^author/(?P<pk>[^/]+)/$", "/author/3/", "/author/{pk}/", &["3"]);
    check_route("/a/{id:[0-9]{1,3}}", "/a/3", "/a/{id}", &["3"]);
    check_route("/a/:id(\\d+)?", "/a", "/a/{id}", &[]);
    check_route("/a/{id?}", "/a", "/a/{id}", &[]);
    check_route("/files/*", "/files/x/y.txt", "/files/{path}", &["x/y.txt"]);
    check_route("/files/{*rest}", "/files/x/y", "/files/{rest}", &["x/y"]);
    check_route("/docs/[...slug]", "/docs/x/y", "/docs/{slug}", &["x/y"]);
    check_route("/r/{id}.json", "/r/4.json", "/r/{id}.json", &["4.json"]);
    // A gateway added a prefix: the path as a whole tells the calls apart.
    check_route("/users/{id}", "/api/users/7", "/users/{id}", &["api/users/7"]);
    // Not routes.
    check_route("/**", "/x/7", "/x/{id}", &["7"]);
    check_route("/users/42", "/users/42", "/users/{id}", &["42"]);
    check_route("https://h/users/{id}{?page}", "https://h/users/1", "h/users/{id}", &["1"]);
    check_route("/v1/projects:search", "/v1/projects:search", "/v1/projects:search", &[]);
    check_route("/", "/", "/", &[]);
}

#[test]
fn endpoints_have_no_host_and_no_query() {
    let mut out = Template::default();
    endpoint("get", None, "http://h:1/orders/4?a=1", &mut out);
    assert_eq!(out.text, "GET /orders/{id}");
    endpoint("GET", Some("/orders/{id}"), "/orders/4", &mut out);
    assert_eq!(out.text, "GET /orders/{id}");
    normalize_parts("PUT", "Svc.", "/o/4?x=1", None, None, &mut out);
    assert_eq!(out.text, "PUT svc/o/{id}?x");
    normalize_parts("PUT", "svc", "/o/4", Some("?y=1"), None, &mut out);
    assert_eq!(out.text, "PUT svc/o/{id}?y");
}

#[test]
fn methods() {
    for (method, text, access) in [
        ("get", "GET /", Access::Read),
        ("HEAD", "HEAD /", Access::Read),
        ("Post", "POST /", Access::Write),
        ("purge", "PURGE /", Access::Write),
        ("_OTHER", "HTTP /", Access::Unknown),
        ("", "HTTP /", Access::Unknown),
        ("GET secret", "HTTP /", Access::Unknown),
    ] {
        let (found, _, facts) = call(method, "/", None);
        assert_eq!((&*found, facts.access), (text, access));
    }
}

#[test]
fn redacted_values_are_hidden_parameters() {
    for url in ["/x?a=REDACTED", "/x?a=Redacted&b=1", "/x?a=%5BREDACTED%5D", "/x/REDACTED", "/x?a=***"] {
        assert!(call("GET", url, None).2.params_hidden, "{url}");
    }
    assert!(!call("GET", "/x?a=1", None).2.params_hidden);
}

proptest! {
    #[test]
    fn total_and_idempotent(url in "\\PC{0,80}", method in "\\PC{0,8}", route in proptest::option::of("\\PC{0,40}")) {
        let mut out = Template::default();
        normalize(&method, &url, route.as_deref(), &mut out);
        let once = normalize_path(&url);
        prop_assert_eq!(normalize_path(&once), once);
    }

    #[test]
    fn idempotent_on_what_paths_are_made_of(url in "(/?[a-zA-Z0-9%{}:;?#&=@._~é-]{0,12}){0,8}") {
        let once = normalize_path(&url);
        prop_assert_eq!(normalize_path(&once), once);
    }

    #[test]
    fn bytes_of_any_kind(url in proptest::collection::vec(any::<char>(), 0..60)) {
        let url: String = url.into_iter().collect();
        let once = normalize_path(&url);
        prop_assert_eq!(normalize_path(&once), once);
    }

    #[test]
    fn no_value_survives(user in "[a-z]{3}[0-9]{9}", number in 1000u64.., value in "[A-Za-z0-9]{10}") {
        let url = format!("https://{user}:{value}@svc/a/{number}/b?k={value}&l={value}#{value}");
        let (text, _, _) = call("GET", &url, None);
        prop_assert_eq!(text, "GET svc/a/{id}/b?k&l");
    }

    #[test]
    fn the_order_of_keys_does_not_matter(mut keys in proptest::collection::vec("[a-z]{1,5}", 1..10)) {
        let join = |keys: &[String]| format!("/x?{}", keys.iter().map(|k| format!("{k}=1")).collect::<Vec<_>>().join("&"));
        let one = call("GET", &join(&keys), None).0;
        keys.reverse();
        prop_assert_eq!(one, call("GET", &join(&keys), None).0);
    }

    #[test]
    fn templates_are_bounded(part in "\\PC{1,20}", times in 1usize..3000) {
        let url = part.repeat(times);
        prop_assert!(call("GET", &url, None).0.len() < 8192);
        prop_assert!(call("GET", "/x", Some(&url)).0.len() < 8192);
    }
}
