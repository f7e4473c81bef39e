//! Limits of those who read events, and of publications, which tell them.

use std::time::Duration;

/// Events of one page: it is read within some milliseconds, and a reader that is behind asks again at once.
pub const EVENT_PAGE: usize = 500;
/// The pause between two looks for new events of one reader: under load there are new ones all the time, and each look costs three
/// reads of an index.
pub const EVENT_PAUSE: Duration = Duration::from_millis(100);
/// How long one question through the local socket may wait for an event: shorter than the time limit of its answer.
pub const EVENT_WAIT: Duration = Duration::from_secs(5);

/// The largest file of a publication: an address and a filter.
pub const PUBLICATION_BYTES: usize = 64 << 10;
/// Publications of an engine, those of all tenants: each reads events of its own.
pub const PUBLICATIONS: usize = 256;
/// Publications of one tenant: no tenant takes the room of the others.
pub const PUBLICATIONS_OF_TENANT: usize = 32;
/// Executions of which one publication tells at once, each in its order: as many requests as another program takes beside each other.
pub const PUBLISHED_AT_ONCE: usize = 16;
/// The largest output that a message has; a larger one is left out of it, and can be read from the engine. Receivers of webhooks
/// seldom take more than a megabyte.
pub const PUBLISHED_OUTPUT_BYTES: usize = 256 << 10;
/// The longest time that a receiver of webhooks may have for its answer.
pub const PUBLISHED_TIMEOUT: Duration = Duration::from_secs(60);
/// How often an event is tried that the receiver refuses by its answer, two minutes in all: it may be about to be changed, or its
/// secret.
pub const PUBLISHED_REFUSALS: u32 = 8;
/// The first pause before an event is tried again; each further one is twice as long.
pub const PUBLISH_AGAIN: Duration = Duration::from_secs(1);
/// The longest of those pauses: a receiver that is back gets its events within it.
pub const PUBLISH_AGAIN_MAX: Duration = Duration::from_secs(300);
/// About so many messages are kept of a stream where nothing is said.
pub const PUBLISHED_STREAM: u64 = 100_000;
/// How often publications are read again that another process may have changed.
pub const PUBLICATIONS_READ: Duration = Duration::from_secs(5);
