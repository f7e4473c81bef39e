//! Filters of instants. An instant is a text as RFC 3339 writes it, in UTC with milliseconds, so that two of them compare
//! as texts do. No clock is read.

use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use updraft_protocol::Span;
use updraft_protocol::limits::{DATE_BYTES, DATE_PATTERN_BYTES};

use super::{argument, text_argument};
use crate::instant::{self, Millis, NoInstant};
use crate::meter::{Meter, Result, refuse};
use crate::template::number::{Amount, Number};
use crate::template::operators::amount;
use crate::template::value::Operand;

/// The cost of reading or writing an instant, and its memory.
const DATE_WORK: u64 = 12_000;
const DATE_MEMORY_BYTES: usize = 1 << 10;
/// The cost of checking what an author wrote out.
pub(in crate::template) const CHECK_WORK: u64 = ZONE_WORK;
/// The cost of finding a time zone, and its memory: the first use of a zone reads it.
const ZONE_WORK: u64 = 20_000;
const ZONE_BYTES: usize = 48 << 10;
/// The bytes that a pattern may print for each of its own: the longest are the names of weekdays and months.
const PRINTED_EACH: usize = 32;
/// The first millisecond that RFC 3339 can write, and the last that it can write in every time zone.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_207_200_999;
/// The notation of an instant.
const INSTANT: &str = "%Y-%m-%dT%H:%M:%S.%3f";

/// `|date`, `|date('ms')` of milliseconds since 1970, `|date('%d.%m.%Y', zone='Europe/Berlin')` of a text in this form.
pub(in crate::template) fn date(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let zone = text_argument("date", args, 1)?.map(|name| zone(meter, "date", name)).transpose()?;
    let millis = match (value, text_argument("date", args, 0)?) {
        (Operand::Number(number), Some("ms")) => whole(meter, number, 1)?,
        (Operand::Number(number), None | Some("s")) => whole(meter, number, 1_000)?,
        (Operand::Text(text), None) => read(meter, "date", text, zone)?,
        (Operand::Text(text), Some(pattern)) => read_by(meter, text, pattern, zone)?,
        _ => {
            return refuse(format!(
                "`date` needs a text, or a number with the unit `s` or `ms`, not a value of type {}",
                value.kind()
            ));
        }
    };
    written(meter, "date", millis)
}

/// `|date_add('1h 30m')`, `|date_add('-7d')`.
pub(in crate::template) fn date_add(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let millis = instant(meter, "date_add", value)?;
    let span = added_millis(text_argument("date_add", args, 0)?.unwrap_or_default())?;
    match span.and_then(|span| millis.checked_add(span)) {
        Some(millis) => written(meter, "date_add", millis),
        None => out_of_range("date_add"),
    }
}

/// The milliseconds of a duration with a sign; `None` if they are too many.
fn added_millis(span: &str) -> Result<Option<Millis>> {
    let (span, sign) = span.strip_prefix('-').map_or((span, 1), |span| (span, -1));
    let short = Some(span).filter(|span| span.len() <= DATE_BYTES);
    let Some(Span(span)) = short.and_then(|span| span.parse().ok()) else {
        return refuse("`date_add` needs a duration such as `1h 30m`, `500ms` or `-7d`");
    };
    Ok(i64::try_from(span.as_millis()).ok().map(|millis| sign * millis))
}

/// `|date_diff(other, 'h')`: the whole units from `other` to the value, rounded towards zero.
pub(in crate::template) fn date_diff(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let unit = unit_of_diff(text_argument("date_diff", args, 1)?)?;
    let (to, from) = (instant(meter, "date_diff", value)?, instant(meter, "date_diff", argument(args, 0))?);
    Ok(Operand::Number(Number::I64((to - from) / unit)))
}

fn unit_of_diff(unit: Option<&str>) -> Result<Millis> {
    Ok(match unit.unwrap_or("s") {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return refuse("the unit of `date_diff` is `ms`, `s`, `m`, `h` or `d`"),
    })
}

