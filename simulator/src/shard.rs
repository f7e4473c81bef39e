//! A shard's actor: the executions of its tenants. Launches them, reads back those that died or whose wait is over,
//! passes controls on, and has their writes committed in groups. Mirrors `actors/src/shard.rs` with its folder,
//! `actors/src/commit.rs` and `actors/src/load.rs`. Places are not modelled: nobody waits for one.

mod slot;

use std::collections::{BTreeMap, BTreeSet};

use updraft_kernel::execution::{self as kernel, ExecutionEvent, Exit};
use updraft_kernel::machine::{Terms, Timer, give_up};
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::limits::CONFIGURATION_WAIT;
use updraft_protocol::{ExecutionId, Failure, FailureKind, Timestamp, Update};

use crate::context::Context;
use crate::event::{Departure, Inner, Life, Report, Ticket};
use crate::execution::{Ask, Command, Execution, Home, shown};
use crate::fault::Moment;
use crate::journal::{Append, Journal, Who};
use crate::pump::Asker;
use crate::registry::Registry;
use crate::scenario::MILLIS;
use slot::{Place, Slot};

/// Tasks at once in one execution, where its playbook does not say.
const TASKS_AT_ONCE: usize = 3;

/// What the store must have before an execution is read from it.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// It has everything: the node has just started.
    Start,
    /// What stands in the journal up to here.
    Position(u64),
    /// Everything that the journal has at this moment.
    Now,
}

/// What a shard works with.
pub struct ShardContext<'a> {
    /// Its process.
    pub home: Home,
    /// The journal of its node.
    pub journal: &'a mut Journal,
    /// The executions of its node.
    pub registry: &'a mut Registry,
    /// Everything below it is in the store.
    pub stored: &'a DurableWatermark,
    /// Orders whose playbook can no longer be read.
    pub forgotten: &'a BTreeSet<usize>,
    /// Everything else.
    pub cx: &'a mut Context,
}

/// The shard of a process.
#[derive(Default)]
pub struct Shard {
    index: usize,
    slots: BTreeMap<ExecutionId, Slot>,
    parked: BTreeSet<(Timestamp, ExecutionId)>,
    alarm: Option<Timestamp>,
    waiting: Vec<(Vec<Update>, Ticket)>,
    sending: bool,
    draining: bool,
    /// It has died, and its successor waits for what was handed over.
    dead: bool,
}

impl Shard {
    /// An empty shard.
    pub fn new(index: usize) -> Self {
        Self { index, ..Self::default() }
    }

    /// Starts an accepted execution.
    pub fn launch(&mut self, execution: kernel::Execution<Ask>, shard_cx: &mut ShardContext<'_>) {
        let peid = execution.machine().peid();
        if !self.slots.contains_key(&peid) && !self.dead {
            self.spawn(Execution::new(execution, shard_cx.cx.number()), shard_cx);
        }
    }

    /// Starts an execution's actor.
    fn spawn(&mut self, mut execution: Execution, shard_cx: &mut ShardContext<'_>) {
        let peid = execution.peid;
        let slot = self.slots.entry(peid).or_default();
        if slot.doomed > 0 {
            slot.doomed -= 1;
            return self.died(peid, shard_cx);
        }
        let mut commands = Vec::new();
        for ask in std::mem::take(&mut slot.asks) {
            execution.tell(ExecutionEvent::Asked(ask), &shard_cx.home, shard_cx.cx);
        }
        commands.push(execution.proceed(&shard_cx.home, shard_cx.cx));
        if self.draining {
            commands.push(execution.on(ExecutionEvent::Drain, &shard_cx.home, shard_cx.cx));
        }
        slot.place = Place::Running(Box::new(execution));
        for command in commands {
            self.grant(peid, command, shard_cx);
        }
    }

