//! Gates: who is counted together, when calls pass, and what a tool's demand for fewer calls does. Time is tokio's own.

use std::num::NonZeroU32;

use futures_util::FutureExt;
use updraft_kernel::circuit::CallEnd;
use updraft_protocol::Rate;
use updraft_protocol::limits::{CALL_GATES, CALL_GATES_OF_TENANT, CALL_GATES_SWEEP};
use updraft_storage::memory::MemoryStore;

use super::*;
use crate::clock::SystemClock;

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Gates of the tool `intel`, and the thread of their timers.
struct World {
    gates: Arc<Gates>,
    _timer: TimerThread,
}

fn world(limits: Option<CallLimits>, policy: BreakerPolicy) -> World {
    let timer = TimerThread::start().unwrap();
    let limits = limits.map(|limits| (name("intel"), limits)).into_iter().collect();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let kept: (_, Arc<dyn Clock>) = (store, Arc::new(SystemClock));
    let gates = Gates::new(
        (limits, [(name("intel"), policy)].into()),
        None,
        &timer,
        kept,
        Arc::new(EngineStatistics::new(std::iter::empty(), 0)),
    );
    World { gates: Arc::new(gates), _timer: timer }
}

fn gates(limits: CallLimits) -> World {
    world(Some(limits), BreakerPolicy::new())
}

fn secret(of: &str) -> SecretReference {
    SecretReference { place: "/headers/key".into(), name: name(of), prefix: "".into() }
}

impl World {
    fn call<'a>(
        &self,
        intel: &'a Name,
        (host, tenant): (Option<&str>, &'a TenantCode),
        secrets: &'a [SecretReference],
    ) -> ToolCall<'a> {
        let (host, order) = (host.map(str::to_owned), (1, Priority::Normal));
        ToolCall { integration: intel, host, tenant, order, secrets, fails_when_open: false }
    }

    /// A call's turn at a host; `None` if the call does not stand in line.
    fn at(
        &self,
        host: Option<&str>,
        of: &str,
        secrets: &[SecretReference],
    ) -> Option<Result<GateTurn, Failure>> {
        self.gates.enter(self.call(&name("intel"), (host, &tenant(of)), secrets))
    }

    /// A call that is made, at a host, and ends so.
    fn ends(&self, host: Option<&str>, of: &str, failure: Option<&Failure>) {
        let pass = self.at(host, of, &[]).map(|turn| turn.unwrap().passed().now_or_never().unwrap().unwrap());
        let (intel, of) = (name("intel"), tenant(of));
        self.gates.report(&self.call(&intel, (host, &of), &[]), pass, 1).ended(failure, Duration::ZERO, None);
    }
}

/// A call's turn.
fn turn(world: &World, of: &str, secrets: &[SecretReference]) -> GateTurn {
    world.at(None, of, secrets).unwrap().unwrap()
}

fn status(status: u16) -> Failure {
    Failure::new(FailureKind::Status, "no").with_answer(serde_json::json!({"status": status}).into())
}

#[tokio::test]
async fn each_tenant_and_each_credential_has_the_limits_for_itself_unless_they_are_shared() {
    let own = gates(CallLimits::new().at_once(number(1)));
    let first = turn(&own, "a", &[]).passed().now_or_never().unwrap().unwrap();
    assert!(turn(&own, "a", &[]).passed().now_or_never().is_none());
    assert!(turn(&own, "b", &[]).passed().now_or_never().is_some());
    let with_secret = turn(&own, "a", &[secret("other-account"), secret("other-account")]);
    assert!(with_secret.passed().now_or_never().is_some());
    drop(first);
    assert!(turn(&own, "a", &[]).passed().now_or_never().is_some());
    let shared = gates(CallLimits::new().at_once(number(1)).shared());
    let _first = turn(&shared, "a", &[]).passed().now_or_never().unwrap().unwrap();
    assert!(turn(&shared, "b", &[]).passed().now_or_never().is_none());
    let named_otherwise = turn(&shared, "b", &[secret("our-account")]);
    assert!(named_otherwise.passed().now_or_never().is_none(), "it is one account");
    assert!(shared.gates.enter(shared.call(&name("edr"), (None, &tenant("a")), &[])).is_none());
}

#[tokio::test]
async fn a_place_that_is_given_back_goes_to_the_tenant_whose_turn_it_is() {
    let all = gates(CallLimits::new().at_once(number(1)).shared());
    let held = turn(&all, "flood", &[]).passed().await.unwrap();
    let mut flood: Vec<_> = (0..3).map(|_| Box::pin(turn(&all, "flood", &[]).passed())).collect();
    let mut quiet = Box::pin(turn(&all, "quiet", &[]).passed());
    drop(held.made());
    let next = flood[0].as_mut().await.unwrap();
    drop(next.made());
    let passed = quiet.as_mut().await;
    assert!(flood[1].as_mut().now_or_never().is_none());
    drop((passed, flood, quiet));
    assert!(all.gates.states().iter().all(|gate| gate.waiting == 0), "who left is in no line");
}

