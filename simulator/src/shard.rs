//! A shard's actor: the executions of its tenants. Launches them, reads back those that died or whose wait is over,
//! passes controls on, and has their writes committed in groups. Mirrors `actors/src/shard.rs` with its folder,
//! `actors/src/commit.rs` and `actors/src/revive.rs`. Places are not modelled: nobody waits for one.

mod resident;

use std::collections::{BTreeMap, BTreeSet};

use updraft_kernel::machine::{Effects, Event, Machine, Terms, fail_abandoned};
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::limits::CONFIGURATION_WAIT;
use updraft_protocol::{ExecutionId, Failure, FailureKind, Timestamp, Update};

use crate::context::Context;
use crate::event::{Departure, Inner, Life, Report, Ticket};
use crate::execution::{Execution, Exit, Home, Wish};
use crate::fault::Moment;
use crate::journal::{Append, Journal, Who};
use crate::registry::Registry;
use crate::scenario::MILLIS;
use crate::writer::Asker;
use resident::{Ask, Place, Resident};

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
pub struct Desk<'a> {
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
    residents: BTreeMap<ExecutionId, Resident>,
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
    pub fn launch(&mut self, machine: Machine, effects: Effects, lsn: u64, desk: &mut Desk<'_>) {
        let peid = machine.peid();
        if !self.residents.contains_key(&peid) && !self.dead {
            self.bear(Execution::new(machine, effects, desk.cx.number(), lsn), desk);
        }
    }

    /// Starts an execution's actor.
    fn bear(&mut self, mut execution: Execution, desk: &mut Desk<'_>) {
        let peid = execution.peid;
        let resident = self.residents.entry(peid).or_default();
        if resident.doomed > 0 {
            resident.doomed -= 1;
            return self.died(peid, desk);
        }
        let mut wishes = Vec::new();
        for ask in std::mem::take(&mut resident.asks) {
            wishes.push(match ask {
                Ask::Cancel(cancel) => execution.cancel(cancel, &desk.home, desk.cx),
                Ask::Fail(failure) => execution.apply(Event::Fail(failure), &desk.home, desk.cx),
            });
        }
        if self.draining {
            wishes.push(execution.drain(&desk.home, desk.cx));
        }
        wishes.push(execution.proceed(&desk.home, desk.cx));
        resident.place = Place::Running(Box::new(execution));
        for wish in wishes {
            self.grant(peid, wish, desk);
        }
    }

    fn with(
        &mut self,
        peid: ExecutionId,
        life: Life,
        desk: &mut Desk<'_>,
        work: impl FnOnce(&mut Execution, &mut Desk<'_>) -> Wish,
    ) {
        let Some(Resident { place: Place::Running(execution), .. }) = self.residents.get_mut(&peid) else {
            return;
        };
        if execution.life != life {
            return;
        }
        let wish = work(execution, desk);
        self.grant(peid, wish, desk);
    }

    fn grant(&mut self, peid: ExecutionId, wish: Wish, desk: &mut Desk<'_>) {
        let Some(Resident { place: Place::Running(execution), .. }) = self.residents.get_mut(&peid) else {
            return;
        };
        if let Some((_, lsn)) = execution.ended.take() {
            desk.registry.remove_when_stored(peid, lsn);
        }
        let life = execution.life;
        match wish {
            Wish::Nothing => {}
            Wish::Commit(writes) => self.commit(writes, Ticket::Execution(peid, life), desk),
            Wish::Leave(Exit::Ended | Exit::Drained) => {
                self.residents.remove(&peid);
            }
            Wish::Leave(Exit::Parked { due, lsn }) => self.park(peid, due, lsn, desk),
        }
    }

    fn park(&mut self, peid: ExecutionId, due: Timestamp, lsn: u64, desk: &mut Desk<'_>) {
        desk.cx.moment(Moment::Parked);
        desk.cx.tally.count("executions parked");
        if let Some(resident) = self.residents.get_mut(&peid) {
            resident.place = Place::Parked { due, lsn };
        }
        self.parked.insert((due, peid));
        self.set_alarm(desk);
    }

    fn set_alarm(&mut self, desk: &mut Desk<'_>) {
        let Some((due, _)) = self.parked.first().copied() else { return };
        if self.alarm.is_none_or(|armed| due < armed) {
            self.alarm = Some(due);
            let wait = due.since(desk.home.clock(desk.cx)) * MILLIS;
            desk.cx.after(wait, desk.home.node, Inner::Alarm(self.index));
        }
    }

    /// Looks which parked executions are due; also after the clock was set.
    pub fn wake_due(&mut self, desk: &mut Desk<'_>) {
        self.alarm = None;
        let now = desk.home.clock(desk.cx);
        while let Some((_, peid)) = self.parked.first().copied().filter(|(due, _)| *due <= now) {
            self.parked.pop_first();
            if let Some(Resident { place: Place::Parked { lsn, .. }, .. }) = self.residents.get(&peid) {
                let since = Since::Position(*lsn);
                self.revive(peid, since, desk);
            }
        }
        self.set_alarm(desk);
    }

    /// Reads an execution back and starts its actor again.
    pub fn revive(&mut self, peid: ExecutionId, since: Since, desk: &mut Desk<'_>) {
        let life = desk.cx.number();
        self.residents.entry(peid).or_default().place = Place::Reviving(life);
        match since {
            Since::Start => self.read_soon(peid, life, desk),
            Since::Position(lsn) if desk.stored.reached(lsn + 1) => self.read_soon(peid, life, desk),
            Since::Position(_) => self.flush(peid, life, desk),
            // What its actor had handed over must be in the journal before the journal is asked.
            Since::Now => self.commit(Vec::new(), Ticket::Settled(peid, life), desk),
        }
    }

    fn read_soon(&mut self, peid: ExecutionId, life: Life, desk: &mut Desk<'_>) {
        let wait = desk.cx.pace(5 * MILLIS);
        desk.cx.after(wait, desk.home.node, Inner::Read(peid, life));
    }

    fn flush(&mut self, peid: ExecutionId, life: Life, desk: &mut Desk<'_>) {
        if !desk.journal.barrier(Asker::Read(peid, life)) {
            self.lose(peid, desk);
        }
    }

    /// The store has what was asked for: the documents may be read.
    pub fn flushed(&mut self, peid: ExecutionId, life: Life, desk: &mut Desk<'_>) {
        self.read_soon(peid, life, desk);
    }

    /// Reads the documents of an execution.
    pub fn read(&mut self, peid: ExecutionId, life: Life, desk: &mut Desk<'_>) {
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        if !matches!(resident.place, Place::Reviving(reviving) if reviving == life) {
            return;
        }
        if !desk.cx.store.answers(desk.cx.now) {
            return desk.cx.after(250 * MILLIS, desk.home.node, Inner::Read(peid, life));
        }
        let given_up = resident.given_up();
        if desk.cx.disks[desk.home.seat].owner != desk.home.node {
            // Taken over, it reads what its successor is just writing. Whatever it makes of that, its journal takes
            // nothing, so that nothing comes of it.
            return self.lose(peid, desk);
        }
        let order = desk.registry.get(peid).map(|live| live.order);
        let document = desk.cx.store.executions.get(&peid).cloned();
        let (Some(document), Some(order)) = (document, order) else { return self.lose(peid, desk) };
        if document.state.execution_status.ended() {
            return self.lose(peid, desk);
        }
        desk.cx.moment(Moment::Revived);
        desk.cx.tally.count("executions read back");
        let tasks = desk.cx.store.tasks_of(peid);
        let plan = desk.cx.plans[order].clone().filter(|_| !desk.forgotten.contains(&order));
        let failure = match plan {
            _ if given_up => Failure::new(FailureKind::Supervision, "the actor panicked too often"),
            // Of its documents one is missing: `actors/src/doomed.rs` and `Live::doomed` fail it too.
            _ if desk.cx.store.tainted.contains(&peid) => {
                Failure::new(FailureKind::Store, "the store will never take an update")
            }
            None => Failure::new(FailureKind::Playbook, "its playbook cannot be read"),
            Some(plan) => {
                let terms = Terms {
                    epoch: desk.home.epoch,
                    tasks_at_once: TASKS_AT_ONCE,
                    configuration_wait: CONFIGURATION_WAIT,
                };
                let now = desk.home.clock(desk.cx);
                match Machine::resume(plan, document.clone(), tasks.clone(), terms, now) {
                    Ok((machine, effects)) => return self.resumed(machine, effects, desk),
                    Err(unfit) => {
                        desk.cx.violated("documents can be resumed", format!("{peid}: {unfit}"));
                        Failure::new(FailureKind::Playbook, unfit.to_string())
                    }
                }
            }
        };
        let now = desk.home.clock(desk.cx);
        let (given_up, writes) = fail_abandoned(document, &tasks, desk.home.epoch, failure, now);
        desk.cx.tally.count("executions given up");
        desk.cx.oracle.gave_up(&given_up, &tasks, &writes);
        self.commit(writes, Ticket::GivenUp(peid), desk);
    }

    fn resumed(&mut self, machine: Machine, effects: Effects, desk: &mut Desk<'_>) {
        desk.cx.note(format_args!("n{} {} resumes {effects:?}", desk.home.node, machine.peid()));
        let decided = desk.cx.oracle.decided(&machine, &effects, desk.home.epoch);
        desk.cx.check(decided);
        desk.cx.check(updraft_kernel::invariant::machine(&machine));
        let life = desk.cx.number();
        self.bear(Execution::new(machine, effects, life, 0), desk);
    }

    /// Makes updates durable, all or none.
    fn commit(&mut self, updates: Vec<Update>, ticket: Ticket, desk: &mut Desk<'_>) {
        self.waiting.push((updates, ticket));
        if !self.sending {
            self.send(desk);
        }
    }

    fn send(&mut self, desk: &mut Desk<'_>) {
        self.sending = !self.waiting.is_empty();
        if !self.sending {
            return;
        }
        let (updates, tickets): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        let updates: Vec<Update> = updates.into_iter().flatten().collect();
        if updates.is_empty() {
            return desk.cx.after(0, desk.home.node, Inner::Told(self.index, tickets, 0));
        }
        // Where the journal takes nothing, the node has failed and tells everyone.
        let _ = desk.journal.append(Append { updates, who: Who::Shard(self.index, tickets) });
    }

    /// The journal has a group.
    pub fn told(&mut self, tickets: Vec<Ticket>, lsn: u64, desk: &mut Desk<'_>) {
        desk.cx.moment(Moment::Told);
        for ticket in tickets {
            match ticket {
                Ticket::Execution(peid, life) => {
                    self.with(peid, life, desk, |execution, desk| {
                        execution.committed(lsn, &desk.home, desk.cx)
                    });
                }
                Ticket::Settled(peid, life) => {
                    let reviving = self.residents.get(&peid).map(|resident| &resident.place);
                    if matches!(reviving, Some(Place::Reviving(reading)) if *reading == life) {
                        self.flush(peid, life, desk);
                    }
                }
                Ticket::GivenUp(peid) => {
                    desk.registry.remove_when_stored(peid, lsn);
                    desk.cx.oracle.ended_given_up(peid, desk.home.epoch);
                    self.residents.remove(&peid);
                }
            }
        }
        self.send(desk);
        if self.dead && !self.sending {
            self.reborn(desk);
        }
    }

    fn lose(&mut self, peid: ExecutionId, desk: &mut Desk<'_>) {
        self.residents.remove(&peid);
        desk.registry.remove(peid);
    }

    /// The request of an attempt leaves.
    pub fn leaves(&mut self, departure: &Departure, desk: &mut Desk<'_>) {
        self.with(departure.peid, departure.life, desk, |execution, desk| {
            execution.leaves(&departure.start, &desk.home, desk.cx);
            Wish::Nothing
        });
    }

    /// Passes a report to its execution.
    pub fn reported(&mut self, report: Report, desk: &mut Desk<'_>) {
        let (peid, life) = (report.peid, report.life);
        self.with(peid, life, desk, |execution, desk| execution.reported(report, &desk.home, desk.cx));
    }

    /// A timer of an execution is due.
    pub fn due(&mut self, peid: ExecutionId, life: Life, event: Event, desk: &mut Desk<'_>) {
        self.with(peid, life, desk, |execution, desk| execution.apply(event, &desk.home, desk.cx));
    }

    /// Someone asks to cancel an execution; where it is not here, nobody answers.
    pub fn cancel(&mut self, peid: ExecutionId, cancel: usize, desk: &mut Desk<'_>) {
        self.pass(peid, Ask::Cancel(cancel), desk);
    }

    /// The store will never take an update of an execution.
    pub fn fail(&mut self, peid: ExecutionId, desk: &mut Desk<'_>) {
        let failure = Failure::new(FailureKind::Store, "the store will never take an update");
        self.pass(peid, Ask::Fail(failure), desk);
    }

    fn pass(&mut self, peid: ExecutionId, ask: Ask, desk: &mut Desk<'_>) {
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        match &mut resident.place {
            Place::Running(execution) => {
                let life = execution.life;
                self.with(peid, life, desk, |execution, desk| match ask {
                    Ask::Cancel(cancel) => execution.cancel(cancel, &desk.home, desk.cx),
                    Ask::Fail(failure) => execution.apply(Event::Fail(failure), &desk.home, desk.cx),
                });
            }
            Place::Reviving(_) => resident.asks.push(ask),
            Place::Parked { due, lsn } => {
                let (key, since) = ((*due, peid), Since::Position(*lsn));
                resident.asks.push(ask);
                self.parked.remove(&key);
                self.revive(peid, since, desk);
            }
        }
    }
}
