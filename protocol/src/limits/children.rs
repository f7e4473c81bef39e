//! The limits of sub-playbooks, with their reasons.

use std::time::Duration;

use super::APPROVAL_WAIT;

/// Executions inside each other: as many as a person follows. A playbook that contains itself ends here.
pub const CHILD_DEPTH: u32 = 8;
/// How long a step `playbook` waits, unless it says otherwise: as long as an approval in the other playbook may, and a
/// day for the rest of it.
pub const CHILD_WAIT: Duration = Duration::from_secs(8 * 24 * 3600);
/// How long a sub-playbook that was asked to stop may clean up before it is asked again: should the first have been lost,
/// an hour is soon enough, and its parent is out of memory meanwhile.
pub const CHILD_LOOK: Duration = Duration::from_secs(3600);

const _: () = assert!(CHILD_WAIT.as_secs() > APPROVAL_WAIT.as_secs());
