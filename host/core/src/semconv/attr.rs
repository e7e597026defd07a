//! The table of attribute names. One line per name the mapper understands.

use rustc_hash::FxHashMap;
use std::sync::LazyLock;

macro_rules! attributes {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// An attribute the mapper understands, named as its convention names it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Attr {
            $(#[doc = concat!("`", $name, "`")] $variant),*
        }

        impl Attr {
            /// Every attribute, in the order of the table.
            pub const ALL: &'static [Attr] = &[$(Attr::$variant),*];

            /// Returns the attribute's name.
            pub fn name(self) -> &'static str {
                match self { $(Attr::$variant => $name),* }
            }

            /// Returns the attribute of that name.
            pub fn of(name: &str) -> Option<Attr> {
                // Comparing with one name after the other is a tenth of the time of reading a span.
                static BY_NAME: LazyLock<FxHashMap<&str, Attr>> =
                    LazyLock::new(|| Attr::ALL.iter().map(|attr| (attr.name(), *attr)).collect());
                BY_NAME.get(name).copied()
            }
        }
    };
}

attributes! {
    // resource
    ServiceName = "service.name",
    ServiceNamespace = "service.namespace",
    CloudRegion = "cloud.region",
    SdkLanguage = "telemetry.sdk.language",
    // databases
    DbSystemName = "db.system.name",
    DbSystem = "db.system",
    DbType = "db.type",
    DbQueryText = "db.query.text",
    DbStatement = "db.statement",
    SqlQuery = "sql.query",
    DdResource = "dd.span.Resource",
    DbQuerySummary = "db.query.summary",
    DbNamespace = "db.namespace",
    DbName = "db.name",
    DbInstance = "db.instance",
    DbOperationName = "db.operation.name",
    DbOperation = "db.operation",
    DbCollectionName = "db.collection.name",
    DbSqlTable = "db.sql.table",
    DbMongodbCollection = "db.mongodb.collection",
    DbCassandraTable = "db.cassandra.table",
    DbCosmosdbContainer = "db.cosmosdb.container",
    DynamodbTableNames = "aws.dynamodb.table_names",
    DbBatchSize = "db.operation.batch.size",
    PgxBatchSize = "pgx.batch.size",
    DbPipelineLength = "db.redis.pipeline_length",
    DbReturnedRows = "db.response.returned_rows",
    DbRowsAffected = "db.rows_affected",
    DbStatementParameters = "db.statement.parameters",
    DbPostgresqlValues = "db.postgresql.values",
    PgxQueryParameters = "pgx.query.parameters",
    DbResponseStatusCode = "db.response.status_code",
    // HTTP
    HttpRequestMethod = "http.request.method",
    HttpMethod = "http.method",
    UrlFull = "url.full",
    HttpUrl = "http.url",
    UrlScheme = "url.scheme",
    UrlPath = "url.path",
    UrlQuery = "url.query",
    UrlTemplate = "url.template",
    HttpTarget = "http.target",
    HttpPath = "http.path",
    HttpRoute = "http.route",
    HttpHost = "http.host",
    HttpStatusCode = "http.status_code",
    HttpResponseStatusCode = "http.response.status_code",
    HttpResendCount = "http.request.resend_count",
    HttpResponseBodySize = "http.response.body.size",
    HttpResponseContentLength = "http.response_content_length",
    // network
    ServerAddress = "server.address",
    ServerPort = "server.port",
    NetPeerName = "net.peer.name",
    PeerService = "peer.service",
    // RPC
    RpcSystem = "rpc.system",
    RpcSystemName = "rpc.system.name",
    RpcService = "rpc.service",
    RpcMethod = "rpc.method",
    RpcGrpcStatusCode = "rpc.grpc.status_code",
    RpcResponseStatusCode = "rpc.response.status_code",
    // messaging
    MessagingSystem = "messaging.system",
    MessagingOperationName = "messaging.operation.name",
    MessagingOperationType = "messaging.operation.type",
    MessagingOperation = "messaging.operation",
    MessagingDestinationName = "messaging.destination.name",
    MessagingDestination = "messaging.destination",
    MessagingDestinationTemplate = "messaging.destination.template",
    MessagingDestinationTemporary = "messaging.destination.temporary",
    MessagingDestinationAnonymous = "messaging.destination.anonymous",
    MessagingRabbitmqRoutingKey = "messaging.rabbitmq.destination.routing_key",
    MessagingBatchCount = "messaging.batch.message_count",
    MessagingBodySize = "messaging.message.body.size",
    // generative AI
    GenAiSystem = "gen_ai.system",
    GenAiProviderName = "gen_ai.provider.name",
    GenAiOperationName = "gen_ai.operation.name",
    GenAiRequestModel = "gen_ai.request.model",
    // errors
    ErrorType = "error.type",
    // code
    CodeFunctionName = "code.function.name",
    CodeFunction = "code.function",
    CodeNamespace = "code.namespace",
    CodeFilePath = "code.file.path",
    CodeFilepath = "code.filepath",
    CodeLineNumber = "code.line.number",
    CodeLineno = "code.lineno",
    // set by decoders of formats that say it in a field of their own
    SourceEndpoint = "tracewatt.source.endpoint",
    EventType = "tracewatt.event.type",
}

impl Attr {
    /// Returns whether the name is that of one bound parameter of a statement.
    pub fn is_query_parameter(name: &str) -> bool {
        name.starts_with("db.query.parameter.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for attr in Attr::ALL {
            assert_eq!(Attr::of(attr.name()), Some(*attr));
        }
    }
}
