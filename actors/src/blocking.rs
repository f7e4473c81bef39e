//! Tools whose calls block: each has threads of its own, on which its calls are made, so that it holds up itself alone. A call
//! waits for a thread before it is sent. Stops no call: one that does not return has its thread until it does.

mod threads;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use updraft_protocol::{
    ActionSpec, Answer, Call, CallPermit, Effect, Failure, FailureKind, Flaw, Held, Integration, Json, Name,
    PermitFuture, PermitRequest, TenantCode, Value,
};

use crate::polling::PolledCall;
use threads::ThreadCall;
pub(crate) use threads::ToolThreads;

/// A tool, called on threads of its own.
pub(crate) struct BlockingTool {
    tool: Arc<dyn Integration>,
    threads: Arc<ToolThreads>,
}

/// Threads of a tool that are held by calls whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldThreads {
    /// How many.
    pub held: usize,
    /// Of how many.
    pub threads: usize,
    /// The call that is held longest.
    pub longest: PolledCall,
    /// For how long that runs.
    pub running: Duration,
}

impl BlockingTool {
    /// The tool of this name, with so many threads.
    pub(crate) fn new(name: Name, tool: Arc<dyn Integration>, threads: usize) -> Self {
        Self { tool, threads: ToolThreads::new(name, threads) }
    }

    /// Its threads, for whoever watches them.
    pub(crate) fn threads(&self) -> Arc<ToolThreads> {
        self.threads.clone()
    }

    async fn call_on_thread(&self, call: Call) -> Result<Json, Failure> {
        // The place was obtained before the intent of the call was written, unless the call has none.
        let place: Held = match call.permit.take() {
            Some(place) => place,
            None => Box::new(self.threads.place().await?),
        };
        let says_sending = self.tool.spec(call.action.as_str()).says_sending;
        let (answer, answered) = oneshot::channel();
        let call = ThreadCall { tool: self.tool.clone(), call, says_sending, answer, place };
        self.threads.run(call)?;
        answered.await.unwrap_or_else(|_| {
            Err(Failure::new(FailureKind::Interrupted, "the thread of the call ended without an answer"))
        })
    }
}

impl Drop for BlockingTool {
    fn drop(&mut self) {
        self.threads.close();
    }
}

impl Integration for BlockingTool {
    fn actions(&self) -> &[&str] {
        self.tool.actions()
    }

    fn spec(&self, action: &str) -> ActionSpec {
        ActionSpec { says_sending: true, takes_permit: true, ..self.tool.spec(action) }
    }

    fn effect(&self, action: &str, arguments: &Value) -> Effect {
        self.tool.effect(action, arguments)
    }

    fn may_change(&self, action: &str, arguments: &Value) -> bool {
        self.tool.may_change(action, arguments)
    }

    fn check(&self, action: &str, arguments: &Value) -> Vec<Flaw> {
        self.tool.check(action, arguments)
    }

    fn version(&self) -> Option<u32> {
        self.tool.version()
    }

    fn uses_files(&self, action: &str, arguments: &Value) -> bool {
        self.tool.uses_files(action, arguments)
    }

    fn shared_by(&self, tenant: &TenantCode) -> Option<Json> {
        self.tool.shared_by(tenant)
    }

    fn is_shared(&self) -> bool {
        self.tool.is_shared()
    }

    fn answer_key(&self, tenant: &TenantCode, action: &str, arguments: &Value) -> Option<Json> {
        self.tool.answer_key(tenant, action, arguments)
    }

    fn missing_for(&self, base: &str) -> Option<String> {
        self.tool.missing_for(base)
    }

    fn permit(&self, _: &PermitRequest<'_>) -> Option<PermitFuture> {
        let threads = self.threads.clone();
        Some(Box::pin(async move { Ok(CallPermit::new(threads.place().await?)) }))
    }

    fn blocking_threads(&self) -> Option<usize> {
        self.tool.blocking_threads()
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(self.call_on_thread(call))
    }
}

#[cfg(test)]
mod tests;
