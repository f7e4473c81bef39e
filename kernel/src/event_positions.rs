//! The positions of events: given to the updates of executions and tasks by the group that tells that they
//! started, wait or ended. Owns which updates tell what; the store keeps the positions and lists by them.
//!
//! A position is that of the group in the journal, so a replay gives the same one again; a field that has one keeps it, as
//! later updates do not tell the same again. Events are complete up to where the store has everything
//! ([`EventPositions::below`]): a batch that overtakes another is not told before it.

use std::sync::Arc;

use updraft_protocol::{
    EventPosition, ExecutionPositions, TaskPositions, TaskState, TaskStatus, TenantEventKind, Update,
    WaitKind,
};

/// The positions of the groups of one journal. The generation of its numbers may rise at a start: from the first group on that
/// is written then, since what was written before has its positions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventPositions {
    before: u32,
    generation: u32,
    from: u64,
}

impl EventPositions {
    /// Those of groups of the first generation that are numbered below `from`, and of the second from there on.
    pub const fn new((before, generation): (u32, u32), from: u64) -> Self {
        Self { before, generation, from }
    }

    /// Those of groups of one generation.
    pub const fn of(generation: u32) -> Self {
        Self::new((generation, generation), 0)
    }

    const fn generation_of(self, group: u64) -> u32 {
        if group < self.from { self.before } else { self.generation }
    }

    /// The position before which the store has every event, if it has all groups below this number.
    pub const fn below(self, stored_below: u64) -> EventPosition {
        EventPosition::before(self.generation_of(stored_below), stored_below)
    }

    /// Writes the positions of what an update of this group tells.
    pub(crate) fn write(self, group: u64, update: &mut Update) {
        let at =
            |kind, tells: bool| tells.then_some(EventPosition::of(self.generation_of(group), group, kind));
        match update {
            Update::Execution(update) => {
                let (started, ended) = (update.state.started_date, update.state.finished_date);
                let positions = ExecutionPositions {
                    started: at(TenantEventKind::Started, started.is_some()),
                    ended: at(TenantEventKind::Ended, ended.is_some()),
                };
                if update.positions != positions {
                    Arc::make_mut(update).positions = positions;
                }
            }
            Update::Task(update) => {
                let waiting = at(TenantEventKind::Waiting, begins_to_wait(&update.state));
                if update.positions != (TaskPositions { waiting }) {
                    Arc::make_mut(update).positions = TaskPositions { waiting };
                }
            }
        }
    }
}

/// An answer that does not end the wait is written with it again, later than its beginning.
fn begins_to_wait(state: &TaskState) -> bool {
    let Some(wait) = &state.wait else { return false };
    let is_for_somebody = state.status == TaskStatus::Waiting || wait.kind == WaitKind::Configuration;
    is_for_somebody && wait.since == state.updated_date
}

#[cfg(test)]
mod tests {
    use updraft_protocol::{
        ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Revision, TaskId, TaskUpdate,
        Timestamp, Wait,
    };

    use super::*;

    const PEID: ExecutionId = ExecutionId::from_bytes([9; 16]);
    const REVISION: Revision = Revision { epoch: 1, seq: 1 };

    fn execution(state: ExecutionState) -> Update {
        ExecutionUpdate { peid: PEID, revision: REVISION, head: None, state, positions: Default::default() }
            .into()
    }

    fn task(status: TaskStatus, since: u64, now: u64) -> Update {
        waits_for(WaitKind::Approval, status, since, now)
    }

    fn waits_for(kind: WaitKind, status: TaskStatus, since: u64, now: u64) -> Update {
        let wait = Wait::until(kind, Timestamp(since), Timestamp(99));
        let state = TaskState { wait: Some(Box::new(wait)), ..TaskState::change(status, 1, Timestamp(now)) };
        TaskUpdate {
            task_id: TaskId::from_bytes([7; 16]),
            peid: PEID,
            revision: REVISION,
            head: None,
            state,
            positions: Default::default(),
        }
        .into()
    }

    /// The positions that an update has after its group was numbered 5.
    fn positions(mut update: Update) -> [Option<EventPosition>; 3] {
        EventPositions::of(2).write(5, &mut update);
        match update {
            Update::Execution(update) => [update.positions.started, None, update.positions.ended],
            Update::Task(update) => [None, update.positions.waiting, None],
        }
    }

    #[test]
    fn the_update_that_tells_an_event_gets_its_position_and_no_other_does() {
        let [started, waiting, ended] = TenantEventKind::ALL.map(|kind| Some(EventPosition::of(2, 5, kind)));
        let change = |status| ExecutionState::change(status, Timestamp(8));
        let begins =
            ExecutionState { started_date: Some(Timestamp(8)), ..change(ExecutionStatus::Executing) };
        let ends = ExecutionState { finished_date: Some(Timestamp(8)), ..change(ExecutionStatus::Failed) };
        let both = ExecutionState { started_date: Some(Timestamp(8)), ..ends.clone() };
        assert_eq!(positions(execution(begins)), [started, None, None]);
        assert_eq!(positions(execution(ends)), [None, None, ended]);
        assert_eq!(positions(execution(both)), [started, None, ended]);
        assert_eq!(positions(execution(change(ExecutionStatus::Queued))), [None; 3]);
        assert_eq!(positions(execution(change(ExecutionStatus::Paused))), [None; 3]);
        assert_eq!(positions(task(TaskStatus::Waiting, 8, 8)), [None, waiting, None]);
        assert_eq!(positions(task(TaskStatus::Waiting, 7, 8)), [None; 3], "it was answered, and waits on");
        assert_eq!(positions(task(TaskStatus::Retrying, 8, 8)), [None; 3], "for a time, not for somebody");
        let lacks = |since| positions(waits_for(WaitKind::Configuration, TaskStatus::Retrying, since, 8));
        assert_eq!((lacks(8), lacks(7)), ([None, waiting, None], [None; 3]), "for who configures it");
        assert_eq!(positions(task(TaskStatus::Completed, 8, 8)), [None; 3]);
    }

    #[test]
    fn what_is_below_is_what_the_groups_before_tell() {
        let of = EventPositions::of(2);
        assert!(TenantEventKind::ALL.iter().all(|kind| EventPosition::of(2, 4, *kind) < of.below(5)));
        assert!(TenantEventKind::ALL.iter().all(|kind| EventPosition::of(2, 5, *kind) >= of.below(5)));
        assert!(EventPosition::of(1, u64::MAX, TenantEventKind::Ended) < of.below(0));
        let risen = EventPositions::new((2, 3), 8);
        assert_eq!(risen.below(7), of.below(7), "what is replayed keeps its positions");
        assert_eq!(risen.below(8), EventPositions::of(3).below(8));
    }
}
