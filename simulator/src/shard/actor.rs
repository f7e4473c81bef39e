//! The actors of a shard in a run: their start, their deaths and their shard's, and the drain of both.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::execution as kernel;
use updraft_kernel::fair_queue::QueueTicket;
use updraft_kernel::machine::{DefaultWaits, Terms};
use updraft_kernel::plan::Plan;
use updraft_kernel::shard::{self, Load, Loaded, ShardEvent, Since};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_protocol::{ExecutionDocument, ExecutionId, Failure, FailureKind, TaskDocument, Timestamp};

use super::child::is_orphan;
use super::{ShardContext, SimulatedShard, TASKS_AT_ONCE};
use crate::admission::{SimulatedAdmission, Waiter};
use crate::event::Incarnation;
use crate::execution::{HeldAsk, SimulatedExecution};
use crate::fault::Moment;

/// One execution in its shard.
#[derive(Default)]
pub(super) struct Actor {
    /// Its actor, if it has one.
    pub(super) execution: Option<Box<SimulatedExecution>>,
    /// The read of its documents.
    pub(super) load: Option<(Incarnation, Load)>,
    /// How often its actor will die as soon as it is started.
    pub(super) deaths_ahead: u32,
    /// Where its read waits for a place.
    pub(super) waiting: Option<QueueTicket>,
}

impl Actor {
    /// It waits for no place any more.
    pub(super) fn leave_line(self, admission: &mut SimulatedAdmission) {
        let _left = self.waiting.and_then(|ticket| admission.line.leave(&ticket));
    }
}

/// The state that an execution's actor starts from.
pub(super) enum Start {
    /// It was just accepted.
    New(Box<kernel::Execution<HeldAsk>>),
    /// It was read from the store.
    Read(Box<Documents>),
}

/// The stored documents of an execution.
pub(super) struct Documents {
    /// `None` if its playbook can no longer be read.
    pub(super) plan: Option<Arc<Plan>>,
    pub(super) document: ExecutionDocument,
    pub(super) tasks: Vec<TaskDocument>,
    /// Its parent, which waited for it, has ended.
    pub(super) is_orphan: bool,
}

impl Start {
    pub(super) fn execution(
        self,
        epochs: &ShardEpochs,
        now: Timestamp,
    ) -> Result<kernel::Execution<HeldAsk>, String> {
        match self {
            Self::New(execution) => Ok(*execution),
            Self::Read(documents) => {
                let Documents { plan, document, tasks, .. } = *documents;
                let plan = plan.ok_or("there is no plan")?;
                let terms = terms(epochs.of(&document.head.tenant_code));
                kernel::Execution::resumed(plan, document, tasks, terms, now)
                    .map_err(|unfit| unfit.to_string())
            }
        }
    }
}

/// How long a step whose last attempt has failed waits for a person: longer than the tools of a run fail.
const LAST_FAILURE: Duration = Duration::from_secs(15 * 60);

/// The settings of a simulated engine for its machines.
pub fn terms(epoch: u64) -> Terms {
    Terms {
        epoch,
        tasks_at_once: TASKS_AT_ONCE,
        waits: DefaultWaits { last_failure: LAST_FAILURE, ..DefaultWaits::default() },
        ..Terms::default()
    }
}

impl SimulatedShard {
    /// The actor of a running execution dies, and again so often as soon as it is started.
    pub fn kill_actor(&mut self, times: u32, shard_cx: &mut ShardContext<'_>) -> bool {
        let running = self.actors.iter_mut().find(|(_, actor)| actor.execution.is_some());
        let Some((peid, actor)) = running else { return false };
        let peid = *peid;
        actor.deaths_ahead = times.saturating_sub(1);
        let dead = actor.execution.take();
        dead.into_iter().for_each(|execution| shard_cx.cx.oracle.acts_gone(execution.incarnation));
        self.on(ShardEvent::Died(peid), shard_cx);
        true
    }

    /// The shard's actor dies with all its executions.
    pub fn die(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.shard = shard::Shard::default();
        for actor in std::mem::take(&mut self.actors).into_values() {
            let dead = actor.execution.as_ref();
            dead.into_iter().for_each(|execution| shard_cx.cx.oracle.acts_gone(execution.incarnation));
            actor.leave_line(shard_cx.admission);
        }
        self.given_up.clear();
        (self.dead, self.drained) = (true, false);
        if self.commits.is_idle() {
            self.restart(shard_cx);
        }
    }

