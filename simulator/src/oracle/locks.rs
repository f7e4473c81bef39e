//! Locks of targets: which calls act on which, and who must have its lock meanwhile. A call is under way until its attempt has
//! ended, or its actor is gone.

use std::collections::BTreeMap;

use updraft_kernel::invariant::{self, ActingCall, Violation};
use updraft_kernel::machine::NeededLock;
use updraft_kernel::shared::lock_holders::LockHolders;
use updraft_protocol::{ExecutionId, TaskId, TenantCode};

use super::Oracle;
use crate::event::{Incarnation, NodeId};
use crate::scenario::MILLIS;

/// The calls that act on locked targets, and whose children wait for whom.
#[derive(Debug, Default)]
pub(super) struct KnownLocks {
    acting: BTreeMap<(NodeId, TaskId), (Incarnation, Vec<ActingCall>)>,
    /// The executions that wait for an execution.
    above: BTreeMap<ExecutionId, ExecutionId>,
    /// Who stands in line for what it is lent, since when.
    lent: BTreeMap<NodeId, BTreeMap<ExecutionId, u64>>,
}

/// A time within which who was told has looked.
const SOON: u64 = 1_000 * MILLIS;

impl Oracle {
    /// An execution waits for another.
    pub fn waits_for(&mut self, peid: ExecutionId, above: ExecutionId) {
        self.locks.above.insert(peid, above);
    }

    /// A call has its permit, and needs these locks for as long as it is under way.
    pub fn acts_on(
        &mut self,
        (node, tenant): (NodeId, &TenantCode),
        peid: ExecutionId,
        (task, incarnation): (TaskId, Incarnation),
        needed: &[NeededLock],
    ) {
        let of = |lock: &NeededLock| ActingCall {
            peid,
            tenant: tenant.clone(),
            owner: lock.owner,
            target: lock.target.clone(),
        };
        if !needed.is_empty() {
            self.locks.acting.insert((node, task), (incarnation, needed.iter().map(of).collect()));
        }
    }

    /// A call is not under way any more.
    pub fn acts_no_more(&mut self, node: NodeId, task: TaskId) {
        self.locks.acting.remove(&(node, task));
    }

    /// The actor of an execution is gone, with its calls.
    pub fn acts_gone(&mut self, incarnation: Incarnation) {
        self.locks.acting.retain(|_, (of, _)| *of != incarnation);
    }

    /// Notes who stands in line for what it is lent: it is told, and leaves soon. Gives when to look again.
    pub fn is_lent_in_line(&mut self, node: NodeId, now: u64, holders: &LockHolders) -> Option<u64> {
        let waiting = holders.lent_in_line();
        let before = self.locks.lent.remove(&node).unwrap_or_default();
        if waiting.is_empty() {
            return None;
        }
        let since = |peid: ExecutionId| (peid, before.get(&peid).copied().unwrap_or(now));
        self.locks.lent.insert(node, waiting.iter().copied().map(since).collect());
        waiting.iter().any(|peid| !before.contains_key(peid)).then_some(SOON + MILLIS)
    }

    /// The locks of a process are as they must be.
    pub fn locks_hold(&self, (node, now): (NodeId, u64), holders: &LockHolders) -> Result<(), Violation> {
        invariant::one_holder(&holders.held())?;
        let lent = self.locks.lent.get(&node).into_iter().flatten();
        let late: Vec<ExecutionId> =
            lent.filter(|(_, since)| **since + SOON < now).map(|(peid, _)| *peid).collect();
        invariant::nobody_waits_for_what_it_is_lent(&late)?;
        let range = self.locks.acting.range((node, TaskId::from_bytes([0; 16]))..);
        let own = range.take_while(|((of, _), _)| *of == node);
        let acting: Vec<&ActingCall> = own.flat_map(|(_, (_, calls))| calls).collect();
        invariant::acts_with_its_locks(&holders.held(), &acting, |peid| self.locks.above.get(&peid).copied())
    }
}
