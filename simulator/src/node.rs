//! One process of an engine: its start with recovery, its shutdown and its failure. Mirrors
//! `engine/src/start.rs`, `engine/src/recovery.rs`, `engine/src/shutdown.rs` and `actors/src/node.rs`.

mod child;
mod claim;
mod locks;
mod queue;
mod reconciler;
mod rerun;
mod scope_pause;
mod start;
mod submit;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use updraft_kernel::machine::{Act, Machine};
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::{ExecutionHead, ExecutionId, Update};

use crate::admission::SimulatedAdmission;
use crate::context::Context;
use crate::event::{Inner, NodeId};
use crate::execution::{Ask, Home};
use crate::journal::SimulatedJournal;
use crate::node::reconciler::ReconcilerDriver;
use crate::registry::SimulatedRegistry;
use crate::scenario::{Flow, MILLIS};
use crate::shard::{ShardContext, SimulatedShard};
use crate::writer::{Asker, WriterDriver};

pub use child::ChildWork;
use child::PlacedChildren;
use claim::Claims;
pub use reconciler::{NO_ORDER, ReconcilerCall, is_of};
pub use rerun::AskedRerun;
use scope_pause::ScopeWork;

/// Turns after which a process counts as caught in a loop.
const TURNS: usize = 10_000;

/// The phase of a process.
#[derive(Debug, PartialEq)]
pub enum Phase {
    /// It claims its epochs and opens its journal.
    Starting,
    /// It passes its journal's groups to the writer.
    Replaying(VecDeque<(u64, Vec<Update>)>),
    /// It waits until the store has them.
    Flushing,
    /// It reads the unfinished executions.
    Reading,
    /// It accepts submissions.
    Open,
    /// It lets running attempts end.
    Draining,
    /// It waits for the store to take the rest.
    Closing,
    /// Its journal has failed: it has stopped.
    Failed,
    /// It has ended.
    Gone,
}

/// The result of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It is being made durable; the client is answered later.
    Taken,
    /// Its key has an execution already, which the client gets.
    Known(ExecutionId),
    /// Its key has an execution already, with another input.
    Reused(ExecutionId),
    /// Not at this time.
    Refused,
}

/// One process of an engine.
pub struct SimulatedNode {
    /// Its id.
    pub id: NodeId,
    /// Its data directory.
    pub directory: usize,
    /// Its phase.
    pub phase: Phase,
    /// Its description for its actors.
    pub home: Home,
    journal: SimulatedJournal,
    writer: WriterDriver,
    stored: DurableWatermark,
    shards: Vec<SimulatedShard>,
    registry: SimulatedRegistry,
    /// New executions that the journal does not have yet.
    submitted: Vec<(Machine, Vec<Act>)>,
    /// The same of those that are to be queued.
    enqueued: BTreeMap<ExecutionId, Arc<ExecutionHead>>,
    admission: SimulatedAdmission,
    /// Children that wait for a place.
    waiting_children: PlacedChildren,
    claims: Claims,
    scopes: BTreeMap<u64, ScopeWork>,
    forgotten: BTreeSet<usize>,
    /// The rerun that is under way: there is one at a time.
    rerunning: Option<AskedRerun>,
    reconciling: ReconcilerDriver,
    /// Submissions that were answered, each with its execution if that is durable.
    pub answers: Vec<(usize, Option<ExecutionId>)>,
}

impl SimulatedNode {
    /// A process that has just started.
    pub fn start(
        id: NodeId,
        directory: usize,
        home: Home,
        (forgotten, flow): (BTreeSet<usize>, &Flow),
        cx: &mut Context,
    ) -> Self {
        let stored = DurableWatermark::new(0);
        let wait = cx.pace(20 * MILLIS);
        cx.after(wait, id, Inner::Epoch);
        Self {
            id,
            directory,
            phase: Phase::Starting,
            shards: (0..home.shards).map(SimulatedShard::new).collect(),
            home,
            journal: SimulatedJournal::new(id, directory, VecDeque::new(), 1, stored.clone()),
            writer: WriterDriver::new(id, stored.clone(), cx.sizes),
            stored,
            registry: SimulatedRegistry::default(),
            submitted: Vec::new(),
            enqueued: BTreeMap::new(),
            admission: SimulatedAdmission::new(flow, &cx.tenants),
            waiting_children: PlacedChildren::new(),
            claims: Claims::new(),
            scopes: BTreeMap::new(),
            forgotten,
            rerunning: None,
            reconciling: ReconcilerDriver::new(cx.sizes.rows),
            answers: Vec::new(),
        }
    }

