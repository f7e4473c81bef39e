//! A shard's actor in a run: drives the shipped state machine of a shard, and carries out its commands with the
//! journal, the store and the executions of the run.

mod actor;
mod child;
mod give_up;

use std::collections::{BTreeMap, BTreeSet};

use updraft_kernel::execution::{self as kernel, ExecutionEvent, Exit, Need};
use updraft_kernel::machine::Timer;
use updraft_kernel::shard::{self, CommitQueue, LoadStep, Loaded, ShardCommand, ShardEvent, Since};
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::{ExecutionDocument, ExecutionId, Failure, TaskDocument, TaskId, Update};

use crate::admission::SimulatedAdmission;
use crate::context::Context;
use crate::event::{Departure, Incarnation, Inner, Report, Ticket};
use crate::execution::{ActorCommand, Ask, ChildAct, HeldAsk, Home, LockLook, SimulatedExecution};
use crate::fault::Moment;
use crate::journal::{SimulatedAppend, SimulatedJournal, Who};
use crate::node::ChildWork;
use crate::registry::SimulatedRegistry;
use crate::scenario::MILLIS;
use crate::writer::Asker;
pub use actor::terms;
use actor::{Actor, Start};

/// Tasks at once in one execution, unless its playbook sets it.
const TASKS_AT_ONCE: usize = 3;

/// The surroundings of a shard.
pub struct ShardContext<'a> {
    /// Its process.
    pub home: Home,
    /// The journal of its node.
    pub journal: &'a mut SimulatedJournal,
    /// The executions of its node.
    pub registry: &'a mut SimulatedRegistry,
    /// The places of its node.
    pub admission: &'a mut SimulatedAdmission,
    /// The position below which the store has everything.
    pub stored: &'a DurableWatermark,
    /// Orders whose playbook can no longer be read.
    pub forgotten: &'a BTreeSet<usize>,
    /// The rest of the run.
    pub cx: &'a mut Context,
}

/// The shard of a process.
#[derive(Default)]
pub struct SimulatedShard {
    index: usize,
    shard: shard::Shard<Start>,
    actors: BTreeMap<ExecutionId, Actor>,
    commits: CommitQueue<Ticket>,
    /// Executions whose end without a machine is on its way to the journal.
    given_up: BTreeMap<ExecutionId, (ExecutionDocument, Vec<TaskDocument>)>,
    draining: bool,
    drained: bool,
    /// It has died, and its successor waits for its commits.
    dead: bool,
}

impl SimulatedShard {
    /// An empty shard.
    pub fn new(index: usize) -> Self {
        Self { index, ..Self::default() }
    }

    /// Starts an accepted execution.
    pub fn launch(&mut self, execution: kernel::Execution<HeldAsk>, shard_cx: &mut ShardContext<'_>) {
        if !self.dead {
            let peid = execution.machine().peid();
            self.on(ShardEvent::Accepted(peid, Start::New(Box::new(execution))), shard_cx);
        }
    }

    /// Adds an unfinished execution without an actor.
    pub fn unfinished(&mut self, peid: ExecutionId, since: Since, shard_cx: &mut ShardContext<'_>) {
        self.on(ShardEvent::Unfinished(peid, since), shard_cx);
    }

    /// Applies an event to the shard, then carries out its commands.
    fn on(&mut self, event: ShardEvent<Start>, shard_cx: &mut ShardContext<'_>) {
        self.shard.on(event, shard_cx.home.clock(shard_cx.cx));
        self.proceed(shard_cx);
    }

    fn proceed(&mut self, shard_cx: &mut ShardContext<'_>) {
        while let Some(command) = self.shard.next_command() {
            match command {
                ShardCommand::Start(peid, start) => self.start(peid, start, shard_cx),
                ShardCommand::Look(peid) => self.look(peid, shard_cx),
                ShardCommand::Drain(peid) => self.tell(peid, ExecutionEvent::Drain, shard_cx),
                ShardCommand::Load { peid, load } => {
                    let incarnation = shard_cx.cx.number();
                    self.actors.entry(peid).or_default().load = Some((incarnation, load));
                    self.step(peid, incarnation, shard_cx);
                }
                ShardCommand::GiveUp { peid, start, failure } => self.give_up(peid, start, failure, shard_cx),
                ShardCommand::Lose(peid) => shard_cx.registry.remove(peid),
                ShardCommand::Forget(peid) => {
                    let forgotten = self.actors.remove(&peid);
                    forgotten.into_iter().for_each(|actor| actor.leave_line(shard_cx.admission));
                }
                ShardCommand::SetAlarm(at) => {
                    let wait = at.since(shard_cx.home.clock(shard_cx.cx)) * MILLIS;
                    shard_cx.cx.after(wait, shard_cx.home.node, Inner::Alarm(self.index));
                }
                ShardCommand::Hurry(peid) => self.hurry(peid, shard_cx),
                ShardCommand::Release(peid) => shard_cx.registry.hold(peid, None),
                ShardCommand::Drained => self.drained = true,
            }
        }
    }

