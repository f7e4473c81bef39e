//! The sub-playbooks of a process: their start, and the reports to their parents. Mirrors `actors/src/child.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_kernel::fair_queue::QueueTicket;
use updraft_kernel::machine::{ChildReport, Machine, StartChild, head_of_child};
use updraft_kernel::shard::Since;
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::{
    ExecutionHead, ExecutionId, Failure, FailureKind, Json, PlaybookChoice, PlaybookId, TaskId,
};

use super::{Phase, SimulatedNode};
use crate::admission::Waiter;
use crate::context::Context;
use crate::event::Inner;
use crate::journal::{SimulatedAppend, Who};
use crate::scenario::MILLIS;
use crate::shard::terms;

/// The children that wait for a place, each with what is to be started.
pub(super) type PlacedChildren = BTreeMap<ExecutionId, (QueueTicket, Arc<ExecutionHead>, Box<StartChild>)>;

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
            // One that does not wait for its child may have ended while that waited for a place.
            ChildWork::Tell(peid, task, _) if self.registry.get(peid).is_none() => {
                let child = ExecutionId::of_child(task);
                if self.registry.get(child).is_some_and(|child| !child.accepted) {
                    self.registry.remove(child);
                }
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
                let permit = self.admission.try_acquire(&parent.tenant_code);
                self.registry.hold(peid, permit);
                self.of(peid, cx, |shard, shard_cx| shard.unfinished(peid, Since::Now, shard_cx));
                if start.parent.waits {
                    return;
                }
                ChildReport::Started
            }
            None if self.registry.is_to_stop(peid) => ChildReport::never_began(),
            None => match self.place_child(parent, start, (order, peid), cx) {
                Ok(()) => return,
                Err(failure) => ChildReport::Refused(failure),
            },
        };
        cx.after(0, self.id, Inner::Child(ChildWork::Tell(above, task, report)));
    }

    /// Starts a child that is nowhere yet, once it has a place. One that acts on a target that is locked for it runs in the place of
    /// whoever waits for it.
    fn place_child(
        &mut self,
        parent: Arc<ExecutionHead>,
        start: Box<StartChild>,
        (order, peid): (usize, ExecutionId),
        cx: &mut Context,
    ) -> Result<(), Failure> {
        let tenant = parent.tenant_code.clone();
        if !self.home.locks.holders.is_lent(peid) {
            match self.admission.try_acquire(&tenant) {
                Some(permit) => self.registry.hold(peid, Some(permit)),
                None => {
                    cx.statistics.count("children that wait for a place");
                    let now = self.home.clock(cx);
                    let ticket = self.admission.wait(&tenant, parent.priority, Waiter::Child(peid), now);
                    self.waiting_children.insert(peid, (ticket, parent, start));
                    return Ok(());
                }
            }
            let fits = self.admission.fits(&tenant, &self.registry);
            cx.check(fits);
        }
        let started = self.start_child(&parent, &start, (order, peid), cx);
        if started.is_err() {
            self.registry.hold(peid, None);
        }
        started
    }

    /// A child has its place.
    pub(super) fn child_placed(&mut self, peid: ExecutionId, permit: Permit, cx: &mut Context) {
        let Some((_, parent, start)) = self.waiting_children.remove(&peid) else { return };
        let Some(order) = self.registry.get(peid).filter(|child| !child.accepted).map(|child| child.order)
        else {
            return;
        };
        if self.phase != Phase::Open {
            return self.registry.remove(peid);
        }
        self.registry.hold(peid, Some(permit));
        if let Err(failure) = self.start_child(&parent, &start, (order, peid), cx) {
            self.registry.hold(peid, None);
            let (above, task) = (start.parent.peid, start.parent.task);
            let report = ChildReport::Refused(failure);
            cx.after(0, self.id, Inner::Child(ChildWork::Tell(above, task, report)));
        }
    }

    /// Children that are to be stopped before they have a place never begin.
    pub(super) fn stop_waiting_children(&mut self, cx: &mut Context) {
        let is_to_stop = |peid: &&ExecutionId| self.registry.is_to_stop(**peid);
        let stopped: Vec<ExecutionId> = self.waiting_children.keys().filter(is_to_stop).copied().collect();
        for peid in stopped {
            let Some((ticket, _, start)) = self.waiting_children.remove(&peid) else { continue };
            let _left = self.admission.line.leave(&ticket);
            let (above, task, report) = (start.parent.peid, start.parent.task, ChildReport::never_began());
            cx.after(0, self.id, Inner::Child(ChildWork::Tell(above, task, report)));
        }
    }

    /// Starts a child that has its place.
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
