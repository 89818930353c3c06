//! The few metrics of istiod that tools read, in Prometheus' text form.

/// Time at which the mesh's root ends: seconds since 1970. The stand-in's own root ends later.
const ROOT_EXPIRY_SECONDS: f64 = 2_110_825_556.0;

/// `/metrics` of an istiod of that version with so many proxies.
pub(crate) fn metrics(version: &str, proxies: usize) -> String {
    let short = version.split('-').next().unwrap_or(version);
    let metric = |name: &str, help: &str, line: String| {
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name}{line}\n")
    };
    let mut text = metric(
        "citadel_server_root_cert_expiry_timestamp",
        "The unix timestamp, in seconds, when the root cert will expire.",
        format!(" {ROOT_EXPIRY_SECONDS:e}").replace('e', "e+0"),
    );
    text += &metric(
        "istio_build",
        "Istio component build info",
        format!("{{component=\"pilot\",tag=\"{short}\"}} 1"),
    );
    text +=
        &metric("pilot_info", "Pilot version and build information.", format!("{{version=\"{version}\"}} 1"));
    // An istiod that never had a client does not say 0; one that has none any more does, here neither.
    if proxies > 0 {
        let line = format!("{{version=\"{short}\"}} {proxies}");
        text += &metric("pilot_xds", "Number of endpoints connected to this pilot using XDS.", line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::metrics;

    #[test]
    fn lines_are_as_recorded() {
        let text = metrics("1.29.6-lab-Clean", 79);
        for line in [
            "citadel_server_root_cert_expiry_timestamp 2.110825556e+09",
            "istio_build{component=\"pilot\",tag=\"1.29.6\"} 1",
            "pilot_info{version=\"1.29.6-lab-Clean\"} 1",
            "pilot_xds{version=\"1.29.6\"} 79",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
