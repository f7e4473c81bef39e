//! Models of the gate of a tool: calls of several threads stand in line, pass, leave and give their places back.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::sync::Arc as StdArc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::time::Duration;

use loom::sync::Arc;
use loom::sync::atomic::Ordering;
use loom::thread;
use updraft_kernel::circuit::{CallEnd, CircuitState};
use updraft_kernel::shared::gates::{GatePermit, GateWait};
use updraft_kernel::shared::permits::TenantCode;
use updraft_kernel::shared::{GatedTools, SharedGate};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Waiters, WakeReach, catches};
use updraft_protocol::{BreakerPolicy, CallLimits, Name, Priority};

const ORDER: (u32, Priority) = (1, Priority::Normal);
const NOW: Duration = Duration::ZERO;

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

/// Opens at the first failure, and is probed at once by one call.
fn policy() -> BreakerPolicy {
    BreakerPolicy::new().failures(1).open_for(Duration::ZERO)
}

/// A gate, which its hook finds as long as the model holds it.
type Driven = StdArc<OnceLock<SharedGate>>;

/// A gate with one place, as the engine drives it: whoever gives a place back lets the next one in.
fn one_place() -> Driven {
    driven(&CallLimits::new().at_once(NonZeroU32::MIN).shared())
}

fn driven(limits: &CallLimits) -> Driven {
    let driven = Driven::default();
    let found = StdArc::downgrade(&driven);
    let changed = move || {
        if let Some(gate) = found.upgrade().as_deref().and_then(OnceLock::get) {
            gate.admit(NOW);
        }
    };
    driven.get_or_init(|| SharedGate::new(limits, policy(), Some(StdArc::new(changed))));
    driven
}

/// A call of `code` that stands in line, and tells `waiters` when it is let in.
fn enter(driven: &Driven, waiters: &Arc<Waiters>, code: &str) -> GateWait {
    let woken = Arc::clone(waiters);
    let gate = driven.get().unwrap();
    let wait = gate.enter(&tenant(code), ORDER, StdArc::new(move || woken.wake()), NOW);
    gate.admit(NOW);
    wait
}

/// Waits to be let in.
fn pass(mut wait: GateWait, waiters: &Waiters, me: usize) -> GatePermit {
    loop {
        waiters.register(me);
        match wait.pass() {
            Ok(permit) => {
                waiters.give_up(me);
                return permit;
            }
            Err(still) => wait = still,
        }
        waiters.wait(me);
    }
}

fn assert_nothing_leaked(driven: &Driven) {
    let gate = driven.get().unwrap();
    assert!(gate.is_sound());
    let state = gate.state(NOW);
    assert_eq!((state.waiting, state.inside), (0, 0), "a place leaked");
}

/// Claim: one at a time has the only place, and each that stands in line is let in.
/// Threads: two calls of different tenants.
/// Fails, by deadlock, if giving back lets nobody in; by a count if two are let in.
fn each_is_let_in_alone() {
    let gate = one_place();
    let inside = StdArc::new(StdAtomicUsize::new(0));
    let call = |me: usize, code: &'static str| {
        let (gate, inside) = (gate.clone(), StdArc::clone(&inside));
        move || {
            let waiters = Arc::new(Waiters::new(WakeReach::All));
            let wait = enter(&gate, &waiters, code);
            let permit = pass(wait, &waiters, me);
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two have one place");
            inside.fetch_sub(1, Ordering::Relaxed);
            drop(permit);
        }
    };
    let other = thread::spawn(call(1, "b"));
    call(0, "a")();
    other.join().unwrap();
    assert_nothing_leaked(&gate);
}

/// Claim: a call that comes when nobody is in line passes at once, or stands in line and is let in; nobody has the only place with
/// another.
/// Threads: a call that passes at once or else stands in line; one that stands in line.
/// Fails, by deadlock, if who gives a place back does not see who has come meanwhile; by a count if two are let in.
fn who_passes_at_once_is_alone_too() {
    let gate = one_place();
    let inside = StdArc::new(StdAtomicUsize::new(0));
    let alone = {
        let inside = StdArc::clone(&inside);
        move |permit: GatePermit| {
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two have one place");
            inside.fetch_sub(1, Ordering::Relaxed);
            drop(permit);
        }
    };
    let other = thread::spawn({
        let (gate, alone) = (gate.clone(), alone.clone());
        move || {
            let waiters = Arc::new(Waiters::new(WakeReach::All));
            let wait = enter(&gate, &waiters, "b");
            alone(pass(wait, &waiters, 1));
        }
    });
    let passed = gate.get().unwrap().pass(&tenant("a"), NOW);
    let waiters = Arc::new(Waiters::new(WakeReach::All));
    alone(passed.unwrap_or_else(|| {
        let wait = enter(&gate, &waiters, "a");
        pass(wait, &waiters, 0)
    }));
    other.join().unwrap();
    assert_nothing_leaked(&gate);
}

