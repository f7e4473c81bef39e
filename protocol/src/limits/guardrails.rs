//! Limits of guardrails.

use std::time::Duration;

/// Guardrails of one engine: every call is compared with all of them that name its tool.
pub const GUARDRAILS: usize = 1_000;
/// A file of guardrails.
pub const GUARDRAIL_FILE_BYTES: usize = 16 << 20;
/// Tenants, and tools, that one guardrail names.
pub const GUARDRAIL_NAMES: usize = 1_000;
/// Protected targets of each kind, and hosts, that one guardrail names; a stored guardrail is bounded too.
pub const GUARDRAIL_TARGETS: usize = 10_000;
/// Counts of caps that one engine holds: one for each guardrail and tenant of which a call has asked. A call that needs a
/// further one is not made.
pub const GUARDRAIL_COUNTS: usize = 100_000;
/// The largest cap: what is counted is stored with each call, so that a crash forgets none. Faster tools have rates.
pub const GUARDRAIL_CAP: u32 = 1_000;
/// The shortest window of a cap: what is faster is a rate of the tool.
pub const GUARDRAIL_WINDOW_MIN: Duration = Duration::from_secs(1);
/// The longest window of a cap: a month.
pub const GUARDRAIL_WINDOW: Duration = Duration::from_secs(31 * 24 * 3600);
/// Spans of a week in which calls may be made.
pub const GUARDRAIL_HOURS: usize = 100;
/// How long a call waits at a cap where nothing is said: as long as for configuration.
pub const GUARDRAIL_WAIT: Duration = Duration::from_secs(24 * 3600);
/// How long people have to answer for a call that is over a cap, where nothing is said.
pub const GUARDRAIL_ASK: Duration = Duration::from_secs(24 * 3600);
/// The shortest pause between two looks of a call that waits at a cap.
pub const GUARDRAIL_LOOK: Duration = Duration::from_secs(1);
/// The longest one: guardrails change, and calls that were counted are given back.
pub const GUARDRAIL_LOOK_MAX: Duration = Duration::from_secs(60);
/// How long after its instant a call in line is taken to look again still, before its place in line is another's.
pub const GUARDRAIL_LATE: Duration = Duration::from_secs(30);
/// How long a call counts as active of which no containment is known: a crash or an unclear end may leave none.
pub const GUARDRAIL_ACTIVE_UNKNOWN: Duration = Duration::from_secs(24 * 3600);
/// A text that names a target: longer ones are taken for protected.
pub const GUARDED_TARGET_BYTES: usize = 4 << 10;
/// Targets that one call names: where there are more, they are taken for protected.
pub const GUARDED_TARGETS: usize = 1_000;
/// How much of a target is told where a call is refused.
pub const GUARDED_TARGET_TOLD: usize = 200;
