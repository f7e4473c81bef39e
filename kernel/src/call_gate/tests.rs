//! Gates: places, shares, rates and pauses, and what follows when something is given back.

use std::num::NonZeroU32;

use proptest::prelude::*;
use updraft_protocol::Rate;

use super::*;

const NORMAL: (u32, Priority) = (1, Priority::Normal);

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// All that pass now.
fn passed(gate: &mut CallGate<&'static str>, now: Duration) -> Vec<&'static str> {
    std::iter::from_fn(|| gate.admit(now)).map(|(_, entry)| entry).collect()
}

#[test]
fn places_are_given_in_fair_order_as_they_become_free() {
    let mut gate = CallGate::new(&CallLimits::new().at_once(number(2)).shared(), BreakerPolicy::new());
    let (flood, quiet) = (tenant("flood"), tenant("quiet"));
    let entered = ["1", "2", "3", "4"].map(|entry| gate.enter(&flood, NORMAL, entry, Duration::ZERO));
    assert_eq!(passed(&mut gate, Duration::ZERO), ["1", "2"]);
    assert_eq!(gate.next_at(Duration::ZERO), None, "only a place helps");
    gate.enter(&quiet, NORMAL, "quiet", Duration::ZERO);
    gate.give_back(&entered[0], true);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["3"], "its turn had come before");
    gate.give_back(&entered[1], true);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["quiet"]);
    assert!(gate.is_sound() && gate.waiting() == 1);
}

#[test]
fn a_tenant_with_its_share_leaves_places_to_others() {
    let limits = CallLimits::new().at_once(number(3)).at_once_of_tenant(number(1)).shared();
    let mut gate = CallGate::new(&limits, BreakerPolicy::new());
    let (a, b) = (tenant("a"), tenant("b"));
    let first = gate.enter(&a, NORMAL, "a1", Duration::ZERO);
    gate.enter(&a, NORMAL, "a2", Duration::ZERO);
    gate.enter(&b, NORMAL, "b1", Duration::ZERO);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a1", "b1"]);
    assert_eq!(gate.next_at(Duration::ZERO), None, "who waits has its share");
    gate.give_back(&first, true);
    assert_eq!(gate.next_at(Duration::ZERO), Some(Duration::ZERO));
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a2"]);
}

#[test]
fn every_rate_holds_and_what_was_never_made_counts_for_none() {
    let rate = |calls, per| Rate::new(number(calls), secs(per)).unwrap();
    let limits = CallLimits::new().rate(rate(1, 10)).rate(rate(1, 60).with_burst(number(1)).unwrap());
    let mut gate = CallGate::new(&limits, BreakerPolicy::new());
    let a = tenant("a");
    let first = gate.enter(&a, NORMAL, "1", secs(5));
    let second = gate.enter(&a, NORMAL, "2", secs(5));
    assert_eq!(passed(&mut gate, secs(5)), ["1"]);
    assert_eq!(gate.next_at(secs(5)), Some(secs(65)), "the slower one");
    gate.give_back(&first, false);
    assert_eq!(gate.next_at(secs(5)), Some(secs(5)));
    assert_eq!(passed(&mut gate, secs(6)), ["2"]);
    gate.give_back(&second, true);
    assert!(!gate.is_idle(secs(65)) && gate.is_idle(secs(66)));
}

#[test]
fn nothing_passes_while_the_circuit_is_open_and_then_one_probe_at_a_time() {
    let policy = BreakerPolicy::new().failures(1).open_for(secs(30));
    let mut gate = CallGate::new(&CallLimits::new(), policy);
    gate.ended(None, CallEnd::Failed, Duration::ZERO);
    let first = gate.enter(&tenant("a"), NORMAL, "1", secs(1));
    let second = gate.enter(&tenant("a"), NORMAL, "2", secs(1));
    assert_eq!((passed(&mut gate, secs(29)), gate.next_at(secs(29))), (vec![], Some(secs(30))));
    assert_eq!(
        (passed(&mut gate, secs(30)), gate.next_at(secs(30))),
        (vec!["1"], None),
        "a probe is under way"
    );
    gate.give_back(&first, false);
    assert_eq!(passed(&mut gate, secs(31)), ["2"], "it was never sent");
    gate.enter(&tenant("a"), NORMAL, "3", secs(31));
    gate.ended(Some(&second), CallEnd::Answered, secs(32));
    assert_eq!((passed(&mut gate, secs(32)), gate.inside()), (vec!["3"], 2));
    gate.give_back(&second, true);
    assert!(gate.is_sound());
}

