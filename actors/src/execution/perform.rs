//! Performing acts: attempts, timers, the end.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::sync::oneshot;
use updraft_kernel::machine::{Act, Event as Happening, StartAttempt, TaskSeq, Timer};
use updraft_protocol::{Call, ExecutionStatus, Failure, FailureKind, Json, Timestamp};

use super::Execution;
use crate::task::Task;

impl Execution {
    pub(super) fn perform_all(&mut self, acts: Vec<Act>, ctx: &mut Context<Self>) {
        for act in acts {
            match act {
                Act::Start(start) => self.start_attempt(*start, ctx),
                Act::Stop(task) => self.stop_attempt(task, ctx),
                Act::Arm(timer, at) => self.arm(timer, at, ctx),
                Act::End(status) => self.end(status),
            }
        }
    }

    fn start_attempt(&mut self, start: StartAttempt, ctx: &mut Context<Self>) {
        let Some(machine) = &self.machine else { return };
        let step = machine.plan().step(start.step);
        let call = Call {
            tenant: self.live.tenant.clone(),
            peid: self.live.peid,
            task_id: start.task_id,
            step_id: step.id.clone(),
            action: step.action.clone(),
            attempt: start.attempt,
            arguments: start.arguments,
            timeout: start.timeout,
        };
        let (task, attempt) = (start.task, start.attempt);
        let (report, reported) = oneshot::channel();
        match self.core.integrations.get(&step.integration) {
            Some(integration) => Task::start_attempt(integration.clone(), call, report),
            None => {
                let message = format!("no integration \"{}\"", step.integration);
                let _ = report.send(Err(Failure::new(FailureKind::InvalidArguments, message)));
            }
        }
        let ended = reported.into_actor(self).map(move |reported, execution: &mut Self, ctx| {
            let died = || Failure::new(FailureKind::Panic, "the task's actor died");
            execution.attempt_ended(task, attempt, reported.unwrap_or_else(|_| Err(died())), ctx);
        });
        let handle = ctx.spawn(ended);
        self.attempts.push((task, handle));
    }

    fn attempt_ended(
        &mut self,
        task: TaskSeq,
        attempt: u32,
        outcome: Result<Json, Failure>,
        ctx: &mut Context<Self>,
    ) {
        let span = self.span.clone();
        let _entered = span.enter();
        self.attempts.retain(|(running, _)| *running != task);
        self.apply(Happening::AttemptEnded { task, attempt, outcome }, ctx);
    }

    fn stop_attempt(&mut self, task: TaskSeq, ctx: &mut Context<Self>) {
        if let Some(index) = self.attempts.iter().position(|(running, _)| *running == task) {
            let (_, handle) = self.attempts.swap_remove(index);
            ctx.cancel_future(handle);
        }
    }

    fn arm(&mut self, timer: Timer, at: Timestamp, ctx: &mut Context<Self>) {
        let wait = Duration::from_millis(at.since(self.core.clock.now()));
        ctx.run_later(wait, move |execution, ctx| execution.apply(Happening::TimerDue(timer), ctx));
    }

    fn end(&mut self, status: ExecutionStatus) {
        let Some(machine) = &self.machine else { return };
        metrics::counter!("updraft_executions_ended_total", "status" => status.as_str()).increment(1);
        tracing::info!(%status, runtime_ms = machine.document().state.playbook_runtime, "execution ended");
        self.core.registry.remove_when_stored(self.live.peid, self.lsn);
        let _ = self.live.settle(Ok(Arc::new(machine.document())));
        metrics::gauge!("updraft_executions_in_flight").set(self.core.places.in_use() as f64);
    }
}
