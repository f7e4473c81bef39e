//! Cleanups: the time that `finally` and `on_cancel` have.

use updraft_kernel::invariant::Violation;
use updraft_kernel::plan::{PlannedKind, PlannedStep};
use updraft_protocol::{TaskDocument, Timestamp, Wait};

use super::{Oracle, broken};

/// The wait of a cleanup, beside those of attempts and rounds.
const CLEANUP: u32 = u32::MAX;

impl Oracle {
    /// The wait of a cleanup begins: for its time, and after a crash until the same instant. A pause makes it longer.
    pub(super) fn cleanup_armed(
        &mut self,
        step: Option<&PlannedStep>,
        task: &TaskDocument,
        wait: &Wait,
        due: Timestamp,
    ) -> Result<(), Violation> {
        let is_finally = step.is_some_and(|step| matches!(step.kind, PlannedKind::Finally(_)));
        // A timer that was set before the cancel may still be handed out.
        if !is_finally && wait.until != Some(due) {
            return Ok(());
        }
        let time = step.and_then(|step| step.cleanup.as_ref()).map(|cleanup| cleanup.timeout);
        let Some(planned) = time.map(|time| wait.since.after(time)) else { return Ok(()) };
        let before = self.dues.insert((task.task_request_id, CLEANUP), due).unwrap_or(planned);
        let is_longer = due > before && self.resumes.contains_key(&task.head.peid);
        // A timer that was set before the pause may still be handed out.
        let is_earlier = due >= planned && wait.until.is_some_and(|until| until > due);
        if due == before || is_longer || is_earlier {
            return Ok(());
        }
        broken("waits are kept", format!("a cleanup until {due}, after {before}"))
    }
}
