//! A calendar: the instants of a pattern of cron in a time zone. Owns what becomes of local times that a change of the clock
//! skips or repeats. Reads no clock.
//!
//! A pattern that names every hour goes by the time that passes: it fires in each hour that there is, also in the one that comes
//! twice. Any other pattern means times of the day: one that is skipped fires at the instant after the gap, once for all that
//! were skipped; one that comes twice fires the first time.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use updraft_protocol::Timestamp;
use updraft_protocol::limits::ZONE_CHANGES;

/// Fields of a pattern.
const FIELDS: usize = 5;

/// A pattern in a time zone.
#[derive(Debug)]
pub(super) struct Calendar {
    cron: Cron,
    zone: TimeZone,
    /// Whether it goes by the time that passes.
    every_hour: bool,
}

/// A local time, of no zone: which instant it is, the calendar decides.
#[derive(Debug, Clone, Copy)]
struct LocalTime(DateTime);

impl Calendar {
    /// The calendar of a pattern.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub(super) fn of(pattern: &str, zone: TimeZone) -> Result<Self, String> {
        let refused = |why: &str| {
            format!(
                "{why}; write minute, hour, day of the month, month and day of the week, as `0 7 * * 1-5`"
            )
        };
        let pattern = pattern.trim();
        let fields = pattern.split_whitespace().count();
        if fields != FIELDS && !pattern.starts_with('@') {
            return Err(refused(&format!("a pattern has {FIELDS} fields, this one has {fields}")));
        }
        let cron = pattern.parse::<Cron>().map_err(|error| refused(&said(error)))?;
        let every_hour = (0..24).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
        let calendar = Self { cron, zone, every_hour };
        match calendar.next(Timestamp(0)) {
            Some(_) => Ok(calendar),
            None => Err("no time is like that".to_owned()),
        }
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first instant after this one.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut at = jiff::Timestamp::from_millisecond(i64::try_from(after.0).ok()?).ok()?;
        let (mut from, mut inclusive) = (self.zone.to_datetime(at), false);
        if let Some(repeated) = self.repeated_until(at)
            && from < repeated
        {
            (from, inclusive) = (repeated, true);
        }
        for _ in 0..ZONE_CHANGES {
            let offset = self.zone.to_offset(at);
            let found = self.cron.find_next_occurrence(&LocalTime(from), inclusive).ok()?.0;
            let instant = offset.to_timestamp(found).ok()?;
            let change = self.zone.following(at).next().map(|change| change.timestamp());
            let Some(change) = change.filter(|change| instant >= *change) else { return millis(instant) };
            let (old, new) = (offset.to_datetime(change), self.zone.to_datetime(change));
            if !self.every_hour && found < new {
                return millis(change);
            }
            at = change;
            inclusive = true;
            from = if self.every_hour { new } else { old.max(new) };
        }
        None
    }

    /// Where the local time of this instant has been before, since the clock was put back: the time until which it repeats. For
    /// patterns that go by the time that passes, nothing repeats.
    fn repeated_until(&self, at: jiff::Timestamp) -> Option<DateTime> {
        if self.every_hour {
            return None;
        }
        let just_after = at.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
        let change = self.zone.preceding(just_after).next()?.timestamp();
        let before = change.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
        Some(self.zone.to_offset(before).to_datetime(change))
    }
}

/// What the parser of patterns says.
fn said(error: CronError) -> String {
    match error {
        CronError::ComponentError(why)
        | CronError::InvalidPattern(why)
        | CronError::IllegalCharacters(why) => why.trim_end_matches('.').to_lowercase(),
        _ => "it is no pattern".to_owned(),
    }
}

fn millis(instant: jiff::Timestamp) -> Option<Timestamp> {
    u64::try_from(instant.as_millisecond()).ok().map(Timestamp)
}

impl CronDateTime for LocalTime {
    fn to_civil(&self) -> CivilDateTime {
        let part = |number: i8| u32::from(number.unsigned_abs());
        let time = self.0;
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::from(time.year()), part(time.month()), part(time.day())),
            CivilTime::from_parts_unchecked(part(time.hour()), part(time.minute()), part(time.second())),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(u32::from(self.0.weekday().to_sunday_zero_offset().unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |number: u32| i8::try_from(number).map_err(|_| CronError::InvalidTime);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let (month, day) = (part(civil.month())?, part(civil.day())?);
        let (hour, minute, second) = (part(civil.hour())?, part(civil.minute())?, part(civil.second())?);
        let time = DateTime::new(year, month, day, hour, minute, second, 0);
        Ok(Resolution::Single(Self(time.map_err(|_| CronError::InvalidDate)?)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(jiff::SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