    /// Starts an execution's actor.
    fn start(&mut self, peid: ExecutionId, start: Start, shard_cx: &mut ShardContext<'_>) {
        let actor = self.actors.entry(peid).or_default();
        let now = shard_cx.home.clock(shard_cx.cx);
        if actor.deaths_ahead > 0 {
            actor.deaths_ahead -= 1;
            return self.shard.on(ShardEvent::Died(peid), now);
        }
        let is_orphan = matches!(&start, Start::Read(documents) if documents.is_orphan);
        match start.execution(&shard_cx.home.epochs, now) {
            Ok(execution) => {
                let mut execution =
                    SimulatedExecution::new(execution, shard_cx.cx.number(), &shard_cx.home, shard_cx.cx);
                if is_orphan {
                    shard_cx.cx.statistics.count("orphans cancelled");
                    execution.tell(ExecutionEvent::Orphaned, &shard_cx.home, shard_cx.cx);
                }
                execution.look(shard_cx.registry, &shard_cx.home, shard_cx.cx);
                let command = execution.proceed(&shard_cx.home, shard_cx.cx);
                if is_orphan && !execution.is_ending() {
                    shard_cx.cx.violated("a cancel goes down", format!("{peid} goes on without its parent"));
                }
                actor.execution = Some(Box::new(execution));
                self.carry_out(peid, command, shard_cx);
            }
            Err(unfit) => {
                shard_cx.cx.violated("documents can be resumed", format!("{peid}: {unfit}"));
                self.shard.on(ShardEvent::Exited(peid, Exit::Unfit(unfit)), now);
            }
        }
    }

    fn look(&mut self, peid: ExecutionId, shard_cx: &mut ShardContext<'_>) {
        let Some(Actor { execution: Some(execution), .. }) = self.actors.get_mut(&peid) else { return };
        execution.look(shard_cx.registry, &shard_cx.home, shard_cx.cx);
        let command = execution.proceed(&shard_cx.home, shard_cx.cx);
        self.carry_out(peid, command, shard_cx);
    }

    fn tell(&mut self, peid: ExecutionId, event: ExecutionEvent<HeldAsk>, shard_cx: &mut ShardContext<'_>) {
        let Some(Actor { execution: Some(execution), .. }) = self.actors.get_mut(&peid) else { return };
        let command = execution.on(event, &shard_cx.home, shard_cx.cx);
        self.carry_out(peid, command, shard_cx);
    }

    /// Carries out a command of an execution; the shard decides what follows.
    fn carry_out(&mut self, peid: ExecutionId, command: ActorCommand, shard_cx: &mut ShardContext<'_>) {
        let Some(actor) = self.actors.get_mut(&peid) else { return };
        let Some(execution) = &mut actor.execution else { return };
        for number in std::mem::take(&mut execution.answered) {
            shard_cx.registry.answered(peid, number);
        }
        let (incarnation, head, priority) = (execution.incarnation, execution.head(), execution.priority());
        let (ended, children) = (execution.ended.take(), std::mem::take(&mut execution.children));
        for act in children {
            match act {
                ChildAct::Start(start) => self.start_child(head.clone(), *start, shard_cx),
                // Its process may end before it comes to that.
                ChildAct::Stop(task) => {
                    let wait = shard_cx.cx.pace(3_000 * MILLIS);
                    shard_cx.cx.after(wait, shard_cx.home.node, Inner::Child(ChildWork::Stop(peid, task)));
                }
            }
        }
        if let Some((document, lsn)) = ended {
            self.child_ended(&document, shard_cx);
            shard_cx.registry.remove_when_stored(peid, lsn);
        }
        let Some(actor) = self.actors.get_mut(&peid) else { return };
        match command {
            ActorCommand::Nothing => {}
            ActorCommand::Commit(writes, need) => {
                self.commit(writes, need, Ticket::Execution(peid, incarnation), shard_cx)
            }
            ActorCommand::Leave(exit) => {
                actor.execution = None;
                shard_cx.cx.oracle.acts_gone(incarnation);
                if !matches!(exit, Exit::Parked { .. } | Exit::Drained) {
                    shard_cx.home.locks.holders.release_all(peid);
                }
                if let Exit::Parked { .. } = exit {
                    shard_cx.registry.hold(peid, None);
                    if let Some(live) = shard_cx.registry.get_mut(peid) {
                        live.priority = priority;
                    }
                    shard_cx.cx.moment(Moment::Parked);
                    shard_cx.cx.statistics.count("executions parked");
                }
                self.shard.on(ShardEvent::Exited(peid, exit), shard_cx.home.clock(shard_cx.cx));
            }
        }
    }

