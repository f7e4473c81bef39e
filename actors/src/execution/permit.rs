//! Permits: gets the places that calls of an execution need before their intents are written. Owns who stands in line, and what
//! was given to calls that are not made yet; dropped, both are given back. Decides nothing.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use updraft_kernel::execution::ExecutionEvent;
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::{CallPermit, Failure, FailureKind, PermitRequest, Span, TaskId};

use super::Execution;
use super::message::Incoming;
use crate::task::panicked;

/// The calls of one execution that wait for a place, or have one and are not made yet.
#[derive(Default)]
pub(super) struct Line(Vec<(TaskId, Standing)>);

enum Standing {
    Waits { _task: Waiting },
    Has(CallPermit),
}

/// The task that waits for a place, which its drop ends.
struct Waiting(AbortHandle);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A place, or why there is none.
type Permitted = Result<CallPermit, Failure>;

impl Line {
    /// Who waits leaves; who has a place keeps it.
    pub(super) fn leave(&mut self) {
        self.0.retain(|(_, standing)| matches!(standing, Standing::Has(_)));
    }

    /// The place of a call that is made now.
    pub(super) fn take(&mut self, task: TaskId) -> CallPermit {
        match self.remove(task) {
            Some(Standing::Has(permit)) => permit,
            _ => CallPermit::default(),
        }
    }

    fn remove(&mut self, task: TaskId) -> Option<Standing> {
        let at = self.0.iter().position(|(standing, _)| *standing == task)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl Execution {
    /// Gets the place of a call: at once where it is free, else the call waits for it.
    pub(super) fn acquire(&mut self, task: TaskId) {
        let mut permit = match self.ask_for_permit(task) {
            Ok(permit) => permit,
            Err(failure) => return self.permitted(task, Err(failure)),
        };
        match permit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permitted) => self.permitted(task, permitted),
            Poll::Pending => {
                let inbox = Rc::clone(&self.inbox);
                let waiting = actix::spawn(async move {
                    let permitted = timeout(ATTEMPT_UNSENT, permit).await.unwrap_or_else(|_| {
                        let message = format!("no place within {}", Span(ATTEMPT_UNSENT));
                        Err(Failure::new(FailureKind::Unreachable, message))
                    });
                    inbox.put(Incoming::Permitted(task, permitted.map_err(Box::new)));
                });
                self.line.0.push((task, Standing::Waits { _task: Waiting(waiting.abort_handle()) }));
            }
        }
    }

    /// The place of a call that waited has come; of one that has left the line, it is given back.
    pub(super) fn waited(&mut self, task: TaskId, permitted: Permitted) {
        if let Some(Standing::Waits { .. }) = self.line.remove(task) {
            self.permitted(task, permitted);
        }
    }

    fn permitted(&mut self, task: TaskId, permitted: Permitted) {
        let outcome = permitted.map(|permit| self.line.0.push((task, Standing::Has(permit))));
        let now = self.context.clock.now();
        if let Some(execution) = &mut self.execution {
            execution.on(ExecutionEvent::Acquired { task, outcome }, now);
        }
    }

    /// Where no place is needed, or nobody is there to give it, the call is made, and reports what is wrong.
    fn ask_for_permit(&self, task: TaskId) -> Result<Pin<Box<dyn Future<Output = Permitted>>>, Failure> {
        let ask = || {
            let machine = self.machine()?;
            let (step, arguments) = machine.waiting_call(task)?;
            let step = machine.plan().step(step);
            let integration = self.context.integrations.get(&step.integration)?;
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
