//! Permits: obtains the permits that calls of an execution need before their intents are written. Owns the waits for
//! permits, and the permits of calls that are not made yet; dropped, both are given back. Decides nothing.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use updraft_kernel::execution::ExecutionEvent;
use updraft_kernel::machine::Machine;
use updraft_kernel::plan::{PlannedAction, PlannedStep};
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::{CallPermit, Failure, FailureKind, PermitRequest, Span, TaskId, Value};

use super::Execution;
use super::message::{Incoming, WaitReport};
use crate::gates::{GatePass, GateTurn, ToolCall};
use crate::guardrails::CapGrants;
use crate::statistics::{CallStatistics, WaitingCall};
use crate::task::panicked;

/// The permits of one execution: waited for, or granted to calls that are not made yet.
#[derive(Default)]
pub(super) struct CallPermits(Vec<(TaskId, PermitState)>);

enum PermitState {
    Waiting {
        _task: PermitWait,
    },
    /// With others, for a lock that one owner has for all of them.
    InLine,
    Granted(HeldPermit),
}

/// What a call has that may be made: its pass of the gate, where its tool has limits, and the permit of its integration.
#[derive(Default)]
pub(crate) struct HeldPermit {
    pub(crate) pass: Option<Box<GatePass>>,
    pub(crate) of_integration: CallPermit,
    /// What it has taken of the caps of guardrails; `None` if they are to be asked in the turn that writes its intent.
    pub(crate) caps: Option<CapGrants>,
}

impl HeldPermit {
    fn passed(pass: Option<Box<GatePass>>) -> Self {
        Self { pass, ..Self::default() }
    }
}

/// The task that waits for a permit or a lock, which its drop ends.
pub(super) struct PermitWait(AbortHandle);

impl Drop for PermitWait {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A permit, or why it is refused.
pub(super) type Permitted = Result<HeldPermit, Failure>;

/// The wait for a permit.
type PermitWaiting = Pin<Box<dyn Future<Output = Result<CallPermit, Failure>>>>;

impl CallPermits {
    /// Ends all waits; granted permits are kept.
    pub(super) fn stop_waiting(&mut self) {
        self.0.retain(|(_, state)| matches!(state, PermitState::Granted(_)));
    }

    /// The permit of a call that is made now.
    pub(super) fn take(&mut self, task: TaskId) -> HeldPermit {
        match self.remove(task) {
            Some(PermitState::Granted(permit)) => permit,
            _ => HeldPermit::default(),
        }
    }

    /// The call is not made: its wait ends, and its permit is given back.
    pub(super) fn give_up(&mut self, task: TaskId) {
        drop(self.remove(task));
    }

    /// The call waits no more, if it did.
    pub(super) fn stop(&mut self, task: TaskId) -> bool {
        matches!(self.remove(task), Some(PermitState::Waiting { .. } | PermitState::InLine))
    }

    /// The call stands in line for a lock.
    pub(super) fn stand_in_line(&mut self, task: TaskId) {
        self.0.push((task, PermitState::InLine));
    }

    fn remove(&mut self, task: TaskId) -> Option<PermitState> {
        let at = self.0.iter().position(|(of, _)| *of == task)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl Execution {
    /// Obtains the permit of a call that guardrails let pass: at once if it is free, else the call waits for it. At the gate
    /// of its tool it waits for as long as it takes, which its step and its execution limit. `caps` is what it has taken of those of
    /// guardrails, if they need not be asked again where it does not wait.
    pub(super) fn acquire_place(&mut self, task: TaskId, caps: Option<CapGrants>) {
        let turn = match self.turn(task) {
            None => return self.acquire_of_integration(task, HeldPermit { caps, ..HeldPermit::default() }),
            Some(Err(failure)) => return self.permitted(task, Err(failure)),
            Some(Ok(turn)) => turn,
        };
        let turn = match turn.pass() {
            Ok(pass) => {
                return self
                    .acquire_of_integration(task, HeldPermit { caps, ..HeldPermit::passed(Some(pass)) });
            }
            Err(turn) => turn,
        };
        let mut passed = Box::pin(turn.passed());
        match passed.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(pass)) => self.acquire_of_integration(task, HeldPermit::passed(Some(pass))),
            Poll::Ready(Err(failure)) => self.permitted(task, Err(failure)),
            Poll::Pending => {
                let waiting = self.waiting_call(task);
                self.wait(task, async move { Incoming::Passed(task, counted(waiting, passed.await)) });
            }
        }
    }

    /// The call has passed the gate of its tool; if it no longer waits, its place is given back.
    pub(super) fn passed(&mut self, task: TaskId, pass: Result<Box<GatePass>, Failure>) {
        if let Some(PermitState::Waiting { .. }) = self.permits.remove(task) {
            match pass {
                Ok(pass) => self.acquire_of_integration(task, HeldPermit::passed(Some(pass))),
                Err(failure) => self.permitted(task, Err(failure)),
            }
        }
    }

