//! What operations do, by their names.

use crate::normalize::{Access, among};

/// Judges an operation by the words its name begins with.
pub(super) fn access(operation: &str) -> Access {
    const WRITES: [&str; 33] = [
        "add",
        "append",
        "batchwrite",
        "bulk",
        "clone",
        "create",
        "decrement",
        "delete",
        "drop",
        "findandmodify",
        "findoneand",
        "increment",
        "index",
        "insert",
        "merge",
        "mutate",
        "patch",
        "post",
        "prepend",
        "put",
        "reindex",
        "remove",
        "rename",
        "replace",
        "save",
        "send",
        "set",
        "store",
        "touch",
        "transactwrite",
        "truncate",
        "update",
        "upsert",
    ];
    const READS: [&str; 32] = [
        "aggregate",
        "analyze",
        "batchget",
        "cat",
        "collstats",
        "count",
        "dbstats",
        "describe",
        "distinct",
        "estimate",
        "exists",
        "explain",
        "fetch",
        "field_caps",
        "find",
        "get",
        "head",
        "info",
        "knn",
        "list",
        "lookup",
        "match",
        "mget",
        "msearch",
        "query",
        "read",
        "scan",
        "scroll",
        "search",
        "select",
        "transactget",
        "view",
    ];
    let name = operation.rsplit(['.', '/']).next().unwrap_or(operation).trim_start_matches('_');
    let begins = |word: &&str| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if WRITES.iter().any(begins) {
        Access::Write
    } else if READS.iter().any(begins) {
        Access::Read
    } else {
        Access::Unknown
    }
}

/// Connection, session and transaction upkeep of MongoDB.
pub(super) fn is_chatter(operation: &str) -> bool {
    const CHATTER: [&str; 15] = [
        "abortTransaction",
        "authenticate",
        "buildInfo",
        "commitTransaction",
        "connect",
        "connectionStatus",
        "endSessions",
        "getnonce",
        "hello",
        "isMaster",
        "killCursors",
        "killSessions",
        "ping",
        "saslContinue",
        "saslStart",
    ];
    among(&CHATTER, operation)
}
