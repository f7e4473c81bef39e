//! The driver of triggers: a thread that sleeps until the next is due, and gives each that is a turn. A trigger has one turn at a
//! time; many triggers have theirs at once. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use updraft_actors::timer::TimerThread;
use updraft_kernel::trigger::{Agenda, PlannedTrigger};
use updraft_protocol::limits::{
    LOCAL_CLOSE, POLLS, QUEUES, TRIGGER_AGAIN, TRIGGER_READ_AGAIN, TRIGGER_SLEEP, TRIGGERS_AT_WORK,
};
use updraft_protocol::{Setting, SettingKind, Timestamp};

use super::failing::Looks;
use super::poll::Poller;
use super::queue::QueueReader;
use super::turn::{Known, Turn};
use super::{TriggerKey, history, received, warm};
use crate::deadline::after;
use crate::engine::Submitter;
use crate::events::Events;
use crate::publications::publish;
use crate::settings::{SettingError, Settings};

/// The running thread. Dropped, it ends without being waited for.
pub(crate) struct TriggerThread {
    /// Dropped to end the thread.
    close: oneshot::Sender<()>,
    /// Completes when it has ended.
    closed: oneshot::Receiver<()>,
}

impl TriggerThread {
    /// Starts the thread.
    pub(crate) fn start(submitter: Arc<Submitter>, events: Events) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (close, closing) = oneshot::channel::<()>();
        let (told, closed) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = closing => {}
                    () = drive(&submitter) => {}
                    () = publish(submitter.clone(), events) => {}
                }
            });
            // The caller may not wait for it.
            let _ = told.send(());
        };
        std::thread::Builder::new().name("updraft-trigger".to_owned()).spawn(run)?;
        Ok(Self { close, closed })
    }

    /// Ends it. What is under way is dropped; the next start takes it up under the same keys.
    pub(crate) async fn close(self, timer: &TimerThread) {
        drop(self.close);
        let _ = timer.until(after(LOCAL_CLOSE), self.closed).await;
    }
}

/// The triggers that may fire, and when each is looked at.
struct Driver<'s> {
    submitter: &'s Arc<Submitter>,
    known: BTreeMap<TriggerKey, Known>,
    agenda: Agenda<TriggerKey>,
    /// Those that have their turn.
    busy: BTreeSet<TriggerKey>,
    /// The queues that are read, each for the plan of its trigger.
    queues: BTreeMap<TriggerKey, (Arc<PlannedTrigger>, QueueReader)>,
    /// The polls that are made, each for the plan of its trigger, and since when that counts.
    polls: BTreeMap<TriggerKey, (Arc<PlannedTrigger>, Timestamp, Poller)>,
}

async fn drive(submitter: &Arc<Submitter>) {
    let (known, busy) = (BTreeMap::new(), BTreeSet::new());
    let (agenda, queues, polls) = (Agenda::default(), BTreeMap::new(), BTreeMap::new());
    let mut driver = Driver { submitter, known, agenda, busy, queues, polls };
    while let Err(error) = driver.read_all().await {
        tracing::error!(%error, "triggers are not read, and do not fire until they are");
        tokio::time::sleep(TRIGGER_READ_AGAIN).await;
    }
    let wanted = driver.known.iter().map(|(key, known)| warm::wanted(key, &known.planned)).collect();
    // It ends with the thread.
    drop(tokio::spawn(warm::load(submitter.context.clone(), wanted)));
    submitter.triggers.received.begin();
    let mut turns = FuturesUnordered::new();
    let mut looks = tokio::time::interval(TRIGGER_SLEEP);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while turns.len() < TRIGGERS_AT_WORK
            && let Some(turn) = driver.begin()
        {
            turns.push(turn.run());
        }
        tokio::select! {
            () = submitter.triggers.wait() => driver.changed().await,
            Some((key, known, next)) = turns.next(), if !turns.is_empty() => driver.ended(key, known, next),
            _ = looks.tick() => driver.store_received().await,
            () = tokio::time::sleep(driver.pause()), if turns.len() < TRIGGERS_AT_WORK => {}
        }
    }
}