/// Claim: who leaves the line at the moment at which it is let in takes no place along.
/// Threads: the holder, who gives its place back; a call that leaves; a call that stays.
/// Fails, by deadlock, if the permit of who leaves is lost.
fn who_leaves_takes_nothing_along() {
    let gate = one_place();
    let waiters = Arc::new(Waiters::new(WakeReach::All));
    let held = pass(enter(&gate, &waiters, "a"), &waiters, 0);
    let quitter = thread::spawn({
        let (gate, waiters) = (gate.clone(), Arc::new(Waiters::new(WakeReach::All)));
        let wait = enter(&gate, &waiters, "a");
        move || drop(wait)
    });
    let stayer = thread::spawn({
        let (gate, waiters) = (gate.clone(), Arc::new(Waiters::new(WakeReach::All)));
        let wait = enter(&gate, &waiters, "b");
        move || drop(pass(wait, &waiters, 2))
    });
    drop(held);
    quitter.join().unwrap();
    stayer.join().unwrap();
    assert_nothing_leaked(&gate);
}

/// Claim: a circuit that is open is probed by one call at a time, and each that waits is let in: when a probe succeeds, or
/// was never sent.
/// Threads: a call that was cancelled before it was sent; a call that succeeds.
/// Fails, by deadlock, if a probe that was never sent is never given back; by a count if two
/// probes are under way.
fn an_open_circuit_is_probed_by_one_at_a_time() {
    let gate = driven(&CallLimits::new().shared());
    gate.get().unwrap().ended(CallEnd::Failed, NOW);
    let probes = StdArc::new(StdAtomicUsize::new(0));
    let call = |me: usize, end: CallEnd| {
        let (gate, probes) = (gate.clone(), StdArc::clone(&probes));
        move || {
            let waiters = Arc::new(Waiters::new(WakeReach::All));
            let permit = pass(enter(&gate, &waiters, "a"), &waiters, me);
            let is_open = matches!(gate.get().unwrap().state(NOW).circuit, CircuitState::HalfOpen(_));
            if is_open {
                assert_eq!(probes.fetch_add(1, Ordering::Relaxed), 0, "two probes are under way");
                probes.fetch_sub(1, Ordering::Relaxed);
            }
            if !matches!(end, CallEnd::Nothing) {
                permit.ended(end, NOW);
            }
            drop(permit);
        }
    };
    let cancelled = thread::spawn(call(1, CallEnd::Nothing));
    call(0, CallEnd::Answered)();
    cancelled.join().unwrap();
    assert_nothing_leaked(&gate);
    assert_eq!(gate.get().unwrap().state(NOW).circuit, CircuitState::Closed);
}

/// Claim: while a gate of a tool is there, calls of the tool stand in line; when none is there any more, they do not.
/// Threads: two gates of one tool, each of which comes and goes.
/// Fails if the number that is looked at first is behind the names.
fn a_tool_stands_in_line_as_long_as_it_has_a_gate() {
    let gated = GatedTools::default();
    let come_and_go = |gated: GatedTools| {
        move || {
            let tool = Name::new("edr").unwrap();
            gated.add(&tool);
            assert!(gated.has(&tool), "its gate is not seen");
            gated.remove(&tool);
        }
    };
    let other = thread::spawn(come_and_go(gated.clone()));
    come_and_go(gated.clone())();
    other.join().unwrap();
    assert!(!gated.has(&Name::new("edr").unwrap()), "a gate that is gone is seen");
}

#[test]
fn a_tool_with_a_gate_stands_in_line() {
    loom::model(a_tool_stands_in_line_as_long_as_it_has_a_gate);
}

#[test]
fn canary_a_number_of_gated_tools_that_is_stored_outside_of_the_lock() {
    catches(Bug::GatedCountsLate, "its gate is not seen", a_tool_stands_in_line_as_long_as_it_has_a_gate);
}

#[test]
fn an_open_circuit_has_one_probe_at_a_time() {
    loom::model(an_open_circuit_is_probed_by_one_at_a_time);
}

#[test]
fn canary_a_probe_that_was_never_sent_and_is_not_given_back() {
    catches(Bug::GateKeepsProbe, "deadlock", an_open_circuit_is_probed_by_one_at_a_time);
}

#[test]
fn each_call_in_line_is_let_in_alone() {
    loom::model(each_is_let_in_alone);
}

#[test]
fn who_passes_at_once_has_the_place_alone() {
    loom::model(who_passes_at_once_is_alone_too);
}

#[test]
fn who_leaves_the_line_takes_nothing_along() {
    loom::model(who_leaves_takes_nothing_along);
}

#[test]
fn canary_a_place_that_is_given_back_silently() {
    catches(Bug::GateGivesBackSilently, "deadlock", each_is_let_in_alone);
}

#[test]
fn canary_a_gate_that_looks_who_waits_before_it_takes_the_place_back() {
    catches(Bug::GateLooksWhoWaitsEarly, "deadlock", who_passes_at_once_is_alone_too);
}

#[test]
fn canary_a_permit_that_is_lost_with_who_leaves() {
    catches(Bug::GateLosesUntaken, "deadlock", who_leaves_takes_nothing_along);
}

#[test]
fn canary_a_wait_that_looks_before_it_leaves() {
    catches(Bug::GateLooksBeforeLeaving, "deadlock", who_leaves_takes_nothing_along);
}
