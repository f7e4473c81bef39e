//! Ids and names. Owns their text and byte forms; never makes a random one.

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
    /// The name is empty, too long, or has characters other than letters, digits, `_`, `-` and `.`.
    #[error("`{0}` is not a name: 1 to {NAME_BYTES} letters, digits, `_`, `-` or `.`")]
    NotName(String),
    /// The text is no path of a scope.
    #[error("`{0}` is no scope: `OPENER:BODY`, one inside the other separated by `/`")]
    NotScope(String),
}

impl Error {
    /// Whether the same text can be valid another time: never.
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

            /// The id as the 16 bytes that stores keep.
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
    /// `task_request_id`: one run of one step; the idempotency key that tools get.
    TaskId
}
uuid_id! {
    /// A containment: derived from tenant, undo action and target.
    ContainmentId
}
uuid_id! {
    /// A file of an execution: UUIDv7.
    FileId
}
uuid_id! {
    /// A record of the audit: UUIDv7.
    AuditId
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
            /// [`Error::NotName`] with the text.
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

impl StepId {
    /// The id that is made for a step without one: a word of Updraft's own and a number.
    pub fn made(word: &'static str, number: u32) -> Self {
        Self(format!("{word}_{number}").into())
    }
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
}
