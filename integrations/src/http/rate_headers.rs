//! The headers by which tools tell how much of a rate is left: `RateLimit` and its fields (IETF draft
//! ratelimit-headers, 03 to 10), and the `X-RateLimit-…` of vendors before it. Decides how long a tool is to be left alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use http::header::HeaderMap;
use updraft_protocol::limits::COOLDOWN_LONGEST;

use super::failure::{dated, retry_after};

/// From this number on a reset is an instant, in seconds since 1970, and no delay: thirty years.
const INSTANT_SECS: u64 = 1_000_000_000;
/// From this number on it is in milliseconds.
const INSTANT_MILLIS: u64 = 1_000_000_000_000;

/// The remaining calls and the reset, under each of the names that vendors use.
const NAMES: [(&str, &str); 5] = [
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset-after"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset-after"),
];

/// How long an answer that was refused with this status asks for: `Retry-After`, or for 429 the reset of its rate.
pub(crate) fn asked(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let limited = status == StatusCode::TOO_MANY_REQUESTS;
    retry_after(headers).or_else(|| limited.then(|| resets(headers).map(|(_, reset)| reset).max()).flatten())
}

/// How long the tool is to be left alone after an answer that used the last call of a rate; of several rates, the longest.
pub(crate) fn used_up(headers: &HeaderMap) -> Option<Duration> {
    let used_up = resets(headers).filter(|(remaining, _)| *remaining == Some(0));
    used_up.map(|(_, reset)| reset).filter(|reset| !reset.is_zero()).max()
}

/// The remaining calls of each rate, where they are told, and how long it is until its reset.
fn resets(headers: &HeaderMap) -> impl Iterator<Item = (Option<u64>, Duration)> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fields = NAMES.into_iter().filter_map(move |(remaining, reset)| {
        Some((text(remaining).and_then(number), until(text(reset)?, headers)?))
    });
    let lines = headers.get_all("ratelimit").iter().filter_map(|value| value.to_str().ok());
    let joined = lines.flat_map(policies).map(|(remaining, reset)| (remaining, delay(reset, headers)));
    fields.chain(joined)
}

/// The policies of a `RateLimit` header: `"default";r=0;t=30, "day";r=9;t=600`, or `limit=10, remaining=0, reset=30`.
fn policies(line: &str) -> Vec<(Option<u64>, u64)> {
    let parameter = |part: &str, names: [&str; 2]| {
        let mut named = part.split([';', ',']).filter_map(|pair| pair.trim().split_once('='));
        named.find(|(name, _)| names.contains(name)).and_then(|(_, value)| number(value))
    };
    let of = |part: &str| Some((parameter(part, ["r", "remaining"]), parameter(part, ["t", "reset"])?));
    if line.contains(';') { line.split(',').filter_map(of).collect() } else { of(line).into_iter().collect() }
}

fn number(text: &str) -> Option<u64> {
    // Some vendors tell parts of seconds, and lists of windows begin with the first.
    let text = text.split([',', ';']).next()?.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    (!whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| whole.parse().ok())
        .flatten()
}

/// What the text of a reset says: a number, or an instant in the notation of ISO 8601, as Jira and urlscan write it.
fn until(reset: &str, headers: &HeaderMap) -> Option<Duration> {
    if let Some(reset) = number(reset) {
        return Some(delay(reset, headers));
    }
    let instant: jiff::Timestamp = reset.trim().parse().ok()?;
    let millis = u64::try_from(instant.as_millisecond()).ok()?;
    Some(left(UNIX_EPOCH + Duration::from_millis(millis), headers))
}

/// What a number says: a delay in seconds, or an instant.
fn delay(reset: u64, headers: &HeaderMap) -> Duration {
    match reset {
        INSTANT_MILLIS.. => left(UNIX_EPOCH + Duration::from_millis(reset), headers),
        INSTANT_SECS.. => left(UNIX_EPOCH + Duration::from_secs(reset), headers),
        _ => Duration::from_secs(reset).min(COOLDOWN_LONGEST),
    }
}

/// How long it is until an instant, which is held against the date of the answer.
fn left(instant: SystemTime, headers: &HeaderMap) -> Duration {
    instant.duration_since(dated(headers)).unwrap_or(Duration::ZERO).min(COOLDOWN_LONGEST)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let line =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_rate_that_is_used_up_is_told_in_the_ways_of_vendors() {
        const DATE: (&str, &str) = ("date", "Sat, 01 Jan 2022 00:00:00 GMT");
        for (lines, secs) in [
            (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "30")][..], Some(30)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1640995260"), DATE], Some(60)),
            (&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1640995260000"), DATE], Some(60)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2022-01-01T00:02Z"), DATE], Some(120)),
            (
                &[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "2022-01-01T00:00:17.000Z"), DATE],
                Some(17),
            ),
            (&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset-after", "17")], Some(17)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2021-12-31T00:00Z"), DATE], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "tomorrow"), DATE], None),
            (&[("ratelimit", "\"minute\";r=0;t=20, \"day\";r=4;t=900")], Some(20)),
            (&[("ratelimit", "limit=10, remaining=0, reset=7")], Some(7)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "12.5")], Some(12)),
            (&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "30")], None),
            (&[("x-ratelimit-remaining", "0")], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1640995100"), DATE], None),
            (&[("x-ratelimit-remaining", "none"), ("x-ratelimit-reset", "30")], None),
            (&[("ratelimit", "nonsense")], None),
        ] {
            assert_eq!(used_up(&headers(lines)), secs.map(Duration::from_secs), "{lines:?}");
        }
        let never = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "999999999")]);
        assert_eq!(used_up(&never), Some(COOLDOWN_LONGEST));
    }

    #[test]
    fn too_many_requests_without_a_retry_after_wait_for_the_reset() {
        let reset = [("x-ratelimit-reset", "30")];
        assert_eq!(asked(StatusCode::TOO_MANY_REQUESTS, &headers(&reset)), Some(Duration::from_secs(30)));
        assert_eq!(asked(StatusCode::BAD_GATEWAY, &headers(&reset)), None);
        let both = headers(&[("retry-after", "3"), ("x-ratelimit-reset", "30")]);
        assert_eq!(asked(StatusCode::TOO_MANY_REQUESTS, &both), Some(Duration::from_secs(3)));
    }
}
