//! The tools: slow, failing, silent, late. Decides the course of a call; the oracle records what a tool did under the
//! key of the call. Mirrors the result of an integration in `actors/src/task.rs`.

use std::time::Duration;

use serde_json::json;
use updraft_kernel::machine::StartAttempt;
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::{
    ActionSpec, Answer, Call, ExecutionId, Failure, FailureKind, Integration, Json, TaskId,
};

use crate::chance::{Dice, Purpose};
use crate::context::Context;
use crate::event::{Departure, Incarnation, Inner, NodeId, Report, WorldEvent};
use crate::scenario::{MILLIS, Noise};
use crate::store::POISON;

/// The course of a call.
struct Course {
    /// When the tool acts, if it does.
    acts: Option<u64>,
    /// When it answers, if it does.
    answers: Option<u64>,
    /// Its answer.
    outcome: Result<Json, Failure>,
}

/// The declared action of the tool: a call of `queue` may have to wait for a permit.
pub struct Declared;

impl Integration for Declared {
    fn actions(&self) -> &[&str] {
        &["act", "queue"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        ActionSpec { takes_permit: action == "queue", ..ActionSpec::default() }
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Ok(Json::null())))
    }
}

/// Requests the permit of a call. Returns the outcome if it is known at once.
pub fn acquire(
    node: NodeId,
    (peid, incarnation): (ExecutionId, Incarnation),
    task: TaskId,
    cx: &mut Context,
) -> Option<Result<(), Failure>> {
    let (high, low) = task.uuid().as_u64_pair();
    // Asked again, a tool that was left alone may be called.
    let mut held = cx.dice(Purpose::Permit, &[high, low, cx.now]);
    if cx.noisy(Noise::ToolsQueue) && held.one_in(10) {
        cx.statistics.count("calls of tools that are left alone");
        let pause = Duration::from_secs(held.pick(&[1, 40, 600]));
        let kind = held.pick(&[FailureKind::Unavailable, FailureKind::Limited]);
        return Some(Err(Failure::new(kind, "it is left alone").with_retry_after(pause)));
    }
    let mut dice = cx.dice(Purpose::Permit, &[high, low, cx.oracle.calls_of(task)]);
    if !cx.noisy(Noise::ToolsQueue) || dice.one_in(3) {
        return Some(Ok(()));
    }
    let longest = dice.pick(&[100, 90_000]);
    let (outcome, waits) = match dice.below(6) {
        0 => (Err(Failure::new(FailureKind::Unreachable, "there is no place")), dice.below(longest) * MILLIS),
        1 if dice.one_in(2) => (Ok(()), micros(ATTEMPT_UNSENT)),
        _ => (Ok(()), dice.below(longest) * MILLIS),
    };
    cx.statistics.count("calls that stand in line");
    cx.after(waits, node, Inner::Permitted(peid, incarnation, task, outcome));
    None
}

/// Calls a tool: schedules the events of the call. Returns whether its request waits before it is sent.
pub fn call(
    node: NodeId,
    peid: ExecutionId,
    incarnation: Incarnation,
    start: StartAttempt,
    cx: &mut Context,
) -> bool {
    cx.statistics.count("calls of tools");
    let mut dice = dice(Purpose::Turn, &start, cx);
    if !cx.noisy(Noise::ToolsQueue) || !dice.one_in(3) {
        send(node, peid, incarnation, &start, cx);
        return false;
    }
    let longest = dice.pick(&[100, 90_000]);
    let turn = dice.below(longest) * MILLIS;
    let failure = match dice.below(4) {
        // Faults before the request is sent: in every case the tool has not acted.
        0 => Some((turn, FailureKind::Timeout)),
        1 => Some((turn, dice.pick(&[FailureKind::Unreachable, FailureKind::Panic, FailureKind::Forbidden]))),
        2 if dice.one_in(2) => Some((micros(ATTEMPT_UNSENT), FailureKind::Unreachable)),
        _ => None,
    };
    match failure {
        Some((when, kind)) => {
            cx.statistics.count("calls that are never sent");
            let failure = Failure::new(kind, "it was not sent").with_may_have_acted(false);
            let (task, call) = (start.task, start.call);
            cx.after(
                when,
                node,
                Inner::Reported(Report { peid, incarnation, task, call, outcome: Err(failure) }),
            );
        }
        None => cx.after(turn, node, Inner::Leaves(Box::new(Departure { peid, incarnation, start }))),
    }
    true
}

