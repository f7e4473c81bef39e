//! Fairness at a saturated tool, in virtual time: the gate that ships, its calls and their arrivals as events of a heap.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;
use std::time::Duration;

use updraft_kernel::call_gate::CallGate;
use updraft_kernel::fair_queue::QueueTicket;
use updraft_protocol::ids::mix;
use updraft_protocol::{BreakerPolicy, CallLimits, Priority, Rate, TenantCode};

const TENANTS: usize = 10;
/// Calls of the tool at once, each of 100 ms on average: it takes 1,000 a second, of which each tenant's share is a hundred.
const PLACES: u32 = 100;
const CALL: Duration = Duration::from_millis(100);
/// How much longer or shorter a call may take.
const CALL_JITTER: Duration = Duration::from_millis(50);
const SHARE_PER_SEC: u64 = 100;
const RUN: Duration = Duration::from_secs(20);

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn tenant(number: usize) -> TenantCode {
    TenantCode::new(format!("t{number}")).unwrap()
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives(usize),
    Ends(usize),
}

/// The time from arrival to end of each call, by tenant, where the first tenant submits `flood` times its share and each of
/// the others seven tenths of its own.
fn times(flood: u64) -> Vec<Vec<Duration>> {
    let mut events = BinaryHeap::new();
    for of in 0..TENANTS {
        let per_sec = if of == 0 && flood > 1 { flood * SHARE_PER_SEC } else { SHARE_PER_SEC * 7 / 10 };
        let calls = RUN.as_secs() * per_sec;
        // Spread at random over the run.
        let at = |call: u64| mix(call * 31 + of as u64) % u64::try_from(RUN.as_micros()).unwrap();
        events.extend((0..calls).map(|call| Reverse((Duration::from_micros(at(call)), Event::Arrives(of)))));
    }
    let limits = CallLimits::new().at_once(number(PLACES)).shared();
    let mut gate: CallGate<(usize, Duration)> = CallGate::new(&limits, BreakerPolicy::new());
    let mut running: Vec<Option<(QueueTicket, usize, Duration)>> = Vec::new();
    let mut times = vec![Vec::new(); TENANTS];
    while let Some(Reverse((now, event))) = events.pop().filter(|Reverse((now, _))| *now < RUN) {
        match event {
            Event::Arrives(of) => {
                gate.enter(&tenant(of), (1, Priority::Normal), (of, now), now);
            }
            Event::Ends(call) => {
                let (ticket, of, arrived) = running[call].take().unwrap();
                gate.give_back(&ticket, true);
                times[of].push(now - arrived);
            }
        }
        while let Some((ticket, (of, arrived))) = gate.admit(now) {
            let jitter = mix(running.len() as u64) % (2 * CALL_JITTER.as_micros() as u64);
            let took = CALL - CALL_JITTER + Duration::from_micros(jitter);
            events.push(Reverse((now + took, Event::Ends(running.len()))));
            running.push(Some((ticket, of, arrived)));
        }
        assert!(gate.is_sound());
    }
    times
}

fn p99(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

#[test]
fn a_tenant_with_a_hundred_times_its_share_makes_no_other_wait_half_as_long_again() {
    let (alone, flooded) = (times(1), times(100));
    for of in 1..TENANTS {
        let (before, after) = (p99(&alone[of]), p99(&flooded[of]));
        assert!(after * 2 <= before * 3, "tenant {of}: p99 {before:?} became {after:?}");
        assert!(flooded[of].len() * 100 >= alone[of].len() * 98, "its calls are made");
    }
    let all: usize = flooded.iter().map(Vec::len).sum();
    let capacity = u128::from(PLACES) * RUN.as_millis() / CALL.as_millis();
    assert!(all as u128 * 100 >= capacity * 99, "the tool is used: {all} of {capacity}");
}

#[test]
fn who_is_alone_has_the_whole_tool() {
    let limits = CallLimits::new().at_once(number(PLACES)).shared();
    let mut gate: CallGate<()> = CallGate::new(&limits, BreakerPolicy::new());
    for _ in 0..100 {
        gate.enter(&tenant(0), (1, Priority::Low), (), Duration::ZERO);
    }
    assert_eq!(std::iter::from_fn(|| gate.admit(Duration::ZERO)).count(), PLACES as usize);
}

#[test]
fn of_a_rate_of_a_hundred_a_second_nothing_is_left_and_no_second_has_more() {
    let limits = CallLimits::new().rate(Rate::new(number(100), Duration::from_secs(1)).unwrap()).shared();
    let mut gate: CallGate<()> = CallGate::new(&limits, BreakerPolicy::new());
    for call in 0..10_000 {
        gate.enter(&tenant(call % TENANTS), (1, Priority::Normal), (), Duration::ZERO);
    }
    let (mut now, mut made) = (Duration::ZERO, Vec::new());
    while let Some(next) = gate.next_at(now) {
        now = now.max(next);
        while let Some((ticket, ())) = gate.admit(now) {
            gate.give_back(&ticket, true);
            made.push(now);
        }
    }
    assert_eq!(made.len(), 10_000);
    let second = Duration::from_secs(1);
    for (at, first) in made.iter().enumerate() {
        let in_second = made[at..].iter().take_while(|made| **made < *first + second).count();
        assert!(in_second <= 105, "{in_second} in the second from {first:?}");
        assert!(in_second >= 95 || made.len() - at < 105, "{in_second} in the second from {first:?}");
    }
}
