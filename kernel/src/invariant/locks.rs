//! The invariants of locks of targets: one has each, who acts on a target has its lock or an execution above it has, and nobody
//! waits for who waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_protocol::{ExecutionId, TaskId, TenantCode};

use super::{Violation, violated};
use crate::shared::target_locks::LockedTarget;

/// A call that is under way, and one of the locks that it needs meanwhile.
#[derive(Debug, Clone)]
pub struct ActingCall {
    /// Its execution.
    pub peid: ExecutionId,
    /// Its tenant.
    pub tenant: TenantCode,
    /// Who is to have the lock.
    pub owner: TaskId,
    /// What it acts on.
    pub target: Arc<str>,
}

/// One owner at a time has the lock of a target.
pub fn one_holder(held: &[(ExecutionId, TaskId, LockedTarget)]) -> Result<(), Violation> {
    let mut holders: BTreeMap<&LockedTarget, (ExecutionId, TaskId)> = BTreeMap::new();
    for (peid, owner, target) in held {
        if let Some(first) = holders.insert(target, (*peid, *owner)) {
            return violated("one holder of a target", format!("{target:?}: {first:?} and {peid} {owner}"));
        }
    }
    Ok(())
}

/// A call that is under way has its locks, or executions that wait for its own have them; `above` gives the next one.
pub fn acts_with_its_locks(
    held: &[(ExecutionId, TaskId, LockedTarget)],
    acting: &[&ActingCall],
    above: impl Fn(ExecutionId) -> Option<ExecutionId>,
) -> Result<(), Violation> {
    for call in acting {
        let of = |(_, _, lock): &&(ExecutionId, TaskId, LockedTarget)| {
            lock.tenant == call.tenant && *lock.target == *call.target
        };
        let holder = held.iter().find(of);
        let has = holder.is_some_and(|(peid, owner, _)| {
            let is_above =
                || std::iter::successors(above(call.peid), |next| above(*next)).any(|of| of == *peid);
            if *peid == call.peid { *owner == call.owner } else { is_above() }
        });
        if !has {
            let who = holder.map(|(peid, owner, _)| (peid, owner));
            return violated("acts with its locks", format!("{call:?} acts, and {who:?} has its target"));
        }
    }
    Ok(())
}

/// Who is lent a lock does not stand in line for it.
pub fn nobody_waits_for_what_it_is_lent(waiting: &[ExecutionId]) -> Result<(), Violation> {
    match waiting.first() {
        Some(peid) => {
            violated("nobody waits for itself", format!("{peid} is lent what it stands in line for"))
        }
        None => Ok(()),
    }
}
