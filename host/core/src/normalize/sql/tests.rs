//! Cases as data, and the properties that must hold for every text.

use super::*;
use proptest::prelude::*;

fn template(dialect: Dialect, text: &str) -> String {
    normalize(dialect, text).template
}

/// Checks `(dialect, text, template, literals)` one by one.
#[test]
fn cases() {
    use Dialect::*;
    let cases: &[(Dialect, &str, &str, &[&str])] = &[
        (Generic, "", "", &[]),
        (Generic, "select 1", "SELECT ?", &["1"]),
        (Generic, "id = -5 or x=- 5 or y = 1 - 2", "id = ? OR x = ? OR y = ??", &["-5", "-5", "1", "2"]),
        (MySql, "y = 1 - 2", "y = ?-?", &["1", "2"]),
        (
            Oracle,
            "1.2.3, .5, 1e10, 1.5E-3, 0xFF, 1_000, 12abc, 5.",
            "?, ?, ?, ?, ?, ?, ?, ?",
            &["1.2.3", ".5", "1e10", "1.5E-3", "0xFF", "1_000", "12abc", "5."],
        ),
        (Generic, "a=1AND b=2", "a = ? AND b = ?", &["1", "2"]),
        (Generic, "t1.c2 = été2", "t1.c2 = été2", &[]),
        (PostgreSql, "f('O''Brien', '', E'a\\'b', 5)", "f(?, ?, ?, ?)", &["O'Brien", "", "a'b", "5"]),
        (MySql, "a = 'it\\'s' AND b = \"x\"\"y\"", "a = ? AND b = ?", &["it's", "x\"y"]),
        (Generic, "a = 'it\\'s' AND b = 'x'", "a = ? AND b = ?", &["it's", "x"]),
        (Generic, "a = 'C:\\' AND b = 'x'", "a = ? AND b = ?", &["C:\\", "x"]),
        (PostgreSql, "N'x', X'FF', b'01', U&'d', _utf8'z'", "?, ?, ?, ?, ?", &["x", "FF", "01", "d", "z"]),
        (PostgreSql, "SELECT 'a'\n 'b'", "SELECT ?", &["a", "b"]),
        (
            Oracle,
            "select q'[it's]', nq'!a'b!' from dual",
            "SELECT ?, ? FROM dual",
            &["q'[it's]'", "nq'!a'b!'"],
        ),
        (
            BigQuery,
            "SELECT '''it's''', r\"x\", \"\"\"a\"b\"\"\" FROM `p.d`",
            "SELECT ?, ?, ? FROM `p.d`",
            &["it's", "x", "a\"b"],
        ),
        (PostgreSql, "$$body$$, $t$it's $$ here$t$", "?, ?", &["$$body$$", "$t$it's $$ here$t$"]),
        (
            PostgreSql,
            "DATE '2024-01-01' + INTERVAL '2 days'",
            "DATE ? + INTERVAL ?",
            &["2024-01-01", "2 days"],
        ),
        (PostgreSql, "a = 'unterminated", "a = ?", &["unterminated"]),
        (
            PostgreSql,
            "data ? 'k' AND data ?| array['a', 'b'] AND data ?& $1",
            "data ? ? AND data ?| ARRAY[?] AND data ?& ?",
            &["k", "a", "b"],
        ),
        (
            PostgreSql,
            "x::int[] @> $1 and a[1:2] = %(b__12)s::TEXT",
            "x::int[] @> ? AND a[?:?] = ?::TEXT",
            &["1", "2"],
        ),
        (
            PostgreSql,
            "in ($1,$2) or in (?,?) or in (%s,%s) or in (:a,:b) or in (@p0,@p1)",
            "IN (?) OR IN (?) OR IN (?) OR IN (?) OR IN (?)",
            &[],
        ),
        (PostgreSql, "id in ($1::int, $2::int)", "id IN (?::int)", &[]),
        (PostgreSql, "(a, b) in ((1, 2), (3, 4))", "(a, b) IN ((?, ?))", &["1", "2", "3", "4"]),
        (
            PostgreSql,
            "insert into t(a,b) values (1, now()), (2, now())",
            "INSERT INTO t (a, b) VALUES (?, now())",
            &["1", "2"],
        ),
        (MySql, "insert into t values (1, 2), (3", "INSERT INTO t VALUES (?)", &["1", "2", "3"]),
        (MySql, "set @x := 1; select @@version, @x", "SET @x := ?; SELECT @@version, @x", &["1"]),
        (
            SqlServer,
            "SELECT [a]]b], [c d] FROM #tmp WHERE id = @id",
            "SELECT [a]]b], [c d] FROM #tmp WHERE id = ?",
            &[],
        ),
        (SqlServer, "(@p1 int, @p2 decimal(10,2))SELECT @p1, $12.50", "SELECT ?, ?", &["$12.50"]),
        (PostgreSql, "SET search_path = acme", "SET search_path = ?", &["acme"]),
        (
            PostgreSql,
            "set local app.user to alice , \"Bob\"",
            "SET local app.user TO ?, ?",
            &["alice", "\"Bob\""],
        ),
        (Generic, "SET SESSION autocommit = on; SELECT a", "SET SESSION autocommit = ?; SELECT a", &["on"]),
        (
            MySql,
            "set global x := 1, session y = bob, z = a-b.c@d.e, w = concat(@@w, 'x')",
            "SET global x := ?, session y = ?, z = ?, w = concat(@@w, ?)",
            &["1", "bob", "a-b.c@d.e", "x"],
        ),
        (
            Oracle,
            "alter session set nls_territory = france",
            "ALTER session SET nls_territory = ?",
            &["france"],
        ),
        (Sqlite, "pragma key = secret", "PRAGMA KEY = ?", &["secret"]),
        (Generic, "set x = two words", "SET x = ?", &["two", "words"]),
        (
            SqlServer,
            "SET @n = (SELECT count(*) FROM t) SET @m = -b",
            "SET @n = (SELECT count(*) FROM t) SET @m = ?",
            &["-b"],
        ),
        (Generic, "update t set a = b, c = d where e = f", "UPDATE t SET a = b, c = d WHERE e = f", &[]),
        (
            SqlServer,
            "EXEC find @name = bare, @id = 3, @x = [y]",
            "EXEC find @name = ?, @id = ?, @x = ?",
            &["bare", "3", "[y]"],
        ),
        (SqlServer, "exec @rc = dbo.find alice, 3", "EXEC @rc = dbo.find ?, ?", &["alice", "3"]),
        (Generic, "EXECUTE IMMEDIATE stmt USING @a", "EXECUTE IMMEDIATE ? USING @a", &["stmt"]),
        (
            PostgreSql,
            "copy people (id) from stdin;\n1\talice\n2\tbob\n\\.\n",
            "COPY people(id) FROM stdin",
            &["1\talice\n2\tbob\n\\."],
        ),
        (PostgreSql, "COPY t FROM STDIN WITH (FORMAT csv);", "COPY t FROM STDIN WITH (FORMAT csv)", &[]),
        (SqlServer, "EXEC dbo.find @name = 'x', @id = @p0", "EXEC dbo.find @name = ?, @id = ?", &["x"]),
        (ClickHouse, "SELECT {id:UInt32}, {'a': 1}", "SELECT ?, ?", &["{'a': 1}"]),
        (Generic, "{call f(?, 1)}", "{ CALL f(?, ?) }", &["1"]),
        (
            Generic,
            "a = \"x@y.z\" AND \"t\".\"c\" = \"u\".\"d\" AND f(\"n\") IN (\"p\", \"q\")",
            "a = ? AND \"t\".\"c\" = \"u\".\"d\" AND f(\"n\") IN (?)",
            &["x@y.z", "p", "q"],
        ),
        (
            Cassandra,
            "id = 01234567-89ab-cdef-0123-456789abcdef",
            "id = ?",
            &["01234567-89ab-cdef-0123-456789abcdef"],
        ),
        (PostgreSql, "a /* x /* y */ 'z' */ = 1 -- don't", "a = ?", &["1"]),
        (MySql, "select /*!40001 SQL_NO_CACHE */ 5--3 # it's", "SELECT SQL_NO_CACHE ? - ?", &["5", "-3"]),
        (
            Generic,
            "select a as \"x\", b AS y from t as u where z is not null",
            "SELECT a, b FROM t WHERE z IS NOT ?",
            &["null"],
        ),
        (
            Generic,
            "with x as (select 1) select cast(a as int) from x",
            "WITH x AS (SELECT ?) SELECT CAST(a AS int) FROM x",
            &["1"],
        ),
        (Generic, "create table t (a int not null)", "CREATE TABLE t (a int NOT NULL)", &[]),
        (Generic, "update t set a = 1; update t set a = 2;", "UPDATE t SET a = ?", &["1", "2"]),
        (Generic, "select a.  b , c . * from t where ( x )", "SELECT a.b, c.* FROM t WHERE (x)", &[]),
        (Generic, "select a from t where b = 1 ...", "SELECT a FROM t WHERE b = ?", &["1"]),
        (Generic, "alter user bob password Pa-ss1!x", "ALTER USER ? PASSWORD ?", &["bob", "Pa-ss1!x"]),
        (Generic, "alter user bob password {call x} y", "ALTER USER ? PASSWORD ? y", &["bob", "{call x}"]),
        (Generic, "price = €12.50 and t = $x", "price = ? AND t = ?", &["€12.50"]),
        (Snowflake, "select a:b.c::string, $1 from @stage", "SELECT a:b.c::string, ? FROM @stage", &[]),
        (
            PostgreSql,
            "select * from a where b = {ts '2020-01-01'}",
            "SELECT * FROM a WHERE b = ?",
            &["{ts '2020-01-01'}"],
        ),
    ];
    for (dialect, text, expected, literals) in cases {
        let statement = normalize(*dialect, text);
        assert_eq!(statement.template, *expected, "{dialect:?}: {text}");
        assert_eq!(statement.params().collect::<Vec<_>>(), *literals, "{dialect:?}: {text}");
    }
}

