//! Randomness as a tree: one seed, a generator per name, no state.
//!
//! A draw depends on the path of names and numbers that leads to it and on nothing else, so a change in one
//! place of the twin does not perturb the others. The mixer is splitmix64
//! (<https://prng.di.unimi.it/splitmix64.c>).

/// A node of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

/// Letters that Kubernetes uses in generated names: no vowels, nothing that looks like another
/// (`k8s.io/apimachinery/pkg/util/rand`).
const NAME_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl Seed {
    /// The root.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The node below, by name.
    #[must_use]
    pub fn child(self, name: &str) -> Self {
        Self(mix(self.0 ^ text_hash(name)))
    }

    /// The node below, by number.
    #[must_use]
    pub const fn nth(self, number: u64) -> Self {
        Self(mix(self.0.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }

    /// The 64 bits of this node.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// A number from `low` to `high`, both included.
    #[must_use]
    pub fn between(self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        low.saturating_add(i64::try_from(mix(self.0) % span.saturating_add(1)).unwrap_or(0))
    }

    /// So many letters as in generated names of Kubernetes.
    #[must_use]
    pub fn letters(self, count: u64) -> String {
        let letter = |number| {
            let draw = self.nth(number).0 % NAME_LETTERS.len() as u64;
            char::from(NAME_LETTERS[usize::try_from(draw).unwrap_or(0)])
        };
        (0..count).map(letter).collect()
    }

    /// A uid in the form of RFC 4122, version 4.
    #[must_use]
    pub fn uid(self) -> String {
        let (high, low) = (self.nth(0).0, self.nth(1).0);
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }
}

/// FNV-1a over the bytes of a text: stable across builds, unlike the standard library's hasher.
#[must_use]
pub fn text_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_their_path_alone() {
        let root = Seed::new(7);
        let alone = root.child("kubelet").nth(3).between(0, 1000);
        let _ = root.child("scheduler").nth(1).between(0, 1000);
        assert_eq!(root.child("kubelet").nth(3).between(0, 1000), alone);
        assert_ne!(root.child("kubelet").value(), root.child("scheduler").value());
        assert_ne!(Seed::new(8).child("kubelet").value(), root.child("kubelet").value());
    }

    #[test]
    fn draws_stay_within_their_bounds_and_reach_them() {
        let draws: Vec<i64> = (0..200).map(|number| Seed::new(1).nth(number).between(2, 5)).collect();
        assert_eq!((draws.iter().min(), draws.iter().max()), (Some(&2), Some(&5)));
    }

    #[test]
    fn uids_and_names_have_the_usual_form() {
        let uid = Seed::new(1).uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.chars().nth(14), Some('4'));
        assert!(Seed::new(1).letters(5).bytes().all(|byte| NAME_LETTERS.contains(&byte)));
    }
}