    /// Handles an event.
    pub fn handle(&mut self, inner: Inner, cx: &mut Context) {
        match inner {
            Inner::Epoch => self.take_epoch(cx),
            Inner::Open => self.open(cx),
            Inner::Unfinished => self.read_unfinished(cx),
            Inner::Written => self.journal.written(cx),
            Inner::Synced => self.journal.synced(cx),
            Inner::Accepted(peid, lsn) => self.accepted(peid, lsn, cx),
            Inner::Wake => {}
            Inner::Landed(number, answer) => self.writer.land(number, answer, cx),
            Inner::Deadline => self.out_of_time(),
            Inner::Told(shard, tickets, lsn) => {
                self.at(shard, cx, |shard, shard_cx| shard.told(tickets, lsn, shard_cx))
            }
            Inner::Alarm(shard) => self.at(shard, cx, |shard, shard_cx| shard.alarm(shard_cx)),
            Inner::Permitted(peid, incarnation, task, outcome) => {
                self.of(peid, cx, |shard, shard_cx| {
                    shard.permitted((peid, incarnation), task, outcome, shard_cx)
                });
            }
            Inner::Begin(peid) => self.begin(peid, cx),
            Inner::QueueRead(number) => self.queue_read(number, cx),
            Inner::QueuePage(number, page) => self.queue_page(number, page, cx),
            Inner::Claim(number) => self.claim(number, cx),
            Inner::ClaimTold(number, lsn) => self.claim_told(number, lsn, cx),
            Inner::Scope(number) => self.scope_flushed(number, cx),
            Inner::Lock(look) => {
                self.of(look.peid, cx, |shard, shard_cx| shard.looks(look, shard_cx));
            }
            Inner::Leaves(departure) => {
                self.of(departure.peid, cx, |shard, shard_cx| shard.leaves(&departure, shard_cx));
            }
            Inner::Reported(report) => {
                self.of(report.peid, cx, |shard, shard_cx| shard.reported(report, shard_cx));
            }
            Inner::Due(peid, incarnation, timer) => {
                self.of(peid, cx, |shard, shard_cx| shard.due(peid, incarnation, timer, shard_cx));
            }
            Inner::Look => self.look(cx),
            Inner::Reconciled(number, event) => self.reconciled(number, *event, cx),
            Inner::Child(work) => self.child(work, cx),
            Inner::Read(peid, incarnation) => {
                self.of(peid, cx, |shard, shard_cx| shard.read(peid, incarnation, shard_cx))
            }
        }
        self.settle(cx);
    }

    /// Does everything that can be done now.
    fn settle(&mut self, cx: &mut Context) {
        self.stop_waiting_children(cx);
        let mut turns = 0;
        loop {
            let mut moved = self.journal.turn(&mut self.writer, cx);
            moved |= self.writer.turn(cx);
            moved |= self.feed(cx);
            for asker in std::mem::take(&mut self.writer.answered) {
                self.answered(asker, cx);
            }
            for peid in std::mem::take(&mut self.writer.refused) {
                self.of(peid, cx, |shard, shard_cx| shard.fail(peid, shard_cx));
            }
            self.look_at_scopes(cx);
            moved |= self.drive_queue(cx);
            turns += 1;
            if turns > TURNS {
                return cx.violated("everything ends", format!("n{} turns without an end", self.id));
            }
            if !moved {
                break;
            }
        }
        for (peid, task, report) in self.registry.take_woken() {
            let wait = cx.pace(5 * MILLIS);
            cx.after(wait, self.id, Inner::Child(ChildWork::Tell(peid, task, report)));
        }
        self.look_at_locks(cx);
        self.journal.clean(cx);
        self.registry.sweep(self.stored.get());
        if self.journal.poisoned && !matches!(self.phase, Phase::Failed | Phase::Gone) {
            cx.note(format_args!("n{} fails", self.id));
            self.phase = Phase::Failed;
            self.registry = SimulatedRegistry::default();
        }
        if self.phase == Phase::Draining
            && self.submitted.is_empty()
            && self.enqueued.is_empty()
            && self.shards.iter().all(SimulatedShard::is_drained)
        {
            self.phase = Phase::Closing;
            self.journal.close();
            self.settle(cx);
        }
    }

    fn answered(&mut self, asker: Asker, cx: &mut Context) {
        match asker {
            Asker::Start => self.replayed(cx),
            Asker::Read(peid, incarnation) => {
                self.of(peid, cx, |shard, shard_cx| shard.flushed(peid, incarnation, shard_cx))
            }
            Asker::Rerun(number) => self.rerun(number, cx),
            Asker::Claim(number) => self.claim_flushed(number, cx),
            Asker::Scope(number) => self.scope_flushed(number, cx),
            Asker::Close => {
                self.journal.finish(true, cx);
                self.phase = Phase::Gone;
            }
        }
    }