#[test]
fn verbs_and_writes() {
    use Verb::*;
    let cases = [
        ("select 1", Select, false),
        ("(select 1) union (select 2)", Select, false),
        ("select a from t for update", Select, true),
        ("select a into b from t", Select, true),
        ("with x as (select 1) select * from x", Select, false),
        ("with x as (delete from t returning *) select * from x", Select, true),
        ("with x as (select 1) insert into t select * from x", Insert, true),
        ("replace into t values (1)", Insert, true),
        ("select replace(a, 'x', 'y') from t", Select, false),
        ("update t set a = 1", Update, true),
        ("delete from t", Delete, true),
        ("merge into t using s on a = b when matched then update set c = 1", Merge, true),
        ("call f(1)", Call, true),
        ("exec f 1", Call, true),
        ("begin", Transaction, false),
        ("START TRANSACTION", Transaction, false),
        ("commit;", Transaction, false),
        ("rollback to savepoint a", Transaction, false),
        ("begin; update t set a = 1; commit", Update, true),
        ("set time zone 'utc'", Session, false),
        ("select set_config('a', 'b', false)", Session, false),
        ("pragma table_info(t)", Session, false),
        ("create table t (a int)", Ddl, true),
        ("truncate table t", Ddl, true),
        ("explain select 1", Select, false),
        ("select * from update", Select, false),
        ("", Other, false),
        ("GET user:1", Other, false),
    ];
    for (text, verb, writes) in cases {
        let statement = normalize(Dialect::Generic, text);
        assert_eq!((statement.verb, statement.writes), (verb, writes), "{text}");
    }
}