/// `|date_format('%d.%m.%Y %H:%M', zone='Europe/Berlin')`; without a pattern as RFC 3339 writes it.
pub(in crate::template) fn date_format(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let millis = instant(meter, "date_format", value)?;
    let pattern = text_argument("date_format", args, 0)?.unwrap_or("%Y-%m-%dT%H:%M:%S.%3f%:z");
    check_pattern("date_format", pattern)?;
    let zone = match text_argument("date_format", args, 1)? {
        Some(name) => zone(meter, "date_format", name)?,
        None => TimeZone::UTC,
    };
    meter.make(DATE_MEMORY_BYTES + PRINTED_EACH * pattern.len())?;
    meter.work(DATE_WORK * (1 + pattern.len() as u64 / 4))?;
    let zoned = stamp("date_format", millis)?.to_zoned_datetime(zone);
    match jiff::fmt::strtime::format(pattern, &zoned) {
        Ok(text) => Operand::text(meter, &text),
        Err(_) => refuse("`date_format` cannot write this pattern"),
    }
}

/// `|epoch` and `|epoch('ms')`: whole seconds or milliseconds since 1970.
pub(in crate::template) fn epoch(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let millis = instant(meter, "epoch", value)?;
    let unit = unit_of_epoch(text_argument("epoch", args, 0)?)?;
    Ok(Operand::Number(Number::I64(millis.div_euclid(unit))))
}

fn unit_of_epoch(unit: Option<&str>) -> Result<Millis> {
    match unit.unwrap_or("s") {
        "s" => Ok(1_000),
        "ms" => Ok(1),
        _ => refuse("the unit of `epoch` is `s` or `ms`"),
    }
}

/// Whether a filter is one of these, whose arguments can be wrong however they are called.
pub(in crate::template) fn is_of_dates(filter: &str) -> bool {
    matches!(filter, "date" | "date_add" | "date_diff" | "date_format" | "epoch")
}

/// Checks the arguments that an author wrote out; the others are undefined.
pub(in crate::template) fn check_written(filter: &'static str, args: &[Operand]) -> Result<()> {
    let zone_at = |at| match text_argument(filter, args, at)? {
        Some(name) if instant::zone(name).is_none() => no_zone(filter),
        _ => Ok(()),
    };
    match filter {
        "date" => {
            let pattern = text_argument(filter, args, 0)?.filter(|unit| !matches!(*unit, "s" | "ms"));
            pattern.map_or(Ok(()), |pattern| check_pattern(filter, pattern))?;
            zone_at(1)
        }
        "date_format" => {
            text_argument(filter, args, 0)?.map_or(Ok(()), |pattern| check_pattern(filter, pattern))?;
            zone_at(1)
        }
        "date_add" => text_argument(filter, args, 0)?.map_or(Ok(()), |span| added_millis(span).map(drop)),
        "date_diff" => unit_of_diff(text_argument(filter, args, 1)?).map(drop),
        _ => unit_of_epoch(text_argument(filter, args, 0)?).map(drop),
    }
}

/// The instant of a text, or of a number of seconds since 1970.
fn instant(meter: &Meter, filter: &'static str, value: &Operand) -> Result<Millis> {
    match value {
        Operand::Text(text) => read(meter, filter, text, None),
        Operand::Number(number) => whole(meter, number, 1_000),
        _ => refuse(format!("`{filter}` needs an instant, not a value of type {}", value.kind())),
    }
}

/// The instant of a number of units of so many milliseconds.
fn whole(meter: &Meter, number: &Number, unit: i64) -> Result<Millis> {
    meter.work(DATE_WORK)?;
    let millis = match amount(meter, number)? {
        Amount::Whole(units) => units.checked_mul(unit.into()).and_then(|millis| i64::try_from(millis).ok()),
        // A float of this size has its milliseconds exactly, and is rounded to them.
        Amount::Fraction(units) => Some((units * unit as f64).round() as i64),
    };
    match millis {
        Some(millis) if (FIRST..=LAST).contains(&millis) => Ok(millis),
        _ => {
            refuse("a number of seconds is not in the years 0 to 9999; milliseconds are read by `date('ms')`")
        }
    }
}

