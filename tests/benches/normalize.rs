//! Statements and URLs into templates. Items are statements or URLs; the lexer is in it, because what a token is
//! depends on where the template is.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use std::fmt;
use tracewatt_core::normalize::sql::{DEFAULT_LIMIT, Dialect, Statement};
use tracewatt_core::normalize::{Template, http};

fn main() {
    divan::main();
}

/// A text with a name.
struct Case {
    name: &'static str,
    /// System of a database, or method of a call.
    of: &'static str,
    text: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.of, self.name)
    }
}

const fn case(of: &'static str, name: &'static str, text: &'static str) -> Case {
    Case { name, of, text }
}

const STATEMENTS: &[Case] = &[
    case("postgresql", "by key", "SELECT * FROM customers WHERE id = 4711"),
    case(
        "postgresql",
        "of an ORM",
        "select o1_0.id,o1_0.created_at,o1_0.customer_id,c1_0.id,c1_0.email,c1_0.name,o1_0.status from orders o1_0 \
         left join customers c1_0 on c1_0.id=o1_0.customer_id where o1_0.customer_id=$1 and o1_0.status in ($2,$3,$4) \
         order by o1_0.created_at desc offset $5 rows fetch first $6 rows only",
    ),
    case(
        "postgresql",
        "of a report",
        "WITH paid AS (SELECT order_id, sum(amount) AS total FROM payments WHERE paid_at >= '2026-01-01'::date AND \
         currency = 'EUR' GROUP BY 1) SELECT date_trunc('week', o.created_at) AS week, count(*), sum(p.total) FILTER \
         (WHERE p.total > 100.50) FROM orders o JOIN paid p ON p.order_id = o.id WHERE o.data->>'channel' = 'web' AND \
         o.note <> $$it's free$$ GROUP BY 1 HAVING count(*) > 10 ORDER BY 1 -- weekly",
    ),
    case(
        "mysql",
        "insert of rows",
        "INSERT INTO `order_lines` (`order_id`, `product`, `quantity`, `price`) VALUES (17, 'a \\'quoted\\' one', 2, 9.90), \
         (17, 'b', 1, 19.00), (17, 'c', 12, 0.45), (17, 'd', 3, 5.00) ON DUPLICATE KEY UPDATE quantity = VALUES(quantity)",
    ),
    case(
        "mssql",
        "page",
        "SELECT TOP (20) [o].[Id], [o].[Number], [c].[Name] FROM [dbo].[Orders] AS [o] INNER JOIN [dbo].[Customers] AS [c] \
         ON [c].[Id] = [o].[CustomerId] WHERE [o].[Status] = N'open' AND [o].[CreatedAt] > @p0 ORDER BY [o].[Id]",
    ),
    case(
        "oracle",
        "update",
        "UPDATE accounts a SET a.balance = a.balance - :1, a.changed = SYSTIMESTAMP WHERE a.id = :2 AND a.branch = q'[O'Hara]'",
    ),
    case("sqlite", "session", "PRAGMA foreign_keys = ON"),
    case(
        "snowflake",
        "json path",
        "SELECT src:customer.name::string, f.value:sku FROM raw.events, LATERAL FLATTEN(input => src:lines) f \
         WHERE src:kind = 'order' AND ts > dateadd(day, -7, current_timestamp())",
    ),
];

#[divan::bench(args = STATEMENTS)]
fn sql(bencher: Bencher<'_, '_>, case: &Case) {
    let dialect = Dialect::from_system(case.of);
    let mut statement = Statement::default();
    bencher
        .counter(ItemsCount::new(1u32))
        .counter(BytesCount::of_str(case.text))
        .bench_local(|| statement.normalize_into(dialect, black_box(case.text), DEFAULT_LIMIT));
}

/// A list of a thousand literals, as an ORM without limits writes it.
#[divan::bench]
fn sql_long_list(bencher: Bencher<'_, '_>) {
    let items: Vec<String> = (100_000..101_000).map(|n| n.to_string()).collect();
    let text = format!("SELECT id, name FROM products WHERE id IN ({})", items.join(", "));
    let mut statement = Statement::default();
    bencher
        .counter(ItemsCount::new(1u32))
        .counter(BytesCount::of_str(&text))
        .bench_local(|| statement.normalize_into(Dialect::PostgreSql, black_box(&text), DEFAULT_LIMIT));
}

const URLS: &[Case] = &[
    case("GET", "id", "http://orders:8080/orders/4711"),
    case(
        "GET",
        "query",
        "https://catalog.shop.example/v2/products/93847/stock?expand=warehouse&at=2026-01-05T09:00:00Z&page=3",
    ),
    case(
        "POST",
        "uuid",
        "https://api.pay.example/v1/accounts/7f3f7c1e-0c5f-4a86-9d43-2f3d0c2f6c11/charges/ch_3PqLkj2eZvKYlo2C/refunds",
    ),
    case("GET", "static", "/health/ready"),
];

#[divan::bench(args = URLS)]
fn url(bencher: Bencher<'_, '_>, case: &Case) {
    let mut template = Template::default();
    bencher.counter(ItemsCount::new(1u32)).counter(BytesCount::of_str(case.text)).bench_local(|| {
        template.clear();
        black_box(http::normalize(case.of, black_box(case.text), None, &mut template));
    });
}
