//! What differs between databases as far as reading their text goes.

/// A family of databases whose statements are read alike.
///
/// Dialects differ here only in how text is cut into words: which quotes make a string, whether a backslash escapes,
/// what opens a comment, what `[`, `@` and `#` are. Grammar is not looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Dialect {
    /// Unknown. Where dialects disagree, the reading that hides more is taken.
    #[default]
    Generic,
    /// Unknown, but `"x"` is known to be a string. Also Couchbase, Hive, Spark and their kin.
    DoubleQuotedStrings,
    /// PostgreSQL and what speaks its dialect: CockroachDB, Redshift, Greenplum, DuckDB, Vertica, Yugabyte.
    PostgreSql,
    /// MySQL, MariaDB, TiDB and other compatible servers.
    MySql,
    /// Microsoft SQL Server, Azure SQL and Sybase.
    SqlServer,
    /// Oracle Database.
    Oracle,
    /// SQLite and libSQL.
    Sqlite,
    /// ClickHouse.
    ClickHouse,
    /// BigQuery and Spanner.
    BigQuery,
    /// Snowflake.
    Snowflake,
    /// Cassandra's and ScyllaDB's CQL.
    Cassandra,
    /// IBM Db2, Informix, Derby and others that keep to the standard.
    Db2,
}

impl Dialect {
    /// Every dialect, for tests and listings.
    pub const ALL: [Dialect; 12] = [
        Dialect::Generic,
        Dialect::DoubleQuotedStrings,
        Dialect::PostgreSql,
        Dialect::MySql,
        Dialect::SqlServer,
        Dialect::Oracle,
        Dialect::Sqlite,
        Dialect::ClickHouse,
        Dialect::BigQuery,
        Dialect::Snowflake,
        Dialect::Cassandra,
        Dialect::Db2,
    ];

    /// Returns the dialect for a value of `db.system.name`, of the older `db.system`, or for a common nickname.
    ///
    /// Letter case, spaces, `-` and `_` do not matter. What is not known is `Generic`.
    pub fn from_system(db_system: &str) -> Dialect {
        let mut name = [0u8; 32];
        let mut len = 0;
        for byte in db_system.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'_')) {
            let Some(place) = name.get_mut(len) else { return Dialect::Generic };
            *place = byte.to_ascii_lowercase();
            len += 1;
        }
        match &name[..len] {
            b"postgresql" | b"postgres" | b"pg" | b"pgsql" | b"psql" | b"cockroachdb" | b"cockroach"
            | b"redshift" | b"aws.redshift" | b"amazonredshift" | b"greenplum" | b"edb" | b"yugabyte"
            | b"yugabytedb" | b"duckdb" | b"vertica" | b"netezza" | b"timescaledb" | b"alloydb"
            | b"materialize" | b"risingwave" | b"questdb" | b"cratedb" => Dialect::PostgreSql,
            b"mysql" | b"mariadb" | b"mysql2" | b"trilogy" | b"tidb" | b"percona" | b"singlestore"
            | b"memsql" | b"aurora" | b"vitess" | b"planetscale" | b"oceanbase" | b"starrocks" | b"doris" => {
                Dialect::MySql
            }
            b"microsoft.sqlserver"
            | b"mssql"
            | b"mssqlcompact"
            | b"sqlserver"
            | b"tsql"
            | b"azuresql"
            | b"azure.sql"
            | b"sybase"
            | b"sapase" => Dialect::SqlServer,
            b"oracle" | b"oracle.db" | b"oracledb" => Dialect::Oracle,
            b"sqlite" | b"sqlite3" | b"libsql" | b"turso" | b"d1" => Dialect::Sqlite,
            b"clickhouse" => Dialect::ClickHouse,
            b"bigquery" | b"gcp.bigquery" | b"googlebigquery" | b"spanner" | b"gcp.spanner" => {
                Dialect::BigQuery
            }
            b"snowflake" => Dialect::Snowflake,
            b"cassandra" | b"cql" | b"scylla" | b"scylladb" | b"astra" => Dialect::Cassandra,
            b"db2" | b"ibm.db2" | b"ibm.informix" | b"informix" | b"ibm.netezza" | b"derby" | b"h2"
            | b"h2database" | b"hsqldb" | b"firebird" | b"firebirdsql" | b"interbase" | b"ingres"
            | b"actian.ingres" | b"teradata" | b"hanadb" | b"sap.hana" | b"maxdb" | b"sap.maxdb"
            | b"trino" | b"presto" | b"athena" => Dialect::Db2,
            b"couchbase" | b"hive" | b"spark" | b"sparksql" | b"databricks" | b"impala" | b"dq=string" => {
                Dialect::DoubleQuotedStrings
            }
            _ => Dialect::Generic,
        }
    }

    pub(super) fn syntax(self) -> Syntax {
        let standard = Syntax {
            double_quote: DoubleQuote::Name,
            backslash: Backslash::Plain,
            hash: Hash::Operator,
            bracket: Bracket::Subscript,
            at: At::Bind,
            nested_comments: false,
            q_quote: false,
            triple_quote: false,
            dash_needs_space: false,
            executable_comments: false,
            contained_by: false,
            masks_users: false,
            bare_sum: false,
            loose_tags: false,
            loose_suffix: false,
        };
        match self {
            Dialect::Generic => Syntax {
                double_quote: DoubleQuote::Position,
                backslash: Backslash::Guess,
                hash: Hash::Guess,
                bracket: Bracket::Guess,
                at: At::Numbered,
                nested_comments: true,
                q_quote: true,
                masks_users: true,
                bare_sum: true,
                loose_tags: true,
                loose_suffix: true,
                ..standard
            },
            Dialect::DoubleQuotedStrings => Syntax {
                double_quote: DoubleQuote::Text,
                backslash: Backslash::Guess,
                at: At::Numbered,
                ..standard
            },
            Dialect::PostgreSql => Syntax { nested_comments: true, contained_by: true, ..standard },
            Dialect::MySql => Syntax {
                double_quote: DoubleQuote::Text,
                backslash: Backslash::Escape,
                hash: Hash::Comment,
                at: At::Numbered,
                dash_needs_space: true,
                executable_comments: true,
                ..standard
            },
            Dialect::SqlServer => Syntax {
                double_quote: DoubleQuote::Position,
                hash: Hash::Word,
                bracket: Bracket::Name,
                at: At::Declared,
                nested_comments: true,
                masks_users: true,
                ..standard
            },
            Dialect::Oracle => Syntax { hash: Hash::Word, q_quote: true, at: At::Numbered, ..standard },
            Dialect::Sqlite => {
                Syntax { double_quote: DoubleQuote::Position, bracket: Bracket::Name, ..standard }
            }
            Dialect::ClickHouse => Syntax {
                backslash: Backslash::Escape,
                hash: Hash::Comment,
                nested_comments: true,
                ..standard
            },
            Dialect::BigQuery => Syntax {
                double_quote: DoubleQuote::Text,
                backslash: Backslash::Escape,
                hash: Hash::Comment,
                triple_quote: true,
                ..standard
            },
            Dialect::Snowflake => Syntax { backslash: Backslash::Escape, at: At::Numbered, ..standard },
            Dialect::Cassandra => standard,
            Dialect::Db2 => Syntax { hash: Hash::Word, nested_comments: true, ..standard },
        }
    }
}

