//! Keys and certificates of one cluster.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::error::ClusterError;

/// Names under which the API server is reached.
const SERVER_NAMES: [&str; 4] =
    ["127.0.0.1", "10.96.0.1", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
/// Clients: file, user, group.
const CLIENTS: [(&str, &str, &str); 3] = [
    ("admin", "admin", "system:masters"),
    ("controller-manager", "system:kube-controller-manager", ""),
    ("scheduler", "system:kube-scheduler", ""),
];

/// Writes `ca`, `server` and all clients' `NAME.crt` and `NAME.key`, and the pair that signs tokens.
pub(crate) fn write(folder: &Path) -> Result<(), ClusterError> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name.push(DnType::CommonName, "cluster for tests");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    put(folder, "ca.crt", &authority.pem())?;
    put(folder, "ca.key", &authority.key().serialize_pem())?;
    let tokens = KeyPair::generate()?;
    put(folder, "service-account.key", &tokens.serialize_pem())?;
    put(folder, "service-account.pub", &tokens.public_key_pem())?;
    let mut server = CertificateParams::new(SERVER_NAMES.map(str::to_owned))?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    issue(folder, "server", server, &authority)?;
    for (name, user, group) in CLIENTS {
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, user);
        if !group.is_empty() {
            client.distinguished_name.push(DnType::OrganizationName, group);
        }
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issue(folder, name, client, &authority)?;
    }
    Ok(())
}

fn issue(
    folder: &Path,
    name: &str,
    mut params: CertificateParams,
    authority: &CertifiedIssuer<'_, KeyPair>,
) -> Result<(), ClusterError> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    put(folder, &format!("{name}.crt"), &certificate.pem())?;
    put(folder, &format!("{name}.key"), &key.serialize_pem())
}

fn put(folder: &Path, name: &str, text: &str) -> Result<(), ClusterError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(ClusterError::file(&path))
}

/// Writes `NAME.kubeconfig` for a client.
pub(crate) fn kubeconfig(folder: &Path, client: &str, file: &str, port: u16) -> Result<(), ClusterError> {
    let at = |name: String| folder.join(name).display().to_string();
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": at("ca.crt".to_owned()),
        }}],
        "users": [{"name": client, "user": {
            "client-certificate": at(format!("{client}.crt")),
            "client-key": at(format!("{client}.key")),
        }}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": client}}],
        "current-context": "test",
    });
    put(folder, file, &config.to_string())
}
