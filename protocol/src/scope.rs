//! Scope paths: the place of a run of a body inside an execution. Owns their text, which is stored and from which the
//! ids of tasks are derived: it never changes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{Error, ExecutionId, StepId, TaskId, mix};

/// One run of one body of an execution. The main line is the empty path; a branch of the step `contain` that begins
/// with the step `isolate` is `contain:isolate`, and a branch inside of it `contain:isolate/both:left`. The kind of the
/// opener determines the name of a body: the first step of a branch, the number of an item.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopePath(Option<Arc<str>>);

impl ScopePath {
    /// The main line.
    pub const MAIN: Self = Self(None);

    /// The run of the body `body` that the task of the step `opener` in this scope opens.
    #[must_use]
    pub fn inside(&self, opener: &StepId, body: &str) -> Self {
        let opener = opener.as_str();
        Self(Some(match &self.0 {
            None => format!("{opener}:{body}").into(),
            Some(outer) => format!("{outer}/{opener}:{body}").into(),
        }))
    }

    /// The scope around it, the step that opened it there, and the name of the body; `None` for the main line.
    pub fn opened_by(&self) -> Option<(&str, &str, &str)> {
        let path = self.0.as_deref()?;
        let (outer, own) = path.rsplit_once('/').unwrap_or(("", path));
        let (opener, body) = own.split_once(':')?;
        Some((outer, opener, body))
    }

    /// Its text: empty for the main line.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for ScopePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::MAIN);
        }
        let is_name = |name: &str| StepId::new(name).is_ok();
        let is_run =
            |run: &str| run.split_once(':').is_some_and(|(opener, body)| is_name(opener) && is_name(body));
        if text.split('/').all(is_run) {
            Ok(Self(Some(text.into())))
        } else {
            Err(Error::NotScope(text.into()))
        }
    }
}

impl Serialize for ScopePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ScopePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl TaskId {
    /// The id of the task of `step` in the run `scope` of a body of `peid`.
    ///
    /// Derived, not drawn or counted: a task that is run again after a crash has the same key, whatever was stored and
    /// in whatever order tasks began. The timestamp is that of the execution, so that tasks of one time are adjacent in
    /// stores. The other bits are the random bits of the execution, into which the texts of scope and step are mixed
    /// (the finaliser of SplitMix64, Steele et al. 2014).
    pub fn derive(peid: ExecutionId, scope: &ScopePath, step: &StepId) -> Self {
        let execution = u128::from_be_bytes(*peid.as_bytes());
        let (rand_a, rand_b) = ((execution >> 64) as u64 & 0xfff, execution as u64);
        let state = absorb(mix(rand_b ^ mix(rand_a)), scope.as_str());
        let state = absorb(state, step.as_str());
        let high = ((execution >> 80) as u64) << 16 | 0x7000 | (mix(state) & 0xfff);
        let low = (state & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Self::new(Uuid::from_u64_pair(high, low))
    }
}

/// Mixes a text, its length first, into a state.
fn absorb(state: u64, text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let state = words
        .iter()
        .fold(mix(state ^ text.len() as u64), |state, word| mix(state ^ u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    mix(state ^ u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_who_opened_it_and_comes_back_from_its_text() {
        let step = |id: &str| StepId::new(id).unwrap();
        let outer = ScopePath::MAIN.inside(&step("contain"), "isolate");
        let inner = outer.inside(&step("both"), "left");
        assert_eq!((outer.as_str(), inner.as_str()), ("contain:isolate", "contain:isolate/both:left"));
        assert_eq!(ScopePath::MAIN.opened_by(), None);
        assert_eq!(outer.opened_by(), Some(("", "contain", "isolate")));
        assert_eq!(inner.opened_by(), Some(("contain:isolate", "both", "left")));
        for path in [ScopePath::MAIN, outer, inner] {
            assert_eq!(path.as_str().parse(), Ok(path.clone()));
        }
        for text in ["a", "a:", "a:b/", "a:b/c", "a b:c", "a:b:c"] {
            assert_eq!(text.parse::<ScopePath>(), Err(Error::NotScope(text.into())));
        }
    }

    #[test]
    fn a_task_id_is_the_same_for_the_same_step_and_scope_and_another_for_others() {
        let a = ExecutionId::new(Uuid::from_u128(0x0190_aaaa_bbbb_7111_8222_3333_4444_5555));
        let b = ExecutionId::new(Uuid::from_u128(0x0190_aaaa_bbbb_7112_8222_3333_4444_5555));
        let step = |number: u32| StepId::new(format!("s{number}")).unwrap();
        let item = |number: u32| ScopePath::MAIN.inside(&step(0), &number.to_string());
        assert_eq!(TaskId::derive(a, &item(1), &step(1)), TaskId::derive(a, &item(1), &step(1)));
        let ids = |number| {
            let main = [a, b].map(|peid| TaskId::derive(peid, &ScopePath::MAIN, &step(number)));
            main.into_iter().chain([TaskId::derive(a, &item(number), &step(1))])
        };
        let mut ids: Vec<_> = (0..5_000).flat_map(ids).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 15_000);
        let id = TaskId::derive(a, &ScopePath::MAIN, &step(7)).uuid();
        assert_eq!((id.get_version_num(), id.as_u128() >> 80), (7, a.uuid().as_u128() >> 80));
    }
}