    fn acquire_of_integration(&mut self, task: TaskId, held: HeldPermit) {
        let mut permit = match self.ask_for_permit(task) {
            Ok(permit) => permit,
            Err(failure) => return self.permitted(task, Err(failure)),
        };
        match permit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permitted) => {
                self.permitted(task, permitted.map(|of_integration| HeldPermit { of_integration, ..held }));
            }
            Poll::Pending => {
                let (waiting, pass) = (self.waiting_call(task), held.pass);
                self.wait(task, async move {
                    let permitted = timeout(ATTEMPT_UNSENT, permit).await.unwrap_or_else(|_| {
                        let message = format!("no permit within {}", Span(ATTEMPT_UNSENT));
                        Err(Failure::new(FailureKind::Unreachable, message))
                    });
                    let held = permitted
                        .map(|of_integration| HeldPermit { of_integration, ..HeldPermit::passed(pass) });
                    Incoming::Permitted(task, counted(waiting, held))
                });
            }
        }
    }

    /// Has a call wait for what it is told then.
    pub(super) fn wait(&mut self, task: TaskId, told: impl Future<Output = Incoming> + 'static) {
        let wait = self.wait_apart(told);
        self.permits.0.push((task, PermitState::Waiting { _task: wait }));
    }

    /// Has the execution told something, unless what is given is dropped before.
    pub(super) fn wait_apart(&self, told: impl Future<Output = Incoming> + 'static) -> PermitWait {
        let report = WaitReport::of(&self.inbox);
        let waiting = actix::spawn(async move { report.give(told.await) });
        PermitWait(waiting.abort_handle())
    }

    /// The wait for a permit is over; if the call no longer waits, the permit is given back.
    pub(super) fn waited(&mut self, task: TaskId, permitted: Permitted) {
        if let Some(PermitState::Waiting { .. }) = self.permits.remove(task) {
            self.permitted(task, permitted);
        }
    }

    /// The call has its permit, or is refused it: guardrails are asked once more, in the turn that writes its intent.
    pub(super) fn permitted(&mut self, task: TaskId, permitted: Permitted) {
        if let (Err(failure), Some(calls)) = (&permitted, self.calls_of(task)) {
            calls.refused(failure.kind);
        }
        if let Some(permitted) = self.guarded_permit(task, permitted) {
            self.permitted_finally(task, permitted);
        }
    }

    /// Nothing is asked about the call any more.
    pub(super) fn permitted_finally(&mut self, task: TaskId, permitted: Permitted) {
        let outcome = permitted.map(|permit| self.permits.0.push((task, PermitState::Granted(permit))));
        self.acquired(task, outcome);
    }

    /// What waited has all that it needs, or is refused it.
    pub(super) fn acquired(&mut self, task: TaskId, outcome: Result<(), Failure>) {
        if outcome.is_err() {
            self.look_ups.leave(task);
        }
        let now = self.context.clock.now();
        if let Some(execution) = &mut self.execution {
            execution.on(ExecutionEvent::Acquired { task, outcome }, now);
        }
    }

    /// The statistics of the tool that a waiting call is of.
    fn calls_of(&self, task: TaskId) -> Option<&Arc<CallStatistics>> {
        let machine = self.machine()?;
        let (step, _) = machine.waiting_call(task)?;
        Some(self.context.statistics.of(&machine.plan().step(step).integration))
    }

    /// Counts a call as waiting for a place.
    fn waiting_call(&self, task: TaskId) -> Option<WaitingCall> {
        let class = self.context.quotas.class(&self.entry.tenant);
        self.calls_of(task).map(|calls| calls.waits(class))
    }

    /// The turn of a call at the gate of its tool, if that has limits or does not work.
    fn turn(&self, task: TaskId) -> Option<Result<GateTurn, Failure>> {
        let machine = self.machine()?;
        let (step, arguments) = machine.waiting_call(task)?;
        let step = machine.plan().step(step);
        self.context.gates.enter(self.tool_call(step, PlannedAction::of(step)?, arguments))
    }

    /// The call of a step with these arguments, as gates know it.
    pub(super) fn tool_call<'a>(
        &'a self,
        step: &'a PlannedStep,
        action: &'a PlannedAction,
        arguments: &Value,
    ) -> ToolCall<'a> {
        ToolCall {
            integration: &step.integration,
            host: action.host(arguments),
            tenant: &self.entry.tenant,
            order: (
                self.context.quotas.weight(&self.entry.tenant),
                self.machine().map(Machine::priority).unwrap_or_default(),
            ),
            secrets: &action.secrets,
            fails_when_open: action.fails_when_open,
        }
    }

    /// If the call needs no permit, or its integration is missing, the call goes ahead; a missing integration fails it
    /// then.
    fn ask_for_permit(&self, task: TaskId) -> Result<PermitWaiting, Failure> {
        let ask = || {
            let machine = self.machine()?;
            let (step, arguments) = machine.waiting_call(task)?;
            let step = machine.plan().step(step);
            let version = PlannedAction::of(step)?.version;
            let integration = self.context.tools.get(&step.integration, version)?;
            let (tenant, action) = (&self.entry.tenant, &step.action);
            integration.permit(&PermitRequest { tenant, action, arguments })
        };
        Ok(match catch_unwind(AssertUnwindSafe(ask)).map_err(panicked)? {
            None => Box::pin(std::future::ready(Ok(CallPermit::default()))),
            Some(permit) => {
                let permit = AssertUnwindSafe(permit).catch_unwind();
                Box::pin(permit.map(|permitted| permitted.unwrap_or_else(|panic| Err(panicked(panic)))))
            }
        })
    }
}

/// A wait for a place is over: how long it took counts where the place was got.
fn counted<T>(waiting: Option<WaitingCall>, outcome: Result<T, Failure>) -> Result<T, Box<Failure>> {
    if let (Some(waiting), Ok(_)) = (waiting, &outcome) {
        waiting.passed();
    }
    outcome.map_err(Box::new)
}
