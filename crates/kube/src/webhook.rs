//! An istiod's webhooks, asked without the API server: the same question, and no object that is written.

use std::sync::Arc;

use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::Full;
use k8s_openapi::ByteString;
use meshlift_model::k8s::Webhook;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::line::Line;
use crate::refusal::chain;

/// Port of an istiod that serves its webhooks.
pub(crate) const PORT: u16 = 15017;

/// Whom a webhook calls: its Service's name must stand in a certificate that the root which the webhook names signed.
pub(crate) struct Trusted {
    server: String,
    path: String,
    connector: TlsConnector,
}

impl Trusted {
    pub(crate) fn of(webhook: &Webhook) -> Result<Self, String> {
        let service = webhook.client_config.service.as_ref();
        let service = service.ok_or_else(|| format!("{} is outside of the cluster", webhook.name))?;
        Ok(Self {
            server: format!("{}.{}.svc", service.name, service.namespace),
            path: service.path.clone(),
            connector: trust(&webhook.client_config.ca_bundle)?,
        })
    }

    /// TLS over a stream to the istiod.
    pub(crate) async fn secure<S>(&self, stream: S) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(self.server.clone()).map_err(|error| error.to_string())?;
        self.connector.connect(name, stream).await.map_err(|error| chain(&error))
    }

    /// `AdmissionReview` in, `AdmissionReview` out. No credentials are asked for.
    pub(crate) async fn review(&self, line: &mut Line, review: &Value) -> Result<Value, String> {
        let request = Request::post(&self.path)
            .header(HOST, &self.server)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(review.to_string()))
            .map_err(|error| error.to_string())?;
        let (code, body) = line.ask(request).await?;
        match code.as_u16() {
            200 => serde_json::from_slice(&body).map_err(|error| error.to_string()),
            code => Err(format!("it answered {code}")),
        }
    }
}

/// TLS that trusts these roots alone: PEM in base64, as webhooks carry it.
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
