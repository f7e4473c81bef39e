//! Limits of containments, with their reasons.

use std::time::Duration;

/// Holders of one containment that are kept: of more, those that have ended, then those that end first, are forgotten, as a
/// later one keeps the target contained anyway.
pub const CONTAINMENT_HOLDERS: usize = 100;
/// Different calls that undo one containment: two tools, or a rule for each of some alerts. Of more, the oldest is told of as one
/// that failed.
pub const CONTAINMENT_UNDOS: usize = 32;
/// Entries of a containment's history: what people did, and how often its undo failed. The oldest are forgotten.
pub const CONTAINMENT_HISTORY: usize = 50;
/// The pause after the first undo that failed; doubled with each further one.
pub const CONTAINMENT_PAUSE: Duration = Duration::from_secs(60);
/// The longest such pause: a tool that is down for a day is asked at least once an hour.
pub const CONTAINMENT_PAUSE_MAX: Duration = Duration::from_secs(3600);
/// How often the reconciler looks for containments that are new, and for those that are due: what expires does so within hours.
pub const CONTAINMENT_LOOK: Duration = Duration::from_secs(1);
/// How much later than another task's a record of a containment may reach the store, which is written behind the work.
pub const CONTAINMENT_LATE: Duration = Duration::from_secs(30);
/// The longest time between two looks at an undo that runs.
pub const CONTAINMENT_WATCH: Duration = Duration::from_secs(30);
/// Tasks or containments that the reconciler reads at once.
pub const CONTAINMENT_PAGE_ROWS: usize = 100;
/// How often a change is tried again that met another one.
pub const CONTAINMENT_TRIES: usize = 16;
/// What an execution remembers of its steps in order to undo them before its end, as JSON: ten thousand items of ordinary size.
/// Beyond it no further call is made that would have to be undone.
pub const UNDO_BYTES: usize = 8 << 20;
/// How long after its beginning an undo may be tried again, unless it says otherwise: a tool that is down for minutes is asked again,
/// and the end of an execution is told the same day. What is not undone then is listed until a person ends it.
pub const UNDO_WITHIN: Duration = Duration::from_secs(3600);
/// What is counted for the rest of such a record: its place, its names, its secrets.
pub const UNDO_RECORD_BYTES: usize = 512;

const _: () = assert!(CONTAINMENT_PAUSE.as_secs() <= CONTAINMENT_PAUSE_MAX.as_secs());
