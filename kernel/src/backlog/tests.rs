//! The backlog: turns and priorities of queued executions, what waits in memory beside them, reads and claims, and a world of a
//! store that lags in which nothing is lost and nothing begins twice.

mod world;

use super::*;

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

fn queued(number: u8, at: u64) -> Queued {
    Queued { position: Timestamp(at), peid: ExecutionId::from_bytes([number; 16]) }
}

fn page(first: &[Queued], is_last: bool) -> QueuedPage {
    QueuedPage { first: first.to_vec(), is_last, leaves_out: false }
}

/// Queues executions, and reads all of them.
fn fill(backlog: &mut AdmissionLine<&'static str>, of: &TenantCode, all: &[Queued]) {
    for queued in all {
        backlog.arrive(of, u64::MAX).unwrap();
        backlog.queued(of, *queued);
    }
    while let Some((tenant, _)) = backlog.next_read() {
        backlog.page(&tenant, page(all, true));
    }
}

fn begins(backlog: &mut AdmissionLine<&'static str>) -> Vec<u8> {
    let next = std::iter::from_fn(|| backlog.next(|_| true));
    next.map(|(_, admitted)| match admitted {
        Admitted::Begin(queued) => queued.peid.as_bytes()[0],
        Admitted::Waiter(_) => 0,
    })
    .collect()
}

#[test]
fn tenants_take_turns_by_weight_and_one_of_a_few_is_not_held_up_by_a_flood() {
    let mut backlog = AdmissionLine::new(100);
    let (flood, quiet) = (tenant("flood"), tenant("quiet"));
    let flooding: Vec<Queued> = (1..=6).map(|number| queued(number, u64::from(number))).collect();
    backlog.set_weight(&flood, 2);
    fill(&mut backlog, &flood, &flooding);
    fill(&mut backlog, &quiet, &[queued(11, 90), queued(12, 91)]);
    assert_eq!((backlog.len(), backlog.queued_of(&flood), backlog.is_sound()), (8, 6, true));
    assert_eq!(begins(&mut backlog), [1, 2, 11, 3, 4, 12, 5, 6]);
    assert!(backlog.is_empty() && !backlog.is_waiting(&flood) && backlog.is_sound());
}

#[test]
fn what_waits_in_memory_stands_in_the_line_of_its_tenant_by_its_time() {
    let mut backlog = AdmissionLine::new(100);
    let acme = tenant("acme");
    let at = |second| Queued::position(Timestamp(second), Priority::Normal);
    let queued_at = |number, second| Queued { position: at(second), ..queued(number, 0) };
    fill(&mut backlog, &acme, &[queued_at(1, 10), queued_at(2, 30)]);
    let late = backlog.wait(&acme, Priority::Normal, "late", Timestamp(40));
    backlog.wait(&acme, Priority::Normal, "between", Timestamp(20));
    backlog.wait(&acme, Priority::Critical, "urgent", Timestamp(50));
    assert_eq!(backlog.next(|_| true), Some((acme.clone(), Admitted::Waiter("urgent"))));
    assert_eq!(backlog.leave(&late), Some("late"));
    assert_eq!(begins(&mut backlog), [1, 0, 2]);
}

#[test]
fn a_backlog_that_is_full_refuses_and_one_that_withdraws_makes_room() {
    let mut backlog = AdmissionLine::<()>::new(2);
    let (acme, other) = (tenant("acme"), tenant("other"));
    assert_eq!(backlog.arrive(&acme, 1), Ok(()));
    assert_eq!(backlog.arrive(&acme, 1), Err(BacklogFull::Tenant));
    assert_eq!(backlog.arrive(&other, 9), Ok(()));
    assert_eq!(backlog.arrive(&other, 9), Err(BacklogFull::Engine));
    backlog.withdrawn(&acme);
    assert!(!backlog.is_waiting(&acme));
    assert_eq!(backlog.arrive(&other, 9), Ok(()));
    assert_eq!(backlog.tenants().collect::<Vec<_>>(), [(&other, 2)]);
}

