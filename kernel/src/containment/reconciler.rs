//! The reconciler of containments: decides which call is made next so that each task's hold is registered with its containment,
//! and each containment that is due is undone. One call at a time: its answer is the next event. Makes no call itself, and
//! remembers nothing but its place in the two lists: what there is to do is in the store, so that a restart goes on.
//!
//! The containment is durable before its task is marked as registered, and before a round of its undo begins. What cannot be
//! registered, or followed, is passed over and met again by a later look, so that it holds up nothing behind it.

mod call;

use std::collections::VecDeque;

use updraft_protocol::limits::CONTAINMENT_TRIES;
use updraft_protocol::{
    ContainmentDocument, ContainmentId, ContainmentStatus, TaskDocument, TenantCode, Timestamp,
};

pub use call::{DueCursor, HoldCursor, ReconcilerCommand, ReconcilerEvent};

use super::round::{RoundProgress, UndoRound};
use super::{ContainmentEvent, apply, containment_of, register, waits_for_others};

/// What a reconciler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcilerMode {
    /// It registers holds, and undoes what is due.
    All,
    /// It registers holds alone: the tools may be missing.
    Registers,
    /// It registers holds, and no look follows: no task waits for others.
    RegistersLast,
}

/// The lists that a look goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Holds,
    Due,
}

/// What is being decided.
#[derive(Debug, Clone)]
enum Subject {
    /// The hold of a task.
    Hold(Box<TaskDocument>),
    /// What happens to a containment.
    Event(ContainmentEvent),
    /// How far the round of a containment is.
    Round,
}

/// The containment that is worked on.
#[derive(Debug)]
struct Current {
    subject: Subject,
    tenant: TenantCode,
    id: ContainmentId,
    /// How often others have changed it meanwhile.
    tries: usize,
    /// What is being stored, or was read last.
    document: Option<ContainmentDocument>,
}

/// The reconciler.
#[derive(Debug)]
pub struct Reconciler {
    mode: ReconcilerMode,
    /// Rows of a page.
    rows: usize,
    /// When the look began: what falls due later is left to the next one.
    looked_at: Timestamp,
    /// The lists that have further pages. They are read in turn, so that many holds keep no undo waiting.
    lists: VecDeque<List>,
    holds_after: Option<HoldCursor>,
    due_after: Option<DueCursor>,
    holds: VecDeque<TaskDocument>,
    due: VecDeque<ContainmentDocument>,
    /// Tasks whose hold is durable with its containment, and which are not marked yet.
    registered: Vec<TaskDocument>,
    current: Option<Current>,
}

impl Reconciler {
    /// A reconciler that reads pages of so many rows.
    pub fn new(mode: ReconcilerMode, rows: usize) -> Self {
        Self {
            mode,
            rows,
            looked_at: Timestamp::default(),
            lists: VecDeque::new(),
            holds_after: None,
            due_after: None,
            holds: VecDeque::new(),
            due: VecDeque::new(),
            registered: Vec::new(),
            current: None,
        }
    }

    /// The next call, now that the last one has given this.
    pub fn on(&mut self, event: ReconcilerEvent, now: Timestamp) -> ReconcilerCommand {
        match event {
            ReconcilerEvent::Look => {
                self.looked_at = now;
                // The last look may have ended before it had read all pages.
                (self.holds_after, self.due_after) = (None, None);
                self.lists = VecDeque::from([List::Holds]);
                if self.mode == ReconcilerMode::All {
                    self.lists.push_back(List::Due);
                }
            }
            ReconcilerEvent::Holds(page) => {
                self.holds_after = page.last().filter(|_| page.len() >= self.rows).and_then(HoldCursor::of);
                self.lists.extend(self.holds_after.map(|_| List::Holds));
                self.holds = page.into();
            }
            ReconcilerEvent::Due(page) => {
                self.due_after = page.last().filter(|_| page.len() >= self.rows).and_then(DueCursor::of);
                self.lists.extend(self.due_after.map(|_| List::Due));
                self.due = page.into();
            }
            ReconcilerEvent::Read(before) => return self.decide(before, now),
            ReconcilerEvent::Put(is_stored) => return self.put(is_stored, now),
            ReconcilerEvent::Marked => {}
            ReconcilerEvent::Round(progress) => {
                let document = self.current.take().and_then(|current| current.document);
                if let Some(document) = document {
                    return self.progressed(document, progress, now);
                }
            }
            // What could not be done is passed over.
            ReconcilerEvent::Failed => {}
        }
        self.next(now)
    }

