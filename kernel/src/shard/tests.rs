//! A shard's commands for each event, by example.

use updraft_protocol::limits::{RESTART_WINDOW, RESTARTS};
use updraft_protocol::{ExecutionId, Failure, FailureKind, Timestamp};

use super::{Loaded, Shard, ShardCommand, ShardEvent, Since};
use crate::execution::Exit;

const ONE: ExecutionId = ExecutionId::from_bytes([1; 16]);
const OTHER: ExecutionId = ExecutionId::from_bytes([2; 16]);
const NOW: Timestamp = Timestamp(1_000);
const LATER: Timestamp = Timestamp(100_000);

#[derive(Default)]
struct World(Shard<&'static str>);

impl World {
    /// The commands that follow an event, in short.
    fn on(&mut self, event: ShardEvent<&'static str>, now: Timestamp) -> Vec<String> {
        self.0.on(event, now);
        let name = |peid: ExecutionId| if peid == ONE { "one" } else { "other" };
        let mut said = Vec::new();
        while let Some(command) = self.0.next_command() {
            said.push(match command {
                ShardCommand::Start(peid, start) => format!("start {} {start}", name(peid)),
                ShardCommand::Look(peid) => format!("look {}", name(peid)),
                ShardCommand::Drain(peid) => format!("drain {}", name(peid)),
                ShardCommand::Load { peid, .. } => format!("load {}", name(peid)),
                ShardCommand::Hurry(peid) => format!("hurry {}", name(peid)),
                ShardCommand::GiveUp { peid, failure, .. } => {
                    format!("give up {} {}", name(peid), failure.kind.as_str())
                }
                ShardCommand::Release(peid) => format!("release {}", name(peid)),
                ShardCommand::Lose(peid) => format!("lose {}", name(peid)),
                ShardCommand::Forget(peid) => format!("forget {}", name(peid)),
                ShardCommand::SetAlarm(at) => format!("alarm {}", at.0),
                ShardCommand::Drained => "drained".to_owned(),
            });
        }
        said
    }
}

fn running() -> World {
    let mut world = World::default();
    assert_eq!(world.on(ShardEvent::Accepted(ONE, "new"), NOW), ["start one new"]);
    world
}

fn found() -> Loaded<&'static str> {
    Loaded::Unfinished { start: "read", failure: None }
}

#[test]
fn an_execution_is_started_once_and_forgotten_when_it_has_ended() {
    let mut world = running();
    assert!(world.on(ShardEvent::Accepted(ONE, "again"), NOW).is_empty());
    assert!(world.on(ShardEvent::Unfinished(ONE, Since::Now), NOW).is_empty());
    assert_eq!(world.on(ShardEvent::Asked(ONE), NOW), ["look one"]);
    assert_eq!(world.on(ShardEvent::Exited(ONE, Exit::Ended), NOW), ["forget one"]);
    assert!(world.on(ShardEvent::Asked(ONE), NOW).is_empty());
    assert_eq!(world.0.executions(), 0);
}

#[test]
fn what_is_parked_comes_back_when_it_is_due_or_asked_for() {
    let mut world = running();
    world.on(ShardEvent::Accepted(OTHER, "new"), NOW);
    let parked = |due| Exit::Parked { due, lsn: 7 };
    assert_eq!(world.on(ShardEvent::Exited(ONE, parked(LATER)), NOW), ["alarm 100000"]);
    assert!(world.on(ShardEvent::Exited(OTHER, parked(Timestamp(200_000))), NOW).is_empty());
    assert_eq!(world.on(ShardEvent::Asked(OTHER), NOW), ["load other", "hurry other"]);
    assert_eq!(world.on(ShardEvent::Loaded(OTHER, found()), NOW), ["start other read"]);
    assert_eq!(world.on(ShardEvent::Alarm, NOW), ["alarm 100000"], "a look at the clock wakes nobody");
    assert_eq!(world.on(ShardEvent::Alarm, LATER), ["load one"]);
    assert_eq!(world.on(ShardEvent::Loaded(ONE, found()), LATER), ["start one read"]);
}

#[test]
fn a_death_is_followed_by_another_life_until_there_are_too_many() {
    let mut world = running();
    for _ in 0..RESTARTS {
        assert_eq!(world.on(ShardEvent::Died(ONE), NOW), ["load one"]);
        assert_eq!(world.on(ShardEvent::Loaded(ONE, found()), NOW), ["start one read"]);
    }
    assert_eq!(world.on(ShardEvent::Died(ONE), NOW), ["load one"]);
    assert!(world.0.gives_up(ONE));
    assert_eq!(world.on(ShardEvent::Loaded(ONE, found()), NOW), ["give up one supervision"]);
    assert_eq!(world.on(ShardEvent::GivenUp(ONE), NOW), ["forget one"]);
}

#[test]
fn deaths_before_the_window_are_forgiven() {
    let (mut world, window) = (running(), RESTART_WINDOW.as_millis() as u64);
    for death in 0..20 {
        assert_eq!(world.on(ShardEvent::Died(ONE), Timestamp(death * window)), ["load one"]);
        assert!(!world.0.gives_up(ONE));
        world.on(ShardEvent::Loaded(ONE, found()), NOW);
    }
}

#[test]
fn what_cannot_go_on_is_failed_from_its_documents_or_lost() {
    let mut world = running();
    assert_eq!(world.on(ShardEvent::Exited(ONE, Exit::Unfit("so".into())), NOW), ["load one"]);
    assert_eq!(world.on(ShardEvent::Loaded(ONE, found()), NOW), ["give up one playbook"]);
    assert_eq!(world.on(ShardEvent::NotGivenUp(ONE), NOW), ["lose one", "forget one"]);
    let mut world = running();
    world.on(ShardEvent::Died(ONE), NOW);
    let failure = Some(Failure::new(FailureKind::Store, "poison"));
    let loaded = Loaded::Unfinished { start: "read", failure };
    assert_eq!(world.on(ShardEvent::Loaded(ONE, loaded), NOW), ["give up one store"]);
    let mut world = running();
    world.on(ShardEvent::Died(ONE), NOW);
    assert_eq!(world.on(ShardEvent::Loaded(ONE, Loaded::Nothing), NOW), ["lose one", "forget one"]);
}

#[test]
fn who_asks_for_an_execution_that_is_read_has_it_come_at_once() {
    let mut world = World::default();
    world.on(ShardEvent::Unfinished(ONE, Since::Start), NOW);
    assert_eq!(world.on(ShardEvent::Asked(ONE), NOW), ["hurry one"]);
    assert_eq!(world.on(ShardEvent::Loaded(ONE, found()), NOW), ["start one read"]);
    assert_eq!(world.on(ShardEvent::Asked(ONE), NOW), ["look one"]);
}

#[test]
fn a_drain_waits_for_what_runs_and_for_what_is_read() {
    let mut world = running();
    world.on(ShardEvent::Unfinished(OTHER, Since::Start), NOW);
    assert_eq!(world.on(ShardEvent::Drain, NOW), ["drain one"]);
    assert_eq!(world.on(ShardEvent::Exited(ONE, Exit::Drained), NOW), ["release one", "forget one"]);
    assert_eq!(world.on(ShardEvent::Loaded(OTHER, found()), NOW), ["start other read", "drain other"]);
    let parked = Exit::Parked { due: LATER, lsn: 7 };
    assert_eq!(world.on(ShardEvent::Exited(OTHER, parked), NOW), ["alarm 100000", "drained"]);
}
