//! The limits of masking, each with its reason.

use super::{SECRET_BYTES, SECRETS_OF_PLAYBOOK, SECRETS_OF_STEP};

/// The shortest secret that is masked anywhere. A shorter one appears in many texts by chance: it is refused unless it
/// is marked as short, and then masked only as a word of its own.
pub const SHORTEST_SECRET_BYTES: usize = 6;
/// Secrets of playbooks in one masker: far more than a tenant has tools. Over the limit the one that was named least
/// recently is forgotten, and fetched again with the next attempt of a playbook that names it.
pub const MASKED_SECRETS: usize = 256;
/// Nodes of automata for their encodings, some 32 bytes each: a token of a thousand bytes takes 9,000, a text of
/// special characters ten times as many.
pub const MASKED_PLACES: usize = 2 << 20;
/// Tokens issued by tools in one masker, in addition: they are fetched again and again, and old ones have expired.
pub const MASKED_FETCHED: usize = 64;
/// Nodes for them: the operator does not choose the tokens of a server.
pub const MASKED_FETCHED_PLACES: usize = 1 << 20;
/// Memory of the maskers of all tenants. Over the limit some tenants are forgotten until their next attempts.
pub const MASKED_BYTES: usize = 512 << 20;
/// Nested escapes in which a secret is found: JSON in a text of JSON in a URL. Deeper nesting does not happen by
/// accident.
pub const MASKED_NESTING: usize = 3;
/// Readings of one position of a text: the character itself, and the character of an escape that begins there. With
/// [`MASKED_NESTING`] levels and one more, a run of backslashes has sixteen.
pub const MASKED_READINGS: usize = 24;
/// Partial matches of secrets that are followed at one position of a text, in each alphabet. All secrets with the same
/// beginning are one of them; over the limit the shortest are dropped.
pub const MASKED_BEGUN: usize = 8;
/// The shortest beginning of a secret that counts as one at the end of a text that was cut.
pub const MASKED_BEGUN_BYTES: usize = 3;
/// The shortest base64 that counts as a secret's: fewer characters appear in many texts by chance.
pub const MASKED_BASE64_CHARACTERS: usize = 6;
/// The same for hexadecimal digits.
pub const MASKED_HEX_DIGITS: usize = 8;

/// Larger answers are searched on another thread than the shard's: a megabyte takes some 30 ms.
pub const MASKED_INLINE_BYTES: usize = 64 << 10;
/// Of bytes that go by and are not held, so many are searched at once, and so many are held back, as a secret may begin in them:
/// the longest one in escapes of six characters each.
pub const MASKED_STREAM_BYTES: usize = 1 << 20;
/// See [`MASKED_STREAM_BYTES`].
pub const MASKED_STREAM_REST_BYTES: usize = 6 * SECRET_BYTES;

const _: () = {
    // A secret in base64 at any alignment: characters with bits of its neighbours are not its own.
    assert!((SHORTEST_SECRET_BYTES * 8 - 10) / 6 >= MASKED_BASE64_CHARACTERS);
    assert!(SECRETS_OF_STEP <= SECRETS_OF_PLAYBOOK && 2 * SECRETS_OF_PLAYBOOK <= MASKED_SECRETS);
    assert!(SHORTEST_SECRET_BYTES * 2 >= MASKED_HEX_DIGITS);
    assert!(1 << (MASKED_NESTING + 1) < MASKED_READINGS);
};
