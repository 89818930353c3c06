//! TLS to whom a webhook calls: the name of its Service must stand in a certificate that the root signed which the webhook
//! names.

use std::sync::Arc;

use k8s_openapi::ByteString;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::refusal::chain;

/// A server, and what its certificate must be signed by.
pub(crate) struct Tls {
    server: String,
    connector: TlsConnector,
}

impl Tls {
    /// To this server, with roots in PEM in base64.
    pub(crate) fn trusting(server: String, ca_bundle: &str) -> Result<Self, String> {
        Ok(Self { server, connector: trust(ca_bundle)? })
    }

    /// The server's name.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// TLS over a stream to the server.
    pub(crate) async fn secure<S>(&self, stream: S) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(self.server.clone()).map_err(|error| error.to_string())?;
        self.connector.connect(name, stream).await.map_err(|error| chain(&error))
    }
}

/// Trust in these roots alone: PEM in base64, as webhooks carry it.
fn trust(ca_bundle: &str) -> Result<TlsConnector, String> {
    let pem: ByteString = serde_json::from_value(json!(ca_bundle)).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem.0) {
        let certificate = certificate.map_err(|error| format!("its webhook's certificate: {error}"))?;
        roots.add(certificate).map_err(|error| format!("its webhook's certificate: {error}"))?;
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