    /// Runs `act` on one incarnation of an execution.
    fn with(
        &mut self,
        peid: ExecutionId,
        incarnation: Incarnation,
        shard_cx: &mut ShardContext<'_>,
        work: impl FnOnce(&mut SimulatedExecution, &mut ShardContext<'_>) -> ActorCommand,
    ) {
        let Some(Actor { execution: Some(execution), .. }) = self.actors.get_mut(&peid) else { return };
        if execution.incarnation == incarnation {
            let command = work(execution, shard_cx);
            self.carry_out(peid, command, shard_cx);
            self.proceed(shard_cx);
        }
    }

    /// Checks which parked executions are due; also after the clock was changed.
    pub fn alarm(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.on(ShardEvent::Alarm, shard_cx);
    }

    /// The next step of a read.
    fn step(&mut self, peid: ExecutionId, incarnation: Incarnation, shard_cx: &mut ShardContext<'_>) {
        let Some(Actor { load: Some((reading, load)), .. }) = self.actors.get_mut(&peid) else { return };
        if *reading != incarnation {
            return;
        }
        match load.next(shard_cx.stored) {
            LoadStep::Settle => {
                self.commit(Vec::new(), Need::Behind, Ticket::Settled(peid, incarnation), shard_cx)
            }
            LoadStep::Flush => {
                if !shard_cx.journal.barrier(Asker::Read(peid, incarnation)) {
                    self.shard
                        .on(ShardEvent::Loaded(peid, Loaded::Nothing), shard_cx.home.clock(shard_cx.cx));
                }
            }
            LoadStep::Acquire => self.wait_for_place(peid, incarnation, shard_cx),
            LoadStep::Read => {
                let wait = shard_cx.cx.pace(5 * MILLIS);
                shard_cx.cx.after(wait, shard_cx.home.node, Inner::Read(peid, incarnation));
            }
        }
    }

    /// The store has everything that the flush waited for.
    pub fn flushed(&mut self, peid: ExecutionId, incarnation: Incarnation, shard_cx: &mut ShardContext<'_>) {
        self.step(peid, incarnation, shard_cx);
        self.proceed(shard_cx);
    }

    /// Reads the documents of an execution.
    pub fn read(&mut self, peid: ExecutionId, incarnation: Incarnation, shard_cx: &mut ShardContext<'_>) {
        let Some(actor) = self.actors.get_mut(&peid) else { return };
        if actor.load.as_ref().is_none_or(|(reading, _)| *reading != incarnation) {
            return;
        }
        if !shard_cx.cx.store.answers(shard_cx.cx.now) {
            return shard_cx.cx.after(250 * MILLIS, shard_cx.home.node, Inner::Read(peid, incarnation));
        }
        actor.load = None;
        let loaded = actor::documents(peid, shard_cx);
        if let Loaded::Ended = loaded {
            // Its actor may have died before it did this.
            shard_cx.home.locks.holders.release_all(peid);
            if let Some(document) = shard_cx.cx.store.executions.get(&peid).cloned() {
                self.child_ended(&document, shard_cx);
            }
            let tasks = shard_cx.cx.store.tasks_of(peid);
            self.stop_left(peid, &tasks, shard_cx);
            shard_cx.registry.remove(peid);
        }
        self.on(ShardEvent::Loaded(peid, loaded), shard_cx);
    }

    /// Makes updates durable, all or none.
    fn commit(&mut self, updates: Vec<Update>, need: Need, ticket: Ticket, shard_cx: &mut ShardContext<'_>) {
        if self.commits.push(updates, need, ticket) {
            self.send(shard_cx);
        }
    }

    fn send(&mut self, shard_cx: &mut ShardContext<'_>) {
        // One sync serves all, as in the journal.
        let Some((updates, _, tickets)) = self.commits.next_group() else { return };
        if updates.is_empty() {
            return shard_cx.cx.after(0, shard_cx.home.node, Inner::Told(self.index, tickets, 0));
        }
        // If the journal refuses it, the node has failed as a whole.
        let _ = shard_cx.journal.append(SimulatedAppend { updates, who: Who::Shard(self.index, tickets) });
    }

    /// The journal has a group.
    pub fn told(&mut self, tickets: Vec<Ticket>, lsn: u64, shard_cx: &mut ShardContext<'_>) {
        shard_cx.cx.moment(Moment::Told);
        for ticket in tickets {
            match ticket {
                Ticket::Execution(peid, incarnation) => {
                    self.with(peid, incarnation, shard_cx, |execution, shard_cx| {
                        execution.on(ExecutionEvent::Committed(lsn), &shard_cx.home, shard_cx.cx)
                    });
                }
                Ticket::Settled(peid, incarnation) => self.flushed(peid, incarnation, shard_cx),
                Ticket::GivenUp(peid, epoch) => {
                    if let Some((document, tasks)) = self.given_up.remove(&peid) {
                        self.child_ended(&document, shard_cx);
                        self.stop_left(peid, &tasks, shard_cx);
                    }
                    shard_cx.home.locks.holders.release_all(peid);
                    shard_cx.registry.remove_when_stored(peid, lsn);
                    shard_cx.cx.oracle.ended_given_up(peid, epoch);
                    self.on(ShardEvent::GivenUp(peid), shard_cx);
                }
            }
        }
        self.send(shard_cx);
        if self.dead && self.commits.is_idle() {
            self.restart(shard_cx);
        }
    }

    /// A call has its permit, or was refused it.
    pub fn permitted(
        &mut self,
        (peid, incarnation): (ExecutionId, Incarnation),
        task: TaskId,
        outcome: Result<(), Failure>,
        shard_cx: &mut ShardContext<'_>,
    ) {
        self.with(peid, incarnation, shard_cx, |execution, shard_cx| {
            execution.permitted(task, outcome, &shard_cx.home, shard_cx.cx);
            execution.proceed(&shard_cx.home, shard_cx.cx)
        });
    }

    /// An owner in line for a lock looks.
    pub fn looks(&mut self, look: LockLook, shard_cx: &mut ShardContext<'_>) {
        self.with(look.peid, look.incarnation, shard_cx, |execution, shard_cx| {
            execution.looks(look, &shard_cx.home, shard_cx.cx);
            execution.proceed(&shard_cx.home, shard_cx.cx)
        });
    }

    /// The request of an attempt is sent.
    pub fn leaves(&mut self, departure: &Departure, shard_cx: &mut ShardContext<'_>) {
        self.with(departure.peid, departure.incarnation, shard_cx, |execution, shard_cx| {
            execution.leaves(&departure.start, &shard_cx.home, shard_cx.cx);
            ActorCommand::Nothing
        });
    }

    /// Passes a report to its execution.
    pub fn reported(&mut self, report: Report, shard_cx: &mut ShardContext<'_>) {
        let (peid, incarnation) = (report.peid, report.incarnation);
        self.with(peid, incarnation, shard_cx, |execution, shard_cx| {
            execution.reported(report, &shard_cx.home, shard_cx.cx)
        });
    }

    /// A timer of an execution is due.
    pub fn due(
        &mut self,
        peid: ExecutionId,
        incarnation: Incarnation,
        timer: Timer,
        shard_cx: &mut ShardContext<'_>,
    ) {
        self.with(peid, incarnation, shard_cx, |execution, shard_cx| {
            execution.on(ExecutionEvent::TimerDue(timer), &shard_cx.home, shard_cx.cx)
        });
    }

    /// Adds a control of an execution: the registry holds it until it is answered. If the execution is not here, it is
    /// not answered.
    pub fn ask(&mut self, peid: ExecutionId, ask: Ask, shard_cx: &mut ShardContext<'_>) -> bool {
        let held = shard_cx.registry.ask(peid, ask);
        self.on(ShardEvent::Asked(peid), shard_cx);
        held
    }
}
