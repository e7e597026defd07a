//! `[[daemon.webhooks]]` as the table of keys has it: who is told of problems.

use super::daemon::Secret;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tracewatt_core::report::Severity;

/// `[[daemon.webhooks]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to send; `http` or `https`.
    pub url: String,
    /// What to tell.
    pub events: Vec<HookEvent>,
    /// Of problems of this severity or worse.
    pub severity: Severity,
    /// Where the secret is that requests are signed with.
    pub secret: Option<Secret>,
    /// Hours after which a problem that goes on is told again; 0 for never.
    pub realert_hours: u64,
}

/// What a webhook can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookEvent {
    /// A problem is seen for the first time.
    New,
    /// It is seen again after it was resolved.
    Regressed,
    /// It still goes on.
    Ongoing,
    /// It was not seen for some time.
    Resolved,
}

impl HookEvent {
    /// All of them.
    pub const ALL: [HookEvent; 4] =
        [HookEvent::New, HookEvent::Regressed, HookEvent::Ongoing, HookEvent::Resolved];

    /// Returns the name of the event.
    pub fn name(self) -> &'static str {
        match self {
            HookEvent::New => "problem.new",
            HookEvent::Regressed => "problem.regressed",
            HookEvent::Ongoing => "problem.ongoing",
            HookEvent::Resolved => "problem.resolved",
        }
    }
}

impl WebhookConfig {
    /// Returns the secret, as it is now; nothing when none is configured.
    ///
    /// # Errors
    /// A secret that cannot be read, or is empty.
    pub fn secret(&self) -> Result<Option<String>> {
        let Some(place) = &self.secret else { return Ok(None) };
        match place.read()?.trim() {
            "" => bail!("nothing is in {}", place.place()),
            secret => Ok(Some(secret.to_owned())),
        }
    }

    /// Checks what a single key cannot tell.
    ///
    /// # Errors
    /// An address that is none, or a secret that is not there.
    pub fn check(&self) -> Result<()> {
        let is_address = ["http://", "https://"].iter().any(|scheme| {
            self.url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        if !is_address {
            bail!(
                "daemon.webhooks: `{}` is no address: it must begin with http:// or https:// and a host",
                self.url
            );
        }
        self.secret()
            .map(drop)
            .with_context(|| format!("daemon.webhooks: the secret for {}", host_of(&self.url)))
    }
}

/// The host of an address: its path may be a secret.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said_without_the_path() {
        let hook = WebhookConfig {
            url: "https://user:word@host.example/T0/secret".to_owned(),
            events: Vec::new(),
            severity: Severity::Info,
            secret: Some(Secret::Env("TRACEWATT_TEST_NO_SUCH_VARIABLE".to_owned())),
            realert_hours: 0,
        };
        let error = format!("{:#}", hook.check().unwrap_err());
        assert!(error.contains("NO_SUCH_VARIABLE") && error.contains("host.example"), "{error}");
        assert!(!error.contains("T0") && !error.contains("word"), "{error}");
        let no_secret = WebhookConfig { secret: None, ..hook };
        assert!(no_secret.check().is_ok() && no_secret.secret().unwrap().is_none());
        for url in ["ftp://x", "http:///x", "https://", "x"] {
            assert!(WebhookConfig { url: url.to_owned(), ..no_secret.clone() }.check().is_err(), "{url}");
        }
    }
}