impl<'s> Driver<'s> {
    fn now(&self) -> Timestamp {
        self.submitter.context.clock.now()
    }

    /// Reads what is stored. A trigger that cannot be read is left out, and told.
    async fn read_all(&mut self) -> Result<(), SettingError> {
        let changed = self.submitter.triggers.take();
        let stored = match Settings::of(&self.submitter.context).all(SettingKind::Trigger).await {
            Ok(stored) => stored,
            Err(error) => {
                changed.into_iter().for_each(|key| self.submitter.triggers.tell(key));
                return Err(error);
            }
        };
        for setting in stored {
            let Some(key) = TriggerKey::in_setting(&setting) else { continue };
            self.take(key, Some(&setting)).await?;
        }
        Ok(())
    }

    /// Goes by what a trigger says now; `None` where it was removed.
    async fn take(&mut self, key: TriggerKey, setting: Option<&Setting>) -> Result<(), SettingError> {
        let standing = match setting.map(super::read) {
            Some(Ok(standing)) => Some(standing).filter(|standing| standing.paused.is_none()),
            Some(Err(error)) => {
                tracing::error!(tenant = %key.tenant, trigger = %key.name, %error, "a trigger does not fire");
                None
            }
            None => None,
        };
        let planned = standing.and_then(|standing| match PlannedTrigger::checked(standing.definition) {
            Ok(planned) => Some((Arc::new(planned), standing.since)),
            Err(mistakes) => {
                let why = mistakes.first().map(ToString::to_string).unwrap_or_default();
                tracing::error!(tenant = %key.tenant, trigger = %key.name, why, "a trigger does not fire");
                None
            }
        });
        self.submitter.triggers.received.stand(&key, planned.as_ref().map(|(planned, _)| planned.clone()));
        // What still fails says so again.
        self.submitter.triggers.failing.is_well(&key);
        self.read_queue(&key, planned.as_ref().map(|(planned, _)| planned));
        self.poll(&key, planned.as_ref());
        let Some((planned, since)) = planned else {
            self.known.remove(&key);
            self.agenda.note(key, None);
            return Ok(());
        };
        if let Some(known) = self.known.get_mut(&key).filter(|_| self.busy.contains(&key)) {
            // Its turn gives the history back.
            (known.planned, known.since) = (planned, since);
            return Ok(());
        }
        let (history, revision) =
            history::read(&self.submitter.context, &key).await.map_err(SettingError::from)?;
        self.known.insert(key.clone(), Known { planned, since, history, revision });
        if !self.busy.contains(&key) {
            let now = self.now();
            self.agenda.note(key, Some(now));
        }
        Ok(())
    }

    /// Has the queue of a trigger read, as it says now. What was being submitted of it before is read again under the same keys.
    fn read_queue(&mut self, key: &TriggerKey, planned: Option<&Arc<PlannedTrigger>>) {
        let queued = planned.filter(|planned| planned.queue().is_some());
        let Some(planned) = queued else {
            self.queues.remove(key);
            return;
        };
        if self.queues.get(key).is_some_and(|(before, _)| before.definition() == planned.definition()) {
            return;
        }
        self.queues.remove(key);
        if self.queues.len() >= QUEUES {
            tracing::error!(tenant = %key.tenant, trigger = %key.name, "a queue is not read: {QUEUES} are");
            let why = format!("{QUEUES} queues are read, and no more may be").into();
            self.submitter.triggers.failing.fails(key, Looks::Queue, (self.now(), why));
            return;
        }
        if let Some(reader) = QueueReader::start(self.submitter, key, planned) {
            self.queues.insert(key.clone(), (planned.clone(), reader));
        }
    }

