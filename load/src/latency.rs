//! Latencies of stubbed tools: fixed or distributed, as the command line writes them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use updraft::Span;

use crate::random::Random;

/// The longest latency that can be asked for: far below the timeout of an attempt.
const MAX: Duration = Duration::from_secs(60);
/// Where the tail of the exponential distribution is cut, in means.
const TAIL: f64 = 10.0;

/// How long a tool takes to answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always as long.
    Fixed(Duration),
    /// Anything between two, evenly.
    Between(Duration, Duration),
    /// Exponentially distributed with this mean.
    Exponential(Duration),
}

impl Latency {
    /// How long one answer takes.
    pub(crate) fn draw(&self, random: &Random) -> Duration {
        match self {
            Self::Fixed(time) => *time,
            Self::Between(least, most) => *least + (*most - *least).mul_f64(random.share()),
            Self::Exponential(mean) => mean.mul_f64(random.gap().min(TAIL)),
        }
    }

    /// Whether tools answer at once.
    pub fn is_zero(&self) -> bool {
        self.mean_of_slowest(1).is_zero()
    }

    /// How long the slowest of so many answers takes on average.
    pub(crate) fn mean_of_slowest(&self, answers: u16) -> Duration {
        match self {
            Self::Fixed(time) => *time,
            Self::Between(least, most) => {
                *least + (*most - *least).mul_f64(f64::from(answers) / (f64::from(answers) + 1.0))
            }
            // The sum of the harmonic series.
            Self::Exponential(mean) => mean.mul_f64((1..=answers).map(|nth| 1.0 / f64::from(nth)).sum()),
        }
    }
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(mean) = text.strip_prefix("exp:") {
            return Ok(Self::Exponential(time(mean)?));
        }
        let Some((least, most)) = text.split_once("..") else { return Ok(Self::Fixed(time(text)?)) };
        let (least, most) = (time(least)?, time(most)?);
        if least > most {
            return Err(format!("`{text}`: the first is the shorter one"));
        }
        Ok(Self::Between(least, most))
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(time) => write!(f, "{}", Span(*time)),
            Self::Between(least, most) => write!(f, "{}..{}", Span(*least), Span(*most)),
            Self::Exponential(mean) => write!(f, "exp:{}", Span(*mean)),
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let allowed = "`20ms`, `10ms..50ms` or `exp:20ms`, each up to 60s";
    let span = duration(text).map_err(|error| format!("{error}; allowed are {allowed}"))?;
    if span > MAX { Err(format!("`{text}` is too long; allowed are {allowed}")) } else { Ok(span) }
}

/// A duration as playbooks write it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<Span>().map(|span| span.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_fixed_or_distributed_and_shown_as_it_was_written() {
        for text in ["20ms", "10ms..50ms", "exp:20ms", "0s"] {
            assert_eq!(text.parse::<Latency>().unwrap().to_string(), text);
        }
        let between: Latency = "10ms..50ms".parse().unwrap();
        assert_eq!(between.mean_of_slowest(1), Duration::from_millis(30));
        assert_eq!(between.mean_of_slowest(3), Duration::from_millis(40));
        let random = Random::new(1, 1);
        let drawn: Vec<_> = (0..1_000).map(|_| between.draw(&random)).collect();
        let allowed = Duration::from_millis(10)..=Duration::from_millis(50);
        assert!(drawn.iter().all(|time| allowed.contains(time)));
        assert!(drawn.iter().any(|time| *time != drawn[0]));
    }

    #[test]
    fn nonsense_is_refused_with_what_is_allowed() {
        for text in ["", "fast", "50ms..10ms", "exp:", "-1ms", "2h", "1ms..2h"] {
            let error = text.parse::<Latency>().unwrap_err();
            assert!(error.contains("allowed are") || error.contains("the shorter one"), "{text}: {error}");
        }
    }
}
