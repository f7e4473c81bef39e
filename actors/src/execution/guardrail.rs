//! Guardrails of one execution: asked before a call stands in line at its tool, and once more in the turn that writes its
//! intent, when the room at their caps is taken. Owns what its calls under way have taken. Decides nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use updraft_kernel::containment::is_round;
use updraft_kernel::execution::{ExecutionControl, ExecutionEvent};
use updraft_kernel::guardrail::{CallTargets, GuardrailRefusal};
use updraft_kernel::machine::{CallHold, Machine, MachineEvent, TaskSeq, refuses_to_pass};
use updraft_kernel::plan::{PlannedAction, StepIndex};
use updraft_protocol::{ApprovalAnswer, ContainmentId, Effect, Failure, FailureKind, TaskId};

use super::Execution;
use super::message::Incoming;
use super::permit::{HeldPermit, Permitted};
use crate::context::EngineContext;
use crate::control::HeldControl;
use crate::guardrails::{CapGrants, GuardedFacts, Room};
use crate::task::panicked;

/// What guardrails say to a call that waits for their answer.
pub(crate) enum Guarded {
    /// It may stand in line at its tool.
    Room,
    /// It may be made, with this permit.
    Taken(HeldPermit),
    /// It waits, or is refused.
    Stopped(Stopped),
}

/// Why a call is not made now.
pub(crate) enum Stopped {
    Held(CallHold),
    Failed(Failure),
}

/// What calls under way have taken of caps.
#[derive(Default)]
pub(super) struct CapsTaken(Vec<(TaskSeq, CapGrants)>);

impl CapsTaken {
    /// A call begins.
    pub(super) fn begin(&mut self, task: TaskSeq, taken: Option<CapGrants>) {
        if let Some(taken) = taken.filter(|taken| !taken.is_empty()) {
            self.0.push((task, taken));
        }
    }

    /// A call has ended: what it took stays taken, unless it was never sent.
    pub(super) fn end(&mut self, task: TaskSeq, failure: Option<&Failure>) {
        let Some(at) = self.0.iter().position(|(of, _)| *of == task) else { return };
        let (_, taken) = self.0.swap_remove(at);
        let was_not_sent = failure.is_some_and(|failure| {
            let kinds = [FailureKind::Unreachable, FailureKind::NotConfigured, FailureKind::InvalidArguments];
            kinds.contains(&failure.kind) && !failure.may_have_acted()
        });
        if !was_not_sent {
            taken.made();
        }
    }

    /// A call was withdrawn before it was sent: what it took is given back.
    pub(super) fn withdraw(&mut self, task: TaskSeq) {
        self.0.retain(|(of, _)| *of != task);
    }
}

impl Drop for CapsTaken {
    fn drop(&mut self) {
        // These calls may have been made.
        self.0.drain(..).for_each(|(_, taken)| taken.made());
    }
}

/// A person who is about to say that a call may not pass.
pub(super) struct AskedToPass {
    task: TaskId,
    step: StepIndex,
    guardrails: String,
    answer: ApprovalAnswer,
}

impl AskedToPass {
    /// If a control says that.
    pub(super) fn of(machine: &Machine, control: &HeldControl) -> Option<Self> {
        let Some(MachineEvent::Answer { task, answer }) = control.event() else { return None };
        let (step, guardrails) = machine.asked_to_pass(task)?;
        refuses_to_pass(&answer.choice).then(|| Self {
            task,
            step,
            guardrails: guardrails.to_owned(),
            answer,
        })
    }

    /// Whether nobody is asked any more: it was said.
    pub(super) fn is_over(&self, machine: &Machine) -> bool {
        machine.asked_to_pass(self.task).is_none()
    }
}

