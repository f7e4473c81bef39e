//! The messages to an execution's actor from its commits, its attempts and its shard. Each sender is a value whose drop
//! sends a message too.

use std::rc::Rc;

use updraft_kernel::machine::TaskSeq;
use updraft_kernel::shared::lock_holders::Taken;
use updraft_protocol::{Failure, FailureKind, Json, TaskId};

use super::guardrail::Guarded;
use super::look_up::Looked;
use super::permit::HeldPermit;
use crate::gates::GatePass;
use crate::inbox::Inbox;

/// A message to an execution's actor.
pub(crate) enum Incoming {
    /// Its commit is in the journal at this position; `None` if the journal refuses it.
    Committed(Option<u64>),
    /// An attempt has ended.
    Attempted(Attempted),
    /// The look-up with this number, of a waiting call, has come to this.
    LookedUp(TaskId, u32, Looked),
    /// A waiting call has its permit, or was refused it.
    Permitted(TaskId, Result<HeldPermit, Box<Failure>>),
    /// A waiting call has passed the gate of its tool.
    Passed(TaskId, Result<Box<GatePass>, Box<Failure>>),
    /// The owner of a lock that waiting calls need has it or is lent it, or has waited too long.
    Locked(TaskId, Result<Taken, Box<Failure>>),
    /// What guardrails say to a waiting call.
    Guarded(TaskId, Box<Guarded>),
    /// Its shard has died, or has dropped it.
    OwnerGone,
    /// A task of it has died that was to tell it something.
    WaitDied,
}

/// The end of an attempt.
pub(crate) struct Attempted {
    pub(crate) task: TaskSeq,
    pub(crate) call: u32,
    pub(crate) outcome: Result<Json, Box<Failure>>,
}

impl Incoming {
    /// The task, if this reports an attempt without its tool acting.
    pub(super) fn not_acted(&self) -> Option<TaskSeq> {
        match self {
            Self::Attempted(Attempted { task, outcome: Err(failure), .. }) if !failure.may_have_acted() => {
                Some(*task)
            }
            _ => None,
        }
    }
}

/// Sends the result of a commit; dropped unused, it reports that the journal refuses the commit.
pub(crate) struct Receipt(Option<Rc<Inbox<Incoming>>>);

impl Receipt {
    pub(crate) fn of(inbox: &Rc<Inbox<Incoming>>) -> Self {
        Self(Some(inbox.clone()))
    }

    pub(crate) fn give(mut self, lsn: u64) {
        if let Some(inbox) = self.0.take() {
            inbox.put(Incoming::Committed(Some(lsn)));
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(inbox) = self.0.take() {
            inbox.put(Incoming::Committed(None));
        }
    }
}

/// Sends the end of an attempt; dropped unused, it reports that the attempt died.
pub(crate) struct Report {
    /// `None` once it was used.
    inbox: Option<Rc<Inbox<Incoming>>>,
    task: TaskSeq,
    call: u32,
}

impl Report {
    pub(crate) fn of(inbox: &Rc<Inbox<Incoming>>, task: TaskSeq, call: u32) -> Self {
        Self { inbox: Some(inbox.clone()), task, call }
    }

    pub(crate) fn give(mut self, outcome: Result<Json, Failure>) {
        self.put(outcome);
    }

    fn put(&mut self, outcome: Result<Json, Failure>) {
        if let Some(inbox) = self.inbox.take() {
            let (task, call, outcome) = (self.task, self.call, outcome.map_err(Box::new));
            inbox.put(Incoming::Attempted(Attempted { task, call, outcome }));
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.inbox.is_some() {
            self.put(Err(Failure::new(FailureKind::Panic, "the attempt died")));
        }
    }
}

/// Sends what was waited for; dropped unused by a panic, it reports that the wait died.
pub(crate) struct WaitReport(Option<Rc<Inbox<Incoming>>>);

impl WaitReport {
    pub(crate) fn of(inbox: &Rc<Inbox<Incoming>>) -> Self {
        Self(Some(inbox.clone()))
    }

    pub(crate) fn give(mut self, told: Incoming) {
        if let Some(inbox) = self.0.take() {
            inbox.put(told);
        }
    }
}

impl Drop for WaitReport {
    fn drop(&mut self) {
        // One that is only dropped was called off.
        if let Some(inbox) = self.0.take().filter(|_| std::thread::panicking()) {
            inbox.put(Incoming::WaitDied);
        }
    }
}

/// Held by the shard for as long as it has the execution; its drop notifies the execution's actor.
pub(crate) struct OwnerGuard(Rc<Inbox<Incoming>>);

impl OwnerGuard {
    pub(crate) fn of(inbox: &Rc<Inbox<Incoming>>) -> Self {
        Self(inbox.clone())
    }
}

impl Drop for OwnerGuard {
    fn drop(&mut self) {
        self.0.put(Incoming::OwnerGone);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn what_is_dropped_unsaid_says_so() {
        let inbox = Rc::new(Inbox::default());
        let mut read = inbox.read();
        Receipt::of(&inbox).give(7);
        drop(Receipt::of(&inbox));
        Report::of(&inbox, TaskSeq(1), 2).give(Ok(Json::null()));
        drop(Report::of(&inbox, TaskSeq(3), 4));
        drop(OwnerGuard::of(&inbox));
        let mut next = || read.next().now_or_never().flatten();
        assert!(matches!(next(), Some(Incoming::Committed(Some(7)))));
        assert!(matches!(next(), Some(Incoming::Committed(None))));
        let Some(Incoming::Attempted(reported)) = next() else { panic!("a report") };
        assert_eq!((reported.task, reported.call, reported.outcome), (TaskSeq(1), 2, Ok(Json::null())));
        let Some(Incoming::Attempted(died)) = next() else { panic!("a report") };
        assert_eq!(died.outcome.map_err(|failure| failure.kind), Err(FailureKind::Panic));
        assert!(matches!(next(), Some(Incoming::OwnerGone)));
        assert!(next().is_none());
    }

    #[test]
    fn a_wait_that_panics_says_so_and_one_that_is_called_off_says_nothing() {
        let inbox = Rc::new(Inbox::default());
        let mut read = inbox.read();
        WaitReport::of(&inbox).give(Incoming::OwnerGone);
        drop(WaitReport::of(&inbox));
        let report = WaitReport::of(&inbox);
        let panicking = std::panic::AssertUnwindSafe(|| {
            let _report = report;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        let mut next = || read.next().now_or_never().flatten();
        assert!(matches!(next(), Some(Incoming::OwnerGone)));
        assert!(matches!(next(), Some(Incoming::WaitDied)));
        assert!(next().is_none());
    }

    #[test]
    fn a_report_that_waits_tells_whether_the_tool_has_acted() {
        let inbox = Rc::new(Inbox::default());
        Report::of(&inbox, TaskSeq(1), 1).give(Err(Failure::new(FailureKind::Unreachable, "no")));
        Report::of(&inbox, TaskSeq(2), 1).give(Ok(Json::null()));
        Report::of(&inbox, TaskSeq(3), 1).give(Err(Failure::new(FailureKind::Timeout, "late")));
        let unsent = Failure::new(FailureKind::Panic, "it panicked").with_may_have_acted(false);
        Report::of(&inbox, TaskSeq(4), 1).give(Err(unsent));
        let mut told = Vec::new();
        inbox.each(|message| told.extend(message.not_acted()));
        assert_eq!(told, [TaskSeq(1), TaskSeq(4)]);
    }
}
