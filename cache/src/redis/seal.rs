//! The seal: what only the processes of one store can have kept. Owns the key, which is made of something that the store knows and
//! Redis does not, and what keys of Redis begin with. Who can write to Redis can have entries forgotten, and older ones of ours
//! found again, and nothing else.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The bytes of a seal.
pub(super) const SEAL_BYTES: usize = 16;

/// What frames are sealed with.
pub(crate) struct Seal {
    key: [u8; 32],
    space: String,
}

impl Seal {
    /// The seal of those who know this secret.
    pub(crate) fn new(prefix: &str, secret: &[u8]) -> Self {
        let of = |use_: &str| {
            let digest = Sha256::new().chain_update(use_).chain_update(secret).finalize();
            <[u8; 32]>::from(digest)
        };
        // What stands in keys says nothing of what seals.
        let [a, b, c, d, e, f, g, h, ..] = of("updraft cache space");
        let space = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        Self { key: of("updraft cache seal"), space: format!("{prefix}:{space:016x}") }
    }

    /// What all keys of these processes begin with.
    pub(crate) fn space(&self) -> &str {
        &self.space
    }

    /// The seal of a frame under a key.
    pub(super) fn seal(&self, key: &str, frame: &[u8]) -> Option<[u8; SEAL_BYTES]> {
        self.mac(key, frame)?.finalize().into_bytes().first_chunk().copied()
    }

    /// Whether a frame under a key has this seal.
    pub(super) fn is_sealed(&self, key: &str, frame: &[u8], seal: &[u8; SEAL_BYTES]) -> bool {
        self.mac(key, frame).is_some_and(|mac| mac.verify_truncated_left(seal).is_ok())
    }

    fn mac(&self, key: &str, frame: &[u8]) -> Option<Hmac<Sha256>> {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key).ok()?;
        let length = (key.len() as u64).to_le_bytes();
        Some(mac.chain_update(length).chain_update(key).chain_update(frame))
    }
}
