//! Containments by example, and over random events with crashes at any point.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use updraft_protocol::{
    ExecutionId, InputHash, Json, Name, ScopePath, Span, StepId, TaskHead, TaskId, TaskState, TaskStatus,
    TenantCode, UndoCall,
};

mod calls;

use super::*;
use crate::invariant::{is_held_to_the_last, is_never_forgotten};

pub(super) const HOUR: u64 = 3_600_000;

/// A task that ended at `since`, and contains the host until then.
pub(super) fn task(number: u128, since: u64, until: u64) -> TaskDocument {
    let name = |text: &str| Name::new(text).unwrap();
    let undo = UndoRecord {
        status: UndoStatus::Registered,
        number: 1,
        of: None,
        on: UndoOn::ALL.to_vec(),
        was_so: false,
        call: UndoCall {
            integration: name("edr"),
            action: name("release"),
            arguments: Some(Json::from(serde_json::json!({ "host": "ws-17" }))),
            secrets: vec![],
            within: Span::secs(3600),
            timeout: None,
            retry: None,
        },
        reason: None,
        hold: Some(Hold { target: "ws-17".into(), until: Timestamp(until) }),
    };
    TaskDocument {
        task_request_id: TaskId::from_bytes(u128::to_be_bytes(number)),
        head: Arc::new(TaskHead {
            peid: ExecutionId::from_bytes(u128::to_be_bytes(number + 1_000)),
            task_seq: 1,
            step_id: StepId::new("isolate").unwrap(),
            scope: ScopePath::MAIN,
            tenant_code: TenantCode::new("acme").unwrap(),
            alert_id: None,
            integration: name("edr"),
            action: name("isolate"),
            taken_from: None,
        }),
        state: TaskState {
            status: TaskStatus::Completed,
            attempt: 1,
            response: None,
            error: None,
            started_date: None,
            updated_date: Timestamp(since),
            runtime: None,
            wait: None,
            call: None,
            undo: Some(Arc::new(undo)),
            registration_due: Some(Timestamp(since)),
        },
        epoch: 1,
        seq: 1,
    }
}

fn with(task: &TaskDocument, change: impl FnOnce(&mut UndoRecord)) -> TaskDocument {
    let mut task = task.clone();
    change(Arc::make_mut(task.state.undo.as_mut().unwrap()));
    task
}

fn begin(task: &TaskDocument) -> ContainmentDocument {
    register(None, task, task.state.updated_date).unwrap()
}

fn after(document: &ContainmentDocument, event: ContainmentEvent, now: u64) -> ContainmentDocument {
    let after = apply(document, event, Timestamp(now)).unwrap().unwrap_or_else(|| document.clone());
    is_never_forgotten(&after).unwrap();
    is_held_to_the_last(&after).unwrap();
    after
}

fn ask(ask: ContainmentAsk) -> ContainmentEvent {
    ContainmentEvent::Asked { uid: "ana".into(), ask, reason: "INC-7".into() }
}

fn status(document: &ContainmentDocument) -> (ContainmentStatus, Option<u64>) {
    (document.status, document.due.map(|due| due.0))
}

