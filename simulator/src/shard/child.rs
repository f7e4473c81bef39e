//! What the executions of a shard do with their sub-playbooks. Mirrors `actors/src/child.rs`.

use std::sync::Arc;

use updraft_kernel::machine::{ChildReport, StartChild, children_of};
use updraft_kernel::shard::ShardEvent;
use updraft_protocol::{ExecutionDocument, ExecutionHead, ExecutionId, TaskDocument, TaskId};

use super::{ShardContext, SimulatedShard};
use crate::event::Inner;
use crate::execution::Ask;
use crate::node::ChildWork;
use crate::registry::RegisteredExecution;
use crate::scenario::MILLIS;

impl SimulatedShard {
    /// Registers a child, unless it is there, and has it started.
    pub(super) fn start_child(
        &mut self,
        head: Arc<ExecutionHead>,
        start: StartChild,
        shard_cx: &mut ShardContext<'_>,
    ) {
        let (parent, peid) = (start.parent, ExecutionId::of_child(start.parent.task));
        let work = match shard_cx.registry.get(peid) {
            Some(there) => match (&there.end, there.accepted) {
                (Some(report), _) => ChildWork::Tell(parent.peid, parent.task, report.clone()),
                (None, true) if !parent.waits => {
                    ChildWork::Tell(parent.peid, parent.task, ChildReport::Started)
                }
                (None, _) => return,
            },
            None => {
                let Some(above) = shard_cx.registry.get(parent.peid).cloned() else { return };
                let child = RegisteredExecution {
                    key: None,
                    input_hash: None,
                    accepted: false,
                    ended: false,
                    end: None,
                    ..above
                };
                shard_cx.registry.add(peid, child);
                ChildWork::Begin(head, Box::new(start))
            }
        };
        let wait = shard_cx.cx.pace(5 * MILLIS);
        shard_cx.cx.after(wait, shard_cx.home.node, Inner::Child(work));
    }

    /// Cancels the child of a task.
    pub fn stop_child(&mut self, parent: ExecutionId, task: TaskId, shard_cx: &mut ShardContext<'_>) {
        let peid = ExecutionId::of_child(task);
        let registered = shard_cx.registry.get(peid).map(|child| child.end.clone());
        let (wait, work) = match registered {
            Some(None) => {
                if self.ask(peid, Ask::Stop, shard_cx) {
                    return;
                }
                (100 * MILLIS, ChildWork::Stop(parent, task))
            }
            Some(Some(report)) => (0, ChildWork::Tell(parent, task, report)),
            None if !shard_cx.cx.store.answers(shard_cx.cx.now) => {
                (250 * MILLIS, ChildWork::Stop(parent, task))
            }
            None => {
                let stored = shard_cx.cx.store.executions.get(&peid);
                let report = stored.map_or_else(ChildReport::never_began, ChildReport::of);
                (0, ChildWork::Tell(parent, task, report))
            }
        };
        shard_cx.cx.after(wait, shard_cx.home.node, Inner::Child(work));
    }

    /// Reports to a task of an execution.
    pub fn tell_parent(
        &mut self,
        peid: ExecutionId,
        task: TaskId,
        report: ChildReport,
        shard_cx: &mut ShardContext<'_>,
    ) {
        let is_open = shard_cx.registry.get(peid).is_some_and(|parent| !parent.ended);
        let child = ExecutionId::of_child(task);
        if is_open && !shard_cx.registry.ask(peid, Ask::Child(task, report.clone())) {
            shard_cx.registry.wait_for_room(peid, task, report);
            return self.on(ShardEvent::Woken(peid), shard_cx);
        }
        // Only now, so that a parent that looks again finds a child or the report.
        if shard_cx.registry.get(child).is_some_and(|child| !child.accepted) {
            shard_cx.registry.remove(child);
        }
        self.on(ShardEvent::Woken(peid), shard_cx);
    }

    /// An execution has ended: its parent is told.
    pub(super) fn child_ended(&mut self, document: &ExecutionDocument, shard_cx: &mut ShardContext<'_>) {
        let report = ChildReport::of(document);
        if let Some(child) = shard_cx.registry.get_mut(document.peid) {
            child.end = Some(report.clone());
        }
        if let Some(parent) = document.head.parent.filter(|parent| parent.waits) {
            let wait = shard_cx.cx.pace(5 * MILLIS);
            let work = ChildWork::Tell(parent.peid, parent.task, report);
            shard_cx.cx.after(wait, shard_cx.home.node, Inner::Child(work));
        }
    }

    /// Stops the children that an execution has left, which ended without its machine.
    pub(super) fn stop_left(
        &mut self,
        peid: ExecutionId,
        tasks: &[TaskDocument],
        shard_cx: &mut ShardContext<'_>,
    ) {
        for task in children_of(tasks) {
            self.stop_child(peid, task, shard_cx);
        }
    }
}

/// Whether the parent of an execution has ended, which waited for it.
pub(super) fn is_orphan(document: &ExecutionDocument, shard_cx: &ShardContext<'_>) -> bool {
    let Some(parent) = document.head.parent.filter(|parent| parent.waits) else { return false };
    match shard_cx.registry.get(parent.peid) {
        Some(above) => above.ended,
        None => {
            let stored = shard_cx.cx.store.executions.get(&parent.peid);
            stored.is_some_and(|above| above.state.execution_status.ended())
        }
    }
}
