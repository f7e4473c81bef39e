//! The step `playbook`: waits for the end of another execution, which it has started. A recorded task looks again: the
//! act that starts a child finds the one that is there.

use std::sync::Arc;

use updraft_protocol::limits::{CHILD_DEPTH, RECORDED_TARGET_BYTES};
use updraft_protocol::playbook::Record;
use updraft_protocol::{
    CallRecord, Effect, ExecutionId, Failure, FailureKind, Json, Parent, Timestamp, Value, Wait, WaitKind,
};

use super::Arrival;
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Act, Effects, Machine, Ready, StartChild};
use crate::plan::{PlannedKind, PlannedSubPlaybook};

impl Machine {
    pub(super) fn arrive_at_sub_playbook(
        &mut self,
        at: Arrival,
        child: &PlannedSubPlaybook,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.is_put_off(at) {
            return;
        }
        // It was cancelled before a restart, and its child is still to end.
        if let Some(task) = at.recorded.filter(|task| child.waits && self.is_in_cancelled_scope(*task)) {
            return self.stop_child(task, at.now, effects);
        }
        // One that is recorded has perhaps begun: it goes on.
        if at.recorded.is_none() && self.scopes.are_locked_around(at.scope) {
            return self.ready.push_back(Ready::Enter(at.scope, at.step));
        }
        self.start_child(at, child, effects, work);
    }

    /// The child may start: what it needs first is there, or has not come in time.
    pub(in crate::machine) fn child_acquired(
        &mut self,
        ready: Ready,
        outcome: Result<(), Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Ready::Enter(scope, step) = ready else { return };
        let plan = self.plan.clone();
        let PlannedKind::SubPlaybook(child) = &plan.step(step).kind else { return };
        let at = Arrival { scope, step, recorded: None, now };
        let mut work = Vec::new();
        match outcome {
            Ok(()) => self.start_child(at, child, effects, &mut work),
            Err(failure) => {
                let task = at.ending_task(self);
                work.push(self.end_task(task, Ending::Failed(failure), now, effects));
            }
        }
        work.into_iter().for_each(|go| self.go(go, now, effects));
    }

    fn start_child(
        &mut self,
        at: Arrival,
        child: &PlannedSubPlaybook,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        match self.input_of_child(at, child) {
            Ok((input, call)) => {
                let until = at.now.after(child.timeout.unwrap_or(self.default_waits.child));
                let id = self.id_of(at.scope, at.step);
                let task = at.recorded.unwrap_or_else(|| {
                    let subject = Some(ExecutionId::of_child(id).to_string().into());
                    let wait = Wait { subject, ..Wait::until(WaitKind::Child, at.now, until) };
                    self.create_calling(at.scope, at.step, (wait, call), effects)
                });
                let due = self.wait_of(task).and_then(|wait| wait.until).unwrap_or(at.now);
                let depth = self.depth() + 1;
                let parent = Parent { peid: self.peid, task: id, depth, waits: child.waits };
                let playbook = child.playbook.clone();
                effects.acts.push(Act::StartChild(Box::new(StartChild { parent, playbook, input })));
                self.wait(task, due, effects);
            }
            Err(failure) => {
                let task = at.ending_task(self);
                if at.recorded.is_some() {
                    effects.acts.push(Act::StopChild(self.task(task).id));
                }
                work.push(self.end_task(task, Ending::Failed(failure), at.now, effects));
            }
        }
    }

    /// How many executions are above this one.
    fn depth(&self) -> u32 {
        self.head.parent.map_or(0, |parent| parent.depth)
    }

    /// The input of the child, and the record of it that the task keeps.
    fn input_of_child(
        &mut self,
        at: Arrival,
        child: &PlannedSubPlaybook,
    ) -> Result<(Json, Arc<CallRecord>), Failure> {
        if self.depth() >= CHILD_DEPTH {
            let message = format!("sub-playbooks are at most {CHILD_DEPTH} deep inside each other");
            return Err(Failure::new(FailureKind::Child, message));
        }
        let input = match &child.input {
            Some(input) => self.rendered(at, input)?,
            None => Value::Null,
        };
        let target = match &child.target {
            Some(target) => match self.rendered(at, target)? {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            },
            None => None,
        };
        let target = target.filter(|target| target.len() <= RECORDED_TARGET_BYTES).map(Arc::from);
        let recorded = (Effect::Write, Record::Arguments, None);
        let call = CallRecord { target, ..CallRecord::of(&self.head.tenant_code, &input, &[], recorded) };
        Ok((Json::from(&input), Arc::new(call)))
    }
}
