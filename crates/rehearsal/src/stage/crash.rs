//! Our own crash: where, how much of the line was durable, and how long nobody is there.

use std::fmt;

/// How much of the line at which a process dies is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// All of it.
    Whole,
    /// Not all of it: this number modulo its length, in bytes. Nothing of it, at 0.
    Torn(usize),
}

impl Cut {
    /// The part of the line that is durable.
    pub(super) fn of(self, line: &[u8]) -> &[u8] {
        match self {
            Self::Whole => line,
            Self::Torn(draw) => &line[..draw % line.len().max(1)],
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Torn(draw) => write!(f, "torn:{draw}"),
        }
    }
}

/// One crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Sequence of the journal's line at which the process dies.
    pub line: u64,
    /// How much of it is durable.
    pub cut: Cut,
    /// How long nobody drives the run, in milliseconds of virtual time.
    pub away_millis: i64,
}

/// Times in which nobody is there, in milliseconds: at once, while a write is under way, while an istiod
/// pushes, while a pod starts, while a rollout ends, over a bake.
const AWAY_MILLIS: [i64; 8] = [0, 3, 20, 100, 1_500, 30_000, 180_000, 600_000];

impl Crash {
    /// A crash at a line, drawn from a seed: how it is cut and for how long nobody is there.
    #[must_use]
    pub fn drawn(line: u64, seed: u64) -> Self {
        let draw = meshlift_twin::seed::Seed::new(seed).child("crash").nth(line);
        let pick = |name: &str| draw.child(name).value();
        let torn = usize::try_from(pick("bytes") % (1 << 30)).unwrap_or(0);
        let cut = if pick("cut").is_multiple_of(2) { Cut::Whole } else { Cut::Torn(torn) };
        let away = usize::try_from(pick("away") % AWAY_MILLIS.len() as u64).unwrap_or(0);
        Self { line, cut, away_millis: AWAY_MILLIS[away] }
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crash at line {} ({}), away {} ms", self.line, self.cut, self.away_millis)
    }
}
