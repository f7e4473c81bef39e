//! Queued executions as each process must see them: none is lost, begins twice, begins before another of its tenant, or begins
//! while it is paused.

use std::collections::{BTreeMap, BTreeSet};

use updraft_kernel::backlog::Queued;
use updraft_kernel::invariant::{self, Violation};
use updraft_protocol::{ExecutionHead, ExecutionId, ExecutionState, Name, TenantCode, Update};

use super::{Oracle, State, broken};
use crate::event::NodeId;
use crate::store::SimulatedStore;

/// What is queued at one process.
#[derive(Debug, Default)]
pub(super) struct KnownQueue {
    waiting: BTreeMap<ExecutionId, (TenantCode, Name, Queued)>,
    /// Those that somebody changes.
    claimed: BTreeSet<ExecutionId>,
    /// How many were, and how many of them have begun or gone.
    ever: usize,
    begun: usize,
    gone: usize,
    /// What a read under way must see of each tenant, and what the newest one has seen.
    reading: BTreeMap<TenantCode, BTreeSet<ExecutionId>>,
    seen: BTreeMap<TenantCode, BTreeSet<ExecutionId>>,
}

impl Oracle {
    /// A submission is to be queued.
    pub fn enqueued(&mut self, update: &Update) {
        if let Update::Execution(execution) = update {
            let state = State::Execution(execution.state.clone());
            self.decided.entry(update.document()).or_default().insert(update.revision(), state);
        }
    }

    /// A queued execution is changed without its machine.
    pub fn queued_changed(&mut self, before: &ExecutionState, update: &Update) {
        if let Update::Execution(execution) = update {
            let mut state = before.clone();
            state.merge(execution.state.clone());
            self.decided
                .entry(update.document())
                .or_default()
                .insert(update.revision(), State::Execution(state));
        }
    }

    /// A process has a queued execution.
    pub fn queue_has(&mut self, node: NodeId, (head, queued): (&ExecutionHead, Queued)) {
        let known = self.queues.entry(node).or_default();
        known.ever += 1;
        let of = (head.tenant_code.clone(), head.playbook_name.clone(), queued);
        known.waiting.insert(queued.peid, of);
    }

    /// A queued execution gets a place.
    pub fn queue_begins(
        &mut self,
        node: NodeId,
        queued: Queued,
        store: &SimulatedStore,
        is_paused: impl Fn(&ExecutionHead) -> bool,
    ) -> Result<(), Violation> {
        let known = self.queues.entry(node).or_default();
        let found = known.waiting.remove(&queued.peid);
        invariant::begins_once(queued.peid, found.is_some())?;
        known.begun += 1;
        let Some(document) = store.executions.get(&queued.peid) else {
            return broken("accepted is durable", format!("{} begins, and is not stored", queued.peid));
        };
        invariant::none_begins_while_paused(queued.peid, is_paused(&document.head))?;
        let seen = known.seen.get(&document.head.tenant_code).into_iter().flatten();
        let earlier = seen.filter_map(|peid| known.waiting.get(peid)).map(|(.., queued)| *queued);
        let place = found.map_or(queued, |(.., queued)| queued);
        invariant::begins_in_order(place, earlier)
    }

    /// A queued execution is claimed: until it is read again, another may begin before it.
    pub fn queue_is_claimed(&mut self, node: NodeId, peid: ExecutionId) {
        let known = self.queues.entry(node).or_default();
        known.claimed.insert(peid);
        for seen in known.reading.values_mut().chain(known.seen.values_mut()) {
            seen.remove(&peid);
        }
    }

    /// A claim is given back.
    pub fn queue_is_given_back(&mut self, node: NodeId, peid: ExecutionId) {
        self.queues.entry(node).or_default().claimed.remove(&peid);
    }

    /// A queued execution has another place.
    pub fn queue_moves(&mut self, node: NodeId, queued: Queued) {
        let known = self.queues.entry(node).or_default();
        if let Some((.., place)) = known.waiting.get_mut(&queued.peid) {
            *place = queued;
        }
    }

    /// A queued execution was cancelled.
    pub fn queue_loses(&mut self, node: NodeId, peid: ExecutionId) {
        let known = self.queues.entry(node).or_default();
        known.gone += usize::from(known.waiting.remove(&peid).is_some());
    }

    /// The queued executions of a tenant are to be read: those that are there now are seen.
    pub fn queue_is_read(&mut self, node: NodeId, tenant: &TenantCode, paused: &[Name]) {
        let known = self.queues.entry(node).or_default();
        let may = |(peid, (of, playbook, _)): &(&ExecutionId, &(TenantCode, Name, Queued))| {
            of == tenant && !paused.contains(playbook) && !known.claimed.contains(peid)
        };
        let own = known.waiting.iter().filter(may).map(|(peid, _)| *peid).collect();
        known.reading.insert(tenant.clone(), own);
    }

    /// They were read.
    pub fn queue_was_read(&mut self, node: NodeId, tenant: &TenantCode) {
        let known = self.queues.entry(node).or_default();
        if let Some(seen) = known.reading.remove(tenant) {
            known.seen.insert(tenant.clone(), seen);
        }
    }

    /// What of a tenant may begin is another: a read must tell.
    pub fn queue_is_unread(&mut self, node: NodeId, tenant: &TenantCode) {
        let known = self.queues.entry(node).or_default();
        known.reading.remove(tenant);
        known.seen.remove(tenant);
    }

    /// The line counts what is queued, with those that are just being accepted.
    pub fn queue_adds_up(&self, node: NodeId, counted: u64, arriving: usize) -> Result<(), Violation> {
        let Some(known) = self.queues.get(&node) else { return Ok(()) };
        let queued = usize::try_from(counted).unwrap_or(usize::MAX).saturating_sub(arriving);
        invariant::accepted_adds_up(known.ever, (queued, known.begun, known.gone))
    }
}
