//! Names of databases: aliases of old and new conventions, and what kind of store each is.

use super::clean;
use crate::trace::IoKind;
use std::borrow::Cow;

/// Longest name of a system, in bytes.
const MAX_NAME: usize = 64;

/// Returns the one name a system goes by here: the short one of the older conventions.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    let name = clean::printable(name, MAX_NAME);
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        let lower = name.to_ascii_lowercase();
        return alias(&lower).map_or(Cow::Owned(lower), Cow::Borrowed);
    }
    match alias(&name) {
        Some(alias) => Cow::Borrowed(alias),
        None => name,
    }
}

fn alias(name: &str) -> Option<&'static str> {
    Some(match name {
        "aws.dynamodb" => "dynamodb",
        "aws.redshift" => "redshift",
        "azure.cosmosdb" => "cosmosdb",
        "gcp.spanner" | "cloudspanner" => "spanner",
        "ibm.db2" => "db2",
        "ibm.informix" => "informix",
        "ibm.netezza" => "netezza",
        "microsoft.sql_server" | "sqlserver" | "sql server" | "mssqlcompact" => "mssql",
        "oracle.db" => "oracle",
        "postgres" | "pgsql" | "pg" => "postgresql",
        "sap.hana" => "hanadb",
        "sap.maxdb" => "maxdb",
        "sqlite3" => "sqlite",
        "other_sql" => "sql",
        "mongo" => "mongodb",
        "memcache" => "memcached",
        "elastic" => "elasticsearch",
        "apache.cassandra" | "scylladb" | "scylla" => "cassandra",
        "gcp.firestore" => "firestore",
        _ => return None,
    })
}

/// Returns the kind of a system given by its canonical name, nothing for one that is not known.
pub(super) fn kind(system: &str) -> Option<IoKind> {
    Some(match system {
        "access" | "actian.ingres" | "ingres" | "adabas" | "bigquery" | "clickhouse" | "cockroachdb"
        | "databricks" | "db2" | "derby" | "duckdb" | "edb" | "exasol" | "filemaker" | "firebird"
        | "firebirdsql" | "greenplum" | "h2" | "hanadb" | "hive" | "hsqldb" | "impala" | "informix"
        | "instantdb" | "interbase" | "intersystems_cache" | "mariadb" | "maxdb" | "mssql" | "mysql"
        | "netezza" | "oracle" | "pervasive" | "pointbase" | "postgresql" | "presto" | "progress"
        | "redshift" | "singlestore" | "snowflake" | "spanner" | "sparksql" | "sql" | "sqlite" | "sybase"
        | "teradata" | "tidb" | "timescaledb" | "trino" | "vertica" | "vitess" | "yugabytedb" => IoKind::Sql,
        "redis" | "valkey" | "keydb" | "dragonfly" | "memcached" | "elasticache" => IoKind::Cache,
        "mongodb" | "documentdb" | "couchbase" | "couchdb" | "dynamodb" | "cosmosdb" | "firestore"
        | "ravendb" | "rethinkdb" | "arangodb" => IoKind::Document,
        "elasticsearch" | "opensearch" | "solr" | "meilisearch" | "typesense" => IoKind::Search,
        "cassandra" | "neo4j" | "memgraph" | "neptune" | "influxdb" | "hbase" | "geode" | "aerospike"
        | "etcd" | "milvus" | "pinecone" | "qdrant" | "weaviate" | "chroma" | "prometheus" => {
            IoKind::Datastore
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_is_a_known_system() {
        let cases = [
            ("Microsoft.SQL_Server", "mssql", IoKind::Sql),
            ("postgres", "postgresql", IoKind::Sql),
            (" Redis ", "redis", IoKind::Cache),
            ("azure.cosmosdb", "cosmosdb", IoKind::Document),
            ("aws.dynamodb", "dynamodb", IoKind::Document),
            ("OpenSearch", "opensearch", IoKind::Search),
            ("scylladb", "cassandra", IoKind::Datastore),
        ];
        for (name, want, of_kind) in cases {
            assert_eq!(canonical(name), want);
            assert_eq!(kind(want), Some(of_kind), "{want}");
        }
        assert_eq!(kind("something_new"), None);
    }
}
