//! Locks of targets that executions have and lend.

use super::*;

const H: &str = "h";

fn tenant() -> TenantCode {
    TenantCode::new("acme").unwrap()
}

fn execution(number: u8) -> ExecutionId {
    ExecutionId::from_bytes([number; 16])
}

fn owner(number: u8) -> TaskId {
    TaskId::from_bytes([number; 16])
}

/// Stands in line for the target, and counts how often it is told.
fn enter(locks: &LockHolders, of: u8) -> (Result<TargetLock, LockTurn>, Text<AtomicUsize>) {
    let times = Text::new(AtomicUsize::new(0));
    let counted = Text::clone(&times);
    let told = Text::new(move || _ = counted.fetch_add(1, Ordering::Relaxed));
    (locks.enter(&tenant(), (execution(of), H.into()), told), times)
}

fn lend(locks: &LockHolders, child: u8, by: u8, owners: &[u8]) {
    locks.lend(execution(child), execution(by), owners.iter().map(|number| (H.into(), owner(*number))));
}

fn has(locks: &LockHolders, of: u8) -> bool {
    locks.has(execution(of), owner(of), H)
}

#[test]
fn a_child_has_what_those_above_it_have_for_as_long_as_they_do() {
    let locks = LockHolders::default();
    lend(&locks, 2, 1, &[1]);
    lend(&locks, 3, 2, &[]);
    assert!(!has(&locks, 3) && !locks.holds(execution(3)), "nobody has it yet");
    locks.keep(execution(1), owner(1), enter(&locks, 1).0.unwrap());
    assert!([1, 2, 3].iter().all(|of| has(&locks, *of) && locks.holds(execution(*of))));
    assert!(!locks.has(execution(3), owner(3), "i"), "another target");
    assert!(!has(&locks, 4));
    locks.release(execution(1), owner(1));
    assert!([1, 2, 3].iter().all(|of| !has(&locks, *of)));
    [1, 2, 3].iter().for_each(|of| locks.release_all(execution(*of)));
    assert!(locks.is_empty());
}

#[test]
fn a_child_in_line_is_told_that_its_parent_has_the_lock_now() {
    let locks = LockHolders::default();
    // After a crash: another has the target, the parent of parents stands in line, then the youngest, who is not lent anything yet.
    locks.keep(execution(9), owner(9), enter(&locks, 9).0.unwrap());
    let above = enter(&locks, 1).0.unwrap_err();
    let (in_line, told) = enter(&locks, 3);
    let in_line = in_line.unwrap_err().take().unwrap_err();
    lend(&locks, 3, 2, &[]);
    lend(&locks, 2, 1, &[1]);
    locks.release_all(execution(9));
    let Ok(Taken::Lock(lock)) = above.take() else { panic!("it is next") };
    assert_eq!(told.load(Ordering::Relaxed), 0);
    locks.keep(execution(1), owner(1), lock);
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(locks.lent_in_line(), [execution(3)]);
    assert!(matches!(in_line.take(), Ok(Taken::Lent)));
    assert_eq!((locks.state(), locks.lent_in_line()), ((1, 0), Vec::new()), "it has left the line");
}

#[test]
fn a_child_in_line_is_told_when_it_is_lent_what_is_had_already() {
    let locks = LockHolders::default();
    locks.keep(execution(1), owner(1), enter(&locks, 1).0.unwrap());
    let (child, told) = enter(&locks, 3);
    let (stranger, untold) = enter(&locks, 7);
    lend(&locks, 3, 2, &[]);
    assert_eq!(told.load(Ordering::Relaxed), 0, "it is not known whose grandchild it is");
    lend(&locks, 2, 1, &[1]);
    assert_eq!((told.load(Ordering::Relaxed), untold.load(Ordering::Relaxed)), (1, 0));
    assert!(matches!(child.unwrap_err().take(), Ok(Taken::Lent)));
    locks.release_all(execution(1));
    assert!(matches!(stranger.unwrap_err().take(), Ok(Taken::Lock(_))));
}

#[test]
fn who_ends_has_and_lends_nothing() {
    let locks = LockHolders::default();
    locks.keep(execution(1), owner(1), enter(&locks, 1).0.unwrap());
    locks.keep(
        execution(1),
        owner(2),
        locks.enter(&tenant(), (execution(1), "i".into()), Text::new(|| {})).unwrap(),
    );
    locks.lend(ExecutionId::of_child(owner(5)), execution(1), std::iter::empty());
    assert_eq!(locks.held().len(), 2);
    locks.release(execution(1), owner(1));
    assert_eq!((locks.state(), locks.held().len()), ((1, 0), 1));
    locks.release_all(execution(1));
    assert!(locks.is_empty());
}
