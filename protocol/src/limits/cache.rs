//! The limits of caches, each with its reason.

use std::time::Duration;

use super::JOURNAL_FRAME_BYTES;

/// Calls of others that fail before one who asks the same makes a call of its own beside theirs: one failure seldom says more
/// than of itself, and where the tool is sick all find that out at once, within its limits, not one after the other.
pub const CACHED_ANSWER_FAILURES: u32 = 3;

/// Entries of one kind in memory, unless the kind says otherwise.
pub const CACHE_ENTRIES: usize = 10_000;
/// What they may weigh together, unless the kind says otherwise.
pub const CACHE_BYTES: usize = 64 << 20;
/// How long a playbook and its plan are kept. A version never changes, so that this bounds memory, not age.
pub const CACHE_PLAYBOOK_LIFE: Duration = Duration::from_secs(3_600);
/// How old a list of a console may be. It is asked for every second or so, by each person who looks at it.
pub const DASHBOARD_LIFE: Duration = Duration::from_secs(2);
/// How much older the first may see it who comes back to it, while it is read again.
pub const DASHBOARD_STALE: Duration = Duration::from_secs(3);
/// Lists of one kind that are kept: those of the tenants whose people look.
pub const DASHBOARD_PAGES: usize = 1_000;
/// Parts of a key after its tenant and kind. Each is a scope that can be invalidated, and a counter that each look-up reads.
pub const CACHE_KEY_PARTS: usize = 6;
/// Tags of a key; as its parts.
pub const CACHE_KEY_TAGS: usize = 4;
/// A part of a key that is longer stands in it by its hash: a key is compared as a whole with each look-up.
pub const CACHE_KEY_PART_BYTES: usize = 128;
/// Lives differ by so much in either direction: what was loaded at once does not expire at once.
pub const CACHE_JITTER_PERCENT: u32 = 10;
/// An entry that was read so often is loaded again before it expires.
pub const CACHE_REFRESH_USES: u32 = 8;
/// In this last part of its life.
pub const CACHE_REFRESH_PART: u32 = 10;
/// How old an answer of a tool may be that is used again, at most: what is older than a week is no answer of today.
pub const CACHED_ANSWER_TTL: Duration = Duration::from_secs(7 * 24 * 3_600);
/// An answer that is larger is not kept: those of look-ups are small, and many find room.
pub const CACHED_ANSWER_BYTES: usize = 1 << 20;
/// Kept answers of tools in memory.
pub const CACHED_ANSWERS: usize = 100_000;
/// What they may weigh together.
pub const CACHED_ANSWERS_BYTES: usize = 256 << 20;
/// The longest key that a step gives its answers.
pub const CACHED_ANSWER_KEY_BYTES: usize = 16 << 10;
/// A value that is larger as it is encoded is not kept in Redis, where all who look up others would wait for it.
pub const CACHE_VALUE_BYTES: usize = 1 << 20;
/// What is larger is compressed in Redis.
pub const CACHE_COMPRESS_BYTES: usize = 1 << 10;
/// How long a stamp lives in Redis after it was made. What was loaded with one that is gone is loaded again.
pub const CACHE_STAMP_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// How long one process may load what others wait for; then another loads it too.
pub const CACHE_LEASE: Duration = Duration::from_secs(2);
/// How long a process waits for what another one loads.
pub const CACHE_LEASE_WAIT: Duration = Duration::from_millis(500);
/// How often it looks meanwhile.
pub const CACHE_LEASE_POLL: Duration = Duration::from_millis(10);
/// Invalidations that Redis could not be told yet. With one more everything there becomes invalid.
pub const CACHE_UNTOLD: usize = 10_000;
/// Invalidations in one message to the other processes.
pub const CACHE_TOLD_AT_ONCE: usize = 1_000;
/// How long an invalidation waits until Redis knows of it. Who invalidates reads nothing there before, so that this is for others.
pub const CACHE_TELL_WAIT: Duration = Duration::from_millis(50);
/// Processes whose last message is known; with one more all are forgotten, and everything in memory with the next message of each.
pub const CACHE_PUBLISHERS: usize = 1_024;
/// How long Redis is not asked to be told of an invalidation after it could not be.
pub const CACHE_TELL_AGAIN: Duration = Duration::from_millis(200);

const _: () = assert!(CACHE_VALUE_BYTES <= JOURNAL_FRAME_BYTES);
const _: () = assert!(CACHE_LEASE_WAIT.as_millis() < CACHE_LEASE.as_millis());
const _: () = assert!(CACHE_JITTER_PERCENT < 100);
