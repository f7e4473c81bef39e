//! Time as values: instants and durations. Never reads a clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Milliseconds since the epoch, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The instant `delay` later; the last possible one if that would overflow.
    pub fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Milliseconds from `earlier` to this instant; zero if the clock went back.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The last millisecond of the year 9999, the last that RFC 3339 can write.
        const LAST: u64 = 253_402_300_799_999;
        let time = std::time::UNIX_EPOCH.checked_add(Duration::from_millis(self.0));
        match time.filter(|_| self.0 <= LAST) {
            Some(time) => humantime::format_rfc3339_millis(time).fmt(f),
            None => write!(f, "{} ms after 1970", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = String;

    /// Reads an instant as RFC 3339 writes it: `2026-01-31T11:00:00Z`.
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no instant; write one as `2026-01-31T11:00:00Z`");
        let time = humantime::parse_rfc3339(text).map_err(|_| refused())?;
        let since = time.duration_since(std::time::UNIX_EPOCH).map_err(|_| refused())?;
        Ok(Self::default().after(since))
    }
}

/// The units of a span, the largest first: their text in playbooks, and their milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 24 * 60 * 60 * 1_000), ("h", 60 * 60 * 1_000), ("m", 60 * 1_000), ("s", 1_000), ("ms", 1)];

/// Digits of one part of a span: a thousand million days are within the range.
const DIGITS: usize = 9;

/// The requirement for a span.
pub(crate) const SUCH_A_SPAN: &str = "a duration such as `500ms`, `30s` or `2h 30m`";

/// A duration as in playbooks: `500ms`, `30s`, `5m`, `2h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// A span of whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A span of whole seconds.
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

impl FromStr for Span {
    type Err = String;

    /// Reads the notation of playbooks: whole numbers with their unit, the largest first, each unit once.
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            format!(
                "`{text}` is not a duration: {why}; write whole numbers of `d`, `h`, `m` (minutes), `s` or `ms`, the \
                 largest first: `90s`, `2h 30m`"
            )
        };
        let (mut rest, mut millis, mut units) = (text, 0_u64, UNITS.as_slice());
        loop {
            let (number, after) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
            let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            if number.is_empty() || number.len() > DIGITS || (number.len() > 1 && number.starts_with('0')) {
                return Err(refused(&format!(
                    "a number of one to {DIGITS} digits is needed before each unit"
                )));
            }
            let Some(at) = units.iter().position(|(name, _)| *name == unit) else {
                let known = UNITS.iter().any(|(name, _)| *name == unit);
                return Err(refused(match (known, unit) {
                    (true, _) => "its units are not in order",
                    (_, "") => "a unit is missing",
                    _ => "its unit is not known",
                }));
            };
            let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(units[at].1));
            millis =
                part.and_then(|part| millis.checked_add(part)).ok_or_else(|| refused("it is too long"))?;
            units = &units[at + 1..];
            match after.strip_prefix(' ').unwrap_or(after) {
                "" if after.is_empty() => return Ok(Self::millis(millis)),
                "" => return Err(refused("it ends with a blank")),
                next => rest = next,
            }
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        let mut blank = "";
        for (unit, millis) in UNITS {
            if left >= millis {
                write!(f, "{blank}{}{unit}", left / millis)?;
                left %= millis;
                blank = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SUCH_A_SPAN)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                if text.contains("{{") {
                    return Err(E::custom(format!(
                        "a template cannot stand here: {SUCH_A_SPAN} is written out"
                    )));
                }
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A duration, of whole days, hours, minutes, seconds and milliseconds: 500ms, 30s, 5m, 2h 30m, 7d.",
            "pattern": pattern()
        })
    }
}

/// A regular expression of the notation: one alternative for each unit that a span may begin with.
fn pattern() -> String {
    let number = format!("(0|[1-9][0-9]{{0,{}}})", DIGITS - 1);
    let ways = (0..UNITS.len()).map(|first| {
        let rest = UNITS[first + 1..].iter().map(|(unit, _)| format!("( ?{number}{unit})?"));
        format!("{number}{}{}", UNITS[first].0, rest.collect::<String>())
    });
    format!("^({})$", ways.collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_reads_what_it_writes() {
        for text in ["0s", "500ms", "30s", "5m", "2h 30m", "7d", "1d 2h 3m 4s 5ms", "999999999d"] {
            let span: Span = serde_json::from_value(text.into()).unwrap();
            assert_eq!(span.to_string(), text);
        }
        assert_eq!("2h30m".parse(), Ok(Span::secs(9_000)));
        assert_eq!("90m".parse::<Span>().unwrap().to_string(), "1h 30m");
    }

    #[test]
    fn what_could_be_taken_for_another_unit_is_no_span() {
        for (text, why) in [
            ("5M", "unit is not known"),
            ("5min", "unit is not known"),
            ("3mo", "unit is not known"),
            ("2H", "unit is not known"),
            ("1w", "unit is not known"),
            ("10us", "unit is not known"),
            ("5", "unit is missing"),
            ("1.5h", "unit is missing"),
            ("30m 2h", "not in order"),
            ("1s 1s", "not in order"),
            ("5 m", "unit is missing"),
            ("05m", "a number of"),
            ("1h  5m", "a number of"),
            ("-5s", "a number of"),
            ("", "a number of"),
            (" 5s", "a number of"),
            ("5s ", "ends with a blank"),
            ("1000000000s", "a number of"),
            ("soon", "a number of"),
            ("٣s", "a number of"),
        ] {
            let error = text.parse::<Span>().unwrap_err();
            assert!(error.starts_with(&format!("`{text}` is not a duration")), "{error}");
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn the_pattern_of_the_schema_and_the_parser_take_the_same_texts(
            text in r"([0-9]{0,3}[0-9]{0,9}( |)(d|h|m|s|ms|M|min|H)?( |  |)){0,4}|\PC{0,6}"
        ) {
            let schema = schemars::schema_for!(Span).to_value();
            let schema = jsonschema::validator_for(&schema).unwrap();
            let value = serde_json::Value::from(text.clone());
            prop_assert_eq!(schema.is_valid(&value), text.parse::<Span>().is_ok(), "{:?}", text);
        }

        #[test]
        fn every_span_of_whole_milliseconds_is_read_as_it_was_written(millis in 0..86_399_999_999_999_999_u64) {
            let span = Span::millis(millis);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn instants_do_not_wrap() {
        assert_eq!(Timestamp(u64::MAX).after(Duration::from_secs(1)), Timestamp(u64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(9)), 0);
    }

    #[test]
    fn every_instant_can_be_told() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(253_402_300_799_999).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(u64::MAX).to_string(), "18446744073709551615 ms after 1970");
    }
}
