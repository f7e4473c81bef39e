//! What operators ask of tenants and playbooks as a whole: pauses, and quotas.

use updraft_protocol::{Asked, PauseScope};

use super::World;
use crate::event::WorldEvent;
use crate::scenario::{MILLIS, Order, PEOPLE};

/// How often an operator asks again, with this pause.
const AGAIN: u64 = 700 * MILLIS;

impl World {
    /// An operator pauses a scope, or lets it go on, until a process does that. Each pause has a reason of its own.
    pub(super) fn pause_scope(&mut self, number: usize, is_paused: bool) {
        let sent = self.scenario.scope_pauses.iter().find(|sent| sent.number == number).copied();
        let Some((sent, order)) = sent.and_then(|sent| Some((sent, self.order(sent.order)?))) else { return };
        let tenant = self.cx.tenants[order.tenant as usize].clone();
        let plan = self.cx.plans.get(order.number).and_then(Option::as_ref);
        let playbook = plan.map(|plan| plan.name.clone()).filter(|_| sent.of_playbook);
        let scope = PauseScope { tenant, playbook };
        let asked = Asked { uid: PEOPLE[1].into(), reason: format!("pause {number}").into() };
        // What another one has paused is another's to let go on.
        let holds = self.cx.store.pauses.get(&scope);
        let (is_own, is_other) = (holds == Some(&asked), holds.is_some_and(|held| *held != asked));
        let has_begun = self.scopes_paused.contains(&number);
        if if is_paused { is_other } else { has_begun && !is_own && self.cx.store.answers(self.cx.now) } {
            self.scopes_paused.insert(number);
            return;
        }
        let owner = self.owner_of(order.tenant as usize).filter(|_| is_paused || has_begun);
        let node = owner.and_then(|owner| self.nodes.get_mut(&owner));
        if node.is_some_and(|node| node.pause_scope(&scope, &asked, is_paused, &mut self.cx)) && is_paused {
            self.scopes_paused.insert(number);
        } else {
            // A crash may come before it goes on.
            self.cx.queue.at(self.cx.now + AGAIN, WorldEvent::PauseScope(number, is_paused));
        }
    }

    /// An operator sets a quota, until a process does that.
    pub(super) fn set_quota(&mut self, number: usize) {
        let sent = self.scenario.set_quotas.iter().find(|sent| sent.number == number).copied();
        let Some((sent, order)) = sent.and_then(|sent| Some((sent, self.order(sent.order)?))) else { return };
        let tenant = self.cx.tenants[order.tenant as usize].clone();
        let owner = self.owner_of(order.tenant as usize);
        let node = owner.and_then(|owner| self.nodes.get_mut(&owner));
        if !node.is_some_and(|node| node.set_quota(&tenant, sent.quota, &mut self.cx)) {
            self.cx.queue.at(self.cx.now + AGAIN, WorldEvent::SetQuota(number));
        }
    }

    fn order(&self, number: usize) -> Option<Order> {
        self.scenario.orders.iter().find(|order| order.number == number).cloned()
    }
}
