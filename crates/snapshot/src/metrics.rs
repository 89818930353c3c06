//! The few metrics of istiod that meshlift reads, from Prometheus' text form.

use std::collections::BTreeMap;

/// Gauges and counters that are kept, each summed over its labels.
pub const METRICS_READ: &[&str] = &[
    // When the root certificate ends: a root that ends soon stops an upgrade.
    "citadel_server_root_cert_expiry_timestamp",
    // How long a push takes to reach all proxies, before and after.
    "pilot_proxy_convergence_time_count",
    "pilot_proxy_convergence_time_sum",
    // Internal errors and rejected configuration.
    "pilot_total_xds_internal_errors",
    "pilot_total_xds_rejects",
    // Connected clients.
    "pilot_xds",
    // Room for more proxies.
    "process_resident_memory_bytes",
    // Pods that could not be injected.
    "sidecar_injection_failure_total",
];

/// Reads the kept metrics; `None` where the text holds lines of which none is a metric.
pub(crate) fn parse_metrics(text: &str) -> Option<BTreeMap<String, f64>> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    let is_empty = lines.peek().is_none();
    for (name, value) in lines.filter_map(parse_line) {
        *sums.entry(name).or_insert(0.0) += value;
    }
    if sums.is_empty() && !is_empty {
        return None;
    }
    let read = |(name, value): (&str, f64)| {
        (METRICS_READ.contains(&name) && value.is_finite()).then(|| (name.to_owned(), value))
    };
    Some(sums.into_iter().filter_map(read).collect())
}

/// `name{labels} value [timestamp]`.
fn parse_line(line: &str) -> Option<(&str, f64)> {
    let (name, rest) = match line.split_once('{') {
        // Label values may hold braces and spaces; the value follows the last brace.
        Some((name, rest)) => (name, rest.rsplit_once('}')?.1),
        None => line.split_once(char::is_whitespace)?,
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name.trim(), value))
}

/// The text form of kept metrics.
pub(crate) fn write_metrics(metrics: &BTreeMap<String, f64>) -> String {
    let lines = metrics.iter().map(|(name, value)| format!("{name} {value}\n"));
    std::iter::once("# what meshlift reads, summed over labels\n".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_labels_and_keeps_what_is_read() {
        let text = "# HELP pilot_xds x\npilot_xds{version=\"1.29.6\"} 97\npilot_xds{version=\"a } b\"} 3 123\n\
                    pilot_xds_pushes{type=\"cds\"} 5\nprocess_resident_memory_bytes 3.6e+08\n";
        let metrics = parse_metrics(text).unwrap();
        assert_eq!(metrics.get("pilot_xds"), Some(&100.0));
        assert_eq!(metrics.len(), 2);
        assert_eq!(parse_metrics(&write_metrics(&metrics)), Some(metrics));
    }

    #[test]
    fn an_error_page_is_no_metrics() {
        assert_eq!(parse_metrics("401 Unauthorized: no credentials"), None);
        assert_eq!(parse_metrics("# nothing\n"), Some(BTreeMap::new()));
    }
}
