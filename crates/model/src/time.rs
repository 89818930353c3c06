//! Points in time: given to pure code as values, never read from a clock.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::read_text;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z; written as RFC 3339.
///
/// Finer parts (Kubernetes' `MicroTime`) are cut off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// The sign turned over: the order of the numbers is that of time, none is 0, and an absent time takes no room of its own.
pub struct Time(NonZeroU64);

/// What turns the sign of a number over.
const SIGN: u64 = 1 << 63;

impl Time {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        // The one number that is left out is 292 million years ago.
        match NonZeroU64::new(millis.cast_unsigned() ^ SIGN) {
            Some(number) => Self(number),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        (self.0.get() ^ SIGN).cast_signed()
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.millis().div_euclid(1000)
    }

    /// The same time without its part of a second, as `metav1.Time` stores it.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self::from_millis(self.seconds() * 1000)
    }

    /// Later by so many milliseconds; saturates.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.millis().saturating_add(millis))
    }

    /// Later by so many seconds; saturates.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to here; negative if `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.millis().saturating_sub(earlier.millis())
    }

    /// Reads RFC 3339, such as `2026-11-23T20:26:12Z`.
    ///
    /// # Errors
    /// Where the text is no RFC 3339 timestamp.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        let plain = plain(text).map(Ok);
        Ok(Self::from_millis(plain.unwrap_or_else(|| text.parse())?.as_millisecond()))
    }
}

/// A timestamp in the one form that `metav1.Time` writes, `2026-11-23T20:26:12Z`: snapshots have millions of them. `None`
/// for any other, which is read at leisure.
fn plain(text: &str) -> Option<jiff::Timestamp> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z'] = bytes
    else {
        return None;
    };
    let two = |tens: &u8, ones: &u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i8::try_from((tens - b'0') * 10 + ones - b'0').ok()).flatten()
    };
    let year = i16::from(two(y1, y2)?) * 100 + i16::from(two(y3, y4)?);
    let date = jiff::civil::Date::new(year, two(m1, m2)?, two(d1, d2)?).ok()?;
    let time = jiff::civil::Time::new(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?, 0).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(time)).ok()
}

impl Default for Time {
    /// The epoch.
    fn default() -> Self {
        Self::from_millis(0)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Time").field(&self.millis()).finish()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.millis()) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "{}ms", self.millis()),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_cuts_below_a_millisecond() {
        let time = Time::parse("2026-11-23T20:26:12.123456789Z").unwrap();
        assert_eq!(time.to_string(), "2026-11-23T20:26:12.123Z");
        assert_eq!(time.whole_second().to_string(), "2026-11-23T20:26:12Z");
        assert_eq!(Time::parse(&time.to_string()).unwrap(), time);
    }

    #[test]
    fn the_plain_form_is_read_as_every_other_is() {
        let wrong =
            ["2026-02-29T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-23T24:00:00Z", "2026-1a-23T20:26:12Z"];
        assert!(wrong.iter().all(|text| plain(text).is_none() && Time::parse(text).is_err()));
        // A leap second, and what is written at length: not plain, and times.
        let other = ["2016-12-31T23:59:60Z", "2026-11-23T20:26:12.5Z", "2026-11-23T21:26:12+01:00"];
        assert!(other.iter().all(|text| plain(text).is_none() && Time::parse(text).is_ok()));
        for seconds in (-62_167_219_200..253_402_300_799_i64).step_by(86_400 * 365 + 3_599) {
            let timestamp = jiff::Timestamp::from_second(seconds).unwrap();
            assert_eq!(plain(&timestamp.to_string()), Some(timestamp));
        }
    }

    #[test]
    fn any_number_of_milliseconds_is_a_time_in_its_order() {
        let millis = [i64::MIN + 1, -1, 0, 1, i64::MAX];
        let times = millis.map(Time::from_millis);
        assert_eq!(times.map(Time::millis), millis);
        assert!(times.is_sorted() && Time::from_millis(i64::MIN) == times[0] && Time::default() == times[2]);
        assert_eq!(size_of::<Option<Time>>(), size_of::<Time>());
    }
}
