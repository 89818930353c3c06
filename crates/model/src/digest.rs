//! Short digests that tell whether an object is still the one that was planned for.

use crate::defaults::RESTARTED_AT;
use crate::k8s::PodTemplateSpec;

/// 64-bit FNV-1a, hex. Tells accidental change; nothing here defends against forgery.
#[must_use]
pub fn short_digest(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Digest of a pod template without its restart annotation: our own restart does not change it, a
/// deployed image does.
#[must_use]
pub fn template_digest(template: &PodTemplateSpec) -> String {
    let mut template = template.clone();
    template.metadata.annotations.remove(RESTARTED_AT);
    // Serialization of these types cannot fail; an empty text would only make the digest differ.
    short_digest(serde_json::to_string(&template).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_keeps_the_digest_and_a_label_changes_it() {
        let template = PodTemplateSpec::default();
        let mut restarted = template.clone();
        restarted.metadata.annotations.insert(RESTARTED_AT.into(), "now".into());
        assert_eq!(template_digest(&template), template_digest(&restarted));
        restarted.metadata.labels.insert("app".into(), "web".into());
        assert_ne!(template_digest(&template), template_digest(&restarted));
    }
}
