//! The file of releases: which there are, for how long, on which Kubernetes, and what is known to be broken.

use std::fmt;

use meshlift_model::names::{IstioVersion, minor_of};
use meshlift_model::upgrade_path::{Support, SupportState};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// The file that is built in.
const BUILT_IN: &str = include_str!("../../data/releases.yaml");
/// Version of the file's form.
const FORMAT_VERSION: u32 = 1;
/// More patches than any minor version gets: every one up to the newest is looked at.
const MOST_PATCHES: u32 = 999;

/// A file of releases that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleasesError {
    /// It has another shape.
    #[error("the catalogue of releases cannot be understood: {0}")]
    Shape(String),
    /// It is of another form.
    #[error("the catalogue of releases has format_version {0}; this program reads {FORMAT_VERSION}")]
    Format(u32),
    /// It contradicts itself.
    #[error("the catalogue of releases {0}")]
    Content(String),
}

/// Major and minor number.
pub(crate) type Minor = (u32, u32);

/// All releases that are known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    format_version: u32,
    /// Day on which it was made, `YYYY-MM-DD`.
    pub date: String,
    pub(crate) minors: Vec<Release>,
    pub(crate) regressions: Vec<Regression>,
}

/// One minor version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    #[serde(deserialize_with = "minor")]
    pub(crate) minor: Minor,
    /// Absent while it is supported and no end is announced.
    pub(crate) end_of_life: Option<String>,
    /// Oldest and newest Kubernetes.
    #[serde(deserialize_with = "minors")]
    pub(crate) kubernetes: [Minor; 2],
    pub(crate) newest_patch: u32,
    /// Oldest bundle of the Gateway API of which it reads all.
    #[serde(default, deserialize_with = "maybe_minor")]
    pub(crate) gateway_api_least: Option<Minor>,
}

/// Something broken in some patch levels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Regression {
    pub(crate) at: At,
    pub(crate) concerns: Concern,
    #[serde(deserialize_with = "version")]
    pub(crate) from: IstioVersion,
    #[serde(deserialize_with = "versions")]
    pub(crate) fixed: Vec<IstioVersion>,
    /// First minor version without it.
    #[serde(deserialize_with = "minor")]
    pub(crate) until: Minor,
    /// No reason against a target: it is told where a newer patch mends it.
    #[serde(default)]
    pub(crate) light: bool,
    pub(crate) why: String,
    /// What to do where no patch mends it in time.
    #[serde(default)]
    pub(crate) remedy: Option<String>,
    pub(crate) source: String,
}

/// On which side of a hop it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum At {
    Leaving,
    Arriving,
    Both,
}

/// Meshes that it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Concern {
    All,
    Ambient,
    ManagedGateways,
    /// Meshes that go beyond one cluster.
    SeveralClusters,
}

