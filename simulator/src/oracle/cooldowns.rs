//! Waits for tools that are left alone: until the instant that was told, and again until another one; all together as long
//! as the attempts of the step may be apart, where the tool does not work, and within the time of its execution.

use updraft_kernel::invariant::Violation;
use updraft_kernel::machine::Machine;
use updraft_kernel::plan::{PlannedAction, PlannedStep};
use updraft_protocol::{Failure, FailureKind, TaskDocument, Timestamp, Wait, WaitKind};

use super::{Oracle, broken};

impl Oracle {
    /// A wait of a task begins; `None` if it is none for a tool.
    pub(super) fn cooldown_armed(
        &self,
        machine: &Machine,
        (step, task): (Option<&PlannedStep>, &TaskDocument),
        due: Timestamp,
    ) -> Option<Result<(), Violation>> {
        let wait = task.state.wait.as_deref().filter(|wait| wait.kind == WaitKind::Cooldown)?;
        Some(self.lasts_as_told(machine, (PlannedAction::of(step?)?, task), wait, due))
    }

    fn lasts_as_told(
        &self,
        machine: &Machine,
        (action, task): (&PlannedAction, &TaskDocument),
        wait: &Wait,
        due: Timestamp,
    ) -> Result<(), Violation> {
        let (state, step) = (&task.state, &task.head.step_id);
        // The timer of an earlier one may still be handed out.
        let Some(until) = wait.until.filter(|until| *until <= due) else { return Ok(()) };
        let asked = state.error.as_deref().and_then(Failure::retry_after).unwrap_or_default();
        if until != due || due != state.updated_date.after(asked) || wait.since > state.updated_date {
            return broken("waits are kept", format!("{step} waits until {due} for {asked:?}: {wait:?}"));
        }
        let is_bounded = state.error.as_deref().is_some_and(|error| error.kind == FailureKind::Unavailable);
        let is_late = is_bounded && due > wait.since.after(action.retry.max * action.retry.attempts);
        let deadline = self.deadlines.get(&task.head.peid);
        if is_late || (machine.ending().is_none() && deadline.is_some_and(|deadline| due >= *deadline)) {
            return broken("waits are kept", format!("{step} waits for its tool longer than it may"));
        }
        Ok(())
    }
}