#[test]
fn one_that_comes_first_is_read_though_the_window_is_full() {
    let mut backlog = AdmissionLine::<&str>::new(9_999_999);
    let acme = tenant("acme");
    backlog.found(&acme, 2_000_000);
    let (of, limit) = backlog.next_read().unwrap();
    let first: Vec<Queued> =
        (0..limit as u64).map(|at| Queued { position: Timestamp(1_000 + at), ..queued(1, 0) }).collect();
    backlog.page(&of, page(&first, false));
    assert_eq!((backlog.next_read(), backlog.len()), (None, 2_000_000));
    backlog.arrive(&acme, u64::MAX).unwrap();
    backlog.queued(&acme, queued(7, 9_000_000));
    assert_eq!(backlog.next_read(), None, "it stands behind the window");
    backlog.arrive(&acme, u64::MAX).unwrap();
    backlog.queued(&acme, queued(8, 5));
    assert!(backlog.next_read().is_some());
    assert!(backlog.is_sound());
}

#[test]
fn a_claimed_one_does_not_begin_and_is_found_again_unless_it_is_gone() {
    let mut backlog = AdmissionLine::new(100);
    let acme = tenant("acme");
    let all = [queued(1, 1), queued(2, 2), queued(3, 3)];
    fill(&mut backlog, &acme, &all);
    assert_eq!(backlog.claim(&acme, all[0].peid), Claim::Claimed);
    assert_eq!(backlog.claim(&acme, all[0].peid), Claim::Busy);
    assert_eq!(backlog.claim(&acme, all[1].peid), Claim::Claimed);
    backlog.give_back(&acme, all[1].peid, GivenBack::Gone);
    assert_eq!(begins(&mut backlog), [3]);
    assert_eq!(backlog.claim(&acme, all[2].peid), Claim::Busy, "it begins");
    backlog.begun(all[2].peid);
    assert!(backlog.is_waiting(&acme));
    backlog.give_back(&acme, all[0].peid, GivenBack::Somewhere);
    let (of, _) = backlog.next_read().unwrap();
    backlog.page(&of, page(&all[..1], true));
    assert_eq!(begins(&mut backlog), [1]);
    assert_eq!(backlog.claim(&acme, all[1].peid), Claim::NotQueued);
    assert!(backlog.is_sound() && backlog.is_empty());
}

#[test]
fn one_that_is_given_back_at_a_place_begins_before_all_behind_it_though_a_read_is_under_way() {
    let mut backlog = AdmissionLine::new(100);
    let acme = tenant("acme");
    let all = [queued(1, 11), queued(2, 12), queued(3, 13)];
    fill(&mut backlog, &acme, &all);
    assert_eq!(backlog.claim(&acme, all[1].peid), Claim::Claimed);
    backlog.refresh(&acme);
    let (of, _) = backlog.next_read().unwrap();
    backlog.page(&of, page(&all, true));
    assert_eq!(backlog.claim(&acme, all[2].peid), Claim::Claimed);
    backlog.arrive(&acme, u64::MAX).unwrap();
    backlog.queued(&acme, queued(4, 5));
    let (of, _) = backlog.next_read().unwrap();
    backlog.give_back(&acme, all[2].peid, GivenBack::At(queued(3, 1)));
    assert!(backlog.is_sound());
    assert_eq!(backlog.next(|_| true), Some((acme.clone(), Admitted::Begin(queued(3, 1)))));
    backlog.begun(all[2].peid);
    backlog.give_back(&acme, all[1].peid, GivenBack::At(queued(2, 2)));
    // What is read has the places before.
    backlog.page(&of, page(&[queued(4, 5), all[0], all[1], all[2]], true));
    assert!(backlog.is_sound());
    assert_eq!(begins(&mut backlog), [2, 4, 1]);
    assert!(backlog.is_empty() && backlog.next_read().is_none());
}

#[test]
fn one_that_is_given_back_during_the_first_read_has_its_place_when_that_answers() {
    let mut backlog = AdmissionLine::new(100);
    let acme = tenant("acme");
    let all = [queued(1, 11), queued(2, 12), queued(3, 13)];
    for queued in all {
        backlog.arrive(&acme, u64::MAX).unwrap();
        backlog.queued(&acme, queued);
    }
    let (of, _) = backlog.next_read().unwrap();
    assert_eq!(backlog.claim(&acme, all[2].peid), Claim::Claimed);
    backlog.give_back(&acme, all[2].peid, GivenBack::At(queued(3, 1)));
    assert_eq!(backlog.claim(&acme, all[1].peid), Claim::Claimed);
    // What is read has the places before.
    backlog.page(&of, page(&all, true));
    backlog.give_back(&acme, all[1].peid, GivenBack::At(queued(2, 2)));
    assert!(backlog.is_sound());
    assert_eq!(begins(&mut backlog), [3, 2, 1]);
    assert!(backlog.is_empty() && backlog.next_read().is_none());
}

