//! Circuits: when they open, what closes them, how many calls pass after a pause. The oracle of the property test is written
//! from the words of the policy.

use proptest::prelude::*;

use super::*;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn policy() -> BreakerPolicy {
    BreakerPolicy::new().failures(3).ratio(50, 10, secs(60)).open_for(secs(30))
}

/// Makes a call that may be made, which ends so.
fn call(circuit: &mut Circuit, end: CallEnd, now: Duration) {
    let verdict = circuit.verdict(now);
    assert!(matches!(verdict, CircuitVerdict::Pass | CircuitVerdict::Probe), "{verdict:?}");
    let probe = circuit.pass(now);
    circuit.ended(end, probe, now);
}

#[test]
fn it_opens_after_failures_in_a_row_and_a_success_begins_the_count_anew() {
    let mut circuit = Circuit::new(policy());
    for end in [CallEnd::Failed, CallEnd::Failed, CallEnd::Answered, CallEnd::Failed, CallEnd::Failed] {
        call(&mut circuit, end, secs(1));
    }
    assert_eq!(circuit.state(secs(1)), CircuitState::Closed);
    call(&mut circuit, CallEnd::Nothing, secs(1));
    call(&mut circuit, CallEnd::Failed, secs(2));
    assert_eq!(circuit.state(secs(2)), CircuitState::Open(secs(32)));
    assert_eq!(circuit.verdict(secs(31)), CircuitVerdict::Later(secs(32)));
    assert_eq!(circuit.verdict(secs(32)), CircuitVerdict::Probe);
}

#[test]
fn it_opens_when_too_large_a_share_of_a_window_failed() {
    let mut circuit = Circuit::new(policy());
    // Two failures, one success: never three in a row, two thirds of all.
    for turn in 0..9 {
        let end = if turn % 3 == 2 { CallEnd::Answered } else { CallEnd::Failed };
        call(&mut circuit, end, secs(turn));
    }
    assert_eq!(circuit.state(secs(9)), CircuitState::Closed, "too few calls to tell a share");
    call(&mut circuit, CallEnd::Failed, secs(9));
    assert_eq!(circuit.state(secs(9)), CircuitState::Open(secs(39)));
}

#[test]
fn what_was_longer_ago_than_the_window_does_not_count() {
    let mut circuit = Circuit::new(policy().failures(100));
    (0..9).for_each(|_| call(&mut circuit, CallEnd::Failed, secs(1)));
    call(&mut circuit, CallEnd::Failed, secs(62));
    assert_eq!(circuit.state(secs(62)), CircuitState::Closed);
    assert!(!circuit.is_idle(secs(62)));
    call(&mut circuit, CallEnd::Answered, secs(63));
    assert!(!circuit.is_idle(secs(119)) && circuit.is_idle(secs(130)));
}

#[test]
fn what_has_not_failed_for_a_while_may_be_forgotten_but_nothing_that_is_open_or_cools() {
    let mut circuit = Circuit::new(policy());
    call(&mut circuit, CallEnd::Failed, secs(0));
    assert!(!circuit.is_quiet(secs(59)) && circuit.is_quiet(secs(66)) && !circuit.is_idle(secs(66)));
    circuit.ended(CallEnd::Asked(secs(900)), false, secs(70));
    assert!(!circuit.is_quiet(secs(900)));
    let mut circuit = Circuit::new(policy().open_for(secs(900)));
    (0..3).for_each(|_| call(&mut circuit, CallEnd::Failed, secs(0)));
    assert!(!circuit.is_quiet(secs(2_000)), "a probe has not closed it");
}

