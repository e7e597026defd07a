//! Which framework and language the code behind a finding uses, from evidence only.
//!
//! Rules carry fixes for frameworks, systems and languages ([`crate::plugin::manifest::Fix`]); [`chain`]
//! says in which order to look for one. What counts as evidence is one table, `table.rs`: the name of an
//! instrumentation scope, the namespace or function a call was made from, the source file, the language
//! the SDK states, the system spoken to, the name of the service. Nothing is guessed from a statement.

mod table;

use table::{Row, Source, TABLE};

/// Every identifier a chain can contain and a [`Fix`](crate::plugin::manifest::Fix) can name.
pub const IDS: &[&str] = &[
    // Frameworks: they decide how data is asked for.
    "csharp_ef_core",
    "go_gorm",
    "java_helidon_mp",
    "java_helidon_se",
    "java_jpa",
    "java_quarkus",
    "java_quarkus_reactive",
    "java_spring_data",
    "node_knex",
    "node_mongoose",
    "node_prisma",
    "node_sequelize",
    "node_typeorm",
    "php_doctrine",
    "php_laravel_eloquent",
    "python_django",
    "python_sqlalchemy",
    "ruby_active_record",
    "rust_diesel",
    "rust_sea_orm",
    // Clients: they make the call.
    "csharp_ado",
    "csharp_dapper",
    "csharp_redis",
    "go_pgx",
    "go_redis",
    "go_sql",
    "java_jdbc",
    "java_r2dbc",
    "java_redis",
    "node_http",
    "node_kafkajs",
    "node_mysql",
    "node_pg",
    "node_redis",
    "node_undici",
    "php_guzzle",
    "php_pdo",
    "php_redis",
    "python_aiohttp",
    "python_asyncpg",
    "python_dbapi",
    "python_httpx",
    "python_pymongo",
    "python_redis",
    "python_requests",
    "ruby_redis",
    "rust_reqwest",
    "rust_sqlx",
    // Context: where the code runs.
    "csharp_aspnet_core",
    "java_spring",
    "java_webflux",
    "node_express",
    "node_nestjs",
    "python_fastapi",
    "python_flask",
    // Systems: the other side of the call.
    "cassandra",
    "clickhouse",
    "dynamodb",
    "elasticsearch",
    "eventhubs",
    "grpc",
    "jms",
    "kafka",
    "memcached",
    "mongodb",
    "mssql",
    "mysql",
    "nats",
    "opensearch",
    "oracle",
    "postgresql",
    "pubsub",
    "pulsar",
    "rabbitmq",
    "redis",
    "servicebus",
    "sns",
    "sqlite",
    "sqs",
    // Languages.
    "csharp",
    "go",
    "java",
    "node",
    "php",
    "python",
    "ruby",
    "rust",
    GENERAL,
];

/// The last identifier of every chain.
const GENERAL: &str = "general";

/// What is known about the code behind a finding. Unknown texts are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// Instrumentation scopes of the spans, then those of their callers, nearest first.
    pub scopes: &'a [&'a str],
    /// `code.namespace`: a package, module or class.
    pub namespace: &'a str,
    /// `code.function.name`, qualified or not.
    pub function: &'a str,
    /// `code.file.path`.
    pub file: &'a str,
    /// `telemetry.sdk.language`.
    pub language: Option<&'a str>,
    /// `service.name`.
    pub service: &'a str,
    /// System spoken to: `postgresql`, `kafka`, `grpc`.
    pub system: &'a str,
}

/// Returns the identifiers under which to look for a fix, from the most specific to the most general:
/// frameworks, clients, context (each nearest evidence first), the system, the language, `general`.
///
/// Each is one of [`IDS`] and appears once. What belongs to another language than the code is left out:
/// it was seen in a caller from another service.
pub fn chain(evidence: &Evidence<'_>) -> Vec<&'static str> {
    let mut rows = seen(evidence);
    let language = language(evidence, &rows);
    rows.retain(|row| row.language.is_empty() || Some(row.language) == language);
    rows.sort_by_key(|row| row.tier);

    let mut ids = Vec::with_capacity(rows.len() + 2);
    let ends = language.into_iter().filter(|id| !id.is_empty()).chain([GENERAL]);
    for id in rows.into_iter().map(|row| row.id).chain(ends) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Returns the rows that the evidence fits, at most one for each piece of it, the strongest evidence first.
fn seen(evidence: &Evidence<'_>) -> Vec<&'static Row> {
    let scopes = evidence.scopes.iter().map(|scope| (Source::Scope, *scope));
    let rest = [
        (Source::Code, evidence.namespace),
        (Source::Code, owner(evidence.function)),
        (Source::File, extension(evidence.file)),
        (Source::Class, class(evidence.namespace, evidence.function)),
        (Source::Service, evidence.service),
        (Source::System, evidence.system),
    ];
    scopes.chain(rest).filter_map(|(source, text)| find(source, text)).collect()
}

/// Returns the language of the code: what the SDK states, else what the strongest evidence implies. Empty
/// for a language that no fix is written for, `None` when nothing is known.
fn language(evidence: &Evidence<'_>, seen: &[&'static Row]) -> Option<&'static str> {
    if let Some(name) = evidence.language.filter(|name| !name.is_empty()) {
        return Some(find(Source::Sdk, name).map_or("", |row| row.language));
    }
    // Only PHP has backslashes in its names.
    if evidence.namespace.contains('\\') {
        return Some("php");
    }
    // The ending of a class name means something in a known language, but does not tell the language.
    let telling = seen.iter().filter(|row| row.source != Source::Class);
    telling.map(|row| row.language).find(|language| !language.is_empty())
}

/// Returns the row that fits best: the one with the longest pattern.
fn find(source: Source, text: &str) -> Option<&'static Row> {
    let rows = TABLE.iter().filter(|row| row.source == source && fits(source, row.pattern, text));
    rows.max_by_key(|row| row.pattern.len())
}

fn fits(source: Source, pattern: &str, text: &str) -> bool {
    match source {
        Source::Scope | Source::Code => starts_with_words(text, pattern),
        Source::Class => text.ends_with(pattern),
        Source::Service => text.contains(pattern),
        Source::File | Source::Sdk | Source::System => equal_folded(text, pattern),
    }
}

/// Whether the text starts with the pattern and the pattern ends where a word ends:
/// `io.opentelemetry.spring-web` is in `io.opentelemetry.spring-web-3.1`, not in `...spring-webmvc-6.0`.
fn starts_with_words(text: &str, pattern: &str) -> bool {
    let rest = text.strip_prefix(pattern);
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
}

/// Whether the texts are the same but for case and for what separates the words: `aws.sqs` is `aws_sqs`.
fn equal_folded(text: &str, pattern: &str) -> bool {
    let folded = text.chars().map(|c| if matches!(c, '.' | '-') { '_' } else { c.to_ascii_lowercase() });
    folded.eq(pattern.chars())
}

fn extension(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Returns what a qualified function name says the function belongs to; nothing for a bare name.
fn owner(function: &str) -> &str {
    function.rsplit_once(['.', ':', '#', '\\']).map_or("", |(owner, _)| owner.trim_end_matches(':'))
}

/// Returns the name of the class: the last word of the namespace, else of what the function belongs to.
fn class<'a>(namespace: &'a str, function: &'a str) -> &'a str {
    let qualified = if namespace.is_empty() { owner(function) } else { namespace };
    qualified.rsplit(['.', ':', '$', '\\']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