#[test]
fn a_tool_that_asks_for_it_is_left_alone_and_who_waits_goes_on_spread_out() {
    let mut gate = CallGate::new(&CallLimits::new(), BreakerPolicy::off());
    gate.ended(None, CallEnd::Asked(secs(30)), Duration::ZERO);
    for entry in ["1", "2", "3", "4"] {
        gate.enter(&tenant("a"), NORMAL, entry, secs(1));
    }
    assert_eq!((passed(&mut gate, secs(29)), gate.next_at(secs(29))), (vec![], Some(secs(30))));
    assert_eq!(passed(&mut gate, secs(30)), ["1"]);
    let next = gate.next_at(secs(30)).unwrap();
    assert_eq!((next > secs(30), passed(&mut gate, next)), (true, vec!["2", "3"]));
}

#[test]
fn a_further_request_needs_no_place_and_takes_its_tenants_turn_at_the_rate() {
    let rate = Rate::new(number(1), secs(1)).unwrap();
    let limits = CallLimits::new().at_once(number(2)).rate(rate).shared();
    let mut gate = CallGate::new(&limits, BreakerPolicy::new());
    let (a, b) = (tenant("a"), tenant("b"));
    gate.enter(&a, NORMAL, "a1", Duration::ZERO);
    gate.enter(&b, NORMAL, "b1", Duration::ZERO);
    assert_eq!((passed(&mut gate, secs(0)), passed(&mut gate, secs(1))), (vec!["a1"], vec!["b1"]));
    gate.enter(&b, NORMAL, "b2", secs(1));
    assert_eq!(gate.next_at(secs(1)), None, "there is no place");
    gate.enter_request(&a, 1, "a1 again");
    gate.enter_request(&a, 1, "a1 once more");
    let asked = gate.enter_request(&b, 1, "b1 again");
    assert_eq!(gate.next_at(secs(1)), Some(secs(2)));
    let order: Vec<_> = (2..5).flat_map(|at| passed(&mut gate, secs(at))).collect();
    assert_eq!(order, ["b1 again", "a1 again", "a1 once more"]);
    assert_eq!((gate.inside(), gate.waiting(), gate.next_at(secs(4))), (2, 1, None));
    gate.give_back_request(&asked, false);
    assert_eq!(gate.leave(&asked), None, "it has passed");
    let left = gate.enter_request(&a, 1, "a1 at last");
    assert_eq!((gate.next_at(secs(4)), gate.leave(&left)), (Some(secs(4)), Some("a1 at last")));
    assert!(gate.next_at(secs(4)).is_none() && gate.is_sound());
}

#[test]
fn a_request_of_a_tenant_that_has_its_share_is_not_passed_over() {
    let limits = CallLimits::new().at_once(number(3)).at_once_of_tenant(number(1)).shared();
    let mut gate = CallGate::new(&limits, BreakerPolicy::new());
    let a = tenant("a");
    let first = gate.enter(&a, NORMAL, "a1", Duration::ZERO);
    gate.enter(&a, NORMAL, "a2", Duration::ZERO);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a1"]);
    gate.enter_request(&a, 1, "a1 again");
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a1 again"]);
    assert!(gate.is_sound() && gate.next_at(Duration::ZERO).is_none());
    gate.give_back(&first, true);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a2"]);
}