#[test]
fn a_read_that_was_due_before_a_pause_is_not_begun_before_the_resume() {
    let mut backlog = AdmissionLine::new(100);
    let acme = tenant("acme");
    backlog.arrive(&acme, u64::MAX).unwrap();
    backlog.queued(&acme, queued(1, 1));
    backlog.pause(&acme, true);
    assert_eq!(backlog.next_read(), None);
    backlog.pause(&acme, false);
    let (of, _) = backlog.next_read().unwrap();
    backlog.page(&of, page(&[queued(1, 1)], true));
    assert_eq!(begins(&mut backlog), [1]);
}

#[test]
fn one_that_is_given_back_behind_the_window_is_left_to_a_read() {
    let mut backlog = AdmissionLine::<&str>::new(9_999_999);
    let acme = tenant("acme");
    backlog.found(&acme, 2_000_000);
    let (of, limit) = backlog.next_read().unwrap();
    let at = |number: u64| {
        let peid = ExecutionId::from_bytes(u128::from(number).to_be_bytes());
        Queued { position: Timestamp(number), peid }
    };
    let first: Vec<Queued> = (1..=limit as u64).map(at).collect();
    backlog.page(&of, page(&first, false));
    assert_eq!(backlog.claim(&acme, at(1_000_000).peid), Claim::Claimed);
    backlog.give_back(&acme, at(1_000_000).peid, GivenBack::At(at(1_000_000)));
    assert!(backlog.is_sound() && backlog.next_read().is_none());
    assert_eq!(backlog.claim(&acme, at(1_000_000).peid), Claim::Claimed);
    let urgent = Queued { position: Timestamp(0), ..at(1_000_000) };
    backlog.give_back(&acme, urgent.peid, GivenBack::At(urgent));
    assert!(backlog.is_sound() && backlog.len() == 2_000_000);
    assert_eq!(backlog.next(|_| true), Some((acme, Admitted::Begin(urgent))));
}

#[test]
fn nothing_of_a_paused_tenant_begins_and_what_is_left_out_is_read_once_and_stays_counted() {
    let mut backlog = AdmissionLine::new(100);
    let (acme, other) = (tenant("acme"), tenant("other"));
    let all = [queued(1, 1), queued(2, 2), queued(3, 3)];
    fill(&mut backlog, &acme, &all);
    fill(&mut backlog, &other, &[queued(9, 9)]);
    backlog.pause(&acme, true);
    assert_eq!(begins(&mut backlog), [9]);
    assert!(backlog.next_read().is_none() && backlog.queued_of(&acme) == 3 && backlog.is_waiting(&acme));
    backlog.pause(&acme, false);
    let (of, _) = backlog.next_read().unwrap();
    backlog.page(&of, QueuedPage { first: all[1..2].to_vec(), is_last: true, leaves_out: true });
    assert_eq!(begins(&mut backlog), [2]);
    assert!(backlog.next_read().is_none(), "there are no others");
    assert_eq!(backlog.queued_of(&acme), 2);
    backlog.refresh(&acme);
    let (of, _) = backlog.next_read().unwrap();
    backlog.page(&of, page(&[all[0], all[2]], true));
    assert_eq!(begins(&mut backlog), [1, 3]);
    assert!(backlog.is_empty() && backlog.is_sound());
}

#[test]
fn nothing_queued_begins_after_the_close_and_what_waits_in_memory_does() {
    let mut backlog = AdmissionLine::new(100);
    let acme = tenant("acme");
    fill(&mut backlog, &acme, &[queued(1, 1), queued(2, 2)]);
    backlog.wait(&acme, Priority::Low, "parked", Timestamp(1));
    backlog.close();
    assert_eq!(begins(&mut backlog), [0]);
    assert!(backlog.next_read().is_none() && backlog.is_sound());
}