#[test]
fn tables_summary_and_batch() {
    let statement = normalize(
        Dialect::PostgreSql,
        "with r as (select id from a.b) select * from r, \"C\" d join lateral (select 1 from e) f on true, g
         where extract(year from h) = 2020 and i is distinct from j",
    );
    assert_eq!(statement.tables().collect::<Vec<_>>(), ["a.b", "\"C\"", "e", "g"]);
    assert_eq!(summary(&statement), "SELECT a.b SELECT \"C\" SELECT e g");
    let batch = |text| normalize(Dialect::Generic, text).batch;
    assert_eq!(batch("select 1"), 1);
    assert_eq!(batch("insert into t values (1), (2), (3)"), 3);
    assert_eq!(batch("update t set a = 1; update t set a = 2; commit;"), 3);
    assert_eq!(normalize(Dialect::Generic, "a = ? and b in ($1, $2) and data ? 'k'").placeholders, 3);
}

#[test]
fn hints_come_from_comments() {
    let text = "SELECT 1 /*action='%2Fshow',controller='users',traceparent='00-ab-cd-01'*/";
    let hint = normalize(Dialect::PostgreSql, text).hint;
    assert_eq!(hint.as_ref().and_then(|h| h.action.as_deref()), Some("/show"));
    assert_eq!(hint.as_ref().and_then(|h| h.controller.as_deref()), Some("users"));
    let hint = normalize(Dialect::MySql, "/*application:Shop,controller:carts*/ select 1").hint;
    assert_eq!(hint.as_ref().and_then(|h| h.application.as_deref()), Some("Shop"));
    assert_eq!(normalize(Dialect::MySql, "select /* a = b */ 1").hint, None);
}

