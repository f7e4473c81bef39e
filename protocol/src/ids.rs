//! Ids and names: who a thing is. Owns their text and byte forms; never makes a random one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::limits::NAME_BYTES;

/// Why a text is not an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is no UUID.
    #[error("`{0}` is not a UUID")]
    NotUuid(String),
    /// The name is empty, too long, or has characters beyond letters, digits, `_`, `-` and `.`.
    #[error("`{0}` is not a name: 1 to {NAME_BYTES} letters, digits, `_`, `-` or `.`")]
    NotName(String),
}

impl Error {
    /// Whether trying again can help: never, the text stays what it is.
    pub fn retryable(&self) -> bool {
        false
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this value.
            pub const fn new(value: Uuid) -> Self {
                Self(value)
            }

            /// The id in the 16 bytes that stores keep.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id from the 16 bytes that stores keep.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The id as a UUID.
            pub const fn uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Uuid::parse_str(text).map(Self).map_err(|_| Error::NotUuid(text.to_owned()))
            }
        }
    };
}

uuid_id! {
    /// `pid`: one version of a playbook of one tenant. UUIDv7.
    PlaybookId
}
uuid_id! {
    /// `peid`: one run of one playbook version. UUIDv7, so that inserts go to the end of the tree.
    ExecutionId
}
uuid_id! {
    /// `task_request_id`: one run of one step; the idempotency key that tools are given.
    TaskId
}

impl TaskId {
    /// The id of the task numbered `task_seq` of `peid`.
    ///
    /// Derived, not drawn: a task re-run after a crash has the same key, whatever survived of it. The
    /// timestamp is that of the execution, the number follows it, so that tasks of one time stand
    /// together; the random bits of the execution are mixed with the number (the finaliser of
    /// SplitMix64, Steele et al. 2014) so that two executions of one millisecond differ.
    pub fn derive(peid: ExecutionId, task_seq: u32) -> Self {
        let execution = u128::from_be_bytes(*peid.as_bytes());
        let rand_a = (execution >> 64) as u64 & 0xfff;
        let rand_b = execution as u64;
        let mixed = mix(rand_b ^ mix((rand_a << 32) | u64::from(task_seq)));
        let high = ((execution >> 80) as u64) << 16 | 0x7000 | u64::from(task_seq & 0xfff);
        let low = (mixed & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Self(Uuid::from_u64_pair(high, low))
    }
}

/// Spreads the bits of `value`: the finaliser of SplitMix64.
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,128}$"))] Arc<str>);

        impl $name {
            /// The name, checked: 1 to 128 letters, digits, `_`, `-` or `.`.
            ///
            /// # Errors
            /// [`Error::NotName`] with the text that was given.
            pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
                let text = text.as_ref();
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
                if text.is_empty() || text.len() > NAME_BYTES || !text.chars().all(allowed) {
                    return Err(Error::NotName(text.chars().take(NAME_BYTES).collect()));
                }
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// `tenant_code`: a customer of the SOAR; the unit of isolation, fairness and sharding.
    TenantCode
}
name! {
    /// The id of a step inside its playbook.
    StepId
}
name! {
    /// The name of an integration ("virustotal") or of one of its actions ("lookup_hash").
    Name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_with_their_text() {
        assert_eq!(TenantCode::new(""), Err(Error::NotName(String::new())));
        assert_eq!(StepId::new("a b"), Err(Error::NotName("a b".into())));
        assert!(StepId::new("x".repeat(NAME_BYTES)).is_ok());
        assert!(StepId::new("x".repeat(NAME_BYTES + 1)).is_err());
    }

    #[test]
    fn a_task_id_is_the_same_for_the_same_number_and_another_for_another() {
        let a = ExecutionId::new(Uuid::from_u128(0x0190_aaaa_bbbb_7111_8222_3333_4444_5555));
        let b = ExecutionId::new(Uuid::from_u128(0x0190_aaaa_bbbb_7112_8222_3333_4444_5555));
        assert_eq!(TaskId::derive(a, 1), TaskId::derive(a, 1));
        let mut ids: Vec<_> =
            (0..5_000).flat_map(|seq| [TaskId::derive(a, seq), TaskId::derive(b, seq)]).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 10_000);
        assert_eq!(TaskId::derive(a, 7).uuid().get_version_num(), 7);
    }
}