    /// Has the poll of a trigger made, as it says now. What was being submitted of it before comes again under the same keys.
    fn poll(&mut self, key: &TriggerKey, planned: Option<&(Arc<PlannedTrigger>, Timestamp)>) {
        let polled = planned.filter(|(planned, _)| planned.poll().is_some());
        let Some((planned, since)) = polled else {
            self.polls.remove(key);
            return;
        };
        let is_same = |(before, from, _): &(Arc<PlannedTrigger>, Timestamp, Poller)| {
            before.definition() == planned.definition() && from == since
        };
        if self.polls.get(key).is_some_and(is_same) {
            return;
        }
        self.polls.remove(key);
        if self.polls.len() >= POLLS {
            tracing::error!(tenant = %key.tenant, trigger = %key.name, "a poll is not made: {POLLS} are");
            let why = format!("{POLLS} polls are made, and no more may be").into();
            self.submitter.triggers.failing.fails(key, Looks::Poll, (self.now(), why));
            return;
        }
        if let Some(poller) = Poller::start(self.submitter, key, (planned, *since)) {
            self.polls.insert(key.clone(), (planned.clone(), *since, poller));
        }
    }

    /// Goes by what was changed. Where the store does not answer, it is read again.
    async fn changed(&mut self) {
        for key in self.submitter.triggers.take() {
            let stored = self.submitter.context.store.setting(&key.setting(SettingKind::Trigger)).await;
            let taken = match stored {
                Ok(setting) => self.take(key.clone(), setting.as_ref()).await,
                Err(error) => Err(SettingError::Store(error.into())),
            };
            if let Err(error) = taken {
                tracing::warn!(tenant = %key.tenant, trigger = %key.name, %error, "a change of a trigger is read again");
                self.submitter.triggers.tell(key);
                tokio::time::sleep(TRIGGER_AGAIN).await;
            }
        }
    }

    /// Stores what webhooks have received since. Where the store does not answer, the counts of one trigger are lost, what was
    /// received is not, and the others wait: instants are due meanwhile.
    async fn store_received(&mut self) {
        let mut counted = self.submitter.triggers.received.take().into_iter();
        while let Some((key, since)) = counted.next() {
            let Some(known) = self.known.get_mut(&key) else { continue };
            if let Err(error) = received::store(&self.submitter.context, &key, (known, &since)).await {
                tracing::warn!(tenant = %key.tenant, trigger = %key.name, %error, "counts of a trigger are lost");
                return self.submitter.triggers.received.give_back(counted);
            }
        }
    }

    /// The turn of the trigger that is due first.
    fn begin(&mut self) -> Option<Turn<'s>> {
        loop {
            let now = self.now();
            let key = self.agenda.take_due(now)?;
            if self.submitter.triggers.has_changed(&key) {
                // It may be paused by now: what was asked before this instant holds at it.
                self.agenda.note(key, Some(now));
                return None;
            }
            if let Some(known) = self.known.get(&key).cloned() {
                self.busy.insert(key.clone());
                return Some(Turn { submitter: self.submitter, key, known });
            }
        }
    }

    /// A turn has ended. A trigger that was changed meanwhile is looked at at once.
    fn ended(&mut self, key: TriggerKey, after: Known, next: Option<Timestamp>) {
        self.busy.remove(&key);
        let now = self.now();
        let Some(known) = self.known.get_mut(&key) else { return };
        let is_same = Arc::ptr_eq(&known.planned, &after.planned) && known.since == after.since;
        (known.history, known.revision) = (after.history, after.revision);
        self.agenda.note(key, if is_same { next } else { Some(now) });
    }

    /// How long there is nothing to do.
    fn pause(&self) -> Duration {
        let now = self.now();
        let left = self.agenda.next().map(|next| Duration::from_millis(next.since(now)));
        left.unwrap_or(TRIGGER_SLEEP).min(TRIGGER_SLEEP)
    }
}
