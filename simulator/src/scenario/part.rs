//! The removable parts of a scenario, and their names in what a failure prints.

use std::fmt;
use std::str::FromStr;

use super::{NOISES, Noise};

/// A removable part of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A submission.
    Order(usize),
    /// A cancel.
    Cancel(usize),
    /// A signal.
    Signal(usize),
    /// An answer.
    Answer(usize),
    /// A pause.
    Pause(usize),
    /// A skip.
    Skip(usize),
    /// A rerun.
    Rerun(usize),
    /// What a person asks of a containment.
    ContainmentAsk(usize),
    /// A quota that is set.
    Quota(usize),
    /// A pause of a scope.
    ScopePause(usize),
    /// Another priority.
    Priority(usize),
    /// A fault.
    Fault(usize),
    /// A kind of noise.
    Noise(Noise),
    /// Every path ends after so many steps.
    Steps(u64),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(number) => write!(f, "e{number}"),
            Self::Cancel(number) => write!(f, "c{number}"),
            Self::Signal(number) => write!(f, "g{number}"),
            Self::Answer(number) => write!(f, "a{number}"),
            Self::Pause(number) => write!(f, "p{number}"),
            Self::Skip(number) => write!(f, "k{number}"),
            Self::Rerun(number) => write!(f, "r{number}"),
            Self::ContainmentAsk(number) => write!(f, "u{number}"),
            Self::Quota(number) => write!(f, "q{number}"),
            Self::ScopePause(number) => write!(f, "z{number}"),
            Self::Priority(number) => write!(f, "y{number}"),
            Self::Fault(number) => write!(f, "f{number}"),
            Self::Steps(steps) => write!(f, "s{steps}"),
            Self::Noise(noise) => {
                let name = NOISES.iter().find(|(known, _)| known == noise).map_or("", |(_, name)| name);
                f.write_str(name)
            }
        }
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((noise, _)) = NOISES.iter().find(|(_, name)| *name == text) {
            return Ok(Self::Noise(*noise));
        }
        let number = |text: &str| text.parse::<u64>().ok();
        let part = match text.split_at_checked(1) {
            Some(("e", n)) => number(n).map(|n| Self::Order(n as usize)),
            Some(("c", n)) => number(n).map(|n| Self::Cancel(n as usize)),
            Some(("a", n)) => number(n).map(|n| Self::Answer(n as usize)),
            Some(("k", n)) => number(n).map(|n| Self::Skip(n as usize)),
            Some(("p", n)) => number(n).map(|n| Self::Pause(n as usize)),
            Some(("g", n)) => number(n).map(|n| Self::Signal(n as usize)),
            Some(("r", n)) => number(n).map(|n| Self::Rerun(n as usize)),
            Some(("u", n)) => number(n).map(|n| Self::ContainmentAsk(n as usize)),
            Some(("q", n)) => number(n).map(|n| Self::Quota(n as usize)),
            Some(("z", n)) => number(n).map(|n| Self::ScopePause(n as usize)),
            Some(("y", n)) => number(n).map(|n| Self::Priority(n as usize)),
            Some(("f", n)) => number(n).map(|n| Self::Fault(n as usize)),
            Some(("s", n)) => number(n).map(Self::Steps),
            _ => None,
        };
        part.ok_or_else(|| format!("`{text}` is no part of a scenario"))
    }
}