impl Releases {
    /// The built-in ones.
    ///
    /// # Errors
    /// Never for what was built and tested; the signature keeps the failure visible.
    pub fn built_in() -> Result<Self, ReleasesError> {
        Self::parse(BUILT_IN)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Where it is no such file, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, ReleasesError> {
        let shape = |error: &serde_saphyr::Error| ReleasesError::Shape(error.without_snippet().to_string());
        let mut releases: Self = serde_saphyr::from_str(text).map_err(|error| shape(&error))?;
        if releases.format_version != FORMAT_VERSION {
            return Err(ReleasesError::Format(releases.format_version));
        }
        if releases.date.parse::<Day>().is_err() {
            return Err(no_day("is of", &releases.date));
        }
        releases.minors.sort_by_key(|release| release.minor);
        let pairs = releases.minors.windows(2);
        if let Some(twice) = pairs.map(|pair| (&pair[0], &pair[1])).find(|(a, b)| a.minor == b.minor) {
            return Err(ReleasesError::Content(format!("names {} twice", line(twice.0.minor))));
        }
        releases.minors.iter().try_for_each(Release::judge)?;
        releases.regressions.iter().try_for_each(Regression::judge)?;
        Ok(releases)
    }

    /// Refuses a file that says to be of a later day than today.
    ///
    /// # Errors
    /// Where its date lies in the future: it is mistyped, or this machine's clock is wrong, and what is said of support and
    /// of its age would be too.
    pub fn not_of_the_future(&self, today: Day) -> Result<(), ReleasesError> {
        match self.date.parse::<Day>() {
            Ok(made) if made > today => Err(ReleasesError::Content(format!(
                "is of {}, a day in the future: today is {today} by this machine's clock (UTC)",
                self.date
            ))),
            _ => Ok(()),
        }
    }

    /// How long a version is supported, seen from that day.
    pub(crate) fn support(&self, version: &IstioVersion, today: Day) -> Support {
        let release = self.of((version.major, version.minor));
        let until = release.and_then(|release| release.end_of_life.clone());
        let ended = until.as_ref().is_some_and(|end| end.parse::<Day>().is_ok_and(|end| end < today));
        let state = match (release, ended) {
            (None, _) => SupportState::Unknown,
            (Some(_), true) => SupportState::Ended,
            (Some(_), false) => SupportState::Supported,
        };
        Support { version: version.clone(), until, state }
    }

    pub(crate) fn of(&self, minor: Minor) -> Option<&Release> {
        self.minors.iter().find(|release| release.minor == minor)
    }
}

impl Release {
    fn judge(&self) -> Result<(), ReleasesError> {
        let minor = line(self.minor);
        let [oldest, newest] = self.kubernetes;
        if oldest > newest {
            return Err(ReleasesError::Content(format!(
                "has {minor} run on Kubernetes {} to {}: write the oldest first",
                line(oldest),
                line(newest)
            )));
        }
        if self.newest_patch > MOST_PATCHES {
            return Err(ReleasesError::Content(format!(
                "has {} as newest_patch of {minor}: write the last number of its newest version",
                self.newest_patch
            )));
        }
        match &self.end_of_life {
            Some(end) if end.parse::<Day>().is_err() => {
                Err(no_day(&format!("has the end_of_life of {minor} on"), end))
            }
            _ => Ok(()),
        }
    }
}

impl Regression {
    fn judge(&self) -> Result<(), ReleasesError> {
        if (self.from.major, self.from.minor) >= self.until {
            return Err(ReleasesError::Content(format!(
                "has a regression ({}) from {} until {}, which is never: `until` is the first minor version without it",
                self.source,
                self.from,
                line(self.until)
            )));
        }
        Ok(())
    }