#[test]
fn a_request_goes_on_while_the_circuit_is_open_and_waits_where_the_tool_asks_for_it() {
    let policy = BreakerPolicy::new().failures(1).open_for(secs(30));
    let mut gate = CallGate::new(&CallLimits::new(), policy);
    gate.ended(None, CallEnd::Failed, Duration::ZERO);
    gate.enter(&tenant("a"), NORMAL, "call", secs(1));
    gate.enter_request(&tenant("a"), 1, "request");
    assert_eq!((passed(&mut gate, secs(1)), gate.next_at(secs(1))), (vec!["request"], Some(secs(30))));
    gate.ended(None, CallEnd::Asked(secs(60)), secs(2));
    gate.enter_request(&tenant("a"), 1, "request");
    assert_eq!((passed(&mut gate, secs(61)), gate.next_at(secs(61))), (vec![], Some(secs(62))));
    assert_eq!(passed(&mut gate, secs(62))[0], "request");
    gate.force(Some(ForcedCircuit::Open));
    gate.enter_request(&tenant("a"), 1, "request");
    assert!(passed(&mut gate, secs(63)).is_empty());
}

#[test]
fn who_leaves_is_not_let_in_and_who_has_passed_cannot_leave() {
    let mut gate = CallGate::new(&CallLimits::new().at_once(number(1)), BreakerPolicy::new());
    let a = tenant("a");
    let first = gate.enter(&a, NORMAL, "1", Duration::ZERO);
    let second = gate.enter(&a, NORMAL, "2", Duration::ZERO);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["1"]);
    assert_eq!((gate.leave(&first), gate.leave(&second), gate.leave(&second)), (None, Some("2"), None));
    gate.give_back(&first, true);
    assert_eq!((passed(&mut gate, Duration::ZERO), gate.inside()), (vec![], 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Claim: whatever comes, leaves and is given back, no bound is passed, and nobody waits where there is a place, a
    /// share and a rate: as long as time goes on, all pass.
    #[test]
    fn nobody_waits_for_nothing(steps in prop::collection::vec((0_usize..5, 0_usize..4, 0_u64..3), 0..150)) {
        let rate = Rate::new(number(5), secs(5)).unwrap().with_burst(number(3)).unwrap();
        let limits = CallLimits::new().at_once(number(4)).at_once_of_tenant(number(2)).rate(rate).shared();
        let mut gate: CallGate<u64> = CallGate::new(&limits, BreakerPolicy::new());
        let (mut now, mut next) = (Duration::ZERO, 0);
        let (mut waiting, mut inside): (Vec<QueueTicket>, Vec<QueueTicket>) = (Vec::new(), Vec::new());
        let mut requests: Vec<QueueTicket> = Vec::new();
        for (what, who, pause) in steps {
            now += secs(pause);
            match what {
                0..=1 => {
                    next += 1;
                    waiting.push(gate.enter(&tenant(&format!("t{who}")), (1 + who as u32, Priority::Normal), next, now));
                }
                2 if who == 3 => {
                    next += 1;
                    requests.push(gate.enter_request(&tenant(&format!("t{}", next % 4)), 1, next));
                }
                2 if !waiting.is_empty() => {
                    let ticket = waiting.swap_remove(who % waiting.len());
                    prop_assert!(gate.leave(&ticket).is_some());
                }
                _ if !inside.is_empty() => gate.give_back(&inside.swap_remove(who % inside.len()), what == 3),
                _ => {}
            }
            while let Some((ticket, _)) = gate.admit(now) {
                if let Some(at) = requests.iter().position(|known| *known == ticket) {
                    requests.swap_remove(at);
                    continue;
                }
                waiting.retain(|known| *known != ticket);
                inside.push(ticket);
            }
            prop_assert!(gate.is_sound());
            let all_waiting = waiting.len() + requests.len();
            prop_assert_eq!((gate.inside(), gate.waiting()), (inside.len(), all_waiting));
            let of = |tenant: &TenantCode| inside.iter().filter(|inside| inside.tenant() == tenant).count();
            let could = inside.len() < 4 && waiting.iter().any(|ticket| of(ticket.tenant()) < 2);
            let could = could || !requests.is_empty();
            prop_assert!(gate.next_at(now).is_some() || !could, "somebody waits for nothing");
            prop_assert!(gate.next_at(now).is_none_or(|at| at > now), "it could have passed");
        }
    }
}

#[test]
fn a_call_that_was_not_made_is_left_of_its_day() {
    let mut gate = CallGate::new(&CallLimits::new(), BreakerPolicy::new())
        .with_quota(DayQuota::new(number(2), Duration::ZERO));
    gate.quota().unwrap().granted(0, 1);
    let a = tenant("a");
    let first = gate.enter(&a, NORMAL, "a1", Duration::ZERO);
    gate.enter(&a, NORMAL, "a2", Duration::ZERO);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a1"]);
    gate.give_back(&first, false);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a2"]);
    let request = gate.enter_request(&a, 1, "a2 again");
    gate.quota().unwrap().granted(0, 1);
    assert_eq!(passed(&mut gate, Duration::ZERO), ["a2 again"]);
    gate.give_back_request(&request, true);
    gate.enter_request(&a, 1, "a2 once more");
    assert_eq!(passed(&mut gate, Duration::ZERO), [] as [&str; 0]);
}

/// What a gate says that people and other calls see.
fn seen(gate: &CallGate<u64>, now: Duration) -> (usize, usize, Option<Duration>, CircuitVerdict) {
    (gate.inside(), gate.waiting(), gate.next_at(now), gate.circuit().verdict(now))
}

proptest! {
    /// Claim: a call passes at once only where it would have been the next to be admitted had it stood in line, always so where nobody
    /// waits, and leaves the gate as that would have.
    #[test]
    fn passing_at_once_is_standing_in_line_and_being_next(
        steps in prop::collection::vec((0_usize..6, 0_usize..3, 0_u64..3), 0..100),
    ) {
        let rate = Rate::new(number(5), secs(5)).unwrap().with_burst(number(3)).unwrap();
        let limits = CallLimits::new().at_once(number(3)).at_once_of_tenant(number(2)).rate(rate).shared();
        let policy = BreakerPolicy::new().failures(2).open_for(secs(1));
        let mut gates = [(); 2].map(|()| CallGate::<u64>::new(&limits, policy));
        let mut inside: Vec<[QueueTicket; 2]> = Vec::new();
        let (mut waiting, mut next, mut now): (Vec<(u64, [QueueTicket; 2])>, _, _) = (Vec::new(), 0, Duration::ZERO);
        for (what, who, pause) in steps {
            now += secs(pause);
            let tenant = tenant(&format!("t{who}"));
            let [fast, slow] = &mut gates;
            match what {
                0..=1 => {
                    next += 1;
                    let ticket = slow.enter(&tenant, NORMAL, next, now);
                    let (waits, admitted) = (fast.has_waiting(), slow.admit(now));
                    match fast.pass(&tenant, now) {
                        Some(passed) => {
                            prop_assert_eq!(admitted, Some((ticket.clone(), next)));
                            inside.push([passed, ticket]);
                        }
                        None => {
                            let entered = fast.enter(&tenant, NORMAL, next, now);
                            waiting.push((next, [entered, ticket]));
                            let other = fast.admit(now).map(|(_, entry)| entry);
                            prop_assert_eq!(other, admitted.map(|(_, entry)| entry));
                            prop_assert!(waits || other != Some(next), "it could have passed");
                            if let Some(at) = waiting.iter().position(|(entry, _)| Some(*entry) == other) {
                                inside.push(waiting.swap_remove(at).1);
                            }
                        }
                    }
                }
                2..=3 if !inside.is_empty() => {
                    let [of_fast, of_slow] = inside.swap_remove(who % inside.len());
                    let end = if what == 2 { CallEnd::Answered } else { CallEnd::Failed };
                    prop_assert_eq!(fast.ended(Some(&of_fast), end, now), slow.ended(Some(&of_slow), end, now));
                    fast.give_back(&of_fast, who > 0);
                    slow.give_back(&of_slow, who > 0);
                }
                _ => {
                    let admitted = gates.each_mut().map(|gate| gate.admit(now).map(|(_, entry)| entry));
                    prop_assert_eq!(admitted[0], admitted[1]);
                    if let Some(at) = waiting.iter().position(|(entry, _)| Some(*entry) == admitted[0]) {
                        inside.push(waiting.swap_remove(at).1);
                    }
                }
            }
            prop_assert!(gates[0].is_sound() && gates[1].is_sound());
            prop_assert_eq!(seen(&gates[0], now), seen(&gates[1], now));
        }
    }
}