#[tokio::test]
async fn a_rate_lets_calls_pass_as_time_goes_on() {
    let rate = Rate::new(number(1), Duration::from_millis(20)).unwrap();
    let all = gates(CallLimits::new().rate(rate));
    let began = Instant::now();
    for _ in 0..4 {
        drop(turn(&all, "a", &[]).passed().await.unwrap().made());
    }
    assert!(began.elapsed() >= Duration::from_millis(60));
    let unmade = turn(&all, "a", &[]).passed().await;
    drop(unmade);
    assert!(turn(&all, "a", &[]).passed().now_or_never().is_some(), "it was never made");
}

#[tokio::test]
async fn a_tool_that_demands_fewer_calls_is_left_alone() {
    for limits in [None, Some(CallLimits::new())] {
        let all = world(limits, BreakerPolicy::new());
        all.ends(None, "a", Some(&status(404)));
        let pause = Duration::from_millis(30);
        let began = Instant::now();
        all.ends(None, "a", Some(&Failure::new(FailureKind::RateLimited, "429").with_retry_after(pause)));
        let mut waiting = Box::pin(turn(&all, "a", &[]).passed());
        assert!(waiting.as_mut().now_or_never().is_none());
        all.ends(None, "b", None);
        drop(waiting.await.unwrap());
        assert!(began.elapsed() >= pause);
    }
}

#[tokio::test]
async fn what_a_tool_asks_for_counts_for_all_who_share_its_limits() {
    let all = gates(CallLimits::new().shared());
    let pause = Duration::from_millis(30);
    all.ends(None, "a", Some(&Failure::new(FailureKind::RateLimited, "429").with_retry_after(pause)));
    let mut waiting = Box::pin(turn(&all, "b", &[]).passed());
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(waiting.await.unwrap());
}

#[tokio::test]
async fn gates_without_calls_make_room_and_those_with_calls_stay() {
    let all = gates(CallLimits::new().at_once(number(1)));
    let _held = turn(&all, "kept", &[]).passed().await.unwrap();
    for other in 1..CALL_GATES + 10 {
        drop(turn(&all, &format!("t{other}"), &[]).passed().await.unwrap());
    }
    assert!(all.gates.states().len() <= CALL_GATES);
    assert!(turn(&all, "kept", &[]).passed().now_or_never().is_none());
}

