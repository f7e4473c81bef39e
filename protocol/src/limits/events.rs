//! Limits of those who read events.

use std::time::Duration;

/// Events of one page: it is read within some milliseconds, and a reader that is behind asks again at once.
pub const EVENT_PAGE: usize = 500;
/// The pause between two looks for new events of one reader: under load there are new ones all the time, and each look costs three
/// reads of an index.
pub const EVENT_PAUSE: Duration = Duration::from_millis(100);
/// How long one question through the local socket may wait for an event: shorter than the time limit of its answer.
pub const EVENT_WAIT: Duration = Duration::from_secs(5);
