//! The server's codes, sorted by what they mean for an update. Knows no replies.
//!
//! The codes are those of the server's `error_codes.yml`, those that the driver treats as retryable, those that only
//! old or foreign servers send (11001, 12582, 16500 and 8000), and the bare numbers of some assertions.

/// The meaning of a code for one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(in crate::mongo) enum Verdict {
    /// Refused for the moment; nothing changed.
    Retry,
    /// A unique key is taken. An insert has met its own document, or another one; an update cannot get this code.
    Exists,
    /// The content of the update will always be refused.
    Poison,
    /// There is no space.
    Full,
    /// The server or its configuration is at fault, whatever the update contains.
    Unavailable,
    /// This version does not know the code.
    Unknown,
}

/// The meaning of a code for one update.
pub(in crate::mongo) fn verdict(code: i32) -> Verdict {
    match code {
        386 | 11000 | 11001 | 12582 => Verdict::Exists,
        14031 => Verdict::Full,
        // Values and types; names and paths of fields; ids; rules of the collection; sizes and keys.
        2 | 9 | 14 | 15 | 16 | 22 | 357 | 378 => Verdict::Poison,
        28 | 30 | 40 | 52 | 54 | 55 | 56 | 57 => Verdict::Poison,
        53 | 61 | 66 | 116 | 121 | 171 => Verdict::Poison,
        10003 | 10334 | 16755 | 17280 | 17419 | 17420 => Verdict::Poison,
        // Logins and rights; the collection, or the configuration of the server; the write concern; its machine.
        13 | 18 | 371 | 391 | 8000 => Verdict::Unavailable,
        20 | 26 | 59 | 71 | 72 | 73 | 94 | 115 | 166 | 206 | 242 | 261 | 322 | 323 => Verdict::Unavailable,
        64 | 79 | 100 | 146 | 264 | 301 => Verdict::Unavailable,
        // The network, elections and shutdowns; locks, conflicts and limits of time; shards, moves and backups.
        6 | 7 | 89 | 91 | 133 | 134 | 189 | 202 | 216 | 279 | 9001 | 10058 | 10107 => Verdict::Retry,
        11600 | 11601 | 11602 | 13435 | 13436 | 46841 | 91331 | 10_045_600 => Verdict::Retry,
        24 | 43 | 46 | 50 | 107 | 112 | 117 | 175 | 208 | 215 | 239 | 246 | 262 | 267 => Verdict::Retry,
        314 | 355 | 365 | 402 | 407 | 12586 | 12587 | 16500 | 50915 => Verdict::Retry,
        150 | 249 | 250 | 272 | 276 | 342 | 13388 => Verdict::Retry,
        _ => Verdict::Unknown,
    }
}