    /// True if the patch level has it.
    pub(crate) fn has(&self, version: &IstioVersion) -> bool {
        let minor = (version.major, version.minor);
        let began = (version.major, version.minor, version.patch)
            >= (self.from.major, self.from.minor, self.from.patch);
        let mended = self.fixed.iter().find(|fixed| (fixed.major, fixed.minor) == minor);
        began && minor < self.until && mended.is_none_or(|fixed| version.patch < fixed.patch)
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(jiff::civil::Date);

impl Day {
    /// Days since another one.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i32 {
        (self.0 - earlier.0).get_days()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Day {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // What reads a day reads a moment too, and passes its time over.
        if text.len() != "YYYY-MM-DD".len() {
            return Err(());
        }
        text.parse().map(Self).map_err(|_| ())
    }
}

fn no_day(what: &str, day: &str) -> ReleasesError {
    ReleasesError::Content(format!("{what} `{day}`, which is no day (YYYY-MM-DD)"))
}

/// `1.30`.
pub(crate) fn line((major, minor): Minor) -> String {
    format!("{major}.{minor}")
}

fn minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minor, D::Error> {
    let text = String::deserialize(deserializer)?;
    minor_of(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no minor version, such as \"1.30\"")))
}

fn maybe_minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Minor>, D::Error> {
    minor(deserializer).map(Some)
}

fn minors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[Minor; 2], D::Error> {
    let texts: [String; 2] = Deserialize::deserialize(deserializer)?;
    let of =
        |text: &str| minor_of(text).ok_or_else(|| D::Error::custom(format!("`{text}` is no minor version")));
    Ok([of(&texts[0])?, of(&texts[1])?])
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IstioVersion, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn versions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IstioVersion>, D::Error> {
    let texts: Vec<String> = Deserialize::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_file_holds_every_minor_version_once_and_in_order() {
        let releases = Releases::built_in().unwrap();
        let minors: Vec<u32> = releases.minors.iter().map(|release| release.minor.1).collect();
        assert_eq!(minors, (24..=31).collect::<Vec<_>>());
        for release in &releases.minors {
            assert!(release.end_of_life.iter().all(|day| day.parse::<Day>().is_ok()), "{release:?}");
            assert!(release.kubernetes[0] < release.kubernetes[1], "{release:?}");
        }
        assert!(
            releases.regressions.iter().all(|one| one.source.starts_with("https://") && !one.why.is_empty())
        );
    }

    #[test]
    fn checks_know_every_version_that_the_catalogue_has() {
        let releases = Releases::built_in().unwrap();
        let newest = releases.minors.iter().map(|release| release.minor).max();
        assert_eq!(newest, Some(meshlift_checks::NEWEST));
    }

    #[test]
    fn a_regression_strikes_from_its_beginning_to_each_fix() {
        let releases = Releases::built_in().unwrap();
        let one = |issue: &str| releases.regressions.iter().find(|one| one.source.ends_with(issue)).unwrap();
        let has = |issue: &str, version: &str| one(issue).has(&version.parse().unwrap());
        for (version, struck) in [
            ("1.26.8", false),
            ("1.27.3", true),
            ("1.28.10", true),
            ("1.29.4", true),
            ("1.29.5", false),
            ("1.30.1", true),
            ("1.30.2", false),
            ("1.31.0", false),
        ] {
            assert_eq!(has("/59959", version), struck, "{version}");
        }
        assert!(has("/60328", "1.29.3") && !has("/60328", "1.29.2") && has("/60328", "1.30.0"));
    }

    #[test]
    fn a_file_of_tomorrow_is_refused() {
        let releases = Releases::built_in().unwrap();
        let on = |day: &str| releases.not_of_the_future(day.parse().unwrap());
        assert!(on("2026-11-29").is_ok() && on("2027-01-01").is_ok());
        let why = on("2026-11-28").unwrap_err().to_string();
        assert!(why.contains("is of 2026-11-29, a day in the future: today is 2026-11-28"), "{why}");
    }

    #[test]
    fn files_that_make_no_sense_are_refused_with_a_reason() {
        let with =
            |from: &str, to: &str| Releases::parse(&BUILT_IN.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(with("format_version: 1", "format_version: 2").contains("format_version 2"));
        assert!(with("date: 2026-11-29", "date: yesterday").contains("no day"));
        assert!(with("[\"1.28\", \"1.31\"]", "[\"1.31\", \"1.28\"]").contains("oldest first"));
        assert!(with("end_of_life: 2025-06-24", "end_of_life: 2025-24-06").contains("1.24 on `2025-24-06`"));
        assert!(with("newest_patch: 6", "newest_patch: 4294967295").contains("newest_patch of 1.24"));
        assert!(
            with("until: \"1.31\"", "until: \"1.27\"")
                .contains("59959) from 1.27.0 until 1.27, which is never")
        );
        assert!(with("minor: \"1.25\"", "minor: \"1.24\"").contains("names 1.24 twice"));
        assert!(with("newest_patch: 6", "newest_patches: 6").contains("newest_patches"));
        assert!(with("from: \"1.27.0\"", "from: \"1.27\"").contains("1.27"));
    }
}