    /// Begins with what is next.
    fn next(&mut self, now: Timestamp) -> ReconcilerCommand {
        self.current = None;
        while let Some(task) = self.holds.pop_front() {
            let Some((id, ..)) = containment_of(&task) else {
                self.registered.push(task);
                continue;
            };
            let tenant = task.head.tenant_code.clone();
            self.begin(Subject::Hold(Box::new(task)), (tenant.clone(), id), None);
            return ReconcilerCommand::Read(tenant, id);
        }
        if !self.registered.is_empty() {
            return ReconcilerCommand::Mark(std::mem::take(&mut self.registered));
        }
        if let Some(document) = self.due.pop_front() {
            return match document.status {
                ContainmentStatus::Undoing => self.round(document, now),
                _ => self.happens(document, ContainmentEvent::Due, now),
            };
        }
        match self.lists.pop_front() {
            Some(List::Holds) => ReconcilerCommand::ReadHolds(self.holds_after),
            Some(List::Due) => ReconcilerCommand::ReadDue(self.looked_at, self.due_after),
            None => ReconcilerCommand::Rest,
        }
    }

    fn begin(
        &mut self,
        subject: Subject,
        (tenant, id): (TenantCode, ContainmentId),
        document: Option<ContainmentDocument>,
    ) {
        self.current = Some(Current { subject, tenant, id, tries: 0, document });
    }

    fn happens(
        &mut self,
        document: ContainmentDocument,
        event: ContainmentEvent,
        now: Timestamp,
    ) -> ReconcilerCommand {
        self.begin(Subject::Event(event), (document.tenant_code.clone(), document.id), None);
        self.decide(Some(document), now)
    }

    /// Stores what the containment, as it was read, becomes.
    fn decide(&mut self, before: Option<ContainmentDocument>, now: Timestamp) -> ReconcilerCommand {
        let Some(current) = &mut self.current else { return self.next(now) };
        let after = match (&current.subject, &before) {
            (Subject::Hold(task), before) => {
                let is_last = self.mode == ReconcilerMode::RegistersLast;
                if !is_last && waits_for_others(before.as_ref(), task, now) {
                    return self.next(now);
                }
                register(before.as_ref(), task, now)
            }
            // Only people are refused.
            (Subject::Event(event), Some(before)) => apply(before, event.clone(), now).ok().flatten(),
            (Subject::Event(_) | Subject::Round, _) => None,
        };
        let revision = before.as_ref().map(|before| before.revision);
        current.document = after.clone().or(before);
        match after {
            Some(after) => ReconcilerCommand::Put(after, revision),
            None => self.stored(now),
        }
    }

    fn put(&mut self, was_as_read: bool, now: Timestamp) -> ReconcilerCommand {
        if was_as_read {
            return self.stored(now);
        }
        match self.current.as_mut().filter(|current| current.tries < CONTAINMENT_TRIES) {
            Some(current) => {
                current.tries += 1;
                ReconcilerCommand::Read(current.tenant.clone(), current.id)
            }
            None => self.next(now),
        }
    }

    /// The store has what was decided.
    fn stored(&mut self, now: Timestamp) -> ReconcilerCommand {
        match self.current.take() {
            Some(Current { subject: Subject::Hold(task), .. }) => self.registered.push(*task),
            Some(Current {
                subject: Subject::Event(ContainmentEvent::Due),
                document: Some(document),
                ..
            }) if document.status == ContainmentStatus::Undoing => {
                return self.round(document, now);
            }
            _ => {}
        }
        self.next(now)
    }

    /// The round that runs is submitted, unless its execution is recorded, and looked at. It is recorded before its end is
    /// looked for: it may have ended already, and the containment names it.
    fn round(&mut self, document: ContainmentDocument, now: Timestamp) -> ReconcilerCommand {
        let (tenant, id) = (document.tenant_code.clone(), document.id);
        let call = match document.details.execution {
            Some(peid) => ReconcilerCommand::Follow(tenant.clone(), peid),
            None => match UndoRound::of(&document) {
                Ok(round) => ReconcilerCommand::Submit(Box::new(round)),
                Err(why) => return self.progressed(document, RoundProgress::Ended(Err(why.into())), now),
            },
        };
        self.begin(Subject::Round, (tenant, id), Some(document));
        call
    }

    fn progressed(
        &mut self,
        document: ContainmentDocument,
        progress: RoundProgress,
        now: Timestamp,
    ) -> ReconcilerCommand {
        let round = document.details.round;
        let event = match progress {
            RoundProgress::Runs(peid) => ContainmentEvent::UndoRuns(round, peid),
            RoundProgress::Ended(outcome) => ContainmentEvent::UndoEnded(round, outcome),
        };
        self.happens(document, event, now)
    }
}

#[cfg(test)]
mod tests;