/// The request of an attempt is sent: from now on its tool may act, and its time runs.
pub fn send(
    node: NodeId,
    peid: ExecutionId,
    incarnation: Incarnation,
    start: &StartAttempt,
    cx: &mut Context,
) {
    let mut dice = dice(Purpose::Tool, start, cx);
    let course = course(&mut dice, start.attempt, cx);
    cx.oracle.sent(start.task_id, start.attempt, incarnation);
    if let Some(acts) = course.acts {
        cx.queue.at(cx.now + acts, WorldEvent::Act(start.task_id));
    }
    let report = |outcome| Report { peid, incarnation, task: start.task, call: start.call, outcome };
    if let Some(answers) = course.answers {
        if let Ok(output) = &course.outcome {
            cx.oracle.answered(start.task_id, start.attempt, output);
        }
        cx.after(answers, node, Inner::Reported(report(course.outcome.clone())));
        if cx.noisy(Noise::ToolsLate) && dice.one_in(6) {
            cx.statistics.count("answers that come twice");
            cx.after(answers + dice.below(90_000 * MILLIS), node, Inner::Reported(report(course.outcome)));
        }
    }
    let timeout = Failure::new(FailureKind::Timeout, "no answer in time");
    cx.after(micros(start.timeout), node, Inner::Reported(report(Err(timeout))));
}

fn dice(purpose: Purpose, start: &StartAttempt, cx: &Context) -> Dice {
    let (high, low) = start.task_id.uuid().as_u64_pair();
    cx.dice(purpose, &[high, low, cx.oracle.calls_of(start.task_id)])
}

fn course(dice: &mut Dice, attempt: u32, cx: &mut Context) -> Course {
    let takes = dice.below(30) * MILLIS + dice.below(MILLIS);
    let output = json!({ "n": dice.below(10), "attempt": attempt });
    let mut course = Course { acts: Some(takes / 2), answers: Some(takes), outcome: Ok(Json::from(output)) };
    let luck = dice.below(12);
    if luck < 3 && cx.noisy(Noise::ToolsFail) {
        let (kind, acts, status) = dice.pick(&[
            (FailureKind::Unreachable, false, None),
            (FailureKind::RateLimited, false, Some(429)),
            (FailureKind::Status, true, Some(500)),
            (FailureKind::Status, false, Some(409)),
            (FailureKind::Interrupted, true, None),
            (FailureKind::Interrupted, false, None),
            (FailureKind::Panic, true, None),
        ]);
        let mut failure = Failure::new(kind, "as it was drawn");
        if let Some(status) = status {
            failure = failure.with_may_have_acted(acts).with_answer(json!({ "status": status }).into());
        }
        if kind == FailureKind::RateLimited {
            let wait = dice.pick(&[100, 33_000, 3_600_000, 10_000_000]);
            failure = failure.with_retry_after(Duration::from_millis(wait));
        }
        course.outcome = Err(failure);
        course.acts = course.acts.filter(|_| acts);
        cx.statistics.count("failures of tools");
    } else if luck == 3 && cx.noisy(Noise::ToolsSilent) {
        course.answers = None;
        course.acts = course.acts.filter(|_| dice.one_in(2));
        cx.statistics.count("calls without an answer");
    } else if luck < 6 && cx.noisy(Noise::ToolsLate) {
        let late = dice.below(80_000 * MILLIS);
        (course.acts, course.answers) = (Some(late / 2), Some(late));
        cx.statistics.count("late answers");
    } else if luck == 6 && cx.noisy(Noise::StorePoison) && dice.one_in(3) {
        course.outcome = Ok(Json::from(json!({ "n": 1, POISON: true })));
    }
    course
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
