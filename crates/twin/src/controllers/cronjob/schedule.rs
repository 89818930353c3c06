//! Cron expressions as Kubernetes reads them (`github.com/robfig/cron/v3`, `ParseStandard`).

use meshlift_model::time::Time;

/// Days searched for the next time: a 29th of February is at most eight years away.
const DAYS_MAX: i64 = 8 * 366;
/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
/// Minutes of a day.
const DAY_MINUTES: i64 = 24 * 60;

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Schedule {
    /// Minutes, hours, days, months and weekdays, each a set of bits.
    Fields {
        minutes: u64,
        hours: u64,
        days: u64,
        months: u64,
        weekdays: u64,
        /// Day of month or weekday was a star: then both must match, else one is enough.
        any_day: bool,
    },
    /// `@every`, in milliseconds.
    Every(i64),
}

impl Schedule {
    /// Reads an expression; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => text,
        };
        if let Some(every) = text.strip_prefix("@every ") {
            return duration(every).filter(|millis| *millis >= 1000).map(Self::Every);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        let is_star = |field: &str| field.starts_with(['*', '?']);
        Some(Self::Fields {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, MONTHS)?,
            weekdays: field(weekdays, 0, 6, WEEKDAYS)?,
            any_day: is_star(days) || is_star(weekdays),
        })
    }

    /// The first time after `after`; `None` where there is none.
    pub(super) fn next(&self, after: Time) -> Option<Time> {
        match self {
            Self::Every(millis) => Some(after.whole_second().plus_millis(*millis)),
            Self::Fields { minutes, hours, .. } => {
                let first = after.millis().div_euclid(MINUTE) + 1;
                let first_day = first.div_euclid(DAY_MINUTES);
                let due = |minute: &i64| {
                    let in_day = minute.rem_euclid(DAY_MINUTES);
                    has(*hours, in_day / 60) && has(*minutes, in_day % 60)
                };
                (first_day..first_day + DAYS_MAX)
                    .filter(|day| self.is_due_on(*day))
                    .find_map(|day| (first.max(day * DAY_MINUTES)..(day + 1) * DAY_MINUTES).find(due))
                    .map(|minute| Time::from_millis(minute * MINUTE))
            }
        }
    }

    fn is_due_on(&self, day: i64) -> bool {
        let Self::Fields { days, months, weekdays, any_day, .. } = self else { return true };
        let (month, day_of_month) = civil(day);
        // Day 0 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let (by_day, by_weekday) = (has(*days, day_of_month), has(*weekdays, weekday));
        has(*months, month) && if *any_day { by_day && by_weekday } else { by_day || by_weekday }
    }
}

fn has(bits: u64, number: i64) -> bool {
    bits & (1 << number) != 0
}

/// A comma-separated list of `*`, `N`, `N-M`, each with `/STEP` perhaps, as bits.
fn field(text: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    text.split(',').try_fold(0, |bits, part| Some(bits | range(part, low, high, names)?))
}

fn range(text: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?)),
        None => (text, None),
    };
    let number = |text: &str| -> Option<u32> {
        let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
        named
            .and_then(|place| u32::try_from(place).ok())
            .map(|place| place + low)
            .or_else(|| text.parse().ok())
    };
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (number(from)?, number(to)?),
        None if matches!(range, "*" | "?") => (low, high),
        // `N/STEP` means from N on.
        None => (number(range)?, if step.is_some() { high } else { number(range)? }),
    };
    if from < low || to > high || from > to {
        return None;
    }
    let step = usize::try_from(step.unwrap_or(1)).ok()?;
    Some((from..=to).step_by(step).fold(0, |bits, number| bits | 1 << number))
}

/// A duration such as `1h30m`, in milliseconds.
fn duration(text: &str) -> Option<i64> {
    let (mut total, mut number) = (0_i64, String::new());
    for letter in text.trim().chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            'h' => 3_600_000,
            'm' => 60_000,
            's' => 1000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(total)
}

/// Month and day of month of a day since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_found() {
        for (expression, after, next) in [
            ("*/30 * * * *", "2026-11-23T20:26:14Z", "2026-11-23T20:30:00Z"),
            ("*/30 * * * *", "2026-11-23T20:30:00Z", "2026-11-23T21:00:00Z"),
            ("0 3 * * mon-fri", "2026-11-27T04:00:00Z", "2026-11-30T03:00:00Z"),
            ("15 0 29 2 *", "2026-11-23T20:26:14Z", "2028-02-29T00:15:00Z"),
            ("0 0 13 * 5", "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z"),
            ("5/20 1,2 * jan *", "2026-11-23T20:26:14Z", "2027-01-01T01:05:00Z"),
            ("@daily", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("@every 1h30m", "2026-11-23T20:00:00Z", "2026-11-23T21:30:00Z"),
        ] {
            let schedule = Schedule::parse(expression).unwrap();
            let found = schedule.next(Time::parse(after).unwrap()).unwrap();
            assert_eq!(found.to_string(), next, "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "* * * *", "61 * * * *", "*/0 * * * *", "5-1 * * * *", "@every 5x", "a b c d e"] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
        assert_eq!(Schedule::parse("0 0 30 2 *").unwrap().next(Time::default()), None);
    }
}