    fn with(
        &mut self,
        peid: ExecutionId,
        life: Life,
        shard_cx: &mut ShardContext<'_>,
        work: impl FnOnce(&mut Execution, &mut ShardContext<'_>) -> Command,
    ) {
        let Some(Slot { place: Place::Running(execution), .. }) = self.slots.get_mut(&peid) else {
            return;
        };
        if execution.life != life {
            return;
        }
        let command = work(execution, shard_cx);
        self.grant(peid, command, shard_cx);
    }

    fn grant(&mut self, peid: ExecutionId, command: Command, shard_cx: &mut ShardContext<'_>) {
        let Some(Slot { place: Place::Running(execution), .. }) = self.slots.get_mut(&peid) else {
            return;
        };
        if let Some((_, lsn)) = execution.ended.take() {
            shard_cx.registry.remove_when_stored(peid, lsn);
        }
        let life = execution.life;
        match command {
            Command::Nothing => {}
            Command::Commit(writes) => self.commit(writes, Ticket::Execution(peid, life), shard_cx),
            Command::Leave(Exit::Ended | Exit::Drained | Exit::Unfit(_) | Exit::Lost) => {
                self.slots.remove(&peid);
            }
            Command::Leave(Exit::Parked { due, lsn }) => self.park(peid, due, lsn, shard_cx),
        }
    }

    fn park(&mut self, peid: ExecutionId, due: Timestamp, lsn: u64, shard_cx: &mut ShardContext<'_>) {
        shard_cx.cx.moment(Moment::Parked);
        shard_cx.cx.statistics.count("executions parked");
        if let Some(slot) = self.slots.get_mut(&peid) {
            slot.place = Place::Parked { due, lsn };
        }
        self.parked.insert((due, peid));
        self.set_alarm(shard_cx);
    }

    fn set_alarm(&mut self, shard_cx: &mut ShardContext<'_>) {
        let Some((due, _)) = self.parked.first().copied() else { return };
        if self.alarm.is_none_or(|armed| due < armed) {
            self.alarm = Some(due);
            let wait = due.since(shard_cx.home.clock(shard_cx.cx)) * MILLIS;
            shard_cx.cx.after(wait, shard_cx.home.node, Inner::Alarm(self.index));
        }
    }

    /// Looks which parked executions are due; also after the clock was set.
    pub fn wake_due(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.alarm = None;
        let now = shard_cx.home.clock(shard_cx.cx);
        while let Some((_, peid)) = self.parked.first().copied().filter(|(due, _)| *due <= now) {
            self.parked.pop_first();
            if let Some(Slot { place: Place::Parked { lsn, .. }, .. }) = self.slots.get(&peid) {
                let since = Since::Position(*lsn);
                self.revive(peid, since, shard_cx);
            }
        }
        self.set_alarm(shard_cx);
    }

    /// Reads an execution back and starts its actor again.
    pub fn revive(&mut self, peid: ExecutionId, since: Since, shard_cx: &mut ShardContext<'_>) {
        let life = shard_cx.cx.number();
        self.slots.entry(peid).or_default().place = Place::Reviving(life);
        match since {
            Since::Start => self.read_soon(peid, life, shard_cx),
            Since::Position(lsn) if shard_cx.stored.reached(lsn + 1) => self.read_soon(peid, life, shard_cx),
            Since::Position(_) => self.flush(peid, life, shard_cx),
            // What its actor had handed over must be in the journal before the journal is asked.
            Since::Now => self.commit(Vec::new(), Ticket::Settled(peid, life), shard_cx),
        }
    }

    fn read_soon(&mut self, peid: ExecutionId, life: Life, shard_cx: &mut ShardContext<'_>) {
        let wait = shard_cx.cx.pace(5 * MILLIS);
        shard_cx.cx.after(wait, shard_cx.home.node, Inner::Read(peid, life));
    }

    fn flush(&mut self, peid: ExecutionId, life: Life, shard_cx: &mut ShardContext<'_>) {
        if !shard_cx.journal.barrier(Asker::Read(peid, life)) {
            self.lose(peid, shard_cx);
        }
    }

    /// The store has what was asked for: the documents may be read.
    pub fn flushed(&mut self, peid: ExecutionId, life: Life, shard_cx: &mut ShardContext<'_>) {
        self.read_soon(peid, life, shard_cx);
    }

    /// Reads the documents of an execution.
    pub fn read(&mut self, peid: ExecutionId, life: Life, shard_cx: &mut ShardContext<'_>) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        if !matches!(slot.place, Place::Reviving(reviving) if reviving == life) {
            return;
        }
        if !shard_cx.cx.store.answers(shard_cx.cx.now) {
            return shard_cx.cx.after(250 * MILLIS, shard_cx.home.node, Inner::Read(peid, life));
        }
        let given_up = slot.given_up();
        if shard_cx.cx.disks[shard_cx.home.directory].owner != shard_cx.home.node {
            // Taken over, it reads what its successor is just writing. Whatever it makes of that, its journal takes
            // nothing, so that nothing comes of it.
            return self.lose(peid, shard_cx);
        }
        let order = shard_cx.registry.get(peid).map(|live| live.order);
        let document = shard_cx.cx.store.executions.get(&peid).cloned();
        let (Some(document), Some(order)) = (document, order) else { return self.lose(peid, shard_cx) };
        if document.state.execution_status.ended() {
            return self.lose(peid, shard_cx);
        }
        shard_cx.cx.moment(Moment::Revived);
        shard_cx.cx.statistics.count("executions read back");
        let tasks = shard_cx.cx.store.tasks_of(peid);
        let plan = shard_cx.cx.plans[order].clone().filter(|_| !shard_cx.forgotten.contains(&order));
        let failure = match plan {
            _ if given_up => Failure::new(FailureKind::Supervision, "the actor panicked too often"),
            // Of its documents one is missing: `actors/src/poisoned.rs` and `RegistryEntry::poisoned` fail it too.
            _ if shard_cx.cx.store.tainted.contains(&peid) => {
                Failure::new(FailureKind::Store, "the store will never take an update")
            }
            None => Failure::new(FailureKind::Playbook, "its playbook cannot be read"),
            Some(plan) => {
                let terms = Terms {
                    epoch: shard_cx.home.epoch,
                    tasks_at_once: TASKS_AT_ONCE,
                    configuration_wait: CONFIGURATION_WAIT,
                };
                let now = shard_cx.home.clock(shard_cx.cx);
                match kernel::Execution::resumed(plan, document.clone(), tasks.clone(), terms, now) {
                    Ok(execution) => return self.resumed(execution, shard_cx),
                    Err(unfit) => {
                        shard_cx.cx.violated("documents can be resumed", format!("{peid}: {unfit}"));
                        Failure::new(FailureKind::Playbook, unfit.to_string())
                    }
                }
            }
        };
        let now = shard_cx.home.clock(shard_cx.cx);
        let (given_up, writes) = give_up(document, &tasks, shard_cx.home.epoch, failure, now);
        shard_cx.cx.statistics.count("executions given up");
        shard_cx.cx.oracle.gave_up(&given_up, &tasks, &writes);
        self.commit(writes, Ticket::GivenUp(peid), shard_cx);
    }