#[tokio::test]
async fn what_one_host_asks_for_holds_up_no_other() {
    let all = gates(CallLimits::new());
    let turn = |host| all.at(Some(host), "a", &[]).unwrap().unwrap();
    let asked = Failure::new(FailureKind::RateLimited, "429").with_retry_after(Duration::from_secs(10));
    all.ends(Some("feed.example:443"), "a", Some(&asked));
    assert!(turn("feed.example:443").passed().now_or_never().is_none());
    assert!(turn("edr.internal:443").passed().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_calls_everything_leaves_room_for_others() {
    let all = gates(CallLimits::new().at_once(number(1)));
    let turn = |host: &str, of: &str| all.at(Some(host), of, &[]).unwrap();
    let mut held = Vec::new();
    for host in 0..CALL_GATES_OF_TENANT {
        held.push(turn(&format!("h{host}:443"), "greedy").unwrap().passed().await.unwrap());
    }
    let refused = turn("another:443", "greedy").err().unwrap();
    assert!(refused.kind == FailureKind::Unreachable && refused.retryable());
    assert!(turn("another:443", "modest").is_ok());
    held.pop();
    tokio::time::advance(CALL_GATES_SWEEP).await;
    assert!(turn("another:443", "greedy").is_ok(), "one without calls has made room");
}

#[tokio::test(start_paused = true)]
async fn hosts_that_were_down_once_take_no_room_for_ever() {
    let policy = BreakerPolicy::new().ratio(50, 20, Duration::from_secs(1));
    let all = world(None, policy);
    let down = Failure::new(FailureKind::Unreachable, "no such host");
    for host in 0..CALL_GATES_OF_TENANT {
        all.ends(Some(&format!("h{host}:443")), "a", Some(&down));
    }
    all.ends(Some("one-more:443"), "a", Some(&down));
    assert_eq!(all.gates.states().len(), CALL_GATES_OF_TENANT, "those that failed lately stay");
    tokio::time::advance(Duration::from_millis(1_200)).await;
    all.ends(Some("one-more:443"), "a", Some(&down));
    assert_eq!(all.gates.states().len(), 1);
}

#[tokio::test]
async fn a_tool_that_does_not_work_is_left_alone_until_a_probe_succeeds() {
    let open_for = Duration::from_secs(1);
    let all = world(None, BreakerPolicy::new().failures(2).open_for(open_for));
    assert!(all.at(None, "a", &[]).is_none(), "a tool that works has no line");
    all.ends(None, "a", Some(&Failure::new(FailureKind::Timeout, "late")));
    all.ends(None, "a", Some(&status(502)));
    assert!(all.at(None, "b", &[]).is_none_or(|turn| turn.unwrap().passed().now_or_never().is_some()));
    let (mut first, mut second) =
        (Box::pin(turn(&all, "a", &[]).passed()), Box::pin(turn(&all, "a", &[]).passed()));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    let probe = first.await.unwrap();
    assert!(second.as_mut().now_or_never().is_none(), "one probe at a time");
    assert_eq!(all.gates.states()[0].circuit, ToolCircuit::HalfOpen(1));
    let (intel, of) = (name("intel"), tenant("a"));
    all.gates.report(&all.call(&intel, (None, &of), &[]), Some(probe), 1).ended(None, Duration::ZERO, None);
    drop(second.await.unwrap());
    assert_eq!(all.gates.states()[0].circuit, ToolCircuit::Closed);
}

#[tokio::test]
async fn a_call_that_would_wait_for_long_leaves_and_one_that_does_not_wait_fails() {
    let all = world(None, BreakerPolicy::new().failures(1));
    all.ends(None, "a", Some(&status(500)));
    let refused = turn(&all, "a", &[]).passed().await.err().unwrap();
    assert_eq!((refused.kind, refused.retryable()), (FailureKind::Unavailable, true));
    let after = refused.retry_after().unwrap();
    assert!(after > Duration::from_secs(50) && after <= Duration::from_secs(60), "{after:?}");
    assert!(!refused.may_have_acted());
    let (intel, of) = (name("intel"), tenant("a"));
    let call = ToolCall { fails_when_open: true, ..all.call(&intel, (None, &of), &[]) };
    let refused = all.gates.enter(call).unwrap().unwrap().passed().await.err().unwrap();
    assert_eq!((refused.kind, refused.retryable()), (FailureKind::Unavailable, false));
}

#[tokio::test]
async fn who_waits_when_a_circuit_opens_leaves_too() {
    let all = world(Some(CallLimits::new().at_once(number(1))), BreakerPolicy::new().failures(1));
    let held = turn(&all, "a", &[]).passed().await.unwrap();
    let mut waiting = Box::pin(turn(&all, "a", &[]).passed());
    assert!(waiting.as_mut().now_or_never().is_none());
    held.ended(CallEnd::Failed);
    assert_eq!(waiting.await.err().unwrap().kind, FailureKind::Unavailable);
}

#[tokio::test]
async fn what_a_person_decides_of_a_circuit_counts_for_what_it_names() {
    let all = world(None, BreakerPolicy::new().failures(1));
    let circuit = |tenant: Option<&str>| CircuitName {
        integration: name("intel"),
        tenant: tenant.map(|code| TenantCode::new(code).unwrap()),
        host: None,
    };
    let all_open = (circuit(None), ForcedCircuit::Open);
    all.gates.force(vec![all_open, (circuit(Some("vip")), ForcedCircuit::Closed)]);
    let refused = turn(&all, "a", &[]).passed().await.err().unwrap();
    assert_eq!(refused.kind, FailureKind::Unavailable);
    all.ends(None, "vip", Some(&status(500)));
    all.ends(None, "vip", Some(&status(500)));
    all.gates.force(Vec::new());
    assert!(all.at(None, "a", &[]).is_none(), "it has none any more");
}

#[tokio::test]
async fn a_tenant_has_so_many_tasks_at_once_whatever_their_tools_and_others_do_not_wait() {
    let world = world(None, BreakerPolicy::new());
    assert!(world.at(None, "acme", &[]).is_none(), "nothing is limited");
    world.gates.set_tasks(&tenant("acme"), Some(1));
    assert!(world.gates.gated().has_tenant(&tenant("acme")));
    let first = turn(&world, "acme", &[]).passed().now_or_never().unwrap().unwrap();
    let mut second = Box::pin(turn(&world, "acme", &[]).passed());
    assert!(second.as_mut().now_or_never().is_none());
    assert!(world.at(None, "globex", &[]).is_none(), "of another tenant nothing is limited");
    drop(first);
    let second = second.now_or_never().unwrap().unwrap();
    // What runs goes on beyond a quota that is lower now, and counts.
    world.gates.set_tasks(&tenant("acme"), Some(2));
    let third = turn(&world, "acme", &[]).passed().now_or_never().unwrap().unwrap();
    world.gates.set_tasks(&tenant("acme"), Some(1));
    let mut fourth = Box::pin(turn(&world, "acme", &[]).passed());
    assert!(fourth.as_mut().now_or_never().is_none());
    drop(second);
    assert!(fourth.as_mut().now_or_never().is_none());
    drop(third);
    assert!(fourth.now_or_never().is_some());
    world.gates.set_tasks(&tenant("acme"), None);
    assert!(world.at(None, "acme", &[]).is_none());
}

#[tokio::test]
async fn a_call_that_counts_for_its_tenant_alone_tells_all_the_same_that_its_tool_fails() {
    let world = world(None, BreakerPolicy::new());
    world.gates.set_tasks(&tenant("acme"), Some(1));
    let down = Failure::new(FailureKind::Unreachable, "it does not answer");
    for _ in 0..5 {
        world.ends(None, "acme", Some(&down));
    }
    let [gate] = &world.gates.states()[..] else { panic!("{:?}", world.gates.states()) };
    assert!(matches!(gate.circuit, ToolCircuit::Open(_)), "{gate:?}");
}