    fn at(
        &mut self,
        shard: usize,
        cx: &mut Context,
        work: impl FnOnce(&mut SimulatedShard, &mut ShardContext<'_>),
    ) {
        if let Some(shard) = self.shards.get_mut(shard) {
            let mut shard_cx = ShardContext {
                home: self.home.clone(),
                journal: &mut self.journal,
                registry: &mut self.registry,
                admission: &mut self.admission,
                stored: &self.stored,
                forgotten: &self.forgotten,
                cx,
            };
            work(shard, &mut shard_cx);
        }
    }

    fn of(
        &mut self,
        peid: ExecutionId,
        cx: &mut Context,
        work: impl FnOnce(&mut SimulatedShard, &mut ShardContext<'_>),
    ) {
        if let Some(live) = self.registry.get(peid) {
            let shard = self.home.shard_of(&cx.tenants[live.tenant]);
            self.at(shard, cx, work);
        }
    }

    /// Asks an execution for a control; returns whether it is held until it is answered.
    pub fn ask(&mut self, peid: ExecutionId, ask: Ask, cx: &mut Context) -> bool {
        let is_open = self.phase == Phase::Open && cx.disks[self.directory].owner == self.id;
        let is_queued = match self.registry.get(peid) {
            Some(live) => live.queued && !live.ended,
            None => {
                is_open && cx.store.answers(cx.now) && cx.store.all_queued().any(|found| found.peid == peid)
            }
        };
        let mut held = false;
        if !is_queued {
            self.of(peid, cx, |shard, shard_cx| held = shard.ask(peid, ask, shard_cx));
        } else if is_open && self.queued_entry(peid, cx) {
            held = self.ask_queued(peid, ask, cx);
        }
        self.settle(cx);
        held
    }

    /// Begins a shutdown.
    pub fn shut_down(&mut self, time_limit: u64, cx: &mut Context) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::Draining;
        self.admission.line.close();
        cx.after(time_limit, self.id, Inner::Deadline);
        for shard in 0..self.shards.len() {
            self.at(shard, cx, |shard, shard_cx| shard.drain(shard_cx));
        }
        self.settle(cx);
    }

    /// The time limit of the shutdown has passed: the rest is left to the next start. Harsher than the product, which
    /// still makes queued appends durable.
    fn out_of_time(&mut self) {
        if matches!(self.phase, Phase::Draining | Phase::Closing) {
            self.phase = Phase::Gone;
        }
    }

    /// The process dies.
    pub fn die(&mut self, cx: &mut Context) {
        self.journal.die(cx);
        self.phase = Phase::Gone;
    }

    /// One of its shards dies.
    pub fn kill_shard(&mut self, shard: usize, cx: &mut Context) {
        if self.phase == Phase::Open {
            self.at(shard % self.home.shards, cx, |shard, shard_cx| shard.die(shard_cx));
            self.settle(cx);
        }
    }

    /// The actor of one of its executions dies.
    pub fn kill_actor(&mut self, times: u32, cx: &mut Context) {
        let mut killed = false;
        for shard in 0..self.shards.len() {
            self.at(shard, cx, |shard, shard_cx| killed = killed || shard.kill_actor(times, shard_cx));
        }
        self.settle(cx);
    }

    /// Its clock is changed; parked executions are checked within a second.
    pub fn set_clock(&mut self, skew: i64, cx: &mut Context) {
        self.home.skew = skew;
        for shard in 0..self.shards.len() {
            cx.after(1_000 * MILLIS, self.id, Inner::Alarm(shard));
        }
        self.wake_reconciler(cx);
    }

    /// The state that remains at the end; `None` if it is as expected.
    pub fn rest(&self) -> Option<String> {
        if self.phase != Phase::Open {
            return Some(format!("n{} is {:?}", self.id, self.phase));
        }
        if let Some(rest) = self.writer.rest() {
            return Some(format!("n{}: {rest}", self.id));
        }
        if !self.admission.is_empty() || !self.claims.is_empty() || !self.waiting_children.is_empty() {
            let left = (self.admission.line.len(), self.claims.len(), self.waiting_children.len());
            return Some(format!("n{}: {left:?} queued executions, claims and children are left", self.id));
        }
        let left = (self.journal.waiting(), self.registry.count(), self.submitted.len());
        if !self.home.locks.holders.is_empty() {
            return Some(format!("n{}: {:?} locks are left", self.id, self.home.locks.holders.held()));
        }
        if left != (0, 0, 0) || !self.shards.iter().all(SimulatedShard::is_empty) {
            return Some(format!("n{}: {left:?} segments, executions and submissions are left", self.id));
        }
        None
    }
}
