//! Who may come in: what the ports ask of a client before a request reaches its route.

use super::tls;
use crate::config::DaemonConfig;
use anyhow::{Result, bail};
use rustls::ServerConfig;
use std::sync::Arc;

/// What is asked of clients. A part of a generation: a certificate that was renewed holds from the next reload on.
pub(super) struct Door {
    /// TLS of both ports, where they have it.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Door {
    /// Loads what the configuration asks for.
    ///
    /// # Errors
    /// Files that are missing or do not hold what they should.
    pub fn load(config: &DaemonConfig) -> Result<Door> {
        Ok(Door { tls: tls::load(config)? })
    }

    /// Refuses to take the place of `old` where that would change what clients have to speak.
    ///
    /// # Errors
    /// TLS that comes or goes while ports are open.
    pub fn replaces(&self, old: &Door) -> Result<()> {
        match (&old.tls, &self.tls) {
            (Some(_), None) => bail!("TLS cannot be turned off while the daemon runs: restart it"),
            (None, Some(_)) => bail!("TLS cannot be turned on while the daemon runs: restart it"),
            _ => Ok(()),
        }
    }
}
