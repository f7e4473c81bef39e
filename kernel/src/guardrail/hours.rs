//! Hours: whether an instant is within the times of a week that a guardrail opens. Reads no clock.

use jiff::civil;
use jiff::tz::TimeZone;
use updraft_protocol::limits::GUARDRAIL_HOURS;
use updraft_protocol::{OpenHours, OpenTime, Timestamp, Weekday};

use super::mistake::Mistakes;
use crate::instant;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// The hours of a guardrail.
#[derive(Debug)]
pub(super) struct Hours {
    zone: TimeZone,
    name: String,
    open: Vec<OpenTime>,
}

impl Hours {
    /// The hours, with their mistakes.
    pub(super) fn checked(hours: &OpenHours, mistakes: &mut Mistakes) -> Option<Self> {
        let zone = instant::zone(&hours.zone);
        if zone.is_none() {
            mistakes.add("hours.zone", "no such time zone; `UTC` and `Europe/Zurich` are some");
        }
        if hours.open.is_empty() {
            mistakes.add("hours.open", "there is no time; a kill switch is `kill_switch: true`");
        }
        if hours.open.len() > GUARDRAIL_HOURS {
            mistakes.add("hours.open", format!("at most {GUARDRAIL_HOURS} times"));
        }
        for (at, time) in hours.open.iter().enumerate() {
            if time.from == time.to {
                mistakes.add(
                    &format!("hours.open[{at}].to"),
                    "it is when the time begins; a whole day is `00:00` to `24:00`",
                );
            }
            if time.from.minutes() == DAY {
                mistakes.add(&format!("hours.open[{at}].from"), "a time begins before `24:00`");
            }
        }
        Some(Self { zone: zone?, name: hours.zone.to_string(), open: hours.open.clone() })
    }

    /// Whether calls may be made at this instant; else what time it is there.
    pub(super) fn at(&self, now: Timestamp) -> Result<(), String> {
        let stamp = i64::try_from(now.0).ok().and_then(|now| jiff::Timestamp::from_millisecond(now).ok());
        let Some(local) = stamp.map(|stamp| stamp.to_zoned_datetime(self.zone.clone())) else {
            return Err("an instant that no calendar has".to_owned());
        };
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let day = weekday(local.weekday());
        if self.open.iter().any(|time| is_open(time, day, minute)) {
            return Ok(());
        }
        Err(format!("{day:?} {:02}:{:02} in {}", minute / 60, minute % 60, self.name))
    }
}

/// Whether a time is open at this minute of this day. One that goes over midnight is of the day on which it begins.
fn is_open(time: &OpenTime, day: Weekday, minute: u16) -> bool {
    let (from, to) = (time.from.minutes(), time.to.minutes());
    let on = |day: Weekday| time.days.is_empty() || time.days.contains(&day);
    if from < to {
        return on(day) && (from..to).contains(&minute);
    }
    (on(day) && minute >= from) || (on(before(day)) && minute < to)
}

fn weekday(day: civil::Weekday) -> Weekday {
    match day {
        civil::Weekday::Monday => Weekday::Mon,
        civil::Weekday::Tuesday => Weekday::Tue,
        civil::Weekday::Wednesday => Weekday::Wed,
        civil::Weekday::Thursday => Weekday::Thu,
        civil::Weekday::Friday => Weekday::Fri,
        civil::Weekday::Saturday => Weekday::Sat,
        civil::Weekday::Sunday => Weekday::Sun,
    }
}

fn before(day: Weekday) -> Weekday {
    match day {
        Weekday::Mon => Weekday::Sun,
        Weekday::Tue => Weekday::Mon,
        Weekday::Wed => Weekday::Tue,
        Weekday::Thu => Weekday::Wed,
        Weekday::Fri => Weekday::Thu,
        Weekday::Sat => Weekday::Fri,
        Weekday::Sun => Weekday::Sat,
    }
}
