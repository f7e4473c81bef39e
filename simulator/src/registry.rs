//! The registry of one node: its executions, by id and by idempotency key. Mirrors `actors/src/registry.rs` and the
//! state in `actors/src/entry.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use updraft_kernel::execution::ExecutionControl;
use updraft_kernel::machine::ChildReport;
use updraft_kernel::shared::controls::{AskVerdict, ControlQueue};
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::{ExecutionId, IdempotencyKey, InputHash, KeyHolder, Priority, TaskId};

use crate::execution::{Ask, HeldAsk};

/// An execution of a node.
#[derive(Debug, Clone)]
pub struct RegisteredExecution {
    /// Its order.
    pub order: usize,
    /// Its tenant.
    pub tenant: usize,
    /// Its idempotency key.
    pub key: Option<IdempotencyKey>,
    /// The hash of its input, if it has a key.
    pub input_hash: Option<InputHash>,
    /// Whether the journal has it.
    pub accepted: bool,
    /// Whether its end was reported.
    pub ended: bool,
    /// What a parent is told of its end.
    pub end: Option<ChildReport>,
    /// Whether it waits in the backlog.
    pub queued: bool,
    /// Its priority when it was parked.
    pub priority: Priority,
}

impl RegisteredExecution {
    /// One that is submitted, and that the journal does not have yet.
    pub fn submitted(
        order: usize,
        tenant: usize,
        key: Option<IdempotencyKey>,
        input_hash: Option<InputHash>,
    ) -> Self {
        let (queued, priority) = (false, Priority::Normal);
        Self { order, tenant, key, input_hash, accepted: false, ended: false, end: None, queued, priority }
    }
}

/// The executions of one node.
#[derive(Default)]
pub struct SimulatedRegistry {
    executions: BTreeMap<ExecutionId, RegisteredExecution>,
    keys: BTreeMap<IdempotencyKey, ExecutionId>,
    ended: VecDeque<(u64, ExecutionId)>,
    /// The controls of unfinished executions; most have none.
    controls: BTreeMap<ExecutionId, ControlQueue<Ask>>,
    /// Reports of children that wait for room among the controls of their parent.
    waiting: BTreeMap<ExecutionId, Vec<(TaskId, ChildReport)>>,
    /// Those for which there may be room now, or whose parent has ended.
    woken: Vec<(ExecutionId, TaskId, ChildReport)>,
    /// The places of executions in flight.
    permits: BTreeMap<ExecutionId, Permit>,
    /// Queued executions, until the store has them and nobody changes them.
    queued: Vec<(u64, ExecutionId)>,
    claimed: BTreeSet<ExecutionId>,
}

impl SimulatedRegistry {
    /// Adds an execution.
    pub fn add(&mut self, peid: ExecutionId, execution: RegisteredExecution) {
        if let Some(key) = &execution.key {
            self.keys.insert(key.clone(), peid);
        }
        self.executions.insert(peid, execution);
    }

    /// The execution with this id.
    pub fn get(&self, peid: ExecutionId) -> Option<&RegisteredExecution> {
        self.executions.get(&peid)
    }

    /// The execution with this id, mutable.
    pub fn get_mut(&mut self, peid: ExecutionId) -> Option<&mut RegisteredExecution> {
        self.executions.get_mut(&peid)
    }

    /// The execution under a key.
    pub fn under_key(&self, key: &IdempotencyKey) -> Option<KeyHolder> {
        let peid = *self.keys.get(key)?;
        Some(KeyHolder { peid, input_hash: self.get(peid)?.input_hash })
    }

    /// Holds a control of an execution until it is answered or the execution has ended; returns whether it does.
    pub fn ask(&mut self, peid: ExecutionId, ask: Ask) -> bool {
        let open = self.get(peid).is_some_and(|execution| !execution.ended);
        open && matches!(self.controls.entry(peid).or_default().ask(ask), AskVerdict::Held)
    }

    /// Whether an execution is to be stopped.
    pub fn is_to_stop(&self, peid: ExecutionId) -> bool {
        self.asked_after(peid, 0).iter().any(|held| held.event().is_some_and(|event| event.stops()))
    }

