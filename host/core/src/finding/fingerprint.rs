//! What makes two findings the same problem.

use crate::hex::hex;
use sha2::{Digest, Sha256};

/// Everything that goes into a fingerprint. No id, no time, no count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Finding type.
    pub kind: &'a str,
    /// Service.
    pub service: &'a str,
    /// Normalized entry point.
    pub endpoint: &'a str,
    /// Template, or what else it is about.
    pub subject: &'a str,
    /// Tenant or namespace, empty without one.
    pub grouping: &'a str,
}

/// Returns `tw1:` and the SHA-256 over the parts, each preceded by its length so that no two identities run
/// into the same bytes. `tw1` names this rule: another rule gets another name, and old acknowledgments can be
/// told apart from new ones.
pub fn fingerprint(identity: &Identity<'_>) -> String {
    let mut hasher = Sha256::new();
    for part in [identity.kind, identity.service, identity.endpoint, identity.subject, identity.grouping] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    format!("tw1:{}", hex(&hasher.finalize()))
}

/// Returns the readable identity other tools use, `type:service:endpoint:hash`, where the endpoint has `_` for `/`
/// and blanks, and the hash is the first half of the SHA-256 of the subject.
pub fn signature(identity: &Identity<'_>) -> String {
    let endpoint = identity.endpoint.replace(['/', ' '], "_");
    let hash = hex(&Sha256::digest(identity.subject)[..16]);
    format!("{}:{}:{endpoint}:{hash}", identity.kind, identity.service)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity<'_> = Identity {
        kind: "n_plus_one_sql",
        service: "shop",
        endpoint: "GET /orders/{id}",
        subject: "SELECT ?",
        grouping: "",
    };

    #[test]
    fn every_part_counts_and_parts_do_not_run_together() {
        let all = [
            IDENTITY,
            Identity { kind: "redundant_sql", ..IDENTITY },
            Identity { service: "shopGET", endpoint: " /orders/{id}", ..IDENTITY },
            Identity { subject: "SELECT", ..IDENTITY },
            Identity { grouping: "k8s.namespace.name=eu", ..IDENTITY },
        ];
        let distinct: std::collections::BTreeSet<String> = all.iter().map(fingerprint).collect();
        assert_eq!(distinct.len(), all.len());
    }

    /// Scenario: stored acknowledgments and baselines. Guarantees: this release makes the same fingerprints.
    #[test]
    fn the_rule_is_frozen() {
        assert_eq!(
            fingerprint(&IDENTITY),
            "tw1:963551a894539019eedbcd0e0530f913c9a86d60f34fd1df2b219591aaffa8a6"
        );
        assert_eq!(
            signature(&IDENTITY),
            "n_plus_one_sql:shop:GET__orders_{id}:66cbb3a40d4bbd150b75825ad291a654"
        );
    }
}
