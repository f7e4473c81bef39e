//! The sub-playbooks of a process: their start, and the reports to their parents. Mirrors `actors/src/child.rs`.

use std::sync::Arc;

use updraft_kernel::machine::{ChildReport, Machine, StartChild, head_of_child};
use updraft_kernel::shard::Since;
use updraft_protocol::{
    ExecutionHead, ExecutionId, Failure, FailureKind, Json, PlaybookChoice, PlaybookId, TaskId,
};

use super::{Phase, SimulatedNode};
use crate::context::Context;
use crate::event::Inner;
use crate::journal::{SimulatedAppend, Who};
use crate::scenario::MILLIS;
use crate::shard::terms;

/// Work for a sub-playbook.
#[derive(Debug, Clone)]
pub enum ChildWork {
    /// Start a registered child.
    Begin(Arc<ExecutionHead>, Box<StartChild>),
    /// Stop the child of this task of an execution.
    Stop(ExecutionId, TaskId),
    /// Report to this task of an execution.
    Tell(ExecutionId, TaskId, ChildReport),
}

impl SimulatedNode {
    pub(super) fn child(&mut self, work: ChildWork, cx: &mut Context) {
        match work {
            ChildWork::Begin(head, start) => self.begin_child(head, start, cx),
            ChildWork::Stop(peid, task) => {
                // The parent may have ended, and the child not be here.
                let child = ExecutionId::of_child(task);
                let here = if self.registry.get(child).is_some() { child } else { peid };
                self.of(here, cx, |shard, shard_cx| shard.stop_child(peid, task, shard_cx));
            }
            ChildWork::Tell(peid, task, report) => {
                self.of(peid, cx, |shard, shard_cx| shard.tell_parent(peid, task, report, shard_cx));
            }
        }
    }

    fn begin_child(&mut self, parent: Arc<ExecutionHead>, start: Box<StartChild>, cx: &mut Context) {
        let peid = ExecutionId::of_child(start.parent.task);
        let Some(child) = self.registry.get(peid).filter(|child| !child.accepted) else { return };
        let order = child.order;
        if self.phase != Phase::Open {
            return self.registry.remove(peid);
        }
        if !cx.store.answers(cx.now) {
            return cx.after(250 * MILLIS, self.id, Inner::Child(ChildWork::Begin(parent, start)));
        }
        let (above, task) = (start.parent.peid, start.parent.task);
        let report = match cx.store.executions.get(&peid) {
            Some(document) if document.state.execution_status.ended() => ChildReport::of(document),
            Some(_) => {
                if let Some(child) = self.registry.get_mut(peid) {
                    child.accepted = true;
                }
                self.of(peid, cx, |shard, shard_cx| shard.unfinished(peid, Since::Now, shard_cx));
                if start.parent.waits {
                    return;
                }
                ChildReport::Started
            }
            None if self.registry.is_to_stop(peid) => ChildReport::never_began(),
            None => match self.start_child(&parent, &start, (order, peid), cx) {
                Ok(()) => return,
                Err(failure) => ChildReport::Refused(failure),
            },
        };
        cx.after(0, self.id, Inner::Child(ChildWork::Tell(above, task, report)));
    }

    /// Starts a child that is nowhere yet.
    fn start_child(
        &mut self,
        parent: &ExecutionHead,
        start: &StartChild,
        (order, peid): (usize, ExecutionId),
        cx: &mut Context,
    ) -> Result<(), Failure> {
        let refused = |message: &str| Failure::new(FailureKind::Child, message);
        let PlaybookChoice::Named(name, _) = &start.playbook else { return Err(refused("no such playbook")) };
        let plan = cx.children.get(name).cloned().filter(|_| !self.forgotten.contains(&order));
        let plan = plan.ok_or_else(|| refused("no such playbook"))?;
        let (now, pid) = (self.home.clock(cx), PlaybookId::from_bytes([9; 16]));
        let head = head_of_child(parent, start, (pid, &*plan, Json::from(serde_json::json!({}))), now)?;
        let epoch = self.home.epochs.of(&head.tenant_code);
        let (machine, effects) = Machine::start(plan, peid, Arc::new(head), terms(epoch), now);
        cx.note(format_args!("n{} child {peid} of {}: {effects:?}", self.id, start.parent.peid));
        cx.statistics.count("children started");
        let decided = cx.oracle.decided(&machine, &effects, epoch);
        cx.check(decided);
        let updates = effects.writes;
        if self.journal.append(SimulatedAppend { updates, who: Who::Submission(peid) }) {
            self.submitted.push((machine, effects.acts));
        } else {
            self.registry.remove(peid);
        }
        Ok(())
    }
}
