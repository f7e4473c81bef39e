//! Gates: who is counted together, when calls pass, and what a tool's demand for fewer calls does. Time is tokio's own.

use std::num::NonZeroU32;

use futures_util::FutureExt;
use updraft_protocol::Rate;

use super::*;

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn gates(limits: CallLimits) -> (Gates, TimerThread) {
    (Gates::new([(name("intel"), limits)].into()), TimerThread::start().unwrap())
}

fn secret(of: &str) -> SecretReference {
    SecretReference { place: "/headers/key".into(), name: name(of), prefix: "".into() }
}

/// A call's turn.
fn turn((gates, timer): &(Gates, TimerThread), of: &str, secrets: &[SecretReference]) -> GateTurn {
    at(gates, timer, None, of, secrets).unwrap()
}

/// A call's turn at a host.
fn at(
    gates: &Gates,
    timer: &TimerThread,
    host: Option<&str>,
    of: &str,
    secrets: &[SecretReference],
) -> Result<GateTurn, Failure> {
    let tool = (&name("intel"), host.map(str::to_owned));
    gates.enter(tool, (&tenant(of), Priority::Normal), secrets, timer).unwrap()
}

#[tokio::test]
async fn each_tenant_and_each_credential_has_the_limits_for_itself_unless_they_are_shared() {
    let own = gates(CallLimits::new().at_once(number(1)));
    let first = turn(&own, "a", &[]).passed().now_or_never().unwrap();
    assert!(turn(&own, "a", &[]).passed().now_or_never().is_none());
    assert!(turn(&own, "b", &[]).passed().now_or_never().is_some());
    let with_secret = turn(&own, "a", &[secret("other-account"), secret("other-account")]);
    assert!(with_secret.passed().now_or_never().is_some());
    drop(first);
    assert!(turn(&own, "a", &[]).passed().now_or_never().is_some());
    let shared = gates(CallLimits::new().at_once(number(1)).shared());
    let _first = turn(&shared, "a", &[]).passed().now_or_never().unwrap();
    assert!(turn(&shared, "b", &[]).passed().now_or_never().is_none());
    let named_otherwise = turn(&shared, "b", &[secret("our-account")]);
    assert!(named_otherwise.passed().now_or_never().is_none(), "it is one account");
    let other = (&name("edr"), None);
    assert!(shared.0.enter(other, (&tenant("a"), Priority::Normal), &[], &shared.1).is_none());
}

#[tokio::test]
async fn a_place_that_is_given_back_goes_to_the_tenant_whose_turn_it_is() {
    let all = gates(CallLimits::new().at_once(number(1)).shared());
    let held = turn(&all, "flood", &[]).passed().await;
    let mut flood: Vec<_> = (0..3).map(|_| Box::pin(turn(&all, "flood", &[]).passed())).collect();
    let mut quiet = Box::pin(turn(&all, "quiet", &[]).passed());
    drop(held.made());
    let next = flood[0].as_mut().await;
    drop(next.made());
    let passed = quiet.as_mut().await;
    assert!(flood[1].as_mut().now_or_never().is_none());
    drop((passed, flood, quiet));
    assert_eq!(turn(&all, "flood", &[]).gate.gate.state().0, 0, "who left is in no line");
}

#[tokio::test]
async fn a_rate_lets_calls_pass_as_time_goes_on() {
    let rate = Rate::new(number(1), Duration::from_millis(20)).unwrap();
    let all = gates(CallLimits::new().rate(rate));
    let began = Instant::now();
    for _ in 0..4 {
        drop(turn(&all, "a", &[]).passed().await.made());
    }
    assert!(began.elapsed() >= Duration::from_millis(60));
    let unmade = turn(&all, "a", &[]).passed().await;
    drop(unmade);
    assert!(turn(&all, "a", &[]).passed().now_or_never().is_some(), "it was never made");
}

#[tokio::test]
async fn a_tool_that_demands_fewer_calls_is_left_alone() {
    let all = gates(CallLimits::new());
    let pass = turn(&all, "a", &[]).passed().await.made();
    pass.failed(&Failure::new(FailureKind::Status, "no"));
    assert!(turn(&all, "a", &[]).passed().now_or_never().is_some(), "an ordinary failure");
    let pause = Duration::from_millis(30);
    let began = Instant::now();
    pass.failed(&Failure::new(FailureKind::RateLimited, "429").with_retry_after(pause));
    let mut waiting = Box::pin(turn(&all, "a", &[]).passed());
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(turn(&all, "b", &[]).passed().now_or_never().is_some(), "of that tenant alone");
    drop(waiting.await);
    assert!(began.elapsed() >= pause);
}

#[tokio::test]
async fn gates_without_calls_make_room_and_those_with_calls_stay() {
    let all = gates(CallLimits::new().at_once(number(1)));
    let _held = turn(&all, "kept", &[]).passed().await;
    for other in 1..CALL_GATES + 10 {
        drop(turn(&all, &format!("t{other}"), &[]).passed().await);
    }
    assert!(lock(&all.0.gates).len() <= CALL_GATES);
    assert!(turn(&all, "kept", &[]).passed().now_or_never().is_none());
}

#[tokio::test]
async fn what_one_host_asks_for_holds_up_no_other() {
    let (gates, timer) = gates(CallLimits::new());
    let turn = |host| at(&gates, &timer, Some(host), "a", &[]).unwrap();
    let pass = turn("feed.example:443").passed().await.made();
    let day = Duration::from_secs(86_400);
    pass.failed(&Failure::new(FailureKind::RateLimited, "429").with_retry_after(day));
    assert!(turn("feed.example:443").passed().now_or_never().is_none());
    assert!(turn("edr.internal:443").passed().now_or_never().is_some());
}

#[tokio::test]
async fn a_tenant_that_calls_everything_leaves_room_for_others() {
    let (gates, timer) = gates(CallLimits::new().at_once(number(1)));
    let turn = |host: &str, of: &str| at(&gates, &timer, Some(host), of, &[]);
    let mut held = Vec::new();
    for host in 0..CALL_GATES_OF_TENANT {
        held.push(turn(&format!("h{host}:443"), "greedy").unwrap().passed().await);
    }
    let refused = turn("another:443", "greedy").err().unwrap();
    assert!(refused.kind == FailureKind::Unreachable && refused.retryable());
    assert!(turn("another:443", "modest").is_ok());
    held.pop();
    assert!(turn("another:443", "greedy").is_ok(), "one without calls has made room");
}