#[test]
fn a_probe_that_succeeds_closes_it_and_one_that_fails_opens_it_again() {
    let mut circuit = Circuit::new(policy());
    (0..3).for_each(|_| call(&mut circuit, CallEnd::Failed, secs(0)));
    assert!(circuit.pass(secs(30)));
    assert_eq!(
        (circuit.state(secs(30)), circuit.verdict(secs(30))),
        (CircuitState::HalfOpen(1), CircuitVerdict::Probing)
    );
    circuit.ended(CallEnd::Failed, true, secs(31));
    assert_eq!(circuit.verdict(secs(60)), CircuitVerdict::Later(secs(61)));
    // One that was not sent leaves its turn to another.
    assert!(circuit.pass(secs(61)));
    circuit.ended(CallEnd::Nothing, true, secs(62));
    assert_eq!(circuit.verdict(secs(62)), CircuitVerdict::Probe);
    call(&mut circuit, CallEnd::Answered, secs(62));
    assert_eq!(circuit.state(secs(62)), CircuitState::Closed);
    assert_eq!(circuit.counts(), CircuitCounts { answered: 1, failed: 4, opened: 2, asked: 0 });
    // Three failures in a row are needed again.
    let later = secs(62) + RAMP_STEP * RAMP_STEPS;
    (0..2).for_each(|_| call(&mut circuit, CallEnd::Failed, later));
    assert_eq!(circuit.state(later), CircuitState::Closed);
}

#[test]
fn calls_that_began_before_it_opened_keep_it_open_no_longer_and_close_it() {
    let mut circuit = Circuit::new(policy());
    for _ in 0..5 {
        assert!(!circuit.pass(secs(0)));
    }
    (0..3).for_each(|_| circuit.ended(CallEnd::Failed, false, secs(5)));
    circuit.ended(CallEnd::Failed, false, secs(20));
    assert_eq!(circuit.state(secs(20)), CircuitState::Open(secs(35)));
    circuit.ended(CallEnd::Answered, false, secs(21));
    assert_eq!(circuit.state(secs(21)), CircuitState::Closed);
}

#[test]
fn a_tool_that_asks_for_a_pause_is_left_alone_so_long_and_has_not_failed() {
    let mut circuit = Circuit::new(policy());
    (0..2).for_each(|_| call(&mut circuit, CallEnd::Failed, secs(0)));
    call(&mut circuit, CallEnd::Asked(secs(10)), secs(1));
    circuit.ended(CallEnd::Asked(secs(2)), false, secs(2));
    assert_eq!(circuit.state(secs(2)), CircuitState::Cooling(secs(11)), "never made shorter");
    assert_eq!(circuit.verdict(secs(2)), CircuitVerdict::Later(secs(11)));
    call(&mut circuit, CallEnd::Failed, secs(11));
    assert_eq!(circuit.state(secs(11)), CircuitState::Closed, "it had answered in between");
}

#[test]
fn after_a_pause_calls_are_spread_out() {
    let mut circuit = Circuit::new(policy());
    circuit.ended(CallEnd::Asked(secs(10)), false, secs(0));
    let (mut now, mut passed) = (secs(10), Vec::new());
    while passed.len() < 31 {
        match circuit.verdict(now) {
            CircuitVerdict::Later(at) => now = at,
            _ => {
                assert!(!circuit.pass(now));
                passed.push((now - secs(10)).as_millis());
            }
        }
    }
    let in_step = |at| passed.iter().filter(|when| **when == at).count();
    assert_eq!([0, 250, 500, 750, 1_000].map(in_step), [1, 2, 4, 8, 16]);
    assert!(circuit.is_idle(secs(10) + RAMP_STEP * RAMP_STEPS));
}

#[test]
fn a_breaker_that_is_off_never_opens_but_leaves_a_tool_alone_that_asks_for_it() {
    let mut circuit = Circuit::new(BreakerPolicy::off());
    (0..100).for_each(|_| call(&mut circuit, CallEnd::Failed, secs(0)));
    circuit.ended(CallEnd::Asked(secs(5)), false, secs(0));
    assert_eq!(circuit.verdict(secs(1)), CircuitVerdict::Later(secs(5)));
}

#[test]
fn what_a_person_has_decided_counts_until_it_is_taken_back() {
    let mut circuit = Circuit::new(policy());
    circuit.force(Some(ForcedCircuit::Open));
    assert_eq!((circuit.state(secs(0)), circuit.is_idle(secs(0))), (CircuitState::ForcedOpen, false));
    circuit.ended(CallEnd::Answered, false, secs(1));
    assert!(matches!(circuit.verdict(secs(1)), CircuitVerdict::Later(_)), "no answer closes it");
    circuit.force(Some(ForcedCircuit::Closed));
    (0..9).for_each(|_| call(&mut circuit, CallEnd::Failed, secs(2)));
    circuit.force(None);
    (0..2).for_each(|_| call(&mut circuit, CallEnd::Failed, secs(2)));
    assert_eq!(circuit.state(secs(2)), CircuitState::Closed);
    call(&mut circuit, CallEnd::Failed, secs(2));
    assert_eq!(circuit.state(secs(2)), CircuitState::Open(secs(32)));
}

