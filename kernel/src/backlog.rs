//! The backlog: who gets the next place among the executions in flight. Executions that are accepted beyond those places are
//! `queued` in the store; of each tenant that has some, the window holds the next ones, and is read anew from the store when it
//! runs low. What waits in memory for a place, such as an execution that was parked, stands in the same line. Owns the order and
//! the counts; reads no store and no clock, and gives no place itself.
//!
//! Tenants are served by deficit round robin ([`crate::fair_queue`]); of one tenant, the entry whose priority-adjusted time of
//! arrival is earliest is next. What is kept does not depend on how many are queued.
//!
//! A page that was read may contain executions that have begun meanwhile, if the store does not have that yet: whoever reads
//! leaves them out, since he knows what runs.

mod admit;
mod claim;
mod document;
mod window;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use updraft_protocol::limits::PRIORITY_STEP;
use updraft_protocol::{ExecutionId, Priority, TenantCode, Timestamp};

use crate::fair_queue::{FairQueue, QueueTicket};
pub use admit::Placed;
pub use claim::{Claim, GivenBack};
pub use document::{enqueued, reprioritised};
pub use window::QueuedPage;
use window::Window;

/// A queued execution in the order of its tenant's: the smallest begins first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queued {
    /// Its place in that order.
    pub position: Timestamp,
    /// Its id.
    pub peid: ExecutionId,
}

impl Queued {
    /// The place of an execution that was accepted at this instant. A priority is an advance in time: one is overtaken by another
    /// of the next higher priority that is accepted up to [`PRIORITY_STEP`] later, and by none after that, so that nothing waits
    /// for ever.
    pub fn position(accepted: Timestamp, priority: Priority) -> Timestamp {
        accepted.after(PRIORITY_STEP * priority.steps_behind())
    }
}

/// What gets the next place.
#[derive(Debug, PartialEq, Eq)]
pub enum Admitted<W> {
    /// A queued execution: it begins.
    Begin(Queued),
    /// What waits in memory.
    Waiter(W),
}

/// A submission that finds the backlog full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BacklogFull {
    /// There are as many as the engine may have.
    Engine,
    /// The tenant has its share.
    Tenant,
}

/// The line for places. `W` is what waits in memory.
#[derive(Debug)]
pub struct AdmissionLine<W> {
    line: FairQueue<Admitted<W>>,
    /// Tenants with queued executions, or with some that are just being accepted.
    tenants: BTreeMap<TenantCode, Window>,
    /// Executions that get their place at this moment: they can no longer be claimed.
    beginning: BTreeSet<ExecutionId>,
    /// Tenants whose windows are to be read, in the order in which that was found out.
    to_read: VecDeque<TenantCode>,
    /// The turns of tenants in a round, where it is not one.
    weights: BTreeMap<TenantCode, u32>,
    /// Queued ones of all tenants, with those that are just being accepted.
    queued: u64,
    most: u64,
    /// Tenants of which nothing queued begins.
    paused: BTreeSet<TenantCode>,
    /// Nothing queued begins any more.
    is_closed: bool,
}

impl<W> AdmissionLine<W> {
    /// A backlog of `most` executions.
    pub fn new(most: u64) -> Self {
        Self {
            line: FairQueue::default(),
            tenants: BTreeMap::new(),
            beginning: BTreeSet::new(),
            to_read: VecDeque::new(),
            weights: BTreeMap::new(),
            queued: 0,
            most,
            paused: BTreeSet::new(),
            is_closed: false,
        }
    }

    /// The start of an engine finds queued executions of a tenant in the store.
    pub fn found(&mut self, tenant: &TenantCode, queued: u64) {
        self.queued += queued;
        self.tenants.entry(tenant.clone()).or_default().queued += queued;
        self.look(tenant);
    }

    /// An execution is to be queued, if there is room: [`Self::queued`] or [`Self::withdrawn`] follows.
    ///
    /// # Errors
    /// There is none.
    pub fn arrive(&mut self, tenant: &TenantCode, most_of_tenant: u64) -> Result<(), BacklogFull> {
        if self.queued_of(tenant) >= most_of_tenant {
            return Err(BacklogFull::Tenant);
        }
        if self.queued >= self.most {
            return Err(BacklogFull::Engine);
        }
        self.queued += 1;
        self.tenants.entry(tenant.clone()).or_default().arriving += 1;
        Ok(())
    }

    /// An execution that arrived is durable.
    pub fn queued(&mut self, tenant: &TenantCode, queued: Queued) {
        if let Some(window) = self.tenants.get_mut(tenant) {
            window.arrived(queued);
        }
        self.look(tenant);
    }

