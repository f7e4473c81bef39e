//! Ids of CACAO objects: `action--` and a UUID. Owns which texts are ids here, and which of them the standard allows.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::limits::NAME_BYTES;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("is no id: an id is `TYPE--UUID`, of at most {NAME_BYTES} letters, digits, `_`, `-` or `.`")]
pub struct NotAnId;

impl NotAnId {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// The id of a CACAO object, as it is written. Every id is a name in a playbook of Updraft, so that the steps of both have the
/// same ids.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacaoId(Arc<str>);

impl CacaoId {
    /// The id, checked to have only characters that a name has. Whether it is one of the standard says
    /// [`CacaoId::is_of_the_standard`].
    ///
    /// # Errors
    /// It is empty, too long, or has other characters.
    pub fn new(text: &str) -> Result<Self, NotAnId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if text.is_empty() || text.len() > NAME_BYTES || !text.chars().all(allowed) {
            return Err(NotAnId);
        }
        Ok(Self(text.into()))
    }

    /// What stands where an id could not be read, in a playbook that is refused for that.
    pub(crate) fn stand_in() -> Self {
        Self("".into())
    }

    /// Whether it stands where an id could not be read.
    pub(crate) fn is_stand_in(&self) -> bool {
        self.0.is_empty()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type of object that it names: what stands in front of `--`.
    pub fn object_type(&self) -> Option<&str> {
        self.0.split_once("--").map(|(object_type, _)| object_type)
    }

    /// Whether it has the form that the standard wants: a type in small letters, `--`, and a UUID of version 1 to 5.
    pub fn is_of_the_standard(&self) -> bool {
        self.0.split_once("--").is_some_and(|(kind, uuid)| is_type(kind) && is_uuid(uuid))
    }
}

/// `^[a-z][a-z0-9-]+[a-z0-9]$`.
fn is_type(text: &str) -> bool {
    let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() >= 3
        && bytes[0].is_ascii_lowercase()
        && bytes.last().is_some_and(|last| small(*last))
        && bytes.iter().all(|byte| small(*byte) || *byte == b'-')
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let first = |group: usize| groups.get(group).and_then(|group| group.chars().next());
    lengths
        && digits
        && first(2).is_some_and(|version| ('1'..='5').contains(&version))
        && first(3).is_some_and(|variant| "89abAB".contains(variant))
}

impl Borrow<str> for CacaoId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CacaoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CacaoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_name_of_updraft_and_says_what_it_names() {
        let id = CacaoId::new("if-condition--6d9f4d2e-14f1-4b62-8a0b-2a5a4d0b43a1").unwrap();
        assert_eq!(id.object_type(), Some("if-condition"));
        assert!(id.is_of_the_standard());
        for text in ["", "a b", "action--ü", "a/b", &"a".repeat(129)] {
            assert_eq!(CacaoId::new(text), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn an_id_of_another_form_is_kept_and_known_to_be_one() {
        for text in [
            "action",
            "action--1",
            "Action--6d9f4d2e-14f1-4b62-8a0b-2a5a4d0b43a1",
            "ab--6d9f4d2e-14f1-4b62-8a0b-2a5a4d0b43a1",
            "action--6d9f4d2e-14f1-7b62-8a0b-2a5a4d0b43a1",
            "action--6d9f4d2e-14f1-4b62-7a0b-2a5a4d0b43a1",
            "action--6d9f4d2e14f14b628a0b2a5a4d0b43a1",
            "action---6d9f4d2e-14f1-4b62-8a0b-2a5a4d0b43a1",
        ] {
            assert!(!CacaoId::new(text).unwrap().is_of_the_standard(), "{text}");
        }
    }
}
