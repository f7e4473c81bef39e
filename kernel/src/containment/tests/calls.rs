//! Different calls that undo one containment.

use updraft_protocol::limits::CONTAINMENT_UNDOS;

use super::*;

/// The same task with another call.
pub(super) fn by(task: &TaskDocument, rule: u8) -> TaskDocument {
    with(task, |undo| undo.call.arguments = Some(Json::from(serde_json::json!({ "rule": u32::from(rule) }))))
}

fn rule(document: &ContainmentDocument) -> Option<String> {
    document.details.undo.arguments.as_ref().map(|arguments| arguments.as_str().to_owned())
}

fn undone(document: &ContainmentDocument, at: u64) -> ContainmentDocument {
    after(document, ContainmentEvent::UndoEnded(document.details.round, Ok(())), at)
}

#[test]
fn each_call_is_made_once_in_a_round_of_its_own_when_nobody_holds_the_target() {
    let first = begin(&by(&task(1, 0, HOUR), 1));
    let second = register(Some(&first), &by(&task(2, 5, 2 * HOUR), 2), Timestamp(5)).unwrap();
    let third = register(Some(&second), &by(&task(3, 6, 2 * HOUR), 1), Timestamp(6)).unwrap();
    assert_eq!(after(&third, ContainmentEvent::Due, HOUR), third, "others hold it longer");
    let undoing = after(&third, ContainmentEvent::Due, 2 * HOUR);
    assert_eq!(rule(&undoing).as_deref(), Some(r#"{"rule":1}"#));
    let next = undone(&undoing, 2 * HOUR + 1);
    assert_eq!((next.status, next.details.round), (ContainmentStatus::Undoing, 2));
    assert_eq!(rule(&next).as_deref(), Some(r#"{"rule":2}"#));
    let last = undone(&next, 2 * HOUR + 2);
    assert_eq!(status(&last), (ContainmentStatus::Undone, None));
    let again = register(Some(&last), &by(&task(4, 3 * HOUR, 4 * HOUR), 2), Timestamp(3 * HOUR)).unwrap();
    let undoing = after(&again, ContainmentEvent::Due, 4 * HOUR);
    assert_eq!(undone(&undoing, 4 * HOUR + 1).status, ContainmentStatus::Undone, "one call, once");
}

#[test]
fn a_call_that_fails_keeps_no_other_waiting() {
    let first = begin(&by(&task(1, 0, HOUR), 1));
    let both = register(Some(&first), &by(&task(2, 5, HOUR), 2), Timestamp(5)).unwrap();
    let undoing = after(&both, ContainmentEvent::Due, HOUR);
    let failed = after(&undoing, ContainmentEvent::UndoEnded(1, Err("down".into())), HOUR + 1);
    assert_eq!(failed.status, ContainmentStatus::UndoFailed);
    let due = failed.due.unwrap().0;
    let other = after(&failed, ContainmentEvent::Due, due);
    assert_ne!(rule(&other), rule(&undoing));
    let back = undone(&other, due + 1);
    assert_eq!((back.status, rule(&back)), (ContainmentStatus::Undoing, rule(&undoing)));
    assert_eq!(undone(&back, due + 2).status, ContainmentStatus::Undone);
}

#[test]
fn what_is_contained_while_another_call_is_made_is_held_to_its_own_time() {
    let first = begin(&by(&task(1, 0, HOUR), 1));
    let undoing = after(&first, ContainmentEvent::Due, HOUR);
    let more = register(Some(&undoing), &by(&task(2, HOUR, 3 * HOUR), 2), Timestamp(HOUR)).unwrap();
    assert_eq!(rule(&more), rule(&undoing), "the call that is made stays");
    let held = undone(&more, HOUR + 1);
    assert_eq!(status(&held), (ContainmentStatus::Active, Some(3 * HOUR)));
    assert_eq!(rule(&held).as_deref(), Some(r#"{"rule":2}"#));
    let undoing = after(&held, ContainmentEvent::Due, 3 * HOUR);
    assert_eq!(undone(&undoing, 3 * HOUR + 1).status, ContainmentStatus::Undone);
}

#[test]
fn a_call_that_another_holds_again_is_made_at_that_ones_end_though_others_are_made_before() {
    let first = begin(&by(&task(1, 0, HOUR), 1));
    let second = register(Some(&first), &by(&task(2, 5, HOUR), 2), Timestamp(5)).unwrap();
    let undoing = after(&second, ContainmentEvent::Due, HOUR);
    assert_eq!(rule(&undoing).as_deref(), Some(r#"{"rule":2}"#));
    let more = register(Some(&undoing), &by(&task(3, HOUR + 1, 3 * HOUR), 2), Timestamp(HOUR + 1)).unwrap();
    let next = undone(&more, HOUR + 2);
    assert_eq!((next.status, rule(&next).as_deref()), (ContainmentStatus::Undoing, Some(r#"{"rule":1}"#)));
    let held = undone(&next, HOUR + 3);
    assert_eq!(status(&held), (ContainmentStatus::Active, Some(3 * HOUR)));
    assert_eq!(rule(&held).as_deref(), Some(r#"{"rule":2}"#));
    let undoing = after(&held, ContainmentEvent::Due, 3 * HOUR);
    assert_eq!(undone(&undoing, 3 * HOUR + 1).status, ContainmentStatus::Undone);
}

#[test]
fn of_too_many_calls_the_oldest_is_told_of() {
    let mut document = begin(&by(&task(1, 0, HOUR), 0));
    for number in 1..=CONTAINMENT_UNDOS as u64 + 1 {
        let task = by(&task(u128::from(number) + 1, number, HOUR), number as u8);
        document = register(Some(&document), &task, Timestamp(number)).unwrap();
    }
    assert_eq!(document.details.also.len(), CONTAINMENT_UNDOS);
    let told = document.details.history.iter().filter_map(|entry| entry.reason.as_deref());
    assert_eq!(told.collect::<Vec<_>>(), ["more than 32 different undos: one by edr.release is not made"]);
}

#[test]
fn a_call_of_before_is_not_made_for_what_is_contained_anew() {
    let first = begin(&by(&task(1, 0, HOUR), 1));
    let over = undone(&after(&first, ContainmentEvent::Due, HOUR), HOUR + 1);
    let lost = with(&task(2, 2 * HOUR, 3 * HOUR), |undo| {
        (undo.call.arguments, undo.reason) = (None, Some("no job".into()));
    });
    let again = register(Some(&over), &lost, Timestamp(2 * HOUR)).unwrap();
    assert_eq!((status(&again), rule(&again)), ((ContainmentStatus::UndoFailed, None), None));
    let more = register(Some(&again), &by(&task(3, 2 * HOUR, 3 * HOUR), 2), Timestamp(2 * HOUR)).unwrap();
    let undoing = after(&more, ContainmentEvent::Due, 3 * HOUR);
    assert_eq!(rule(&undoing).as_deref(), Some(r#"{"rule":2}"#));
    assert_eq!(undone(&undoing, 3 * HOUR + 1).status, ContainmentStatus::Undone);
}

#[test]
fn what_was_contained_and_let_go_while_its_call_was_made_is_undone_again() {
    let first = begin(&by(&task(1, 0, HOUR), 1));
    let undoing = after(&first, ContainmentEvent::Due, HOUR);
    let second = by(&task(2, HOUR + 5, 3 * HOUR), 1);
    let more = register(Some(&undoing), &second, Timestamp(HOUR + 5)).unwrap();
    let released = with(&second, |undo| undo.status = UndoStatus::Released);
    let gone = register(Some(&more), &released, Timestamp(HOUR + 6)).unwrap();
    let again = undone(&gone, HOUR + 9);
    assert_eq!((again.status, again.details.round), (ContainmentStatus::Undoing, 2));
    assert_eq!(undone(&again, HOUR + 12).status, ContainmentStatus::Undone);
}

#[test]
fn a_call_of_others_is_not_made_for_what_has_none() {
    let first = begin(&by(&task(1, 0, HOUR), 1));
    let undoing = after(&first, ContainmentEvent::Due, HOUR);
    let lost = with(&task(2, HOUR + 5, 3 * HOUR), |undo| undo.call.arguments = None);
    let more = register(Some(&undoing), &lost, Timestamp(HOUR + 5)).unwrap();
    let held = undone(&more, HOUR + 9);
    assert_eq!((held.status, rule(&held)), (ContainmentStatus::Active, None));
    assert!(held.details.reason.is_some());
}
