//! The reconciler of one process: makes the calls that the shipped [`Reconciler`] asks for, over a store that is late, away, or
//! loses answers. Mirrors `engine/src/containments/reconciler.rs`, without its last look while the process shuts down. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_kernel::containment::{
    Reconciler, ReconcilerCommand, ReconcilerEvent, ReconcilerMode, RoundProgress, UndoRound,
};
use updraft_kernel::machine::Machine;
use updraft_kernel::plan::Plan;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{
    CacheMode, ExecutionHead, ExecutionId, IdempotencyKey, InputHash, Json, PlaybookId, Priority, TenantCode,
    Timestamp,
};

use super::{Phase, SimulatedNode};
use crate::chance::Purpose;
use crate::context::Context;
use crate::event::{Inner, NodeId, Reply, WorldEvent};
use crate::fault::Moment;
use crate::journal::{SimulatedAppend, Who};
use crate::registry::RegisteredExecution;
use crate::scenario::{MILLIS, Noise};
use crate::shard::terms;

/// The order of the execution of a round: none.
pub const NO_ORDER: usize = usize::MAX;

/// How long a call may take.
const TIMEOUT: u64 = 2_000 * MILLIS;
/// The time between two looks.
const LOOK: u64 = 1_000 * MILLIS;
/// The same after a look in which a call failed, where the store refuses containments: those of hours would take too many events.
const LOOK_AFTER_FAILURE: u64 = 60_000 * MILLIS;

/// A call of a reconciler on its way to the store.
#[derive(Debug, Clone)]
pub struct ReconcilerCall {
    /// The process.
    pub node: NodeId,
    /// Its directory, whose tenants it looks after.
    pub directory: usize,
    /// The number of the call there.
    pub number: u64,
    /// The call.
    pub command: ReconcilerCommand,
    /// The rows of a page.
    pub rows: usize,
    /// When it was decided, by the clock of the process.
    pub clock: Timestamp,
    /// How the answer is delivered.
    pub answer: Reply,
}

/// The reconciler of a process.
pub(super) struct ReconcilerDriver {
    reconciler: Reconciler,
    rows: usize,
    /// The number of the newest call.
    number: u64,
    is_busy: bool,
    has_failed: bool,
    looks_at: Option<u64>,
    /// The execution of a round that is being made durable.
    submitted: Option<ExecutionId>,
}

impl ReconcilerDriver {
    /// A reconciler that reads pages of so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            reconciler: Reconciler::new(ReconcilerMode::All, rows),
            rows,
            number: 0,
            is_busy: false,
            has_failed: false,
            looks_at: None,
            submitted: None,
        }
    }
}

/// Whether a directory has a tenant.
pub fn is_of(directory: usize, directories: usize) -> impl Fn(&TenantCode) -> bool {
    move |tenant| VirtualShard::of(tenant).shard(directories) == directory
}

impl SimulatedNode {
    /// Has the reconciler look when there is something to do.
    pub fn wake_reconciler(&mut self, cx: &mut Context) {
        if self.reconciling.is_busy || !self.reconciles() {
            return;
        }
        let Some(due) = cx.store.looks_at(is_of(self.directory, cx.disks.len())) else { return };
        let is_refused = self.reconciling.has_failed && cx.noisy(Noise::StorePoison);
        let least = if is_refused { LOOK_AFTER_FAILURE } else { LOOK };
        // Its clock shows whole milliseconds.
        let wait = due.since(self.home.clock(cx)).saturating_add(1).saturating_mul(MILLIS).max(least);
        let at = cx.now.saturating_add(wait);
        if self.reconciling.looks_at.is_none_or(|known| known > at || known < cx.now) {
            self.reconciling.looks_at = Some(at);
            cx.after(wait, self.id, Inner::Look);
        }
    }

