//! The window of a tenant: the queued executions that begin next. Owns when it is to be read anew, and what a page that was read
//! means for the counts.
//!
//! A page is always read from the begin of the tenant's order, so that what stands before others is not missed, whenever it
//! came. What arrives during a read may be in the page or not.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::limits::{BACKLOG_WINDOW, BACKLOG_WINDOW_LEAST, BACKLOG_WINDOWS};
use updraft_protocol::{ExecutionId, TenantCode};

use super::{AdmissionLine, Admitted, Queued, place_of};
use crate::fair_queue::QueueTicket;

/// What was read of the queued executions of a tenant.
#[derive(Debug, Clone, Default)]
pub struct QueuedPage {
    /// Those that begin first, without those that have begun.
    pub first: Vec<Queued>,
    /// Whether the store has no further ones.
    pub is_last: bool,
    /// Whether some were left out that are queued: those of playbooks that are paused.
    pub leaves_out: bool,
}

/// The queued executions of a tenant that begin next.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Where those in the window stand in the line.
    pub(super) next: BTreeMap<Queued, QueueTicket>,
    /// All that are durable, in the window or not.
    pub(super) queued: u64,
    /// Those that are just being accepted.
    pub(super) arriving: u64,
    /// Those that somebody changes: they are not in the window.
    pub(super) claimed: BTreeSet<ExecutionId>,
    /// Whether there may be some that stand before the end of the window, and are not in it.
    pub(super) is_stale: bool,
    /// Whether the store has no others than those that were left out.
    is_exhausted: bool,
    /// The most that the newest read was to give.
    limit: usize,
    /// Whether a read is to be begun.
    is_due: bool,
    reading: Option<Reading>,
}

/// What has changed since a read began.
#[derive(Debug, Default)]
struct Reading {
    arrived: BTreeSet<ExecutionId>,
    left: BTreeSet<ExecutionId>,
    /// Those whose place is known better than what is read says, with it.
    moved: BTreeMap<ExecutionId, Queued>,
    /// Whether what it reads is not to be used.
    is_void: bool,
}

impl Window {
    /// An execution is durable.
    pub(super) fn arrived(&mut self, queued: Queued) {
        self.arriving = self.arriving.saturating_sub(1);
        self.queued += 1;
        self.is_exhausted = false;
        if let Some(reading) = &mut self.reading {
            reading.arrived.insert(queued.peid);
        }
        self.is_stale |= self.next.last_key_value().is_some_and(|(last, _)| queued < *last);
    }

    /// An execution has left the queue.
    pub(super) fn left(&mut self, queued: Queued) {
        self.next.remove(&queued);
        self.gone(queued.peid);
    }

    /// An execution that was not in the window has left the queue.
    pub(super) fn gone(&mut self, peid: ExecutionId) {
        self.queued = self.queued.saturating_sub(1);
        if let Some(reading) = &mut self.reading {
            reading.left.insert(peid);
        }
    }

    /// The place of an execution may have changed: it is this one now.
    pub(super) fn moved(&mut self, queued: Queued) {
        self.is_exhausted = false;
        if let Some(reading) = &mut self.reading {
            reading.moved.insert(queued.peid, queued);
        }
    }

    /// Whether an execution that is not in the window belongs there: no other that is not there comes before it.
    pub(super) fn has_place_for(&self, queued: Queued) -> bool {
        let here = (self.next.len() + self.claimed.len()) as u64;
        self.queued == here + 1 || self.next.last_key_value().is_some_and(|(last, _)| queued < *last)
    }

    /// Takes out the last one where there are too many; returns where it stood in the line.
    pub(super) fn beyond(&mut self) -> Option<QueueTicket> {
        if self.next.len() <= BACKLOG_WINDOW {
            return None;
        }
        self.is_exhausted = false;
        self.next.pop_last().map(|(_, ticket)| ticket)
    }

    /// Whether it needs a read: it runs low, or lacks some that come first.
    fn lacks(&self) -> bool {
        let here = (self.next.len() + self.claimed.len()) as u64;
        // What is left takes longer to begin than a read.
        let is_low = self.next.len() <= self.limit * 2 / 5 && !self.is_exhausted;
        self.queued > here && (is_low || self.is_stale)
    }

    fn is_over(&self) -> bool {
        let queued = self.queued + self.arriving;
        queued == 0 && self.claimed.is_empty() && self.reading.is_none() && self.next.is_empty()
    }

    /// Invariant, for the line that has its entries.
    pub(super) fn is_sound(&self, waits: impl Fn(&QueueTicket) -> bool) -> bool {
        self.next.len() <= BACKLOG_WINDOW
            && self.next.len() as u64 <= self.queued
            && self.next.iter().all(|(queued, ticket)| waits(ticket) && !self.claimed.contains(&queued.peid))
    }
}

