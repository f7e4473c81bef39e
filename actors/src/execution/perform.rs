//! Performing acts: permits, attempts, timers, the end.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context};
use updraft_kernel::execution::ExecutionEvent;
use updraft_kernel::machine::{Act, StartAttempt, TaskSeq, Timer};
use updraft_kernel::plan::PlannedAction;
use updraft_protocol::{
    Call, CallFiles, ExecutionStatus, Failure, FailureKind, Integration, Masking, Sending, Timestamp, Value,
};

use super::{Execution, Report};
use crate::call_files::{AttemptFiles, SharedFiles};
use crate::gates::GatePass;
use crate::missing::MissingOne;
use crate::secrets::Needed;
use crate::task::Attempt;

impl Execution {
    pub(super) fn perform(&mut self, act: Act, inline: &mut usize, ctx: &mut Context<Self>) {
        match act {
            Act::Acquire(task) => self.acquire_or_look_up(task),
            Act::Start(start) => self.start_attempt(*start, inline),
            Act::Stop(task) => {
                self.attempts.retain(|(running, _)| *running != task);
                self.look_ups.drop_attempt(task);
                self.caps.end(task, None);
                self.release_lock_of(task);
            }
            Act::StopWaiting(task) => {
                self.permits.give_up(task);
                self.look_ups.leave(task);
                self.lock_lines.leave(task);
                self.context.target_locks.release(self.entry.peid, task);
            }
            Act::Unlock(owner) => self.unlock(owner),
            Act::StartChild(start) => {
                self.lend_locks(&start.parent);
                if let Some(machine) = self.machine() {
                    self.children.start(machine.head().clone(), *start);
                }
            }
            Act::StopChild(task) => self.children.stop((&self.entry.tenant, self.entry.peid), task),
            Act::Arm(timer, at) => self.arm(timer, at, ctx),
            Act::End(status) => self.end(status),
        }
    }

    fn start_attempt(&mut self, start: StartAttempt, inline: &mut usize) {
        let mut permit = self.permits.take(start.task_id);
        self.look_ups.made(start.task_id, start.task);
        self.caps.begin(start.task, permit.caps.take());
        let Some(machine) = self.machine() else { return };
        let step = machine.plan().step(start.step);
        let (task, report) = (start.task, Report::of(&self.inbox, start.task, start.call));
        let missing = |what: &str| Failure::new(FailureKind::NotConfigured, format!("missing here: {what}"));
        // Always an action: nothing else has attempts.
        let Some(action) = PlannedAction::of(step) else {
            return report.give(Err(Failure::new(FailureKind::Playbook, "the step calls no tool")));
        };
        if let Some(what) = &action.missing {
            return report.give(Err(missing(what)));
        }
        let Some(integration) = self.context.tools.get(&step.integration, action.version) else {
            return report.give(Err(missing(&format!("integration \"{}\"", step.integration))));
        };
        let told = self.tool_call(step, action, &start.arguments);
        let mut place = None;
        if !permit.pass.as_ref().is_some_and(|pass| pass.is_of_tool())
            && let Some(turn) = self.context.gates.late_turn(&told)
        {
            match turn.try_pass() {
                Ok(pass) => permit.pass = Some(GatePass::at_tool_as(permit.pass.take(), pass)),
                Err(waiting) => place = Some(waiting),
            }
        }
        let told = self.context.gates.report(&told, permit.pass, start.attempt);
        let files = self.files_of(integration.as_ref(), step.action.as_str(), &start.arguments);
        let mut call = Call {
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
            permit: permit.of_integration,
            files: CallFiles::default(),
        };
        if let Some(files) = &files {
            call.files = CallFiles::new(Arc::new(SharedFiles(files.clone())));
        }
        let secrets = &self.context.secrets;
        let others = secrets.unasked(&call.tenant, &machine.plan().secrets);
        // While a secret is awaited, the machine may be suspended.
        let waits = !start.secrets.is_empty() || !others.is_empty();
        let lease_check =
            self.context.lease_check.clone().filter(|lease_check| waits || !lease_check.is_current());
        let needed = Needed { lease_check, own: start.secrets, others };
        let of = (integration, &step.integration, &self.tasks);
        if let Some(attempt) =
            Attempt::begin(of, (call, told, files), (needed, place, secrets), report, inline)
        {
            if self.attempts.is_empty() {
                self.attempts.reserve_exact(1);
            }
            self.attempts.push((task, attempt));
        }
    }

    /// The files of this execution, for an attempt that writes or reads some.
    fn files_of(
        &self,
        integration: &dyn Integration,
        action: &str,
        arguments: &Value,
    ) -> Option<Arc<AttemptFiles>> {
        let store = self.context.files.as_ref().filter(|_| integration.uses_files(action, arguments))?;
        let of = (&self.entry.tenant, self.entry.peid);
        Some(AttemptFiles::new(store, of, &self.context.secrets))
    }

    /// Ends the waits for permits and drops the attempts that were not sent. Reports these, and the attempts whose end
    /// without their tool acting is already in the inbox.
    pub(super) fn withdraw(&mut self, now: Timestamp) {
        self.permits.stop_waiting();
        self.look_ups.stop_waiting();
        self.lock_lines.clear();
        let (mut unsent, mut not_acted) = (Vec::new(), Vec::new());
        self.attempts.retain(|(task, attempt)| {
            let withdrawn = attempt.withdraw();
            if withdrawn {
                self.caps.withdraw(*task);
                self.look_ups.drop_attempt(*task);
                unsent.push(*task);
            }
            !withdrawn
        });
        self.inbox.each(|message| not_acted.extend(message.not_acted()));
        if let Some(execution) = &mut self.execution {
            execution.on(ExecutionEvent::Withdrawn { unsent, not_acted }, now);
        }
    }

    /// Updates the list of tasks that wait for configuration.
    pub(super) fn update_missing(&self, task: TaskSeq) {
        let Some(machine) = self.machine() else { return };
        let Some((id, step)) = machine.name_of(task) else { return };
        match machine.missing(task) {
            Some((failure, wait)) => {
                let (since, until) = (wait.since, wait.until.unwrap_or(wait.since));
                let (tenant, what) = (self.entry.tenant.clone(), failure.message.clone());
                let (peid, step) = (self.entry.peid, step.clone());
                self.context.missing.add(id, MissingOne { tenant, peid, step, what, since, until });
            }
            None => self.context.missing.remove(id),
        }
    }

    fn arm(&mut self, timer: Timer, at: Timestamp, ctx: &mut Context<Self>) {
        let wait = Duration::from_millis(at.since(self.context.clock.now()));
        ctx.run_later(wait, move |execution, ctx| execution.on(ExecutionEvent::TimerDue(timer), ctx));
    }

    fn end(&mut self, status: ExecutionStatus) {
        let Some(execution) = &self.execution else { return };
        let machine = execution.machine();
        metrics::counter!("updraft_executions_ended_total", "status" => status.as_str()).increment(1);
        tracing::info!(%status, runtime_ms = machine.document().state.playbook_runtime, "execution ended");
        self.context.missing.remove_all(self.entry.peid);
        self.context.registry.remove_when_stored(self.entry.peid, execution.lsn());
    }
}
