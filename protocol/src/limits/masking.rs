//! The bounds of masking, each with its reason.

use super::{SECRETS_OF_PLAYBOOK, SECRETS_OF_STEP};

/// A secret that is masked wherever it stands. A shorter one stands in many a text by chance: it is refused when it is
/// given, unless it is marked as short, and then masked only where it stands alone.
pub const SHORTEST_SECRET_BYTES: usize = 6;
/// Secrets of playbooks that one masker knows: more than a tenant has tools, by far. Beyond it the one that was named least
/// recently makes way, and is asked for again with the next attempt of a playbook that names it.
pub const MASKED_SECRETS: usize = 256;
/// Places of automata that their spellings may take, some 32 bytes each: a token of a thousand bytes takes 9,000, a text
/// all of signs ten times as many.
pub const MASKED_PLACES: usize = 2 << 20;
/// Tokens that tools gave which one masker knows besides: they are fetched again and again, and those of long ago have ended.
pub const MASKED_FETCHED: usize = 64;
/// Places that they may take: what a server of tokens sends is not the operator's choice.
pub const MASKED_FETCHED_PLACES: usize = 1 << 20;
/// What the maskers of all tenants may take in memory. Beyond it some tenants are forgotten until their next attempts.
pub const MASKED_BYTES: usize = 512 << 20;
/// Escapes inside each other in which a secret is found: JSON in a text of JSON in a URL. A text of more would have to
/// be made for it.
pub const MASKED_NESTING: usize = 3;
/// Readings of one place of a text: the character itself, and what an escape that begins there stands for. Nested as deep as
/// [`MASKED_NESTING`], and once more, a run of backslashes has sixteen.
pub const MASKED_READINGS: usize = 24;
/// Secrets begun that are followed at one place of a text, in each alphabet. What goes on through one reading of the text is
/// one of them, however many secrets it may become; those beyond, of which the least has been read, are let go.
pub const MASKED_BEGUN: usize = 8;
/// The shortest beginning of a secret that is taken for one at the end of a text that was cut.
pub const MASKED_BEGUN_BYTES: usize = 3;
/// The shortest base64 that is taken for a secret's: fewer characters stand in many a text by chance.
pub const MASKED_BASE64_CHARACTERS: usize = 6;
/// The same of hexadecimal digits.
pub const MASKED_HEX_DIGITS: usize = 8;

/// Answers beyond this are searched on another thread than the shard's: a megabyte takes some 30 ms.
pub const MASKED_INLINE_BYTES: usize = 64 << 10;

const _: () = {
    // One whose base64 lies at any alignment: the characters that hold bits of its neighbours as well are not its own.
    assert!((SHORTEST_SECRET_BYTES * 8 - 10) / 6 >= MASKED_BASE64_CHARACTERS);
    assert!(SECRETS_OF_STEP <= SECRETS_OF_PLAYBOOK && 2 * SECRETS_OF_PLAYBOOK <= MASKED_SECRETS);
    assert!(SHORTEST_SECRET_BYTES * 2 >= MASKED_HEX_DIGITS);
    assert!(1 << (MASKED_NESTING + 1) < MASKED_READINGS);
};
