//! The reconciler by example, over a small store that can refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use updraft_protocol::{ExecutionId, TaskId, UndoStatus};

use super::*;
use crate::containment::tests::{HOUR, task};

const ROWS: usize = 2;

/// Two lists and the documents; what is named in `refuses` is never stored, and never submitted.
#[derive(Default)]
struct Store {
    tasks: BTreeMap<TaskId, TaskDocument>,
    containments: BTreeMap<ContainmentId, ContainmentDocument>,
    refuses: BTreeSet<ContainmentId>,
    /// Every change, in order.
    log: Vec<String>,
    submitted: Vec<(String, String)>,
    progress: Option<RoundProgress>,
    /// Another change comes before each that is stored.
    is_contended: bool,
}

impl Store {
    fn with(tasks: impl IntoIterator<Item = TaskDocument>) -> Self {
        let tasks = tasks.into_iter().map(|task| (task.task_request_id, task)).collect();
        Self { tasks, ..Self::default() }
    }

    fn call(&mut self, command: ReconcilerCommand) -> ReconcilerEvent {
        match command {
            ReconcilerCommand::ReadHolds(after) => {
                let is_after = |task: &&TaskDocument| {
                    after.is_none_or(|after| {
                        task.state
                            .registration_due
                            .is_some_and(|due| (due, task.task_request_id) > (after.due, after.task))
                    })
                };
                let mut page: Vec<_> = self
                    .tasks
                    .values()
                    .filter(|task| task.state.registration_due.is_some())
                    .filter(is_after)
                    .cloned()
                    .collect();
                page.sort_by_key(|task| (task.state.registration_due, task.task_request_id));
                page.truncate(ROWS);
                ReconcilerEvent::Holds(page)
            }
            ReconcilerCommand::ReadDue(by, after) => {
                let is_due = |row: &&ContainmentDocument| row.due.is_some_and(|due| due <= by);
                let is_after = |row: &&ContainmentDocument| {
                    after.is_none_or(|after| row.due.is_some_and(|due| (due, row.id) > (after.due, after.id)))
                };
                let mut page: Vec<_> =
                    self.containments.values().filter(is_due).filter(is_after).cloned().collect();
                page.sort_by_key(|row| (row.due, row.id));
                page.truncate(ROWS);
                ReconcilerEvent::Due(page)
            }
            ReconcilerCommand::Read(_, id) => ReconcilerEvent::Read(self.containments.get(&id).cloned()),
            ReconcilerCommand::Put(document, _) if self.refuses.contains(&document.id) => {
                ReconcilerEvent::Failed
            }
            ReconcilerCommand::Put(..) if self.is_contended => ReconcilerEvent::Put(false),
            ReconcilerCommand::Put(document, before) => {
                assert_eq!(self.containments.get(&document.id).map(|known| known.revision), before);
                self.log.push(format!("{} is {}", document.target, document.status.as_str()));
                self.containments.insert(document.id, document);
                ReconcilerEvent::Put(true)
            }
            ReconcilerCommand::Mark(tasks) => {
                for marked in tasks {
                    self.log.push(format!("marked {}", marked.task_request_id));
                    self.tasks.get_mut(&marked.task_request_id).unwrap().state.registration_due = None;
                }
                ReconcilerEvent::Marked
            }
            ReconcilerCommand::Submit(round) => {
                self.submitted.push((round.playbook.name.to_string(), round.key.clone()));
                ReconcilerEvent::Round(RoundProgress::Runs(Some(PEID)))
            }
            ReconcilerCommand::Follow(_, PEID) => {
                ReconcilerEvent::Round(self.progress.clone().unwrap_or(RoundProgress::Runs(Some(PEID))))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Makes the calls of a look, at most so many; returns whether it has ended.
    fn look(&mut self, reconciler: &mut Reconciler, now: u64, calls: usize) -> bool {
        let mut event = ReconcilerEvent::Look;
        for _ in 0..calls {
            match reconciler.on(event, Timestamp(now)) {
                ReconcilerCommand::Rest => return true,
                command => event = self.call(command),
            }
        }
        false
    }

    fn only(&self) -> &ContainmentDocument {
        assert_eq!(self.containments.len(), 1);
        self.containments.values().next().unwrap()
    }
}

const PEID: ExecutionId = ExecutionId::from_bytes([7; 16]);

/// A task that contains a target of its own.
fn of_target(number: u128, target: &str, since: u64, until: u64) -> TaskDocument {
    let mut task = task(number, since, until);
    let undo = Arc::make_mut(task.state.undo.as_mut().unwrap());
    undo.hold.as_mut().unwrap().target = target.into();
    task
}

fn id_of(task: &TaskDocument) -> ContainmentId {
    containment_of(task).unwrap().0
}

#[test]
fn a_containment_is_stored_before_its_task_is_marked_and_undone_when_it_is_due() {
    let held = task(1, 5, HOUR);
    let mut store = Store::with([held.clone()]);
    let mut reconciler = Reconciler::new(ReconcilerMode::All, ROWS);
    assert!(store.look(&mut reconciler, 6, 20));
    assert_eq!(store.log, ["ws-17 is active".to_owned(), format!("marked {}", held.task_request_id)]);
    assert!(store.look(&mut reconciler, HOUR - 1, 20));
    assert_eq!(store.log.len(), 2, "it is not due");
    assert!(store.look(&mut reconciler, HOUR, 20));
    let name = format!("undo-{}", id_of(&held));
    assert_eq!(store.submitted, [(name.clone(), "undo-1".to_owned())]);
    assert_eq!(store.only().details.execution, Some(PEID), "it is recorded before its end is looked for");
    store.progress = Some(RoundProgress::Ended(Err("down".into())));
    assert!(store.look(&mut reconciler, HOUR + 2_000, 20));
    assert_eq!(store.only().status, ContainmentStatus::UndoFailed);
    store.progress = Some(RoundProgress::Ended(Ok(())));
    assert!(store.look(&mut reconciler, HOUR + 62_000, 20));
    assert!(store.look(&mut reconciler, HOUR + 64_000, 20));
    assert_eq!(store.submitted[1], (name, "undo-2".to_owned()));
    assert_eq!(store.only().status, ContainmentStatus::Undone);
}

#[test]
fn what_cannot_be_registered_or_followed_holds_up_nothing_behind_it() {
    let stuck: Vec<_> =
        (1..=5).map(|number| of_target(number, &format!("stuck-{number}"), 5, HOUR)).collect();
    let last = of_target(9, "last", 6, HOUR);
    let mut store = Store::with(stuck.iter().cloned().chain([last.clone()]));
    store.refuses = stuck.iter().map(id_of).collect();
    let mut reconciler = Reconciler::new(ReconcilerMode::All, ROWS);
    assert!(store.look(&mut reconciler, 7, 60), "a look ends");
    assert_eq!(store.log, ["last is active".to_owned(), format!("marked {}", last.task_request_id)]);
    let registered = std::mem::take(&mut store.refuses);
    assert!(store.look(&mut reconciler, 8, 60));
    assert_eq!(store.containments.len(), 6, "what could not be registered is met again");
    store.refuses = registered;
    store.log.clear();
    assert!(store.look(&mut reconciler, HOUR, 60));
    assert_eq!(store.log, ["last is undoing"; 2]);
}

#[test]
fn many_holds_keep_no_undo_waiting() {
    let mut store = Store::with([of_target(1, "old", 1, 10)]);
    let mut reconciler = Reconciler::new(ReconcilerMode::All, ROWS);
    assert!(store.look(&mut reconciler, 5, 20));
    store.tasks.extend((2..30).map(|number| {
        let task = of_target(number, &format!("new-{number:02}"), 20, HOUR);
        (task.task_request_id, task)
    }));
    assert!(!store.look(&mut reconciler, 30, 12));
    assert_eq!(store.submitted.len(), 1, "{:?}", store.log);
}

#[test]
fn a_containment_that_others_change_all_the_time_is_left_to_a_later_look() {
    let mut store = Store::with([task(1, 5, HOUR)]);
    store.is_contended = true;
    let mut reconciler = Reconciler::new(ReconcilerMode::All, ROWS);
    assert!(store.look(&mut reconciler, 6, 3 * CONTAINMENT_TRIES + 9));
    assert!(store.log.is_empty(), "and its task is not marked");
    store.is_contended = false;
    assert!(store.look(&mut reconciler, 7, 20));
    assert_eq!(store.log.len(), 2);
}

#[test]
fn without_the_tools_it_registers_and_undoes_nothing() {
    let mut store = Store::with([task(1, 5, 10)]);
    let mut reconciler = Reconciler::new(ReconcilerMode::Registers, ROWS);
    assert!(store.look(&mut reconciler, HOUR, 20));
    assert_eq!((store.log.len(), store.only().status), (2, ContainmentStatus::Active));
}

#[test]
fn what_was_so_before_waits_for_other_tasks_unless_no_look_follows() {
    let mut second = task(2, 5, HOUR);
    Arc::make_mut(second.state.undo.as_mut().unwrap()).was_so = true;
    second.state.registration_due = Some(Timestamp(30_005));
    let mut store = Store::with([second]);
    let mut reconciler = Reconciler::new(ReconcilerMode::All, ROWS);
    assert!(store.look(&mut reconciler, 6, 20));
    assert!(store.log.is_empty());
    let mut last = Reconciler::new(ReconcilerMode::RegistersLast, ROWS);
    assert!(store.look(&mut last, 6, 20));
    assert_eq!(store.log.len(), 1, "it is marked, and contained by nobody");
    assert!(store.containments.is_empty());
}

#[test]
fn what_cannot_be_undone_is_no_round() {
    let mut lost = task(1, 5, HOUR);
    let undo = Arc::make_mut(lost.state.undo.as_mut().unwrap());
    (undo.status, undo.call.arguments, undo.reason) = (UndoStatus::Failed, None, Some("no job".into()));
    let mut store = Store::with([lost]);
    let mut reconciler = Reconciler::new(ReconcilerMode::All, ROWS);
    assert!(store.look(&mut reconciler, 2 * HOUR, 20));
    assert!(store.submitted.is_empty());
    assert_eq!(store.only().status, ContainmentStatus::UndoFailed);
}
