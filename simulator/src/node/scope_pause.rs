//! Pauses of all that is of a tenant or of a playbook. Mirrors `engine/src/pauses.rs`: stored before anything is paused, and what
//! runs is paused once the store shows it.

use updraft_protocol::{
    Asked, ExecutionDocument, ExecutionId, ExecutionStatus, PauseScope, Quota, TenantCode,
};

use super::{Phase, SimulatedNode};
use crate::context::Context;
use crate::event::Inner;
use crate::execution::Ask;
use crate::scenario::MILLIS;
use crate::writer::Asker;

/// What is to be done with what runs of a scope.
#[derive(Debug, Clone)]
pub(super) struct ScopeWork {
    scope: PauseScope,
    asked: Asked,
    is_paused: bool,
    /// The pause is over already: what was paused just before is to go on.
    is_over: bool,
    /// Those that were asked.
    waiting: Option<Vec<ExecutionId>>,
}

impl SimulatedNode {
    /// Pauses a scope, or lets it go on, one after another; whether the process could begin that.
    pub fn pause_scope(
        &mut self,
        scope: &PauseScope,
        asked: &Asked,
        is_paused: bool,
        cx: &mut Context,
    ) -> bool {
        if self.phase != Phase::Open || !cx.store.answers(cx.now) || !self.scopes.is_empty() {
            return false;
        }
        let work = ScopeWork {
            scope: scope.clone(),
            asked: asked.clone(),
            is_paused,
            is_over: false,
            waiting: None,
        };
        if is_paused {
            cx.store.pauses.insert(scope.clone(), asked.clone());
            self.set_pause(scope, Some(asked.clone()), cx);
        }
        self.work_on_scope(work, cx);
        self.settle(cx);
        true
    }

    /// The quota of a tenant from now on; whether the process could set it.
    pub fn set_quota(&mut self, tenant: &TenantCode, quota: Quota, cx: &mut Context) -> bool {
        if self.phase != Phase::Open || !cx.store.answers(cx.now) {
            return false;
        }
        cx.store.quotas.insert(tenant.clone(), quota);
        self.admission.set_quota(tenant, quota);
        self.settle(cx);
        true
    }

    pub(super) fn set_pause(&mut self, scope: &PauseScope, asked: Option<Asked>, cx: &mut Context) {
        cx.statistics.count("changes of pauses of scopes");
        self.admission.pause(scope, asked);
        cx.oracle.queue_is_unread(self.id, &scope.tenant);
    }

    /// What runs of the scopes that are paused is paused: a crash may have come before.
    pub(super) fn hold_all(&mut self, cx: &mut Context) {
        for (scope, asked) in self.admission.pauses.clone() {
            self.work_on_scope(
                ScopeWork { scope, asked, is_paused: true, is_over: false, waiting: None },
                cx,
            );
        }
    }

    /// The store is to have everything first.
    fn work_on_scope(&mut self, work: ScopeWork, cx: &mut Context) {
        let number = cx.number();
        if self.journal.barrier(Asker::Scope(number)) {
            self.scopes.insert(number, work);
        }
    }

    /// The store has everything that was in the journal.
    pub(super) fn scope_flushed(&mut self, number: u64, cx: &mut Context) {
        let Some(work) = self.scopes.get(&number) else { return };
        if cx.disks[self.directory].owner != self.id || self.phase != Phase::Open {
            return;
        }
        if !cx.store.answers(cx.now) {
            return cx.after(250 * MILLIS, self.id, Inner::Scope(number));
        }
        let ScopeWork { scope, asked, is_paused, .. } = work.clone();
        let is_held = |document: &ExecutionDocument| {
            let cause = document.state.pause.as_ref().and_then(|pause| pause.cause.asked());
            cause == Some(&asked)
        };
        let wanted = |document: &&ExecutionDocument| {
            let status = document.state.execution_status;
            let is_own = document.head.tenant_code == scope.tenant
                && scope.playbook.as_ref().is_none_or(|name| *name == document.head.playbook_name);
            is_own
                && match is_paused {
                    true => status == ExecutionStatus::Executing,
                    false => status == ExecutionStatus::Paused && is_held(document),
                }
        };
        let found: Vec<ExecutionId> =
            cx.store.executions.values().filter(wanted).map(|document| document.peid).collect();
        for peid in &found {
            let ask = if is_paused { Ask::Hold(asked.clone()) } else { Ask::LetGo(asked.clone()) };
            cx.statistics.count("executions of paused scopes that are asked");
            self.of(*peid, cx, |shard, shard_cx| _ = shard.ask(*peid, ask, shard_cx));
        }
        if let Some(work) = self.scopes.get_mut(&number) {
            work.waiting = Some(found);
        }
    }

    /// Goes on where all that were asked have answered.
    pub(super) fn look_at_scopes(&mut self, cx: &mut Context) {
        let is_answered = |peid: &ExecutionId| {
            let asked = self.registry.asked_after(*peid, 0);
            !asked.iter().any(|held| matches!(held.ask, Ask::Hold(_) | Ask::LetGo(_)))
        };
        let is_done =
            |work: &ScopeWork| work.waiting.as_ref().is_some_and(|waiting| waiting.iter().all(is_answered));
        let done: Vec<u64> =
            self.scopes.iter().filter(|(_, work)| is_done(work)).map(|(number, _)| *number).collect();
        for number in done {
            let Some(work) = self.scopes.remove(&number) else { continue };
            if !work.is_paused && !work.is_over {
                cx.store.pauses.remove(&work.scope);
                self.set_pause(&work.scope, None, cx);
                // What saw the pause while it began.
                self.work_on_scope(ScopeWork { is_over: true, waiting: None, ..work }, cx);
            }
        }
    }
}