#[test]
fn cut_texts_are_flagged() {
    for text in
        ["select a...", "select a ..", "select 'a", "select a /* b", "select \"a", "select \u{2026}", "{x"]
    {
        assert!(normalize(Dialect::PostgreSql, text).truncated, "{text}");
    }
    let mut statement = Statement::default();
    statement.normalize_into(Dialect::Generic, "select é from t", 8);
    assert!(statement.truncated);
    assert_eq!(statement.template, "SELECT");
    assert!(!normalize(Dialect::PostgreSql, "select 'a'").truncated);
}

/// Texts that once had another template than their template had.
#[test]
fn once_unstable() {
    use Dialect::*;
    let texts = [
        (Generic, "''``as 1e5"),
        (Generic, "[!,,"),
        (Generic, "[,0,"),
        (Generic, "[0,<,"),
        (Generic, "[n''.,"),
        (SqlServer, "[n] ]"),
        (Generic, ".##"),
        (Generic, "''A##"),
        (Generic, ":n;: A"),
        (Generic, "select.$"),
        (Generic, "select.**"),
        (Generic, "a?.q'"),
        (SqlServer, "array .["),
        (SqlServer, "set. 0@p0"),
        (Sqlite, "/\"q\"."),
        (Generic, "0as 0-0a"),
        (Generic, "a as by[n]"),
        (Generic, "alter user+\u{ae}"),
        (Generic, "\u{a2}\nselect"),
    ];
    for (dialect, text) in texts {
        let once = template(dialect, text);
        assert_eq!(template(dialect, &once), once, "{dialect:?}: {text}");
    }
}

/// Ten megabytes of each kind of trouble; a scan that starts over would not finish.
#[test]
fn hostile_texts_finish() {
    let size = 10_000_000;
    let pieces = [
        "'",
        "\"",
        "`",
        "(",
        ")",
        "[",
        "]",
        "[a",
        "{",
        "{a",
        "}",
        "$",
        "$a$",
        "$a b$",
        "/*",
        "*/",
        "/* /* */ ",
        "--\n",
        "#",
        "?",
        "-",
        "- ",
        "+ ",
        ".",
        ";",
        ";a",
        ":",
        "@",
        "%(",
        "%",
        "\\'",
        "'\\",
        "q'[",
        "a as ",
        "in(",
        "values(1),",
        "(1),(",
        "\u{a0}",
        "€",
        "5",
        "x",
        "{ ",
        "{{",
        "a,",
        "as b ",
        "e'",
        "a-",
        "12345678-",
        "(@p",
        "$1",
        ",",
        "::",
        "..",
        "with a as (",
        "a from b join ",
        "array[",
    ];
    let mut statement = Statement::default();
    for (index, piece) in pieces.iter().enumerate() {
        let dialect = Dialect::ALL[index % Dialect::ALL.len()];
        let text = piece.repeat(size / 8 / piece.len());
        statement.normalize_into(dialect, &text, usize::MAX);
        statement.normalize_into(Dialect::Generic, &text, usize::MAX);
        assert!(statement.template.len() <= 2 * text.len() + 64, "{piece}");
    }
    let all = pieces.concat().repeat(size / pieces.concat().len());
    for dialect in Dialect::ALL {
        statement.normalize_into(dialect, &all, usize::MAX);
    }
}

