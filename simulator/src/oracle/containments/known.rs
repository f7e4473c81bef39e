//! What is known of one containment, by what tasks have told and people have asked, and what may become of it.

use super::*;

/// What is known of a containment, by what tasks have told and people have asked.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The times of the tasks that hold it.
    pub(super) held: BTreeMap<TaskId, Timestamp>,
    /// Until when a person has extended it.
    pub(super) extended: Option<Timestamp>,
    /// Whether a person has ended it.
    pub(super) is_kept: bool,
    /// When its newest round failed, by the clock that said so.
    pub(super) failed_at: Option<Timestamp>,
    /// Since when it is open.
    pub(super) opened: Option<u64>,
    /// The calls of those who have held it that are not made yet.
    pub(super) calls: Vec<InputHash>,
}

impl Known {
    /// A round begins: the time of each holder is over, or a person has asked.
    pub(super) fn may_be_undone(
        &mut self,
        after: &ContainmentDocument,
        ask: Option<&ContainmentAsk>,
        clock: Timestamp,
    ) -> Result<(), Violation> {
        let last = self.held.values().copied().chain(self.extended).max();
        let again = self.failed_at.map(|failed| failed.after(CONTAINMENT_PAUSE));
        let is_due = last.is_none_or(|last| last <= clock)
            && again.is_none_or(|again| again <= clock || last.is_some());
        let fits = !self.is_kept
            && (ask == Some(&ContainmentAsk::Undo) || (ask.is_none() && (is_due || is_full(after))));
        if !fits {
            let what = format!("{} is undone at {clock}, known is {self:?}", after.id);
            return broken("a containment is held to the last", what);
        }
        let calls = std::mem::take(&mut self.calls);
        *self = Self { opened: self.opened, calls, ..Self::default() };
        Ok(())
    }

    /// A round was made, and the next one is that of another call, of nobody who holds the target.
    pub(super) fn next_call(
        &mut self,
        (before, after): (&ContainmentDocument, &ContainmentDocument),
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let mut rounds = rounds_of(after, store);
        let round = rounds.find(|found| found.head.playbook_version == before.details.round);
        let status = round.map(|found| found.state.execution_status);
        let next = after.details.undo.hash();
        let is_held =
            after.details.holders.iter().any(|holder| holder.ended.is_none() && holder.undo == next);
        self.is_made(before);
        if status == Some(ExecutionStatus::Completed) && self.calls.contains(&next) && !is_held {
            return Ok(());
        }
        broken(
            "every undo is made",
            format!("its execution is {status:?}, known is {self:?}, and it is {after:?}"),
        )
    }

    /// Holders end by what their executions have told, or as a person keeps the target.
    pub(super) fn are_released(
        &mut self,
        (before, after): Change<'_>,
        ask: Option<&ContainmentAsk>,
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let was_open = |task| {
            let before = before.and_then(|before| holder(before, task));
            before.is_none_or(|holder| holder.ended.is_none())
        };
        let ended =
            after.details.holders.iter().filter(|holder| holder.ended.is_some() && was_open(holder.task));
        for holder in ended {
            if !is_released(holder.task, store) && ask != Some(&ContainmentAsk::Keep) {
                return broken("a containment is held to the last", format!("{holder:?} holds it no more"));
            }
            self.held.remove(&holder.task);
        }
        Ok(())
    }

    /// A round has ended: as its execution has, and a failure is shown.
    pub(super) fn round_ended(
        &mut self,
        (before, after): (&ContainmentDocument, &ContainmentDocument),
        clock: Timestamp,
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let execution =
            rounds_of(after, store).find(|found| found.head.playbook_version == before.details.round);
        let status = execution.map(|found| found.state.execution_status);
        let has_failed = after.details.failures > 0;
        let fits = match status {
            Some(ExecutionStatus::Completed) => !has_failed,
            Some(status) => status.ended() && has_failed,
            // Without arguments nothing can be submitted.
            None => before.details.undo.arguments.is_none() && has_failed,
        };
        let is_shown = match (self.held.is_empty(), has_failed) {
            (false, _) => after.status == ContainmentStatus::Active,
            (true, false) => after.status == ContainmentStatus::Undone,
            (true, true) => after.status == ContainmentStatus::UndoFailed && after.details.reason.is_some(),
        };
        if !fits || !is_shown {
            let what = format!("its execution is {status:?}, known is {self:?}, and it is {after:?}");
            return broken("an undo that failed is shown", what);
        }
        self.failed_at = has_failed.then_some(clock);
        if !has_failed {
            self.is_made(before);
        }
        if after.status == ContainmentStatus::Undone && !self.calls.is_empty() {
            return broken("every undo is made", format!("known is {self:?}, and it is {after:?}"));
        }
        Ok(())
    }

    /// The call of a round was made: for all but those who contained the target after the round had begun, and who hold it.
    fn is_made(&mut self, before: &ContainmentDocument) {
        let (made, began) = (before.details.undo.hash(), before.details.began.unwrap_or_default());
        let is_later = |holder: &Holder| {
            holder.undo == made && holder.since >= began && holder.ended.is_some_and(|ended| ended > began)
        };
        let is_held =
            before.details.holders.iter().any(|holder| holder.undo == made && holder.ended.is_none());
        if !is_held && !before.details.holders.iter().any(is_later) {
            self.calls.retain(|call| *call != made);
        }
    }
}