    fn reconciles(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Draining)
    }

    /// It is time to look, unless that was decided anew.
    pub(super) fn look(&mut self, cx: &mut Context) {
        let driver = &mut self.reconciling;
        if !driver.is_busy && driver.looks_at.is_some_and(|at| at <= cx.now) {
            (driver.looks_at, driver.has_failed) = (None, false);
            cx.statistics.count("looks of reconcilers");
            self.reconcile(ReconcilerEvent::Look, cx);
        }
    }

    /// A call has an answer, or has timed out.
    pub(super) fn reconciled(&mut self, number: u64, event: ReconcilerEvent, cx: &mut Context) {
        if number == self.reconciling.number && self.reconciling.is_busy {
            self.reconcile(event, cx);
        }
    }

    fn reconcile(&mut self, event: ReconcilerEvent, cx: &mut Context) {
        let clock = self.home.clock(cx);
        let driver = &mut self.reconciling;
        driver.has_failed |= event == ReconcilerEvent::Failed;
        driver.number += 1;
        driver.is_busy = self.phase == Phase::Open || self.phase == Phase::Draining;
        if !driver.is_busy {
            return;
        }
        let (number, rows) = (driver.number, driver.rows);
        match driver.reconciler.on(event, clock) {
            ReconcilerCommand::Rest => {
                driver.is_busy = false;
                self.wake_reconciler(cx);
            }
            ReconcilerCommand::Submit(round) => {
                if let Some(event) = self.submit_round(*round, cx) {
                    cx.after(0, self.id, Inner::Reconciled(number, Box::new(event)));
                }
            }
            ReconcilerCommand::Follow(_, peid) if self.registry.get(peid).is_some() => {
                let event = ReconcilerEvent::Round(RoundProgress::Runs(Some(peid)));
                cx.after(MILLIS, self.id, Inner::Reconciled(number, Box::new(event)));
            }
            // Its lease of the store is over. What is on its way may arrive.
            ReconcilerCommand::Put(..) | ReconcilerCommand::Mark(_)
                if cx.disks[self.directory].owner != self.id =>
            {
                cx.after(MILLIS, self.id, Inner::Reconciled(number, Box::new(ReconcilerEvent::Failed)));
            }
            command => {
                let answer = Reply::After(0);
                let (node, directory) = (self.id, self.directory);
                let call = ReconcilerCall { node, directory, number, command, rows, clock, answer };
                send(call, cx);
            }
        }
    }

    /// Submits a round under its key. Returns what is known at once.
    fn submit_round(&mut self, round: UndoRound, cx: &mut Context) -> Option<ReconcilerEvent> {
        if self.phase != Phase::Open || !cx.store.answers(cx.now) {
            return Some(ReconcilerEvent::Failed);
        }
        let plan = match Plan::check(&round.playbook, &cx.catalogue) {
            Ok(plan) => Arc::new(plan),
            Err(wrongs) => {
                let why = format!("{wrongs:?}").into();
                return Some(ReconcilerEvent::Round(RoundProgress::Ended(Err(why))));
            }
        };
        // What was stored first is what runs.
        let plan = cx.rounds.entry((plan.name.clone(), plan.version)).or_insert(plan).clone();
        let tenant = cx.tenants.iter().position(|tenant| *tenant == round.tenant)?;
        let key = IdempotencyKey {
            tenant_code: round.tenant.clone(),
            playbook_name: plan.name.clone(),
            text: round.key.into(),
        };
        if let Some(first) = self.registry.under_key(&key) {
            let is_durable = self.registry.get(first.peid).is_some_and(|known| known.accepted);
            let runs = ReconcilerEvent::Round(RoundProgress::Runs(Some(first.peid)));
            return Some(if is_durable { runs } else { ReconcilerEvent::Failed });
        }
        if let Some(first) = cx.store.under_key(&key) {
            return Some(ReconcilerEvent::Round(RoundProgress::Runs(Some(first.peid))));
        }
        let peid = cx.execution_id();
        let head = Arc::new(ExecutionHead {
            tenant_code: round.tenant,
            pid: PlaybookId::from_bytes([9; 16]),
            playbook_name: plan.name.clone(),
            playbook_version: plan.version,
            uid: None,
            alert_id: round.alert_id,
            priority: Priority::Normal,
            createddate: self.home.clock(cx),
            input_hash: Some(InputHash::of(&round.input, &BTreeMap::new())),
            input: Json::from(&round.input),
            variables: Json::from(serde_json::json!({})),
            idempotency_key: Some(key.text.clone()),
            parent: None,
            rerun_of: None,
            cache: CacheMode::Use,
        });
        let Some(permit) = self.place_submission(&head, cx) else { return Some(ReconcilerEvent::Failed) };
        let submitted = cx.oracle.round_submitted(&plan.name, plan.version, &cx.store);
        cx.check(submitted);
        cx.statistics.count("rounds of undos");
        let (epoch, input_hash) = (self.home.epochs.of(&head.tenant_code), head.input_hash);
        let execution = RegisteredExecution::submitted(NO_ORDER, tenant, Some(key), input_hash);
        let Some(permit) = permit else {
            if !self.enqueue(peid, head, cx) {
                return Some(ReconcilerEvent::Failed);
            }
            self.registry.add(peid, execution);
            self.reconciling.submitted = Some(peid);
            return None;
        };
        let (machine, effects) = Machine::start(plan, peid, head.clone(), terms(epoch), head.createddate);
        cx.note(format_args!("n{} round {} is {peid}: {effects:?}", self.id, head.playbook_name));
        let decided = cx.oracle.decided(&machine, &effects, epoch);
        cx.check(decided);
        let updates = effects.writes;
        if !self.journal.append(SimulatedAppend { updates, who: Who::Submission(peid) }) {
            return Some(ReconcilerEvent::Failed);
        }
        self.registry.add(peid, execution);
        self.registry.hold(peid, Some(permit));
        self.submitted.push((machine, effects.acts));
        self.reconciling.submitted = Some(peid);
        None
    }

    /// The execution of a round is durable, or cannot be.
    pub(super) fn round_accepted(&mut self, peid: ExecutionId, is_durable: bool, cx: &mut Context) {
        if self.reconciling.submitted.take() != Some(peid) {
            return;
        }
        cx.moment(Moment::RoundAccepted);
        let runs = ReconcilerEvent::Round(RoundProgress::Runs(Some(peid)));
        let event = if is_durable { runs } else { ReconcilerEvent::Failed };
        cx.after(0, self.id, Inner::Reconciled(self.reconciling.number, Box::new(event)));
    }
}

/// Sends a call to the store, whose answer may be lost, or late.
fn send(call: ReconcilerCall, cx: &mut Context) {
    let mut dice = cx.dice(Purpose::Reconcile, &[call.node, call.number]);
    let late = cx.noisy(Noise::StoreLate);
    let slow = if late && dice.one_in(8) { 150_000 } else { 8 } * MILLIS;
    let (arrives, back) = (dice.below(slow), dice.below(8 * MILLIS));
    let fate = dice.below(24);
    let forgets = cx.noisy(Noise::StoreForgets);
    let answer = match fate {
        0 if forgets => Reply::Never,
        1 if forgets => Reply::Broken(back),
        _ => Reply::After(back),
    };
    cx.after(TIMEOUT, call.node, Inner::Reconciled(call.number, Box::new(ReconcilerEvent::Failed)));
    if fate == 2 && forgets {
        cx.statistics.count("calls of reconcilers that are lost");
    } else {
        cx.queue.at(cx.now + arrives, WorldEvent::Reconcile(Box::new(ReconcilerCall { answer, ..call })));
    }
}
