//! Submissions of a process: under a key at most one execution, and its first writes to the journal. Mirrors
//! `engine/src/submit.rs` and `engine/src/idempotency.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use updraft_kernel::execution::Execution;
use updraft_kernel::idempotency::{KeyVerdict, OnReuse};
use updraft_kernel::machine::{ChildReport, Machine};
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::{
    CacheMode, ExecutionHead, ExecutionId, IdempotencyKey, InputHash, Json, KeyHolder, Parent, PlaybookId,
};

use super::{ChildWork, NO_ORDER, Phase, SimulatedNode, Submitted};
use crate::context::Context;
use crate::event::Inner;
use crate::journal::{SimulatedAppend, Who};
use crate::registry::RegisteredExecution;
use crate::scenario::Order;
use crate::shard::terms;

impl SimulatedNode {
    /// A client submits an order with an input.
    pub fn submit(&mut self, order: &Order, input: u64, cx: &mut Context) -> Submitted {
        if self.phase != Phase::Open {
            return Submitted::Refused;
        }
        let tenant = order.tenant as usize;
        let Some(plan) = cx.plans[order.number].clone() else { return Submitted::Refused };
        let input = json!({ "n": input });
        let input_hash = InputHash::of(&input.clone().into(), &BTreeMap::new());
        let key = order.key.map(|key| IdempotencyKey {
            tenant_code: cx.tenants[tenant].clone(),
            playbook_name: plan.name.clone(),
            text: format!("alert-{key}").into(),
        });
        if let Some(key) = &key {
            if let Some(first) = self.registry.under_key(key) {
                return judged(input_hash, first);
            }
            if !cx.store.answers(cx.now) {
                return Submitted::Refused;
            }
            if let Some(first) = cx.store.under_key(key) {
                return judged(input_hash, first);
            }
        }
        let input_hash = key.as_ref().map(|_| input_hash);
        let peid = cx.execution_id();
        let now = self.home.clock(cx);
        let head = Arc::new(ExecutionHead {
            tenant_code: cx.tenants[tenant].clone(),
            pid: PlaybookId::from_bytes([9; 16]),
            playbook_name: plan.name.clone(),
            playbook_version: plan.version,
            uid: Some(order.number.to_string().into()),
            alert_id: None,
            priority: order.priority,
            createddate: now,
            input: Json::from(input),
            variables: Json::from(json!({})),
            idempotency_key: key.as_ref().map(|key| key.text.clone()),
            input_hash,
            parent: None,
            rerun_of: None,
            cache: CacheMode::Use,
        });
        let Some(permit) = self.place_submission(&head, cx) else { return Submitted::Refused };
        let execution = RegisteredExecution::submitted(order.number, tenant, key, input_hash);
        let Some(permit) = permit else {
            if !self.enqueue(peid, head, cx) {
                return Submitted::Refused;
            }
            self.registry.add(peid, execution);
            self.settle(cx);
            return Submitted::Taken;
        };
        let epoch = self.home.epochs.of(&head.tenant_code);
        let (machine, effects) = Machine::start(plan, peid, head, terms(epoch), now);
        cx.note(format_args!("n{} order {} is {peid}: {effects:?}", self.id, order.number));
        let decided = cx.oracle.decided(&machine, &effects, epoch);
        cx.check(decided);
        let updates = effects.writes;
        if !self.journal.append(SimulatedAppend { updates, who: Who::Submission(peid) }) {
            return Submitted::Refused;
        }
        self.registry.add(peid, execution);
        self.registry.hold(peid, Some(permit));
        let fits = self.admission.fits(&cx.tenants[tenant], &self.registry);
        cx.check(fits);
        self.submitted.push((machine, effects.acts));
        self.settle(cx);
        Submitted::Taken
    }

    /// A place for a submission; `None` in it if it is to be queued, and none at all if it is refused.
    pub(super) fn place_submission(
        &mut self,
        head: &ExecutionHead,
        cx: &mut Context,
    ) -> Option<Option<Permit>> {
        let tenant = &head.tenant_code;
        if !self.admission.submits(tenant, cx.now) {
            cx.statistics.count("submissions that are too fast");
            return None;
        }
        if self.admission.holds(tenant, &head.playbook_name).is_none()
            && let Some(permit) = self.admission.try_acquire(tenant)
        {
            return Some(Some(permit));
        }
        let most = self.admission.quota(tenant).queued.unwrap_or(u64::MAX);
        match self.admission.line.arrive(tenant, most) {
            Ok(()) => Some(None),
            Err(_) => {
                cx.statistics.count("submissions for which the backlog is full");
                None
            }
        }
    }

    pub(super) fn accepted(&mut self, peid: ExecutionId, lsn: Option<u64>, cx: &mut Context) {
        if let Some(head) = self.enqueued.remove(&peid) {
            let order = cx.order_of(&head).unwrap_or(NO_ORDER);
            if order == NO_ORDER {
                self.round_accepted(peid, lsn.is_some(), cx);
            } else {
                self.answers.push((order, lsn.map(|_| peid)));
            }
            return self.queue_accepted((peid, &head), lsn, cx);
        }
        let Some(index) = self.submitted.iter().position(|(machine, _)| machine.peid() == peid) else {
            return;
        };
        let (machine, acts) = self.submitted.swap_remove(index);
        let order = cx.order_of(machine.head()).unwrap_or(NO_ORDER);
        let (parent, is_rerun) = (machine.head().parent, machine.head().rerun_of.is_some());
        if order == NO_ORDER {
            self.round_accepted(peid, lsn.is_some(), cx);
        } else if is_rerun {
            self.rerun_accepted(lsn.map(|_| peid), cx);
        } else if parent.is_none() {
            self.answers.push((order, lsn.map(|_| peid)));
        }
        let (Some(lsn), Some(live)) = (lsn, self.registry.get_mut(peid)) else { return };
        live.accepted = true;
        match parent {
            Some(Parent { waits: true, .. }) => {}
            Some(Parent { peid, task, .. }) => {
                cx.after(0, self.id, Inner::Child(ChildWork::Tell(peid, task, ChildReport::Started)));
            }
            None if order == NO_ORDER => {}
            None => cx.oracle.accepted(order, peid),
        }
        let execution = Execution::accepted(machine, acts, lsn);
        self.of(peid, cx, |shard, shard_cx| shard.launch(execution, shard_cx));
    }
}

/// The result of a submission whose key has an execution.
fn judged(input_hash: InputHash, first: KeyHolder) -> Submitted {
    match OnReuse::Refuse.judge(input_hash, first) {
        KeyVerdict::First(peid) => Submitted::Known(peid),
        KeyVerdict::Reused(peid) => Submitted::Reused(peid),
    }
}
