//! `istio.io/debug/syncz`: what each proxy took, as messages (istio: pilot/pkg/xds/statusgen.go).

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::status::v3::client_config::GenericXdsConfig;
use envoy_types::pb::envoy::service::status::v3::{ClientConfig, ConfigStatus};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;

use super::clients::{Client, Watched};

/// Type URL.
pub(super) const SYNCZ: &str = "istio.io/debug/syncz";

/// One message for each proxy; tools are left out.
pub(super) fn syncz<'a>(clients: impl Iterator<Item = &'a Client>) -> Vec<Any> {
    clients.filter(|client| client.node.has_proxy_config).map(|client| pack_any(config(client))).collect()
}

fn config(client: &Client) -> ClientConfig {
    let of_type = |(type_url, watched): (&String, &Watched)| GenericXdsConfig {
        type_url: type_url.clone(),
        config_status: status(watched).into(),
        ..GenericXdsConfig::default()
    };
    ClientConfig {
        node: Some(Node { id: client.node.proxy(), ..Node::default() }),
        generic_xds_configs: client.watched.iter().map(of_type).collect(),
        ..ClientConfig::default()
    }
}

fn status(watched: &Watched) -> ConfigStatus {
    if watched.last_error.is_some() {
        ConfigStatus::Error
    } else if watched.sent.is_empty() {
        ConfigStatus::NotSent
    } else if watched.acked == watched.sent {
        ConfigStatus::Synced
    } else {
        ConfigStatus::Stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_istio() {
        let watched = |sent: &str, acked: &str, error: Option<&str>| Watched {
            sent: sent.to_owned(),
            acked: acked.to_owned(),
            last_error: error.map(str::to_owned),
            ..Watched::default()
        };
        assert_eq!(status(&watched("", "", None)), ConfigStatus::NotSent);
        assert_eq!(status(&watched("2", "2", None)), ConfigStatus::Synced);
        assert_eq!(status(&watched("2", "1", None)), ConfigStatus::Stale);
        assert_eq!(status(&watched("2", "2", Some("no"))), ConfigStatus::Error);
    }
}