/// What `"x"` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DoubleQuote {
    /// A name.
    Name,
    /// A string.
    Text,
    /// A string where a value is expected or where it does not look like a name, else a name.
    Position,
}

/// What `\` does in a plain string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Backslash {
    Plain,
    Escape,
    /// Decided for each statement by which reading leaves no string open.
    Guess,
}

/// What `#` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Comment,
    Operator,
    /// Part of a name.
    Word,
    /// Part of a name where a name is expected, else a comment.
    Guess,
}

/// What `[x]` is where no subscript can stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Subscript,
    Name,
    /// A name if it looks like one.
    Guess,
}

/// What `@x` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// A placeholder.
    Bind,
    /// A placeholder, save where the statement declares it.
    Declared,
    /// A variable, unless it looks like one that a driver made up: `@p0`, `@__name_0`.
    Numbered,
}

/// How a dialect is cut into words.
#[derive(Clone, Copy)]
pub(super) struct Syntax {
    pub double_quote: DoubleQuote,
    pub backslash: Backslash,
    pub hash: Hash,
    pub bracket: Bracket,
    pub at: At,
    /// `/* /* */ */` is one comment.
    pub nested_comments: bool,
    /// `q'[it's]'` is a string.
    pub q_quote: bool,
    /// `"""x"""` and `'''x'''` are strings.
    pub triple_quote: bool,
    /// `--x` is not a comment, `-- x` is.
    pub dash_needs_space: bool,
    /// The inside of `/*! */` is executed.
    pub executable_comments: bool,
    /// `<@` is an operator even when a name follows at once.
    pub contained_by: bool,
    /// Names of users are personal data and hidden. Names of logins always are.
    pub masks_users: bool,
    /// A sum of two literals is written `??`, as in OpenTelemetry's test cases.
    pub bare_sum: bool,
    /// `$some tag$` opens a string.
    pub loose_tags: bool,
    /// The letter of `6.5F` is a word of its own, and the plus of `> +6` stays: neither depends on the value.
    pub loose_suffix: bool,
}