    /// The unanswered controls of an execution after the one with number `seen`.
    pub fn asked_after(&self, peid: ExecutionId, seen: u64) -> Vec<HeldAsk> {
        let held = |number, ask: &Ask| HeldAsk { number, ask: ask.clone() };
        self.controls.get(&peid).map(|controls| controls.after(seen, held)).unwrap_or_default()
    }

    /// Removes an answered control.
    pub fn answered(&mut self, peid: ExecutionId, number: u64) {
        let _answered = self.controls.get(&peid).and_then(|controls| controls.take(number));
        self.wake(peid);
    }

    /// A report waits until there is room for it.
    pub fn wait_for_room(&mut self, peid: ExecutionId, task: TaskId, report: ChildReport) {
        self.waiting.entry(peid).or_default().push((task, report));
    }

    /// The reports that need not wait any more.
    pub fn take_woken(&mut self) -> Vec<(ExecutionId, TaskId, ChildReport)> {
        std::mem::take(&mut self.woken)
    }

    fn wake(&mut self, peid: ExecutionId) {
        let waiting = self.waiting.remove(&peid).unwrap_or_default();
        self.woken.extend(waiting.into_iter().map(|(task, report)| (peid, task, report)));
    }

    /// Forgets an execution.
    pub fn remove(&mut self, peid: ExecutionId) {
        self.controls.remove(&peid);
        self.permits.remove(&peid);
        self.wake(peid);
        if let Some(RegisteredExecution { key: Some(key), .. }) = self.executions.remove(&peid)
            && self.keys.get(&key) == Some(&peid)
        {
            self.keys.remove(&key);
        }
    }

    /// Forgets an ended execution once the store has everything up to `lsn`.
    pub fn remove_when_stored(&mut self, peid: ExecutionId, lsn: u64) {
        if let Some(execution) = self.executions.get_mut(&peid) {
            execution.ended = true;
        }
        self.controls.remove(&peid);
        self.permits.remove(&peid);
        self.wake(peid);
        self.ended.push_back((lsn, peid));
    }

    /// Forgets the ended executions whose end the store has.
    pub fn sweep(&mut self, stored_below: u64) {
        while self.ended.front().is_some_and(|(lsn, _)| *lsn < stored_below) {
            if let Some((_, peid)) = self.ended.pop_front() {
                self.remove(peid);
            }
        }
        let (executions, claimed) = (&self.executions, &self.claimed);
        let waits = |peid: &ExecutionId| executions.get(peid).is_some_and(|live| live.queued && !live.ended);
        let stays = |(lsn, peid): &(u64, ExecutionId)| *lsn >= stored_below || claimed.contains(peid);
        let (stay, gone): (Vec<_>, Vec<_>) =
            self.queued.drain(..).filter(|(_, peid)| waits(peid)).partition(stays);
        self.queued = stay;
        gone.into_iter().for_each(|(_, peid)| self.remove(peid));
    }

    /// The accepted executions that have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = (ExecutionId, &RegisteredExecution)> {
        let is_open =
            |execution: &RegisteredExecution| execution.accepted && !execution.ended && !execution.queued;
        let open = self.executions.iter().filter(move |(_, execution)| is_open(execution));
        open.map(|(peid, execution)| (*peid, execution))
    }

    /// Replaces the place of an execution. One that has ended or is not here has none.
    pub fn hold(&mut self, peid: ExecutionId, permit: Option<Permit>) {
        self.permits.remove(&peid);
        let open = self.get(peid).is_some_and(|execution| !execution.ended);
        self.permits.extend(permit.filter(|_| open).map(|permit| (peid, permit)));
    }

    /// The places that are taken.
    pub fn permits(&self) -> impl Iterator<Item = &Permit> {
        self.permits.values()
    }

    /// Forgets a queued execution once the store has everything up to `lsn`, and nobody changes it.
    pub fn forget_queued(&mut self, peid: ExecutionId, lsn: u64) {
        self.queued.push((lsn, peid));
    }

    /// Somebody changes a queued execution.
    pub fn claim(&mut self, peid: ExecutionId) {
        self.claimed.insert(peid);
    }

    /// Nobody changes it any more.
    pub fn unclaim(&mut self, peid: ExecutionId) {
        self.claimed.remove(&peid);
    }

    /// The number of executions.
    pub fn count(&self) -> usize {
        self.executions.len()
    }
}