    fn resumed(&mut self, execution: kernel::Execution<Ask>, shard_cx: &mut ShardContext<'_>) {
        let (machine, effects) = (execution.machine(), execution.pending());
        shard_cx.cx.note(format_args!("n{} {} resumes {effects:?}", shard_cx.home.node, machine.peid()));
        shown(machine, effects, &shard_cx.home, shard_cx.cx);
        let life = shard_cx.cx.number();
        self.spawn(Execution::new(execution, life), shard_cx);
    }

    /// Makes updates durable, all or none.
    fn commit(&mut self, updates: Vec<Update>, ticket: Ticket, shard_cx: &mut ShardContext<'_>) {
        self.waiting.push((updates, ticket));
        if !self.sending {
            self.send(shard_cx);
        }
    }

    fn send(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.sending = !self.waiting.is_empty();
        if !self.sending {
            return;
        }
        let (updates, tickets): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        let updates: Vec<Update> = updates.into_iter().flatten().collect();
        if updates.is_empty() {
            return shard_cx.cx.after(0, shard_cx.home.node, Inner::Told(self.index, tickets, 0));
        }
        // Where the journal takes nothing, the node has failed and tells everyone.
        let _ = shard_cx.journal.append(Append { updates, who: Who::Shard(self.index, tickets) });
    }

