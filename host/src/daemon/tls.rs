//! TLS of the ports: the certificate shown to clients, and the certificates by which clients must be known.

use crate::config::DaemonConfig;
use anyhow::{Context, Result, anyhow, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// Loads what the configuration names; nothing when it names nothing.
///
/// # Errors
/// A file that is missing, cannot be read or holds something else; a key that is not the certificate's; one of certificate
/// and key without the other; certificates of clients without TLS.
pub(super) fn load(config: &DaemonConfig) -> Result<Option<Arc<ServerConfig>>> {
    let (chain_path, key_path) = match (&config.tls_cert_path, &config.tls_key_path) {
        (Some(chain), Some(key)) => (chain, key),
        (Some(_), None) => {
            bail!("daemon.tls_cert_path is set and daemon.tls_key_path is not: TLS needs both")
        }
        (None, Some(_)) => {
            bail!("daemon.tls_key_path is set and daemon.tls_cert_path is not: TLS needs both")
        }
        (None, None) if config.tls_client_ca_path.is_some() => bail!(
            "daemon.tls_client_ca_path is set without TLS: set daemon.tls_cert_path and daemon.tls_key_path as well"
        ),
        (None, None) => return Ok(None),
    };
    let chain = certificates("daemon.tls_cert_path", chain_path)?;
    let pem = read("daemon.tls_key_path", key_path)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        anyhow!("daemon.tls_key_path: {}: there is no private key in PEM", key_path.display())
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")?;
    let builder = match &config.tls_client_ca_path {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let name = "daemon.tls_client_ca_path";
            let mut roots = RootCertStore::empty();
            for certificate in certificates(name, path)? {
                roots.add(certificate).with_context(|| format!("{name}: {}", path.display()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .with_context(|| format!("{name}: {}", path.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut tls = builder
        .with_single_cert(chain, key)
        .with_context(|| format!("{} and {} do not go together", chain_path.display(), key_path.display()))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(tls)))
}

fn read(name: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{name}: cannot read {}", path.display()))
}

/// Reads the certificates of a PEM file: at least one.
fn certificates(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(name, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => bail!("{name}: {}: there is no certificate in PEM", path.display()),
    }
}
