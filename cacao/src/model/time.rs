//! Instants as CACAO writes them: RFC 3339 in UTC. Owns which texts are instants; never reads a clock.

use std::fmt;

use updraft_protocol::Timestamp;

/// An instant of the file: `2023-11-20T15:56:00.123Z`.
#[derive(Clone, PartialEq, Eq)]
pub struct CacaoTime {
    text: String,
    seconds: i64,
    millis: u16,
}

impl CacaoTime {
    /// The instant in a text, `None` if it is none. Digits of a second beyond milliseconds are left out, a leap second is
    /// the second after it.
    pub fn read(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if !separators.iter().all(|(at, byte)| text.as_bytes().get(*at) == Some(byte)) {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let fits = (1..=12).contains(&month) && hour < 24 && minute < 60 && second <= 60;
        if !fits || day < 1 || day > days_of(year, month) {
            return None;
        }
        let fraction = match text.get(19..)?.strip_suffix('Z')? {
            "" => "",
            fraction => fraction.strip_prefix('.').filter(|digits| !digits.is_empty())?,
        };
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let millis = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(Self { text: text.to_owned(), seconds, millis })
    }

    /// What stands where an instant could not be read, in a playbook that is refused for that.
    pub(crate) fn stand_in() -> Self {
        Self { text: String::new(), seconds: 0, millis: 0 }
    }

    /// Whether it stands where an instant could not be read.
    pub(crate) fn is_stand_in(&self) -> bool {
        self.text.is_empty()
    }

    /// The text, as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whole seconds since 1970; less than 0 before.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// The instant; the first of 1970 for one that was before.
    pub fn timestamp(&self) -> Timestamp {
        let seconds = u64::try_from(self.seconds).unwrap_or_default();
        let millis = if self.seconds < 0 { 0 } else { u64::from(self.millis) };
        Timestamp(seconds * 1_000 + millis)
    }

    /// Whether it has the milliseconds that the standard wants, no more and no less digits.
    pub fn has_milliseconds(&self) -> bool {
        self.text.len() == "2023-11-20T15:56:00.123Z".len()
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// By the Gregorian calendar, years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 153 + 2) / 5
        + day
        - 719_469
}

impl fmt::Display for CacaoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CacaoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_seconds_since_1970() {
        for (text, seconds, millis) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("1969-12-31T23:59:59.5Z", -1, 500),
            ("2000-02-29T12:00:00.25Z", 951_825_600, 250),
            ("2023-11-20T15:56:00.123456Z", 1_700_495_760, 123),
            ("2016-12-31T23:59:60.000Z", 1_483_228_800, 0),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799, 999),
            ("0000-03-01T00:00:00Z", -62_162_035_200, 0),
        ] {
            let time = CacaoTime::read(text).unwrap();
            assert_eq!((time.seconds, time.millis), (seconds, millis), "{text}");
        }
        let time = CacaoTime::read("2023-11-20T15:56:00.123456Z").unwrap();
        assert_eq!(time.timestamp(), Timestamp(1_700_495_760_123));
        assert!(!time.has_milliseconds());
        assert_eq!(CacaoTime::read("1969-12-31T23:59:59.5Z").unwrap().timestamp(), Timestamp(0));
    }

    #[test]
    fn what_is_no_instant_in_utc_is_none() {
        for text in [
            "",
            "yesterday",
            "2023-11-20",
            "2023-11-20T15:56:00",
            "2023-11-20T15:56:00+01:00",
            "2023-11-20 15:56:00Z",
            "2023-02-29T15:56:00Z",
            "2023-13-01T15:56:00Z",
            "2023-11-20T24:00:00Z",
            "2023-11-20T15:56:00.Z",
            "2023-11-20T15:56:00.1aZ",
            "+023-11-20T15:56:00Z",
            "２023-11-20T15:56Z",
        ] {
            assert_eq!(CacaoTime::read(text), None, "{text}");
        }
    }
}