    /// Another shard takes over: every unfinished execution of the registry is read back.
    pub(super) fn restart(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.dead = false;
        let mine: Vec<ExecutionId> = shard_cx
            .registry
            .unfinished()
            .filter(|(_, live)| shard_cx.home.shard_of(&shard_cx.cx.tenants[live.tenant]) == self.index)
            .map(|(peid, _)| peid)
            .collect();
        for peid in mine {
            self.unfinished(peid, Since::Now, shard_cx);
        }
        if self.draining {
            self.on(ShardEvent::Drain, shard_cx);
        }
    }

    /// The read of a parked execution waits for a place.
    pub(super) fn wait_for_place(
        &mut self,
        peid: ExecutionId,
        incarnation: Incarnation,
        shard_cx: &mut ShardContext<'_>,
    ) {
        let Some(live) = shard_cx.registry.get(peid) else { return };
        let (tenant, priority) = (&shard_cx.cx.tenants[live.tenant], live.priority);
        let now = shard_cx.home.clock(shard_cx.cx);
        let ticket = shard_cx.admission.wait(tenant, priority, Waiter::Load(peid, incarnation), now);
        self.actors.entry(peid).or_default().waiting = Some(ticket);
    }

    /// A control waits for an execution whose read waits for a place: it needs none.
    pub(super) fn hurry(&mut self, peid: ExecutionId, shard_cx: &mut ShardContext<'_>) {
        let Some(actor) = self.actors.get_mut(&peid) else { return };
        let Some(ticket) = actor.waiting.take() else { return };
        let _left = shard_cx.admission.line.leave(&ticket);
        if let Some((incarnation, _)) = actor.load {
            self.step(peid, incarnation, shard_cx);
        }
    }

    /// The read of an execution has its place.
    pub fn granted(&mut self, peid: ExecutionId, incarnation: Incarnation, shard_cx: &mut ShardContext<'_>) {
        if let Some(actor) = self.actors.get_mut(&peid) {
            actor.waiting = None;
        }
        self.flushed(peid, incarnation, shard_cx);
    }

    /// Begins a drain.
    pub fn drain(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.draining = true;
        if !self.dead {
            self.on(ShardEvent::Drain, shard_cx);
        }
    }

    /// Whether nothing runs: parked executions stay in the store.
    pub fn is_drained(&self) -> bool {
        self.drained
    }

    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.actors.is_empty() && self.shard.executions() == 0 && self.commits.is_idle()
    }
}

/// The stored documents of an execution.
pub(super) fn documents(peid: ExecutionId, shard_cx: &mut ShardContext<'_>) -> Loaded<Start> {
    if shard_cx.cx.disks[shard_cx.home.directory].owner != shard_cx.home.node {
        // If it was taken over, it reads what its successor is writing. This has no effect, since its journal accepts
        // nothing.
        return Loaded::Nothing;
    }
    let order = shard_cx.registry.get(peid).map(|live| live.order);
    let document = shard_cx.cx.store.executions.get(&peid).cloned();
    let (Some(document), Some(order)) = (document, order) else { return Loaded::Nothing };
    if document.state.execution_status.ended() {
        return Loaded::Ended;
    }
    shard_cx.cx.moment(Moment::Revived);
    shard_cx.cx.statistics.count("executions read back");
    let plan = shard_cx.cx.plan_of(order, &document.head).filter(|_| !shard_cx.forgotten.contains(&order));
    // One of its documents is missing: `actors/src/abandoned.rs` and `RegistryEntry::poisoned` fail it too.
    let tainted = shard_cx.cx.store.tainted.contains(&peid);
    let failure = match &plan {
        _ if tainted => Some(Failure::new(FailureKind::Store, "the store will never take an update")),
        None => Some(Failure::new(FailureKind::Playbook, "its playbook cannot be read")),
        Some(_) => None,
    };
    let (tasks, is_orphan) = (shard_cx.cx.store.tasks_of(peid), is_orphan(&document, shard_cx));
    let documents = Documents { plan, document, tasks, is_orphan };
    Loaded::Unfinished { start: Start::Read(Box::new(documents)), failure }
}