fn dialect() -> impl Strategy<Value = Dialect> {
    proptest::sample::select(&Dialect::ALL[..])
}

/// Pieces that together make texts that look like SQL, and many that do not.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "select",
            "from",
            "where",
            "in",
            "values",
            "as",
            "and",
            "null",
            "not",
            "insert",
            "into",
            "update",
            "set",
            "create",
            "table",
            "user",
            "login",
            "password",
            "{call",
            "{ ? = call",
            "identified",
            "by",
            "extract",
            "cast",
            "array",
            "union",
            "all",
            "interval",
            "for",
            "with",
            "on",
            "between",
            "function",
            "alter",
            "case",
            "end",
            "exec",
            "declare",
            "order",
            "a",
            "t1",
            "b.c",
            "x",
            "f(",
            "é",
            "...",
            "..",
            ".",
            ",",
            ";",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "::",
            ":",
            ":=",
            ":n",
            "@x",
            "@@y",
            "@p0",
            "$1",
            "$",
            "$$",
            "$t$",
            "$t u$",
            "?",
            "??",
            "?1",
            "?|",
            "?&",
            "%s",
            "%(n)s",
            "%",
            "%%",
            "'v'",
            "'v''w'",
            "'",
            "\"q\"",
            "\"q",
            "\"\"",
            "`n`",
            "`",
            "[n]",
            "[1]",
            "[n",
            "1",
            "-1",
            "- 1",
            "+",
            "-",
            "--",
            "--\n",
            "/*",
            "*/",
            "/* c */",
            "/*!1",
            "#",
            "#t",
            "#>",
            "##",
            "*",
            "/",
            "=",
            "<",
            ">",
            "<@",
            "@>",
            "@",
            "|",
            "||",
            "&",
            "!",
            "~",
            "^",
            "->",
            "->>",
            "1e5",
            "0xF",
            "1.5",
            ".5",
            "5.",
            "6f",
            "q'[v]'",
            "e'v'",
            "n'v'",
            "u&'v'",
            "{ts 'v'}",
            "{n:T}",
            "{{",
            "{call",
            "{ ? =",
            "12345678-1234-1234-1234-123456789abc",
            "€5",
            "\u{a0}",
            "\u{2026}",
            "\\",
            "shard?.t",
            "true",
            "default",
        ])
        .prop_map(str::to_owned),
        "[ -~]{1,6}",
        "\\PC{1,3}",
    ];
    proptest::collection::vec((piece, proptest::sample::select(vec!["", " ", " ", "\n"])), 0..24)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, gap)| [piece, gap.to_owned()]).collect())
}

/// A value with a mark in it by which it would be found, written as a literal of the dialect.
fn literal(dialect: Dialect, form: u8, mark: u32) -> String {
    use Dialect::*;
    let number = 700_000_000 + u64::from(mark);
    let text = format!("zq{number}zq");
    let double = matches!(dialect, MySql | BigQuery | DoubleQuotedStrings);
    let backslash = matches!(dialect, MySql | BigQuery | Snowflake | ClickHouse);
    match form % 18 {
        0 => format!("'{text}'"),
        1 => format!("'it''s {text}'"),
        2 => format!("{number}"),
        3 => format!("-{number}"),
        4 => format!("{number}.5e-3"),
        5 => format!("0x{number}ab"),
        6 => format!("N'{text}'"),
        7 => format!("X'{text}'"),
        8 if matches!(dialect, PostgreSql | Generic) => format!("E'it\\'s {text}'"),
        9 if matches!(dialect, Oracle | Generic) => format!("q'[it's {text}]'"),
        10 if matches!(dialect, PostgreSql | Generic | Snowflake) => format!("$t$it's {text}$t$"),
        11 if double => format!("\"it's {text}\""),
        11 if matches!(dialect, Generic | Sqlite | SqlServer) => format!("\"{text}@x\""),
        12 if backslash => format!("'it\\'s {text}'"),
        13 => format!("DATE '{text}'"),
        14 => format!("{{ts '{text}'}}"),
        15 if dialect == BigQuery => format!("'''it's {text}'''"),
        16 => format!("'a -- {text}'"),
        17 => format!("'/* {text}'"),
        _ => format!("'{{\"k\": \"{text}\"}}'"),
    }
}

