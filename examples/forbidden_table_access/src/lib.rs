//! Finds statements of services that must not touch a table: the tables that belong to somebody are in the settings.

use std::collections::BTreeMap;
use tracewatt_sdk::prelude::*;
use tracewatt_sdk::query::Queries;

settings! {
    /// Whose tables they are.
    pub struct Settings {
        /// Tables in lower case, and the services that may touch them: `card=payments,refunds`; `card=` for none.
        owners: Vec<String> = Vec::new(), ..;
        /// Whether others may read.
        allow_reads: bool = false, ..;
    }
}

/// The detector.
pub struct ForbiddenTableAccess {
    owners: BTreeMap<String, Vec<String>>,
    allow_reads: bool,
    queries: Queries,
}

impl Detector for ForbiddenTableAccess {
    type Settings = Settings;

    fn manifest() -> Manifest {
        let summary = "statements of services that must not touch a table";
        Manifest::new("forbidden_table_access", env!("CARGO_PKG_VERSION"), summary)
            .license(env!("CARGO_PKG_LICENSE"))
            .interest(&[Kind::SQL], 1)
            .rule(
                Rule::new("forbidden_table_access", "Forbidden table access")
                    .page(include_str!("../README.md"))
                    .advice("ask the service that owns the table, or have it listed as an owner")
                    .severity(Severity::Critical),
            )
    }

    fn check(settings: &Settings) -> Result<(), String> {
        settings.owners.iter().try_for_each(|entry| parse(entry).map(|_| ()))
    }

    fn new(settings: Settings) -> Self {
        let owners = settings.owners.iter().filter_map(|entry| parse(entry).ok()).collect();
        ForbiddenTableAccess { owners, allow_reads: settings.allow_reads, queries: Queries::default() }
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        self.queries.begin(batch);
        for trace in batch.traces() {
            let statements = trace.io().filter(|span| span.kind() == Kind::SQL);
            for same in grouped(1, statements, |span| Some((span.service_id(), span.template_id()))) {
                findings.extend(self.judge(&same));
            }
        }
    }
}

impl ForbiddenTableAccess {
    /// Judges the statements of one service that have one template.
    fn judge(&mut self, same: &[Span<'_>]) -> Option<Finding> {
        if self.allow_reads && same[0].verb() == Verb::READ {
            return None;
        }
        let (query, service) = (self.queries.get(same[0]), same[0].batch().text(same[0].service_id()));
        let forbidden = |table: &&String| {
            self.owners.get(table.as_str()).is_some_and(|owners| !owners.contains(&service))
        };
        let table = query.tables().iter().find(forbidden)?;
        let owners = self.owners[table].join(", ");
        let owned = if owners.is_empty() {
            "nobody may touch".to_owned()
        } else {
            format!("only {owners} may touch")
        };
        let finding = Finding::new("forbidden_table_access", same)
            .message(format!("{service} touches {table}, which {owned}"))
            .evidence("table", table.as_str())
            .evidence("owners", owners);
        Some(finding)
    }
}

/// Reads an entry of `owners`.
fn parse(entry: &str) -> Result<(String, Vec<String>), String> {
    match entry.split_once('=') {
        Some((table, services)) if !table.trim().is_empty() => {
            let services = services.split(',').map(str::trim).filter(|service| !service.is_empty());
            Ok((table.trim().to_lowercase(), services.map(str::to_owned).collect()))
        }
        _ => Err(format!("owners: `{entry}` names no table; write table=service,service")),
    }
}

export_detector!(ForbiddenTableAccess);
