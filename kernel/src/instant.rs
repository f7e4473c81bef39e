//! Texts that are instants: how they are read, with or without a time zone. Time zones are those that were built in; no clock
//! is read.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use thiserror::Error;
use updraft_protocol::limits::DATE_BYTES;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Milliseconds since the epoch.
pub(crate) type Millis = i64;

/// Why a text is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NoInstant {
    #[error("a date has at most {DATE_BYTES} bytes")]
    TooLong,
    #[error("it has no time zone")]
    WithoutZone,
    #[error("it is no date such as `2026-01-31T12:00:00Z`")]
    NoDate,
    #[error("it is outside of the years 0 to 9999")]
    OutOfRange,
}

/// The time zone of this name, such as `Europe/Zurich`.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    let short = Some(name).filter(|name| name.len() <= DATE_BYTES)?;
    ZONES.get(short).ok()
}

/// The instant of a text as RFC 3339 or RFC 2822 writes it, or, with a zone, of one without an offset.
pub(crate) fn read(text: &str, zone: Option<TimeZone>) -> Result<Millis, NoInstant> {
    let text = text.trim();
    if text.len() > DATE_BYTES {
        return Err(NoInstant::TooLong);
    }
    let stamp =
        text.parse::<jiff::Timestamp>().or_else(|_| rfc2822::DateTimeParser::new().parse_timestamp(text));
    if let Ok(stamp) = stamp {
        return Ok(stamp.as_millisecond());
    }
    let local = text.parse::<DateTime>().map_err(|_| NoInstant::NoDate)?;
    placed(local, zone.ok_or(NoInstant::WithoutZone)?)
}

/// The instant of a local time; where the clock was put back, the first of the two.
pub(crate) fn placed(local: DateTime, zone: TimeZone) -> Result<Millis, NoInstant> {
    let zoned = local.to_zoned_datetime(zone).map_err(|_| NoInstant::OutOfRange)?;
    Ok(zoned.timestamp().as_millisecond())
}