    /// The journal has a group.
    pub fn told(&mut self, tickets: Vec<Ticket>, lsn: u64, shard_cx: &mut ShardContext<'_>) {
        shard_cx.cx.moment(Moment::Told);
        for ticket in tickets {
            match ticket {
                Ticket::Execution(peid, life) => {
                    self.with(peid, life, shard_cx, |execution, shard_cx| {
                        execution.on(ExecutionEvent::Committed(lsn), &shard_cx.home, shard_cx.cx)
                    });
                }
                Ticket::Settled(peid, life) => {
                    let reviving = self.slots.get(&peid).map(|slot| &slot.place);
                    if matches!(reviving, Some(Place::Reviving(reading)) if *reading == life) {
                        self.flush(peid, life, shard_cx);
                    }
                }
                Ticket::GivenUp(peid) => {
                    shard_cx.registry.remove_when_stored(peid, lsn);
                    shard_cx.cx.oracle.ended_given_up(peid, shard_cx.home.epoch);
                    self.slots.remove(&peid);
                }
            }
        }
        self.send(shard_cx);
        if self.dead && !self.sending {
            self.reborn(shard_cx);
        }
    }

    fn lose(&mut self, peid: ExecutionId, shard_cx: &mut ShardContext<'_>) {
        self.slots.remove(&peid);
        shard_cx.registry.remove(peid);
    }

    /// The request of an attempt leaves.
    pub fn leaves(&mut self, departure: &Departure, shard_cx: &mut ShardContext<'_>) {
        self.with(departure.peid, departure.life, shard_cx, |execution, shard_cx| {
            execution.leaves(&departure.start, &shard_cx.home, shard_cx.cx);
            Command::Nothing
        });
    }

    /// Passes a report to its execution.
    pub fn reported(&mut self, report: Report, shard_cx: &mut ShardContext<'_>) {
        let (peid, life) = (report.peid, report.life);
        self.with(peid, life, shard_cx, |execution, shard_cx| {
            execution.reported(report, &shard_cx.home, shard_cx.cx)
        });
    }

    /// A timer of an execution is due.
    pub fn due(&mut self, peid: ExecutionId, life: Life, timer: Timer, shard_cx: &mut ShardContext<'_>) {
        self.with(peid, life, shard_cx, |execution, shard_cx| {
            execution.on(ExecutionEvent::TimerDue(timer), &shard_cx.home, shard_cx.cx)
        });
    }

    /// Someone asks to cancel an execution; where it is not here, nobody answers.
    pub fn cancel(&mut self, peid: ExecutionId, cancel: usize, shard_cx: &mut ShardContext<'_>) {
        self.pass(peid, Ask::Cancel(cancel), shard_cx);
    }

    /// The store will never take an update of an execution.
    pub fn fail(&mut self, peid: ExecutionId, shard_cx: &mut ShardContext<'_>) {
        let failure = Failure::new(FailureKind::Store, "the store will never take an update");
        self.pass(peid, Ask::Fail(failure), shard_cx);
    }

    fn pass(&mut self, peid: ExecutionId, ask: Ask, shard_cx: &mut ShardContext<'_>) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        match &mut slot.place {
            Place::Running(execution) => {
                let life = execution.life;
                self.with(peid, life, shard_cx, |execution, shard_cx| {
                    execution.on(ExecutionEvent::Asked(ask), &shard_cx.home, shard_cx.cx)
                });
            }
            Place::Reviving(_) => slot.asks.push(ask),
            Place::Parked { due, lsn } => {
                let (key, since) = ((*due, peid), Since::Position(*lsn));
                slot.asks.push(ask);
                self.parked.remove(&key);
                self.revive(peid, since, shard_cx);
            }
        }
    }
}