    /// An execution that arrived is not queued.
    pub fn withdrawn(&mut self, tenant: &TenantCode) {
        if let Some(window) = self.tenants.get_mut(tenant) {
            window.arriving = window.arriving.saturating_sub(1);
            self.queued = self.queued.saturating_sub(1);
        }
        self.look(tenant);
    }

    /// Stands in line with what waits in memory.
    pub fn wait(
        &mut self,
        tenant: &TenantCode,
        priority: Priority,
        waiter: W,
        now: Timestamp,
    ) -> QueueTicket {
        let position = place_of(Queued::position(now, priority));
        let weight = self.weight(tenant);
        self.line.push_at(tenant, weight, position, Admitted::Waiter(waiter))
    }

    /// Leaves the line; `None` for what had its turn already.
    pub fn leave(&mut self, ticket: &QueueTicket) -> Option<W> {
        match self.line.remove(ticket)? {
            Admitted::Waiter(waiter) => Some(waiter),
            Admitted::Begin(_) => None,
        }
    }

    /// Whether something of a tenant waits: what comes now must not overtake it.
    pub fn is_waiting(&self, tenant: &TenantCode) -> bool {
        self.line.waiting_of(tenant) > 0 || self.tenants.contains_key(tenant)
    }

    /// What gets the next place, of a tenant that `may` have one. A tenant that may not is passed over until it is
    /// [readmitted](Self::readmit). An execution that begins is [begun](Self::begun) afterwards.
    pub fn next(&mut self, mut may: impl FnMut(&TenantCode) -> bool) -> Option<(TenantCode, Admitted<W>)> {
        let (ticket, admitted) = self.line.pop(|tenant, _| may(tenant))?;
        let tenant = ticket.tenant().clone();
        if let Admitted::Begin(queued) = admitted {
            self.beginning.insert(queued.peid);
            if let Some(window) = self.tenants.get_mut(&tenant) {
                window.left(queued);
                self.queued = self.queued.saturating_sub(1);
            }
            self.look(&tenant);
        }
        Some((tenant, admitted))
    }

    /// Whoever looks for an execution finds that it runs.
    pub fn begun(&mut self, peid: ExecutionId) {
        self.beginning.remove(&peid);
    }

    /// Lets a tenant have turns again that was passed over.
    pub fn readmit(&mut self, tenant: &TenantCode) {
        self.line.readmit(tenant);
    }

    /// Sets the turns that a tenant has in a round, at least one.
    pub fn set_weight(&mut self, tenant: &TenantCode, weight: u32) {
        if weight <= 1 {
            self.weights.remove(tenant);
        } else {
            self.weights.insert(tenant.clone(), weight);
        }
        self.line.set_weight(tenant, weight);
    }

    /// The turns that a tenant has in a round.
    pub fn weight(&self, tenant: &TenantCode) -> u32 {
        self.weights.get(tenant).copied().unwrap_or(1)
    }

    /// Nothing queued of a tenant begins from now on, or it does again.
    pub fn pause(&mut self, tenant: &TenantCode, is_paused: bool) {
        if is_paused {
            self.paused.insert(tenant.clone());
        } else {
            self.paused.remove(tenant);
        }
        self.refresh(tenant);
    }

    /// Nothing queued begins any more: the engine shuts down. What waits in memory still gets places.
    pub fn close(&mut self) {
        self.is_closed = true;
        let tenants: Vec<TenantCode> = self.tenants.keys().cloned().collect();
        for tenant in tenants {
            self.empty(&tenant);
        }
        self.to_read.clear();
    }

    /// How many executions are queued, of all tenants.
    pub fn len(&self) -> u64 {
        self.queued
    }

    /// Whether none is queued.
    pub fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// How many executions of a tenant are queued.
    pub fn queued_of(&self, tenant: &TenantCode) -> u64 {
        self.tenants.get(tenant).map_or(0, |window| window.queued + window.arriving)
    }

    /// The tenants that have queued executions, with their number.
    pub fn tenants(&self) -> impl Iterator<Item = (&TenantCode, u64)> {
        self.tenants.iter().map(|(tenant, window)| (tenant, window.queued + window.arriving))
    }

    /// Invariant: the counts add up, what is kept is bounded, and what is in the windows stands in the line.
    pub fn is_sound(&self) -> bool {
        let of_tenants: u64 = self.tenants().map(|(_, queued)| queued).sum();
        let mut windows = self.tenants.values();
        self.line.is_sound()
            && of_tenants == self.queued
            && windows.all(|window| window.is_sound(|ticket| self.line.waits(ticket)))
    }
}

/// A place in the line.
fn place_of(position: Timestamp) -> Duration {
    Duration::from_millis(position.0)
}

#[cfg(test)]
mod tests;