/// Statements of a small grammar, with `{}` where a literal goes.
fn shape() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "select a, {} from t where b = {} and c in ({}, {}) limit {}",
        "select * from t where a={}and b<>{} or c like {} escape {}",
        "insert into t (a, b) values ({}, {}), ({}, {}) on conflict do update set a = {}",
        "update t set a = {}, b = f({}, {}) where c between {} and {}",
        "delete from t where (a, b) in (({}, {}), ({}, {})) -- {}",
        "with x as (select {} y) select case when a > {} then {} else {} end from x; select {}",
        "call p({}, {}, - {}, a - {}, {} + {})",
        "merge into t using (values ({}, {})) s on t.a = {} when matched then update set b = {}",
        "select a as {}, {} as b /* {} */ from t where c = any(array[{}, {}]) and f(a)={}",
        "alter user u identified by {}; set x = {}; exec p @a = {}, @b = {}",
    ])
}

fn fill(shape: &str, literals: &[String]) -> String {
    let mut rest = shape;
    let mut out = String::new();
    for literal in literals.iter().cycle() {
        let Some((head, tail)) = rest.split_once("{}") else { break };
        out.push_str(head);
        out.push_str(literal);
        rest = tail;
    }
    out + rest
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn templates_are_their_own_templates(dialect in dialect(), text in soup()) {
        let once = template(dialect, &text);
        let twice = template(dialect, &once);
        prop_assert_eq!(&once, &twice, "{:?}: {:?}", dialect, text);
    }

    #[test]
    fn no_literal_survives(
        dialect in dialect(),
        shape in shape(),
        forms in proptest::collection::vec(any::<u8>(), 10),
        cut in 0usize..400,
    ) {
        let literals: Vec<String> =
            forms.iter().enumerate().map(|(i, form)| literal(dialect, *form, i as u32)).collect();
        let text = fill(shape, &literals);
        for text in [text.as_str(), text.get(..cut).unwrap_or(&text)] {
            let out = template(dialect, text);
            prop_assert!(!out.contains("zq") && !out.contains("7000000"), "{:?}: {:?} -> {:?}", dialect, text, out);
            prop_assert!(summary(&normalize(dialect, text)).find("zq").is_none());
        }
    }

    #[test]
    fn values_spacing_and_case_do_not_show(
        dialect in dialect(),
        shape in shape(),
        one in proptest::collection::vec(0u8..4, 10),
        two in proptest::collection::vec(0u8..4, 10),
    ) {
        let forms = |forms: &[u8]| -> Vec<String> {
            forms.iter().enumerate().map(|(i, form)| literal(dialect, *form, i as u32 * 31)).collect()
        };
        let first = fill(shape, &forms(&one));
        let spaced = shape.replace(' ', "  \t ").replace(',', " ,/* x */ ").replace('(', "( ").replace("select", "SELECT");
        let second = fill(&spaced, &forms(&two));
        prop_assert_eq!(template(dialect, &first), template(dialect, &second));
    }

    #[test]
    fn lists_of_any_length_are_one(dialect in dialect(), one in 1usize..20, two in 1usize..20, bind in 0usize..6) {
        let item = ["7", "'x'", "?", ":a", "%s", "$1"][bind];
        let lists = |n: usize| {
            let items = vec![item; n].join(", ");
            let rows = vec![format!("({item}, {item})"); n].join(",");
            format!("select * from t where a in ({items}); insert into t values {rows}; select array[{items}]")
        };
        prop_assert_eq!(template(dialect, &lists(one)), template(dialect, &lists(two)));
    }
}
