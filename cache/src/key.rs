//! Keys and scopes: the name of an entry, and what can be invalidated at once. Owns how both are spelled. Every key carries its
//! owner and the schema version of its kind; values in it are data, which cannot end a part.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use updraft_protocol::TenantCode;
use updraft_protocol::limits::{CACHE_KEY_PART_BYTES, CACHE_KEY_PARTS, CACHE_KEY_TAGS};

use crate::kind::CacheKind;

/// What stands in a key as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Whose entry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOwner<'a> {
    /// A tenant's: no other tenant finds it.
    Tenant(&'a TenantCode),
    /// The operator's: every tenant may find it.
    Shared,
}

impl CacheOwner<'_> {
    /// No tenant's code is empty.
    fn as_str(&self) -> &str {
        match self {
            Self::Tenant(tenant) => tenant.as_str(),
            Self::Shared => "",
        }
    }
}

/// What can be invalidated at once, by its hash. Two that have one hash are invalidated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheScope(u64);

/// The name of an entry: `{owner}:kind:vN:part:part`, and the scopes that it has.
#[derive(Clone)]
pub struct CacheKey {
    text: Arc<str>,
    /// The kind, the owner's part of it, each prefix, and as the last of these the key itself; then the tags.
    scopes: Arc<[u64]>,
    /// Where in the scopes the key itself stands.
    own: usize,
}

impl CacheKey {
    /// The key of these parts. An entry is also found by its tags when they are invalidated.
    pub fn new<const P: usize, const T: usize>(
        kind: &CacheKind,
        owner: CacheOwner<'_>,
        parts: [&str; P],
        tags: [&str; T],
    ) -> Self {
        const { assert!(P <= CACHE_KEY_PARTS && T <= CACHE_KEY_TAGS) };
        let mut text = String::with_capacity(64);
        text.push('{');
        text.extend(utf8_percent_encode(owner.as_str(), PLAIN));
        text.push_str("}:");
        text.push_str(kind.name);
        text.push_str(":v");
        text.push_str(&kind.schema.to_string());
        let mut scopes = Vec::with_capacity(2 + P + T);
        scopes.push(CacheScope::kind(kind).0);
        let mut hash = owned(kind, owner);
        scopes.push(hash);
        for part in parts {
            text.push(':');
            spell(part, &mut text);
            hash = mix(hash, part);
            scopes.push(hash);
        }
        let own = scopes.len() - 1;
        scopes.extend(tags.iter().map(|tag| CacheScope::tag(owner, tag).0));
        Self { text: text.into(), scopes: scopes.into(), own }
    }

    /// As it is spelled.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scopes that it has.
    pub(crate) fn scopes(&self) -> &[u64] {
        &self.scopes
    }
}

impl CacheScope {
    /// Every entry of a kind, whoever's it is.
    pub fn kind(kind: &CacheKind) -> Self {
        Self(mix(mix(SEED, "kind"), kind.name))
    }

    /// What one owner has of a kind.
    pub fn owner(kind: &CacheKind, owner: CacheOwner<'_>) -> Self {
        Self(owned(kind, owner))
    }

    /// The entries of an owner whose keys begin with these parts.
    pub fn prefix(kind: &CacheKind, owner: CacheOwner<'_>, parts: &[&str]) -> Self {
        Self(parts.iter().fold(owned(kind, owner), |hash, part| mix(hash, part)))
    }

    /// One entry.
    pub fn key(key: &CacheKey) -> Self {
        Self(key.scopes.get(key.own).copied().unwrap_or_default())
    }

    /// The entries of an owner, of any kind, that have this tag.
    pub fn tag(owner: CacheOwner<'_>, tag: &str) -> Self {
        Self(mix(mix(mix(SEED, "tag"), owner.as_str()), tag))
    }

    /// Its number, the same in every process.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl PartialEq for CacheKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CacheKey {}

impl std::hash::Hash for CacheKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({})", self.text)
    }
}

/// A part as it stands in a key: a long one by its hash, which no plain part looks like.
fn spell(part: &str, text: &mut String) {
    if part.len() <= CACHE_KEY_PART_BYTES {
        text.extend(utf8_percent_encode(part, PLAIN));
        return;
    }
    text.push('~');
    for byte in Sha256::digest(part.as_bytes()) {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
}

fn owned(kind: &CacheKind, owner: CacheOwner<'_>) -> u64 {
    mix(mix(mix(SEED, "key"), kind.name), owner.as_str())
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a of what came before, the length of the text, and the text: "ab", "c" is not "a", "bc".
fn mix(hash: u64, text: &str) -> u64 {
    let length = (text.len() as u64).to_le_bytes();
    let bytes = length.iter().chain(text.as_bytes());
    bytes.fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: CacheKind = CacheKind::new("answer", 3);

    fn tenant(name: &str) -> TenantCode {
        TenantCode::new(name).unwrap()
    }

    #[test]
    fn a_key_says_owner_kind_version_and_parts_and_no_part_ends_early() {
        let acme = tenant("acme");
        let key = CacheKey::new(&KIND, CacheOwner::Tenant(&acme), ["vt", "a:b/c d"], []);
        assert_eq!(key.as_str(), "{acme}:answer:v3:vt:a%3Ab%2Fc%20d");
        let long = "x".repeat(CACHE_KEY_PART_BYTES + 1);
        let hashed = CacheKey::new(&KIND, CacheOwner::Shared, [long.as_str()], []);
        assert!(hashed.as_str().starts_with("{}:answer:v3:~") && hashed.as_str().len() < 90);
        let forged = hashed.as_str().rsplit(':').next().unwrap();
        assert_ne!(CacheKey::new(&KIND, CacheOwner::Shared, [forged], []), hashed);
    }

    #[test]
    fn each_prefix_each_tag_and_the_kind_are_scopes_of_a_key_and_no_others_are() {
        let (acme, other) = (tenant("acme"), tenant("other"));
        let owner = CacheOwner::Tenant(&acme);
        let key = CacheKey::new(&KIND, owner, ["ab", "c"], ["ip:203.0.113.9"]);
        for scope in [
            CacheScope::kind(&KIND),
            CacheScope::owner(&KIND, owner),
            CacheScope::prefix(&KIND, owner, &["ab"]),
            CacheScope::prefix(&KIND, owner, &["ab", "c"]),
            CacheScope::tag(owner, "ip:203.0.113.9"),
        ] {
            assert!(key.scopes().contains(&scope.number()));
        }
        assert_eq!(CacheScope::key(&key), CacheScope::prefix(&KIND, owner, &["ab", "c"]));
        for scope in [
            CacheScope::prefix(&KIND, owner, &["a", "bc"]),
            CacheScope::prefix(&KIND, owner, &["ab", "c", ""]),
            CacheScope::owner(&KIND, CacheOwner::Tenant(&other)),
            CacheScope::owner(&KIND, CacheOwner::Shared),
            CacheScope::tag(CacheOwner::Tenant(&other), "ip:203.0.113.9"),
            CacheScope::tag(owner, "ab"),
        ] {
            assert!(!key.scopes().contains(&scope.number()));
        }
    }
}