/// The instant of a text as RFC 3339 or RFC 2822 writes it, or, with a zone, of one without an offset.
fn read(meter: &Meter, filter: &'static str, text: &str, zone: Option<TimeZone>) -> Result<Millis> {
    meter.work(DATE_WORK)?;
    meter.make(DATE_MEMORY_BYTES)?;
    match instant::read(text, zone) {
        Ok(millis) => Ok(millis),
        Err(NoInstant::TooLong) => {
            refuse(format!("`{filter}` needs a date, which has at most {DATE_BYTES} bytes"))
        }
        Err(NoInstant::WithoutZone) => refuse(format!(
            "`{filter}` was given a time without a zone; `date(zone='Europe/Berlin')` says which it is"
        )),
        Err(NoInstant::NoDate) => refuse(format!(
            "`{filter}` needs a date such as `2026-01-31T12:00:00Z`; other forms are read by `date('%d/%m/%Y')`"
        )),
        Err(NoInstant::OutOfRange) => out_of_range(filter),
    }
}

/// The instant of a text in the form of a pattern.
fn read_by(meter: &Meter, text: &str, pattern: &str, zone: Option<TimeZone>) -> Result<Millis> {
    check_pattern("date", pattern)?;
    meter.work(DATE_WORK * (1 + pattern.len() as u64 / 4))?;
    meter.make(DATE_MEMORY_BYTES)?;
    let short = Some(text.trim()).filter(|text| text.len() <= DATE_BYTES);
    let Some(parts) = short.and_then(|text| BrokenDownTime::parse(pattern, text).ok()) else {
        return refuse("`date` was given a text that is not in the form of its pattern");
    };
    if let Ok(stamp) = parts.to_timestamp() {
        return Ok(stamp.as_millisecond());
    }
    let Ok(day) = parts.to_date() else {
        return refuse("the pattern of `date` needs a year, a month and a day");
    };
    let local = day.to_datetime(parts.to_time().unwrap_or(Time::midnight()));
    placed("date", local, zone.unwrap_or(TimeZone::UTC))
}

/// The instant of a local time.
fn placed(filter: &'static str, local: DateTime, zone: TimeZone) -> Result<Millis> {
    instant::placed(local, zone).or_else(|_| out_of_range(filter))
}

fn zone(meter: &Meter, filter: &'static str, name: &str) -> Result<TimeZone> {
    meter.work(ZONE_WORK)?;
    meter.make(ZONE_BYTES)?;
    match instant::zone(name) {
        Some(zone) => Ok(zone),
        None => no_zone(filter),
    }
}

fn no_zone<T>(filter: &'static str) -> Result<T> {
    refuse(format!("`{filter}` knows no such time zone; `UTC` and `Europe/Berlin` are some"))
}

/// Checks that a pattern is short and has only the directives of the documents: widths and flags would let it print
/// much, or something else with another version of the library that prints it.
fn check_pattern(filter: &'static str, pattern: &str) -> Result<()> {
    const PLAIN: &str = "YymdeHIMSfpPaAbBjuVGsFTZz%";
    const LONGER: [&str; 5] = ["3f", "6f", "9f", ".f", ":z"];
    if pattern.len() > DATE_PATTERN_BYTES {
        return refuse(format!("the pattern of `{filter}` has at most {DATE_PATTERN_BYTES} bytes"));
    }
    let mut rest = pattern;
    while let Some((_, after)) = rest.split_once('%') {
        let length = if after.starts_with(|letter| PLAIN.contains(letter)) {
            1
        } else if LONGER.iter().any(|longer| after.starts_with(longer)) {
            2
        } else {
            return refuse(format!(
                "the pattern of `{filter}` has a `%` without one of its letters: {PLAIN}, or {}",
                LONGER.join(", ")
            ));
        };
        rest = after.get(length..).unwrap_or_default();
    }
    Ok(())
}

fn stamp(filter: &'static str, millis: Millis) -> Result<jiff::Timestamp> {
    let inside = Some(millis).filter(|millis| (FIRST..=LAST).contains(millis));
    match inside.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()) {
        Some(stamp) => Ok(stamp),
        None => out_of_range(filter),
    }
}

fn written(meter: &Meter, filter: &'static str, millis: Millis) -> Result<Operand> {
    meter.work(DATE_WORK)?;
    meter.make(DATE_MEMORY_BYTES)?;
    let text = jiff::fmt::strtime::format(INSTANT, stamp(filter, millis)?);
    match text {
        Ok(text) => Operand::text(meter, &format!("{text}Z")),
        Err(_) => out_of_range(filter),
    }
}

fn out_of_range<T>(filter: &'static str) -> Result<T> {
    refuse(format!("`{filter}` gives an instant outside of the years 0 to 9999"))
}