#[test]
fn what_the_end_of_a_call_says_of_its_tool() {
    let failure = |kind| Failure::new(kind, "no");
    let status = |status: u16| {
        failure(FailureKind::Status).with_answer(serde_json::json!({"status": status, "body": null}).into())
    };
    for (failure, end) in [
        (failure(FailureKind::Unreachable), CallEnd::Failed),
        (failure(FailureKind::Timeout), CallEnd::Failed),
        (failure(FailureKind::Interrupted), CallEnd::Failed),
        (failure(FailureKind::Timeout).with_may_have_acted(false), CallEnd::Nothing),
        (status(500), CallEnd::Failed),
        (status(599), CallEnd::Failed),
        (status(499), CallEnd::Answered),
        (failure(FailureKind::Status), CallEnd::Answered),
        (failure(FailureKind::InvalidResponse), CallEnd::Answered),
        (failure(FailureKind::TooLarge), CallEnd::Answered),
        (failure(FailureKind::RateLimited), CallEnd::Asked(COOLDOWN)),
        (status(503).with_retry_after(secs(9)), CallEnd::Asked(secs(9))),
        (failure(FailureKind::RateLimited).with_retry_after(Duration::MAX), CallEnd::Asked(COOLDOWN_LONGEST)),
        (failure(FailureKind::InvalidArguments), CallEnd::Nothing),
        (failure(FailureKind::Panic), CallEnd::Nothing),
        (failure(FailureKind::NotConfigured), CallEnd::Nothing),
    ] {
        assert_eq!(CallEnd::of(Some(&failure)), end, "{failure}");
    }
    assert_eq!(CallEnd::of(None), CallEnd::Answered);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Claim: by the words of the policy, of calls one after the other: it is open exactly after three failures in a row
    /// since the last success or opening, or a failed half of at least ten calls of the window, for thirty seconds, and
    /// then until a probe succeeds.
    #[test]
    fn it_opens_and_closes_as_its_policy_says(steps in prop::collection::vec((0_u8..4, 0_u64..4), 1..200)) {
        let mut circuit = Circuit::new(policy());
        let (mut now, mut row, mut open_until) = (secs(0), 0, None::<Duration>);
        let mut calls: Vec<(Duration, bool)> = Vec::new();
        for (what, pause) in steps {
            now += secs(pause * 3);
            let verdict = circuit.verdict(now);
            match open_until {
                Some(until) if now < until => {
                    prop_assert_eq!(verdict, CircuitVerdict::Later(until));
                    continue;
                }
                Some(_) => prop_assert_eq!(verdict, CircuitVerdict::Probe),
                // After a pause it lets few calls pass at first.
                None if verdict != CircuitVerdict::Pass => {
                    let CircuitVerdict::Later(at) = verdict else { panic!("{verdict:?}") };
                    now = at;
                }
                None => {}
            }
            let failed = what > 0;
            let probe = circuit.pass(now);
            prop_assert_eq!(probe, open_until.is_some());
            circuit.ended(if failed { CallEnd::Failed } else { CallEnd::Answered }, probe, now);
            calls.push((now, failed));
            row = if failed { row + 1 } else { 0 };
            match (failed, open_until) {
                (true, Some(_)) => (open_until, row) = (Some(now + secs(30)), 0),
                (false, Some(_)) => {
                    open_until = None;
                    calls.clear();
                }
                (true, None) => {
                    // The window moves by parts of six seconds.
                    let part = |at: Duration| at.as_secs() / 6;
                    let recent = calls.iter().filter(|(at, _)| part(*at) + 10 > part(now));
                    let (failures, all) = recent.fold((0, 0), |(f, n), (_, failed)| (f + u32::from(*failed), n + 1));
                    if row >= 3 || (all >= 10 && failures * 2 >= all) {
                        (open_until, row) = (Some(now + secs(30)), 0);
                    }
                }
                (false, None) => {}
            }
            prop_assert!(circuit.is_sound());
        }
    }
}