#[test]
fn it_is_undone_when_its_last_holder_has_ended() {
    let first = begin(&task(1, 0, 2 * HOUR));
    let both = register(Some(&first), &task(2, 10, 5 * HOUR), Timestamp(10)).unwrap();
    assert_eq!((both.id, status(&both)), (first.id, (ContainmentStatus::Active, Some(5 * HOUR))));
    assert_eq!(
        register(Some(&both), &task(2, 10, 5 * HOUR), Timestamp(20)),
        None,
        "told twice, counted once"
    );
    let released = with(&task(2, 10, 5 * HOUR), |undo| undo.status = UndoStatus::Released);
    let one = register(Some(&both), &released, Timestamp(30)).unwrap();
    assert_eq!(status(&one), (ContainmentStatus::Active, Some(2 * HOUR)), "the other still holds it");
    assert_eq!(after(&one, ContainmentEvent::Due, 2 * HOUR - 1), one);
    let undoing = after(&one, ContainmentEvent::Due, 2 * HOUR);
    assert_eq!((undoing.status, undoing.details.round), (ContainmentStatus::Undoing, 1));
    let undone = after(&undoing, ContainmentEvent::UndoEnded(1, Ok(())), 2 * HOUR + 5);
    assert_eq!(status(&undone), (ContainmentStatus::Undone, None));
    assert_eq!(after(&undone, ContainmentEvent::UndoEnded(1, Ok(())), 2 * HOUR + 6), undone);
    let again = register(Some(&undone), &task(3, 9 * HOUR, 10 * HOUR), Timestamp(9 * HOUR)).unwrap();
    assert_eq!((status(&again), again.since.0), ((ContainmentStatus::Active, Some(10 * HOUR)), 9 * HOUR));
    let undoing = after(&again, ContainmentEvent::Due, 10 * HOUR);
    assert_eq!(undoing.details.round, 2, "another round, and so another key");
}

#[test]
fn what_was_so_before_by_other_hands_is_not_contained_and_what_others_contain_is_held() {
    let so = |task: TaskDocument| with(&task, |undo| undo.was_so = true);
    let released = |task: &TaskDocument| with(task, |undo| undo.status = UndoStatus::Released);
    let second = so(task(2, 10, 5 * HOUR));
    assert_eq!(register(None, &second, Timestamp(10)), None);
    assert_eq!(register(None, &released(&second), Timestamp(10)), None);
    let first = begin(&task(1, 0, 2 * HOUR));
    let both = register(Some(&first), &second, Timestamp(10)).unwrap();
    assert_eq!(status(&both), (ContainmentStatus::Active, Some(5 * HOUR)), "it is held for both");
    let one = register(Some(&both), &released(&second), Timestamp(30)).unwrap();
    assert_eq!(status(&one), (ContainmentStatus::Active, Some(2 * HOUR)));
    let undoing = after(&one, ContainmentEvent::Due, 2 * HOUR);
    let undone = after(&undoing, ContainmentEvent::UndoEnded(1, Ok(())), 2 * HOUR + 5);
    let meanwhile = so(task(4, 2 * HOUR, 9 * HOUR));
    let again = register(Some(&undone), &meanwhile, Timestamp(2 * HOUR + 9)).unwrap();
    assert_eq!(status(&again), (ContainmentStatus::Active, Some(9 * HOUR)), "it ended after the task had");
    assert_eq!(register(Some(&undone), &so(task(3, 3 * HOUR, 9 * HOUR)), Timestamp(3 * HOUR)), None);
}

#[test]
fn what_was_so_before_waits_for_the_record_of_another_task_and_no_longer_than_that() {
    let late = Timestamp(30);
    let mut second = with(&task(2, 10, 5 * HOUR), |undo| undo.was_so = true);
    second.state.registration_due = Some(late);
    let open = begin(&task(1, 0, 2 * HOUR));
    assert!(waits_for_others(None, &second, Timestamp(29)));
    assert!(!waits_for_others(None, &second, late));
    assert!(!waits_for_others(Some(&open), &second, Timestamp(10)), "it is held at once");
    let mut first = task(3, 10, 5 * HOUR);
    first.state.registration_due = Some(late);
    assert!(!waits_for_others(None, &first, Timestamp(10)), "what a task has done itself is contained");
}