impl Execution {
    /// Writes into the audit that people did not let calls pass. What cannot be written is logged.
    pub(super) fn audit_upheld(&self, upheld: Vec<AskedToPass>) {
        let Some(machine) = self.machine() else { return };
        for AskedToPass { task, step, guardrails, answer } in upheld {
            let step = machine.plan().step(step);
            let called = (self.entry.tenant.clone(), self.entry.peid, task);
            let facts = GuardedFacts::of_answer(called, (&step.id, &step.integration, &step.action));
            let context = self.context.clone();
            actix::spawn(async move {
                let guardrail = guardrails.rsplit(',').next().unwrap_or(&guardrails);
                let said = (&*answer.uid, answer.comment.as_deref());
                if let Err(error) = context.guardrails.audit_answer(&facts, guardrail, (said, false)).await {
                    tracing::error!(%error, guardrail, "a person upheld a guardrail, which the audit does not have");
                }
            });
        }
    }

    /// The execution asks the guardrails that hold now.
    pub(super) fn look_at_guardrails(&mut self) {
        if let Some(newer) = self.context.guardrails.newer(&mut self.guarded)
            && let Some(execution) = &mut self.execution
        {
            execution.guard(&newer);
        }
    }

    /// Obtains what a call needs before its intent is written: the lock of its target, the leave of guardrails, its permits.
    pub(super) fn acquire(&mut self, task: TaskId) {
        if self.waits_for_lock(task) {
            return;
        }
        if self.is_start_of_child(task) {
            return self.acquired(task, Ok(()));
        }
        let facts = match self.guarded_facts(task) {
            None => return self.acquire_place(task, None),
            Some(Err(failure)) => return self.permitted_finally(task, Err(failure)),
            Some(Ok(facts)) => facts,
        };
        let set = self.context.guardrails.current();
        if let Some(refusal) = set.refusal(&facts.call(), self.context.clock.now()) {
            return self.refuse(facts, refusal);
        }
        if set.caps(&facts.call()).next().is_none() {
            return self.acquire_place(task, Some(CapGrants::default()));
        }
        let context = self.context.clone();
        self.wait(task, async move {
            let guarded = match context.guardrails.room(&facts).await {
                Ok(Room::Free) => Guarded::Room,
                Ok(room) => Guarded::Stopped(stopped(&context, &facts, room).await),
                Err(failure) => Guarded::Stopped(Stopped::Failed(failure)),
            };
            Incoming::Guarded(task, Box::new(guarded))
        });
    }

    /// A call has its permits: guardrails are asked once more, and it takes the room that it needs. `None` if that takes a
    /// while.
    pub(super) fn guarded_permit(&mut self, task: TaskId, permitted: Permitted) -> Option<Permitted> {
        let permit = match permitted {
            Ok(permit) if permit.caps.is_none() => permit,
            other => return Some(other),
        };
        let facts = match self.guarded_facts(task) {
            None => return Some(Ok(permit)),
            Some(Err(failure)) => return Some(Err(failure)),
            Some(Ok(facts)) => facts,
        };
        let set = self.context.guardrails.current();
        if let Some(refusal) = set.refusal(&facts.call(), self.context.clock.now()) {
            self.refuse(facts, refusal);
            return None;
        }
        if set.caps(&facts.call()).next().is_none() {
            return Some(Ok(permit));
        }
        let context = self.context.clone();
        self.wait(task, async move {
            let guarded = match context.guardrails.take(&facts).await {
                Ok(Ok(caps)) => Guarded::Taken(HeldPermit { caps: Some(caps), ..permit }),
                Ok(Err(room)) => Guarded::Stopped(stopped(&context, &facts, room).await),
                Err(failure) => Guarded::Stopped(Stopped::Failed(failure)),
            };
            Incoming::Guarded(task, Box::new(guarded))
        });
        None
    }

