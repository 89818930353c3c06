//! Quantities as the API server stores them: `2000m` becomes `2`, `1024Mi` becomes `1Gi`.

use meshlift_model::quantity::thousandths;

const DECIMAL: &[&str] = &["m", "", "k", "M", "G", "T", "P", "E"];
const BINARY: &[&str] = &["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The canonical form of `resource.Quantity`: no fraction, the largest suffix that keeps the number whole. A
/// text that is no quantity comes back as it is.
pub(crate) fn stored(text: &str) -> String {
    let Some(milli) = thousandths(text) else { return text.to_owned() };
    if milli == 0 {
        return "0".to_owned();
    }
    if text.ends_with('i') { largest(milli / 1000, 1024, BINARY) } else { largest(milli, 1000, DECIMAL) }
}

fn largest(number: i128, factor: i128, suffixes: &[&str]) -> String {
    let mut number = number;
    let mut suffixes = suffixes.iter().peekable();
    while let Some(suffix) = suffixes.next() {
        if number % factor != 0 || suffixes.peek().is_none() {
            return format!("{number}{suffix}");
        }
        number /= factor;
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::stored;

    #[test]
    fn quantities_are_stored_as_the_api_server_stores_them() {
        for (written, expected) in [
            ("2000m", "2"),
            ("1024Mi", "1Gi"),
            ("100m", "100m"),
            ("128Mi", "128Mi"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("2", "2"),
            ("1000", "1k"),
            ("0", "0"),
            ("lots", "lots"),
        ] {
            assert_eq!(stored(written), expected, "{written}");
        }
    }
}
