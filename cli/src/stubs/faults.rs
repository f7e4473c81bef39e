//! How a tool behaves towards a request: slow, busy or forgetful, always the same for the same key. Decides
//! from the key alone; sleeps and answers nothing itself.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// The fault that the first attempt of a task meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// None: it is answered.
    None,
    /// The tool is overloaded (503) and does nothing.
    Busy,
    /// The tool asks to be left alone for so many seconds (429) and does nothing.
    Limited(u8),
    /// The tool acts, and fails before it has said so (500). Only the idempotency key keeps the next
    /// attempt from acting again.
    Forgotten,
}

/// How often a tool fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultProfile {
    /// A look-up in a shared service: one in three first attempts is put off.
    Touchy,
    /// A tool of one's own: one in six first attempts fails.
    Steady,
    /// Never fails, for steps that must not be repeated.
    Sound,
}

impl FaultProfile {
    /// What the first attempt with this key meets at this tool.
    pub(super) fn fault(self, tool: &str, key: &str) -> Fault {
        let dice = hash(&(tool, key, "trouble")) % 12;
        match (self, dice) {
            (Self::Touchy, 0..=1) => Fault::Busy,
            (Self::Touchy, 2) => Fault::Limited(0),
            (Self::Touchy, 3) => Fault::Limited(1),
            (Self::Steady, 0) => Fault::Busy,
            (Self::Steady, 1) => Fault::Forgotten,
            _ => Fault::None,
        }
    }
}

/// How long the tool takes for this attempt: 20 to 150 ms.
pub(super) fn latency(tool: &str, key: &str, attempt: u32) -> Duration {
    Duration::from_millis(20 + hash(&(tool, key, attempt)) % 131)
}

/// A number for a thing, the same in every run.
pub(super) fn hash(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_tool_never_fails_and_a_touchy_one_fails_more_than_a_steady_one() {
        let failures = |profile: FaultProfile| {
            (0..1_000).filter(|key| profile.fault("t", &key.to_string()) != Fault::None).count()
        };
        assert_eq!(failures(FaultProfile::Sound), 0);
        assert!(failures(FaultProfile::Steady) > 100);
        assert!(failures(FaultProfile::Touchy) > failures(FaultProfile::Steady));
    }

    #[test]
    fn a_tool_takes_between_20_and_150_ms() {
        for key in 0..1_000 {
            let latency = latency("t", &key.to_string(), 1).as_millis();
            assert!((20..=150).contains(&latency), "{latency}");
        }
    }
}