    /// Guardrails have answered. If the call no longer waits, what it has taken is given back.
    pub(super) fn guarded(&mut self, task: TaskId, guarded: Guarded) {
        if !self.permits.stop(task) {
            return;
        }
        match guarded {
            Guarded::Room => self.acquire_place(task, None),
            Guarded::Taken(permit) => {
                // What was set meanwhile holds too.
                let refusal = match self.guarded_facts(task) {
                    Some(Ok(facts)) => {
                        let now = self.context.clock.now();
                        let refusal = self.context.guardrails.current().refusal(&facts.call(), now);
                        refusal.map(|refusal| (facts, refusal))
                    }
                    _ => None,
                };
                match refusal {
                    Some((facts, refusal)) => self.refuse(facts, refusal),
                    None => self.permitted_finally(task, Ok(permit)),
                }
            }
            Guarded::Stopped(Stopped::Failed(failure)) => self.permitted_finally(task, Err(failure)),
            Guarded::Stopped(Stopped::Held(hold)) => {
                // Who waits at a guardrail keeps nobody from the target.
                self.context.target_locks.release(self.entry.peid, task);
                self.look_ups.leave(task);
                let now = self.context.clock.now();
                if let Some(execution) = &mut self.execution {
                    execution.on(ExecutionEvent::HeldBack { task, hold: Box::new(hold) }, now);
                }
            }
        }
    }

    /// A call is refused, once the audit has that.
    fn refuse(&mut self, facts: GuardedFacts, refusal: GuardrailRefusal) {
        let (context, task) = (self.context.clone(), facts.task);
        self.wait(task, async move {
            context.guardrails.audit_refusal(&facts, &refusal).await;
            Incoming::Guarded(task, Box::new(Guarded::Stopped(Stopped::Failed(denied(&refusal)))))
        });
    }

    /// What guardrails are told of a call; `None` if none has a say in it.
    fn guarded_facts(&self, task: TaskId) -> Option<Result<GuardedFacts, Failure>> {
        let set = self.context.guardrails.current();
        if set.is_empty() {
            return None;
        }
        let machine = self.machine()?;
        let call = machine.guarded_call(task)?;
        let step = machine.plan().step(call.step);
        let tenant = &self.entry.tenant;
        if !set.concerns(tenant, &step.integration, &step.action) {
            return None;
        }
        let action = PlannedAction::of(step)?;
        let integration = self.context.tools.get(&step.integration, action.version);
        // Whatever its author says of it: a guardrail is the operator's.
        let may_change = || {
            integration.map_or(action.guarded_effect == Effect::Write, |tool| {
                tool.may_change(step.action.as_str(), call.arguments)
            })
        };
        let effect = match catch_unwind(AssertUnwindSafe(may_change)) {
            Ok(true) => Effect::Write,
            Ok(false) => Effect::Read,
            Err(panic) => return Some(Err(panicked(panic))),
        };
        let named = CallTargets::argument(action.target, call.arguments, &action.secrets);
        let contains = call.contains.map(|target| &**target);
        let further = |name| CallTargets::argument(Some(name), call.arguments, &action.secrets);
        let targets = action
            .also_targets
            .iter()
            .fold(CallTargets::of(named, contains), |targets, name| targets.and(further(name)));
        let contained =
            action.undo.as_deref().zip(contains).map(|(undo, target)| {
                ContainmentId::derive(tenant, (&undo.integration, &undo.action), target)
            });
        let passed = call
            .passed
            .map(|(names, answers)| (names.split(',').map(str::to_owned).collect(), answers.to_vec()));
        Some(Ok(GuardedFacts {
            tenant: tenant.clone(),
            peid: self.entry.peid,
            task,
            step: step.id.clone(),
            integration: step.integration.clone(),
            action: step.action.clone(),
            effect,
            is_undo: action.undoes.is_some() || is_round(machine.head()),
            targets,
            hosts: action.hosts(call.arguments),
            containment: contained,
            since: call.since,
            passed,
        }))
    }
}

/// What becomes of a call that has no room. A refusal is written into the audit first.
async fn stopped(context: &Arc<EngineContext>, facts: &GuardedFacts, room: Room) -> Stopped {
    match room {
        Room::Held(hold) => Stopped::Held(hold),
        Room::Refused(refusal) => {
            context.guardrails.audit_refusal(facts, &refusal).await;
            Stopped::Failed(denied(&refusal))
        }
        Room::Free => Stopped::Failed(Failure::new(FailureKind::Denied, "a guardrail gave no room")),
    }
}

fn denied(refusal: &GuardrailRefusal) -> Failure {
    Failure::new(FailureKind::Denied, refusal.to_string())
}