impl<W> AdmissionLine<W> {
    /// The next read: the tenant, and the most rows. Whoever gets it reads when the store has all that is queued now, and answers
    /// with [`Self::page`] or [`Self::not_read`].
    pub fn next_read(&mut self) -> Option<(TenantCode, usize)> {
        // Where there are many tenants, each has a smaller window.
        let share = BACKLOG_WINDOWS / self.tenants.len().max(1);
        let tenant = loop {
            let tenant = self.to_read.pop_front()?;
            // One that was forgotten, and came back, may stand here twice.
            let Some(window) = self.tenants.get_mut(&tenant).filter(|window| window.is_due) else { continue };
            if !self.paused.contains(&tenant) {
                break tenant;
            }
            // The resume of the tenant has it read.
            window.is_due = false;
        };
        let window = self.tenants.get_mut(&tenant)?;
        (window.is_due, window.is_stale) = (false, false);
        window.reading = Some(Reading::default());
        window.limit = share.clamp(BACKLOG_WINDOW_LEAST, BACKLOG_WINDOW);
        Some((tenant, window.limit))
    }

    /// A read has answered.
    pub fn page(&mut self, tenant: &TenantCode, page: QueuedPage) {
        let weight = self.weight(tenant);
        let is_closed = self.is_closed;
        let Some(window) = self.tenants.get_mut(tenant) else { return };
        let reading = window.reading.take().unwrap_or_default();
        if reading.is_void {
            return self.not_read(tenant);
        }
        let before = window.queued;
        let left =
            |queued: &Queued| reading.left.contains(&queued.peid) || self.beginning.contains(&queued.peid);
        let first: Vec<Queued> = page.first.into_iter().filter(|queued| !left(queued)).collect();
        let seen: BTreeSet<ExecutionId> = first.iter().map(|queued| queued.peid).collect();
        let unseen = reading.arrived.difference(&reading.left).filter(|peid| !seen.contains(peid)).count();
        window.is_exhausted = page.is_last && page.leaves_out && unseen == 0;
        if page.is_last && !page.leaves_out {
            window.queued = (first.len() + unseen) as u64;
        }
        let end = first.last().copied().filter(|_| !page.is_last);
        // One that was claimed again is given back with its place.
        let is_here = |queued: &Queued| {
            !left(queued) && !window.claimed.contains(&queued.peid) && end.is_none_or(|end| *queued <= end)
        };
        let mut next: BTreeSet<Queued> = reading.moved.values().copied().filter(is_here).collect();
        next.extend(first.into_iter().filter(|queued| {
            !window.claimed.contains(&queued.peid) && !reading.moved.contains_key(&queued.peid)
        }));
        if is_closed {
            next.clear();
        }
        let old = std::mem::take(&mut window.next);
        for (queued, ticket) in old {
            if next.contains(&queued) {
                window.next.insert(queued, ticket);
            } else {
                self.line.remove(&ticket);
            }
        }
        for queued in next {
            window.next.entry(queued).or_insert_with(|| {
                self.line.push_at(tenant, weight, place_of(queued.position), Admitted::Begin(queued))
            });
        }
        while let Some(ticket) = window.beyond() {
            self.line.remove(&ticket);
        }
        let here = (window.next.len() + window.claimed.len()) as u64;
        window.queued = window.queued.max(here);
        self.queued = self.queued.saturating_sub(before) + window.queued;
        self.look(tenant);
    }

    /// A read will not be answered.
    pub fn not_read(&mut self, tenant: &TenantCode) {
        if let Some(window) = self.tenants.get_mut(tenant) {
            (window.reading, window.is_stale, window.is_exhausted) = (None, true, false);
        }
        self.look(tenant);
    }

    /// Reads the window of a tenant anew: what of it may begin has changed.
    pub fn refresh(&mut self, tenant: &TenantCode) {
        if let Some(window) = self.tenants.get_mut(tenant) {
            (window.is_stale, window.is_exhausted) = (true, false);
            window.reading.iter_mut().for_each(|reading| reading.is_void = true);
        }
        self.empty(tenant);
        self.look(tenant);
    }

    /// Takes the window of a tenant out of the line.
    pub(super) fn empty(&mut self, tenant: &TenantCode) {
        let Some(window) = self.tenants.get_mut(tenant) else { return };
        for ticket in std::mem::take(&mut window.next).into_values() {
            self.line.remove(&ticket);
        }
    }

    /// Has the window of a tenant read if that is needed, and forgets it if nothing of the tenant is queued.
    pub(super) fn look(&mut self, tenant: &TenantCode) {
        let Some(window) = self.tenants.get_mut(tenant) else { return };
        if window.is_over() {
            self.tenants.remove(tenant);
        } else if !self.is_closed
            && !self.paused.contains(tenant)
            && !window.is_due
            && window.reading.is_none()
            && window.lacks()
        {
            window.is_due = true;
            self.to_read.push_back(tenant.clone());
        }
    }
}