#[test]
fn an_undo_that_fails_is_tried_again_in_growing_pauses_until_a_person_ends_it() {
    let mut document = begin(&task(1, 0, HOUR));
    let mut pauses = vec![];
    for round in 1..9 {
        let due = document.due.unwrap().0;
        document = after(&document, ContainmentEvent::Due, due);
        let failed = ContainmentEvent::UndoEnded(round, Err("the tool is down".into()));
        document = after(&document, failed, due);
        assert_eq!(document.status, ContainmentStatus::UndoFailed);
        pauses.push((document.due.unwrap().0 - due) / 60_000);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(document.details.reason.as_deref(), Some("the tool is down"));
    let kept = after(&document, ask(ContainmentAsk::Keep), 9 * HOUR);
    assert_eq!(status(&kept), (ContainmentStatus::Kept, None));
    assert_eq!(apply(&kept, ask(ContainmentAsk::Keep), Timestamp(1)), Ok(None));
    let entry = kept.details.history.last().unwrap();
    assert_eq!((entry.uid.as_deref(), entry.reason.as_deref()), (Some("ana"), Some("INC-7")));
    let refused = apply(&kept, ask(ContainmentAsk::Undo), Timestamp(1));
    assert_eq!(refused, Err(ContainmentRefusal::Ended(ContainmentStatus::Kept)));
}

#[test]
fn people_extend_and_undo_it_once_and_only_where_it_makes_sense() {
    let document = begin(&task(1, 0, HOUR));
    let extended = after(&document, ask(ContainmentAsk::Extend(Timestamp(3 * HOUR))), 5);
    assert_eq!(status(&extended), (ContainmentStatus::Active, Some(3 * HOUR)));
    let refused = |document: &ContainmentDocument, event| apply(document, event, Timestamp(5));
    assert_eq!(refused(&extended, ask(ContainmentAsk::Extend(Timestamp(3 * HOUR)))), Ok(None));
    assert_eq!(
        refused(&extended, ask(ContainmentAsk::Extend(Timestamp(2 * HOUR)))),
        Err(ContainmentRefusal::NotLater(Timestamp(3 * HOUR)))
    );
    let far = Timestamp(5).after(SPAN + Duration::from_millis(1));
    assert!(matches!(
        refused(&extended, ask(ContainmentAsk::Extend(far))),
        Err(ContainmentRefusal::TooLong(_))
    ));
    let undoing = after(&extended, ask(ContainmentAsk::Undo), 6);
    assert_eq!(status(&undoing), (ContainmentStatus::Undoing, Some(6)));
    assert_eq!(refused(&undoing, ask(ContainmentAsk::Undo)), Ok(None));
    assert_eq!(refused(&undoing, ask(ContainmentAsk::Keep)), Err(ContainmentRefusal::Undoing));
    let anonymous = ContainmentEvent::Asked { uid: "".into(), ask: ContainmentAsk::Keep, reason: "x".into() };
    assert_eq!(refused(&document, anonymous), Err(ContainmentRefusal::NoReason));
    let quiet = begin(&with(&task(1, 0, HOUR), |undo| undo.on = vec![UndoOn::Failure]));
    assert_eq!(refused(&quiet, ask(ContainmentAsk::Undo)), Err(ContainmentRefusal::NotAsked));
    let failed = ContainmentEvent::UndoEnded(1, Err("down".into()));
    let failed = after(&after(&quiet, ContainmentEvent::Due, HOUR), failed, HOUR + 1);
    let longer = after(&failed, ask(ContainmentAsk::Extend(Timestamp(3 * HOUR))), HOUR + 2);
    let undoing = after(&longer, ask(ContainmentAsk::Undo), HOUR + 3);
    assert_eq!(undoing.status, ContainmentStatus::Undoing, "it was due before a person gave it more time");
}

#[test]
fn what_cannot_be_undone_is_listed_with_its_reason_until_a_person_ends_it() {
    let lost = with(&task(1, 0, HOUR), |undo| {
        (undo.status, undo.call.arguments, undo.reason) = (UndoStatus::Failed, None, Some("no job".into()));
    });
    let document = begin(&lost);
    is_never_forgotten(&document).unwrap();
    assert_eq!(status(&document), (ContainmentStatus::UndoFailed, None));
    assert!(document.open_until.is_some());
    let refused = apply(&document, ask(ContainmentAsk::Undo), Timestamp(5));
    assert_eq!(refused, Err(ContainmentRefusal::CannotBeUndone("no job".into())));
    // Another execution knows how.
    let can = register(Some(&document), &task(2, 5, 2 * HOUR), Timestamp(5)).unwrap();
    assert_eq!(status(&can), (ContainmentStatus::Active, Some(2 * HOUR)));
    after(&document, ask(ContainmentAsk::Keep), 6);
}

#[test]
fn what_is_contained_while_it_is_undone_is_undone_again_at_its_own_time() {
    let undoing = after(&begin(&task(1, 0, HOUR)), ContainmentEvent::Due, HOUR);
    let held = register(Some(&undoing), &task(2, HOUR, 3 * HOUR), Timestamp(HOUR)).unwrap();
    assert_eq!(held.status, ContainmentStatus::Undoing);
    let active = after(&held, ContainmentEvent::UndoEnded(1, Ok(())), HOUR + 1);
    assert_eq!(status(&active), (ContainmentStatus::Active, Some(3 * HOUR)));
}

#[test]
fn holders_and_history_are_bounded_and_the_last_holder_stays() {
    let mut document = begin(&task(1, 0, 900 * HOUR));
    for number in 2..400 {
        document = register(Some(&document), &task(number, 0, HOUR), Timestamp(0)).unwrap();
    }
    assert_eq!(document.details.holders.len(), CONTAINMENT_HOLDERS);
    assert_eq!(document.details.history.len(), CONTAINMENT_HISTORY);
    assert_eq!(document.until.0, 900 * HOUR);
}

#[test]
fn ids_differ_by_tenant_action_and_target() {
    let name = |text: &str| Name::new(text).unwrap();
    let id = |tenant: &str, tool: (&str, &str), target: &str| {
        let tenant = TenantCode::new(tenant).unwrap();
        ContainmentId::derive(&tenant, (&name(tool.0), &name(tool.1)), target)
    };
    let first = id("acme", ("edr", "release"), "a");
    assert_eq!(first, id("acme", ("edr", "release"), "a"));
    for other in [
        id("globex", ("edr", "release"), "a"),
        id("acme", ("edr", "release"), "b"),
        id("acme", ("edr.release", "x"), "a"),
        id("acme", ("fw", "release"), "a"),
    ] {
        assert_ne!(first, other);
    }
}

/// What a stored containment, a reconciler that crashes and a tool come to.
struct World {
    stored: Option<ContainmentDocument>,
    tasks: Vec<TaskDocument>,
    /// Rounds that were submitted: those of one number are one execution.
    rounds: std::collections::BTreeSet<u32>,
    /// The calls that were made, each with the instant.
    made: Vec<(InputHash, u64)>,
    /// When a person kept the target the last time.
    kept: u64,
    now: u64,
}

impl World {
    /// One step of the reconciler. With `crash` what it decided is lost before it is stored.
    fn keep(&mut self, event: ContainmentEvent, crash: bool) {
        let Some(before) = self.stored.clone() else { return };
        let Ok(Some(after)) = apply(&before, event, Timestamp(self.now)) else { return };
        assert_eq!(after.revision, before.revision + 1);
        if before.status != ContainmentStatus::Undoing && after.status == ContainmentStatus::Undoing {
            let last = before.details.holders.iter().filter(|holder| holder.ended.is_none());
            let held = last.map(|holder| holder.until.0).max().unwrap_or(0);
            let asked = after.details.history.last().map(|entry| entry.what);
            assert!(held <= self.now || asked == Some(ContainmentChange::Asked), "one is held longer");
        }
        if !crash {
            if after.status == ContainmentStatus::Kept {
                self.kept = self.now;
            }
            self.stored = Some(after);
        }
    }

    fn step(&mut self, choice: u8) {
        let crash = choice >= 200;
        self.now += u64::from(choice % 7) * 10 * 60_000;
        match choice % 8 {
            0 | 1 => {
                let number = self.tasks.len() as u128 + 1;
                let until = self.now + u64::from(choice % 5 + 1) * HOUR;
                self.tasks.push(calls::by(&task(number, self.now, until), choice / 2 % 3));
            }
            2 => {
                let at = usize::from(choice) % self.tasks.len().max(1);
                let Some(task) = self.tasks.get_mut(at) else { return };
                *task = with(task, |undo| undo.status = UndoStatus::Released);
            }
            3 => self.keep(ask(ContainmentAsk::Extend(Timestamp(self.now + 2 * HOUR))), crash),
            4 if choice.is_multiple_of(3) => self.keep(ask(ContainmentAsk::Undo), crash),
            5 if choice.is_multiple_of(5) => self.keep(ask(ContainmentAsk::Keep), crash),
            _ => self.look(choice, crash),
        }
        // Holds are registered until that is stored.
        for task in self.tasks.clone() {
            if let Some(after) = register(self.stored.as_ref(), &task, Timestamp(self.now)).filter(|_| !crash)
            {
                self.stored = Some(after);
            }
        }
        if let Some(document) = &self.stored {
            is_never_forgotten(document).unwrap();
            is_held_to_the_last(document).unwrap();
        }
    }

    /// Holds are registered until that is stored.
    fn tell(&mut self, crash: bool) {
        for task in self.tasks.clone() {
            let after = register(self.stored.as_ref(), &task, Timestamp(self.now)).filter(|_| !crash);
            self.stored = after.or(self.stored.take());
        }
    }

    fn look(&mut self, choice: u8, crash: bool) {
        self.keep(ContainmentEvent::Due, crash);
        let Some(document) = self.stored.clone() else { return };
        if document.status != ContainmentStatus::Undoing {
            return;
        }
        let round = document.details.round;
        self.rounds.insert(round);
        let execution = ExecutionId::from_bytes(u128::from(round).to_be_bytes());
        match choice % 3 {
            0 => self.keep(ContainmentEvent::UndoRuns(round, Some(execution)), crash),
            1 => self.keep(ContainmentEvent::UndoEnded(round, Err("down".into())), crash),
            _ => {
                // Its call was made, whether or not its end is stored.
                self.made.push((document.details.undo.hash(), self.now));
                self.keep(ContainmentEvent::UndoEnded(round, Ok(())), crash);
            }
        }
    }

    /// What each task did was undone by its own call, unless a person kept it.
    fn every_call_is_made(&self, document: &ContainmentDocument) {
        for holder in document.details.holders.iter().filter(|holder| holder.since.0 > self.kept) {
            let is_made = |(call, at): &(InputHash, u64)| *call == holder.undo && *at >= holder.since.0;
            assert!(self.made.iter().any(is_made), "{holder:?} is not undone: {document:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_containment_is_undone_or_kept_whatever_happens(
        choices in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut world = World { stored: None, tasks: vec![], rounds: Default::default(), made: vec![], kept: 0, now: 1_000 };
        choices.iter().for_each(|choice| world.step(*choice));
        world.tell(false);
        // From now on nothing fails.
        for _ in 0..50 {
            world.now += HOUR;
            world.look(2, false);
        }
        if let Some(document) = &world.stored {
            prop_assert!(document.status.ended(), "{document:?}");
            let undone = document.details.history.iter().any(|entry| entry.what == ContainmentChange::Undone);
            let kept = document.details.history.iter().any(|entry| entry.what == ContainmentChange::Kept);
            prop_assert!(undone || kept);
            world.every_call_is_made(document);
            let rounds: Vec<u32> = world.rounds.iter().copied().collect();
            prop_assert_eq!(rounds, (1..=document.details.round).collect::<Vec<_>>());
        }
        prop_assert_eq!(world.stored.is_none(), world.tasks.is_empty());
    }
}
