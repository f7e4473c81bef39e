//! Performing acts: attempts, timers, the end.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context};
use updraft_kernel::machine::{Act, Event as Happening, StartAttempt, TaskSeq, Timer};
use updraft_kernel::plan::{PlannedAction, PlannedKind};
use updraft_protocol::limits::ATTEMPTS_INLINE;
use updraft_protocol::{Call, ExecutionStatus, Failure, FailureKind, Masking, Sending, Timestamp};

use super::message::Attempted;
use super::{Execution, Report};
use crate::missing::MissingOne;
use crate::secrets::Needed;
use crate::task::Attempt;

impl Execution {
    pub(super) fn perform_all(&mut self, acts: Vec<Act>, ctx: &mut Context<Self>) {
        let mut inline = ATTEMPTS_INLINE;
        for act in acts {
            match act {
                Act::Start(start) => self.start_attempt(*start, &mut inline),
                Act::Stop(task) => self.attempts.retain(|(running, _)| *running != task),
                Act::Arm(timer, at) => self.arm(timer, at, ctx),
                Act::End(status) => self.end(status),
            }
        }
    }

    fn start_attempt(&mut self, start: StartAttempt, inline: &mut usize) {
        let Some(machine) = &self.machine else { return };
        let step = machine.plan().step(start.step);
        let (task, report) = (start.task, Report::of(&self.inbox, start.task, start.attempt));
        let missing = |what: &str| Failure::new(FailureKind::NotConfigured, format!("missing here: {what}"));
        if let PlannedKind::Action(PlannedAction { missing: Some(what), .. }) = &step.kind {
            return report.give(Err(missing(what)));
        }
        let Some(integration) = self.context.integrations.get(&step.integration) else {
            return report.give(Err(missing(&format!("integration \"{}\"", step.integration))));
        };
        let call = Call {
            tenant: self.entry.tenant.clone(),
            peid: self.entry.peid,
            task_id: start.task_id,
            step_id: step.id.clone(),
            action: step.action.clone(),
            attempt: start.attempt,
            arguments: start.arguments,
            secrets: Vec::new(),
            masking: Masking::default(),
            timeout: start.timeout,
            sending: Sending::default(),
        };
        let secrets = &self.context.secrets;
        let others = secrets.unasked(&call.tenant, &machine.plan().secrets);
        // Where a secret is waited for, the machine may stand still meanwhile.
        let waits = !start.secrets.is_empty() || !others.is_empty();
        let lease_check =
            self.context.lease_check.clone().filter(|lease_check| waits || !lease_check.is_current());
        let needed = Needed { lease_check, own: start.secrets, others };
        if let Some(attempt) = Attempt::begin(integration, call, (needed, secrets), report, inline) {
            if self.attempts.is_empty() {
                self.attempts.reserve_exact(1);
            }
            self.attempts.push((task, attempt));
        }
    }

    /// Drops the attempts that were not sent, before the execution is stopped: none of them is sent any more, so that of
    /// no tool it is told that it may have acted where it has not. So with attempts that wait for a commit, and with those
    /// whose report waits and says that the tool has not acted.
    pub(super) fn drop_unsent(&mut self) {
        let Some(machine) = self.machine.as_mut().filter(|machine| !machine.ended()) else { return };
        let committing = self.committing.iter_mut().map(|committing| &mut committing.acts);
        for acts in committing.chain([&mut self.pending.acts]) {
            acts.retain(|act| match act {
                Act::Start(start) => {
                    machine.unsent(start.task);
                    false
                }
                _ => true,
            });
        }
        self.attempts.retain(|(task, attempt)| {
            let unsent = attempt.withdraw();
            if unsent {
                machine.unsent(*task);
            }
            !unsent
        });
        self.inbox.each(|message| {
            if let Some(task) = message.not_acted() {
                machine.unsent(task);
            }
        });
    }

    /// Drops the attempts that were not sent, as the engine shuts down: a later life makes them again.
    pub(super) fn withdraw_unsent(&mut self) {
        let Some(machine) = self.machine.as_mut().filter(|machine| !machine.ended()) else { return };
        let (now, pending) = (self.context.clock.now(), &mut self.pending);
        self.attempts.retain(|(task, attempt)| {
            let unsent = attempt.withdraw();
            if unsent {
                pending.writes.extend(machine.withdraw(*task, now).writes);
            }
            !unsent
        });
    }

    pub(super) fn attempt_ended(&mut self, attempted: Attempted, ctx: &mut Context<Self>) {
        let Attempted { task, attempt, outcome } = attempted;
        if let Some(index) = self.attempts.iter().position(|(running, _)| *running == task) {
            self.attempts.swap_remove(index);
        }
        let outcome = outcome.map_err(|failure| *failure);
        let was_missing = outcome.as_ref().is_err_and(|failure| failure.kind == FailureKind::NotConfigured);
        self.decide(Happening::AttemptEnded { task, attempt, outcome });
        if was_missing || !self.context.missing.is_empty() {
            self.tell_missing(task);
        }
        self.proceed(ctx);
    }

    /// Lists a task that waits for configuration, and no other.
    fn tell_missing(&self, task: TaskSeq) {
        let Some(machine) = &self.machine else { return };
        let Some((id, step)) = machine.name_of(task) else { return };
        match machine.missing(task).and_then(|failure| Some((failure, failure.wait?))) {
            Some((failure, wait)) => {
                let (tenant, what) = (self.entry.tenant.clone(), failure.message.clone());
                let (peid, step) = (self.entry.peid, step.clone());
                self.context.missing.add(id, MissingOne { tenant, peid, step, what, wait });
            }
            None => self.context.missing.remove(id),
        }
    }

    fn arm(&mut self, timer: Timer, at: Timestamp, ctx: &mut Context<Self>) {
        let wait = Duration::from_millis(at.since(self.context.clock.now()));
        ctx.run_later(wait, move |execution, ctx| execution.apply(Happening::TimerDue(timer), ctx));
    }

    fn end(&mut self, status: ExecutionStatus) {
        let Some(machine) = &self.machine else { return };
        metrics::counter!("updraft_executions_ended_total", "status" => status.as_str()).increment(1);
        tracing::info!(%status, runtime_ms = machine.document().state.playbook_runtime, "execution ended");
        self.context.missing.remove_all(self.entry.peid);
        self.context.registry.remove_when_stored(self.entry.peid, self.lsn);
        let _ = self.entry.settle(Ok(Arc::new(machine.document())));
        metrics::gauge!("updraft_executions_in_flight").set(self.context.admission.in_use() as f64);
    }
}
