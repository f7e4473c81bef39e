//! Limits of what an operator is told of that takes long.

use std::time::Duration;

use super::{ATTEMPT_UNSENT, CONTAINMENT_PAUSE_MAX};

/// Executions of which the usual times of playbooks are told: their index entries are read within some milliseconds.
pub const USUAL_EXECUTIONS: usize = 10_000;
/// Executions of a playbook version without which its usual time is not known: 19 of 20 took no longer.
pub const USUAL_EXECUTIONS_MIN: usize = 20;
/// Unfinished executions that are looked at for one page of slow ones.
pub const OVERDUE_LOOKED_AT: usize = 1_000;
/// How often the watchdog counts what is overdue, unless the builder says otherwise: people act on it within minutes.
pub const WATCH_EVERY: Duration = Duration::from_secs(60);
/// How late something is before it counts as overdue: an execution that is due takes a place in line with others, and a restart
/// reads thousands of them.
pub const WATCH_GRACE: Duration = Duration::from_secs(120);
/// How long an execution whose calls run has no news before it counts as overdue: several times the line at a tool.
pub const WATCH_PROGRESS: Duration = Duration::from_secs(3600);
/// The pause between two warnings of one kind: whoever reads the log knows of it by then.
pub const WATCH_WARNS: Duration = Duration::from_secs(3600);
/// Containments that are looked at for those that are overdue; of more, so many are counted.
pub const WATCH_CONTAINMENTS: usize = 1_000;
/// How long before its next undo a containment is looked at: none that has failed waits longer for it.
pub const WATCH_CONTAINMENTS_AHEAD: Duration = CONTAINMENT_PAUSE_MAX;

const _: () = assert!(ATTEMPT_UNSENT.as_secs() < WATCH_PROGRESS.as_secs());
